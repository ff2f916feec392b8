/*
 * Copies out and in: a backup under load is a committed prefix in one private file; a restore
 * checks what it puts in place, keeps what was there, and refuses whatever is not a sound backup.
 */
#include "store_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "impl.h"

static _Atomic bool enough;
static _Atomic unsigned committed;

/* Commits acts one after the other until it is told that it is enough. */
static void *
keep_writing(void *arg)
{
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "writer");

	while (!enough) {
		struct act a = { .audit.actor = STR("system"), .audit.action = STR("x") };

		if (!store_do(&c, arg, &a))
			ck_abort_msg("%s", c.err.text);
		committed++;
		arena_reset(mem);
	}
	arena_free(&mem);
	return NULL;
}

static size_t
count_files(const char *dir, const char *beginning)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, beginning, strlen(beginning)) == 0;
	closedir(d);
	return n;
}

START_TEST(backup_under_load_is_a_sound_prefix)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder(), *to = test_path(test_folder(), "one.db");
	struct store *s = open_store(c, dir);
	unsigned before, during = 0;
	struct db *db = NULL;
	struct str file, problems;
	struct stat st;
	pthread_t writers[4];

	add_audit(c, s, 500);
	for (size_t i = 0; i < COUNT(writers); i++)
		ck_assert_int_eq(pthread_create(&writers[i], NULL, keep_writing, s), 0);
	before = committed;
	for (int i = 0; i < 5; i++) {
		unsigned at_start = committed;

		(void)unlink(to);
		ck_ok(c, store_backup(c, s, to));
		during += committed - at_start;
	}
	ck_fails(c, E_CONFLICT, store_backup(c, s, to));
	enough = true;
	for (size_t i = 0; i < COUNT(writers); i++)
		pthread_join(writers[i], NULL);
	ck_assert_uint_gt(during, 0);
	ck_assert_int_eq(stat(to, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_ok(c, db_open(c, to, DB_READ, &db));
	ck_assert_int_ge(verified(c, db), 500 + before);
	ck_ok(c, store_check(c, db, &problems));
	ck_str(problems, "");
	db_close(&db);
	/* One file, not in the mode that wants a log beside it. */
	ck_ok(c, file_read(c, AT_FDCWD, to, 64 << 20, &file));
	ck_assert_int_eq(file.p[18], 1);
	ck_fails(c, E_FILE, store_backup(c, s, "/nonexistent/x.db"));
	store_close(&s);
}
END_TEST

START_TEST(restore_goes_back_and_keeps_what_was)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder(), *to = test_path(test_folder(), "one.db");
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Early"), w, got;
	struct db *db = NULL;

	ck_ok(c, store_backup(c, s, to));
	w = add_vendor(c, s, "Late");
	ck_fails(c, E_CONFLICT, store_restore(c, dir, to));
	store_close(&s);
	ck_ok(c, store_restore(c, dir, to));
	ck_assert_uint_eq(count_files(dir, "replaced-"), 1);
	ck_assert_uint_eq(count_files(dir, "restore.db"), 0);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, vendor_by_id(c, db, str_of(v.id.s), &got));
	ck_fails(c, E_ABSENT, vendor_by_id(c, db, str_of(w.id.s), &got));
	reader_close(&db);
	store_close(&s);
	/* What was put aside is whole and can be put back. */
	test_clock_set(TEST_NOW + 1);
	ck_ok(c, store_restore(c, dir, test_path(dir, "replaced-20260201T120000.000Z.db")));
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, vendor_by_id(c, db, str_of(w.id.s), &got));
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* The daemon was killed: what it acknowledged may still be in the log alone. */
START_TEST(restore_keeps_what_is_in_the_log)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder(), *other = test_folder();
	const char *to = test_path(test_folder(), "one.db");
	struct store *s = open_store(c, dir);
	struct vendor w, got;
	struct str db_bytes, log_bytes;
	struct db *db = NULL;

	ck_ok(c, store_backup(c, s, to));
	w = add_vendor(c, s, "In the log");
	ck_ok(c, file_read(c, AT_FDCWD, test_path(dir, "hallmark.db"), 1 << 22, &db_bytes));
	ck_ok(
	    c, file_read(c, AT_FDCWD, test_path(dir, "hallmark.db-wal"), 1 << 22, &log_bytes));
	store_close(&s);
	ck_ok(c, file_create(c, AT_FDCWD, test_path(other, "hallmark.db"), 0600, db_bytes));
	ck_ok(
	    c, file_create(c, AT_FDCWD, test_path(other, "hallmark.db-wal"), 0600, log_bytes));
	ck_ok(c, store_restore(c, other, to));
	ck_assert_uint_eq(count_files(other, "hallmark.db-wal"), 0);
	ck_ok(
	    c, db_open(c, test_path(other, "replaced-20260201T120000.000Z.db"), DB_READ, &db));
	ck_ok(c, vendor_by_id(c, db, str_of(w.id.s), &got));
	db_close(&db);
}
END_TEST

START_TEST(damaged_database_can_be_replaced)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder(), *to = test_path(test_folder(), "one.db");
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme"), got;
	static char rubbish[40960];
	struct db *db;

	ck_ok(c, store_backup(c, s, to));
	store_close(&s);
	c->random(rubbish, sizeof rubbish);
	ck_ok(c,
	    file_replace(c, AT_FDCWD, test_path(dir, "hallmark.db"), 0600,
		(struct str){ rubbish, sizeof rubbish }));
	ck_fails(c, E_INTEGRITY, try_store(c, dir, &s));
	ck_ok(c, store_restore(c, dir, to));
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, vendor_by_id(c, db, str_of(v.id.s), &got));
	reader_close(&db);
	store_close(&s);
}
END_TEST

enum spoiling { CUT, FLIPPED, OTHER, EMPTY, CHANGED, NEWER, ABSENT };
static const struct {
	enum spoiling how;
	enum err_code want;
} spoilings[] = {
	{ CUT, E_INTEGRITY },
	{ FLIPPED, E_INTEGRITY },
	{ OTHER, E_CONFLICT },
	{ EMPTY, E_CONFLICT },
	{ CHANGED, E_INTEGRITY },
	{ NEWER, E_CONFLICT },
	{ ABSENT, E_FILE },
};

static void
spoil_backup(struct ctx *c, const char *path, enum spoiling how)
{
	struct str file;
	char *bytes;
	sqlite3 *sql;

	ck_ok(c, file_read(c, AT_FDCWD, path, 1 << 22, &file));
	bytes = take_cstr(c, file);
	ck_assert_int_eq(unlink(path), 0);
	if (how == ABSENT)
		return;
	if (how == CUT)
		file.n -= 8192;
	if (how == EMPTY)
		file.n = 0;
	for (size_t i = 8192; how == FLIPPED && i < file.n; i += 512)
		bytes[i] ^= 0x55;
	if (how == OTHER)
		file.n = 0;
	ck_ok(c, file_create(c, AT_FDCWD, path, 0600, (struct str){ bytes, file.n }));
	ck_assert_int_eq(sqlite3_open(path, &sql), SQLITE_OK);
	if (how == OTHER)
		raw(sql, "CREATE TABLE t (a)");
	if (how == CHANGED)
		raw(sql, "UPDATE audit SET actor = 'nobody' WHERE seq = 17");
	if (how == NEWER)
		raw(sql, "PRAGMA user_version = 1000");
	sqlite3_close(sql);
}

START_TEST(unsound_backups_are_refused)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder(), *to = test_path(test_folder(), "one.db");
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme"), got;
	struct db *db;

	add_audit(c, s, 50);
	ck_ok(c, store_backup(c, s, to));
	store_close(&s);
	spoil_backup(c, to, spoilings[_i].how);
	ck_fails(c, spoilings[_i].want, store_restore(c, dir, to));
	ck_assert_uint_eq(count_files(dir, "replaced-"), 0);
	ck_assert_uint_eq(count_files(dir, "restore.db"), 0);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, vendor_by_id(c, db, str_of(v.id.s), &got));
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(check_names_what_is_wrong)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme");
	struct token t = new_token(c, &v, 1);
	struct db *db = open_reader(c, s);
	struct str problems;
	sqlite3 *sql;

	ck_ok(c, doing(c, s, do_token_insert, &t));
	ck_ok(c, store_check(c, db, &problems));
	ck_str(problems, "");
	sql = raw_open(dir);
	raw(sql,
	    "PRAGMA ignore_check_constraints = ON; UPDATE token SET roles = 99;"
	    "UPDATE token SET vendor = 'ven_nobody'");
	sqlite3_close(sql);
	ck_ok(c, store_check(c, db, &problems));
	ck_assert_msg(strstr(problems.p, "CHECK constraint failed in token") != NULL &&
		strstr(problems.p, "row 1 of token refers to a missing vendor") != NULL,
	    "%s", problems.p);
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store_backup", ONE(backup_under_load_is_a_sound_prefix),
    ONE(restore_goes_back_and_keeps_what_was), ONE(restore_keeps_what_is_in_the_log),
    ONE(damaged_database_can_be_replaced), EACH(unsound_backups_are_refused, spoilings),
    ONE(check_names_what_is_wrong))
