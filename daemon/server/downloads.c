/*
 * Files as answers: those of the vault, and what was made for this one answer. The library asks for
 * the next bytes whenever the client has taken those before, and each time the client has a while
 * again: who takes nothing is cut, who takes slowly is not.
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blobs.h"
#include "downloads.h"
#include "ranges.h"

struct download {
	struct server *server;
	struct peers *peers;
	struct peer *peer;
	int fd;
	struct sealed_file *file; /* NULL: the bytes are plain */
	char *frame;              /* what stands around them; may be NULL */
	struct str head, tail;    /* of it */
	uint64_t from, n;         /* what is sent of it all */
};

static void
download_free(struct download **d)
{
	if (*d == NULL)
		return;
	sealed_file_free(&(*d)->file);
	fd_done(&(*d)->fd);
	free((*d)->frame);
	free(*d);
	*d = NULL;
}

void
download_drop(struct request *rq)
{
	download_free(&rq->download);
}

/* ---- The head ------------------------------------------------------------------------------ */

static void
describe(struct request *rq, const struct download_as *as)
{
	rq->reply.type = as->type;
	rq->reply.cache = "private, no-cache";
	reply_header(rq, "X-Content-Type-Options", "nosniff");
	if (as->name != NULL)
		reply_header(
		    rq, "Content-Disposition", "attachment; filename=\"%s\"", as->name);
	if (as->policy != NULL)
		reply_header(rq, "Content-Security-Policy", "%s", as->policy);
}

static void
tag(struct request *rq, const struct digest256 *sha256)
{
	struct buf b = { rq->reply.etag, 0, sizeof rq->reply.etag - 1, false };

	buf_char(&b, '"');
	hex_put(&b, sha256->b, sizeof sha256->b);
	buf_char(&b, '"');
	rq->reply.etag[b.n] = '\0';
}

/* True if the client has it already: that is the answer. */
static bool
unchanged(struct request *rq)
{
	struct str known = request_header(rq, "If-None-Match");

	if (known.n == 0 || !etag_listed(known, str_of(rq->reply.etag)))
		return false;
	rq->reply.status = 304;
	return true;
}

/* Which bytes are wanted, and what the head says of them. */
MUST static bool
part(struct ctx *c, struct request *rq, int64_t size, struct download *d)
{
	struct str condition = request_header(rq, "If-Range");
	enum range_kind kind = RANGE_ALL;
	int64_t from = 0, n = size;

	/* A weak tag, and a date, which we never gave, are no proof. */
	if (condition.n == 0 || str_same(condition, str_of(rq->reply.etag)))
		kind = range_parse(request_header(rq, "Range"), size, &from, &n);
	rq->reply.size = size;
	if (kind == RANGE_NONE)
		return fail_at(c, E_RANGE, "Range", "the file has %lld bytes", (long long)size);
	if (kind == RANGE_PART) {
		rq->reply.status = 206;
		reply_header(rq, "Content-Range", "bytes %lld-%lld/%lld", (long long)from,
		    (long long)(from + n - 1), (long long)size);
	}
	d->from = (uint64_t)from;
	d->n = (uint64_t)n;
	return true;
}

/* ---- The body ------------------------------------------------------------------------------ */

MUST static bool
open_file(struct ctx *c, struct request *rq, const struct blob_row *row, struct download *d)
{
	owned(key256_done) struct key256 key = { 0 };
	char room[64];
	struct buf b = BUF(room);
	struct db *db;

	if (!server_reader(c, rq->server, &db) ||
	    !keys_data_open(c, rq->server->keys, db, str_of(row->data_key.s), &key) ||
	    !blob_file_open(c, &row->id, false, &d->fd) ||
	    !sealed_file_open(c, d->fd, &key, blob_aad(&b, &row->id), &d->file))
		return false;
	if (sealed_file_size(d->file) != (uint64_t)row->size)
		return fail(
		    c, E_INTEGRITY, "a file of the vault has another size than its row");
	return true;
}

bool
download(
    struct ctx *c, struct request *rq, const struct blob_row *row, const struct download_as *as)
{
	owned(download_free) struct download *d = calloc(1, sizeof *d);
	char digest[80];
	struct buf b = { digest, 0, sizeof digest - 1, false };

	if (d == NULL)
		return fail(c, E_MEMORY, "no memory for a download");
	d->fd = -1;
	d->server = rq->server;
	describe(rq, as);
	tag(rq, &row->sha256);
	reply_header(rq, "Accept-Ranges", "bytes");
	repr_digest_put(&b, &row->sha256);
	reply_header(rq, "Repr-Digest", "%.*s", (int)b.n, digest);
	if (unchanged(rq))
		return true;
	if (!part(c, rq, row->size, d) || !open_file(c, rq, row, d))
		return false;
	rq->download = steal(d);
	return true;
}

/* The frame's own copy: the answer outlives its request's memory. */
MUST static bool
frame_copy(struct ctx *c, struct download *d, const struct download_frame *f)
{
	size_t n = f->head.n + f->tail.n;

	d->frame = malloc(n > 0 ? n : 1);
	if (d->frame == NULL)
		return fail(c, E_MEMORY, "no memory for a download");
	memcpy(d->frame, f->head.p, f->head.n);
	memcpy(d->frame + f->head.n, f->tail.p, f->tail.n);
	d->head = (struct str){ d->frame, f->head.n };
	d->tail = (struct str){ d->frame + f->head.n, f->tail.n };
	return true;
}

MUST static bool
frame_tag(struct ctx *c, struct request *rq, const struct blob_row *row,
    const struct download_frame *f)
{
	const struct str parts[] = { f->head,
		{ (const char *)row->sha256.b, sizeof row->sha256.b }, f->tail };
	struct digest256 digest;

	if (!sha256_parts(c, parts, COUNT(parts), &digest))
		return false;
	tag(rq, &digest);
	return true;
}

bool
download_framed(struct ctx *c, struct request *rq, const struct blob_row *row,
    const struct download_frame *f, const struct download_as *as)
{
	owned(download_free) struct download *d = calloc(1, sizeof *d);
	int64_t size = (int64_t)(f->head.n + f->tail.n) + row->size;

	if (d == NULL)
		return fail(c, E_MEMORY, "no memory for a download");
	d->fd = -1;
	d->server = rq->server;
	describe(rq, as);
	if (!frame_tag(c, rq, row, f))
		return false;
	reply_header(rq, "Accept-Ranges", "bytes");
	if (unchanged(rq))
		return true;
	if (!part(c, rq, size, d) || !frame_copy(c, d, f) || !open_file(c, rq, row, d))
		return false;
	rq->download = steal(d);
	return true;
}

bool
download_part(struct ctx *c, struct request *rq, struct db *db, const struct id *owner,
    const char *part, const struct download_as *as)
{
	struct blob_row blob;
	bool found;

	if (!blob_find(c, db, str_of(owner->s), str_of(part), &found, &blob))
		return false;
	if (!found || blob.state != BLOB_WHOLE)
		return fail(c, E_ABSENT, "there is no %s of it", part);
	return download(c, rq, &blob, as);
}

bool
download_text(struct ctx *c, struct request *rq, struct str text, const struct download_as *as)
{
	struct digest256 sum;

	if (!sha256(c, text, &sum))
		return false;
	describe(rq, as);
	tag(rq, &sum);
	if (!unchanged(rq))
		rq->reply.body = text;
	return true;
}

MUST static bool
plain_read(struct ctx *c, int fd, uint64_t at, char *to, size_t n)
{
	ssize_t got;

	for (; n > 0; at += (uint64_t)got, to += got, n -= (size_t)got) {
		got = pread(fd, to, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			return fail(c, E_FILE, "an answer's file ends too early");
	}
	return true;
}

/* Of a part of the frame, from its byte `at` on. */
static void
frame_read(struct str s, uint64_t at, char *to, size_t *n)
{
	if (*n > s.n - at)
		*n = (size_t)(s.n - at);
	memcpy(to, s.p + at, *n);
}

/* The next bytes; *n: how many at most, then how many. */
MUST static bool
body_read(struct ctx *c, const struct download *d, uint64_t at, char *to, size_t *n)
{
	uint64_t end;

	if (d->file == NULL)
		return plain_read(c, d->fd, at, to, *n);
	end = d->head.n + sealed_file_size(d->file);
	if (at < d->head.n)
		frame_read(d->head, at, to, n);
	else if (at >= end)
		frame_read(d->tail, at - end, to, n);
	else {
		if (*n > end - at)
			*n = (size_t)(end - at);
		return sealed_file_read(c, d->file, at - d->head.n, to, *n);
	}
	return true;
}

static ssize_t
on_read(void *arg, uint64_t at, char *to, size_t max)
{
	struct download *d = arg;
	struct ctx c = ctx_real(NULL, "download");
	size_t n = d->n - at < max ? (size_t)(d->n - at) : max;

	peer_phase(d->peers, d->peer, PHASE_REPLY);
	if (!body_read(&c, d, d->from + at, to, &n)) {
		log_failure(&c, "download-broken-off");
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	metrics_bytes(d->server->metrics, 0, (int64_t)n);
	return (ssize_t)n;
}

static void
on_free(void *arg)
{
	struct download *d = arg;

	download_free(&d);
}

/* Of the reply's own file, which goes with the answer. */
static struct download *
plain_download(struct request *rq)
{
	struct download *d = calloc(1, sizeof *d);
	struct stat st;

	if (d == NULL || fstat(rq->reply.file, &st) != 0) {
		free(d);
		return NULL;
	}
	d->server = rq->server;
	d->n = (uint64_t)st.st_size;
	d->fd = rq->reply.file;
	rq->reply.file = -1;
	return d;
}

struct MHD_Response *
download_response(struct request *rq, struct peers *peers, struct peer *peer)
{
	struct download *d = rq->download == NULL ? plain_download(rq) : steal(rq->download);
	struct MHD_Response *r;

	if (d == NULL)
		return NULL;
	d->peers = peers;
	d->peer = peer;
	r = MHD_create_response_from_callback(d->n, SEALED_CHUNK, on_read, d, on_free);
	if (r == NULL)
		download_free(&d);
	return r;
}
