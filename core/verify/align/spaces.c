/*
 * Spaces of channels, and which of them belong together.
 */
#include "layers.h"

static int
root(const struct space *s, int i, bool scale)
{
	while ((scale ? s[i].scale : s[i].order) != i)
		i = scale ? s[i].scale : s[i].order;
	return i;
}

int
space_order(const struct layers *l, int i)
{
	return root(l->space, i, false);
}

int
space_scale(const struct layers *l, int i)
{
	return root(l->space, i, true);
}

int64_t
chord_size(const struct layers *l, const struct chord *c)
{
	int64_t sum = 0;

	for (int i = 0; i < c->n; i++)
		sum += l->space[c->space[i]].size;
	return sum;
}

/* A chord of one new space. Where there is no more room, channels are unknown from there on. */
struct chord
space_new(struct layers *l, int64_t size, bool fixed)
{
	int i = (int)l->spaces;

	if (l->spaces == SPACES_MAX)
		return (struct chord){ 0 };
	l->space[l->spaces++] =
	    (struct space){ .size = size, .order = i, .scale = i, .fixed = fixed };
	return (struct chord){ .n = 1, .space = { i } };
}

void
chord_fix(struct layers *l, const struct chord *c)
{
	for (int i = 0; i < c->n; i++)
		l->space[space_order(l, c->space[i])].fixed = true;
}

void
chord_unscale(struct layers *l, const struct chord *c)
{
	for (int i = 0; i < c->n; i++)
		l->space[space_scale(l, c->space[i])].unscaled = true;
}

static void
join(struct layers *l, int a, int b, bool scale)
{
	int into = root(l->space, a, scale), from = root(l->space, b, scale);

	if (into == from)
		return;
	l->space[into].fixed |= l->space[from].fixed;
	l->space[into].unscaled |= l->space[from].unscaled;
	if (scale)
		l->space[from].scale = into;
	else
		l->space[from].order = into;
}

/* Two values that are added have the same channels; where that cannot be, both stay as they are. */
void
chord_join(struct layers *l, const struct chord *a, const struct chord *b, bool scale)
{
	bool alike = a->n == b->n;

	for (int i = 0; alike && i < a->n; i++)
		alike = l->space[a->space[i]].size == l->space[b->space[i]].size;
	for (int i = 0; alike && i < a->n; i++) {
		join(l, a->space[i], b->space[i], false);
		if (scale)
			join(l, a->space[i], b->space[i], true);
	}
	if (!alike) {
		chord_fix(l, a);
		chord_fix(l, b);
	}
}

/* The same channels, free to have another scale. */
struct chord
chord_rescaled(struct layers *l, const struct chord *c)
{
	struct chord to = *c;

	for (int i = 0; i < c->n; i++) {
		struct chord one = space_new(l, l->space[c->space[i]].size, false);

		if (one.n == 0)
			return one;
		join(l, c->space[i], one.space[0], false);
		to.space[i] = one.space[0];
	}
	return to;
}
