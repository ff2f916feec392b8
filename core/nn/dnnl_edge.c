/*
 * oneDNN. A pass is a primitive for each number of images, with its own scratch memory and its own
 * memory objects for each thread, since the library's would be shared (and silently wrong). Of its
 * implementations the first is taken, but for few channels the one that works in whole images.
 */
#include <dnnl.h>
#include <pthread.h>
#include <string.h>

#include "dnnl_edge.h"

/* Of the OpenMP runtime that oneDNN brings along; its header belongs to one compiler. */
void omp_set_num_threads(int);

enum {
	CACHE = 64,        /* primitives that the library itself keeps */
	FEW_CHANNELS = 16, /* below, the blocked kernels waste most of a vector */
	ARGS = 5,
	DIMS = CONV_SPACE + 3,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static bool ready;

static void
start(void)
{
	omp_set_num_threads(1);
	/* No kernel is announced to a profiler: the library would look for one in files. */
	ready = dnnl_set_jit_profiling_flags(DNNL_JIT_PROFILE_NONE) == dnnl_success &&
	    dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
	    dnnl_stream_create(&stream, engine, dnnl_stream_in_order) == dnnl_success &&
	    dnnl_set_primitive_cache_capacity(CACHE) == dnnl_success;
}

void
edge_enter(void)
{
	pthread_once(&once, start);
	omp_set_num_threads(1);
}

/* The arguments of one primitive for one thread: image, weights, bias, map, scratch. */
struct bound {
	dnnl_exec_arg_t arg[ARGS];
	void *at
	    [ARGS]; /* where each points: telling the library costs it a look at the padding */
};

struct conv {
	enum conv_pass pass;
	bool bias;
	int threads;
	dnnl_primitive_t run[CONV_VARIANTS];
	struct bound *bound[CONV_VARIANTS];                     /* by thread */
	int64_t image_at[CONV_VARIANTS], map_at[CONV_VARIANTS]; /* where the part begins */
	size_t scratch;
	dnnl_memory_desc_t packed, plain;
	dnnl_primitive_t pack;
	dnnl_memory_t pack_from, pack_to;
};

void
conv_free(struct conv **c)
{
	struct conv *v = *c;

	if (v == NULL)
		return;
	for (int i = 0; i < CONV_VARIANTS; i++) {
		for (int t = 0; v->bound[i] != NULL && t < v->threads; t++)
			for (int a = 0; a < ARGS; a++)
				dnnl_memory_destroy(v->bound[i][t].arg[a].memory);
		free(v->bound[i]);
		dnnl_primitive_destroy(v->run[i]);
	}
	dnnl_memory_destroy(v->pack_from);
	dnnl_memory_destroy(v->pack_to);
	dnnl_primitive_destroy(v->pack);
	free(v);
	*c = NULL;
}

size_t
conv_packed(const struct conv *v)
{
	return (dnnl_memory_desc_get_size(&v->packed) + sizeof(float) - 1) / sizeof(float);
}

size_t
conv_scratch(const struct conv *v)
{
	return v->scratch;
}

/* ---- Descriptors ------------------------------------------------------------------------- */

struct described {
	dnnl_memory_desc_t image, map, weights, bias;
	dnnl_dims_t stride, dilation, pad, pad_end;
};

static dnnl_status_t
describe_activation(
    dnnl_memory_desc_t *md, int64_t n, int64_t channels, const int64_t space[], int dims)
{
	dnnl_dims_t d = { n, channels };

	for (int i = 0; i < dims; i++)
		d[i + 2] = space[CONV_SPACE - dims + i];
	return dnnl_memory_desc_init_by_tag(
	    md, dims + 2, d, dnnl_f32, dims == 2 ? dnnl_nhwc : dnnl_ndhwc);
}

static dnnl_status_t
describe_weights(dnnl_memory_desc_t *md, const struct conv_shape *s, bool any)
{
	static const dnnl_format_tag_t tags[2][2] = { { dnnl_oihw, dnnl_goihw },
		{ dnnl_oidhw, dnnl_goidhw } };
	bool grouped = s->group > 1;
	dnnl_dims_t d = { s->group, s->maps / s->group, s->channels / s->group };
	dnnl_dim_t *from = grouped ? d : d + 1;

	for (int i = 0; i < s->space; i++)
		d[i + 3] = s->kernel[CONV_SPACE - s->space + i];
	return dnnl_memory_desc_init_by_tag(md, s->space + 2 + grouped, from, dnnl_f32,
	    any ? dnnl_format_tag_any : tags[s->space - 2][grouped]);
}

static bool
describe(const struct conv_shape *s, int64_t n, const dnnl_memory_desc_t *packed,
    struct described *ret)
{
	dnnl_dims_t maps = { s->maps };

	for (int i = 0; i < s->space; i++) {
		int from = CONV_SPACE - s->space + i;

		ret->stride[i] = s->stride[from];
		ret->dilation[i] = s->dilation[from] - 1;
		ret->pad[i] = s->pad[from];
		ret->pad_end[i] = s->pad_end[from];
	}
	if (packed != NULL)
		ret->weights = *packed;
	else if (describe_weights(&ret->weights, s, true) != dnnl_success)
		return false;
	return describe_activation(&ret->image, n, s->channels, s->in, s->space) ==
	    dnnl_success &&
	    describe_activation(&ret->map, n, s->maps, s->out, s->space) == dnnl_success &&
	    dnnl_memory_desc_init_by_tag(&ret->bias, 1, maps, dnnl_f32, dnnl_a) == dnnl_success;
}

/* ---- Choosing an implementation ---------------------------------------------------------- */

static bool
attributes(const struct conv_after *after, dnnl_primitive_attr_t attr)
{
	dnnl_post_ops_t ops = NULL;
	dnnl_status_t s;

	if (dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) !=
	    dnnl_success)
		return false;
	if (after == NULL)
		return true;
	s = dnnl_post_ops_create(&ops);
	if (s == dnnl_success && after->adds)
		s = dnnl_post_ops_append_sum(ops, 1);
	if (s == dnnl_success && after->range.low == 0 && after->range.high > 1e38f)
		s = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
	else if (s == dnnl_success && (after->range.low > -1e38f || after->range.high < 1e38f))
		s = dnnl_post_ops_append_eltwise(
		    ops, 1, dnnl_eltwise_clip, after->range.low, after->range.high);
	if (s == dnnl_success)
		s = dnnl_primitive_attr_set_post_ops(attr, ops);
	dnnl_post_ops_destroy(ops);
	return s == dnnl_success;
}

static bool
name_has(const_dnnl_primitive_desc_t pd, const char *what)
{
	const char *name = "";

	(void)dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
	return strstr(name, what) != NULL;
}

/* NULL if there is none, or none that is not the slow reference. */
static dnnl_primitive_desc_t
first_good(const_dnnl_op_desc_t op, dnnl_primitive_attr_t attr,
    const_dnnl_primitive_desc_t hint, bool few)
{
	dnnl_primitive_desc_iterator_t it = NULL;
	dnnl_primitive_desc_t pd = NULL;

	if (dnnl_primitive_desc_iterator_create(&it, op, attr, engine, hint) != dnnl_success)
		return NULL;
	do {
		dnnl_primitive_desc_destroy(pd);
		pd = dnnl_primitive_desc_iterator_fetch(it);
	} while (pd != NULL && few && name_has(pd, "brg") &&
	    dnnl_primitive_desc_iterator_next(it) == dnnl_success);
	dnnl_primitive_desc_iterator_destroy(it);
	if (pd != NULL && name_has(pd, "ref")) {
		dnnl_primitive_desc_destroy(pd);
		pd = NULL;
	}
	return pd;
}

static dnnl_primitive_desc_t
choose(const struct conv_shape *s, enum conv_pass pass, const struct conv_after *after,
    struct described *d, dnnl_primitive_attr_t attr)
{
	dnnl_convolution_desc_t op;
	dnnl_primitive_desc_t hint, pd = NULL;
	bool few = s->channels < FEW_CHANNELS;
	const dnnl_memory_desc_t *bias = after != NULL && after->bias ? &d->bias : NULL;

	if (pass == CONV_FORWARD) {
		if (dnnl_dilated_convolution_forward_desc_init(&op, dnnl_forward_inference,
			dnnl_convolution_direct, &d->image, &d->weights, bias, &d->map,
			d->stride, d->dilation, d->pad, d->pad_end) != dnnl_success)
			return NULL;
		return first_good(&op, attr, NULL, few);
	}
	if (dnnl_dilated_convolution_forward_desc_init(&op, dnnl_forward_training,
		dnnl_convolution_direct, &d->image, &d->weights, NULL, &d->map, d->stride,
		d->dilation, d->pad, d->pad_end) != dnnl_success ||
	    dnnl_primitive_desc_create(&hint, &op, NULL, engine, NULL) != dnnl_success)
		return NULL;
	if (pass == CONV_TO_IMAGE
		? dnnl_dilated_convolution_backward_data_desc_init(&op, dnnl_convolution_direct,
		      &d->image, &d->weights, &d->map, d->stride, d->dilation, d->pad,
		      d->pad_end) == dnnl_success
		: dnnl_dilated_convolution_backward_weights_desc_init(&op,
		      dnnl_convolution_direct, &d->image, &d->weights, bias, &d->map, d->stride,
		      d->dilation, d->pad, d->pad_end) == dnnl_success)
		pd = first_good(&op, attr, hint, false);
	dnnl_primitive_desc_destroy(hint);
	return pd;
}

/* ---- Making ------------------------------------------------------------------------------ */

static bool
bind(struct conv *v, int which, const struct described *d, const dnnl_memory_desc_t *scratch)
{
	static const int forward[ARGS] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS,
		DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD };
	static const int image[ARGS] = { DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS,
		DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD };
	static const int weights[ARGS] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS,
		DNNL_ARG_DIFF_BIAS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD };
	const int *arg = v->pass == CONV_FORWARD ? forward
	    : v->pass == CONV_TO_IMAGE           ? image
						 : weights;
	const dnnl_memory_desc_t *md[ARGS] = { &d->image, &v->packed, &d->bias, &d->map,
		scratch };

	v->bound[which] = calloc((size_t)v->threads, sizeof *v->bound[which]);
	if (v->bound[which] == NULL)
		return false;
	for (int t = 0; t < v->threads; t++)
		for (int a = 0; a < ARGS; a++) {
			dnnl_exec_arg_t *to = &v->bound[which][t].arg[a];

			to->arg = arg[a];
			if (dnnl_memory_create(&to->memory, md[a], engine, DNNL_MEMORY_NONE) !=
			    dnnl_success)
				return false;
		}
	return true;
}

/* The rows of the image that some rows of the result see, with the padding that they meet. */
static struct conv_shape
rows_of(struct conv *v, const struct conv_shape *s, int which, const struct conv_part *part)
{
	enum { ROWS = 1, COLUMNS = 2 };
	struct conv_shape cut = *s;
	int64_t stride = s->stride[ROWS], from = part->from * stride - s->pad[ROWS];
	int64_t to = (part->to - 1) * stride - s->pad[ROWS] +
	    (s->kernel[ROWS] - 1) * s->dilation[ROWS] + 1;

	if (part->from == 0 && part->to == s->out[ROWS])
		return cut;
	cut.pad[ROWS] = from < 0 ? -from : 0;
	cut.pad_end[ROWS] = to > s->in[ROWS] ? to - s->in[ROWS] : 0;
	from += cut.pad[ROWS];
	cut.in[ROWS] = to - cut.pad_end[ROWS] - from;
	cut.out[ROWS] = part->to - part->from;
	v->image_at[which] = from * s->in[COLUMNS] * s->channels;
	v->map_at[which] = part->from * s->out[COLUMNS] * s->maps;
	return cut;
}

/* One part. The first one made decides how the weights are packed. */
static bool
make(struct conv *v, const struct conv_shape *whole, const struct conv_after *after, int which,
    const struct conv_part *part, bool *ret_slow)
{
	const struct conv_shape cut = rows_of(v, whole, which, part), *s = &cut;
	dnnl_primitive_attr_t attr = NULL;
	dnnl_primitive_desc_t pd = NULL;
	struct described d;
	bool ok = false;

	if (dnnl_primitive_attr_create(&attr) != dnnl_success)
		return false;
	if (attributes(v->pass == CONV_FORWARD ? after : NULL, attr) &&
	    describe(s, part->images, which == 0 ? NULL : &v->packed, &d))
		pd = choose(s, v->pass, after, &d, attr);
	dnnl_primitive_attr_destroy(attr);
	*ret_slow = pd == NULL;
	if (pd == NULL)
		return true;
	v->packed = *dnnl_primitive_desc_query_md(pd,
	    v->pass == CONV_TO_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
	const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(
	    pd, dnnl_query_scratchpad_md, 0);
	if (dnnl_memory_desc_get_size(scratch) > v->scratch)
		v->scratch = dnnl_memory_desc_get_size(scratch);
	ok = dnnl_primitive_create(&v->run[which], pd) == dnnl_success &&
	    bind(v, which, &d, scratch);
	dnnl_primitive_desc_destroy(pd);
	return ok;
}

static bool
make_pack(struct conv *v, const struct conv_shape *s)
{
	bool back = v->pass == CONV_TO_WEIGHTS;
	dnnl_primitive_desc_t pd = NULL;
	bool ok;

	if (describe_weights(&v->plain, s, false) != dnnl_success)
		return false;
	const dnnl_memory_desc_t *from = back ? &v->packed : &v->plain;
	const dnnl_memory_desc_t *to = back ? &v->plain : &v->packed;
	if (dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL) !=
	    dnnl_success)
		return false;
	ok = dnnl_primitive_create(&v->pack, pd) == dnnl_success &&
	    dnnl_memory_create(&v->pack_from, from, engine, DNNL_MEMORY_NONE) == dnnl_success &&
	    dnnl_memory_create(&v->pack_to, to, engine, DNNL_MEMORY_NONE) == dnnl_success;
	dnnl_primitive_desc_destroy(pd);
	return ok;
}

bool
conv_new(struct ctx *c, const struct conv_shape *s, enum conv_pass pass,
    const struct conv_after *after, const struct conv_part part[], int parts, int threads,
    struct conv **ret)
{
	owned(conv_free) struct conv *v = calloc(1, sizeof *v);

	edge_enter();
	if (v == NULL || !ready)
		return fail(c, E_MEMORY, "no memory for a convolution");
	v->pass = pass;
	v->bias = after != NULL && after->bias;
	v->threads = threads;
	for (int i = 0; i < parts; i++) {
		bool slow;

		if (!make(v, s, after, i, &part[i], &slow))
			return fail(c, E_MEMORY, "no memory for a convolution");
		if (slow) {
			*ret = NULL;
			return true;
		}
	}
	if (!make_pack(v, s))
		return fail(c, E_MEMORY, "no memory for a convolution");
	*ret = steal(v);
	return true;
}

/* ---- Running ----------------------------------------------------------------------------- */

static void
repack(const struct conv *v, const void *from, void *to)
{
	const dnnl_exec_arg_t arg[] = { { DNNL_ARG_FROM, v->pack_from },
		{ DNNL_ARG_TO, v->pack_to } };
	void *source = (void *)(uintptr_t)from;

	edge_enter();
	(void)dnnl_memory_set_data_handle(v->pack_from, source);
	(void)dnnl_memory_set_data_handle(v->pack_to, to);
	if (dnnl_primitive_execute(v->pack, stream, 2, arg) != dnnl_success)
		abort();
}

void
conv_pack(const struct conv *v, const float *plain, float *packed)
{
	repack(v, plain, packed);
}

void
conv_unpack(const struct conv *v, const float *packed, float *plain)
{
	repack(v, packed, plain);
}

void
conv_run(const struct conv *v, int which, int thread, float *image, float *weights, float *bias,
    float *map, void *scratch)
{
	struct bound *b = &v->bound[which][thread];
	void *const at[ARGS] = { image + v->image_at[which], weights, v->bias ? bias : NULL,
		map + v->map_at[which], scratch };

	for (int i = 0; i < ARGS; i++)
		if (b->at[i] != at[i]) {
			(void)dnnl_memory_set_data_handle(b->arg[i].memory, at[i]);
			b->at[i] = at[i];
		}
	if (dnnl_primitive_execute(v->run[which], stream, ARGS, b->arg) != dnnl_success)
		abort();
}

void
product_run(const struct product *p, const float *a, const float *b, float *to)
{
	if (dnnl_sgemm(p->a_turned ? 'T' : 'N', p->b_turned ? 'T' : 'N', p->m, p->n, p->k, 1, a,
		p->a_step, b, p->b_step, p->adds ? 1.f : 0.f, to, p->to_step) != dnnl_success)
		abort();
}
