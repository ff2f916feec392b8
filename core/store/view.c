/*
 * Views: a reader that asks many short questions keeps its read transaction, and with it the locks
 * and the cached pages, until something was committed. The writer ends the views of readers at rest
 * before it moves the log, which could not shrink under them.
 */
#include "impl.h"

struct view {
	struct view *next;
	struct db *db;
	struct store *store;
	pthread_mutex_t busy; /* while questions are being asked */
	unsigned depth;
	bool open;
	uint64_t seen; /* commits, when it was opened */
};

bool
reader_keep(struct ctx *c, struct store *s, struct db *db)
{
	struct view *v = calloc(1, sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for a view");
	v->db = db;
	v->store = s;
	(void)pthread_mutex_init(&v->busy, NULL);
	db->view = v;
	pthread_mutex_lock(&s->views_m);
	v->next = s->views;
	s->views = v;
	pthread_mutex_unlock(&s->views_m);
	return true;
}

static void
view_end(struct view *v)
{
	if (v->open)
		(void)sqlite3_exec(v->db->sql, "COMMIT", NULL, NULL, NULL);
	v->open = false;
}

void
view_free(struct db *db)
{
	struct view *v = db->view, **at;

	if (v == NULL)
		return;
	pthread_mutex_lock(&v->store->views_m);
	for (at = &v->store->views; *at != v; at = &(*at)->next)
		;
	*at = v->next;
	pthread_mutex_unlock(&v->store->views_m);
	view_end(v);
	(void)pthread_mutex_destroy(&v->busy);
	free(v);
	db->view = NULL;
}

void
view_enter(struct view *v)
{
	uint64_t now = atomic_load(&v->store->commits);

	if (v->depth++ > 0)
		return;
	pthread_mutex_lock(&v->busy);
	if (v->open && v->seen != now)
		view_end(v);
	if (v->open)
		return;
	v->seen = now;
	v->open = sqlite3_exec(v->db->sql, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
}

void
view_leave(struct view *v)
{
	if (--v->depth == 0)
		pthread_mutex_unlock(&v->busy);
}

void
views_rest(struct store *s)
{
	pthread_mutex_lock(&s->views_m);
	for (struct view *v = s->views; v != NULL; v = v->next)
		if (pthread_mutex_trylock(&v->busy) == 0) {
			view_end(v);
			pthread_mutex_unlock(&v->busy);
		}
	pthread_mutex_unlock(&s->views_m);
}
