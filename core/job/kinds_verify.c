/*
 * The rows of the jobs that deal with suspects: questions for a black box, and the verification of
 * whatever may be a vendor's.
 */
#include "rows.h"

enum { PAIRS_MAX = 1024, DECOYS_MAX = 2048 };
#define SUSPECT_MAX MODEL_MAX

/* clang-format off */
#define IN_SUSPECTS(n, s, f, max, o, p) { (n), (s), offsetof(struct verify, f), (max), (o), (p) }

/* ---- Questions --------------------------------------------------------------------------- */

const struct json_field challenge_fields[] = {
	NETWORK_FIELDS(struct challenge_params),
	{ "model",   FIELD_TEXT,   offsetof(struct challenge_params, model),   0, ID_MAX - 1 },
	{ "dataset", FIELD_TEXT,   offsetof(struct challenge_params, dataset), 0, ID_MAX - 1 },
	{ "slots",   FIELD_TEXT,   offsetof(struct challenge_params, slots),   0, ID_MAX - 1 },
	{ "first",   FIELD_NUMBER, offsetof(struct challenge_params, first),   0, PAIRS_MAX - 1 },
	{ "pairs",   FIELD_NUMBER, offsetof(struct challenge_params, pairs),   0, PAIRS_MAX },
	{ "decoys",  FIELD_NUMBER, offsetof(struct challenge_params, decoys),  0, DECOYS_MAX },
};
_Static_assert(COUNT(challenge_fields) == CHALLENGE_FIELDS, "every field has a row");

const struct challenge_params challenge_defaults = {
	.network = NETWORK_DEFAULTS(128), .model = { "", 0 }, .dataset = { "", 0 },
	.slots = { "", 0 }, .pairs = 100, .decoys = 200,
};
const struct job_input challenge_inputs[] = {
	{ "keys", JOB_FROM_MODEL, offsetof(struct challenge_params, model), KEYS_MAX, true, "keys" },
	FROM_DATASET("samples", "samples", struct challenge_params, dataset, false),
	{ "secret", JOB_FROM_SECRET, 0, JOB_KEY_BYTES },
	{ "slots", JOB_FROM_SLOTS, offsetof(struct challenge_params, slots), SLOTS_SET_MAX, true,
		"content" },
};
_Static_assert(COUNT(challenge_inputs) == CHALLENGE_INPUTS, "every input has a row");

const struct job_output challenge_outputs[] = {
	{ "content", INT64_C(1) << 30 },
	{ "list", 1 << 20 },
};
_Static_assert(COUNT(challenge_outputs) == CHALLENGE_OUTPUTS, "every output has a row");

/* ---- Verification ------------------------------------------------------------------------ */

#define NULL_FIELD(n) { "null_" #n, FIELD_TEXT, offsetof(struct verify, null[(n) - 1]), 0, ID_MAX - 1 }
#define NULL_INPUT(n) FROM_MODEL("null_" #n, struct verify, null[(n) - 1], true)
#define ALL_NULLS(row)                                                                          \
	row(1), row(2), row(3), row(4), row(5), row(6), row(7), row(8), row(9), row(10),        \
	row(11), row(12), row(13), row(14), row(15), row(16), row(17), row(18), row(19), row(20)

/* A parameter lock as its job has told; see protection_result. */
#define LOCK_FIELDS(t)                                                                          \
	{ "mode",         FIELD_WORD,   offsetof(t, lock.mode),         .words = job_mode_words }, \
	{ "alpha",        FIELD_REAL,   offsetof(t, lock.alpha) },                              \
	{ "beta",         FIELD_REAL,   offsetof(t, lock.beta) },                               \
	{ "cap",          FIELD_REAL,   offsetof(t, lock.cap) },                                \
	{ "phi",          FIELD_NUMBER, offsetof(t, lock.phi),          0, 64 },                \
	{ "rounds",       FIELD_NUMBER, offsetof(t, lock.rounds),       0, 200 },               \
	{ "count",        FIELD_NUMBER, offsetof(t, lock.count),        0, 65535 },             \
	{ "lock_set",     FIELD_NUMBER, offsetof(t, lock.lock_set),     0, 65536 },             \
	{ "validation",   FIELD_NUMBER, offsetof(t, lock.validation),   0, 1 << 20 },           \
	{ "extremes",     FIELD_BOOL,   offsetof(t, lock.extremes) },                           \
	{ "lock_batch",   FIELD_NUMBER, offsetof(t, lock.lock_batch),   0, BATCH_MAX },         \
	{ "lock_threads", FIELD_NUMBER, offsetof(t, lock.lock_threads), 0, THREADS_MAX }
const struct json_field verify_fields[] = {
	NETWORK_FIELDS(struct verify),
	{ "verification", FIELD_TEXT, offsetof(struct verify, verification), 0, ID_MAX - 1 },
	{ "suspect",   FIELD_TEXT,   offsetof(struct verify, suspect),   0, ID_MAX - 1 },
	{ "release",   FIELD_TEXT,   offsetof(struct verify, release),   0, ID_MAX - 1 },
	{ "model",     FIELD_TEXT,   offsetof(struct verify, model),     0, ID_MAX - 1 },
	{ "dataset",   FIELD_TEXT,   offsetof(struct verify, dataset),   0, ID_MAX - 1 },
	{ "challenge", FIELD_TEXT,   offsetof(struct verify, challenge), 0, ID_MAX - 1 },
	{ "marked",    FIELD_TEXT,   offsetof(struct verify, marked),    0, ID_MAX - 1 },
	{ "slots",     FIELD_TEXT,   offsetof(struct verify, slots),     0, ID_MAX - 1 },
	ALL_NULLS(NULL_FIELD),
	{ "kappa",     FIELD_REAL,   offsetof(struct verify, kappa) },
	{ "log_l",     FIELD_NUMBER, offsetof(struct verify, log_l),     0, 30 },
	{ "locks",     FIELD_NUMBER, offsetof(struct verify, locks),     0, 3 },
	{ "layers",    FIELD_LIST,   offsetof(struct verify, layers),    0, 256 },
	LOCK_FIELDS(struct verify),
	{ "commitment", FIELD_TEXT,  offsetof(struct verify, commitment), 0, 64 },
	{ "release_commitment", FIELD_TEXT, offsetof(struct verify, release_commitment), 0, 64 },
	{ "fingerprint_commitment", FIELD_TEXT, offsetof(struct verify, fingerprint_commitment), 0, 64 },
	{ "slots_commitment", FIELD_TEXT, offsetof(struct verify, slots_commitment), 0, 64 },
	{ "committed", FIELD_NUMBER, offsetof(struct verify, committed), 0, INT64_MAX },
	{ "release_committed", FIELD_NUMBER, offsetof(struct verify, release_committed), 0, INT64_MAX },
	{ "slots_committed", FIELD_NUMBER, offsetof(struct verify, slots_committed), 0, INT64_MAX },
	{ "appeared",  FIELD_NUMBER, offsetof(struct verify, appeared),  0, INT64_MAX },
	{ "eps1",      FIELD_REAL,   offsetof(struct verify, eps1) },
	{ "seed",      FIELD_NUMBER, offsetof(struct verify, seed),      0, INT64_MAX },
};
_Static_assert(COUNT(verify_fields) == VERIFY_FIELDS, "every field has a row");

#define NOTHING { "", 0 }
const struct verify verify_defaults = {
	.network = NETWORK_DEFAULTS(128), .verification = NOTHING, .suspect = NOTHING,
	.release = NOTHING, .model = NOTHING, .dataset = NOTHING, .challenge = NOTHING,
	.marked = NOTHING, .slots = NOTHING,
	.commitment = NOTHING, .release_commitment = NOTHING,
	.fingerprint_commitment = NOTHING, .slots_commitment = NOTHING,
	.eps1 = 1e-6, .seed = 1,
	.null = { NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
		NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
		NOTHING, NOTHING, NOTHING, NOTHING },
};
const struct job_input verify_inputs[] = {
	IN_SUSPECTS("suspect", JOB_FROM_SUSPECT, suspect, SUSPECT_MAX, false, "content"),
	FROM_MODEL("model", struct verify, model, false),
	IN_SUSPECTS("keys", JOB_FROM_MODEL, marked, KEYS_MAX, true, "keys"),
	FROM_DATASET("samples", "samples", struct verify, dataset, true),
	FROM_DATASET("labels", "labels", struct verify, dataset, true),
	IN_SUSPECTS("list", JOB_FROM_CHALLENGE, challenge, 1 << 20, true, "list"),
	IN_SUSPECTS("secret", JOB_FROM_RELEASE, release, JOB_KEY_BYTES, false, "secret"),
	IN_SUSPECTS("entries", JOB_FROM_RELEASE, release, 1 << 20, true, "entries"),
	IN_SUSPECTS("customers", JOB_FROM_CUSTOMERS, release, CUSTOMERS_MAX * JOB_CUSTOMER_BYTES, true, NULL),
	IN_SUSPECTS("marks", JOB_FROM_RELEASE, release, JOB_KEY_BYTES, true, "watermark_secret"),
	IN_SUSPECTS("pictures", JOB_FROM_CHALLENGE, challenge, INT64_C(1) << 30, true, "content"),
	IN_SUSPECTS("slots", JOB_FROM_SLOTS, slots, SLOTS_SET_MAX, true, "content"),
	IN_SUSPECTS("slots_secret", JOB_FROM_SLOTS, slots, JOB_KEY_BYTES, true, "secret"),
	IN_SUSPECTS("copies", JOB_FROM_COPIES, slots, CUSTOMERS_MAX * JOB_CUSTOMER_BYTES, true, NULL),
	IN_SUSPECTS("images", JOB_FROM_IMAGES, release, CUSTOMERS_MAX * JOB_IMAGE_BYTES, true, NULL),
	IN_SUSPECTS("fingerprint", JOB_FROM_RELEASE, release, FINGERPRINT_MAX, true, "fingerprint"),
	ALL_NULLS(NULL_INPUT),
};
_Static_assert(COUNT(verify_inputs) == VERIFY_INPUTS, "every input has a row");

const struct job_output verify_outputs[] = {
	{ "report", 1 << 20 },
	{ "page", 16 << 20 },
};
_Static_assert(COUNT(verify_outputs) == VERIFY_OUTPUTS, "every output has a row");
/* clang-format on */
