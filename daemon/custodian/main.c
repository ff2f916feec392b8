/*
 * hallmark-custodian: the one process that holds keys. The server starts it with a socket, it takes
 * the root key from where it is told, builds its walls (memory locked, not dumpable, no file, no
 * network, a short list of system calls), says so, and then answers typed requests one after the
 * other until the socket is closed. It never logs: errors go back as answers, without secrets.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channel.h"
#include "custodian.h"
#include "sandbox.h"

#define SOCKET 3
#define ARENA_MAX (4 << 20)

static const char usage[] =
    "usage: hallmark-custodian --fd 3 --root shares|file:PATH|credential:NAME [--create]\n"
    "Started by hallmarkd; holds its keys. Speaks on a connected socket and nowhere else.\n";

struct arguments {
	const char *root;
	bool create, fd;
};

/* Everything of one life, in pages of its own. */
struct life {
	struct custodian custodian;
	char in[CUSTODY_MESSAGE_MAX], out[CUSTODY_MESSAGE_MAX];
};

static bool
arguments_read(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		struct str word = str_of(argv[i]);

		if (str_same(word, STR("--create")))
			a->create = true;
		else if (str_same(word, STR("--fd")) && i + 1 < argc)
			a->fd = str_same(str_of(argv[++i]), STR("3"));
		else if (str_same(word, STR("--root")) && i + 1 < argc)
			a->root = argv[++i];
		else
			return false;
	}
	return a->fd && a->root != NULL;
}

/* Each algorithm once: the library loads its settings and providers while files can be opened. */
MUST static bool
rehearse(struct ctx *c)
{
	owned(key256_done) struct key256 key, secret, back = { 0 };
	owned(ec_key_free) struct ec_key *signer = NULL, *copy = NULL;
	char room[2 * CUSTODY_SEALED_MAX];
	struct buf sealed = BUF(room), jws;

	key256_random(c, &key);
	return crypto_start(c) && ec_key_generate(c, &signer) &&
	    ec_key_to_secret(c, signer, &secret) && ec_key_from_secret(c, &secret, &copy) &&
	    key256_seal(c, &key, STR("rehearsal"), &secret, &sealed) &&
	    key256_unseal(c, &key, STR("rehearsal"), buf_str(&sealed), &back) &&
	    take_buf(c, 1024, &jws) &&
	    jws_sign(c, signer, STR("rehearsal"), STR("none"), STR("{}"), &jws);
}

MUST static bool
prepare(struct ctx *c, struct life *life, const struct arguments *a)
{
	struct custodian *k = &life->custodian;

	k->locked = memory_lock(k, sizeof *k);
	return root_take(c, k, a->root, a->create) && rehearse(c) && sandbox_drop(c, true) &&
	    sandbox_close_from(c, SOCKET + 1) && sandbox_filter(c, SANDBOX_CUSTODIAN);
}

MUST static bool
greet(struct ctx *c)
{
	char room[16];
	struct buf b = BUF(room);

	wire_put_u8(&b, CUSTODY_PROTOCOL);
	wire_put_u64(&b, 0);
	wire_put_u8(&b, true);
	return channel_send(c, SOCKET, buf_str(&b), NULL, 0, CHANNEL_FOREVER);
}

static void
shares_expire(struct custodian *k)
{
	if (k->shares > 0 && clock_monotonic() >= k->shares_until) {
		explicit_bzero(k->share, sizeof k->share);
		k->shares = 0;
	}
}

/* One request and its answer; false at the end of this life. */
MUST static bool
serve_one(struct ctx *c, struct life *life)
{
	struct custodian *k = &life->custodian;
	struct buf out = BUF(life->out);
	owned(channel_message_done) struct channel_message m = { 0 };
	int64_t deadline = k->shares > 0 ? k->shares_until : CHANNEL_FOREVER;
	bool ok = true;

	if (channel_receive(c, SOCKET, life->in, sizeof life->in, deadline, &m)) {
		if (m.n == 0)
			return false;
		shares_expire(k);
		k->given = m.fd;
		k->givens = m.fds;
		request_answer(c, k, (struct str){ life->in, m.n }, &out);
		k->givens = 0;
		explicit_bzero(life->in, m.n);
	} else if (c->err.code == E_SLOW) {
		shares_expire(k);
		return true;
	} else if (c->err.code == E_PEER) {
		explicit_bzero(life->in, sizeof life->in);
		answer_failure(c, 0, &out);
	} else {
		return false;
	}
	ok = channel_send(c, SOCKET, buf_str(&out), NULL, 0, CHANNEL_FOREVER);
	explicit_bzero(life->out, out.n);
	return ok;
}

static void
say_why(struct ctx *c, struct life *life)
{
	struct buf out = BUF(life->out);

	answer_failure(c, 0, &out);
	/* If the server is not there to hear it, there is nobody to tell. */
	if (!channel_send(c, SOCKET, buf_str(&out), NULL, 0, clock_monotonic() + 1000))
		return;
}

int
main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct arena *mem = arena_new(ARENA_MAX);
	struct life *life = mmap(
	    NULL, sizeof *life, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ctx c = ctx_real(mem, "custodian");
	int status = 0;

	if (!arguments_read(argc, argv, &a)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	if (mem == NULL || life == MAP_FAILED)
		return 1;
	if (prepare(&c, life, &a) && greet(&c)) {
		do
			arena_reset(mem);
		while (serve_one(&c, life));
	} else {
		say_why(&c, life);
		status = 1;
	}
	custodian_wipe(&life->custodian);
	/* Without exit handlers: those of sanitizers and profilers would want files and threads. */
	_exit(status);
}
