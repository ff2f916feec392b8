/*
 * Operators that look at one element at a time: a line each, with value and slope. In a line x is
 * the element, y the result, a and b the row's two attributes.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

static nn_run_fn gelu_exact_forward, gelu_exact_backward, gelu_tanh_forward, gelu_tanh_backward;
static nn_run_fn abs_real_forward, neg_real_forward, relu_real_forward, sign_real_forward;

static const struct reals_attr no_attr;

static const struct reals_attr *
params(const struct nn_call *k)
{
	return k->attr != NULL ? k->attr : &no_attr;
}

static float
softplus(float x)
{
	return x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x));
}

static float
sigmoid(float x)
{
	return 1 / (1 + expf(-x));
}

static float
bell(float x)
{
	return 0.3989422804014327f * expf(-0.5f * x * x);
}

static float
gelu(float x)
{
	return 0.5f * x * (1 + erff(x * 0.7071067811865476f));
}

static float
gelu_slope(float x)
{
	return 0.5f * (1 + erff(x * 0.7071067811865476f)) + x * bell(x);
}

/* The approximation by tanh that some exporters ask for. */
static float
gelu_inner(float x)
{
	return 0.7978845608028654f * (x + 0.044715f * x * x * x);
}

static float
gelu_tanh(float x)
{
	return 0.5f * x * (1 + tanhf(gelu_inner(x)));
}

static float
gelu_tanh_slope(float x)
{
	float t = tanhf(gelu_inner(x));
	float inner = 0.7978845608028654f * (1 + 3 * 0.044715f * x * x);

	return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * inner;
}

static float
sign(float x)
{
	return (float)((x > 0) - (x < 0));
}

static float
between(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

/* ---- The loops, once for each operator --------------------------------------------------- */

#define FORWARD(name, value)                                                          \
	void name##_forward(struct nn_call *k)                                        \
	{                                                                             \
		const struct nn_tensor *const t[] = { k->out[0], k->in[0] };          \
		const float a = params(k)->a, b = params(k)->b;                       \
                                                                                      \
		for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w)) { \
			float *out = reals(t[0]) + w.at[0];                           \
			const float *in = reals(t[1]) + w.at[1];                      \
                                                                                      \
			for (int64_t i = 0; i < w.n; i++) {                           \
				const float x = in[i * w.by[1]];                      \
                                                                                      \
				out[i * w.by[0]] = (value);                           \
			}                                                             \
		}                                                                     \
		(void)a;                                                              \
		(void)b;                                                              \
	}

/* `seen` is what the slope depends on: x, the input, or y, the output. */
#define BACKWARD(name, seen, tensor, slope)                                            \
	void name##_backward(struct nn_call *k)                                        \
	{                                                                              \
		const struct nn_tensor *const t[] = { k->din[0], k->dout[0], tensor }; \
		const float a = params(k)->a, b = params(k)->b;                        \
                                                                                       \
		for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w)) {  \
			float *din = reals(t[0]) + w.at[0];                            \
			const float *dout = reals(t[1]) + w.at[1];                     \
			const float *from = reals(t[2]) + w.at[2];                     \
                                                                                       \
			for (int64_t i = 0; i < w.n; i++) {                            \
				const float seen = from[i * w.by[2]];                  \
                                                                                       \
				din[i * w.by[0]] += dout[i * w.by[1]] * (slope);       \
			}                                                              \
		}                                                                      \
		(void)a;                                                               \
		(void)b;                                                               \
	}

#define OF_X(name, value, slope) \
	FORWARD(name, value)     \
	BACKWARD(name, x, k->in[0], slope)
#define OF_Y(name, value, slope) \
	FORWARD(name, value)     \
	BACKWARD(name, y, k->out[0], slope)

/* An operator that takes whole numbers as well. */
#define WHOLE(name, value)                                                             \
	static void name##_wholes(struct nn_call *k)                                   \
	{                                                                              \
		const struct nn_tensor *const t[] = { k->out[0], k->in[0] };           \
                                                                                       \
		for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))    \
			for (int64_t i = 0; i < w.n; i++) {                            \
				const int64_t x = wholes(t[1])[w.at[1] + i * w.by[1]]; \
                                                                                       \
				wholes(t[0])[w.at[0] + i * w.by[0]] = (value);         \
			}                                                              \
	}                                                                              \
	void name##_forward(struct nn_call *k)                                         \
	{                                                                              \
		if (is_real(k->in[0]))                                                 \
			name##_real_forward(k);                                        \
		else                                                                   \
			name##_wholes(k);                                              \
	}

/* Real to boolean. */
#define QUESTION(name, answer)                                                      \
	void name##_forward(struct nn_call *k)                                      \
	{                                                                           \
		const struct nn_tensor *const t[] = { k->out[0], k->in[0] };        \
                                                                                    \
		for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w)) \
			for (int64_t i = 0; i < w.n; i++) {                         \
				const float x = reals(t[1])[w.at[1] + i * w.by[1]]; \
                                                                                    \
				wholes(t[0])[w.at[0] + i * w.by[0]] = (answer);     \
			}                                                           \
	}

/* clang-format off */
OF_X(acos,        acosf(x),                         -1 / sqrtf(1 - x * x))
OF_X(acosh,       acoshf(x),                        1 / sqrtf(x * x - 1))
OF_X(asin,        asinf(x),                         1 / sqrtf(1 - x * x))
OF_X(asinh,       asinhf(x),                        1 / sqrtf(x * x + 1))
OF_X(atan,        atanf(x),                         1 / (1 + x * x))
OF_X(atanh,       atanhf(x),                        1 / (1 - x * x))
FORWARD(ceil,     ceilf(x))
OF_X(celu,        x > 0 ? x : a * expm1f(x / a),    x > 0 ? 1 : expf(x / a))
OF_X(cos,         cosf(x),                          -sinf(x))
OF_X(cosh,        coshf(x),                         sinhf(x))
OF_X(elu,         x > 0 ? x : a * expm1f(x),        x > 0 ? 1 : a * expf(x))
OF_X(erf,         erff(x),                          1.1283791670955126f * expf(-x * x))
OF_Y(exp,         expf(x),                          y)
FORWARD(floor,    floorf(x))
OF_X(gelu_exact,  gelu(x),                          gelu_slope(x))
OF_X(gelu_tanh,   gelu_tanh(x),                     gelu_tanh_slope(x))
OF_X(hard_sigmoid, between(a * x + b, 0, 1),        a * x + b > 0 && a * x + b < 1 ? a : 0)
OF_X(hard_swish,  x * between(x / 6 + 0.5f, 0, 1),  x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5f)
OF_X(leaky_relu,  x < 0 ? a * x : x,                x < 0 ? a : 1)
OF_X(log,         logf(x),                          1 / x)
OF_Y(reciprocal,  1 / x,                            -y * y)
FORWARD(round,    rintf(x))
OF_X(selu,        x > 0 ? b * x : b * a * expm1f(x), x > 0 ? b : b * a * expf(x))
OF_X(shrink,      x < -a ? x + b : x > a ? x - b : 0, x < -a || x > a ? 1 : 0)
OF_Y(sigmoid,     sigmoid(x),                       y * (1 - y))
OF_X(sin,         sinf(x),                          cosf(x))
OF_X(sinh,        sinhf(x),                         coshf(x))
OF_X(softplus,    softplus(x),                      sigmoid(x))
OF_X(softsign,    x / (1 + fabsf(x)),               1 / ((1 + fabsf(x)) * (1 + fabsf(x))))
OF_Y(sqrt,        sqrtf(x),                         0.5f / y)
OF_Y(tan,         tanf(x),                          1 + y * y)
OF_Y(tanh,        tanhf(x),                         1 - y * y)
OF_X(thresholded_relu, x > a ? x : 0,               x > a ? 1 : 0)

FORWARD(abs_real,  fabsf(x))
FORWARD(neg_real,  -x)
FORWARD(relu_real, x > 0 ? x : x != x ? x : 0)
FORWARD(sign_real, sign(x))
BACKWARD(abs,  x, k->in[0],  sign(x))
BACKWARD(relu, y, k->out[0], y > 0 ? 1 : 0)
WHOLE(abs,  x < 0 ? (int64_t)(0 - (uint64_t)x) : x)
WHOLE(neg,  (int64_t)(0 - (uint64_t)x))
WHOLE(relu, x > 0 ? x : 0)
WHOLE(sign, (x > 0) - (x < 0))

QUESTION(isnan, isnan(x) != 0)
QUESTION(isinf, isinf(x) != 0 && ((x > 0 && params(k)->b != 0) || (x < 0 && params(k)->a != 0)))
/* clang-format on */

void
neg_backward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->din[0], k->dout[0] };

	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t[0])[w.at[0] + i * w.by[0]] -= reals(
			    t[1])[w.at[1] + i * w.by[1]];
}

bool
question_shape(struct ctx *c, struct nn_call *k)
{
	(void)c;
	shape_like(k->out[0], k->in[0]);
	k->out[0]->type = NN_BOOL;
	return true;
}

bool
not_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->type != NN_BOOL)
		return fail(c, E_INPUT, "the input has to be boolean");
	return shape_same(c, k);
}

void
not_forward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0] };

	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			wholes(t[0])[w.at[0] + i * w.by[0]] =
			    wholes(t[1])[w.at[1] + i * w.by[1]] == 0;
}

/* Gelu's attribute a is 1 for the approximation. */
void
gelu_forward(struct nn_call *k)
{
	if (params(k)->a > 0)
		gelu_tanh_forward(k);
	else
		gelu_exact_forward(k);
}

void
gelu_backward(struct nn_call *k)
{
	if (params(k)->a > 0)
		gelu_tanh_backward(k);
	else
		gelu_exact_backward(k);
}
