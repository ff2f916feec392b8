/*
 * A JPEG, marker by marker (ITU-T T.81, annex B), before any of it is decoded: what kind it is, how
 * large, how many scans it wants, which way up it was taken, and that nothing lies behind its end.
 */
#include "parts.h"

/* Each scan may go over the whole picture again; a progressive file has about ten. */
enum { JPEG_SCANS_MAX = 64 };

/* clang-format off */
enum jpeg_marker {
	M_SOF0 = 0xc0, M_SOF1 = 0xc1, M_SOF2 = 0xc2, M_DHT = 0xc4, M_JPG = 0xc8, M_DAC = 0xcc,
	M_SOF15 = 0xcf, M_RST0 = 0xd0, M_RST7 = 0xd7, M_SOI = 0xd8, M_EOI = 0xd9, M_SOS = 0xda,
	M_DNL = 0xdc, M_APP1 = 0xe1, M_TEM = 0x01, M_FILL = 0xff,
};
/* clang-format on */

struct jpeg_walk {
	struct str rest;
	struct outline o;
	bool frame, exif;
	int scans;
};

bool
jpeg_begins(struct str file)
{
	return str_starts(file, STR("\xff\xd8\xff"));
}

static void
skip(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* In the data of a scan: up to the next marker that is not one of its own. */
static void
scan_skip(struct str *rest)
{
	while (rest->n > 0) {
		const char *at = memchr(rest->p, M_FILL, rest->n);
		uint8_t m;

		if (at == NULL) {
			skip(rest, rest->n);
			return;
		}
		skip(rest, (size_t)(at - rest->p));
		m = rest->n > 1 ? (uint8_t)rest->p[1] : M_EOI;
		if (m != 0 && m != M_FILL && (m < M_RST0 || m > M_RST7))
			return;
		skip(rest, m == M_FILL ? 1 : 2);
	}
}

MUST static bool
marker(struct ctx *c, struct str *rest, uint8_t *ret)
{
	const char *begin = rest->p;

	while (rest->n > 0 && (uint8_t)*rest->p == M_FILL)
		skip(rest, 1);
	if (rest->n == 0)
		return fail(
		    c, E_INPUT, "the JPEG ends before its end mark: send the whole file");
	if (rest->p == begin)
		return fail(c, E_INPUT, "the JPEG is damaged: send the file as it was saved");
	*ret = (uint8_t)*rest->p;
	skip(rest, 1);
	return true;
}

MUST static bool
segment(struct ctx *c, struct str *rest, struct str *ret)
{
	size_t n = rest->n >= 2 ? be16(rest->p) : 0;

	if (n < 2 || n > rest->n)
		return fail(c, E_INPUT, "the JPEG is cut off in its head: send the whole file");
	*ret = (struct str){ rest->p + 2, n - 2 };
	skip(rest, n);
	return true;
}

/* The frame header: how large, how deep, how many components. */
MUST static bool
frame(struct ctx *c, struct jpeg_walk *w, uint8_t m, struct str s)
{
	if (w->frame || s.n < 6)
		return fail(c, E_INPUT, "the JPEG is damaged: send the file as it was saved");
	if (m > M_SOF2)
		return fail(c, E_INPUT,
		    "a lossless, hierarchical or arithmetic JPEG: send an ordinary one, or a PNG");
	if (s.p[0] != 8)
		return fail(c, E_INPUT, "a JPEG of %d bits: send one of 8, or a PNG", s.p[0]);
	w->o.depth = 8;
	w->o.channels = (uint8_t)s.p[5];
	if (w->o.channels == 4)
		return fail(c, E_INPUT, "a JPEG in printing colours (CMYK): send it in RGB");
	if (w->o.channels != 1 && w->o.channels != 3)
		return fail(
		    c, E_INPUT, "a JPEG of %d colours: send it grey or in RGB", w->o.channels);
	w->frame = true;
	return outline_size(c, be16(s.p + 3), be16(s.p + 1), &w->o);
}

MUST static bool
exif(struct ctx *c, struct jpeg_walk *w, struct str s)
{
	const struct str name = { "Exif\0", 6 };

	if (w->exif || !str_starts(s, name))
		return true;
	w->exif = true;
	skip(&s, name.n);
	return exif_turn(c, s, &w->o.turn);
}

/* One segment. */
MUST static bool
step(struct ctx *c, struct jpeg_walk *w, uint8_t m)
{
	struct str s;

	if (m == 0 || m == M_TEM || m == M_DNL || (m >= M_RST0 && m <= M_SOI))
		return fail(c, E_INPUT, "the JPEG is damaged: send the file as it was saved");
	if (!segment(c, &w->rest, &s))
		return false;
	if (m >= M_SOF0 && m <= M_SOF15 && m != M_DHT && m != M_JPG && m != M_DAC)
		return frame(c, w, m, s);
	if (m == M_APP1)
		return exif(c, w, s);
	if (m != M_SOS)
		return true;
	if (++w->scans > JPEG_SCANS_MAX)
		return fail(c, E_LIMIT, "a JPEG of more than %d scans: save it as a plain one",
		    JPEG_SCANS_MAX);
	scan_skip(&w->rest);
	return true;
}

bool
jpeg_outline(struct ctx *c, struct str file, struct outline *ret)
{
	struct jpeg_walk w = { .rest = { file.p + 2, file.n - 2 }, .o = { .turn = 1 } };
	uint8_t m;

	if (!marker(c, &w.rest, &m))
		return false;
	while (m != M_EOI)
		if (!step(c, &w, m) || !marker(c, &w.rest, &m))
			return false;
	if (!w.frame || w.scans == 0)
		return fail(c, E_INPUT, "a JPEG without a picture: save it again");
	if (w.rest.n > 0)
		return fail(c, E_INPUT,
		    "%zu bytes lie behind the end of the JPEG: send the picture alone",
		    w.rest.n);
	*ret = w.o;
	return true;
}
