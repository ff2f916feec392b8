/*
 * Digests: SHA-256, HMAC and HKDF over it, the audit's hash chain, and comparisons that take the
 * same time whatever they find. HKDF is written here in terms of HMAC (RFC 5869 is four lines) as
 * the library's own fetches its digest anew on every call.
 */
#include <errno.h>
#include <unistd.h>

#include "parts.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

enum { FILE_PIECE = 1 << 18 }; /* of a file at a time */

#define CHAIN_DOMAIN "hallmark chain 1"

void
key256_random(struct ctx *c, struct key256 *ret)
{
	c->random(ret->b, sizeof ret->b);
}

void
key256_done(struct key256 *k)
{
	explicit_bzero(k, sizeof *k);
}

bool
key256_same(const struct key256 *a, const struct key256 *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool
digest256_same(const struct digest256 *a, const struct digest256 *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool
secret_same(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool
sha256_parts(struct ctx *c, const struct str part[], size_t n, struct digest256 *ret)
{
	struct digest256 d;
	struct tools *t;
	bool ok;

	if (!tools_get(c, &t))
		return false;
	ok = EVP_DigestInit_ex2(t->md, NULL, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = part[i].n == 0 || EVP_DigestUpdate(t->md, part[i].p, part[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(t->md, d.b, NULL) == 1;
	/* The context still holds the digest, which may be a key: it begins anew. */
	if (EVP_DigestInit_ex2(t->md, NULL, NULL) != 1 || !ok)
		return fail_crypto(c, "SHA-256");
	*ret = d;
	return true;
}

bool
sha256(struct ctx *c, struct str s, struct digest256 *ret)
{
	return sha256_parts(c, &s, 1, ret);
}

bool
sha256_init(struct ctx *c, struct sha256 *h)
{
	const struct algorithms *a;

	if (!algorithms_get(c, &a))
		return false;
	if (h->md == NULL)
		h->md = EVP_MD_CTX_new();
	if (h->md == NULL || EVP_DigestInit_ex2(h->md, a->sha256, NULL) != 1)
		return fail_crypto(c, "SHA-256");
	h->bad = false;
	return true;
}

void
sha256_add(struct sha256 *h, struct str s)
{
	if (s.n > 0 && !h->bad)
		h->bad = h->md == NULL || EVP_DigestUpdate(h->md, s.p, s.n) != 1;
}

bool
sha256_end(struct ctx *c, struct sha256 *h, struct digest256 *ret)
{
	struct digest256 d;

	if (h->bad || h->md == NULL || EVP_DigestFinal_ex(h->md, d.b, NULL) != 1)
		return fail_crypto(c, "SHA-256");
	*ret = d;
	return true;
}

void
sha256_done(struct sha256 *h)
{
	EVP_MD_CTX_free(h->md);
	h->md = NULL;
}

bool
sha256_file(struct ctx *c, int fd, int64_t *ret_size, struct digest256 *ret)
{
	owned(sha256_done) struct sha256 hash = { 0 };
	char *piece = take(c, FILE_PIECE);
	int64_t at = 0;
	ssize_t n;

	if (piece == NULL || !sha256_init(c, &hash))
		return false;
	while ((n = pread(fd, piece, FILE_PIECE, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(c, "read", "a file");
		sha256_add(&hash, (struct str){ piece, (size_t)n });
		at += n;
	}
	*ret_size = at;
	return sha256_end(c, &hash, ret);
}

bool
hmac_parts(
    struct ctx *c, struct str key, const struct str part[], size_t n, struct digest256 *ret)
{
	static const uint8_t nothing[1];
	struct digest256 d;
	struct tools *t;
	size_t got = 0;
	bool ok;

	if (!tools_get(c, &t))
		return false;
	ok = EVP_MAC_init(t->mac, key.n == 0 ? nothing : (const uint8_t *)key.p, key.n, NULL) ==
	    1;
	for (size_t i = 0; ok && i < n; i++)
		ok = part[i].n == 0 ||
		    EVP_MAC_update(t->mac, (const uint8_t *)part[i].p, part[i].n) == 1;
	ok = ok && EVP_MAC_final(t->mac, d.b, &got, sizeof d.b) == 1 && got == sizeof d.b;
	/* Another key takes this one's place in the context. */
	ok = EVP_MAC_init(t->mac, nothing, sizeof nothing, NULL) == 1 && ok;
	if (!ok)
		return fail_crypto(c, "HMAC");
	*ret = d;
	return true;
}

bool
hmac_sha256(struct ctx *c, struct str key, struct str message, struct digest256 *ret)
{
	return hmac_parts(c, key, &message, 1, ret);
}

/* RFC 5869: extract, then blocks T(i) = HMAC(PRK, T(i - 1) | info | i). */
bool
hkdf_bytes(struct ctx *c, struct str key, struct str salt, const struct str info[],
    size_t infos, uint8_t *ret, size_t n)
{
	struct digest256 prk, t = { 0 };
	struct str part[8] = { { 0 } }, prk_str = { (char *)prk.b, sizeof prk.b };
	bool ok = infos + 2 <= COUNT(part) && n <= 255 * sizeof t.b;
	uint8_t i = 0;

	if (!ok)
		return fail(c, E_INTERNAL, "HKDF of %zu parts, %zu bytes", infos, n);
	ok = hmac_parts(c, salt, &key, 1, &prk);
	for (size_t j = 0; j < infos; j++)
		part[1 + j] = info[j];
	part[1 + infos] = (struct str){ (char *)&i, 1 };
	for (size_t done = 0; ok && done < n; done += sizeof t.b) {
		size_t some = n - done < sizeof t.b ? n - done : sizeof t.b;

		i++;
		ok = hmac_parts(c, prk_str, part, infos + 2, &t);
		memcpy(ret + done, t.b, some);
		part[0] = (struct str){ (char *)t.b, sizeof t.b };
	}
	explicit_bzero(&prk, sizeof prk);
	explicit_bzero(&t, sizeof t);
	return ok;
}

bool
hkdf_sha256(struct ctx *c, struct str key, struct str salt, struct str info, struct key256 *ret)
{
	owned(key256_done) struct key256 k = { 0 };

	if (!hkdf_bytes(c, key, salt, &info, 1, k.b, sizeof k.b))
		return false;
	*ret = k;
	return true;
}

/* Big-endian, eight bytes. */
static struct str
length_bytes(uint64_t n, uint8_t to[8])
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(n >> (56 - 8 * i));
	return (struct str){ (char *)to, 8 };
}

static bool
digest_add(struct tools *t, struct str s)
{
	return s.n == 0 || EVP_DigestUpdate(t->md, s.p, s.n) == 1;
}

/* The usual link is short: gathered first, it is one call of the library instead of twenty. */
MUST static bool
chain_gather(const struct digest256 *prev, const struct str field[], size_t n, struct buf *out)
{
	uint8_t len[8];

	buf_put(out, STR(CHAIN_DOMAIN));
	buf_put(out, (struct str){ (const char *)prev->b, sizeof prev->b });
	buf_put(out, length_bytes(n, len));
	for (size_t i = 0; i < n; i++) {
		buf_put(out, length_bytes(field[i].n, len));
		buf_put(out, field[i]);
	}
	return !out->full;
}

bool
chain_next(struct ctx *c, const struct digest256 *prev, const struct str field[], size_t n,
    struct digest256 *ret)
{
	char gathered[1024];
	struct buf all = BUF(gathered);
	struct digest256 d;
	struct tools *t;
	uint8_t len[8];
	bool ok;

	if (chain_gather(prev, field, n, &all))
		return sha256(c, buf_str(&all), ret);

	if (!tools_get(c, &t))
		return false;
	ok = EVP_DigestInit_ex2(t->md, NULL, NULL) == 1 && digest_add(t, STR(CHAIN_DOMAIN)) &&
	    EVP_DigestUpdate(t->md, prev->b, sizeof prev->b) == 1 &&
	    digest_add(t, length_bytes(n, len));
	for (size_t i = 0; ok && i < n; i++)
		ok = digest_add(t, length_bytes(field[i].n, len)) && digest_add(t, field[i]);
	if (!ok || EVP_DigestFinal_ex(t->md, d.b, NULL) != 1)
		return fail_crypto(c, "SHA-256");
	*ret = d;
	return true;
}
