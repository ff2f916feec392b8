/*
 * What a red team gets from the vendor: the model, the secret that every customer's mark follows
 * from, the artifact that they get, the key set, and data. Customers are made up, so many as a
 * vendor may have: a release is best attacked before anybody has it.
 */
#include "redteaming.h"

enum { CUSTOMERS = 100 };

void
redteaming_done(struct redteaming *w)
{
	redteam_free(&w->team);
	saves_done(&w->saves);
	job_set_done(&w->set);
	job_set_done(&w->test);
	network_done(&w->network);
	onnx_file_close(&w->file);
	fd_done(&w->plain);
	fd_done(&w->artifact);
	key256_done(&w->on.release.secret);
	arena_free(&w->mem);
}

/* ---- The release ------------------------------------------------------------------------- */

MUST static bool
model_open(struct ctx *c, struct redteaming *w)
{
	struct network *n = &w->network;
	size_t limit = (size_t)w->run->message->limits.memory / 4;

	return memory_model(c, w->run, IN_MODEL, &w->plain, &w->file, NULL, NULL) &&
	    onnx_read(c, onnx_file_bytes(w->file), &n->model) &&
	    nn_import(c, &n->model, &n->graph) && nn_graph_load(c, n->graph, limit) &&
	    network_loss(c, n, &w->params->network, &w->loss);
}

MUST static bool
customers_make(struct ctx *c, struct verify_release *r)
{
	uint32_t *number = take(c, CUSTOMERS * sizeof *number);

	if (number == NULL)
		return false;
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		number[i] = i + 1;
	r->customer = number;
	r->customers = CUSTOMERS;
	return true;
}

MUST static bool
release_open(struct ctx *c, struct redteaming *w)
{
	const struct redteam_params *p = w->params;
	struct verify_release *r = &w->on.release;

	r->plain = w->plain;
	r->model = &w->network.model;
	r->graph = w->network.graph;
	r->options = (struct sealed_options){
		.kappa = p->kappa,
		.log_l = (unsigned)p->log_l,
		.unmarked = p->log_l == 0,
		.layers = p->layers,
	};
	if (p->log_l != 0)
		r->terms = (struct mark_terms){ (unsigned)p->log_l, p->kappa };
	return id_parse(c, p->release, "rel", &r->id) &&
	    memory_secret(c, w->run, IN_SECRET, &r->secret) && customers_make(c, r) &&
	    memory_entries(c, w->run, IN_ENTRIES, &r->entry, &r->entries);
}

MUST static bool
locked_open(struct ctx *c, struct redteaming *w)
{
	int64_t size;

	return memory_file(c, "artifact", &w->artifact) &&
	    memory_input(c, w->run, IN_ARTIFACT, w->artifact) &&
	    sha256_file(c, w->artifact, &size, &w->on.locked);
}

MUST static bool
keys_open(struct ctx *c, struct redteaming *w)
{
	struct str bytes;

	w->has_keys = job_has_input(w->run, IN_KEYS);
	return !w->has_keys ||
	    (memory_bytes(c, w->run, IN_KEYS, &bytes) && keyset_read(c, bytes, &w->keys));
}

/* ---- The data ---------------------------------------------------------------------------- */

MUST static bool
set_open(struct ctx *c, struct redteaming *w, size_t i, struct job_set *ret)
{
	size_t limit = (size_t)w->run->message->limits.memory / 4;

	return job_set_open(
	    c, w->run, &w->network, &w->params->network, &w->loss, i, limit, ret);
}

MUST static bool
sets_open(struct ctx *c, struct redteaming *w)
{
	w->has_test = job_has_input(w->run, IN_TEST_SAMPLES);
	return set_open(c, w, IN_SAMPLES, &w->set) &&
	    (!w->has_test || set_open(c, w, IN_TEST_SAMPLES, &w->test));
}

static void
case_fill(struct redteaming *w)
{
	const struct redteam_params *p = w->params;
	const struct job_network *n = &p->network;
	struct redteam_case *on = &w->on;

	on->artifact = w->artifact;
	on->locks = (unsigned)p->locks;
	on->keys = w->has_keys ? &w->keys : NULL;
	on->raw = n->raw_bytes;
	on->work = (struct protect_model){ .model = &w->network.model,
		.graph = w->network.graph,
		.loss = w->loss,
		.classes = w->set.labels.classes,
		.batch = network_batch(&w->network, n),
		.threads = network_threads(n) };
	on->data = &w->set.data;
	on->test = w->has_test ? &w->test.data : &w->set.data;
	on->profile = (enum redteam_profile)p->profile;
	on->seed = (uint64_t)p->seed;
	on->threads = network_threads(n);
}

bool
redteaming_open(struct ctx *c, struct redteaming *w)
{
	w->run->progress(w->run->arg, 0, 0, STR("reading the release"));
	if (!model_open(c, w) || !release_open(c, w) || !locked_open(c, w) || !keys_open(c, w))
		return false;
	w->run->progress(w->run->arg, 0, 0, STR("reading the data"));
	if (!sets_open(c, w))
		return false;
	case_fill(w);
	return redteam_new(c, &w->on, &w->team);
}
