/*
 * The check of a sealed release before anybody gets it: customers' models are run and traced, and a
 * mark that costs accuracy is weakened. The data are images of no meaning, each labelled with what
 * the plain model says of it, so that the plain model is always right.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "onnx_support.h"
#include "protect.h"

enum { IMAGES = 500, PIXELS = 784 };

struct house {
	struct onnx_model model;
	struct protect_model at_work;
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
	struct protect_set set;
	struct key256 release;
	struct sealed_case on;
};

/* Soft blobs: brighter around one place, like clothes; or mere noise. */
static void
draw(struct ctx *c, uint8_t *v, bool noise)
{
	for (int i = 0; i < IMAGES; i++, v += PIXELS) {
		uint8_t r[4];

		c->random(v, PIXELS);
		c->random(r, sizeof r);
		for (int k = 0; k < PIXELS && !noise; k++) {
			int x = k % 28 - 6 - r[0] % 16, y = k / 28 - 6 - r[1] % 16;
			int wide = 20 + r[2] / 2, high = 20 + r[3] / 2;
			int far = x * x * 100 / wide + y * y * 100 / high;

			v[k] = far < 100 ? (uint8_t)(255 - far - v[k] / 8) : 0;
		}
	}
}

/* What the model says of each image. */
static void
label(struct ctx *c, struct house *h)
{
	struct nn_options o = { .mode = NN_INFER, .batch = IMAGES };
	float *x = take(c, sizeof *x * IMAGES * PIXELS), *out;
	const void *const input[] = { x };
	struct nn_plan *p = NULL;

	ck_assert_ptr_nonnull(x);
	data_floats(&h->data.form, h->samples.v, IMAGES, x);
	ck_ok(c, nn_plan_new(c, h->at_work.graph, &o, &p));
	ck_ok(c, nn_forward(c, p, input));
	out = nn_plan_output(p, 0)->data;
	for (int i = 0; i < IMAGES; i++)
		h->labels.v[i] = (int32_t)loss_answer(&h->at_work.loss, out + 10 * i, 10);
	nn_plan_free(&p);
}

static void
house_open(struct ctx *c, struct house *h, bool noise)
{
	int64_t *chosen = take(c, IMAGES * sizeof *chosen);

	*h = (struct house){
		.samples = { .shape = { DATA_UINT8, 3, { IMAGES, 28, 28 }, PIXELS } },
		.labels = { .n = IMAGES, .classes = 10 }
	};
	h->samples.v = take(c, IMAGES * PIXELS);
	h->labels.v = take(c, IMAGES * sizeof *h->labels.v);
	ck_assert(chosen != NULL && h->samples.v != NULL && h->labels.v != NULL);
	ck_ok(c, crypto_start(c));
	h->model = read_ok(c, model_file(c, "fashion-lenet.onnx"));
	ck_ok(c, nn_import(c, &h->model, &h->at_work.graph));
	h->at_work.model = &h->model;
	h->at_work.classes = 10;
	h->at_work.batch = 50;
	h->at_work.threads = 1;
	h->data.samples = &h->samples;
	h->data.labels = &h->labels;
	ck_ok(c,
	    train_fit(
		c, h->at_work.graph, &h->samples.shape, DATA_ORDER_AUTO, false, &h->data.form));
	draw(c, h->samples.v, noise);
	label(c, h);
	for (int i = 0; i < IMAGES; i++)
		chosen[i] = i;
	h->set = (struct protect_set){ &h->data, chosen, IMAGES };
	key256_random(c, &h->release);
	h->on = (struct sealed_case){ .plain = memory_file(h->model.bytes),
		.model = &h->at_work,
		.release = &h->release,
		.release_id = id_new(c, "rel"),
		.artifact = memory_file(STR("")),
		.validation = &h->set,
		.customers = 3,
		.innocents = 50 };
}

static void
house_done(struct house *h)
{
	nn_graph_free(&h->at_work.graph);
	close(h->on.plain);
	close(h->on.artifact);
}

static const struct unlock_entry locked[] = { { 2, 3, 0x00400000 }, { 6, 100, 0x80000000 } };
/* Without and with the other lock inside. */
static const uint32_t entries[] = { 0, COUNT(locked) };

START_TEST(customers_are_told_apart_and_served_well)
{
	struct ctx *c = test_ctx();
	struct sealed_checked k;
	struct sealed_result r;
	struct house h;

	house_open(c, &h, false);
	h.on.locked = locked;
	h.on.n = entries[_i];
	h.on.options.kappa = .03;
	ck_ok(c, sealed_settle(c, &h.on, &r, &k));
	ck_assert_double_eq(r.terms.kappa, .03);
	ck_assert_double_eq(k.before, 1);
	ck_assert_double_lt(k.artifact, .6);
	ck_assert_uint_eq(k.customers, 3);
	ck_assert(k.different);
	ck_assert_double_gt(k.mean, .92);
	ck_assert_double_lt(k.innocents_z, 4);
	for (size_t i = 0; i < k.customers; i++) {
		ck_assert_double_gt(k.customer[i].accuracy, .9);
		ck_assert_double_gt(k.customer[i].z, 60);
	}
	house_done(&h);
}
END_TEST

START_TEST(without_a_mark_all_customers_have_the_original)
{
	struct ctx *c = test_ctx();
	struct sealed_checked k;
	struct sealed_result r;
	struct house h;

	house_open(c, &h, false);
	h.on.locked = locked;
	h.on.n = entries[_i];
	h.on.options.unmarked = true;
	ck_ok(c, sealed_settle(c, &h.on, &r, &k));
	ck_assert(!k.different);
	ck_assert_double_eq_tol(k.mean, 1, 1e-12);
	ck_assert_double_eq(k.customer[0].z, 0);
	ck_assert(digest256_same(&k.unlocked, &r.plain));
	house_done(&h);
}
END_TEST

/* Of noise the model is never sure, so that the slightest change costs answers. */
START_TEST(a_mark_that_costs_too_much_is_weakened)
{
	struct ctx *c = test_ctx();
	struct sealed_checked k;
	struct sealed_result r;
	struct house h;

	house_open(c, &h, true);
	h.on.options.kappa = .03;
	ck_ok(c, sealed_settle(c, &h.on, &r, &k));
	ck_assert_double_lt(k.mean, .998);
	h.on.options.kappa = 0;
	if (sealed_settle(c, &h.on, &r, &k)) {
		ck_assert_double_ge(k.mean, .998);
		ck_assert_double_eq(r.terms.kappa, h.on.options.kappa);
		ck_assert_double_le(r.terms.kappa, .015);
	} else {
		ck_assert_msg(strstr(c->err.text, "0.00375") != NULL, "%s", c->err.text);
		ck_err(c, E_CONFLICT);
		ck_assert_double_eq(h.on.options.kappa, .03 / 8);
	}
	house_done(&h);
}
END_TEST

MAIN("protect_sealed_try", EACH(customers_are_told_apart_and_served_well, entries),
    EACH(without_a_mark_all_customers_have_the_original, entries),
    ONE(a_mark_that_costs_too_much_is_weakened))
