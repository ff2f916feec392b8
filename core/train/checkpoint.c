/*
 * Checkpoints: everything that a training is beside its graph, data and options. The options
 * are in it too, so that it is not taken up with others. Numbers are the machine's own floats:
 * a checkpoint goes on where it was made.
 */
#include <math.h>

#include "trainer.h"

#define MAGIC STR("hallmark training 1\n")
#define HEAD_MAX 512

static void
put_real(struct buf *b, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	wire_put_u64(b, bits);
}

static void
put_options(struct buf *b, const struct train_options *o)
{
	const double real[] = { o->loss.positive, o->optimiser.momentum, o->optimiser.beta2,
		o->optimiser.epsilon, o->optimiser.decay, o->schedule.rate, o->schedule.warmup,
		o->schedule.factor, o->schedule.start, o->schedule.end,
		o->schedule.momentum_low, o->clip };
	const int64_t whole[] = { o->epochs, o->batch, (int64_t)o->seed, o->loss.kind,
		o->loss.output, o->optimiser.kind, o->optimiser.nesterov, o->schedule.kind,
		o->schedule.every, o->crop, o->flip };

	for (size_t i = 0; i < COUNT(real); i++)
		put_real(b, real[i]);
	for (size_t i = 0; i < COUNT(whole); i++)
		wire_put_u64(b, (uint64_t)whole[i]);
}

/* What has to be the same when it is taken up. */
static struct str
identity(const struct trainer *t, struct buf *b)
{
	size_t weights;

	(void)nn_weights(t->graph, &weights);
	buf_put(b, MAGIC);
	put_options(b, &t->options);
	wire_put_u64(b, (uint64_t)t->data.samples->shape.dim[0]);
	wire_put_u64(b, (uint64_t)t->batch);
	wire_put_u64(b, weights);
	wire_put_u64(b, t->trainees);
	return buf_str(b);
}

static struct str
as_bytes(const float *v, int64_t n)
{
	return (struct str){ (const char *)v, (size_t)n * sizeof *v };
}

MUST static bool
save_counted(struct ctx *c, onnx_sink *sink, void *arg, struct str bytes)
{
	char text[8];
	struct buf size = BUF(text);

	wire_put_u64(&size, bytes.n);
	return sink(c, arg, buf_str(&size)) && sink(c, arg, bytes);
}

bool
trainer_save(struct ctx *c, const struct trainer *t, onnx_sink *sink, void *arg)
{
	char text[HEAD_MAX];
	struct buf head = BUF(text);
	const struct nn_weight *w;
	size_t n;

	(void)identity(t, &head);
	wire_put_u64(&head, (uint64_t)t->step);
	put_real(&head, t->loss);
	put_real(&head, t->epoch_loss);
	if (!buf_ok(c, &head) || !sink(c, arg, buf_str(&head)))
		return false;
	w = nn_weights(t->graph, &n);
	for (size_t i = 0; i < n; i++)
		if (!save_counted(c, sink, arg, as_bytes(w[i].data, w[i].count)))
			return false;
	for (size_t i = 0; i < t->trainees; i++) {
		int64_t state = optimiser_state(&t->options.optimiser);

		if (!save_counted(c, sink, arg,
			as_bytes(t->trained[i].state, state * t->trained[i].weight->count)))
			return false;
	}
	return true;
}

static double
take_real(struct wire *w)
{
	uint64_t bits = wire_u64(w);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* The next counted floats, exactly n of them, into `to`. */
static bool
load_floats(struct wire *w, float *to, int64_t n)
{
	size_t size = (size_t)n * sizeof *to;

	if (wire_u64(w) != size || w->bad || w->rest.n < size)
		return false;
	if (size > 0)
		memcpy(to, w->rest.p, size);
	w->rest.p += size;
	w->rest.n -= size;
	return true;
}

static bool
load_arrays(struct trainer *t, struct wire *w)
{
	struct nn_weight *weight;
	size_t n;

	weight = nn_weights(t->graph, &n);
	for (size_t i = 0; i < n; i++)
		if (!load_floats(w, weight[i].data, weight[i].count))
			return false;
	for (size_t i = 0; i < t->trainees; i++)
		if (!load_floats(w, t->trained[i].state,
			optimiser_state(&t->options.optimiser) * t->trained[i].weight->count))
			return false;
	return w->rest.n == 0;
}

bool
trainer_load(struct ctx *c, struct trainer *t, struct str bytes)
{
	char text[HEAD_MAX];
	struct buf own = BUF(text);
	struct str head = identity(t, &own);
	struct wire w = { bytes, false };
	int64_t step;

	if (!buf_ok(c, &own))
		return false;
	if (!str_starts(bytes, head))
		return fail(c, E_INTEGRITY, "the checkpoint is of another training");
	w.rest.p += head.n;
	w.rest.n -= head.n;
	step = (int64_t)wire_u64(&w);
	t->loss = take_real(&w);
	t->epoch_loss = take_real(&w);
	if (w.bad || step < 0 || step > t->steps || !load_arrays(t, &w))
		return fail(c, E_INTEGRITY, "the checkpoint is damaged");
	t->step = step;
	t->since = 0;
	nn_graph_changed(t->graph);
	return true;
}
