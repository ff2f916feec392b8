/*
 * A thief at work without a release behind him: a small network that tells bars from frames, as a
 * suspect, and samples of his own.
 */
#ifndef REDTEAM_RAID_H
#define REDTEAM_RAID_H

#include "learn.h"
#include "watermark_house.h"

struct raid {
	struct house *house;
	struct redteam run;
	struct redteam_suspect s;
	float *before; /* the suspect's weights at first */
	size_t weights;
};
/* The context has the suspect's memory, as an attack's has. */
struct ctx *raid_begin(struct raid *ret);
void raid_end(struct raid *);

typedef bool raid_attack(struct ctx *, struct redteam *, double x, struct redteam_suspect *);
/* All weights but biases, one after the other. */
float *raid_weights(struct ctx *, struct nn_graph *, size_t *ret_n);
/* The share of right answers to the judges' samples, through the filter. */
double raid_accuracy(struct ctx *, struct raid *);

#endif
