/*
 * What follows from what was found about the owner, the suspect and the null models: ranks, and
 * facts for people.
 */
#include <math.h>
#include <stdio.h>

#include "likeness_parts.h"

double
likeness_score(const struct fingerprint_scores *s, bool taylor)
{
	return taylor ? s->taylor : s->epsilon;
}

enum measure { BY_EPSILON, BY_TAYLOR, BY_BOUNDARY };

static bool
measured(const struct look *k, enum measure m, double *ret)
{
	*ret = m == BY_BOUNDARY ? k->boundary.share
				: likeness_score(&k->scores, m == BY_TAYLOR);
	return m == BY_BOUNDARY ? k->answered : k->printed;
}

/* Ranks the suspect, and says so in a fact. */
static void
rank(const struct likeness *l, enum measure m, const char *label, struct evidence_test *ret)
{
	struct evidence_test t = *ret;
	double low = INFINITY, high = -INFINITY, x;

	t.trials = t.hits = 0;
	t.ran = measured(&l->suspect, m, &t.score);
	for (int i = 0; i < l->nulls; i++) {
		if (!measured(&l->null[i], m, &x))
			continue;
		t.trials++;
		t.hits += x >= t.score;
		low = fmin(low, x);
		high = fmax(high, x);
	}
	if (t.ran && t.trials == 0)
		evidence_fact(
		    l->evidence, label, "%.4f; no null model to compare with", t.score);
	else if (t.ran)
		evidence_fact(l->evidence, label, "%.4f; of %lld null models %.4f to %.4f",
		    t.score, (long long)t.trials, low, high);
	if (t.ran && t.trials == 0)
		snprintf(t.why, sizeof t.why,
		    "Without null models a likeness says nothing: name models that are "
		    "known to be independent.");
	t.ran = t.ran && t.trials > 0;
	*ret = t;
}

static void
facts_about_maps(const struct likeness *l)
{
	struct evidence *e = l->evidence;

	if (!l->owner.printed)
		return;
	evidence_fact(e, "Deep Taylor maps of two classes", "cosine %.4f%s", l->owner.blur,
	    l->owner.blur > LIKENESS_BLURRED ? ": they do not discriminate and do not count"
					     : "");
	evidence_fact(e, "Deep Taylor likeness of a blank map", "%.4f", l->owner.blank);
	evidence_fact(e, "Ranked by", "%s",
	    l->by_taylor ? "structure of deep Taylor maps" : "rank order of epsilon maps");
	if (l->suspect.printed)
		evidence_fact(e, "Deep Taylor relevance lost, at most", "%.2g of what began",
		    l->suspect.scores.lost);
}

static void
facts_about_nulls(const struct likeness *l)
{
	int left_out = 0;
	const char *why = "";

	for (int i = 0; i < l->nulls; i++)
		if (l->null[i].why[0] != '\0') {
			left_out++;
			why = l->null[i].why;
		}
	if (left_out > 0)
		evidence_fact(l->evidence, "Null models left out", "%d of %d: %s", left_out,
		    l->nulls, why);
}

void
likeness_rank(const struct likeness *l)
{
	struct evidence *e = l->evidence;
	struct evidence_test *print = &e->test[TEST_FINGERPRINT], unranked = { 0 };
	const struct boundary_score *b = &l->suspect.boundary;

	facts_about_maps(l);
	rank(l, BY_BOUNDARY, "Likeness near boundaries", &e->test[TEST_BOUNDARY]);
	if (l->suspect.answered)
		evidence_fact(e, "Same mistakes", "%lld of %lld", (long long)b->mistakes,
		    (long long)l->owner.boundary.mistakes);
	if (!l->suspect.printed && l->owner.printed)
		snprintf(print->why, sizeof print->why, "%s", l->suspect.why);
	rank(l, BY_EPSILON, "Likeness of epsilon maps", l->by_taylor ? &unranked : print);
	rank(l, BY_TAYLOR, "Likeness of deep Taylor maps", l->by_taylor ? print : &unranked);
	facts_about_nulls(l);
}
