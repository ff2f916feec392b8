/*
 * Questions for a service that nobody can look into: the pictures of some pairs, those of slots,
 * and decoys, in an order drawn under the challenge's own secret, so that whoever is asked cannot
 * answer keys in one way and everything else in another without looking at what they show.
 *
 * The list of what stands where is kept by the vendor. It is little-endian, without gaps:
 *
 *	"HMCHAL" | version | first | pairs | slots | decoys | the slots' commitment | salt |
 *	an item for each place
 *
 * and its digest, the commitment, fixes it before the service has answered. Without slots their
 * commitment is zero.
 */
#include <stdio.h>

#include "tar.h"
#include "verify.h"

#define MAGIC "HMCHAL"
enum { VERSION = 2, HEAD_BYTES = 6 + 1 + 4 * 4 + 2 * 32 };

/* Those that are no decoys: the items from 0 on. */
static int32_t
asked_of(const struct challenge *q)
{
	return 2 * q->pairs + SLOT_PICTURES * q->slots;
}

bool
challenge_slot(const struct challenge *q, int32_t place, int32_t *ret_slot, int *ret_picture)
{
	int32_t at = q->item[place] - 2 * q->pairs;

	if (at < 0)
		return false;
	*ret_slot = at / SLOT_PICTURES;
	*ret_picture = at % SLOT_PICTURES;
	return true;
}

/* ---- Making ------------------------------------------------------------------------------ */

/* The item that is number i before the order is drawn. */
static int32_t
item_of(const struct challenge *q, uint32_t i)
{
	int32_t asked = asked_of(q);

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

/* A picture that all others are like. */
static const struct image *
model_of(const struct challenge_pool *p)
{
	return p->keys != NULL ? keyset_key(p->keys, 0) : &p->slots->picture[0][0];
}

MUST static bool
same_size(struct ctx *c, const struct image *is, const struct image *one, const char *what)
{
	if (is->width == one->width && is->height == one->height &&
	    is->channels == one->channels)
		return true;
	return fail(c, E_INPUT,
	    "%s is %d x %d x %d, and the others are %d x %d x %d: give samples of the keys' "
	    "size",
	    what, is->width, is->height, is->channels, one->width, one->height, one->channels);
}

MUST static bool
sizes_check(struct ctx *c, const struct challenge_pool *p)
{
	const struct image *one = model_of(p);

	if (p->slots != NULL &&
	    !same_size(c, &p->slots->picture[0][0], one, "a slot's picture"))
		return false;
	for (int i = 0; i < p->decoys; i++)
		if (!same_size(c, &p->decoy[i], one, "a decoy"))
			return false;
	return true;
}

MUST static bool
check(struct ctx *c, const struct challenge_pool *p, int first, int pairs)
{
	int have = p->keys != NULL ? p->keys->pairs : 0;
	int slots = p->slots != NULL ? p->slots->n : 0;

	if (have + slots == 0)
		return fail(c, E_INPUT,
		    "there are neither keys nor slots: there is nothing to be asked");
	if (pairs < (slots == 0) || first < 0 || pairs > have || first > have - pairs)
		return fail(c, E_INPUT,
		    "%d pairs from number %d on, but the key set has %d: ask for fewer, or make "
		    "another watermark",
		    pairs, first, have);
	if (p->decoys < 0 || SLOT_PICTURES * slots > CHALLENGE_PICTURES_MAX - 2 * pairs ||
	    p->decoys > CHALLENGE_PICTURES_MAX - 2 * pairs - SLOT_PICTURES * slots)
		return fail(c, E_INPUT,
		    "%d pairs, %d slots of %d pictures and %d decoys are more than the %d "
		    "pictures of a challenge: ask for fewer",
		    pairs, slots, SLOT_PICTURES, p->decoys, CHALLENGE_PICTURES_MAX);
	return sizes_check(c, p);
}

bool
challenge_make(struct ctx *c, const struct challenge_pool *p, int first, int pairs,
    const struct key256 *secret, struct challenge *ret)
{
	struct challenge q = { .first = first, .pairs = pairs, .decoys = p->decoys };

	if (!check(c, p, first, pairs))
		return false;
	if (p->slots != NULL) {
		q.slots = p->slots->n;
		q.slots_commitment = p->slots->commitment;
	}
	q.n = asked_of(&q) + q.decoys;
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

/* A picture as it is shown: its lowest bits are as random as a key's are. */
MUST static bool
whiten(struct ctx *c, const struct key256 *key, const char *what, uint32_t number,
    const struct image *from, struct str *ret)
{
	owned(bulk_free) struct bulk *plane = NULL;
	size_t n = image_bytes(from);
	uint8_t *bits = take(c, n);
	struct image shown;

	if (bits == NULL || !image_copy(c, from, &shown) ||
	    !bulk_new(c, key, what, number, 0, &plane) || !bulk_read(c, plane, bits, n))
		return false;
	for (size_t i = 0; i < n; i++)
		shown.v[i] = (uint8_t)((shown.v[i] & 0xfe) | (bits[i] & 1));
	return image_png(c, &shown, ret);
}

/* The picture at a place, as a file. */
MUST static bool
picture(struct ctx *c, const struct challenge *q, const struct challenge_pool *p,
    const struct key256 *key, int32_t place, struct str *ret)
{
	int32_t item = q->item[place], slot;
	int k;

	if (item < 0)
		return whiten(
		    c, key, "decoy", (uint32_t)(-1 - item), &p->decoy[-1 - item], ret);
	if (challenge_slot(q, place, &slot, &k))
		return whiten(c, key, "slot", (uint32_t)(item - 2 * q->pairs),
		    &p->slots->picture[slot][k], ret);
	return image_png(c,
	    item % 2 == 0 ? keyset_key(p->keys, q->first + item / 2)
			  : keyset_twin(p->keys, q->first + item / 2),
	    ret);
}

MUST static bool
pictures(struct ctx *c, const struct challenge *q, const struct challenge_pool *p,
    const struct key256 *key, byte_sink *sink, void *arg)
{
	/* Of a picture: its copy, its bits, the file and a copy of that. */
	size_t room = 5 * image_bytes(model_of(p)) + (1 << 20);
	owned(arena_free) struct arena *scratch = arena_new(room);
	struct ctx one = *c;
	char name[16];
	struct str png;

	if (scratch == NULL)
		return fail(c, E_MEMORY, "no memory");
	one.mem = scratch;
	for (int32_t i = 0; i < q->n; i++) {
		snprintf(name, sizeof name, "%05d.png", i + 1);
		if (!picture(&one, q, p, key, i, &png)) {
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
challenge_tar(struct ctx *c, const struct challenge *q, const struct challenge_pool *p,
    const struct key256 *secret, byte_sink *sink, void *arg)
{
	struct key256 key = { { 0 } };
	bool ok;

	if (!check(c, p, q->first, q->pairs) || !prf_subkey(c, secret, "white", &key))
		return false;
	ok = tar_file(c, "README.txt", str_of(readme), sink, arg) &&
	    to_fill_in(c, q, sink, arg) && pictures(c, q, p, &key, sink, arg) &&
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
	wire_put_u32(&b, (uint32_t)q->slots);
	wire_put_u32(&b, (uint32_t)q->decoys);
	buf_put(&b, (struct str){ (const char *)q->slots_commitment.b, sizeof q->salt.b });
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

		if (w->bad || item >= asked_of(q) || item < -q->decoys)
			return malformed(c);
		at = item < 0 ? asked_of(q) - 1 - item : item;
		if (seen[at])
			return malformed(c);
		seen[at] = true;
		q->item[i] = item;
	}
	return true;
}

static void
digest_get(struct wire *w, struct digest256 *ret)
{
	for (size_t i = 0; i < sizeof ret->b; i++)
		ret->b[i] = wire_u8(w);
}

/* Everything before the items. */
MUST static bool
head_get(struct ctx *c, struct wire *w, struct challenge *q)
{
	static const struct digest256 none;

	if (wire_u8(w) != VERSION)
		return malformed(c);
	q->first = (int32_t)wire_u32(w);
	q->pairs = (int32_t)wire_u32(w);
	q->slots = (int32_t)wire_u32(w);
	q->decoys = (int32_t)wire_u32(w);
	digest_get(w, &q->slots_commitment);
	digest_get(w, &q->salt);
	if (w->bad || q->first < 0 || q->first > KEYSET_PAIRS_MAX || q->pairs < 0 ||
	    q->pairs > KEYSET_PAIRS_MAX - q->first || q->slots < 0 || q->slots > SLOTS_MAX ||
	    q->pairs + q->slots == 0 || asked_of(q) > CHALLENGE_PICTURES_MAX || q->decoys < 0 ||
	    q->decoys > CHALLENGE_PICTURES_MAX - asked_of(q) ||
	    (q->slots == 0) != digest256_same(&q->slots_commitment, &none))
		return malformed(c);
	q->n = asked_of(q) + q->decoys;
	return w->rest.n == (size_t)q->n * 4 ? true : malformed(c);
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
	if (!head_get(c, &w, &q) || !items_get(c, &w, &q) || !sha256(c, bytes, &q.commitment))
		return false;
	*ret = q;
	return true;
}
