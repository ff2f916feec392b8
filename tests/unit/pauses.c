/*
 * Pauses: each is over once, a whole number of steps after its request came, whatever the order in
 * which they began.
 */
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "pauses.h"
#include "test.h"

enum { STEP_US = 1000, MANY = 500, SLACK_US = 5000000 };

struct one {
	struct pause pause;
	int64_t began;
	_Atomic int64_t ended;
	_Atomic unsigned times;
	_Atomic unsigned *left;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
over(void *arg)
{
	struct one *one = arg;

	one->ended = now_us();
	one->times++;
	(*one->left)--;
}

static void
all_over(const _Atomic unsigned *left)
{
	for (int i = 0; *left > 0 && i < 20000; i++)
		usleep(1000);
	ck_assert_uint_eq(*left, 0);
}

START_TEST(each_is_over_once_at_a_whole_step)
{
	struct ctx *c = test_ctx();
	struct one *all = take(c, MANY * sizeof *all);
	_Atomic unsigned left = MANY;
	struct pauses *ps;

	ck_assert_ptr_nonnull(all);
	ck_ok(c, pauses_start(c, &ps));
	for (size_t i = 0; i < MANY; i++) {
		all[i].left = &left;
		all[i].began = now_us() - (int64_t)(i * 7919 % 5000);
		pause_begin(ps, &all[i].pause, all[i].began, over, &all[i]);
	}
	all_over(&left);
	pauses_stop(&ps);
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_uint_eq(all[i].times, 1);
		ck_assert_int_eq((all[i].pause.due - all[i].began) % STEP_US, 0);
		ck_assert_int_ge(all[i].ended, all[i].pause.due);
		ck_assert_int_le(all[i].ended, all[i].pause.due + SLACK_US);
	}
}
END_TEST

/* The one that begins to wait last is due first, again and again. */
START_TEST(one_that_is_due_sooner_does_not_wait_for_the_others)
{
	struct ctx *c = test_ctx();
	struct pauses *ps;

	ck_ok(c, pauses_start(c, &ps));
	for (int i = 0; i < 50; i++) {
		_Atomic unsigned left = 2;
		struct one late = { .left = &left }, soon = { .left = &left };
		int64_t now = now_us();

		late.began = now;
		pause_begin(ps, &late.pause, late.began, over, &late);
		soon.began = now - STEP_US / 2;
		pause_begin(ps, &soon.pause, soon.began, over, &soon);
		all_over(&left);
		if (soon.pause.due < late.pause.due)
			ck_assert_int_le(soon.ended, late.ended);
	}
	pauses_stop(&ps);
}
END_TEST

MAIN("pauses", ONE(each_is_over_once_at_a_whole_step),
    ONE(one_that_is_due_sooner_does_not_wait_for_the_others))
