/*
 * Error correction by Reed and Solomon, the code of QR codes and discs: bytes as elements of
 * GF(2^8) over the polynomial 0x11d, whose first root is 1 = alpha^0. A code word of 255 bytes is
 * shortened by leaving out zeros in front. With r bytes of code, e wrong bytes at unknown and l at
 * known places can be mended while 2e + l <= r.
 */
#include <fec.h>

#include "parts.h"

struct rs {
	void *code;
	int length, data;
};

void
rs_free(struct rs **r)
{
	if (*r == NULL)
		return;
	if ((*r)->code != NULL)
		free_rs_char((*r)->code);
	free(*r);
	*r = NULL;
}

bool
rs_new(struct ctx *c, int length, int data, struct rs **ret)
{
	owned(rs_free) struct rs *r = calloc(1, sizeof *r);

	if (r == NULL)
		return fail(c, E_MEMORY, "no memory");
	r->length = length;
	r->data = data;
	r->code = init_rs_char(8, 0x11d, 0, 1, length - data, WORD_MAX - length);
	if (r->code == NULL)
		return fail(c, E_MEMORY, "no memory for a code of %d bytes", length);
	*ret = steal(r);
	return true;
}

void
rs_encode(const struct rs *r, uint8_t word[])
{
	encode_rs_char(r->code, word, word + r->data);
}

/* Bytes that differ, and in *ret_found those of them whose place was not known before. */
static int
changes(const uint8_t *a, const uint8_t *b, int n, const int lost[], int losses, int *ret_found)
{
	int changed = 0;

	*ret_found = 0;
	for (int i = 0; i < n; i++) {
		bool known = false;

		for (int k = 0; k < losses; k++)
			known |= lost[k] == i;
		changed += a[i] != b[i];
		*ret_found += a[i] != b[i] && !known;
	}
	return changed;
}

int
rs_mend(const struct rs *r, uint8_t word[], const int lost[], int losses)
{
	int place[WORD_MAX], mended, found; /* the library writes places, too */
	uint8_t was[WORD_MAX];

	memcpy(was, word, (size_t)r->length);
	if (losses > 0)
		memcpy(place, lost, (size_t)losses * sizeof *place);
	if (decode_rs_char(r->code, word, place, losses) >= 0) {
		/* With an odd number of bytes of code, one too many is mended now and then. */
		mended = changes(was, word, r->length, lost, losses, &found);
		if (2 * found + losses <= r->length - r->data)
			return mended;
	}
	memcpy(word, was, (size_t)r->length);
	return -1;
}
