/*
 * Extraction: the thief asks the stolen model and trains another one on its answers, from new
 * weights. Nothing of the file is left then but what the answers told. Marks in weights die; the
 * question is what of the behaviour comes along, and at how much accuracy.
 */
#include <math.h>

#include "image.h"
#include "learn.h"

#define NEW_RATE .05 /* of a network that begins anew */
enum { EPOCHS = 60, SPLITS = 3, WIDE = 256, NARROW = 128, FEW = 64 };
#define SPLIT_SHARE (1. / SPLITS)
#define PICTURE_MEMORY ((size_t)256 << 20)
#define FOREIGN_BYTES ((int64_t)64 << 20)

enum use { USE_BEGIN, USE_FOREIGN };

/* ---- What the suspect says --------------------------------------------------------------- */

bool
redteam_predict(struct ctx *c, struct redteam *r, struct redteam_suspect *s,
    const struct train_data *d, int64_t n, float **ret, int64_t *ret_outputs)
{
	owned(redteam_rows_done) struct redteam_rows rows = { 0 };
	owned(redteam_floats_free) float *x = NULL, *out = NULL;

	if (!redteam_rows_new(c, s->graph, &d->form, false, r->the.threads, &rows) ||
	    !redteam_floats(c, rows.batch * d->form.count, &x) ||
	    !redteam_floats(c, n * rows.outputs, &out))
		return false;
	for (int64_t at = 0, some; at < n; at += some) {
		some = n - at < rows.batch ? n - at : rows.batch;
		data_floats(&d->form, data_sample(d->samples, at), some, x);
		if (!redteam_rows_ask(c, &rows, x, some, out + at * rows.outputs))
			return false;
	}
	*ret = steal(out);
	*ret_outputs = rows.outputs;
	return true;
}

/* The likeliest class alone, in place of all that was said. */
static void
make_hard(const struct loss *l, float *row, int64_t outputs)
{
	int64_t best = loss_answer(l, row, outputs);
	bool each = loss_places(l, outputs) > 1;

	for (int64_t k = 0; k < outputs; k++) {
		if (each)
			row[k] = (float)loss_answer(l, &row[k], 1);
		else
			row[k] = outputs == 1 ? (float)best : (float)(k == best);
	}
}

/* Targets out of answers: hard, or as soft as that. */
static void
make_targets(const struct loss *l, double temperature, float *v, int64_t n, int64_t outputs)
{
	for (int64_t i = 0; i < n; i++) {
		if (temperature > 0)
			redteam_soften(
			    l, temperature, v + i * outputs, outputs, v + i * outputs);
		else
			make_hard(l, v + i * outputs, outputs);
	}
}

/* ---- Beginning anew ---------------------------------------------------------------------- */

MUST static bool
begin_anew(struct ctx *c, const struct redteam *r, struct redteam_suspect *s, int again)
{
	struct chance chance = redteam_chance(r, USE_BEGIN + 16 * again);

	if (!nn_graph_load(c, s->graph, SIZE_MAX) ||
	    !train_initialise(c, &s->model, s->graph, TRAIN_HE, chance_bits(&chance)))
		return false;
	nn_graph_changed(s->graph);
	return true;
}

static struct redteam_lesson
anew(const struct redteam *r, const float *target, double temperature)
{
	return (struct redteam_lesson){
		.effort = redteam_effort(r, EPOCHS, 1),
		.rate = NEW_RATE,
		.decay = 5e-4,
		.temperature = temperature,
		.target = target,
		.scratch = true,
	};
}

/* All of what E1 and E2 do; temperature 0: hard labels. */
MUST static bool
copy_answers(struct ctx *c, struct redteam *r, double temperature, struct redteam_suspect *s)
{
	owned(redteam_floats_free) float *target = NULL;
	struct redteam_lesson l = anew(r, NULL, temperature);
	int64_t outputs = 0;

	if (!redteam_predict(c, r, s, &r->thief.data, l.effort.samples, &target, &outputs))
		return false;
	make_targets(&r->the.work.loss, temperature, target, l.effort.samples, outputs);
	l.target = target;
	return begin_anew(c, r, s, 0) && redteam_learn(c, r, s, &l);
}

bool
redteam_try_retrain(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	(void)x;
	redteam_say(s, "new weights, taught by its labels");
	return copy_answers(c, r, 0, s);
}

bool
redteam_try_distil(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "new weights, taught by its scores, T = %g", x);
	return copy_answers(c, r, x, s);
}

/* ---- E3: several pupils teach the next --------------------------------------------------- */

/* One pupil, taught by labels of a third of the samples; adds what it says of all. */
MUST static bool
add_pupil(struct ctx *c, struct redteam *r, struct redteam_suspect *s, const float *target,
    int64_t n, int nth, float *sum)
{
	owned(redteam_floats_free) float *said = NULL;
	struct redteam_lesson l = anew(r, NULL, 0);
	struct redteam_part third;
	int64_t own = n / SPLITS, first = nth * own, outputs = 0;

	redteam_part(&r->thief.data, first, own, &third);
	l.data = &third.data;
	l.effort.samples = own;
	l.from = .5 * nth * SPLIT_SHARE;
	l.to = .5 * (nth + 1) * SPLIT_SHARE;
	if (!begin_anew(c, r, s, 1 + nth) ||
	    !redteam_predict(c, r, s, &r->thief.data, 1, &said, &outputs))
		return false;
	l.target = target + first * outputs;
	redteam_floats_free(&said);
	if (!redteam_learn(c, r, s, &l) ||
	    !redteam_predict(c, r, s, &r->thief.data, n, &said, &outputs))
		return false;
	make_targets(&r->the.work.loss, 1, said, n, outputs);
	for (int64_t i = 0; i < n * outputs; i++)
		sum[i] += said[i] / SPLITS;
	return true;
}

bool
redteam_try_pupils(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	owned(redteam_floats_free) float *target = NULL, *mean = NULL;
	struct redteam_lesson l = anew(r, NULL, 1);
	int64_t n = l.effort.samples, outputs = 0;

	redteam_say(s, "%d pupils, and one taught by them", SPLITS);
	if (!redteam_predict(c, r, s, &r->thief.data, n, &target, &outputs) ||
	    !redteam_floats(c, n * outputs, &mean))
		return false;
	make_targets(&r->the.work.loss, 0, target, n, outputs);
	for (int i = 0; i < SPLITS; i++)
		if (!add_pupil(c, r, s, target, n, i, mean))
			return false;
	l.target = mean;
	l.smoothing = x;
	l.from = .5;
	return begin_anew(c, r, s, 0) && redteam_learn(c, r, s, &l);
}

/* ---- E4: a network of another kind ------------------------------------------------------- */

/* Logits over all that the stolen one says, whatever that ends with. */
bool
redteam_try_other_kind(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	owned(redteam_floats_free) float *target = NULL;
	struct redteam_lesson l = anew(r, NULL, 0);
	int64_t size[] = { r->form.count, WIDE, NARROW, 0 };
	struct str file;

	(void)x;
	redteam_say(s, "dense layers, taught by its labels");
	if (r->the.work.loss.output != TRAIN_LOGITS)
		return fail(c, E_INPUT,
		    "the release answers with probabilities, and no other kind of network that "
		    "does is known here");
	if (!redteam_predict(c, r, s, &r->thief.data, l.effort.samples, &target, &size[3]))
		return false;
	make_targets(&r->the.work.loss, 0, target, l.effort.samples, size[3]);
	l.target = target;
	return redteam_dense(c, &r->form, size, COUNT(size) - 1, false, &file) &&
	    redteam_suspect_replace(c, s, file) && begin_anew(c, r, s, 0) &&
	    redteam_learn(c, r, s, &l);
}

/* ---- E5: foreign pictures ---------------------------------------------------------------- */

struct foreign {
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
};

static void
foreign_done(struct foreign *f)
{
	free(f->samples.v);
	free(f->labels.v);
}

/* A few landscapes; a picture is two of them, moved and laid over each other. */
MUST static bool
draw_few(struct ctx *c, const int64_t dim[], struct chance *chance, struct image ret[FEW])
{
	for (int i = 0; i < FEW; i++)
		if (!natural_picture(c, chance_bits(chance), 2 * (int)dim[2], 2 * (int)dim[1],
			(int)dim[3], &ret[i]))
			return false;
	return true;
}

static void
lay_over(const struct image *from, struct chance *chance, const int64_t dim[], double weight,
    uint8_t *to)
{
	int64_t top = chance_below(chance, dim[1] + 1), left = chance_below(chance, dim[2] + 1);
	int64_t line = dim[2] * dim[3];

	for (int64_t y = 0; y < dim[1]; y++) {
		const uint8_t *v = from->v + ((top + y) * from->width + left) * dim[3];

		for (int64_t i = 0; i < line; i++)
			to[y * line + i] = (uint8_t)(to[y * line + i] + weight * v[i]);
	}
}

MUST static bool
draw_all(struct ctx *c, struct chance *chance, struct foreign *f)
{
	const int64_t *d = f->samples.shape.dim;
	owned(arena_free) struct arena *mem = arena_new(PICTURE_MEMORY);
	struct ctx aside = *c;
	struct image few[FEW];

	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory for pictures");
	aside.mem = mem;
	if (!draw_few(&aside, d, chance, few)) {
		c->err = aside.err;
		return false;
	}
	for (int64_t i = 0; i < d[0]; i++) {
		uint8_t *to = (uint8_t *)f->samples.v + i * f->samples.shape.row;
		double weight = chance_unit(chance);

		lay_over(&few[chance_below(chance, FEW)], chance, d, weight, to);
		lay_over(&few[chance_below(chance, FEW)], chance, d, 1 - weight, to);
	}
	return true;
}

/* Drawn landscapes, which have nothing to do with the vendor's samples. */
MUST static bool
draw_foreign(struct ctx *c, const struct redteam *r, int64_t n, struct foreign *ret)
{
	const int64_t *d = r->form.dim;
	const struct data_form *was = &r->thief.data.form;
	struct chance chance = redteam_chance(r, USE_FOREIGN);
	int64_t row = r->form.count;

	ret->samples.shape = (struct data_shape){ DATA_UINT8, 4, { n, d[1], d[2], d[0] }, row };
	ret->samples.v = calloc((size_t)n, (size_t)row);
	ret->labels = (struct data_labels){ .n = n, .classes = r->thief.labels.classes };
	ret->labels.v = calloc((size_t)n, sizeof *ret->labels.v);
	if (ret->samples.v == NULL || ret->labels.v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld pictures", (long long)n);
	ret->data = (struct train_data){ &ret->samples, &ret->labels, *was };
	ret->data.form.type = DATA_UINT8;
	ret->data.form.channels_last = true;
	for (int i = 0; i < 256; i++)
		ret->data.form.value[i] = r->low + (r->high - r->low) * (float)i / 255;
	return draw_all(c, &chance, ret);
}

bool
redteam_try_foreign(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	owned(foreign_done) struct foreign f = { 0 };
	owned(redteam_floats_free) float *target = NULL;
	struct redteam_lesson l = anew(r, NULL, 1);
	int64_t outputs = 0;

	(void)x;
	if (l.effort.samples > FOREIGN_BYTES / r->form.count)
		l.effort.samples = FOREIGN_BYTES / r->form.count;
	redteam_say(s, "new weights, %lld foreign pictures", (long long)l.effort.samples);
	if (!draw_foreign(c, r, l.effort.samples, &f) ||
	    !redteam_predict(c, r, s, &f.data, l.effort.samples, &target, &outputs))
		return false;
	make_targets(&r->the.work.loss, 1, target, l.effort.samples, outputs);
	l.data = &f.data;
	l.target = target;
	return begin_anew(c, r, s, 0) && redteam_learn(c, r, s, &l);
}
