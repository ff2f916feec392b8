/*
 * Which channel is which: by the direction of the weights that lead to it.
 */
#include <math.h>

#include "aligning.h"

bool
place_new(struct ctx *c, struct place *p, int64_t ours, int64_t theirs)
{
	p->first = take(c, (size_t)ours * sizeof *p->first);
	p->part = take(c, (size_t)(ours + theirs) * sizeof *p->part);
	if (p->first == NULL || p->part == NULL)
		return false;
	for (int64_t i = 0; i < ours; i++)
		p->first[i] = -1;
	return true;
}

void
place_put(struct place *p, int64_t ours, int64_t theirs, float share)
{
	p->part[p->parts] = (struct part){ theirs, p->first[ours], share };
	p->first[ours] = p->parts++;
}

/* Behind the first, against which shares are told. */
static void
part_add(struct place *p, int64_t ours, int64_t theirs, float share)
{
	struct part *first = &p->part[p->first[ours]];

	p->part[p->parts] = (struct part){ theirs, first->next, share };
	first->next = p->parts++;
}

/* All rows of the suspect over the original's inputs, the bias behind each. */
MUST static bool
rows_read(struct ctx *c, struct aligning *a, size_t layer, int64_t *ret_width, float **ret)
{
	const struct layer *l = &a->of.layer[layer], *s = &a->sus.layer[layer];
	int64_t width = l->in * l->k + 1;
	float *rows = take(c, (size_t)(s->out * width) * sizeof *rows);

	if (rows == NULL)
		return false;
	for (int64_t o = 0; o < s->out; o++) {
		if (!row_read(c, a, layer, o, rows + o * width))
			return false;
		rows[o * width + width - 1] = s->b[o];
	}
	*ret_width = width;
	*ret = rows;
	return true;
}

/* The best pair that is left, again and again, down to a likeness. */
static void
match_best(
    struct place *p, const float *like, float least, int64_t ours, int64_t theirs, bool *taken)
{
	for (;;) {
		int64_t best = -1;

		for (int64_t i = 0; i < ours; i++)
			for (int64_t j = 0; p->first[i] < 0 && j < theirs; j++)
				if (!taken[j] &&
				    (best < 0 || like[i * theirs + j] > like[best]))
					best = i * theirs + j;
		if (best < 0 || like[best] <= least)
			return;
		place_put(p, best / theirs, best % theirs, 1);
		taken[best % theirs] = true;
	}
}

/*
 * What is sure; then what has little of its direction left is taken to be where it was, if nobody
 * else is there; then the rest.
 */
static void
match(struct place *p, const float *like, int64_t ours, int64_t theirs, bool *taken)
{
	const float sure = .5F;

	match_best(p, like, sure, ours, theirs, taken);
	for (int64_t i = 0; i < ours && i < theirs; i++)
		if (p->first[i] < 0 && !taken[i]) {
			place_put(p, i, i, 1);
			taken[i] = true;
		}
	match_best(p, like, 0, ours, theirs, taken);
}

/* Channels that do what a matched one does, at another strength, are parts of it. */
static void
merge(struct aligning *a, struct place *p, const float *rows, int64_t width, int64_t ours,
    int64_t theirs, bool *taken)
{
	const double same = 1 - 1e-6;

	for (int64_t j = 0; j < theirs; j++)
		for (int64_t i = 0; !taken[j] && i < ours; i++) {
			const float *mine, *other = rows + j * width;

			if (p->first[i] < 0)
				continue;
			mine = rows + p->part[p->first[i]].channel * width;
			if (cosine(mine, other, width) < same)
				continue;
			part_add(p, i, j,
			    (float)sqrt(
				product(other, other, width) / product(mine, mine, width)));
			taken[j] = true;
			a->report->merged++;
		}
}

bool
order_find(struct ctx *c, struct aligning *a, size_t layer, struct place *p)
{
	const struct layer *l = &a->of.layer[layer], *s = &a->sus.layer[layer];
	float *rows, *like = take(c, (size_t)(l->out * s->out) * sizeof *like);
	bool *taken = take(c, (size_t)s->out);
	float *mine;
	int64_t width;

	if (like == NULL || taken == NULL || !place_new(c, p, l->out, s->out) ||
	    !rows_read(c, a, layer, &width, &rows))
		return false;
	mine = take(c, (size_t)width * sizeof *mine);
	if (mine == NULL)
		return false;
	memset(taken, 0, (size_t)s->out);
	for (int64_t i = 0; i < l->out; i++) {
		memcpy(mine, l->w + i * l->in * l->k, (size_t)(width - 1) * sizeof *mine);
		mine[width - 1] = l->b[i];
		for (int64_t j = 0; j < s->out; j++)
			like[i * s->out + j] = (float)cosine(mine, rows + j * width, width);
	}
	match(p, like, l->out, s->out, taken);
	merge(a, p, rows, width, l->out, s->out, taken);
	for (int64_t j = 0; j < s->out; j++)
		a->report->dropped += !taken[j];
	p->found = true;
	return true;
}
