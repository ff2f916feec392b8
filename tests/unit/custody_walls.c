/*
 * The custodian's walls: what the kernel says of them, what its memory holds after it was sealed. A
 * custodian that dies or hangs, many threads at once, and how fast it answers.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "custody_house.h"
#include "sandbox.h"

/* ---- What the kernel says ---------------------------------------------------------------- */

START_TEST(walls_stand)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	pid_t pid = custody_pid(h.custody);
	struct str status = test_proc(c, pid, "status");
	struct custody_status s = { 0 };
	struct rlimit limit;

	ck_assert(test_has_line(status, "Seccomp:\t2"));
	ck_assert(test_has_line(status, "NoNewPrivs:\t1"));
	ck_assert(test_has_line(status, "Threads:\t1"));
	ck_assert(test_has_line(status, "CapEff:\t0000000000000000"));
	ck_assert(test_has_line(status, "CapPrm:\t0000000000000000"));
	ck_assert(test_limit(test_proc(c, pid, "limits"), "Max core file size", 0));
	ck_ok(c, custody_status(c, h.custody, &s));
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (limit.rlim_cur >= 8 << 20 && !sandbox_sanitized())
		ck_assert(s.locked && !test_has_line(status, "VmLck:\t       0 kB"));
	house_done(&h);
}
END_TEST

/* /proc belongs to root when a process is not dumpable; nobody else may look in. */
START_TEST(walls_hide)
{
	struct ctx *c = test_ctx();
	/* Whoever forgot to close this one on exec: it does not get in. */
	owned(fd_done) int stray = dup2(2, 57);
	struct house h = test_house(c);
	const char *fds = take_printf(c, "/proc/%d/fd", custody_pid(h.custody));
	owned(fd_done) int us = -1;
	struct stat st;
	struct dirent *e;
	DIR *dir;

	ck_assert_int_eq(stray, 57);
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

/* An answer is wiped after it was sent: surely so once the next one is here. */
static int
memory_settled(struct ctx *c, struct custody *cu, const void *needle, size_t n)
{
	(void)test_state(c, cu);
	return memory_count(c, custody_pid(cu), needle, n);
}

START_TEST(sealed_memory_holds_no_key)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct custody *cu = h.custody;
	struct vendor_key_row vendor;
	struct data_key_row row;
	struct key256 root, data, again;
	struct str hex, jws;

	ck_ok(c, file_read(c, AT_FDCWD, h.spec + 5, 65, &hex));
	ck_ok(c, hex_decode(c, (struct str){ hex.p, 64 }, root.b, sizeof root.b));
	if (memory_settled(c, cu, root.b, sizeof root.b) < 0)
		return; /* not root: nobody can look, which walls_hide shows */
	ck_assert_int_ge(memory_settled(c, cu, root.b, sizeof root.b), 1);
	ck_assert_int_eq(memory_settled(c, cu, hex.p, 64), 0);
	/* A data key is used and wiped, even while everything is open. */
	ck_ok(c, custody_vendor_key_new(c, cu, test_id("vnd_a"), 1, &vendor));
	ck_ok(c, custody_data_key_new(c, cu, &vendor, test_id("key_x"), &data, &row));
	ck_assert_int_eq(memory_settled(c, cu, data.b, sizeof data.b), 0);
	ck_ok(c, custody_data_key_open(c, cu, &vendor, &row, &again));
	ck_assert_int_eq(memory_settled(c, cu, data.b, sizeof data.b), 0);
	ck_ok(
	    c, custody_sign_checkpoint(c, cu, 1, &(struct digest256){ { 0 } }, TEST_NOW, &jws));
	ck_ok(c, custody_seal(c, cu));
	ck_assert_int_eq(memory_settled(c, cu, root.b, sizeof root.b), 0);
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
	if (memory_settled(c, cu, share.y, sizeof share.y) < 0)
		return;
	ck_assert_int_eq(memory_settled(c, cu, share.y, sizeof share.y), 0);
	ck_assert_int_eq(memory_settled(c, cu, b.share[0].p, b.share[0].n), 0);
	ck_ok(c, custody_unseal_share(c, cu, b.share[0], &s));
	ck_assert_int_ge(memory_settled(c, cu, share.y, sizeof share.y), 1);
	ck_assert_int_eq(memory_settled(c, cu, b.share[0].p, b.share[0].n), 0);
	ck_ok(c, custody_seal(c, cu));
	ck_assert_int_eq(memory_settled(c, cu, share.y, sizeof share.y), 0);
	custody_stop(&cu);
}
END_TEST

/* ---- Life and death ---------------------------------------------------------------------- */

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
		.timeout_ms = 1000,
	};
	struct custody *cu = NULL;
	struct custody_birth b = { 0 };
	struct custody_status s = { 0 };
	int64_t from = clock_monotonic();

	ck_ok(c, custody_start(c, &conf, false, &cu));
	ck_assert_int_eq(kill(custody_pid(cu), SIGSTOP), 0);
	ck_fails(c, E_PEER, custody_init(c, cu, 2, 3, &b));
	ck_assert_int_lt(clock_monotonic() - from, 20000);
	ck_assert_int_eq(kill(custody_pid(cu), SIGCONT), 0);
	/* The late answer to init is not taken for the answer to this. */
	ck_ok(c, custody_status(c, cu, &s));
	ck_assert_int_eq(s.state, CUSTODY_SEALED);
	ck_assert_int_eq(kill(custody_pid(cu), SIGSTOP), 0);
	from = clock_monotonic();
	custody_stop(&cu);
	ck_assert_int_lt(clock_monotonic() - from, 20000);
}
END_TEST

/* ---- Many at once, and how fast ---------------------------------------------------------- */

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
	ck_assert_int_lt(t3 - t0, 20 * ROUNDS);
	house_done(&h);
}
END_TEST

MAIN("custody-walls", ONE(walls_stand), ONE(walls_hide), ONE(sealed_memory_holds_no_key),
    ONE(sealed_memory_holds_no_share), ONE(custodian_that_died_is_started_again),
    ONE(custodian_that_hangs_is_given_up_on), ONE(threads_do_not_mix_answers),
    ONE(answers_are_quick))
