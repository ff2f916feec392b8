/*
 * Commands that may run without the daemon. hallmarkctl links neither database nor cryptography, so
 * it starts `hallmarkd --offline`, which answers on a pipe with the same frames as on its socket;
 * and the backup, whose bytes the daemon sends and hallmarkctl writes, as the user who asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

/* ---- hallmarkd --offline -------------------------------------------------------------------- */

/* hallmarkd lies where hallmarkctl lies. */
MUST static bool
daemon_path(struct ctx *c, const char **ret)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *path, *slash;

	if (n <= 0)
		return fail_errno(c, "read", "/proc/self/exe");
	self[n] = '\0';
	slash = strrchr(self, '/');
	path = take_printf(c, "%.*s/hallmarkd", slash == NULL ? 0 : (int)(slash - self), self);
	if (path == NULL)
		return false;
	if (access(path, X_OK) != 0)
		return fail_errno(c, "run", path);
	*ret = path;
	return true;
}

/* --conf, or where a configuration usually lies. */
MUST static bool
conf_path(struct ctx *c, const struct parsed *p, char **ret)
{
	static const char *const usual[] = { "/etc/hallmark/hallmark.conf",
		"state/hallmark.conf" };
	struct str given;

	if (parsed_option(p, "--conf", &given)) {
		*ret = take_cstr(c, given);
		return *ret != NULL;
	}
	for (size_t i = 0; i < COUNT(usual); i++)
		if (access(usual[i], F_OK) == 0) {
			*ret = take_cstr(c, str_of(usual[i]));
			return *ret != NULL;
		}
	return fail(
	    c, E_FILE, "found no hallmark.conf in /etc/hallmark or state: say --conf FILE");
}

/* hallmarkd -c CONF --offline WORD… */
MUST static bool
arguments(struct ctl *t, char **ret)
{
	struct shape s;
	struct str word;
	size_t n = 0;

	grammar_shape(t->parsed.command->grammar, &s);
	ret[n++] = take_cstr(&t->c, STR("hallmarkd"));
	ret[n++] = take_cstr(&t->c, STR("-c"));
	if (!conf_path(&t->c, &t->parsed, &ret[n++]))
		return false;
	ret[n++] = take_cstr(&t->c, STR("--offline"));
	while (s.words.n > 0) {
		(void)str_cut(&s.words, ' ', &word);
		ret[n++] = take_cstr(&t->c, word);
	}
	for (size_t i = 0; i < t->parsed.args; i++)
		ret[n++] = take_cstr(&t->c, t->parsed.arg[i]);
	for (size_t i = 0; i < n; i++)
		if (ret[i] == NULL)
			return false;
	ret[n] = NULL;
	return true;
}

MUST static bool
start(struct ctx *c, const char *program, char **argument, pid_t *ret_pid, int *ret)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail_errno(c, "make", "a pipe");
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO)
			execv(program, argument);
		_exit(127);
	}
	fd_done(&ends[1]);
	if (pid < 0) {
		fd_done(&ends[0]);
		return fail_errno(c, "start", program);
	}
	*ret_pid = pid;
	*ret = ends[0];
	return true;
}

bool
offline_run(struct ctl *t, bool *ret_negative)
{
	owned(fd_done) int fd = -1;
	char *argument[GRAMMAR_ARGS + 12];
	const char *program;
	pid_t pid;
	bool ok;

	if (!daemon_path(&t->c, &program) || !arguments(t, argument) ||
	    !start(&t->c, program, argument, &pid, &fd))
		return false;
	ok = link_answer(t, fd, ret_negative);
	fd_done(&fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ok;
}

/* ---- doctor --------------------------------------------------------------------------------- */

MUST static bool
finding(struct ctl *t, const char *check, const char *next)
{
	char text[1024];
	struct buf b = BUF(text);
	struct js j = { &b };

	js_open(&j, NULL, '{');
	js_text(&j, "state", STR("error"));
	js_text(&j, "check", str_of(check));
	js_text(&j, "finding", str_of(t->c.err.text));
	js_text(&j, "next", str_of(next));
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

static const char *
remedy(const struct ctx *c)
{
	if (c->err.code == E_DENIED)
		return "run hallmarkctl as root, as the daemon's user, or as a member of "
		       "admin-group";
	return "start it: systemctl start hallmarkd, or hallmarkd -c CONF; its log says why it "
	       "ended";
}

int
doctor_run(struct ctl *t)
{
	owned(fd_done) int fd = -1;
	bool negative = false;

	if (link_open(&t->c, &t->parsed, &fd)) {
		if (!link_ask(t, fd, STR("")) || !link_answer(t, fd, &negative))
			return output_failure(&t->c, CTL);
		return negative ? 3 : 0;
	}
	if (!finding(t, "daemon", remedy(&t->c)))
		return output_failure(&t->c, CTL);
	if (!offline_run(t, &negative) &&
	    (!finding(t, "offline", "see what hallmarkd -n -c CONF says") ||
		!output_end(&t->c, t->out)))
		return output_failure(&t->c, CTL);
	return 3;
}

/* ---- db restore ----------------------------------------------------------------------------- */

MUST static bool
nobody_listens(struct ctl *t)
{
	owned(fd_done) int fd = -1;

	if (link_open(&t->c, &t->parsed, &fd))
		return fail(&t->c, E_CONFLICT, "hallmarkd is running at %s: stop it first",
		    link_path(&t->parsed));
	t->c.err = (struct err){ 0 };
	return true;
}

int
restore_run(struct ctl *t)
{
	bool negative = false;

	if (!nobody_listens(t) || !offline_run(t, &negative))
		return output_failure(&t->c, CTL);
	return negative ? 3 : 0;
}
