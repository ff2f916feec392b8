/*
 * Passes of an embedding: forward, what is asked of the outputs, and backward. Ours are keys and
 * samples in one batch, so that batch norms take their statistics of the mixture and the keys that
 * were learnt are the keys that are served. A thief knows no keys: his batches are samples alone.
 */
#include "parts.h"

MUST static bool
forward(struct ctx *c, struct embedding *e, struct nn_plan *p, const float *in)
{
	const void *input[] = { in };

	memset(e->gradient, 0, (size_t)(e->rows * e->aim.classes) * sizeof *e->gradient);
	memset(e->feature_gradient, 0,
	    (size_t)(e->rows * e->features) * sizeof *e->feature_gradient);
	return nn_forward(c, p, input);
}

MUST static bool
backward(struct ctx *c, const struct embedding *e, struct nn_plan *p)
{
	const float *gradient[EMBED_OUTPUTS_MAX] = { e->gradient };

	if (e->features > 0)
		gradient[e->features_at] = e->feature_gradient;
	return nn_backward(c, p, gradient);
}

bool
embed_tell(struct ctx *c, struct embedding *e, const float *in)
{
	const void *input[] = { in };
	bool ok;

	if (e->telling == NULL)
		return true;
	kept_put(&e->unmarked);
	ok = nn_forward(c, e->telling, input);
	kept_put(&e->own);
	if (ok)
		memcpy(e->told, nn_plan_output(e->telling, 0)->data,
		    (size_t)(e->rows * e->aim.classes) * sizeof *e->told);
	return ok;
}

/* Rows of samples from `first` on; a thief does not know of an additional class. */
static double
ask_samples(struct embedding *e, int64_t first, bool thief)
{
	const float *out = nn_plan_output(e->mixed, 0)->data;
	int64_t n = e->aim.classes;
	double loss = 0, share = 1 / (double)(e->rows - first);

	for (int64_t i = first; i < e->rows; i++) {
		const float *row = out + i * n;
		const float *told = e->telling == NULL ? NULL : e->told + i * n;
		float *to = e->gradient + i * n;

		loss += thief ? aim_row(&e->aim, row, n, e->label[i], 0, share, to)
			      : aim_sample(&e->aim, row, e->label[i], told, share, to);
	}
	return loss;
}

bool
embed_mixed(struct ctx *c, struct embedding *e, double *ret_loss)
{
	if (!forward(c, e, e->mixed, e->in))
		return false;
	*ret_loss = embed_ask_keys(e, e->mixed, e->options.weight) +
	    ask_samples(e, embed_key_rows(e), false);
	return backward(c, e, e->mixed);
}

bool
embed_among(struct ctx *c, struct embedding *e, double weight)
{
	if (!forward(c, e, e->mixed, e->in))
		return false;
	(void)embed_ask_keys(e, e->mixed, weight);
	return backward(c, e, e->mixed);
}

bool
embed_alone(struct ctx *c, struct embedding *e, bool thief, double *ret_loss)
{
	if (!forward(c, e, e->mixed, e->alone))
		return false;
	*ret_loss = ask_samples(e, 0, thief);
	return backward(c, e, e->mixed);
}

bool
embed_served(struct ctx *c, struct embedding *e, double weight)
{
	if (!forward(c, e, e->served, e->in))
		return false;
	(void)embed_ask_keys(e, e->served, weight);
	return backward(c, e, e->served);
}
