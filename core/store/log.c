/*
 * The log's writes, gathered: SQLite writes each page of its log in two calls, a header and the
 * page. This layer over the system's file access keeps them in memory while they follow one
 * another and hands them on in one call, at the latest when the log is synced, which every commit
 * waits for. Everything else goes straight through. Only the writer's connection uses it.
 */
#include "impl.h"

/* The system layer takes less than 128 KiB at once. */
enum { GATHER = 96 << 10 };

struct gathered {
	sqlite3_file base;
	sqlite3_file *real; /* of the layer below */
	char *bytes;        /* NULL: not a log */
	sqlite3_int64 at;   /* of bytes in the file */
	int n;
};

static struct gathered *
of(sqlite3_file *f)
{
	return (struct gathered *)(void *)f;
}

static int
flush(struct gathered *g)
{
	int n = g->n;

	g->n = 0;
	return n == 0 ? SQLITE_OK : g->real->pMethods->xWrite(g->real, g->bytes, n, g->at);
}

static int
log_close(sqlite3_file *f)
{
	struct gathered *g = of(f);
	int rc = flush(g), closed = g->real->pMethods->xClose(g->real);

	free(g->bytes);
	free(g->real);
	return rc == SQLITE_OK ? closed : rc;
}

static int
log_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	struct gathered *g = of(f);
	int rc = flush(g);

	return rc == SQLITE_OK ? g->real->pMethods->xRead(g->real, to, n, at) : rc;
}

static int
log_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	struct gathered *g = of(f);
	int rc = SQLITE_OK;

	if (g->bytes == NULL)
		return g->real->pMethods->xWrite(g->real, from, n, at);
	if (g->n > 0 && (at != g->at + g->n || n > GATHER - g->n))
		rc = flush(g);
	if (rc != SQLITE_OK)
		return rc;
	if (n > GATHER)
		return g->real->pMethods->xWrite(g->real, from, n, at);
	if (g->n == 0)
		g->at = at;
	memcpy(g->bytes + g->n, from, (size_t)n);
	g->n += n;
	return SQLITE_OK;
}

static int
log_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = flush(of(f));

	return rc == SQLITE_OK ? of(f)->real->pMethods->xTruncate(of(f)->real, size) : rc;
}

static int
log_sync(sqlite3_file *f, int flags)
{
	int rc = flush(of(f));

	return rc == SQLITE_OK ? of(f)->real->pMethods->xSync(of(f)->real, flags) : rc;
}

static int
log_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	int rc = flush(of(f));

	return rc == SQLITE_OK ? of(f)->real->pMethods->xFileSize(of(f)->real, ret) : rc;
}

static int
log_lock(sqlite3_file *f, int kind)
{
	return of(f)->real->pMethods->xLock(of(f)->real, kind);
}

static int
log_unlock(sqlite3_file *f, int kind)
{
	return of(f)->real->pMethods->xUnlock(of(f)->real, kind);
}

static int
log_reserved(sqlite3_file *f, int *ret)
{
	return of(f)->real->pMethods->xCheckReservedLock(of(f)->real, ret);
}

static int
log_control(sqlite3_file *f, int op, void *arg)
{
	return of(f)->real->pMethods->xFileControl(of(f)->real, op, arg);
}

static int
log_sector(sqlite3_file *f)
{
	return of(f)->real->pMethods->xSectorSize(of(f)->real);
}

static int
log_traits(sqlite3_file *f)
{
	return of(f)->real->pMethods->xDeviceCharacteristics(of(f)->real);
}

static int
log_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return of(f)->real->pMethods->xShmMap(of(f)->real, page, size, extend, ret);
}

static int
log_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return of(f)->real->pMethods->xShmLock(of(f)->real, at, n, flags);
}

static void
log_shm_barrier(sqlite3_file *f)
{
	of(f)->real->pMethods->xShmBarrier(of(f)->real);
}

static int
log_shm_unmap(sqlite3_file *f, int remove)
{
	return of(f)->real->pMethods->xShmUnmap(of(f)->real, remove);
}

static const sqlite3_io_methods methods = { 2, log_close, log_read, log_write, log_truncate,
	log_sync, log_size, log_lock, log_unlock, log_reserved, log_control, log_sector,
	log_traits, log_shm_map, log_shm_lock, log_shm_barrier, log_shm_unmap, NULL, NULL };

static int
log_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	sqlite3_vfs *below = sqlite3_vfs_find(NULL);
	struct gathered *g = of(f);
	int rc = SQLITE_NOMEM;

	(void)vfs;
	*g = (struct gathered){ .real = calloc(1, (size_t)below->szOsFile) };
	if ((flags & SQLITE_OPEN_WAL) != 0)
		g->bytes = malloc(GATHER);
	if (g->real != NULL && ((flags & SQLITE_OPEN_WAL) == 0 || g->bytes != NULL))
		rc = below->xOpen(below, name, g->real, flags, ret_flags);
	if (rc == SQLITE_OK) {
		f->pMethods = &methods;
		return SQLITE_OK;
	}
	/* Without methods nobody closes it. */
	free(g->bytes);
	free(g->real);
	*g = (struct gathered){ 0 };
	return rc;
}

void
log_layer(void)
{
	static sqlite3_vfs layer;

	layer = *sqlite3_vfs_find(NULL);
	layer.zName = LOG_LAYER;
	layer.szOsFile = (int)sizeof(struct gathered);
	layer.xOpen = log_open;
	(void)sqlite3_vfs_register(&layer, 0);
}
