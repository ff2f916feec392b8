/*
 * A list is public and asked for without end, so the long ones of the last few vendors are kept as
 * they were read. A list of some number never changes: what is kept is right, or too old.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "lists.h"

enum {
	KEPT = 8,
	LONG = 64 << 10,   /* shorter ones are read each time */
	MEMORY = 16 << 20, /* for the longest there is */
};

static struct kept {
	struct id vendor;
	int64_t number; /* 0: nothing is kept here */
	int fd;
} kept[KEPT];
static size_t next_place;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool
list_file(struct ctx *c, struct str bytes, int *ret)
{
	owned(fd_done) int fd = memfd_create("revocations", MFD_CLOEXEC);

	if (fd < 0)
		return fail_errno(c, "make room for", "a list of revocations");
	if (!fd_write_all(c, fd, bytes.p, bytes.n))
		return false;
	*ret = fd;
	fd = -1;
	return true;
}

/* A descriptor of what is kept; -1 if it is not. */
static int
recall(const struct id *vendor, int64_t number)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT; i++)
		if (kept[i].number == number && strcmp(kept[i].vendor.s, vendor->s) == 0)
			fd = fcntl(kept[i].fd, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

/* In the place of the vendor's last one, or of the one that has been here for longest. */
static void
keep(const struct id *vendor, int64_t number, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	size_t at = KEPT;

	if (copy < 0)
		return;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT && at == KEPT; i++)
		if (kept[i].number != 0 && strcmp(kept[i].vendor.s, vendor->s) == 0)
			at = i;
	if (at == KEPT)
		at = next_place++ % KEPT;
	if (kept[at].number != 0)
		fd_done(&kept[at].fd);
	kept[at] = (struct kept){ *vendor, number, copy };
	pthread_mutex_unlock(&lock);
}

/* In memory of its own: no request has that much. */
MUST static bool
read_list(struct ctx *c, struct db *db, const struct id *vendor, int64_t number, int *ret)
{
	struct revocation_list l;
	int64_t changes;
	bool found;

	if (!revocation_list_last(c, db, str_of(vendor->s), &found, &l, &changes))
		return false;
	if (!found || l.number != number)
		return fail(c, E_BUSY, "there is a newer list: try again");
	if (!list_file(c, l.token, ret))
		return false;
	if (l.token.n >= LONG)
		keep(vendor, number, *ret);
	return true;
}

bool
list_open(struct ctx *c, struct db *db, const struct id *vendor, int64_t number, int *ret)
{
	owned(arena_free) struct arena *mem = NULL;
	struct ctx apart;
	int fd = recall(vendor, number);

	if (fd >= 0) {
		*ret = fd;
		return true;
	}
	mem = arena_new(MEMORY);
	apart = ctx_real(mem, c->tag);
	if (read_list(&apart, db, vendor, number, ret))
		return true;
	c->err = apart.err;
	return false;
}
