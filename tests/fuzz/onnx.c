/*
 * Any bytes as a model, or as a bundle. What cannot be read must be refused with a sentence; what
 * can be read must be usable to the last element, come out of the writer as it went in, survive
 * edits, and look the same to the patch, which finds the weights on a way of its own.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "onnx.h"

enum { ELEMENTS = 1 << 20 };
const size_t target_memory = 32 << 20;

static volatile uint64_t used; /* so that what is read counts as used */

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
				used += a->strings != NULL ? a->strings[j].n
				    : a->ints != NULL      ? (uint64_t)a->ints[j]
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
	size_t room = 4 * m->bytes.n + 4096;
	struct buf b;

	for (size_t i = 0; i < m->tensors; i++)
		room += m->tensor[i].external ? m->tensor[i].raw.n + 32 : 0;
	if (!take_buf(c, room, &b) || !onnx_write(c, m, e, gather, &b)) {
		refused(c);
		return (struct str){ NULL, 0 };
	}
	return buf_str(&b);
}

/* Written in one piece, it is the same to the last bit of a weight. */
static void
in_one_piece(struct ctx *c, const struct onnx_model *m, struct str out)
{
	struct onnx_model whole;

	must(onnx_read(c, out, &whole), "what was inlined is not read", c);
	must(!whole.external && whole.tensors == m->tensors, "another model", c);
	for (size_t i = 0; i < m->tensors; i++)
		must(str_same(whole.tensor[i].raw, m->tensor[i].raw), "other weights", c);
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

	if (out.p != NULL && m->external)
		in_one_piece(c, m, out);
	else
		must(out.p == NULL || str_same(out, m->bytes), "not the same", c);
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
patch(struct ctx *c, struct str bytes, const struct onnx_model *m)
{
	struct found f = { .m = m };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint64_t want = 0;

	must(fd >= 0 && (bytes.n == 0 || write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n),
	    "memory file", c);
	if (!onnx_patch(c, fd, fd, 0, compare, &f)) {
		must(m == NULL, "the patch refuses what the reader took", c);
		refused(c);
	} else if (m != NULL) {
		for (size_t i = 0; i < m->tensors; i++)
			want += m->tensor[i].external ? 0 : m->tensor[i].raw.n;
		must(f.bytes == want, "the patch has seen other bytes than the reader", c);
	}
	close(fd);
}

/* Sums that hold, so that a change of a header is not only ever found by its sum. */
static void
mend(char *p, size_t n)
{
	for (; n >= 512; p += 512, n -= 512) {
		unsigned sum = 0;

		if (memcmp(p + 257, "ustar", 5) != 0)
			continue;
		memset(p + 148, ' ', 8);
		for (int i = 0; i < 512; i++)
			sum += (uint8_t)p[i];
		snprintf(p + 148, 8, "%06o", sum);
	}
}

static void
bundle(struct ctx *c, struct str bytes)
{
	char *p = malloc(bytes.n); /* of exactly this size, so that one byte too far is seen */
	struct onnx_model m;

	must(p != NULL, "memory", c);
	memcpy(p, bytes.p, bytes.n);
	mend(p, bytes.n);
	bytes.p = p;
	must(onnx_is_bundle(bytes), "not a bundle", c);
	if (onnx_read_any(c, bytes, &m)) {
		use(c, &m);
		edit(c, &m);
		patch(c, m.bytes, &m);
	} else {
		refused(c);
	}
	free(p);
}

void
target(struct ctx *c, struct str bytes)
{
	struct onnx_tensor t;
	struct onnx_model m;

	if (bytes.n >= 512 && memcmp(bytes.p + 257, "ustar", 5) == 0) {
		bundle(c, bytes);
		return;
	}
	if (onnx_read(c, bytes, &m)) {
		use(c, &m);
		edit(c, &m);
		patch(c, bytes, &m);
	} else {
		refused(c);
		patch(c, bytes, NULL);
	}
	if (onnx_tensor_read(c, bytes, &t))
		use_tensor(c, &t);
	else
		refused(c);
}
