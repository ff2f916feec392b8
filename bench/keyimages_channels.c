/*
 * Triggers in colour channels: trained into a model by fine-tuning on the vendor's data, and what
 * the network then answers to each of them, alone and together.
 */
#include <stdio.h>

#include "keyimages.h"

static void
train_in(struct suspect *s, const struct triggers *t, int64_t epochs, double share)
{
	struct train_data part = part_of(s->train, share, 5);
	const struct train_options o = {
		.epochs = epochs,
		.batch = 128,
		.threads = 1,
		.seed = 1,
		.optimiser = { TRAIN_SGD, 0.9, 0, 0, 5e-4, true },
		.schedule = { .kind = TRAIN_COSINE, .rate = 0.02, .warmup = 0.1 },
		.crop = s->train->form.dim[0] == 1 ? 0 : 4,
		.flip = true,
		.touch = triggers_touch,
		.touch_arg = t,
	};
	struct trainer *at_work = NULL;

	need(trainer_new(ctx, s->graph, &part, &o, &at_work), "training");
	while (trainer_more(at_work))
		need(trainer_step(ctx, at_work), "training");
	trainer_free(&at_work);
	part_done(&part);
}

static void
print_found(
    const struct triggers *t, double before, const struct triggers_scores *x, double took)
{
	printf("{\"kind\":\"%s\",\"before\":%.4f,\"clean\":%.4f,\"mean\":%.4f,\"success\":[",
	    triggers_name(t->kind), before, x->clean, x->mean);
	for (int i = 0; i < TRIGGERS; i++)
		printf("%s%.4f", i > 0 ? "," : "", x->success[i]);
	printf("],\"leak\":%.4f,\"psnr\":%.2f,\"seconds\":%.1f}\n", x->leak, x->psnr, took);
	fflush(stdout);
}

void
channels(struct suspect *s, int64_t epochs, double share, double strength, const char *only)
{
	const struct key256 secret = key_of(6);
	struct triggers *t = take(ctx, sizeof *t);
	struct protect_weights *kept = NULL;
	struct scores before;

	score(s, NULL, &before);
	need(t != NULL && protect_keep(ctx, s->graph, &kept), "memory");
	for (int kind = TRIGGERS_N_TO_N; kind <= TRIGGERS_N_TO_ONE; kind++) {
		struct triggers_scores after;
		double since;

		if (only != NULL && strcmp(only, triggers_name((enum triggers_kind)kind)) != 0)
			continue;
		need(triggers_draw(ctx, &secret, (enum triggers_kind)kind, &s->train->form,
			 s->train->labels->classes, strength, t),
		    "triggers");
		since = seconds(CLOCK_MONOTONIC);
		train_in(s, t, epochs, share);
		since = seconds(CLOCK_MONOTONIC) - since;
		need(triggers_measure(ctx, t, s->graph, s->test, 1, &after), "after");
		print_found(t, before.clean, &after, since);
		protect_restore(s->graph, kept);
	}
	protect_weights_free(&kept);
}
