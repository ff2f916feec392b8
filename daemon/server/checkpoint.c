/*
 * Checkpoints of the audit: now and then the custodian signs the number, the digest and the time of
 * the audit's last row. Whoever holds the public signing keys can tell later that no row up to
 * there was changed or cut off. A checkpoint is not an audit row, so signing makes no new head.
 */
#include "keys.h"

struct signing {
	struct act act;
	struct checkpoint point;
};

static bool
point_insert(struct ctx *c, struct db *db, struct act *act)
{
	return checkpoint_insert(c, db, &((struct signing *)(void *)act)->point);
}

static bool
checkpoint_run(struct ctx *c, struct keys *k, void *arg)
{
	struct signing s = { .act = { .run = point_insert, .c = c, .unaudited = true } };
	struct checkpoint last;
	bool found;

	(void)arg;
	if (!keys_open(c, k) || !audit_head(c, k->db, &s.point.seq, &s.point.hash) ||
	    !checkpoint_last(c, k->db, &found, &last))
		return false;
	if (s.point.seq == 0 || (found && last.seq == s.point.seq))
		return true;
	s.point.at = c->now();
	return custody_sign_checkpoint(
		   c, k->custody, s.point.seq, &s.point.hash, s.point.at, &s.point.jws) &&
	    store_do(c, k->server->store, &s.act);
}

bool
keys_checkpoint(struct ctx *c, struct keys *k)
{
	return keys_open(c, k) && keys_ask(c, k, checkpoint_run, NULL);
}

/* ---- Verifying --------------------------------------------------------------------------- */

struct claims {
	int64_t seq, at;
	struct str hash;
};
static const struct json_field claim_fields[] = {
	{ "seq", FIELD_NUMBER, offsetof(struct claims, seq), 1, INT64_MAX, true },
	{ "hash", FIELD_BYTES, offsetof(struct claims, hash), 0, sizeof(struct digest256),
	    true },
	{ "at", FIELD_TIME, offsetof(struct claims, at), 0, 0, true },
};

/* The public key that the token names, from the store. */
MUST static bool
key_of(struct ctx *c, struct db *db, struct str jws, struct ec_key **ret)
{
	struct jose_header header;
	struct signing_row *row;
	size_t n;

	if (!jose_peek(c, jws, STR("ES256"), &header) || !signing_list(c, db, &row, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_same(row[i].kid, header.kid))
			return ec_key_from_jwk(c, row[i].jwk, ret);
	return fail(c, E_INTEGRITY, "signed by a key that is not ours");
}

MUST static bool
verify(struct ctx *c, struct db *db, const struct checkpoint *point)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct jose_header header;
	struct claims claims = { 0 };
	struct str payload;

	if (!key_of(c, db, point->jws, &key) ||
	    !jws_verify(c, key, str_of(CHECKPOINT_TYP), point->jws, &header, &payload) ||
	    !json_decode(c, payload, claim_fields, COUNT(claim_fields), &claims))
		return false;
	if (claims.seq != point->seq || claims.at != point->at ||
	    !str_same(
		claims.hash, (struct str){ (const char *)point->hash.b, sizeof point->hash.b }))
		return fail(c, E_INTEGRITY, "the checkpoint says something else than its row");
	return true;
}

bool
keys_checkpoint_verify(struct ctx *c, struct db *db, const struct checkpoint *point)
{
	enum { MEMORY = 256 << 10 };
	owned(arena_free) struct arena *mem = arena_new(MEMORY);
	struct ctx own = *c;
	bool ok;

	own.mem = mem;
	ok = verify(&own, db, point);
	c->err = own.err;
	if (!ok && c->err.code != E_STORE && c->err.code != E_MEMORY)
		c->err.code = E_INTEGRITY; /* whatever is wrong with it, it is no proof */
	return ok;
}
