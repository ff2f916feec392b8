/*
 * Training on: the thief has the file and samples of his own, with their labels, and hopes that
 * what was learnt besides goes where nothing asks for it any more. The last layer or all of them,
 * from the weights as they are or from some that were thrown away; towards labels that are soft,
 * noisy, or of samples made hard; or with a key set of his own over the vendor's.
 */
#include <math.h>

#include "learn.h"

#define RATE .005    /* of learning, unless the point says it */
#define NEW_RATE .02 /* where a layer begins anew */
#define SHIFT_NOISE .05
#define PGD_STEP .01
enum { EPOCHS = 5, LONG = 10, PGD_STEPS = 10, BACKWARDS = 3 };

enum use { USE_RESET, USE_SHIFT, USE_NOISE };

static struct redteam_lesson
tuning(const struct redteam *r, int64_t epochs, double rate)
{
	return (struct redteam_lesson){ .effort = redteam_effort(r, epochs, 1), .rate = rate };
}

/* ---- T1 to T4: the last layer, or all ---------------------------------------------------- */

bool
redteam_try_tune_last(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_lesson l = tuning(r, EPOCHS, x);

	l.head_only = true;
	redteam_say(s, "last layer, rate %g", x);
	return redteam_learn(c, r, s, &l);
}

bool
redteam_try_tune_all(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_lesson l = tuning(r, EPOCHS, x);

	redteam_say(s, "all layers, rate %g", x);
	return redteam_learn(c, r, s, &l);
}

MUST static bool
reset_and_tune(struct ctx *c, struct redteam *r, bool last, struct redteam_suspect *s)
{
	struct redteam_lesson l = tuning(r, last ? LONG : EPOCHS, NEW_RATE);

	l.head_only = last;
	redteam_say(s, "a new last layer, %s", last ? "which is trained" : "all are trained");
	return redteam_head_reset(c, s, redteam_chance(r, USE_RESET)) &&
	    redteam_learn(c, r, s, &l);
}

bool
redteam_try_reset_last(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	(void)x;
	return reset_and_tune(c, r, true, s);
}

bool
redteam_try_reset_all(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	(void)x;
	return reset_and_tune(c, r, false, s);
}

/* ---- T5: weight shifting ----------------------------------------------------------------- */

/* The mean over outputs at each place of an input, times `mean`, goes; noise comes. */
static void
shift(struct nn_weight *w, bool first, double mean, double noise, struct chance *chance)
{
	int64_t outputs = first ? w->dim[0] : w->dim[w->rank - 1];
	int64_t places = w->count / outputs;
	int64_t step = first ? places : 1, next = first ? 1 : outputs;
	double sum = 0, squares = 0;

	for (int64_t i = 0; i < w->count; i++) {
		sum += (double)w->data[i];
		squares += (double)w->data[i] * (double)w->data[i];
	}
	sum /= (double)w->count;
	noise *= sqrt(fmax(0, squares / (double)w->count - sum * sum));
	for (int64_t i = 0; i < places; i++) {
		float *v = w->data + i * next;

		sum = 0;
		for (int64_t k = 0; k < outputs; k++)
			sum += (double)v[k * step];
		sum *= mean / (double)outputs;
		for (int64_t k = 0; k < outputs; k++)
			v[k * step] = (float)((double)v[k * step] - sum -
			    noise * chance_normal(chance));
	}
}

void
redteam_shift(struct redteam_suspect *s, double mean, double noise, struct chance chance)
{
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	for (size_t i = 0; i < n; i++)
		if (w[i].trainable && w[i].rank > 1)
			shift(&w[i], redteam_outputs_first(s, &w[i]), mean, noise, &chance);
	nn_graph_changed(s->graph);
}

bool
redteam_try_shift(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_lesson l = tuning(r, LONG, RATE);

	redteam_say(s, "%g times the mean taken away, then tuned", x);
	redteam_shift(s, x, SHIFT_NOISE, redteam_chance(r, USE_SHIFT));
	return redteam_learn(c, r, s, &l);
}

/* ---- T7: weights forced down ------------------------------------------------------------- */

bool
redteam_try_decay(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_lesson l = tuning(r, EPOCHS, RATE), mend = tuning(r, LONG, RATE);

	redteam_say(s, "decay %g, then tuned", x);
	l.decay = x;
	l.to = mend.from = 1 / 3.;
	return redteam_learn(c, r, s, &l) && redteam_learn(c, r, s, &mend);
}

/* ---- T8, T9: labels in doubt ------------------------------------------------------------- */

bool
redteam_try_smooth(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_lesson l = tuning(r, EPOCHS, RATE);

	l.smoothing = x;
	redteam_say(s, "%g %% of each label shared out", x * 100);
	return redteam_learn(c, r, s, &l);
}

struct mislabelling {
	uint64_t seed;
	double share;
	int64_t classes, places;
};

static void
mislabel(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct mislabelling *m = arg;
	struct chance chance = chance_of(m->seed, USE_NOISE, (uint64_t)epoch, (uint64_t)sample);

	(void)x;
	for (int64_t i = 0; i < m->places; i++)
		if (chance_unit(&chance) < m->share)
			label[i] = (int32_t)chance_below(&chance, m->classes);
}

bool
redteam_try_mislabel(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	const struct data_labels *labels = &r->thief.labels;
	struct chance chance = redteam_chance(r, USE_NOISE);
	struct mislabelling m = { chance_bits(&chance), x, labels->classes,
		data_places(labels) };
	struct redteam_lesson l = tuning(r, EPOCHS, RATE);

	l.touch = mislabel;
	l.touch_arg = &m;
	redteam_say(s, "%g %% of the labels by chance", x * 100);
	return redteam_learn(c, r, s, &l);
}

/* ---- T10: samples made hard -------------------------------------------------------------- */

bool
redteam_pgd_new(struct ctx *c, const struct redteam *r, struct redteam_suspect *s, double far,
    struct redteam_pgd *ret)
{
	double span = (double)r->high - (double)r->low;

	ret->loss = &r->the.work.loss;
	ret->climb = (struct redteam_climb){ PGD_STEPS, PGD_STEP * span, far * span, r->low,
		r->high, true };
	return redteam_rows_new(c, s->graph, &r->form, true, r->the.threads, &ret->rows);
}

void
redteam_pgd_done(struct redteam_pgd *p)
{
	redteam_rows_done(&p->rows);
}

bool
redteam_pgd_hook(struct ctx *c, void *arg, float *x, float *target, int64_t n)
{
	struct redteam_pgd *p = arg;

	return redteam_rows_climb(c, &p->rows, p->loss, &p->climb, target, n, x);
}

bool
redteam_try_adversarial(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	owned(redteam_pgd_done) struct redteam_pgd pgd = { 0 };
	struct redteam_lesson l = tuning(r, EPOCHS, RATE);

	l.effort = redteam_effort(r, EPOCHS, PGD_STEPS * 2. / BACKWARDS + 1);
	l.hook = redteam_pgd_hook;
	l.arg = &pgd;
	redteam_say(s, "samples moved by %.3g of their range", x);
	return redteam_pgd_new(c, r, s, x, &pgd) && redteam_learn(c, r, s, &l);
}
