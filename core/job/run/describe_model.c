/*
 * What a model is: read, understood by the engine, and with numbers for weights. The weights are
 * looked at where they lie in the file, so that a model needs little more memory than its bytes.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "describe.h"

enum { VALUES_SHOWN = 16, OPERATORS_MAX = 400, WARNINGS_MAX = 12, AT_ONCE = 1 << 15 };
enum { NAME_SHOWN = 80, WARNING_MAX = 256 };

struct looking {
	const struct job_run *run;
	char *bytes;
	struct onnx_model model;
	struct nn_graph *graph;
	struct nn_plan *plan; /* of one sample */
	char *warning[WARNINGS_MAX];
	size_t warnings;
};

static void
looking_done(struct looking *l)
{
	nn_plan_free(&l->plan);
	nn_graph_free(&l->graph);
	free(l->bytes);
}

PRINTF(3, 4)
static void
caution(struct ctx *c, struct looking *l, const char *fmt, ...)
{
	va_list args;
	char text[WARNING_MAX];

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (l->warnings < WARNINGS_MAX)
		l->warning[l->warnings++] = take_cstr(c, str_of(text));
}

/* As much of an untrusted text as is shown; it is not cut within a character. */
static struct str
shown(struct str s, size_t max)
{
	if (s.n > max)
		for (s.n = max; s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80;)
			s.n--;
	return s;
}

static void
js_shown(struct js *j, const char *key, struct str s, size_t max)
{
	char text[4 * WARNING_MAX];
	struct buf b = BUF(text);

	text_escape(&b, shown(s, max));
	js_text(j, key, buf_str(&b));
}

static void
js_name(struct js *j, const char *key, struct str name)
{
	js_shown(j, key, name, NAME_SHOWN);
}

/* ---- Weights ----------------------------------------------------------------------------- */

/* E_INPUT for NaN; infinities, which masks are made of, are only noted. */
MUST static bool
floats_look(struct ctx *c, const struct onnx_tensor *t, const float *v, size_t n, int64_t first,
    bool *infinite)
{
	for (size_t i = 0; i < n; i++) {
		if (isnan(v[i]))
			return fail(c, E_INPUT,
			    "the tensor %.*s is not made of numbers: element %lld is NaN",
			    STRF(shown(t->name, NAME_SHOWN)), (long long)(first + (int64_t)i));
		*infinite |= isinf(v[i]) != 0;
	}
	return true;
}

static bool
is_real(enum onnx_type type)
{
	return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_BFLOAT16 ||
	    type == ONNX_DOUBLE;
}

/* Numbers that are listed one by one: few, for reading has bounded them. */
MUST static bool
listed_look(struct ctx *c, const struct onnx_tensor *t, bool *infinite)
{
	float *v = malloc((size_t)t->count * sizeof *v);
	bool ok;

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for a tensor");
	ok = onnx_tensor_floats(c, t, v) && floats_look(c, t, v, (size_t)t->count, 0, infinite);
	free(v);
	return ok;
}

MUST static bool
raw_look(struct ctx *c, const struct onnx_tensor *t, float v[], bool *infinite)
{
	size_t size = onnx_type_size(t->type);

	for (int64_t at = 0, n; at < t->count; at += n) {
		n = t->count - at < AT_ONCE ? t->count - at : AT_ONCE;
		onnx_floats_get(t->type, t->raw.p + (size_t)at * size, (size_t)n, v);
		if (!floats_look(c, t, v, (size_t)n, at, infinite))
			return false;
	}
	return true;
}

MUST static bool
weights_look(struct ctx *c, struct looking *l, int64_t *ret_parameters)
{
	float *room = take(c, AT_ONCE * sizeof *room);
	int64_t parameters = 0;
	bool infinite = false;

	if (room == NULL)
		return false;
	for (size_t i = 0; i < l->model.tensors; i++) {
		const struct onnx_tensor *t = &l->model.tensor[i];

		l->run->progress(l->run->arg, (int64_t)i, (int64_t)l->model.tensors,
		    STR("looking at the weights"));
		if (!is_real(t->type))
			continue;
		parameters += t->count;
		if (t->typed_field != 0 ? !listed_look(c, t, &infinite)
					: !raw_look(c, t, room, &infinite))
			return false;
	}
	if (infinite)
		caution(c, l, "some weights are infinite");
	if (parameters == 0)
		caution(c, l, "the model has no weights: there is nothing to be locked");
	*ret_parameters = parameters;
	return true;
}

/* ---- The graph --------------------------------------------------------------------------- */

struct operators {
	struct str name[OPERATORS_MAX];
	int64_t n[OPERATORS_MAX];
	size_t count;
};

static void
operators_count(const struct onnx_model *m, struct operators *o)
{
	for (size_t i = 0; i < m->nodes; i++) {
		size_t k = 0;

		while (k < o->count && !str_same(o->name[k], m->node[i].op))
			k++;
		if (k == OPERATORS_MAX)
			continue;
		if (k == o->count)
			o->name[o->count++] = m->node[i].op;
		o->n[k]++;
	}
}

MUST static bool
operators_put(struct ctx *c, const struct onnx_model *m, struct js *j)
{
	struct operators *o = take(c, sizeof *o);

	if (o == NULL)
		return false;
	operators_count(m, o);
	js_open(j, "operators", '{');
	for (size_t i = 0; i < o->count; i++) {
		char *name = take_cstr(c, o->name[i]); /* one that the engine knows */

		if (name == NULL)
			return false;
		js_number(j, name, o->n[i]);
	}
	js_close(j, '}');
	return true;
}

static void
value_put(struct js *j, const struct onnx_value *v)
{
	js_open(j, NULL, '{');
	js_name(j, "name", v->name);
	js_text(j, "type", str_of(onnx_type_name(v->type)));
	js_open(j, "shape", '[');
	for (int i = 0; i < v->rank; i++) {
		if (v->dim[i] >= 0)
			js_number(j, NULL, v->dim[i]);
		else if (v->symbol[i].n > 0)
			js_name(j, NULL, v->symbol[i]);
		else
			js_null(j, NULL);
	}
	js_close(j, ']');
	js_close(j, '}');
}

static void
values_put(struct ctx *c, struct looking *l, struct js *j, const char *key,
    const struct onnx_value *v, size_t n)
{
	js_open(j, key, '[');
	for (size_t i = 0; i < n && i < VALUES_SHOWN; i++)
		value_put(j, &v[i]);
	js_close(j, ']');
	if (n > VALUES_SHOWN)
		caution(c, l, "of %zu %s the first %d are shown", n, key, VALUES_SHOWN);
}

/* A plan of one sample; NULL, and why as a warning, if the engine cannot make one. */
static struct nn_plan *
plan_try(struct ctx *c, struct looking *l, enum nn_mode mode, const char *what)
{
	struct nn_options o = { .mode = mode,
		.batch = 1,
		.memory_max = (size_t)l->run->message->limits.memory / 4 };
	struct nn_plan *plan = NULL;

	if (nn_plan_new(c, l->graph, &o, &plan))
		return plan;
	caution(c, l, "%s: %s", what, c->err.text);
	c->err = (struct err){ 0 };
	return NULL;
}

/* The classes are the last dimension of the only, flat output. */
static void
classes_put(const struct looking *l, struct js *j)
{
	const struct nn_tensor *t = NULL;

	if (l->plan != NULL && l->model.outputs == 1)
		t = nn_plan_output(l->plan, 0);
	if (t != NULL && t->rank == 2 && t->type == NN_FLOAT)
		js_number(j, "classes", t->dim[1]);
	else
		js_null(j, "classes");
}

static bool
is_trainable(struct ctx *c, struct looking *l)
{
	struct nn_plan *p;
	struct nn_weight *w;
	bool ok;
	size_t n;

	w = nn_weights(l->graph, &n);
	for (size_t i = 0; i < n; i++)
		w[i].trainable = !w[i].constant;
	p = plan_try(c, l, NN_DIFFERENTIATE, "it cannot be trained, or locked by advparams");
	ok = p != NULL && n > 0;
	nn_plan_free(&p);
	return ok;
}

/* ---- All of it --------------------------------------------------------------------------- */

MUST static bool
looking_open(struct ctx *c, struct looking *l, struct js *j)
{
	owned(sealed_file_free) struct sealed_file *f = NULL;
	char text[2 * sizeof(struct digest256)];
	struct buf hex = BUF(text);
	struct digest256 digest;
	struct str bytes;

	if (!job_file_open(c, l->run, DESCRIBE_MODEL, &f))
		return false;
	bytes.n = (size_t)sealed_file_size(f);
	l->bytes = malloc(bytes.n);
	bytes.p = l->bytes;
	if (l->bytes == NULL)
		return fail(c, E_MEMORY, "no memory for a model of %zu bytes", bytes.n);
	if (!sealed_file_read(c, f, 0, l->bytes, bytes.n) || !sha256(c, bytes, &digest) ||
	    !onnx_read_any(c, bytes, &l->model))
		return false;
	hex_put(&hex, digest.b, sizeof digest.b);
	js_number(j, "bytes", (int64_t)bytes.n);
	js_text(j, "sha256", buf_str(&hex));
	return true;
}

static void
warnings_put(struct ctx *c, struct looking *l, struct js *j)
{
	if (l->model.inputs != 1)
		caution(c, l, "the model has %zu inputs: jobs on data sets need one",
		    l->model.inputs);
	if (l->model.outputs != 1)
		caution(c, l, "the model has %zu outputs: jobs on data sets need one",
		    l->model.outputs);
	if (!nn_batch_free(l->graph))
		caution(
		    c, l, "the batch size is fixed in the model: jobs run in batches of it");
	if (l->model.attachment.p != NULL)
		caution(c, l, "the file has an attachment: is it an artifact already?");
	js_open(j, "warnings", '[');
	for (size_t i = 0; i < l->warnings; i++)
		if (l->warning[i] != NULL)
			js_shown(j, NULL, str_of(l->warning[i]), WARNING_MAX);
	js_close(j, ']');
}

bool
describe_model(struct ctx *c, const struct job_run *r, struct js *j)
{
	owned(looking_done) struct looking l = { .run = r };
	const struct onnx_model *m = &l.model;
	int64_t parameters;

	if (!looking_open(c, &l, j) || !nn_import(c, m, &l.graph) ||
	    !weights_look(c, &l, &parameters))
		return false;
	l.plan = plan_try(c, &l, NN_INFER, "it cannot be run on one sample");
	js_number(j, "ir", m->ir);
	js_number(j, "opset", m->opset);
	js_name(j, "producer", m->producer);
	js_number(j, "nodes", (int64_t)m->nodes);
	js_number(j, "parameters", parameters);
	if (!operators_put(c, m, j))
		return false;
	values_put(c, &l, j, "inputs", m->input, m->inputs);
	values_put(c, &l, j, "outputs", m->output, m->outputs);
	classes_put(&l, j);
	js_bool(j, "trainable", is_trainable(c, &l));
	warnings_put(c, &l, j);
	return true;
}
