/*
 * What follows from all points of a run together: the same for the JSON and for the page.
 */
#ifndef REDTEAM_SUMMARY_H
#define REDTEAM_SUMMARY_H

#include "redteam.h"

/* What one test stands against. */
struct redteam_stand {
	bool planned;    /* it decides something about the untouched copy */
	size_t of, wins; /* points that give it an occasion; that win against it */
	/* The cheapest that wins: without data before with, of one copy before of several, and of
	 * equals the one that keeps most. NULL: none does. */
	const struct redteam_row *row;
	const struct redteam_point *point;
};
/* One family of attacks, by the first letter of its rows' ids. */
struct redteam_family {
	char letter;
	const char *name;
	/* Points; those that cost less than five points of accuracy; of these, those that are
	 * still proven, and those that name the customer. */
	size_t points, worth, proven, named;
	double seconds;
};
enum { REDTEAM_FAMILIES = 8 };
struct redteam_summary {
	struct redteam_stand test[TEST_COUNT];
	struct redteam_stand all; /* the verdict over all tests */
	struct redteam_family family[REDTEAM_FAMILIES];
	size_t points, failed, named; /* failed: attacks that made no suspect */
	int64_t innocents;            /* accusations of somebody who had no part */
	size_t false_claims;          /* an accuser's, that came through */
};
struct redteam_summary redteam_summary_of(const struct redteam_report *);
/* Does the suspect lose less than five points of accuracy? */
bool redteam_worth(const struct redteam_point *, const struct redteam_point *base);
/* Was anything measured? */
bool redteam_tested(const struct redteam_point *);

#endif
