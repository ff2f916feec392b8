/*
 * The supervisor of a program that runs on a licensed model. The terminal is the program's, and so
 * is its end: what it is sent and how it ends is passed on. Now and then an errand keeps the seat;
 * when the license ends, so does the program, after the grace that the terms give it.
 *
 * It guards against forgetting, not against the machine's owner: who stops this process, or copies
 * the model out of the program's memory, outlasts a revocation. His copy bears his mark.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "customer.h"

enum { BEAT_SECONDS = 180, LEAVE_SECONDS = 5, TERM_MS = 10000, BEAT_MIN_MS = 1000 };

struct watch {
	struct cli *cli;
	pid_t child;
	int signals;
	sigset_t was;
	struct errand_run beat;
	int64_t every;            /* milliseconds between heartbeats */
	int64_t beat_at;          /* of the clock that never steps, as all below */
	int64_t term_at, kill_at; /* 0: not to be */
	int64_t trust_at;         /* until when the last news holds; 0: without end */
	bool asked; /* one more heartbeat since then is under way or was in vain */
	bool out;   /* the server is away, and that was said */
	bool ended; /* we ended the program */
	int status; /* then: the exit status */
	int wait;   /* of the child, once it is gone */
	struct news last;
};

/* ---- Signals --------------------------------------------------------------------------------- */

static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
	SIGWINCH };

MUST static bool
signals_open(struct watch *w)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &w->was) != 0)
		return fail_errno(&w->cli->c, "block", "signals");
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals >= 0 ? true : fail_errno(&w->cli->c, "watch", "signals");
}

/* What the terminal sends reaches the program without us. */
static void
signals_pass(struct watch *w)
{
	struct signalfd_siginfo s;

	while (read(w->signals, &s, sizeof s) == (ssize_t)sizeof s)
		if (s.ssi_signo != SIGCHLD && s.ssi_code != SI_KERNEL)
			(void)kill(w->child, (int)s.ssi_signo);
}

/* ---- The program ----------------------------------------------------------------------------- */

_Noreturn static void
become(struct watch *w, char **word, int fd, pid_t parent)
{
	struct ctx *c = &w->cli->c;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit(1);
	if (fcntl(fd, F_SETFD, 0) == 0) {
		signal(SIGPIPE, SIG_DFL);
		sigprocmask(SIG_SETMASK, &w->was, NULL);
		umask(w->cli->mask);
		execvp(word[0], word);
	}
	if (fail_errno(c, "run", word[0]))
		abort();
	_exit(output_failure(c, CLI));
}

MUST static bool
program_start(struct watch *w, char **word, int *fd)
{
	pid_t parent = getpid();

	fflush(NULL);
	w->child = fork();
	if (w->child < 0)
		return fail_errno(&w->cli->c, "start", word[0]);
	if (w->child == 0)
		become(w, word, *fd, parent);
	fd_done(fd);
	return true;
}

static bool
program_gone(struct watch *w)
{
	return waitpid(w->child, &w->wait, WNOHANG) == w->child;
}

/* Ends as the program did: with its status, or by its signal. */
static void
status_pass(struct watch *w)
{
	struct cli *t = w->cli;
	sigset_t one;

	if (w->ended) {
		t->ends = w->status;
	} else if (WIFEXITED(w->wait)) {
		t->ends = WEXITSTATUS(w->wait);
	} else {
		t->ends = 128 + WTERMSIG(w->wait);
		signal(WTERMSIG(w->wait), SIG_DFL);
		sigemptyset(&one);
		sigaddset(&one, WTERMSIG(w->wait));
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		raise(WTERMSIG(w->wait));
	}
}

/* ---- What is heard --------------------------------------------------------------------------- */

static void
say(const char *what, const char *why, int64_t left, const char *then)
{
	char text[512];
	struct buf b = BUF(text);

	buf_put(&b, str_of(why));
	buf_printf(&b, "; %s", what);
	if (left > 0)
		buf_printf(&b, " %s%lld s", then, (long long)left);
	output_say(CLI, buf_str(&b));
}

/* Until when what was heard allows the program to run, whatever comes, or does not. */
static void
trust(struct watch *w, int64_t now, int64_t left)
{
	w->trust_at = left < 0 ? 0 : now + left * 1000;
	w->asked = false;
}

static void
end_in(struct watch *w, int64_t now, const struct news *n)
{
	if (w->term_at != 0)
		return;
	say("the program is ended", n->why, n->left, "in ");
	w->term_at = now + n->left * 1000;
	w->status = n->status;
}

static void
heard(struct watch *w, const struct news *n)
{
	int64_t now = clock_monotonic();

	switch (n->what) {
	case NEWS_GOOD:
		if (!w->ended && w->term_at != 0)
			output_say(CLI, STR("the license holds again; the program goes on"));
		else if (w->out)
			output_say(CLI, STR("the server answers again"));
		w->out = false;
		trust(w, now, n->left);
		if (!w->ended)
			w->term_at = 0;
		w->every = n->lease * 1000 / 3;
		break;
	case NEWS_OUTAGE:
		if (!w->out)
			say("the program goes on", n->why, n->left, "without the server, for ");
		w->out = true;
		trust(w, now, n->left);
		break;
	case NEWS_END:
		end_in(w, now, n);
		break;
	}
	if (w->every < BEAT_MIN_MS)
		w->every = BEAT_MIN_MS;
}

static void
beat_over(struct watch *w)
{
	struct cli *t = w->cli;
	struct news n;

	if (errand_end(t, &w->beat, &n)) {
		heard(w, &n);
		return;
	}
	/* Ours, not the license's: said once, and tried again as long as the last news holds. */
	if (!w->out)
		output_failure(&t->c, CLI);
	w->out = true;
	n = (struct news){ .status = err_exit(t->c.err.code) };
	snprintf(n.why, sizeof n.why, "%s", t->c.err.text);
	t->c.err = (struct err){ 0 };
	if (w->trust_at != 0 && clock_monotonic() >= w->trust_at)
		end_in(w, clock_monotonic(), &n);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void
beat_now(struct watch *w, int64_t now)
{
	w->beat_at = now + w->every;
	if (w->beat.pid == 0 && !errand_begin(w->cli, seat_beat, NULL, BEAT_SECONDS, &w->beat))
		w->cli->c.err = (struct err){ 0 };
}

static void
times_look(struct watch *w)
{
	int64_t now = clock_monotonic();

	/* At the end of what the last news allow, one more heartbeat says what is now. */
	if (now >= w->beat_at)
		beat_now(w, now);
	if (w->trust_at != 0 && now >= w->trust_at && !w->asked && w->beat.pid == 0) {
		w->asked = true;
		beat_now(w, now);
	}
	if (w->term_at != 0 && now >= w->term_at && !w->ended) {
		w->ended = true;
		w->kill_at = now + TERM_MS;
		output_say(CLI, STR("the program is told to end (SIGTERM)"));
		(void)kill(w->child, SIGTERM);
		(void)kill(w->child, SIGCONT);
	}
	if (w->kill_at != 0 && now >= w->kill_at) {
		w->kill_at = 0;
		output_say(CLI, STR("it did not, and is killed"));
		(void)kill(w->child, SIGKILL);
	}
}

static int
patience(const struct watch *w)
{
	const int64_t at[] = { w->beat_at, w->ended ? 0 : w->term_at, w->kill_at,
		w->asked ? 0 : w->trust_at };
	int64_t now = clock_monotonic(), next = now + 60000;

	for (size_t i = 0; i < COUNT(at); i++)
		if (at[i] != 0 && at[i] < next)
			next = at[i];
	return next > now ? (int)(next - now) : 0;
}

static void
watch_on(struct watch *w)
{
	while (!program_gone(w)) {
		struct pollfd p[] = { { .fd = w->signals, .events = POLLIN },
			{ .fd = w->beat.pid > 0 ? w->beat.from : -1, .events = POLLIN } };

		if (poll(p, COUNT(p), patience(w)) < 0 && errno != EINTR)
			break;
		signals_pass(w);
		if (p[1].revents != 0)
			beat_over(w);
		times_look(w);
	}
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Others on this machine may run programs in the same seat: the last one gives it back. */
MUST static bool
seat_share(struct cli *t, int *ret)
{
	char *path = take_printf(
	    &t->c, "%s/licenses/%.*s/running", t->folder, STRF(t->parsed.arg[0]));

	if (path == NULL)
		return false;
	*ret = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*ret < 0 || flock(*ret, LOCK_SH) != 0)
		return fail_errno(&t->c, "lock", path);
	return true;
}

static void
seat_return(struct cli *t, int shared)
{
	struct errand_run e = { 0 };
	struct news n;

	if (flock(shared, LOCK_EX | LOCK_NB) != 0)
		return;
	/* Whether it comes through or not: the seat lapses by itself. */
	if (!errand_begin(t, seat_leave, NULL, LEAVE_SECONDS, &e) || !errand_end(t, &e, &n))
		t->c.err = (struct err){ 0 };
}

static void
watch_done(struct watch *w)
{
	errand_kill(&w->beat);
	fd_done(&w->signals);
}

bool
supervise(struct cli *t, char **word, int *fd, const struct news *begun)
{
	owned(fd_done) int shared = -1;
	owned(watch_done) struct watch w = {
		.cli = t, .signals = -1, .every = begun->lease * 1000 / 3, .beat.from = -1
	};

	if (!seat_share(t, &shared) || !signals_open(&w) || !program_start(&w, word, fd))
		return false;
	w.beat_at = clock_monotonic() + w.every;
	trust(&w, clock_monotonic(), begun->left);
	watch_on(&w);
	errand_kill(&w.beat);
	seat_return(t, shared);
	status_pass(&w);
	return true;
}
