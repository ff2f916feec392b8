/*
 * The customer's side of a lock: an unlock key, which only the customer's private key opens, turns
 * the artifact, the same for everybody, into the customer's own model. Here it becomes a file, in
 * one step: whoever looks finds the whole model under its name, or nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "customer.h"

/* ---- The unlock key ---------------------------------------------------------------------- */

MUST static bool
not_a_key(struct ctx *c, const char *name)
{
	if (c->err.code == E_MEMORY || c->err.code == E_CRYPTO)
		return false;
	return fail(c, E_INTEGRITY,
	    "%s is no unlock key, or it was altered or cut short: fetch it again", name);
}

/* The token says for whom it was encrypted; a sentence about that helps more than a failed tag. */
MUST static bool
recipient_check(struct ctx *c, const char *name, struct str token, const char *private,
    const struct ec_key *k)
{
	struct digest256 thumbprint = ec_key_thumbprint(k);
	struct jose_header h;
	char text[64];
	struct buf b = BUF(text);

	base64url_put(&b, thumbprint.b, sizeof thumbprint.b);
	if (!jose_peek(c, token, STR("ECDH-ES+A256KW"), &h))
		return not_a_key(c, name);
	if (h.kid.n != 0 && !str_same(h.kid, buf_str(&b)))
		return fail(c, E_INTEGRITY, "%s was made for another private key than %s", name,
		    private);
	return true;
}

/* What stands on the envelope is what lies in it. */
MUST static bool
envelope_check(
    struct ctx *c, const char *name, const struct jose_header *h, const struct unlock_key *k)
{
	char text[2 * sizeof k->artifact.b];
	struct buf b = BUF(text);
	struct str release, artifact;

	hex_put(&b, k->artifact.b, sizeof k->artifact.b);
	if (!jose_header_text(h, "release", &release) ||
	    !jose_header_text(h, "artifact", &artifact) ||
	    !str_same(release, str_of(k->release.s)) || !str_same(artifact, buf_str(&b)))
		return not_a_key(c, name);
	return true;
}

bool
unlock_key_of(struct cli *t, const char *name, struct str token, const char *private,
    const struct ec_key *key, struct unlock_key *ret)
{
	owned(unlock_key_done) struct unlock_key k = { 0 };
	struct jose_header h;
	struct str payload;
	bool ok;

	while (token.n > 0 && (token.p[token.n - 1] == '\n' || token.p[token.n - 1] == '\r'))
		token.n--;
	if (!recipient_check(&t->c, name, token, private, key))
		return false;
	if (!jwe_decrypt(&t->c, key, STR(UNLOCK_TYP), token, &h, &payload))
		return not_a_key(&t->c, name);
	ok = unlock_key_read(&t->c, payload, &k);
	explicit_bzero((void *)(uintptr_t)payload.p, payload.n);
	if (!ok || !envelope_check(&t->c, name, &h, &k))
		return not_a_key(&t->c, name);
	*ret = k;
	explicit_bzero(&k, sizeof k);
	return true;
}

bool
unlock_key_open(struct cli *t, const char *name, const char *private, struct unlock_key *ret)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct str token;

	return file_read(&t->c, AT_FDCWD, name, JOSE_MAX + 2, &token) &&
	    key_private(t, private, &key) && unlock_key_of(t, name, token, private, key, ret);
}

/* ---- The file that comes of it ----------------------------------------------------------- */

/* A new file that has no name until it is whole; where that cannot be, one of a passing name. */
struct target {
	int dir, fd;
	const char *name; /* in dir */
	const char *shown;
	char *passing; /* or NULL */
	bool force;
};

static void
target_done(struct target *t)
{
	if (t->passing != NULL)
		(void)unlinkat(t->dir, t->passing, 0);
	fd_done(&t->fd);
	fd_done(&t->dir);
}

MUST static bool
exists(struct ctx *c, const struct target *t)
{
	return fail(
	    c, E_FILE, "%s exists already: choose another name, or give --force", t->shown);
}

MUST static bool
target_name(struct ctx *c, struct target *t)
{
	uint64_t r;

	c->random(&r, sizeof r);
	t->passing = take_printf(c, ".%.200s.%016llx", t->name, (unsigned long long)r);
	return t->passing != NULL;
}

MUST static bool
target_open(struct ctx *c, const char *name, bool force, struct target *t)
{
	const char *slash = strrchr(name, '/');
	char *folder = slash == NULL
	    ? take_cstr(c, STR("."))
	    : take_cstr(c, (struct str){ name, slash == name ? 1 : (size_t)(slash - name) });

	if (folder == NULL)
		return false;
	t->shown = name;
	t->name = slash == NULL ? name : slash + 1;
	t->force = force;
	t->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir < 0)
		return fail_errno(c, "open", folder);
	if (t->name[0] == '\0')
		return fail(c, E_FILE, "%s is a folder: name a file", name);
	if (!force && faccessat(t->dir, t->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return exists(c, t);
	t->fd = openat(t->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (t->fd >= 0)
		return true;
	if (!target_name(c, t))
		return false;
	t->fd = openat(
	    t->dir, t->passing, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return t->fd >= 0 ? true : fail_errno(c, "create", name);
}

/* Gives the file without a name one, a passing one if another has to make room first. */
MUST static bool
target_link(struct ctx *c, struct target *t)
{
	char path[48];
	char *to = NULL;

	snprintf(path, sizeof path, "/proc/self/fd/%d", t->fd);
	if (t->force) {
		if (!target_name(c, t))
			return false;
		to = t->passing;
	}
	if (linkat(AT_FDCWD, path, t->dir, to == NULL ? t->name : to, AT_SYMLINK_FOLLOW) == 0)
		return true;
	t->passing = NULL;
	return errno == EEXIST ? exists(c, t) : fail_errno(c, "name the file", t->shown);
}

MUST static bool
target_keep(struct ctx *c, struct target *t)
{
	if (fsync(t->fd) != 0)
		return fail_errno(c, "sync", t->shown);
	if (t->passing == NULL && !target_link(c, t))
		return false;
	if (t->passing != NULL) {
		if (renameat2(t->dir, t->passing, t->dir, t->name,
			t->force ? 0 : RENAME_NOREPLACE) != 0)
			return errno == EEXIST ? exists(c, t)
					       : fail_errno(c, "name the file", t->shown);
		t->passing = NULL;
	}
	if (fsync(t->dir) != 0)
		return fail_errno(c, "sync the folder of", t->shown);
	return true;
}

/* ---- unlock ------------------------------------------------------------------------------ */

static void
progress(void *arg, uint64_t done, uint64_t total)
{
	output_progress(arg, (int64_t)done, (int64_t)total);
}

bool
unlock_into(struct cli *t, const char *artifact, const struct unlock_key *k, int out)
{
	const struct unlock_watch watch = { progress, t->out };
	owned(fd_done) int fd = open(artifact, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail_errno(&t->c, "open", artifact);
	return unlock_apply(&t->c, fd, k, out, &watch);
}

MUST static bool
show(struct cli *t, struct str model, const struct unlock_key *k, int fd)
{
	char row[8192];
	struct buf b = BUF(row);
	struct js j = { .out = &b };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(&t->c, "examine", "the model");
	js_open(&j, NULL, '{');
	js_text(&j, "model", model);
	js_text(&j, "release", str_of(k->release.s));
	js_number(&j, "customer", k->customer);
	js_number(&j, "bytes", st.st_size);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

bool
artifact_unlock_run(struct cli *t)
{
	owned(unlock_key_done) struct unlock_key k = { 0 };
	owned(target_done) struct target target = { .dir = -1, .fd = -1 };
	char *name[3], *private;
	struct str option;

	for (size_t i = 0; i < COUNT(name); i++) {
		name[i] = take_cstr(&t->c, t->parsed.arg[i]);
		if (name[i] == NULL)
			return false;
	}
	(void)parsed_option(&t->parsed, "--key", &option);
	private = take_cstr(&t->c, option);
	if (private == NULL ||
	    !target_open(&t->c, name[2], parsed_option(&t->parsed, "--force", NULL), &target) ||
	    !unlock_key_open(t, name[0], private, &k) ||
	    !unlock_into(t, name[1], &k, target.fd) || !target_keep(&t->c, &target))
		return false;
	return show(t, t->parsed.arg[2], &k, target.fd);
}

bool
unlock_run(struct cli *t)
{
	owned(permit_done) struct permit p = { 0 };
	owned(target_done) struct target target = { .dir = -1, .fd = -1 };
	char *name = take_cstr(&t->c, t->parsed.arg[1]);

	if (name == NULL ||
	    !target_open(&t->c, name, parsed_option(&t->parsed, "--force", NULL), &target) ||
	    !image_ready(t) || !permit_get(t, &p) ||
	    !unlock_into(t, p.artifact, &p.key, target.fd) || !target_keep(&t->c, &target))
		return false;
	return show(t, t->parsed.arg[1], &p.key, target.fd);
}
