/*
 * What administrators do to the keys: init, unseal, seal. The keeper runs each of these while the
 * administrator waits, so that they meet neither each other nor the custodian's restart; each
 * leaves one audit row, however it ends.
 */
#include <stdio.h>

#include "keys.h"

static const char unsealed_once[] = "unsealed";

MUST static bool
was_unsealed(struct ctx *c, struct keys *k, bool *ret)
{
	struct str value;

	return setting_get(c, k->db, str_of(unsealed_once), ret, &value);
}

/* ---- init -------------------------------------------------------------------------------- */

struct init {
	struct act act;
	const struct audit_entry *who;
	unsigned n, k;
	bool final; /* no second init: the root key is not handed out, so it cannot be lost */
	struct custody_birth birth;
	struct shares *ret;
};

static bool
init_insert(struct ctx *c, struct db *db, struct act *act)
{
	struct init *init = (struct init *)(void *)act;

	return keyring_clear(c, db) && keyring_insert(c, db, &init->birth.keyring) &&
	    signing_insert(c, db, &init->birth.signing) &&
	    (!init->final || setting_put(c, db, str_of(unsealed_once), STR("yes")));
}

MUST static bool
init_allowed(struct ctx *c, struct keys *k, const struct init *init)
{
	bool used;

	if (!k->shares && (init->n > 0 || init->k > 0))
		return fail_at(c, E_INPUT, "/shares",
		    "the root key does not come as shares: none can be handed out");
	if (k->shares && init->n == 0)
		return fail_at(
		    c, E_INPUT, "/shares", "how many shares, and how many of them open");
	if (!was_unsealed(c, k, &used))
		return false;
	if (used)
		return fail(c, E_CONFLICT, "the keys were made already, and have been used");
	if (!k->alive)
		return fail(c, E_PEER, "the custodian is not there");
	return true;
}

static bool
init_run(struct ctx *c, struct keys *k, void *arg)
{
	struct init *init = arg;
	struct shares shares = { .n = 0 };
	char detail[64];
	struct buf b = BUF(detail);

	if (!init_allowed(c, k, init) ||
	    !custody_init(c, k->custody, init->k, init->n, &init->birth))
		return keys_account(c, k, init->who, STR(""), false);
	init->final = !k->shares;
	buf_printf(&b, "{\"shares\":%u,\"needed\":%u}", init->n, init->k);
	init->act = (struct act){ .run = init_insert, .c = c, .audit = *init->who };
	init->act.audit.detail = buf_str(&b);
	if (!store_do(c, k->server->store, &init->act) || !keys_load(c, k)) {
		custody_birth_done(&init->birth);
		return false;
	}
	for (; shares.n < init->birth.shares; shares.n++)
		shares.v[shares.n] = init->birth.share[shares.n];
	*init->ret = shares;
	return true;
}

bool
keys_init(struct ctx *c, struct keys *k, const struct audit_entry *who, unsigned n,
    unsigned k_of_n, struct shares *ret)
{
	struct init init = { .who = who, .n = n, .k = k_of_n, .ret = ret };

	return keys_ask(c, k, init_run, &init);
}

/* ---- unseal ------------------------------------------------------------------------------ */

struct unseal {
	struct act act;
	const struct audit_entry *who;
	struct str share;
};

static bool
unsealed_put(struct ctx *c, struct db *db, struct act *act)
{
	(void)act;
	return setting_put(c, db, str_of(unsealed_once), STR("yes"));
}

/* The root key's source is read again, by a new custodian. */
MUST static bool
unseal_again(struct ctx *c, struct keys *k)
{
	if (k->shares)
		return fail_at(c, E_INPUT, "/share", "a share is needed");
	k->held = false;
	keys_revive(k);
	if (k->is == KEYS_OPEN)
		return true;
	return fail(c, E_SEALED, "still sealed: %.150s", k->reason);
}

MUST static bool
unseal_share(struct ctx *c, struct keys *k, struct str share)
{
	struct custody_status status;

	if (!k->shares)
		return fail_at(
		    c, E_INPUT, "/share", "the root key does not come as shares: give none");
	if (!k->alive)
		return fail(c, E_PEER, "the custodian is not there");
	if (!custody_unseal_share(c, k->custody, share, &status)) {
		if (c->err.code == E_INTEGRITY)
			k->have = k->need = 0;
		return false;
	}
	k->have = status.have;
	k->need = status.need;
	k->held = false;
	if (status.state != CUSTODY_ROOT)
		return true;
	if (keys_load(c, k))
		return true;
	k->have = k->need = 0;
	return false;
}

static bool
unseal_run(struct ctx *c, struct keys *k, void *arg)
{
	struct unseal *u = arg;
	char detail[64];
	struct buf b = BUF(detail);
	bool ok;

	if (k->is == KEYS_UNINITIALISED)
		ok = fail(c, E_UNINITIALISED, "no keys yet: run init first");
	else if (k->is == KEYS_OPEN)
		ok = fail(c, E_CONFLICT, "the keys are open already");
	else
		ok = u->share.n == 0 ? unseal_again(c, k) : unseal_share(c, k, u->share);
	if (!ok)
		return keys_account(c, k, u->who, STR(""), false);
	if (k->is != KEYS_OPEN) {
		buf_printf(&b, "{\"have\":%u,\"need\":%u}", k->have, k->need);
		return keys_account(c, k, u->who, buf_str(&b), true);
	}
	log_event(LOG_LEVEL_INFO, c->tag, "keys-open", "keyring=%lld", (long long)k->keyring);
	u->act = (struct act){ .run = unsealed_put, .c = c, .audit = *u->who };
	u->act.audit.detail = STR("{\"open\":true}");
	return store_do(c, k->server->store, &u->act);
}

bool
keys_unseal(struct ctx *c, struct keys *k, const struct audit_entry *who, struct str share)
{
	struct unseal u = { .who = who, .share = share };

	return keys_ask(c, k, unseal_run, &u);
}

/* ---- seal -------------------------------------------------------------------------------- */

static bool
seal_run(struct ctx *c, struct keys *k, void *arg)
{
	const struct audit_entry *who = arg;

	if (k->is == KEYS_UNINITIALISED)
		return keys_account(c, k, who, STR(""),
		    fail(c, E_UNINITIALISED, "no keys yet: there is nothing to seal"));
	keys_say(k, KEYS_SEALED);
	k->held = true;
	k->have = k->need = 0;
	keys_reason(k, "sealed by an administrator");
	log_event(LOG_LEVEL_WARNING, c->tag, "keys-sealed", "by=%s", log_quote(who->actor));
	if (k->alive && !custody_seal(c, k->custody)) {
		c->err = (struct err){ 0 };
		keys_revive(k); /* which ends the old one, keys and all */
	}
	return keys_account(c, k, who, STR(""), true);
}

bool
keys_seal(struct ctx *c, struct keys *k, const struct audit_entry *who)
{
	struct audit_entry copy = *who;

	return keys_ask(c, k, seal_run, &copy);
}
