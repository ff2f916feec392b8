/*
 * Our JOSE code for another implementation to talk to: one JSON request a line on stdin, one JSON
 * answer a line on stdout. For tests only; the keys it is given are theirs.
 */
#include <stdio.h>

#include "crypto.h"

#define LINE_MAX_BYTES ((size_t)4 << 20)

struct request {
	int op;
	struct str d, jwk, typ, kid, payload, token, license, artifact;
};

enum op { OP_PUBLIC, OP_SIGN, OP_VERIFY, OP_ENCRYPT, OP_BEHIND, OP_DECRYPT };
static const char *const op_names[] = { "public", "sign", "verify", "encrypt", "behind",
	"decrypt", NULL };

#define AT(member) offsetof(struct request, member)
/* clang-format off */
static const struct json_field fields[] = {
	{ "op",       FIELD_WORD,   AT(op),       0, 0,              true,  op_names },
	{ "d",        FIELD_BYTES,  AT(d),        0, 32,             false, NULL },
	{ "jwk",      FIELD_OBJECT, AT(jwk),      0, 1024,           false, NULL },
	{ "typ",      FIELD_TEXT,   AT(typ),      0, 100,            false, NULL },
	{ "kid",      FIELD_TEXT,   AT(kid),      0, 100,            false, NULL },
	{ "payload",  FIELD_BYTES,  AT(payload),  0, LINE_MAX_BYTES, false, NULL },
	{ "token",    FIELD_TEXT,   AT(token),    0, LINE_MAX_BYTES, false, NULL },
	{ "license",  FIELD_TEXT,   AT(license),  0, 100,            false, NULL },
	{ "artifact", FIELD_TEXT,   AT(artifact), 0, 100,            false, NULL },
};
/* clang-format on */

/* The key of the request: private if `d` is there. */
MUST static bool
key_of(struct ctx *c, const struct request *r, struct ec_key **ret)
{
	struct key256 secret;

	if (r->d.n == 0)
		return ec_key_from_jwk(c, r->jwk, ret);
	if (r->d.n != sizeof secret.b)
		return fail(c, E_INPUT, "d has 32 bytes");
	memcpy(secret.b, r->d.p, sizeof secret.b);
	return ec_key_from_secret(c, &secret, ret);
}

static void
put_public(struct js *j, const struct ec_key *k)
{
	char text[JWK_MAX];
	struct buf b = BUF(text);
	struct digest256 d = ec_key_thumbprint(k);

	ec_key_to_jwk(&b, k);
	js_raw(j, "jwk", buf_str(&b));
	js_bytes(j, "thumbprint", d.b, sizeof d.b);
}

static void
put_opened(struct js *j, const struct jose_header *h, struct str payload)
{
	js_text(j, "typ", h->typ);
	js_text(j, "kid", h->kid);
	js_raw(j, "header", h->json);
	js_bytes(j, "payload", payload.p, payload.n);
}

/* Two tokens behind one head, with nonces of their own. */
MUST static bool
behind(struct ctx *c, const struct ec_key *to, const struct request *r,
    const struct jose_member extra[], struct buf *first, struct buf *second)
{
	struct buf *const token[] = { first, second };
	uint8_t nonce[12] = { 0 };
	char text[JWE_HEAD_MAX];
	struct buf b = BUF(text);
	struct key256 content;
	struct jwe_head head;

	key256_random(c, &content);
	if (!jwe_wrap(c, to, r->typ, extra, 2, &content, &b) ||
	    !jwe_head_read(c, buf_str(&b), &head))
		return false;
	for (size_t i = 0; i < COUNT(token); i++) {
		owned(jwe_writer_free) struct jwe_writer *w = NULL;

		nonce[0] = (uint8_t)i;
		if (!jwe_writer_behind(c, &head, &content, nonce, buf_sink, token[i], &w) ||
		    !jwe_write(c, w, r->payload) || !jwe_finish(c, w))
			return false;
	}
	return true;
}

MUST static bool
answer(struct ctx *c, const struct request *r, struct js *j)
{
	owned(ec_key_free) struct ec_key *k = NULL;
	const struct jose_member extra[] = { { "license", r->license },
		{ "artifact", r->artifact } };
	struct jose_header h;
	struct str payload;
	struct buf token, second;

	if (!key_of(c, r, &k) ||
	    !take_buf(c, jws_size(r->payload.n) + jwe_size(r->payload.n, 256), &token))
		return false;
	switch ((enum op)r->op) {
	case OP_PUBLIC:
		put_public(j, k);
		return true;
	case OP_SIGN:
		if (!jws_sign(c, k, r->typ, r->kid, r->payload, &token))
			return false;
		js_text(j, "token", buf_str(&token));
		return true;
	case OP_VERIFY:
		if (!jws_verify(c, k, r->typ, r->token, &h, &payload))
			return false;
		put_opened(j, &h, payload);
		return true;
	case OP_ENCRYPT:
		if (!jwe_encrypt(c, k, r->typ, extra, 2, r->payload, &token))
			return false;
		js_text(j, "token", buf_str(&token));
		return true;
	case OP_BEHIND:
		if (!take_buf(c, jwe_size(r->payload.n, 256), &second) ||
		    !behind(c, k, r, extra, &token, &second))
			return false;
		js_text(j, "token", buf_str(&token));
		js_text(j, "second", buf_str(&second));
		return true;
	case OP_DECRYPT:
		if (!jwe_decrypt(c, k, r->typ, r->token, &h, &payload))
			return false;
		put_opened(j, &h, payload);
		return true;
	}
	abort(); /* the compiler has seen every case */
}

/* Always an answer: what was asked for, or the error's name. */
static void
serve(struct ctx *c, struct str line, struct buf *out)
{
	struct request r = { 0 };
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	if (!json_decode(c, line, fields, COUNT(fields), &r) || !answer(c, &r, &j)) {
		out->n = 0;
		j = (struct js){ .out = out };
		js_open(&j, NULL, '{');
		js_text(&j, "error", str_of(err_wire(c->err.code)));
		js_text(&j, "text", str_of(c->err.text));
	}
	js_close(&j, '}');
	buf_char(out, '\n');
}

int
main(void)
{
	struct arena *arena = arena_new((size_t)256 << 20);
	struct ctx c = ctx_real(arena, "jose-tool");
	struct buf out = { malloc(2 * LINE_MAX_BYTES), 0, 2 * LINE_MAX_BYTES, false };
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (arena == NULL || out.p == NULL)
		return EXIT_FAILURE;
	while ((n = getline(&line, &size, stdin)) > 0 && (size_t)n <= LINE_MAX_BYTES) {
		out.n = 0;
		serve(&c, (struct str){ line, (size_t)n }, &out);
		if (out.full || fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
			return EXIT_FAILURE;
		arena_reset(arena);
	}
	free(line);
	free(out.p);
	arena_free(&arena);
	return EXIT_SUCCESS;
}
