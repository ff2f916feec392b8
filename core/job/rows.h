/*
 * What the rows of the table of job kinds are made of: limits and fields that several kinds share,
 * and those parts of rows that have a file of their own.
 */
#ifndef JOB_ROWS_H
#define JOB_ROWS_H

#include "job.h"

#define HOUR 3600
enum { ENTRY_MAX = 100, BATCH_MAX = 65536, THREADS_MAX = 64, EPOCHS_MAX = 100000 };
#define MODEL_MAX (INT64_C(8) << 30)
#define SAMPLES_MAX (INT64_C(16) << 30)
#define LABELS_MAX (INT64_C(1) << 30)
#define FINGERPRINT_MAX (64 << 20)
#define KEYS_MAX (INT64_C(1) << 30)
#define SLOTS_SET_MAX (INT64_C(1) << 30)
#define CUSTOMERS_MAX (INT64_C(1) << 20)
/* Weights of two bytes become words of four, beside the values in their place. */
#define ARTIFACT_MAX (3 * MODEL_MAX + (64 << 20))

/* clang-format off */

/* An input that is a part of what the vendor has uploaded. */
#define FROM_MODEL(n, t, f, o)                                                                  \
	{ (n), JOB_FROM_MODEL, offsetof(t, f), MODEL_MAX, (o), "content" }
#define FROM_DATASET(n, p, t, f, o)                                                             \
	{ (n), JOB_FROM_DATASET, offsetof(t, f), SAMPLES_MAX, (o), (p) }

/* The rows that a struct with a struct job_network in it begins with. */
#define NETWORK_FIELDS(t)                                                                       \
	{ "batch",           FIELD_NUMBER, offsetof(t, network.batch),   1, BATCH_MAX },        \
	{ "threads",         FIELD_NUMBER, offsetof(t, network.threads), 0, THREADS_MAX },      \
	{ "order",           FIELD_WORD,   offsetof(t, network.order),   .words = job_order_words }, \
	{ "raw_bytes",       FIELD_BOOL,   offsetof(t, network.raw_bytes) },                    \
	{ "samples_entry",   FIELD_TEXT,   offsetof(t, network.samples_entry), 0, ENTRY_MAX },  \
	{ "labels_entry",    FIELD_TEXT,   offsetof(t, network.labels_entry),  0, ENTRY_MAX },  \
	{ "loss",            FIELD_WORD,   offsetof(t, network.loss),    .words = job_loss_words }, \
	{ "output",          FIELD_WORD,   offsetof(t, network.output),  .words = job_answer_words }, \
	{ "positive_weight", FIELD_REAL,   offsetof(t, network.positive_weight) }

/* A struct job_network to begin with. */
#define NETWORK_DEFAULTS(n)                                                                     \
	{ .batch = (n), .samples_entry = { "", 0 }, .labels_entry = { "", 0 }, .positive_weight = 1 }
/* clang-format on */

/* A sealed file is a little larger than what is in it. */
#define SEALED(plain) ((plain) + (plain) / 1024 + (1 << 20))

extern const char *const job_order_words[], *const job_loss_words[], *const job_answer_words[];

/* ---- Parts of rows ----------------------------------------------------------------------- */

/* kinds_watermark.c */
enum { WATERMARK_FIELDS = 29, WATERMARK_INPUTS = 7, WATERMARK_OUTPUTS = 4 };
extern const struct json_field watermark_fields[];
extern const struct watermark watermark_defaults;
extern const struct job_input watermark_inputs[];
extern const struct job_output watermark_outputs[];

/* kinds_view.c */
enum { VIEW_FIELDS = 2, VIEW_INPUTS = 3 };
extern const struct json_field view_fields[];
extern const struct view view_defaults;
extern const struct job_input view_inputs[];

/* kinds_verify.c */
enum { CHALLENGE_FIELDS = 15, CHALLENGE_INPUTS = 4, CHALLENGE_OUTPUTS = 2 };
extern const struct json_field challenge_fields[];
extern const struct challenge_params challenge_defaults;
extern const struct job_input challenge_inputs[];
extern const struct job_output challenge_outputs[];
enum {
	VERIFY_FIELDS = 9 + 8 + VERIFY_NULLS_MAX + 14 + 12,
	VERIFY_INPUTS = 16 + VERIFY_NULLS_MAX,
	VERIFY_OUTPUTS = 2
};
extern const struct json_field verify_fields[];
extern const struct verify verify_defaults;
extern const struct job_input verify_inputs[];
extern const struct job_output verify_outputs[];

/* kinds_slots.c */
enum { SLOTS_FIELDS = 16, SLOTS_INPUTS = 4, SLOTS_OUTPUTS = 1 };
extern const struct json_field slots_fields[];
extern const struct slots_params slots_defaults;
extern const struct job_input slots_inputs[];
extern const struct job_output slots_outputs[];
enum { PERSONALISE_FIELDS = 22, PERSONALISE_INPUTS = 9, PERSONALISE_OUTPUTS = 1 };
extern const struct json_field personalise_fields[];
extern const struct personalise personalise_defaults;
extern const struct job_input personalise_inputs[];
extern const struct job_output personalise_outputs[];

/* kinds_redteam.c */
enum { REDTEAM_FIELDS = 9 + 12, REDTEAM_INPUTS = 9, REDTEAM_OUTPUTS = 4 };
extern const struct json_field redteam_fields[];
extern const struct redteam_params redteam_defaults;
extern const struct job_input redteam_inputs[];
extern const struct job_output redteam_outputs[];

#endif
