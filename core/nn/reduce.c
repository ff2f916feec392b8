/*
 * Reductions over axes: the result, seen with the reduced dimensions kept, is broadcast to the
 * input, so that a walk over the input meets each element with its place in the result. Sums are
 * kept in double.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

/* ---- Shape ------------------------------------------------------------------------------- */

/* The axes as a mask; without any it is all of them, or none if the node says so. */
static bool
axes_of(struct ctx *c, const struct nn_call *k, uint32_t *ret_mask)
{
	const struct reduce_attr *attr = k->attr;
	int rank = k->in[0]->rank, axis;
	int64_t axes[NN_RANK_MAX];
	size_t n = 0;
	uint32_t mask = 0;

	if (k->ins > 1 && k->in[1] != NULL && !shape_ints(c, k, 1, NN_RANK_MAX, axes, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!shape_axis(c, axes[i], rank, &axis))
			return false;
		mask |= 1u << axis;
	}
	if (n == 0 && !attr->none_if_empty)
		mask = (1u << rank) - 1;
	*ret_mask = mask;
	return true;
}

/* The scratch is the sums in double, one for each place of the result, and as many again. */
bool
reduce_shape(struct ctx *c, struct nn_call *k)
{
	const struct reduce_attr *attr = k->attr;
	struct nn_tensor *out = k->out[0];
	uint32_t mask;

	if (k->in[0]->type == NN_BOOL)
		return fail(c, E_INPUT, "the input has to be numbers");
	if (!axes_of(c, k, &mask))
		return false;
	out->type = k->in[0]->type;
	out->rank = 0;
	for (int d = 0; d < k->in[0]->rank; d++) {
		if ((mask >> d & 1) == 0)
			shape_push(out, k->in[0]->dim[d]);
		else if (attr->keep)
			shape_push(out, 1);
	}
	k->scratch_bytes = (size_t)nn_count(out) * 2 * sizeof(double);
	return true;
}

/* `result` with every reduced dimension kept as one place. */
static struct nn_tensor
kept(const struct nn_call *k, const struct nn_tensor *result)
{
	const struct reduce_attr *attr = k->attr;
	struct nn_tensor view = *result;
	struct ctx c = { 0 };
	uint32_t mask = 0;
	int from = 0;

	if (attr->keep || !axes_of(&c, k, &mask))
		return view;
	view.rank = 0;
	for (int d = 0; d < k->in[0]->rank; d++) {
		bool gone = (mask >> d & 1) != 0;

		view.stride[view.rank] = gone ? 0 : result->stride[from];
		shape_push(&view, gone ? 1 : result->dim[from++]);
	}
	return view;
}

/* ---- Forward ----------------------------------------------------------------------------- */

/* What each element adds, and what becomes of the sum. */
struct fold {
	double start;
	double (*add)(double sum, double x);
	double (*end)(double sum, double n);
};

static double
add_plain(double sum, double x)
{
	return sum + x;
}

static double
add_size(double sum, double x)
{
	return sum + fabs(x);
}

static double
add_square(double sum, double x)
{
	return sum + x * x;
}

static double
take_larger(double sum, double x)
{
	return x > sum || x != x ? x : sum;
}

static double
take_smaller(double sum, double x)
{
	return x < sum || x != x ? x : sum;
}

static double
multiply(double sum, double x)
{
	return sum * x;
}

static double
end_plain(double sum, double n)
{
	(void)n;
	return sum;
}

static double
end_mean(double sum, double n)
{
	return sum / n;
}

static double
end_root(double sum, double n)
{
	(void)n;
	return sqrt(sum);
}

static double
end_log(double sum, double n)
{
	(void)n;
	return log(sum);
}

static struct nn_tensor
dense_result(const struct nn_call *k)
{
	struct nn_tensor view = *k->out[0];

	tensor_dense(&view);
	return kept(k, &view);
}

static void
fold(struct nn_call *k, const struct fold *f)
{
	const struct nn_tensor sums = dense_result(k), out = kept(k, k->out[0]);
	const struct nn_tensor *const t[] = { k->in[0], &sums }, *const o[] = { &out, &sums };
	double *sum = k->scratch, n = (double)nn_count(k->in[0]) / (double)nn_count(&out);

	for (int64_t i = 0; i < nn_count(&out); i++)
		sum[i] = f->start;
	for (struct walk w = walk_over(k->in[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double *s = &sum[w.at[1] + i * w.by[1]];

			*s = f->add(*s, tensor_read(k->in[0], w.at[0] + i * w.by[0]));
		}
	for (struct walk w = walk_over(&out, 2, o); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			tensor_write(
			    &out, w.at[0] + i * w.by[0], f->end(sum[w.at[1] + i * w.by[1]], n));
}

/* clang-format off */
#define FOLD(name, start, add, end)                            \
	void name##_forward(struct nn_call *k)                 \
	{                                                      \
		static const struct fold f = { start, add, end }; \
                                                               \
		fold(k, &f);                                   \
	}
FOLD(reduce_sum,        0,         add_plain,    end_plain)
FOLD(reduce_mean,       0,         add_plain,    end_mean)
FOLD(reduce_l1,         0,         add_size,     end_plain)
FOLD(reduce_l2,         0,         add_square,   end_root)
FOLD(reduce_sum_square, 0,         add_square,   end_plain)
FOLD(reduce_log_sum,    0,         add_plain,    end_log)
FOLD(reduce_prod,       1,         multiply,     end_plain)
FOLD(reduce_max,        -INFINITY, take_larger,  end_plain)
FOLD(reduce_min,        INFINITY,  take_smaller, end_plain)
/* clang-format on */

/* The maximum first, so that no power overflows. */
void
reduce_log_sum_exp_forward(struct nn_call *k)
{
	const struct nn_tensor sums = dense_result(k), out = kept(k, k->out[0]);
	const struct nn_tensor *const t[] = { k->in[0], &sums, &out };
	double *sum = k->scratch;

	reduce_max_forward(k);
	memset(sum, 0, (size_t)nn_count(&out) * sizeof *sum);
	for (struct walk w = walk_over(k->in[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			sum[w.at[1] + i * w.by[1]] += exp(
			    tensor_read(k->in[0], w.at[0] + i * w.by[0]) -
			    tensor_read(&out, w.at[2] + i * w.by[2]));
	for (int64_t i = 0; i < nn_count(&out); i++) {
		int64_t at = tensor_nth(k->out[0], i);

		tensor_write(k->out[0], at, tensor_read(k->out[0], at) + log(sum[i]));
	}
}

/* ---- Backward ---------------------------------------------------------------------------- */

/* x the element, y the result, n how many elements one result has, g the result's gradient. */
/* clang-format off */
#define BACKWARD(name, gradient)                                                           \
	void name##_backward(struct nn_call *k)                                            \
	{                                                                                  \
		const struct nn_tensor dout = kept(k, k->dout[0]), out = kept(k, k->out[0]); \
		const struct nn_tensor *const t[] = { k->din[0], &dout, k->in[0], &out };  \
		const float n = (float)nn_count(k->in[0]) / (float)nn_count(&out);         \
                                                                                           \
		for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w))        \
			for (int64_t i = 0; i < w.n; i++) {                                \
				const float g = reals(t[1])[w.at[1] + i * w.by[1]];        \
				const float x = reals(t[2])[w.at[2] + i * w.by[2]];        \
				const float y = reals(t[3])[w.at[3] + i * w.by[3]];        \
                                                                                           \
				(void)x;                                                   \
				(void)y;                                                   \
				reals(t[0])[w.at[0] + i * w.by[0]] += (gradient);          \
			}                                                                  \
		(void)n;                                                                   \
	}
BACKWARD(reduce_sum,         g)
BACKWARD(reduce_mean,        g / n)
BACKWARD(reduce_l1,          g * (float)((x > 0) - (x < 0)))
BACKWARD(reduce_l2,          y > 0 ? g * x / y : 0)
BACKWARD(reduce_sum_square,  g * 2 * x)
BACKWARD(reduce_log_sum,     g * expf(-y))
BACKWARD(reduce_log_sum_exp, g * expf(x - y))
/* clang-format on */

/*
 * The product of all other elements: that of all, divided. A zero among them leaves the gradient to
 * itself alone, two leave none.
 */
void
reduce_prod_backward(struct nn_call *k)
{
	const struct nn_tensor done = dense_result(k), dout = kept(k, k->dout[0]);
	const struct nn_tensor *const t[] = { k->in[0], &done, &dout, k->din[0] };
	double *product = k->scratch, *zeros = product + nn_count(&done);

	for (int64_t i = 0; i < nn_count(&done); i++) {
		product[i] = 1;
		zeros[i] = 0;
	}
	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			int64_t at = w.at[1] + i * w.by[1];
			float x = reals(t[0])[w.at[0] + i * w.by[0]];

			if (x == 0)
				zeros[at]++;
			else
				product[at] *= (double)x;
		}
	for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			int64_t at = w.at[1] + i * w.by[1];
			float x = reals(t[0])[w.at[0] + i * w.by[0]];
			double g = (double)reals(t[2])[w.at[2] + i * w.by[2]];
			double others = x == 0 ? product[at] : product[at] / (double)x;

			if (zeros[at] == (x == 0))
				reals(t[3])[w.at[3] + i * w.by[3]] += (float)(g * others);
		}
}

/* The gradient of a maximum or minimum goes to the first element that equals it. */
void
reduce_extreme_backward(struct nn_call *k)
{
	const struct nn_tensor done = dense_result(k);
	const struct nn_tensor dout = kept(k, k->dout[0]), out = kept(k, k->out[0]);
	const struct nn_tensor *const t[] = { k->in[0], k->din[0], &out, &dout, &done };
	bool *taken = k->scratch;

	memset(taken, 0, (size_t)nn_count(&out) * sizeof *taken);
	for (struct walk w = walk_over(t[0], 5, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			bool *seen = &taken[w.at[4] + i * w.by[4]];

			if (*seen ||
			    reals(t[0])[w.at[0] + i * w.by[0]] !=
				reals(t[2])[w.at[2] + i * w.by[2]])
				continue;
			*seen = true;
			reals(t[1])[w.at[1] + i * w.by[1]] += reals(
			    t[3])[w.at[3] + i * w.by[3]];
		}
}
