/*
 * Data sets that are as they should be: every format, wrapper and element type gives the same
 * numbers, in whatever pieces they are read, and they fit the input of a network.
 */
#include <fcntl.h>
#include <unistd.h>

#include "data_files.h"

/* Two images of 2 x 3 pixels. */
static const struct str pixels = { "\x00\x01\x02\x03\x04\x05\xff\xfe\xfd\xfc\xfb\xfa", 12 };
static const uint32_t dims[] = { 2, 2, 3 };

enum wrapper { PLAIN, GZIP, GZIP_TWICE, STORED, DEFLATED };
static const enum wrapper wrappers[] = { PLAIN, GZIP, GZIP_TWICE, STORED, DEFLATED };

static struct str
wrapped(struct ctx *c, struct str file, enum wrapper how)
{
	const struct zip_part parts[] = { { "y.npy", STR("?") }, { "x.npy", file } };
	struct str half[2] = { { file.p, file.n / 2 },
		{ file.p + file.n / 2, file.n - file.n / 2 } };

	switch (how) {
	case PLAIN:
		return file;
	case GZIP:
		return gzipped(c, file);
	case GZIP_TWICE:
		half[0] = gzipped(c, half[0]);
		half[1] = gzipped(c, half[1]);
		return joined(c, half, 2);
	case STORED:
	case DEFLATED:
		return zipped(c, parts, 2, how == DEFLATED);
	}
	abort();
}

static void
expect_pixels(struct ctx *c, struct str file)
{
	owned(data_samples_done) struct data_samples s = { 0 };

	ck_ok(c, samples_of(c, file, &s));
	ck_assert_int_eq(s.shape.type, DATA_UINT8);
	ck_assert_int_eq(s.shape.rank, 3);
	ck_assert_int_eq(s.shape.dim[0], 2);
	ck_assert_int_eq(s.shape.dim[1], 2);
	ck_assert_int_eq(s.shape.dim[2], 3);
	ck_assert_int_eq(s.shape.row, 6);
	ck_assert_mem_eq(s.v, pixels.p, pixels.n);
	ck_assert_ptr_eq(data_sample(&s, 1), (char *)s.v + 6);
}

START_TEST(formats_agree)
{
	struct ctx *c = test_ctx();

	expect_pixels(c, wrapped(c, npy(c, "|u1", "(2, 2, 3)", pixels), wrappers[_i]));
	expect_pixels(c, wrapped(c, idx(c, 0x08, dims, 3, pixels), wrappers[_i]));
}
END_TEST

/* As numpy has written headers over the years, and as it may. */
static const char *const headers[] = {
	"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }",
	"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3)}",
	"{\"shape\": (2L, 2L, 3L), \"descr\": \"<u1\", \"fortran_order\": False}",
	"{'shape':(2,2,3,),'fortran_order':False,'descr':'>u1'}   \n",
	"  { 'descr' : '=u1' , 'fortran_order' : False , 'shape' : ( 2 , 2 , 3 ) , }",
};

START_TEST(headers_are_read)
{
	struct ctx *c = test_ctx();

	expect_pixels(c, npy_with(c, headers[_i], pixels));
}
END_TEST

START_TEST(later_versions_have_longer_headers)
{
	struct ctx *c = test_ctx();
	const struct str text = str_of(headers[0]);
	char head[] = "\x93NUMPY\x02\x00....";

	for (char version = 2; version <= 3; version++) {
		head[6] = version;
		head[8] = (char)text.n;
		head[9] = head[10] = head[11] = 0;
		expect_pixels(
		    c, joined(c, (const struct str[]){ { head, 12 }, text, pixels }, 3));
	}
}
END_TEST

START_TEST(files_are_read_too)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder(), *path = test_path(folder, "pixels.npy");
	owned(fd_done) int fd = -1;
	owned(data_close) struct data_reader *r = NULL;
	struct data_source source;
	uint8_t got[12];

	ck_ok(c, file_create(c, AT_FDCWD, path, 0600, npy(c, "|u1", "(2, 2, 3)", pixels)));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_ok(c, data_source_fd(c, &fd, &source));
	ck_ok(c, data_open(c, &source, DATA_SAMPLES, STR(""), &r));
	ck_ok(c, data_next(c, r, 1, got));
	ck_ok(c, data_next(c, r, 0, got));
	ck_ok(c, data_next(c, r, 1, got + 6));
	ck_assert_mem_eq(got, pixels.p, pixels.n);
	ck_fails(c, E_INTERNAL, data_next(c, r, 1, got));
	fd_done(&fd);
	fd = open(folder, O_RDONLY | O_CLOEXEC);
	ck_fails(c, E_FILE, data_source_fd(c, &fd, &source));
}
END_TEST

/* ---- Elements ---------------------------------------------------------------------------- */

static const struct {
	const char *descr;
	struct str payload; /* two numbers */
	float want[2];
} float_cases[] = {
	{ "<f4", BYTES("\x00\x00\x80\x3f\x00\x00\x00\xc0"), { 1, -2 } },
	{ ">f4", BYTES("\x3f\x80\x00\x00\xc0\x00\x00\x00"), { 1, -2 } },
	{ "<f8", BYTES("\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00\xc0"),
	    { 1, -2 } },
	{ ">f8", BYTES("\x3f\xb9\x99\x99\x99\x99\x99\x9a\xc0\x00\x00\x00\x00\x00\x00\x00"),
	    { 0.1f, -2 } },
};

START_TEST(floats_of_either_size_and_order)
{
	owned(data_samples_done) struct data_samples s = { 0 };
	struct ctx *c = test_ctx();

	ck_ok(c,
	    samples_of(
		c, npy(c, float_cases[_i].descr, "(1, 2)", float_cases[_i].payload), &s));
	ck_assert_int_eq(s.shape.type, DATA_FLOAT);
	ck_assert_mem_eq(s.v, float_cases[_i].want, sizeof float_cases[_i].want);
}
END_TEST

static const struct {
	const char *descr;
	struct str payload; /* two labels: 1 and 5 */
} label_cases[] = {
	{ "|u1", BYTES("\x01\x05") },
	{ "|i1", BYTES("\x01\x05") },
	{ "<u2", BYTES("\x01\x00\x05\x00") },
	{ ">u2", BYTES("\x00\x01\x00\x05") },
	{ "<i2", BYTES("\x01\x00\x05\x00") },
	{ "<u4", BYTES("\x01\x00\x00\x00\x05\x00\x00\x00") },
	{ ">i4", BYTES("\x00\x00\x00\x01\x00\x00\x00\x05") },
	{ "<i4", BYTES("\x01\x00\x00\x00\x05\x00\x00\x00") },
	{ "<u8", BYTES("\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0") },
	{ "<i8", BYTES("\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0") },
	{ ">i8", BYTES("\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x05") },
};

START_TEST(labels_of_every_width)
{
	struct ctx *c = test_ctx();
	const char *const shapes[] = { "(2,)", "(2, 1)" };

	for (size_t i = 0; i < COUNT(shapes); i++) {
		owned(data_labels_done) struct data_labels l = { 0 };

		ck_ok(c,
		    labels_of(c,
			npy(c, label_cases[_i].descr, shapes[i], label_cases[_i].payload), 6,
			&l));
		ck_assert_int_eq(l.n, 2);
		ck_assert_int_eq(l.v[0], 1);
		ck_assert_int_eq(l.v[1], 5);
	}
}
END_TEST

/* A mask: a row of labels a sample, in rows that do not divide what is read at once. */
START_TEST(labels_of_every_place)
{
	enum { ROWS = 7, PLACES = 1500 };
	static char bytes[ROWS * PLACES];
	owned(data_labels_done) struct data_labels l = { 0 };
	struct ctx *c = test_ctx();

	for (int i = 0; i < ROWS * PLACES; i++)
		bytes[i] = (char)(i % 11 == 0 && i < 3 * PLACES);
	ck_ok(c,
	    labels_of(
		c, npy(c, "|u1", "(7, 1500)", (struct str){ bytes, sizeof bytes }), 2, &l));
	ck_assert_int_eq(l.n, ROWS);
	ck_assert_int_eq(data_places(&l), PLACES);
	for (int i = 0; i < ROWS * PLACES; i++)
		ck_assert_int_eq(l.v[i], bytes[i]);
	ck_assert_int_eq(data_label(&l, 2), 1);
	ck_assert_int_eq(data_label(&l, 3), 0);
	data_labels_done(&l);
	bytes[5 * PLACES] = 2;
	ck_fails(c, E_INPUT,
	    labels_of(
		c, npy(c, "|u1", "(7, 1500)", (struct str){ bytes, sizeof bytes }), 2, &l));
	ck_fails(c, E_LIMIT,
	    labels_of(c, npy(c, "|u1", "(2, 5000)", (struct str){ bytes, 10000 }), 3, &l));
}
END_TEST

START_TEST(labels_of_idx)
{
	owned(data_labels_done) struct data_labels l = { 0 };
	struct ctx *c = test_ctx();
	const uint32_t two[] = { 2 };

	ck_ok(c, labels_of(c, idx(c, 0x08, two, 1, STR("\x09\x00")), 10, &l));
	ck_assert_int_eq(l.v[0], 9);
	data_labels_done(&l);
	ck_ok(c, labels_of(c, idx(c, 0x0b, two, 1, STR("\x00\x09\x01\x00")), 257, &l));
	ck_assert_int_eq(l.v[1], 256);
}
END_TEST

/* More than one piece of every buffer on the way, in rows that do not divide it. */
START_TEST(long_sets_in_any_pieces)
{
	struct ctx *c = test_ctx();
	enum { ROWS = 5000, ROW = 7 };
	double *v = take(c, sizeof *v * ROWS * ROW);
	struct str file;

	for (int i = 0; i < ROWS * ROW; i++)
		v[i] = i;
	file = npy(c, "<f8", "(5000, 7)", (struct str){ (char *)v, sizeof *v * ROWS * ROW });
	for (size_t how = 0; how < COUNT(wrappers); how++) {
		struct str bytes = wrapped(c, file, wrappers[how]);
		struct data_source source = data_source_bytes(&bytes);
		owned(data_close) struct data_reader *r = NULL;
		float row[ROW * 999];
		int at = 0;

		ck_ok(c, data_open(c, &source, DATA_SAMPLES, STR(""), &r));
		for (int n = 1; at < ROWS; at += n, n = n * 3 % 1000) {
			n = at + n > ROWS ? ROWS - at : n;
			ck_ok(c, data_next(c, r, n, row));
			for (int i = 0; i < n * ROW; i++)
				ck_assert(row[i] == (float)(at * ROW + i));
		}
	}
}
END_TEST

/* ---- Archives ---------------------------------------------------------------------------- */

static const struct {
	const char *name[3], *entry;
	int want; /* which of them; -1: E_INPUT */
} entry_cases[] = {
	{ { "y.npy", "x.npy", "z.npy" }, "", 1 },
	{ { "y.npy", "images.npy", "arr_0.npy" }, "", 1 },
	{ { "only.npy" }, "", 0 },
	{ { "only" }, "only", 0 },
	{ { "a.npy", "b.npy", "c.npy" }, "b", 1 },
	{ { "a.npy", "b.npy", "c.npy" }, "c.npy", 2 },
	{ { "a.npy", "b.npy", "c.npy" }, "", -1 },
	{ { "a.npy", "b.npy", "c.npy" }, "d", -1 },
	{ { "only.npy" }, "other", -1 },
};

START_TEST(entries_are_chosen)
{
	struct ctx *c = test_ctx();
	struct zip_part part[3];
	struct str bytes;
	struct data_source source;
	owned(data_close) struct data_reader *r = NULL;
	uint8_t got;
	int n = 0;

	for (; n < 3 && entry_cases[_i].name[n] != NULL; n++) {
		char *value = take_printf(c, "%c", 'a' + n);

		part[n].name = entry_cases[_i].name[n];
		part[n].bytes = npy(c, "|u1", "(1, 1)", str_of(value));
	}
	bytes = zipped(c, part, (size_t)n, true);
	source = data_source_bytes(&bytes);
	if (entry_cases[_i].want < 0) {
		ck_fails(c, E_INPUT,
		    data_open(c, &source, DATA_SAMPLES, str_of(entry_cases[_i].entry), &r));
		return;
	}
	ck_ok(c, data_open(c, &source, DATA_SAMPLES, str_of(entry_cases[_i].entry), &r));
	ck_ok(c, data_next(c, r, 1, &got));
	ck_assert_int_eq(got, 'a' + entry_cases[_i].want);
}
END_TEST

/* ---- Fitting a network ------------------------------------------------------------------- */

static const struct {
	int rank;
	int64_t dim[4], want[5];
	int want_rank;
	enum data_order order;
	bool ok, last;
	int64_t got[3];
} fit_cases[] = {
	{ 3, { 9, 28, 30 }, { -1, 1, 28, 30 }, 4, 0, true, false, { 1, 28, 30 } },
	{ 3, { 9, 28, 30 }, { -1, -1, -1, -1 }, 4, 0, true, false, { 1, 28, 30 } },
	{ 3, { 9, 28, 30 }, { -1, 3, 28, 30 }, 4, 0, false },
	{ 3, { 9, 28, 30 }, { -1, 1, 30, 28 }, 4, 0, false },
	{ 4, { 9, 3, 32, 40 }, { -1, 3, 32, 40 }, 4, 0, true, false, { 3, 32, 40 } },
	{ 4, { 9, 32, 40, 3 }, { -1, 3, 32, 40 }, 4, 0, true, true, { 3, 32, 40 } },
	{ 4, { 9, 32, 40, 3 }, { -1, -1, -1, -1 }, 4, 0, true, true, { 3, 32, 40 } },
	{ 4, { 9, 3, 32, 40 }, { -1, -1, -1, -1 }, 4, 0, true, false, { 3, 32, 40 } },
	{ 4, { 9, 3, 3, 3 }, { -1, 3, 3, 3 }, 4, 0, true, false, { 3, 3, 3 } },
	{ 4, { 9, 3, 3, 3 }, { -1, 3, 3, 3 }, 4, DATA_CHANNELS_LAST, true, true, { 3, 3, 3 } },
	{ 4, { 9, 32, 40, 3 }, { -1, 3, 32, 40 }, 4, DATA_CHANNELS_FIRST, false },
	{ 4, { 9, 5, 6, 7 }, { -1, -1, -1, -1 }, 4, 0, true, false, { 5, 6, 7 } },
	{ 3, { 9, 2, 100 }, { 16, 2, 100 }, 3, 0, true, false, { 2, 100 } },
	{ 2, { 9, 100 }, { 16, 1, 100 }, 3, 0, true, false, { 1, 100 } },
	{ 2, { 9, 100 }, { 16, 100 }, 2, 0, true, false, { 100 } },
	{ 4, { 9, 1, 28, 28 }, { -1, 784 }, 2, 0, true, false, { 784 } },
	{ 3, { 9, 28, 28 }, { -1, 785 }, 2, 0, false },
	{ 2, { 9, 784 }, { -1, 1, 28, 28 }, 4, 0, false },
	{ 4, { 9, 1, 28, 28 }, { -1, 1, 1, 28, 28 }, 5, 0, false },
	{ 4, { 9, 1, 28, 28 }, { -1 }, 1, 0, false },
};

START_TEST(samples_fit_an_input)
{
	struct ctx *c = test_ctx();
	struct data_shape s = { .rank = fit_cases[_i].rank, .row = 1 };
	struct data_form f;

	memcpy(s.dim, fit_cases[_i].dim, sizeof s.dim);
	for (int i = 1; i < s.rank; i++)
		s.row *= s.dim[i];
	if (!fit_cases[_i].ok) {
		ck_fails(c, E_INPUT,
		    data_fit(c, &s, fit_cases[_i].want, fit_cases[_i].want_rank,
			fit_cases[_i].order, false, &f));
		return;
	}
	ck_ok(c,
	    data_fit(c, &s, fit_cases[_i].want, fit_cases[_i].want_rank, fit_cases[_i].order,
		false, &f));
	ck_assert_int_eq(f.rank, fit_cases[_i].want_rank - 1);
	ck_assert_mem_eq(f.dim, fit_cases[_i].got, sizeof f.dim);
	ck_assert_int_eq(f.channels_last, fit_cases[_i].last);
	ck_assert_int_eq(f.count, s.row);
}
END_TEST

START_TEST(numbers_for_a_network)
{
	const uint8_t bytes[] = { 0, 255, 51, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	const float floats[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	const float turned[] = { 0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11 };
	const struct data_shape shape = {
		.type = DATA_UINT8, .rank = 4, .dim = { 2, 1, 2, 3 }, .row = 6
	};
	const int64_t first[] = { -1, 1, 2, 3 }, last[] = { -1, 3, 1, 2 };
	struct ctx *c = test_ctx();
	struct data_form f;
	float got[12];

	ck_ok(c, data_fit(c, &shape, first, 4, DATA_ORDER_AUTO, false, &f));
	data_floats(&f, bytes, 2, got);
	for (int i = 0; i < 12; i++)
		ck_assert(got[i] == (float)bytes[i] / 255.0f);
	ck_ok(c, data_fit(c, &shape, last, 4, DATA_ORDER_AUTO, true, &f));
	data_floats(&f, bytes, 2, got);
	for (int i = 0; i < 12; i++)
		ck_assert(got[i] == (float)bytes[(int)turned[i]]);
	f.type = DATA_FLOAT;
	data_floats(&f, floats, 2, got);
	ck_assert_mem_eq(got, turned, sizeof got);
	f.channels_last = false;
	data_floats(&f, floats, 2, got);
	ck_assert_mem_eq(got, floats, sizeof got);
}
END_TEST

MAIN("data", EACH(formats_agree, wrappers), EACH(headers_are_read, headers),
    ONE(later_versions_have_longer_headers), ONE(files_are_read_too),
    EACH(floats_of_either_size_and_order, float_cases),
    EACH(labels_of_every_width, label_cases), ONE(labels_of_every_place), ONE(labels_of_idx),
    ONE(long_sets_in_any_pieces), EACH(entries_are_chosen, entry_cases),
    EACH(samples_fit_an_input, fit_cases), ONE(numbers_for_a_network))
