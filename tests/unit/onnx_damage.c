/*
 * Bombs, which ask for time or memory without end, and damage: every prefix of a model, and a
 * hundred thousand models with a few bytes changed. None may crash, hang or take memory by a length
 * that it only claims; what can still be read must be usable and come out as it went in.
 */
#include <time.h>
#include <unistd.h>

#include "onnx_support.h"

/* ---- Bombs -------------------------------------------------------------------------------- */

/* Messages in messages in an attribute: a graph in a node in a graph, 10,000 deep. */
START_TEST(nested_deep)
{
	enum { DEPTH = 10000, MOST = 16 };
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf deep, head;
	struct onnx_model m;
	size_t n = 0;

	ck_ok(c, take_buf(c, DEPTH * MOST, &deep));
	/* From the innermost outwards: each head goes in front. */
	deep.p += deep.max;
	for (int i = 0; i < DEPTH; i++) {
		char room[MOST];

		head = (struct buf){ room, 0, sizeof room, false };
		pb_varint(&head, (uint64_t[]){ 6, 5, 1 }[i % 3] << 3 | 2);
		pb_varint(&head, n);
		deep.p -= head.n;
		n += head.n;
		memcpy(deep.p, room, head.n);
	}
	ck_assert_uint_lt(n, 60000);
	pb_bytes(&s.node, 5, deep.p, n);
	ck_fails(c, E_INPUT, onnx_read(c, sample_bytes(&s), &m));
	/* In a field that nobody knows it is skipped. */
	s = sample_new();
	pb_bytes(&s.graph, 77, deep.p, n);
	m = read_ok(c, sample_bytes(&s));
}
END_TEST

/* Floods of the smallest things that make the reader take memory: `times` of them in a node, as
 * often as the next number says, in a graph. */
static const struct {
	uint32_t in_node;
	int times;
	uint32_t in_graph;
	int nodes;
	const char *says;
} floods[] = {
	{ 0, 0, 1, 1100000, "1100000 nodes, more than 100000" },
	{ 0, 0, 5, 1100000, "1100000 initializers, more than 200000" },
	{ 1, 1100000, 1, 1, "inputs and outputs, more than" },
	{ 5, 1100000, 1, 1, "attributes, more than 128" },
	{ 5, 128, 1, 3200, "409600 attributes, more than 400000" },
};

START_TEST(floods_are_refused_before_memory)
{
	enum { ROOM = 4 << 20 };
	struct ctx *c = test_ctx();
	struct buf graph, model, opset = pb_new(), node;
	struct onnx_model m;
	size_t before;

	ck_ok(c, take_buf(c, ROOM, &node));
	ck_ok(c, take_buf(c, ROOM, &graph));
	ck_ok(c, take_buf(c, ROOM, &model));
	for (int i = 0; i < floods[_i].times; i++)
		pb_bytes(&node, floods[_i].in_node, "", 0);
	if (node.n > 0)
		pb_text(&node, 4, "Relu");
	for (int i = 0; i < floods[_i].nodes; i++)
		pb_message(&graph, floods[_i].in_graph, &node);
	pb_int(&opset, 2, 13);
	pb_int(&model, 1, 7);
	pb_message(&model, 7, &graph);
	pb_message(&model, 8, &opset);
	before = arena_used(c->mem);
	ck_assert(!onnx_read(c, buf_str(&model), &m));
	ck_assert_uint_lt(arena_used(c->mem) - before, 1 << 20);
	ck_assert_msg(strstr(c->err.text, floods[_i].says) != NULL, "not \"%s\"", c->err.text);
	ck_err(c, E_LIMIT);
}
END_TEST

START_TEST(long_lists_are_refused)
{
	enum { N = ONNX_LISTED_MAX + 1 };
	struct ctx *c = test_ctx();
	struct buf attr, node = pb_node("Relu", (const char *[]){ "x", NULL }, "y"), big, graph,
			 model;
	struct onnx_model m;
	char *ones = take(c, N);

	memset(ones, 1, N);
	ck_ok(c, take_buf(c, N + 64, &attr));
	ck_ok(c, take_buf(c, N + 128, &big));
	ck_ok(c, take_buf(c, N + 192, &graph));
	ck_ok(c, take_buf(c, N + 256, &model));
	pb_text(&attr, 1, "axes");
	pb_bytes(&attr, 8, ones, N);
	buf_put(&big, buf_str(&node));
	pb_message(&big, 5, &attr);
	pb_message(&graph, 1, &big);
	node.n = 0;
	pb_int(&node, 2, 13);
	pb_int(&model, 1, 7);
	pb_message(&model, 7, &graph);
	pb_message(&model, 8, &node);
	ck_fails(c, E_LIMIT, onnx_read(c, buf_str(&model), &m));
}
END_TEST

/* ---- No memory ----------------------------------------------------------------------------- */

/* Everything with a little more memory each time, until it is enough: the n-th taking fails. */
START_TEST(memory_runs_out_everywhere)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	const float one = 1;
	const struct str pair[][2] = { { STR("key"), STR("value") } };
	const struct onnx_new_tensor t = { .name = STR("new"), .f = &one };
	const struct onnx_new_node n = { .op = STR("Relu"),
		.input = &STR("new"),
		.inputs = 1,
		.output = &STR("out"),
		.outputs = 1 };
	const struct onnx_edit e = { .tensor = &t,
		.tensors = 1,
		.node = &n,
		.nodes = 1,
		.metadata = pair,
		.metadatas = 1,
		.attachment = STR("x") };
	struct str bytes = sample_bytes(&s);
	struct onnx_model m;
	struct buf out = pb_new();
	bool done = false;
	int short_of = 0;

	for (size_t max = 16; !done; max += 16) {
		struct arena *little = arena_new(max);
		struct ctx poor = { .mem = little, .random = c->random };

		out.n = 0;
		done = onnx_read(&poor, bytes, &m) && onnx_write(&poor, &m, &e, gather, &out);
		if (!done) {
			short_of++;
			ck_err(&poor, E_MEMORY);
		}
		arena_free(&little);
		ck_assert_uint_lt(max, 1 << 20);
	}
	ck_assert_int_gt(short_of, 50);
}
END_TEST

/* ---- Damage ------------------------------------------------------------------------------- */

/* Copies to the end of a page of its own, so that ASan sees one byte too far. */
static char *
exactly(struct str bytes, size_t n)
{
	char *p = malloc(n + (n == 0));

	if (p == NULL)
		ck_abort_msg("memory");
	memcpy(p, bytes.p, n);
	return p;
}

START_TEST(every_prefix)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct str whole = sample_bytes(&s);
	struct onnx_model m;

	for (size_t n = 0; n < whole.n; n++) {
		char *cut = exactly(whole, n);
		bool done = onnx_read(c, (struct str){ cut, n }, &m);

		/* Without its last field, the opset, it cannot be a model. */
		ck_assert_msg(!done, "the first %zu bytes were read", n);
		ck_err(c, E_INPUT);
		free(cut);
	}
}
END_TEST

/* ck_assert writes to a file each time, which a hundred thousand rounds would feel. */
static void
must(bool held, const char *what)
{
	if (!held)
		ck_abort_msg("%s", what);
}

/* Everything that can be asked of a model that was read. */
static void
use(struct ctx *c, const struct onnx_model *m)
{
	float *f;
	int64_t i;

	for (size_t k = 0; k < m->tensors; k++) {
		f = malloc((size_t)m->tensor[k].count * sizeof *f + 1);
		must(f != NULL, "memory");
		if (!onnx_tensor_floats(c, &m->tensor[k], f))
			ck_err(c, E_INPUT);
		free(f);
		must(onnx_tensor_by_name(m, m->tensor[k].name) == &m->tensor[k],
		    "a tensor is lost");
	}
	for (size_t k = 0; k < m->nodes; k++)
		if (!onnx_attr_int(c, &m->node[k], "transB", 0, &i))
			ck_err(c, E_INPUT);
}

static bool
nothing(struct ctx *c, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	(void)c, (void)arg, (void)at, (void)bytes, (void)n;
	return true;
}

/* A sink that wants exactly these bytes. */
static bool
expect(struct ctx *c, void *arg, struct str bytes)
{
	struct str *rest = arg;

	(void)c;
	must(str_starts(*rest, bytes), "other bytes are written");
	rest->p += bytes.n;
	rest->n -= bytes.n;
	return true;
}

START_TEST(random_damage)
{
	enum { ROUNDS = 100000, PATCHES = 50 };
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct str whole = sample_bytes(&s), rest;
	struct onnx_edit none = { 0 };
	struct onnx_model m;
	int good = 0, worst = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char *p = exactly(whole, whole.n);
		uint32_t r[4];
		clock_t t = clock();

		for (int k = 0; k <= i % 3; k++) {
			c->random(r, sizeof r);
			p[r[0] % whole.n] = r[1] % 4 == 0 ? (char)(r[2] % 4 * 127) : (char)r[2];
		}
		if (onnx_read(c, (struct str){ p, whole.n }, &m)) {
			good++;
			use(c, &m);
			rest = (struct str){ p, whole.n };
			ck_ok(c, onnx_write(c, &m, &none, expect, &rest));
			must(rest.n == 0, "bytes are missing");
		} else {
			must(c->err.code == E_INPUT || c->err.code == E_LIMIT, "odd refusal");
			must(c->err.text[0] != '\0', "no sentence");
			c->err = (struct err){ 0 };
		}
		if (i % PATCHES == 0) {
			int fd = memory_file((struct str){ p, whole.n });

			if (!onnx_patch(c, fd, fd, 0, nothing, NULL))
				ck_assert(c->err.code == E_INPUT || c->err.code == E_LIMIT);
			c->err = (struct err){ 0 };
			close(fd);
		}
		t = clock() - t;
		worst = (int)t > worst ? (int)t : worst;
		free(p);
		arena_reset(c->mem);
	}
	ck_assert_int_gt(good, ROUNDS / 100); /* weights and names may be anything */
	ck_assert_int_lt(good, ROUNDS);
	ck_assert_int_lt(worst, CLOCKS_PER_SEC / 10);
}
END_TEST

MAIN("onnx_damage", ONE(nested_deep), EACH(floods_are_refused_before_memory, floods),
    ONE(long_lists_are_refused), ONE(memory_runs_out_everywhere), ONE(every_prefix),
    ONE(random_damage))
