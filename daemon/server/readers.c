/*
 * Readers: each thread that asks the store has a connection of its own, opened at its first
 * question and closed when the thread ends.
 */
#include <pthread.h>

#include "server.h"

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
close_reader(void *db)
{
	struct db *d = db;

	reader_close(&d);
}

static void
make_key(void)
{
	if (pthread_key_create(&key, close_reader) != 0)
		abort();
}

bool
server_reader(struct ctx *c, struct server *s, struct db **ret)
{
	struct db *db;

	pthread_once(&once, make_key);
	db = pthread_getspecific(key);
	if (db == NULL) {
		if (!reader_open(c, s->store, &db))
			return false;
		if (!reader_keep(c, s->store, db) || pthread_setspecific(key, db) != 0) {
			reader_close(&db);
			return fail(c, E_MEMORY, "no memory for a reader");
		}
	}
	*ret = db;
	return true;
}
