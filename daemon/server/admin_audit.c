/*
 * audit: its last rows, all of them, and whether they are right. Reading it leaves a row in it
 * before the first one is shown. Memory is bounded by a page of rows.
 */
#include <stdio.h>

#include "admin.h"

enum { TAIL_ROWS = 20, FOLLOW_MS = 250, ALIVE_MS = 10000, PAGE_MEMORY = 16 << 20 };

MUST static bool
audit_row_send(struct ctx *c, struct call *call, const struct audit_row *r)
{
	struct js j;

	call_row_open(call, &j);
	js_number(&j, "seq", r->seq);
	js_time(&j, "at", r->at);
	js_text(&j, "vendor", r->e.vendor);
	js_text(&j, "actor", r->e.actor);
	js_text(&j, "action", r->e.action);
	js_text(&j, "object", r->e.object);
	js_text(&j, "outcome", r->e.outcome);
	js_text(&j, "request", r->e.request);
	js_text(&j, "address", r->e.address);
	if (r->e.detail.n > 0)
		js_raw(&j, "detail", r->e.detail);
	js_bytes(&j, "hash", r->hash.b, sizeof r->hash.b);
	return call_row_send(c, call, &j);
}

/* Sends the rows after *seq, up to `last`, at most a page of them, and moves *seq behind them. */
MUST static bool
page_send(struct ctx *c, struct call *call, struct db *db, struct str vendor, int64_t last,
    int64_t *seq, size_t *ret_n)
{
	owned(arena_free) struct arena *page = arena_new(PAGE_MEMORY);
	struct audit_row *r;
	struct ctx pc = *c;
	size_t n = 0;
	bool ok = page != NULL;

	pc.mem = page;
	if (!ok)
		return fail(c, E_MEMORY, "no memory for a page of the audit");
	ok = audit_list(&pc, db, vendor, *seq, ADMIN_PAGE, &r, &n);
	for (size_t i = 0; ok && i < n && r[i].seq <= last; i++) {
		ok = audit_row_send(&pc, call, &r[i]);
		*seq = r[i].seq;
	}
	c->err = pc.err;
	*ret_n = n > 0 && r[n - 1].seq > last ? 0 : n;
	return ok;
}

MUST static bool
rows_send(struct ctx *c, struct call *call, struct db *db, struct str vendor, int64_t last,
    int64_t *seq)
{
	size_t n = ADMIN_PAGE;

	while (n == ADMIN_PAGE)
		if (!page_send(c, call, db, vendor, last, seq, &n))
			return false;
	return true;
}

MUST static bool
vendor_option(
    struct ctx *c, struct call *call, struct db *db, struct vendor *v, struct str *ret)
{
	struct str word;

	*ret = STR("");
	if (!call_option(call, "--vendor", &word))
		return true;
	if (!call_vendor(c, db, word, v))
		return false;
	call_concerns(call, &v->id);
	*ret = call->who.vendor;
	return true;
}

/* ---- tail, export ---------------------------------------------------------------------------- */

/* New rows as they come, until the client or the daemon goes. */
MUST static bool
follow(struct ctx *c, struct call *call, struct db *db, int64_t seq)
{
	int64_t alive = clock_monotonic(), before;

	for (;;) {
		before = seq;
		if (!rows_send(c, call, db, STR(""), INT64_MAX, &seq))
			return false;
		/* Tells the client to show what it has, and that we are there. */
		if (seq != before || clock_monotonic() - alive > ALIVE_MS) {
			if (!call_progress(c, call, 0, 0))
				return false;
			alive = clock_monotonic();
		}
		if (!call_pause(c, call, FOLLOW_MS))
			return false;
	}
}

bool
admin_audit_tail(struct ctx *c, struct call *call)
{
	int64_t lines = TAIL_ROWS, last, seq;
	struct digest256 hash;
	struct str text;
	struct db *db;

	if (call_option(call, "--lines", &text) && !str_number(text, 1, INT64_MAX, &lines))
		return fail(c, E_USAGE, "--lines is a number");
	if (!server_reader(c, call->server, &db) || !audit_head(c, db, &last, &hash) ||
	    !call_account(c, call))
		return false;
	seq = last > lines ? last - lines : 0;
	if (!rows_send(c, call, db, STR(""), last, &seq))
		return false;
	return !call_option(call, "--follow", NULL) ||
	    (call_progress(c, call, 0, 0) && follow(c, call, db, seq));
}

bool
admin_audit_export(struct ctx *c, struct call *call)
{
	int64_t after = 0, last;
	struct digest256 hash;
	struct vendor v;
	struct str text, vendor;
	struct db *db;

	if (call_option(call, "--after", &text) && !str_number(text, 0, INT64_MAX, &after))
		return fail(c, E_USAGE, "--after is the number of a row");
	if (!server_reader(c, call->server, &db) || !vendor_option(c, call, db, &v, &vendor) ||
	    !audit_head(c, db, &last, &hash) || !call_account(c, call))
		return false;
	return rows_send(c, call, db, vendor, last, &after);
}

/* ---- verify ---------------------------------------------------------------------------------- */

struct verify {
	struct call *call;
	struct db *db; /* for the keys: the walk uses its own */
	int64_t shown, checkpoints;
};

static bool
signature_check(struct ctx *c, const struct checkpoint *k, void *arg)
{
	struct verify *v = arg;

	v->checkpoints++;
	return call_pause(c, v->call, 0) && keys_checkpoint_verify(c, v->db, k);
}

static void
progress_show(int64_t done, int64_t total, void *arg)
{
	struct verify *v = arg;
	struct ctx c = v->call->c;

	if (clock_monotonic() - v->shown < FOLLOW_MS)
		return;
	v->shown = clock_monotonic();
	if (!call_progress(&c, v->call, done, total))
		log_event(LOG_LEVEL_DEBUG, c.tag, "verify-alone", "done=%lld", (long long)done);
}

/* The next row that the daemon writes must follow the last one that was read. */
MUST static bool
head_check(struct ctx *c, struct call *call, struct db *db, int64_t rows)
{
	struct audit_row *next;
	size_t n;

	if (!call_account(c, call) || !audit_list(c, db, STR(""), rows, 1, &next, &n))
		return false;
	if (n == 1 && next->seq == rows + 1)
		return true;
	return fail(c, E_INTEGRITY,
	    "row %lld of the audit: is missing, the database was changed behind the daemon's "
	    "back",
	    (long long)rows + 1);
}

bool
admin_audit_verify(struct ctx *c, struct call *call)
{
	owned(reader_close) struct db *db = NULL;
	struct verify v = { .call = call };
	const struct audit_check check = { signature_check, progress_show, &v };
	int64_t rows, bad;
	struct js j;

	if (!keys_checkpoint(c, call->server->keys))
		log_failure(c, "checkpoint-failed"); /* the ones that are there are checked */
	c->err = (struct err){ 0 };
	if (!server_reader(c, call->server, &v.db) ||
	    !reader_open(c, call->server->store, &db) ||
	    !audit_verify(c, db, &check, &rows, &bad) || !head_check(c, call, db, rows))
		return false;
	call_row_open(call, &j);
	js_number(&j, "rows", rows);
	js_number(&j, "checkpoints", v.checkpoints);
	js_bool(&j, "verified", true);
	return call_row_send(c, call, &j);
}
