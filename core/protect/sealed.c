/*
 * The sealed lock. The artifact is the model with unrelated values of each layer's own scale in
 * place of its weights, so that it loads, runs at chance level and teaches nothing, and behind it
 * the weights themselves as ciphertext. The ciphertext is the same for everybody; what a customer's
 * key makes of it carries that customer's mark in every weight that can carry one.
 */
#include "sealed.h"

enum { PASSES = 3 }; /* a look at the weights, the values in their place, the ciphertext */

struct making {
	struct seal_plan plan;
	const struct protect_watch *watch;
	size_t at;     /* of the plan's tensors, in the ciphertext */
	uint32_t next; /* of its locked entries, there */
	uint64_t done; /* weights */
	struct key256 content;
	uint32_t *master;
	size_t entries;
};

static void
making_done(struct making *m)
{
	seal_plan_done(&m->plan);
	key256_done(&m->content);
	if (m->master != NULL)
		explicit_bzero(m->master, m->entries * sizeof *m->master);
	free(m->master);
	m->master = NULL;
}

static void
tell(const struct making *m, uint64_t done, const char *note)
{
	if (m->watch != NULL && m->watch->progress != NULL)
		m->watch->progress(m->watch->arg, (int64_t)done,
		    (int64_t)(PASSES * m->plan.weights), str_of(note));
}

MUST static bool
secrets(
    struct ctx *c, const struct key256 *release, const struct mark_terms *t, struct making *m)
{
	if (!mark_content_key(c, release, &m->content))
		return false;
	if (t->log_l == 0)
		return true;
	m->entries = (size_t)1 << t->log_l;
	m->master = calloc(m->entries, sizeof *m->master);
	if (m->master == NULL)
		return fail(c, E_MEMORY, "no memory for a table of %zu entries", m->entries);
	return mark_master(c, release, t, m->master);
}

/* The weights as the ciphertext wants them: with the other lock's bits flipped, if there is one. */
static bool
source(struct ctx *c, void *arg, const struct sealed_tensor *st, int64_t first, size_t n,
    void *bytes, uint8_t marked[])
{
	struct making *m = arg;
	struct seal_plan *p = &m->plan;
	const struct seal_tensor *t;
	struct onnx_place place = { .type = st->type, .count = st->count, .first = first };

	if (first == 0) {
		while (p->tensor[m->at].is.index != st->index)
			m->at++;
		m->next = p->tensor[m->at].locked;
		if (st->form == SEALED_MIXED && !seal_count(c, p, &p->tensor[m->at]))
			return false;
	}
	t = &p->tensor[m->at];
	place.name = t->name;
	place.index = st->index;
	if (!seal_read(c, p, t, first, n, bytes) ||
	    (st->form == SEALED_MIXED && !seal_marks(c, p, t, first, n, bytes, marked)))
		return false;
	m->done += n;
	tell(m, 2 * p->weights + m->done, "encrypting");
	return unlock_flip(c, p->locked, p->n, &m->next, &place, bytes, n);
}

MUST static bool
append(struct ctx *c, struct making *m, struct id release_id, const struct mark_terms *t,
    int out, uint64_t *ret_stream)
{
	struct seal_plan *p = &m->plan;
	struct sealed_tensor *list = take(c, p->tensors * sizeof *list);
	struct artifact_new new = {
		.release = release_id,
		.locks = LOCK_SEALED | (p->n > 0 ? LOCK_ADVPARAMS : 0),
		.content = &m->content,
		.terms = *t,
		.master = m->master,
		.tensor = list,
		.tensors = p->tensors,
		.source = source,
		.arg = m,
	};

	if (list == NULL)
		return false;
	for (size_t i = 0; i < p->tensors; i++)
		list[i] = p->tensor[i].is;
	return artifact_append(c, out, &new, ret_stream);
}

bool
sealed_artifact(struct ctx *c, int plain, const struct onnx_model *model, struct nn_graph *g,
    const struct key256 *release, struct id release_id, const struct sealed_options *o,
    const struct unlock_entry locked[], uint32_t n, const struct str (*metadata)[2],
    size_t metadatas, int out, const struct protect_watch *watch, struct sealed_result *ret)
{
	owned(making_done) struct making m = { .watch = watch };
	int64_t began = clock_monotonic();
	struct sealed_result r = { 0 };
	struct seal_plan *p = &m.plan;

	if (!seal_plan_make(c, plain, model, g, o, locked, n, metadata, metadatas, p))
		return false;
	r.terms = seal_terms(p, o);
	tell(&m, p->weights, "writing unrelated weights");
	if (!secrets(c, release, &r.terms, &m) || !unlock_digest(c, p->plain.fd, &r.plain) ||
	    !seal_fresh(c, p, out))
		return false;
	if (!p->plain.metadata &&
	    !onnx_append_metadata(c, metadata, metadatas, onnx_sink_fd, &out))
		return false;
	tell(&m, 2 * p->weights, "encrypting");
	if (!append(c, &m, release_id, &r.terms, out, &r.stream))
		return false;
	r.weights = p->weights;
	r.marked = p->marked;
	r.raw = p->weights - p->marked;
	r.seconds = (double)(clock_monotonic() - began) / 1000;
	*ret = r;
	return true;
}
