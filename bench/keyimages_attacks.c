/*
 * What an attacker does to a marked network whose purpose should live on: trains it further, takes
 * its small weights away, puts an autoencoder in front of it.
 */
#include <math.h>
#include <stdio.h>

#include "keyimages.h"

enum { TUNE_EPOCHS = 10, ENCODER_EPOCHS = 30 };
#define TUNE_SHARE 0.2

/* ---- Fine-tuning ------------------------------------------------------------------------- */

void
attack_finetune(struct suspect *s, int64_t epochs, double share, uint64_t seed)
{
	struct train_data part = part_of(s->train, share, seed);
	const struct train_options o = {
		.epochs = epochs,
		.batch = 64,
		.threads = 1,
		.seed = seed,
		.optimiser = { TRAIN_SGD, 0.9, 0, 0, 5e-4, false },
		.schedule = { .kind = TRAIN_CONSTANT, .rate = 0.005 },
	};
	struct trainer *t = NULL;

	need(trainer_new(ctx, s->graph, &part, &o, &t), "fine-tuning");
	while (trainer_more(t))
		need(trainer_step(ctx, t), "fine-tuning");
	trainer_free(&t);
	part_done(&part);
}

/* ---- Pruning ----------------------------------------------------------------------------- */

static int
compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void
prune(const struct nn_weight *w, double share)
{
	int64_t k = (int64_t)(share * (double)w->count);
	float *size = malloc((size_t)w->count * sizeof *size), least;

	need(size != NULL, "memory");
	for (int64_t i = 0; i < w->count; i++)
		size[i] = fabsf(w->data[i]);
	qsort(size, (size_t)w->count, sizeof *size, compare_floats);
	least = k > 0 ? size[k - 1] : -1;
	for (int64_t i = 0; i < w->count; i++)
		if (fabsf(w->data[i]) <= least)
			w->data[i] = 0;
	free(size);
}

void
attack_magnitude(struct suspect *s, double share)
{
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	for (size_t i = 0; i < n; i++)
		if (w[i].trainable && w[i].rank >= 2)
			prune(&w[i], share);
	nn_graph_changed(s->graph);
}

/* ---- One after the other ----------------------------------------------------------------- */

static void
finetuned(struct suspect *s, const char *scheme, bool quick)
{
	double since = seconds(CLOCK_MONOTONIC);
	struct scores x;

	attack_finetune(s, TUNE_EPOCHS, TUNE_SHARE, 1);
	since = seconds(CLOCK_MONOTONIC) - since;
	score(s, NULL, &x);
	print_scores(s, scheme, "fine-tuning", TUNE_SHARE, &x, since);
	(void)quick;
}

/* Each share from the same weights: pruning more of what is pruned is the same. */
static void
pruned(struct suspect *s, const char *scheme, bool quick)
{
	for (int tenths = 1; tenths < 10; tenths++) {
		double since = seconds(CLOCK_MONOTONIC);
		struct scores x;

		if (quick && tenths != 6)
			continue;
		attack_magnitude(s, tenths / 10.);
		since = seconds(CLOCK_MONOTONIC) - since;
		score(s, NULL, &x);
		print_scores(s, scheme, "pruning", tenths / 10., &x, since);
	}
}

/* Hidden layers, for grey pictures and for colours: the published ones, and others. */
static const int64_t layouts[2][3][2] = {
	{ { 256, 768 }, { 128, 384 }, { 256, 768 } },
	{ { 512, 1024 }, { 64, 256 }, { 512, 1024 } },
};

static void
encoded(struct suspect *s, const char *scheme, bool quick)
{
	struct train_data half = part_of(s->train, 0.5, 2);
	bool colour = half.form.count > 1024;

	for (size_t i = 0; i < COUNT(layouts); i++) {
		double since = seconds(CLOCK_MONOTONIC), loss;
		const int64_t hidden[3] = { layouts[i][0][colour], layouts[i][1][colour],
			layouts[i][2][colour] };
		struct encoder *e = encoder_new(half.form.count, hidden, 10 + i);
		struct scores x;

		loss = encoder_trained(e, &half, ENCODER_EPOCHS, 10 + i);
		since = seconds(CLOCK_MONOTONIC) - since;
		score(s, e, &x);
		print_scores(
		    s, scheme, i == 0 ? "autoencoder" : "autoencoder 2", loss, &x, since);
		encoder_free(&e);
	}
	part_done(&half);
	(void)quick;
}

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(struct suspect *, const char *scheme, bool quick);
} attacks[] = {
	{ "tune",   finetuned },
	{ "prune",  pruned },
	{ "encode", encoded },
};
/* clang-format on */

void
attack_all(struct suspect *s, const char *scheme, const char *which, bool quick)
{
	struct protect_weights *kept = NULL;
	double since = seconds(CLOCK_MONOTONIC);
	struct scores x;

	need(protect_keep(ctx, s->graph, &kept), "weights");
	score(s, NULL, &x);
	print_scores(s, scheme, "none", 0, &x, seconds(CLOCK_MONOTONIC) - since);
	for (size_t i = 0; i < COUNT(attacks); i++) {
		if (strcmp(which, "all") != 0 && strcmp(which, attacks[i].name) != 0)
			continue;
		attacks[i].run(s, scheme, quick);
		protect_restore(s->graph, kept);
	}
	protect_weights_free(&kept);
}
