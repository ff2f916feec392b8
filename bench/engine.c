/*
 * The engine as bench/engine drives it: reads commands, one a line, and answers each with a line.
 *
 *	infer MODEL BATCH SECONDS    seconds of the fastest forward run
 *	train MODEL BATCH SECONDS    seconds of the fastest training step
 *	memory MODEL BATCH           bytes that training takes at its peak, beyond those before
 *	peak                         multiplications and additions a second of one core
 *
 *	engine THREADS
 */
#include <fcntl.h>
#include <immintrin.h>
#include <stdio.h>
#include <sys/resource.h>

#include "nn.h"
#include "onnx.h"
#include "tool.h"

enum { MODELS_MAX = 32, WEIGHTS_MAX = 1000, WARM_UP = 2 };

/* A model at one batch size, made when it is first asked for. */
struct bound {
	char path[512];
	enum nn_mode mode;
	long batch;
	struct nn_graph *graph;
	struct nn_plan *plan;
	float *x, *gradient;
	int32_t *label;
	float *state[WEIGHTS_MAX];
	int64_t step;
	int runs; /* to warm up */
};

static struct bound bounds[MODELS_MAX];
static size_t bounds_n;
static int threads;

/* ---- Models ------------------------------------------------------------------------------ */

static int64_t
count(const struct nn_tensor *t)
{
	int64_t n = 1;

	for (int d = 0; d < t->rank; d++)
		n *= t->dim[d];
	return n;
}

static float *
floats(int64_t n)
{
	float *p = calloc((size_t)n, sizeof *p);

	need(p != NULL, "memory");
	return p;
}

static void
bind(struct bound *b)
{
	struct nn_options o = { .mode = b->mode, .batch = b->batch, .threads = threads };
	struct onnx_model *m = take(ctx, sizeof *m);
	const struct optimiser sgd = { .kind = TRAIN_SGD, .momentum = 0.9 };
	struct nn_weight *w;
	struct str bytes = { 0 };
	size_t n;

	need(m != NULL && file_read(ctx, AT_FDCWD, b->path, 1 << 28, &bytes), "file");
	need(onnx_read(ctx, bytes, m) && nn_import(ctx, m, &b->graph), b->path);
	need(nn_plan_new(ctx, b->graph, &o, &b->plan), "plan");
	b->x = floats(count(nn_plan_input(b->plan, 0)));
	for (int64_t i = 0; i < count(nn_plan_input(b->plan, 0)); i++)
		b->x[i] = (float)(i * 7919 % 1000) / 1000;
	b->gradient = floats(b->batch * CLASSES);
	b->label = calloc((size_t)b->batch, sizeof *b->label);
	need(b->label != NULL, "memory");
	for (long i = 0; i < b->batch; i++)
		b->label[i] = (int32_t)(i % CLASSES);
	w = nn_weights(b->graph, &n);
	need(n <= WEIGHTS_MAX, "weights");
	for (size_t i = 0; b->mode == NN_TRAIN && i < n; i++)
		if (nn_weight_gradient(b->plan, i) != NULL)
			b->state[i] = floats(w[i].count * optimiser_state(&sgd));
}

static struct bound *
bound(const char *path, enum nn_mode mode, long batch)
{
	struct bound *b;

	for (size_t i = 0; i < bounds_n; i++)
		if (strcmp(bounds[i].path, path) == 0 && bounds[i].mode == mode &&
		    bounds[i].batch == batch)
			return &bounds[i];
	need(bounds_n < MODELS_MAX, "too many models");
	b = &bounds[bounds_n++];
	snprintf(b->path, sizeof b->path, "%s", path);
	b->mode = mode;
	b->batch = batch;
	bind(b);
	return b;
}

/* ---- One run ----------------------------------------------------------------------------- */

static void
infer(struct bound *b)
{
	const void *const input[] = { b->x };

	need(nn_forward(ctx, b->plan, input), "forward");
}

static void
train(struct bound *b)
{
	const struct loss loss = { .kind = TRAIN_CROSS_ENTROPY };
	const struct optimiser sgd = {
		.kind = TRAIN_SGD, .momentum = 0.9, .decay = 5e-4, .nesterov = true
	};
	const float *const gradient[] = { b->gradient };
	const float *out;
	struct nn_weight *w;
	size_t n;

	infer(b);
	out = nn_plan_output(b->plan, 0)->data;
	loss_labels(&loss, out, b->label, b->batch, CLASSES, b->gradient);
	nn_gradients_clear(b->plan);
	need(nn_backward(ctx, b->plan, gradient), "backward");
	w = nn_weights(b->graph, &n);
	b->step++;
	for (size_t i = 0; i < n; i++)
		if (b->state[i] != NULL)
			optimiser_step(&sgd, 0.001, b->step, w[i].rank > 1, w[i].data,
			    nn_weight_gradient(b->plan, i), b->state[i], w[i].count);
	nn_graph_changed(b->graph);
}

static double
fastest(struct bound *b, void (*run)(struct bound *), double time)
{
	double best = 1e9, end;

	for (; b->runs < WARM_UP; b->runs++)
		run(b);
	end = seconds(CLOCK_MONOTONIC) + time;
	do {
		double begin = seconds(CLOCK_MONOTONIC), took;

		run(b);
		took = seconds(CLOCK_MONOTONIC) - begin;
		best = took < best ? took : best;
	} while (seconds(CLOCK_MONOTONIC) < end);
	return best;
}

/* ---- Commands ---------------------------------------------------------------------------- */

static long
peak_memory(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss * 1024;
}

static long
training_memory(const char *path, long batch)
{
	long before = peak_memory();
	struct bound *b = bound(path, NN_TRAIN, batch);

	for (int i = 0; i < 3; i++)
		train(b);
	return peak_memory() - before;
}

enum { CHAINS = 12, TURNS = 1 << 20 };

__attribute__((target("avx512f"))) static double
multiply_add_512(void)
{
	__m512 x[CHAINS], k = _mm512_set1_ps(0.5f);
	double begin = seconds(CLOCK_MONOTONIC);

	for (int i = 0; i < CHAINS; i++)
		x[i] = _mm512_set1_ps((float)i);
	for (int n = 0; n < TURNS; n++)
		for (int i = 0; i < CHAINS; i++)
			x[i] = _mm512_fmadd_ps(x[i], k, k);
	begin = seconds(CLOCK_MONOTONIC) - begin;
	for (int i = 1; i < CHAINS; i++)
		x[0] = _mm512_add_ps(x[0], x[i]);
	return _mm512_reduce_add_ps(x[0]) < 0 ? 0 : 2.0 * 16 * CHAINS * TURNS / begin;
}

__attribute__((target("avx2,fma"))) static double
multiply_add_256(void)
{
	__m256 x[CHAINS], k = _mm256_set1_ps(0.5f);
	double begin = seconds(CLOCK_MONOTONIC);
	float some[8];

	for (int i = 0; i < CHAINS; i++)
		x[i] = _mm256_set1_ps((float)i);
	for (int n = 0; n < TURNS; n++)
		for (int i = 0; i < CHAINS; i++)
			x[i] = _mm256_fmadd_ps(x[i], k, k);
	begin = seconds(CLOCK_MONOTONIC) - begin;
	for (int i = 1; i < CHAINS; i++)
		x[0] = _mm256_add_ps(x[0], x[i]);
	_mm256_storeu_ps(some, x[0]);
	return some[0] < 0 ? 0 : 2.0 * 8 * CHAINS * TURNS / begin;
}

static double
peak(void)
{
	double best = 0;

	for (int i = 0; i < 20; i++) {
		double now = __builtin_cpu_supports("avx512f") ? multiply_add_512()
		    : __builtin_cpu_supports("avx2")           ? multiply_add_256()
							       : 0;

		best = now > best ? now : best;
	}
	return best;
}

static void
answer(const char *line)
{
	char what[16], path[512] = "";
	long batch = 0;
	double time = 0;

	if (sscanf(line, "%15s %511s %ld %lf", what, path, &batch, &time) < 1)
		stop(line);
	if (strcmp(what, "infer") == 0)
		printf("%.9f\n", fastest(bound(path, NN_INFER, batch), infer, time));
	else if (strcmp(what, "train") == 0)
		printf("%.9f\n", fastest(bound(path, NN_TRAIN, batch), train, time));
	else if (strcmp(what, "memory") == 0)
		printf("%ld\n", training_memory(path, batch));
	else if (strcmp(what, "peak") == 0)
		printf("%.0f\n", peak());
	else
		stop(line);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new((size_t)1 << 30), "engine");
	char line[640];

	ctx = &c;
	threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1;
	while (fgets(line, sizeof line, stdin) != NULL)
		answer(line);
	return 0;
}
