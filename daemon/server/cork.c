/*
 * The sending half of a TLS session's transport. What is kept was already reported as sent, so it
 * goes before anything later, and nothing later counts as sent before it has gone.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "cork.h"

static ssize_t
push(gnutls_transport_ptr_t to, const void *bytes, size_t n)
{
	struct cork *k = to;
	union {
		const void *from;
		void *to;
	} p = { bytes };
	struct iovec part[2] = { { k->kept, k->n }, { p.to, n } };
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 2 };
	ssize_t sent;

	if (k->waiting) {
		k->waiting = false;
		if (k->n == 0 && n <= sizeof k->kept) {
			memcpy(k->kept, bytes, n);
			k->n = n;
			return (ssize_t)n;
		}
	}
	if (k->n == 0)
		return send(k->fd, bytes, n, MSG_NOSIGNAL);
	sent = sendmsg(k->fd, &m, MSG_NOSIGNAL);
	if (sent < 0)
		return sent;
	if ((size_t)sent < k->n) {
		k->n -= (size_t)sent;
		memmove(k->kept, k->kept + sent, k->n);
		errno = EAGAIN;
		return -1;
	}
	sent -= (ssize_t)k->n;
	k->n = 0;
	if (sent == 0 && n > 0) {
		errno = EAGAIN;
		return -1;
	}
	return sent;
}

void
cork_fit(struct cork *k, gnutls_session_t session, int fd)
{
	union {
		intptr_t fd;
		gnutls_transport_ptr_t p;
	} from = { fd };

	k->fd = fd;
	gnutls_transport_set_ptr2(session, from.p, k);
	gnutls_transport_set_push_function(session, push);
}

void
cork_answer(struct cork *k, bool body_follows)
{
	k->waiting = body_follows;
}
