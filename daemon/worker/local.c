/*
 * A job without a daemon, for developers: the same run function, the inputs sealed into memory
 * first, progress on standard error, the result on standard output. No walls: debuggers and
 * profilers work.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "blob.h"
#include "run.h"
#include "worker.h"

#define ARENA_MAX (256 << 20)
#define OUTPUT "hallmark-worker.out"

static void
progress_print(void *arg, int64_t done, int64_t total, struct str note)
{
	(void)arg;
	(void)fprintf(
	    stderr, "%lld/%lld %.*s\n", (long long)done, (long long)total, STRF(note));
}

/* An input is the file of that place on the command line, or else the parameter it comes from. */
MUST static bool
input_seal(struct ctx *c, const struct job_run *run, struct job_message *m, size_t i,
    const char *file, int *ret_fd)
{
	const struct job_input *input = &job_kinds[m->kind].input[i];
	struct str plain = job_input_bytes(m->kind, run->params, i);
	struct key256 key;

	if (file != NULL && !file_read(c, AT_FDCWD, file, (size_t)input->max, &plain))
		return false;
	key256_random(c, &key);
	m->blob[i] = (struct job_blob){
		.name = str_of(input->name), .size = (int64_t)plain.n, .aad = STR("local")
	};
	memcpy(m->blob[i].key, key.b, sizeof key.b);
	return blob_new(c, &key, m->blob[i].aad, plain, ret_fd);
}

MUST static bool
local(struct ctx *c, int argc, char **argv, struct str *ret)
{
	struct job_message m = { .id = STR("local") };
	struct job_run run = {
		.message = &m, .out = -1, .progress = progress_print, .leave = exit
	};
	void *params;

	if (argc < 2)
		return fail(
		    c, E_USAGE, "--local needs the kind of job and a file of parameters");
	if (!job_kind_by_name(c, str_of(argv[0]), &m.kind) ||
	    !file_read(c, AT_FDCWD, argv[1], JOB_PARAMS_MAX, &m.params) ||
	    !job_params(c, m.kind, m.params, &params))
		return false;
	run.params = params;
	m.limits = job_kinds[m.kind].limits;
	m.blobs = job_kinds[m.kind].inputs;
	for (size_t i = 0; i < m.blobs; i++)
		if (!input_seal(c, &run, &m, i, (int)i + 2 < argc ? argv[i + 2] : NULL,
			&run.blob_fd[i]))
			return false;
	if (m.limits.output > 0)
		run.out = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return job_run(c, &run, ret);
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
