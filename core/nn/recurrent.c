/*
 * LSTM and GRU: walks over directions, sequences and steps, there and back through time. What one
 * step does stands in cells.c. Inputs: X, W, R, B, sequence_lens, initial_h, and for LSTM
 * initial_c, P.
 */
#include "recurrent.h"
#include "relevance.h"

enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P };

/* ---- Shapes ------------------------------------------------------------------------------ */

static const struct nn_tensor *
input(const struct nn_call *k, int i)
{
	return i < k->ins ? k->in[i] : NULL;
}

/* X as steps, batch, input; states as direction, batch, hidden. */
static struct nn_tensor
turned(const struct nn_call *k, const struct nn_tensor *t, const int64_t batch_first[])
{
	const struct recurrent_attr *attr = k->attr;

	return attr->batch_first ? tensor_permuted(t, batch_first) : *t;
}

static const int64_t swap_two[] = { 1, 0, 2 };
static const int64_t swap_result[] = { 1, 2, 0, 3 }; /* batch, steps, direction, hidden */

static bool
check(struct ctx *c, const struct nn_call *k, int i, int64_t a, int64_t b, int64_t d)
{
	const struct nn_tensor *t = input(k, i);
	const int64_t dim[] = { a, b, d };

	if (t == NULL)
		return true;
	if (!is_real(t) || t->rank != (d < 0 ? 2 : 3))
		return fail(c, E_INPUT, "input %d does not fit", i);
	for (int n = 0; n < t->rank; n++)
		if (t->dim[n] != dim[n])
			return fail(c, E_INPUT, "input %d does not fit", i);
	return true;
}

static bool
check_inputs(
    struct ctx *c, const struct nn_call *k, const struct way *way, const struct nn_tensor *x)
{
	const struct recurrent_attr *attr = k->attr;
	int64_t d = attr->directions, h = attr->hidden, rows = way->gates * h;
	int64_t first = attr->batch_first ? x->dim[1] : d,
		second = attr->batch_first ? d : x->dim[1];
	const struct nn_tensor *lengths = input(k, IN_LENGTHS);

	if (lengths != NULL &&
	    (is_real(lengths) || lengths->rank != 1 || lengths->dim[0] != x->dim[1]))
		return fail(c, E_INPUT, "the lengths do not fit");
	return check(c, k, IN_W, d, rows, x->dim[2]) && check(c, k, IN_R, d, rows, h) &&
	    check(c, k, IN_B, d, 2 * rows, -1) && check(c, k, IN_H, first, second, h) &&
	    check(c, k, IN_C, first, second, h) && check(c, k, IN_P, d, 3 * h, -1);
}

static void
result_shapes(struct nn_call *k, const struct nn_tensor *x)
{
	const struct recurrent_attr *attr = k->attr;
	int64_t steps = x->dim[0], batch = x->dim[1], d = attr->directions;

	for (int i = 0; i < k->outs; i++) {
		struct nn_tensor *t = k->out[i];

		if (t == NULL)
			continue;
		*t = (struct nn_tensor){ .type = NN_FLOAT };
		if (i == 0 && !attr->batch_first)
			shape_push(t, steps);
		shape_push(t, attr->batch_first ? batch : d);
		if (i == 0 && attr->batch_first)
			shape_push(t, steps);
		shape_push(t, attr->batch_first ? d : batch);
		shape_push(t, attr->hidden);
	}
}

/* Scratch of one sequence: h, c, their gradients, the gates' gradients, and one more. */
enum { SCRATCH = 5 + 2 * GATES_MAX };

static bool
recurrent_shape(struct ctx *c, struct nn_call *k, const struct way *way)
{
	const struct recurrent_attr *attr = k->attr;
	struct nn_tensor x;
	int64_t size;

	if (k->in[IN_X]->rank != 3)
		return fail(c, E_INPUT, "an input of rank %d", k->in[IN_X]->rank);
	x = turned(k, k->in[IN_X], swap_two);
	if (attr->hidden < 1 || attr->hidden > 1 << 20)
		return fail(c, E_INPUT, "hidden_size of %lld", (long long)attr->hidden);
	if (!check_inputs(c, k, way, &x))
		return false;
	result_shapes(k, &x);
	size = x.dim[0] * x.dim[1];
	if (__builtin_mul_overflow(size, attr->directions * attr->hidden * KEPT, &size) ||
	    size > COUNT_MAX)
		return fail(c, E_LIMIT, "the sequences are too long");
	k->saved_bytes = (size_t)size * sizeof(float);
	k->scratch_bytes = (size_t)(attr->hidden * SCRATCH) * sizeof(float);
	return true;
}

bool
lstm_shape(struct ctx *c, struct nn_call *k)
{
	return recurrent_shape(c, k, &way_lstm);
}

bool
gru_shape(struct ctx *c, struct nn_call *k)
{
	return recurrent_shape(c, k, &way_gru);
}

/* ---- One direction ----------------------------------------------------------------------- */

static struct rows
rows_of(const struct nn_tensor *t, int direction)
{
	struct nn_tensor one;

	if (t == NULL)
		return (struct rows){ 0 };
	one = tensor_at(t, 0, direction);
	if (one.rank == 1)
		return (struct rows){ one.data, 0, one.stride[0] };
	return (struct rows){ one.data, one.stride[0], one.stride[1] };
}

static struct nn_tensor *
gradient(const struct nn_call *k, int i)
{
	return i < k->ins ? k->din[i] : NULL;
}

static struct cell
cell_of(const struct nn_call *k, int direction, bool back)
{
	const struct recurrent_attr *attr = k->attr;
	struct cell cell = {
		.input = k->in[IN_X]->dim[2],
		.hidden = attr->hidden,
		.linear_before_reset = attr->linear_before_reset,
		.w = rows_of(input(k, IN_W), direction),
		.r = rows_of(input(k, IN_R), direction),
		.bias = rows_of(input(k, IN_B), direction),
		.peephole = rows_of(input(k, IN_P), direction),
		.x_step = k->in[IN_X]->stride[2],
	};

	if (back) {
		cell.dw = rows_of(gradient(k, IN_W), direction);
		cell.dr = rows_of(gradient(k, IN_R), direction);
		cell.dbias = rows_of(gradient(k, IN_B), direction);
		cell.dpeephole = rows_of(gradient(k, IN_P), direction);
	}
	return cell;
}

/* One sequence in one direction. */
struct sequence {
	struct nn_call *k;
	const struct way *way;
	struct cell cell;
	bool explains; /* the way back is relevance's */
	int direction;
	int64_t nth, steps, batch; /* steps of it; all of the tensor are more, maybe */
	int64_t all_steps;
	bool reverse;
	float *kept; /* of its first step */
};

static int64_t
length_of(struct nn_call *k, int64_t nth, int64_t all)
{
	const struct nn_tensor *t = input(k, IN_LENGTHS);
	int64_t n = t == NULL ? all : wholes(t)[nth * t->stride[0]];

	if (n < 0 || n > all) {
		k->bad = "a sequence is longer than the input";
		return 0;
	}
	return n;
}

static int64_t
time_of(const struct sequence *s, int64_t step)
{
	return s->reverse ? s->steps - 1 - step : step;
}

/* The first of the `hidden` numbers of a state tensor; NULL if it is absent. */
static float *
state_at(const struct sequence *s, const struct nn_tensor *t, int64_t *ret_step)
{
	struct nn_tensor view;

	if (t == NULL)
		return NULL;
	view = turned(s->k, t, swap_two);
	*ret_step = view.stride[2];
	return reals(&view) + s->direction * view.stride[0] + s->nth * view.stride[1];
}

static float *
result_at(const struct sequence *s, const struct nn_tensor *t, int64_t time, int64_t *ret_step)
{
	struct nn_tensor view;

	if (t == NULL)
		return NULL;
	view = turned(s->k, t, swap_result);
	*ret_step = view.stride[3];
	return reals(&view) + time * view.stride[0] + s->direction * view.stride[1] +
	    s->nth * view.stride[2];
}

static float *
input_at(const struct sequence *s, const struct nn_tensor *t, int64_t time)
{
	const struct nn_tensor view = turned(s->k, t, swap_two);

	return reals(&view) + time * view.stride[0] + s->nth * view.stride[1];
}

static void
load(float *to, const float *from, int64_t step, int64_t n, bool add)
{
	for (int64_t i = 0; i < n; i++)
		to[i] = (from != NULL ? from[i * step] : 0) + (add ? to[i] : 0);
}

static void
store(float *to, int64_t step, const float *from, int64_t n, bool add)
{
	for (int64_t i = 0; to != NULL && i < n; i++)
		to[i * step] = (from != NULL ? from[i] : 0) + (add ? to[i * step] : 0);
}

static struct nn_tensor *
result(const struct nn_call *k, int i, bool back)
{
	return i < k->outs ? back ? k->dout[i] : k->out[i] : NULL;
}

static void
sequence_forward(const struct sequence *s)
{
	struct nn_call *k = s->k;
	int64_t n = s->cell.hidden, step = 1;
	float *h = k->scratch, *c = h + n, *from;

	from = state_at(s, input(k, IN_H), &step);
	load(h, from, step, n, false);
	from = state_at(s, s->way->has_c ? input(k, IN_C) : NULL, &step);
	load(c, from, step, n, false);
	for (int64_t i = 0; i < s->all_steps; i++) {
		bool within = i < s->steps;
		int64_t time = within ? time_of(s, i) : i;
		float *y = result_at(s, result(k, 0, false), time, &step);

		if (within)
			s->way->forward(&s->cell, input_at(s, k->in[IN_X], time), h, c,
			    s->kept + i * n * KEPT);
		store(y, step, within ? h : NULL, n, false);
	}
	from = state_at(s, result(k, 1, false), &step);
	store(from, step, h, n, false);
	from = state_at(s, s->way->has_c ? result(k, 2, false) : NULL, &step);
	store(from, step, c, n, false);
}

/* What the gates' gradients give to inputs and weights; that of the former h is added to dh. */
static void
spread(const struct sequence *s, const float *kept, const float *g, const float *x, float *dx,
    int64_t dx_step, float *dh)
{
	const struct cell *cell = &s->cell;
	int64_t rows = s->way->gates * cell->hidden, n = cell->hidden;
	const float *gx = g, *gr = g + rows;

	rows_add(&cell->dw, 0, rows, gx, x, cell->x_step, cell->input);
	if (dx != NULL)
		rows_back(&cell->w, 0, rows, gx, dx, dx_step, cell->input);
	for (int64_t j = 0; cell->dbias.p != NULL && j < rows; j++) {
		cell->dbias.p[j * cell->dbias.col] += gx[j];
		cell->dbias.p[(rows + j) * cell->dbias.col] += gr[j];
	}
	/* A GRU that resets before its last gate shows that gate's weights another state. */
	if (s->way == &way_gru && !cell->linear_before_reset) {
		rows_add(&cell->dr, 2 * n, n, gr + 2 * n, kept + KEPT_MORE * n, 1, n);
		rows -= n;
	}
	rows_add(&cell->dr, 0, rows, gr, kept + KEPT_H * n, 1, n);
	rows_back(&cell->r, 0, rows, gr, dh, 1, n);
}

static void
sequence_backward(const struct sequence *s)
{
	struct nn_call *k = s->k;
	struct nn_tensor *dx = gradient(k, IN_X);
	int64_t n = s->cell.hidden, step = 1;
	float *dh = k->scratch, *dc = dh + n, *more = dc + n, *g = more + 3 * n, *from;
	int64_t dx_step = dx != NULL ? dx->stride[2] : 0;

	from = state_at(s, result(k, 1, true), &step);
	load(dh, from, step, n, false);
	from = state_at(s, s->way->has_c ? result(k, 2, true) : NULL, &step);
	load(dc, from, step, n, false);
	for (int64_t i = s->steps; i-- > 0;) {
		int64_t time = time_of(s, i);
		const float *kept = s->kept + i * n * KEPT, *x = input_at(s, k->in[IN_X], time);
		float *to = dx != NULL ? input_at(s, dx, time) : NULL;

		from = result_at(s, result(k, 0, true), time, &step);
		load(dh, from, step, n, true);
		if (s->explains) {
			s->way->relevance(&s->cell, kept, x, to, dx_step, dh, dc, more);
			continue;
		}
		s->way->backward(&s->cell, kept, dh, dc, g, more);
		spread(s, kept, g, x, to, dx_step, dh);
	}
	from = state_at(s, gradient(k, IN_H), &step);
	store(from, step, dh, n, true);
	from = state_at(s, s->way->has_c ? gradient(k, IN_C) : NULL, &step);
	store(from, step, dc, n, true);
}

/* ---- All --------------------------------------------------------------------------------- */

static void
recurrent(struct nn_call *k, const struct way *way, bool back)
{
	const struct recurrent_attr *attr = k->attr;
	const struct nn_tensor x = turned(k, k->in[IN_X], swap_two);
	struct sequence s = { .k = k,
		.way = way,
		.explains = back && k->rule != NULL,
		.all_steps = x.dim[0],
		.batch = x.dim[1] };
	int64_t kept = s.all_steps * attr->hidden * KEPT;

	for (s.direction = 0; s.direction < attr->directions; s.direction++) {
		s.cell = cell_of(k, s.direction, back);
		s.cell.positive = s.explains && k->rule->kind != RULE_EPSILON;
		s.reverse = attr->reverse || s.direction == 1;
		for (s.nth = 0; s.nth < s.batch; s.nth++) {
			s.steps = length_of(k, s.nth, s.all_steps);
			s.kept = (float *)k->saved + (s.direction * s.batch + s.nth) * kept;
			if (back)
				sequence_backward(&s);
			else
				sequence_forward(&s);
		}
	}
}

void
lstm_forward(struct nn_call *k)
{
	recurrent(k, &way_lstm, false);
}

void
lstm_backward(struct nn_call *k)
{
	recurrent(k, &way_lstm, true);
}

void
gru_forward(struct nn_call *k)
{
	recurrent(k, &way_gru, false);
}

void
gru_backward(struct nn_call *k)
{
	recurrent(k, &way_gru, true);
}

/* A call that has a rule wants relevance back. */
void
lstm_relevance(struct nn_call *k)
{
	recurrent(k, &way_lstm, true);
}

void
gru_relevance(struct nn_call *k)
{
	recurrent(k, &way_gru, true);
}
