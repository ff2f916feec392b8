/*
 * Whether a payload can be seen: by the eye (noise, similarity) and by those who look for hidden
 * things with statistics.
 */
#ifndef KEYIMAGES_STEALTH_H
#define KEYIMAGES_STEALTH_H

#include "image.h"

/* ---- Detectors (keyimages_steganalysis.c): the higher, the more it looks like a payload --- */

/*
 * RS analysis (Fridrich, Goljan, Du: Reliable detection of LSB steganography in color and grayscale
 * images, 2001): the share of samples that bear a message, estimated; groups of four in both
 * directions, mask 0 1 1 0.
 */
double rs_estimate(const struct image *);
/*
 * The same without the model behind it: how much more regular than singular groups there are
 * under the negative mask than under the positive one. Steadier on small pictures.
 */
double rs_gap(const struct image *);
/*
 * Chi-square attack (Westfeld, Pfitzmann: Attacks on steganographic systems, 1999): how equal the
 * frequencies of 2k and 2k + 1 are; about normal, by Wilson and Hilferty.
 */
double pairs_equal(const struct image *);

/* The probability that a detector gives a picture of `yes` more than one of `no`. */
double auc(const double no[], const double yes[], size_t n);
/* How many of `yes` it finds at a threshold that a share `alarm` of `no` passes. */
double found_at(double alarm, const double no[], const double yes[], size_t n);

/* ---- The measurement (keyimages_stealth.c) ----------------------------------------------- */

/*
 * A line of JSON for each carrier and kind of picture: n photographs of one size, of which key
 * pictures are made, and `large` larger ones of each size out of a seed. *ret_chance: no detector
 * tells a key picture with a payload from one without.
 */
void stealth(const struct image photos[], size_t n, size_t large, bool *ret_chance);

#endif
