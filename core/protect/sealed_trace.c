/*
 * What sets a copy apart from the original, weight by weight, as the tracing of marks wants it. A
 * weight counts for as much as it can still tell: its deviation, cut at four times what is usual in
 * its place, over the variance there. Deviations are first relieved of what follows from the
 * original weights themselves, a shift of the layer and its shrinking, as decay does it. What is
 * usual is told by layer, row and column: training on moves some neurons far and leaves others,
 * which rarely fire, as they were, with the mark in them untouched. Only weights that carry a mark
 * count, and of those not what was set to zero; the others take their turn with nothing.
 *
 * All this may be as it likes: whatever is made of suspect and original alone is independent of the
 * values of customers who had no part in it, and their scores keep their distribution.
 */
#include <math.h>

#include "sealed.h"

enum {
	SAMPLE = 1 << 16,    /* deviations by which a layer's line and spread are told */
	SIDES_MAX = 1 << 20, /* rows or columns that are told apart */
	SIDE_LEAST = 32,     /* deviations in one of them, for that */
};
#define CLIP 4.0
#define LEAST (1. / 16) /* of the mark's own deviation: nothing is more certain */
#define NORMAL 1.4826   /* a normal distribution's deviation by its median absolute one */

/* Rows, or columns: how much their deviations vary, against the whole layer. */
struct side {
	double *squares, *n; /* sums; then `squares` is the share of the layer's variance */
	int64_t count;       /* 0: they are not told apart */
};

struct trace {
	struct seal_plan *plan;
	struct seal_plan other; /* the suspect's file, for reading only */
	struct mark_walk *walk;
	struct onnx_file *file;
	struct arena *mem;           /* of the suspect's model */
	float *apart;                /* of a block */
	double *sample;              /* differences, and beside each the weight as it was */
	double shift, slope, spread; /* of the layer's differences */
	struct side row, column;
	double least;       /* deviation that is believed */
	double far, looked; /* squares of all differences, each cut at 1, and their number */
	double *sums;
};

static void
side_done(struct side *s)
{
	free(s->squares);
	free(s->n);
	*s = (struct side){ 0 };
}

static void
trace_done(struct trace *t)
{
	mark_walk_free(&t->walk);
	onnx_file_close(&t->file);
	arena_free(&t->mem);
	free(t->apart);
	free(t->sample);
	side_done(&t->row);
	side_done(&t->column);
	seal_plan_done(&t->other);
}

/* The suspect's tensors, in place of the plain ones. */
MUST static bool
suspect_open(struct ctx *c, struct trace *t, int suspect)
{
	struct ctx own = *c;
	struct onnx_model m;

	t->mem = own.mem = arena_new((size_t)1 << 30);
	if (t->mem == NULL)
		return fail(c, E_MEMORY, "no memory to read a suspect");
	t->other.plain.fd = suspect;
	if (!onnx_file_open(c, suspect, &t->file))
		return false;
	if (!onnx_read(&own, onnx_file_bytes(t->file), &m)) {
		c->err = own.err;
		return false;
	}
	t->other.tensor = take(c, t->plan->tensors * sizeof *t->other.tensor);
	if (t->other.tensor == NULL)
		return false;
	for (size_t i = 0; i < t->plan->tensors; i++) {
		const struct seal_tensor *was = &t->plan->tensor[i];
		const struct onnx_tensor *now = was->is.index < m.tensors
		    ? &m.tensor[was->is.index]
		    : NULL;

		if (now == NULL || now->type != was->is.type || now->count != was->is.count ||
		    now->raw_at == 0)
			return fail(c, E_INPUT, "the suspect's weights are not the model's");
		t->other.tensor[i] = *was;
		t->other.tensor[i].at = now->raw_at;
	}
	return true;
}

/* Differences of a block, in the layer's standard deviations; zero where there is no mark. */
MUST static bool
block_apart(struct ctx *c, struct trace *t, size_t k, int64_t first, size_t n)
{
	struct seal_plan *p = t->plan;
	const struct seal_tensor *was = &p->tensor[k];
	uint8_t marked[SEALED_BLOCK / 8] = { 0 };

	memset(marked, was->is.form == SEALED_MARKED ? 0xff : 0, sizeof marked);
	if (!seal_read(c, &t->other, &t->other.tensor[k], first, n, p->bytes) ||
	    !seal_numbers(c, was->is.type, p->bytes, n, t->apart) ||
	    !seal_read(c, p, was, first, n, p->bytes))
		return false;
	if (was->is.form == SEALED_MIXED && !seal_marks(c, p, was, first, n, p->bytes, marked))
		return false;
	if (!seal_numbers(c, was->is.type, p->bytes, n, p->number))
		return false;
	for (size_t i = 0; i < n; i++) {
		float d = (float)(((double)t->apart[i] - p->number[i]) / was->is.sigma);
		bool counts = (marked[i / 8] >> i % 8 & 1) != 0 && isfinite(d);

		if (counts) {
			t->far += fmin((double)d * d, 1);
			t->looked++;
		}
		t->apart[i] = counts && t->apart[i] != 0 ? d : 0;
	}
	return true;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The straight line through differences over weights. */
static void
fit_line(struct trace *t, size_t n)
{
	const double *d = t->sample, *w = t->sample + SAMPLE;
	double md = 0, mw = 0, ww = 0, wd = 0;

	for (size_t i = 0; i < n; i++) {
		md += d[i] / (double)n;
		mw += w[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		ww += (w[i] - mw) * (w[i] - mw);
		wd += (w[i] - mw) * (d[i] - md);
	}
	t->slope = ww > 0 ? wd / ww : 0;
	t->shift = md - t->slope * mw;
}

/* The robust spread about that line; where most weights are untouched, the plain one. */
static void
fit_spread(struct trace *t, size_t n)
{
	double *d = t->sample, *w = t->sample + SAMPLE, sum = 0;

	for (size_t i = 0; i < n; i++) {
		d[i] = fabs(d[i] - t->shift - t->slope * w[i]);
		sum += d[i] * d[i];
	}
	t->spread = 0;
	if (n == 0 || sum == 0)
		return;
	qsort(d, n, sizeof *d, by_size);
	t->spread = d[n / 2] > 0 ? NORMAL * d[n / 2] : sqrt(sum / (double)n);
}

MUST static bool
fit(struct ctx *c, struct trace *t, size_t k)
{
	const struct seal_tensor *was = &t->plan->tensor[k];
	int64_t count = was->is.count, step = count / SAMPLE + 1, next = 0;
	size_t got = 0;

	for (int64_t i = 0, n; i < count; i += n) {
		n = count - i < SEALED_BLOCK ? count - i : SEALED_BLOCK;
		if (!block_apart(c, t, k, i, (size_t)n))
			return false;
		for (; next < i + n; next += step) {
			if (t->apart[next - i] == 0)
				continue;
			t->sample[got] = (double)t->apart[next - i];
			t->sample[SAMPLE + got++] = (double)t->plan->number[next - i] /
			    was->is.sigma;
		}
	}
	fit_line(t, got);
	fit_spread(t, got);
	return true;
}

/* ---- Rows and columns -------------------------------------------------------------------- */

MUST static bool
side_begin(struct ctx *c, struct side *s, int64_t count)
{
	side_done(s);
	if (count < 2 || count > SIDES_MAX)
		return true;
	s->squares = calloc((size_t)count, sizeof *s->squares);
	s->n = calloc((size_t)count, sizeof *s->n);
	if (s->squares == NULL || s->n == NULL)
		return fail(c, E_MEMORY, "no memory for %lld rows", (long long)count);
	s->count = count;
	return true;
}

static void
side_add(struct side *s, int64_t at, double square)
{
	if (s->count == 0)
		return;
	s->squares[at] += square;
	s->n[at]++;
}

static void
side_end(struct side *s, double variance)
{
	for (int64_t i = 0; i < s->count; i++)
		s->squares[i] = s->n[i] < SIDE_LEAST ? 1 : s->squares[i] / s->n[i] / variance;
}

static double
side_share(const struct side *s, int64_t at)
{
	return s->count == 0 ? 1 : s->squares[at];
}

/* An element's deviation from the line; 0 for what does not count. */
static double
apart_from_line(const struct trace *t, const struct seal_tensor *was, size_t i)
{
	if (t->apart[i] == 0)
		return 0;
	return (double)t->apart[i] - t->shift -
	    t->slope * (double)t->plan->number[i] / was->is.sigma;
}

/* How the variance is distributed, outliers cut. */
MUST static bool
fit_sides(struct ctx *c, struct trace *t, size_t k)
{
	const struct seal_tensor *was = &t->plan->tensor[k];
	int64_t count = was->is.count, width = count / was->rows, used = 0;
	double sum = 0, most = 2 * CLIP * t->spread;

	if (!side_begin(c, &t->row, was->rows) || !side_begin(c, &t->column, width))
		return false;
	for (int64_t i = 0, n; i < count; i += n) {
		n = count - i < SEALED_BLOCK ? count - i : SEALED_BLOCK;
		if (!block_apart(c, t, k, i, (size_t)n))
			return false;
		for (int64_t j = 0; j < n; j++) {
			double d = fmin(fabs(apart_from_line(t, was, (size_t)j)), most);

			if (d == 0)
				continue;
			side_add(&t->row, (i + j) / width, d * d);
			side_add(&t->column, (i + j) % width, d * d);
			sum += d * d;
			used++;
		}
	}
	t->spread = used > 0 ? sqrt(sum / (double)used) : 0;
	side_end(&t->row, t->spread * t->spread);
	side_end(&t->column, t->spread * t->spread);
	return true;
}

/* What an element says: its deviation, cut, over the variance of its place. */
static float
says(const struct trace *t, const struct seal_tensor *was, int64_t first, size_t i)
{
	int64_t at = first + (int64_t)i, width = was->is.count / was->rows;
	double d = apart_from_line(t, was, i), share, usual;

	if (d == 0)
		return 0;
	share = side_share(&t->row, at / width) * side_share(&t->column, at % width);
	usual = fmax(t->spread * sqrt(share), t->least);
	d /= usual;
	return (float)(fmax(-CLIP, fmin(CLIP, d)) / usual);
}

MUST static bool
trace_tensor(struct ctx *c, struct trace *t, size_t k)
{
	const struct seal_tensor *was = &t->plan->tensor[k];

	if (was->is.form == SEALED_RAW)
		return true;
	if (was->is.form == SEALED_MIXED && !seal_count(c, t->plan, was))
		return false;
	if (!fit(c, t, k) || !fit_sides(c, t, k))
		return false;
	for (int64_t i = 0, n; i < was->is.count; i += n) {
		n = was->is.count - i < SEALED_BLOCK ? was->is.count - i : SEALED_BLOCK;
		if (!block_apart(c, t, k, i, (size_t)n))
			return false;
		for (size_t j = 0; j < (size_t)n; j++)
			t->apart[j] = says(t, was, i, j);
		if (!mark_gather(c, t->walk, t->apart, (size_t)n, t->sums))
			return false;
	}
	return true;
}

bool
seal_trace(struct ctx *c, struct seal_plan *p, struct str release_id,
    const struct mark_terms *m, int suspect, double sums[], double *ret_apart)
{
	owned(
	    trace_done) struct trace t = { .plan = p, .sums = sums, .least = LEAST * m->kappa };

	t.apart = malloc(SEALED_BLOCK * sizeof *t.apart);
	t.sample = malloc(2 * SAMPLE * sizeof *t.sample);
	if (t.apart == NULL || t.sample == NULL)
		return fail(c, E_MEMORY, "no memory for a block of weights");
	memset(sums, 0, sizeof *sums << m->log_l);
	if (!suspect_open(c, &t, suspect) || !mark_walk_new(c, release_id, m, NULL, &t.walk))
		return false;
	for (size_t i = 0; i < p->tensors; i++)
		if (!trace_tensor(c, &t, i))
			return false;
	*ret_apart = t.looked > 0 ? sqrt(t.far / t.looked) : 0;
	return true;
}
