/*
 * address: whether an address of the internet is somebody's own network or everybody's. What a
 * vendor names as a target must not lead the server into the network that it stands in.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "base.h"

#include <sys/socket.h>

/* An address of either family; one of IPv4 is held as its mapped form, ::ffff:a.b.c.d. */
struct address {
	uint8_t b[16];
};

/* Of a socket's; false if it is of another family than IPv4 and IPv6. */
bool address_of(const struct sockaddr *, socklen_t, struct address *ret);
/* Dotted decimal with four numbers, or IPv6 without a zone and without brackets. */
bool address_parse(struct str, struct address *ret);
/*
 * Not one of the public internet's: this host, private, shared, link-local, multicast, reserved,
 * for documentation, a cloud's metadata service, or a form of IPv6 that holds or may hold such an
 * address of IPv4 (mapped, translated, tunnelled).
 */
bool address_private(const struct address *);

#define NETWORKS_MAX 64
struct network {
	struct address address;
	unsigned bits; /* of 128 */
};
struct networks {
	struct network v[NETWORKS_MAX];
	size_t n;
};
/* "10.0.0.0/8, fd00::/8": separated by commas or blanks; an address alone is a network of one. */
MUST bool networks_parse(struct ctx *, struct str, struct networks *ret);
/* In one of these networks. */
bool address_listed(const struct address *, const struct networks *);
/* Public, or in one of these networks. */
bool address_allowed(const struct address *, const struct networks *);

#endif
