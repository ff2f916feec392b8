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

#include "release.h"
#include "tool.h"

enum { CUSTOMERS = 8, INNOCENTS = 200, BATCH = 64, CUSTOMER = 1 };

/* ---- Artifacts and keys ------------------------------------------------------------------ */

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
	key_put(arg[2], &release, id, CUSTOMER, &r, out);
	printf("{\"weights\":%llu,\"marked\":%llu,\"raw\":%llu,\"stream\":%llu,\"kappa\":%g,"
	       "\"log_l\":%u,\"seconds\":%.3f,\"kilobytes\":%ld}\n",
	    (unsigned long long)r.weights, (unsigned long long)r.marked,
	    (unsigned long long)r.raw, (unsigned long long)r.stream, r.terms.kappa,
	    r.terms.log_l, r.seconds, kilobytes("VmHWM"));
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
	    (double)(clock_monotonic() - began) / 1000, kilobytes("VmHWM"));
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
