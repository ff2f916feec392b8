/*
 * A job without a daemon, for developers: the same run function, the inputs sealed into memory
 * first, progress on standard error, the result on standard output. Outputs become plain files of
 * the current folder: the only one of a kind hallmark-worker.out, several by their own names. No
 * walls: debuggers and profilers work.
 *
 *	hallmark-worker --local train params.json lenet.onnx images.idx.gz labels.idx.gz
 *	hallmark-worker --local evaluate '{}' lenet.onnx images.idx.gz labels.idx.gz
 *
 * Parameters are a file, or the JSON object itself. Files stand in the order of the kind's inputs;
 * "-" stands for one that is left out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob.h"
#include "run.h"
#include "worker.h"

#define ARENA_MAX (256 << 20)
#define OUTPUT "hallmark-worker.out"

#define TELL_MS 500
#define PIECE (1 << 20)

/* On a terminal one line that changes; else a line now and then. */
static void
progress_print(void *arg, int64_t done, int64_t total, struct str note)
{
	int64_t *told = arg, now = clock_monotonic();
	bool terminal = isatty(STDERR_FILENO) == 1;

	if (now - *told < TELL_MS && done != total)
		return;
	*told = now;
	(void)fprintf(stderr, "%s%lld/%lld %.*s%s", terminal ? "\r\033[K" : "", (long long)done,
	    (long long)total, STRF(note), terminal && done != total ? "" : "\n");
}

/* A whole file, piece by piece, into a sealed one in memory. */
MUST static bool
pieces_seal(struct ctx *c, int from, struct sealed_writer *to, char *piece, int64_t size)
{
	while (size > 0) {
		size_t n = size < PIECE ? (size_t)size : PIECE;

		if (!fd_read_all(c, from, piece, n) ||
		    !sealed_write(c, to, (struct str){ piece, n }))
			return false;
		size -= (int64_t)n;
	}
	return true;
}

MUST static bool
file_seal(struct ctx *c, const struct key256 *key, struct job_blob *b, const char *name,
    int64_t max, int *ret_fd)
{
	owned(sealed_writer_free) struct sealed_writer *writer = NULL;
	owned(fd_done) int from = open(name, O_RDONLY | O_CLOEXEC);
	owned(fd_done) int to = memfd_create("blob", MFD_CLOEXEC);
	char *piece = take(c, PIECE);
	struct stat st;
	uint64_t size;

	if (from < 0 || fstat(from, &st) != 0)
		return fail_errno(c, "open", name);
	if (to < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!S_ISREG(st.st_mode))
		return fail(c, E_FILE, "%s is not a regular file", name);
	if (st.st_size > max)
		return fail(c, E_LIMIT, "%s is larger than %lld bytes", name, (long long)max);
	b->size = st.st_size;
	if (piece == NULL || !sealed_writer_new(c, to, key, b->aad, &writer) ||
	    !pieces_seal(c, from, writer, piece, st.st_size) ||
	    !sealed_finish(c, writer, &size))
		return false;
	*ret_fd = to;
	to = -1;
	return true;
}

/* An input is the file of that place on the command line, or else the parameter it comes from. */
MUST static bool
input_seal(struct ctx *c, const struct job_run *run, struct job_message *m, size_t i,
    const char *file, int *ret_fd)
{
	const struct job_input *input = &job_kinds[m->kind].input[i];
	struct str plain = job_input_bytes(m->kind, run->params, i);
	struct job_blob *b = &m->blob[i];
	struct key256 key;

	if (file != NULL && str_same(str_of(file), STR("-")))
		file = NULL;
	if (file == NULL && input->source != JOB_FROM_PARAMETER && !input->optional)
		return fail(c, E_USAGE, "there is no file for the input %s", input->name);
	key256_random(c, &key);
	*b = (struct job_blob){
		.name = str_of(input->name), .size = (int64_t)plain.n, .aad = STR("local")
	};
	memcpy(b->key, key.b, sizeof key.b);
	return file != NULL ? file_seal(c, &key, b, file, input->max, ret_fd)
			    : blob_new(c, &key, b->aad, plain, ret_fd);
}

/* The descriptors live as long as the process. */
MUST static bool
output_create(struct ctx *c, struct job_run *run, struct job_message *m, size_t i)
{
	const struct job_kind *k = &job_kinds[m->kind];
	bool only = k->outputs == 1 || k->output[1].kept;
	const char *file = only ? OUTPUT : k->output[i].name;

	m->out[i] = (struct job_blob){
		.name = str_of(k->output[i].name), .size = k->output[i].max, .aad = STR("local")
	};
	if (k->output[i].kept) {
		run->out_fd[i] = -1; /* there is no other attempt */
		return true;
	}
	run->out_fd[i] = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return run->out_fd[i] >= 0 ? true : fail_errno(c, "create", file);
}

/* The parameters: an object, or the file that holds one. */
MUST static bool
params_read(struct ctx *c, const char *given, struct str *ret)
{
	*ret = str_of(given);
	return given[0] == '{' || file_read(c, AT_FDCWD, given, JOB_PARAMS_MAX, ret);
}

MUST static bool
local(struct ctx *c, int argc, char **argv, struct str *ret)
{
	struct job_message m = { .id = STR("local") };
	struct job_made made[JOB_OUTPUTS_MAX];
	int64_t told = 0;
	struct job_run run = { .message = &m,
		.plain = true,
		.progress = progress_print,
		.arg = &told,
		.leave = exit };
	void *params;

	if (argc < 2)
		return fail(c, E_USAGE,
		    "--local needs the kind of job and its parameters: a file, or a JSON object");
	if (!job_kind_by_name(c, str_of(argv[0]), &m.kind) ||
	    !params_read(c, argv[1], &m.params) || !job_params(c, m.kind, m.params, &params))
		return false;
	run.params = params;
	m.limits = job_kinds[m.kind].limits;
	m.blobs = job_kinds[m.kind].inputs;
	for (size_t i = 0; i < m.blobs; i++)
		if (!input_seal(c, &run, &m, i, (int)i + 2 < argc ? argv[i + 2] : NULL,
			&run.blob_fd[i]))
			return false;
	m.outs = job_kinds[m.kind].outputs;
	for (size_t i = 0; i < m.outs; i++)
		if (!output_create(c, &run, &m, i))
			return false;
	return job_run(c, &run, ret, made);
}

int
local_main(int argc, char **argv)
{
	struct arena *mem = arena_new(ARENA_MAX);
	struct ctx c = ctx_real(mem, "local");
	struct str result;
	int status = 0;

	if (mem != NULL && local(&c, argc, argv, &result)) {
		(void)printf("%.*s\n", STRF(result));
	} else {
		(void)fprintf(
		    stderr, "hallmark-worker: %s %s\n", err_wire(c.err.code), c.err.text);
		status = err_exit(c.err.code);
	}
	arena_free(&mem);
	return status;
}
