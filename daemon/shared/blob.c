/*
 * Small inputs of jobs lie in the database or in a request; a worker takes descriptors. In between
 * they become sealed files in memory, which vanish with their last descriptor.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "blob.h"

bool
blob_new(struct ctx *c, const struct key256 *key, struct str aad, struct str plain, int *ret_fd)
{
	owned(sealed_writer_free) struct sealed_writer *writer = NULL;
	owned(fd_done) int fd = memfd_create("blob", MFD_CLOEXEC);
	uint64_t size;

	if (fd < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!sealed_writer_new(c, fd, key, aad, &writer) || !sealed_write(c, writer, plain) ||
	    !sealed_finish(c, writer, &size))
		return false;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return fail_errno(c, "rewind", "a file in memory");
	*ret_fd = fd;
	fd = -1;
	return true;
}
