/*
 * One request that brings bytes of an upload: what the edge does with it, and its steps in a
 * thread. It has two rooms: one is filled by the edge while the other is written.
 */
#include "upload.h"

enum { ROOM = 1 << 20 };

/* In the order in which they are taken. */
enum { STEP_OPEN = 1, STEP_WRITE = 2, STEP_CLOSE = 4, STEP_LEAVE = 8 };

struct room {
	char *p;
	size_t n, used; /* bytes; the most so far */
};

struct intake {
	struct intake *next; /* in the queue */
	struct uploads *all;
	struct upload *upload;
	struct upload_wanted wanted;
	struct room room[2];
	unsigned filling; /* the edge's room; the other one is the thread's */
	/* By lock. */
	unsigned todo;
	bool active; /* queued, or in a step */
	struct err err;
	intake_ready *ready;
	void *arg;
};

/* ---- A request's side ---------------------------------------------------------------------- */

static void
intake_end(struct intake *in)
{
	for (unsigned i = 0; i < COUNT(in->room); i++) {
		if (in->room[i].used > 0)
			explicit_bzero(in->room[i].p, in->room[i].used);
		free(in->room[i].p);
	}
	free(in);
}

bool
intake_new(
    struct ctx *c, struct uploads *all, const struct upload_wanted *w, struct intake **ret)
{
	struct intake *in = calloc(1, sizeof *in);
	bool ok = in != NULL;

	for (unsigned i = 0; ok && i < COUNT(in->room); i++)
		ok = (in->room[i].p = malloc(ROOM)) != NULL;
	if (!ok && in != NULL)
		intake_end(in);
	if (!ok)
		return fail(c, E_MEMORY, "no memory for an upload");
	in->all = all;
	in->wanted = *w;
	pthread_mutex_lock(&all->lock);
	ok = upload_take(c, all, w, &in->upload);
	pthread_mutex_unlock(&all->lock);
	if (!ok) {
		intake_end(in);
		return false;
	}
	*ret = in;
	return true;
}

static void
queue_locked(struct intake *in)
{
	struct uploads *all = in->all;

	in->next = NULL;
	if (all->last != NULL)
		all->last->next = in;
	else
		all->first = in;
	all->last = in;
	pthread_cond_signal(&all->wake);
}

static void
step_add(struct intake *in, unsigned step)
{
	struct uploads *all = in->all;

	pthread_mutex_lock(&all->lock);
	in->todo |= step;
	if (!in->active) {
		in->active = true;
		queue_locked(in);
	}
	pthread_mutex_unlock(&all->lock);
}

void
intake_open(struct intake *in)
{
	step_add(in, STEP_OPEN);
}

size_t
intake_take(struct intake *in, const char *bytes, size_t n)
{
	struct room *to = &in->room[in->filling];

	if (n > ROOM - to->n)
		n = ROOM - to->n;
	memcpy(to->p + to->n, bytes, n);
	to->n += n;
	if (to->used < to->n)
		to->used = to->n;
	return n;
}

bool
intake_full(const struct intake *in)
{
	return in->room[in->filling].n == ROOM;
}

bool
intake_swap(struct intake *in)
{
	bool can;

	pthread_mutex_lock(&in->all->lock);
	can = in->todo == 0;
	pthread_mutex_unlock(&in->all->lock);
	if (!can)
		return false;
	in->filling ^= 1;
	in->room[in->filling].n = 0;
	step_add(in, STEP_WRITE);
	return true;
}

void
intake_close(struct intake *in)
{
	step_add(in, STEP_CLOSE);
}

void
intake_wait(struct intake *in, intake_ready *ready, void *arg)
{
	bool now;

	pthread_mutex_lock(&in->all->lock);
	now = in->todo == 0;
	if (!now) {
		in->ready = ready;
		in->arg = arg;
	}
	pthread_mutex_unlock(&in->all->lock);
	if (now)
		ready(arg);
}

bool
intake_ok(struct ctx *c, struct intake *in)
{
	pthread_mutex_lock(&in->all->lock);
	if (in->err.code != E_NONE)
		c->err = in->err;
	pthread_mutex_unlock(&in->all->lock);
	return c->err.code == E_NONE;
}

struct upload_now
intake_now(const struct intake *in)
{
	const struct upload *u = in->upload;

	return (struct upload_now){ u->blob, u->received, u->finished };
}

/* Done here if nothing is left to write: whoever hears the answer may send more at once. */
void
intake_free(struct intake **intake)
{
	struct intake *in = *intake;
	bool now;

	if (in == NULL)
		return;
	*intake = NULL;
	pthread_mutex_lock(&in->all->lock);
	now = !in->active && (in->err.code != E_NONE || in->room[in->filling].n == 0);
	if (now)
		upload_give(in->all, in->upload);
	pthread_mutex_unlock(&in->all->lock);
	if (now)
		intake_end(in);
	else
		step_add(in, STEP_LEAVE);
}

/* ---- The threads ----------------------------------------------------------------------------- */

/* What the edge has taken and nobody has written. */
MUST static bool
write_rest(struct ctx *c, struct intake *in)
{
	struct str rest = { in->room[in->filling].p, in->room[in->filling].n };

	in->room[in->filling].n = 0;
	return upload_write(c, in->upload, rest);
}

MUST static bool
step_run(struct ctx *c, struct intake *in, unsigned step, bool *ret_more)
{
	struct upload *u = in->upload;
	unsigned other = in->filling ^ 1;

	switch (step) {
	case STEP_OPEN:
		return upload_open(c, u, &in->wanted, ret_more);
	case STEP_WRITE:
		return upload_write(c, u, (struct str){ in->room[other].p, in->room[other].n });
	case STEP_CLOSE:
		return write_rest(c, in) && (u->received < u->size || upload_finish(c, u));
	default:
		return !u->open || u->finished || write_rest(c, in);
	}
}

/* One step of one request, without the lock meanwhile. */
void
intake_turn(struct uploads *all, struct arena *mem)
{
	struct intake *in = all->first;
	unsigned step = in->todo & -in->todo;
	bool skip = in->err.code != E_NONE, more = false, ok;
	intake_ready *ready = NULL;
	struct ctx c;

	all->first = in->next;
	if (all->first == NULL)
		all->last = NULL;
	pthread_mutex_unlock(&all->lock);
	arena_reset(mem);
	c = ctx_real(mem, in->upload->owner.s);
	ok = skip || step_run(&c, in, step, &more);
	pthread_mutex_lock(&all->lock);
	if (!ok)
		in->err = c.err;
	if (!more)
		in->todo &= ~step;
	if (step == STEP_LEAVE) {
		upload_give(all, in->upload);
		intake_end(in);
		return;
	}
	if (in->todo != 0) {
		queue_locked(in);
		return;
	}
	in->active = false;
	ready = in->ready;
	in->ready = NULL;
	if (ready != NULL) {
		void *arg = in->arg;

		pthread_mutex_unlock(&all->lock);
		ready(arg);
		pthread_mutex_lock(&all->lock);
	}
}
