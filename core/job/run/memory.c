/*
 * Inputs as a whole in memory: a model is decrypted into a memory file, where everything that works
 * on files can read it, and nothing of it ever lies on a disk.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

enum { PIECE = 1 << 20 };

static void
reader_done(struct sealed_reader **r)
{
	sealed_reader_free(r);
}

bool
memory_file(struct ctx *c, const char *name, int *ret)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return fail_errno(c, "create", "a file in memory");
	*ret = fd;
	return true;
}

bool
memory_input(struct ctx *c, const struct job_run *r, size_t i, int to)
{
	owned(reader_done) struct sealed_reader *reader = NULL;
	char *piece = take(c, PIECE);
	size_t n = 1;

	if (piece == NULL || !job_input_open(c, r, i, &reader))
		return false;
	while (n > 0)
		if (!sealed_read(c, reader, piece, PIECE, &n) || !fd_write_all(c, to, piece, n))
			return false;
	return true;
}

bool
memory_secret(struct ctx *c, const struct job_run *r, size_t i, struct key256 *ret)
{
	owned(reader_done) struct sealed_reader *reader = NULL;
	uint8_t extra;
	size_t n, more;

	if (!job_input_open(c, r, i, &reader) ||
	    !sealed_read(c, reader, ret->b, sizeof ret->b, &n) ||
	    !sealed_read(c, reader, &extra, 1, &more))
		return false;
	if (n != sizeof ret->b || more != 0)
		return fail(c, E_INTEGRITY, "the secret has another length");
	return true;
}
