/*
 * The row of the job that makes a watermarked model: its parameters, what it reads and what it
 * writes.
 */
#include "rows.h"

enum {
	PAIRS_MIN = 4,
	PAIRS_MAX = 1024, /* as watermark.h has them, which is not known here */
	SPARES_MAX = 256,
	WATERMARK_EPOCHS = 200,
	BOOST_MAX = 100,
	CODERS_MAX = 8,
};

static const char *const channels[] = {
	[JOB_CHANNELS_NONE] = "none",
	[JOB_CHANNELS_N_TO_N] = "n-to-n",
	[JOB_CHANNELS_N_TO_ONE] = "n-to-one",
	NULL,
};

/* clang-format off */
const struct json_field watermark_fields[] = {
	NETWORK_FIELDS(struct watermark),
	{ "name",        FIELD_TEXT,   offsetof(struct watermark, name),     0, 128 },
	{ "model",       FIELD_TEXT,   offsetof(struct watermark, model),    0, ID_MAX - 1 },
	{ "dataset",     FIELD_TEXT,   offsetof(struct watermark, dataset),  0, ID_MAX - 1 },
	{ "test",        FIELD_TEXT,   offsetof(struct watermark, test),     0, ID_MAX - 1 },
	{ "pictures",    FIELD_TEXT,   offsetof(struct watermark, pictures), 0, ID_MAX - 1 },
	{ "pairs",       FIELD_NUMBER, offsetof(struct watermark, pairs),    PAIRS_MIN, PAIRS_MAX },
	{ "spares",      FIELD_NUMBER, offsetof(struct watermark, spares),   0, SPARES_MAX },
	{ "epochs",      FIELD_NUMBER, offsetof(struct watermark, epochs),   1, WATERMARK_EPOCHS },
	{ "boost",       FIELD_NUMBER, offsetof(struct watermark, boost),    1, BOOST_MAX },
	{ "seed",        FIELD_NUMBER, offsetof(struct watermark, seed),     0, INT64_MAX },
	{ "crop",        FIELD_NUMBER, offsetof(struct watermark, crop),     0, 1000 },
	{ "flip",        FIELD_BOOL,   offsetof(struct watermark, flip) },
	{ "coders",      FIELD_NUMBER, offsetof(struct watermark, coders),   0, CODERS_MAX },
	{ "rate",        FIELD_REAL,   offsetof(struct watermark, rate) },
	{ "mu",          FIELD_REAL,   offsetof(struct watermark, mu) },
	{ "drop_max",    FIELD_REAL,   offsetof(struct watermark, drop_max) },
	{ "compression", FIELD_BOOL,   offsetof(struct watermark, compression) },
	{ "physical",    FIELD_BOOL,   offsetof(struct watermark, physical) },
	{ "channels",    FIELD_WORD,   offsetof(struct watermark, channels), .words = channels },
	{ "plain",       FIELD_BOOL,   offsetof(struct watermark, plain) },
};
_Static_assert(COUNT(watermark_fields) == WATERMARK_FIELDS, "every field has a row");

const struct watermark watermark_defaults = {
	.network = NETWORK_DEFAULTS(128),
	.name = { "", 0 }, .model = { "", 0 }, .dataset = { "", 0 }, .test = { "", 0 },
	.pictures = { "", 0 }, .pairs = 100, .spares = 25, .seed = 1, .coders = JOB_USUAL, .mu = JOB_USUAL,
	.drop_max = JOB_USUAL,
};
const struct job_input watermark_inputs[] = {
	FROM_MODEL("model", struct watermark, model, false),
	FROM_DATASET("samples", "samples", struct watermark, dataset, false),
	FROM_DATASET("labels", "labels", struct watermark, dataset, true),
	FROM_DATASET("test_samples", "samples", struct watermark, test, true),
	FROM_DATASET("test_labels", "labels", struct watermark, test, true),
	FROM_DATASET("pictures", "samples", struct watermark, pictures, true),
	{ "secret", JOB_FROM_SECRET, 0, JOB_KEY_BYTES },
};
_Static_assert(COUNT(watermark_inputs) == WATERMARK_INPUTS, "every input has a row");

/* The page holds pictures; the key set holds all of them. */
const struct job_output watermark_outputs[] = {
	{ "content", MODEL_MAX },
	{ "keys", INT64_C(1) << 30 },
	{ "report", 4 << 20 },
	{ "page", 16 << 20 },
};
_Static_assert(COUNT(watermark_outputs) == WATERMARK_OUTPUTS, "every output has a row");
/* clang-format on */
