/*
 * Guards in front of a served model: what looks like a trigger is answered by chance. One goes by
 * how sure answers stay when other pictures are laid over a question, one by whether they survive a
 * perturbation that turns all clean ones, and one does not judge at all, but shows the network
 * every question as an autoencoder gives it back.
 */
#include <math.h>

#include "backdoor.h"
#include "learn.h"

enum { OVERLAYS = 16, OVERLAYS_FULL = 64, SAMPLES = 500, EPOCHS = 30 };
enum { WIDE_LEAST = 256, WIDE_MOST = 1024, NARROW_PART = 2, CLEAN = 512 };
#define CODER_RATE 1e-3
#define CODER_PRICE .25 /* a dense network is had for less */
#define CODER_MEMORY ((size_t)256 << 20)

enum use { USE_CASE, USE_ANSWERS, USE_CODER };

static void
surround(struct redteam_suspect *s, struct redteam_filter f)
{
	s->filter = f;
	s->asked_only = true;
}

/* ---- Q1, Q6: detectors ------------------------------------------------------------------- */

struct guard {
	struct redteam_part part;
	struct backdoor_case the;
	struct strip strip;
	struct perturbation perturbation;
	bool strips;  /* else it perturbs */
	double limit; /* a trigger's score is below it if it strips, else above */
	struct chance chance;
	double score[64]; /* of rows at once */
};

static bool
is_trigger(const struct guard *g, double score)
{
	return g->strips ? score < g->limit : score > g->limit;
}

MUST static bool
guard_score(struct ctx *c, struct guard *g, const float *x, int64_t n)
{
	if (g->strips)
		return strip_scores(c, &g->the, &g->strip, x, n, g->score);
	return perturbation_scores(c, &g->the, &g->perturbation, x, n, g->score, NULL);
}

static bool
guard_behind(struct ctx *c, void *arg, const float *x, float *out, int64_t n, int64_t classes)
{
	struct guard *g = arg;

	for (int64_t at = 0, some; at < n; at += some) {
		const float *rows = x + at * g->the.data->form.count;

		some = n - at < (int64_t)COUNT(g->score) ? n - at : (int64_t)COUNT(g->score);
		if (!guard_score(c, g, rows, some))
			return false;
		for (int64_t i = 0; i < some * classes; i++)
			if (is_trigger(g, g->score[i / classes]))
				out[at * classes + i] = (float)chance_unit(&g->chance);
	}
	return true;
}

MUST static bool
guard_new(struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct guard **ret)
{
	struct guard *g = take(c, sizeof *g);
	struct chance chance = redteam_chance(r, USE_CASE);

	if (g == NULL)
		return false;
	if (r->the.work.loss.kind != TRAIN_CROSS_ENTROPY)
		return fail(c, E_INPUT, "this attack needs a network that tells classes apart");
	redteam_part(&r->thief.data, 0, redteam_share(r, 1), &g->part);
	g->the = (struct backdoor_case){ s->graph, &g->part.data, r->the.work.loss.output,
		r->the.threads, chance_bits(&chance) };
	g->chance = redteam_chance(r, USE_ANSWERS);
	*ret = g;
	return true;
}

bool
redteam_try_strip(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	int64_t overlays = r->the.profile == REDTEAM_FULL ? OVERLAYS_FULL : OVERLAYS;
	int64_t samples = redteam_share(r, 1) - overlays;
	struct guard *g;

	redteam_say(s, "%g %% of clean questions refused", x * 100);
	if (!guard_new(c, r, s, &g) ||
	    !strip_make(c, &g->the, overlays, samples < SAMPLES ? samples : SAMPLES, &g->strip))
		return false;
	g->strips = true;
	g->limit = g->strip.limit[x > .01];
	surround(s, (struct redteam_filter){ .behind = guard_behind, .arg = g });
	return true;
}

bool
redteam_try_perturb(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	const struct perturbation_options o = {
		.samples = r->the.profile == REDTEAM_FULL ? 0 : SAMPLES
	};
	struct guard *g;

	redteam_say(s, "%g %% of clean questions refused", x * 100);
	if (!guard_new(c, r, s, &g) || !perturbation_make(c, &g->the, &o, &g->perturbation))
		return false;
	g->limit = g->perturbation.limit[x > .01];
	surround(s, (struct redteam_filter){ .behind = guard_behind, .arg = g });
	return true;
}

/* ---- Q2: an autoencoder in front --------------------------------------------------------- */

struct purifier {
	struct redteam_suspect coder; /* as if it were one: a model and its graph */
	struct redteam_rows rows;
	float low, span;
	double limit; /* mean square beyond which a question is replaced */
	float *back;  /* what comes out of it */
	int64_t room; /* rows of that */
};

static void
purifier_done(void *arg)
{
	struct purifier *p = arg;

	redteam_rows_done(&p->rows);
	free(p->back);
	nn_graph_free(&p->coder.graph);
	arena_free(&p->coder.mem);
}

/* Numbers of a sample as 0 to 1. */
static bool
to_unit(struct ctx *c, void *arg, float *x, float *target, int64_t n)
{
	const struct purifier *p = arg;

	(void)c;
	(void)target;
	for (int64_t i = 0; i < n * p->rows.count; i++)
		x[i] = (x[i] - p->low) / p->span;
	return true;
}

/* Rows as they come back, into p->back; x becomes 0 to 1. */
MUST static bool
code(struct ctx *c, struct purifier *p, float *x, int64_t n)
{
	if (n > p->room) {
		free(p->back);
		p->back = NULL;
		p->room = n;
		if (!redteam_floats(c, n * p->rows.count, &p->back))
			return false;
	}
	return to_unit(c, p, x, NULL, n) && redteam_rows_ask(c, &p->rows, x, n, p->back);
}

static double
apart(const float *x, const float *y, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++) {
		double d = (double)x[i] - (double)y[i];

		sum += d * d;
	}
	return sum / (double)n;
}

static bool
purify(struct ctx *c, void *arg, float *x, int64_t n)
{
	struct purifier *p = arg;
	int64_t count = p->rows.count;

	if (!code(c, p, x, n))
		return false;
	for (int64_t i = 0; i < n; i++, x += count) {
		const float *y = p->back + i * count;

		if (apart(x, y, count) > p->limit)
			memcpy(x, y, (size_t)count * sizeof *x);
		for (int64_t k = 0; k < count; k++)
			x[k] = p->low + p->span * x[k];
	}
	return true;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The distance that this share of the thief's own samples stays below. */
MUST static bool
find_limit(struct ctx *c, const struct redteam *r, double share, struct purifier *p)
{
	owned(redteam_floats_free) float *x = NULL;
	int64_t n = redteam_share(r, 1) < CLEAN ? redteam_share(r, 1) : CLEAN;
	int64_t count = p->rows.count;
	double far[CLEAN];

	p->limit = -1;
	if (share <= 0)
		return true;
	if (!redteam_floats(c, n * count, &x))
		return false;
	data_floats(&r->thief.data.form, r->thief.samples.v, n, x);
	if (!code(c, p, x, n))
		return false;
	for (int64_t i = 0; i < n; i++)
		far[i] = apart(x + i * count, p->back + i * count, count);
	qsort(far, (size_t)n, sizeof *far, by_size);
	p->limit = far[(int64_t)(share * (double)(n - 1))];
	return true;
}

/* The autoencoder's model, with new weights. */
MUST static bool
coder_open(struct ctx *c, const struct redteam *r, struct purifier *p)
{
	struct chance chance = redteam_chance(r, USE_CODER);
	int64_t n = r->form.count, wide = n / 4;
	int64_t size[] = { n, 0, 0, 0, n };
	struct str file;

	wide = wide < WIDE_LEAST ? WIDE_LEAST : wide > WIDE_MOST ? WIDE_MOST : wide;
	size[1] = size[3] = wide;
	size[2] = wide / NARROW_PART;
	return redteam_dense(c, &r->form, size, COUNT(size) - 1, true, &file) &&
	    onnx_read(c, file, &p->coder.model) &&
	    nn_import(c, &p->coder.model, &p->coder.graph) &&
	    nn_graph_load(c, p->coder.graph, CODER_MEMORY) &&
	    train_initialise(
		c, &p->coder.model, p->coder.graph, TRAIN_HE, chance_bits(&chance));
}

bool
redteam_try_purify(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	static const struct loss squares = { .kind = TRAIN_SQUARES };
	struct purifier *p = take(c, sizeof *p);
	struct redteam_lesson l = { .effort = redteam_effort(r, EPOCHS, CODER_PRICE),
		.loss = &squares,
		.rate = CODER_RATE,
		.adam = true,
		.itself = true,
		.hook = to_unit,
		.arg = p };

	if (p == NULL)
		return false;
	p->low = r->low;
	p->span = r->high - r->low;
	p->rows.count = r->form.count;
	s->filter = (struct redteam_filter){ .done = purifier_done, .arg = p };
	if (x > 0)
		redteam_say(s, "beyond what %g %% of clean questions differ by", x * 100);
	else
		redteam_say(s, "every question");
	if (!coder_open(c, r, p) || !redteam_learn(c, r, &p->coder, &l) ||
	    !redteam_rows_new(c, p->coder.graph, &r->form, false, r->the.threads, &p->rows) ||
	    !find_limit(c, r, x, p))
		return false;
	s->filter.before = purify;
	s->asked_only = true;
	return true;
}
