/*
 * What answers say: to the key set and to the slots, of a model that is asked here, and of a
 * service that somebody else has asked and written down.
 */
#include "verification.h"

/* ---- What there is to be asked ----------------------------------------------------------- */

bool
asks_keys(const struct vendor *w)
{
	return w->has_keys && (!w->has_asked || w->asked.pairs > 0);
}

bool
asks_slots(const struct vendor *w)
{
	return w->has_slots && (!w->has_asked || w->asked.slots > 0);
}

int32_t
ordinary_classes(const struct vendor *w)
{
	return w->has_keys ? w->keys.classes : w->slots.classes;
}

/* ---- A model ----------------------------------------------------------------------------- */

bool
asked_keys(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct job_network *n = &v->params->network;

	return verify_ask(c, v->suspect.graph, &v->vendor.keys, n->raw_bytes,
	    network_threads(n), (uint64_t)v->params->seed, e);
}

bool
slots_compare(struct ctx *c, const struct vendor *w, const int32_t answer[], struct evidence *e)
{
	const struct verify_slots said = {
		.secret = &w->slots_secret,
		.slots = &w->slots,
		.answer = answer,
		.customer = w->copies.number,
		.customers = w->copies.n,
	};

	return verify_slots(c, &said, e);
}

bool
asked_slots(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct job_network *n = &v->params->network;
	const struct vendor *w = &v->vendor;
	struct nn_graph *g = v->suspect.graph;
	struct data_form form;
	int32_t *answer = NULL;

	return slots_form(c, g, &w->slots, n->raw_bytes, &form) &&
	    slots_ask(c, g, &form, &w->slots, network_threads(n), &answer) &&
	    slots_compare(c, w, answer, e);
}

/* ---- A transcript ------------------------------------------------------------------------ */

MUST static bool
keys_compare(
    struct ctx *c, struct verification *v, const struct transcript *t, struct evidence *e)
{
	const struct challenge *q = &v->vendor.asked;
	const struct verify_answers said = {
		.keys = &v->vendor.keys,
		.first = q->first,
		.n = q->pairs,
		.key = t->key,
		.twin = t->twin,
		.widened = t->widened,
	};

	return verify_answers(c, &said, (uint64_t)v->params->seed, e);
}

bool
asked_transcript(struct ctx *c, struct verification *v, struct evidence *e)
{
	const struct vendor *w = &v->vendor;
	struct transcript t;

	if (!w->has_asked)
		return fail(c, E_INPUT,
		    "a transcript answers a challenge: name the one that it answers with the "
		    "suspect");
	return transcript_read(
		   c, onnx_file_bytes(v->suspect.file), &w->asked, ordinary_classes(w), &t) &&
	    (!asks_keys(w) || keys_compare(c, v, &t, e)) &&
	    (!asks_slots(w) || slots_compare(c, w, t.slot, e));
}
