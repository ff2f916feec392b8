/*
 * hallmarkd: the server. Reads its configuration, opens the store, starts the custodian's keeper,
 * the scheduler, the admin socket and HTTPS, in this order, tells systemd that it is ready, and
 * then waits for signals while it feeds the watchdog. It stops in the opposite order.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "blobs.h"
#include "clock.h"
#include "events.h"
#include "license.h"
#include "live_asking.h"
#include "proofs.h"
#include "request.h"
#include "uploads.h"
#include "viewers.h"

enum {
	BEAT_MS = 2000,
	DRAIN_MS = 8000,
	TELL_MS = 1000,
	MAIN_MEMORY = 16 << 20,
	PUBLIC_URL_MAX = 256
};

void
server_stop(struct server *s)
{
	s->draining = true;
	kill(getpid(), SIGTERM);
}

/* ---- What the process is -------------------------------------------------------------------- */

/* No core dumps, no debugger of the same user: tokens and data keys pass through this memory. */
MUST static bool
harden(struct ctx *c)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail_errno(c, "drop privileges of", "the process");
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	return true;
}

/* As many descriptors as the configured connections need. */
MUST static bool
descriptors(struct ctx *c, const struct conf *conf)
{
	rlim_t want = (rlim_t)conf->connections * 2 + 512;
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return fail_errno(c, "examine", "the limit of descriptors");
	if (now.rlim_cur >= want)
		return true;
	now.rlim_cur = want;
	if (now.rlim_max < want)
		now.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &now) != 0)
		return fail(c, E_USAGE,
		    "%lld connections need %llu descriptors; raise the limit or lower \"connections\"",
		    (long long)conf->connections, (unsigned long long)want);
	return true;
}

/* Signals come as reads in the main thread; every thread started later has them blocked too. */
MUST static bool
signals(struct ctx *c, int *ret)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return fail_errno(c, "block", "signals");
	*ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret >= 0 ? true : fail_errno(c, "open", "a signal descriptor");
}

/* Without a slash at its end. */
MUST static bool
public_url(struct ctx *c, struct conf *conf)
{
	struct str url = str_of(conf->public_url);

	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	if (url.n > 0 && (url.n > PUBLIC_URL_MAX || !str_starts(url, STR("https://"))))
		return fail(c, E_USAGE,
		    "public-url must begin with https:// and have at most %d bytes",
		    PUBLIC_URL_MAX);
	conf->public_url = take_cstr(c, url);
	return conf->public_url != NULL;
}

/* What the configuration leaves to the state folder and to the program's own place. */
MUST static bool
complete(struct ctx *c, struct conf *conf)
{
	char self[4096];
	ssize_t n;

	if (conf->admin_socket[0] == '\0')
		conf->admin_socket = take_printf(c, "%s/admin.sock", conf->state);
	if (conf->programs[0] == '\0') {
		n = readlink("/proc/self/exe", self, sizeof self - 1);
		if (n <= 0)
			return fail_errno(c, "find", "the program's folder");
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		conf->programs = take_cstr(c, str_of(self));
	}
	return conf->admin_socket != NULL && conf->programs != NULL && public_url(c, conf);
}

/* ---- Start and stop ------------------------------------------------------------------------- */

MUST static bool
start(struct ctx *c, struct server *s)
{
	const struct conf *conf = &s->conf;
	struct store_conf store = { .dir = conf->state,
		.group_max = (unsigned)conf->group_max,
		.queue_max = (unsigned)conf->queue_max,
		.lazy_ms = (unsigned)conf->audit_lazy_ms,
		.check_ms = (unsigned)conf->check_ms };

	return store_open(c, &store, &s->store) && clock_start(c, s) &&
	    metrics_start(c, s, &s->metrics) && limits_start(c, conf, &s->limits) &&
	    authority_start(c, s, &s->authority) && proofs_start(c, s, &s->proofs) &&
	    keys_start(c, s, &s->keys) && blobs_start(c, s) &&
	    uploads_start(c, s, &s->uploads) && live_start(c, s, &s->live) &&
	    jobs_start(c, s, &s->jobs) && viewers_start(c, s, &s->viewers) &&
	    hooks_start(c, s, &s->hooks) && upkeep_start(c, s, &s->upkeep) &&
	    admin_start(c, s, &s->admin) && http_start(c, s, &s->http);
}

static void
stop(struct server *s)
{
	viewers_quit(s->viewers);
	http_stop(&s->http);
	admin_stop(&s->admin);
	upkeep_stop(&s->upkeep);
	uploads_stop(&s->uploads);
	hooks_stop(&s->hooks);
	viewers_stop(&s->viewers);
	jobs_stop(&s->jobs);
	live_stop(&s->live);
	blobs_stop();
	keys_stop(&s->keys);
	proofs_stop(&s->proofs);
	authority_stop(&s->authority);
	limits_stop(&s->limits);
	store_close(&s->store);
	metrics_stop(&s->metrics);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* In memory of its own: a daemon that is reloaded every minute for years must not grow. */
static void
reload(struct server *s)
{
	owned(arena_free) struct arena *mem = arena_new(MAIN_MEMORY);
	struct ctx c = ctx_real(mem, "main");
	struct conf fresh;
	struct str later;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic() * 1000);
	if (conf_read(&c, s->conf_path, &fresh) && complete(&c, &fresh) &&
	    conf_next_start(&c, &s->conf, &fresh, &later) && http_reload(&c, s->http, &fresh)) {
		limits_set(s->limits, &fresh);
		log_open("hallmarkd", (enum log_level)fresh.log_level);
		log_event(LOG_LEVEL_INFO, NULL, "reloaded", "file=%s next-start=%s",
		    log_quote(str_of(s->conf_path)), log_quote(later));
	} else {
		log_failure(&c, "reload-refused-old-configuration-kept");
	}
	sd_notify(0, "READY=1");
}

/* True to go on. */
static bool
on_signal(struct server *s, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo != SIGHUP)
			return false;
		reload(s);
	}
	return true;
}

/*
 * The watchdog hears from here only while the writer commits and the keeper answers: a process
 * whose threads hang is ended.
 */
static void
beat(struct server *s)
{
	if (store_alive(s->store))
		sd_notify(0, "WATCHDOG=1");
	events_beat();
}

static void
live(struct server *s, int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	sd_notifyf(0, "READY=1\nSTATUS=serving %s", s->conf.listen);
	log_event(LOG_LEVEL_INFO, NULL, "ready", "state=%s version=%s",
	    log_quote(str_of(s->conf.state)), HALLMARK_VERSION);
	for (;;) {
		int n = poll(&p, 1, BEAT_MS);

		if (n > 0 && !on_signal(s, fd))
			break;
		beat(s);
	}
	sd_notify(0, "STOPPING=1\nSTATUS=finishing what is in flight");
	log_event(LOG_LEVEL_INFO, NULL, "stopping", "open=%s", "finishing");
	s->draining = true;
	http_drain(s->http, DRAIN_MS);
	/* Whoever still waits for a picture to be looked at hears that nobody will. */
	viewers_quit(s->viewers);
	http_drain(s->http, TELL_MS);
}

MUST static bool
run(struct ctx *c, const char *path)
{
	struct server s = { .conf_path = path, .started = c->now() };
	owned(fd_done) int fd = -1;
	bool ok;

	if (!conf_read(c, path, &s.conf))
		return false;
	log_open("hallmarkd", (enum log_level)s.conf.log_level);
	if (!complete(c, &s.conf) || !harden(c) || !descriptors(c, &s.conf) || !signals(c, &fd))
		return false;
	ok = crypto_start(c) && start(c, &s);
	if (ok)
		live(&s, fd);
	stop(&s);
	if (ok)
		log_event(LOG_LEVEL_INFO, NULL, "stopped", "state=%s",
		    log_quote(str_of(s.conf.state)));
	return ok;
}

/* ---- The command line ------------------------------------------------------------------------ */

static void
routes_print(void)
{
	for (const struct route *r = routes; r->method != NULL; r++)
		printf("%s %s\n", r->method, r->path);
}

static void
verdicts_print(void)
{
	static const char *const answers[] = { "yes", "undecided", "no" };

	for (unsigned i = 0; i < V_COUNT; i++)
		printf("%s %s %s\n", verdict_wire((enum verdict_code)i),
		    answers[verdict_answer((enum verdict_code)i)],
		    verdict_sentence((enum verdict_code)i));
}

static int
usage(FILE *to)
{
	fputs(
	    "usage: hallmarkd [-n] -c FILE      run in the foreground; -n: check FILE only\n"
	    "       hallmarkd --restore BACKUP -c FILE\n"
	    "                                   put a backup in the place of the database\n"
	    "       hallmarkd --offline COMMAND -c FILE\n"
	    "                                   hallmarkctl's doctor or db restore, without serving\n"
	    "       hallmarkd --conf            print the standard configuration\n"
	    "       hallmarkd --routes          print the table of HTTP routes\n"
	    "       hallmarkd --verdicts        print what a license can be said to be, and what to do then\n"
	    "       hallmarkd --version\n",
	    to);
	return to == stdout ? 0 : 1;
}

static int
failed(struct ctx *c)
{
	fprintf(stderr, "hallmarkd: %s%s%s\n", c->err.text,
	    c->err.detail[0] != '\0' ? ": " : "", c->err.detail);
	return err_exit(c->err.code);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "conf", no_argument, NULL, 'C' },
		{ "routes", no_argument, NULL, 'R' }, { "verdicts", no_argument, NULL, 'D' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' },
		{ "restore", required_argument, NULL, 'r' },
		{ "offline", no_argument, NULL, 'o' }, { 0 } };
	owned(arena_free) struct arena *mem = arena_new(MAIN_MEMORY);
	struct ctx c = ctx_real(mem, "main");
	const char *file = NULL, *backup = NULL;
	struct conf conf;
	bool check = false, offline = false, ok;

	for (int o; (o = getopt_long(argc, argv, "c:nh", options, NULL)) != -1;) {
		if (o == 'C')
			return conf_print(), 0;
		if (o == 'R')
			return routes_print(), 0;
		if (o == 'D')
			return verdicts_print(), 0;
		if (o == 'V')
			return puts("hallmarkd " HALLMARK_VERSION), 0;
		if (o == 'h')
			return usage(stdout);
		if (o == 'c')
			file = optarg;
		else if (o == 'n')
			check = true;
		else if (o == 'r')
			backup = optarg;
		else if (o == 'o')
			offline = true;
		else
			return usage(stderr);
	}
	if (file == NULL || (optind != argc && !offline) || mem == NULL)
		return usage(stderr);
	if (offline)
		return admin_offline(file, argc - optind, argv + optind);
	if (check)
		ok = conf_read(&c, file, &conf);
	else if (backup != NULL)
		ok = conf_read(&c, file, &conf) && store_restore(&c, conf.state, backup);
	else
		ok = run(&c, file);
	if (!ok)
		return failed(&c);
	if (check)
		puts("the configuration is in order");
	return 0;
}
