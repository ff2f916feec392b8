/*
 * red_teams: what the routes of red teams share.
 */
#ifndef RED_TEAMS_H
#define RED_TEAMS_H

#include "request.h"

enum { RED_TEAM_JSON_MAX = 2048 };
/* As every answer shows it; `facts` may be left out of lists. */
void red_team_json(struct js *, const struct red_team_row *, bool facts);

#endif
