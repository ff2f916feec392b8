/*
 * Slots: how many a network learns, what they cost it, and who is named.
 *
 *	slots embed MODEL IMAGES LABELS TEST_IMAGES TEST_LABELS SLOTS COPIES SAMPLES BOOST RATE
 *	    copies for as many customers, each told among a thousand; then every two mixed
 *	slots time SLOTS CUSTOMERS
 *	    what a trace takes
 *	slots plan WEIGHTS
 *	    how many slots it takes, and what a model of so many weights has room for
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "slots.h"
#include "tool.h"

enum { CUSTOMERS = 1000, COPIES_MAX = 16, COLLUDERS = 2 };
#define EPS1 1e-6

static const struct key256 secret = { { 1, 2, 3 } };

static int64_t
number(const char *s)
{
	int64_t n = 0;

	need(str_number(str_of(s), 0, INT64_MAX, &n), s);
	return n;
}

/* ---- Tracing ----------------------------------------------------------------------------- */

static void
trace_of(const struct slots *s, const uint8_t answer[], int64_t customers, size_t most,
    struct slots_traced *ret)
{
	uint32_t *customer = take(ctx, (size_t)customers * sizeof *customer);
	struct slots_trial t = { &secret, s, answer, customer, customers, SLOTS_NOISE };

	need(customer != NULL, "memory");
	for (int64_t i = 0; i < customers; i++)
		customer[i] = (uint32_t)i + 1;
	need(slots_trace(ctx, &t, EPS1, most, ret), "trace");
}

/* How many are named, and how many of them are not among 1 … copies. */
static void
print_named(const struct slots *s, const uint8_t answer[], uint32_t a, uint32_t b)
{
	struct slots_traced t;
	int named = 0, innocent = 0;

	trace_of(s, answer, CUSTOMERS, 8, &t);
	for (size_t i = 0; i < t.n; i++)
		if (t.best[i].bound_log10 + log10(CUSTOMERS) <= log10(EPS1)) {
			named++;
			innocent += t.best[i].customer != a && t.best[i].customer != b;
		}
	printf(
	    "  erased %lld, named %d, of them innocent %d; best: customer %u, z %.2f of %.2f, "
	    "bound 10^%.1f, next 10^%.1f\n",
	    (long long)t.erased, named, innocent, t.best[0].customer, t.best[0].z,
	    t.threshold_z, t.best[0].bound_log10, t.best[1].bound_log10);
}

/* ---- Copies ------------------------------------------------------------------------------ */

struct base {
	struct onnx_model *model;
	struct train_data data, test;
	struct slots slots;
	struct str bytes;
};

static void
base_read(char *v[], struct base *b)
{
	struct nn_graph *g = NULL;

	b->model = take(ctx, sizeof *b->model);
	need(file_read(ctx, AT_FDCWD, v[0], (size_t)1 << 30, &b->bytes) && b->model != NULL &&
		onnx_read(ctx, b->bytes, b->model) && nn_import(ctx, b->model, &g),
	    v[0]);
	load(v[1], v[2], g, &b->data);
	load(v[3], v[4], g, &b->test);
	printf("%lld trainable weights\n", (long long)slots_weights(g));
	nn_graph_free(&g);
}

static void
embed_one(struct base *b, uint32_t customer, struct slots_options o, uint8_t said[])
{
	struct nn_graph *g = NULL;
	struct data_form form;
	struct slots_case k = {
		.output = TRAIN_LOGITS, .data = &b->data, .test = &b->test, .slots = &b->slots
	};
	struct slots_result r;
	uint8_t *word;
	int32_t *answer;

	need(nn_import(ctx, b->model, &g) && nn_graph_load(ctx, g, (size_t)1 << 30) &&
		slots_word(ctx, &secret, &b->slots, customer, &word),
	    "copy");
	k.graph = g;
	k.word = word;
	o.seed = customer;
	need(slots_embed(ctx, &k, &o, NULL, NULL, &r), "embed");
	printf("customer %u: %lld epochs, %.1f s, slots right %.3f, clean %.4f -> %.4f, %s\n",
	    customer, (long long)r.epochs, r.seconds, r.right, r.before, r.after,
	    r.reached ? "reached" : "MISSED");
	need(slots_form(ctx, g, &b->slots, b->data.form.value[255] > 1, &form) &&
		slots_ask(ctx, g, &form, &b->slots, 1, &answer),
	    "ask");
	slots_answers(&b->slots, answer, said);
	print_named(&b->slots, said, customer, customer);
	fflush(stdout);
	nn_graph_free(&g);
}

static void
embed(char *v[])
{
	struct base b;
	struct slots_options o = slots_standard();
	int n = (int)number(v[5]), copies = (int)number(v[6]);
	uint8_t *said[COPIES_MAX], *mixed;

	need(copies >= 1 && copies <= COPIES_MAX, "1 to 16 copies");
	base_read(v, &b);
	need(slots_draw(ctx, &secret, &b.data, n, CLASSES, COLLUDERS, &b.slots), "draw");
	o.samples = number(v[7]);
	o.boost = number(v[8]);
	o.rate = strtod(v[9], NULL);
	mixed = take(ctx, (size_t)n);
	for (int i = 0; i < copies; i++) {
		said[i] = take(ctx, (size_t)n);
		embed_one(&b, (uint32_t)i + 1, o, said[i]);
	}
	for (int i = 0; i + 1 < copies; i++) {
		for (int k = 0; k < n; k++)
			mixed[k] = said[i + k % 2][k];
		printf("%d and %d mixed:\n", i + 1, i + 2);
		print_named(&b.slots, mixed, (uint32_t)i + 1, (uint32_t)i + 2);
	}
}

/* ---- Others ------------------------------------------------------------------------------ */

static void
time_trace(int n, int64_t customers)
{
	struct slots s;
	struct slots_traced t;
	struct chance r = chance_of(1, 0, 0, 0);
	uint8_t *answer = take(ctx, (size_t)n);
	double from;

	need(slots_room(ctx, n, &s) && answer != NULL, "room");
	s.colluders = COLLUDERS;
	for (int i = 0; i < n; i++)
		answer[i] = (uint8_t)chance_below(&r, 2);
	from = seconds(CLOCK_PROCESS_CPUTIME_ID);
	trace_of(&s, answer, customers, 64, &t);
	printf("%d slots, %lld customers: %.3f s of processor; best bound 10^%.2f\n", n,
	    (long long)customers, seconds(CLOCK_PROCESS_CPUTIME_ID) - from,
	    t.best[0].bound_log10);
}

static void
plan(int64_t weights)
{
	printf("capacity of %lld weights: %lld\n", (long long)weights,
	    (long long)slots_capacity(weights));
	for (int64_t customers = 10; customers <= 10000; customers *= 10)
		for (int colluders = 1; colluders <= 4; colluders++) {
			struct slots_need need_of = { customers, colluders, EPS1, .01,
				SLOTS_NOISE };
			int64_t n = 0;

			ctx->err = (struct err){ 0 };
			if (slots_plan(ctx, &need_of, weights, &n))
				printf("%lld customers, %d colluders: %lld\n",
				    (long long)customers, colluders, (long long)n);
			else
				printf("%lld customers, %d colluders: %s\n",
				    (long long)customers, colluders, ctx->err.text);
		}
}

int
main(int argc, char *argv[])
{
	struct arena *mem = arena_new((size_t)8 << 30);
	struct ctx c = ctx_real(mem, "slots");

	ctx = &c;
	if (mem == NULL)
		stop("no memory");
	if (argc == 12 && strcmp(argv[1], "embed") == 0)
		embed(argv + 2);
	else if (argc == 4 && strcmp(argv[1], "time") == 0)
		time_trace((int)number(argv[2]), number(argv[3]));
	else if (argc == 3 && strcmp(argv[1], "plan") == 0)
		plan(number(argv[2]));
	else
		stop("slots embed|time|plan: see the head of bench/slots.c");
	return 0;
}
