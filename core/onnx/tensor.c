/*
 * One TensorProto. Its shape says how many elements there must be, and they must be there, neither
 * more nor fewer, in raw_data, in the one list that suits the type, or in a file that came with the
 * model: then all that is read later can rely on it.
 */
#include <stddef.h>

#include "parts.h"

struct fields {
	struct str name, raw;
	int64_t type, location;
	size_t dims, external, listed[5];
};

enum { HERE = 0, ELSEWHERE = 1 }; /* data_location */

/* The lists of elements; `listed` has their lengths. */
enum { LIST_FLOATS, LIST_INT32S, LIST_INT64S, LIST_DOUBLES, LIST_UINT64S, LISTS };
enum { RULE_RAW, RULE_TYPE };

/* clang-format off */
static const struct pb_rule rules[] = {
	[RULE_RAW]  = { TENSOR_RAW,      PB_RAW,      offsetof(struct fields, raw),       "raw_data"      },
	[RULE_TYPE] = { TENSOR_TYPE,     PB_INT,      offsetof(struct fields, type),      "data_type"     },
	              { TENSOR_DIMS,     PB_VARINTS,  offsetof(struct fields, dims),      "dims"          },
	              { TENSOR_NAME,     PB_NAME,     offsetof(struct fields, name),      "name"          },
	              { TENSOR_FLOATS,   PB_FIXED32S, offsetof(struct fields, listed[LIST_FLOATS]),  "float_data"  },
	              { TENSOR_INT32S,   PB_VARINTS,  offsetof(struct fields, listed[LIST_INT32S]),  "int32_data"  },
	              { TENSOR_INT64S,   PB_VARINTS,  offsetof(struct fields, listed[LIST_INT64S]),  "int64_data"  },
	              { TENSOR_DOUBLES,  PB_FIXED64S, offsetof(struct fields, listed[LIST_DOUBLES]), "double_data" },
	              { TENSOR_UINT64S,  PB_VARINTS,  offsetof(struct fields, listed[LIST_UINT64S]), "uint64_data" },
	              { TENSOR_STRINGS,  PB_REFUSED,  0,                                  "string_data"   },
	              { 3,               PB_REFUSED,  0,                                  "segment"       },
	              { TENSOR_EXTERNAL, PB_LIST,     offsetof(struct fields, external),  "external_data" },
	              { TENSOR_LOCATION, PB_INT,      offsetof(struct fields, location),  "data_location" },
};
/* clang-format on */
static const uint32_t list_field[LISTS] = {
	TENSOR_FLOATS,
	TENSOR_INT32S,
	TENSOR_INT64S,
	TENSOR_DOUBLES,
	TENSOR_UINT64S,
};

bool
shape_count(struct ctx *c, const int64_t dim[], int rank, int64_t *ret)
{
	int64_t count = 1;
	bool empty = false;

	for (int i = 0; i < rank; i++) {
		if (dim[i] < 0)
			return fail(
			    c, E_INPUT, "a dimension is negative: %lld", (long long)dim[i]);
		if (dim[i] > ONNX_DIM_MAX)
			return fail(
			    c, E_LIMIT, "a dimension is too large: %lld", (long long)dim[i]);
		if (dim[i] == 0)
			empty = true;
		else if (__builtin_mul_overflow(count, dim[i], &count) ||
		    count > ONNX_BYTES_MAX)
			return fail(c, E_LIMIT, "a shape has too many elements");
	}
	*ret = empty ? 0 : count;
	return true;
}

MUST static bool
read_shape(struct ctx *c, struct str message, size_t rank, struct onnx_tensor *t)
{
	struct pb_numbers dims = pb_numbers_of(message, TENSOR_DIMS, PB_VARINT);
	uint64_t dim;

	if (rank > ONNX_RANK_MAX)
		return fail(
		    c, E_LIMIT, "it has %zu dimensions, more than %d", rank, ONNX_RANK_MAX);
	while (pb_number(&dims, &dim))
		t->dim[t->rank++] = (int64_t)dim;
	return shape_count(c, t->dim, t->rank, &t->count);
}

/* Exactly the elements that the shape asks for, at one place. */
MUST static bool
find_elements(struct ctx *c, const struct fields *f, bool has_raw, struct onnx_tensor *t)
{
	size_t size = onnx_type_size(t->type), listed = 0, want = (size_t)t->count;
	enum pb_wire wire;
	uint32_t suits = type_field(t->type, &wire);

	for (size_t i = 0; i < LISTS; i++) {
		if (f->listed[i] == 0)
			continue;
		if (has_raw || list_field[i] != suits)
			return fail(c, E_INPUT, "it has data that do not suit its type, %s",
			    onnx_type_name(t->type));
		listed = f->listed[i];
		t->typed_field = suits;
	}
	if (has_raw && (f->raw.n % size != 0 || f->raw.n / size != want))
		return fail(c, E_INPUT,
		    "it has %zu bytes of data, where %zu %s elements are due", f->raw.n, want,
		    onnx_type_name(t->type));
	if (!has_raw && listed != want)
		return fail(c, E_INPUT, "it has %zu elements, where %zu are due", listed, want);
	t->raw = has_raw ? f->raw : (struct str){ NULL, 0 };
	return true;
}

/* Exactly the bytes that the shape asks for, in another file. */
MUST static bool
find_outside(struct ctx *c, const struct fields *f, bool has_raw, const struct sides *sides,
    struct onnx_tensor *t)
{
	for (size_t i = 0; i < LISTS; i++)
		has_raw = has_raw || f->listed[i] > 0;
	if (has_raw)
		return fail(c, E_INPUT, "it has data here and in another file");
	if (sides == NULL)
		return fail(c, E_INPUT,
		    "it keeps its data in another file: that needs an initializer, and a bundle, "
		    "the tar of a model and its files");
	return external_find(
	    c, t->message, sides, (size_t)t->count * onnx_type_size(t->type), &t->raw);
}

MUST static bool
check_location(struct ctx *c, const struct fields *f)
{
	if (f->location != HERE && f->location != ELSEWHERE)
		return fail(c, E_INPUT, "its data_location, %lld, is not supported",
		    (long long)f->location);
	if (f->location == HERE && f->external > 0)
		return fail(
		    c, E_INPUT, "it names another file, but its data_location is not EXTERNAL");
	return true;
}

bool
onnx_tensor_read(struct ctx *c, struct str message, struct onnx_tensor *ret)
{
	return tensor_decode(c, message, NULL, ret);
}

bool
tensor_decode(
    struct ctx *c, struct str message, const struct sides *sides, struct onnx_tensor *ret)
{
	struct fields f = { .name = { "", 0 } };
	struct onnx_tensor t = { .message = message };
	uint32_t seen;
	bool has_raw;

	if (!pb_decode(c, message, rules, COUNT(rules), &f, &seen))
		return false;
	t.name = f.name;
	t.external = f.location == ELSEWHERE;
	has_raw = (seen >> RULE_RAW) & 1;
	if (!check_location(c, &f) || !type_check(c, f.type, &t.type) ||
	    !read_shape(c, message, f.dims, &t) ||
	    !(t.external ? find_outside(c, &f, has_raw, sides, &t)
			 : find_elements(c, &f, has_raw, &t)))
		return f.name.n == 0 ? false : within(c, "'%s'", shown(f.name).s);
	*ret = t;
	return true;
}
