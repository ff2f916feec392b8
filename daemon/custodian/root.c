/*
 * Where the root key comes from. A file holds it as 64 hexadecimal digits and a newline, readable
 * by its owner alone; a systemd credential holds the same. From shares it comes later, by request.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "custodian.h"

#define ROOT_DIGITS 64

struct root_text {
	char digits[ROOT_DIGITS + 1]; /* and the newline */
};

static void
root_text_done(struct root_text *t)
{
	explicit_bzero(t, sizeof *t);
}

MUST static bool
root_create(struct ctx *c, const char *path)
{
	owned(key256_done) struct key256 key;
	owned(root_text_done) struct root_text text;
	struct buf b = BUF(text.digits);

	key256_random(c, &key);
	hex_put(&b, key.b, sizeof key.b);
	buf_char(&b, '\n');
	return buf_ok(c, &b) && file_create(c, AT_FDCWD, path, 0600, buf_str(&b));
}

MUST static bool
private_file(struct ctx *c, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(c, "read", path);
	if (!S_ISREG(st.st_mode))
		return fail(c, E_FILE, "%s is not a file", path);
	if (st.st_uid != geteuid())
		return fail(c, E_FILE, "%s belongs to another user", path);
	if ((st.st_mode & 07777) != 0600 && (st.st_mode & 07777) != 0400)
		return fail(
		    c, E_FILE, "%s has mode %04o instead of 0600", path, st.st_mode & 07777u);
	return true;
}

MUST static bool
root_read(struct ctx *c, struct custodian *k, int fd, const char *path)
{
	owned(root_text_done) struct root_text text;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(c, "read", path);
	if (!S_ISREG(st.st_mode) || st.st_size != sizeof text.digits)
		return fail(c, E_FILE,
		    "%s is not a root key: %d hexadecimal digits and a newline", path,
		    ROOT_DIGITS);
	if (!fd_read_all(c, fd, text.digits, sizeof text.digits))
		return false;
	if (text.digits[ROOT_DIGITS] != '\n' ||
	    !hex_decode(
		c, (struct str){ text.digits, ROOT_DIGITS }, k->root.b, sizeof k->root.b))
		return fail(c, E_FILE,
		    "%s is not a root key: %d hexadecimal digits and a newline", path,
		    ROOT_DIGITS);
	k->has_root = true;
	return true;
}

MUST static bool
root_from_file(struct ctx *c, struct custodian *k, const char *path, bool create)
{
	owned(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	if (fd < 0 && errno == ENOENT && create) {
		if (!root_create(c, path))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	}
	if (fd < 0)
		return fail_errno(c, "read the root key", path);
	return private_file(c, fd, path) && root_read(c, k, fd, path);
}

MUST static bool
root_from_credential(struct ctx *c, struct custodian *k, const char *name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	owned(fd_done) int fd = -1;
	char path[PATH_MAX];

	if (folder == NULL)
		return fail(
		    c, E_INPUT, "no credential was given: CREDENTIALS_DIRECTORY is unset");
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return fail(c, E_INPUT, "'%s' is not the name of a credential", name);
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return fail(c, E_INPUT, "the credential's path is too long");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail_errno(c, "read the credential", path);
	return root_read(c, k, fd, path);
}

bool
root_take(struct ctx *c, struct custodian *k, const char *spec, bool create)
{
	struct str s = str_of(spec);

	if (str_same(s, STR("shares"))) {
		k->by_shares = true;
		return true;
	}
	if (str_starts(s, STR("file:")) && s.n > 5)
		return root_from_file(c, k, spec + 5, create);
	if (str_starts(s, STR("credential:")))
		return root_from_credential(c, k, spec + 11);
	return fail(c, E_INPUT, "the root key comes from shares, file:PATH or credential:NAME");
}
