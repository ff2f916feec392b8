/*
 * JSON Web Encryption in its compact form (RFC 7516) with ECDH-ES+A256KW and A256GCM (RFC 7518,
 * 4.6 and 5.3): an ephemeral key agrees with the recipient's, the agreement wraps a fresh content
 * key, and that one encrypts the payload with the protected header as associated data. So a
 * member of the header (license id, artifact digest) cannot be exchanged for another.
 */
#include "parts.h"

#define ALG STR("ECDH-ES+A256KW")
#define ENC STR("A256GCM")

static const char *const own_members[] = { "alg", "enc", "typ", "kid", "epk", "apu", "apv" };

size_t
jwe_size(size_t payload, size_t extra)
{
	size_t header = 640 + 6 * extra;

	return (header + WRAPPED_KEY + GCM_NONCE + payload + GCM_TAG) / 3 * 4 + 5 * 4 + 4;
}

/* The recipient's kid is its thumbprint. */
static void
put_kid(struct js *j, const struct ec_key *to)
{
	struct digest256 kid = ec_key_thumbprint(to);

	js_bytes(j, "kid", kid.b, sizeof kid.b);
}

MUST static bool
put_header(struct ctx *c, const struct ec_key *to, const struct ec_key *ephemeral,
    struct str typ, const struct jose_member extra[], size_t n, struct buf *out)
{
	char json[JOSE_HEADER_MAX], epk[JWK_MAX];
	struct buf b = BUF(json), epk_buf = BUF(epk);
	struct js j = { .out = &b };

	ec_key_to_jwk(&epk_buf, ephemeral);
	js_open(&j, NULL, '{');
	js_text(&j, "alg", ALG);
	js_text(&j, "enc", ENC);
	if (typ.n > 0)
		js_text(&j, "typ", typ);
	put_kid(&j, to);
	js_raw(&j, "epk", buf_str(&epk_buf));
	for (size_t i = 0; i < n; i++)
		js_text(&j, extra[i].name, extra[i].value);
	js_close(&j, '}');
	return jose_header_write(c, &b, out);
}

/* What would make a header that nobody, we included, accepts. */
MUST static bool
extra_fits(struct ctx *c, struct str typ, const struct jose_member extra[], size_t n)
{
	if (n > JOSE_MEMBERS_MAX - COUNT(own_members) || !text_valid(typ))
		return fail(c, E_INPUT, "too many members for a header, or typ is not text");
	for (size_t i = 0; i < n; i++) {
		bool ok = text_valid(str_of(extra[i].name)) && text_valid(extra[i].value) &&
		    !jose_name_refused(extra[i].name);

		for (size_t j = 0; j < COUNT(own_members); j++)
			ok = ok && strcmp(extra[i].name, own_members[j]) != 0;
		for (size_t j = 0; j < i; j++)
			ok = ok && strcmp(extra[i].name, extra[j].name) != 0;
		if (!ok)
			return fail(c, E_INPUT,
			    "a member of the header is named twice, reserved, or not text");
	}
	return true;
}

/* The key that wraps the content key. */
MUST static bool
agree(struct ctx *c, const struct ec_key *mine, const struct ec_key *theirs, struct str apu,
    struct str apv, struct key256 *ret)
{
	owned(key256_done) struct key256 z = { 0 };

	return ec_agree(c, mine, theirs, &z) && concat_kdf(c, &z, ALG, apu, apv, 256, ret);
}

/* ---- The head ---------------------------------------------------------------------------- */

MUST static bool
put_head(struct ctx *c, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, const struct key256 *content, struct buf *out)
{
	owned(ec_key_free) struct ec_key *ephemeral = NULL;
	owned(key256_done) struct key256 kek = { 0 };
	uint8_t wrapped[WRAPPED_KEY];

	if (!extra_fits(c, typ, extra, n) || !ec_key_generate(c, &ephemeral) ||
	    !agree(c, ephemeral, to, STR(""), STR(""), &kek) ||
	    !key_wrap(c, &kek, content, wrapped) ||
	    !put_header(c, to, ephemeral, typ, extra, n, out))
		return false;
	buf_char(out, '.');
	base64url_put(out, wrapped, sizeof wrapped);
	return buf_ok(c, out);
}

bool
jwe_wrap(struct ctx *c, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, const struct key256 *content, struct buf *out)
{
	char text[JWE_HEAD_MAX];
	struct buf head = BUF(text);

	if (!put_head(c, to, typ, extra, n, content, &head))
		return false;
	buf_put(out, buf_str(&head));
	return buf_ok(c, out);
}

/* A head is a token whose other three parts are empty. */
bool
jwe_head_read(struct ctx *c, struct str text, struct jwe_head *ret)
{
	struct str wrapped;
	struct buf token;
	struct jose t;

	if (text.n > JWE_HEAD_MAX)
		return fail(c, E_LIMIT, "a token's head has at most %d bytes", JWE_HEAD_MAX);
	if (!take_buf(c, text.n + 3, &token))
		return false;
	buf_put(&token, text);
	buf_put(&token, STR("..."));
	if (!jose_open(c, buf_str(&token), ALG, &t) ||
	    !base64url_decode(c, t.part[1], &wrapped))
		return false;
	if (wrapped.n != WRAPPED_KEY)
		return fail(c, E_INPUT, "a wrapped key has %d bytes", WRAPPED_KEY);
	*ret = (struct jwe_head){ text, t.header };
	return true;
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* Of ciphertext; base64 takes threes. And the longest head that a writer begins with. */
enum { JWE_PIECE = 24 << 10, HEAD_ROOM = JOSE_HEADER_MAX / 3 * 4 + 128 };

struct jwe_writer {
	EVP_CIPHER_CTX *gcm;
	byte_sink *sink;
	void *arg;
	size_t n; /* bytes in the piece */
	size_t written;
	uint8_t piece[JWE_PIECE];
	char text[JWE_PIECE / 3 * 4];
};

void
jwe_writer_free(struct jwe_writer **w)
{
	if (*w == NULL)
		return;
	cipher_free(&(*w)->gcm);
	free(*w);
	*w = NULL;
}

/* What there is of the ciphertext, as text. */
MUST static bool
piece_out(struct ctx *c, struct jwe_writer *w)
{
	struct buf b = BUF(w->text);

	base64url_put(&b, w->piece, w->n);
	w->n = 0;
	return w->sink(c, w->arg, buf_str(&b));
}

/* Head and nonce go out; the header, before the dot, is what the ciphertext is bound to. */
MUST static bool
writer_begin(struct ctx *c, struct str head, const struct key256 *content,
    const uint8_t nonce[GCM_NONCE], byte_sink *sink, void *arg, struct jwe_writer **ret)
{
	owned(jwe_writer_free) struct jwe_writer *w = malloc(sizeof *w);
	struct str aad, rest = head;
	char text[HEAD_ROOM + 32];
	struct buf b = BUF(text);

	if (w == NULL)
		return fail(c, E_MEMORY, "no memory to encrypt with");
	w->gcm = NULL;
	w->sink = sink;
	w->arg = arg;
	w->n = w->written = 0;
	(void)str_cut(&rest, '.', &aad);
	if (!gcm_new(c, content, &w->gcm) || !gcm_begin(c, w->gcm, nonce, aad))
		return false;
	buf_put(&b, head);
	buf_char(&b, '.');
	base64url_put(&b, nonce, GCM_NONCE);
	buf_char(&b, '.');
	if (!buf_ok(c, &b) || !sink(c, arg, buf_str(&b)))
		return false;
	*ret = steal(w);
	return true;
}

bool
jwe_writer_behind(struct ctx *c, const struct jwe_head *head, const struct key256 *content,
    const uint8_t nonce[12], byte_sink *sink, void *arg, struct jwe_writer **ret)
{
	return writer_begin(c, head->text, content, nonce, sink, arg, ret);
}

bool
jwe_writer_new(struct ctx *c, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, byte_sink *sink, void *arg,
    struct jwe_writer **ret)
{
	owned(key256_done) struct key256 content;
	uint8_t nonce[GCM_NONCE];
	char text[HEAD_ROOM];
	struct buf head = BUF(text);

	key256_random(c, &content);
	c->random(nonce, sizeof nonce);
	return put_head(c, to, typ, extra, n, &content, &head) &&
	    writer_begin(c, buf_str(&head), &content, nonce, sink, arg, ret);
}

bool
jwe_write(struct ctx *c, struct jwe_writer *w, struct str payload)
{
	if (payload.n > JOSE_MAX / 4 * 3 - w->written)
		return fail(c, E_LIMIT, "more than %d bytes to encrypt", JOSE_MAX / 4 * 3);
	w->written += payload.n;
	while (payload.n > 0) {
		size_t room = sizeof w->piece - w->n;
		size_t n = payload.n < room ? payload.n : room;

		if (!gcm_more(c, w->gcm, (struct str){ payload.p, n }, w->piece + w->n))
			return false;
		w->n += n;
		payload.p += n;
		payload.n -= n;
		if (w->n == sizeof w->piece && !piece_out(c, w))
			return false;
	}
	return true;
}

bool
jwe_finish(struct ctx *c, struct jwe_writer *w)
{
	uint8_t tag[GCM_TAG];
	char text[2 * GCM_TAG];
	struct buf b = BUF(text);

	if (!piece_out(c, w) || !gcm_end(c, w->gcm, tag))
		return false;
	buf_char(&b, '.');
	base64url_put(&b, tag, sizeof tag);
	return w->sink(c, w->arg, buf_str(&b));
}

bool
jwe_encrypt(struct ctx *c, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, struct str payload, struct buf *out)
{
	owned(jwe_writer_free) struct jwe_writer *w = NULL;

	return jwe_writer_new(c, to, typ, extra, n, buf_sink, out, &w) &&
	    jwe_write(c, w, payload) && jwe_finish(c, w);
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* A party's name as the sender gave it to the key derivation; usually absent. */
MUST static bool
party(struct ctx *c, const struct jose *t, const char *name, struct str *ret)
{
	struct str text;

	*ret = STR("");
	return !jose_header_text(&t->header, name, &text) || base64url_decode(c, text, ret);
}

MUST static bool
recover_key(struct ctx *c, const struct ec_key *key, const struct jose *t, struct key256 *ret)
{
	owned(ec_key_free) struct ec_key *epk = NULL;
	owned(key256_done) struct key256 kek = { 0 };
	struct str apu, apv, wrapped;

	if (!ec_key_from_jwk(c, t->epk, &epk))
		return c->err.code == E_CRYPTO || c->err.code == E_MEMORY
		    ? false
		    : fail(c, E_INPUT, "epk is not a public key on P-256");
	return party(c, t, "apu", &apu) && party(c, t, "apv", &apv) &&
	    base64url_decode(c, t->part[1], &wrapped) && agree(c, key, epk, apu, apv, &kek) &&
	    key_unwrap(c, &kek, wrapped, ret);
}

/* Nonce, ciphertext and tag, the last two joined. */
MUST static bool
sealed_parts(struct ctx *c, const struct jose *t, struct str *ret_nonce, struct buf *ret_sealed)
{
	struct str body, tag;

	if (!base64url_decode(c, t->part[2], ret_nonce) ||
	    !base64url_decode(c, t->part[3], &body) || !base64url_decode(c, t->part[4], &tag))
		return false;
	if (ret_nonce->n != GCM_NONCE || tag.n != GCM_TAG)
		return fail(c, E_INPUT, "a nonce has %d bytes, a tag %d", GCM_NONCE, GCM_TAG);
	if (!take_buf(c, body.n + tag.n, ret_sealed))
		return false;
	buf_put(ret_sealed, body);
	buf_put(ret_sealed, tag);
	return true;
}

bool
jwe_decrypt(struct ctx *c, const struct ec_key *key, struct str typ, struct str token,
    struct jose_header *ret_header, struct str *ret_payload)
{
	owned(key256_done) struct key256 cek = { 0 };
	struct buf sealed;
	struct str nonce;
	struct jose t;
	uint8_t *to;

	if (!jose_open(c, token, ALG, &t) || !jose_want(c, &t, typ) ||
	    !sealed_parts(c, &t, &nonce, &sealed) || !recover_key(c, key, &t, &cek))
		return false;
	to = take(c, sealed.n);
	if (to == NULL ||
	    !gcm_open(c, &cek, (const uint8_t *)nonce.p, t.part[0], buf_str(&sealed), to))
		return false;
	*ret_header = t.header;
	*ret_payload = (struct str){ (char *)to, sealed.n - GCM_TAG };
	return true;
}
