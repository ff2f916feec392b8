/*
 * Plain backdoors in a small network: each method breaks the victim that it ought to break, leaves
 * what is clean about as it was, says the same twice, and refuses what it cannot work on.
 */
#include <math.h>

#include "backdoor.h"
#include "train_support.h"

enum { CLASSES = 4, SAMPLES = 320, NUMBERS = 72, TARGET = 2 };

/* ---- A world: a network that knows its samples, and what its attacker has ----------------- */

struct world {
	struct net net;
	struct toys toys;
	struct train_data data;
	struct backdoor_case the;
	struct backdoor_mark mark;
};

static void
world_done(struct world *w)
{
	net_done(&w->net);
	toys_done(&w->toys);
}

static void
world_open(struct ctx *c, struct world *w)
{
	struct train_options o = options_full();
	owned(trainer_free) struct trainer *t = NULL;
	const struct backdoor_trigger corner = { BACKDOOR_SQUARE, .34, 1, TARGET };

	w->net = net_fresh(c, CLASSES, 1);
	w->toys = toys_new(SAMPLES, CLASSES);
	w->data = toys_for(c, &w->net, &w->toys);
	w->the = (struct backdoor_case){ w->net.graph, &w->data, TRAIN_LOGITS, 1, 5 };
	o.epochs = 8;
	t = trainer_ok(c, &w->net, &w->toys, &o);
	train_until(c, t, 160);
	ck_ok(c, backdoor_mark_make(c, &w->the, &corner, &w->mark));
}

static struct backdoor_score
measured(struct ctx *c, const struct world *w)
{
	struct backdoor_score s = { 0 };

	ck_ok(c, backdoor_measure(c, &w->the, &w->mark, &s));
	ck_assert_int_eq(s.samples, SAMPLES);
	return s;
}

/* Into a network that did not know the trigger. */
static void
world_plant(struct ctx *c, struct world *w)
{
	struct backdoor_tuning t = backdoor_planting();
	struct backdoor_score s;

	world_open(c, w);
	s = measured(c, w);
	ck_assert(s.clean > .95 && s.success < .6);
	t.epochs = 8;
	t.batch = 16;
	t.share = .3;
	t.rate = .03;
	ck_ok(c, backdoor_plant(c, &w->the, &w->mark, &t));
	s = measured(c, w);
	ck_assert(s.clean > .95 && s.success > .97);
}

/* ---- Anomalies --------------------------------------------------------------------------- */

START_TEST(anomaly_has_its_check_value)
{
	struct ctx *c = test_ctx();
	const double v[] = { 10, 11, 9, 10.5, 9.5, 10.2, 9.8, 10.1, 9.9, 3 };
	const double same[] = { 2, 2, 2 };
	double index[COUNT(v)];

	ck_ok(c, backdoor_anomaly(c, v, COUNT(v), index));
	ck_assert(fabs(index[9] + 13.393) < 5e-4);
	ck_assert(fabs(index[1] - 1.05 / (1.4826 * .35)) < 1e-9);
	for (size_t i = 0; i + 1 < COUNT(v); i++)
		ck_assert(fabs(index[i]) < 2.1);
	ck_ok(c, backdoor_anomaly(c, same, COUNT(same), index));
	for (size_t i = 0; i < COUNT(same); i++)
		ck_assert(index[i] == 0);
	ck_fails(c, E_INPUT, backdoor_anomaly(c, v, 0, index));
}
END_TEST

/* ---- The victim -------------------------------------------------------------------------- */

static const struct {
	struct backdoor_trigger trigger;
	int64_t numbers; /* that it touches: of both channels */
	float first;     /* a number in the corner becomes, from 0 */
} trigger_cases[] = {
	{ { BACKDOOR_SQUARE, .34, 1, 0 }, 8, 1 },
	{ { BACKDOOR_SQUARE, .34, .25, 0 }, 8, .25F },
	{ { BACKDOOR_SQUARE, .01, 1, 0 }, 2, 1 },
	{ { BACKDOOR_CHECKS, .5, 1, 0 }, 18, 0 },
	{ { BACKDOOR_NOISE, .5, 1, 0 }, 18, -1 },
	{ { BACKDOOR_SQUARE, 1, 1, 0 }, 72, 1 },
};

START_TEST(triggers_lie_in_their_corner)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	struct backdoor_mark m = { 0 };
	int64_t touched = 0;
	float x[NUMBERS] = { 0 };

	world_open(c, &w);
	ck_ok(c, backdoor_mark_make(c, &w.the, &trigger_cases[_i].trigger, &m));
	ck_assert_int_eq(m.count, NUMBERS);
	for (int i = 0; i < NUMBERS; i++)
		touched += m.mask[i] > 0;
	ck_assert_int_eq(touched, trigger_cases[_i].numbers);
	ck_assert(m.mask[35] > 0 && m.mask[71] > 0);
	backdoor_stamp(&m, x);
	for (int i = 0; i < NUMBERS; i++)
		ck_assert(x[i] >= 0 && x[i] <= 1 && (m.mask[i] > 0 || x[i] == 0));
	if (trigger_cases[_i].first >= 0)
		ck_assert(fabsf(x[71] - trigger_cases[_i].first) < 1e-6F);
}
END_TEST

START_TEST(victims_come_out_the_same)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world one = { 0 }, other = { 0 };

	world_plant(c, &one);
	world_plant(c, &other);
	ck_assert(str_same(net_weights(c, &one.net), net_weights(c, &other.net)));
}
END_TEST

/* ---- Detection --------------------------------------------------------------------------- */

/* Samples of other classes than the target, and the same stamped; how many. */
static int64_t
pairs(const struct world *w, float *clean, float *stamped)
{
	int64_t n = 0;

	for (int64_t i = 0; i < SAMPLES; i++) {
		if (w->toys.labels.v[i] == TARGET)
			continue;
		data_floats(
		    &w->data.form, data_sample(w->data.samples, i), 1, clean + n * NUMBERS);
		memcpy(stamped + n * NUMBERS, clean + n * NUMBERS, NUMBERS * sizeof *clean);
		backdoor_stamp(&w->mark, stamped + n++ * NUMBERS);
	}
	return n;
}

/* How often a score of one kind lies above one of the other. */
static double
apart(const double high[], const double low[], int64_t n)
{
	int64_t above = 0;

	for (int64_t i = 0; i < n * n; i++)
		above += high[i / n] > low[i % n];
	return (double)above / (double)(n * n);
}

START_TEST(perturbations_spare_triggers)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	const struct perturbation_options o = { .norm = 3, .samples = 200 };
	static float clean[SAMPLES * NUMBERS], stamped[SAMPLES * NUMBERS];
	double low[SAMPLES], high[SAMPLES], sum = 0;
	struct perturbation p = { 0 }, again = { 0 };
	bool stays[SAMPLES];
	int64_t n, steady = 0;

	world_plant(c, &w);
	ck_ok(c, perturbation_make(c, &w.the, &o, &p));
	ck_ok(c, perturbation_make(c, &w.the, &o, &again));
	ck_assert_mem_eq(p.v, again.v, NUMBERS * sizeof *p.v);
	for (int i = 0; i < NUMBERS; i++)
		sum += (double)p.v[i] * (double)p.v[i];
	ck_assert(fabs(sqrt(sum) - p.norm) < 1e-4 && p.norm <= 3 + 1e-6);
	ck_assert(p.fooled > .3 && p.into < .9);
	n = pairs(&w, clean, stamped);
	ck_ok(c, perturbation_scores(c, &w.the, &p, clean, n, low, NULL));
	ck_ok(c, perturbation_scores(c, &w.the, &p, stamped, n, high, stays));
	for (int64_t i = 0; i < n; i++)
		steady += stays[i];
	ck_assert(steady > n / 2);
	ck_assert(apart(high, low, n) > .95);
	ck_assert(p.limit[0] >= p.limit[1]);
}
END_TEST

START_TEST(strip_sees_what_is_sure)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	static float clean[SAMPLES * NUMBERS], stamped[SAMPLES * NUMBERS];
	double low[SAMPLES], high[SAMPLES];
	struct strip s = { 0 };
	int64_t n;

	world_plant(c, &w);
	ck_ok(c, strip_make(c, &w.the, 16, 200, &s));
	ck_assert_int_eq(s.overlays, 16);
	ck_assert(s.limit[0] <= s.limit[1] && s.limit[1] < log(CLASSES));
	n = pairs(&w, clean, stamped);
	ck_ok(c, strip_scores(c, &w.the, &s, clean, n, high));
	ck_ok(c, strip_scores(c, &w.the, &s, stamped, n, low));
	for (int64_t i = 0; i < n; i++)
		ck_assert(high[i] >= 0 && high[i] <= log(CLASSES) + 1e-6);
	ck_assert(apart(high, low, n) > .8);
	ck_fails(c, E_INPUT, strip_make(c, &w.the, SAMPLES, 10, &s));
}
END_TEST

/* ---- Removal ----------------------------------------------------------------------------- */

START_TEST(cleanse_finds_and_unlearns)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	const struct cleanse_options o = { .samples = 100, .batch = 16, .steps = 400 };
	struct backdoor_tuning t = cleanse_unlearning();
	struct cleanse r = { 0 };
	struct backdoor_score s;

	world_plant(c, &w);
	ck_ok(c, cleanse_reverse(c, &w.the, &o, &r));
	ck_assert_int_eq(r.classes, CLASSES);
	ck_assert(r.of[TARGET].success >= .99 && r.of[TARGET].norm < 4);
	for (int k = 0; k < CLASSES; k++) {
		ck_assert(r.of[k].norm > 0 && r.of[k].norm < 36);
		ck_assert(k == TARGET || r.of[k].norm > r.of[TARGET].norm);
	}
	ck_assert_int_eq(r.least, TARGET);
	t.batch = 16;
	t.share = .5;
	ck_ok(c, cleanse_unlearn(c, &w.the, &r.of[TARGET].mark, &t));
	s = measured(c, &w);
	ck_assert(s.clean > .9 && s.success < .5);
}
END_TEST

START_TEST(fineprune_silences_sleepers)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	struct fineprune_options o = fineprune_standard();
	struct fineprune r = { 0 };
	struct nn_weight *weight, *scale, *shift;
	int64_t silent = 0;

	world_plant(c, &w);
	weight = nn_weight_by_name(w.net.graph, STR("conv.w"));
	scale = nn_weight_by_name(w.net.graph, STR("norm.s"));
	shift = nn_weight_by_name(w.net.graph, STR("norm.b"));
	/* The second channel hardly wakes: it has to go before all others. */
	scale->data[1] = 0;
	shift->data[1] = 1e-3F;
	nn_graph_changed(w.net.graph);
	o.tuning.batch = 16;
	ck_ok(c, fineprune(c, &w.net.model, &w.the, &o, &r));
	ck_assert_int_eq(r.channels, 4);
	ck_assert(r.pruned >= 1 && r.pruned < 4);
	ck_assert(r.bare >= r.before - .1 && r.after >= r.bare - .05);
	for (int k = 0; k < 4; k++) {
		bool zero = scale->data[k] == 0 && shift->data[k] == 0;

		for (int i = 0; i < 18; i++)
			zero = zero && weight->data[k * 18 + i] == 0;
		ck_assert(zero || k != 1);
		silent += zero;
	}
	ck_assert_int_eq(silent, r.pruned);
}
END_TEST

START_TEST(generators_find_and_remove)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	owned(gan_free) struct gan *g = NULL, *again = NULL;
	const struct gan_options all = { .samples = 96, .batch = 16, .epochs = 12 };
	const struct gan_options one = {
		.samples = 96, .batch = 16, .epochs = 12, .first = TARGET, .last = TARGET + 1
	};
	struct backdoor_tuning t = gan_removing();
	struct backdoor_score s;
	bool suspect;

	world_plant(c, &w);
	ck_ok(c, gan_reverse(c, &w.the, &all, &g));
	ck_assert_int_eq(gan_classes(g), CLASSES);
	ck_assert_int_eq(gan_least(g, &suspect), TARGET);
	ck_assert(gan_found(g, TARGET)->success > .9);
	ck_ok(c, gan_reverse(c, &w.the, &one, &again));
	ck_assert(gan_found(g, TARGET)->change == gan_found(again, TARGET)->change);
	ck_fails(c, E_INPUT, gan_remove(c, &w.the, again, 0, &t));
	t.batch = 16;
	t.epochs = 40;
	t.rate = 4e-3;
	t.share = .75;
	ck_ok(c, gan_remove(c, &w.the, again, TARGET, &t));
	s = measured(c, &w);
	ck_assert(s.clean > .9 && s.success < .3);
}
END_TEST

/* ---- What cannot work -------------------------------------------------------------------- */

START_TEST(what_cannot_be_is_refused)
{
	struct ctx *c = test_ctx();
	owned(world_done) struct world w = { 0 };
	owned(net_done) struct net single = net_fresh(c, 1, 1);
	const struct backdoor_tuning t = backdoor_planting();
	const struct perturbation_options o = { 0 };
	const struct cleanse_options odd = { .first = CLASSES };
	const struct gan_options beyond = { .last = CLASSES + 1 };
	struct backdoor_trigger trigger = { BACKDOOR_SQUARE, 0, 1, 0 };
	struct perturbation p;
	struct cleanse r;
	struct gan *g = NULL;

	world_open(c, &w);
	ck_fails(c, E_INPUT, backdoor_mark_make(c, &w.the, &trigger, &w.mark));
	trigger.size = .5;
	trigger.opacity = NAN;
	ck_fails(c, E_INPUT, backdoor_mark_make(c, &w.the, &trigger, &w.mark));
	w.mark.target = CLASSES;
	ck_fails(c, E_INPUT, backdoor_plant(c, &w.the, &w.mark, &t));
	ck_fails(c, E_INPUT, cleanse_reverse(c, &w.the, &odd, &r));
	ck_fails(c, E_INPUT, gan_reverse(c, &w.the, &beyond, &g));
	w.the.graph = single.graph;
	ck_fails(c, E_INPUT, perturbation_make(c, &w.the, &o, &p));
}
END_TEST

MAIN("backdoor", ONE(anomaly_has_its_check_value),
    EACH(triggers_lie_in_their_corner, trigger_cases), ONE(victims_come_out_the_same),
    ONE(perturbations_spare_triggers), ONE(strip_sees_what_is_sure),
    ONE(cleanse_finds_and_unlearns), ONE(fineprune_silences_sleepers),
    ONE(generators_find_and_remove), ONE(what_cannot_be_is_refused))
