/*
 * Reads the short texts of nn_support.h and makes models of them.
 */
#include <stdio.h>

#include "nn_support.h"
#include "test.h"

/* ---- Values ------------------------------------------------------------------------------ */

/*
 * All real values of a case are places (k + 1/2) / 64 of a grid, shuffled: no two are equal, and
 * every multiple of 1/64, where the kinks of the operators are, is 1/128 away.
 */
struct grid {
	int64_t *k, next, count;
};

static struct grid
grid_new(struct ctx *c, int64_t count)
{
	struct grid g = { take(c, (size_t)count * sizeof *g.k + 1), 0, count };

	for (int64_t i = 0; i < count; i++)
		g.k[i] = i - count / 2;
	for (int64_t i = count - 1; i > 0; i--) {
		uint64_t r;
		int64_t j, k = g.k[i];

		c->random(&r, sizeof r);
		j = (int64_t)(r % (uint64_t)(i + 1));
		g.k[i] = g.k[j];
		g.k[j] = k;
	}
	return g;
}

static float
grid_next(struct grid *g, char domain)
{
	float x = ((float)g->k[g->next++] + 0.5f) / 64;
	float share = 128 * x / (float)(g->count + 1); /* -1 to 1 */

	switch (domain) {
	case 'p':
		return 1.25f + 0.75f * share;
	case 'u':
		return 0.9f * share;
	case 'g':
		return 2 + 0.8f * share;
	default:
		return x;
	}
}

/* ---- Inputs ------------------------------------------------------------------------------ */

static const char *
read_shape(const char *at, struct case_input *in)
{
	in->count = 1;
	if (*at == 's')
		return at + 1;
	while (*at >= '0' && *at <= '9') {
		char *end;

		in->dim[in->rank] = strtoll(at, &end, 10);
		in->count *= in->dim[in->rank++];
		at = *end == 'x' ? end + 1 : end;
	}
	return at;
}

static void
read_list(struct ctx *c, const char *at, struct case_input *in, bool real)
{
	const char *p = at;

	if (in->rank == 0 && in->count == 0)
		for (in->count = *p != '\0' && *p != ' '; *p != '\0' && *p != ' '; p++)
			in->count += *p == ',';
	in->f = take(c, (size_t)in->count * sizeof *in->f + 1);
	in->i = take(c, (size_t)in->count * sizeof *in->i + 1);
	for (int64_t n = 0; n < in->count; n++) {
		char *end;

		in->f[n] = strtof(at, &end);
		in->i[n] = strtoll(at, NULL, 10);
		at = *end == ',' ? end + 1 : end;
	}
	in->type = real ? NN_FLOAT : NN_INT64;
}

static void
read_input(struct ctx *c, const char *at, struct case_input *in)
{
	char kind = *at;

	if (kind == '-') {
		in->absent = true;
	} else if (strchr("inkl", kind) != NULL) {
		in->constant = true;
		read_list(c, at + 2, in, kind == 'k' || kind == 'l');
		in->rank = kind == 'i' || kind == 'l';
		in->dim[0] = in->count;
	} else if (kind == 'j') {
		at = read_shape(at + 1, in);
		read_list(c, at + 1, in, false);
	} else {
		(void)read_shape(at + (strchr("pugb", kind) != NULL), in);
		in->type = kind == 'b' ? NN_BOOL : NN_FLOAT;
	}
}

static void
fill(struct ctx *c, struct grid *g, char domain, struct case_input *in)
{
	in->f = take(c, (size_t)in->count * sizeof *in->f + 1);
	in->i = take(c, (size_t)in->count * sizeof *in->i + 1);
	for (int64_t n = 0; n < in->count; n++) {
		in->f[n] = in->type == NN_FLOAT ? grid_next(g, domain) : 0;
		in->i[n] = n % 3 != 1;
	}
}

/* The nth word of the inputs. */
static const char *
word(const char *text, int n)
{
	for (; n > 0 && *text != '\0'; text++)
		n -= *text == ' ';
	return text;
}

void
case_read(struct ctx *c, const struct nn_case *of, struct case_net *ret)
{
	struct grid g;
	int64_t count = 0;

	*ret = (struct case_net){ 0 };
	for (const char *at = of->inputs; *at != '\0'; at = word(of->inputs, ret->ins)) {
		ck_assert_int_lt(ret->ins, CASE_INPUTS);
		read_input(c, at, &ret->in[ret->ins]);
		count += ret->in[ret->ins].f == NULL ? ret->in[ret->ins].count : 0;
		ret->ins++;
	}
	g = grid_new(c, count);
	for (int i = 0; i < ret->ins; i++)
		if (ret->in[i].f == NULL && !ret->in[i].absent)
			fill(c, &g, *word(of->inputs, i), &ret->in[i]);
}

/* ---- Attributes -------------------------------------------------------------------------- */

static void
read_value(struct ctx *c, struct str text, struct onnx_attr *a)
{
	bool list = memchr(text.p, ',', text.n) != NULL;
	bool real = memchr(text.p, '.', text.n) != NULL;
	int64_t *ints = take(c, (text.n + 1) * sizeof *ints);
	float *floats = take(c, (text.n + 1) * sizeof *floats);
	struct str one;

	if ((text.p[0] < '0' || text.p[0] > '9') && text.p[0] != '-') {
		a->type = ONNX_ATTR_STRING;
		a->s = text;
		return;
	}
	while (text.n > 0) {
		(void)str_cut(&text, ',', &one);
		ints[a->n] = strtoll(take_cstr(c, one), NULL, 10);
		floats[a->n++] = strtof(take_cstr(c, one), NULL);
	}
	a->i = ints[0];
	a->f = floats[0];
	a->ints = ints;
	a->floats = floats;
	a->type = real ? list ? ONNX_ATTR_FLOATS : ONNX_ATTR_FLOAT
	    : list     ? ONNX_ATTR_INTS
		       : ONNX_ATTR_INT;
}

/* Lists of one number are lists all the same. */
static bool
is_list(struct str name)
{
	static const char *const lists[] = { "axes", "pads", "strides", "dilations",
		"kernel_shape", "perm", "split", "starts", "ends", "output_padding",
		"output_shape", "value_ints" };

	for (size_t i = 0; i < COUNT(lists); i++)
		if (str_same(name, str_of(lists[i])))
			return true;
	return false;
}

static size_t
read_attrs(struct ctx *c, const char *text, struct onnx_attr **ret)
{
	struct str rest = str_of(text), one, name;
	struct onnx_attr *list = take(c, (rest.n + 1) * sizeof *list);
	size_t n = 0;

	while (rest.n > 0) {
		(void)str_cut(&rest, ' ', &one);
		ck_assert(str_cut(&one, '=', &name));
		list[n].name = name;
		read_value(c, one, &list[n]);
		if (is_list(name))
			list[n].type = ONNX_ATTR_INTS;
		n++;
	}
	*ret = list;
	return n;
}

/* ---- The model --------------------------------------------------------------------------- */

static const char *const input_names[CASE_INPUTS] = { "x0", "x1", "x2", "x3", "x4", "x5", "x6",
	"x7" };
static const char *const output_names[CASE_OUTPUTS] = { "y0", "y1", "y2", "y3" };

static void
add_tensor(struct case_net *n, struct onnx_tensor *to, int i)
{
	const struct case_input *in = &n->in[i];
	bool real = in->type == NN_FLOAT;

	*to = (struct onnx_tensor){ .name = str_of(input_names[i]),
		.type = real ? ONNX_FLOAT : ONNX_INT64,
		.rank = in->rank,
		.count = in->count };
	memcpy(to->dim, in->dim, sizeof to->dim);
	to->raw = real ? (struct str){ (const char *)in->f, (size_t)in->count * sizeof *in->f }
		       : (struct str){ (const char *)in->i, (size_t)in->count * sizeof *in->i };
}

static void
add_input(struct case_net *n, struct onnx_value *to, int i)
{
	const struct case_input *in = &n->in[i];

	*to = (struct onnx_value){ .name = str_of(input_names[i]), .rank = in->rank };
	to->type = in->type == NN_FLOAT ? ONNX_FLOAT
	    : in->type == NN_BOOL       ? ONNX_BOOL
					: ONNX_INT64;
	memcpy(to->dim, in->dim, sizeof to->dim);
	n->place[i] = (int)n->m.inputs;
	n->given[n->m.inputs++] = in->type == NN_FLOAT ? (const void *)in->f
						       : (const void *)in->i;
}

static void
add_node(struct ctx *c, const struct nn_case *of, struct case_net *n)
{
	struct onnx_node *node = take(c, sizeof *node);
	struct str *in = take(c, sizeof *in * CASE_INPUTS);
	struct str *out = take(c, sizeof *out * CASE_OUTPUTS);
	struct onnx_value *outputs = take(c, sizeof *outputs * CASE_OUTPUTS);
	struct onnx_attr *attrs;

	for (int i = 0; i < n->ins; i++)
		in[i] = n->in[i].absent ? STR("") : str_of(input_names[i]);
	n->m.outputs = of->outputs > 0 ? (size_t)of->outputs : 1;
	for (size_t i = 0; i < n->m.outputs; i++) {
		out[i] = str_of(output_names[i]);
		outputs[i] = (struct onnx_value){ .name = out[i], .rank = -1 };
	}
	*node = (struct onnx_node){ .name = STR("it"),
		.op = str_of(of->op),
		.input = in,
		.output = out,
		.inputs = (size_t)n->ins,
		.outputs = n->m.outputs };
	node->attrs = read_attrs(c, of->attrs, &attrs);
	node->attr = attrs;
	n->m.node = node;
	n->m.nodes = 1;
	n->m.output = outputs;
}

bool
case_import(struct ctx *c, const struct nn_case *of, bool weights, struct case_net *n)
{
	struct onnx_tensor *tensors = take(c, sizeof *tensors * CASE_INPUTS);
	struct onnx_value *inputs = take(c, sizeof *inputs * CASE_INPUTS);
	int reals = 0;

	n->m = (struct onnx_model){
		.ir = 8, .opset = of->opset, .tensor = tensors, .input = inputs
	};
	for (int i = 0; i < n->ins; i++) {
		struct case_input *in = &n->in[i];
		bool weight = weights && in->type == NN_FLOAT && !in->constant && reals > 0;

		n->place[i] = -1;
		n->weight[i] = weight;
		if (in->absent)
			continue;
		if (!weight && !in->constant) {
			add_input(n, &inputs[n->m.inputs], i);
		} else {
			if (in->type == NN_FLOAT) {
				size_t at = 0;

				for (size_t t = 0; t < n->m.tensors; t++)
					at += tensors[t].type == ONNX_FLOAT;
				n->place[i] = (int)at;
			}
			add_tensor(n, &tensors[n->m.tensors++], i);
		}
		reals += in->type == NN_FLOAT && !in->constant;
	}
	add_node(c, of, n);
	if (!nn_import(c, &n->m, &n->g))
		return false;
	for (int i = 0; i < n->ins; i++)
		if (n->place[i] >= 0 && (n->weight[i] || n->in[i].constant)) {
			size_t count;

			nn_weights(n->g, &count)[n->place[i]].trainable = n->weight[i];
		}
	return true;
}

/* ---- Networks of several nodes ----------------------------------------------------------- */

enum { NET_MAX = 128 };

float *
net_numbers(struct ctx *c, int64_t n)
{
	float *f = take(c, (size_t)n * sizeof *f + 1);

	for (int64_t i = 0; i < n; i++) {
		uint16_t r;

		c->random(&r, sizeof r);
		f[i] = ((float)r - 32767.5f) / 32768;
	}
	return f;
}

static struct onnx_value
port_of(struct str one)
{
	struct onnx_value v = { .type = ONNX_FLOAT };
	struct str dim;

	ck_assert(str_cut(&one, ':', &v.name));
	if (one.n > 0 && one.p[0] == 'j') {
		v.type = ONNX_INT64;
		one = (struct str){ one.p + 1, one.n - 1 };
	}
	while (one.n > 0) {
		(void)str_cut(&one, 'x', &dim);
		if (dim.p[0] >= '0' && dim.p[0] <= '9') {
			ck_assert(str_number(dim, 0, INT64_MAX, &v.dim[v.rank]));
		} else {
			v.dim[v.rank] = -1;
			v.symbol[v.rank] = dim;
		}
		v.rank++;
	}
	return v;
}

static size_t
ports_of(struct ctx *c, const char *text, const struct onnx_value **ret)
{
	struct onnx_value *list = take(c, NET_MAX * sizeof *list);
	struct str rest = str_of(text), one;
	size_t n = 0;

	while (rest.n > 0) {
		(void)str_cut(&rest, ' ', &one);
		list[n++] = port_of(one);
	}
	*ret = list;
	return n;
}

static size_t
weights_of(struct ctx *c, const char *text, const struct onnx_tensor **ret)
{
	struct onnx_tensor *list = take(c, NET_MAX * sizeof *list);
	const struct onnx_value *ports;
	size_t n = ports_of(c, text, &ports);

	for (size_t i = 0; i < n; i++) {
		struct onnx_tensor *t = &list[i];

		*t = (struct onnx_tensor){ .name = ports[i].name,
			.type = ONNX_FLOAT,
			.rank = ports[i].rank,
			.count = 1 };
		memcpy(t->dim, ports[i].dim, sizeof t->dim);
		for (int d = 0; d < t->rank; d++)
			t->count *= t->dim[d];
		t->raw = (struct str){ (const char *)net_numbers(c, t->count),
			(size_t)t->count * sizeof(float) };
	}
	*ret = list;
	return n;
}

static void
node_of(struct ctx *c, struct str text, struct onnx_node *node)
{
	struct str *in = take(c, NET_MAX * sizeof *in), *out = take(c, NET_MAX * sizeof *out);
	struct onnx_attr *attrs;
	struct str one, outs;

	while (text.n > 0 && text.p[0] == ' ')
		text = (struct str){ text.p + 1, text.n - 1 };
	(void)str_cut(&text, ' ', &outs);
	while (outs.n > 0)
		(void)str_cut(&outs, ',', &out[node->outputs++]);
	(void)str_cut(&text, ' ', &node->op);
	while (text.n > 0) {
		const struct str before = text;

		(void)str_cut(&text, ' ', &one);
		if (memchr(one.p, '=', one.n) != NULL) {
			node->attrs = read_attrs(c, take_cstr(c, before), &attrs);
			node->attr = attrs;
			break;
		}
		in[node->inputs++] = one.n == 1 && one.p[0] == '-' ? STR("") : one;
	}
	node->name = out[0];
	node->input = in;
	node->output = out;
}

bool
net_import(struct ctx *c, const struct net_text *t, struct net *ret)
{
	struct onnx_node *nodes = take(c, NET_MAX * sizeof *nodes);
	struct onnx_value *outputs = take(c, NET_MAX * sizeof *outputs);
	struct str rest = str_of(t->nodes), one;

	*ret = (struct net){ .m = { .ir = 8, .opset = t->opset } };
	ret->m.inputs = ports_of(c, t->inputs, &ret->m.input);
	ret->m.tensors = weights_of(c, t->weights, &ret->m.tensor);
	while (rest.n > 0) {
		(void)str_cut(&rest, ';', &one);
		node_of(c, one, &nodes[ret->m.nodes++]);
	}
	rest = str_of(t->outputs);
	while (rest.n > 0) {
		(void)str_cut(&rest, ' ', &one);
		outputs[ret->m.outputs++] = (struct onnx_value){ .name = one, .rank = -1 };
	}
	ret->m.node = nodes;
	ret->m.output = outputs;
	return nn_import(c, &ret->m, &ret->g);
}
