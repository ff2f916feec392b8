/*
 * Nodes without a fast way: their row's plain kernels run on the images of a chunk where the images
 * do not see each other, else once for the whole batch when a phase has ended.
 */
#include "fast_backward.h"
#include "kernel.h"

static bool
dense_only(const struct fast_node *n)
{
	return n->kind == FAST_WHOLE || (n->step->row->flags & NN_PLAIN) != 0;
}

/* What the step would ask for with one image; never less than its share of a chunk. */
static void
measure(struct fast *f, struct fast_node *n)
{
	const struct nn_step *s = n->step;
	struct ctx c = { .mem = f->mem };
	struct nn_call k = s->call;
	struct nn_tensor *t;
	struct nn_tensor **at;

	if (n->kind == FAST_WHOLE) {
		n->saved_bytes = s->call.saved_bytes;
		n->scratch_bytes = s->call.scratch_bytes;
		return;
	}
	t = fast_take(f, (size_t)(k.ins + k.outs) * sizeof *t);
	at = fast_take(f, (size_t)(k.ins + k.outs) * sizeof *at);
	if (t == NULL || at == NULL)
		return;
	for (int i = 0; i < k.ins + k.outs; i++) {
		const struct nn_tensor *from = i < k.ins ? k.in[i] : k.out[i - k.ins];
		int32_t value = i < k.ins ? s->node->in[i] : s->node->out[i - k.ins];

		if (from == NULL)
			continue;
		at[i] = &t[i];
		t[i] = *from;
		if (fast_batched(f, value))
			t[i].dim[0] = 1;
	}
	k.in = at;
	k.out = at + k.ins;
	if (!s->row->shape(&c, &k))
		f->failed = true;
	n->saved_bytes = (k.saved_bytes + 63) & ~(size_t)63;
	n->scratch_bytes = k.scratch_bytes;
}

static struct fast_calls *
calls_new(struct fast *f, const struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	struct fast_calls *c = fast_take(f, sizeof *c);
	size_t count = (size_t)(node->ins + node->outs);
	struct place *list = fast_take(f, 2 * count * sizeof *list);

	if (c == NULL || list == NULL)
		return NULL;
	for (size_t i = 0; i < 2 * count; i++)
		list[i] = nowhere;
	c->in = list;
	c->out = list + node->ins;
	c->din = list + count;
	c->dout = list + count + node->ins;
	c->sums = fast_take(f, (size_t)node->ins * sizeof *c->sums);
	return c->sums == NULL ? NULL : c;
}

static void
touch_all(struct fast *f, const struct fast_node *n, const struct fast_calls *c, int phase)
{
	const struct nn_node *node = n->step->node;

	for (int i = 0; i < 2 * (node->ins + node->outs); i++)
		fast_touch(f, c->in[i], phase, n->kind == FAST_WHOLE);
	fast_touch(f, n->saved, phase, n->kind == FAST_WHOLE);
}

static void
read_input(struct fast *f, const struct fast_node *n, struct fast_calls *c, int i, int phase)
{
	int32_t value = n->step->node->in[i];
	bool batched = fast_batched(f, value);

	c->in[i] = fast_read(
	    f, value, phase, batched && dense_only(n) ? ORDER_FIRST : ORDER_ANY);
	if (batched && dense_only(n))
		c->in[i] = fast_dense(f, f->value[value].t, c->in[i], phase);
}

static void
add_task(struct fast *f, struct fast_node *n, struct fast_calls *c, int phase, bool back)
{
	struct task k = { .node = n, .arg = c };

	for (int i = 0; i < TASK_PLACES; i++)
		k.at[i] = nowhere;
	if (n->kind == FAST_PLAIN) {
		k.run = back ? task_plain_back : task_plain;
		fast_task(f, phase, &k);
	} else {
		k.run = back ? task_whole_back : task_whole;
		if (phase < 0)
			fast_early(f, &k);
		else
			fast_end(f, phase, &k);
	}
	touch_all(f, n, c, phase < 0 ? 0 : phase);
}

/* A node that only weights and constants lead to runs before the first phase: -1. */
static int
phase_of(struct fast *f, const struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	int phase = n->kind == FAST_PLAIN ? 0 : -1;

	for (int i = 0; i < node->ins; i++) {
		const struct fast_value *v = value_of(f, node->in[i]);
		int ready = v == NULL ? -1 : fast_ready(f, node->in[i]);

		if (v != NULL && !v->batched && n->kind == FAST_WHOLE)
			ready--;
		phase = larger_of(phase, ready);
	}
	return phase;
}

void
fast_plain(struct fast *f, struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	struct fast_calls *c = n->calls = calls_new(f, n);
	int phase = phase_of(f, n);

	measure(f, n);
	if (c == NULL)
		return;
	fast_scratch(f,
	    fast_call_size(n) + 64 +
		n->scratch_bytes * (n->kind == FAST_PLAIN ? CHUNK_MAX : 1));
	if (n->saved_bytes > 0) {
		n->saved = fast_block(f, (int64_t)n->saved_bytes, 0, n->kind == FAST_WHOLE);
		f->one_chunk = f->one_chunk || n->kind == FAST_PLAIN;
	}
	for (int i = 0; i < node->ins; i++)
		if (node->in[i] >= 0)
			read_input(f, n, c, i, larger_of(phase, 0));
	for (int i = 0; i < node->outs; i++)
		if (node->out[i] >= 0)
			c->out[i] = fast_room(
			    f, f->value[node->out[i]].t, n->kind == FAST_PLAIN);
	add_task(f, n, c, phase, false);
	for (int i = 0; i < node->outs; i++)
		if (node->out[i] >= 0)
			fast_store(f, node->out[i], n->kind == FAST_PLAIN ? phase : phase + 1,
			    c->out[i], value_of(f, node->out[i])->last);
}

/* ---- Back -------------------------------------------------------------------------------- */

static int
back_phase(struct fast *f, const struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	int phase = f->now;

	for (int i = 0; i < node->outs; i++) {
		if (node->out[i] < 0)
			continue;
		if (grad_come(f, node->out[i]))
			phase = larger_of(phase, grad_phase(f, node->out[i]));
		phase = larger_of(phase, fast_ready(f, node->out[i]));
	}
	for (int i = 0; i < node->ins; i++)
		if (node->in[i] >= 0)
			phase = larger_of(phase, fast_ready(f, node->in[i]));
	return phase;
}

static bool
any_come(struct fast *f, const struct fast_node *n)
{
	for (int i = 0; i < n->step->node->outs; i++)
		if (n->step->node->out[i] >= 0 && grad_come(f, n->step->node->out[i]))
			return true;
	return false;
}

/* Room for what the kernel adds to: of each image, of each thread, or of the value itself. */
static void
target(struct fast *f, const struct fast_node *n, struct fast_calls *c, int i, int phase)
{
	int32_t value = n->step->node->in[i];
	const struct nn_tensor *t = f->value[value].t;
	struct task k = {
		.run = task_clear, .pixels = fast_pixels(t), .channels = fast_channels(t)
	};

	if (!fast_batched(f, value)) {
		c->sums[i] = fast_take(f, (size_t)f->threads * sizeof *c->sums[i]);
		for (int j = 0; c->sums[i] != NULL && j < f->threads; j++)
			c->sums[i][j] = fast_floats(f, (size_t)nn_count(t));
		fast_total_begin(f, value, phase);
		return;
	}
	c->din[i] = fast_room(f, t, true);
	for (int j = 0; j < TASK_PLACES; j++)
		k.at[j] = j == 0 ? c->din[i] : nowhere;
	if (n->kind == FAST_PLAIN)
		fast_task(f, phase, &k);
}

void
fast_plain_back(struct fast *f, struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	const struct nn_row *row = n->step->row;
	bool plain = n->kind == FAST_PLAIN;
	struct fast_calls *c = calls_new(f, n);
	int phase = back_phase(f, n);
	struct task end = { .run = task_plain_end, .node = n, .arg = c };

	if (c == NULL || !n->step->backward || !any_come(f, n))
		return;
	for (int i = 0; i < node->ins; i++) {
		if (node->in[i] < 0)
			continue;
		if (nn_mask(row->keep, i) || !fast_batched(f, node->in[i]))
			read_input(f, n, c, i, phase);
		if (nn_mask(row->diff, i) && fast_wanted(f, node->in[i]))
			target(f, n, c, i, phase);
	}
	for (int i = 0; i < node->outs; i++) {
		int32_t value = node->out[i];
		bool last = value >= 0 && value_of(f, value)->last;

		if (value >= 0 && (row->flags & NN_KEEP_OUT) != 0)
			c->out[i] = fast_read(f, value, phase, ORDER_ANY);
		if (value >= 0 && plain && grad_come(f, value)) {
			c->dout[i] = grad_read(f, value, phase, dense_only(n) ? false : last);
			if (dense_only(n))
				c->dout[i] = fast_dense(
				    f, f->value[value].t, c->dout[i], phase);
		}
	}
	add_task(f, n, c, phase, true);
	if (plain)
		fast_fix(f, phase);
	for (int i = 0; i < TASK_PLACES; i++)
		end.at[i] = nowhere;
	fast_end(f, phase, &end);
	for (int i = 0; i < node->ins; i++)
		if (c->din[i].block >= 0)
			fast_give(f, node->in[i], plain ? phase : phase + 1, c->din[i],
			    !dense_only(n) && value_of(f, node->in[i])->last, false);
}
