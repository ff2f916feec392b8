/*
 * aligning: one alignment at work, and what its parts share.
 */
#ifndef ALIGNING_H
#define ALIGNING_H

#include "align.h"
#include "layers.h"

/* Where a channel of the original is in the suspect: one, or several that are parts of it. */
struct part {
	int64_t channel, next; /* next: of parts; -1: no more */
	float share;           /* what a part of it counts for, against the first */
};
struct place {
	bool found;     /* the order of this space was decided */
	int64_t *first; /* by the original's channel, into part; -1: it has none */
	struct part *part;
	int64_t parts;
};

struct aligning {
	struct layers of, sus;
	struct place *place; /* by order space */
	float **scale;       /* by scale space; NULL: not yet told */
	float **w, **b;      /* by layer: the suspect's numbers in the original's places */
	struct align_report *report;
	float *cosine; /* of all matched channels */
	int64_t cosines;
};

/* ---- place.c ------------------------------------------------------------------------------- */

/* The place of a space; fixed channels are where they were. */
MUST bool place_of(struct ctx *, struct aligning *, int space, struct place **ret);
/* The suspect's scale of a channel of the original; 1 while it is not known. */
float scale_at(const struct aligning *, int space, int64_t channel);
/* A row of the suspect's layer: what it makes of each input that the original has. */
MUST bool row_read(struct ctx *, struct aligning *, size_t layer, int64_t theirs, float *row);
double product(const float *, const float *, int64_t n);
/* 0 where one of them is nothing. */
double cosine(const float *, const float *, int64_t n);

/* ---- match.c ------------------------------------------------------------------------------- */

MUST bool place_new(struct ctx *, struct place *, int64_t ours, int64_t theirs);
void place_put(struct place *, int64_t ours, int64_t theirs, float share);
/* Finds what the layer makes, by the weights that lead to it. */
MUST bool order_find(struct ctx *, struct aligning *, size_t layer, struct place *);

/* ---- scale.c ------------------------------------------------------------------------------- */

/* The scales of space n of what the layer makes, whose numbers are in a->w and a->b, told by it. */
MUST bool scale_find(struct ctx *, struct aligning *, size_t layer, int n, int64_t ours);

/* ---- put.c --------------------------------------------------------------------------------- */

/* The model with a->w and a->b in it. */
MUST bool numbers_put(struct ctx *, struct aligning *, onnx_sink *, void *arg);

#endif
