/*
 * What leaves the worker: the artifact, the list of locked parameters (a secret, which the server
 * keeps sealed), the report in both forms, and the few facts that the release itself shows.
 */
#include <unistd.h>

#include "protection.h"

enum { PIECE = 1 << 20 };

/* ---- Outputs ----------------------------------------------------------------------------- */

MUST static bool
output(struct ctx *c, struct protection *p, size_t i, struct str bytes)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, p->run, i, &sink) && job_output_write(c, sink, bytes) &&
	    job_output_end(c, sink);
}

MUST static bool
artifact_put(struct ctx *c, struct protection *p)
{
	owned(job_output_free) struct job_sink *sink = NULL;
	char *piece = take(c, PIECE);
	int64_t at = 0;
	ssize_t n;

	if (piece == NULL || !job_output_open(c, p->run, OUT_ARTIFACT, &sink))
		return false;
	while ((n = pread(p->artifact, piece, PIECE, at)) > 0) {
		if (!job_output_write(c, sink, (struct str){ piece, (size_t)n }))
			return false;
		at += n;
	}
	if (n < 0)
		return fail_errno(c, "read", "the artifact");
	return job_output_end(c, sink);
}

/* Three little-endian words each: tensor, index, bits. */
MUST static bool
entries_put(struct ctx *c, struct protection *p)
{
	const struct advparams_result *a = &p->advparams;
	struct buf b;
	bool ok;

	if (a->entries == 0)
		return true;
	if (!take_buf(c, (size_t)a->entries * 12, &b))
		return false;
	for (uint32_t i = 0; i < a->entries; i++) {
		wire_put_u32(&b, a->entry[i].tensor);
		wire_put_u32(&b, a->entry[i].index);
		wire_put_u32(&b, a->entry[i].flip);
	}
	ok = buf_ok(c, &b) && output(c, p, OUT_ENTRIES, buf_str(&b));
	explicit_bzero(b.p, b.n);
	return ok;
}

MUST static bool
reports_put(struct ctx *c, struct protection *p)
{
	struct buf b;

	return take_buf(c, PROTECT_REPORT_MAX, &b) && protect_report_json(c, &p->report, &b) &&
	    output(c, p, OUT_REPORT, buf_str(&b)) && take_buf(c, PROTECT_REPORT_MAX, &b) &&
	    protect_report_html(c, &p->report, &b) && output(c, p, OUT_PAGE, buf_str(&b)) &&
	    (p->print.bytes.n == 0 || output(c, p, OUT_FINGERPRINT, p->print.bytes));
}

/* ---- Facts ------------------------------------------------------------------------------- */

static void
report_fill(struct ctx *c, struct protection *p)
{
	struct protect_report *r = &p->report;
	const struct nn_weight *w;
	size_t n;

	r->release = p->release;
	r->model_name = p->params->name;
	r->model = p->model;
	r->plain = p->weights;
	r->locks = p->locks;
	r->made = c->now();
	r->classes = p->work.classes;
	r->validation = p->split.validation.n;
	r->thief = p->split.thief.n;
	w = nn_weights(p->network.graph, &n);
	for (size_t i = 0; i < n; i++)
		r->parameters += w[i].constant ? 0 : (uint64_t)w[i].count;
	r->baseline = p->baseline;
	if ((p->locks & LOCK_ADVPARAMS) != 0)
		r->advparams = &p->advparams;
	if ((p->locks & LOCK_SEALED) != 0)
		r->sealed = &p->sealed;
	r->customer = p->checked.customer;
	r->customers = p->checked.customers;
	r->innocents_z = p->checked.innocents_z;
	r->innocents = p->checked.customers > 0 ? INNOCENTS : 0;
	r->unlocked_accuracy = p->checked.customers > 0 ? p->checked.mean : r->before;
	if ((p->locks & LOCK_SEALED) != 0 && !p->has_data)
		r->touched = p->sealed.weights;
	r->seconds = (double)(clock_monotonic() - p->began) / 1000;
}

static void
digest_put(struct js *j, const char *name, const struct digest256 *d)
{
	char text[2 * sizeof d->b];
	struct buf hex = BUF(text);

	hex_put(&hex, d->b, sizeof d->b);
	js_text(j, name, buf_str(&hex));
}

static void
accuracy_put(struct js *j, const struct protection *p)
{
	if (!p->has_data) {
		js_null(j, "accuracy");
		return;
	}
	js_open(j, "accuracy", '{');
	js_real(j, "before", p->report.before);
	js_real(j, "locked", p->report.locked);
	js_real(j, "unlocked", p->report.unlocked_accuracy);
	js_close(j, '}');
}

/* As it takes to draw the lock's positions again; see struct job_lock_options. */
static void
lock_put(struct js *j, const struct protection *p)
{
	const struct advparams_options *o = &p->options;

	if ((p->locks & LOCK_ADVPARAMS) == 0) {
		js_null(j, "lock");
		return;
	}
	js_open(j, "lock", '{');
	js_text(j, "mode", str_of(job_mode_words[p->params->mode]));
	js_real(j, "alpha", o->alpha);
	js_real(j, "beta", o->beta);
	js_real(j, "cap", o->cap);
	js_number(j, "phi", o->phi);
	js_number(j, "rounds", o->rounds);
	js_number(j, "count", o->count);
	js_number(j, "lock_set", p->split.lock.n);
	js_number(j, "validation", p->split.validation.n);
	js_bool(j, "extremes", o->extremes);
	js_number(j, "lock_batch", p->work.batch);
	js_number(j, "lock_threads", p->work.threads);
	js_close(j, '}');
}

/* Names are the model's, and may be long; a release shows only so much. */
static void
layers_put(struct js *j, const struct str_list *l)
{
	const size_t most = 16 << 10;
	size_t all = 0;

	for (size_t i = 0; i < l->n; i++)
		all += 6 * l->v[i].n + 3; /* as long as JSON can make it */
	if (all > most)
		return;
	js_open(j, "layers", '[');
	for (size_t i = 0; i < l->n; i++)
		js_text(j, NULL, l->v[i]);
	js_close(j, ']');
}

static void
print_put(struct js *j, const struct protection *p)
{
	const struct job_made *made = &p->run->made[OUT_FINGERPRINT];
	struct digest256 digest;

	if (!p->has_data) {
		js_null(j, "fingerprint");
		return;
	}
	js_open(j, "fingerprint", '{');
	memcpy(digest.b, made->sha256, sizeof digest.b);
	if (p->print.bytes.n > 0)
		digest_put(j, "sha256", &digest);
	else
		js_null(j, "sha256");
	js_number(j, "bytes", (int64_t)p->print.bytes.n);
	js_number(j, "probes", p->print.probes);
	js_number(j, "questions", p->print.questions);
	js_text_or_null(j, "why", str_of(p->print.why));
	js_real(j, "seconds", p->print.seconds);
	js_close(j, '}');
}

bool
protection_result(struct ctx *c, struct protection *p, struct str *ret_json)
{
	const struct protect_report *r = &p->report;
	struct buf out;
	struct js j = { .out = &out };

	report_fill(c, p);
	if (!artifact_put(c, p) || !entries_put(c, p) || !reports_put(c, p) ||
	    !take_buf(c, JOB_RESULT_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_open(&j, "locks", '[');
	if ((p->locks & LOCK_ADVPARAMS) != 0)
		js_text(&j, NULL, STR("advparams"));
	if ((p->locks & LOCK_SEALED) != 0)
		js_text(&j, NULL, STR("sealed"));
	js_close(&j, ']');
	js_number(&j, "log_l", p->sealed.terms.log_l);
	js_real(&j, "kappa", p->sealed.terms.kappa);
	digest_put(&j, "plain", &p->weights);
	digest_put(&j, "model", &p->model);
	js_bool(&j, "exact", r->exact);
	js_number(&j, "parameters", (int64_t)r->parameters);
	js_number(&j, "touched", (int64_t)r->touched);
	js_number(&j, "locked_parameters", p->advparams.entries);
	js_number(&j, "key_bytes", (int64_t)r->key_bytes);
	accuracy_put(&j, p);
	lock_put(&j, p);
	layers_put(&j, &p->params->layers);
	print_put(&j, p);
	js_real(&j, "seconds", r->seconds);
	js_close(&j, '}');
	*ret_json = buf_str(&out);
	return buf_ok(c, &out);
}
