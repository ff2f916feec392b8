/*
 * One step of an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000
 * and the peepholes of Gers and Schmidhuber 2000) and of a GRU (Cho et al. 2014), in ONNX's order
 * of gates, there and back.
 */
#include <math.h>

#include "recurrent.h"

void
rows_times(const struct rows *m, int64_t first, int64_t n, const float *x, int64_t step,
    int64_t count, float *to)
{
	for (int64_t j = 0; j < n; j++) {
		const float *row = m->p + (first + j) * m->row;
		float sum = 0;

		for (int64_t i = 0; i < count; i++)
			sum += row[i * m->col] * x[i * step];
		to[j] += sum;
	}
}

void
rows_back(const struct rows *m, int64_t first, int64_t n, const float *g, float *to,
    int64_t step, int64_t count)
{
	for (int64_t j = 0; j < n; j++)
		for (int64_t i = 0; i < count; i++)
			to[i * step] += m->p[(first + j) * m->row + i * m->col] * g[j];
}

void
rows_add(const struct rows *m, int64_t first, int64_t n, const float *g, const float *x,
    int64_t step, int64_t count)
{
	for (int64_t j = 0; m->p != NULL && j < n; j++)
		for (int64_t i = 0; i < count; i++)
			m->p[(first + j) * m->row + i * m->col] += g[j] * x[i * step];
}

static float
sigmoid(float x)
{
	return 1 / (1 + expf(-x));
}

/* Bias number j; 0 if there is none. */
static float
bias_at(const struct cell *c, int64_t j)
{
	return c->bias.p != NULL ? c->bias.p[j * c->bias.col] : 0;
}

static float
peephole_at(const struct cell *c, int64_t j)
{
	return c->peephole.p != NULL ? c->peephole.p[j * c->peephole.col] : 0;
}

/* ---- LSTM: gates i, o, f, c; peepholes i, o, f ------------------------------------------- */

static void
lstm_step(const struct cell *cell, const float *x, float *h, float *c, float *kept)
{
	int64_t n = cell->hidden;
	float *g = kept + KEPT_GATES * n;

	memcpy(kept + KEPT_H * n, h, (size_t)n * sizeof *h);
	memcpy(kept + KEPT_C * n, c, (size_t)n * sizeof *c);
	for (int64_t j = 0; j < 4 * n; j++)
		g[j] = bias_at(cell, j) + bias_at(cell, 4 * n + j);
	rows_times(&cell->w, 0, 4 * n, x, cell->x_step, cell->input, g);
	rows_times(&cell->r, 0, 4 * n, h, 1, n, g);
	for (int64_t j = 0; j < n; j++) {
		float *in = &g[j], *out = &g[n + j], *forget = &g[2 * n + j],
		      *now = &g[3 * n + j];

		*in = sigmoid(*in + peephole_at(cell, j) * c[j]);
		*forget = sigmoid(*forget + peephole_at(cell, 2 * n + j) * c[j]);
		*now = tanhf(*now);
		c[j] = *forget * c[j] + *in * *now;
		*out = sigmoid(*out + peephole_at(cell, n + j) * c[j]);
		kept[KEPT_MORE * n + j] = c[j];
		h[j] = *out * tanhf(c[j]);
	}
}

static void
peephole_back(const struct cell *cell, int64_t j, float g)
{
	if (cell->dpeephole.p != NULL)
		cell->dpeephole.p[j * cell->dpeephole.col] += g;
}

static void
lstm_back(
    const struct cell *cell, const float *kept, float *dh, float *dc, float *d, float *more)
{
	int64_t n = cell->hidden;
	const float *g = kept + KEPT_GATES * n, *was = kept + KEPT_C * n;

	(void)more;
	for (int64_t j = 0; j < n; j++) {
		float in = g[j], out = g[n + j], forget = g[2 * n + j], now = g[3 * n + j];
		float c = kept[KEPT_MORE * n + j], t = tanhf(c), all;

		d[n + j] = dh[j] * t * out * (1 - out);
		all = dc[j] + dh[j] * out * (1 - t * t) + d[n + j] * peephole_at(cell, n + j);
		d[j] = all * now * in * (1 - in);
		d[2 * n + j] = all * was[j] * forget * (1 - forget);
		d[3 * n + j] = all * in * (1 - now * now);
		dc[j] = all * forget + d[j] * peephole_at(cell, j) +
		    d[2 * n + j] * peephole_at(cell, 2 * n + j);
		peephole_back(cell, j, d[j] * was[j]);
		peephole_back(cell, n + j, d[n + j] * c);
		peephole_back(cell, 2 * n + j, d[2 * n + j] * was[j]);
		dh[j] = 0;
	}
	memcpy(d + 4 * n, d, (size_t)(4 * n) * sizeof *d);
}

/* ---- GRU: gates z (update), r (reset), h ------------------------------------------------- */

/* What is kept as KEPT_MORE: the reset state, or the recurrent sum before it is reset. */
static void
gru_step(const struct cell *cell, const float *x, float *h, float *c, float *kept)
{
	int64_t n = cell->hidden;
	float *g = kept + KEPT_GATES * n, *more = kept + KEPT_MORE * n;

	(void)c;
	memcpy(kept + KEPT_H * n, h, (size_t)n * sizeof *h);
	for (int64_t j = 0; j < 3 * n; j++)
		g[j] = bias_at(cell, j) + (j < 2 * n ? bias_at(cell, 3 * n + j) : 0);
	rows_times(&cell->w, 0, 3 * n, x, cell->x_step, cell->input, g);
	rows_times(&cell->r, 0, 2 * n, h, 1, n, g);
	for (int64_t j = 0; j < 2 * n; j++)
		g[j] = sigmoid(g[j]);
	for (int64_t j = 0; j < n; j++)
		more[j] = cell->linear_before_reset ? bias_at(cell, 5 * n + j)
						    : g[n + j] * h[j];
	if (cell->linear_before_reset) {
		rows_times(&cell->r, 2 * n, n, h, 1, n, more);
		for (int64_t j = 0; j < n; j++)
			g[2 * n + j] += g[n + j] * more[j];
	} else {
		rows_times(&cell->r, 2 * n, n, more, 1, n, g + 2 * n);
		for (int64_t j = 0; j < n; j++)
			g[2 * n + j] += bias_at(cell, 5 * n + j);
	}
	for (int64_t j = 0; j < n; j++) {
		g[2 * n + j] = tanhf(g[2 * n + j]);
		h[j] = (1 - g[j]) * g[2 * n + j] + g[j] * h[j];
	}
}

/* d: the gates' gradients as the input sees them, then as the recurrent weights do. */
static void
gru_back(
    const struct cell *cell, const float *kept, float *dh, float *dc, float *d, float *more)
{
	int64_t n = cell->hidden;
	const float *g = kept + KEPT_GATES * n, *h = kept + KEPT_H * n,
		    *m = kept + KEPT_MORE * n;
	float *last = d + 5 * n;

	(void)dc;
	for (int64_t j = 0; j < n; j++) {
		float z = g[j], now = g[2 * n + j];

		d[j] = dh[j] * (h[j] - now) * z * (1 - z);
		d[2 * n + j] = dh[j] * (1 - z) * (1 - now * now);
		dh[j] *= z;
		last[j] = cell->linear_before_reset ? d[2 * n + j] * g[n + j] : d[2 * n + j];
		more[j] = 0;
	}
	if (!cell->linear_before_reset)
		rows_back(&cell->r, 2 * n, n, last, more, 1, n);
	for (int64_t j = 0; j < n; j++) {
		float r = g[n + j];
		float dr = cell->linear_before_reset ? d[2 * n + j] * m[j] : more[j] * h[j];

		d[n + j] = dr * r * (1 - r);
		dh[j] += more[j] * r;
	}
	memcpy(d + 3 * n, d, (size_t)(2 * n) * sizeof *d);
}

const struct way way_lstm = { 4, true, lstm_step, lstm_back, lstm_relevance_step };
const struct way way_gru = { 3, false, gru_step, gru_back, gru_relevance_step };
