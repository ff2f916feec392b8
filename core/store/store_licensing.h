/*
 * store, the part about licensing: customers, policies, licenses and their seats, revocations, and
 * the events that vendors are told of. Included by store.h, never alone.
 */
#ifndef STORE_LICENSING_H
#define STORE_LICENSING_H

#include "store.h"

/* ---- Customers --------------------------------------------------------------------------- */

enum customer_state { CUSTOMER_ACTIVE, CUSTOMER_SUSPENDED, CUSTOMER_ERASED };
extern const char *const customer_state_names[]; /* "active" …, NULL at the end */
struct customer_row {
	struct id id, vendor;
	int64_t number;         /* of the vendor: 1, 2, …; marks spell it */
	struct str name, email; /* the name is unique; both are empty once erased */
	enum customer_state state;
	struct str jwk;                   /* canonical; empty until enrolled */
	struct digest256 thumbprint;      /* of the key */
	int64_t enrolled;                 /* when; 0: not yet */
	struct digest256 code;            /* of the enrolment code */
	int64_t code_expires, code_spent; /* 0: there is none; not used */
	int64_t created, version;
};
/* Fills `number` and `version`. E_CONFLICT when another customer's name folds to the same text. */
MUST bool customer_insert(struct ctx *, struct db *, struct customer_row *);
/* vendor empty: any vendor's (a customer who proves who he is). */
MUST bool customer_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct customer_row *ret);
MUST bool customer_by_name(
    struct ctx *, struct db *, struct str vendor, struct str name, struct customer_row *ret);
/* Spent and expired codes too: the caller decides. */
MUST bool customer_by_code(struct ctx *, struct db *, const struct digest256 *, bool *ret_found,
    struct customer_row *ret);
/*
 * Any vendor's, or, where there is none, a neighbour of his in the order of ids: whoever compares
 * the ids himself has asked the same question, at the same cost, for one who is there and one who
 * is not.
 */
MUST bool customer_or_neighbour(
    struct ctx *, struct db *, struct str id, bool *ret_found, struct customer_row *ret);
MUST bool customer_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct customer_row **ret, size_t *ret_n);
/* Name and email. E_STALE unless `version` is current (0: any); so below. */
MUST bool customer_rename(
    struct ctx *, struct db *, const struct customer_row *, int64_t version);
/* A new enrolment code in the place of the one before. */
MUST bool customer_code_put(struct ctx *, struct db *, struct str id,
    const struct digest256 *code, int64_t expires, int64_t version);
/* Registers a key: at enrolment (the code is spent by it, at `at`), or in the old one's place. */
MUST bool customer_key_put(struct ctx *, struct db *, struct str id, struct str jwk,
    const struct digest256 *thumbprint, int64_t at, bool by_code);
/* Between active and suspended; E_CONFLICT if it is so already, or erased. */
MUST bool customer_suspend(
    struct ctx *, struct db *, struct str id, bool suspended, int64_t version);
/*
 * Forgets name, email, key and code for good; id and number stay, because marks and audit name
 * them. Its licenses are the caller's matter.
 */
MUST bool customer_erase(struct ctx *, struct db *, struct str id, int64_t version);

/* ---- Policies ---------------------------------------------------------------------------- */

struct policy_row {
	struct id id, vendor;
	struct str name;  /* unique for the vendor, whatever the case */
	struct str terms; /* JSON of policy_put */
	bool retired;     /* no new licenses under it */
	int64_t created, version;
};
MUST bool policy_insert(struct ctx *, struct db *, const struct policy_row *);
MUST bool policy_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct policy_row *ret);
MUST bool policy_by_name(
    struct ctx *, struct db *, struct str vendor, struct str name, struct policy_row *ret);
MUST bool policy_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct policy_row **ret, size_t *ret_n);
/* Name, terms and retired, as the row has them. */
MUST bool policy_change(struct ctx *, struct db *, const struct policy_row *, int64_t version);
/* E_CONFLICT while a license stands on it. */
MUST bool policy_delete(
    struct ctx *, struct db *, struct str vendor, struct str id, int64_t version);

/* ---- Licenses ---------------------------------------------------------------------------- */

/* States are those of license.h: 0 active, 1 suspended, 2 revoked, 3 transferred. */
struct license_row {
	struct id id, vendor, customer, release, policy;
	struct str
	    reference; /* the vendor's own number; unique for the vendor if it is not empty */
	int state;
	struct str reason; /* of the last change, in the vendor's words */
	int64_t changed, issued, not_before, expires; /* expires 0: never */
	int64_t seats, seats_used;
	struct str entitlements; /* JSON list */
	int64_t unlocks;         /* made so far */
	struct id predecessor;   /* it was transferred from that one; or empty */
	struct str token;        /* the license file as it was issued: JWS */
	struct str wrap; /* head of its unlock keys (see jwe_wrap); empty: not made yet */
	struct digest256 wrapped_for; /* thumbprint of the key that opens the wrap */
	int64_t version;
};
/* E_CONFLICT, at /reference, if that is taken. */
MUST bool license_insert(struct ctx *, struct db *, const struct license_row *);
MUST bool license_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct license_row *ret);
MUST bool license_by_reference(struct ctx *, struct db *, struct str vendor,
    struct str reference, bool *ret_found, struct license_row *ret);
/*
 * Of which licenses; empty: of all. One of customer and release at most. `state` -1: any. A list
 * is in the order of ids; that of a customer in the order in which they were written.
 */
struct license_filter {
	struct str vendor, customer, release;
	int state;
};
MUST bool license_list(struct ctx *, struct db *, const struct license_filter *,
    struct str after, size_t max, struct license_row **ret, size_t *ret_n);
/*
 * Into another state, with a reason; the vendor's `revocations` grows. E_CONFLICT if it is in that
 * state already, and from revoked and transferred, which are for good.
 */
MUST bool license_state_put(struct ctx *, struct db *, const struct license_row *, int state,
    struct str reason, int64_t at, int64_t version);
/*
 * Revokes all of a customer's that are not over yet; which. E_CONFLICT if there are more than
 * `max`.
 */
MUST bool license_revoke_all(struct ctx *, struct db *, const struct customer_row *,
    struct str reason, int64_t at, size_t max, struct id **ret, size_t *ret_n);
/*
 * Term, seats, entitlements and token, as the row has them. E_CONFLICT, at /seats, if more are in
 * use.
 */
MUST bool license_renew(struct ctx *, struct db *, const struct license_row *, int64_t version);
MUST bool license_wrap_put(struct ctx *, struct db *, struct str id, struct str wrap,
    const struct digest256 *wrapped_for);
/* One more unlock key. This and the wrap are no changes: the version stays. */
MUST bool license_unlocked(struct ctx *, struct db *, struct str id);

/* The machines it is bound to: fingerprints, as fingerprint_put wrote them. */
MUST bool machine_list(
    struct ctx *, struct db *, struct str license, struct str **ret, size_t *ret_n);
MUST bool machine_bind(
    struct ctx *, struct db *, struct str license, struct str fingerprint, int64_t at);
/* The one, or all of them (fingerprint empty); how many there were. */
MUST bool machine_release(
    struct ctx *, struct db *, struct str license, struct str fingerprint, int64_t *ret_n);

/* Distinct tokens that have approved. Once more, or taken back where there is none: no failure. */
MUST bool approval_insert(
    struct ctx *, struct db *, struct str license, struct str token, int64_t at);
MUST bool approval_delete(struct ctx *, struct db *, struct str license, struct str token);
MUST bool approval_count(struct ctx *, struct db *, struct str license, int64_t *ret);

/* ---- Seats ------------------------------------------------------------------------------- */

struct lease_row {
	struct id license;
	struct str machine;
	int64_t claimed, expires;
};
MUST bool lease_find(struct ctx *, struct db *, struct str license, struct str machine,
    bool *ret_found, struct lease_row *ret);
MUST bool lease_list(struct ctx *, struct db *, struct str license, struct str after,
    size_t max, struct lease_row **ret, size_t *ret_n);
/* Deletes this license's leases that have lapsed at `now`, so that seats_used counts the living. */
MUST bool lease_sweep(struct ctx *, struct db *, struct str license, int64_t now);
/* How many those are: for who may not write. */
MUST bool lease_lapsed(
    struct ctx *, struct db *, struct str license, int64_t now, int64_t *ret);
/* Takes a seat, or extends one that is held. E_CONFLICT if no seat is free. */
MUST bool lease_put(struct ctx *, struct db *, const struct lease_row *, bool *ret_new);
MUST bool lease_delete(
    struct ctx *, struct db *, struct str license, struct str machine, bool *ret_found);
/* All of a license: it was revoked or transferred. */
MUST bool lease_delete_all(struct ctx *, struct db *, struct str license, int64_t *ret_n);
/* At most `max` of any license that lapsed before `now`; how many. */
MUST bool lease_reap(struct ctx *, struct db *, int64_t now, size_t max, size_t *ret_n);

/* ---- Deliveries -------------------------------------------------------------------------- */

struct delivery_row {
	struct id id, license;
	struct digest256 digest;         /* of the secret */
	int64_t expires, spent, created; /* spent 0: not yet */
};
MUST bool delivery_insert(struct ctx *, struct db *, const struct delivery_row *);
/* Spent and expired ones too. */
MUST bool delivery_by_digest(struct ctx *, struct db *, const struct digest256 *,
    bool *ret_found, struct delivery_row *ret);
MUST bool delivery_list(struct ctx *, struct db *, struct str license, struct str after,
    size_t max, struct delivery_row **ret, size_t *ret_n);
/* E_CONFLICT if it was spent already. */
MUST bool delivery_spend(struct ctx *, struct db *, struct str id, int64_t at);
/* At most `max` that expired before `before`. */
MUST bool delivery_prune(struct ctx *, struct db *, int64_t before, size_t max, size_t *ret_n);

/* ---- Revocations ------------------------------------------------------------------------- */

struct revocation_list {
	struct id vendor;
	int64_t number, changes, this_update, next_update;
	struct str token; /* JWS */
};
/* The newest, and how often the vendor's revocations have changed until now. */
MUST bool revocation_list_last(struct ctx *, struct db *, struct str vendor, bool *ret_found,
    struct revocation_list *ret, int64_t *ret_changes);
/* The same without its token, which may have megabytes. */
MUST bool revocation_list_head(struct ctx *, struct db *, struct str vendor, bool *ret_found,
    struct revocation_list *ret, int64_t *ret_changes);
/* The number of the newest; 0: there is none. */
MUST bool revocation_list_number(struct ctx *, struct db *, struct str vendor, int64_t *ret);
/* Ids of its licenses in that state, at most `max`, that had not expired at `since` (ms). */
MUST bool revocation_ids(struct ctx *, struct db *, struct str vendor, int state, int64_t since,
    size_t max, struct id **ret, size_t *ret_n);
/* E_CONFLICT unless its number is one more than the last one's. */
MUST bool revocation_list_put(struct ctx *, struct db *, const struct revocation_list *);

/* ---- Webhooks ---------------------------------------------------------------------------- */

struct webhook_row {
	struct id id, vendor;
	struct str url, events; /* events: separated by blanks, "*" for all */
	struct id data_key;     /* the secret that signs */
	bool paused;
	int64_t failures; /* attempts in a row that came to nothing */
	int64_t rest;     /* until when nothing is sent there; 0: not resting */
	int64_t created, version;
};
/* Insert its data key in the same act. */
MUST bool webhook_insert(struct ctx *, struct db *, const struct webhook_row *);
/* vendor empty: any vendor's (administrators); so below. */
MUST bool webhook_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct webhook_row *ret);
MUST bool webhook_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct webhook_row **ret, size_t *ret_n);
/* url, events and paused, as the row has them; what failed before is forgotten. */
MUST bool webhook_change(
    struct ctx *, struct db *, const struct webhook_row *, int64_t version);
/* How the last attempt ended, which is no change: its version stays. */
MUST bool webhook_fared(
    struct ctx *, struct db *, struct str id, int64_t failures, int64_t rest);
/* With its messages and its key. */
MUST bool webhook_delete(
    struct ctx *, struct db *, struct str vendor, struct str id, int64_t version);

struct event_row {
	struct id id, vendor;
	struct str type;   /* license.revoked, … */
	struct str object; /* the id it is about */
	struct str body;   /* compact JSON, as it is sent */
	int64_t at;
};
/*
 * Within the act that makes it happen: writes the event, and a message to each of the vendor's
 * webhooks that asked for its type. Does nothing where there is none. `data` is a JSON object
 * of ids and numbers, never of secrets or names. *ret_any: somebody is to be told.
 */
MUST bool event_emit(struct ctx *, struct db *, struct str vendor, const char *type,
    struct str object, struct str data, bool *ret_any);

/* The same to one webhook alone, whatever it asked for. */
MUST bool event_emit_to(struct ctx *, struct db *, const struct webhook_row *, const char *type,
    struct str object, struct str data, struct id *ret);

enum message_state { MESSAGE_WAITING, MESSAGE_DELIVERED, MESSAGE_GIVEN_UP };
extern const char *const message_state_names[];
struct message_row {
	struct id webhook, event;
	enum message_state state;
	int64_t attempts, due, status, ended;
	struct str note; /* why the last attempt failed */
	struct event_row what;
	struct webhook_row where;
};
/*
 * At most `max` that wait and are due, the oldest first, of webhooks that are not paused and
 * do not rest; of one of them at most WEBHOOK_DUE_MAX, so that it does not hide the others'.
 */
enum { WEBHOOK_DUE_MAX = 8 };
MUST bool message_due(struct ctx *, struct db *, int64_t now, size_t max,
    struct message_row **ret, size_t *ret_n);
/* When the next one is due, of those webhooks; 0: none waits. */
MUST bool message_next(struct ctx *, struct db *, int64_t *ret);
/* The delivery log of a webhook, newest last. `after`: an event's id. */
MUST bool message_list(struct ctx *, struct db *, struct str webhook, struct str after,
    size_t max, struct message_row **ret, size_t *ret_n);
/* After an attempt: state, attempts, due, status, note and ended, as the row has them. */
MUST bool message_put(struct ctx *, struct db *, const struct message_row *);
/* Those of a webhook since `since` (of any state), or that one event, wait again; how many. */
MUST bool message_replay(struct ctx *, struct db *, struct str webhook, struct str event,
    int64_t since, int64_t now, int64_t *ret_n);
/*
 * At most `max` events before `before` for which nobody waits but webhooks that are paused, with
 * their messages.
 */
MUST bool event_prune(struct ctx *, struct db *, int64_t before, size_t max, size_t *ret_n);

#endif
