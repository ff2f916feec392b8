/*
 * The table of job kinds: one row says everything that the server must know to accept a job of that
 * kind and that the worker must know to read it. What the worker then does is in run/, by kind.
 */
#include "job.h"

#define HOUR 3600

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

static const char *const orders[] = {
	[JOB_ORDER_AUTO] = "auto",
	[JOB_ORDER_FIRST] = "channels-first",
	[JOB_ORDER_LAST] = "channels-last",
	NULL,
};
static const char *const losses[] = {
	[JOB_LOSS_ENTROPY] = "cross-entropy",
	[JOB_LOSS_BINARY] = "binary-cross-entropy",
	[JOB_LOSS_SQUARES] = "squared-error",
	NULL,
};
static const char *const outputs[] = {
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

enum { ENTRY_MAX = 100, BATCH_MAX = 65536, THREADS_MAX = 64, EPOCHS_MAX = 100000 };
#define MODEL_MAX (INT64_C(1) << 30)
#define SAMPLES_MAX (INT64_C(16) << 30)
#define LABELS_MAX (INT64_C(1) << 30)

/* The rows that a struct with a struct job_network in it begins with. */
#define NETWORK_FIELDS(t)                                                                       \
	{ "batch",           FIELD_NUMBER, offsetof(t, network.batch),   1, BATCH_MAX },        \
	{ "threads",         FIELD_NUMBER, offsetof(t, network.threads), 0, THREADS_MAX },      \
	{ "order",           FIELD_WORD,   offsetof(t, network.order),   .words = orders },     \
	{ "raw_bytes",       FIELD_BOOL,   offsetof(t, network.raw_bytes) },                    \
	{ "samples_entry",   FIELD_TEXT,   offsetof(t, network.samples_entry), 0, ENTRY_MAX },  \
	{ "labels_entry",    FIELD_TEXT,   offsetof(t, network.labels_entry),  0, ENTRY_MAX },  \
	{ "loss",            FIELD_WORD,   offsetof(t, network.loss),    .words = losses },     \
	{ "output",          FIELD_WORD,   offsetof(t, network.output),  .words = outputs },    \
	{ "positive_weight", FIELD_REAL,   offsetof(t, network.positive_weight) }

static const struct json_field evaluate_fields[] = {
	NETWORK_FIELDS(struct evaluate),
};
static const struct evaluate evaluate_defaults = {
	.network = { .batch = 64, .samples_entry = { "", 0 }, .labels_entry = { "", 0 },
		.positive_weight = 1 },
};

static const struct json_field train_fields[] = {
	NETWORK_FIELDS(struct train),
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
	.network = { .batch = 128, .samples_entry = { "", 0 }, .labels_entry = { "", 0 },
		.positive_weight = 1 },
	.epochs = 10, .seed = 1, .schedule = JOB_ONE_CYCLE,
	.momentum = 0.9, .nesterov = true, .beta2 = 0.999, .epsilon = 1e-8, .decay = 5e-4,
	.warmup = 0.2, .factor = 0.1, .start = 20, .end = 500,
};
static const struct job_input train_inputs[] = {
	{ "model",        JOB_FROM_FILE, 0, MODEL_MAX },
	{ "samples",      JOB_FROM_FILE, 0, SAMPLES_MAX },
	{ "labels",       JOB_FROM_FILE, 0, LABELS_MAX,  .optional = true },
	{ "test_samples", JOB_FROM_FILE, 0, SAMPLES_MAX, .optional = true },
	{ "test_labels",  JOB_FROM_FILE, 0, LABELS_MAX,  .optional = true },
};
enum { EVALUATE_INPUTS = 3 }; /* the first of them */

static bool selftest_check(struct ctx *, const void *);
static bool evaluate_check(struct ctx *, const void *);
static bool train_check(struct ctx *, const void *);

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
		.input = train_inputs, .inputs = EVALUATE_INPUTS,
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
		.may = JOB_MAY_ADMIN,
		.limits = { .memory = INT64_C(8) << 30, .cpu = 96 * HOUR, .wall = 24 * HOUR,
			.output = MODEL_MAX + (16 << 20) },
	},
};
/* clang-format on */

/* Steps that could not end before the wall time are a mistake, not a job. */
static bool
selftest_check(struct ctx *c, const void *params)
{
	const struct selftest *p = params;
	int64_t wall_ms = job_kinds[JOB_SELFTEST].limits.wall * 1000;

	if (p->steps * p->step_ms > wall_ms / 2)
		return fail_at(c, E_INPUT, "/step_ms", "steps * step_ms is at most %lld",
		    (long long)wall_ms / 2);
	return true;
}

/* A number that has to lie in [low, high]. */
struct range {
	const char *at;
	double value, low, high;
};

MUST static bool
ranges_check(struct ctx *c, const struct range r[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(r[i].value >= r[i].low && r[i].value <= r[i].high))
			return fail_at(c, E_INPUT, r[i].at, "%s must be from %g to %g",
			    r[i].at + 1, r[i].low, r[i].high);
	return true;
}

static bool
network_check(struct ctx *c, const struct job_network *n)
{
	const struct range r = { "/positive_weight", n->positive_weight, 1e-6, 1e6 };

	return ranges_check(c, &r, 1);
}

static bool
evaluate_check(struct ctx *c, const void *params)
{
	const struct evaluate *p = params;

	return network_check(c, &p->network);
}

static bool
train_check(struct ctx *c, const void *params)
{
	const struct train *p = params;
	const struct range ranges[] = {
		{ "/rate", p->rate, 0, 1000 },
		{ "/momentum", p->momentum, 0, 0.9999 },
		{ "/momentum_low", p->momentum_low, 0, 0.9999 },
		{ "/beta2", p->beta2, 0, 0.999999 },
		{ "/epsilon", p->epsilon, 1e-12, 1 },
		{ "/decay", p->decay, 0, 1 },
		{ "/clip", p->clip, 0, 1e9 },
		{ "/warmup", p->warmup, 0, 0.9 },
		{ "/factor", p->factor, 0, 1 },
		{ "/start", p->start, 1, 1e9 },
		{ "/end", p->end, 1, 1e9 },
	};

	return network_check(c, &p->network) && ranges_check(c, ranges, COUNT(ranges));
}

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

struct str
job_input_bytes(enum job_type type, const void *params, size_t i)
{
	const struct job_input *input = &job_kinds[type].input[i];
	struct str bytes = { "", 0 };

	if (input->source == JOB_FROM_PARAMETER)
		memcpy(&bytes, (const char *)params + input->at, sizeof bytes);
	return bytes;
}

bool
job_takes_files(enum job_type type)
{
	for (size_t i = 0; i < job_kinds[type].inputs; i++)
		if (job_kinds[type].input[i].source == JOB_FROM_FILE)
			return true;
	return false;
}
