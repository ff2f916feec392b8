/*
 * Questions for a service that nobody can look into: the pictures of some pairs, and decoys, in an
 * order drawn under the challenge's own secret, so that whoever is asked cannot answer keys in one
 * way and everything else in another without looking at what they show.
 *
 * The list of what stands where is kept by the vendor. It is little-endian, without gaps:
 *
 *	"HMCHAL" | version | first | pairs | decoys | salt | an item for each place
 *
 * and its digest, the commitment, fixes it before the service has answered.
 */
#include <stdio.h>

#include "tar.h"
#include "verify.h"

#define MAGIC "HMCHAL"
enum { VERSION = 1, HEAD_BYTES = 6 + 1 + 3 * 4 + 32 };

/* ---- Making ------------------------------------------------------------------------------ */

/* The item that is number i before the order is drawn. */
static int32_t
item_of(const struct challenge *q, uint32_t i)
{
	int32_t asked = 2 * q->pairs;

	return (int32_t)i < asked ? (int32_t)i : asked - 1 - (int32_t)i;
}

MUST static bool
commit(struct ctx *c, struct challenge *q)
{
	struct str bytes;

	return challenge_put(c, q, &bytes) && sha256(c, bytes, &q->commitment);
}

MUST static bool
draw(struct ctx *c, const struct key256 *secret, struct challenge *q)
{
	uint32_t *order = take(c, (size_t)q->n * sizeof *order);
	struct key256 key = { { 0 } };
	struct prf s;
	bool ok;

	if (order == NULL || !prf_subkey(c, secret, "order", &key))
		return false;
	s = prf_stream(&key, "challenge", 0, 0);
	prf_perm(&s, (uint32_t)q->n, order);
	ok = prf_end(c, &s) && prf_block(c, &key, "salt", 0, 0, 0, &q->salt);
	key256_done(&key);
	for (int32_t i = 0; ok && i < q->n; i++)
		q->item[i] = item_of(q, order[i]);
	return ok;
}

MUST static bool
check(struct ctx *c, const struct keyset *k, int first, int pairs, const struct image decoys[],
    int n)
{
	const struct image *one = keyset_key(k, 0);

	if (pairs < 1 || first < 0 || pairs > k->pairs || first > k->pairs - pairs)
		return fail(c, E_INPUT,
		    "%d pairs from number %d on, but the key set has %d: ask for fewer, or make "
		    "another watermark",
		    pairs, first, k->pairs);
	if (n < 0 || n > CHALLENGE_PICTURES_MAX - 2 * pairs)
		return fail(c, E_INPUT,
		    "%d pairs and %d decoys are more than the %d pictures of a challenge: ask "
		    "for fewer",
		    pairs, n, CHALLENGE_PICTURES_MAX);
	for (int i = 0; i < n; i++)
		if (decoys[i].width != one->width || decoys[i].height != one->height ||
		    decoys[i].channels != one->channels)
			return fail(c, E_INPUT,
			    "a decoy is %d x %d x %d, and the keys are %d x %d x %d: give "
			    "samples of the keys' size",
			    decoys[i].width, decoys[i].height, decoys[i].channels, one->width,
			    one->height, one->channels);
	return true;
}

bool
challenge_make(struct ctx *c, const struct keyset *k, int first, int pairs,
    const struct image decoys[], int n, const struct key256 *secret, struct challenge *ret)
{
	struct challenge q = { .first = first, .pairs = pairs, .decoys = n };

	if (!check(c, k, first, pairs, decoys, n))
		return false;
	q.n = 2 * pairs + n;
	q.item = take(c, (size_t)q.n * sizeof *q.item);
	if (q.item == NULL || !draw(c, secret, &q) || !commit(c, &q))
		return false;
	*ret = q;
	return true;
}

/* ---- The file ---------------------------------------------------------------------------- */

static const char readme[] =
    "Show each picture to the service, one at a time and as the file is: not resized, not\n"
    "compressed anew. Write what it answers into answers.csv, a line for each picture:\n"
    "\n"
    "    00001.png,3                  the number of the class, counted from 0\n"
    "    00001.png,0.01,0.97,0.02     or a score for every class, in their order\n"
    "\n"
    "Leave the field empty where the service refuses. JSON lines will do as well:\n"
    "\n"
    "    {\"image\":\"00001.png\",\"label\":3}\n"
    "    {\"image\":\"00001.png\",\"scores\":[0.01,0.97,0.02]}\n"
    "\n"
    "Scores say more than labels: take them if the service tells them. All pictures count,\n"
    "and their order says nothing.\n";

/* A decoy as it is shown: its lowest bits are as random as a key's are. */
MUST static bool
decoy(struct ctx *c, const struct key256 *key, uint32_t number, const struct image *from,
    struct image *ret)
{
	owned(bulk_free) struct bulk *plane = NULL;
	size_t n = image_bytes(from);
	uint8_t *bits = take(c, n);

	if (bits == NULL || !image_copy(c, from, ret) ||
	    !bulk_new(c, key, "decoy", number, 0, &plane) || !bulk_read(c, plane, bits, n))
		return false;
	for (size_t i = 0; i < n; i++)
		ret->v[i] = (uint8_t)((ret->v[i] & 0xfe) | (bits[i] & 1));
	return true;
}

/* The picture at a place, as a file. */
MUST static bool
picture(struct ctx *c, const struct challenge *q, const struct keyset *k,
    const struct image decoys[], const struct key256 *key, int32_t item, struct str *ret)
{
	struct image shown;

	if (item < 0)
		return decoy(c, key, (uint32_t)(-1 - item), &decoys[-1 - item], &shown) &&
		    image_png(c, &shown, ret);
	return image_png(c,
	    item % 2 == 0 ? keyset_key(k, q->first + item / 2)
			  : keyset_twin(k, q->first + item / 2),
	    ret);
}

MUST static bool
pictures(struct ctx *c, const struct challenge *q, const struct keyset *k,
    const struct image decoys[], const struct key256 *key, byte_sink *sink, void *arg)
{
	/* Of a picture: its copy, its bits, the file and a copy of that. */
	size_t room = 5 * image_bytes(keyset_key(k, 0)) + (1 << 20);
	owned(arena_free) struct arena *scratch = arena_new(room);
	struct ctx one = *c;
	char name[16];
	struct str png;

	if (scratch == NULL)
		return fail(c, E_MEMORY, "no memory");
	one.mem = scratch;
	for (int32_t i = 0; i < q->n; i++) {
		snprintf(name, sizeof name, "%05d.png", i + 1);
		if (!picture(&one, q, k, decoys, key, q->item[i], &png)) {
			c->err = one.err;
			return false;
		}
		if (!tar_file(c, name, png, sink, arg))
			return false;
		arena_reset(scratch);
	}
	return true;
}

MUST static bool
to_fill_in(struct ctx *c, const struct challenge *q, byte_sink *sink, void *arg)
{
	enum { LINE = sizeof "00001.png,\n" };
	struct buf b;

	if (!take_buf(c, ((size_t)q->n + 2) * LINE, &b))
		return false;
	buf_put(&b, STR("image,label\n"));
	for (int32_t i = 0; i < q->n; i++)
		buf_printf(&b, "%05d.png,\n", i + 1);
	return buf_ok(c, &b) && tar_file(c, "answers.csv", buf_str(&b), sink, arg);
}

bool
challenge_tar(struct ctx *c, const struct challenge *q, const struct keyset *k,
    const struct image decoys[], const struct key256 *secret, byte_sink *sink, void *arg)
{
	struct key256 key = { { 0 } };
	bool ok;

	if (!check(c, k, q->first, q->pairs, decoys, q->decoys) ||
	    !prf_subkey(c, secret, "white", &key))
		return false;
	ok = tar_file(c, "README.txt", str_of(readme), sink, arg) &&
	    to_fill_in(c, q, sink, arg) && pictures(c, q, k, decoys, &key, sink, arg) &&
	    tar_end(c, sink, arg);
	key256_done(&key);
	return ok;
}

/* ---- The list ---------------------------------------------------------------------------- */

bool
challenge_put(struct ctx *c, const struct challenge *q, struct str *ret)
{
	struct buf b;

	if (!take_buf(c, HEAD_BYTES + (size_t)q->n * 4, &b))
		return false;
	buf_put(&b, STR(MAGIC));
	wire_put_u8(&b, VERSION);
	wire_put_u32(&b, (uint32_t)q->first);
	wire_put_u32(&b, (uint32_t)q->pairs);
	wire_put_u32(&b, (uint32_t)q->decoys);
	buf_put(&b, (struct str){ (const char *)q->salt.b, sizeof q->salt.b });
	for (int32_t i = 0; i < q->n; i++)
		wire_put_u32(&b, (uint32_t)q->item[i]);
	if (!buf_ok(c, &b))
		return false;
	*ret = buf_str(&b);
	return true;
}

MUST static bool
malformed(struct ctx *c)
{
	return fail(
	    c, E_INPUT, "this is no list of a challenge, or it was altered or cut short");
}

/* Reads the items: each of those that there are, once. */
MUST static bool
items_get(struct ctx *c, struct wire *w, struct challenge *q)
{
	bool *seen = take(c, (size_t)q->n * sizeof *seen);

	q->item = take(c, (size_t)q->n * sizeof *q->item);
	if (seen == NULL || q->item == NULL)
		return false;
	for (int32_t i = 0; i < q->n; i++) {
		int32_t item = (int32_t)wire_u32(w), at;

		if (w->bad || item >= 2 * q->pairs || item < -q->decoys)
			return malformed(c);
		at = item < 0 ? 2 * q->pairs - 1 - item : item;
		if (seen[at])
			return malformed(c);
		seen[at] = true;
		q->item[i] = item;
	}
	return true;
}

bool
challenge_read(struct ctx *c, struct str bytes, struct challenge *ret)
{
	struct wire w = { .rest = bytes };
	struct challenge q = { 0 };

	if (bytes.n < HEAD_BYTES || !str_starts(bytes, STR(MAGIC)))
		return malformed(c);
	w.rest.p += sizeof MAGIC - 1;
	w.rest.n -= sizeof MAGIC - 1;
	if (wire_u8(&w) != VERSION)
		return malformed(c);
	q.first = (int32_t)wire_u32(&w);
	q.pairs = (int32_t)wire_u32(&w);
	q.decoys = (int32_t)wire_u32(&w);
	if (q.first < 0 || q.first > KEYSET_PAIRS_MAX || q.pairs < 1 ||
	    q.pairs > KEYSET_PAIRS_MAX - q.first || q.decoys < 0 ||
	    q.decoys > CHALLENGE_PICTURES_MAX - 2 * q.pairs)
		return malformed(c);
	for (size_t i = 0; i < sizeof q.salt.b; i++)
		q.salt.b[i] = wire_u8(&w);
	q.n = 2 * q.pairs + q.decoys;
	if (w.bad || w.rest.n != (size_t)q.n * 4)
		return malformed(c);
	if (!items_get(c, &w, &q) || !sha256(c, bytes, &q.commitment))
		return false;
	*ret = q;
	return true;
}
