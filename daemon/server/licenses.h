/*
 * licenses: what the routes about licenses share.
 */
#ifndef LICENSES_H
#define LICENSES_H

#include "standing.h"

enum { LICENSE_JSON_MAX = 2048, REASON_MAX = 256 };

/*
 * A new license. A handler fills it and has it signed, the writer inserts it; between the two
 * everything is decided twice.
 */
struct issue {
	struct standing st;           /* of standing_new; row and license are the new one's */
	int64_t policy_version;       /* whose terms were signed; 0: nothing was signed */
	struct digest256 wrapped_for; /* the customer's key then */
	struct str event;             /* what webhooks are told */
	struct str body;              /* the answer */
};
/* What a new license has whatever was asked for, by the parties of its standing. */
void issue_begin(struct ctx *, struct request *, struct issue *);
/* Its token and wrap, by the custodian, and the answer that shows it. */
MUST bool issue_sign(struct ctx *, struct request *, struct db *, struct issue *);
/*
 * In the act, after a yes on what was read again: E_BUSY if other terms were signed. Answers 201.
 */
MUST bool issue_insert(struct ctx *, struct request *, struct db *, struct issue *);

/* By id or by name; E_ABSENT, at /customer. */
MUST bool customer_named(struct ctx *, struct db *, const struct id *vendor, struct str named,
    struct customer_row *ret);

/*
 * What is asked of a new or renewed license; times in milliseconds. Entitlements have to be the
 * policy's (E_INPUT); as a list for the claims, and as the JSON that the store keeps.
 */
MUST bool entitlements_set(struct ctx *, struct standing *, const struct str_list *asked);

/*
 * Leaves a refusal to the writer, who first looks whether the request was answered before: a retry
 * is not refused for what has changed since. Other failures stay what they are.
 */
MUST bool refuse_in_act(struct ctx *, struct request *);
/* What webhooks are told of a license. */
MUST bool license_event(struct ctx *, const struct license_row *, struct str *ret);
/* Tells them, in the act. */
MUST bool license_tell(struct ctx *, struct request *, struct db *, const struct license_row *,
    const char *type, struct str event);
/* In an act that has changed it: tells webhooks, and answers 200 with it as it is now. */
MUST bool license_changed(
    struct ctx *, struct request *, struct db *, const struct license_row *, const char *type);
/*
 * What the handler does of an act whose body, if there is one, gives a reason: `write` finds it in
 * rq->arg, a struct str.
 */
MUST bool reason_prepare(
    struct ctx *, struct request *, bool (*write)(struct ctx *, struct db *, struct request *));
/* E_REFUSED for what has ended for good: revoked or transferred. */
MUST bool license_lives(struct ctx *, const struct license_row *);

#endif
