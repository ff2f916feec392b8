/*
 * Who holds which token. A token is 256 random bits behind a prefix; the store knows its digest
 * only. What was found is remembered under that digest by each thread for itself, in a table of
 * fixed size, until any change to tokens or vendors: then a new generation begins, and what an
 * older one has looked up does not count. Finding by digest needs no constant-time comparison of
 * the secret itself; the digests are compared in constant time all the same.
 */
#include <stdatomic.h>

#include "server.h"

enum { SLOTS = 256 };

static const struct str prefix = { TOKEN_PREFIX, sizeof TOKEN_PREFIX - 1 };

struct slot {
	struct digest256 digest;
	struct principal who;
	uint64_t generation; /* counts only while equal to the authority's */
};

struct authority {
	_Atomic uint64_t generation;
};

/* Never the same twice in this process. */
static _Atomic uint64_t generations;
static _Thread_local struct slot slots[SLOTS];

bool
authority_start(struct ctx *c, struct server *s, struct authority **ret)
{
	struct authority *a = calloc(1, sizeof *a);

	(void)s;
	if (a == NULL)
		return fail(c, E_MEMORY, "no memory for tokens");
	authority_forget(a);
	*ret = a;
	return true;
}

void
authority_stop(struct authority **a)
{
	free(*a);
	*a = NULL;
}

void
authority_forget(struct authority *a)
{
	a->generation = atomic_fetch_add(&generations, 1) + 1;
}

static struct slot *
slot_of(const struct digest256 *d)
{
	uint32_t at;

	memcpy(&at, d->b, sizeof at);
	return &slots[at % SLOTS];
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

static bool
lives(const struct ctx *c, const struct principal *who)
{
	return who->expires == 0 || who->expires > c->now();
}

/* Whatever a token fails of, the store was asked once. */
bool
authority_check(
    struct ctx *c, struct authority *a, struct db *db, struct str secret, struct principal *ret)
{
	uint64_t now = a->generation;
	struct principal who;
	struct digest256 d;
	struct slot *s;

	if (secret.n != prefix.n + 43 || !str_starts(secret, prefix))
		return fail(c, E_AUTH, "the token is not known here");
	if (!sha256(c, secret, &d))
		return false;
	s = slot_of(&d);
	if (s->generation == now && digest256_same(&s->digest, &d) && lives(c, &s->who)) {
		*ret = s->who;
		return true;
	}
	if (!look_up(c, db, &d, &who))
		return false;
	if (!lives(c, &who))
		return fail(c, E_AUTH, "the token is not known here");
	*s = (struct slot){ d, who, now };
	*ret = who;
	return true;
}

bool
authority_holds(struct ctx *c, struct db *db, const struct principal *who)
{
	struct str vendor = str_of(who->vendor.s);
	struct vendor v;
	struct token t;

	if (!vendor_by_id(c, db, vendor, &v) ||
	    !token_by_id(c, db, vendor, str_of(who->id.s), &t))
		return false;
	if (v.suspended || t.revoked != 0 || (t.expires != 0 && t.expires <= c->now()))
		return fail(c, E_AUTH, "the token is not known here");
	return true;
}

bool
token_secret_new(
    struct ctx *c, const char *kind, struct token_secret *ret, struct digest256 *ret_digest)
{
	struct buf b = { ret->s, 0, sizeof ret->s - 1, false };
	uint8_t bits[32];

	c->random(bits, sizeof bits);
	buf_put(&b, str_of(kind));
	base64url_put(&b, bits, sizeof bits);
	ret->s[b.n] = '\0';
	explicit_bzero(bits, sizeof bits);
	return sha256(c, buf_str(&b), ret_digest);
}
