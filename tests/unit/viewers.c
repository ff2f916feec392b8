/*
 * The viewers' thread with real workers, on a real store: every question gets exactly one answer,
 * whatever becomes of the worker that has it.
 */
#include <signal.h>

#include "viewers_house.h"

enum { MANY = 40, LATE_S = VIEW_WAIT_MS / 1000 + 5 };

/* ---- Tests ------------------------------------------------------------------------------- */

START_TEST(pictures_are_made_and_looked_at)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark;
	struct str picture;
	struct asked *a[MANY];

	scene_new(c, &h, 4);
	watermark = watermark_put(c, &h, "marked");
	picture = made(c, &h, &watermark);
	ck_assert(str_same(picture, made(c, &h, &watermark)));
	for (int i = 0; i < MANY; i++)
		a[i] = looks(c, &h, &watermark, i % 4 != 3 ? picture : STR("none"));
	for (int i = 0; i < MANY; i++) {
		answered(a[i], 10);
		ck_assert_int_eq(
		    a[i]->view.said.found, i % 4 != 3 ? VIEW_FOUND : VIEW_UNREADABLE);
	}
	ck_assert_uint_eq(viewers_counts(h.server.viewers).started, 1);
	scene_end(&h);
}
END_TEST

START_TEST(a_killed_viewer_costs_no_answer)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark;
	struct str picture;
	struct asked *a[MANY];

	scene_new(c, &h, 4);
	watermark = watermark_put(c, &h, "marked");
	picture = made(c, &h, &watermark);
	/* It stands still, so that all of them are on their way when it dies. */
	ck_assert_int_eq(kill(viewer_pid(), SIGSTOP), 0);
	for (int i = 0; i < MANY; i++)
		a[i] = looks(c, &h, &watermark, picture);
	pause_ms(300);
	ck_assert_int_eq(kill(viewer_pid(), SIGKILL), 0);
	for (int i = 0; i < MANY; i++) {
		answered(a[i], LATE_S);
		ck_assert_int_eq(a[i]->view.said.found, VIEW_FOUND);
	}
	ck_assert_uint_eq(viewers_counts(h.server.viewers).started, 2);
	ck_assert_uint_eq(viewers_counts(h.server.viewers).died, 1);
	scene_end(&h);
}
END_TEST

START_TEST(a_viewer_that_hangs)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark, another;
	struct asked *a, *b;
	struct str picture;
	pid_t pid;

	scene_new(c, &h, 4);
	watermark = watermark_put(c, &h, "marked");
	another = watermark_put(c, &h, "another");
	picture = made(c, &h, &watermark);
	pid = viewer_pid();
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	a = looks(c, &h, &watermark, picture);
	/* Nobody else waits for it. */
	b = asked_new(c, &h, &another);
	asks(c, &h, b);
	answered(b, 5);
	ck_assert_int_eq(a->done, 0);
	refused(a, E_BUSY, LATE_S);
	ck_assert_uint_eq(viewers_counts(h.server.viewers).late, 1);
	/* And then there is another one. */
	answered(looks(c, &h, &watermark, picture), 10);
	ck_assert_int_ne(kill(pid, 0), 0);
	scene_end(&h);
}
END_TEST

START_TEST(few_viewers_for_many)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark[3];
	struct asked *a[30];

	scene_new(c, &h, 1);
	for (int i = 0; i < 3; i++)
		watermark[i] = watermark_put(c, &h, i == 0 ? "a" : i == 1 ? "b" : "c");
	for (int i = 0; i < 30; i++) {
		a[i] = asked_new(c, &h, &watermark[i % 3]);
		asks(c, &h, a[i]);
	}
	for (int i = 0; i < 30; i++)
		answered(a[i], LATE_S);
	/* One after the other, not one for each question. */
	ck_assert_uint_le(viewers_counts(h.server.viewers).started, 6);
	ck_assert_int_le(viewers_counts(h.server.viewers).running, 1);
	scene_end(&h);
}
END_TEST

/* Who keeps asking does not keep the only viewer. */
START_TEST(everybody_has_a_turn)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id greedy, modest;
	struct asked *other;
	int64_t end;

	scene_new(c, &h, 1);
	greedy = watermark_put(c, &h, "greedy");
	modest = watermark_put(c, &h, "modest");
	(void)made(c, &h, &greedy);
	other = asked_new(c, &h, &modest);
	for (end = clock_monotonic() + 9000; other->done == 0 && clock_monotonic() < end;) {
		struct asked *a[8];

		for (size_t i = 0; i < COUNT(a); i++) {
			a[i] = asked_new(c, &h, &greedy);
			asks(c, &h, a[i]);
		}
		if (other->view.until == 0)
			asks(c, &h, other);
		for (size_t i = 0; i < COUNT(a); i++) {
			answered(a[i], LATE_S);
			arena_free(&a[i]->c.mem);
		}
	}
	ck_assert_int_gt(other->done, 0);
	answered(other, 1);
	scene_end(&h);
}
END_TEST

/* Who shows a thousand pictures waits behind himself, not others behind him. */
START_TEST(one_of_many_askers)
{
	struct ctx *c = test_ctx();
	struct asked *a[10 * MANY], *other;
	struct house h;
	struct id watermark;
	struct str picture;
	size_t before = 0;

	scene_new(c, &h, 4);
	watermark = watermark_put(c, &h, "marked");
	picture = made(c, &h, &watermark);
	ck_assert_int_eq(kill(viewer_pid(), SIGSTOP), 0);
	for (size_t i = 0; i < COUNT(a); i++)
		a[i] = looks(c, &h, &watermark, picture);
	pause_ms(300);
	other = asked_new(c, &h, &watermark);
	other->view.ask.claim.customer++;
	asks(c, &h, other);
	pause_ms(300);
	ck_assert_int_eq(kill(viewer_pid(), SIGCONT), 0);
	answered(other, LATE_S);
	for (size_t i = 0; i < COUNT(a); i++)
		before += a[i]->done > 0;
	ck_assert_uint_lt(before, COUNT(a) / 2);
	for (size_t i = 0; i < COUNT(a); i++)
		answered(a[i], LATE_S);
	scene_end(&h);
}
END_TEST

START_TEST(sealed_means_ended)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.seal");
	struct house h;
	struct id watermark;
	struct asked *a;
	struct str picture;

	scene_new(c, &h, 4);
	watermark = watermark_put(c, &h, "marked");
	picture = made(c, &h, &watermark);
	ck_assert_int_eq(kill(viewer_pid(), SIGSTOP), 0);
	a = looks(c, &h, &watermark, picture);
	ck_ok(c, keys_seal(c, h.server.keys, &who));
	refused(a, E_SEALED, 2);
	ck_until(viewer_pid() == 0, 2);
	refused(looks(c, &h, &watermark, picture), E_SEALED, 2);
	ck_ok(c, keys_unseal(c, h.server.keys, &who, STR("")));
	answered(looks(c, &h, &watermark, picture), 10);
	scene_end(&h);
}
END_TEST

START_TEST(what_is_not_there)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark, none = { "wmk_01890a5d-ac96-774b-bcce-b302099a8057" };
	struct asked *a;
	struct str picture;

	scene_new(c, &h, 4);
	a = asked_new(c, &h, &none);
	asks(c, &h, a);
	refused(a, E_UNDECIDED, 5);
	ck_assert_str_eq(err_name(&a->c.err), VIEW_UNAVAILABLE);
	/* Forgotten while it is asked: nobody gets a picture of what is gone. */
	watermark = watermark_put(c, &h, "marked");
	picture = made(c, &h, &watermark);
	ck_assert_int_eq(kill(viewer_pid(), SIGSTOP), 0);
	a = looks(c, &h, &watermark, picture);
	pause_ms(200);
	viewers_forget(h.server.viewers, str_of(watermark.s));
	refused(a, E_ABSENT, 2);
	ck_until(viewer_pid() == 0, 2);
	scene_end(&h);
}
END_TEST

/* How many of so many questions have their answer. */
static int
told(struct asked **a, int n)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		found += a[i]->done > 0;
	return found;
}

START_TEST(no_more_than_so_many)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark;
	struct asked **a = take(c, (ASKED_MAX + 1) * sizeof(struct asked *)), *over;
	int busy = 0, ending = 0;

	scene_new(c, &h, 4);
	watermark = watermark_put(c, &h, "marked");
	(void)made(c, &h, &watermark);
	ck_assert_int_eq(kill(viewer_pid(), SIGSTOP), 0);
	for (int i = 0; i < WAITING_MAX + 100; i++) {
		a[i] = asked_new(c, &h, &watermark);
		asks(c, &h, a[i]);
	}
	ck_until(told(a, WAITING_MAX + 100) >= 100 - FLYING_MAX, 5);
	viewers_quit(h.server.viewers);
	for (int i = 0; i < WAITING_MAX + 100; i++) {
		ck_until(a[i]->done > 0, 5);
		busy += a[i]->c.err.code == E_BUSY;
		ending += a[i]->c.err.code == E_DRAINING;
	}
	/* Those beyond its line at once, the others when it was over. */
	ck_assert_int_eq(busy, 100 - FLYING_MAX);
	ck_assert_int_eq(busy + ending, WAITING_MAX + 100);
	over = asked_new(c, &h, &watermark);
	ck_assert(!viewers_ask(&over->c, h.server.viewers, &over->view));
	ck_assert_int_eq(over->c.err.code, E_DRAINING);
	scene_end(&h);
}
END_TEST

MAIN("viewers", ONE(pictures_are_made_and_looked_at), ONE(a_killed_viewer_costs_no_answer),
    ONE(a_viewer_that_hangs), ONE(few_viewers_for_many), ONE(everybody_has_a_turn),
    ONE(one_of_many_askers), ONE(sealed_means_ended), ONE(what_is_not_there),
    ONE(no_more_than_so_many))
