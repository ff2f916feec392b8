/*
 * hallmark-courier: delivers webhooks, or asks services that are suspects. The server starts it
 * with a socket, it loads what it needs, builds its walls (no file, no program, no privilege, a
 * short list of system calls), says so, and then sends one errand after the other, many at once, to
 * hosts that nobody has reason to trust. It has no key and no database: whoever takes it over by an
 * answer has the errands that are under way. It never logs: how each of them ended goes back to the
 * server.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "courier.h"
#include "sandbox.h"

#define SOCKET 3
#define ARENA_MAX (8 << 20)
#define SEND_MS 5000

static const char usage[] =
    "usage: hallmark-courier --fd 3 [--plain] [--networks LIST | --suspects LIST] [--ca FILE]\n"
    "Started by hallmarkd; delivers its webhooks, or, with --suspects, asks those services.\n"
    "Speaks on a connected socket and to targets.\n";

MUST static bool
list_read(struct ctx *c, struct str word, struct str list, struct courier_conf *ret)
{
	ret->asks = str_same(word, STR("--suspects"));
	if (ret->asks)
		return hosts_parse(c, list, &ret->hosts);
	return str_same(word, STR("--networks")) &&
	    networks_parse(c, list, &ret->hosts.networks);
}

MUST static bool
arguments_read(struct ctx *c, int argc, char **argv, struct courier_conf *ret)
{
	bool fd = false;

	for (int i = 1; i < argc; i++) {
		struct str word = str_of(argv[i]);

		if (str_same(word, STR("--plain")))
			ret->plain = true;
		else if (str_same(word, STR("--fd")) && i + 1 < argc)
			fd = str_same(str_of(argv[++i]), STR("3"));
		else if (str_same(word, STR("--ca")) && i + 1 < argc)
			ret->ca = argv[++i];
		else if (i + 1 >= argc || !list_read(c, word, str_of(argv[++i]), ret))
			return fail(c, E_USAGE, "the command line is wrong");
	}
	return fd ? true : fail(c, E_USAGE, "it is started by hallmarkd");
}

MUST static bool
greet(struct ctx *c, bool ready, bool files_walled)
{
	const struct courier_hello hello = { ready, files_walled, str_of(c->err.text) };
	char room[COURIER_ANSWER_MAX];
	struct buf b = BUF(room);

	return courier_hello_encode(c, &hello, &b) &&
	    channel_send(c, SOCKET, buf_str(&b), NULL, 0, clock_monotonic() + SEND_MS);
}

/* In the words of whom it goes back to. */
MUST static bool
report(struct ctx *c, const struct courier_conf *conf, const struct errand_end *e)
{
	const struct parcel_report parcel = { e->serial, e->end, e->status };
	const struct question_report question = { e->serial, e->end, e->status, e->body };
	struct buf b;

	return take_buf(c, LIVE_MESSAGE_MAX, &b) &&
	    (conf->asks ? question_report_encode(c, &question, &b)
			: parcel_report_encode(c, &parcel, &b)) &&
	    channel_send(c, SOCKET, buf_str(&b), NULL, 0, clock_monotonic() + SEND_MS);
}

/* One message of the server's; false at the end of this life. */
MUST static bool
errand_take(struct ctx *c, const struct courier_conf *conf, struct sending *s)
{
	static char in[LIVE_MESSAGE_MAX];
	owned(channel_message_done) struct channel_message m = { 0 };
	struct errand_end failed = { .status = 0 };
	struct errand e = { .serial = 0 };

	if (!channel_receive(c, SOCKET, in, sizeof in, clock_monotonic(), &m) || m.n == 0)
		return false;
	if (errand_read(c, conf, (struct str){ in, m.n }, &e, &failed.end) &&
	    sending_begin(c, s, &e))
		return true;
	if (c->err.code == E_PEER)
		return false;
	failed.serial = e.serial;
	return report(c, conf, &failed);
}

MUST static bool
serve(struct ctx *c, const struct courier_conf *conf, struct sending *s, struct arena *mem)
{
	struct errand_end e;
	bool readable;

	for (;;) {
		arena_reset(mem);
		while (sending_step(s, &e))
			if (!report(c, conf, &e))
				return false;
		sending_rest(s, sending_has_room(s) ? SOCKET : -1, &readable);
		if (readable && !errand_take(c, conf, s))
			return false;
	}
}

int
main(int argc, char **argv)
{
	struct courier_conf conf = { .plain = false };
	struct arena *mem = arena_new(ARENA_MAX);
	struct ctx c = ctx_real(mem, "courier");
	struct sending *s = NULL;
	X509_STORE *authorities = NULL;
	bool walled = false, ready;

	if (!arguments_read(&c, argc, argv, &conf)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	ready = sandbox_close_from(&c, SOCKET + 1) &&
	    courier_prepare(&c, &conf, &authorities) &&
	    sending_new(&c, &conf, authorities, &s) && courier_walls(&c, &walled);
	if (greet(&c, ready, walled) && ready && !serve(&c, &conf, s, mem))
		_exit(0); /* the server has gone, or thinks that we have */
	/* Without exit handlers: those of sanitizers and profilers would want files and threads. */
	_exit(1);
}
