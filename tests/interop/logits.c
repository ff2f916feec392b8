/*
 * What a model answers, for the comparison with ONNX Runtime: reads images as floats, writes the
 * model's first output as floats. The images are run BATCH at a time; their number is a multiple of
 * it.
 *
 *	logits plain|fast THREADS BATCH MODEL IMAGES OUT
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "nn.h"
#include "onnx.h"

enum { FILE_LIMIT = 1 << 28 };

static struct ctx c;

static void
need(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "logits: %s: %s\n", what, c.err.text);
	exit(2);
}

static int64_t
number(const char *text, int64_t max)
{
	int64_t n = 0;

	need(str_number(str_of(text), 1, max, &n), text);
	return n;
}

static void
answer(struct nn_plan *p, struct str images, int fd)
{
	const struct nn_tensor *out = nn_plan_output(p, 0);
	size_t each = (size_t)nn_count(nn_plan_input(p, 0)) * sizeof(float);

	need(each > 0 && images.n % each == 0, "the images are no multiple of the batch");
	for (size_t at = 0; at < images.n; at += each) {
		const void *const input[] = { images.p + at };

		need(nn_forward(&c, p, input), "forward");
		need(fd_write_all(&c, fd, out->data, (size_t)nn_count(out) * sizeof(float)),
		    "write");
	}
}

int
main(int argc, char **argv)
{
	owned(nn_graph_free) struct nn_graph *g = NULL;
	owned(nn_plan_free) struct nn_plan *p = NULL;
	struct nn_options o = { .mode = NN_INFER };
	struct str model = { 0 }, images = { 0 };
	struct onnx_model m;
	int fd;

	c = ctx_real(arena_new((size_t)4 * FILE_LIMIT), "logits");
	need(argc == 7, "logits plain|fast THREADS BATCH MODEL IMAGES OUT");
	o.plain = strcmp(argv[1], "plain") == 0;
	o.threads = (int)number(argv[2], 64);
	o.batch = number(argv[3], 1 << 16);
	need(file_read(&c, AT_FDCWD, argv[4], FILE_LIMIT, &model), argv[4]);
	need(file_read(&c, AT_FDCWD, argv[5], FILE_LIMIT, &images), argv[5]);
	fd = open(argv[6], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(fd >= 0, argv[6]);
	need(onnx_read(&c, model, &m) && nn_import(&c, &m, &g), argv[4]);
	need(nn_plan_new(&c, g, &o, &p), "plan");
	answer(p, images, fd);
	close(fd);
	return 0;
}
