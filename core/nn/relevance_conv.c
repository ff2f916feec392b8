/*
 * Convolutions for relevance by the library, with any weights: most of the time goes into them.
 * What comes and goes lies in ONNX's own order; images are turned on the way.
 */
#include <math.h>

#include "attrs.h"
#include "dnnl_edge.h"
#include "plan.h"
#include "relevance.h"

struct relevance_conv {
	struct conv *run[2]; /* CONV_FORWARD, CONV_TO_IMAGE */
	struct conv_shape shape;
	int64_t images, image, map; /* how many; places of each */
	size_t packed;              /* floats */
	const struct relevance_desk *desk;
};

void
relevance_conv_free(struct relevance_conv **v)
{
	if (*v == NULL)
		return;
	conv_free(&(*v)->run[CONV_FORWARD]);
	conv_free(&(*v)->run[CONV_TO_IMAGE]);
	free(*v);
	*v = NULL;
}

static int64_t
places(const int64_t space[CONV_SPACE])
{
	return space[0] * space[1] * space[2];
}

static bool
shape_of(const struct nn_call *k, struct relevance_conv *v)
{
	const struct window_attr *a = k->attr;
	struct ctx c = { 0 };
	struct window w;

	if (!window_of_conv(&c, k, &w) || nn_count(k->in[0]) == 0 || nn_count(k->out[0]) == 0)
		return false;
	v->shape = (struct conv_shape){ .channels = w.channels,
		.maps = k->in[1]->dim[0],
		.group = a->group,
		.space = k->in[0]->rank == 5 ? 3 : 2 };
	memcpy(v->shape.in, w.in, sizeof w.in);
	memcpy(v->shape.out, w.out, sizeof w.out);
	memcpy(v->shape.kernel, w.kernel, sizeof w.kernel);
	memcpy(v->shape.stride, w.stride, sizeof w.stride);
	memcpy(v->shape.dilation, w.dilation, sizeof w.dilation);
	memcpy(v->shape.pad, w.pad, sizeof w.pad);
	memcpy(v->shape.pad_end, w.pad_end, sizeof w.pad_end);
	v->images = w.batch;
	v->image = places(w.in);
	v->map = places(w.out);
	return true;
}

static void
larger(size_t *size, size_t than)
{
	if (*size < than)
		*size = than;
}

bool
relevance_conv_new(struct ctx *c, const struct nn_call *k, struct relevance_desk *desk,
    struct relevance_conv **ret)
{
	owned(relevance_conv_free) struct relevance_conv *v = calloc(1, sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for a convolution");
	if (!shape_of(k, v))
		return true;
	for (enum conv_pass pass = CONV_FORWARD; pass <= CONV_TO_IMAGE; pass++) {
		const struct conv_part all = { v->images, 0, v->shape.out[1] };
		const struct conv_after none = { .range = { -INFINITY, INFINITY } };

		if (!conv_new(c, &v->shape, pass, &none, &all, 1, 1, &v->run[pass]))
			return false;
		if (v->run[pass] == NULL)
			return true;
		larger(&v->packed, conv_packed(v->run[pass]));
		larger(&desk->scratch_size, conv_scratch(v->run[pass]));
	}
	v->desk = desk;
	larger(&desk->image_size, (size_t)nn_count(k->in[0]));
	larger(&desk->map_size, (size_t)nn_count(k->out[0]));
	larger(&desk->weights_size, v->packed);
	*ret = steal(v);
	return true;
}

/* Channels last, or first again. */
static void
turn_all(float *to, const float *from, int64_t images, int64_t rows, int64_t cols)
{
	const struct rows r = { rows, cols, { rows, cols } };

	for (int64_t n = 0; n < images; n++)
		kernels_here()->turn(&r, to + n * rows * cols, from + n * rows * cols);
}

void
relevance_conv_forward(
    const struct relevance_conv *v, const float *a, const float *w, float *out)
{
	const struct relevance_desk *d = v->desk;
	const struct conv *run = v->run[CONV_FORWARD];

	edge_enter();
	turn_all(d->image, a, v->images, v->shape.channels, v->image);
	conv_pack(run, w, d->weights);
	conv_run(run, 0, 0, d->image, d->weights, NULL, d->map, d->scratch);
	turn_all(out, d->map, v->images, v->map, v->shape.maps);
}

void
relevance_conv_back(const struct relevance_conv *v, const float *s, const float *w, float *din)
{
	const struct relevance_desk *d = v->desk;
	const struct conv *run = v->run[CONV_TO_IMAGE];

	edge_enter();
	turn_all(d->map, s, v->images, v->shape.maps, v->map);
	conv_pack(run, w, d->weights);
	conv_run(run, 0, 0, d->image, d->weights, NULL, d->map, d->scratch);
	turn_all(din, d->image, v->images, v->image, v->shape.channels);
}

/* ---- In a plan --------------------------------------------------------------------------- */

void
relevance_conv_step(const struct relevance_conv *v, const struct nn_call *k)
{
	struct nn_tensor bias;
	const struct nn_tensor *const t[] = { k->out[0], &bias };

	relevance_conv_forward(v, reals(k->in[0]), reals(k->in[1]), reals(k->out[0]));
	if (k->ins < 3 || k->in[2] == NULL)
		return;
	bias = *k->in[2];
	for (int d = 2; d < k->out[0]->rank; d++)
		shape_push(&bias, 1);
	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t[0])[w.at[0] + i * w.by[0]] += reals(
			    t[1])[w.at[1] + i * w.by[1]];
}

static float *
aligned(struct ctx *c, struct nn_plan *p, size_t floats)
{
	char *at = plan_take(c, p, floats * sizeof(float) + 64);

	return at == NULL ? NULL : (float *)(void *)(at + (-(uintptr_t)at & 63));
}

/* All tensors of a plan that explains are dense but for what the caller brings. */
static bool
suits(const struct nn_step *s)
{
	const struct nn_call *k = &s->call;

	return s->node->op == OP_CONV && tensor_is_dense(k->in[0]) &&
	    tensor_is_dense(k->in[1]) && tensor_is_dense(k->out[0]);
}

bool
plan_convolutions(struct ctx *c, struct nn_plan *p)
{
	struct relevance_desk *d = &p->desk;

	for (size_t n = 0; n < p->steps; n++)
		if (!p->step[n].once && suits(&p->step[n]) &&
		    !relevance_conv_new(c, &p->step[n].call, d, &p->step[n].conv))
			return false;
	if (d->image_size == 0)
		return true;
	d->image = aligned(c, p, d->image_size);
	d->map = aligned(c, p, d->map_size);
	d->weights = aligned(c, p, d->weights_size);
	d->scratch = aligned(c, p, d->scratch_size / sizeof(float) + 1);
	return d->image != NULL && d->map != NULL && d->weights != NULL && d->scratch != NULL;
}
