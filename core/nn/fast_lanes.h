/*
 * Some floats side by side, as many as the instruction set of this compilation takes at once. The
 * last few of a row are loaded and stored with a count, nothing beyond them is touched.
 */
#ifndef NN_FAST_LANES_H
#define NN_FAST_LANES_H

#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__

#include <immintrin.h>

enum { LANES = 16 };
typedef __m512 lanes;

static inline lanes
get(const float *p, int64_t n)
{
	return n >= LANES ? _mm512_loadu_ps(p)
			  : _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

static inline void
put(float *p, lanes x, int64_t n)
{
	if (n >= LANES)
		_mm512_storeu_ps(p, x);
	else
		_mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}

static inline lanes
all(float x)
{
	return _mm512_set1_ps(x);
}

static inline lanes
larger(lanes a, lanes b)
{
	return _mm512_max_ps(a, b);
}

static inline lanes
smaller(lanes a, lanes b)
{
	return _mm512_min_ps(a, b);
}

/* x where low < y < high, else 0 */
static inline lanes
where_inside(lanes x, lanes y, lanes low, lanes high)
{
	__mmask16 m = _mm512_cmp_ps_mask(y, low, _CMP_GT_OQ);

	return _mm512_maskz_mov_ps(_mm512_mask_cmp_ps_mask(m, y, high, _CMP_LT_OQ), x);
}

#else

#ifdef __AVX__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t lane_masks __attribute__((vector_size(4 * LANES)));

static inline lanes
get(const float *p, int64_t n)
{
	lanes x = { 0 };

	if (n >= LANES)
		memcpy(&x, p, sizeof x);
	else
		for (int64_t i = 0; i < n; i++)
			x[i] = p[i];
	return x;
}

static inline void
put(float *p, lanes x, int64_t n)
{
	if (n >= LANES)
		memcpy(p, &x, sizeof x);
	else
		for (int64_t i = 0; i < n; i++)
			p[i] = x[i];
}

static inline lanes
all(float x)
{
	return (lanes){ 0 } + x;
}

static inline lanes
chosen(lane_masks m, lanes a, lanes b)
{
	return (lanes)((m & (lane_masks)a) | (~m & (lane_masks)b));
}

static inline lanes
larger(lanes a, lanes b)
{
	return chosen(a > b, a, b);
}

static inline lanes
smaller(lanes a, lanes b)
{
	return chosen(a < b, a, b);
}

static inline lanes
where_inside(lanes x, lanes y, lanes low, lanes high)
{
	return (lanes)((y > low) & (y < high) & (lane_masks)x);
}

#endif
#endif
