/*
 * Places for lives: they are taken in the order of their births; what has ended gives its place
 * back, and the smallest hole that is large enough is used again.
 */
#include <stdlib.h>

#include "lifetime.h"

struct hole {
	size_t at, size;
};

struct holes {
	struct hole *v; /* by place; two never touch */
	size_t n;
	size_t top; /* end of all that was ever used */
};

static size_t
rounded(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static size_t
take_place(struct holes *h, size_t size)
{
	size_t best = h->n, at;

	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].size >= size && (best == h->n || h->v[i].size < h->v[best].size))
			best = i;
	if (best == h->n) {
		at = h->top;
		if (h->n > 0 && h->v[h->n - 1].at + h->v[h->n - 1].size == h->top)
			at = h->v[--h->n].at;
		h->top = at + size;
		return at;
	}
	at = h->v[best].at;
	h->v[best].at += size;
	h->v[best].size -= size;
	if (h->v[best].size == 0) {
		memmove(&h->v[best], &h->v[best + 1], (h->n - best - 1) * sizeof *h->v);
		h->n--;
	}
	return at;
}

static void
give_back(struct holes *h, size_t at, size_t size)
{
	size_t low = 0, high = h->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (h->v[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	if (low > 0 && h->v[low - 1].at + h->v[low - 1].size == at) {
		h->v[low - 1].size += size;
		if (low < h->n && at + size == h->v[low].at) {
			h->v[low - 1].size += h->v[low].size;
			memmove(&h->v[low], &h->v[low + 1], (h->n - low - 1) * sizeof *h->v);
			h->n--;
		}
	} else if (low < h->n && at + size == h->v[low].at) {
		h->v[low].at = at;
		h->v[low].size += size;
	} else {
		memmove(&h->v[low + 1], &h->v[low], (h->n - low) * sizeof *h->v);
		h->v[low] = (struct hole){ at, size };
		h->n++;
	}
}

static int
by_start(const void *a, const void *b)
{
	const struct life *x = *(struct life *const *)a, *y = *(struct life *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* The larger first, then by identity, so that the order is always the same. */
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Lives by the time of their end, as lists: next[i] follows order[i]. */
struct ends {
	size_t *first, *next; /* numbers in `order` plus one; 0 ends a list */
};

bool
lives_place(struct ctx *c, struct life *life, size_t n, int64_t end, size_t *ret_size)
{
	struct life **order = take(c, n * sizeof(struct life *) + 1);
	struct holes h = { take(c, (n + 1) * sizeof *h.v), 0, 0 };
	struct ends e = { take(c, ((size_t)end + 1) * sizeof *e.first),
		take(c, n * sizeof *e.next + 1) };
	size_t count = 0;
	int64_t time = 0;

	if (order == NULL || h.v == NULL || e.first == NULL || e.next == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (life[i].size > 0)
			order[count++] = &life[i];
	qsort(order, count, sizeof(struct life *), by_start);
	for (size_t i = 0; i < count; i++) {
		struct life *l = order[i];

		for (; time < l->start; time++)
			for (size_t d = e.first[time]; d != 0; d = e.next[d - 1])
				give_back(&h, order[d - 1]->at, rounded(order[d - 1]->size));
		l->at = take_place(&h, rounded(l->size));
		e.next[i] = e.first[l->end];
		e.first[l->end] = i + 1;
	}
	*ret_size = h.top;
	return true;
}
