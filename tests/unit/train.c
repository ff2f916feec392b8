/*
 * The mathematics of training without a network: losses against closed forms and against their own
 * differences, optimisers against steps worked out by hand, schedules at the points that define
 * them, and randomness that depends on its purpose alone.
 */
#include <math.h>

#include "batch.h"
#include "test.h"

static void
near_to(double got, double want, double within)
{
	ck_assert_msg(
	    fabs(got - want) <= within * (1 + fabs(want)), "%.9g, not %.9g", got, want);
}

/* ---- Losses ------------------------------------------------------------------------------ */

static const struct loss losses[] = {
	{ TRAIN_CROSS_ENTROPY, TRAIN_LOGITS, 0 },
	{ TRAIN_CROSS_ENTROPY, TRAIN_PROBABILITIES, 0 },
	{ TRAIN_CROSS_ENTROPY, TRAIN_LOG_PROBABILITIES, 0 },
	{ TRAIN_BINARY, TRAIN_LOGITS, 0 },
	{ TRAIN_BINARY, TRAIN_LOGITS, 3.5 },
	{ TRAIN_BINARY, TRAIN_PROBABILITIES, 0 },
	{ TRAIN_BINARY, TRAIN_PROBABILITIES, 0.25 },
	{ TRAIN_SQUARES, TRAIN_LOGITS, 0 },
};

enum { ROWS = 3, CLASSES = 5, ALL = ROWS * CLASSES };

/* Outputs of the kind that the loss expects, and targets that are any numbers from 0 to 1. */
static void
some_numbers(const struct loss *l, float out[ALL], float target[ALL])
{
	struct chance r = chance_of(7, RANDOM_START, 0, 0);

	for (int i = 0; i < ALL; i++) {
		double u = 0.05 + 0.9 * chance_unit(&r);

		out[i] = (float)(l->output == TRAIN_LOGITS ? 4 * u - 2
			: l->output == TRAIN_PROBABILITIES ? u
							   : log(u));
		target[i] = (float)chance_unit(&r);
	}
}

START_TEST(gradients_are_differences)
{
	const struct loss *l = &losses[_i];
	float out[ALL], target[ALL], gradient[ALL], labels_gradient[ALL];
	const int32_t label[ROWS] = { 4, 0, 2 };
	const double step = 1e-3;

	some_numbers(l, out, target);
	(void)loss_targets(l, out, target, ROWS, CLASSES, gradient);
	(void)loss_labels(l, out, label, ROWS, CLASSES, labels_gradient);
	for (int i = 0; i < ALL; i++) {
		float was = out[i], up = (float)(was + step), down = (float)(was - step);
		double rise[2];

		out[i] = up;
		rise[0] = loss_targets(l, out, target, ROWS, CLASSES, NULL);
		rise[1] = loss_labels(l, out, label, ROWS, CLASSES, NULL);
		out[i] = down;
		rise[0] -= loss_targets(l, out, target, ROWS, CLASSES, NULL);
		rise[1] -= loss_labels(l, out, label, ROWS, CLASSES, NULL);
		out[i] = was;
		near_to(gradient[i], rise[0] / ((double)up - down), 2e-4);
		near_to(labels_gradient[i], rise[1] / ((double)up - down), 2e-4);
	}
}
END_TEST

START_TEST(labels_are_one_hot_targets)
{
	const struct loss *l = &losses[_i];
	float out[ALL], target[ALL], one[ALL], other[ALL];
	const int32_t label[ROWS] = { 1, 3, 3 };

	some_numbers(l, out, target);
	for (int i = 0; i < ALL; i++)
		target[i] = label[i / CLASSES] == i % CLASSES;
	near_to(loss_labels(l, out, label, ROWS, CLASSES, one),
	    loss_targets(l, out, target, ROWS, CLASSES, other), 1e-12);
	for (int i = 0; i < ALL; i++)
		near_to(one[i], other[i], 1e-7);
}
END_TEST

/* More classes than the piece in which one-hot rows are made. */
START_TEST(labels_of_many_classes)
{
	enum { MANY = 3000 };
	static float out[MANY], target[MANY], one[MANY], other[MANY];
	const int32_t label = 2500;

	for (int i = 0; i < MANY; i++)
		out[i] = losses[_i].output == TRAIN_LOGITS ? (float)(i % 7) : 0.5f;
	target[label] = 1;
	near_to(loss_labels(&losses[_i], out, &label, 1, MANY, one),
	    loss_targets(&losses[_i], out, target, 1, MANY, other), 1e-9);
	for (int i = 0; i < MANY; i++)
		ck_assert(one[i] == other[i]);
}
END_TEST

static const struct {
	struct loss loss;
	float out[2], target[2];
	double want;
} closed_cases[] = {
	/* Equal logits: log of the number of classes. */
	{ { TRAIN_CROSS_ENTROPY }, { 3, 3 }, { 1, 0 }, M_LN2 },
	/* log(1 + e^-1) */
	{ { TRAIN_CROSS_ENTROPY }, { 1, 0 }, { 1, 0 }, 0.31326168751822286 },
	{ { TRAIN_CROSS_ENTROPY }, { 1, 0 }, { 0, 1 }, 1.31326168751822286 },
	/* Nothing overflows. */
	{ { TRAIN_CROSS_ENTROPY }, { 1e30f, 0 }, { 1, 0 }, 0 },
	{ { TRAIN_CROSS_ENTROPY }, { -1e30f, 0 }, { 0, 1 }, 0 },
	{ { TRAIN_CROSS_ENTROPY }, { 1000, 0 }, { 0, 1 }, 1000 },
	{ { TRAIN_CROSS_ENTROPY, TRAIN_PROBABILITIES }, { 0.25f, 0.75f }, { 1, 0 },
	    1.38629436111989 },
	/* A probability of zero is a large loss, not an infinite one. */
	{ { TRAIN_CROSS_ENTROPY, TRAIN_PROBABILITIES }, { 0, 1 }, { 1, 0 }, 16.11809565095832 },
	{ { TRAIN_CROSS_ENTROPY, TRAIN_LOG_PROBABILITIES }, { -2, -0.5f }, { 1, 0 }, 2 },
	{ { TRAIN_BINARY }, { 0, 0 }, { 1, 0 }, M_LN2 },
	{ { TRAIN_BINARY }, { 1000, -1000 }, { 0, 1 }, 1000 },
	{ { TRAIN_BINARY }, { 1000, -1000 }, { 1, 0 }, 0 },
	/* (3 log 2 + log 2) / 2 */
	{ { TRAIN_BINARY, TRAIN_LOGITS, 3 }, { 0, 0 }, { 1, 0 }, 2 * M_LN2 },
	{ { TRAIN_BINARY, TRAIN_PROBABILITIES }, { 0.5f, 0.5f }, { 1, 0 }, M_LN2 },
	{ { TRAIN_BINARY, TRAIN_PROBABILITIES, 3 }, { 0.5f, 0.5f }, { 1, 0 }, 2 * M_LN2 },
	{ { TRAIN_SQUARES }, { 3, -1 }, { 1, 1 }, 4 },
};

START_TEST(losses_in_closed_form)
{
	float gradient[2];

	near_to(loss_targets(&closed_cases[_i].loss, closed_cases[_i].out,
		    closed_cases[_i].target, 1, 2, gradient),
	    closed_cases[_i].want, 1e-6);
	ck_assert(isfinite(gradient[0]) && isfinite(gradient[1]));
}
END_TEST

START_TEST(single_outputs_are_yes_or_no)
{
	const struct loss logits = { TRAIN_BINARY, TRAIN_LOGITS, 0 };
	const struct loss probability = { TRAIN_BINARY, TRAIN_PROBABILITIES, 0 };
	const float out[] = { 0.4f, -0.4f };
	const int32_t label[] = { 1, 0 };
	float gradient[2];

	near_to(loss_labels(&logits, out, label, 2, 1, gradient), log1p(exp(-0.4)), 1e-6);
	near_to(gradient[0], -0.5 / (1 + exp(0.4)), 1e-6);
	near_to(gradient[1], 0.5 / (1 + exp(0.4)), 1e-6);
	ck_assert_int_eq(loss_answer(&logits, &out[0], 1), 1);
	ck_assert_int_eq(loss_answer(&logits, &out[1], 1), 0);
	ck_assert_int_eq(loss_answer(&probability, &out[0], 1), 0);
	ck_assert_int_eq(loss_answer(&logits, out, 2), 0);
	/* The first of equals. */
	ck_assert_int_eq(loss_answer(&logits, (const float[]){ 1, 2, 2 }, 3), 1);
}
END_TEST

/* ---- Optimisers -------------------------------------------------------------------------- */

static const struct {
	struct optimiser o;
	double rate;
	bool decay;
	float gradient[2]; /* of two steps, from the weight 1 */
	double want[2];
} step_cases[] = {
	{ { .kind = TRAIN_SGD }, 0.5, true, { 1, 2 }, { 0.5, -0.5 } },
	{ { .kind = TRAIN_SGD, .decay = 0.1 }, 0.5, true, { 1, 2 }, { 0.45, -0.5725 } },
	{ { .kind = TRAIN_SGD, .decay = 0.1 }, 0.5, false, { 1, 2 }, { 0.5, -0.5 } },
	/* 1, then 0.9 + 2 */
	{ { .kind = TRAIN_SGD, .momentum = 0.9 }, 0.5, true, { 1, 2 }, { 0.5, -0.95 } },
	/* 1 + 0.9, then 2 + 0.9 (0.9 + 2) */
	{ { .kind = TRAIN_SGD, .momentum = 0.9, .nesterov = true }, 0.5, true, { 1, 2 },
	    { 0.05, -2.255 } },
	/* 1.1; 2.005 + 0.9 * 1.1 */
	{ { .kind = TRAIN_SGD, .momentum = 0.9, .decay = 0.1 }, 0.5, true, { 1, 2 },
	    { 0.45, -1.0675 } },
	/* Adam's first step is the rate; its second (0.29 / 0.19) / sqrt(0.004999 / 0.001999). */
	{ { .kind = TRAIN_ADAM, .momentum = 0.9, .beta2 = 0.999, .epsilon = 1e-12 }, 0.1, true,
	    { 1, 2 }, { 0.9, 0.9 - 0.1 * (0.29 / 0.19) / 1.5813474 } },
	{ { .kind = TRAIN_ADAM, .momentum = 0.9, .beta2 = 0.999, .epsilon = 1 }, 0.1, true,
	    { 1, 1 }, { 0.95, 0.9 } },
	/* With decay in the gradient, it cancels against a gradient of its own size. */
	{ { .kind = TRAIN_ADAM,
	      .momentum = 0.9,
	      .beta2 = 0.999,
	      .epsilon = 1e-12,
	      .decay = 0.5 },
	    0.1, true, { -0.25f, 0 }, { 0.9, 0.9 - 0.1 * (0.0675 / 0.19) / 0.364054 } },
	/* AdamW takes the decay off the weight. */
	{ { .kind = TRAIN_ADAMW,
	      .momentum = 0.9,
	      .beta2 = 0.999,
	      .epsilon = 1e-12,
	      .decay = 0.5 },
	    0.1, true, { 1, 1 }, { 0.85, 0.7075 } },
	{ { .kind = TRAIN_ADAMW,
	      .momentum = 0.9,
	      .beta2 = 0.999,
	      .epsilon = 1e-12,
	      .decay = 0.5 },
	    0.1, false, { 1, 1 }, { 0.9, 0.8 } },
};

START_TEST(steps_by_hand)
{
	const struct optimiser *o = &step_cases[_i].o;
	/* Two weights alike, so that neither sees the other's state. */
	float w[2] = { 1, 1 }, state[4] = { 0 };

	ck_assert_int_le(optimiser_state(o), 2);
	for (int k = 0; k < 2; k++) {
		const float gradient[2] = { step_cases[_i].gradient[k],
			step_cases[_i].gradient[k] };

		optimiser_step(
		    o, step_cases[_i].rate, k + 1, step_cases[_i].decay, w, gradient, state, 2);
		near_to(w[0], step_cases[_i].want[k], 2e-5);
		ck_assert(w[0] == w[1]);
	}
}
END_TEST

/* ---- Schedules --------------------------------------------------------------------------- */

static const struct {
	struct schedule s;
	int64_t step;
	double want;
} schedule_cases[] = {
	/* Of 100 steps, ten an epoch. */
	{ { TRAIN_CONSTANT, 0.5 }, 0, 0.5 },
	{ { TRAIN_CONSTANT, 0.5 }, 99, 0.5 },
	{ { TRAIN_CONSTANT, 0.5, .warmup = 0.1 }, 0, 0.05 },
	{ { TRAIN_CONSTANT, 0.5, .warmup = 0.1 }, 4, 0.25 },
	{ { TRAIN_CONSTANT, 0.5, .warmup = 0.1 }, 9, 0.5 },
	{ { TRAIN_CONSTANT, 0.5, .warmup = 0.1 }, 10, 0.5 },
	{ { TRAIN_COSINE, 2 }, 0, 2 },
	{ { TRAIN_COSINE, 2 }, 50, 1 },
	{ { TRAIN_COSINE, 2 }, 99, 2 * 0.000246719817 },
	{ { TRAIN_COSINE, 2, .warmup = 0.2 }, 9, 1 },
	{ { TRAIN_COSINE, 2, .warmup = 0.2 }, 20, 2 },
	{ { TRAIN_COSINE, 2, .warmup = 0.2 }, 60, 1 },
	{ { TRAIN_STEPS, 1, .every = 3, .factor = 0.5 }, 29, 1 },
	{ { TRAIN_STEPS, 1, .every = 3, .factor = 0.5 }, 30, 0.5 },
	{ { TRAIN_STEPS, 1, .every = 3, .factor = 0.5 }, 99, 0.125 },
	{ { TRAIN_STEPS, 1 }, 39, 1 },
	{ { TRAIN_STEPS, 1 }, 40, 0.1 },
	{ { TRAIN_STEPS, 1 }, 99, 0.01 },
	{ { TRAIN_ONE_CYCLE, 1 }, 0, 0.04 },
	{ { TRAIN_ONE_CYCLE, 1 }, 29, 1 },
	{ { TRAIN_ONE_CYCLE, 1 }, 99, 4e-6 },
	/* Halfway down. */
	{ { TRAIN_ONE_CYCLE, 1 }, 64, (1 + 4e-6) / 2 },
	{ { TRAIN_ONE_CYCLE, 1, .warmup = 0.2, .start = 20, .end = 500 }, 0, 0.05 },
	{ { TRAIN_ONE_CYCLE, 1, .warmup = 0.2, .start = 20, .end = 500 }, 19, 1 },
	{ { TRAIN_ONE_CYCLE, 1, .warmup = 0.2, .start = 20, .end = 500 }, 99, 1e-4 },
};

START_TEST(schedules_at_their_points)
{
	near_to(schedule_rate(&schedule_cases[_i].s, schedule_cases[_i].step, 100, 10),
	    schedule_cases[_i].want, 1e-9);
}
END_TEST

START_TEST(momentum_runs_against_the_rate)
{
	const struct schedule s = { TRAIN_ONE_CYCLE, 1, .momentum_low = 0.85 };
	const struct schedule still = { TRAIN_ONE_CYCLE, 1 };

	near_to(schedule_momentum(&s, 0.95, 0, 100), 0.95, 1e-12);
	near_to(schedule_momentum(&s, 0.95, 29, 100), 0.85, 1e-12);
	near_to(schedule_momentum(&s, 0.95, 99, 100), 0.95, 1e-12);
	near_to(schedule_momentum(&still, 0.95, 29, 100), 0.95, 0);
}
END_TEST

/* However short the training, no rate is anything but a number from 0 to the highest. */
START_TEST(schedules_of_few_steps)
{
	for (int64_t epoch = 1; epoch < 5; epoch++)
		for (int64_t steps = epoch; steps < 8 * epoch; steps += epoch)
			for (int64_t step = 0; step < steps; step++)
				for (int k = TRAIN_CONSTANT; k <= TRAIN_ONE_CYCLE; k++) {
					struct schedule s = { (enum train_schedule)k, 1,
						.warmup = 0.4 };
					double rate = schedule_rate(&s, step, steps, epoch);

					ck_assert(rate >= 0 && rate <= 1);
				}
}
END_TEST

/* ---- Randomness -------------------------------------------------------------------------- */

START_TEST(orders_are_permutations_of_their_epoch)
{
	enum { N = 1000 };
	int64_t order[4][N];
	bool seen[N] = { false };
	int same = 0;

	static const uint64_t of[4][2] = { { 1, 0 }, { 1, 0 }, { 1, 1 }, { 2, 0 } };

	for (int i = 0; i < 4; i++) {
		struct chance r = chance_of(of[i][0], RANDOM_ORDER, of[i][1], 0);

		chance_order(&r, order[i], N);
	}
	ck_assert_mem_eq(order[0], order[1], sizeof order[0]);
	for (int i = 0; i < N; i++) {
		ck_assert(order[0][i] >= 0 && order[0][i] < N && !seen[order[0][i]]);
		seen[order[0][i]] = true;
		same += order[0][i] == order[2][i];
		same += order[0][i] == order[3][i];
		same += order[0][i] == i;
	}
	ck_assert_int_lt(same, 20);
}
END_TEST

START_TEST(numbers_are_even_and_normal)
{
	enum { N = 100000 };
	struct chance r = chance_of(3, RANDOM_START, 0, 0);
	double sum = 0, squares = 0, fourth = 0;
	int64_t of[7] = { 0 };

	for (int i = 0; i < N; i++) {
		double x = chance_normal(&r);

		sum += x;
		squares += x * x;
		fourth += x * x * x * x;
		of[chance_below(&r, 7)]++;
	}
	ck_assert(fabs(sum / N) < 0.02 && fabs(squares / N - 1) < 0.02);
	ck_assert(fabs(fourth / N - 3) < 0.15);
	for (int k = 0; k < 7; k++)
		ck_assert(llabs(of[k] - N / 7) < 500);
}
END_TEST

/* ---- Samples ----------------------------------------------------------------------------- */

/* A sample of 2 channels, 3 x 4, whose pixels are 1, 2, 3, … */
static struct train_data
pixels(struct data_samples *s)
{
	static uint8_t bytes[24];
	struct train_data d = { .samples = s };

	for (int i = 0; i < 24; i++)
		bytes[i] = (uint8_t)(i + 1);
	*s = (struct data_samples){
		{ DATA_UINT8, 4, { 1, 2, 3, 4 }, 24 },
		bytes,
	};
	d.form = (struct data_form){
		.type = DATA_UINT8, .rank = 3, .dim = { 2, 3, 4 }, .count = 24
	};
	for (int i = 0; i < 256; i++)
		d.form.value[i] = (float)i;
	return d;
}

/* True if the sample is the picture moved by (down, right), mirrored if flip. */
static bool
is_moved(const float *got, int down, int right, bool flip)
{
	for (int k = 0; k < 24; k++) {
		int y = k / 4 % 3 + down, x = (flip ? 3 - k % 4 : k % 4) + right;
		bool inside = y >= 0 && y < 3 && x >= 0 && x < 4;

		if (got[k] != (float)(inside ? k / 12 * 12 + y * 4 + x + 1 : 0))
			return false;
	}
	return true;
}

START_TEST(samples_are_moved_and_mirrored)
{
	struct data_samples s;
	struct train_data d = pixels(&s);
	const struct change change = { .seed = 5, .crop = 1, .flip = true };
	int seen[3][3][2] = { { { 0 } } };
	float room[24], got[24], again[24];

	for (int64_t epoch = 0; epoch < 1800; epoch++) {
		int found = 0;

		batch_sample(&d, &change, epoch, 0, room, got);
		batch_sample(&d, &change, epoch, 0, room, again);
		ck_assert_mem_eq(got, again, sizeof got);
		for (int k = 0; k < 18; k++)
			if (is_moved(got, k / 6 - 1, k / 2 % 3 - 1, k % 2)) {
				seen[k / 6][k / 2 % 3][k % 2]++;
				found++;
			}
		ck_assert_int_eq(found, 1);
	}
	for (int k = 0; k < 18; k++)
		ck_assert_msg(abs(seen[k / 6][k / 2 % 3][k % 2] - 100) < 50, "%d: %d", k,
		    seen[k / 6][k / 2 % 3][k % 2]);
}
END_TEST

START_TEST(samples_stay_as_they_are)
{
	struct data_samples s;
	struct train_data d = pixels(&s);
	const struct change none = { .seed = 5 };
	float got[24];

	batch_sample(&d, &none, 0, 0, NULL, got);
	ck_assert(is_moved(got, 0, 0, false));
}
END_TEST

MAIN("train", EACH(gradients_are_differences, losses), EACH(labels_are_one_hot_targets, losses),
    EACH(labels_of_many_classes, losses), EACH(losses_in_closed_form, closed_cases),
    ONE(single_outputs_are_yes_or_no), EACH(steps_by_hand, step_cases),
    EACH(schedules_at_their_points, schedule_cases), ONE(momentum_runs_against_the_rate),
    ONE(schedules_of_few_steps), ONE(orders_are_permutations_of_their_epoch),
    ONE(numbers_are_even_and_normal), ONE(samples_are_moved_and_mirrored),
    ONE(samples_stay_as_they_are))
