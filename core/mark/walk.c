/*
 * Which entries of the table belong to which weight: successive fields of log_l bits, four for
 * each weight, the lowest bits first, of a keystream that everybody can compute: bulk("index", 0, 0)
 * of crypto.h under SHA-256 of the release's id. Weight i begins at bit 4 * log_l * i, which is the
 * border of a byte or the middle of one; two words of 64 bits hold its four fields, whatever log_l.
 *
 * This is the loop that unlocking spends its time in. A block of the stream and the block of
 * weights that goes with it stay in the first-level cache.
 */
#include <math.h>

#include "parts.h"

enum {
	BLOCK = 2048, /* weights whose fields are drawn at a time; even: whole bytes */
	FIELDS_MAX = BLOCK * MARK_TERMS * MARK_LOG_MAX / 8,
	LOG_FAR = 20, /* tables of that length and more are far away */
	AHEAD = 128,
	SLACK = 8, /* the last word may reach beyond the stream */
};

struct mark_walk {
	struct bulk *stream;
	const uint32_t *table;
	unsigned log_l;
	size_t used; /* weights of this block that were gone through */
	uint8_t fields[FIELDS_MAX + SLACK];
};

void
mark_walk_free(struct mark_walk **w)
{
	if (*w == NULL)
		return;
	bulk_free(&(*w)->stream);
	free(*w);
	*w = NULL;
}

bool
mark_walk_new(struct ctx *c, struct str release_id, const struct mark_terms *t,
    const uint32_t table[], struct mark_walk **ret)
{
	owned(mark_walk_free) struct mark_walk *w = NULL;
	struct digest256 d;
	struct key256 key;

	if (!terms_check(c, t) || !sha256(c, release_id, &d))
		return false;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return fail(c, E_MEMORY, "no memory");
	memcpy(key.b, d.b, sizeof key.b); /* public */
	if (!bulk_new(c, &key, "index", 0, 0, &w->stream))
		return false;
	w->table = table;
	w->log_l = t->log_l;
	w->used = BLOCK;
	*ret = steal(w);
	return true;
}

/* How many of n weights are in the block that we are in, after drawing a new one if need be. */
MUST static bool
next_block(struct ctx *c, struct mark_walk *w, size_t n, size_t *ret)
{
	if (w->used == BLOCK) {
		if (!bulk_read(c, w->stream, w->fields, BLOCK * MARK_TERMS * w->log_l / 8))
			return false;
		w->used = 0;
	}
	*ret = n < BLOCK - w->used ? n : BLOCK - w->used;
	return true;
}

static inline uint64_t
word_at(const uint8_t *fields, size_t bit)
{
	uint64_t v;

	memcpy(&v, fields + bit / 8, sizeof v);
	return v >> bit % 8;
}

/* The places of the four entries of the weight whose fields begin at `bit`. */
#define EACH_PLACE(fields, bit, log_l, mask, place)                                 \
	const uint64_t low_ = word_at((fields), (bit)),                             \
		       high_ = word_at((fields), (bit) + 2 * (size_t)(log_l));      \
	const size_t place[MARK_TERMS] = { low_ & (mask), low_ >> (log_l) & (mask), \
		high_ & (mask), high_ >> (log_l) & (mask) }

static inline void
add_entries(const struct mark_walk *w, unsigned log_l, uint32_t sign, uint32_t v[], size_t n)
{
	const uint64_t mask = ((uint64_t)1 << log_l) - 1;
	const uint32_t *table = w->table;
	size_t bit = w->used * MARK_TERMS * log_l;

	for (size_t i = 0; i < n; i++, bit += MARK_TERMS * (size_t)log_l) {
		EACH_PLACE(w->fields, bit, log_l, mask, at);

		v[i] += sign * (table[at[0]] + table[at[1]] + table[at[2]] + table[at[3]]);
	}
}

/*
 * The same for tables that the nearer caches do not hold: the entries of AHEAD weights are asked
 * for before the first of them is needed.
 */
static void
add_far_entries(
    const struct mark_walk *w, unsigned log_l, uint32_t sign, uint32_t v[], size_t n)
{
	const uint64_t mask = ((uint64_t)1 << log_l) - 1;
	const uint32_t *table = w->table;
	size_t bit = w->used * MARK_TERMS * log_l;
	uint32_t place[AHEAD * MARK_TERMS];

	for (size_t i = 0, some; i < n; i += some) {
		some = n - i < AHEAD ? n - i : AHEAD;
		for (size_t k = 0; k < some; k++, bit += MARK_TERMS * (size_t)log_l) {
			EACH_PLACE(w->fields, bit, log_l, mask, at);

			for (size_t j = 0; j < MARK_TERMS; j++) {
				__builtin_prefetch(&table[at[j]]);
				place[k * MARK_TERMS + j] = (uint32_t)at[j];
			}
		}
		for (size_t k = 0; k < some; k++) {
			const uint32_t *at = &place[k * MARK_TERMS];

			v[i + k] += sign *
			    (table[at[0]] + table[at[1]] + table[at[2]] + table[at[3]]);
		}
	}
}

/* Plus or minus the entries; sign is 1 or -1 modulo 2^32. */
MUST static bool
change(struct ctx *c, struct mark_walk *w, uint32_t sign, uint32_t v[], size_t n)
{
	for (size_t some; n > 0; v += some, n -= some) {
		if (!next_block(c, w, n, &some))
			return false;
		if (w->log_l == MARK_LOG_MIN) /* the usual one: shifts by constants */
			add_entries(w, MARK_LOG_MIN, sign, v, some);
		else if (w->log_l >= LOG_FAR)
			add_far_entries(w, w->log_l, sign, v, some);
		else
			add_entries(w, w->log_l, sign, v, some);
		w->used += some;
	}
	return true;
}

bool
mark_hide(struct ctx *c, struct mark_walk *w, uint32_t v[], size_t n)
{
	return change(c, w, 1, v, n);
}

bool
mark_show(struct ctx *c, struct mark_walk *w, uint32_t v[], size_t n)
{
	return change(c, w, UINT32_MAX, v, n);
}

bool
mark_gather(struct ctx *c, struct mark_walk *w, const float d[], size_t n, double sums[])
{
	const uint64_t mask = ((uint64_t)1 << w->log_l) - 1;

	for (size_t some; n > 0; d += some, n -= some) {
		if (!next_block(c, w, n, &some))
			return false;
		for (size_t i = 0; i < some; i++) {
			size_t bit = (w->used + i) * MARK_TERMS * w->log_l;
			EACH_PLACE(w->fields, bit, w->log_l, mask, at);

			for (size_t j = 0; j < MARK_TERMS; j++)
				sums[at[j]] += (double)d[i];
		}
		w->used += some;
	}
	return true;
}

/* ---- Fixed point ------------------------------------------------------------------------- */

enum { FIXED_MAX = 2047 };

void
mark_fixed(const float w[], size_t n, double sigma, uint32_t to[])
{
	const double one = (double)(1 << MARK_ONE), most = FIXED_MAX * one;

	for (size_t i = 0; i < n; i++) {
		double v = (double)w[i] / sigma * one;

		v = v > most ? most : v >= -most ? v : -most; /* what is no number, too */
		to[i] = (uint32_t)(int32_t)rint(v);
	}
}

void
mark_float(const uint32_t v[], size_t n, double sigma, float to[])
{
	const double step = sigma / (double)(1 << MARK_ONE);

	for (size_t i = 0; i < n; i++)
		to[i] = (float)(step * (double)(int32_t)v[i]);
}
