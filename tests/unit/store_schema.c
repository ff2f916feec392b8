/*
 * The schema and its upgrades: each step whole or not at all, a copy before the first, newer ones
 * refused; and every question finds its rows by an index.
 */
#include "store_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "impl.h"

/* What may come after the store's own steps. */
static const char *const future[] = {
	"CREATE TABLE model (id TEXT PRIMARY KEY, vendor TEXT REFERENCES vendor (id)) STRICT;",
	"ALTER TABLE model ADD COLUMN name TEXT NOT NULL DEFAULT '';",
};
static const char *const broken[] = {
	"CREATE TABLE model (id TEXT PRIMARY KEY) STRICT;",
	"CREATE TABLE other (id TEXT) STRICT; INSERT INTO nowhere VALUES (1);",
};
static const char *const orphans[] = {
	"CREATE TABLE model (vendor TEXT REFERENCES vendor (id)) STRICT;"
	"INSERT INTO model VALUES ('ven_nobody');",
};
static const char *const slow[] = {
	"CREATE TABLE many AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	" WHERE i < 100000000) SELECT i FROM n;",
};

/* The store's list with more at its end. */
static bool
upgrade_to(struct ctx *c, struct db *db, const char *dir, const char *const *list, size_t n)
{
	const char *all[32];
	size_t own = store_migration_count;

	for (size_t i = 0; i < own + n; i++)
		all[i] = i < own ? store_migrations[i] : list[i - own];
	return schema_upgrade(c, db, dir, all, own + n);
}

/* The version after so many steps more than the store's own. */
static int64_t
step(size_t n)
{
	return (int64_t)(store_migration_count + n);
}

static const char *
base_folder(struct ctx *c)
{
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);

	(void)add_vendor(c, s, "Acme");
	add_audit(c, s, 3);
	store_close(&s);
	return dir;
}

static struct db *
writable(struct ctx *c, const char *dir)
{
	struct db *db = NULL;

	ck_ok(c, db_open(c, test_path(dir, "hallmark.db"), DB_WRITE, &db));
	return db;
}

/* The only finished copy in backup/, or NULL. */
static const char *
backup_in(const char *dir)
{
	DIR *d = opendir(test_path(dir, "backup"));
	const char *found = NULL;
	struct dirent *e;

	if (d == NULL)
		return NULL;
	while ((e = readdir(d)) != NULL)
		if (strlen(e->d_name) > 3 &&
		    strcmp(e->d_name + strlen(e->d_name) - 3, ".db") == 0) {
			ck_assert_ptr_null(found);
			found = test_path(test_path(dir, "backup"), e->d_name);
		}
	closedir(d);
	return found;
}

START_TEST(older_database_is_copied_and_upgraded)
{
	struct ctx *c = test_ctx();
	const char *dir = base_folder(c), *copy;
	struct db *db = writable(c, dir);
	struct vendor v;
	struct stat st;
	int64_t version = 0;

	ck_ok(c, upgrade_to(c, db, dir, future, COUNT(future)));
	ck_ok(c, db_number(c, db, "PRAGMA user_version", &version));
	ck_assert_int_eq(version, step(2));
	ck_ok(c, db_number(c, db, "PRAGMA foreign_keys", &version));
	ck_assert_int_eq(version, 1);
	ck_ok(c, db_number(c, db, "SELECT count(*) FROM model WHERE name = ''", &version));
	ck_ok(c, vendor_by_name(c, db, STR("Acme"), &v));
	ck_assert_int_eq(verified(c, db), 3);
	/* Again: nothing to do, no second copy. */
	ck_ok(c, upgrade_to(c, db, dir, future, COUNT(future)));
	db_close(&db);
	copy = backup_in(dir);
	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(stat(copy, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_ok(c, db_open(c, copy, DB_READ, &db));
	ck_ok(c, db_number(c, db, "PRAGMA user_version", &version));
	ck_assert_int_eq(version, step(0));
	ck_assert_int_eq(verified(c, db), 3);
	db_close(&db);
}
END_TEST

START_TEST(newer_database_is_refused)
{
	struct ctx *c = test_ctx();
	const char *dir = base_folder(c);
	struct db *db = writable(c, dir);
	struct store *s = NULL;

	ck_ok(c, upgrade_to(c, db, dir, future, COUNT(future)));
	db_close(&db);
	ck_assert(!try_store(c, dir, &s));
	ck_assert_ptr_nonnull(strstr(c->err.text, "newer Hallmark"));
	ck_err(c, E_CONFLICT);
}
END_TEST

START_TEST(failed_step_leaves_the_one_before)
{
	struct ctx *c = test_ctx();
	const char *dir = base_folder(c);
	struct db *db = writable(c, dir);
	int64_t n = 0;

	ck_fails(c, E_STORE, upgrade_to(c, db, dir, broken, COUNT(broken)));
	ck_ok(c, db_number(c, db, "PRAGMA user_version", &n));
	ck_assert_int_eq(n, step(1));
	ck_ok(
	    c, db_number(c, db, "SELECT count(*) FROM sqlite_schema WHERE name = 'other'", &n));
	ck_assert_int_eq(n, 0);
	db_close(&db);
}
END_TEST

START_TEST(step_that_leaves_orphans_is_undone)
{
	struct ctx *c = test_ctx();
	const char *dir = base_folder(c);
	struct db *db = writable(c, dir);
	int64_t n = 0;

	ck_fails(c, E_INTEGRITY, upgrade_to(c, db, dir, orphans, COUNT(orphans)));
	ck_ok(c, db_number(c, db, "PRAGMA user_version", &n));
	ck_assert_int_eq(n, step(0));
	db_close(&db);
}
END_TEST

START_TEST(kill_in_a_step_leaves_the_one_before)
{
	struct ctx *c = test_ctx();
	const char *dir = base_folder(c);
	struct store *s;
	struct db *db;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		db = writable(c, dir);
		_exit(upgrade_to(c, db, dir, slow, COUNT(slow)) ? 0 : 1);
	}
	for (int i = 0; i < 500 && backup_in(dir) == NULL; i++)
		usleep(10000);
	usleep(300000);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_assert_int_eq(verified(c, db), 3);
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* A database as the first versions left it, with rows in it. */
static const char first_rows[] =
    "INSERT INTO vendor (id, name, name_folded, created)"
    " VALUES ('ven_0198a000-0000-7000-8000-000000000001', 'Acme', 'acme', 1);"
    "INSERT INTO keyring (version, created, sealed) VALUES (1, 1, x'01');"
    "INSERT INTO vendor_key SELECT id, 1, 1, x'02' FROM vendor;"
    "INSERT INTO data_key SELECT 'key_0198a000-0000-7000-8000-00000000000' || n, id, 1, x'03'"
    " FROM vendor, (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3);"
    "INSERT INTO job (id, vendor, kind, state, input, data_key, created, finished)"
    " SELECT 'job' || substr(id, 4), vendor, 'selftest', substr(id, 40) - 1, x'04', id, 1, 1"
    " FROM data_key;";

static const size_t first_versions[] = { 1, 2 };

static bool
do_customer(struct ctx *c, struct db *db, void *arg)
{
	return customer_insert(c, db, arg);
}

START_TEST(first_version_is_upgraded_with_its_rows)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct customer_row u = { .id = id_new(c, "cus"), .name = STR("Ada"), .created = 1 };
	struct revocation_list list;
	struct str problems;
	struct db *db;
	struct job_row *job;
	struct vendor v;
	int64_t changes = -1;
	struct store *s;
	bool found;
	size_t n;

	ck_ok(c, file_create(c, AT_FDCWD, test_path(dir, "hallmark.db"), 0600, STR("")));
	db = writable(c, dir);
	ck_ok(c, schema_upgrade(c, db, dir, store_migrations, first_versions[_i]));
	ck_ok(c, db_exec(c, db, first_rows));
	db_close(&db);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_assert_ptr_nonnull(backup_in(dir));
	ck_ok(c, store_check(c, db, &problems));
	ck_str(problems, "");
	ck_ok(c, job_list(c, db, STR(""), STR(""), 9, &job, &n));
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(job[i].state, i);
		ck_assert_str_eq(job[i].object.s, "");
	}
	ck_ok(c, blob_find(c, db, STR("mod_x"), STR("content"), &found, NULL));
	ck_assert(!found);
	ck_ok(c, vendor_by_name(c, db, STR("Acme"), &v));
	u.vendor = v.id;
	ck_ok(c, doing(c, s, do_customer, &u));
	ck_assert_int_eq(u.number, 1);
	ck_ok(c, revocation_list_last(c, db, str_of(v.id.s), &found, &list, &changes));
	ck_assert(!found);
	ck_assert_int_eq(changes, 0);
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* What may walk over rows, and why that is little. */
static const struct {
	const char *question, *plan;
} allowed[] = {
	/* as many rows as there are vendors whose jobs wait */
	{ "WITH RECURSIVE waiting", "SCAN w" },
	{ "WITH RECURSIVE waiting", "SCAN waiting" },
	{ "WITH RECURSIVE waiting", "USE TEMP B-TREE FOR ORDER BY" },
	/* the progress of a rotation, asked by people */
	{ "SELECT (SELECT count(*) FROM signing_key",
	    "SCAN signing_key USING COVERING INDEX signing_key_keyring" },
	{ "SELECT (SELECT count(*) FROM signing_key",
	    "SCAN vendor_key USING COVERING INDEX vendor_key_keyring" },
	{ "SELECT (SELECT count(*) FROM signing_key",
	    "SCAN data_key USING COVERING INDEX sqlite_autoindex_data_key_1" },
	/* as many rows as there are webhooks, and eight messages of each */
	{ "SELECT m.webhook, m.event", "SCAN w" },
	{ "SELECT m.webhook, m.event", "USE TEMP B-TREE FOR ORDER BY" },
	/* as many as have copies of one model, for a job that took minutes of each */
	{ "SELECT c.number, c.id FROM asset", "USE TEMP B-TREE FOR ORDER BY" },
	/* as many as are to be deleted at once */
	{ "DELETE FROM answer", "SCAN (subquery-1)" },
	{ "DELETE FROM answer", "SCAN (subquery-2)" },
};

static bool
is_allowed(const char *question, const char *plan)
{
	bool walks = strncmp(plan, "SCAN", 4) == 0 || strstr(plan, "TEMP B-TREE") != NULL;

	if (!walks || strcmp(plan, "SCAN CONSTANT ROW") == 0)
		return true;
	for (size_t i = 0; i < COUNT(allowed); i++)
		if (strncmp(question, allowed[i].question, strlen(allowed[i].question)) == 0 &&
		    strcmp(plan, allowed[i].plan) == 0)
			return true;
	return false;
}

START_TEST(every_question_uses_an_index)
{
	struct ctx *c = test_ctx();
	const char *dir = base_folder(c);
	sqlite3 *sql = raw_open(dir);
	size_t asked = 0;

	for (size_t part = 0; part < PART_COUNT; part++) {
		const struct questions *set = store_questions[part];

		ck_assert_uint_eq(set->part, part);
		ck_assert_uint_le(set->n, QUESTIONS_MAX);
		for (size_t i = 0; i < set->n; i++) {
			char *plan = take_printf(c, "EXPLAIN QUERY PLAN %s", set->sql[i]);
			sqlite3_stmt *st;

			ck_assert_msg(sqlite3_prepare_v2(sql, plan, -1, &st, NULL) == SQLITE_OK,
			    "%s: %s", set->sql[i], sqlite3_errmsg(sql));
			while (sqlite3_step(st) == SQLITE_ROW) {
				const char *step = (const char *)sqlite3_column_text(st, 3);

				ck_assert_msg(
				    is_allowed(set->sql[i], step), "%s: %s", set->sql[i], step);
			}
			sqlite3_finalize(st);
			asked++;
		}
	}
	ck_assert_uint_gt(asked, 60);
	sqlite3_close(sql);
}
END_TEST

MAIN("store_schema", EACH(first_version_is_upgraded_with_its_rows, first_versions),
    ONE(older_database_is_copied_and_upgraded), ONE(newer_database_is_refused),
    ONE(failed_step_leaves_the_one_before), ONE(step_that_leaves_orphans_is_undone),
    ONE(kill_in_a_step_leaves_the_one_before), ONE(every_question_uses_an_index))
