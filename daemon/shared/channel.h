/*
 * channel: whole messages, and descriptors beside them, over a unix SOCK_SEQPACKET socket. What
 * the server, the custodian and the worker speak through.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "base.h"

#define CHANNEL_MAX (256 << 10) /* bytes of one message */
#define CHANNEL_FDS_MAX 48      /* descriptors beside one message */
#define CHANNEL_FOREVER INT64_MAX

/* Two connected ends, close-on-exec, with room for a message of CHANNEL_MAX bytes. */
MUST bool channel_pair(struct ctx *, int ret[2]);
/* A connection to a socket in the file system. */
MUST bool channel_connect(struct ctx *, const char *path, int *ret);

/*
 * Sends one message. Waits until `deadline` (clock_monotonic) for room: E_SLOW. E_PEER if the other
 * end is gone.
 */
MUST bool channel_send(
    struct ctx *, int fd, struct str message, const int fds[], size_t n, int64_t deadline);

/* What was received. The descriptors, close-on-exec, belong to the receiver. */
struct channel_message {
	size_t n; /* bytes; 0: the other end is gone */
	int fd[CHANNEL_FDS_MAX];
	size_t fds;
};
/*
 * Receives one message into `to`. E_SLOW when the deadline passes; E_PEER, with the message
 * dropped and its descriptors closed, for one larger than `max`.
 */
MUST bool channel_receive(
    struct ctx *, int fd, void *to, size_t max, int64_t deadline, struct channel_message *ret);
/* Closes the descriptors that were received. */
void channel_message_done(struct channel_message *);

#endif
