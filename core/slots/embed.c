/*
 * One customer's copy: epoch by epoch, until the slots answer the customer's bits and the network
 * is as good as it was.
 */
#include "parts.h"

struct slots_options
slots_standard(void)
{
	return (struct slots_options){
		.epochs = 10,
		.boost = 10,
		.batch = 128,
		.rate = .02,
		.drop_max = .005,
		.threads = 1,
		.seed = 1,
	};
}

enum { TEST_BATCH = 64 };

struct measuring {
	struct evaluator *evaluator;
	struct arena *mem;
	uint8_t *said; /* of each slot */
};

static void
measuring_done(struct measuring *m)
{
	evaluator_free(&m->evaluator);
	arena_free(&m->mem);
	free(m->said);
}

MUST static bool
measuring_new(struct ctx *c, const struct embedding *e, struct measuring *m)
{
	const struct slots_case *k = e->the;

	m->mem = arena_new((size_t)64 << 20);
	m->said = malloc((size_t)k->slots->n);
	if (m->mem == NULL || m->said == NULL)
		return fail(c, E_MEMORY, "no memory to measure %d slots", k->slots->n);
	return evaluator_new(c, k->graph, &k->test->form, &e->loss, TEST_BATCH,
	    e->options.threads, &m->evaluator);
}

MUST static bool
clean_accuracy(struct ctx *c, const struct embedding *e, struct measuring *m, double *ret)
{
	const struct train_data *t = e->the->test;
	const struct train_score *s;

	evaluator_clear(m->evaluator);
	if (!evaluator_add(c, m->evaluator, t->samples->v, t->labels->v, t->labels->n))
		return false;
	s = evaluator_score(m->evaluator);
	*ret = (double)s->correct / (double)s->samples;
	return true;
}

/* The share of slots that say the customer's bit. */
MUST static bool
slots_right(struct ctx *c, const struct embedding *e, struct measuring *m, double *ret)
{
	const struct slots_case *k = e->the;
	struct ctx aside = *c;
	int32_t *answer = NULL;
	int right = 0;

	aside.mem = m->mem;
	arena_reset(m->mem);
	if (!slots_ask(&aside, k->graph, &e->form, k->slots, e->options.threads, &answer)) {
		c->err = aside.err;
		return false;
	}
	slots_answers(k->slots, answer, m->said);
	for (int i = 0; i < k->slots->n; i++)
		right += m->said[i] == k->word[i];
	*ret = (double)right / k->slots->n;
	return true;
}

/* One epoch and what came of it. */
MUST static bool
epoch(struct ctx *c, struct embedding *e, struct measuring *m,
    void (*progress)(void *arg, int64_t done, int64_t total), void *arg, struct slots_result *r)
{
	for (int64_t i = 0; i < e->per_epoch; i++) {
		if (!teaching_step(c, e))
			return false;
		if (progress != NULL)
			progress(arg, e->step, e->steps);
	}
	r->epochs++;
	if (!clean_accuracy(c, e, m, &r->after) || !slots_right(c, e, m, &r->right))
		return false;
	r->reached = r->right >= SLOTS_RIGHT && r->before - r->after <= e->options.drop_max;
	return true;
}

bool
slots_embed(struct ctx *c, const struct slots_case *k, const struct slots_options *o,
    void (*progress)(void *arg, int64_t done, int64_t total), void *arg,
    struct slots_result *ret)
{
	owned(teaching_free) struct embedding *e = NULL;
	owned(measuring_done) struct measuring m = { 0 };
	struct slots_result r = { 0 };
	int64_t from = clock_monotonic();

	if (!teaching_new(c, k, o, &e) || !measuring_new(c, e, &m) ||
	    !clean_accuracy(c, e, &m, &r.before))
		return false;
	while (!r.reached && r.epochs < o->epochs)
		if (!epoch(c, e, &m, progress, arg, &r))
			return false;
	r.seconds = (double)(clock_monotonic() - from) / 1000;
	*ret = r;
	return true;
}
