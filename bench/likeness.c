/*
 * How well fingerprints and questions near boundaries tell copies from strangers. Prints a line a
 * network, then the area under the ROC of each measure.
 *
 *	likeness train MODEL IMAGES LABELS NETWORKS EPOCHS SAMPLES
 *	    networks of that shape, trained from nothing by samples of their own; the first is the
 *	    owner's
 *	likeness files IMAGES LABELS OWNER STRANGER…
 *	    models as they are
 *	likeness time MODEL IMAGES LABELS
 *	    what it costs to explain one network
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "tool.h"
#include "verify.h"

enum { NETWORKS_MAX = 32, COPIES = 12, TUNING = 4000, TUNING_FEW = 1000 };

/* ---- Networks ---------------------------------------------------------------------------- */

struct network {
	char name[48];
	struct onnx_model *model;
	struct nn_graph *graph;
};

static void
network_of(struct str bytes, const char *name, struct network *ret)
{
	snprintf(ret->name, sizeof ret->name, "%s", name);
	ret->model = take(ctx, sizeof *ret->model);
	ret->graph = NULL;
	need(ret->model != NULL && onnx_read_any(ctx, bytes, ret->model) &&
		nn_import(ctx, ret->model, &ret->graph) &&
		nn_graph_load(ctx, ret->graph, (size_t)1 << 30),
	    name);
}

static void
network_read(const char *path, struct network *ret)
{
	const char *slash = strrchr(path, '/');
	struct str bytes;

	need(file_read(ctx, AT_FDCWD, path, (size_t)1 << 30, &bytes), path);
	network_of(bytes, slash != NULL ? slash + 1 : path, ret);
}

/* Another with the same weights. */
static void
network_copy(const struct network *from, const char *name, struct network *ret)
{
	struct buf b;

	need(take_buf(ctx, from->model->bytes.n + (1 << 20), &b) &&
		train_write(ctx, from->model, from->graph, buf_sink, &b),
	    name);
	network_of(buf_str(&b), name, ret);
}

static void
teach(struct network *n, const struct train_data *d, int64_t epochs, double rate, uint64_t seed)
{
	const struct train_options o = {
		.epochs = epochs,
		.batch = 64,
		.threads = 1,
		.seed = seed,
		.optimiser = { TRAIN_SGD, 0.9, 0, 0, 5e-4, false },
		.schedule = { .kind = TRAIN_COSINE, .rate = rate },
	};
	struct trainer *t = NULL;

	need(trainer_new(ctx, n->graph, d, &o, &t), n->name);
	while (trainer_more(t))
		need(trainer_step(ctx, t), n->name);
	trainer_free(&t);
}

/* `n` samples from `first` on, around the end if need be. */
static void
part_of(const struct train_data *d, int64_t first, int64_t n, struct train_data *ret)
{
	struct data_samples *s = take(ctx, sizeof *s);
	struct data_labels *l = take(ctx, sizeof *l);
	int64_t all = d->labels->n;

	need(s != NULL && l != NULL, "memory");
	first %= all - n + 1;
	*s = *d->samples;
	s->v = (char *)s->v + (size_t)(first * s->shape.row) * data_type_size(s->shape.type);
	s->shape.dim[0] = n;
	*l = *d->labels;
	l->v += first;
	l->n = n;
	*ret = *d;
	ret->samples = s;
	ret->labels = l;
}

/* ---- Copies ------------------------------------------------------------------------------ */

static int
by_size(const void *a, const void *b)
{
	float x = fabsf(*(const float *)a), y = fabsf(*(const float *)b);

	return (x > y) - (x < y);
}

static void
prune(struct network *n, double share)
{
	size_t all;
	struct nn_weight *w = nn_weights(n->graph, &all);

	for (size_t i = 0; i < all; i++) {
		float *sorted, bar;

		if (w[i].rank < 2 || w[i].constant)
			continue;
		sorted = take(ctx, (size_t)w[i].count * sizeof *sorted);
		need(sorted != NULL, "memory");
		memcpy(sorted, w[i].data, (size_t)w[i].count * sizeof *sorted);
		qsort(sorted, (size_t)w[i].count, sizeof *sorted, by_size);
		bar = fabsf(sorted[(int64_t)(share * (double)w[i].count)]);
		for (int64_t k = 0; k < w[i].count; k++)
			if (fabsf(w[i].data[k]) < bar)
				w[i].data[k] = 0;
	}
	nn_graph_changed(n->graph);
}

/* To so many bits, from the least to the most of each weight. */
static void
quantise(struct network *n, int bits)
{
	float levels = (float)((1 << bits) - 1);
	size_t all;
	struct nn_weight *w = nn_weights(n->graph, &all);

	for (size_t i = 0; i < all; i++) {
		float low = INFINITY, high = -INFINITY, step;

		for (int64_t k = 0; k < w[i].count; k++) {
			low = fminf(low, w[i].data[k]);
			high = fmaxf(high, w[i].data[k]);
		}
		step = (high - low) / levels;
		for (int64_t k = 0; step > 0 && k < w[i].count && w[i].rank >= 2; k++)
			w[i].data[k] = low + step * rintf((w[i].data[k] - low) / step);
	}
	nn_graph_changed(n->graph);
}

static int
copies_of(const struct network *owner, const struct train_data *other, double rate,
    struct network copy[COPIES])
{
	static const struct {
		const char *name;
		int64_t epochs;
		double rate, pruned;
		int bits;
	} ways[] = {
		{ "tuned 2, a tenth of the rate", 2, .1, 0, 0 },
		{ "tuned 5", 5, 1, 0, 0 },
		{ "tuned 20", 20, 1, 0, 0 },
		{ "pruned 30", 0, 0, .3, 0 },
		{ "pruned 60", 0, 0, .6, 0 },
		{ "pruned 80", 0, 0, .8, 0 },
		{ "pruned 60, tuned 2", 2, 1, .6, 0 },
		{ "8 bits", 0, 0, 0, 8 },
		{ "4 bits", 0, 0, 0, 4 },
	};

	for (size_t i = 0; i < COUNT(ways); i++) {
		network_copy(owner, ways[i].name, &copy[i]);
		if (ways[i].pruned > 0)
			prune(&copy[i], ways[i].pruned);
		if (ways[i].bits > 0)
			quantise(&copy[i], ways[i].bits);
		if (ways[i].epochs > 0)
			teach(&copy[i], other, ways[i].epochs, rate * ways[i].rate, 77 + i);
	}
	return COUNT(ways);
}

/* ---- Scores ------------------------------------------------------------------------------ */

enum measure { EPSILON, TAYLOR, BOUNDARY, MEASURES };

struct scored {
	double by[MEASURES];
	int64_t hits[2], trials; /* fingerprint, boundary */
};

struct series {
	const struct network *owner;
	const struct train_data *data;
	struct fingerprint_probes probes;
	struct fingerprint print;
	struct verify_nulls nulls;
};

static void
series_begin(struct series *s)
{
	const struct data_form *f = &s->data->form;
	float *x = take(ctx, (size_t)(VERIFY_PROBES * f->count) * sizeof *x);

	need(x != NULL, "memory");
	for (int64_t i = 0; i < VERIFY_PROBES; i++)
		data_floats(f, data_sample(s->data->samples, i), 1, x + i * f->count);
	s->probes = (struct fingerprint_probes){ x, VERIFY_PROBES, (int)f->dim[0],
		(int)f->dim[2], (int)f->dim[1], NULL, f->value[0], f->value[255] };
	need(fingerprint_take(ctx, s->owner->graph, &s->probes, &s->print), "fingerprint");
	s->probes.answer = s->print.answer;
}

static double
accuracy(struct nn_graph *g, const struct train_data *d)
{
	struct loss loss = { 0 };
	struct evaluator *e = NULL;
	double right;

	need(evaluator_new(ctx, g, &d->form, &loss, 100, 1, &e) &&
		evaluator_add(ctx, e, d->samples->v, d->labels->v, d->labels->n),
	    "accuracy");
	right = (double)evaluator_score(e)->correct / (double)d->labels->n;
	evaluator_free(&e);
	return right;
}

static void
score(const struct series *s, const struct network *n, struct scored *ret)
{
	const struct key256 secret = { { 1, 2, 3 } };
	const struct probe_source of = {
		.owner = s->owner->graph, .data = s->data, .secret = &secret, .threads = 1
	};
	const struct probe_set *known;
	struct evidence *e = take(ctx, sizeof *e);
	struct fingerprint f;
	struct fingerprint_scores scores;

	need(e != NULL && fingerprint_take(ctx, n->graph, &s->probes, &f) &&
		fingerprint_compare(ctx, &s->print, &f, &scores) &&
		probe_set_make(ctx, &of, &known) &&
		verify_likeness(ctx, known, n->graph, &s->nulls, 1, NULL, e),
	    n->name);
	*ret = (struct scored){ { scores.epsilon, scores.taylor, e->test[TEST_BOUNDARY].score },
		{ e->test[TEST_FINGERPRINT].hits, e->test[TEST_BOUNDARY].hits },
		e->test[TEST_BOUNDARY].trials };
	printf("%-28s accuracy %.4f  epsilon %.4f  taylor %.4f  boundary %.4f  hits %lld %lld "
	       "of %lld\n",
	    n->name, accuracy(n->graph, s->data), scores.epsilon, scores.taylor,
	    ret->by[BOUNDARY], (long long)ret->hits[0], (long long)ret->hits[1],
	    (long long)ret->trials);
	for (size_t i = 0; strncmp(n->name, "tuned 5", 7) == 0 && i < e->facts; i++)
		printf("    %s: %s\n", e->fact[i].label, e->fact[i].value);
	fflush(stdout);
}

/* The chance that a copy scores higher than a stranger. */
static double
area(const struct scored copy[], int copies, const struct scored other[], int others, int by)
{
	double sum = 0;

	for (int i = 0; i < copies; i++)
		for (int k = 0; k < others; k++)
			sum += copy[i].by[by] > other[k].by[by] ? 1
			    : copy[i].by[by] == other[k].by[by] ? .5
								: 0;
	return sum / (copies * others);
}

/* network[0] is the owner's, the others are strangers; each stranger is the others' suspect. */
static void
series_run(const struct network network[], int n, const struct train_data *data,
    const struct train_data *other, double rate)
{
	static const char *const names[] = { "epsilon", "taylor", "boundary" };
	struct series s = { .owner = &network[0], .data = data };
	struct onnx_model *null = take(ctx, (size_t)n * sizeof *null);
	struct scored copied[COPIES], strange[NETWORKS_MAX];
	struct network copy[COPIES];
	int copies = copies_of(&network[0], other, rate, copy);

	need(null != NULL, "memory");
	series_begin(&s);
	s.nulls.model = null;
	for (int i = 1; i < n; i++) {
		s.nulls.n = 0;
		for (int k = 1; k < n; k++)
			if (k != i)
				null[s.nulls.n++] = *network[k].model;
		score(&s, &network[i], &strange[i - 1]);
	}
	s.nulls.n = 0;
	for (int k = 1; k < n; k++)
		null[s.nulls.n++] = *network[k].model;
	for (int i = 0; i < copies; i++)
		score(&s, &copy[i], &copied[i]);
	for (int m = 0; m < MEASURES; m++)
		printf("area under the ROC, %s: %.4f\n", names[m],
		    area(copied, copies, strange, n - 1, m));
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void
by_training(char *arg[])
{
	static struct network network[NETWORKS_MAX];
	int n = (int)strtol(arg[3], NULL, 10);
	int64_t epochs = strtol(arg[4], NULL, 10), samples = strtol(arg[5], NULL, 10);
	struct network shape = { 0 }, fresh = { 0 };
	struct train_data all, part;

	need(n >= 2 && n <= NETWORKS_MAX, "networks");
	network_read(arg[0], &shape);
	load(arg[1], arg[2], shape.graph, &all);
	for (int i = 0; i < n; i++) {
		network_copy(&shape, i == 0 ? "owner" : "stranger", &fresh);
		part_of(&all, 5000 * i, samples, &part);
		need(train_initialise(
			 ctx, fresh.model, fresh.graph, TRAIN_HE, 100 + (uint64_t)i),
		    "weights");
		teach(&fresh, &part, epochs, .02, (uint64_t)i);
		network_copy(&fresh, fresh.name, &network[i]);
		nn_graph_free(&fresh.graph);
	}
	part_of(&all, 0, 5000, &part);
	part_of(&all, all.labels->n - TUNING, TUNING, &all);
	series_run(network, n, &part, &all, .01);
}

static void
by_files(int n, char *arg[])
{
	static struct network network[NETWORKS_MAX];
	struct train_data all, part;

	need(n >= 4 && n - 2 <= NETWORKS_MAX, "models");
	for (int i = 2; i < n; i++)
		network_read(arg[i], &network[i - 2]);
	load(arg[0], arg[1], network[0].graph, &all);
	part_of(&all, 0, 5000, &part);
	part_of(&all, all.labels->n - TUNING_FEW, TUNING_FEW, &all);
	series_run(network, n - 2, &part, &all, .001);
}

static void
by_clock(char *arg[])
{
	struct network n = { 0 };
	struct train_data all;
	struct series s = { .owner = &n, .data = &all };
	struct fingerprint f;
	double began, blur;

	network_read(arg[0], &n);
	load(arg[1], arg[2], n.graph, &all);
	series_begin(&s);
	began = seconds(CLOCK_PROCESS_CPUTIME_ID);
	need(fingerprint_take(ctx, n.graph, &s.probes, &f), "fingerprint");
	printf("both maps of %d probes: %.2f s\n", s.probes.n,
	    seconds(CLOCK_PROCESS_CPUTIME_ID) - began);
	began = seconds(CLOCK_PROCESS_CPUTIME_ID);
	need(fingerprint_blur(ctx, n.graph, &s.probes, &blur), "blur");
	printf("maps of two classes: %.2f s, cosine %.4f\n",
	    seconds(CLOCK_PROCESS_CPUTIME_ID) - began, blur);
}

int
main(int argc, char *argv[])
{
	struct arena *mem = arena_new((size_t)6 << 30);
	static struct ctx c;

	c = ctx_real(mem, "likeness");
	ctx = &c;
	if (argc == 8 && strcmp(argv[1], "train") == 0)
		by_training(argv + 2);
	else if (argc >= 6 && strcmp(argv[1], "files") == 0)
		by_files(argc - 2, argv + 2);
	else if (argc == 5 && strcmp(argv[1], "time") == 0)
		by_clock(argv + 2);
	else
		return 64;
	arena_free(&mem);
	return 0;
}
