/*
 * Unlocking, streamed: the artifact is read once for its digest, before anything is believed, and
 * once more while its weights are put in place, with what was sealed on its way beside it.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

enum { READ_BYTES = 256 << 10 };

struct unlocking {
	const struct unlock_key *key;
	const struct unlock_watch *watch;
	struct stream *stream; /* NULL without the sealed lock */
	uint32_t next;         /* of the key's entries */
	struct sha256 digest;  /* of the weights that come out */
	uint64_t done, total;  /* bytes read; what is sealed counts with the weights */
	double stretch;        /* so many bytes of the file to one of weights */
};

static void
unlocking_done(struct unlocking *u)
{
	content_free(&u->stream);
	sha256_done(&u->digest);
}

static void
go_on(struct unlocking *u, uint64_t n)
{
	u->done += n;
	if (u->watch != NULL && u->watch->progress != NULL)
		u->watch->progress(
		    u->watch->arg, u->done < u->total ? u->done : u->total, u->total);
}

/* ---- The whole file ---------------------------------------------------------------------- */

MUST static bool
not_the_one(struct ctx *c)
{
	return fail(c, E_INTEGRITY,
	    "the artifact is not the one this key opens, or it was altered or cut short");
}

MUST static bool
file_digest(struct ctx *c, int fd, struct unlocking *u, struct digest256 *ret)
{
	owned(sha256_done) struct sha256 h = { 0 };
	struct buf piece;
	uint64_t at = 0;

	if (!take_buf(c, READ_BYTES, &piece) || !sha256_init(c, &h))
		return false;
	for (;;) {
		ssize_t got = pread(fd, piece.p, piece.max, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(c, "read", "the artifact");
		if (got == 0)
			break;
		sha256_add(&h, (struct str){ piece.p, (size_t)got });
		at += (uint64_t)got;
		go_on(u, (uint64_t)got);
	}
	return sha256_end(c, &h, ret);
}

MUST static bool
examine(struct ctx *c, int fd, struct stat *ret)
{
	if (fstat(fd, ret) != 0)
		return fail_errno(c, "examine", "the artifact");
	if (!S_ISREG(ret->st_mode))
		return fail(c, E_INPUT, "an artifact must be a file");
	return true;
}

/* Nobody wrote to it since then. */
MUST static bool
unchanged(struct ctx *c, int fd, const struct stat *was)
{
	struct stat now;

	if (!examine(c, fd, &now))
		return false;
	if (now.st_size != was->st_size || now.st_ctim.tv_sec != was->st_ctim.tv_sec ||
	    now.st_ctim.tv_nsec != was->st_ctim.tv_nsec)
		return fail(c, E_INTEGRITY, "the artifact was changed while it was unlocked");
	return true;
}

/* ---- The weights ------------------------------------------------------------------------- */

static bool
change(struct ctx *c, void *arg, const struct onnx_place *place, void *bytes, size_t elements)
{
	struct unlocking *u = arg;

	if (u->stream != NULL && !content_fill(c, u->stream, place, bytes, elements))
		return false;
	if (!unlock_flip(c, u->key->entry, u->key->entries, &u->next, place, bytes, elements))
		return c->err.code == E_INPUT ? not_the_one(c) : false;
	if (u->stream == NULL)
		digest_piece(&u->digest, place, bytes, elements);
	go_on(u, (uint64_t)(u->stretch * (double)(elements * onnx_type_size(place->type))));
	return true;
}

/* All that was sealed and all that was locked went into the model, and it is the plain one. */
MUST static bool
complete(struct ctx *c, struct unlocking *u)
{
	struct digest256 d;

	if (u->next != u->key->entries)
		return not_the_one(c);
	if (u->stream != NULL)
		return content_end(c, u->stream);
	if (!sha256_end(c, &u->digest, &d))
		return false;
	if (!digest256_same(&d, &u->key->plain))
		return fail(c, E_INTEGRITY, "the unlocked weights are not the original ones");
	return true;
}

MUST static bool
check(struct ctx *c, int fd, struct unlocking *u, struct artifact *ret)
{
	struct digest256 d;
	struct artifact a;

	if (u->key->expires != 0 && c->now() >= u->key->expires)
		return fail(c, E_DENIED, "the unlock key has expired: ask for a new one");
	if (!file_digest(c, fd, u, &d))
		return false;
	if (!digest256_same(&d, &u->key->artifact))
		return not_the_one(c);
	if (!artifact_open(c, fd, &a))
		return false;
	if (!str_same(str_of(a.release.s), str_of(u->key->release.s)) ||
	    a.locks != u->key->locks)
		return not_the_one(c);
	*ret = a;
	return true;
}

bool
unlock_apply(struct ctx *c, int artifact, const struct unlock_key *key, int out,
    const struct unlock_watch *watch)
{
	owned(unlocking_done) struct unlocking u = { .key = key, .watch = watch };
	struct artifact a;
	struct stat was;

	if (!examine(c, artifact, &was))
		return false;
	u.total = 2 * (uint64_t)was.st_size;
	if (!check(c, artifact, &u, &a) || !sha256_init(c, &u.digest))
		return false;
	u.stretch = (double)was.st_size / (double)((uint64_t)was.st_size - a.stream_n);
	if ((a.locks & LOCK_SEALED) != 0 && !content_open(c, artifact, &a, key, &u.stream))
		return false;
	if (!onnx_patch(c, artifact, out, ONNX_PATCH_DETACH | ONNX_PATCH_FLUSH, change, &u) ||
	    !complete(c, &u) || !unchanged(c, artifact, &was))
		return false;
	u.done = u.total;
	go_on(&u, 0);
	return true;
}
