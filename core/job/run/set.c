/*
 * Reading a whole data set: samples first, because they say how many labels there must be; then
 * the network is planned for one sample, because that says how many classes there are.
 */
#include "set.h"

void
job_set_done(struct job_set *s)
{
	data_samples_done(&s->samples);
	data_labels_done(&s->labels);
}

bool
job_set_open(struct ctx *c, const struct job_run *r, struct network *n,
    const struct job_network *p, const struct loss *loss, size_t i, size_t limit,
    struct job_set *ret)
{
	owned(job_data_done) struct job_data d = { 0 };
	owned(evaluator_free) struct evaluator *e = NULL;

	ret->data.samples = &ret->samples;
	ret->data.labels = &ret->labels;
	return job_data_open(c, r, i, DATA_SAMPLES, p->samples_entry, &d) &&
	    train_fit(c, n->graph, data_shape(d.reader), (enum data_order)p->order,
		p->raw_bytes, &ret->data.form) &&
	    data_samples_load(c, d.reader, limit, &ret->samples) &&
	    evaluator_new(c, n->graph, &ret->data.form, loss, 1, 1, &e) &&
	    job_labels(c, r, i, p, ret->samples.shape.dim[0], e, &ret->labels);
}
