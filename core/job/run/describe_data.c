/*
 * What a data set is: every sample and every label is read once, in bounded memory, so that a
 * checksum that fails at the end, a NaN in the middle or a label too many is known before a job
 * needs the set.
 */
#include <float.h>
#include <stdio.h>

#include "describe.h"

enum { ROWS_BYTES = 16 << 20, ROWS_MAX = 4096, CLASSES_MAX = 1 << 20, CLASSES_SHOWN = 4096 };

struct counted {
	double smallest, largest;
	int64_t *of_class; /* CLASSES_MAX; NULL: there are no labels */
	int64_t classes;   /* the largest label and one */
};

static void
counted_done(struct counted *n)
{
	free(n->of_class);
}

/* ---- Samples ----------------------------------------------------------------------------- */

static void
bytes_look(const uint8_t *v, size_t n, struct counted *to)
{
	uint8_t low = v[0], high = v[0];

	for (size_t i = 1; i < n; i++) {
		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
	}
	to->smallest = low < to->smallest ? low : to->smallest;
	to->largest = high > to->largest ? high : to->largest;
}

static void
floats_look(const float *v, size_t n, struct counted *to)
{
	float low = v[0], high = v[0];

	for (size_t i = 1; i < n; i++) {
		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
	}
	to->smallest = (double)low < to->smallest ? (double)low : to->smallest;
	to->largest = (double)high > to->largest ? (double)high : to->largest;
}

MUST static bool
samples_look(
    struct ctx *c, const struct job_run *r, struct data_reader *reader, struct counted *to)
{
	const struct data_shape *shape = data_shape(reader);
	size_t row = (size_t)shape->row * data_type_size(shape->type);
	int64_t total = shape->dim[0], at_once = (int64_t)(ROWS_BYTES / row);
	char *rows;
	bool ok = true;

	at_once = at_once < 1 ? 1 : at_once > ROWS_MAX ? ROWS_MAX : at_once;
	rows = malloc((size_t)at_once * row);
	if (rows == NULL)
		return fail(c, E_MEMORY, "no memory for samples of %zu bytes each", row);
	for (int64_t at = 0, n; ok && at < total; at += n) {
		size_t elements;

		n = total - at < at_once ? total - at : at_once;
		elements = (size_t)n * (size_t)shape->row;
		ok = data_next(c, reader, n, rows);
		if (ok && shape->type == DATA_UINT8)
			bytes_look((const uint8_t *)rows, elements, to);
		else if (ok)
			floats_look((const float *)(void *)rows, elements, to);
		if (ok)
			r->progress(r->arg, at + n, total, STR("looking at the samples"));
	}
	free(rows);
	return ok;
}

/* ---- Labels ------------------------------------------------------------------------------ */

MUST static bool
labels_count(struct ctx *c, struct data_reader *reader, struct counted *to)
{
	int64_t row = data_shape(reader)->row, total = data_shape(reader)->dim[0];
	int64_t some[ROWS_MAX], at_once = ROWS_MAX / row;

	if (at_once < 1)
		return fail(c, E_LIMIT, "more than %d labels a sample", ROWS_MAX);
	for (int64_t at = 0, n; at < total; at += n) {
		n = total - at < at_once ? total - at : at_once;
		if (!data_next(c, reader, n, some))
			return false;
		for (int64_t i = 0; i < n * row; i++) {
			if (some[i] < 0 || some[i] >= CLASSES_MAX)
				return fail(c, E_INPUT,
				    "label %lld is %lld: classes are numbered from 0, and are "
				    "fewer than %d",
				    (long long)(at * row + i), (long long)some[i], CLASSES_MAX);
			to->of_class[some[i]]++;
			if (some[i] >= to->classes)
				to->classes = some[i] + 1;
		}
	}
	return true;
}

/* The labels of a file of their own, or, if they are there, of the samples' archive. */
MUST static bool
labels_look(struct ctx *c, const struct job_run *r, int64_t samples, struct counted *to)
{
	const struct describe *p = r->params;
	owned(job_data_done) struct job_data d = { 0 };
	bool apart = job_has_input(r, DESCRIBE_LABELS);
	int64_t n;

	if (!job_data_open(c, r, apart ? DESCRIBE_LABELS : DESCRIBE_SAMPLES, DATA_LABELS,
		p->labels_entry, &d)) {
		if (apart || p->labels_entry.n > 0 || c->err.code != E_INPUT)
			return false;
		c->err = (struct err){ 0 };
		return true;
	}
	n = data_shape(d.reader)->dim[0];
	if (n != samples)
		return fail(c, E_INPUT, "%lld samples, but %lld labels", (long long)samples,
		    (long long)n);
	to->of_class = calloc(CLASSES_MAX, sizeof *to->of_class);
	if (to->of_class == NULL)
		return fail(c, E_MEMORY, "no memory to count classes");
	return labels_count(c, d.reader, to);
}

/* ---- All of it --------------------------------------------------------------------------- */

static void
labels_put(struct js *j, const struct counted *n)
{
	js_bool(j, "labels", n->of_class != NULL);
	if (n->of_class == NULL) {
		js_null(j, "classes");
		js_null(j, "of_class");
		return;
	}
	js_number(j, "classes", n->classes);
	if (n->classes > CLASSES_SHOWN) {
		js_null(j, "of_class");
		return;
	}
	js_open(j, "of_class", '[');
	for (int64_t i = 0; i < n->classes; i++)
		js_number(j, NULL, n->of_class[i]);
	js_close(j, ']');
}

bool
describe_data(struct ctx *c, const struct job_run *r, struct js *j)
{
	const struct describe *p = r->params;
	owned(counted_done) struct counted n = { .smallest = DBL_MAX, .largest = -DBL_MAX };
	owned(job_data_done) struct job_data d = { 0 };
	const struct data_shape *shape;

	if (!job_data_open(c, r, DESCRIBE_SAMPLES, DATA_SAMPLES, p->samples_entry, &d))
		return false;
	shape = data_shape(d.reader);
	/* Labels first: they are few, and say soonest what is wrong. */
	if (!labels_look(c, r, shape->dim[0], &n) || !samples_look(c, r, d.reader, &n))
		return false;
	js_number(j, "samples", shape->dim[0]);
	js_open(j, "shape", '[');
	for (int i = 1; i < shape->rank; i++)
		js_number(j, NULL, shape->dim[i]);
	js_close(j, ']');
	js_text(j, "type", shape->type == DATA_UINT8 ? STR("uint8") : STR("float32"));
	labels_put(j, &n);
	js_real(j, "smallest", n.smallest);
	js_real(j, "largest", n.largest);
	return true;
}
