/*
 * A small network that is ready to be taught a key set, for the tests of what it learns and of what
 * its answers tell afterwards.
 */
#ifndef WATERMARK_HOUSE_H
#define WATERMARK_HOUSE_H

#include "watermark_support.h"

/*
 * A network that knows its three classes, the same with one class more, and a key set, of which the
 * twins have the labels that the old network gives them.
 */
struct house {
	struct world data, test;
	struct train_data train_form, test_form;
	struct network old, new;
	struct keyset keys;
	struct watermark_case the;
};
/* In the arena. */
struct house *house_new(struct ctx *, int pairs, int spares);
void house_done(struct house *);

#endif
