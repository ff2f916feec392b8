/*
 * Any bytes as a network: what cannot be planned must be refused with a sentence; what can be must
 * run forward, and backward if it has gradients, in the memory that was allowed.
 */
#include "fuzz.h"
#include "nn.h"
#include "onnx.h"

enum { MEMORY = 1 << 18, NODES = 64 };
const size_t target_memory = 32 << 20;

/* Arrays of the inputs' sizes: ones, which are numbers and indices alike. */
static const void **
inputs_of(struct ctx *c, const struct nn_graph *g, const struct nn_plan *p)
{
	const void **in;
	size_t n;

	(void)nn_inputs(g, &n);
	in = take(c, n * sizeof *in + 1);
	for (size_t i = 0; in != NULL && i < n; i++) {
		const struct nn_tensor *t = nn_plan_input(p, i);
		int64_t count = nn_count(t);
		void *data = take(c, (size_t)count * sizeof(int64_t) + 1);

		if (data == NULL)
			return NULL;
		for (int64_t k = 0; k < count; k++) {
			if (t->type == NN_FLOAT)
				((float *)data)[k] = 1;
			else
				((int64_t *)data)[k] = 1;
		}
		in[i] = data;
	}
	return in;
}

static void
run(struct ctx *c, struct nn_graph *g, enum nn_mode mode, bool plain)
{
	const struct nn_options o = { .mode = mode,
		.memory_max = MEMORY,
		.batch = nn_batch_free(g) ? 2 : 1,
		.input_gradients = true,
		.plain = plain };
	owned(nn_plan_free) struct nn_plan *p = NULL;
	const float **gradient;
	const void **in;
	size_t n;

	if (!nn_plan_new(c, g, &o, &p)) {
		refused(c);
		return;
	}
	in = inputs_of(c, g, p);
	(void)nn_outputs(g, &n);
	gradient = take(c, n * sizeof *gradient + 1);
	if (in == NULL || gradient == NULL) {
		refused(c);
		return;
	}
	if (!nn_forward(c, p, in)) {
		refused(c);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (nn_plan_output(p, i)->type == NN_FLOAT)
			gradient[i] = nn_plan_output(p, i)->data;
	if (mode != NN_INFER && !nn_backward(c, p, gradient))
		refused(c);
}

void
target(struct ctx *c, struct str bytes)
{
	owned(nn_graph_free) struct nn_graph *g = NULL;
	struct onnx_model m;

	if (!onnx_read(c, bytes, &m)) {
		refused(c);
		return;
	}
	if (m.nodes > NODES)
		return;
	if (!nn_import(c, &m, &g)) {
		refused(c);
		return;
	}
	for (int plain = 0; plain < 2; plain++) {
		run(c, g, NN_INFER, plain != 0);
		run(c, g, NN_TRAIN, plain != 0);
	}
}
