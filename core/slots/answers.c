/*
 * Answers: what a network says to the slots' pictures, and what four such answers come to.
 */
#include <math.h>

#include "parts.h"

enum { BATCH = 32 };

bool
slots_form(struct ctx *c, const struct nn_graph *g, const struct slots *s, bool raw,
    struct data_form *ret)
{
	const struct image *i = &s->picture[0][0];
	const struct data_shape shape = {
		.type = DATA_UINT8,
		.rank = 4,
		.dim = { 1, i->height, i->width, i->channels },
		.row = (int64_t)image_bytes(i),
	};

	return train_fit(c, g, &shape, DATA_CHANNELS_LAST, raw, ret);
}

bool
picture_floats(struct ctx *c, const struct data_form *f, const struct image *i, float *to)
{
	if ((int64_t)image_bytes(i) != f->count)
		return fail(c, E_INPUT,
		    "a picture of %d x %d x %d does not fit the others of the slots", i->width,
		    i->height, i->channels);
	data_floats(f, i->v, 1, to);
	return true;
}

/* The highest of a row; -1 if one of them is no number. */
static int32_t
highest(const float *row, int64_t n)
{
	int64_t best = 0;

	for (int64_t k = 0; k < n; k++) {
		if (isnan(row[k]))
			return -1;
		best = row[k] > row[best] ? k : best;
	}
	return isfinite(row[best]) ? (int32_t)best : -1;
}

struct asking {
	struct nn_plan *plan;
	float *input;
};

static void
asking_done(struct asking *a)
{
	nn_plan_free(&a->plan);
	free(a->input);
}

bool
slots_ask(struct ctx *c, struct nn_graph *g, const struct data_form *f, const struct slots *s,
    int threads, int32_t **ret)
{
	const struct nn_options o = { .mode = NN_INFER, .batch = BATCH, .threads = threads };
	owned(asking_done) struct asking a = { 0 };
	int64_t batch = 0, outputs = 0, n = (int64_t)s->n * SLOT_PICTURES;
	int32_t *answer = take(c, (size_t)n * sizeof *answer);

	if (answer == NULL || !train_plan(c, g, f, o, &a.plan, &batch, &outputs))
		return false;
	a.input = calloc((size_t)(batch * f->count), sizeof *a.input);
	if (a.input == NULL)
		return fail(c, E_MEMORY, "no memory for a batch of pictures");
	for (int64_t at = 0; at < n; at += batch) {
		int64_t some = n - at < batch ? n - at : batch;
		const void *input[] = { a.input };
		const float *out;

		for (int64_t i = 0; i < some; i++)
			if (!picture_floats(c, f,
				&s->picture[(at + i) / SLOT_PICTURES][(at + i) % SLOT_PICTURES],
				a.input + i * f->count))
				return false;
		if (!nn_forward(c, a.plan, input))
			return false;
		out = nn_plan_output(a.plan, 0)->data;
		for (int64_t i = 0; i < some; i++)
			answer[at + i] = highest(out + i * outputs, outputs);
	}
	*ret = answer;
	return true;
}

void
slots_answers(const struct slots *s, const int32_t answer[], uint8_t ret[])
{
	for (int i = 0; i < s->n; i++) {
		int said[2] = { 0 };

		for (int k = 0; k < SLOT_PICTURES; k++)
			for (int bit = 0; bit < 2; bit++)
				said[bit] += answer[i * SLOT_PICTURES + k] == s->label[i][bit];
		ret[i] = 2 * said[0] > SLOT_PICTURES ? CODE_ZERO
		    : 2 * said[1] > SLOT_PICTURES    ? CODE_ONE
						     : CODE_ERASED;
	}
}
