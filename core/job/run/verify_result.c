/*
 * What leaves the worker of a verification: the report, its page, and the few facts that the
 * verification itself shows.
 */
#include <stdio.h>

#include "verification.h"

static const char too_slow[] =
    "The suspect was too slow: a test of it had to be given up, and no other found anything.";

MUST static bool
output(struct ctx *c, struct verification *v, size_t i, struct str bytes)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, v->run, i, &sink) && job_output_write(c, sink, bytes) &&
	    job_output_end(c, sink);
}

static void
hex_member(struct js *j, const char *name, const void *digest, size_t n)
{
	char text[64];
	struct buf hex = BUF(text);

	hex_put(&hex, digest, n);
	js_text(j, name, buf_str(&hex));
}

/* Whose number this is; those with a copy are not all among those with a license any more. */
static void
id_fill(struct evidence_customer *k, const uint32_t number[], const struct id id[], int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (number[i] == k->number)
			k->id = id[i];
}

static void
ids_fill(struct verification *v)
{
	const struct vendor *w = &v->vendor;
	struct evidence_trace *t = &v->evidence.trace;

	for (size_t i = 0; i < t->n; i++) {
		id_fill(&t->best[i], w->release.customer, w->customer, w->release.customers);
		id_fill(&t->best[i], w->copies.number, w->copies.id, w->copies.n);
	}
}

/* Why there is nothing to be said, where no test was run: the first of their reasons. */
static void
nothing_ran(struct evidence *e)
{
	const char *why = NULL;

	for (size_t i = 0; i < TEST_COUNT; i++) {
		if (e->test[i].ran || e->cannot[0] != '\0')
			return;
		if (why == NULL && e->test[i].planned && e->test[i].why[0] != '\0')
			why = e->test[i].why;
	}
	snprintf(e->cannot, sizeof e->cannot, "None of the tests could be run: %s.",
	    why != NULL ? why
			: "the release has neither marks, nor a key set, nor anything else "
			  "that this suspect could be tested by");
}

/*
 * Nothing found in a suspect that some test had to be given up on is nothing at all: it might have
 * been found by that one.
 */
static void
conclude(struct verification *v)
{
	struct evidence *e = &v->evidence;

	ids_fill(v);
	if (!v->slow)
		nothing_ran(e);
	evidence_conclude(e);
	if (!v->slow || e->cannot[0] != '\0' ||
	    (e->verdict != VERDICT_NO_EVIDENCE && e->verdict != VERDICT_CANNOT_DECIDE))
		return;
	memcpy(e->cannot, too_slow, sizeof too_slow);
	evidence_conclude(e);
}

MUST static bool
reports_put(struct ctx *c, struct verification *v)
{
	struct buf json, html;

	return take_buf(c, EVIDENCE_JSON_MAX, &json) && evidence_json(c, &v->evidence, &json) &&
	    output(c, v, OUT_REPORT, buf_str(&json)) && take_buf(c, EVIDENCE_HTML_MAX, &html) &&
	    evidence_html(c, &v->evidence, buf_str(&json), &html) &&
	    output(c, v, OUT_PAGE, buf_str(&html));
}

static void
tests_put(struct js *j, const struct evidence *e)
{
	js_open(j, "tests", '[');
	for (size_t i = 0; i < TEST_COUNT; i++) {
		const struct evidence_test *t = &e->test[i];

		if (!t->planned)
			continue;
		js_open(j, NULL, '{');
		js_text(j, "id", str_of(evidence_rows[i].id));
		js_bool(j, "ran", t->ran);
		js_real(j, "log10_p", t->log10_p);
		js_real(j, "adjusted", t->adjusted);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
accused_put(struct js *j, const struct evidence *e)
{
	js_open(j, "accused", '[');
	for (size_t i = 0; i < e->trace.n; i++) {
		const struct evidence_customer *k = &e->trace.best[i];

		if (!k->accused)
			continue;
		js_open(j, NULL, '{');
		js_number(j, "number", k->number);
		js_text(j, "customer", str_of(k->id.s));
		js_real(j, "z", k->z);
		js_real(j, "log10", k->bound_log10);
		js_close(j, '}');
	}
	js_close(j, ']');
}

bool
verification_result(struct ctx *c, struct verification *v, struct str *ret_json)
{
	struct evidence *e = &v->evidence;
	const struct job_made *report = &v->run->made[OUT_REPORT];
	struct buf out;
	struct js j = { .out = &out };

	conclude(v);
	if (!reports_put(c, v) || !take_buf(c, JOB_RESULT_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "verdict", str_of(verdict_names[e->verdict]));
	js_text(&j, "reason", str_of(e->reason));
	js_text(&j, "kind", str_of(e->kind));
	hex_member(&j, "suspect", e->digest.b, sizeof e->digest.b);
	hex_member(&j, "report", report->sha256, sizeof report->sha256);
	accused_put(&j, e);
	tests_put(&j, e);
	js_real(&j, "seconds", (double)(clock_monotonic() - v->began) / 1000);
	js_close(&j, '}');
	*ret_json = buf_str(&out);
	return buf_ok(c, &out);
}
