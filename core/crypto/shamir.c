/*
 * Shamir's secret sharing, byte by byte over GF(2^8) with the polynomial 0x11b. The arithmetic
 * uses no table, as a table indexed by a secret tells of it through the cache. A set's shares
 * carry a digest of the key they make: together with the set's name and the number needed, so
 * that a share of another set, a forged one, or too few of them are noticed and never give a
 * wrong key. (Shamir, "How to share a secret", CACM 22(11), 1979.)
 */
#include "parts.h"

#include <openssl/crypto.h>

#define COMMIT_DOMAIN "hallmark shares 1"

_Static_assert(sizeof(struct key256) == sizeof((struct share *)0)->y, "a share is a key long");

static uint8_t
gf_mul(uint8_t a, uint8_t b)
{
	uint8_t r = 0;

	for (int i = 0; i < 8; i++) {
		r ^= (uint8_t)(-(b & 1) & a);
		a = (uint8_t)((a << 1) ^ (-(a >> 7) & 0x1b));
		b >>= 1;
	}
	return r;
}

/* a^254, the inverse of a. */
static uint8_t
gf_inverse(uint8_t a)
{
	uint8_t r = 1;

	for (int i = 0; i < 7; i++) {
		a = gf_mul(a, a);
		r = gf_mul(r, a);
	}
	return r;
}

MUST static bool
commitment(struct ctx *c, const struct share *s, const struct key256 *key, uint8_t ret[8])
{
	struct str part[] = {
		STR(COMMIT_DOMAIN),
		{ (const char *)s->group, sizeof s->group },
		{ (const char *)&s->k, 1 },
		{ (const char *)key->b, sizeof key->b },
	};
	struct digest256 d;

	if (!sha256_parts(c, part, COUNT(part), &d))
		return false;
	memcpy(ret, d.b, 8);
	return true;
}

/* Evaluates at x the polynomial whose constant term is the key. Horner, highest power first. */
static void
evaluate(const struct key256 *key, const struct key256 coefficient[], unsigned k, uint8_t x,
    uint8_t ret[32])
{
	for (size_t i = 0; i < sizeof key->b; i++) {
		uint8_t y = 0;

		for (unsigned j = k - 1; j > 0; j--)
			y = gf_mul(y ^ coefficient[j - 1].b[i], x);
		ret[i] = y ^ key->b[i];
	}
}

bool
shares_split(
    struct ctx *c, const struct key256 *key, unsigned k, unsigned n, struct share ret[])
{
	struct key256 coefficient[SHARES_MAX - 1];
	struct share all = { .k = (uint8_t)k };

	if (k < 1 || k > n || n > SHARES_MAX || (k == 1 && n > 1))
		return fail(c, E_INPUT,
		    "%u of %u shares is not possible: 2 to %d of up to %d, or 1 of 1", k, n,
		    SHARES_MAX, SHARES_MAX);
	c->random(all.group, sizeof all.group);
	if (!commitment(c, &all, key, all.commit))
		return false;
	c->random(coefficient, sizeof coefficient);
	for (unsigned i = 0; i < n; i++) {
		all.index = (uint8_t)(i + 1);
		evaluate(key, coefficient, k, all.index, all.y);
		ret[i] = all;
	}
	explicit_bzero(coefficient, sizeof coefficient);
	share_done(&all);
	return true;
}

/* Whether the shares can be put together at all; nothing here depends on a secret. */
MUST static bool
compatible(struct ctx *c, const struct share s[], size_t n)
{
	if (n < 1 || n > SHARES_MAX)
		return fail(c, E_INPUT, "1 to %d shares are wanted, not %zu", SHARES_MAX, n);
	for (size_t i = 0; i < n; i++) {
		if (s[i].index < 1 || s[i].index > SHARES_MAX || s[i].k < 1)
			return fail(c, E_INPUT, "not a share");
		if (!secret_same((struct str){ (const char *)s[i].group, sizeof s->group },
			(struct str){ (const char *)s[0].group, sizeof s->group }) ||
		    s[i].k != s[0].k)
			return fail(c, E_INPUT, "share %u belongs to another set", s[i].index);
		if (CRYPTO_memcmp(s[i].commit, s[0].commit, sizeof s->commit) != 0)
			return fail(c, E_INTEGRITY, "the shares do not fit together");
		for (size_t j = 0; j < i; j++)
			if (s[j].index == s[i].index)
				return fail(c, E_INPUT, "share %u is given twice", s[i].index);
	}
	if (n < s[0].k)
		return fail(c, E_INPUT, "%u shares are needed, %zu given", s[0].k, n);
	return true;
}

/* Lagrange's factor of share i at 0: the product of xj / (xj - xi). Indexes are public. */
static uint8_t
factor(const struct share s[], size_t n, size_t i)
{
	uint8_t over = 1, under = 1;

	for (size_t j = 0; j < n; j++) {
		if (j == i)
			continue;
		over = gf_mul(over, s[j].index);
		under = gf_mul(under, s[j].index ^ s[i].index);
	}
	return gf_mul(over, gf_inverse(under));
}

/*
 * Interpolates through all the shares given. With more than k, one that does not lie on the same
 * polynomial changes the result, and the commitment notices.
 */
bool
shares_join(struct ctx *c, const struct share s[], size_t n, struct key256 *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	uint8_t commit[8];

	if (!compatible(c, s, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t f = factor(s, n, i);

		for (size_t j = 0; j < sizeof key.b; j++)
			key.b[j] ^= gf_mul(f, s[i].y[j]);
	}
	if (!commitment(c, &s[0], &key, commit))
		return false;
	if (CRYPTO_memcmp(commit, s[0].commit, sizeof commit) != 0)
		return fail(c, E_INTEGRITY, "the shares do not fit together");
	*ret = key;
	return true;
}

void
share_done(struct share *s)
{
	explicit_bzero(s, sizeof *s);
}
