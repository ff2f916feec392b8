/*
 * Any bytes as a network: what cannot be planned must be refused with a sentence; what can be must
 * run forward, and backward if it has gradients, in the memory that was allowed.
 */
#include <stdio.h>

#include "nn.h"
#include "onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { ARENA = 32 << 20, MEMORY = 1 << 18, NODES = 64 };

static void
must(bool ok, const char *what, const struct ctx *c)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, c->err.text);
	abort();
}

/* A refusal is an answer; anything else that went wrong is a finding. */
static void
refused(struct ctx *c)
{
	enum err_code code = c->err.code;

	must(code == E_INPUT || code == E_LIMIT || code == E_MEMORY, "an odd refusal", c);
	must(c->err.text[0] != '\0', "no sentence", c);
	c->err = (struct err){ 0 };
}

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	owned(arena_free) struct arena *mem = arena_new(ARENA);
	owned(nn_graph_free) struct nn_graph *g = NULL;
	struct ctx c = ctx_real(mem, "fuzz");
	struct onnx_model m;

	if (mem == NULL)
		return 0;
	if (!onnx_read(&c, (struct str){ (const char *)data, n }, &m)) {
		refused(&c);
		return 0;
	}
	if (m.nodes > NODES)
		return 0;
	if (!nn_import(&c, &m, &g)) {
		refused(&c);
		return 0;
	}
	for (int plain = 0; plain < 2; plain++) {
		run(&c, g, NN_INFER, plain != 0);
		run(&c, g, NN_TRAIN, plain != 0);
	}
	return 0;
}
