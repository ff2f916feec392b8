/*
 * The tasks that work element by element or by channel: they find their numbers, cut them into rows
 * and call an inner loop.
 */
#include <math.h>

#include "attrs.h"
#include "fast_parts.h"
#include "kernel.h"

void *
fast_at(const struct worker *w, struct place at)
{
	const struct fast *f = w->fast;
	const struct block *b = &f->block[at.block];
	char *base = b->given != NULL ? *b->given
	    : b->kept                 ? f->memory + b->at
				      : w->local + b->at;

	if (!b->whole && (b->given != NULL || b->kept))
		base += w->first * b->bytes;
	return base + at.skip * (int64_t)sizeof(float);
}

const float *
fast_fixed(const struct fast *f, int32_t value)
{
	const struct fast_value *v = &f->value[f->value[value].same];
	const struct block *b = v->place.block < 0 ? NULL : &f->block[v->place.block];

	return b == NULL || b->given != NULL ? v->t->data : (void *)(f->memory + b->at);
}

/* ---- Rows -------------------------------------------------------------------------------- */

/* All rows, and what is left after them: one short row, `skip` floats on. */
struct cut {
	struct rows r[2];
	int64_t skip;
};

/* The places that are the worker's: all of its images', or its part of one image. */
static int64_t
first_place(const struct worker *w, const struct task *t, int part)
{
	return w->count * t->pixels * part / w->parts;
}

static int64_t
places(const struct worker *w, const struct task *t)
{
	return first_place(w, t, w->part + 1) - first_place(w, t, w->part);
}

static float *
part_at(const struct worker *w, const struct task *t, int i)
{
	return (float *)fast_at(w, t->at[i]) + first_place(w, t, w->part) * t->at[i].step;
}

/*
 * The task's numbers in rows of channels, or, if nothing lies between them, in rows of `period`,
 * which is a multiple of the channels.
 */
static struct cut
cut_of(const struct worker *w, const struct task *t, int operands, int64_t period)
{
	int64_t rows = places(w, t), total = rows * t->channels;
	struct cut c = { .r[0] = { rows, t->channels, { 0 } } };
	bool dense = true;

	for (int i = 0; i < operands; i++)
		dense = dense && t->at[i].step == t->channels;
	if (dense) {
		c.r[0] = (struct rows){ total / period, period, { 0 } };
		c.r[1] = (struct rows){ 1, total % period, { 0 } };
		c.skip = total - total % period;
	}
	for (int i = 0; i < operands && i < ROWS_MAX; i++)
		c.r[0].step[i] = dense ? period : t->at[i].step;
	return c;
}

/* Rows that need no coefficients may be as long as everything. */
static int64_t
one_row(const struct worker *w, const struct task *t)
{
	int64_t total = places(w, t) * t->channels;

	return total > 0 ? total : 1;
}

#define BOTH(c, i) for (int i = 0; i < 2 && (i == 0 || (c).r[1].cols > 0); i++)

/* ---- Element by element ------------------------------------------------------------------ */

void
task_affine(const struct worker *w, const struct task *t)
{
	const struct coefficients *k = t->arg;
	const struct cut c = cut_of(w, t, 2, k->narrow);
	float *y = part_at(w, t, 0);
	const float *x = part_at(w, t, 1);

	BOTH(c, i)
	w->fast->kernels->affine(&c.r[i], y + i * c.skip, x + i * c.skip, k->a, k->b, t->range);
}

void
task_affine_add(const struct worker *w, const struct task *t)
{
	const struct coefficients *k = t->arg;
	const struct cut c = cut_of(w, t, 3, k->narrow);
	float *y = part_at(w, t, 0);
	const float *x = part_at(w, t, 1), *u = part_at(w, t, 2);

	BOTH(c, i)
	w->fast->kernels->affine_add(
	    &c.r[i], y + i * c.skip, x + i * c.skip, u + i * c.skip, k->a, k->b, t->range);
}

void
task_add(const struct worker *w, const struct task *t)
{
	const struct cut c = cut_of(w, t, 3, one_row(w, t));

	w->fast->kernels->add(
	    &c.r[0], part_at(w, t, 0), part_at(w, t, 1), part_at(w, t, 2), t->range);
}

void
task_act(const struct worker *w, const struct task *t)
{
	const struct cut c = cut_of(w, t, 2, one_row(w, t));

	w->fast->kernels->act(&c.r[0], part_at(w, t, 0), part_at(w, t, 1), t->range);
}

void
task_mask(const struct worker *w, const struct task *t)
{
	const struct cut c = cut_of(w, t, 3, one_row(w, t));

	w->fast->kernels->mask(
	    &c.r[0], part_at(w, t, 0), part_at(w, t, 1), part_at(w, t, 2), t->range);
}

void
task_copy(const struct worker *w, const struct task *t)
{
	const struct cut c = cut_of(w, t, 2, one_row(w, t));

	w->fast->kernels->copy(&c.r[0], part_at(w, t, 0), part_at(w, t, 1));
}

void
task_clear(const struct worker *w, const struct task *t)
{
	const struct cut c = cut_of(w, t, 1, one_row(w, t));

	w->fast->kernels->clear(&c.r[0], part_at(w, t, 0));
}

/* Channels first become last (`adds`) or the other way round, image by image. */
void
task_turn(const struct worker *w, const struct task *t)
{
	const bool last = t->adds;
	const struct rows r = last
	    ? (struct rows){ t->channels, t->pixels, { t->channels, t->pixels } }
	    : (struct rows){ t->pixels, t->channels, { t->pixels, t->at[1].step } };
	float *y = fast_at(w, t->at[0]);
	const float *x = fast_at(w, t->at[1]);

	for (int64_t n = 0; n < w->count; n++)
		w->fast->kernels->turn(&r, y + n * t->pixels * t->channels,
		    x + n * t->pixels * (last ? t->channels : t->at[1].step));
}

/* ---- Moments ----------------------------------------------------------------------------- */

/*
 * Of one chunk, relative to its first place so that nothing is lost when the mean is large; then
 * put together with what the thread has (Chan, Golub, LeVeque 1979).
 */
void
task_moments(const struct worker *w, const struct task *t)
{
	const struct moments *m = t->arg;
	const struct coefficients *k = m->k;
	const struct cut c = cut_of(w, t, 1, k->period);
	const float *x = fast_at(w, t->at[0]);
	double *sums = m->sums + w->number * (2 * m->channels + 1), *mean = sums + 1;
	double n = (double)(w->count * t->pixels), before = sums[0];
	float *shift = (float *)(void *)w->scratch, *sum = shift + k->period;
	float *square = sum + k->period;

	memset(sum, 0, (size_t)k->period * 2 * sizeof *sum);
	for (int64_t j = 0; j < k->period; j++)
		shift[j] = x[j % k->channels];
	BOTH(c, i)
	w->fast->kernels->moments(&c.r[i], x + i * c.skip, shift, sum, square);
	sums[0] = before + n;
	for (int64_t ch = 0; ch < m->channels; ch++) {
		double s = 0, q = 0, delta;

		for (int64_t j = ch; j < k->period; j += k->channels) {
			s += (double)sum[j];
			q += (double)square[j];
		}
		delta = (double)shift[ch] + s / n - mean[ch];
		mean[ch] += delta * n / sums[0];
		mean[m->channels + ch] += q - s * s / n + delta * delta * before * n / sums[0];
	}
}

void
task_moments_end(const struct worker *w, const struct task *t)
{
	struct moments *m = t->arg;

	m->count = 0;
	for (int64_t c = 0; c < m->channels; c++)
		m->mean[c] = m->variance[c] = 0;
	for (int i = 0; i < w->fast->threads; i++) {
		double *sums = m->sums + i * (2 * m->channels + 1), n = sums[0];

		for (int64_t c = 0; n > 0 && c < m->channels; c++) {
			double delta = sums[1 + c] - m->mean[c];

			m->mean[c] += delta * n / (m->count + n);
			m->variance[c] += sums[1 + m->channels + c] +
			    delta * delta * m->count * n / (m->count + n);
		}
		m->count += n;
		memset(sums, 0, (size_t)(2 * m->channels + 1) * sizeof *sums);
	}
	for (int64_t c = 0; m->count > 0 && c < m->channels; c++)
		m->variance[c] /= m->count;
}

/* ---- Batch norm -------------------------------------------------------------------------- */

static void
repeat(float *columns, const struct coefficients *k)
{
	for (int64_t j = k->channels; j < k->period; j++)
		columns[j] = columns[j - k->channels];
}

/* Channel c becomes x * a + b. */
void
fast_norm_channel(
    const struct fast *f, const struct fast_node *n, int64_t c, double mean, double variance)
{
	const struct nn_step *s = n->chain[0];
	const struct norm_attr *a = s->call.attr;
	double inverse = 1 / sqrt(variance + (double)a->epsilon);
	double scale = (double)fast_fixed(f, s->node->in[1])[c] * inverse;

	n->k->inverse[c] = inverse;
	n->k->mean[c] = (float)mean;
	n->k->a[c] = (float)scale;
	n->k->b[c] = (float)((double)fast_fixed(f, s->node->in[2])[c] - mean * scale);
}

void
fast_norm_done(const struct fast_node *n)
{
	repeat(n->k->a, n->k);
	repeat(n->k->b, n->k);
	repeat(n->k->mean, n->k);
}

/* The numbers of the model itself; a copy that something else made would be lost anyway. */
static void
keep_running(
    const struct fast *f, const struct fast_node *n, int which, int64_t c, double batch)
{
	const struct nn_step *s = n->chain[0];
	const struct norm_attr *a = s->call.attr;
	int32_t value = s->node->in[2 + which];
	float *at = f->value[value].t->data;

	if (s->call.training && f->plan->graph->value[value].source == NN_FROM_WEIGHT)
		at[c] = at[c] * a->momentum + (float)batch * (1 - a->momentum);
}

/* All of the batch was seen: the coefficients, and the running mean and variance. */
void
task_norm_end(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	int64_t c = 0;

	for (int i = 0; i < n->pieces; i++)
		for (int64_t j = 0; j < n->piece[i]->channels; j++, c++) {
			double mean = n->piece[i]->mean[j], variance = n->piece[i]->variance[j];

			fast_norm_channel(w->fast, n, c, mean, variance);
			keep_running(w->fast, n, 1, c, mean);
			keep_running(w->fast, n, 2, c, variance);
		}
	fast_norm_done(n);
}

void
task_norm_sums(const struct worker *w, const struct task *t)
{
	const struct coefficients *k = t->arg;
	const struct cut c = cut_of(w, t, 2, k->period);
	const float *g = fast_at(w, t->at[0]), *x = fast_at(w, t->at[1]);
	double *sums = k->sums + w->number * 2 * k->channels;
	float *sum = (float *)(void *)w->scratch, *along = sum + k->period;

	memset(sum, 0, (size_t)k->period * 2 * sizeof *sum);
	BOTH(c, i)
	w->fast->kernels->norm_sums(
	    &c.r[i], g + i * c.skip, x + i * c.skip, k->a, k->b, k->mean, t->range, sum, along);
	for (int64_t ch = 0; ch < k->channels; ch++)
		for (int64_t j = ch; j < k->period; j += k->channels) {
			sums[ch] += (double)sum[j];
			sums[k->channels + ch] += (double)along[j];
		}
}

static void
add_total(const struct fast *f, const struct nn_node *node, int input, int64_t c, double x)
{
	if (node->in[input] >= 0 && fast_wanted(f, node->in[input]))
		fast_total(f, node->in[input])[c] += (float)x;
}

/* Gradients of scale and shift, and what norm_back needs: see norm.c for the formula. */
void
task_norm_sums_end(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	const struct nn_step *s = n->chain[0];
	struct coefficients *k = n->k;
	double places = (double)(w->fast->batch * t->pixels);

	for (int64_t c = 0; c < k->channels; c++) {
		double sum = 0, along = 0, inverse = k->inverse[c];

		for (int i = 0; i < w->fast->threads; i++) {
			double *sums = k->sums + i * 2 * k->channels;

			sum += sums[c];
			along += sums[k->channels + c];
			sums[c] = sums[k->channels + c] = 0;
		}
		add_total(w->fast, s->node, 1, c, along * inverse);
		add_total(w->fast, s->node, 2, c, sum);
		if (!n->of_batch)
			continue;
		along *= -(double)k->a[c] * inverse * inverse / places;
		k->back[2][c] = k->a[c];
		k->back[3][c] = (float)along;
		k->back[4][c] = (float)(-(double)k->a[c] * sum / places -
		    along * (double)k->mean[c]);
	}
	for (int i = 2; n->of_batch && i < 5; i++)
		repeat(k->back[i], k);
}

void
task_norm_back(const struct worker *w, const struct task *t)
{
	const struct coefficients *k = t->arg;
	const struct cut c = cut_of(w, t, 3, k->narrow);
	const float *const at[5] = { k->a, k->b, k->back[2], k->back[3], k->back[4] };
	float *dx = fast_at(w, t->at[0]);
	const float *g = fast_at(w, t->at[1]), *x = fast_at(w, t->at[2]);

	BOTH(c, i)
	w->fast->kernels->norm_back(
	    &c.r[i], dx + i * c.skip, g + i * c.skip, x + i * c.skip, at, t->range, t->adds);
}
