/*
 * What reading and patching a model costs, a step at a time; bench/onnx puts the steps together.
 *
 *	onnx make FILE MB       a model of so many megabytes
 *	onnx read FILE ROUNDS   a line each: milliseconds, then what it added, in MB, to the
 *	                        process's own memory and to the pages of the file in its sight
 *	onnx patch FILE [OUT]   all weights, in place or into another file, until the disk has
 *	                        it; the most memory that it took, in MB
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "onnx.h"

enum { TENSORS = 160 };

/* ---- A model ------------------------------------------------------------------------------ */

static void
tag(FILE *f, unsigned field, uint64_t n)
{
	for (uint64_t v = field << 3 | 2;; v = n, n = UINT64_MAX) {
		for (; v >= 0x80; v >>= 7)
			fputc((int)(v | 0x80) & 0xff, f);
		fputc((int)v, f);
		if (n == UINT64_MAX)
			return;
	}
}

static void
text(FILE *f, unsigned field, const char *s)
{
	tag(f, field, strlen(s));
	fputs(s, f);
}

static FILE *
memory(char **p, size_t *n)
{
	FILE *f = open_memstream(p, n);

	need(f != NULL, "memory");
	return f;
}

/* x -> Mul(w0) -> Mul(w1) -> …: nodes in front, then one tensor after the other. */
static void
make_nodes(FILE *f)
{
	for (int i = 0; i < TENSORS; i++) {
		char name[3][24], *p;
		size_t n;
		FILE *node = memory(&p, &n);

		snprintf(name[0], sizeof name[0], i == 0 ? "x" : "v%d", i - 1);
		snprintf(name[1], sizeof name[1], "layer%d.weight", i);
		snprintf(name[2], sizeof name[2], "v%d", i);
		text(node, 1, name[0]);
		text(node, 1, name[1]);
		text(node, 2, name[2]);
		text(node, 4, "Mul");
		fclose(node);
		tag(f, 1, n);
		fwrite(p, 1, n, f);
		free(p);
	}
}

static void
make_value(FILE *f, unsigned field, const char *name)
{
	tag(f, field, strlen(name) + 8);
	text(f, 1, name);
	fwrite("\x12\x04\x0a\x02\x08\x01", 1, 6, f); /* a tensor of floats */
}

static uint64_t
tensor_head(FILE *f, int i, uint64_t bytes)
{
	char name[24];

	snprintf(name, sizeof name, "layer%d.weight", i);
	fputc(0x08, f); /* one dimension */
	for (uint64_t v = bytes / 4; v != 0; v >>= 7)
		fputc((int)(v & 0x7f) | (v >= 0x80 ? 0x80 : 0), f);
	fwrite("\x10\x01", 1, 2, f);
	text(f, 8, name);
	tag(f, 9, bytes);
	return bytes;
}

static void
make(const char *path, uint64_t bytes)
{
	static char weights[1 << 16];
	uint64_t each = bytes / TENSORS & ~(uint64_t)(sizeof weights - 1), graph_n;
	char *graph;
	FILE *f = fopen(path, "wb"), *g;
	size_t n;

	need(f != NULL, path);
	os_random(weights, sizeof weights);
	/* The heads of the tensors, to know their lengths; the weights come at writing. */
	for (int pass = 0; pass < 2; pass++) {
		g = pass == 0 ? memory(&graph, &n) : f;
		make_nodes(g);
		make_value(g, 11, "x");
		make_value(g, 12, "v159");
		graph_n = 0;
		for (int i = 0; i < TENSORS; i++) {
			char *head;
			size_t head_n;
			FILE *h = memory(&head, &head_n);

			tensor_head(h, i, each);
			fclose(h);
			tag(g, 5, head_n + each);
			fwrite(head, 1, head_n, g);
			free(head);
			graph_n += each;
			for (uint64_t k = 0; k < each && pass == 1; k += sizeof weights)
				fwrite(weights, 1, sizeof weights, g);
		}
		if (pass == 1)
			break;
		fclose(g);
		fwrite("\x08\x07\x42\x02\x10\x0d", 1, 6, f); /* IR 7, opset 13 */
		tag(f, 7, n + graph_n);
		free(graph);
	}
	need(fflush(f) == 0 && fsync(fileno(f)) == 0 && fclose(f) == 0, path);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static double
megabytes(const char *name)
{
	return (double)kilobytes(name) / 1024;
}

static void
read_once(const char *path)
{
	double own = megabytes("RssAnon"), file = megabytes("RssFile");
	double t = seconds(CLOCK_MONOTONIC);
	owned(onnx_file_close) struct onnx_file *f = NULL;
	owned(fd_done) int fd = opened(path, O_RDONLY);
	struct onnx_model m;

	ctx->mem = arena_new(64 << 20);
	need(onnx_file_open(ctx, fd, &f) && onnx_read(ctx, onnx_file_bytes(f), &m), path);
	t = seconds(CLOCK_MONOTONIC) - t;
	printf("%.4f %.3f %.3f\n", t * 1e3, megabytes("RssAnon") - own,
	    megabytes("RssFile") - file);
	need(m.nodes == TENSORS && m.tensors == TENSORS, "the model was misread");
	arena_free(&ctx->mem);
}

/* ---- Patching ----------------------------------------------------------------------------- */

static bool
flip(struct ctx *c, void *arg, const struct onnx_place *at, void *bytes, size_t n)
{
	uint64_t *p = bytes, key = *(uint64_t *)arg;

	(void)c;
	for (size_t i = 0; i < n * onnx_type_size(at->type) / sizeof *p; i++)
		p[i] ^= key;
	return true;
}

static void
patch(const char *from, const char *to)
{
	uint64_t key = UINT64_C(0x0001000100010001);
	int in = opened(from, to == NULL ? O_RDWR : O_RDONLY);
	int out = to == NULL ? in : opened(to, O_WRONLY | O_CREAT | O_TRUNC);

	ctx->mem = arena_new(64 << 20);
	need(onnx_patch(ctx, in, out, ONNX_PATCH_FLUSH, flip, &key), from);
	need(fsync(out) == 0, "sync");
	printf("%.2f\n", megabytes("VmHWM"));
	arena_free(&ctx->mem);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(NULL, "bench");
	const char *verb = argc > 2 ? argv[1] : "";
	int64_t n = 0;

	ctx = &c;
	if (strcmp(verb, "patch") == 0 && argc <= 4) {
		patch(argv[2], argc > 3 ? argv[3] : NULL);
	} else if (argc != 4 || !str_number(str_of(argv[3]), 1, 1 << 20, &n)) {
		fputs(
		    "usage: onnx make FILE MB | read FILE ROUNDS | patch FILE [OUT]\n", stderr);
		return 2;
	} else if (strcmp(verb, "make") == 0) {
		make(argv[2], (uint64_t)n << 20);
	} else {
		for (int64_t i = 0; i < n; i++)
			read_once(argv[2]);
	}
	return 0;
}
