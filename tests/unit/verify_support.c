/*
 * A small network that was taught a key set; see verify_support.h.
 */
#include <math.h>

#include "verify_support.h"

static void
learn(struct ctx *c, struct marked *m)
{
	struct train_options o = {
		.epochs = 12,
		.batch = 32,
		.seed = 3,
		.optimiser = { .kind = TRAIN_SGD, .momentum = .9 },
		.schedule = { .kind = TRAIN_COSINE, .rate = .05 },
	};
	owned(trainer_free) struct trainer *t = NULL;

	ck_ok(c, trainer_new(c, m->plain.graph, &m->form, &o, &t));
	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
}

static void
label_twins(struct ctx *c, struct marked *m)
{
	struct data_form form;
	owned(asker_free) struct asker *a = NULL;

	ck_ok(c, asker_form(c, m->plain.graph, keyset_twin(&m->keys, 0), false, &form));
	ck_ok(c, asker_new(c, m->plain.graph, &form, 1, 1, &a));
	for (int i = 0; i < PAIRS; i++)
		ck_ok(c,
		    asker_ask(
			c, a, keyset_twin(&m->keys, i), 1, 0, &m->keys.twin_label[i], NULL));
}

static void
embed(struct ctx *c, struct marked *m)
{
	struct watermark_case the = { .model = &m->net.model,
		.graph = m->net.graph,
		.data = &m->form,
		.test = &m->form,
		.keys = &m->keys,
		.before = 1 };
	struct watermark_options o = watermark_standard();
	struct watermark_result r;

	o.epochs = 60;
	o.batch = 32;
	o.rate = .02;
	o.drop_max = .05;
	o.plain = true;
	o.weight = 1;
	ck_ok(c, watermark_embed(c, &the, &o, NULL, &r));
	ck_assert_msg(r.reached, "%s", r.missed);
}

struct marked *
marked_new(struct ctx *c)
{
	struct marked *m = take(c, sizeof *m);
	struct buf b;

	ck_assert_ptr_nonnull(m);
	m->data = world_new(384, 1);
	m->plain = network_open(c, network_bytes(c, HEAD_GEMM_TURNED));
	m->form = world_for(c, m->plain.graph, &m->data);
	learn(c, m);
	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, train_write(c, &m->plain.model, m->plain.graph, buf_sink, &b));
	ck_ok(c, onnx_read(c, buf_str(&b), &m->plain.model));
	m->net = network_open(c, widened(c, &m->plain.model));
	m->keys = any_keyset(c, PAIRS, 0);
	label_twins(c, m);
	embed(c, m);
	return m;
}

void
marked_done(struct marked *m)
{
	network_done(&m->plain);
	network_done(&m->net);
	world_done(&m->data);
}

struct network
without_class(struct ctx *c, struct marked *m)
{
	struct network cut = network_open(c, network_bytes(c, HEAD_GEMM_TURNED));
	size_t n;
	struct nn_weight *w = nn_weights(cut.graph, &n);

	/* The class is the last row of the head, and what is before it lies as before. */
	for (size_t i = 0; i < n; i++) {
		const struct nn_weight *from = nn_weight_by_name(m->net.graph, w[i].name);

		ck_assert(from != NULL && from->count >= w[i].count);
		memcpy(w[i].data, from->data, (size_t)w[i].count * sizeof *w[i].data);
	}
	nn_graph_changed(cut.graph);
	return cut;
}

struct evidence *
blank(struct ctx *c)
{
	struct evidence *e = take(c, sizeof *e);

	ck_assert_ptr_nonnull(e);
	return e;
}

double
log10_of(const struct evidence *e, enum evidence_test_id id)
{
	const struct evidence_test *t = &e->test[id];

	ck_assert_msg(t->ran, "%s", t->why);
	switch (evidence_rows[id].law) {
	case LAW_PAIRS:
		return pairs_log10(t->hits, t->misses);
	case LAW_BINOMIAL:
		return binomial_log10(t->trials, t->hits, 1 / (double)t->labels);
	case LAW_RANK:
		return log10((double)(t->hits + 1) / (double)(t->trials + 1));
	case LAW_BOUND:
	case LAW_SEQUENCE:
	case LAW_COUNT:
		break;
	}
	ck_abort();
}

void
check_controls(const struct evidence *e, size_t n)
{
	ck_assert_uint_eq(e->controls, n);
	for (size_t i = 0; i < n; i++) {
		const struct evidence_control *k = &e->control[i];

		ck_assert_int_eq(k->trials, 1000);
		ck_assert_msg(k->low <= 50 + 3 * sqrt(.05 * .95 * 1000), "%s: %lld", k->what,
		    (long long)k->low);
	}
}
