/*
 * Dropout: in training each element is dropped with the node's probability, and the others are
 * scaled so that the mean stays. The choice depends on the seed and the element's place alone.
 */
#include "attrs.h"
#include "families.h"

bool
dropout_shape(struct ctx *c, struct nn_call *k)
{
	shape_like(k->out[0], k->in[0]);
	if (k->outs > 1 && k->out[1] != NULL) {
		shape_like(k->out[1], k->in[0]);
		k->out[1]->type = NN_BOOL;
	}
	if (k->ins > 1 && k->in[1] != NULL && nn_count(k->in[1]) != 1)
		return fail(c, E_INPUT, "the ratio has to be one number");
	return true;
}

static float
ratio_of(const struct nn_call *k)
{
	return k->ins > 1 && k->in[1] != NULL ? (float)tensor_read(k->in[1], 0) : 0.5f;
}

/* The node's own input training_mode does not make an inference drop anything. */
static bool
drops(const struct nn_call *k)
{
	return k->training && ratio_of(k) > 0;
}

/* splitmix64 (Steele, Lea, Flood 2014) of the element's number: uniform in [0, 1). */
static float
chance(uint64_t seed, int64_t nth)
{
	uint64_t x = seed + ((uint64_t)nth + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return (float)(x >> 40) * 0x1p-24f;
}

/* Numbers elements in ONNX's order, so that the layout has no say. */
static void
each(struct nn_call *k, const struct nn_tensor *to, const struct nn_tensor *from, bool add)
{
	float ratio = ratio_of(k), scale = ratio < 1 ? 1 / (1 - ratio) : 0;
	int64_t n = nn_count(to);

	for (int64_t i = 0; i < n; i++) {
		float *at = reals(to) + tensor_nth(to, i);
		bool keep = chance(k->seed, i) >= ratio;
		float x = keep ? scale * reals(from)[tensor_nth(from, i)] : 0;

		*at = add ? *at + x : x;
		if (!add && k->outs > 1 && k->out[1] != NULL)
			wholes(k->out[1])[tensor_nth(k->out[1], i)] = keep;
	}
}

void
dropout_forward(struct nn_call *k)
{
	if (drops(k)) {
		each(k, k->out[0], k->in[0], false);
		return;
	}
	view_forward(k);
	if (k->outs > 1 && k->out[1] != NULL)
		tensor_fill(k->out[1], 1);
}

void
dropout_backward(struct nn_call *k)
{
	if (drops(k))
		each(k, k->din[0], k->dout[0], true);
	else
		view_backward(k);
}
