/*
 * A thief at work without a release behind him; see redteam_raid.h.
 */
#include "redteam_raid.h"

enum { PAIRS = 4 };

float *
raid_weights(struct ctx *c, struct nn_graph *g, size_t *ret_n)
{
	size_t n, sum = 0;
	const struct nn_weight *w = nn_weights(g, &n);
	float *v;

	for (size_t i = 0; i < n; i++)
		sum += w[i].rank > 1 ? (size_t)w[i].count : 0;
	v = take(c, sum * sizeof *v);
	ck_assert_ptr_nonnull(v);
	*ret_n = sum;
	sum = 0;
	for (size_t i = 0; i < n; i++)
		if (w[i].rank > 1) {
			memcpy(v + sum, w[i].data, (size_t)w[i].count * sizeof *v);
			sum += (size_t)w[i].count;
		}
	return v;
}

struct ctx *
raid_begin(struct raid *ret)
{
	struct ctx *c = test_ctx();
	struct house *h;
	struct nn_graph *g = NULL;

	ck_ok(c, crypto_start(c));
	h = house_new(c, PAIRS, 2);
	*ret = (struct raid){ .house = h };
	ret->run = (struct redteam){ .the = { .work = { .model = &h->old.model,
						  .graph = h->old.graph,
						  .loss = { .kind = TRAIN_CROSS_ENTROPY },
						  .classes = CLASSES,
						  .batch = 32,
						  .threads = 1 },
					 .keys = &h->keys,
					 .seed = 5,
					 .threads = 1 },
		.row = "test",
		.thief = { h->data.samples, h->data.labels, h->train_form },
		.judges = { h->test.samples, h->test.labels, h->test_form },
		.form = h->train_form.form,
		.high = 1 };
	ck_ok(c, nn_import(c, &h->old.model, &g));
	ck_ok(c, nn_graph_load(c, g, SIZE_MAX));
	ret->s = (struct redteam_suspect){ .model = h->old.model, .graph = g, .colluders = 1 };
	ret->s.mem = arena_new((size_t)64 << 20);
	c->mem = ret->s.mem;
	ret->before = raid_weights(c, g, &ret->weights);
	return c;
}

void
raid_end(struct raid *w)
{
	redteam_suspect_done(&w->s);
	house_done(w->house);
}

double
raid_accuracy(struct ctx *c, struct raid *w)
{
	owned(redteam_asker_free) struct redteam_asker *a = NULL;
	int64_t n = w->run.judges.labels.n, classes, right = 0;
	float *x = take(c, (size_t)(n * w->run.form.count) * sizeof *x), *out;

	ck_ok(c, redteam_asker_new(c, &w->run, &w->s, &a));
	classes = redteam_asker_classes(a);
	out = take(c, (size_t)(n * classes) * sizeof *out);
	data_floats(&w->run.judges.data.form, w->run.judges.samples.v, n, x);
	ck_ok(c, redteam_asker_ask(c, a, x, n, out));
	for (int64_t i = 0; i < n; i++)
		right += loss_answer(&w->run.the.work.loss, out + i * classes, classes) ==
		    w->run.judges.labels.v[i];
	return (double)right / (double)n;
}
