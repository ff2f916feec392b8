/*
 * What reading and patching a model costs. A model of 100 MB is read, which must take no time and
 * no memory to speak of, since no weight is touched; the weights of a file of 1 GB are changed,
 * beside `cp` of the same file in the same run, both until the disk has it. The bench makes the
 * files itself.
 *
 *	onnx [--quick] [--json]
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "onnx.h"

enum { ROWS_MAX = 16, ROUNDS_MAX = 100, TENSORS = 160 };

struct row {
	const char *name, *unit;
	double value, peer, bar; /* peer and bar: 0 if there is none */
	bool least;              /* the bar is a lower bound, as a share of the peer if any */
};

static struct row rows[ROWS_MAX];
static size_t rows_n;
static char folder[] = "/var/tmp/hallmark-bench-XXXXXX";

_Noreturn static void
stop(const char *what)
{
	perror(what);
	exit(2);
}

static void
need(struct ctx *c, bool done)
{
	if (!done)
		stop(c->err.text);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
add(struct row r)
{
	rows[rows_n++] = r;
}

static char *
path_of(const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		stop(name);
	return path;
}

static int
opened(const char *name, int flags)
{
	char *path = path_of(name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		stop(path);
	free(path);
	return fd;
}

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

	if (f == NULL)
		stop("memory");
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
make_model(const char *name, uint64_t bytes)
{
	static char weights[1 << 16];
	uint64_t each = bytes / TENSORS & ~(uint64_t)(sizeof weights - 1), graph_n;
	char *graph, *path = path_of(name);
	FILE *f = fopen(path, "wb"), *g;
	size_t n;

	if (f == NULL)
		stop(path);
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
	if (fflush(f) != 0 || fsync(fileno(f)) != 0 || fclose(f) != 0)
		stop(path);
	free(path);
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* A line of /proc/self/status, in MB. */
static double
status_mb(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kb = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	if (f != NULL)
		fclose(f);
	return (double)kb / 1024;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double v[], int n)
{
	qsort(v, (size_t)n, sizeof v[0], ascending);
	return v[n / 2];
}

static void
reading(int rounds)
{
	double time[ROUNDS_MAX], anonymous = 0, mapped = 0;

	for (int i = 0; i < rounds; i++) {
		double a = status_mb("RssAnon"), f = status_mb("RssFile"), t = seconds();
		struct ctx c = ctx_real(arena_new(64 << 20), "bench");
		owned(onnx_file_close) struct onnx_file *file = NULL;
		owned(fd_done) int fd = opened("read.onnx", O_RDONLY);
		struct onnx_model m;

		need(&c, onnx_file_open(&c, fd, &file));
		need(&c, onnx_read(&c, onnx_file_bytes(file), &m));
		time[i] = (seconds() - t) * 1e3;
		a = status_mb("RssAnon") - a;
		f = status_mb("RssFile") - f;
		anonymous = a > anonymous ? a : anonymous;
		mapped = f > mapped ? f : mapped;
		if (m.nodes != TENSORS || m.tensors != TENSORS)
			stop("the model was misread");
		arena_free(&c.mem);
	}
	qsort(time, (size_t)rounds, sizeof time[0], ascending);
	add((struct row){
	    "a model of 105 MB read, median", "ms", time[rounds / 2], 0, 10, false });
	add((struct row){ "  worst", "ms", time[rounds - 1], 0, 0, false });
	add((struct row){ "  new memory", "MB", anonymous, 0, 8, false });
	add((struct row){ "  pages of the file's cache in sight", "MB", mapped, 0, 0, false });
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

/* In a process of its own, so that its peak of memory is its own. */
static double
patch(const char *to, double *ret_mb)
{
	struct rusage usage;
	double t = seconds();
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct ctx c = ctx_real(arena_new(64 << 20), "bench");
		uint64_t key = UINT64_C(0x0001000100010001);
		int in = opened("patch.onnx", to == NULL ? O_RDWR : O_RDONLY);
		int out = to == NULL ? in : opened(to, O_WRONLY | O_CREAT | O_TRUNC);

		need(&c, onnx_patch(&c, in, out, ONNX_PATCH_FLUSH, flip, &key));
		if (fsync(out) != 0)
			stop("sync");
		_exit(0);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
		stop("patch");
	*ret_mb = (double)usage.ru_maxrss / 1024 > *ret_mb ? (double)usage.ru_maxrss / 1024
							   : *ret_mb;
	return seconds() - t;
}

static double
copy(void)
{
	char *from = path_of("patch.onnx"), *to = path_of("copy.onnx");
	char *argv[] = { (char[]){ "cp" }, from, to, NULL };
	double t = seconds();
	int status, fd;
	pid_t child;

	(void)unlink(to);
	t = seconds();
	if (posix_spawnp(&child, "cp", NULL, NULL, argv, NULL) != 0 ||
	    waitpid(child, &status, 0) != child || status != 0)
		stop("cp");
	fd = opened("copy.onnx", O_WRONLY);
	if (fsync(fd) != 0)
		stop("sync");
	t = seconds() - t;
	close(fd);
	free(from);
	free(to);
	return t;
}

static void
patching(double gb, int rounds)
{
	double cp[ROUNDS_MAX], other[ROUNDS_MAX], place[ROUNDS_MAX], mb = 0, peer;
	char *out = path_of("out.onnx");

	for (int i = 0; i < rounds; i++) {
		cp[i] = copy();
		(void)unlink(out);
		other[i] = patch("out.onnx", &mb);
		place[i] = patch(NULL, &mb);
	}
	free(out);
	peer = gb / median(cp, rounds);
	add((struct row){ "patched into another file (peer: cp)", "GB/s",
	    gb / median(other, rounds), peer, 0.8, true });
	add((struct row){ "patched in place (peer: cp)", "GB/s", gb / median(place, rounds),
	    peer, 0.8, true });
	add((struct row){ "  peak of memory", "MB", mb, 0, 64, false });
}

/* ---- Output ------------------------------------------------------------------------------- */

static bool
holds(const struct row *r)
{
	double bar = r->peer > 0 ? r->bar * r->peer : r->bar;

	return bar == 0 || (r->least ? r->value >= bar : r->value <= bar);
}

static void
put_figure(struct js *j, const char *name, double value)
{
	if (value > 0)
		js_real(j, name, value);
	else
		js_null(j, name);
}

static void
print_json(void)
{
	static char room[16384];
	struct buf b = BUF(room);
	struct js j = { .out = &b };
	struct utsname u;

	uname(&u);
	js_open(&j, NULL, '{');
	js_text(&j, "bench", STR("onnx"));
	js_text(&j, "machine", str_of(u.machine));
	js_open(&j, "rows", '[');
	for (size_t i = 0; i < rows_n; i++) {
		js_open(&j, NULL, '{');
		js_text(&j, "name", str_of(rows[i].name));
		js_real(&j, "value", rows[i].value);
		js_text(&j, "unit", str_of(rows[i].unit));
		put_figure(&j, "peer", rows[i].peer);
		put_figure(&j, "bar", rows[i].bar);
		js_bool(&j, "holds", holds(&rows[i]));
		js_close(&j, '}');
	}
	js_close(&j, ']');
	js_close(&j, '}');
	printf("%.*s\n", STRF(buf_str(&b)));
}

static void
print_table(void)
{
	printf("%-40s %9s %-6s %9s  %s\n", "", "value", "unit", "peer", "bar");
	for (size_t i = 0; i < rows_n; i++) {
		const struct row *r = &rows[i];

		printf("%-40s %9.2f %-6s ", r->name, r->value, r->unit);
		if (r->peer > 0)
			printf("%9.2f  ", r->peer);
		else
			printf("%9s  ", "");
		if (r->bar > 0)
			printf("%s %g%s: %s", r->least ? ">=" : "<=", r->bar,
			    r->peer > 0 ? " x peer" : "", holds(r) ? "holds" : "DOES NOT HOLD");
		putchar('\n');
	}
}

int
main(int argc, char **argv)
{
	static const char *const names[] = { "read.onnx", "patch.onnx", "copy.onnx",
		"out.onnx" };
	bool quick = false, json = false, all = true;

	for (int i = 1; i < argc; i++) {
		quick = quick || strcmp(argv[i], "--quick") == 0;
		json = json || strcmp(argv[i], "--json") == 0;
	}
	if (argc > 1 + quick + json || mkdtemp(folder) == NULL) {
		fputs("usage: onnx [--quick] [--json]\n", stderr);
		return 2;
	}
	make_model("read.onnx", UINT64_C(105) << 20);
	make_model("patch.onnx", UINT64_C(1) << 30);
	reading(quick ? 21 : ROUNDS_MAX);
	patching(1.0, quick ? 5 : 15);
	for (size_t i = 0; i < COUNT(names); i++) {
		char *path = path_of(names[i]);

		(void)unlink(path);
		free(path);
	}
	(void)rmdir(folder);
	if (json)
		print_json();
	else
		print_table();
	for (size_t i = 0; i < rows_n; i++)
		all = all && holds(&rows[i]);
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
