/*
 * The job that draws the slots of a model: how many it takes to name a leak, and whether the model
 * has room for them, is found out before any data is read.
 */
#include "kinds.h"
#include "memory.h"
#include "network.h"
#include "set.h"
#include "slots.h"

enum { IN_MODEL, IN_SAMPLES, IN_LABELS, IN_SECRET };

struct drawing {
	const struct job_run *run;
	const struct slots_params *params;
	struct arena *mem; /* of pictures: they may be more than a job's context has */
	struct network network;
	struct loss loss;
	struct job_set set;
	struct key256 secret;
	struct slots slots;
	int64_t weights, began;
};

static void
drawing_done(struct drawing *d)
{
	job_set_done(&d->set);
	network_done(&d->network);
	key256_done(&d->secret);
	arena_free(&d->mem);
}

static void
tell(const struct drawing *d, struct str note)
{
	d->run->progress(d->run->arg, 0, 0, note);
}

/* ---- How many ---------------------------------------------------------------------------- */

MUST static bool
model_open(struct ctx *c, struct drawing *d)
{
	tell(d, STR("reading the model"));
	if (!network_open(c, d->run, IN_MODEL, &d->network) ||
	    !network_loss_of_classes(c, &d->network, &d->params->network, &d->loss))
		return false;
	if (d->loss.kind != TRAIN_CROSS_ENTROPY)
		return fail_at(c, E_INPUT, "/loss",
		    "slots are answered with classes: they need a model that tells classes "
		    "apart, whose loss is cross-entropy");
	d->weights = slots_weights(d->network.graph);
	return true;
}

MUST static bool
plan(struct ctx *c, const struct drawing *d, int64_t *ret)
{
	const struct slots_params *p = d->params;
	const struct slots_need need = {
		.customers = p->customers,
		.colluders = (int)p->colluders,
		.eps1 = p->eps1,
		.eps2 = p->eps2,
		.flips = p->flips,
	};

	return slots_plan(c, &need, d->weights, ret);
}

/* ---- Which ------------------------------------------------------------------------------- */

/*
 * The classes that there are samples of: what a watermark added to the model is none of them, and
 * must not be a slot's answer.
 */
static int64_t
ordinary(const struct data_labels *l)
{
	int64_t most = 0;

	for (int64_t i = 0; i < l->n; i++)
		most = l->v[i] > most ? l->v[i] : most;
	return most + 1;
}

MUST static bool
draw(struct ctx *c, struct drawing *d, int64_t n)
{
	size_t limit = (size_t)d->run->message->limits.memory / 4;

	tell(d, STR("reading the data"));
	if (!job_set_open(c, d->run, &d->network, &d->params->network, &d->loss, IN_SAMPLES,
		limit, &d->set))
		return false;
	d->set.labels.classes = ordinary(&d->set.labels);
	tell(d, STR("drawing the slots"));
	return memory_secret(c, d->run, IN_SECRET, &d->secret) &&
	    slots_draw(c, &d->secret, &d->set.data, (int)n, (int)d->set.labels.classes,
		(int)d->params->colluders, &d->slots);
}

/* ---- What leaves the worker -------------------------------------------------------------- */

MUST static bool
content_put(struct ctx *c, struct drawing *d)
{
	owned(job_output_free) struct job_sink *sink = NULL;
	struct str bytes;

	return slots_put(c, &d->slots, &bytes) && job_output_open(c, d->run, 0, &sink) &&
	    job_output_write(c, sink, bytes) && job_output_end(c, sink);
}

static void
hex_member(struct js *j, const char *name, const uint8_t *digest, size_t n)
{
	char text[64];
	struct buf hex = BUF(text);

	hex_put(&hex, digest, n);
	js_text(j, name, buf_str(&hex));
}

MUST static bool
result_put(struct ctx *c, const struct drawing *d, struct str *ret)
{
	const struct job_made *made = &d->run->made[0];
	const struct slots *s = &d->slots;
	struct buf out;
	struct js j = { .out = &out };

	if (!take_buf(c, 1024, &out))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "slots", s->n);
	js_number(&j, "colluders", s->colluders);
	js_number(&j, "classes", s->classes);
	js_number(&j, "customers", d->params->customers);
	js_number(&j, "weights", d->weights);
	js_number(&j, "capacity", slots_capacity(d->weights));
	hex_member(&j, "commitment", s->commitment.b, sizeof s->commitment.b);
	js_number(&j, "bytes", made->size);
	hex_member(&j, "sha256", made->sha256, sizeof made->sha256);
	js_real(&j, "seconds", (double)(clock_monotonic() - d->began) / 1000);
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

MUST static bool
slots_make(struct ctx *c, struct drawing *d)
{
	int64_t n = 0;

	return model_open(c, d) && plan(c, d, &n) && draw(c, d, n) && content_put(c, d);
}

bool
slots_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(drawing_done) struct drawing d = {
		.run = r, .params = r->params, .began = clock_monotonic()
	};
	struct ctx own = *c;

	own.mem = d.mem = arena_new((size_t)r->message->limits.memory / 2);
	if (d.mem == NULL)
		return fail(c, E_MEMORY, "no memory for pictures");
	if (slots_make(&own, &d))
		return result_put(c, &d, ret_json);
	c->err = own.err;
	return false;
}
