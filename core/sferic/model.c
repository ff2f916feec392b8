/*
 * The network as ONNX: a model of one node, written as the few bytes that it takes (onnx.proto),
 * and an edit that puts a U-Net in the place of that node. Down: two convolutions of three points
 * and a maximum over two, three times; up: every point twice, beside what was there on the way
 * down, and two convolutions.
 */
#include <stdio.h>

#include "parts.h"

/* x: float [N,4,1024] -> Identity -> y: float [N,1024]. */
static const char skeleton[] =
    "\x08\x08"         /* version 8 of the format */
    "\x42\x02\x10\x0d" /* version 13 of the operators */
    "\x3a\x4c"         /* the graph */
    "\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity"
    "\x12\x06sferic"                                    /* its name */
    "\x5a\x19\x0a\x01x\x12\x14\x0a\x12\x08\x01\x12\x0e" /* its input: float */
    "\x0a\x03\x12\x01N\x0a\x02\x08\x04\x0a\x03\x08\x80\x08"
    "\x62\x15\x0a\x01y\x12\x10\x0a\x0e\x08\x01\x12\x0a" /* its output */
    "\x0a\x03\x12\x01N\x0a\x03\x08\x80\x08";

enum { LEVELS = 4, NODES = 48, TENSORS = 40, INPUTS = 3, NAME = 16 };

/* The edit in the making. */
struct building {
	struct ctx *c;
	struct onnx_new_node node[NODES];
	struct onnx_new_tensor tensor[TENSORS];
	struct str input[NODES][INPUTS], output[NODES];
	size_t nodes, tensors;
	int convs;
	bool failed;
};

/* A name that nobody else has. */
static struct str
name_new(struct building *b, const char *of, int number)
{
	char *s = take_printf(b->c, "%s%d", of, number);

	b->failed |= s == NULL;
	return s != NULL ? str_of(s) : STR("");
}

static struct str
tensor_add(struct building *b, struct str name, const int64_t dim[], int rank, const float *v)
{
	struct onnx_new_tensor *t = &b->tensor[b->tensors++];
	size_t n = 1;

	*t = (struct onnx_new_tensor){ .name = name, .rank = rank };
	for (int i = 0; i < rank; i++) {
		t->dim[i] = dim[i];
		n *= (size_t)dim[i];
	}
	t->f = v != NULL ? v : take(b->c, n * sizeof *v);
	b->failed |= t->f == NULL;
	return name;
}

/* The node and what comes out of it. */
static struct str
node_add(struct building *b, const char *op, struct str output, const struct str input[],
    size_t inputs, const struct onnx_attr attr[], size_t attrs)
{
	size_t i = b->nodes++;

	memcpy(b->input[i], input, inputs * sizeof *input);
	b->output[i] = output;
	b->node[i] = (struct onnx_new_node){ .op = str_of(op),
		.input = b->input[i],
		.inputs = inputs,
		.output = &b->output[i],
		.outputs = 1,
		.attr = attr,
		.attrs = attrs };
	return output;
}

static struct str
one(struct building *b, const char *op, struct str from)
{
	return node_add(b, op, name_new(b, "s", (int)b->nodes), &from, 1, NULL, 0);
}

/* A convolution of 3 points, or of 1. */
static struct str
conv(struct building *b, struct str from, int64_t in, int64_t out, int64_t taps)
{
	static const int64_t one_each[] = { 1, 1 };
	static const struct onnx_attr around = {
		.name = { "pads", 4 }, .type = ONNX_ATTR_INTS, .ints = one_each, .n = 2
	};
	int nth = b->convs++;
	struct str w = tensor_add(
	    b, name_new(b, "w", nth), (const int64_t[]){ out, in, taps }, 3, NULL);
	struct str bias = tensor_add(b, name_new(b, "b", nth), &out, 1, NULL);

	return node_add(b, "Conv", name_new(b, "c", nth), (struct str[]){ from, w, bias }, 3,
	    &around, taps == 3 ? 1 : 0);
}

static struct str
two_convs(struct building *b, struct str from, int64_t in, int64_t out)
{
	struct str once = one(b, "Relu", conv(b, from, in, out, 3));

	return one(b, "Relu", conv(b, once, out, out, 3));
}

static struct str
halve(struct building *b, struct str from)
{
	static const int64_t two[] = { 2 };
	static const struct onnx_attr attr[] = {
		{ .name = { "kernel_shape", 12 }, .type = ONNX_ATTR_INTS, .ints = two, .n = 1 },
		{ .name = { "strides", 7 }, .type = ONNX_ATTR_INTS, .ints = two, .n = 1 },
	};

	return node_add(b, "MaxPool", name_new(b, "s", (int)b->nodes), &from, 1, attr, 2);
}

/* Every point twice, and the channels of `beside`. */
static struct str
widen(struct building *b, struct str from, struct str beside)
{
	static const struct onnx_attr how[] = {
		{ .name = { "mode", 4 }, .type = ONNX_ATTR_STRING, .s = { "nearest", 7 } },
		{ .name = { "coordinate_transformation_mode", 30 },
		    .type = ONNX_ATTR_STRING,
		    .s = { "asymmetric", 10 } },
		{ .name = { "nearest_mode", 12 },
		    .type = ONNX_ATTR_STRING,
		    .s = { "floor", 5 } },
	};
	static const struct onnx_attr channels = {
		.name = { "axis", 4 }, .type = ONNX_ATTR_INT, .i = 1
	};
	struct str wide = node_add(b, "Resize", name_new(b, "s", (int)b->nodes),
	    (struct str[]){ from, STR(""), STR("scales") }, 3, how, 3);

	return node_add(b, "Concat", name_new(b, "s", (int)b->nodes),
	    (struct str[]){ wide, beside }, 2, &channels, 1);
}

static void
build(struct building *b, int64_t width)
{
	static const float scales[] = { 1, 1, 2 };
	const int64_t many = COUNT(scales);
	struct str at = STR("x"), down[LEVELS];
	int64_t channels = SFERIC_CHANNELS;

	tensor_add(b, STR("scales"), &many, 1, scales);
	for (int i = 0; i < LEVELS; i++, channels = width << (i - 1)) {
		at = i > 0 ? halve(b, at) : at;
		at = down[i] = two_convs(b, at, channels, width << i);
	}
	for (int i = LEVELS - 2; i >= 0; i--) {
		at = widen(b, at, down[i]);
		at = two_convs(b, at, 3 * width << i, width << i);
	}
	at = one(b, "Flatten", conv(b, at, width, 1, 1));
	(void)node_add(b, "Sigmoid", STR("y"), &at, 1, NULL, 0);
}

bool
sferic_model(struct ctx *c, int64_t width, struct str *ret)
{
	struct building *b = take(c, sizeof *b);
	struct onnx_model model;
	struct onnx_edit edit;
	struct buf out;

	if (width < 1 || width > 256)
		return fail(c, E_INPUT, "a network's width is 1 to 256 channels");
	if (b == NULL)
		return false;
	b->c = c;
	build(b, width);
	if (b->failed)
		return false;
	edit = (struct onnx_edit){
		.tensor = b->tensor, .tensors = b->tensors, .node = b->node, .nodes = b->nodes
	};
	if (!onnx_read(c, (struct str){ skeleton, sizeof skeleton - 1 }, &model) ||
	    !take_buf(c, (size_t)(width * width * 637 * 4 + width * 400) + 16384, &out) ||
	    !onnx_write(c, &model, &edit, buf_sink, &out))
		return false;
	*ret = buf_str(&out);
	return true;
}
