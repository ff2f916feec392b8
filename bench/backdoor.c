/*
 * Plain backdoors, found and removed. Each command prints lines of JSON as it measures.
 *
 *	teach MODEL OUT EPOCHS TRIGGER DATA
 *		a network of that shape, trained from nothing: OUT
 *	plant MODEL OUT EPOCHS SHARE TRIGGER DATA [SAMPLES]
 *		the victim: OUT, with a trigger taught to a share of the samples that come by
 *	detect MODEL NORM TRIGGER DATA [QUERIES [SAMPLES]]
 *		the perturbation (of that norm; 0: by the picture's size) beside STRIP
 *	cleanse MODEL SAMPLES TRIGGER DATA
 *		Neural Cleanse: a pattern for each class, then unlearning
 *	prune MODEL SAMPLES TRIGGER DATA
 *		fine-pruning
 *	gan MODEL SAMPLES EPOCHS TRIGGER DATA [CLASS]
 *		a generator for each class (or for this one), then removal by that of the suspect
 *
 * TRIGGER is square|checks|noise, size (of the side), opacity and target class: four words. DATA is
 * four files: images and labels to train with, then to test with. Attackers draw SAMPLES from the
 * images to train with; what is measured is measured with those to test with.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "backdoor.h"
#include "tool.h"

enum { SEED = 1, QUERIES = 2000 };

struct house {
	struct onnx_model *model;
	struct train_data train, test;
	struct backdoor_case attacker, judge; /* the same network on both data */
	struct backdoor_trigger trigger;
	struct backdoor_mark mark;
};

/* ---- What is read ------------------------------------------------------------------------ */

/* `arg` is the trigger's four words and four files. */
static void
open_house(const char *path, char **arg, struct house *h)
{
	static const char *const patterns[] = { "square", "checks", "noise" };
	struct nn_graph *g = NULL;
	struct str bytes = { 0 };

	h->model = take(ctx, sizeof *h->model);
	need(h->model != NULL, "memory");
	need(file_read(ctx, AT_FDCWD, path, 1 << 28, &bytes) &&
		onnx_read(ctx, bytes, h->model) && nn_import(ctx, h->model, &g) &&
		nn_graph_load(ctx, g, (size_t)1 << 30),
	    path);
	for (size_t i = 0; i < COUNT(patterns); i++)
		if (strcmp(arg[0], patterns[i]) == 0)
			h->trigger.pattern = (enum backdoor_pattern)i;
	h->trigger.size = strtod(arg[1], NULL);
	h->trigger.opacity = strtod(arg[2], NULL);
	h->trigger.target = (int32_t)strtol(arg[3], NULL, 10);
	load(arg[4], arg[5], g, &h->train);
	load(arg[6], arg[7], g, &h->test);
	h->attacker = (struct backdoor_case){ g, &h->train, TRAIN_LOGITS, 1, SEED };
	h->judge = (struct backdoor_case){ g, &h->test, TRAIN_LOGITS, 1, SEED };
	need(backdoor_mark_make(ctx, &h->judge, &h->trigger, &h->mark), "trigger");
}

static void
close_house(struct house *h)
{
	nn_graph_free(&h->attacker.graph);
}

/* The first n samples to train with are all that the attacker has. */
static void
poor_attacker(struct house *h, int64_t n)
{
	struct data_samples *s = take(ctx, sizeof *s);
	struct data_labels *l = take(ctx, sizeof *l);

	need(s != NULL && l != NULL, "memory");
	*s = *h->train.samples;
	*l = *h->train.labels;
	if (n > 0 && n < l->n)
		s->shape.dim[0] = l->n = n;
	h->train.samples = s;
	h->train.labels = l;
}

static void
say_score(struct house *h, const char *what, double from)
{
	struct backdoor_score s = { 0 };
	double now = seconds(CLOCK_MONOTONIC);

	need(backdoor_measure(ctx, &h->judge, &h->mark, &s), what);
	printf("{\"what\":\"%s\",\"clean\":%.4f,\"success\":%.4f,\"seconds\":%.1f}\n", what,
	    s.clean, s.success, now - from);
	fflush(stdout);
}

/* ---- The victim -------------------------------------------------------------------------- */

static void
teach(int n, char **arg)
{
	struct house h = { 0 };
	double from = seconds(CLOCK_MONOTONIC);
	int fd = opened(arg[1], O_WRONLY | O_CREAT | O_TRUNC);
	struct train_options o = {
		.batch = 64,
		.threads = 1,
		.seed = SEED,
		.optimiser = { TRAIN_SGD, .9, 0, 0, 5e-4, false },
		.schedule = { .kind = TRAIN_ONE_CYCLE, .rate = .05 },
	};
	struct trainer *t = NULL;

	open_house(arg[0], arg + 3, &h);
	o.epochs = strtol(arg[2], NULL, 10);
	need(train_initialise(ctx, h.model, h.attacker.graph, TRAIN_HE, SEED) &&
		trainer_new(ctx, h.attacker.graph, &h.train, &o, &t),
	    "training");
	while (trainer_more(t))
		need(trainer_step(ctx, t), "training");
	trainer_free(&t);
	say_score(&h, "taught", from);
	need(train_write(ctx, h.model, h.attacker.graph, onnx_sink_fd, &fd), arg[1]);
	fd_done(&fd);
	close_house(&h);
	(void)n;
}

static void
plant(int n, char **arg)
{
	struct house h = { 0 };
	struct backdoor_tuning t = backdoor_planting();
	double from = seconds(CLOCK_MONOTONIC);
	int fd = opened(arg[1], O_WRONLY | O_CREAT | O_TRUNC);

	open_house(arg[0], arg + 4, &h);
	t.epochs = strtol(arg[2], NULL, 10);
	t.share = strtod(arg[3], NULL);
	poor_attacker(&h, n > 12 ? strtol(arg[12], NULL, 10) : 0);
	say_score(&h, "before", from);
	need(backdoor_plant(ctx, &h.attacker, &h.mark, &t), "planting");
	say_score(&h, "planted", from);
	need(train_write(ctx, h.model, h.attacker.graph, onnx_sink_fd, &fd), arg[1]);
	fd_done(&fd);
	close_house(&h);
}

/* ---- Detection --------------------------------------------------------------------------- */

/* Test samples, and the same stamped: those of other classes that the target is answered to. */
struct queries {
	int64_t clean, stamped;
	float *x, *y;
};

/* Of n samples, those that the target is answered to move to the front; how many. */
static int64_t
working(const struct house *h, float *x, int64_t n)
{
	const struct nn_options o = { .mode = NN_INFER, .batch = 1, .threads = 1 };
	int64_t numbers = h->test.form.count, batch, outputs, kept = 0;
	struct nn_plan *plan = NULL;

	need(
	    train_plan(ctx, h->judge.graph, &h->test.form, o, &plan, &batch, &outputs), "plan");
	for (int64_t i = 0; i < n; i++) {
		const void *input[] = { x + i * numbers };
		static const struct loss l = { TRAIN_CROSS_ENTROPY, TRAIN_LOGITS, 0 };

		need(nn_forward(ctx, plan, input), "forward");
		if (loss_answer(&l, nn_plan_output(plan, 0)->data, outputs) ==
		    h->trigger.target)
			memmove(x + kept++ * numbers, input[0], (size_t)numbers * sizeof *x);
	}
	nn_plan_free(&plan);
	return kept;
}

static void
queries_of(const struct house *h, int64_t most, struct queries *q)
{
	int64_t numbers = h->test.form.count;
	float *x;

	q->x = calloc((size_t)(QUERIES * numbers), sizeof *q->x);
	q->y = calloc((size_t)(QUERIES * numbers), sizeof *q->y);
	need(q->x != NULL && q->y != NULL, "memory");
	for (int64_t i = 0; i < h->test.labels->n && q->stamped < most; i++) {
		x = q->y + q->stamped * numbers;
		data_floats(&h->test.form, data_sample(h->test.samples, i), 1, x);
		if (q->clean < most)
			memcpy(q->x + q->clean++ * numbers, x, (size_t)numbers * sizeof *x);
		if (h->test.labels->v[i] == h->trigger.target)
			continue;
		backdoor_stamp(&h->mark, x);
		q->stamped++;
	}
	q->stamped = working(h, q->y, q->stamped);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of stamped scores, how many lie above what a share of the clean ones do. */
static double
found_at(const double clean[], const double stamped[], int64_t n, int64_t m, double rejected)
{
	double *room = calloc((size_t)n, sizeof *room), limit;
	int64_t found = 0, most = (int64_t)(rejected * (double)n);

	need(room != NULL, "memory");
	memcpy(room, clean, (size_t)n * sizeof *room);
	qsort(room, (size_t)n, sizeof *room, by_size);
	limit = room[n - 1 - (most < n ? most : n - 1)];
	for (int64_t i = 0; i < m; i++)
		found += stamped[i] > limit;
	free(room);
	return (double)found / (double)m;
}

static double
share_from(const double v[], int64_t n, double limit)
{
	int64_t count = 0;

	for (int64_t i = 0; i < n; i++)
		count += v[i] >= limit;
	return (double)count / (double)n;
}

static void
say_detector(const char *name, const struct queries *q, const double clean[],
    const double stamped[], double limit, double build, double query)
{
	printf("{\"detector\":\"%s\",\"detected\":%.4f,\"rejected\":%.4f", name,
	    share_from(stamped, q->stamped, limit), share_from(clean, q->clean, limit));
	for (int i = 0; i < 3; i++) {
		static const double at[] = { .01, .05, .1 };

		printf(",\"at_%g\":%.4f", at[i],
		    found_at(clean, stamped, q->clean, q->stamped, at[i]));
	}
	printf(",\"build_s\":%.2f,\"query_ms\":%.4f}\n", build,
	    1e3 * query / (double)(q->clean + q->stamped));
	fflush(stdout);
}

static void
detect_perturbation(
    const struct house *h, const struct queries *q, double norm, int64_t samples)
{
	const struct perturbation_options o = { .norm = norm, .samples = samples };
	struct perturbation p = { 0 };
	double *clean = calloc(QUERIES, sizeof *clean),
	       *stamped = calloc(QUERIES, sizeof *clean);
	double from = seconds(CLOCK_MONOTONIC), built, asked;
	static bool stays[2 * QUERIES];
	int64_t detected = 0, rejected = 0;

	need(clean != NULL && stamped != NULL, "memory");
	need(perturbation_make(ctx, &h->attacker, &o, &p), "perturbation");
	built = seconds(CLOCK_MONOTONIC);
	need(perturbation_scores(ctx, &h->attacker, &p, q->x, q->clean, clean, stays) &&
		perturbation_scores(
		    ctx, &h->attacker, &p, q->y, q->stamped, stamped, stays + QUERIES),
	    "perturbed");
	asked = seconds(CLOCK_MONOTONIC);
	for (int64_t i = 0; i < QUERIES; i++) {
		rejected += i < q->clean && stays[i];
		detected += i < q->stamped && stays[QUERIES + i];
	}
	printf("{\"norm\":%.4f,\"psnr\":%.2f,\"fooled\":%.4f,\"into\":%.3f,\"barred\":%d,"
	       "\"passes\":%d,\"plain_detected\":%.4f,\"plain_rejected\":%.4f}\n",
	    p.norm, 10 * log10((double)p.count / (p.norm * p.norm)), p.fooled, p.into, p.barred,
	    p.passes, (double)detected / (double)q->stamped,
	    (double)rejected / (double)q->clean);
	say_detector(
	    "perturbation_1", q, clean, stamped, p.limit[0], built - from, asked - built);
	say_detector(
	    "perturbation_5", q, clean, stamped, p.limit[1], built - from, asked - built);
	free(clean);
	free(stamped);
}

static void
detect_strip(const struct house *h, const struct queries *q)
{
	struct strip s = { 0 };
	double *clean = calloc(QUERIES, sizeof *clean),
	       *stamped = calloc(QUERIES, sizeof *clean);
	double from = seconds(CLOCK_MONOTONIC), built;

	need(clean != NULL && stamped != NULL, "memory");
	need(strip_make(ctx, &h->attacker, 0, 0, &s), "strip");
	built = seconds(CLOCK_MONOTONIC);
	need(strip_scores(ctx, &h->attacker, &s, q->x, q->clean, clean) &&
		strip_scores(ctx, &h->attacker, &s, q->y, q->stamped, stamped),
	    "laid over");
	for (int64_t i = 0; i < QUERIES; i++) {
		clean[i] = -clean[i];
		stamped[i] = -stamped[i];
	}
	say_detector("strip_1", q, clean, stamped, -s.limit[0], built - from,
	    seconds(CLOCK_MONOTONIC) - built);
	say_detector("strip_5", q, clean, stamped, -s.limit[1], built - from,
	    seconds(CLOCK_MONOTONIC) - built);
	free(clean);
	free(stamped);
}

static void
detect(int n, char **arg)
{
	struct house h = { 0 };
	struct queries q = { 0 };
	int64_t most = n > 10 ? strtol(arg[10], NULL, 10) : 0;

	open_house(arg[0], arg + 2, &h);
	say_score(&h, "victim", seconds(CLOCK_MONOTONIC));
	queries_of(&h, most > 0 && most < QUERIES ? most : QUERIES, &q);
	detect_perturbation(
	    &h, &q, strtod(arg[1], NULL), n > 11 ? strtol(arg[11], NULL, 10) : 0);
	detect_strip(&h, &q);
	free(q.x);
	free(q.y);
	close_house(&h);
}

/* ---- Removal ----------------------------------------------------------------------------- */

static void
cleanse(int n, char **arg)
{
	struct house h = { 0 };
	const struct cleanse_options o = { 0 };
	const struct backdoor_tuning t = cleanse_unlearning();
	struct cleanse r = { 0 };
	double from = seconds(CLOCK_MONOTONIC);

	open_house(arg[0], arg + 2, &h);
	poor_attacker(&h, strtol(arg[1], NULL, 10));
	say_score(&h, "victim", from);
	need(cleanse_reverse(ctx, &h.attacker, &o, &r), "cleanse");
	for (int32_t k = 0; k < r.classes; k++)
		printf("{\"class\":%d,\"norm\":%.2f,\"led\":%.3f,\"anomaly\":%.2f}\n", k,
		    r.of[k].norm, r.of[k].success, r.of[k].anomaly);
	printf(
	    "{\"suspect\":%d,\"seconds\":%.1f}\n", r.suspect, seconds(CLOCK_MONOTONIC) - from);
	need(cleanse_unlearn(ctx, &h.attacker, &r.of[r.least].mark, &t), "unlearning");
	say_score(&h, "unlearned", from);
	close_house(&h);
	(void)n;
}

static void
prune(int n, char **arg)
{
	struct house h = { 0 };
	const struct fineprune_options o = fineprune_standard();
	struct fineprune r = { 0 };
	double from = seconds(CLOCK_MONOTONIC);

	open_house(arg[0], arg + 2, &h);
	poor_attacker(&h, strtol(arg[1], NULL, 10));
	say_score(&h, "victim", from);
	need(fineprune(ctx, h.model, &h.attacker, &o, &r), "fine-pruning");
	printf("{\"pruned\":%lld,\"channels\":%lld,\"before\":%.4f,\"bare\":%.4f,"
	       "\"after\":%.4f}\n",
	    (long long)r.pruned, (long long)r.channels, r.before, r.bare, r.after);
	say_score(&h, "pruned", from);
	close_house(&h);
	(void)n;
}

static void
gan(int n, char **arg)
{
	struct house h = { 0 };
	struct gan_options o = { .epochs = (int)strtol(arg[2], NULL, 10) };
	const struct backdoor_tuning t = gan_removing();
	struct gan *g = NULL;
	double from = seconds(CLOCK_MONOTONIC);
	bool suspect;
	int32_t least;

	if (n > 11) {
		o.first = (int32_t)strtol(arg[11], NULL, 10);
		o.last = o.first + 1;
	}
	open_house(arg[0], arg + 3, &h);
	poor_attacker(&h, strtol(arg[1], NULL, 10));
	say_score(&h, "victim", from);
	need(gan_reverse(ctx, &h.attacker, &o, &g), "generators");
	for (int32_t k = o.first; k < (o.last > 0 ? o.last : gan_classes(g)); k++)
		printf("{\"class\":%d,\"change\":%.5f,\"led\":%.3f,\"anomaly\":%.2f}\n", k,
		    gan_found(g, k)->change, gan_found(g, k)->success,
		    gan_found(g, k)->anomaly);
	least = gan_least(g, &suspect);
	printf("{\"least\":%d,\"suspect\":%s,\"seconds\":%.1f}\n", least,
	    suspect ? "true" : "false", seconds(CLOCK_MONOTONIC) - from);
	need(gan_remove(ctx, &h.attacker, g, least, &t), "removal");
	say_score(&h, "removed", from);
	gan_free(&g);
	close_house(&h);
}

/* clang-format off */
static const struct {
	const char *name;
	int least; /* arguments */
	void (*run)(int n, char **arg);
} verbs[] = {
	{ "teach",  11, teach },
	{ "plant",  12, plant },
	{ "detect", 10, detect },
	{ "cleanse", 10, cleanse },
	{ "prune",  10, prune },
	{ "gan",    11, gan },
};
/* clang-format on */

int
main(int argc, char **argv)
{
	struct ctx c = ctx_real(arena_new((size_t)1 << 30), "backdoor");

	ctx = &c;
	for (size_t i = 0; argc > 1 && i < COUNT(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].least) {
			verbs[i].run(argc - 2, argv + 2);
			return 0;
		}
	stop("see the beginning of backdoor.c");
}
