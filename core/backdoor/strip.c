/*
 * STRIP (Gao et al. 2019, arXiv 1902.06531): other pictures are laid over one at half strength. A
 * clean one's answers then go this way and that; a trigger's stay, and their entropy is low.
 */
#include <math.h>

#include "parts.h"

enum { OVERLAYS = 64, SAMPLES = 500 };
#define STRENGTH .5F

struct laying {
	struct backdoor_probe probe;
	float *room, *out;
};

static void
laying_done(struct laying *l)
{
	backdoor_probe_done(&l->probe);
	free(l->room);
	free(l->out);
}

MUST static bool
laying_new(
    struct ctx *c, const struct backdoor_case *k, const struct strip *s, struct laying *l)
{
	return backdoor_probe_new(c, k, NN_INFER, OVERLAYS, &l->probe) &&
	    backdoor_floats(c, s->overlays * s->count, &l->room) &&
	    backdoor_floats(c, s->overlays * l->probe.outputs, &l->out);
}

/* Of the probabilities that logarithms stand for, up to a constant. */
static double
entropy(const float *row, int64_t n)
{
	double most = (double)row[backdoor_highest(row, n)], all = 0, sum = 0;

	for (int64_t i = 0; i < n; i++)
		all += exp((double)row[i] - most);
	for (int64_t i = 0; i < n; i++) {
		double p = exp((double)row[i] - most) / all;

		sum -= p > 0 ? p * log(p) : 0;
	}
	return sum;
}

MUST static bool
score(struct ctx *c, struct laying *l, const struct strip *s, const float *x, double *ret)
{
	double sum = 0;

	for (int64_t i = 0; i < s->overlays * s->count; i++) {
		float y = x[i % s->count] + STRENGTH * s->overlay[i];

		l->room[i] = y < s->low ? s->low : y > s->high ? s->high : y;
	}
	if (!backdoor_ask(c, &l->probe, l->room, s->overlays, l->out))
		return false;
	for (int64_t i = 0; i < s->overlays; i++)
		sum += entropy(l->out + i * l->probe.outputs, l->probe.outputs);
	*ret = sum / (double)s->overlays;
	return true;
}

bool
strip_scores(struct ctx *c, const struct backdoor_case *k, const struct strip *s,
    const float *x, int64_t n, double ret[])
{
	owned(laying_done) struct laying l = { 0 };

	if (!laying_new(c, k, s, &l))
		return false;
	for (int64_t i = 0; i < n; i++)
		if (!score(c, &l, s, x + i * s->count, &ret[i]))
			return false;
	return true;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
scores_free(double **v)
{
	free(*v);
}

/* The limits, by samples behind those that are overlays. */
MUST static bool
find_limits(struct ctx *c, const struct backdoor_case *k, const struct backdoor_draw *d,
    struct strip *s)
{
	int64_t n = d->n - s->overlays;
	owned(scores_free) double *v = calloc((size_t)n, sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld scores", (long long)n);
	if (!strip_scores(c, k, s, d->x + s->overlays * s->count, n, v))
		return false;
	qsort(v, (size_t)n, sizeof *v, by_size);
	s->limit[0] = v[n / 100];
	s->limit[1] = v[n / 20];
	return true;
}

bool
strip_make(struct ctx *c, const struct backdoor_case *k, int64_t overlays, int64_t samples,
    struct strip *ret)
{
	owned(backdoor_draw_done) struct backdoor_draw d = { 0 };
	struct strip s = { .overlays = overlays > 0 ? overlays : OVERLAYS,
		.count = k->data->form.count };
	int64_t n = s.overlays + (samples > 0 ? samples : SAMPLES);

	if (!backdoor_draw_new(c, k, n, &d) || !backdoor_range(c, k->data, &s.low, &s.high))
		return false;
	if (d.n <= s.overlays)
		return fail(c, E_INPUT, "%lld samples are too few for %lld overlays",
		    (long long)d.n, (long long)s.overlays);
	s.overlay = take(c, (size_t)(s.overlays * s.count) * sizeof *s.overlay);
	if (s.overlay == NULL)
		return false;
	memcpy(s.overlay, d.x, (size_t)(s.overlays * s.count) * sizeof *s.overlay);
	if (!find_limits(c, k, &d, &s))
		return false;
	*ret = s;
	return true;
}
