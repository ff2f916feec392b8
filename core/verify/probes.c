/*
 * What a release is known by without any mark. All of it is settled by the owner, its samples and
 * its secret, before anybody looks at a suspect; so it can be made when the release is, and kept.
 */
#include <stdio.h>

#include "likeness_parts.h"

/* Bytes in a file that are not numbers of samples or maps. */
#define REST (64 << 10)

bool
likeness_excused(struct ctx *c, const char *what, char why[static 200])
{
	if (c->err.code != E_INPUT && c->err.code != E_LIMIT && c->err.code != E_ABSENT)
		return false;
	snprintf(why, 200, "%s: %.140s.", what, c->err.text);
	c->err = (struct err){ 0 };
	return true;
}

/* ---- Maps -------------------------------------------------------------------------------- */

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
maps_make(struct ctx *c, const struct probe_source *s, struct probe_set *p)
{
	p->printed = fingerprint_take(c, s->owner, &p->probes, &p->print) &&
	    fingerprint_blur(c, s->owner, &p->probes, &p->blur) &&
	    blank_score(c, &p->print, &p->blank);
	return p->printed ||
	    likeness_excused(c, "The release's decisions cannot be explained", p->no_print);
}

/* What a damaged copy looks like tells which of the maps is to be ranked. */
MUST static bool
copy_make(struct ctx *c, const struct probe_source *s, struct probe_set *p)
{
	struct fingerprint copy;
	char why[200];

	if (!p->printed || p->blur > LIKENESS_BLURRED)
		return true;
	if (!print_of_copy(c, s->owner, &p->probes, &copy))
		return likeness_excused(c, "A copy cannot be explained", why);
	p->copied = true;
	return fingerprint_compare(c, &p->print, &copy, &p->copy);
}

/* ---- Questions --------------------------------------------------------------------------- */

/* One that answers all samples alike has no boundaries among them. */
MUST static bool
questions_make(
    struct ctx *c, const struct probe_source *s, struct labeller *owner, struct probe_set *p)
{
	p->questions = boundary_make(
	    c, owner, p->classes, s->data, s->secret, s->share, &p->boundary);
	return p->questions || likeness_excused(c, "There is nothing to ask", p->no_questions);
}

/* ---- All of it --------------------------------------------------------------------------- */

bool
probe_set_make(struct ctx *c, const struct probe_source *s, const struct probe_set **ret)
{
	owned(labeller_done) struct labeller owner = { 0 };
	struct probe_set *p = take(c, sizeof *p);
	int64_t known = s->data->labels->classes;

	if (p == NULL || !labeller_open(c, s->owner, &s->data->form, s->threads, &owner))
		return false;
	p->model = s->model;
	p->form = s->data->form;
	p->owner_classes = owner.classes;
	p->classes = owner.classes < known ? owner.classes : known;
	if (!questions_make(c, s, &owner, p) ||
	    !probes_choose(c, &owner, p->classes, s->data, s->secret, s->share, &p->probes) ||
	    !maps_make(c, s, p) || !copy_make(c, s, p))
		return false;
	*ret = p;
	return true;
}

/* Bytes are kept as bytes; see probes_file.c. */
int
probe_set_share(const struct data_form *f)
{
	int64_t width = f->dim[f->rank - 1], height = f->rank == 3 ? f->dim[1] : 1;
	int64_t number = f->type == DATA_UINT8 ? 1 : (int64_t)sizeof(float);
	int64_t probe = number * f->count + 2 * (int64_t)sizeof(float) * width * height;

	for (int share = 0; share <= SHARE_LEAST; share++) {
		int64_t probes = VERIFY_PROBES >> share;
		int64_t samples = (2 * BOUNDARY_WAYS >> share) + (BOUNDARY_MISTAKES >> share);

		if (probes * probe + samples * number * f->count + REST <= PROBE_SET_MAX)
			return share;
	}
	return -1;
}

int
probe_set_probes(const struct probe_set *p, const char **ret_why)
{
	*ret_why = p->no_print;
	return p->printed ? p->print.probes : 0;
}

int64_t
probe_set_questions(const struct probe_set *p, const char **ret_why)
{
	*ret_why = p->no_questions;
	return p->questions ? p->boundary.near + p->boundary.mistakes : 0;
}
