/*
 * The rows of the jobs that deal with customers' words in how a network behaves: the slots of a
 * model, and one customer's copy of it.
 */
#include "rows.h"

enum {
	COLLUDERS_MAX = 10, /* as stats.h has it, which is not known here */
	PERSONALISE_EPOCHS = 200,
	BOOST_MAX = 100,
};

/* clang-format off */

/* ---- The slots of a model ---------------------------------------------------------------- */

const struct json_field slots_fields[] = {
	NETWORK_FIELDS(struct slots_params),
	{ "model",     FIELD_TEXT,   offsetof(struct slots_params, model),     0, ID_MAX - 1 },
	{ "dataset",   FIELD_TEXT,   offsetof(struct slots_params, dataset),   0, ID_MAX - 1 },
	{ "customers", FIELD_NUMBER, offsetof(struct slots_params, customers), 1, UINT32_MAX },
	{ "colluders", FIELD_NUMBER, offsetof(struct slots_params, colluders), 1, COLLUDERS_MAX },
	{ "eps1",      FIELD_REAL,   offsetof(struct slots_params, eps1) },
	{ "eps2",      FIELD_REAL,   offsetof(struct slots_params, eps2) },
	{ "flips",     FIELD_REAL,   offsetof(struct slots_params, flips) },
};
_Static_assert(COUNT(slots_fields) == SLOTS_FIELDS, "every field has a row");

const struct slots_params slots_defaults = {
	.network = NETWORK_DEFAULTS(128), .model = { "", 0 }, .dataset = { "", 0 },
	.customers = 1000, .colluders = 2, .eps1 = 1e-6, .eps2 = .01, .flips = .02,
};
const struct job_input slots_inputs[] = {
	FROM_MODEL("model", struct slots_params, model, false),
	FROM_DATASET("samples", "samples", struct slots_params, dataset, false),
	FROM_DATASET("labels", "labels", struct slots_params, dataset, true),
	{ "secret", JOB_FROM_SECRET, 0, JOB_KEY_BYTES },
};
_Static_assert(COUNT(slots_inputs) == SLOTS_INPUTS, "every input has a row");

const struct job_output slots_outputs[] = {
	{ "content", SLOTS_SET_MAX },
};
_Static_assert(COUNT(slots_outputs) == SLOTS_OUTPUTS, "every output has a row");

/* ---- One customer's copy ----------------------------------------------------------------- */

const struct json_field personalise_fields[] = {
	NETWORK_FIELDS(struct personalise),
	{ "name",     FIELD_TEXT,   offsetof(struct personalise, name),     0, 128 },
	{ "model",    FIELD_TEXT,   offsetof(struct personalise, model),    0, ID_MAX - 1 },
	{ "marked",   FIELD_TEXT,   offsetof(struct personalise, marked),   0, ID_MAX - 1 },
	{ "slots",    FIELD_TEXT,   offsetof(struct personalise, slots),    0, ID_MAX - 1 },
	{ "dataset",  FIELD_TEXT,   offsetof(struct personalise, dataset),  0, ID_MAX - 1 },
	{ "test",     FIELD_TEXT,   offsetof(struct personalise, test),     0, ID_MAX - 1 },
	{ "number",   FIELD_NUMBER, offsetof(struct personalise, number),   1, UINT32_MAX, true },
	{ "epochs",   FIELD_NUMBER, offsetof(struct personalise, epochs),   1, PERSONALISE_EPOCHS },
	{ "boost",    FIELD_NUMBER, offsetof(struct personalise, boost),    1, BOOST_MAX },
	{ "samples",  FIELD_NUMBER, offsetof(struct personalise, samples),  0, INT64_MAX },
	{ "rate",     FIELD_REAL,   offsetof(struct personalise, rate) },
	{ "drop_max", FIELD_REAL,   offsetof(struct personalise, drop_max) },
	{ "seed",     FIELD_NUMBER, offsetof(struct personalise, seed),     0, INT64_MAX },
};
_Static_assert(COUNT(personalise_fields) == PERSONALISE_FIELDS, "every field has a row");

const struct personalise personalise_defaults = {
	.network = NETWORK_DEFAULTS(128),
	.name = { "", 0 }, .model = { "", 0 }, .marked = { "", 0 }, .slots = { "", 0 },
	.dataset = { "", 0 }, .test = { "", 0 }, .drop_max = JOB_USUAL,
	.seed = 1,
};
const struct job_input personalise_inputs[] = {
	FROM_MODEL("model", struct personalise, model, false),
	{ "slots", JOB_FROM_SLOTS, offsetof(struct personalise, slots), SLOTS_SET_MAX, false,
		"content" },
	{ "slots_secret", JOB_FROM_SLOTS, offsetof(struct personalise, slots), JOB_KEY_BYTES,
		false, "secret" },
	{ "copies", JOB_FROM_COPIES, offsetof(struct personalise, slots),
		CUSTOMERS_MAX * JOB_CUSTOMER_BYTES, true, NULL },
	FROM_DATASET("samples", "samples", struct personalise, dataset, false),
	FROM_DATASET("labels", "labels", struct personalise, dataset, true),
	FROM_DATASET("test_samples", "samples", struct personalise, test, true),
	FROM_DATASET("test_labels", "labels", struct personalise, test, true),
	{ "keys", JOB_FROM_MODEL, offsetof(struct personalise, marked), KEYS_MAX, true, "keys" },
};
_Static_assert(COUNT(personalise_inputs) == PERSONALISE_INPUTS, "every input has a row");

const struct job_output personalise_outputs[] = {
	{ "content", MODEL_MAX },
};
_Static_assert(COUNT(personalise_outputs) == PERSONALISE_OUTPUTS, "every output has a row");
/* clang-format on */
