/*
 * Reads sealed files, in order or at random. A chunk is opened into memory of our own and copied
 * out once its tag was verified: a caller never holds an unverified byte. Reading in order takes
 * one byte more than a chunk, as only the end of the file tells which chunk is the last one.
 */
#include "parts.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until n bytes or the end of the file, at the descriptor's position or at `at` >= 0. */
static bool
read_some(struct ctx *c, int fd, int64_t at, uint8_t *to, size_t n, size_t *ret_n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = at < 0 ? read(fd, to + got, n - got)
				   : pread(fd, to + got, n - got, at + (int64_t)got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fail_errno(c, "read", "a sealed file");
		if (r == 0)
			break;
		got += (size_t)r;
	}
	*ret_n = got;
	return true;
}

static bool
read_header(
    struct ctx *c, struct sealed *s, int64_t at, const struct key256 *key, struct str aad)
{
	uint8_t header[SEALED_HEADER];
	size_t n;

	if (!read_some(c, s->fd, at, header, sizeof header, &n))
		return false;
	if (n != sizeof header)
		return fail(c, E_INTEGRITY, "not a sealed file");
	return sealed_check(c, s, key, aad, header);
}

static bool
truncated(struct ctx *c)
{
	return fail(c, E_INTEGRITY, "the sealed file does not open");
}

/* ---- In order ---------------------------------------------------------------------------- */

struct sealed_reader {
	struct sealed s;
	uint64_t position;
	uint8_t *sealed; /* a chunk, its tag, one byte more */
	size_t sealed_n; /* 1 if that byte has been read already */
	uint8_t *plain;
	size_t plain_n, used;
	bool salvage, last, bad;
};

void
sealed_reader_free(struct sealed_reader **r)
{
	if (*r == NULL)
		return;
	sealed_done(&(*r)->s);
	if ((*r)->plain != NULL)
		explicit_bzero((*r)->plain, (*r)->s.chunk);
	free((*r)->plain);
	free((*r)->sealed);
	free(*r);
	*r = NULL;
}

bool
sealed_reader_new(
    struct ctx *c, int fd, const struct key256 *key, struct str aad, struct sealed_reader **ret)
{
	owned(sealed_reader_free) struct sealed_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return fail(c, E_MEMORY, "no memory");
	r->s.fd = fd;
	if (!read_header(c, &r->s, -1, key, aad))
		return false;
	r->plain = malloc(r->s.chunk);
	r->sealed = malloc(r->s.chunk + GCM_TAG + 1);
	if (r->plain == NULL || r->sealed == NULL)
		return fail(c, E_MEMORY, "no memory");
	*ret = steal(r);
	return true;
}

bool
sealed_salvage_new(
    struct ctx *c, int fd, const struct key256 *key, struct str aad, struct sealed_reader **ret)
{
	if (!sealed_reader_new(c, fd, key, aad, ret))
		return false;
	(*ret)->salvage = true;
	return true;
}

/* Opens a chunk with its tag; a salvage sets *ret_end instead if it is not whole or not right. */
static bool
open_or_end(struct ctx *c, struct sealed_reader *r, struct str sealed, bool *ret_end)
{
	bool full = sealed.n == r->s.chunk + GCM_TAG;

	*ret_end = false;
	if (!r->salvage)
		return chunk_open(c, &r->s, r->position, r->last, sealed, r->plain);
	/* A full chunk at the end of the file may be the last one, or the last that was written. */
	if (full && chunk_open(c, &r->s, r->position, false, sealed, r->plain))
		return true;
	if (full && c->err.code != E_INTEGRITY)
		return false;
	*ret_end = !r->last || sealed.n < GCM_TAG ||
	    !chunk_open(c, &r->s, r->position, true, sealed, r->plain);
	if (*ret_end && c->err.code != E_NONE && c->err.code != E_INTEGRITY)
		return false;
	c->err = (struct err){ 0 };
	return true;
}

static bool
next_chunk(struct ctx *c, struct sealed_reader *r)
{
	size_t whole = r->s.chunk + GCM_TAG, got;
	bool end;

	if (!read_some(c, r->s.fd, -1, r->sealed + r->sealed_n, whole + 1 - r->sealed_n, &got))
		return false;
	got += r->sealed_n;
	r->last = got <= whole;
	if (!r->salvage && got < GCM_TAG)
		return truncated(c);
	if (!r->last)
		got = whole;
	if (!open_or_end(c, r, (struct str){ (char *)r->sealed, got }, &end))
		return false;
	r->last |= end;
	r->plain_n = end ? 0 : got - GCM_TAG;
	r->used = 0;
	r->position++;
	r->sealed_n = r->last ? 0 : 1;
	r->sealed[0] = r->last ? 0 : r->sealed[whole];
	return true;
}

bool
sealed_read(struct ctx *c, struct sealed_reader *r, void *to, size_t n, size_t *ret_n)
{
	size_t some;

	if (r->bad)
		return truncated(c);
	while (n > 0 && r->used == r->plain_n && !r->last) {
		r->bad = true;
		if (!next_chunk(c, r))
			return false;
		r->bad = false;
	}
	some = r->plain_n - r->used;
	if (some > n)
		some = n;
	memcpy(to, r->plain + r->used, some);
	r->used += some;
	*ret_n = some;
	return true;
}

/* ---- At random --------------------------------------------------------------------------- */

struct sealed_file {
	struct sealed s;
	uint64_t begin;    /* in the file that it is a part of */
	uint64_t size;     /* plain bytes */
	uint64_t chunks;   /* at least 1 */
	uint8_t *sealed;   /* a chunk and its tag */
	uint8_t *plain;    /* the chunk at `position` */
	uint64_t position; /* `chunks` while there is none */
};

void
sealed_file_free(struct sealed_file **f)
{
	if (*f == NULL)
		return;
	sealed_done(&(*f)->s);
	if ((*f)->plain != NULL)
		explicit_bzero((*f)->plain, (*f)->s.chunk);
	free((*f)->plain);
	free((*f)->sealed);
	free(*f);
	*f = NULL;
}

/* The sizes that follow from the length, if it is a possible one. */
static bool
measure(struct ctx *c, struct sealed_file *f, uint64_t n)
{
	uint64_t whole = f->s.chunk + GCM_TAG, body;

	if (n < SEALED_HEADER + GCM_TAG || n > SEALED_PLAIN_MAX * 2)
		return truncated(c);
	body = n - SEALED_HEADER;
	f->chunks = (body - 1) / whole + 1;
	if (body - (f->chunks - 1) * whole < GCM_TAG)
		return truncated(c);
	f->size = body - f->chunks * GCM_TAG;
	f->position = f->chunks;
	return true;
}

/* Makes f->plain the chunk at `position`. */
static bool
load(struct ctx *c, struct sealed_file *f, uint64_t position)
{
	uint64_t at = f->begin + SEALED_HEADER + position * (f->s.chunk + GCM_TAG);
	bool last = position == f->chunks - 1;
	size_t n = (last ? f->size - position * f->s.chunk : f->s.chunk) + GCM_TAG, got;

	if (position == f->position)
		return true;
	f->position = f->chunks;
	if (!read_some(c, f->s.fd, (int64_t)at, f->sealed, n, &got))
		return false;
	if (got != n)
		return truncated(c);
	if (!chunk_open(
		c, &f->s, position, last, (struct str){ (char *)f->sealed, n }, f->plain))
		return false;
	f->position = position;
	return true;
}

bool
sealed_file_open_part(struct ctx *c, int fd, uint64_t at, uint64_t n, const struct key256 *key,
    struct str aad, struct sealed_file **ret)
{
	owned(sealed_file_free) struct sealed_file *f = calloc(1, sizeof *f);

	if (f == NULL)
		return fail(c, E_MEMORY, "no memory");
	f->s.fd = fd;
	f->begin = at;
	if (at > INT64_MAX - SEALED_PLAIN_MAX * 2)
		return truncated(c);
	if (!read_header(c, &f->s, (int64_t)at, key, aad) || !measure(c, f, n))
		return false;
	f->plain = malloc(f->s.chunk);
	f->sealed = malloc(f->s.chunk + GCM_TAG);
	if (f->plain == NULL || f->sealed == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (!load(c, f, f->chunks - 1))
		return false;
	*ret = steal(f);
	return true;
}

bool
sealed_file_open(
    struct ctx *c, int fd, const struct key256 *key, struct str aad, struct sealed_file **ret)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(c, "examine", "a sealed file");
	return sealed_file_open_part(c, fd, 0, (uint64_t)st.st_size, key, aad, ret);
}

uint64_t
sealed_file_size(const struct sealed_file *f)
{
	return f->size;
}

bool
sealed_file_read(struct ctx *c, struct sealed_file *f, uint64_t at, void *to, size_t n)
{
	uint8_t *out = to;

	if (at > f->size || n > f->size - at)
		return fail(
		    c, E_LIMIT, "the sealed file has %llu bytes", (unsigned long long)f->size);
	while (n > 0) {
		size_t from = at % f->s.chunk, some = f->s.chunk - from;

		if (some > n)
			some = n;
		if (!load(c, f, at / f->s.chunk))
			return false;
		memcpy(out, f->plain + from, some);
		out += some;
		at += some;
		n -= some;
	}
	return true;
}
