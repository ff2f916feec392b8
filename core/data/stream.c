/*
 * Sources and the two simple streams over them: bytes as they are, and bytes under gzip. A gzip
 * file may have several members one after the other, as some tools write them.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "parts.h"

/* ---- Sources ----------------------------------------------------------------------------- */

static bool
fd_read(struct ctx *c, void *arg, uint64_t at, void *to, size_t n)
{
	const int *fd = arg;
	char *p = to;

	while (n > 0) {
		ssize_t got = pread(*fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(c, "read", "a data file");
		if (got == 0)
			return fail(c, E_FILE, "a data file became shorter while it was read");
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return true;
}

bool
data_source_fd(struct ctx *c, int *fd, struct data_source *ret)
{
	struct stat st;

	if (fstat(*fd, &st) != 0)
		return fail_errno(c, "examine", "a data file");
	if (!S_ISREG(st.st_mode) || st.st_size < 0)
		return fail(c, E_FILE, "data has to be a regular file");
	*ret = (struct data_source){ .size = (uint64_t)st.st_size, .read = fd_read, .arg = fd };
	return true;
}

static bool
bytes_read(struct ctx *c, void *arg, uint64_t at, void *to, size_t n)
{
	const struct str *s = arg;

	if (at > s->n || n > s->n - at)
		return fail(c, E_INTERNAL, "read beyond the end of %zu bytes", s->n);
	memcpy(to, s->p + at, n);
	return true;
}

struct data_source
data_source_bytes(struct str *s)
{
	return (struct data_source){ .size = s->n, .read = bytes_read, .arg = s };
}

/* ---- Any stream -------------------------------------------------------------------------- */

void
stream_free(struct stream **s)
{
	if (*s == NULL)
		return;
	(*s)->free(*s);
	*s = NULL;
}

bool
stream_take(struct ctx *c, struct stream *s, void *to, size_t n)
{
	char *p = to;
	size_t got;

	while (n > 0) {
		if (!s->read(c, s, p, n, &got))
			return false;
		if (got == 0)
			return fail(c, E_INPUT, "the data ends %zu bytes too early", n);
		p += got;
		n -= got;
	}
	return true;
}

bool
stream_end(struct ctx *c, struct stream *s)
{
	char more;
	size_t got;

	if (!s->read(c, s, &more, 1, &got))
		return false;
	if (got != 0)
		return fail(c, E_INPUT, "the data is longer than its header says");
	return true;
}

/* ---- Bytes as they are ------------------------------------------------------------------- */

struct plain {
	struct stream stream;
	struct data_source source;
};

static bool
plain_read(struct ctx *c, struct stream *s, void *to, size_t n, size_t *ret_n)
{
	struct plain *p = (struct plain *)s;

	if (n > s->left)
		n = (size_t)s->left;
	if (n > 0 && !p->source.read(c, p->source.arg, p->source.size - s->left, to, n))
		return false;
	s->left -= n;
	*ret_n = n;
	return true;
}

static void
plain_free(struct stream *s)
{
	free(s);
}

bool
stream_plain(struct ctx *c, const struct data_source *source, struct stream **ret)
{
	struct plain *p = calloc(1, sizeof *p);

	if (p == NULL)
		return fail(c, E_MEMORY, "no memory");
	p->stream = (struct stream){ plain_read, plain_free, source->size };
	p->source = *source;
	*ret = &p->stream;
	return true;
}

/* ---- Bytes under gzip -------------------------------------------------------------------- */

#define PIECE (64 << 10)
#define WINDOW_GZIP (15 + 16) /* zlib's largest window, a gzip header, its checksum verified */

struct gzip {
	struct stream stream;
	struct data_source source;
	uint64_t at; /* of the source */
	z_stream z;
	bool between; /* members: another one, or the end, comes next */
	uint8_t piece[PIECE];
};

static void
gzip_free(struct stream *s)
{
	struct gzip *g = (struct gzip *)s;

	(void)inflateEnd(&g->z);
	free(g);
}

MUST static bool
gzip_fill(struct ctx *c, struct gzip *g)
{
	uint64_t left = g->source.size - g->at;
	size_t n = left < PIECE ? (size_t)left : PIECE;

	if (!g->source.read(c, g->source.arg, g->at, g->piece, n))
		return false;
	g->at += n;
	g->z.next_in = g->piece;
	g->z.avail_in = (uInt)n;
	return true;
}

static bool
gzip_read(struct ctx *c, struct stream *s, void *to, size_t n, size_t *ret_n)
{
	struct gzip *g = (struct gzip *)s;
	size_t room = n < PIECE ? n : PIECE;

	g->z.next_out = to;
	g->z.avail_out = (uInt)room;
	while (g->z.avail_out == room) {
		int got;

		if (g->z.avail_in == 0 && g->at < g->source.size && !gzip_fill(c, g))
			return false;
		if (g->z.avail_in == 0 && g->between)
			break;
		if (g->z.avail_in == 0)
			return fail(c, E_INPUT, "the gzip file is cut off");
		g->between = false;
		got = inflate(&g->z, Z_NO_FLUSH);
		if (got == Z_MEM_ERROR)
			return fail(c, E_MEMORY, "no memory");
		if (got == Z_STREAM_END)
			g->between = inflateReset(&g->z) == Z_OK;
		else if (got != Z_OK && got != Z_BUF_ERROR)
			return fail(c, E_INPUT, "the gzip file is damaged");
	}
	*ret_n = room - g->z.avail_out;
	s->left -= *ret_n < s->left ? *ret_n : s->left;
	return true;
}

bool
stream_gzip(struct ctx *c, const struct data_source *source, struct stream **ret)
{
	struct gzip *g = calloc(1, sizeof *g);

	if (g == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (inflateInit2(&g->z, WINDOW_GZIP) != Z_OK) {
		free(g);
		return fail(c, E_MEMORY, "no memory");
	}
	g->stream = (struct stream){ gzip_read, gzip_free, 0 };
	if (__builtin_mul_overflow(source->size, (uint64_t)DEFLATE_MOST, &g->stream.left))
		g->stream.left = UINT64_MAX;
	g->source = *source;
	*ret = &g->stream;
	return true;
}
