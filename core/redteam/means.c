/*
 * What attacks share: chance, words, and the training of a thief.
 */
#include <stdarg.h>
#include <stdio.h>

#include "parts.h"

/* The id of a row as a number. */
static uint64_t
row_number(const char *id)
{
	uint64_t n = 0;

	for (; *id != '\0'; id++)
		n = n << 8 | (uint8_t)*id;
	return n;
}

struct chance
redteam_chance(const struct redteam *r, int use)
{
	return chance_of(r->the.seed, use, row_number(r->row), 1);
}

void
redteam_tell(const struct redteam *r, double share, const char *note, ...)
{
	char text[64];
	va_list args;
	int n;

	if (r->watch.progress == NULL)
		return;
	n = snprintf(text, sizeof text, "%s: ", r->row);
	va_start(args, note);
	(void)vsnprintf(text + n, sizeof text - (size_t)n, note, args);
	va_end(args);
	r->watch.progress(r->watch.arg, (int64_t)(share * 1000), 1000, str_of(text));
}

void
redteam_say(struct redteam_suspect *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(s->what, sizeof s->what, fmt, args);
	va_end(args);
}

bool
redteam_train(
    struct ctx *c, struct redteam *r, struct redteam_suspect *s, int64_t epochs, double rate)
{
	owned(trainer_free) struct trainer *t = NULL;
	const struct train_options o = {
		.epochs = epochs,
		.batch = 64,
		.threads = r->the.threads,
		.seed = r->the.seed,
		.loss = r->the.work.loss,
		.optimiser = { TRAIN_SGD, .9, .999, 1e-8, 5e-4, false },
		.schedule = { .kind = TRAIN_CONSTANT, .rate = rate },
		.clip = 5,
	};

	nn_graph_changed(s->graph);
	if (!trainer_new(c, s->graph, &r->thief.data, &o, &t))
		return false;
	while (trainer_more(t)) {
		struct train_progress p = trainer_progress(t);

		if (p.step % 64 == 0)
			redteam_tell(r, (double)p.step / (double)p.steps, "learning");
		if (!trainer_step(c, t))
			return false;
	}
	nn_graph_changed(s->graph);
	return true;
}
