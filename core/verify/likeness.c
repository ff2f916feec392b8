/*
 * How alike two networks decide: the same samples are explained by the owner, the suspect and the
 * null models, and the same questions are asked near the owner's boundaries. How the suspect ranks
 * among the null models is all that counts; so it supports a verdict and never carries one.
 */
#include <math.h>
#include <stdio.h>

#include "likeness_parts.h"

/* ---- Another network --------------------------------------------------------------------- */

MUST static bool
look_asked(struct ctx *c, const struct likeness *l, struct nn_graph *g, struct look *to)
{
	owned(labeller_done) struct labeller asked = { 0 };

	if (!labeller_open(c, g, &l->owner.form, l->threads, &asked))
		return false;
	if (asked.classes < l->owner.classes)
		return fail(c, E_INPUT, "it tells %lld classes apart, not %lld",
		    (long long)asked.classes, (long long)l->owner.classes);
	to->asked = true;
	if (!l->owner.questions)
		return true;
	if (!boundary_ask(c, &l->owner.boundary, &asked, &to->boundary))
		return false;
	if (to->boundary.silent == l->owner.boundary.near + l->owner.boundary.mistakes)
		return fail(c, E_INPUT, "it answers with numbers that are not finite");
	to->answered = true;
	return true;
}

MUST static bool
look_print(struct ctx *c, const struct likeness *l, struct nn_graph *g, struct look *to)
{
	if (!l->owner.printed)
		return true;
	to->printed = fingerprint_take(c, g, &l->owner.probes, &to->print) &&
	    fingerprint_compare(c, &l->owner.print, &to->print, &to->scores);
	return to->printed;
}

/* Whatever is wrong with the network stands in to->why. */
MUST static bool
look(struct ctx *c, const struct likeness *l, struct nn_graph *g, struct look *to)
{
	if (!look_asked(c, l, g, to))
		return likeness_excused(c, "The network cannot be asked", to->why);
	if (!look_print(c, l, g, to))
		return likeness_excused(
		    c, "The network's decisions cannot be explained", to->why);
	return true;
}

MUST static bool
look_at_null(
    struct ctx *c, const struct likeness *l, const struct onnx_model *m, struct look *to)
{
	owned(nn_graph_free) struct nn_graph *g = NULL;

	if (!nn_import(c, m, &g))
		return likeness_excused(c, "The network cannot be read", to->why);
	return look(c, l, g, to);
}

/* ---- Which map --------------------------------------------------------------------------- */

/* By how much a copy stands out from the null model, or the blank map, that is most alike. */
static double
lead(const struct likeness *l, bool taylor)
{
	double most = taylor ? l->owner.blank : -1;

	for (int i = 0; i < l->nulls; i++)
		if (l->null[i].printed)
			most = fmax(most, likeness_score(&l->null[i].scores, taylor));
	return likeness_score(&l->owner.copy, taylor) - most;
}

/* ---- All of it --------------------------------------------------------------------------- */

/*
 * Of what the owner says, what a suspect that knows a class less can say: questions and probes
 * about that class are left out, for everybody.
 */
MUST static bool
owner_within(struct ctx *c, struct likeness *l, int64_t classes)
{
	struct probe_set *o = &l->owner;

	o->classes = classes;
	if (o->questions) {
		o->questions = boundary_within(
		    c, &o->boundary, o->form.count, classes, &o->boundary);
		if (!o->questions &&
		    !likeness_excused(c, "There is nothing to ask", o->no_questions))
			return false;
	}
	if (!o->printed)
		return true;
	o->printed = prints_within(c, classes, &o->probes, &o->print);
	return o->printed || likeness_excused(c, "There is nothing to explain", o->no_print);
}

/* One class more or less than the release has is the additional one. */
MUST static bool
classes_agree(struct ctx *c, struct likeness *l, struct nn_graph *suspect)
{
	owned(labeller_done) struct labeller its = { 0 };
	int64_t mine = l->owner.owner_classes;

	if (!labeller_open(c, suspect, &l->owner.form, l->threads, &its))
		return likeness_excused(c, "The suspect cannot be asked", l->suspect.why);
	if (its.classes < mine - 1 || its.classes > mine + 1)
		snprintf(l->suspect.why, sizeof l->suspect.why,
		    "The suspect tells %lld classes apart, the release %lld: it does another "
		    "task.",
		    (long long)its.classes, (long long)mine);
	else if (its.classes < l->owner.classes)
		return owner_within(c, l, its.classes);
	return true;
}

static void
give_up(struct likeness *l)
{
	static const enum evidence_test_id both[] = { TEST_FINGERPRINT, TEST_BOUNDARY };

	for (size_t i = 0; i < COUNT(both); i++)
		snprintf(l->evidence->test[both[i]].why, sizeof l->suspect.why, "%s",
		    l->suspect.why);
}

static void
tell(const struct verify_watch *w, int64_t done, int64_t total, const char *note)
{
	if (w != NULL && w->progress != NULL)
		w->progress(w->arg, done, total, str_of(note));
}

MUST static bool
look_at_all(struct ctx *c, struct likeness *l, struct nn_graph *suspect,
    const struct verify_nulls *nulls, const struct verify_watch *watch)
{
	for (int i = 0; i < l->nulls; i++) {
		tell(watch, i, l->nulls + 1, "explaining null models");
		if (!look_at_null(c, l, &nulls->model[i], &l->null[i]))
			return false;
	}
	/* Epsilon, unless a damaged copy of the owner stands out more by the other. */
	l->by_taylor = l->owner.copied && lead(l, true) > lead(l, false);
	tell(watch, l->nulls, l->nulls + 1, "explaining the suspect");
	return look(c, l, suspect, &l->suspect);
}

/* What was not possible with the release itself. */
static void
owner_says(const struct likeness *l)
{
	struct evidence_test *t = l->evidence->test;

	if (!l->owner.printed)
		snprintf(
		    t[TEST_FINGERPRINT].why, sizeof l->owner.no_print, "%s", l->owner.no_print);
	if (!l->owner.questions)
		snprintf(t[TEST_BOUNDARY].why, sizeof l->owner.no_questions, "%s",
		    l->owner.no_questions);
}

bool
verify_likeness(struct ctx *c, const struct probe_set *owner, struct nn_graph *suspect,
    const struct verify_nulls *nulls, int threads, const struct verify_watch *watch,
    struct evidence *e)
{
	struct likeness l = { .owner = *owner,
		.threads = threads,
		.evidence = e,
		.nulls = nulls != NULL ? nulls->n : 0 };

	e->test[TEST_FINGERPRINT].planned = e->test[TEST_BOUNDARY].planned = l.nulls > 0;
	l.null = take(c, (size_t)l.nulls * sizeof *l.null + 1);
	if (l.null == NULL || !classes_agree(c, &l, suspect))
		return false;
	if (l.suspect.why[0] == '\0' && !look_at_all(c, &l, suspect, nulls, watch))
		return false;
	owner_says(&l);
	if (!l.suspect.asked || (l.owner.questions && !l.suspect.answered)) {
		give_up(&l);
		return true;
	}
	likeness_rank(&l);
	tell(watch, l.nulls + 1, l.nulls + 1, "explained");
	return !l.suspect.printed ||
	    prints_show(
		c, &l.owner.print, &l.suspect.print, l.owner.blur <= LIKENESS_BLURRED, e);
}
