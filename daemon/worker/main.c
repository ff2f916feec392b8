/*
 * hallmark-worker: one job, then the end. Hostile models, images and data sets are parsed here and
 * nowhere else, so this process sees two sockets (job, progress), the files that came with the job
 * and nothing of the machine: no other file, no network, no other process, no key but those of its
 * own files. A job that crashes, hangs or eats memory costs itself.
 * Jobs of a kind that stays are asked over the job's socket until that closes; one that may ask the
 * outside does it there.
 *
 *	hallmark-worker			started by the server, with descriptors 3 and 4
 *	hallmark-worker --activated	started by systemd, for one connection
 *	hallmark-worker --local KIND PARAMS.json [FILE…]	for developers, without a daemon
 */
#include <stdio.h>
#include <unistd.h>

#include "channel.h"
#include "run.h"
#include "sandbox.h"
#include "worker.h"

#define ARENA_MAX (256 << 20) /* the graph of the largest model */
#define JOB_COMES_MS 30000
#define PROGRESS_EVERY_MS 50

static const char usage[] =
    "usage: hallmark-worker [--activated | --local KIND PARAMS.json [FILE...]]\n"
    "Runs one job. Without --local it is started by hallmarkd or systemd.\n";

/* What a job needs of this process while it runs. */
struct work {
	struct job_message message;
	struct watch watch;
	uint64_t address_space;
	int64_t told; /* when progress was sent last */
	char bytes[JOB_MESSAGE_MAX];
};

static void
say(struct ctx *c, const struct job_report *r, int64_t deadline)
{
	char bytes[JOB_REPORT_MAX];
	struct buf b = BUF(bytes);

	/* If nobody hears it, the watch ends this process; progress that would wait is lost. */
	if (job_report_encode(c, r, &b) &&
	    channel_send(c, FD_PROGRESS, buf_str(&b), NULL, 0, deadline))
		return;
}

static void
progress_tell(void *arg, int64_t done, int64_t total, struct str note)
{
	struct work *w = arg;
	struct job_report r = {
		.type = JOB_PROGRESS, .done = done, .total = total, .note = note
	};
	struct ctx c = ctx_real(NULL, "progress");
	int64_t now = clock_monotonic();

	if (done != total && now - w->told < PROGRESS_EVERY_MS)
		return;
	w->told = now;
	say(&c, &r, 0);
}

/* ---- Of a kind that stays, or asks ------------------------------------------------------- */

MUST static bool
hear(struct ctx *c, void *arg, int64_t deadline, struct buf *message)
{
	owned(channel_message_done) struct channel_message m = { 0 };

	(void)arg;
	if (!channel_receive(c, FD_JOB, message->p, message->max, deadline, &m))
		return false;
	message->n = m.n;
	return m.fds == 0 ? true : fail(c, E_PEER, "a message with files beside it");
}

/* If nobody takes it, the watch ends this process. */
MUST static bool
tell(struct ctx *c, void *arg, struct str message)
{
	(void)arg;
	return channel_send(c, FD_JOB, message, NULL, 0, CHANNEL_FOREVER);
}

/* ---- The job ----------------------------------------------------------------------------- */

MUST static bool
job_receive(struct ctx *c, struct work *w, struct job_run *run)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	void *params;

	if (!channel_receive(c, FD_JOB, w->bytes, sizeof w->bytes, w->watch.deadline, &m))
		return false;
	if (!job_decode(c, (struct str){ w->bytes, m.n }, &w->message))
		return false;
	if (m.fds != w->message.blobs + w->message.outs)
		return fail(c, E_PEER, "%zu inputs and %zu outputs, %zu descriptors",
		    w->message.blobs, w->message.outs, m.fds);
	if (!job_params(c, w->message.kind, w->message.params, &params))
		return false;
	run->message = &w->message;
	run->params = params;
	run->progress = progress_tell;
	run->arg = w;
	run->leave = _exit;
	memcpy(run->blob_fd, m.fd, w->message.blobs * sizeof m.fd[0]);
	memcpy(run->out_fd, m.fd + w->message.blobs, w->message.outs * sizeof m.fd[0]);
	m.fds = 0;
	if (job_kinds[w->message.kind].stays || job_kinds[w->message.kind].asks) {
		run->hear = hear;
		run->say = tell;
	} else {
		(void)close(FD_JOB);
	}
	return true;
}

static void
job_do(struct ctx *c, const struct job_run *run)
{
	struct job_report r = { .type = JOB_RESULT, .mades = run->message->outs };

	if (!job_run(c, run, &r.result, r.made)) {
		r.type = JOB_FAILURE;
		r.code = c->err.code;
		r.text = str_of(c->err.text);
	}
	say(c, &r, CHANNEL_FOREVER);
}

static int
complain(const struct ctx *c, int status)
{
	(void)fprintf(stderr, "hallmark-worker: %s%s%s\n", c->err.text,
	    c->err.detail[0] != '\0' ? ": " : "", c->err.detail);
	return status;
}

/* From here on it does not matter who started us. */
static int
work(struct ctx *c, bool child)
{
	struct work *w = calloc(1, sizeof *w);
	struct job_run run = { 0 };

	if (w == NULL)
		return WORKER_WALLS;
	w->watch.deadline = clock_monotonic() + JOB_COMES_MS;
	if (!adopted(c))
		return complain(c, WORKER_USAGE);
	if (!walls_build(c, child, &w->address_space) || !watch_start(c, &w->watch))
		return complain(c, WORKER_WALLS);
	if (!job_receive(c, w, &run))
		return complain(c, WORKER_USAGE);
	w->watch.deadline = clock_monotonic() + w->message.limits.wall * 1000;
	if (!walls_narrow(c, &w->message.limits, w->address_space))
		return complain(c, WORKER_WALLS);
	job_do(c, &run);
	/* At once, and nothing is freed: a thread that was given up may still be at work. */
	_exit(WORKER_OK);
}

/* With a memory of its own: to this process there is nothing but its job. */
static int
one_job(bool activated)
{
	owned(arena_free) struct arena *mem = arena_new(ARENA_MAX);
	struct ctx c = ctx_real(mem, "worker");

	if (mem == NULL)
		return WORKER_WALLS;
	if (activated && !adopt(&c))
		return complain(&c, WORKER_USAGE);
	return work(&c, !activated);
}

int
main(int argc, char **argv)
{
	bool activated = argc == 2 && str_same(str_of(argv[1]), STR("--activated"));

	if (argc > 1 && str_same(str_of(argv[1]), STR("--local")))
		return local_main(argc - 2, argv + 2);
	if (argc > 1 && !activated) {
		(void)fputs(usage, stderr);
		return WORKER_USAGE;
	}
	/* Without exit handlers: those of sanitizers and profilers would want files and threads. */
	_exit(one_job(activated));
}
