/*
 * Graphs that nobody should send: names, nodes, attributes, inputs and outputs. Each ends as a
 * sentence that names what is wrong. One row per idea.
 */
#include <stdio.h>

#include "onnx_support.h"

static void
node(struct sample *s, const char *op, const char *const inputs[], const char *output)
{
	struct buf n = pb_node(op, inputs, output);

	pb_message(&s->graph, 1, &n);
}

static void
tensor_named(struct sample *s, const char *name, size_t n)
{
	s->tensor.n = 0;
	pb_int(&s->tensor, 2, 1);
	pb_bytes(&s->tensor, 8, name, n);
	pb_bytes(&s->tensor, 9, "\0\0\0\0", 4);
}

static void
attr_with(struct sample *s, uint32_t field, int64_t type)
{
	struct buf a = pb_new();

	pb_text(&a, 1, "bad");
	pb_text(&a, field, "");
	pb_int(&a, 20, type);
	pb_message(&s->node, 5, &a);
}

/* ---- Names ------------------------------------------------------------------------------- */

static void
name_long(struct sample *s)
{
	static char name[2000];

	memset(name, 'a', sizeof name);
	tensor_named(s, name, sizeof name);
}
static void
name_nul(struct sample *s)
{
	tensor_named(s, "w\0x", 3);
}
static void
name_not_utf8(struct sample *s)
{
	tensor_named(s, "w\xff", 2);
}
static void
name_empty(struct sample *s)
{
	tensor_named(s, "", 0);
}
static void
input_not_utf8(struct sample *s)
{
	node(s, "Relu", (const char *[]){ "\xc0\x80", NULL }, "k");
}
static void
tensor_twice(struct sample *s)
{
	pb_floats(&s->graph, 5, "w", (int64_t[]){ 1 }, 1);
}
static void
output_twice(struct sample *s)
{
	node(s, "Relu", (const char *[]){ "x", NULL }, "y");
}
static void
output_is_tensor(struct sample *s)
{
	node(s, "Relu", (const char *[]){ "x", NULL }, "b");
}
static void
input_twice(struct sample *s)
{
	pb_value(&s->graph, 11, "x", (int64_t[]){ 1 }, 1);
}
static void
graph_output_twice(struct sample *s)
{
	pb_value(&s->graph, 12, "z", (int64_t[]){ 1 }, 1);
}

/* ---- Nodes ------------------------------------------------------------------------------- */

static void
dangling(struct sample *s)
{
	node(s, "Add", (const char *[]){ "z", "nobody", NULL }, "k");
}
static void
dangling_output(struct sample *s)
{
	s->out = "zz";
}
static void
self_loop(struct sample *s)
{
	node(s, "Add", (const char *[]){ "k", "x", NULL }, "k");
}
static void
cycle(struct sample *s)
{
	node(s, "Add", (const char *[]){ "c", "x", NULL }, "a");
	node(s, "Neg", (const char *[]){ "a", NULL }, "b2");
	node(s, "Abs", (const char *[]){ "b2", NULL }, "c");
}
static void
long_cycle(struct sample *s)
{
	char in[16], out[16];

	for (int i = 0; i < 50; i++) {
		snprintf(in, sizeof in, "c%d", i);
		snprintf(out, sizeof out, "c%d", (i + 1) % 50);
		node(s, "Neg", (const char *[]){ in, NULL }, out);
	}
}
static void
other_domain(struct sample *s)
{
	pb_text(&s->node, 7, "com.microsoft");
}
static void
no_operator(struct sample *s)
{
	s->node.n = 0;
	pb_text(&s->node, 2, "y");
}
static void
attr_twice(struct sample *s)
{
	struct buf a = pb_new();

	pb_text(&a, 1, "transB");
	pb_int(&a, 3, 0);
	pb_message(&s->node, 5, &a);
}
static void
attr_graph(struct sample *s)
{
	attr_with(s, 6, 5);
}
static void
attr_two_values(struct sample *s)
{
	attr_with(s, 4, 7);
}
static void
attr_type_99(struct sample *s)
{
	struct buf a = pb_new();

	pb_text(&a, 1, "bad");
	pb_int(&a, 20, 99);
	pb_message(&s->node, 5, &a);
}
static void
attr_nameless(struct sample *s)
{
	pb_text(&s->node, 5, "");
}
static void
attr_no_tensor(struct sample *s)
{
	struct buf a = pb_new();

	pb_text(&a, 1, "value");
	pb_int(&a, 20, 4);
	pb_message(&s->node, 5, &a);
}
static void
attr_many(struct sample *s)
{
	for (int i = 0; i < 200; i++)
		pb_text(&s->node, 5, "");
}
/* An input v of float, with these dimensions. */
static void
value_of(struct sample *s, const struct buf *dim, int rank)
{
	struct buf in = pb_new(), out = pb_new();

	for (int i = 0; i < rank; i++)
		pb_message(&in, 1, dim);
	pb_int(&out, 1, 1);
	pb_message(&out, 2, &in); /* tensor_type */
	in.n = 0;
	pb_message(&in, 1, &out); /* type */
	out.n = 0;
	pb_text(&out, 1, "v");
	pb_message(&out, 2, &in);
	pb_message(&s->graph, 11, &out);
}
static void
value_dim_negative(struct sample *s)
{
	struct buf dim = pb_new();

	pb_int(&dim, 1, -5);
	value_of(s, &dim, 1);
}
static void
value_dim_twofold(struct sample *s)
{
	struct buf dim = pb_new();

	pb_int(&dim, 1, 5);
	pb_text(&dim, 2, "N");
	value_of(s, &dim, 1);
}
static void
value_rank_9(struct sample *s)
{
	struct buf dim = pb_new();

	value_of(s, &dim, 9);
}
static void
value_untyped(struct sample *s)
{
	struct buf v = pb_new();

	pb_text(&v, 1, "v");
	pb_message(&s->graph, 11, &v);
}
static void
value_sequence(struct sample *s)
{
	struct buf v = pb_new(), t = pb_new();

	pb_text(&t, 4, "");
	pb_text(&v, 1, "v");
	pb_message(&v, 2, &t);
	pb_message(&s->graph, 11, &v);
}

/* clang-format off */
static const struct hostile cases[] = {
	{ name_long,           E_LIMIT, "2000 bytes" },
	{ name_nul,            E_INPUT, "w\\x00x" },
	{ name_not_utf8,       E_INPUT, "w\\xff" },
	{ name_empty,          E_INPUT, "no name" },
	{ input_not_utf8,      E_INPUT, "\\xc0\\x80" },
	{ tensor_twice,        E_INPUT, "two things have the name 'w'" },
	{ output_twice,        E_INPUT, "two things have the name 'y'" },
	{ output_is_tensor,    E_INPUT, "two things have the name 'b'" },
	{ input_twice,         E_INPUT, "two things have the name 'x'" },
	{ graph_output_twice,  E_INPUT, "'z' is given twice" },
	{ dangling,            E_INPUT, "nobody produces 'nobody', an input of Add 'k'" },
	{ dangling_output,     E_INPUT, "output 'zz'" },
	{ self_loop,           E_INPUT, "cycle: k needs k" },
	{ cycle,               E_INPUT, "cycle: a needs c needs b2 needs a" },
	{ long_cycle,          E_INPUT, "cycle of 50 nodes" },
	{ other_domain,        E_INPUT, "domain 'com.microsoft'" },
	{ no_operator,         E_INPUT, "no operator" },
	{ attr_twice,          E_INPUT, "'transB' comes twice" },
	{ attr_graph,          E_INPUT, "'bad': a graph inside" },
	{ attr_two_values,     E_INPUT, "one value of the type" },
	{ attr_type_99,        E_INPUT, "type, 99" },
	{ attr_nameless,       E_INPUT, "no name" },
	{ attr_no_tensor,      E_INPUT, "tensor is missing" },
	{ attr_many,           E_LIMIT, "201 attributes" },
	{ value_dim_negative,  E_INPUT, "dimension of -5" },
	{ value_dim_twofold,   E_INPUT, "both fixed and symbolic" },
	{ value_rank_9,        E_LIMIT, "9 dimensions" },
	{ value_untyped,       E_INPUT, "no type" },
	{ value_sequence,      E_INPUT, "a sequence: not supported" },
};
/* clang-format on */

START_TEST(refused_by_name)
{
	check_refused(&cases[_i]);
}
END_TEST

MAIN("onnx_hostile_graph", EACH(refused_by_name, cases))
