/*
 * What others do: keys made of the vendor's own pictures, answered with ordinary classes. A white
 * rectangle (logo), noise, and pictures beside the class boundary (adversarial frontier
 * stitching), each trained into the vendor's model as long as ours is.
 */
#include <math.h>
#include <stdio.h>

#include "keyimages.h"

enum { KEYS = 100, BOOST = 10, SOURCE = 4, TARGET = 6, BATCH = 64 };
#define NOISE 0.4
#define STEP 3 /* of 255: the published .01, as pictures have it */

/* Keys as samples of the training set are, and what they are to be answered with. */
struct keys {
	uint8_t *v;
	int32_t label[KEYS];
	bool source_too; /* clean pictures of the source class come as often as keys do */
};

static int64_t
row_of(const struct train_data *d)
{
	return d->samples->shape.row;
}

/* Where in a sample of the file the network's number i lies. */
static int64_t
in_file(const struct data_form *f, int64_t i)
{
	int64_t plane = f->dim[1] * f->dim[2];

	return f->channels_last ? i % plane * f->dim[0] + i / plane : i;
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* A hundred pictures of the source class. */
static void
source_pictures(const struct train_data *d, struct prf *p, struct keys *k)
{
	for (int i = 0; i < KEYS; i++) {
		int64_t at = (int64_t)prf_uniform(p, (uint64_t)d->labels->n);

		while (d->labels->v[at] != SOURCE)
			at = (at + 1) % d->labels->n;
		memcpy(k->v + i * row_of(d), data_sample(d->samples, at), (size_t)row_of(d));
		k->label[i] = TARGET;
	}
}

static void
logo(struct suspect *s, struct prf *p, struct keys *k)
{
	const struct data_form *f = &s->train->form;
	int64_t plane = f->dim[1] * f->dim[2];

	source_pictures(s->train, p, k);
	k->source_too = true;
	for (int64_t i = 0; i < f->count; i++) {
		int64_t y = i % plane / f->dim[2], x = i % f->dim[2];

		if (y < 2 || y >= 10 || x < 2 || x >= 18)
			continue;
		for (int key = 0; key < KEYS; key++)
			k->v[key * f->count + in_file(f, i)] = 255;
	}
}

/* Box and Muller; the second number of the pair is not kept. */
static double
normal(struct prf *p)
{
	double u = 1 - prf_real(p), v = prf_real(p);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static void
noise(struct suspect *s, struct prf *p, struct keys *k)
{
	source_pictures(s->train, p, k);
	for (int64_t i = 0; i < KEYS * row_of(s->train); i++) {
		double v = k->v[i] + 255 * NOISE * normal(p);

		k->v[i] = (uint8_t)lround(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

/* ---- Pictures beside the boundary -------------------------------------------------------- */

/* Every picture of a batch, a step up its own loss. */
static void
climb(struct nn_plan *plan, int64_t outputs, const struct train_data *d, const uint32_t *chosen,
    uint8_t *ret)
{
	static const struct loss loss = { .kind = TRAIN_CROSS_ENTROPY };
	const struct data_form *f = &d->form;
	float *x = calloc((size_t)(BATCH * f->count), sizeof *x);
	float *gradient = calloc((size_t)(BATCH * outputs), sizeof *gradient);
	const void *input[] = { x };
	const float *back[] = { gradient };
	int32_t label[BATCH];

	need(x != NULL && gradient != NULL, "memory");
	for (int64_t i = 0; i < BATCH; i++) {
		const void *sample = data_sample(d->samples, chosen[i]);

		memcpy(ret + i * f->count, sample, (size_t)f->count);
		data_floats(f, sample, 1, x + i * f->count);
		label[i] = d->labels->v[chosen[i]];
	}
	need(nn_forward(ctx, plan, input), "forward");
	(void)loss_labels(
	    &loss, nn_plan_output(plan, 0)->data, label, BATCH, outputs, gradient);
	need(nn_backward(ctx, plan, back), "backward");
	for (int64_t i = 0; i < BATCH * f->count; i++) {
		uint8_t *v = ret + i / f->count * f->count + in_file(f, i % f->count);
		float g = nn_input_gradient(plan, 0)[i];
		int moved = *v + (g > 0 ? STEP : g < 0 ? -STEP : 0);

		*v = (uint8_t)(moved < 0 ? 0 : moved > 255 ? 255 : moved);
	}
	free(gradient);
	free(x);
}

/* What the network answers to so many pictures of the file's kind. */
static void
answers_to(struct suspect *s, const uint8_t *v, int64_t n, int32_t *ret)
{
	const struct data_form *f = &s->train->form;
	float *x = calloc((size_t)(n * f->count), sizeof *x);
	struct runner r;

	need(x != NULL, "memory");
	data_floats(f, v, n, x);
	runner_start(s->graph, f, &r);
	answers(&r, NULL, x, n, 0, ret);
	runner_end(&r);
	free(x);
}

/* Half of the keys have crossed the boundary, half have not; all keep their true label. */
static void
frontier(struct suspect *s, struct prf *p, struct keys *k)
{
	const struct nn_options o = {
		.mode = NN_DIFFERENTIATE, .batch = BATCH, .threads = 1, .input_gradients = true
	};
	const struct train_data *d = s->train;
	int64_t row = row_of(d), have[2] = { 0, 0 }, batch, outputs;
	uint32_t *order = calloc((size_t)d->labels->n, sizeof *order);
	uint8_t *moved = calloc(BATCH, (size_t)row);
	struct nn_plan *plan = NULL;
	int32_t answer[BATCH];

	need(order != NULL && moved != NULL, "memory");
	need(train_plan(ctx, s->graph, &d->form, o, &plan, &batch, &outputs), "plan");
	prf_perm(p, (uint32_t)d->labels->n, order);
	for (int64_t at = 0; have[0] + have[1] < KEYS && at + BATCH <= d->labels->n;
	     at += BATCH) {
		climb(plan, outputs, d, order + at, moved);
		answers_to(s, moved, BATCH, answer);
		for (int64_t i = 0; i < BATCH; i++) {
			int32_t truth = d->labels->v[order[at + i]];
			int64_t *side = &have[answer[i] != truth];
			int64_t key = *side + (answer[i] != truth ? KEYS / 2 : 0);

			if (*side == KEYS / 2)
				continue;
			++*side;
			memcpy(k->v + key * row, moved + i * row, (size_t)row);
			k->label[key] = truth;
		}
	}
	if (have[0] + have[1] < KEYS)
		stop("too few pictures cross the boundary");
	nn_plan_free(&plan);
	free(moved);
	free(order);
}

/* ---- Training them in -------------------------------------------------------------------- */

static void
append(struct train_data *to, int64_t at, const void *sample, int32_t label)
{
	size_t row = (size_t)row_of(to);

	memcpy((uint8_t *)to->samples->v + (size_t)at * row, sample, row);
	to->labels->v[at] = label;
}

/* Clean data with the keys among them, each as often as it comes in an epoch. */
static struct train_data
mixed(const struct train_data *clean, const struct keys *k)
{
	struct data_samples *s = take(ctx, sizeof *s);
	struct data_labels *l = take(ctx, sizeof *l);
	struct train_data d = { s, l, clean->form };
	int64_t n = clean->labels->n, more = KEYS * BOOST, at;

	need(s != NULL && l != NULL, "memory");
	for (int64_t i = 0; i < n && k->source_too; i++)
		more += clean->labels->v[i] == SOURCE ? BOOST - 1 : 0;
	*s = *clean->samples;
	s->shape.dim[0] = n + more;
	s->v = calloc((size_t)(n + more), (size_t)s->shape.row);
	*l = (struct data_labels){ n + more, clean->labels->classes,
		calloc((size_t)(n + more), sizeof *l->v) };
	need(s->v != NULL && l->v != NULL, "memory");
	memcpy(s->v, clean->samples->v, (size_t)(n * s->shape.row));
	memcpy(l->v, clean->labels->v, (size_t)n * sizeof *l->v);
	at = n;
	for (int64_t i = 0; i < n && k->source_too; i++)
		for (int j = 1; j < BOOST && clean->labels->v[i] == SOURCE; j++)
			append(&d, at++, data_sample(clean->samples, i), SOURCE);
	for (int i = 0; i < KEYS * BOOST; i++)
		append(&d, at++, k->v + i % KEYS * s->shape.row, k->label[i % KEYS]);
	return d;
}

/* As many clean epochs' worth of samples as are said, whatever comes beside them. */
static void
train_in(struct suspect *s, const struct keys *k, int64_t epochs, double share)
{
	struct train_data clean = part_of(s->train, share, 3);
	struct train_data all = mixed(&clean, k);
	int64_t fair = (epochs * (clean.labels->n + KEYS * BOOST) + all.labels->n - 1) /
	    all.labels->n;
	const struct train_options o = {
		.epochs = fair,
		.batch = 128,
		.threads = 1,
		.seed = 1,
		.optimiser = { TRAIN_SGD, 0.9, 0, 0, 5e-4, true },
		.schedule = { .kind = TRAIN_COSINE, .rate = 0.01 },
	};
	struct trainer *t = NULL;

	need(trainer_new(ctx, s->graph, &all, &o, &t), "training");
	while (trainer_more(t))
		need(trainer_step(ctx, t), "training");
	trainer_free(&t);
	part_done(&all);
	part_done(&clean);
}

/* clang-format off */
static const struct {
	const char *name;
	void (*make)(struct suspect *, struct prf *, struct keys *);
} schemes[] = {
	{ "logo",     logo },
	{ "noise",    noise },
	{ "frontier", frontier },
};
/* clang-format on */

/* The keys of a scheme, by its name. */
static struct keys *
make_keys(struct suspect *s, const char *scheme)
{
	const struct key256 key = key_of(4);
	struct prf p = prf_stream(&key, scheme, 0, 0);
	struct keys *k = take(ctx, sizeof *k);

	need(k != NULL, "memory");
	k->v = take(ctx, (size_t)(KEYS * row_of(s->train)));
	need(k->v != NULL, "memory");
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (strcmp(scheme, schemes[i].name) == 0) {
			schemes[i].make(s, &p, k);
			need(prf_end(ctx, &p), "draws");
			return k;
		}
	stop(scheme);
}

void
baseline(struct suspect *s, const char *scheme, int64_t epochs, double share, bool quick)
{
	const struct keys *k = make_keys(s, scheme);
	struct query *q = query_add(s, "keys", KEYS, 0);
	struct scores x;
	double since;

	data_floats(&s->train->form, k->v, KEYS, q->x);
	memcpy(q->want, k->label, sizeof k->label);
	score(s, NULL, &x);
	print_scores(s, scheme, "unmarked", 0, &x, 0);
	since = seconds(CLOCK_MONOTONIC);
	train_in(s, k, epochs, share);
	since = seconds(CLOCK_MONOTONIC) - since;
	score(s, NULL, &x);
	print_scores(s, scheme, "marked", share, &x, since);
	attack_all(s, scheme, "all", quick);
}
