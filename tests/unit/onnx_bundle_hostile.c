/*
 * Bundles that are not exactly a model and its files: each is refused, with a word that says why.
 */
#include <stdio.h>

#include "onnx_tar.h"

static void
no_model(struct buf *tar, struct str model)
{
	tar_put(tar, '0', "model.pb", model);
}
static void
two_models(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '0', "other.onnx", model);
}
static void
missing(struct buf *tar, struct str model)
{
	tar_put(tar, '0', "model.onnx", model);
}
static void
superfluous(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '0', "README", STR("read me"));
}
static void
twice(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '0', "./weights", weights());
}
static void
absolute(struct buf *tar, struct str model)
{
	tar_put(tar, '0', "/model.onnx", model);
}
static void
upwards(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '0', "a/../../b", STR(""));
}
static void
nameless(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '0', "", STR(""));
}
static void
unprintable(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '0', "a\nb", STR(""));
}
static void
other_folder(struct buf *tar, struct str model)
{
	tar_put(tar, '0', "net/model.onnx", model);
	tar_put(tar, '0', "weights", weights());
}
static void
symlink_in_it(struct buf *tar, struct str model)
{
	tar_put(tar, '0', "model.onnx", model);
	tar_put(tar, '2', "weights", STR(""));
}
static void
device(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, '4', "disk", STR(""));
}
static void
long_link(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar_put(tar, 'K', "././@LongLink", STR("x\0"));
}
static void
beyond(struct buf *tar, struct str model)
{
	char *h;

	tar_put(tar, '0', "model.onnx", model);
	h = tar_put(tar, '0', "weights", weights());
	snprintf(h + 124, 12, "77777777777");
	tar_sign(h);
}
static void
binary_size(struct buf *tar, struct str model)
{
	char *h;

	tar_put(tar, '0', "model.onnx", model);
	h = tar_put(tar, '0', "weights", weights());
	memset(h + 124, '\xff', 12);
	tar_sign(h);
}
static void
bad_sum(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	tar->p[tar->n - 2 * TAR_BLOCK] ^= 1; /* a letter of "weights" */
}
static void
rubbish_after(struct buf *tar, struct str model)
{
	tar_plain(tar, model);
	for (int i = 0; i < 3 * TAR_BLOCK; i++)
		buf_char(tar, '\0');
	tar_plain(tar, model);
}
static void
pax_size(struct buf *tar, struct str model)
{
	tar_put(tar, 'x', "PaxHeaders/model", STR("9 size=1\n"));
	tar_put(tar, '0', "model.onnx", model);
}
static void
pax_sparse(struct buf *tar, struct str model)
{
	tar_put(tar, 'x', "PaxHeaders/model", STR("22 GNU.sparse.major=1\n"));
	tar_put(tar, '0', "model.onnx", model);
}
static void
pax_for_all(struct buf *tar, struct str model)
{
	tar_put(tar, 'g', "pax_global_header", STR("19 path=model.onnx\n"));
	tar_plain(tar, model);
}
static void
pax_short(struct buf *tar, struct str model)
{
	tar_put(tar, 'x', "PaxHeaders/model", STR("99 path=model.onnx\n"));
	tar_plain(tar, model);
}
static void
pax_empty(struct buf *tar, struct str model)
{
	tar_put(tar, 'x', "PaxHeaders/model", STR("2 \n"));
	tar_plain(tar, model);
}
static void
pax_one_byte(struct buf *tar, struct str model)
{
	tar_put(tar, 'x', "PaxHeaders/model", STR("1 \n"));
	tar_plain(tar, model);
}

/* clang-format off */
static const struct {
	void (*make)(struct buf *, struct str model);
	const char *says;
} hostile[] = {
	{ no_model,      "no model, a file named *.onnx" },
	{ two_models,    "two models, 'model.onnx' and 'other.onnx'" },
	{ missing,       "'w': its data are in 'weights', which is not in the bundle" },
	{ superfluous,   "'README' is in the bundle, but the model does not name it" },
	{ twice,         "'weights' is in the bundle twice" },
	{ absolute,      "'/model.onnx' in the bundle is not a plain relative path" },
	{ upwards,       "'a/../../b' in the bundle is not a plain" },
	{ nameless,      "'' in the bundle is not a plain" },
	{ unprintable,   "not printable" },
	{ other_folder,  "'weights' in the bundle is not in the model's folder" },
	{ symlink_in_it, "'weights' in the bundle is not a plain file" },
	{ device,        "'disk' in the bundle is not a plain file" },
	{ long_link,     "is not a plain file" },
	{ beyond,        "'weights' goes beyond the end of the bundle" },
	{ binary_size,   "'weights' in the bundle has no valid size" },
	{ bad_sum,       "damaged header" },
	{ rubbish_after, "something follows after the end" },
	{ pax_size,      "beyond 8 GB" },
	{ pax_sparse,    "holes" },
	{ pax_for_all,   "one name to all" },
	{ pax_short,     "damaged pax header" },
	{ pax_empty,     "damaged pax header" },
	{ pax_one_byte,  "damaged pax header" },
};
/* clang-format on */

START_TEST(refused_by_name)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	struct buf tar = pb_new();
	struct onnx_model m;

	hostile[_i].make(&tar, sample_bytes(&s));
	ck_assert(!onnx_read_any(c, tar_finished(&tar), &m));
	ck_assert_msg(strstr(c->err.text, hostile[_i].says) != NULL,
	    "wanted \"%s\", not \"%s\"", hostile[_i].says, c->err.text);
	ck_err(c, E_INPUT);
}
END_TEST

static const struct {
	const char *place[3];
	const char *says;
} places[] = {
	{ { NULL, "0", "24" }, "does not say which file" },
	{ { "Weights", NULL, NULL }, "not in the bundle" },
	{ { "../weights", NULL, NULL }, "not in the bundle" },
	{ { "weights", "12", NULL }, "beyond the end of 'weights'" },
	{ { "weights", "922337203685477580", NULL }, "beyond the end of 'weights'" },
	{ { "weights", "9223372036854775808", NULL }, "the offset of its external data" },
	{ { "weights", "-4", NULL }, "the offset of its external data" },
	{ { "weights", "0x4", NULL }, "the offset of its external data" },
	{ { "weights", NULL, "" }, "the length of its external data" },
	{ { "weights", NULL, "23" }, "23 bytes of external data, not 24" },
	{ { "weights", NULL, "28" }, "28 bytes of external data, not 24" },
};

START_TEST(places_are_refused)
{
	const struct onnx_side side = { STR("weights"), weights() };
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m;

	s.tensor = tensor_outside("w", (int64_t[]){ 2, 3 }, 2, places[_i].place);
	ck_assert(!onnx_read_with(c, sample_bytes(&s), &side, 1, &m));
	ck_assert_msg(strstr(c->err.text, places[_i].says) != NULL, "wanted \"%s\", not \"%s\"",
	    places[_i].says, c->err.text);
	ck_err(c, E_INPUT);
}
END_TEST

/* Twice the same word, data at both places, an attribute, a third kind of place. */
START_TEST(tensors_are_refused)
{
	const struct onnx_side side = { STR("weights"), weights() };
	struct ctx *c = test_ctx();
	struct sample s[4] = { sample_outside(), sample_outside(), sample_outside(),
		sample_new() };
	static const char *const says[] = { "comes twice", "here and in another file",
		"that needs an initializer", "data_location, 2," };
	struct buf attr = pb_new();
	struct onnx_model m;

	tensor_external(&s[0].tensor, "offset", "0");
	pb_bytes(&s[1].tensor, 9, weights().p, 24);
	pb_text(&attr, 1, "value");
	pb_message(&attr, 5, &s[2].tensor);
	pb_int(&attr, 20, 4);
	pb_message(&s[2].node, 5, &attr);
	pb_int(&s[3].tensor, 14, 2);
	for (size_t i = 0; i < COUNT(s); i++) {
		ck_assert(!onnx_read_with(c, sample_bytes(&s[i]), &side, 1, &m));
		ck_assert_msg(strstr(c->err.text, says[i]) != NULL, "%s", c->err.text);
		ck_err(c, E_INPUT);
	}
}
END_TEST

START_TEST(too_many_files)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	struct onnx_model m;
	struct buf tar;

	ck_ok(c, take_buf(c, (ONNX_SIDES_MAX + 64) * TAR_BLOCK, &tar));
	tar_plain(&tar, sample_bytes(&s));
	for (int i = 0; i < ONNX_SIDES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof name, "f%d", i);
		tar_put(&tar, '0', name, STR(""));
	}
	ck_fails(c, E_LIMIT, onnx_read_any(c, tar_finished(&tar), &m));
}
END_TEST

/* Up to the end's mark each beginning lacks something; the zeros after it nobody needs. */
START_TEST(every_beginning)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	struct buf tar = pb_new();
	struct onnx_model m;
	size_t whole;

	tar_plain(&tar, sample_bytes(&s));
	whole = tar.n + TAR_BLOCK;
	(void)tar_finished(&tar);
	for (size_t n = 0; n <= tar.n; n++) {
		char *cut = malloc(n + 1);
		bool done;

		memcpy(cut, tar.p, n);
		done = onnx_read_any(c, (struct str){ cut, n }, &m);
		if (done != (n >= whole))
			ck_abort_msg("the first %zu bytes: %s", n, c->err.text);
		arena_reset(c->mem);
		free(cut);
	}
}
END_TEST

START_TEST(memory_runs_out_everywhere)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_outside();
	const struct onnx_edit none = { 0 };
	struct buf tar = pb_new(), out = pb_new();
	struct onnx_model m;
	bool done = false;
	struct str bytes;
	int short_of = 0;

	tar_plain(&tar, sample_bytes(&s));
	bytes = tar_finished(&tar);
	for (size_t max = 16; !done; max += 16) {
		struct arena *little = arena_new(max);
		struct ctx poor = { .mem = little, .random = c->random };

		out.n = 0;
		done = onnx_read_any(&poor, bytes, &m) &&
		    onnx_write(&poor, &m, &none, gather, &out);
		if (!done) {
			short_of++;
			ck_err(&poor, E_MEMORY);
		}
		arena_free(&little);
		ck_assert_uint_lt(max, 1 << 20);
	}
	ck_assert_int_gt(short_of, 50);
}
END_TEST

MAIN("onnx_bundle_hostile", EACH(refused_by_name, hostile), EACH(places_are_refused, places),
    ONE(tensors_are_refused), ONE(too_many_files), ONE(every_beginning),
    ONE(memory_runs_out_everywhere))
