/*
 * Any bytes as a model. What cannot be read must be refused with a sentence; what can be read must
 * be usable to the last element, come out of the writer as it went in, survive edits, and look the
 * same to the patch, which finds the weights on a way of its own.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { ARENA = 32 << 20, ELEMENTS = 1 << 20 };

static volatile uint64_t sum; /* so that what is read counts as used */

static void
must(bool ok, const char *what, const struct ctx *c)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, c->err.text);
	abort();
}

/* A refusal is an answer; anything else that went wrong is a finding. */
static void
refused(struct ctx *c)
{
	enum err_code code = c->err.code;

	must(code == E_INPUT || code == E_LIMIT || code == E_MEMORY, "an odd refusal", c);
	must(c->err.text[0] != '\0', "no sentence", c);
	c->err = (struct err){ 0 };
}

static void
use_tensor(struct ctx *c, const struct onnx_tensor *t)
{
	float *f;
	int64_t *i;

	if (t->count > ELEMENTS)
		return;
	f = malloc((size_t)t->count * sizeof *f + 1);
	i = malloc((size_t)t->count * sizeof *i + 1);
	must(f != NULL && i != NULL, "memory", c);
	if (!onnx_tensor_floats(c, t, f))
		refused(c);
	if (!onnx_tensor_ints(c, t, i))
		refused(c);
	free(f);
	free(i);
}

static void
use(struct ctx *c, const struct onnx_model *m)
{
	for (size_t i = 0; i < m->tensors; i++) {
		must(onnx_tensor_by_name(m, m->tensor[i].name) == &m->tensor[i], "lost", c);
		use_tensor(c, &m->tensor[i]);
	}
	for (size_t i = 0; i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].attrs; k++) {
			const struct onnx_attr *a = &m->node[i].attr[k];

			if (a->tensor != NULL)
				use_tensor(c, a->tensor);
			for (size_t j = 0; j < a->n; j++)
				sum += a->strings != NULL ? a->strings[j].n
				    : a->ints != NULL     ? (uint64_t)a->ints[j]
							  : a->floats[j] > 0;
		}
}

static bool
gather(struct ctx *c, void *arg, struct str bytes)
{
	buf_put(arg, bytes);
	return buf_ok(c, arg);
}

static struct str
write_edited(struct ctx *c, const struct onnx_model *m, const struct onnx_edit *e)
{
	struct buf b;

	if (!take_buf(c, 4 * m->bytes.n + 4096, &b) || !onnx_write(c, m, e, gather, &b)) {
		refused(c);
		return (struct str){ NULL, 0 };
	}
	return buf_str(&b);
}

/* Edits of every kind: what comes out must be a model again. */
static void
edit(struct ctx *c, const struct onnx_model *m)
{
	const float one = 1;
	const struct str pair[][2] = { { STR("key"), STR("value") } };
	struct onnx_new_tensor t = { .name = STR("a new tensor"), .f = &one };
	struct onnx_new_node node = { .op = STR("Identity"),
		.input = &t.name,
		.inputs = 1,
		.output = &STR("a new value"),
		.outputs = 1 };
	struct onnx_edit e = { 0 };
	struct onnx_model again;
	struct str out = write_edited(c, m, &e);

	must(out.p == NULL || str_same(out, m->bytes), "nothing edited is not the same", c);
	e = (struct onnx_edit){ .tensor = &t,
		.tensors = 1,
		.node = &node,
		.nodes = 1,
		.metadata = pair,
		.metadatas = 1,
		.attachment = STR("attached") };
	for (int round = 0; round < 2; round++) {
		out = write_edited(c, m, &e);
		if (out.p != NULL)
			must(onnx_read(c, out, &again), "what was written is not read", c);
		if (m->tensors == 0)
			break;
		t.name = m->tensor[0].name; /* replaced, perhaps with another shape */
		e.remove_nodes = m->nodes > 0 && m->node[0].outputs > 0 &&
		    m->node[0].output[0].n > 0;
		e.remove_node = e.remove_nodes > 0 ? m->node[0].output : NULL;
	}
}

struct found {
	const struct onnx_model *m;
	uint64_t bytes;
};

/* The reader knows the same tensor, of the same size and name. */
static bool
compare(struct ctx *c, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	struct found *f = arg;
	size_t size = onnx_type_size(at->type);

	for (size_t i = 0; i < n * size; i++)
		((char *)bytes)[i] ^= 1;
	f->bytes += n * size;
	if (f->m == NULL)
		return true;
	must(at->index < f->m->tensors, "more tensors than the reader knows", c);
	must(f->m->tensor[at->index].count == at->count &&
		str_same(f->m->tensor[at->index].name, at->name),
	    "another tensor than the reader's", c);
	return true;
}

static void
patch(struct ctx *c, const uint8_t *p, size_t n, const struct onnx_model *m)
{
	struct found f = { .m = m };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint64_t want = 0;

	must(fd >= 0 && (n == 0 || write(fd, p, n) == (ssize_t)n), "memory file", c);
	if (!onnx_patch(c, fd, fd, 0, compare, &f)) {
		must(m == NULL, "the patch refuses what the reader took", c);
		refused(c);
	} else if (m != NULL) {
		for (size_t i = 0; i < m->tensors; i++)
			want += m->tensor[i].raw.n;
		must(f.bytes == want, "the patch has seen other bytes than the reader", c);
	}
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct arena *mem;
	struct onnx_tensor t;
	struct onnx_model m;
	struct ctx c;

	if (mem == NULL)
		mem = arena_new(ARENA);
	c = ctx_real(mem, "fuzz");
	if (onnx_read(&c, (struct str){ (const char *)p, n }, &m)) {
		use(&c, &m);
		edit(&c, &m);
		patch(&c, p, n, &m);
	} else {
		refused(&c);
		patch(&c, p, n, NULL);
	}
	if (onnx_tensor_read(&c, (struct str){ (const char *)p, n }, &t))
		use_tensor(&c, &t);
	else
		refused(&c);
	arena_reset(mem);
	return 0;
}
