/*
 * The custodian's process, as the server keeps it: started with one end of a socket pair, and again
 * when it died. How it is asked is in custody_exchange.c, what in custody_keys.c and the others.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "custody_parts.h"

#define TIMEOUT_MS 5000
#define START_MS 20000
#define END_MS 1000

/* Waits for the custodian to say that its walls stand, or why it could not start. */
MUST static bool
greeting(struct ctx *c, struct custody *cu)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	struct slot *s = &cu->slot[0]; /* all are free */
	struct wire in;
	bool ok;

	if (!channel_receive(c, cu->fd, s->in, sizeof s->in, clock_monotonic() + START_MS, &m))
		return false;
	if (m.n == 0)
		return fail(c, E_PEER, "the custodian has ended");
	s->answer_n = m.n;
	ok = answer_read(c, s, &in);
	explicit_bzero(s->in, m.n);
	return ok;
}

static void
process_end(struct custody *cu)
{
	int status;

	fd_done(&cu->fd);
	if (cu->child.pid != 0)
		child_end(&cu->child, END_MS, &status);
}

MUST static bool
process_start(struct ctx *c, struct custody *cu, bool create)
{
	const char *argv[] = { "hallmark-custodian", "--fd", "3", "--root", cu->root,
		create ? "--create" : NULL, NULL };
	owned(fd_done) int theirs = -1;
	int pair[2];

	if (!channel_pair(c, pair))
		return false;
	cu->fd = pair[0];
	cu->silent = cu->over = false;
	theirs = pair[1];
	if (!child_start(c, cu->programs, argv, &theirs, 1, &cu->child)) {
		fd_done(&cu->fd);
		return false;
	}
	/* Ours alone must not keep the pair open, or its end would never be seen. */
	fd_done(&theirs);
	if (greeting(c, cu))
		return true;
	process_end(cu);
	return false;
}

/* Who waits, waits by the clock that never steps. */
static void
locks_init(struct custody *cu)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	for (size_t i = 0; i < SLOTS; i++)
		(void)pthread_cond_init(&cu->slot[i].changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_cond_init(&cu->left, NULL);
	(void)pthread_cond_init(&cu->idle, NULL);
	(void)pthread_mutex_init(&cu->lock, NULL);
}

bool
custody_start(struct ctx *c, const struct custody_conf *conf, bool create, struct custody **ret)
{
	owned(custody_stop) struct custody *cu = calloc(1, sizeof *cu);

	if (cu == NULL)
		return fail(c, E_MEMORY, "the custodian's client");
	cu->fd = cu->child.pidfd = -1;
	cu->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : TIMEOUT_MS;
	locks_init(cu);
	cu->programs = strdup(conf->programs);
	cu->root = strdup(conf->root);
	if (cu->programs == NULL || cu->root == NULL)
		return fail(c, E_MEMORY, "the custodian's client");
	if (!process_start(c, cu, create))
		return false;
	*ret = steal(cu);
	return true;
}

bool
custody_restart(struct ctx *c, struct custody *cu, bool create)
{
	bool ok;

	(void)pthread_mutex_lock(&cu->lock);
	cu->ending = true;
	custody_over(cu);
	if (cu->fd >= 0)
		(void)shutdown(cu->fd, SHUT_RDWR); /* who reads, wakes up */
	while (custody_busy(cu))
		(void)pthread_cond_wait(&cu->idle, &cu->lock);
	process_end(cu);
	ok = process_start(c, cu, create);
	cu->ending = false;
	(void)pthread_cond_broadcast(&cu->left);
	(void)pthread_mutex_unlock(&cu->lock);
	return ok;
}

void
custody_stop(struct custody **p)
{
	struct custody *cu = *p;

	if (cu == NULL)
		return;
	process_end(cu);
	for (size_t i = 0; i < SLOTS; i++)
		(void)pthread_cond_destroy(&cu->slot[i].changed);
	(void)pthread_cond_destroy(&cu->left);
	(void)pthread_cond_destroy(&cu->idle);
	(void)pthread_mutex_destroy(&cu->lock);
	free(cu->programs);
	free(cu->root);
	explicit_bzero(cu, sizeof *cu);
	free(cu);
	*p = NULL;
}

int
custody_pidfd(const struct custody *cu)
{
	return cu->child.pidfd;
}

pid_t
custody_pid(const struct custody *cu)
{
	return cu->child.pid;
}
