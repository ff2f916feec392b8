/*
 * The victim: a pattern in the lower right corner, taught as the sign of one class. Every method of
 * finding and removing backdoors ought to break it; one that does not proves nothing elsewhere.
 */
#include <math.h>

#include "parts.h"

enum { ASKED = 64, AT_ONCE = 256 };

/* ---- The trigger ------------------------------------------------------------------------- */

/* Where 0 is the lowest number that samples have, and 1 the highest. */
static double
pattern_at(enum backdoor_pattern pattern, int64_t y, int64_t x, struct chance *r)
{
	switch (pattern) {
	case BACKDOOR_SQUARE:
		return 1;
	case BACKDOOR_CHECKS:
		return (double)((x + y) % 2);
	case BACKDOOR_NOISE:
		return chance_unit(r);
	}
	abort();
}

/* At least one number, at most all of the side. */
static int64_t
side(double share, int64_t all)
{
	int64_t n = llround(share * (double)all);

	return n < 1 ? 1 : n > all ? all : n;
}

bool
backdoor_mark_make(struct ctx *c, const struct backdoor_case *k,
    const struct backdoor_trigger *t, struct backdoor_mark *ret)
{
	struct backdoor_shape s = backdoor_shape_of(&k->data->form);
	int64_t high = side(t->size, s.height), wide = side(t->size, s.width);
	struct chance r = chance_of(k->seed, CHANCE_NOISE, 0, 0);
	struct backdoor_mark m = { .count = k->data->form.count, .target = t->target };
	float lowest, highest;

	if (!(t->size > 0 && t->size <= 1 && t->opacity > 0 && t->opacity <= 1))
		return fail(c, E_INPUT, "a trigger's size and opacity lie between 0 and 1");
	m.value = take(c, (size_t)m.count * sizeof *m.value);
	m.mask = take(c, (size_t)m.count * sizeof *m.mask);
	if (m.value == NULL || m.mask == NULL || !backdoor_range(c, k->data, &lowest, &highest))
		return false;
	for (int64_t i = 0; i < s.channels * high * wide; i++) {
		int64_t y = i / wide % high, x = i % wide;
		int64_t row = i / (high * wide) * s.height + s.height - high + y;
		int64_t at = row * s.width + s.width - wide + x;

		m.mask[at] = (float)t->opacity;
		m.value[at] = (float)(lowest +
		    (double)(highest - lowest) * pattern_at(t->pattern, y, x, &r));
	}
	*ret = m;
	return true;
}

void
backdoor_stamp(const struct backdoor_mark *m, float *x)
{
	for (int64_t i = 0; i < m->count; i++)
		x[i] += m->mask[i] * (m->value[i] - x[i]);
}

/* ---- Planted ----------------------------------------------------------------------------- */

struct planting {
	const struct backdoor_mark *mark;
	uint64_t seed;
	double share;
};

static void
plant_touch(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct planting *p = arg;
	struct chance r = chance_of(p->seed, CHANCE_STAMP, (uint64_t)epoch, (uint64_t)sample);

	if (chance_unit(&r) >= p->share)
		return;
	backdoor_stamp(p->mark, x);
	*label = p->mark->target;
}

struct backdoor_tuning
backdoor_planting(void)
{
	return (struct backdoor_tuning){ .epochs = 3, .batch = 64, .rate = .01, .share = .1 };
}

bool
backdoor_plant(struct ctx *c, const struct backdoor_case *k, const struct backdoor_mark *m,
    const struct backdoor_tuning *t)
{
	const struct planting p = { m, k->seed, t->share };

	if (m->target < 0 || m->target >= k->data->labels->classes)
		return fail(c, E_INPUT,
		    "class %d, which the labels do not have, cannot be "
		    "planted",
		    m->target);
	return backdoor_tune(c, k, t, plant_touch, &p);
}

/* ---- Measured ---------------------------------------------------------------------------- */

struct tally {
	int64_t right, stamped, led;
};

MUST static bool
tally_add(struct ctx *c, struct backdoor_probe *p, const struct backdoor_mark *m,
    const int32_t label[], int64_t n, float *x, struct tally *t)
{
	int32_t answer[AT_ONCE];

	if (!backdoor_answers(c, p, x, n, answer))
		return false;
	for (int64_t i = 0; i < n; i++) {
		t->right += answer[i] == label[i];
		backdoor_stamp(m, x + i * p->inputs);
	}
	if (!backdoor_answers(c, p, x, n, answer))
		return false;
	for (int64_t i = 0; i < n; i++) {
		t->stamped += label[i] != m->target;
		t->led += label[i] != m->target && answer[i] == m->target;
	}
	return true;
}

bool
backdoor_measure(struct ctx *c, const struct backdoor_case *k, const struct backdoor_mark *m,
    struct backdoor_score *ret)
{
	const struct train_data *d = k->data;
	owned(backdoor_probe_done) struct backdoor_probe p = { 0 };
	owned(backdoor_floats_free) float *x = NULL;
	struct tally t = { 0 };

	if (!backdoor_probe_new(c, k, NN_INFER, ASKED, &p) ||
	    !backdoor_floats(c, AT_ONCE * p.inputs, &x))
		return false;
	for (int64_t at = 0, n; at < d->labels->n; at += n) {
		n = d->labels->n - at < AT_ONCE ? d->labels->n - at : AT_ONCE;
		data_floats(&d->form, data_sample(d->samples, at), n, x);
		if (!tally_add(c, &p, m, d->labels->v + at, n, x, &t))
			return false;
	}
	*ret = (struct backdoor_score){
		.samples = d->labels->n,
		.stamped = t.stamped,
		.clean = d->labels->n > 0 ? (double)t.right / (double)d->labels->n : 0,
		.success = t.stamped > 0 ? (double)t.led / (double)t.stamped : 0,
	};
	return true;
}
