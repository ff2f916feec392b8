/*
 * The table of job kinds: one row says everything that the server must know to accept a job of that
 * kind and that the worker must know to read it. What the worker then does is in run/, by kind.
 */
#include "job.h"

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
	{ "text", offsetof(struct selftest, text), SELFTEST_TEXT_MAX },
};

static bool selftest_check(struct ctx *, const void *);

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
	struct str bytes;

	memcpy(&bytes, (const char *)params + job_kinds[type].input[i].from, sizeof bytes);
	return bytes;
}
