/*
 * How fast values and files are sealed and opened. Rates are per second of this process's own CPU
 * time, so that they are a core's, whoever else is on the machine; the disk is measured by the
 * clock on the wall. Where the bytes go is said in each row: a memory file costs the kernel's copy
 * but no disk. The peer is `openssl speed`, in the same run.
 *
 * usage: seal [--quick] [--json]
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

enum { PIECE = 32 << 10, ROWS_MAX = 16 };

struct row {
	const char *name, *unit;
	double value, peer, bar; /* peer and bar: 0 if there is none */
	bool least;              /* the bar is a lower bound */
};

static struct row rows[ROWS_MAX];
static size_t rows_n;
static char piece[PIECE];
static struct key256 key;
static struct ec_key *pair;

_Noreturn static void
stop(const char *what)
{
	fprintf(stderr, "seal: %s\n", what);
	exit(2);
}

static void
need(struct ctx *c, bool done)
{
	if (!done)
		stop(c->err.text);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
add(struct row r)
{
	if (rows_n == ROWS_MAX)
		stop("too many rows");
	rows[rows_n++] = r;
}

static bool
holds(const struct row *r)
{
	return r->bar == 0 || (r->least ? r->value >= r->bar : r->value <= r->bar);
}

/* ---- The peer ---------------------------------------------------------------------------- */

/* A figure of `openssl speed -mr`: field `at` (from 0, by colons) of the line that begins so. */
static double
openssl_speed(const char *arguments, const char *begins, int at)
{
	char line[256], command[256];
	double value = 0;
	FILE *f;

	snprintf(
	    command, sizeof command, "openssl speed -mr -seconds 1 %s 2>/dev/null", arguments);
	f = popen(command, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		char *p = line;

		if (strncmp(line, begins, strlen(begins)) != 0)
			continue;
		for (int i = 0; i < at && p != NULL; i++)
			p = strchr(p + 1, ':');
		if (p != NULL)
			value = strtod(p + 1, NULL);
	}
	if (f != NULL)
		pclose(f);
	return value;
}

static void
install_peer(void)
{
	if (system("command -v openssl >/dev/null || "
		   "apt-get install -y --no-install-recommends openssl >&2") != 0)
		stop("the peer, Debian's package openssl, could not be installed");
}

/* ---- Files ------------------------------------------------------------------------------- */

static void
seal_to(struct ctx *c, int fd, size_t total)
{
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	uint64_t size;

	need(c, sealed_writer_new(c, fd, &key, STR("bench"), &w));
	for (size_t at = 0; at < total; at += PIECE)
		need(c, sealed_write(c, w, (struct str){ piece, PIECE }));
	need(c, sealed_finish(c, w, &size));
}

static void
open_from(struct ctx *c, int fd)
{
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	size_t n = 1;

	if (lseek(fd, 0, SEEK_SET) != 0)
		stop("cannot seek");
	need(c, sealed_reader_new(c, fd, &key, STR("bench"), &r));
	while (n > 0)
		need(c, sealed_read(c, r, piece, sizeof piece, &n));
}

static long
peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* The best of `rounds`: what disturbs a measurement only ever makes it slower. */
static void
memory_file(struct ctx *c, size_t total, int rounds)
{
	double sealed = 0, opened = 0, peer;
	long before = peak_kib();

	peer = openssl_speed("-bytes 131072 -evp aes-256-gcm", "+F:", 3) / 1e9;
	for (int i = 0; i < rounds; i++) {
		owned(fd_done) int fd = memfd_create("bench", MFD_CLOEXEC);
		double t = seconds(CLOCK_PROCESS_CPUTIME_ID), rate;

		if (fd < 0)
			stop("no memory file");
		seal_to(c, fd, total);
		rate = (double)total / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - t);
		sealed = rate > sealed ? rate : sealed;
		t = seconds(CLOCK_PROCESS_CPUTIME_ID);
		open_from(c, fd);
		rate = (double)total / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - t);
		opened = rate > opened ? rate : opened;
	}
	add((struct row){ "seal a file to a memory file (peer: AES-256-GCM alone)",
	    "GB/s a core", sealed, peer, 1.0, true });
	add((struct row){ "open it again, verified", "GB/s a core", opened, peer, 1.0, true });
	add((struct row){
	    "memory that both took", "KiB", (double)(peak_kib() - before), 0, 4096, false });
}

/* Seconds by the clock until the disk has `total` bytes, sealed or as they are. */
static double
disk_round(struct ctx *c, int fd, size_t total, bool sealed)
{
	double t;

	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 || fdatasync(fd) != 0)
		stop("cannot empty the file");
	t = seconds(CLOCK_MONOTONIC);
	if (sealed)
		seal_to(c, fd, total);
	else
		for (size_t at = 0; at < total; at += PIECE)
			need(c, fd_write_all(c, fd, piece, PIECE));
	if (fdatasync(fd) != 0)
		stop("cannot sync");
	return seconds(CLOCK_MONOTONIC) - t;
}

/* Beside a plain write of as many bytes, in turns; the best of each. */
static void
disk_file(struct ctx *c, size_t total)
{
	char name[] = "./seal-bench-XXXXXX";
	owned(fd_done) int fd = mkstemp(name);
	double best[2] = { 1e9, 1e9 };

	if (fd < 0)
		stop("cannot write in the current folder");
	unlink(name);
	for (int i = 0; i < 6; i++) {
		double t = disk_round(c, fd, total, i % 2);

		best[i % 2] = t < best[i % 2] ? t : best[i % 2];
	}
	add((struct row){ "seal a file to this folder's disk, synced (peer: a plain write)",
	    "GB/s by the clock", (double)total / 1e9 / best[1], (double)total / 1e9 / best[0],
	    0, true });
}

/* ---- Values ------------------------------------------------------------------------------ */

static void
do_sha256(struct ctx *c)
{
	struct digest256 d;

	need(c, sha256(c, (struct str){ piece, 44 }, &d));
}

static void
do_seal(struct ctx *c)
{
	char room[64];
	struct buf b = BUF(room);

	need(c, key256_seal(c, &key, STR("vnd_0123456789"), &key, &b));
}

static void
do_sign(struct ctx *c)
{
	char room[8192];
	struct buf b = BUF(room);

	need(c, jws_sign(c, pair, STR("bench+jwt"), STR("kid"), (struct str){ piece, 0 }, &b));
}

static void
do_encrypt(struct ctx *c)
{
	char room[8192];
	struct buf b = BUF(room);
	struct str secret = { (const char *)key.b, sizeof key.b };

	arena_reset(c->mem);
	need(c, jwe_encrypt(c, pair, STR("bench"), NULL, 0, secret, &b));
}

/* Nanoseconds of CPU one call takes. */
static double
each(struct ctx *c, void (*what)(struct ctx *), int times)
{
	double best = 1e18;

	for (int round = 0; round < 5; round++) {
		double t = seconds(CLOCK_PROCESS_CPUTIME_ID);

		for (int i = 0; i < times; i++)
			what(c);
		t = (seconds(CLOCK_PROCESS_CPUTIME_ID) - t) * 1e9 / times;
		best = t < best ? t : best;
	}
	return best;
}

static void
values(struct ctx *c)
{
	add((struct row){
	    "SHA-256 of 44 bytes", "ns", each(c, do_sha256, 100000), 0, 1000, false });
	add((struct row){
	    "seal a key, with its nonce", "ns", each(c, do_seal, 50000), 0, 1000, false });
	add((struct row){ "ES256 tokens signed (peer: ECDSA alone)", "1/s a core",
	    1e9 / each(c, do_sign, 2000), openssl_speed("ecdsap256", "+F4:", 3), 0, true });
	add((struct row){ "keys encrypted as JWE (peer: one ECDH)", "1/s a core",
	    1e9 / each(c, do_encrypt, 1000), openssl_speed("ecdhp256", "+F5:", 3), 0, true });
}

/* ---- Output ------------------------------------------------------------------------------ */

/* null if there is none. */
static void
put_figure(struct js *j, const char *name, double value)
{
	if (value > 0)
		js_real(j, name, value);
	else
		js_null(j, name);
}

static void
print_json(void)
{
	static char room[16384];
	struct buf b = BUF(room);
	struct js j = { .out = &b };
	struct utsname u;

	uname(&u);
	js_open(&j, NULL, '{');
	js_text(&j, "bench", STR("seal"));
	js_text(&j, "machine", str_of(u.machine));
	js_open(&j, "rows", '[');
	for (size_t i = 0; i < rows_n; i++) {
		js_open(&j, NULL, '{');
		js_text(&j, "name", str_of(rows[i].name));
		js_real(&j, "value", rows[i].value);
		js_text(&j, "unit", str_of(rows[i].unit));
		put_figure(&j, "peer", rows[i].peer);
		put_figure(&j, "bar", rows[i].bar);
		js_bool(&j, "holds", holds(&rows[i]));
		js_close(&j, '}');
	}
	js_close(&j, ']');
	js_close(&j, '}');
	printf("%.*s\n", STRF(buf_str(&b)));
}

static void
print_table(void)
{
	printf("%-62s %10s %-18s %8s %7s %9s\n", "", "value", "", "peer", "ratio", "bar");
	for (size_t i = 0; i < rows_n; i++) {
		const struct row *r = &rows[i];
		char peer[24] = "", ratio[24] = "", bar[24] = "";
		int digits = r->value < 100 ? 2 : 0;

		if (r->peer > 0) {
			snprintf(peer, sizeof peer, "%.*f", digits, r->peer);
			snprintf(ratio, sizeof ratio, "%.2f", r->value / r->peer);
		}
		if (r->bar > 0)
			snprintf(
			    bar, sizeof bar, "%s %.*f", r->least ? ">=" : "<=", digits, r->bar);
		printf("%-62s %10.*f %-18s %8s %7s %9s  %s\n", r->name, digits, r->value,
		    r->unit, peer, ratio, bar,
		    r->bar == 0    ? ""
			: holds(r) ? "holds"
				   : "DOES NOT HOLD");
	}
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new(1 << 20), "bench");
	bool quick = false, json = false, all = true;
	size_t total;

	for (int i = 1; i < argc; i++) {
		quick = quick || strcmp(argv[i], "--quick") == 0;
		json = json || strcmp(argv[i], "--json") == 0;
	}
	if (argc > 1 + quick + json)
		stop("usage: seal [--quick] [--json]");
	total = (size_t)(quick ? 256 : 1024) << 20;
	install_peer();
	os_random(piece, sizeof piece);
	key256_random(&c, &key);
	need(&c, ec_key_generate(&c, &pair));
	memory_file(&c, total, quick ? 3 : 5);
	disk_file(&c, total);
	values(&c);
	if (json)
		print_json();
	else
		print_table();
	for (size_t i = 0; i < rows_n; i++)
		all = all && holds(&rows[i]);
	ec_key_free(&pair);
	arena_free(&c.mem);
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
