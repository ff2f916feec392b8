/*
 * Marks laid and traced in memory; see attack_marks.h. Tracing follows the owner's rule: deviations
 * from the original in standard deviations, cut at four robust deviations of their layer, summed
 * by table entry.
 */
#include "attack_marks.h"

enum { CUT = 4 };
#define MAD_TO_SIGMA 1.4826 /* of a normal distribution */

void
marks_done(struct marks *m)
{
	for (size_t i = 0; i < m->n; i++)
		mark_walk_free(&m->walk[i]);
	m->n = 0;
}

bool
marks_new(
    struct ctx *c, const struct attack *a, uint32_t *const table[], size_t n, struct marks *ret)
{
	const struct attack_case *on = a->on;
	owned(marks_done) struct marks m = { 0 };

	for (; m.n < n; m.n++)
		if (!mark_walk_new(
			c, str_of(on->release_id.s), on->terms, table[m.n], &m.walk[m.n]))
			return false;
	*ret = m;
	m.n = 0;
	return true;
}

void
table_done(uint32_t **t)
{
	free(*t);
	*t = NULL;
}

bool
marks_table(struct ctx *c, const struct attack *a, uint32_t **ret)
{
	uint32_t *t = calloc((size_t)1 << a->on->terms->log_l, sizeof *t);

	if (t == NULL)
		return fail(c, E_MEMORY, "no memory for a table");
	*ret = t;
	return true;
}

static double
deviation(const float v[], int64_t n)
{
	double sum = 0, squares = 0;

	for (int64_t i = 0; i < n; i++)
		sum += v[i];
	sum /= (double)n;
	for (int64_t i = 0; i < n; i++)
		squares += (v[i] - sum) * (v[i] - sum);
	return sqrt(squares / (double)n);
}

/* As the sealed lock has it: what is trained and has two dimensions. */
static bool
carries_mark(const struct nn_weight *w)
{
	int wide = 0;

	for (int i = 0; i < w->rank; i++)
		wide += w->dim[i] > 1;
	return w->trainable && !w->constant && wide >= 2;
}

bool
marks_arrays(struct ctx *c, const struct attack *a, struct marked **ret, size_t *ret_n)
{
	size_t n, found = 0;
	struct nn_weight *w = attack_weights(a, &n);
	struct marked *all = take(c, (n + 1) * sizeof *all);

	if (all == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct marked m = { protect_kept(a->on->plain, i), w[i].data, w[i].count, 0 };

		m.sigma = carries_mark(&w[i]) ? deviation(m.plain, m.n) : 0;
		if (m.sigma > 0)
			all[found++] = m;
	}
	*ret = all;
	*ret_n = found;
	return true;
}

void
sums_done(double **s)
{
	free(*s);
	*s = NULL;
}

/* The deviations of one array, each in its array's robust deviations. */
static void
robust(const struct marked *m, float d[], float room[])
{
	struct spread s;
	double unit;

	for (int64_t i = 0; i < m->n; i++)
		d[i] = (float)((m->now[i] - m->plain[i]) / m->sigma);
	memcpy(room, d, (size_t)m->n * sizeof *room);
	s = spread_of(room, m->n);
	unit = MAD_TO_SIGMA * s.mad;
	for (int64_t i = 0; i < m->n; i++) {
		double v = unit > 0 ? d[i] / unit : 0;

		d[i] = (float)(v > CUT ? CUT : v < -CUT ? -CUT : v);
	}
}

MUST static bool
gather(struct ctx *c, struct mark_walk *walk, const struct marked *m, double sums[])
{
	owned(floats_done) float *d = NULL, *room = NULL;

	if (!attack_floats(c, m->n, &d) || !attack_floats(c, m->n, &room))
		return false;
	robust(m, d, room);
	return mark_gather(c, walk, d, (size_t)m->n, sums);
}

bool
marks_sums(struct ctx *c, const struct attack *a, double **ret)
{
	owned(sums_done) double *sums = calloc((size_t)1 << a->on->terms->log_l, sizeof *sums);
	owned(marks_done) struct marks walk = { 0 };
	struct marked *m = NULL;
	size_t n = 0;

	if (sums == NULL)
		return fail(c, E_MEMORY, "no memory for the sums of a table");
	if (!marks_arrays(c, a, &m, &n) ||
	    !marks_new(c, a, (uint32_t *const[]){ NULL }, 1, &walk))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!gather(c, walk.walk[0], &m[i], sums))
			return false;
	*ret = steal(sums);
	return true;
}
