/*
 * Readers that keep their view: they see whatever was acknowledged, they do not hold the log in
 * place, and threads may come and go. And the sparse index of the audit: a vendor's rows, all of
 * them and no others, page by page.
 */
#include "store_support.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "impl.h"

enum { VENDORS = 5, ROWS = 2000, THREADS = 4, TOKENS = 300, READERS = 1000 };

static struct db *
keeping(struct ctx *c, struct store *s)
{
	struct db *db = open_reader(c, s);

	ck_ok(c, reader_keep(c, s, db));
	return db;
}

static size_t
tokens_seen(struct ctx *c, struct db *db, const struct vendor *v)
{
	struct token *t;
	size_t n;

	ck_ok(c, token_list(c, db, str_of(v->id.s), STR(""), 10000, &t, &n));
	return n;
}

START_TEST(what_was_acknowledged_is_seen_at_once)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = keeping(c, s);
	struct vendor v = add_vendor(c, s, "acme");

	for (uint32_t i = 0; i < TOKENS; i++) {
		struct token t = new_token(c, &v, i);

		ck_assert_uint_eq(tokens_seen(c, db, &v), i);
		ck_ok(c, doing(c, s, do_token_insert, &t));
		ck_assert_uint_eq(tokens_seen(c, db, &v), i + 1);
	}
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* Between two questions without a commit the view stays open: that is what it is for. */
START_TEST(the_view_stays_open_between_questions)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = keeping(c, s), *plain = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "acme");

	ck_assert_uint_eq(tokens_seen(c, db, &v), 0);
	ck_assert_int_eq(sqlite3_get_autocommit(db->sql), 0);
	ck_assert_uint_eq(tokens_seen(c, plain, &v), 0);
	ck_assert_int_ne(sqlite3_get_autocommit(plain->sql), 0);
	views_rest(s);
	ck_assert_int_ne(sqlite3_get_autocommit(db->sql), 0);
	ck_assert_uint_eq(tokens_seen(c, db, &v), 0);
	ck_assert_int_eq(sqlite3_get_autocommit(db->sql), 0);
	reader_close(&plain);
	reader_close(&db);
	store_close(&s);
}
END_TEST

static off_t
log_size(const char *folder)
{
	struct stat st;

	return stat(test_path(folder, STORE_FILE "-wal"), &st) == 0 ? st.st_size : 0;
}

/* A reader that asked once and then sleeps must not make the log grow without end. */
START_TEST(an_idle_view_does_not_hold_the_log)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct store *s = open_store(c, folder);
	struct db *db = keeping(c, s);
	struct vendor v = add_vendor(c, s, "acme");
	struct audit_entry e = {
		.vendor = str_of(v.id.s), .actor = STR("tok_x"), .action = STR("read")
	};
	char detail[4000];

	memset(detail, 'x', sizeof detail);
	e.detail = (struct str){ detail, sizeof detail };
	for (int round = 0; round < 60; round++) {
		ck_assert_uint_eq(tokens_seen(c, db, &v), 0);
		for (int i = 0; i < 1000; i++)
			while (!store_note(c, s, &e))
				ck_err(c, E_BUSY);
		add_audit(c, s, 1);
	}
	/* 240 MB of rows went by; LOG_MANY pages are 48 MB. */
	ck_assert_int_lt(log_size(folder), 150 << 20);
	reader_close(&db);
	store_close(&s);
}
END_TEST

struct ender {
	struct store *store;
	_Atomic bool stop;
};

/* As the writer does when it moves the log. */
static void *
end_views(void *arg)
{
	struct ender *e = arg;

	while (!e->stop) {
		views_rest(e->store);
		usleep(1);
	}
	return NULL;
}

/* Every administrator's command closes a reader: that must not meet the writer at its view. */
START_TEST(a_view_may_be_ended_while_its_reader_closes)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct vendor v = add_vendor(c, s, "acme");
	struct ender e = { .store = s };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, end_views, &e), 0);
	for (int i = 0; i < READERS; i++) {
		struct db *db = keeping(c, s);

		ck_assert_uint_eq(tokens_seen(c, db, &v), 0);
		reader_close(&db);
	}
	e.stop = true;
	pthread_join(thread, NULL);
	store_close(&s);
}
END_TEST

struct asker {
	struct store *store;
	const struct vendor *vendor;
	_Atomic bool *stop;
	size_t asked;
	bool ok;
};

static void *
ask_on(void *arg)
{
	struct asker *a = arg;
	struct arena *mem = arena_new(16 << 20);
	struct ctx c = ctx_real(mem, "asker");
	size_t before = 0, n;
	struct token *t;
	struct db *db;

	a->ok = reader_open(&c, a->store, &db) && reader_keep(&c, a->store, db);
	while (a->ok && !*a->stop) {
		arena_reset(mem);
		a->ok = token_list(&c, db, str_of(a->vendor->id.s), STR(""), 10000, &t, &n) &&
		    n >= before;
		before = n;
		a->asked++;
	}
	reader_close(&db);
	arena_free(&mem);
	return NULL;
}

START_TEST(threads_ask_while_the_writer_writes)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct vendor v = add_vendor(c, s, "acme");
	struct asker asker[THREADS];
	pthread_t thread[THREADS];
	_Atomic bool stop = false;

	for (int i = 0; i < THREADS; i++) {
		asker[i] = (struct asker){ s, &v, &stop, 0, false };
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask_on, &asker[i]), 0);
	}
	for (uint32_t i = 0; i < TOKENS; i++) {
		struct token t = new_token(c, &v, i);

		ck_ok(c, doing(c, s, do_token_insert, &t));
		if (i % 10 == 0)
			views_rest(s);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert(asker[i].ok);
		ck_assert_uint_gt(asker[i].asked, 0);
	}
	store_close(&s);
}
END_TEST

/* Rows of several vendors in turn, over many blocks, some vendors only now and then. */
static void
add_rows(struct ctx *c, struct store *s, const struct vendor v[])
{
	for (int i = 0; i < ROWS; i++) {
		int who = i % 7 == 0 ? 1 : i % 501 == 0 ? 2 : i % 11 == 0 ? 3 : 0;
		struct audit_entry e = { .actor = STR("tok_x"), .action = STR("read") };

		if (i % 5 != 0)
			e.vendor = str_of(v[who].id.s);
		while (!store_note(c, s, &e))
			ck_err(c, E_BUSY);
	}
	for (int i = 0; i < 10; i++)
		add_audit(c, s, 1); /* each commit takes some of what waits */
}

START_TEST(a_vendor_sees_its_rows_page_by_page)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct store *s = open_store(c, folder);
	struct db *db = open_reader(c, s);
	struct vendor v[VENDORS];
	struct audit_row *all, *row;
	size_t n, total;

	for (int i = 0; i < VENDORS; i++)
		v[i] = add_vendor(c, s, (const char *[]){ "a", "b", "c", "d", "e" }[i]);
	add_rows(c, s, v);
	store_close(&s); /* what is remembered of blocks is forgotten with it */
	reader_close(&db);
	s = open_store(c, folder);
	db = open_reader(c, s);
	add_rows(c, s, v);
	ck_ok(c, audit_list(c, db, STR(""), 0, 100000, &all, &total));
	ck_assert_uint_gt(total, 2 * ROWS);
	for (int i = 0; i < VENDORS; i++) {
		struct str who = str_of(v[i].id.s);
		int64_t after = 0;
		size_t at = 0;

		do {
			ck_ok(c, audit_list(c, db, who, after, 97, &row, &n));
			for (size_t k = 0; k < n; k++) {
				while (at < total && !str_same(all[at].e.vendor, who))
					at++;
				ck_assert_uint_lt(at, total);
				ck_assert_int_eq(row[k].seq, all[at++].seq);
				after = row[k].seq;
			}
		} while (n == 97);
		while (at < total && !str_same(all[at].e.vendor, who))
			at++;
		ck_assert_uint_eq(at, total);
	}
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store_views", ONE(what_was_acknowledged_is_seen_at_once),
    ONE(the_view_stays_open_between_questions), ONE(an_idle_view_does_not_hold_the_log),
    ONE(a_view_may_be_ended_while_its_reader_closes), ONE(threads_ask_while_the_writer_writes),
    ONE(a_vendor_sees_its_rows_page_by_page))
