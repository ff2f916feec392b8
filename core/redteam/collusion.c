/*
 * Customers who lay their copies together. Copies of one release differ in their marks alone: a
 * mean, a median or a pick of each weight from several weakens all of them at once, and whoever is
 * still named has to be one of those who had a part in it.
 */
#include <math.h>
#include <stdio.h>

#include "parts.h"

/* ---- Copies ------------------------------------------------------------------------------ */

/* The weights of several copies; the suspect's own are the first. */
struct coalition {
	struct redteam_suspect other[REDTEAM_COLLUDERS];
	struct nn_weight *w[REDTEAM_COLLUDERS];
	int n;
	size_t weights;
};

static void
coalition_done(struct coalition *g)
{
	for (int i = 1; i < g->n; i++)
		redteam_suspect_done(&g->other[i]);
}

MUST static bool
coalition_new(
    struct ctx *c, struct redteam *r, int n, struct redteam_suspect *s, struct coalition *g)
{
	g->w[0] = nn_weights(s->graph, &g->weights);
	for (g->n = 1; g->n < n; g->n++) {
		size_t i = (size_t)g->n, same;

		if (!redteam_suspect_new(c, r, g->n + 1, &g->other[i]))
			return false;
		g->w[i] = nn_weights(g->other[i].graph, &same);
		if (same != g->weights)
			return fail(c, E_INTERNAL, "copies of one release differ in shape");
	}
	s->colluders = n;
	return true;
}

/* ---- C1, C2, C3: one file out of several ------------------------------------------------- */

enum blend { MEAN, MEDIAN, LEAST, MOST, ANY, ANY_ARRAY, BULK, BLENDS };
static const char *const blend_names[BLENDS] = { "mean", "median", "minimum", "maximum",
	"any of each weight", "any of each array", "what is nearest to the layer's bulk" };

static void
sort(float v[], int n)
{
	for (int i = 1; i < n; i++)
		for (int k = i; k > 0 && v[k] < v[k - 1]; k--) {
			float was = v[k];

			v[k] = v[k - 1];
			v[k - 1] = was;
		}
}

static float
mean(const float v[], int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	return (float)(sum / n);
}

/* Of sorted numbers, the one that is nearest to this. */
static float
nearest(const float v[], int n, float to)
{
	float best = v[0];

	for (int i = 1; i < n; i++)
		if (fabsf(v[i] - to) < fabsf(best - to))
			best = v[i];
	return best;
}

/* `bulk` is about where the layer's weights lie; `pick` is the array's own number. */
static float
blend(enum blend how, float v[], int n, float bulk, int64_t pick, struct chance *chance)
{
	float any = v[pick];

	sort(v, n);
	switch (how) {
	case MEAN:
		return mean(v, n);
	case MEDIAN:
		return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	case LEAST:
		return v[0];
	case MOST:
		return v[n - 1];
	case ANY:
		return v[chance_below(chance, n)];
	case ANY_ARRAY:
		return any;
	case BULK:
		return nearest(v, n, bulk);
	case BLENDS:
		break;
	}
	abort();
}

static void
blend_array(const struct coalition *g, size_t weight, enum blend how, struct chance *chance)
{
	struct nn_weight *to = &g->w[0][weight];
	int64_t pick = chance_below(chance, g->n);
	double sum = 0;

	for (int64_t k = 0; k < to->count; k++)
		sum += to->data[k];
	for (int64_t k = 0; k < to->count; k++) {
		float v[REDTEAM_COLLUDERS];

		for (int i = 0; i < g->n; i++)
			v[i] = g->w[i][weight].data[k];
		to->data[k] = blend(
		    how, v, g->n, (float)(sum / (double)to->count), pick, chance);
	}
}

MUST static bool
blend_all(struct ctx *c, struct redteam *r, enum blend how, int n, struct redteam_suspect *s)
{
	owned(coalition_done) struct coalition g = { 0 };
	struct chance chance = redteam_chance(r, (int)how);

	if (!coalition_new(c, r, n, s, &g))
		return false;
	redteam_say(s, "%s of %d copies", blend_names[how], n);
	for (size_t i = 0; i < g.weights; i++)
		if (g.w[0][i].data != NULL && !g.w[0][i].constant)
			blend_array(&g, i, how, &chance);
	return true;
}

bool
redteam_try_mean(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, MEAN, (int)x, s);
}

bool
redteam_try_median(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, MEDIAN, (int)x, s);
}

bool
redteam_try_least(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, LEAST, (int)x, s);
}

bool
redteam_try_most(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, MOST, (int)x, s);
}

bool
redteam_try_any(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, ANY, (int)x, s);
}

bool
redteam_try_any_array(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, ANY_ARRAY, (int)x, s);
}

bool
redteam_try_bulk(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return blend_all(c, r, BULK, (int)x, s);
}

bool
redteam_try_mean_tune(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	if (!blend_all(c, r, MEAN, (int)x, s))
		return false;
	redteam_say(s, "mean of %g copies, then 5 epochs", x);
	return redteam_train(c, r, s, 5, .001);
}

/* ---- C5: several copies that answer together --------------------------------------------- */

/* How copies that are served behind one door agree on an answer. */
enum vote { MAJORITY, MINORITY, ANYONE, REFUSE, VOTES };
static const char *const vote_names[VOTES] = { "the majority's", "the minority's", "anyone's",
	"none when they disagree" };

struct council {
	struct coalition g;
	struct redteam *r;
	struct redteam_asker *asker[REDTEAM_COLLUDERS];
	enum vote vote;
	struct chance chance;
	float *room; /* for so many rows */
	int64_t rows;
};

static void
council_done(void *arg)
{
	struct council *k = arg;

	for (int i = 1; i < REDTEAM_COLLUDERS; i++)
		redteam_asker_free(&k->asker[i]);
	coalition_done(&k->g);
}

/* Which of the copies speaks for all; -1: nobody. */
static int
speaker(struct council *k, const int32_t said[])
{
	int best = 0, most = 0, least = k->g.n + 1, lone = 0;

	for (int i = 0; i < k->g.n; i++) {
		int same = 0;

		for (int j = 0; j < k->g.n; j++)
			same += said[j] == said[i];
		if (same > most) {
			most = same;
			best = i;
		}
		if (same < least) {
			least = same;
			lone = i;
		}
	}
	switch (k->vote) {
	case MAJORITY:
		return best;
	case MINORITY:
		return lone;
	case ANYONE:
		return (int)chance_below(&k->chance, k->g.n);
	case REFUSE:
		return most == k->g.n ? 0 : -1;
	case VOTES:
		break;
	}
	abort();
}

/* One row: out becomes what the speaker says. */
static void
agree(struct council *k, const float *const score[], float *out, int64_t classes)
{
	int32_t said[REDTEAM_COLLUDERS];
	int who;

	for (int i = 0; i < k->g.n; i++)
		said[i] = verify_highest(score[i], classes);
	who = speaker(k, said);
	for (int64_t q = 0; q < classes; q++)
		out[q] = who < 0 ? NAN : score[who][q];
}

static bool
council_behind(struct ctx *c, void *arg, const float *x, float *out, int64_t n, int64_t classes)
{
	struct council *k = arg;
	int64_t count = k->r->form.count, block = n * classes;
	float *said;

	if (n > k->rows) {
		k->room = take(c, (size_t)(n * (count + k->g.n * classes)) * sizeof *said);
		k->rows = k->room == NULL ? 0 : n;
	}
	if (k->room == NULL)
		return false;
	said = k->room + n * count;
	memcpy(said, out, (size_t)block * sizeof *said);
	for (int i = 1; i < k->g.n; i++) {
		memcpy(k->room, x, (size_t)(n * count) * sizeof *x);
		if (!redteam_asker_ask(c, k->asker[i], k->room, n, said + i * block))
			return false;
	}
	for (int64_t row = 0; row < n; row++) {
		const float *score[REDTEAM_COLLUDERS];

		for (int i = 0; i < k->g.n; i++)
			score[i] = said + i * block + row * classes;
		agree(k, score, out + row * classes, classes);
	}
	return true;
}

MUST static bool
council(struct ctx *c, struct redteam *r, enum vote vote, int n, struct redteam_suspect *s)
{
	struct council *k = take(c, sizeof *k);

	if (k == NULL)
		return false;
	k->r = r;
	k->vote = vote;
	k->chance = redteam_chance(r, (int)vote);
	s->filter = (struct redteam_filter){ NULL, council_behind, council_done, k };
	s->asked_only = true;
	redteam_say(s, "%d copies, the answer is %s", n, vote_names[vote]);
	if (!coalition_new(c, r, n, s, &k->g))
		return false;
	for (int i = 1; i < n; i++)
		if (!redteam_asker_new(c, r, &k->g.other[i], &k->asker[i]))
			return false;
	return true;
}

bool
redteam_try_majority(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return council(c, r, MAJORITY, (int)x, s);
}

bool
redteam_try_minority(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return council(c, r, MINORITY, (int)x, s);
}

bool
redteam_try_anyone(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return council(c, r, ANYONE, (int)x, s);
}

bool
redteam_try_refuse(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	return council(c, r, REFUSE, (int)x, s);
}
