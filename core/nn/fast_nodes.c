/*
 * From a plan's steps to the executor's nodes: which values have the batch as their first
 * dimension, and what kind of node each step is. A step of no special kind runs its plain kernels:
 * image by image if the images do not see each other, else on the whole batch.
 */
#include <math.h>

#include "attrs.h"
#include "fast_parts.h"

static const struct range all_of_it = { -INFINITY, INFINITY };

/* ---- Questions --------------------------------------------------------------------------- */

struct fast_value *
value_of(struct fast *f, int32_t v)
{
	return v < 0 ? NULL : &f->value[f->value[v].same];
}

bool
fast_batched(struct fast *f, int32_t v)
{
	return v >= 0 && value_of(f, v)->batched;
}

/* True if the value changes with the weights only, not from run to run. */
static bool
stands(const struct fast *f, int32_t v)
{
	return v < 0 || f->value[f->value[v].same].stands;
}

static bool
varies(const struct fast *f, int32_t v)
{
	return v >= 0 && f->plan->value[v].varies;
}

int64_t
fast_channels(const struct nn_tensor *t)
{
	return t->rank > 1 ? t->dim[1] : 1;
}

int64_t
fast_pixels(const struct nn_tensor *t)
{
	int64_t n = 1;

	for (int d = 2; d < t->rank; d++)
		n *= t->dim[d];
	return n;
}

static bool
alike(const struct fast *f, int32_t a, int32_t b)
{
	const struct nn_tensor *s = f->value[a].t, *t = f->value[b].t;
	bool ok = s->rank == t->rank && s->type == t->type;

	for (int d = 0; ok && d < s->rank; d++)
		ok = s->dim[d] == t->dim[d];
	return ok;
}

/* A real value that is the same for all images, with one number or one for each channel of `t`. */
static bool
by_channel(struct fast *f, int32_t v, const struct nn_tensor *t)
{
	const struct nn_tensor *k;

	if (v < 0 || !stands(f, v) || varies(f, v))
		return false;
	k = f->value[v].t;
	if (k->type != NN_FLOAT || k->rank > t->rank)
		return false;
	for (int d = 0; d < k->rank; d++)
		if (k->dim[d] != 1 && (t->rank - k->rank + d != 1 || k->dim[d] != t->dim[1]))
			return false;
	return true;
}

/* ---- Kinds ------------------------------------------------------------------------------- */

/* Each looks whether a step is of its kind, and fills the node. */
typedef bool kind_fn(struct fast *, const struct nn_step *, struct fast_node *);

static bool
is_conv(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	struct ctx c = { .mem = f->mem };
	bool can = false;

	if (!fast_batched(f, n->x) || !stands(f, s->node->in[1]) ||
	    (s->node->ins > 2 && !stands(f, s->node->in[2])))
		return false;
	n->kind = FAST_CONV;
	return fast_conv_possible(&c, f, n, &can) && can;
}

static bool
is_conv_transpose(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	n->transposed = true;
	return is_conv(f, s, n);
}

static bool
is_gemm(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct gemm_attr *a = s->call.attr;
	const struct nn_tensor *w = s->call.in[1],
			       *bias = s->call.ins > 2 ? s->call.in[2] : NULL;
	bool turned = w->rank == 2 && a->trans_b;

	if (!fast_batched(f, n->x) || !stands(f, s->node->in[1]) ||
	    (bias != NULL && !stands(f, s->node->in[2])) || a->trans_a || a->alpha != 1)
		return false;
	if (bias != NULL &&
	    (a->beta != 1 || nn_count(bias) != s->call.out[0]->dim[1] ||
		bias->dim[bias->rank - 1] != s->call.out[0]->dim[1]))
		return false;
	n->kind = FAST_GEMM;
	n->product = (struct product){ .m = 1,
		.k = s->call.in[0]->dim[1],
		.n = s->call.out[0]->dim[1],
		.b_turned = turned,
		.b_step = w->dim[1] };
	return true;
}

static bool
is_matmul(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct nn_tensor *x = s->call.in[0], *w = s->call.in[1];

	if (!fast_batched(f, n->x) || !stands(f, s->node->in[1]) || w->rank != 2 || x->rank < 2)
		return false;
	n->kind = FAST_GEMM;
	n->product = (struct product){ .m = nn_count(x) / f->batch / w->dim[0],
		.k = w->dim[0],
		.n = w->dim[1],
		.b_step = w->dim[1] };
	return true;
}

static bool
is_norm(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct norm_attr *a = s->call.attr;
	const int32_t *in = s->node->in;
	bool of_batch = s->call.training || a->training;

	for (int i = 1; i < s->call.outs; i++)
		if (s->call.out[i] != NULL)
			return false;
	if (!fast_batched(f, n->x) || !stands(f, in[1]) || !stands(f, in[2]))
		return false;
	for (int i = 3; i < 5 && !of_batch; i++)
		if (!stands(f, in[i]) || varies(f, in[i]))
			return false;
	n->kind = of_batch || varies(f, in[1]) || varies(f, in[2]) ? FAST_NORM : FAST_AFFINE;
	n->chain[n->chained++] = s;
	return true;
}

static bool
is_arithmetic(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct binary_attr *attr = s->call.attr;
	int32_t a = s->node->in[0], b = s->node->in[1];
	bool swapped = !fast_batched(f, a);

	if (s->call.out[0]->type != NN_FLOAT || (attr != NULL && attr->aligned))
		return false;
	if (s->node->op == OP_ADD && fast_batched(f, a) && fast_batched(f, b) &&
	    alike(f, a, b)) {
		n->kind = FAST_ADD;
		n->x = a;
		n->u = b;
		return true;
	}
	n->x = swapped ? b : a;
	if (!fast_batched(f, n->x) || !by_channel(f, swapped ? a : b, s->call.out[0]) ||
	    !alike(f, n->x, n->y) || (s->node->op == OP_DIV && swapped))
		return false;
	n->kind = FAST_AFFINE;
	n->chain[n->chained++] = s;
	return true;
}

static bool
is_act(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const float bounds[] = { 0, INFINITY };

	if (!fast_batched(f, n->x) || s->call.in[0]->type != NN_FLOAT)
		return false;
	n->range = (struct range){ bounds[0], bounds[1] };
	if (s->node->op == OP_CLIP) {
		n->range = all_of_it;
		for (int i = 1; i < s->call.ins; i++) {
			if (s->node->in[i] < 0)
				continue;
			if (!f->plan->value[s->node->in[i]].known ||
			    f->plan->value[s->node->in[i]].once)
				return false;
			*(i == 1 ? &n->range.low
				 : &n->range.high) = *(const float *)s->call.in[i]->data;
		}
	}
	n->kind = FAST_ACT;
	return true;
}

static bool
is_pool(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct window_attr *a = s->call.attr;
	struct ctx c = { 0 };
	struct window w;

	if (!fast_batched(f, n->x) || !window_of_pool(&c, &s->call, &w) || w.kernel[0] != 1 ||
	    w.in[0] != 1 || w.pad[0] + w.pad_end[0] != 0 || w.kernel[1] * w.kernel[2] > 255 ||
	    (s->call.outs > 1 && s->call.out[1] != NULL))
		return false;
	n->pool.channels = w.channels;
	for (int d = 0; d < 2; d++) {
		if (w.dilation[d + 1] != 1 || w.pad[d + 1] >= w.kernel[d + 1] ||
		    (w.out[d + 1] - 1) * w.stride[d + 1] - w.pad[d + 1] >= w.in[d + 1])
			return false;
		n->pool.in[d] = w.in[d + 1];
		n->pool.out[d] = w.out[d + 1];
		n->pool.kernel[d] = w.kernel[d + 1];
		n->pool.stride[d] = w.stride[d + 1];
		n->pool.pad[d] = w.pad[d + 1];
		n->pool.counted[d][0] = a->count_include_pad ? -w.pad[d + 1] : 0;
		n->pool.counted[d][1] = w.in[d + 1] +
		    (a->count_include_pad ? w.pad_end[d + 1] : 0);
	}
	n->pool.to = n->pool.out[0];
	n->kind = FAST_POOL;
	n->max = s->node->op == OP_MAX_POOL;
	return true;
}

static bool
is_global(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	(void)s;
	n->kind = FAST_GLOBAL;
	return fast_batched(f, n->x);
}

static bool
is_concat(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct axis_attr *a = s->call.attr;

	if (s->call.out[0]->rank < 2 || s->call.out[0]->type != NN_FLOAT ||
	    (a->axis != 1 && a->axis != 1 - s->call.out[0]->rank))
		return false;
	for (int i = 0; i < s->call.ins; i++)
		if (!fast_batched(f, s->node->in[i]))
			return false;
	n->kind = FAST_CONCAT;
	return true;
}

static bool
is_view(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct nn_tensor *x = s->call.in[0], *y = s->call.out[0];

	if (!fast_batched(f, n->x) || y->rank < 1 || y->dim[0] != f->batch ||
	    x->type != y->type || nn_count(x) != nn_count(y))
		return false;
	n->kind = FAST_VIEW;
	return true;
}

/* Another name for the same values; nothing runs. */
static bool
is_name(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	f->value[n->y].same = f->value[n->x].same;
	f->value[n->y].batched = fast_batched(f, n->x);
	n->kind = FAST_GONE;
	(void)s;
	return true;
}

static bool
is_quiet_dropout(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	if (s->call.training || (s->call.outs > 1 && s->call.out[1] != NULL))
		return false;
	return is_name(f, s, n);
}

static bool
is_no_pad(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	const struct nn_tensor *pads = s->call.ins > 1 ? s->call.in[1] : NULL;

	if (pads == NULL || pads->data == NULL)
		return false;
	for (int64_t i = 0; i < nn_count(pads); i++)
		if (((const int64_t *)pads->data)[i] != 0)
			return false;
	return is_name(f, s, n);
}

/* clang-format off */
static kind_fn *const kinds[OP_COUNT] = {
	[OP_ADD] = is_arithmetic,
	[OP_AVERAGE_POOL] = is_pool,
	[OP_BATCH_NORMALIZATION] = is_norm,
	[OP_CLIP] = is_act,
	[OP_CONCAT] = is_concat,
	[OP_CONV] = is_conv,
	[OP_CONV_TRANSPOSE] = is_conv_transpose,
	[OP_DIV] = is_arithmetic,
	[OP_DROPOUT] = is_quiet_dropout,
	[OP_FLATTEN] = is_view,
	[OP_GEMM] = is_gemm,
	[OP_GLOBAL_AVERAGE_POOL] = is_global,
	[OP_IDENTITY] = is_name,
	[OP_MAT_MUL] = is_matmul,
	[OP_MAX_POOL] = is_pool,
	[OP_MUL] = is_arithmetic,
	[OP_PAD] = is_no_pad,
	[OP_RELU] = is_act,
	[OP_RESHAPE] = is_view,
	[OP_SQUEEZE] = is_view,
	[OP_SUB] = is_arithmetic,
	[OP_UNSQUEEZE] = is_view,
};
/* clang-format on */

static struct fast_node
node_of(const struct nn_step *s)
{
	return (struct fast_node){ .kind = FAST_WHOLE,
		.step = s,
		.x = s->node->ins > 0 ? s->node->in[0] : -1,
		.u = -1,
		.y = s->node->out[0],
		.range = all_of_it,
		.which.block = -1,
		.saved.block = -1 };
}

static void
classify(struct fast *f, const struct nn_step *s, struct fast_node *n)
{
	kind_fn *kind = kinds[s->node->op];
	bool batched = false, standing = true;

	*n = node_of(s);
	if (kind != NULL && n->x >= 0 && kind(f, s, n)) {
		if (n->kind != FAST_GONE)
			f->value[n->y].batched = true;
		return;
	}
	*n = node_of(s);
	for (int i = 0; i < s->node->ins; i++) {
		batched = batched || fast_batched(f, s->node->in[i]);
		standing = standing && stands(f, s->node->in[i]);
	}
	if (batched && fast_apart(f, s))
		n->kind = FAST_PLAIN;
	for (int i = 0; i < s->node->outs; i++)
		if (s->node->out[i] >= 0) {
			f->value[s->node->out[i]].batched = n->kind == FAST_PLAIN;
			f->value[s->node->out[i]].stands = standing;
		}
}

static bool
start_values(struct ctx *c, struct fast *f)
{
	const struct nn_graph *g = f->plan->graph;

	f->values = g->values;
	f->value = take(c, g->values * sizeof *f->value + 1);
	if (f->value == NULL)
		return false;
	for (size_t i = 0; i < g->values; i++) {
		const struct plan_value *v = &f->plan->value[i];

		f->value[i] = (struct fast_value){ .t = &v->t,
			.stands = v->known || g->value[i].source == NN_FROM_WEIGHT,
			.node = -1,
			.same = (int32_t)i,
			.root = -1,
			.place.block = -1,
			.fresh.block = -1,
			.grad.block = -1 };
	}
	f->batch = 1;
	for (size_t i = g->inputs; i-- > 0;)
		if (f->value[g->input_value[i]].t->rank > 0)
			f->batch = f->value[g->input_value[i]].t->dim[0];
	if (f->batch < 1)
		f->batch = 1;
	for (size_t i = 0; i < g->inputs; i++) {
		struct fast_value *v = &f->value[g->input_value[i]];

		v->batched = v->t->rank > 0 && v->t->dim[0] == f->batch;
	}
	return true;
}

bool
fast_nodes(struct ctx *c, struct fast *f)
{
	if (!start_values(c, f))
		return false;
	f->node = take(c, f->plan->steps * sizeof *f->node + 1);
	if (f->node == NULL)
		return false;
	for (size_t i = 0; i < f->plan->steps; i++) {
		const struct nn_step *s = &f->plan->step[i];

		if (s->once)
			continue;
		classify(f, s, &f->node[f->nodes]);
		f->nodes++;
	}
	return true;
}
