/*
 * What the files of this module share. Not for other modules.
 */
#ifndef STEGO_PARTS_H
#define STEGO_PARTS_H

#include "stego.h"

/* ---- Drawn under a key (draw.c) ---------------------------------------------------------- */

/* A permutation of 0 … n - 1, and `n` bytes, both in the arena and from the bulk stream (a, 0). */
MUST bool draw_order(struct ctx *, const struct key256 *, const char *tag, uint32_t a,
    uint32_t n, uint32_t **ret);
MUST bool draw_bytes(
    struct ctx *, const struct key256 *, const char *tag, uint32_t a, size_t n, uint8_t **ret);

/*
 * Whether so many of n bits that were known beforehand agree that it is no accident. Each agrees
 * with probability 1/2 by chance; the bar is 1.875 standard deviations of 2 * agree - n, twice:
 * 62 of 88 bits (chance 8.0e-5), 86 of 128 (6.4e-5).
 */
bool bits_agree(size_t agree, size_t n);
/* Bits of n bytes in which both agree. */
size_t bits_same(const uint8_t *, const uint8_t *, size_t n);

/* ---- Reed and Solomon (code.c) ----------------------------------------------------------- */

/* A code word: `data` bytes and behind them the code, 255 bytes at most in all. */
enum { WORD_MAX = 255 };
struct rs;
MUST bool rs_new(struct ctx *, int length, int data, struct rs **ret);
void rs_free(struct rs **);
/* Writes the code behind the data. */
void rs_encode(const struct rs *, uint8_t word[]);
/*
 * Mends the word; how many bytes were wrong, or -1 for one beyond repair, which is left as it was.
 * `lost`, of so many: places known to be bad, each of which costs half of an error (NULL, 0: none).
 */
int rs_mend(const struct rs *, uint8_t word[], const int lost[], int losses);

/* ---- Samples with a lowest bit (lowest.c, signal.c) ------------------------------------- */

/* Those of a picture, or of a signal: both are seen as this. */
struct lowest {
	size_t n;
	uint32_t size[3]; /* width, height, channels; points, 0, channels */
	uint8_t *picture; /* exactly one of the two is there */
	int16_t *signal;
};
struct lowest lowest_of_image(const struct image *);
struct lowest lowest_of_signal(const struct stego_signal *);
unsigned lowest_bit(const struct lowest *, size_t i);
void lowest_bit_put(const struct lowest *, size_t i, unsigned bit);
/* Size and every sample, their lowest bit as 0: what a payload in those bits is bound to. */
MUST bool lowest_digest(struct ctx *, const struct lowest *, struct digest256 *ret);

/* ---- The payload of lsb (payload.c) ------------------------------------------------------ */

enum {
	PAYLOAD_KNOWN = 11, /* magic, version, release, customer: what a reader knows before */
	PAYLOAD_SIGNED = 23,
	PAYLOAD_MAC = 16,
	PAYLOAD_SIZE = PAYLOAD_SIGNED + PAYLOAD_MAC + 2,
};
/* As it is hidden in these samples. E_INPUT for times that have no place in 32 bits. */
MUST bool payload_put(struct ctx *, const struct stego_keys *, const struct lowest *,
    const struct stego_payload *, uint8_t to[PAYLOAD_SIZE]);
/* Magic, version and checksum are right. */
bool payload_whole(const uint8_t from[PAYLOAD_SIZE]);
struct stego_payload payload_get(const uint8_t from[PAYLOAD_SIZE]);
/* The bytes that a reader knows beforehand. */
void payload_known(const struct stego_payload *, uint8_t to[PAYLOAD_KNOWN]);
/* Made by who has this key, for these samples. */
MUST bool payload_genuine(struct ctx *, const struct stego_keys *, const struct lowest *,
    const uint8_t from[PAYLOAD_SIZE], bool *ret);
/* E_INPUT for times that have no place in 32 bits. */
MUST bool times_check(struct ctx *, const struct stego_payload *);
uint16_t crc16(struct str); /* CCITT-FALSE: 0x1021 from 0xffff */
void be32_put(uint8_t *to, uint32_t);
uint32_t be32_get(const uint8_t *from);

/* ---- Lowest bits (lsb.c) ----------------------------------------------------------------- */

/* As the carriers below; `to` is a copy of the base. */
size_t lowest_capacity(const struct lowest *);
MUST bool lowest_embed(struct ctx *, const struct stego_keys *, const struct lowest *base,
    const struct stego_payload *, const struct lowest *to);
MUST bool lowest_extract(struct ctx *, const struct stego_keys *, const struct lowest *,
    const struct stego_payload *claim, enum stego_found *, struct stego_payload *,
    int *ret_repaired);

/* ---- The carriers ------------------------------------------------------------------------ */

/* What stego_embed and stego_extract do; `ret` of embed is a copy of the base to be changed. */
typedef size_t carrier_capacity(const struct image *);
typedef bool carrier_embed(struct ctx *, const struct stego_keys *, const struct image *base,
    const struct stego_payload *, struct image *to);
typedef bool carrier_extract(struct ctx *, const struct stego_keys *, const struct image *,
    const struct image *base, const struct stego_payload *claim, enum stego_found *,
    struct stego_payload *, int *ret_repaired);

carrier_capacity lsb_capacity, dct_capacity;
carrier_embed lsb_embed, dct_embed;
carrier_extract lsb_extract, dct_extract;

#endif
