/*
 * Tests of copies: a LeNet that has learnt ten kinds of pictures is fine-tuned for a customer, whom
 * its answers then name, and nobody else.
 */
#include "kinds_support.h"
#include "onnx_support.h"
#include "slots_support.h"

enum { SLOTS = 40, CUSTOMERS = 1000, TAUGHT = 3000, ASKED = 1000 };

/* ---- The network ------------------------------------------------------------------------- */

struct lenet {
	struct onnx_model *model;
	struct nn_graph *graph;
	struct kinds taught, asked;
	struct train_data data, test;
	struct slots slots;
};

static struct train_data
data_for(struct ctx *c, const struct nn_graph *g, const struct kinds *k)
{
	struct train_data d = { .samples = &k->samples, .labels = &k->labels };

	ck_ok(c, train_fit(c, g, &k->samples.shape, DATA_ORDER_AUTO, false, &d.form));
	return d;
}

static void
teach(struct ctx *c, const struct lenet *l)
{
	const struct train_options o = {
		.epochs = 2,
		.batch = 50,
		.threads = 1,
		.seed = 3,
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_COSINE, .rate = .003 },
	};
	struct trainer *t = NULL;

	ck_ok(c, train_initialise(c, l->model, l->graph, TRAIN_HE, 5));
	ck_ok(c, trainer_new(c, l->graph, &l->data, &o, &t));
	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
	trainer_free(&t);
}

/* Not taught yet. Made in place: its samples stand where its data says. */
static void
lenet_new(struct ctx *c, struct lenet *l)
{
	const struct key256 secret = slots_secret();

	l->model = take(c, sizeof *l->model);
	l->taught = kinds_new(TAUGHT, 1);
	l->asked = kinds_new(ASKED, 2);
	ck_ok(c, onnx_read(c, model_file(c, "fashion-lenet.onnx"), l->model));
	ck_ok(c, nn_import(c, l->model, &l->graph));
	ck_ok(c, nn_graph_load(c, l->graph, 1 << 20));
	l->data = data_for(c, l->graph, &l->taught);
	l->test = data_for(c, l->graph, &l->asked);
	ck_ok(c, slots_draw(c, &secret, &l->data, SLOTS, KINDS, 2, &l->slots));
}

static void
lenet_done(struct lenet *l)
{
	nn_graph_free(&l->graph);
	kinds_done(&l->taught);
	kinds_done(&l->asked);
}

static void
answers_of(struct ctx *c, const struct lenet *l, uint8_t ret[])
{
	struct data_form form;
	int32_t *answer;

	ck_ok(c, slots_form(c, l->graph, &l->slots, false, &form));
	ck_ok(c, slots_ask(c, l->graph, &form, &l->slots, 1, &answer));
	slots_answers(&l->slots, answer, ret);
}

static void
count_up(void *arg, int64_t done, int64_t total)
{
	int64_t *last = arg;

	ck_assert_int_eq(done, *last + 1);
	ck_assert_int_le(done, total);
	*last = done;
}

/* ---- Tests ------------------------------------------------------------------------------- */

START_TEST(a_copy_answers_as_its_customer)
{
	struct ctx *c = test_ctx();
	struct lenet l = { 0 };
	struct slots_options o = slots_standard();
	struct slots_case k = { .output = TRAIN_LOGITS };
	struct slots_result r;
	struct slots_traced who;
	struct image kept[4];
	int32_t kept_label[4];
	uint8_t said[SLOTS];
	int64_t last = 0;

	o.epochs = 20;
	lenet_new(c, &l);
	teach(c, &l);
	for (int i = 0; i < 4; i++) { /* a picture of nothing, which has its answer */
		ck_ok(c, image_new(c, KINDS_WIDTH, KINDS_WIDTH, 1, &kept[i]));
		memset(kept[i].v, 60 * i, KINDS_ROW);
		kept_label[i] = 2 * i;
	}
	answers_of(c, &l, said);
	who = traced(c, &l.slots, said, CUSTOMERS);
	ck_assert(who.n == 0 || !accused(&who.best[0], CUSTOMERS));
	k.graph = l.graph;
	k.data = &l.data;
	k.test = &l.test;
	k.slots = &l.slots;
	k.word = word_of(c, &l.slots, 123);
	k.kept = kept;
	k.kept_label = kept_label;
	k.n_kept = 4;
	ck_ok(c, slots_embed(c, &k, &o, count_up, &last, &r));
	ck_assert_double_gt(r.before, .95);
	ck_assert_msg(r.reached, "%f right, %f to %f", r.right, r.before, r.after);
	ck_assert_double_ge(r.right, SLOTS_RIGHT);
	ck_assert_double_ge(r.after, r.before - .005);
	ck_assert_int_gt(last, 0);
	answers_of(c, &l, said);
	who = traced(c, &l.slots, said, CUSTOMERS);
	ck_assert_int_eq(who.best[0].customer, 123);
	ck_assert(accused(&who.best[0], CUSTOMERS));
	ck_assert(!accused(&who.best[1], CUSTOMERS));
	lenet_done(&l);
}
END_TEST

START_TEST(what_cannot_be_embedded)
{
	struct ctx *c = test_ctx();
	struct slots small = slots_some(c, 2, 2);
	struct lenet l = { 0 };
	struct slots_options o = slots_standard();
	struct slots_case k = { .output = TRAIN_LOGITS };
	struct slots_result r;
	uint8_t word[SLOTS] = { 0 };

	lenet_new(c, &l);
	k.graph = l.graph;
	k.data = &l.data;
	k.test = &l.test;
	k.slots = &small;
	k.word = word;
	ck_fails(c, E_INPUT, slots_embed(c, &k, &o, NULL, NULL, &r)); /* 12 x 12 */
	k.slots = &l.slots;
	o.rate = 0;
	ck_fails(c, E_INPUT, slots_embed(c, &k, &o, NULL, NULL, &r));
	o.rate = 1e30;
	ck_fails(c, E_INPUT, slots_embed(c, &k, &o, NULL, NULL, &r));
	lenet_done(&l);
}
END_TEST

MAIN("slots_embed", ONE(a_copy_answers_as_its_customer), ONE(what_cannot_be_embedded))
