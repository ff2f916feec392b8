/*
 * A disk that is full, or too small: the group fails as a whole with a word that says so, nothing
 * is damaged, and the service comes back by itself when there is space again.
 */
#include "store_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "impl.h"

/* A folder on a file system of that many KiB of its own, seen by this process alone; else NULL. */
static const char *
small_disk(unsigned kib)
{
	const char *dir = test_folder();
	char size[64];

	snprintf(size, sizeof size, "size=%uk,mode=0700", kib);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, size) != 0)
		return NULL;
	return dir;
}

/* Takes all space that is left. */
static void
fill(const char *dir)
{
	static char zeros[4096];
	int fd = open(
	    test_path(dir, "ballast"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, zeros, sizeof zeros) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

static struct token
stored_token(struct ctx *c, struct store *s, const struct vendor *v, uint32_t n)
{
	struct token t = new_token(c, v, n);

	ck_ok(c, doing(c, s, do_token_insert, &t));
	return t;
}

/* Token after token until the disk is full; how many were acknowledged. */
static uint32_t
until_full(struct ctx *c, struct store *s, const struct vendor *v)
{
	for (uint32_t n = 0; n < 100000; n++) {
		struct token t = new_token(c, v, n);

		arena_reset(c->mem);
		if (!doing(c, s, do_token_insert, &t)) {
			ck_err(c, E_FULL);
			return n;
		}
	}
	ck_abort_msg("the disk is never full");
	return 0;
}

static bool
healthy_within(const struct store *s, int64_t ms)
{
	int64_t until = clock_monotonic() + ms;

	while (store_health(s) != E_NONE && clock_monotonic() < until)
		usleep(20000);
	return store_health(s) == E_NONE;
}

START_TEST(full_disk_fails_the_group_and_passes)
{
	struct ctx *c = test_ctx();
	const char *dir = small_disk(16384);
	struct audit_entry e = { .actor = STR("tok_1"), .action = STR("read") };
	struct store *s;
	struct db *db;
	struct vendor v;
	struct token t;
	struct str problems;
	uint32_t n;

	if (dir == NULL)
		return; /* not allowed to mount: the next test does without */
	s = open_store(c, dir);
	v = add_vendor(c, s, "Acme");
	fill(dir);
	n = until_full(c, s, &v);
	ck_assert_int_eq(store_health(s), E_FULL);
	ck_fails(c, E_FULL, store_note(c, s, &e));
	t = new_token(c, &v, 200000);
	for (int i = 0; i < 20; i++)
		ck_fails(c, E_FULL, doing(c, s, do_token_insert, &t));
	ck_assert_uint_ge(store_counts(s).failed, 21);
	db = open_reader(c, s);
	ck_assert_int_eq(verified(c, db), n);
	ck_ok(c, store_check(c, db, &problems));
	ck_str(problems, "");
	usleep(1200000); /* an attempt meanwhile does not help */
	ck_assert_int_eq(store_health(s), E_FULL);
	ck_assert_int_eq(unlink(test_path(dir, "ballast")), 0);
	ck_assert(healthy_within(s, 30000));
	ck_ok(c, store_note(c, s, &e));
	t = stored_token(c, s, &v, 200001);
	ck_assert_int_ge(verified(c, db), n + 1);
	ck_ok(c, store_check(c, db, &problems));
	ck_str(problems, "");
	reader_close(&db);
	store_close(&s);
	s = open_store(c, dir);
	store_close(&s);
}
END_TEST

/* Full again and again, wherever in a group it strikes. */
START_TEST(any_moment_may_be_the_full_one)
{
	struct ctx *c = test_ctx();
	const char *dir = small_disk(8192);
	struct store *s;
	struct vendor v;
	struct db *db;

	if (dir == NULL)
		return;
	s = open_store(c, dir);
	v = add_vendor(c, s, "Acme");
	db = open_reader(c, s);
	for (uint32_t round = 0; round < 30; round++) {
		struct token t = new_token(c, &v, 1000 + round), got;
		bool found = false, done;

		fill(dir);
		/* One page more or less each time. */
		ck_assert_int_eq(
		    truncate(test_path(dir, "ballast"), 4096 * (off_t)(round % 10)), 0);
		done = doing(c, s, do_token_insert, &t);
		ck_assert(done || c->err.code == E_FULL);
		c->err = (struct err){ 0 };
		ck_ok(c, token_by_digest(c, db, &t.digest, &found, &got));
		ck_assert(found == done);
		ck_assert_int_eq(unlink(test_path(dir, "ballast")), 0);
		ck_assert(healthy_within(s, 30000));
		(void)verified(c, db);
	}
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* The limit of the database itself needs no mount. */
static bool
do_limit(struct ctx *c, struct db *db, void *arg)
{
	int64_t pages = 0, got;
	char sql[64];

	if (!db_number(c, db, "PRAGMA page_count", &pages))
		return false;
	snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld",
	    (long long)(pages + *(const int64_t *)arg));
	return db_number(c, db, sql, &got);
}

START_TEST(refused_pages_are_a_full_disk)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct vendor v = add_vendor(c, s, "Acme");
	struct db *db = open_reader(c, s);
	int64_t more = 4, much = 100000;
	uint32_t n;

	ck_ok(c, doing_quietly(c, s, do_limit, &more));
	n = until_full(c, s, &v);
	ck_assert_int_eq(store_health(s), E_FULL);
	ck_assert_int_eq(verified(c, db), n);
	ck_ok(c, doing_quietly(c, s, do_limit, &much));
	ck_assert(healthy_within(s, 3000));
	(void)stored_token(c, s, &v, 200000);
	ck_assert_int_eq(verified(c, db), n + 1);
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* Audit rows of reads that wait when the disk fails are there when it is back. */
START_TEST(notes_survive_a_full_disk)
{
	struct ctx *c = test_ctx();
	const char *dir = small_disk(16384);
	struct audit_entry e = { .actor = STR("tok_1"), .action = STR("read") };
	static char text[4000];
	struct store *s;
	struct db *db;
	size_t taken = 0;

	if (dir == NULL)
		return;
	memset(text, 'x', sizeof text);
	e.detail = (struct str){ text, sizeof text };
	s = open_store(c, dir);
	db = open_reader(c, s);
	fill(dir);
	while (store_note(c, s, &e))
		taken++;
	ck_assert(c->err.code == E_FULL || c->err.code == E_BUSY);
	ck_assert_uint_gt(taken, 1);
	for (int i = 0; i < 3000 && store_health(s) == E_NONE; i++)
		usleep(10000);
	ck_assert_int_eq(store_health(s), E_FULL);
	ck_assert_int_eq(unlink(test_path(dir, "ballast")), 0);
	ck_assert(healthy_within(s, 30000));
	for (int i = 0; i < 3000 && store_counts(s).notes < taken; i++)
		usleep(10000);
	ck_assert_uint_eq(store_counts(s).notes, taken);
	ck_assert_int_eq(verified(c, db), (int64_t)taken);
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store_full", ONE(full_disk_fails_the_group_and_passes),
    ONE(any_moment_may_be_the_full_one), ONE(refused_pages_are_a_full_disk),
    ONE(notes_survive_a_full_disk))
