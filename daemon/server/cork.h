/*
 * cork: the head and the body of an answer leave in one packet. The HTTP library writes them as two
 * TLS records with a system call each; here the first waits for the second.
 */
#ifndef CORK_H
#define CORK_H

#include <gnutls/gnutls.h>

#include "base.h"

enum { CORK_MAX = 2048 }; /* a head's record; a longer one does not wait */

struct cork {
	int fd;
	_Atomic bool waiting; /* the next record is a head whose body follows at once */
	size_t n;             /* of what is kept */
	char kept[CORK_MAX];
};

/* Puts itself between the session and its socket. */
void cork_fit(struct cork *, gnutls_session_t, int fd);
/* An answer was queued. Only if its body is complete and not empty may its head wait. */
void cork_answer(struct cork *, bool body_follows);

#endif
