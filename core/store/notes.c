/*
 * The ring of notes: audit rows of reads wait here for the next commit, copied, in memory that was
 * taken once. Writing one is a copy of a few hundred bytes under the store's lock. The writer
 * reads them in place; their space is free again when their commit is durable, so that a failing
 * disk loses none of them.
 */
#include "impl.h"

enum { RING = 4 << 20 }; /* a power of two: some ten thousand notes */

/* Before each note; a note never wraps, so that its texts are views. */
struct note {
	uint32_t size; /* with this header, a multiple of 8 */
	bool filler;   /* nothing here: the next one begins at the ring's start */
	int64_t at;
	uint16_t n[AUDIT_TEXTS];
};

bool
notes_new(struct ctx *c, struct notes *s)
{
	s->ring = calloc(1, RING);
	return s->ring != NULL ? true : fail(c, E_MEMORY, "no memory for the audit's notes");
}

void
notes_done(struct notes *s)
{
	free(s->ring);
	s->ring = NULL;
}

static struct note *
note_at(const struct notes *s, uint64_t at)
{
	return (struct note *)(void *)(s->ring + (at & (RING - 1)));
}

/* A place for `size` bytes in one piece; at the ring's end a filler, if there is room for both. */
static bool
place(struct notes *s, size_t size)
{
	size_t left = RING - (s->in & (RING - 1)), skip = size > left ? left : 0;

	if (size + skip > RING - (s->in - s->out))
		return false;
	if (skip >= sizeof(struct note))
		*note_at(s, s->in) = (struct note){ .size = (uint32_t)skip, .filler = true };
	s->in += skip;
	return true;
}

bool
notes_put(struct notes *s, int64_t at, const struct audit_entry *e)
{
	struct str texts[AUDIT_TEXTS];
	size_t size = sizeof(struct note);
	struct note *note;
	char *p;

	audit_texts(e, texts);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		size += texts[i].n;
	size = (size + 7) & ~(size_t)7;
	if (!place(s, size))
		return false;
	note = note_at(s, s->in);
	*note = (struct note){ .size = (uint32_t)size, .at = at };
	p = (char *)(note + 1);
	for (size_t i = 0; i < AUDIT_TEXTS; i++) {
		note->n[i] = (uint16_t)texts[i].n;
		if (texts[i].n > 0)
			memcpy(p, texts[i].p, texts[i].n);
		p += texts[i].n;
	}
	s->in += size;
	s->n++;
	return true;
}

/* Over a filler, and over an end that is too short to hold one. */
static void
skip(const struct notes *s, uint64_t *at)
{
	size_t left = RING - (*at & (RING - 1));

	if (left < sizeof(struct note))
		*at += left;
	else if (note_at(s, *at)->filler)
		*at += note_at(s, *at)->size;
}

bool
notes_next(
    const struct notes *s, uint64_t *at, uint64_t end, int64_t *ret_at, struct audit_entry *ret)
{
	struct str texts[AUDIT_TEXTS];
	const struct note *note;
	const char *p;

	if (*at < end)
		skip(s, at);
	if (*at >= end)
		return false;
	note = note_at(s, *at);
	p = (const char *)(note + 1);
	for (size_t i = 0; i < AUDIT_TEXTS; i++) {
		texts[i] = (struct str){ p, note->n[i] };
		p += note->n[i];
	}
	audit_entry_of(texts, ret);
	*ret_at = note->at;
	*at += note->size;
	return true;
}

void
notes_drop(struct notes *s, uint64_t at, unsigned n)
{
	s->out = at;
	s->n -= n;
}
