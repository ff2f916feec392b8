/*
 * Messages of a changed model, written out: tensors, nodes, graph inputs and outputs, metadata.
 */
#include "parts.h"

/* ---- Tensors ----------------------------------------------------------------------------- */

MUST static bool
put_dims(struct ctx *c, struct pieces *l, const struct onnx_new_tensor *t)
{
	struct buf b;

	if (!take_buf(c, ONNX_RANK_MAX * PB_ROOM, &b))
		return false;
	for (int i = 0; i < t->rank; i++)
		pb_put_int(&b, TENSOR_DIMS, t->dim[i]);
	return pieces_add(c, l, buf_str(&b));
}

MUST static bool
put_raw(struct ctx *c, struct pieces *l, const struct onnx_new_tensor *t, enum onnx_type type)
{
	struct pieces raw = { 0 };

	return pieces_add_numbers(c, &raw, t, type) && pieces_add_field(c, l, TENSOR_RAW, &raw);
}

bool
tensor_put(struct ctx *c, struct pieces *l, const struct onnx_new_tensor *t)
{
	enum onnx_type type = t->f != NULL ? ONNX_FLOAT : ONNX_INT64;
	struct pieces inside = { 0 };
	struct buf b;

	if (!name_check(c, t->name) || !take_buf(c, t->name.n + 2 * PB_ROOM, &b))
		return false;
	pb_put_int(&b, TENSOR_TYPE, type);
	pb_put_bytes(&b, TENSOR_NAME, t->name);
	return put_dims(c, &inside, t) && pieces_add(c, &inside, buf_str(&b)) &&
	    put_raw(c, &inside, t, type) && pieces_add_field(c, l, GRAPH_TENSOR, &inside);
}

bool
same_shape(const struct onnx_tensor *a, const struct onnx_new_tensor *b)
{
	return a->rank == b->rank &&
	    memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

/* The numbers, or where they are. */
static bool
is_data(uint32_t field)
{
	return field == TENSOR_EXTERNAL || field == TENSOR_LOCATION || field == TENSOR_RAW ||
	    field == TENSOR_FLOATS || field == TENSOR_INT32S || field == TENSOR_INT64S ||
	    field == TENSOR_DOUBLES || field == TENSOR_UINT64S;
}

MUST static bool
put_data(struct ctx *c, struct pieces *l, const struct onnx_tensor *was,
    const struct onnx_new_tensor *t)
{
	struct pieces raw = { 0 };

	return t != NULL
	    ? put_raw(c, l, t, was->type)
	    : pieces_add(c, &raw, was->raw) && pieces_add_field(c, l, TENSOR_RAW, &raw);
}

/* The new numbers go where the first of the old ones were. */
bool
tensor_replace(struct ctx *c, struct pieces *l, const struct onnx_tensor *was,
    const struct onnx_new_tensor *t)
{
	bool same = t == NULL || same_shape(was, t), placed = false;
	struct pieces inside = { 0 };
	struct pb w = pb_of(was->message);
	struct pb_field f;

	if (!same && !put_dims(c, &inside, t))
		return false;
	while (pb_more(&w)) {
		if (!pb_next(c, &w, &f))
			return false;
		if (is_data(f.number)) {
			if (!placed && !put_data(c, &inside, was, t))
				return false;
			placed = true;
		} else if (f.number == TENSOR_DIMS && !same) {
			continue;
		} else if (!pieces_add(c, &inside, f.whole)) {
			return false;
		}
	}
	return (placed || put_data(c, &inside, was, t)) &&
	    pieces_add_field(c, l, GRAPH_TENSOR, &inside);
}

/* ---- Nodes ------------------------------------------------------------------------------- */

/* At least as many bytes as the attribute will take. */
static size_t
attr_room(const struct onnx_attr *a)
{
	size_t n = a->name.n + a->s.n + 4 * PB_ROOM;

	if (a->type == ONNX_ATTR_TENSOR)
		n += a->tensor->message.n;
	if (a->type == ONNX_ATTR_STRINGS)
		for (size_t i = 0; i < a->n; i++)
			n += a->strings[i].n;
	return n + a->n * PB_ROOM;
}

static void
put_attr_value(struct buf *b, const struct onnx_attr *a)
{
	switch (a->type) {
	case ONNX_ATTR_FLOAT:
		pb_put_float(b, ATTR_FLOAT, a->f);
		break;
	case ONNX_ATTR_INT:
		pb_put_int(b, ATTR_INT, a->i);
		break;
	case ONNX_ATTR_STRING:
		pb_put_bytes(b, ATTR_STRING, a->s);
		break;
	case ONNX_ATTR_TENSOR:
		pb_put_bytes(b, ATTR_TENSOR, a->tensor->message);
		break;
	case ONNX_ATTR_FLOATS:
		for (size_t i = 0; i < a->n; i++)
			pb_put_float(b, ATTR_FLOATS, a->floats[i]);
		break;
	case ONNX_ATTR_INTS:
		for (size_t i = 0; i < a->n; i++)
			pb_put_int(b, ATTR_INTS, a->ints[i]);
		break;
	case ONNX_ATTR_STRINGS:
		for (size_t i = 0; i < a->n; i++)
			pb_put_bytes(b, ATTR_STRINGS, a->strings[i]);
		break;
	}
}

MUST static bool
put_attr(struct ctx *c, struct pieces *l, const struct onnx_attr *a)
{
	struct pieces inside = { 0 };
	struct buf b;

	if (!take_buf(c, attr_room(a), &b))
		return false;
	pb_put_bytes(&b, ATTR_NAME, a->name);
	put_attr_value(&b, a);
	pb_put_int(&b, ATTR_TYPE, a->type);
	return buf_ok(c, &b) && pieces_add(c, &inside, buf_str(&b)) &&
	    pieces_add_field(c, l, NODE_ATTR, &inside);
}

bool
node_put(struct ctx *c, struct pieces *l, const struct onnx_new_node *node)
{
	size_t room = node->name.n + node->op.n + 2 * PB_ROOM;
	struct pieces inside = { 0 };
	struct buf b;

	for (size_t i = 0; i < node->inputs; i++)
		room += node->input[i].n + PB_ROOM;
	for (size_t i = 0; i < node->outputs; i++)
		room += node->output[i].n + PB_ROOM;
	if (!take_buf(c, room, &b))
		return false;
	for (size_t i = 0; i < node->inputs; i++)
		pb_put_bytes(&b, NODE_INPUT, node->input[i]);
	for (size_t i = 0; i < node->outputs; i++)
		pb_put_bytes(&b, NODE_OUTPUT, node->output[i]);
	pb_put_bytes(&b, NODE_NAME, node->name);
	pb_put_bytes(&b, NODE_OP, node->op);
	if (!buf_ok(c, &b) || !pieces_add(c, &inside, buf_str(&b)))
		return false;
	for (size_t i = 0; i < node->attrs; i++)
		if (!put_attr(c, &inside, &node->attr[i]))
			return false;
	return pieces_add_field(c, l, GRAPH_NODE, &inside);
}

/* ---- Values, metadata -------------------------------------------------------------------- */

enum { TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1 };
enum { DIM_VALUE = 1, DIM_SYMBOL = 2 };

MUST static bool
put_shape(struct ctx *c, struct pieces *l, const struct onnx_value *v)
{
	struct pieces shape = { 0 };

	for (int i = 0; i < v->rank; i++) {
		struct pieces dim = { 0 };
		struct buf b;

		if (!take_buf(c, v->symbol[i].n + PB_ROOM, &b))
			return false;
		if (v->dim[i] >= 0)
			pb_put_int(&b, DIM_VALUE, v->dim[i]);
		else if (v->symbol[i].n > 0)
			pb_put_bytes(&b, DIM_SYMBOL, v->symbol[i]);
		if (!pieces_add(c, &dim, buf_str(&b)) ||
		    !pieces_add_field(c, &shape, SHAPE_DIM, &dim))
			return false;
	}
	return pieces_add_field(c, l, TENSOR_SHAPE, &shape);
}

bool
value_put(struct ctx *c, struct pieces *l, uint32_t number, const struct onnx_value *v)
{
	struct pieces tensor = { 0 }, type = { 0 }, value = { 0 };
	struct buf b, name;

	if (!name_check(c, v->name) || !take_buf(c, PB_ROOM, &b) ||
	    !take_buf(c, v->name.n + PB_ROOM, &name))
		return false;
	pb_put_int(&b, TENSOR_ELEMENT, v->type);
	pb_put_bytes(&name, VALUE_NAME, v->name);
	return pieces_add(c, &tensor, buf_str(&b)) &&
	    (v->rank < 0 || put_shape(c, &tensor, v)) &&
	    pieces_add_field(c, &type, TYPE_TENSOR, &tensor) &&
	    pieces_add(c, &value, buf_str(&name)) &&
	    pieces_add_field(c, &value, VALUE_TYPE, &type) &&
	    pieces_add_field(c, l, number, &value);
}

struct onnx_value
value_of_tensor(const struct onnx_new_tensor *t, enum onnx_type type)
{
	struct onnx_value v = { .name = t->name, .type = type, .rank = t->rank };

	memcpy(v.dim, t->dim, sizeof v.dim);
	return v;
}

bool
metadata_put(struct ctx *c, struct pieces *l, const struct str pair[2])
{
	struct pieces inside = { 0 };
	struct buf b;

	if (!take_buf(c, pair[0].n + pair[1].n + 2 * PB_ROOM, &b))
		return false;
	pb_put_bytes(&b, PAIR_KEY, pair[0]);
	pb_put_bytes(&b, PAIR_VALUE, pair[1]);
	return pieces_add(c, &inside, buf_str(&b)) &&
	    pieces_add_field(c, l, MODEL_METADATA, &inside);
}

bool
onnx_append_metadata(
    struct ctx *c, const struct str (*pairs)[2], size_t n, onnx_sink *sink, void *arg)
{
	struct pieces out = { 0 };

	for (size_t i = 0; i < n; i++)
		if (!metadata_put(c, &out, pairs[i]))
			return false;
	return pieces_send(c, &out, sink, arg);
}
