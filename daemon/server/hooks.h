/*
 * hooks: the parts of what brings events to vendors' webhooks. hooks.c is the thread that takes
 * messages which are due, hands them to a courier and records how they fared; hook_words.c knows
 * how a message is signed, and when it is tried again.
 */
#ifndef HOOKS_H
#define HOOKS_H

#include "address.h"
#include "courier_wire.h"
#include "server.h"

/* ---- hook_words.c -------------------------------------------------------------------------- */

enum { HOOK_TEXT = 80 };
struct hook_text {
	char s[HOOK_TEXT];
};
/* "whsec_" and the secret, as receivers' libraries want it. Wipe it after use. */
void hook_secret(const struct key256 *, struct hook_text *ret);
/* "v1," and HMAC-SHA256 of "id.at.body" (Standard Webhooks). */
MUST bool hook_sign(struct ctx *, const struct key256 *, struct str id, int64_t at,
    struct str body, struct hook_text *ret);
/*
 * Milliseconds from the n-th attempt that failed to the next one, give or take a fifth; 0: there is
 * none.
 */
int64_t hook_again(struct ctx *, int64_t attempts);
/* Milliseconds that a webhook rests after so many attempts in a row have failed. */
int64_t hook_rest(int64_t failures);
/* Whether what came back means that the message has arrived. */
bool hook_arrived(const struct parcel_report *);
/* For the delivery log: why it has not. */
const char *hook_note(const struct parcel_report *);
/* Every type of event that there is; NULL at the end. */
extern const char *const hook_event_types[];
/*
 * A list of types for the store: separated by blanks, without repetitions; "*" alone for all.
 * E_INPUT at "/events" for a type that there is not.
 */
MUST bool hook_events_parse(struct ctx *, const struct str_list *, struct str *ret);

/* ---- hooks.c ------------------------------------------------------------------------------- */

/* Where messages may go: `webhook-networks`. */
MUST bool hook_networks(struct ctx *, const struct conf *, struct networks *ret);

#endif
