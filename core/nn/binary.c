/*
 * Operators of two broadcast inputs: a line each. In a line x and y are the elements; the slopes
 * are those with respect to x and to y. The gradient of a broadcast input is summed over the places
 * that it served.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

struct nn_tensor
binary_second(const struct nn_call *k, const struct nn_tensor *second)
{
	const struct binary_attr *attr = k->attr;
	struct nn_tensor view = *second;

	if (attr == NULL || !attr->aligned)
		return view;
	while (view.rank + attr->axis < k->in[0]->rank) {
		view.stride[view.rank] = 0;
		shape_push(&view, 1);
	}
	return view;
}

static bool
broadcast_shape(struct ctx *c, struct nn_call *k)
{
	const struct binary_attr *attr = k->attr;
	struct nn_tensor second;

	if (attr != NULL && attr->aligned &&
	    (attr->axis < 0 || k->in[1]->rank + attr->axis > k->in[0]->rank))
		return fail(c, E_INPUT, "axis %lld", (long long)attr->axis);
	second = binary_second(k, k->in[1]);
	return shape_broadcast(c, k->in[0], &second, k->out[0]);
}

bool
arithmetic_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type != k->in[1]->type || k->in[0]->type == NN_BOOL)
		return fail(c, E_INPUT, "the two inputs have to be numbers of the same type");
	k->out[0]->type = k->in[0]->type;
	return broadcast_shape(c, k);
}

bool
compare_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type != k->in[1]->type)
		return fail(c, E_INPUT, "the two inputs have to be of the same type");
	k->out[0]->type = NN_BOOL;
	return broadcast_shape(c, k);
}

bool
logic_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type != NN_BOOL || k->in[1]->type != NN_BOOL)
		return fail(c, E_INPUT, "both inputs have to be boolean");
	k->out[0]->type = NN_BOOL;
	return broadcast_shape(c, k);
}

bool
pow_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type == NN_BOOL || k->in[1]->type == NN_BOOL)
		return fail(c, E_INPUT, "both inputs have to be numbers");
	k->out[0]->type = k->in[0]->type;
	return broadcast_shape(c, k);
}

bool
prelu_shape(struct ctx *c, struct nn_call *k)
{
	struct nn_tensor slope;

	if (!is_real(k->in[0]) || !is_real(k->in[1]))
		return fail(c, E_INPUT, "both inputs have to be real");
	shape_like(k->out[0], k->in[0]);
	slope = binary_second(k, k->in[1]);
	if (!shape_fits(&slope, k->in[0]))
		return fail(c, E_INPUT, "the slopes do not fit the input");
	return true;
}

/* ---- The loops, once for each operator --------------------------------------------------- */

#define FORWARD(name, type, to, value)                                                \
	static void name(struct nn_call *k)                                           \
	{                                                                             \
		const struct nn_tensor second = binary_second(k, k->in[1]);           \
		const struct nn_tensor *const t[] = { k->out[0], k->in[0], &second }; \
                                                                                      \
		for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w)) { \
			to *out = (to *)t[0]->data + w.at[0];                         \
			const type *a = (const type *)t[1]->data + w.at[1];           \
			const type *b = (const type *)t[2]->data + w.at[2];           \
                                                                                      \
			for (int64_t i = 0; i < w.n; i++) {                           \
				const type x = a[i * w.by[1]], y = b[i * w.by[2]];    \
                                                                                      \
				out[i * w.by[0]] = (to)(value);                       \
			}                                                             \
		}                                                                     \
	}

#define EITHER(name, to, value, whole)                  \
	FORWARD(name##_reals, float, to, value)         \
	FORWARD(name##_wholes, int64_t, int64_t, whole) \
	void name##_forward(struct nn_call *k)          \
	{                                               \
		if (is_real(k->in[0]))                  \
			name##_reals(k);                \
		else                                    \
			name##_wholes(k);               \
	}

#define TOWARDS(name, target, slope)                                                           \
	static void name(struct nn_call *k, const struct nn_tensor *target)                    \
	{                                                                                      \
		const struct nn_tensor second = binary_second(k, k->in[1]);                    \
		const struct nn_tensor *const t[] = { k->dout[0], k->in[0], &second, target }; \
                                                                                               \
		for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w)) {          \
			const float *dout = reals(t[0]) + w.at[0];                             \
			const float *a = reals(t[1]) + w.at[1];                                \
			const float *b = reals(t[2]) + w.at[2];                                \
			float *d = reals(t[3]) + w.at[3];                                      \
			double sum = 0;                                                        \
                                                                                               \
			for (int64_t i = 0; i < w.n; i++) {                                    \
				const float x = a[i * w.by[1]], y = b[i * w.by[2]];            \
				const float g = dout[i * w.by[0]] * (slope);                   \
                                                                                               \
				(void)x;                                                       \
				(void)y;                                                       \
				if (w.by[3] != 0)                                              \
					d[i * w.by[3]] += g;                                   \
				else                                                           \
					sum += g;                                              \
			}                                                                      \
			if (w.by[3] == 0)                                                      \
				*d += (float)sum;                                              \
		}                                                                              \
	}

#define BACKWARD(name, slope_x, slope_y)                                             \
	TOWARDS(name##_to_x, target, slope_x)                                        \
	TOWARDS(name##_to_y, target, slope_y)                                        \
	void name##_backward(struct nn_call *k)                                      \
	{                                                                            \
		if (k->din[0] != NULL)                                               \
			name##_to_x(k, k->din[0]);                                   \
		if (k->din[1] != NULL) {                                             \
			const struct nn_tensor target = binary_second(k, k->din[1]); \
                                                                                     \
			name##_to_y(k, &target);                                     \
		}                                                                    \
	}

static int64_t
whole_quotient(int64_t x, int64_t y)
{
	return y == 0 ? 0 : y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
}

static int64_t
whole_rest(int64_t x, int64_t y)
{
	return y == 0 || y == -1 ? 0 : x % y;
}

/* The rest with the divisor's sign. */
static int64_t
floor_rest(int64_t x, int64_t y)
{
	int64_t rest = whole_rest(x, y);

	return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

static float
log_of_base(float x)
{
	return x > 0 ? logf(x) : 0;
}

/* clang-format off */
#define U(x) (uint64_t)(x)
EITHER(add, float, x + y, U(x) + U(y))
EITHER(sub, float, x - y, U(x) - U(y))
EITHER(mul, float, x * y, U(x) * U(y))
EITHER(div, float, x / y, whole_quotient(x, y))
static nn_run_fn rest_forward;
EITHER(rest, float, fmodf(x, y), whole_rest(x, y))
EITHER(equal,            int64_t, x == y, x == y)
EITHER(greater,          int64_t, x > y,  x > y)
EITHER(greater_or_equal, int64_t, x >= y, x >= y)
EITHER(less,             int64_t, x < y,  x < y)
EITHER(less_or_equal,    int64_t, x <= y, x <= y)
FORWARD(and_wholes, int64_t, int64_t, x != 0 && y != 0)
FORWARD(or_wholes,  int64_t, int64_t, x != 0 || y != 0)
FORWARD(xor_wholes, int64_t, int64_t, (x != 0) != (y != 0))
FORWARD(floor_rests, int64_t, int64_t, floor_rest(x, y))
FORWARD(pow_reals, float, float, powf(x, y))
FORWARD(prelu_reals, float, float, x < 0 ? x * y : x)

BACKWARD(add,   1,                      1)
BACKWARD(sub,   1,                      -1)
BACKWARD(mul,   y,                      x)
BACKWARD(div,   1 / y,                  -x / (y * y))
BACKWARD(mod,   1,                      -truncf(x / y))
BACKWARD(pow,   y * powf(x, y - 1),     powf(x, y) * log_of_base(x))
BACKWARD(prelu, x < 0 ? y : 1,          x < 0 ? x : 0)
/* clang-format on */

void
and_forward(struct nn_call *k)
{
	and_wholes(k);
}

void
or_forward(struct nn_call *k)
{
	or_wholes(k);
}

void
xor_forward(struct nn_call *k)
{
	xor_wholes(k);
}

void
prelu_forward(struct nn_call *k)
{
	prelu_reals(k);
}

bool
mod_shape(struct ctx *c, struct nn_call *k)
{
	const struct binary_attr *attr = k->attr;

	if (is_real(k->in[0]) && !attr->fmod)
		return fail(c, E_INPUT, "real numbers need fmod");
	return arithmetic_shape(c, k);
}

void
mod_forward(struct nn_call *k)
{
	const struct binary_attr *attr = k->attr;

	if (attr->fmod)
		rest_forward(k);
	else
		floor_rests(k);
}

/* Of mixed types: the result has the base's. */
static void
pow_mixed(struct nn_call *k)
{
	const struct nn_tensor second = binary_second(k, k->in[1]);
	const struct nn_tensor *const t[] = { k->out[0], k->in[0], &second };

	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double x = tensor_read(t[1], w.at[1] + i * w.by[1]);
			double y = tensor_read(t[2], w.at[2] + i * w.by[2]);

			tensor_write(t[0], w.at[0] + i * w.by[0], pow(x, y));
		}
}

void
pow_forward(struct nn_call *k)
{
	if (is_real(k->in[0]) && is_real(k->in[1]))
		pow_reals(k);
	else
		pow_mixed(k);
}
