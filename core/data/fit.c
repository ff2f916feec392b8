/*
 * From the file's samples to a network's input: which dimension is which, and the numbers.
 * Images come with channels first or last, or without any; networks have them first.
 */
#include <stdio.h>

#include "parts.h"

/* ---- Shapes ------------------------------------------------------------------------------ */

static bool
agrees(int64_t have, int64_t want)
{
	return want < 0 || have == want;
}

/* Gray, colour, colour with transparency. */
static bool
usual_channels(int64_t n)
{
	return n == 1 || n == 3 || n == 4;
}

/* N,?,?,? for an input N,C,H,W. */
static bool
fit_image(const struct data_shape *s, const int64_t want[], enum data_order order,
    struct data_form *f)
{
	const int64_t *d = s->dim;
	bool first = agrees(d[1], want[1]) && agrees(d[2], want[2]) && agrees(d[3], want[3]);
	bool last = agrees(d[3], want[1]) && agrees(d[1], want[2]) && agrees(d[2], want[3]);

	first = first && order != DATA_CHANNELS_LAST;
	last = last && order != DATA_CHANNELS_FIRST;
	/* An input that is free in all three accepts both: the count of channels decides. */
	if (first && last)
		last = !usual_channels(d[1]) && usual_channels(d[3]);
	if (!first && !last)
		return false;
	f->channels_last = last;
	f->dim[0] = last ? d[3] : d[1];
	f->dim[1] = last ? d[1] : d[2];
	f->dim[2] = last ? d[2] : d[3];
	return true;
}

/* Dimension by dimension as it is, with a channel put in front where only that is missing. */
static bool
fit_plain(const struct data_shape *s, const int64_t want[], int rank, struct data_form *f)
{
	int from = 1;

	for (int i = 1; i < rank; i++) {
		int64_t have = i == 1 && s->rank == rank - 1 ? 1 : s->dim[from++];

		if (!agrees(have, want[i]))
			return false;
		f->dim[i - 1] = have;
	}
	return true;
}

static void
show(struct buf *b, const int64_t dim[], int rank)
{
	buf_put(b, STR("N"));
	for (int i = 1; i < rank; i++) {
		buf_put(b, STR(","));
		if (dim[i] < 0)
			buf_put(b, STR("?"));
		else
			buf_number(b, dim[i]);
	}
}

MUST static bool
no_fit(struct ctx *c, const struct data_shape *s, const int64_t want[], int rank)
{
	char have[96], wanted[96];
	struct buf h = BUF(have), w = BUF(wanted);

	show(&h, s->dim, s->rank);
	show(&w, want, rank < DATA_RANK_MAX ? rank : DATA_RANK_MAX);
	return fail(c, E_INPUT, "samples of shape %.*s do not fit the model's input %.*s",
	    STRF(buf_str(&h)), STRF(buf_str(&w)));
}

bool
data_fit(struct ctx *c, const struct data_shape *s, const int64_t want[], int rank,
    enum data_order order, bool raw, struct data_form *ret)
{
	struct data_form f = { .type = s->type, .rank = rank - 1, .count = s->row };
	bool ok;

	if (rank == 2 && (s->rank > 2 || agrees(s->dim[1], want[1]))) {
		f.dim[0] = s->row;
		ok = agrees(s->row, want[1]);
	} else if (rank == 4 && s->rank == 4) {
		ok = fit_image(s, want, order, &f);
	} else {
		ok = rank <= DATA_RANK_MAX && (s->rank == rank || s->rank == rank - 1) &&
		    s->rank >= 2 && fit_plain(s, want, rank, &f);
	}
	if (!ok || s->type == DATA_INT64)
		return no_fit(c, s, want, rank);
	/* Rounded once, as x / 255 is in float. */
	for (int i = 0; i < 256; i++)
		f.value[i] = raw ? (float)i : (float)i / 255.0f;
	*ret = f;
	return true;
}

/* ---- Numbers ----------------------------------------------------------------------------- */

static void
turn_bytes(
    const float value[256], const uint8_t *from, int64_t channels, int64_t points, float *to)
{
	for (int64_t k = 0; k < channels; k++)
		for (int64_t i = 0; i < points; i++)
			to[k * points + i] = value[from[i * channels + k]];
}

static void
turn_floats(const float *from, int64_t channels, int64_t points, float *to)
{
	for (int64_t k = 0; k < channels; k++)
		for (int64_t i = 0; i < points; i++)
			to[k * points + i] = from[i * channels + k];
}

void
data_floats(const struct data_form *f, const void *rows, int64_t n, float *to)
{
	int64_t channels = f->channels_last ? f->dim[0] : 1, points = f->count / channels;

	if (f->type == DATA_FLOAT && !f->channels_last) {
		memcpy(to, rows, (size_t)(n * f->count) * sizeof *to);
		return;
	}
	for (int64_t i = 0; i < n; i++, to += f->count) {
		if (f->type == DATA_FLOAT)
			turn_floats((const float *)rows + i * f->count, channels, points, to);
		else
			turn_bytes(f->value, (const uint8_t *)rows + i * f->count, channels,
			    points, to);
	}
}
