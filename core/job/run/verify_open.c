/*
 * What the vendor has of the release that a suspect is held against: its model, the secret that the
 * customers' marks follow from, who the customers are, and, where there are any, the key set, the
 * entries of the parameter lock and a data set. All of it is the vendor's own: what is wrong with
 * it ends the job.
 */
#include "memory.h"
#include "verification.h"

enum { CUSTOMER_ID = JOB_CUSTOMER_BYTES - 4, ENTRY_BYTES = 12 };

void
vendor_done(struct vendor *w)
{
	for (int i = 0; i < VERIFY_NULLS_MAX; i++)
		onnx_file_close(&w->null[i]);
	job_set_done(&w->set);
	arena_free(&w->keys_mem);
	network_done(&w->network);
	onnx_file_close(&w->file);
	fd_done(&w->fd);
	key256_done(&w->release.secret);
}

/* ---- The model --------------------------------------------------------------------------- */

MUST static bool
model_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	struct network *n = &w->network;
	size_t limit = (size_t)v->run->message->limits.memory / 4;

	return memory_model(c, v->run, IN_MODEL, &w->fd, &w->file, NULL, NULL) &&
	    onnx_read(c, onnx_file_bytes(w->file), &n->model) &&
	    nn_import(c, &n->model, &n->graph) && nn_graph_load(c, n->graph, limit) &&
	    network_loss(c, n, &v->params->network, &w->loss);
}

/* ---- Who may have it --------------------------------------------------------------------- */

MUST static bool
customers_open(struct ctx *c, struct verification *v)
{
	struct verify_release *r = &v->vendor.release;
	struct str bytes;
	uint32_t *number;
	struct id *id;
	size_t n;

	if (!memory_bytes(c, v->run, IN_CUSTOMERS, &bytes))
		return false;
	n = bytes.n / JOB_CUSTOMER_BYTES;
	number = take(c, n * sizeof *number + 1);
	id = take(c, n * sizeof *id + 1);
	if (number == NULL || id == NULL)
		return false;
	if (bytes.n % JOB_CUSTOMER_BYTES != 0)
		return fail(c, E_INTEGRITY, "the list of customers is not one");
	for (size_t i = 0; i < n; i++) {
		const char *row = bytes.p + i * JOB_CUSTOMER_BYTES;
		struct wire w = { { row, 4 }, false };

		number[i] = wire_u32(&w);
		if (!id_parse(c, (struct str){ row + 4, CUSTOMER_ID }, "cus", &id[i]))
			return false;
	}
	r->customer = number;
	r->customers = (int64_t)n;
	v->vendor.customer = id;
	return true;
}

MUST static bool
entries_open(struct ctx *c, struct verification *v)
{
	struct verify_release *r = &v->vendor.release;
	struct unlock_entry *entry;
	struct str bytes;
	struct wire w;
	size_t n;

	if (!memory_bytes(c, v->run, IN_ENTRIES, &bytes))
		return false;
	n = bytes.n / ENTRY_BYTES;
	entry = take(c, n * sizeof *entry + 1);
	if (entry == NULL)
		return false;
	if (bytes.n % ENTRY_BYTES != 0 || n > UNLOCK_ENTRIES_MAX)
		return fail(c, E_INTEGRITY, "the list of locked parameters is not one");
	w = (struct wire){ bytes, false };
	for (size_t i = 0; i < n; i++) {
		entry[i].tensor = wire_u32(&w);
		entry[i].index = wire_u32(&w);
		entry[i].flip = wire_u32(&w);
	}
	r->entry = entry;
	r->entries = (uint32_t)n;
	return wire_end(c, &w);
}

MUST static bool
release_open(struct ctx *c, struct verification *v)
{
	const struct verify *p = v->params;
	struct vendor *w = &v->vendor;
	struct verify_release *r = &w->release;

	r->plain = w->fd;
	r->model = &w->network.model;
	r->graph = w->network.graph;
	r->id = v->evidence.release;
	r->options = (struct sealed_options){
		.kappa = p->kappa,
		.log_l = (unsigned)p->log_l,
		.unmarked = p->log_l == 0,
		.layers = p->layers,
	};
	if (p->log_l != 0)
		r->terms = (struct mark_terms){ (unsigned)p->log_l, p->kappa };
	return memory_secret(c, v->run, IN_SECRET, &r->secret) && customers_open(c, v) &&
	    entries_open(c, v);
}

/* ---- What was fixed before --------------------------------------------------------------- */

MUST static bool
commitment_add(struct ctx *c, struct evidence *e, const char *what, struct str hex, int64_t at)
{
	struct evidence_commitment *m = &e->commitment[e->commitments];

	if (hex.n == 0)
		return true;
	if (!hex_decode(c, hex, m->digest.b, sizeof m->digest.b))
		return false;
	memcpy(m->what, what, strlen(what) + 1);
	m->at = at;
	e->commitments++;
	return true;
}

/* In memory of its own: a key set may be larger than what a job's context has. */
MUST static bool
keys_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	size_t size = (size_t)v->run->message->blob[IN_KEYS].size;
	struct ctx own;
	struct str bytes;

	w->keys_mem = arena_new(2 * size + ((size_t)1 << 20));
	if (w->keys_mem == NULL)
		return fail(c, E_MEMORY, "no memory for a key set");
	own = ctx_real(w->keys_mem, c->tag);
	if (!memory_bytes(&own, v->run, IN_KEYS, &bytes) ||
	    !keyset_read(&own, bytes, &w->keys)) {
		c->err = own.err;
		return false;
	}
	w->has_keys = true;
	return true;
}

/* A key set that was exchanged afterwards proves nothing. */
MUST static bool
commitments_open(struct ctx *c, struct verification *v)
{
	const struct verify *p = v->params;
	struct evidence *e = &v->evidence;

	if (v->vendor.has_keys) {
		if (!commitment_add(c, e, "key set", p->commitment, p->committed))
			return false;
		if (p->commitment.n > 0 &&
		    !digest256_same(&e->commitment[0].digest, &v->vendor.keys.commitment))
			return fail(
			    c, E_INTEGRITY, "the key set is not the one that was committed to");
	}
	return commitment_add(c, e, "release", p->release_commitment, p->release_committed);
}

/* ---- The data ---------------------------------------------------------------------------- */

MUST static bool
set_open(struct ctx *c, struct verification *v)
{
	const struct job_network *n = &v->params->network;
	struct vendor *w = &v->vendor;
	size_t limit = (size_t)v->run->message->limits.memory / 4;

	w->work = (struct protect_model){ .model = &w->network.model,
		.graph = w->network.graph,
		.loss = w->loss,
		.batch = network_batch(&w->network, n),
		.threads = network_threads(n) };
	if (!job_has_input(v->run, IN_SAMPLES))
		return true;
	if (!job_set_open(c, v->run, &w->network, n, &w->loss, IN_SAMPLES, limit, &w->set))
		return false;
	w->work.classes = w->set.labels.classes;
	w->has_data = true;
	return true;
}

/* Models that have nothing to do with the release; they stay mapped, and closed. */
MUST static bool
nulls_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	struct onnx_model *model = take(c, VERIFY_NULLS_MAX * sizeof *model);

	if (model == NULL)
		return false;
	w->nulls.model = model;
	for (size_t i = 0; i < VERIFY_NULLS_MAX; i++) {
		owned(fd_done) int fd = -1;

		if (!job_has_input(v->run, IN_NULLS + i))
			continue;
		if (!memory_model(c, v->run, IN_NULLS + i, &fd, &w->null[i], NULL, NULL) ||
		    !onnx_read(c, onnx_file_bytes(w->null[i]), &model[w->nulls.n++]))
			return false;
	}
	return true;
}

bool
vendor_open(struct ctx *c, struct verification *v)
{
	return model_open(c, v) && release_open(c, v) &&
	    (!job_has_input(v->run, IN_KEYS) || keys_open(c, v)) && commitments_open(c, v) &&
	    set_open(c, v) && nulls_open(c, v) &&
	    memory_bytes(c, v->run, IN_LIST, &v->vendor.list);
}
