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
uint32_t stego_release(const struct id *release);

/* The keys of one watermark: where things are hidden, and what proves who hid them. */
struct stego_keys {
	struct key256 order, white, mac;
};
/* From the watermark's secret. */
MUST bool stego_keys_of(struct ctx *, const struct key256 *secret, struct stego_keys *ret);

/*
 * Bytes of payload and code that the carrier holds in a picture of this size, 0 if the picture is
 * too small for it (lsb: 784 samples; dct: a side of 64).
 */
size_t stego_capacity(enum stego_carrier, const struct image *);
/* E_INPUT if it is too small. The base picture stays as it is. */
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
 * Looks for the payload of this customer (and serial, for dct, whose payload is only as long as
 * that: there `claim` says all of it, and the picture confirms or denies it) in a picture. `base`:
 * the picture before it was hidden, for dct; NULL: looked for blindly. For lsb, *ret is what the
 * picture says, whatever `claim` says of release, serial and times; the release is compared.
 * *ret_repaired: bytes that the code has mended.
 */
MUST bool stego_extract(struct ctx *, enum stego_carrier, const struct stego_keys *,
    const struct image *, const struct image *base, const struct stego_payload *claim,
    enum stego_found *ret_found, struct stego_payload *ret, int *ret_repaired);

/* Seven upper bit planes and the size: what an lsb payload is bound to. */
MUST bool stego_picture_digest(struct ctx *, const struct image *, struct digest256 *ret);
/* Size and every sample: which picture it is, to the last bit. */
MUST bool stego_pixels_digest(struct ctx *, const struct image *, struct digest256 *ret);

#endif
