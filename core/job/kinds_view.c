/*
 * The row of the worker that stays with one watermark: what it is given at its start. What it is
 * asked afterwards is in view.c.
 */
#include "rows.h"

/* clang-format off */
const struct json_field view_fields[] = {
	{ "model",     FIELD_TEXT, offsetof(struct view, model), 0, ID_MAX - 1 },
	{ "raw_bytes", FIELD_BOOL, offsetof(struct view, raw_bytes) },
};
_Static_assert(COUNT(view_fields) == VIEW_FIELDS, "every field has a row");

const struct view view_defaults = { .model = { "", 0 } };

/* The key set is a part of the model that was made with it. */
const struct job_input view_inputs[] = {
	FROM_MODEL("model", struct view, model, false),
	{ "keys", JOB_FROM_MODEL, offsetof(struct view, model), INT64_C(1) << 30, false, "keys" },
	{ "secret", JOB_FROM_SECRET, 0, JOB_KEY_BYTES },
};
_Static_assert(COUNT(view_inputs) == VIEW_INPUTS, "every input has a row");
/* clang-format on */
