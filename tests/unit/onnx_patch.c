/*
 * The patch: what it hands out are exactly the raw bytes of the initializers, in order and in
 * pieces; what is not changed is copied; in place nothing else is touched.
 */
#include <stdio.h>
#include <unistd.h>

#include "onnx_support.h"

struct seen {
	uint64_t indices; /* a bit for each initializer */
	int64_t elements;
	size_t largest;
	int calls, stop_at; /* stop_at: 0 never */
};

/* Negates floats, counts what it is given. */
static bool
negate(struct ctx *c, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	struct seen *s = arg;
	float f;

	if (++s->calls == s->stop_at)
		return fail(c, E_INTEGRITY, "the patch is for another file");
	s->indices |= UINT64_C(1) << at->index % 64;
	s->elements += (int64_t)n;
	s->largest = n * onnx_type_size(at->type) > s->largest ? n * onnx_type_size(at->type)
							       : s->largest;
	ck_assert_int_le(at->first + (int64_t)n, at->count);
	for (size_t i = 0; i < n && at->type == ONNX_FLOAT; i++) {
		memcpy(&f, (char *)bytes + i * sizeof f, sizeof f);
		f = -f;
		memcpy((char *)bytes + i * sizeof f, &f, sizeof f);
	}
	return true;
}

static struct str
patched(struct ctx *c, struct str bytes, unsigned flags, bool in_place, struct seen *s)
{
	int in = memory_file(bytes), out = in_place ? dup(in) : memory_file(STR(""));
	struct str ret;

	ck_ok(c, onnx_patch(c, in, out, flags, negate, s));
	ret = memory_bytes(c, out);
	close(in);
	close(out);
	return ret;
}

/* The oracle: what the reader says lies where. */
static char *
negated(struct ctx *c, const struct onnx_model *m, int64_t *ret_elements)
{
	char *p = take(c, m->bytes.n);

	memcpy(p, m->bytes.p, m->bytes.n);
	*ret_elements = 0;
	for (size_t i = 0; i < m->tensors; i++) {
		const struct onnx_tensor *t = &m->tensor[i];

		if (t->raw.p == NULL)
			continue;
		*ret_elements += t->count;
		for (int64_t k = 0; k < t->count && t->type == ONNX_FLOAT; k++)
			p[t->raw_at + 4 * (uint64_t)k + 3] ^= (char)0x80;
	}
	return p;
}

static const char *const files[] = { NULL, "fashion-lenet.onnx", "fashion-densenet.onnx" };

START_TEST(floats_are_negated)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct seen a = { 0 }, b = { 0 };
	struct onnx_model m;
	int64_t elements;
	char *want;

	m = read_ok(c, files[_i] == NULL ? sample_bytes(&s) : model_file(c, files[_i]));
	want = negated(c, &m, &elements);
	ck_assert_mem_eq(patched(c, m.bytes, 0, false, &a).p, want, m.bytes.n);
	ck_assert_mem_eq(patched(c, m.bytes, 0, true, &b).p, want, m.bytes.n);
	ck_assert_int_eq(a.elements, elements);
	ck_assert_int_eq(b.elements, elements);
	ck_assert_uint_gt(elements, 0);
	ck_assert_uint_lt(arena_used(c->mem), (8 << 20));
}
END_TEST

START_TEST(others_are_left_alone)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf t = pb_new();
	struct seen seen = { 0 };
	struct str bytes, got;

	pb_text(&s.graph, 5, ""); /* nothing at all */
	pb_int(&t, 2, 8);
	pb_text(&t, 6, "a string");
	pb_message(&s.graph, 5, &t);
	t.n = 0;
	pb_int(&t, 2, 1);
	pb_fixed32(&t, 4, 1);
	pb_message(&s.graph, 5, &t);
	t.n = 0;
	pb_bytes(&t, 9, "\1\0\2\0", 4); /* raw before its type */
	pb_int(&t, 2, 10);
	pb_message(&s.graph, 5, &t);
	bytes = sample_bytes(&s);
	got = patched(c, bytes, 0, false, &seen);
	ck_assert_uint_eq(got.n, bytes.n);
	ck_assert_uint_eq(seen.indices, 1 << 0 | 1 << 1 | 1 << 5);
	ck_assert_int_eq(seen.elements, 6 + 2 + 2);
}
END_TEST

START_TEST(large_tensors_come_in_pieces)
{
	enum { N = 3 * ONNX_PIECE + 40 }; /* bytes */
	struct ctx *c = test_ctx();
	struct buf tensor, graph, model;
	struct seen seen = { 0 };
	struct str got;
	char *data = take(c, N);

	ck_ok(c, take_buf(c, N + 100, &tensor));
	ck_ok(c, take_buf(c, N + 200, &graph));
	ck_ok(c, take_buf(c, N + 300, &model));
	for (int i = 0; i < N; i++)
		data[i] = (char)(i * 7);
	pb_bytes(&tensor, 9, data, N);
	pb_int(&tensor, 2, 1);
	pb_message(&graph, 5, &tensor);
	pb_message(&model, 7, &graph);
	pb_int(&model, 1, 7);
	got = patched(c, buf_str(&model), 0, true, &seen);
	ck_assert_int_eq(seen.calls, 4);
	ck_assert_uint_le(seen.largest, ONNX_PIECE);
	ck_assert_int_eq(seen.elements, N / 4);
	for (size_t i = 0, changed = 0; i < got.n; i++) {
		changed += got.p[i] != model.p[i];
		if (i == got.n - 1)
			ck_assert_uint_eq(changed, N / 4);
	}
}
END_TEST

START_TEST(attachments_are_left_out)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m = read_ok(c, sample_bytes(&s));
	struct onnx_edit e = { .attachment = STR("0123456789") };
	struct str with = write_ok(c, &m, &e), want;
	struct seen seen = { 0 };
	int fd;

	want = patched(c, m.bytes, 0, false, &seen);
	ck_assert(str_same(patched(c, with, ONNX_PATCH_DETACH, false, &seen), want));
	ck_assert(str_same(patched(c, with, ONNX_PATCH_DETACH, true, &seen), want));
	ck_assert_uint_eq(patched(c, with, 0, true, &seen).n, with.n);
	ck_assert(str_same(patched(c, m.bytes, ONNX_PATCH_DETACH, true, &seen), want));
	/* In front of the graph: possible only into another file. */
	{
		struct buf front = pb_new();

		pb_text(&front, 1000, "in front");
		buf_put(&front, m.bytes);
		with = buf_str(&front);
	}
	ck_assert(str_same(patched(c, with, ONNX_PATCH_DETACH, false, &seen), want));
	fd = memory_file(with);
	ck_fails(c, E_INPUT, onnx_patch(c, fd, fd, ONNX_PATCH_DETACH, negate, &seen));
	ck_assert(str_same(memory_bytes(c, fd), with));
	close(fd);
}
END_TEST

START_TEST(refusals_of_the_change_end_it)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct seen seen = { .stop_at = 2 };
	int in = memory_file(sample_bytes(&s)), out = memory_file(STR(""));

	ck_fails(c, E_INTEGRITY, onnx_patch(c, in, out, 0, negate, &seen));
	ck_assert_int_eq(seen.calls, 2);
	close(in);
	close(out);
}
END_TEST

/* A file that is broken anywhere is not touched anywhere. */
START_TEST(broken_files_are_not_touched)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct str whole = sample_bytes(&s);
	struct seen seen = { 0 };

	for (size_t n = 1; n < whole.n; n++) {
		struct str cut = { whole.p, n };
		int fd = memory_file(cut);

		if (onnx_patch(c, fd, fd, 0, negate, &seen))
			/* Only where a field of the model ends: behind the graph. */
			ck_assert_uint_gt(n, whole.n - 8);
		else
			ck_assert(str_same(memory_bytes(c, fd), cut));
		c->err = (struct err){ 0 };
		close(fd);
	}
}
END_TEST

static const struct {
	uint32_t field;
	const char *says;
	bool number, twice;
} bad_tensors[] = {
	{ 8, "name comes twice", false, true },
	{ 9, "raw_data comes twice", false, true },
	{ 2, "data_type comes twice", true, true },
	{ 8, "name is encoded", true, false },
	{ 9, "raw_data is encoded", true, false },
	{ 2, "data_type is encoded", false, false },
	{ 0, "within an element", false, false },
};

START_TEST(tensors_that_say_two_things)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf t = pb_new();
	struct seen seen = { 0 };
	int fd;

	if (bad_tensors[_i].field == 0) {
		pb_int(&t, 2, 1);
		pb_text(&t, 9, "12345");
	}
	for (int i = 0; i <= bad_tensors[_i].twice && bad_tensors[_i].field != 0; i++)
		if (bad_tensors[_i].number)
			pb_int(&t, bad_tensors[_i].field, 1);
		else
			pb_text(&t, bad_tensors[_i].field, "1234");
	pb_message(&s.graph, 5, &t);
	fd = memory_file(sample_bytes(&s));
	ck_assert(!onnx_patch(c, fd, fd, 0, negate, &seen));
	ck_assert_msg(strstr(c->err.text, bad_tensors[_i].says) != NULL, "%s", c->err.text);
	ck_assert_int_eq(seen.calls, 0);
	ck_err(c, E_INPUT);
	close(fd);
}
END_TEST

static const struct {
	uint32_t field;
	int times;
	const char *says;
} bad_models[] = {
	{ 7, 0, "no graph" },
	{ 7, 2, "graph comes twice" },
	{ 1000, 2, "attachment comes twice" },
};

START_TEST(models_that_say_two_things)
{
	struct ctx *c = test_ctx();
	struct seen seen = { 0 };
	struct buf b = pb_new();
	int fd;

	pb_int(&b, 1, 7);
	for (int i = 0; i < bad_models[_i].times; i++)
		pb_text(&b, bad_models[_i].field, "");
	fd = memory_file(buf_str(&b));
	ck_assert(!onnx_patch(c, fd, fd, 0, negate, &seen));
	ck_assert_msg(strstr(c->err.text, bad_models[_i].says) != NULL, "%s", c->err.text);
	ck_err(c, E_INPUT);
	close(fd);
}
END_TEST

/* Neither an empty file nor a pipe is a model. */
START_TEST(not_files)
{
	struct ctx *c = test_ctx();
	struct seen seen = { 0 };
	struct onnx_file *f = NULL;
	int empty = memory_file(STR("")), ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_fails(c, E_INPUT, onnx_file_open(c, empty, &f));
	ck_fails(c, E_INPUT, onnx_file_open(c, ends[0], &f));
	ck_assert_ptr_null(f);
	ck_fails(c, E_INPUT, onnx_patch(c, empty, empty, 0, negate, &seen));
	ck_fails(c, E_INPUT, onnx_patch(c, ends[0], empty, 0, negate, &seen));
	close(empty);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* A raw tensor of five gigabytes, all holes: offsets beyond 32 bits, memory that stays small. */
START_TEST(five_gigabytes)
{
	const uint64_t n = UINT64_C(5) << 30;
	struct ctx *c = test_ctx();
	const char *path = test_path(test_folder(), "large.onnx");
	struct buf model = pb_new(), tail = pb_new();
	struct seen seen = { .stop_at = 3 };
	FILE *f = fopen(path, "w+");

	ck_assert_ptr_nonnull(f);
	pb_text(&tail, 8, "w");
	pb_int(&tail, 2, 1);
	pb_varint(&model, 7 << 3 | 2);
	pb_varint(&model, n + tail.n + 12); /* the heads take 6 bytes each */
	pb_varint(&model, 5 << 3 | 2);
	pb_varint(&model, n + tail.n + 6);
	pb_varint(&model, 9 << 3 | 2);
	pb_varint(&model, n);
	ck_assert_uint_eq(fwrite(model.p, 1, model.n, f), model.n);
	ck_assert_int_eq(fseeko(f, (off_t)n, SEEK_CUR), 0);
	ck_assert_uint_eq(fwrite(tail.p, 1, tail.n, f), tail.n);
	ck_assert_int_eq(fflush(f), 0);
	/* The name and type lie behind five gigabytes; two pieces are changed, then it stops. */
	ck_fails(c, E_INTEGRITY, onnx_patch(c, fileno(f), fileno(f), 0, negate, &seen));
	ck_assert_int_eq(seen.calls, 3);
	ck_assert_uint_lt(arena_used(c->mem), 1 << 20);
	fclose(f);
}
END_TEST

MAIN("onnx_patch", EACH(floats_are_negated, files), ONE(others_are_left_alone),
    ONE(large_tensors_come_in_pieces), ONE(attachments_are_left_out),
    ONE(refusals_of_the_change_end_it), ONE(broken_files_are_not_touched),
    EACH(tensors_that_say_two_things, bad_tensors),
    EACH(models_that_say_two_things, bad_models), ONE(not_files), ONE(five_gigabytes))
