/*
 * The job that says whose a suspect is, from its inputs to its report: copies that customers have
 * leaked, files that are nobody's, and everything that cannot be judged, which is said, and never
 * held against anybody.
 */
#include <math.h>

#include "stego.h"
#include "verify_house.h"

/* ---- Copies ------------------------------------------------------------------------------ */

START_TEST(a_copy_names_its_customer)
{
	struct ctx *c = house_ctx();
	struct house_made made;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	e = house_verdict(c, &h,
	    &(struct house_case){ .suspect = house_copy(c, &h, 7), .keys = true, .data = true },
	    VERDICT_PROVEN, &made);
	ck_assert_str_eq(e.kind, "model");
	ck_assert(e.trace.ran);
	ck_assert_uint_ge(e.trace.n, 2);
	ck_assert_uint_eq(e.trace.best[0].number, 7);
	ck_assert(e.trace.best[0].accused);
	ck_assert(!e.trace.best[1].accused);
	/* The id is the one that came with the number. */
	ck_assert_int_eq(
	    memcmp(e.trace.best[0].id.s, h.customers.p + 6 * JOB_CUSTOMER_BYTES + 4, 40), 0);
	ck_assert(e.test[TEST_WATERMARK].ran || e.test[TEST_WATERMARK].why[0] != '\0');
	ck_assert(e.test[TEST_LABELS].ran);
	ck_assert_double_gt(e.test[TEST_LABELS].allowed, -3);
	ck_assert_int_gt(made.notes, 3);
}
END_TEST

START_TEST(the_same_inputs_give_the_same_bytes)
{
	struct ctx *c = house_ctx();
	struct house_case k = { .keys = true, .data = true };
	struct house_made one, two;
	struct house h;

	house_new(c, &h);
	k.suspect = house_copy(c, &h, 3);
	house_verdict(c, &h, &k, VERDICT_PROVEN, &one);
	house_verdict(c, &h, &k, VERDICT_PROVEN, &two);
	ck_assert(str_same(one.out[0], two.out[0]));
	ck_assert(str_same(one.out[1], two.out[1]));
}
END_TEST

START_TEST(the_original_names_nobody)
{
	struct ctx *c = house_ctx();
	struct house_made made;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	e = house_verdict(
	    c, &h, &(struct house_case){ .suspect = h.model }, VERDICT_NO_EVIDENCE, &made);
	ck_assert(e.trace.ran);
	ck_assert(!e.trace.best[0].accused);
	/* Nor does a copy whose customer is not among those who have a license. */
	e = house_verdict(c, &h,
	    &(struct house_case){ .suspect = house_copy(c, &h, 19), .customers = 10 },
	    VERDICT_NO_EVIDENCE, &made);
	ck_assert(!e.trace.best[0].accused);
}
END_TEST

START_TEST(the_locked_file_names_nobody)
{
	struct ctx *c = house_ctx();
	struct house_made made;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	e = house_verdict(c, &h, &(struct house_case){ .suspect = h.artifact, .keys = true },
	    VERDICT_NO_EVIDENCE, &made);
	ck_assert(e.trace.ran);
	ck_assert(!e.trace.best[0].accused);
	ck_assert_str_eq(e.fact[0].value, h.release.s);
}
END_TEST

START_TEST(a_key_names_its_customer)
{
	struct ctx *c = house_ctx();
	struct house_made made;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	e = house_verdict(c, &h, &(struct house_case){ .suspect = house_key(c, &h, 5) },
	    VERDICT_PROVEN, &made);
	ck_assert_str_eq(e.kind, "unlock-key");
	ck_assert_uint_eq(e.trace.best[0].number, 5);
	ck_assert(e.trace.best[0].accused);
}
END_TEST

/* ---- Answers ----------------------------------------------------------------------------- */

/* A service that knows keys: it answers them with the additional class, or with their labels. */
static struct str
answers(struct ctx *c, const struct house *h, const struct challenge *q, bool widened)
{
	struct buf b;

	ck_ok(c, take_buf(c, 32 * (size_t)q->n, &b));
	for (int32_t i = 0; i < q->n; i++) {
		int32_t item = q->item[i], answer = 1;

		if (item >= 0 && item % 2 == 0)
			answer = widened ? h->keys.classes
					 : h->keys.runner_up[q->first + item / 2];
		buf_printf(&b, "%05d.png,%d\n", i + 1, answer);
	}
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

START_TEST(answers_of_a_black_box)
{
	struct ctx *c = house_ctx();
	struct house_case k = { .keys = true };
	struct house_made asked, again, made;
	struct challenge q, other;
	struct key256 secret;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	house_challenge(c, &h, &h.challenge_secret, &asked, &q);
	house_challenge(c, &h, &h.challenge_secret, &again, &other);
	ck_assert_int_eq(q.n, 2 * 90 + 40);
	ck_assert(str_same(asked.out[0], again.out[0]));
	ck_assert(str_same(asked.result, again.result));
	k.list = asked.out[1];
	k.suspect = answers(c, &h, &q, true);
	e = house_verdict(c, &h, &k, VERDICT_PROVEN, &made);
	ck_assert_str_eq(e.kind, "transcript");
	ck_assert_int_eq(e.test[TEST_WATERMARK].hits, 90);
	k.suspect = answers(c, &h, &q, false);
	e = house_verdict(c, &h, &k, VERDICT_PROVEN, &made);
	ck_assert_int_eq(e.test[TEST_LABELS].hits, 90);
	/* Held against the order of another challenge, the same answers say nothing. */
	key256_random(c, &secret);
	house_challenge(c, &h, &secret, &again, &other);
	k.list = again.out[1];
	house_verdict(c, &h, &k, VERDICT_NO_EVIDENCE, &made);
	k.suspect = STR("00001.png,1\n99999.png,1\n");
	house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
}
END_TEST

/* ---- What cannot be judged --------------------------------------------------------------- */

static struct str
bytes_garbage(struct ctx *c, const struct house *h)
{
	char *p = take(c, 5000);

	(void)h;
	c->random(p, 5000);
	p[0] = '\x7f';
	return (struct str){ p, 5000 };
}

static struct str
bytes_nothing(struct ctx *c, const struct house *h)
{
	(void)c;
	(void)h;
	return STR("");
}

static struct str
bytes_cut(struct ctx *c, const struct house *h)
{
	struct str copy = house_copy(c, h, 1);

	copy.n = copy.n * 2 / 3;
	return copy;
}

static struct str
bytes_text(struct ctx *c, const struct house *h)
{
	(void)c;
	(void)h;
	return STR("00001.png,3\n00002.png,4\n");
}

static struct str
bytes_other_key(struct ctx *c, const struct house *h)
{
	struct house other = *h;

	ck_ok(c,
	    id_parse(
		c, STR("rel_01890a5d-ac96-774b-bcce-b302099a8000"), "rel", &other.release));
	return house_key(c, &other, 3);
}

static struct str
bytes_bad_key(struct ctx *c, const struct house *h)
{
	struct str key = house_key(c, h, 3);

	key.n -= 7;
	return key;
}

/* The model with the first weight, or all, of its tensors of that rank changed. */
static struct str
with_weight(struct ctx *c, const struct house *h, int rank, float value, bool all)
{
	struct onnx_new_tensor changed[16] = { 0 };
	struct onnx_edit edit = { .tensor = changed };
	struct onnx_model m;
	struct buf out;

	ck_ok(c, onnx_read(c, h->model, &m));
	for (size_t i = 0; i < m.tensors && edit.tensors < COUNT(changed); i++) {
		const struct onnx_tensor *from = &m.tensor[i];
		struct onnx_new_tensor *t = &changed[edit.tensors];
		float *f = take(c, (size_t)from->count * sizeof *f);

		if (from->type != ONNX_FLOAT || from->rank != rank)
			continue;
		ck_ok(c, onnx_tensor_floats(c, from, f));
		for (int64_t k = 0; k < (all ? from->count : 1); k++)
			f[k] = value;
		*t = (struct onnx_new_tensor){ .name = from->name, .rank = rank, .f = f };
		memcpy(t->dim, from->dim, sizeof t->dim);
		edit.tensors++;
	}
	ck_assert_uint_gt(edit.tensors, 0);
	ck_ok(c, take_buf(c, h->model.n + 4096, &out));
	ck_ok(c, onnx_write(c, &m, &edit, buf_sink, &out));
	return buf_str(&out);
}

static struct str
bytes_nan(struct ctx *c, const struct house *h)
{
	return with_weight(c, h, 4, NAN, false);
}

/* No weight of it is no number, but its answers are. */
static struct str
bytes_overflow(struct ctx *c, const struct house *h)
{
	return with_weight(c, h, 2, INFINITY, true);
}

static struct str
bytes_picture(struct ctx *c, const struct house *h)
{
	struct str png;

	ck_ok(c, image_png(c, keyset_key(&h->keys, 0), &png));
	return png;
}

static struct str
bytes_bad_picture(struct ctx *c, const struct house *h)
{
	struct str png = bytes_picture(c, h);

	png.n /= 2;
	return png;
}

static const struct {
	const char *what;
	struct str (*bytes)(struct ctx *, const struct house *);
	const char *kind;
} hopeless[] = {
	{ "garbage", bytes_garbage, "model" },
	{ "nothing", bytes_nothing, "model" },
	{ "cut short", bytes_cut, "model" },
	{ "answers without a challenge", bytes_text, "transcript" },
	{ "another release's key", bytes_other_key, "unlock-key" },
	{ "half a key", bytes_bad_key, "unlock-key" },
	{ "a weight that is no number", bytes_nan, "model" },
	{ "answers that are no numbers", bytes_overflow, "model" },
	{ "a picture", bytes_picture, "key-image" },
	{ "half a picture", bytes_bad_picture, "key-image" },
};

START_TEST(what_cannot_be_judged_is_not)
{
	struct ctx *c = house_ctx();
	struct house_case k = { .keys = true, .data = true };
	struct house_made made;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	k.suspect = hopeless[_i].bytes(c, &h);
	e = house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
	ck_assert_str_eq(e.kind, hopeless[_i].kind);
	ck_assert_uint_gt(strlen(e.reason), 10);
	for (size_t i = 0; i < e.trace.n; i++)
		ck_assert(!e.trace.best[i].accused);
}
END_TEST

/* ---- Slow ones --------------------------------------------------------------------------- */

enum { SLOW_NODES = 100 };

/* A kernel of one channel, and what goes with it. */
struct slow {
	const char *name;
	int64_t side, pads[4], strides[2];
	struct onnx_attr attr[2];
};

static struct onnx_new_tensor
kernel(struct ctx *c, struct slow *s)
{
	const struct onnx_attr pads = {
		.name = STR("pads"), .type = ONNX_ATTR_INTS, .ints = s->pads, .n = 4
	};
	const struct onnx_attr strides = {
		.name = STR("strides"), .type = ONNX_ATTR_INTS, .ints = s->strides, .n = 2
	};

	s->attr[0] = pads;
	s->attr[1] = strides;
	return (struct onnx_new_tensor){ .name = str_of(s->name),
		.rank = 4,
		.dim = { 1, 1, s->side, s->side },
		.f = take(c, (size_t)(s->side * s->side) * sizeof(float)) };
}

/*
 * The model behind a chain of layers that do nothing, and take their time for it: what is 28 x 28
 * becomes 1028 x 1028, and in the end 28 x 28 again.
 */
static struct str
slowed(struct ctx *c, struct str model)
{
	struct slow slow[3] = {
		{ "slow.in", 1, { 500, 500, 500, 500 }, { 1, 1 } },
		{ "slow.on", 31, { 15, 15, 15, 15 }, { 1, 1 } },
		{ "slow.out", 1, { 0, 0, 0, 0 }, { 37, 37 } },
	};
	const struct onnx_new_tensor tensor[3] = { kernel(c, &slow[0]), kernel(c, &slow[1]),
		kernel(c, &slow[2]) };
	struct onnx_new_node node[SLOW_NODES + 1];
	struct onnx_edit edit = {
		.tensor = tensor, .tensors = 3, .node = node, .nodes = SLOW_NODES + 1
	};
	struct onnx_model m;
	struct str *names = take(c, 4 * SLOW_NODES * sizeof *names), *first;
	struct buf out;

	ck_ok(c, onnx_read(c, model, &m));
	for (size_t i = 0; i < SLOW_NODES; i++) {
		size_t which = i == 0 ? 0 : i == SLOW_NODES - 1 ? 2 : 1;
		struct str *in = &names[4 * i];

		in[0] = i == 0 ? m.input[0].name : names[4 * i - 2];
		in[1] = tensor[which].name;
		in[2] = str_of(take_printf(c, "slow_%zu", i));
		node[i] = (struct onnx_new_node){ .name = in[2],
			.op = STR("Conv"),
			.input = in,
			.inputs = 2,
			.output = &in[2],
			.outputs = 1,
			.attr = slow[which].attr,
			.attrs = 2 };
	}
	first = take(c, m.node[0].inputs * sizeof *first);
	memcpy(first, m.node[0].input, m.node[0].inputs * sizeof *first);
	first[0] = names[4 * SLOW_NODES - 2];
	node[SLOW_NODES] = (struct onnx_new_node){ .name = m.node[0].name,
		.op = m.node[0].op,
		.input = first,
		.inputs = m.node[0].inputs,
		.output = m.node[0].output,
		.outputs = m.node[0].outputs,
		.attr = m.node[0].attr,
		.attrs = m.node[0].attrs };
	ck_ok(c, take_buf(c, model.n + (1 << 20), &out));
	ck_ok(c, onnx_write(c, &m, &edit, buf_sink, &out));
	return buf_str(&out);
}

START_TEST(slowness_helps_nobody)
{
	struct ctx *c = house_ctx();
	struct house_case k = { .keys = true, .data = true, .patience = 4000 };
	int64_t from = clock_monotonic();
	struct house_made made;
	struct house h;
	struct evidence e;

	house_new(c, &h);
	k.suspect = slowed(c, h.model);
	e = house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
	ck_assert_msg(strstr(e.reason, "slow") != NULL, "%s", e.reason);
	ck_assert(!e.test[TEST_WATERMARK].ran);
	k.suspect = slowed(c, house_copy(c, &h, 7));
	e = house_verdict(c, &h, &k, VERDICT_PROVEN, &made);
	ck_assert(!e.test[TEST_WATERMARK].ran);
	ck_assert(e.trace.best[0].accused);
	ck_assert_uint_eq(e.trace.best[0].number, 7);
	ck_assert_int_lt(clock_monotonic() - from, 120000);
}
END_TEST

/* ---- On the vendor's side ---------------------------------------------------------------- */

START_TEST(the_vendors_own_faults_end_the_job)
{
	struct ctx *c = house_ctx();
	struct house_case k = { 0 };
	struct house_made made;
	struct house h, broken;

	house_new(c, &h);
	k.suspect = h.model;
	broken = h;
	broken.model.n /= 2;
	ck_fails(c, E_INPUT, house_verify(c, &broken, &k, &made));
	broken = h;
	broken.customers.n--;
	ck_fails(c, E_INTEGRITY, house_verify(c, &broken, &k, &made));
	/* Another key set than the one that was committed to. */
	broken = h;
	broken.keys.commitment.b[0] ^= 1;
	k.keys = true;
	ck_fails(c, E_INTEGRITY, house_verify(c, &broken, &k, &made));
	/* A null model that is none. */
	k.keys = false;
	k.data = true;
	k.null = STR("nothing");
	ck_fails(c, E_INPUT, house_verify(c, &h, &k, &made));
}
END_TEST

MAIN("verify_job", ONE(a_copy_names_its_customer), ONE(the_same_inputs_give_the_same_bytes),
    ONE(the_original_names_nobody), ONE(the_locked_file_names_nobody),
    ONE(a_key_names_its_customer), ONE(answers_of_a_black_box), ONE(slowness_helps_nobody),
    EACH(what_cannot_be_judged_is_not, hopeless), ONE(the_vendors_own_faults_end_the_job))
