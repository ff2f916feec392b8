/*
 * Errands: what needs keys is done by a child that tells what came of it through a pipe and ends,
 * and with it everything that it had in memory. It dies with us, whatever ends us.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "customer.h"

/* In the child: what came of it, and whether it failed. */
_Noreturn static void
go(struct cli *t, errand *run, void *arg, int to)
{
	struct news n = { 0 };
	bool ok = run(t, arg, &n);

	if (!ok) {
		n.err = t->c.err;
		snprintf(n.name, sizeof n.name, "%s", err_name(&t->c.err));
	}
	n.failed = !ok;
	fflush(NULL);
	if (!fd_write_all(&t->c, to, &n, sizeof n))
		_exit(1);
	_exit(0);
}

bool
errand_begin(struct cli *t, errand *run, void *arg, unsigned seconds, struct errand_run *ret)
{
	pid_t parent = getpid(), pid;
	sigset_t alarms;
	int end[2];

	if (pipe2(end, O_CLOEXEC) != 0)
		return fail_errno(&t->c, "make", "a pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(end[0]);
		close(end[1]);
		return fail_errno(&t->c, "start", "a process");
	}
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
			_exit(1);
		sigemptyset(&alarms);
		sigaddset(&alarms, SIGALRM);
		sigprocmask(SIG_UNBLOCK, &alarms, NULL);
		signal(SIGALRM, SIG_DFL);
		alarm(seconds);
		close(end[0]);
		go(t, run, arg, end[1]);
	}
	close(end[1]);
	*ret = (struct errand_run){ pid, end[0] };
	return true;
}

void
errand_kill(struct errand_run *e)
{
	if (e->pid <= 0)
		return;
	(void)kill(e->pid, SIGKILL);
	while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_done(&e->from);
	e->pid = 0;
}

/* The error as the child had it; its name lives on here. */
MUST static bool
fail_again(struct ctx *c, const struct news *n)
{
	static char name[sizeof n->name];

	c->err = n->err;
	memcpy(name, n->name, sizeof name);
	c->err.name = name;
	return false;
}

bool
errand_end(struct cli *t, struct errand_run *e, struct news *ret)
{
	struct ctx try = t->c;
	struct news n;
	bool told = fd_read_all(&try, e->from, &n, sizeof n);

	while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_done(&e->from);
	e->pid = 0;
	if (!told)
		return fail(&t->c, E_PEER, "a process of ours ended before it was done");
	if (n.failed)
		return fail_again(&t->c, &n);
	*ret = n;
	return true;
}
