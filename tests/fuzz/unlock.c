/*
 * Any bytes as an unlock key, as an artifact, or as what was sealed in one: the first byte says
 * which. A key that is read must be written as the same bytes. An artifact gets a key that names
 * its digest, so that it is read at all; what was sealed is sealed here, for the same reason.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "unlock.h"

const size_t target_memory = 32 << 20;

#define RELEASE "rel_01a1f7b4-613b-78db-864f-cf642ca115e9"
static const struct key256 content = { { 1, 2, 3 } };
static const struct mark_terms terms = { 14, .03 };

/* What does not match may be E_INTEGRITY, too. */
static void
not_opened(struct ctx *c)
{
	if (c->err.code == E_INTEGRITY)
		c->err = (struct err){ 0 };
	else
		refused(c);
}

static int
file_of(struct ctx *c, struct str bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0 && fd_write_all(c, fd, bytes.p, bytes.n), "a memory file", c);
	return fd;
}

/* ---- Keys -------------------------------------------------------------------------------- */

static void
try_key(struct ctx *c, struct str bytes)
{
	struct unlock_key k;
	struct buf back;

	if (!unlock_key_read(c, bytes, &k)) {
		must(c->err.code == E_INTEGRITY || c->err.code == E_MEMORY, "a key", c);
		return;
	}
	must(take_buf(c, unlock_key_size(&k), &back) && unlock_key_put(c, &k, &back) &&
		str_same(buf_str(&back), bytes),
	    "a key has one form", c);
	unlock_key_done(&k);
}

/* ---- Artifacts --------------------------------------------------------------------------- */

static void
try_apply(struct ctx *c, int fd, struct str file, const struct unlock_key *key)
{
	owned(fd_done) int out = memfd_create("out", MFD_CLOEXEC);
	struct unlock_key k = *key;
	struct artifact a;

	must(out >= 0 && sha256(c, file, &k.artifact), "a digest", c);
	if (!artifact_open(c, fd, &a)) {
		not_opened(c);
		return;
	}
	k.release = a.release;
	k.locks = a.locks;
	if (!unlock_apply(c, fd, &k, out, NULL))
		not_opened(c);
	c->err = (struct err){ 0 };
	if (!unlock_digest(c, fd, &k.plain)) {
		not_opened(c);
		return;
	}
	/* Nothing to flip: the weights are the plain ones already. */
	if ((a.locks & LOCK_SEALED) == 0)
		must(ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0 &&
			unlock_apply(c, fd, &k, out, NULL),
		    "it was read before", c);
}

static void
try_artifact(struct ctx *c, struct str bytes)
{
	const struct unlock_key k = { .content = content };
	owned(fd_done) int fd = file_of(c, bytes);

	try_apply(c, fd, bytes, &k);
}

/* ---- What is sealed ---------------------------------------------------------------------- */

static void
put_field(struct buf *b, uint32_t number, uint64_t n)
{
	for (uint64_t v = (uint64_t)number << 3 | 2; v > 0; v >>= 7)
		wire_put_u8(b, (uint8_t)((v & 127) | (v > 127 ? 128 : 0)));
	for (; n > 127; n >>= 7)
		wire_put_u8(b, (uint8_t)(n | 128));
	wire_put_u8(b, (uint8_t)n);
}

/* The file's bytes, after the model was written to it. */
static struct str
seal_behind(struct ctx *c, int fd, struct str plain)
{
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	struct id id = { RELEASE };
	char room[128];
	struct buf b = BUF(room);
	uint64_t n = sealed_size(plain.n);
	struct str head, file;
	off_t size;

	put_field(&b, ONNX_ATTACHMENT, ARTIFACT_HEAD + n);
	head.p = b.p + b.n;
	buf_put(&b, STR("HMKART\x01\x02"));
	wire_put_id(&b, &id);
	wire_put_u64(&b, n);
	head.n = ARTIFACT_HEAD;
	must(fd_write_all(c, fd, b.p, b.n) && sealed_writer_new(c, fd, &content, head, &w) &&
		sealed_write(c, w, plain) && sealed_finish(c, w, &n),
	    "sealing", c);
	size = lseek(fd, 0, SEEK_END);
	file = (struct str){ take(c, (size_t)size), (size_t)size };
	must(file.p != NULL && pread(fd, (void *)(uintptr_t)file.p, file.n, 0) == size,
	    "reading back", c);
	return file;
}

/* A model's length in two bytes, the model, the plain stream. */
static void
try_stream(struct ctx *c, struct str bytes)
{
	struct unlock_key k = { .content = content, .terms = terms };
	owned(fd_done) int fd = -1;
	struct str model, plain;
	uint32_t *table;
	size_t n;

	if (bytes.n < 2)
		return;
	n = (uint8_t)bytes.p[0] | (size_t)(uint8_t)bytes.p[1] << 8;
	n = n < bytes.n - 2 ? n : bytes.n - 2;
	model = (struct str){ bytes.p + 2, n };
	plain = (struct str){ bytes.p + 2 + n, bytes.n - 2 - n };
	table = take(c, sizeof *table << terms.log_l);
	must(table != NULL, "memory", c);
	k.table = table;
	fd = file_of(c, model);
	try_apply(c, fd, seal_behind(c, fd, plain), &k);
	k.table = NULL;
	k.terms = (struct mark_terms){ 0 };
	c->err = (struct err){ 0 };
	must(ftruncate(fd, (off_t)model.n) == 0 && lseek(fd, 0, SEEK_END) >= 0, "again", c);
	try_apply(c, fd, seal_behind(c, fd, plain), &k);
}

void
target(struct ctx *c, struct str bytes)
{
	if (bytes.n == 0)
		return;
	switch (bytes.p[0] % 3) {
	case 0:
		try_key(c, (struct str){ bytes.p + 1, bytes.n - 1 });
		break;
	case 1:
		try_artifact(c, (struct str){ bytes.p + 1, bytes.n - 1 });
		break;
	default:
		try_stream(c, (struct str){ bytes.p + 1, bytes.n - 1 });
	}
}
