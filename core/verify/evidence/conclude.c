/*
 * What follows from what was counted: p-values by each test's law, Holm's adjustment over all tests
 * that were planned, whether the controls are clean, who is accused, and the verdict. A sceptic who
 * checks a report runs this very file.
 *
 * Logarithms are rounded to six decimals before they decide anything, so that the last bits of a
 * machine's lgamma do not show in a report.
 */
#include <math.h>
#include <stdio.h>

#include "parts.h"

static double
six_decimals(double log10)
{
	return fmax(log10 < -1e9 ? -1e9 : round(log10 * 1e6) / 1e6, -1e9) + 0.;
}

/* ---- One test ---------------------------------------------------------------------------- */

static bool
possible(const struct evidence_row *r, const struct evidence_test *t)
{
	bool asked = r->law == LAW_PAIRS || r->law == LAW_BINOMIAL || r->law == LAW_SEQUENCE;

	if (t->trials < 0 || t->hits < 0 || t->misses < 0 || t->hits > t->trials ||
	    t->misses > t->trials - t->hits)
		return false;
	return !asked || t->trials <= EVIDENCE_ASKED_MAX;
}

static double
by_law(const struct evidence_row *r, const struct evidence_test *t)
{
	double log10_p = 0;
	struct sequence s;

	if (!t->ran || !possible(r, t))
		return 0;
	switch (r->law) {
	case LAW_PAIRS:
		log10_p = pairs_log10(t->hits, t->misses);
		break;
	case LAW_BINOMIAL:
		if (t->labels >= 2)
			log10_p = binomial_log10(t->trials, t->hits, 1 / (double)t->labels);
		break;
	case LAW_SEQUENCE:
		if (t->labels >= 2)
			s = sequence_of(t->labels, t->trials, t->hits);
		log10_p = t->labels >= 2 ? -sequence_log10(&s) : 0;
		break;
	case LAW_BOUND:
		if (t->trials > 0)
			log10_p = log10((double)t->trials) + t->bound_log10;
		break;
	case LAW_RANK:
		log10_p = log10((double)(t->hits + 1)) - log10((double)(t->trials + 1));
		break;
	case LAW_COUNT:
		break;
	}
	return fmin(0, six_decimals(log10_p));
}

/* Every test's p; the planned ones adjusted together. Returns how many of them ran. */
static size_t
conclude_tests(struct evidence *e)
{
	double p[TEST_COUNT], adjusted[TEST_COUNT];
	size_t n = 0, ran = 0;

	for (size_t i = 0; i < TEST_COUNT; i++) {
		const struct evidence_row *r = &evidence_rows[i];
		struct evidence_test *t = &e->test[i];

		t->ran = t->ran && t->planned;
		if (t->ran)
			memset(t->why, 0, sizeof t->why);
		ran += t->ran;
		t->log10_p = by_law(r, t);
		t->allowed = fmin(
		    0, six_decimals(t->log10_p + (r->grinds ? EVIDENCE_GRINDING_LOG10 : 0)));
		if (t->planned)
			p[n++] = t->allowed;
	}
	holm_log10(p, n, adjusted);
	n = 0;
	for (size_t i = 0; i < TEST_COUNT; i++)
		e->test[i].adjusted = e->test[i].planned ? six_decimals(adjusted[n++]) : 0;
	return ran;
}

/* The clearest of the tests that may carry a verdict; NULL if none of them ran. */
static const struct evidence_row *
clearest(const struct evidence *e, double *ret_log10)
{
	const struct evidence_row *best = NULL;

	*ret_log10 = 0;
	for (size_t i = 0; i < TEST_COUNT; i++) {
		const struct evidence_test *t = &e->test[i];

		if (!t->ran || evidence_rows[i].supports ||
		    (best != NULL && t->adjusted >= *ret_log10))
			continue;
		best = &evidence_rows[i];
		*ret_log10 = t->adjusted;
	}
	return best;
}

/* ---- What else a proof needs ------------------------------------------------------------- */

static void
conclude_controls(struct evidence *e)
{
	for (size_t i = 0; i < e->controls; i++) {
		struct evidence_control *k = &e->control[i];

		k->clean = k->trials > 0 && k->trials <= EVIDENCE_ASKED_MAX && k->low >= 0 &&
		    k->low <= k->trials && binomial_log10(k->trials, k->low, .05) > -6;
	}
}

/* What forbids a proof, whatever the figures; NULL: nothing. */
static const char *
forbidden(const struct evidence *e)
{
	if (e->appeared == 0)
		return "it is not known when the suspect first appeared";
	if (e->commitments == 0)
		return "nothing was committed to before the suspect appeared";
	for (size_t i = 0; i < e->commitments; i++)
		if (e->commitment[i].at == 0 || e->commitment[i].at >= e->appeared)
			return "the suspect appeared before something that the tests rest on "
			       "was committed to";
	if (e->controls == 0)
		return "no negative control was run";
	for (size_t i = 0; i < e->controls; i++)
		if (!e->control[i].clean)
			return "a negative control is not clean: the tests find what is not "
			       "there";
	return NULL;
}

static void
conclude_trace(struct evidence *e, bool may_accuse)
{
	struct evidence_trace *t = &e->trace;
	double accepted = log10(fmin(t->eps1, EVIDENCE_EPS1_MAX));
	bool may = may_accuse && t->ran && t->eps1 > 0 && t->customers > 0;

	if (t->ran)
		memset(t->why, 0, sizeof t->why);
	for (size_t i = 0; i < t->n; i++) {
		struct evidence_customer *k = &t->best[i];

		k->all_log10 = fmin(
		    0, six_decimals(log10(fmax(1, (double)t->customers)) + k->bound_log10));
		k->accused = may && k->all_log10 <= accepted;
	}
}

/* ---- The verdict ------------------------------------------------------------------------- */

static const char *
cannot(const struct evidence *e, size_t ran)
{
	if (e->cannot[0] != '\0')
		return e->cannot;
	return ran == 0 ? "None of the tests could be run." : NULL;
}

static void
conclude_verdict(struct evidence *e, const char *forbids)
{
	double p;
	const struct evidence_row *best = clearest(e, &p);
	enum outcome o = best == NULL ? OUTCOME_NONE : outcome_of(p);
	char *say = e->reason;
	size_t max = sizeof e->reason;

	e->verdict = VERDICT_NO_EVIDENCE;
	if (best == NULL) {
		snprintf(say, max,
		    "No test that can carry a verdict could be run; those that ran can only "
		    "support one.");
	} else if (o == OUTCOME_NONE) {
		snprintf(say, max,
		    "Nothing was found that shows that the suspect comes from this release. "
		    "That does not show that it comes from elsewhere.");
	} else if (o == OUTCOME_PROVEN && forbids == NULL) {
		e->verdict = VERDICT_PROVEN;
		snprintf(say, max,
		    "The suspect comes from this release. If it did not, so clear a result "
		    "would come about with a chance of 10^%.0f at most, all tests counted. The "
		    "clearest of them: %s.",
		    ceil(p), best->title);
	} else if (o == OUTCOME_PROVEN) {
		e->verdict = VERDICT_INDICATIVE;
		snprintf(say, max,
		    "The figures alone would prove that the suspect comes from this release, "
		    "but %s.",
		    forbids);
	} else {
		e->verdict = VERDICT_INDICATIVE;
		snprintf(say, max,
		    "The suspect may well come from this release; that is not proven. If it did "
		    "not, so clear a result would come about with a chance of 10^%.0f at most, "
		    "all tests counted%s%s.",
		    ceil(p), forbids == NULL ? "" : ". And ", forbids == NULL ? "" : forbids);
	}
}

void
evidence_conclude(struct evidence *e)
{
	const char *forbids, *undecided;
	size_t ran;

	members_clean(evidence_members, COUNT(evidence_members), e);
	ran = conclude_tests(e);
	conclude_controls(e);
	forbids = forbidden(e);
	undecided = cannot(e, ran);
	memset(e->reason, 0, sizeof e->reason);
	if (undecided == NULL) {
		conclude_verdict(e, forbids);
	} else {
		e->verdict = VERDICT_CANNOT_DECIDE;
		snprintf(e->reason, sizeof e->reason, "%s", undecided);
	}
	conclude_trace(e,
	    forbids == NULL &&
		(e->verdict == VERDICT_INDICATIVE || e->verdict == VERDICT_PROVEN));
}
