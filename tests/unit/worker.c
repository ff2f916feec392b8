/*
 * Workers, as real processes: a job done right, each way in which one can end, what the kernel says
 * of the walls, inputs and messages that are not what they should be, and the second way to start
 * one, over a connection.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blob.h"
#include "channel.h"
#include "child.h"
#include "processes.h"
#include "test.h"
#include "workers.h"

#define SOON_MS 10000

/* ---- A selftest on its way -------------------------------------------------------------------- */

struct order {
	struct job_message message;
	int blob_fd[1];
	struct worker_conf conf;
};

static struct order
order_new(struct ctx *c, const char *text, const char *more)
{
	struct order o = { .conf = { .programs = test_programs() } };
	struct str plain = str_of(text);
	struct key256 key;

	key256_random(c, &key);
	o.message = (struct job_message){ .kind = JOB_SELFTEST,
		.id = STR("job_test"),
		.limits = { .memory = 64 << 20, .cpu = 20, .wall = 30 },
		.blobs = 1 };
	o.message.params = str_of(take_printf(c, "{\"text\":\"%s\"%s}", text, more));
	o.message.blob[0] = (struct job_blob){
		.name = STR("text"), .size = (int64_t)plain.n, .aad = STR("job_test/text")
	};
	memcpy(o.message.blob[0].key, key.b, sizeof key.b);
	ck_ok(c, blob_new(c, &key, o.message.blob[0].aad, plain, &o.blob_fd[0]));
	return o;
}

static struct worker
order_start(struct ctx *c, struct order *o)
{
	struct worker w = { 0 };

	ck_ok(c, worker_start(c, &o->conf, &o->message, o->blob_fd, -1, &w));
	fd_done(&o->blob_fd[0]);
	return w;
}

/* What a worker says from beginning to end. */
struct story {
	struct job_report last; /* a result or a failure */
	bool said;
	int progress; /* how often */
	const char *how;
	int64_t took;
};

static struct story
story_of(struct ctx *c, struct worker *w)
{
	struct story s = { 0 };
	int64_t from = clock_monotonic(), done = 0;
	bool ended = false;

	for (;;) {
		struct job_report r = { 0 };

		ck_ok(c, worker_next(c, w, from + SOON_MS, &ended, &r));
		if (ended)
			break;
		ck_assert(!s.said);
		if (r.type == JOB_PROGRESS) {
			ck_assert_int_gt(r.done, done);
			done = r.done;
			s.progress++;
		} else {
			s.last = r;
			s.said = true;
		}
	}
	worker_end(w, &s.how);
	s.took = clock_monotonic() - from;
	return s;
}

/* ---- A job done right -------------------------------------------------------------------------- */

static void
is_done(struct ctx *c, const struct story *s, const char *text, int steps)
{
	struct digest256 digest;
	char room[64];
	struct buf hex = BUF(room);

	ck_ok(c, sha256(c, str_of(text), &digest));
	hex_put(&hex, digest.b, sizeof digest.b);
	ck_assert(s->said);
	ck_assert_int_eq(s->last.type, JOB_RESULT);
	ck_assert(str_same(s->last.result,
	    str_of(take_printf(c, "{\"sha256\":\"%.*s\",\"bytes\":%zu,\"steps\":%d}",
		STRF(buf_str(&hex)), strlen(text), steps))));
}

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

/* ---- Each other end ------------------------------------------------------------------------------ */

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
		ck_assert_int_eq(s.last.code, E_MEMORY);
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
	ck_assert_int_lt(clock_monotonic() - from, 2000);
}
END_TEST

/* The server is gone when its end of the progress socket is. */
START_TEST(alone_it_ends)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"fail\":\"hang\"");
	struct worker w = order_start(c, &o);
	struct pollfd ended = { w.pidfd, POLLIN, 0 };
	int64_t from = clock_monotonic();
	const char *how;

	fd_done(&w.progress);
	ck_assert_int_eq(poll(&ended, 1, 2000), 1);
	ck_assert_int_lt(clock_monotonic() - from, 2000);
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

		(void)!write(pipe_fd[1], &w.pid, sizeof w.pid);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(read(pipe_fd[0], &worker, sizeof worker), sizeof worker);
	ended.fd = test_pidfd(worker);
	ck_assert_int_ge(ended.fd, 0);
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
	ck_assert_int_eq(poll(&ended, 1, 2000), 1);
	(void)close(ended.fd);
}
END_TEST

/* ---- The walls ----------------------------------------------------------------------------------- */

/* Waits for the first progress: the walls stood before the job message was read. */
static void
until_running(struct ctx *c, struct worker *w)
{
	struct job_report r = { 0 };
	bool ended = true;

	ck_ok(c, worker_next(c, w, clock_monotonic() + SOON_MS, &ended, &r));
	ck_assert(!ended);
}

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
	if (!test_sanitized()) {
		ck_assert(test_limit(limits, "Max data size", 64 << 20));
		ck_assert(test_limit(limits, "Max file size", 0));
	}
	worker_kill(&w, &how);
}
END_TEST

/* Where each of a process's descriptors leads, by its number. */
START_TEST(walls_leave_three_descriptors)
{
	struct ctx *c = test_ctx();
	struct order o = order_new(c, "x", ",\"steps\":100,\"step_ms\":60");
	struct worker w = order_start(c, &o);
	const char *how, *folder = take_printf(c, "/proc/%d/fd", w.pid);
	struct dirent *e;
	int inputs = 0;
	DIR *dir;

	until_running(c, &w);
	dir = opendir(folder);
	ck_assert(dir != NULL || geteuid() != 0);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		char to[128] = { 0 };

		if (e->d_name[0] == '.')
			continue;
		ck_assert_int_gt(readlink(test_path(folder, e->d_name), to, sizeof to - 1), 0);
		if (strcmp(e->d_name, "0") == 0 || strcmp(e->d_name, "1") == 0 ||
		    strcmp(e->d_name, "4") == 0)
			ck_assert_str_eq(to, "/dev/null");
		else if (strcmp(e->d_name, "5") == 0)
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

/* ---- Inputs and messages that are wrong ------------------------------------------------------------ */

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
	owned(fd_done) int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct child child;
	int inputs[2], progress[2], theirs[3], status;

	ck_ok(c, channel_pair(c, inputs));
	ck_ok(c, channel_pair(c, progress));
	theirs[0] = inputs[1];
	theirs[1] = nothing;
	theirs[2] = progress[1];
	ck_ok(c, child_start(c, test_programs(), argv, theirs, 3, &child));
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

/* ---- The second way to start one --------------------------------------------------------------------- */

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
	int status, two[2] = { 0, 1 };
	pid_t pid;

	/* Not one socket. */
	pid = like_systemd(listener, "2");
	ck_ok(c, channel_connect(c, path, &fd));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_USAGE);
	fd_done(&fd);
	/* Not three descriptors. */
	pid = like_systemd(listener, "1");
	ck_ok(c, channel_connect(c, path, &fd));
	ck_ok(c, channel_send(c, fd, STR("job"), two, 2, clock_monotonic() + 5000));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_USAGE);
	/* Nobody listens. */
	o.conf.socket = test_path(test_folder(), "nobody");
	ck_fails(c, E_PEER, worker_start(c, &o.conf, &o.message, o.blob_fd, -1, &w));
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

MAIN("worker", ONE(selftest_hashes_its_input), ONE(selftest_of_nothing_and_of_much),
    EACH(drill_ends_as_it_should, drills), ONE(killed_at_once), ONE(alone_it_ends),
    ONE(orphaned_it_ends), ONE(walls_stand), ONE(walls_leave_three_descriptors),
    EACH(input_that_is_wrong, bad_inputs), ONE(message_bombs_are_refused),
    ONE(message_mutations_never_crash), ONE(activated_it_works_the_same),
    ONE(activated_it_ends_with_the_socket), ONE(activated_wrongly),
    ONE(local_gives_the_same_result))
