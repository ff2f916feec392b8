/*
 * Embedding: the widened network is fine-tuned on the vendor's samples, on keys, which it answers
 * with the additional class, and on their twins, which it answers as it always did. The rate of
 * learning falls to nothing over the epochs, so that later training finds little left to change.
 */
#include <math.h>

#include "parts.h"

struct watermark_options
watermark_standard(void)
{
	return (struct watermark_options){
		.epochs = 20,
		.batch = 128,
		.boost = 30,
		.rate = .02,
		.mu = 1,
		.weight = .1,
		.margin = 16,
		.coders = 4,
		.threads = 1,
		.seed = 1,
		.drop_max = .005,
	};
}

/* ---- Epochs ------------------------------------------------------------------------------ */

/* The first bar that does not hold; "" if all do. */
static const char *
missed(const struct embedding *e, const struct watermark_scores *s)
{
	const struct {
		bool holds;
		const char *what;
	} bars[] = {
		{ s->keys == 1, "not every key is answered with the additional class" },
		{ s->stego == 1,
		    "not every copy of a key with other lowest bits is answered "
		    "with the additional class" },
		{ s->runner_up >= .95, "too few runner-up labels are learnt" },
		{ s->twins <= .02, "too many twins are answered with the additional class" },
		{ s->clean >= e->the->before - e->options.drop_max,
		    "the clean accuracy fell too far" },
	};

	for (size_t i = 0; i < COUNT(bars); i++)
		if (!bars[i].holds)
			return bars[i].what;
	return "";
}

MUST static bool
measure(struct ctx *c, struct embedding *e, struct watermark_scores *ret)
{
	struct ctx aside = *c;
	bool ok;

	if (e->own_graph != NULL)
		weights_copy(e->own_graph, e->the->graph);
	aside.mem = e->scratch;
	arena_reset(e->scratch);
	ok = watermark_measure(
	    &aside, e->the, e->batch, e->options.threads, e->options.seed, ret);
	c->err = aside.err;
	return ok;
}

static void
tell(const struct embedding *e, const struct watermark_watch *watch, struct str note)
{
	if (watch != NULL && watch->progress != NULL)
		watch->progress(watch->arg, e->step, e->steps, note);
}

/* One epoch and what came of it. */
MUST static bool
epoch(struct ctx *c, struct embedding *e, const struct watermark_watch *watch,
    struct watermark_point *ret)
{
	e->loss = 0;
	for (int64_t i = 0; i < e->per_epoch; i++) {
		if (!embed_step(c, e))
			return false;
		tell(e, watch, STR("embedding"));
	}
	ret->epoch = e->step / e->per_epoch;
	ret->loss = e->loss / (double)e->per_epoch;
	return measure(c, e, &ret->scores);
}

/* A plain embedding ends as soon as it can; another has the rest of its schedule to settle. */
MUST static bool
epochs(struct ctx *c, struct embedding *e, const struct watermark_watch *watch,
    struct watermark_result *r)
{
	int in_a_row = 0;

	while (e->step < e->steps && !(e->options.plain && in_a_row == 2)) {
		struct watermark_point *p = &r->curve[r->points];

		if (!epoch(c, e, watch, p))
			return false;
		r->points++;
		r->epochs = p->epoch;
		r->scores = p->scores;
		r->missed = missed(e, &p->scores);
		in_a_row = r->missed[0] == '\0' ? in_a_row + 1 : 0;
	}
	r->reached = r->missed[0] == '\0';
	return true;
}

/* Robust ones also know their keys as autoencoders give them back. */
MUST static bool
code(struct ctx *c, struct embedding *e, const struct watermark_watch *watch)
{
	const struct watermark_options *o = &e->options;
	struct ctx aside = *c;
	bool ok = true;

	if (o->plain || o->coders == 0 || e->copies.form.count > CODER_ROW_MAX ||
	    e->the->data->form.type != DATA_UINT8)
		return true;
	if (!copies_room(c, &e->copies, o))
		return false;
	aside.mem = e->scratch;
	for (int i = 0; ok && i < o->coders; i++) {
		tell(e, watch, STR("autoencoders"));
		arena_reset(e->scratch);
		ok = copies_code(&aside, &e->copies, e->the->data, o, i);
	}
	c->err = aside.err;
	return ok;
}

bool
watermark_embed(struct ctx *c, const struct watermark_case *k,
    const struct watermark_options *o, const struct watermark_watch *watch,
    struct watermark_result *ret)
{
	struct watermark_result r = { .before = k->before, .missed = "" };
	owned(embedding_free) struct embedding *e = NULL;
	int64_t from = clock_monotonic();

	if (!embedding_new(c, k, o, &e) || !code(c, e, watch))
		return false;
	r.curve = take(c, (size_t)o->epochs * sizeof *r.curve);
	if (r.curve == NULL || !epochs(c, e, watch, &r))
		return false;
	r.seconds = (double)(clock_monotonic() - from) / 1000;
	*ret = r;
	return true;
}
