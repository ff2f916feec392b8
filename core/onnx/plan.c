/*
 * What an edit does to a model: each of its rows finds the thing that it replaces or removes, or is
 * new. The graph that comes of it is checked and sorted here, so that nothing is written of an edit
 * that would leave a broken model.
 */
#include "parts.h"

const char plan_gone;

/* Says what becomes of thing number `i`. */
MUST static bool
set(struct ctx *c, const void **fate, const void *what, struct str name)
{
	if (*fate != NULL)
		return fail(c, E_INPUT, "'%s' is edited twice", shown(name).s);
	*fate = what;
	return true;
}

static bool
find_tensor(const struct onnx_model *m, struct str name, uint32_t *ret)
{
	enum definer by;

	return names_find(m->names, name, &by, ret) && by == BY_TENSOR;
}

/* Nodes go by their first output. */
static bool
find_node(const struct onnx_model *m, struct str output, uint32_t *ret)
{
	enum definer by;

	return names_find(m->names, output, &by, ret) && by == BY_NODE &&
	    str_same(m->node[*ret].output[0], output);
}

MUST static bool
make_room(struct ctx *c, struct plan *p)
{
	const struct onnx_model *m = p->from;
	const struct onnx_edit *e = p->edit;

	p->tensor = take(c, m->tensors * sizeof *p->tensor);
	p->node = take(c, m->nodes * sizeof *p->node);
	p->output = take(c, m->outputs * sizeof *p->output);
	p->metadata = take(c, m->metadatas * sizeof *p->metadata);
	p->new_tensor = take(c, e->tensors * sizeof *p->new_tensor);
	p->new_node = take(c, e->nodes * sizeof *p->new_node);
	p->new_output = take(c, e->outputs * sizeof *p->new_output);
	p->new_metadata = take(c, e->metadatas * sizeof *p->new_metadata);
	return p->tensor != NULL && p->node != NULL && p->output != NULL &&
	    p->metadata != NULL && p->new_tensor != NULL && p->new_node != NULL &&
	    p->new_output != NULL && p->new_metadata != NULL;
}

MUST static bool
plan_tensors(struct ctx *c, struct plan *p)
{
	const struct onnx_edit *e = p->edit;
	uint32_t at;

	for (size_t i = 0; i < e->tensors; i++) {
		const struct onnx_new_tensor *t = &e->tensor[i];

		if (t->rank < 0 || t->rank > ONNX_RANK_MAX)
			return fail(c, E_LIMIT, "'%s' has %d dimensions, more than %d",
			    shown(t->name).s, t->rank, ONNX_RANK_MAX);
		if (!find_tensor(p->from, t->name, &at)) {
			p->new_tensor[p->new_tensors++] = t;
			continue;
		}
		p->shapes_change = p->shapes_change || !same_shape(&p->from->tensor[at], t);
		if (!set(c, &p->tensor[at], t, t->name))
			return false;
	}
	for (size_t i = 0; i < e->remove_tensors; i++) {
		struct str name = e->remove_tensor[i];

		if (!find_tensor(p->from, name, &at))
			return fail(c, E_ABSENT, "there is no initializer '%s'", shown(name).s);
		if (!set(c, &p->tensor[at], &plan_gone, name))
			return false;
	}
	return true;
}

MUST static bool
plan_nodes(struct ctx *c, struct plan *p)
{
	const struct onnx_edit *e = p->edit;
	uint32_t at;

	for (size_t i = 0; i < e->nodes; i++) {
		const struct onnx_new_node *node = &e->node[i];

		if (node->outputs == 0 || node->output[0].n == 0)
			return fail(c, E_INPUT, "a new node '%s' has no first output",
			    shown(node->name).s);
		if (!find_node(p->from, node->output[0], &at))
			p->new_node[p->new_nodes++] = node;
		else if (!set(c, &p->node[p->from->node[at].place], node, node->output[0]))
			return false;
	}
	for (size_t i = 0; i < e->remove_nodes; i++) {
		struct str name = e->remove_node[i];

		if (!find_node(p->from, name, &at))
			return fail(
			    c, E_ABSENT, "no node has '%s' as its first output", shown(name).s);
		if (!set(c, &p->node[p->from->node[at].place], &plan_gone, name))
			return false;
	}
	p->nodes_change = e->nodes + e->remove_nodes > 0;
	return true;
}

MUST static bool
plan_outputs(struct ctx *c, struct plan *p)
{
	for (size_t i = 0; i < p->edit->outputs; i++) {
		const struct onnx_value *v = &p->edit->output[i];
		size_t at = 0;

		if (v->rank > ONNX_RANK_MAX)
			return fail(c, E_LIMIT, "'%s' has %d dimensions, more than %d",
			    shown(v->name).s, v->rank, ONNX_RANK_MAX);
		while (at < p->from->outputs && !str_same(p->from->output[at].name, v->name))
			at++;
		if (at == p->from->outputs)
			p->new_output[p->new_outputs++] = v;
		else if (!set(c, &p->output[at], v, v->name))
			return false;
	}
	return true;
}

MUST static bool
plan_metadata(struct ctx *c, struct plan *p)
{
	for (size_t i = 0; i < p->edit->metadatas; i++) {
		const struct str *pair = p->edit->metadata[i];
		size_t at = 0;

		while (at < p->from->metadatas && !str_same(p->from->metadata[at][0], pair[0]))
			at++;
		if (at == p->from->metadatas)
			p->new_metadata[p->new_metadatas++] = pair;
		else if (!set(c, &p->metadata[at], pair, pair[0]))
			return false;
	}
	return true;
}

/* ---- The graph that comes of it ---------------------------------------------------------- */

static struct onnx_node
node_of(const struct onnx_new_node *n)
{
	return (struct onnx_node){
		.name = n->name,
		.op = n->op,
		.input = n->input,
		.inputs = n->inputs,
		.output = n->output,
		.outputs = n->outputs,
	};
}

/* Those of the file in its order, then the new ones; what is where goes into `whence`. */
MUST static bool
result_nodes(struct ctx *c, struct plan *p, struct onnx_model *result, struct plan_node *whence)
{
	size_t most = p->from->nodes + p->new_nodes, n = 0;
	const struct onnx_node **by_place = take(c, p->from->nodes * sizeof *by_place);
	struct onnx_node *node = take(c, most * sizeof *node);

	if (by_place == NULL || node == NULL)
		return false;
	for (size_t i = 0; i < p->from->nodes; i++)
		by_place[p->from->node[i].place] = &p->from->node[i];
	for (size_t i = 0; i < p->from->nodes; i++) {
		if (p->node[i] == &plan_gone)
			continue;
		whence[n] = (struct plan_node){ p->node[i], i };
		node[n++] = p->node[i] == NULL ? *by_place[i] : node_of(p->node[i]);
	}
	for (size_t i = 0; i < p->new_nodes; i++) {
		whence[n] = (struct plan_node){ p->new_node[i], SIZE_MAX };
		node[n++] = node_of(p->new_node[i]);
	}
	result->node = node;
	result->nodes = n;
	return true;
}

MUST static bool
result_tensors(struct ctx *c, struct plan *p, struct onnx_model *result)
{
	size_t most = p->from->tensors + p->new_tensors, n = 0;
	struct onnx_tensor *t = take(c, most * sizeof *t);

	if (t == NULL)
		return false;
	for (size_t i = 0; i < p->from->tensors; i++)
		if (p->tensor[i] != &plan_gone)
			t[n++] = p->from->tensor[i];
	for (size_t i = 0; i < p->new_tensors; i++)
		t[n++].name = p->new_tensor[i]->name;
	result->tensor = t;
	result->tensors = n;
	return true;
}

MUST static bool
result_outputs(struct ctx *c, struct plan *p, struct onnx_model *result)
{
	size_t most = p->from->outputs + p->new_outputs, n = p->from->outputs;
	struct onnx_value *v = take(c, most * sizeof *v);

	if (v == NULL)
		return false;
	memcpy(v, p->from->output, n * sizeof *v);
	for (size_t i = 0; i < p->new_outputs; i++)
		v[n++] = *p->new_output[i];
	result->output = v;
	result->outputs = n;
	return true;
}

MUST static bool
plan_graph(struct ctx *c, struct plan *p)
{
	size_t most = p->from->nodes + p->new_nodes;
	struct plan_node *whence = take(c, most * sizeof *whence);
	struct onnx_model result = *p->from;
	uint32_t *order;

	p->sorted = take(c, most * sizeof *p->sorted);
	if (whence == NULL || p->sorted == NULL || !result_nodes(c, p, &result, whence) ||
	    !result_tensors(c, p, &result) || !result_outputs(c, p, &result) ||
	    !names_gather(c, &result, &result.names) || !nodes_sort(c, &result, &order))
		return false;
	for (size_t i = 0; i < result.nodes; i++)
		p->sorted[i] = whence[order[i]];
	p->nodes = result.nodes;
	return true;
}

bool
plan_make(struct ctx *c, const struct onnx_model *from, const struct onnx_edit *edit,
    struct plan *ret)
{
	struct plan p = { .from = from, .edit = edit };

	if (!make_room(c, &p) || !plan_tensors(c, &p) || !plan_nodes(c, &p) ||
	    !plan_outputs(c, &p) || !plan_metadata(c, &p))
		return false;
	p.graph_changes = edit->tensors + edit->remove_tensors + edit->nodes +
		edit->remove_nodes + edit->outputs + from->external >
	    0;
	p.shapes_change = p.shapes_change || p.nodes_change || edit->outputs > 0;
	if (p.graph_changes && !plan_graph(c, &p))
		return false;
	*ret = p;
	return true;
}
