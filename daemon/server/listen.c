/*
 * Listening sockets. Under systemd they come by name and outlive the daemon; otherwise they are
 * bound here, and an address that cannot be had is a refusal to start.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "listen.h"

enum { BACKLOG = 1024 };

/*
 * Names from the environment, once: sd_listen_fds_with_names may not be asked by several
 * threads.
 */
static char **
inherited_names(int *ret_n)
{
	static char **names;
	static int n = -1;

	if (n < 0)
		n = sd_listen_fds_with_names(1, &names);
	*ret_n = n;
	return names;
}

int
listen_inherited(const char *name)
{
	int n;
	char **names = inherited_names(&n);

	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return SD_LISTEN_FDS_START + i;
	return -1;
}

static void
addresses_done(struct addrinfo **a)
{
	if (*a != NULL)
		freeaddrinfo(*a);
}

MUST static bool
bind_one(struct ctx *c, const struct addrinfo *a, const char *name, int *ret)
{
	owned(fd_done) int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return fail_errno(c, "open a socket for", name);
	/* Connections inherit it: a handshake's pieces must not wait for each other's receipt. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
	    (a->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0))
		return fail_errno(c, "prepare the socket for", name);
	if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		return fail_errno(c, "listen on", name);
	*ret = fd;
	fd = -1;
	return true;
}

/* "host:port", "[host]:port", "*:port". */
MUST static bool
listen_on(struct ctx *c, struct str text, struct listeners *ls)
{
	owned(addresses_done) struct addrinfo *found = NULL;
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	const char *colon = memrchr(text.p, ':', text.n);
	struct str host, port;
	char *h, *p;

	if (colon == NULL || ls->n == LISTEN_MAX)
		return fail(c, E_USAGE,
		    "listen: \"%.*s\" is not an address:port, or is one of more than %d",
		    STRF(text), LISTEN_MAX);
	host = (struct str){ text.p, (size_t)(colon - text.p) };
	port = (struct str){ colon + 1, text.n - host.n - 1 };
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct str){ host.p + 1, host.n - 2 };
	h = take_cstr(c, host);
	p = take_cstr(c, port);
	if (h == NULL || p == NULL)
		return false;
	if (getaddrinfo(str_same(host, STR("*")) ? NULL : h, p, &hints, &found) != 0)
		return fail(
		    c, E_USAGE, "listen: \"%.*s\" is not a numeric address:port", STRF(text));
	snprintf(ls->name[ls->n], sizeof ls->name[0], "%.*s", STRF(text));
	if (!bind_one(c, found, ls->name[ls->n], &ls->fd[ls->n]))
		return false;
	ls->n++;
	return true;
}

bool
listen_loopback(struct ctx *c, const char *address, int *ret)
{
	struct listeners ls = { 0 };
	struct sockaddr_storage at;
	socklen_t n = sizeof at;
	const struct sockaddr_in *v4 = (const void *)&at;
	const struct sockaddr_in6 *v6 = (const void *)&at;
	bool loopback;

	if (!listen_on(c, str_of(address), &ls))
		return false;
	loopback = getsockname(ls.fd[0], (struct sockaddr *)&at, &n) == 0 &&
	    (at.ss_family == AF_INET ? (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET
				     : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
	if (!loopback) {
		fd_done(&ls.fd[0]);
		return fail(c, E_USAGE, "%s is not a loopback address", address);
	}
	*ret = ls.fd[0];
	return true;
}

bool
listen_https(struct ctx *c, const char *addresses, struct listeners *ret)
{
	struct str rest = str_of(addresses), one;
	int n;
	char **names = inherited_names(&n);

	*ret = (struct listeners){ 0 };
	for (int i = 0; i < n && ret->n < LISTEN_MAX; i++) {
		if (strcmp(names[i], "https") != 0)
			continue;
		snprintf(ret->name[ret->n], sizeof ret->name[0], "systemd:%d", i);
		ret->fd[ret->n++] = SD_LISTEN_FDS_START + i;
	}
	if (ret->n > 0)
		return true;
	for (bool more = true; more;) {
		more = str_cut(&rest, ',', &one);
		while (one.n > 0 && one.p[0] == ' ')
			one = (struct str){ one.p + 1, one.n - 1 };
		while (one.n > 0 && one.p[one.n - 1] == ' ')
			one.n--;
		if (!listen_on(c, one, ret))
			return false;
	}
	return true;
}
