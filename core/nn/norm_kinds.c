/*
 * Batch, instance and layer normalisation: what belongs to one set, and what is kept of it.
 */
#include <math.h>

#include "norm.h"

/* ---- BatchNormalization ------------------------------------------------------------------ */

static bool
per_channel(struct ctx *c, const struct nn_call *k, int input)
{
	const struct nn_tensor *t = k->in[input];

	if (!is_real(t) || t->rank != 1 || t->dim[0] != k->in[0]->dim[1])
		return fail(c, E_INPUT, "input %d does not fit %lld channels", input,
		    (long long)k->in[0]->dim[1]);
	return true;
}

static bool
uses_batch(const struct nn_call *k)
{
	const struct norm_attr *attr = k->attr;

	return attr->training || k->training;
}

bool
batch_norm_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->rank < 2)
		return fail(c, E_INPUT, "an input of rank %d", k->in[0]->rank);
	for (int i = 1; i < 5; i++)
		if (!per_channel(c, k, i))
			return false;
	shape_like(k->out[0], k->in[0]);
	for (int i = 1; i < k->outs; i++)
		if (k->out[i] != NULL)
			shape_like(k->out[i], k->in[1]);
	k->saved_bytes = (size_t)k->in[0]->dim[1] * 2 * sizeof(double);
	return true;
}

static struct set
batch_set(const struct nn_call *k, int64_t channel)
{
	const double *saved = (const double *)k->saved + 2 * channel;

	return (struct set){
		.x = tensor_at(k->in[0], 1, channel),
		.scale = tensor_at(k->in[1], 0, channel),
		.shift = tensor_at(k->in[2], 0, channel),
		.mean = saved[0],
		.inverse = saved[1],
	};
}

/* Running numbers move towards those of the batch: as outputs, or in training in place. */
static void
keep_running(struct nn_call *k, int which, int64_t channel, double batch)
{
	const struct norm_attr *attr = k->attr;
	const struct nn_tensor *old = k->in[2 + which];
	float *at = reals(old) + channel * old->stride[0];
	float now = *at * attr->momentum + (float)batch * (1 - attr->momentum);

	if (which < k->outs && k->out[which] != NULL)
		reals(k->out[which])[channel * k->out[which]->stride[0]] = now;
	if (k->training)
		*at = now;
}

static void
channel_statistics(struct nn_call *k, int64_t channel)
{
	const struct norm_attr *attr = k->attr;
	const struct nn_tensor x = tensor_at(k->in[0], 1, channel);
	double *saved = (double *)k->saved + 2 * channel, mean, variance;

	if (uses_batch(k)) {
		norm_statistics(&x, &mean, &variance);
		keep_running(k, 1, channel, mean);
		keep_running(k, 2, channel, variance);
	} else {
		mean = reals(k->in[3])[channel * k->in[3]->stride[0]];
		variance = reals(k->in[4])[channel * k->in[4]->stride[0]];
	}
	saved[0] = mean;
	saved[1] = 1 / sqrt(variance + (double)attr->epsilon);
}

void
batch_norm_forward(struct nn_call *k)
{
	for (int64_t channel = 0; channel < k->in[0]->dim[1]; channel++) {
		struct set s;

		channel_statistics(k, channel);
		s = batch_set(k, channel);
		s.y = tensor_at(k->out[0], 1, channel);
		norm_set_forward(&s);
	}
}

void
batch_norm_backward(struct nn_call *k)
{
	for (int64_t channel = 0; channel < k->in[0]->dim[1]; channel++) {
		struct set s = batch_set(k, channel);

		s.dy = tensor_at(k->dout[0], 1, channel);
		s.dx = norm_channel(norm_given(k->din, k->ins, 0), 1, channel);
		s.dscale = norm_channel(norm_given(k->din, k->ins, 1), 0, channel);
		s.dshift = norm_channel(norm_given(k->din, k->ins, 2), 0, channel);
		norm_set_backward(&s, !uses_batch(k));
	}
}

/* ---- InstanceNormalization --------------------------------------------------------------- */

bool
instance_norm_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->rank < 2)
		return fail(c, E_INPUT, "an input of rank %d", k->in[0]->rank);
	if (!per_channel(c, k, 1) || !per_channel(c, k, 2))
		return false;
	shape_like(k->out[0], k->in[0]);
	return true;
}

static struct nn_tensor
instance_of(const struct nn_tensor *t, int64_t n, int64_t channel)
{
	const struct nn_tensor image = norm_channel(t, 0, n);

	return norm_channel(&image, 0, channel);
}

static struct set
instance_set(const struct nn_call *k, int64_t n, int64_t channel)
{
	const struct norm_attr *attr = k->attr;
	struct set s = {
		.x = instance_of(k->in[0], n, channel),
		.scale = tensor_at(k->in[1], 0, channel),
		.shift = tensor_at(k->in[2], 0, channel),
	};
	double variance;

	norm_statistics(&s.x, &s.mean, &variance);
	s.inverse = 1 / sqrt(variance + (double)attr->epsilon);
	return s;
}

void
instance_norm_forward(struct nn_call *k)
{
	for (int64_t n = 0; n < k->in[0]->dim[0]; n++)
		for (int64_t channel = 0; channel < k->in[0]->dim[1]; channel++) {
			struct set s = instance_set(k, n, channel);

			s.y = instance_of(k->out[0], n, channel);
			norm_set_forward(&s);
		}
}

void
instance_norm_backward(struct nn_call *k)
{
	for (int64_t n = 0; n < k->in[0]->dim[0]; n++)
		for (int64_t channel = 0; channel < k->in[0]->dim[1]; channel++) {
			struct set s = instance_set(k, n, channel);

			s.dy = instance_of(k->dout[0], n, channel);
			s.dx = instance_of(norm_given(k->din, k->ins, 0), n, channel);
			s.dscale = norm_channel(norm_given(k->din, k->ins, 1), 0, channel);
			s.dshift = norm_channel(norm_given(k->din, k->ins, 2), 0, channel);
			norm_set_backward(&s, false);
		}
}

/* ---- LayerNormalization ------------------------------------------------------------------ */

static uint32_t
layer_mask(const struct nn_call *k)
{
	const struct norm_attr *attr = k->attr;
	int rank = k->in[0]->rank;
	int axis = (int)(attr->axis < 0 ? attr->axis + rank : attr->axis);

	return ((1u << rank) - 1) & ~((1u << axis) - 1);
}

bool
layer_norm_shape(struct ctx *c, struct nn_call *k)
{
	const struct norm_attr *attr = k->attr;
	struct nn_tensor outer, inner;
	int axis;

	if (!shape_axis(c, attr->axis, k->in[0]->rank, &axis))
		return false;
	tensor_split(k->in[0], layer_mask(k), &outer, &inner);
	for (int i = 1; i < k->ins; i++)
		if (k->in[i] != NULL && (!is_real(k->in[i]) || !shape_fits(k->in[i], &inner)))
			return fail(c, E_INPUT, "input %d does not fit", i);
	shape_like(k->out[0], k->in[0]);
	for (int i = 1; i < k->outs; i++) {
		if (k->out[i] == NULL)
			continue;
		shape_like(k->out[i], k->in[0]);
		for (int d = axis; d < k->in[0]->rank; d++)
			k->out[i]->dim[d] = 1;
	}
	return true;
}

static void
layer_output(struct nn_call *k, int i, int64_t nth, double value)
{
	if (i < k->outs && k->out[i] != NULL)
		reals(k->out[i])[tensor_nth(k->out[i], nth)] = (float)value;
}

/* The same places of `other` as x has in its nth set. */
static struct nn_tensor
set_of(const struct nn_tensor *other, uint32_t mask, int64_t nth)
{
	struct nn_tensor outer, inner;

	if (other->data == NULL)
		return *other;
	tensor_split(other, mask, &outer, &inner);
	return tensor_moved(&inner, tensor_nth(&outer, nth));
}

static struct set
layer_set(const struct nn_call *k, uint32_t mask, int64_t nth)
{
	const struct norm_attr *attr = k->attr;
	struct set s = {
		.x = set_of(k->in[0], mask, nth),
		.scale = *k->in[1],
		.shift = *norm_given(k->in, k->ins, 2),
	};
	double variance;

	norm_statistics(&s.x, &s.mean, &variance);
	s.inverse = 1 / sqrt(variance + (double)attr->epsilon);
	return s;
}

static int64_t
layer_sets(const struct nn_call *k, uint32_t mask)
{
	struct nn_tensor outer, inner;

	tensor_split(k->in[0], mask, &outer, &inner);
	return nn_count(&outer);
}

void
layer_norm_forward(struct nn_call *k)
{
	uint32_t mask = layer_mask(k);
	int64_t sets = layer_sets(k, mask);

	for (int64_t nth = 0; nth < sets; nth++) {
		struct set s = layer_set(k, mask, nth);

		s.y = set_of(k->out[0], mask, nth);
		norm_set_forward(&s);
		layer_output(k, 1, nth, s.mean);
		layer_output(k, 2, nth, s.inverse);
	}
}

void
layer_norm_backward(struct nn_call *k)
{
	uint32_t mask = layer_mask(k);
	int64_t sets = layer_sets(k, mask);

	for (int64_t nth = 0; nth < sets; nth++) {
		struct set s = layer_set(k, mask, nth);

		s.dy = set_of(k->dout[0], mask, nth);
		s.dx = set_of(norm_given(k->din, k->ins, 0), mask, nth);
		s.dscale = *norm_given(k->din, k->ins, 1);
		s.dshift = *norm_given(k->din, k->ins, 2);
		norm_set_backward(&s, false);
	}
}
