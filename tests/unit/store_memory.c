/*
 * Memory that runs out inside the store: SQLite's n-th request for it is refused, for every n. The
 * answer is an error, never a crash; nothing is half done; the next try works.
 */
#include "store_support.h"

#include <stdio.h>

#include "impl.h"

static sqlite3_mem_methods below;
static _Atomic int64_t asked;
static _Atomic int64_t refused_at = -1;

static bool
refused(void)
{
	return asked++ == refused_at;
}

static void *
layer_malloc(int n)
{
	return refused() ? NULL : below.xMalloc(n);
}

static void *
layer_realloc(void *p, int n)
{
	return refused() ? NULL : below.xRealloc(p, n);
}

/* Before the first connection of this process. */
static void
layer_begin(void)
{
	sqlite3_mem_methods layer;

	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &below), SQLITE_OK);
	layer = below;
	layer.xMalloc = layer_malloc;
	layer.xRealloc = layer_realloc;
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &layer), SQLITE_OK);
}

/* Did the call fail as it must? Clears the error. */
static bool
failed_well(struct ctx *c, bool ok)
{
	ck_assert_msg(
	    ok == (c->err.code == E_NONE), "result and error disagree: %s", c->err.text);
	ck_assert_msg(ok || c->err.code == E_MEMORY, "%s: %s (%s)", err_wire(c->err.code),
	    c->err.text, c->err.detail);
	c->err = (struct err){ 0 };
	return !ok;
}

START_TEST(opening_without_memory)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s;
	int64_t n = 0;
	bool fired = true;

	layer_begin();
	s = open_store(c, dir);
	(void)add_vendor(c, s, "Acme");
	store_close(&s);
	for (; fired; n += 1 + n / 40) {
		arena_reset(c->mem);
		asked = 0;
		refused_at = n;
		(void)failed_well(c, try_store(c, dir, &s));
		fired = asked > n;
		refused_at = -1;
		store_close(&s);
		s = open_store(c, dir);
		store_close(&s);
	}
	ck_assert_int_gt(n, 100);
}
END_TEST

/* An act, on fresh connections: their statements are yet to be prepared. */
START_TEST(acts_without_memory)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s;
	struct vendor v;
	unsigned failed = 0;

	layer_begin();
	s = open_store(c, dir);
	v = add_vendor(c, s, "Acme");
	store_close(&s);
	for (uint32_t n = 0;; n += 1 + n / 40) {
		struct token t = new_token(c, &v, n), got;
		struct db *db;
		bool found = false, lost, fired;

		arena_reset(c->mem);
		s = open_store(c, dir);
		asked = 0;
		refused_at = n;
		lost = failed_well(c, doing(c, s, do_token_insert, &t));
		fired = asked > n;
		refused_at = -1;
		failed += lost;
		db = open_reader(c, s);
		ck_ok(c, token_by_digest(c, db, &t.digest, &found, &got));
		ck_assert(found == !lost);
		if (lost)
			ck_ok(c, doing(c, s, do_token_insert, &t));
		(void)verified(c, db);
		reader_close(&db);
		store_close(&s);
		if (!fired)
			break;
	}
	ck_assert_uint_gt(failed, 20);
}
END_TEST

START_TEST(questions_without_memory)
{
	struct ctx *c = test_ctx();
	struct store *s;
	struct vendor v;
	struct token t;
	unsigned failed = 0;
	bool fired = true;

	layer_begin();
	s = open_store(c, test_folder());
	v = add_vendor(c, s, "Acme");
	t = new_token(c, &v, 1);
	t.name = STR("a name that is copied");
	ck_ok(c, doing(c, s, do_token_insert, &t));
	for (int64_t n = 0; fired; n++) {
		struct db *db = NULL;
		struct token *list;
		size_t rows = 0;
		bool ok;

		asked = 0;
		refused_at = n;
		ok = reader_open(c, s, &db) &&
		    token_list(c, db, str_of(v.id.s), STR(""), 10, &list, &rows);
		failed += failed_well(c, ok);
		fired = asked > n;
		refused_at = -1;
		if (ok) {
			ck_assert_uint_eq(rows, 1);
			ck_str(list[0].name, "a name that is copied");
		}
		reader_close(&db);
	}
	ck_assert_uint_gt(failed, 20);
	store_close(&s);
}
END_TEST

MAIN("store_memory", ONE(opening_without_memory), ONE(acts_without_memory),
    ONE(questions_without_memory))
