/*
 * upload: what the files that make up the uploads know of each other; others see uploads.h.
 * uploads.c has the table and its threads, intake.c the requests' steps, upload.c one arriving
 * part.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <pthread.h>

#include "uploads.h"

struct upload {
	struct upload *prev, *next; /* by the table's lock, as is what follows */
	bool busy;                  /* a request has it */
	_Atomic bool over;          /* nobody wants it any more */
	int64_t idle_at;            /* monotonic */
	struct server *server;
	struct id vendor, owner;
	const char *part;
	_Atomic int64_t size, received;
	_Atomic bool open; /* a file is open for it, where `received` bytes are */

	/* The busy request's thread only. */
	struct id blob;
	struct digest256 sha256;
	int fd;
	int64_t flushed; /* bytes of the file that the kernel was asked to write */
	struct sealed_writer *writer;
	struct sha256 sum;
	bool finished;             /* verified and synced */
	struct sealed_reader *old; /* what is salvaged into `fd`, which then is `fresh` */
	int old_fd;
	struct id fresh;
};

/*
 * Brings it to where `w` can go on, or says why not. A long salvage is done a part at a time: call
 * again while *ret_more.
 */
MUST bool upload_open(
    struct ctx *, struct upload *, const struct upload_wanted *w, bool *ret_more);
/* Seals and writes. If the disk is full, all that had arrived is deleted. */
MUST bool upload_write(struct ctx *, struct upload *, struct str);
/* Once all is here; may be called again. If the digest is wrong, all is deleted. */
MUST bool upload_finish(struct ctx *, struct upload *);
/* Frees what it holds open. */
void upload_close(struct upload *);
/* Deletes the arriving part: row and key, then the file. */
MUST bool upload_discard(struct ctx *, struct upload *);
/* E_FULL unless the disk has room for so many plain bytes more, beside what others announced. */
MUST bool uploads_room(struct ctx *, struct uploads *, const struct upload *, int64_t bytes);

/* ---- The table ----------------------------------------------------------------------------- */

struct uploads {
	struct server *server;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread[2];
	size_t threads;
	bool stop;
	struct upload head; /* of a ring */
	size_t count;
	struct intake *first, *last; /* whose steps wait for a thread */
};

/* With the lock held. A busy upload for the request; and back, to wait for the next one. */
MUST bool upload_take(
    struct ctx *, struct uploads *, const struct upload_wanted *, struct upload **ret);
void upload_give(struct uploads *, struct upload *);
/* With the lock held, but not meanwhile: runs one step of the first intake of the queue. */
void intake_turn(struct uploads *, struct arena *);

#endif
