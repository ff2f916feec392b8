/*
 * L7: wrong keys. A key that is damaged, of another release or drawn at random is refused by its
 * digests long before a weight is touched; here it is forced upon the file, to see what it would
 * have given.
 */
#include <stdio.h>

#include "attack_marks.h"

static const double wrong[] = { 0.01, 0.05, 0.10, 0.50 };

/* ---- The parameter lock ------------------------------------------------------------------ */

static void
flip(float *w, uint32_t bits)
{
	uint32_t b;

	memcpy(&b, w, sizeof b);
	b ^= bits;
	memcpy(w, &b, sizeof b);
}

/* The key, but the first `n` entries of a random order lie at random places of their arrays. */
MUST static bool
flip_damaged(struct ctx *c, const struct attack *a, size_t n, uint32_t nth)
{
	struct nn_weight *w = attack_weights(a, &(size_t){ 0 });
	uint32_t *order = take(c, (a->places + 1) * sizeof *order);
	struct prf draws = attack_draws(a, "attack-keys", nth, 0);

	if (order == NULL)
		return false;
	prf_perm(&draws, (uint32_t)a->places, order);
	for (size_t i = 0; i < a->places; i++) {
		const struct attack_place *p = &a->place[order[i]];
		uint64_t at = (uint64_t)p->index;

		if (i < n)
			at = prf_uniform(&draws, (uint64_t)w[p->weight].count);
		flip(&w[p->weight].data[at], p->flip);
	}
	return prf_end(c, &draws);
}

/* As many places anywhere, with random bits. */
MUST static bool
flip_random(struct ctx *c, const struct attack *a)
{
	size_t n;
	struct nn_weight *w = attack_weights(a, &n);
	struct prf draws = attack_draws(a, "attack-keys", 100, 0);
	size_t left = a->places;

	for (int tries = 0; left > 0 && tries < 1 << 20; tries++) {
		struct nn_weight *one = &w[prf_uniform(&draws, n)];

		if (!attack_worth(one))
			continue;
		flip(&one->data[prf_uniform(&draws, (uint64_t)one->count)],
		    (uint32_t)prf_next(&draws));
		left--;
	}
	return prf_end(c, &draws);
}

MUST static bool
keys_flipped(struct ctx *c, struct attack *a)
{
	struct attack_point p;
	size_t before = 0;

	for (size_t i = 0; i < COUNT(wrong); i++) {
		size_t n = (size_t)ceil(wrong[i] * (double)a->places);

		if (n == before) /* a small key has no finer shares */
			continue;
		before = n;
		p = attack_point(wrong[i], "%zu of %zu entries misplaced", n, a->places);
		if (!flip_damaged(c, a, n, (uint32_t)i) || !attack_measure(c, a, &p))
			return false;
	}
	p = attack_point(1, "another release's key");
	if (!flip_damaged(c, a, a->places, COUNT(wrong)) || !attack_measure(c, a, &p))
		return false;
	p = attack_point(NAN, "a random key");
	return flip_random(c, a) && attack_measure(c, a, &p);
}

/* ---- The sealed lock --------------------------------------------------------------------- */

/* The weights that a table gives out of the release's words. */
MUST static bool
open_with(struct ctx *c, const struct attack *a, uint32_t *master, uint32_t *table)
{
	owned(marks_done) struct marks m = { 0 };
	struct marked *w = NULL;
	uint32_t word[MARKS_PIECE];
	size_t n = 0;

	protect_restore(a->on->model.graph, a->on->plain);
	if (!marks_arrays(c, a, &w, &n) ||
	    !marks_new(c, a, (uint32_t *const[]){ master, table }, 2, &m))
		return false;
	for (size_t i = 0; i < n; i++)
		for (int64_t at = 0; at < w[i].n; at += MARKS_PIECE) {
			int64_t left = w[i].n - at;
			size_t some = left < MARKS_PIECE ? (size_t)left : MARKS_PIECE;

			mark_fixed(w[i].plain + at, some, w[i].sigma, word);
			if (!mark_hide(c, m.walk[0], word, some) ||
			    !mark_show(c, m.walk[1], word, some))
				return false;
			mark_float(word, some, w[i].sigma, w[i].now + at);
		}
	return true;
}

/* Customer 0's table with a share of its entries replaced by random words. */
MUST static bool
damaged_table(struct ctx *c, const struct attack *a, double share, uint32_t nth, uint32_t *to)
{
	const struct attack_case *on = a->on;
	size_t n = (size_t)1 << on->terms->log_l;
	struct prf draws = attack_draws(a, "attack-keys", nth, 1);

	if (!mark_table(c, on->release, on->terms, 0, to))
		return false;
	for (size_t i = 0; i < n; i++)
		if (prf_real(&draws) < share)
			to[i] = (uint32_t)prf_next(&draws);
	return prf_end(c, &draws);
}

/* A customer's table of a release that is not this one. */
MUST static bool
other_table(struct ctx *c, const struct attack *a, uint32_t *to)
{
	struct prf draws = attack_draws(a, "attack-keys", 0, 2);
	struct key256 other;

	for (size_t i = 0; i < sizeof other.b; i++)
		other.b[i] = (uint8_t)prf_next(&draws);
	return prf_end(c, &draws) && mark_table(c, &other, a->on->terms, 0, to);
}

MUST static bool
keys_sealed(struct ctx *c, struct attack *a)
{
	owned(table_done) uint32_t *master = NULL, *table = NULL;
	struct attack_point p;

	if (!marks_table(c, a, &master) || !marks_table(c, a, &table) ||
	    !mark_master(c, a->on->release, a->on->terms, master))
		return false;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		p = attack_point(wrong[i], "%g %% of the table wrong", wrong[i] * 100);
		if (!damaged_table(c, a, wrong[i], (uint32_t)i, table) ||
		    !open_with(c, a, master, table) || !attack_measure(c, a, &p))
			return false;
	}
	p = attack_point(1, "another release's table");
	return other_table(c, a, table) && open_with(c, a, master, table) &&
	    attack_measure(c, a, &p);
}

bool
attack_keys(struct ctx *c, struct attack *a)
{
	if (attack_seen(a->on->locks) == SEEN_FLIPPED)
		return keys_flipped(c, a);
	if (a->on->terms != NULL)
		return keys_sealed(c, a);
	(void)snprintf(a->result->note, sizeof a->result->note,
	    "All weights are encrypted under one key: another key gives nothing at all.");
	return true;
}
