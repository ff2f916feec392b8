/*
 * The job that counts a model's right answers. Samples are read batch by batch, so that a set of
 * any size needs the memory of one batch.
 */
#include <stdio.h>

#include "kinds.h"
#include "network.h"

enum { MODEL, SAMPLES };

/* So many samples at once; the evaluator runs them in its own batches. */
enum { ROWS_MAX = 4096 };
#define ROWS_BYTES (16 << 20)

/* Everything that is open while samples go by. */
struct counting {
	const struct job_run *run;
	struct network network;
	struct job_data data;
	struct data_labels labels;
	struct evaluator *evaluator;
	char *rows;
	int64_t at_once;
};

static void
counting_done(struct counting *w)
{
	free(w->rows);
	evaluator_free(&w->evaluator);
	data_labels_done(&w->labels);
	job_data_done(&w->data);
	network_done(&w->network);
}

MUST static bool
counting_open(struct ctx *c, const struct job_network *p, struct counting *w)
{
	const struct data_shape *shape;
	struct data_form form;
	struct loss loss;

	if (!network_open(c, w->run, MODEL, &w->network) ||
	    !network_loss(c, &w->network, p, &loss) ||
	    !job_data_open(c, w->run, SAMPLES, DATA_SAMPLES, p->samples_entry, &w->data))
		return false;
	shape = data_shape(w->data.reader);
	return train_fit(c, w->network.graph, shape, (enum data_order)p->order, p->raw_bytes,
		   &form) &&
	    evaluator_new(c, w->network.graph, &form, &loss, network_batch(&w->network, p),
		network_threads(p), &w->evaluator) &&
	    job_labels(c, w->run, SAMPLES, p, shape->dim[0], w->evaluator, &w->labels);
}

MUST static bool
rows_take(struct ctx *c, const struct job_network *p, struct counting *w)
{
	const struct data_shape *shape = data_shape(w->data.reader);
	size_t row = (size_t)shape->row * data_type_size(shape->type);
	int64_t batch = network_batch(&w->network, p);

	w->at_once = (int64_t)(ROWS_BYTES / row);
	w->at_once = w->at_once < ROWS_MAX ? w->at_once : ROWS_MAX;
	w->at_once -= w->at_once % batch;
	w->at_once = w->at_once > batch ? w->at_once : batch;
	w->rows = malloc((size_t)w->at_once * row);
	if (w->rows == NULL)
		return fail(c, E_MEMORY, "no memory for %lld samples", (long long)w->at_once);
	return true;
}

MUST static bool
count_all(struct ctx *c, struct counting *w)
{
	int64_t total = w->labels.n, began = clock_monotonic();

	for (int64_t at = 0, n; at < total; at += n) {
		char note[JOB_NOTE_MAX];
		double seconds;

		n = total - at < w->at_once ? total - at : w->at_once;
		if (!data_next(c, w->data.reader, n, w->rows) ||
		    !evaluator_add(c, w->evaluator, w->rows,
			w->labels.v + at * evaluator_places(w->evaluator), n))
			return false;
		seconds = (double)(clock_monotonic() - began + 1) / 1000;
		snprintf(note, sizeof note, "%.0f samples/s, %.0f s left",
		    (double)(at + n) / seconds,
		    seconds * (double)(total - at - n) / (double)(at + n));
		w->run->progress(w->run->arg, at + n, total, str_of(note));
	}
	return true;
}

bool
evaluate_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	const struct evaluate *p = r->params;
	owned(counting_done) struct counting w = { .run = r };
	struct buf out;
	struct js j = { .out = &out };

	if (!counting_open(c, &p->network, &w) || !rows_take(c, &p->network, &w) ||
	    !count_all(c, &w) || !take_buf(c, SCORE_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	score_put(&j, evaluator_score(w.evaluator));
	js_close(&j, '}');
	*ret_json = buf_str(&out);
	return buf_ok(c, &out);
}
