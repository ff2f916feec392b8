/*
 * Unlock keys as bytes: they come back as they were, have one form only, and nothing else is read.
 */
#include "unlock_support.h"

static struct str
key_bytes(struct ctx *c, const struct unlock_key *k)
{
	struct buf b;

	ck_ok(c, take_buf(c, unlock_key_size(k), &b));
	ck_ok(c, unlock_key_put(c, k, &b));
	ck_assert_uint_eq(b.n, b.max);
	return buf_str(&b);
}

START_TEST(keys_come_back)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, _i, true);
	struct unlock_key k = story_key(c, &s, 77), back;
	struct str bytes;

	k.expires = TEST_NOW + 1;
	bytes = key_bytes(c, &k);
	ck_ok(c, unlock_key_read(c, bytes, &back));
	ck_assert_str_eq(back.release.s, k.release.s);
	ck_assert_uint_eq(back.locks, k.locks);
	ck_assert_uint_eq(back.customer, 77);
	ck_assert_int_eq(back.issued, k.issued);
	ck_assert_int_eq(back.expires, k.expires);
	ck_assert_mem_eq(back.artifact.b, k.artifact.b, 32);
	ck_assert_mem_eq(back.plain.b, k.plain.b, 32);
	ck_assert_mem_eq(back.content.b, k.content.b, 32);
	ck_assert_uint_eq(back.entries, k.entries);
	ck_assert((back.table != NULL) == story_kinds[_i].marked);
	ck_assert(str_same(key_bytes(c, &back), bytes));
	unlock_key_done(&back);
	ck_assert_ptr_null(back.table);
}
END_TEST

/* Whatever is read is written again as the same bytes; a cut or a longer key is not read. */
START_TEST(keys_have_one_form)
{
	struct ctx *c = test_ctx();
	struct story s = story_of_kind(c, _i, true);
	struct unlock_key k = story_key(c, &s, 77), back;
	struct str bytes = key_bytes(c, &k);
	size_t table = k.table == NULL ? 0 : (size_t)4 << k.terms.log_l, refused = 0, read = 0;
	char *p = take(c, bytes.n + 1);

	memcpy(p, bytes.p, bytes.n);
	for (size_t i = 0; i < bytes.n; i++) {
		if (i == 188)
			i += table; /* any word is a word of a table */
		for (int bit = 0; i < bytes.n && bit < 8; bit++) {
			struct ctx one = { arena_new(1 << 20), { 0 }, c->now, c->random, "" };

			p[i] ^= (char)(1 << bit);
			if (unlock_key_read(&one, (struct str){ p, bytes.n }, &back)) {
				read++;
				ck_assert(str_same(
				    key_bytes(&one, &back), (struct str){ p, bytes.n }));
			} else {
				refused++;
				ck_assert_int_eq(one.err.code, E_INTEGRITY);
			}
			p[i] ^= (char)(1 << bit);
			arena_free(&one.mem);
		}
	}
	ck_assert_uint_gt(refused, 200);
	ck_assert_uint_gt(read, 200);
	for (size_t n = 0; n < bytes.n; n += n < 200 || n > bytes.n - 100 ? 1 : 61)
		ck_fails(c, E_INTEGRITY, unlock_key_read(c, (struct str){ p, n }, &back));
	ck_fails(c, E_INTEGRITY, unlock_key_read(c, (struct str){ p, bytes.n + 1 }, &back));
}
END_TEST

/* Entries that do not rise, or flip nothing. */
static const struct unlock_entry bad_entries[][2] = {
	{ { 1, 1, 1 }, { 1, 1, 1 } },
	{ { 1, 2, 1 }, { 1, 1, 1 } },
	{ { 2, 1, 1 }, { 1, 2, 1 } },
	{ { 1, 1, 0 }, { 1, 2, 1 } },
};

START_TEST(keys_refuse_entries)
{
	struct ctx *c = test_ctx();
	struct unlock_key k = { .release = id_new(c, "rel"),
		.locks = LOCK_ADVPARAMS,
		.entry = bad_entries[_i],
		.entries = 2 };

	ck_fails(c, E_INTEGRITY, unlock_key_read(c, key_bytes(c, &k), &k));
}
END_TEST

MAIN("unlock_keys", EACH(keys_come_back, story_kinds), EACH(keys_have_one_form, story_kinds),
    EACH(keys_refuse_entries, bad_entries))
