/*
 * core/onnx on the command line, for the comparison with ONNX Runtime and with ONNX's own files.
 *
 *	onnx-tool same FILE…        each that is read is written back as it was, and patched with
 *	                            nothing as it was; speaks TAP
 *	onnx-tool renew FILE OUT    every initializer given anew, with the numbers it has
 *	onnx-tool halve FILE OUT    every float initializer halved, by the writer
 *	onnx-tool patch FILE OUT    the same by the patch
 *	onnx-tool extend FILE OUT   an output more, twice the first; metadata and an attachment
 *	onnx-tool place FILE OUT    the first node replaced by one that computes the same, with a
 *	                            new node in front of it
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "onnx.h"

static struct ctx c;

_Noreturn static void
stop(const char *what)
{
	fprintf(stderr, "onnx-tool: %s: %s\n", what, c.err.text);
	exit(2);
}

static void
need(bool done, const char *what)
{
	if (!done)
		stop(what);
}

static int
opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	need(fd >= 0, path);
	return fd;
}

static struct onnx_model
model_of(const char *path)
{
	static struct onnx_file *f; /* as long as the program lives */
	struct onnx_model m;
	int fd = opened(path, O_RDONLY);

	need(onnx_file_open(&c, fd, &f), path);
	need(onnx_read_any(&c, onnx_file_bytes(f), &m), path);
	close(fd);
	return m;
}

static void
write_to(const char *path, const struct onnx_model *m, const struct onnx_edit *e)
{
	int fd = opened(path, O_WRONLY | O_CREAT | O_TRUNC);

	need(onnx_write(&c, m, e, onnx_sink_fd, &fd), path);
	close(fd);
}

/* What a bundle holds, in one piece. */
static void
unite(const char *from, const char *to)
{
	const struct onnx_edit none = { 0 };
	struct onnx_model m = model_of(from);

	write_to(to, &m, &none);
}

/* ---- Tensors ------------------------------------------------------------------------------ */

/* All initializers, floats times `factor`. */
static void
scale(const char *from, const char *to, float factor)
{
	struct onnx_model m = model_of(from);
	struct onnx_new_tensor *t = take(&c, m.tensors * sizeof *t);
	struct onnx_edit e = { .tensor = t, .tensors = m.tensors };

	need(t != NULL, "memory");
	for (size_t i = 0; i < m.tensors; i++) {
		const struct onnx_tensor *was = &m.tensor[i];
		void *room = take(&c, (size_t)was->count * sizeof(int64_t));

		need(room != NULL, "memory");
		t[i] = (struct onnx_new_tensor){ .name = was->name, .rank = was->rank };
		memcpy(t[i].dim, was->dim, sizeof t[i].dim);
		if (was->type != ONNX_FLOAT) {
			need(onnx_tensor_ints(&c, was, room), from);
			t[i].i = room;
			continue;
		}
		need(onnx_tensor_floats(&c, was, room), from);
		for (int64_t k = 0; k < was->count; k++)
			((float *)room)[k] *= factor;
		t[i].f = room;
	}
	write_to(to, &m, &e);
}

static bool
halve(struct ctx *unused, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	float f;

	(void)unused, (void)arg;
	for (char *p = bytes; n-- > 0 && at->type == ONNX_FLOAT; p += sizeof f) {
		memcpy(&f, p, sizeof f);
		f *= 0.5F;
		memcpy(p, &f, sizeof f);
	}
	return true;
}

static void
patch(const char *from, const char *to)
{
	int in = opened(from, O_RDONLY), out = opened(to, O_WRONLY | O_CREAT | O_TRUNC);

	need(onnx_patch(&c, in, out, 0, halve, NULL), from);
	close(in);
	close(out);
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static void
extend(const char *from, const char *to)
{
	static const float two = 2;
	struct onnx_model m = model_of(from);
	const struct onnx_new_tensor factor = { .name = STR("hallmark.two"), .f = &two };
	const struct str in[] = { m.output[0].name, factor.name };
	const struct str out = STR("hallmark.twice");
	const struct onnx_new_node node = { .name = STR("hallmark"),
		.op = STR("Mul"),
		.input = in,
		.inputs = 2,
		.output = &out,
		.outputs = 1 };
	const struct str pair[][2] = { { STR("hallmark"), STR("extended") } };
	struct onnx_value value = m.output[0];
	const struct onnx_edit e = { .tensor = &factor,
		.tensors = 1,
		.node = &node,
		.nodes = 1,
		.output = &value,
		.outputs = 1,
		.metadata = pair,
		.metadatas = 1,
		.attachment = STR("opaque bytes") };

	value.name = out;
	write_to(to, &m, &e);
}

static void
place(const char *from, const char *to)
{
	struct onnx_model m = model_of(from);
	const struct onnx_node *first = &m.node[0];
	struct str *in = take(&c, first->inputs * sizeof *in), out = STR("hallmark.same");
	const struct onnx_new_node nodes[] = {
		{ .name = first->name,
		    .op = first->op,
		    .input = in,
		    .inputs = first->inputs,
		    .output = first->output,
		    .outputs = first->outputs,
		    .attr = first->attr,
		    .attrs = first->attrs },
		{ .name = STR("hallmark"),
		    .op = STR("Identity"),
		    .input = first->input,
		    .inputs = 1,
		    .output = &out,
		    .outputs = 1 },
	};
	const struct onnx_edit e = { .node = nodes, .nodes = 2 };

	need(in != NULL && first->inputs > 0, from);
	memcpy(in, first->input, first->inputs * sizeof *in);
	in[0] = out;
	write_to(to, &m, &e);
}

/* ---- Files that must come out as they are ------------------------------------------------- */

static bool
nothing(struct ctx *unused, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	(void)unused, (void)arg, (void)at, (void)bytes, (void)n;
	return true;
}

/* What was written, where it was written to, and whether it is what was read. */
static bool
same_bytes(int fd, struct str want)
{
	char *p = mmap(NULL, want.n, PROT_READ, MAP_SHARED, fd, 0);
	bool ok = p != MAP_FAILED && lseek(fd, 0, SEEK_END) == (off_t)want.n &&
	    memcmp(p, want.p, want.n) == 0;

	if (p != MAP_FAILED)
		munmap(p, want.n);
	return ok;
}

static void
same(const char *path, int number, int *read)
{
	const struct onnx_edit none = { 0 };
	owned(onnx_file_close) struct onnx_file *f = NULL;
	int fd = opened(path, O_RDONLY), written = memfd_create("written", 0),
	    patched = memfd_create("patched", 0);
	struct onnx_model m;
	bool ok = false;

	need(onnx_file_open(&c, fd, &f), path);
	if (!onnx_read(&c, onnx_file_bytes(f), &m)) {
		ok = c.err.code == E_INPUT || c.err.code == E_LIMIT;
		printf(
		    "%s %d - %s # SKIP %s\n", ok ? "ok" : "not ok", number, path, c.err.text);
	} else {
		ok = onnx_write(&c, &m, &none, onnx_sink_fd, &written) &&
		    onnx_patch(&c, fd, patched, 0, nothing, NULL) &&
		    same_bytes(written, m.bytes) && same_bytes(patched, m.bytes);
		printf("%s %d - %s\n", ok ? "ok" : "not ok", number, path);
		++*read;
	}
	c.err = (struct err){ 0 };
	arena_reset(c.mem);
	close(fd);
	close(written);
	close(patched);
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int read = 0;

	c = ctx_real(arena_new(256 << 20), "tool");
	if (strcmp(verb, "same") == 0 && argc > 2) {
		for (int i = 2; i < argc; i++)
			same(argv[i], i - 1, &read);
		printf("1..%d\n# %d of %d are read\n", argc - 2, read, argc - 2);
	} else if (argc != 4) {
		stop("usage: onnx-tool VERB FILE OUT");
	} else if (strcmp(verb, "renew") == 0) {
		scale(argv[2], argv[3], 1);
	} else if (strcmp(verb, "halve") == 0) {
		scale(argv[2], argv[3], 0.5F);
	} else if (strcmp(verb, "patch") == 0) {
		patch(argv[2], argv[3]);
	} else if (strcmp(verb, "extend") == 0) {
		extend(argv[2], argv[3]);
	} else if (strcmp(verb, "place") == 0) {
		place(argv[2], argv[3]);
	} else if (strcmp(verb, "unite") == 0) {
		unite(argv[2], argv[3]);
	} else {
		stop("no such verb");
	}
	arena_free(&c.mem);
	return 0;
}
