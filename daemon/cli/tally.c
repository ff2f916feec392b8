/*
 * A table with open addressing, in a sparse file. Its key is half of a digest: two things that
 * share one are not to be expected before 2^64 of them.
 */
#include <fcntl.h>
#include <unistd.h>

#include "tally.h"

enum { KEY = 16 };

struct place {
	uint8_t key[KEY];
	int64_t count; /* 0: free */
};
struct tally {
	int fd;
	uint64_t places, used;
};

void
tally_free(struct tally **y)
{
	if (*y == NULL)
		return;
	fd_done(&(*y)->fd);
	free(*y);
	*y = NULL;
}

bool
tally_new(struct ctx *c, const char *folder, int64_t things, struct tally **ret)
{
	owned(tally_free) struct tally *y = calloc(1, sizeof *y);
	char *name;

	if (y == NULL)
		return fail(c, E_MEMORY, "no memory for a table");
	y->fd = -1;
	name = take_printf(c, "%s/.tally-XXXXXX", folder);
	if (name == NULL)
		return false;
	y->fd = mkostemp(name, O_CLOEXEC);
	if (y->fd < 0)
		return fail_errno(c, "make a table in", folder);
	(void)unlink(name);
	y->places = 1024;
	while (y->places < 2 * (uint64_t)things)
		y->places *= 2;
	if (ftruncate(y->fd, (off_t)(y->places * sizeof(struct place))) != 0)
		return fail_errno(c, "make a table in", folder);
	*ret = steal(y);
	return true;
}

/* The place of the key, or the free one where it would be. */
MUST static bool
place_find(
    struct ctx *c, struct tally *y, const uint8_t key[KEY], uint64_t *ret_at, struct place *ret)
{
	uint64_t at;

	memcpy(&at, key, sizeof at);
	for (;; at++) {
		at &= y->places - 1;
		if (pread(y->fd, ret, sizeof *ret, (off_t)(at * sizeof *ret)) != sizeof *ret)
			return fail_errno(c, "read", "a table");
		if (ret->count == 0 ||
		    str_same((struct str){ (const char *)ret->key, KEY },
			(struct str){ (const char *)key, KEY }))
			break;
	}
	*ret_at = at;
	return true;
}

bool
tally_count(
    struct ctx *c, struct tally *y, const struct digest256 *what, bool add, int64_t *ret)
{
	struct place p;
	uint64_t at;

	if (!place_find(c, y, what->b, &at, &p))
		return false;
	*ret = p.count;
	if (!add)
		return true;
	if (p.count == 0 && ++y->used >= y->places)
		return fail(c, E_INTERNAL, "a table is too small");
	memcpy(p.key, what->b, KEY);
	p.count++;
	if (pwrite(y->fd, &p, sizeof p, (off_t)(at * sizeof p)) != sizeof p)
		return fail_errno(c, "write", "a table");
	return true;
}
