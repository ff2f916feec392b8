/*
 * Whole sets in memory: samples as they are in the file (a byte stays a byte), labels as class
 * numbers.
 */
#include "parts.h"

enum { ROWS_AT_ONCE = 4096 };

bool
data_samples_load(struct ctx *c, struct data_reader *r, size_t max, struct data_samples *ret)
{
	owned(data_samples_done) struct data_samples s = { .shape = *data_shape(r) };
	size_t row = (size_t)s.shape.row * data_type_size(s.shape.type), size;

	/* A row is known to fit: its file holds it. */
	if (__builtin_mul_overflow(row, (size_t)s.shape.dim[0], &size) || size > max)
		return fail(c, E_LIMIT, "the samples take more than %zu bytes", max);
	s.v = malloc(size);
	if (s.v == NULL)
		return fail(c, E_MEMORY, "no memory for %zu bytes of samples", size);
	if (!data_next(c, r, s.shape.dim[0], s.v))
		return false;
	*ret = s;
	s.v = NULL;
	return true;
}

const void *
data_sample(const struct data_samples *s, int64_t i)
{
	size_t row = (size_t)s->shape.row * data_type_size(s->shape.type);

	return (const char *)s->v + (size_t)i * row;
}

void
data_samples_done(struct data_samples *s)
{
	free(s->v);
	*s = (struct data_samples){ 0 };
}

MUST static bool
labels_check(struct ctx *c, const int64_t *v, int64_t n, int64_t first, int64_t classes)
{
	for (int64_t i = 0; i < n; i++)
		if (v[i] < 0 || v[i] >= classes)
			return fail(c, E_INPUT, "label %lld is %lld: the classes are 0 to %lld",
			    (long long)(first + i), (long long)v[i], (long long)classes - 1);
	return true;
}

bool
data_labels_load(struct ctx *c, struct data_reader *r, int64_t classes, struct data_labels *ret)
{
	owned(data_labels_done) struct data_labels l = {
		.n = data_shape(r)->dim[0], .classes = classes, .places = data_shape(r)->row
	};
	int64_t at_once = ROWS_AT_ONCE / l.places;
	int64_t some[ROWS_AT_ONCE];

	if (classes < 1 || classes > INT32_MAX)
		return fail(c, E_INPUT, "%lld classes", (long long)classes);
	if (at_once < 1)
		return fail(c, E_LIMIT, "more than %d labels a sample", ROWS_AT_ONCE);
	l.v = calloc((size_t)l.n, (size_t)l.places * sizeof *l.v);
	if (l.v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld labels", (long long)l.n);
	for (int64_t at = 0, n; at < l.n; at += n) {
		n = l.n - at < at_once ? l.n - at : at_once;
		if (!data_next(c, r, n, some) ||
		    !labels_check(c, some, n * l.places, at * l.places, classes))
			return false;
		for (int64_t i = 0; i < n * l.places; i++)
			l.v[at * l.places + i] = (int32_t)some[i];
	}
	*ret = l;
	l.v = NULL;
	return true;
}

int64_t
data_places(const struct data_labels *l)
{
	return l->places > 0 ? l->places : 1;
}

int32_t
data_label(const struct data_labels *l, int64_t i)
{
	int64_t places = data_places(l);
	int32_t most = l->v[i * places];

	for (int64_t k = 1; k < places; k++)
		most = l->v[i * places + k] > most ? l->v[i * places + k] : most;
	return most;
}

void
data_labels_done(struct data_labels *l)
{
	free(l->v);
	*l = (struct data_labels){ 0 };
}
