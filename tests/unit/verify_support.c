/*
 * A small network that was taught a key set; see verify_support.h.
 */
#include <math.h>

#include "verify_support.h"

struct house *
marked_new(struct ctx *c)
{
	struct house *h = house_new(c, PAIRS, 0);
	struct watermark_options o = watermark_standard();
	struct watermark_result r;

	o.epochs = 60;
	o.batch = 32;
	o.rate = .02;
	o.drop_max = .05;
	o.plain = true;
	o.weight = 1;
	ck_ok(c, watermark_embed(c, &h->the, &o, NULL, &r));
	ck_assert_msg(r.reached, "%s", r.missed);
	return h;
}

struct network
without_class(struct ctx *c, struct house *h)
{
	struct network cut = network_open(c, network_bytes(c, HEAD_GEMM_TURNED));
	size_t n;
	struct nn_weight *w = nn_weights(cut.graph, &n);

	/* The class is the last row of the head, and what is before it lies as before. */
	for (size_t i = 0; i < n; i++) {
		const struct nn_weight *from = nn_weight_by_name(h->new.graph, w[i].name);

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
		ck_assert_msg(k->low < 87, "%s: %lld", k->what, (long long)k->low);
	}
}
