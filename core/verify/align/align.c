/*
 * Finds each channel of the original in the suspect, layer after layer: by the direction of the
 * weights that lead to it, over inputs that were found before. Then the suspect's numbers are
 * taken from there, relieved of scales, and written into the original's file.
 */
#include <math.h>

#include "aligning.h"

/* So many times as many channels nobody has of a model that is still used. */
enum { CROWD = 16 };

/* ---- The same layers --------------------------------------------------------------------- */

/* Terms of a sum may stand in any order: all of them have the same channels. */
static bool
same_chord(const struct layers *of, const struct chord *ours, const struct chord *theirs)
{
	bool ok = ours->n == theirs->n;

	for (int k = 0; ok && k < ours->n; k++)
		ok = space_order(of, ours->space[k]) == space_order(of, theirs->space[k]) &&
		    space_scale(of, ours->space[k]) == space_scale(of, theirs->space[k]);
	return ok;
}

MUST static bool
same_layers(struct ctx *c, const struct aligning *a)
{
	if (a->of.n != a->sus.n || a->of.spaces != a->sus.spaces)
		return fail(c, E_CONFLICT,
		    "the suspect has %zu layers with weights, the model %zu", a->sus.n,
		    a->of.n);
	for (size_t i = 0; i < a->of.n; i++) {
		const struct layer *l = &a->of.layer[i], *s = &a->sus.layer[i];
		bool same = l->kind == s->kind && l->k == s->k &&
		    same_chord(&a->of, &l->from, &s->from) &&
		    same_chord(&a->of, &l->to, &s->to);

		if (!same)
			return fail(c, E_CONFLICT,
			    "layer %.*s of the suspect is another than %.*s of the model",
			    STRF(s->node), STRF(l->node));
	}
	return true;
}

/* What has to be alike has as many channels; the suspect may have more or fewer of the others. */
MUST static bool
same_spaces(struct ctx *c, const struct aligning *a)
{
	for (size_t i = 0; i < a->of.spaces; i++) {
		int order = space_order(&a->of, (int)i);
		int64_t ours = a->of.space[i].size, theirs = a->sus.space[i].size;

		if (ours != theirs && a->of.space[order].fixed)
			return fail(c, E_CONFLICT,
			    "the suspect takes %lld numbers where the model does %lld",
			    (long long)theirs, (long long)ours);
		if (theirs != a->sus.space[order].size)
			return fail(c, E_CONFLICT,
			    "the suspect adds %lld channels to %lld, where the model has as many",
			    (long long)theirs, (long long)a->sus.space[order].size);
		if (theirs / CROWD > ours)
			return fail(c, E_CONFLICT,
			    "the suspect has %lld channels where the model has %lld",
			    (long long)theirs, (long long)ours);
	}
	return true;
}

/* What is no number in the original cannot be compared; in the suspect nothing can. */
MUST static bool
all_numbers(struct ctx *c, struct aligning *a)
{
	for (size_t i = 0; i < a->of.n; i++) {
		struct layer *l = &a->of.layer[i], *s = &a->sus.layer[i];

		for (int64_t k = 0; k < l->out * l->in * l->k; k++)
			l->w[k] = isfinite(l->w[k]) ? l->w[k] : 0;
		for (int64_t k = 0; k < l->out; k++)
			l->b[k] = isfinite(l->b[k]) ? l->b[k] : 0;
		for (int64_t k = 0; k < s->out * s->in * s->k + s->out; k++)
			if (!isfinite(k < s->out ? s->b[k] : s->w[k - s->out]))
				return fail(
				    c, E_CONFLICT, "the suspect's weights are not all numbers");
	}
	return true;
}

/* ---- One layer --------------------------------------------------------------------------- */

/* The suspect's numbers for channel i of space n of what the layer makes. */
MUST static bool
numbers_of(struct ctx *c, struct aligning *a, size_t layer, int n, int64_t i, int64_t theirs,
    float *row, float *bias)
{
	const struct layer *l = &a->of.layer[layer], *s = &a->sus.layer[layer];
	int from = l->kind == LAYER_OWN ? l->from.space[n] : -1;
	struct place *p;
	int64_t width = l->in * l->k, at;

	if (!place_of(c, a, l->to.space[n], &p))
		return false;
	at = p->found ? p->first[i] : -1;
	*bias = 0;
	memset(row, 0, (size_t)width * sizeof *row);
	if (at < 0)
		return true;
	if (!row_read(c, a, layer, theirs + p->part[at].channel, row))
		return false;
	*bias = s->b[theirs + p->part[at].channel];
	for (int64_t k = 0; from >= 0 && k < width; k++)
		row[k] *= scale_at(a, from, i);
	return true;
}

static void
unscale_rows(struct aligning *a, size_t layer, int n, int64_t ours)
{
	const struct layer *l = &a->of.layer[layer];
	int64_t width = l->in * l->k;

	for (int64_t i = 0; i < a->of.space[l->to.space[n]].size; i++) {
		float by = scale_at(a, l->to.space[n], i);
		float *row = a->w[layer] + (ours + i) * width;

		for (int64_t k = 0; k < width; k++)
			row[k] /= by;
		a->b[layer][ours + i] /= by;
		a->cosine[a->cosines++] = (float)cosine(row, l->w + (ours + i) * width, width);
	}
}

MUST static bool
layer_align(struct ctx *c, struct aligning *a, size_t layer)
{
	const struct layer *l = &a->of.layer[layer];
	int64_t ours = 0, theirs = 0, width = l->in * l->k;

	a->w[layer] = take(c, (size_t)(l->out * width) * sizeof(float) + 1);
	a->b[layer] = take(c, (size_t)l->out * sizeof(float) + 1);
	if (a->w[layer] == NULL || a->b[layer] == NULL)
		return false;
	for (int n = 0; n < l->to.n; n++) {
		int64_t size = a->of.space[l->to.space[n]].size;
		struct place *p;

		if (!place_of(c, a, l->to.space[n], &p) ||
		    (!p->found && l->kind == LAYER_DENSE && !order_find(c, a, layer, p)))
			return false;
		for (int64_t i = 0; i < size; i++) {
			if (!numbers_of(c, a, layer, n, i, theirs,
				a->w[layer] + (ours + i) * width, &a->b[layer][ours + i]))
				return false;
			a->report->moved += l->kind == LAYER_DENSE && p->found &&
			    (p->first[i] < 0 || p->part[p->first[i]].channel != i);
		}
		if (!scale_find(c, a, layer, n, ours))
			return false;
		unscale_rows(a, layer, n, ours);
		ours += size;
		theirs += a->sus.space[l->to.space[n]].size;
	}
	a->report->channels += l->out;
	return true;
}

static int
float_order(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

MUST static bool
aligning_begin(struct ctx *c, struct aligning *a)
{
	int64_t channels = 0;

	for (size_t i = 0; i < a->of.n; i++)
		channels += a->of.layer[i].out;
	a->place = take(c, (a->of.spaces + 1) * sizeof *a->place);
	a->scale = take(c, (a->of.spaces + 1) * sizeof *a->scale);
	a->w = take(c, a->of.n * sizeof *a->w);
	a->b = take(c, a->of.n * sizeof *a->b);
	a->cosine = take(c, (size_t)channels * sizeof *a->cosine + 1);
	return a->place != NULL && a->scale != NULL && a->w != NULL && a->b != NULL &&
	    a->cosine != NULL;
}

bool
align_write(struct ctx *c, const struct onnx_model *original, const struct onnx_model *suspect,
    onnx_sink *sink, void *arg, struct align_report *ret)
{
	struct align_report report = { 0 };
	struct aligning a = { .report = &report };

	if (!layers_read(c, original, &a.of) || !layers_read(c, suspect, &a.sus) ||
	    !same_layers(c, &a) || !same_spaces(c, &a) || !all_numbers(c, &a) ||
	    !aligning_begin(c, &a))
		return false;
	for (size_t i = 0; i < a.of.n; i++)
		if (!layer_align(c, &a, i))
			return false;
	qsort(a.cosine, (size_t)a.cosines, sizeof *a.cosine, float_order);
	report.likeness = a.cosines > 0 ? (double)a.cosine[a.cosines / 2] : 0;
	report.layers = (int64_t)a.of.n;
	if (!numbers_put(c, &a, sink, arg))
		return false;
	*ret = report;
	return true;
}
