/*
 * Pictures turned upright from any of the eight ways in which EXIF says they are stored.
 */
#include "parts.h"

/* Where a sample of the upright picture is stored. */
static const struct {
	bool swap, flip_x, flip_y;
} turns[] = {
	[1] = { false, false, false },
	[2] = { false, true, false },
	[3] = { false, true, true },
	[4] = { false, false, true },
	[5] = { true, false, false },
	[6] = { true, false, true },
	[7] = { true, true, true },
	[8] = { true, true, false },
};

bool
image_turn(struct ctx *c, const struct image *from, int turn, struct image *ret)
{
	const bool swap = turns[turn].swap;
	struct image to;
	uint8_t *v;

	if (turn == 1) {
		*ret = *from;
		return true;
	}
	if (!image_new(c, swap ? from->height : from->width, swap ? from->width : from->height,
		from->channels, &to))
		return false;
	v = to.v;
	for (int y = 0; y < to.height; y++)
		for (int x = 0; x < to.width; x++) {
			int sx = swap ? y : x, sy = swap ? x : y;

			sx = turns[turn].flip_x ? from->width - 1 - sx : sx;
			sy = turns[turn].flip_y ? from->height - 1 - sy : sy;
			for (int k = 0; k < to.channels; k++)
				*v++ = from->v[((size_t)sy * (size_t)from->width + (size_t)sx) *
					(size_t)to.channels +
				    (size_t)k];
		}
	*ret = to;
	return true;
}
