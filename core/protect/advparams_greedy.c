/*
 * One weight a step. Greedy: the one whose move promises the most loss, in all tensors: the
 * smallest count, at known places. Signed greedy: what a published program of a third party does
 * (Madhav-Malhotra/ML-parameter-encryption), tensor after tensor, for comparison.
 */
#include <math.h>

#include "advparams.h"

enum { STEPS_MAX = 400, SIGNED_TENSORS = 25, SIGNED_STEPS = 25 };
/* A model is useless when it gives (nearly) always the same answer, or right ones by chance. */
#define SAME_ANSWER 0.99
#define CHANCE_MARGIN 0.005
/* Signed greedy stops at so many times the loss. */
#define LOSS_FACTOR 5

static void
move_one(struct lock *l, const struct candidate *it)
{
	const struct lockable *t = &l->tensor[it->tensor];
	const float *gradient = slope_of(l->slope, t->weight);

	t->v[it->index] = lock_move(t, t->v[it->index], gradient[it->index]);
	nn_graph_changed(l->model->graph);
	l->rounds++;
}

static struct candidate
best_move(const struct lock *l)
{
	struct candidate best = { 0 };

	for (size_t i = 0; i < l->tensors; i++) {
		const struct lockable *t = &l->tensor[i];
		const float *gradient = slope_of(l->slope, t->weight);

		for (int64_t k = 0; k < t->count; k++) {
			float v = t->v[k];
			double gain = fabs((double)gradient[k] *
			    ((double)lock_move(t, v, gradient[k]) - (double)v));

			if (gain > best.score && t->plain[k] >= t->floor &&
			    t->plain[k] <= t->top)
				best = (struct candidate){ gain, (uint32_t)i, (uint32_t)k };
		}
	}
	return best;
}

/* True once the lock set says that the model is of no use any more; of masks it cannot say. */
static bool
is_useless(const struct lock *l)
{
	return l->model->loss.kind == TRAIN_MASK ||
	    l->seen.right <= l->chance + CHANCE_MARGIN || l->seen.most >= SAME_ANSWER;
}

bool
lock_greedy(struct ctx *c, struct lock *l, bool *ret_reached)
{
	int64_t most = l->options.count > 0 ? l->options.count : STEPS_MAX;

	*ret_reached = false;
	lock_say(l, "the weights with the largest gain");
	for (;;) {
		struct candidate best;
		bool alike = false;

		if (!slope_peek(c, l->slope, SAME_ANSWER, &l->seen, &alike) ||
		    (alike && !lock_measure(c, l, ret_reached)))
			return false;
		if (*ret_reached)
			break;
		if (!lock_pass(c, l) ||
		    (is_useless(l) && !alike && !lock_measure(c, l, ret_reached)))
			return false;
		if (*ret_reached || l->rounds == most)
			break;
		best = best_move(l);
		if (!(best.score > 0))
			break;
		move_one(l, &best);
	}
	if (*ret_reached || l->options.count > 0)
		return true;
	return fail(c, E_CONFLICT,
	    "after %lld steps the model still answers %.1f %% of the lock set rightly, and "
	    "%.1f %% of the validation set were to be left",
	    (long long)l->rounds, 100 * l->seen.right, 100 * l->target);
}

/* The largest gradient, sign and all, of one tensor. */
static struct candidate
largest_gradient(const struct lock *l, uint32_t tensor)
{
	const struct lockable *t = &l->tensor[tensor];
	const float *gradient = slope_of(l->slope, t->weight);
	struct candidate best = { (double)gradient[0], tensor, 0 };

	for (int64_t k = 1; k < t->count; k++)
		if ((double)gradient[k] > best.score)
			best = (struct candidate){ (double)gradient[k], tensor, (uint32_t)k };
	return best;
}

bool
lock_signed_greedy(struct ctx *c, struct lock *l, bool *ret_reached)
{
	size_t tensors = l->tensors < SIGNED_TENSORS ? l->tensors : SIGNED_TENSORS;
	double loss = 0;

	lock_say(l, "tensor after tensor");
	for (size_t i = 0; i < tensors * SIGNED_STEPS; i++) {
		struct candidate best;

		if (l->options.count > 0 && l->rounds == l->options.count)
			break;
		if (!lock_pass(c, l))
			return false;
		loss = i == 0 ? l->seen.loss : loss;
		if (l->seen.loss > LOSS_FACTOR * loss)
			break;
		best = largest_gradient(l, (uint32_t)(i / SIGNED_STEPS));
		move_one(l, &best);
	}
	return lock_measure(c, l, ret_reached);
}
