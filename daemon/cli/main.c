/*
 * hallmark: the vendor's commands over HTTPS, and the customer's on files. It parses, asks where
 * something would be lost, reads what it knows of the server, and runs one command.
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
	bool local; /* works without a server */
} commands[] = {
	{ "key new",      key_new_run,  true },
	{ "key show",     key_show_run, true },
	{ "unlock",       unlock_run,   true },
	{ "exec",         exec_run,     true },
	{ "login",        login_run        },
	{ "status",       status_run       },
	{ "token create", token_create_run },
	{ "token list",   token_list_run   },
	{ "token revoke", token_revoke_run },
	{ "model add",    model_add_run    },
	{ "model upload", model_upload_run },
	{ "model list",   model_list_run   },
	{ "model show",   model_show_run   },
	{ "model delete", model_delete_run },
	{ "dataset add",  dataset_add_run  },
	{ "dataset upload", dataset_upload_run },
	{ "dataset list", dataset_list_run },
	{ "dataset show", dataset_show_run },
	{ "dataset delete", dataset_delete_run },
	{ "release create", release_create_run },
	{ "release list", release_list_run },
	{ "release show", release_show_run },
	{ "release fetch", release_fetch_run },
	{ "release report", release_report_run },
	{ "release page", release_page_run },
	{ "release bundle", release_bundle_run },
	{ "release delete", release_delete_run },
	{ "job submit",   job_submit_run   },
	{ "job list",     job_list_run     },
	{ "job show",     job_show_run     },
	{ "job watch",    job_watch_run    },
	{ "job cancel",   job_cancel_run   },
	{ "audit list",   audit_list_run   },
};
/* clang-format on */

/* Its place in the table; COUNT(commands) if it is not there. */
static size_t
command_of(struct str words)
{
	size_t i = 0;

	while (i < COUNT(commands) && !str_same(words, str_of(commands[i].words)))
		i++;
	return i;
}

MUST static bool
run(struct cli *t)
{
	const struct command *command = t->parsed.command;
	struct shape s;
	char *words;
	size_t at;

	grammar_shape(command->grammar, &s);
	at = command_of(s.words);
	words = take_cstr(&t->c, s.words);
	if (at == COUNT(commands) || words == NULL)
		return fail(&t->c, E_INTERNAL, "no function for this command");
	if ((command->flags & COMMAND_DESTRUCTIVE) != 0 &&
	    !output_confirm(&t->c, &t->parsed, words))
		return false;
	if (commands[at].local)
		return crypto_start(&t->c) && commands[at].run(t) && output_end(&t->c, t->out);
	return settings_folder(t) && (commands[at].run == login_run || settings_read(t)) &&
	    api_open(t) && commands[at].run(t) && output_end(&t->c, t->out);
}

int
main(int argc, char **argv)
{
	owned(arena_free) struct arena *memory = arena_new(MEMORY);
	struct cli t = { .c = ctx_real(memory, CLI) };
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	struct str *word;
	int status;

	t.mask = umask(077);
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
