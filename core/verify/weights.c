/*
 * Whose copy is this? The suspect's weights are put where the original has its own, what sets the
 * two apart is gathered by the entries of the release's table, and every customer's mark is scored
 * against it. There may be two ways to read a suspect: as its file has the weights, if the tensors
 * are the original's, and aligned, channel by channel. The one that is nearer to the original is
 * taken; that follows from the weights alone, which for whoever had no part in the suspect are
 * independent of the marks, so that nothing has to be paid for having looked twice.
 */
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>

#include "weights_parts.h"

/* A way to read the suspect, in a file like the original's. */
struct reading {
	int fd;
	bool there;
	double *sums;
	double apart; /* from the original */
};

struct comparing {
	const struct verify_release *release;
	const struct onnx_model *suspect;
	struct tracing *tracing;
	const struct onnx_model *original; /* as the tracing has it */
	struct reading as_is, aligned;
	struct align_report report;
};

static void
comparing_done(struct comparing *k)
{
	tracing_free(&k->tracing);
	fd_done(&k->as_is.fd);
	fd_done(&k->aligned.fd);
}

MUST static bool
reading_begin(struct ctx *c, const struct comparing *k, struct reading *r)
{
	r->sums = take(c, sizeof *r->sums << k->release->terms.log_l);
	r->fd = memfd_create("suspect", MFD_CLOEXEC);
	if (r->fd < 0)
		return fail_errno(c, "create", "a file in memory");
	return r->sums != NULL;
}

/* ---- As its file has them ---------------------------------------------------------------- */

static bool
is_real(enum onnx_type t)
{
	return t == ONNX_FLOAT || t == ONNX_FLOAT16 || t == ONNX_BFLOAT16 || t == ONNX_DOUBLE;
}

static bool
same_shape(const struct onnx_tensor *a, const struct onnx_tensor *b)
{
	bool ok = a->rank == b->rank;

	for (int i = 0; ok && i < a->rank; i++)
		ok = a->dim[i] == b->dim[i];
	return ok;
}

/* The suspect's tensor of the same name, shape and meaning; NULL: there is none. */
static const struct onnx_tensor *
twin_of(const struct comparing *k, const struct onnx_tensor *t)
{
	const struct onnx_tensor *s = onnx_tensor_by_name(k->suspect, t->name);

	return s != NULL && is_real(s->type) && same_shape(s, t) ? s : NULL;
}

MUST static bool
finite_floats(struct ctx *c, const struct onnx_tensor *t, float *to)
{
	if (!onnx_tensor_floats(c, t, to))
		return false;
	for (int64_t i = 0; i < t->count; i++)
		if (!isfinite(to[i]))
			return fail(c, E_CONFLICT, "the suspect's weights are not all numbers");
	return true;
}

/* Every array of the original by its name; of the lists, which carry no marks, what there is. */
MUST static bool
read_as_is(struct ctx *c, struct comparing *k)
{
	const struct onnx_model *m = k->original;
	struct onnx_new_tensor *new = take(c, (m->tensors + 1) * sizeof *new);
	struct onnx_edit e = { .tensor = new };

	if (new == NULL)
		return false;
	for (size_t i = 0; i < m->tensors; i++) {
		const struct onnx_tensor *t = &m->tensor[i], *s = twin_of(k, t);
		float *v;

		if (!is_real(t->type) || t->count == 0)
			continue;
		if (s == NULL && t->rank >= 2)
			return true;
		if (s == NULL)
			continue;
		v = take(c, (size_t)t->count * sizeof *v);
		if (v == NULL || !finite_floats(c, s, v))
			return false;
		new[e.tensors] =
		    (struct onnx_new_tensor){ .name = t->name, .rank = t->rank, .f = v };
		memcpy(new[e.tensors++].dim, t->dim, sizeof t->dim);
	}
	if (!reading_begin(c, k, &k->as_is) ||
	    !onnx_write(c, m, &e, onnx_sink_fd, &k->as_is.fd))
		return false;
	k->as_is.there = true;
	return tracing_sums(c, k->tracing, k->as_is.fd, k->as_is.sums, &k->as_is.apart);
}

/* ---- Aligned ----------------------------------------------------------------------------- */

/* Where that cannot be and the suspect could be read as it is, nothing is wrong. */
MUST static bool
read_aligned(struct ctx *c, struct comparing *k)
{
	if (!reading_begin(c, k, &k->aligned))
		return false;
	if (!align_write(
		c, k->original, k->suspect, onnx_sink_fd, &k->aligned.fd, &k->report)) {
		if (!k->as_is.there)
			return c->err.code == E_MEMORY
			    ? fail(c, E_LIMIT, "the suspect is too large to be compared")
			    : false;
		c->err = (struct err){ 0 };
		return true;
	}
	k->aligned.there = true;
	return tracing_sums(c, k->tracing, k->aligned.fd, k->aligned.sums, &k->aligned.apart);
}

/* ---- Which of the two -------------------------------------------------------------------- */

static const struct reading *
nearer(const struct comparing *k)
{
	if (!k->aligned.there || (k->as_is.there && k->as_is.apart <= k->aligned.apart))
		return &k->as_is;
	return &k->aligned;
}

static void
facts_put(const struct comparing *k, const struct reading *r, struct evidence *e)
{
	const struct align_report *a = &k->report;

	evidence_fact(e, "Weights were read",
	    r == &k->aligned ? "aligned with the original's" : "as the file has them");
	evidence_fact(e, "Distance from the original",
	    "%.4f standard deviations of a layer; the mark: %.3f", r->apart,
	    k->release->terms.kappa);
	if (!k->aligned.there)
		return;
	evidence_fact(e, "Layers aligned", "%lld, with %lld channels", (long long)a->layers,
	    (long long)a->channels);
	evidence_fact(e, "Channels in another place", "%lld", (long long)a->moved);
	evidence_fact(e, "Channels of another scale", "%lld", (long long)a->rescaled);
	evidence_fact(e, "Channels dropped as idle", "%lld", (long long)a->dropped);
	evidence_fact(e, "Channels merged as parts", "%lld", (long long)a->merged);
	evidence_fact(e, "Likeness of matched channels", "%.4f (median cosine)", a->likeness);
}

MUST static bool
compare(struct ctx *c, struct comparing *k, int threads, const struct verify_watch *watch,
    struct evidence *e)
{
	const struct reading *r;

	k->original = tracing_model(k->tracing);
	if (watch != NULL && watch->progress != NULL)
		watch->progress(watch->arg, 0, 0, STR("aligning the suspect's weights"));
	if (!read_as_is(c, k) || !read_aligned(c, k))
		return weights_not(c, e);
	r = nearer(k);
	facts_put(k, r, e);
	return weights_score(c, k->release, r->sums, threads, watch, e);
}

bool
weights_asked(const struct verify_release *r, const char *channel, struct evidence *e)
{
	struct evidence_test *t = &e->test[TEST_WEIGHTS];
	const char *why = r->terms.log_l == 0 ? "the release carries no marks"
	    : r->customers == 0               ? "nobody has a license to the release"
					      : NULL;

	(void)snprintf(e->trace.channel, sizeof e->trace.channel, "%s", channel);
	t->planned = r->terms.log_l != 0;
	if (why == NULL)
		return true;
	(void)snprintf(t->why, sizeof t->why, "%s", why);
	(void)snprintf(e->trace.why, sizeof e->trace.why, "%s", why);
	return false;
}

/* Room for the suspect and the original as numbers, in several orders. */
static size_t
room(const struct verify_release *r, const struct onnx_model *suspect)
{
	return ((size_t)1 << 29) + 24 * (r->model->bytes.n + suspect->bytes.n);
}

bool
verify_weights(struct ctx *c, const struct verify_release *r, const struct onnx_model *suspect,
    int threads, const struct verify_watch *watch, struct evidence *e)
{
	owned(comparing_done) struct comparing k = {
		.release = r, .suspect = suspect, .as_is.fd = -1, .aligned.fd = -1
	};
	owned(arena_free) struct arena *mem = NULL;
	const struct tracing_case on = { .plain = r->plain,
		.model = r->model,
		.graph = r->graph,
		.release_id = r->id,
		.options = r->options,
		.terms = r->terms,
		.locked = r->entry,
		.n = r->entries };
	struct ctx own = *c;

	if (!weights_asked(r, "weights", e))
		return true;
	mem = arena_new(room(r, suspect));
	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory to compare weights");
	own.mem = mem;
	own.err = (struct err){ 0 };
	if (tracing_new(&own, &on, &k.tracing) && compare(&own, &k, threads, watch, e))
		return true;
	c->err = own.err;
	return false;
}
