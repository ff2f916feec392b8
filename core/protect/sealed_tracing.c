/*
 * Tracing as others ask for it: a release is planned as it was when it was sealed, so that each
 * weight takes its turn in the walk over the table as it did then, and any number of suspects is
 * held against it.
 */
#include "sealed.h"

struct tracing {
	struct seal_plan plan;
	struct id release_id;
	struct mark_terms terms;
};

void
tracing_free(struct tracing **t)
{
	if (*t == NULL)
		return;
	seal_plan_done(&(*t)->plan);
	free(*t);
	*t = NULL;
}

MUST static bool
plan(struct ctx *c, const struct tracing_case *on, double kappa, struct tracing *t)
{
	struct sealed_options o = on->options;

	o.kappa = kappa;
	return seal_plan_make(
	    c, on->plain, on->model, on->graph, &o, on->locked, on->n, NULL, 0, &t->plan);
}

/*
 * Which weights go unmarked depends a little on the strength that was asked for, if one was. Where
 * the strength is the usual one, none was.
 */
MUST static bool
plan_again(struct ctx *c, const struct tracing_case *on, struct tracing *t)
{
	if (!plan(c, on, 0, t))
		return false;
	if (seal_terms(&t->plan, &(struct sealed_options){ 0 }).kappa == on->terms.kappa)
		return true;
	seal_plan_done(&t->plan);
	t->plan = (struct seal_plan){ 0 };
	return plan(c, on, on->terms.kappa, t);
}

bool
tracing_new(struct ctx *c, const struct tracing_case *on, struct tracing **ret)
{
	owned(tracing_free) struct tracing *t = NULL;

	if (on->options.unmarked || on->terms.log_l == 0)
		return fail(
		    c, E_CONFLICT, "the release carries no marks: nobody can be traced");
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return fail(c, E_MEMORY, "no memory");
	t->release_id = on->release_id;
	t->terms = on->terms;
	if (!plan_again(c, on, t))
		return false;
	*ret = steal(t);
	return true;
}

const struct onnx_model *
tracing_model(const struct tracing *t)
{
	return &t->plan.plain.model;
}

bool
tracing_sums(struct ctx *c, struct tracing *t, int suspect, double sums[], double *ret_apart)
{
	return seal_trace(
	    c, &t->plan, str_of(t->release_id.s), &t->terms, suspect, sums, ret_apart);
}
