/*
 * listen: sockets that wait for clients, made here or handed over by systemd.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include "base.h"

enum { LISTEN_MAX = 8 };

struct listeners {
	int fd[LISTEN_MAX];
	char name[LISTEN_MAX][80];
	size_t n;
};

/*
 * The sockets named `https` that systemd handed over; if there are none, one for each of the
 * addresses ("127.0.0.1:8443, [::1]:8443, *:8443"). E_PEER, naming the address, if one cannot be
 * bound.
 */
MUST bool listen_https(struct ctx *, const char *addresses, struct listeners *ret);
/* One loopback address; E_USAGE for any other. */
MUST bool listen_loopback(struct ctx *, const char *address, int *ret);
/* The socket of this name that systemd handed over, or -1. */
int listen_inherited(const char *name);

#endif
