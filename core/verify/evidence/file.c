/*
 * What is handed to a court: the signed file and the signed page taken apart, and the claims of the
 * signature.
 */
#include "parts.h"

#define FILE_HEAD STR("{\"signature\":\"")
#define FILE_MIDDLE STR("\",\"report\":")
#define PAGE_HEAD STR("<!DOCTYPE html>")
#define PAGE_REPORT STR("<pre id=\"report\">")
#define PAGE_SIGNATURE STR("<pre id=\"signature\">")
#define PAGE_PRE_END STR("</pre>")
#define PAGE_END STR("</pre></body></html>")

/* ---- The file and the page --------------------------------------------------------------- */

static bool
ends(struct str s, struct str tail)
{
	return s.n >= tail.n && str_same((struct str){ s.p + s.n - tail.n, tail.n }, tail);
}

/* What comes before the first `mark`, and what comes behind it. */
static bool
split_at(struct str s, struct str mark, struct str *ret_head, struct str *ret_tail)
{
	const char *at = memmem(s.p, s.n, mark.p, mark.n);

	if (at == NULL)
		return false;
	*ret_head = (struct str){ s.p, (size_t)(at - s.p) };
	*ret_tail = (struct str){ at + mark.n, s.n - ret_head->n - mark.n };
	return true;
}

static bool
is_jws(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!(ch >= 'A' && ch <= 'Z') && !(ch >= 'a' && ch <= 'z') &&
		    !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_' && ch != '.')
			return false;
	}
	return s.n > 0;
}

/* Whoever reads the page must have read what was signed. */
MUST static bool
page_follows(struct ctx *c, struct str page, struct str report)
{
	struct evidence e;
	struct buf b;

	if (!evidence_read(c, report, &e) || !take_buf(c, EVIDENCE_HTML_MAX, &b) ||
	    !evidence_html(c, &e, report, &b))
		return false;
	if (!str_same(page, buf_str(&b)))
		return fail(c, E_INTEGRITY,
		    "the page says something else than the report in it: believe neither");
	return true;
}

MUST static bool
page_read(struct ctx *c, struct str file, struct str *ret_jws, struct str *ret_report)
{
	struct str page, rest, before, report, jws;

	if (!split_at(file, PAGE_SIGNATURE, &page, &jws) || !ends(jws, PAGE_END) ||
	    !split_at(page, PAGE_REPORT, &before, &rest) ||
	    !split_at(rest, PAGE_PRE_END, &report, &rest))
		return fail(c, E_INPUT, "a page without a report, or without its signature");
	jws.n -= PAGE_END.n;
	if (!is_jws(jws))
		return fail(c, E_INPUT, "a page whose signature is none");
	if (!page_follows(c, page, report))
		return false;
	*ret_jws = jws;
	*ret_report = report;
	return true;
}

bool
evidence_file_read(struct ctx *c, struct str file, struct str *ret_jws, struct str *ret_report)
{
	struct str rest, jws;

	file = str_trim(file);
	while (file.n > 0 && file.p[file.n - 1] == '\n')
		file = str_trim((struct str){ file.p, file.n - 1 });
	if (str_starts(file, PAGE_HEAD))
		return page_read(c, file, ret_jws, ret_report);
	if (!str_starts(file, FILE_HEAD) || !ends(file, STR("}")))
		return fail(c, E_INPUT, "neither the evidence nor the page of a verification");
	rest = (struct str){ file.p + FILE_HEAD.n, file.n - FILE_HEAD.n - 1 };
	if (!split_at(rest, FILE_MIDDLE, &jws, &rest) || !is_jws(jws) ||
	    !str_starts(rest, STR("{")) || !ends(rest, STR("}")))
		return fail(c, E_INPUT, "evidence without a signature and a report");
	*ret_jws = jws;
	*ret_report = rest;
	return true;
}

/* ---- Claims ------------------------------------------------------------------------------ */

enum { HEX_DIGEST = 64 };

static void
digest_put(struct js *j, const char *key, const struct digest256 *d)
{
	char hex[HEX_DIGEST];
	struct buf b = BUF(hex);

	hex_put(&b, d->b, sizeof d->b);
	js_text(j, key, buf_str(&b));
}

bool
evidence_claims_put(struct ctx *c, const struct evidence_statement *s, struct buf *out)
{
	struct js j = { .out = out };

	if (s->n > COUNT(s->accused))
		return fail(c, E_INTERNAL, "more accused than there can be");
	js_open(&j, NULL, '{');
	js_open(&j, "accused", '[');
	for (size_t i = 0; i < s->n; i++)
		js_number(&j, NULL, s->accused[i]);
	js_close(&j, ']');
	js_number(&j, "iat", s->at);
	js_text(&j, "iss", str_of(s->vendor.s));
	js_text(&j, "jti", str_of(s->verification.s));
	digest_put(&j, "report", &s->report);
	js_text(&j, "sub", str_of(s->release.s));
	digest_put(&j, "suspect", &s->suspect);
	js_text(&j, "verdict", str_of(verdict_names[s->verdict]));
	js_close(&j, '}');
	return buf_ok(c, out);
}

/* The claims by name; the list of the accused apart. */
struct claims {
	struct str iss, jti, sub, report, suspect;
	int64_t iat;
	int verdict;
};
static const struct json_field claim_fields[] = {
	{ "iat", FIELD_NUMBER, offsetof(struct claims, iat), 0, INT64_MAX, true },
	{ "iss", FIELD_TEXT, offsetof(struct claims, iss), 1, ID_MAX - 1, true },
	{ "jti", FIELD_TEXT, offsetof(struct claims, jti), 1, ID_MAX - 1, true },
	{ "report", FIELD_TEXT, offsetof(struct claims, report), HEX_DIGEST, HEX_DIGEST, true },
	{ "sub", FIELD_TEXT, offsetof(struct claims, sub), 1, ID_MAX - 1, true },
	{ "suspect", FIELD_TEXT, offsetof(struct claims, suspect), HEX_DIGEST, HEX_DIGEST,
	    true },
	{ "verdict", FIELD_WORD, offsetof(struct claims, verdict), .required = true,
	    .words = verdict_names },
};

MUST static bool
accused_read(struct ctx *c, struct str list, struct evidence_statement *ret)
{
	struct json_part *v;
	int64_t number;

	if (!json_split(c, list, &v, &ret->n))
		return false;
	if (ret->n > COUNT(ret->accused))
		return fail(c, E_INPUT, "a statement that accuses too many");
	for (size_t i = 0; i < ret->n; i++) {
		if (!str_number(v[i].value, 0, UINT32_MAX, &number))
			return fail(c, E_INPUT, "a statement that accuses what is no customer");
		ret->accused[i] = (uint32_t)number;
	}
	return true;
}

/* Its two halves: the list at its front, and the other claims as an object. */
MUST static bool
split(struct ctx *c, struct str claims, struct str *ret_list, struct str *ret_rest)
{
	struct str head = STR("{\"accused\":"), rest = claims;
	struct buf b;

	if (claims.n > EVIDENCE_CLAIMS_MAX || !str_starts(claims, head))
		return fail(c, E_INPUT, "not the statement about a verification");
	rest = (struct str){ claims.p + head.n, claims.n - head.n };
	if (!split_at(rest, STR("],"), ret_list, &rest))
		return fail(c, E_INPUT, "not the statement about a verification");
	ret_list->n++;
	if (!take_buf(c, claims.n, &b))
		return false;
	buf_char(&b, '{');
	buf_put(&b, rest);
	*ret_rest = buf_str(&b);
	return true;
}

MUST static bool
claims_take(struct ctx *c, struct str claims, struct evidence_statement *s)
{
	struct str list, rest;
	struct claims f = { 0 };

	if (!split(c, claims, &list, &rest) || !accused_read(c, list, s) ||
	    !json_decode(c, rest, claim_fields, COUNT(claim_fields), &f))
		return false;
	s->verdict = (enum verdict)f.verdict;
	s->at = f.iat;
	return id_parse(c, f.iss, "ven", &s->vendor) &&
	    id_parse(c, f.jti, "ver", &s->verification) &&
	    id_parse(c, f.sub, "rel", &s->release) &&
	    hex_decode(c, f.report, s->report.b, sizeof s->report.b) &&
	    hex_decode(c, f.suspect, s->suspect.b, sizeof s->suspect.b);
}

bool
evidence_claims_read(struct ctx *c, struct str claims, struct evidence_statement *ret)
{
	struct evidence_statement s = { 0 };
	struct buf b;

	if (!claims_take(c, claims, &s)) {
		if (c->err.code != E_MEMORY)
			c->err.code = E_INPUT;
		return false;
	}
	if (!take_buf(c, EVIDENCE_CLAIMS_MAX, &b) || !evidence_claims_put(c, &s, &b))
		return false;
	if (!str_same(buf_str(&b), claims))
		return fail(c, E_INPUT, "a statement in another form than its own");
	*ret = s;
	return true;
}
