/*
 * Admin commands without a daemon, for `hallmarkd --offline`: hallmarkctl starts it where nobody
 * listens, and reads the same frames from its standard output.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"

enum { OFFLINE_MEMORY = 64 << 20 };

/* What root would write into the owner's folder the daemon could not read afterwards. */
MUST static bool
owner_only(struct ctx *c, const char *state)
{
	struct stat st;

	if (stat(state, &st) != 0)
		return fail_errno(c, "examine", state);
	if (st.st_uid == geteuid())
		return true;
	return fail(c, E_DENIED,
	    "%s belongs to user %u: run this as that user (runuser -u USER -- hallmarkctl …), and "
	    "let it read the backup",
	    state, (unsigned)st.st_uid);
}

MUST static bool
restore(struct ctx *c, struct call *call)
{
	const char *state = call->server->conf.state;
	char *from = take_cstr(c, call->parsed.arg[0]);
	struct js j;

	if (from == NULL || !owner_only(c, state) || !store_restore(c, state, from))
		return false;
	call_row_open(call, &j);
	js_text(&j, "restored", str_of(from));
	js_text(&j, "folder", str_of(state));
	snprintf(
	    call->note, sizeof call->note, "start hallmarkd, then hallmarkctl audit verify");
	return call_row_send(c, call, &j);
}

MUST static bool
doctor(struct ctx *c, struct call *call)
{
	struct doctor d = { .call = call };

	call->negative = true; /* the daemon is down, or nobody would look from outside */
	return doctor_outside(c, &d, &call->server->conf);
}

MUST static bool
run(struct ctx *c, struct call *call, const char *conf_path, int n, char **argument)
{
	struct str *word = take(c, ((size_t)n + 1) * sizeof *word);
	const struct command *command;

	if (word == NULL || !conf_read(c, conf_path, &call->server->conf))
		return false;
	for (int i = 0; i < n; i++)
		word[i] = str_of(argument[i]);
	if (!grammar_parse(c, &ctl_program, word, (size_t)n, &call->parsed))
		return false;
	command = call->parsed.command;
	if (command == NULL || (command->flags & COMMAND_OFFLINE) == 0)
		return fail(c, E_USAGE, "only doctor and db restore run without the daemon");
	return admin_command_of(command) == admin_doctor ? doctor(c, call) : restore(c, call);
}

int
admin_offline(const char *conf_path, int n, char **argument)
{
	owned(arena_free) struct arena *memory = arena_new(OFFLINE_MEMORY);
	struct ctx c = ctx_real(memory, "offline");
	struct server server = { .conf_path = conf_path };
	struct call call;
	bool ok;

	if (memory == NULL || !call_begin(&c, &server, STDOUT_FILENO, -1, &call))
		return 1;
	ok = run(&call.c, &call, conf_path, n, argument);
	call_end(&call, ok);
	return ok ? (call.negative ? 3 : 0) : err_exit(call.c.err.code);
}
