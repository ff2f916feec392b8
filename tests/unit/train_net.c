/*
 * Training of a small network: that it learns, that its steps are what they should be, that right
 * answers are counted rightly, and that what cannot work is refused.
 */
#include <math.h>

#include "train_support.h"

static const struct loss entropy = { TRAIN_CROSS_ENTROPY, TRAIN_LOGITS, 0 };

/* ---- It learns --------------------------------------------------------------------------- */

static const struct {
	enum train_optimiser optimiser;
	double rate;
	enum train_initial initial;
	struct loss loss;
	int64_t outputs;
} learn_cases[] = {
	{ TRAIN_SGD, 0.05, TRAIN_HE, { TRAIN_CROSS_ENTROPY }, 4 },
	{ TRAIN_SGD, 0.05, TRAIN_XAVIER, { TRAIN_CROSS_ENTROPY }, 4 },
	{ TRAIN_ADAM, 0.01, TRAIN_HE, { TRAIN_CROSS_ENTROPY }, 4 },
	{ TRAIN_ADAMW, 0.01, TRAIN_XAVIER, { TRAIN_CROSS_ENTROPY }, 4 },
	{ TRAIN_SGD, 0.2, TRAIN_HE, { TRAIN_BINARY, TRAIN_LOGITS, 2 }, 4 },
	{ TRAIN_SGD, 0.05, TRAIN_HE, { TRAIN_SQUARES }, 4 },
	{ TRAIN_SGD, 0.05, TRAIN_HE, { TRAIN_BINARY }, 1 },
};

START_TEST(networks_learn)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net net = net_open(c, net_bytes(c, learn_cases[_i].outputs));
	owned(toys_done) struct toys toys = toys_new(320, learn_cases[_i].outputs == 1 ? 2 : 4);
	owned(trainer_free) struct trainer *t = NULL;
	struct train_options o = options_full();
	double first;

	o.optimiser.kind = learn_cases[_i].optimiser;
	o.optimiser.beta2 = 0.999;
	o.optimiser.epsilon = 1e-8;
	o.schedule.rate = learn_cases[_i].rate;
	o.loss = learn_cases[_i].loss;
	o.epochs = 8;
	ck_ok(c, train_initialise(c, &net.model, net.graph, learn_cases[_i].initial, 1));
	ck_assert_int_lt(right_answers(c, &net, &toys, &o.loss), 240);
	t = trainer_ok(c, &net, &toys, &o);
	ck_ok(c, trainer_step(c, t));
	first = trainer_progress(t).loss;
	train_until(c, t, 160);
	ck_assert(!trainer_more(t));
	ck_fails(c, E_INTERNAL, trainer_step(c, t));
	ck_assert(trainer_progress(t).epoch_loss < first / 2);
	ck_assert_int_ge(right_answers(c, &net, &toys, &o.loss), 310);
}
END_TEST

START_TEST(progress_says_where_it_is)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(100, 4);
	struct train_options o = options_full();
	owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, &o);
	struct train_progress p = trainer_progress(t);
	double sum = 0;

	/* 100 samples are six batches of 16 and four that are left out. */
	ck_assert_int_eq(p.steps, 18);
	ck_assert_int_eq(p.step, 0);
	ck_assert(p.left < 0);
	for (int i = 1; i <= 7; i++) {
		ck_ok(c, trainer_step(c, t));
		p = trainer_progress(t);
		sum = i == 7 ? p.loss : sum + p.loss;
		ck_assert_int_eq(p.step, i);
		ck_assert_int_eq(p.epoch, i / 6);
		ck_assert(fabs(p.epoch_loss - sum / (i == 7 ? 1 : i)) < 1e-9);
	}
	ck_assert_uint_gt(trainer_memory(t), 16 * 72 * sizeof(float));
}
END_TEST

/* ---- Steps ------------------------------------------------------------------------------- */

static double
distance(struct str a, struct str b)
{
	double sum = 0;

	ck_assert_uint_eq(a.n, b.n);
	for (size_t i = 0; i < a.n; i += sizeof(float)) {
		float x, y;

		memcpy(&x, a.p + i, sizeof x);
		memcpy(&y, b.p + i, sizeof y);
		sum += ((double)x - y) * ((double)x - y);
	}
	return sqrt(sum);
}

/* The running numbers of norms, which no gradient moves. */
static void
hold_norms(struct net *net)
{
	static const char *const names[] = { "norm.m", "norm.v" };

	for (size_t i = 0; i < COUNT(names); i++) {
		struct nn_weight *w = nn_weight_by_name(net->graph, str_of(names[i]));

		for (int64_t k = 0; k < w->count; k++)
			w->data[k] = 0;
	}
}

START_TEST(gradients_are_clipped_together)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	double moved[2];

	o.optimiser = (struct optimiser){ .kind = TRAIN_SGD };
	o.schedule = (struct schedule){ .kind = TRAIN_CONSTANT, .rate = 0.5 };
	for (int k = 0; k < 2; k++) {
		owned(net_done) struct net net = net_fresh(c, 4, 1);
		owned(toys_done) struct toys toys = toys_new(96, 4);
		owned(trainer_free) struct trainer *t = NULL;
		struct str before;

		o.clip = k == 0 ? 0 : 0.125;
		t = trainer_ok(c, &net, &toys, &o);
		hold_norms(&net);
		before = net_weights(c, &net);
		ck_ok(c, trainer_step(c, t));
		hold_norms(&net);
		moved[k] = distance(before, net_weights(c, &net));
	}
	ck_assert(moved[0] > 0.2);
	ck_assert(fabs(moved[1] - 0.5 * 0.125) < 1e-5);
}
END_TEST

/* The loss's own differences, weight by weight, through the whole network. */
START_TEST(steps_go_down_the_gradient)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(16, 4);
	struct nn_weight *w = nn_weight_by_name(net.graph, STR("gemm.b"));
	owned(trainer_free) struct trainer *t = NULL;
	double differences[4];
	float was[4];

	o.epochs = 10;
	o.optimiser = (struct optimiser){ .kind = TRAIN_SGD };
	o.schedule = (struct schedule){ .kind = TRAIN_CONSTANT, .rate = 1e-3 };
	o.clip = 0;
	for (int k = 0; k < 8; k++) {
		owned(net_done) struct net copy = net_fresh(c, 4, 1);
		struct nn_weight *b = nn_weight_by_name(copy.graph, STR("gemm.b"));
		owned(trainer_free) struct trainer *u = trainer_ok(c, &copy, &toys, &o);

		/* The first step of each has the same dropout. */
		b->data[k / 2] += k % 2 == 0 ? 0.01F : -0.01F;
		nn_graph_changed(copy.graph);
		ck_ok(c, trainer_step(c, u));
		differences[k / 2] = k % 2 == 0
		    ? trainer_progress(u).loss
		    : (differences[k / 2] - trainer_progress(u).loss) / 0.02;
	}
	memcpy(was, w->data, sizeof was);
	t = trainer_ok(c, &net, &toys, &o);
	ck_ok(c, trainer_step(c, t));
	for (int k = 0; k < 4; k++)
		ck_assert(fabs((was[k] - w->data[k]) / 1e-3 - differences[k]) < 2e-3);
}
END_TEST

START_TEST(biases_do_not_decay)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	owned(net_done) struct net one = net_fresh(c, 4, 1), other = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(trainer_free) struct trainer *t = NULL, *u = NULL;
	static const char *const biases[] = { "conv.b", "norm.s", "norm.b", "gemm.b" };

	t = trainer_ok(c, &one, &toys, &o);
	o.optimiser.decay = 0.5;
	u = trainer_ok(c, &other, &toys, &o);
	ck_ok(c, trainer_step(c, t));
	ck_ok(c, trainer_step(c, u));
	for (size_t i = 0; i < COUNT(biases); i++)
		ck_assert_mem_eq(nn_weight_by_name(one.graph, str_of(biases[i]))->data,
		    nn_weight_by_name(other.graph, str_of(biases[i]))->data, 4 * sizeof(float));
	ck_assert(nn_weight_by_name(one.graph, STR("gemm.w"))->data[0] !=
	    nn_weight_by_name(other.graph, STR("gemm.w"))->data[0]);
}
END_TEST

START_TEST(norms_learn_their_running_numbers)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, &o);
	const struct nn_weight *mean = nn_weight_by_name(net.graph, STR("norm.m"));
	const struct nn_weight *variance = nn_weight_by_name(net.graph, STR("norm.v"));

	train_until(c, t, 6);
	for (int k = 0; k < 4; k++)
		ck_assert(mean->data[k] != 0 && variance->data[k] != 1);
}
END_TEST

/* ---- First weights ----------------------------------------------------------------------- */

START_TEST(first_weights)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net he = net_fresh(c, 4, 1), again = net_fresh(c, 4, 1),
				   other = net_fresh(c, 4, 2);
	const struct nn_weight *w = nn_weight_by_name(he.graph, STR("gemm.w"));
	const struct nn_weight *b = nn_weight_by_name(he.graph, STR("gemm.b"));
	double sum = 0;

	ck_assert(str_same(net_weights(c, &he), net_weights(c, &again)));
	ck_assert(!str_same(net_weights(c, &he), net_weights(c, &other)));
	for (int64_t i = 0; i < w->count; i++)
		sum += (double)w->data[i] * w->data[i];
	/* Variance 2 / 144. */
	ck_assert(fabs(sum / (double)w->count * 144 / 2 - 1) < 0.2);
	for (int64_t i = 0; i < b->count; i++)
		ck_assert(b->data[i] == 0);
	/* Xavier stays within its bound, and what norms have learnt is forgotten. */
	nn_weight_by_name(he.graph, STR("norm.v"))->data[1] = 7;
	nn_weight_by_name(he.graph, STR("norm.m"))->data[1] = 7;
	ck_ok(c, train_initialise(c, &he.model, he.graph, TRAIN_XAVIER, 1));
	for (int64_t i = 0; i < w->count; i++)
		ck_assert(fabs(w->data[i]) <= sqrt(6.0 / 148) + 1e-6);
	ck_assert(nn_weight_by_name(he.graph, STR("norm.v"))->data[1] == 1);
	ck_assert(nn_weight_by_name(he.graph, STR("norm.m"))->data[1] == 0);
	/* What is not trained stays. */
	ck_assert(nn_weight_by_name(he.graph, STR("mean"))->data[0] == 0.25F);
}
END_TEST

/* ---- Evaluation -------------------------------------------------------------------------- */

START_TEST(evaluations_do_not_depend_on_batches)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(50, 4);
	struct train_data d = toys_for(c, &net, &toys);
	int64_t confusion[2][16];

	for (int k = 0; k < 2; k++) {
		owned(evaluator_free) struct evaluator *e = NULL;
		const struct train_score *s;
		int64_t truth = 0, right = 0;

		ck_ok(c, evaluator_new(c, net.graph, &d.form, &entropy, k == 0 ? 1 : 7, 1, &e));
		ck_assert_int_eq(evaluator_classes(e), 4);
		ck_ok(c, evaluator_add(c, e, toys.samples.v, toys.labels.v, 9));
		evaluator_clear(e);
		ck_ok(c, evaluator_add(c, e, toys.samples.v, toys.labels.v, 20));
		ck_ok(c,
		    evaluator_add(
			c, e, data_sample(&toys.samples, 20), toys.labels.v + 20, 30));
		s = evaluator_score(e);
		ck_assert_int_eq(s->samples, 50);
		for (int i = 0; i < 4; i++) {
			truth += s->truth[i];
			right += s->right[i];
			ck_assert_int_eq(s->right[i], s->confusion[i * 4 + i]);
		}
		ck_assert_int_eq(truth, 50);
		ck_assert_int_eq(right, s->correct);
		memcpy(confusion[k], s->confusion, sizeof confusion[k]);
	}
	ck_assert_mem_eq(confusion[0], confusion[1], sizeof confusion[0]);
}
END_TEST

START_TEST(evaluations_of_wrong_labels)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(4, 4);
	struct train_data d = toys_for(c, &net, &toys);
	owned(evaluator_free) struct evaluator *e = NULL;

	ck_ok(c, evaluator_new(c, net.graph, &d.form, &entropy, 4, 1, &e));
	toys.labels.v[3] = 4;
	ck_fails(c, E_INPUT, evaluator_add(c, e, toys.samples.v, toys.labels.v, 4));
	toys.labels.v[3] = -1;
	ck_fails(c, E_INPUT, evaluator_add(c, e, toys.samples.v, toys.labels.v, 4));
}
END_TEST

/* ---- What cannot work -------------------------------------------------------------------- */

START_TEST(trainings_that_cannot_be)
{
	struct ctx *c = test_ctx();
	const struct train_options good = options_full();
	owned(net_done) struct net net = net_fresh(c, 4, 1), single = net_fresh(c, 1, 1);
	owned(toys_done) struct toys toys = toys_new(40, 4);
	struct train_data d = toys_for(c, &net, &toys);
	struct train_options o;
	struct trainer *t = NULL;

#define REFUSED(change)                                                      \
	do {                                                                 \
		o = good;                                                    \
		change;                                                      \
		ck_fails(c, E_INPUT, trainer_new(c, net.graph, &d, &o, &t)); \
		d = toys_for(c, &net, &toys);                                \
	} while (0)
	REFUSED(o.epochs = 0);
	REFUSED(o.batch = 0);
	REFUSED(o.epochs = INT64_MAX);
	REFUSED(o.schedule.rate = 0);
	REFUSED(o.schedule.rate = NAN);
	REFUSED(o.crop = -1);
	REFUSED(o.crop = 6);
	REFUSED(d.form.rank = 2; o.flip = true);
	REFUSED(d.form.count = 71);
	toys.labels.classes = 5;
	REFUSED(o.flip = false);
	toys.labels.classes = 4;
	toys.labels.n = 39;
	REFUSED(o.flip = false);
	toys.labels.n = 40;
#undef REFUSED
	/* One output has no cross-entropy. */
	ck_fails(c, E_INPUT, trainer_new(c, single.graph, &d, &good, &t));
	ck_assert_ptr_null(t);
}
END_TEST

START_TEST(trainings_that_go_astray)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(trainer_free) struct trainer *t = NULL;
	bool ok = true;

	o.schedule = (struct schedule){ .kind = TRAIN_CONSTANT, .rate = 1e30 };
	o.clip = 0;
	t = trainer_ok(c, &net, &toys, &o);
	while (ok && trainer_more(t))
		ok = trainer_step(c, t);
	ck_assert(!ok);
	ck_err(c, E_INPUT);
}
END_TEST

MAIN("train_net", EACH(networks_learn, learn_cases), ONE(progress_says_where_it_is),
    ONE(gradients_are_clipped_together), ONE(steps_go_down_the_gradient),
    ONE(biases_do_not_decay), ONE(norms_learn_their_running_numbers), ONE(first_weights),
    ONE(evaluations_do_not_depend_on_batches), ONE(evaluations_of_wrong_labels),
    ONE(trainings_that_cannot_be), ONE(trainings_that_go_astray))
