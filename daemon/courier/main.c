/*
 * hallmark-courier: delivers webhooks. The server starts it with a socket, it loads what it needs,
 * builds its walls (no file, no program, no privilege, a short list of system calls), says so, and
 * then sends one parcel after the other, many at once, to hosts that nobody has reason to trust. It
 * has no key and no database: whoever takes it over by an answer has the parcels that are under
 * way. It never logs: how each parcel ended goes back to the server, as a number.
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
    "usage: hallmark-courier --fd 3 [--plain] [--networks LIST] [--ca FILE]\n"
    "Started by hallmarkd; delivers its webhooks. Speaks on a connected socket and to targets.\n";

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
		else if (!str_same(word, STR("--networks")) || i + 1 >= argc ||
		    !networks_parse(c, str_of(argv[++i]), &ret->allowed))
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

MUST static bool
report(struct ctx *c, const struct parcel_report *r)
{
	char room[COURIER_ANSWER_MAX];
	struct buf b = BUF(room);

	return parcel_report_encode(c, r, &b) &&
	    channel_send(c, SOCKET, buf_str(&b), NULL, 0, clock_monotonic() + SEND_MS);
}

/* One parcel of the server's; false at the end of this life. */
MUST static bool
parcel_take(struct ctx *c, struct sending *s)
{
	static char in[COURIER_MESSAGE_MAX];
	owned(channel_message_done) struct channel_message m = { 0 };
	struct parcel_report failed = { .status = 0 };
	struct parcel p;

	if (!channel_receive(c, SOCKET, in, sizeof in, clock_monotonic(), &m) || m.n == 0 ||
	    !parcel_decode(c, (struct str){ in, m.n }, &p))
		return false;
	failed.serial = p.serial;
	if (sending_begin(c, s, &p, &failed.end))
		return true;
	return report(c, &failed);
}

MUST static bool
serve(struct ctx *c, struct sending *s, struct arena *mem)
{
	struct parcel_report r;
	bool readable;

	for (;;) {
		arena_reset(mem);
		while (sending_step(s, &r))
			if (!report(c, &r))
				return false;
		sending_rest(s, sending_has_room(s) ? SOCKET : -1, &readable);
		if (readable && !parcel_take(c, s))
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
	if (greet(&c, ready, walled) && ready && !serve(&c, s, mem))
		_exit(0); /* the server has gone, or thinks that we have */
	/* Without exit handlers: those of sanitizers and profilers would want files and threads. */
	_exit(1);
}
