/*
 * Convolutions and matrix products: the tasks, and what becomes of the threads' sums.
 */
#include "fast_weights.h"

static int32_t
input_of(const struct fast_node *n, int i)
{
	const struct nn_node *node = n->step->node;

	return i < node->ins ? node->in[i] : -1;
}

/* ---- Convolutions ------------------------------------------------------------------------ */

/* The part that is the worker's. */
static int
part_of(const struct worker *w, const struct fast_conv *v, enum conv_pass pass)
{
	return w->parts > 1 ? w->part : v->chunk[pass] == w->count ? 0 : 1;
}

/* Bias and range, where the library does not see to them. */
static void
finish(const struct worker *w, const struct fast_node *n, float *y, int64_t rows, int64_t cols)
{
	const struct rows r = { rows, cols, { cols, cols } };

	if (n->bias != NULL)
		w->fast->kernels->affine(&r, y, y, n->ones, n->bias, n->range);
	else if (n->range.low > -__builtin_inff() || n->range.high < __builtin_inff())
		w->fast->kernels->act(&r, y, y, n->range);
}

static void
run_pass(const struct worker *w, const struct fast_conv *v, enum conv_pass pass, float *image,
    float *map)
{
	conv_run(v->run[pass], part_of(w, v, pass), w->number, image, v->packed[pass], v->bias,
	    map, w->scratch);
}

void
task_conv(const struct worker *w, const struct task *t)
{
	const struct fast_conv *v = t->node->conv;
	float *y = fast_at(w, t->at[0]), *x = fast_at(w, t->at[1]);

	if (!t->node->transposed) {
		run_pass(w, v, CONV_FORWARD, x, y);
		return;
	}
	run_pass(w, v, CONV_TO_IMAGE, y, x);
	finish(w, t->node, y, w->count * t->pixels, t->channels);
}

void
task_conv_to_image(const struct worker *w, const struct task *t)
{
	const struct fast_conv *v = t->node->conv;
	float *dx = fast_at(w, t->at[0]), *dy = fast_at(w, t->at[1]);

	if (t->node->transposed)
		run_pass(w, v, CONV_FORWARD, dy, dx);
	else
		run_pass(w, v, CONV_TO_IMAGE, dx, dy);
}

/* The first chunk of a thread writes its sums, the others add to them. */
void
task_conv_to_weights(const struct worker *w, const struct task *t)
{
	const struct fast_conv *v = t->node->conv;
	float *dy = fast_at(w, t->at[0]), *x = fast_at(w, t->at[1]), *sums = v->sums[w->number];
	bool add = v->begun[w->number], turned = t->node->transposed;
	float *to = add ? (float *)(void *)(w->scratch + v->scratch) : sums;

	conv_run(v->run[CONV_TO_WEIGHTS], part_of(w, v, CONV_TO_WEIGHTS), w->number,
	    turned ? dy : x, to, to + v->sums_packed, turned ? x : dy, w->scratch);
	if (turned) {
		const struct rows r = { w->count * t->pixels, t->channels, { t->channels } };

		memset(to + v->sums_packed, 0, (size_t)t->channels * sizeof *to);
		w->fast->kernels->sums(&r, dy, to + v->sums_packed);
	}
	v->begun[w->number] = true;
	if (add) {
		const struct rows r = { 1, (int64_t)v->sums_count, { 0 } };

		w->fast->kernels->add(
		    &r, sums, sums, to, (struct range){ -__builtin_inff(), __builtin_inff() });
	}
}

static void
sum_threads(const struct fast *f, float **sums, const bool *begun, size_t count)
{
	const struct rows r = { 1, (int64_t)count, { 0 } };

	for (int i = 1; i < f->threads; i++)
		if (begun == NULL || begun[i])
			f->kernels->add(&r, sums[0], sums[0], sums[i],
			    (struct range){ -__builtin_inff(), __builtin_inff() });
}

static void
add_to_total(const struct fast *f, int32_t value, const float *from)
{
	const struct rows r = { 1, value < 0 ? 0 : nn_count(f->value[value].t), { 0 } };

	if (value >= 0 && fast_wanted(f, value))
		f->kernels->add(&r, fast_total(f, value), fast_total(f, value), from,
		    (struct range){ -__builtin_inff(), __builtin_inff() });
}

void
task_conv_end(const struct worker *w, const struct task *t)
{
	const struct fast *f = w->fast;
	struct fast_conv *v = t->node->conv;

	if (!v->begun[0])
		memset(v->sums[0], 0, v->sums_count * sizeof(float));
	sum_threads(f, v->sums, v->begun, v->sums_count);
	memset(v->begun, 0, (size_t)f->threads * sizeof *v->begun);
	conv_unpack(v->run[CONV_TO_WEIGHTS], v->sums[0], v->unpacked);
	add_to_total(f, input_of(t->node, 1), v->unpacked);
	add_to_total(f, input_of(t->node, 2), v->sums[0] + v->sums_packed);
}

/* ---- Products ---------------------------------------------------------------------------- */

void
task_gemm(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	struct product p = n->product;
	float *y = fast_at(w, t->at[0]);

	p.m *= w->count;
	p.a_step = p.k;
	p.to_step = p.n;
	product_run(&p, fast_at(w, t->at[1]), fast_fixed(w->fast, input_of(n, 1)), y);
	finish(w, n, y, p.m, p.n);
}

void
task_gemm_to_image(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	struct product p = n->product;

	p.m *= w->count;
	p.n = n->product.k;
	p.k = n->product.n;
	p.a_step = p.k;
	p.to_step = p.n;
	p.b_turned = !n->product.b_turned;
	product_run(&p, fast_at(w, t->at[1]), fast_fixed(w->fast, input_of(n, 1)),
	    fast_at(w, t->at[0]));
}

/* The weights' gradient is g' x or x' g, as the weights lie. */
void
task_gemm_to_weights(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	int64_t rows = n->product.m * w->count, in = n->product.k, maps = n->product.n;
	const float *g = fast_at(w, t->at[0]), *x = fast_at(w, t->at[1]);
	bool turned = n->product.b_turned;
	struct product p = { .m = turned ? maps : in,
		.n = turned ? in : maps,
		.k = rows,
		.a_turned = true,
		.adds = true };
	const struct rows r = { rows, maps, { maps } };

	p.a_step = p.m;
	p.b_step = p.to_step = p.n;
	product_run(&p, turned ? g : x, turned ? x : g, n->sums[w->number]);
	w->fast->kernels->sums(&r, g, n->sums[w->number] + in * maps);
}

void
task_gemm_end(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	size_t weights = (size_t)(n->product.k * n->product.n),
	       all = weights + (size_t)n->product.n;

	sum_threads(w->fast, n->sums, NULL, all);
	add_to_total(w->fast, input_of(n, 1), n->sums[0]);
	add_to_total(w->fast, input_of(n, 2), n->sums[0] + weights);
	for (int i = 0; i < w->fast->threads; i++)
		memset(n->sums[i], 0, all * sizeof(float));
}

/* ---- Pools ------------------------------------------------------------------------------- */

void
task_pool(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	struct pool_shape p = n->pool;
	int64_t to = t->pixels * t->channels, from = p.in[0] * p.in[1] * t->channels;
	int64_t step = (to + 63) / 64 * 64;
	float *y = fast_at(w, t->at[0]);
	const float *x = fast_at(w, t->at[1]);
	uint8_t *which = t->at[2].block < 0 ? NULL : fast_at(w, t->at[2]);

	p.from = p.out[0] * w->part / w->parts;
	p.to = p.out[0] * (w->part + 1) / w->parts;
	y += p.from * p.out[1] * t->channels;
	for (int64_t i = 0; i < w->count; i++)
		if (n->max)
			w->fast->kernels->max_pool(&p, y + i * to, x + i * from,
			    which == NULL ? NULL : which + i * step);
		else
			w->fast->kernels->mean_pool(&p, y + i * to, x + i * from);
}

void
task_pool_back(const struct worker *w, const struct task *t)
{
	const struct fast_node *n = t->node;
	int64_t to = t->pixels * t->channels,
		from = n->pool.out[0] * n->pool.out[1] * t->channels;
	float *dx = fast_at(w, t->at[0]);
	const float *dy = fast_at(w, t->at[1]);
	const uint8_t *which = t->at[2].block < 0 ? NULL : fast_at(w, t->at[2]);
	int64_t step = (from + 63) / 64 * 64;

	memset(dx, 0, (size_t)(w->count * to) * sizeof *dx);
	for (int64_t i = 0; i < w->count; i++)
		if (n->max)
			w->fast->kernels->max_pool_back(
			    &n->pool, dx + i * to, dy + i * from, which + i * step);
		else
			w->fast->kernels->mean_pool_back(&n->pool, dx + i * to, dy + i * from);
}

void
task_global(const struct worker *w, const struct task *t)
{
	float *y = fast_at(w, t->at[0]);
	const float *x = fast_at(w, t->at[1]);
	const struct rows r = { t->pixels, t->channels, { t->channels } };

	memset(y, 0, (size_t)(w->count * t->channels) * sizeof *y);
	for (int64_t i = 0; i < w->count; i++)
		w->fast->kernels->sums(
		    &r, x + i * t->pixels * t->channels, y + i * t->channels);
	for (int64_t i = 0; i < w->count * t->channels; i++)
		y[i] /= (float)t->pixels;
}

void
task_global_back(const struct worker *w, const struct task *t)
{
	float *dx = fast_at(w, t->at[0]);
	const float *dy = fast_at(w, t->at[1]);

	for (int64_t i = 0; i < w->count; i++, dy += t->channels)
		for (int64_t p = 0; p < t->pixels; p++, dx += t->channels)
			for (int64_t c = 0; c < t->channels; c++)
				dx[c] = dy[c] / (float)t->pixels;
}
