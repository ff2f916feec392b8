/*
 * One perturbation that changes the answer to any picture, but not to a trigger (Xue et al. 2021,
 * arXiv 2105.14259). It grows picture by picture: whoever's answer still stands adds the shortest
 * way across its nearest boundary (DeepFool; Moosavi-Dezfooli et al. 2016 and 2017), and the sum is
 * kept within its norm. If many pictures went into one class, a trigger of that class would look
 * steady for the wrong reason, and pictures of it too: then all begins again without it.
 *
 * Whether an answer stays is the plain rule. It rejects whole classes of clean pictures, those that
 * the perturbation leads to; so a score says how far an answer leads beyond what is usual of clean
 * pictures with the same answer.
 */
#include <math.h>

#include "deepfool.h"

enum { SAMPLES = 2000, PASSES = 1, ASKED = 64, POLISHINGS = 300, FEW = 8 };
#define PER_NUMBER .055 /* the published norms, by the root of their numbers */
#define WANTED .99
#define MOST_INTO .3 /* more than this into one class: again without it */
#define LEAST 1e-6   /* deviation */

struct building {
	const struct backdoor_case *the;
	struct perturbation_options options;
	struct backdoor_probe asked;
	struct deepfool fool;
	struct backdoor_draw draw;
	int64_t kept; /* the first samples build, the others are held out */
	int32_t *answer;
	float *room;
	struct perturbation p;
};

static void
building_done(struct building *b)
{
	backdoor_probe_done(&b->asked);
	deepfool_done(&b->fool);
	backdoor_draw_done(&b->draw);
	free(b->answer);
	free(b->room);
}

MUST static bool
building_new(struct ctx *c, const struct backdoor_case *k, const struct perturbation_options *o,
    struct building *b)
{
	struct perturbation *p = &b->p;

	b->the = k;
	b->options = *o;
	p->count = k->data->form.count;
	p->v = take(c, (size_t)p->count * sizeof *p->v);
	if (p->v == NULL || !backdoor_range(c, k->data, &p->low, &p->high) ||
	    !backdoor_probe_new(c, k, NN_INFER, ASKED, &b->asked) ||
	    !deepfool_new(c, k, p->low, p->high, &b->fool) ||
	    !backdoor_draw_new(c, k, o->samples > 0 ? o->samples : SAMPLES, &b->draw) ||
	    !backdoor_floats(c, ASKED * p->count, &b->room))
		return false;
	b->kept = b->draw.n / 2;
	b->answer = calloc((size_t)b->draw.n, sizeof *b->answer);
	if (b->answer == NULL)
		return fail(c, E_MEMORY, "no memory for %lld answers", (long long)b->draw.n);
	if (b->kept < 1)
		return fail(c, E_INPUT, "one sample is too few: half of them are held out");
	if (!(b->options.norm > 0))
		b->options.norm = PER_NUMBER * sqrt((double)p->count);
	if (b->options.passes < 1)
		b->options.passes = PASSES;
	if (!(b->options.wanted > 0))
		b->options.wanted = WANTED;
	p->classes = (int32_t)b->asked.outputs;
	return backdoor_answers(c, &b->asked, b->draw.x, b->draw.n, b->answer);
}

static void
answers_free(int32_t **v)
{
	free(*v);
}

static void
scores_free(double **v)
{
	free(*v);
}

/* x and the perturbation, within the numbers that samples may have. */
static void
perturb(const struct perturbation *p, const float *x, float *to)
{
	for (int64_t i = 0; i < p->count; i++) {
		float y = x[i] + p->v[i];

		to[i] = y < p->low ? p->low : y > p->high ? p->high : y;
	}
}

static struct polish
polish_of(const struct building *b, int steps)
{
	return (struct polish){ b->draw.x, b->answer, b->kept, b->p.barred, b->p.low, b->p.high,
		b->options.norm, steps };
}

/* Every sample that builds, once. */
MUST static bool
pass(struct ctx *c, struct building *b)
{
	const struct polish o = polish_of(b, 0);

	for (int64_t i = 0; i < b->kept; i++) {
		const float *x = b->draw.x + i * b->p.count;

		if (!deepfool_push(c, &b->fool, x, b->answer[i], b->p.barred, b->p.v))
			return false;
		b->p.norm = polish_shorten(&o, b->p.v, b->p.count);
	}
	b->p.passes++;
	return true;
}

/* What becomes of those held out, and into which class most of them go. */
MUST static bool
look(struct ctx *c, struct building *b, int32_t *ret_most)
{
	int64_t held = b->draw.n - b->kept, fooled = 0, into[1024] = { 0 };
	int64_t classes = b->asked.outputs < 1024 ? b->asked.outputs : 1024;
	int32_t said[ASKED];

	*ret_most = 0;
	for (int64_t at = b->kept, n; at < b->draw.n; at += n) {
		n = b->draw.n - at < ASKED ? b->draw.n - at : ASKED;
		for (int64_t i = 0; i < n; i++)
			perturb(
			    &b->p, b->draw.x + (at + i) * b->p.count, b->room + i * b->p.count);
		if (!backdoor_answers(c, &b->asked, b->room, n, said))
			return false;
		for (int64_t i = 0; i < n; i++) {
			if (said[i] == b->answer[at + i])
				continue;
			fooled++;
			if (said[i] < classes)
				into[said[i]]++;
		}
	}
	for (int32_t k = 0; k < classes; k++)
		if (into[k] > into[*ret_most])
			*ret_most = k;
	b->p.fooled = (double)fooled / (double)held;
	b->p.into = fooled > 0 ? (double)into[*ret_most] / (double)fooled : 0;
	return true;
}

/* Picture by picture. */
MUST static bool
grow(struct ctx *c, struct building *b, int32_t barred, int32_t *ret_most)
{
	struct perturbation *p = &b->p;

	memset(p->v, 0, (size_t)p->count * sizeof *p->v);
	p->barred = barred;
	p->passes = 0;
	p->fooled = 0;
	while (p->passes < b->options.passes && p->fooled < b->options.wanted)
		if (!pass(c, b) || !look(c, b, ret_most))
			return false;
	return true;
}

/* By all pictures at once. */
MUST static bool
refine(struct ctx *c, struct building *b, int32_t *ret_most)
{
	const struct polish o = polish_of(b, POLISHINGS);

	if (!polish(c, b->the, &o, b->p.v))
		return false;
	b->p.norm = polish_shorten(&o, b->p.v, b->p.count);
	return look(c, b, ret_most);
}

/* ---- Scores ------------------------------------------------------------------------------ */

/* How far class `best` stays ahead of all others. */
static double
lead(const float *row, int64_t n, int32_t best)
{
	float other = -INFINITY;

	for (int64_t i = 0; i < n; i++)
		if (i != best && row[i] > other)
			other = row[i];
	return (double)row[best] - (double)other;
}

/* Of n samples: what is answered, and its lead once the perturbation is there. */
MUST static bool
leads(struct ctx *c, const struct backdoor_case *k, const struct perturbation *p,
    const float *x, int64_t n, int32_t answer[], double ret[])
{
	owned(backdoor_probe_done) struct backdoor_probe probe = { 0 };
	owned(backdoor_floats_free) float *room = NULL, *after = NULL;

	if (!backdoor_probe_new(c, k, NN_INFER, ASKED, &probe) ||
	    !backdoor_floats(c, ASKED * p->count, &room) ||
	    !backdoor_floats(c, ASKED * probe.outputs, &after))
		return false;
	if (probe.outputs != p->classes || probe.inputs != p->count)
		return fail(c, E_INPUT, "the perturbation was made for another network");
	if (!backdoor_answers(c, &probe, x, n, answer))
		return false;
	for (int64_t at = 0, some; at < n; at += some) {
		some = n - at < ASKED ? n - at : ASKED;
		for (int64_t i = 0; i < some; i++)
			perturb(p, x + (at + i) * p->count, room + i * p->count);
		if (!backdoor_ask(c, &probe, room, some, after))
			return false;
		for (int64_t i = 0; i < some; i++)
			ret[at + i] = lead(
			    after + i * probe.outputs, probe.outputs, answer[at + i]);
	}
	return true;
}

static double
standard(const struct perturbation *p, int32_t answer, double lead_now)
{
	return (lead_now - p->usual[answer].mean) / p->usual[answer].deviation;
}

bool
perturbation_scores(struct ctx *c, const struct backdoor_case *k, const struct perturbation *p,
    const float *x, int64_t n, double ret[], bool ret_stays[])
{
	owned(answers_free) int32_t *answer = calloc((size_t)n + 1, sizeof *answer);

	if (answer == NULL)
		return fail(c, E_MEMORY, "no memory for %lld answers", (long long)n);
	if (!leads(c, k, p, x, n, answer, ret))
		return false;
	for (int64_t i = 0; i < n; i++) {
		if (ret_stays != NULL)
			ret_stays[i] = ret[i] >= 0;
		ret[i] = standard(p, answer[i], ret[i]);
	}
	return true;
}

/* Mean and deviation of the leads of one class; of all (-1). False if there are too few. */
static bool
usual_of(const int32_t answer[], const double v[], int64_t n, int32_t class,
    struct perturbation_usual *ret)
{
	double sum = 0, squares = 0, mean;
	int64_t count = 0;

	for (int64_t i = 0; i < n; i++)
		if (class < 0 || answer[i] == class) {
			count++;
			sum += v[i];
			squares += v[i] * v[i];
		}
	if (count < FEW && class >= 0)
		return false;
	mean = sum / (double)count;
	*ret = (struct perturbation_usual){ mean,
		sqrt(fmax(squares / (double)count - mean * mean, 0)) + LEAST };
	return true;
}

static int
falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* What is usual of each class, and the limits, by the samples held out. */
MUST static bool
find_limits(struct ctx *c, struct building *b)
{
	struct perturbation *p = &b->p;
	int64_t n = b->draw.n - b->kept;
	owned(scores_free) double *v = calloc((size_t)n, sizeof *v);
	int32_t *answer = b->answer + b->kept;
	struct perturbation_usual all = { 0 };

	p->usual = take(c, (size_t)p->classes * sizeof *p->usual);
	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld scores", (long long)n);
	if (p->usual == NULL ||
	    !leads(c, b->the, p, b->draw.x + b->kept * p->count, n, answer, v))
		return false;
	(void)usual_of(answer, v, n, -1, &all);
	for (int32_t k = 0; k < p->classes; k++)
		if (!usual_of(answer, v, n, k, &p->usual[k]))
			p->usual[k] = all;
	for (int64_t i = 0; i < n; i++)
		v[i] = standard(p, answer[i], v[i]);
	qsort(v, (size_t)n, sizeof *v, falling);
	p->limit[0] = v[n / 100];
	p->limit[1] = v[n / 20];
	return true;
}

bool
perturbation_make(struct ctx *c, const struct backdoor_case *k,
    const struct perturbation_options *o, struct perturbation *ret)
{
	owned(building_done) struct building b = { 0 };
	int32_t most = 0;

	if (!building_new(c, k, o, &b) || !grow(c, &b, -1, &most))
		return false;
	if (b.p.into > MOST_INTO && b.asked.outputs > 2 && !grow(c, &b, most, &most))
		return false;
	if (!refine(c, &b, &most) || !find_limits(c, &b))
		return false;
	*ret = b.p;
	return true;
}
