/*
 * A release on a small network with models that are known to be independent; see
 * likeness_support.h.
 */
#include "likeness_support.h"

/* ---- Networks ---------------------------------------------------------------------------- */

struct net
taught(struct ctx *c, const struct toys *toys, int64_t outputs, uint64_t seed)
{
	struct net fresh = net_fresh(c, outputs, seed), net;
	struct train_options o = { .epochs = 3,
		.batch = 20,
		.threads = 1,
		.seed = seed,
		.optimiser = { TRAIN_SGD, 0.9, 0, 0, 0, false },
		.schedule = { .kind = TRAIN_COSINE, .rate = 0.02 } };
	struct trainer *t = trainer_ok(c, &fresh, toys, &o);
	struct buf b;

	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
	trainer_free(&t);
	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, train_write(c, &fresh.model, fresh.graph, buf_sink, &b));
	net_done(&fresh);
	net = net_open(c, buf_str(&b));
	return net;
}

struct net
copy_of(struct ctx *c, const struct net *of, float by)
{
	struct net net = net_open(c, of->model.bytes);
	size_t n;
	struct nn_weight *w = nn_weights(net.graph, &n);

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; w[i].rank >= 2 && k < w[i].count; k++)
			w[i].data[k] *= 1 + (k % 2 == 0 ? by : -by);
	nn_graph_changed(net.graph);
	return net;
}

/* ---- One case ---------------------------------------------------------------------------- */

void
house_open(struct house *h)
{
	*h = (struct house){ .c = test_ctx(), .toys = toys_new(SAMPLES, CLASSES) };
	h->owner = taught(h->c, &h->toys, CLASSES, 1);
	h->data = toys_for(h->c, &h->owner, &h->toys);
	for (int i = 0; i < NULLS; i++) {
		h->null[i] = taught(h->c, &h->toys, CLASSES, 10 + (uint64_t)i);
		h->model[i] = h->null[i].model;
	}
	h->nulls = (struct verify_nulls){ h->model, NULLS };
	memset(h->secret.b, 7, sizeof h->secret.b);
}

void
house_done(struct house *h)
{
	net_done(&h->owner);
	for (int i = 0; i < NULLS; i++)
		net_done(&h->null[i]);
	toys_done(&h->toys);
}

/* ---- What it is known by ------------------------------------------------------------------ */

const struct probe_set *
house_probes(struct house *h)
{
	const struct probe_source s = {
		.owner = h->owner.graph, .data = &h->data, .secret = &h->secret, .threads = 1
	};
	const struct probe_set *p;

	ck_ok(h->c, probe_set_make(h->c, &s, &p));
	return p;
}

struct evidence *
likened_by(struct house *h, const struct probe_set *p, struct net *suspect)
{
	struct evidence *e = take(h->c, sizeof *e);

	ck_ok(h->c, verify_likeness(h->c, p, suspect->graph, &h->nulls, 1, NULL, e));
	return e;
}
