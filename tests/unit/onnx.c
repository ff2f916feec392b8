/*
 * Reading ONNX: what a model holds comes out as it was put in, whichever of protobuf's ways it was
 * put in by; numbers of every type; the order of nodes; and models that PyTorch wrote.
 */
#include <math.h>
#include <stdio.h>

#include "onnx_support.h"

START_TEST(sample_is_read)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf pair = pb_new();
	struct onnx_model m;
	float w[6];

	pb_text(&pair, 1, "key");
	pb_text(&pair, 2, "value");
	pb_message(&s.model, 14, &pair);
	m = read_ok(c, sample_bytes(&s));
	ck_assert_int_eq(m.ir, 7);
	ck_assert_int_eq(m.opset, 13);
	ck_str(m.producer, "by hand");
	ck_str(m.graph_name, "sample");
	ck_assert_uint_eq(m.nodes, 2);
	ck_str(m.node[0].op, "Gemm");
	ck_assert_uint_eq(m.node[0].inputs, 3);
	ck_str(m.node[0].input[1], "w");
	ck_str(m.node[0].output[0], "y");
	ck_str(m.node[1].op, "Relu");
	ck_assert_uint_eq(m.inputs, 1);
	ck_str(m.input[0].name, "x");
	ck_assert_int_eq(m.input[0].rank, 2);
	ck_assert_int_eq(m.input[0].dim[0], -1);
	ck_str(m.input[0].symbol[0], "N");
	ck_assert_int_eq(m.input[0].dim[1], 3);
	ck_assert_uint_eq(m.outputs, 1);
	ck_assert_uint_eq(m.metadatas, 1);
	ck_str(m.metadata[0][1], "value");
	ck_assert_ptr_null(m.attachment.p);
	ck_assert_uint_eq(m.tensors, 2);
	ck_assert_int_eq(m.tensor[0].count, 6);
	ck_assert(m.bytes.p + m.tensor[0].raw_at == m.tensor[0].raw.p);
	ck_ok(c, onnx_tensor_floats(c, onnx_tensor_by_name(&m, STR("w")), w));
	ck_assert(w[0] == 0.5F && w[5] == 5.5F);
	ck_assert_ptr_null(onnx_tensor_by_name(&m, STR("x")));
	ck_assert_ptr_null(onnx_tensor_by_name(&m, STR("nobody")));
}
END_TEST

/* ---- Attributes --------------------------------------------------------------------------- */

static void
put_attr(struct buf *node, const char *name, int64_t type, const struct buf *value)
{
	struct buf a = pb_new();

	pb_text(&a, 1, name);
	buf_put(&a, buf_str(value));
	if (type != 0)
		pb_int(&a, 20, type);
	pb_message(node, 5, &a);
}

START_TEST(attributes_of_every_type)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf f = pb_new(), text = pb_new(), floats = pb_new(), ints = pb_new(),
		   texts = pb_new(), tensor = pb_new(), none = pb_new();
	const struct onnx_attr *a;
	struct onnx_model m;
	const int64_t *list;
	struct str got;
	float real;
	int64_t i;
	size_t n;

	pb_fixed32(&f, 2, 0.25F);
	pb_text(&text, 4, "SAME_UPPER");
	pb_fixed32(&floats, 7, 1);
	pb_fixed32(&floats, 7, 2);
	pb_int(&ints, 8, 3);
	pb_int(&ints, 8, -4);
	pb_bytes(&ints, 8, "\x05\x06", 2); /* packed, after two that are not */
	pb_text(&texts, 9, "a");
	pb_text(&texts, 9, "b");
	pb_floats(&tensor, 5, "", (int64_t[]){ 2 }, 1);
	put_attr(&s.node, "f", 1, &f);
	put_attr(&s.node, "s", 3, &text);
	put_attr(&s.node, "t", 4, &tensor);
	put_attr(&s.node, "floats", 6, &floats);
	put_attr(&s.node, "ints", 7, &ints);
	put_attr(&s.node, "strings", 8, &texts);
	put_attr(&s.node, "untyped", 0, &ints);
	put_attr(&s.node, "empty", 7, &none);
	put_attr(&s.node, "zero", 1, &none);
	m = read_ok(c, sample_bytes(&s));

	ck_ok(c, onnx_attr_int(c, m.node, "transB", 0, &i));
	ck_assert_int_eq(i, 1);
	ck_ok(c, onnx_attr_int(c, m.node, "absent", 7, &i));
	ck_assert_int_eq(i, 7);
	ck_ok(c, onnx_attr_float(c, m.node, "f", 0, &real));
	ck_assert(real == 0.25F);
	ck_ok(c, onnx_attr_float(c, m.node, "zero", 1, &real));
	ck_assert(real == 0);
	ck_ok(c, onnx_attr_string(c, m.node, "s", STR(""), &got));
	ck_str(got, "SAME_UPPER");
	ck_ok(c, onnx_attr_ints(c, m.node, "ints", &list, &n));
	ck_assert_uint_eq(n, 4);
	ck_assert(list[0] == 3 && list[1] == -4 && list[2] == 5 && list[3] == 6);
	ck_ok(c, onnx_attr_ints(c, m.node, "untyped", &list, &n));
	ck_assert_uint_eq(n, 4);
	ck_ok(c, onnx_attr_ints(c, m.node, "empty", &list, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, onnx_attr_ints(c, m.node, "absent", &list, &n));
	ck_assert_ptr_null(list);
	a = onnx_attr_by_name(m.node, "floats");
	ck_assert(a->n == 2 && a->floats[1] == 2);
	a = onnx_attr_by_name(m.node, "strings");
	ck_assert_uint_eq(a->n, 2);
	ck_str(a->strings[1], "b");
	ck_assert_int_eq(onnx_attr_by_name(m.node, "t")->tensor->count, 2);
	ck_fails(c, E_INPUT, onnx_attr_int(c, m.node, "f", 0, &i));
	ck_fails(c, E_INPUT, onnx_attr_float(c, m.node, "ints", 0, &real));
}
END_TEST

/* ---- Numbers ------------------------------------------------------------------------------ */

/* -2, 3 and 100 of each type, raw and listed. */
static const struct {
	int64_t type, v[3];
	const char *raw;
	size_t raw_n;
	uint32_t field;
	const char *listed;
	size_t listed_n;
	float f[3];
} number_cases[] = {
	{ 1, { 0 }, "\0\0\0\xc0\0\0\x40\x40\0\0\xc8\x42", 12, 4,
	    "\0\0\0\xc0\0\0\x40\x40\0\0\xc8\x42", 12, { -2, 3, 100 } },
	{ 2, { 2, 3, 200 }, "\x02\x03\xc8", 3, 5, "\x02\x03\xc8\x01", 4, { 2, 3, 200 } },
	{ 3, { -2, 3, 100 }, "\xfe\x03\x64", 3, 5,
	    "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03\x64", 12, { -2, 3, 100 } },
	{ 6, { -2, 3, 100 }, "\xfe\xff\xff\xff\x03\0\0\0\x64\0\0\0", 12, 5,
	    "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03\x64", 12, { -2, 3, 100 } },
	{ 7, { -2, 3, 100 },
	    "\xfe\xff\xff\xff\xff\xff\xff\xff\x03\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0", 24, 7,
	    "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03\x64", 12, { -2, 3, 100 } },
	{ 9, { 0, 1, 1 }, "\0\x01\x01", 3, 5, "\0\x01\x01", 3, { 0, 1, 1 } },
	{ 10, { 0 }, "\0\xc0\0\x42\x40\x56", 6, 5, "\x80\x80\x03\x80\x84\x01\xc0\xac\x01", 9,
	    { -2, 3, 100 } },
	{ 11, { 0 }, "\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\x08\x40\0\0\0\0\0\0\x59\x40", 24, 10,
	    "\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\x08\x40\0\0\0\0\0\0\x59\x40", 24, { -2, 3, 100 } },
	{ 16, { 0 }, "\0\xc0\x40\x40\xc8\x42", 6, 5, "\x80\x80\x03\xc0\x80\x01\xc8\x85\x01", 9,
	    { -2, 3, 100 } },
};

static void
check_numbers(struct ctx *c, int i, const struct buf *message)
{
	bool integer = number_cases[i].v[1] != 0;
	struct onnx_tensor t;
	int64_t v[3];
	float f[3];

	ck_ok(c, onnx_tensor_read(c, buf_str(message), &t));
	ck_assert_int_eq(t.count, 3);
	ck_ok(c, onnx_tensor_floats(c, &t, f));
	for (int k = 0; k < 3; k++)
		ck_assert_msg(
		    f[k] == number_cases[i].f[k], "element %d is %g", k, (double)f[k]);
	if (!integer) {
		ck_fails(c, E_INPUT, onnx_tensor_ints(c, &t, v));
		return;
	}
	ck_ok(c, onnx_tensor_ints(c, &t, v));
	ck_assert_mem_eq(v, number_cases[i].v, sizeof v);
}

START_TEST(numbers_of_every_type)
{
	struct ctx *c = test_ctx();
	struct buf raw = pb_new(), listed = pb_new();

	pb_int(&raw, 1, 3);
	pb_int(&raw, 2, number_cases[_i].type);
	pb_bytes(&raw, 9, number_cases[_i].raw, number_cases[_i].raw_n);
	check_numbers(c, _i, &raw);
	pb_int(&listed, 1, 3);
	pb_int(&listed, 2, number_cases[_i].type);
	pb_bytes(&listed, number_cases[_i].field, number_cases[_i].listed,
	    number_cases[_i].listed_n);
	check_numbers(c, _i, &listed);
	ck_assert_uint_eq(
	    onnx_type_size((enum onnx_type)number_cases[_i].type) * 3, number_cases[_i].raw_n);
}
END_TEST

/* Protobuf allows a packed field in pieces, and single values among them. */
START_TEST(lists_in_pieces)
{
	struct ctx *c = test_ctx();
	struct buf t = pb_new();
	struct onnx_tensor got;
	int64_t v[5];

	pb_bytes(&t, 7, "\x01\x02", 2);
	pb_int(&t, 2, 7);
	pb_int(&t, 7, 3);
	pb_bytes(&t, 7, "", 0);
	pb_bytes(&t, 1, "\x05\x01", 2); /* dims, packed */
	pb_bytes(&t, 7, "\x04\x05", 2);
	ck_ok(c, onnx_tensor_read(c, buf_str(&t), &got));
	ck_assert_int_eq(got.rank, 2);
	ck_ok(c, onnx_tensor_ints(c, &got, v));
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(v[i], i + 1);
}
END_TEST

START_TEST(scalars_and_empty_tensors)
{
	struct ctx *c = test_ctx();
	struct buf scalar = pb_new(), empty = pb_new();
	struct onnx_tensor t;
	int64_t v;

	pb_int(&scalar, 2, 7);
	pb_bytes(&scalar, 9, "\x2a\0\0\0\0\0\0\0", 8);
	ck_ok(c, onnx_tensor_read(c, buf_str(&scalar), &t));
	ck_assert(t.rank == 0 && t.count == 1);
	ck_ok(c, onnx_tensor_ints(c, &t, &v));
	ck_assert_int_eq(v, 42);
	pb_int(&empty, 1, 0);
	pb_int(&empty, 1, 4);
	pb_int(&empty, 2, 1);
	ck_ok(c, onnx_tensor_read(c, buf_str(&empty), &t));
	ck_assert(t.rank == 2 && t.count == 0 && t.dim[1] == 4);
	pb_bytes(&empty, 9, "", 0);
	ck_ok(c, onnx_tensor_read(c, buf_str(&empty), &t));
	ck_assert_int_eq(t.count, 0);
}
END_TEST

/* A listed int32 that is no value of the type it stands for. */
static const struct {
	int64_t type, v;
} misfits[] = { { 2, 256 }, { 2, -1 }, { 3, 128 }, { 3, -129 }, { 9, 2 }, { 10, 65536 },
	{ 10, -1 }, { 16, 65536 }, { 6, INT64_C(1) << 31 } };

START_TEST(misfits_are_refused)
{
	struct ctx *c = test_ctx();
	struct buf b = pb_new();
	struct onnx_tensor t;
	float f;

	pb_int(&b, 2, misfits[_i].type);
	pb_int(&b, 5, misfits[_i].v);
	ck_ok(c, onnx_tensor_read(c, buf_str(&b), &t));
	ck_fails(c, E_INPUT, onnx_tensor_floats(c, &t, &f));
}
END_TEST

/* Every float16 there is; its own definition as the oracle. */
START_TEST(halves)
{
	struct ctx *c = test_ctx();
	struct buf b = pb_new();
	struct onnx_tensor t;
	static float f[65536];
	static uint16_t all[65536];

	for (uint32_t i = 0; i < 65536; i++)
		all[i] = (uint16_t)i;
	t = (struct onnx_tensor){ .type = ONNX_FLOAT16, .rank = 1, .dim = { 65536 } };
	t.count = 65536;
	t.raw = (struct str){ (const char *)all, sizeof all };
	ck_ok(c, onnx_tensor_floats(c, &t, f));
	for (uint32_t i = 0; i < 65536; i++) {
		int e = (int)(i >> 10 & 31), mantissa = (int)(i & 1023);
		double v = e == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, e - 25);

		v = i >> 15 != 0 ? -v : v;
		if (e == 31)
			ck_assert(mantissa != 0 ? isnan(f[i])
						: isinf(f[i]) && (f[i] < 0) == (i >> 15 != 0));
		else
			ck_assert((double)f[i] == v);
	}
	ck_assert(b.n == 0);
}
END_TEST

/* ---- The graph ---------------------------------------------------------------------------- */

START_TEST(nodes_are_sorted)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf last = pb_node("Neg", (const char *[]){ "p", NULL }, "q");
	struct buf first = pb_node("Abs", (const char *[]){ "z", "", NULL }, "p");
	struct onnx_model m;

	pb_message(&s.graph, 1, &last);
	pb_message(&s.graph, 1, &first);
	m = read_ok(c, sample_bytes(&s));
	ck_assert_uint_eq(m.nodes, 4);
	ck_str(m.node[0].op, "Gemm");
	ck_str(m.node[1].op, "Relu");
	ck_str(m.node[2].op, "Abs");
	ck_str(m.node[3].op, "Neg");
	ck_assert_uint_eq(m.node[3].place, 2);
	ck_assert_uint_eq(m.node[2].inputs, 2);
	ck_assert_uint_eq(m.node[2].input[1].n, 0);
}
END_TEST

/* 100,000 nodes, each before the one it needs: no stack is deep enough for recursion. */
START_TEST(long_chains)
{
	enum { N = 99990 };
	struct ctx *c = test_ctx();
	struct buf graph, model, opset = pb_new();
	struct onnx_model m;
	char in[16], out[16];

	ck_ok(c, take_buf(c, N * 48, &graph));
	ck_ok(c, take_buf(c, N * 48 + 64, &model));
	for (int i = N; i-- > 0;) {
		struct buf node = { .p = (char[128]){ 0 }, .max = 128 };

		snprintf(in, sizeof in, "n%d", i);
		snprintf(out, sizeof out, "n%d", i + 1);
		pb_text(&node, 1, in);
		pb_text(&node, 2, out);
		pb_text(&node, 4, "Relu");
		pb_message(&graph, 1, &node);
	}
	pb_value(&graph, 11, "n0", (int64_t[]){ 1 }, 1);
	pb_value(&graph, 12, out, (int64_t[]){ 1 }, 1);
	pb_int(&opset, 2, 13);
	pb_int(&model, 1, 7);
	pb_message(&model, 7, &graph);
	pb_message(&model, 8, &opset);
	m = read_ok(c, buf_str(&model));
	ck_assert_uint_eq(m.nodes, N);
	ck_str(m.node[0].input[0], "n0");
}
END_TEST

START_TEST(old_files_list_initializers_as_inputs)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m;

	s.ir = 3;
	pb_value(&s.graph, 11, "w", (int64_t[]){ 2, 3 }, 2);
	pb_value(&s.graph, 11, "b", (int64_t[]){ 2 }, 1);
	m = read_ok(c, sample_bytes(&s));
	ck_assert_uint_eq(m.inputs, 1);
	ck_str(m.input[0].name, "x");
}
END_TEST

static const struct {
	const char *name;
	size_t nodes, tensors, parameters;
} real_cases[] = { { "fashion-lenet.onnx", 14, 12, 61706 },
	{ "fashion-densenet.onnx", 68, 79, 76378 } };

START_TEST(models_from_pytorch)
{
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, real_cases[_i].name));
	size_t floats = 0;

	ck_assert_int_eq(m.opset, 13);
	ck_str(m.producer, "pytorch");
	ck_assert_uint_eq(m.nodes, real_cases[_i].nodes);
	ck_assert_uint_eq(m.tensors, real_cases[_i].tensors);
	ck_assert_uint_eq(m.inputs, 1);
	for (size_t i = 0; i < m.tensors; i++)
		if (m.tensor[i].type == ONNX_FLOAT)
			floats += (size_t)m.tensor[i].count;
	ck_assert_uint_ge(floats, real_cases[_i].parameters);
	ck_assert_uint_lt(arena_used(c->mem), 64 << 10); /* no weight among it */
}
END_TEST

MAIN("onnx", ONE(sample_is_read), ONE(attributes_of_every_type),
    EACH(numbers_of_every_type, number_cases), ONE(lists_in_pieces),
    ONE(scalars_and_empty_tensors), EACH(misfits_are_refused, misfits), ONE(halves),
    ONE(nodes_are_sorted), ONE(long_chains), ONE(old_files_list_initializers_as_inputs),
    EACH(models_from_pytorch, real_cases))
