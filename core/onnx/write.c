/*
 * The writer walks over the original once more, field by field, and lets each stay, go or be
 * replaced, as the plan says. What stays is sent from where it lies, unknown fields included; an
 * edit with nothing in it sends the file as it is. Only external data do not stay external: what is
 * written is one file.
 */
#include "parts.h"

/* Where the walk over the graph stands: how many of each thing it has met. */
struct walk {
	const struct plan *plan;
	struct pieces *out;
	struct str *node; /* by place: the whole field */
	bool *written;    /* by place */
	size_t nodes, tensors, outputs;
	size_t sorted; /* of the nodes in order, how many are written */
};

/* ---- Nodes ------------------------------------------------------------------------------- */

MUST static bool
write_next_node(struct ctx *c, struct walk *w)
{
	const struct plan_node *next = &w->plan->sorted[w->sorted++];

	if (next->place != SIZE_MAX)
		w->written[next->place] = true;
	if (next->new != NULL)
		return node_put(c, w->out, next->new);
	return pieces_add(c, w->out, w->node[next->place]);
}

/* At a node's place in the file come those that must be before it, and itself. */
MUST static bool
write_node(struct ctx *c, struct walk *w, const struct pb_field *f)
{
	size_t place = w->nodes++;

	if (!w->plan->nodes_change)
		return pieces_add(c, w->out, f->whole);
	if (w->plan->node[place] == &plan_gone)
		return true;
	while (!w->written[place])
		if (!write_next_node(c, w))
			return false;
	return true;
}

MUST static bool
find_nodes(struct ctx *c, struct str graph, struct walk *w)
{
	struct pb walk = pb_of(graph);
	struct pb_field f;

	w->node = take(c, w->plan->from->nodes * sizeof *w->node);
	w->written = take(c, w->plan->from->nodes * sizeof *w->written);
	if (w->node == NULL || w->written == NULL)
		return false;
	for (size_t i = 0; pb_find(&walk, GRAPH_NODE, &f); i++)
		w->node[i] = f.whole;
	return true;
}

/* ---- Tensors, inputs, outputs ------------------------------------------------------------ */

MUST static bool
write_tensor(struct ctx *c, struct walk *w, const struct pb_field *f)
{
	size_t i = w->tensors++;
	const void *fate = w->plan->tensor[i];
	const struct onnx_tensor *was = &w->plan->from->tensor[i];

	if (fate == NULL && !was->external)
		return pieces_add(c, w->out, f->whole);
	return fate == &plan_gone || tensor_replace(c, w->out, was, fate);
}

/* An initializer may be listed among the inputs as well. */
MUST static bool
write_input(struct ctx *c, struct walk *w, const struct pb_field *f)
{
	const struct onnx_model *m = w->plan->from;
	const void *fate = NULL;
	struct onnx_value v;
	enum definer by;
	uint32_t i;

	if (!value_read(c, f->bytes, &v))
		return false;
	if (names_find(m->names, v.name, &by, &i) && by == BY_TENSOR)
		fate = w->plan->tensor[i];
	if (fate == &plan_gone)
		return true;
	if (fate == NULL || !w->plan->shapes_change)
		return pieces_add(c, w->out, f->whole);
	v = value_of_tensor(fate, m->tensor[i].type);
	return value_put(c, w->out, GRAPH_INPUT, &v);
}

MUST static bool
write_output(struct ctx *c, struct walk *w, const struct pb_field *f)
{
	const void *fate = w->plan->output[w->outputs++];

	return fate == NULL ? pieces_add(c, w->out, f->whole)
			    : value_put(c, w->out, GRAPH_OUTPUT, fate);
}

MUST static bool
write_graph_field(struct ctx *c, struct walk *w, const struct pb_field *f)
{
	switch (f->number) {
	case GRAPH_NODE:
		return write_node(c, w, f);
	case GRAPH_TENSOR:
		return write_tensor(c, w, f);
	case GRAPH_INPUT:
		return write_input(c, w, f);
	case GRAPH_OUTPUT:
		return write_output(c, w, f);
	case GRAPH_VALUE_INFO:
		if (w->plan->shapes_change)
			return true;
		break;
	default:
		break;
	}
	return pieces_add(c, w->out, f->whole);
}

/* What the original has no place for. Before IR 4, initializers must be inputs as well. */
MUST static bool
write_new(struct ctx *c, struct walk *w)
{
	const struct plan *p = w->plan;

	while (w->sorted < p->nodes && p->nodes_change)
		if (!write_next_node(c, w))
			return false;
	for (size_t i = 0; i < p->new_tensors; i++) {
		const struct onnx_new_tensor *t = p->new_tensor[i];
		struct onnx_value v = value_of_tensor(
		    t, t->f != NULL ? ONNX_FLOAT : ONNX_INT64);

		if (!tensor_put(c, w->out, t) ||
		    (p->from->ir < 4 && !value_put(c, w->out, GRAPH_INPUT, &v)))
			return false;
	}
	for (size_t i = 0; i < p->new_outputs; i++)
		if (!value_put(c, w->out, GRAPH_OUTPUT, p->new_output[i]))
			return false;
	return true;
}

MUST static bool
write_graph(
    struct ctx *c, const struct plan *p, const struct pb_field *graph, struct pieces *out)
{
	struct pieces inside = { 0 };
	struct walk w = { .plan = p, .out = &inside };
	struct pb walk = pb_of(graph->bytes);
	struct pb_field f;

	if (!p->graph_changes)
		return pieces_add(c, out, graph->whole);
	if (!find_nodes(c, graph->bytes, &w))
		return false;
	while (pb_more(&walk))
		if (!pb_next(c, &walk, &f) || !write_graph_field(c, &w, &f))
			return false;
	return write_new(c, &w) && pieces_add_field(c, out, MODEL_GRAPH, &inside);
}

/* ---- The model --------------------------------------------------------------------------- */

MUST static bool
write_model(struct ctx *c, const struct plan *p, struct pieces *out)
{
	bool detach = p->edit->remove_attachment || p->edit->attachment.p != NULL;
	struct pb w = pb_of(p->from->bytes);
	size_t metadatas = 0;
	struct pb_field f;
	bool ok = true;

	while (ok && pb_more(&w)) {
		const void *fate = NULL;

		if (!pb_next(c, &w, &f))
			return false;
		if (f.number == MODEL_METADATA)
			fate = p->metadata[metadatas++];
		if (fate != NULL)
			ok = metadata_put(c, out, fate);
		else if (f.number == MODEL_GRAPH)
			ok = write_graph(c, p, &f, out);
		else if (f.number != MODEL_ATTACHMENT || !detach)
			ok = pieces_add(c, out, f.whole);
	}
	return ok;
}

bool
onnx_write(struct ctx *c, const struct onnx_model *from, const struct onnx_edit *edit,
    onnx_sink *sink, void *arg)
{
	struct pieces out = { 0 }, attachment = { 0 };
	struct plan p;

	if (edit->remove_attachment && from->attachment.p == NULL)
		return fail(c, E_ABSENT, "the model has no attachment");
	if (!plan_make(c, from, edit, &p) || !write_model(c, &p, &out))
		return false;
	for (size_t i = 0; i < p.new_metadatas; i++)
		if (!metadata_put(c, &out, p.new_metadata[i]))
			return false;
	if (edit->attachment.p != NULL &&
	    (!pieces_add(c, &attachment, edit->attachment) ||
		!pieces_add_field(c, &out, MODEL_ATTACHMENT, &attachment)))
		return false;
	if (from->external && out.n > INT32_MAX)
		return fail(c, E_LIMIT,
		    "with its data inside the model would have %llu bytes, and ONNX files end at "
		    "2 GB: use a smaller element type, or fewer weights",
		    (unsigned long long)out.n);
	return pieces_send(c, &out, sink, arg);
}
