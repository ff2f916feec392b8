/*
 * Asking: pictures in any number are shown to a network in batches, and its highest answers read
 * off. Behind the last pictures a batch holds what it held before; the answers to that are dropped.
 */
#include "parts.h"

struct asker {
	struct nn_plan *plan;
	struct data_form form;
	int64_t batch, outputs;
	float *input;
};

void
asker_free(struct asker **a)
{
	if (*a == NULL)
		return;
	nn_plan_free(&(*a)->plan);
	free((*a)->input);
	free(*a);
	*a = NULL;
}

bool
asker_form(struct ctx *c, const struct nn_graph *g, const struct image *i, bool raw,
    struct data_form *ret)
{
	struct data_shape s = {
		.type = DATA_UINT8,
		.rank = 4,
		.dim = { 1, i->height, i->width, i->channels },
		.row = (int64_t)image_bytes(i),
	};

	return train_fit(c, g, &s, DATA_CHANNELS_LAST, raw, ret);
}

bool
asker_new(struct ctx *c, struct nn_graph *g, const struct data_form *form, int64_t batch,
    int threads, struct asker **ret)
{
	owned(asker_free) struct asker *a = calloc(1, sizeof *a);
	struct nn_options plan = { .mode = NN_INFER, .batch = batch, .threads = threads };

	if (a == NULL)
		return fail(c, E_MEMORY, "no memory");
	a->form = *form;
	if (!train_plan(c, g, form, plan, &a->plan, &a->batch, &a->outputs))
		return false;
	a->input = calloc((size_t)(a->batch * form->count), sizeof *a->input);
	if (a->input == NULL)
		return fail(c, E_MEMORY, "no memory for a batch of pictures");
	*ret = steal(a);
	return true;
}

int64_t
asker_classes(const struct asker *a)
{
	return a->outputs;
}

bool
is_raw(const struct data_form *f)
{
	return f->type == DATA_UINT8 && f->value[255] > 1;
}

int32_t
answer_among(const float *row, int64_t n)
{
	int32_t best = 0;

	for (int64_t k = 1; k < n; k++)
		if (row[k] > row[best])
			best = (int32_t)k;
	return best;
}

/* At most one batch: *ret_out are its scores, until the next one. */
MUST static bool
ask_batch(struct ctx *c, struct asker *a, const struct image pictures[], size_t n,
    const float **ret_out)
{
	const void *input[] = { a->input };

	for (size_t i = 0; i < n; i++) {
		if ((int64_t)image_bytes(&pictures[i]) != a->form.count)
			return fail(c, E_INPUT,
			    "a picture of %d x %d x %d does not fit the network",
			    pictures[i].width, pictures[i].height, pictures[i].channels);
		data_floats(&a->form, pictures[i].v, 1, a->input + (int64_t)i * a->form.count);
	}
	if (!nn_forward(c, a->plan, input))
		return false;
	*ret_out = nn_plan_output(a->plan, 0)->data;
	return true;
}

/* How many of n pictures go into the next batch. */
static size_t
next_batch(const struct asker *a, size_t n)
{
	return n < (size_t)a->batch ? n : (size_t)a->batch;
}

bool
asker_ask(struct ctx *c, struct asker *a, const struct image pictures[], size_t n,
    int64_t ordinary, int32_t ret_answer[], int32_t ret_ordinary[])
{
	const float *out;

	if (ret_ordinary != NULL && (ordinary < 1 || ordinary > a->outputs))
		return fail(c, E_INTERNAL, "%lld of %lld classes", (long long)ordinary,
		    (long long)a->outputs);
	for (size_t at = 0, some; at < n; at += some) {
		some = next_batch(a, n - at);
		if (!ask_batch(c, a, pictures + at, some, &out))
			return false;
		for (size_t i = at; i < at + some; i++, out += a->outputs) {
			ret_answer[i] = answer_among(out, a->outputs);
			if (ret_ordinary != NULL)
				ret_ordinary[i] = answer_among(out, ordinary);
		}
	}
	return true;
}

bool
asker_scores(
    struct ctx *c, struct asker *a, const struct image pictures[], size_t n, float ret[])
{
	const float *out;

	for (size_t at = 0, some; at < n; at += some) {
		some = next_batch(a, n - at);
		if (!ask_batch(c, a, pictures + at, some, &out))
			return false;
		memcpy(ret + at * (size_t)a->outputs, out,
		    some * (size_t)a->outputs * sizeof *ret);
	}
	return true;
}
