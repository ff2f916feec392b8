/*
 * Any bytes as a data set: NPY, NPZ and IDX, plain or under gzip, told apart by their first bytes.
 * What cannot be read must be refused with a sentence; what can be read must be the same in pieces
 * of any size, and fit a network or be refused by shape.
 */
#include "data.h"
#include "fuzz.h"

enum { SET_MAX = 4 << 20 };
const size_t target_memory = 1 << 20;

/* All inputs that a network may have. */
static void
fit(struct ctx *c, const struct data_samples *s)
{
	static const int64_t want[][4] = { { -1, -1 }, { -1, -1, -1 }, { -1, -1, -1, -1 } };
	const struct data_shape *shape = &s->shape;
	struct data_form f;

	for (int rank = 2; rank <= 4; rank++) {
		float *to;

		if (!data_fit(c, shape, want[rank - 2], rank, DATA_ORDER_AUTO, false, &f)) {
			refused(c);
			continue;
		}
		must(f.count == shape->row, "a form of another size", c);
		to = malloc((size_t)f.count * sizeof *to);
		must(to != NULL, "memory", c);
		data_floats(&f, data_sample(s, shape->dim[0] - 1), 1, to);
		free(to);
	}
}

/* Row by row, what was read at once must come again, the end included. */
static void
again(struct ctx *c, const struct data_source *source, const struct data_samples *s)
{
	size_t row = (size_t)s->shape.row * data_type_size(s->shape.type);
	owned(data_close) struct data_reader *r = NULL;
	char *one = malloc(row);

	must(one != NULL, "memory", c);
	must(data_open(c, source, DATA_SAMPLES, STR(""), &r), "not opened again", c);
	for (int64_t i = 0; i < s->shape.dim[0]; i++) {
		must(data_next(c, r, 1, one), "not read again", c);
		must(memcmp(one, data_sample(s, i), row) == 0, "another row", c);
	}
	free(one);
}

static void
samples(struct ctx *c, const struct data_source *source)
{
	owned(data_close) struct data_reader *r = NULL;
	owned(data_samples_done) struct data_samples s = { 0 };

	if (!data_open(c, source, DATA_SAMPLES, STR(""), &r) ||
	    !data_samples_load(c, r, SET_MAX, &s)) {
		refused(c);
		return;
	}
	fit(c, &s);
	if (s.shape.dim[0] < 1000)
		again(c, source, &s);
}

static void
labels(struct ctx *c, const struct data_source *source)
{
	owned(data_close) struct data_reader *r = NULL;
	owned(data_labels_done) struct data_labels l = { 0 };

	if (!data_open(c, source, DATA_LABELS, STR(""), &r) ||
	    !data_labels_load(c, r, 10, &l)) {
		refused(c);
		return;
	}
	for (int64_t i = 0; i < l.n; i++)
		must(l.v[i] >= 0 && l.v[i] < 10, "a label out of range", c);
}

void
target(struct ctx *c, struct str bytes)
{
	struct data_source source = data_source_bytes(&bytes);

	samples(c, &source);
	labels(c, &source);
}
