/*
 * What a thief has: samples of his own, chosen by class and by the seed, and the trainings that he
 * can do with them.
 */
#include "attack.h"

struct prf
attack_draws(const struct attack *a, const char *tag, uint32_t x, uint32_t y)
{
	struct key256 key = { { 0 } };

	for (int i = 0; i < 8; i++)
		key.b[i] = (uint8_t)(a->on->seed >> 8 * i);
	return prf_stream(&key, tag, x, y);
}

/* ---- Samples ----------------------------------------------------------------------------- */

void
loot_done(struct loot *l)
{
	free(l->samples.v);
	free(l->labels.v);
	free(l->chosen);
	l->samples.v = NULL;
	l->labels.v = NULL;
	l->chosen = NULL;
}

static size_t
row_bytes(const struct data_samples *s)
{
	return (size_t)s->shape.row * data_type_size(s->shape.type);
}

/* All samples of the thief in the order in which he gets them, however many he takes. */
MUST static bool
draw_order(struct ctx *c, const struct attack *a, uint32_t **ret)
{
	const struct protect_set *set = &a->on->split->thief;
	uint32_t *order;
	struct prf draws = attack_draws(a, "attack-loot", 0, 0);

	if (set->n < 1 || set->n > INT32_MAX)
		return fail(c, E_INPUT,
		    "no samples are left that a thief might have: give more of them");
	order = malloc((size_t)set->n * sizeof *order);
	if (order == NULL)
		return fail(c, E_MEMORY, "no memory for %lld samples", (long long)set->n);
	prf_perm(&draws, (uint32_t)set->n, order);
	*ret = order;
	return prf_end(c, &draws);
}

static void
order_done(uint32_t **order)
{
	free(*order);
}

static void
loot_put(struct loot *l, const struct protect_set *set, uint32_t place)
{
	int64_t i = set->chosen[place], places = data_places(set->data->labels);
	size_t row = row_bytes(set->data->samples);

	memcpy((char *)l->samples.v + (size_t)l->labels.n * row,
	    data_sample(set->data->samples, i), row);
	l->chosen[l->labels.n] = i;
	memcpy(l->labels.v + l->labels.n * places, set->data->labels->v + i * places,
	    (size_t)places * sizeof *l->labels.v);
	l->labels.n++;
}

/*
 * The first so many of every class, in the order that is the same for every share: classes are as
 * even as they can be, and smaller shares lie in larger ones.
 */
MUST static bool
loot_fill(
    struct ctx *c, const struct attack *a, int64_t n, const uint32_t order[], struct loot *l)
{
	const struct protect_set *set = &a->on->split->thief;
	int64_t classes = set->data->labels->classes, *had, even = (n + classes - 1) / classes;
	bool *taken;

	had = take(c, (size_t)classes * sizeof *had);
	taken = take(c, (size_t)set->n);
	if (had == NULL || taken == NULL)
		return false;
	for (int64_t i = 0; i < set->n && l->labels.n < n; i++) {
		int32_t label = data_label(set->data->labels, set->chosen[order[i]]);

		if (had[label] >= even)
			continue;
		had[label]++;
		taken[i] = true;
		loot_put(l, set, order[i]);
	}
	/* Classes that have fewer leave room for the others. */
	for (int64_t i = 0; i < set->n && l->labels.n < n; i++)
		if (!taken[i])
			loot_put(l, set, order[i]);
	return true;
}

int64_t
loot_batch(const struct attack *a, int64_t usual)
{
	size_t inputs;
	const struct nn_port *in = nn_inputs(a->on->model.graph, &inputs);

	return inputs > 0 && in->rank > 0 && in->dim[0] > 0 ? in->dim[0] : usual;
}

/* How many samples the share is: at least one batch, if the model has batches of a fixed size. */
static int64_t
loot_count(const struct attack *a, double share)
{
	const struct protect_set *set = &a->on->split->thief;
	int64_t n = (int64_t)ceil(share * (double)set->n);
	int64_t most = LOOT_MAX / (int64_t)row_bytes(set->data->samples);

	if (loot_batch(a, 1) > n)
		n = loot_batch(a, 1);
	n = n > most ? most : n;
	return n > set->n ? set->n : n;
}

bool
loot_take(struct ctx *c, const struct attack *a, double share, struct loot *ret)
{
	const struct protect_set *set = &a->on->split->thief;
	owned(order_done) uint32_t *order = NULL;
	size_t row = row_bytes(set->data->samples);
	int64_t n, places = data_places(set->data->labels);

	if (!draw_order(c, a, &order))
		return false;
	n = loot_count(a, share);
	*ret = (struct loot){
		.samples = { set->data->samples->shape, malloc((size_t)n * row) },
		.labels = { 0, set->data->labels->classes,
		    malloc((size_t)(n * places) * sizeof *ret->labels.v), places },
		.chosen = malloc((size_t)n * sizeof *ret->chosen),
	};
	if (ret->samples.v == NULL || ret->labels.v == NULL || ret->chosen == NULL)
		return fail(c, E_MEMORY, "no memory for %lld samples", (long long)n);
	ret->samples.shape.dim[0] = n;
	ret->set = (struct protect_set){ set->data, ret->chosen, n };
	return loot_fill(c, a, n, order, ret);
}

/* ---- Training ---------------------------------------------------------------------------- */

/* A training may go astray; that is the thief's bad luck and no failure of ours. */
MUST static bool
train_all(struct ctx *c, const struct attack *a, const struct attack_training *how,
    struct trainer *t, bool *ret_sound)
{
	while (trainer_more(t)) {
		struct train_progress p = trainer_progress(t);

		if (p.step % 64 == 0)
			attack_tell(a,
			    how->from +
				(how->to - how->from) * (double)p.step / (double)p.steps,
			    "%s", how->note);
		if (trainer_step(c, t))
			continue;
		if (c->err.code != E_INPUT)
			return false;
		c->err = (struct err){ 0 };
		*ret_sound = false;
		return true;
	}
	*ret_sound = true;
	return true;
}

bool
attack_train(
    struct ctx *c, const struct attack *a, const struct attack_training *how, double *ret)
{
	owned(trainer_free) struct trainer *t = NULL;
	const struct protect_model *m = &a->on->model;
	const struct loot *l = how->loot;
	const struct train_data data = { &l->samples, &l->labels, l->set.data->form };
	bool sound = false;

	nn_graph_changed(m->graph);
	if (!trainer_new(c, m->graph, &data, how->options, &t) ||
	    !train_all(c, a, how, t, &sound))
		return false;
	if (!sound) {
		*ret = 1 / (double)m->classes;
		return m->loss.kind != TRAIN_MASK ||
		    protect_blind(c, m, &a->on->split->validation, ret);
	}
	return protect_accuracy(c, m, &a->on->split->validation, ret);
}
