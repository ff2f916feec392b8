/*
 * Many threads at once, and an end at any moment: what was acknowledged is there, nothing was ever
 * "locked", the chain holds.
 */
#include "store_support.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "impl.h"

enum { THREADS = 64, ACTS = 200, KILLS = 50 };

struct client {
	struct store *s;
	struct vendor v;
	unsigned number, done;
	struct err err;
};

static struct token
client_token(struct ctx *c, const struct client *k, uint32_t n)
{
	struct token t = {
		.id = id_new(c, "tok"),
		.vendor = k->v.id,
		.name = STR("a token"),
		.roles = ROLE_ISSUER,
		.created = c->now(),
	};

	memcpy(t.digest.b, &n, sizeof n);
	return t;
}

static void *
client_main(void *arg)
{
	struct client *k = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "client");
	struct audit_entry e = { .actor = STR("tok_1"), .action = STR("token.list") };

	for (uint32_t i = 0; i < ACTS; i++) {
		struct token t = client_token(&c, k, k->number * ACTS + i);

		if (!doing(&c, k->s, do_token_insert, &t) || !store_note(&c, k->s, &e)) {
			k->err = c.err;
			break;
		}
		k->done++;
		arena_reset(mem);
	}
	arena_free(&mem);
	return NULL;
}

/* Reads while the others write; what it sees is never less than before. */
static void *
reader_main(void *arg)
{
	struct client *k = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "reader");
	struct db *db = NULL;
	struct digest256 hash;
	int64_t last = 0;
	bool ok = reader_open(&c, k->s, &db);

	while (ok && last < THREADS * ACTS) {
		int64_t seq = 0;

		ok = audit_head(&c, db, &seq, &hash);
		ck_assert(seq >= last);
		last = seq;
		k->done++;
	}
	k->err = c.err;
	reader_close(&db);
	arena_free(&mem);
	return NULL;
}

START_TEST(all_threads_get_all_their_rows)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme");
	static struct client clients[THREADS + 2];
	pthread_t threads[THREADS + 2];
	struct store_counts counts;
	struct db *db;
	sqlite3 *sql;

	for (unsigned i = 0; i < THREADS + 2; i++) {
		clients[i] = (struct client){ .s = s, .v = v, .number = i };
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     i < THREADS ? client_main : reader_main, &clients[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS + 2; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_msg(clients[i].err.code == E_NONE, "thread %u: %s (%s)", i,
		    clients[i].err.text, clients[i].err.detail);
	}
	counts = store_counts(s);
	ck_assert_uint_eq(counts.acts, THREADS * ACTS + 1);
	ck_assert_uint_eq(counts.failed, 0);
	store_close(&s);
	/* They shared their commits. */
	ck_assert_uint_lt(counts.commits, THREADS * ACTS / 4);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_assert_int_eq(verified(c, db), 2 * THREADS * ACTS);
	reader_close(&db);
	store_close(&s);
	sql = raw_open(dir);
	ck_assert_int_eq(raw_number(sql, "SELECT count(*) FROM token"), THREADS * ACTS);
	sqlite3_close(sql);
}
END_TEST

/* ---- Killed -------------------------------------------------------------------------------- */

struct life {
	struct client client;
	int acknowledged; /* a pipe: the numbers of tokens that are durable */
};

static void *
life_main(void *arg)
{
	struct life *l = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "client");

	for (uint32_t i = 0;; i++) {
		uint32_t n = l->client.number + 8 * i;
		struct token t = client_token(&c, &l->client, n);

		if (!doing(&c, l->client.s, do_token_insert, &t) ||
		    write(l->acknowledged, &n, sizeof n) != sizeof n)
			_exit(1);
		arena_reset(mem);
	}
	return NULL;
}

/* Writes with eight threads until it is killed. */
static _Noreturn void
child_main(struct ctx *c, const char *dir, uint32_t first, int acknowledged)
{
	static struct life lives[8];
	struct store *s = open_store(c, dir);
	struct db *db = open_reader(c, s);
	pthread_t thread;
	struct vendor v;

	ck_ok(c, vendor_by_name(c, db, STR("Acme"), &v));
	for (unsigned i = 0; i < COUNT(lives); i++) {
		lives[i].client = (struct client){ .s = s, .v = v, .number = first + i };
		lives[i].acknowledged = acknowledged;
		if (pthread_create(&thread, NULL, life_main, &lives[i]) != 0)
			_exit(2);
	}
	for (;;)
		pause();
}

/* Every number that came through the pipe is in the store. */
static unsigned
all_there(struct ctx *c, struct db *db, int pipe_end)
{
	unsigned seen = 0;
	uint32_t n;

	for (; read(pipe_end, &n, sizeof n) == sizeof n; seen++) {
		struct digest256 digest = { 0 };
		struct token t;
		bool found = false;

		memcpy(digest.b, &n, sizeof n);
		ck_ok(c, token_by_digest(c, db, &digest, &found, &t));
		ck_assert_msg(found, "token %u was acknowledged and is lost", n);
		if (seen % 64 == 0)
			arena_reset(c->mem);
	}
	return seen;
}

START_TEST(killed_at_any_moment)
{
	struct ctx *c = test_ctx(), *check = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	unsigned seen = 0;
	uint32_t wait;

	(void)add_vendor(c, s, "Acme");
	store_close(&s);
	for (uint32_t i = 0; i < KILLS; i++) {
		struct db *db;
		int ends[2];
		pid_t child;

		ck_assert_int_eq(pipe(ends), 0);
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0)
			child_main(c, dir, i << 20, ends[1]);
		close(ends[1]);
		c->random(&wait, sizeof wait);
		/* At its beginning, or when it has begun to acknowledge. */
		if (i % 4 == 0)
			usleep(10000);
		else
			ck_assert_int_eq(
			    poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, 30000), 1);
		usleep(wait % 60000);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		s = open_store(c, dir);
		db = open_reader(c, s);
		seen += all_there(check, db, ends[0]);
		close(ends[0]);
		(void)verified(c, db);
		reader_close(&db);
		store_close(&s);
	}
	ck_assert_uint_gt(seen, KILLS / 2);
}
END_TEST

MAIN("store_crash", ONE(all_threads_get_all_their_rows), ONE(killed_at_any_moment))
