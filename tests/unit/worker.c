/*
 * Workers, as real processes: a job done right, each way in which one can end, what the kernel says
 * of the walls. Inputs and messages that are wrong, and other ways to start one, are in
 * worker_inputs.c.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "worker_story.h"

/* ---- A job done right -------------------------------------------------------------------- */

START_TEST(selftest_hashes_its_input)
{
	struct ctx *c = test_ctx();
	const char *text = "a seal of many words";
	struct order o = order_new(c, text, ",\"steps\":5,\"step_ms\":60");
	struct worker w = order_start(c, &o);
	struct story s = story_of(c, &w);

	is_done(c, &s, text, 5);
	ck_assert_int_eq(s.progress, 5);
	ck_assert_int_eq(w.pid, 0);
	ck_assert_int_eq(w.pidfd, -1);
	ck_assert_int_eq(w.progress, -1);
}
END_TEST

START_TEST(selftest_of_nothing_and_of_much)
{
	struct ctx *c = test_ctx();
	char *text = take(c, SELFTEST_TEXT_MAX + 1);
	struct order o = order_new(c, "", ",\"steps\":1");
	struct worker w = order_start(c, &o);
	struct story s = story_of(c, &w);

	is_done(c, &s, "", 1);
	memset(text, 'x', SELFTEST_TEXT_MAX);
	o = order_new(c, text, ",\"steps\":1000");
	w = order_start(c, &o);
	s = story_of(c, &w);
	is_done(c, &s, text, 1000);
	/* A thousand quick steps are not a thousand messages. */
	ck_assert_int_lt(s.progress, 500);
}
END_TEST

/* ---- Each other end ---------------------------------------------------------------------- */

static const struct {
	const char *fail;
	const char *how;
	bool said; /* a failure message */
} drills[] = {
	{ "crash", "gave up", false },
	{ "hang", "exceeded its time limit", false },
	{ "memory", "ended without a result", true },
	{ "exit", "ended as the drill asked", false },
};

START_TEST(drill_ends_as_it_should)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", take_printf(c, ",\"fail\":\"%s\"", drills[_i].fail));
	struct worker w;
	struct story s;

	o.message.limits.wall = 2;
	if (strcmp(drills[_i].fail, "hang") != 0)
		o.message.limits.wall = 30;
	w = order_start(c, &o);
	s = story_of(c, &w);
	ck_assert_str_eq(s.how, drills[_i].how);
	ck_assert(s.said == drills[_i].said);
	if (s.said) {
		ck_assert_int_eq(s.last.type, JOB_FAILURE);
		/* A sanitizer's own memory cannot be limited; the drill sees that, too. */
		ck_assert_int_eq(s.last.code, sandbox_sanitized() ? E_INTERNAL : E_MEMORY);
	}
}
END_TEST

START_TEST(killed_at_once)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"fail\":\"hang\"");
	struct worker w = order_start(c, &o);
	int64_t from = clock_monotonic();
	const char *how;

	ck_assert_int_eq(kill(w.pid, 0), 0);
	worker_kill(&w, &how);
	ck_assert_str_eq(how, "was killed");
	ck_assert_int_lt(clock_monotonic() - from, 20000);
}
END_TEST

/* The server is gone when its end of the progress socket is. */
START_TEST(alone_it_ends)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"fail\":\"hang\"");
	struct worker w = order_start(c, &o);
	struct pollfd ended = { w.pidfd, POLLIN, 0 };
	const char *how;

	fd_done(&w.progress);
	ck_assert_int_eq(poll(&ended, 1, 20000), 1);
	worker_end(&w, &how);
	ck_assert_str_eq(how, "was stopped");
}
END_TEST

/* A server killed by surprise takes its workers along. */
START_TEST(orphaned_it_ends)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"fail\":\"hang\"");
	struct pollfd ended = { -1, POLLIN, 0 };
	pid_t server, worker = 0;
	int pipe_fd[2], status;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	server = fork();
	if (server == 0) {
		struct worker w = order_start(c, &o);

		until_running(c, &w);
		(void)!write(pipe_fd[1], &w.pid, sizeof w.pid);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(read(pipe_fd[0], &worker, sizeof worker), sizeof worker);
	ended.fd = test_pidfd(worker);
	ck_assert_int_ge(ended.fd, 0);
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
	ck_assert_int_eq(poll(&ended, 1, 20000), 1);
	(void)close(ended.fd);
}
END_TEST

/* ---- The walls --------------------------------------------------------------------------- */

START_TEST(walls_stand)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"steps\":100,\"step_ms\":60");
	struct worker w = order_start(c, &o);
	struct str status, limits;
	const char *how;
	struct stat st;

	until_running(c, &w);
	status = test_proc(c, w.pid, "status");
	ck_assert(test_has_line(status, "Seccomp:\t2"));
	ck_assert(test_has_line(status, "NoNewPrivs:\t1"));
	ck_assert(test_has_line(status, "CapEff:\t0000000000000000"));
	ck_assert(test_has_line(status, "CapPrm:\t0000000000000000"));
	ck_assert_int_eq(stat(take_printf(c, "/proc/%d/mem", w.pid), &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	limits = test_proc(c, w.pid, "limits");
	ck_assert(test_limit(limits, "Max core file size", 0));
	ck_assert(test_limit(limits, "Max cpu time", 20));
	ck_assert(test_limit(limits, "Max open files", 64));
	if (!sandbox_sanitized()) {
		ck_assert(test_limit(limits, "Max data size", 64 << 20));
		ck_assert(test_limit(limits, "Max file size", 0));
	}
	worker_kill(&w, &how);
}
END_TEST

/* Where each of a process's descriptors leads, by its number. */
START_TEST(walls_leave_two_descriptors)
{
	struct ctx *c = test_ctx();
	owned(fd_done) int stray = dup2(2, 57);
	struct order o = order_new(c, "x", ",\"steps\":100,\"step_ms\":60");
	struct worker w = order_start(c, &o);
	const char *how, *folder = take_printf(c, "/proc/%d/fd", w.pid);
	struct dirent *e;
	int inputs = 0;
	DIR *dir;

	ck_assert_int_eq(stray, 57);
	until_running(c, &w);
	dir = opendir(folder);
	ck_assert(dir != NULL || geteuid() != 0);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		char to[128] = { 0 };

		if (e->d_name[0] == '.')
			continue;
		ck_assert_int_gt(readlink(test_path(folder, e->d_name), to, sizeof to - 1), 0);
		if (strcmp(e->d_name, "0") == 0 || strcmp(e->d_name, "1") == 0)
			ck_assert_str_eq(to, "/dev/null");
		else if (strcmp(e->d_name, "4") == 0)
			ck_assert_int_eq(strncmp(to, "socket:", 7), 0);
		else if (strncmp(to, "/memfd:blob", 11) == 0)
			inputs++;
		else
			ck_assert(strcmp(e->d_name, "2") == 0);
	}
	ck_assert(dir == NULL || inputs == 1);
	if (dir != NULL)
		(void)closedir(dir);
	worker_kill(&w, &how);
}
END_TEST

MAIN("worker", ONE(selftest_hashes_its_input), ONE(selftest_of_nothing_and_of_much),
    EACH(drill_ends_as_it_should, drills), ONE(killed_at_once), ONE(alone_it_ends),
    ONE(orphaned_it_ends), ONE(walls_stand), ONE(walls_leave_two_descriptors))
