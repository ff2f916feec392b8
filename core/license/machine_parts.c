/*
 * Two parts of a machine that are not just a file: which container this is, from the marks that
 * container engines leave, and the TPM's endorsement key, asked of the TPM itself.
 */
#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "rules.h"

/* ---- Containers -------------------------------------------------------------------------- */

enum { CONTAINER_ID = 64, LIST_MAX = 64 << 10 };

/* A file of proc, as much of it as there is room for; empty if it cannot be read. */
MUST static bool
listing(struct ctx *c, int root, const char *name, struct str *ret)
{
	owned(fd_done) int fd = openat(
	    root, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *p = take(c, LIST_MAX);
	size_t n = 0;
	ssize_t got = 1;

	if (p == NULL)
		return false;
	while (fd >= 0 && got > 0 && n < LIST_MAX) {
		got = read(fd, p + n, LIST_MAX - n);
		n += got > 0 ? (size_t)got : 0;
	}
	*ret = (struct str){ p, n };
	return true;
}

/* The first run of exactly 64 hexadecimal digits: what engines call a container. */
static struct str
long_id(struct str s)
{
	size_t run = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && isxdigit((unsigned char)s.p[i])) {
			run++;
			continue;
		}
		if (run == CONTAINER_ID)
			return (struct str){ s.p + i - run, run };
		run = 0;
	}
	return (struct str){ 0 };
}

/* In a list of mounts the fifth word is where; the fourth is the place in the file system. */
static struct str
mount_point(struct str line, struct str *ret_from)
{
	struct str word = { 0 };

	for (int i = 0; i < 5; i++) {
		if (i == 4)
			*ret_from = word;
		if (!str_cut(&line, ' ', &word))
			return (struct str){ 0 };
	}
	return word;
}

/*
 * Engines mount files of their own over /etc/hostname and its like, from a folder named by the
 * container; an /etc/machine-id that was mounted in, on the other hand, is the host's.
 */
static void
from_mounts(struct str mounts, struct str *id, bool *shared)
{
	struct str line;

	while (str_cut(&mounts, '\n', &line)) {
		struct str from = { 0 }, at = mount_point(line, &from);

		if (str_same(at, STR("/etc/machine-id")))
			*shared = true;
		if (id->n == 0 &&
		    (str_same(at, STR("/etc/hostname")) || str_same(at, STR("/etc/hosts")) ||
			str_same(at, STR("/etc/resolv.conf"))))
			*id = long_id(from);
	}
}

/* Whether this is a container at all, whatever its id. */
static bool
contained(int root, struct str init)
{
	static const char *const marks[] = { ".dockerenv", "run/.containerenv",
		"run/systemd/container" };
	const char name[] = "container=";

	for (size_t i = 0; i < COUNT(marks); i++)
		if (faccessat(root, marks[i], F_OK, 0) == 0)
			return true;
	/* The first process's environment, entries ended by zeros. */
	for (struct str entry; str_cut(&init, '\0', &entry);)
		if (str_starts(entry, (struct str){ name, sizeof name - 1 }))
			return true;
	return false;
}

/*
 * An id that the engine gave, else the host's name as the engine set it, else that it is one. With
 * control groups of the second version and a namespace of their own, only mounts tell the id.
 */
bool
container_id(struct ctx *c, int root, struct str *ret, bool *ret_shared)
{
	struct str mounts, groups, podman, init, name, id = { 0 };
	bool shared = false, inside;

	if (!listing(c, root, "proc/self/mountinfo", &mounts) ||
	    !listing(c, root, "proc/self/cgroup", &groups) ||
	    !listing(c, root, "proc/1/environ", &init) ||
	    !small_file(c, root, "run/.containerenv", &podman) ||
	    !small_file(c, root, "proc/sys/kernel/hostname", &name))
		return false;
	inside = contained(root, init);
	from_mounts(mounts, &id, &shared);
	if (id.n == 0)
		id = long_id(podman);
	if (id.n == 0)
		id = long_id(groups);
	if (id.n == 0 && inside)
		id = name.n > 0 ? name : STR("container");
	*ret = id;
	*ret_shared = shared;
	return true;
}

/* ---- The TPM ----------------------------------------------------------------------------- */

/* TPM 2.0 Library, part 3, 12.4, TPM2_ReadPublic of the endorsement key's usual handle. */
static const uint8_t read_public[] = { 0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x73, 0x81, 0x01, 0,
	0x01 };
enum { TPM_HEAD = 10, TPM_ANSWER = 4096 };

static size_t
big_endian(const uint8_t *p, size_t n)
{
	size_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Head (tag, size, code), then the public area behind its length. */
bool
tpm_endorsement(struct ctx *c, int root, struct str *ret)
{
	owned(fd_done) int fd = openat(root, "dev/tpmrm0", O_RDWR | O_CLOEXEC | O_NOCTTY);
	uint8_t answer[TPM_ANSWER];
	struct digest256 d;
	ssize_t n = -1;
	size_t area;

	*ret = (struct str){ 0 };
	if (fd >= 0 && write(fd, read_public, sizeof read_public) == sizeof read_public)
		n = read(fd, answer, sizeof answer);
	if (n < TPM_HEAD + 2 || big_endian(answer + 2, 4) != (size_t)n ||
	    big_endian(answer + 6, 4) != 0)
		return true;
	area = big_endian(answer + TPM_HEAD, 2);
	if (area == 0 || area > (size_t)n - TPM_HEAD - 2)
		return true;
	/* Of any length: its digest is what goes on. */
	if (!sha256(c, (struct str){ (const char *)answer + TPM_HEAD + 2, area }, &d))
		return false;
	return take_copy(c, (struct str){ (const char *)d.b, sizeof d.b }, ret);
}
