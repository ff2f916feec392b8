/*
 * Which way up a picture is, from its EXIF: a TIFF structure (TIFF 6.0, section 2; CIPA DC-008,
 * 4.6.4) of which only the first directory is looked at, and in it one entry.
 */
#include "parts.h"

enum { TIFF_HEADER = 8, TIFF_ENTRY = 12, TAG_ORIENTATION = 0x112, TYPE_SHORT = 3 };

/* Numbers in the byte order of the structure, zero beyond its end. */
struct tiff {
	struct str all;
	bool little;
};

static uint32_t
tiff_u16(const struct tiff *t, size_t at)
{
	const uint8_t *p = (const uint8_t *)t->all.p + at;

	if (t->all.n < 2 || at > t->all.n - 2)
		return 0;
	return t->little ? p[0] | (uint32_t)p[1] << 8 : (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
tiff_u32(const struct tiff *t, size_t at)
{
	const uint32_t a = tiff_u16(t, at), b = tiff_u16(t, at + 2);

	return t->little ? a | b << 16 : a << 16 | b;
}

bool
exif_turn(struct ctx *c, struct str bytes, int *ret)
{
	const struct tiff t = { bytes, str_starts(bytes, STR("II*\0")) };
	size_t at, entries;

	if (!t.little && !str_starts(bytes, STR("MM\0*")))
		return fail(c, E_INPUT, "the picture's EXIF is damaged: send it without EXIF");
	at = tiff_u32(&t, 4);
	entries = tiff_u16(&t, at);
	if (at < TIFF_HEADER || at > bytes.n || entries * TIFF_ENTRY + 2 > bytes.n - at)
		return fail(c, E_INPUT, "the picture's EXIF is cut off: send it without EXIF");
	*ret = 1;
	for (at += 2; entries > 0; entries--, at += TIFF_ENTRY) {
		uint32_t turn = tiff_u16(&t, at + 8);

		if (tiff_u16(&t, at) != TAG_ORIENTATION)
			continue;
		if (tiff_u16(&t, at + 2) != TYPE_SHORT || turn > 8)
			return fail(c, E_INPUT,
			    "the picture's EXIF turns it in an unknown way: send it upright");
		*ret = turn == 0 ? 1 : (int)turn; /* some cameras write 0 for not known */
		return true;
	}
	return true;
}
