/*
 * The job that says whose a suspect is, and who leaked it: what the vendor has is opened, the
 * suspect is told by its bytes and put to the tests that fit it, and what follows from them is
 * written down.
 */
#include "kinds.h"
#include "verification.h"

static void
verification_free(struct verification **v)
{
	if (*v == NULL)
		return;
	/* A test that was given up goes on until the process ends. */
	if ((*v)->slow)
		return;
	suspect_done(&(*v)->suspect);
	vendor_done(&(*v)->vendor);
	free(*v);
	*v = NULL;
}

MUST static bool
verification_new(struct ctx *c, const struct job_run *r, struct verification **ret)
{
	struct verification *v = calloc(1, sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for a verification");
	v->own = *r;
	v->run = &v->own;
	v->params = r->params;
	v->began = clock_monotonic();
	v->patience = r->patience > 0 ? r->patience : INT64_MAX;
	v->suspect.fd = v->vendor.fd = -1;
	*ret = v;
	return true;
}

MUST static bool
ids_open(struct ctx *c, struct verification *v)
{
	const struct verify *p = v->params;
	struct evidence *e = &v->evidence;

	e->appeared = p->appeared;
	e->trace.eps1 = p->eps1;
	return id_parse(c, p->verification, "ver", &e->verification) &&
	    id_parse(c, p->release, "rel", &e->release) &&
	    id_parse(c, p->suspect, "sus", &e->suspect);
}

/* Whatever keeps the suspect from being read is what the verification says. */
MUST static bool
examine(struct ctx *c, struct verification *v)
{
	v->run->progress(v->run->arg, 0, 0, STR("reading the suspect"));
	if (suspect_open(c, v) && suspect_test(c, v))
		return true;
	if (!suspect_fault(c))
		return false;
	suspect_cannot(c, v);
	return true;
}

bool
verify_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(verification_free) struct verification *v = NULL;

	if (!verification_new(c, r, &v) || !ids_open(c, v))
		return false;
	r->progress(r->arg, 0, 0, STR("reading the release"));
	return vendor_open(c, v) && examine(c, v) && verification_result(c, v, ret_json);
}
