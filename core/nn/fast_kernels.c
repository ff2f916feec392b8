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

enum { TILE_FLOATS = 1024, SIDE_BY_SIDE = 4 };

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

static inline int64_t
tile_end(const struct rows *r, int64_t row)
{
	int64_t end = row + (r->cols >= TILE_FLOATS ? 1 : TILE_FLOATS / r->cols);

	return end < r->rows ? end : r->rows;
}

/*
 * The same for a few rows at a time, from row i0 to i1, so that what belongs to the columns is
 * loaded once for all of them while they stay in the first cache.
 */
#define TILES(r, ...)                                       \
	for (int64_t i0 = 0, i1; i0 < (r)->rows; i0 = i1) { \
		i1 = tile_end(r, i0);                       \
		COLUMNS(r, __VA_ARGS__)                     \
	}
#define TILE_ROWS for (int64_t i = i0; i < i1; i++)

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
	const int64_t s[] = { r->step[0], r->step[1], r->step[2] };

	TILES(r, {
		lanes p = get(a + j, n), q = get(b + j, n);

		TILE_ROWS
		put(y + i * s[0] + j, brought(get(x + i * s[1] + j, n) * p + q, range), n);
	})
}

static void
affine_add(const struct rows *r, float *y, const float *x, const float *u, const float *a,
    const float *b, struct range range)
{
	const int64_t s[] = { r->step[0], r->step[1], r->step[2] };

	TILES(r, {
		lanes p = get(a + j, n), q = get(b + j, n);

		TILE_ROWS
		{
			lanes v = get(x + i * s[1] + j, n) * p + q;

			put(y + i * s[0] + j, brought(v + get(u + i * s[2] + j, n), range), n);
		}
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

/*
 * Sums stay in registers while all rows go by. A few groups of columns go side by side, since one
 * addition has to wait for the one before.
 */
#define GROUPS(r, one)                                                                   \
	{                                                                                \
		int64_t j = 0;                                                           \
                                                                                         \
		for (; j + SIDE_BY_SIDE * LANES <= (r)->cols; j += SIDE_BY_SIDE * LANES) \
			one(SIDE_BY_SIDE, LANES);                                        \
		for (; j + LANES <= (r)->cols; j += LANES)                               \
			one(1, LANES);                                                   \
		if (j < (r)->cols)                                                       \
			one(1, (r)->cols - j);                                           \
	}
#define EACH_GROUP(groups) for (int k = 0; k < (groups); k++)

static inline __attribute__((always_inline)) void
moments_of(const struct rows *r, const float *x, const float *shift, float *sum, float *square,
    int groups, int64_t n)
{
	lanes s[SIDE_BY_SIDE], q[SIDE_BY_SIDE], by[SIDE_BY_SIDE];
	const int64_t step = r->step[0];

	EACH_GROUP(groups)
	{
		s[k] = get(sum + k * LANES, n);
		q[k] = get(square + k * LANES, n);
		by[k] = get(shift + k * LANES, n);
	}
	for (int64_t i = 0; i < r->rows; i++)
		EACH_GROUP(groups)
		{
			lanes d = get(x + i * step + k * LANES, n) - by[k];

			s[k] += d;
			q[k] += d * d;
		}
	EACH_GROUP(groups)
	{
		put(sum + k * LANES, s[k], n);
		put(square + k * LANES, q[k], n);
	}
}

static void
moments(const struct rows *r, const float *x, const float *shift, float *sum, float *square)
{
#define ONE(groups, n) moments_of(r, x + j, shift + j, sum + j, square + j, groups, n)
	GROUPS(r, ONE)
#undef ONE
}

static void
sums(const struct rows *r, const float *x, float *sum)
{
	COLUMNS(r, {
		lanes s = get(sum + j, n);

		for (int64_t i = 0; i < r->rows; i++)
			s += get(x + i * r->step[0] + j, n);
		put(sum + j, s, n);
	})
}

struct norm_columns {
	const float *a, *b, *mean;
	float *sum, *along;
};

static inline __attribute__((always_inline)) void
norm_sums_of(const struct rows *r, const float *dy, const float *x, struct norm_columns c,
    struct range range, int groups, int64_t n)
{
	lanes s[SIDE_BY_SIDE], l[SIDE_BY_SIDE], a[SIDE_BY_SIDE], b[SIDE_BY_SIDE],
	    m[SIDE_BY_SIDE];
	lanes low = all(range.low), high = all(range.high);
	const int64_t dy_step = r->step[0], x_step = r->step[1];

	EACH_GROUP(groups)
	{
		s[k] = get(c.sum + k * LANES, n);
		l[k] = get(c.along + k * LANES, n);
		a[k] = get(c.a + k * LANES, n);
		b[k] = get(c.b + k * LANES, n);
		m[k] = get(c.mean + k * LANES, n);
	}
	for (int64_t i = 0; i < r->rows; i++)
		EACH_GROUP(groups)
		{
			lanes v = get(x + i * x_step + k * LANES, n);
			lanes g = get(dy + i * dy_step + k * LANES, n);

			g = where_inside(g, v * a[k] + b[k], low, high);
			s[k] += g;
			l[k] += g * (v - m[k]);
		}
	EACH_GROUP(groups)
	{
		put(c.sum + k * LANES, s[k], n);
		put(c.along + k * LANES, l[k], n);
	}
}

static void
norm_sums(const struct rows *r, const float *dy, const float *x, const float *a, const float *b,
    const float *mean, struct range range, float *sum, float *along)
{
#define COLUMNS_FROM_J (struct norm_columns){ a + j, b + j, mean + j, sum + j, along + j }
#define ONE(groups, n) norm_sums_of(r, dy + j, x + j, COLUMNS_FROM_J, range, groups, n)
	GROUPS(r, ONE)
#undef ONE
}

static void
norm_back(const struct rows *r, float *dx, const float *dy, const float *x,
    const float *const at[5], struct range range, bool adds)
{
	lanes low = all(range.low), high = all(range.high);
	const int64_t s[] = { r->step[0], r->step[1], r->step[2] };

	TILES(r, {
		lanes a = get(at[0] + j, n), b = get(at[1] + j, n);
		lanes p = get(at[2] + j, n), q = get(at[3] + j, n), t = get(at[4] + j, n);

		TILE_ROWS
		{
			lanes v = get(x + i * s[2] + j, n), g = get(dy + i * s[1] + j, n), d;

			d = where_inside(g, v * a + b, low, high) * p + v * q + t;
			if (adds)
				d += get(dx + i * s[0] + j, n);
			put(dx + i * s[0] + j, d, n);
		}
	})
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
