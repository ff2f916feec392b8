/*
 * Signatures. The custodian writes what it signs itself, from typed values; there is no request
 * that signs given bytes. The audit only grows, so a checkpoint never goes back: not to a lower
 * number, nor to another digest of the same one.
 */
#include "custodian.h"

#define CHECKPOINT_TYP "hallmark-checkpoint+jwt"
#define CLAIMS_MAX 256

bool
signer_current(struct ctx *c, const struct custodian *k, const struct signer **ret)
{
	const struct signer *newest = NULL;

	for (size_t i = 0; i < k->loaded.signers; i++)
		if (newest == NULL || k->loaded.signer[i].made > newest->made)
			newest = &k->loaded.signer[i];
	if (newest == NULL)
		return fail(c, E_CONFLICT, "no signing key is loaded");
	*ret = newest;
	return true;
}

MUST static bool
grows(struct ctx *c, const struct custodian *k, int64_t seq, const struct digest256 *hash)
{
	if (seq < 1)
		return fail(c, E_INPUT, "a checkpoint's seq is 1 or more");
	if (seq < k->signed_seq)
		return fail(c, E_CONFLICT, "checkpoint %lld comes after %lld", (long long)seq,
		    (long long)k->signed_seq);
	if (seq == k->signed_seq && !digest256_same(hash, &k->signed_hash))
		return fail(c, E_CONFLICT, "checkpoint %lld was signed with another digest",
		    (long long)seq);
	return true;
}

MUST static bool
checkpoint_claims(
    struct ctx *c, int64_t seq, const struct digest256 *hash, int64_t at, struct buf *out)
{
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	js_number(&j, "seq", seq);
	js_bytes(&j, "hash", hash->b, sizeof hash->b);
	js_time(&j, "at", at);
	js_close(&j, '}');
	return buf_ok(c, out);
}

bool
checkpoint_sign(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	int64_t seq = (int64_t)wire_u64(in);
	struct str digest = wire_str(in, sizeof(struct digest256));
	int64_t at = (int64_t)wire_u64(in);
	const struct signer *signer = NULL;
	struct digest256 hash;
	char text[CLAIMS_MAX];
	struct buf claims = BUF(text), jws;

	if (digest.n != sizeof hash.b)
		return fail(c, E_USAGE, "the digest is not one");
	memcpy(hash.b, digest.p, sizeof hash.b);
	if (!request_end(c, in) || !grows(c, k, seq, &hash) || !signer_current(c, k, &signer))
		return false;
	if (at < 0 || at > INT64_C(253402300799999))
		return fail(c, E_INPUT, "the checkpoint's time is beyond the year 9999");
	if (!checkpoint_claims(c, seq, &hash, at, &claims) ||
	    !take_buf(c, jws_size(claims.n) + 256, &jws) ||
	    !jws_sign(c, signer->key, STR(CHECKPOINT_TYP), str_of(signer->kid),
		buf_str(&claims), &jws) ||
	    !buf_ok(c, &jws))
		return false;
	k->signed_seq = seq;
	k->signed_hash = hash;
	wire_put_str(out, buf_str(&jws));
	return true;
}

/* {"kty":…} becomes {"kid":…,"use":"sig","alg":"ES256","kty":…}. */
static void
jwk_put(struct js *j, const struct signer *s, struct str jwk, struct buf *one)
{
	struct js members = { .out = one };

	js_open(&members, NULL, '{');
	js_text(&members, "kid", str_of(s->kid));
	js_text(&members, "use", STR("sig"));
	js_text(&members, "alg", STR("ES256"));
	buf_char(one, ',');
	buf_put(one, (struct str){ jwk.p + 1, jwk.n - 1 });
	js_raw(j, NULL, buf_str(one));
}

bool
jwks_get(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct buf set;
	struct js j = { .out = &set };

	if (!request_end(c, in) || !take_buf(c, 64 + SIGNERS_MAX * 384, &set))
		return false;
	js_open(&j, NULL, '{');
	js_open(&j, "keys", '[');
	for (size_t i = 0; i < k->loaded.signers; i++) {
		const struct signer *s = &k->loaded.signer[i];
		char kid[CUSTODY_KID_MAX], text[384];
		struct buf one = BUF(text);
		struct str jwk;

		if (!signer_public(c, s->key, kid, &jwk))
			return false;
		jwk_put(&j, s, jwk, &one);
		if (!buf_ok(c, &one))
			return false;
	}
	js_close(&j, ']');
	js_close(&j, '}');
	if (!buf_ok(c, &set))
		return false;
	wire_put_str(out, buf_str(&set));
	return true;
}
