/*
 * The parameter lock, from the model as it was to the entries that open it again: what stands in
 * the key is the exclusive or of the bits before and after, so that locking and unlocking are one
 * operation, exact whatever the values were.
 */
#include <math.h>

#include "advparams.h"

/* A row each: how positions are chosen, and what the options are if they are not said. */
static const struct {
	lock_way *run;
	struct advparams_options standard;
} modes[] = {
	[ADVPARAMS_POOLED] = { lock_pooled,
	    { .alpha = 0.1, .beta = 0.1, .cap = 0.5, .phi = 8, .rounds = 25 } },
	[ADVPARAMS_GREEDY] = { lock_greedy,
	    { .alpha = 0.5, .extremes = true, .matrices = true } },
	[ADVPARAMS_SIGNED_GREEDY] = { lock_signed_greedy,
	    { .alpha = 0.1, .beta = 0.1, .extremes = true, .matrices = true } },
	[ADVPARAMS_RANDOM] = { lock_random,
	    { .alpha = 0.1, .beta = 0.1, .rounds = 25, .extremes = true } },
	[ADVPARAMS_LARGEST] = { lock_largest,
	    { .alpha = 0.1, .beta = 0.1, .rounds = 25, .extremes = true } },
};

/* Above chance, if nothing is said. */
#define TARGET_MARGIN 0.02
/* Signed greedy looks at as many samples as its authors. */
enum { SIGNED_BATCH = 32 };

struct advparams_options
advparams_standard(enum advparams_mode mode)
{
	struct advparams_options o = modes[mode].standard;

	o.mode = mode;
	return o;
}

void
lock_done(struct lock *l)
{
	for (size_t i = 0; i < l->tensors; i++)
		free(l->tensor[i].gradient);
	slope_free(&l->slope);
	judge_free(&l->judge);
	protect_weights_free(&l->plain);
}

MUST static bool
check(struct ctx *c, const struct protect_model *m, const struct advparams_options *o)
{
	if (!(o->alpha > 0 && o->alpha <= 1) || !(o->beta >= 0 && o->beta < 0.5))
		return fail(c, E_INPUT,
		    "a step is a share of a tensor's range, above 0 and at most 1, and the "
		    "distance from its ends at least 0 and below 0.5");
	if (o->count < 0 || o->count > UNLOCK_ENTRIES_MAX || o->rounds < 0 ||
	    o->rounds > 10000 || o->phi < 0 || o->phi > 10000)
		return fail(c, E_INPUT,
		    "0 to %d weights can be locked, in 0 to 10000 rounds, "
		    "out of up to 10000 times as many candidates",
		    UNLOCK_ENTRIES_MAX);
	if (o->mode == ADVPARAMS_POOLED &&
	    (o->phi < 1 || o->rounds < 1 || !(o->cap > 0 && o->cap <= 1)))
		return fail(c, E_INPUT,
		    "a pool needs at least as many candidates as are locked, one round, and a "
		    "cap above 0 and at most 1");
	if (m->classes < 2)
		return fail(c, E_INPUT,
		    "the model knows one class only: there is nothing to take away");
	return true;
}

/* The part of the lock set whose gradients count. */
static struct protect_set
lock_set(const struct lock *l)
{
	struct protect_set s = l->split->lock;

	if (l->options.mode == ADVPARAMS_SIGNED_GREEDY && s.n > SIGNED_BATCH)
		s.n = SIGNED_BATCH;
	return s;
}

bool
lock_begin(struct ctx *c, struct lock *l, const struct protect_set *set)
{
	const struct protect_model *m = l->model;
	size_t n;
	bool *wanted;

	if (!protect_keep(c, m->graph, &l->plain))
		return false;
	(void)nn_weights(m->graph, &n);
	wanted = take(c, n + 1);
	if (wanted == NULL || !lock_find(c, l))
		return false;
	for (size_t i = 0; i < l->tensors; i++)
		wanted[l->tensor[i].weight] = true;
	return slope_new(c, m, set, wanted, &l->slope) &&
	    judge_new(c, m, &l->split->validation, &l->judge);
}

MUST static bool
measure_before(struct ctx *c, struct lock *l, double *ret)
{
	double floor;
	bool met;

	if (!protect_blind(c, l->model, &l->split->validation, &floor))
		return false;
	l->chance = l->model->loss.kind == TRAIN_MASK ? floor : 1 / (double)l->model->classes;
	l->target = l->options.target > 0 ? l->options.target : floor + TARGET_MARGIN;
	if (!lock_measure(c, l, &met))
		return false;
	*ret = l->accuracy;
	if (met)
		return fail(c, E_INPUT,
		    "before the lock the model answers %.1f %% of the validation set rightly, "
		    "and %.1f %% are to be left: nothing to take away, or wrong labels",
		    100 * l->accuracy, 100 * l->target);
	return true;
}

static uint32_t
bits_of(float v)
{
	uint32_t b;

	memcpy(&b, &v, sizeof b);
	return b;
}

static uint32_t
count_changed(const struct lock *l)
{
	uint32_t n = 0;

	for (size_t i = 0; i < l->tensors; i++)
		for (int64_t k = 0; k < l->tensor[i].count; k++)
			n += bits_of(l->tensor[i].v[k]) != bits_of(l->tensor[i].plain[k]);
	return n;
}

/* All positions whose bits differ now; merged and in order by the way they are looked for. */
MUST static bool
entries_take(struct ctx *c, const struct lock *l, struct advparams_result *r)
{
	uint32_t n = count_changed(l), at = 0;

	if (n > UNLOCK_ENTRIES_MAX)
		return fail(c, E_CONFLICT, "%u weights were moved, and a key holds %d", n,
		    UNLOCK_ENTRIES_MAX);
	r->entry = take(c, ((size_t)n + 1) * sizeof *r->entry);
	if (r->entry == NULL)
		return false;
	for (size_t i = 0; i < l->tensors; i++) {
		const struct lockable *t = &l->tensor[i];
		uint32_t before = at;

		for (int64_t k = 0; k < t->count; k++) {
			uint32_t flip = bits_of(t->v[k]) ^ bits_of(t->plain[k]);
			double change = fabs((double)t->v[k] - (double)t->plain[k]);

			if (flip == 0)
				continue;
			r->entry[at++] = (struct unlock_entry){ t->tensor, (uint32_t)k, flip };
			r->largest = fmax(r->largest, change / t->deviation);
		}
		r->tensors += at > before;
	}
	r->entries = n;
	return true;
}

MUST static bool
run(struct ctx *c, struct lock *l, struct advparams_result *r)
{
	const struct protect_set set = lock_set(l);
	int64_t began = clock_monotonic();

	if (!lock_begin(c, l, &set) || !measure_before(c, l, &r->before))
		return false;
	if (!modes[l->options.mode].run(c, l, &r->reached) || !entries_take(c, l, r)) {
		lock_reset(l);
		return false;
	}
	r->pool = l->pool;
	r->rounds = l->rounds;
	r->draws = l->draws;
	r->log2_choice = advparams_choice(l->pool, r->entries);
	r->seconds = (double)(clock_monotonic() - began) / 1000;
	return true;
}

bool
advparams_lock(struct ctx *c, const struct protect_model *m, const struct protect_split *s,
    const struct key256 *release, const struct advparams_options *o,
    const struct protect_watch *watch, struct advparams_result *ret)
{
	owned(lock_done) struct lock l = {
		.model = m,
		.split = s,
		.release = release,
		.options = *o,
		.watch = watch,
	};
	struct advparams_result r = { 0 };

	if (!check(c, m, o) || !run(c, &l, &r))
		return false;
	r.after = l.accuracy;
	*ret = r;
	return true;
}

double
advparams_choice(int64_t pool, int64_t n)
{
	if (n < 1 || n > pool)
		return 0;
	return (lgamma((double)pool + 1) - lgamma((double)n + 1) -
		   lgamma((double)(pool - n) + 1)) /
	    log(2);
}

/* The weight that an initializer has become; NULL if it is none of real numbers. */
static struct nn_weight *
weight_of(const struct protect_model *m, uint32_t tensor)
{
	if (tensor >= m->model->tensors)
		return NULL;
	return nn_weight_by_name(m->graph, m->model->tensor[tensor].name);
}

void
advparams_flip(const struct protect_model *m, const struct unlock_entry entry[], uint32_t n)
{
	struct nn_weight *w = NULL;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits;

		if (i == 0 || entry[i].tensor != entry[i - 1].tensor)
			w = weight_of(m, entry[i].tensor);
		if (w == NULL || (int64_t)entry[i].index >= w->count)
			continue;
		bits = bits_of(w->data[entry[i].index]) ^ entry[i].flip;
		memcpy(&w->data[entry[i].index], &bits, sizeof bits);
	}
	nn_graph_changed(m->graph);
}
