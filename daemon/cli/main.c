/*
 * hallmark: the vendor's commands and the customer's, over HTTPS and on files. It parses, asks
 * where something would be lost, reads what it knows of the server, and runs one command.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"

enum { MEMORY = 128 << 20, NEGATIVE = 3 };

/*
 * What a command stands on: a vendor's token and server; files alone; a customer's identity, whose
 * server is asked if need be; the same, but by errands alone.
 */
enum side { VENDOR, FILES, CUSTOMER, SUPERVISOR };

/* clang-format off */
static const struct {
	const char *words;
	cli_command *run;
	enum side side;
} commands[] = {
	{ "key new",      key_new_run,  FILES },
	{ "key show",     key_show_run, FILES },
	{ "artifact unlock", artifact_unlock_run, FILES },
	{ "artifact exec", artifact_exec_run, FILES },
	{ "enroll",       enroll_run,   CUSTOMER },
	{ "identity list", identity_list_run, CUSTOMER },
	{ "identity licenses", identity_licenses_run, CUSTOMER },
	{ "identity rotate", identity_rotate_run, CUSTOMER },
	{ "license fetch", license_fetch_run, CUSTOMER },
	{ "license check", license_check_run, CUSTOMER },
	{ "license image", license_image_run, CUSTOMER },
	{ "unlock",       unlock_run,   CUSTOMER },
	{ "exec",         exec_run,     SUPERVISOR },
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
	{ "model watermark", model_watermark_run },
	{ "slots create", slots_create_run },
	{ "slots copy", slots_copy_run },
	{ "slots list", slots_list_run },
	{ "slots show", slots_show_run },
	{ "watermark list", watermark_list_run },
	{ "watermark show", watermark_show_run },
	{ "watermark report", watermark_report_run },
	{ "watermark page", watermark_page_run },
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
	{ "release redteam", release_redteam_run },
	{ "customer add", customer_add_run },
	{ "customer list", customer_list_run },
	{ "customer show", customer_show_run },
	{ "customer rename", customer_rename_run },
	{ "customer suspend", customer_suspend_run },
	{ "customer reinstate", customer_reinstate_run },
	{ "customer erase", customer_erase_run },
	{ "customer code", customer_code_run },
	{ "policy add", policy_add_run },
	{ "policy list", policy_list_run },
	{ "policy show", policy_show_run },
	{ "policy change", policy_change_run },
	{ "policy retire", policy_retire_run },
	{ "policy delete", policy_delete_run },
	{ "license issue", license_issue_run },
	{ "license list", license_list_run },
	{ "license show", license_show_run },
	{ "license renew", license_renew_run },
	{ "license suspend", license_suspend_run },
	{ "license reinstate", license_reinstate_run },
	{ "license revoke", license_revoke_run },
	{ "license transfer", license_transfer_run },
	{ "license explain", license_explain_any_run, CUSTOMER },
	{ "license approve", license_approve_run },
	{ "license deliver", license_deliver_run },
	{ "license deliveries", license_deliveries_run },
	{ "license machines", license_machines_run },
	{ "license unbind", license_unbind_run },
	{ "license seats", license_seats_run },
	{ "key-image create", key_image_create_run },
	{ "key-image list", key_image_list_run },
	{ "key-image show", key_image_show_run },
	{ "key-image revoke", key_image_revoke_run },
	{ "key-image reissue", key_image_reissue_run },
	{ "key-image link", key_image_link_run },
	{ "suspect add", suspect_add_run },
	{ "suspect list", suspect_list_run },
	{ "suspect show", suspect_show_run },
	{ "suspect delete", suspect_delete_run },
	{ "suspect challenge", suspect_challenge_run },
	{ "verification start", verification_start_run },
	{ "verification list", verification_list_run },
	{ "verification show", verification_show_run },
	{ "verification report", verification_report_run },
	{ "verification page", verification_page_run },
	{ "verification evidence", verification_evidence_run },
	{ "verification check", verification_check_run, CUSTOMER },
	{ "redteam list", redteam_list_run },
	{ "redteam show", redteam_show_run },
	{ "redteam report", redteam_report_run },
	{ "redteam page", redteam_page_run },
	{ "import", import_run },
	{ "webhook add", webhook_add_run },
	{ "webhook list", webhook_list_run },
	{ "webhook show", webhook_show_run },
	{ "webhook change", webhook_change_run },
	{ "webhook delete", webhook_delete_run },
	{ "webhook messages", webhook_messages_run },
	{ "webhook replay", webhook_replay_run },
	{ "webhook ping", webhook_ping_run },
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
ready(struct cli *t, enum side side, bool first)
{
	switch (side) {
	case VENDOR:
		return settings_folder(t) && (first || settings_read(t)) && api_open(t);
	case FILES:
		return crypto_start(&t->c);
	case CUSTOMER:
		return crypto_start(&t->c) && settings_folder(t) && api_open(t);
	case SUPERVISOR:
		return crypto_start(&t->c) && settings_folder(t);
	}
	abort(); /* the compiler has seen every case */
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
	    !parsed_option(&t->parsed, "--dry-run", NULL) &&
	    !output_confirm(&t->c, &t->parsed, words))
		return false;
	return ready(t, commands[at].side, commands[at].run == login_run) &&
	    commands[at].run(t) && output_end(&t->c, t->out);
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
	status = run(&t) ? (t.negative ? NEGATIVE : t.ends) : output_failure(&t.c, CLI);
	output_free(&t.out);
	api_close(&t);
	if (t.token.n > 0)
		explicit_bzero((void *)(uintptr_t)t.token.p, t.token.n);
	return status;
}
