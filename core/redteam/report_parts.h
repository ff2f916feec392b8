/*
 * The report inside: what its files share.
 */
#ifndef REDTEAM_REPORT_PARTS_H
#define REDTEAM_REPORT_PARTS_H

#include "parts.h"
#include "summary.h"

/* The members of a point, within an open object. */
void redteam_point_members(struct js *, const struct redteam_point *);

#endif
