/*
 * Who holds which token. A token is 256 random bits behind a prefix; the store knows its digest
 * only. What was found is remembered under that digest, in a table of fixed size, until any change
 * to tokens or vendors: then all is forgotten, and a lookup that began before the change does not
 * count. Finding by digest needs no constant-time comparison of the secret itself; the digests are
 * compared in constant time all the same.
 */
#include <pthread.h>
#include <stdio.h>

#include "server.h"

enum { SLOTS = 4096 };

static const struct str prefix = { "hmt_", 4 };

struct slot {
	struct digest256 digest;
	struct principal who;
	uint64_t generation; /* counts only while equal to the authority's */
};

struct authority {
	pthread_rwlock_t lock;
	uint64_t generation;
	struct slot slot[SLOTS];
};

bool
authority_start(struct ctx *c, struct server *s, struct authority **ret)
{
	struct authority *a = calloc(1, sizeof *a);

	(void)s;
	if (a == NULL)
		return fail(c, E_MEMORY, "no memory for tokens");
	pthread_rwlock_init(&a->lock, NULL);
	a->generation = 1;
	*ret = a;
	return true;
}

void
authority_stop(struct authority **a)
{
	if (*a == NULL)
		return;
	pthread_rwlock_destroy(&(*a)->lock);
	free(*a);
	*a = NULL;
}

void
authority_forget(struct authority *a)
{
	pthread_rwlock_wrlock(&a->lock);
	a->generation++;
	pthread_rwlock_unlock(&a->lock);
}

static struct slot *
slot_of(struct authority *a, const struct digest256 *d)
{
	uint32_t at;

	memcpy(&at, d->b, sizeof at);
	return &a->slot[at % SLOTS];
}

/* The remembered holder, and the generation a fresh lookup would belong to. */
static bool
recall(struct authority *a, const struct digest256 *d, struct principal *ret, uint64_t *ret_now)
{
	struct slot *s = slot_of(a, d);
	bool ok;

	pthread_rwlock_rdlock(&a->lock);
	*ret_now = a->generation;
	ok = s->generation == a->generation && digest256_same(&s->digest, d);
	if (ok)
		*ret = s->who;
	pthread_rwlock_unlock(&a->lock);
	return ok;
}

static void
remember(
    struct authority *a, const struct digest256 *d, const struct principal *who, uint64_t since)
{
	pthread_rwlock_wrlock(&a->lock);
	if (a->generation == since)
		*slot_of(a, d) = (struct slot){ *d, *who, since };
	pthread_rwlock_unlock(&a->lock);
}

MUST static bool
look_up(struct ctx *c, struct db *db, const struct digest256 *d, struct principal *ret)
{
	struct token t;
	bool found;

	if (!token_by_digest(c, db, d, &found, &t))
		return false;
	if (!found || t.revoked != 0 || t.vendor_suspended)
		return fail(c, E_AUTH, "the token is not known here");
	*ret = (struct principal){ t.id, t.vendor, t.roles, t.expires };
	return true;
}

bool
authority_check(
    struct ctx *c, struct authority *a, struct db *db, struct str secret, struct principal *ret)
{
	struct principal who;
	struct digest256 d;
	uint64_t now;

	if (secret.n != prefix.n + 43 || !str_starts(secret, prefix))
		return fail(c, E_AUTH, "the token is not known here");
	if (!sha256(c, secret, &d))
		return false;
	if (!recall(a, &d, &who, &now)) {
		if (!look_up(c, db, &d, &who))
			return false;
		remember(a, &d, &who, now);
	}
	if (who.expires != 0 && who.expires <= c->now())
		return fail(c, E_AUTH, "the token is not known here");
	*ret = who;
	return true;
}

bool
token_secret_new(struct ctx *c, struct token_secret *ret, struct digest256 *ret_digest)
{
	struct buf b = { ret->s, 0, sizeof ret->s - 1, false };
	uint8_t bits[32];

	c->random(bits, sizeof bits);
	buf_put(&b, prefix);
	base64url_put(&b, bits, sizeof bits);
	ret->s[b.n] = '\0';
	explicit_bzero(bits, sizeof bits);
	return sha256(c, buf_str(&b), ret_digest);
}
