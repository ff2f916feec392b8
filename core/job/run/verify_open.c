/*
 * What the vendor has of the release that a suspect is held against: its model, the secret that the
 * customers' marks follow from, who the customers are, and, where there are any, the key set, the
 * entries of the parameter lock and a data set. All of it is the vendor's own: what is wrong with
 * it ends the job.
 */
#include "memory.h"
#include "verification.h"

/* Bytes of samples become floats, and the ends of ways all that is asked along them. */
enum { PROBES_ROOM = 16 };

void
vendor_done(struct vendor *w)
{
	for (int i = 0; i < VERIFY_NULLS_MAX; i++)
		onnx_file_close(&w->null[i]);
	job_set_done(&w->set);
	arena_free(&w->keys_mem);
	arena_free(&w->slots_mem);
	arena_free(&w->probes_mem);
	network_done(&w->network);
	onnx_file_close(&w->file);
	fd_done(&w->fd);
	key256_done(&w->release.secret);
	key256_done(&w->slots_secret);
}

/* ---- The model --------------------------------------------------------------------------- */

MUST static bool
model_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	struct network *n = &w->network;
	size_t limit = (size_t)v->run->message->limits.memory / 4;

	return memory_model(c, v->run, IN_MODEL, &w->fd, &w->file, NULL, &w->digest) &&
	    onnx_read(c, onnx_file_bytes(w->file), &n->model) &&
	    nn_import(c, &n->model, &n->graph) && nn_graph_load(c, n->graph, limit) &&
	    network_loss(c, n, &v->params->network, &w->loss);
}

/* ---- Who may have it --------------------------------------------------------------------- */

MUST static bool
customers_open(struct ctx *c, struct verification *v)
{
	struct verify_release *r = &v->vendor.release;
	struct memory_customers l;

	if (!memory_customers(c, v->run, IN_CUSTOMERS, &l))
		return false;
	r->customer = l.number;
	r->customers = l.n;
	v->vendor.customer = l.id;
	return true;
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
	    memory_entries(c, v->run, IN_ENTRIES, &r->entry, &r->entries);
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

/* Each is made of a key picture. */
MUST static bool
images_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;

	if (!memory_images(c, v->run, IN_IMAGES, &w->images))
		return false;
	for (int64_t i = 0; w->has_keys && i < w->images.n; i++)
		if (w->images.v[i].base >= (uint32_t)w->keys.pairs)
			return fail(c, E_INTEGRITY,
			    "a key image is of picture %u, but the key set has %d pairs",
			    w->images.v[i].base, w->keys.pairs);
	return true;
}

/* Pictures in memory of their own, like those of keys; and who has a copy that answers them. */
MUST static bool
slots_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	size_t size = (size_t)v->run->message->blob[IN_SLOTS].size;
	struct ctx own;

	w->slots_mem = arena_new(3 * size + ((size_t)4 << 20));
	if (w->slots_mem == NULL)
		return fail(c, E_MEMORY, "no memory for slots");
	own = ctx_real(w->slots_mem, c->tag);
	if (!memory_slots(&own, v->run, IN_SLOTS, &w->slots_secret, &w->slots)) {
		c->err = own.err;
		return false;
	}
	w->has_slots = true;
	return memory_customers(c, v->run, IN_COPIES, &w->copies);
}

/* The questions that were asked, if some were: of these slots, if of any. */
MUST static bool
asked_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	struct str list;

	if (!job_has_input(v->run, IN_LIST))
		return true;
	if (!memory_bytes(c, v->run, IN_LIST, &list) || !challenge_read(c, list, &w->asked))
		return false;
	if (w->has_slots && w->asked.slots > 0 &&
	    (w->asked.slots != w->slots.n ||
		!digest256_same(&w->asked.slots_commitment, &w->slots.commitment)))
		return fail(c, E_INTEGRITY,
		    "the challenge asks another slot set: verify with that one");
	w->has_asked = true;
	return true;
}

/* What was exchanged afterwards proves nothing. */
MUST static bool
commitment_check(struct ctx *c, struct evidence *e, const char *what, struct str hex,
    int64_t at, const struct digest256 *is)
{
	if (!commitment_add(c, e, what, hex, at))
		return false;
	if (hex.n > 0 && !digest256_same(&e->commitment[e->commitments - 1].digest, is))
		return fail(
		    c, E_INTEGRITY, "the %s is not the one that was committed to", what);
	return true;
}

MUST static bool
commitments_open(struct ctx *c, struct verification *v)
{
	const struct verify *p = v->params;
	struct evidence *e = &v->evidence;
	const struct vendor *w = &v->vendor;

	if (w->has_keys &&
	    !commitment_check(
		c, e, "key set", p->commitment, p->committed, &w->keys.commitment))
		return false;
	if (w->has_slots &&
	    !commitment_check(
		c, e, "slots", p->slots_commitment, p->slots_committed, &w->slots.commitment))
		return false;
	return commitment_add(c, e, "release", p->release_commitment, p->release_committed);
}

/* As the release's job has made it, which is what the vendor is committed to. */
MUST static bool
probes_open(struct ctx *c, struct verification *v)
{
	struct vendor *w = &v->vendor;
	const struct verify *p = v->params;
	size_t size = (size_t)v->run->message->blob[IN_FINGERPRINT].size;
	struct digest256 digest;
	struct str bytes;
	struct ctx own;

	w->probes_mem = arena_new(PROBES_ROOM * size + ((size_t)4 << 20));
	if (w->probes_mem == NULL)
		return fail(c, E_MEMORY, "no memory for a fingerprint");
	own = ctx_real(w->probes_mem, c->tag);
	if (!memory_bytes(&own, v->run, IN_FINGERPRINT, &bytes) ||
	    !sha256(&own, bytes, &digest) ||
	    !probe_set_read(&own, bytes, &w->digest, &w->probes)) {
		c->err = own.err;
		if (c->err.code == E_INPUT)
			c->err.code = E_INTEGRITY; /* it is no caller's */
		return false;
	}
	return commitment_check(c, &v->evidence, "fingerprint", p->fingerprint_commitment,
	    p->release_committed, &digest);
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
	    (!job_has_input(v->run, IN_KEYS) || keys_open(c, v)) && images_open(c, v) &&
	    (!job_has_input(v->run, IN_SLOTS) || slots_open(c, v)) && asked_open(c, v) &&
	    commitments_open(c, v) &&
	    (!job_has_input(v->run, IN_FINGERPRINT) || probes_open(c, v)) && set_open(c, v) &&
	    nulls_open(c, v);
}
