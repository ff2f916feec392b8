/*
 * What the tests of the store share; see store_support.h.
 */
#include "store_support.h"

#include <stdio.h>

bool
try_store(struct ctx *c, const char *folder, struct store **ret)
{
	struct store_conf conf = {
		.dir = folder,
		.group_max = 64,
		.queue_max = 4096,
		.lazy_ms = 20,
		.check_ms = 0,
	};

	return store_open(c, &conf, ret);
}

struct store *
open_store(struct ctx *c, const char *folder)
{
	struct store *s = NULL;

	ck_ok(c, try_store(c, folder, &s));
	return s;
}

struct db *
open_reader(struct ctx *c, struct store *s)
{
	struct db *db = NULL;

	ck_ok(c, reader_open(c, s, &db));
	return db;
}

struct did {
	struct act act;
	deed *what;
	const void *arg;
};

static bool
did_run(struct ctx *c, struct db *db, struct act *a)
{
	struct did *d = (struct did *)(void *)a;
	union {
		const void *from;
		void *to;
	} arg = { d->arg };

	return d->what(c, db, arg.to);
}

static bool
did(struct ctx *c, struct store *s, deed *what, const void *arg, bool unaudited)
{
	struct did d = { .what = what, .arg = arg };

	d.act.run = did_run;
	d.act.unaudited = unaudited;
	d.act.audit.actor = STR("system");
	d.act.audit.action = STR("test.act");
	return store_do(c, s, &d.act);
}

bool
doing(struct ctx *c, struct store *s, deed *what, const void *arg)
{
	return did(c, s, what, arg, false);
}

bool
doing_quietly(struct ctx *c, struct store *s, deed *what, const void *arg)
{
	return did(c, s, what, arg, true);
}

bool
do_vendor_insert(struct ctx *c, struct db *db, void *arg)
{
	return vendor_insert(c, db, arg);
}

bool
do_token_insert(struct ctx *c, struct db *db, void *arg)
{
	return token_insert(c, db, arg);
}

struct vendor
add_vendor(struct ctx *c, struct store *s, const char *name)
{
	struct vendor v = {
		.id = id_new(c, "ven"),
		.name = str_of(name),
		.created = c->now(),
		.version = 1,
	};

	ck_ok(c, doing_quietly(c, s, do_vendor_insert, &v));
	return v;
}

struct token
new_token(struct ctx *c, const struct vendor *v, uint32_t n)
{
	struct token t = {
		.id = id_new(c, "tok"),
		.vendor = v->id,
		.name = STR("a token"),
		.roles = ROLE_ISSUER,
		.created = c->now(),
		.version = 1,
	};

	ck_ok(c, sha256(c, (struct str){ (const char *)&n, sizeof n }, &t.digest));
	return t;
}

void
add_audit(struct ctx *c, struct store *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct act act = {
			.audit = {
				.vendor = i % 2 == 0 ? STR("ven_x") : STR(""),
				.actor = STR("admin:0"),
				.action = STR("vendor.create"),
				.object = STR("ven_x"),
				.request = STR("req_1"),
				.address = STR("127.0.0.1"),
				.detail = STR("{\"n\":1}"),
			},
		};

		ck_ok(c, store_do(c, s, &act));
	}
}

int64_t
verified(struct ctx *c, struct db *db)
{
	const struct audit_check check = { 0 };
	int64_t rows = 0, bad = 0;

	ck_ok(c, audit_verify(c, db, &check, &rows, &bad));
	return rows;
}

sqlite3 *
raw_open(const char *folder)
{
	sqlite3 *sql;

	ck_assert_int_eq(sqlite3_open(test_path(folder, "hallmark.db"), &sql), SQLITE_OK);
	sqlite3_busy_timeout(sql, 5000);
	return sql;
}

void
raw(sqlite3 *sql, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(sql, text, NULL, NULL, &why) != SQLITE_OK)
		ck_abort_msg("%s: %s", text, why);
}

int64_t
raw_number(sqlite3 *sql, const char *text)
{
	sqlite3_stmt *st;
	int64_t n;

	ck_assert_msg(sqlite3_prepare_v2(sql, text, -1, &st, NULL) == SQLITE_OK, "%s", text);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}
