/*
 * roles: what a token may be for, by name. Shared by the HTTP routes and the admin commands.
 */
#ifndef ROLES_H
#define ROLES_H

#include "store.h"

enum { ROLES = 4 };
/* role_names[i] is the name of the bit 1 << i of enum role. */
extern const char *const role_names[ROLES];

/* A list of names as bits; E_INPUT at `at` for an unknown, repeated or missing one. */
MUST bool roles_parse(struct ctx *, const struct str_list *, const char *at, unsigned *ret);

#endif
