/*
 * Proofs of possession: what is asked (method, path, digest of the body) and the server's nonce, as
 * canonical JSON (RFC 8785) in a JWS under the customer's key. As with license files, there is one
 * spelling of each proof: reading writes it anew and compares, and what reading would refuse is
 * not signed. Text that would have to be escaped has no place in any member.
 */
#include "rules.h"

enum { METHOD_MAX = 8, KID_MAX = ID_MAX };

struct raw {
	struct proof to;
	struct str digest;
};
#define AT(member) offsetof(struct raw, member)
/* clang-format off */
static const struct json_field fields[] = {
	{ "digest", FIELD_BYTES, AT(digest), 0, sizeof(struct digest256) + 3, true },
	{ "method", FIELD_TEXT, AT(to.method), 1, METHOD_MAX, true },
	{ "nonce", FIELD_TEXT, AT(to.nonce), 1, NONCE_MAX, true },
	{ "path", FIELD_TEXT, AT(to.path), 1, PROOF_PATH_MAX, true },
};
/* clang-format on */

/* What may stand between '!' and '~' and is not escaped in JSON. */
static bool
plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

static bool
capitals(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return true;
}

static bool
kid_fits(struct str kid)
{
	return kid.n >= 1 && kid.n <= KID_MAX && plain(kid);
}

MUST static bool
sound(struct ctx *c, const struct proof *p)
{
	if (p->method.n < 1 || p->method.n > METHOD_MAX || !capitals(p->method))
		return fail_at(c, E_INPUT, "/method", "a method is a word in capitals");
	if (p->path.n < 1 || p->path.n > PROOF_PATH_MAX || p->path.p[0] != '/' ||
	    !plain(p->path))
		return fail_at(c, E_INPUT, "/path",
		    "a path begins with / and has up to %d plain characters", PROOF_PATH_MAX);
	if (p->nonce.n < 1 || p->nonce.n > NONCE_MAX || !plain(p->nonce))
		return fail_at(
		    c, E_INPUT, "/nonce", "a nonce has 1 to %d plain characters", NONCE_MAX);
	return true;
}

static void
put(const struct proof *p, struct buf *out)
{
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	js_bytes(&j, "digest", p->body.b, sizeof p->body.b);
	js_text(&j, "method", p->method);
	js_text(&j, "nonce", p->nonce);
	js_text(&j, "path", p->path);
	js_close(&j, '}');
}

bool
proof_sign(struct ctx *c, const struct ec_key *key, struct str kid, const struct proof *p,
    struct buf *out)
{
	char text[PROOF_MAX];
	struct buf b = BUF(text);

	if (!kid_fits(kid))
		return fail(c, E_INPUT, "a proof's kid is an id or a thumbprint");
	if (!sound(c, p))
		return false;
	put(p, &b);
	return buf_ok(c, &b) && jws_sign(c, key, STR(PROOF_TYP), kid, buf_str(&b), out);
}

bool
proof_peek(struct ctx *c, struct str jws, struct str *ret_kid)
{
	struct jose_header h;

	if (jws.n > PROOF_MAX)
		return fail(c, E_INPUT, "a proof has at most %d bytes", PROOF_MAX);
	if (!jose_peek(c, jws, STR("ES256"), &h))
		return false;
	if (!str_same(h.typ, STR(PROOF_TYP)))
		return fail(c, E_INPUT, "the token's typ must be " PROOF_TYP);
	if (!kid_fits(h.kid))
		return fail(c, E_INPUT, "a proof's kid is an id or a thumbprint");
	*ret_kid = h.kid;
	return true;
}

bool
proof_read(struct ctx *c, const struct ec_key *key, struct str jws, struct proof *ret)
{
	char again[PROOF_MAX];
	struct buf b = BUF(again);
	struct raw r = { 0 };
	struct jose_header h;
	struct str payload;

	if (jws.n > PROOF_MAX)
		return fail(c, E_INPUT, "a proof has at most %d bytes", PROOF_MAX);
	if (!jws_verify(c, key, STR(PROOF_TYP), jws, &h, &payload) ||
	    !json_decode(c, payload, fields, COUNT(fields), &r))
		return false;
	if (r.digest.n != sizeof r.to.body.b)
		return fail_at(c, E_INPUT, "/digest", "the digest of a body has 32 bytes");
	memcpy(r.to.body.b, r.digest.p, r.digest.n);
	if (!sound(c, &r.to))
		return false;
	put(&r.to, &b);
	if (!str_same(buf_str(&b), payload))
		return fail(c, E_INPUT, "the proof is not in its canonical form");
	*ret = r.to;
	return true;
}
