/*
 * Attributes: a name and one value, of the type that the attribute itself says. Old files leave the
 * type out; then the one value that is there tells it.
 */
#include <stddef.h>

#include "parts.h"

struct fields {
	struct str name, s, tensor;
	int64_t type, i;
	float f;
	size_t floats, ints, strings;
};
enum {
	RULE_FLOAT,
	RULE_INT,
	RULE_STRING,
	RULE_TENSOR,
	RULE_FLOATS,
	RULE_INTS,
	RULE_STRINGS,
	VALUES
};

/* clang-format off */
static const struct pb_rule rules[] = {
	[RULE_FLOAT]   = { ATTR_FLOAT,   PB_REAL,     offsetof(struct fields, f),       "f"       },
	[RULE_INT]     = { ATTR_INT,     PB_INT,      offsetof(struct fields, i),       "i"       },
	[RULE_STRING]  = { ATTR_STRING,  PB_RAW,      offsetof(struct fields, s),       "s"       },
	[RULE_TENSOR]  = { ATTR_TENSOR,  PB_RAW,      offsetof(struct fields, tensor),  "t"       },
	[RULE_FLOATS]  = { ATTR_FLOATS,  PB_FIXED32S, offsetof(struct fields, floats),  "floats"  },
	[RULE_INTS]    = { ATTR_INTS,    PB_VARINTS,  offsetof(struct fields, ints),    "ints"    },
	[RULE_STRINGS] = { ATTR_STRINGS, PB_LIST,     offsetof(struct fields, strings), "strings" },
	                 { ATTR_NAME,    PB_NAME,     offsetof(struct fields, name),    "name"    },
	                 { ATTR_TYPE,    PB_INT,      offsetof(struct fields, type),    "type"    },
	                 { 6,  PB_REFUSED, 0, "a graph inside"          },
	                 { 11, PB_REFUSED, 0, "graphs inside"           },
	                 { 10, PB_REFUSED, 0, "a list of tensors"       },
	                 { 14, PB_REFUSED, 0, "a type"                  },
	                 { 15, PB_REFUSED, 0, "a list of types"         },
	                 { 21, PB_REFUSED, 0, "a reference to another"  },
	                 { 22, PB_REFUSED, 0, "a sparse tensor"         },
	                 { 23, PB_REFUSED, 0, "a list of sparse tensors" },
};
/* The type that goes with each value. */
static const struct {
	enum onnx_attr_type type;
	const char *name;
} kinds[] = {
	[RULE_FLOAT]   = { ONNX_ATTR_FLOAT,   "a float"           },
	[RULE_INT]     = { ONNX_ATTR_INT,     "an integer"        },
	[RULE_STRING]  = { ONNX_ATTR_STRING,  "a text"            },
	[RULE_TENSOR]  = { ONNX_ATTR_TENSOR,  "a tensor"          },
	[RULE_FLOATS]  = { ONNX_ATTR_FLOATS,  "a list of floats"  },
	[RULE_INTS]    = { ONNX_ATTR_INTS,    "a list of integers" },
	[RULE_STRINGS] = { ONNX_ATTR_STRINGS, "a list of texts"   },
};
/* clang-format on */
_Static_assert(COUNT(kinds) == VALUES, "one row per kind of value");

/* `values` has a bit for each kind of value that is there. */
MUST static bool
find_type(struct ctx *c, int64_t said, uint32_t values, enum onnx_attr_type *ret)
{
	for (size_t i = 0; i < VALUES; i++) {
		bool only = values == UINT32_C(1) << i;

		/* A list without elements, or a number that is zero, may not be there at all. */
		if (said == 0 ? only
			      : said == (int64_t)kinds[i].type && (only || values == 0)) {
			*ret = kinds[i].type;
			return true;
		}
	}
	return said == 0 || values != 0
	    ? fail(c, E_INPUT, "it does not have one value of the type it says")
	    : fail(c, E_INPUT, "its type, %lld, is not supported", (long long)said);
}

MUST static bool
read_texts(struct ctx *c, struct str message, struct onnx_attr *a)
{
	struct str *to = take(c, a->n * sizeof *to);
	struct pb w = pb_of(message);
	struct pb_field f;

	if (to == NULL)
		return false;
	a->strings = to;
	while (pb_find(&w, ATTR_STRINGS, &f))
		*to++ = f.bytes;
	return true;
}

MUST static bool
read_numbers(struct ctx *c, struct str message, struct onnx_attr *a)
{
	bool real = a->type == ONNX_ATTR_FLOATS;
	struct pb_numbers l = real ? pb_numbers_of(message, ATTR_FLOATS, PB_FIXED32)
				   : pb_numbers_of(message, ATTR_INTS, PB_VARINT);
	size_t each = real ? sizeof(float) : sizeof(int64_t);
	char *to = take(c, a->n * each);
	uint64_t value;

	if (to == NULL)
		return false;
	a->floats = real ? (float *)(void *)to : NULL;
	a->ints = real ? NULL : (int64_t *)(void *)to;
	for (; pb_number(&l, &value); to += each)
		memcpy(to, &value, each);
	return true;
}

MUST static bool
read_tensor(struct ctx *c, const struct fields *f, struct onnx_attr *a)
{
	struct onnx_tensor *t = take(c, sizeof *t);

	a->tensor = t;
	if (t == NULL)
		return false;
	if (f->tensor.p == NULL)
		return fail(c, E_INPUT, "its tensor is missing");
	return onnx_tensor_read(c, f->tensor, t);
}

/* What lies beyond the struct itself. */
MUST static bool
read_value(struct ctx *c, struct str message, const struct fields *f, struct onnx_attr *a)
{
	switch (a->type) {
	case ONNX_ATTR_FLOAT:
	case ONNX_ATTR_INT:
	case ONNX_ATTR_STRING:
		return true;
	case ONNX_ATTR_TENSOR:
		return read_tensor(c, f, a);
	case ONNX_ATTR_FLOATS:
		a->n = f->floats;
		return read_numbers(c, message, a);
	case ONNX_ATTR_INTS:
		a->n = f->ints;
		return read_numbers(c, message, a);
	case ONNX_ATTR_STRINGS:
		a->n = f->strings;
		return read_texts(c, message, a);
	}
	abort();
}

bool
attr_read(struct ctx *c, struct str message, size_t *listed, struct onnx_attr *ret)
{
	struct fields f = { .name = { "", 0 } };
	struct onnx_attr a = { 0 };
	uint32_t seen;

	if (!pb_decode(c, message, rules, COUNT(rules), &f, &seen))
		return f.name.n == 0 ? false : within(c, "'%s'", shown(f.name).s);
	if (f.name.n == 0)
		return fail(c, E_INPUT, "it has no name");
	if (!find_type(c, f.type, seen & ((UINT32_C(1) << VALUES) - 1), &a.type))
		return within(c, "'%s'", shown(f.name).s);
	*listed += f.floats + f.ints + f.strings;
	if (*listed > ONNX_LISTED_MAX)
		return fail(
		    c, E_LIMIT, "the attributes list more than %d values", ONNX_LISTED_MAX);
	a.name = f.name;
	a.f = f.f;
	a.i = f.i;
	a.s = f.s.p == NULL ? STR("") : f.s;
	if (!read_value(c, message, &f, &a))
		return within(c, "'%s'", shown(f.name).s);
	*ret = a;
	return true;
}

/* ---- Asking for one ---------------------------------------------------------------------- */

const struct onnx_attr *
onnx_attr_by_name(const struct onnx_node *node, const char *name)
{
	for (size_t i = 0; i < node->attrs; i++)
		if (str_same(node->attr[i].name, str_of(name)))
			return &node->attr[i];
	return NULL;
}

/* *ret is NULL if it is absent. */
MUST static bool
attr_of_type(struct ctx *c, const struct onnx_node *node, const char *name,
    enum onnx_attr_type type, const struct onnx_attr **ret)
{
	const struct onnx_attr *a = onnx_attr_by_name(node, name);

	*ret = a;
	if (a == NULL || a->type == type)
		return true;
	for (size_t i = 0; i < VALUES; i++)
		if (kinds[i].type == type)
			return fail(c, E_INPUT, "%s '%s': the attribute '%s' is not %s",
			    shown(node->op).s, shown(node->name).s, name, kinds[i].name);
	return fail(c, E_INTERNAL, "no such type of attribute");
}

bool
onnx_attr_int(struct ctx *c, const struct onnx_node *node, const char *name, int64_t otherwise,
    int64_t *ret)
{
	const struct onnx_attr *a;

	if (!attr_of_type(c, node, name, ONNX_ATTR_INT, &a))
		return false;
	*ret = a == NULL ? otherwise : a->i;
	return true;
}

bool
onnx_attr_float(
    struct ctx *c, const struct onnx_node *node, const char *name, float otherwise, float *ret)
{
	const struct onnx_attr *a;

	if (!attr_of_type(c, node, name, ONNX_ATTR_FLOAT, &a))
		return false;
	*ret = a == NULL ? otherwise : a->f;
	return true;
}

bool
onnx_attr_string(struct ctx *c, const struct onnx_node *node, const char *name,
    struct str otherwise, struct str *ret)
{
	const struct onnx_attr *a;

	if (!attr_of_type(c, node, name, ONNX_ATTR_STRING, &a))
		return false;
	*ret = a == NULL ? otherwise : a->s;
	return true;
}

bool
onnx_attr_ints(struct ctx *c, const struct onnx_node *node, const char *name,
    const int64_t **ret, size_t *ret_n)
{
	const struct onnx_attr *a;

	if (!attr_of_type(c, node, name, ONNX_ATTR_INTS, &a))
		return false;
	*ret = a == NULL ? NULL : a->ints;
	*ret_n = a == NULL ? 0 : a->n;
	return true;
}
