/*
 * What the tests of licensing's rows share: a store with two vendors, one of which has a policy, a
 * release and a customer; new rows; and a writer's connection on which every call is an act of its
 * own, whole or not at all.
 */
#ifndef LICENSING_SUPPORT_H
#define LICENSING_SUPPORT_H

#include "vault_support.h"

struct estate {
	const char *dir;
	struct house h;
	struct db *w;
	struct release_row release;
	struct policy_row policy;
	struct customer_row customer;
};
struct estate estate_new(struct ctx *);
struct str vendor_of(const struct estate *);
struct str other_of(const struct estate *);
/* Nothing in the whole database is wrong; then closes it. */
void estate_done(struct ctx *, struct estate *);

/* ck_ok(c, act(&e, policy_insert(c, e.w, &p))): what fails leaves nothing behind. */
#define act(e, call) act_end((e), (act_begin(e), (call)))
void act_begin(struct estate *);
MUST bool act_end(struct estate *, bool ok);

/* Rows that are not in the store yet. */
struct customer_row customer_new(struct ctx *, const struct id *vendor, const char *name);
struct policy_row policy_new(struct ctx *, const struct id *vendor, const char *name);
struct license_row license_new(struct ctx *, const struct estate *);
/* And one that is. */
struct license_row license_added(struct ctx *, struct estate *);
struct digest256 digest_of(struct ctx *, const char *text);

#endif
