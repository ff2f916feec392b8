/*
 * status, init, unseal, seal, rotate and metrics: what administrators see of the daemon and do to
 * its keys. The keys' own functions write the audit rows of what they do.
 */
#include <stdio.h>

#include "admin.h"

enum { WAIT_MS = 200, METRICS_MAX = 128 << 10 };

/* ---- status ---------------------------------------------------------------------------------- */

static const char *
state_name(enum keys_state state)
{
	switch (state) {
	case KEYS_UNINITIALISED:
		return "uninitialised";
	case KEYS_SEALED:
		return "sealed";
	case KEYS_OPEN:
		return "open";
	}
	return "unknown";
}

/* Counts that need the database; absent when it cannot be read. */
static void
status_counts(struct ctx *c, struct server *s, struct js *j)
{
	int64_t jobs[JOB_CANCELLED + 1], rows;
	struct digest256 head;
	struct db *db;

	if (server_reader(c, s, &db) && audit_head(c, db, &rows, &head) &&
	    job_count(c, db, jobs)) {
		js_number(j, "audit_rows", rows);
		js_number(j, "jobs_queued", jobs[JOB_QUEUED]);
		js_number(j, "jobs_running", jobs[JOB_RUNNING]);
	}
	c->err = (struct err){ 0 };
}

bool
admin_status(struct ctx *c, struct call *call)
{
	struct server *s = call->server;
	struct keys_status k;
	struct js j;

	keys_status(s->keys, &k);
	if (!call_account(c, call))
		return false;
	call_row_open(call, &j);
	js_text(&j, "state", str_of(state_name(k.state)));
	if (k.reason[0] != '\0')
		js_text(&j, "reason", str_of(k.reason));
	if (k.state == KEYS_SEALED && k.need > 0) {
		js_number(&j, "shares_given", k.have);
		js_number(&j, "shares_needed", k.need);
	}
	js_number(&j, "keyring", k.keyring);
	js_bool(&j, "rotating", k.rotating);
	js_text(&j, "storage", str_of(err_wire(store_health(s->store))));
	status_counts(c, s, &j);
	js_text(&j, "listen", str_of(s->conf.listen));
	js_text(&j, "folder", str_of(s->conf.state));
	js_text(&j, "version", str_of(HALLMARK_VERSION));
	js_time(&j, "started", s->started);
	return call_row_send(c, call, &j);
}

/* ---- init, unseal, seal ---------------------------------------------------------------------- */

static unsigned
number_option(const struct call *call, const char *name)
{
	struct str text;
	int64_t n = 0;

	if (call_option(call, name, &text) && str_number(text, 0, 255, &n))
		return (unsigned)n;
	return 0;
}

static void
shares_print(struct js *j, const struct shares *shares)
{
	js_open(j, "shares", '[');
	for (size_t i = 0; i < shares->n; i++)
		js_text(j, NULL, shares->v[i]);
	js_close(j, ']');
}

bool
admin_init(struct ctx *c, struct call *call)
{
	owned(shares_done) struct shares shares = { 0 };
	unsigned n = number_option(call, "--shares"), k = number_option(call, "--threshold");
	struct js j;

	if ((n == 0) != (k == 0))
		return fail(c, E_USAGE, "--shares and --threshold go together");
	call->accounted = true;
	if (!keys_init(c, call->server->keys, &call->who, n, k, &shares))
		return false;
	call_row_open(call, &j);
	js_text(&j, "state", str_of(state_name(keys_state(call->server->keys))));
	if (shares.n > 0) {
		js_number(&j, "needed", k);
		shares_print(&j, &shares);
		snprintf(call->note, sizeof call->note,
		    "the shares are shown once: give each to another person; any %u of %u unseal",
		    k, n);
	}
	return call_row_send(c, call, &j);
}

MUST static bool
state_row(struct ctx *c, struct call *call)
{
	struct keys_status k;
	struct js j;

	keys_status(call->server->keys, &k);
	call_row_open(call, &j);
	js_text(&j, "state", str_of(state_name(k.state)));
	if (k.state == KEYS_SEALED && k.need > 0) {
		js_number(&j, "shares_given", k.have);
		js_number(&j, "shares_needed", k.need);
	}
	return call_row_send(c, call, &j);
}

bool
admin_unseal(struct ctx *c, struct call *call)
{
	call->accounted = true;
	return keys_unseal(c, call->server->keys, &call->who, call->input) &&
	    state_row(c, call);
}

bool
admin_seal(struct ctx *c, struct call *call)
{
	call->accounted = true;
	return keys_seal(c, call->server->keys, &call->who) && state_row(c, call);
}

/* ---- rotate ---------------------------------------------------------------------------------- */

MUST static bool
rotate_dry(struct ctx *c, struct call *call)
{
	struct keys_status k;
	int64_t older, all;
	struct db *db;
	struct js j;

	keys_status(call->server->keys, &k);
	if (!server_reader(c, call->server, &db) ||
	    !sealed_count(c, db, k.keyring + 1, &older, &all) || !call_account(c, call))
		return false;
	call_row_open(call, &j);
	js_number(&j, "keyring", k.keyring);
	js_number(&j, "would_become", k.keyring + 1);
	js_number(&j, "keys_to_reseal", all);
	js_bool(&j, "rotating", k.rotating);
	return call_row_send(c, call, &j);
}

MUST static bool
rotate_wait(struct ctx *c, struct call *call)
{
	struct keys_status k;

	for (keys_status(call->server->keys, &k); k.rotating;
	     keys_status(call->server->keys, &k)) {
		if (!call_progress(c, call, k.rotated, k.to_rotate) ||
		    !call_pause(c, call, WAIT_MS))
			return false;
		if (k.state != KEYS_OPEN)
			return fail(c, E_SEALED,
			    "sealed meanwhile; the rotation goes on when it is open again");
	}
	return true;
}

bool
admin_rotate(struct ctx *c, struct call *call)
{
	struct keys_status k;
	struct js j;

	if (call_option(call, "--dry-run", NULL))
		return rotate_dry(c, call);
	call->accounted = true;
	if (!keys_rotate(c, call->server->keys, &call->who))
		return false;
	if (call_option(call, "--wait", NULL) && !rotate_wait(c, call))
		return false;
	keys_status(call->server->keys, &k);
	call_row_open(call, &j);
	js_number(&j, "keyring", k.keyring);
	js_bool(&j, "rotating", k.rotating);
	return call_row_send(c, call, &j);
}

/* ---- metrics --------------------------------------------------------------------------------- */

bool
admin_metrics(struct ctx *c, struct call *call)
{
	struct buf text;
	struct js j;

	if (!take_buf(c, METRICS_MAX, &text) || !metrics_print(c, call->server, &text) ||
	    !call_account(c, call))
		return false;
	call_row_open(call, &j);
	js_text(&j, "text", buf_str(&text));
	return call_row_send(c, call, &j);
}
