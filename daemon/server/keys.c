/*
 * The uses of keys: what requests and jobs ask of the custodian while it is open. The sealed rows
 * are read here, in the caller's thread, and travel with the request. A rotation may replace a row
 * between the reading and the use; then the newer row is read and used. A custodian that does not
 * answer is doubted: everybody is refused at once until the keeper has looked after it.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "keys.h"

enum { ROW_TRIES = 4 };

enum keys_state
keys_state(const struct keys *k)
{
	return (enum keys_state)k->state;
}

bool
keys_open(struct ctx *c, const struct keys *k)
{
	switch (keys_state(k)) {
	case KEYS_UNINITIALISED:
		return fail(c, E_UNINITIALISED, "no keys yet: an administrator must run init");
	case KEYS_SEALED:
		return fail(c, E_SEALED, "the keys are sealed");
	case KEYS_OPEN:
		return true;
	}
	abort();
}

void
keys_status(struct keys *k, struct keys_status *ret)
{
	*ret = (struct keys_status){
		.state = keys_state(k),
		.have = k->have,
		.need = k->need,
		.keyring = k->keyring,
		.rotating = k->rotating,
		.rotated = k->rotated,
		.to_rotate = k->to_rotate,
	};
	pthread_mutex_lock(&k->lock);
	memcpy(ret->reason, k->reason, sizeof ret->reason);
	pthread_mutex_unlock(&k->lock);
}

void
keys_doubt(struct keys *k, unsigned life)
{
	const uint64_t one = 1;

	if (k->life != life)
		return;
	k->doubted = life;
	k->state = KEYS_SEALED;
	keys_reason(k, "the custodian does not answer");
	if (write(k->wake, &one, sizeof one) < 0)
		return; /* it is awake already */
}

MUST static bool
vendor_id(struct ctx *c, struct str text, struct id *ret)
{
	struct id id = { 0 };

	if (text.n == 0 || text.n >= sizeof id.s)
		return fail(c, E_INTERNAL, "not a vendor's id");
	memcpy(id.s, text.p, text.n);
	*ret = id;
	return true;
}

bool
keys_vendor_new(struct ctx *c, struct keys *k, struct str vendor, struct vendor_key_row *ret)
{
	unsigned life = k->life;
	struct id id;

	if (!keys_open(c, k) || !vendor_id(c, vendor, &id))
		return false;
	if (custody_vendor_key_new(c, k->custody, id, 1, ret))
		return true;
	if (c->err.code == E_PEER)
		keys_doubt(k, life);
	return false;
}

bool
keys_data_new(struct ctx *c, struct keys *k, struct db *db, struct str vendor, struct id id,
    struct key256 *ret, struct data_key_row *ret_row)
{
	struct vendor_key_row row;
	int64_t tried = 0;
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	for (unsigned i = 0;; i++) {
		struct err why = c->err;

		if (!vendor_key_current(c, db, vendor, &row))
			return false;
		if (i > 0 && (row.version == tried || i == ROW_TRIES)) {
			c->err = why;
			return false;
		}
		tried = row.version;
		if (custody_data_key_new(c, k->custody, &row, id, ret, ret_row))
			return true;
		if (c->err.code == E_PEER) {
			keys_doubt(k, life);
			return false;
		}
	}
}

bool
keys_rows(struct ctx *c, struct db *db, struct str id, struct data_key_row *ret_data,
    struct vendor_key_row *ret_vendor)
{
	for (unsigned i = 0; i < ROW_TRIES; i++) {
		if (!data_key_by_id(c, db, id, ret_data))
			return false;
		if (vendor_key_version(
			c, db, str_of(ret_data->vendor.s), ret_data->version, ret_vendor))
			return true;
		if (c->err.code != E_ABSENT)
			return false;
	}
	return fail(c, E_INTEGRITY, "the vendor key of a data key is gone");
}

bool
keys_data_open(struct ctx *c, struct keys *k, struct db *db, struct str id, struct key256 *ret)
{
	struct data_key_row data;
	struct vendor_key_row vendor;
	int64_t tried = 0;
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	for (unsigned i = 0;; i++) {
		struct err why = c->err;

		if (!keys_rows(c, db, id, &data, &vendor))
			return false;
		if (i > 0 && (data.version == tried || i == ROW_TRIES)) {
			c->err = why;
			return false;
		}
		tried = data.version;
		if (custody_data_key_open(c, k->custody, &vendor, &data, ret))
			return true;
		if (c->err.code == E_PEER) {
			keys_doubt(k, life);
			return false;
		}
	}
}

bool
keys_sign_release(struct ctx *c, struct keys *k, const struct release_row *r, struct str name,
    struct str *ret_manifest, struct str *ret_bundle)
{
	const struct custody_release said = { .release = str_of(r->id.s),
		.model = str_of(r->model.s),
		.name = name,
		.artifact = r->artifact,
		.bytes = r->bytes,
		.at = c->now() };
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	if (custody_sign_release(c, k->custody, &said, ret_manifest, ret_bundle))
		return true;
	if (c->err.code == E_PEER)
		keys_doubt(k, life);
	return false;
}

bool
keys_sign_evidence(
    struct ctx *c, struct keys *k, const struct keys_evidence *e, struct str *ret_statement)
{
	const struct custody_evidence said = { .verification = str_of(e->row->id.s),
		.release = str_of(e->row->release.s),
		.vendor = str_of(e->row->vendor.s),
		.report = e->row->report,
		.suspect = e->suspect,
		.verdict = e->row->verdict,
		.accused = e->accused,
		.n = e->n,
		.at = c->now() / 1000 };
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	if (custody_sign_evidence(c, k->custody, &said, ret_statement))
		return true;
	if (c->err.code == E_PEER)
		keys_doubt(k, life);
	return false;
}

/* ---- Asking the keeper --------------------------------------------------------------------- */

bool
keys_ask(
    struct ctx *c, struct keys *k, bool (*run)(struct ctx *, struct keys *, void *), void *arg)
{
	const uint64_t one = 1;
	struct order o = { .run = run, .arg = arg, .c = c };

	pthread_mutex_lock(&k->lock);
	if (k->stop) {
		pthread_mutex_unlock(&k->lock);
		return fail(c, E_DRAINING, "the daemon is ending");
	}
	if (k->last != NULL)
		k->last->next = &o;
	else
		k->first = &o;
	k->last = &o;
	if (write(k->wake, &one, sizeof one) < 0)
		o.next = NULL; /* the eventfd is full of wakes: it is awake */
	while (!o.done)
		pthread_cond_wait(&k->changed, &k->lock);
	pthread_mutex_unlock(&k->lock);
	return o.ok;
}

/* ---- The audit of what administrators do --------------------------------------------------- */

struct account {
	struct act act;
	struct err why;
};

/* The writer's part of a refusal: it fails again, so that the row says why. */
static bool
refuse_again(struct ctx *c, struct db *db, struct act *act)
{
	struct account *a = (struct account *)(void *)act;

	(void)db;
	return fail_at(c, a->why.code, a->why.at, "%s", a->why.text);
}

bool
keys_account(
    struct ctx *c, struct keys *k, const struct audit_entry *who, struct str detail, bool ok)
{
	struct account a = { .act = { .c = c, .audit = *who }, .why = c->err };

	if (detail.n > 0)
		a.act.audit.detail = detail;
	if (!ok && (a.why.code == E_STORE || a.why.code == E_FULL))
		return false; /* the store itself: there is nobody to tell */
	if (!ok)
		a.act.run = refuse_again;
	return store_do(c, k->server->store, &a.act) && ok;
}

void
shares_done(struct shares *s)
{
	for (size_t i = 0; i < s->n; i++)
		explicit_bzero((void *)(uintptr_t)s->v[i].p, s->v[i].n);
	*s = (struct shares){ 0 };
}
