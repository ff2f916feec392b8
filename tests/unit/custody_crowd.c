/*
 * Many threads that ask the custodian at once, more than have a place, while it is killed, started
 * again or stopped: each gets its own answer, or is told that there is none.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "custody_house.h"

enum { THREADS = 20, KEYS = 5 };

struct crowd {
	struct house h;
	struct vendor_key_row vendor;
	struct data_key_row row[KEYS];
	struct key256 key[KEYS];
	_Atomic bool stop;
	_Atomic long good, refused, wrong;
};

/* Opens one key after the other. No answer is as good as the right one. */
static void *
ask(void *arg)
{
	struct crowd *crowd = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "crowd");

	for (size_t i = 0; !crowd->stop; i = (i + 1) % KEYS) {
		struct key256 key = { 0 };

		arena_reset(mem);
		if (custody_data_key_open(
			&c, crowd->h.custody, &crowd->vendor, &crowd->row[i], &key)) {
			if (key256_same(&key, &crowd->key[i]))
				crowd->good++;
			else
				crowd->wrong++;
		} else if (c.err.code == E_PEER || c.err.code == E_SEALED) {
			crowd->refused++;
			(void)usleep(1000);
		} else {
			crowd->wrong++;
		}
	}
	arena_free(&mem);
	return NULL;
}

static void
crowd_begin(struct ctx *c, struct crowd *crowd, pthread_t thread[THREADS])
{
	ck_ok(c,
	    custody_vendor_key_new(c, crowd->h.custody, test_id("vnd_a"), 1, &crowd->vendor));
	for (int i = 0; i < KEYS; i++)
		ck_ok(c,
		    custody_data_key_new(c, crowd->h.custody, &crowd->vendor,
			test_id(take_printf(c, "key_%d", i)), &crowd->key[i], &crowd->row[i]));
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask, crowd), 0);
}

static void
crowd_end(struct crowd *crowd, pthread_t thread[THREADS])
{
	crowd->stop = true;
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	ck_assert_int_eq(crowd->wrong, 0);
}

/* Waits until so many more questions were answered rightly, or refused. */
static void
more(_Atomic long *count, long n)
{
	long want = *count + n;
	int64_t end = clock_monotonic() + 40000;

	while (*count < want && clock_monotonic() < end)
		(void)usleep(1000);
	ck_assert_int_ge(*count, want);
}

START_TEST(crowd_outlives_custodians)
{
	struct ctx *c = test_ctx();
	struct crowd crowd = { .h = test_house(c) };
	pthread_t thread[THREADS];

	crowd_begin(c, &crowd, thread);
	for (int life = 0; life < 10; life++) {
		more(&crowd.good, 100);
		if (life % 2 == 0) {
			ck_assert_int_eq(kill(custody_pid(crowd.h.custody), SIGKILL), 0);
			more(&crowd.refused, THREADS);
		}
		ck_ok(c, custody_restart(c, crowd.h.custody, false));
		more(&crowd.refused, 1); /* it is sealed */
		ck_ok(
		    c, custody_load(c, crowd.h.custody, &crowd.h.ring, 1, &crowd.h.signing, 1));
	}
	more(&crowd.good, 100);
	crowd_end(&crowd, thread);
	house_done(&crowd.h);
}
END_TEST

/* ---- Rounds ------------------------------------------------------------------------------ */

enum { TOGETHER = 8, ROUNDS = 200 };

struct round {
	struct crowd *crowd;
	pthread_barrier_t *start;
	bool ok;
};

static void *
ask_in_rounds(void *arg)
{
	struct round *r = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "round");
	struct custody_status status;

	r->ok = true;
	for (int i = 0; i < ROUNDS; i++) {
		(void)pthread_barrier_wait(r->start);
		r->ok = custody_status(&c, r->crowd->h.custody, &status) && r->ok;
	}
	arena_free(&mem);
	return NULL;
}

/* All ask once, and nobody after them: who has his answer does not leave the others alone. */
START_TEST(crowd_is_answered_to_the_last)
{
	struct ctx *c = test_ctx();
	struct crowd crowd = { .h = test_house(c) };
	struct round round[TOGETHER];
	pthread_t thread[TOGETHER];
	pthread_barrier_t start;

	ck_assert_int_eq(pthread_barrier_init(&start, NULL, TOGETHER), 0);
	for (int i = 0; i < TOGETHER; i++) {
		round[i] = (struct round){ &crowd, &start, false };
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask_in_rounds, &round[i]), 0);
	}
	for (int i = 0; i < TOGETHER; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert(round[i].ok);
	}
	(void)pthread_barrier_destroy(&start);
	house_done(&crowd.h);
}
END_TEST

/* It stands still: everybody is refused before long; it goes on: so does everybody. */
START_TEST(crowd_does_not_wait_for_ever)
{
	struct ctx *c = test_ctx();
	struct crowd crowd = { .h = test_house(c) };
	struct custody_conf conf = {
		.programs = test_programs(), .root = crowd.h.spec, .timeout_ms = 1000
	};
	pthread_t thread[THREADS];

	custody_stop(&crowd.h.custody);
	ck_ok(c, custody_start(c, &conf, false, &crowd.h.custody));
	ck_ok(c, custody_load(c, crowd.h.custody, &crowd.h.ring, 1, &crowd.h.signing, 1));
	crowd_begin(c, &crowd, thread);
	for (int i = 0; i < 3; i++) {
		more(&crowd.good, 100);
		ck_assert_int_eq(kill(custody_pid(crowd.h.custody), SIGSTOP), 0);
		more(&crowd.refused, 2 * THREADS);
		ck_assert_int_eq(kill(custody_pid(crowd.h.custody), SIGCONT), 0);
	}
	more(&crowd.good, 100);
	crowd_end(&crowd, thread);
	house_done(&crowd.h);
}
END_TEST

MAIN("custody-crowd", ONE(crowd_outlives_custodians), ONE(crowd_is_answered_to_the_last),
    ONE(crowd_does_not_wait_for_ever))
