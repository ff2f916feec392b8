/*
 * One part on its way to the disk. Its row and data key come first, then its file, which is sealed
 * chunk by chunk. When the memory of it is lost (a restart, a sender who was away for long), the
 * chunks that are whole are verified and sealed anew into a fresh file, because a nonce must never
 * serve twice; the fresh file then takes the place of the old one.
 */
#include <fcntl.h>
#include <unistd.h>

#include "blobs.h"
#include "upload.h"

enum {
	SALVAGE_STEP = 32 << 20, /* before others have their turn */
	FLUSH_STEP = 8 << 20,    /* written to the disk meanwhile, not all at the end */
	KEY_TRIES = 3,           /* a rotation may replace the vendor's key in between */
};

void
upload_close(struct upload *u)
{
	u->open = false;
	u->finished = false;
	if (u->old != NULL)
		blob_file_remove(&u->fresh);
	sealed_reader_free(&u->old);
	sealed_writer_free(&u->writer);
	sha256_done(&u->sum);
	fd_done(&u->old_fd);
	fd_done(&u->fd);
	u->received = 0;
	u->flushed = 0;
}

/* ---- Rows ---------------------------------------------------------------------------------- */

struct arrival {
	struct act act;
	upload_there *there;
	struct blob_row blob;
	struct data_key_row key;
};

static bool
arrival_run(struct ctx *c, struct db *db, struct act *act)
{
	struct arrival *a = (struct arrival *)(void *)act;

	return a->there(c, db, str_of(a->blob.vendor.s), str_of(a->blob.owner.s)) &&
	    data_key_insert(c, db, &a->key) && blob_insert(c, db, &a->blob);
}

static bool
discard_run(struct ctx *c, struct db *db, struct act *act)
{
	struct arrival *a = (struct arrival *)(void *)act;

	return blob_delete(c, db, str_of(a->blob.id.s));
}

bool
upload_discard(struct ctx *c, struct upload *u)
{
	struct arrival a = { .act = { .run = discard_run, .c = c, .unaudited = true },
		.blob = { .id = u->blob } };

	if (u->fd >= 0 && ftruncate(u->fd, 0) != 0) /* room for the row's deletion */
		log_event(
		    LOG_LEVEL_WARNING, c->tag, "upload-not-emptied", "blob=%s", u->blob.s);
	upload_close(u);
	if (!store_do(c, u->server->store, &a.act))
		return false;
	blob_file_remove(&u->blob);
	return true;
}

/* What arrived is of no use to anybody; why, is told by c->err all the same. */
MUST static bool
thrown_away(struct ctx *c, struct upload *u)
{
	struct err why = c->err;

	c->err = (struct err){ 0 };
	if (!upload_discard(c, u))
		log_failure(c, "upload-not-discarded");
	c->err = why;
	return false;
}

/* ---- Files --------------------------------------------------------------------------------- */

/* An empty sealed file by this name. */
MUST static bool
file_begin(struct ctx *c, struct upload *u, const struct id *name, const struct key256 *key)
{
	char room[64];
	struct buf b = BUF(room);

	if (!blob_file_create(c, name, &u->fd) ||
	    !sealed_writer_new(c, u->fd, key, blob_aad(&b, &u->blob), &u->writer) ||
	    !sha256_init(c, &u->sum)) {
		fd_done(&u->fd);
		sealed_writer_free(&u->writer);
		return false;
	}
	u->received = 0;
	u->flushed = 0;
	return true;
}

/* Asks the kernel to begin with what it would have to write at the end. */
static void
flush_along(struct upload *u)
{
	int64_t end = (int64_t)lseek(u->fd, 0, SEEK_CUR);

	if (end - u->flushed < FLUSH_STEP)
		return;
	(void)sync_file_range(u->fd, u->flushed, end - u->flushed, SYNC_FILE_RANGE_WRITE);
	u->flushed = end;
}

MUST static bool
put(struct ctx *c, struct upload *u, struct str bytes)
{
	if (!sealed_write(c, u->writer, bytes))
		return false;
	sha256_add(&u->sum, bytes);
	u->received += (int64_t)bytes.n;
	flush_along(u);
	return true;
}

/* ---- From the beginning -------------------------------------------------------------------- */

MUST static bool
rows_create(struct ctx *c, struct upload *u, const struct upload_wanted *w, struct db *db,
    struct key256 *ret)
{
	struct arrival a = { .there = w->there,
		.blob = { .id = id_new(c, "blb"),
		    .vendor = w->vendor,
		    .owner = w->owner,
		    .part = str_of(w->part),
		    .state = BLOB_ARRIVING,
		    .size = w->size,
		    .sha256 = w->sha256,
		    .created = c->now() } };

	for (unsigned i = 1;; i++) {
		a.act = (struct act){ .run = arrival_run, .c = c, .unaudited = true };
		if (!keys_data_new(c, u->server->keys, db, str_of(w->vendor.s),
			id_new(c, "key"), ret, &a.key))
			return false;
		a.blob.data_key = a.key.id;
		if (store_do(c, u->server->store, &a.act))
			break;
		if (c->err.code != E_BUSY || i == KEY_TRIES)
			return false;
	}
	u->blob = a.blob.id;
	return true;
}

MUST static bool
create(struct ctx *c, struct upload *u, const struct upload_wanted *w, struct db *db)
{
	owned(key256_done) struct key256 key = { 0 };

	if (!uploads_room(c, u->server->uploads, u, w->size) || !rows_create(c, u, w, db, &key))
		return false;
	if (!file_begin(c, u, &u->blob, &key))
		return thrown_away(c, u);
	u->open = true;
	return true;
}

/* ---- From where it stopped ----------------------------------------------------------------- */

/* Begins a salvage if there is anything to be salvaged, else begins anew. */
MUST static bool
go_on(struct ctx *c, struct upload *u, const struct blob_row *row, bool anew, struct db *db)
{
	owned(key256_done) struct key256 key = { 0 };
	char room[64];
	struct buf b = BUF(room);
	bool old;

	upload_close(u);
	u->blob = row->id;
	if (!uploads_room(c, u->server->uploads, u, row->size) ||
	    !keys_data_open(c, u->server->keys, db, str_of(row->data_key.s), &key))
		return false;
	old = !anew && blob_file_open(c, &row->id, false, &u->old_fd) &&
	    sealed_salvage_new(c, u->old_fd, &key, blob_aad(&b, &row->id), &u->old);
	if (!old && !anew && c->err.code != E_ABSENT && c->err.code != E_INTEGRITY)
		return false;
	c->err = (struct err){ 0 };
	u->fresh = old ? id_new(c, "blb") : row->id;
	u->open = file_begin(c, u, &u->fresh, &key) && !old;
	return old ? u->fd >= 0 : u->open;
}

MUST static bool
salvage(struct ctx *c, struct upload *u, bool *ret_more)
{
	char *room = take(c, SEALED_CHUNK);
	size_t n = 1;

	if (room == NULL)
		return false;
	for (int64_t until = u->received + SALVAGE_STEP; n > 0 && u->received < until;)
		if (!sealed_read(c, u->old, room, SEALED_CHUNK, &n) ||
		    !put(c, u, (struct str){ room, n }))
			return false;
	explicit_bzero(room, SEALED_CHUNK);
	*ret_more = n > 0;
	if (n > 0)
		return true;
	if (u->received > u->size)
		return fail(c, E_INTEGRITY, "more has arrived than was announced");
	if (!blob_file_replace(c, &u->blob, u->fresh.s))
		return false;
	sealed_reader_free(&u->old);
	fd_done(&u->old_fd);
	u->open = true;
	return true;
}

/* ---- Opening ------------------------------------------------------------------------------- */

MUST static bool
place(struct ctx *c, struct upload *u, const struct upload_wanted *w)
{
	struct blob_row row;
	struct db *db;
	bool found, other;

	if (!server_reader(c, u->server, &db) ||
	    !blob_find(c, db, str_of(w->owner.s), str_of(w->part), &found, &row))
		return false;
	if (found && row.state == BLOB_WHOLE)
		return fail(c, E_CONFLICT, "it is all here; delete it first to bring another");
	other = found && (row.size != w->size || !digest256_same(&row.sha256, &w->sha256));
	if (other && !w->anew && w->from != 0)
		return fail(c, E_CONFLICT,
		    "the beginning that is here was announced with another size or digest: "
		    "begin anew, without Content-Range");
	if (other) {
		u->blob = row.id;
		if (!upload_discard(c, u))
			return false;
		found = false;
	}
	u->size = w->size;
	u->sha256 = w->sha256;
	if (found && u->open && !w->anew && str_same(str_of(u->blob.s), str_of(row.id.s)))
		return true;
	if (found)
		return go_on(c, u, &row, w->anew, db);
	upload_close(u);
	return w->from != 0 ? true : create(c, u, w, db);
}

/* A salvage may take longer than a daemon may take to end. */
static bool
is_late(struct ctx *c, const struct upload *u)
{
	return u->server->draining && !fail(c, E_DRAINING, "the daemon is ending");
}

bool
upload_open(struct ctx *c, struct upload *u, const struct upload_wanted *w, bool *ret_more)
{
	*ret_more = false;
	if (u->old == NULL && !place(c, u, w)) {
		if (!u->open)
			upload_close(u);
		return false;
	}
	if (u->old != NULL && (is_late(c, u) || !salvage(c, u, ret_more))) {
		upload_close(u);
		return false;
	}
	if (u->over) { /* deleted meanwhile; whoever did that may not have seen the file */
		upload_close(u);
		blob_file_remove(&u->blob);
		return fail(c, E_ABSENT, "it was deleted meanwhile");
	}
	if (*ret_more || (w->from >= 0 ? w->from == u->received : u->open))
		return true;
	return fail_at(c, E_CONFLICT, "Content-Range", "the next byte wanted is %lld",
	    (long long)u->received);
}

/* ---- On and to the end --------------------------------------------------------------------- */

bool
upload_write(struct ctx *c, struct upload *u, struct str bytes)
{
	if (bytes.n == 0)
		return true;
	if (!u->open || u->finished)
		return fail(c, E_CONFLICT, "nothing more is wanted");
	if (put(c, u, bytes))
		return true;
	if (c->err.code == E_FULL)
		return thrown_away(c, u);
	upload_close(u);
	return false;
}

MUST static bool
verified(struct ctx *c, struct upload *u)
{
	struct digest256 sum;

	if (!sha256_end(c, &u->sum, &sum))
		return false;
	if (!digest256_same(&sum, &u->sha256))
		return fail_at(c, E_DIGEST, "Repr-Digest",
		    "what arrived has another SHA-256 than announced; it was thrown away");
	return true;
}

bool
upload_finish(struct ctx *c, struct upload *u)
{
	uint64_t size;

	if (u->finished)
		return true;
	if (!verified(c, u) || !sealed_finish(c, u->writer, &size)) {
		if (c->err.code == E_DIGEST || c->err.code == E_FULL)
			return thrown_away(c, u);
		upload_close(u);
		return false;
	}
	if ((fsync(u->fd) != 0 && !fail_errno(c, "sync", "an upload")) || !blobs_sync(c)) {
		upload_close(u);
		return false;
	}
	u->finished = true;
	return true;
}
