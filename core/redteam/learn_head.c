/*
 * The last layer of a network, which is what a thief with little patience trains alone, or throws
 * away.
 */
#include <math.h>

#include "learn.h"

static const struct nn_weight *
weight_read(const struct redteam_suspect *s, const struct onnx_node *n, size_t input)
{
	return n->input[input].n > 0 ? nn_weight_by_name(s->graph, n->input[input]) : NULL;
}

/* Does it read an array that is more than a bias? */
static bool
is_layer(const struct redteam_suspect *s, const struct onnx_node *n)
{
	for (size_t k = 0; k < n->inputs; k++) {
		const struct nn_weight *w = weight_read(s, n, k);

		if (w != NULL && w->trainable && w->rank > 1)
			return true;
	}
	return false;
}

bool
redteam_head(struct ctx *c, const struct redteam_suspect *s, bool **ret)
{
	size_t n, first = s->model.nodes;
	const struct nn_weight *all = nn_weights(s->graph, &n);
	bool *head = take(c, n + 1);

	if (head == NULL)
		return false;
	while (first > 0 && !is_layer(s, &s->model.node[first - 1]))
		first--;
	first -= first > 0;
	for (size_t i = first; i < s->model.nodes; i++)
		for (size_t k = 0; k < s->model.node[i].inputs; k++) {
			const struct nn_weight *w = weight_read(s, &s->model.node[i], k);

			if (w != NULL && w->trainable)
				head[w - all] = true;
		}
	*ret = head;
	return true;
}

bool
redteam_outputs_first(const struct redteam_suspect *s, const struct nn_weight *w)
{
	for (size_t i = 0; i < s->model.nodes; i++) {
		const struct onnx_node *n = &s->model.node[i];
		const struct onnx_attr *a = onnx_attr_by_name(n, "transB");

		for (size_t k = 0; k < n->inputs; k++)
			if (str_same(n->input[k], w->name))
				return !str_same(n->op, STR("MatMul")) &&
				    (!str_same(n->op, STR("Gemm")) || (a != NULL && a->i != 0));
	}
	return true;
}

/* Like fresh weights before a training: normal for matrices, zero for the rest. */
static void
renew(const struct redteam_suspect *s, struct nn_weight *w, struct chance *chance)
{
	bool first = redteam_outputs_first(s, w);
	int64_t outputs = w->rank > 1 ? w->dim[first ? 0 : w->rank - 1] : 1;
	double deviation = w->rank > 1 ? sqrt(2 * (double)outputs / (double)w->count) : 0;

	for (int64_t k = 0; k < w->count; k++)
		w->data[k] = (float)(deviation * chance_normal(chance));
}

bool
redteam_head_reset(struct ctx *c, struct redteam_suspect *s, struct chance chance)
{
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);
	bool *head;

	if (!redteam_head(c, s, &head))
		return false;
	for (size_t i = 0; i < n; i++)
		if (head[i])
			renew(s, &w[i], &chance);
	nn_graph_changed(s->graph);
	return true;
}
