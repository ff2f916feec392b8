/*
 * L8: customers who lay their copies together. Under the parameter lock all locked copies are the
 * same bytes, so there is nothing to compare; whoever has a plain copy beside a locked one sees the
 * lock, and needs it no more. Under the sealed lock each customer unlocks a marked copy; what
 * matters is how much of each mark is left in a mean, median or minimum of several.
 */
#include <stdio.h>

#include "attack_marks.h"

/* ---- The parameter lock: copies that are alike ------------------------------------------- */

/* The mean of `copies` locked files, number by number. */
static void
mean_of_locked(const struct attack *a, int copies, struct attack_found *f)
{
	size_t n;
	struct nn_weight *w = attack_weights(a, &n);

	for (size_t i = 0; i < n; i++) {
		const float *locked = protect_kept(a->on->locked, i);

		for (int64_t k = 0; k < w[i].count; k++) {
			double sum = 0;

			for (int j = 0; j < copies; j++)
				sum += locked[k];
			w[i].data[k] = (float)(sum / copies);
			if (w[i].data[k] == locked[k])
				continue;
			f->named++;
			f->right += attack_is_place(a, i, k);
		}
	}
}

MUST static bool
collude_locked(struct ctx *c, struct attack *a)
{
	struct attack_point p = attack_point(8, "mean of 8 locked copies");
	struct attack_found f = { 0 };

	mean_of_locked(a, 8, &f);
	attack_score(a, &f, &p);
	if (!attack_measure(c, a, &p))
		return false;
	p = attack_point(NAN, "a plain copy beside a locked one");
	f = (struct attack_found){ (int64_t)a->places, (int64_t)a->places };
	attack_score(a, &f, &p);
	protect_restore(a->on->model.graph, a->on->plain);
	(void)snprintf(a->result->note, sizeof a->result->note,
	    "Every customer has the same locked bytes: comparing them shows nothing. A plain "
	    "copy beside a locked one shows the whole lock, to somebody who needs it no more.");
	return attack_measure(c, a, &p);
}

/* ---- The sealed lock: copies that are marked --------------------------------------------- */

enum blend { MEAN, MEDIAN, MINIMUM };
/* clang-format off */
static const struct {
	enum blend blend;
	const char *what;
	size_t copies;
	enum protect_effort effort;
} blends[] = {
	{ MEAN,    "one copy",         1, EFFORT_QUICK },
	{ MEAN,    "mean of 2",        2, EFFORT_QUICK },
	{ MEAN,    "mean of 3",        3, EFFORT_FULL },
	{ MEAN,    "mean of 4",        4, EFFORT_QUICK },
	{ MEAN,    "mean of 5",        5, EFFORT_FULL },
	{ MEAN,    "mean of 6",        6, EFFORT_FULL },
	{ MEAN,    "mean of 7",        7, EFFORT_FULL },
	{ MEAN,    "mean of 8",        8, EFFORT_QUICK },
	{ MEDIAN,  "median of 3",      3, EFFORT_FULL },
	{ MEDIAN,  "median of 5",      5, EFFORT_QUICK },
	{ MEDIAN,  "median of 8",      8, EFFORT_FULL },
	{ MINIMUM, "minimum of 2",     2, EFFORT_FULL },
	{ MINIMUM, "minimum of 3",     3, EFFORT_QUICK },
	{ MINIMUM, "minimum of 8",     8, EFFORT_FULL },
};
/* clang-format on */

/* Where a mark stops being proof: 1000 customers, a chance of 10^-6 for all of them. */
#define PROOF_Z 6.2

struct coalition {
	uint32_t *table[MARKS_COPIES];
};

static void
coalition_done(struct coalition *g)
{
	for (size_t i = 0; i < MARKS_COPIES; i++)
		table_done(&g->table[i]);
}

MUST static bool
coalition_new(struct ctx *c, const struct attack *a, struct coalition *g)
{
	const struct attack_case *on = a->on;

	for (uint32_t i = 0; i < MARKS_COPIES; i++) {
		if (!marks_table(c, a, &g->table[i]))
			return false;
		/* A customer's values are kept modulo 2^32: what they add to a weight. */
		if (!mark_values(c, on->release, on->terms, i, (int32_t *)g->table[i]))
			return false;
	}
	return true;
}

static float
blend(enum blend how, float v[], size_t n)
{
	double sum = 0;

	for (size_t i = 1; how != MEAN && i < n; i++)
		for (size_t k = i; k > 0 && v[k] < v[k - 1]; k--) {
			float was = v[k];

			v[k] = v[k - 1];
			v[k - 1] = was;
		}
	switch (how) {
	case MEAN:
		for (size_t i = 0; i < n; i++)
			sum += v[i];
		return (float)(sum / (double)n);
	case MEDIAN:
		return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	case MINIMUM:
		return v[0];
	}
	abort();
}

/* The next n weights of the array, from `at` on, out of all copies. */
MUST static bool
blend_piece(struct ctx *c, struct marks *m, const struct marked *w, int64_t at, size_t n,
    enum blend how)
{
	static _Thread_local float copy[MARKS_COPIES][MARKS_PIECE];
	uint32_t word[MARKS_PIECE];

	for (size_t i = 0; i < m->n; i++) {
		mark_fixed(w->plain + at, n, w->sigma, word);
		if (!mark_hide(c, m->walk[i], word, n))
			return false;
		mark_float(word, n, w->sigma, copy[i]);
	}
	for (size_t k = 0; k < n; k++) {
		float v[MARKS_COPIES];

		for (size_t i = 0; i < m->n; i++)
			v[i] = copy[i][k];
		w->now[at + (int64_t)k] = blend(how, v, m->n);
	}
	return true;
}

/* The graph becomes what so many customers make of their copies. */
MUST static bool
blend_all(struct ctx *c, const struct attack *a, const struct coalition *g, enum blend how,
    size_t copies)
{
	owned(marks_done) struct marks m = { 0 };
	struct marked *w = NULL;
	size_t n = 0;

	protect_restore(a->on->model.graph, a->on->plain);
	if (!marks_arrays(c, a, &w, &n) || !marks_new(c, a, g->table, copies, &m))
		return false;
	for (size_t i = 0; i < n; i++)
		for (int64_t at = 0; at < w[i].n; at += MARKS_PIECE) {
			int64_t left = w[i].n - at;
			size_t some = left < MARKS_PIECE ? (size_t)left : MARKS_PIECE;

			if (!blend_piece(c, &m, &w[i], at, some, how))
				return false;
		}
	return true;
}

/* The weakest of the marks that went in. */
MUST static bool
weakest(struct ctx *c, const struct attack *a, size_t copies, double *ret)
{
	owned(sums_done) double *sums = NULL;
	struct mark_score s;
	double least = INFINITY;

	if (!marks_sums(c, a, &sums))
		return false;
	for (uint32_t i = 0; i < copies; i++) {
		if (!mark_score(c, a->on->release, a->on->terms, i, sums, &s))
			return false;
		least = s.z < least ? s.z : least;
	}
	*ret = least;
	return true;
}

/* How many may lay their copies together before a mean tells none of them. */
static void
say(struct attack_result *r, double z, size_t copies)
{
	double most = (double)copies * (z / PROOF_Z) * (z / PROOF_Z);

	(void)snprintf(r->note, sizeof r->note,
	    "In a mean of %zu copies each one's mark still has z = %.1f; it falls with the "
	    "square root of their number and passes %.1f, the limit of proof, at about %.0f "
	    "copies.",
	    copies, z, PROOF_Z, most > 1 ? most : 1);
}

MUST static bool
collude_marked(struct ctx *c, struct attack *a)
{
	owned(coalition_done) struct coalition g = { 0 };

	if (!coalition_new(c, a, &g))
		return false;
	for (size_t i = 0; i < COUNT(blends); i++) {
		struct attack_point p;

		if (blends[i].effort > a->on->effort)
			continue;
		attack_tell(a, (double)i / COUNT(blends), "%s", blends[i].what);
		p = attack_point((double)blends[i].copies, "%s", blends[i].what);
		if (!blend_all(c, a, &g, blends[i].blend, blends[i].copies) ||
		    !weakest(c, a, blends[i].copies, &p.z) || !attack_measure(c, a, &p))
			return false;
		if (blends[i].blend == MEAN)
			say(a->result, p.z, blends[i].copies);
	}
	return true;
}

bool
attack_collude(struct ctx *c, struct attack *a)
{
	if (attack_seen(a->on->locks) == SEEN_FLIPPED)
		return collude_locked(c, a);
	if (a->on->terms != NULL)
		return collude_marked(c, a);
	(void)snprintf(a->result->note, sizeof a->result->note,
	    "The copies are not marked: nothing in them tells one customer's from another's.");
	return true;
}
