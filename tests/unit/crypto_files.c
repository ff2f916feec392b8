/*
 * Sealed files: round trips over every border between chunks, then every flipped bit, every cut,
 * every extension, chunks in other orders and from other files. The files here have chunks of 64
 * bytes where they can, so that all of it can be tried.
 */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parts.h"

static struct str
noise(struct ctx *c, size_t n)
{
	char *p = take(c, n + 1);

	c->random(p, n);
	return (struct str){ p, n };
}

static struct key256
key(uint8_t first)
{
	return (struct key256){ { first, 1, 2, 3 } };
}

/* A memory file with these bytes, at its start. */
static int
file_of(struct ctx *c, struct str bytes)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_ok(c, fd_write_all(c, fd, bytes.p, bytes.n));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* The bytes of a sealed file with chunks of 64 bytes, written in pieces of `piece`. */
static struct str
sealed_file(struct ctx *c, const struct key256 *k, struct str plain, size_t piece)
{
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	owned(fd_done) int fd = file_of(c, STR(""));
	uint64_t size;
	off_t n;
	char *p;

	ck_ok(c, sealed_writer_sized(c, fd, k, STR("blob"), 6, &w));
	for (size_t at = 0; at < plain.n; at += piece) {
		size_t some = plain.n - at < piece ? plain.n - at : piece;

		ck_ok(c, sealed_write(c, w, (struct str){ plain.p + at, some }));
	}
	ck_ok(c, sealed_finish(c, w, &size));
	ck_assert_int_eq(size, plain.n);
	ck_fails(c, E_CONFLICT, sealed_write(c, w, STR("x")));
	ck_fails(c, E_CONFLICT, sealed_finish(c, w, &size));
	n = lseek(fd, 0, SEEK_CUR);
	p = take(c, (size_t)n);
	ck_assert_int_eq(pread(fd, p, (size_t)n, 0), n);
	return (struct str){ p, (size_t)n };
}

/* Reads it all in order, in pieces; the plain bytes if it opens. */
static bool
read_in_order(struct ctx *c, const struct key256 *k, struct str aad, struct str sealed,
    size_t piece, struct buf *plain)
{
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	owned(fd_done) int fd = file_of(c, sealed);
	size_t n = 1;

	plain->n = 0;
	if (!sealed_reader_new(c, fd, k, aad, &r))
		return false;
	while (n > 0) {
		ck_assert_int_ge(plain->max - plain->n, piece);
		if (!sealed_read(c, r, plain->p + plain->n, piece, &n))
			return false;
		plain->n += n;
	}
	return true;
}

/* Opens it for random access and reads all of it. */
static bool
read_at_random(
    struct ctx *c, const struct key256 *k, struct str aad, struct str sealed, struct buf *plain)
{
	owned(sealed_file_free) struct sealed_file *f = NULL;
	owned(fd_done) int fd = file_of(c, sealed);

	if (!sealed_file_open(c, fd, k, aad, &f))
		return false;
	plain->n = sealed_file_size(f);
	ck_assert_int_le(plain->n, plain->max);
	return sealed_file_read(c, f, 0, plain->p, plain->n);
}

/* Neither way of reading opens it; what was read in order before is a prefix of the truth. */
static void
check_refused(struct ctx *c, const struct key256 *k, struct str damaged, struct str truth)
{
	char room[1024];
	struct buf plain = BUF(room);

	ck_fails(c, E_INTEGRITY, read_in_order(c, k, STR("blob"), damaged, 50, &plain));
	ck_assert(str_starts(truth, buf_str(&plain)));
	ck_fails(c, E_INTEGRITY, read_at_random(c, k, STR("blob"), damaged, &plain));
}

/* Around one, two and three chunks of 64. */
static const size_t file_sizes[] = { 0, 1, 63, 64, 65, 127, 128, 129, 191, 192, 193, 500 };

START_TEST(files_open_again)
{
	static const size_t pieces[] = { 1, 7, 63, 64, 65, 128, 200, 1000 };
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	struct str plain = noise(c, file_sizes[_i]);
	size_t chunks = plain.n == 0 ? 1 : (plain.n + 63) / 64;
	char room[2048];
	struct buf back = BUF(room);

	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct str s = sealed_file(c, &k, plain, pieces[i]);

		ck_assert_int_eq(s.n, SEALED_HEADER + plain.n + 16 * chunks);
		ck_ok(c, read_in_order(c, &k, STR("blob"), s, pieces[i], &back));
		ck_assert(str_same(buf_str(&back), plain));
		ck_ok(c, read_at_random(c, &k, STR("blob"), s, &back));
		ck_assert(str_same(buf_str(&back), plain));
	}
}
END_TEST

START_TEST(files_read_any_range)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	struct str plain = noise(c, 200), s = sealed_file(c, &k, plain, 200);
	owned(fd_done) int fd = file_of(c, s);
	owned(sealed_file_free) struct sealed_file *f = NULL;
	char room[256];

	ck_ok(c, sealed_file_open(c, fd, &k, STR("blob"), &f));
	for (size_t from = 0; from <= plain.n; from++)
		for (size_t n = 0; n <= plain.n - from; n++) {
			ck_ok(c, sealed_file_read(c, f, from, room, n));
			ck_assert(str_same(
			    (struct str){ room, n }, (struct str){ plain.p + from, n }));
		}
	ck_fails(c, E_LIMIT, sealed_file_read(c, f, 0, room, 201));
	ck_fails(c, E_LIMIT, sealed_file_read(c, f, 201, room, 0));
	ck_fails(c, E_LIMIT, sealed_file_read(c, f, 1, room, SIZE_MAX));
}
END_TEST

/* As a part of a larger file, and of no other length or place. */
START_TEST(files_may_be_parts)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	struct str plain = noise(c, 200), s = sealed_file(c, &k, plain, 200);
	char room[1024], back[256];
	struct buf b = BUF(room);
	owned(sealed_file_free) struct sealed_file *f = NULL;
	owned(fd_done) int fd = -1;

	buf_put(&b, noise(c, 77));
	buf_put(&b, s);
	buf_put(&b, noise(c, 99));
	fd = file_of(c, buf_str(&b));
	ck_ok(c, sealed_file_open_part(c, fd, 77, s.n, &k, STR("blob"), &f));
	ck_assert_uint_eq(sealed_file_size(f), plain.n);
	ck_ok(c, sealed_file_read(c, f, 0, back, plain.n));
	ck_assert_mem_eq(back, plain.p, plain.n);
	for (uint64_t n = 0; n < b.n; n++) {
		owned(sealed_file_free) struct sealed_file *other = NULL;

		if (n != s.n)
			ck_fails(c, E_INTEGRITY,
			    sealed_file_open_part(c, fd, 77, n, &k, STR("blob"), &other));
		if (n != 77)
			ck_fails(c, E_INTEGRITY,
			    sealed_file_open_part(c, fd, n, s.n, &k, STR("blob"), &other));
	}
	sealed_file_free(&f);
	ck_fails(c, E_INTEGRITY,
	    sealed_file_open_part(c, fd, UINT64_MAX - 5, s.n, &k, STR("blob"), &f));
	ck_fails(
	    c, E_INTEGRITY, sealed_file_open_part(c, fd, 77, UINT64_MAX, &k, STR("blob"), &f));
}
END_TEST

START_TEST(files_refuse_every_bit_and_cut)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	struct str plain = noise(c, 150), s = sealed_file(c, &k, plain, 150), more;
	char *p = take(c, s.n + 80);

	memcpy(p, s.p, s.n);
	for (size_t bit = 0; bit < 8 * s.n; bit++) {
		p[bit / 8] ^= (char)(1 << bit % 8);
		check_refused(c, &k, (struct str){ p, s.n }, plain);
		p[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < s.n; n++)
		check_refused(c, &k, (struct str){ p, n }, plain);
	for (size_t n = 1; n <= 80; n++)
		check_refused(c, &k, (struct str){ p, s.n + n }, plain);
	more = noise(c, 80);
	memcpy(p + s.n, more.p, more.n);
	check_refused(c, &k, (struct str){ p, s.n + 80 }, plain);
}
END_TEST

/* Which chunk of which of two files of four whole chunks stands where. */
static const struct {
	const char *chunks; /* a to d of the first file, A to D of the second */
	bool opens;
} puzzles[] = {
	{ "abcd", true },
	{ "bacd", false },
	{ "abdc", false },
	{ "acbd", false },
	{ "abc", false },
	{ "bcd", false },
	{ "d", false },
	{ "", false },
	{ "abccd", false },
	{ "abcdd", false },
	{ "abcda", false },
	{ "aabcd", false },
	{ "Abcd", false },
	{ "abcD", false },
	{ "ABCD", false },
};

START_TEST(files_refuse_other_orders)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	struct str plain = noise(c, 256),
		   s[] = { sealed_file(c, &k, plain, 64), sealed_file(c, &k, plain, 64) };
	char room[1024], out[1024];
	struct buf b = BUF(room), back = BUF(out);

	buf_put(&b, (struct str){ s[0].p, SEALED_HEADER });
	for (const char *at = puzzles[_i].chunks; *at != '\0'; at++) {
		bool second = *at >= 'A' && *at <= 'D';
		size_t i = (size_t)(*at - (second ? 'A' : 'a'));

		buf_put(&b, (struct str){ s[second].p + SEALED_HEADER + i * 80, 80 });
	}
	if (!puzzles[_i].opens)
		check_refused(c, &k, buf_str(&b), plain);
	else
		ck_ok(c, read_in_order(c, &k, STR("blob"), buf_str(&b), 64, &back));
}
END_TEST

START_TEST(files_know_their_place)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1), other = key(2);
	struct str s = sealed_file(c, &k, noise(c, 100), 100);
	char room[1024];
	struct buf back = BUF(room);

	ck_fails(c, E_INTEGRITY, read_in_order(c, &other, STR("blob"), s, 50, &back));
	ck_fails(c, E_INTEGRITY, read_in_order(c, &k, STR("blop"), s, 50, &back));
	ck_fails(c, E_INTEGRITY, read_at_random(c, &other, STR("blob"), s, &back));
	ck_fails(c, E_INTEGRITY, read_at_random(c, &k, STR(""), s, &back));
}
END_TEST

/* The chunk size of the product, and the size foretold. */
START_TEST(files_of_real_chunks)
{
	static const size_t sizes[] = { 0, SEALED_CHUNK - 1, SEALED_CHUNK, SEALED_CHUNK + 1,
		2 * SEALED_CHUNK, 3 * SEALED_CHUNK + 5 };
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	struct buf back;

	ck_ok(c, take_buf(c, 5 * SEALED_CHUNK, &back));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		owned(sealed_writer_free) struct sealed_writer *w = NULL;
		owned(fd_done) int fd = file_of(c, STR(""));
		struct str plain = noise(c, sizes[i]), sealed;
		uint64_t size;

		ck_ok(c, sealed_writer_new(c, fd, &k, STR("blob"), &w));
		ck_ok(c, sealed_write(c, w, plain));
		ck_ok(c, sealed_finish(c, w, &size));
		sealed.n = (size_t)lseek(fd, 0, SEEK_CUR);
		ck_assert_int_eq(sealed.n, sealed_size(sizes[i]));
		sealed.p = mmap(NULL, sealed.n, PROT_READ, MAP_SHARED, fd, 0);
		ck_assert_ptr_ne(sealed.p, MAP_FAILED);
		ck_ok(c, read_in_order(c, &k, STR("blob"), sealed, 100000, &back));
		ck_assert(str_same(buf_str(&back), plain));
	}
}
END_TEST

struct drip {
	struct str bytes;
	int fd;
};

static void *
drip(void *given)
{
	struct drip *d = given;

	for (size_t i = 0; i < d->bytes.n; i += 7)
		if (write(d->fd, d->bytes.p + i, d->bytes.n - i < 7 ? d->bytes.n - i : 7) < 0)
			return NULL;
	close(d->fd);
	return given;
}

/* In order also from a pipe whose other end writes seven bytes at a time. */
START_TEST(files_come_through_pipes)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	struct str plain = noise(c, 1000);
	struct drip d = { .bytes = sealed_file(c, &k, plain, 1000) };
	char room[1001];
	size_t at = 0, n = 1;
	pthread_t thread;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	d.fd = ends[1];
	ck_assert_int_eq(pthread_create(&thread, NULL, drip, &d), 0);
	ck_ok(c, sealed_reader_new(c, ends[0], &k, STR("blob"), &r));
	for (; n > 0; at += n)
		ck_ok(c, sealed_read(c, r, room + at, sizeof room - at, &n));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	close(ends[0]);
	ck_assert(str_same((struct str){ room, at }, plain));
}
END_TEST

/* A disk that is full: the failure says so, and the writer stays closed. */
START_TEST(a_full_disk_is_told)
{
	struct ctx *c = test_ctx();
	owned(fd_done) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	struct key256 k = key(1);

	ck_assert_int_ge(fd, 0);
	ck_fails(c, E_FULL, sealed_writer_new(c, fd, &k, STR("blob"), &w));
	ck_assert_ptr_null(w);
}
END_TEST

/* What a salvage gives of these bytes. */
static struct str
salvaged(struct ctx *c, const struct key256 *k, struct str sealed, struct buf *plain)
{
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	owned(fd_done) int fd = file_of(c, sealed);
	size_t n = 1;

	plain->n = 0;
	ck_ok(c, sealed_salvage_new(c, fd, k, STR("blob"), &r));
	while (n > 0) {
		ck_ok(c, sealed_read(c, r, plain->p + plain->n, 50, &n));
		plain->n += n;
	}
	ck_assert_int_eq(c->err.code, E_NONE);
	return buf_str(plain);
}

START_TEST(what_is_whole_is_salvaged)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1), other = key(2);
	struct str plain = noise(c, file_sizes[_i]), s = sealed_file(c, &k, plain, 50);
	char room[1024], *p = take(c, s.n);
	struct buf back = BUF(room);
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	owned(fd_done) int fd = file_of(c, s);

	ck_assert(str_same(salvaged(c, &k, s, &back), plain));
	for (size_t n = SEALED_HEADER; n < s.n; n++) {
		struct str cut = salvaged(c, &k, (struct str){ s.p, n }, &back);

		ck_assert_int_eq(cut.n, (n - SEALED_HEADER) / 80 * 64);
		ck_assert(str_starts(plain, cut));
	}
	for (size_t at = SEALED_HEADER; at < s.n; at++) {
		struct str left;

		memcpy(p, s.p, s.n);
		p[at] ^= 4;
		left = salvaged(c, &k, (struct str){ p, s.n }, &back);
		ck_assert_int_eq(left.n, (at - SEALED_HEADER) / 80 * 64);
		ck_assert(str_starts(plain, left));
	}
	ck_fails(c, E_INTEGRITY, sealed_salvage_new(c, fd, &other, STR("blob"), &r));
}
END_TEST

MAIN("crypto_files", EACH(files_open_again, file_sizes), ONE(files_read_any_range),
    ONE(files_may_be_parts), ONE(files_refuse_every_bit_and_cut),
    EACH(files_refuse_other_orders, puzzles), ONE(files_know_their_place),
    ONE(files_of_real_chunks), EACH(what_is_whole_is_salvaged, file_sizes),
    ONE(files_come_through_pipes), ONE(a_full_disk_is_told))
