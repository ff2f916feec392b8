/*
 * How much larger the suspect's channels are, where a scale could be undone behind them.
 */
#include <math.h>

#include "aligning.h"

struct ratio {
	float value, weight;
};

static int
ratio_order(const void *a, const void *b)
{
	float x = ((const struct ratio *)a)->value, y = ((const struct ratio *)b)->value;

	return (x > y) - (x < y);
}

/*
 * How much larger a row is: the middle one of the ratios of its numbers, each counting as much as
 * it is large. What was set to zero says nothing.
 */
static float
row_scale(const float *mine, const float *other, int64_t n, struct ratio *room)
{
	double all = 0, half = 0;
	int64_t left = 0;

	for (int64_t i = 0; i < n; i++)
		if (mine[i] != 0 && other[i] != 0) {
			room[left++] = (struct ratio){ other[i] / mine[i], fabsf(mine[i]) };
			all += (double)fabsf(mine[i]);
		}
	qsort(room, (size_t)left, sizeof *room, ratio_order);
	for (int64_t i = 0; i < left; i++) {
		half += (double)room[i].weight;
		if (2 * half >= all)
			return room[i].value > 0 && isfinite(room[i].value) ? room[i].value : 1;
	}
	return 1;
}

/* Nobody scales by a little: where most channels keep their scale, that is training. */
static void
scales_settle(struct aligning *a, float *scale, int64_t n)
{
	int64_t kept = 0;

	for (int64_t i = 0; i < n; i++)
		kept += fabsf(scale[i] - 1) < .1F;
	for (int64_t i = 0; i < n; i++) {
		if (10 * kept >= 9 * n)
			scale[i] = 1;
		a->report->rescaled += scale[i] != 1;
	}
}

bool
scale_find(struct ctx *c, struct aligning *a, size_t layer, int n, int64_t ours)
{
	const struct layer *l = &a->of.layer[layer];
	int space = space_scale(&a->of, l->to.space[n]);
	int64_t size = a->of.space[l->to.space[n]].size, width = l->in * l->k + 1;
	bool free_scale = !a->of.space[space].unscaled &&
	    !a->of.space[space_order(&a->of, l->to.space[n])].fixed;
	const float *w = a->w[layer], *b = a->b[layer];
	struct ratio *room;
	float *mine, *other;

	if (a->scale[space] != NULL || !free_scale)
		return true;
	room = take(c, (size_t)width * sizeof *room);
	mine = take(c, (size_t)(2 * width) * sizeof *mine);
	a->scale[space] = take(c, (size_t)size * sizeof **a->scale);
	if (room == NULL || mine == NULL || a->scale[space] == NULL)
		return false;
	other = mine + width;
	for (int64_t i = 0; i < size; i++) {
		size_t bytes = (size_t)(width - 1) * sizeof *mine;

		memcpy(mine, l->w + (ours + i) * (width - 1), bytes);
		memcpy(other, w + (ours + i) * (width - 1), bytes);
		mine[width - 1] = l->b[ours + i];
		other[width - 1] = b[ours + i];
		a->scale[space][i] = row_scale(mine, other, width, room);
	}
	scales_settle(a, a->scale[space], size);
	return true;
}
