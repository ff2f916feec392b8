/*
 * exec: the model goes into a memory file, is sealed against every change, and is handed to a
 * program in our place. It never lies on a disk, and neither do the keys: nothing of ours is left
 * when the program runs.
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

#include "cli.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define MODEL "{model}"

/* No core dump may hold the model or a key, neither ours nor the program's. */
MUST static bool
no_dumps(struct ctx *c)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail_errno(c, "forbid", "core dumps");
	return true;
}

/* Older kernels do not know the flag that forbids to run it as a program. */
MUST static bool
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

MUST static bool
finish(struct ctx *c, int fd)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	if (fchmod(fd, 0400) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0)
		return fail_errno(c, "seal", "the memory file");
	if (lseek(fd, 0, SEEK_SET) != 0 || fcntl(fd, F_SETFD, 0) != 0)
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

MUST static bool
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
exec_run(struct cli *t)
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
	    !finish(&t->c, fd) || !output_end(&t->c, t->out))
		return false;
	unlock_key_done(&k);
	signal(SIGPIPE, SIG_DFL);
	umask(t->mask);
	execvp(word[0], word);
	return fail_errno(&t->c, "run", word[0]);
}
