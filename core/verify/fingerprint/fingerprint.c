/*
 * Taking fingerprints: the probes run through the network together, and what each was answered is
 * traced back to its pixels by two rules.
 */
#include <math.h>

#include "parts.h"

enum { BATCH = 16 };

static const enum nn_map maps[2] = { NN_MAP_TAYLOR, NN_MAP_BIASED };

/* A network at work on a batch of probes. */
struct view {
	struct nn_plan *plan;
	int64_t batch, classes, numbers; /* numbers: of a sample */
	float *input, *start;
};

static void
view_done(struct view *v)
{
	nn_plan_free(&v->plan);
}

MUST static bool
view_plan(struct ctx *c, struct nn_graph *g, const struct fingerprint_probes *p, struct view *v)
{
	const struct nn_options o = { .mode = NN_EXPLAIN,
		.batch = nn_batch_free(g) ? BATCH : 1 };
	const struct nn_tensor *in, *out;

	if (!nn_plan_new(c, g, &o, &v->plan))
		return false;
	in = nn_plan_input(v->plan, 0);
	out = nn_plan_output(v->plan, 0);
	v->numbers = (int64_t)p->channels * p->width * p->height;
	if (in == NULL || nn_plan_input(v->plan, 1) != NULL || out == NULL ||
	    in->type != NN_FLOAT || out->type != NN_FLOAT || in->rank < 2 || out->rank != 2 ||
	    out->dim[0] != in->dim[0])
		return fail(c, E_INPUT, "the network does not take pictures and give classes");
	v->batch = in->dim[0];
	v->classes = out->dim[1];
	if (nn_count(in) != v->batch * v->numbers)
		return fail(c, E_INPUT,
		    "the probes do not fit the network: %lld numbers for %lld",
		    (long long)v->numbers, (long long)(nn_count(in) / v->batch));
	return true;
}

MUST static bool
view_open(struct ctx *c, struct nn_graph *g, const struct fingerprint_probes *p, struct view *v)
{
	if (p->n < 1 || p->n > FINGERPRINT_PROBES_MAX || p->width < 1 || p->height < 1 ||
	    p->width > FINGERPRINT_SIDE_MAX || p->height > FINGERPRINT_SIDE_MAX)
		return fail(c, E_INPUT, "%d probes of %d x %d", p->n, p->width, p->height);
	if (!view_plan(c, g, p, v))
		return false;
	v->input = take(c, (size_t)(v->batch * v->numbers) * sizeof(float));
	v->start = take(c, (size_t)(v->batch * v->classes) * sizeof(float));
	return v->input != NULL && v->start != NULL &&
	    nn_relevance_box(c, v->plan, p->low, p->high);
}

/* Shows probes `at` and on; the rest of the batch is whatever was there. */
MUST static bool
view_show(struct ctx *c, struct view *v, const struct fingerprint_probes *p, int at, int n)
{
	const void *input[] = { v->input };

	memcpy(v->input, p->samples + at * v->numbers,
	    (size_t)(n * v->numbers) * sizeof *v->input);
	return nn_forward(c, v->plan, input);
}

static const float *
said(const struct view *v, int i)
{
	return (const float *)nn_plan_output(v->plan, 0)->data + i * v->classes;
}

/* The class that a row of outputs means; of the others, if one is left out. */
static int32_t
highest(const float *row, int64_t n, int32_t but)
{
	int32_t best = -1;

	for (int64_t k = 0; k < n; k++)
		if (k != but && (best < 0 || row[k] > row[best]))
			best = (int32_t)k;
	return best;
}

/* ---- One map ------------------------------------------------------------------------------- */

/* How much is to be traced back: what was said for the class, or 1 if that is nothing. */
static float
amount(float said_for, bool *weak)
{
	*weak = !(said_for > 0);
	return *weak ? 1 : said_for;
}

/* Channels added up, and scaled. */
static void
map_read(const float *relevance, const struct fingerprint_probes *p, bool by_sum, float *to)
{
	int64_t pixels = (int64_t)p->width * p->height;
	double sum = 0, most = 0, by;

	for (int64_t i = 0; i < pixels; i++) {
		double all = 0;

		for (int ch = 0; ch < p->channels; ch++)
			all += (double)relevance[ch * pixels + i];
		to[i] = (float)all;
		sum += all;
		most = fmax(most, fabs(all));
	}
	by = by_sum ? sum : most;
	for (int64_t i = 0; i < pixels; i++)
		to[i] = by > 0 ? (float)((double)to[i] / by) : 0;
}

static double
sum_of(const float v[], int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)v[i];
	return sum;
}

/* Of the probes that were shown, the maps about these classes. */
MUST static bool
trace(struct ctx *c, struct view *v, const struct fingerprint_probes *p, int n, int which,
    const int32_t answer[], float *map, float *lost, bool *weak)
{
	const float *out[] = { v->start }, *got;
	int64_t pixels = (int64_t)p->width * p->height;

	memset(v->start, 0, (size_t)(v->batch * v->classes) * sizeof *v->start);
	for (int i = 0; i < n; i++)
		v->start[i * v->classes + answer[i]] = amount(said(v, i)[answer[i]], &weak[i]);
	if (!nn_relevance(c, v->plan, maps[which], out))
		return false;
	got = nn_input_gradient(v->plan, 0);
	for (int i = 0; i < n; i++) {
		double began = (double)v->start[i * v->classes + answer[i]];
		double came = sum_of(got + i * v->numbers, v->numbers);

		if (!isfinite(came))
			return fail(c, E_INPUT, "its relevance is not finite");
		lost[i] = (float)fabs(1 - came / began);
		map_read(got + i * v->numbers, p, which == 0, map + i * pixels);
	}
	return true;
}

/* ---- All maps ------------------------------------------------------------------------------ */

bool
fingerprint_new(struct ctx *c, int probes, int width, int height, struct fingerprint *ret)
{
	size_t n = (size_t)probes, pixels = (size_t)width * (size_t)height;
	struct fingerprint f = { .probes = probes, .width = width, .height = height };

	f.answer = take(c, n * sizeof *f.answer);
	f.taylor = take(c, n * pixels * sizeof *f.taylor);
	f.epsilon = take(c, n * pixels * sizeof *f.epsilon);
	f.lost[0] = take(c, n * sizeof *f.lost[0]);
	f.lost[1] = take(c, n * sizeof *f.lost[1]);
	f.weak = take(c, n);
	if (f.answer == NULL || f.taylor == NULL || f.epsilon == NULL || f.lost[0] == NULL ||
	    f.lost[1] == NULL || f.weak == NULL)
		return false;
	*ret = f;
	return true;
}

MUST static bool
answers_choose(struct ctx *c, const struct view *v, const struct fingerprint_probes *p, int at,
    int n, int32_t answer[])
{
	for (int i = 0; i < n; i++) {
		answer[i] = p->answer != NULL ? p->answer[at + i]
					      : highest(said(v, i), v->classes, -1);
		if (answer[i] < 0 || answer[i] >= v->classes)
			return fail(c, E_INPUT, "the network has no class %d", answer[i]);
	}
	return true;
}

bool
fingerprint_take(struct ctx *c, struct nn_graph *g, const struct fingerprint_probes *p,
    struct fingerprint *ret)
{
	owned(view_done) struct view v = { 0 };
	struct fingerprint f;
	int64_t pixels;

	if (!view_open(c, g, p, &v) || !fingerprint_new(c, p->n, p->width, p->height, &f))
		return false;
	pixels = (int64_t)p->width * p->height;
	for (int at = 0, n; at < p->n; at += n) {
		float *const map[2] = { f.taylor + at * pixels, f.epsilon + at * pixels };

		n = p->n - at < v.batch ? p->n - at : (int)v.batch;
		for (int which = 0; which < 2; which++)
			if (!view_show(c, &v, p, at, n) ||
			    !answers_choose(c, &v, p, at, n, f.answer + at) ||
			    !trace(c, &v, p, n, which, f.answer + at, map[which],
				f.lost[which] + at, f.weak + at))
				return false;
	}
	*ret = f;
	return true;
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static int
double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double v[], int n)
{
	qsort(v, (size_t)n, sizeof *v, double_order);
	return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Numbers brought to 0 to 1, as pictures of structure have to be. */
static void
stretch(const float *from, int64_t n, float *to)
{
	float low = from[0], high = from[0];

	for (int64_t i = 0; i < n; i++) {
		low = fminf(low, from[i]);
		high = fmaxf(high, from[i]);
	}
	for (int64_t i = 0; i < n; i++)
		to[i] = high > low ? (from[i] - low) / (high - low) : 0;
}

bool
fingerprint_compare(struct ctx *c, const struct fingerprint *a, const struct fingerprint *b,
    struct fingerprint_scores *ret)
{
	int64_t pixels = (int64_t)a->width * a->height;
	struct fingerprint_scores s = { 0 };
	double *v = take(c, 4 * (size_t)a->probes * sizeof *v);
	float *x = take(c, 2 * (size_t)pixels * sizeof *x);

	if (v == NULL || x == NULL)
		return false;
	if (a->probes != b->probes || a->width != b->width || a->height != b->height)
		return fail(c, E_INPUT, "the fingerprints are not of the same probes");
	for (int i = 0; i < a->probes; i++) {
		const float *p = a->epsilon + i * pixels, *q = b->epsilon + i * pixels;

		if (a->answer[i] != b->answer[i])
			return fail(c, E_INPUT, "the fingerprints are of other answers");
		stretch(a->taylor + i * pixels, pixels, x);
		stretch(b->taylor + i * pixels, pixels, x + pixels);
		v[i] = likeness_structure(x, x + pixels, a->width, a->height);
		v[2 * a->probes + i] = likeness_cosine(p, q, pixels);
		if (!likeness_spearman(c, p, q, pixels, &v[a->probes + i]) ||
		    !likeness_top(c, p, q, pixels, (pixels + 19) / 20, &v[3 * a->probes + i]))
			return false;
		s.lost = fmax(s.lost, (double)fmaxf(a->lost[0][i], b->lost[0][i]));
	}
	s.taylor = median(v, a->probes);
	s.epsilon = median(v + a->probes, a->probes);
	s.cosine = median(v + 2 * a->probes, a->probes);
	s.top = median(v + 3 * a->probes, a->probes);
	*ret = s;
	return true;
}

bool
fingerprint_blur(
    struct ctx *c, struct nn_graph *g, const struct fingerprint_probes *p, double *ret)
{
	owned(view_done) struct view v = { 0 };
	struct fingerprint f[2];
	double *like;
	int64_t pixels = (int64_t)p->width * p->height;

	if (!view_open(c, g, p, &v) || !fingerprint_new(c, p->n, p->width, p->height, &f[0]) ||
	    !fingerprint_new(c, p->n, p->width, p->height, &f[1]))
		return false;
	like = take(c, (size_t)p->n * sizeof *like);
	if (like == NULL)
		return false;
	for (int at = 0, n; at < p->n; at += n) {
		n = p->n - at < v.batch ? p->n - at : (int)v.batch;
		for (int k = 0; k < 2; k++) {
			if (!view_show(c, &v, p, at, n))
				return false;
			for (int i = 0; i < n; i++)
				f[k].answer[at + i] = highest(
				    said(&v, i), v.classes, k == 0 ? -1 : f[0].answer[at + i]);
			if (v.classes < 2 ||
			    !trace(c, &v, p, n, 0, f[k].answer + at, f[k].taylor + at * pixels,
				f[k].lost[0] + at, f[k].weak + at))
				return v.classes >= 2
				    ? false
				    : fail(c, E_INPUT, "the network has a single class");
		}
	}
	for (int i = 0; i < p->n; i++)
		like[i] = likeness_cosine(
		    f[0].taylor + i * pixels, f[1].taylor + i * pixels, pixels);
	*ret = median(like, p->n);
	return true;
}
