/*
 * Slots of small pictures, for the tests of slots.
 */
#ifndef SLOTS_SUPPORT_H
#define SLOTS_SUPPORT_H

#include "slots.h"
#include "test.h"

enum { TONES = 5 };

/* Grey pictures 12 x 12 of five classes, noise on a tone; always the same. */
struct tones {
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
};
struct tones tones_new(int64_t n);
void tones_done(struct tones *);
/* n slots of them, against so many colluders. */
struct slots slots_some(struct ctx *, int n, int colluders);
struct key256 slots_secret(void);
/* The word of a customer; must succeed. */
const uint8_t *word_of(struct ctx *, const struct slots *, uint32_t customer);
/* Of customers 1 … customers. */
struct slots_traced traced(
    struct ctx *, const struct slots *, const uint8_t answer[], int64_t customers);
/* With that bound, is one of so many accused at 1e-6? */
bool accused(const struct slots_score *, int64_t customers);

#endif
