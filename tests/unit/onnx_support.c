/*
 * ONNX files made by hand; see onnx_support.h. Field numbers are written out as onnx.proto has
 * them, so that the tests do not share a mistake with the reader.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx_support.h"

enum { ROOM = 1 << 16 };

struct buf
pb_new(void)
{
	static char *kept[512];
	static size_t n;
	struct buf b = { .max = ROOM };

	ck_assert_uint_lt(n, COUNT(kept));
	b.p = kept[n++] = malloc(ROOM);
	ck_assert_ptr_nonnull(b.p);
	return b;
}

void
pb_varint(struct buf *b, uint64_t v)
{
	for (; v > 127; v >>= 7)
		buf_char(b, (char)(v % 128 + 128));
	buf_char(b, (char)v);
}

void
pb_int(struct buf *b, uint32_t field, int64_t v)
{
	pb_varint(b, field * 8);
	pb_varint(b, (uint64_t)v);
}

void
pb_bytes(struct buf *b, uint32_t field, const void *p, size_t n)
{
	pb_varint(b, field * 8 + 2);
	pb_varint(b, n);
	buf_put(b, (struct str){ p, n });
	if (b->full) /* ck_assert would write to a file each time */
		ck_abort_msg("the test's buffer is too small");
}

void
pb_text(struct buf *b, uint32_t field, const char *text)
{
	pb_bytes(b, field, text, strlen(text));
}

void
pb_message(struct buf *b, uint32_t field, const struct buf *message)
{
	pb_bytes(b, field, message->p, message->n);
}

void
pb_fixed32(struct buf *b, uint32_t field, float v)
{
	char bytes[sizeof v];

	memcpy(bytes, &v, sizeof v);
	pb_varint(b, field * 8 + 5);
	buf_put(b, (struct str){ bytes, sizeof bytes });
}

void
pb_value(struct buf *b, uint32_t field, const char *name, const int64_t dim[], int rank)
{
	struct buf value = pb_new(), type = pb_new(), tensor = pb_new(), shape = pb_new();

	for (int i = 0; i < rank; i++) {
		struct buf one = pb_new();

		if (dim[i] >= 0)
			pb_int(&one, 1, dim[i]);
		else
			pb_text(&one, 2, "N");
		pb_message(&shape, 1, &one);
	}
	pb_int(&tensor, 1, 1);
	pb_message(&tensor, 2, &shape);
	pb_message(&type, 1, &tensor);
	pb_text(&value, 1, name);
	pb_message(&value, 2, &type);
	pb_message(b, field, &value);
}

static struct buf
floats(const char *name, const int64_t dim[], int rank)
{
	struct buf t = pb_new();
	float data[64];
	size_t n = 1;

	for (int i = 0; i < rank; i++) {
		pb_int(&t, 1, dim[i]);
		n *= (size_t)dim[i];
	}
	for (size_t i = 0; i < n; i++)
		data[i] = (float)i + 0.5F;
	pb_int(&t, 2, 1);
	pb_text(&t, 8, name);
	pb_bytes(&t, 9, data, n * sizeof data[0]);
	return t;
}

void
pb_floats(struct buf *b, uint32_t field, const char *name, const int64_t dim[], int rank)
{
	struct buf t = floats(name, dim, rank);

	pb_message(b, field, &t);
}

struct buf
pb_node(const char *op, const char *const inputs[], const char *output)
{
	struct buf n = pb_new();

	for (; *inputs != NULL; inputs++)
		pb_text(&n, 1, *inputs);
	pb_text(&n, 2, output);
	pb_text(&n, 4, op);
	return n;
}

struct sample
sample_new(void)
{
	struct buf attr = pb_new();
	struct sample s = {
		.ir = 7,
		.opset = 13,
		.graphs = 1,
		.tensor = floats("w", (int64_t[]){ 2, 3 }, 2),
		.node = pb_node("Gemm", (const char *[]){ "x", "w", "b", NULL }, "y"),
		.graph = pb_new(),
		.model = pb_new(),
		.out = "z",
	};

	pb_text(&attr, 1, "transB");
	pb_int(&attr, 3, 1);
	pb_int(&attr, 20, 2);
	pb_message(&s.node, 5, &attr);
	return s;
}

struct str
sample_bytes(const struct sample *s)
{
	struct buf model = pb_new(), graph = pb_new(), opset = pb_new();
	struct buf relu = pb_node("Relu", (const char *[]){ "y", NULL }, "z");

	pb_message(&graph, 1, &s->node);
	pb_message(&graph, 1, &relu);
	pb_text(&graph, 2, "sample");
	pb_message(&graph, 5, &s->tensor);
	pb_floats(&graph, 5, "b", (int64_t[]){ 2 }, 1);
	pb_value(&graph, 11, "x", (int64_t[]){ -1, 3 }, 2);
	pb_value(&graph, 12, s->out, (int64_t[]){ -1, 2 }, 2);
	buf_put(&graph, buf_str(&s->graph));
	pb_int(&model, 1, s->ir);
	pb_text(&model, 2, "by hand");
	for (int i = 0; i < s->graphs; i++)
		pb_message(&model, 7, &graph);
	pb_int(&opset, 2, s->opset);
	if (s->opset != 0)
		pb_message(&model, 8, &opset);
	buf_put(&model, buf_str(&s->model));
	ck_assert(!model.full && !graph.full);
	return buf_str(&model);
}

bool
contains(struct str bytes, struct str part)
{
	return memmem(bytes.p, bytes.n, part.p, part.n) != NULL;
}

struct sample
sample_with_unknown(void)
{
	struct sample s = sample_new();

	pb_text(&s.model, 999, "unknown in the model");
	pb_text(&s.graph, 998, "unknown in the graph");
	pb_text(&s.node, 997, "unknown in the node");
	pb_text(&s.tensor, 996, "unknown in the tensor");
	pb_text(&s.tensor, 12, "documentation");
	pb_value(&s.graph, 13, "y", (int64_t[]){ -1, 2 }, 2);
	return s;
}

void
check_refused(const struct hostile *h)
{
	struct ctx *c = test_ctx();
	struct sample s = sample_new();
	struct onnx_model m;

	h->spoil(&s);
	ck_assert_msg(!onnx_read(c, sample_bytes(&s), &m), "%s: was read", h->says);
	ck_assert_msg(strstr(c->err.text, h->says) != NULL, "wanted \"%s\", not \"%s\"",
	    h->says, c->err.text);
	ck_err(c, h->want);
	ck_assert_uint_lt(arena_used(c->mem), 1 << 20);
}

struct onnx_model
read_ok(struct ctx *c, struct str bytes)
{
	struct onnx_model m;

	ck_ok(c, onnx_read(c, bytes, &m));
	return m;
}

bool
gather(struct ctx *c, void *arg, struct str bytes)
{
	struct buf *b = arg;

	buf_put(b, bytes);
	return buf_ok(c, b);
}

struct str
write_ok(struct ctx *c, const struct onnx_model *m, const struct onnx_edit *e)
{
	struct buf b;

	ck_ok(c, take_buf(c, m->bytes.n + (1 << 20), &b));
	ck_ok(c, onnx_write(c, m, e, gather, &b));
	return buf_str(&b);
}

struct str
model_file(struct ctx *c, const char *name)
{
	static struct onnx_file *kept[16]; /* the mappings stay */
	static size_t n;
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/tests/data/models/%s", getenv("SOURCE_ROOT"), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "cannot open %s", path);
	ck_assert_uint_lt(n, COUNT(kept));
	ck_ok(c, onnx_file_open(c, fd, &kept[n]));
	close(fd);
	return onnx_file_bytes(kept[n++]);
}

int
memory_file(struct str bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

struct str
memory_bytes(struct ctx *c, int fd)
{
	struct stat st;
	struct str s;
	char *p;

	ck_assert_int_eq(fstat(fd, &st), 0);
	s.n = (size_t)st.st_size;
	s.p = p = take(c, s.n + 1);
	ck_assert_ptr_nonnull(s.p);
	ck_assert_int_eq(pread(fd, p, s.n, 0), (ssize_t)s.n);
	return s;
}
