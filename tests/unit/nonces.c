/*
 * Nonces: good for one use each, for five minutes, in the process that gave them.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "nonces.h"
#include "test.h"

enum { MOST = 64, THREADS = 8 };

static struct nonces *
nonces_of(struct ctx *c, size_t most)
{
	struct nonces *n;

	ck_ok(c, nonces_start(c, most, &n));
	return n;
}

static struct nonce
one(struct ctx *c, struct nonces *n, int64_t now)
{
	char text[NONCE_TEXT];
	struct nonce ret;

	ck_ok(c, nonce_new(c, n, now, text));
	ck_ok(c, nonce_read(c, n, now, str_of(text), &ret));
	return ret;
}

static void
ck_named(struct ctx *c, bool ok, const char *name)
{
	ck_assert(!ok);
	ck_assert_str_eq(err_name(&c->err), name);
	ck_err(c, E_AUTH);
}

START_TEST(a_nonce_is_good_until_its_time_is_over)
{
	struct ctx *c = test_ctx();
	struct nonces *n = nonces_of(c, MOST);
	char text[NONCE_TEXT], again[NONCE_TEXT];
	struct nonce got;

	ck_ok(c, nonce_new(c, n, 1000, text));
	ck_ok(c, nonce_new(c, n, 1000, again));
	ck_assert_str_ne(text, again);
	ck_ok(c, nonce_read(c, n, 1000 + NONCE_LIFE_MS - 1, str_of(text), &got));
	ck_named(c, nonce_read(c, n, 1000 + NONCE_LIFE_MS, str_of(text), &got), "NONCE_WANTED");
	nonces_stop(&n);
}
END_TEST

START_TEST(no_other_text_is_a_nonce)
{
	struct ctx *c = test_ctx();
	struct nonces *n = nonces_of(c, MOST), *other = nonces_of(c, MOST);
	char text[NONCE_TEXT];
	struct nonce got;

	ck_ok(c, nonce_new(c, n, 0, text));
	ck_named(c, nonce_read(c, other, 0, str_of(text), &got), "NONCE_WANTED");
	for (size_t i = 0; i < strlen(text); i++) {
		char kept = text[i];

		text[i] = kept == 'A' ? 'B' : 'A';
		ck_named(c, nonce_read(c, n, 0, str_of(text), &got), "NONCE_WANTED");
		text[i] = kept;
	}
	for (size_t i = 0; i < strlen(text); i++)
		ck_named(c, nonce_read(c, n, 0, (struct str){ text, i }, &got), "NONCE_WANTED");
	ck_ok(c, nonce_read(c, n, 0, str_of(text), &got));
	nonces_stop(&n);
	nonces_stop(&other);
}
END_TEST

START_TEST(it_is_used_once)
{
	struct ctx *c = test_ctx();
	struct nonces *n = nonces_of(c, MOST);
	struct nonce a = one(c, n, 0), b = one(c, n, 0);

	ck_ok(c, nonce_use(c, n, &a));
	ck_named(c, nonce_use(c, n, &a), "NONCE_REUSED");
	ck_ok(c, nonce_use(c, n, &b));
	ck_named(c, nonce_use(c, n, &b), "NONCE_REUSED");
	ck_named(c, nonce_use(c, n, &a), "NONCE_REUSED");
	nonces_stop(&n);
}
END_TEST

/* Those of one span are remembered while those of the next are used, and not for longer. */
START_TEST(a_used_one_stays_used_as_long_as_it_would_live)
{
	struct ctx *c = test_ctx();
	struct nonces *n = nonces_of(c, MOST);
	struct nonce early, late, next;

	for (int64_t now = 0; now < 10 * NONCE_LIFE_MS; now += NONCE_LIFE_MS / 3) {
		early = one(c, n, now);
		ck_ok(c, nonce_use(c, n, &early));
		late = one(c, n, now + NONCE_LIFE_MS - 1);
		ck_ok(c, nonce_use(c, n, &late));
		ck_named(c, nonce_use(c, n, &early), "NONCE_REUSED");
	}
	next = one(c, n, 100 * (int64_t)NONCE_LIFE_MS);
	ck_ok(c, nonce_use(c, n, &next));
	early.until = next.until - 2 * (int64_t)NONCE_LIFE_MS;
	ck_named(c, nonce_use(c, n, &early), "NONCE_WANTED");
	nonces_stop(&n);
}
END_TEST

START_TEST(a_full_table_refuses_instead_of_forgetting)
{
	struct ctx *c = test_ctx();
	struct nonces *n = nonces_of(c, MOST);
	struct nonce used[MOST], more;

	for (size_t i = 0; i < MOST; i++) {
		used[i] = one(c, n, 0);
		ck_ok(c, nonce_use(c, n, &used[i]));
	}
	more = one(c, n, 0);
	ck_fails(c, E_BUSY, nonce_use(c, n, &more));
	for (size_t i = 0; i < MOST; i++)
		ck_named(c, nonce_use(c, n, &used[i]), "NONCE_REUSED");
	more = one(c, n, NONCE_LIFE_MS);
	ck_ok(c, nonce_use(c, n, &more));
	nonces_stop(&n);
}
END_TEST

struct race {
	struct nonces *n;
	const struct nonce *of;
	size_t many;
	_Atomic unsigned won;
};

static void *
racer(void *arg)
{
	owned(arena_free) struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "racer");
	struct race *r = arg;

	for (size_t i = 0; i < r->many; i++)
		r->won += nonce_use(&c, r->n, &r->of[i]);
	return NULL;
}

START_TEST(of_many_at_once_one_wins)
{
	enum { MANY = 1 << 12 };
	struct ctx *c = test_ctx();
	struct nonces *n = nonces_of(c, MANY);
	struct nonce *all = take(c, MANY * sizeof *all);
	struct race race = { .n = n, .of = all, .many = MANY };
	pthread_t thread[THREADS];

	ck_assert_ptr_nonnull(all);
	for (size_t i = 0; i < MANY; i++)
		all[i] = one(c, n, 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, racer, &race), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(race.won, MANY);
	nonces_stop(&n);
}
END_TEST

MAIN("nonces", ONE(a_nonce_is_good_until_its_time_is_over), ONE(no_other_text_is_a_nonce),
    ONE(it_is_used_once), ONE(a_used_one_stays_used_as_long_as_it_would_live),
    ONE(a_full_table_refuses_instead_of_forgetting), ONE(of_many_at_once_one_wins))
