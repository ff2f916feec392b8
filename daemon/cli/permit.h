/*
 * permit, inside: what permit.c (the way from a license to its model) and permit_key.c (unlock
 * keys: the one that is here, and asking for one) share.
 */
#ifndef PERMIT_H
#define PERMIT_H

#include "customer.h"

enum { QUESTION_MAX = 2048 };
struct way {
	struct held held;
	struct identity who;
	struct ec_key *key; /* the customer's own */
	struct offline in;
	struct offline_result seen;
	const char *key_name; /* of its file, for messages */
	bool reached, out;    /* the server was asked last: it answered; it did not */
	struct unlock_key cached;
	bool has_cached;
	bool image_due, image_seen; /* the server wants the key image; it has seen it */
	char text[QUESTION_MAX];
	struct buf question; /* what is asked for an unlock key, but for its end */
};

/* The key that is here, if it still holds: w->cached. */
MUST bool cached_look(struct cli *, struct way *);
/* A new one, unless w->out then; it is kept, too. A refusal ends the request. */
MUST bool key_ask(struct cli *, struct way *, struct unlock_key *ret);

#endif
