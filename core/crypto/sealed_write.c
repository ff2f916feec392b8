/*
 * Writes a sealed file to a descriptor. The last chunk is sealed otherwise than the others, so a
 * full chunk is held back until it is known whether more follows. Whole chunks that come in one
 * piece are sealed from where they lie, without a copy.
 */
#include "parts.h"

struct sealed_writer {
	struct sealed s;
	uint64_t position, size; /* chunks and plain bytes written so far */
	uint8_t *sealed;         /* one chunk with its tag */
	uint8_t *held;           /* plain bytes not yet written */
	size_t held_n;
	bool over; /* finished, or failed */
};

void
sealed_writer_free(struct sealed_writer **w)
{
	if (*w == NULL)
		return;
	sealed_done(&(*w)->s);
	if ((*w)->held != NULL)
		explicit_bzero((*w)->held, (*w)->s.chunk);
	free((*w)->held);
	free((*w)->sealed);
	free(*w);
	*w = NULL;
}

bool
sealed_writer_sized(struct ctx *c, int fd, const struct key256 *key, struct str aad,
    unsigned chunk_log, struct sealed_writer **ret)
{
	owned(sealed_writer_free) struct sealed_writer *w = calloc(1, sizeof *w);
	uint8_t header[SEALED_HEADER];

	if (w == NULL)
		return fail(c, E_MEMORY, "no memory");
	w->s.fd = fd;
	if (!sealed_begin(c, &w->s, key, aad, chunk_log, header))
		return false;
	w->held = malloc(w->s.chunk);
	w->sealed = malloc(w->s.chunk + GCM_TAG);
	if (w->held == NULL || w->sealed == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (!fd_write_all(c, fd, header, sizeof header))
		return false;
	*ret = steal(w);
	return true;
}

bool
sealed_writer_new(
    struct ctx *c, int fd, const struct key256 *key, struct str aad, struct sealed_writer **ret)
{
	return sealed_writer_sized(c, fd, key, aad, (unsigned)__builtin_ctz(SEALED_CHUNK), ret);
}

static bool
put_chunk(struct ctx *c, struct sealed_writer *w, struct str plain, bool last)
{
	if (!chunk_seal(c, &w->s, w->position, last, plain, w->sealed) ||
	    !fd_write_all(c, w->s.fd, w->sealed, plain.n + GCM_TAG))
		return false;
	w->position++;
	w->size += plain.n;
	return true;
}

static struct str
held(const struct sealed_writer *w)
{
	return (struct str){ (const char *)w->held, w->held_n };
}

/* Moves bytes from `*plain` to what is held. */
static void
hold(struct sealed_writer *w, struct str *plain)
{
	size_t room = w->s.chunk - w->held_n, n = plain->n < room ? plain->n : room;

	if (n == 0)
		return;
	memcpy(w->held + w->held_n, plain->p, n);
	w->held_n += n;
	*plain = (struct str){ plain->p + n, plain->n - n };
}

static bool
write_chunks(struct ctx *c, struct sealed_writer *w, struct str plain)
{
	if (w->held_n > 0)
		hold(w, &plain);
	if (plain.n > 0 && w->held_n == w->s.chunk) {
		if (!put_chunk(c, w, held(w), false))
			return false;
		w->held_n = 0;
	}
	while (plain.n > w->s.chunk) {
		if (!put_chunk(c, w, (struct str){ plain.p, w->s.chunk }, false))
			return false;
		plain = (struct str){ plain.p + w->s.chunk, plain.n - w->s.chunk };
	}
	hold(w, &plain);
	return true;
}

bool
sealed_write(struct ctx *c, struct sealed_writer *w, struct str plain)
{
	if (w->over)
		return fail(c, E_CONFLICT, "the sealed file is closed");
	if (plain.n > SEALED_PLAIN_MAX - w->size - w->held_n)
		return fail(c, E_LIMIT, "a sealed file holds at most 2^46 bytes");
	w->over = true;
	if (!write_chunks(c, w, plain))
		return false;
	w->over = false;
	return true;
}

bool
sealed_finish(struct ctx *c, struct sealed_writer *w, uint64_t *ret_plain_size)
{
	if (w->over)
		return fail(c, E_CONFLICT, "the sealed file is closed");
	w->over = true;
	if (!put_chunk(c, w, held(w), true))
		return false;
	*ret_plain_size = w->size;
	return true;
}
