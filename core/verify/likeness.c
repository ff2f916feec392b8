/*
 * How alike two networks decide: the same samples are explained by the owner, the suspect and the
 * null models, and the same questions are asked near the owner's boundaries. How the suspect ranks
 * among the null models is all that counts; so it supports a verdict and never carries one.
 */
#include <math.h>
#include <stdio.h>

#include "likeness_parts.h"

/* True if the failure was the network's own fault: then it is a sentence, and no failure. */
static bool
excused(struct ctx *c, const char *what, char why[static 200])
{
	if (c->err.code != E_INPUT && c->err.code != E_LIMIT && c->err.code != E_ABSENT)
		return false;
	snprintf(why, 200, "%s: %.140s.", what, c->err.text);
	c->err = (struct err){ 0 };
	return true;
}

/* ---- The owner --------------------------------------------------------------------------- */

/* Flat pictures are like any other that is mostly flat. */
MUST static bool
blank_score(struct ctx *c, const struct fingerprint *owner, double *ret)
{
	struct fingerprint blank = *owner;
	struct fingerprint_scores s;
	size_t pixels = (size_t)owner->width * (size_t)owner->height;

	blank.taylor = take(c, (size_t)owner->probes * pixels * sizeof *blank.taylor);
	if (blank.taylor == NULL || !fingerprint_compare(c, owner, &blank, &s))
		return false;
	*ret = s.taylor;
	return true;
}

/* A release that cannot be explained is told apart by its answers alone. */
MUST static bool
owner_print(struct ctx *c, struct likeness *l, struct nn_graph *owner)
{
	struct evidence_test *t = &l->evidence->test[TEST_FINGERPRINT];

	l->printed = fingerprint_take(c, owner, &l->probes, &l->print) &&
	    fingerprint_blur(c, owner, &l->probes, &l->blur) &&
	    blank_score(c, &l->print, &l->blank);
	if (l->printed)
		return true;
	return excused(c, "The release's decisions cannot be explained", t->why);
}

/* One that answers all samples alike has no boundaries among them. */
MUST static bool
owner_boundary(struct ctx *c, struct likeness *l, struct labeller *owner)
{
	struct evidence_test *t = &l->evidence->test[TEST_BOUNDARY];

	l->questions = boundary_make(c, owner, l->classes, l->data, l->secret, &l->boundary);
	return l->questions || excused(c, "There is nothing to ask", t->why);
}

MUST static bool
owner_prepare(struct ctx *c, struct likeness *l, struct nn_graph *owner)
{
	owned(labeller_done) struct labeller asked = { 0 };

	return labeller_open(c, owner, &l->data->form, l->threads, &asked) &&
	    owner_boundary(c, l, &asked) &&
	    probes_choose(c, &asked, l->classes, l->data, l->secret, &l->probes) &&
	    owner_print(c, l, owner);
}

/* ---- Another network --------------------------------------------------------------------- */

MUST static bool
look_asked(struct ctx *c, const struct likeness *l, struct nn_graph *g, struct look *to)
{
	owned(labeller_done) struct labeller asked = { 0 };

	if (!labeller_open(c, g, &l->data->form, l->threads, &asked))
		return false;
	if (asked.classes < l->classes)
		return fail(c, E_INPUT, "it tells %lld classes apart, not %lld",
		    (long long)asked.classes, (long long)l->classes);
	to->asked = true;
	if (!l->questions)
		return true;
	if (!boundary_ask(c, &l->boundary, &asked, &to->boundary))
		return false;
	if (to->boundary.silent == l->boundary.near + l->boundary.mistakes)
		return fail(c, E_INPUT, "it answers with numbers that are not finite");
	to->answered = true;
	return true;
}

MUST static bool
look_print(struct ctx *c, const struct likeness *l, struct nn_graph *g, struct look *to)
{
	if (!l->printed)
		return true;
	to->printed = fingerprint_take(c, g, &l->probes, &to->print) &&
	    fingerprint_compare(c, &l->print, &to->print, &to->scores);
	return to->printed;
}

/* Whatever is wrong with the network stands in to->why. */
MUST static bool
look(struct ctx *c, const struct likeness *l, struct nn_graph *g, struct look *to)
{
	if (!look_asked(c, l, g, to))
		return excused(c, "The network cannot be asked", to->why);
	if (!look_print(c, l, g, to))
		return excused(c, "The network's decisions cannot be explained", to->why);
	return true;
}

MUST static bool
look_at_null(
    struct ctx *c, const struct likeness *l, const struct onnx_model *m, struct look *to)
{
	owned(nn_graph_free) struct nn_graph *g = NULL;

	if (!nn_import(c, m, &g))
		return excused(c, "The network cannot be read", to->why);
	return look(c, l, g, to);
}

/* ---- Which map --------------------------------------------------------------------------- */

/* By how much a copy stands out from the null model, or the blank map, that is most alike. */
static double
lead(const struct likeness *l, const struct fingerprint_scores *copy, bool taylor)
{
	double most = taylor ? l->blank : -1;

	for (int i = 0; i < l->nulls; i++)
		if (l->null[i].printed)
			most = fmax(most, likeness_score(&l->null[i].scores, taylor));
	return likeness_score(copy, taylor) - most;
}

/* Epsilon, unless a damaged copy of the owner stands out more by the other. */
MUST static bool
map_choose(struct ctx *c, struct likeness *l, struct nn_graph *owner)
{
	struct fingerprint copy;
	struct fingerprint_scores s;
	char why[200];

	if (!l->printed || l->blur > LIKENESS_BLURRED)
		return true;
	if (!print_of_copy(c, owner, &l->probes, &copy))
		return excused(c, "A copy cannot be explained", why);
	if (!fingerprint_compare(c, &l->print, &copy, &s))
		return false;
	l->by_taylor = lead(l, &s, true) > lead(l, &s, false);
	return true;
}

/* ---- All of it --------------------------------------------------------------------------- */

/* One class more or less than the release has is the additional one. */
MUST static bool
classes_agree(
    struct ctx *c, struct likeness *l, struct nn_graph *owner, struct nn_graph *suspect)
{
	owned(labeller_done) struct labeller mine = { 0 }, its = { 0 };
	int64_t known = l->data->labels->classes;

	if (!labeller_open(c, owner, &l->data->form, l->threads, &mine))
		return false;
	l->classes = mine.classes < known ? mine.classes : known;
	l->owner_classes = mine.classes;
	if (!labeller_open(c, suspect, &l->data->form, l->threads, &its))
		return excused(c, "The suspect cannot be asked", l->suspect.why);
	if (its.classes < mine.classes - 1 || its.classes > mine.classes + 1)
		snprintf(l->suspect.why, sizeof l->suspect.why,
		    "The suspect tells %lld classes apart, the release %lld: it does another "
		    "task.",
		    (long long)its.classes, (long long)mine.classes);
	if (its.classes < l->classes)
		l->classes = its.classes;
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
look_at_all(struct ctx *c, struct likeness *l, struct nn_graph *owner, struct nn_graph *suspect,
    const struct verify_nulls *nulls, const struct verify_watch *watch)
{
	int64_t total = l->nulls + 3;

	tell(watch, 0, total, "explaining the release");
	if (!owner_prepare(c, l, owner))
		return false;
	for (int i = 0; i < l->nulls; i++) {
		tell(watch, 1 + i, total, "explaining null models");
		if (!look_at_null(c, l, &nulls->model[i], &l->null[i]))
			return false;
	}
	tell(watch, 1 + l->nulls, total, "choosing the map");
	if (!map_choose(c, l, owner))
		return false;
	tell(watch, 2 + l->nulls, total, "explaining the suspect");
	return look(c, l, suspect, &l->suspect);
}

bool
verify_likeness(struct ctx *c, struct nn_graph *owner, struct nn_graph *suspect,
    const struct train_data *data, const struct verify_nulls *nulls,
    const struct key256 *secret, int threads, const struct verify_watch *watch,
    struct evidence *e)
{
	struct likeness l = { .data = data,
		.secret = secret,
		.threads = threads,
		.evidence = e,
		.nulls = nulls != NULL ? nulls->n : 0 };

	e->test[TEST_FINGERPRINT].planned = e->test[TEST_BOUNDARY].planned = l.nulls > 0;
	l.null = take(c, (size_t)l.nulls * sizeof *l.null + 1);
	if (l.null == NULL || !classes_agree(c, &l, owner, suspect))
		return false;
	if (l.suspect.why[0] == '\0' && !look_at_all(c, &l, owner, suspect, nulls, watch))
		return false;
	if (!l.suspect.asked || (l.questions && !l.suspect.answered)) {
		give_up(&l);
		return true;
	}
	likeness_rank(&l);
	tell(watch, l.nulls + 3, l.nulls + 3, "explained");
	return !l.suspect.printed ||
	    prints_show(c, &l.print, &l.suspect.print, l.blur <= LIKENESS_BLURRED, e);
}
