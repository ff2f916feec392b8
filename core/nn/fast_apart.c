/*
 * Whether the images of a batch see each other in a step. They do not if its shapes just scale with
 * the batch, but for some operators whose shapes do not tell.
 */
#include "attrs.h"
#include "fast_parts.h"

/* With `n` images the step's shapes are what they are, but for the batch. */
static bool
scales(struct fast *f, const struct nn_step *s, int64_t n)
{
	struct ctx c = { .mem = f->mem };
	struct nn_call k = s->call;
	size_t count = (size_t)(k.ins + k.outs);
	struct nn_tensor *t = take(&c, count * sizeof *t + 1),
			 **at = take(&c, count * sizeof *at + 1);

	if (t == NULL || at == NULL)
		return false;
	for (int i = 0; i < k.ins; i++) {
		if (k.in[i] == NULL)
			continue;
		t[i] = *k.in[i];
		at[i] = &t[i];
		if (fast_batched(f, s->node->in[i]))
			t[i].dim[0] = n;
	}
	for (int i = 0; i < k.outs; i++)
		at[k.ins + i] = k.out[i] == NULL ? NULL : &t[k.ins + i];
	k.in = at;
	k.out = at + k.ins;
	if (!s->row->shape(&c, &k))
		return false;
	for (int i = 0; i < k.outs; i++) {
		const struct nn_tensor *is = s->call.out[i], *now = k.out[i];

		if (is == NULL)
			continue;
		if (now->rank != is->rank || now->rank < 1 || now->dim[0] != n ||
		    is->dim[0] != f->batch)
			return false;
		for (int d = 1; d < is->rank; d++)
			if (now->dim[d] != is->dim[d])
				return false;
	}
	return true;
}

/* Operators that may mix images although their shapes scale: each says whether it does. */
typedef bool mix_fn(const struct nn_step *);

static bool
first_axis(const struct nn_step *s, int64_t axis)
{
	return axis == 0 || axis == -s->call.in[0]->rank;
}

static bool
axis_mixes(const struct nn_step *s)
{
	const struct axis_attr *a = s->call.attr;

	return first_axis(s, a->axis);
}

static bool
layer_mixes(const struct nn_step *s)
{
	const struct norm_attr *a = s->call.attr;

	return first_axis(s, a->axis);
}

/* Pads of the first dimension that cancel out move the images. */
static bool
pad_mixes(const struct nn_step *s)
{
	const struct nn_tensor *pads = s->call.ins > 1 ? s->call.in[1] : NULL;

	return pads == NULL || pads->data == NULL || ((const int64_t *)pads->data)[0] != 0;
}

static bool
cumsum_mixes(const struct nn_step *s)
{
	const struct nn_tensor *axis = s->call.in[1];

	return axis->data == NULL || first_axis(s, *(const int64_t *)axis->data);
}

static bool
trilu_mixes(const struct nn_step *s)
{
	return s->call.in[0]->rank < 3;
}

static bool
may_mix(const struct nn_step *s)
{
	(void)s;
	return true;
}

/* clang-format off */
static mix_fn *const mixes[OP_COUNT] = {
	[OP_BATCH_NORMALIZATION] = may_mix,
	[OP_CUM_SUM] = cumsum_mixes,
	[OP_GATHER_ELEMENTS] = may_mix,
	[OP_GRU] = may_mix,
	[OP_HARDMAX] = axis_mixes,
	[OP_LAYER_NORMALIZATION] = layer_mixes,
	[OP_LOG_SOFTMAX] = axis_mixes,
	[OP_LSTM] = may_mix,
	[OP_PAD] = pad_mixes,
	[OP_SLICE] = may_mix,
	[OP_SOFTMAX] = axis_mixes,
	[OP_TRILU] = trilu_mixes,
};
/* clang-format on */

bool
fast_apart(struct fast *f, const struct nn_step *s)
{
	for (int i = 0; i < s->call.outs; i++)
		if (s->call.out[i] != NULL &&
		    (s->call.out[i]->rank < 1 || s->call.out[i]->dim[0] != f->batch))
			return false;
	if (mixes[s->node->op] != NULL && mixes[s->node->op](s))
		return false;
	return scales(f, s, f->batch + 1) && scales(f, s, 2 * f->batch + 3);
}
