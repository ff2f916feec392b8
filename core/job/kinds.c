/*
 * The table of job kinds: one row says everything that the server must know to accept a job of that
 * kind and that the worker must know to read it. What the worker then does is in run/, by kind.
 */
#include "checks.h"
#include "rows.h"

static const char *const selftest_fails[] = {
	[SELFTEST_NONE] = "none",
	[SELFTEST_CRASH] = "crash",
	[SELFTEST_HANG] = "hang",
	[SELFTEST_MEMORY] = "memory",
	[SELFTEST_EXIT] = "exit",
	NULL,
};

/* clang-format off */
static const struct json_field selftest_fields[] = {
	{ "text",    FIELD_TEXT,  offsetof(struct selftest, text),    0, SELFTEST_TEXT_MAX, true },
	{ "steps",   FIELD_NUMBER, offsetof(struct selftest, steps),   1, 1000, false },
	{ "step_ms", FIELD_NUMBER, offsetof(struct selftest, step_ms), 0, 5000, false },
	{ "fail",    FIELD_WORD,  offsetof(struct selftest, fail),    0, 0, false, selftest_fails },
};
static const struct selftest selftest_defaults = { .text = { "", 0 }, .steps = 10 };
static const struct job_input selftest_inputs[] = {
	{ "text", JOB_FROM_PARAMETER, offsetof(struct selftest, text), SELFTEST_TEXT_MAX },
};

const char *const job_order_words[] = {
	[JOB_ORDER_AUTO] = "auto",
	[JOB_ORDER_FIRST] = "channels-first",
	[JOB_ORDER_LAST] = "channels-last",
	NULL,
};
const char *const job_loss_words[] = {
	[JOB_LOSS_ENTROPY] = "cross-entropy",
	[JOB_LOSS_BINARY] = "binary-cross-entropy",
	[JOB_LOSS_SQUARES] = "squared-error",
	[JOB_LOSS_MASK] = "mask",
	NULL,
};
const char *const job_answer_words[] = {
	[JOB_OUTPUT_AUTO] = "auto",
	[JOB_OUTPUT_LOGITS] = "logits",
	[JOB_OUTPUT_PROBABILITIES] = "probabilities",
	[JOB_OUTPUT_LOGS] = "log-probabilities",
	NULL,
};
static const char *const optimisers[] = {
	[JOB_SGD] = "sgd",
	[JOB_ADAM] = "adam",
	[JOB_ADAMW] = "adamw",
	NULL,
};
static const char *const schedules[] = {
	[JOB_CONSTANT] = "constant",
	[JOB_COSINE] = "cosine",
	[JOB_STEPS] = "steps",
	[JOB_ONE_CYCLE] = "one-cycle",
	NULL,
};
static const char *const initials[] = {
	[JOB_KEEP] = "keep",
	[JOB_HE] = "he",
	[JOB_XAVIER] = "xavier",
	NULL,
};

static const struct json_field evaluate_fields[] = {
	NETWORK_FIELDS(struct evaluate),
	{ "model",   FIELD_TEXT, offsetof(struct evaluate, model),   0, ID_MAX - 1 },
	{ "dataset", FIELD_TEXT, offsetof(struct evaluate, dataset), 0, ID_MAX - 1 },
};
static const struct evaluate evaluate_defaults = {
	.network = NETWORK_DEFAULTS(64), .model = { "", 0 }, .dataset = { "", 0 },
};
static const struct job_input evaluate_inputs[] = {
	FROM_MODEL("model", struct evaluate, model, false),
	FROM_DATASET("samples", "samples", struct evaluate, dataset, false),
	FROM_DATASET("labels", "labels", struct evaluate, dataset, true),
};

static const struct json_field train_fields[] = {
	NETWORK_FIELDS(struct train),
	{ "name",         FIELD_TEXT,   offsetof(struct train, name),      0, 128 },
	{ "model",        FIELD_TEXT,   offsetof(struct train, model),     0, ID_MAX - 1 },
	{ "dataset",      FIELD_TEXT,   offsetof(struct train, dataset),   0, ID_MAX - 1 },
	{ "test",         FIELD_TEXT,   offsetof(struct train, test),      0, ID_MAX - 1 },
	{ "save_seconds", FIELD_NUMBER, offsetof(struct train, save_seconds), 1, 3600 },
	{ "epochs",       FIELD_NUMBER, offsetof(struct train, epochs),    1, EPOCHS_MAX },
	{ "seed",         FIELD_NUMBER, offsetof(struct train, seed),      0, INT64_MAX },
	{ "initial",      FIELD_WORD,   offsetof(struct train, initial),   .words = initials },
	{ "optimiser",    FIELD_WORD,   offsetof(struct train, optimiser), .words = optimisers },
	{ "rate",         FIELD_REAL,   offsetof(struct train, rate) },
	{ "momentum",     FIELD_REAL,   offsetof(struct train, momentum) },
	{ "nesterov",     FIELD_BOOL,   offsetof(struct train, nesterov) },
	{ "beta2",        FIELD_REAL,   offsetof(struct train, beta2) },
	{ "epsilon",      FIELD_REAL,   offsetof(struct train, epsilon) },
	{ "decay",        FIELD_REAL,   offsetof(struct train, decay) },
	{ "clip",         FIELD_REAL,   offsetof(struct train, clip) },
	{ "schedule",     FIELD_WORD,   offsetof(struct train, schedule),  .words = schedules },
	{ "warmup",       FIELD_REAL,   offsetof(struct train, warmup) },
	{ "every",        FIELD_NUMBER, offsetof(struct train, every),     0, EPOCHS_MAX },
	{ "factor",       FIELD_REAL,   offsetof(struct train, factor) },
	{ "start",        FIELD_REAL,   offsetof(struct train, start) },
	{ "end",          FIELD_REAL,   offsetof(struct train, end) },
	{ "momentum_low", FIELD_REAL,   offsetof(struct train, momentum_low) },
	{ "crop",         FIELD_NUMBER, offsetof(struct train, crop),      0, 1000 },
	{ "flip",         FIELD_BOOL,   offsetof(struct train, flip) },
};
static const struct train train_defaults = {
	.network = NETWORK_DEFAULTS(128),
	.name = { "", 0 }, .model = { "", 0 }, .dataset = { "", 0 }, .test = { "", 0 },
	.save_seconds = 120, .epochs = 10, .seed = 1, .schedule = JOB_ONE_CYCLE,
	.momentum = 0.9, .nesterov = true, .beta2 = 0.999, .epsilon = 1e-8, .decay = 5e-4,
	.warmup = 0.2, .factor = 0.1, .start = 20, .end = 500,
};
static const struct job_input train_inputs[] = {
	FROM_MODEL("model", struct train, model, false),
	FROM_DATASET("samples", "samples", struct train, dataset, false),
	FROM_DATASET("labels", "labels", struct train, dataset, true),
	FROM_DATASET("test_samples", "samples", struct train, test, true),
	FROM_DATASET("test_labels", "labels", struct train, test, true),
};
/* A save holds the weights, what the optimiser knows of each, and little else. */
static const struct job_output train_outputs[] = {
	{ "content", MODEL_MAX },
	{ "save_0", 4 * MODEL_MAX, true },
	{ "save_1", 4 * MODEL_MAX, true },
};

static const struct json_field describe_fields[] = {
	{ "model",         FIELD_TEXT, offsetof(struct describe, model),   0, ID_MAX - 1 },
	{ "dataset",       FIELD_TEXT, offsetof(struct describe, dataset), 0, ID_MAX - 1 },
	{ "samples_entry", FIELD_TEXT, offsetof(struct describe, samples_entry), 0, ENTRY_MAX },
	{ "labels_entry",  FIELD_TEXT, offsetof(struct describe, labels_entry),  0, ENTRY_MAX },
};
static const struct describe describe_defaults = {
	{ "", 0 }, { "", 0 }, { "", 0 }, { "", 0 },
};
static const struct job_input describe_inputs[] = {
	FROM_MODEL("model", struct describe, model, true),
	FROM_DATASET("samples", "samples", struct describe, dataset, true),
	FROM_DATASET("labels", "labels", struct describe, dataset, true),
};

static const char *const locks[] = {
	[JOB_LOCK_SEALED] = "sealed",
	[JOB_LOCK_ADVPARAMS] = "advparams",
	[JOB_LOCK_BOTH] = "both",
	[JOB_LOCK_AUTO] = "auto",
	NULL,
};
const char *const job_mode_words[] = {
	[JOB_POOLED] = "pooled",
	[JOB_GREEDY] = "greedy",
	[JOB_SIGNED_GREEDY] = "signed-greedy",
	NULL,
};
static const char *const efforts[] = {
	[JOB_NONE] = "none",
	[JOB_QUICK] = "quick",
	[JOB_FULL] = "full",
	NULL,
};

static const struct json_field protect_fields[] = {
	NETWORK_FIELDS(struct protect),
	{ "release",    FIELD_TEXT,   offsetof(struct protect, release), 0, ID_MAX - 1 },
	{ "name",       FIELD_TEXT,   offsetof(struct protect, name),    0, 128 },
	{ "model",      FIELD_TEXT,   offsetof(struct protect, model),   0, ID_MAX - 1 },
	{ "dataset",    FIELD_TEXT,   offsetof(struct protect, dataset), 0, ID_MAX - 1 },
	{ "test",       FIELD_TEXT,   offsetof(struct protect, test),    0, ID_MAX - 1 },
	{ "lock",       FIELD_WORD,   offsetof(struct protect, lock),    .words = locks },
	{ "mode",       FIELD_WORD,   offsetof(struct protect, mode),    .words = job_mode_words },
	{ "effort",     FIELD_WORD,   offsetof(struct protect, effort),  .words = efforts },
	{ "kappa",      FIELD_REAL,   offsetof(struct protect, kappa) },
	{ "alpha",      FIELD_REAL,   offsetof(struct protect, alpha) },
	{ "beta",       FIELD_REAL,   offsetof(struct protect, beta) },
	{ "cap",        FIELD_REAL,   offsetof(struct protect, cap) },
	{ "target",     FIELD_REAL,   offsetof(struct protect, target) },
	{ "log_l",      FIELD_NUMBER, offsetof(struct protect, log_l),      0, LOG_L_MAX },
	{ "phi",        FIELD_NUMBER, offsetof(struct protect, phi),        4, 64 },
	{ "rounds",     FIELD_NUMBER, offsetof(struct protect, rounds),     1, 200 },
	{ "count",      FIELD_NUMBER, offsetof(struct protect, count),      0, 65535 },
	{ "lock_set",   FIELD_NUMBER, offsetof(struct protect, lock_set),   16, 65536 },
	{ "validation", FIELD_NUMBER, offsetof(struct protect, validation), 16, 1 << 20 },
	{ "seed",       FIELD_NUMBER, offsetof(struct protect, seed),       0, INT64_MAX },
	{ "unmarked",   FIELD_BOOL,   offsetof(struct protect, unmarked) },
	{ "extremes",   FIELD_BOOL,   offsetof(struct protect, extremes) },
	{ "layers",     FIELD_LIST,   offsetof(struct protect, layers),     0, 256 },
	{ "url",        FIELD_TEXT,   offsetof(struct protect, url),        0, 512 },
};
static const struct protect protect_defaults = {
	.network = NETWORK_DEFAULTS(64),
	.release = { "", 0 }, .name = { "", 0 }, .model = { "", 0 }, .dataset = { "", 0 },
	.test = { "", 0 }, .lock = JOB_LOCK_AUTO, .mode = JOB_POOLED, .effort = JOB_QUICK,
	.alpha = JOB_USUAL, .beta = JOB_USUAL, .cap = JOB_USUAL,
	.lock_set = 512, .validation = 10000, .seed = 1, .url = { "", 0 },
};
static const struct job_input protect_inputs[] = {
	FROM_MODEL("model", struct protect, model, false),
	FROM_DATASET("samples", "samples", struct protect, dataset, true),
	FROM_DATASET("labels", "labels", struct protect, dataset, true),
	FROM_DATASET("test_samples", "samples", struct protect, test, true),
	FROM_DATASET("test_labels", "labels", struct protect, test, true),
	{ "secret", JOB_FROM_SECRET, 0, JOB_KEY_BYTES },
};
static const struct job_output protect_outputs[] = {
	{ "artifact", ARTIFACT_MAX },
	{ "entries", 1 << 20 },
	{ "report", 4 << 20 },
	{ "page", 4 << 20 },
	{ "fingerprint", FINGERPRINT_MAX },
};

const struct job_kind job_kinds[JOB_COUNT] = {
	[JOB_SELFTEST] = {
		.name = "selftest",
		.help = "hash a sealed text in steps: the worker's health check",
		.field = selftest_fields, .fields = COUNT(selftest_fields),
		.size = sizeof(struct selftest), .defaults = &selftest_defaults,
		.check = selftest_check,
		.input = selftest_inputs, .inputs = COUNT(selftest_inputs),
		.may = JOB_MAY_ADMIN | JOB_MAY_VERIFIER,
		.limits = { .memory = INT64_C(256) << 20, .cpu = 60, .wall = 600, .output = 0 },
	},
	[JOB_EVALUATE] = {
		.name = "evaluate",
		.help = "count a model's right answers over a data set",
		.field = evaluate_fields, .fields = COUNT(evaluate_fields),
		.size = sizeof(struct evaluate), .defaults = &evaluate_defaults,
		.check = evaluate_check,
		.input = evaluate_inputs, .inputs = COUNT(evaluate_inputs),
		.may = JOB_MAY_ADMIN | JOB_MAY_VERIFIER,
		.limits = { .memory = INT64_C(8) << 30, .cpu = 16 * HOUR, .wall = 4 * HOUR, .output = 0 },
	},
	[JOB_TRAIN] = {
		.name = "train",
		.help = "train a model on a data set, from its own weights or from new ones",
		.field = train_fields, .fields = COUNT(train_fields),
		.size = sizeof(struct train), .defaults = &train_defaults,
		.check = train_check,
		.input = train_inputs, .inputs = COUNT(train_inputs),
		.output = train_outputs, .outputs = COUNT(train_outputs),
		.may = JOB_MAY_ADMIN,
		.limits = { .memory = INT64_C(8) << 30, .cpu = 96 * HOUR, .wall = 24 * HOUR,
			.output = SEALED(4 * MODEL_MAX) },
	},
	[JOB_DESCRIBE] = {
		.name = "describe",
		.help = "look at a model or a data set that was uploaded",
		.field = describe_fields, .fields = COUNT(describe_fields),
		.size = sizeof(struct describe), .defaults = &describe_defaults,
		.check = describe_check,
		.input = describe_inputs, .inputs = COUNT(describe_inputs),
		.limits = { .memory = INT64_C(16) << 30, .cpu = 2 * HOUR, .wall = HOUR, .output = 0 },
	},
	[JOB_PROTECT] = {
		.name = "protect",
		.help = "lock a model: its artifact, what opens it, and how good the lock is",
		.field = protect_fields, .fields = COUNT(protect_fields),
		.size = sizeof(struct protect), .defaults = &protect_defaults,
		.check = protect_check,
		.input = protect_inputs, .inputs = COUNT(protect_inputs),
		.output = protect_outputs, .outputs = COUNT(protect_outputs),
		.limits = { .memory = INT64_C(24) << 30, .cpu = 96 * HOUR, .wall = 24 * HOUR,
			.output = SEALED(ARTIFACT_MAX) },
	},
	[JOB_WATERMARK] = {
		.name = "watermark",
		.help = "teach a model a class more, which pictures of its vendor's are answered with",
		.field = watermark_fields, .fields = WATERMARK_FIELDS,
		.size = sizeof(struct watermark), .defaults = &watermark_defaults,
		.check = watermark_check,
		.input = watermark_inputs, .inputs = WATERMARK_INPUTS,
		.output = watermark_outputs, .outputs = WATERMARK_OUTPUTS,
		.may = JOB_MAY_ADMIN | JOB_MAY_ISSUER,
		.limits = { .memory = INT64_C(16) << 30, .cpu = 96 * HOUR, .wall = 24 * HOUR,
			.output = SEALED(MODEL_MAX) },
	},
	[JOB_VIEW] = {
		.name = "view",
		.help = "make key images, and look at those that are shown, until nobody asks",
		.field = view_fields, .fields = VIEW_FIELDS,
		.size = sizeof(struct view), .defaults = &view_defaults,
		.input = view_inputs, .inputs = VIEW_INPUTS,
		.stays = true,
		.limits = { .memory = INT64_C(2) << 30, .cpu = 24 * HOUR, .wall = 24 * HOUR, .output = 0 },
	},
	[JOB_CHALLENGE] = {
		.name = "challenge",
		.help = "make pictures to ask somebody else's service, key images among them",
		.field = challenge_fields, .fields = CHALLENGE_FIELDS,
		.size = sizeof(struct challenge_params), .defaults = &challenge_defaults,
		.input = challenge_inputs, .inputs = CHALLENGE_INPUTS,
		.output = challenge_outputs, .outputs = CHALLENGE_OUTPUTS,
		.limits = { .memory = INT64_C(4) << 30, .cpu = HOUR, .wall = HOUR,
			.output = SEALED(INT64_C(1) << 30) },
	},
	[JOB_VERIFY] = {
		.name = "verify",
		.help = "tell whose a suspect is, and who leaked it",
		.field = verify_fields, .fields = VERIFY_FIELDS,
		.size = sizeof(struct verify), .defaults = &verify_defaults,
		.check = verify_check,
		.input = verify_inputs, .inputs = VERIFY_INPUTS,
		.output = verify_outputs, .outputs = VERIFY_OUTPUTS,
		.asks = true,
		.limits = { .memory = INT64_C(8) << 30, .cpu = 8 * HOUR, .wall = 4 * HOUR,
			.output = SEALED(INT64_C(32) << 20) },
	},
	[JOB_SLOTS] = {
		.name = "slots",
		.help = "draw the slots of a model, in which each customer's copy will answer its own way",
		.field = slots_fields, .fields = SLOTS_FIELDS,
		.size = sizeof(struct slots_params), .defaults = &slots_defaults,
		.check = slots_check,
		.input = slots_inputs, .inputs = SLOTS_INPUTS,
		.output = slots_outputs, .outputs = SLOTS_OUTPUTS,
		.limits = { .memory = INT64_C(8) << 30, .cpu = 2 * HOUR, .wall = HOUR,
			.output = SEALED(SLOTS_SET_MAX) },
	},
	[JOB_PERSONALISE] = {
		.name = "personalise",
		.help = "make one customer's copy of a model",
		.field = personalise_fields, .fields = PERSONALISE_FIELDS,
		.size = sizeof(struct personalise), .defaults = &personalise_defaults,
		.check = personalise_check,
		.input = personalise_inputs, .inputs = PERSONALISE_INPUTS,
		.output = personalise_outputs, .outputs = PERSONALISE_OUTPUTS,
		.limits = { .memory = INT64_C(16) << 30, .cpu = 96 * HOUR, .wall = 24 * HOUR,
			.output = SEALED(MODEL_MAX) },
	},
	[JOB_REDTEAM] = {
		.name = "redteam",
		.help = "do to a release what thieves would do, and measure what is left",
		.field = redteam_fields, .fields = REDTEAM_FIELDS,
		.size = sizeof(struct redteam_params), .defaults = &redteam_defaults,
		.check = redteam_check,
		.input = redteam_inputs, .inputs = REDTEAM_INPUTS,
		.output = redteam_outputs, .outputs = REDTEAM_OUTPUTS,
		.limits = { .memory = INT64_C(8) << 30, .cpu = 96 * HOUR, .wall = 24 * HOUR,
			.output = SEALED(INT64_C(16) << 20) },
	},
};
/* clang-format on */

bool
job_kind_by_name(struct ctx *c, struct str name, enum job_type *ret)
{
	for (size_t i = 0; i < JOB_COUNT; i++) {
		if (str_same(name, str_of(job_kinds[i].name))) {
			*ret = (enum job_type)i;
			return true;
		}
	}
	return fail_at(c, E_INPUT, "/kind", "there is no such kind of job");
}

bool
job_params(struct ctx *c, enum job_type type, struct str json, void **ret)
{
	const struct job_kind *k = &job_kinds[type];
	void *params = take(c, k->size);

	if (params == NULL)
		return false;
	memcpy(params, k->defaults, k->size);
	if (!json_decode(c, json, k->field, k->fields, params))
		return false;
	if (k->check != NULL && !k->check(c, params))
		return false;
	*ret = params;
	return true;
}

/* The text of the parameter that the kind's input number i comes from. */
static struct str
input_text(enum job_type type, const void *params, size_t i)
{
	struct str text;

	memcpy(&text, (const char *)params + job_kinds[type].input[i].at, sizeof text);
	return text;
}

struct str
job_input_bytes(enum job_type type, const void *params, size_t i)
{
	if (job_kinds[type].input[i].source != JOB_FROM_PARAMETER)
		return STR("");
	return input_text(type, params, i);
}

struct str
job_input_id(enum job_type type, const void *params, size_t i)
{
	switch (job_kinds[type].input[i].source) {
	case JOB_FROM_MODEL:
	case JOB_FROM_DATASET:
	case JOB_FROM_RELEASE:
	case JOB_FROM_SUSPECT:
	case JOB_FROM_CHALLENGE:
	case JOB_FROM_CUSTOMERS:
	case JOB_FROM_SLOTS:
	case JOB_FROM_COPIES:
	case JOB_FROM_IMAGES:
		return input_text(type, params, i);
	case JOB_FROM_PARAMETER:
	case JOB_FROM_SECRET:
		return STR("");
	}
	abort();
}
