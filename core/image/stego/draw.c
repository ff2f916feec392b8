/*
 * What both carriers draw under a key, always the same for the same key: orders in which places are
 * gone through, masks of bytes. Bulk streams of crypto.h, words of 64 bits in little-endian order.
 */
#include <math.h>

#include "parts.h"

enum { WORDS = 512 }; /* drawn at a time */

struct words {
	struct bulk *stream;
	uint64_t word[WORDS];
	size_t used;
};

/* Below q, without bias: the last 2^64 mod q words are drawn again. */
MUST static bool
next_below(struct ctx *c, struct words *w, uint64_t q, uint64_t *ret)
{
	uint64_t rest = (0 - q) % q, v;

	do {
		if (w->used == WORDS) {
			if (!bulk_read(c, w->stream, w->word, sizeof w->word))
				return false;
			w->used = 0;
		}
		v = le64toh(w->word[w->used++]);
	} while (v > UINT64_MAX - rest);
	*ret = v % q;
	return true;
}

static void
words_done(struct words *w)
{
	bulk_free(&w->stream);
	explicit_bzero(w->word, sizeof w->word);
}

/* Fisher and Yates, from the end. */
bool
draw_order(struct ctx *c, const struct key256 *key, const char *tag, uint32_t a, uint32_t n,
    uint32_t **ret)
{
	owned(words_done) struct words w = { .used = WORDS };
	uint32_t *v = take(c, n * sizeof *v);
	uint64_t j;

	if (v == NULL || !bulk_new(c, key, tag, a, 0, &w.stream))
		return false;
	for (uint32_t i = 0; i < n; i++)
		v[i] = i;
	for (uint32_t i = n; i-- > 1;) {
		uint32_t was = v[i];

		if (!next_below(c, &w, (uint64_t)i + 1, &j))
			return false;
		v[i] = v[j];
		v[j] = was;
	}
	*ret = v;
	return true;
}

bool
draw_bytes(struct ctx *c, const struct key256 *key, const char *tag, uint32_t a, size_t n,
    uint8_t **ret)
{
	owned(bulk_free) struct bulk *stream = NULL;
	uint8_t *v = take(c, n);

	if (v == NULL || !bulk_new(c, key, tag, a, 0, &stream) || !bulk_read(c, stream, v, n))
		return false;
	*ret = v;
	return true;
}

bool
bits_agree(size_t agree, size_t n)
{
	return 2 * (double)agree - (double)n >= 3.75 * sqrt((double)n);
}

size_t
bits_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t same = 8 * n;

	for (size_t i = 0; i < n; i++)
		same -= (size_t)__builtin_popcount(a[i] ^ b[i]);
	return same;
}
