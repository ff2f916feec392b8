/*
 * The plain model as a file in which all weights are initializers with raw data. Most models are
 * so. Numbers that are listed one by one, that lie in other files or in constants among the nodes
 * are written anew into a memory file first; so is a model whose metadata have to change.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sealed.h"

void
seal_plain_done(struct seal_plain *p)
{
	onnx_file_close(&p->file);
	if (p->made)
		close(p->fd);
	p->made = false;
}

bool
seal_is_real(enum onnx_type type)
{
	return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_BFLOAT16 ||
	    type == ONNX_DOUBLE;
}

/* Does it list numbers that can be had as raw data instead? Doubles would lose some of theirs. */
static bool
is_listed(const struct onnx_tensor *t)
{
	return t->typed_field != 0 && t->count > 1 &&
	    ((seal_is_real(t->type) && t->type != ONNX_DOUBLE) || t->type == ONNX_INT8 ||
		t->type == ONNX_UINT8);
}

/* The weights in a Constant node; NULL if it holds none. */
static const struct onnx_tensor *
weights_in(const struct onnx_node *node)
{
	const struct onnx_attr *a;

	if (!str_same(node->op, STR("Constant")) || node->outputs != 1)
		return NULL;
	a = onnx_attr_by_name(node, "value");
	return a != NULL && a->tensor != NULL && seal_is_real(a->tensor->type) &&
		a->tensor->count > SEAL_LIST_MAX
	    ? a->tensor
	    : NULL;
}

static bool
must_renew(const struct onnx_model *m, const struct str (*metadata)[2], size_t metadatas)
{
	for (size_t i = 0; i < m->tensors; i++)
		if (is_listed(&m->tensor[i]))
			return true;
	for (size_t i = 0; i < m->nodes; i++)
		if (weights_in(&m->node[i]) != NULL)
			return true;
	for (size_t i = 0; i < m->metadatas; i++)
		for (size_t k = 0; k < metadatas; k++)
			if (str_same(m->metadata[i][0], metadata[k][0]))
				return true;
	return m->external;
}

/* A tensor's numbers in a row, under that name. */
MUST static bool
as_new(struct ctx *c, const struct onnx_tensor *t, struct str name, struct onnx_new_tensor *ret)
{
	size_t n = (size_t)t->count;
	int64_t *i = NULL;
	float *f = NULL;

	*ret = (struct onnx_new_tensor){ .name = name, .rank = t->rank };
	memcpy(ret->dim, t->dim, sizeof ret->dim);
	if (!seal_is_real(t->type)) {
		i = take(c, n * sizeof *i);
		ret->i = i;
		return i != NULL && onnx_tensor_ints(c, t, i);
	}
	f = take(c, n * sizeof *f);
	ret->f = f;
	return f != NULL && onnx_tensor_floats(c, t, f);
}

/* What of the model has to change, but for the metadata. */
MUST static bool
edit_make(struct ctx *c, const struct onnx_model *m, struct onnx_edit *e)
{
	struct onnx_new_tensor *new = take(c, (m->tensors + m->nodes + 1) * sizeof *new);
	struct str *gone = take(c, (m->nodes + 1) * sizeof *gone);

	if (new == NULL || gone == NULL)
		return false;
	e->tensor = new;
	e->remove_node = gone;
	for (size_t i = 0; i < m->tensors; i++)
		if (is_listed(&m->tensor[i]) &&
		    !as_new(c, &m->tensor[i], m->tensor[i].name, &new[e->tensors++]))
			return false;
	for (size_t i = 0; i < m->nodes; i++) {
		const struct onnx_tensor *t = weights_in(&m->node[i]);

		if (t == NULL)
			continue;
		if (t->type != ONNX_FLOAT)
			return fail(c, E_CONFLICT,
			    "constants of type %s hold weights: store them as initializers",
			    onnx_type_name(t->type));
		gone[e->remove_nodes++] = m->node[i].output[0];
		if (!as_new(c, t, m->node[i].output[0], &new[e->tensors++]))
			return false;
	}
	return true;
}

MUST static bool
renew(struct ctx *c, const struct onnx_model *m, const struct str (*metadata)[2],
    size_t metadatas, struct seal_plain *p)
{
	struct onnx_edit e = { .metadata = metadata,
		.metadatas = metadatas,
		.remove_attachment = m->attachment.p != NULL };

	p->fd = memfd_create("plain", MFD_CLOEXEC);
	if (p->fd < 0)
		return fail_errno(c, "create", "a memory file");
	p->made = p->metadata = true;
	return edit_make(c, m, &e) && onnx_write(c, m, &e, onnx_sink_fd, &p->fd) &&
	    onnx_file_open(c, p->fd, &p->file) &&
	    onnx_read(c, onnx_file_bytes(p->file), &p->model);
}

bool
seal_open(struct ctx *c, int plain, const struct onnx_model *m, const struct str (*metadata)[2],
    size_t metadatas, struct seal_plain *ret)
{
	struct stat st;

	if (fstat(plain, &st) != 0)
		return fail_errno(c, "examine", "a model");
	/* In a bundle, the model is only a part of the file. */
	if ((uint64_t)st.st_size != m->bytes.n || must_renew(m, metadata, metadatas))
		return renew(c, m, metadata, metadatas, ret);
	*ret = (struct seal_plain){ .fd = plain, .model = *m };
	return true;
}
