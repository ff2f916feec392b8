/*
 * What the tests of the custodian share: a process with loaded keys, started by the same client
 * that the server uses.
 */
#ifndef CUSTODY_HOUSE_H
#define CUSTODY_HOUSE_H

#include "custody.h"
#include "processes.h"
#include "test.h"

/* The call fails so, and its text says this. */
#define ck_says(c, want, part, call)                                                      \
	do {                                                                              \
		if (call)                                                                 \
			ck_abort_msg("%s: did not fail", #call);                          \
		if (strstr((c)->err.text, part) == NULL)                                  \
			ck_abort_msg(                                                     \
			    "%s: '%s' says nothing of '%s'", #call, (c)->err.text, part); \
		ck_err((c), (want));                                                      \
	} while (0)

/* A custodian with a root file in a folder of its own, initialised and loaded. */
struct house {
	struct custody *custody;
	const char *spec; /* of the root key */
	struct keyring_row ring;
	struct signing_row signing;
};

struct custody *test_custody(struct ctx *, const char *spec, bool create);
struct house test_house(struct ctx *);
void house_done(struct house *);
struct id test_id(const char *text);
enum custody_state test_state(struct ctx *, struct custody *);

#endif
