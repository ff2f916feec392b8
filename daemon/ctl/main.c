/*
 * hallmarkctl: the administrator's commands. It parses, asks where something would be lost, and
 * passes the command on to the daemon's admin socket; it links nothing that could do more.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

enum { MEMORY = 64 << 20 };

/* ---- One command ---------------------------------------------------------------------------- */

MUST static bool
secret_input(struct ctl *t, struct str *ret)
{
	struct str from = t->parsed.args > 0 ? t->parsed.arg[0] : STR("-");

	*ret = (struct str){ "", 0 };
	t->parsed.args = 0;
	return (t->parsed.command->flags & COMMAND_SECRET) == 0 ||
	    output_secret(&t->c, from, "share", FRAME_INPUT_MAX, ret);
}

static int
daemon_run(struct ctl *t)
{
	owned(fd_done) int fd = -1;
	bool secret = (t->parsed.command->flags & COMMAND_SECRET) != 0, negative = false;
	struct str input;

	/* The daemon first: nobody should type a secret for nothing. */
	if (!link_open(&t->c, &t->parsed, &fd))
		return output_failure(&t->c, CTL);
	if (secret) {
		fd_done(&fd);
		if (!secret_input(t, &input) || !link_open(&t->c, &t->parsed, &fd))
			return output_failure(&t->c, CTL);
	} else {
		input = (struct str){ "", 0 };
	}
	if (!link_ask(t, fd, input) || !link_answer(t, fd, &negative))
		return output_failure(&t->c, CTL);
	return negative ? 3 : 0;
}

/* clang-format off */
static const struct {
	const char *words;
	int (*run)(struct ctl *);
} own_ways[] = {
	{ "doctor", doctor_run },
	{ "db backup", backup_run },
	{ "db restore", restore_run },
	{ "release unlock-key", unlock_key_run },
};
/* clang-format on */

static int
command_run(struct ctl *t)
{
	const struct command *command = t->parsed.command;
	struct shape s;
	char *what;

	grammar_shape(command->grammar, &s);
	what = take_cstr(&t->c, s.words);
	if (what == NULL)
		return output_failure(&t->c, CTL);
	if ((command->flags & COMMAND_DESTRUCTIVE) != 0 &&
	    !parsed_option(&t->parsed, "--dry-run", NULL) &&
	    !output_confirm(&t->c, &t->parsed, what))
		return output_failure(&t->c, CTL);
	for (size_t i = 0; i < COUNT(own_ways); i++)
		if (strcmp(own_ways[i].words, what) == 0)
			return own_ways[i].run(t);
	return daemon_run(t);
}

int
main(int argc, char **argv)
{
	owned(arena_free) struct arena *memory = arena_new(MEMORY);
	struct ctl t = { .c = ctx_real(memory, CTL), .file = -1 };
	struct str *word;
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	int status;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	word = memory == NULL ? NULL : take(&t.c, (n + 1) * sizeof *word);
	if (word == NULL) {
		fputs(CTL ": no memory\n", stderr);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		word[i] = str_of(argv[i + 1]);
	if (!grammar_parse(&t.c, &ctl_program, word, n, &t.parsed))
		return output_usage(&t.c, &ctl_program, word, n);
	if (output_asked(&ctl_program, &t.parsed, &status))
		return n == 0 ? 1 : status;
	if (!output_new(&t.c, &t.parsed, &t.out))
		return output_failure(&t.c, CTL);
	status = command_run(&t);
	output_free(&t.out);
	return status;
}
