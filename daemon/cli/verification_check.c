/*
 * Evidence looked at with nobody's help: whose signature it bears, whether it is about the report
 * that stands beside it, and whether everything in that report follows from what was counted. The
 * verdict that is said then is the one that was computed here.
 */
#include <fcntl.h>
#include <stdio.h>

#include "verification.h"

enum { ROW_MAX = 256 << 10, NOT_PROVEN = 3, KID_MAX_BYTES = 64 };

/* ---- Who signed it --------------------------------------------------------------------------- */

/* What is wrong with a file is no failure of ours: whoever made it is told what does not hold. */
MUST static bool
broken(struct cli *t, const char *what)
{
	struct err e = t->c.err;

	if (e.code == E_MEMORY || e.code == E_CRYPTO)
		return false;
	return fail(&t->c, E_INTEGRITY, "%s: %.120s", what, e.text);
}

MUST static bool
key_of(struct cli *t, const struct trusted *keys, struct str kid, const struct ec_key **ret)
{
	for (size_t i = 0; i < keys->n; i++) {
		char text[KID_MAX_BYTES];
		struct buf b = BUF(text);
		struct digest256 d = ec_key_thumbprint(keys->key[i]);

		base64url_put(&b, d.b, sizeof d.b);
		if (str_same(buf_str(&b), kid)) {
			*ret = keys->key[i];
			return true;
		}
	}
	return fail(&t->c, E_INTEGRITY,
	    "it is signed with a key that is none of the vendor's (%.*s)",
	    (int)(kid.n < KID_MAX_BYTES ? kid.n : KID_MAX_BYTES), kid.p);
}

MUST static bool
statement_open(struct cli *t, struct str jws, const struct trusted *keys, struct testimony *p)
{
	const struct ec_key *key;
	struct jose_header head;
	struct str claims;

	if (!jose_peek(&t->c, jws, STR("ES256"), &head))
		return broken(t, "what should be its signature is none");
	if (!key_of(t, keys, head.kid, &key))
		return false;
	p->signer = head.kid;
	if (!jws_verify(&t->c, key, STR(EVIDENCE_TYP), jws, &head, &claims))
		return broken(t, "the signature is wrong");
	return evidence_claims_read(&t->c, claims, &p->statement) ||
	    broken(t, "what was signed is no statement about evidence");
}

/* ---- What it says ---------------------------------------------------------------------------- */

MUST static bool
digest_agrees(struct cli *t, struct str report, const struct testimony *p)
{
	struct digest256 d;

	if (!sha256(&t->c, report, &d))
		return false;
	return digest256_same(&d, &p->statement.report)
	    ? true
	    : fail(&t->c, E_INTEGRITY,
		  "the report is not the one that was signed: it was changed, or is another's");
}

/* The numbers of whom the report accuses, in its order, are those that were signed. */
static bool
accused_agree(const struct testimony *p)
{
	const struct evidence_trace *r = &p->evidence.trace;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!r->best[i].accused)
			continue;
		if (n == p->statement.n || p->statement.accused[n] != r->best[i].number)
			return false;
		n++;
	}
	return n == p->statement.n;
}

static bool
id_same(const struct id *a, const struct id *b)
{
	return str_same(str_of(a->s), str_of(b->s));
}

/* Statement and report name the same things. */
MUST static bool
statement_agrees(struct cli *t, const struct testimony *p)
{
	const struct evidence_statement *s = &p->statement;
	const struct evidence *e = &p->evidence;
	const char *what = !id_same(&s->verification, &e->verification) ? "verification"
	    : !id_same(&s->release, &e->release)                        ? "release"
	    : !digest256_same(&s->suspect, &e->digest)                  ? "suspect"
	    : s->verdict != e->verdict                                  ? "verdict"
	    : !accused_agree(p)                                         ? "accused"
									: NULL;

	return what == NULL
	    ? true
	    : fail(&t->c, E_INTEGRITY, "statement and report do not agree about the %s", what);
}

MUST static bool
arithmetic_holds(struct cli *t, struct str report, struct testimony *p)
{
	struct str differs;

	if (!evidence_recheck(&t->c, report, &p->evidence, &differs))
		return broken(t, "the report cannot be read");
	return differs.n == 0
	    ? true
	    : fail(&t->c, E_INTEGRITY,
		  "%.*s does not follow from what the report says was counted",
		  (int)(differs.n < 100 ? differs.n : 100), differs.p);
}

bool
evidence_prove(
    struct cli *t, struct str file, const struct trusted *keys, const struct testimony **ret)
{
	struct testimony *p = take(&t->c, sizeof *p);
	struct str jws, report;

	if (p == NULL)
		return false;
	if (!evidence_file_read(&t->c, file, &jws, &report))
		return t->c.err.code != E_INTEGRITY && broken(t, "this is no evidence");
	if (!statement_open(t, jws, keys, p) || !digest_agrees(t, report, p) ||
	    !arithmetic_holds(t, report, p) || !statement_agrees(t, p))
		return false;
	*ret = p;
	return true;
}

int
verdict_status(enum verdict v)
{
	return v == VERDICT_PROVEN ? 0 : NOT_PROVEN;
}

/* ---- The command ----------------------------------------------------------------------------- */

static void
accused_put(struct js *j, const struct evidence_trace *r)
{
	js_open(j, "accused", '[');
	for (size_t i = 0; i < r->n; i++) {
		if (!r->best[i].accused)
			continue;
		js_open(j, NULL, '{');
		js_number(j, "number", r->best[i].number);
		js_text(j, "customer", str_of(r->best[i].id.s));
		js_real(j, "z", r->best[i].z);
		js_real(j, "log10", r->best[i].bound_log10);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
digest_put(struct js *j, const char *name, const struct digest256 *d)
{
	char hex[2 * sizeof d->b];
	struct buf b = BUF(hex);

	hex_put(&b, d->b, sizeof d->b);
	js_text(j, name, buf_str(&b));
}

/* What was looked at, and what it says. */
static void
proof_put(struct js *j, const struct testimony *p)
{
	js_text(j, "verdict", str_of(verdict_names[p->evidence.verdict]));
	js_text(j, "reason", str_of(p->evidence.reason));
	js_text(j, "verification", str_of(p->evidence.verification.s));
	js_text(j, "release", str_of(p->evidence.release.s));
	js_text(j, "vendor", str_of(p->statement.vendor.s));
	digest_put(j, "suspect", &p->evidence.digest);
	digest_put(j, "report", &p->statement.report);
	js_text(j, "signed_by", p->signer);
	js_time(j, "signed", p->statement.at * 1000);
	accused_put(j, &p->evidence.trace);
}

static void
words_of_checks(struct buf *b, const struct testimony *p)
{
	buf_printf(b, "signature   by the vendor's key %.*s, for %s, at ", STRF(p->signer),
	    p->statement.vendor.s);
	time_put(b, p->statement.at * 1000);
	buf_put(b, STR("\nreport      is the one that was signed (sha256 "));
	hex_put(b, p->statement.report.b, sizeof p->statement.report.b);
	buf_put(b, STR(")\narithmetic  computed anew from what was counted: the same\n\n"));
}

MUST static bool
proof_show(struct cli *t, const struct testimony *p)
{
	struct str format, words;
	struct buf row, text;
	struct js j = { &row };

	if (!take_buf(&t->c, ROW_MAX, &row) || !take_buf(&t->c, ROW_MAX, &text))
		return false;
	js_open(&j, NULL, '{');
	if (parsed_option(&t->parsed, "--format", &format) && !str_same(format, STR("table"))) {
		proof_put(&j, p);
	} else {
		words_of_checks(&text, p);
		if (!evidence_words(t, &p->evidence, NULL, &words))
			return false;
		buf_put(&text, words);
		js_text(&j, "text", buf_str(&text));
	}
	js_close(&j, '}');
	t->ends = verdict_status(p->evidence.verdict);
	return buf_ok(&t->c, &text) && buf_ok(&t->c, &row) &&
	    output_row(&t->c, t->out, buf_str(&row));
}

bool
verification_check_run(struct cli *t)
{
	owned(trusted_done) struct trusted keys = { .n = 0 };
	char *name = take_cstr(&t->c, t->parsed.arg[0]);
	const struct testimony *p;
	struct str file;

	return name != NULL && file_read(&t->c, AT_FDCWD, name, EVIDENCE_FILE_MAX, &file) &&
	    trusted_here(t, &keys) && evidence_prove(t, file, &keys, &p) && proof_show(t, p);
}
