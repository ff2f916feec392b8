/*
 * The model as a whole: versions first, then the graph. Counts come before arrays, names before
 * the edges that refer to them, and the order of the nodes last.
 */
#include <stddef.h>

#include "parts.h"

struct model_fields {
	int64_t ir;
	struct str producer, graph, attachment;
	size_t opsets, metadatas;
};
struct opset_fields {
	struct str domain;
	int64_t version;
};
struct graph_fields {
	struct str name;
	size_t nodes, tensors, inputs, outputs;
};

/* clang-format off */
static const struct pb_rule model_rules[] = {
	{ 1,                PB_INT,     offsetof(struct model_fields, ir),         "ir_version"    },
	{ 2,                PB_RAW,     offsetof(struct model_fields, producer),   "producer_name" },
	{ MODEL_GRAPH,      PB_RAW,     offsetof(struct model_fields, graph),      "graph"         },
	{ MODEL_OPSET,      PB_LIST,    offsetof(struct model_fields, opsets),     "opset_import"  },
	{ MODEL_METADATA,   PB_LIST,    offsetof(struct model_fields, metadatas),  "metadata_props" },
	{ MODEL_ATTACHMENT, PB_RAW,     offsetof(struct model_fields, attachment), "the attachment" },
	{ 25,               PB_REFUSED, 0,                                         "functions"     },
};
static const struct pb_rule opset_rules[] = {
	{ 1, PB_NAME, offsetof(struct opset_fields, domain),  "domain"  },
	{ 2, PB_INT,  offsetof(struct opset_fields, version), "version" },
};
static const struct pb_rule graph_rules[] = {
	{ GRAPH_NODE,   PB_LIST,    offsetof(struct graph_fields, nodes),   "node"        },
	{ 2,            PB_RAW,     offsetof(struct graph_fields, name),    "name"        },
	{ GRAPH_TENSOR, PB_LIST,    offsetof(struct graph_fields, tensors), "initializer" },
	{ GRAPH_INPUT,  PB_LIST,    offsetof(struct graph_fields, inputs),  "input"       },
	{ GRAPH_OUTPUT, PB_LIST,    offsetof(struct graph_fields, outputs), "output"      },
	{ 15,           PB_REFUSED, 0,                                      "sparse initializers" },
};
/* clang-format on */

MUST static bool
at_most(struct ctx *c, const char *what, size_t n, size_t max)
{
	return n <= max ? true : fail(c, E_LIMIT, "%zu %s, more than %zu", n, what, max);
}

/* ---- The model --------------------------------------------------------------------------- */

/* Other domains may be imported; only their operators are refused. */
MUST static bool
read_opsets(struct ctx *c, struct str message, struct onnx_model *m)
{
	struct pb w = pb_of(message);
	struct pb_field f;
	uint32_t seen;

	while (pb_find(&w, MODEL_OPSET, &f)) {
		struct opset_fields opset = { { "", 0 }, 0 };

		if (!pb_decode(c, f.bytes, opset_rules, COUNT(opset_rules), &opset, &seen))
			return within(c, "opset_import");
		if (opset.domain.n > 0 && !str_same(opset.domain, STR("ai.onnx")))
			continue;
		if (m->opset != 0)
			return fail(c, E_INPUT, "the opset is given twice");
		if (opset.version < ONNX_OPSET_MIN || opset.version > ONNX_OPSET_MAX)
			return fail(c, E_INPUT, "opset %lld is not supported, only %d to %d",
			    (long long)opset.version, ONNX_OPSET_MIN, ONNX_OPSET_MAX);
		m->opset = opset.version;
	}
	return m->opset != 0 ? true : fail(c, E_INPUT, "the model does not say its opset");
}

MUST static bool
read_metadata(struct ctx *c, struct str message, size_t n, struct onnx_model *m)
{
	struct str(*to)[2];
	struct pb w = pb_of(message);
	struct pb_field f;

	if (!at_most(c, "metadata_props", n, ONNX_METADATA_MAX))
		return false;
	to = take(c, n * sizeof *to);
	if (to == NULL)
		return false;
	m->metadata = (const struct str(*)[2])to;
	for (; pb_find(&w, MODEL_METADATA, &f); m->metadatas++)
		if (!pair_read(c, f.bytes, to[m->metadatas]))
			return within(c, "metadata_props");
	return true;
}

/* ---- The graph --------------------------------------------------------------------------- */

MUST static bool
read_tensors(
    struct ctx *c, struct str graph, size_t n, const struct sides *sides, struct onnx_model *m)
{
	struct onnx_tensor *t;
	struct pb w = pb_of(graph);
	struct pb_field f;

	if (!at_most(c, "initializers", n, ONNX_TENSORS_MAX))
		return false;
	t = take(c, n * sizeof *t);
	if (t == NULL)
		return false;
	m->tensor = t;
	m->tensors = n;
	for (size_t i = 0; pb_find(&w, GRAPH_TENSOR, &f); i++, t++) {
		if (!tensor_decode(c, f.bytes, sides, t))
			return within(c, "initializer %zu", i);
		if (t->name.n == 0)
			return fail(c, E_INPUT, "initializer %zu has no name", i);
		m->external = m->external || t->external;
		if (t->raw.p != NULL && !t->external)
			t->raw_at = (uint64_t)(t->raw.p - m->bytes.p);
	}
	return true;
}

/* With `skip`, those that are not in it: old files list initializers among the inputs. */
MUST static bool
read_values(struct ctx *c, struct str graph, uint32_t number, const struct onnx_names *skip,
    const struct onnx_value **ret, size_t *ret_n)
{
	const char *what = number == GRAPH_INPUT ? "input" : "output";
	struct onnx_value *to = NULL;
	enum definer by;
	uint32_t index;

	for (int pass = 0; pass < 2; pass++) {
		struct pb w = pb_of(graph);
		struct onnx_value v;
		struct pb_field f;
		size_t n = 0;

		for (size_t i = 0; pb_find(&w, number, &f); i++) {
			if (!value_read(c, f.bytes, &v))
				return within(c, "%s %zu", what, i);
			if (skip != NULL && names_find(skip, v.name, &by, &index))
				continue;
			if (pass == 1)
				to[n] = v;
			n++;
		}
		if (!at_most(c, what, n, ONNX_VALUES_MAX))
			return false;
		if (pass == 0 && (to = take(c, n * sizeof *to)) == NULL)
			return false;
		*ret_n = n;
	}
	*ret = to;
	return true;
}

/* Two outputs of the same name would be one that is given twice. */
MUST static bool
check_outputs(struct ctx *c, const struct onnx_model *m)
{
	for (size_t i = 0; i < m->outputs; i++)
		for (size_t j = 0; j < i; j++)
			if (str_same(m->output[i].name, m->output[j].name))
				return fail(c, E_INPUT,
				    "the graph's output '%s' is given twice",
				    shown(m->output[i].name).s);
	return m->outputs > 0 ? true : fail(c, E_INPUT, "the graph has no output");
}

MUST static bool
sort_nodes(struct ctx *c, struct onnx_model *m)
{
	struct onnx_node *sorted;
	uint32_t *order;
	bool same = true;

	if (!nodes_sort(c, m, &order))
		return false;
	for (uint32_t i = 0; i < m->nodes; i++)
		same = same && order[i] == i;
	if (same)
		return true;
	sorted = take(c, m->nodes * sizeof *sorted);
	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < m->nodes; i++)
		sorted[i] = m->node[order[i]];
	m->node = sorted;
	return names_gather(c, m, &m->names);
}

MUST static bool
read_graph(struct ctx *c, struct str graph, const struct sides *sides, struct onnx_model *m)
{
	struct graph_fields f = { .name = { "", 0 } };
	struct onnx_model tensors_only = { 0 };
	uint32_t seen;

	if (!pb_decode(c, graph, graph_rules, COUNT(graph_rules), &f, &seen) ||
	    !at_most(c, "nodes", f.nodes, ONNX_NODES_MAX))
		return false;
	m->graph_name = f.name;
	m->nodes = f.nodes;
	if (!read_tensors(c, graph, f.tensors, sides, m) ||
	    !nodes_read(c, graph, f.nodes, &m->node))
		return false;
	tensors_only.tensor = m->tensor;
	tensors_only.tensors = m->tensors;
	return names_gather(c, &tensors_only, &m->names) &&
	    read_values(c, graph, GRAPH_INPUT, m->names, &m->input, &m->inputs) &&
	    read_values(c, graph, GRAPH_OUTPUT, NULL, &m->output, &m->outputs) &&
	    check_outputs(c, m) && names_gather(c, m, &m->names) && sort_nodes(c, m);
}

MUST static bool
read_model(struct ctx *c, struct str bytes, const struct sides *sides, struct onnx_model *ret)
{
	struct model_fields f = { .producer = { "", 0 } };
	struct onnx_model m = { .bytes = bytes };
	uint32_t seen;

	if (bytes.n > (size_t)ONNX_BYTES_MAX)
		return fail(c, E_LIMIT, "the model is larger than %lld bytes",
		    (long long)ONNX_BYTES_MAX);
	if (!pb_decode(c, bytes, model_rules, COUNT(model_rules), &f, &seen))
		return false;
	if (f.ir < ONNX_IR_MIN || f.ir > ONNX_IR_MAX)
		return fail(c, E_INPUT, "IR version %lld is not supported, only %d to %d",
		    (long long)f.ir, ONNX_IR_MIN, ONNX_IR_MAX);
	m.ir = f.ir;
	m.producer = f.producer;
	m.attachment = f.attachment;
	if (!read_opsets(c, bytes, &m) || !read_metadata(c, bytes, f.metadatas, &m))
		return false;
	if (f.graph.p == NULL)
		return fail(c, E_INPUT, "the model has no graph");
	if (!read_graph(c, f.graph, sides, &m))
		return false;
	*ret = m;
	return true;
}

bool
onnx_read(struct ctx *c, struct str bytes, struct onnx_model *ret)
{
	return read_model(c, bytes, NULL, ret);
}

bool
onnx_read_with(struct ctx *c, struct str bytes, const struct onnx_side side[], size_t n,
    struct onnx_model *ret)
{
	struct onnx_model m;
	struct sides s;

	if (!sides_gather(c, side, n, &s) || !read_model(c, bytes, &s, &m) ||
	    !sides_used(c, &s))
		return false;
	*ret = m;
	return true;
}
