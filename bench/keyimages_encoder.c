/*
 * Autoencoders: what an attacker puts in front of a stolen network, so that whatever is unusual
 * about a picture is lost before it is seen. Each is made here as a model, operator by operator,
 * and trained to give back the pictures that the attacker has.
 */
#include <stdio.h>

#include "keyimages.h"

enum { LAYERS = 4, BATCH = 64 };

struct encoder {
	struct onnx_model model;
	struct nn_graph *graph;
	struct data_form form;
	struct runner runner;
	bool ready; /* the runner is there */
};

/* ---- The model --------------------------------------------------------------------------- */

/* A field of fewer than 128 bytes, as ONNX's files have them. */
static void
field(struct buf *b, int number, struct str bytes)
{
	buf_char(b, (char)(number * 8 + 2));
	buf_char(b, (char)bytes.n);
	buf_put(b, bytes);
}

static void
number(struct buf *b, int field_number, int64_t v)
{
	buf_char(b, (char)(field_number * 8));
	for (; v > 127; v /= 128)
		buf_char(b, (char)(v % 128 + 128));
	buf_char(b, (char)v);
}

/* Rows of `count` real numbers, as many as one likes. */
static void
value(struct buf *b, int field_number, struct str name, int64_t count)
{
	char piece[5][64];
	struct buf row = BUF(piece[0]), dim = BUF(piece[1]), shape = BUF(piece[2]);
	struct buf tensor = BUF(piece[3]), out = BUF(piece[4]);

	field(&row, 2, STR("N"));
	number(&dim, 1, count);
	field(&shape, 1, buf_str(&row));
	field(&shape, 1, buf_str(&dim));
	number(&tensor, 1, ONNX_FLOAT);
	field(&tensor, 2, buf_str(&shape));
	row.n = 0;
	field(&row, 1, buf_str(&tensor));
	field(&out, 1, name);
	field(&out, 2, buf_str(&row));
	field(b, field_number, buf_str(&out));
}

/* The least model there is: y = x. */
static struct str
seedling(int64_t count)
{
	char node_text[64], graph_text[128], opset_text[16];
	struct buf node = BUF(node_text), graph = BUF(graph_text), opset = BUF(opset_text), b;

	need(take_buf(ctx, 256, &b), "memory");
	field(&node, 1, STR("x"));
	field(&node, 2, STR("y"));
	field(&node, 4, STR("Identity"));
	field(&graph, 1, buf_str(&node));
	field(&graph, 2, STR("autoencoder"));
	value(&graph, 11, STR("x"), count);
	value(&graph, 12, STR("y"), count);
	number(&opset, 2, 13);
	number(&b, 1, 8);
	field(&b, 7, buf_str(&graph));
	field(&b, 8, buf_str(&opset));
	need(buf_ok(ctx, &graph) && buf_ok(ctx, &b), "model");
	return buf_str(&b);
}

/* What is written for layer i: its matrix, its bias, and two nodes. */
struct layers {
	struct onnx_new_tensor tensor[2 * LAYERS];
	struct onnx_new_node node[2 * LAYERS];
	struct str name[LAYERS][4]; /* matrix, bias, sum, what comes out */
	struct str input[LAYERS][3];
};

static void
layer(struct layers *l, int i, int64_t from, int64_t to)
{
	static const char letter[4] = { 'w', 'b', 'a', 'h' };
	bool last = i == LAYERS - 1;
	const float *zeros = take(ctx, (size_t)(from * to) * sizeof *zeros);

	need(zeros != NULL, "memory");
	for (int k = 0; k < 4; k++) {
		struct buf b;

		need(take_buf(ctx, 8, &b), "memory");
		buf_printf(&b, "%c%d", letter[k], i);
		l->name[i][k] = buf_str(&b);
	}
	if (last)
		l->name[i][3] = STR("y");
	l->input[i][0] = i == 0 ? STR("x") : l->name[i - 1][3];
	l->input[i][1] = l->name[i][0];
	l->input[i][2] = l->name[i][1];
	l->tensor[2 * i] = (struct onnx_new_tensor){ l->name[i][0], 2, { from, to }, zeros,
		NULL };
	l->tensor[2 * i + 1] = (struct onnx_new_tensor){ l->name[i][1], 1, { to }, zeros,
		NULL };
	l->node[2 * i] = (struct onnx_new_node){ l->name[i][2], STR("Gemm"), l->input[i],
		&l->name[i][2], 3, 1, NULL, 0 };
	l->node[2 * i + 1] = (struct onnx_new_node){ l->name[i][3],
		last ? STR("Sigmoid") : STR("Relu"), &l->name[i][2], &l->name[i][3], 1, 1, NULL,
		0 };
}

static void
build(struct encoder *e, int64_t count, const int64_t hidden[3])
{
	const int64_t width[LAYERS + 1] = { count, hidden[0], hidden[1], hidden[2], count };
	struct layers *l = take(ctx, sizeof *l);
	struct onnx_edit edit = { .tensors = 2 * LAYERS, .nodes = 2 * LAYERS };
	struct onnx_model seed;
	size_t floats = 0;
	struct buf b;

	need(l != NULL, "memory");
	for (int i = 0; i < LAYERS; i++) {
		layer(l, i, width[i], width[i + 1]);
		floats += (size_t)((width[i] + 1) * width[i + 1]);
	}
	edit.tensor = l->tensor;
	edit.node = l->node;
	need(onnx_read(ctx, seedling(count), &seed), "seedling");
	need(take_buf(ctx, floats * sizeof(float) + 4096, &b), "memory");
	need(onnx_write(ctx, &seed, &edit, buf_sink, &b), "model");
	need(onnx_read(ctx, buf_str(&b), &e->model), "model");
	need(nn_import(ctx, &e->model, &e->graph) && nn_graph_load(ctx, e->graph, SIZE_MAX),
	    "graph");
}

struct encoder *
encoder_new(int64_t count, const int64_t hidden[3], uint64_t seed)
{
	struct encoder *e = calloc(1, sizeof *e);

	need(e != NULL, "memory");
	build(e, count, hidden);
	need(train_initialise(ctx, &e->model, e->graph, TRAIN_HE, seed), "first weights");
	e->form = (struct data_form){
		.type = DATA_FLOAT, .rank = 1, .dim = { count }, .count = count
	};
	return e;
}

void
encoder_free(struct encoder **e)
{
	if (*e == NULL)
		return;
	if ((*e)->ready)
		runner_end(&(*e)->runner);
	nn_graph_free(&(*e)->graph);
	free(*e);
	*e = NULL;
}

/* ---- Training ---------------------------------------------------------------------------- */

/* A training at work. */
struct lesson {
	struct nn_graph *graph;
	struct nn_plan *plan;
	int64_t batch, outputs, step;
	float *x, *gradient;
	float **state; /* of the optimiser, by weight; NULL for what is not trained */
};

static void
lesson_start(struct encoder *e, struct lesson *l)
{
	struct nn_options o = { .mode = NN_TRAIN, .batch = BATCH, .threads = 1 };
	size_t n;
	const struct nn_weight *w;

	*l = (struct lesson){ .graph = e->graph };
	need(train_plan(ctx, e->graph, &e->form, o, &l->plan, &l->batch, &l->outputs), "plan");
	w = nn_weights(e->graph, &n);
	l->x = calloc((size_t)(l->batch * e->form.count), sizeof *l->x);
	l->gradient = calloc((size_t)(l->batch * l->outputs), sizeof *l->gradient);
	l->state = calloc(n, sizeof *l->state);
	need(l->x != NULL && l->gradient != NULL && l->state != NULL, "memory");
	for (size_t i = 0; i < n; i++) {
		if (nn_weight_gradient(l->plan, i) == NULL)
			continue;
		l->state[i] = calloc((size_t)w[i].count * 2, sizeof **l->state);
		need(l->state[i] != NULL, "memory");
	}
}

static void
lesson_end(struct lesson *l)
{
	size_t n;

	(void)nn_weights(l->graph, &n);
	for (size_t i = 0; i < n; i++)
		free(l->state[i]);
	free(l->state);
	free(l->gradient);
	free(l->x);
	nn_plan_free(&l->plan);
}

/* One batch, which lies in l->x; its loss. */
static double
lesson_step(struct lesson *l)
{
	static const struct loss squares = { .kind = TRAIN_SQUARES };
	static const struct optimiser adam = { TRAIN_ADAM, 0.9, 0.999, 1e-8, 0, false };
	const void *input[] = { l->x };
	const float *gradient[] = { l->gradient };
	double loss;
	size_t n;
	struct nn_weight *w = nn_weights(l->graph, &n);

	nn_gradients_clear(l->plan);
	need(nn_forward(ctx, l->plan, input), "forward");
	loss = loss_targets(&squares, nn_plan_output(l->plan, 0)->data, l->x, l->batch,
	    l->outputs, l->gradient);
	need(nn_backward(ctx, l->plan, gradient), "backward");
	l->step++;
	for (size_t i = 0; i < n; i++)
		if (l->state[i] != NULL)
			optimiser_step(&adam, 1e-3, l->step, false, w[i].data,
			    nn_weight_gradient(l->plan, i), l->state[i], w[i].count);
	nn_graph_changed(l->graph);
	return loss;
}

double
encoder_train(struct encoder *e, const struct train_data *d, int64_t epochs, uint64_t seed)
{
	uint32_t n = (uint32_t)d->labels->n, *order = calloc(n, sizeof *order);
	struct key256 key = key_of(seed);
	double loss = 0;
	struct lesson l;

	need(order != NULL, "memory");
	lesson_start(e, &l);
	for (int64_t epoch = 0; epoch < epochs; epoch++) {
		struct prf p = prf_stream(&key, "order", (uint32_t)epoch, 0);

		prf_perm(&p, n, order);
		need(prf_end(ctx, &p), "draws");
		loss = 0;
		for (int64_t at = 0; at + l.batch <= n; at += l.batch) {
			for (int64_t i = 0; i < l.batch; i++)
				data_floats(&d->form, data_sample(d->samples, order[at + i]), 1,
				    l.x + i * e->form.count);
			loss += lesson_step(&l);
		}
		loss /= (double)(n / l.batch);
	}
	lesson_end(&l);
	free(order);
	return loss;
}

/* ---- Kept -------------------------------------------------------------------------------- */

const char *encoders;

/* Its weights, one after the other, and the loss. */
static bool
kept_read(struct encoder *e, const char *path, double *ret)
{
	FILE *f = fopen(path, "rb");
	size_t n;
	struct nn_weight *w = nn_weights(e->graph, &n);
	bool ok = f != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = fread(w[i].data, sizeof *w[i].data, (size_t)w[i].count, f) ==
		    (size_t)w[i].count;
	ok = ok && fread(ret, sizeof *ret, 1, f) == 1;
	if (f != NULL)
		fclose(f);
	nn_graph_changed(e->graph);
	return ok;
}

static void
kept_write(struct encoder *e, const char *path, double loss)
{
	char *part = take_printf(ctx, "%s.part", path);
	FILE *f = part == NULL ? NULL : fopen(part, "wb");
	size_t n;
	const struct nn_weight *w = nn_weights(e->graph, &n);

	need(f != NULL, path);
	for (size_t i = 0; i < n; i++)
		need(fwrite(w[i].data, sizeof *w[i].data, (size_t)w[i].count, f) ==
			(size_t)w[i].count,
		    path);
	need(fwrite(&loss, sizeof loss, 1, f) == 1 && fclose(f) == 0, path);
	need(rename(part, path) == 0, path);
}

double
encoder_trained(struct encoder *e, const struct train_data *d, int64_t epochs, uint64_t seed)
{
	char *path;
	double loss;

	if (encoders == NULL)
		return encoder_train(e, d, epochs, seed);
	path = take_printf(ctx, "%s/%lld-%lld-%llu", encoders, (long long)e->form.count,
	    (long long)epochs, (unsigned long long)seed);
	need(path != NULL, "memory");
	if (kept_read(e, path, &loss))
		return loss;
	need(train_initialise(ctx, &e->model, e->graph, TRAIN_HE, seed), "first weights");
	loss = encoder_train(e, d, epochs, seed);
	kept_write(e, path, loss);
	return loss;
}

/* ---- At work ----------------------------------------------------------------------------- */

void
encoder_pass(struct encoder *e, const float *x, int64_t n, float *ret)
{
	if (!e->ready)
		runner_start(e->graph, &e->form, &e->runner);
	e->ready = true;
	runner_run(&e->runner, x, n, ret);
}
