/*
 * The gradient of the mean loss over a set of samples. The set goes through in batches, whose
 * gradients add up in their order; a batch that is not full holds samples of before, which count
 * nothing. Right answers fall out of the same pass. Where a peek shows that all answers are alike
 * already, the way back is spared.
 */
#include "model.h"

/* Samples of a batch for each thread: all that a way back needs stays in the cache. */
enum { EACH_THREAD = 8 };

struct slope {
	struct nn_plan *plan;
	const struct protect_set *set;
	struct loss loss;
	int64_t batch, outputs, classes, places;
	float *input, *gradient; /* of a batch; of its output */
	int32_t *label;
	int64_t *answers; /* by class */
};

void
slope_free(struct slope **s)
{
	if (*s == NULL)
		return;
	nn_plan_free(&(*s)->plan);
	free((*s)->input);
	free((*s)->gradient);
	free((*s)->label);
	free((*s)->answers);
	free(*s);
	*s = NULL;
}

/* A plan has gradients of what is trainable while it is made. */
MUST static bool
plan_wanted(struct ctx *c, const struct protect_model *m, const struct protect_set *set,
    const bool wanted[], struct slope *s)
{
	const int64_t best = (int64_t)EACH_THREAD * (m->threads > 0 ? m->threads : 1);
	const int64_t most = m->batch < set->n ? m->batch : set->n;
	const struct nn_options o = {
		.mode = NN_DIFFERENTIATE,
		.batch = best < most ? best : most,
		.threads = m->threads,
	};
	size_t n;
	struct nn_weight *w = nn_weights(m->graph, &n);
	bool *before = take(c, n + 1);
	bool ok;

	if (before == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		before[i] = w[i].trainable;
		w[i].trainable = wanted[i];
	}
	ok = train_plan(c, m->graph, &set->data->form, o, &s->plan, &s->batch, &s->outputs);
	for (size_t i = 0; i < n; i++)
		w[i].trainable = before[i];
	return ok;
}

bool
slope_new(struct ctx *c, const struct protect_model *m, const struct protect_set *set,
    const bool wanted[], struct slope **ret)
{
	owned(slope_free) struct slope *s = calloc(1, sizeof *s);

	if (s == NULL)
		return fail(c, E_MEMORY, "no memory for gradients");
	if (set->n < 1)
		return fail(c, E_INPUT, "there are no samples to lock the model with");
	if (!plan_wanted(c, m, set, wanted, s))
		return false;
	s->set = set;
	s->loss = m->loss;
	s->classes = loss_classes(&m->loss, s->outputs);
	s->places = loss_places(&m->loss, s->outputs);
	s->input = calloc((size_t)(s->batch * set->data->form.count), sizeof *s->input);
	s->gradient = calloc((size_t)(s->batch * s->outputs), sizeof *s->gradient);
	s->label = calloc((size_t)(s->batch * s->places), sizeof *s->label);
	s->answers = calloc((size_t)s->classes + 1, sizeof *s->answers);
	if (s->input == NULL || s->gradient == NULL || s->label == NULL || s->answers == NULL)
		return fail(c, E_MEMORY, "no memory for gradients");
	if (data_places(set->data->labels) != s->places)
		return fail(c, E_INPUT, "%lld labels a sample, but the loss takes %lld",
		    (long long)data_places(set->data->labels), (long long)s->places);
	for (int64_t i = 0; i < set->n; i++)
		if (data_label(set->data->labels, set->chosen[i]) >= s->classes)
			return fail(c, E_INPUT, "label %d, but the model knows %lld classes",
			    data_label(set->data->labels, set->chosen[i]),
			    (long long)s->classes);
	*ret = steal(s);
	return true;
}

static void
fill(struct slope *s, int64_t at, int64_t n)
{
	const struct train_data *d = s->set->data;

	for (int64_t i = 0; i < n; i++) {
		int64_t sample = s->set->chosen[at + i];

		data_floats(
		    &d->form, data_sample(d->samples, sample), 1, s->input + i * d->form.count);
		memcpy(s->label + i * s->places, d->labels->v + sample * s->places,
		    (size_t)s->places * sizeof *s->label);
	}
}

/* Loss, answers and the output's gradient of n samples; adds to what was seen. */
static void
look(struct slope *s, int64_t n, struct slope_seen *seen)
{
	const float *out = nn_plan_output(s->plan, 0)->data;
	double share = (double)n / (double)s->set->n;
	int64_t outputs = s->outputs, right = 0;

	seen->loss += share * loss_labels(&s->loss, out, s->label, n, outputs, s->gradient);
	for (int64_t i = 0; i < n * outputs; i++)
		s->gradient[i] = (float)((double)s->gradient[i] * share);
	memset(s->gradient + n * outputs, 0,
	    (size_t)((s->batch - n) * outputs) * sizeof *s->gradient);
	for (int64_t i = 0; i < n; i++) {
		const float *row = out + i * outputs;

		right += loss_right(&s->loss, row, s->label + i * s->places, outputs);
		s->answers[loss_answer(&s->loss, row, outputs)]++;
	}
	seen->right += (double)right / (double)s->set->n;
}

static int64_t
most_answers(const struct slope *s)
{
	int64_t most = 0;

	for (int64_t i = 0; i < s->classes; i++)
		most = s->answers[i] > most ? s->answers[i] : most;
	return most;
}

/* One batch forward, from sample `at` on; *ret: how many samples it holds. */
MUST static bool
forward(struct ctx *c, struct slope *s, int64_t at, struct slope_seen *seen, int64_t *ret)
{
	const void *const input[] = { s->input };
	int64_t n = s->set->n - at < s->batch ? s->set->n - at : s->batch;

	fill(s, at, n);
	if (!nn_forward(c, s->plan, input))
		return false;
	look(s, n, seen);
	*ret = n;
	return true;
}

static void
begin(struct slope *s, struct slope_seen *seen)
{
	*seen = (struct slope_seen){ 0 };
	nn_gradients_clear(s->plan);
	memset(s->answers, 0, (size_t)s->classes * sizeof *s->answers);
}

bool
slope_run(struct ctx *c, struct slope *s, struct slope_seen *ret)
{
	const float *const gradient[] = { s->gradient };
	struct slope_seen seen;

	begin(s, &seen);
	for (int64_t at = 0, n; at < s->set->n; at += n)
		if (!forward(c, s, at, &seen, &n) || !nn_backward(c, s->plan, gradient))
			return false;
	seen.most = (double)most_answers(s) / (double)s->set->n;
	*ret = seen;
	return true;
}

/* The first batch has to be all alike, so that looking in vain costs little. */
bool
slope_peek(
    struct ctx *c, struct slope *s, double share, struct slope_seen *ret, bool *ret_alike)
{
	struct slope_seen seen;

	*ret_alike = false;
	begin(s, &seen);
	for (int64_t at = 0, n; at < s->set->n; at += n) {
		double others;

		if (!forward(c, s, at, &seen, &n))
			return false;
		others = (double)(at + n - most_answers(s));
		if (others > (at == 0 ? 0 : (1 - share) * (double)s->set->n))
			return true;
	}
	seen.most = (double)most_answers(s) / (double)s->set->n;
	*ret = seen;
	*ret_alike = true;
	return true;
}

const float *
slope_of(struct slope *s, size_t weight)
{
	return nn_weight_gradient(s->plan, weight);
}
