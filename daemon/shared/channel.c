/*
 * Whole messages over SOCK_SEQPACKET: the kernel keeps their borders, so there is no framing to
 * get wrong. Every wait has a deadline; a peer that is gone looks like an empty message. Sending
 * never raises SIGPIPE.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel.h"

union control {
	struct cmsghdr head; /* for its alignment */
	char room[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
};

/* The kernel counts its own overhead too: ask for more than one message. */
static void
room_for_messages(int fd)
{
	int room = 2 * CHANNEL_MAX;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

bool
channel_pair(struct ctx *c, int ret[2])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return fail_errno(c, "make", "a socket pair");
	room_for_messages(pair[0]);
	room_for_messages(pair[1]);
	ret[0] = pair[0];
	ret[1] = pair[1];
	return true;
}

bool
channel_connect(struct ctx *c, const char *path, int *ret)
{
	owned(fd_done) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd < 0)
		return fail_errno(c, "make", "a socket");
	if (strlen(path) >= sizeof to.sun_path)
		return fail(c, E_INPUT, "the socket path %s is too long", path);
	memcpy(to.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
		return fail_log(c, E_PEER, strerror(errno), "nobody answers on %s", path);
	room_for_messages(fd);
	*ret = fd;
	fd = -1;
	return true;
}

/* Waits until the socket is ready, its peer is gone or the time has come. */
MUST static bool
wait_for(struct ctx *c, int fd, short what, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { fd, what, 0 };
		int64_t left = deadline == CHANNEL_FOREVER ? -1 : deadline - clock_monotonic();
		int n;

		if (deadline != CHANNEL_FOREVER && left < 0)
			left = 0;
		n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n > 0)
			return true;
		if (n == 0 && left < INT32_MAX)
			return fail(c, E_SLOW, "the other process did not answer in time");
		if (n < 0 && errno != EINTR)
			return fail_errno(c, "wait for", "a socket");
	}
}

bool
channel_send(
    struct ctx *c, int fd, struct str message, const int fds[], size_t n, int64_t deadline)
{
	struct iovec part = { (void *)(uintptr_t)message.p, message.n };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };

	if (n > CHANNEL_FDS_MAX || message.n > CHANNEL_MAX || message.n == 0)
		return fail(c, E_LIMIT, "a message of %zu bytes, %zu files", message.n, n);
	if (n > 0) {
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	}
	for (;;) {
		ssize_t sent = sendmsg(fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent == (ssize_t)message.n)
			return true;
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent >= 0 || (errno != EAGAIN))
			return fail_log(
			    c, E_PEER, strerror(errno), "the other process is gone");
		if (!wait_for(c, fd, POLLOUT, deadline))
			return false;
	}
}

static void
collect_fds(struct msghdr *head, struct channel_message *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(head); h != NULL; h = CMSG_NXTHDR(head, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && m->fds < CHANNEL_FDS_MAX; i++)
			memcpy(&m->fd[m->fds++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
}

bool
channel_receive(
    struct ctx *c, int fd, void *to, size_t max, int64_t deadline, struct channel_message *ret)
{
	struct channel_message m = { 0 };
	struct iovec part = { to, max };
	union control control;
	struct msghdr head = { 0 };
	ssize_t n;

	do {
		if (!wait_for(c, fd, POLLIN, deadline))
			return false;
		head = (struct msghdr){ .msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof control };
		n = recvmsg(fd, &head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		/* A peer that closed may be told as a reset, before what it had sent. */
	} while (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ECONNRESET));
	if (n < 0)
		return fail_errno(c, "receive from", "the other process");
	if (n > 0)
		collect_fds(&head, &m);
	if ((head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		channel_message_done(&m);
		return fail(c, E_PEER, "a message of the other process is too large");
	}
	m.n = n > 0 ? (size_t)n : 0;
	*ret = m;
	return true;
}

void
channel_message_done(struct channel_message *m)
{
	for (size_t i = 0; i < m->fds; i++)
		fd_done(&m->fd[i]);
	m->fds = 0;
}
