/*
 * Operators of any number of broadcast inputs (Sum, Mean, Min, Max), and those that choose between
 * inputs (Where, Clip). The gradient of a choice goes to the chosen one, of equals to the first.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

bool
several_shape(struct ctx *c, struct nn_call *k)
{
	shape_like(k->out[0], k->in[0]);
	for (int i = 1; i < k->ins; i++) {
		if (k->in[i]->type != k->in[0]->type)
			return fail(c, E_INPUT, "all inputs have to be of the same type");
		if (!shape_broadcast(c, k->out[0], k->in[i], k->out[0]))
			return false;
	}
	if (k->in[0]->type == NN_BOOL)
		return fail(c, E_INPUT, "the inputs have to be numbers");
	return true;
}

/* As several_shape, with a byte for each place: who was chosen already. */
bool
extreme_shape(struct ctx *c, struct nn_call *k)
{
	if (!several_shape(c, k))
		return false;
	k->scratch_bytes = (size_t)nn_count(k->out[0]);
	return true;
}

bool
several_real_shape(struct ctx *c, struct nn_call *k)
{
	if (!is_real(k->in[0]))
		return fail(c, E_INPUT, "the inputs have to be real");
	return several_shape(c, k);
}

/* ---- Sum, Mean --------------------------------------------------------------------------- */

void
sum_forward(struct nn_call *k)
{
	tensor_copy(k->out[0], k->in[0]);
	for (int i = 1; i < k->ins; i++) {
		const struct nn_tensor *const t[] = { k->out[0], k->in[i] };

		for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
			for (int64_t j = 0; j < w.n; j++)
				reals(t[0])[w.at[0] + j * w.by[0]] += reals(
				    t[1])[w.at[1] + j * w.by[1]];
	}
}

void
sum_backward(struct nn_call *k)
{
	for (int i = 0; i < k->ins; i++)
		if (k->din[i] != NULL)
			tensor_add(k->din[i], k->dout[0]);
}

static void
scale(const struct nn_tensor *t, float by)
{
	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t)[w.at[0] + i * w.by[0]] *= by;
}

void
mean_forward(struct nn_call *k)
{
	sum_forward(k);
	scale(k->out[0], 1 / (float)k->ins);
}

static void
mean_towards(struct nn_call *k, const struct nn_tensor *target)
{
	const struct nn_tensor *const t[] = { k->dout[0], target };

	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t[1])[w.at[1] + i * w.by[1]] +=
			    reals(t[0])[w.at[0] + i * w.by[0]] / (float)k->ins;
}

void
mean_backward(struct nn_call *k)
{
	for (int i = 0; i < k->ins; i++)
		if (k->din[i] != NULL)
			mean_towards(k, k->din[i]);
}

/* ---- Min, Max ---------------------------------------------------------------------------- */

/* clang-format off */
#define KEEP(name, type, better)                                                           \
	static void name(struct nn_call *k)                                                \
	{                                                                                  \
		tensor_copy(k->out[0], k->in[0]);                                          \
		for (int i = 1; i < k->ins; i++) {                                         \
			const struct nn_tensor *const t[] = { k->out[0], k->in[i] };       \
                                                                                           \
			for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))\
				for (int64_t j = 0; j < w.n; j++) {                        \
					type *best = (type *)t[0]->data + w.at[0] + j * w.by[0]; \
					const type x = ((const type *)                     \
					    t[1]->data)[w.at[1] + j * w.by[1]];            \
                                                                                           \
					if (x better *best || x != x)                      \
						*best = x;                                 \
				}                                                          \
		}                                                                          \
	}
KEEP(max_reals,  float,   >)
KEEP(max_wholes, int64_t, >)
KEEP(min_reals,  float,   <)
KEEP(min_wholes, int64_t, <)
/* clang-format on */

void
max_forward(struct nn_call *k)
{
	if (is_real(k->in[0]))
		max_reals(k);
	else
		max_wholes(k);
}

void
min_forward(struct nn_call *k)
{
	if (is_real(k->in[0]))
		min_reals(k);
	else
		min_wholes(k);
}

/* The walk over the output goes the same way for every input, so that `taken` has one order. */
static void
extreme_towards(struct nn_call *k, int input, char *taken)
{
	const struct nn_tensor *d = k->din[input] != NULL ? k->din[input] : k->in[input];
	const struct nn_tensor *const t[] = { k->out[0], k->in[input], k->dout[0], d };
	int64_t at = 0;

	for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++, at++) {
			float y = reals(t[0])[w.at[0] + i * w.by[0]];

			if (taken[at] || reals(t[1])[w.at[1] + i * w.by[1]] != y)
				continue;
			taken[at] = 1;
			if (k->din[input] != NULL)
				reals(d)[w.at[3] + i * w.by[3]] += reals(
				    t[2])[w.at[2] + i * w.by[2]];
		}
}

void
extreme_backward(struct nn_call *k)
{
	memset(k->scratch, 0, (size_t)nn_count(k->out[0]));
	for (int i = 0; i < k->ins; i++)
		extreme_towards(k, i, k->scratch);
}

/* ---- Where ------------------------------------------------------------------------------- */

bool
where_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type != NN_BOOL)
		return fail(c, E_INPUT, "the condition has to be boolean");
	if (k->in[1]->type != k->in[2]->type)
		return fail(c, E_INPUT, "the two choices have to be of the same type");
	k->out[0]->type = k->in[1]->type;
	return shape_broadcast(c, k->in[0], k->in[1], k->out[0]) &&
	    shape_broadcast(c, k->out[0], k->in[2], k->out[0]);
}

void
where_forward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0], k->in[1], k->in[2] };

	for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			int pick = wholes(t[1])[w.at[1] + i * w.by[1]] != 0 ? 2 : 3;
			int64_t from = w.at[pick] + i * w.by[pick], to = w.at[0] + i * w.by[0];

			if (is_real(t[0]))
				reals(t[0])[to] = reals(t[pick])[from];
			else
				wholes(t[0])[to] = wholes(t[pick])[from];
		}
}

static void
where_towards(struct nn_call *k, const struct nn_tensor *d, bool chosen)
{
	const struct nn_tensor *const t[] = { k->dout[0], k->in[0], d };

	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			if ((wholes(t[1])[w.at[1] + i * w.by[1]] != 0) == chosen)
				reals(t[2])[w.at[2] + i * w.by[2]] += reals(
				    t[0])[w.at[0] + i * w.by[0]];
}

void
where_backward(struct nn_call *k)
{
	if (k->din[1] != NULL)
		where_towards(k, k->din[1], true);
	if (k->din[2] != NULL)
		where_towards(k, k->din[2], false);
}

/* ---- Clip -------------------------------------------------------------------------------- */

bool
clip_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type == NN_BOOL)
		return fail(c, E_INPUT, "the input has to be numbers");
	for (int i = 1; i < k->ins; i++)
		if (k->in[i] != NULL &&
		    (k->in[i]->type != k->in[0]->type || nn_count(k->in[i]) != 1))
			return fail(c, E_INPUT, "the bounds have to be single numbers");
	return shape_same(c, k);
}

static void
clip_wholes(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0] };
	int64_t low = k->ins > 1 && k->in[1] != NULL ? wholes(k->in[1])[0] : INT64_MIN;
	int64_t high = k->ins > 2 && k->in[2] != NULL ? wholes(k->in[2])[0] : INT64_MAX;

	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			int64_t x = wholes(t[1])[w.at[1] + i * w.by[1]];

			x = x < low ? low : x;
			wholes(t[0])[w.at[0] + i * w.by[0]] = x > high ? high : x;
		}
}

static void
clip_bounds(const struct nn_call *k, float *ret_low, float *ret_high)
{
	*ret_low = k->ins > 1 && k->in[1] != NULL ? reals(k->in[1])[0] : -INFINITY;
	*ret_high = k->ins > 2 && k->in[2] != NULL ? reals(k->in[2])[0] : INFINITY;
}

void
clip_forward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0] };
	float low, high;

	if (!is_real(k->in[0])) {
		clip_wholes(k);
		return;
	}
	clip_bounds(k, &low, &high);
	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float x = reals(t[1])[w.at[1] + i * w.by[1]];

			x = x < low ? low : x;
			reals(t[0])[w.at[0] + i * w.by[0]] = x > high ? high : x;
		}
}

void
clip_backward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->din[0], k->dout[0], k->in[0] };
	float low, high;

	if (k->din[0] == NULL)
		return;
	clip_bounds(k, &low, &high);
	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float x = reals(t[2])[w.at[2] + i * w.by[2]];

			if (x >= low && x <= high)
				reals(t[0])[w.at[0] + i * w.by[0]] += reals(
				    t[1])[w.at[1] + i * w.by[1]];
		}
}
