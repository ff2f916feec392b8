/*
 * Webhooks: where a vendor wants to be told of what happens. What is sent there is signed with a
 * secret that is a data key like others; it goes with its webhook.
 */
#include "impl.h"

/* clang-format off */
enum {
	WEBHOOK_INSERT, WEBHOOK_BY_ID, WEBHOOK_LIST, WEBHOOK_LIST_ALL, WEBHOOK_CHANGE, WEBHOOK_FARED,
	WEBHOOK_FORGET, WEBHOOK_DELETE,
};
#define WEBHOOK "SELECT id, vendor, url, events, data_key, state, failures, rest, created, version" \
	" FROM webhook"
static const char *const sql[] = {
	[WEBHOOK_INSERT] = "INSERT INTO webhook (id, vendor, url, events, data_key, state, created)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	[WEBHOOK_BY_ID] = WEBHOOK " WHERE id = ?1 AND (?2 = '' OR vendor = ?2)",
	[WEBHOOK_LIST] = WEBHOOK " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[WEBHOOK_LIST_ALL] = WEBHOOK " WHERE id > ? ORDER BY id LIMIT ?",
	[WEBHOOK_CHANGE] = "UPDATE webhook SET url = ?, events = ?, state = ?,"
	    " failures = 0, rest = 0, version = version + 1 WHERE id = ?",
	[WEBHOOK_FARED] = "UPDATE webhook SET failures = ?, rest = ? WHERE id = ?",
	[WEBHOOK_FORGET] = "DELETE FROM message WHERE webhook = ?",
	[WEBHOOK_DELETE] = "DELETE FROM webhook WHERE id = ?",
};
/* clang-format on */
const struct questions webhook_questions = { PART_WEBHOOKS, sql, COUNT(sql) };

bool
webhook_insert(struct ctx *c, struct db *db, const struct webhook_row *w)
{
	owned(question_done) struct question q = ask(c, db, &webhook_questions, WEBHOOK_INSERT);
	int64_t changed;

	in_id(&q, &w->id);
	in_id(&q, &w->vendor);
	in_text(&q, w->url);
	in_text(&q, w->events);
	in_id(&q, &w->data_key);
	in_number(&q, w->paused);
	in_number(&q, w->created);
	if (question_run(&q, &changed))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_ABSENT, "no such vendor, or no such data key");
}

void
webhook_row(struct question *q, void *ret)
{
	struct webhook_row *w = ret;

	w->id = out_id(q);
	w->vendor = out_id(q);
	w->url = out_text(q);
	w->events = out_text(q);
	w->data_key = out_id(q);
	w->paused = out_number(q) != 0;
	w->failures = out_number(q);
	w->rest = out_number(q);
	w->created = out_number(q);
	w->version = out_number(q);
}

bool
webhook_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct webhook_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &webhook_questions, WEBHOOK_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, webhook_row, "webhook", ret);
}

bool
webhook_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct webhook_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &webhook_questions, vendor.n > 0 ? WEBHOOK_LIST : WEBHOOK_LIST_ALL);
	void *rows;

	if (vendor.n > 0)
		in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, webhook_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

/* ---- Changes ----------------------------------------------------------------------------- */

MUST static bool
webhook_current(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version,
    struct webhook_row *ret)
{
	struct webhook_row w;

	if (!webhook_by_id(c, db, vendor, id, &w))
		return false;
	if (version != 0 && version != w.version)
		return fail(c, E_STALE, "the webhook has changed since it was read");
	*ret = w;
	return true;
}

bool
webhook_change(struct ctx *c, struct db *db, const struct webhook_row *w, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &webhook_questions, WEBHOOK_CHANGE);
	struct webhook_row now;

	if (!webhook_current(c, db, str_of(w->vendor.s), str_of(w->id.s), version, &now))
		return false;
	in_text(&q, w->url);
	in_text(&q, w->events);
	in_number(&q, w->paused);
	in_id(&q, &w->id);
	return question_one(&q, E_ABSENT, "no such webhook");
}

bool
webhook_fared(struct ctx *c, struct db *db, struct str id, int64_t failures, int64_t rest)
{
	owned(question_done) struct question q = ask(c, db, &webhook_questions, WEBHOOK_FARED);

	in_number(&q, failures);
	in_number(&q, rest);
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such webhook");
}

/* Its messages; events that nobody waits for any more are pruned in time. */
MUST static bool
webhook_forget(struct ctx *c, struct db *db, struct str id)
{
	owned(question_done) struct question q = ask(c, db, &webhook_questions, WEBHOOK_FORGET);
	int64_t changed;

	in_text(&q, id);
	return question_run(&q, &changed);
}

bool
webhook_delete(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &webhook_questions, WEBHOOK_DELETE);
	struct webhook_row now;

	if (!webhook_current(c, db, vendor, id, version, &now) || !webhook_forget(c, db, id))
		return false;
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such webhook") &&
	    data_key_delete(c, db, str_of(now.data_key.s));
}
