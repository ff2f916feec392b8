/*
 * Sferics: the recogniser trained on synthetic windows, and how good it is.
 *
 *	sferic train MODEL SECONDS [WIDTH [RATE [VARIANT]]]
 *	    until the loss does not fall any more, or for so much of a processor's time; VARIANT
 *	    leaves something out: plain (weights of the loss), fixed (fresh windows), still
 *	    (augmentation). A model that is there is trained on.
 *	sferic measure MODEL WINDOWS
 *	    on windows that it was not trained on
 *	sferic data FILE.npz SEED WINDOWS
 *	    x float32 [N,4,1024] and y uint8 [N,1024], as a data set
 *
 * Each prints lines of JSON. Every number is of synthetic data. The model among the tests' data was
 * made by `train sferic.onnx 500 16 0.001`, which took 298 seconds and 3,800 steps.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zip.h>

#include "bench.h"
#include "sferic.h"

enum { BATCH = 32, STEPS_MAX = 100000, VALIDATION = 2000, FIXED = 2048 };
enum { SEED_TRAIN = 1, SEED_VALIDATION = 2, SEED_AGAIN = 3 };
#define MODEL_MAX ((size_t)64 << 20)

static int64_t
number(const char *s)
{
	int64_t n = 0;

	need(str_number(str_of(s), 0, INT64_MAX, &n), s);
	return n;
}

static void
show(struct js *j)
{
	js_close(j, '}');
	need(buf_ok(ctx, j->out), "a line");
	printf("%.*s\n", (int)j->out->n, j->out->p);
	fflush(stdout);
}

/* ---- What it reaches --------------------------------------------------------------------- */

static void
count_put(struct js *j, const char *name, const struct sferic_count *n)
{
	js_open(j, name, '{');
	js_real(j, "precision", sferic_precision(n));
	js_real(j, "recall", sferic_recall(n));
	js_real(j, "f1", sferic_f1(n));
	js_real(j, "iou", sferic_iou(n));
	js_close(j, '}');
}

static void
measure(struct nn_graph *g, uint64_t seed, int64_t windows)
{
	struct sferic_score s;
	struct sferic_count constant, best;
	double threshold;
	char room[4096];
	struct buf out = BUF(room);
	struct js j = { .out = &out };

	need(sferic_measure(ctx, g, seed, windows, 1, &s), "measure");
	constant = sferic_constant(&s);
	best = sferic_best(&s, &threshold);
	js_open(&j, NULL, '{');
	js_text(&j, "data", STR("synthetic"));
	js_number(&j, "windows", s.windows);
	js_real(&j, "marked", (double)s.marked / (double)s.points);
	js_real(&j, "pr_area", sferic_pr_area(&s));
	count_put(&j, "points", &s.point);
	count_put(&j, "constant", &constant);
	js_real(&j, "best_threshold", threshold);
	count_put(&j, "points_there", &best);
	count_put(&j, "events", &s.event);
	js_open(&j, "bands", '[');
	for (int i = 0; i < SFERIC_BANDS; i++) {
		double width = (SFERIC_HIGHEST - SFERIC_LOWEST) / SFERIC_BANDS;

		js_open(&j, NULL, '{');
		js_real(&j, "from_db", SFERIC_LOWEST + i * width);
		js_real(&j, "to_db", SFERIC_LOWEST + (i + 1) * width);
		js_real(&j, "f1", sferic_f1(&s.point_of[i]));
		js_real(&j, "event_precision", sferic_precision(&s.event_of[i]));
		js_real(&j, "event_recall", sferic_recall(&s.event_of[i]));
		js_close(&j, '}');
	}
	js_close(&j, ']');
	show(&j);
}

/* ---- Training ---------------------------------------------------------------------------- */

static void
tell(const struct trainer *t, double spent)
{
	struct train_progress p = trainer_progress(t);
	char room[256];
	struct buf out = BUF(room);
	struct js j = { .out = &out };

	js_open(&j, NULL, '{');
	js_number(&j, "step", p.step);
	js_real(&j, "loss", p.loss);
	js_real(&j, "seconds", spent);
	js_real(&j, "windows_per_second", p.speed);
	show(&j);
}

static const char *
until_converged(struct trainer *t, double most)
{
	static const struct sferic_stop stop = { 200, 2000, .005 };
	double *loss = take(ctx, STEPS_MAX * sizeof *loss);
	double began = seconds(CLOCK_PROCESS_CPUTIME_ID);

	need(loss != NULL, "memory");
	for (int64_t step = 0; trainer_more(t); step++) {
		double spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - began;

		if (step % 50 == 0)
			tell(t, spent);
		if (spent > most)
			return "time";
		if (sferic_converged(&stop, loss, step))
			return "converged";
		need(trainer_step(ctx, t), "step");
		loss[step] = trainer_progress(t).loss;
	}
	return "steps";
}

static void
train(const char *path, double most, int64_t width, double rate, const char *variant)
{
	const bool again = access(path, F_OK) == 0;
	const bool fixed = strcmp(variant, "fixed") == 0, plain = strcmp(variant, "plain") == 0;
	const struct sferic_source source = { .seed = again ? SEED_AGAIN : SEED_TRAIN,
		.batch = BATCH,
		.fixed = fixed ? FIXED : 0,
		.still = strcmp(variant, "still") == 0 };
	const struct train_options o = { .epochs = STEPS_MAX,
		.batch = BATCH,
		.threads = 1,
		.seed = SEED_TRAIN,
		.loss = { TRAIN_MASK, TRAIN_PROBABILITIES, plain ? 1 : 0 },
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_CONSTANT, .rate = rate },
		.touch = sferic_touch,
		.touch_arg = &source };
	struct sferic_data data = { 0 };
	struct nn_graph *g = NULL;
	struct trainer *t = NULL;
	struct onnx_model m;
	struct str bytes;
	int fd;

	need((again ? file_read(ctx, AT_FDCWD, path, MODEL_MAX, &bytes)
		    : sferic_model(ctx, width, &bytes)) &&
		onnx_read(ctx, bytes, &m) && nn_import(ctx, &m, &g) &&
		nn_graph_load(ctx, g, MODEL_MAX) &&
		(again || train_initialise(ctx, &m, g, TRAIN_HE, SEED_TRAIN)) &&
		sferic_data_new(ctx, g, BATCH, &data) &&
		trainer_new(ctx, g, &data.data, &o, &t),
	    "a network");
	printf("{\"stopped\":\"%s\"}\n", until_converged(t, most));
	fd = opened(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
	need(train_write(ctx, &m, g, onnx_sink_fd, &fd), path);
	measure(g, SEED_VALIDATION, VALIDATION);
	trainer_free(&t);
	nn_graph_free(&g);
	sferic_data_done(&data);
	(void)close(fd);
}

static void
measure_file(const char *path, int64_t windows)
{
	struct nn_graph *g = NULL;
	struct onnx_model m;
	struct str bytes;

	need(file_read(ctx, AT_FDCWD, path, MODEL_MAX, &bytes) && onnx_read(ctx, bytes, &m) &&
		nn_import(ctx, &m, &g) && nn_graph_load(ctx, g, MODEL_MAX),
	    path);
	measure(g, SEED_VALIDATION, windows);
	nn_graph_free(&g);
}

/* ---- Data sets --------------------------------------------------------------------------- */

/* A version 1.0 header, 128 bytes. */
static void
array_add(
    zip_t *z, const char *name, const char *type, const char *shape, const void *v, size_t n)
{
	char *bytes = take(ctx, 128 + n), room[117];
	struct buf head = BUF(room);
	zip_source_t *s;

	need(bytes != NULL, "memory");
	memset(bytes, ' ', 128);
	memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
	buf_printf(
	    &head, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
	memcpy(bytes + 10, head.p, head.n);
	bytes[127] = '\n';
	memcpy(bytes + 128, v, n);
	s = zip_source_buffer(z, bytes, 128 + n, 0);
	need(s != NULL && zip_file_add(z, name, s, 0) >= 0, name);
}

static void
data_set(const char *path, uint64_t seed, int64_t n)
{
	zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	float *x = take(ctx, (size_t)n * SFERIC_ROW * sizeof *x);
	uint8_t *y = take(ctx, (size_t)n * SFERIC_POINTS);
	char shape[2][64];
	struct sferic_window w;

	need(z != NULL && x != NULL && y != NULL, path);
	for (int64_t i = 0; i < n; i++) {
		sferic_window(seed, (uint64_t)i, 1, &w);
		memcpy(x + i * SFERIC_ROW, w.x, sizeof w.x);
		memcpy(y + i * SFERIC_POINTS, w.y, sizeof w.y);
	}
	snprintf(shape[0], sizeof shape[0], "%lld, %d, %d", (long long)n, SFERIC_CHANNELS,
	    SFERIC_POINTS);
	snprintf(shape[1], sizeof shape[1], "%lld, %d", (long long)n, SFERIC_POINTS);
	array_add(z, "x.npy", "<f4", shape[0], x, (size_t)n * SFERIC_ROW * sizeof *x);
	array_add(z, "y.npy", "|u1", shape[1], y, (size_t)n * SFERIC_POINTS);
	need(zip_close(z) == 0, path);
}

int
main(int argc, char *argv[])
{
	struct arena *mem = arena_new((size_t)4 << 30);
	struct ctx real = ctx_real(mem, "sferic");

	ctx = &real;
	need(mem != NULL, "memory");
	if (argc >= 4 && strcmp(argv[1], "train") == 0)
		train(argv[2], strtod(argv[3], NULL), argc > 4 ? number(argv[4]) : SFERIC_WIDTH,
		    argc > 5 ? strtod(argv[5], NULL) : 1e-4, argc > 6 ? argv[6] : "");
	else if (argc == 4 && strcmp(argv[1], "measure") == 0)
		measure_file(argv[2], number(argv[3]));
	else if (argc == 5 && strcmp(argv[1], "data") == 0)
		data_set(argv[2], (uint64_t)number(argv[3]), number(argv[4]));
	else
		stop(
		    "sferic train MODEL SECONDS | measure MODEL WINDOWS | data FILE SEED WINDOWS");
	arena_free(&mem);
	return 0;
}
