/*
 * Batches: samples on their way into a network, changed a little each time they come by, and
 * the plan that takes so many of them at once.
 */
#include "batch.h"

/* ---- Samples ----------------------------------------------------------------------------- */

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

void
batch_sample(const struct train_data *d, const struct change *change, int64_t epoch, int64_t i,
    float *room, float *to)
{
	const struct data_form *f = &d->form;
	struct chance r = chance_of(change->seed, RANDOM_SAMPLE, (uint64_t)epoch, (uint64_t)i);
	int64_t down, right, plane;
	bool flip;

	if (change->crop == 0 && !change->flip) {
		data_floats(f, data_sample(d->samples, i), 1, to);
		return;
	}
	data_floats(f, data_sample(d->samples, i), 1, room);
	down = chance_below(&r, 2 * change->crop + 1) - change->crop;
	right = chance_below(&r, 2 * change->crop + 1) - change->crop;
	flip = change->flip && chance_below(&r, 2) == 1;
	plane = f->dim[1] * f->dim[2];
	for (int64_t k = 0; k < f->dim[0]; k++)
		move_plane(
		    room + k * plane, f->dim[1], f->dim[2], down, right, flip, to + k * plane);
}

/* ---- Plans ------------------------------------------------------------------------------- */

MUST static bool
only_input(struct ctx *c, const struct nn_graph *g, const struct nn_port **ret)
{
	const struct nn_port *in;
	size_t n;

	in = nn_inputs(g, &n);
	if (n != 1 || in->type != NN_FLOAT || in->rank < 2)
		return fail(c, E_INPUT,
		    "the model has to have one input, real numbers with the batch first");
	*ret = in;
	return true;
}

bool
train_fit(struct ctx *c, const struct nn_graph *g, const struct data_shape *s,
    enum data_order order, bool raw, struct data_form *ret)
{
	const struct nn_port *in = NULL;

	return only_input(c, g, &in) && data_fit(c, s, in->dim, in->rank, order, raw, ret);
}

/* Free dimensions of the input other than the batch get what the samples have. */
static size_t
name_dimensions(
    const struct nn_port *in, const struct data_form *f, struct nn_symbol ret[DATA_RANK_MAX])
{
	size_t n = 0;

	for (int i = 1; i < in->rank && i <= f->rank; i++)
		if (in->dim[i] < 0)
			ret[n++] = (struct nn_symbol){ in->symbol[i], f->dim[i - 1] };
	return n;
}

MUST static bool
plan_fits(struct ctx *c, const struct nn_plan *p, const struct data_form *f, int64_t *ret_batch,
    int64_t *ret_outputs)
{
	const struct nn_tensor *in = nn_plan_input(p, 0), *out = nn_plan_output(p, 0);
	int64_t batch = in->dim[0];

	if (batch < 1 || nn_count(in) != batch * f->count)
		return fail(c, E_INPUT, "the samples do not fit the model's input");
	if (out->type != NN_FLOAT || out->rank < 1 || out->dim[0] != batch ||
	    nn_count(out) == 0)
		return fail(c, E_INPUT,
		    "the model's first output has to have one row of numbers a sample");
	*ret_batch = batch;
	*ret_outputs = nn_count(out) / batch;
	return true;
}

bool
train_plan(struct ctx *c, struct nn_graph *g, const struct data_form *f, struct nn_options o,
    struct nn_plan **ret, int64_t *ret_batch, int64_t *ret_outputs)
{
	owned(nn_plan_free) struct nn_plan *p = NULL;
	struct nn_symbol symbol[DATA_RANK_MAX];
	const struct nn_port *in = NULL;

	if (!only_input(c, g, &in))
		return false;
	o.symbol = symbol;
	o.symbols = name_dimensions(in, f, symbol);
	if (!nn_plan_new(c, g, &o, &p) || !plan_fits(c, p, f, ret_batch, ret_outputs))
		return false;
	*ret = steal(p);
	return true;
}

bool
batch_loss(struct ctx *c, const struct loss *l, int64_t outputs)
{
	if (l->kind == TRAIN_CROSS_ENTROPY && outputs < 2)
		return fail(c, E_INPUT,
		    "cross-entropy needs an output for each class; for a "
		    "single output there is binary cross-entropy");
	if ((l->kind == TRAIN_BINARY || l->kind == TRAIN_MASK) &&
	    l->output == TRAIN_LOG_PROBABILITIES)
		return fail(c, E_INPUT, "binary cross-entropy of logarithms is not possible");
	if (outputs > INT32_MAX)
		return fail(c, E_INPUT, "more outputs than there can be classes");
	return true;
}
