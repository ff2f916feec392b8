/*
 * The custodian against the world: what the kernel says of its walls, what its memory holds after
 * it was sealed, messages that no client of ours would send, a server that dies, a custodian that
 * dies or hangs, many threads at once, and how fast it answers.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "custody_house.h"
#include "custody_wire.h"

/* ---- What the kernel says ------------------------------------------------------------------- */

START_TEST(walls_stand)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	pid_t pid = custody_pid(h.custody);
	struct str status = test_proc(c, pid, "status");
	struct custody_status s = { 0 };

	ck_assert(test_has_line(status, "Seccomp:\t2"));
	ck_assert(test_has_line(status, "NoNewPrivs:\t1"));
	ck_assert(test_has_line(status, "Threads:\t1"));
	ck_assert(test_has_line(status, "CapEff:\t0000000000000000"));
	ck_assert(test_has_line(status, "CapPrm:\t0000000000000000"));
	ck_assert(test_limit(test_proc(c, pid, "limits"), "Max core file size", 0));
	ck_ok(c, custody_status(c, h.custody, &s));
	if (s.locked)
		ck_assert(!test_has_line(status, "VmLck:\t       0 kB"));
	house_done(&h);
}
END_TEST

/* /proc belongs to root when a process is not dumpable; nobody else may look in. */
START_TEST(walls_hide)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	const char *fds = take_printf(c, "/proc/%d/fd", custody_pid(h.custody));
	owned(fd_done) int us = -1;
	struct stat st;
	struct dirent *e;
	DIR *dir;

	us = open(fds, O_RDONLY | O_DIRECTORY);
	if (us < 0) {
		ck_assert_int_ne(geteuid(), 0);
	} else {
		dir = fdopendir(dup(us));
		ck_assert_ptr_nonnull(dir);
		/* 0 and 1 are /dev/null, 2 is the server's standard error, 3 the socket. */
		while ((e = readdir(dir)) != NULL)
			ck_assert(e->d_name[0] == '.' || strcmp(e->d_name, "3") <= 0);
		(void)closedir(dir);
	}
	ck_assert_int_eq(stat(take_printf(c, "/proc/%d/mem", custody_pid(h.custody)), &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	house_done(&h);
}
END_TEST

/* How often the needle is in the memory of a process; root's privilege, or -1. */
static int
memory_count(struct ctx *c, pid_t pid, const void *needle, size_t n)
{
	owned(fd_done) int mem = open(take_printf(c, "/proc/%d/mem", pid), O_RDONLY);
	struct str maps, line;
	int count = 0;

	if (mem < 0)
		return -1;
	maps = test_proc(c, pid, "maps");
	while (maps.n > 0) {
		unsigned long long from = 0, to = 0;
		char w = '-', *bytes;
		ssize_t got;

		(void)str_cut(&maps, '\n', &line);
		if (sscanf(take_cstr(c, line), "%llx-%llx %*c%c", &from, &to, &w) != 3 ||
		    w != 'w' || to - from > (64 << 20))
			continue;
		bytes = malloc(to - from);
		got = pread(mem, bytes, to - from, (off_t)from);
		for (char *p = bytes; got > 0 && p < bytes + got;) {
			p = memmem(p, (size_t)(bytes + got - p), needle, n);
			if (p == NULL)
				break;
			count++;
			p++;
		}
		free(bytes);
	}
	return count;
}

START_TEST(sealed_memory_holds_no_key)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	pid_t pid = custody_pid(h.custody);
	struct vendor_key_row vendor;
	struct data_key_row row;
	struct key256 root, data, again;
	struct str hex, jws;

	ck_ok(c, file_read(c, AT_FDCWD, h.spec + 5, 65, &hex));
	ck_ok(c, hex_decode(c, (struct str){ hex.p, 64 }, root.b, sizeof root.b));
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &vendor));
	ck_ok(c, custody_data_key_new(c, h.custody, &vendor, test_id("key_x"), &data, &row));
	ck_ok(c, custody_data_key_open(c, h.custody, &vendor, &row, &again));
	ck_ok(c,
	    custody_sign_checkpoint(
		c, h.custody, 1, &(struct digest256){ { 0 } }, TEST_NOW, &jws));
	if (memory_count(c, pid, root.b, sizeof root.b) < 0)
		return; /* not root: nobody can look, which walls_hide shows */
	ck_assert_int_ge(memory_count(c, pid, root.b, sizeof root.b), 1);
	ck_assert_int_eq(memory_count(c, pid, hex.p, 64), 0);
	/* A data key is used and wiped, even while everything is open. */
	ck_assert_int_eq(memory_count(c, pid, data.b, sizeof data.b), 0);
	ck_ok(c, custody_seal(c, h.custody));
	ck_assert_int_eq(memory_count(c, pid, root.b, sizeof root.b), 0);
	ck_assert_int_eq(memory_count(c, pid, data.b, sizeof data.b), 0);
	house_done(&h);
}
END_TEST

START_TEST(sealed_memory_holds_no_share)
{
	struct ctx *c = test_ctx();
	struct custody *cu = test_custody(c, "shares", false);
	struct custody_birth b = { 0 };
	struct custody_status s = { 0 };
	struct share share;

	ck_ok(c, custody_init(c, cu, 2, 2, &b));
	ck_ok(c, share_parse(c, b.share[0], &share));
	/* An answer is wiped after it was sent: surely so once the next one is here. */
	ck_assert_int_eq(test_state(c, cu), CUSTODY_SEALED);
	if (memory_count(c, custody_pid(cu), share.y, sizeof share.y) < 0)
		return;
	ck_assert_int_eq(memory_count(c, custody_pid(cu), share.y, sizeof share.y), 0);
	ck_assert_int_eq(memory_count(c, custody_pid(cu), b.share[0].p, b.share[0].n), 0);
	ck_ok(c, custody_unseal_share(c, cu, b.share[0], &s));
	ck_assert_int_eq(test_state(c, cu), CUSTODY_SEALED);
	ck_assert_int_ge(memory_count(c, custody_pid(cu), share.y, sizeof share.y), 1);
	ck_assert_int_eq(memory_count(c, custody_pid(cu), b.share[0].p, b.share[0].n), 0);
	ck_ok(c, custody_seal(c, cu));
	ck_assert_int_eq(memory_count(c, custody_pid(cu), share.y, sizeof share.y), 0);
	custody_stop(&cu);
}
END_TEST

/* ---- Hostile messages ----------------------------------------------------------------------- */

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
raw_ask(struct ctx *c, const struct raw *r, struct str bytes, struct wire *ret)
{
	static char answer[CUSTODY_MESSAGE_MAX];
	struct channel_message m = { 0 };
	bool done;

	ck_ok(c, channel_send(c, r->fd, bytes, NULL, 0, clock_monotonic() + 5000));
	ck_ok(
	    c, channel_receive(c, r->fd, answer, sizeof answer, clock_monotonic() + 5000, &m));
	ck_assert_uint_ne(m.n, 0);
	*ret = (struct wire){ { answer, m.n }, false };
	ck_assert_uint_eq(wire_u8(ret), CUSTODY_PROTOCOL);
	(void)wire_u64(ret);
	done = wire_u8(ret) != 0;
	ck_assert(!ret->bad);
	return done;
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
	wire_put_str(&b[OP_VENDOR_NEW], STR("vnd_a"));
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
	for (uint32_t op = 0; op < OP_COUNT; op++)
		all->n[op] = b[op].n;
	return all;
}

START_TEST(hostile_valid_ones_are_answered)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	struct requests *all = raw_requests(c, &r);
	struct wire in;

	for (uint32_t op = 0; op < OP_COUNT; op++)
		if (op != OP_INIT && op != OP_SHARE && op != OP_SEAL)
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

/* ---- Life and death -------------------------------------------------------------------------- */

START_TEST(custodian_that_died_is_started_again)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct pollfd ended = { custody_pidfd(h.custody), POLLIN, 0 };
	struct custody_status s = { 0 };

	ck_assert_int_eq(poll(&ended, 1, 0), 0);
	ck_assert_int_eq(kill(custody_pid(h.custody), SIGKILL), 0);
	ck_assert_int_eq(poll(&ended, 1, 5000), 1);
	ck_fails(c, E_PEER, custody_status(c, h.custody, &s));
	ck_fails(c, E_PEER, custody_seal(c, h.custody));
	ck_ok(c, custody_restart(c, h.custody, false));
	ck_assert_int_eq(test_state(c, h.custody), CUSTODY_ROOT);
	ck_ok(c, custody_load(c, h.custody, &h.ring, 1, &h.signing, 1));
	house_done(&h);
}
END_TEST

START_TEST(custodian_that_hangs_is_given_up_on)
{
	struct ctx *c = test_ctx();
	struct custody_conf conf = {
		.programs = test_programs(),
		.root = "shares",
		.timeout_ms = 200,
	};
	struct custody *cu = NULL;
	struct custody_birth b = { 0 };
	struct custody_status s = { 0 };
	int64_t from = clock_monotonic();

	ck_ok(c, custody_start(c, &conf, false, &cu));
	ck_assert_int_eq(kill(custody_pid(cu), SIGSTOP), 0);
	ck_fails(c, E_PEER, custody_init(c, cu, 2, 3, &b));
	ck_assert_int_lt(clock_monotonic() - from, 5000);
	ck_assert_int_eq(kill(custody_pid(cu), SIGCONT), 0);
	/* The late answer to init is not taken for the answer to this. */
	ck_ok(c, custody_status(c, cu, &s));
	ck_assert_int_eq(s.state, CUSTODY_SEALED);
	ck_assert_int_eq(kill(custody_pid(cu), SIGSTOP), 0);
	from = clock_monotonic();
	custody_stop(&cu);
	ck_assert_int_lt(clock_monotonic() - from, 5000);
}
END_TEST

/* The server's death, as the custodian sees it: the socket's end. */
START_TEST(custodian_ends_with_its_socket)
{
	struct ctx *c = test_ctx();
	struct raw r = raw_start(c);
	struct pollfd ended = { r.child.pidfd, POLLIN, 0 };
	int64_t from = clock_monotonic();

	fd_done(&r.fd);
	ck_assert_int_eq(poll(&ended, 1, 2000), 1);
	ck_assert_int_lt(clock_monotonic() - from, 2000);
	raw_end(&r);
}
END_TEST

/* ---- Many at once, and how fast ---------------------------------------------------------------- */

struct crowd {
	struct custody *custody;
	struct vendor_key_row vendor;
	int n;
	bool ok;
};

static void *
crowd_run(void *arg)
{
	struct crowd *crowd = arg;
	struct arena *mem = arena_new(8 << 20);
	struct ctx c = ctx_real(mem, "crowd");
	bool ok = true;

	for (int i = 0; ok && i < 300; i++) {
		struct id id = test_id(take_printf(&c, "key_%d_%d", crowd->n, i));
		struct data_key_row row;
		struct key256 key, again;

		ok = custody_data_key_new(&c, crowd->custody, &crowd->vendor, id, &key, &row) &&
		    strcmp(row.id.s, id.s) == 0 &&
		    custody_data_key_open(&c, crowd->custody, &crowd->vendor, &row, &again) &&
		    key256_same(&key, &again);
		arena_reset(mem);
	}
	arena_free(&mem);
	crowd->ok = ok;
	return NULL;
}

START_TEST(threads_do_not_mix_answers)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct crowd crowd[4] = { 0 };
	pthread_t thread[4];

	for (int i = 0; i < 4; i++) {
		crowd[i].custody = h.custody;
		crowd[i].n = i;
		ck_ok(c,
		    custody_vendor_key_new(c, h.custody, test_id(take_printf(c, "vnd_%d", i)),
			1, &crowd[i].vendor));
		ck_assert_int_eq(pthread_create(&thread[i], NULL, crowd_run, &crowd[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert(crowd[i].ok);
	}
	house_done(&h);
}
END_TEST

#define ROUNDS 2000

/* Prints what a round trip takes; fails only when it is out of all proportion. */
START_TEST(answers_are_quick)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct vendor_key_row vendor;
	struct data_key_row row;
	struct key256 key;
	struct str jws;
	int64_t t0, t1, t2, t3;

	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &vendor));
	t0 = clock_monotonic();
	for (int i = 0; i < ROUNDS; i++)
		ck_ok(c, custody_data_key_new(c, h.custody, &vendor, test_id("k"), &key, &row));
	t1 = clock_monotonic();
	for (int i = 0; i < ROUNDS; i++)
		ck_ok(c, custody_data_key_open(c, h.custody, &vendor, &row, &key));
	t2 = clock_monotonic();
	for (int i = 0; i < ROUNDS; i++)
		ck_ok(c,
		    custody_sign_checkpoint(
			c, h.custody, i + 1, &(struct digest256){ { 0 } }, TEST_NOW, &jws));
	t3 = clock_monotonic();
	printf(
	    "# us a round trip: data-key-new %.1f, data-key-open %.1f, sign-checkpoint %.1f\n",
	    1000.0 * (double)(t1 - t0) / ROUNDS, 1000.0 * (double)(t2 - t1) / ROUNDS,
	    1000.0 * (double)(t3 - t2) / ROUNDS);
	(void)fflush(stdout);
	ck_assert_int_lt(t3 - t0, 3 * ROUNDS);
	house_done(&h);
}
END_TEST

MAIN("custody-walls", ONE(walls_stand), ONE(walls_hide), ONE(sealed_memory_holds_no_key),
    ONE(sealed_memory_holds_no_share), ONE(hostile_valid_ones_are_answered),
    ONE(hostile_cut_short_or_long), EACH(hostile_head, hostile_heads),
    ONE(hostile_size_and_descriptors), ONE(hostile_mutations),
    ONE(custodian_that_died_is_started_again), ONE(custodian_that_hangs_is_given_up_on),
    ONE(custodian_ends_with_its_socket), ONE(threads_do_not_mix_answers),
    ONE(answers_are_quick))
