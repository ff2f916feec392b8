/*
 * The rules about who is involved and when: the parties, the license's state, the clock, the term,
 * the list of revocations. Each says what it objects to, knowing nothing of the others.
 */
#include "rules.h"

enum verdict_code
rule_lookup(const struct view *v)
{
	const struct facts *f = v->f;
	bool known = f->vendor != PARTY_UNKNOWN && f->customer != PARTY_UNKNOWN &&
	    f->release != OFFER_UNKNOWN && (f->looked_up || v->action == ACTION_ISSUE) &&
	    (f->recipient != PARTY_UNKNOWN || v->action != ACTION_TRANSFER);

	note(v, known ? "everything was looked up" : "something could not be looked up");
	return known ? V_VALID : V_DIRECTORY_UNAVAILABLE;
}

static const char *
party_name(enum party p)
{
	static const char *const names[] = { "unknown", "absent", "active", "suspended",
		"erased" };

	return names[p];
}

enum verdict_code
rule_vendor(const struct view *v)
{
	note(v, "the vendor is %s", party_name(v->f->vendor));
	switch (v->f->vendor) {
	case PARTY_UNKNOWN:
	case PARTY_ACTIVE:
		return V_VALID;
	case PARTY_SUSPENDED:
		return V_VENDOR_SUSPENDED;
	case PARTY_ABSENT:
	case PARTY_ERASED:
		return V_VENDOR_NOT_FOUND;
	}
	abort(); /* the compiler has seen every case */
}

enum verdict_code
rule_customer(const struct view *v)
{
	note(v, "the customer is %s", party_name(v->f->customer));
	switch (v->f->customer) {
	case PARTY_UNKNOWN:
	case PARTY_ACTIVE:
		return V_VALID;
	case PARTY_ABSENT:
		return V_CUSTOMER_NOT_FOUND;
	case PARTY_SUSPENDED:
		return V_CUSTOMER_SUSPENDED;
	case PARTY_ERASED:
		return V_CUSTOMER_ERASED;
	}
	abort(); /* the compiler has seen every case */
}

enum verdict_code
rule_release(const struct view *v)
{
	static const char *const names[] = { "unknown", "absent", "being made", "ready",
		"withdrawn" };

	note(v, "the release is %s", names[v->f->release]);
	switch (v->f->release) {
	case OFFER_UNKNOWN:
	case OFFER_READY:
		return V_VALID;
	case OFFER_ABSENT:
		return V_RELEASE_NOT_FOUND;
	case OFFER_MAKING:
		return V_RELEASE_NOT_READY;
	case OFFER_WITHDRAWN:
		return V_RELEASE_WITHDRAWN;
	}
	abort(); /* the compiler has seen every case */
}

enum verdict_code
rule_exists(const struct view *v)
{
	bool missing = v->f->looked_up && v->f->license == NULL;

	note(v, missing ? "there is no such license" : "the license exists");
	return missing ? V_LICENSE_NOT_FOUND : V_VALID;
}

enum verdict_code
rule_owner(const struct view *v)
{
	const struct license *l = v->f->license;

	if (l == NULL)
		return V_VALID;
	note(v, "issued to %s", l->customer.s);
	if (id_given(&v->f->by) && !id_same(&v->f->by, &l->customer))
		return V_LICENSE_OF_OTHER_CUSTOMER;
	note(v, "for %s", l->release.s);
	if (id_given(&v->f->of) && !id_same(&v->f->of, &l->release))
		return V_LICENSE_OF_OTHER_RELEASE;
	return V_VALID;
}

static enum verdict_code
state_code(enum license_state s)
{
	switch (s) {
	case LICENSE_ACTIVE:
		return V_VALID;
	case LICENSE_SUSPENDED:
		return V_LICENSE_SUSPENDED;
	case LICENSE_REVOKED:
		return V_LICENSE_REVOKED;
	case LICENSE_TRANSFERRED:
		return V_LICENSE_TRANSFERRED;
	}
	abort(); /* the compiler has seen every case */
}

enum verdict_code
rule_state(const struct view *v)
{
	if (v->f->license == NULL)
		return V_VALID;
	note(v, "the license is %s", license_state_name(v->f->license->state));
	return state_code(v->f->license->state);
}

/* What was revoked or transferred does not come back; what is active needs no reinstating. */
enum verdict_code
rule_suspended(const struct view *v)
{
	enum verdict_code code;

	if (v->f->license == NULL)
		return V_VALID;
	note(v, "the license is %s", license_state_name(v->f->license->state));
	code = state_code(v->f->license->state);
	if (code == V_LICENSE_SUSPENDED)
		return V_VALID;
	return code == V_VALID ? V_LICENSE_NOT_SUSPENDED : code;
}

enum verdict_code
rule_policy(const struct view *v)
{
	note(v, v->f->policy_retired ? "the policy is retired" : "the policy is in use");
	return v->f->policy_retired ? V_POLICY_RETIRED : V_VALID;
}

/* ---- When -------------------------------------------------------------------------------- */

/*
 * Offline, a leap beyond the longest offline time could never be a yes: a wrong clock rather than
 * a license that has run out. Online the server's clock is what there is.
 */
enum verdict_code
rule_clock(const struct view *v)
{
	int64_t now = v->f->now, seen = v->f->last_seen;

	note(v, "now %s, last seen %s, tolerance %lld s", moment(v, now).s, moment(v, seen).s,
	    (long long)v->p->tolerance);
	if (now < TIME_FIRST || now > TIME_LAST)
		return V_CLOCK_IMPLAUSIBLE;
	if (v->action == ACTION_OFFLINE && now > time_plus(seen, OFFLINE_MAX))
		return V_CLOCK_IMPLAUSIBLE;
	if (seen > time_plus(now, v->p->tolerance))
		return V_CLOCK_STEPPED_BACK;
	return V_VALID;
}

enum verdict_code
rule_issued(const struct view *v)
{
	if (v->f->license == NULL)
		return V_VALID;
	note(v, "issued at %s", moment(v, v->f->license->issued).s);
	return time_plus(v->at, v->p->tolerance) < v->f->license->issued ? V_CLOCK_BEFORE_ISSUE
									 : V_VALID;
}

enum verdict_code
rule_starts(const struct view *v)
{
	if (v->f->license == NULL)
		return V_VALID;
	note(v, "starts at %s, it is %s", moment(v, v->f->license->not_before).s,
	    moment(v, v->at).s);
	return v->at < v->f->license->not_before ? V_LICENSE_NOT_YET_VALID : V_VALID;
}

/* What runs may run on for the grace; nothing begins in it. */
enum verdict_code
rule_expires(const struct view *v)
{
	bool running = v->action == ACTION_VALIDATE || v->action == ACTION_HEARTBEAT ||
	    v->action == ACTION_FETCH || v->action == ACTION_OFFLINE;
	int64_t end;

	if (v->f->license == NULL)
		return V_VALID;
	end = v->f->license->expires;
	note(v, "ends at %s, grace %lld s, it is %s", moment(v, end).s,
	    (long long)v->p->grace_expired, moment(v, v->at).s);
	if (end == 0 || v->at < end)
		return V_VALID;
	if (running && v->at < time_plus(end, v->p->grace_expired))
		return V_VALID_IN_GRACE;
	return V_LICENSE_EXPIRED;
}

enum verdict_code
rule_revocations(const struct view *v)
{
	int64_t fresh = v->f->list_until;

	note(v, "known until %s, then %lld s offline, it is %s", moment(v, fresh).s,
	    (long long)v->p->offline, moment(v, v->at).s);
	if (v->at < fresh)
		return V_VALID;
	if (fresh > 0 && v->at < time_plus(fresh, v->p->offline))
		return V_VALID_OFFLINE;
	return v->p->stale_refused ? V_OFFLINE_TOO_LONG : V_REVOCATIONS_UNKNOWN;
}
