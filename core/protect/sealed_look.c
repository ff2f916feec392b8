/*
 * A look at every weight that is to be sealed. What the mark needs is each tensor's scale; what it
 * must know is which values are no secret of their own: one that occurs often in its tensor (the
 * zeros of a pruned model, a table of few levels) could be guessed from a marked copy, and with it
 * an entry of the customer's table. Such values go unmarked, as do those that are not finite.
 */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "sealed.h"

enum {
	OFTEN = 8,         /* equal values in a tensor that are still taken for chance */
	LOG_MIN = 10,      /* of the counters */
	LOG_MAX = 20,      /* 4 MiB of them */
	COUNTED = 1 << 21, /* values of a tensor, about; of a larger one, every so manyth */
	FAR = 2047,        /* standard deviations beyond which fixed point ends */
	LANES = 8,
	NEAR = 1 << 12, /* stretches of values */
	MOST = 8,       /* one value makes up no more than this part of its stretch */
};

/* ---- Blocks ------------------------------------------------------------------------------ */

bool
seal_read(struct ctx *c, const struct seal_plan *p, const struct seal_tensor *t, int64_t first,
    size_t n, void *bytes)
{
	size_t size = onnx_type_size(t->is.type), left = n * size;
	uint64_t at = t->at + (uint64_t)first * size;
	char *to = bytes;

	while (left > 0) {
		ssize_t got = pread(p->plain.fd, to, left, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(c, "read", "a model");
		if (got == 0)
			return fail(c, E_FILE, "the model became shorter while it was read");
		to += got;
		at += (uint64_t)got;
		left -= (size_t)got;
	}
	return true;
}

bool
seal_numbers(struct ctx *c, enum onnx_type type, const void *bytes, size_t n, float *ret)
{
	struct onnx_tensor t = { .type = type, .rank = 1, .count = (int64_t)n };

	if (type == ONNX_FLOAT) {
		memcpy(ret, bytes, n * sizeof *ret);
		return true;
	}
	t.dim[0] = t.count;
	t.raw = (struct str){ bytes, n * onnx_type_size(type) };
	return onnx_tensor_floats(c, &t, ret);
}

/* ---- Values that occur often ------------------------------------------------------------- */

/* A value's bits; zero has one sign only. */
static uint64_t
bits_of(size_t size, const char *p)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return v << (65 - 8 * size) == 0 ? 0 : v;
}

static size_t
place(const struct seal_counts *s, uint64_t bits)
{
	return (size_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> (64 - s->log));
}

MUST static bool
counts_begin(struct ctx *c, struct seal_counts *s, const struct sealed_tensor *t, double width)
{
	if (s->count == NULL)
		s->count = malloc(sizeof *s->count << LOG_MAX);
	if (s->near == NULL)
		s->near = malloc(NEAR * sizeof *s->near);
	if (s->count == NULL || s->near == NULL)
		return fail(c, E_MEMORY, "no memory to count a tensor's values");
	for (s->log = LOG_MIN; s->log < LOG_MAX && t->count > INT64_C(1) << (s->log - 2);)
		s->log++;
	s->next = 0;
	s->step = t->count / COUNTED | 1; /* odd: values in a pattern of 2, 4, 8 are met, too */
	s->often = OFTEN + (uint32_t)(4 * (t->count / s->step) >> s->log);
	s->width = width;
	memset(s->count, 0, sizeof *s->count << s->log);
	memset(s->near, 0, NEAR * sizeof *s->near);
	return true;
}

/* The stretch that a finite value lies in; the first and the last have no end. */
static size_t
stretch(const struct seal_counts *s, float v)
{
	double at = v / s->width + NEAR / 2;

	return at < 0 ? 0 : at < NEAR - 1 ? (size_t)at : NEAR - 1;
}

/* The next n elements, from `first` on; their numbers, if stretches are counted. */
static void
count_block(struct seal_counts *s, enum onnx_type type, int64_t first, const char *p,
    const float v[], size_t n)
{
	size_t size = onnx_type_size(type);

	for (; s->next < first + (int64_t)n; s->next += s->step) {
		size_t i = (size_t)(s->next - first);

		s->count[place(s, bits_of(size, p + i * size))]++;
		if (s->width > 0 && isfinite(v[i]))
			s->near[stretch(s, v[i])]++;
	}
}

/*
 * A value could be guessed if it occurs often, and not just because so many lie about there that
 * all of them do, as in a large tensor or one of few digits.
 */
static bool
can_be_guessed(const struct seal_counts *s, uint64_t bits, float v)
{
	uint32_t n = s->count[place(s, bits)];

	return n > s->often && (uint64_t)n * MOST > s->near[stretch(s, v)];
}

bool
seal_count(struct ctx *c, struct seal_plan *p, const struct seal_tensor *t)
{
	if (!counts_begin(c, &p->counts, &t->is, 2 * p->kappa * t->sd))
		return false;
	for (int64_t i = 0, n; i < t->is.count; i += n) {
		n = t->is.count - i < SEALED_BLOCK ? t->is.count - i : SEALED_BLOCK;
		if (!seal_read(c, p, t, i, (size_t)n, p->bytes) ||
		    !seal_numbers(c, t->is.type, p->bytes, (size_t)n, p->number))
			return false;
		count_block(&p->counts, t->is.type, i, p->bytes, p->number, (size_t)n);
	}
	return true;
}

/* ---- A tensor's scale -------------------------------------------------------------------- */

/* Sums in lanes, which the compiler can run side by side. */
struct scale {
	double shift, sum[LANES], squares[LANES]; /* of the finite values, less the shift */
	float low, largest;                       /* the lowest; the largest absolute */
	int64_t n;
	bool begun;
};

static void
scale_one(struct scale *s, size_t lane, float v)
{
	double d = v - s->shift;

	s->n++;
	s->sum[lane] += d;
	s->squares[lane] += d * d;
	s->low = v < s->low ? v : s->low;
	s->largest = fabsf(v) > s->largest ? fabsf(v) : s->largest;
}

/* Eight values; false, and nothing is added, if one is not finite. */
static bool
scale_lanes(struct scale *s, const float v[LANES])
{
	float low = s->low, largest = s->largest, odd = 0;

	for (size_t j = 0; j < LANES; j++)
		odd += v[j] - v[j]; /* no number, if it is not finite */
	if (odd != 0 || isnan(odd))
		return false;
	for (size_t j = 0; j < LANES; j++) {
		double d = v[j] - s->shift;

		s->sum[j] += d;
		s->squares[j] += d * d;
		low = v[j] < low ? v[j] : low;
		largest = fabsf(v[j]) > largest ? fabsf(v[j]) : largest;
	}
	s->low = low;
	s->largest = largest;
	s->n += LANES;
	return true;
}

static void
scale_add(struct scale *s, const float v[], size_t n)
{
	size_t i = 0;

	for (; i < n && !s->begun; i++)
		if (isfinite(v[i])) {
			*s = (struct scale){ .shift = v[i], .low = v[i], .begun = true };
			scale_one(s, 0, v[i]);
		}
	while (i < n) {
		if (i + LANES <= n && scale_lanes(s, v + i)) {
			i += LANES;
			continue;
		}
		for (size_t end = i + LANES < n ? i + LANES : n; i < end; i++)
			if (isfinite(v[i]))
				scale_one(s, i % LANES, v[i]);
	}
}

static void
scale_end(const struct scale *s, struct seal_tensor *t)
{
	double n = (double)(s->n > 0 ? s->n : 1), mean = 0, variance = 0;

	for (size_t j = 0; j < LANES; j++) {
		mean += s->sum[j] / n;
		variance += s->squares[j] / n;
	}
	variance -= mean * mean;
	t->mean = s->shift + mean;
	t->sd = variance > 0 ? sqrt(variance) : 0;
	t->positive = t->real && s->n > 0 && s->low >= 0;
}

/* Does some value occur too often? */
static bool
has_often(const struct seal_counts *s)
{
	for (size_t i = 0; i < (size_t)1 << s->log; i++)
		if (s->count[i] > s->often)
			return true;
	return false;
}

/* ---- Which weights carry a mark ---------------------------------------------------------- */

static bool
has_locked(const struct seal_plan *p, const struct seal_tensor *t)
{
	return t->locked < p->n && p->locked[t->locked].tensor == t->is.index;
}

bool
seal_marks(struct ctx *c, const struct seal_plan *p, const struct seal_tensor *t, int64_t first,
    size_t n, const void *bytes, uint8_t marked[])
{
	size_t size = onnx_type_size(t->is.type);
	const char *at = bytes;

	if (!seal_numbers(c, t->is.type, bytes, n, p->number))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct seal_counts *s = &p->counts;
		float v = p->number[i];

		if (isfinite(v) && fabs(v) < FAR * t->sd &&
		    !can_be_guessed(s, bits_of(size, at + i * size), v))
			marked[i / 8] |= (uint8_t)(1 << i % 8);
	}
	for (uint32_t k = t->locked; k < p->n && p->locked[k].tensor == t->is.index; k++) {
		int64_t i = (int64_t)p->locked[k].index - first;

		if (i >= 0 && i < (int64_t)n)
			marked[i / 8] &= (uint8_t) ~(1 << i % 8);
	}
	return true;
}

/* How many weights of a tensor that was counted, and hence in which form it is sealed. */
MUST static bool
count_marked(struct ctx *c, struct seal_plan *p, struct seal_tensor *t)
{
	for (int64_t i = 0, n; i < t->is.count; i += n) {
		uint8_t marked[SEALED_BLOCK / 8] = { 0 };

		n = t->is.count - i < SEALED_BLOCK ? t->is.count - i : SEALED_BLOCK;
		if (!seal_read(c, p, t, i, (size_t)n, p->bytes) ||
		    !seal_marks(c, p, t, i, (size_t)n, p->bytes, marked))
			return false;
		for (size_t k = 0; k < sizeof marked; k++)
			t->marked += (uint64_t)__builtin_popcount(marked[k]);
	}
	t->is.form = SEALED_MIXED;
	if (t->marked == (uint64_t)t->is.count)
		t->is.form = SEALED_MARKED;
	else if (t->marked == 0)
		t->is.form = SEALED_RAW;
	return true;
}

bool
seal_look(struct ctx *c, struct seal_plan *p, struct seal_tensor *t, bool unmarked)
{
	bool can = t->matrix && t->real && !unmarked;
	struct scale s = { 0 };

	if (can && !counts_begin(c, &p->counts, &t->is, 0))
		return false;
	for (int64_t i = 0, n; i < t->is.count; i += n) {
		n = t->is.count - i < SEALED_BLOCK ? t->is.count - i : SEALED_BLOCK;
		if (!seal_read(c, p, t, i, (size_t)n, p->bytes) ||
		    !seal_numbers(c, t->is.type, p->bytes, (size_t)n, p->number))
			return false;
		scale_add(&s, p->number, (size_t)n);
		if (can)
			count_block(&p->counts, t->is.type, i, p->bytes, p->number, (size_t)n);
	}
	scale_end(&s, t);
	if (!can || !(t->sd > 0))
		return true;
	t->is.sigma = t->sd;
	if (s.n < t->is.count || (double)s.largest >= FAR * t->sd || has_locked(p, t) ||
	    has_often(&p->counts))
		return seal_count(c, p, t) && count_marked(c, p, t);
	t->is.form = SEALED_MARKED;
	t->marked = (uint64_t)t->is.count;
	return true;
}
