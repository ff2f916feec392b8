/*
 * What LSTM and GRU share: one direction of one sequence, a step at a time.
 */
#ifndef NN_RECURRENT_H
#define NN_RECURRENT_H

#include "attrs.h"
#include "families.h"

/* Rows of weights: gate after gate, each of `hidden` rows. NULL data: absent. */
struct rows {
	float *p;
	int64_t row, col;
};

/* One direction. Gradients have NULL where none is wanted. */
struct cell {
	int64_t input, hidden;
	bool linear_before_reset;
	bool positive;                    /* relevance: only positive contributions count */
	struct rows w, r, bias, peephole; /* the last two are a single row */
	struct rows dw, dr, dbias, dpeephole;
	int64_t x_step; /* from number to number of one input */
};

/*
 * The state of a step: as it was, and what the step made of it. `kept` has room for KEPT blocks of
 * `hidden` numbers, which backward reads.
 */
enum { KEPT_H, KEPT_C, KEPT_MORE, KEPT_GATES, GATES_MAX = 4, KEPT = KEPT_GATES + GATES_MAX };

struct way {
	int gates;
	bool has_c;
	/* h and c become the next ones. */
	void (*forward)(const struct cell *, const float *x, float *h, float *c, float *kept);
	/* From those of the next h and c: gradients before activation, and of the former h, c. */
	void (*backward)(const struct cell *, const float *kept, float *dh, float *dc,
	    float *dgates, float *more);
	/* From the relevance of the next h and c to that of the former ones, and of x (added; may
	 * be NULL). `more` is room for 3 * hidden. */
	void (*relevance)(const struct cell *, const float *kept, const float *x, float *rx,
	    int64_t rx_step, float *rh, float *rc, float *more);
};
/* relevance_cells.c */
void lstm_relevance_step(const struct cell *, const float *kept, const float *x, float *rx,
    int64_t rx_step, float *rh, float *rc, float *more);
void gru_relevance_step(const struct cell *, const float *kept, const float *x, float *rx,
    int64_t rx_step, float *rh, float *rc, float *more);
extern const struct way way_lstm, way_gru;

/* to[j] += the sum over i of rows first + j times x, for j below n. */
void rows_times(const struct rows *, int64_t first, int64_t n, const float *x, int64_t step,
    int64_t count, float *to);
/* to[i] += the sum over j of rows first + j times g: the way back. */
void rows_back(const struct rows *, int64_t first, int64_t n, const float *g, float *to,
    int64_t step, int64_t count);
/* rows first + j += g[j] * x. */
void rows_add(const struct rows *, int64_t first, int64_t n, const float *g, const float *x,
    int64_t step, int64_t count);

#endif
