/*
 * Numbers that follow from a key and a tag, so that whoever has the key can draw them again: blocks
 * of HMAC-SHA-256 in counter mode where a few are wanted, read as big-endian 64-bit words, and the
 * keystream of AES-256-CTR under such a block where they are wanted by the gigabyte.
 */
#include "parts.h"

#define DOMAIN "hallmark/1/"
#define SUBKEY "hallmark/1/subkey"

static void
be32_put(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static struct str
key_bytes(const struct key256 *k)
{
	return (struct str){ (const char *)k->b, sizeof k->b };
}

bool
prf_subkey(struct ctx *c, const struct key256 *root, const char *name, struct key256 *ret)
{
	struct str part[] = { { SUBKEY, sizeof SUBKEY },
		str_of(name) }; /* with its zero byte */
	struct digest256 d;

	if (!hmac_parts(c, key_bytes(root), part, COUNT(part), &d))
		return false;
	memcpy(ret->b, d.b, sizeof ret->b);
	explicit_bzero(&d, sizeof d);
	return true;
}

bool
prf_block(struct ctx *c, const struct key256 *k, const char *tag, uint32_t a, uint32_t b,
    uint32_t i, struct digest256 *ret)
{
	uint8_t place[1 + 3 * 4] = { 0 };
	struct str part[] = { STR(DOMAIN), str_of(tag), { (char *)place, sizeof place } };

	be32_put(place + 1, a);
	be32_put(place + 5, b);
	be32_put(place + 9, i);
	return hmac_parts(c, key_bytes(k), part, COUNT(part), ret);
}

/* ---- Streams ----------------------------------------------------------------------------- */

struct prf
prf_stream(const struct key256 *k, const char *tag, uint32_t a, uint32_t b)
{
	struct prf s = { .key = *k, .tag = tag, .a = a, .b = b };

	s.used = sizeof s.now.b;
	return s;
}

uint64_t
prf_next(struct prf *s)
{
	struct ctx c = { 0 }; /* the failure is told by prf_end */
	uint64_t v = 0;

	if (s->used == sizeof s->now.b) {
		/* Past the last block, the words would come again. */
		if (s->bad || s->block == UINT32_MAX ||
		    !prf_block(&c, &s->key, s->tag, s->a, s->b, s->block, &s->now)) {
			s->bad = true;
			return 0;
		}
		s->block++;
		s->used = 0;
	}
	for (int i = 0; i < 8; i++)
		v = v << 8 | s->now.b[s->used++];
	return v;
}

/* Of the 2^64 words, the last 2^64 mod q are drawn again. */
uint64_t
prf_uniform(struct prf *s, uint64_t q)
{
	uint64_t rest = (0 - q) % q, v;

	do
		v = prf_next(s);
	while (v > UINT64_MAX - rest && !s->bad);
	return v % q;
}

double
prf_real(struct prf *s)
{
	return (double)(prf_next(s) >> 11) * 0x1p-53;
}

/* Fisher and Yates, from the end. */
void
prf_perm(struct prf *s, uint32_t n, uint32_t ret[])
{
	for (uint32_t i = 0; i < n; i++)
		ret[i] = i;
	for (uint32_t i = n; i-- > 1;) {
		uint32_t j = (uint32_t)prf_uniform(s, (uint64_t)i + 1), was = ret[i];

		ret[i] = ret[j];
		ret[j] = was;
	}
}

bool
prf_end(struct ctx *c, struct prf *s)
{
	bool bad = s->bad;

	explicit_bzero(s, sizeof *s);
	return bad ? fail(c, E_CRYPTO, "a pseudo-random stream failed") : true;
}

/* ---- Bulk -------------------------------------------------------------------------------- */

/* Whole cipher blocks at a time: the encryption of zeros, in place. */
enum { BULK_PIECE = 16 << 10 };
struct bulk {
	EVP_CIPHER_CTX *ctr;
};

void
bulk_free(struct bulk **b)
{
	if (*b == NULL)
		return;
	cipher_free(&(*b)->ctr);
	free(*b);
	*b = NULL;
}

bool
bulk_new(struct ctx *c, const struct key256 *k, const char *tag, uint32_t a, uint32_t b,
    struct bulk **ret)
{
	static const uint8_t zero[16];
	owned(bulk_free) struct bulk *s = calloc(1, sizeof *s);
	const struct algorithms *all;
	struct digest256 key;
	bool ok;

	if (s == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (!algorithms_get(c, &all) || !prf_block(c, k, tag, a, b, 0, &key))
		return false;
	s->ctr = EVP_CIPHER_CTX_new();
	ok = s->ctr != NULL && EVP_EncryptInit_ex2(s->ctr, all->ctr, key.b, zero, NULL) == 1;
	explicit_bzero(&key, sizeof key);
	if (!ok)
		return fail_crypto(c, "AES-CTR");
	*ret = steal(s);
	return true;
}

bool
bulk_read(struct ctx *c, struct bulk *s, void *to, size_t n)
{
	uint8_t *at = to;
	int done;

	for (size_t some; n > 0; at += some, n -= some) {
		some = n < BULK_PIECE ? n : BULK_PIECE;
		memset(at, 0, some);
		if (EVP_EncryptUpdate(s->ctr, at, &done, at, (int)some) != 1 ||
		    (size_t)done != some)
			return fail_crypto(c, "AES-CTR");
	}
	return true;
}
