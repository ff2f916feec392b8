/*
 * What the files of live_asking know of each other. One thread hears workers and the courier; it
 * alone touches an asker. Others put new ones into a list, under the lock.
 */
#ifndef LIVE_PARTS_H
#define LIVE_PARTS_H

#include <pthread.h>

#include "couriers.h"
#include "hosts.h"
#include "live_asking.h"

enum { ASKERS_MAX = 128 };

enum asker_state {
	ASKER_NONE,
	ASKER_LISTENS, /* its worker may ask */
	ASKER_WAITS,   /* a question waits until it may go out */
	ASKER_SENT,    /* the courier has it */
};

struct asker {
	enum asker_state state;
	int fd;
	struct id vendor, verification;
	uint64_t number, serial; /* of its question: its own, and ours */
	char *question;          /* its bytes */
	size_t bytes;
	char url[LIVE_URL_MAX + 1]; /* of the service that it began with */
	int64_t due, until, next;   /* monotonic */
	int64_t asked, answered, budget;
};

struct live {
	struct server *server;
	pthread_t thread;
	int wake; /* eventfd */
	_Atomic bool stop;
	struct hosts hosts;

	/* The thread's own. */
	struct db *db;
	struct courier courier;
	struct asker asker[ASKERS_MAX];
	char *room; /* for one message */
	uint64_t serial;

	pthread_mutex_t lock;
	struct asker fresh[ASKERS_MAX]; /* by lock, as the next */
	size_t freshes;
};

/* ---- live_asker.c ------------------------------------------------------------------------ */

/*
 * Hears the next question of a worker that listens, if there is one, and puts it in line, or
 * refuses it.
 */
void asker_hear(struct ctx *, struct live *, struct asker *);
/* Its question has come back, or will not. */
void asker_report(struct ctx *, struct live *, struct asker *, const struct question_report *);
void asker_refuse(struct ctx *, struct live *, struct asker *, struct str why);
/* Nobody asks any more: how much was asked goes into the audit. */
void asker_end(struct ctx *, struct live *, struct asker *);

#endif
