/*
 * A nonce is 16 random bytes, the time until which it is good, and the first half of an HMAC of
 * both. Those that were used stand in one of two tables, by the span of NONCE_LIFE_MS in which they
 * end: whatever may still be used ends in this span or in the next, so that a table is emptied when
 * its third span begins, and nothing in it can come back. The random bytes being ours, eight of
 * them tell one nonce from another and say where in the table it stands.
 */
#include <pthread.h>

#include "crypto.h"
#include "nonces.h"

enum { RANDOM = 16, UNTIL = 8, MAC = 16, SIZE = RANDOM + UNTIL + MAC };

struct used {
	int64_t span; /* which; -1: none yet */
	size_t n;
	uint64_t *number; /* twice as many places as numbers, by open addressing; 0: free */
};

struct nonces {
	struct key256 key;
	int64_t shift; /* of the times in the texts: how long we run is nobody's business */
	size_t most;
	pthread_mutex_t lock; /* of `used` */
	struct used used[2];
};

bool
nonces_start(struct ctx *c, size_t most, struct nonces **ret)
{
	struct nonces *n = calloc(1, sizeof *n);

	if (n == NULL)
		return fail(c, E_MEMORY, "no memory for nonces");
	c->random(n->key.b, sizeof n->key.b);
	c->random(&n->shift, sizeof n->shift);
	n->shift &= INT64_MAX >> 8;
	n->most = most;
	n->used[0].span = n->used[1].span = -1;
	pthread_mutex_init(&n->lock, NULL);
	*ret = n;
	return true;
}

void
nonces_stop(struct nonces **n)
{
	if (*n == NULL)
		return;
	pthread_mutex_destroy(&(*n)->lock);
	free((*n)->used[0].number);
	free((*n)->used[1].number);
	key256_done(&(*n)->key);
	free(*n);
	*n = NULL;
}

/* ---- Texts ------------------------------------------------------------------------------- */

MUST static bool
mac(struct ctx *c, const struct nonces *n, struct str said, struct digest256 *ret)
{
	return hmac_sha256(
	    c, (struct str){ (const char *)n->key.b, sizeof n->key.b }, said, ret);
}

bool
nonce_new(struct ctx *c, struct nonces *n, int64_t now, char ret[NONCE_TEXT])
{
	struct buf b = { ret, 0, NONCE_TEXT - 1, false };
	uint8_t random[RANDOM];
	char bytes[SIZE];
	struct buf raw = BUF(bytes);
	struct digest256 d;

	c->random(random, sizeof random);
	random[0] |= 1;
	buf_put(&raw, (struct str){ (const char *)random, sizeof random });
	wire_put_u64(&raw, (uint64_t)(now + NONCE_LIFE_MS + n->shift));
	if (!mac(c, n, buf_str(&raw), &d))
		return false;
	buf_put(&raw, (struct str){ (const char *)d.b, MAC });
	base64url_put(&b, bytes, sizeof bytes);
	ret[b.n] = '\0';
	return true;
}

MUST static bool
wanted(struct ctx *c)
{
	return fail_named(c, E_AUTH, "NONCE_WANTED",
	    "this nonce is not, or no longer, good here: sign again, with a fresh one");
}

bool
nonce_read(
    struct ctx *c, const struct nonces *n, int64_t now, struct str text, struct nonce *ret)
{
	struct digest256 told = { 0 }, is = { 0 };
	struct nonce one;
	struct str raw;
	struct wire w;

	if (!base64url_decode(c, text, &raw) || raw.n != SIZE)
		return wanted(c);
	if (!mac(c, n, (struct str){ raw.p, RANDOM + UNTIL }, &is))
		return false;
	memset(is.b + MAC, 0, sizeof is.b - MAC);
	memcpy(told.b, raw.p + RANDOM + UNTIL, MAC);
	if (!digest256_same(&told, &is))
		return wanted(c);
	w = (struct wire){ .rest = { raw.p, RANDOM + UNTIL } };
	one.number = wire_u64(&w);
	(void)wire_u64(&w);
	one.until = (int64_t)wire_u64(&w) - n->shift;
	if (now >= one.until)
		return wanted(c);
	*ret = one;
	return true;
}

/* ---- Those that were used ---------------------------------------------------------------- */

/* The table of this span, emptied if it was another's. */
MUST static bool
table(struct ctx *c, struct nonces *n, int64_t span, struct used **ret)
{
	struct used *u = &n->used[span % 2];

	if (u->span > span)
		return wanted(c);
	if (u->span < span) {
		free(u->number);
		*u = (struct used){ .span = -1, .number = NULL };
		u->number = calloc(2 * n->most, sizeof *u->number);
		if (u->number == NULL)
			return fail(c, E_MEMORY, "no memory for nonces");
		u->span = span;
	}
	*ret = u;
	return true;
}

MUST static bool
insert(struct ctx *c, const struct nonces *n, struct used *u, uint64_t number)
{
	size_t mask = 2 * n->most - 1, at = number >> 8 & mask;

	for (; u->number[at] != 0; at = (at + 1) & mask)
		if (u->number[at] == number)
			return fail_named(c, E_AUTH, "NONCE_REUSED",
			    "this nonce was used before: sign again, with a fresh one; "
			    "if that was not you, somebody repeats your requests");
	if (u->n == n->most)
		return fail(c, E_BUSY, "too many requests within five minutes");
	u->number[at] = number;
	u->n++;
	return true;
}

bool
nonce_use(struct ctx *c, struct nonces *n, const struct nonce *one)
{
	struct used *u;
	bool ok;

	pthread_mutex_lock(&n->lock);
	ok = table(c, n, one->until / NONCE_LIFE_MS, &u) && insert(c, n, u, one->number);
	pthread_mutex_unlock(&n->lock);
	return ok;
}
