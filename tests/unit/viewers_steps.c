/*
 * One viewer, step by step: which question is blamed for the death of its worker, and what is
 * believed of what a worker says.
 */
#include <poll.h>
#include <signal.h>

#include "channel.h"
#include "viewers_house.h"

/* A viewer without the thread, so that nothing happens between two steps. */
struct slow {
	struct viewers *viewers;
	struct viewer *viewer;
};

static struct slow
slow_new(struct ctx *c, struct house *h, const struct id *watermark)
{
	struct viewers *vs = take(c, sizeof *vs);

	vs->server = &h->server;
	vs->conf = (struct worker_conf){ h->server.conf.programs, NULL };
	vs->most = 1;
	vs->room = take(c, VIEW_MESSAGE_MAX);
	vs->db = h->db;
	viewer_begin(vs, &vs->viewer[0], &h->vendor, watermark);
	return (struct slow){ vs, &vs->viewer[0] };
}

/* Its worker has said that it is ready, which nobody has heard yet, and stands still. */
static void
stand_still(const struct slow *s)
{
	struct pollfd ready = { s->viewer->worker.progress, POLLIN, 0 };

	ck_assert_int_eq(poll(&ready, 1, 20000), 1);
	ck_assert_int_eq(kill(s->viewer->worker.pid, SIGSTOP), 0);
}

static void
step(const struct slow *s)
{
	viewer_step(s->viewers, s->viewer, clock_monotonic());
}

static void
dies(const struct slow *s)
{
	uint64_t died = s->viewers->died;

	ck_assert_int_eq(kill(s->viewer->worker.pid, SIGKILL), 0);
	for (int64_t end = clock_monotonic() + 30000; s->viewers->died == died;) {
		ck_assert_int_lt(clock_monotonic(), end);
		step(s);
		pause_ms(1);
	}
}

static struct asked *
put(struct ctx *c, struct house *h, const struct slow *s, const struct id *watermark,
    enum view_op op, struct str picture)
{
	struct asked *a = asked_new(c, h, watermark);

	a->view.ask.op = op;
	a->view.ask.picture = picture;
	a->view.ask.number = ++s->viewers->started + 1000;
	a->view.until = clock_monotonic() + VIEW_WAIT_MS;
	line_put(&s->viewer->waiting, &a->view);
	return a;
}

static const enum view_op ops[] = { VIEW_LOOK, VIEW_MAKE };

/* What ends two viewers is refused; what was beside it is answered. */
START_TEST(a_question_that_ends_viewers)
{
	struct ctx *c = test_ctx();
	struct asked *culprit, *other;
	struct house h;
	struct id watermark;
	struct slow s;

	house_new(c, &h, test_folder());
	watermark = watermark_put(c, &h, "marked");
	s = slow_new(c, &h, &watermark);
	stand_still(&s);
	culprit = put(
	    c, &h, &s, &watermark, ops[_i], ops[_i] == VIEW_LOOK ? STR("x") : STR(""));
	other = put(c, &h, &s, &watermark, VIEW_LOOK, STR("y"));
	step(&s);
	ck_assert_uint_eq(s.viewer->flying.n, 2);
	dies(&s);
	/* The next viewer gets it alone, and dies of it. */
	stand_still(&s);
	step(&s);
	ck_assert_uint_eq(s.viewer->flying.n, 1);
	ck_assert_uint_eq(s.viewer->waiting.n, 1);
	dies(&s);
	ck_assert_int_eq(culprit->done, 1);
	ck_assert_int_eq(other->done, 0);
	if (ops[_i] == VIEW_LOOK) {
		ck_assert(culprit->view.ok);
		ck_assert_int_eq(culprit->view.said.found, VIEW_UNREADABLE);
		ck_assert_uint_gt(culprit->view.said.text.n, 0);
	} else {
		ck_assert(!culprit->view.ok);
		ck_assert_int_eq(culprit->c.err.code, E_INPUT);
	}
	for (int64_t end = clock_monotonic() + 20000; other->done == 0;) {
		ck_assert_int_lt(clock_monotonic(), end);
		step(&s);
		pause_ms(5);
	}
	answered(other, 1);
	viewer_end(s.viewers, s.viewer, "test");
	free(s.viewer->pieces.v);
	house_close(&h);
}
END_TEST

/* A worker that was taken over says what nobody has asked: it ends, its questions go on. */
START_TEST(answers_to_nothing)
{
	struct ctx *c = test_ctx();
	struct house h;
	struct id watermark;
	struct asked *a;
	struct slow s;
	int pair[2], theirs;

	house_new(c, &h, test_folder());
	watermark = watermark_put(c, &h, "marked");
	s = slow_new(c, &h, &watermark);
	stand_still(&s);
	a = put(c, &h, &s, &watermark, VIEW_LOOK, STR("x"));
	step(&s);
	ck_assert_uint_eq(s.viewer->flying.n, 1);
	/* From here on the test is what it hears. */
	ck_ok(c, channel_pair(c, pair));
	fd_done(&s.viewer->worker.job);
	s.viewer->worker.job = pair[0];
	theirs = pair[1];
	ck_ok(c, channel_send(c, theirs, STR("nonsense"), NULL, 0, 0));
	step(&s);
	ck_assert_int_eq(a->done, 0);
	ck_assert_uint_eq(s.viewers->died, 1);
	fd_done(&theirs);
	for (int64_t end = clock_monotonic() + 20000; a->done == 0;) {
		ck_assert_int_lt(clock_monotonic(), end);
		step(&s);
		pause_ms(5);
	}
	answered(a, 1);
	viewer_end(s.viewers, s.viewer, "test");
	free(s.viewer->pieces.v);
	house_close(&h);
}
END_TEST

MAIN("viewers_steps", EACH(a_question_that_ends_viewers, ops), ONE(answers_to_nothing))
