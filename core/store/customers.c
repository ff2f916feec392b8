/*
 * Customers: whom a vendor licenses to. Each has a number of its own that marks spell, given once;
 * a key, once enrolled; and a name that is unique in its folded form until it is forgotten.
 */
#include "impl.h"

const char *const customer_state_names[] = {
	[CUSTOMER_ACTIVE] = "active",
	[CUSTOMER_SUSPENDED] = "suspended",
	[CUSTOMER_ERASED] = "erased",
	NULL,
};

/* clang-format off */
enum {
	CUSTOMER_INSERT, CUSTOMER_COUNTED, CUSTOMER_BY_ID, CUSTOMER_BY_NAME, CUSTOMER_BY_CODE,
	CUSTOMER_NEAR, CUSTOMER_LIST, CUSTOMER_RENAME, CUSTOMER_CODE, CUSTOMER_ENROL, CUSTOMER_KEY,
	CUSTOMER_TO_STATE, CUSTOMER_ERASE,
};
#define CUSTOMER "SELECT id, vendor, number, name, email, state, jwk, thumbprint, enrolled, code," \
	" code_expires, code_spent, created, version FROM customer"
#define CHANGE "UPDATE customer SET version = version + 1"
static const char *const sql[] = {
	[CUSTOMER_INSERT] = "INSERT INTO customer (id, vendor, number, name, name_folded, email,"
	    " code, code_expires, created) SELECT ?1, id, customers + 1, ?2, ?3, ?4, ?5, ?6, ?7"
	    " FROM vendor WHERE id = ?8 RETURNING number",
	[CUSTOMER_COUNTED] = "UPDATE vendor SET customers = ? WHERE id = ?",
	[CUSTOMER_BY_ID] = CUSTOMER " WHERE id = ?1 AND (?2 = '' OR vendor = ?2)",
	[CUSTOMER_BY_NAME] = CUSTOMER " WHERE vendor = ? AND name_folded = ? AND state < 2",
	[CUSTOMER_BY_CODE] = CUSTOMER " WHERE substr(code, 1, 12) = substr(?1, 1, 12)"
	    " AND code = ?1 AND code_expires > 0",
	[CUSTOMER_NEAR] = CUSTOMER " WHERE id = coalesce("
	    "(SELECT id FROM customer WHERE id <= ?1 ORDER BY id DESC LIMIT 1),"
	    " (SELECT id FROM customer WHERE id > ?1 ORDER BY id LIMIT 1))",
	[CUSTOMER_LIST] = CUSTOMER " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[CUSTOMER_RENAME] = CHANGE ", name = ?, name_folded = ?, email = ? WHERE id = ?",
	[CUSTOMER_CODE] = CHANGE ", code = ?, code_expires = ?, code_spent = 0 WHERE id = ?",
	[CUSTOMER_ENROL] = CHANGE ", jwk = ?1, thumbprint = ?2, enrolled = ?4, code_spent = ?4"
	    " WHERE id = ?3 AND code_expires > 0 AND code_spent = 0",
	[CUSTOMER_KEY] = CHANGE ", jwk = ?, thumbprint = ? WHERE id = ? AND jwk <> ''",
	[CUSTOMER_TO_STATE] = CHANGE ", state = ? WHERE id = ?",
	[CUSTOMER_ERASE] = CHANGE ", state = 2, name = '', name_folded = '', email = '',"
	    " jwk = '', thumbprint = zeroblob(32), enrolled = 0, code = zeroblob(32),"
	    " code_expires = 0, code_spent = 0 WHERE id = ?",
};
/* clang-format on */
const struct questions customer_questions = { PART_CUSTOMERS, sql, COUNT(sql) };

/* ---- Insertion --------------------------------------------------------------------------- */

static void
number_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

MUST static bool
fail_name(struct question *q)
{
	if (q->rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail_at(
	    q->c, E_CONFLICT, "/name", "a customer of this name exists already: take another");
}

MUST static bool
customer_put(struct ctx *c, struct db *db, const struct customer_row *u, int64_t *ret_number)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_INSERT);
	struct str folded;

	if (!text_fold(c, u->name, &folded))
		return false;
	in_id(&q, &u->id);
	in_text(&q, u->name);
	in_text(&q, folded);
	in_text(&q, u->email);
	in_digest(&q, &u->code);
	in_number(&q, u->code_expires);
	in_number(&q, u->created);
	in_id(&q, &u->vendor);
	return question_get(&q, number_row, "vendor", ret_number) ? true : fail_name(&q);
}

bool
customer_insert(struct ctx *c, struct db *db, struct customer_row *u)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_COUNTED);
	int64_t number;

	if (!customer_put(c, db, u, &number))
		return false;
	in_number(&q, number);
	in_id(&q, &u->vendor);
	if (!question_one(&q, E_ABSENT, "no such vendor"))
		return false;
	u->number = number;
	u->version = 1;
	return true;
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void
customer_row(struct question *q, void *ret)
{
	struct customer_row *u = ret;
	int64_t state;

	u->id = out_id(q);
	u->vendor = out_id(q);
	u->number = out_number(q);
	u->name = out_text(q);
	u->email = out_text(q);
	state = out_number(q);
	u->state = state >= CUSTOMER_ACTIVE && state <= CUSTOMER_ERASED
	    ? (enum customer_state)state
	    : CUSTOMER_ERASED;
	u->jwk = out_text(q);
	u->thumbprint = out_digest(q);
	u->enrolled = out_number(q);
	u->code = out_digest(q);
	u->code_expires = out_number(q);
	u->code_spent = out_number(q);
	u->created = out_number(q);
	u->version = out_number(q);
}

bool
customer_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct customer_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, customer_row, "customer", ret);
}

bool
customer_by_name(
    struct ctx *c, struct db *db, struct str vendor, struct str name, struct customer_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_BY_NAME);
	struct str folded;

	if (!text_fold(c, name, &folded))
		return false;
	in_text(&q, vendor);
	in_text(&q, folded);
	return question_get(&q, customer_row, "customer", ret);
}

bool
customer_by_code(struct ctx *c, struct db *db, const struct digest256 *code, bool *ret_found,
    struct customer_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_BY_CODE);

	in_digest(&q, code);
	return question_find(&q, customer_row, ret, ret_found);
}

bool
customer_or_neighbour(
    struct ctx *c, struct db *db, struct str id, bool *ret_found, struct customer_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &customer_questions, CUSTOMER_NEAR);

	in_text(&q, id);
	return question_find(&q, customer_row, ret, ret_found);
}

bool
customer_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct customer_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &customer_questions, CUSTOMER_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, customer_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

/* ---- Changes ----------------------------------------------------------------------------- */

/* The customer as it is now, if it may still be changed. */
MUST static bool
customer_current(struct ctx *c, struct db *db, struct str vendor, struct str id,
    int64_t version, struct customer_row *ret)
{
	struct customer_row u;

	if (!customer_by_id(c, db, vendor, id, &u))
		return false;
	if (version != 0 && version != u.version)
		return fail(c, E_STALE, "the customer has changed since it was read");
	if (u.state == CUSTOMER_ERASED)
		return fail(c, E_CONFLICT, "the customer was erased: create a new one");
	*ret = u;
	return true;
}

bool
customer_rename(struct ctx *c, struct db *db, const struct customer_row *u, int64_t version)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_RENAME);
	struct customer_row now;
	struct str folded;

	if (!customer_current(c, db, str_of(u->vendor.s), str_of(u->id.s), version, &now) ||
	    !text_fold(c, u->name, &folded))
		return false;
	in_text(&q, u->name);
	in_text(&q, folded);
	in_text(&q, u->email);
	in_id(&q, &u->id);
	return question_one(&q, E_ABSENT, "no such customer") ? true : fail_name(&q);
}

bool
customer_code_put(struct ctx *c, struct db *db, struct str id, const struct digest256 *code,
    int64_t expires, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &customer_questions, CUSTOMER_CODE);
	struct customer_row now;

	if (!customer_current(c, db, STR(""), id, version, &now))
		return false;
	in_digest(&q, code);
	in_number(&q, expires);
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such customer");
}

bool
customer_key_put(struct ctx *c, struct db *db, struct str id, struct str jwk,
    const struct digest256 *thumbprint, int64_t at, bool by_code)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, by_code ? CUSTOMER_ENROL : CUSTOMER_KEY);
	struct customer_row now;

	if (!customer_current(c, db, STR(""), id, 0, &now))
		return false;
	in_text(&q, jwk);
	in_digest(&q, thumbprint);
	in_text(&q, id);
	if (by_code)
		in_number(&q, at);
	return question_one(&q, E_CONFLICT,
	    by_code ? "the enrolment code was used already: ask for a new one"
		    : "the customer has no key yet: enrol with a code first");
}

bool
customer_suspend(struct ctx *c, struct db *db, struct str id, bool suspended, int64_t version)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_TO_STATE);
	enum customer_state to = suspended ? CUSTOMER_SUSPENDED : CUSTOMER_ACTIVE;
	struct customer_row now;

	if (!customer_current(c, db, STR(""), id, version, &now))
		return false;
	if (now.state == to)
		return fail(
		    c, E_CONFLICT, "the customer is %s already", customer_state_names[to]);
	in_number(&q, to);
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such customer");
}

bool
customer_erase(struct ctx *c, struct db *db, struct str id, int64_t version)
{
	owned(question_done) struct question q = ask(
	    c, db, &customer_questions, CUSTOMER_ERASE);
	struct customer_row now;

	if (!customer_current(c, db, STR(""), id, version, &now))
		return false;
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such customer");
}
