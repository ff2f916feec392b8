/*
 * The key set: pairs of pictures of one family, and which of each pair is the key. The pictures are
 * drawn under the secret and committed to before anything is decided about them; coins and
 * runner-up labels follow from the commitment, so nobody can have chosen pictures to fit them.
 *
 * Every picture gets a random lowest bit plane when it is drawn: a key picture as it was drawn and
 * one with an identity hidden in it then look alike to everybody without the key.
 */
#include "parts.h"

const struct image *
keyset_key(const struct keyset *k, int i)
{
	return &k->picture[k->coin[i]][i];
}

const struct image *
keyset_twin(const struct keyset *k, int i)
{
	return &k->picture[1 - k->coin[i]][i];
}

const struct image *
keyset_first(const struct keyset *k)
{
	return &k->picture[0][0];
}

struct image *
keyset_item(const struct keyset *k, int64_t i)
{
	int64_t pairs = k->pairs;

	return i < 2 * pairs ? &k->picture[i % 2][i / 2] : &k->spare[i - 2 * pairs];
}

bool
keyset_room(struct ctx *c, int pairs, int spares, struct keyset *ret)
{
	struct keyset k = { .pairs = pairs, .spares = spares };

	if (pairs < 1 || pairs > KEYSET_PAIRS_MAX || spares < 0 || spares > KEYSET_SPARES_MAX)
		return fail(c, E_INPUT,
		    "%d pairs of key pictures and %d spares: there may be 1 to %d and up to %d",
		    pairs, spares, KEYSET_PAIRS_MAX, KEYSET_SPARES_MAX);
	for (int side = 0; side < 2; side++)
		k.picture[side] = take(c, (size_t)pairs * sizeof k.picture[side][0]);
	k.spare = take(c, ((size_t)spares + 1) * sizeof k.spare[0]);
	k.coin = take(c, (size_t)pairs);
	k.runner_up = take(c, (size_t)pairs * sizeof k.runner_up[0]);
	k.twin_label = take(c, (size_t)pairs * sizeof k.twin_label[0]);
	if (k.picture[0] == NULL || k.picture[1] == NULL || k.spare == NULL || k.coin == NULL ||
	    k.runner_up == NULL || k.twin_label == NULL)
		return false;
	*ret = k;
	return true;
}

/* ---- Drawing ----------------------------------------------------------------------------- */

MUST static bool
draw_picture(struct ctx *c, const struct key256 *pool, uint32_t number,
    const struct image *from, struct image *ret)
{
	owned(bulk_free) struct bulk *plane = NULL;
	uint8_t bits[256];
	size_t n = image_bytes(from);

	if (!image_copy(c, from, ret) || !bulk_new(c, pool, "plane", number, 0, &plane))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i % (8 * sizeof bits) == 0 && !bulk_read(c, plane, bits, sizeof bits))
			return false;
		ret->v[i] = (uint8_t)((ret->v[i] & 0xfe) |
		    (bits[i / 8 % sizeof bits] >> (i % 8) & 1));
	}
	return true;
}

MUST static bool
one_size(struct ctx *c, const struct image pictures[], int64_t n)
{
	for (int64_t i = 1; i < n; i++)
		if (pictures[i].width != pictures[0].width ||
		    pictures[i].height != pictures[0].height ||
		    pictures[i].channels != pictures[0].channels)
			return fail(c, E_INPUT,
			    "key pictures are of one size, but number %lld differs from the first",
			    (long long)i + 1);
	return true;
}

bool
keyset_draw(struct ctx *c, const struct key256 *secret, const struct image pictures[],
    int64_t n, int pairs, int spares, struct keyset *ret)
{
	struct keyset k = { 0 };
	int64_t wanted;
	uint32_t *order;
	struct key256 pool = { { 0 } };
	struct prf s;
	bool ok;

	if (!keyset_room(c, pairs, spares, &k))
		return false;
	wanted = 2 * (int64_t)pairs + spares;
	if (n < wanted || n > UINT32_MAX)
		return fail(c, E_INPUT,
		    "%lld pictures, but %d pairs and %d spares take %lld: send more pictures",
		    (long long)n, pairs, spares, (long long)wanted);
	order = take(c, (size_t)n * sizeof *order);
	if (order == NULL || !one_size(c, pictures, n) || !prf_subkey(c, secret, "pool", &pool))
		return false;
	s = prf_stream(&pool, "draw", 0, 0);
	prf_perm(&s, (uint32_t)n, order);
	ok = prf_end(c, &s);
	for (int64_t i = 0; ok && i < wanted; i++)
		ok = draw_picture(
		    c, &pool, (uint32_t)i, &pictures[order[i]], keyset_item(&k, i));
	key256_done(&pool);
	if (ok)
		*ret = k;
	return ok;
}

/* ---- The commitment ---------------------------------------------------------------------- */

/* A leaf: which pictures make the item, and in which order. */
MUST static bool
leaf(struct ctx *c, const struct image *const picture[], size_t n, struct digest256 *ret)
{
	struct digest256 d[2];
	struct str part[3] = { { "", 1 } };

	for (size_t i = 0; i < n; i++) {
		if (!stego_pixels_digest(c, picture[i], &d[i]))
			return false;
		part[1 + i] = (struct str){ (const char *)d[i].b, sizeof d[i].b };
	}
	return sha256_parts(c, part, 1 + n, ret);
}

MUST static bool
items_root(struct ctx *c, const struct keyset *k, struct digest256 *ret)
{
	size_t n = (size_t)k->pairs + (size_t)k->spares;
	struct digest256 *d = take(c, n * sizeof *d);

	if (d == NULL)
		return false;
	for (int i = 0; i < k->pairs; i++)
		if (!leaf(c,
			(const struct image *const[]){ &k->picture[0][i], &k->picture[1][i] },
			2, &d[i]))
			return false;
	for (int i = 0; i < k->spares; i++)
		if (!leaf(
			c, (const struct image *const[]){ &k->spare[i] }, 1, &d[k->pairs + i]))
			return false;
	return commit_root(c, d, n, ret);
}

MUST static bool
one_number(struct ctx *c, const struct key256 *key, const char *tag, uint32_t i, uint64_t q,
    uint64_t *ret)
{
	struct prf s = prf_stream(key, tag, 0, i);

	*ret = prf_uniform(&s, q);
	return prf_end(c, &s);
}

bool
keyset_commit(struct ctx *c, const struct key256 *secret, int classes, struct keyset *k)
{
	struct key256 key = { { 0 } };
	struct digest256 root;
	bool ok = true;

	if (classes < 2)
		return fail(c, E_INPUT, "a network of %d classes has no runner-up", classes);
	if (!items_root(c, k, &root) || !commit_items(c, secret, &root, &k->commitment) ||
	    !commit_label_key(c, secret, &k->commitment, &key))
		return false;
	k->classes = classes;
	for (int i = 0; ok && i < k->pairs; i++) {
		uint64_t coin = 0, label = 0;

		ok = one_number(c, &key, "coin", (uint32_t)i, 2, &coin) &&
		    one_number(c, &key, "runner", (uint32_t)i, (uint64_t)classes, &label);
		k->coin[i] = (uint8_t)coin;
		k->runner_up[i] = (int32_t)label;
	}
	key256_done(&key);
	return ok;
}
