/*
 * use: what customers, and the vendors' programs for them, ask of one license, and what such a
 * request brings.
 */
#ifndef USE_H
#define USE_H

#include "standing.h"

enum { MACHINE_NAME_MAX = 64, SECRET_MAX = 64 };

struct use {
	/* As they came; empty where the request has none. */
	struct str machine, fingerprint, entitlement, delivery, authentication;
	struct fingerprint here; /* what `fingerprint` says */
	struct standing st;
};

/* Members of a body that is one. */
/* clang-format off */
#define USE_MACHINE(required) \
	{ "machine", FIELD_TEXT, offsetof(struct use, machine), 1, MACHINE_NAME_MAX, (required) }
#define USE_FINGERPRINT \
	{ "fingerprint", FIELD_BYTES, offsetof(struct use, fingerprint), 0, FINGERPRINT_MAX }
/* clang-format on */

/*
 * The license of the path's first parameter, for the vendor, or for the customer whose it is, with
 * the machine of the path's second one if there is one, and what the body says. The facts are a
 * reader's. An empty body says nothing.
 */
MUST bool use_read(
    struct ctx *, struct request *, const struct json_field *, size_t fields, struct use **ret);
/* The same facts again, in the act. */
MUST bool use_again(struct ctx *, struct db *, struct request *, struct use *);
/* In the act, after a yes: binds the license to the machine if the verdict wants it. */
MUST bool use_bind(struct ctx *, struct db *, const struct use *, const struct verdict *);
/* And takes its seat, or keeps it, until `until` (seconds); those that lapsed go before. */
MUST bool use_seat(struct ctx *, struct db *, struct use *, const struct verdict *,
    int64_t until, bool *ret_new);
/* In the act: tells the vendor's webhooks. */
MUST bool use_event(struct ctx *, struct db *, const struct use *, const char *type);

#endif
