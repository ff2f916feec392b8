/*
 * A network is trained, widened, and given a key set; see watermark_house.h.
 */
#include "watermark_house.h"

enum { SAMPLES = 384, TESTS = 120 };

static void
learn(struct ctx *c, struct house *h)
{
	struct train_options o = {
		.epochs = 12,
		.batch = 32,
		.seed = 3,
		.optimiser = { .kind = TRAIN_SGD, .momentum = .9 },
		.schedule = { .kind = TRAIN_COSINE, .rate = .05 },
	};
	owned(trainer_free) struct trainer *t = NULL;

	ck_ok(c, trainer_new(c, h->old.graph, &h->train_form, &o, &t));
	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
}

static void
label_twins(struct ctx *c, struct house *h)
{
	struct data_form form;
	owned(asker_free) struct asker *a = NULL;

	ck_ok(c, asker_form(c, h->old.graph, keyset_twin(&h->keys, 0), false, &form));
	ck_ok(c, asker_new(c, h->old.graph, &form, 1, 1, &a));
	ck_assert_int_eq(asker_classes(a), CLASSES);
	for (int i = 0; i < h->keys.pairs; i++)
		ck_ok(c,
		    asker_ask(
			c, a, keyset_twin(&h->keys, i), 1, 0, &h->keys.twin_label[i], NULL));
}

struct house *
house_new(struct ctx *c, int pairs, int spares)
{
	struct house *h = take(c, sizeof *h);
	struct buf b;

	ck_assert_ptr_nonnull(h);
	h->data = world_new(SAMPLES, 1);
	h->test = world_new(TESTS, 2);
	h->old = network_open(c, network_bytes(c, HEAD_GEMM_TURNED));
	h->train_form = world_for(c, h->old.graph, &h->data);
	h->test_form = world_for(c, h->old.graph, &h->test);
	learn(c, h);
	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, train_write(c, &h->old.model, h->old.graph, buf_sink, &b));
	ck_ok(c, onnx_read(c, buf_str(&b), &h->old.model));
	h->new = network_open(c, widened(c, &h->old.model));
	h->keys = any_keyset(c, pairs, spares);
	label_twins(c, h);
	h->the = (struct watermark_case){ .model = &h->new.model,
		.graph = h->new.graph,
		.data = &h->train_form,
		.test = &h->test_form,
		.keys = &h->keys,
		.before = 1 };
	return h;
}

void
house_done(struct house *h)
{
	network_done(&h->old);
	network_done(&h->new);
	world_done(&h->data);
	world_done(&h->test);
}
