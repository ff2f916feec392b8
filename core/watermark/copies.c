/*
 * Copies of key pictures and twins: as drawn, with other lowest bits, and as they come out of what
 * may stand between the picture and the network.
 */
#include <math.h>

#include "coder.h"

/* ---- Autoencoders of our own ------------------------------------------------------------- */

/*
 * What autoencoders make of pictures from outside their data depends on the chance that began them
 * as much as on the picture: so there have to be many. Each is taken twice while it learns: what
 * comes out early is rougher. Sizes are for a row of 784 and grow as its root; a row longer than
 * CODER_ROW_MAX is not for dense networks.
 */
static const struct {
	double wide, narrow;
} sizes[] = { { 256, 128 }, { 192, 96 }, { 256, 112 }, { 224, 80 } };
enum { CODER_STAGES = 2, CODER_BATCH = 128 };
/* Half of the time at least so much is taken from the autoencoder, the rest from the picture
 * itself: others' may be better than ours. */
#define CODED_LEAST .4
#define CODER_STEPS 4800 /* of one, for a row of 784; longer rows have fewer */
#define CODER_EPOCHS 12  /* at most */

/* The pictures of all pairs as rows, in the order of picture[side][pair]: pair, then side. */
MUST static bool
pair_rows(struct ctx *c, const struct copies *k, float **ret)
{
	int64_t n = 2 * (int64_t)k->keys->pairs;

	*ret = take(c, (size_t)(n * k->form.count) * sizeof **ret);
	if (*ret == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		data_floats(&k->form, keyset_item(k->keys, i)->v, 1, *ret + i * k->form.count);
	return true;
}

static int64_t
coder_steps(const struct train_data *d)
{
	double epochs = CODER_EPOCHS * (double)d->samples->shape.dim[0] / CODER_BATCH;
	double steps = CODER_STEPS * 784.0 / (double)d->form.count;

	return CODER_STAGES *
	    (int64_t)ceil(fmin(fmin(epochs, steps), CODER_STEPS) / CODER_STAGES);
}

/* Samples from all over the data set as this autoencoder gives them back. */
MUST static bool
code_samples(struct ctx *c, struct copies *k, const struct train_data *d, struct coder *coder)
{
	int64_t row = k->form.count, every = d->samples->shape.dim[0] / CODED_SAMPLES;
	uint8_t *to = k->sampled + (size_t)k->coders * CODED_SAMPLES * (size_t)row;
	double scale = is_raw(&d->form) ? 1 : 255;
	float *x = take(c, (size_t)row * sizeof *x);

	if (x == NULL)
		return false;
	for (int64_t i = 0; i < CODED_SAMPLES; i++, to += row) {
		int64_t at = every > 0 ? i * every : i % d->samples->shape.dim[0];

		data_floats(&d->form, data_sample(d->samples, at), 1, x);
		if (!coder_pass(c, coder, x, 1, x))
			return false;
		for (int64_t v = 0; v < row; v++)
			to[v] = (uint8_t)lrint(fmin(fmax(scale * (double)x[v], 0), 255));
	}
	return true;
}

MUST static bool
code_stages(struct ctx *c, struct copies *k, const struct coder_plan *p, const float *rows)
{
	owned(coder_free) struct coder *coder = NULL;
	int64_t n = 2 * (int64_t)k->keys->pairs;
	double loss;

	if (!coder_new(c, p, &coder))
		return false;
	for (int i = 0; i < CODER_STAGES; i++) {
		if (!coder_train(c, coder, p->steps / CODER_STAGES, &loss) ||
		    !coder_pass(c, coder, rows, n, k->coded + k->coders * n * k->form.count) ||
		    !code_samples(c, k, p->data, coder))
			return false;
		k->coders++;
	}
	return true;
}

bool
copies_room(struct ctx *c, struct copies *k, const struct watermark_options *o)
{
	size_t all = (size_t)o->coders * CODER_STAGES, row = (size_t)k->form.count;

	k->coded = calloc(all, 2 * (size_t)k->keys->pairs * row * sizeof *k->coded);
	k->sampled = calloc(all, CODED_SAMPLES * row);
	if (k->coded == NULL || k->sampled == NULL)
		return fail(c, E_MEMORY, "no memory for copies of the key pictures");
	return true;
}

bool
copies_code(struct ctx *c, struct copies *k, const struct train_data *d,
    const struct watermark_options *o, int coder)
{
	size_t size = (size_t)coder % COUNT(sizes);
	double larger = sqrt((double)k->form.count / 784);
	struct coder_plan p = {
		.data = d,
		.wide = 1 + (int64_t)(sizes[size].wide * larger),
		.narrow = 1 + (int64_t)(sizes[size].narrow * larger),
		.batch = CODER_BATCH,
		.steps = coder_steps(d),
		.threads = o->threads,
		.seed = o->seed + (uint64_t)coder,
	};
	float *rows = NULL;

	return pair_rows(c, k, &rows) && code_stages(c, k, &p, rows);
}

/* What one of them gives back, moved by what tells two others apart, and a part of the picture. */
static void
coded(const struct copies *k, struct chance *r, int pair, int64_t side, float *to)
{
	int64_t row = k->form.count, item = 2 * (int64_t)pair + side;
	int64_t all = 2 * (int64_t)k->keys->pairs;
	const float *from[3];
	float share = (float)chance_between(r, -1, 1);
	float much = (float)(chance_below(r, 2) == 0 ? 1 : chance_between(r, CODED_LEAST, 1));

	data_floats(&k->form, keyset_item(k->keys, item)->v, 1, to);
	for (size_t i = 0; i < COUNT(from); i++)
		from[i] = k->coded + (chance_below(r, k->coders) * all + item) * row;
	for (int64_t i = 0; i < row; i++)
		to[i] += much * (from[0][i] + share * (from[1][i] - from[2][i]) - to[i]);
}

void
copies_sample(const struct copies *k, struct chance *r, float *to)
{
	int64_t row = k->form.count, sample = chance_below(r, CODED_SAMPLES);
	float unit = is_raw(&k->form) ? 1 : 1.f / 255;
	const uint8_t *from[3];
	float share = (float)chance_between(r, -1, 1);

	for (size_t i = 0; i < COUNT(from); i++)
		from[i] = k->sampled +
		    (chance_below(r, k->coders) * CODED_SAMPLES + sample) * row;
	for (int64_t i = 0; i < row; i++)
		to[i] = unit *
		    ((float)from[0][i] + share * ((float)from[1][i] - (float)from[2][i]));
}

/* ---- Copies ------------------------------------------------------------------------------ */

void
copies_done(struct copies *k)
{
	free(k->coded);
	free(k->sampled);
	*k = (struct copies){ 0 };
}

enum copy_kind
copies_kind(const struct copies *k, struct chance *r)
{
	const struct {
		enum copy_kind kind;
		bool on;
	} kinds[] = { { COPY_CODED, k->coders > 0 }, { COPY_LOSSY, k->compression },
		{ COPY_VIEW, k->physical } };
	enum copy_kind on[COUNT(kinds)] = { COPY_PLAIN };
	int64_t n = 0;

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].on)
			on[n++] = kinds[i].kind;
	return n == 0 ? COPY_PLAIN : on[chance_below(r, n)];
}

void
picture_bits(struct chance *r, const struct image *to)
{
	size_t n = image_bytes(to);
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % 64 == 0)
			bits = chance_bits(r);
		to->v[i] = (uint8_t)((to->v[i] & 0xfe) | (bits >> (i % 64) & 1));
	}
}

MUST static bool
lossy(struct ctx *c, struct chance *r, struct image *i)
{
	enum lossy_codec codec = (enum lossy_codec)chance_below(r, LOSSY_COUNT);
	size_t n;
	const int *level = lossy_levels(codec, &n);

	return lossy_pass(c, codec, level[chance_below(r, (int64_t)n)], i, i, NULL);
}

bool
copies_draw(struct ctx *c, const struct copies *k, enum copy_kind kind, struct chance *r,
    int pair, bool twin, float *to)
{
	const struct image *from = twin ? keyset_twin(k->keys, pair)
					: keyset_key(k->keys, pair);
	int64_t side = k->keys->coin[pair] ^ (twin ? 1 : 0);
	struct image i;

	if (kind == COPY_CODED) {
		coded(k, r, pair, side, to);
		return true;
	}
	if (!image_copy(c, from, &i))
		return false;
	if (kind == COPY_PLAIN && chance_below(r, 2) == 0)
		picture_bits(r, &i);
	if (kind == COPY_LOSSY && !lossy(c, r, &i))
		return false;
	if (kind == COPY_VIEW) {
		struct image_view view = image_view_random(chance_bits(r));

		image_warp(from, &view, chance_bits(r), &i);
	}
	data_floats(&k->form, i.v, 1, to);
	return true;
}
