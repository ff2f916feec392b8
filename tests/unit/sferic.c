/*
 * Sferics: the generator against the values that its physics gives and against itself, the network
 * against its own differences, training, and the counting of what a recogniser says.
 */
#include <math.h>

#include "sferic.h"
#include "test.h"

static void
near_to(double got, double want, double within)
{
	ck_assert_msg(
	    fabs(got - want) <= within * (1 + fabs(want)), "%.9g, not %.9g", got, want);
}

/* ---- The generator ----------------------------------------------------------------------- */

START_TEST(impedance_is_the_half_space_one)
{
	double complex z = sferic_impedance(1000, 100);

	near_to(cabs(z), .888577, 1e-6);
	near_to(carg(z), M_PI / 4, 1e-12);
	near_to(cabs(sferic_impedance(4000, 100)), 2 * .888577, 1e-6);
}
END_TEST

START_TEST(windows_follow_from_their_numbers)
{
	struct sferic_window *w = take(test_ctx(), 6 * sizeof *w);

	for (int i = 0; i < 2; i++)
		sferic_window(5, 9, 1, &w[i]);
	sferic_window(6, 9, 1, &w[2]);
	sferic_window(5, 10, 1, &w[3]);
	sferic_window(5, 9, 2, &w[4]);
	sferic_window(5, 9, 0, &w[5]);
	ck_assert_mem_eq(&w[0], &w[1], sizeof *w);
	for (int i = 2; i < 6; i++)
		ck_assert_mem_ne(w[0].x, w[i].x, sizeof w->x);
	/* In other turns it is the same sferics, at other times and as loud as it happens. */
	ck_assert_int_eq(w[0].sferics, w[4].sferics);
	ck_assert_int_eq(w[0].sferics, w[5].sferics);
	ck_assert_double_ne(w[0].snr, w[4].snr);
	ck_assert_double_eq(w[5].snr, (SFERIC_LOWEST + SFERIC_HIGHEST) / 2);
}
END_TEST

/* The shortest run of marks in a window; more than all points if there is none. */
static int
shortest_run(const uint8_t y[SFERIC_POINTS])
{
	int least = SFERIC_POINTS + 1;

	for (int i = 0, n; i < SFERIC_POINTS; i += n + 1) {
		for (n = 0; i + n < SFERIC_POINTS && y[i + n] == 1; n++)
			;
		least = n > 0 && n < least ? n : least;
	}
	return least;
}

START_TEST(windows_are_as_they_are_meant)
{
	enum { N = 300 };
	struct sferic_window *w = take(test_ctx(), sizeof *w);
	double marked = 0, power[2] = { 0 }, n[2] = { 0 };
	int empty = 0;

	for (uint64_t k = 0; k < N; k++) {
		sferic_window(1, k, 1, w);
		ck_assert_int_ge(shortest_run(w->y), 8);
		ck_assert_double_ge(w->snr, SFERIC_LOWEST);
		ck_assert_double_le(w->snr, SFERIC_HIGHEST);
		empty += w->sferics == 0;
		for (int i = 0; i < SFERIC_POINTS; i++) {
			ck_assert(w->sferics > 0 || w->y[i] == 0);
			marked += w->y[i];
			/* From 10 dB on a sferic is what is loud in the magnetic field. */
			if (w->snr > 10 && w->sferics > 0) {
				n[w->y[i]]++;
				power[w->y[i]] += (double)w->x[SFERIC_HX][i] *
				    w->x[SFERIC_HX][i];
			}
		}
	}
	/* A quarter, and of the others those to whom chance gives none: e^-1.5. */
	near_to((double)empty / N, .25 + .75 * exp(-1.5), .06);
	ck_assert_double_gt(marked, .04 * N * SFERIC_POINTS);
	ck_assert_double_lt(marked, .16 * N * SFERIC_POINTS);
	ck_assert_double_gt(power[1] / n[1], 10 * power[0] / n[0]);
}
END_TEST

/* ---- The network ------------------------------------------------------------------------- */

static struct nn_graph *
network(struct ctx *c, int64_t width)
{
	struct onnx_model *m = take(c, sizeof *m);
	struct nn_graph *g = NULL;
	struct str bytes;

	ck_ok(c, sferic_model(c, width, &bytes));
	ck_ok(c, onnx_read(c, bytes, m));
	ck_ok(c, nn_import(c, m, &g));
	ck_ok(c, nn_graph_load(c, g, (size_t)16 << 20));
	ck_ok(c, train_initialise(c, m, g, TRAIN_HE, 3));
	return g;
}

START_TEST(network_has_its_parameters)
{
	struct ctx *c = test_ctx();
	struct nn_graph *g = network(c, SFERIC_WIDTH);
	const struct nn_port *port;
	int64_t parameters = 0;
	struct str bytes;
	size_t n;
	const struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++)
		parameters += w[i].trainable ? w[i].count : 0;
	ck_assert_int_eq(parameters, 162961);
	port = nn_inputs(g, &n);
	ck_assert_int_eq(port->dim[1], SFERIC_CHANNELS);
	ck_assert_int_eq(port->dim[2], SFERIC_POINTS);
	port = nn_outputs(g, &n);
	ck_assert(nn_batch_free(g) && port->rank == 2 && port->dim[1] == SFERIC_POINTS);
	nn_graph_free(&g);
	ck_fails(c, E_INPUT, sferic_model(c, 0, &bytes));
	ck_fails(c, E_INPUT, sferic_model(c, 257, &bytes));
}
END_TEST

static const struct loss mask = { TRAIN_MASK, TRAIN_PROBABILITIES, 0 };

/* The loss of two windows with the weights moved by so much along `way`. */
static double
loss_along(struct ctx *c, struct nn_graph *g, struct nn_plan *p, const float *const way[],
    double by, const float *x, const int32_t *label, float *gradient)
{
	const void *input[] = { x };
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);
	double loss;

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; way[i] != NULL && k < w[i].count; k++)
			w[i].data[k] += (float)(by * (double)way[i][k]);
	nn_graph_changed(g);
	ck_ok(c, nn_forward(c, p, input));
	loss = loss_labels(
	    &mask, nn_plan_output(p, 0)->data, label, 2, SFERIC_POINTS, gradient);
	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; way[i] != NULL && k < w[i].count; k++)
			w[i].data[k] -= (float)(by * (double)way[i][k]);
	return loss;
}

/* Down the gradient the loss falls by the square of its length: all of the U-Net at once. */
START_TEST(gradient_is_the_loss_own)
{
	struct ctx *c = test_ctx();
	struct nn_graph *g = network(c, 4);
	const struct nn_options o = { .mode = NN_DIFFERENTIATE, .batch = 2 };
	float *x = take(c, 2 * SFERIC_ROW * sizeof *x), *none[64] = { NULL };
	float *gradient = take(c, 2 * SFERIC_POINTS * sizeof *gradient), *way[64] = { NULL };
	int32_t *label = take(c, 2 * SFERIC_POINTS * sizeof *label);
	const struct sferic_source s = { .seed = 1, .batch = 2 };
	const float *const up[] = { gradient };
	struct nn_plan *p = NULL;
	double square = 0, step = 1e-2, slope;
	const struct nn_weight *w;
	size_t n;

	for (int64_t i = 0; i < 2; i++)
		sferic_touch(&s, 4, i, x + i * SFERIC_ROW, label + i * SFERIC_POINTS);
	ck_ok(c, nn_plan_new(c, g, &o, &p));
	ck_assert_double_gt(
	    loss_along(c, g, p, (const float *const *)none, 0, x, label, gradient), 0);
	ck_ok(c, nn_backward(c, p, up));
	w = nn_weights(g, &n);
	ck_assert_uint_le(n, COUNT(way));
	for (size_t i = 0; i < n; i++) {
		const float *from = nn_weight_gradient(p, i);

		way[i] = from != NULL ? take(c, (size_t)w[i].count * sizeof *from) : NULL;
		for (int64_t k = 0; from != NULL && k < w[i].count; k++) {
			way[i][k] = from[k];
			square += (double)from[k] * (double)from[k];
		}
	}
	slope = loss_along(c, g, p, (const float *const *)way, step, x, label, NULL) -
	    loss_along(c, g, p, (const float *const *)way, -step, x, label, NULL);
	ck_assert_double_gt(square, 0);
	near_to(slope / (2 * step) / square, 1, .02);
	nn_plan_free(&p);
	nn_graph_free(&g);
}
END_TEST

/* ---- Training ---------------------------------------------------------------------------- */

START_TEST(it_learns_from_windows_it_never_sees_again)
{
	enum { BATCH = 8, STEPS = 60, PART = 15, JUDGED = 48 };
	struct ctx *c = test_ctx();
	struct nn_graph *g = network(c, 4);
	const struct sferic_source source = { .seed = 1, .batch = BATCH };
	const struct train_options o = { .epochs = STEPS,
		.batch = BATCH,
		.loss = mask,
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_CONSTANT, .rate = 5e-3 },
		.touch = sferic_touch,
		.touch_arg = &source };
	struct sferic_data data;
	struct sferic_score score;
	struct sferic_count constant;
	struct trainer *t = NULL;
	double loss[STEPS], first = 0, last = 0;

	ck_ok(c, sferic_data_new(c, g, BATCH, &data));
	ck_ok(c, trainer_new(c, g, &data.data, &o, &t));
	for (int i = 0; trainer_more(t); i++) {
		ck_ok(c, trainer_step(c, t));
		loss[i] = trainer_progress(t).loss;
	}
	for (int i = 0; i < PART; i++) {
		first += loss[i];
		last += loss[STEPS - PART + i];
	}
	ck_assert_double_lt(last, .9 * first);
	ck_ok(c, sferic_measure(c, g, 2, JUDGED, 1, &score));
	constant = sferic_constant(&score);
	ck_assert_int_eq(score.windows, JUDGED);
	ck_assert_double_gt(sferic_f1(&score.point), 1.5 * sferic_f1(&constant));
	trainer_free(&t);
	sferic_data_done(&data);
	nn_graph_free(&g);
}
END_TEST

START_TEST(sources_are_fresh_or_fixed)
{
	const struct sferic_source fresh = { .seed = 1, .batch = 4 };
	const struct sferic_source fixed = { .seed = 1, .batch = 4, .fixed = 4, .still = true };
	struct ctx *c = test_ctx();
	float *x = take(c, 4 * SFERIC_ROW * sizeof *x);
	int32_t *y = take(c, 4 * SFERIC_POINTS * sizeof *y);

	for (int k = 0; k < 2; k++) {
		sferic_touch(&fresh, k, 1, x + k * SFERIC_ROW, y + k * SFERIC_POINTS);
		sferic_touch(
		    &fixed, k, 1, x + (2 + k) * SFERIC_ROW, y + (2 + k) * SFERIC_POINTS);
	}
	ck_assert_mem_ne(x, x + SFERIC_ROW, SFERIC_ROW * sizeof *x);
	ck_assert_mem_eq(x + 2 * SFERIC_ROW, x + 3 * SFERIC_ROW, SFERIC_ROW * sizeof *x);
}
END_TEST

START_TEST(training_ends_when_the_loss_stays)
{
	const struct sferic_stop s = { 2, 4, .01 };
	const double falls[] = { 6, 6, 6, 5, 4, 4, 4, 3 }, stays[] = { 6, 6, 4, 4, 4, 4, 4, 4 };

	ck_assert(!sferic_converged(&s, stays, 5));
	ck_assert(!sferic_converged(&s, falls, 6));
	ck_assert(!sferic_converged(&s, falls, 8));
	ck_assert(!sferic_converged(&s, stays, 7));
	ck_assert(sferic_converged(&s, stays, 8));
}
END_TEST

/* ---- Counting ---------------------------------------------------------------------------- */

static void
set(uint8_t y[SFERIC_POINTS], int from, int n)
{
	memset(y + from, 1, (size_t)n);
}

START_TEST(points_and_events_are_counted)
{
	struct sferic_window *w = take(test_ctx(), sizeof *w);
	struct sferic_score *s = take(test_ctx(), sizeof *s);
	float p[SFERIC_POINTS] = { 0 };
	struct sferic_count constant;

	w->snr = 19;
	set(w->y, 100, 20); /* found, half of it */
	set(w->y, 300, 20); /* missed by 12 points, which is near enough */
	set(w->y, 600, 20); /* missed by 13 */
	for (int i = 0; i < 10; i++)
		p[100 + i] = p[332 - 1 + i] = p[633 - 1 + i] = .75f;
	p[633 - 1] = 0;
	sferic_score_add(s, w, p);
	ck_assert_int_eq(s->point.hits, 10);
	ck_assert_int_eq(s->point.false_ones, 19);
	ck_assert_int_eq(s->point.missed, 50);
	ck_assert_int_eq(s->event.hits, 2);
	ck_assert_int_eq(s->event.missed, 1);
	ck_assert_int_eq(s->event.false_ones, 1);
	ck_assert_mem_eq(&s->point_of[SFERIC_BANDS - 1], &s->point, sizeof s->point);
	near_to(sferic_precision(&s->point), 10. / 29, 1e-12);
	near_to(sferic_recall(&s->point), 10. / 60, 1e-12);
	near_to(sferic_f1(&s->point), 20. / 89, 1e-12);
	near_to(sferic_iou(&s->point), 10. / 79, 1e-12);
	constant = sferic_constant(s);
	near_to(sferic_f1(&constant), 120. / (120 + SFERIC_POINTS - 60), 1e-12);
}
END_TEST

START_TEST(areas_of_the_best_and_of_the_blind)
{
	struct sferic_window *w = take(test_ctx(), sizeof *w);
	struct sferic_score *s = take(test_ctx(), 2 * sizeof *s);
	float p[2][SFERIC_POINTS];
	struct sferic_count best;
	double threshold;

	set(w->y, 0, 256);
	for (int i = 0; i < SFERIC_POINTS; i++) {
		p[0][i] = w->y[i] == 1 ? .7f : .6f;
		p[1][i] = .5f;
	}
	for (int k = 0; k < 2; k++)
		sferic_score_add(&s[k], w, p[k]);
	near_to(sferic_pr_area(&s[0]), 1, 1e-12);
	near_to(sferic_pr_area(&s[1]), .25, 1e-12);
	best = sferic_best(&s[0], &threshold);
	near_to(sferic_f1(&best), 1, 1e-12);
	ck_assert(threshold > .6 && threshold <= .7);
	best = sferic_best(&s[1], &threshold);
	near_to(sferic_f1(&best), .4, 1e-12);
}
END_TEST

MAIN("sferic", ONE(impedance_is_the_half_space_one), ONE(windows_follow_from_their_numbers),
    ONE(windows_are_as_they_are_meant), ONE(network_has_its_parameters),
    ONE(gradient_is_the_loss_own), ONE(it_learns_from_windows_it_never_sees_again),
    ONE(sources_are_fresh_or_fixed), ONE(training_ends_when_the_loss_stays),
    ONE(points_and_events_are_counted), ONE(areas_of_the_best_and_of_the_blind))
