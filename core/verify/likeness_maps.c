/*
 * Which probes are explained, how a network decides about them, and which of the two maps is to be
 * ranked. That is settled by the owner, a damaged copy of it, and the null models: before anybody
 * looks at the suspect.
 */
#include <math.h>

#include "likeness_parts.h"

enum { PURPOSE = 1 /* of the secret's order */ };

/* ---- Probes ------------------------------------------------------------------------------ */

/* In the secret's order, but no class more often than its share as long as there are others. */
static int64_t
spread(const struct train_data *d, const uint32_t order[], int64_t most, uint32_t ret[])
{
	int64_t classes = d->labels->classes, n = 0, all = d->samples->shape.dim[0];
	int64_t share = (most + classes - 1) / classes;

	for (int64_t i = 0; i < all && n < most; i++) {
		int32_t label = d->labels->v[order[i]];
		int64_t same = 0;

		for (int64_t k = 0; k < n; k++)
			same += d->labels->v[ret[k]] == label;
		if (same < share)
			ret[n++] = order[i];
	}
	for (int64_t i = 0; i < all && n < most; i++) {
		bool taken = false;

		for (int64_t k = 0; k < n; k++)
			taken = taken || ret[k] == order[i];
		if (!taken)
			ret[n++] = order[i];
	}
	return n;
}

static void
probes_box(const struct train_data *d, struct fingerprint_probes *p)
{
	int64_t n = p->n * d->form.count;

	p->low = d->form.value[0];
	p->high = d->form.value[255];
	if (d->form.type == DATA_UINT8)
		return;
	p->low = p->high = p->samples[0];
	for (int64_t i = 0; i < n; i++) {
		p->low = fminf(p->low, p->samples[i]);
		p->high = fmaxf(p->high, p->samples[i]);
	}
}

bool
probes_choose(struct ctx *c, struct labeller *owner, int64_t classes,
    const struct train_data *d, const struct key256 *secret, int share,
    struct fingerprint_probes *ret)
{
	const struct data_form *f = &d->form;
	struct fingerprint_probes p = { .channels = 1, .width = 1, .height = 1 };
	uint32_t *order, which[VERIFY_PROBES];
	int32_t *answer = take(c, VERIFY_PROBES * sizeof *answer);
	float *x;

	if (answer == NULL || !likeness_order(c, secret, PURPOSE, d, 1, &order))
		return false;
	p.n = (int)spread(d, order, VERIFY_PROBES >> share, which);
	if (!likeness_samples(c, d, which, p.n, &x) ||
	    !labeller_ask(c, owner, x, p.n, classes, answer))
		return false;
	for (int i = 0; i < p.n; i++)
		if (answer[i] < 0)
			return fail(
			    c, E_INPUT, "the release answers with numbers that are not finite");
	p.samples = x;
	p.answer = answer;
	if (f->rank > 1)
		p.channels = (int)f->dim[0];
	p.width = (int)f->dim[f->rank - 1];
	if (f->rank == 3)
		p.height = (int)f->dim[1];
	probes_box(d, &p);
	*ret = p;
	return true;
}

/* ---- A copy that is known to be one ------------------------------------------------------ */

static int
by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* The smallest fifth of a weight becomes zero: more would break deep networks. */
MUST static bool
prune(struct ctx *c, struct nn_weight *w, float *was)
{
	float *size = take(c, (size_t)w->count * sizeof *size), middle;

	if (size == NULL)
		return false;
	memcpy(was, w->data, (size_t)w->count * sizeof *was);
	for (int64_t i = 0; i < w->count; i++)
		size[i] = fabsf(was[i]);
	qsort(size, (size_t)w->count, sizeof *size, by_size);
	middle = size[w->count / 5];
	for (int64_t i = 0; i < w->count; i++)
		if (fabsf(was[i]) < middle)
			w->data[i] = 0;
	return true;
}

bool
print_of_copy(struct ctx *c, struct nn_graph *g, const struct fingerprint_probes *p,
    struct fingerprint *ret)
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);
	float **was = take(c, n * sizeof *was + 1);
	bool ok = was != NULL;

	for (size_t i = 0; ok && i < n; i++) {
		if (w[i].rank < 2 || w[i].count < 2 || w[i].constant)
			continue;
		was[i] = take(c, (size_t)w[i].count * sizeof *was[i]);
		ok = was[i] != NULL && prune(c, &w[i], was[i]);
	}
	nn_graph_changed(g);
	ok = ok && fingerprint_take(c, g, p, ret);
	for (size_t i = 0; was != NULL && i < n; i++)
		if (was[i] != NULL)
			memcpy(w[i].data, was[i], (size_t)w[i].count * sizeof *was[i]);
	nn_graph_changed(g);
	return ok;
}

/* ---- Fewer classes ----------------------------------------------------------------------- */

bool
prints_within(
    struct ctx *c, int64_t classes, struct fingerprint_probes *p, struct fingerprint *f)
{
	size_t pixels = (size_t)f->width * (size_t)f->height, kept = 0;
	size_t numbers = pixels * (size_t)p->channels, n = (size_t)p->n;
	struct fingerprint all = *f, some;
	float *x = take(c, n * numbers * sizeof *x);

	if (x == NULL || !fingerprint_new(c, p->n, p->width, p->height, &some))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (all.answer[i] >= classes)
			continue;
		memcpy(x + kept * numbers, p->samples + i * numbers, numbers * sizeof *x);
		memcpy(
		    some.taylor + kept * pixels, all.taylor + i * pixels, pixels * sizeof *x);
		memcpy(
		    some.epsilon + kept * pixels, all.epsilon + i * pixels, pixels * sizeof *x);
		some.answer[kept] = all.answer[i];
		some.weak[kept] = all.weak[i];
		some.lost[0][kept] = all.lost[0][i];
		some.lost[1][kept++] = all.lost[1][i];
	}
	if (kept == 0)
		return fail(c, E_INPUT, "the release says its last class of all probes");
	some.probes = p->n = (int)kept;
	p->samples = x;
	p->answer = some.answer;
	*f = some;
	return true;
}

/* ---- Pictures ---------------------------------------------------------------------------- */

MUST static bool
picture_of(struct ctx *c, const float map[], int64_t n, const uint8_t **ret)
{
	uint8_t *to = take(c, (size_t)n);
	float most = 0;

	if (to == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		most = fmaxf(most, fabsf(map[i]));
	for (int64_t i = 0; i < n; i++)
		to[i] = (uint8_t)(most > 0 ? lrintf(255 * fabsf(map[i]) / most) : 0);
	*ret = to;
	return true;
}

bool
prints_show(struct ctx *c, const struct fingerprint *owner, const struct fingerprint *suspect,
    bool taylor, struct evidence *e)
{
	int64_t n = (int64_t)owner->width * owner->height;

	for (int i = 0; i < owner->probes && e->pictures < EVIDENCE_PICTURES_MAX; i++) {
		struct evidence_picture *p = &e->picture[e->pictures];
		struct fingerprint one[2] = { *owner, *suspect };
		struct fingerprint_scores s;

		for (int k = 0; k < 2; k++) {
			one[k].probes = 1;
			one[k].answer += i;
			one[k].taylor += i * n;
			one[k].epsilon += i * n;
			one[k].lost[0] += i;
			one[k].lost[1] += i;
		}
		if (!fingerprint_compare(c, &one[0], &one[1], &s) ||
		    !picture_of(c, taylor ? one[0].taylor : one[0].epsilon, n, &p->owner) ||
		    !picture_of(c, taylor ? one[1].taylor : one[1].epsilon, n, &p->suspect))
			return false;
		p->width = owner->width;
		p->height = owner->height;
		p->structure = s.taylor;
		p->rank = s.epsilon;
		e->pictures++;
	}
	return true;
}
