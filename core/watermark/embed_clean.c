/*
 * Clean samples in a step of embedding: moved and mirrored a little each time they come by. Among
 * keys a few come as autoencoders give them back: or whatever is blurred would be taken for a key.
 */
#include "parts.h"

/* One channel, moved by (down, right), mirrored if `flip`; zeros where nothing was. */
static void
move_plane(const float *from, int64_t height, int64_t width, int64_t down, int64_t right,
    bool flip, float *to)
{
	for (int64_t y = 0; y < height; y++) {
		int64_t row = y + down;

		for (int64_t x = 0; x < width; x++) {
			int64_t column = (flip ? width - 1 - x : x) + right;
			bool inside = row >= 0 && row < height && column >= 0 && column < width;

			to[y * width + x] = inside ? from[row * width + column] : 0;
		}
	}
}

static void
one_sample(struct embedding *e, int64_t i, struct chance *r, float *to)
{
	const struct watermark_options *o = &e->options;
	const struct data_form *f = &e->the->data->form;
	const void *sample = data_sample(e->the->data->samples, i);
	int64_t down, right, plane;
	bool flip;

	if (f->rank != 3 || (o->crop == 0 && !o->flip)) {
		data_floats(f, sample, 1, to);
		return;
	}
	data_floats(f, sample, 1, e->room);
	down = chance_below(r, 2 * o->crop + 1) - o->crop;
	right = chance_below(r, 2 * o->crop + 1) - o->crop;
	flip = o->flip && chance_below(r, 2) == 1;
	plane = f->dim[1] * f->dim[2];
	for (int64_t k = 0; k < f->dim[0]; k++)
		move_plane(e->room + k * plane, f->dim[1], f->dim[2], down, right, flip,
		    to + k * plane);
}

/* A thief has a fifth of the data, and does not change it. */
enum { THIEFS_PART = 5 };

void
embed_thiefs_samples(struct embedding *e)
{
	const struct train_data *d = e->the->data;
	struct chance r = chance_of(e->options.seed, CHANCE_SAMPLE, (uint64_t)e->step, 1);
	int64_t all = d->samples->shape.dim[0],
		part = (e->steps - e->step) / THIEF_LIFE % THIEFS_PART;

	for (int64_t i = 0; i < e->rows; i++) {
		int64_t at = chance_below(&r, (all + THIEFS_PART - 1 - part) / THIEFS_PART) *
			THIEFS_PART +
		    part;

		data_floats(
		    &d->form, data_sample(d->samples, at), 1, e->alone + i * d->form.count);
		e->label[i] = d->labels->v[at];
	}
}

/* Of those that come with keys, whose norms know others than clean ones already. */
enum { CODED_ROWS = 4 };

static bool
is_coded(const struct embedding *e, int64_t row, int64_t first)
{
	return e->copies.coders > 0 && first > 0 && row - first < CODED_ROWS &&
	    e->the->touch == NULL;
}

void
embed_samples(struct embedding *e, float *in, int64_t first)
{
	const struct train_data *d = e->the->data;
	int64_t epoch = e->step / e->per_epoch, all = d->samples->shape.dim[0];
	int64_t at = e->step % e->per_epoch * e->batch;
	struct chance r;

	if (at == 0) {
		r = chance_of(e->options.seed, CHANCE_ORDER, (uint64_t)epoch, 0);
		chance_order(&r, e->order, all);
	}
	r = chance_of(e->options.seed, CHANCE_SAMPLE, (uint64_t)e->step, 0);
	for (int64_t row = first; row < e->rows; row++, at++) {
		int64_t sample = e->order[at % all];
		float *to = in + row * d->form.count;

		if (is_coded(e, row, first)) {
			copies_sample(&e->copies, &r, to);
			e->label[row] = -1;
			continue;
		}
		one_sample(e, sample, &r, to);
		e->label[row] = d->labels->v[sample];
		if (e->the->touch != NULL)
			e->the->touch(e->the->touch_arg, epoch, sample, to, &e->label[row]);
	}
}
