/*
 * Requests on their way to the custodian and back. Several threads may have asked at once, so that
 * it need not wait for one of them to be scheduled before it hears the next; it answers one after
 * the other. Whoever waits reads the socket for all, until its own answer came, and then hands that
 * over to another one who waits.
 */
#include <errno.h>
#include <time.h>

#include "channel.h"
#include "custody_parts.h"

/* After it did not answer once nobody waits for long, until it has answered again. */
#define SILENT_MS 50

/* ---- Slots ------------------------------------------------------------------------------- */

static struct slot *
slot_free(struct custody *cu)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (!cu->slot[i].taken)
			return &cu->slot[i];
	return NULL;
}

bool
custody_busy(const struct custody *cu)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (cu->slot[i].taken)
			return true;
	return false;
}

struct call
exchange_begin(struct custody *cu, enum custody_op op)
{
	struct slot *s;
	struct call call;

	(void)pthread_mutex_lock(&cu->lock);
	while (cu->ending || (s = slot_free(cu)) == NULL)
		(void)pthread_cond_wait(&cu->left, &cu->lock);
	s->taken = true;
	s->asked = s->answered = false;
	s->answer_n = 0;
	s->id = ++cu->last_id;
	(void)pthread_mutex_unlock(&cu->lock);
	call = (struct call){ .custody = cu, .slot = s, .out = BUF(s->out) };
	wire_put_u8(&call.out, CUSTODY_PROTOCOL);
	wire_put_u32(&call.out, op);
	wire_put_u64(&call.out, s->id);
	return call;
}

void
exchange_end(struct call *call)
{
	struct custody *cu = call->custody;
	struct slot *s = call->slot;

	explicit_bzero(s->out, call->out.n);
	explicit_bzero(s->in, s->answer_n);
	(void)pthread_mutex_lock(&cu->lock);
	s->taken = false;
	(void)pthread_cond_signal(&cu->left);
	if (cu->ending && !custody_busy(cu))
		(void)pthread_cond_signal(&cu->idle);
	(void)pthread_mutex_unlock(&cu->lock);
}

/* ---- Answers ----------------------------------------------------------------------------- */

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

bool
answer_read(struct ctx *c, const struct slot *s, struct wire *ret)
{
	struct wire in = { { s->in, s->answer_n }, false };
	uint8_t protocol = wire_u8(&in), done;

	(void)wire_u64(&in);
	done = wire_u8(&in);
	if (in.bad || protocol != CUSTODY_PROTOCOL)
		return fail(c, E_PEER, "the custodian's answer is malformed");
	if (!done)
		return answer_failed(c, &in);
	*ret = in;
	return true;
}

void
custody_over(struct custody *cu)
{
	cu->over = true;
	for (size_t i = 0; i < SLOTS; i++)
		(void)pthread_cond_signal(&cu->slot[i].changed);
}

/* What lies in our own slot goes to whom it is for; to nobody, if that one has given up. */
static void
deliver(struct custody *cu, struct slot *mine, size_t n)
{
	struct wire in = { { mine->in, n }, false };
	uint64_t id;

	(void)wire_u8(&in);
	id = wire_u64(&in);
	cu->silent = false;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &cu->slot[i];

		if (!s->taken || !s->asked || s->answered || s->id != id || in.bad)
			continue;
		s->answered = true;
		s->answer_n = n;
		if (s == mine)
			return;
		memcpy(s->in, mine->in, n);
		(void)pthread_cond_signal(&s->changed);
	}
	explicit_bzero(mine->in, n);
}

/* Reads one message for everybody, without the lock; with it again afterwards. */
MUST static bool
read_one(struct ctx *c, struct custody *cu, struct slot *mine, int64_t deadline)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	bool ok;

	cu->reading = true;
	(void)pthread_mutex_unlock(&cu->lock);
	ok = channel_receive(c, cu->fd, mine->in, sizeof mine->in, deadline, &m);
	(void)pthread_mutex_lock(&cu->lock);
	cu->reading = false;
	if (ok && m.n > 0) {
		deliver(cu, mine, m.n);
		return true;
	}
	if (ok || c->err.code != E_SLOW)
		custody_over(cu);
	return ok ? fail(c, E_PEER, "the custodian has ended") : false;
}

/* Somebody who still waits reads from here on. */
static void
hand_over(struct custody *cu)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &cu->slot[i];

		if (s->asleep && !s->answered) {
			(void)pthread_cond_signal(&s->changed);
			return;
		}
	}
}

MUST static bool
sleep_until(struct ctx *c, struct custody *cu, struct slot *s, int64_t deadline)
{
	const struct timespec at = { deadline / 1000, deadline % 1000 * 1000000 };
	bool late;

	s->asleep = true;
	late = pthread_cond_timedwait(&s->changed, &cu->lock, &at) == ETIMEDOUT;
	s->asleep = false;
	if (late)
		return fail(c, E_SLOW, "the custodian did not answer in time");
	return true;
}

/* Until our answer is here; under the lock. */
MUST static bool
wait_answer(struct ctx *c, struct custody *cu, struct slot *s, int64_t deadline)
{
	bool ok = true;

	while (ok && !s->answered && !cu->over)
		ok = cu->reading ? sleep_until(c, cu, s, deadline)
				 : read_one(c, cu, s, deadline);
	if (s->answered)
		return true;
	return ok ? fail(c, E_PEER, "the custodian has ended") : false;
}

bool
exchange_do(struct ctx *c, struct call *call)
{
	struct custody *cu = call->custody;
	struct slot *s = call->slot;
	int64_t deadline;
	bool ok;

	if (!buf_ok(c, &call->out))
		return false;
	(void)pthread_mutex_lock(&cu->lock);
	deadline = clock_monotonic() + (cu->silent ? SILENT_MS : cu->timeout_ms);
	ok = cu->fd >= 0 && !cu->over;
	s->asked = ok;
	(void)pthread_mutex_unlock(&cu->lock);
	if (!ok)
		return fail(c, E_PEER, "the custodian is not running");
	ok = channel_send(c, cu->fd, buf_str(&call->out), call->fd, call->fds, deadline);
	(void)pthread_mutex_lock(&cu->lock);
	ok = ok && wait_answer(c, cu, s, deadline);
	s->asked = false;
	if (!cu->reading)
		hand_over(cu);
	if (!ok && c->err.code == E_SLOW) {
		cu->silent = true;
		ok = fail(c, E_PEER, "the custodian does not answer");
	}
	(void)pthread_mutex_unlock(&cu->lock);
	return ok && answer_read(c, s, &call->in);
}
