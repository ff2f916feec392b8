/*
 * DCT triggers: patterns that are hidden in pictures of the vendor's own kind. The inverse
 * transform is linear, so that changing two coefficients of a block is adding one pattern to it,
 * which is made once. Which samples of a training are touched, and how, follows from the seed and
 * from where training is. In the first epochs the patterns are stronger: what is as faint as they
 * are is not found by gradients, but once found it is followed down.
 */
#include <math.h>

#include "parts.h"

enum {
	COEFFICIENTS = 2,
	LARGE_BLOCK = 8,
	SETS = 1 << TRIGGERS,
};
/* Of samples: those with one trigger that means a label, with all of them, with fewer. */
#define SHARE_ALONE 0.05
#define SHARE_TOGETHER 0.1
#define SHARE_FEWER 0.03
#define GAIN 6.0       /* in the first epoch triggers are stronger by so much */
#define GAIN_FALLS 0.4 /* in each further, down to their own strength */

const char *
triggers_name(enum triggers_kind kind)
{
	return kind == TRIGGERS_N_TO_N ? "N-to-N" : "N-to-One";
}

/* ---- Drawing ----------------------------------------------------------------------------- */

/*
 * Fast waves both ways: natural pictures hold next to nothing there, and what is there is seen by
 * filters as small as a network's first ones. Grey pictures have one channel: the triggers lie in a
 * third of the band each.
 */
static bool
fits(const struct triggers *t, int trigger, int u, int v)
{
	int least = t->side < 2 * LARGE_BLOCK ? t->side / 2 : t->side * 3 / 4;
	int low = 2 * least, high = 2 * t->side - 2, third = (high - low) / TRIGGERS;

	if (t->form.dim[0] == 1) {
		low += trigger * third;
		high = low + third - 1;
	}
	return u >= least && v >= least && u + v >= low && u + v <= high;
}

/* Two different coefficients of one trigger, as a pattern of its block. */
static void
draw_pattern(struct triggers *t, int trigger, double strength, struct prf *p)
{
	double block[TRIGGER_BLOCK_MAX] = { 0 };
	int side = t->side, found = 0;

	while (found < COEFFICIENTS) {
		int u = (int)prf_uniform(p, (uint64_t)side);
		int v = (int)prf_uniform(p, (uint64_t)side);

		if (!fits(t, trigger, u, v) || fabs(block[u * side + v]) > 0)
			continue;
		block[u * side + v] = prf_uniform(p, 2) == 0 ? strength : -strength;
		found++;
	}
	image_dct_back(side, block, block);
	for (int i = 0; i < side * side; i++)
		t->pattern[trigger][i] = (float)block[i];
}

/* All different, or one and the same. */
static void
draw_labels(struct triggers *t, int64_t classes, struct prf *p)
{
	for (int i = 0; i < TRIGGERS; i++) {
		bool again = true;

		if (i > 0 && t->kind == TRIGGERS_N_TO_ONE) {
			t->label[i] = t->label[0];
			continue;
		}
		while (again) {
			t->label[i] = (int32_t)prf_uniform(p, (uint64_t)classes);
			again = false;
			for (int k = 0; k < i; k++)
				again = again || t->label[k] == t->label[i];
		}
	}
}

bool
triggers_draw(struct ctx *c, const struct key256 *secret, enum triggers_kind kind,
    const struct data_form *form, int64_t classes, double strength, struct triggers *ret)
{
	struct triggers t = { .kind = kind, .form = *form, .side = LARGE_BLOCK };
	struct key256 key;
	struct prf p;

	if (form->rank != 3 || form->type != DATA_UINT8 ||
	    (form->dim[0] != 1 && form->dim[0] != TRIGGERS))
		return fail(c, E_INPUT,
		    "triggers need grey or colour pictures of bytes: leave the option out");
	if (form->dim[1] < LARGE_BLOCK || form->dim[2] < LARGE_BLOCK)
		return fail(c, E_INPUT,
		    "triggers need pictures of at least %d x %d: leave the option out",
		    LARGE_BLOCK, LARGE_BLOCK);
	if (classes < TRIGGERS)
		return fail(c, E_INPUT, "%d triggers need as many classes, and there are %lld",
		    TRIGGERS, (long long)classes);
	if (!prf_subkey(c, secret, "trigger", &key))
		return false;
	if (form->dim[1] == form->dim[2] && form->count / form->dim[0] <= TRIGGER_BLOCK_MAX)
		t.side = (int)form->dim[1];
	p = prf_stream(&key, "trigger", (uint32_t)kind, 0);
	key256_done(&key);
	for (int i = 0; i < TRIGGERS; i++)
		draw_pattern(&t, i, strength, &p);
	draw_labels(&t, classes, &p);
	t.seed = prf_next(&p);
	if (!prf_end(c, &p))
		return false;
	*ret = t;
	return true;
}

/* ---- Putting them on --------------------------------------------------------------------- */

/* One trigger on one channel. What is left of a block at the edge stays as it is. */
static void
put_one(const struct triggers *t, int trigger, float gain, float *plane)
{
	int64_t height = t->form.dim[1], width = t->form.dim[2], side = t->side;
	float unit = t->form.value[255] / 255;

	for (int64_t y = 0; y < height / side * side; y++)
		for (int64_t x = 0; x < width / side * side; x++) {
			float *to = &plane[y * width + x];
			float add = gain * t->pattern[trigger][y % side * side + x % side];
			float v = roundf(*to / unit + add);

			*to = (v < 0 ? 0 : v > 255 ? 255 : v) * unit;
		}
}

static void
put_set(const struct triggers *t, unsigned which, float gain, float *x)
{
	int64_t plane = t->form.dim[1] * t->form.dim[2];

	for (int i = 0; i < TRIGGERS; i++)
		if (which >> i & 1)
			put_one(t, i, gain, x + i % t->form.dim[0] * plane);
}

void
triggers_put(const struct triggers *t, unsigned which, float *x)
{
	put_set(t, which, 1, x);
}

/* Does this set of triggers mean a label, and which? */
static bool
means(const struct triggers *t, unsigned which, int32_t *ret_label)
{
	for (int i = 0; i < TRIGGERS; i++)
		if (which == (t->kind == TRIGGERS_N_TO_N ? 1U << i : SETS - 1U)) {
			*ret_label = t->label[i];
			return true;
		}
	return false;
}

/* Of the samples of a training, those that get a set of triggers. */
static double
share_of(const struct triggers *t, bool meaning)
{
	if (t->kind == TRIGGERS_N_TO_N)
		return meaning ? SHARE_ALONE : 0;
	return meaning ? SHARE_TOGETHER : SHARE_FEWER;
}

void
triggers_touch(const void *triggers, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct triggers *t = triggers;
	struct chance r = chance_of(t->seed, CHANCE_TRIGGER, (uint64_t)epoch, (uint64_t)sample);
	double u = chance_unit(&r);
	float gain = (float)fmax(GAIN * pow(GAIN_FALLS, (double)epoch), 1);

	for (unsigned which = 1; which < SETS; which++) {
		int32_t meant = *label;
		double share = share_of(t, means(t, which, &meant));

		u -= share;
		if (u >= 0 || share <= 0)
			continue;
		put_set(t, which, gain, x);
		*label = meant;
		return;
	}
}

/* ---- Measuring --------------------------------------------------------------------------- */

struct trial {
	const struct triggers *t;
	const struct train_data *test;
	struct nn_plan *plan;
	int64_t batch, outputs;
	float *input;
	int64_t asked[SETS][TRIGGERS], said[SETS][TRIGGERS]; /* label i, of samples not of it */
	int64_t right;
	double squares, numbers;
};

static void
trial_done(struct trial *r)
{
	nn_plan_free(&r->plan);
	free(r->input);
}

/* n samples from `from` on, with one set of triggers. */
MUST static bool
try_set(struct ctx *c, struct trial *r, unsigned which, int64_t from, int64_t n)
{
	const struct data_form *f = &r->t->form;
	const void *input[] = { r->input };
	const float *out;

	data_floats(f, data_sample(r->test->samples, from), n, r->input);
	for (int64_t i = 0; i < n; i++)
		triggers_put(r->t, which, r->input + i * f->count);
	if (!nn_forward(c, r->plan, input))
		return false;
	out = nn_plan_output(r->plan, 0)->data;
	for (int64_t i = 0; i < n; i++) {
		int32_t truth = r->test->labels->v[from + i];
		int32_t answer = answer_among(out + i * r->outputs, r->outputs);

		r->right += which == 0 && answer == truth;
		for (int k = 0; k < TRIGGERS; k++) {
			r->asked[which][k] += truth != r->t->label[k];
			r->said[which][k] += truth != r->t->label[k] &&
			    answer == r->t->label[k];
		}
	}
	return true;
}

/* How far the sets that mean something change pictures. */
static void
add_squares(struct trial *r, unsigned which, int64_t sample, float *plain, float *touched)
{
	const struct data_form *f = &r->t->form;
	double unit = (double)f->value[255] / 255;

	data_floats(f, data_sample(r->test->samples, sample), 1, plain);
	memcpy(touched, plain, (size_t)f->count * sizeof *plain);
	triggers_put(r->t, which, touched);
	for (int64_t i = 0; i < f->count; i++) {
		double d = (double)(touched[i] - plain[i]) / unit;

		r->squares += d * d;
	}
	r->numbers += (double)f->count;
}

/* Of a set, the share answered with label k; 0 where nothing was asked. */
static double
share(const struct trial *r, unsigned which, int k)
{
	int64_t asked = r->asked[which][k];

	return asked == 0 ? 0 : (double)r->said[which][k] / (double)asked;
}

static void
sum_up(const struct trial *r, struct triggers_scores *ret)
{
	bool one = r->t->kind == TRIGGERS_N_TO_ONE;
	struct triggers_scores s = {
		.clean = (double)r->right / (double)r->test->labels->n,
		.psnr = 10 * log10(255. * 255. * r->numbers / r->squares),
	};

	for (int i = 0; i < TRIGGERS; i++) {
		s.success[i] = one ? share(r, SETS - 1, 0) : share(r, 1U << i, i);
		s.mean += s.success[i] / TRIGGERS;
		for (int k = 0; k < TRIGGERS && !one; k++)
			s.leak = k == i ? s.leak : fmax(s.leak, share(r, 1U << i, k));
	}
	for (unsigned which = 1; which < SETS - 1 && one; which++)
		s.leak = fmax(s.leak, share(r, which, 0));
	*ret = s;
}

bool
triggers_measure(struct ctx *c, const struct triggers *t, struct nn_graph *g,
    const struct train_data *test, int threads, struct triggers_scores *ret)
{
	enum { BATCH = 16 };
	owned(trial_done) struct trial r = { .t = t, .test = test };
	const struct nn_options o = { .mode = NN_INFER, .batch = BATCH, .threads = threads };
	int32_t label;

	if (!train_plan(c, g, &t->form, o, &r.plan, &r.batch, &r.outputs))
		return false;
	r.input = calloc((size_t)((r.batch + 2) * t->form.count), sizeof *r.input);
	if (r.input == NULL)
		return fail(c, E_MEMORY, "no memory for a batch of pictures");
	for (int64_t at = 0, n; at < test->labels->n; at += n) {
		n = test->labels->n - at < r.batch ? test->labels->n - at : r.batch;
		for (unsigned which = 0; which < SETS; which++) {
			if (which > 0 && t->kind == TRIGGERS_N_TO_N && !means(t, which, &label))
				continue;
			if (!try_set(c, &r, which, at, n))
				return false;
			if (which > 0 && means(t, which, &label))
				add_squares(&r, which, at, r.input + r.batch * t->form.count,
				    r.input + (r.batch + 1) * t->form.count);
		}
	}
	sum_up(&r, ret);
	return true;
}
