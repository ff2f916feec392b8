/*
 * How customers prove who they are. A key that was found good is remembered by each thread for
 * itself, until any customer's key changes: then a new generation begins. Whatever a proof fails
 * of, the same work is done: one look at the signature with the key that is remembered (or with
 * any), one question to the store, which finds a customer (the one in question, or his neighbour),
 * one key made of what it found, one more look at the signature. Only then is it a failure.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "proofs.h"

enum {
	SLOTS = 256,
	NONCES = 1 << 20, /* used within five minutes */
	THUMBPRINT = 43,
};

struct proofs {
	_Atomic uint64_t generation;
	struct nonces *nonces;
	struct ec_key *nobody; /* whose private half is gone */
	char nobody_jwk[JWK_MAX];
	size_t nobody_n;
};

struct known {
	struct id id, vendor;
	struct ec_key *key;
	uint64_t generation; /* counts only while equal to that of the proofs */
};

/* ---- What a thread remembers --------------------------------------------------------------- */

static _Atomic uint64_t generations;
static pthread_key_t slots_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
slots_free(void *arg)
{
	struct known *slot = arg;

	for (size_t i = 0; i < SLOTS; i++)
		ec_key_free(&slot[i].key);
	free(slot);
}

static void
make_key(void)
{
	if (pthread_key_create(&slots_key, slots_free) != 0)
		abort();
}

/* The place where this customer would be remembered. */
MUST static bool
slot_of(struct ctx *c, const struct id *id, struct known **ret)
{
	struct known *slots;
	size_t at = 0;

	pthread_once(&once, make_key);
	slots = pthread_getspecific(slots_key);
	if (slots == NULL) {
		slots = calloc(SLOTS, sizeof *slots);
		if (slots == NULL || pthread_setspecific(slots_key, slots) != 0) {
			free(slots);
			return fail(c, E_MEMORY, "no memory for customers");
		}
	}
	for (const char *p = id->s; *p != '\0'; p++)
		at = at * 31 + (unsigned char)*p;
	*ret = &slots[at % SLOTS];
	return true;
}

/* ---- Start and stop ------------------------------------------------------------------------ */

MUST static bool
nobody_make(struct ctx *c, struct proofs *p)
{
	owned(ec_key_free) struct ec_key *pair = NULL;
	struct buf b = BUF(p->nobody_jwk);

	if (!ec_key_generate(c, &pair) || !ec_key_public(c, pair, &p->nobody))
		return false;
	ec_key_to_jwk(&b, p->nobody);
	p->nobody_n = b.n;
	return buf_ok(c, &b);
}

bool
proofs_start(struct ctx *c, struct server *s, struct proofs **ret)
{
	owned(proofs_stop) struct proofs *p = calloc(1, sizeof *p);

	(void)s;
	if (p == NULL)
		return fail(c, E_MEMORY, "no memory for proofs");
	proofs_forget(p);
	if (!nonces_start(c, NONCES, &p->nonces) || !nobody_make(c, p))
		return false;
	*ret = steal(p);
	return true;
}

void
proofs_stop(struct proofs **p)
{
	if (*p == NULL)
		return;
	nonces_stop(&(*p)->nonces);
	ec_key_free(&(*p)->nobody);
	free(*p);
	*p = NULL;
}

void
proofs_forget(struct proofs *p)
{
	p->generation = atomic_fetch_add(&generations, 1) + 1;
}

/* ---- Nonces ---------------------------------------------------------------------------------- */

bool
proof_fresh(struct ctx *c, struct request *rq)
{
	return nonce_new(c, rq->server->proofs->nonces, clock_monotonic(), rq->nonce);
}

bool
proof_use(struct ctx *c, struct request *rq, const struct proven *p)
{
	if (nonce_use(c, rq->server->proofs->nonces, &p->nonce))
		return true;
	if (c->err.name != NULL)
		rq->act.audit.detail = STR("{\"alarm\":true}");
	return false;
}

/* ---- Proofs ---------------------------------------------------------------------------------- */

bool
proof_header(struct request *rq, struct str *ret)
{
	static const char scheme[] = PROOF_SCHEME " ";
	struct str h = request_header(rq, "Authorization");
	size_t n = sizeof scheme - 1;

	if (h.n < n || strncasecmp(h.p, scheme, n) != 0)
		return false;
	*ret = (struct str){ h.p + n, h.n - n };
	return true;
}

MUST static bool
refuse(struct ctx *c)
{
	return fail(c, E_AUTH, "the proof is not good here");
}

/* Whatever is wrong with it is one thing to whoever sent it; only our own troubles are others. */
MUST static bool
refuse_if_wrong(struct ctx *c)
{
	return c->err.code == E_MEMORY || c->err.code == E_CRYPTO ? false : refuse(c);
}

/* Signed by the key: but for this request, and with a nonce of ours? */
MUST static bool
fits(struct ctx *c, struct request *rq, const struct proof *p, const struct ec_key *key,
    struct proven *ret)
{
	struct nonce nonce;

	if (!str_same(p->method, rq->method) || !str_same(p->path, rq->target))
		return refuse(c);
	if (!nonce_read(c, rq->server->proofs->nonces, clock_monotonic(), p->nonce, &nonce))
		return false;
	*ret = (struct proven){ nonce, p->nonce, p->body, ec_key_thumbprint(key) };
	return true;
}

bool
proof_by(struct ctx *c, struct request *rq, const struct ec_key *key, struct str jws,
    struct proven *ret)
{
	struct proof p;

	if (!proof_read(c, key, jws, &p))
		return refuse_if_wrong(c);
	return fits(c, rq, &p, key, ret);
}

/* The customer's key, or another's, of whom nothing but the key is told. */
MUST static bool
look_up(struct ctx *c, struct proofs *p, struct db *db, struct str id, struct known *ret)
{
	struct known k = { 0 };
	struct customer_row row;
	bool found;

	if (!customer_or_neighbour(c, db, id, &found, &row))
		return false;
	if (!found || row.jwk.n == 0)
		row.jwk = (struct str){ p->nobody_jwk, p->nobody_n };
	else if (str_same(str_of(row.id.s), id))
		k.id = row.id, k.vendor = row.vendor;
	if (!ec_key_from_jwk(c, row.jwk, &k.key))
		return false;
	*ret = k;
	return true;
}

/* By the key that is remembered, which is any if there is none; then by the one in the store. */
MUST static bool
signed_by(struct ctx *c, struct request *rq, struct db *db, const struct id *id, struct str jws,
    struct known **ret_slot, struct proof *ret)
{
	struct proofs *p = rq->server->proofs;
	uint64_t now = p->generation;
	struct known *slot, k;
	bool known;

	if (!slot_of(c, id, &slot))
		return false;
	known = slot->generation == now && strcmp(slot->id.s, id->s) == 0;
	*ret_slot = slot;
	if (proof_read(c, slot->key != NULL ? slot->key : p->nobody, jws, ret) && known)
		return true;
	if (!look_up(c, p, db, str_of(id->s), &k))
		return false;
	if (!proof_read(c, k.key, jws, ret) || k.id.s[0] == '\0') {
		ec_key_free(&k.key);
		return refuse_if_wrong(c);
	}
	ec_key_free(&slot->key);
	*slot = k;
	slot->generation = now;
	c->err = (struct err){ 0 };
	return true;
}

MUST static bool
thumbprint_text(struct ctx *c, const struct digest256 *d, struct str *ret)
{
	struct buf b;

	if (!take_buf(c, THUMBPRINT, &b))
		return false;
	base64url_put(&b, d->b, sizeof d->b);
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

bool
proof_check(
    struct ctx *c, struct request *rq, struct db *db, struct str jws, struct proven *ret)
{
	struct known *k;
	struct proof p;
	struct str kid;
	struct id id;

	if (!proof_peek(c, jws, &kid) || !id_parse(c, kid, "cus", &id))
		return refuse_if_wrong(c);
	if (!signed_by(c, rq, db, &id, jws, &k, &p) || !fits(c, rq, &p, k->key, ret) ||
	    !thumbprint_text(c, &ret->key, &rq->secret))
		return false;
	rq->who =
	    (struct principal){ .id = k->id, .vendor = k->vendor, .roles = ROLE_CUSTOMER };
	return true;
}

bool
proof_body(struct ctx *c, const struct request *rq, const struct proven *p)
{
	struct digest256 d;

	if (!sha256(c, rq->body, &d))
		return false;
	return digest256_same(&d, &p->body) ? true : refuse(c);
}
