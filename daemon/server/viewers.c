/*
 * The viewers' thread: takes what was asked, gives each question to the viewer of its watermark,
 * starts one where there is none, and sees that many watermarks share few viewers fairly: who has
 * one keeps it as long as nobody else waits, and gives it up after a while if somebody does.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "request.h"
#include "viewers_parts.h"

enum {
	TURN_MS = 2000, /* how long a viewer is kept from others who wait */
	BUSY_MS = 100,  /* between two looks while somebody waits */
	CALM_MS = 250,  /* while nobody does: the keys may be sealed */
	IDLE_MS = 5000, /* while there is no viewer */
};

static const struct err many = { .code = E_BUSY,
	.text = "too many pictures wait to be looked at: try again" };
static const struct err nobody = { .code = E_BUSY,
	.text = "too many releases' pictures are looked at now: try again" };
static const struct err ending = { .code = E_DRAINING, .text = "the daemon is ending" };

/* ---- The end of a question --------------------------------------------------------------- */

static void
over(struct viewers *vs, struct viewing *q, bool ok)
{
	vs->waiting--;
	vs->bytes -= (int64_t)q->ask.picture.n;
	q->ok = ok;
	q->done(q->arg);
}

void
viewing_answered(struct viewers *vs, struct viewing *q)
{
	vs->answered++;
	over(vs, q, true);
}

void
viewing_refused(struct viewers *vs, struct viewing *q, const struct err *why)
{
	vs->refused++;
	q->c->err = *why;
	over(vs, q, false);
}

void
line_refused(struct viewers *vs, struct line *l, const struct err *why)
{
	struct viewing *q;

	while ((q = line_take(l)) != NULL)
		viewing_refused(vs, q, why);
}

/* ---- To which viewer --------------------------------------------------------------------- */

static bool
is_of(const struct viewer *v, const struct id *watermark)
{
	return v->state != VIEWER_NONE && strcmp(v->watermark.s, watermark->s) == 0;
}

static struct viewer *
viewer_of(struct viewers *vs, const struct id *watermark)
{
	for (size_t i = 0; i < vs->most; i++)
		if (is_of(&vs->viewer[i], watermark))
			return &vs->viewer[i];
	return NULL;
}

static bool
is_idle(const struct viewer *v)
{
	return v->state == VIEWER_BROKEN || (v->waiting.n == 0 && v->owed == 0);
}

/* An empty place, or that of the viewer that nobody has asked for longest; NULL: all are busy. */
static struct viewer *
place(struct viewers *vs)
{
	struct viewer *best = NULL;

	for (size_t i = 0; i < vs->most; i++) {
		struct viewer *v = &vs->viewer[i];

		if (v->state == VIEWER_NONE)
			return v;
		if (is_idle(v) && (best == NULL || v->used < best->used))
			best = v;
	}
	if (best != NULL)
		viewer_end(vs, best, "another-is-asked");
	return best;
}

/* False if there is no viewer for it now. */
static bool
give(struct viewers *vs, struct viewing *q)
{
	struct viewer *v = viewer_of(vs, &q->watermark);

	if (v == NULL) {
		v = place(vs);
		if (v == NULL)
			return false;
		viewer_begin(vs, v, &q->vendor, &q->watermark);
	}
	if (v->leaving)
		return false;
	v->used = clock_monotonic();
	if (v->state != VIEWER_RUNS)
		viewing_refused(vs, q, &v->why);
	else if (v->waiting.n >= WAITING_MAX)
		viewing_refused(vs, q, &many);
	else
		line_join(&v->waiting, q);
	return true;
}

/* Those for whom there is one now, in the order in which they came. */
static void
lobby_step(struct viewers *vs, int64_t now)
{
	struct line left = { 0 };
	struct viewing *q;

	while ((q = line_take(&vs->lobby)) != NULL) {
		if (now >= q->until) {
			vs->late++;
			viewing_refused(vs, q, &nobody);
		} else if (!give(vs, q)) {
			line_put(&left, q);
		}
	}
	vs->lobby = left;
}

/* Somebody waits: whoever has had a viewer for longest answers what it has, and goes. */
static void
turn(struct viewers *vs, int64_t now)
{
	struct viewer *oldest = NULL;
	struct viewing *q;

	for (size_t i = 0; i < vs->most; i++) {
		struct viewer *v = &vs->viewer[i];

		if (v->leaving && v->state == VIEWER_RUNS)
			return;
		if (v->state == VIEWER_RUNS && now - v->born >= TURN_MS &&
		    (oldest == NULL || v->born < oldest->born))
			oldest = v;
	}
	if (oldest == NULL)
		return;
	oldest->leaving = true;
	while ((q = line_take(&oldest->waiting)) != NULL) {
		q->sent = 0;
		line_put(&vs->lobby, q);
	}
}

/* ---- What others have asked for ---------------------------------------------------------- */

static void
end_all(struct viewers *vs, const struct err *why)
{
	for (size_t i = 0; i < vs->most; i++) {
		struct viewer *v = &vs->viewer[i];

		viewer_end(vs, v, err_wire(why->code));
		line_refused(vs, &v->flying, why);
		line_refused(vs, &v->waiting, why);
	}
	line_refused(vs, &vs->lobby, why);
}

static void
forget(struct viewers *vs, const struct id gone[], size_t n)
{
	static const struct err why = { .code = E_ABSENT, .text = "it has just been deleted" };

	for (size_t i = 0; i < vs->most; i++) {
		struct viewer *v = &vs->viewer[i];
		bool named = n > FORGET_MAX;

		for (size_t k = 0; k < n && !named; k++)
			named = is_of(v, &gone[k]);
		if (!named)
			continue;
		viewer_end(vs, v, "deleted");
		line_refused(vs, &v->flying, &why);
		line_refused(vs, &v->waiting, &why);
	}
}

/* Takes what was asked since. */
static void
take_asked(struct viewers *vs)
{
	struct id gone[FORGET_MAX];
	struct line asked;
	struct viewing *q;
	size_t n;

	pthread_mutex_lock(&vs->lock);
	asked = vs->asked;
	vs->asked = (struct line){ 0 };
	n = vs->forgets;
	vs->forgets = 0;
	memcpy(gone, vs->forget, sizeof gone);
	pthread_mutex_unlock(&vs->lock);
	if (n > 0)
		forget(vs, gone, n);
	while ((q = line_take(&asked)) != NULL)
		line_put(&vs->lobby, q);
}

/* ---- The thread -------------------------------------------------------------------------- */

static void
step(struct viewers *vs)
{
	struct ctx c = ctx_real(NULL, "viewers");
	int64_t now = clock_monotonic();

	take_asked(vs);
	if (vs->quit) {
		end_all(vs, &ending);
		return;
	}
	if (!keys_open(&c, vs->server->keys)) {
		end_all(vs, &c.err);
		return;
	}
	lobby_step(vs, now);
	for (size_t i = 0; i < vs->most; i++)
		viewer_step(vs, &vs->viewer[i], now);
	if (vs->lobby.n > 0)
		turn(vs, now);
}

/* Until something happens, or is due. */
static void
rest(struct viewers *vs)
{
	struct pollfd p[1 + 2 * VIEWERS_MAX] = { { .fd = vs->wake, .events = POLLIN } };
	uint64_t wakes;
	nfds_t n = 1;

	for (size_t i = 0; i < vs->most; i++) {
		const struct viewer *v = &vs->viewer[i];
		short what = v->full ? POLLIN | POLLOUT : POLLIN;

		if (v->state != VIEWER_RUNS)
			continue;
		p[n++] = (struct pollfd){ .fd = v->worker.progress, .events = POLLIN };
		p[n++] = (struct pollfd){ .fd = v->worker.job, .events = what };
	}
	if (poll(p, n,
		vs->waiting > 0 ? BUSY_MS
		    : n > 1     ? CALM_MS
				: IDLE_MS) < 0 &&
	    errno != EINTR)
		log_event(LOG_LEVEL_ERROR, "viewers", "poll-failed", "errno=%d", errno);
	if (p[0].revents != 0 && read(vs->wake, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
		log_event(LOG_LEVEL_ERROR, "viewers", "wake-failed", "errno=%d", errno);
}

static void *
viewers_run(void *arg)
{
	struct viewers *vs = arg;

	while (!vs->stop) {
		step(vs);
		rest(vs);
	}
	take_asked(vs);
	end_all(vs, &ending);
	return NULL;
}

static void
wake(struct viewers *vs)
{
	const uint64_t one = 1;

	if (write(vs->wake, &one, sizeof one) < 0)
		errno = 0; /* full of wakes: it is awake */
}

/* ---- Start and stop ---------------------------------------------------------------------- */

static void
viewers_free(struct viewers **vs)
{
	if (*vs == NULL)
		return;
	for (size_t i = 0; i < VIEWERS_MAX; i++)
		free((*vs)->viewer[i].pieces.v);
	fd_done(&(*vs)->wake);
	reader_close(&(*vs)->db);
	pthread_mutex_destroy(&(*vs)->lock);
	free((*vs)->room);
	free(*vs);
	*vs = NULL;
}

bool
viewers_start(struct ctx *c, struct server *server, struct viewers **ret)
{
	const struct conf *conf = &server->conf;
	owned(viewers_free) struct viewers *vs = calloc(1, sizeof *vs);

	if (vs == NULL)
		return fail(c, E_MEMORY, "no memory for the viewers");
	vs->server = server;
	vs->conf = (struct worker_conf){ conf->programs,
		conf->worker_socket[0] != '\0' ? conf->worker_socket : NULL };
	vs->most = (size_t)conf->viewers < VIEWERS_MAX ? (size_t)conf->viewers : VIEWERS_MAX;
	pthread_mutex_init(&vs->lock, NULL);
	vs->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vs->room = malloc(VIEW_MESSAGE_MAX);
	if (vs->wake < 0)
		return fail_errno(c, "create", "an eventfd");
	if (vs->room == NULL)
		return fail(c, E_MEMORY, "no memory for the viewers");
	if (!reader_open(c, server->store, &vs->db))
		return false;
	if (pthread_create(&vs->thread, NULL, viewers_run, vs) != 0)
		return fail(c, E_MEMORY, "no thread for the viewers");
	*ret = steal(vs);
	return true;
}

void
viewers_quit(struct viewers *vs)
{
	if (vs == NULL)
		return;
	vs->quit = true;
	wake(vs);
}

void
viewers_stop(struct viewers **viewers)
{
	struct viewers *vs = *viewers;

	if (vs == NULL)
		return;
	vs->stop = true;
	viewers_quit(vs);
	pthread_join(vs->thread, NULL);
	viewers_free(viewers);
}

/* ---- For everybody ----------------------------------------------------------------------- */

void
request_view(struct request *rq, struct viewing *q)
{
	rq->viewing = q;
}

bool
viewers_ask(struct ctx *c, struct viewers *vs, struct viewing *q)
{
	static _Atomic uint64_t number;

	if (vs->quit) {
		c->err = ending;
		return false;
	}
	vs->waiting++;
	vs->bytes += (int64_t)q->ask.picture.n;
	if (vs->waiting > ASKED_MAX || vs->bytes > WAITING_BYTES) {
		vs->waiting--;
		vs->bytes -= (int64_t)q->ask.picture.n;
		vs->refused++;
		c->err = many;
		return false;
	}
	q->ask.number = ++number;
	q->until = clock_monotonic() + VIEW_WAIT_MS;
	q->sent = 0;
	q->crashes = 0;
	pthread_mutex_lock(&vs->lock);
	line_put(&vs->asked, q);
	pthread_mutex_unlock(&vs->lock);
	wake(vs);
	return true;
}

void
viewers_forget(struct viewers *vs, struct str watermark)
{
	pthread_mutex_lock(&vs->lock);
	if (vs->forgets < FORGET_MAX)
		snprintf(
		    vs->forget[vs->forgets].s, sizeof vs->forget[0].s, "%.*s", STRF(watermark));
	vs->forgets++;
	pthread_mutex_unlock(&vs->lock);
	wake(vs);
}

struct viewers_counts
viewers_counts(struct viewers *vs)
{
	return (struct viewers_counts){
		.answered = vs->answered,
		.refused = vs->refused,
		.late = vs->late,
		.started = vs->started,
		.died = vs->died,
		.running = vs->running,
		.waiting = vs->waiting,
	};
}
