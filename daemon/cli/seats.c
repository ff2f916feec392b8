/*
 * A seat, as a machine keeps it: a heartbeat now and then, and what it means when none comes
 * through. A refusal ends the program, after the grace of the terms; an outage does not, as long as
 * the license may be used without asking.
 */
#include <stdio.h>

#include "customer.h"

enum { BODY_MAX = 1024, REFUSED = 3, UNKNOWN = 2 };

MUST static bool
seat_path(struct cli *t, const struct held *h, const struct license_claims *k, char **ret)
{
	char name[40];

	if (!machine_name(t, &h->machine, k->components, name))
		return false;
	*ret = take_printf(&t->c, "/v1/licenses/%s/leases/%s", h->license.s, name);
	return *ret != NULL;
}

/* As the server has it, if that is less than the license file says: terms may have changed. */
MUST static bool
lease_of(struct cli *t, struct str body, const struct license_claims *k, int64_t *ret)
{
	struct str expires;
	int64_t at, left;

	if (!cli_text(t, body, "expires", &expires) || !time_parse(&t->c, expires, &at))
		return false;
	left = (at - t->c.now()) / 1000;
	*ret = left > 0 && left < k->lease ? left : k->lease;
	return true;
}

bool
seat_keep(struct cli *t, const struct held *h, const struct license_claims *k,
    bool *ret_reached, int64_t *ret_lease)
{
	struct api_request rq = { .method = "PUT" };
	struct api_answer a;
	char body[BODY_MAX], *path;
	struct buf b = BUF(body);
	struct js j = { &b };

	js_open(&j, NULL, '{');
	machine_put(&j, &h->machine);
	js_close(&j, '}');
	if (!buf_ok(&t->c, &b) || !seat_path(t, h, k, &path))
		return false;
	rq.body = buf_str(&b);
	rq.path = path;
	return ask(t, &rq, ret_reached, &a) &&
	    (!*ret_reached || lease_of(t, a.body, k, ret_lease));
}

/* ---- What it means for a program that runs --------------------------------------------------- */

/* A license that was revoked leaves what runs its grace; of one that has run out it was given. */
static int64_t
grace_of(const struct err *e, const struct license_claims *k)
{
	return strcmp(err_name(e), verdict_wire(V_LICENSE_EXPIRED)) == 0 ? 0 : k->grace_revoked;
}

static void
ends(struct news *n, int64_t left, int status, const char *name, const char *why)
{
	*n = (struct news){ .what = NEWS_END, .left = left < 0 ? 0 : left, .status = status };
	snprintf(n->why, sizeof n->why, "%s (%s)", why, name);
}

/* The server refused: E_REFUSED and the like. */
static void
refused(struct cli *t, const struct license_claims *k, struct news *n)
{
	ends(n, grace_of(&t->c.err, k), err_exit(t->c.err.code), err_name(&t->c.err),
	    t->c.err.text);
	t->c.err = (struct err){ 0 };
}

/* Nobody could be asked: what lies here decides, and for how long. */
MUST static bool
unasked(struct cli *t, struct held *h, struct identity *who, const struct ec_key *key,
    struct news *n)
{
	struct offline_result r;
	struct offline in;

	if (!held_check(t, h, who, key, true, &in, &r))
		return false;
	if (verdict_answer(r.verdict.code) == ANSWER_YES) {
		*n = (struct news){ .what = NEWS_OUTAGE, .lease = r.claims.lease };
		n->left = r.verdict.until == 0 ? -1 : r.verdict.until - in.now;
		snprintf(n->why, sizeof n->why, "%s", t->outage);
		return true;
	}
	ends(n, r.verdict.until - in.now,
	    verdict_answer(r.verdict.code) == ANSWER_NO ? REFUSED : UNKNOWN,
	    verdict_wire(r.verdict.code), verdict_sentence(r.verdict.code));
	return true;
}

/*
 * Who is not known any more (another key, an erased customer) is no license that was refused: the
 * list of revocations, which everybody may read, says what became of that.
 */
MUST static bool
unknown(struct cli *t, struct held *h, struct identity *who, const struct ec_key *key,
    struct news *n)
{
	char why[sizeof t->outage];
	bool reached;

	snprintf(why, sizeof why, "%s", t->c.err.text);
	t->c.err = (struct err){ 0 };
	if (!list_fetch(t, h, who, &reached))
		return false;
	snprintf(t->outage, sizeof t->outage, "%s", why);
	return unasked(t, h, who, key, n);
}

/* How long a program may run on if nobody can be asked any more; -1: without end. */
static int64_t
left_of(const struct offline *in, const struct offline_result *r, int64_t lease)
{
	if (verdict_answer(r->verdict.code) != ANSWER_YES)
		return lease; /* the server has just said otherwise: as long as it said */
	return r->verdict.until == 0 ? -1 : r->verdict.until - in->now;
}

/* Time goes on in the record, and the list grows older. */
MUST static bool
renew(struct cli *t, struct held *h, struct identity *who, const struct ec_key *key,
    struct news *n)
{
	struct offline_result r;
	struct offline in;
	bool reached;

	if (!held_check(t, h, who, key, true, &in, &r))
		return false;
	if (in.now >= r.list.next_update &&
	    (!list_fetch(t, h, who, &reached) || !held_check(t, h, who, key, true, &in, &r)))
		return false;
	n->left = left_of(&in, &r, n->lease);
	return true;
}

MUST static bool
beat(struct cli *t, struct held *h, struct identity *who, const struct ec_key *key,
    struct news *n)
{
	struct offline_result r;
	struct offline in;
	int64_t lease;
	bool reached;

	if (!held_check(t, h, who, key, true, &in, &r))
		return false;
	if (!r.read)
		return verdict_ok(&t->c, &r.verdict);
	if (!seat_keep(t, h, &r.claims, &reached, &lease)) {
		if (t->c.err.code == E_AUTH)
			return unknown(t, h, who, key, n);
		if (t->c.err.code == E_MEMORY || t->c.err.code == E_CRYPTO ||
		    t->c.err.code == E_FILE)
			return false;
		refused(t, &r.claims, n);
		return true;
	}
	if (!reached)
		return unasked(t, h, who, key, n);
	*n = (struct news){ .what = NEWS_GOOD, .lease = lease };
	return renew(t, h, who, key, n);
}

bool
seat_beat(struct cli *t, void *arg, struct news *ret)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	owned(ec_key_free) struct ec_key *key = NULL;

	(void)arg;
	t->tries = 1;
	return held_open(t, t->parsed.arg[0], false, &h) && held_identity(t, &h, &who) &&
	    identity_enter(t, &who, &key) && api_open(t) && beat(t, &h, &who, key, ret);
}

bool
seat_leave(struct cli *t, void *arg, struct news *ret)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	owned(ec_key_free) struct ec_key *key = NULL;
	struct api_request rq = { .method = "DELETE" };
	struct offline_result r;
	struct api_answer a;
	struct offline in;
	bool reached;
	char *path;

	(void)arg;
	*ret = (struct news){ .what = NEWS_GOOD };
	t->tries = 1;
	if (!held_open(t, t->parsed.arg[0], false, &h) || !held_identity(t, &h, &who) ||
	    !identity_enter(t, &who, &key) || !api_open(t) ||
	    !held_check(t, &h, &who, key, true, &in, &r) || !seat_path(t, &h, &r.claims, &path))
		return false;
	rq.path = path;
	return ask(t, &rq, &reached, &a);
}
