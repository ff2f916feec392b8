/*
 * Workers, as the server starts and ends them. Each gets three descriptors: a socket with the job
 * message in it (and the inputs' descriptors beside it), a file for outputs, a socket for reports.
 * A child has them from its first instruction; a worker of systemd's gets the three in one message
 * over the connection that made systemd start it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "workers.h"

#define SEND_MS 5000
#define END_MS 2000

/* The worker's three, and our end of its reports. */
struct ends {
	int inputs, out, progress;
	int ours;
};

static void
ends_done(struct ends *e)
{
	fd_done(&e->inputs);
	fd_done(&e->out);
	fd_done(&e->progress);
	fd_done(&e->ours);
}

static void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->n);
}

/* The job message waits in the socket before there is anybody to read it. */
MUST static bool
post_job(struct ctx *c, const struct job_message *m, const int blob_fd[], int *ret)
{
	owned(buf_wipe) struct buf b = { 0 };
	owned(fd_done) int ours = -1, theirs = -1;
	int pair[2];

	if (!take_buf(c, JOB_MESSAGE_MAX, &b) || !job_encode(c, m, &b) ||
	    !channel_pair(c, pair))
		return false;
	ours = pair[0];
	theirs = pair[1];
	if (!channel_send(c, ours, buf_str(&b), blob_fd, m->blobs, clock_monotonic() + SEND_MS))
		return false;
	*ret = theirs;
	theirs = -1;
	return true;
}

MUST static bool
ends_make(
    struct ctx *c, const struct job_message *m, const int blob_fd[], int out, struct ends *e)
{
	int pair[2];

	if (!post_job(c, m, blob_fd, &e->inputs) || !channel_pair(c, pair))
		return false;
	e->ours = pair[0];
	e->progress = pair[1];
	if (out < 0)
		e->out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	else
		e->out = fcntl(out, F_DUPFD_CLOEXEC, 0);
	if (e->out < 0)
		return fail_errno(c, "open", "a worker's output");
	return true;
}

/* The connection makes systemd start a unit, which finds the three in its first message. */
MUST static bool
hand_over(struct ctx *c, const char *socket, const int fds[3])
{
	owned(fd_done) int fd = -1;

	return channel_connect(c, socket, &fd) &&
	    channel_send(c, fd, STR("job"), fds, 3, clock_monotonic() + SEND_MS);
}

bool
worker_start(struct ctx *c, const struct worker_conf *conf, const struct job_message *m,
    const int blob_fd[], int out, struct worker *ret)
{
	static const char *const argv[] = { "hallmark-worker", NULL };
	owned(ends_done) struct ends e = { -1, -1, -1, -1 };
	struct child child = { .pid = 0, .pidfd = -1 };
	int theirs[3];

	if (!ends_make(c, m, blob_fd, out, &e))
		return false;
	theirs[0] = e.inputs;
	theirs[1] = e.out;
	theirs[2] = e.progress;
	if (conf->socket != NULL && !hand_over(c, conf->socket, theirs))
		return false;
	if (conf->socket == NULL && !child_start(c, conf->programs, argv, theirs, 3, &child))
		return false;
	*ret = (struct worker){ .pid = child.pid, .pidfd = child.pidfd, .progress = e.ours };
	e.ours = -1;
	return true;
}

bool
worker_next(
    struct ctx *c, struct worker *w, int64_t deadline, bool *ret_ended, struct job_report *ret)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	char bytes[JOB_REPORT_MAX];
	struct job_report r;

	if (!channel_receive(c, w->progress, bytes, sizeof bytes, deadline, &m))
		return false;
	if (m.n == 0) {
		*ret_ended = true;
		return true;
	}
	if (!job_report_decode(c, (struct str){ bytes, m.n }, &r) ||
	    !take_copy(c, r.note, &r.note) || !take_copy(c, r.result, &r.result) ||
	    !take_copy(c, r.text, &r.text))
		return false;
	*ret_ended = false;
	*ret = r;
	return true;
}

static void
end(struct worker *w, int wait_ms, const char **ret_how)
{
	struct child child = { .pid = w->pid, .pidfd = w->pidfd };
	int status;

	*ret_how = worker_exit_text(false, WORKER_OK);
	if (wait_ms == 0)
		fd_done(&w->progress);
	if (w->pid != 0) {
		child_end(&child, wait_ms, &status);
		*ret_how = worker_exit_text(WIFSIGNALED(status),
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	fd_done(&w->progress);
	w->pid = 0;
	w->pidfd = -1;
}

void
worker_kill(struct worker *w, const char **ret_how)
{
	end(w, 0, ret_how);
}

void
worker_end(struct worker *w, const char **ret_how)
{
	end(w, END_MS, ret_how);
}
