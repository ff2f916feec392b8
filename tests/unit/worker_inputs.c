/*
 * Workers that get what they should not: inputs that are not what the message says, messages that
 * are none. And the other ways to start one: over a connection, as systemd does, and by hand.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "worker_story.h"

/* ---- Inputs and messages that are wrong -------------------------------------------------- */

static const struct {
	const char *what;
	enum err_code want;
} bad_inputs[] = {
	{ "key", E_INTEGRITY },
	{ "aad", E_INTEGRITY },
	{ "size", E_INTEGRITY },
	{ "bit", E_INTEGRITY },
	{ "end", E_INTEGRITY },
	{ "empty", E_INTEGRITY },
};

START_TEST(input_that_is_wrong)
{
	struct ctx *c = test_ctx();
	const char *what = bad_inputs[_i].what;
	struct order o = order_new(c, "the input", "");
	struct worker w;
	struct story s;
	char byte;

	if (strcmp(what, "key") == 0)
		o.message.blob[0].key[31] ^= 1;
	else if (strcmp(what, "aad") == 0)
		o.message.blob[0].aad = STR("job_test/data");
	else if (strcmp(what, "size") == 0)
		o.message.blob[0].size++;
	else if (strcmp(what, "end") == 0)
		ck_assert_int_eq(ftruncate(o.blob_fd[0], (off_t)sealed_size(9) - 1), 0);
	else if (strcmp(what, "empty") == 0)
		ck_assert_int_eq(ftruncate(o.blob_fd[0], 0), 0);
	else {
		ck_assert_int_eq(pread(o.blob_fd[0], &byte, 1, SEALED_HEADER + 4), 1);
		byte ^= 1;
		ck_assert_int_eq(pwrite(o.blob_fd[0], &byte, 1, SEALED_HEADER + 4), 1);
	}
	w = order_start(c, &o);
	s = story_of(c, &w);
	ck_assert(s.said);
	ck_assert_int_eq(s.last.type, JOB_FAILURE);
	ck_assert_int_eq(s.last.code, bad_inputs[_i].want);
}
END_TEST

/* Any bytes and descriptors in the place of the job message; returns how the worker ended. */
static int
bomb(struct ctx *c, struct str bytes, const int fds[], size_t n)
{
	static const char *const argv[] = { "hallmark-worker", NULL };
	struct child child;
	int inputs[2], progress[2], theirs[2], status;

	ck_ok(c, channel_pair(c, inputs));
	ck_ok(c, channel_pair(c, progress));
	theirs[0] = inputs[1];
	theirs[1] = progress[1];
	ck_ok(c, child_start(c, test_programs(), argv, theirs, 2, &child));
	fd_done(&inputs[1]);
	fd_done(&progress[1]);
	if (bytes.n > 0)
		ck_ok(c, channel_send(c, inputs[0], bytes, fds, n, clock_monotonic() + 5000));
	fd_done(&inputs[0]);
	child_end(&child, SOON_MS, &status);
	fd_done(&progress[0]);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(message_bombs_are_refused)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", "");
	char *big = take(c, CHANNEL_MAX);
	int fds[3] = { o.blob_fd[0], o.blob_fd[0], o.blob_fd[0] };
	struct buf b;
	struct str whole, part;

	ck_ok(c, take_buf(c, JOB_MESSAGE_MAX, &b));
	ck_ok(c, job_encode(c, &o.message, &b));
	whole = part = buf_str(&b);
	ck_assert_int_eq(bomb(c, whole, fds, 1), WORKER_OK);
	ck_assert_int_eq(bomb(c, STR(""), NULL, 0), WORKER_USAGE);
	ck_assert_int_eq(bomb(c, STR("x"), fds, 1), WORKER_USAGE);
	ck_assert_int_eq(bomb(c, whole, NULL, 0), WORKER_USAGE);
	ck_assert_int_eq(bomb(c, whole, fds, 3), WORKER_USAGE);
	part.n--;
	ck_assert_int_eq(bomb(c, part, fds, 1), WORKER_USAGE);
	ck_assert_int_eq(bomb(c, (struct str){ big, CHANNEL_MAX }, fds, 1), WORKER_USAGE);
	ck_assert_int_eq(
	    bomb(c, (struct str){ big, JOB_MESSAGE_MAX + 1 }, NULL, 0), WORKER_USAGE);
	/* Parameters that the kind does not have. */
	o.message.params = STR("{\"text\":\"x\",\"shell\":\"true\"}");
	b.n = 0;
	ck_ok(c, job_encode(c, &o.message, &b));
	ck_assert_int_eq(bomb(c, buf_str(&b), fds, 1), WORKER_USAGE);
}
END_TEST

START_TEST(message_mutations_never_crash)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"steps\":1");
	struct buf b;

	ck_ok(c, take_buf(c, JOB_MESSAGE_MAX, &b));
	ck_ok(c, job_encode(c, &o.message, &b));
	for (int i = 0; i < 60; i++) {
		char bytes[512];
		uint32_t dice[2];
		int end;

		c->random(dice, sizeof dice);
		memcpy(bytes, b.p, b.n);
		bytes[dice[0] % b.n] ^= (char)(1 << dice[1] % 8);
		end = bomb(c, (struct str){ bytes, b.n }, o.blob_fd, 1);
		ck_assert(end == WORKER_OK || end == WORKER_USAGE);
	}
}
END_TEST

/* ---- The second way to start one --------------------------------------------------------- */

/* What systemd does for a socket unit with Accept=yes: one process for each connection. */
static pid_t
like_systemd(int listener, const char *fds)
{
	pid_t pid = fork();
	char number[16];
	int fd;

	if (pid != 0)
		return pid;
	fd = accept(listener, NULL, NULL);
	(void)dup2(fd, 3);
	(void)snprintf(number, sizeof number, "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDS", fds, 1);
	execl(test_path(test_programs(), "hallmark-worker"), "hallmark-worker", "--activated",
	    (char *)NULL);
	_exit(99);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof at.sun_path);
	memcpy(at.sun_path, path, strlen(path));
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

START_TEST(activated_it_works_the_same)
{
	struct ctx *c = test_ctx();
	const char *path = test_path(test_folder(), "s");
	struct order o = order_new(c, "over a connection", ",\"steps\":2");
	owned(fd_done) int listener = listen_at(path);
	pid_t pid = like_systemd(listener, "1");
	struct worker w;
	struct story s;
	int status;

	o.conf.socket = path;
	w = order_start(c, &o);
	ck_assert_int_eq(w.pid, 0);
	ck_assert_int_eq(w.pidfd, -1);
	s = story_of(c, &w);
	is_done(c, &s, "over a connection", 2);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_OK);
}
END_TEST

START_TEST(activated_it_ends_with_the_socket)
{
	struct ctx *c = test_ctx();
	const char *how, *path = test_path(test_folder(), "s");
	struct order o = order_new(c, "x", ",\"steps\":100,\"step_ms\":60");
	owned(fd_done) int listener = listen_at(path);
	pid_t pid = like_systemd(listener, "1");
	struct worker w;
	int status;

	o.conf.socket = path;
	w = order_start(c, &o);
	until_running(c, &w);
	worker_kill(&w, &how);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_ALONE);
}
END_TEST

START_TEST(activated_wrongly)
{
	struct ctx *c = test_ctx();
	const char *path = test_path(test_folder(), "s");
	owned(fd_done) int listener = listen_at(path), fd = -1;
	struct order o = order_new(c, "x", "");
	struct worker w;
	int status, three[3] = { 0, 1, 2 };
	pid_t pid;

	/* Not one socket. */
	pid = like_systemd(listener, "2");
	ck_ok(c, channel_connect(c, path, &fd));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_USAGE);
	fd_done(&fd);
	/* Not two descriptors. */
	pid = like_systemd(listener, "1");
	ck_ok(c, channel_connect(c, path, &fd));
	ck_ok(c, channel_send(c, fd, STR("job"), three, 3, clock_monotonic() + 5000));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_USAGE);
	/* Nobody listens. */
	o.conf.socket = test_path(test_folder(), "nobody");
	ck_fails(c, E_PEER, worker_start(c, &o.conf, &o.message, o.blob_fd, NULL, &w));
}
END_TEST

START_TEST(local_gives_the_same_result)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	const char *command;
	struct story s = { .said = true };
	char line[256] = { 0 };
	FILE *out;

	ck_ok(c,
	    file_create(c, AT_FDCWD, test_path(folder, "p.json"), 0600,
		STR("{\"text\":\"locally\",\"steps\":3}")));
	command = take_printf(c, "%s/hallmark-worker --local selftest %s/p.json 2>/dev/null",
	    test_programs(), folder);
	out = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof line, out));
	ck_assert_int_eq(pclose(out), 0);
	s.last.type = JOB_RESULT;
	s.last.result = (struct str){ line, strcspn(line, "\n") };
	is_done(c, &s, "locally", 3);
}
END_TEST

MAIN("worker-inputs", EACH(input_that_is_wrong, bad_inputs), ONE(message_bombs_are_refused),
    ONE(message_mutations_never_crash), ONE(activated_it_works_the_same),
    ONE(activated_it_ends_with_the_socket), ONE(activated_wrongly),
    ONE(local_gives_the_same_result))
