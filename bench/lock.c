/*
 * The parameter lock as bench/lock drives it: locks one model and says what that took and did.
 *
 *	lock MODEL TRAIN-IMAGES TRAIN-LABELS TEST-IMAGES TEST-LABELS MODE TARGET [COUNT]
 *
 * The lock set is the first 512 samples, the validation set the next 20 of each class (50
 * where it is what a climb ends by). Prints one JSON object; `seconds` are the processor's, from a
 * loaded model to a locked one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "protect.h"
#include "tool.h"

enum { LOCK_SET = 512, EACH = 20, EACH_POOLED = 50, BATCH = 16 };

/* ---- Data -------------------------------------------------------------------------------- */

/* n samples from `from` on, no more than `each` of a class. */
static struct protect_set
set_of(const struct train_data *d, int64_t from, int64_t n, int64_t each)
{
	int64_t *chosen = take(ctx, (size_t)n * sizeof *chosen);
	int64_t count[CLASSES] = { 0 }, at = 0;

	need(chosen != NULL, "memory");
	for (int64_t i = from; at < n && i < d->labels->n; i++)
		if (count[d->labels->v[i]]++ < each)
			chosen[at++] = i;
	return (struct protect_set){ d, chosen, at };
}

/* ---- The lock ---------------------------------------------------------------------------- */

static enum advparams_mode
mode_of(const char *name)
{
	static const char *const names[] = { [ADVPARAMS_POOLED] = "pooled",
		[ADVPARAMS_GREEDY] = "greedy",
		[ADVPARAMS_SIGNED_GREEDY] = "signed-greedy",
		[ADVPARAMS_RANDOM] = "random",
		[ADVPARAMS_LARGEST] = "largest" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum advparams_mode)i;
	stop(name);
}

static int64_t
parameters(struct nn_graph *g)
{
	int64_t sum = 0;
	size_t n;
	const struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++)
		sum += w[i].trainable ? w[i].count : 0;
	return sum;
}

static bool
same_weights(struct nn_graph *g, const struct protect_weights *plain)
{
	size_t n;
	const struct nn_weight *w = nn_weights(g, &n);
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = ok &&
		    memcmp(w[i].data, protect_kept(plain, i),
			(size_t)w[i].count * sizeof(float)) == 0;
	return ok;
}

static void
lock(struct protect_model *m, const struct protect_split *split, const struct protect_set *test,
    const struct advparams_options *o)
{
	struct key256 release = { { 1 } };
	struct advparams_result r;
	struct protect_weights *plain = NULL;
	double before, after, took;

	need(protect_keep(ctx, m->graph, &plain), "keep");
	need(protect_accuracy(ctx, m, test, &before), "before");
	took = seconds(CLOCK_PROCESS_CPUTIME_ID);
	need(advparams_lock(ctx, m, split, &release, o, NULL, &r), "lock");
	took = seconds(CLOCK_PROCESS_CPUTIME_ID) - took;
	need(protect_accuracy(ctx, m, test, &after), "after");
	advparams_flip(m, r.entry, r.entries);
	printf("{\"before\":%.4f,\"after\":%.4f,\"validation\":%.4f,\"entries\":%u,"
	       "\"parameters\":%lld,\"seconds\":%.3f,\"pool\":%lld,\"rounds\":%lld,"
	       "\"draws\":%lld,\"tensors\":%lld,\"largest\":%.2f,\"choice\":%.1f,"
	       "\"reached\":%s,\"exact\":%s}\n",
	    before, after, r.after, r.entries, (long long)parameters(m->graph), took,
	    (long long)r.pool, (long long)r.rounds, (long long)r.draws, (long long)r.tensors,
	    r.largest, r.log2_choice, r.reached ? "true" : "false",
	    same_weights(m->graph, plain) ? "true" : "false");
	protect_weights_free(&plain);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new((size_t)1 << 30), "lock");
	struct protect_model m = { .classes = CLASSES, .batch = BATCH, .threads = 1 };
	struct onnx_model model;
	struct str bytes = { 0 };
	struct train_data train, test;
	struct protect_split split;
	struct protect_set whole;
	struct advparams_options o;
	int64_t each;

	ctx = &c;
	if (argc < 8)
		stop(
		    "MODEL TRAIN-IMAGES TRAIN-LABELS TEST-IMAGES TEST-LABELS MODE TARGET [COUNT]");
	need(crypto_start(&c), "crypto");
	need(file_read(&c, AT_FDCWD, argv[1], 1 << 28, &bytes) &&
		onnx_read(&c, bytes, &model) && nn_import(&c, &model, &m.graph),
	    argv[1]);
	m.model = &model;
	load(argv[2], argv[3], m.graph, &train);
	load(argv[4], argv[5], m.graph, &test);
	split.lock = set_of(&train, 0, LOCK_SET, LOCK_SET);
	whole = set_of(&test, 0, test.labels->n, test.labels->n);
	o = advparams_standard(mode_of(argv[6]));
	each = o.mode == ADVPARAMS_POOLED ? EACH_POOLED : EACH;
	split.validation = set_of(&train, LOCK_SET, each * CLASSES, each);
	o.target = strtod(argv[7], NULL);
	o.count = argc > 8 ? strtol(argv[8], NULL, 10) : 0;
	lock(&m, &split, &whole, &o);
	nn_graph_free(&m.graph);
	return 0;
}
