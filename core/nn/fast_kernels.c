/*
 * The inner loops of the fast executor. This file is compiled once for each instruction set, under
 * the name that KERNELS gives, with the flags that meson.build lists. Sums keep one accumulator a
 * column, so that their order does not depend on how many floats go side by side.
 */
#include "fast_kernels.h"
#include "fast_lanes.h"

#ifndef KERNELS
#define KERNELS kernels_any
#endif

/* Runs the statements for each group of columns: from j on, n of them. */
#define COLUMNS(r, ...)                                      \
	{                                                    \
		int64_t j = 0;                               \
                                                             \
		for (; j + LANES <= (r)->cols; j += LANES) { \
			enum { n = LANES };                  \
			__VA_ARGS__                          \
		}                                            \
		if (j < (r)->cols) {                         \
			const int64_t n = (r)->cols - j;     \
			__VA_ARGS__                          \
		}                                            \
	}

static inline lanes
brought(lanes x, struct range r)
{
	return smaller(larger(x, all(r.low)), all(r.high));
}

/* ---- Element by element ------------------------------------------------------------------ */

static void
affine(const struct rows *r, float *y, const float *x, const float *a, const float *b,
    struct range range)
{
	for (int64_t i = 0; i < r->rows; i++, y += r->step[0], x += r->step[1])
		COLUMNS(r,
			put(y + j,
			    brought(get(x + j, n) * get(a + j, n) + get(b + j, n), range), n);)
}

static void
affine_add(const struct rows *r, float *y, const float *x, const float *u, const float *a,
    const float *b, struct range range)
{
	for (int64_t i = 0; i < r->rows; i++, y += r->step[0], x += r->step[1], u += r->step[2])
		COLUMNS(r, {
			lanes v = get(x + j, n) * get(a + j, n) + get(b + j, n);

			put(y + j, brought(v + get(u + j, n), range), n);
		})
}

static void
add(const struct rows *r, float *y, const float *x, const float *u, struct range range)
{
	for (int64_t i = 0; i < r->rows; i++, y += r->step[0], x += r->step[1], u += r->step[2])
		COLUMNS(r, put(y + j, brought(get(x + j, n) + get(u + j, n), range), n);)
}

static void
act(const struct rows *r, float *y, const float *x, struct range range)
{
	for (int64_t i = 0; i < r->rows; i++, y += r->step[0], x += r->step[1])
		COLUMNS(r, put(y + j, brought(get(x + j, n), range), n);)
}

static void
mask(const struct rows *r, float *dx, const float *dy, const float *y, struct range range)
{
	lanes low = all(range.low), high = all(range.high);

	for (int64_t i = 0; i < r->rows;
	     i++, dx += r->step[0], dy += r->step[1], y += r->step[2])
		COLUMNS(
		    r, put(dx + j, where_inside(get(dy + j, n), get(y + j, n), low, high), n);)
}

static void
copy(const struct rows *r, float *y, const float *x)
{
	for (int64_t i = 0; i < r->rows; i++, y += r->step[0], x += r->step[1])
		COLUMNS(r, put(y + j, get(x + j, n), n);)
}

static void
clear(const struct rows *r, float *y)
{
	for (int64_t i = 0; i < r->rows; i++, y += r->step[0])
		memset(y, 0, (size_t)r->cols * sizeof *y);
}

/* In squares of sixteen, so that neither side jumps far. */
static void
turn(const struct rows *r, float *y, const float *x)
{
	enum { SIDE = 16 };

	for (int64_t i0 = 0; i0 < r->rows; i0 += SIDE)
		for (int64_t j0 = 0; j0 < r->cols; j0 += SIDE) {
			int64_t i1 = i0 + SIDE < r->rows ? i0 + SIDE : r->rows;
			int64_t j1 = j0 + SIDE < r->cols ? j0 + SIDE : r->cols;

			for (int64_t j = j0; j < j1; j++)
				for (int64_t i = i0; i < i1; i++)
					y[j * r->step[0] + i] = x[i * r->step[1] + j];
		}
}

/* ---- Sums by column ---------------------------------------------------------------------- */

/* The next columns of one group, for all rows, with the sums in registers. */
#define DOWN(r) for (int64_t i = 0; i < (r)->rows; i++)

static void
moments(const struct rows *r, const float *x, const float *shift, float *sum, float *square)
{
	COLUMNS(r, {
		lanes s = get(sum + j, n), q = get(square + j, n), by = get(shift + j, n);

		DOWN(r)
		{
			lanes d = get(x + i * r->step[0] + j, n) - by;

			s += d;
			q += d * d;
		}
		put(sum + j, s, n);
		put(square + j, q, n);
	})
}

static void
sums(const struct rows *r, const float *x, float *sum)
{
	COLUMNS(r, {
		lanes s = get(sum + j, n);

		DOWN(r)
		s += get(x + i * r->step[0] + j, n);
		put(sum + j, s, n);
	})
}

static void
norm_sums(const struct rows *r, const float *dy, const float *x, const float *a, const float *b,
    const float *mean, struct range range, float *sum, float *along)
{
	lanes low = all(range.low), high = all(range.high);

	COLUMNS(r, {
		lanes s = get(sum + j, n), l = get(along + j, n), m = get(mean + j, n);
		lanes p = get(a + j, n), q = get(b + j, n);

		DOWN(r)
		{
			lanes v = get(x + i * r->step[1] + j, n);
			lanes g = get(dy + i * r->step[0] + j, n);

			g = where_inside(g, v * p + q, low, high);
			s += g;
			l += g * (v - m);
		}
		put(sum + j, s, n);
		put(along + j, l, n);
	})
}

static inline lanes
norm_gradient(
    lanes v, lanes g, const float *const at[5], int64_t j, int64_t n, lanes low, lanes high)
{
	g = where_inside(g, v * get(at[0] + j, n) + get(at[1] + j, n), low, high);
	return g * get(at[2] + j, n) + v * get(at[3] + j, n) + get(at[4] + j, n);
}

static void
norm_back(const struct rows *r, float *dx, const float *dy, const float *x,
    const float *const at[5], struct range range, bool adds)
{
	lanes low = all(range.low), high = all(range.high);

	DOWN(r)
	{
		float *to = dx + i * r->step[0];
		const float *g = dy + i * r->step[1], *v = x + i * r->step[2];

		if (adds)
			COLUMNS(r, {
				lanes d = norm_gradient(
				    get(v + j, n), get(g + j, n), at, j, n, low, high);

				put(to + j, get(to + j, n) + d, n);
			})
		else
			COLUMNS(r, {
				lanes d = norm_gradient(
				    get(v + j, n), get(g + j, n), at, j, n, low, high);

				put(to + j, d, n);
			})
	}
}

/* ---- Pools ------------------------------------------------------------------------------- */

struct window_rows {
	int64_t from[2], to[2]; /* places of the window that lie in the image */
	int64_t at[2];          /* where place 0 would be */
};

static inline struct window_rows
window_at(const struct pool_shape *p, int64_t down, int64_t across)
{
	const int64_t o[2] = { down, across };
	struct window_rows w;

	for (int d = 0; d < 2; d++) {
		w.at[d] = o[d] * p->stride[d] - p->pad[d];
		w.from[d] = w.at[d] < 0 ? -w.at[d] : 0;
		w.to[d] = p->in[d] - w.at[d] < p->kernel[d] ? p->in[d] - w.at[d] : p->kernel[d];
	}
	return w;
}

#define EACH_OUTPUT(p)                                         \
	for (int64_t down = (p)->from; down < (p)->to; down++) \
		for (int64_t across = 0; across < (p)->out[1]; across++)

#define EACH_SEEN(w)                                      \
	for (int64_t s = (w).from[0]; s < (w).to[0]; s++) \
		for (int64_t t = (w).from[1]; t < (w).to[1]; t++)

static inline int64_t
seen_at(const struct pool_shape *p, const struct window_rows *w, int64_t s, int64_t t)
{
	return ((w->at[0] + s) * p->in[1] + w->at[1] + t) * p->channels;
}

static void
max_pool_only(const struct pool_shape *p, float *y, const float *x)
{
	const struct rows r = { 1, p->channels, { 0 } };

	EACH_OUTPUT(p)
	{
		const struct window_rows w = window_at(p, down, across);

		COLUMNS(&r, {
			lanes best = all(-__builtin_inff());

			EACH_SEEN(w)
			best = larger(get(x + seen_at(p, &w, s, t) + j, n), best);
			put(y + j, best, n);
		})
		y += p->channels;
	}
}

static void
max_pool(const struct pool_shape *p, float *y, const float *x, uint8_t *which)
{
	if (which == NULL) {
		max_pool_only(p, y, x);
		return;
	}
	EACH_OUTPUT(p)
	{
		const struct window_rows w = window_at(p, down, across);

		for (int64_t j = 0; j < p->channels; j++) {
			y[j] = -__builtin_inff();
			which[j] = (uint8_t)(w.from[0] * p->kernel[1] + w.from[1]);
		}
		EACH_SEEN(w)
		{
			const float *from = x + seen_at(p, &w, s, t);
			uint8_t number = (uint8_t)(s * p->kernel[1] + t);

			for (int64_t j = 0; j < p->channels; j++) {
				which[j] = from[j] > y[j] ? number : which[j];
				y[j] = from[j] > y[j] ? from[j] : y[j];
			}
		}
		y += p->channels;
		which += p->channels;
	}
}

static void
max_pool_back(const struct pool_shape *p, float *dx, const float *dy, const uint8_t *which)
{
	EACH_OUTPUT(p)
	{
		const struct window_rows w = window_at(p, down, across);

		EACH_SEEN(w)
		{
			float *to = dx + seen_at(p, &w, s, t);
			uint8_t number = (uint8_t)(s * p->kernel[1] + t);

			for (int64_t j = 0; j < p->channels; j++)
				to[j] += which[j] == number ? dy[j] : 0;
		}
		dy += p->channels;
		which += p->channels;
	}
}

/* One by the number of places that the mean is over. */
static inline float
share_of(const struct pool_shape *p, const struct window_rows *w)
{
	int64_t count = 1;

	for (int d = 0; d < 2; d++) {
		int64_t from = w->at[d] < p->counted[d][0] ? p->counted[d][0] : w->at[d];
		int64_t to = w->at[d] + p->kernel[d];

		to = to > p->counted[d][1] ? p->counted[d][1] : to;
		count *= to > from ? to - from : 0;
	}
	return count > 0 ? 1 / (float)count : 1;
}

static void
mean_pool(const struct pool_shape *p, float *y, const float *x)
{
	const struct rows r = { 1, p->channels, { 0 } };

	EACH_OUTPUT(p)
	{
		const struct window_rows w = window_at(p, down, across);
		float share = share_of(p, &w);

		COLUMNS(&r, {
			lanes sum = all(0);

			EACH_SEEN(w)
			sum += get(x + seen_at(p, &w, s, t) + j, n);
			put(y + j, sum * all(share), n);
		})
		y += p->channels;
	}
}

static void
mean_pool_back(const struct pool_shape *p, float *dx, const float *dy)
{
	const struct rows r = { 1, p->channels, { 0 } };

	EACH_OUTPUT(p)
	{
		const struct window_rows w = window_at(p, down, across);
		float share = share_of(p, &w);

		EACH_SEEN(w)
		{
			float *to = dx + seen_at(p, &w, s, t);

			COLUMNS(
			    &r, put(to + j, get(to + j, n) + get(dy + j, n) * all(share), n);)
		}
		dy += p->channels;
	}
}

const struct kernels KERNELS = { affine, affine_add, add, act, mask, copy, clear, turn, moments,
	sums, norm_sums, norm_back, max_pool, max_pool_back, mean_pool, mean_pool_back };
