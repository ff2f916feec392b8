/*
 * Where things are: the suspect's channel, or channels, for one of the original, and its weights
 * over the inputs that the original has.
 */
#include <math.h>

#include "aligning.h"

/* Fixed channels are where they were. */
bool
place_of(struct ctx *c, struct aligning *a, int space, struct place **ret)
{
	struct place *p = &a->place[space_order(&a->of, space)];
	int64_t n = a->of.space[space].size;

	*ret = p;
	if (p->found || !a->of.space[space_order(&a->of, space)].fixed)
		return true;
	p->found = true;
	if (!place_new(c, p, n, n))
		return false;
	for (int64_t i = 0; i < n; i++)
		place_put(p, i, i, 1);
	return true;
}

float
scale_at(const struct aligning *a, int space, int64_t channel)
{
	const float *s = a->scale[space_scale(&a->of, space)];

	return s == NULL ? 1 : s[channel];
}

/* ---- The suspect's weights over the original's inputs ------------------------------------ */

/* One row of the suspect: what it makes of each input that the original has. */
bool
row_read(struct ctx *c, struct aligning *a, size_t layer, int64_t theirs, float *row)
{
	const struct layer *l = &a->of.layer[layer], *s = &a->sus.layer[layer];
	const float *from = s->w + theirs * s->in * s->k;
	int64_t ours_at = 0, theirs_at = 0;

	memset(row, 0, (size_t)(l->in * l->k) * sizeof *row);
	if (l->kind == LAYER_OWN) {
		memcpy(row, from, (size_t)l->k * sizeof *row);
		return true;
	}
	for (int n = 0; n < l->from.n; n++) {
		int space = l->from.space[n];
		struct place *p;

		if (!place_of(c, a, space, &p))
			return false;
		for (int64_t i = 0; p->found && i < a->of.space[space].size; i++)
			for (int64_t at = p->first[i]; at >= 0; at = p->part[at].next) {
				float by = p->part[at].share * scale_at(a, space, i);

				for (int64_t k = 0; k < l->k; k++)
					row[(ours_at + i) * l->k + k] += by *
					    from[(theirs_at + p->part[at].channel) * l->k + k];
			}
		ours_at += a->of.space[space].size;
		theirs_at += a->sus.space[space].size;
	}
	return true;
}

double
product(const float *a, const float *b, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)a[i] * (double)b[i];
	return sum;
}

double
cosine(const float *a, const float *b, int64_t n)
{
	double aa = product(a, a, n), bb = product(b, b, n);

	return aa > 0 && bb > 0 ? product(a, b, n) / sqrt(aa * bb) : 0;
}
