/*
 * Models that nobody should send: each ends as a sentence that names what is wrong, in no memory to
 * speak of. One row per idea.
 */
#include <stdio.h>

#include "onnx_support.h"

/* ---- One row per idea --------------------------------------------------------------------- */

static void
node(struct sample *s, const char *op, const char *const inputs[], const char *output)
{
	struct buf n = pb_node(op, inputs, output);

	pb_message(&s->graph, 1, &n);
}

/* Begins the tensor anew: type float, these dimensions, no data. */
static void
shape(struct sample *s, const int64_t dim[], int rank)
{
	s->tensor.n = 0;
	for (int i = 0; i < rank; i++)
		pb_int(&s->tensor, 1, dim[i]);
	pb_int(&s->tensor, 2, 1);
	pb_text(&s->tensor, 8, "w");
}
#define SHAPE(s, ...) \
	shape((s), (int64_t[]){ __VA_ARGS__ }, (int)COUNT(((int64_t[]){ __VA_ARGS__ })))

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

static void
ir_2(struct sample *s)
{
	s->ir = 2;
}
static void
ir_10(struct sample *s)
{
	s->ir = 10;
}
static void
opset_5(struct sample *s)
{
	s->opset = 5;
}
static void
opset_19(struct sample *s)
{
	s->opset = 19;
}
static void
no_opset(struct sample *s)
{
	s->opset = 0;
}
static void
two_opsets(struct sample *s)
{
	struct buf o = pb_new();

	pb_text(&o, 1, "ai.onnx");
	pb_int(&o, 2, 12);
	pb_message(&s->model, 8, &o);
}
static void
no_graph(struct sample *s)
{
	s->graphs = 0;
}
static void
two_graphs(struct sample *s)
{
	s->graphs = 2;
}
static void
functions(struct sample *s)
{
	pb_text(&s->model, 25, "");
}
static void
group(struct sample *s)
{
	pb_varint(&s->model, 30 << 3 | 3);
}
static void
field_zero(struct sample *s)
{
	pb_text(&s->model, 0, "");
}
static void
huge_field(struct sample *s)
{
	pb_varint(&s->model, UINT64_C(1) << 33);
}
static void
long_varint(struct sample *s)
{
	buf_put(&s->model, STR("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}
static void
wide_varint(struct sample *s)
{
	buf_put(&s->model, STR("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
}
static void
long_length(struct sample *s)
{
	buf_put(&s->model, STR("\x32\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
}
static void
wrong_wire(struct sample *s)
{
	pb_int(&s->graph, 5, 1);
}

/* ---- Tensors */
static void
claim_billion(struct sample *s)
{
	SHAPE(s, 1000000000);
}
static void
dim_2_31(struct sample *s)
{
	SHAPE(s, INT64_C(1) << 31);
}
static void
dims_overflow(struct sample *s)
{
	SHAPE(s, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX);
}
static void
dims_overflow_empty(struct sample *s)
{
	SHAPE(s, 0, INT32_MAX, INT32_MAX, INT32_MAX);
}
static void
dim_negative(struct sample *s)
{
	SHAPE(s, 2, -3);
}
static void
rank_9(struct sample *s)
{
	SHAPE(s, 1, 1, 1, 1, 1, 1, 1, 1, 1);
}
static void
type_string(struct sample *s)
{
	s->tensor.n = 0;
	pb_int(&s->tensor, 2, 8);
}
static void
type_unknown(struct sample *s)
{
	s->tensor.n = 0;
	pb_int(&s->tensor, 2, (INT64_C(1) << 32) + 1);
}
static void
type_missing(struct sample *s)
{
	s->tensor.n = 0;
	pb_text(&s->tensor, 8, "w");
}
static void
raw_short(struct sample *s)
{
	SHAPE(s, 2, 3);
	pb_bytes(&s->tensor, 9, "12345678901234567890123", 23);
}
static void
raw_and_listed(struct sample *s)
{
	pb_fixed32(&s->tensor, 4, 1);
}
static void
listed_short(struct sample *s)
{
	SHAPE(s, 3);
	pb_bytes(&s->tensor, 4, "12345678", 8);
}
static void
listed_torn(struct sample *s)
{
	SHAPE(s, 1);
	pb_bytes(&s->tensor, 4, "12345", 5);
}
static void
listed_other(struct sample *s)
{
	SHAPE(s, 1);
	pb_int(&s->tensor, 7, 1);
}
static void
two_raws(struct sample *s)
{
	pb_bytes(&s->tensor, 9, "", 0);
}
static void
external(struct sample *s)
{
	pb_text(&s->tensor, 13, "");
	pb_int(&s->tensor, 14, 1);
}
static void
sparse(struct sample *s)
{
	pb_text(&s->graph, 15, "");
}

/* ---- Names */
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

/* ---- Nodes */
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
static void
value_dim_negative(struct sample *s)
{
	struct buf dim = pb_new(), in = pb_new();

	pb_int(&dim, 1, -5);
	pb_message(&in, 1, &dim); /* shape */
	dim.n = 0;
	pb_int(&dim, 1, 1);
	pb_message(&dim, 2, &in); /* tensor_type */
	in.n = 0;
	pb_message(&in, 1, &dim); /* type */
	dim.n = 0;
	pb_text(&dim, 1, "v");
	pb_message(&dim, 2, &in);
	pb_message(&s->graph, 11, &dim);
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
static const struct {
	void (*spoil)(struct sample *);
	enum err_code want;
	const char *says;
} cases[] = {
	{ ir_2,                E_INPUT, "IR version 2" },
	{ ir_10,               E_INPUT, "IR version 10" },
	{ opset_5,             E_INPUT, "opset 5" },
	{ opset_19,            E_INPUT, "opset 19" },
	{ no_opset,            E_INPUT, "does not say its opset" },
	{ two_opsets,          E_INPUT, "opset is given twice" },
	{ no_graph,            E_INPUT, "no graph" },
	{ two_graphs,          E_INPUT, "graph comes twice" },
	{ functions,           E_INPUT, "functions: not supported" },
	{ group,               E_INPUT, "does not use" },
	{ field_zero,          E_INPUT, "number is out of range" },
	{ huge_field,          E_INPUT, "number is out of range" },
	{ long_varint,         E_INPUT, "not a valid number" },
	{ wide_varint,         E_INPUT, "not a valid number" },
	{ long_length,         E_INPUT, "beyond the end" },
	{ wrong_wire,          E_INPUT, "initializer is encoded as another type" },
	{ claim_billion,       E_INPUT, "0 elements, where 1000000000 are due" },
	{ dim_2_31,            E_LIMIT, "too large: 2147483648" },
	{ dims_overflow,       E_LIMIT, "too many elements" },
	{ dims_overflow_empty, E_LIMIT, "too many elements" },
	{ dim_negative,        E_INPUT, "negative: -3" },
	{ rank_9,              E_LIMIT, "9 dimensions" },
	{ type_string,         E_INPUT, "type string (8)" },
	{ type_unknown,        E_INPUT, "type unknown (4294967297)" },
	{ type_missing,        E_INPUT, "type undefined (0)" },
	{ raw_short,           E_INPUT, "'w': it has 23 bytes" },
	{ raw_and_listed,      E_INPUT, "do not suit" },
	{ listed_short,        E_INPUT, "2 elements, where 3" },
	{ listed_torn,         E_INPUT, "within a number" },
	{ listed_other,        E_INPUT, "do not suit" },
	{ two_raws,            E_INPUT, "raw_data comes twice" },
	{ external,            E_INPUT, "another file" },
	{ sparse,              E_INPUT, "sparse" },
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
	{ value_untyped,       E_INPUT, "no type" },
	{ value_sequence,      E_INPUT, "a sequence: not supported" },
};
/* clang-format on */

START_TEST(refused_by_name)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m;

	cases[_i].spoil(&s);
	ck_assert_msg(!onnx_read(c, sample_bytes(&s), &m), "%s: was read", cases[_i].says);
	ck_assert_msg(strstr(c->err.text, cases[_i].says) != NULL, "wanted \"%s\", not \"%s\"",
	    cases[_i].says, c->err.text);
	ck_err(c, cases[_i].want);
	ck_assert_uint_lt(arena_used(c->mem), 1 << 20);
}
END_TEST

MAIN("onnx_hostile", EACH(refused_by_name, cases))
