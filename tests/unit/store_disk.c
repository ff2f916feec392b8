/*
 * A disk that lies as little as real ones do: between SQLite and the file system stands a layer
 * that knows which writes were synced. At any write or sync the power may fail, and what was not
 * synced is gone; or that one call fails and later ones work. What was acknowledged must be there.
 */
#include "store_support.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "impl.h"

enum { CUTS = 60, ACTS = 40, FILES = 8, UNDO_MAX = 8192 };

/* ---- The layer ------------------------------------------------------------------------------ */

/* A write that a power cut may take back: what was there before, zeros where nothing was. */
struct undo {
	sqlite3_file *file;
	sqlite3_int64 at, size; /* size: of the file, before */
	int n;
	char *old;
};
static struct undo undos[UNDO_MAX];
static size_t undone;

static sqlite3_vfs *below, layer;
static _Atomic int64_t calls;               /* writes and syncs so far */
static int64_t cut_at = -1, broken_at = -1; /* the call that the power, or the disk, fails at */
static int fail_code;
static _Atomic bool unsynced; /* something was written to the log and not synced */

struct layered {
	sqlite3_file base;
	bool log;
	sqlite3_file real[]; /* of the VFS below */
};

static sqlite3_file *
real(sqlite3_file *f)
{
	return ((struct layered *)(void *)f)->real;
}

/*
 * What was not synced is taken back, the last first; then the machine is off. Every other time only
 * some writes are lost, and halves of some: a disk may have been at work on any of them.
 */
static void
power_cut(void)
{
	while (undone > 0) {
		struct undo *u = &undos[--undone];
		const struct sqlite3_io_methods *m = u->file->pMethods;
		int lost = cut_at % 2 == 0 ? 0 : (int)(((uint64_t)u->at / 24 + undone) % 3);
		int from = lost == 0 ? 0 : lost == 1 ? u->n / 2 : u->n;

		if (cut_at % 2 == 0)
			(void)m->xTruncate(u->file, u->size);
		if (from < u->n && (cut_at % 2 != 0 || u->at < u->size))
			(void)m->xWrite(u->file, u->old + from,
			    cut_at % 2 == 0 && u->at + u->n > u->size ? (int)(u->size - u->at)
								      : u->n - from,
			    u->at + from);
	}
	_exit(0);
}

/* SQLITE_OK, or what this call fails with. */
static int
fate(void)
{
	int64_t n = calls++;

	if (n == cut_at)
		power_cut();
	return n == broken_at ? fail_code : SQLITE_OK;
}

static void
remember(sqlite3_file *f, int n, sqlite3_int64 at)
{
	struct undo *u = &undos[undone];

	if (cut_at < 0)
		return;
	ck_assert_uint_lt(undone, UNDO_MAX);
	*u = (struct undo){ .file = f, .at = at, .n = n };
	(void)f->pMethods->xFileSize(f, &u->size);
	u->old = calloc(1, (size_t)n);
	ck_assert_ptr_nonnull(u->old);
	if (at < u->size)
		(void)f->pMethods->xRead(f, u->old, n, at); /* zeros where it ends */
	undone++;
}

static void
forget(const sqlite3_file *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < undone; i++)
		if (undos[i].file == f)
			free(undos[i].old);
		else
			undos[kept++] = undos[i];
	undone = kept;
}

static int
layer_close(sqlite3_file *f)
{
	forget(real(f));
	return real(f)->pMethods->xClose(real(f));
}

static int
layer_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int
layer_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = fate();

	if (rc != SQLITE_OK)
		return rc;
	remember(real(f), n, at);
	if (((struct layered *)(void *)f)->log)
		unsynced = true;
	return real(f)->pMethods->xWrite(real(f), p, n, at);
}

static int
layer_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int
layer_sync(sqlite3_file *f, int flags)
{
	int rc = fate();

	if (rc != SQLITE_OK)
		return rc;
	forget(real(f));
	if (((struct layered *)(void *)f)->log)
		unsynced = false;
	return real(f)->pMethods->xSync(real(f), flags);
}

static int
layer_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real(f)->pMethods->xFileSize(real(f), ret);
}

static int
layer_lock(sqlite3_file *f, int kind)
{
	return real(f)->pMethods->xLock(real(f), kind);
}

static int
layer_unlock(sqlite3_file *f, int kind)
{
	return real(f)->pMethods->xUnlock(real(f), kind);
}

static int
layer_reserved(sqlite3_file *f, int *ret)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int
layer_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int
layer_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int
layer_traits(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int
layer_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, ret);
}

static int
layer_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}

static void
layer_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int
layer_unmap(sqlite3_file *f, int remove)
{
	return real(f)->pMethods->xShmUnmap(real(f), remove);
}

static const sqlite3_io_methods methods = { 2, layer_close, layer_read, layer_write,
	layer_truncate, layer_sync, layer_size, layer_lock, layer_unlock, layer_reserved,
	layer_control, layer_sector, layer_traits, layer_map, layer_shm_lock, layer_barrier,
	layer_unmap, NULL, NULL };

static int
layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct layered *l = (struct layered *)(void *)f;
	int rc = below->xOpen(below, name, l->real, flags, ret_flags);

	(void)vfs;
	f->pMethods = rc == SQLITE_OK ? &methods : NULL;
	l->log = (flags & SQLITE_OPEN_WAL) != 0;
	return rc;
}

static void
layer_begin(void)
{
	below = sqlite3_vfs_find(NULL);
	layer = *below;
	layer.zName = "layer";
	layer.szOsFile = (int)sizeof(struct layered) + below->szOsFile;
	layer.xOpen = layer_open;
	ck_assert_int_eq(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
}

static void
layer_end(void)
{
	sqlite3_vfs_unregister(&layer);
}

/* ---- What happens on it --------------------------------------------------------------------- */

static _Noreturn void
child_main(struct ctx *c, const char *dir, uint32_t first, int64_t cut, int acknowledged)
{
	struct store *s;
	struct vendor v;
	struct db *db;

	layer_begin();
	test_seed(first + 1); /* other ids than those of the life before */
	cut_at = cut;
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, vendor_by_name(c, db, STR("Acme"), &v));
	for (uint32_t n = first; n < first + ACTS; n++) {
		struct token t = new_token(c, &v, n);

		if (!doing(c, s, do_token_insert, &t) ||
		    write(acknowledged, &n, sizeof n) != sizeof n)
			_exit(1);
	}
	reader_close(&db);
	store_close(&s);
	power_cut();
	_exit(0);
}

START_TEST(power_fails_at_any_write)
{
	struct ctx *c = test_ctx(), *check = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme");
	unsigned seen = 0;

	store_close(&s);
	for (uint32_t i = 0; i < CUTS; i++) {
		struct db *db;
		int ends[2], status;
		uint32_t n;
		pid_t child;

		ck_assert_int_eq(pipe(ends), 0);
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0)
			child_main(c, dir, i * 1000, 1 + (int64_t)i * 7, ends[1]);
		close(ends[1]);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		s = open_store(c, dir);
		db = open_reader(c, s);
		for (; read(ends[0], &n, sizeof n) == sizeof n; seen++) {
			struct token t = new_token(check, &v, n), got;
			bool found = false;

			ck_ok(check, token_by_digest(check, db, &t.digest, &found, &got));
			ck_assert_msg(
			    found, "cut %u: token %u was acknowledged and is lost", i, n);
			arena_reset(check->mem);
		}
		(void)verified(check, db);
		close(ends[0]);
		reader_close(&db);
		store_close(&s);
	}
	ck_assert_uint_gt(seen, CUTS);
}
END_TEST

static _Atomic unsigned settled;

static void
synced_by_now(struct act *a)
{
	ck_assert(a->ok);
	ck_assert(!unsynced);
	settled++;
}

START_TEST(nothing_is_acknowledged_before_it_is_synced)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	static struct act acts[500];
	struct store *s;

	layer_begin();
	s = open_store(c, dir);
	for (size_t i = 0; i < COUNT(acts); i++) {
		acts[i] = (struct act){ .done = synced_by_now, .c = c };
		acts[i].audit.actor = STR("system");
		ck_ok(c, store_submit(c, s, &acts[i]));
	}
	store_close(&s);
	ck_assert_uint_eq(settled, COUNT(acts));
	layer_end();
}
END_TEST

static const int failures[] = { SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC };

/* The n-th write or sync of one act fails, for every n: never half an act, and then all is well. */
START_TEST(any_call_may_fail_once)
{
	struct ctx *c = test_ctx();
	struct store *s;
	struct vendor v;
	struct db *db;
	unsigned failed = 0;

	layer_begin();
	s = open_store(c, test_folder());
	v = add_vendor(c, s, "Acme");
	db = open_reader(c, s);
	fail_code = failures[_i];
	for (uint32_t n = 0;; n++) {
		struct token t = new_token(c, &v, n), got;
		bool found = false, ok;

		broken_at = calls + n;
		ok = doing(c, s, do_token_insert, &t);
		ck_assert(ok || c->err.code == E_FULL || c->err.code == E_STORE);
		c->err = (struct err){ 0 };
		if (calls <= broken_at)
			break;
		broken_at = -1;
		failed += !ok;
		ck_ok(c, token_by_digest(c, db, &t.digest, &found, &got));
		ck_assert(found == ok);
		/* Once it is waited for; else the next act is what finds out. */
		for (int i = 0; failed == 1 && i < 3000 && store_health(s) != E_NONE; i++)
			usleep(10000);
		ck_assert(failed != 1 || store_health(s) == E_NONE);
		if (!ok)
			ck_ok(c, doing(c, s, do_token_insert, &t));
		(void)verified(c, db);
	}
	ck_assert_uint_ge(failed, 2);
	reader_close(&db);
	store_close(&s);
	layer_end();
}
END_TEST

MAIN("store_disk", ONE(power_fails_at_any_write),
    ONE(nothing_is_acknowledged_before_it_is_synced), EACH(any_call_may_fail_once, failures))
