/*
 * Lines in which questions wait. Whoever asks much waits behind himself: a question goes in front
 * of those whose askers had more before them in the line than its own asker has.
 */
#include "viewers_parts.h"

void
line_put(struct line *l, struct viewing *q)
{
	q->next = NULL;
	if (l->last != NULL)
		l->last->next = q;
	else
		l->first = q;
	l->last = q;
	l->n++;
}

struct viewing *
line_take(struct line *l)
{
	struct viewing *q = l->first;

	if (q == NULL)
		return NULL;
	l->first = q->next;
	if (l->first == NULL)
		l->last = NULL;
	l->n--;
	return q;
}

bool
line_remove(struct line *l, const struct viewing *q)
{
	struct viewing *before = NULL, *at = l->first;

	while (at != NULL && at != q) {
		before = at;
		at = at->next;
	}
	if (at == NULL)
		return false;
	if (before == NULL)
		return line_take(l) == q;
	before->next = at->next;
	if (l->last == at)
		l->last = before;
	l->n--;
	return true;
}

/* Of one watermark, and so of one vendor, whose customers have numbers. */
static bool
same_asker(const struct viewing *a, const struct viewing *b)
{
	return a->ask.claim.customer == b->ask.claim.customer;
}

void
line_join(struct line *l, struct viewing *q)
{
	struct viewing *before = NULL, *at;

	q->turn = 0;
	for (at = l->first; at != NULL; at = at->next)
		q->turn += same_asker(at, q);
	for (at = l->first; at != NULL; at = at->next) {
		if (at->sent == 0 && at->crashes == 0 && at->turn > q->turn)
			break;
		before = at;
	}
	if (at == NULL) {
		line_put(l, q);
		return;
	}
	q->next = at;
	if (before == NULL)
		l->first = q;
	else
		before->next = q;
	l->n++;
}
