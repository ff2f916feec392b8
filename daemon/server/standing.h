/*
 * standing: how a license stands, as the store knows it at this moment: every fact that a
 * decision about it looks at, read in one place. In an act, with the writer's connection, it is
 * exact; with a reader's it is what was true a moment ago.
 */
#ifndef STANDING_H
#define STANDING_H

#include "license.h"
#include "request.h"

struct standing {
	struct license_row row;
	struct customer_row customer;
	struct policy_row policy;
	struct release_row
	    release; /* in outline; with its watermark where the terms ask for images */
	struct policy terms;
	struct license license; /* facts.license points here */
	struct facts facts;     /* all but what the request itself brings */
	struct lease_row
	    lease; /* of the machine that was asked for, if facts.seat says there is one */
};
/*
 * Of the vendor's license with that id; E_ABSENT if there is none (and for a customer, `by`, if
 * it is another's: by empty, not compared). `machine`: the seat of which machine; empty: of
 * none. Lapsed leases do not count; who then takes a seat calls lease_sweep before. Points into
 * itself: not to be copied.
 */
MUST bool standing_read(struct ctx *, struct server *, struct db *, struct str vendor,
    struct str license, struct str machine, const struct id *by, struct standing *ret);
/*
 * Reads everything of a license again, in the act; what has not changed is not decoded again. What
 * the request brings is to be filled in anew.
 */
MUST bool standing_again(
    struct ctx *, struct server *, struct db *, struct str machine, struct standing *);
/* The facts for a license that is not there yet: customer, policy and release, by id. */
struct standing_new {
	struct str vendor, customer, policy, release;
};
MUST bool standing_new(struct ctx *, struct server *, struct db *, const struct standing_new *,
    struct standing *ret);
/* The same again. */
MUST bool standing_new_again(struct ctx *, struct server *, struct db *, struct standing *);

/* What a decision sees of a customer. */
enum party party_of(const struct customer_row *);
/* The release was made for one customer, who is not this one. */
bool is_others_copy(const struct release_row *, const struct id *customer);

/*
 * Decides; a no becomes E_REFUSED and "cannot be decided" E_UNDECIDED, with the verdict's own name
 * and sentence. A clock that was noticed to have stepped back goes into the audit's detail.
 */
MUST bool standing_decide(
    struct ctx *, struct request *, const struct standing *, enum action, struct verdict *ret);
/* The failure that a verdict which is no yes stands for. */
MUST bool fail_verdict(struct ctx *, const struct verdict *);

/* Who may use what, how long and how often: members of an object. */
void license_terms_json(struct js *, const struct license_row *);
/* A license as every answer shows it; `token`: with the license file. */
void license_json(struct js *, const struct license_row *, bool token);

#endif
