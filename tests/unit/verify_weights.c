/*
 * Who leaked it: customers' copies of a sealed release, changed in the ways that thieves have, are
 * traced to the customer and to nobody else.
 */
#include <math.h>

#include "weights_support.h"

/* ---- What thieves do to weights ---------------------------------------------------------- */

static int
by_size(const void *a, const void *b)
{
	float x = fabsf(*(const float *)a), y = fabsf(*(const float *)b);

	return (x > y) - (x < y);
}

/* The smallest weights of each layer, so many of a hundred, become zero. */
static void
prune(struct ctx *c, struct part *p, int share)
{
	size_t n = (size_t)p->w->count;
	float *sorted = take(c, n * sizeof *sorted), least;

	memcpy(sorted, p->weights, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_size);
	least = fabsf(sorted[n * (size_t)share / 100]);
	for (size_t i = 0; i < n; i++)
		if (fabsf(p->weights[i]) < least)
			p->weights[i] = 0;
}

/* Rounded to so many levels on either side. */
static void
quantise(struct part *p, float levels)
{
	float most = 0;

	for (int64_t i = 0; i < p->w->count; i++)
		most = fmaxf(most, fabsf(p->weights[i]));
	for (int64_t i = 0; i < p->w->count; i++)
		p->weights[i] = rintf(p->weights[i] / most * levels) * most / levels;
}

/* As training on does it: noise, and all weights shrink a little. */
static void
train_on(struct part *p, float noise, uint32_t *seed)
{
	float square = 0, sigma;

	for (int64_t i = 0; i < p->w->count; i++)
		square += p->weights[i] * p->weights[i];
	sigma = sqrtf(square / (float)p->w->count);
	for (int64_t i = 0; i < p->w->count; i++) {
		float sum = -2;

		for (int k = 0; k < 4; k++)
			sum += (float)chance(seed) / (1 << 24);
		p->weights[i] = .97F * p->weights[i] + sum * sqrtf(3) * noise * sigma;
	}
}

/* The last layer without its fourth class. */
static void
forget_class(struct part *p)
{
	int64_t width = p->in, from = 3;

	p->out--;
	memmove(p->weights + from * width, p->weights + (from + 1) * width,
	    (size_t)((p->out - from) * width) * sizeof *p->weights);
	memmove(p->bias + from, p->bias + from + 1, (size_t)(p->out - from) * sizeof *p->bias);
}

static const struct manner {
	int prune;
	float levels, noise;
	enum disguise disguise;
	bool forgets;
	double z;
} manners[] = {
	{ .z = 100 },
	{ .prune = 30, .z = 90 },
	{ .prune = 60, .z = 80 },
	{ .prune = 80, .z = 60 },
	{ .levels = 127, .z = 90 },
	{ .levels = 32767, .z = 100 },
	{ .noise = .1F, .z = 50 },
	{ .noise = .4F, .z = 12 },
	{ .disguise = BOTH, .z = 90 },
	{ .disguise = DEAD, .z = 90 },
	{ .disguise = CLIQUE, .z = 90 },
	{ .disguise = SPLIT, .z = 90 },
	{ .disguise = ALL, .z = 90 },
	{ .forgets = true, .z = 90 },
	{ .disguise = ALL, .forgets = true, .z = 90 },
	{ .noise = .1F, .disguise = ALL, .z = 45 },
	{ .prune = 60, .disguise = BOTH, .z = 50 },
	{ .levels = 127, .disguise = ALL, .forgets = true, .z = 80 },
};

START_TEST(whatever_is_done_to_a_copy_its_customer_is_named)
{
	const struct manner *how = &manners[_i];
	struct ctx *c = test_ctx();
	struct onnx_model suspect;
	struct story s;
	uint32_t seed = 7;

	story_begin(c, &s);
	for (int l = 0; l < LAYERS; l++) {
		if (how->noise > 0)
			train_on(&s.part[l], how->noise, &seed);
		if (how->prune > 0)
			prune(c, &s.part[l], how->prune);
		if (how->levels > 0)
			quantise(&s.part[l], how->levels);
	}
	for (int l = 0; l < LAYERS - 1 && how->disguise != NOTHING; l++)
		disguise(c, s.part, l, how->disguise, (uint32_t)l + 5);
	if (how->forgets)
		forget_class(&s.part[LAYERS - 1]);
	suspect = written(c, &s.leaked, s.part);
	check_named(verified(c, &s, &suspect, 2), how->z);
	story_end(&s);
}
END_TEST

/* ---- Another exporter -------------------------------------------------------------------- */

/* A tensor as a TensorProto of half precision. */
static const struct onnx_tensor *
halved(struct ctx *c, const struct onnx_tensor *t)
{
	struct onnx_tensor *ret = take(c, sizeof *ret);
	char *raw = take(c, (size_t)t->count * 2);
	struct str bytes;
	struct buf m;

	ck_assert(take_buf(c, (size_t)t->count * 2 + 100, &m));
	onnx_floats_put(ONNX_FLOAT16, numbers(c, t), (size_t)t->count, raw);
	for (int i = 0; i < t->rank; i++)
		pb_int(&m, 1, t->dim[i]);
	pb_int(&m, 2, ONNX_FLOAT16);
	pb_bytes(&m, 9, raw, (size_t)t->count * 2);
	ck_assert(take_copy(c, buf_str(&m), &bytes));
	ck_ok(c, onnx_tensor_read(c, bytes, ret));
	return ret;
}

static struct str
named(struct ctx *c, const char *what, size_t i)
{
	return str_of(take_printf(c, "%s_%zu", what, i));
}

static struct onnx_new_node
node_of(struct ctx *c, const char *op, struct str in, struct str also, struct str out)
{
	struct str *list = take(c, 3 * sizeof *list);

	list[0] = in;
	list[1] = also;
	list[2] = out;
	return (struct onnx_new_node){ .name = out,
		.op = str_of(op),
		.input = list,
		.inputs = in.n == 0 ? 0
		    : also.n == 0   ? 1
				    : 2,
		.output = list + 2,
		.outputs = 1 };
}

/* What a node's input is called now; i: of the initializer. */
static struct str
input_now(struct ctx *c, const struct onnx_model *m, struct str name)
{
	const struct onnx_tensor *t = onnx_tensor_by_name(m, name);

	return t == NULL ? name : named(c, "cast", (size_t)(t - m->tensor));
}

/*
 * The same network as another exporter would have it: no initializers but constants of half
 * precision under other names, each with a cast behind it; a Gemm is turned weights, a product and
 * a sum.
 */
static struct onnx_model
exported(struct ctx *c, const struct onnx_model *m)
{
	size_t nodes = 2 * m->tensors + 3 * m->nodes;
	struct onnx_new_node *new = take(c, nodes * sizeof *new);
	struct onnx_attr *value = take(c, 2 * m->tensors * sizeof *value), *to;
	struct str *gone = take(c, m->tensors * sizeof *gone);
	struct onnx_edit e = { .node = new, .remove_tensor = gone };

	for (size_t i = 0; i < m->tensors; i++) {
		value[2 * i] = (struct onnx_attr){ .name = STR("value"),
			.type = ONNX_ATTR_TENSOR,
			.tensor = halved(c, &m->tensor[i]) };
		to = &value[2 * i + 1];
		*to = (struct onnx_attr){ .name = STR("to"), .type = ONNX_ATTR_INT, .i = 1 };
		new[e.nodes] = node_of(
		    c, "Constant", STR(""), STR(""), named(c, "half", m->tensors - i));
		new[e.nodes].attr = &value[2 * i];
		new[e.nodes++].attrs = 1;
		new[e.nodes] = node_of(
		    c, "Cast", named(c, "half", m->tensors - i), STR(""), named(c, "cast", i));
		new[e.nodes].attr = to;
		new[e.nodes++].attrs = 1;
		gone[e.remove_tensors++] = m->tensor[i].name;
	}
	for (size_t i = 0; i < m->nodes; i++) {
		const struct onnx_node *n = &m->node[i];
		struct str *in = take(c, (n->inputs + 1) * sizeof *in);

		for (size_t k = 0; k < n->inputs; k++)
			in[k] = input_now(c, m, n->input[k]);
		if (str_same(n->op, STR("Gemm"))) {
			new[e.nodes++] = node_of(
			    c, "Transpose", in[1], STR(""), named(c, "turned", i));
			new[e.nodes++] = node_of(
			    c, "MatMul", in[0], named(c, "turned", i), named(c, "product", i));
			new[e.nodes++] = node_of(
			    c, "Add", in[2], named(c, "product", i), n->output[0]);
			continue;
		}
		new[e.nodes++] = (struct onnx_new_node){ .name = n->name,
			.op = n->op,
			.input = in,
			.inputs = n->inputs,
			.output = n->output,
			.outputs = n->outputs,
			.attr = n->attr,
			.attrs = n->attrs };
	}
	return read_ok(c, write_ok(c, m, &e));
}

START_TEST(another_exporter_changes_nothing)
{
	struct ctx *c = test_ctx();
	struct onnx_model suspect;
	struct story s;

	story_begin(c, &s);
	for (int l = 0; l < LAYERS - 1; l++)
		disguise(c, s.part, l, ORDER, (uint32_t)l + 5);
	suspect = written(c, &s.leaked, s.part);
	suspect = exported(c, &suspect);
	ck_assert_uint_eq(suspect.tensors, 0);
	check_named(verified(c, &s, &suspect, 1), 90);
	story_end(&s);
}
END_TEST

/* ---- The release ------------------------------------------------------------------------- */

START_TEST(under_both_locks_the_plan_is_the_same)
{
	struct ctx *c = test_ctx();
	struct story s;

	story_begin_with(c, &s, &sealed_marked, COUNT(story_locked));
	check_named(verified(c, &s, &s.leaked, 1), 100);
	story_end(&s);
}
END_TEST

/* What the strength came to may stand for the options that were given. */
START_TEST(a_mark_of_its_own_strength_is_found)
{
	const struct sealed_options weak = { .kappa = .01, .log_l = 15 };
	struct ctx *c = test_ctx();
	struct story s;

	story_begin_with(c, &s, &weak, 0);
	s.release.options.kappa = 0;
	s.release.options.log_l = 0;
	check_named(verified(c, &s, &s.leaked, 1), 80);
	story_end(&s);
}
END_TEST

/* Somebody else's threads make no difference. */
START_TEST(threads_make_no_difference)
{
	struct ctx *c = test_ctx();
	struct evidence *one, *many;
	struct story s;

	story_begin(c, &s);
	one = verified(c, &s, &s.leaked, 1);
	many = verified(c, &s, &s.leaked, 5);
	ck_assert_uint_eq(one->trace.n, many->trace.n);
	for (size_t i = 0; i < one->trace.n; i++) {
		ck_assert_uint_eq(one->trace.best[i].number, many->trace.best[i].number);
		ck_assert_double_eq(one->trace.best[i].z, many->trace.best[i].z);
	}
	ck_assert_mem_eq(one->trace.bin, many->trace.bin, sizeof one->trace.bin);
	ck_assert_int_eq(one->control[0].low, many->control[0].low);
	story_end(&s);
}
END_TEST

MAIN("verify_weights", EACH(whatever_is_done_to_a_copy_its_customer_is_named, manners),
    ONE(another_exporter_changes_nothing), ONE(under_both_locks_the_plan_is_the_same),
    ONE(a_mark_of_its_own_strength_is_found), ONE(threads_make_no_difference))
