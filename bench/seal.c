/*
 * How fast values and files are sealed and opened, once; bench/seal asks several times. Rates are
 * per second of this process's own CPU time, so that they are a core's, whoever else is on the
 * machine; the disk is measured by the clock on the wall. Prints a line for each: name, value.
 *
 *	seal MB FOLDER
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

enum { PIECE = 32 << 10 };

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

/* The most memory that this program has had; what started it does not count. */
static long
peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib;
}

/* A memory file costs the kernel's copy, but no disk. */
static void
memory_file(struct ctx *c, size_t total)
{
	owned(fd_done) int fd = memfd_create("bench", MFD_CLOEXEC);
	long before = peak_kib();
	double t;

	if (fd < 0)
		stop("no memory file");
	t = seconds(CLOCK_PROCESS_CPUTIME_ID);
	seal_to(c, fd, total);
	printf("seal %.4f\n", (double)total / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - t));
	t = seconds(CLOCK_PROCESS_CPUTIME_ID);
	open_from(c, fd);
	printf("open %.4f\n", (double)total / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - t));
	printf("memory %ld\n", peak_kib() - before);
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

/* GB a second by the clock: as they are, then sealed. */
static void
disk_file(struct ctx *c, const char *folder, size_t total)
{
	owned(fd_done) int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		stop("cannot write in the folder");
	printf("plain-disk %.4f\n", (double)total / 1e9 / disk_round(c, fd, total, false));
	printf("seal-disk %.4f\n", (double)total / 1e9 / disk_round(c, fd, total, true));
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

/* Nanoseconds of CPU that one call takes. */
static void
each(struct ctx *c, const char *name, void (*what)(struct ctx *), int times)
{
	double t = seconds(CLOCK_PROCESS_CPUTIME_ID);

	for (int i = 0; i < times; i++)
		what(c);
	printf("%s %.1f\n", name, (seconds(CLOCK_PROCESS_CPUTIME_ID) - t) * 1e9 / times);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new(1 << 20), "bench");
	int64_t mb;

	if (argc != 3 || !str_number(str_of(argv[1]), 1, 1 << 14, &mb))
		stop("usage: seal MB FOLDER");
	os_random(piece, sizeof piece);
	key256_random(&c, &key);
	need(&c, ec_key_generate(&c, &pair));
	memory_file(&c, (size_t)mb << 20);
	disk_file(&c, argv[2], (size_t)mb << 20);
	each(&c, "sha256", do_sha256, 100000);
	each(&c, "seal-key", do_seal, 50000);
	each(&c, "sign", do_sign, 2000);
	each(&c, "encrypt", do_encrypt, 1000);
	ec_key_free(&pair);
	arena_free(&c.mem);
	return 0;
}
