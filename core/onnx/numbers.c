/*
 * Numbers of ours on their way into a file, as raw data of whatever type the file wants.
 */
#include "parts.h"

static bool
is_float(enum onnx_type type)
{
	return type == ONNX_FLOAT || type == ONNX_DOUBLE || type == ONNX_FLOAT16 ||
	    type == ONNX_BFLOAT16;
}

bool
numbers_fit(struct ctx *c, const struct onnx_new_tensor *numbers, size_t n, enum onnx_type type)
{
	if ((numbers->f == NULL) == (numbers->i == NULL))
		return fail(c, E_INTERNAL, "'%s' must have either floats or integers",
		    shown(numbers->name).s);
	if (is_float(type))
		return true;
	if (numbers->f != NULL)
		return fail(c, E_INPUT, "'%s' is %s: floats cannot replace it",
		    shown(numbers->name).s, onnx_type_name(type));
	for (size_t i = 0; i < n; i++)
		if (!int_fits(type, numbers->i[i]))
			return fail(c, E_INPUT, "'%s': %lld is not a %s",
			    shown(numbers->name).s, (long long)numbers->i[i],
			    onnx_type_name(type));
	return true;
}

static void
float_raw(enum onnx_type type, double v, char *to)
{
	float f = (float)v;
	uint16_t h;

	if (type == ONNX_DOUBLE) {
		memcpy(to, &v, sizeof v);
	} else if (type == ONNX_FLOAT) {
		memcpy(to, &f, sizeof f);
	} else {
		h = type == ONNX_FLOAT16 ? half_of_float(f) : bfloat_of_float(f);
		memcpy(to, &h, sizeof h);
	}
}

void
numbers_raw(
    const struct onnx_new_tensor *numbers, enum onnx_type type, size_t from, size_t n, char *to)
{
	size_t size = onnx_type_size(type);

	if (type == ONNX_FLOAT && numbers->f != NULL) {
		memcpy(to, numbers->f + from, n * size);
		return;
	}
	for (size_t i = from; i < from + n; i++, to += size)
		if (!is_float(type))
			memcpy(to, &numbers->i[i], size); /* little-endian: the low bytes */
		else
			float_raw(type,
			    numbers->f != NULL ? numbers->f[i] : (double)numbers->i[i], to);
}

void
onnx_floats_put(enum onnx_type type, const float from[], size_t n, void *raw)
{
	size_t size = onnx_type_size(type);
	char *to = raw;

	if (type == ONNX_FLOAT) {
		memcpy(raw, from, n * sizeof from[0]);
		return;
	}
	for (size_t i = 0; i < n; i++, to += size)
		float_raw(type, (double)from[i], to);
}
