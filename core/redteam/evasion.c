/*
 * What a thief who only serves the model may put around it: answers out of a memory of earlier
 * ones, votes over noisy copies of a question, scores that are rounded or bent. Nobody sees the
 * file then; whether the keys are still answered is all that is left.
 */
#include <math.h>

#include "learn.h"

enum { CACHE = 4096, COPIES = 5 };
#define NOISE .03
#define BEND_BETA 1.
#define BEND_GAMMA .1
#define LEAST 1e-6

enum use { USE_NOISE };

static void
surround(struct redteam_suspect *s, struct redteam_filter f)
{
	s->filter = f;
	s->asked_only = true;
}

/* ---- Q3: answers out of a memory --------------------------------------------------------- */

/* The last questions and what was said to them. */
struct cache {
	int64_t count, classes, n;
	double near; /* squared */
	float *x, *out;
};

static void
cache_done(void *arg)
{
	struct cache *k = arg;

	free(k->x);
	free(k->out);
}

/* The nearest of those that are near enough; -1: none. */
static int64_t
cache_find(const struct cache *k, const float *x)
{
	int64_t best = -1, kept = k->n < CACHE ? k->n : CACHE;
	double least = k->near;

	for (int64_t i = 0; i < kept; i++) {
		const float *y = k->x + i * k->count;
		double sum = 0;

		for (int64_t p = 0; p < k->count && sum <= least; p++) {
			double d = (double)x[p] - (double)y[p];

			sum += d * d;
		}
		if (sum <= least) {
			least = sum;
			best = i;
		}
	}
	return best;
}

static bool
cache_behind(struct ctx *c, void *arg, const float *x, float *out, int64_t n, int64_t classes)
{
	struct cache *k = arg;

	if (k->out == NULL &&
	    (!redteam_floats(c, CACHE * k->count, &k->x) ||
		!redteam_floats(c, CACHE * classes, &k->out)))
		return false;
	for (int64_t i = 0; i < n; i++, x += k->count, out += classes) {
		int64_t at = cache_find(k, x), next = k->n % CACHE;

		if (at >= 0) {
			memcpy(out, k->out + at * classes, (size_t)classes * sizeof *out);
			continue;
		}
		memcpy(k->x + next * k->count, x, (size_t)k->count * sizeof *x);
		memcpy(k->out + next * classes, out, (size_t)classes * sizeof *out);
		k->n++;
	}
	return true;
}

bool
redteam_try_cache(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct cache *k = take(c, sizeof *k);
	double far = x * ((double)r->high - (double)r->low);

	if (k == NULL)
		return false;
	k->count = r->form.count;
	k->near = far * far * (double)k->count;
	redteam_say(s, "answers kept within %g %% of the range", x * 100);
	surround(
	    s, (struct redteam_filter){ .behind = cache_behind, .done = cache_done, .arg = k });
	return true;
}

/* ---- Q4: votes --------------------------------------------------------------------------- */

struct votes {
	struct redteam_rows rows;
	const struct loss *loss;
	struct chance chance;
	double noise;
	float low, high;
	float *x, *out, *sum; /* of one question's copies */
};

static void
votes_done(void *arg)
{
	struct votes *v = arg;

	redteam_rows_done(&v->rows);
	free(v->x);
	free(v->out);
	free(v->sum);
}

/* Shares of votes, and where they are even a little of what was said. */
MUST static bool
vote(struct ctx *c, struct votes *v, const float *x, float *out)
{
	int64_t n = v->rows.count, classes = v->rows.outputs;

	for (int64_t i = 0; i < COPIES * n; i++) {
		double y = (double)x[i % n] + v->noise * chance_normal(&v->chance);

		v->x[i] = (float)fmin(fmax(y, (double)v->low), (double)v->high);
	}
	if (!redteam_rows_ask(c, &v->rows, v->x, COPIES, v->out))
		return false;
	memset(v->sum, 0, (size_t)classes * sizeof *v->sum);
	for (int64_t i = 0; i < COPIES; i++) {
		float *one = v->out + i * classes;
		int64_t said = loss_answer(v->loss, one, classes);

		redteam_soften(v->loss, 1, one, classes, one);
		for (int64_t k = 0; k < classes; k++)
			v->sum[k] += .1F * one[k];
		v->sum[classes > 1 ? said : 0] += classes > 1 ? .9F : .9F * (float)said;
	}
	for (int64_t k = 0; k < classes; k++)
		out[k] = v->sum[k] / COPIES;
	redteam_harden(v->loss, classes, out);
	return true;
}

static bool
votes_behind(struct ctx *c, void *arg, const float *x, float *out, int64_t n, int64_t classes)
{
	struct votes *v = arg;

	for (int64_t i = 0; i < n; i++)
		if (!vote(c, v, x + i * v->rows.count, out + i * classes))
			return false;
	return true;
}

bool
redteam_try_votes(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct votes *v = take(c, sizeof *v);

	if (v == NULL)
		return false;
	v->loss = &r->the.work.loss;
	v->chance = redteam_chance(r, USE_NOISE);
	v->noise = x * ((double)r->high - (double)r->low);
	v->low = r->low;
	v->high = r->high;
	surround(
	    s, (struct redteam_filter){ .behind = votes_behind, .done = votes_done, .arg = v });
	redteam_say(s, "%d copies, noise of %g of the range", COPIES, x);
	return redteam_rows_new(c, s->graph, &r->form, false, r->the.threads, &v->rows) &&
	    redteam_floats(c, COPIES * v->rows.count, &v->x) &&
	    redteam_floats(c, COPIES * v->rows.outputs, &v->out) &&
	    redteam_floats(c, v->rows.outputs, &v->sum);
}

/* ---- Q5: scores that say less ------------------------------------------------------------ */

struct scores {
	const struct loss *loss;
	bool bent;
};

/* Reverse sigmoid (Lee et al. 2019, arXiv 1806.00054): scores that mislead whoever learns them. */
static double
bend(double p)
{
	double q = fmin(fmax(p, LEAST), 1 - LEAST), odds = log(q / (1 - q));

	return BEND_BETA * (1 / (1 + exp(-BEND_GAMMA * odds)) - .5);
}

static void
change_scores(const struct scores *k, float *p, int64_t classes)
{
	double all = 0;

	for (int64_t i = 0; i < classes; i++) {
		double v = (double)p[i];

		v = k->bent ? fmax(v - bend(v), 0) : round(v * 10) / 10;
		p[i] = (float)v;
		all += v;
	}
	for (int64_t i = 0; k->bent && classes > 1 && all > 0 && i < classes; i++)
		p[i] = (float)((double)p[i] / all);
}

static bool
scores_behind(struct ctx *c, void *arg, const float *x, float *out, int64_t n, int64_t classes)
{
	const struct scores *k = arg;

	(void)c;
	(void)x;
	for (int64_t i = 0; i < n; i++, out += classes) {
		redteam_soften(k->loss, 1, out, classes, out);
		change_scores(k, out, classes);
		redteam_harden(k->loss, classes, out);
	}
	return true;
}

bool
redteam_try_scores(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct scores *k = take(c, sizeof *k);

	if (k == NULL)
		return false;
	*k = (struct scores){ &r->the.work.loss, x > 0 };
	redteam_say(s, k->bent ? "a reverse sigmoid" : "rounded to one decimal");
	surround(s, (struct redteam_filter){ .behind = scores_behind, .arg = k });
	return true;
}
