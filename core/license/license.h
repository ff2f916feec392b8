/*
 * license: who may do what with a release, and how that is carried to a machine without network.
 * Policies (terms) and licenses, one pure function that decides, the signed license file, the
 * signed list of revocations, the record of the time last seen, and the fingerprint of a machine.
 *
 * Nothing here has a clock or a database: facts come in, a verdict goes out. Unlike elsewhere in
 * Hallmark, times and spans are whole SECONDS since the epoch, UTC (NumericDate of RFC 7519); see
 * seconds_of. A moment called `until` or `expires` is the first second at which it no longer holds;
 * 0 there means without end.
 *
 * A decoder's failure is E_JSON, E_FIELD, E_INPUT, E_LIMIT or E_ABSENT (an id of another kind).
 */
#ifndef LICENSE_H
#define LICENSE_H

#include "base.h"
#include "crypto.h"

#define DAY INT64_C(86400)
#define TIME_FIRST INT64_C(1735689600)  /* 2025-01-01: no clock that is right says less */
#define TIME_LAST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* Milliseconds, as ctx.now has them, in whole seconds, rounded down. */
int64_t seconds_of(int64_t ms);

/* ---- Machines ---------------------------------------------------------------------------- */

/*
 * What tells machines apart, each as HMAC-SHA-256 under the license's id: fingerprints of one
 * machine for two licenses have nothing in common, and no serial number leaves the machine. (Who
 * knows the license's id and guesses a serial number can still check the guess.) No MAC addresses:
 * they change with docks and travel as plain text.
 *
 * In a container the parts of the host count, if they are to be seen in it: all containers of one
 * host are one machine. The image's own machine-id does not count, unless the host's was mounted
 * over it. If the policy asks for MACHINE_CONTAINER, it must match beside the others: then each
 * container is a machine of its own, and a new one after each `docker run`.
 */
enum component {
	MACHINE_PRODUCT, /* UUID of the board or virtual machine; only root may read it */
	MACHINE_ID,      /* /etc/machine-id */
	MACHINE_DISK,    /* serial numbers of up to four fixed disks: one in common suffices */
	MACHINE_TPM,     /* the TPM's endorsement key */
	MACHINE_CONTAINER, /* the container's id */
	MACHINE_COUNT
};
enum { FINGERPRINT_PARTS = 8, FINGERPRINT_MAX = 2 + FINGERPRINT_PARTS * 33 };
#define MACHINE_ANYTHING ((1u << MACHINE_CONTAINER) - 1) /* all that is the host's */

/* The components that were found, each once or more, sorted; zero is "nothing". */
struct fingerprint {
	size_t n;
	struct {
		uint8_t component;
		struct digest256 digest;
	} part[FINGERPRINT_PARTS];
};

enum binding { BIND_NONE, BIND_ANY, BIND_TWO, BIND_MOST, BIND_ALL, BIND_COUNT };
enum match { MATCH_YES, MATCH_NO, MATCH_OTHER_CONTAINER, MATCH_TOO_WEAK };

/* "product", "machine-id", "disk", "tpm", "container"; "none", "any", "two", "most", "all". */
const char *component_name(enum component);
const char *binding_name(enum binding);
/* The mask of a list of component names; E_INPUT for another name, or one given twice. */
MUST bool components_parse(struct ctx *, const struct str_list *, unsigned *ret);

/*
 * The fingerprint of the machine whose root folder is given ("/", or a tree with sys, etc, proc,
 * dev). What is not there, cannot be read or is a maker's placeholder is left out: an empty
 * fingerprint is no failure.
 */
MUST bool machine_collect(
    struct ctx *, const char *root, const struct id *license, struct fingerprint *ret);

/*
 * Whether `here` is the machine that was bound, by the components of `mask`. A component that the
 * binding has and `here` lacks counts as one that differs. MATCH_TOO_WEAK if the binding has fewer
 * components than could ever match: one for `any` and `all`, two for `two` and `most`.
 */
enum match machine_match(const struct fingerprint *bound, const struct fingerprint *here,
    enum binding, unsigned mask);

/* At most FINGERPRINT_MAX bytes. There is one form of each fingerprint: reading takes no other. */
void fingerprint_put(struct buf *, const struct fingerprint *);
MUST bool fingerprint_read(struct ctx *, struct str, struct fingerprint *ret);

/* ---- Terms ------------------------------------------------------------------------------- */

#define SEATS_MAX 1000000
/* All machines that a license is bound to are looked at in each decision about it. */
enum { BOUND_MAX = 256 };
#define UNLOCKS_MAX INT64_C(1000000000) /* as good as without limit */
#define OFFLINE_MAX (3660 * DAY)
#define LEASE_MIN INT64_C(30)
#define LEASE_MAX (30 * DAY)
#define TOLERANCE_MAX DAY
#define GRACE_EXPIRED_MAX (90 * DAY)
#define GRACE_REVOKED_MAX DAY
enum { APPROVERS_MAX = 16, ENTITLEMENTS_MAX = 64, ENTITLEMENT_MAX = 64 };

/* Where a license's key image has to be shown. */
enum image_term { IMAGE_NONE, IMAGE_UNLOCK };
const char *image_term_name(enum image_term); /* "none", "unlock" */

/* Terms that many licenses share. More of anything never turns a yes into a no. */
struct policy {
	int64_t duration;   /* longest life of a license; 0: without end */
	int64_t seats;      /* machines at once, at most */
	int64_t lease;      /* what a seat lasts without a heartbeat */
	int64_t offline;    /* how long after the last list of revocations it still runs */
	bool stale_refused; /* after that: a refusal; else "cannot decide" */
	int64_t unlocks;    /* unlock keys in the life of a license */
	int64_t approvals, approvers; /* k of n before an unlock key is released; 0: none */
	enum binding binding;
	unsigned components; /* mask of those that count */
	struct str_list entitlements;
	int64_t tolerance;     /* how far a clock may step back unnoticed */
	int64_t grace_expired; /* what runs may run on after the end; nothing new begins */
	int64_t grace_revoked; /* how soon what runs must end after a revocation */
	bool renewable, transferable;
	enum image_term image;
};
/* What a policy is where nothing else is said: a year, one seat, not bound, a week offline. */
struct policy policy_standard(void);
/* E_INPUT, with the field at fault, unless each value is within its range. */
MUST bool policy_check(struct ctx *, const struct policy *);
/* From and to the JSON of the API; absent fields stay as in policy_standard. */
MUST bool policy_decode(struct ctx *, struct str json, struct policy *ret);
void policy_put(struct js *, const char *key, const struct policy *);

enum license_state { LICENSE_ACTIVE, LICENSE_SUSPENDED, LICENSE_REVOKED, LICENSE_TRANSFERRED };
const char *license_state_name(enum license_state); /* "active", … */

/* What the decision has to know of a license. */
struct license {
	struct id id, customer, release;
	enum license_state state;
	int64_t changed; /* when it came to this state */
	int64_t issued, not_before, expires;
	int64_t seats;
	struct str_list entitlements;
	const struct fingerprint *bound; /* its machines, at most one for each seat */
	size_t bound_n;
};

/* ---- The decision ------------------------------------------------------------------------ */

enum action {
	ACTION_VALIDATE,  /* is it good? changes nothing */
	ACTION_CLAIM,     /* a seat, by a machine */
	ACTION_HEARTBEAT, /* keeps it */
	ACTION_UNLOCK,    /* the unlock key, with a seat */
	ACTION_FETCH,     /* the license file, for a machine if it shows itself */
	ACTION_ISSUE,
	ACTION_RENEW,
	ACTION_TRANSFER, /* to another customer of the vendor */
	ACTION_REINSTATE,
	ACTION_OFFLINE, /* runs on a machine that asks nobody; license_check_offline's */
	ACTION_COUNT
};
const char *action_name(enum action);

/* Zero is always "nobody has looked": a zeroed struct facts decides nothing. */
enum party { PARTY_UNKNOWN, PARTY_ABSENT, PARTY_ACTIVE, PARTY_SUSPENDED, PARTY_ERASED };
enum offer { OFFER_UNKNOWN, OFFER_ABSENT, OFFER_MAKING, OFFER_READY, OFFER_WITHDRAWN };
enum seat { SEAT_NONE, SEAT_HELD, SEAT_LAPSED };
enum delivery {
	DELIVERY_NONE,
	DELIVERY_GOOD,
	DELIVERY_ABSENT,
	DELIVERY_SPENT,
	DELIVERY_EXPIRED
};
/* What became of the key image: of its authentication online, of the picture itself offline. */
enum showing {
	SHOWING_NONE,
	SHOWING_GOOD,
	SHOWING_UNKNOWN,
	SHOWING_SPENT,
	SHOWING_EXPIRED,
	SHOWING_REVOKED,
	SHOWING_OTHER, /* another picture */
};

struct facts {
	int64_t now;
	int64_t last_seen; /* the latest moment known to have been, by whatever was recorded */
	enum party vendor, customer, recipient;
	bool enrolled; /* the customer has registered a key */
	enum offer release;
	bool policy_retired;
	bool looked_up;                /* the license was sought; NULL below: there is none */
	const struct license *license; /* NULL for ACTION_ISSUE */
	struct id by, of;              /* who asks for which release; empty: not compared */
	struct id to;                  /* the recipient of a transfer */
	bool counted;                  /* what follows was counted in the same transaction */
	int64_t seats_used;            /* leases that live, that of this machine included */
	int64_t unlocks_done, approvals;
	enum seat seat; /* of this machine */
	enum delivery delivery;
	enum showing image;
	bool watermarked; /* the release's network answers to key images */
	bool others_copy; /* it was made for one customer, who is not to get the license */
	const struct fingerprint *machine; /* NULL: none was given */
	struct str entitlement;            /* the one that is needed; empty: none */
	int64_t list_until; /* nextUpdate of the newest list; for ACTION_OFFLINE */
	bool keys_ready;    /* the custodian can sign and wrap */
	int64_t ask_seats, ask_from, ask_until; /* terms of ACTION_ISSUE and ACTION_RENEW */
};

enum ruling { ANSWER_YES, ANSWER_UNDECIDED, ANSWER_NO };

/* Grouped by answer: first yes, then what cannot be decided now, then refusals. */
/* clang-format off */
enum verdict_code {
	V_VALID, V_VALID_OFFLINE, V_VALID_IN_GRACE,

	V_DIRECTORY_UNAVAILABLE, V_COUNTERS_UNAVAILABLE, V_KEYS_SEALED, V_CLOCK_IMPLAUSIBLE,
	V_CLOCK_STEPPED_BACK, V_CLOCK_BEFORE_ISSUE, V_SIGNER_UNKNOWN, V_REVOCATIONS_UNKNOWN,
	V_REVOCATIONS_INVALID, V_REVOCATIONS_OLD,

	V_VENDOR_NOT_FOUND, V_VENDOR_SUSPENDED, V_CUSTOMER_NOT_FOUND, V_CUSTOMER_SUSPENDED,
	V_CUSTOMER_ERASED, V_CUSTOMER_NOT_ENROLLED, V_RELEASE_NOT_FOUND, V_RELEASE_NOT_READY,
	V_RELEASE_WITHDRAWN, V_LICENSE_NOT_FOUND, V_LICENSE_OF_OTHER_CUSTOMER,
	V_LICENSE_OF_OTHER_RELEASE, V_LICENSE_SUSPENDED, V_LICENSE_REVOKED,
	V_LICENSE_TRANSFERRED, V_LICENSE_NOT_SUSPENDED, V_LICENSE_NOT_YET_VALID,
	V_LICENSE_EXPIRED, V_OFFLINE_TOO_LONG, V_POLICY_RETIRED, V_DELIVERY_NOT_FOUND,
	V_DELIVERY_SPENT, V_DELIVERY_EXPIRED, V_IMAGE_MISSING, V_IMAGE_UNKNOWN, V_IMAGE_SPENT,
	V_IMAGE_EXPIRED, V_IMAGE_REVOKED, V_IMAGE_MISMATCH, V_MACHINE_MISSING,
	V_MACHINE_TOO_WEAK, V_MACHINE_MISMATCH, V_MACHINE_OTHER_CONTAINER, V_MACHINE_NOT_BOUND,
	V_ENTITLEMENT_MISSING, V_APPROVALS_MISSING, V_SEATS_EXHAUSTED, V_SEAT_NOT_HELD,
	V_SEAT_LAPSED, V_UNLOCKS_EXHAUSTED, V_RELEASE_WITHOUT_WATERMARK, V_COPY_OF_OTHER_CUSTOMER,
	V_SEATS_OVER_POLICY,
	V_TERM_OVER_POLICY, V_TERM_EMPTY, V_NOT_RENEWABLE, V_NOT_TRANSFERABLE, V_RECIPIENT_NOT_FOUND,
	V_RECIPIENT_SUSPENDED, V_RECIPIENT_SAME, V_SEATS_IN_USE, V_LICENSE_MALFORMED,
	V_SIGNATURE_INVALID, V_ISSUER_MISMATCH, V_ARTIFACT_MISMATCH, V_LAST_SEEN_TAMPERED,
	V_LAST_SEEN_FOREIGN, V_LAST_SEEN_REPLAYED,
	V_COUNT
};
/* clang-format on */
const char *verdict_wire(enum verdict_code);     /* stable: "SEATS_EXHAUSTED" */
const char *verdict_sentence(enum verdict_code); /* what is the matter and what to do next */
enum ruling verdict_answer(enum verdict_code);

struct verdict {
	enum verdict_code code;
	const char *rule; /* the name of the one that decided; "" for a plain yes */
	/*
	 * Of a yes: no copy of it may be used from then on. Of LICENSE_REVOKED, LICENSE_SUSPENDED:
	 * until when a program that runs may go on (0: ends now). Else 0.
	 */
	int64_t until;
	bool binds; /* a yes that binds the license to facts.machine: record it */
	/* now is before last_seen; beyond the tolerance the code says so, too. For the audit. */
	bool clock_back;
};

/*
 * May this be done? By the first rule that objects. Looks at nothing but its arguments, which are
 * within the ranges of policy_check. Time never runs backwards here: what was last seen counts as
 * now if it is later.
 */
struct verdict policy_decide(const struct facts *, const struct policy *, enum action);

/* The rules that bear on the action, in order, with what each saw, for people. */
struct rule_seen {
	const char *rule;
	enum verdict_code code; /* what this rule alone says */
	bool decided;
	char saw[96]; /* terminated */
};
enum { RULES_MAX = 32 };
/* How many; the verdict is that of policy_decide. */
size_t policy_explain(const struct facts *, const struct policy *, enum action,
    struct rule_seen ret[RULES_MAX], struct verdict *ret_verdict);

/* ---- The license file -------------------------------------------------------------------- */

#define LICENSE_TYP "hallmark-license+jwt"
enum { LICENSE_MAX = 16 << 10, LICENSE_URL_MAX = 512 };

struct license_claims {
	struct id vendor, customer, release, license; /* iss, sub, aud, jti */
	int64_t issued, not_before, expires;          /* iat, nbf, exp */
	struct digest256 artifact;
	struct str_list entitlements;
	int64_t seats, lease, offline, tolerance, grace_expired, grace_revoked;
	bool stale_refused;
	enum binding binding;
	unsigned components;
	enum image_term image;
	struct digest256 key_image; /* of its pixels; may be all zero: never made yet */
	struct fingerprint bound;   /* of the machine it was fetched for; may be empty */
	struct str revocations;     /* URL of the list; may be empty */
	int64_t epoch;              /* number of the newest list when it was issued */
	struct digest256 key,
	    next; /* RFC 7638 thumbprints; next may be all zero: not yet known */
};
/*
 * The payload to sign: canonical JSON (RFC 8785), at most LICENSE_MAX bytes. E_INPUT for claims
 * that license_claims_read would refuse: the same check for who asks for a signature and who signs.
 */
MUST bool license_claims_put(struct ctx *, const struct license_claims *, struct buf *);
/* A verified payload, strictly; other spellings of the same claims are E_INPUT. */
MUST bool license_claims_read(struct ctx *, struct str payload, struct license_claims *ret);
/* Whether the license names this key (a kid of ours) as the vendor's present or next one. */
bool license_names_key(const struct license_claims *, struct str kid);

/* ---- Proofs ------------------------------------------------------------------------------ */

/*
 * How a customer shows, with each request, that he holds his key: a JWS over what is asked, in the
 * header `Authorization: Hallmark <JWS>`, whose kid is the customer's id (at enrolment, where there
 * is none yet, the key's thumbprint). The nonce is the server's and good for one request.
 */
#define PROOF_TYP "hallmark-proof+jwt"
#define PROOF_SCHEME "Hallmark"
#define NONCE_HEADER "Hallmark-Nonce"
enum { PROOF_MAX = 2048, NONCE_MAX = 128, PROOF_PATH_MAX = 1024 };
struct proof {
	struct str method, path; /* path: as it is sent, query included */
	struct str nonce;
	struct digest256 body; /* SHA-256 of the body, which may be empty */
};
/* Appends the compact JWS. */
MUST bool proof_sign(
    struct ctx *, const struct ec_key *, struct str kid, const struct proof *, struct buf *out);
/* Its kid, before anything was verified. */
MUST bool proof_peek(struct ctx *, struct str jws, struct str *ret_kid);
/* E_INTEGRITY if it is not this key's; E_INPUT if it is no proof. */
MUST bool proof_read(struct ctx *, const struct ec_key *, struct str jws, struct proof *ret);

/* ---- Revocations ------------------------------------------------------------------------- */

#define REVOCATIONS_TYP "hallmark-revocations+jwt"
enum { REVOCATIONS_ENTRIES = 200000, REVOCATIONS_MAX = 8 << 20 };

/* The 16 bytes of an id. Sorted as bytes they are sorted by birth. */
struct uuid {
	uint8_t b[16];
};
MUST bool uuid_of(struct ctx *, const struct id *, struct uuid *ret);
/* Sorts, drops what is there twice; how many are left. */
size_t uuids_sort(struct uuid[], size_t n);

/*
 * Which of a vendor's licenses are suspended or revoked. Each list is whole (no deltas); who
 * writes one may leave out licenses that have expired, grace included.
 */
struct revocations {
	struct id vendor;
	int64_t number; /* each list's is higher than the one's before */
	int64_t this_update, next_update;
	const struct uuid *revoked, *suspended; /* sorted, none twice, none in both */
	size_t revoked_n, suspended_n;
};
/* An upper bound of what revocations_put appends. */
size_t revocations_size(const struct revocations *);
/* The payload to sign: canonical JSON. E_INPUT unless it is as described above. */
MUST bool revocations_put(struct ctx *, const struct revocations *, struct buf *);
/* The same for one that need not be whole in memory. */
MUST bool revocations_write(struct ctx *, const struct revocations *, byte_sink *, void *arg);
/* A verified payload, strictly; the entries lie in the arena. */
MUST bool revocations_read(struct ctx *, struct str payload, struct revocations *ret);
/* LICENSE_ACTIVE if it is not on the list. */
enum license_state revocations_find(const struct revocations *, const struct uuid *);

/* ---- Last seen --------------------------------------------------------------------------- */

/*
 * What a customer's machine remembers of a license, in two copies in different folders: the record
 * and, written after it, the witness. It notices: a clock set back; a record that was edited,
 * cut, made for another license or with another customer's key; a record put back from an earlier
 * time, or deleted, while the witness was forgotten. It cannot notice: both copies put back or
 * deleted together (a snapshot of the machine), nor a customer who takes the trouble to compute the
 * MAC with the private key, which is on that machine. What then remains is what the vendor signed:
 * the license's issue, the list's thisUpdate and their offline time; and, at the next contact, that
 * the server knows a higher count of uses than the machine tells.
 */
enum { LAST_SEEN_SIZE = 8 + ID_MAX + 4 * 8 + 32 };
struct last_seen {
	struct id license;
	int64_t issued; /* of the newest license file it was used with */
	int64_t time;   /* the latest that was seen since */
	int64_t number; /* of the highest list of revocations */
	int64_t uses;   /* one more at each advance */
};
/* Under which records of this license are written, from the customer's private key. */
MUST bool last_seen_key(
    struct ctx *, const struct ec_key *customer, const struct id *license, struct key256 *ret);
/* Appends LAST_SEEN_SIZE bytes. */
MUST bool last_seen_put(
    struct ctx *, const struct key256 *, const struct last_seen *, struct buf *);
/* E_INTEGRITY if it was not written under this key, E_INPUT if it is no record at all. */
MUST bool last_seen_read(
    struct ctx *, const struct key256 *, struct str bytes, struct last_seen *ret);
/*
 * One use later. Nothing in it ever falls, but for one thing: with a license file of a later issue
 * the time begins anew from there, for the vendor has signed that moment. So a clock that was once
 * far ahead is forgiven by fetching the license again.
 */
struct last_seen last_seen_next(struct last_seen, int64_t issued, int64_t now, int64_t number);

/* ---- The offline check ------------------------------------------------------------------- */

/* What there is on the customer's machine. Everything but the last-seen key is public. */
struct offline {
	struct str license;               /* compact JWS */
	const struct ec_key *const *keys; /* the vendor's, public */
	size_t keys_n;
	struct id vendor, customer;        /* as expected; empty: not compared */
	const struct digest256 *artifact;  /* of the file at hand; NULL: not compared */
	struct str list;                   /* compact JWS; empty: there is none */
	const struct key256 *key;          /* NULL: no record is looked at */
	struct str record, witness;        /* the two copies; empty: there is none */
	const struct fingerprint *machine; /* under this license's id; NULL: none */
	const struct digest256 *image;     /* of the pixels that are shown; NULL: none are */
	bool running; /* what has begun goes on: the image was shown then */
	struct str entitlement;
	int64_t now;
};
struct offline_result {
	struct verdict verdict;
	bool read; /* the license is the vendor's; what follows says what it and the list say */
	struct license_claims claims;
	struct revocations list; /* number 0: there is none, or none that counts */
	int64_t last_seen;       /* the latest moment that was signed or recorded */
	/* To be written, record first, then witness, after a no too; uses 0: nothing to write. */
	struct last_seen next;
};
/*
 * Which license a file is about, before its signature was looked at, for machine_collect and
 * last_seen_key.
 */
MUST bool license_peek(struct ctx *, struct str license, struct id *ret);
/*
 * Fails only for want of memory or of the library; whatever is wrong with the files is a verdict.
 * A license that is not to be used may have been fine: see verdict_answer.
 */
MUST bool license_check_offline(
    struct ctx *, const struct offline *, struct offline_result *ret);
/*
 * The rules behind it, for people, on a license that was read, with what each saw; where a file
 * decided before them (a rule that is not among them), what they would have said.
 */
MUST bool license_explain_offline(struct ctx *, const struct offline *,
    const struct offline_result *, struct rule_seen ret[RULES_MAX], size_t *ret_n);

#endif
