/*
 * Rotation: everything that is sealed under an older keyring key is sealed anew under the newest,
 * while the daemon serves. The rows alone say how far it is, so that a kill at any moment costs
 * nothing: more than one keyring row means that a rotation is under way, and a row that is sealed
 * under an older one is what is left to do. Step by step:
 *
 *	a new keyring row, loaded beside the old ones: from here on everything new is under it
 *	each signing key, sealed anew
 *	for each vendor a new vendor key: from here on everything new of the vendor is under it
 *	a moment in which those who sealed under an older one get their rows into the store
 *	for each older vendor key: its data keys moved, some at a time; then it is gone
 *	the old keyring rows gone, and the custodian loaded without them
 */
#include "keys.h"

enum {
	BATCH = 256,  /* data keys in one act */
	MOMENT = 50,  /* ms of rotation between two looks at what else there is to do */
	GRACE = 1000, /* ms for acts that were prepared with an older vendor key */
	PAUSE = 2000, /* ms after a step that failed */
};

/* An act of the rotation; it is bookkeeping, but for the first and the last. */
struct move {
	struct act act;
	struct keyring_row *keyring;
	struct signing_row *signing;
	struct vendor_key_row *vendor;
	struct data_key_row *data;
	size_t n; /* data keys, or keyring rows */
	char detail[96];
};

MUST static bool
move_do(struct ctx *c, struct keys *k, struct move *m,
    bool (*run)(struct ctx *, struct db *, struct act *))
{
	m->act.run = run;
	m->act.c = c;
	m->act.unaudited = m->act.audit.action.n == 0;
	return store_do(c, k->server->store, &m->act);
}

bool
rotation_look(struct ctx *c, struct keys *k)
{
	struct keyring_row *row;
	int64_t older, all;
	size_t n;

	if (!keyring_list(c, k->db, &row, &n))
		return false;
	k->rotating = n > 1;
	k->rotate_at = n > 1 ? clock_monotonic() : 0;
	k->keyring = n > 0 ? row[n - 1].version : 0;
	if (n < 2)
		return true;
	if (!sealed_count(c, k->db, row[n - 1].version, &older, &all))
		return false;
	k->rotated = all - older;
	k->to_rotate = all;
	return true;
}

/* ---- The first step ---------------------------------------------------------------------- */

static bool
begin_insert(struct ctx *c, struct db *db, struct act *act)
{
	return keyring_insert(c, db, ((struct move *)(void *)act)->keyring);
}

MUST static bool
begin(struct ctx *c, struct keys *k, const struct audit_entry *who, bool *ret_accounted)
{
	struct keyring_row row;
	struct move m = { .act.audit = *who, .keyring = &row };
	struct buf b = BUF(m.detail);

	if (k->is == KEYS_UNINITIALISED)
		return fail(c, E_UNINITIALISED, "no keys yet: there is nothing to rotate");
	if (k->is != KEYS_OPEN)
		return fail(c, E_SEALED, "the keys are sealed");
	if (k->rotating)
		return fail(c, E_CONFLICT, "a rotation is under way");
	if (!custody_rotate_begin(c, k->custody, &row))
		return false;
	buf_printf(&b, "{\"keyring\":%lld}", (long long)row.version);
	m.act.audit.detail = buf_str(&b);
	*ret_accounted = true;
	if (!move_do(c, k, &m, begin_insert))
		return false;
	log_event(
	    LOG_LEVEL_INFO, c->tag, "rotation-begun", "keyring=%lld", (long long)row.version);
	return keys_load(c, k);
}

static bool
rotate_run(struct ctx *c, struct keys *k, void *arg)
{
	const struct audit_entry *who = arg;
	bool accounted = false;
	bool ok = begin(c, k, who, &accounted);

	return accounted ? ok : keys_account(c, k, who, STR(""), ok);
}

bool
keys_rotate(struct ctx *c, struct keys *k, const struct audit_entry *who)
{
	struct audit_entry copy = *who;

	return keys_ask(c, k, rotate_run, &copy);
}

/* ---- Signing keys ------------------------------------------------------------------------ */

static bool
signing_move(struct ctx *c, struct db *db, struct act *act)
{
	return signing_reseal(c, db, ((struct move *)(void *)act)->signing);
}

MUST static bool
signing_step(struct ctx *c, struct keys *k, int64_t newest, bool *ret_moved)
{
	struct signing_row *row, sealed;
	struct move m = { .signing = &sealed };
	size_t n;

	if (!signing_list(c, k->db, &row, &n))
		return false;
	*ret_moved = false;
	for (size_t i = 0; i < n; i++) {
		if (row[i].keyring >= newest)
			continue;
		if (!custody_signing_reseal(c, k->custody, &row[i], &sealed) ||
		    !move_do(c, k, &m, signing_move))
			return false;
		k->rotated++;
		*ret_moved = true;
	}
	return true;
}

/* ---- Vendor keys and what they seal ------------------------------------------------------ */

static bool
vendor_insert_new(struct ctx *c, struct db *db, struct act *act)
{
	return vendor_key_insert(c, db, ((struct move *)(void *)act)->vendor);
}

static bool
vendor_drop(struct ctx *c, struct db *db, struct act *act)
{
	struct vendor_key_row *row = ((struct move *)(void *)act)->vendor;

	return vendor_key_delete(c, db, str_of(row->vendor.s), row->version);
}

static bool
data_move(struct ctx *c, struct db *db, struct act *act)
{
	struct move *m = (struct move *)(void *)act;

	for (size_t i = 0; i < m->n; i++) {
		if (data_key_reseal(c, db, &m->data[i]))
			continue;
		if (c->err.code != E_ABSENT) /* deleted meanwhile, with its object */
			return false;
		c->err = (struct err){ 0 };
	}
	return true;
}

/* A new key for a vendor whose newest is sealed under an older keyring. */
MUST static bool
vendor_renew(struct ctx *c, struct keys *k, const struct vendor_key_row *old)
{
	struct vendor_key_row fresh;
	struct move m = { .vendor = &fresh };

	if (!custody_vendor_key_new(c, k->custody, old->vendor, old->version + 1, &fresh) ||
	    !move_do(c, k, &m, vendor_insert_new))
		return false;
	k->settled_at = clock_monotonic() + GRACE;
	return true;
}

/* One vendor key that is sealed under an older keyring: some of its data keys, or itself. */
MUST static bool
vendor_step(struct ctx *c, struct keys *k, struct vendor_key_row *old)
{
	struct str vendor = str_of(old->vendor.s);
	struct vendor_key_row now;
	struct data_key_row *row;
	struct move m = { 0 };

	if (!vendor_key_current(c, k->db, vendor, &now))
		return false;
	if (!data_key_list_version(c, k->db, vendor, old->version, BATCH, &row, &m.n))
		return false;
	if (m.n > 0) {
		if (!custody_data_key_rewrap(c, k->custody, old, &now, row, m.n, &m.data) ||
		    !move_do(c, k, &m, data_move))
			return false;
		k->rotated += (int64_t)m.n;
		return true;
	}
	m.vendor = old;
	if (!move_do(c, k, &m, vendor_drop)) {
		if (c->err.code != E_CONFLICT) /* a data key came meanwhile: next time */
			return false;
		c->err = (struct err){ 0 };
		return true;
	}
	k->rotated += 1;
	return true;
}

/* ---- The last step ----------------------------------------------------------------------- */

static bool
keyring_drop(struct ctx *c, struct db *db, struct act *act)
{
	struct move *m = (struct move *)(void *)act;

	for (size_t i = 0; i + 1 < m->n; i++)
		if (!keyring_delete(c, db, m->keyring[i].version))
			return false;
	return true;
}

MUST static bool
finish(struct ctx *c, struct keys *k, struct keyring_row *row, size_t n)
{
	struct move m = {
		.act.audit = { .actor = STR("system"), .action = STR("keys.rotated") },
		.keyring = row,
		.n = n,
	};
	struct buf b = BUF(m.detail);
	int64_t newest = row[n - 1].version, older, all;

	if (!sealed_count(c, k->db, newest, &older, &all))
		return false;
	buf_printf(&b, "{\"keyring\":%lld,\"keys\":%lld}", (long long)newest, (long long)all);
	m.act.audit.detail = buf_str(&b);
	if (!move_do(c, k, &m, keyring_drop) || !keys_load(c, k))
		return false;
	log_event(LOG_LEVEL_INFO, c->tag, "rotation-finished", "keyring=%lld keys=%lld",
	    (long long)newest, (long long)all);
	return true;
}

/* ---- Going on ---------------------------------------------------------------------------- */

MUST static bool
step(struct ctx *c, struct keys *k)
{
	struct keyring_row *row;
	struct vendor_key_row old;
	bool found;
	int64_t newest;
	size_t n;

	if (!keyring_list(c, k->db, &row, &n))
		return false;
	if (n < 2)
		return keys_load(c, k);
	newest = row[n - 1].version;
	if (!signing_step(c, k, newest, &found))
		return false;
	if (found)
		return true;
	if (!vendor_key_behind(c, k->db, newest, &found, &old))
		return false;
	if (found)
		return vendor_renew(c, k, &old);
	if (clock_monotonic() < k->settled_at) {
		k->rotate_at = k->settled_at;
		return true;
	}
	if (!vendor_key_older(c, k->db, newest, &found, &old))
		return false;
	return found ? vendor_step(c, k, &old) : finish(c, k, row, n);
}

void
rotation_go_on(struct ctx *c, struct keys *k)
{
	int64_t now = clock_monotonic(), until = now + MOMENT;

	while (k->state == KEYS_OPEN && k->rotating && k->rotate_at <= now && now < until) {
		arena_reset(c->mem);
		if (!step(c, k)) {
			log_failure(c, "rotation-step-failed");
			if (c->err.code == E_PEER)
				keys_doubt(k, k->life);
			k->rotate_at = clock_monotonic() + PAUSE;
			c->err = (struct err){ 0 };
		}
		now = clock_monotonic();
	}
}
