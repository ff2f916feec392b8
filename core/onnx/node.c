/*
 * Nodes. One pass over them counts what they hold in all, and only when that is within the limits
 * are the arrays taken that the second pass fills.
 */
#include <stddef.h>

#include "parts.h"

struct fields {
	struct str name, op, domain;
	size_t inputs, outputs, attrs;
};

/* clang-format off */
static const struct pb_rule rules[] = {
	{ NODE_INPUT,  PB_LIST, offsetof(struct fields, inputs),  "input"   },
	{ NODE_OUTPUT, PB_LIST, offsetof(struct fields, outputs), "output"  },
	{ NODE_NAME,   PB_NAME, offsetof(struct fields, name),    "name"    },
	{ NODE_OP,     PB_NAME, offsetof(struct fields, op),      "op_type" },
	{ NODE_ATTR,   PB_LIST, offsetof(struct fields, attrs),   "attribute" },
	{ 7,           PB_NAME, offsetof(struct fields, domain),  "domain"  },
};
/* clang-format on */

/* Arrays for all nodes; each takes its part from the front. */
struct room {
	struct onnx_node *node;
	struct str *edge;
	struct onnx_attr *attr;
	size_t listed;
};

MUST static bool
decode(struct ctx *c, struct str message, struct fields *ret)
{
	struct fields f = { { "", 0 }, { "", 0 }, { "", 0 }, 0, 0, 0 };
	uint32_t seen;

	if (!pb_decode(c, message, rules, COUNT(rules), &f, &seen))
		return false;
	if (f.op.n == 0)
		return fail(c, E_INPUT, "it has no operator");
	if (f.domain.n > 0 && !str_same(f.domain, STR("ai.onnx")))
		return fail(c, E_INPUT, "the operator %s of the domain '%s' is not supported",
		    shown(f.op).s, shown(f.domain).s);
	if (f.attrs > ONNX_NODE_ATTRS_MAX)
		return fail(c, E_LIMIT, "it has %zu attributes, more than %d", f.attrs,
		    ONNX_NODE_ATTRS_MAX);
	*ret = f;
	return true;
}

MUST static bool
make_room(struct ctx *c, struct str graph, size_t n, struct room *ret)
{
	struct pb w = pb_of(graph);
	struct pb_field field;
	struct fields f;
	size_t edges = 0, attrs = 0;

	for (size_t i = 0; pb_find(&w, GRAPH_NODE, &field); i++) {
		if (!decode(c, field.bytes, &f))
			return within(c, "node %zu", i);
		edges += f.inputs + f.outputs;
		attrs += f.attrs;
	}
	if (edges > ONNX_EDGES_MAX)
		return fail(c, E_LIMIT, "the nodes have %zu inputs and outputs, more than %d",
		    edges, ONNX_EDGES_MAX);
	if (attrs > ONNX_ATTRS_MAX)
		return fail(c, E_LIMIT, "the nodes have %zu attributes, more than %d", attrs,
		    ONNX_ATTRS_MAX);
	ret->node = take(c, n * sizeof *ret->node);
	ret->edge = take(c, edges * sizeof *ret->edge);
	ret->attr = take(c, attrs * sizeof *ret->attr);
	return ret->node != NULL && ret->edge != NULL && ret->attr != NULL;
}

MUST static bool
read_names(struct ctx *c, struct str message, uint32_t number, struct room *r)
{
	struct pb w = pb_of(message);
	struct pb_field f;

	for (; pb_find(&w, number, &f); r->edge++) {
		if (!name_check(c, f.bytes))
			return false;
		*r->edge = f.bytes;
	}
	return true;
}

MUST static bool
read_attrs(struct ctx *c, struct str message, struct room *r, const struct onnx_node *node)
{
	struct pb w = pb_of(message);
	struct pb_field f;

	for (size_t i = 0; pb_find(&w, NODE_ATTR, &f); i++, r->attr++) {
		if (!attr_read(c, f.bytes, &r->listed, r->attr))
			return within(c, "attribute %zu", i);
		for (size_t j = 0; j < i; j++)
			if (str_same(node->attr[j].name, r->attr->name))
				return fail(c, E_INPUT, "the attribute '%s' comes twice",
				    shown(r->attr->name).s);
	}
	return true;
}

MUST static bool
read_node(struct ctx *c, struct str message, size_t place, struct room *r)
{
	struct onnx_node *node = r->node++;
	struct fields f;

	if (!decode(c, message, &f))
		return false;
	*node = (struct onnx_node){
		.name = f.name,
		.op = f.op,
		.domain = f.domain,
		.input = r->edge,
		.inputs = f.inputs,
		.output = r->edge + f.inputs,
		.outputs = f.outputs,
		.attr = r->attr,
		.attrs = f.attrs,
		.message = message,
		.place = place,
	};
	if (!read_names(c, message, NODE_INPUT, r) || !read_names(c, message, NODE_OUTPUT, r) ||
	    !read_attrs(c, message, r, node))
		return within(c, "%s '%s'", shown(f.op).s, shown(f.name).s);
	return true;
}

bool
nodes_read(struct ctx *c, struct str graph, size_t n, const struct onnx_node **ret)
{
	struct room r = { 0 };
	struct pb w = pb_of(graph);
	struct pb_field f;

	if (!make_room(c, graph, n, &r))
		return false;
	for (size_t i = 0; pb_find(&w, GRAPH_NODE, &f); i++)
		if (!read_node(c, f.bytes, i, &r))
			return within(c, "node %zu", i);
	*ret = r.node - n;
	return true;
}
