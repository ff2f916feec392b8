/*
 * ONNX's own conformance cases against the engine: each is a model with inputs and the outputs that
 * it has to give. A case passes, or the engine refuses its model by name; each runs in a process of
 * its own, so that a crash is one failure. The counts are compared with a table.
 *
 *	onnx [-v] FOLDER TABLE      -v prints what became of each case
 */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn.h"
#include "onnx.h"

enum { INPUTS_MAX = 16, LINE_MAX_BYTES = 400, SETS_MAX = 16 };
#define FILE_MAX ((size_t)256 << 20)
#define RELATIVE 1e-3
#define ABSOLUTE 1e-6

enum outcome { PASSED, REFUSED, FAILED, OUTCOMES };
static const char *const outcome_names[] = { "passed", "refused", "failed" };

/* Cases whose expected outputs come from a random generator that nobody but their author has. */
static const char *const random_cases[] = {
	"test_training_dropout",
	"test_training_dropout_default",
	"test_training_dropout_default_mask",
	"test_training_dropout_mask",
};

/* ---- One case ---------------------------------------------------------------------------- */

struct data {
	struct onnx_tensor t;
	void *values; /* float or int64_t */
};

static bool
is_float(enum onnx_type type)
{
	return type == ONNX_FLOAT || type == ONNX_DOUBLE || type == ONNX_FLOAT16 ||
	    type == ONNX_BFLOAT16;
}

static bool
read_data(struct ctx *c, int dir, const char *what, size_t i, struct data *ret)
{
	struct str bytes;
	char *name = take_printf(c, "%s_%zu.pb", what, i);

	if (name == NULL || !file_read(c, dir, name, FILE_MAX, &bytes) ||
	    !onnx_tensor_read(c, bytes, &ret->t))
		return false;
	ret->values = take(c, (size_t)ret->t.count * sizeof(int64_t) + 1);
	if (ret->values == NULL)
		return false;
	return is_float(ret->t.type) ? onnx_tensor_floats(c, &ret->t, ret->values)
				     : onnx_tensor_ints(c, &ret->t, ret->values);
}

static bool
close_to(double got, double want)
{
	if (isnan(want) || isinf(want))
		return isnan(want) ? isnan(got) != 0 : got == want;
	return fabs(got - want) <= ABSOLUTE + RELATIVE * fabs(want);
}

static bool
compare(struct ctx *c, const struct nn_tensor *got, const struct data *want)
{
	bool same = got->rank == want->t.rank &&
	    (got->type == NN_FLOAT) == is_float(want->t.type);

	for (int d = 0; same && d < got->rank; d++)
		same = got->dim[d] == want->t.dim[d];
	if (!same)
		return fail(c, E_INTEGRITY, "an output has another shape or type");
	for (int64_t i = 0; i < want->t.count; i++) {
		if (got->type != NN_FLOAT) {
			int64_t g = ((const int64_t *)got->data)[i];
			int64_t w = ((const int64_t *)want->values)[i];

			if (g != w)
				return fail(c, E_INTEGRITY, "[%lld] is %lld, not %lld",
				    (long long)i, (long long)g, (long long)w);
			continue;
		}
		if (!close_to(((const float *)got->data)[i], ((const float *)want->values)[i]))
			return fail(c, E_INTEGRITY, "[%lld] is %g, not %g", (long long)i,
			    (double)((const float *)got->data)[i],
			    (double)((const float *)want->values)[i]);
	}
	return true;
}

/* A plan; if shapes depend on the inputs' values, with those known that can say a shape. */
static bool
plan(
    struct ctx *c, struct nn_graph *g, const struct data in[], bool plain, struct nn_plan **ret)
{
	const void *known[INPUTS_MAX] = { NULL };
	struct nn_options o = { .mode = NN_INFER, .plain = plain };
	struct ctx first = *c;
	size_t inputs;

	if (nn_plan_new(&first, g, &o, ret))
		return true;
	(void)nn_inputs(g, &inputs);
	for (size_t i = 0; i < inputs; i++)
		if (in[i].t.rank <= 1)
			known[i] = in[i].values;
	o.known = known;
	return nn_plan_new(c, g, &o, ret);
}

/* With the plain kernels or the fast ones: false with E_INTEGRITY if the result is wrong. */
static bool
run_on(struct ctx *c, struct nn_graph *g, int dir, const struct data in[], bool plain)
{
	owned(nn_plan_free) struct nn_plan *p = NULL;
	const void *values[INPUTS_MAX] = { NULL };
	struct data out;
	size_t n;

	(void)nn_inputs(g, &n);
	for (size_t i = 0; i < n; i++)
		values[i] = in[i].values;
	if (!plan(c, g, in, plain, &p))
		return false;
	if (!nn_forward(c, p, values))
		return fail(c, E_INTEGRITY, "it does not run");
	(void)nn_outputs(g, &n);
	for (size_t i = 0; i < n; i++)
		if (!read_data(c, dir, "output", i, &out) ||
		    !compare(c, nn_plan_output(p, i), &out))
			return false;
	return true;
}

/* One set of data. */
static bool
run_set(struct ctx *c, struct nn_graph *g, int dir)
{
	struct data in[INPUTS_MAX];
	size_t inputs;

	(void)nn_inputs(g, &inputs);
	if (inputs > INPUTS_MAX)
		return fail(c, E_INTERNAL, "%zu inputs", inputs);
	for (size_t i = 0; i < inputs; i++)
		if (!read_data(c, dir, "input", i, &in[i]))
			return false;
	if (!run_on(c, g, dir, in, true))
		return false;
	if (run_on(c, g, dir, in, false))
		return true;
	/* What the plain kernels can, the fast ones have to. */
	return fail(c, E_INTEGRITY, "fast: %s", take_cstr(c, str_of(c->err.text)));
}

static bool
run_case(struct ctx *c, int dir)
{
	owned(nn_graph_free) struct nn_graph *g = NULL;
	struct onnx_model m;
	struct str bytes;

	if (!file_read(c, dir, "model.onnx", FILE_MAX, &bytes) || !onnx_read(c, bytes, &m) ||
	    !nn_import(c, &m, &g))
		return false;
	for (size_t i = 0; i < SETS_MAX; i++) {
		owned(fd_done) int set = -1;
		char name[40];

		snprintf(name, sizeof name, "test_data_set_%zu", i);
		set = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (set < 0)
			return i > 0 || fail(c, E_INTERNAL, "no data");
		if (!run_set(c, g, set))
			return false;
	}
	return true;
}

/* ---- All cases --------------------------------------------------------------------------- */

/* In a child: one byte for the outcome, then why. */
static void
child(int dir, int out)
{
	owned(arena_free) struct arena *mem = arena_new((size_t)1 << 30);
	struct ctx c = ctx_real(mem, "conformance");
	char line[LINE_MAX_BYTES];
	enum outcome outcome = PASSED;

	if (!run_case(&c, dir))
		outcome = c.err.code == E_INPUT || c.err.code == E_LIMIT ? REFUSED : FAILED;
	snprintf(line, sizeof line, "%c%s", (char)('0' + outcome),
	    outcome == PASSED ? "" : c.err.text);
	if (write(out, line, strlen(line)) < 0)
		_exit(3);
}

static enum outcome
one_case(int dir, char why[LINE_MAX_BYTES])
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		exit(2);
	if (pid == 0) {
		alarm(60);
		child(dir, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	n = read(ends[0], why, LINE_MAX_BYTES - 1);
	why[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
	    n < 1) {
		snprintf(why, LINE_MAX_BYTES, " it crashed");
		return FAILED;
	}
	return (enum outcome)(why[0] - '0');
}

static bool
is_random(const char *name)
{
	for (size_t i = 0; i < COUNT(random_cases); i++)
		if (str_same(str_of(name), str_of(random_cases[i])))
			return true;
	return false;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The cases of one suite, sorted. */
static size_t
list_cases(const char *folder, char ***ret)
{
	DIR *d = opendir(folder);
	char **names = NULL;
	size_t n = 0;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		char **more;

		if (e->d_name[0] == '.')
			continue;
		more = reallocarray(names, n + 1, sizeof *names);
		if (more == NULL || (more[n] = strdup(e->d_name)) == NULL)
			exit(2);
		names = more;
		n++;
	}
	if (d != NULL)
		closedir(d);
	if (n > 0)
		qsort(names, n, sizeof *names, by_name);
	*ret = names;
	return n;
}

static void
run_suite(const char *folder, bool verbose, size_t count[OUTCOMES])
{
	owned(fd_done) int suite = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names, why[LINE_MAX_BYTES];
	size_t n = list_cases(folder, &names);

	for (size_t i = 0; i < n; i++) {
		owned(fd_done) int dir = openat(suite, names[i], O_RDONLY | O_DIRECTORY);
		enum outcome o;

		o = is_random(names[i]) ? REFUSED : one_case(dir, why);
		count[o]++;
		if ((verbose || o == FAILED) && !is_random(names[i]))
			printf("# %s %s: %s\n", outcome_names[o], names[i], why + 1);
		free(names[i]);
	}
	free(names);
}

/* The table says `SUITE PASSED REFUSED`; nothing may fail. */
static bool
expected(const char *table, const char *suite, const size_t count[OUTCOMES])
{
	FILE *f = fopen(table, "re");
	char line[200], name[64];
	size_t passed, refused;
	bool ok = false;

	while (f != NULL && !ok && fgets(line, sizeof line, f) != NULL)
		ok = sscanf(line, "%63s %zu %zu", name, &passed, &refused) == 3 &&
		    strcmp(name, suite) == 0 && passed == count[PASSED] &&
		    refused == count[REFUSED] && count[FAILED] == 0;
	if (f != NULL)
		fclose(f);
	return ok;
}

int
main(int argc, char **argv)
{
	static const char *const suites[] = { "node", "pytorch-converted", "pytorch-operator",
		"simple" };
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	char path[4096];
	int bad = 0;

	if (argc != 3 + verbose)
		return 64;
	if (access(argv[1 + verbose], R_OK) != 0) {
		printf("1..0 # SKIP no data in %s\n", argv[1 + verbose]);
		return 0;
	}
	printf("1..%zu\n", COUNT(suites));
	for (size_t i = 0; i < COUNT(suites); i++) {
		size_t count[OUTCOMES] = { 0 };
		bool same;

		snprintf(path, sizeof path, "%s/%s", argv[1 + verbose], suites[i]);
		run_suite(path, verbose, count);
		same = expected(argv[2 + verbose], suites[i], count);
		bad += !same;
		printf("%s %zu - %s: %zu passed, %zu refused, %zu failed\n",
		    same ? "ok" : "not ok", i + 1, suites[i], count[PASSED], count[REFUSED],
		    count[FAILED]);
	}
	return bad > 0;
}
