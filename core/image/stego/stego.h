/*
 * stego: a customer's identity inside a picture. Two carriers behind one interface: `lsb` fills the
 * lowest bit of every sample, bears whatever a lossless file bears and is bound to all other bits
 * of the picture; `dct` is spread over coefficients of the luminance and survives JPEG. Without the
 * key there is nothing to be seen in either: who reads with another key finds an empty picture.
 */
#ifndef STEGO_H
#define STEGO_H

#include "crypto.h"
#include "image.h"

enum stego_carrier { STEGO_LSB, STEGO_DCT };
const char *stego_carrier_name(enum stego_carrier); /* "lsb", "dct" */

/* What is hidden. Times in whole seconds; expires 0: never. */
struct stego_payload {
	uint32_t release;  /* stego_release of its id */
	uint32_t customer; /* the customer's number */
	uint32_t serial;   /* of the key image */
	int64_t issued, expires;
};
/* The last 32 bits of the id, which are random. */
uint32_t stego_release(const struct id *release);

/* The keys of one watermark: where things are hidden, and what proves who hid them. */
struct stego_keys {
	struct key256 order, white, mac;
};
/* From the watermark's secret. Whoever holds them ends them with stego_keys_done. */
MUST bool stego_keys_of(struct ctx *, const struct key256 *secret, struct stego_keys *ret);
void stego_keys_done(struct stego_keys *);

/*
 * Bytes of payload and code that the carrier holds in a picture of this size; 0: the picture is too
 * small for it (lsb: 784 samples; dct: both sides 64) or, lsb, has more than 2^22 samples.
 */
size_t stego_capacity(enum stego_carrier, const struct image *);
/*
 * E_INPUT if there is no capacity, or a time lies outside of 1970 to 2106. The base picture stays
 * as it is; *ret is of its size, in the arena. Same arguments, same picture, to the last bit.
 */
MUST bool stego_embed(struct ctx *, enum stego_carrier, const struct stego_keys *,
    const struct image *base, const struct stego_payload *, struct image *ret);

/* What was found, in words for people in stego_found_name. */
enum stego_found {
	STEGO_NONE,    /* no payload of this watermark for this customer */
	STEGO_DAMAGED, /* there was one, but too much of it is gone */
	STEGO_FORGED, /* one that does not belong to this picture, or that another key has made */
	STEGO_OTHER_RELEASE,
	STEGO_FOUND,
};
const char *stego_found_name(enum stego_found);

/*
 * Looks for the payload of the claim's customer in a picture. *ret is what the picture says, to be
 * believed only if it was found or is another release's, and all zeros where nothing could be read;
 * *ret_repaired: bytes that the code has mended. A picture without capacity, or of another size
 * than `base`, bears nothing.
 *
 * lsb: of `claim`, only customer and release are looked at. A word that cannot be mended counts as
 * damaged if 62 of the 88 bits that magic, version, release and customer should have are there (or
 * as improbably many of all words: by chance 1 in 10,000).
 * dct: has no room but for customer and a MAC; `claim` says everything, and the picture confirms or
 * denies it: another release, serial or time is STEGO_FORGED. `base`: the picture before it was
 * hidden, which the other must look like; NULL: looked for blindly (a hundred pixels a side and
 * more), and what has been moved onto another picture is not noticed.
 */
MUST bool stego_extract(struct ctx *, enum stego_carrier, const struct stego_keys *,
    const struct image *, const struct image *base, const struct stego_payload *claim,
    enum stego_found *ret_found, struct stego_payload *ret, int *ret_repaired);

/* ---- Signals ----------------------------------------------------------------------------- */

/* More samples than this no picture and no signal has that carries something in lowest bits. */
enum { STEGO_SIGNAL_MAX = 4 << 20 };

/* Samples of 16 bits, channel after channel; their lowest bits carry what those of lsb do. */
struct stego_signal {
	int channels, points;
	int16_t *v; /* in an arena, or the caller's */
};
/* As of pictures: 0 below 784 samples. */
size_t stego_signal_capacity(const struct stego_signal *);
MUST bool stego_signal_embed(struct ctx *, const struct stego_keys *,
    const struct stego_signal *base, const struct stego_payload *, struct stego_signal *ret);
/* Of the claim, only customer and release are looked at. */
MUST bool stego_signal_extract(struct ctx *, const struct stego_keys *,
    const struct stego_signal *, const struct stego_payload *claim, enum stego_found *ret_found,
    struct stego_payload *ret, int *ret_repaired);

/* ---- Which picture ----------------------------------------------------------------------- */

/* Seven upper bit planes and the size: what an lsb payload is bound to. */
MUST bool stego_picture_digest(struct ctx *, const struct image *, struct digest256 *ret);
/* Size and every sample: which picture it is, to the last bit. */
MUST bool stego_pixels_digest(struct ctx *, const struct image *, struct digest256 *ret);

#endif
