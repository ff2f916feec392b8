/*
 * Models whose weights lie in other files: what comes out of a bundle is what the model would be in
 * one piece, however tar spells names, and what is written is in one piece.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "onnx_tar.h"

static struct onnx_model
bundle_ok(struct ctx *c, struct str bundle)
{
	struct onnx_model m;

	ck_assert(onnx_is_bundle(bundle));
	ck_ok(c, onnx_read_any(c, bundle, &m));
	return m;
}

/* ---- Ways to spell a bundle ---------------------------------------------------------------- */

static void
other_order(struct buf *tar, struct str model)
{
	tar_put(tar, '\0', "weights", weights());
	tar_put(tar, '\0', "model.onnx", model);
}
static void
dotted(struct buf *tar, struct str model)
{
	tar_put(tar, '5', "./", STR(""));
	tar_put(tar, '0', "./model.onnx", model);
	tar_put(tar, '0', "./weights", weights());
}
static void
in_folder(struct buf *tar, struct str model)
{
	tar_put(tar, '5', "net/", STR(""));
	tar_put(tar, '0', "net/weights", weights());
	tar_put(tar, '0', "net/model.onnx", model);
}
static void
in_prefix(struct buf *tar, struct str model)
{
	char *h = tar_put(tar, '0', "model.onnx", model);

	memcpy(h + 345, "a/b", 3);
	tar_sign(h);
	tar_put(tar, '0', "a/b/weights", weights());
}
static void
gnu(struct buf *tar, struct str model)
{
	char *h = tar_put(tar, '0', "model.onnx", model);

	memcpy(h + 257, "ustar  ", 8);
	memcpy(h + 345, "14567076623", 11); /* a time */
	tar_sign(h);
	tar_put(tar, 'L', "././@LongLink", STR("weights\0"));
	tar_put(tar, '0', "wei", weights());
}
static void
pax(struct buf *tar, struct str model)
{
	tar_put(tar, 'g', "pax_global_header", STR("18 comment=hello!\n"));
	tar_put(tar, 'x', "PaxHeaders/model", STR("20 mtime=1763628000\n19 path=model.onnx\n"));
	tar_put(tar, '0', "mod", model);
	tar_put(tar, '0', "weights", weights());
}

static void (*const spellings[])(struct buf *, struct str) = { tar_plain, other_order, dotted,
	in_folder, in_prefix, gnu, pax };

START_TEST(bundles_are_read)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside(), whole = sample_new();
	struct buf tar = pb_new();
	struct onnx_edit none = { 0 };
	struct onnx_model m, again, want;
	float w[6], same[6];

	spellings[_i](&tar, sample_bytes(&s));
	m = bundle_ok(c, tar_finished(&tar));
	want = read_ok(c, sample_bytes(&whole));
	ck_assert(m.external && m.tensor[0].external && !m.tensor[1].external);
	ck_assert_uint_eq(m.tensor[0].raw_at, 0);
	ck_assert(m.bytes.p + m.tensor[1].raw_at == m.tensor[1].raw.p);
	ck_ok(c, onnx_tensor_floats(c, &m.tensor[0], w));
	ck_ok(c, onnx_tensor_floats(c, &want.tensor[0], same));
	ck_assert_mem_eq(w, same, sizeof w);

	again = read_ok(c, write_ok(c, &m, &none));
	ck_assert(!again.external);
	ck_assert(str_same(again.tensor[0].raw, want.tensor[0].raw));
	ck_assert(!contains(again.bytes, STR("location")));
	ck_assert(str_same(again.tensor[1].message, want.tensor[1].message));
	ck_assert(str_same(again.node[0].message, want.node[0].message));
}
END_TEST

/* The whole file, the same bytes once more, a part of them, none: no tensor owns its file. */
START_TEST(tensors_share_a_file)
{
	static const struct {
		const char *name;
		int64_t dim;
		const char *place[3];
		float first;
	} rows[] = {
		{ "all", 8, { "weights", NULL, NULL }, -0.5F },
		{ "again", 8, { "./weights", "0", "32" }, -0.5F },
		{ "within", 2, { "weights", "20", NULL }, 4.5F },
		{ "none", 0, { "weights", "32", "0" }, 0 },
	};
	const struct onnx_side side = { STR("weights"), weights() };
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m;
	float f[8];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf t = tensor_outside(rows[i].name, &rows[i].dim, 1, rows[i].place);

		pb_message(&s.graph, 5, &t);
	}
	ck_ok(c, onnx_read_with(c, sample_bytes(&s), &side, 1, &m));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct onnx_tensor *t = onnx_tensor_by_name(&m, str_of(rows[i].name));

		ck_assert(t != NULL && t->external);
		ck_assert_int_eq(t->count, rows[i].dim);
		ck_ok(c, onnx_tensor_floats(c, t, f));
		ck_assert(t->count == 0 || f[0] == rows[i].first);
	}
}
END_TEST

/* An edit beside it takes the data in; an edit of it leaves nothing of where they were. */
START_TEST(edits_take_the_data_in)
{
	const struct onnx_side side = { STR("weights"), weights() };
	const float f[] = { 9, 8, 7, 6, 5, 4 };
	struct onnx_new_tensor t = { .rank = 2, .dim = { 2, 3 }, .f = f };
	struct onnx_edit e = { .tensor = &t, .tensors = 1 };
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	struct onnx_model m, n;

	ck_ok(c, onnx_read_with(c, sample_bytes(&s), &side, 1, &m));
	t.name = STR("w");
	n = read_ok(c, write_ok(c, &m, &e));
	ck_assert_mem_eq(n.tensor[0].raw.p, f, sizeof f);
	ck_assert(!contains(n.bytes, STR("weights")));
	t.name = STR("new");
	n = read_ok(c, write_ok(c, &m, &e));
	ck_assert_mem_eq(n.tensor[0].raw.p, weights().p + 4, 24);
	ck_assert_uint_eq(n.tensors, 3);
}
END_TEST

/* Pages that are never touched: two tensors on the same gigabyte. */
START_TEST(what_would_be_too_large_is_refused)
{
	size_t gb = (size_t)1 << 30;
	char *p = mmap(NULL, gb, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct onnx_side side = { STR("weights"), { p, gb } };
	const struct onnx_edit none = { 0 };
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m;
	struct buf out = pb_new();

	ck_assert(p != MAP_FAILED);
	for (int i = 0; i < 2; i++) {
		struct buf t = tensor_outside(i == 0 ? "first" : "second",
		    (int64_t[]){ 1 << 28 }, 1, (const char *const[]){ "weights", NULL, NULL });

		pb_message(&s.graph, 5, &t);
	}
	ck_ok(c, onnx_read_with(c, sample_bytes(&s), &side, 1, &m));
	ck_assert(!onnx_write(c, &m, &none, gather, &out));
	ck_assert_msg(strstr(c->err.text, "end at 2 GB") != NULL, "%s", c->err.text);
	ck_err(c, E_LIMIT);
	ck_assert_uint_eq(out.n, 0);
	munmap(p, gb);
}
END_TEST

static bool
count(struct ctx *c, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	(void)c;
	(void)bytes;
	(void)n;
	*(uint64_t *)arg |= UINT64_C(1) << at->index;
	return true;
}

START_TEST(a_patch_leaves_them_alone)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	struct str bytes = sample_bytes(&s);
	int fd = memory_file(bytes);
	uint64_t seen = 0;

	ck_ok(c, onnx_patch(c, fd, fd, 0, count, &seen));
	ck_assert_uint_eq(seen, 2); /* b alone, which is the second */
	ck_assert(str_same(memory_bytes(c, fd), bytes));
	close(fd);
}
END_TEST

MAIN("onnx_bundle", EACH(bundles_are_read, spellings), ONE(tensors_share_a_file),
    ONE(edits_take_the_data_in), ONE(what_would_be_too_large_is_refused),
    ONE(a_patch_leaves_them_alone))
