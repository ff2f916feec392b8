/*
 * The rows of the job that does to a release what thieves would do.
 */
#include "rows.h"

enum { ROW_NAME_MAX = 8 };
/* What a long run may have found: the tables of some hundreds of attacks. */
#define SAVE_MAX (INT64_C(4) << 20)

/* clang-format off */
#define IN_RELEASE(n, max, o) { (n), JOB_FROM_RELEASE, offsetof(struct redteam_params, release), (max), (o), (n) }

static const char *const profiles[] = {
	[JOB_PROFILE_QUICK] = "quick",
	[JOB_PROFILE_STANDARD] = "standard",
	[JOB_PROFILE_FULL] = "full",
	NULL,
};
const struct json_field redteam_fields[] = {
	NETWORK_FIELDS(struct redteam_params),
	{ "release", FIELD_TEXT,   offsetof(struct redteam_params, release), 0, ID_MAX - 1 },
	{ "model",   FIELD_TEXT,   offsetof(struct redteam_params, model),   0, ID_MAX - 1 },
	{ "dataset", FIELD_TEXT,   offsetof(struct redteam_params, dataset), 0, ID_MAX - 1 },
	{ "test",    FIELD_TEXT,   offsetof(struct redteam_params, test),    0, ID_MAX - 1 },
	{ "marked",  FIELD_TEXT,   offsetof(struct redteam_params, marked),  0, ID_MAX - 1 },
	{ "profile", FIELD_WORD,   offsetof(struct redteam_params, profile), .words = profiles },
	{ "rows",    FIELD_LIST,   offsetof(struct redteam_params, rows),    1, ROW_NAME_MAX },
	{ "seed",    FIELD_NUMBER, offsetof(struct redteam_params, seed),    0, INT64_MAX },
	{ "kappa",   FIELD_REAL,   offsetof(struct redteam_params, kappa) },
	{ "log_l",   FIELD_NUMBER, offsetof(struct redteam_params, log_l),   0, 30 },
	{ "locks",   FIELD_NUMBER, offsetof(struct redteam_params, locks),   0, 3 },
	{ "layers",  FIELD_LIST,   offsetof(struct redteam_params, layers),  0, 256 },
};
_Static_assert(COUNT(redteam_fields) == REDTEAM_FIELDS, "every field has a row");

#define NOTHING { "", 0 }
const struct redteam_params redteam_defaults = {
	.network = NETWORK_DEFAULTS(64), .release = NOTHING, .model = NOTHING, .dataset = NOTHING,
	.test = NOTHING, .marked = NOTHING, .seed = 1,
};
const struct job_input redteam_inputs[] = {
	FROM_MODEL("model", struct redteam_params, model, false),
	{ "keys", JOB_FROM_MODEL, offsetof(struct redteam_params, marked), KEYS_MAX, true, "keys" },
	FROM_DATASET("samples", "samples", struct redteam_params, dataset, false),
	FROM_DATASET("labels", "labels", struct redteam_params, dataset, true),
	FROM_DATASET("test_samples", "samples", struct redteam_params, test, true),
	FROM_DATASET("test_labels", "labels", struct redteam_params, test, true),
	IN_RELEASE("artifact", ARTIFACT_MAX, false),
	IN_RELEASE("secret", JOB_KEY_BYTES, false),
	IN_RELEASE("entries", 1 << 20, true),
};
_Static_assert(COUNT(redteam_inputs) == REDTEAM_INPUTS, "every input has a row");

const struct job_output redteam_outputs[] = {
	{ "report", 4 << 20 },
	{ "page", 16 << 20 },
	{ "save_0", SAVE_MAX, true },
	{ "save_1", SAVE_MAX, true },
};
_Static_assert(COUNT(redteam_outputs) == REDTEAM_OUTPUTS, "every output has a row");
/* clang-format on */
