/*
 * What the files of slots share. Not for other modules.
 */
#ifndef SLOTS_PARTS_H
#define SLOTS_PARTS_H

#include "chance.h"
#include "slots.h"

/* ---- Words (words.c) --------------------------------------------------------------------- */

struct words {
	size_t n;
	double *bias; /* in the arena */
	struct key256 code;
};
MUST bool words_begin(
    struct ctx *, const struct key256 *secret, const struct slots *, struct words *ret);
void words_done(struct words *);
MUST bool words_of(struct ctx *, const struct words *, uint32_t customer, uint8_t ret[]);

/* ---- Pictures (draw.c, answers.c) -------------------------------------------------------- */

/* E_INPUT unless samples of this form are grey or colour pictures of bytes. */
MUST bool pictures_check(struct ctx *, const struct data_form *);
/* Pictures as floats of that form; E_INPUT unless they are of its size. */
MUST bool picture_floats(
    struct ctx *, const struct data_form *, const struct image *, float *to);

/* ---- One embedding (step.c) -------------------------------------------------------------- */

/* What is decided by chance. */
enum chance_use { CHANCE_ORDER = 100, CHANCE_SLOTS };

struct step_weight {
	struct nn_weight *weight;
	size_t index;
	float *velocity;
};
struct embedding {
	const struct slots_case *the;
	struct slots_options options;
	struct data_form form; /* of pictures */
	struct nn_plan *plan;
	struct loss loss;
	struct optimiser optimiser;
	struct schedule schedule;
	int64_t rows, outputs;
	int64_t marked; /* rows of a step that are slots' or kept pictures, the first ones */
	int64_t pictures, picture_at, sample_at;
	int64_t step, steps, per_epoch;
	struct step_weight *weight;
	size_t weights;
	int64_t *order, *picture_order;
	float *knew; /* of every sample: what the network said before, as probabilities */
	float *in, *target, *gradient;
};
MUST bool teaching_new(struct ctx *, const struct slots_case *, const struct slots_options *,
    struct embedding **ret);
void teaching_free(struct embedding **);
MUST bool teaching_step(struct ctx *, struct embedding *);
/* What the network says of every sample now, as probabilities, into e->knew (recall.c). */
MUST bool teaching_recall(struct ctx *, struct embedding *);

#endif
