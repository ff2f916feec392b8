/*
 * Who defines which name. In ONNX every name is defined once: by an initializer, a graph input or
 * a node. The table is sorted and searched in halves, so that no choice of names makes it slow.
 */
#include "parts.h"

struct row {
	struct str name;
	enum definer by;
	uint32_t index;
};
struct onnx_names {
	size_t n;
	struct row row[];
};

/* Shorter ones first: most comparisons end there. */
static int
name_order(struct str a, struct str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n == 0 ? 0 : memcmp(a.p, b.p, a.n);
}

int
side_order(const void *a, const void *b)
{
	const struct onnx_side *x = a, *y = b;

	return name_order(x->name, y->name);
}

static int
row_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return name_order(x->name, y->name);
}

static void
add(struct onnx_names *names, struct str name, enum definer by, size_t index)
{
	names->row[names->n++] = (struct row){ name, by, (uint32_t)index };
}

static size_t
count(const struct onnx_model *m)
{
	size_t n = m->tensors + m->inputs;

	for (size_t i = 0; i < m->nodes; i++)
		n += m->node[i].outputs;
	return n;
}

bool
names_gather(struct ctx *c, const struct onnx_model *m, const struct onnx_names **ret)
{
	struct onnx_names *names = take(c, sizeof *names + count(m) * sizeof names->row[0]);

	if (names == NULL)
		return false;
	for (size_t i = 0; i < m->tensors; i++)
		add(names, m->tensor[i].name, BY_TENSOR, i);
	for (size_t i = 0; i < m->inputs; i++)
		add(names, m->input[i].name, BY_INPUT, i);
	for (size_t i = 0; i < m->nodes; i++)
		for (size_t j = 0; j < m->node[i].outputs; j++)
			if (m->node[i].output[j].n > 0)
				add(names, m->node[i].output[j], BY_NODE, i);
	qsort(names->row, names->n, sizeof names->row[0], row_order);
	for (size_t i = 1; i < names->n; i++)
		if (row_order(&names->row[i - 1], &names->row[i]) == 0)
			return fail(c, E_INPUT, "two things have the name '%s'",
			    shown(names->row[i].name).s);
	*ret = names;
	return true;
}

bool
names_find(
    const struct onnx_names *names, struct str name, enum definer *ret_by, uint32_t *ret_index)
{
	const struct row key = { .name = name };
	const struct row *found = bsearch(
	    &key, names->row, names->n, sizeof names->row[0], row_order);

	if (found == NULL)
		return false;
	*ret_by = found->by;
	*ret_index = found->index;
	return true;
}

const struct onnx_tensor *
onnx_tensor_by_name(const struct onnx_model *m, struct str name)
{
	enum definer by;
	uint32_t index;

	return names_find(m->names, name, &by, &index) && by == BY_TENSOR ? &m->tensor[index]
									  : NULL;
}
