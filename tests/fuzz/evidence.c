/*
 * Any bytes as a report, as the signed file or page, as the claims of a statement, or as counts;
 * the first byte says which. A report that can be read is concluded, written and read again: the
 * same bytes must come out, its page must follow, and nobody may be accused by what proves nothing.
 */
#include <math.h>

#include "evidence.h"
#include "fuzz.h"

const size_t target_memory = 64 << 20;

static struct str
written(struct ctx *c, const struct evidence *e)
{
	struct buf b;

	must(take_buf(c, EVIDENCE_JSON_MAX, &b) && evidence_json(c, e, &b), "written", c);
	return buf_str(&b);
}

/* What holds for all that was concluded. */
static void
sound(struct ctx *c, const struct evidence *e)
{
	bool carried = false;

	for (size_t i = 0; i < TEST_COUNT; i++) {
		const struct evidence_test *t = &e->test[i];

		must(t->log10_p <= 0 && t->allowed >= t->log10_p && t->allowed <= 0 &&
			t->adjusted <= 0 && (!t->planned || t->adjusted >= t->allowed),
		    "p-values", c);
		carried |= t->ran && !evidence_rows[i].supports && t->adjusted <= PROVEN_LOG10;
	}
	for (size_t i = 0; e->verdict == VERDICT_PROVEN && i < e->commitments; i++)
		must(e->commitment[i].at < e->appeared, "a commitment that is too young", c);
	must(e->verdict != VERDICT_PROVEN || (carried && e->commitments > 0), "proven", c);
	for (size_t i = 0; i < e->trace.n; i++) {
		const struct evidence_customer *k = &e->trace.best[i];

		must(!k->accused || e->verdict == VERDICT_PROVEN ||
			e->verdict == VERDICT_INDICATIVE,
		    "accused of nothing", c);
		must(!k->accused || k->all_log10 <= log10(EVIDENCE_EPS1_MAX), "accused", c);
	}
}

static void
try_evidence(struct ctx *c, struct evidence *e)
{
	struct evidence again;
	struct str json, differs;
	struct buf page;

	evidence_conclude(e);
	sound(c, e);
	json = written(c, e);
	must(evidence_recheck(c, json, &again, &differs), "read again", c);
	must(differs.n == 0 && str_same(written(c, &again), json), "one form", c);
	must(again.verdict == e->verdict && strcmp(again.reason, e->reason) == 0, "verdict", c);
	must(take_buf(c, EVIDENCE_HTML_MAX, &page) && evidence_html(c, e, json, &page), "page",
	    c);
}

/* ---- Files ------------------------------------------------------------------------------- */

static void
try_report(struct ctx *c, struct str bytes)
{
	struct evidence e;
	struct str differs;

	if (!evidence_read(c, bytes, &e)) {
		refused(c);
		return;
	}
	must(evidence_recheck(c, bytes, &e, &differs), "checked", c);
	if (differs.n == 0)
		must(str_same(written(c, &e), bytes), "what differs is named", c);
	try_evidence(c, &e);
}

static void
try_file(struct ctx *c, struct str bytes)
{
	struct str jws, report;

	if (!evidence_file_read(c, bytes, &jws, &report)) {
		if (c->err.code == E_INTEGRITY)
			c->err = (struct err){ 0 };
		else
			refused(c);
		return;
	}
	must(jws.p > bytes.p && jws.p + jws.n <= bytes.p + bytes.n, "the signature is a view",
	    c);
	must(report.p > bytes.p && report.p + report.n <= bytes.p + bytes.n,
	    "the report is a view", c);
}

static void
try_claims(struct ctx *c, struct str bytes)
{
	struct evidence_statement s;
	struct buf b;

	if (!evidence_claims_read(c, bytes, &s)) {
		refused(c);
		return;
	}
	must(take_buf(c, EVIDENCE_CLAIMS_MAX, &b) && evidence_claims_put(c, &s, &b) &&
		str_same(buf_str(&b), bytes),
	    "a statement has one form", c);
}

/* ---- Counts ------------------------------------------------------------------------------ */

static void
text(struct wire *w, char *to, size_t size)
{
	struct str s = wire_str(w, size);

	memcpy(to, s.p, s.n);
}

static void
try_counts(struct ctx *c, struct str bytes)
{
	struct wire w = { .rest = bytes };
	struct evidence e = { .appeared = (int64_t)wire_u64(&w) };

	for (size_t i = 0; i < TEST_COUNT; i++) {
		struct evidence_test *t = &e.test[i];

		t->planned = wire_u8(&w) % 4 != 0;
		t->ran = wire_u8(&w) % 4 != 0;
		t->trials = (int64_t)wire_u64(&w);
		t->hits = (int64_t)wire_u64(&w);
		t->misses = (int64_t)wire_u64(&w);
		t->labels = (int64_t)wire_u64(&w);
		t->bound_log10 = wire_real(&w);
		t->score = wire_real(&w);
	}
	e.controls = wire_u8(&w);
	e.commitments = wire_u8(&w);
	for (size_t i = 0; i < EVIDENCE_CONTROLS_MAX; i++) {
		e.control[i].trials = (int64_t)wire_u64(&w);
		e.control[i].low = (int64_t)wire_u64(&w);
	}
	for (size_t i = 0; i < EVIDENCE_COMMITMENTS_MAX; i++)
		e.commitment[i].at = (int64_t)wire_u64(&w);
	e.trace.ran = wire_u8(&w) % 4 != 0;
	e.trace.customers = (int64_t)wire_u64(&w);
	e.trace.eps1 = wire_real(&w);
	e.trace.low = wire_real(&w);
	e.trace.high = wire_real(&w);
	e.trace.threshold_z = wire_real(&w);
	e.trace.n = wire_u8(&w);
	for (size_t i = 0; i < EVIDENCE_CUSTOMERS_MAX; i++) {
		e.trace.best[i].z = wire_real(&w);
		e.trace.best[i].bound_log10 = wire_real(&w);
	}
	text(&w, e.kind, sizeof e.kind);
	text(&w, e.fact[0].value, sizeof e.fact[0].value);
	text(&w, e.cannot, sizeof e.cannot);
	e.facts = wire_u8(&w);
	try_evidence(c, &e);
}

void
target(struct ctx *c, struct str bytes)
{
	static void (*const tries[])(
	    struct ctx *, struct str) = { try_report, try_file, try_claims, try_counts };

	if (bytes.n > 0)
		tries[(uint8_t)bytes.p[0] % COUNT(tries)](
		    c, (struct str){ bytes.p + 1, bytes.n - 1 });
	c->err = (struct err){ 0 };
}
