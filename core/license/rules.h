/*
 * What the files of this module share. Not for other modules.
 */
#ifndef LICENSE_RULES_H
#define LICENSE_RULES_H

#include "license.h"

/* ---- Rules (decide.c has their order) ---------------------------------------------------- */

/* What a rule looks at. */
struct view {
	const struct facts *f;
	const struct policy *p;
	enum action action;
	int64_t at; /* the moment that counts: now, or what was last seen if that is later */
	struct buf *saw; /* NULL: nobody wants to know */
};

/*
 * A rule gives V_VALID (or a lesser yes) or its objection, and works without the rules before it:
 * where a fact it needs is missing it has none. It leaves a note of what it saw.
 */
enum verdict_code rule_lookup(const struct view *);
enum verdict_code rule_vendor(const struct view *);
enum verdict_code rule_customer(const struct view *);
enum verdict_code rule_release(const struct view *);
enum verdict_code rule_exists(const struct view *);
enum verdict_code rule_owner(const struct view *);
enum verdict_code rule_state(const struct view *);
enum verdict_code rule_suspended(const struct view *);
enum verdict_code rule_policy(const struct view *);
enum verdict_code rule_clock(const struct view *);
enum verdict_code rule_issued(const struct view *);
enum verdict_code rule_starts(const struct view *);
enum verdict_code rule_expires(const struct view *);
enum verdict_code rule_revocations(const struct view *);
enum verdict_code rule_enrolled(const struct view *);
enum verdict_code rule_delivery(const struct view *);
enum verdict_code rule_image(const struct view *);
enum verdict_code rule_machine(const struct view *);
enum verdict_code rule_entitlement(const struct view *);
enum verdict_code rule_approvals(const struct view *);
enum verdict_code rule_counted(const struct view *);
enum verdict_code rule_seats(const struct view *);
enum verdict_code rule_heartbeat(const struct view *);
enum verdict_code rule_unlocks(const struct view *);
enum verdict_code rule_watermark(const struct view *);
enum verdict_code rule_copy(const struct view *);
enum verdict_code rule_terms(const struct view *);
enum verdict_code rule_renewal(const struct view *);
enum verdict_code rule_transfer(const struct view *);
enum verdict_code rule_keys(const struct view *);

/* What was seen; the last note counts. */
PRINTF(2, 3) void note(const struct view *, const char *fmt, ...);

/* A moment for a note, e.g. 2026-02-01T12:00:00.000Z; empty if nobody wants to know. */
struct moment {
	char s[32];
};
struct moment moment(const struct view *, int64_t seconds);

/* Both are within [0, TIME_LAST], or as far beyond as an int64_t goes. */
int64_t time_plus(int64_t moment, int64_t span);
bool id_same(const struct id *, const struct id *);
bool id_given(const struct id *);
bool list_has(const struct str_list *, struct str);

/* The one of the license's machines that the facts' machine is; MATCH_NO if it has none. */
enum match machine_of(const struct view *);
/* Whether an action that brings a machine would bind the license to it. */
bool would_bind(const struct view *);

/* ---- Names and lists --------------------------------------------------------------------- */

extern const char *const binding_names[], *const image_names[]; /* NULL ends each */
/* E_INPUT unless each is a plain word and none is there twice. */
MUST bool entitlements_check(struct ctx *, const struct str_list *);
/* Members of a JSON object. */
void texts_put(struct js *, const char *key, const struct str_list *);
void components_put(struct js *, const char *key, unsigned mask);

/* ---- Machines ---------------------------------------------------------------------------- */

/* Adds a value under its salt; one that is there already, or too many, are left out. */
MUST bool fingerprint_add(struct ctx *, const struct id *license, enum component,
    struct str value, struct fingerprint *);
/* The public area of the endorsement key, from the TPM's device; empty if there is none. */
MUST bool tpm_endorsement(struct ctx *, int root, struct str *ret);
/* The container's id; empty outside of one. *ret_shared: the host's machine-id was mounted in. */
MUST bool container_id(struct ctx *, int root, struct str *ret, bool *ret_shared);
/* A small file's text, trimmed; empty if it cannot be read. */
MUST bool small_file(struct ctx *, int dir, const char *name, struct str *ret);

#endif
