/*
 * Data files for tests. The wrappers are made by zlib and libzip themselves.
 */
#include <fcntl.h>
#include <stdio.h>
#include <zip.h>
#include <zlib.h>

#include "data_files.h"

struct str
joined(struct ctx *c, const struct str part[], size_t n)
{
	struct buf b;
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += part[i].n;
	ck_ok(c, take_buf(c, size, &b));
	for (size_t i = 0; i < n; i++)
		buf_put(&b, part[i]);
	ck_assert(!b.full);
	return buf_str(&b);
}

struct str
npy_with(struct ctx *c, const char *header, struct str payload)
{
	size_t n = strlen(header);
	char size[2] = { (char)(n & 0xff), (char)(n >> 8) };
	const struct str parts[] = { STR("\x93NUMPY\x01\x00"), { size, 2 }, { header, n },
		payload };

	return joined(c, parts, COUNT(parts));
}

struct str
npy(struct ctx *c, const char *descr, const char *shape, struct str payload)
{
	char header[256];

	snprintf(header, sizeof header,
	    "{'descr': '%s', 'fortran_order': False, 'shape': %s, }%*s\n", descr, shape, 20,
	    "");
	return npy_with(c, header, payload);
}

struct str
idx(struct ctx *c, int type, const uint32_t dim[], int rank, struct str payload)
{
	char head[4 + 4 * 16] = { 0, 0, (char)type, (char)rank };

	ck_assert_int_le(rank, 16);
	for (int i = 0; i < rank; i++)
		for (int k = 0; k < 4; k++)
			head[4 + 4 * i + k] = (char)(dim[i] >> (24 - 8 * k));
	return joined(c, (const struct str[]){ { head, 4 + 4 * (size_t)rank }, payload }, 2);
}

struct str
gzipped(struct ctx *c, struct str plain)
{
	z_stream z = { 0 };
	struct buf b;

	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	ck_ok(c, take_buf(c, deflateBound(&z, plain.n) + 32, &b));
	z.next_in = (Bytef *)(uintptr_t)plain.p;
	z.avail_in = (uInt)plain.n;
	z.next_out = (Bytef *)b.p;
	z.avail_out = (uInt)b.max;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.n = z.total_out;
	ck_assert_int_eq(deflateEnd(&z), Z_OK);
	return buf_str(&b);
}

struct str
zipped(struct ctx *c, const struct zip_part part[], size_t n, bool deflated)
{
	const char *path = test_path(test_folder(), "a.npz");
	zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_EXCL, NULL);
	struct str bytes;

	ck_assert_ptr_nonnull(zip);
	for (size_t i = 0; i < n; i++) {
		zip_source_t *s = zip_source_buffer(zip, part[i].bytes.p, part[i].bytes.n, 0);
		zip_int64_t at = zip_file_add(zip, part[i].name, s, 0);

		ck_assert_int_ge(at, 0);
		ck_assert_int_eq(zip_set_file_compression(zip, (zip_uint64_t)at,
				     deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
		    0);
	}
	ck_assert_int_eq(zip_close(zip), 0);
	ck_ok(c, file_read(c, AT_FDCWD, path, 1 << 24, &bytes));
	return bytes;
}

bool
samples_of(struct ctx *c, struct str file, struct data_samples *ret)
{
	owned(data_close) struct data_reader *r = NULL;
	struct data_source source = data_source_bytes(&file);

	return data_open(c, &source, DATA_SAMPLES, STR(""), &r) &&
	    data_samples_load(c, r, 1 << 20, ret);
}

bool
labels_of(struct ctx *c, struct str file, int64_t classes, struct data_labels *ret)
{
	owned(data_close) struct data_reader *r = NULL;
	struct data_source source = data_source_bytes(&file);

	return data_open(c, &source, DATA_LABELS, STR(""), &r) &&
	    data_labels_load(c, r, classes, ret);
}
