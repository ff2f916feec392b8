/*
 * Puts nodes in an order in which each comes after what it needs. We walk from the nodes, in the
 * order of the file, back along their inputs, and let a node follow when all that it needs is out:
 * an order that is valid stays as it is, and a new node comes right before its first user. A path
 * that meets itself is a cycle, and the path names it.
 */
#include "parts.h"

#define NOBODY UINT32_MAX
enum { NEW, OPEN, DONE };

struct walk {
	const struct onnx_model *m;
	uint32_t *needs; /* for each node's inputs, in turn: the node that produces it */
	uint32_t *first; /* where a node's part of `needs` begins */
	uint32_t *at;    /* which of its inputs is looked at */
	uint32_t *path;  /* from the node where we began to the one we are at */
	uint8_t *state;
	uint32_t *order;
	size_t depth, ordered;
};

/* What a node is called in a message: few exporters name all of them, but all have outputs. */
static struct str
called(const struct onnx_node *node)
{
	return node->name.n > 0 || node->outputs == 0 ? node->name : node->output[0];
}

MUST static bool
find_needs(struct ctx *c, struct walk *w)
{
	enum definer by;
	uint32_t k = 0;

	for (size_t i = 0; i < w->m->nodes; i++) {
		const struct onnx_node *node = &w->m->node[i];

		w->first[i] = k;
		for (size_t j = 0; j < node->inputs; j++, k++) {
			w->needs[k] = NOBODY;
			if (node->input[j].n == 0)
				continue;
			if (!names_find(w->m->names, node->input[j], &by, &w->needs[k]))
				return fail(c, E_INPUT,
				    "nobody produces '%s', an input of %s '%s'",
				    shown(node->input[j]).s, shown(node->op).s,
				    shown(called(node)).s);
			if (by != BY_NODE)
				w->needs[k] = NOBODY;
		}
	}
	return true;
}

/* The path from `again` on leads back to it. */
MUST static bool
fail_cycle(struct ctx *c, const struct walk *w, uint32_t again)
{
	char text[128];
	struct buf b = BUF(text);
	size_t from = w->depth - 1;

	while (w->path[from] != again)
		from--;
	for (size_t i = from; i < w->depth && i < from + 3; i++) {
		text_escape(&b, called(&w->m->node[w->path[i]]));
		buf_put(&b, STR(" needs "));
	}
	if (b.full || w->depth - from > 3)
		return fail(c, E_INPUT, "the graph has a cycle of %zu nodes, one of them '%s'",
		    w->depth - from, shown(called(&w->m->node[again])).s);
	return fail(c, E_INPUT, "the graph has a cycle: %.*s%s", STRF(buf_str(&b)),
	    shown(called(&w->m->node[again])).s);
}

static void
enter(struct walk *w, uint32_t node)
{
	w->state[node] = OPEN;
	w->path[w->depth++] = node;
}

/* One step along the path: deeper, or back when the node's needs are all out. */
MUST static bool
step(struct ctx *c, struct walk *w)
{
	uint32_t node = w->path[w->depth - 1], need;

	if (w->at[node] == w->m->node[node].inputs) {
		w->state[node] = DONE;
		w->order[w->ordered++] = node;
		w->depth--;
		return true;
	}
	need = w->needs[w->first[node] + w->at[node]++];
	if (need == NOBODY || w->state[need] == DONE)
		return true;
	if (w->state[need] == OPEN)
		return fail_cycle(c, w, need);
	enter(w, need);
	return true;
}

MUST static bool
check_outputs(struct ctx *c, const struct onnx_model *m)
{
	enum definer by;
	uint32_t index;

	for (size_t i = 0; i < m->outputs; i++)
		if (!names_find(m->names, m->output[i].name, &by, &index))
			return fail(c, E_INPUT, "nobody produces the graph's output '%s'",
			    shown(m->output[i].name).s);
	return true;
}

bool
nodes_sort(struct ctx *c, const struct onnx_model *m, uint32_t **ret)
{
	size_t n = m->nodes, edges = 0;
	struct walk w = { .m = m };

	for (size_t i = 0; i < n; i++)
		edges += m->node[i].inputs;
	w.needs = take(c, edges * sizeof *w.needs);
	w.first = take(c, n * sizeof *w.first);
	w.at = take(c, n * sizeof *w.at);
	w.path = take(c, n * sizeof *w.path);
	w.state = take(c, n);
	w.order = take(c, n * sizeof *w.order);
	if (w.needs == NULL || w.first == NULL || w.at == NULL || w.path == NULL ||
	    w.state == NULL || w.order == NULL || !check_outputs(c, m) || !find_needs(c, &w))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (w.state[i] == NEW)
			enter(&w, i);
		while (w.depth > 0)
			if (!step(c, &w))
				return false;
	}
	*ret = w.order;
	return true;
}
