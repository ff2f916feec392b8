/*
 * A vendor with a model, its slots, and customers; see copies_house.h.
 */
#include <stdio.h>

#include "copies_house.h"

enum { TAUGHT = 3000, ASKED = 500, BATCH = 32 };

static struct str
secret_of(const struct key256 *k)
{
	return (struct str){ (const char *)k->b, sizeof k->b };
}

struct str
shop_hex(struct ctx *c, const struct digest256 *d)
{
	struct buf b;

	ck_ok(c, take_buf(c, 2 * sizeof d->b, &b));
	hex_put(&b, d->b, sizeof d->b);
	return buf_str(&b);
}

/* ---- The shop ---------------------------------------------------------------------------- */

static void
data_make(struct ctx *c, struct shop *s)
{
	struct kinds taught = kinds_new(TAUGHT, 1), asked = kinds_new(ASKED, 2);

	s->samples = kinds_images(c, &taught);
	s->labels = kinds_labels(c, &taught);
	s->test_samples = kinds_images(c, &asked);
	s->test_labels = kinds_labels(c, &asked);
	kinds_done(&taught);
	kinds_done(&asked);
}

/* Customers 1 … SHOP_CUSTOMERS, as the server sends them. */
static struct str
copies_make(struct ctx *c)
{
	struct buf b;

	ck_ok(c, take_buf(c, SHOP_CUSTOMERS * JOB_CUSTOMER_BYTES, &b));
	for (uint32_t i = 1; i <= SHOP_CUSTOMERS; i++) {
		struct id id = id_new(c, "cus");

		wire_put_u32(&b, i);
		buf_put(&b, (struct str){ id.s, 40 });
	}
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

struct str
shop_id(const struct shop *s, uint32_t number)
{
	return (struct str){ s->copies.p + (number - 1) * JOB_CUSTOMER_BYTES + 4,
		JOB_CUSTOMER_BYTES - 4 };
}

static void
slots_make(struct ctx *c, struct shop *s)
{
	const struct house_input in[] = { { "model", s->model }, { "samples", s->samples },
		{ "labels", s->labels }, { "secret", secret_of(&s->secret) },
		{ NULL, STR("") } };
	const struct house_job job = { .kind = JOB_SLOTS,
		.params = STR(
		    "{\"customers\":12,\"colluders\":1,\"eps1\":0.001,\"eps2\":0.5,\"flips\":0}"),
		.input = in };
	struct house_made made;
	struct json_part *part, found;
	size_t n;

	ck_ok(c, house_run(c, &job, &made));
	s->slots = made.out[0];
	ck_ok(c, slots_read(c, s->slots, &s->read));
	ck_ok(c, slots_match(c, &s->secret, &s->read));
	ck_assert_int_eq(s->read.classes, KINDS);
	ck_assert_int_eq(s->read.colluders, 1);
	ck_ok(c, json_split(c, made.result, &part, &n));
	ck_assert_int_eq((int)number_in(c, made.result, "slots"), s->read.n);
	ck_assert(json_find(part, n, "commitment", &found));
	ck_assert(str_same(found.value, shop_hex(c, &s->read.commitment)));
	ck_assert(json_find(part, n, "weights", &found));
	ck_str(found.value, "61706");
	ck_assert(json_find(part, n, "capacity", &found));
	ck_str(found.value, "128");
}

void
shop_new(struct ctx *c, bool taught, struct shop *s)
{
	const char *root = getenv("SOURCE_ROOT");

	ck_assert_ptr_nonnull(root);
	*s = (struct shop){ .copies = copies_make(c) };
	key256_random(c, &s->secret);
	data_make(c, s);
	ck_ok(c,
	    file_read(c, 0, take_printf(c, "%s/tests/data/models/fashion-lenet.onnx", root),
		8 << 20, &s->model));
	if (taught) {
		const struct house_input in[] = { { "model", s->model },
			{ "samples", s->samples }, { "labels", s->labels }, { NULL, STR("") } };
		const struct house_job job = { .kind = JOB_TRAIN,
			.params = STR(
			    "{\"initial\":\"he\",\"optimiser\":\"adam\",\"rate\":0.003,"
			    "\"schedule\":\"cosine\",\"epochs\":2,\"batch\":50,"
			    "\"threads\":1}"),
			.input = in };
		struct house_made made;

		ck_ok(c, house_run(c, &job, &made));
		s->model = made.out[0];
	}
	slots_make(c, s);
}

/* ---- Copies ------------------------------------------------------------------------------ */

bool
shop_copy(struct ctx *c, const struct shop *s, const char *params, struct str model,
    struct str keys, struct house_made *ret)
{
	const struct house_input in[] = { { "model", model }, { "slots", s->slots },
		{ "slots_secret", secret_of(&s->secret) }, { "copies", s->copies },
		{ "samples", s->samples }, { "labels", s->labels },
		{ "test_samples", s->test_samples }, { "test_labels", s->test_labels },
		{ "keys", keys }, { NULL, STR("") } };
	const struct house_job job = {
		.kind = JOB_PERSONALISE, .params = str_of(params), .input = in
	};

	return house_run(c, &job, ret);
}

double
number_in(struct ctx *c, struct str json, const char *name)
{
	struct json_part *part, found;
	size_t n;

	ck_ok(c, json_split(c, json, &part, &n));
	ck_assert_msg(json_find(part, n, name, &found), "%s", name);
	return strtod(take_cstr(c, found.value), NULL);
}

/* ---- Keys -------------------------------------------------------------------------------- */

struct keyset
shop_keys(struct ctx *c)
{
	enum { PAIRS = 40, PICTURES = 2 * PAIRS + 2 };
	const struct key256 secret = { { 9 } };
	struct image *p = take(c, PICTURES * sizeof *p);
	struct keyset k;

	for (int i = 0; i < PICTURES; i++) {
		ck_ok(c, image_new(c, KINDS_WIDTH, KINDS_WIDTH, 1, &p[i]));
		c->random(p[i].v, KINDS_ROW);
	}
	ck_ok(c, keyset_draw(c, &secret, p, PICTURES, PAIRS, 2, &k));
	ck_ok(c, keyset_commit(c, &secret, KINDS - 1, &k));
	memset(k.twin_label, 0, PAIRS * sizeof *k.twin_label);
	return k;
}

/* ---- A service that runs a copy ---------------------------------------------------------- */

struct inquiry
shop_challenge(struct ctx *c, const struct shop *s, struct str keys, struct str slots)
{
	struct key256 secret;
	const struct house_input in[] = { { "keys", keys }, { "samples", s->samples },
		{ "secret", secret_of(&secret) }, { "slots", slots }, { NULL, STR("") } };
	const struct house_job job = { .kind = JOB_CHALLENGE,
		.params = STR("{\"pairs\":30,\"first\":0,\"decoys\":25}"),
		.input = in };
	struct house_made made;
	struct inquiry i;

	key256_random(c, &secret);
	ck_ok(c, house_run(c, &job, &made));
	i = (struct inquiry){ .tar = made.out[0], .list = made.out[1] };
	ck_ok(c, challenge_read(c, i.list, &i.q));
	ck_assert_int_eq((int)number_in(c, made.result, "slots"), i.q.slots);
	ck_assert_int_eq((int)number_in(c, made.result, "pictures"), i.q.n);
	return i;
}

static void
network_free(struct nn_graph **g)
{
	nn_graph_free(g);
}

int32_t *
shop_answers(struct ctx *c, struct str model, const struct inquiry *i)
{
	owned(network_free) struct nn_graph *g = NULL;
	owned(asker_free) struct asker *a = NULL;
	struct onnx_model *m = take(c, sizeof *m);
	int32_t *answer = take(c, (size_t)i->q.n * sizeof *answer);
	struct data_form form;
	struct image shown;
	struct str *png;

	ck_ok(c, onnx_read(c, model, m));
	ck_ok(c, nn_import(c, m, &g));
	ck_ok(c, nn_graph_load(c, g, 1 << 20));
	ck_ok(c, challenge_pictures(c, i->tar, &i->q, &png));
	for (int32_t k = 0; k < i->q.n; k++) {
		ck_ok(c, image_read(c, png[k], 1, &shown, NULL));
		if (a == NULL) {
			ck_ok(c, asker_form(c, g, &shown, false, &form));
			ck_ok(c, asker_new(c, g, &form, BATCH, 1, &a));
		}
		ck_ok(c, asker_ask(c, a, &shown, 1, KINDS, &answer[k], NULL));
	}
	return answer;
}

struct str
shop_transcript(struct ctx *c, struct str model, const struct inquiry *i)
{
	const int32_t *answer = shop_answers(c, model, i);
	struct buf b;

	ck_ok(c, take_buf(c, 32 * (size_t)i->q.n, &b));
	for (int32_t k = 0; k < i->q.n; k++)
		buf_printf(&b, "%05d.png,%d\n", k + 1, answer[k]);
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

/* ---- Verdicts ---------------------------------------------------------------------------- */

bool
shop_verify(struct ctx *c, const struct shop *s, const struct trial *t, struct house_made *ret)
{
	struct key256 release = { { 5 } };
	struct str commitment = t->commitment.n > 0 ? t->commitment
						    : shop_hex(c, &s->read.commitment);
	const struct house_input in[] = { { "suspect", t->suspect }, { "model", s->model },
		{ "keys", t->keys }, { "list", t->list }, { "secret", secret_of(&release) },
		{ "slots", t->slots.n > 0 ? t->slots : s->slots },
		{ "slots_secret", secret_of(t->secret != NULL ? t->secret : &s->secret) },
		{ "pictures", t->pictures },
		{ "copies", t->copies.n > 0 ? t->copies : s->copies }, { NULL, STR("") } };
	const struct house_job job = { .kind = JOB_VERIFY,
		.params = str_of(take_printf(c,
		    "{\"verification\":\"ver_01890a5d-ac96-774b-bcce-b302099a8057\","
		    "\"suspect\":\"sus_01890a5d-ac96-774b-bcce-b302099a8059\","
		    "\"release\":\"rel_01890a5d-ac96-774b-bcce-b302099a8058\","
		    "\"slots_commitment\":\"%.*s\",\"slots_committed\":%lld,"
		    "\"appeared\":%lld,\"threads\":1}",
		    STRF(commitment), (long long)TEST_NOW - 1000, (long long)TEST_NOW)),
		.input = in,
		.say = t->say,
		.hear = t->hear };

	return house_run(c, &job, ret);
}

struct evidence
shop_verdict(struct ctx *c, const struct shop *s, const struct trial *t)
{
	struct house_made made;
	struct str differs;
	struct evidence e;

	ck_ok(c, shop_verify(c, s, t, &made));
	ck_ok(c, evidence_recheck(c, made.out[0], &e, &differs));
	ck_assert_msg(differs.n == 0, "%.*s", STRF(differs));
	return e;
}
