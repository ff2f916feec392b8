/*
 * exec: the model goes into a memory file, is sealed against every change, and is handed to a
 * program. It never lies on a disk, and neither do the keys. With an unlock key in a file the
 * program takes our place; with a license we stay beside it, without any key, and watch over it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "customer.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define MODEL "{model}"

/* No core dump may hold the model or a key, neither ours nor the program's. */
bool
no_dumps(struct ctx *c)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail_errno(c, "forbid", "core dumps");
	return true;
}

/* Older kernels do not know the flag that forbids to run it as a program. */
bool
memory_file(struct ctx *c, int *ret)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("model", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("model", flags);
	if (fd < 0)
		return fail_errno(c, "make", "a memory file");
	*ret = fd;
	return true;
}

bool
memory_file_seal(struct ctx *c, int fd)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	if (fchmod(fd, 0400) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0)
		return fail_errno(c, "seal", "the memory file");
	if (lseek(fd, 0, SEEK_SET) != 0)
		return fail_errno(c, "hand on", "the memory file");
	return true;
}

/* The word with the path in the place of every {model} in it. */
MUST static bool
word_fill(struct ctx *c, struct str word, struct str path, size_t *filled, char **ret)
{
	struct str rest = word;
	struct buf b;
	char *at;

	if (!take_buf(c, word.n / (sizeof MODEL - 1) * path.n + word.n + 1, &b))
		return false;
	while ((at = memmem(rest.p, rest.n, MODEL, sizeof MODEL - 1)) != NULL) {
		size_t before = (size_t)(at - rest.p);

		buf_put(&b, (struct str){ rest.p, before });
		buf_put(&b, path);
		rest.p += before + sizeof MODEL - 1;
		rest.n -= before + sizeof MODEL - 1;
		++*filled;
	}
	buf_put(&b, rest);
	buf_char(&b, '\0');
	*ret = b.p;
	return buf_ok(c, &b);
}

bool
words_fill(struct cli *t, int fd, char ***ret)
{
	size_t n = t->parsed.rests, filled = 0;
	char **word = take(&t->c, (n + 1) * sizeof *word);
	char *path = take_printf(&t->c, "/proc/self/fd/%d", fd);

	if (word == NULL || path == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!word_fill(&t->c, t->parsed.rest[i], str_of(path), &filled, &word[i]))
			return false;
	if (filled == 0)
		return fail(&t->c, E_USAGE,
		    "no word of the program says {model}, which the model's path replaces");
	*ret = word;
	return true;
}

bool
artifact_exec_run(struct cli *t)
{
	owned(unlock_key_done) struct unlock_key k = { 0 };
	owned(fd_done) int fd = -1;
	char *key = take_cstr(&t->c, t->parsed.arg[0]);
	char *artifact = take_cstr(&t->c, t->parsed.arg[1]), *private, **word;
	struct str option;

	(void)parsed_option(&t->parsed, "--key", &option);
	private = take_cstr(&t->c, option);
	if (key == NULL || artifact == NULL || private == NULL || !no_dumps(&t->c) ||
	    !memory_file(&t->c, &fd) || !words_fill(t, fd, &word) ||
	    !unlock_key_open(t, key, private, &k) || !unlock_into(t, artifact, &k, fd) ||
	    !memory_file_seal(&t->c, fd) || !output_end(&t->c, t->out))
		return false;
	unlock_key_done(&k);
	if (fcntl(fd, F_SETFD, 0) != 0)
		return fail_errno(&t->c, "hand on", "the memory file");
	signal(SIGPIPE, SIG_DFL);
	umask(t->mask);
	execvp(word[0], word);
	return fail_errno(&t->c, "run", word[0]);
}

/* ---- With a license ---------------------------------------------------------------------- */

/* An errand: from the license to the model in the memory file. */
static bool
model_make(struct cli *t, void *arg, struct news *ret)
{
	owned(permit_done) struct permit p = { 0 };
	int *fd = arg;

	if (!api_open(t) || !permit_get(t, &p) || !unlock_into(t, p.artifact, &p.key, *fd))
		return false;
	*ret = (struct news){ .what = NEWS_GOOD, .lease = p.lease };
	ret->left = p.until == 0 ? -1 : p.until - seconds_of(t->c.now());
	return true;
}

/* An errand, for it reads the key's file: .left is 1 if there is a passphrase that was typed. */
static bool
passphrase_look(struct cli *t, void *arg, struct news *ret)
{
	bool lost;

	*ret = (struct news){ .what = NEWS_GOOD };
	if (!key_passphrase_lost(t, arg, &lost))
		return false;
	ret->left = lost;
	return true;
}

/*
 * Heartbeats need the private key, too; they read it anew each time. What was typed cannot be read
 * anew: it is asked for here, once, and kept.
 */
MUST static bool
passphrase_ready(struct cli *t)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	struct errand_run e = { 0 };
	struct news n;
	char *key;

	if (!held_open(t, t->parsed.arg[0], true, &h) || !held_identity(t, &h, &who))
		return false;
	key = take_printf(&t->c, "%s/key", who.folder);
	return key != NULL && errand_begin(t, passphrase_look, key, 0, &e) &&
	    errand_end(t, &e, &n) && (n.left == 0 || key_passphrase_keep(t, key));
}

bool
exec_run(struct cli *t)
{
	owned(fd_done) int fd = -1;
	struct errand_run e = { 0 };
	struct news n;
	char **word;

	if (!no_dumps(&t->c) || !memory_file(&t->c, &fd) || !words_fill(t, fd, &word) ||
	    !image_ready(t) || !passphrase_ready(t) ||
	    !errand_begin(t, model_make, &fd, 0, &e) || !errand_end(t, &e, &n))
		return false;
	image_forget(t); /* what runs goes on without showing it */
	return memory_file_seal(&t->c, fd) && output_end(&t->c, t->out) &&
	    supervise(t, word, &fd, &n);
}
