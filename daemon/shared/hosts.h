/*
 * hosts: which services may be asked for a verification: the operator's own list, of names and of
 * networks. What is not on it is not spoken to, be it as public as it likes.
 */
#ifndef HOSTS_H
#define HOSTS_H

#include "target.h"

#define HOSTS_MAX 64
struct hosts {
	struct str name[HOSTS_MAX]; /* views into the list's text */
	size_t n;
	struct networks networks;
};
/* "api.example.com, 10.1.0.0/16": names, addresses and networks; E_USAGE for anything else. */
MUST bool hosts_parse(struct ctx *, struct str, struct hosts *ret);
bool hosts_empty(const struct hosts *);
/*
 * An https URL whose host is on the list: its name, or, of an address, its network. E_INPUT at
 * "/url". To which address a name leads is looked at when it is known: address_allowed.
 */
MUST bool hosts_check(struct ctx *, struct str url, const struct hosts *, struct target *ret);

#endif
