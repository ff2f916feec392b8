/*
 * Pictures and signals as the same thing: samples that have a lowest bit each.
 */
#include "parts.h"

struct lowest
lowest_of_image(const struct image *i)
{
	return (struct lowest){ .n = image_bytes(i),
		.size = { (uint32_t)i->width, (uint32_t)i->height, (uint32_t)i->channels },
		.picture = i->v };
}

struct lowest
lowest_of_signal(const struct stego_signal *s)
{
	return (struct lowest){ .n = (size_t)s->channels * (size_t)s->points,
		.size = { (uint32_t)s->points, 0, (uint32_t)s->channels },
		.signal = s->v };
}

unsigned
lowest_bit(const struct lowest *on, size_t i)
{
	return (on->signal != NULL ? (unsigned)on->signal[i] : on->picture[i]) & 1;
}

void
lowest_bit_put(const struct lowest *on, size_t i, unsigned bit)
{
	if (on->signal != NULL)
		on->signal[i] = (int16_t)((on->signal[i] & ~1) | (int)bit);
	else
		on->picture[i] = (uint8_t)((on->picture[i] & 0xfe) | bit);
}
