/*
 * What the custodian says about a verification: which report was made of which suspect, and what it
 * found. The claims are written here from typed values; a statement that could not follow from any
 * report is refused. They are read back by whoever checks a file of evidence, so their form is the
 * one that has there, to the letter.
 */
#include "custodian.h"

#define EVIDENCE_TYP "hallmark-evidence+jwt"
#define SECONDS_MAX INT64_C(253402300799)
enum { ACCUSED_MAX = 64, CLAIMS_MAX = 2048 };

enum { NO_EVIDENCE, INDICATIVE, PROVEN, CANNOT_DECIDE, VERDICTS };
static const char *const verdict_names[VERDICTS] = {
	[NO_EVIDENCE] = "no-evidence",
	[INDICATIVE] = "indicative",
	[PROVEN] = "proven",
	[CANNOT_DECIDE] = "cannot-decide",
};

struct statement {
	struct id verification, release, vendor;
	struct digest256 report, suspect;
	unsigned verdict;
	uint32_t accused[ACCUSED_MAX];
	uint32_t n;
	int64_t at;
};

static void
digest_take(struct wire *in, struct digest256 *ret)
{
	struct str bytes = wire_str(in, sizeof ret->b);

	if (bytes.n != sizeof ret->b)
		in->bad = true;
	else
		memcpy(ret->b, bytes.p, bytes.n);
}

static bool
is_before(const struct statement *s, uint32_t i)
{
	bool ok = false;

	for (uint32_t k = 0; k < i && !ok; k++)
		ok = s->accused[k] == s->accused[i];
	return ok;
}

/* Nobody is accused twice, and nobody where nothing was found. */
MUST static bool
makes_sense(struct ctx *c, const struct statement *s)
{
	if (s->verdict >= VERDICTS)
		return fail(c, E_INPUT, "there is no verdict %u", s->verdict);
	if (s->n > 0 && s->verdict != PROVEN && s->verdict != INDICATIVE)
		return fail(c, E_INPUT, "nobody can be accused with the verdict %s",
		    verdict_names[s->verdict]);
	for (uint32_t i = 0; i < s->n; i++)
		if (s->accused[i] == 0 || is_before(s, i))
			return fail(
			    c, E_INPUT, "the accused are numbers of customers, each once");
	if (s->at < 1 || s->at > SECONDS_MAX)
		return fail(c, E_INPUT, "the statement's time is out of range");
	return true;
}

MUST static bool
statement_take(struct ctx *c, struct wire *in, struct statement *ret)
{
	struct str verification = wire_str(in, ID_MAX - 1), release = wire_str(in, ID_MAX - 1),
		   vendor = wire_str(in, ID_MAX - 1);
	struct statement s = { 0 };

	digest_take(in, &s.report);
	digest_take(in, &s.suspect);
	s.verdict = wire_u8(in);
	s.at = (int64_t)wire_u64(in);
	s.n = wire_u32(in);
	if (s.n > ACCUSED_MAX)
		in->bad = true;
	for (uint32_t i = 0; !in->bad && i < s.n; i++)
		s.accused[i] = wire_u32(in);
	if (!request_end(c, in) || !id_parse(c, verification, "ver", &s.verification) ||
	    !id_parse(c, release, "rel", &s.release) ||
	    !id_parse(c, vendor, "ven", &s.vendor) || !makes_sense(c, &s))
		return false;
	*ret = s;
	return true;
}

static void
hex_member(struct js *j, const char *key, const struct digest256 *d)
{
	char text[2 * sizeof d->b];
	struct buf hex = BUF(text);

	hex_put(&hex, d->b, sizeof d->b);
	js_text(j, key, buf_str(&hex));
}

MUST static bool
claims_put(struct ctx *c, const struct statement *s, struct buf *out)
{
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	js_open(&j, "accused", '[');
	for (uint32_t i = 0; i < s->n; i++)
		js_number(&j, NULL, s->accused[i]);
	js_close(&j, ']');
	js_number(&j, "iat", s->at);
	js_text(&j, "iss", str_of(s->vendor.s));
	js_text(&j, "jti", str_of(s->verification.s));
	hex_member(&j, "report", &s->report);
	js_text(&j, "sub", str_of(s->release.s));
	hex_member(&j, "suspect", &s->suspect);
	js_text(&j, "verdict", str_of(verdict_names[s->verdict]));
	js_close(&j, '}');
	return buf_ok(c, out);
}

bool
evidence_sign(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	const struct signer *signer = NULL;
	struct buf claims, jws;
	struct statement s;

	if (!statement_take(c, in, &s) || !signer_current(c, k, &signer) ||
	    !take_buf(c, CLAIMS_MAX, &claims) ||
	    !take_buf(c, jws_size(CLAIMS_MAX) + 256, &jws) || !claims_put(c, &s, &claims) ||
	    !jws_sign(c, signer->key, STR(EVIDENCE_TYP), str_of(signer->kid), buf_str(&claims),
		&jws) ||
	    !buf_ok(c, &jws))
		return false;
	wire_put_str(out, buf_str(&jws));
	return true;
}
