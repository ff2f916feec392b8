/*
 * The reader: finds the format by the first bytes, holds the header's claims against what the
 * stream can possibly bring, then gives out rows.
 */
#include <stdio.h>

#include "parts.h"

#define PIECE (16 << 10)

struct data_reader {
	struct stream *stream;
	struct array array;
	struct data_shape shape;
	int64_t left; /* rows */
};

void
data_close(struct data_reader **r)
{
	if (*r == NULL)
		return;
	stream_free(&(*r)->stream);
	free(*r);
	*r = NULL;
}

/* ---- Which format ------------------------------------------------------------------------ */

MUST static bool
open_stream(struct ctx *c, const struct data_source *source, enum data_role role,
    struct str entry, struct stream **ret)
{
	uint8_t magic[4] = { 0 };
	size_t n = source->size < sizeof magic ? (size_t)source->size : sizeof magic;

	if (n > 0 && !source->read(c, source->arg, 0, magic, n))
		return false;
	if (magic[0] == 'P' && magic[1] == 'K')
		return stream_npz(c, source, role, entry, ret);
	if (magic[0] == 0x1f && magic[1] == 0x8b)
		return stream_gzip(c, source, ret);
	return stream_plain(c, source, ret);
}

MUST static bool
open_array(struct ctx *c, struct stream *s, struct array *ret)
{
	uint8_t magic[NPY_MAGIC];

	if (!stream_take(c, s, magic, IDX_MAGIC))
		return false;
	if (magic[0] == 0 && magic[1] == 0)
		return idx_header(c, s, magic, ret);
	if (!stream_take(c, s, magic + IDX_MAGIC, NPY_MAGIC - IDX_MAGIC))
		return false;
	if (memcmp(magic, "\x93NUMPY", NPY_MAGIC) == 0)
		return npy_header(c, s, ret);
	return fail(c, E_INPUT, "the data is neither NPY, NPZ nor IDX");
}

/* ---- What a header may claim ------------------------------------------------------------- */

MUST static bool
samples_shape(struct ctx *c, const struct array *a, struct data_shape *ret)
{
	if (a->element == ELEMENT_UINT8)
		ret->type = DATA_UINT8;
	else if (a->element == ELEMENT_FLOAT32 || a->element == ELEMENT_FLOAT64)
		ret->type = DATA_FLOAT;
	else
		return fail(c, E_INPUT, "samples are uint8 or float32, not %s",
		    element_name(a->element));
	if (a->rank < 2)
		return fail(c, E_INPUT,
		    "samples have at least two dimensions: is this a list "
		    "of labels?");
	return true;
}

MUST static bool
labels_shape(struct ctx *c, const struct array *a, struct data_shape *ret)
{
	ret->type = DATA_INT64;
	if (a->element == ELEMENT_FLOAT32 || a->element == ELEMENT_FLOAT64)
		return fail(
		    c, E_INPUT, "labels are whole numbers, not %s", element_name(a->element));
	if (a->rank < 1 || a->rank > 2)
		return fail(c, E_INPUT,
		    "labels are one number or one row a sample, not an array of %d dimensions",
		    a->rank);
	return true;
}

/* The size that the dimensions claim has to be there before anything is allocated by it. */
MUST static bool
size_check(struct ctx *c, const struct array *a, uint64_t left, struct data_shape *ret)
{
	uint64_t bytes = element_size(a->element);
	int64_t row = 1;
	bool over = false;

	for (int i = 0; i < a->rank; i++) {
		if (a->dim[i] < 1)
			return fail(c, E_INPUT, "dimension %d of the data is %lld", i + 1,
			    (long long)a->dim[i]);
		over |= __builtin_mul_overflow(bytes, (uint64_t)a->dim[i], &bytes);
		if (i > 0)
			over |= __builtin_mul_overflow(row, a->dim[i], &row);
		ret->dim[i] = a->dim[i];
	}
	if (over || bytes > left)
		return fail(c, E_INPUT,
		    "the data claims more elements than its file can possibly hold");
	if (a->dim[0] > DATA_ROWS_MAX)
		return fail(c, E_LIMIT, "more than %lld samples", (long long)DATA_ROWS_MAX);
	ret->rank = a->rank;
	ret->row = row;
	return true;
}

bool
data_open(struct ctx *c, const struct data_source *source, enum data_role role,
    struct str entry, struct data_reader **ret)
{
	owned(data_close) struct data_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (!open_stream(c, source, role, entry, &r->stream) ||
	    !open_array(c, r->stream, &r->array))
		return false;
	if (role == DATA_SAMPLES ? !samples_shape(c, &r->array, &r->shape)
				 : !labels_shape(c, &r->array, &r->shape))
		return false;
	if (!size_check(c, &r->array, r->stream->left, &r->shape))
		return false;
	r->left = r->shape.dim[0];
	*ret = steal(r);
	return true;
}

const struct data_shape *
data_shape(const struct data_reader *r)
{
	return &r->shape;
}

/* ---- Rows -------------------------------------------------------------------------------- */

MUST static bool
take_converted(struct ctx *c, struct data_reader *r, size_t n, char *to)
{
	size_t from = element_size(r->array.element), size = data_type_size(r->shape.type);
	uint8_t piece[PIECE];

	while (n > 0) {
		size_t some = n < PIECE / from ? n : PIECE / from;

		if (!stream_take(c, r->stream, piece, some * from) ||
		    !elements_convert(c, &r->array, r->shape.type, piece, some, to))
			return false;
		to += some * size;
		n -= some;
	}
	return true;
}

bool
data_next(struct ctx *c, struct data_reader *r, int64_t n, void *to)
{
	size_t elements = (size_t)n * (size_t)r->shape.row;

	if (n < 0 || n > r->left)
		return fail(c, E_INTERNAL, "%lld rows are left, not %lld", (long long)r->left,
		    (long long)n);
	if (elements_same(&r->array, r->shape.type)) {
		if (!stream_take(c, r->stream, to, elements * data_type_size(r->shape.type)))
			return false;
	} else if (!take_converted(c, r, elements, to)) {
		return false;
	}
	if (r->shape.type == DATA_FLOAT && !elements_finite(c, to, elements))
		return false;
	r->left -= n;
	return r->left > 0 || n == 0 || stream_end(c, r->stream);
}
