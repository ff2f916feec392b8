/*
 * The sealed lock on models of every form: weights that could be guessed, a choice of layers,
 * numbers listed or in constants, other types, metadata that are there already.
 */
#include <math.h>
#include <unistd.h>

#include "onnx_tar.h"
#include "sealed_support.h"

/* ---- Weights that cannot carry a mark ---------------------------------------------------- */

/* LeNet with other numbers in its largest layer. */
static struct str
lenet_with(struct ctx *c, void (*change)(float *, int64_t))
{
	struct onnx_model m = read_ok(c, model_file(c, "fashion-lenet.onnx"));
	const struct onnx_tensor *t = onnx_tensor_by_name(&m, STR("net.7.weight"));
	struct onnx_new_tensor new = { .name = t->name, .rank = t->rank };
	struct onnx_edit e = { .tensor = &new, .tensors = 1 };
	float *v = numbers(c, t);

	memcpy(new.dim, t->dim, sizeof new.dim);
	change(v, t->count);
	new.f = v;
	return write_ok(c, &m, &e);
}

static void
prune_third(float *v, int64_t n)
{
	for (int64_t i = 0; i < n; i += 3)
		v[i] = i % 2 == 0 ? 0.F : -0.F;
}

static void
break_some(float *v, int64_t n)
{
	for (int64_t i = 0; i < n; i += 1000)
		v[i] = i % 2000 == 0 ? NAN : INFINITY;
}

static void
coarsen(float *v, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		v[i] = roundf(v[i] * 128) / 128;
}

/* To nine significant bits, as coarse as half floats or more. */
static void
halve_digits(float *v, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		int exponent;
		float m = frexpf(v[i], &exponent);

		v[i] = ldexpf(roundf(m * 512) / 512, exponent);
	}
}

static void
level(float *v, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		v[i] = 0.5F;
}

enum { FC = 48000, ALL = 61470 }; /* weights of that layer; of all layers that can be marked */
static const struct {
	void (*change)(float *, int64_t);
	uint64_t least, most; /* marked */
} hard_cases[] = {
	/* Many values occur often, but so do all that lie about there. */
	{ halve_digits, ALL - 500, ALL }, { prune_third, ALL - FC / 3 - 2, ALL - FC / 3 },
	{ break_some, ALL - FC / 1000 - 2, ALL - FC / 1000 }, /* values that share a counter */
};

START_TEST(values_that_could_be_guessed_stay_exact)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct onnx_model m;
	const struct onnx_tensor *was;
	float *a, *b;
	int64_t same = 0;
	int fd;

	house_open(c, lenet_with(c, hard_cases[_i].change), &h);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	ck_assert_uint_ge(h.made.marked, hard_cases[_i].least);
	ck_assert_uint_le(h.made.marked, hard_cases[_i].most);
	ck_assert_uint_eq(h.made.marked + h.made.raw, h.made.weights);
	fd = open_with(c, &h, 3, NULL, 0);
	m = read_ok(c, memory_bytes(c, fd));
	was = onnx_tensor_by_name(&h.model, STR("net.7.weight"));
	a = numbers(c, was);
	b = numbers(c, onnx_tensor_by_name(&m, STR("net.7.weight")));
	for (int64_t i = 0; i < FC; i++)
		same += memcmp(a + i, b + i, sizeof *a) == 0;
	ck_assert_int_ge(same, (int64_t)(ALL - h.made.marked));
	ck_assert_int_le(same, (int64_t)(ALL - h.made.marked) + 20);
	for (int64_t i = 0; i < FC; i++)
		if (a[i] == 0 || !isfinite(a[i]))
			ck_assert(memcmp(a + i, b + i, sizeof *a) == 0);
	close(fd);
	house_done(&h);
}
END_TEST

static void (*const refused[])(float *, int64_t) = { coarsen, level };

/* Of a large tensor only a part is counted; zeros in the pattern of sparse hardware are met. */
START_TEST(large_tensors_are_counted_in_part)
{
	enum { ROWS = 2048, COLUMNS = 2052, N = ROWS * COLUMNS };
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, "fashion-lenet.onnx"));
	struct onnx_new_tensor t = { STR("table"), 2, { ROWS, COLUMNS }, .f = NULL };
	struct onnx_edit e = { .tensor = &t, .tensors = 1 };
	float *v = take(c, N * sizeof *v);
	int fd = memory_file(STR(""));
	struct onnx_file *f = NULL;
	struct house h;
	uint32_t r = 1;

	ck_assert_ptr_nonnull(v);
	for (int i = 0; i < N; i++, r = r * 1664525 + 1013904223)
		v[i] = i % 4 == 1 ? 0 : (float)(int32_t)r / (float)(1 + i % 3);
	t.f = v;
	ck_ok(c, onnx_write(c, &m, &e, onnx_sink_fd, &fd));
	ck_ok(c, onnx_file_open(c, fd, &f));
	house_open(c, onnx_file_bytes(f), &h);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	ck_assert_uint_ge(h.made.marked, ALL + N / 4 * 3 - 100);
	ck_assert_uint_le(h.made.marked, ALL + N / 4 * 3);
	house_done(&h);
	onnx_file_close(&f);
	close(fd);
}
END_TEST

START_TEST(a_model_of_few_levels_gets_no_mark)
{
	struct ctx *c = test_ctx();
	struct digest256 now;
	struct house h;
	int fd;

	house_open(c, lenet_with(c, refused[_i]), &h);
	ck_fails(c, E_CONFLICT, seal_with(c, &h, &sealed_marked, NULL, 0));
	c->err = (struct err){ 0 };
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	fd = open_with(c, &h, 3, NULL, 0);
	now = weights_digest(c, fd);
	ck_assert(digest256_same(&now, &h.made.plain));
	close(fd);
	house_done(&h);
}
END_TEST

/* ---- A part of the layers ---------------------------------------------------------------- */

START_TEST(only_the_listed_layers_are_sealed)
{
	struct str names[] = { STR("net.11.weight"), STR("net.9.weight") };
	struct str wrong[][1] = { { STR("mean") }, { STR("net.5.weight") } };
	/* The second lock holds in the open, too. */
	static const struct unlock_entry locked[] = { { 2, 3, 0x00400000 }, { 8, 5, 0x1000 },
		{ 11, 9, 0x00ffffff } };
	struct sealed_options o = { .layers = { names, COUNT(names) } };
	struct ctx *c = test_ctx();
	struct onnx_model m;
	struct house h;

	house_open(c, model_file(c, "fashion-lenet.onnx"), &h);
	ck_ok(c, seal_with(c, &h, &o, locked, COUNT(locked)));
	ck_assert_uint_eq(h.made.weights, 10 * 84 + 84 * 120);
	m = read_ok(c, memory_bytes(c, h.artifact));
	for (size_t i = 0; i < m.tensors; i++) {
		struct str was = h.model.tensor[i].raw, now = m.tensor[i].raw;
		bool sealed = i == 8 || i == 10, open = i == 2 || i == 11;
		size_t differ = 0;

		for (size_t k = 0; k < was.n; k++)
			differ += was.p[k] != now.p[k];
		ck_assert_msg(sealed ? differ > was.n / 2
			: open       ? differ >= 1 && differ <= 3
				     : !differ,
		    "tensor %zu: %zu bytes of %zu differ", i, differ, was.n);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		o.layers = (struct str_list){ wrong[i], 1 };
		ck_fails(c, E_INPUT, seal_with(c, &h, &o, NULL, 0));
		c->err = (struct err){ 0 };
	}
	house_done(&h);
}
END_TEST

/* ---- Other forms of files ---------------------------------------------------------------- */

/* A Gemm whose weights are listed one by one, bytes and half floats beside it. */
START_TEST(listed_numbers_are_sealed_as_well)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf list = pb_new(), t = pb_new();
	const struct onnx_tensor *now;
	struct onnx_model m;
	struct house h;
	float *a, *b;
	int fd;

	for (int i = 0; i < 6; i++)
		buf_put(&list, (struct str){ (const char *)&(float){ (float)i - 2.5F }, 4 });
	pb_int(&t, 1, 2);
	pb_int(&t, 1, 3);
	pb_int(&t, 2, ONNX_FLOAT);
	pb_text(&t, 8, "w");
	pb_message(&t, 4, &list);
	s.tensor = t;
	house_open(c, sample_bytes(&s), &h);
	ck_assert_uint_eq(h.model.tensor[0].raw_at, 0);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	m = read_ok(c, memory_bytes(c, h.artifact));
	a = numbers(c, &h.model.tensor[0]);
	b = numbers(c, &m.tensor[0]);
	for (int i = 0; i < 6; i++)
		ck_assert(memcmp(a + i, b + i, sizeof *a) != 0);
	fd = open_with(c, &h, 1, NULL, 0);
	m = read_ok(c, memory_bytes(c, fd));
	now = &m.tensor[0];
	ck_assert_uint_ne(now->raw_at, 0);
	ck_assert(memcmp(a, numbers(c, now), 6 * sizeof *a) == 0);
	close(fd);
	house_done(&h);
}
END_TEST

/* Weights in a file of their own: the artifact is one file. */
START_TEST(bundles_are_sealed_as_one_file)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	struct buf tar = pb_new();
	struct onnx_model m;
	struct house h;
	float *a, *b;
	int fd;

	tar_plain(&tar, sample_bytes(&s));
	house_open(c, tar_finished(&tar), &h);
	ck_assert(h.model.external);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	m = read_ok(c, memory_bytes(c, h.artifact));
	a = numbers(c, &h.model.tensor[0]);
	b = numbers(c, &m.tensor[0]);
	for (int i = 0; i < 6; i++)
		ck_assert(memcmp(a + i, b + i, sizeof *a) != 0);
	fd = open_with(c, &h, 1, NULL, 0);
	m = read_ok(c, memory_bytes(c, fd));
	ck_assert(memcmp(a, numbers(c, &m.tensor[0]), 6 * sizeof *a) == 0);
	close(fd);
	house_done(&h);
}
END_TEST

/* A table that nothing reads, of a type of its own. */
static void
put_table(struct buf *graph, enum onnx_type type, const void *data, int64_t rows)
{
	struct buf t = pb_new();

	pb_int(&t, 1, rows);
	pb_int(&t, 1, 16);
	pb_int(&t, 2, type);
	pb_text(&t, 8, "table");
	pb_bytes(&t, 9, data, (size_t)rows * 16 * onnx_type_size(type));
	pb_message(graph, 5, &t);
}

static const enum onnx_type table_types[] = { ONNX_FLOAT16, ONNX_BFLOAT16, ONNX_DOUBLE,
	ONNX_INT8, ONNX_UINT8 };

START_TEST(weights_of_other_types)
{
	enum { ROWS = 64, N = ROWS * 16 };
	enum onnx_type type = table_types[_i];
	bool real = type != ONNX_INT8 && type != ONNX_UINT8;
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct digest256 now;
	struct onnx_model m;
	struct house h;
	float v[N], *fresh, *opened;
	uint8_t bytes[N], *data = real ? take(c, N * sizeof(double)) : bytes;
	double sum = 0;
	int fd;

	for (int i = 0; i < N; i++) {
		sum = fmod(sum + 0.6180339887498949, 1);
		v[i] = (float)(sum - 0.5) * (1 + (float)(i % 7));
		bytes[i] = (uint8_t)(int)(sum * 200);
	}
	if (real)
		onnx_floats_put(type, v, N, data);
	put_table(&s.graph, type, data, ROWS);
	house_open(c, sample_bytes(&s), &h);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	fd = open_with(c, &h, 1, NULL, 0);
	now = weights_digest(c, fd);
	ck_assert(digest256_same(&now, &h.made.plain));
	close(fd);
	m = read_ok(c, memory_bytes(c, h.artifact));
	opened = numbers(c, &h.model.tensor[2]);
	fresh = numbers(c, &m.tensor[2]);
	ck_assert_double_lt(fabs(correlation(opened, fresh, N)), .15);
	ck_assert_double_eq_tol(deviation(fresh, N) / deviation(opened, N), 1, .2);
	if (real) {
		ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
		fd = open_with(c, &h, 1, NULL, 0);
		m = read_ok(c, memory_bytes(c, fd));
		fresh = numbers(c, &m.tensor[2]);
		for (int i = 0; i < N; i++)
			fresh[i] -= opened[i];
		ck_assert_double_eq_tol(deviation(fresh, N) / deviation(opened, N), .03, .01);
		close(fd);
	} else {
		ck_fails(c, E_CONFLICT, seal_with(c, &h, &sealed_marked, NULL, 0));
	}
	house_done(&h);
}
END_TEST

/* Metadata of the same keys are replaced: no key is there twice. */
START_TEST(metadata_are_set_once)
{
	const struct str old[][2] = { { STR("hallmark.ask"), STR("elsewhere") },
		{ STR("author"), STR("vendor") } };
	struct onnx_edit e = { .metadata = old, .metadatas = COUNT(old) };
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, "fashion-lenet.onnx"));
	struct house h;
	size_t asks = 0;

	house_open(c, write_ok(c, &m, &e), &h);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	m = read_ok(c, memory_bytes(c, h.artifact));
	for (size_t i = 0; i < m.metadatas; i++) {
		if (!str_same(m.metadata[i][0], STR("hallmark.ask")))
			continue;
		asks++;
		ck_str(m.metadata[i][1], "https://vendor.example");
	}
	ck_assert_uint_eq(asks, 1);
	ck_assert_uint_eq(m.metadatas, h.model.metadatas + 1);
	house_done(&h);
}
END_TEST

/* Weights in a Constant node are weights, too; a short list there is none. */
START_TEST(constants_become_initializers)
{
	const char *const in[] = { "z", "k", NULL };
	struct ctx *c = test_ctx();
	struct buf t = pb_new(), a = pb_new(),
		   node = pb_node("Constant", (const char *[]){ NULL }, "k");
	struct buf use = pb_node("MatMul", in, "more");
	const struct onnx_tensor *now;
	struct sample s = sample_new();
	struct onnx_model m;
	struct house h;
	float v[2 * 16], *got;
	int fd;

	for (int i = 0; i < 32; i++)
		v[i] = sinf((float)i * 1.7F);
	pb_int(&t, 1, 2);
	pb_int(&t, 1, 16);
	pb_int(&t, 2, ONNX_FLOAT);
	pb_bytes(&t, 9, v, sizeof v);
	pb_text(&a, 1, "value");
	pb_message(&a, 5, &t);
	pb_int(&a, 20, 4);
	pb_message(&node, 5, &a);
	pb_message(&s.graph, 1, &node);
	pb_message(&s.graph, 1, &use);
	pb_value(&s.graph, 12, "more", (int64_t[]){ -1, 16 }, 2);
	house_open(c, sample_bytes(&s), &h);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	m = read_ok(c, memory_bytes(c, h.artifact));
	ck_assert(!contains(m.bytes, (struct str){ (const char *)v, 64 }));
	fd = open_with(c, &h, 1, NULL, 0);
	m = read_ok(c, memory_bytes(c, fd));
	now = onnx_tensor_by_name(&m, STR("k"));
	ck_assert_ptr_nonnull(now);
	got = numbers(c, now);
	ck_assert(memcmp(got, v, sizeof v) == 0);
	close(fd);
	house_done(&h);
}
END_TEST

MAIN("protect_sealed_forms", EACH(values_that_could_be_guessed_stay_exact, hard_cases),
    EACH(a_model_of_few_levels_gets_no_mark, refused), ONE(large_tensors_are_counted_in_part),
    ONE(bundles_are_sealed_as_one_file), ONE(only_the_listed_layers_are_sealed),
    ONE(listed_numbers_are_sealed_as_well), EACH(weights_of_other_types, table_types),
    ONE(metadata_are_set_once), ONE(constants_become_initializers))
