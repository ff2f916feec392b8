/*
 * A save: its number, a text, the state, in a sealed file that opens only when it was written to
 * its end.
 */
#include <unistd.h>

#include "saves.h"

enum { NUMBER = 8, HEAD = NUMBER + 4 };

/* ---- Finding ----------------------------------------------------------------------------- */

MUST static bool
whole_read(struct ctx *c, struct sealed_file *f, char **ret, size_t *ret_n)
{
	uint64_t n = sealed_file_size(f);
	char *bytes;

	if (n < HEAD + SAVES_CURVE)
		return fail(c, E_INTEGRITY, "a save is cut short");
	bytes = malloc(n);
	if (bytes == NULL)
		return fail(c, E_MEMORY, "no memory to go on from what was saved");
	if (!sealed_file_read(c, f, 0, bytes, n)) {
		free(bytes);
		return false;
	}
	*ret = bytes;
	*ret_n = n;
	return true;
}

/* What the file holds; *ret is NULL if that is nothing whole. */
MUST static bool
save_read(struct ctx *c, const struct job_run *r, size_t out, char **ret, size_t *ret_n)
{
	owned(sealed_file_free) struct sealed_file *f = NULL;
	const struct job_blob *b = &r->message->out[out];
	owned(key256_done) struct key256 key = { 0 };

	*ret = NULL;
	memcpy(key.b, b->key, sizeof key.b);
	if (sealed_file_open(c, r->out_fd[out], &key, b->aad, &f) &&
	    whole_read(c, f, ret, ret_n))
		return true;
	if (c->err.code != E_INTEGRITY && c->err.code != E_INPUT && c->err.code != E_LIMIT)
		return false;
	c->err = (struct err){ 0 }; /* empty, or its writer was killed */
	return true;
}

static uint64_t
number_of(const char *bytes)
{
	struct wire w = { { bytes, NUMBER }, false };

	return wire_u64(&w);
}

bool
saves_open(struct ctx *c, const struct job_run *r, size_t first, int64_t seconds,
    struct saves *ret, bool *ret_found)
{
	struct saves s = { .run = r, .first = first, .every = 1000 * seconds };

	for (size_t i = 0; !r->plain && i < SAVES; i++) {
		char *bytes;
		size_t n;

		if (!save_read(c, r, first + i, &bytes, &n)) {
			saves_done(&s);
			return false;
		}
		if (bytes == NULL || (s.bytes != NULL && number_of(bytes) < s.number)) {
			free(bytes);
			continue;
		}
		free(s.bytes);
		s.bytes = bytes;
		s.n = n;
		s.number = number_of(bytes);
	}
	s.due = clock_monotonic() + s.every;
	*ret_found = s.bytes != NULL;
	*ret = s;
	return true;
}

void
saves_done(struct saves *s)
{
	free(s->bytes);
	s->bytes = NULL;
}

void
saves_last(const struct saves *s, struct str *ret_text, struct str *ret_state)
{
	struct wire w = { { s->bytes + NUMBER, 4 }, false };
	uint32_t n = wire_u32(&w);
	size_t room = HEAD + SAVES_CURVE;

	*ret_text = (struct str){ s->bytes + HEAD, n < SAVES_CURVE ? n : SAVES_CURVE };
	*ret_state = (struct str){ s->bytes + room, s->n - room };
}

/* ---- Writing ----------------------------------------------------------------------------- */

bool
saves_due(const struct saves *s)
{
	return !s->run->plain && clock_monotonic() >= s->due;
}

/* The text takes the same room whatever its length. */
MUST static bool
head_write(struct ctx *c, struct job_sink *sink, uint64_t number, struct str text)
{
	char bytes[HEAD + SAVES_CURVE] = { 0 };
	struct buf b = BUF(bytes);

	wire_put_u64(&b, number);
	wire_put_u32(&b, (uint32_t)text.n);
	buf_put(&b, text);
	return buf_ok(c, &b) && job_output_write(c, sink, (struct str){ bytes, sizeof bytes });
}

/* The older of the two files, emptied, its head written. */
MUST static bool
save_begin(struct ctx *c, struct saves *s, struct str text, struct job_sink **ret)
{
	size_t i = s->first + ++s->number % SAVES;
	int fd = s->run->out_fd[i];

	if (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) != 0)
		return fail_errno(c, "empty", "a save");
	return job_output_open(c, s->run, i, ret) && head_write(c, *ret, s->number, text);
}

MUST static bool
save_end(struct ctx *c, struct saves *s, struct job_sink *sink)
{
	if (!job_output_end(c, sink))
		return false;
	/* It is the job's own: what is left of it in the end is nothing. */
	s->run->made[s->first + s->number % SAVES] = (struct job_made){ 0 };
	s->due = clock_monotonic() + s->every;
	return true;
}

bool
saves_put(struct ctx *c, struct saves *s, struct str text, const struct trainer *t)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return save_begin(c, s, text, &sink) && trainer_save(c, t, job_output_write, sink) &&
	    save_end(c, s, sink);
}

bool
saves_put_bytes(struct ctx *c, struct saves *s, struct str state)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return save_begin(c, s, STR(""), &sink) && job_output_write(c, sink, state) &&
	    save_end(c, s, sink);
}
