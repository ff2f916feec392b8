/*
 * Licenses. Claims are read again here, strictly, and must be about the release, artifact and
 * license that the request names, of the vendor whose key opens the release's secret, and name the
 * key that signs. The head of a license's unlock keys is made once, because agreeing on a key is
 * the costly part of encrypting to somebody; the content key behind it follows from the release's
 * secret, the license and the holder's key, so nothing of it is kept. A list of revocations comes
 * as values and entries, and its JSON is written here.
 */
#include "custodian.h"
#include "mark.h"

enum { JWK_TEXT_MAX = 4096 };

/* ---- The keys of a license --------------------------------------------------------------- */

void
license_keys_done(struct license_keys *k)
{
	explicit_bzero(k, sizeof *k);
}

bool
license_keys_make(struct ctx *c, const struct key256 *secret, struct str license,
    struct str kid, struct license_keys *ret)
{
	owned(key256_done) struct key256 root = { 0 }, own = { 0 };
	owned(license_keys_done) struct license_keys keys = { 0 };
	char text[2 * (4 + ID_MAX)];
	struct buf b = BUF(text);
	struct digest256 d;

	wire_put_str(&b, license);
	wire_put_str(&b, kid);
	if (!buf_ok(c, &b) || !prf_subkey(c, secret, "license", &root) ||
	    !hmac_sha256(
		c, (struct str){ (const char *)root.b, sizeof root.b }, buf_str(&b), &d))
		return false;
	memcpy(own.b, d.b, sizeof own.b);
	explicit_bzero(&d, sizeof d);
	if (!prf_subkey(c, &own, "content", &keys.content) ||
	    !prf_subkey(c, &own, "nonces", &keys.nonces))
		return false;
	*ret = keys;
	return true;
}

void
names_fill(struct names *names, struct str release, const struct digest256 *artifact,
    struct str license)
{
	struct buf hex = BUF(names->hex);

	hex_put(&hex, artifact->b, sizeof artifact->b);
	names->member[0] = (struct jose_member){ "release", release };
	names->member[1] = (struct jose_member){ "artifact", buf_str(&hex) };
	names->member[2] = (struct jose_member){ "license", license };
	names->n = license.n > 0 ? 3 : 2;
}

bool
leave(struct ctx *c, void *arg, struct str bytes)
{
	struct leaving *l = arg;

	l->bytes += bytes.n;
	return fd_write_all(c, l->fd, bytes.p, bytes.n);
}

/* ---- A license --------------------------------------------------------------------------- */

struct licensing {
	struct key256 secret; /* the release's */
	struct str vendor, claims, jwk;
	struct id release, license;
	struct digest256 artifact;
};

static void
licensing_done(struct licensing *l)
{
	explicit_bzero(l, sizeof *l);
}

MUST static bool
licensing_take(struct ctx *c, const struct custodian *k, struct wire *in, struct licensing *ret)
{
	struct sealed_row vendor = sealed_row_take(in, SEALED_VENDOR);
	struct sealed_row row = sealed_row_take(in, SEALED_DATA);
	struct str release = wire_str(in, ID_MAX - 1), license = wire_str(in, ID_MAX - 1);
	struct str artifact = wire_str(in, sizeof ret->artifact.b);

	ret->claims = wire_str(in, LICENSE_MAX);
	ret->jwk = wire_str(in, JWK_TEXT_MAX);
	ret->vendor = vendor.vendor;
	if (!request_end(c, in) || !id_parse(c, release, "rel", &ret->release) ||
	    !id_parse(c, license, "lic", &ret->license))
		return false;
	if (artifact.n != sizeof ret->artifact.b)
		return fail(c, E_USAGE, "the digest is not one");
	memcpy(ret->artifact.b, artifact.p, artifact.n);
	return data_key_take(c, k, &vendor, &row, &ret->secret);
}

MUST static bool
claims_match(struct ctx *c, const struct licensing *l, const struct license_claims *claims)
{
	if (!str_same(str_of(claims->license.s), str_of(l->license.s)))
		return fail_at(c, E_INPUT, "/jti", "the claims are another license's");
	if (!str_same(str_of(claims->release.s), str_of(l->release.s)))
		return fail_at(c, E_INPUT, "/aud", "the claims are for another release");
	if (!digest256_same(&claims->artifact, &l->artifact))
		return fail_at(c, E_INPUT, "/artifact", "the claims are for another artifact");
	if (!str_same(str_of(claims->vendor.s), l->vendor))
		return fail_at(c, E_INPUT, "/iss", "the claims are another vendor's");
	return true;
}

MUST static bool
claims_sign(
    struct ctx *c, const struct custodian *k, const struct licensing *l, struct buf *ret)
{
	const struct signer *signer = NULL;
	struct license_claims claims;
	struct digest256 present;

	if (!license_claims_read(c, l->claims, &claims) || !claims_match(c, l, &claims) ||
	    !signer_current(c, k, &signer))
		return false;
	present = ec_key_thumbprint(signer->key);
	if (!digest256_same(&claims.key, &present))
		return fail_at(c, E_CONFLICT, "/keys",
		    "the claims name another key than the one that signs");
	return take_buf(c, jws_size(l->claims.n), ret) &&
	    jws_sign(c, signer->key, STR(LICENSE_TYP), str_of(signer->kid), l->claims, ret);
}

MUST static bool
wrap_make(struct ctx *c, const struct licensing *l, struct buf *ret)
{
	owned(license_keys_done) struct license_keys keys = { 0 };
	owned(ec_key_free) struct ec_key *to = NULL;
	char kid[CUSTODY_KID_MAX];
	struct names names;
	struct str jwk;

	names_fill(&names, str_of(l->release.s), &l->artifact, str_of(l->license.s));
	return ec_key_from_jwk(c, l->jwk, &to) && signer_public(c, to, kid, &jwk) &&
	    license_keys_make(c, &l->secret, str_of(l->license.s), str_of(kid), &keys) &&
	    take_buf(c, JWE_HEAD_MAX, ret) &&
	    jwe_wrap(c, to, STR(UNLOCK_TYP), names.member, names.n, &keys.content, ret);
}

bool
license_make(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	owned(licensing_done) struct licensing l = { 0 };
	struct buf token = { 0 }, wrap = { 0 };

	if (!licensing_take(c, k, in, &l))
		return false;
	if (l.claims.n == 0 && l.jwk.n == 0)
		return fail(c, E_USAGE, "nothing to sign and nobody to wrap for");
	if ((l.claims.n > 0 && !claims_sign(c, k, &l, &token)) ||
	    (l.jwk.n > 0 && !wrap_make(c, &l, &wrap)))
		return false;
	wire_put_str(out, buf_str(&token));
	wire_put_str(out, buf_str(&wrap));
	return true;
}

/* ---- A list of revocations --------------------------------------------------------------- */

/* The list's values; its entries come from a file. */
MUST static bool
list_take(struct ctx *c, const struct custodian *k, struct wire *in, struct revocations *ret)
{
	struct str vendor = wire_str(in, ID_MAX - 1);
	struct revocations r = { .number = (int64_t)wire_u64(in) };
	struct uuid *v;

	r.this_update = (int64_t)wire_u64(in);
	r.next_update = (int64_t)wire_u64(in);
	r.revoked_n = wire_u32(in);
	r.suspended_n = wire_u32(in);
	if (!request_end(c, in) || !id_parse(c, vendor, "ven", &r.vendor))
		return false;
	if (k->givens != 2)
		return fail(c, E_USAGE, "a list needs its entries and a file to be written to");
	if (r.revoked_n > REVOCATIONS_ENTRIES ||
	    r.suspended_n > REVOCATIONS_ENTRIES - r.revoked_n)
		return fail(c, E_LIMIT, "a list of revocations has at most %d entries",
		    REVOCATIONS_ENTRIES);
	v = take(c, (r.revoked_n + r.suspended_n + 1) * sizeof *v);
	if (v == NULL ||
	    !fd_read_all(c, k->given[0], v, (r.revoked_n + r.suspended_n) * sizeof *v))
		return false;
	r.revoked = v;
	r.suspended = v + r.revoked_n;
	*ret = r;
	return true;
}

static bool
sign_piece(struct ctx *c, void *arg, struct str bytes)
{
	return jws_write(c, arg, bytes);
}

bool
revocations_sign(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	owned(jws_writer_free) struct jws_writer *w = NULL;
	const struct signer *signer = NULL;
	struct leaving l = { .fd = k->givens == 2 ? k->given[1] : -1 };
	struct revocations r;

	if (!list_take(c, k, in, &r) || !signer_current(c, k, &signer) ||
	    !jws_writer_new(
		c, signer->key, STR(REVOCATIONS_TYP), str_of(signer->kid), leave, &l, &w) ||
	    !revocations_write(c, &r, sign_piece, w) || !jws_finish(c, w))
		return false;
	wire_put_u64(out, l.bytes);
	return true;
}
