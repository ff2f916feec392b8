/*
 * Opening and closing the store: the folder, its lock, the file, its schema, its soundness, where
 * the audit ends; then the writer. Readers are connections of their own.
 */
#include <stdio.h>
#include <unistd.h>

#include "impl.h"

/* For the writer's own errors and the copies that an upgrade makes. */
#define WRITER_ARENA_MAX ((size_t)1 << 20)

static char *
path_in(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

MUST static bool
store_prepare(struct ctx *c, const struct store_conf *conf, struct store *s)
{
	s->conf = *conf;
	s->dir = strdup(conf->dir);
	s->path = path_in(conf->dir, STORE_FILE);
	s->mem = arena_new(WRITER_ARENA_MAX);
	if (s->dir == NULL || s->path == NULL || s->mem == NULL)
		return fail(c, E_MEMORY, "no memory to open the database");
	if (conf->group_max == 0 || conf->queue_max == 0)
		return fail(c, E_INTERNAL, "a store without a queue");
	s->conf.dir = s->dir;
	s->c = *c;
	s->c.mem = s->mem;
	s->c.err = (struct err){ 0 };
	return notes_new(c, &s->notes);
}

MUST static bool
store_begin(struct ctx *c, struct store *s)
{
	return folder_open(c, s->dir, &s->folder) && folder_lock(c, s->folder, &s->lock) &&
	    file_claim(c, s->folder, STORE_FILE) && db_open(c, s->path, DB_WRITE, &s->db) &&
	    schema_upgrade(c, s->db, s->dir, store_migrations, store_migration_count) &&
	    folder_sync(c, s->folder) && db_integrity(c, s->db, s->conf.check_ms) &&
	    audit_end_check(c, s->db, &s->end) && writer_start(c, s);
}

bool
store_open(struct ctx *c, const struct store_conf *conf, struct store **ret)
{
	owned(store_close) struct store *s = calloc(1, sizeof *s);

	if (s == NULL)
		return fail(c, E_MEMORY, "no memory to open the database");
	s->folder = s->lock = -1;
	(void)pthread_mutex_init(&s->views_m, NULL);
	if (!store_prepare(c, conf, s) || !store_begin(c, s))
		return false;
	*ret = steal(s);
	return true;
}

void
store_close(struct store **store)
{
	struct store *s = *store;

	if (s == NULL)
		return;
	writer_stop(s);
	if (s->db != NULL)
		(void)sqlite3_wal_checkpoint_v2(
		    s->db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	db_close(&s->db);
	notes_done(&s->notes);
	arena_free(&s->mem);
	fd_done(&s->lock);
	fd_done(&s->folder);
	free(s->path);
	free(s->dir);
	free(s);
	*store = NULL;
}

bool
reader_open(struct ctx *c, struct store *s, struct db **ret)
{
	return db_open(c, s->path, DB_READ, ret);
}

void
reader_close(struct db **db)
{
	db_close(db);
}
