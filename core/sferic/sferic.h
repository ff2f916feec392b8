/*
 * sferic: networks that listen instead of look. The one-dimensional counterpart of an image
 * model: a recogniser of sferics, the radio pulses of lightning, that marks them point by point in
 * four channels of a magnetotelluric record. What it learns from is made here, by a generator that
 * is a pure function of a seed and a number; all of it is synthetic, no record of the field.
 */
#ifndef SFERIC_H
#define SFERIC_H

#include <complex.h>

#include "base.h"
#include "nn.h"
#include "train.h"

/* ---- Sferics ----------------------------------------------------------------------------- */

enum { SFERIC_EX, SFERIC_EY, SFERIC_HX, SFERIC_HY, SFERIC_CHANNELS };
enum {
	SFERIC_POINTS = 1024, /* of a window: 42.7 ms */
	SFERIC_RATE = 24000,  /* of them a second */
	SFERIC_ROW = SFERIC_CHANNELS * SFERIC_POINTS,
};
#define SFERIC_LOWEST (-5.0) /* dB: signal in its marked points over the noise of its channel */
#define SFERIC_HIGHEST 20.0

struct sferic_window {
	float x[SFERIC_CHANNELS]
	       [SFERIC_POINTS];   /* each channel's noise: variance 1, before gain */
	uint8_t y[SFERIC_POINTS]; /* 1: a sferic is there */
	double snr;               /* dB, also where there is none */
	int sferics;
};
/*
 * The window of that number. It can be had in many turns, of other noise and augmented otherwise:
 * moved in time, larger or smaller by up to 2, turned upside down, at another ratio of signal to
 * noise. Turn 0 is not augmented, and at the middle ratio.
 */
void sferic_window(uint64_t seed, uint64_t number, uint64_t turn, struct sferic_window *ret);

/*
 * A window, SFERIC_ROW numbers, as 16-bit samples, so many steps for noise of deviation 1, and
 * back, without further loss; what does not fit is cut off.
 */
enum { SFERIC_STEPS = 128 };
void sferic_quantise(const float *x, int16_t *to);
void sferic_restore(const int16_t *v, float *to);

/* The surface impedance of a homogeneous half-space, in ohms, that turns H into E. */
double complex sferic_impedance(double hertz, double ohm_metres);

/* ---- The network ------------------------------------------------------------------------- */

enum { SFERIC_WIDTH = 16 }; /* the usual one: 162,961 parameters */
/*
 * A U-Net as ONNX, all weights zero: x [N,4,1024] to the probability of each point, y [N,1024]. The
 * levels have `width`, 2, 4 and 8 times as many channels.
 */
MUST bool sferic_model(struct ctx *, int64_t width, struct str *ret);

/* ---- Training ---------------------------------------------------------------------------- */

/*
 * Where a trainer's samples come from: fresh windows in each step, or the first `fixed` ones again
 * and again.
 */
struct sferic_source {
	uint64_t seed;
	int64_t batch;
	int64_t fixed; /* 0: fresh ones */
	bool still;
};
/* A train_touch over the samples of sferic_data; `arg` is a struct sferic_source. */
train_touch sferic_touch;
/*
 * A batch of nothing, for a trainer that fills it with windows. Does not move: `data` points into
 * it.
 */
struct sferic_data {
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
};
MUST bool sferic_data_new(
    struct ctx *, const struct nn_graph *, int64_t batch, struct sferic_data *ret);
void sferic_data_done(struct sferic_data *);

/*
 * True when the mean of the last `length` losses is not better by a share of `least` than that of
 * as many `apart` steps earlier; false while there are too few.
 */
struct sferic_stop {
	int64_t length, apart;
	double least;
};
bool sferic_converged(const struct sferic_stop *, const double loss[], int64_t steps);

/* ---- How good it is ---------------------------------------------------------------------- */

enum { SFERIC_BANDS = 5, SFERIC_BINS = 2048 };

/* Points or events: there and said, only said, only there. */
struct sferic_count {
	int64_t hits, false_ones, missed;
};
double sferic_precision(const struct sferic_count *); /* 1 if nothing was said */
double sferic_recall(const struct sferic_count *);    /* 1 if nothing was there */
double sferic_f1(const struct sferic_count *);
double sferic_iou(const struct sferic_count *);

/*
 * Counted of answers against masks. An event is a run of marked points; it is found by a run that
 * lies within half a millisecond of it. Bands are of equal width in the signal-to-noise ratio.
 */
struct sferic_score {
	int64_t windows, points, marked;
	struct sferic_count point, event;
	struct sferic_count point_of[SFERIC_BANDS], event_of[SFERIC_BANDS];
	int64_t said[2][SFERIC_BINS]; /* by truth: points by their probability */
};
void sferic_score_add(
    struct sferic_score *, const struct sferic_window *, const float p[SFERIC_POINTS]);
/* The area under the curve of precision over recall, as average precision. */
double sferic_pr_area(const struct sferic_score *);
/* The points at the threshold that gives them the best F1, which is *ret_threshold. */
struct sferic_count sferic_best(const struct sferic_score *, double *ret_threshold);
/* What answering 1 everywhere, the best of all constant answers, reaches. */
struct sferic_count sferic_constant(const struct sferic_score *);
/* Windows 0 to n - 1 of a seed, through the graph. */
MUST bool sferic_measure(struct ctx *, struct nn_graph *, uint64_t seed, int64_t n, int threads,
    struct sferic_score *ret);

#endif
