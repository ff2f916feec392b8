/*
 * Candidates of the standard lock: the weights that promise the most loss on their way to the end
 * of their range, by |gradient * way|, with no more than a share of them in one tensor.
 *
 * Gradients of a model that works say little about what matters once many weights have moved. So
 * the pool is found on the way: all present candidates go the phi-th part of theirs, which takes
 * the model as far as a draw of every phi-th one will, in the mean; gradients are added up, and
 * the candidates chosen anew. A tensor's best are found with a heap of its own, the best of all
 * follow from those, so that memory depends on the pool alone.
 */
#include <math.h>

#include "advparams.h"

/* Passes on the way. */
enum { PATH = 16 };

static void
list_done(struct candidate **list)
{
	free(*list);
}

/* ---- The best of many -------------------------------------------------------------------- */

/* True if a is the worse candidate; of two alike, the later one is. */
static bool
worse(const struct candidate *a, const struct candidate *b)
{
	if (a->score != b->score)
		return a->score < b->score;
	return a->tensor != b->tensor ? a->tensor > b->tensor : a->index > b->index;
}

static int
by_score(const void *a, const void *b)
{
	return worse(a, b) ? 1 : worse(b, a) ? -1 : 0;
}

/* A heap whose first is the worst: sinks what stands at `at` to its place. */
static void
sink(struct candidate heap[], int64_t n, int64_t at)
{
	for (;;) {
		int64_t child = 2 * at + 1;
		struct candidate moved = heap[at];

		if (child + 1 < n && worse(&heap[child + 1], &heap[child]))
			child++;
		if (child >= n || !worse(&heap[child], &moved))
			return;
		heap[at] = heap[child];
		heap[child] = moved;
		at = child;
	}
}

/* Lifts the last of a heap of n to its place. */
static void
lift(struct candidate heap[], int64_t n)
{
	for (int64_t at = n - 1; at > 0;) {
		int64_t parent = (at - 1) / 2;
		struct candidate moved = heap[at];

		if (!worse(&moved, &heap[parent]))
			return;
		heap[at] = heap[parent];
		heap[parent] = moved;
		at = parent;
	}
}

/* How far the weight may go in so many steps, up the gradients that were added up; signed. */
static float
way(const struct lockable *t, int64_t i, int64_t steps)
{
	float from = t->plain[i], far = t->step * (float)steps, room;

	if (from < t->floor || from > t->top)
		return 0;
	if (t->gradient[i] > 0) {
		room = t->high - from;
		return room <= 0 ? 0 : room < far ? room : far;
	}
	room = from - t->low;
	return room <= 0 ? 0 : room < far ? -room : -far;
}

/* The best of one tensor, at most `most`; in no order. */
static int64_t
best_of(const struct lockable *t, uint32_t tensor, int64_t rounds, int64_t most,
    struct candidate to[])
{
	int64_t n = 0;

	for (int64_t i = 0; i < t->count; i++) {
		double gain = fabs((double)t->gradient[i] * (double)way(t, i, rounds));
		struct candidate it = { gain, tensor, (uint32_t)i };

		if (!(it.score > 0))
			continue;
		if (n < most) {
			to[n++] = it;
			lift(to, n);
		} else if (worse(&to[0], &it)) {
			to[0] = it;
			sink(to, n, 0);
		}
	}
	return n;
}

/* The pool by the gradients that were added up so far. */
MUST static bool
best_of_all(struct ctx *c, struct lock *l, int64_t size, struct candidate **ret, int64_t *ret_n)
{
	owned(list_done) struct candidate *list = NULL;
	int64_t most = (int64_t)ceil(l->options.cap * (double)size), room = 0, n = 0;
	int64_t even = (size + (int64_t)l->tensors - 1) / (int64_t)l->tensors;

	/* With few tensors the cap has to give way. */
	most = most > even ? most : even;
	for (size_t i = 0; i < l->tensors; i++)
		room += most < l->tensor[i].count ? most : l->tensor[i].count;
	list = malloc((size_t)(room + 1) * sizeof *list);
	if (list == NULL)
		return fail(c, E_MEMORY, "no memory for %lld candidates", (long long)room);
	for (size_t i = 0; i < l->tensors; i++)
		n += best_of(&l->tensor[i], (uint32_t)i, l->options.rounds, most, list + n);
	qsort(list, (size_t)n, sizeof *list, by_score);
	*ret = steal(list);
	*ret_n = n < size ? n : size;
	return true;
}

/* ---- On the way -------------------------------------------------------------------------- */

MUST static bool
sums_clear(struct ctx *c, struct lock *l)
{
	for (size_t i = 0; i < l->tensors; i++) {
		struct lockable *t = &l->tensor[i];

		if (t->gradient == NULL)
			t->gradient = malloc((size_t)t->count * sizeof *t->gradient);
		if (t->gradient == NULL)
			return fail(
			    c, E_MEMORY, "no memory for %lld gradients", (long long)t->count);
		memset(t->gradient, 0, (size_t)t->count * sizeof *t->gradient);
	}
	return true;
}

static void
sums_add(struct lock *l)
{
	for (size_t i = 0; i < l->tensors; i++) {
		const float *gradient = slope_of(l->slope, l->tensor[i].weight);

		for (int64_t k = 0; k < l->tensor[i].count; k++)
			l->tensor[i].gradient[k] += gradient[k];
	}
}

/* Puts each candidate the phi-th part of so many steps from where it was. */
static void
go(struct lock *l, const struct candidate pool[], int64_t n, int64_t steps)
{
	lock_reset(l);
	for (int64_t i = 0; i < n; i++) {
		const struct lockable *t = &l->tensor[pool[i].tensor];
		uint32_t k = pool[i].index;

		t->v[k] = t->plain[k] + way(t, k, steps) / (float)l->options.phi;
	}
	nn_graph_changed(l->model->graph);
	l->rounds = steps;
}

bool
lock_pool(struct ctx *c, struct lock *l, int64_t size, struct candidate **ret, int64_t *ret_n)
{
	owned(list_done) struct candidate *pool = NULL;
	int64_t n = 0;

	lock_reset(l);
	if (!sums_clear(c, l))
		return false;
	for (int64_t i = 1; i <= PATH; i++) {
		list_done(&pool);
		pool = NULL;
		if (!lock_pass(c, l))
			return false;
		sums_add(l);
		if (!best_of_all(c, l, size, &pool, &n))
			return false;
		go(l, pool, n, i);
	}
	lock_reset(l);
	*ret = steal(pool);
	*ret_n = n;
	return true;
}
