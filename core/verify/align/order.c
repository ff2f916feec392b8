/*
 * The order of nodes, told by the graph alone. Two files of one network may list their nodes, and
 * the terms of a sum, in different orders; going back from the answers, and where branches meet by
 * a number that stands for the layers in each, both give the same.
 */
#include "reading.h"

/* By node, in the order of the model, where makers come before users. */
struct ordering {
	struct reading *r;
	const struct onnx_model *m;
	uint64_t *mark; /* stands for all layers that lead here */
	bool *met;
	size_t *input; /* those before it were met */
};

/* Terms of a sum that are put in order; of more they are as they are. */
enum { TERMS_MAX = 16 };

static uint64_t
mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return (a ^ a >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static size_t
index_of(const struct ordering *o, const struct onnx_node *n)
{
	return (size_t)(n - o->m->node);
}

static uint64_t
mark_of(const struct ordering *o, struct str name)
{
	const struct value *v = value_named(o->r, name);

	return v->maker != NULL ? o->mark[index_of(o, v->maker)] : 1;
}

/* Weights of one pair of channels; 0: the node is no layer. Numbers of channels may differ. */
static uint64_t
layer_mark(const struct ordering *o, const struct onnx_node *n)
{
	const struct onnx_tensor *w = tensor_in(o->r, n, 1);
	uint64_t k = 1;

	if (str_same(n->op, STR("Gemm")) || str_same(n->op, STR("MatMul")))
		return w != NULL;
	if (!str_same(n->op, STR("Conv")) && !str_same(n->op, STR("ConvTranspose")))
		return 0;
	for (int i = 2; w != NULL && i < w->rank; i++)
		k = mix(k, (uint64_t)w->dim[i]);
	return k + 2;
}

/* What has no weights changes nothing; what meets is added, as sums know no order. */
static void
mark_node(struct ordering *o, size_t i)
{
	const struct onnx_node *n = &o->m->node[i];
	uint64_t layer = layer_mark(o, n), sum = 0;
	int met = 0;

	for (size_t k = 0; k < n->inputs; k++)
		if (n->input[k].n > 0 && tensor_in(o->r, n, k) == NULL) {
			uint64_t in = mark_of(o, n->input[k]);

			sum = met++ == 0 ? in : sum + in;
		}
	o->mark[i] = layer != 0 ? mix(sum, layer) : met > 1 ? mix(sum, 2) : sum;
}

static bool
has_no_order(const struct onnx_node *n)
{
	if (n->inputs > TERMS_MAX)
		return false;
	return str_same(n->op, STR("Add")) || str_same(n->op, STR("Sum")) ||
	    str_same(n->op, STR("Mul")) || str_same(n->op, STR("Max")) ||
	    str_same(n->op, STR("Min")) || str_same(n->op, STR("Mean"));
}

/* What makes a node's input k and was not met yet; NULL: nothing. */
static const struct onnx_node *
unmet(const struct ordering *o, const struct onnx_node *n, size_t k)
{
	const struct onnx_node *maker = n->input[k].n > 0
	    ? value_named(o->r, n->input[k])->maker
	    : NULL;

	return maker != NULL && !o->met[index_of(o, maker)] ? maker : NULL;
}

/* The next maker of an input: of those without an order the one of the smallest mark. */
static const struct onnx_node *
next_input(const struct ordering *o, const struct onnx_node *n)
{
	const struct onnx_node *best = NULL;
	size_t *at = &o->input[index_of(o, n)];

	if (!has_no_order(n)) {
		while (best == NULL && *at < n->inputs)
			best = unmet(o, n, (*at)++);
		return best;
	}
	for (size_t k = 0; k < n->inputs; k++) {
		const struct onnx_node *maker = unmet(o, n, k);

		if (maker != NULL &&
		    (best == NULL || o->mark[index_of(o, maker)] < o->mark[index_of(o, best)]))
			best = maker;
	}
	return best;
}

/* All that leads to this node, and then itself; `wait` has room for all nodes. */
static void
follow(struct ordering *o, const struct onnx_node *last, const struct onnx_node **wait)
{
	size_t n = 0;

	wait[n++] = last;
	o->met[index_of(o, last)] = true;
	while (n > 0) {
		const struct onnx_node *now = wait[n - 1], *in = next_input(o, now);

		if (in == NULL) {
			n--;
			o->r->order[o->r->nodes++] = now;
			continue;
		}
		o->met[index_of(o, in)] = true;
		wait[n++] = in;
	}
}

bool
order_nodes(struct ctx *c, struct reading *r)
{
	const struct onnx_model *m = r->l.model;
	struct ordering o = { .r = r, .m = m };
	const struct onnx_node **wait = take(c, (m->nodes + 1) * sizeof(void *));

	o.mark = take(c, (m->nodes + 1) * sizeof *o.mark);
	o.met = take(c, m->nodes + 1);
	o.input = take(c, (m->nodes + 1) * sizeof *o.input);
	r->order = take(c, (m->nodes + 1) * sizeof(void *));
	if (wait == NULL || o.mark == NULL || o.met == NULL || o.input == NULL ||
	    r->order == NULL)
		return false;
	for (size_t i = 0; i < m->nodes; i++) {
		if (!constant_make(c, r, &m->node[i]))
			return false;
		mark_node(&o, i);
	}
	for (size_t i = 0; i < m->outputs; i++) {
		const struct onnx_node *maker = value_named(r, m->output[i].name)->maker;

		if (maker != NULL && !o.met[index_of(&o, maker)])
			follow(&o, maker, wait);
	}
	return true;
}
