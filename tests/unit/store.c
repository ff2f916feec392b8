/*
 * The store as a whole: opening, acts and their audit rows, groups, notes, refusals, the lock.
 */
#include "store_support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(opens_creates_and_opens_again)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct stat st;
	struct vendor v = add_vendor(c, s, "Acme"), got;
	struct db *db;

	ck_assert_int_eq(stat(test_path(dir, "hallmark.db"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(test_path(dir, "hallmark.db-wal"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	store_close(&s);
	ck_assert_ptr_null(s);
	ck_assert_int_ne(stat(test_path(dir, "hallmark.db-wal"), &st), 0);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, vendor_by_id(c, db, str_of(v.id.s), &got));
	ck_str(got.name, "Acme");
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(second_daemon_is_told_who_holds_the_folder)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir), *second = NULL;
	char who[32];
	struct buf b = BUF(who);

	ck_assert(!try_store(c, dir, &second));
	buf_printf(&b, "process %ld ", (long)getpid());
	ck_assert_msg(str_starts(str_of(c->err.text), buf_str(&b)), "%s", c->err.text);
	ck_err(c, E_CONFLICT);
	store_close(&s);
	s = open_store(c, dir);
	store_close(&s);
}
END_TEST

START_TEST(open_folders_and_files_are_refused)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = NULL;

	ck_assert_int_eq(chmod(dir, 0750), 0);
	ck_fails(c, E_FILE, try_store(c, dir, &s));
	ck_assert_int_eq(chmod(dir, 0700), 0);
	ck_fails(c, E_FILE, try_store(c, test_path(dir, "absent"), &s));
	s = open_store(c, dir);
	store_close(&s);
	ck_assert_int_eq(chmod(test_path(dir, "hallmark.db"), 0640), 0);
	ck_fails(c, E_FILE, try_store(c, dir, &s));
	ck_assert_int_eq(unlink(test_path(dir, "hallmark.db")), 0);
	ck_assert_int_eq(symlink("elsewhere", test_path(dir, "hallmark.db")), 0);
	ck_fails(c, E_FILE, try_store(c, dir, &s));
}
END_TEST

START_TEST(what_is_no_database_of_ours_is_refused)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = NULL;
	sqlite3 *sql = raw_open(dir);

	raw(sql, "CREATE TABLE other (a)");
	sqlite3_close(sql);
	ck_assert_int_eq(chmod(test_path(dir, "hallmark.db"), 0600), 0);
	ck_fails(c, E_CONFLICT, try_store(c, dir, &s));
	ck_ok(c,
	    file_replace(c, AT_FDCWD, test_path(dir, "hallmark.db"), 0600,
		STR("this is no database at all, but it is long enough to be looked at, "
		    "as a header of one hundred bytes would be")));
	ck_fails(c, E_INTEGRITY, try_store(c, dir, &s));
}
END_TEST

struct pair {
	const struct token *one, *two;
};

/* Two writes, the second of which may be refused. */
static bool
insert_both(struct ctx *c, struct db *db, void *arg)
{
	struct pair *p = arg;

	return token_insert(c, db, p->one) && token_insert(c, db, p->two);
}

START_TEST(refused_act_is_undone_alone_and_audited)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme");
	struct token one = new_token(c, &v, 1), two = new_token(c, &v, 2), got;
	struct pair p = { &one, &two };
	struct audit_row *rows;
	size_t n;

	two.digest = one.digest;
	ck_fails(c, E_CONFLICT, doing(c, s, insert_both, &p));
	ck_fails(c, E_ABSENT, token_by_id(c, db, str_of(v.id.s), str_of(one.id.s), &got));
	ck_ok(c, doing(c, s, do_token_insert, &one));
	ck_ok(c, token_by_id(c, db, str_of(v.id.s), str_of(one.id.s), &got));
	ck_ok(c, audit_list(c, db, STR(""), 0, 10, &rows, &n));
	ck_assert_uint_eq(n, 2);
	ck_str(rows[0].e.outcome, "CONFLICT");
	ck_str(rows[1].e.outcome, "OK");
	ck_assert_int_eq(verified(c, db), 2);
	reader_close(&db);
	store_close(&s);
}
END_TEST

static bool
complete_audit(struct ctx *c, struct db *db, struct act *a)
{
	(void)c;
	(void)db;
	a->audit.object = STR("tok_made");
	a->audit.detail = STR("{}");
	return true;
}

static bool
overdo_audit(struct ctx *c, struct db *db, struct act *a)
{
	static char much[5000];

	(void)c;
	(void)db;
	memset(much, 'x', sizeof much);
	a->audit.detail = (struct str){ much, sizeof much };
	return true;
}

START_TEST(acts_complete_their_audit_row)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct act a = { .run = complete_audit, .audit.actor = STR("system") };
	struct act b = { .run = overdo_audit, .audit.actor = STR("system") };
	struct audit_row *rows;
	size_t n;

	ck_ok(c, store_do(c, s, &a));
	ck_fails(c, E_LIMIT, store_do(c, s, &b));
	b.audit.detail = STR("");
	b.audit.actor = (struct str){ "x", 1000 };
	ck_fails(c, E_LIMIT, store_submit(c, s, &b));
	ck_ok(c, audit_list(c, db, STR(""), 0, 10, &rows, &n));
	ck_assert_uint_eq(n, 2);
	ck_str(rows[0].e.object, "tok_made");
	ck_str(rows[0].e.detail, "{}");
	ck_str(rows[1].e.outcome, "TOO_LARGE");
	ck_str(rows[1].e.detail, "");
	ck_assert_int_eq(rows[0].at, TEST_NOW);
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(notes_come_with_the_next_commit_or_soon)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct audit_entry e = { .actor = STR("tok_1"), .action = STR("audit.read") };
	struct audit_row *rows;
	size_t n = 0;

	ck_ok(c, store_note(c, s, &e));
	for (int i = 0; i < 3000 && n == 0; i++) {
		usleep(10000);
		ck_ok(c, audit_list(c, db, STR(""), 0, 10, &rows, &n));
	}
	ck_assert_uint_eq(n, 1);
	ck_str(rows[0].e.action, "audit.read");
	ck_str(rows[0].e.outcome, "OK");
	e.outcome = STR("NOT_FOUND");
	ck_ok(c, store_note(c, s, &e));
	add_audit(c, s, 1);
	ck_ok(c, audit_list(c, db, STR(""), 1, 10, &rows, &n));
	ck_assert_uint_eq(n, 2);
	ck_str(rows[0].e.outcome, "NOT_FOUND");
	ck_ok(c, audit_list(c, db, STR("ven_x"), 0, 10, &rows, &n));
	ck_assert_uint_eq(n, 1);
	e.actor = (struct str){ "x", 1000 };
	ck_fails(c, E_LIMIT, store_note(c, s, &e));
	ck_assert_uint_eq(store_counts(s).notes, 2);
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* More than the ring holds at once, each note of another size: they wrap and stay in order. */
START_TEST(many_notes_keep_their_order)
{
	enum { MANY = 40000 };
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct db *db = open_reader(c, s);
	static char text[400];
	struct audit_row *rows;
	size_t n;

	memset(text, 'd', sizeof text);
	for (int i = 0; i < MANY; i++) {
		char number[16];
		struct buf b = BUF(number);
		struct audit_entry e = { .actor = STR("tok_1"), .action = STR("x") };

		buf_number(&b, i);
		e.object = buf_str(&b);
		e.detail = (struct str){ text, (size_t)i % sizeof text };
		while (!store_note(c, s, &e)) {
			ck_err(c, E_BUSY);
			usleep(1000);
		}
	}
	reader_close(&db);
	store_close(&s);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_assert_int_eq(verified(c, db), MANY);
	for (int from = 0; from < MANY; from += 1000) {
		struct ctx *page = test_ctx();

		ck_ok(page, audit_list(page, db, STR(""), from, 1000, &rows, &n));
		ck_assert_uint_eq(n, 1000);
		for (int i = 0; i < 1000; i++) {
			int64_t object;

			ck_assert(str_number(rows[i].e.object, 0, MANY, &object));
			ck_assert_int_eq(object, from + i);
			ck_assert_uint_eq(rows[i].e.detail.n, (size_t)object % sizeof text);
		}
	}
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* An act that takes its time, so that others queue behind it. */
static bool
dawdle(struct ctx *c, struct db *db, struct act *a)
{
	(void)c;
	(void)db;
	(void)a;
	usleep(1000000);
	return true;
}

static _Atomic unsigned over;

static void
count_over(struct act *a)
{
	ck_assert(a->ok);
	over++;
}

START_TEST(queue_has_an_end_and_closing_finishes_it)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store_conf conf = { dir, 4, 8, 20, 0 };
	struct store *s = NULL;
	static struct act acts[32];
	unsigned queued = 0;
	struct db *db;

	ck_ok(c, store_open(c, &conf, &s));
	for (size_t i = 0; i < COUNT(acts); i++) {
		acts[i] = (struct act){ .run = dawdle, .done = count_over, .c = c };
		acts[i].audit.actor = STR("system");
		if (i > 0)
			acts[i].run = NULL;
		if (store_submit(c, s, &acts[i]))
			queued++;
		else
			ck_err(c, E_BUSY);
		if (i == 0)
			usleep(50000);
	}
	ck_assert_uint_ge(queued, 8);
	ck_assert_uint_lt(queued, COUNT(acts));
	store_close(&s);
	ck_assert_uint_eq(over, queued);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_assert_int_eq(verified(c, db), queued);
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* So large that a whole check takes many times the limit. */
START_TEST(check_at_start_has_a_limit)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store_conf conf = { dir, 4, 8, 20, 1 };
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme"), got;
	struct db *db;
	sqlite3 *sql;

	store_close(&s);
	sql = raw_open(dir);
	raw(sql,
	    "INSERT INTO answer (key, request, status, sealed, at)"
	    " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
	    " SELECT randomblob(32), zeroblob(32), 200, x'00', 1 FROM n");
	sqlite3_close(sql);
	for (int i = 0; i < 5; i++) {
		ck_ok(c, store_open(c, &conf, &s));
		db = open_reader(c, s);
		ck_ok(c, vendor_by_id(c, db, str_of(v.id.s), &got));
		reader_close(&db);
		store_close(&s);
	}
}
END_TEST

START_TEST(readers_cannot_write)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = { .id = id_new(c, "ven"), .name = STR("x"), .created = 1 };

	ck_fails(c, E_STORE, vendor_insert(c, db, &v));
	ck_fails(c, E_STORE, setting_put(c, db, STR("a"), STR("b")));
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store", ONE(opens_creates_and_opens_again),
    ONE(second_daemon_is_told_who_holds_the_folder), ONE(open_folders_and_files_are_refused),
    ONE(what_is_no_database_of_ours_is_refused), ONE(refused_act_is_undone_alone_and_audited),
    ONE(acts_complete_their_audit_row), ONE(notes_come_with_the_next_commit_or_soon),
    ONE(many_notes_keep_their_order), ONE(queue_has_an_end_and_closing_finishes_it),
    ONE(check_at_start_has_a_limit), ONE(readers_cannot_write))
