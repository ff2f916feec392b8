/*
 * Where the two descriptors come from. The server's child has them; an instance that systemd
 * started (socket unit, Accept=yes) has one connection, over which the server sends the two.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "worker.h"

#define HAND_OVER_MS 30000
#define OUT_OF_THE_WAY 16

MUST static bool
activated(struct ctx *c)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t n;

	if (pid == NULL || fds == NULL || !str_number(str_of(pid), 1, INT32_MAX, &n) ||
	    n != getpid() || !str_same(str_of(fds), STR("1")))
		return fail(c, E_USAGE, "systemd did not pass one connection");
	return true;
}

bool
adopt(struct ctx *c)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	char word[16];

	if (!activated(c) ||
	    !channel_receive(
		c, FD_JOB, word, sizeof word, clock_monotonic() + HAND_OVER_MS, &m))
		return false;
	if (m.fds != FD_COUNT)
		return fail(c, E_USAGE, "the server passed %zu descriptors instead of %d",
		    m.fds, FD_COUNT);
	/* First away from their places, which may be among those received. */
	for (size_t i = 0; i < FD_COUNT; i++) {
		int fd = fcntl(m.fd[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);

		if (fd < 0)
			return fail_errno(c, "duplicate", "a descriptor");
		fd_done(&m.fd[i]);
		m.fd[i] = fd;
	}
	for (size_t i = 0; i < FD_COUNT; i++)
		if (dup2(m.fd[i], FD_JOB + (int)i) < 0)
			return fail_errno(c, "duplicate", "a descriptor");
	return true;
}

static bool
is_channel(int fd)
{
	int type = 0;
	socklen_t n = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET;
}

bool
adopted(struct ctx *c)
{
	if (!is_channel(FD_JOB) || !is_channel(FD_PROGRESS))
		return fail(c, E_USAGE, "descriptors 3 and 4 are not job and progress");
	return true;
}
