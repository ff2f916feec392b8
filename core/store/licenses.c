/*
 * Licenses: one customer's right to one release under one policy. A row is never deleted: who was
 * licensed what, and which mark that was, must be known as long as copies may be found. A change
 * that the list of revocations must tell of makes the vendor's count of them grow.
 */
#include "impl.h"

/* The states, as license.h has them; those above ACTIVE are of interest to a list. */
enum { ACTIVE, REVOKED = 2, TRANSFERRED };

/* clang-format off */
enum {
	LICENSE_INSERT, LICENSE_BY_ID, LICENSE_BY_REFERENCE, LICENSE_LIST, LICENSE_LIST_VENDOR,
	LICENSE_LIST_ENDED, LICENSE_LIST_RELEASE, LICENSE_RANGE, LICENSE_OF_CUSTOMER,
	LICENSE_ALIVE, LICENSE_TO_STATE, LICENSE_LISTS_CHANGE, LICENSE_RENEW, LICENSE_WRAP,
	LICENSE_UNLOCKED,
};
#define COLUMNS "SELECT id, vendor, customer, release, policy, reference, state, reason, changed," \
	" issued, not_before, expires, seats, seats_used, entitlements, unlocks," \
	" nullif(predecessor, ''), "
#define LICENSE COLUMNS "token, wrap, wrapped_for, version FROM license"
/* In lists without what is long and shown of one alone. */
#define LISTED COLUMNS "'', '', wrapped_for, version FROM license"
/* What the lists share: after an id, in that state (-1: any). */
#define PAGE " AND id > ?2 AND (?3 < 0 OR state = ?3) ORDER BY id LIMIT ?4"
/* What a customer has in one block of the index; see the schema. +: or SQLite folds the substr. */
#define BLOCK " WHERE (seq >> 11) = ?1 AND substr(customer, 29) = substr(?2, 29)" \
	" AND +customer = ?2 AND seq > ?3"
static const char *const sql[] = {
	[LICENSE_INSERT] = "INSERT INTO license (id, vendor, customer, release, policy, reference,"
	    " state, reason, changed, issued, not_before, expires, seats, entitlements,"
	    " predecessor, token, wrap, wrapped_for)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[LICENSE_BY_ID] = LICENSE " WHERE id = ? AND vendor = ?",
	[LICENSE_BY_REFERENCE] = LICENSE " WHERE vendor = ? AND reference = ?"
	    " AND reference <> ''",
	[LICENSE_LIST] = LISTED " WHERE ?1 = ''" PAGE,
	[LICENSE_LIST_VENDOR] = LISTED " WHERE vendor = ?1" PAGE,
	[LICENSE_LIST_ENDED] = LISTED " WHERE vendor = ?1 AND id > ?2 AND state = ?3"
	    " AND state <> 0 ORDER BY id LIMIT ?4",
	[LICENSE_RANGE] = "SELECT coalesce((SELECT seq FROM license WHERE id = ?), 0),"
	    " coalesce((SELECT max(seq) FROM license), 0)",
	[LICENSE_OF_CUSTOMER] = LISTED BLOCK " AND (?5 = '' OR vendor = ?5)"
	    " AND (?6 < 0 OR state = ?6) ORDER BY seq LIMIT ?4",
	[LICENSE_ALIVE] = "SELECT id FROM license" BLOCK " AND (?5 = '' OR vendor = ?5)"
	    " AND state < ?6 ORDER BY seq LIMIT ?4",
	[LICENSE_LIST_RELEASE] = LISTED " WHERE release = ?5 AND (?1 = '' OR vendor = ?1)" PAGE,
	[LICENSE_TO_STATE] = "UPDATE license SET state = ?, reason = ?, changed = ?,"
	    " version = version + 1 WHERE id = ?",
	[LICENSE_LISTS_CHANGE] = "UPDATE vendor SET revocations = revocations + 1 WHERE id = ?",
	[LICENSE_RENEW] = "UPDATE license SET not_before = ?, expires = ?, seats = ?,"
	    " entitlements = ?, token = ?, version = version + 1 WHERE id = ?",
	[LICENSE_WRAP] = "UPDATE license SET wrap = ?, wrapped_for = ? WHERE id = ?",
	[LICENSE_UNLOCKED] = "UPDATE license SET unlocks = unlocks + 1 WHERE id = ?",
};
/* clang-format on */
const struct questions license_questions = { PART_LICENSES, sql, COUNT(sql) };

bool
license_insert(struct ctx *c, struct db *db, const struct license_row *l)
{
	owned(question_done) struct question q = ask(c, db, &license_questions, LICENSE_INSERT);
	int64_t changed;

	in_id(&q, &l->id);
	in_id(&q, &l->vendor);
	in_id(&q, &l->customer);
	in_id(&q, &l->release);
	in_id(&q, &l->policy);
	in_text(&q, l->reference);
	in_number(&q, l->state);
	in_text(&q, l->reason);
	in_number(&q, l->changed);
	in_number(&q, l->issued);
	in_number(&q, l->not_before);
	in_number(&q, l->expires);
	in_number(&q, l->seats);
	in_text(&q, l->entitlements);
	in_text(&q, str_of(l->predecessor.s));
	in_text(&q, l->token);
	in_text(&q, l->wrap);
	in_digest(&q, &l->wrapped_for);
	if (question_run(&q, &changed))
		return true;
	if (q.rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return fail(c, E_ABSENT, "no such customer, release or policy");
	if (q.rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail_at(c, E_CONFLICT, "/reference",
	    "a license with this reference exists already: take another, or none");
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void
license_row(struct question *q, void *ret)
{
	struct license_row *l = ret;

	l->id = out_id(q);
	l->vendor = out_id(q);
	l->customer = out_id(q);
	l->release = out_id(q);
	l->policy = out_id(q);
	l->reference = out_text(q);
	l->state = (int)out_number(q);
	l->reason = out_text(q);
	l->changed = out_number(q);
	l->issued = out_number(q);
	l->not_before = out_number(q);
	l->expires = out_number(q);
	l->seats = out_number(q);
	l->seats_used = out_number(q);
	l->entitlements = out_text(q);
	l->unlocks = out_number(q);
	l->predecessor = out_id(q);
	l->token = out_text(q);
	l->wrap = out_text(q);
	l->wrapped_for = out_digest(q);
	l->version = out_number(q);
}

bool
license_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct license_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &license_questions, LICENSE_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, license_row, "license", ret);
}

bool
license_by_reference(struct ctx *c, struct db *db, struct str vendor, struct str reference,
    bool *ret_found, struct license_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &license_questions, LICENSE_BY_REFERENCE);

	in_text(&q, vendor);
	in_text(&q, reference);
	return question_find(&q, license_row, ret, ret_found);
}

/* ---- Lists ------------------------------------------------------------------------------- */

/* The place of an id among all, 0 if it has none, and the last place. */
struct range {
	int64_t after, last;
};

static void
range_row(struct question *q, void *ret)
{
	struct range *r = ret;

	r->after = out_number(q);
	r->last = out_number(q);
}

MUST static bool
range_of(struct ctx *c, struct db *db, struct str after, struct range *ret)
{
	owned(question_done) struct question q = ask(c, db, &license_questions, LICENSE_RANGE);

	in_text(&q, after);
	return question_get(&q, range_row, "license", ret);
}

/* A customer's licenses, as far as they lie in this block. */
struct block {
	size_t which; /* LICENSE_OF_CUSTOMER, or _ALIVE */
	row_reader *row;
	size_t size; /* of a row */
	int64_t number, after;
};

/* Adds what is there to n rows, of which there may be `max`. */
MUST static bool
block_list(struct ctx *c, struct db *db, const struct block *b, const struct license_filter *f,
    size_t max, char *rows, size_t *n)
{
	owned(question_done) struct question q = ask(c, db, &license_questions, b->which);
	bool found = false;

	in_number(&q, b->number);
	in_text(&q, f->customer);
	in_number(&q, b->after);
	in_number(&q, (int64_t)(max - *n));
	in_text(&q, f->vendor);
	in_number(&q, f->state);
	if (!question_row(&q, &found))
		return false;
	while (found) {
		b->row(&q, rows + (*n)++ * b->size);
		if (!question_row(&q, &found))
			return false;
	}
	return true;
}

MUST static bool
blocks_list(struct ctx *c, struct db *db, struct block b, const struct license_filter *f,
    struct str after, size_t max, void **ret, size_t *ret_n)
{
	struct range r;
	size_t n = 0;
	char *rows;

	if (!range_of(c, db, after, &r) || (rows = take(c, max * b.size)) == NULL)
		return false;
	b.after = r.after;
	for (b.number = r.after >> 11; b.number <= r.last >> 11 && n < max; b.number++)
		if (!block_list(c, db, &b, f, max, rows, &n))
			return false;
	*ret = rows;
	*ret_n = n;
	return true;
}

static size_t
list_question(const struct license_filter *f)
{
	if (f->release.n > 0)
		return LICENSE_LIST_RELEASE;
	if (f->vendor.n == 0)
		return LICENSE_LIST;
	return f->state > ACTIVE ? LICENSE_LIST_ENDED : LICENSE_LIST_VENDOR;
}

MUST static bool
page_list(struct ctx *c, struct db *db, const struct license_filter *f, struct str after,
    size_t max, void **ret, size_t *ret_n)
{
	size_t which = list_question(f);
	owned(question_done) struct question q = ask(c, db, &license_questions, which);

	in_text(&q, f->vendor);
	in_text(&q, after);
	in_number(&q, f->state);
	in_number(&q, (int64_t)max);
	if (which == LICENSE_LIST_RELEASE)
		in_text(&q, f->release);
	return question_list(&q, license_row, sizeof(struct license_row), ret, ret_n);
}

bool
license_list(struct ctx *c, struct db *db, const struct license_filter *f, struct str after,
    size_t max, struct license_row **ret, size_t *ret_n)
{
	const struct block b = {
		.which = LICENSE_OF_CUSTOMER, .row = license_row, .size = sizeof **ret
	};
	void *rows;

	if (!(f->customer.n > 0 ? blocks_list(c, db, b, f, after, max, &rows, ret_n)
				: page_list(c, db, f, after, max, &rows, ret_n)))
		return false;
	*ret = rows;
	return true;
}

/* ---- Changes ----------------------------------------------------------------------------- */

MUST static bool
license_current(struct ctx *c, struct db *db, const struct license_row *l, int64_t version,
    struct license_row *ret)
{
	struct license_row now;

	if (!license_by_id(c, db, str_of(l->vendor.s), str_of(l->id.s), &now))
		return false;
	if (version != 0 && version != now.version)
		return fail(c, E_STALE, "the license has changed since it was read");
	*ret = now;
	return true;
}

/* What the vendor's next list of revocations will say is no longer what the last one said. */
MUST static bool
lists_change(struct ctx *c, struct db *db, const struct id *vendor)
{
	owned(question_done) struct question q = ask(
	    c, db, &license_questions, LICENSE_LISTS_CHANGE);

	in_id(&q, vendor);
	return question_one(&q, E_ABSENT, "no such vendor");
}

MUST static bool
state_put(
    struct ctx *c, struct db *db, const struct id *id, int state, struct str reason, int64_t at)
{
	owned(question_done) struct question q = ask(
	    c, db, &license_questions, LICENSE_TO_STATE);

	in_number(&q, state);
	in_text(&q, reason);
	in_number(&q, at);
	in_id(&q, id);
	return question_one(&q, E_ABSENT, "no such license");
}

bool
license_state_put(struct ctx *c, struct db *db, const struct license_row *l, int state,
    struct str reason, int64_t at, int64_t version)
{
	static const char *const names[] = { "active", "suspended", "revoked", "transferred" };
	struct license_row now;

	if (!license_current(c, db, l, version, &now))
		return false;
	if (now.state == state || now.state >= REVOKED)
		return fail(c, E_CONFLICT, "the license is %s already",
		    now.state >= ACTIVE && now.state <= TRANSFERRED ? names[now.state]
								    : "over");
	return state_put(c, db, &now.id, state, reason, at) && lists_change(c, db, &now.vendor);
}

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

bool
license_revoke_all(struct ctx *c, struct db *db, const struct customer_row *u,
    struct str reason, int64_t at, size_t max, struct id **ret, size_t *ret_n)
{
	const struct block b = {
		.which = LICENSE_ALIVE, .row = id_row, .size = sizeof(struct id)
	};
	struct license_filter f = { .customer = str_of(u->id.s), .state = REVOKED };
	struct id *id;
	void *rows;
	size_t n;

	if (!blocks_list(c, db, b, &f, STR(""), max + 1, &rows, &n))
		return false;
	if (n > max)
		return fail(c, E_CONFLICT,
		    "more than %zu of the customer's licenses are not over yet: revoke them first",
		    max);
	id = rows;
	for (size_t i = 0; i < n; i++)
		if (!state_put(c, db, &id[i], REVOKED, reason, at))
			return false;
	*ret = id;
	*ret_n = n;
	return n == 0 ? true : lists_change(c, db, &u->vendor);
}

bool
license_renew(struct ctx *c, struct db *db, const struct license_row *l, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &license_questions, LICENSE_RENEW);
	struct license_row now;

	if (!license_current(c, db, l, version, &now))
		return false;
	if (now.seats_used > l->seats)
		return fail_at(c, E_CONFLICT, "/seats",
		    "%lld seats are in use: machines must give some back first",
		    (long long)now.seats_used);
	in_number(&q, l->not_before);
	in_number(&q, l->expires);
	in_number(&q, l->seats);
	in_text(&q, l->entitlements);
	in_text(&q, l->token);
	in_id(&q, &now.id);
	if (!question_one(&q, E_ABSENT, "no such license"))
		return false;
	/* A list leaves out what has expired; this one may be back. */
	return now.state == ACTIVE ? true : lists_change(c, db, &now.vendor);
}

bool
license_wrap_put(struct ctx *c, struct db *db, struct str id, struct str wrap,
    const struct digest256 *wrapped_for)
{
	owned(question_done) struct question q = ask(c, db, &license_questions, LICENSE_WRAP);

	in_text(&q, wrap);
	in_digest(&q, wrapped_for);
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such license");
}

bool
license_unlocked(struct ctx *c, struct db *db, struct str id)
{
	owned(question_done) struct question q = ask(
	    c, db, &license_questions, LICENSE_UNLOCKED);

	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such license");
}
