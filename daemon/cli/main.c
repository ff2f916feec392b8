/*
 * hallmark: the vendor's commands over HTTPS. It parses, asks where something would be lost, reads
 * what it knows of the server, and runs one command.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"

enum { MEMORY = 128 << 20, NEGATIVE = 3 };

/* clang-format off */
static const struct {
	const char *words;
	cli_command *run;
} commands[] = {
	{ "login",        login_run        },
	{ "status",       status_run       },
	{ "token create", token_create_run },
	{ "token list",   token_list_run   },
	{ "token revoke", token_revoke_run },
	{ "job submit",   job_submit_run   },
	{ "job list",     job_list_run     },
	{ "job show",     job_show_run     },
	{ "job watch",    job_watch_run    },
	{ "job cancel",   job_cancel_run   },
	{ "audit list",   audit_list_run   },
};
/* clang-format on */

static cli_command *
command_of(struct str words)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (str_same(words, str_of(commands[i].words)))
			return commands[i].run;
	return NULL;
}

MUST static bool
run(struct cli *t)
{
	const struct command *command = t->parsed.command;
	cli_command *what;
	struct shape s;
	char *words;

	grammar_shape(command->grammar, &s);
	what = command_of(s.words);
	words = take_cstr(&t->c, s.words);
	if (what == NULL || words == NULL)
		return fail(&t->c, E_INTERNAL, "no function for this command");
	if ((command->flags & COMMAND_DESTRUCTIVE) != 0 &&
	    !output_confirm(&t->c, &t->parsed, words))
		return false;
	return settings_folder(t) && (what == login_run || settings_read(t)) && api_open(t) &&
	    what(t) && output_end(&t->c, t->out);
}

int
main(int argc, char **argv)
{
	owned(arena_free) struct arena *memory = arena_new(MEMORY);
	struct cli t = { .c = ctx_real(memory, CLI) };
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	struct str *word;
	int status;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	word = memory == NULL ? NULL : take(&t.c, (n + 1) * sizeof *word);
	if (word == NULL) {
		fputs(CLI ": no memory\n", stderr);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		word[i] = str_of(argv[i + 1]);
	if (!grammar_parse(&t.c, &vendor_program, word, n, &t.parsed))
		return output_usage(&t.c, &vendor_program, word, n);
	if (output_asked(&vendor_program, &t.parsed, &status))
		return n == 0 ? 1 : status;
	if (!output_new(&t.c, &t.parsed, &t.out))
		return output_failure(&t.c, CLI);
	status = run(&t) ? (t.negative ? NEGATIVE : 0) : output_failure(&t.c, CLI);
	output_free(&t.out);
	api_close(&t);
	if (t.token.n > 0)
		explicit_bzero((void *)(uintptr_t)t.token.p, t.token.n);
	return status;
}
