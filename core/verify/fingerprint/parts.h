/*
 * parts: what taking a fingerprint and reading one share.
 */
#ifndef FINGERPRINT_PARTS_H
#define FINGERPRINT_PARTS_H

#include "fingerprint.h"

enum { FINGERPRINT_SIDE_MAX = 1 << 14 };

#endif
