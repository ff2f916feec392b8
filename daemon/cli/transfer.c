/*
 * Files on their way: up, from where the server says that it stopped, and down, from where our own
 * part of it ends. A connection that breaks costs what was not acknowledged, and no more. Neither
 * way trusts the line: the digest of the whole is announced before, and compared after.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "crypto.h"

enum { BREAKS_MAX = 8 };

/* ---- Digests ----------------------------------------------------------------------------- */

/* As RFC 9530 wants it: sha-256=:<base64 with padding>: */
static void
digest_field(const struct digest256 *d, struct buf *out)
{
	size_t from;

	buf_put(out, STR("sha-256=:"));
	from = out->n;
	base64url_put(out, d->b, sizeof d->b);
	for (size_t i = from; i < out->n; i++)
		out->p[i] = (char)(out->p[i] == '-' ? '+' : out->p[i] == '_' ? '/' : out->p[i]);
	buf_put(out, STR("=:"));
}

/* ---- Up ---------------------------------------------------------------------------------- */

struct sending {
	struct cli *cli;
	int fd;
	int64_t at, size;
	bool bad; /* the file could not be read */
};

static size_t
piece_give(char *to, size_t one, size_t n, void *arg)
{
	struct sending *s = arg;
	ssize_t got;

	do
		got = pread(s->fd, to, one * n, s->at);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		s->bad = true;
		return CURL_READFUNC_ABORT;
	}
	s->at += got;
	output_progress(s->cli->out, s->at, s->size);
	return (size_t)got;
}

/* How much of a part the server has; *ret_whole: all of it. */
MUST static bool
received(struct cli *t, const char *asset, const char *part, int64_t *ret, bool *ret_whole)
{
	struct json_part *field, *item, *of, parts, value;
	struct api_answer a;
	size_t n, count, m;

	if (!cli_get(t, asset, &a) || !json_split(&t->c, a.body, &field, &n))
		return false;
	if (!json_find(field, n, "parts", &parts) || parts.kind != KIND_LIST ||
	    !json_split(&t->c, parts.value, &item, &count))
		return fail(&t->c, E_PEER, "the server's answer names no parts");
	*ret = 0;
	*ret_whole = false;
	for (size_t i = 0; i < count; i++) {
		if (!json_split(&t->c, item[i].value, &of, &m) ||
		    !json_find(of, m, "part", &value))
			return fail(&t->c, E_PEER, "the server's answer is malformed");
		if (!str_same(value.value, str_of(part)))
			continue;
		*ret_whole = json_find(of, m, "whole", &value) &&
		    str_same(value.value, STR("true"));
		return json_find(of, m, "received", &value) &&
			str_number(value.value, 0, INT64_MAX, ret)
		    ? true
		    : fail(&t->c, E_PEER, "the server's answer is malformed");
	}
	return true;
}

/* One PUT of what is left from s->at on. */
MUST static bool
put(struct cli *t, const char *url, struct sending *s, struct str digest, CURLcode *ret_rc,
    struct api_answer *ret)
{
	char range[96];
	struct api_transfer x = { .path = url,
		.digest = digest,
		.range = s->size > 0 ? range : NULL,
		.size = s->size - s->at,
		.read = piece_give,
		.arg = s };

	if (s->at < s->size)
		snprintf(range, sizeof range, "bytes %lld-%lld/%lld", (long long)s->at,
		    (long long)s->size - 1, (long long)s->size);
	else /* all has come, but nobody was told that it is whole */
		snprintf(range, sizeof range, "bytes */%lld", (long long)s->size);
	return api_put(t, &x, ret_rc, ret);
}

/* From the byte that the server wants, until it has all of them. */
MUST static bool
put_all(struct cli *t, const char *asset, const char *part, struct sending *s,
    struct str digest, struct api_answer *ret)
{
	char *url = take_printf(&t->c, "%s/%s", asset, part);
	int64_t before = -1;
	bool whole = false;

	for (int breaks = 0; url != NULL; breaks++) {
		CURLcode rc = CURLE_OK;

		if (!received(t, asset, part, &s->at, &whole))
			return false;
		if (whole)
			return cli_get(t, asset, ret);
		if (s->at > before)
			breaks = 0;
		before = s->at;
		if (put(t, url, s, digest, &rc, ret))
			return ret->status == 200 ? true : api_problem(t, ret);
		if (s->bad || !api_passing(rc) || breaks == BREAKS_MAX)
			return false;
		output_say(CLI, STR("the connection broke; going on where it stopped"));
		api_wait(1000);
	}
	return false;
}

bool
transfer_up(struct cli *t, const char *asset, const char *part, const char *name,
    struct api_answer *ret)
{
	owned(fd_done) int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct sending s = { .cli = t, .fd = fd };
	int64_t size;
	struct digest256 digest;
	char text[80];
	struct buf field = BUF(text);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return fail_errno(&t->c, "open", name);
	if (!S_ISREG(st.st_mode))
		return fail(&t->c, E_FILE, "%s is not a regular file", name);
	s.size = st.st_size;
	if (!sha256_file(&t->c, fd, &size, &digest))
		return false;
	if (size != s.size)
		return fail(&t->c, E_FILE, "%s changes while it is read", name);
	digest_field(&digest, &field);
	return put_all(t, asset, part, &s, buf_str(&field), ret);
}

/* ---- Down -------------------------------------------------------------------------------- */

struct taking {
	struct cli *cli;
	int fd;
	int64_t at, size; /* size 0: not known yet */
	long status;
	struct buf text; /* of an answer that is no file */
	bool bad;
};

static size_t
piece_take(char *p, size_t one, size_t n, void *arg)
{
	struct taking *k = arg;
	curl_off_t length;

	if (k->status == 0) {
		curl_easy_getinfo(k->cli->curl, CURLINFO_RESPONSE_CODE, &k->status);
		if (curl_easy_getinfo(k->cli->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
			&length) == CURLE_OK &&
		    length > 0)
			k->size = k->at + length;
	}
	if (k->status != 200 && k->status != 206) {
		buf_put(&k->text, (struct str){ p, one * n });
		return k->text.full ? 0 : one * n;
	}
	if (!fd_write_all(&k->cli->c, k->fd, p, one * n)) {
		k->bad = true;
		return 0;
	}
	k->at += (int64_t)(one * n);
	if (k->size > 0)
		output_progress(k->cli->out, k->at, k->size);
	return one * n;
}

/* Until all of it is there; what came is asked for no more. */
MUST static bool
take_all(struct cli *t, const char *path, struct taking *k, char etag[80])
{
	char range[48];
	struct api_answer a = { 0 };

	for (int breaks = 0;; breaks++) {
		struct api_transfer x = { .path = path,
			.range = k->at > 0 ? range : NULL,
			.etag = k->at > 0 ? etag : NULL,
			.write = piece_take,
			.arg = k };
		CURLcode rc = CURLE_OK;

		snprintf(range, sizeof range, "%lld-", (long long)k->at);
		k->status = 0;
		k->text.n = 0;
		if (api_fetch(t, &x, &rc, &a)) {
			a.body = buf_str(&k->text);
			if (api_nonce_wanted(t, &a) && breaks < BREAKS_MAX)
				continue;
			if (k->at > 0 && a.status == 200 && x.range != NULL)
				return fail(&t->c, E_INTEGRITY,
				    "the file changed while it was fetched: fetch it again");
			snprintf(etag, 80, "%s", a.etag);
			return a.status == 200 || a.status == 206 ? true : api_problem(t, &a);
		}
		if (k->bad || !api_passing(rc) || breaks == BREAKS_MAX)
			return false;
		output_say(CLI, STR("the connection broke; going on where it stopped"));
		api_wait(1000);
	}
}

/* The ETag of a file of the vault is its digest. */
static void
etag_of(const struct digest256 *d, char ret[80])
{
	struct buf b = { ret, 0, 79, false };

	buf_char(&b, '"');
	hex_put(&b, d->b, sizeof d->b);
	buf_char(&b, '"');
	ret[b.n] = '\0';
}

MUST static bool
digest_same(struct cli *t, int fd, const char *etag, bool *ret)
{
	struct digest256 d;
	char have[80];
	int64_t size;

	if (!sha256_file(&t->c, fd, &size, &d))
		return false;
	etag_of(&d, have);
	*ret = strcmp(have, etag) == 0;
	return true;
}

/* Behind what an earlier attempt has left, which nobody else is at work on. */
MUST static bool
go_on(struct cli *t, const char *part, struct taking *k)
{
	if (flock(k->fd, LOCK_EX) != 0)
		return fail_errno(&t->c, "lock", part);
	k->at = lseek(k->fd, 0, SEEK_END);
	return k->at >= 0 ? true : fail_errno(&t->c, "examine", part);
}

MUST static bool
part_open(struct cli *t, const char *part, bool known, struct taking *k)
{
	k->fd = open(
	    part, O_RDWR | O_CREAT | (known ? 0 : O_EXCL) | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (k->fd < 0 && errno == EEXIST)
		return fail(&t->c, E_FILE,
		    "%s is there: of a transfer that broke off? delete it", part);
	if (k->fd < 0)
		return fail_errno(&t->c, "create", part);
	return known ? go_on(t, part, k) : true;
}

static void
taking_done(struct taking *k)
{
	fd_done(&k->fd);
}

MUST static bool
take_into(struct cli *t, const char *path, const char *part, const char *name,
    const struct digest256 *want)
{
	owned(taking_done) struct taking k = { .cli = t, .fd = -1 };
	char etag[80] = "";
	bool whole = false;

	if (want != NULL)
		etag_of(want, etag);
	if (!part_open(t, part, want != NULL, &k) || !take_buf(&t->c, 64 << 10, &k.text) ||
	    (k.at > 0 && !digest_same(t, k.fd, etag, &whole)) ||
	    (!whole && !take_all(t, path, &k, etag)))
		return false;
	if (want != NULL)
		etag_of(want, etag);
	if (!whole && !digest_same(t, k.fd, etag, &whole))
		return false;
	if (!whole)
		return fail(&t->c, E_INTEGRITY,
		    want != NULL ? "what came is not what was licensed: tell the vendor"
				 : "what came is not what the server has: fetch it again");
	if (fsync(k.fd) != 0)
		return fail_errno(&t->c, "sync", part);
	/* Another process may have been faster with the same. */
	if (renameat2(AT_FDCWD, part, AT_FDCWD, name, RENAME_NOREPLACE) != 0 &&
	    (want == NULL || access(name, F_OK) != 0))
		return fail_errno(&t->c, "name the file", name);
	return true;
}

bool
transfer_down(struct cli *t, const char *path, const char *name, const struct digest256 *want)
{
	char *part = take_printf(&t->c, "%s.part", name);
	bool ok;

	if (part == NULL)
		return false;
	if (access(name, F_OK) == 0)
		return fail(&t->c, E_FILE, "%s exists already", name);
	ok = take_into(t, path, part, name, want);
	if (!ok && (want == NULL || t->c.err.code == E_INTEGRITY || t->c.err.code == E_RANGE))
		(void)unlink(part);
	return ok;
}
