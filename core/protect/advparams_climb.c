/*
 * The steps that all ways of locking share: a pass for the gradient, a measurement, and the climb
 * of chosen weights. Accuracy on the lock set comes with every pass for nothing, so that the
 * validation set is only asked when the end is near. */
#include <math.h>

#include "advparams.h"

/* Accuracy on the lock set from which on the validation set is asked, above the target. */
#define NEAR 0.05
/* A climb is over when right answers have not become fewer in so many rounds. */
enum { PATIENCE = 8 };

void
lock_say(const struct lock *l, const char *note)
{
	if (l->watch != NULL && l->watch->progress != NULL)
		l->watch->progress(l->watch->arg, l->passes, 0, str_of(note));
}

void
lock_reset(struct lock *l)
{
	protect_restore(l->model->graph, l->plain);
	l->rounds = 0;
}

bool
lock_pass(struct ctx *c, struct lock *l)
{
	if (!slope_run(c, l->slope, &l->seen))
		return false;
	l->passes++;
	if (l->rounds == 0 && !isfinite(l->seen.loss))
		return fail(c, E_INPUT,
		    "what the model answers to the lock set is no number: a model that works "
		    "is needed");
	return true;
}

bool
lock_measure(struct ctx *c, struct lock *l, bool *ret)
{
	if (!judge_run(c, l->judge, &l->accuracy))
		return false;
	*ret = l->accuracy <= l->target;
	return true;
}

/* One round; *ret_moved: some weight went somewhere. */
static bool
move_all(struct lock *l, const struct candidate chosen[], int64_t n)
{
	bool ok = false;

	for (int64_t i = 0; i < n; i++) {
		const struct lockable *t = &l->tensor[chosen[i].tensor];
		float *v = &t->v[chosen[i].index];
		float to = lock_move(t, *v, slope_of(l->slope, t->weight)[chosen[i].index]);

		ok = ok || to != *v;
		*v = to;
	}
	nn_graph_changed(l->model->graph);
	l->rounds++;
	return ok;
}

bool
lock_climb(struct ctx *c, struct lock *l, const struct candidate chosen[], int64_t n, bool *ret)
{
	double best = INFINITY;
	int64_t best_at = 0;
	int met = 0;

	*ret = false;
	for (;;) {
		bool now = false;

		if (!lock_pass(c, l))
			return false;
		if (l->seen.right <= l->target + NEAR && !lock_measure(c, l, &now))
			return false;
		met = now ? met + 1 : 0;
		*ret = met == 2;
		if (l->seen.right < best || now) {
			best = l->seen.right;
			best_at = l->rounds;
		}
		if (met == 2 || l->rounds == l->options.rounds ||
		    l->rounds - best_at >= PATIENCE)
			break;
		if (!move_all(l, chosen, n) && met == 0)
			break;
	}
	return true;
}
