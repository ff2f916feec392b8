/*
 * The standard way: a pool of phi times as many candidates as are locked, positions drawn from it
 * by a keyed stream, a climb on those alone. How many are needed is found first, on a throw-away
 * stream, so that the search says nothing about the draw that counts.
 */
#include "advparams.h"

/* Most of the trials have to meet the target. */
enum { TRIALS = 3, FIRST = 8 };

static void
list_done(struct candidate **list)
{
	free(*list);
}

/* Within what a key can hold. */
int64_t
lock_more(int64_t count)
{
	int64_t n = (count * 3 + 1) / 2;

	return n < UNLOCK_ENTRIES_MAX ? n : UNLOCK_ENTRIES_MAX;
}

static void
order_done(uint32_t **order)
{
	free(*order);
}

bool
lock_order(struct ctx *c, const struct lock *l, const char *tag, uint32_t draw, uint32_t ret[])
{
	struct key256 key;
	struct prf s;

	if (!prf_subkey(c, l->release, "pool", &key))
		return false;
	s = prf_stream(&key, tag, 0, draw);
	key256_done(&key);
	prf_perm(&s, (uint32_t)l->pool, ret);
	return prf_end(c, &s);
}

/* The first `count` of a permutation of the pool. */
MUST static bool
choose(struct ctx *c, struct lock *l, const char *tag, uint32_t draw,
    const struct candidate pool[], struct candidate to[], int64_t count)
{
	owned(order_done) uint32_t *order = malloc((size_t)(l->pool + 1) * sizeof *order);

	if (order == NULL)
		return fail(c, E_MEMORY, "no memory for %lld candidates", (long long)l->pool);
	if (!lock_order(c, l, tag, draw, order))
		return false;
	for (int64_t i = 0; i < count; i++)
		to[i] = pool[order[i]];
	return true;
}

bool
lock_pool_for(struct ctx *c, struct lock *l, int64_t count, struct candidate **ret)
{
	if (!lock_pool(c, l, count * l->options.phi, ret, &l->pool))
		return false;
	if (l->pool < count)
		return fail(c, E_CONFLICT,
		    "only %lld weights can be moved at all, and %lld would be needed: the "
		    "target is out of reach",
		    (long long)l->pool, (long long)count);
	return true;
}

/* One draw of `count`, and the climb from the plain weights; *ret: the target is met. */
MUST static bool
try_draw(struct ctx *c, struct lock *l, const char *tag, uint32_t draw,
    const struct candidate pool[], int64_t count, bool *ret)
{
	owned(list_done) struct candidate *chosen = malloc(
	    (size_t)(count + 1) * sizeof *chosen);

	if (chosen == NULL)
		return fail(c, E_MEMORY, "no memory for %lld positions", (long long)count);
	lock_reset(l);
	return choose(c, l, tag, draw, pool, chosen, count) &&
	    lock_climb(c, l, chosen, count, ret);
}

/* Most of a few throw-away draws meet the target. */
MUST static bool
is_enough(struct ctx *c, struct lock *l, int64_t count, bool *ret)
{
	owned(list_done) struct candidate *pool = NULL;
	int met = 0, missed = 0;

	if (!lock_pool_for(c, l, count, &pool))
		return false;
	while (met <= TRIALS / 2 && missed <= TRIALS / 2) {
		bool now = false;

		if (!try_draw(c, l, "trial", (uint32_t)(met + missed), pool, count, &now))
			return false;
		met += now;
		missed += !now;
	}
	*ret = met > missed;
	return true;
}

/*
 * As many as are needed on the throw-away stream: doubled until enough, then halved in between, as
 * finely as draws differ from each other.
 */
MUST static bool
find_count(struct ctx *c, struct lock *l, int64_t *ret)
{
	int64_t enough = FIRST, few = 0;
	bool met = false;

	lock_say(l, "how many weights are needed");
	for (;; enough *= 2) {
		if (lock_more(enough) >= UNLOCK_ENTRIES_MAX)
			return fail(c, E_CONFLICT,
			    "not even %lld locked weights bring the model to %.1f %%: a larger "
			    "step or a higher target may help",
			    (long long)few, 100 * l->target);
		if (!is_enough(c, l, enough, &met))
			return false;
		if (met)
			break;
		few = enough;
	}
	while (enough - few > 1 + enough / 8) {
		int64_t middle = (enough + few) / 2;

		if (!is_enough(c, l, middle, &met))
			return false;
		if (met)
			enough = middle;
		else
			few = middle;
	}
	*ret = enough;
	return true;
}

/* Draws [first, last) of `count` positions, until one meets the target. */
MUST static bool
draw_some(
    struct ctx *c, struct lock *l, uint32_t first, uint32_t last, int64_t count, bool *ret)
{
	owned(list_done) struct candidate *pool = NULL;

	if (!lock_pool_for(c, l, count, &pool))
		return false;
	for (uint32_t draw = first; draw < last && !*ret; draw++) {
		lock_say(l, "a draw of positions");
		l->draws = draw + 1;
		if (!try_draw(c, l, "pool", draw, pool, count, ret))
			return false;
	}
	return true;
}

bool
lock_pooled(struct ctx *c, struct lock *l, bool *ret_reached)
{
	int64_t count = l->options.count;

	*ret_reached = false;
	if ((count == 0 && !find_count(c, l, &count)) ||
	    !draw_some(c, l, 0, LOCK_DRAWS_PLAIN, count, ret_reached) ||
	    (!*ret_reached &&
		!draw_some(c, l, LOCK_DRAWS_PLAIN, LOCK_DRAWS, lock_more(count), ret_reached)))
		return false;
	if (*ret_reached)
		return true;
	return fail(c, E_CONFLICT,
	    "after %d draws, the last of %lld out of %lld candidates, the model still answers "
	    "%.1f %% of the validation set rightly, and %.1f %% were to be left",
	    LOCK_DRAWS, (long long)lock_more(count), (long long)l->pool, 100 * l->accuracy,
	    100 * l->target);
}
