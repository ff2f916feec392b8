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
#include <unistd.h>

#include "bench.h"
#include "crypto.h"

enum { PIECE = 32 << 10 };

static char piece[PIECE];
static struct key256 key;
static struct ec_key *pair;

/* ---- Files ------------------------------------------------------------------------------- */

static void
seal_to(int fd, size_t total)
{
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	uint64_t size;

	need(sealed_writer_new(ctx, fd, &key, STR("bench"), &w), "seal");
	for (size_t at = 0; at < total; at += PIECE)
		need(sealed_write(ctx, w, (struct str){ piece, PIECE }), "seal");
	need(sealed_finish(ctx, w, &size), "seal");
}

static void
open_from(int fd)
{
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	size_t n = 1;

	if (lseek(fd, 0, SEEK_SET) != 0)
		stop("cannot seek");
	need(sealed_reader_new(ctx, fd, &key, STR("bench"), &r), "open");
	while (n > 0)
		need(sealed_read(ctx, r, piece, sizeof piece, &n), "open");
}

/* A memory file costs the kernel's copy, but no disk. */
static void
memory_file(size_t total)
{
	owned(fd_done) int fd = memfd_create("bench", MFD_CLOEXEC);
	long before = kilobytes("VmHWM");
	double t;

	if (fd < 0)
		stop("no memory file");
	t = seconds(CLOCK_PROCESS_CPUTIME_ID);
	seal_to(fd, total);
	printf("seal %.4f\n", (double)total / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - t));
	t = seconds(CLOCK_PROCESS_CPUTIME_ID);
	open_from(fd);
	printf("open %.4f\n", (double)total / 1e9 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - t));
	printf("memory %ld\n", kilobytes("VmHWM") - before);
}

/* Seconds by the clock until the disk has `total` bytes, sealed or as they are. */
static double
disk_round(int fd, size_t total, bool sealed)
{
	double t;

	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 || fdatasync(fd) != 0)
		stop("cannot empty the file");
	t = seconds(CLOCK_MONOTONIC);
	if (sealed)
		seal_to(fd, total);
	else
		for (size_t at = 0; at < total; at += PIECE)
			need(fd_write_all(ctx, fd, piece, PIECE), "write");
	if (fdatasync(fd) != 0)
		stop("cannot sync");
	return seconds(CLOCK_MONOTONIC) - t;
}

/* GB a second by the clock: as they are, then sealed. */
static void
disk_file(const char *folder, size_t total)
{
	owned(fd_done) int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		stop("cannot write in the folder");
	printf("plain-disk %.4f\n", (double)total / 1e9 / disk_round(fd, total, false));
	printf("seal-disk %.4f\n", (double)total / 1e9 / disk_round(fd, total, true));
}

/* ---- Values ------------------------------------------------------------------------------ */

static void
do_sha256(void)
{
	struct digest256 d;

	need(sha256(ctx, (struct str){ piece, 44 }, &d), "sha256");
}

static void
do_seal(void)
{
	char room[64];
	struct buf b = BUF(room);

	need(key256_seal(ctx, &key, STR("vnd_0123456789"), &key, &b), "seal a key");
}

static void
do_sign(void)
{
	char room[8192];
	struct buf b = BUF(room);

	need(jws_sign(ctx, pair, STR("bench+jwt"), STR("kid"), (struct str){ piece, 0 }, &b),
	    "sign");
}

static void
do_encrypt(void)
{
	char room[8192];
	struct buf b = BUF(room);
	struct str secret = { (const char *)key.b, sizeof key.b };

	arena_reset(ctx->mem);
	need(jwe_encrypt(ctx, pair, STR("bench"), NULL, 0, secret, &b), "encrypt");
}

/* Nanoseconds of CPU that one call takes. */
static void
each(const char *name, void (*what)(void), int times)
{
	double t = seconds(CLOCK_PROCESS_CPUTIME_ID);

	for (int i = 0; i < times; i++)
		what();
	printf("%s %.1f\n", name, (seconds(CLOCK_PROCESS_CPUTIME_ID) - t) * 1e9 / times);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new(1 << 20), "bench");
	int64_t mb;

	ctx = &c;
	if (argc != 3 || !str_number(str_of(argv[1]), 1, 1 << 14, &mb))
		stop("usage: seal MB FOLDER");
	os_random(piece, sizeof piece);
	key256_random(&c, &key);
	need(ec_key_generate(ctx, &pair), "generate a key");
	memory_file((size_t)mb << 20);
	disk_file(argv[2], (size_t)mb << 20);
	each("sha256", do_sha256, 100000);
	each("seal-key", do_seal, 50000);
	each("sign", do_sign, 2000);
	each("encrypt", do_encrypt, 1000);
	ec_key_free(&pair);
	arena_free(&c.mem);
	return 0;
}
