/*
 * Writing ONNX: an edit with nothing in it gives the file back byte by byte, and an edit changes
 * what it names and nothing else. What was written is read again, since a reader is the judge.
 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "onnx_support.h"

static const char *const files[] = { NULL, "fashion-lenet.onnx", "fashion-densenet.onnx" };

START_TEST(nothing_changed_is_the_same)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_with_unknown();
	struct onnx_edit none = { 0 };
	struct onnx_model m;
	int fd = memory_file(STR(""));

	m = read_ok(c, files[_i] == NULL ? sample_bytes(&s) : model_file(c, files[_i]));
	ck_assert(str_same(write_ok(c, &m, &none), m.bytes));
	ck_ok(c, onnx_write(c, &m, &none, onnx_sink_fd, &fd));
	ck_assert(str_same(memory_bytes(c, fd), m.bytes));
	close(fd);
}
END_TEST

/* Every tensor given anew, as it was: only what holds the numbers may differ. */
START_TEST(same_numbers_are_the_same)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_with_unknown();
	struct onnx_new_tensor *t;
	struct onnx_edit e = { 0 };
	struct onnx_model m;

	m = read_ok(c, files[_i] == NULL ? sample_bytes(&s) : model_file(c, files[_i]));
	t = take(c, m.tensors * sizeof *t);
	for (size_t i = 0; i < m.tensors; i++) {
		const struct onnx_tensor *was = &m.tensor[i];
		void *room = take(c, (size_t)was->count * sizeof(int64_t));

		t[i] = (struct onnx_new_tensor){ .name = was->name, .rank = was->rank };
		memcpy(t[i].dim, was->dim, sizeof t[i].dim);
		if (was->type == ONNX_INT64) {
			ck_ok(c, onnx_tensor_ints(c, was, room));
			t[i].i = room;
		} else {
			ck_ok(c, onnx_tensor_floats(c, was, room));
			t[i].f = room;
		}
	}
	e.tensor = t;
	e.tensors = m.tensors;
	ck_assert(str_same(write_ok(c, &m, &e), m.bytes));
}
END_TEST

START_TEST(a_tensor_is_replaced)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_with_unknown();
	const float f[] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
	struct onnx_new_tensor t = { .name = STR("w"), .rank = 2, .dim = { 3, 3 }, .f = f };
	struct onnx_edit e = { .tensor = &t, .tensors = 1 };
	struct onnx_model m = read_ok(c, sample_bytes(&s)), n;
	struct str out = write_ok(c, &m, &e);
	float got[9];

	n = read_ok(c, out);
	ck_assert_uint_eq(n.tensors, 2);
	ck_str(n.tensor[0].name, "w"); /* at its old place */
	ck_assert(n.tensor[0].dim[0] == 3 && n.tensor[0].dim[1] == 3);
	ck_ok(c, onnx_tensor_floats(c, &n.tensor[0], got));
	ck_assert_mem_eq(got, f, sizeof f);
	for (int i = 0; i < 4; i++)
		ck_assert(contains(out,
		    str_of((const char *[]){ "unknown in the model", "unknown in the graph",
			"unknown in the tensor", "documentation" }[i])));
	ck_assert(str_same(n.node[0].message, m.node[0].message));
	ck_assert(str_same(n.tensor[1].message, m.tensor[1].message));
	/* Same shape: the hints stay, and only the numbers differ. */
	t.dim[0] = 2;
	out = write_ok(c, &m, &e);
	ck_assert_uint_eq(out.n, m.bytes.n);
	n = read_ok(c, out);
	for (size_t i = 0; i < out.n; i++)
		ck_assert(out.p[i] == m.bytes.p[i] ||
		    (i >= m.tensor[0].raw_at && i < m.tensor[0].raw_at + 24));
}
END_TEST

/* Hints about shapes within the graph go when they may have become wrong. */
START_TEST(hints_are_left_out)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new(), without = sample_new();
	const float f[] = { 1, 2, 3 };
	struct onnx_new_tensor t = { .name = STR("b"), .rank = 1, .dim = { 3 }, .f = f };
	struct onnx_edit e = { .tensor = &t, .tensors = 1 };
	struct onnx_model m, n;

	pb_value(&s.graph, 13, "y", (int64_t[]){ -1, 2 }, 2);
	m = read_ok(c, sample_bytes(&s));
	n = read_ok(c, sample_bytes(&without));
	ck_assert(str_same(write_ok(c, &m, &e), write_ok(c, &n, &e)));
}
END_TEST

/* Numbers as they come back from each type, raw or listed before. */
static const struct {
	int64_t type;
	float f[3];
	int64_t i[3];
	bool fits; /* the integers */
} type_cases[] = {
	{ 1, { 1.5F, -0.1F, INFINITY }, { 1, -2, 3 }, true },
	{ 11, { 1.5F, -0.1F, 1e30F }, { 1, -2, 3 }, true },
	{ 10, { 1.5F, 65504, 0x1p-24F }, { 1, -2, 2049 }, true },
	{ 16, { 1.5F, 3.140625F, 0x1p100F }, { 1, -2, 3 }, true },
	{ 7, { 0 }, { INT64_MIN, -1, INT64_MAX }, true },
	{ 6, { 0 }, { INT32_MIN, -1, INT32_MAX }, true },
	{ 6, { 0 }, { 0, 0, INT64_C(1) << 31 }, false },
	{ 3, { 0 }, { -128, 0, 127 }, true },
	{ 3, { 0 }, { -129, 0, 127 }, false },
	{ 2, { 0 }, { 0, 128, 255 }, true },
	{ 2, { 0 }, { -1, 128, 255 }, false },
	{ 9, { 0 }, { 0, 1, 0 }, true },
	{ 9, { 0 }, { 0, 2, 0 }, false },
};

START_TEST(types_are_kept)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_new_tensor t = { .name = STR("w"), .rank = 1, .dim = { 3 } };
	struct onnx_edit e = { .tensor = &t, .tensors = 1 };
	struct onnx_model m, n;
	int64_t ints[3];
	float floats[3];
	struct buf none;

	/* It has no elements and no data at first. */
	s.tensor.n = 0;
	pb_int(&s.tensor, 1, 0);
	pb_int(&s.tensor, 2, type_cases[_i].type);
	pb_text(&s.tensor, 8, "w");
	m = read_ok(c, sample_bytes(&s));
	if (type_cases[_i].f[0] != 0) {
		t.f = type_cases[_i].f;
		n = read_ok(c, write_ok(c, &m, &e));
		ck_assert_int_eq(n.tensor[0].type, type_cases[_i].type);
		ck_ok(c, onnx_tensor_floats(c, &n.tensor[0], floats));
		ck_assert_mem_eq(floats, t.f, sizeof floats);
	}
	t.f = NULL;
	t.i = type_cases[_i].i;
	ck_ok(c, take_buf(c, 4096, &none));
	if (!type_cases[_i].fits) {
		ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
		ck_assert_uint_eq(none.n, 0); /* nothing was written before */
		return;
	}
	n = read_ok(c, write_ok(c, &m, &e));
	ck_assert_int_eq(n.tensor[0].type, type_cases[_i].type);
	if (type_cases[_i].f[0] != 0) {
		ck_ok(c, onnx_tensor_floats(c, &n.tensor[0], floats));
		ck_assert(floats[0] == 1 && floats[1] == -2);
		return;
	}
	ck_ok(c, onnx_tensor_ints(c, &n.tensor[0], ints));
	ck_assert_mem_eq(ints, t.i, sizeof ints);
	t.f = type_cases[_i].f;
	t.i = NULL;
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
}
END_TEST

/* Halfway between two short floats: the even one. */
START_TEST(short_floats_round_to_even)
{
	static const float f[] = { 2049, 2051, 65519, 65520, -65520, 0x1.8p-25F, 0x1p-25F,
		0x1.004p-14F * 0.5F, 1 + 0x1p-8F, 1 + 0x3p-8F };
	static const float half[] = { 2048, 2052, 65504, INFINITY, -INFINITY, 0x1p-24F, 0,
		0x1p-15F, 1 + 0x1p-8F, 1 + 0x3p-8F };
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_new_tensor t = { .name = STR("w"), .rank = 1, .dim = { 10 }, .f = f };
	struct onnx_edit e = { .tensor = &t, .tensors = 1 };
	struct onnx_model m;
	float got[10];

	for (int type = 10; type <= 16; type += 6) {
		s.tensor.n = 0;
		pb_int(&s.tensor, 1, 0);
		pb_int(&s.tensor, 2, type);
		pb_text(&s.tensor, 8, "w");
		m = read_ok(c, sample_bytes(&s));
		m = read_ok(c, write_ok(c, &m, &e));
		ck_ok(c, onnx_tensor_floats(c, &m.tensor[0], got));
		if (type == 10)
			ck_assert_mem_eq(got, half, sizeof got);
		else
			ck_assert(got[8] == 1 && got[9] == 1 + 0x1p-6F && got[0] == 2048);
	}
}
END_TEST

START_TEST(lists_in_pieces_are_replaced)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	const float f[] = { 7, 8 };
	const struct onnx_new_tensor t[] = {
		{ .name = STR("w"), .rank = 1, .dim = { 2 }, .f = f },
		{ .name = STR("w"), .rank = 1, .dim = { 2 }, .f = f },
	};
	struct onnx_edit e = { .tensor = t, .tensors = 1 };
	struct onnx_model m;
	struct buf none;
	float got[2];

	s.tensor.n = 0;
	pb_fixed32(&s.tensor, 4, 1);
	pb_int(&s.tensor, 1, 2);
	pb_text(&s.tensor, 8, "w");
	pb_fixed32(&s.tensor, 4, 2);
	pb_int(&s.tensor, 2, 1);
	m = read_ok(c, sample_bytes(&s));
	m = read_ok(c, write_ok(c, &m, &e));
	ck_ok(c, onnx_tensor_floats(c, &m.tensor[0], got));
	ck_assert_mem_eq(got, f, sizeof f);
	e.tensors = 2; /* the same one twice */
	ck_ok(c, take_buf(c, 4096, &none));
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
}
END_TEST

/* ---- The rest ----------------------------------------------------------------------------- */

START_TEST(outputs_and_metadata)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	const struct onnx_value values[] = {
		{ .name = STR("z"),
		    .type = ONNX_FLOAT,
		    .rank = 2,
		    .dim = { -1, 11 },
		    .symbol = { STR("batch") } },
		{ .name = STR("y"), .type = ONNX_FLOAT, .rank = -1 },
	};
	const struct str pairs[][2] = { { STR("key"), STR("new") }, { STR("other"), STR("") } };
	struct onnx_edit e = {
		.output = values, .outputs = 2, .metadata = pairs, .metadatas = 2
	};
	struct buf pair = pb_new();
	struct onnx_model m, n;

	pb_text(&pair, 1, "key");
	pb_text(&pair, 2, "old");
	pb_message(&s.model, 14, &pair);
	m = read_ok(c, sample_bytes(&s));
	n = read_ok(c, write_ok(c, &m, &e));
	ck_assert_uint_eq(n.outputs, 2);
	ck_assert(n.output[0].dim[0] == -1 && n.output[0].dim[1] == 11);
	ck_str(n.output[0].symbol[0], "batch");
	ck_str(n.output[1].name, "y");
	ck_assert_int_eq(n.output[1].rank, -1);
	ck_assert_uint_eq(n.metadatas, 2);
	ck_str(n.metadata[0][1], "new");
	ck_str(n.metadata[1][0], "other");
}
END_TEST

START_TEST(old_files_keep_their_inputs_right)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	const float f[9] = { 0 };
	const struct onnx_new_tensor tensors[] = {
		{ .name = STR("w"), .rank = 2, .dim = { 3, 3 }, .f = f },
		{ .name = STR("new"), .rank = 1, .dim = { 4 }, .f = f },
	};
	const struct onnx_edit e = { .tensor = tensors, .tensors = 2 };
	struct buf inputs = pb_new();
	struct onnx_model m;
	struct str out;

	s.ir = 3;
	pb_value(&s.graph, 11, "w", (int64_t[]){ 2, 3 }, 2);
	m = read_ok(c, sample_bytes(&s));
	out = write_ok(c, &m, &e);
	m = read_ok(c, out);
	ck_assert(m.inputs == 1 && m.tensors == 3);
	pb_value(&inputs, 11, "w", (int64_t[]){ 3, 3 }, 2);
	ck_assert(contains(out, buf_str(&inputs)));
	inputs.n = 0;
	pb_value(&inputs, 11, "new", (int64_t[]){ 4 }, 1);
	ck_assert(contains(out, buf_str(&inputs)));
}
END_TEST

START_TEST(attachments)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m = read_ok(c, sample_bytes(&s)), n;
	struct onnx_edit e = { .attachment = STR("opaque") };
	struct str out = write_ok(c, &m, &e);
	uint64_t at, size;
	int fd = memory_file(out);

	n = read_ok(c, out);
	ck_str(n.attachment, "opaque");
	ck_ok(c, onnx_attachment_find(c, fd, &at, &size));
	ck_assert_uint_eq(size, 6);
	ck_assert(out.p + at == n.attachment.p);
	e = (struct onnx_edit){ .remove_attachment = true };
	ck_assert(str_same(write_ok(c, &n, &e), m.bytes));
	e = (struct onnx_edit){ .attachment = STR("other") };
	n = read_ok(c, write_ok(c, &n, &e));
	ck_str(n.attachment, "other");
	close(fd);
	fd = memory_file(m.bytes);
	ck_ok(c, onnx_attachment_find(c, fd, &at, &size));
	ck_assert_uint_eq(size, 0);
	close(fd);
}
END_TEST

MAIN("onnx_write", EACH(nothing_changed_is_the_same, files),
    EACH(same_numbers_are_the_same, files), ONE(a_tensor_is_replaced), ONE(hints_are_left_out),
    EACH(types_are_kept, type_cases), ONE(short_floats_round_to_even),
    ONE(lists_in_pieces_are_replaced), ONE(outputs_and_metadata),
    ONE(old_files_keep_their_inputs_right), ONE(attachments))
