/*
 * Questions near an owner's boundaries. Between two samples that the owner answers differently lies
 * a place where its answer turns, found by halving the way between them; a copy's answer turns
 * nearly there, a stranger's somewhere else (after IPGuard, Cao et al. 2019, arXiv 1910.12903). And
 * samples that the owner answers wrongly: a stranger is wrong elsewhere, or otherwise.
 */
#include "likeness_parts.h"

enum {
	SCANNED = 4096,   /* samples that the owner is asked, at most */
	SOUGHT = 256,     /* of them at once */
	MISTAKES_FEW = 8, /* fewer say nothing by themselves */
	HALVINGS = 14,
	PURPOSE = 2, /* of the secret's order */
};

/* How far along the way from the turn the questions lie. */
static const double aside[BOUNDARY_OF_WAY] = { -.06, -.02, .02, .06 };

/* What the owner says of samples in the secret's order. */
struct seen {
	const uint32_t *which;
	int32_t *answer;
	int64_t n;
	uint32_t wrong[BOUNDARY_MISTAKES];
	int64_t mistakes, most; /* most: mistakes that are wanted */
};

MUST static bool
scan(struct ctx *c, struct labeller *owner, int64_t classes, const struct train_data *d,
    const struct key256 *secret, struct seen *s)
{
	int64_t all = d->samples->shape.dim[0], most = all < SCANNED ? all : SCANNED;
	uint32_t *order;

	s->answer = take(c, (size_t)most * sizeof *s->answer + 1);
	if (s->answer == NULL || !likeness_order(c, secret, PURPOSE, d, most, &order))
		return false;
	s->which = order;
	for (int64_t some; s->n < most && s->mistakes < s->most; s->n += some) {
		float *x;

		some = most - s->n < SOUGHT ? most - s->n : SOUGHT;
		if (!likeness_samples(c, d, order + s->n, some, &x) ||
		    !labeller_ask(c, owner, x, some, classes, s->answer + s->n))
			return false;
		for (int64_t i = s->n; i < s->n + some && s->mistakes < s->most; i++)
			if (s->answer[i] != d->labels->v[order[i]])
				s->wrong[s->mistakes++] = order[i];
	}
	return true;
}

/* ---- Ways between two samples ------------------------------------------------------------ */

struct ways {
	int64_t n, most, numbers;
	const float *from, *to;        /* their ends, n * numbers */
	int32_t begins[BOUNDARY_WAYS]; /* the owner's answer at the beginning */
	double low[BOUNDARY_WAYS], high[BOUNDARY_WAYS];
};

/* Neighbours in the order, rightly and differently answered, become the ends of a way. */
MUST static bool
ways_choose(struct ctx *c, const struct seen *s, const struct train_data *d, struct ways *w)
{
	uint32_t end[2][BOUNDARY_WAYS];
	int64_t waiting = -1;
	float *from, *to;

	for (int64_t i = 0; i < s->n && w->n < w->most; i++) {
		if (s->answer[i] != d->labels->v[s->which[i]])
			continue;
		if (waiting < 0) {
			waiting = i;
		} else if (s->answer[i] != s->answer[waiting]) {
			end[0][w->n] = s->which[waiting];
			end[1][w->n] = s->which[i];
			w->begins[w->n] = s->answer[waiting];
			w->high[w->n++] = 1;
			waiting = -1;
		}
	}
	w->numbers = d->form.count;
	if (!likeness_samples(c, d, end[0], w->n, &from) ||
	    !likeness_samples(c, d, end[1], w->n, &to))
		return false;
	w->from = from;
	w->to = to;
	return true;
}

/* `t` of the way from a to b. */
static void
way_at(const float *a, const float *b, int64_t numbers, double t, float *to)
{
	for (int64_t k = 0; k < numbers; k++)
		to[k] = (float)((1 - t) * (double)a[k] + t * (double)b[k]);
}

MUST static bool
ways_halve(struct ctx *c, struct labeller *owner, int64_t classes, struct ways *w)
{
	float *x = take(c, (size_t)(w->n * w->numbers) * sizeof *x + 1);
	int32_t answer[BOUNDARY_WAYS];

	if (x == NULL)
		return false;
	for (int step = 0; step < HALVINGS; step++) {
		for (int64_t i = 0; i < w->n; i++)
			way_at(w->from + i * w->numbers, w->to + i * w->numbers, w->numbers,
			    (w->low[i] + w->high[i]) / 2, x + i * w->numbers);
		if (!labeller_ask(c, owner, x, w->n, classes, answer))
			return false;
		for (int64_t i = 0; i < w->n; i++) {
			double middle = (w->low[i] + w->high[i]) / 2;

			if (answer[i] == w->begins[i])
				w->low[i] = middle;
			else
				w->high[i] = middle;
		}
	}
	return true;
}

static double
within_way(double t)
{
	return t < 0 ? 0 : t > 1 ? 1 : t;
}

/* ---- All questions ----------------------------------------------------------------------- */

bool
boundary_lay(struct ctx *c, int64_t numbers, struct boundary *b)
{
	float *x = take(c, (size_t)((b->near + b->mistakes) * numbers) * sizeof *x + 1);
	int64_t n = 0;

	if (x == NULL)
		return false;
	for (int64_t i = 0; i < b->ways; i++)
		for (size_t k = 0; k < COUNT(aside); k++)
			way_at(b->from + i * numbers, b->to + i * numbers, numbers,
			    within_way(b->turn[i] + aside[k]), x + n++ * numbers);
	memcpy(x + b->near * numbers, b->wrong, (size_t)(b->mistakes * numbers) * sizeof *x);
	b->samples = x;
	return true;
}

MUST static bool
boundary_of(struct ctx *c, const struct seen *seen, const struct ways *w,
    const struct train_data *d, struct boundary *b)
{
	double *turn = take(c, (size_t)w->n * sizeof *turn);
	float *wrong;

	if (turn == NULL || !likeness_samples(c, d, seen->wrong, seen->mistakes, &wrong))
		return false;
	for (int64_t i = 0; i < w->n; i++)
		turn[i] = (w->low[i] + w->high[i]) / 2;
	b->ways = w->n;
	b->from = w->from;
	b->to = w->to;
	b->turn = turn;
	b->wrong = wrong;
	b->near = w->n * BOUNDARY_OF_WAY;
	b->mistakes = seen->mistakes;
	b->answer = take(c, (size_t)(b->near + b->mistakes) * sizeof *b->answer);
	return b->answer != NULL && boundary_lay(c, w->numbers, b);
}

bool
boundary_make(struct ctx *c, struct labeller *owner, int64_t classes,
    const struct train_data *d, const struct key256 *secret, int share, struct boundary *ret)
{
	struct boundary b = { .classes = classes };
	struct seen seen = { .most = BOUNDARY_MISTAKES >> share };
	struct ways w = { .most = BOUNDARY_WAYS >> share };

	if (!scan(c, owner, classes, d, secret, &seen) || !ways_choose(c, &seen, d, &w) ||
	    !ways_halve(c, owner, classes, &w))
		return false;
	if (w.n == 0)
		return fail(c, E_INPUT, "the release answers all samples alike, or wrongly");
	if (!boundary_of(c, &seen, &w, d, &b) ||
	    !labeller_ask(c, owner, b.samples, b.near + b.mistakes, classes, b.answer))
		return false;
	*ret = b;
	return true;
}

bool
boundary_within(struct ctx *c, const struct boundary *all, int64_t numbers, int64_t classes,
    struct boundary *ret)
{
	int64_t n = all->near + all->mistakes, kept = 0;
	struct boundary b = { .classes = classes };

	b.samples = take(c, (size_t)(n * numbers) * sizeof *b.samples + 1);
	b.answer = take(c, (size_t)n * sizeof *b.answer);
	if (b.samples == NULL || b.answer == NULL)
		return false;
	for (int64_t i = 0; i < n; i++) {
		if (all->answer[i] >= classes)
			continue;
		memcpy(b.samples + kept * numbers, all->samples + i * numbers,
		    (size_t)numbers * sizeof *b.samples);
		b.answer[kept++] = all->answer[i];
		*(i < all->near ? &b.near : &b.mistakes) += 1;
	}
	if (b.near == 0)
		return fail(c, E_INPUT, "the release says its last class at all boundaries");
	*ret = b;
	return true;
}

/* Both kinds weigh the same, however many there are of each. */
bool
boundary_ask(
    struct ctx *c, const struct boundary *b, struct labeller *l, struct boundary_score *ret)
{
	int64_t n = b->near + b->mistakes;
	int32_t *answer = take(c, (size_t)n * sizeof *answer);
	struct boundary_score s = { 0 };

	if (answer == NULL || !labeller_ask(c, l, b->samples, n, b->classes, answer))
		return false;
	for (int64_t i = 0; i < n; i++) {
		s.silent += answer[i] < 0;
		if (answer[i] < 0 || answer[i] != b->answer[i])
			continue;
		*(i < b->near ? &s.near : &s.mistakes) += 1;
	}
	s.share = (double)s.near / (double)b->near;
	if (b->mistakes >= MISTAKES_FEW)
		s.share = (s.share + (double)s.mistakes / (double)b->mistakes) / 2;
	*ret = s;
	return true;
}
