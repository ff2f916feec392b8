/*
 * image: small pictures as arrays of bytes. Files from outside are read within limits that are
 * checked before anything is allocated, and come out in one form whatever they were; our own are
 * written as PNG. What is done to pictures on the way (cosine transforms, turning, dimming, noise)
 * follows from its arguments and a seed, bit for bit.
 *
 * Hostile or unwanted files end as E_INPUT with a sentence that says what to send instead, too
 * large ones as E_LIMIT.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "base.h"

/* ---- Pictures ---------------------------------------------------------------------------- */

enum { IMAGE_SIDE_MAX = 4096, IMAGE_CHANNELS_MAX = 3 };
#define IMAGE_FILE_MAX (4 << 20) /* bytes of a file from outside */

/* Rows from the top down, channels interleaved: 1 is grey, 3 is red, green, blue. */
struct image {
	int width, height, channels;
	uint8_t *v; /* in an arena, or the caller's */
};
size_t image_bytes(const struct image *);
/* In the arena, its pixels not set; E_LIMIT beyond IMAGE_SIDE_MAX. */
MUST bool image_new(struct ctx *, int width, int height, int channels, struct image *ret);
MUST bool image_copy(struct ctx *, const struct image *, struct image *ret);

/* ---- Files ------------------------------------------------------------------------------- */

/*
 * A PNG or JPEG of any common kind as 8 bits a sample: palettes, 1, 2, 4 and 16 bits and
 * interlaced files are unfolded, either is turned as its EXIF says. Transparency that is anything
 * but opaque, CMYK, animations, and files with something behind their end are refused: nothing is
 * guessed. `channels` 1 or 3 is what the picture must have (a colour picture whose samples agree is
 * grey, a grey one may become colour); 0: as it is. *ret_lossless (may be NULL) is false for JPEG.
 */
MUST bool image_read(
    struct ctx *, struct str bytes, int channels, struct image *ret, bool *ret_lossless);
/* The size that image_read would give, found without decoding anything. */
MUST bool image_size(struct ctx *, struct str bytes, int *ret_width, int *ret_height);
/* A PNG with nothing in it but the picture. */
MUST bool image_png(struct ctx *, const struct image *, struct str *ret);
/* To JPEG of this quality (1 to 100) and back; *ret_bytes (may be NULL): the file between. */
MUST bool image_jpeg(
    struct ctx *, const struct image *, int quality, struct image *ret, size_t *ret_bytes);
/* The JPEG itself. */
MUST bool image_jpeg_file(struct ctx *, const struct image *, int quality, struct str *ret);

/* ---- Many of one form, in files of our own ----------------------------------------------- */

/* Channels, width and height; back as a picture without samples. The wire is bad if none can be. */
enum { IMAGE_FORM_BYTES = 1 + 2 * 4 };
void image_form_put(struct buf *, const struct image *);
struct image image_form_read(struct wire *);
/* Whether what is left is `before` bytes of something else and then n such pictures' samples. */
bool images_end(const struct wire *, size_t before, const struct image *form, uint32_t n);
/* The samples of one picture, and the next one in the arena. */
void image_samples_put(struct buf *, const struct image *);
MUST bool image_samples_read(
    struct ctx *, struct wire *, const struct image *form, struct image *ret);

/* ---- Likeness ---------------------------------------------------------------------------- */

/* Decibels; INFINITY for equal pictures. Both have one size. */
double image_psnr(const struct image *, const struct image *);
/*
 * Mean structural similarity over channels: Gaussian window of 11 (7 where the smaller side is
 * below 64) and deviation 1.5, K1 .01, K2 .03.
 */
double image_ssim(const struct image *, const struct image *);

/* ---- Cosine transforms ------------------------------------------------------------------- */

/* Orthonormal DCT-II of side x side numbers (side 2 to 64), and back; may be in place. */
void image_dct(int side, const double *from, double *to);
void image_dct_back(int side, const double *from, double *to);
/* Red, green, blue to luminance and chroma (JPEG's own, 0 to 255) and back, for one pixel. */
void image_to_ycc(const double rgb[3], double ycc[3]);
void image_to_rgb(const double ycc[3], double rgb[3]);

/* ---- As a camera would see it ------------------------------------------------------------ */

/* All zero but scale and gain, which are 1: nothing happens, and the picture stays as it is. */
struct image_view {
	double scale;            /* above 1: nearer */
	double roll, yaw, pitch; /* degrees */
	double gain, offset;     /* brightness, offset on a scale of 0 to 1 */
	double gamma;            /* 0 or 1: none */
	double blur;             /* deviation in pixels */
	double noise;            /* deviation on a scale of 0 to 1 */
};
/* The picture plane turned about its centre; pixels from outside repeat the edge. `to` has one size
 * with `from` and other pixels. */
void image_warp(
    const struct image *from, const struct image_view *, uint64_t seed, const struct image *to);
/*
 * A view by chance: each of distance (.5 to 1.2), turn (15 degrees), yaw and pitch (30), brightness
 * (.6 to 1.4, offset .05) and noise (up to .05) with probability 1/2.
 */
struct image_view image_view_random(uint64_t seed);

#endif
