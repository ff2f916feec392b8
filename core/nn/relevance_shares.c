/*
 * Relevance of what has no weights: sums, means and pools give each input its share of what it
 * brought; products give all to what is not their factor.
 */
#include <math.h>

#include "families.h"
#include "relevance.h"

static float
counted(const struct nn_call *k, float x)
{
	return k->rule->kind == RULE_EPSILON ? x : fmaxf(x, 0);
}

/* Input j, or what is like it, as it is broadcast. */
static struct nn_tensor
operand(const struct nn_call *k, const struct nn_tensor *t, int j)
{
	return j == 1 ? binary_second(k, t) : *t;
}

/* ---- Sums of several inputs -------------------------------------------------------------- */

/* z = the sum of what the inputs that count bring; `last` may count with the other sign. */
static int
contributions(const struct nn_call *k, const struct nn_tensor *z, float last_sign, float sign[])
{
	int n = 0;

	tensor_fill(z, 0);
	for (int j = 0; j < k->ins; j++) {
		const struct nn_tensor in = operand(k, k->in[j], j);
		const struct nn_tensor *const t[] = { z, &in };

		sign[j] = j == k->ins - 1 ? last_sign : 1;
		if (k->din[j] == NULL)
			continue;
		n++;
		for (struct walk w = walk_over(z, 2, t); w.n > 0; walk_next(&w))
			for (int64_t i = 0; i < w.n; i++)
				reals(z)[w.at[0] + i * w.by[0]] += counted(
				    k, sign[j] * reals(t[1])[w.at[1] + i * w.by[1]]);
	}
	return n;
}

/* Each input its share of the sum; where nothing was brought, equal ones. */
static void
several_relevance(struct nn_call *k, float last_sign)
{
	struct room room = { k->room };
	struct nn_tensor z = room_like(&room, k->dout[0]), s = room_like(&room, k->dout[0]);
	float sign[64];
	int n;

	if (k->ins > (int)COUNT(sign)) {
		k->bad = "relevance of a sum of more than 64 inputs";
		return;
	}
	n = contributions(k, &z, last_sign, sign);
	relevance_divide(k, k->dout[0], &z, &s);
	for (int j = 0; j < k->ins; j++) {
		struct nn_tensor in, din;
		const struct nn_tensor *const t[] = { k->dout[0], &z, &s, &in, &din };

		if (k->din[j] == NULL)
			continue;
		in = operand(k, k->in[j], j);
		din = operand(k, k->din[j], j);
		for (struct walk w = walk_over(t[0], 5, t); w.n > 0; walk_next(&w))
			for (int64_t i = 0; i < w.n; i++) {
				float r = reals(t[0])[w.at[0] + i * w.by[0]];
				float all = reals(t[1])[w.at[1] + i * w.by[1]];
				float by = reals(t[2])[w.at[2] + i * w.by[2]];
				float x = counted(
				    k, sign[j] * reals(t[3])[w.at[3] + i * w.by[3]]);

				reals(t[4])[w.at[4] + i * w.by[4]] += n == 1
				    ? r
				    : (all == 0 ? r / (float)n : x * by);
			}
	}
}

void
add_relevance(struct nn_call *k)
{
	several_relevance(k, 1);
}

void
sub_relevance(struct nn_call *k)
{
	several_relevance(k, -1);
}

void
sum_relevance(struct nn_call *k)
{
	several_relevance(k, 1);
}

/* ---- Products ---------------------------------------------------------------------------- */

static void
multiplied_add(const struct nn_tensor *to, const struct nn_tensor *from, float by)
{
	const struct nn_tensor *const t[] = { from, to };

	for (struct walk w = walk_over(from, 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(to)[w.at[1] + i * w.by[1]] += by *
			    reals(from)[w.at[0] + i * w.by[0]];
}

/* A gate is smaller than what it opens for, or a constant; two of one size share. */
void
product_relevance(struct nn_call *k)
{
	bool both = k->din[0] != NULL && k->din[1] != NULL;
	int64_t size[2] = { nn_count(k->in[0]), nn_count(k->in[1]) };

	for (int i = 0; i < 2; i++) {
		if (k->din[i] == NULL || (both && size[i] < size[1 - i]))
			continue;
		multiplied_add(k->din[i], k->dout[0], both && size[0] == size[1] ? .5F : 1);
	}
}

/* All to the first input that counts: of a quotient the numerator, of a power the base. */
void
first_relevance(struct nn_call *k)
{
	int i = k->din[0] != NULL ? 0 : 1;
	const struct nn_tensor din = operand(k, k->din[i], i);

	multiplied_add(&din, k->dout[0], 1);
}

/* ---- Sums of one input ------------------------------------------------------------------- */

static void
one_forward(const struct nn_call *k, nn_run_fn *forward, const struct nn_tensor *a,
    const struct nn_tensor *out)
{
	struct nn_tensor from = *a, to = *out, *in[8], *outs[1] = { &to };
	struct nn_call call = *k;

	memcpy(in, k->in, (size_t)k->ins * sizeof in[0]);
	in[0] = &from;
	call.in = in;
	call.out = outs;
	call.outs = 1;
	forward(&call);
}

static void
one_backward(const struct nn_call *k, nn_run_fn *backward, const struct nn_tensor *s,
    const struct nn_tensor *din)
{
	struct nn_tensor from = *s, to = *din, *dins[8] = { &to }, *douts[1] = { &from };
	bool fresh[8] = { false };
	struct nn_call call = *k;

	call.din = dins;
	call.dout = douts;
	call.fresh = fresh;
	tensor_fill(din, 0);
	backward(&call);
}

/* rest = what comes where nothing was brought, divided by how many there are to share it. */
static void
unexplained(const struct nn_tensor *r, const struct nn_tensor *z, const struct nn_tensor *count)
{
	const struct nn_tensor *const t[] = { r, z, count };

	for (struct walk w = walk_over(r, 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float *rest = &reals(count)[w.at[2] + i * w.by[2]];

			*rest = reals(z)[w.at[1] + i * w.by[1]] != 0 || *rest == 0
			    ? 0
			    : reals(r)[w.at[0] + i * w.by[0]] / *rest;
		}
}

/* What is linear in its one input, with weights that are not negative and no bias. */
static void
linear_share(struct nn_call *k, nn_run_fn *forward, nn_run_fn *backward)
{
	struct room room = { k->room };
	struct nn_tensor part = room_like(&room, k->in[0]), back = room_like(&room, k->in[0]);
	struct nn_tensor z = room_like(&room, k->dout[0]), s = room_like(&room, k->dout[0]);
	const struct nn_tensor *a = k->in[0];

	if (k->rule->kind != RULE_EPSILON) {
		relevance_part(&part, k->in[0], true);
		a = &part;
	}
	one_forward(k, forward, a, &z);
	relevance_divide(k, k->dout[0], &z, &s);
	one_backward(k, backward, &s, &back);
	relevance_add_product(k->din[0], a, &back);
	tensor_fill(&part, 1);
	one_forward(k, forward, &part, &s);
	unexplained(k->dout[0], &z, &s);
	one_backward(k, backward, &s, &back);
	tensor_add(k->din[0], &back);
}

void
average_pool_relevance(struct nn_call *k)
{
	linear_share(k, average_pool_forward, average_pool_backward);
}

void
global_average_relevance(struct nn_call *k)
{
	linear_share(k, global_average_forward, global_average_backward);
}

void
reduce_sum_relevance(struct nn_call *k)
{
	linear_share(k, reduce_sum_forward, reduce_sum_backward);
}

void
reduce_mean_relevance(struct nn_call *k)
{
	linear_share(k, reduce_mean_forward, reduce_mean_backward);
}

/* The logarithm lets through what comes, the powers of the other as well. */
void
reduce_log_sum_relevance(struct nn_call *k)
{
	linear_share(k, reduce_sum_forward, reduce_sum_backward);
}

void
reduce_log_sum_exp_relevance(struct nn_call *k)
{
	reduce_log_sum_exp_backward(k);
}

/* Every factor stands for as much of a product as any other. */
void
reduce_prod_relevance(struct nn_call *k)
{
	reduce_mean_backward(k);
}

void
cumsum_relevance(struct nn_call *k)
{
	linear_share(k, cumsum_forward, cumsum_backward);
}

void
resize_relevance(struct nn_call *k)
{
	linear_share(k, resize_forward, resize_backward);
}

/* ---- Norms ------------------------------------------------------------------------------- */

/* a * dF/da / F is a share of one where F grows in proportion; where with the square, of two. */
static void
homogeneous(struct nn_call *k, nn_run_fn *backward, float degree)
{
	struct room room = { k->room };
	struct nn_tensor back = room_like(&room, k->in[0]), s = room_like(&room, k->dout[0]);
	const struct nn_tensor *t = &s;

	relevance_divide(k, k->dout[0], k->out[0], &s);
	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t)[w.at[0] + i * w.by[0]] /= degree;
	one_backward(k, backward, &s, &back);
	relevance_add_product(k->din[0], k->in[0], &back);
}

void
reduce_l1_relevance(struct nn_call *k)
{
	homogeneous(k, reduce_l1_backward, 1);
}

void
reduce_l2_relevance(struct nn_call *k)
{
	homogeneous(k, reduce_l2_backward, 1);
}

void
reduce_sum_square_relevance(struct nn_call *k)
{
	homogeneous(k, reduce_sum_square_backward, 2);
}

/* ---- BatchNormalization ------------------------------------------------------------------ */

/*
 * The normalised input and what is added to it share, as two inputs of a sum would; unless the norm
 * is folded into the weights before it, where what is added is a bias.
 */
void
batch_norm_relevance(struct nn_call *k)
{
	struct room room = { k->room };
	struct nn_tensor zero = room_like(&room, k->in[0]), added = room_like(&room, k->in[0]);
	struct nn_tensor z = room_like(&room, k->dout[0]), s = room_like(&room, k->dout[0]);
	const struct nn_tensor *const t[] = { k->out[0], &added, &z, &s, k->dout[0] };
	const struct nn_tensor *const last[] = { k->din[0], k->out[0], &added, &s };

	if (k->rule->folded) {
		relevance_pass(k);
		return;
	}
	tensor_fill(&zero, 0);
	one_forward(k, batch_norm_forward, &zero, &added);
	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float plus = reals(t[1])[w.at[1] + i * w.by[1]];
			float x = reals(t[0])[w.at[0] + i * w.by[0]] - plus;

			reals(&z)[w.at[2] + i * w.by[2]] = counted(k, x) + counted(k, plus);
		}
	relevance_divide(k, k->dout[0], &z, &s);
	for (struct walk w = walk_over(last[0], 4, last); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(last[0])[w.at[0] + i * w.by[0]] +=
			    counted(k,
				reals(last[1])[w.at[1] + i * w.by[1]] -
				    reals(last[2])[w.at[2] + i * w.by[2]]) *
			    reals(&s)[w.at[3] + i * w.by[3]];
}
