/*
 * What a release is known by, kept as a file: the same findings come of it as of the data that it
 * was made of, it is written back as it came, and nothing else is taken for one.
 */
#include <math.h>

#include "likeness_support.h"

enum { ROOM = 8 << 20, DIMENSIONS = 40, CLASSES_AT = 56, QUESTIONS = 64, WAYS_AT = 65 };

static const struct digest256 model = { { 5, 6, 7 } };

static const struct probe_set *
probes_new(struct house *h, int share)
{
	const struct probe_source s = { .owner = h->owner.graph,
		.model = model,
		.data = &h->data,
		.secret = &h->secret,
		.threads = 1,
		.share = share };
	const struct probe_set *p;

	ck_ok(h->c, probe_set_make(h->c, &s, &p));
	return p;
}

static struct str
kept(struct house *h, const struct probe_set *p)
{
	struct str bytes;

	ck_ok(h->c, probe_set_put(h->c, p, &bytes));
	return bytes;
}

static const struct probe_set *
read_back(struct house *h, struct str bytes)
{
	const struct probe_set *p;

	ck_ok(h->c, probe_set_read(h->c, bytes, &model, &p));
	return p;
}

/* ---- The same findings ------------------------------------------------------------------- */

static void
same_findings(struct house *h, const struct probe_set *a, struct net *suspect)
{
	const struct probe_set *b = read_back(h, kept(h, a));
	const struct evidence *x = likened_by(h, a, suspect), *y = likened_by(h, b, suspect);

	ck_assert(x->test[TEST_BOUNDARY].ran);
	ck_assert_mem_eq(x->test, y->test, sizeof x->test);
	ck_assert_mem_eq(x->fact, y->fact, sizeof x->fact);
	ck_assert_uint_eq(x->facts, y->facts);
	ck_assert_uint_eq(x->pictures, y->pictures);
	for (size_t i = 0; i < x->pictures; i++) {
		ck_assert_mem_eq(x->picture[i].owner, y->picture[i].owner, 36);
		ck_assert_mem_eq(x->picture[i].suspect, y->picture[i].suspect, 36);
		ck_assert_double_eq(x->picture[i].rank, y->picture[i].rank);
	}
	ck_assert(str_same(kept(h, a), kept(h, b)));
}

static const struct {
	int64_t outputs; /* 0: a copy */
	float moved;
} suspects[] = { { 0, 0 }, { 0, .1F }, { CLASSES, 0 }, { CLASSES + 1, 0 }, { CLASSES - 1, 0 } };

START_TEST(a_file_finds_what_the_data_find)
{
	owned(house_done) struct house h;
	struct net suspect;

	house_open(&h);
	suspect = suspects[_i].outputs == 0 ? copy_of(h.c, &h.owner, suspects[_i].moved)
					    : net_fresh(h.c, suspects[_i].outputs, 77);
	same_findings(&h, probes_new(&h, 0), &suspect);
	net_done(&suspect);
}
END_TEST

/* The owner without its last class. */
static struct net
narrowed(struct ctx *c, const struct net *of)
{
	struct net net = net_fresh(c, CLASSES - 1, 9);
	size_t n;
	struct nn_weight *w = nn_weights(net.graph, &n);

	for (size_t i = 0; i < n; i++) {
		const struct nn_weight *from = nn_weight_by_name(of->graph, w[i].name);

		ck_assert_ptr_nonnull(from);
		ck_assert_int_ge(from->count, w[i].count); /* by class, the last one behind */
		memcpy(w[i].data, from->data, (size_t)w[i].count * sizeof(float));
	}
	nn_graph_changed(net.graph);
	return net;
}

/* Probes and questions about the class that is not there are left out, for all. */
START_TEST(a_class_less_leaves_its_questions_out)
{
	owned(house_done) struct house h;
	struct net less;
	const struct evidence *e;

	house_open(&h);
	less = narrowed(h.c, &h.owner);
	e = likened_by(&h, probes_new(&h, 0), &less);
	ck_assert(e->test[TEST_FINGERPRINT].ran && e->test[TEST_BOUNDARY].ran);
	ck_assert_int_eq(e->test[TEST_BOUNDARY].trials, NULLS);
	ck_assert_double_eq(e->test[TEST_BOUNDARY].score, 1);
	ck_assert_double_gt(e->test[TEST_FINGERPRINT].score, .999);
	net_done(&less);
}
END_TEST

/* ---- Sizes ------------------------------------------------------------------------------- */

static const int shares[] = { 1, 2, 3 };

START_TEST(a_share_halves_all)
{
	owned(house_done) struct house h;
	const struct probe_set *all, *some;
	const char *why;
	struct net copy;

	house_open(&h);
	h.nulls.n = 1;
	copy = copy_of(h.c, &h.owner, .02F);
	all = probes_new(&h, 0);
	some = probes_new(&h, shares[_i]);
	ck_assert_int_eq(probe_set_probes(some, &why), VERIFY_PROBES >> shares[_i]);
	ck_assert_str_eq(why, "");
	ck_assert_int_eq(
	    probe_set_questions(some, &why), probe_set_questions(all, &why) >> shares[_i]);
	ck_assert_uint_lt(kept(&h, some).n, kept(&h, all).n >> (shares[_i] - 1));
	same_findings(&h, some, &copy);
	net_done(&copy);
}
END_TEST

static const struct {
	struct data_form form;
	int share;
} forms[] = {
	{ { .type = DATA_UINT8, .rank = 3, .dim = { 3, 32, 32 }, .count = 3072 }, 0 },
	{ { .type = DATA_UINT8, .rank = 3, .dim = { 3, 224, 224 }, .count = 150528 }, 0 },
	{ { .type = DATA_FLOAT, .rank = 3, .dim = { 3, 224, 224 }, .count = 150528 }, 2 },
	{ { .type = DATA_FLOAT, .rank = 1, .dim = { 400000 }, .count = 400000 }, 3 },
	{ { .type = DATA_FLOAT, .rank = 3, .dim = { 3, 4096, 4096 }, .count = 50331648 }, -1 },
};

START_TEST(large_samples_have_fewer_probes)
{
	ck_assert_int_eq(probe_set_share(&forms[_i].form), forms[_i].share);
}
END_TEST

/* Samples of bytes take a byte a number; of others, four. */
START_TEST(numbers_of_any_kind_are_kept)
{
	owned(house_done) struct house h;
	struct data_samples floats;
	struct str bytes, wide;
	struct net copy;
	float *v;

	house_open(&h);
	copy = copy_of(h.c, &h.owner, .02F);
	bytes = kept(&h, probes_new(&h, 0));
	v = take(h.c, SAMPLES * 72 * sizeof *v);
	for (int i = 0; i < SAMPLES * 72; i++)
		v[i] = (float)((const uint8_t *)h.toys.samples.v)[i] / 255 + (float)i * 1e-6F;
	floats = h.toys.samples;
	floats.shape.type = DATA_FLOAT;
	floats.v = (void *)v;
	h.data.samples = &floats;
	ck_ok(h.c,
	    train_fit(h.c, h.owner.graph, &floats.shape, DATA_ORDER_AUTO, false, &h.data.form));
	wide = kept(&h, probes_new(&h, 0));
	ck_assert_uint_gt(wide.n, bytes.n + 32 * 72 * 3);
	same_findings(&h, probes_new(&h, 0), &copy);
	net_done(&copy);
}
END_TEST

/* ---- What is none ------------------------------------------------------------------------ */

static bool
reads(struct str bytes, const struct digest256 *of)
{
	struct arena *mem = arena_new(ROOM);
	struct ctx c = ctx_real(mem, "test");
	const struct probe_set *p;
	bool ok = probe_set_read(&c, bytes, of, &p);

	if (!ok)
		ck_assert(c.err.code == E_INPUT || c.err.code == E_INTEGRITY);
	arena_free(&mem);
	return ok;
}

static struct str
with_word(struct house *h, struct str bytes, size_t at, uint32_t word)
{
	char *p = take(h->c, bytes.n);

	memcpy(p, bytes.p, bytes.n);
	ck_assert_uint_le(at + 4, bytes.n);
	for (int i = 0; i < 4; i++)
		p[at + (size_t)i] = (char)(word >> 8 * i);
	return (struct str){ p, bytes.n };
}

START_TEST(cut_and_longer_files_are_none)
{
	owned(house_done) struct house h;
	struct str bytes;
	char *longer;

	house_open(&h);
	bytes = kept(&h, probes_new(&h, 0));
	ck_assert(reads(bytes, &model));
	for (size_t n = 0; n < bytes.n; n += n < 200 ? 1 : 499)
		ck_assert_msg(!reads((struct str){ bytes.p, n }, &model), "%zu bytes", n);
	ck_assert(!reads((struct str){ bytes.p, bytes.n - 1 }, &model));
	longer = take(h.c, bytes.n + 1);
	memcpy(longer, bytes.p, bytes.n);
	ck_assert(!reads((struct str){ longer, bytes.n + 1 }, &model));
}
END_TEST

static const uint32_t odd[] = { 0, 1 << 30, UINT32_MAX };

/* Rank, each dimension, both numbers of classes, ways, mistakes, and how many colours there are. */
START_TEST(counts_are_held_against_their_bounds)
{
	owned(house_done) struct house h;
	struct str bytes;

	house_open(&h);
	bytes = kept(&h, probes_new(&h, 0));
	for (size_t at = DIMENSIONS; at < QUESTIONS; at += 4)
		ck_assert_msg(!reads(with_word(&h, bytes, at, odd[_i]), &model), "%zu", at);
	ck_assert(!reads(with_word(&h, bytes, WAYS_AT, odd[_i]), &model));
	ck_assert(!reads(with_word(&h, bytes, WAYS_AT + 4, odd[_i] | 1 << 20), &model));
	ck_assert(!reads(with_word(&h, bytes, WAYS_AT + 9, odd[_i]), &model));
	ck_assert(!reads(with_word(&h, bytes, 4, 2), &model));
	ck_assert(!reads(with_word(&h, bytes, 0, odd[_i]), &model));
	ck_assert(!reads(with_word(&h, bytes, CLASSES_AT, CLASSES - 1), &model));
}
END_TEST

START_TEST(numbers_are_finite)
{
	owned(house_done) struct house h;
	struct str bytes;
	size_t print = 0;

	house_open(&h);
	bytes = kept(&h, probes_new(&h, 0));
	while (memcmp(bytes.p + print, "HMFP", 4) != 0) /* allowed: not secret */
		print++;
	/* Of the colours of ways; of lost shares, of each map, at the end of the last one. */
	ck_assert(!reads(with_word(&h, bytes, WAYS_AT + 13, 0x7fc00000), &model));
	for (size_t at = 20 + 8 * VERIFY_PROBES; at < 20 + 32 * (16 + 72 * 4); at += 4 * 97) {
		ck_assert(!reads(with_word(&h, bytes, print + at, 0x7fc00000), &model));
		ck_assert(!reads(with_word(&h, bytes, print + at, 0xff800000), &model));
	}
	/* Likenesses in front of the fingerprint, an answer in it. */
	ck_assert(!reads(with_word(&h, bytes, print - 4 - 4, 0x7ff80000), &model));
	ck_assert(!reads(with_word(&h, bytes, print + 20, CLASSES), &model));
	ck_assert(!reads(with_word(&h, bytes, print + 20, UINT32_MAX), &model));
}
END_TEST

/* Each is refused, or is one that a suspect can be held against. */
START_TEST(altered_files_do_no_harm)
{
	owned(house_done) struct house h;
	struct str bytes;
	char *p;
	int refused = 0, read = 0;

	house_open(&h);
	bytes = kept(&h, probes_new(&h, 3));
	p = take(h.c, bytes.n);
	memcpy(p, bytes.p, bytes.n);
	for (size_t at = 0; at < bytes.n; at += 7) {
		p[at] = (char)~p[at];
		if (reads((struct str){ p, bytes.n }, &model))
			read++;
		else
			refused++;
		p[at] = (char)~p[at];
	}
	ck_assert_int_gt(read, 0);
	ck_assert_int_gt(refused, 0);
}
END_TEST

START_TEST(another_models_is_none)
{
	owned(house_done) struct house h;
	const struct digest256 other = { { 5, 6, 8 } };
	const struct probe_set *p;
	struct str bytes;

	house_open(&h);
	bytes = kept(&h, probes_new(&h, 0));
	ck_fails(h.c, E_INTEGRITY, probe_set_read(h.c, bytes, &other, &p));
}
END_TEST

MAIN("verify_probes", EACH(a_file_finds_what_the_data_find, suspects),
    ONE(a_class_less_leaves_its_questions_out), EACH(a_share_halves_all, shares),
    EACH(large_samples_have_fewer_probes, forms), ONE(numbers_of_any_kind_are_kept),
    ONE(cut_and_longer_files_are_none), EACH(counts_are_held_against_their_bounds, odd),
    ONE(numbers_are_finite), ONE(altered_files_do_no_harm), ONE(another_models_is_none))
