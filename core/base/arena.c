/*
 * The arena: memory for one request or job, taken piece by piece and freed all at once. Blocks
 * come from malloc and double in size; the first one is kept over a reset, so that a server's
 * steady state allocates nothing.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base.h"

enum { FIRST_BLOCK = 4096 };

struct block {
	struct block *next; /* the older one */
	size_t size;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *top; /* the newest, the one that is taken from */
	size_t at;         /* first free byte of it */
	size_t used, max;  /* over all blocks */
};

static struct block *
block_new(struct block *next, size_t size)
{
	struct block *b = malloc(sizeof *b + size);

	if (b == NULL)
		return NULL;
	b->next = next;
	b->size = size;
	return b;
}

struct arena *
arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->max = max;
	a->top = block_new(NULL, max < FIRST_BLOCK ? max : FIRST_BLOCK);
	if (a->top == NULL)
		arena_free(&a);
	return a;
}

void
arena_free(struct arena **a)
{
	struct block *next;

	if (*a == NULL)
		return;
	for (struct block *b = (*a)->top; b != NULL; b = next) {
		next = b->next;
		explicit_bzero(b->bytes, b->size);
		free(b);
	}
	free(*a);
	*a = NULL;
}

void
arena_reset(struct arena *a)
{
	while (a->top->next != NULL) {
		struct block *older = a->top->next;

		explicit_bzero(a->top->bytes, a->top->size);
		free(a->top);
		a->top = older;
		a->at = older->size;
	}
	explicit_bzero(a->top->bytes, a->at);
	a->at = 0;
	a->used = 0;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

static bool
grow(struct arena *a, size_t need)
{
	size_t size = a->top->size * 2;
	struct block *b;

	if (size < need)
		size = need;
	b = block_new(a->top, size);
	if (b == NULL)
		return false;
	a->top = b;
	a->at = 0;
	return true;
}

static void *
take_raw(struct ctx *c, size_t size)
{
	struct arena *a = c->mem;
	size_t align = alignof(max_align_t), need;
	bool ok = a != NULL && size <= a->max - a->used && size <= SIZE_MAX / 4;
	void *p;

	need = (size + align - 1) & ~(align - 1);
	if (ok && need > a->top->size - a->at)
		ok = grow(a, need);
	if (!ok) {
		ok = fail(c, E_MEMORY, "no memory for %zu bytes", size);
		return NULL;
	}
	p = a->top->bytes + a->at;
	a->at += need;
	a->used += size;
	return p;
}

void *
take(struct ctx *c, size_t size)
{
	void *p = take_raw(c, size);

	return p == NULL ? NULL : memset(p, 0, size);
}

bool
take_copy(struct ctx *c, struct str from, struct str *ret)
{
	char *p = take(c, from.n + 1);

	if (p == NULL)
		return false;
	if (from.n > 0)
		memcpy(p, from.p, from.n);
	*ret = (struct str){ p, from.n };
	return true;
}

char *
take_cstr(struct ctx *c, struct str from)
{
	char *p = take(c, from.n + 1);

	if (p != NULL && from.n > 0)
		memcpy(p, from.p, from.n);
	return p;
}

char *
take_printf(struct ctx *c, const char *fmt, ...)
{
	va_list args, again;
	char *p;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	p = take(c, (size_t)n + 1);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(args);
	return p;
}

bool
take_buf(struct ctx *c, size_t max, struct buf *ret)
{
	char *p = take_raw(c, max);

	if (p == NULL)
		return false;
	*ret = (struct buf){ p, 0, max, false };
	return true;
}

bool
buf_sink(struct ctx *c, void *arg, struct str bytes)
{
	buf_put(arg, bytes);
	return buf_ok(c, arg);
}

bool
buf_ok(struct ctx *c, const struct buf *b)
{
	return b->full ? fail(c, E_LIMIT, "more than %zu bytes", b->max) : true;
}
