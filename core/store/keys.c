/*
 * Sealed keys: the keyring's versions, the signing keys and vendor keys under them, the data keys
 * under those. Nothing here is readable without the custodian. A rotation adds a version, reseals
 * row by row, and may delete the old version only when nothing refers to it any more.
 */
#include "impl.h"

/* clang-format off */
enum {
	KEYRING_LIST, KEYRING_RETIRE, KEYRING_INSERT, KEYRING_CLEAR, KEYRING_DELETE,
	SIGNING_LIST, SIGNING_INSERT, SIGNING_RESEAL, SIGNING_CLEAR,
	VENDOR_KEY_INSERT, VENDOR_KEY_CURRENT, VENDOR_KEY_VERSION, VENDOR_KEY_BEHIND, VENDOR_KEY_OLDER,
	VENDOR_KEY_DELETE,
	DATA_KEY_INSERT, DATA_KEY_BY_ID, DATA_KEY_LIST, DATA_KEY_RESEAL, DATA_KEY_DELETE,
	SEALED_COUNT,
};
#define VENDOR_KEY "SELECT vendor, version, keyring, sealed FROM vendor_key"
#define DATA_KEY "SELECT id, vendor, version, sealed FROM data_key"
static const char *const sql[] = {
	[KEYRING_LIST] = "SELECT version, created, retired, sealed FROM keyring WHERE version > 0"
	    " ORDER BY version",
	[KEYRING_RETIRE] = "UPDATE keyring SET retired = 1 WHERE version < ?",
	[KEYRING_INSERT] = "INSERT INTO keyring (version, created, retired, sealed)"
	    " VALUES (?, ?, ?, ?)",
	[KEYRING_CLEAR] = "DELETE FROM keyring WHERE version > 0",
	[KEYRING_DELETE] = "DELETE FROM keyring WHERE version = ?",
	[SIGNING_LIST] = "SELECT kid, keyring, created, sealed, jwk FROM signing_key"
	    " WHERE kid > '' ORDER BY kid",
	[SIGNING_INSERT] = "INSERT INTO signing_key (kid, keyring, created, sealed, jwk)"
	    " VALUES (?, ?, ?, ?, ?)",
	[SIGNING_RESEAL] = "UPDATE signing_key SET keyring = ?, sealed = ? WHERE kid = ?",
	[SIGNING_CLEAR] = "DELETE FROM signing_key WHERE keyring > 0",
	[VENDOR_KEY_INSERT] = "INSERT INTO vendor_key (vendor, version, keyring, sealed)"
	    " VALUES (?, ?, ?, ?)",
	[VENDOR_KEY_CURRENT] = VENDOR_KEY " WHERE vendor = ? ORDER BY version DESC LIMIT 1",
	[VENDOR_KEY_VERSION] = VENDOR_KEY " WHERE vendor = ? AND version = ?",
	[VENDOR_KEY_BEHIND] = VENDOR_KEY " AS k WHERE keyring < ? AND NOT EXISTS (SELECT 1"
	    " FROM vendor_key n WHERE n.vendor = k.vendor AND n.version > k.version) LIMIT 1",
	[VENDOR_KEY_OLDER] = VENDOR_KEY " WHERE keyring < ? ORDER BY keyring LIMIT 1",
	[VENDOR_KEY_DELETE] = "DELETE FROM vendor_key WHERE vendor = ? AND version = ?",
	[DATA_KEY_INSERT] = "INSERT INTO data_key (id, vendor, version, sealed)"
	    " VALUES (?, ?, ?, ?)",
	[DATA_KEY_BY_ID] = DATA_KEY " WHERE id = ?",
	[DATA_KEY_LIST] = DATA_KEY " WHERE vendor = ? AND version = ? ORDER BY id LIMIT ?",
	[DATA_KEY_RESEAL] = "UPDATE data_key SET version = ?, sealed = ?"
	    " WHERE id = ? AND vendor = ?",
	[DATA_KEY_DELETE] = "DELETE FROM data_key WHERE id = ?",
	[SEALED_COUNT] = "SELECT (SELECT count(*) FROM signing_key WHERE keyring < ?1)"
	    " + (SELECT count(*) FROM vendor_key WHERE keyring < ?1)"
	    " + (SELECT count(*) FROM vendor_key v JOIN data_key d"
	    " ON d.vendor = v.vendor AND d.version = v.version WHERE v.keyring < ?1),"
	    " (SELECT count(*) FROM signing_key) + (SELECT count(*) FROM vendor_key)"
	    " + (SELECT count(*) FROM data_key)",
};
/* clang-format on */
const struct questions key_questions = { PART_KEYS, sql, COUNT(sql) };

/* ---- The keyring -------------------------------------------------------------------------- */

static void
keyring_row(struct question *q, void *ret)
{
	struct keyring_row *k = ret;

	k->version = out_number(q);
	k->created = out_number(q);
	k->retired = out_number(q) != 0;
	k->sealed = out_text(q);
}

bool
keyring_list(struct ctx *c, struct db *db, struct keyring_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, KEYRING_LIST);
	void *rows;

	if (!question_list(&q, keyring_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
keyring_insert(struct ctx *c, struct db *db, const struct keyring_row *k)
{
	owned(question_done) struct question retire = ask(
	    c, db, &key_questions, KEYRING_RETIRE);
	owned(question_done) struct question q = ask(c, db, &key_questions, KEYRING_INSERT);
	int64_t changed;

	in_number(&retire, k->version);
	in_number(&q, k->version);
	in_number(&q, k->created);
	in_number(&q, k->retired);
	in_bytes(&q, k->sealed);
	return question_run(&retire, &changed) && question_run(&q, &changed);
}

bool
keyring_clear(struct ctx *c, struct db *db)
{
	owned(question_done) struct question keys = ask(c, db, &key_questions, SIGNING_CLEAR);
	owned(question_done) struct question q = ask(c, db, &key_questions, KEYRING_CLEAR);
	int64_t changed;

	if (question_run(&keys, &changed) && question_run(&q, &changed))
		return true;
	if (c->err.code != E_CONFLICT)
		return false;
	return fail(c, E_CONFLICT, "vendors' keys are sealed under this keyring");
}

bool
keyring_delete(struct ctx *c, struct db *db, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, KEYRING_DELETE);

	in_number(&q, version);
	if (question_one(&q, E_ABSENT, "no such version of the keyring"))
		return true;
	if (c->err.code != E_CONFLICT)
		return false;
	return fail(c, E_CONFLICT, "keys are still sealed under this version of the keyring");
}

/* ---- Signing keys ------------------------------------------------------------------------- */

static void
signing_row(struct question *q, void *ret)
{
	struct signing_row *s = ret;

	s->kid = out_text(q);
	s->keyring = out_number(q);
	s->created = out_number(q);
	s->sealed = out_text(q);
	s->jwk = out_text(q);
}

bool
signing_list(struct ctx *c, struct db *db, struct signing_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, SIGNING_LIST);
	void *rows;

	if (!question_list(&q, signing_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
signing_insert(struct ctx *c, struct db *db, const struct signing_row *s)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, SIGNING_INSERT);
	int64_t changed;

	in_text(&q, s->kid);
	in_number(&q, s->keyring);
	in_number(&q, s->created);
	in_bytes(&q, s->sealed);
	in_text(&q, s->jwk);
	return question_run(&q, &changed);
}

bool
signing_reseal(struct ctx *c, struct db *db, const struct signing_row *s)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, SIGNING_RESEAL);

	in_number(&q, s->keyring);
	in_bytes(&q, s->sealed);
	in_text(&q, s->kid);
	return question_one(&q, E_ABSENT, "no such signing key");
}

/* ---- Vendor keys -------------------------------------------------------------------------- */

static void
vendor_key_row(struct question *q, void *ret)
{
	struct vendor_key_row *k = ret;

	k->vendor = out_id(q);
	k->version = out_number(q);
	k->keyring = out_number(q);
	k->sealed = out_text(q);
}

bool
vendor_key_insert(struct ctx *c, struct db *db, const struct vendor_key_row *k)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, VENDOR_KEY_INSERT);
	int64_t changed;

	in_id(&q, &k->vendor);
	in_number(&q, k->version);
	in_number(&q, k->keyring);
	in_bytes(&q, k->sealed);
	return question_run(&q, &changed);
}

bool
vendor_key_current(struct ctx *c, struct db *db, struct str vendor, struct vendor_key_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, VENDOR_KEY_CURRENT);

	in_text(&q, vendor);
	return question_get(&q, vendor_key_row, "vendor key", ret);
}

bool
vendor_key_version(struct ctx *c, struct db *db, struct str vendor, int64_t version,
    struct vendor_key_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, VENDOR_KEY_VERSION);

	in_text(&q, vendor);
	in_number(&q, version);
	return question_get(&q, vendor_key_row, "version of the vendor key", ret);
}

bool
vendor_key_behind(
    struct ctx *c, struct db *db, int64_t keyring, bool *ret_found, struct vendor_key_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, VENDOR_KEY_BEHIND);

	in_number(&q, keyring);
	return question_find(&q, vendor_key_row, ret, ret_found);
}

bool
vendor_key_older(
    struct ctx *c, struct db *db, int64_t keyring, bool *ret_found, struct vendor_key_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, VENDOR_KEY_OLDER);

	in_number(&q, keyring);
	return question_find(&q, vendor_key_row, ret, ret_found);
}

bool
vendor_key_delete(struct ctx *c, struct db *db, struct str vendor, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, VENDOR_KEY_DELETE);

	in_text(&q, vendor);
	in_number(&q, version);
	if (question_one(&q, E_ABSENT, "no such version of the vendor key"))
		return true;
	if (c->err.code != E_CONFLICT)
		return false;
	return fail(c, E_CONFLICT, "data keys are still sealed under this vendor key");
}

/* ---- Data keys ---------------------------------------------------------------------------- */

/* The vendor key that seals these bytes was rotated away before they came here. */
MUST static bool
fail_overtaken(struct question *q)
{
	if (q->rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(q->c, E_BUSY, "the vendor key was rotated meanwhile: try again");
}

bool
data_key_insert(struct ctx *c, struct db *db, const struct data_key_row *k)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, DATA_KEY_INSERT);
	int64_t changed;

	in_id(&q, &k->id);
	in_id(&q, &k->vendor);
	in_number(&q, k->version);
	in_bytes(&q, k->sealed);
	return question_run(&q, &changed) ? true : fail_overtaken(&q);
}

static void
data_key_row(struct question *q, void *ret)
{
	struct data_key_row *k = ret;

	k->id = out_id(q);
	k->vendor = out_id(q);
	k->version = out_number(q);
	k->sealed = out_text(q);
}

bool
data_key_by_id(struct ctx *c, struct db *db, struct str id, struct data_key_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, DATA_KEY_BY_ID);

	in_text(&q, id);
	return question_get(&q, data_key_row, "data key", ret);
}

bool
data_key_list_version(struct ctx *c, struct db *db, struct str vendor, int64_t version,
    size_t max, struct data_key_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, DATA_KEY_LIST);
	void *rows;

	in_text(&q, vendor);
	in_number(&q, version);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, data_key_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
data_key_reseal(struct ctx *c, struct db *db, const struct data_key_row *k)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, DATA_KEY_RESEAL);

	in_number(&q, k->version);
	in_bytes(&q, k->sealed);
	in_id(&q, &k->id);
	in_id(&q, &k->vendor);
	return question_one(&q, E_ABSENT, "no such data key") ? true : fail_overtaken(&q);
}

bool
data_key_delete(struct ctx *c, struct db *db, struct str id)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, DATA_KEY_DELETE);

	in_text(&q, id);
	if (question_one(&q, E_ABSENT, "no such data key"))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_CHECK)
		return false;
	return fail(c, E_CONFLICT, "a job that is not over needs this data key");
}

struct sealed_counts {
	int64_t older, all;
};

static void
sealed_counts_row(struct question *q, void *ret)
{
	struct sealed_counts *n = ret;

	n->older = out_number(q);
	n->all = out_number(q);
}

bool
sealed_count(
    struct ctx *c, struct db *db, int64_t keyring, int64_t *ret_older, int64_t *ret_all)
{
	owned(question_done) struct question q = ask(c, db, &key_questions, SEALED_COUNT);
	struct sealed_counts n;

	in_number(&q, keyring);
	if (!question_get(&q, sealed_counts_row, "count", &n))
		return false;
	*ret_older = n.older;
	*ret_all = n.all;
	return true;
}
