/*
 * Files and tensors that nobody should send: each ends as a sentence that names what is wrong, in
 * no memory to speak of. One row per idea.
 */
#include "onnx_support.h"

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

static void
version_is_text(struct sample *s)
{
	s->opset = 0;
	pb_bytes(&s->model, 8, "\x12\0", 2);
}
static void
graph_named_twice(struct sample *s)
{
	pb_text(&s->graph, 2, "again");
}

/* ---- Tensors ----------------------------------------------------------------------------- */

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
too_many_elements(struct sample *s)
{
	SHAPE(s, INT32_MAX, 8);
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
raw_long(struct sample *s)
{
	SHAPE(s, 2, 3);
	pb_bytes(&s->tensor, 9, "1234567890123456789012345", 25);
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

/* clang-format off */
static const struct hostile cases[] = {
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
	{ version_is_text,     E_INPUT, "version is encoded as another type" },
	{ graph_named_twice,   E_INPUT, "name comes twice" },
	{ claim_billion,       E_INPUT, "0 elements, where 1000000000 are due" },
	{ dim_2_31,            E_LIMIT, "too large: 2147483648" },
	{ too_many_elements,   E_LIMIT, "too many elements" },
	{ dims_overflow,       E_LIMIT, "too many elements" },
	{ dims_overflow_empty, E_LIMIT, "too many elements" },
	{ dim_negative,        E_INPUT, "negative: -3" },
	{ rank_9,              E_LIMIT, "9 dimensions" },
	{ type_string,         E_INPUT, "type string (8)" },
	{ type_unknown,        E_INPUT, "type unknown (4294967297)" },
	{ type_missing,        E_INPUT, "type undefined (0)" },
	{ raw_short,           E_INPUT, "'w': it has 23 bytes" },
	{ raw_long,            E_INPUT, "'w': it has 25 bytes" },
	{ raw_and_listed,      E_INPUT, "do not suit" },
	{ listed_short,        E_INPUT, "2 elements, where 3" },
	{ listed_torn,         E_INPUT, "within a number" },
	{ listed_other,        E_INPUT, "do not suit" },
	{ two_raws,            E_INPUT, "raw_data comes twice" },
	{ external,            E_INPUT, "another file" },
	{ sparse,              E_INPUT, "sparse" },
};
/* clang-format on */

START_TEST(refused_by_name)
{
	check_refused(&cases[_i]);
}
END_TEST

MAIN("onnx_hostile", EACH(refused_by_name, cases))
