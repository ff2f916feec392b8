/*
 * fingerprint: how a network decides, as maps of what each part of an input stood for, and how like
 * two networks are in that. The network is not touched for it. Maps can be alike by chance and can
 * be made unlike on purpose, so they support a verdict and never carry one.
 */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include "nn.h"

/* ---- Likeness of two lists of numbers ------------------------------------------------------ */

/* 0 where one of them is nothing, or flat. */
double likeness_cosine(const float a[], const float b[], int64_t n);
/* The same about their means. */
double likeness_pearson(const float a[], const float b[], int64_t n);
/* Of ranks; equal numbers share theirs. */
MUST bool likeness_spearman(
    struct ctx *, const float a[], const float b[], int64_t n, double *ret);
/* The share of the `top` largest numbers of one that are among those of the other. */
MUST bool likeness_top(
    struct ctx *, const float a[], const float b[], int64_t n, int64_t top, double *ret);
/* Structural similarity of two pictures of numbers from 0 to 1, by windows of 7 or 11. */
double likeness_structure(const float a[], const float b[], int width, int height);

/* ---- Fingerprints -------------------------------------------------------------------------- */

enum { FINGERPRINT_PROBES_MAX = 1024 };

/*
 * By probe and pixel, channels added up: deep Taylor scaled to the sum 1, epsilon to the most 1.
 * Epsilon counts biases in its denominators. Without them it is chaotic in deep networks: a few
 * steps of training leave nothing of a ResNet's map.
 */
struct fingerprint {
	int probes, width, height;
	int32_t *answer; /* the class that each map is about */
	float *taylor, *epsilon;
	float *lost[2]; /* share of relevance that went nowhere, or to biases, by map */
	bool *weak;     /* the network said less than nothing for that class */
};
/* An empty one, in the arena. */
MUST bool fingerprint_new(
    struct ctx *, int probes, int width, int height, struct fingerprint *ret);

struct fingerprint_probes {
	const float *samples; /* dense, as the network takes them */
	int n, channels, width, height;
	const int32_t *answer; /* the classes to explain; NULL: what this network says */
	float low, high;       /* every number of a sample lies between these */
};
/*
 * E_INPUT for a network whose relevance is not defined or not finite, or whose inputs or outputs do
 * not fit.
 */
MUST bool fingerprint_take(struct ctx *, struct nn_graph *, const struct fingerprint_probes *,
    struct fingerprint *ret);
MUST bool fingerprint_file_put(struct ctx *, const struct fingerprint *, struct str *ret);
/* E_INPUT for what is none, or has a number that is not finite. */
MUST bool fingerprint_file_read(struct ctx *, struct str bytes, struct fingerprint *ret);

struct fingerprint_scores {
	double taylor;      /* median structural similarity */
	double epsilon;     /* median rank correlation */
	double cosine, top; /* of epsilon maps: medians */
	double lost;        /* of deep Taylor: the largest share that went nowhere */
};
/* E_INPUT if they are not of the same probes. */
MUST bool fingerprint_compare(struct ctx *, const struct fingerprint *,
    const struct fingerprint *, struct fingerprint_scores *ret);
/*
 * How alike the deep Taylor maps of two different answers of one network are: beyond .99 they say
 * where the probe is, not how the network decides, and do not count.
 */
MUST bool fingerprint_blur(
    struct ctx *, struct nn_graph *, const struct fingerprint_probes *, double *ret);

#endif
