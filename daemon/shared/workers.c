/*
 * Workers, as the server starts and ends them. Each gets two descriptors: a socket with the job
 * message in it (and the descriptors of its inputs and outputs beside it), and a socket for
 * reports. A child has them from its first instruction; a worker of systemd's gets the two in one
 * message over the connection that made systemd start it.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "workers.h"

#define SEND_MS 5000
#define END_MS 2000

/* The worker's two, and our ends of both. */
struct ends {
	int job, progress;
	int ours, asking;
};

static void
ends_done(struct ends *e)
{
	fd_done(&e->job);
	fd_done(&e->progress);
	fd_done(&e->ours);
	fd_done(&e->asking);
}

static void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->n);
}

/* The job message waits in the socket before there is anybody to read it. */
MUST static bool
post_job(struct ctx *c, const struct job_message *m, const int blob_fd[], const int out_fd[],
    int *ret, int *ret_ours)
{
	owned(buf_wipe) struct buf b = { 0 };
	owned(fd_done) int ours = -1, theirs = -1;
	int pair[2], fds[JOB_INPUTS_MAX + JOB_OUTPUTS_MAX];

	_Static_assert(COUNT(fds) <= CHANNEL_FDS_MAX, "they fit beside one message");
	if (!take_buf(c, JOB_MESSAGE_MAX, &b) || !job_encode(c, m, &b) ||
	    !channel_pair(c, pair))
		return false;
	ours = pair[0];
	theirs = pair[1];
	for (size_t i = 0; i < m->blobs; i++)
		fds[i] = blob_fd[i];
	for (size_t i = 0; i < m->outs; i++)
		fds[m->blobs + i] = out_fd[i];
	if (!channel_send(
		c, ours, buf_str(&b), fds, m->blobs + m->outs, clock_monotonic() + SEND_MS))
		return false;
	*ret = theirs;
	theirs = -1;
	if (job_kinds[m->kind].stays || job_kinds[m->kind].asks) {
		*ret_ours = ours;
		ours = -1;
	}
	return true;
}

/* The connection makes systemd start a unit, which finds the two in its first message. */
MUST static bool
hand_over(struct ctx *c, const char *socket, const int fds[2])
{
	owned(fd_done) int fd = -1;

	return channel_connect(c, socket, &fd) &&
	    channel_send(c, fd, STR("job"), fds, 2, clock_monotonic() + SEND_MS);
}

bool
worker_start(struct ctx *c, const struct worker_conf *conf, const struct job_message *m,
    const int blob_fd[], const int out_fd[], struct worker *ret)
{
	static const char *const argv[] = { "hallmark-worker", NULL };
	owned(ends_done) struct ends e = { -1, -1, -1, -1 };
	struct child child = { .pid = 0, .pidfd = -1 };
	int theirs[2], pair[2];

	if (!post_job(c, m, blob_fd, out_fd, &e.job, &e.asking) || !channel_pair(c, pair))
		return false;
	e.ours = pair[0];
	e.progress = pair[1];
	theirs[0] = e.job;
	theirs[1] = e.progress;
	if (conf->socket != NULL && !hand_over(c, conf->socket, theirs))
		return false;
	if (conf->socket == NULL && !child_start(c, conf->programs, argv, theirs, 2, &child))
		return false;
	*ret = (struct worker){
		.pid = child.pid, .pidfd = child.pidfd, .progress = e.ours, .job = e.asking
	};
	e.ours = e.asking = -1;
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
	fd_done(&w->job);
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
