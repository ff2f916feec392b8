/*
 * doctor, from within: the keys and their custodian, the clock, the storage, the audit's
 * checkpoints. What can be seen from outside as well is in admin_outside.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "admin.h"

enum { STEP_MS = 300000, LATE_CHECKPOINTS = 10, LAST_ROWS = 500 };

bool
doctor_find(struct doctor *d, const char *state, const char *check, const char *next,
    const char *fmt, ...)
{
	char text[400];
	va_list args;
	struct js j;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (strcmp(state, "error") == 0)
		d->wrong++;
	call_row_open(d->call, &j);
	js_text(&j, "state", str_of(state));
	js_text(&j, "check", str_of(check));
	js_text(&j, "finding", str_of(text));
	js_text(&j, "next", str_of(next));
	return call_row_send(&d->call->c, d->call, &j);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* The custodian answers: it makes a key that nobody will use. */
MUST static bool
custodian_check(struct ctx *c, struct doctor *d)
{
	struct vendor_key_row row;
	struct id id = id_new(c, "ven");

	if (keys_vendor_new(c, d->call->server->keys, str_of(id.s), &row))
		return doctor_find(d, "ok", "custodian", "", "the custodian answers");
	return doctor_find(d, "error", "custodian",
	    "it is started again by itself; if not, see the log for custodian-failed, and "
	    "restart hallmarkd",
	    "the custodian does not answer: %s", c->err.text);
}

MUST static bool
keys_check(struct ctx *c, struct doctor *d)
{
	struct keys_status k;

	keys_status(d->call->server->keys, &k);
	switch (k.state) {
	case KEYS_UNINITIALISED:
		return doctor_find(
		    d, "error", "keys", "hallmarkctl init", "there are no keys yet");
	case KEYS_SEALED:
		return doctor_find(d, "error", "keys",
		    "hallmarkctl unseal, once for each share",
		    "sealed: %s (%u of %u shares given)",
		    k.reason[0] == '\0' ? "the root key is not here" : k.reason, k.have,
		    k.need);
	case KEYS_OPEN:
		break;
	}
	if (!doctor_find(d, "ok", "keys",
		k.rotating ? "hallmarkctl rotate --wait shows it" : "",
		"open, keyring version %lld%s", (long long)k.keyring,
		k.rotating ? ", a rotation is under way" : ""))
		return false;
	return custodian_check(c, d);
}

int64_t
admin_clock_offset(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t); /* goes on while the machine sleeps */
	return clock_now() - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* ---- Storage, clock, audit ------------------------------------------------------------------- */

MUST static bool
storage_check(struct ctx *c, struct doctor *d)
{
	enum err_code health = store_health(d->call->server->store);

	(void)c;
	if (health == E_NONE)
		return doctor_find(d, "ok", "storage", "", "the last commit went well");
	return doctor_find(d, "error", "storage",
	    health == E_FULL
		? "make room in the state folder's file system: service returns by "
		  "itself"
		: "see the kernel's log for errors of the disk; hallmarkctl db check",
	    "the last commit failed: %s", err_title(health));
}

MUST static bool
clock_check(struct ctx *c, struct doctor *d, const struct audit_row *row, size_t n)
{
	static const char next[] =
	    "set the clock right (timedatectl, chronyc); times in the audit "
	    "do not run backwards by themselves";
	int64_t now = c->now(), stepped = admin_clock_offset() - d->call->clock_offset;
	int64_t latest = 0;

	for (size_t i = 0; i < n; i++)
		latest = row[i].at > latest ? row[i].at : latest;
	if (now + STEP_MS < latest)
		return doctor_find(d, "error", "clock", next,
		    "the clock is %lld s before the latest of the last rows of the audit",
		    (long long)((latest - now) / 1000));
	if (stepped > STEP_MS || stepped < -STEP_MS)
		return doctor_find(d, "error", "clock", next,
		    "the clock was set %s by %lld s since the daemon started",
		    stepped > 0 ? "forward" : "back",
		    (long long)((stepped > 0 ? stepped : -stepped) / 1000));
	return doctor_find(
	    d, "ok", "clock", "", "runs evenly, and after the audit's last rows");
}

MUST static bool
checkpoint_check(struct ctx *c, struct doctor *d, struct db *db, const struct audit_row *last)
{
	int64_t late = d->call->server->conf.checkpoint_seconds * 1000 * LATE_CHECKPOINTS;
	struct checkpoint k;
	bool found;

	if (!checkpoint_last(c, db, &found, &k))
		return false;
	if (keys_state(d->call->server->keys) != KEYS_OPEN || last == NULL)
		return true;
	if (found ? last->at - k.at > late : c->now() - d->call->server->started > late)
		return doctor_find(d, "warning", "checkpoints",
		    "see the log for checkpoint-failed",
		    "the audit's last signed checkpoint is %lld rows old",
		    (long long)(last->seq - (found ? k.seq : 0)));
	return doctor_find(d, "ok", "checkpoints", "", "the audit's checkpoints are signed");
}

MUST static bool
audit_checks(struct ctx *c, struct doctor *d)
{
	struct audit_row *row = NULL;
	struct digest256 hash;
	struct db *db;
	int64_t seq;
	size_t n = 0;

	if (!server_reader(c, d->call->server, &db) || !audit_head(c, db, &seq, &hash) ||
	    !audit_list(
		c, db, STR(""), seq > LAST_ROWS ? seq - LAST_ROWS : 0, LAST_ROWS, &row, &n))
		return doctor_find(d, "error", "database", "hallmarkctl db check",
		    "the database cannot be read: %s", c->err.text);
	return clock_check(c, d, row, n) &&
	    checkpoint_check(c, d, db, n > 0 ? &row[n - 1] : NULL);
}

bool
admin_doctor(struct ctx *c, struct call *call)
{
	struct doctor d = { .call = call };

	if (!call_account(c, call) || !doctor_outside(c, &d, &call->server->conf) ||
	    !storage_check(c, &d) || !audit_checks(c, &d) || !keys_check(c, &d))
		return false;
	c->err = (struct err){ 0 };
	call->negative = d.wrong > 0;
	if (call->note[0] == '\0')
		snprintf(call->note, sizeof call->note,
		    d.wrong > 0 ? "%u to put right" : "all is well", d.wrong);
	return true;
}
