/*
 * Making a program: blocks of memory, tasks in phases, and where values stand. Memory that runs out
 * is remembered and told at the end, so that the code that makes the program reads as a program.
 */
#include "fast_parts.h"

const struct place nowhere = { -1, 0, 0 };

enum { ALIGN = 64 };

int
larger_of(int a, int b)
{
	return a > b ? a : b;
}

void *
fast_take(struct fast *f, size_t size)
{
	struct ctx c = { .mem = f->mem };
	void *got = take(&c, size + 1);

	f->failed = f->failed || got == NULL;
	return got;
}

float *
fast_floats(struct fast *f, size_t count)
{
	char *got = fast_take(f, count * sizeof(float) + ALIGN);

	return got == NULL ? NULL : (float *)(void *)(got + (-(uintptr_t)got & (ALIGN - 1)));
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* Room for one more of `size` bytes; doubles, what was there stays behind in the arena. */
static void *
more(struct fast *f, void *old, size_t count, size_t *max, size_t size)
{
	size_t now = *max > 0 ? 2 * *max : 16;
	void *got;

	if (count < *max)
		return old;
	got = fast_take(f, now * size);
	if (got == NULL)
		return NULL;
	if (count > 0)
		memcpy(got, old, count * size);
	*max = now;
	return got;
}

struct place
fast_block(struct fast *f, int64_t bytes, int64_t step, bool whole)
{
	void *list = more(f, f->block, f->blocks, &f->blocks_max, sizeof *f->block);

	if (list == NULL)
		return nowhere;
	f->block = list;
	f->block[f->blocks] =
	    (struct block){ .bytes = bytes, .whole = whole, .first = INT32_MAX, .last = -1 };
	return (struct place){ (int32_t)f->blocks++, 0, step };
}

struct place
fast_room(struct fast *f, const struct nn_tensor *t, bool batched)
{
	int64_t count = nn_count(t) * (int64_t)nn_type_size(t->type);

	return fast_block(f, batched ? count / f->batch : count, fast_channels(t), !batched);
}

int
fast_touched(const struct fast *f, struct place at)
{
	return at.block < 0 || f->block[at.block].last < 0 ? 0 : f->block[at.block].last;
}

static void
touch(struct fast *f, struct place at, int phase, int task)
{
	struct block *b;

	if (at.block < 0)
		return;
	b = &f->block[at.block];
	if (phase < b->first || (phase == b->first && task < b->first_task)) {
		b->first = phase;
		b->first_task = task;
	}
	if (phase > b->last || (phase == b->last && task > b->last_task)) {
		b->last = phase;
		b->last_task = task;
	}
}

/* ---- Tasks ------------------------------------------------------------------------------- */

static struct phase *
phase_at(struct fast *f, int phase)
{
	while (phase >= f->phases) {
		size_t count = (size_t)f->phases, max = (size_t)f->phases_max;
		void *list = more(f, f->phase, count, &max, sizeof *f->phase);

		if (list == NULL)
			return NULL;
		f->phase = list;
		f->phases_max = (int)max;
		f->phase[f->phases++] = (struct phase){ 0 };
	}
	return &f->phase[phase];
}

void
fast_task(struct fast *f, int phase, const struct task *t)
{
	struct phase *p = phase_at(f, phase);
	void *list = p == NULL ? NULL
			       : more(f, p->task, p->tasks, &p->tasks_max, sizeof *p->task);

	if (list == NULL)
		return;
	p->task = list;
	for (int i = 0; i < TASK_PLACES; i++)
		touch(f, t->at[i], phase, (int)p->tasks);
	p->task[p->tasks++] = *t;
}

/* The end of a phase sees the whole batch. */
void
fast_end(struct fast *f, int phase, const struct task *t)
{
	struct phase *p = phase_at(f, phase);
	void *list = p == NULL ? NULL : more(f, p->end, p->ends, &p->ends_max, sizeof *p->end);

	if (list == NULL)
		return;
	p->end = list;
	for (int i = 0; i < TASK_PLACES; i++)
		if (t->at[i].block >= 0) {
			touch(f, t->at[i], phase, INT32_MAX);
			f->block[t->at[i].block].kept = true;
		}
	p->end[p->ends++] = *t;
}

void
fast_early(struct fast *f, const struct task *t)
{
	void *list = more(f, f->early, f->earlies, &f->earlies_max, sizeof *f->early);

	if (list == NULL)
		return;
	f->early = list;
	f->early[f->earlies++] = *t;
}

void
fast_touch(struct fast *f, struct place at, int phase, bool whole)
{
	if (at.block < 0 || (!whole && phase >= f->phases))
		return;
	touch(f, at, phase, whole ? INT32_MAX : (int)f->phase[phase].tasks - 1);
	if (whole)
		f->block[at.block].kept = true;
}

void
fast_fix(struct fast *f, int phase)
{
	if (phase < f->phases)
		f->phase[phase].fixed = true;
}

void
fast_scratch(struct fast *f, size_t bytes)
{
	if (f->scratch_size < bytes)
		f->scratch_size = bytes;
}

/* ---- Order of channels ------------------------------------------------------------------- */

bool
fast_has_order(const struct nn_tensor *t)
{
	return t->rank > 2 && fast_channels(t) > 1 && fast_pixels(t) > 1;
}

struct place
fast_turned(struct fast *f, const struct nn_tensor *t, struct place from, bool last, int phase)
{
	struct task k = { .run = task_turn,
		.pixels = fast_pixels(t),
		.channels = fast_channels(t),
		.adds = last };

	k.at[0] = fast_room(f, t, true);
	k.at[1] = from;
	k.at[2] = k.at[3] = nowhere;
	fast_task(f, phase, &k);
	return k.at[0];
}

struct place
fast_dense(struct fast *f, const struct nn_tensor *t, struct place from, int phase)
{
	struct task k = {
		.run = task_copy, .pixels = fast_pixels(t), .channels = fast_channels(t)
	};

	if (from.step == k.channels)
		return from;
	k.at[0] = fast_room(f, t, true);
	k.at[1] = from;
	k.at[2] = k.at[3] = nowhere;
	fast_task(f, phase, &k);
	return k.at[0];
}

/* ---- Values ------------------------------------------------------------------------------ */

/* What no node of ours makes stands where the plan says. */
static struct place
given_place(struct fast *f, struct fast_value *v)
{
	v->place = fast_room(f, v->t, v->batched);
	if (v->place.block >= 0)
		f->block[v->place.block].given = &v->t->data;
	return v->place;
}

int
fast_ready(struct fast *f, int32_t value)
{
	const struct fast_value *v = value_of(f, value);

	if (v->again)
		return fast_cheap_ready(f, &f->node[v->node]);
	return v->phase > f->now ? v->phase : f->now;
}

static struct place
made_again(struct fast *f, struct fast_value *v, int phase)
{
	struct made *m;

	for (m = v->made; m != NULL; m = m->next)
		if (m->phase == phase)
			return m->place;
	m = fast_take(f, sizeof *m);
	if (m == NULL)
		return nowhere;
	*m = (struct made){ phase, fast_room(f, v->t, true), v->made };
	v->made = m;
	fast_cheap(f, &f->node[v->node], phase, m->place);
	return m->place;
}

struct place
fast_read(struct fast *f, int32_t value, int phase, enum order order)
{
	struct fast_value *v = value_of(f, value);
	struct place at;

	if (v->again)
		at = made_again(f, v, phase);
	else if (v->place.block >= 0)
		at = v->place;
	else
		at = given_place(f, v);
	if (order == ORDER_ANY || !v->batched || !fast_has_order(v->t) ||
	    v->last == (order == ORDER_LAST))
		return at;
	return fast_turned(f, v->t, at, order == ORDER_LAST, phase);
}

/* The part of the concatenation's block that is the value's. */
static struct place
place_in_root(struct fast *f, const struct fast_value *v)
{
	struct fast_value *root = &f->value[v->root];
	struct place at;

	if (root->place.block < 0)
		root->place = fast_room(f, root->t, true);
	at = root->place;
	at.skip = v->root_skip;
	return at;
}

void
fast_store(struct fast *f, int32_t value, int phase, struct place at, bool last)
{
	struct fast_value *v = value_of(f, value);

	v->phase = phase;
	v->last = last;
	v->place = at;
	if (v->root >= 0 && &f->value[v->root] != v) {
		struct task k = { .run = task_copy,
			.pixels = fast_pixels(v->t),
			.channels = fast_channels(v->t) };

		v->fresh = at;
		v->place = k.at[0] = place_in_root(f, v);
		k.at[1] = at;
		k.at[2] = k.at[3] = nowhere;
		fast_task(f, phase, &k);
	}
	fast_sum_up(f, value);
}
