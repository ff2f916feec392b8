/*
 * All customers of a release against the sums that were gathered of a suspect: a score each, by
 * several threads, the best of them with their rigorous bounds, and the picture that all give. The
 * same for customers who do not exist, as a control.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "weights_parts.h"

enum {
	THREADS_MAX = 64,
	CHUNK = 256,     /* customers that a thread takes at a time */
	CONTROLS = 1000, /* customers who do not exist */
};
/*
 * Their numbers: customers are numbered from 1 on, so that these are never reached; those of the
 * last few, which releases are tried with before anybody gets them, are left out, too.
 */
enum { CONTROL_SPAN = 1 << 16 };
#define CONTROL_LAST (UINT32_MAX - CONTROL_SPAN)
/* Below this z a bound is worth nothing for any number of customers. */
#define Z_OF_INTEREST 3
#define EPS1 1e-6
#define LEVEL .05

struct scoring {
	const struct mark_scorer *scorer;
	const uint32_t *customer;
	int64_t n;
	double *z;
	atomic_int_fast64_t next;
	atomic_bool bad;
	const struct verify_watch *watch;
	struct ctx *c;
};

/* ---- Threads ----------------------------------------------------------------------------- */

/* One thread's share; only the first tells how far all are. */
MUST static bool
score_chunks(struct ctx *c, struct scoring *s, bool tells)
{
	int64_t at;

	while (!s->bad && (at = atomic_fetch_add(&s->next, CHUNK)) < s->n) {
		for (int64_t i = at; i < s->n && i < at + CHUNK; i++)
			if (!mark_scorer_z(c, s->scorer, s->customer[i], &s->z[i])) {
				s->bad = true;
				return false;
			}
		if (tells && s->watch != NULL && s->watch->progress != NULL)
			s->watch->progress(
			    s->watch->arg, at, s->n, STR("scoring the customers"));
	}
	return true;
}

static void *
score_thread(void *arg)
{
	struct scoring *s = arg;
	struct ctx own = *s->c;

	own.err = (struct err){ 0 };
	if (!score_chunks(&own, s, false))
		s->bad = true; /* what is wrong is wrong for the first thread, too */
	return NULL;
}

/* Where no thread can be had, fewer do the work. */
MUST static bool
score_all(struct ctx *c, struct scoring *s, int threads)
{
	pthread_t thread[THREADS_MAX];
	int n = 0;
	bool ok;

	s->c = c;
	while (n + 1 < threads && n < THREADS_MAX &&
	    pthread_create(&thread[n], NULL, score_thread, s) == 0)
		n++;
	ok = score_chunks(c, s, true);
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	if (ok && s->bad)
		return fail(c, E_CRYPTO, "a customer's values could not be drawn");
	return ok;
}

/* ---- The trace --------------------------------------------------------------------------- */

/* The highest scores, the highest first; of equal ones the one that was listed first. */
static void
best_find(const struct scoring *s, struct evidence_trace *t)
{
	for (int64_t i = 0; i < s->n; i++) {
		size_t at = t->n;

		if (t->n == EVIDENCE_CUSTOMERS_MAX && s->z[i] <= t->best[t->n - 1].z)
			continue;
		if (t->n < EVIDENCE_CUSTOMERS_MAX)
			t->n++;
		else
			at--;
		for (; at > 0 && t->best[at - 1].z < s->z[i]; at--)
			t->best[at] = t->best[at - 1];
		t->best[at] = (struct evidence_customer){ .number = s->customer[i],
			.z = s->z[i] };
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->best[i].z > Z_OF_INTEREST)
			t->best[i].bound_log10 = mark_scorer_bound(s->scorer, t->best[i].z) /
			    log(10);
}

static void
histogram(const struct scoring *s, struct evidence_trace *t)
{
	double width;

	t->low = t->high = s->z[0];
	for (int64_t i = 1; i < s->n; i++) {
		t->low = fmin(t->low, s->z[i]);
		t->high = fmax(t->high, s->z[i]);
	}
	width = (t->high - t->low) / EVIDENCE_BINS;
	for (int64_t i = 0; i < s->n; i++) {
		size_t at = width > 0 ? (size_t)((s->z[i] - t->low) / width) : 0;

		t->bin[at < EVIDENCE_BINS ? at : EVIDENCE_BINS - 1]++;
	}
}

static void
trace_fill(const struct scoring *s, struct evidence_trace *t)
{
	double eps1 = t->eps1 > 0 ? t->eps1 : EPS1;
	double threshold = mark_scorer_threshold(s->scorer, log(eps1 / (double)s->n));

	t->ran = true;
	t->customers = s->n;
	t->threshold_z = isfinite(threshold) ? threshold : 0;
	best_find(s, t);
	histogram(s, t);
}

/* ---- The control ------------------------------------------------------------------------- */

/*
 * By the normal law: a score is a sum of symmetric variables of which no one's tail is heavier, so
 * that its share beyond 1.645 deviations is between 5.0 % (many sums) and 5.4 % (one alone). The
 * bound would hide it if scores were several times as often high as they should be.
 */
static int64_t
control_low(const double z[], int64_t n)
{
	int64_t low = 0;

	for (int64_t i = 0; i < n; i++)
		low += erfc(z[i] / sqrt(2)) / 2 <= LEVEL;
	return low;
}

/* Numbers that nobody has, counted down; those that somebody has all the same are left out. */
MUST static bool
control_numbers(struct ctx *c, const struct verify_release *r, uint32_t *ret, int64_t *ret_n)
{
	bool *taken = take(c, CONTROL_SPAN);
	int64_t n = 0;

	if (taken == NULL)
		return false;
	for (int64_t i = 0; i < r->customers; i++) {
		uint32_t below = CONTROL_LAST - r->customer[i];

		if (below < CONTROL_SPAN)
			taken[below] = true;
	}
	for (uint32_t i = 0; i < CONTROL_SPAN && n < CONTROLS; i++)
		if (!taken[i])
			ret[n++] = CONTROL_LAST - i;
	*ret_n = n;
	return true;
}

MUST static bool
control_run(struct ctx *c, const struct verify_release *r, const struct mark_scorer *scorer,
    int threads, struct evidence *e)
{
	struct scoring s = { .scorer = scorer };
	struct evidence_control *to = &e->control[e->controls];
	uint32_t number[CONTROLS];
	double z[CONTROLS];

	if (e->controls == EVIDENCE_CONTROLS_MAX)
		return true;
	if (!control_numbers(c, r, number, &s.n))
		return false;
	s.customer = number;
	s.z = z;
	if (!score_all(c, &s, threads))
		return false;
	*to = (struct evidence_control){ .trials = s.n, .low = control_low(z, s.n) };
	(void)snprintf(to->what, sizeof to->what, "customers who do not exist, on the same %s",
	    e->trace.channel);
	e->controls++;
	return true;
}

/* ---- All --------------------------------------------------------------------------------- */

static void
scoring_done(struct scoring *s)
{
	free(s->z);
	s->z = NULL;
}

static void
scorer_done(struct mark_scorer **s)
{
	mark_scorer_free(s);
}

bool
weights_score(struct ctx *c, const struct verify_release *r, const double sums[], int threads,
    const struct verify_watch *watch, struct evidence *e)
{
	owned(scorer_done) struct mark_scorer *scorer = NULL;
	owned(scoring_done) struct scoring s = {
		.customer = r->customer, .n = r->customers, .watch = watch
	};
	struct evidence_test *t = &e->test[TEST_WEIGHTS];

	if (!mark_scorer_new(c, &r->secret, &r->terms, sums, &scorer))
		return false;
	s.scorer = scorer;
	s.z = malloc((size_t)s.n * sizeof *s.z);
	if (s.z == NULL)
		return fail(c, E_MEMORY, "no memory for %lld scores", (long long)s.n);
	if (!score_all(c, &s, threads))
		return false;
	trace_fill(&s, &e->trace);
	t->ran = true;
	t->trials = s.n;
	t->score = e->trace.best[0].z;
	t->bound_log10 = e->trace.best[0].bound_log10;
	return control_run(c, r, scorer, threads, e);
}

/* What may be wrong with a suspect; everything else is wrong with us. */
static const enum err_code the_suspects[] = { E_CONFLICT, E_INPUT, E_LIMIT, E_INTEGRITY,
	E_ABSENT };

bool
weights_not(struct ctx *c, struct evidence *e)
{
	struct evidence_test *t = &e->test[TEST_WEIGHTS];
	bool is_the_suspects = false;

	for (size_t i = 0; i < COUNT(the_suspects); i++)
		is_the_suspects = is_the_suspects || c->err.code == the_suspects[i];
	if (!is_the_suspects)
		return false;
	(void)snprintf(t->why, sizeof t->why, "%s", c->err.text);
	(void)snprintf(e->trace.why, sizeof e->trace.why, "%s", c->err.text);
	c->err = (struct err){ 0 };
	return true;
}
