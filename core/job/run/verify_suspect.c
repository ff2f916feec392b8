/*
 * What a suspect is. Nobody has looked at its bytes before: they may be anything, and what they are
 * is told by how they begin. They lie in a memory file, and never on a disk. A model is read into
 * memory of its own, and asked once, before any test is made of it.
 */
#include <math.h>
#include <stdio.h>

#include "memory.h"
#include "verification.h"

enum { SUSPECT_MEMORY = 512 << 20, LOOKED_AT = 512 };

static const struct {
	const char *magic;
	enum suspect_kind kind;
} magics[] = {
	{ "HMKKEY", SUSPECT_UNLOCK_KEY },
	{ "\x89PNG\r\n\x1a\n", SUSPECT_KEY_IMAGE },
	{ "\xff\xd8\xff", SUSPECT_KEY_IMAGE },
};

static const char *const kind_names[] = {
	[SUSPECT_MODEL] = "model",
	[SUSPECT_TRANSCRIPT] = "transcript",
	[SUSPECT_UNLOCK_KEY] = "unlock-key",
	[SUSPECT_KEY_IMAGE] = "key-image",
	[SUSPECT_ENDPOINT] = "endpoint",
};

void
suspect_done(struct suspect *s)
{
	nn_graph_free(&s->graph);
	onnx_file_close(&s->file);
	fd_done(&s->fd);
	arena_free(&s->mem);
}

/* ---- Faults ------------------------------------------------------------------------------ */

bool
suspect_fault(const struct ctx *c)
{
	static const enum err_code codes[] = { E_INPUT, E_LIMIT, E_CONFLICT, E_MEMORY, E_SLOW,
		E_ABSENT, E_INTEGRITY };

	for (size_t i = 0; i < COUNT(codes); i++)
		if (c->err.code == codes[i])
			return true;
	return false;
}

void
suspect_cannot(struct ctx *c, struct verification *v)
{
	struct evidence *e = &v->evidence;

	snprintf(e->cannot, sizeof e->cannot, "The suspect cannot be judged: %s.", c->err.text);
	c->err = (struct err){ 0 };
}

/* ---- Its kind ---------------------------------------------------------------------------- */

/* No byte of its beginning is one that texts do not have. */
static bool
is_text(struct str bytes)
{
	for (size_t i = 0; i < bytes.n && i < LOOKED_AT; i++) {
		unsigned char b = (unsigned char)bytes.p[i];

		if (b < ' ' && b != '\t' && b != '\n' && b != '\r')
			return false;
	}
	return true;
}

static enum suspect_kind
kind_of(struct ctx *c, struct str bytes)
{
	for (size_t i = 0; i < COUNT(magics); i++)
		if (str_starts(bytes, str_of(magics[i].magic)))
			return magics[i].kind;
	if (!is_text(bytes))
		return SUSPECT_MODEL;
	return endpoint_is(c, bytes) ? SUSPECT_ENDPOINT : SUSPECT_TRANSCRIPT;
}

bool
suspect_memory(struct ctx *c, struct verification *v)
{
	v->suspect.mem = arena_new(SUSPECT_MEMORY);
	return v->suspect.mem != NULL ? true : fail(c, E_MEMORY, "no memory for a suspect");
}

bool
suspect_open(struct ctx *c, struct verification *v)
{
	struct suspect *s = &v->suspect;
	struct evidence *e = &v->evidence;

	if (!suspect_memory(c, v) || !memory_file(c, "suspect", &s->fd) ||
	    !memory_input(c, v->run, IN_SUSPECT, s->fd) ||
	    !sha256_file(c, s->fd, &e->bytes, &e->digest))
		return false;
	memcpy(e->kind, "model", sizeof "model");
	if (e->bytes == 0)
		return fail(c, E_INPUT, "it is a file with nothing in it");
	if (!onnx_file_open(c, s->fd, &s->file))
		return false;
	s->kind = kind_of(c, onnx_file_bytes(s->file));
	memcpy(e->kind, kind_names[s->kind], strlen(kind_names[s->kind]) + 1);
	return true;
}

/* ---- A model ----------------------------------------------------------------------------- */

MUST static bool
weights_check(struct ctx *c, const struct suspect *s)
{
	size_t n;
	const struct nn_weight *w = nn_weights(s->graph, &n);

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; k < w[i].count; k++)
			if (isnan(w[i].data[k]))
				return fail(c, E_INPUT,
				    "its weights hold what is no number, in %.*s",
				    STRF(w[i].name));
	return true;
}

/* An input of numbers between 0 and 1, no two of them neighbours. */
static void *
input_fill(struct ctx *c, const struct nn_tensor *t)
{
	int64_t n = nn_count(t);
	void *v = take(c, (size_t)n * nn_type_size(t->type) + 1);

	if (v != NULL && t->type == NN_FLOAT)
		for (int64_t i = 0; i < n; i++)
			((float *)v)[i] = (float)(i * 37 % 101) / 100;
	return v;
}

/* No NaN, and something to be told from something else. */
MUST static bool
finite_check(struct ctx *c, const struct nn_tensor *t)
{
	const float *v = t->data;
	bool some = false;

	if (t->type != NN_FLOAT)
		return fail(c, E_INPUT, "its answers are whole numbers, not scores");
	for (int64_t i = 0; i < nn_count(t); i++) {
		if (isnan(v[i]) || v[i] == INFINITY)
			return fail(c, E_INPUT, "it answers with what is no number");
		some = some || isfinite(v[i]);
	}
	return some ? true : fail(c, E_INPUT, "it answers with what is no number");
}

static void
plan_done(struct nn_plan **p)
{
	nn_plan_free(p);
}

/* Anybody may attach such a head, so that this is for people, and proves nothing. */
void
suspect_attached(struct ctx *c, struct verification *v, struct evidence *e)
{
	struct artifact a;

	if (!artifact_open(c, v->suspect.fd, &a)) {
		c->err = (struct err){ 0 };
		return;
	}
	evidence_fact(e, "calls itself the locked file of", "%s", a.release.s);
}

bool
suspect_read(struct ctx *c, struct verification *v)
{
	struct suspect *s = &v->suspect;
	size_t limit = (size_t)v->run->message->limits.memory / 4;

	return onnx_read_any(c, onnx_file_bytes(s->file), &s->model) &&
	    nn_import(c, &s->model, &s->graph) && nn_graph_load(c, s->graph, limit) &&
	    weights_check(c, s);
}

bool
suspect_question(struct ctx *c, struct verification *v)
{
	const struct suspect *s = &v->suspect;
	struct nn_options o = { .mode = NN_INFER,
		.batch = 1,
		.threads = network_threads(&v->params->network),
		.memory_max = (size_t)v->run->message->limits.memory / 4 };
	owned(plan_done) struct nn_plan *p = NULL;
	size_t inputs, outputs;
	const void *in;

	(void)nn_inputs(s->graph, &inputs);
	(void)nn_outputs(s->graph, &outputs);
	if (inputs != 1 || outputs < 1)
		return fail(c, E_INPUT,
		    "it has %zu inputs and %zu outputs: models of "
		    "pictures have one",
		    inputs, outputs);
	if (!nn_plan_new(c, s->graph, &o, &p))
		return false;
	in = input_fill(c, nn_plan_input(p, 0));
	return in != NULL && nn_forward(c, p, &in) && finite_check(c, nn_plan_output(p, 0));
}
