/*
 * The job that looks at what was uploaded: a model or a data set. What it refuses, the vendor is
 * told in its own words; what it accepts, other jobs can work with.
 */
#include "describe.h"
#include "kinds.h"

bool
describe_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	bool model = job_has_input(r, DESCRIBE_MODEL);
	struct buf out;
	struct js j = { .out = &out };

	if (model == job_has_input(r, DESCRIBE_SAMPLES))
		return fail(c, E_INPUT,
		    model ? "a model or a data set is described, not both"
			  : "the file is empty");
	if (!take_buf(c, JOB_RESULT_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	if (model ? !describe_model(c, r, &j) : !describe_data(c, r, &j))
		return false;
	js_close(&j, '}');
	*ret_json = buf_str(&out);
	return buf_ok(c, &out);
}
