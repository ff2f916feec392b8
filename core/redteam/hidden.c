/*
 * Hidden layers, found by walking from each layer over whatever keeps channels apart and takes a
 * positive scale through, to the one layer that reads them.
 */
#include "structure.h"

static bool
is_op(const struct onnx_node *n, const char *op)
{
	return str_same(n->op, str_of(op));
}

const struct onnx_node *
redteam_only_reader(const struct onnx_model *m, struct str value)
{
	const struct onnx_node *found = NULL;
	int n = 0;

	for (size_t i = 0; i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].inputs; k++)
			if (str_same(m->node[i].input[k], value)) {
				found = &m->node[i];
				n++;
			}
	for (size_t i = 0; i < m->outputs; i++)
		n += str_same(m->output[i].name, value);
	return n == 1 ? found : NULL;
}

struct nn_weight *
redteam_own_array(const struct redteam_suspect *s, struct str name)
{
	struct nn_weight *w = nn_weight_by_name(s->graph, name);

	if (w == NULL || w->constant || w->count < 1 ||
	    redteam_only_reader(&s->model, name) == NULL)
		return NULL;
	return w;
}

/* A layer of weights with the outputs first: a Conv in one group, or a Gemm of turned weights. */
static bool
is_layer(struct ctx *c, const struct redteam_suspect *s, const struct onnx_node *n)
{
	int64_t value = 0;

	if (is_op(n, "Conv")) {
		if (!onnx_attr_int(c, n, "group", 1, &value) || value != 1)
			return false;
	} else if (!is_op(n, "Gemm") || !onnx_attr_int(c, n, "transB", 0, &value) ||
	    value != 1) {
		return false;
	}
	return n->inputs >= 2 && redteam_own_array(s, n->input[1]) != NULL;
}

static bool
passes_on(const struct onnx_node *n)
{
	static const char *const ops[] = { "Relu", "LeakyRelu", "MaxPool", "AveragePool",
		"GlobalAveragePool", "GlobalMaxPool", "Dropout", "Identity", "Flatten" };

	for (size_t i = 0; i < COUNT(ops); i++)
		if (is_op(n, ops[i]))
			return true;
	return false;
}

/* An array of the maker or its norm; false: it is not its own, or not one row a channel. */
static bool
piece_add(const struct redteam_suspect *s, struct str name, bool scales, struct hidden *h)
{
	const struct nn_weight *w = redteam_own_array(s, name);

	if (w == NULL || w->rank < 1 || w->dim[0] != h->channels || h->pieces == HIDDEN_PIECES)
		return false;
	h->piece[h->pieces] = name;
	h->scales[h->pieces++] = scales;
	h->most = w->count > h->most ? w->count : h->most;
	return true;
}

static bool
pieces_find(const struct redteam_suspect *s, struct hidden *h)
{
	bool plain = h->norm == NULL;

	for (size_t i = 1; i < h->maker->inputs && h->maker->input[i].n > 0; i++)
		if (!piece_add(s, h->maker->input[i], plain, h))
			return false;
	for (size_t i = 1; !plain && i < h->norm->inputs; i++)
		if (!piece_add(s, h->norm->input[i], i <= 2, h))
			return false;
	return true;
}

/* From what the maker makes to who reads it; false: its channels are seen elsewhere. */
static bool
reader_find(struct ctx *c, const struct redteam_suspect *s, struct hidden *h)
{
	struct str at = h->maker->output[0];
	const struct onnx_node *n;
	const struct nn_weight *w;

	while ((n = redteam_only_reader(&s->model, at)) != NULL && str_same(n->input[0], at)) {
		if (is_layer(c, s, n)) {
			w = nn_weight_by_name(s->graph, n->input[1]);
			h->reader = n;
			h->outputs = w->dim[0];
			return w->rank > 1 && w->dim[1] % h->channels == 0;
		}
		if (is_op(n, "BatchNormalization") && h->norm == NULL)
			h->norm = n;
		else if (!passes_on(n))
			return false;
		at = n->output[0];
	}
	return false;
}

bool
redteam_hidden_find(
    struct ctx *c, const struct redteam_suspect *s, struct hidden **ret, size_t *ret_n)
{
	const struct onnx_model *m = &s->model;
	struct hidden *h = take(c, (m->nodes + 1) * sizeof *h);
	size_t n = 0;

	if (h == NULL)
		return false;
	for (size_t i = 0; i < m->nodes; i++) {
		h[n] = (struct hidden){ .maker = &m->node[i] };
		if (!is_layer(c, s, h[n].maker))
			continue;
		h[n].channels = nn_weight_by_name(s->graph, h[n].maker->input[1])->dim[0];
		n += reader_find(c, s, &h[n]) && pieces_find(s, &h[n]);
	}
	c->err = (struct err){ 0 };
	if (n == 0)
		return fail(c, E_CONFLICT,
		    "this network has no layer whose channels one other layer alone reads");
	*ret = h;
	*ret_n = n;
	return true;
}
