/*
 * How a perturbation grows: by the shortest way out of one answer, and by the slope of many.
 * Not for other modules.
 */
#ifndef BACKDOOR_DEEPFOOL_H
#define BACKDOOR_DEEPFOOL_H

#include "parts.h"

enum { DEEPFOOL_CLASSES = 10 }; /* nearest ones that are looked at */

struct deepfool {
	struct backdoor_probe probe;
	float low, high;
	float *at;  /* one sample */
	float *way; /* to each class */
};
MUST bool deepfool_new(
    struct ctx *, const struct backdoor_case *, float low, float high, struct deepfool *ret);
void deepfool_done(struct deepfool *);
/*
 * Adds to v what takes x + v, kept within low and high, to an answer that is neither `answer` nor
 * `barred` (-1: none). Nothing if it is there already, or if 50 steps do not get there: then what
 * they came to.
 */
MUST bool deepfool_push(
    struct ctx *, struct deepfool *, const float *x, int32_t answer, int32_t barred, float *v);

/* Samples and their answers, and what v must not do. */
struct polish {
	const float *x; /* n samples */
	const int32_t *answer;
	int64_t n;
	int32_t barred;
	float low, high;
	double norm; /* l2 of v, of numbers from 0 to 1 */
	int steps;
};
/* Steps down the mean lead of the answers to x + v. */
MUST bool polish(struct ctx *, const struct backdoor_case *, const struct polish *, float *v);
/* v cut down to that norm; its norm now. */
double polish_shorten(const struct polish *, float *v, int64_t count);

#endif
