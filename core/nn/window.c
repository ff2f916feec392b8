/*
 * What slides: attributes of convolutions and pools, resolved against a shape. One and two spatial
 * dimensions are treated as three, the missing ones in front being of one place.
 */
#include "decode.h"
#include "families.h"

/* Larger kernels, strides and pads than any network has; products of two stay small. */
enum { WINDOW_MAX = 1 << 20 };

/* ---- Attributes -------------------------------------------------------------------------- */

static bool
read_list(struct ctx *c, const struct onnx_node *n, const char *name, struct window_attr *w,
    int64_t low, int64_t to[])
{
	size_t count;

	if (!attr_ints(c, n, name, SPATIAL_MAX, to, &count))
		return false;
	if (count == 0)
		return true;
	if (w->spatial != 0 && w->spatial != (int)count)
		return fail(
		    c, E_INPUT, "%s has %zu numbers instead of %d", name, count, w->spatial);
	w->spatial = (int)count;
	for (size_t i = 0; i < count; i++)
		if (to[i] < low || to[i] > WINDOW_MAX)
			return fail(c, E_INPUT, "%s of %lld", name, (long long)to[i]);
	return true;
}

static bool
read_pads(struct ctx *c, const struct onnx_node *n, struct window_attr *w)
{
	int64_t pads[2 * SPATIAL_MAX];
	size_t count;

	if (!attr_ints(c, n, "pads", COUNT(pads), pads, &count))
		return false;
	if (count == 0)
		return true;
	if (count % 2 != 0 || (w->spatial != 0 && w->spatial != (int)(count / 2)))
		return fail(c, E_INPUT, "pads has %zu numbers", count);
	w->spatial = (int)(count / 2);
	for (size_t i = 0; i < count; i++)
		if (pads[i] < 0 || pads[i] > WINDOW_MAX)
			return fail(c, E_INPUT, "pads of %lld", (long long)pads[i]);
	for (size_t i = 0; i < count / 2; i++) {
		w->pad_begin[i] = pads[i];
		w->pad_end[i] = pads[i + count / 2];
	}
	return true;
}

static struct window_attr *
window_new(struct ctx *c, struct nn_graph *g, const struct onnx_node *n)
{
	static const char *const pads[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID" };
	struct window_attr *w = graph_take(c, g, sizeof *w);
	int word = PAD_GIVEN;

	if (w == NULL)
		return NULL;
	for (int i = 0; i < SPATIAL_MAX; i++)
		w->stride[i] = w->dilation[i] = 1;
	w->group = 1;
	if (!read_list(c, n, "kernel_shape", w, 1, w->kernel) ||
	    !read_list(c, n, "strides", w, 1, w->stride) ||
	    !read_list(c, n, "dilations", w, 1, w->dilation) || !read_pads(c, n, w) ||
	    !attr_word(c, n, "auto_pad", pads, COUNT(pads), &word))
		return NULL;
	w->auto_pad = (enum auto_pad)word;
	return w;
}

bool
decode_pool(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct window_attr *w = window_new(c, g, n);

	if (w == NULL)
		return false;
	node->attr = w;
	if (w->kernel[0] == 0)
		return fail(c, E_INPUT, "kernel_shape is missing");
	return attr_bool(c, n, "ceil_mode", false, &w->ceil_mode) &&
	    attr_bool(c, n, "count_include_pad", false, &w->count_include_pad) &&
	    attr_bool(c, n, "storage_order", false, &w->storage_order);
}

static bool
read_group(struct ctx *c, const struct onnx_node *n, struct window_attr *w)
{
	if (!onnx_attr_int(c, n, "group", 1, &w->group))
		return false;
	if (w->group < 1 || w->group > WINDOW_MAX)
		return fail(c, E_INPUT, "group of %lld", (long long)w->group);
	return true;
}

bool
decode_conv(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct window_attr *w = window_new(c, g, n);

	node->attr = w;
	return w != NULL && read_group(c, n, w);
}

bool
decode_conv_transpose(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct window_attr *w = window_new(c, g, n);

	node->attr = w;
	if (w == NULL || !read_group(c, n, w) ||
	    !read_list(c, n, "output_padding", w, 0, w->output_pad) ||
	    !read_list(c, n, "output_shape", w, 1, w->output_shape))
		return false;
	w->has_output_shape = w->output_shape[0] != 0;
	return true;
}

/* ---- Resolving --------------------------------------------------------------------------- */

/* Three dimensions from the last `n` ones, with `missing` in front. */
static void
to_three(const int64_t from[], int n, int64_t missing, int64_t to[SPATIAL_MAX])
{
	for (int i = 0; i < SPATIAL_MAX; i++)
		to[i] = i < SPATIAL_MAX - n ? missing : from[i - (SPATIAL_MAX - n)];
}

static bool
begin(struct ctx *c, const struct window_attr *a, const struct nn_tensor *image,
    const int64_t kernel[], struct window *w)
{
	int n = image->rank - 2;

	if (!is_real(image))
		return fail(c, E_INPUT, "the input has to be real");
	if (n < 1 || n > SPATIAL_MAX || (a->spatial != 0 && a->spatial != n))
		return fail(c, E_INPUT, "an input of rank %d does not fit", image->rank);
	for (int i = 0; i < n; i++)
		if (kernel[i] < 1 || kernel[i] > WINDOW_MAX)
			return fail(c, E_INPUT, "a kernel of %lld", (long long)kernel[i]);
	w->batch = image->dim[0];
	w->channels = image->dim[1];
	to_three(image->dim + 2, n, 1, w->in);
	to_three(kernel, n, 1, w->kernel);
	to_three(a->stride, n, 1, w->stride);
	to_three(a->dilation, n, 1, w->dilation);
	to_three(a->pad_begin, n, 0, w->pad);
	to_three(a->pad_end, n, 0, w->pad_end);
	return true;
}

static int64_t
extent(const struct window *w, int d)
{
	return (w->kernel[d] - 1) * w->dilation[d] + 1;
}

static void
pad_same(struct window *w, enum auto_pad how, int d)
{
	int64_t out = (w->in[d] + w->stride[d] - 1) / w->stride[d];
	int64_t total = (out - 1) * w->stride[d] + extent(w, d) - w->in[d];

	total = total < 0 ? 0 : total;
	w->pad[d] = how == PAD_SAME_UPPER ? total / 2 : total - total / 2;
	w->pad_end[d] = total - w->pad[d];
}

static bool
slide(struct ctx *c, const struct window_attr *a, struct window *w)
{
	for (int d = 0; d < SPATIAL_MAX; d++) {
		int64_t room;

		if (a->auto_pad == PAD_VALID)
			w->pad[d] = w->pad_end[d] = 0;
		else if (a->auto_pad != PAD_GIVEN)
			pad_same(w, a->auto_pad, d);
		room = w->in[d] + w->pad[d] + w->pad_end[d] - extent(w, d);
		if (room < 0)
			return fail(c, E_INPUT, "the kernel is larger than the padded input");
		w->out[d] = room / w->stride[d] + 1;
		if (a->ceil_mode && room % w->stride[d] != 0 &&
		    w->out[d] * w->stride[d] < w->in[d] + w->pad[d])
			w->out[d]++;
	}
	return true;
}

bool
window_of_pool(struct ctx *c, const struct nn_call *k, struct window *ret)
{
	const struct window_attr *a = k->attr;

	return begin(c, a, k->in[0], a->kernel, ret) && slide(c, a, ret);
}

static bool
check_weights(struct ctx *c, const struct nn_call *k, int64_t channels)
{
	const struct window_attr *a = k->attr;
	const struct nn_tensor *image = k->in[0], *weights = k->in[1];

	if (!is_real(weights) || weights->rank != image->rank)
		return fail(c, E_INPUT, "weights of rank %d do not fit an input of rank %d",
		    weights->rank, image->rank);
	if (image->dim[1] != channels)
		return fail(c, E_INPUT, "the weights are for %lld channels, the input has %lld",
		    (long long)channels, (long long)image->dim[1]);
	for (int i = 0; i < image->rank - 2 && i < SPATIAL_MAX; i++)
		if (a->kernel[i] != 0 && a->kernel[i] != weights->dim[i + 2])
			return fail(c, E_INPUT, "kernel_shape differs from the weights");
	return true;
}

static bool
check_bias(struct ctx *c, const struct nn_call *k, int64_t channels)
{
	const struct nn_tensor *bias = k->ins > 2 ? k->in[2] : NULL;

	if (bias != NULL && (!is_real(bias) || bias->rank != 1 || bias->dim[0] != channels))
		return fail(
		    c, E_INPUT, "the bias does not fit %lld channels", (long long)channels);
	return true;
}

bool
window_of_conv(struct ctx *c, const struct nn_call *k, struct window *ret)
{
	const struct window_attr *a = k->attr;
	const struct nn_tensor *weights = k->in[1];

	if (weights->rank < 3 || k->in[0]->rank < 3 || weights->dim[0] % a->group != 0)
		return fail(c, E_INPUT, "the weights do not fit the input");
	return check_weights(c, k, weights->dim[1] * a->group) &&
	    check_bias(c, k, weights->dim[0]) && begin(c, a, k->in[0], weights->dim + 2, ret) &&
	    slide(c, a, ret);
}

/* The pads that leave just the wanted output; the odd one goes where auto_pad says. */
static void
pad_to_shape(struct window *w, const struct window_attr *a, int d, int64_t full, int64_t wanted)
{
	int64_t total = full > wanted ? full - wanted : 0;

	w->pad[d] = a->auto_pad == PAD_SAME_UPPER ? total / 2 : total - total / 2;
	w->pad_end[d] = total - w->pad[d];
}

/* `in` is the image that the transposed convolution gives, `out` what it gets. */
bool
window_of_conv_transpose(struct ctx *c, const struct nn_call *k, struct window *ret)
{
	const struct window_attr *a = k->attr;
	const struct nn_tensor *weights = k->in[1];
	int n = k->in[0]->rank - 2;
	int64_t wanted[SPATIAL_MAX], extra[SPATIAL_MAX];

	if (weights->rank < 3 || n < 1 || weights->dim[0] % a->group != 0)
		return fail(c, E_INPUT, "the weights do not fit the input");
	if (!check_weights(c, k, weights->dim[0]) ||
	    !check_bias(c, k, weights->dim[1] * a->group) ||
	    !begin(c, a, k->in[0], weights->dim + 2, ret))
		return false;
	memcpy(ret->out, ret->in, sizeof ret->out);
	to_three(a->output_shape, n, 1, wanted);
	to_three(a->output_pad, n, 0, extra);
	ret->channels = weights->dim[1] * a->group;
	for (int d = 0; d < SPATIAL_MAX; d++) {
		int64_t full = (ret->out[d] - 1) * ret->stride[d] + extra[d] + extent(ret, d);

		ret->in[d] = full - ret->pad[d] - ret->pad_end[d];
		if (a->has_output_shape)
			ret->in[d] = wanted[d];
		else if (a->auto_pad == PAD_SAME_UPPER || a->auto_pad == PAD_SAME_LOWER)
			ret->in[d] = ret->out[d] * ret->stride[d];
		else if (a->auto_pad == PAD_VALID)
			ret->in[d] = full;
		if (a->has_output_shape || a->auto_pad != PAD_GIVEN)
			pad_to_shape(ret, a, d, full, ret->in[d]);
		if (ret->in[d] < 1 || ret->out[d] < 1)
			return fail(c, E_INPUT, "nothing is left of the output");
	}
	return true;
}
