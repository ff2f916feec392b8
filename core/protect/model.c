/*
 * How good a model is over chosen samples. They are gathered from where they lie in the data set,
 * a batch at a time.
 */
#include "model.h"

struct judge {
	struct evaluator *evaluator;
	const struct protect_set *set;
	int64_t batch;
	int64_t places; /* labels of a sample */
	size_t row;     /* bytes of a sample in the data set */
	char *rows;
	int32_t *label;
};

void
judge_free(struct judge **j)
{
	if (*j == NULL)
		return;
	evaluator_free(&(*j)->evaluator);
	free((*j)->rows);
	free((*j)->label);
	free(*j);
	*j = NULL;
}

bool
judge_new(struct ctx *c, const struct protect_model *m, const struct protect_set *set,
    struct judge **ret)
{
	owned(judge_free) struct judge *j = calloc(1, sizeof *j);
	const struct data_form *form = &set->data->form;

	if (j == NULL)
		return fail(c, E_MEMORY, "no memory to judge a model");
	if (set->n < 1)
		return fail(c, E_INPUT, "there are no samples to judge the model by");
	j->set = set;
	j->batch = m->batch > 0 ? m->batch : 1;
	j->row = (size_t)form->count * data_type_size(form->type);
	if (!evaluator_new(c, m->graph, form, &m->loss, j->batch, m->threads, &j->evaluator))
		return false;
	j->places = evaluator_places(j->evaluator);
	if (j->places != data_places(set->data->labels))
		return fail(c, E_INPUT, "%lld labels a sample, but the loss takes %lld",
		    (long long)data_places(set->data->labels), (long long)j->places);
	j->rows = calloc((size_t)j->batch, j->row);
	j->label = calloc((size_t)(j->batch * j->places), sizeof *j->label);
	if (j->rows == NULL || j->label == NULL)
		return fail(c, E_MEMORY, "no memory to judge a model");
	*ret = steal(j);
	return true;
}

bool
judge_run(struct ctx *c, struct judge *j, double *ret)
{
	const struct protect_set *s = j->set;

	evaluator_clear(j->evaluator);
	for (int64_t at = 0, n; at < s->n; at += n) {
		n = s->n - at < j->batch ? s->n - at : j->batch;
		for (int64_t i = 0; i < n; i++) {
			int64_t sample = s->chosen[at + i];

			memcpy(j->rows + (size_t)i * j->row,
			    data_sample(s->data->samples, sample), j->row);
			memcpy(j->label + i * j->places,
			    s->data->labels->v + sample * j->places,
			    (size_t)j->places * sizeof *j->label);
		}
		if (!evaluator_add(c, j->evaluator, j->rows, j->label, n))
			return false;
	}
	*ret = evaluator_score(j->evaluator)->accuracy;
	return true;
}

bool
protect_accuracy(
    struct ctx *c, const struct protect_model *m, const struct protect_set *set, double *ret)
{
	owned(judge_free) struct judge *j = NULL;

	return judge_new(c, m, set, &j) && judge_run(c, j, ret);
}

/* The F1 of who marks every place; 1 if nothing is to be marked. */
static double
blind_mask(const struct protect_set *set)
{
	int64_t places = data_places(set->data->labels), marked = 0;

	for (int64_t i = 0; i < set->n; i++)
		for (int64_t k = 0; k < places; k++)
			marked += set->data->labels->v[set->chosen[i] * places + k];
	return marked > 0 ? 2 * (double)marked / (double)(marked + set->n * places) : 1;
}

bool
protect_blind(
    struct ctx *c, const struct protect_model *m, const struct protect_set *set, double *ret)
{
	const struct data_labels *l = set->data->labels;
	int64_t *count = take(c, (size_t)(l->classes + 1) * sizeof *count);
	int64_t most = 0;

	if (count == NULL)
		return false;
	for (int64_t i = 0; i < set->n; i++) {
		int64_t n = ++count[data_label(l, set->chosen[i])];

		most = n > most ? n : most;
	}
	*ret = m->loss.kind == TRAIN_MASK ? blind_mask(set) : (double)most / (double)set->n;
	return true;
}
