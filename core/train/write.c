/*
 * Weights on their way back into the model's file. Only arrays whose numbers changed are
 * written; a trained array that stood in a Constant node becomes an initializer of the same
 * name.
 */
#include "train.h"

/* The tensor where a weight's numbers stood; NULL if they were an attribute's list. */
static const struct onnx_tensor *
origin(const struct onnx_model *m, struct str name)
{
	const struct onnx_tensor *t = onnx_tensor_by_name(m, name);

	for (size_t i = 0; t == NULL && i < m->nodes; i++) {
		const struct onnx_attr *a;

		if (m->node[i].outputs == 0 || !str_same(m->node[i].output[0], name))
			continue;
		a = onnx_attr_by_name(&m->node[i], "value");
		return a != NULL ? a->tensor : NULL;
	}
	return t;
}

MUST static bool
is_changed(struct ctx *c, const struct onnx_model *m, const struct nn_weight *w, float *room,
    bool *ret)
{
	const struct onnx_tensor *t = origin(m, w->name);

	*ret = w->trainable;
	if (t == NULL || t->count != w->count)
		return true;
	if (!onnx_tensor_floats(c, t, room))
		return false;
	*ret = memcmp(room, w->data, (size_t)w->count * sizeof *room) != 0;
	return true;
}

/* What becomes of one weight that changed. */
static void
edit_weight(const struct onnx_model *m, const struct nn_weight *w, struct onnx_edit *e,
    struct onnx_new_tensor *tensor, struct str *gone)
{
	struct onnx_new_tensor *t = &tensor[e->tensors++];

	*t = (struct onnx_new_tensor){ .name = w->name, .rank = w->rank, .f = w->data };
	memcpy(t->dim, w->dim, sizeof t->dim);
	if (onnx_tensor_by_name(m, w->name) == NULL)
		gone[e->remove_nodes++] = w->name;
}

MUST static bool
edit_make(struct ctx *c, const struct onnx_model *m, const struct nn_weight *w, size_t n,
    float *room, struct onnx_edit *ret)
{
	struct onnx_new_tensor *tensor = take(c, (n + 1) * sizeof *tensor);
	struct str *gone = take(c, (n + 1) * sizeof *gone);

	if (tensor == NULL || gone == NULL)
		return false;
	ret->tensor = tensor;
	ret->remove_node = gone;
	for (size_t i = 0; i < n; i++) {
		bool changed = false;

		if (w[i].data != NULL && !is_changed(c, m, &w[i], room, &changed))
			return false;
		if (changed)
			edit_weight(m, &w[i], ret, tensor, gone);
	}
	return true;
}

static void
room_done(float **room)
{
	free(*room);
}

bool
train_write(
    struct ctx *c, const struct onnx_model *m, struct nn_graph *g, onnx_sink *sink, void *arg)
{
	struct onnx_edit edit = { 0 };
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);
	int64_t most = 1;
	owned(room_done) float *room = NULL;

	_Static_assert(
	    (int)ONNX_RANK_MAX == (int)NN_RANK_MAX, "dimensions are copied as they are");
	for (size_t i = 0; i < n; i++)
		most = w[i].count > most ? w[i].count : most;
	room = malloc((size_t)most * sizeof *room);
	if (room == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)most);
	return edit_make(c, m, w, n, room, &edit) && onnx_write(c, m, &edit, sink, arg);
}
