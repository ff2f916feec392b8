/*
 * Inputs as a whole in memory: a model is decrypted into a memory file, where everything that works
 * on files can read it, and nothing of it ever lies on a disk.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

enum { PIECE = 1 << 20, CUSTOMER_ID = JOB_CUSTOMER_BYTES - 4, ENTRY_BYTES = 12 };

static void
reader_done(struct sealed_reader **r)
{
	sealed_reader_free(r);
}

bool
memory_file(struct ctx *c, const char *name, int *ret)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return fail_errno(c, "create", "a file in memory");
	*ret = fd;
	return true;
}

bool
memory_input(struct ctx *c, const struct job_run *r, size_t i, int to)
{
	owned(reader_done) struct sealed_reader *reader = NULL;
	char *piece = take(c, PIECE);
	size_t n = 1;

	if (piece == NULL || !job_input_open(c, r, i, &reader))
		return false;
	while (n > 0)
		if (!sealed_read(c, reader, piece, PIECE, &n) || !fd_write_all(c, to, piece, n))
			return false;
	return true;
}

/* ---- Models ------------------------------------------------------------------------------ */

MUST static bool
unbundle(struct ctx *c, int *fd, struct onnx_file **file)
{
	owned(fd_done) int whole = -1;
	struct onnx_model m;

	if (!onnx_is_bundle(onnx_file_bytes(*file)))
		return true;
	if (!memory_file(c, "whole", &whole) || !onnx_read_any(c, onnx_file_bytes(*file), &m) ||
	    !onnx_write(c, &m, &(struct onnx_edit){ 0 }, onnx_sink_fd, &whole))
		return false;
	onnx_file_close(file);
	fd_done(fd);
	*fd = whole;
	whole = -1;
	return onnx_file_open(c, *fd, file);
}

bool
memory_model(struct ctx *c, const struct job_run *r, size_t i, int *ret_fd,
    struct onnx_file **ret, int64_t *ret_size, struct digest256 *ret_digest)
{
	struct digest256 digest;
	int64_t size;

	if (!memory_file(c, "model", ret_fd) || !memory_input(c, r, i, *ret_fd) ||
	    !sha256_file(c, *ret_fd, &size, &digest) || !onnx_file_open(c, *ret_fd, ret) ||
	    !unbundle(c, ret_fd, ret))
		return false;
	if (ret_size != NULL)
		*ret_size = size;
	if (ret_digest != NULL)
		*ret_digest = digest;
	return true;
}

/* ---- Bytes ------------------------------------------------------------------------------- */

bool
memory_bytes(struct ctx *c, const struct job_run *r, size_t i, struct str *ret)
{
	owned(reader_done) struct sealed_reader *reader = NULL;
	size_t size = (size_t)r->message->blob[i].size, at = 0, n = 1;
	char *bytes = take(c, size + 1);

	if (bytes == NULL || !job_input_open(c, r, i, &reader))
		return false;
	/* A byte more than there should be, so that the end is seen. */
	for (; n > 0 && at <= size; at += n)
		if (!sealed_read(c, reader, bytes + at, size + 1 - at, &n))
			return false;
	if (at != size)
		return fail(c, E_INTEGRITY, "the input has another size than was said");
	*ret = (struct str){ bytes, size };
	return true;
}

bool
memory_secret(struct ctx *c, const struct job_run *r, size_t i, struct key256 *ret)
{
	owned(reader_done) struct sealed_reader *reader = NULL;
	uint8_t extra;
	size_t n, more;

	if (!job_input_open(c, r, i, &reader) ||
	    !sealed_read(c, reader, ret->b, sizeof ret->b, &n) ||
	    !sealed_read(c, reader, &extra, 1, &more))
		return false;
	if (n != sizeof ret->b || more != 0)
		return fail(c, E_INTEGRITY, "the secret has another length");
	return true;
}

bool
memory_entries(struct ctx *c, const struct job_run *r, size_t i,
    const struct unlock_entry **ret, uint32_t *ret_n)
{
	struct unlock_entry *entry;
	struct str bytes;
	struct wire w;
	size_t n;

	if (!memory_bytes(c, r, i, &bytes))
		return false;
	n = bytes.n / ENTRY_BYTES;
	entry = take(c, n * sizeof *entry + 1);
	if (entry == NULL)
		return false;
	if (bytes.n % ENTRY_BYTES != 0 || n > UNLOCK_ENTRIES_MAX)
		return fail(c, E_INTEGRITY, "the list of locked parameters is not one");
	w = (struct wire){ bytes, false };
	for (size_t k = 0; k < n; k++) {
		entry[k].tensor = wire_u32(&w);
		entry[k].index = wire_u32(&w);
		entry[k].flip = wire_u32(&w);
	}
	*ret = entry;
	*ret_n = (uint32_t)n;
	return wire_end(c, &w);
}

/* ---- Customers --------------------------------------------------------------------------- */

bool
memory_customers(struct ctx *c, const struct job_run *r, size_t i, struct memory_customers *ret)
{
	struct memory_customers l = { 0 };
	struct str bytes;
	size_t n;

	if (!memory_bytes(c, r, i, &bytes))
		return false;
	n = bytes.n / JOB_CUSTOMER_BYTES;
	l.n = (int64_t)n;
	l.number = take(c, n * sizeof *l.number + 1);
	l.id = take(c, n * sizeof *l.id + 1);
	if (l.number == NULL || l.id == NULL)
		return false;
	if (bytes.n % JOB_CUSTOMER_BYTES != 0)
		return fail(c, E_INTEGRITY, "the list of customers is not one");
	for (size_t k = 0; k < n; k++) {
		const char *row = bytes.p + k * JOB_CUSTOMER_BYTES;
		struct wire w = { { row, 4 }, false };

		l.number[k] = wire_u32(&w);
		if (!id_parse(c, (struct str){ row + 4, CUSTOMER_ID }, "cus", &l.id[k]))
			return false;
	}
	*ret = l;
	return true;
}

/* ---- Key images -------------------------------------------------------------------------- */

bool
memory_images(struct ctx *c, const struct job_run *r, size_t i, struct memory_images *ret)
{
	struct memory_images l = { 0 };
	struct str bytes;
	struct wire w;

	if (!memory_bytes(c, r, i, &bytes))
		return false;
	if (bytes.n % JOB_IMAGE_BYTES != 0)
		return fail(c, E_INTEGRITY, "the list of key images is not one");
	l.n = (int64_t)(bytes.n / JOB_IMAGE_BYTES);
	l.v = take(c, (size_t)l.n * sizeof *l.v + 1);
	if (l.v == NULL)
		return false;
	w = (struct wire){ bytes, false };
	for (int64_t k = 0; k < l.n; k++) {
		l.v[k].customer = wire_u32(&w);
		l.v[k].base = wire_u32(&w);
		l.v[k].serial = wire_u32(&w);
		l.v[k].issued = (int64_t)wire_u64(&w);
		l.v[k].expires = (int64_t)wire_u64(&w);
	}
	*ret = l;
	return wire_end(c, &w);
}

/* ---- Slots ------------------------------------------------------------------------------- */

bool
memory_slots(struct ctx *c, const struct job_run *r, size_t i, struct key256 *ret_secret,
    struct slots *ret)
{
	struct str bytes;

	return memory_bytes(c, r, i, &bytes) && slots_read(c, bytes, ret) &&
	    memory_secret(c, r, i + 1, ret_secret) && slots_match(c, ret_secret, ret);
}
