/*
 * Messages to the custodian that no client of ours would send. Whatever the bytes are, there is
 * exactly one answer, and the process lives on.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "custody_house.h"
#include "custody_wire.h"
#include "license_support.h"

/* A custodian without the client: bytes in, bytes out. */
struct raw {
	struct child child;
	int fd;
};

static struct raw
raw_start(struct ctx *c)
{
	const char *const argv[] = { "hallmark-custodian", "--fd", "3", "--root",
		take_printf(c, "file:%s", test_path(test_folder(), "root")), "--create", NULL };
	struct channel_message m = { 0 };
	struct raw r;
	char hello[64];
	int pair[2];

	ck_ok(c, channel_pair(c, pair));
	ck_ok(c, child_start(c, test_programs(), argv, &pair[1], 1, &r.child));
	fd_done(&pair[1]);
	r.fd = pair[0];
	ck_ok(c, channel_receive(c, r.fd, hello, sizeof hello, clock_monotonic() + 10000, &m));
	ck_assert_uint_eq(m.n, 10);
	return r;
}

/* The answer to any bytes at all: there is exactly one. Returns whether it was `done`. */
static bool
raw_ask_with(struct ctx *c, const struct raw *r, struct str bytes, const int fd[], size_t fds,
    struct wire *ret)
{
	static char answer[CUSTODY_MESSAGE_MAX];
	struct channel_message m = { 0 };
	bool ok;

	ck_ok(c, channel_send(c, r->fd, bytes, fd, fds, clock_monotonic() + 5000));
	ck_ok(
	    c, channel_receive(c, r->fd, answer, sizeof answer, clock_monotonic() + 5000, &m));
	ck_assert_uint_ne(m.n, 0);
	*ret = (struct wire){ { answer, m.n }, false };
	ck_assert_uint_eq(wire_u8(ret), CUSTODY_PROTOCOL);
	(void)wire_u64(ret);
	ok = wire_u8(ret) != 0;
	ck_assert(!ret->bad);
	return ok;
}

static bool
raw_ask(struct ctx *c, const struct raw *r, struct str bytes, struct wire *ret)
{
	return raw_ask_with(c, r, bytes, NULL, 0, ret);
}

static void
raw_refused(struct ctx *c, const struct raw *r, struct str bytes, const char *code)
{
	struct wire answer;

	ck_assert(!raw_ask(c, r, bytes, &answer));
	if (!str_same(wire_str(&answer, 64), str_of(code)))
		ck_abort_msg("not refused with %s", code);
}

static void
raw_end(struct raw *r)
{
	int status;

	fd_done(&r->fd);
	child_end(&r->child, 5000, &status);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
head(struct buf *b, uint32_t op)
{
	b->n = 0;
	wire_put_u8(b, CUSTODY_PROTOCOL);
	wire_put_u32(b, op);
	wire_put_u64(b, 42);
}

/* One valid request of each op, made with rows that a real custodian gave. */
#define REQUEST_MAX 4096
struct requests {
	char bytes[OP_COUNT][REQUEST_MAX];
	size_t n[OP_COUNT];
};

static struct sealed_row
keep(struct ctx *c, struct sealed_row r)
{
	ck_ok(c, take_copy(c, r.id, &r.id));
	ck_ok(c, take_copy(c, r.vendor, &r.vendor));
	ck_ok(c, take_copy(c, r.sealed, &r.sealed));
	r.jwk = STR("");
	return r;
}

static void
put_load(struct buf *b, const struct sealed_row *ring, const struct sealed_row *signing)
{
	head(b, OP_LOAD);
	wire_put_u32(b, 1);
	sealed_row_put(b, ring);
	wire_put_u32(b, 1);
	sealed_row_put(b, signing);
}

/* Claims that name this signer, and somebody to wrap for. */
static void
put_license(struct ctx *c, struct buf *b, const struct sealed_row *vendor,
    const struct sealed_row *data, struct str kid)
{
	struct license_claims l = claims_example();
	owned(ec_key_free) struct ec_key *customer = NULL;
	struct str thumbprint;
	struct buf claims, jwk;

	ck_ok(c, base64url_decode(c, kid, &thumbprint));
	memcpy(l.key.b, thumbprint.p, sizeof l.key.b);
	ck_ok(c, ec_key_generate(c, &customer));
	ck_ok(c, take_buf(c, LICENSE_MAX, &claims));
	ck_ok(c, license_claims_put(c, &l, &claims));
	ck_ok(c, take_buf(c, JWK_MAX, &jwk));
	ec_key_to_jwk(&jwk, customer);
	sealed_row_put(b, vendor);
	sealed_row_put(b, data);
	wire_put_str(b, STR(RELEASE));
	wire_put_str(b, STR(LICENSE));
	wire_put_str(b, (struct str){ (const char *)l.artifact.b, sizeof l.artifact.b });
	wire_put_str(b, buf_str(&claims));
	wire_put_str(b, buf_str(&jwk));
}

static void
put_evidence(struct buf *b)
{
	wire_put_str(b, STR("ver_0198a000-0000-7000-8000-000000000001"));
	wire_put_str(b, STR(RELEASE));
	wire_put_str(b, STR(VENDOR));
	wire_put_str(b, STR("0123456789abcdef0123456789abcdef"));
	wire_put_str(b, STR("fedcba9876543210fedcba9876543210"));
	wire_put_u8(b, 2);
	wire_put_u64(b, NOW);
	wire_put_u32(b, 2);
	wire_put_u32(b, 7);
	wire_put_u32(b, 9);
}

static struct requests *
raw_requests(struct ctx *c, const struct raw *r)
{
	struct requests *all = take(c, sizeof *all);
	struct sealed_row ring, signing, vendor, data;
	struct buf b[OP_COUNT];
	struct wire in;

	for (uint32_t op = 0; op < OP_COUNT; op++) {
		b[op] = (struct buf){ all->bytes[op], 0, REQUEST_MAX, false };
		head(&b[op], op);
	}
	wire_put_u8(&b[OP_INIT], 0);
	wire_put_u8(&b[OP_INIT], 0);
	ck_assert(raw_ask(c, r, buf_str(&b[OP_INIT]), &in));
	ring = keep(c, sealed_row_take(&in, SEALED_KEYRING));
	signing = keep(c, sealed_row_take(&in, SEALED_SIGNING));
	wire_put_str(&b[OP_SHARE], STR("hms1-aaaaaaaa-2-1-aaaaaaaa-aaaaaa"));
	put_load(&b[OP_LOAD], &ring, &signing);
	ck_assert(raw_ask(c, r, buf_str(&b[OP_LOAD]), &in));
	sealed_row_put(&b[OP_RESEAL], &signing);
	wire_put_str(&b[OP_VENDOR_NEW], STR(VENDOR));
	wire_put_u64(&b[OP_VENDOR_NEW], 1);
	ck_assert(raw_ask(c, r, buf_str(&b[OP_VENDOR_NEW]), &in));
	vendor = keep(c, sealed_row_take(&in, SEALED_VENDOR));
	sealed_row_put(&b[OP_DATA_NEW], &vendor);
	wire_put_str(&b[OP_DATA_NEW], STR("key_x"));
	ck_assert(raw_ask(c, r, buf_str(&b[OP_DATA_NEW]), &in));
	(void)wire_str(&in, 32);
	data = keep(c, sealed_row_take(&in, SEALED_DATA));
	sealed_row_put(&b[OP_DATA_OPEN], &vendor);
	sealed_row_put(&b[OP_DATA_OPEN], &data);
	sealed_row_put(&b[OP_DATA_REWRAP], &vendor);
	sealed_row_put(&b[OP_DATA_REWRAP], &vendor);
	wire_put_u32(&b[OP_DATA_REWRAP], 2);
	sealed_row_put(&b[OP_DATA_REWRAP], &data);
	sealed_row_put(&b[OP_DATA_REWRAP], &data);
	wire_put_u64(&b[OP_CHECKPOINT], 1);
	wire_put_str(&b[OP_CHECKPOINT], STR("0123456789abcdef0123456789abcdef"));
	wire_put_u64(&b[OP_CHECKPOINT], TEST_NOW);
	wire_put_str(&b[OP_SIGN_RELEASE], STR("rel_0198a000-0000-7000-8000-000000000001"));
	wire_put_str(&b[OP_SIGN_RELEASE], STR("mod_0198a000-0000-7000-8000-000000000001"));
	wire_put_str(&b[OP_SIGN_RELEASE], STR("net"));
	wire_put_str(&b[OP_SIGN_RELEASE], STR("0123456789abcdef0123456789abcdef"));
	wire_put_u64(&b[OP_SIGN_RELEASE], 1);
	wire_put_u64(&b[OP_SIGN_RELEASE], TEST_NOW);
	put_license(c, &b[OP_LICENSE], &vendor, &data, signing.id);
	wire_put_str(&b[OP_SIGN_REVOCATIONS], STR(VENDOR));
	wire_put_u64(&b[OP_SIGN_REVOCATIONS], 1);
	wire_put_u64(&b[OP_SIGN_REVOCATIONS], NOW);
	wire_put_u64(&b[OP_SIGN_REVOCATIONS], NOW + 1);
	wire_put_u32(&b[OP_SIGN_REVOCATIONS], 0);
	wire_put_u32(&b[OP_SIGN_REVOCATIONS], 0);
	put_evidence(&b[OP_SIGN_EVIDENCE]);
	for (uint32_t op = 0; op < OP_COUNT; op++) {
		ck_assert(!b[op].full);
		all->n[op] = b[op].n;
	}
	return all;
}

START_TEST(hostile_valid_ones_are_answered)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	struct requests *all = raw_requests(c, &r);
	struct wire in;

	/* Unlock keys and lists want descriptors beside the request. */
	for (uint32_t op = 0; op < OP_COUNT; op++)
		if (op != OP_INIT && op != OP_SHARE && op != OP_SEAL && op != OP_UNLOCK_KEY &&
		    op != OP_SIGN_REVOCATIONS)
			ck_assert(
			    raw_ask(c, &r, (struct str){ all->bytes[op], all->n[op] }, &in));
	/* What the state forbids. */
	raw_refused(c, &r, (struct str){ all->bytes[OP_INIT], all->n[OP_INIT] }, "CONFLICT");
	raw_refused(c, &r, (struct str){ all->bytes[OP_SHARE], all->n[OP_SHARE] }, "CONFLICT");
	ck_assert(raw_ask(c, &r, (struct str){ all->bytes[OP_SEAL], all->n[OP_SEAL] }, &in));
	for (uint32_t op = 0; op < OP_COUNT; op++)
		if (op != OP_STATUS && op != OP_SEAL && op != OP_SHARE)
			raw_refused(
			    c, &r, (struct str){ all->bytes[op], all->n[op] }, "SEALED");
	raw_end(&r);
}
END_TEST

/* Every prefix of every request, and every request with a byte too many. */
START_TEST(hostile_cut_short_or_long)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	struct requests *all = raw_requests(c, &r);

	for (uint32_t op = 0; op < OP_COUNT; op++) {
		if (op == OP_INIT || op == OP_SHARE)
			continue;
		for (size_t n = 1; n < all->n[op]; n++)
			raw_refused(c, &r, (struct str){ all->bytes[op], n }, "BAD_REQUEST");
		all->bytes[op][all->n[op]] = 0;
		raw_refused(
		    c, &r, (struct str){ all->bytes[op], all->n[op] + 1 }, "BAD_REQUEST");
	}
	raw_end(&r);
}
END_TEST

static const struct {
	uint8_t protocol;
	uint32_t op;
	uint32_t length; /* of a string that is not there */
} hostile_heads[] = {
	{ 0, OP_STATUS, 0 },
	{ 2, OP_STATUS, 0 },
	{ 1, OP_COUNT, 0 },
	{ 1, 0x7fffffff, 0 },
	{ 1, 0xffffffff, 0 },
	{ 1, OP_VENDOR_NEW, 0xffffffff },
	{ 1, OP_VENDOR_NEW, 0x80000000 },
	{ 1, OP_VENDOR_NEW, 48 },
	{ 1, OP_LOAD, 0xffffffff },
	{ 1, OP_LOAD, 9 },
	{ 1, OP_LOAD, 0 },
};

START_TEST(hostile_head)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	char bytes[64];
	struct buf b = BUF(bytes);

	(void)raw_requests(c, &r);
	wire_put_u8(&b, hostile_heads[_i].protocol);
	wire_put_u32(&b, hostile_heads[_i].op);
	wire_put_u64(&b, 42);
	wire_put_u32(&b, hostile_heads[_i].length);
	raw_refused(c, &r, buf_str(&b), "BAD_REQUEST");
	raw_end(&r);
}
END_TEST

START_TEST(hostile_size_and_descriptors)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	char *much = take(c, CHANNEL_MAX + 64);
	struct requests *all = raw_requests(c, &r);
	struct channel_message m = { 0 };
	struct wire in;
	int fds[] = { 0, 1, 2 };

	/* As large as may be: nonsense. Larger: not even read. */
	raw_refused(c, &r, (struct str){ much, CHANNEL_MAX }, "BAD_REQUEST");
	ck_assert_int_eq(send(r.fd, much, CHANNEL_MAX + 1, 0), CHANNEL_MAX + 1);
	ck_ok(c, channel_receive(c, r.fd, much, 1024, clock_monotonic() + 5000, &m));
	ck_assert_uint_ne(m.n, 0);
	/* Descriptors that come along are closed, not kept. */
	for (int i = 0; i < 300; i++) {
		ck_ok(c,
		    channel_send(c, r.fd,
			(struct str){ all->bytes[OP_STATUS], all->n[OP_STATUS] }, fds, 3,
			clock_monotonic() + 5000));
		ck_ok(c, channel_receive(c, r.fd, much, 1024, clock_monotonic() + 5000, &m));
	}
	ck_assert(raw_ask(c, &r, (struct str){ all->bytes[OP_JWKS], all->n[OP_JWKS] }, &in));
	ck_assert(geteuid() != 0 || test_descriptors(c, r.child.pid) == 4);
	raw_end(&r);
}
END_TEST

/* 10,000 valid requests with a few bytes changed, cut or doubled: answered or refused, all. */
START_TEST(hostile_mutations)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	struct requests *all = raw_requests(c, &r);
	size_t done = 0, refused = 0;
	char bytes[REQUEST_MAX + 64];
	struct wire in;

	for (int i = 0; i < 10000; i++) {
		uint32_t dice[8], op;
		size_t n;

		c->random(dice, sizeof dice);
		op = dice[0] % OP_COUNT;
		/* A sealed custodian would refuse the rest unread. */
		if (op == OP_SEAL)
			op = OP_LOAD;
		n = all->n[op];
		memcpy(bytes, all->bytes[op], n);
		for (size_t k = 0; k <= dice[1] % 4; k++)
			bytes[dice[2 + k] % n] ^= (char)(1 << dice[2 + k] / n % 8);
		if (dice[6] % 8 == 0)
			n = 1 + dice[7] % n;
		else if (dice[6] % 8 == 1)
			n += dice[7] % 64;
		/* Nor may they become that. */
		if (n == all->n[OP_SEAL] && bytes[1] == OP_SEAL)
			continue;
		if (raw_ask(c, &r, (struct str){ bytes, n }, &in))
			done++;
		else
			refused++;
		if (i % 100 == 0 &&
		    !raw_ask(c, &r, (struct str){ all->bytes[OP_LOAD], all->n[OP_LOAD] }, &in))
			ck_assert(raw_ask(
			    c, &r, (struct str){ all->bytes[OP_JWKS], all->n[OP_JWKS] }, &in));
	}
	/* Both happened: the mutations are neither all trivial nor all hopeless. */
	ck_assert_uint_gt(done, 100);
	ck_assert_uint_gt(refused, 5000);
	raw_end(&r);
}
END_TEST

/* Files that are not what they should be: too short, not to be written to, too few of them. */
START_TEST(hostile_files)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	owned(fd_done) int empty = memfd_create("empty", MFD_CLOEXEC),
			   zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC),
			   sink = memfd_create("sink", MFD_CLOEXEC);
	struct wire in;
	char bytes[256];
	struct buf b = BUF(bytes);
	/* clang-format off */
	const struct {
		uint32_t revoked, suspended;
		int fd[2];
		size_t fds;
		const char *code;
	} tries[] = {
		{ 0, 0, { empty, sink }, 2, NULL },
		{ 0, 0, { empty, sink }, 1, "BAD_REQUEST" },
		{ 0, 0, { empty, sink }, 0, "BAD_REQUEST" },
		{ 1, 0, { empty, sink }, 2, "LOCAL_FILE" },
		{ 1, 0, { zeros, sink }, 2, NULL },
		{ 1, 1, { zeros, sink }, 2, "INVALID_VALUE" },
		{ 2, 0, { zeros, sink }, 2, "INVALID_VALUE" },
		{ 0, 200001, { zeros, sink }, 2, "TOO_LARGE" },
		{ UINT32_MAX, UINT32_MAX, { zeros, sink }, 2, "TOO_LARGE" },
		{ 0, 0, { empty, zeros }, 2, "LOCAL_FILE" },
	};
	/* clang-format on */

	(void)raw_requests(c, &r);
	for (size_t i = 0; i < COUNT(tries); i++) {
		head(&b, OP_SIGN_REVOCATIONS);
		wire_put_str(&b, STR(VENDOR));
		wire_put_u64(&b, 1);
		wire_put_u64(&b, NOW);
		wire_put_u64(&b, NOW + 1);
		wire_put_u32(&b, tries[i].revoked);
		wire_put_u32(&b, tries[i].suspended);
		if (raw_ask_with(c, &r, buf_str(&b), tries[i].fd, tries[i].fds, &in))
			ck_assert_msg(tries[i].code == NULL, "%zu was done", i);
		else
			ck_assert_msg(str_same(wire_str(&in, 64), str_of(tries[i].code)),
			    "%zu is not %s", i, tries[i].code);
	}
	raw_end(&r);
}
END_TEST

/* The server's death, as the custodian sees it: the socket's end. */
START_TEST(custodian_ends_with_its_socket)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	struct pollfd ended = { r.child.pidfd, POLLIN, 0 };

	fd_done(&r.fd);
	ck_assert_int_eq(poll(&ended, 1, 20000), 1);
	raw_end(&r);
}
END_TEST

MAIN("custody-hostile", ONE(hostile_valid_ones_are_answered), ONE(hostile_cut_short_or_long),
    EACH(hostile_head, hostile_heads), ONE(hostile_size_and_descriptors), ONE(hostile_files),
    ONE(hostile_mutations), ONE(custodian_ends_with_its_socket))
