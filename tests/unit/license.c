/*
 * The decision as a table: a license in good order, one or two things that are otherwise, and the
 * code that this must give. All actions, all codes that rules can give, and both sides of every
 * border.
 */
#include "license_support.h"

#define VALIDATE ACTION_VALIDATE
#define CLAIM ACTION_CLAIM
#define HEARTBEAT ACTION_HEARTBEAT
#define UNLOCK ACTION_UNLOCK
#define FETCH ACTION_FETCH
#define ISSUE ACTION_ISSUE
#define RENEW ACTION_RENEW
#define TRANSFER ACTION_TRANSFER
#define REINSTATE ACTION_REINSTATE
#define OFFLINE ACTION_OFFLINE

/* clang-format off */
static const struct {
	enum action action;
	enum verdict_code want;
	const char *rule; /* NULL: as it may be */
	struct spoilt spoilt[SPOILT];
} cases[] = {
	/* In good order. */
	{ VALIDATE,  V_VALID, "", { { 0 } } },
	{ CLAIM,     V_VALID, "", { { 0 } } },
	{ HEARTBEAT, V_VALID, "", { { 0 } } },
	{ UNLOCK,    V_VALID, "", { { 0 } } },
	{ ISSUE,     V_VALID, "", { { 0 } } },
	{ RENEW,     V_VALID, "", { { 0 } } },
	{ TRANSFER,  V_VALID, "", { { 0 } } },
	{ REINSTATE, V_VALID, "", { { 0 } } },
	{ OFFLINE,   V_VALID, "", { { 0 } } },

	/* What was not looked up decides nothing. */
	{ VALIDATE,  V_DIRECTORY_UNAVAILABLE, "lookup", { S(f.vendor, PARTY_UNKNOWN) } },
	{ VALIDATE,  V_DIRECTORY_UNAVAILABLE, "lookup", { S(f.customer, PARTY_UNKNOWN) } },
	{ UNLOCK,    V_DIRECTORY_UNAVAILABLE, "lookup", { S(f.release, OFFER_UNKNOWN) } },
	{ CLAIM,     V_DIRECTORY_UNAVAILABLE, "lookup", { S(f.looked_up, false), S(f.license, NULL) } },
	{ TRANSFER,  V_DIRECTORY_UNAVAILABLE, "lookup", { S(f.recipient, PARTY_UNKNOWN) } },
	{ RENEW,     V_VALID, "", { S(f.recipient, PARTY_UNKNOWN) } },
	{ ISSUE,     V_VALID, "", { S(f.looked_up, false) } },

	/* Who. */
	{ VALIDATE,  V_VENDOR_NOT_FOUND, "vendor", { S(f.vendor, PARTY_ABSENT) } },
	{ CLAIM,     V_VENDOR_SUSPENDED, "vendor", { S(f.vendor, PARTY_SUSPENDED) } },
	{ REINSTATE, V_VENDOR_SUSPENDED, "vendor", { S(f.vendor, PARTY_SUSPENDED) } },
	{ ISSUE,     V_CUSTOMER_NOT_FOUND, "customer", { S(f.customer, PARTY_ABSENT) } },
	{ UNLOCK,    V_CUSTOMER_SUSPENDED, "customer", { S(f.customer, PARTY_SUSPENDED) } },
	{ HEARTBEAT, V_CUSTOMER_SUSPENDED, "customer", { S(f.customer, PARTY_SUSPENDED) } },
	{ VALIDATE,  V_CUSTOMER_ERASED, "customer", { S(f.customer, PARTY_ERASED) } },
	{ UNLOCK,    V_CUSTOMER_NOT_ENROLLED, "enrolled", { S(f.enrolled, false) } },
	{ VALIDATE,  V_VALID, "", { S(f.enrolled, false) } },
	{ ISSUE,     V_VALID, "", { S(f.enrolled, false) } },
	{ ISSUE,     V_RELEASE_NOT_FOUND, "release", { S(f.release, OFFER_ABSENT) } },
	{ ISSUE,     V_RELEASE_NOT_READY, "release", { S(f.release, OFFER_MAKING) } },
	{ UNLOCK,    V_RELEASE_WITHDRAWN, "release", { S(f.release, OFFER_WITHDRAWN) } },
	{ REINSTATE, V_VALID, "", { S(f.release, OFFER_WITHDRAWN) } },

	/* Which license. */
	{ VALIDATE,  V_LICENSE_NOT_FOUND, "license", { S(f.license, NULL) } },
	{ TRANSFER,  V_LICENSE_NOT_FOUND, "license", { S(f.license, NULL) } },
	{ UNLOCK,    V_LICENSE_OF_OTHER_CUSTOMER, "owner", { S(f.by.s[39], '0') } },
	{ UNLOCK,    V_LICENSE_OF_OTHER_RELEASE, "owner", { S(f.of.s[39], '0') } },
	{ UNLOCK,    V_VALID, "", { S(f.by.s[0], 0), S(f.of.s[0], 0) } },

	/* Its state. */
	{ VALIDATE,  V_LICENSE_SUSPENDED, "state", { S(l.state, LICENSE_SUSPENDED) } },
	{ UNLOCK,    V_LICENSE_REVOKED, "state", { S(l.state, LICENSE_REVOKED) } },
	{ HEARTBEAT, V_LICENSE_REVOKED, "state", { S(l.state, LICENSE_REVOKED), S(p.grace_revoked, DAY) } },
	{ CLAIM,     V_LICENSE_TRANSFERRED, "state", { S(l.state, LICENSE_TRANSFERRED) } },
	{ RENEW,     V_LICENSE_SUSPENDED, "state", { S(l.state, LICENSE_SUSPENDED) } },
	{ RENEW,     V_LICENSE_REVOKED, "state", { S(l.state, LICENSE_REVOKED) } },
	{ TRANSFER,  V_LICENSE_SUSPENDED, "state", { S(l.state, LICENSE_SUSPENDED) } },
	{ REINSTATE, V_LICENSE_NOT_SUSPENDED, "suspended", { S(l.state, LICENSE_ACTIVE) } },
	{ REINSTATE, V_LICENSE_REVOKED, "suspended", { S(l.state, LICENSE_REVOKED) } },
	{ REINSTATE, V_LICENSE_TRANSFERRED, "suspended", { S(l.state, LICENSE_TRANSFERRED) } },
	/* Known to be revoked is known, whatever the clock says. */
	{ OFFLINE,   V_LICENSE_REVOKED, "state", { S(l.state, LICENSE_REVOKED), S(f.now, 0) } },
	{ ISSUE,     V_POLICY_RETIRED, "policy", { S(f.policy_retired, true) } },
	{ RENEW,     V_POLICY_RETIRED, "policy", { S(f.policy_retired, true) } },
	{ UNLOCK,    V_VALID, "", { S(f.policy_retired, true) } },

	/* The clock. */
	{ VALIDATE,  V_CLOCK_IMPLAUSIBLE, "clock", { S(f.now, 0) } },
	{ VALIDATE,  V_CLOCK_IMPLAUSIBLE, "clock", { S(f.now, INT64_MIN) } },
	{ VALIDATE,  V_CLOCK_IMPLAUSIBLE, "clock", { S(f.now, INT64_MAX) } },
	{ VALIDATE,  V_CLOCK_IMPLAUSIBLE, "clock", { S(f.now, TIME_LAST + 1) } },
	{ OFFLINE,   V_CLOCK_IMPLAUSIBLE, "clock", { S(f.now, NOW + 4000 * DAY) } },
	{ OFFLINE,   V_LICENSE_EXPIRED, "expires", { S(f.now, NOW + 3000 * DAY) } },
	{ VALIDATE,  V_LICENSE_EXPIRED, "expires", { S(f.now, NOW + 4000 * DAY) } },
	{ VALIDATE,  V_CLOCK_STEPPED_BACK, "clock", { S(f.last_seen, NOW + 301) } },
	{ VALIDATE,  V_VALID, "", { S(f.last_seen, NOW + 300) } },
	{ UNLOCK,    V_CLOCK_STEPPED_BACK, "clock", { S(f.last_seen, NOW + 1), S(p.tolerance, 0) } },
	{ VALIDATE,  V_CLOCK_STEPPED_BACK, "clock", { S(f.last_seen, INT64_MAX) } },
	/* Time that was seen counts: the license ended in the meantime. */
	{ VALIDATE,  V_LICENSE_EXPIRED, "expires", { S(f.last_seen, NOW + 200), S(l.expires, NOW + 200) } },
	{ VALIDATE,  V_VALID, "", { S(f.last_seen, NOW + 199), S(l.expires, NOW + 200) } },
	/* A wrong clock is not an expiry. */
	{ OFFLINE,   V_CLOCK_STEPPED_BACK, "clock", { S(f.last_seen, NOW + DAY), S(l.expires, NOW) } },
	{ VALIDATE,  V_CLOCK_BEFORE_ISSUE, "issued", { S(l.issued, NOW + 301) } },
	{ VALIDATE,  V_VALID, "", { S(l.issued, NOW + 300) } },

	/* The term, to the second. */
	{ VALIDATE,  V_LICENSE_NOT_YET_VALID, "starts", { S(l.not_before, NOW + 1) } },
	{ VALIDATE,  V_VALID, "", { S(l.not_before, NOW) } },
	{ VALIDATE,  V_LICENSE_EXPIRED, "expires", { S(l.expires, NOW) } },
	{ VALIDATE,  V_VALID, "", { S(l.expires, NOW + 1) } },
	{ VALIDATE,  V_VALID, "", { S(l.expires, 0) } },
	{ VALIDATE,  V_VALID_IN_GRACE, "expires", { S(l.expires, NOW - 9), S(p.grace_expired, 10) } },
	{ VALIDATE,  V_LICENSE_EXPIRED, "expires", { S(l.expires, NOW - 10), S(p.grace_expired, 10) } },
	{ HEARTBEAT, V_VALID_IN_GRACE, "expires", { S(l.expires, NOW), S(p.grace_expired, 10) } },
	{ CLAIM,     V_LICENSE_EXPIRED, "expires", { S(l.expires, NOW), S(p.grace_expired, 10) } },
	{ UNLOCK,    V_LICENSE_EXPIRED, "expires", { S(l.expires, NOW), S(p.grace_expired, 10) } },
	{ TRANSFER,  V_LICENSE_EXPIRED, "expires", { S(l.expires, NOW), S(p.grace_expired, 10) } },
	{ RENEW,     V_VALID, "", { S(l.expires, NOW) } },
	{ REINSTATE, V_VALID, "", { S(l.expires, NOW) } },

	/* Revocations, far from the server. */
	{ OFFLINE,   V_VALID, "", { S(f.list_until, NOW + 1) } },
	{ OFFLINE,   V_VALID_OFFLINE, "revocations", { S(f.list_until, NOW) } },
	{ OFFLINE,   V_VALID_OFFLINE, "revocations", { S(f.list_until, NOW - 7 * DAY + 1) } },
	{ OFFLINE,   V_OFFLINE_TOO_LONG, "revocations", { S(f.list_until, NOW - 7 * DAY) } },
	{ OFFLINE,   V_REVOCATIONS_UNKNOWN, "revocations",
	    { S(f.list_until, NOW - 7 * DAY), S(p.stale_refused, false) } },
	{ OFFLINE,   V_OFFLINE_TOO_LONG, "revocations", { S(f.list_until, NOW), S(p.offline, 0) } },
	{ OFFLINE,   V_REVOCATIONS_UNKNOWN, "revocations", { S(f.list_until, 0), S(p.stale_refused, false) } },
	{ OFFLINE,   V_VALID_IN_GRACE, "expires",
	    { S(f.list_until, NOW), S(l.expires, NOW), S(p.grace_expired, 10) } },
	{ VALIDATE,  V_VALID, "", { S(f.list_until, 0) } },

	/* Delivery tokens. */
	{ UNLOCK,    V_VALID, "", { S(f.delivery, DELIVERY_GOOD) } },
	{ UNLOCK,    V_DELIVERY_NOT_FOUND, "delivery", { S(f.delivery, DELIVERY_ABSENT) } },
	{ UNLOCK,    V_DELIVERY_SPENT, "delivery", { S(f.delivery, DELIVERY_SPENT) } },
	{ UNLOCK,    V_DELIVERY_EXPIRED, "delivery", { S(f.delivery, DELIVERY_EXPIRED) } },
	{ CLAIM,     V_VALID, "", { S(f.delivery, DELIVERY_SPENT) } },

	/* Key images. */
	{ UNLOCK,    V_IMAGE_MISSING, "image", { S(f.image, SHOWING_NONE) } },
	{ UNLOCK,    V_IMAGE_UNKNOWN, "image", { S(f.image, SHOWING_UNKNOWN) } },
	{ UNLOCK,    V_IMAGE_SPENT, "image", { S(f.image, SHOWING_SPENT) } },
	{ UNLOCK,    V_IMAGE_EXPIRED, "image", { S(f.image, SHOWING_EXPIRED) } },
	{ UNLOCK,    V_IMAGE_REVOKED, "image", { S(f.image, SHOWING_REVOKED) } },
	{ OFFLINE,   V_IMAGE_MISSING, "image", { S(f.image, SHOWING_NONE) } },
	{ OFFLINE,   V_IMAGE_MISMATCH, "image", { S(f.image, SHOWING_OTHER) } },
	{ OFFLINE,   V_IMAGE_UNKNOWN, "image", { S(f.image, SHOWING_UNKNOWN) } },
	{ UNLOCK,    V_VALID, "", { S(f.image, SHOWING_NONE), S(p.image, IMAGE_NONE) } },
	{ UNLOCK,    V_VALID, "", { S(f.image, SHOWING_SPENT), S(p.image, IMAGE_NONE) } },
	{ OFFLINE,   V_VALID, "", { S(f.image, SHOWING_NONE), S(p.image, IMAGE_NONE) } },
	/* Once unlocked, a seat is kept without showing it again; the license file says which it is. */
	{ CLAIM,     V_VALID, "", { S(f.image, SHOWING_NONE) } },
	{ HEARTBEAT, V_VALID, "", { S(f.image, SHOWING_NONE) } },
	{ FETCH,     V_VALID, "", { S(f.image, SHOWING_NONE) } },
	{ VALIDATE,  V_VALID, "", { S(f.image, SHOWING_REVOKED) } },
	{ ISSUE,     V_RELEASE_WITHOUT_WATERMARK, "watermark", { S(f.watermarked, false) } },
	{ RENEW,     V_RELEASE_WITHOUT_WATERMARK, "watermark", { S(f.watermarked, false) } },
	{ TRANSFER,  V_RELEASE_WITHOUT_WATERMARK, "watermark", { S(f.watermarked, false) } },
	{ ISSUE,     V_VALID, "", { S(f.watermarked, false), S(p.image, IMAGE_NONE) } },
	{ UNLOCK,    V_VALID, "", { S(f.watermarked, false) } },
	{ ISSUE,     V_COPY_OF_OTHER_CUSTOMER, "copy", { S(f.others_copy, true) } },
	{ TRANSFER,  V_COPY_OF_OTHER_CUSTOMER, "copy", { S(f.others_copy, true) } },
	{ RENEW,     V_VALID, "", { S(f.others_copy, true) } },
	{ UNLOCK,    V_VALID, "", { S(f.others_copy, true) } },

	/* Machines. */
	{ CLAIM,     V_MACHINE_MISSING, "machine", { S(f.machine, NULL) } },
	{ OFFLINE,   V_MACHINE_MISSING, "machine", { S(f.machine, NULL) } },
	{ VALIDATE,  V_VALID, "", { S(f.machine, NULL) } },
	{ CLAIM,     V_VALID, "", { S(f.machine, NULL), S(p.binding, BIND_NONE) } },
	{ CLAIM,     V_MACHINE_TOO_WEAK, "machine", { S(here.n, 1) } },
	{ CLAIM,     V_VALID, "", { S(here.n, 2) } },
	{ CLAIM,     V_VALID, "", { S(here.n, 1), S(p.binding, BIND_ANY) } },
	{ CLAIM,     V_MACHINE_TOO_WEAK, "machine", { S(here.n, 0), S(p.binding, BIND_ANY) } },
	{ CLAIM,     V_MACHINE_TOO_WEAK, "machine", { S(p.components, 1) } },
	{ HEARTBEAT, V_MACHINE_MISMATCH, "machine", { S(bound[1].part[0].digest.b[0], 0), S(bound[1].part[1].digest.b[0], 0) } },
	{ HEARTBEAT, V_VALID, "", { S(bound[1].part[0].digest.b[0], 0) } },
	{ CLAIM,     V_MACHINE_MISMATCH, "machine", { S(l.bound_n, 1), S(l.seats, 1), S(f.seats_used, 0) } },
	{ CLAIM,     V_VALID, "", { S(l.bound_n, 1) } },
	{ VALIDATE,  V_MACHINE_MISMATCH, "machine", { S(l.bound_n, 1) } },
	{ VALIDATE,  V_VALID, "", { S(l.bound_n, 0) } },
	{ OFFLINE,   V_MACHINE_NOT_BOUND, "machine", { S(l.bound_n, 0) } },
	{ OFFLINE,   V_MACHINE_MISMATCH, "machine", { S(l.bound_n, 1) } },
	{ OFFLINE,   V_MACHINE_OTHER_CONTAINER, "machine",
	    { S(here.part[2].component, MACHINE_CONTAINER), S(p.components, 31), S(l.seats, 2) } },
	{ OFFLINE,   V_VALID, "", { S(here.part[2].component, MACHINE_CONTAINER) } },

	/* Entitlements and approvals. */
	{ UNLOCK,    V_ENTITLEMENT_MISSING, "entitlement", { S(f.entitlement.n, 2) } },
	{ VALIDATE,  V_VALID, "", { S(f.entitlement.n, 0) } },
	{ OFFLINE,   V_ENTITLEMENT_MISSING, "entitlement", { S(l.entitlements.n, 0) } },
	{ UNLOCK,    V_APPROVALS_MISSING, "approvals", { S(f.approvals, 1) } },
	{ UNLOCK,    V_VALID, "", { S(f.approvals, 0), S(p.approvals, 0) } },
	{ CLAIM,     V_VALID, "", { S(f.approvals, 0) } },

	/* Seats and unlocks. */
	{ CLAIM,     V_COUNTERS_UNAVAILABLE, "counted", { S(f.counted, false) } },
	{ HEARTBEAT, V_COUNTERS_UNAVAILABLE, "counted", { S(f.counted, false) } },
	{ VALIDATE,  V_VALID, "", { S(f.counted, false) } },
	{ CLAIM,     V_SEATS_EXHAUSTED, "seats", { S(f.seats_used, 3) } },
	{ CLAIM,     V_VALID, "", { S(f.seats_used, 2) } },
	{ CLAIM,     V_VALID, "", { S(f.seats_used, 3), S(f.seat, SEAT_HELD) } },
	{ CLAIM,     V_SEATS_EXHAUSTED, "seats", { S(f.seats_used, 3), S(f.seat, SEAT_LAPSED) } },
	{ UNLOCK,    V_SEATS_EXHAUSTED, "seats", { S(f.seats_used, 3) } },
	{ HEARTBEAT, V_SEAT_NOT_HELD, "heartbeat", { S(f.seat, SEAT_NONE) } },
	{ HEARTBEAT, V_SEAT_LAPSED, "heartbeat", { S(f.seat, SEAT_LAPSED) } },
	{ HEARTBEAT, V_VALID, "", { S(f.seats_used, 3) } },
	{ UNLOCK,    V_UNLOCKS_EXHAUSTED, "unlocks", { S(f.unlocks_done, 4) } },
	{ UNLOCK,    V_VALID, "", { S(f.unlocks_done, 3) } },
	{ UNLOCK,    V_UNLOCKS_EXHAUSTED, "unlocks", { S(p.unlocks, 0), S(f.unlocks_done, 0) } },

	/* New terms. */
	{ ISSUE,     V_SEATS_OVER_POLICY, "terms", { S(f.ask_seats, 6) } },
	{ ISSUE,     V_SEATS_OVER_POLICY, "terms", { S(f.ask_seats, 0) } },
	{ ISSUE,     V_VALID, "", { S(f.ask_seats, 5) } },
	{ ISSUE,     V_VALID, "", { S(f.ask_until, NOW + 365 * DAY) } },
	{ ISSUE,     V_TERM_OVER_POLICY, "terms", { S(f.ask_until, NOW + 365 * DAY + 1) } },
	{ ISSUE,     V_TERM_OVER_POLICY, "terms", { S(f.ask_until, 0) } },
	{ ISSUE,     V_VALID, "", { S(f.ask_until, 0), S(p.duration, 0) } },
	{ ISSUE,     V_TERM_EMPTY, "terms", { S(f.ask_until, NOW) } },
	{ ISSUE,     V_TERM_EMPTY, "terms", { S(f.ask_from, NOW - DAY), S(f.ask_until, NOW) } },
	{ ISSUE,     V_TERM_EMPTY, "terms", { S(f.ask_from, NOW + DAY), S(f.ask_until, NOW + DAY) } },
	{ RENEW,     V_NOT_RENEWABLE, "renewal", { S(p.renewable, false) } },
	{ RENEW,     V_VALID, "", { S(f.ask_until, NOW + 375 * DAY) } },
	{ RENEW,     V_TERM_OVER_POLICY, "terms", { S(f.ask_until, NOW + 375 * DAY + 1) } },
	{ RENEW,     V_TERM_OVER_POLICY, "terms", { S(f.ask_until, NOW + 366 * DAY), S(l.expires, NOW - DAY) } },

	/* Transfers. */
	{ TRANSFER,  V_NOT_TRANSFERABLE, "transfer", { S(p.transferable, false) } },
	{ TRANSFER,  V_RECIPIENT_NOT_FOUND, "transfer", { S(f.recipient, PARTY_ABSENT) } },
	{ TRANSFER,  V_RECIPIENT_NOT_FOUND, "transfer", { S(f.recipient, PARTY_ERASED) } },
	{ TRANSFER,  V_RECIPIENT_SUSPENDED, "transfer", { S(f.recipient, PARTY_SUSPENDED) } },
	{ TRANSFER,  V_RECIPIENT_SAME, "transfer", { S(f.to.s[39], 'a') } },
	{ TRANSFER,  V_SEATS_IN_USE, "transfer", { S(f.seats_used, 1) } },
	{ TRANSFER,  V_COUNTERS_UNAVAILABLE, "counted", { S(f.counted, false) } },

	/* Keys. */
	{ UNLOCK,    V_KEYS_SEALED, "keys", { S(f.keys_ready, false) } },
	{ ISSUE,     V_KEYS_SEALED, "keys", { S(f.keys_ready, false) } },
	{ VALIDATE,  V_VALID, "", { S(f.keys_ready, false) } },
	/* What is refused is refused, sealed or not. */
	{ UNLOCK,    V_LICENSE_REVOKED, "state", { S(f.keys_ready, false), S(l.state, LICENSE_REVOKED) } },
};
/* clang-format on */

START_TEST(decisions)
{
	struct story s;
	struct verdict v;

	story_init(&s, cases[_i].action);
	story_spoil(&s, cases[_i].spoilt);
	v = policy_decide(&s.f, &s.p, cases[_i].action);
	ck_assert_msg(v.code == cases[_i].want, "row %d, %s: %s by %s, not %s", _i,
	    action_name(cases[_i].action), verdict_wire(v.code), v.rule,
	    verdict_wire(cases[_i].want));
	ck_assert_str_eq(v.rule, cases[_i].rule);
}
END_TEST

/* One explanation for each decision: the same verdict, and one rule that decided, or none. */
START_TEST(explanations)
{
	struct rule_seen seen[RULES_MAX];
	struct verdict v, told;
	size_t n, decided = 0;
	struct story s;

	story_init(&s, cases[_i].action);
	story_spoil(&s, cases[_i].spoilt);
	v = policy_decide(&s.f, &s.p, cases[_i].action);
	n = policy_explain(&s.f, &s.p, cases[_i].action, seen, &told);
	ck_assert_int_eq(v.code, told.code);
	ck_assert_str_eq(v.rule, told.rule);
	ck_assert_int_eq(v.until, told.until);
	ck_assert(v.binds == told.binds && v.clock_back == told.clock_back);
	ck_assert_uint_gt(n, 5);
	for (size_t i = 0; i < n; i++) {
		if (seen[i].decided) {
			decided++;
			ck_assert_int_eq(seen[i].code, v.code);
		}
		ck_assert(memchr(seen[i].saw, '\0', sizeof seen[i].saw) != NULL);
		ck_assert(
		    seen[i].saw[0] != '\0' || s.f.license == NULL || s.f.entitlement.n == 0);
	}
	ck_assert_uint_eq(decided, v.rule[0] != '\0');
}
END_TEST

/* Each code that a rule can give has its row; those of files are in license_offline. */
START_TEST(codes_are_reached)
{
	bool reached[V_COUNT] = { false };

	for (size_t i = 0; i < COUNT(cases); i++)
		reached[cases[i].want] = true;
	for (enum verdict_code v = 0; v < V_LICENSE_MALFORMED; v++)
		ck_assert_msg(reached[v] || v == V_SIGNER_UNKNOWN ||
			v == V_REVOCATIONS_INVALID || v == V_REVOCATIONS_OLD,
		    "%s is in no row", verdict_wire(v));
}
END_TEST

START_TEST(codes_speak)
{
	size_t undecided = 0, refusals = 0;

	for (enum verdict_code v = 0; v < V_COUNT; v++) {
		const char *says = verdict_sentence(v);

		for (const char *p = verdict_wire(v); *p != '\0'; p++)
			ck_assert((*p >= 'A' && *p <= 'Z') || *p == '_');
		for (enum verdict_code w = 0; w < v; w++)
			ck_assert_str_ne(verdict_wire(v), verdict_wire(w));
		ck_assert_uint_gt(strlen(says), 10);
		ck_assert_int_eq(says[strlen(says) - 1], '.');
		ck_assert(v == V_VALID || strchr(says, ':') != NULL); /* what to do next */
		undecided += verdict_answer(v) == ANSWER_UNDECIDED;
		refusals += verdict_answer(v) == ANSWER_NO;
		ck_assert(v == 0 || verdict_answer(v - 1) <= verdict_answer(v));
	}
	ck_assert_uint_ge(undecided, 10);
	ck_assert_uint_ge(refusals, 45);
}
END_TEST

/* Until when: never beyond the license, by the clock as it is. */
static const struct {
	enum action action;
	int64_t want;
	struct spoilt spoilt[SPOILT];
} untils[] = {
	{ VALIDATE, NOW + 600, { { 0 } } },
	{ CLAIM, NOW + 600, { { 0 } } },
	{ CLAIM, NOW + 5, { S(l.expires, NOW + 5) } },
	{ CLAIM, NOW + 600, { S(l.expires, 0) } },
	{ CLAIM, NOW + 600, { S(f.last_seen, NOW + 300) } },
	{ HEARTBEAT, NOW + 7, { S(l.expires, NOW - 3), S(p.grace_expired, 10) } },
	{ UNLOCK, NOW + 7 * DAY, { { 0 } } },
	{ UNLOCK, NOW + 600, { S(p.offline, 0) } },
	{ UNLOCK, NOW + 10 * DAY, { S(p.offline, 20 * DAY) } },
	{ OFFLINE, NOW + 8 * DAY, { { 0 } } },
	{ OFFLINE, NOW + 10 * DAY, { S(f.list_until, NOW + 9 * DAY) } },
	{ ISSUE, NOW + 100 * DAY, { { 0 } } },
	{ ISSUE, 0, { S(f.ask_until, 0), S(p.duration, 0) } },
	{ TRANSFER, NOW + 10 * DAY, { { 0 } } },
	{ REINSTATE, 0, { S(l.expires, 0) } },
	/* Refusals: what runs may end in order, if it was told in time. */
	{ HEARTBEAT, 0, { S(l.state, LICENSE_REVOKED) } },
	{ HEARTBEAT, NOW + 50,
	    { S(l.state, LICENSE_REVOKED), S(l.changed, NOW - 10), S(p.grace_revoked, 60) } },
	{ HEARTBEAT, 0,
	    { S(l.state, LICENSE_REVOKED), S(l.changed, NOW - 60), S(p.grace_revoked, 60) } },
	{ VALIDATE, NOW + 60,
	    { S(l.state, LICENSE_SUSPENDED), S(l.changed, NOW), S(p.grace_revoked, 60) } },
	{ HEARTBEAT, 0, { S(l.state, LICENSE_TRANSFERRED), S(p.grace_revoked, DAY * 9) } },
	{ HEARTBEAT, 0, { S(l.expires, NOW), S(l.changed, NOW), S(p.grace_revoked, 60) } },
	{ UNLOCK, 0, { S(f.keys_ready, false) } },
};

START_TEST(verdicts_end)
{
	struct story s;

	story_init(&s, untils[_i].action);
	story_spoil(&s, untils[_i].spoilt);
	ck_assert_int_eq(policy_decide(&s.f, &s.p, untils[_i].action).until, untils[_i].want);
}
END_TEST

START_TEST(first_use_binds)
{
	struct story s;

	story_init(&s, ACTION_CLAIM);
	ck_assert(!policy_decide(&s.f, &s.p, ACTION_CLAIM).binds);
	s.l.bound_n = 1;
	ck_assert(policy_decide(&s.f, &s.p, ACTION_CLAIM).binds);
	ck_assert(policy_decide(&s.f, &s.p, ACTION_UNLOCK).binds);
	ck_assert(policy_decide(&s.f, &s.p, ACTION_FETCH).binds);
	ck_assert(!policy_decide(&s.f, &s.p, ACTION_VALIDATE).binds);
	s.p.binding = BIND_NONE;
	ck_assert(!policy_decide(&s.f, &s.p, ACTION_CLAIM).binds);
	s.p.binding = BIND_TWO;
	s.f.seats_used = 3;
	ck_assert(!policy_decide(&s.f, &s.p, ACTION_CLAIM).binds);
}
END_TEST

/* What `hallmark license explain` prints. */
START_TEST(explanations_are_for_people)
{
	struct rule_seen seen[RULES_MAX];
	struct verdict v;
	struct story s;
	bool found = false;

	story_init(&s, ACTION_VALIDATE);
	s.l.expires = NOW;
	for (size_t n = policy_explain(&s.f, &s.p, ACTION_VALIDATE, seen, &v); n-- > 0;)
		if (seen[n].decided) {
			found = true;
			ck_assert_str_eq(seen[n].rule, "expires");
			ck_assert_str_eq(seen[n].saw,
			    "ends at 2026-02-01T12:00:00.000Z, grace 0 s, it is "
			    "2026-02-01T12:00:00.000Z");
		}
	ck_assert(found);
}
END_TEST

/* Nobody has looked at anything: no action is allowed, and none is refused. */
START_TEST(nothing_known_decides_nothing)
{
	const struct facts f = { 0 };
	const struct policy p = policy_standard();

	for (enum action a = 0; a < ACTION_COUNT; a++)
		ck_assert_int_eq(
		    verdict_answer(policy_decide(&f, &p, a).code), ANSWER_UNDECIDED);
}
END_TEST

MAIN("license", EACH(decisions, cases), EACH(explanations, cases), ONE(codes_are_reached),
    ONE(codes_speak), EACH(verdicts_end, untils), ONE(first_use_binds),
    ONE(explanations_are_for_people), ONE(nothing_known_decides_nothing))
