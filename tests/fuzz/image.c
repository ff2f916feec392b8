/*
 * Any bytes as a picture. What is refused must be refused with a sentence; what is read must be
 * within limits, the same twice, of the size that was announced, and come back from a PNG of ours.
 */
#include "fuzz.h"
#include "image.h"

const size_t target_memory = 16 << 20;

static bool
same(const struct image *a, const struct image *b)
{
	return a->width == b->width && a->height == b->height && a->channels == b->channels &&
	    memcmp(a->v, b->v, image_bytes(a)) == 0;
}

static void
again(struct ctx *c, struct str bytes, const struct image *first)
{
	struct image i;
	struct str file;
	bool lossless;

	must(image_read(c, bytes, first->channels, &i, NULL), "not read twice", c);
	must(same(&i, first), "another picture the second time", c);
	must(image_png(c, &i, &file), "not written", c);
	must(image_read(c, file, 0, &i, &lossless), "our own not read", c);
	must(same(&i, first) && lossless, "our own is another picture", c);
	if (image_read(c, bytes, 4 - first->channels, &i, NULL))
		must(i.channels == 4 - first->channels, "other channels", c);
	else
		refused(c);
}

static void
read_it(struct ctx *c, struct str bytes)
{
	int width = 0, height = 0;
	bool outlined = image_size(c, bytes, &width, &height);
	struct image i;

	if (!outlined)
		refused(c);
	if (!image_read(c, bytes, 0, &i, NULL)) {
		refused(c);
		return;
	}
	must(outlined && i.width == width && i.height == height, "not as announced", c);
	must(i.width >= 1 && i.width <= IMAGE_SIDE_MAX, "too wide", c);
	must(i.height >= 1 && i.height <= IMAGE_SIDE_MAX, "too high", c);
	must(i.channels == 1 || i.channels == 3, "odd channels", c);
	if (image_bytes(&i) < 1 << 20)
		again(c, bytes, &i);
}

static uint32_t
sum_of(const uint8_t *p, size_t n)
{
	uint32_t sum = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		sum ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
	}
	return ~sum;
}

/* A fuzzer does not guess check sums: the same chunks with the right ones. */
static void
mend(uint8_t *p, size_t n)
{
	for (size_t at = 8; n - at >= 12;) {
		const size_t body = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 |
		    (size_t)p[at + 2] << 8 | p[at + 3];
		uint32_t sum;

		if (body > n - at - 12)
			return;
		sum = sum_of(p + at + 4, body + 4);
		at += 8 + body;
		for (int i = 0; i < 4; i++)
			p[at++] = (uint8_t)(sum >> (24 - 8 * i));
	}
}

void
target(struct ctx *c, struct str bytes)
{
	char *mended;

	read_it(c, bytes);
	if (!str_starts(bytes, STR("\x89PNG\r\n\x1a\n")))
		return;
	/* Of exactly this size, so that one byte too far is seen. */
	mended = malloc(bytes.n);
	must(mended != NULL, "memory", c);
	memcpy(mended, bytes.p, bytes.n);
	mend((uint8_t *)mended, bytes.n);
	read_it(c, (struct str){ mended, bytes.n });
	free(mended);
}
