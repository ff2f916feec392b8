/*
 * Unlock keys: what the custodian needs to make one is read here. The release's secret and the list
 * of its locked parameters go as they lie in the store and in the vault, sealed; this process opens
 * neither.
 */
#include "blobs.h"
#include "keys.h"

enum { LOCK_ADVPARAMS = 1, TRIES = 3 };

struct ingredients {
	struct vendor_key_row vendor, entries_vendor;
	struct data_key_row secret, entries_key;
	char aad[64];
};

/* The sealed list of locked parameters, if that lock is on it. */
MUST static bool
entries_open(struct ctx *c, struct db *db, const struct release_row *r, struct ingredients *in,
    struct custody_unlock *u, int *ret_fd)
{
	struct buf aad = BUF(in->aad);
	struct blob_row blob;
	bool found;

	if ((r->locks & LOCK_ADVPARAMS) == 0)
		return true;
	if (!blob_find(c, db, str_of(r->id.s), STR("entries"), &found, &blob))
		return false;
	if (!found)
		return fail(c, E_INTEGRITY, "the release's list of locked parameters is gone");
	u->entries_aad = blob_aad(&aad, &blob.id);
	u->entries_vendor = &in->entries_vendor;
	u->entries_key = &in->entries_key;
	return keys_rows(
		   c, db, str_of(blob.data_key.s), &in->entries_key, &in->entries_vendor) &&
	    blob_file_open(c, &blob.id, false, ret_fd);
}

MUST static bool
make(struct ctx *c, struct keys *k, struct db *db, const struct keys_unlock *wanted, int out,
    uint64_t *ret_bytes)
{
	const struct release_row *r = wanted->release;
	owned(fd_done) int entries = -1;
	struct ingredients in = { 0 };
	struct custody_unlock u = {
		.vendor = &in.vendor,
		.secret = &in.secret,
		.release = str_of(r->id.s),
		.license = wanted->license,
		.customer = wanted->customer,
		.locks = r->locks,
		.log_l = r->log_l,
		.kappa = r->kappa,
		.issued = wanted->issued,
		.expires = wanted->expires,
		.artifact = r->artifact,
		.plain = r->plain,
		.jwk = wanted->jwk,
		.wrap = wanted->wrap,
	};

	if (!keys_rows(c, db, str_of(r->key.s), &in.secret, &in.vendor) ||
	    !entries_open(c, db, r, &in, &u, &entries))
		return false;
	u.entries = entries;
	return custody_unlock_key(c, k->custody, &u, out, ret_bytes);
}

bool
keys_unlock_key(struct ctx *c, struct keys *k, struct db *db, const struct keys_unlock *wanted,
    int out, uint64_t *ret_bytes)
{
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	if (wanted->release->state != RELEASE_READY)
		return fail(c, E_CONFLICT, "release %s is not ready", wanted->release->id.s);
	/* A rotation may replace a row between its reading and its use: then the newer is used. */
	for (unsigned i = 0; i < TRIES; i++) {
		if (make(c, k, db, wanted, out, ret_bytes))
			return true;
		if (c->err.code == E_PEER)
			keys_doubt(k, life);
		if (c->err.code != E_INTEGRITY)
			return false;
	}
	return false;
}
