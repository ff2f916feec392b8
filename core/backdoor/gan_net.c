/*
 * A network of our own in training: Adam over all its weights, as the attack is told to (betas .5
 * and .999, usual where two networks learn against each other).
 */
#include "gan_parts.h"

#define NET_BYTES ((size_t)64 << 20) /* of its weights */
#define FIRST .1F /* how much of usual first weights the last layer gets: changes begin small */

/*
 * How much faster the array is learnt that is added to every picture alike: a number of it has to
 * cover the whole way from nothing to a trigger's by itself.
 */
#define SAME_RATE 20

static const struct optimiser adam = { TRAIN_ADAM, .5, .999, 1e-8, 0, false };

void
gan_net_done(struct gan_net *n)
{
	for (size_t i = 0; n->state != NULL && i < n->states; i++)
		free(n->state[i]);
	free(n->state);
	nn_plan_free(&n->plan);
	nn_graph_free(&n->graph);
	arena_free(&n->mem);
	*n = (struct gan_net){ 0 };
}

MUST static bool
open_net(struct ctx *c, gan_model *make, const struct backdoor_shape *s, int64_t batch,
    int threads, struct gan_net *n)
{
	const struct nn_options o = {
		.mode = NN_TRAIN,
		.batch = batch,
		.threads = threads,
		.input_gradients = true,
	};
	struct str bytes;

	n->model = take(c, sizeof *n->model);
	return n->model != NULL && make(c, s, &bytes) && onnx_read(c, bytes, n->model) &&
	    nn_import(c, n->model, &n->graph) && nn_graph_load(c, n->graph, NET_BYTES) &&
	    nn_plan_new(c, n->graph, &o, &n->plan);
}

bool
gan_net_new(struct ctx *c, gan_model *make, const struct backdoor_shape *s, int64_t batch,
    int threads, struct gan_net *ret)
{
	owned(gan_net_done) struct gan_net n = { .mem = arena_new(4 * NET_BYTES) };
	struct ctx aside = *c;
	const struct nn_weight *w;
	bool ok;

	if (n.mem == NULL)
		return fail(c, E_MEMORY, "no memory");
	aside.mem = n.mem;
	ok = open_net(&aside, make, s, batch, threads, &n);
	c->err = aside.err;
	if (!ok)
		return false;
	w = nn_weights(n.graph, &n.states);
	n.state = calloc(n.states + 1, sizeof *n.state);
	for (size_t i = 0; n.state != NULL && i < n.states; i++)
		if (!backdoor_floats(c, optimiser_state(&adam) * w[i].count, &n.state[i]))
			return false;
	if (n.state == NULL)
		return fail(c, E_MEMORY, "no memory");
	*ret = n;
	n = (struct gan_net){ 0 };
	return true;
}

bool
gan_net_begin(struct ctx *c, struct gan_net *n, uint64_t seed)
{
	size_t all;
	struct nn_weight *w = nn_weights(n->graph, &all);
	struct nn_weight *last = NULL;

	if (!train_initialise(c, n->model, n->graph, TRAIN_HE, seed))
		return false;
	for (size_t i = 0; i < all; i++) {
		memset(n->state[i], 0,
		    (size_t)(optimiser_state(&adam) * w[i].count) * sizeof(float));
		if (w[i].trainable && w[i].rank > 1 && !str_same(w[i].name, STR("same")))
			last = &w[i];
	}
	for (int64_t i = 0; last != NULL && i < last->count; i++)
		last->data[i] *= FIRST;
	nn_gradients_clear(n->plan);
	nn_graph_changed(n->graph);
	n->step = 0;
	return true;
}

bool
gan_net_run(struct ctx *c, struct gan_net *n, const float *in, const float **ret)
{
	const void *input[] = { in };

	if (!nn_forward(c, n->plan, input))
		return false;
	*ret = nn_plan_output(n->plan, 0)->data;
	return true;
}

bool
gan_net_back(struct ctx *c, struct gan_net *n, const float *slope, const float **ret_input)
{
	const float *gradient[] = { slope };

	if (!nn_backward(c, n->plan, gradient))
		return false;
	*ret_input = nn_input_gradient(n->plan, 0);
	return true;
}

void
gan_net_step(struct gan_net *n, double rate)
{
	size_t all;
	struct nn_weight *w = nn_weights(n->graph, &all);

	n->step++;
	for (size_t i = 0; i < all; i++) {
		const float *g = nn_weight_gradient(n->plan, i);

		if (g != NULL)
			optimiser_step(
			    &adam, rate, n->step, false, w[i].data, g, n->state[i], w[i].count);
	}
	nn_gradients_clear(n->plan);
	nn_graph_changed(n->graph);
}

int64_t
gan_net_numbers(const struct gan_net *n)
{
	size_t all;
	const struct nn_weight *w = nn_weights(n->graph, &all);
	int64_t sum = 0;

	for (size_t i = 0; i < all; i++)
		sum += w[i].count;
	return sum;
}

void
gan_net_save(const struct gan_net *n, float *to)
{
	size_t all;
	const struct nn_weight *w = nn_weights(n->graph, &all);

	for (size_t i = 0; i < all; to += w[i++].count)
		memcpy(to, w[i].data, (size_t)w[i].count * sizeof *to);
}

void
gan_net_load(struct gan_net *n, const float *from)
{
	size_t all;
	struct nn_weight *w = nn_weights(n->graph, &all);

	for (size_t i = 0; i < all; from += w[i++].count)
		memcpy(w[i].data, from, (size_t)w[i].count * sizeof *from);
	nn_graph_changed(n->graph);
}
