/*
 * verifications: what the routes of verifications share.
 */
#ifndef VERIFICATIONS_H
#define VERIFICATIONS_H

#include "request.h"

enum { VERIFICATION_JSON_MAX = 2048 };
/* As every answer shows it; `facts` may be left out of lists. */
void verification_json(struct js *, const struct verification_row *, bool facts);

#endif
