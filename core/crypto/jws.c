/*
 * JSON Web Signature in its compact form (RFC 7515) with ES256: base64url(header) "."
 * base64url(payload) "." base64url(r | s), the signature being over the first two with their dot.
 */
#include "parts.h"

#define ALG STR("ES256")
#define SIGNATURE 64

static size_t
base64url_size(size_t n)
{
	return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}

size_t
jws_size(size_t payload)
{
	return base64url_size(JOSE_HEADER_MAX) + 1 + base64url_size(payload) + 1 +
	    base64url_size(SIGNATURE);
}

MUST static bool
put_header(struct ctx *c, struct str typ, struct str kid, struct buf *out)
{
	char json[JOSE_HEADER_MAX];
	struct buf b = BUF(json);
	struct js j = { .out = &b };

	if (!text_valid(typ) || !text_valid(kid))
		return fail(c, E_INPUT, "typ and kid must be text");
	js_open(&j, NULL, '{');
	js_text(&j, "alg", ALG);
	if (typ.n > 0)
		js_text(&j, "typ", typ);
	if (kid.n > 0)
		js_text(&j, "kid", kid);
	js_close(&j, '}');
	return jose_header_write(c, &b, out);
}

bool
jws_sign(struct ctx *c, const struct ec_key *key, struct str typ, struct str kid,
    struct str payload, struct buf *out)
{
	size_t from = out->n;
	struct digest256 d;
	uint8_t sig[SIGNATURE];

	if (!put_header(c, typ, kid, out))
		return false;
	buf_char(out, '.');
	base64url_put(out, payload.p, payload.n);
	if (!buf_ok(c, out) || !sha256(c, (struct str){ out->p + from, out->n - from }, &d) ||
	    !es256_sign(c, key, &d, sig))
		return false;
	buf_char(out, '.');
	base64url_put(out, sig, sizeof sig);
	return buf_ok(c, out);
}

bool
jws_verify(struct ctx *c, const struct ec_key *key, struct str typ, struct str token,
    struct jose_header *ret_header, struct str *ret_payload)
{
	struct digest256 d;
	struct jose t;
	struct str sig, payload;

	if (!jose_open(c, token, ALG, &t) || !jose_want(c, &t, typ))
		return false;
	if (!base64url_decode(c, t.part[2], &sig))
		return false;
	if (sig.n != SIGNATURE)
		return fail(c, E_INPUT, "a signature has %d bytes", SIGNATURE);
	if (!sha256(c, (struct str){ token.p, token.n - t.part[2].n - 1 }, &d) ||
	    !es256_verify(c, key, &d, (const uint8_t *)sig.p) ||
	    !base64url_decode(c, t.part[1], &payload))
		return false;
	*ret_header = t.header;
	*ret_payload = payload;
	return true;
}
