/*
 * Pseudo-random streams: fixed values, which every release's tables, positions and labels hang on,
 * and what the distributions must be like.
 */
#include "test.h"

#include "crypto.h"

static struct key256
counting(void)
{
	struct key256 k;

	for (size_t i = 0; i < sizeof k.b; i++)
		k.b[i] = (uint8_t)i;
	return k;
}

static void
check_start(const uint8_t *got, const char *want)
{
	char text[64];
	struct buf b = BUF(text);

	hex_put(&b, got, strlen(want) / 2);
	buf_char(&b, '\0');
	ck_assert_str_eq(text, want);
}

START_TEST(blocks_and_subkeys_are_fixed)
{
	struct ctx *c = test_ctx();
	struct key256 k = counting(), sub;
	struct digest256 d;

	ck_ok(c, prf_block(c, &k, "label", 0, 0, 0, &d));
	check_start(d.b, "d612f1e0241b07f1");
	ck_ok(c, prf_subkey(c, &k, "lock", &sub));
	check_start(sub.b, "e1c366144c241250");
}
END_TEST

/* Ten draws below q, each the first of a stream of its own. */
static const struct {
	const char *tag;
	uint64_t q;
	uint64_t want[10];
} draws[] = {
	{ "label", 10, { 3, 5, 3, 6, 0, 4, 0, 7, 7, 4 } },
	{ "coin", 2, { 1, 0, 0, 1, 0, 1, 1, 0, 1, 0 } },
};

START_TEST(draws_are_fixed)
{
	struct ctx *c = test_ctx();
	struct key256 k = counting();

	for (uint32_t i = 0; i < COUNT(draws[_i].want); i++) {
		struct prf s = prf_stream(&k, draws[_i].tag, 0, i);

		ck_assert_uint_eq(prf_uniform(&s, draws[_i].q), draws[_i].want[i]);
		ck_ok(c, prf_end(c, &s));
	}
}
END_TEST

START_TEST(permutations_are_fixed)
{
	static const uint32_t want[] = { 2, 5, 7, 6, 3, 4, 1, 0 };
	struct ctx *c = test_ctx();
	struct key256 k = counting();
	struct prf s = prf_stream(&k, "perm", 0, 0);
	uint32_t got[COUNT(want)];

	prf_perm(&s, COUNT(want), got);
	ck_ok(c, prf_end(c, &s));
	ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

/* The words of a stream are its blocks one after the other, big-endian. */
START_TEST(streams_are_blocks)
{
	struct ctx *c = test_ctx();
	struct key256 k = counting();
	struct prf s = prf_stream(&k, "label", 7, 9);

	for (uint32_t i = 0; i < 20; i++) {
		struct digest256 d;
		uint64_t want = 0;

		ck_ok(c, prf_block(c, &k, "label", 7, 9, i / 4, &d));
		for (uint32_t j = 0; j < 8; j++)
			want = want << 8 | d.b[8 * (i % 4) + j];
		ck_assert_uint_eq(prf_next(&s), want);
	}
	ck_ok(c, prf_end(c, &s));
}
END_TEST

/* A tag, a name and each number lead to streams of their own. */
START_TEST(streams_differ)
{
	struct ctx *c = test_ctx();
	struct key256 k = counting(), other = { { 1 } };
	struct prf s[] = { prf_stream(&k, "label", 0, 0), prf_stream(&k, "labe", 0, 0),
		prf_stream(&k, "label", 1, 0), prf_stream(&k, "label", 0, 1),
		prf_stream(&other, "label", 0, 0) };
	uint64_t v[COUNT(s)];

	for (size_t i = 0; i < COUNT(s); i++) {
		v[i] = prf_next(&s[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(v[i], v[j]);
		ck_ok(c, prf_end(c, &s[i]));
	}
}
END_TEST

static const uint64_t ranges[] = { 1, 2, 3, 10, 256, 1000, UINT64_C(3) << 62, UINT64_MAX };

/* Five standard deviations about the mean of a uniform choice; never outside. */
START_TEST(choices_are_even)
{
	enum { N = 20000 };
	struct ctx *c = test_ctx();
	struct key256 k = counting();
	struct prf s = prf_stream(&k, "even", 0, (uint32_t)_i);
	uint64_t q = ranges[_i];
	double sum = 0;

	for (int i = 0; i < N; i++) {
		uint64_t v = prf_uniform(&s, q);

		ck_assert_uint_lt(v, q);
		sum += ((double)v + .5) / (double)q - .5;
	}
	ck_assert_double_le(sum * sum, 25. * N / 12);
	for (int i = 0; i < N; i++) {
		double v = prf_real(&s);

		ck_assert(v >= 0 && v < 1);
	}
	ck_ok(c, prf_end(c, &s));
}
END_TEST

/* All six orders of three things, equally often. */
START_TEST(permutations_are_even)
{
	enum { N = 6000 };
	struct ctx *c = test_ctx();
	struct key256 k = counting();
	struct prf s = prf_stream(&k, "orders", 0, 0);
	int seen[3][3] = { { 0 } };

	for (int i = 0; i < N; i++) {
		uint32_t p[3];

		prf_perm(&s, 3, p);
		ck_assert(p[0] < 3 && p[1] < 3 && p[0] != p[1] && p[2] == 3 - p[0] - p[1]);
		seen[p[0]][p[1]]++;
	}
	for (int a = 0; a < 3; a++)
		for (int b = 0; b < 3; b++)
			if (a != b) /* five standard deviations */
				ck_assert_int_le(abs(seen[a][b] - N / 6), 145);
	ck_ok(c, prf_end(c, &s));
}
END_TEST

/* AES-256-CTR of zeros: what two ways of reading it give, and what openssl's own command gives. */
START_TEST(bulk_is_a_keystream)
{
	static const size_t pieces[] = { 1, 15, 16, 17, 4096, 16384, 30000 };
	struct ctx *c = test_ctx();
	struct key256 k = counting();
	owned(bulk_free) struct bulk *whole = NULL;
	enum { N = 100000 };
	uint8_t *want = take(c, N), *got = take(c, N);

	ck_ok(c, bulk_new(c, &k, "table", 1, 2, &whole));
	ck_ok(c, bulk_read(c, whole, want, N));
	check_start(want, "83754d9286731bad15f4377d564b30ae");
	for (size_t i = 0; i < COUNT(pieces); i++) {
		owned(bulk_free) struct bulk *s = NULL;

		ck_ok(c, bulk_new(c, &k, "table", 1, 2, &s));
		for (size_t at = 0, n; at < N; at += n) {
			n = N - at < pieces[i] ? N - at : pieces[i];
			ck_ok(c, bulk_read(c, s, got + at, n));
		}
		ck_assert_mem_eq(got, want, N);
	}
}
END_TEST

MAIN("crypto_prf", ONE(blocks_and_subkeys_are_fixed), EACH(draws_are_fixed, draws),
    ONE(permutations_are_fixed), ONE(streams_are_blocks), ONE(streams_differ),
    EACH(choices_are_even, ranges), ONE(permutations_are_even), ONE(bulk_is_a_keystream))
