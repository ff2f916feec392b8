/*
 * Graph inputs and outputs: a name, an element type, a shape. Four small messages inside each
 * other; each has its table.
 */
#include <stddef.h>

#include "parts.h"

struct value_fields {
	struct str name, type;
};
struct type_fields {
	struct str tensor;
};
struct tensor_fields {
	int64_t type;
	struct str shape;
};
struct shape_fields {
	size_t dims;
};
struct dim_fields {
	int64_t value;
	struct str symbol;
};
enum { SHAPE_DIM = 1, RULE_SHAPE = 1, RULE_VALUE = 0 };

/* clang-format off */
static const struct pb_rule value_rules[] = {
	{ VALUE_NAME, PB_NAME, offsetof(struct value_fields, name), "name" },
	{ VALUE_TYPE, PB_RAW,  offsetof(struct value_fields, type), "type" },
};
static const struct pb_rule type_rules[] = {
	{ 1, PB_RAW,     offsetof(struct type_fields, tensor), "tensor_type" },
	{ 4, PB_REFUSED, 0, "a sequence" },
	{ 5, PB_REFUSED, 0, "a map" },
	{ 7, PB_REFUSED, 0, "an opaque type" },
	{ 8, PB_REFUSED, 0, "a sparse tensor" },
	{ 9, PB_REFUSED, 0, "an optional value" },
};
static const struct pb_rule tensor_rules[] = {
	             { 1, PB_INT, offsetof(struct tensor_fields, type),  "elem_type" },
	[RULE_SHAPE] = { 2, PB_RAW, offsetof(struct tensor_fields, shape), "shape" },
};
static const struct pb_rule shape_rules[] = {
	{ SHAPE_DIM, PB_LIST, offsetof(struct shape_fields, dims), "dim" },
};
static const struct pb_rule dim_rules[] = {
	[RULE_VALUE] = { 1, PB_INT,  offsetof(struct dim_fields, value),  "dim_value" },
	             { 2, PB_NAME, offsetof(struct dim_fields, symbol), "dim_param" },
};
/* clang-format on */

MUST static bool
read_dim(struct ctx *c, struct str message, struct onnx_value *v)
{
	struct dim_fields f = { 0, { "", 0 } };
	uint32_t seen;
	bool fixed;

	if (!pb_decode(c, message, dim_rules, COUNT(dim_rules), &f, &seen))
		return false;
	fixed = (seen >> RULE_VALUE) & 1;
	if (fixed && (f.value < 0 || f.value > ONNX_DIM_MAX))
		return fail(c, f.value < 0 ? E_INPUT : E_LIMIT, "a dimension of %lld",
		    (long long)f.value);
	if (fixed && f.symbol.n > 0)
		return fail(c, E_INPUT, "a dimension both fixed and symbolic");
	v->dim[v->rank] = fixed ? f.value : -1;
	v->symbol[v->rank++] = f.symbol;
	return true;
}

MUST static bool
read_shape(struct ctx *c, struct str message, struct onnx_value *v)
{
	struct shape_fields f = { 0 };
	struct pb w = pb_of(message);
	struct pb_field field;
	uint32_t seen;

	if (!pb_decode(c, message, shape_rules, COUNT(shape_rules), &f, &seen))
		return false;
	if (f.dims > ONNX_RANK_MAX)
		return fail(
		    c, E_LIMIT, "it has %zu dimensions, more than %d", f.dims, ONNX_RANK_MAX);
	v->rank = 0;
	while (pb_find(&w, SHAPE_DIM, &field))
		if (!read_dim(c, field.bytes, v))
			return false;
	return true;
}

MUST static bool
read_type(struct ctx *c, struct str message, struct onnx_value *v)
{
	struct type_fields f = { { "", 0 } };
	struct tensor_fields t = { 0, { "", 0 } };
	uint32_t seen;

	if (!pb_decode(c, message, type_rules, COUNT(type_rules), &f, &seen))
		return false;
	if (f.tensor.n == 0)
		return fail(c, E_INPUT, "it has no type");
	if (!pb_decode(c, f.tensor, tensor_rules, COUNT(tensor_rules), &t, &seen) ||
	    !type_check(c, t.type, &v->type))
		return false;
	v->rank = -1;
	return (seen >> RULE_SHAPE) & 1 ? read_shape(c, t.shape, v) : true;
}

bool
value_read(struct ctx *c, struct str message, struct onnx_value *ret)
{
	struct value_fields f = { { "", 0 }, { "", 0 } };
	struct onnx_value v = { .rank = -1 };
	uint32_t seen;

	if (!pb_decode(c, message, value_rules, COUNT(value_rules), &f, &seen))
		return false;
	if (f.name.n == 0)
		return fail(c, E_INPUT, "it has no name");
	v.name = f.name;
	if (!read_type(c, f.type, &v))
		return within(c, "'%s'", shown(f.name).s);
	*ret = v;
	return true;
}
