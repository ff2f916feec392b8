/*
 * Which tensors of a model are sealed: what its operators were trained in, the running statistics
 * of batch norms, every other array of real numbers, such as embeddings, and tables of bytes, which
 * are quantised weights. What stays as it is are single numbers and short lists: shapes, bounds,
 * scales of a resize, without which a runtime would not even load the file.
 */
#include "sealed.h"

/* Two dimensions are larger than one. */
static bool
is_matrix(const struct onnx_tensor *t)
{
	int wide = 0;

	for (int i = 0; i < t->rank; i++)
		wide += t->dim[i] > 1;
	return wide >= 2;
}

static int64_t
rows_of(const struct onnx_tensor *t)
{
	for (int i = 0; i < t->rank; i++)
		if (t->dim[i] > 1)
			return t->dim[i];
	return 1;
}

static void
choose_named(const struct onnx_model *m, struct str name, bool *chosen)
{
	const struct onnx_tensor *t = onnx_tensor_by_name(m, name);

	if (t != NULL && t->count > 1 && seal_is_real(t->type))
		chosen[t - m->tensor] = true;
}

/* By what reads them: the graph knows what is trained. */
static void
choose_by_use(const struct onnx_model *m, struct nn_graph *g, bool *chosen)
{
	size_t n;
	const struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++)
		if (w[i].trainable && !w[i].constant)
			choose_named(m, w[i].name, chosen);
	for (size_t i = 0; i < m->nodes; i++)
		if (str_same(m->node[i].op, STR("BatchNormalization")))
			for (size_t k = 3; k < m->node[i].inputs && k < 5; k++)
				choose_named(m, m->node[i].input[k], chosen);
}

static void
choose_by_size(const struct onnx_model *m, bool *chosen)
{
	for (size_t i = 0; i < m->tensors; i++) {
		const struct onnx_tensor *t = &m->tensor[i];

		if (seal_is_real(t->type) && t->count > SEAL_LIST_MAX)
			chosen[i] = true;
		if (is_matrix(t) && (t->type == ONNX_INT8 || t->type == ONNX_UINT8))
			chosen[i] = true;
	}
}

/* Of those, the ones that are listed. */
MUST static bool
keep_listed(
    struct ctx *c, const struct onnx_model *m, const struct str_list *layers, bool *chosen)
{
	bool *kept = take(c, m->tensors + 1);

	if (kept == NULL)
		return false;
	for (size_t i = 0; i < layers->n; i++) {
		const struct onnx_tensor *t = onnx_tensor_by_name(m, layers->v[i]);

		if (t == NULL || !chosen[t - m->tensor])
			return fail_at(c, E_INPUT, "/layers",
			    "the model has no weights named '%.*s' that could be sealed",
			    (int)(layers->v[i].n < 64 ? layers->v[i].n : 64), layers->v[i].p);
		kept[t - m->tensor] = true;
	}
	memcpy(chosen, kept, m->tensors);
	return true;
}

MUST static bool
list(struct ctx *c, const struct onnx_model *m, const bool *chosen, struct seal_plan *p)
{
	for (size_t i = 0; i < m->tensors; i++) {
		const struct onnx_tensor *t = &m->tensor[i];

		if (!chosen[i])
			continue;
		if (t->raw_at == 0)
			return fail(c, E_CONFLICT,
			    "'%.*s' lists its doubles one by one: store the model with raw data",
			    (int)(t->name.n < 64 ? t->name.n : 64), t->name.p);
		p->tensor[p->tensors++] = (struct seal_tensor){
			.is = { .index = (uint32_t)i,
			    .form = SEALED_RAW,
			    .type = t->type,
			    .count = t->count },
			.name = t->name,
			.at = t->raw_at,
			.real = seal_is_real(t->type),
			.rows = rows_of(t),
			.matrix = is_matrix(t),
		};
		p->weights += (uint64_t)t->count;
	}
	return true;
}

bool
seal_choose(
    struct ctx *c, struct nn_graph *g, const struct sealed_options *o, struct seal_plan *p)
{
	const struct onnx_model *m = &p->plain.model;
	bool *chosen = take(c, m->tensors + 1);

	p->tensor = take(c, (m->tensors + 1) * sizeof *p->tensor);
	if (chosen == NULL || p->tensor == NULL)
		return false;
	choose_by_use(m, g, chosen);
	choose_by_size(m, chosen);
	if (o->layers.n > 0 && !keep_listed(c, m, &o->layers, chosen))
		return false;
	if (!list(c, m, chosen, p))
		return false;
	if (p->tensors == 0)
		return fail(c, E_CONFLICT,
		    "the model has no weights among its initializers: nothing can be sealed");
	return true;
}
