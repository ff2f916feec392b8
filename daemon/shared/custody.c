/*
 * The custodian's process, as the server keeps it: started with one end of a socket pair, spoken to
 * one request at a time under a lock, started again when it died. What is asked of it is in
 * custody_keys.c; here is how.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "custody_call.h"

#define TIMEOUT_MS 5000
#define START_MS 20000
#define END_MS 1000
/* After it did not answer once nobody waits for long, until it has answered again. */
#define SILENT_MS 50

struct custody {
	pthread_mutex_t lock;
	struct child child;
	int fd; /* -1: no process */
	int timeout_ms;
	bool silent; /* its last answer did not come */
	char *programs, *root;
	uint64_t last_id;
	char out[CUSTODY_MESSAGE_MAX], in[CUSTODY_MESSAGE_MAX];
};

/* ---- One request and its answer ---------------------------------------------------------- */

struct call
exchange_begin(struct custody *cu, enum custody_op op)
{
	struct call call = { .custody = cu, .out = BUF(cu->out) };

	(void)pthread_mutex_lock(&cu->lock);
	wire_put_u8(&call.out, CUSTODY_PROTOCOL);
	wire_put_u32(&call.out, op);
	wire_put_u64(&call.out, ++cu->last_id);
	return call;
}

void
exchange_end(struct call *call)
{
	struct custody *cu = call->custody;

	explicit_bzero(cu->out, call->out.n);
	explicit_bzero(cu->in, call->answer_n);
	(void)pthread_mutex_unlock(&cu->lock);
}

MUST static bool
answer_failed(struct ctx *c, struct wire *in)
{
	enum err_code code = err_from_wire(wire_str(in, 64));
	struct str text = wire_str(in, sizeof c->err.text);
	struct str detail = wire_str(in, sizeof c->err.detail);
	char line[sizeof c->err.detail];
	struct buf b = { line, 0, sizeof line - 1, false };

	if (!wire_end(c, in))
		return false;
	buf_put(&b, detail);
	line[b.n] = '\0';
	return fail_log(c, code == E_NONE ? E_INTERNAL : code, line, "%.*s", STRF(text));
}

/* The answer with this id; what answers an earlier request, given up on by now, is dropped. */
MUST static bool
answer_receive(struct ctx *c, struct call *call, uint64_t id, int64_t deadline)
{
	struct custody *cu = call->custody;

	for (;;) {
		owned(channel_message_done) struct channel_message m = { 0 };
		uint8_t protocol, done;

		if (!channel_receive(c, cu->fd, cu->in, sizeof cu->in, deadline, &m))
			return false;
		if (m.n == 0)
			return fail(c, E_PEER, "the custodian has ended");
		if (m.n > call->answer_n)
			call->answer_n = m.n;
		call->in = (struct wire){ { cu->in, m.n }, false };
		protocol = wire_u8(&call->in);
		if (wire_u64(&call->in) != id)
			continue;
		done = wire_u8(&call->in);
		if (call->in.bad || protocol != CUSTODY_PROTOCOL)
			return fail(c, E_PEER, "the custodian's answer is malformed");
		return done ? true : answer_failed(c, &call->in);
	}
}

bool
exchange_do(struct ctx *c, struct call *call)
{
	struct custody *cu = call->custody;
	int64_t deadline = clock_monotonic() + (cu->silent ? SILENT_MS : cu->timeout_ms);
	bool ok;

	if (cu->fd < 0)
		return fail(c, E_PEER, "the custodian is not running");
	if (!buf_ok(c, &call->out))
		return false;
	ok = channel_send(c, cu->fd, buf_str(&call->out), call->fd, call->fds, deadline) &&
	    answer_receive(c, call, cu->last_id, deadline);
	cu->silent = !ok && c->err.code == E_SLOW;
	if (cu->silent)
		return fail(c, E_PEER, "the custodian does not answer");
	return ok;
}

/* ---- The process ------------------------------------------------------------------------- */

/* Waits for the custodian to say that its walls stand, or why it could not start. */
MUST static bool
greeting(struct ctx *c, struct custody *cu)
{
	struct call call = { .custody = cu };
	bool ok = answer_receive(c, &call, 0, clock_monotonic() + START_MS);

	explicit_bzero(cu->in, call.answer_n);
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
	cu->silent = false;
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

bool
custody_start(struct ctx *c, const struct custody_conf *conf, bool create, struct custody **ret)
{
	owned(custody_stop) struct custody *cu = calloc(1, sizeof *cu);

	if (cu == NULL)
		return fail(c, E_MEMORY, "the custodian's client");
	cu->fd = cu->child.pidfd = -1;
	cu->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : TIMEOUT_MS;
	(void)pthread_mutex_init(&cu->lock, NULL);
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
	process_end(cu);
	ok = process_start(c, cu, create);
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
