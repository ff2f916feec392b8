/*
 * Relevance through a step of an LSTM and of a GRU: gates are factors like any other, so what they
 * open for takes all (Arras et al. 2017, arXiv 1706.07206); sums give each part its share of what
 * it brought. Biases take no part.
 */
#include <float.h>
#include <math.h>

#include "recurrent.h"

static float
counted(const struct cell *c, float x)
{
	return c->positive ? fmaxf(x, 0) : x;
}

/* z / R turned into R / z, with what keeps a signed sum from being nothing. */
static void
divide(const struct cell *c, const float *r, float *z)
{
	double sum = 0;
	float eps;

	for (int64_t j = 0; j < c->hidden; j++)
		sum += fabs((double)z[j]);
	eps = c->positive ? 0 : (float)(1e-6 * fmax(sum / (double)c->hidden, (double)FLT_MIN));
	for (int64_t j = 0; j < c->hidden; j++)
		z[j] = z[j] == 0 ? 0 : r[j] / (z[j] + (z[j] < 0 ? -eps : eps));
}

/* Of a sum of two its parts' shares; where neither counts, by their sizes. */
static float
share(const struct cell *c, float r, float part, float other)
{
	float mine = counted(c, part), all = mine + counted(c, other);

	if (fabsf(all) > 1e-6F * (fabsf(part) + fabsf(other)))
		return r * mine / all;
	all = fabsf(part) + fabsf(other);
	return all > 0 ? r * fabsf(part) / all : 0;
}

/* The rows of one gate: what they see of the input and of the state, which a gate may open. */
struct seen {
	int64_t first; /* row */
	const float *x, *h;
	const float *row_gate, *column_gate; /* of the state's part; NULL: open */
};

static float
of_state(const struct cell *c, const struct seen *s, int64_t j, int64_t i)
{
	float w = c->r.p[(s->first + j) * c->r.row + i * c->r.col] * s->h[i];

	w *= s->row_gate != NULL ? s->row_gate[j] : 1;
	return counted(c, s->column_gate != NULL ? w * s->column_gate[i] : w);
}

static float
of_input(const struct cell *c, const struct seen *s, int64_t j, int64_t i)
{
	return counted(
	    c, c->w.p[(s->first + j) * c->w.row + i * c->w.col] * s->x[i * c->x_step]);
}

/* r, the relevance of these rows, goes to the input and to the state; z is room. */
static void
rows_relevance(const struct cell *c, const struct seen *s, const float *r, float *z, float *rx,
    int64_t rx_step, float *rh)
{
	for (int64_t j = 0; j < c->hidden; j++) {
		z[j] = 0;
		for (int64_t i = 0; i < c->input; i++)
			z[j] += of_input(c, s, j, i);
		for (int64_t i = 0; i < c->hidden; i++)
			z[j] += of_state(c, s, j, i);
	}
	divide(c, r, z);
	for (int64_t j = 0; j < c->hidden; j++) {
		for (int64_t i = 0; rx != NULL && i < c->input; i++)
			rx[i * rx_step] += z[j] * of_input(c, s, j, i);
		for (int64_t i = 0; i < c->hidden; i++)
			rh[i] += z[j] * of_state(c, s, j, i);
	}
}

/* c = forget * was + in * now; h = out * tanh(c). */
void
lstm_relevance_step(const struct cell *cell, const float *kept, const float *x, float *rx,
    int64_t rx_step, float *rh, float *rc, float *more)
{
	int64_t n = cell->hidden;
	const float *g = kept + KEPT_GATES * n, *was = kept + KEPT_C * n;
	const struct seen seen = { 3 * n, x, kept + KEPT_H * n, NULL, NULL };

	for (int64_t j = 0; j < n; j++) {
		float old = g[2 * n + j] * was[j], new = g[j] * g[3 * n + j];
		float r = rc[j] + rh[j];

		more[j] = share(cell, r, new, old);
		rc[j] = share(cell, r, old, new);
		rh[j] = 0;
	}
	rows_relevance(cell, &seen, more, more + n, rx, rx_step, rh);
}

/* h = (1 - update) * now + update * was; the reset opens the state that `now` sees. */
void
gru_relevance_step(const struct cell *cell, const float *kept, const float *x, float *rx,
    int64_t rx_step, float *rh, float *rc, float *more)
{
	int64_t n = cell->hidden;
	const float *g = kept + KEPT_GATES * n, *was = kept + KEPT_H * n, *reset = g + n;
	const struct seen seen = { 2 * n, x, was, cell->linear_before_reset ? reset : NULL,
		cell->linear_before_reset ? NULL : reset };

	(void)rc;
	for (int64_t j = 0; j < n; j++) {
		float old = g[j] * was[j], new = (1 - g[j]) * g[2 * n + j];
		float r = rh[j];

		more[j] = share(cell, r, new, old);
		rh[j] = share(cell, r, old, new);
	}
	rows_relevance(cell, &seen, more, more + n, rx, rx_step, rh);
}
