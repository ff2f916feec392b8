/*
 * Element types: one row each. ONNX stores elements either as raw bytes or in lists whose protobuf
 * type is wider than the element (float16 as int32, for one); the row says which list.
 */
#include "parts.h"

/* clang-format off */
static const struct {
	const char *name;
	size_t size;	/* 0: not supported */
	uint32_t field;
	enum pb_wire wire;
} types[] = {
	[0]             = { "undefined",  0, 0,              PB_VARINT  },
	[ONNX_FLOAT]    = { "float",      4, TENSOR_FLOATS,  PB_FIXED32 },
	[ONNX_UINT8]    = { "uint8",      1, TENSOR_INT32S,  PB_VARINT  },
	[ONNX_INT8]     = { "int8",       1, TENSOR_INT32S,  PB_VARINT  },
	[4]             = { "uint16",     0, 0,              PB_VARINT  },
	[5]             = { "int16",      0, 0,              PB_VARINT  },
	[ONNX_INT32]    = { "int32",      4, TENSOR_INT32S,  PB_VARINT  },
	[ONNX_INT64]    = { "int64",      8, TENSOR_INT64S,  PB_VARINT  },
	[8]             = { "string",     0, 0,              PB_VARINT  },
	[ONNX_BOOL]     = { "bool",       1, TENSOR_INT32S,  PB_VARINT  },
	[ONNX_FLOAT16]  = { "float16",    2, TENSOR_INT32S,  PB_VARINT  },
	[ONNX_DOUBLE]   = { "double",     8, TENSOR_DOUBLES, PB_FIXED64 },
	[12]            = { "uint32",     0, 0,              PB_VARINT  },
	[13]            = { "uint64",     0, 0,              PB_VARINT  },
	[14]            = { "complex64",  0, 0,              PB_VARINT  },
	[15]            = { "complex128", 0, 0,              PB_VARINT  },
	[ONNX_BFLOAT16] = { "bfloat16",   2, TENSOR_INT32S,  PB_VARINT  },
};
/* clang-format on */

size_t
onnx_type_size(enum onnx_type type)
{
	return (size_t)type < COUNT(types) ? types[type].size : 0;
}

const char *
onnx_type_name(int64_t type)
{
	return type >= 0 && type < (int64_t)COUNT(types) ? types[type].name : "unknown";
}

bool
type_known(int64_t type, enum onnx_type *ret)
{
	if (type < 0 || type >= (int64_t)COUNT(types) || types[type].size == 0)
		return false;
	*ret = (enum onnx_type)type;
	return true;
}

bool
type_check(struct ctx *c, int64_t type, enum onnx_type *ret)
{
	if (!type_known(type, ret))
		return fail(c, E_INPUT, "the element type %s (%lld) is not supported",
		    onnx_type_name(type), (long long)type);
	return true;
}

uint32_t
type_field(enum onnx_type type, enum pb_wire *ret)
{
	*ret = types[type].wire;
	return types[type].field;
}

/* ---- Short floats ------------------------------------------------------------------------ */

static float
float_of_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

static uint32_t
bits_of_float(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return bits;
}

float
bfloat_to_float(uint16_t b)
{
	return float_of_bits((uint32_t)b << 16);
}

uint16_t
bfloat_of_float(float f)
{
	uint32_t bits = bits_of_float(f);

	if ((bits & 0x7fffffff) > 0x7f800000) /* not a number: stays one */
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Sign, 5 bits of exponent (bias 15), 10 of mantissa. */
float
half_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f;
	uint32_t mantissa = h & 0x3ff;

	if (exponent == 0x1f)
		return float_of_bits(sign | 0x7f800000 | mantissa << 13);
	if (exponent == 0) {
		float f = (float)mantissa * 0x1p-24F; /* zero or subnormal */

		return sign != 0 ? -f : f;
	}
	return float_of_bits(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

uint16_t
half_of_float(float f)
{
	uint32_t bits = bits_of_float(f), magnitude = bits & 0x7fffffff;
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);

	if (magnitude > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
	if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
		return sign | 0x7c00;
	if (magnitude < 0x38800000) {
		/* Below 2^-14: adding 1/2 leaves units of 2^-24 in the mantissa, rounded. */
		float shifted = float_of_bits(magnitude) + 0.5F;

		return (uint16_t)(sign | (bits_of_float(shifted) - bits_of_float(0.5F)));
	}
	magnitude += 0xfff + (magnitude >> 13 & 1);
	return (uint16_t)(sign | (magnitude - ((127 - 15) << 23)) >> 13);
}
