/*
 * Signatures that tools of the software supply chain read: a Sigstore bundle (v0.3) around a DSSE
 * envelope (DSSE 1.0.2, protocol.md), signed by a key of ours. The key is named by the SHA-256 of
 * its PEM form, which is what verifiers of OpenSSF model signatures compare it with.
 */
#include "parts.h"

#define MEDIA_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"
#define PEM_LINE 64
enum { SPKI_HEAD = 26, SPKI = SPKI_HEAD + 65, DER_MAX = 80 };

static size_t
base64_size(size_t n)
{
	return (n + 2) / 3 * 4;
}

size_t
dsse_size(size_t type, size_t payload)
{
	/* A type may be escaped. */
	return 512 + 6 * type + base64_size(payload) + base64_size(DER_MAX);
}

/* Base64 with padding (RFC 4648, 4). */
static void
base64_put(struct buf *out, const void *bytes, size_t n)
{
	size_t size = base64_size(n);
	/* The library ends it with a zero byte: one more is needed for a moment. */
	uint8_t *to = buf_room(out, size + 1);

	if (to == NULL)
		return;
	(void)EVP_EncodeBlock(to, bytes, (int)n);
	out->n--;
}

static void
js_base64(struct js *j, const char *key, const void *bytes, size_t n)
{
	js_raw(j, key, STR("\""));
	base64_put(j->out, bytes, n);
	buf_char(j->out, '"');
}

/* SubjectPublicKeyInfo (RFC 5480) of a point on P-256 in lines of 64 characters. */
static void
pem_put(struct buf *out, const struct ec_key *k)
{
	static const uint8_t head[SPKI_HEAD] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
		0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
		0x01, 0x07, 0x03, 0x42, 0x00 };
	uint8_t der[SPKI];
	char text[128];
	struct buf b = BUF(text);

	memcpy(der, head, sizeof head);
	der[SPKI_HEAD] = 4;
	memcpy(der + SPKI_HEAD + 1, k->x, sizeof k->x);
	memcpy(der + SPKI_HEAD + 33, k->y, sizeof k->y);
	base64_put(&b, der, sizeof der);
	buf_put(out, STR("-----BEGIN PUBLIC KEY-----\n"));
	for (size_t at = 0; at < b.n; at += PEM_LINE) {
		size_t left = b.n - at;

		buf_put(out, (struct str){ b.p + at, left < PEM_LINE ? left : PEM_LINE });
		buf_char(out, '\n');
	}
	buf_put(out, STR("-----END PUBLIC KEY-----\n"));
}

MUST static bool
hint_of(struct ctx *c, const struct ec_key *k, struct buf *hex)
{
	char text[256];
	struct buf pem = BUF(text);
	struct digest256 d;

	pem_put(&pem, k);
	if (!buf_ok(c, &pem) || !sha256(c, buf_str(&pem), &d))
		return false;
	hex_put(hex, d.b, sizeof d.b);
	return buf_ok(c, hex);
}

/* The signature, in DER, over the pre-authentication encoding of type and payload. */
MUST static bool
envelope_sign(struct ctx *c, const struct ec_key *k, struct str type, struct str payload,
    uint8_t der[DER_MAX], size_t *ret_n)
{
	char text[64], length[32];
	struct buf head = BUF(text), tail = BUF(length);
	struct digest256 d;
	uint8_t raw[64];

	buf_printf(&head, "DSSEv1 %zu ", type.n);
	buf_printf(&tail, " %zu ", payload.n);
	if (!sha256_parts(c,
		(const struct str[]){ buf_str(&head), type, buf_str(&tail), payload }, 4, &d) ||
	    !es256_sign(c, k, &d, raw))
		return false;
	*ret_n = es256_der(raw, der);
	return *ret_n > 0 ? true : fail_crypto(c, "ECDSA");
}

bool
dsse_bundle(
    struct ctx *c, const struct ec_key *k, struct str type, struct str payload, struct buf *out)
{
	uint8_t der[DER_MAX];
	char text[64];
	struct buf hint = BUF(text);
	struct js j = { .out = out };
	size_t n;

	if (payload.n > DSSE_MAX)
		return fail(c, E_LIMIT, "more than %d bytes are not signed", DSSE_MAX);
	if (!hint_of(c, k, &hint) || !envelope_sign(c, k, type, payload, der, &n))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "mediaType", STR(MEDIA_TYPE));
	js_open(&j, "verificationMaterial", '{');
	js_open(&j, "publicKey", '{');
	js_text(&j, "hint", buf_str(&hint));
	js_close(&j, '}');
	js_open(&j, "tlogEntries", '[');
	js_close(&j, ']');
	js_close(&j, '}');
	js_open(&j, "dsseEnvelope", '{');
	js_base64(&j, "payload", payload.p, payload.n);
	js_text(&j, "payloadType", type);
	js_open(&j, "signatures", '[');
	js_open(&j, NULL, '{');
	js_base64(&j, "sig", der, n);
	js_text(&j, "keyid", STR(""));
	js_close(&j, '}');
	js_close(&j, ']');
	js_close(&j, '}');
	js_close(&j, '}');
	return buf_ok(c, out);
}
