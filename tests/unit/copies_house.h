/*
 * A vendor with a model, its slots, and customers, for the tests of copies; all of it made by jobs.
 */
#ifndef COPIES_HOUSE_H
#define COPIES_HOUSE_H

#include "kinds_support.h"
#include "verify_house.h"

enum { SHOP_CUSTOMERS = 12 };

struct shop {
	struct str model, slots, copies; /* copies: the list of who has one */
	struct str samples, labels, test_samples, test_labels;
	struct key256 secret;
	struct slots read;
};
/*
 * LeNet and pictures of kinds, with slots for customers 1 … SHOP_CUSTOMERS, who all have a copy.
 * `taught`: it knows them; else what it once learnt of others.
 */
void shop_new(struct ctx *, bool taught, struct shop *ret);
/* Whose number stands in the list, as its id. */
struct str shop_id(const struct shop *, uint32_t number);
/* 40 pairs of noise, of one class less than there are kinds; it is no secret which. */
struct keyset shop_keys(struct ctx *);
struct str shop_hex(struct ctx *, const struct digest256 *);

/* The job that makes a copy; the keys may be empty. */
MUST bool shop_copy(struct ctx *, const struct shop *, const char *params, struct str model,
    struct str keys, struct house_made *ret);
/* A member of a result that must be there. */
double number_in(struct ctx *, struct str json, const char *name);

/* ---- A service that runs a copy ---------------------------------------------------------- */

struct inquiry {
	struct str tar, list;
	struct challenge q;
};
/* Questions; keys or slots may be empty. 30 pairs, 25 decoys. */
struct inquiry shop_challenge(
    struct ctx *, const struct shop *, struct str keys, struct str slots);
/* What the model says to the files of a challenge, one by one; and as a transcript. */
int32_t *shop_answers(struct ctx *, struct str model, const struct inquiry *);
struct str shop_transcript(struct ctx *, struct str model, const struct inquiry *);

/* ---- Verdicts ---------------------------------------------------------------------------- */

struct trial {
	struct str suspect, list, keys, slots, copies;
	struct str commitment; /* of the slots; empty: as it is */
	const struct key256 *secret;
	struct str pictures; /* of the challenge, which a service is asked */
	bool (*say)(struct ctx *, void *arg, struct str message);
	bool (*hear)(struct ctx *, void *arg, int64_t deadline, struct buf *message);
};
/* The job; the shop's own where something is empty. */
MUST bool shop_verify(
    struct ctx *, const struct shop *, const struct trial *, struct house_made *ret);
/* Must succeed, with a report that follows from its counts. */
struct evidence shop_verdict(struct ctx *, const struct shop *, const struct trial *);

#endif
