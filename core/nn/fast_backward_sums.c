/*
 * The way back of nodes with weights: sums over the batch are made by each thread for its images
 * and put together in the order of the threads when the phase ends.
 */
#include "fast_backward.h"

static const struct range all_of_it = { -__builtin_inff(), __builtin_inff() };

static struct task
task_of(struct fast *f, struct fast_node *n, task_fn *run, int32_t value)
{
	const struct nn_tensor *t = f->value[value].t;
	struct task k = { .run = run,
		.node = n,
		.pixels = fast_pixels(t),
		.channels = fast_channels(t),
		.range = all_of_it,
		.arg = n->k };

	for (int i = 0; i < TASK_PLACES; i++)
		k.at[i] = nowhere;
	return k;
}

static bool
ranged(const struct fast_node *n)
{
	return n->range.low > -__builtin_inff() || n->range.high < __builtin_inff();
}

static void
fixed_task(struct fast *f, int phase, const struct task *k)
{
	fast_task(f, phase, k);
	fast_fix(f, phase);
}

static bool
wanted_at(const struct fast *f, const struct fast_node *n, int input)
{
	const struct nn_node *node = n->step->node;

	return input < node->ins && node->in[input] >= 0 && fast_wanted(f, node->in[input]);
}

/* Sums of the inputs 1 and 2 will come. */
static void
totals_begin(struct fast *f, const struct fast_node *n, int phase)
{
	for (int i = 1; i < 3; i++)
		if (wanted_at(f, n, i))
			fast_total_begin(f, n->step->node->in[i], phase);
}

/* ---- Convolutions and products ----------------------------------------------------------- */

struct weighted {
	task_fn *to_weights, *to_image, *end;
	bool last;
};

static void
weighted_back(struct fast *f, struct fast_node *n, const struct weighted *w)
{
	bool weights = wanted_at(f, n, 1) || wanted_at(f, n, 2), image = fast_wanted(f, n->x);
	enum order order = w->last ? ORDER_LAST : ORDER_FIRST;
	const struct nn_tensor *x = f->value[n->x].t, *y = f->value[n->y].t;
	int phase = grad_phase(f, n->y);
	struct task k = task_of(f, n, w->to_weights, n->y);
	struct place g;

	if (ranged(n))
		phase = larger_of(phase, fast_ready(f, n->y));
	if (weights)
		phase = larger_of(phase, fast_ready(f, n->x));
	n->back_phase = phase;
	g = fast_dense(f, y, grad_masked(f, n, phase, w->last), phase);
	if (weights) {
		k.at[0] = g;
		k.at[1] = fast_dense(f, x, fast_read(f, n->x, phase, order), phase);
		fixed_task(f, phase, &k);
		k = task_of(f, n, w->end, n->y);
		fast_end(f, phase, &k);
		totals_begin(f, n, phase);
	}
	if (image) {
		k = task_of(f, n, w->to_image, n->y);
		k.at[0] = fast_room(f, x, true);
		k.at[1] = g;
		fast_task(f, phase, &k);
		fast_give(f, n->x, phase, k.at[0], w->last, false);
	}
}

void
fast_conv_back(struct fast *f, struct fast_node *n)
{
	static const struct weighted conv = { task_conv_to_weights, task_conv_to_image,
		task_conv_end, true };

	weighted_back(f, n, &conv);
}

void
fast_gemm_back(struct fast *f, struct fast_node *n)
{
	static const struct weighted gemm = { task_gemm_to_weights, task_gemm_to_image,
		task_gemm_end, false };

	weighted_back(f, n, &gemm);
}

/* ---- By channel -------------------------------------------------------------------------- */

/* Puts the gradient of the input where it belongs, reading that of the result at `g`. */
static void
channels_back(
    struct fast *f, struct fast_node *n, int phase, struct place g, struct range range)
{
	struct task k = task_of(f, n, task_norm_back, n->x);
	struct fast_value *x = value_of(f, n->x);
	struct grad_target to;

	if (!fast_wanted(f, n->x))
		return;
	if (fast_has_order(x->t) && !x->last)
		to = (struct grad_target){ fast_room(f, x->t, true), phase, false };
	else
		to = grad_target(f, n->x, phase);
	k.at[0] = to.at;
	k.at[1] = g;
	k.at[2] = fast_read(f, n->x, to.phase, ORDER_LAST);
	k.range = range;
	k.adds = to.adds;
	fast_task(f, to.phase, &k);
	if (!to.adds)
		fast_give(f, n->x, to.phase, to.at, true, false);
}

void
fast_affine_back(struct fast *f, struct fast_node *n)
{
	int phase = larger_of(grad_phase(f, n->y), fast_ready(f, n->x));

	channels_back(f, n, phase, grad_read(f, n->y, phase, true), n->range);
}

void
fast_norm_back(struct fast *f, struct fast_node *n)
{
	int phase = larger_of(grad_phase(f, n->y), fast_cheap_ready(f, n));
	struct task k = task_of(f, n, task_norm_sums, n->x);
	struct range range = n->range;
	struct place g;

	if (n->u >= 0) {
		if (ranged(n))
			phase = larger_of(phase, fast_ready(f, n->y));
		g = grad_masked(f, n, phase, true);
		range = all_of_it;
		fast_give(f, n->u, phase, g, true, true);
	} else {
		g = grad_read(f, n->y, phase, true);
	}
	if (n->of_batch || wanted_at(f, n, 1) || wanted_at(f, n, 2)) {
		k.at[0] = g;
		k.at[1] = fast_read(f, n->x, phase, ORDER_LAST);
		k.range = range;
		fixed_task(f, phase, &k);
		k = task_of(f, n, task_norm_sums_end, n->x);
		fast_end(f, phase, &k);
		totals_begin(f, n, phase);
	}
	channels_back(f, n, n->of_batch ? phase + 1 : phase, g, range);
}
