/*
 * Vendors, tokens, answers and settings: what is stored comes back, what another vendor asks for
 * is not there, and what the schema forbids does not get in.
 */
#include "store_support.h"

#include <stdio.h>

START_TEST(names_that_fold_to_one_are_one)
{
	/* The last begins with U+FF21, a fullwidth A. */
	static const char *const spellings[] = { "Acme", "ACME", "\xef\xbc\xa1\x63me" };
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "acme"), got;

	for (size_t i = 0; i < COUNT(spellings); i++) {
		struct vendor other = { .id = id_new(c, "ven"), .created = 1 };

		other.name = str_of(spellings[i]);
		ck_fails(c, E_CONFLICT, doing(c, s, do_vendor_insert, &other));
		ck_ok(c, vendor_by_name(c, db, other.name, &got));
		ck_assert_str_eq(got.id.s, v.id.s);
	}
	ck_fails(c, E_ABSENT, vendor_by_name(c, db, STR("acme2"), &got));
	ck_fails(c, E_ABSENT, vendor_by_id(c, db, STR("ven_x"), &got));
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(schema_refuses_what_no_code_should_write)
{
	static const char *const bad[] = {
		"UPDATE vendor SET id = 'tok_' || substr(id, 5)",
		"UPDATE vendor SET name = ''",
		"UPDATE vendor SET suspended = 2",
		"UPDATE vendor SET created = 'yesterday'",
		"UPDATE token SET roles = 16",
		"UPDATE token SET digest = x'00'",
		"UPDATE token SET vendor = 'ven_nobody'",
		"UPDATE token SET version = 0",
		"UPDATE audit SET hash = 'text'",
		"INSERT INTO audit_head VALUES (2, 0, zeroblob(32))",
		"INSERT INTO checkpoint VALUES (99, 1, zeroblob(32), 'x')",
		"INSERT INTO answer VALUES (1, zeroblob(32), zeroblob(32), 99, x'', 1)",
		"INSERT INTO keyring VALUES (0, 1, 0, x'00')",
		"INSERT INTO vendor_key SELECT id, 1, 7, x'00' FROM vendor",
		"INSERT INTO setting VALUES ('', 'x')",
		"DELETE FROM vendor",
	};
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme");
	struct token t = new_token(c, &v, 1);
	sqlite3 *sql;

	ck_ok(c, doing(c, s, do_token_insert, &t));
	store_close(&s);
	sql = raw_open(dir);
	raw(sql, "PRAGMA foreign_keys = ON");
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(sqlite3_exec(sql, bad[i], NULL, NULL, NULL) == SQLITE_CONSTRAINT,
		    "%s: %s", bad[i], sqlite3_errmsg(sql));
	sqlite3_close(sql);
}
END_TEST

struct change {
	struct str vendor, id;
	int64_t version;
	bool flag;
};

static bool
do_revoke(struct ctx *c, struct db *db, void *arg)
{
	const struct change *g = arg;

	return token_revoke(c, db, g->vendor, g->id, g->version, c->now());
}

static bool
do_suspend(struct ctx *c, struct db *db, void *arg)
{
	const struct change *g = arg;

	return vendor_suspend(c, db, g->vendor, g->flag);
}

START_TEST(tokens_are_found_by_digest_and_revoked_once)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme"), w = add_vendor(c, s, "Other"), got_v;
	struct token t = new_token(c, &v, 1), got, near = t;
	struct change g = { str_of(v.id.s), str_of(t.id.s), 7, true };
	bool found = true;

	t.expires = TEST_NOW + 1000;
	ck_ok(c, doing(c, s, do_token_insert, &t));
	ck_ok(c, token_by_digest(c, db, &t.digest, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, t.id.s);
	ck_assert_str_eq(got.vendor.s, v.id.s);
	ck_str(got.name, "a token");
	ck_assert_uint_eq(got.roles, ROLE_ISSUER);
	ck_assert_int_eq(got.expires, t.expires);
	ck_assert_int_eq(got.version, 1);
	ck_assert(!got.vendor_suspended);
	/* The index knows twelve bytes; the answer depends on all of them. */
	near.digest.b[31] ^= 1;
	ck_ok(c, token_by_digest(c, db, &near.digest, &found, &got));
	ck_assert(!found);
	ck_fails(c, E_ABSENT, token_by_id(c, db, str_of(w.id.s), str_of(t.id.s), &got));
	ck_fails(c, E_STALE, doing(c, s, do_revoke, &g));
	g.version = 1;
	g.vendor = str_of(w.id.s);
	ck_fails(c, E_ABSENT, doing(c, s, do_revoke, &g));
	g.vendor = str_of(v.id.s);
	ck_ok(c, doing(c, s, do_revoke, &g));
	g.version = 0;
	ck_fails(c, E_CONFLICT, doing(c, s, do_revoke, &g));
	ck_ok(c, token_by_id(c, db, str_of(v.id.s), str_of(t.id.s), &got));
	ck_assert_int_eq(got.revoked, TEST_NOW);
	ck_assert_int_eq(got.version, 2);
	ck_ok(c, doing(c, s, do_suspend, &g));
	ck_ok(c, token_by_digest(c, db, &t.digest, &found, &got));
	ck_assert(found && got.vendor_suspended);
	ck_ok(c, vendor_by_id(c, db, g.vendor, &got_v));
	ck_assert(got_v.suspended);
	ck_assert_int_eq(got_v.version, 2);
	g.vendor = STR("ven_nobody");
	ck_fails(c, E_ABSENT, doing(c, s, do_suspend, &g));
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(lists_go_page_by_page)
{
	enum { MANY = 45, PAGE = 10 };
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme"), w = add_vendor(c, s, "Other"), *vendors;
	struct token t, *page;
	struct str after = STR("");
	size_t n = PAGE, seen = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		test_clock_set(TEST_NOW + i);
		t = new_token(c, i % 9 == 0 ? &w : &v, i);
		ck_ok(c, doing(c, s, do_token_insert, &t));
	}
	while (n == PAGE) {
		ck_ok(c, token_list(c, db, str_of(v.id.s), after, PAGE, &page, &n));
		for (size_t i = 0; i < n; i++) {
			ck_assert_str_eq(page[i].vendor.s, v.id.s);
			ck_assert_str_gt(page[i].id.s, after.n == 0 ? "" : after.p);
			after = str_of(page[i].id.s);
		}
		seen += n;
	}
	ck_assert_uint_eq(seen, MANY - 5);
	ck_ok(c, vendor_list(c, db, STR(""), 1, &vendors, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, vendor_list(c, db, str_of(vendors[0].id.s), 10, &vendors, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, vendor_list(c, db, str_of(vendors[0].id.s), 10, &vendors, &n));
	ck_assert_uint_eq(n, 0);
	reader_close(&db);
	store_close(&s);
}
END_TEST

struct keyed {
	struct digest256 key;
	struct answer answer;
	size_t pruned;
};

static bool
do_answer(struct ctx *c, struct db *db, void *arg)
{
	const struct keyed *k = arg;

	return answer_insert(c, db, &k->key, &k->answer);
}

static bool
do_prune(struct ctx *c, struct db *db, void *arg)
{
	return answer_prune(c, db, TEST_NOW + 50, 30, arg);
}

START_TEST(answers_come_back_and_grow_old)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct keyed k = { .answer = { .status = 201, .sealed = { "a\0b", 3 } } };
	struct answer got;
	bool found = true;
	size_t n = 0;

	for (uint32_t i = 0; i < 100; i++) {
		k.key.b[0] = (uint8_t)i;
		k.key.b[31] = (uint8_t)i;
		k.answer.at = TEST_NOW + i;
		ck_ok(c, doing_quietly(c, s, do_answer, &k));
	}
	ck_fails(c, E_CONFLICT, doing_quietly(c, s, do_answer, &k));
	ck_ok(c, answer_find(c, db, &k.key, &found, &got));
	ck_assert(found);
	ck_assert_int_eq(got.status, 201);
	ck_assert_int_eq(got.at, TEST_NOW + 99);
	ck_assert(str_same(got.sealed, k.answer.sealed));
	k.key.b[31]++;
	ck_ok(c, answer_find(c, db, &k.key, &found, &got));
	ck_assert(!found);
	ck_ok(c, doing_quietly(c, s, do_prune, &n));
	ck_assert_uint_eq(n, 30);
	ck_ok(c, doing_quietly(c, s, do_prune, &n));
	ck_assert_uint_eq(n, 20);
	ck_ok(c, doing_quietly(c, s, do_prune, &n));
	ck_assert_uint_eq(n, 0);
	reader_close(&db);
	store_close(&s);
}
END_TEST

static bool
do_setting(struct ctx *c, struct db *db, void *arg)
{
	return setting_put(c, db, STR("epoch"), str_of(arg));
}

START_TEST(settings_are_replaced)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct str value;
	bool found = true;

	ck_ok(c, setting_get(c, db, STR("epoch"), &found, &value));
	ck_assert(!found);
	ck_ok(c, doing(c, s, do_setting, "1"));
	ck_ok(c, doing(c, s, do_setting, "2"));
	ck_ok(c, setting_get(c, db, STR("epoch"), &found, &value));
	ck_assert(found);
	ck_str(value, "2");
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store_rows", ONE(names_that_fold_to_one_are_one),
    ONE(schema_refuses_what_no_code_should_write),
    ONE(tokens_are_found_by_digest_and_revoked_once), ONE(lists_go_page_by_page),
    ONE(answers_come_back_and_grow_old), ONE(settings_are_replaced))
