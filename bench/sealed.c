/*
 * The sealed lock as bench/sealed and the comparison with ONNX Runtime drive it. Each command
 * prints one JSON object.
 *
 *	sealed make MODEL ARTIFACT KEY [exact]      an artifact, and the key of customer 1; `exact`:
 *	                                            without marks
 *	sealed open ARTIFACT KEY OUT                the artifact as that customer's model
 *	sealed check MODEL IMAGES LABELS [KAPPA [LOG2L]]
 *	                                            eight customers' models on a test set
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protect.h"
#include "tool.h"

enum { CUSTOMERS = 8, INNOCENTS = 200, BATCH = 64, CUSTOMER = 1 };

static int
opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	need(fd >= 0, path);
	return fd;
}

/* Of this program alone: what getrusage says would count whoever started it. */
static long
peak_kilobytes(void)
{
	char line[128];
	long kilobytes = 0;
	FILE *f = fopen("/proc/self/status", "r");

	need(f != NULL, "/proc/self/status");
	while (kilobytes == 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kilobytes = strtol(line + 6, NULL, 10);
	fclose(f);
	return kilobytes;
}

/* ---- Models ------------------------------------------------------------------------------ */

struct plain {
	int fd;
	struct onnx_file *file;
	struct onnx_model model;
	struct nn_graph *graph;
};

static void
plain_open(const char *path, struct plain *ret)
{
	ret->fd = opened(path, O_RDONLY);
	ret->graph = NULL;
	need(onnx_file_open(ctx, ret->fd, &ret->file), path);
	need(onnx_read_any(ctx, onnx_file_bytes(ret->file), &ret->model), path);
	need(nn_import(ctx, &ret->model, &ret->graph), path);
}

static void
plain_done(struct plain *p)
{
	nn_graph_free(&p->graph);
	onnx_file_close(&p->file);
	close(p->fd);
}

/* ---- Artifacts and keys ------------------------------------------------------------------ */

static void
file_digest(int fd, struct digest256 *ret)
{
	struct sha256 s = { 0 };
	static char piece[1 << 18];
	ssize_t n;

	need(sha256_init(ctx, &s), "digest");
	for (off_t at = 0; (n = pread(fd, piece, sizeof piece, at)) > 0; at += n)
		sha256_add(&s, (struct str){ piece, (size_t)n });
	need(n == 0 && sha256_end(ctx, &s, ret), "digest");
	sha256_done(&s);
}

static void
put_key(const char *path, const struct key256 *release, struct id id, uint32_t customer,
    const struct sealed_result *made, int artifact)
{
	struct unlock_key k = { .release = id,
		.locks = LOCK_SEALED,
		.customer = customer,
		.issued = ctx->now(),
		.plain = made->plain,
		.terms = made->terms };
	uint32_t *table = NULL;
	struct buf b;
	int fd;

	file_digest(artifact, &k.artifact);
	need(mark_content_key(ctx, release, &k.content), "key");
	if (k.terms.log_l != 0) {
		table = calloc((size_t)1 << k.terms.log_l, sizeof *table);
		need(table != NULL && mark_table(ctx, release, &k.terms, customer, table),
		    "table");
		k.table = table;
	}
	need(take_buf(ctx, unlock_key_size(&k), &b) && unlock_key_put(ctx, &k, &b), "key");
	fd = opened(path, O_WRONLY | O_CREAT | O_TRUNC);
	need(fd_write_all(ctx, fd, b.p, b.n), path);
	close(fd);
	free(table);
}

static void
make(char **arg, bool exact)
{
	const struct str metadata[][2] = { { STR("hallmark.by"), STR("bench") } };
	const struct sealed_options o = { .unmarked = exact };
	struct id id = id_new(ctx, "rel");
	struct sealed_result r;
	struct key256 release;
	struct plain p;
	int out = opened(arg[1], O_RDWR | O_CREAT | O_TRUNC);

	plain_open(arg[0], &p);
	key256_random(ctx, &release);
	need(sealed_artifact(ctx, p.fd, &p.model, p.graph, &release, id, &o, NULL, 0, metadata,
		 COUNT(metadata), out, NULL, &r),
	    arg[0]);
	put_key(arg[2], &release, id, CUSTOMER, &r, out);
	printf("{\"weights\":%llu,\"marked\":%llu,\"raw\":%llu,\"stream\":%llu,\"kappa\":%g,"
	       "\"log_l\":%u,\"seconds\":%.3f,\"kilobytes\":%ld}\n",
	    (unsigned long long)r.weights, (unsigned long long)r.marked,
	    (unsigned long long)r.raw, (unsigned long long)r.stream, r.terms.kappa,
	    r.terms.log_l, r.seconds, peak_kilobytes());
	plain_done(&p);
	close(out);
}

static void
open_it(char **arg)
{
	int from = opened(arg[0], O_RDONLY), to = opened(arg[2], O_RDWR | O_CREAT | O_TRUNC);
	struct str bytes = { 0 };
	struct unlock_key k;
	int64_t began;

	need(file_read(ctx, AT_FDCWD, arg[1], 1 << 25, &bytes) &&
		unlock_key_read(ctx, bytes, &k),
	    arg[1]);
	began = clock_monotonic();
	need(unlock_apply(ctx, from, &k, to, NULL), arg[0]);
	printf("{\"seconds\":%.3f,\"kilobytes\":%ld}\n",
	    (double)(clock_monotonic() - began) / 1000, peak_kilobytes());
	unlock_key_done(&k);
	close(from);
	close(to);
}

/* ---- Customers --------------------------------------------------------------------------- */

static void
print_checked(const struct sealed_result *r, const struct sealed_checked *k, double seconds)
{
	printf(
	    "{\"before\":%.4f,\"artifact\":%.4f,\"mean\":%.4f,\"weights\":%llu,\"marked\":%llu,"
	    "\"kappa\":%g,\"log_l\":%u,\"key_bytes\":%llu,\"seconds\":%.3f,"
	    "\"checking\":%.3f,\"different\":%s,\"innocents_z\":%.2f,\"customers\":[",
	    k->before, k->artifact, k->mean, (unsigned long long)r->weights,
	    (unsigned long long)r->marked, r->terms.kappa, r->terms.log_l,
	    r->terms.log_l == 0 ? 0 : 4ULL << r->terms.log_l, r->seconds, seconds,
	    k->different ? "true" : "false", k->innocents_z);
	for (size_t i = 0; i < k->customers; i++)
		printf("%s[%.4f,%.1f]", i > 0 ? "," : "", k->customer[i].accuracy,
		    k->customer[i].z);
	printf("]}\n");
}

static void
check(char **arg, double kappa, unsigned log_l)
{
	struct plain p;
	struct train_data data;
	struct key256 release;
	struct protect_model m = { .classes = 10, .batch = BATCH, .threads = 1 };
	struct protect_set set = { .data = &data };
	int64_t began, *chosen;
	struct sealed_result r;
	struct sealed_checked k;
	struct sealed_case on = { .model = &m,
		.release = &release,
		.release_id = id_new(ctx, "rel"),
		.options = { .kappa = kappa, .log_l = log_l },
		.validation = &set,
		.customers = CUSTOMERS,
		.innocents = INNOCENTS };

	plain_open(arg[0], &p);
	load(arg[1], arg[2], p.graph, &data);
	chosen = take(ctx, (size_t)data.labels->n * sizeof *chosen);
	need(chosen != NULL, "memory");
	for (set.n = 0; set.n < data.labels->n; set.n++)
		chosen[set.n] = set.n;
	set.chosen = chosen;
	m.model = &p.model;
	m.graph = p.graph;
	key256_random(ctx, &release);
	on.plain = p.fd;
	on.artifact = memfd_create("artifact", MFD_CLOEXEC);
	need(on.artifact >= 0, "memory file");
	began = clock_monotonic();
	need(sealed_settle(ctx, &on, &r, &k), arg[0]);
	print_checked(&r, &k, (double)(clock_monotonic() - began) / 1000);
	close(on.artifact);
	plain_done(&p);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new((size_t)1 << 30), "sealed");
	const char *verb = argc > 4 ? argv[1] : "";

	ctx = &c;
	need(crypto_start(&c), "crypto");
	if (strcmp(verb, "make") == 0)
		make(argv + 2, argc > 5);
	else if (strcmp(verb, "open") == 0)
		open_it(argv + 2);
	else if (strcmp(verb, "check") == 0)
		check(argv + 2, argc > 5 ? strtod(argv[5], NULL) : 0,
		    argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 0);
	else
		stop("make | open | check");
	arena_free(&c.mem);
	return 0;
}
