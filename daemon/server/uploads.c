/*
 * The table of uploads, and the threads that write them. An upload outlives its request for a
 * while, so that a sender whose connection broke goes on at the exact byte.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "blobs.h"
#include "upload.h"

enum {
	IDLE_MS = 60000, /* how long an upload without a sender is kept open */
	TURN_MS = 1000,
	STEP_MEMORY = 4 << 20,
};

/* ---- The table ----------------------------------------------------------------------------- */

static void
remove_locked(struct uploads *all, struct upload *u)
{
	u->prev->next = u->next;
	u->next->prev = u->prev;
	all->count--;
	upload_close(u);
	free(u);
}

static struct upload *
find_locked(struct uploads *all, struct str owner, struct str part)
{
	for (struct upload *u = all->head.next; u != &all->head; u = u->next)
		if (!u->over && str_same(str_of(u->owner.s), owner) &&
		    str_same(str_of(u->part), part))
			return u;
	return NULL;
}

/* Who has been without a sender for longer than `ms`. */
static void
expire_locked(struct uploads *all, int64_t ms)
{
	int64_t before = clock_monotonic() - ms;

	for (struct upload *u = all->head.next, *next; u != &all->head; u = next) {
		next = u->next;
		if (!u->busy && u->idle_at <= before)
			remove_locked(all, u);
	}
}

/* Room for one more, at the cost of the one whose sender is away for longest. */
MUST static bool
room_locked(struct ctx *c, struct uploads *all, const struct id *vendor)
{
	size_t max = (size_t)all->server->conf.uploads, own = 0;
	struct upload *oldest = NULL;

	for (struct upload *u = all->head.next; u != &all->head; u = u->next) {
		own += u->busy && str_same(str_of(u->vendor.s), str_of(vendor->s));
		if (!u->busy && (oldest == NULL || u->idle_at < oldest->idle_at))
			oldest = u;
	}
	if (max > 1 && own >= max - max / 4)
		return fail(c, E_RATE, "as many uploads as may are under way: let one end");
	if (all->count >= max && oldest == NULL)
		return fail(c, E_BUSY, "too many uploads at once: try again");
	if (all->count >= max)
		remove_locked(all, oldest);
	return true;
}

bool
upload_take(
    struct ctx *c, struct uploads *all, const struct upload_wanted *w, struct upload **ret)
{
	struct upload *u = find_locked(all, str_of(w->owner.s), str_of(w->part));

	if (u != NULL && u->busy)
		return fail(c, E_CONFLICT, "another request is bringing this part now");
	if (u == NULL) {
		if (!room_locked(c, all, &w->vendor))
			return false;
		u = calloc(1, sizeof *u);
		if (u == NULL)
			return fail(c, E_MEMORY, "no memory for an upload");
		u->server = all->server;
		u->vendor = w->vendor;
		u->owner = w->owner;
		u->part = w->part;
		u->fd = u->old_fd = -1;
		u->next = &all->head;
		u->prev = all->head.prev;
		u->prev->next = u->next->prev = u;
		all->count++;
	}
	u->busy = true;
	*ret = u;
	return true;
}

/* Without anything to wait with, it goes. */
void
upload_give(struct uploads *all, struct upload *u)
{
	u->busy = false;
	u->idle_at = clock_monotonic();
	if (u->over || !u->open)
		remove_locked(all, u);
}

size_t
uploads_open(struct uploads *all)
{
	size_t n;

	pthread_mutex_lock(&all->lock);
	n = all->count;
	pthread_mutex_unlock(&all->lock);
	return n;
}

/* As many plain bytes as the whole chunks of a file of this size may hold. */
static int64_t
chunks_of(int64_t file, int64_t size)
{
	int64_t n = file < SEALED_HEADER
	    ? 0
	    : (file - SEALED_HEADER) / (SEALED_CHUNK + 16) * SEALED_CHUNK;

	return (uint64_t)file == sealed_size((uint64_t)size) || n > size ? size : n;
}

int64_t
uploads_received(struct uploads *all, const struct blob_row *row)
{
	struct ctx c = ctx_real(NULL, row->id.s);
	owned(fd_done) int fd = -1;
	struct upload *u;
	struct stat st;
	int64_t n = -1;

	if (row->state == BLOB_WHOLE)
		return row->size;
	pthread_mutex_lock(&all->lock);
	u = find_locked(all, str_of(row->owner.s), row->part);
	if (u != NULL && u->open)
		n = u->received;
	pthread_mutex_unlock(&all->lock);
	if (n >= 0)
		return n;
	if (!blob_file_open(&c, &row->id, false, &fd) || fstat(fd, &st) != 0)
		return 0;
	return chunks_of((int64_t)st.st_size, row->size);
}

/* It is in the table: somebody sends it, or did a moment ago. */
static bool
is_sent(struct uploads *all, const struct blob_row *row)
{
	bool ok;

	pthread_mutex_lock(&all->lock);
	ok = find_locked(all, str_of(row->owner.s), row->part) != NULL;
	pthread_mutex_unlock(&all->lock);
	return ok;
}

void
uploads_forget(struct uploads *all, struct str owner, const char *part)
{
	pthread_mutex_lock(&all->lock);
	for (struct upload *u = all->head.next, *next; u != &all->head; u = next) {
		next = u->next;
		if (!str_same(str_of(u->owner.s), owner) ||
		    (part != NULL && !str_same(str_of(u->part), str_of(part))))
			continue;
		u->over = true;
		if (!u->busy)
			remove_locked(all, u);
	}
	pthread_mutex_unlock(&all->lock);
}

bool
uploads_room(struct ctx *c, struct uploads *all, const struct upload *own, int64_t bytes)
{
	const struct conf *conf = &all->server->conf;
	uint64_t want = sealed_size((uint64_t)bytes) + ((uint64_t)conf->disk_reserve_mb << 20);
	struct statvfs v;

	if (statvfs(conf->state, &v) != 0)
		return fail_errno(c, "examine", "the state folder");
	pthread_mutex_lock(&all->lock);
	for (struct upload *u = all->head.next; u != &all->head; u = u->next)
		if (u != own && u->busy && u->size > u->received)
			want += (uint64_t)(u->size - u->received);
	pthread_mutex_unlock(&all->lock);
	if ((uint64_t)v.f_bavail * v.f_frsize < want)
		return fail(
		    c, E_FULL, "the disk has no room for %lld bytes more", (long long)bytes);
	return true;
}

/* ---- Those that nobody brings to an end ------------------------------------------------------ */

struct stale {
	struct act act;
	struct uploads *all;
	int64_t before;
	size_t max;
	struct blob_row *gone;
	size_t n;
};

static bool
stale_run(struct ctx *c, struct db *db, struct act *act)
{
	struct stale *s = (struct stale *)(void *)act;
	struct blob_row *row;
	size_t n;

	if (!blob_stale(c, db, s->before, s->max, &row, &n))
		return false;
	s->gone = row;
	for (size_t i = 0; i < n; i++) {
		if (is_sent(s->all, &row[i]))
			continue;
		if (!blob_delete(c, db, str_of(row[i].id.s)))
			return false;
		row[s->n++] = row[i];
	}
	return true;
}

bool
uploads_prune(struct ctx *c, struct server *server, int64_t before, size_t max)
{
	struct stale s = { .act = { .run = stale_run, .c = c, .unaudited = true },
		.all = server->uploads,
		.before = before,
		.max = max };

	if (!store_do(c, server->store, &s.act))
		return false;
	for (size_t i = 0; i < s.n; i++)
		blob_file_remove(&s.gone[i].id);
	if (s.n > 0)
		log_event(LOG_LEVEL_INFO, c->tag, "uploads-given-up", "count=%zu", s.n);
	return true;
}

/* ---- The threads ----------------------------------------------------------------------------- */

static void
wait_locked(struct uploads *all)
{
	int64_t until = clock_monotonic() + TURN_MS;
	struct timespec t = { until / 1000, until % 1000 * 1000000 };

	(void)pthread_cond_timedwait(&all->wake, &all->lock, &t);
	expire_locked(all, IDLE_MS);
}

static void *
uploads_main(void *arg)
{
	struct uploads *all = arg;
	owned(arena_free) struct arena *mem = arena_new(STEP_MEMORY);

	pthread_mutex_lock(&all->lock);
	while (!all->stop || all->first != NULL) {
		if (all->first != NULL)
			intake_turn(all, mem);
		else
			wait_locked(all);
	}
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

bool
uploads_start(struct ctx *c, struct server *s, struct uploads **ret)
{
	struct uploads *all = calloc(1, sizeof *all);
	pthread_condattr_t attr;

	if (all == NULL)
		return fail(c, E_MEMORY, "no memory for uploads");
	all->server = s;
	all->head.next = all->head.prev = &all->head;
	pthread_mutex_init(&all->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all->wake, &attr);
	pthread_condattr_destroy(&attr);
	for (; all->threads < COUNT(all->thread); all->threads++)
		if (pthread_create(&all->thread[all->threads], NULL, uploads_main, all) != 0) {
			uploads_stop(&all);
			return fail(c, E_MEMORY, "no thread for uploads");
		}
	*ret = all;
	return true;
}

void
uploads_stop(struct uploads **uploads)
{
	struct uploads *all = *uploads;

	if (all == NULL)
		return;
	pthread_mutex_lock(&all->lock);
	all->stop = true;
	pthread_cond_broadcast(&all->wake);
	pthread_mutex_unlock(&all->lock);
	for (size_t i = 0; i < all->threads; i++)
		pthread_join(all->thread[i], NULL);
	while (all->head.next != &all->head)
		remove_locked(all, all->head.next);
	pthread_cond_destroy(&all->wake);
	pthread_mutex_destroy(&all->lock);
	free(all);
	*uploads = NULL;
}
