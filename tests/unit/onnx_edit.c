/*
 * Edits of the graph: nodes added, replaced and removed come out in a valid order, and an edit that
 * would break the model is refused before a byte is written.
 */
#include "onnx_support.h"

/* One attribute of each type that can be made from nothing. */
static const float some_floats[] = { 1, 2 };
static const int64_t some_ints[] = { 3, -4 };
static const struct str some_texts[] = { { "a", 1 }, { "b", 1 } };
static const struct onnx_attr attrs[] = {
	{ .name = { "f", 1 }, .type = ONNX_ATTR_FLOAT, .f = 0.5F, .s = { "", 0 } },
	{ .name = { "i", 1 }, .type = ONNX_ATTR_INT, .i = -1, .s = { "", 0 } },
	{ .name = { "s", 1 }, .type = ONNX_ATTR_STRING, .s = { "text", 4 } },
	{ .name = { "fs", 2 }, .type = ONNX_ATTR_FLOATS, .floats = some_floats, .n = 2 },
	{ .name = { "is", 2 }, .type = ONNX_ATTR_INTS, .ints = some_ints, .n = 2 },
	{ .name = { "ss", 2 }, .type = ONNX_ATTR_STRINGS, .strings = some_texts, .n = 2 },
};

static void
check_attrs(const struct onnx_node *node)
{
	ck_assert_uint_eq(node->attrs, COUNT(attrs));
	for (size_t i = 0; i < COUNT(attrs); i++) {
		const struct onnx_attr *a = &node->attr[i];

		ck_assert(a->type == attrs[i].type && a->n == attrs[i].n);
		ck_assert(a->f == attrs[i].f && a->i == attrs[i].i);
		ck_assert(str_same(a->name, attrs[i].name) && str_same(a->s, attrs[i].s));
	}
	ck_assert_mem_eq(node->attr[3].floats, some_floats, sizeof some_floats);
	ck_assert_mem_eq(node->attr[4].ints, some_ints, sizeof some_ints);
	ck_str(node->attr[5].strings[1], "b");
}

START_TEST(nodes_are_added_and_replaced)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_with_unknown();
	const float half = 0.5F;
	const struct onnx_new_node nodes[] = {
		/* relu(-(y * k)) in place of relu(y); listed in the wrong order. */
		{ .name = STR("last"),
		    .op = STR("Relu"),
		    .input = &STR("t2"),
		    .inputs = 1,
		    .output = &STR("z"),
		    .outputs = 1,
		    .attr = attrs,
		    .attrs = COUNT(attrs) },
		{ .name = STR("second"),
		    .op = STR("Neg"),
		    .input = &STR("t1"),
		    .inputs = 1,
		    .output = &STR("t2"),
		    .outputs = 1 },
		{ .name = STR("first"),
		    .op = STR("Mul"),
		    .input = (const struct str[]){ STR("y"), STR("k") },
		    .inputs = 2,
		    .output = &STR("t1"),
		    .outputs = 1 },
	};
	const struct onnx_new_tensor k = { .name = STR("k"), .f = &half };
	const struct onnx_edit e = { .node = nodes, .nodes = 3, .tensor = &k, .tensors = 1 };
	struct onnx_model m = read_ok(c, sample_bytes(&s)), n;
	struct buf hint = pb_new();
	struct str out = write_ok(c, &m, &e);

	pb_value(&hint, 13, "y", (int64_t[]){ -1, 2 }, 2);
	ck_assert(contains(m.bytes, buf_str(&hint)) && !contains(out, buf_str(&hint)));
	n = read_ok(c, out);
	ck_assert_uint_eq(n.nodes, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(n.node[i].place, i); /* written in order */
	ck_assert(str_same(n.node[0].message, m.node[0].message));
	ck_str(n.node[1].name, "first");
	ck_str(n.node[2].name, "second");
	ck_str(n.node[3].name, "last");
	check_attrs(&n.node[3]);
}
END_TEST

START_TEST(things_are_removed)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_with_unknown();
	const struct onnx_new_node pass = { .op = STR("Flatten"),
		.input = &STR("x"),
		.inputs = 1,
		.output = &STR("z"),
		.outputs = 1 };
	const struct str tensors[] = { STR("b"), STR("w") };
	struct onnx_edit e = { .remove_node = &STR("y"),
		.remove_nodes = 1,
		.node = &pass,
		.nodes = 1,
		.remove_tensor = tensors,
		.remove_tensors = 2 };
	struct onnx_model m = read_ok(c, sample_bytes(&s)), n;
	struct buf none;

	n = read_ok(c, write_ok(c, &m, &e));
	ck_assert(n.nodes == 1 && n.tensors == 0);
	ck_str(n.node[0].op, "Flatten");
	ck_ok(c, take_buf(c, 4096, &none));
	e.nodes = 0; /* now z needs y, which is gone */
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
	e = (struct onnx_edit){ .remove_tensor = &STR("y"), .remove_tensors = 1 };
	ck_fails(c, E_ABSENT, onnx_write(c, &m, &e, gather, &none));
	e = (struct onnx_edit){ .remove_node = &STR("w"), .remove_nodes = 1 };
	ck_fails(c, E_ABSENT, onnx_write(c, &m, &e, gather, &none));
	e = (struct onnx_edit){ .remove_attachment = true };
	ck_fails(c, E_ABSENT, onnx_write(c, &m, &e, gather, &none));
	e = (struct onnx_edit){ .remove_tensor = (const struct str[]){ STR("w"), STR("w") },
		.remove_tensors = 2 };
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

/* The node is the right one although its place in the file is not its place in the order. */
START_TEST(nodes_out_of_order)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct buf last = pb_node("Neg", (const char *[]){ "p", NULL }, "q");
	struct buf first = pb_node("Split", (const char *[]){ "z", NULL }, "p");
	const struct onnx_new_node exp = { .op = STR("Exp"),
		.input = &STR("p"),
		.inputs = 1,
		.output = &STR("q"),
		.outputs = 1 };
	struct onnx_edit e = { .node = &exp, .nodes = 1 };
	struct onnx_model m;
	struct buf none;

	pb_text(&first, 2, "p2");
	pb_message(&s.graph, 1, &last);
	pb_message(&s.graph, 1, &first);
	m = read_ok(c, sample_bytes(&s));
	m = read_ok(c, write_ok(c, &m, &e));
	ck_assert_uint_eq(m.nodes, 4);
	ck_str(m.node[2].op, "Split");
	ck_str(m.node[3].op, "Exp");
	ck_assert_uint_eq(m.node[3].place, 3);
	/* A second output does not name a node. */
	e = (struct onnx_edit){ .remove_node = &STR("p2"), .remove_nodes = 1 };
	ck_ok(c, take_buf(c, 4096, &none));
	ck_fails(c, E_ABSENT, onnx_write(c, &m, &e, gather, &none));
}
END_TEST

/* An edit that closes a loop, or makes a name twice, is refused like a file that has it. */
START_TEST(broken_results_are_refused)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_new_node loop = { .op = STR("Relu"),
		.input = &STR("z"),
		.inputs = 1,
		.output = &STR("y"),
		.outputs = 1 };
	struct onnx_edit e = { .node = &loop, .nodes = 1 };
	struct onnx_model m = read_ok(c, sample_bytes(&s));
	struct buf none;

	ck_ok(c, take_buf(c, 4096, &none));
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
	loop.output = &STR("w");
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
	loop.outputs = 0;
	ck_fails(c, E_INPUT, onnx_write(c, &m, &e, gather, &none));
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

MAIN("onnx_edit", ONE(nodes_are_added_and_replaced), ONE(things_are_removed),
    ONE(nodes_out_of_order), ONE(broken_results_are_refused))
