/*
 * A parameter lock told again. Its candidates follow from plain weights and data, and which of them
 * were drawn from the release's secret, so that nothing but the entries need have been kept. How
 * many were drawn is known by the entries but for those weights that the climb has left where they
 * were, which are few.
 */
#include "advparams.h"

/* So many of the drawn may have stayed where they were. */
enum { STAYED_MAX = 3 };

/* The entries that are looked for. */
struct wanted {
	const struct unlock_entry *entry;
	uint32_t n;
};

static void
list_done(struct candidate **list)
{
	free(*list);
}

static int
by_place(const void *a, const void *b)
{
	const struct unlock_entry *x = a, *y = b;

	if (x->tensor != y->tensor)
		return x->tensor < y->tensor ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Are all entries among these candidates? */
static bool
holds(const struct lock *l, const struct candidate pool[], const uint32_t order[],
    int64_t count, const struct wanted *w)
{
	uint32_t found = 0;

	for (int64_t i = 0; i < count; i++) {
		const struct candidate *at = &pool[order[i]];
		struct unlock_entry e = { l->tensor[at->tensor].tensor, at->index, 0 };

		found += bsearch(&e, w->entry, w->n, sizeof e, by_place) != NULL;
	}
	return found == w->n;
}

MUST static bool
put(struct ctx *c, const struct lock *l, const struct candidate pool[], const uint32_t order[],
    int64_t count, uint32_t draw, struct advparams_told *ret)
{
	struct advparams_place *place = take(c, (size_t)l->pool * sizeof *place);

	if (place == NULL)
		return false;
	for (int64_t i = 0; i < l->pool; i++) {
		const struct candidate *from = &pool[order[i]];
		const struct lockable *t = &l->tensor[from->tensor];

		place[i] = (struct advparams_place){ t->tensor, from->index,
			t->plain[from->index], t->step / (float)l->options.alpha,
			t->gradient[from->index] > 0 ? 1 : -1 };
	}
	*ret = (struct advparams_told){ place, l->pool, count, draw + 1 };
	return true;
}

/* Looks at draws [first, last) of `count` positions; ret->draws is 0 if it is none of them. */
MUST static bool
look(struct ctx *c, struct lock *l, int64_t count, const uint32_t span[2],
    const struct wanted *w, struct advparams_told *ret)
{
	owned(list_done) struct candidate *pool = NULL;
	uint32_t *order;

	if (!lock_pool_for(c, l, count, &pool))
		return false;
	order = take(c, (size_t)l->pool * sizeof *order);
	if (order == NULL)
		return false;
	for (uint32_t draw = span[0]; draw < span[1]; draw++) {
		if (!lock_order(c, l, "pool", draw, order))
			return false;
		if (holds(l, pool, order, count, w))
			return put(c, l, pool, order, count, draw, ret);
	}
	ret->draws = 0;
	return true;
}

MUST static bool
look_for(struct ctx *c, struct lock *l, const struct wanted *w, struct advparams_told *ret)
{
	static const uint32_t all[] = { 0, LOCK_DRAWS }, plain[] = { 0, LOCK_DRAWS_PLAIN },
			      more[] = { LOCK_DRAWS_PLAIN, LOCK_DRAWS };
	int64_t count = l->options.count;

	lock_say(l, "candidates of the lock");
	if (count > 0)
		return look(c, l, count, plain, w, ret) &&
		    (ret->draws > 0 || look(c, l, lock_more(count), more, w, ret));
	for (int64_t stayed = 0; stayed <= STAYED_MAX && ret->draws == 0; stayed++)
		if (!look(c, l, w->n + stayed, all, w, ret))
			return false;
	return true;
}

bool
advparams_tell(struct ctx *c, const struct protect_model *m, const struct protect_split *s,
    const struct key256 *release, const struct advparams_options *o,
    const struct unlock_entry entry[], uint32_t n, const struct protect_watch *watch,
    struct advparams_told *ret)
{
	owned(lock_done) struct lock l = {
		.model = m,
		.split = s,
		.release = release,
		.options = *o,
		.watch = watch,
	};
	struct wanted w = { entry, n };
	struct advparams_told told = { 0 };

	if (n == 0 || o->mode != ADVPARAMS_POOLED)
		return fail(c, E_CONFLICT,
		    "the positions of this lock were not drawn by a key: nothing can be told by "
		    "them");
	if (!lock_begin(c, &l, &s->lock))
		return false;
	if (!look_for(c, &l, &w, &told)) {
		lock_reset(&l);
		return false;
	}
	if (told.draws == 0)
		return fail(c, E_CONFLICT,
		    "the lock's %u positions cannot be drawn again: give the data and options "
		    "that it was made with",
		    n);
	*ret = told;
	return true;
}
