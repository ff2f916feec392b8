/*
 * How good a recogniser is: point by point, event by event, and over all thresholds.
 */
#include "parts.h"

enum { TOLERANCE = SFERIC_RATE / 2000 }; /* half a millisecond */

/* ---- Shares ------------------------------------------------------------------------------ */

static double
share(int64_t part, int64_t of)
{
	return of > 0 ? (double)part / (double)of : 1;
}

double
sferic_precision(const struct sferic_count *n)
{
	return share(n->hits, n->hits + n->false_ones);
}

double
sferic_recall(const struct sferic_count *n)
{
	return share(n->hits, n->hits + n->missed);
}

double
sferic_f1(const struct sferic_count *n)
{
	return share(2 * n->hits, 2 * n->hits + n->false_ones + n->missed);
}

double
sferic_iou(const struct sferic_count *n)
{
	return share(n->hits, n->hits + n->false_ones + n->missed);
}

struct sferic_count
sferic_constant(const struct sferic_score *s)
{
	return (struct sferic_count){ .hits = s->marked, .false_ones = s->points - s->marked };
}

/* ---- Counting ---------------------------------------------------------------------------- */

static void
add(struct sferic_count *to, const struct sferic_count *n)
{
	to->hits += n->hits;
	to->false_ones += n->false_ones;
	to->missed += n->missed;
}

/* The next run of marked points from *end on, [*from, *end). */
static bool
next_run(const uint8_t y[SFERIC_POINTS], int *from, int *end)
{
	for (*from = *end; *from < SFERIC_POINTS && y[*from] == 0; ++*from)
		;
	for (*end = *from; *end < SFERIC_POINTS && y[*end] == 1; ++*end)
		;
	return *from < SFERIC_POINTS;
}

/* Runs of the one that have some of the other within the tolerance. */
static void
count_runs(const uint8_t y[SFERIC_POINTS], const uint8_t other[SFERIC_POINTS], int64_t *ret_met,
    int64_t *ret_not)
{
	for (int from, end = 0; next_run(y, &from, &end);) {
		int low = from > TOLERANCE ? from - TOLERANCE : 0;
		int high = end + TOLERANCE < SFERIC_POINTS ? end + TOLERANCE : SFERIC_POINTS;

		if (memchr(other + low, 1, (size_t)(high - low)) != NULL)
			++*ret_met;
		else
			++*ret_not;
	}
}

static int
band_of(double snr)
{
	int band = (int)((snr - SFERIC_LOWEST) / (SFERIC_HIGHEST - SFERIC_LOWEST) *
	    SFERIC_BANDS);

	return band < 0 ? 0 : band < SFERIC_BANDS ? band : SFERIC_BANDS - 1;
}

void
sferic_score_add(
    struct sferic_score *s, const struct sferic_window *w, const float p[SFERIC_POINTS])
{
	struct sferic_count point = { 0 }, event = { 0 };
	uint8_t said[SFERIC_POINTS];
	int band = band_of(w->snr);
	int64_t met = 0;

	for (int i = 0; i < SFERIC_POINTS; i++) {
		int bin = (int)(p[i] * SFERIC_BINS);

		said[i] = p[i] > .5f;
		s->said[w->y[i]][bin < SFERIC_BINS ? bin : SFERIC_BINS - 1]++;
		s->marked += w->y[i];
		point.hits += said[i] && w->y[i];
		point.false_ones += said[i] && !w->y[i];
		point.missed += !said[i] && w->y[i];
	}
	s->windows++;
	s->points += SFERIC_POINTS;
	count_runs(w->y, said, &event.hits, &event.missed);
	count_runs(said, w->y, &met, &event.false_ones);
	add(&s->point, &point);
	add(&s->event, &event);
	add(&s->point_of[band], &point);
	add(&s->event_of[band], &event);
}

double
sferic_pr_area(const struct sferic_score *s)
{
	struct sferic_count n = { .missed = s->marked };
	double area = 0;

	for (int bin = SFERIC_BINS - 1; bin >= 0; bin--) {
		n.hits += s->said[1][bin];
		n.missed -= s->said[1][bin];
		n.false_ones += s->said[0][bin];
		area += sferic_precision(&n) * (double)s->said[1][bin];
	}
	return s->marked > 0 ? area / (double)s->marked : 1;
}

struct sferic_count
sferic_best(const struct sferic_score *s, double *ret_threshold)
{
	struct sferic_count n = { .missed = s->marked }, best = n;

	*ret_threshold = 1;
	for (int bin = SFERIC_BINS - 1; bin >= 0; bin--) {
		n.hits += s->said[1][bin];
		n.missed -= s->said[1][bin];
		n.false_ones += s->said[0][bin];
		if (sferic_f1(&n) > sferic_f1(&best)) {
			best = n;
			*ret_threshold = (double)bin / SFERIC_BINS;
		}
	}
	return best;
}

/* ---- A network --------------------------------------------------------------------------- */

enum { AT_ONCE = 16 };

MUST static bool
measure_some(struct ctx *c, struct nn_plan *p, uint64_t seed, int64_t at, int64_t n,
    struct sferic_score *s)
{
	float *x = malloc(AT_ONCE * SFERIC_ROW * sizeof *x);
	struct sferic_window *w = calloc((size_t)n, sizeof *w);
	const void *input[] = { x };
	bool ok = x != NULL && w != NULL;

	if (!ok)
		ok = fail(c, E_MEMORY, "no memory for windows");
	for (int64_t i = 0; ok && i < AT_ONCE; i++) {
		/* Behind the last windows, the last once more. */
		if (i < n)
			sferic_window(seed, (uint64_t)(at + i), 1, &w[i]);
		memcpy(x + i * SFERIC_ROW, w[i < n ? i : n - 1].x, sizeof w->x);
	}
	ok = ok && nn_forward(c, p, input);
	for (int64_t i = 0; ok && i < n; i++)
		sferic_score_add(
		    s, &w[i], (const float *)nn_plan_output(p, 0)->data + i * SFERIC_POINTS);
	free(x);
	free(w);
	return ok;
}

bool
sferic_measure(struct ctx *c, struct nn_graph *g, uint64_t seed, int64_t n, int threads,
    struct sferic_score *ret)
{
	const struct nn_options o = { .mode = NN_INFER, .batch = AT_ONCE, .threads = threads };
	owned(nn_plan_free) struct nn_plan *p = NULL;
	const struct nn_tensor *out;

	if (!nn_plan_new(c, g, &o, &p))
		return false;
	out = nn_plan_output(p, 0);
	if (nn_count(nn_plan_input(p, 0)) != AT_ONCE * SFERIC_ROW || out->type != NN_FLOAT ||
	    nn_count(out) != AT_ONCE * SFERIC_POINTS)
		return fail(c, E_INPUT, "the model is none that marks windows of %d points",
		    SFERIC_POINTS);
	*ret = (struct sferic_score){ 0 };
	for (int64_t at = 0; at < n; at += AT_ONCE)
		if (!measure_some(c, p, seed, at, n - at < AT_ONCE ? n - at : AT_ONCE, ret))
			return false;
	return true;
}
