/*
 * The standard way, ALGORITHMS: a pool of phi times as many candidates as are locked, positions
 * drawn from it by a keyed stream, a climb on those alone. How many are needed is found first, on
 * a throw-away stream, so that the draw that counts says nothing about the search.
 */
#include "advparams.h"

/* The last draws take half as many again. */
enum { DRAWS = 10, DRAWS_PLAIN = 5, FIRST = 8 };

static void
list_done(struct candidate **list)
{
	free(*list);
}

/* Half as many again, within what a key can hold. */
static int64_t
more(int64_t count)
{
	int64_t n = (count * 3 + 1) / 2;

	return n < UNLOCK_ENTRIES_MAX ? n : UNLOCK_ENTRIES_MAX;
}

/* The first `count` of a permutation of the pool. */
MUST static bool
choose(struct ctx *c, struct lock *l, const char *tag, uint32_t draw,
    const struct candidate pool[], int64_t size, struct candidate to[], int64_t count)
{
	uint32_t *order = take(c, (size_t)(size + 1) * sizeof *order);
	struct key256 key;
	struct prf s;

	if (order == NULL || !prf_subkey(c, l->release, "pool", &key))
		return false;
	s = prf_stream(&key, tag, 0, draw);
	key256_done(&key);
	prf_perm(&s, (uint32_t)size, order);
	for (int64_t i = 0; i < count; i++)
		to[i] = pool[order[i]];
	return prf_end(c, &s);
}

/* One draw of `count`, and the climb from the plain weights; *ret: the target is met. */
MUST static bool
try_draw(
    struct ctx *c, struct lock *l, const char *tag, uint32_t draw, int64_t count, bool *ret)
{
	owned(list_done) struct candidate *pool = NULL;
	owned(list_done) struct candidate *chosen = NULL;

	if (!lock_pool(c, l, count * l->options.phi, &pool, &l->pool))
		return false;
	if (l->pool < count)
		return fail(c, E_CONFLICT,
		    "only %lld weights can be moved at all, and %lld would be needed: the "
		    "target is out of reach",
		    (long long)l->pool, (long long)count);
	chosen = malloc((size_t)(count + 1) * sizeof *chosen);
	if (chosen == NULL)
		return fail(c, E_MEMORY, "no memory for %lld positions", (long long)count);
	return choose(c, l, tag, draw, pool, l->pool, chosen, count) &&
	    lock_climb(c, l, chosen, count, ret);
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
		if (enough * 3 / 2 > UNLOCK_ENTRIES_MAX)
			return fail(c, E_CONFLICT,
			    "not even %lld locked weights bring the model to %.1f %%: a larger "
			    "step or a higher target may help",
			    (long long)few, 100 * l->target);
		if (!try_draw(c, l, "trial", 0, enough, &met))
			return false;
		if (met)
			break;
		few = enough;
	}
	while (enough - few > 1 + enough / 8) {
		int64_t middle = (enough + few) / 2;

		if (!try_draw(c, l, "trial", 0, middle, &met))
			return false;
		if (met)
			enough = middle;
		else
			few = middle;
	}
	*ret = more(enough);
	return true;
}

bool
lock_pooled(struct ctx *c, struct lock *l, bool *ret_reached)
{
	int64_t count = l->options.count;

	if (count == 0 && !find_count(c, l, &count))
		return false;
	*ret_reached = false;
	for (l->draws = 0; l->draws < DRAWS && !*ret_reached; l->draws++) {
		int64_t now = l->draws < DRAWS_PLAIN ? count : more(count);

		lock_say(l, "a draw of positions");
		if (!try_draw(c, l, "pool", (uint32_t)l->draws, now, ret_reached))
			return false;
	}
	if (*ret_reached)
		return true;
	return fail(c, E_CONFLICT,
	    "after %d draws, the last of %lld out of %lld candidates, the model still answers "
	    "%.1f %% of the validation set rightly, and %.1f %% were to be left",
	    DRAWS, (long long)more(count), (long long)l->pool, 100 * l->accuracy,
	    100 * l->target);
}
