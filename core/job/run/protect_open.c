/*
 * Opening what a release is made of. The model is decrypted into a memory file, where both the
 * graph and the paths that work on files can read it; nothing of it ever lies on a disk.
 */
#include "memory.h"
#include "protection.h"

void
protection_done(struct protection *p)
{
	protect_weights_free(&p->open);
	protect_weights_free(&p->locked);
	job_set_done(&p->set);
	job_set_done(&p->test);
	arena_free(&p->print.mem);
	network_done(&p->network);
	onnx_file_close(&p->file);
	fd_done(&p->plain);
	fd_done(&p->artifact);
	key256_done(&p->secret);
}

/* ---- The model --------------------------------------------------------------------------- */

MUST static bool
model_open(struct ctx *c, struct protection *p)
{
	struct network *n = &p->network;

	return memory_model(c, p->run, IN_MODEL, &p->plain, &p->file, NULL, &p->model) &&
	    onnx_read(c, onnx_file_bytes(p->file), &n->model) &&
	    nn_import(c, &n->model, &n->graph) && unlock_digest(c, p->plain, &p->weights);
}

/* ---- The secret, and what the artifact says of itself ------------------------------------ */

MUST static bool
secret_open(struct ctx *c, struct protection *p)
{
	return memory_secret(c, p->run, IN_SECRET, &p->secret) &&
	    id_parse(c, p->params->release, "rel", &p->release);
}

MUST static bool
metadata_make(struct ctx *c, struct protection *p)
{
	struct buf hex;
	const struct str rows[METADATA_MAX][2] = {
		{ STR("hallmark.release"), str_of(p->release.s) },
		{ STR("hallmark.model"), p->params->name },
		{ STR("hallmark.digest"), { NULL, 0 } },
		{ STR("hallmark.license"), p->params->url },
		{ STR("hallmark.about"),
		    STR("locked: this file gives no useful answers without an unlock key") },
	};

	if (!take_buf(c, 2 * sizeof p->model.b, &hex))
		return false;
	hex_put(&hex, p->model.b, sizeof p->model.b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str value = rows[i][1].p == NULL ? buf_str(&hex) : rows[i][1];

		if (value.n == 0)
			continue;
		p->metadata[p->metadatas][0] = rows[i][0];
		p->metadata[p->metadatas++][1] = value;
	}
	return true;
}

/* ---- The data ---------------------------------------------------------------------------- */

MUST static bool
sets_open(struct ctx *c, struct protection *p)
{
	const struct job_network *n = &p->params->network;
	size_t limit = (size_t)p->run->message->limits.memory / 4;
	bool test = job_has_input(p->run, IN_TEST_SAMPLES);

	p->work = (struct protect_model){ .model = &p->network.model,
		.graph = p->network.graph,
		.batch = network_batch(&p->network, n),
		.threads = network_threads(n) };
	p->has_data = job_has_input(p->run, IN_SAMPLES);
	if (!p->has_data)
		return test ? fail(c, E_INPUT, "test data without a data set to lock with")
			    : true;
	if (!network_loss(c, &p->network, n, &p->loss) ||
	    !job_set_open(c, p->run, &p->network, n, &p->loss, IN_SAMPLES, limit, &p->set) ||
	    (test &&
		!job_set_open(
		    c, p->run, &p->network, n, &p->loss, IN_TEST_SAMPLES, limit, &p->test)))
		return false;
	p->work.loss = p->loss;
	p->work.classes = p->set.labels.classes;
	if (p->work.classes < 2)
		return fail(c, E_INPUT, "the model tells %lld classes apart: a lock needs two",
		    (long long)p->work.classes);
	return protect_divide(c, &p->secret, &p->set.data, test ? &p->test.data : NULL,
	    p->params->lock_set, p->params->validation, &p->split);
}

bool
protection_open(struct ctx *c, struct protection *p)
{
	p->run->progress(p->run->arg, 0, 0, STR("reading the model"));
	if (!secret_open(c, p) || !model_open(c, p) || !metadata_make(c, p))
		return false;
	p->run->progress(p->run->arg, 0, 0, STR("reading the data"));
	return sets_open(c, p) && memory_file(c, "artifact", &p->artifact);
}
