/*
 * customers: whom licenses are made out to. What the files of their routes share.
 */
#ifndef CUSTOMERS_H
#define CUSTOMERS_H

#include "request.h"

enum { CUSTOMER_JSON_MAX = 4096 };
/* As every answer shows one; `code`: with the enrolment code, or NULL. */
void customer_json(struct js *, const struct customer_row *, const char *code);
/* The answer, with its ETag. */
MUST bool customer_reply(
    struct ctx *, struct request *, int status, const struct customer_row *, const char *code);
/* Tells the vendor's webhooks that this happened to that customer. */
MUST bool customer_event(
    struct ctx *, struct db *, const struct customer_row *, const char *type);

/* "hmc_" and 256 random bits: what a customer enrolls with, once. */
struct customer_code {
	struct token_secret secret;
	struct digest256 digest;
	int64_t expires;
};
/* Good for so many hours. */
MUST bool customer_code_new(struct ctx *, int64_t hours, struct customer_code *ret);
enum { CODE_HOURS = 7 * 24, CODE_HOURS_MAX = 8760 };

/* The public halves of the keys that sign, as a JWKS. */
enum { KEYS_JSON_MAX = 16 << 10 };
MUST bool keys_json(struct ctx *, struct db *, const char *key, struct js *);

#endif
