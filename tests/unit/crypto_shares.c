/*
 * Shamir shares: every subset of every size that should open a key, and none of those that should
 * not; forged and mixed-up shares; and every typing error of one letter, exchanged letters and
 * left-out ones.
 */
#include "test.h"

#include "parts.h"

static const struct {
	unsigned k, n;
} sets[] = { { 1, 1 }, { 2, 2 }, { 2, 3 }, { 3, 5 }, { 5, 5 }, { 4, 7 }, { 8, 10 } };

/* The shares whose bits are set; how many. */
static size_t
subset(const struct share all[], unsigned n, unsigned which, struct share ret[])
{
	size_t count = 0;

	for (unsigned i = 0; i < n; i++)
		if (which >> i & 1)
			ret[count++] = all[i];
	return count;
}

START_TEST(every_subset)
{
	unsigned k = sets[_i].k, n = sets[_i].n;
	struct ctx *c = test_ctx();
	struct share all[SHARES_MAX], some[SHARES_MAX];
	struct key256 key, back;

	key256_random(c, &key);
	ck_ok(c, shares_split(c, &key, k, n, all));
	for (unsigned which = 0; which < 1u << n; which++) {
		size_t count = subset(all, n, which, some);

		back = (struct key256){ { 0 } };
		if (count >= k) {
			ck_ok(c, shares_join(c, some, count, &back));
			ck_assert(key256_same(&key, &back));
		} else {
			ck_fails(c, E_INPUT, shares_join(c, some, count, &back));
			/* Somebody who claims that fewer are enough gets nothing either. */
			for (size_t i = 0; i < count; i++)
				some[i].k = (uint8_t)count;
			if (count > 0)
				ck_fails(c, E_INTEGRITY, shares_join(c, some, count, &back));
			ck_assert(!key256_same(&key, &back));
		}
	}
}
END_TEST

START_TEST(largest_set)
{
	struct ctx *c = test_ctx();
	struct share all[SHARES_MAX];
	struct key256 key, back;

	key256_random(c, &key);
	ck_ok(c, shares_split(c, &key, SHARES_MAX, SHARES_MAX, all));
	ck_ok(c, shares_join(c, all, SHARES_MAX, &back));
	ck_assert(key256_same(&key, &back));
	ck_fails(c, E_INPUT, shares_join(c, all, SHARES_MAX - 1, &back));
}
END_TEST

static const struct {
	unsigned k, n;
} impossible[] = { { 0, 0 }, { 0, 3 }, { 1, 2 }, { 3, 2 }, { 2, 17 }, { 17, 17 },
	{ 256, 257 } };

START_TEST(impossible_sets)
{
	struct ctx *c = test_ctx();
	struct share all[SHARES_MAX];
	struct key256 key = { { 1 } };

	ck_fails(c, E_INPUT, shares_split(c, &key, impossible[_i].k, impossible[_i].n, all));
}
END_TEST

/* Fewer than k shares fit every key: here, one of two shares of opposite keys are alike. */
START_TEST(a_share_alone_says_nothing)
{
	struct ctx *c = test_ctx();
	struct share a[2], b[2];
	struct key256 zero = { { 0 } }, ones;
	unsigned same = 0;

	memset(ones.b, 0xff, sizeof ones.b);
	for (int i = 0; i < 500; i++) {
		ck_ok(c, shares_split(c, &zero, 2, 2, a));
		ck_ok(c, shares_split(c, &ones, 2, 2, b));
		for (size_t j = 0; j < sizeof a[0].y; j++)
			same += a[0].y[j] == b[0].y[j];
	}
	/* 16,000 bytes agree by chance 62.5 times. */
	ck_assert_uint_gt(same, 20);
	ck_assert_uint_lt(same, 130);
}
END_TEST

START_TEST(wrong_shares)
{
	struct ctx *c = test_ctx();
	struct share a[3], b[3], mixed[4];
	struct key256 key, back;

	key256_random(c, &key);
	ck_ok(c, shares_split(c, &key, 2, 3, a));
	ck_ok(c, shares_split(c, &key, 2, 3, b));
	mixed[0] = a[0];
	mixed[1] = b[1];
	ck_fails(c, E_INPUT, shares_join(c, mixed, 2, &back));
	memcpy(mixed[1].group, a[0].group, sizeof mixed[1].group);
	ck_fails(c, E_INTEGRITY, shares_join(c, mixed, 2, &back));
	memcpy(mixed[1].commit, a[0].commit, sizeof mixed[1].commit);
	ck_fails(c, E_INTEGRITY, shares_join(c, mixed, 2, &back));
	mixed[1] = a[0];
	ck_fails(c, E_INPUT, shares_join(c, mixed, 2, &back));
	/* Two right ones and a forged third. */
	memcpy(mixed, a, sizeof a);
	mixed[2].y[31] ^= 1;
	ck_fails(c, E_INTEGRITY, shares_join(c, mixed, 3, &back));
	mixed[2] = a[2];
	mixed[2].index = 0;
	ck_fails(c, E_INPUT, shares_join(c, mixed, 3, &back));
	for (size_t bit = 0; bit < 256; bit++) {
		memcpy(mixed, a, sizeof a);
		mixed[bit & 1].y[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_fails(c, E_INTEGRITY, shares_join(c, mixed, 2, &back));
	}
}
END_TEST

/* ---- Text -------------------------------------------------------------------------------- */

static struct str
share_text(struct ctx *c, const struct share *s)
{
	struct buf b;

	ck_ok(c, take_buf(c, SHARE_TEXT_MAX, &b));
	share_put(&b, s);
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

/* One share, pinned: what was printed on paper must be readable in ten years. */
#define PAPER                                                                \
	"hms1-aebagbaf-2-3-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5" \
	"dypxvnkst24vlmyb-4ekn2txk"

START_TEST(text_is_a_fixed_format)
{
	struct ctx *c = test_ctx();
	struct share s = { .group = { 1, 2, 3, 4, 5 }, .k = 2, .index = 3 }, back;

	for (uint8_t i = 0; i < 32; i++)
		s.y[i] = i;
	memcpy(s.commit, "\x7a\xb5\x52\x9e\xb9\x55\xb3\x01", 8);
	ck_str(share_text(c, &s), PAPER);
	ck_ok(c, share_parse(c, STR(PAPER), &back));
	ck_assert(secret_same(
	    (struct str){ (char *)&s, sizeof s }, (struct str){ (char *)&back, sizeof back }));
}
END_TEST

/* Made by another program, from the formulas alone: f(x) = key + a x + b x^2 at 2, 7 and 11. */
START_TEST(shares_of_another_program)
{
	static const char *const text[] = {
		"hms1-obqxazls-3-2-6drwe52fdziftpnewzamuhmcnnhnod7gjpcfw5a7ufgq6nzmhhpsosfgfudgt6ui-uvj5ndn6",
		"hms1-obqxazls-3-7-u47trx6r5iak6bkihwzowbz7tikqqsrz4ooz5fqhdmtw34birtysosfgfudgt6ui-ujj2zhn6",
		"hms1-obqxazls-3-11-pw2ojrftyev6sxetw2pxjbg7qkx7qcbm5xh64oplzg3j3kfky55cosfgfudgt6ui-vlm7ittm",
	};
	struct ctx *c = test_ctx();
	struct share s[3];
	struct key256 key;

	for (size_t i = 0; i < COUNT(s); i++)
		ck_ok(c, share_parse(c, str_of(text[i]), &s[i]));
	ck_ok(c, shares_join(c, s, COUNT(s), &key));
	for (size_t i = 0; i < sizeof key.b; i++)
		ck_assert_uint_eq(key.b[i], 0xe0 + i);
}
END_TEST

START_TEST(text_both_ways)
{
	struct ctx *c = test_ctx();
	struct share all[SHARES_MAX], back[SHARES_MAX];
	struct key256 key, joined;

	for (int round = 0; round < 50; round++) {
		key256_random(c, &key);
		ck_ok(c, shares_split(c, &key, 16, 16, all));
		for (size_t i = 0; i < SHARES_MAX; i++) {
			struct str text = share_text(c, &all[i]);
			char *p = take_cstr(c, text);

			for (size_t j = 0; j < text.n; j++)
				if (p[j] >= 'a' && p[j] <= 'z' && (i + j) % 2 == 0)
					p[j] -= 'a' - 'A';
			ck_ok(c, share_parse(c, (struct str){ p, text.n }, &back[i]));
		}
		ck_ok(c, shares_join(c, back, SHARES_MAX, &joined));
		ck_assert(key256_same(&key, &joined));
	}
}
END_TEST

/* Any other letter in any place, any two neighbours exchanged, any letter left out or doubled. */
START_TEST(typing_errors)
{
	static const char typed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_ .";
	struct str paper = STR(PAPER);
	struct ctx *c = test_ctx();
	char p[sizeof PAPER + 1];
	struct share s;

	for (size_t at = 0; at < paper.n; at++) {
		memcpy(p, paper.p, paper.n);
		for (const char *t = typed; *t != '\0'; t++) {
			p[at] = *t;
			if (*t != paper.p[at])
				ck_fails(
				    c, E_INPUT, share_parse(c, (struct str){ p, paper.n }, &s));
		}
		memcpy(p, paper.p, paper.n);
		if (at + 1 < paper.n && p[at] != p[at + 1]) {
			p[at] = paper.p[at + 1];
			p[at + 1] = paper.p[at];
			ck_fails(c, E_INPUT, share_parse(c, (struct str){ p, paper.n }, &s));
		}
		memcpy(p, paper.p, at);
		memcpy(p + at, paper.p + at + 1, paper.n - at - 1);
		ck_fails(c, E_INPUT, share_parse(c, (struct str){ p, paper.n - 1 }, &s));
		memcpy(p, paper.p, at + 1);
		memcpy(p + at + 1, paper.p + at, paper.n - at);
		ck_fails(c, E_INPUT, share_parse(c, (struct str){ p, paper.n + 1 }, &s));
	}
	for (size_t n = 0; n < paper.n; n++)
		ck_fails(c, E_INPUT, share_parse(c, (struct str){ paper.p, n }, &s));
}
END_TEST

MAIN("crypto_shares", EACH(every_subset, sets), ONE(largest_set),
    EACH(impossible_sets, impossible), ONE(a_share_alone_says_nothing), ONE(wrong_shares),
    ONE(text_is_a_fixed_format), ONE(shares_of_another_program), ONE(text_both_ways),
    ONE(typing_errors))
