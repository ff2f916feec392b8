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

/* ---- By and by --------------------------------------------------------------------------- */

enum { JWS_PIECE = 24 << 10 }; /* of the payload; base64 takes threes */

struct jws_writer {
	const struct ec_key *key;
	struct sha256 digest; /* of the token so far */
	byte_sink *sink;
	void *arg;
	size_t n; /* bytes in the piece */
	size_t written;
	char piece[JWS_PIECE];
	char text[JWS_PIECE / 3 * 4];
};

void
jws_writer_free(struct jws_writer **w)
{
	if (*w == NULL)
		return;
	sha256_done(&(*w)->digest);
	free(*w);
	*w = NULL;
}

MUST static bool
signed_out(struct ctx *c, struct jws_writer *w, struct str text)
{
	sha256_add(&w->digest, text);
	return w->sink(c, w->arg, text);
}

MUST static bool
piece_out(struct ctx *c, struct jws_writer *w)
{
	struct buf b = BUF(w->text);

	base64url_put(&b, w->piece, w->n);
	w->n = 0;
	return signed_out(c, w, buf_str(&b));
}

bool
jws_writer_new(struct ctx *c, const struct ec_key *key, struct str typ, struct str kid,
    byte_sink *sink, void *arg, struct jws_writer **ret)
{
	owned(jws_writer_free) struct jws_writer *w = calloc(1, sizeof *w);
	char text[JOSE_HEADER_MAX / 3 * 4 + 8];
	struct buf head = BUF(text);

	if (w == NULL)
		return fail(c, E_MEMORY, "no memory to sign with");
	w->key = key;
	w->sink = sink;
	w->arg = arg;
	if (!sha256_init(c, &w->digest) || !put_header(c, typ, kid, &head))
		return false;
	buf_char(&head, '.');
	if (!buf_ok(c, &head) || !signed_out(c, w, buf_str(&head)))
		return false;
	*ret = steal(w);
	return true;
}

bool
jws_write(struct ctx *c, struct jws_writer *w, struct str payload)
{
	if (payload.n > JOSE_MAX / 4 * 3 - w->written)
		return fail(c, E_LIMIT, "more than %d bytes to sign", JOSE_MAX / 4 * 3);
	w->written += payload.n;
	while (payload.n > 0) {
		size_t room = sizeof w->piece - w->n;
		size_t n = payload.n < room ? payload.n : room;

		memcpy(w->piece + w->n, payload.p, n);
		w->n += n;
		payload.p += n;
		payload.n -= n;
		if (w->n == sizeof w->piece && !piece_out(c, w))
			return false;
	}
	return true;
}

bool
jws_finish(struct ctx *c, struct jws_writer *w)
{
	struct digest256 d;
	uint8_t sig[SIGNATURE];
	char text[2 * SIGNATURE];
	struct buf b = BUF(text);

	if (!piece_out(c, w) || !sha256_end(c, &w->digest, &d) ||
	    !es256_sign(c, w->key, &d, sig))
		return false;
	buf_char(&b, '.');
	base64url_put(&b, sig, sizeof sig);
	return w->sink(c, w->arg, buf_str(&b));
}

/* ---- Reading ----------------------------------------------------------------------------- */

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
