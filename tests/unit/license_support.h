/*
 * A license in good order, to be spoilt in one place at a time.
 */
#ifndef LICENSE_SUPPORT_H
#define LICENSE_SUPPORT_H

#include "license.h"
#include "test.h"

#define NOW (TEST_NOW / 1000)
#define VENDOR "ven_01a1f7b4-613b-78db-864f-cf642ca115e9"
#define CUSTOMER "cus_01a1f7b4-613b-78db-864f-cf642ca115ea"
#define RECIPIENT "cus_01a1f7b4-613b-78db-864f-cf642ca115eb"
#define RELEASE "rel_01a1f7b4-613b-78db-864f-cf642ca115ec"
#define LICENSE "lic_01a1f7b4-613b-78db-864f-cf642ca115ed"

/* What a decision is made of; its pointers point into itself. */
struct story {
	struct facts f;
	struct policy p;
	struct license l;
	struct fingerprint here, bound[2];
	struct str entitlement[2];
};
/* Everything as the action wants it: the answer is yes. */
void story_init(struct story *, enum action);

/* One place that is otherwise: any number, enum, bool, character or pointer of a story. */
struct spoilt {
	size_t at, size;
	int64_t value;
};
#define S(member, v)                                                                  \
	{                                                                             \
		offsetof(struct story, member), sizeof((struct story *)NULL)->member, \
		    (int64_t)(v)                                                      \
	}
enum { SPOILT = 4 };
void story_spoil(struct story *, const struct spoilt[SPOILT]);

/* A fingerprint of `n` components, 0, 1, …, whose values are made of `seed`. */
struct fingerprint machine_of_seed(unsigned n, uint8_t seed);
/* Claims that may be signed, in the arena's memory. */
struct license_claims claims_example(void);

#endif
