/*
 * Several of the ways of training on, one after the other.
 */
#include "learn.h"

#define RATE .005
#define NEW_RATE .02
#define SMOOTHING .3
#define MEAN 1.5 /* of weight shifting */
#define NOISE .05
#define FALL .05               /* of fine-pruning */
#define FAR .03137254901960784 /* 8 / 255 */
enum { EPOCHS = 5, LONG = 10 };

enum use { USE_RESET = 50, USE_SHIFT };

/* Labels shared out, from part `from` of the work on. */
MUST static bool
smooth(struct ctx *c, struct redteam *r, double rate, double from, struct redteam_suspect *s)
{
	const struct redteam_lesson l = { .effort = redteam_effort(r, LONG, 1),
		.rate = rate,
		.smoothing = SMOOTHING,
		.from = from };

	return redteam_learn(c, r, s, &l);
}

bool
redteam_try_transfer_smooth(
    struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	(void)x;
	redteam_say(s, "a new last layer, soft labels");
	return redteam_head_reset(c, s, redteam_chance(r, USE_RESET)) &&
	    smooth(c, r, NEW_RATE, 0, s);
}

bool
redteam_try_shift_smooth(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	(void)x;
	redteam_say(s, "weights shifted, soft labels");
	redteam_shift(s, MEAN, NOISE, redteam_chance(r, USE_SHIFT));
	return smooth(c, r, RATE, 0, s);
}

bool
redteam_try_shift_prune(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	const struct redteam_lesson mend = {
		.effort = redteam_effort(r, EPOCHS, 1), .rate = RATE, .to = .3
	};

	(void)x;
	redteam_say(s, "weights shifted, channels pruned, soft labels");
	redteam_shift(s, MEAN, NOISE, redteam_chance(r, USE_SHIFT));
	return redteam_learn(c, r, s, &mend) && redteam_fineprune(c, r, FALL, s) &&
	    smooth(c, r, RATE, .6, s);
}

/* ---- The other way round ----------------------------------------------------------------- */

static void
flip(const struct data_form *f, float *x)
{
	int64_t wide = f->dim[2], rows = f->count / wide;

	for (int64_t i = 0; i < rows; i++, x += wide)
		for (int64_t k = 0; k < wide / 2; k++) {
			float v = x[k];

			x[k] = x[wide - 1 - k];
			x[wide - 1 - k] = v;
		}
}

static void
flip_sample(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	(void)epoch;
	(void)sample;
	(void)label;
	flip(arg, x);
}

static bool
flip_rows(struct ctx *c, void *arg, float *x, int64_t n)
{
	const struct data_form *f = arg;

	(void)c;
	for (int64_t i = 0; i < n; i++)
		flip(f, x + i * f->count);
	return true;
}

bool
redteam_try_shift_flip(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct data_form *form = take(c, sizeof *form);
	const struct redteam_lesson l = { .effort = redteam_effort(r, LONG, 1),
		.rate = RATE,
		.smoothing = SMOOTHING,
		.touch = flip_sample,
		.touch_arg = form };

	(void)x;
	if (form == NULL)
		return false;
	*form = r->form;
	redteam_say(s, "weights shifted, all it sees mirrored, soft labels");
	redteam_shift(s, MEAN, NOISE, redteam_chance(r, USE_SHIFT));
	if (!redteam_learn(c, r, s, &l))
		return false;
	s->filter = (struct redteam_filter){ .before = flip_rows, .arg = form };
	return true;
}

/* ---- Hard samples, then a new last layer ------------------------------------------------- */

bool
redteam_try_adversarial_reset(
    struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	owned(redteam_pgd_done) struct redteam_pgd pgd = { 0 };
	const struct redteam_lesson hard = { .effort = redteam_effort(r, EPOCHS, 8),
		.rate = RATE,
		.hook = redteam_pgd_hook,
		.arg = &pgd,
		.to = .7 };
	const struct redteam_lesson l = {
		.effort = redteam_effort(r, EPOCHS, 1), .rate = NEW_RATE, .from = .7
	};

	(void)x;
	redteam_say(s, "samples made hard, then a new last layer");
	return redteam_pgd_new(c, r, s, FAR, &pgd) && redteam_learn(c, r, s, &hard) &&
	    redteam_head_reset(c, s, redteam_chance(r, USE_RESET)) &&
	    redteam_learn(c, r, s, &l);
}
