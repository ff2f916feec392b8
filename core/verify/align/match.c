/*
 * Which channel is which: by the direction of the weights that lead to it. Time is bounded whatever
 * the suspect is like: of wide rows so many columns are looked at as there is work for, and pairs
 * are taken from a sorted list.
 */
#include <math.h>

#include "aligning.h"

#define WORK 2e9            /* products for a layer, about */
#define PAIRS_MAX (1 << 26) /* of channels */
enum { COLUMNS_MIN = 32, LANES = 16 };

struct pair {
	float like;
	uint32_t at; /* in like */
};

/* One layer's channels, ours against theirs. On the heap: it is needed for a moment only. */
struct matching {
	int64_t ours, theirs, width; /* width: of a row, its bias included */
	float *mine, *rows;          /* all rows, over the original's inputs */
	float *my_ways, *ways;       /* their directions, over some columns */
	float *like;                 /* cosines, [ours][theirs] */
	struct pair *pair;           /* room for all */
	bool *taken;
};

static void
matching_done(struct matching *m)
{
	free(m->mine);
	free(m->rows);
	free(m->my_ways);
	free(m->ways);
	free(m->like);
	free(m->pair);
	free(m->taken);
}

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

MUST static bool
no_memory(struct ctx *c)
{
	return fail(c, E_MEMORY, "no memory to match channels");
}

/* ---- How alike --------------------------------------------------------------------------- */

/* All rows of both over the original's inputs, the bias behind each. */
MUST static bool
rows_read(struct ctx *c, struct aligning *a, size_t layer, struct matching *m)
{
	const struct layer *l = &a->of.layer[layer], *s = &a->sus.layer[layer];
	int64_t width = l->in * l->k + 1;

	m->width = width;
	m->mine = malloc((size_t)(m->ours * width) * sizeof *m->mine);
	m->rows = malloc((size_t)(m->theirs * width) * sizeof *m->rows);
	if (m->mine == NULL || m->rows == NULL)
		return no_memory(c);
	for (int64_t o = 0; o < m->ours; o++) {
		memcpy(m->mine + o * width, l->w + o * (width - 1),
		    (size_t)(width - 1) * sizeof *m->mine);
		m->mine[o * width + width - 1] = l->b[o];
	}
	for (int64_t o = 0; o < m->theirs; o++) {
		if (!row_read(c, a, layer, o, m->rows + o * width))
			return false;
		m->rows[o * width + width - 1] = s->b[o];
	}
	return true;
}

/*
 * Rows of length one, over every so manyth column, filled up with zeros to whole lanes; a row that
 * is nothing stays so.
 */
MUST static bool
directions(struct ctx *c, const float *rows, int64_t n, int64_t width, int64_t step,
    int64_t columns, float **ret)
{
	float *d = calloc((size_t)(n * columns), sizeof *d);

	*ret = d;
	if (d == NULL)
		return no_memory(c);
	for (int64_t i = 0; i < n; i++) {
		const float *row = rows + i * width;
		double sum = 0;

		/* From the end, where the bias is. */
		for (int64_t k = 0, at = width - 1; at >= 0; at -= step, k++) {
			d[i * columns + k] = row[at];
			sum += (double)row[at] * (double)row[at];
		}
		for (int64_t k = 0; sum > 0 && k < columns; k++)
			d[i * columns + k] = (float)((double)d[i * columns + k] / sqrt(sum));
	}
	return true;
}

/* In lanes, as one addition has to wait for the one before it. */
static float
lanes_product(const float *a, const float *b, int64_t n)
{
	float lane[LANES] = { 0 }, sum = 0;

	for (int64_t i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] += a[i + j] * b[i + j];
	for (int j = 0; j < LANES; j++)
		sum += lane[j];
	return sum;
}

MUST static bool
likes_find(struct ctx *c, struct matching *m)
{
	double pairs = (double)m->ours * (double)m->theirs;
	int64_t most = (int64_t)fmax(COLUMNS_MIN, WORK / pairs);
	int64_t step = (m->width + most - 1) / most;
	int64_t columns = ((m->width + step - 1) / step + LANES - 1) / LANES * LANES;

	if (pairs > PAIRS_MAX)
		return fail(
		    c, E_LIMIT, "%.0f pairs of channels are too many to be compared", pairs);
	m->like = malloc((size_t)pairs * sizeof *m->like);
	m->pair = malloc((size_t)pairs * sizeof *m->pair);
	if (m->like == NULL || m->pair == NULL)
		return no_memory(c);
	if (!directions(c, m->mine, m->ours, m->width, step, columns, &m->my_ways) ||
	    !directions(c, m->rows, m->theirs, m->width, step, columns, &m->ways))
		return false;
	for (int64_t i = 0; i < m->ours; i++)
		for (int64_t j = 0; j < m->theirs; j++)
			m->like[i * m->theirs + j] = lanes_product(
			    m->my_ways + i * columns, m->ways + j * columns, columns);
	return true;
}

/* ---- Who is who -------------------------------------------------------------------------- */

static int
pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->like != y->like)
		return x->like > y->like ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* The best pair that is left, again and again, down to a likeness. */
static void
match_best(struct matching *m, struct place *p, float least)
{
	size_t n = 0;

	for (int64_t i = 0; i < m->ours; i++)
		for (int64_t j = 0; p->first[i] < 0 && j < m->theirs; j++) {
			int64_t at = i * m->theirs + j;

			if (!m->taken[j] && m->like[at] > least)
				m->pair[n++] = (struct pair){ m->like[at], (uint32_t)at };
		}
	qsort(m->pair, n, sizeof *m->pair, pair_order);
	for (size_t k = 0; k < n; k++) {
		int64_t i = m->pair[k].at / m->theirs, j = m->pair[k].at % m->theirs;

		if (p->first[i] >= 0 || m->taken[j])
			continue;
		place_put(p, i, j, 1);
		m->taken[j] = true;
	}
}

/*
 * What is sure; then what has little of its direction left is taken to be where it was, if nobody
 * else is there; then the rest.
 */
static void
match(struct matching *m, struct place *p)
{
	const float sure = .5F;

	match_best(m, p, sure);
	for (int64_t i = 0; i < m->ours && i < m->theirs; i++)
		if (p->first[i] < 0 && !m->taken[i]) {
			place_put(p, i, i, 1);
			m->taken[i] = true;
		}
	match_best(m, p, 0);
}

/* The channel of the original that a row is most like, of those that have a place. */
static int64_t
nearest(const struct matching *m, const struct place *p, int64_t theirs)
{
	int64_t best = -1;

	for (int64_t i = 0; i < m->ours; i++)
		if (p->first[i] >= 0 &&
		    (best < 0 ||
			m->like[i * m->theirs + theirs] > m->like[best * m->theirs + theirs]))
			best = i;
	return best;
}

/*
 * Channels that nobody has taken but do what a matched one does, at another strength, are parts of
 * it: nearly is enough, as those that were split are trained apart.
 */
static void
merge(struct aligning *a, struct matching *m, struct place *p)
{
	const double same = .95;

	for (int64_t j = 0; j < m->theirs; j++) {
		int64_t i = m->taken[j] ? -1 : nearest(m, p, j);
		const float *first, *other = m->rows + j * m->width;

		if (i < 0)
			continue;
		first = m->rows + p->part[p->first[i]].channel * m->width;
		if (cosine(first, other, m->width) < same)
			continue;
		part_add(p, i, j,
		    (float)sqrt(
			product(other, other, m->width) / product(first, first, m->width)));
		m->taken[j] = true;
		a->report->merged++;
	}
}

bool
order_find(struct ctx *c, struct aligning *a, size_t layer, struct place *p)
{
	owned(matching_done) struct matching m = { .ours = a->of.layer[layer].out,
		.theirs = a->sus.layer[layer].out };

	m.taken = calloc((size_t)m.theirs, sizeof *m.taken);
	if (m.taken == NULL)
		return no_memory(c);
	if (!place_new(c, p, m.ours, m.theirs) || !rows_read(c, a, layer, &m) ||
	    !likes_find(c, &m))
		return false;
	match(&m, p);
	merge(a, &m, p);
	for (int64_t j = 0; j < m.theirs; j++)
		a->report->dropped += !m.taken[j];
	p->found = true;
	return true;
}
