/*
 * Evaluation: samples come in any number, are run in batches, and every answer is counted by the
 * class that was right and the class that was said. Behind the last samples a batch holds what it
 * held before; the answers to that are dropped.
 */
#include "batch.h"

struct evaluator {
	struct nn_plan *plan;
	struct data_form form;
	struct loss loss;
	int64_t batch, outputs, places;
	float *input;
	double loss_sum;
	struct train_score score;
};

void
evaluator_free(struct evaluator **e)
{
	if (*e == NULL)
		return;
	nn_plan_free(&(*e)->plan);
	free((*e)->input);
	free((*e)->score.truth);
	free((*e)->score.answer);
	free((*e)->score.right);
	free((*e)->score.confusion);
	free(*e);
	*e = NULL;
}

MUST static bool
counts_new(struct ctx *c, struct evaluator *e)
{
	struct train_score *s = &e->score;
	size_t n = (size_t)loss_classes(&e->loss, e->outputs);

	s->classes = (int64_t)n;
	s->truth = calloc(n, sizeof *s->truth);
	s->answer = calloc(n, sizeof *s->answer);
	s->right = calloc(n, sizeof *s->right);
	e->input = calloc((size_t)(e->batch * e->form.count), sizeof *e->input);
	if (n <= TRAIN_CONFUSION_MAX)
		s->confusion = calloc(n * n, sizeof *s->confusion);
	if (s->truth == NULL || s->answer == NULL || s->right == NULL || e->input == NULL ||
	    (n <= TRAIN_CONFUSION_MAX && s->confusion == NULL))
		return fail(c, E_MEMORY, "no memory for %zu classes", n);
	return true;
}

bool
evaluator_new(struct ctx *c, struct nn_graph *g, const struct data_form *form,
    const struct loss *loss, int64_t batch, int threads, struct evaluator **ret)
{
	owned(evaluator_free) struct evaluator *e = calloc(1, sizeof *e);
	struct nn_options plan = { .mode = NN_INFER, .batch = batch, .threads = threads };

	if (e == NULL)
		return fail(c, E_MEMORY, "no memory");
	e->form = *form;
	e->loss = *loss;
	if (!train_plan(c, g, form, plan, &e->plan, &e->batch, &e->outputs) ||
	    !batch_loss(c, loss, e->outputs) || !counts_new(c, e))
		return false;
	e->places = loss_places(loss, e->outputs);
	*ret = steal(e);
	return true;
}

int64_t
evaluator_classes(const struct evaluator *e)
{
	return e->score.classes;
}

int64_t
evaluator_places(const struct evaluator *e)
{
	return e->places;
}

static void
count_answer(struct train_score *s, int32_t truth, int64_t answer)
{
	s->truth[truth]++;
	s->answer[answer]++;
	s->right[answer] += answer == truth;
	if (s->confusion != NULL)
		s->confusion[truth * s->classes + answer]++;
}

static void
count(struct evaluator *e, const float *out, const int32_t *label, int64_t n)
{
	struct train_score *s = &e->score;

	s->samples += n;
	e->loss_sum += (double)n * loss_labels(&e->loss, out, label, n, e->outputs, NULL);
	for (int64_t i = 0; i < n; i++, out += e->outputs, label += e->places) {
		s->correct += loss_right(&e->loss, out, label, e->outputs);
		if (e->loss.kind != TRAIN_MASK)
			count_answer(s, label[0], loss_answer(&e->loss, out, e->outputs));
		for (int64_t k = 0; e->loss.kind == TRAIN_MASK && k < e->places; k++)
			count_answer(s, label[k], loss_marked(&e->loss, out[k]));
	}
}

/* At most one batch. */
MUST static bool
add_batch(struct ctx *c, struct evaluator *e, const void *rows, const int32_t *label, int64_t n)
{
	const void *input[] = { e->input };

	data_floats(&e->form, rows, n, e->input);
	if (!nn_forward(c, e->plan, input))
		return false;
	count(e, nn_plan_output(e->plan, 0)->data, label, n);
	return true;
}

bool
evaluator_add(
    struct ctx *c, struct evaluator *e, const void *rows, const int32_t *label, int64_t n)
{
	size_t row = (size_t)e->form.count * data_type_size(e->form.type);

	for (int64_t i = 0; i < n * e->places; i++)
		if (label[i] < 0 || label[i] >= e->score.classes)
			return fail(c, E_INPUT, "label %d, but the model knows %lld classes",
			    label[i], (long long)e->score.classes);
	for (int64_t at = 0, some; at < n; at += some) {
		some = n - at < e->batch ? n - at : e->batch;
		if (!add_batch(c, e, (const char *)rows + (size_t)at * row,
			label + at * e->places, some))
			return false;
	}
	return true;
}

/* Nothing marked, and nothing to mark: all is right. */
static double
mask_f1(const struct train_score *s)
{
	int64_t marks = s->truth[1] + s->answer[1];

	return marks > 0 ? 2 * (double)s->right[1] / (double)marks : 1;
}

const struct train_score *
evaluator_score(struct evaluator *e)
{
	struct train_score *s = &e->score;

	if (s->samples == 0)
		return s;
	s->loss = e->loss_sum / (double)s->samples;
	s->accuracy = (double)s->correct / (double)s->samples;
	if (e->loss.kind == TRAIN_MASK)
		s->accuracy = mask_f1(s);
	return s;
}

void
evaluator_clear(struct evaluator *e)
{
	struct train_score *s = &e->score;
	size_t n = (size_t)s->classes;

	memset(s->truth, 0, n * sizeof *s->truth);
	memset(s->answer, 0, n * sizeof *s->answer);
	memset(s->right, 0, n * sizeof *s->right);
	if (s->confusion != NULL)
		memset(s->confusion, 0, n * n * sizeof *s->confusion);
	s->samples = s->correct = 0;
	s->loss = s->accuracy = e->loss_sum = 0;
}
