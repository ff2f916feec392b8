/*
 * How many images a thread takes at a time in each phase, and where each block lies: what lives
 * within one phase in the thread's own memory, the rest in the plan's, as long as it is needed.
 */
#include <sys/mman.h>

#include "fast_weights.h"
#include "lifetime.h"

enum {
	CACHE_BYTES = 768 << 10, /* that what one task touches shall fit into */
	CHUNK_INFER = 16,
	PAGE = 4096,
	HUGE_PAGE = 2 << 20,
	MACS_A_MICROSECOND = 100000, /* of a usual core */
	BYTES_A_MICROSECOND = 20000,
	WORTH_MICROSECONDS = 2,
};

/* ---- Chunks ------------------------------------------------------------------------------ */

static int64_t
touched_by(const struct fast *f, const struct task *t)
{
	int64_t bytes = 0;

	for (int i = 0; i < TASK_PLACES; i++) {
		const struct block *b = t->at[i].block < 0 ? NULL : &f->block[t->at[i].block];
		bool again = false;

		for (int j = 0; j < i; j++)
			again = again || t->at[j].block == t->at[i].block;
		if (b != NULL && !b->whole && !again)
			bytes += b->bytes;
	}
	return bytes;
}

static int64_t
chunk_of(const struct fast *f, const struct phase *p)
{
	int64_t most = 1, chunk, chunks, limit = f->backward ? CHUNK_MAX : CHUNK_INFER;

	for (size_t i = 0; i < p->tasks; i++)
		if (touched_by(f, &p->task[i]) > most)
			most = touched_by(f, &p->task[i]);
	chunk = CACHE_BYTES / most;
	chunk = chunk < 1 ? 1 : chunk > limit ? limit : chunk;
	chunks = (f->batch + chunk - 1) / chunk;
	chunks = (chunks + f->threads - 1) / f->threads * f->threads;
	chunk = (f->batch + chunks - 1) / chunks;
	return chunk < 1 ? 1 : chunk;
}

static void
chunks(struct fast *f)
{
	int64_t least = f->batch < 1 ? 1 : f->batch;

	for (int i = 0; i < f->phases; i++) {
		f->phase[i].chunk = chunk_of(f, &f->phase[i]);
		if (f->phase[i].tasks > 0 && f->phase[i].chunk < least)
			least = f->phase[i].chunk;
	}
	for (int i = 0; f->one_chunk && i < f->phases; i++)
		f->phase[i].chunk = least;
}

/* ---- One image for all threads ----------------------------------------------------------- */

/* Microseconds of work, roughly. */
static double
cost_of(const struct fast *f, const struct task *t)
{
	if (t->run == task_conv)
		return (double)nn_count(t->node->step->call.in[1]) * (double)t->pixels /
		    MACS_A_MICROSECOND;
	return (double)touched_by(f, t) / BYTES_A_MICROSECOND;
}

static bool
can_split(const struct fast *f, const struct task *t)
{
	if (t->run == task_conv || t->run == task_pool)
		return !t->node->transposed && f->value[t->node->x].t->rank == 4 &&
		    f->value[t->node->y].t->dim[2] >= f->threads;
	return t->run == task_affine || t->run == task_affine_add || t->run == task_add ||
	    t->run == task_act || t->run == task_copy;
}

/* Meeting after each task costs something, too: what is short is done by one thread. */
static void
split(struct fast *f)
{
	if (f->backward || f->batch != 1 || f->threads < 2 || f->threads > CONV_VARIANTS)
		return;
	for (int i = 0; i < f->phases; i++)
		for (size_t j = 0; j < f->phase[i].tasks; j++) {
			struct task *t = &f->phase[i].task[j];

			t->split = can_split(f, t) && cost_of(f, t) > WORTH_MICROSECONDS;
			f->split = f->split || t->split;
			if (t->run == task_conv)
				t->node->split = t->split;
		}
}

/* ---- Places ------------------------------------------------------------------------------ */

/* Collects, places and hands out: `chosen` says which blocks, and when each lives. */
typedef bool chosen_fn(const struct fast *, const struct block *, int phase, struct life *ret);

static bool
is_local(const struct fast *f, const struct block *b, int phase, struct life *ret)
{
	if (b->kept || b->given != NULL || b->first != phase || b->last != phase)
		return false;
	*ret = (struct life){ b->first_task, b->last_task,
		(size_t)(b->bytes * f->phase[phase].chunk), 0 };
	return true;
}

static bool
is_kept(const struct fast *f, const struct block *b, int phase, struct life *ret)
{
	(void)phase;
	if (!b->kept || b->given != NULL || b->last < 0)
		return false;
	*ret = (struct life){ b->first, b->for_ever ? f->phases : b->last,
		(size_t)(b->whole ? b->bytes : b->bytes * f->batch), 0 };
	return true;
}

static bool
place(
    struct ctx *c, struct fast *f, chosen_fn *chosen, int phase, int64_t end, size_t *ret_size)
{
	struct life *life = fast_take(f, f->blocks * sizeof *life);
	size_t n = 0, next = 0;
	struct life one;

	if (life == NULL)
		return fail(c, E_MEMORY, "no memory for a plan");
	for (size_t i = 0; i < f->blocks; i++)
		if (chosen(f, &f->block[i], phase, &life[n]))
			n++;
	if (!lives_place(c, life, n, end, ret_size))
		return false;
	for (size_t i = 0; i < f->blocks; i++)
		if (chosen(f, &f->block[i], phase, &one))
			f->block[i].at = life[next++].at;
	return true;
}

static void
decide_kept(struct fast *f)
{
	for (size_t i = 0; i < f->blocks; i++) {
		struct block *b = &f->block[i];

		b->kept = b->given == NULL &&
		    (b->kept || b->whole || b->for_ever || b->first != b->last);
	}
}

static bool
place_all(struct ctx *c, struct fast *f, size_t *ret_kept)
{
	struct ctx own = *c;
	bool ok;

	own.mem = f->mem;
	decide_kept(f);
	ok = place(&own, f, is_kept, 0, f->phases, ret_kept);
	for (int i = 0; ok && i < f->phases; i++) {
		size_t size = 0;

		if (f->phase[i].tasks == 0)
			continue;
		ok = place(&own, f, is_local, i, (int64_t)f->phase[i].tasks, &size);
		if (size > f->local_size)
			f->local_size = size;
	}
	if (!ok)
		c->err = own.err;
	return ok;
}

bool
fast_memory(struct ctx *c, struct fast *f)
{
	size_t kept = 0, threads = (size_t)f->threads;

	chunks(f);
	split(f);
	if (!place_all(c, f, &kept))
		return false;
	for (size_t i = 0; i < f->nodes; i++)
		if (!fast_weights_new(c, f, &f->node[i]))
			return false;
	kept = (kept + PAGE) / PAGE * PAGE;
	f->local_size = (f->local_size + PAGE) / PAGE * PAGE;
	f->scratch_size = (f->scratch_size + PAGE) / PAGE * PAGE;
	f->local_at = kept;
	f->memory_size = kept + threads * (f->local_size + f->scratch_size);
	f->plan->memory_size = f->memory_size;
	if (f->memory_size > f->plan->options.memory_max - f->plan->weight_grads_size)
		return fail(c, E_LIMIT, "the model needs %zu bytes of memory", f->memory_size);
	f->memory = aligned_alloc(PAGE, f->memory_size);
	if (f->memory != NULL && f->memory_size >= HUGE_PAGE)
		(void)madvise(f->memory, f->memory_size, MADV_HUGEPAGE);
	if (f->memory == NULL || f->failed)
		return fail(c, E_MEMORY, "no memory for %zu bytes", f->memory_size);
	return true;
}
