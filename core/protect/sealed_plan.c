/*
 * The plan of a sealed artifact: what is sealed, in which form, under which mark. Made once before
 * anything is written, and made again, alike, when marks are to be found.
 */
#include "sealed.h"

void
seal_plan_done(struct seal_plan *p)
{
	seal_plain_done(&p->plain);
	free(p->counts.count);
	free(p->counts.near);
	free(p->number);
	free(p->bytes);
	p->counts.count = p->counts.near = NULL;
	p->number = NULL;
	p->bytes = NULL;
}

/* Finds each tensor's locked entries, which are in the order of the tensors. */
MUST static bool
find_locked(struct ctx *c, struct seal_plan *p)
{
	const struct onnx_model *m = &p->plain.model;
	uint32_t k = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct unlock_entry *e = &p->locked[i];

		if (e->tensor >= m->tensors || e->index >= m->tensor[e->tensor].count)
			return fail(c, E_INPUT, "a locked parameter is not in the model");
		if (i > 0 &&
		    (e->tensor < e[-1].tensor ||
			(e->tensor == e[-1].tensor && e->index <= e[-1].index)))
			return fail(c, E_INPUT, "locked parameters must be in order");
	}
	for (size_t i = 0; i < p->tensors; i++) {
		while (k < p->n && p->locked[k].tensor < p->tensor[i].is.index)
			k++;
		p->tensor[i].locked = k;
	}
	return true;
}

bool
seal_plan_make(struct ctx *c, int plain, const struct onnx_model *m, struct nn_graph *g,
    const struct sealed_options *o, const struct unlock_entry locked[], uint32_t n,
    const struct str (*metadata)[2], size_t metadatas, struct seal_plan *ret)
{
	owned(seal_plan_done) struct seal_plan p = { .locked = locked, .n = n };

	p.number = malloc(SEALED_BLOCK * sizeof *p.number);
	p.bytes = malloc(SEALED_BLOCK * sizeof(double));
	if (p.number == NULL || p.bytes == NULL)
		return fail(c, E_MEMORY, "no memory for a block of weights");
	if (!seal_open(c, plain, m, metadata, metadatas, &p.plain) ||
	    !seal_choose(c, g, o, &p) || !find_locked(c, &p))
		return false;
	p.kappa = o->kappa > 0 ? o->kappa : mark_kappa(p.weights);
	for (size_t i = 0; i < p.tensors; i++) {
		if (!seal_look(c, &p, &p.tensor[i], o->unmarked))
			return false;
		p.marked += p.tensor[i].marked;
	}
	if (!o->unmarked && p.marked < p.weights - p.marked)
		return fail(c, E_CONFLICT,
		    "only %llu of %llu weights can carry a mark: the others are alike, not finite "
		    "or no real numbers; seal without a mark, or train the model longer",
		    (unsigned long long)p.marked, (unsigned long long)p.weights);
	*ret = p;
	p = (struct seal_plan){ 0 };
	return true;
}

struct mark_terms
seal_terms(const struct seal_plan *p, const struct sealed_options *o)
{
	struct mark_terms t = { .kappa = o->kappa, .log_l = o->log_l };

	if (p->marked == 0)
		return (struct mark_terms){ 0 };
	if (!(t.kappa > 0))
		t.kappa = mark_kappa(p->marked);
	if (t.log_l == 0)
		t.log_l = mark_log_l(p->marked, t.kappa);
	return t;
}
