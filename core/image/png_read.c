/*
 * PNG from outside (W3C, Portable Network Graphics, section 5). The file is walked chunk by chunk
 * first; only the chunks that make the picture, and EXIF, are then given to the decoder. Texts,
 * profiles and whatever else may be compressed inside a file, or hidden in it, are stepped over.
 */
#include <spng.h>

#include "parts.h"

enum { PNG_SIGNATURE = 8, PNG_AROUND = 12, PNG_HEADER = 13, PNG_WHOLE = 7 };

/* What becomes of a chunk. */
enum png_use { USE_NOT, USE_KEPT, USE_EXIF, USE_DATA, USE_END, USE_MOVES, USE_UNKNOWN };

struct png_chunk {
	enum png_use use;
	struct str type, body, whole;
};

/* clang-format off */
static const struct {
	const char *type;
	enum png_use use;
} png_uses[] = {
	{ "IHDR", USE_KEPT }, { "PLTE", USE_KEPT }, { "tRNS", USE_KEPT }, { "eXIf", USE_EXIF },
	{ "IDAT", USE_DATA }, { "IEND", USE_END },
	{ "acTL", USE_MOVES }, { "fcTL", USE_MOVES }, { "fdAT", USE_MOVES },
};
/* clang-format on */

/* Channels by colour type. */
static const int png_channels[] = { [0] = 1, [2] = 3, [3] = 3, [4] = 1, [6] = 3 };

bool
png_begins(struct str file)
{
	return str_starts(file, STR("\x89PNG\r\n\x1a\n"));
}

/* A small letter begins the type of a chunk that nobody needs to understand. */
static enum png_use
png_use(struct str type)
{
	for (size_t i = 0; i < COUNT(png_uses); i++)
		if (str_same(type, str_of(png_uses[i].type)))
			return png_uses[i].use;
	return type.p[0] >= 'a' && type.p[0] <= 'z' ? USE_NOT : USE_UNKNOWN;
}

MUST static bool
png_next(struct ctx *c, struct str *rest, struct png_chunk *ret)
{
	size_t n;

	if (rest->n < PNG_AROUND)
		return fail(
		    c, E_INPUT, "the PNG ends before its end mark: send the whole file");
	n = be32(rest->p);
	if (n > rest->n - PNG_AROUND)
		return fail(c, E_INPUT, "the PNG is cut off in a chunk: send the whole file");
	ret->type = (struct str){ rest->p + 4, 4 };
	ret->body = (struct str){ rest->p + 8, n };
	ret->whole = (struct str){ rest->p, n + PNG_AROUND };
	ret->use = png_use(ret->type);
	*rest = (struct str){ rest->p + ret->whole.n, rest->n - ret->whole.n };
	return true;
}

/* ---- The outline ------------------------------------------------------------------------- */

MUST static bool
png_header(struct ctx *c, const struct png_chunk *first, struct outline *o)
{
	uint8_t kind;

	if (!str_same(first->type, STR("IHDR")) || first->body.n != PNG_HEADER)
		return fail(c, E_INPUT, "the PNG has no header: save the picture again");
	kind = (uint8_t)first->body.p[9];
	if (kind >= COUNT(png_channels) || png_channels[kind] == 0)
		return fail(c, E_INPUT, "a PNG of unknown colour type %d: save it again", kind);
	o->channels = png_channels[kind];
	o->depth = (uint8_t)first->body.p[8];
	return outline_size(c, be32(first->body.p), be32(first->body.p + 4), o);
}

/* Of the chunks that the decoder never sees: CRC-32, four bits at a time (annex D). */
MUST static bool
png_sum(struct ctx *c, const struct png_chunk *k)
{
	const uint8_t *p = (const uint8_t *)k->type.p;
	uint32_t table[16], sum = UINT32_MAX;

	for (uint32_t i = 0; i < 16; i++) {
		table[i] = i;
		for (int bit = 0; bit < 4; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < k->whole.n - 8; i++) {
		sum ^= p[i];
		sum = sum >> 4 ^ table[sum & 15];
		sum = sum >> 4 ^ table[sum & 15];
	}
	if (~sum != be32(k->body.p + k->body.n))
		return fail(c, E_INPUT, "the PNG is damaged: send the file as it was saved");
	return true;
}

/* One chunk behind the header. `last` is what the one before it was used for. */
MUST static bool
png_step(struct ctx *c, const struct png_chunk *k, bool *seen_data, enum png_use last,
    struct outline *o)
{
	switch (k->use) {
	case USE_NOT:
		return png_sum(c, k);
	case USE_MOVES:
		return fail(c, E_INPUT, "an animated PNG: send one still picture");
	case USE_UNKNOWN:
		return fail(c, E_INPUT, "a PNG with a part of unknown kind: save it again");
	case USE_DATA:
		if (*seen_data && last != USE_DATA)
			return fail(
			    c, E_INPUT, "the PNG's picture is in pieces: save it again");
		*seen_data = true;
		break;
	case USE_EXIF:
		if (!exif_turn(c, k->body, &o->turn))
			return false;
		break;
	case USE_KEPT:
		if (*seen_data)
			return fail(c, E_INPUT, "the PNG is out of order: save it again");
		break;
	case USE_END:
		break;
	}
	o->kept += k->whole.n;
	return true;
}

bool
png_outline(struct ctx *c, struct str file, struct outline *ret)
{
	struct outline o = { .turn = 1, .kept = PNG_SIGNATURE };
	struct str rest = { file.p + PNG_SIGNATURE, file.n - PNG_SIGNATURE };
	enum png_use last = USE_KEPT;
	bool seen_data = false;
	struct png_chunk k;

	if (!png_next(c, &rest, &k) || !png_header(c, &k, &o))
		return false;
	o.kept += k.whole.n;
	do {
		if (!png_next(c, &rest, &k) || !png_step(c, &k, &seen_data, last, &o))
			return false;
		last = k.use;
	} while (k.use != USE_END);
	if (!seen_data)
		return fail(c, E_INPUT, "a PNG without a picture: save it again");
	if (rest.n > 0)
		return fail(c, E_INPUT,
		    "%zu bytes lie behind the end of the PNG: send the picture alone", rest.n);
	*ret = o;
	return true;
}

/* ---- The picture ------------------------------------------------------------------------- */

static void
spng_done(spng_ctx **s)
{
	spng_ctx_free(*s);
}

static char *
png_kept(struct ctx *c, struct str file, const struct outline *o)
{
	struct str rest = { file.p + PNG_SIGNATURE, file.n - PNG_SIGNATURE };
	char *kept = malloc(o->kept);
	size_t n = PNG_SIGNATURE;
	struct png_chunk k;

	if (kept == NULL)
		return NULL;
	memcpy(kept, file.p, n);
	while (rest.n > 0 && png_next(c, &rest, &k))
		if (k.use != USE_NOT) {
			memcpy(kept + n, k.whole.p, k.whole.n);
			n += k.whole.n;
		}
	return kept;
}

/*
 * Every `step`-th pixel of a row, from `x` on: four samples, the last one opacity, to the channels
 * of the picture. False if one can be seen through.
 */
static bool
png_row8(const uint8_t *from, int x, int step, uint8_t *to, const struct image *i)
{
	uint8_t all = 255;

	for (; x < i->width; x += step) {
		for (int k = 0; k < i->channels; k++)
			to[x * i->channels + k] = from[4 * x + k];
		all &= from[4 * x + 3];
	}
	return all == 255;
}

/* The same from 16 bits, to the nearest of 8. */
static bool
png_row16(const uint16_t *from, int x, int step, uint8_t *to, const struct image *i)
{
	uint16_t all = 65535;

	for (; x < i->width; x += step) {
		for (int k = 0; k < i->channels; k++)
			to[x * i->channels + k] = (uint8_t)((from[4 * x + k] * 255u + 32767u) /
			    65535u);
		all &= from[4 * x + 3];
	}
	return all == 65535;
}

MUST static bool
png_said(struct ctx *c, int code)
{
	if (code == 0)
		return true;
	if (code == SPNG_EMEM)
		return fail(c, E_MEMORY, "no memory for a PNG");
	return fail_log(c, E_INPUT, spng_strerror(code),
	    "the PNG is damaged (%s): send the file as it was saved", spng_strerror(code));
}

/*
 * The decoder takes colours beyond the end of a palette for black. Here there are none such: they
 * are added, and can be seen through.
 */
MUST static bool
png_palette(struct ctx *c, spng_ctx *s, int depth)
{
	const uint32_t all = 1u << depth;
	struct spng_plte colours;
	struct spng_trns clear = { 0 };
	const int code = spng_get_trns(s, &clear);

	if (!png_said(c, spng_get_plte(s, &colours)) ||
	    (code != SPNG_ECHUNKAVAIL && !png_said(c, code)))
		return false;
	for (uint32_t i = clear.n_type3_entries; i < all; i++)
		clear.type3_alpha[i] = i < colours.n_entries ? 255 : 0;
	for (uint32_t i = colours.n_entries; i < all; i++)
		colours.entries[i] = (struct spng_plte_entry){ 0 };
	clear.n_type3_entries = all;
	colours.n_entries = all;
	return png_said(c, spng_set_plte(s, &colours)) && png_said(c, spng_set_trns(s, &clear));
}

/* Row by row, those of each pass of an interlaced file after the other. */
MUST static bool
png_rows(struct ctx *c, spng_ctx *s, bool deep, bool interlaced, const struct image *to)
{
	/* Of which pixels the rows of a pass consist (section 8.2). */
	static const int passes[][2] = { { 0, 8 }, { 4, 8 }, { 0, 4 }, { 2, 4 }, { 0, 2 },
		{ 1, 2 }, { 0, 1 }, [PNG_WHOLE] = { 0, 1 } };
	const size_t n = (size_t)to->width * (deep ? 8 : 4);
	owned(heap_free) void *row = malloc(n);
	bool opaque = true;
	int code = 0;

	if (row == NULL)
		return fail(c, E_MEMORY, "no memory for a PNG");
	while (code == 0) {
		struct spng_row_info at;
		uint8_t *v;
		const int *pass;

		code = spng_get_row_info(s, &at);
		if (code == SPNG_EOI)
			break;
		if (!png_said(c, code))
			return false;
		code = spng_decode_row(s, row, n);
		if (code != SPNG_EOI && !png_said(c, code))
			return false;
		v = to->v + at.row_num * (image_bytes(to) / (size_t)to->height);
		pass = passes[interlaced ? at.pass : PNG_WHOLE];
		opaque &= deep ? png_row16(row, pass[0], pass[1], v, to)
			       : png_row8(row, pass[0], pass[1], v, to);
	}
	if (!opaque)
		return fail(c, E_INPUT,
		    "the picture is transparent in places, or lacks colours of its palette: send it "
		    "on an opaque background");
	return true;
}

bool
png_decode(struct ctx *c, struct str file, const struct outline *o, struct image *ret)
{
	const bool deep = o->depth == 16;
	owned(heap_free) char *kept = png_kept(c, file, o);
	owned(spng_done) spng_ctx *s = spng_ctx_new(0);
	struct spng_ihdr head;
	struct image to;

	if (kept == NULL || s == NULL)
		return fail(c, E_MEMORY, "no memory for a PNG");
	if (!png_said(c, spng_set_crc_action(s, SPNG_CRC_ERROR, SPNG_CRC_ERROR)) ||
	    !png_said(c, spng_set_image_limits(s, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX)) ||
	    !png_said(c, spng_set_chunk_limits(s, IMAGE_FILE_MAX, IMAGE_FILE_MAX)) ||
	    !png_said(c, spng_set_png_buffer(s, kept, o->kept)) ||
	    !png_said(c, spng_get_ihdr(s, &head)) ||
	    (head.color_type == SPNG_COLOR_TYPE_INDEXED &&
		!png_palette(c, s, head.bit_depth)) ||
	    !image_new(c, o->width, o->height, o->channels, &to) ||
	    !png_said(c,
		spng_decode_image(s, NULL, 0, deep ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8,
		    SPNG_DECODE_TRNS | SPNG_DECODE_PROGRESSIVE)) ||
	    !png_rows(c, s, deep, head.interlace_method != 0, &to) ||
	    !png_said(c, spng_decode_chunks(s)))
		return false;
	*ret = to;
	return true;
}
