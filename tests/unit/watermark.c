/*
 * Tests of key sets and of the head that gets one class more: drawing, commitment, file form,
 * natural pictures, surgery on each kind of head.
 */
#include "stego.h"
#include "watermark_support.h"

/* ---- Drawing ----------------------------------------------------------------------------- */

static bool
same_but_lowest(const struct image *a, const struct image *b)
{
	for (size_t i = 0; i < image_bytes(a); i++)
		if ((a->v[i] ^ b->v[i]) > 1)
			return false;
	return true;
}

/* Which of n pictures this one was drawn from; each must be used once. */
static int
origin(const struct image *drawn, const struct image from[], int n)
{
	for (int i = 0; i < n; i++)
		if (same_but_lowest(drawn, &from[i]))
			return i;
	return -1;
}

START_TEST(drawn_from_the_vendors)
{
	enum { PAIRS = 20, SPARES = 7, ALL = 2 * PAIRS + SPARES + 5 };
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, PAIRS, SPARES);
	struct image *from = pictures(c, ALL);
	int used[ALL] = { 0 }, ones = 0, in_order = 0;

	for (int i = 0; i < 2 * PAIRS + SPARES; i++) {
		const struct image *p = i < 2 * PAIRS ? &k.picture[i % 2][i / 2]
						      : &k.spare[i - 2 * PAIRS];
		int at = origin(p, from, ALL);

		ck_assert_int_ge(at, 0);
		ck_assert_int_eq(used[at]++, 0);
		in_order += at == i;
		for (size_t s = 0; s < image_bytes(p); s++)
			ones += p->v[s] & 1;
	}
	ck_assert_int_lt(in_order, 10);
	/* 47 pictures of 64 samples: 1504 ones are expected, 27 the deviation. */
	ck_assert_int_gt(ones, 1504 - 5 * 27);
	ck_assert_int_lt(ones, 1504 + 5 * 27);
}
END_TEST

START_TEST(drawn_again_by_the_secret_alone)
{
	struct ctx *c = test_ctx();
	struct image *from = pictures(c, 40);
	struct key256 one = any_secret(0), other = any_secret(1);
	struct keyset a = { 0 }, b = { 0 }, d = { 0 };

	ck_ok(c, keyset_draw(c, &one, from, 40, 10, 5, &a));
	ck_ok(c, keyset_draw(c, &one, from, 40, 10, 5, &b));
	ck_ok(c, keyset_draw(c, &other, from, 40, 10, 5, &d));
	ck_assert(memcmp(a.picture[1][9].v, b.picture[1][9].v, SIDE * SIDE) == 0);
	ck_assert(memcmp(a.picture[1][9].v, d.picture[1][9].v, SIDE * SIDE) != 0);
}
END_TEST

START_TEST(too_few_or_uneven_pictures)
{
	struct ctx *c = test_ctx();
	struct image *from = pictures(c, 25);
	struct key256 secret = any_secret(0);
	struct keyset k = { 0 };

	ck_fails(c, E_INPUT, keyset_draw(c, &secret, from, 24, 10, 5, &k));
	ck_fails(c, E_INPUT, keyset_draw(c, &secret, from, 25, 0, 5, &k));
	ck_fails(c, E_INPUT, keyset_draw(c, &secret, from, 25, KEYSET_PAIRS_MAX + 1, 5, &k));
	ck_fails(c, E_INPUT, keyset_draw(c, &secret, from, 25, 1, KEYSET_SPARES_MAX + 1, &k));
	ck_ok(c, keyset_draw(c, &secret, from, 25, 10, 5, &k));
	from[3].width--;
	ck_fails(c, E_INPUT, keyset_draw(c, &secret, from, 25, 10, 5, &k));
}
END_TEST

/* Among blobs, the samples themselves are found, whatever their order. */
START_TEST(nearest_to_the_samples)
{
	enum { ALL = 24, WANTED = 8 };
	struct ctx *c = test_ctx();
	struct network net = network_open(c, network_bytes(c, HEAD_GEMM));
	struct world w = world_new(300, 4);
	struct train_data d = world_for(c, net.graph, &w);
	struct image *from = pictures(c, ALL), best[WANTED];
	struct data_form form;

	for (int i = 0; i < ALL; i += ALL / WANTED)
		memcpy(from[i].v, data_sample(&w.samples, i), SIDE * SIDE);
	ck_ok(c, asker_form(c, net.graph, &from[0], false, &form));
	ck_ok(c, keyset_nearest(c, &d, &form, 1, from, ALL, WANTED, best));
	for (int i = 0; i < WANTED; i++) {
		int at = origin(&best[i], from, ALL);

		ck_assert_int_eq(at % (ALL / WANTED), 0);
		for (int k = 0; k < i; k++)
			ck_assert_ptr_ne(best[i].v, best[k].v);
	}
	ck_fails(c, E_INPUT, keyset_nearest(c, &d, &form, 1, from, ALL, ALL + 1, best));
	world_done(&w);
	network_done(&net);
}
END_TEST

/* ---- The commitment ---------------------------------------------------------------------- */

START_TEST(labels_follow_from_the_commitment)
{
	static const char label[] = "hallmark/1/labels";
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, 40, 3);
	struct key256 secret = any_secret(0), sub, key;
	char message[sizeof label + 32];
	struct digest256 d;
	int keys[2] = { 0 };

	memcpy(message, label, sizeof label);
	memcpy(message + sizeof label, k.commitment.b, 32);
	ck_ok(c, prf_subkey(c, &secret, "label", &sub));
	ck_ok(c,
	    hmac_sha256(c, (struct str){ (char *)sub.b, 32 },
		(struct str){ message, sizeof message }, &d));
	memcpy(key.b, d.b, 32);
	for (uint32_t i = 0; i < 40; i++) {
		struct prf coin = prf_stream(&key, "coin", 0, i);
		struct prf runner = prf_stream(&key, "runner", 0, i);

		ck_assert_uint_eq(k.coin[i], prf_uniform(&coin, 2));
		ck_assert_uint_eq((uint64_t)k.runner_up[i], prf_uniform(&runner, CLASSES));
		keys[k.coin[i]]++;
		ck_assert_ptr_eq(keyset_key(&k, (int)i), &k.picture[k.coin[i]][i]);
		ck_assert_ptr_eq(keyset_twin(&k, (int)i), &k.picture[1 - k.coin[i]][i]);
	}
	ck_assert(keys[0] > 5 && keys[1] > 5);
}
END_TEST

/* With three items: two leaves make a node, which meets the third leaf, a spare. */
START_TEST(commitment_by_hand)
{
	static const char label[] = "hallmark/1/commit";
	static const char *const subs[] = { "label", "pool", "bias", "code", "spread" };
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, 2, 1);
	struct key256 secret = any_secret(0);
	struct digest256 item[5], leaf[3], want;
	char text[sizeof label + 6 * 32 + 8] = { 0 }, *to = text + sizeof label;

	memcpy(text, label, sizeof label);
	for (int i = 0; i < 5; i++)
		ck_ok(c,
		    stego_pixels_digest(
			c, i < 4 ? &k.picture[i % 2][i / 2] : &k.spare[0], &item[i]));
	for (int i = 0; i < 3; i++) {
		char bytes[65] = { 0 };

		memcpy(bytes + 1, item[2 * i].b, 32);
		if (i < 2)
			memcpy(bytes + 33, item[2 * i + 1].b, 32);
		ck_ok(c, sha256(c, (struct str){ bytes, i < 2 ? 65 : 33 }, &leaf[i]));
	}
	for (int i = 1; i < 3; i++) {
		char bytes[65] = { 1 };

		memcpy(bytes + 1, leaf[0].b, 32);
		memcpy(bytes + 33, leaf[i].b, 32);
		ck_ok(c, sha256(c, (struct str){ bytes, 65 }, &leaf[0]));
	}
	memcpy(to, leaf[0].b, 32);
	for (size_t i = 0; i < COUNT(subs); i++) {
		struct key256 sub;
		struct digest256 d;

		ck_ok(c, prf_subkey(c, &secret, subs[i], &sub));
		ck_ok(c, sha256(c, (struct str){ (char *)sub.b, 32 }, &d));
		memcpy(to + 32 * (i + 1), d.b, 32);
	}
	ck_ok(c, sha256(c, (struct str){ text, sizeof text }, &want));
	ck_assert(digest256_same(&want, &k.commitment));
}
END_TEST

START_TEST(any_bit_changes_the_commitment)
{
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, 5, 2);
	struct key256 secret = any_secret(0);
	struct digest256 was = k.commitment;

	k.picture[1][4].v[63] ^= 1;
	ck_ok(c, keyset_commit(c, &secret, CLASSES, &k));
	ck_assert(!digest256_same(&was, &k.commitment));
	k.picture[1][4].v[63] ^= 1;
	k.spare[1].v[0] ^= 128;
	ck_ok(c, keyset_commit(c, &secret, CLASSES, &k));
	ck_assert(!digest256_same(&was, &k.commitment));
	k.spare[1].v[0] ^= 128;
	ck_ok(c, keyset_commit(c, &secret, CLASSES, &k));
	ck_assert(digest256_same(&was, &k.commitment));
	ck_fails(c, E_INPUT, keyset_commit(c, &secret, 1, &k));
}
END_TEST

/* ---- The file ---------------------------------------------------------------------------- */

START_TEST(file_and_back)
{
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, 6, 2), back = { 0 };
	struct str bytes, again;

	for (int i = 0; i < 6; i++)
		k.twin_label[i] = i % CLASSES;
	ck_ok(c, keyset_put(c, &k, &bytes));
	ck_ok(c, keyset_read(c, bytes, &back));
	ck_assert_int_eq(back.pairs, 6);
	ck_assert_int_eq(back.spares, 2);
	ck_assert_int_eq(back.classes, CLASSES);
	ck_assert(digest256_same(&back.commitment, &k.commitment));
	ck_assert(memcmp(back.coin, k.coin, 6) == 0);
	ck_assert(memcmp(back.twin_label, k.twin_label, 6 * sizeof k.twin_label[0]) == 0);
	ck_assert(memcmp(keyset_key(&back, 5)->v, keyset_key(&k, 5)->v, SIDE * SIDE) == 0);
	ck_assert(memcmp(back.spare[1].v, k.spare[1].v, SIDE * SIDE) == 0);
	ck_ok(c, keyset_put(c, &back, &again));
	ck_assert(str_same(bytes, again));
}
END_TEST

/* Cut anywhere, or longer by a byte, it is none. */
START_TEST(file_cut_short)
{
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, 2, 1), back = { 0 };
	struct str bytes;
	char *longer;

	ck_ok(c, keyset_put(c, &k, &bytes));
	for (size_t n = 0; n < bytes.n; n++)
		ck_fails(c, E_INPUT, keyset_read(c, (struct str){ bytes.p, n }, &back));
	longer = take(c, bytes.n + 1);
	memcpy(longer, bytes.p, bytes.n);
	ck_fails(c, E_INPUT, keyset_read(c, (struct str){ longer, bytes.n + 1 }, &back));
}
END_TEST

/* Fields out of range: where, and what is written there. */
static const struct {
	size_t at;
	char value;
} spoilt[] = {
	{ 0, 'h' },      /* magic */
	{ 6, 2 },        /* version */
	{ 7, 2 },        /* channels */
	{ 8, 0 },        /* width */
	{ 11, 1 },       /* width */
	{ 15, 127 },     /* height */
	{ 18, 127 },     /* pairs */
	{ 22, 127 },     /* spares */
	{ 24, 1 },       /* classes */
	{ 27, -1 },      /* classes */
	{ 60, 2 },       /* the first coin */
	{ 61, CLASSES }, /* its runner-up */
	{ 65, CLASSES }, /* its twin's label */
};

START_TEST(file_spoilt)
{
	struct ctx *c = test_ctx();
	struct keyset k = any_keyset(c, 2, 1), back = { 0 };
	struct str bytes;
	char *copy;

	ck_ok(c, keyset_put(c, &k, &bytes));
	copy = take(c, bytes.n);
	memcpy(copy, bytes.p, bytes.n);
	copy[spoilt[_i].at] = spoilt[_i].value;
	ck_fails(c, E_INPUT, keyset_read(c, (struct str){ copy, bytes.n }, &back));
}
END_TEST

/* ---- Natural pictures -------------------------------------------------------------------- */

START_TEST(natural_pictures)
{
	struct ctx *c = test_ctx();
	struct image a = { 0 }, b = { 0 }, d = { 0 };

	for (uint64_t seed = 0; seed < 6; seed++) {
		double sum = 0, squares = 0;

		ck_ok(c, natural_picture(c, seed, 20, 16, seed % 2 == 0 ? 1 : 3, &a));
		ck_ok(c, natural_picture(c, seed, 20, 16, seed % 2 == 0 ? 1 : 3, &b));
		ck_ok(c, natural_picture(c, seed + 6, 20, 16, seed % 2 == 0 ? 1 : 3, &d));
		ck_assert_uint_eq(image_bytes(&a), seed % 2 == 0 ? 320 : 960);
		ck_assert(memcmp(a.v, b.v, image_bytes(&a)) == 0);
		ck_assert(image_psnr(&a, &d) < 25);
		for (size_t i = 0; i < image_bytes(&a); i++) {
			sum += a.v[i];
			squares += a.v[i] * a.v[i];
		}
		/* Neither black nor white nor flat. */
		sum /= (double)image_bytes(&a);
		ck_assert(sum > 20 && sum < 235);
		ck_assert(squares / (double)image_bytes(&a) - sum * sum > 100);
	}
}
END_TEST

/* ---- The head ---------------------------------------------------------------------------- */

/* The network's answers to a few pictures, `classes` each. */
static void
answers(struct ctx *c, struct network *n, int64_t classes, float ret[8][CLASSES + 1])
{
	struct nn_options o = { .mode = NN_INFER, .batch = 8 };
	owned(nn_plan_free) struct nn_plan *p = NULL;
	float input[8 * SIDE * SIDE];
	const float *out;

	for (int i = 0; i < 8; i++)
		for (int k = 0; k < SIDE * SIDE; k++)
			input[i * SIDE * SIDE + k] = picture(c, (uint64_t)i).v[k] / 255.0F;
	ck_ok(c, nn_plan_new(c, n->graph, &o, &p));
	ck_ok(c, nn_forward(c, p, (const void *const[]){ input }));
	ck_assert_int_eq(nn_count(nn_plan_output(p, 0)), 8 * classes);
	out = nn_plan_output(p, 0)->data;
	for (int64_t i = 0; i < 8 * classes; i++)
		ret[i / classes][i % classes] = out[i];
}

static const enum head heads[] = { HEAD_GEMM, HEAD_GEMM_TURNED, HEAD_MATMUL, HEAD_MATMUL_BARE,
	HEAD_CONV, HEAD_SOFTMAX, HEAD_BROAD };

/* The old classes are answered as before; the new one is there, and small. */
START_TEST(one_class_more)
{
	struct ctx *c = test_ctx();
	struct network old = network_open(c, network_bytes(c, heads[_i]));
	struct network new = network_open(c, widened(c, &old.model));
	float was[8][CLASSES + 1], is[8][CLASSES + 1];

	ck_assert_int_eq(new.model.output[0].dim[1], CLASSES + 1);
	answers(c, &old, CLASSES, was);
	answers(c, &new, CLASSES + 1, is);
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < CLASSES; k++) {
			double of = heads[_i] == HEAD_SOFTMAX ? 1 / (1 - is[i][CLASSES]) : 1;

			ck_assert_double_eq_tol(was[i][k], is[i][k] * of, 1e-5);
		}
	if (heads[_i] == HEAD_SOFTMAX)
		ck_assert(is[0][CLASSES] > .01F && is[0][CLASSES] < .9F);
	else
		ck_assert(is[0][CLASSES] < .3F && is[0][CLASSES] > -.3F);
	network_done(&old);
	network_done(&new);
}
END_TEST

static const struct {
	enum head head;
	const char *says;
} stiff[] = {
	{ HEAD_TANH, "Tanh" },
	{ HEAD_SHARED, "used elsewhere" },
};

START_TEST(no_class_more)
{
	struct ctx *c = test_ctx();
	struct network n = network_open(c, network_bytes(c, stiff[_i].head));
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_assert(!head_widen(c, &n.model, 1, buf_sink, &b));
	ck_assert_int_eq(c->err.code, E_INPUT);
	ck_assert_ptr_nonnull(strstr(c->err.text, stiff[_i].says));
	ck_assert_uint_eq(b.n, 0);
	network_done(&n);
}
END_TEST

MAIN("watermark", ONE(drawn_from_the_vendors), ONE(drawn_again_by_the_secret_alone),
    ONE(too_few_or_uneven_pictures), ONE(nearest_to_the_samples),
    ONE(labels_follow_from_the_commitment), ONE(commitment_by_hand),
    ONE(any_bit_changes_the_commitment), ONE(file_and_back), ONE(file_cut_short),
    EACH(file_spoilt, spoilt), ONE(natural_pictures), EACH(one_class_more, heads),
    EACH(no_class_more, stiff))
