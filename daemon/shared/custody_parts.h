/*
 * custody_parts: what the two halves of the custodian's client share, the process (custody.c) and
 * requests on their way (custody_exchange.c). Not for others.
 */
#ifndef CUSTODY_PARTS_H
#define CUSTODY_PARTS_H

#include <pthread.h>

#include "child.h"
#include "custody_call.h"

enum { SLOTS = 8 }; /* requests at once */

/* One request on its way. */
struct slot {
	bool taken;
	bool asked, answered; /* between them an answer may come */
	bool asleep;          /* while somebody else reads */
	uint64_t id;
	size_t answer_n;
	pthread_cond_t changed; /* its answer is here, or it shall read, or all is over */
	char out[CUSTODY_MESSAGE_MAX], in[CUSTODY_MESSAGE_MAX];
};

struct custody {
	struct child child;
	int timeout_ms;
	char *programs, *root;

	pthread_mutex_t lock; /* of all that follows, but for the messages of slots */
	pthread_cond_t left;  /* a slot is free */
	pthread_cond_t idle;  /* all are */
	int fd;               /* -1: no process; changes only while no slot is taken */
	bool over;            /* it has ended, or is about to be ended: nobody asks any more */
	bool ending;          /* a restart waits for the slots; nobody takes one */
	bool silent;          /* the last answer that was waited for did not come */
	bool reading;         /* somebody reads the socket */
	uint64_t last_id;
	struct slot slot[SLOTS];
};

/* Nobody will be answered any more; under the lock. */
void custody_over(struct custody *);
/* Whether any slot is taken; under the lock. */
bool custody_busy(const struct custody *);
/* The answer that lies in a slot, behind its head; fails as the custodian did. */
MUST bool answer_read(struct ctx *, const struct slot *, struct wire *ret);

#endif
