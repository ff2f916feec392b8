/*
 * shown: what to make of a picture that a customer has shown as his key image. One pure function
 * decides, by what a viewer has seen in it and what the store knows.
 */
#ifndef SHOWN_H
#define SHOWN_H

#include "license.h"
#include "store.h"
#include "view.h"

/* In the order in which they are looked for. */
enum shown_code {
	SHOWN_UNREADABLE,
	SHOWN_WRONG_SIZE,
	SHOWN_EMPTY,
	SHOWN_DAMAGED,
	SHOWN_FORGED,
	SHOWN_OTHER_RELEASE,
	SHOWN_OTHER_CUSTOMER,
	SHOWN_UNKNOWN,
	SHOWN_OTHER_LICENSE,
	SHOWN_REVOKED,
	SHOWN_REPLACED,
	SHOWN_EXPIRED,
	SHOWN_NOT_ANSWERED,
	SHOWN_GOOD,
	SHOWN_COUNT
};
const char *shown_wire(enum shown_code);     /* stable: "IMAGE_FORGED" */
const char *shown_sentence(enum shown_code); /* what is the matter and what to do next */

struct shown {
	const struct view_answer *said;
	const struct license_row *license; /* for which it is shown */
	int64_t customer;                  /* its customer's number */
	/* Of the serial number that it says, or else the one that looks like it; NULL: none. */
	const struct key_image_row *image;
	int64_t at; /* seconds */
};
enum shown_code shown_decide(const struct shown *);

#endif
