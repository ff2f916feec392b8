/*
 * What the files of the viewers know of each other. One thread starts viewers, hands them
 * questions, hears their answers and ends them; it alone touches a viewer. Others put questions
 * into one line, under the lock, and are called when there is an answer.
 */
#ifndef VIEWERS_PARTS_H
#define VIEWERS_PARTS_H

#include <pthread.h>

#include "viewers.h"
#include "workers.h"

enum {
	VIEWERS_MAX = 64,
	WAITING_MAX = 1024,            /* questions to one viewer */
	ASKED_MAX = 4096,              /* to all of them */
	FLYING_MAX = 2 * VIEW_AT_ONCE, /* that one viewer has at once */
	FORGET_MAX = 16,
};
#define WAITING_BYTES ((int64_t)128 << 20) /* of pictures in all questions */

/* Questions in their order (viewers_line.c). */
struct line {
	struct viewing *first, *last;
	size_t n;
};
void line_put(struct line *, struct viewing *);
/* Not at the end, but where its asker's next turn is; what is under way already stays in front. */
void line_join(struct line *, struct viewing *);
/* NULL if it is empty. */
struct viewing *line_take(struct line *);
/* False if it is not in it. */
bool line_remove(struct line *, const struct viewing *);

enum viewer_state {
	VIEWER_NONE,
	VIEWER_RUNS,
	VIEWER_BROKEN, /* could not be started; tried again after a while */
};
struct viewer {
	enum viewer_state state;
	struct id vendor, watermark;
	struct worker worker;
	bool ready;   /* has said that it is */
	bool leaving; /* others have waited too long: it ends with its present questions */
	bool full;    /* its socket took no more */
	struct line waiting, flying;
	size_t owed; /* answers; of questions nobody waits for any more, too */
	int64_t born, used, heard, mend_at; /* monotonic */
	struct view_pieces pieces;
	struct err why; /* while it is broken: what those who ask are told */
};

struct viewers {
	struct server *server;
	struct worker_conf conf;
	size_t most;
	pthread_t thread;
	int wake; /* eventfd */
	_Atomic bool stop, quit;

	/* The thread's own. */
	struct db *db;
	struct viewer viewer[VIEWERS_MAX];
	struct line lobby; /* questions to which no viewer is free */
	char *room;        /* for one message */

	pthread_mutex_t lock;
	struct line asked; /* by lock, as the next three */
	struct id forget[FORGET_MAX];
	size_t forgets;

	_Atomic int64_t waiting, bytes, running;
	_Atomic uint64_t answered, refused, late, started, died;
};

/* ---- Questions (viewers.c) --------------------------------------------------------------- */

/* Its end: nobody may touch it afterwards. */
void viewing_answered(struct viewers *, struct viewing *);
void viewing_refused(struct viewers *, struct viewing *, const struct err *why);
/* All of a line. */
void line_refused(struct viewers *, struct line *, const struct err *why);

/* ---- One viewer (viewer.c); the thread alone calls these --------------------------------- */

/* In an empty place: runs, or is broken. */
void viewer_begin(
    struct viewers *, struct viewer *, const struct id *vendor, const struct id *watermark);
/* Does what is due: hears, asks, refuses what is late, ends what is idle or hangs. */
void viewer_step(struct viewers *, struct viewer *, int64_t now);
/* Ends it; `why` is a word for the log. Its questions must be gone. */
void viewer_end(struct viewers *, struct viewer *, const char *why);

/* ---- Starting one (viewer_start.c) ------------------------------------------------------- */

/* Finds what it needs and starts the worker. */
MUST bool viewer_start(
    struct ctx *, struct viewers *, const struct viewer *, struct worker *ret);

#endif
