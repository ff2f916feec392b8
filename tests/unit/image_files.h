/*
 * Picture files for tests: PNG built chunk by chunk, JPEG by libjpeg itself and then cut and
 * patched; in the arena.
 */
#ifndef IMAGE_FILES_H
#define IMAGE_FILES_H

#include "image.h"
#include "test.h"

/* A view of a literal, in tables too. */
#define BYTES(lit)                     \
	{                              \
		(lit), sizeof(lit) - 1 \
	}

/* The parts one after the other. */
struct str joined(struct ctx *, const struct str part[], size_t n);
/* Without the bytes [at, at + gone), and with `in` in their place. */
struct str spliced(struct ctx *, struct str, size_t at, size_t gone, struct str in);

/* ---- PNG --------------------------------------------------------------------------------- */

/* How a PNG is made. Samples come from png_sample. */
struct png_form {
	int width, height, depth, kind; /* kind: 0 grey, 2 RGB, 3 palette, 4 and 6 with alpha */
	bool interlaced;
	struct str colours, trns; /* bodies of PLTE and tRNS; empty: none */
	int alpha;                /* what opacity is short of, everywhere */
};
/* Sample `k` of a pixel, of `depth` bits. */
uint32_t png_sample(const struct png_form *, int x, int y, int k);
/* With length and CRC. */
struct str png_chunk(struct ctx *, const char *type, struct str body);
/* Signature, IHDR, PLTE, tRNS, IDAT, IEND. */
struct str png_file(struct ctx *, const struct png_form *);
/* The same with something before IDAT and after it. */
struct str png_with(struct ctx *, const struct png_form *, struct str before, struct str after);
/* A zlib stream. */
struct str deflated(struct ctx *, struct str);

/* ---- JPEG -------------------------------------------------------------------------------- */

struct jpeg_form {
	int width, height, components; /* 1 grey, 3 colour, 4 CMYK */
	bool progressive;
	bool inks; /* four components as YCCK */
	int quality;
};
/* A smooth picture. */
struct str jpeg_file(struct ctx *, const struct jpeg_form *);
/* The file with a segment behind SOI. */
struct str jpeg_with(struct ctx *, struct str file, uint8_t marker, struct str body);
/* The file with an EXIF segment of this TIFF structure. */
struct str jpeg_exif(struct ctx *, struct str file, struct str tiff);
/* Where this marker (0xda: the first scan) begins. */
size_t jpeg_marker(struct str file, uint8_t marker);

/* A TIFF structure whose only entry is the orientation. */
struct str exif_body(struct ctx *, bool little, int turn);

/* image_read from memory of exactly the file's size: the sanitizers see one byte too far. */
bool image_read_exact(struct ctx *, struct str file, int channels, struct image *ret);
/* The file is refused so, and the sentence says these words. */
void image_refused(struct ctx *, struct str file, enum err_code, const char *words);

/* A picture of smooth colours with some noise, the same each time. */
struct image picture(struct ctx *, int width, int height, int channels);

#endif
