/*
 * The artifact of the parameter lock alone: the model with its new metadata, the entries' bits
 * flipped where they lie, and the head that says which release it is.
 */
#include "protect.h"

struct flipping {
	const struct unlock_entry *entry;
	uint32_t n, next;
};

static bool
flip(struct ctx *c, void *arg, const struct onnx_place *place, void *bytes, size_t elements)
{
	struct flipping *f = arg;

	return unlock_flip(c, f->entry, f->n, &f->next, place, bytes, elements);
}

/* The model as it is, with metadata, and without what it had attached. */
MUST static bool
copy(struct ctx *c, int plain, const struct str (*metadata)[2], size_t metadatas, int out)
{
	owned(onnx_file_close) struct onnx_file *file = NULL;
	struct onnx_model m;
	struct onnx_edit edit = { .metadata = metadata, .metadatas = metadatas };

	if (!onnx_file_open(c, plain, &file) || !onnx_read(c, onnx_file_bytes(file), &m))
		return false;
	edit.remove_attachment = m.attachment.p != NULL;
	return onnx_write(c, &m, &edit, onnx_sink_fd, &out);
}

bool
advparams_artifact(struct ctx *c, int plain, struct id release_id,
    const struct unlock_entry entry[], uint32_t n, const struct str (*metadata)[2],
    size_t metadatas, int out)
{
	struct flipping f = { entry, n, 0 };
	const struct artifact_new new = { .release = release_id, .locks = LOCK_ADVPARAMS };
	uint64_t stream = 0;

	if (!copy(c, plain, metadata, metadatas, out) || !onnx_patch(c, out, out, 0, flip, &f))
		return false;
	if (f.next != n)
		return fail(c, E_INPUT,
		    "entry %u of the lock is in no tensor of the model: the entries are of "
		    "another model",
		    f.next);
	return artifact_append(c, out, &new, &stream);
}
