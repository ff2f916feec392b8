/*
 * hallmark as a process, without a terminal, in a folder of this program's own.
 */
#include "cli_support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 24, SAID_MAX = 1 << 20 };

struct str
file_bytes(struct ctx *c, const char *path)
{
	struct str s;

	ck_ok(c, file_read(c, AT_FDCWD, path, SAID_MAX * 8, &s));
	return s;
}

/* In the child: what is not a terminal, and where it says what it says. */
_Noreturn static void
become(const char *folder, char **word)
{
	int in = open("/dev/null", O_RDONLY);
	int out = open(test_path(folder, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int err = open(test_path(folder, "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0)
		_exit(99);
	close(in);
	close(out);
	close(err);
	if (close_range(3, ~0U, 0) != 0)
		_exit(97);
	umask(022);
	execv(word[0], word);
	_exit(98);
}

struct said
hallmark(struct ctx *c, const char *const words[])
{
	static const char *folder;
	char *word[WORDS_MAX] = { 0 };
	size_t n = 0;
	int status;
	pid_t pid;

	if (folder == NULL)
		folder = test_folder();
	word[n++] = take_printf(c, "%s/hallmark", getenv("PROGRAMS"));
	for (; words[n - 1] != NULL; n++) {
		ck_assert_uint_lt(n + 1, WORDS_MAX);
		word[n] = take_cstr(c, str_of(words[n - 1]));
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become(folder, word);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return (struct said){ WEXITSTATUS(status), file_bytes(c, test_path(folder, "out")),
		file_bytes(c, test_path(folder, "err")) };
}

bool
says(struct str text, const char *what)
{
	return memmem(text.p, text.n, what, strlen(what)) != NULL;
}
