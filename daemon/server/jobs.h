/*
 * jobs: what the parts of the scheduler know of each other. One thread claims queued jobs, starts
 * their workers, hears them, ends them and stores how they ended; it alone changes a run. Others
 * look at progress, watch, and ask for a cancel, under the lock.
 */
#ifndef JOBS_H
#define JOBS_H

#include <pthread.h>

#include "server.h"
#include "workers.h"

enum { RUNS_MAX = 64, WATCHERS_MAX = 1024, ENDED_MAX = 256 };

enum run_state {
	RUN_FREE,
	RUN_WORKS, /* its worker works */
	RUN_SPOKE, /* its worker has said its last and ends by itself */
	RUN_MUTE,  /* its worker has closed its mouth without a result, and ends */
	RUN_ENDED, /* no worker any more; how it ended waits to be stored */
};

/* One claimed job. */
struct run {
	enum run_state state;
	struct arena *mem;
	struct ctx c;
	struct job_row row; /* as claimed; then how it ended */
	struct worker worker;
	int64_t until; /* monotonic: of its work, of its end, or when storing is tried next */
	int64_t listen_at;        /* reports are heard in bunches */
	int64_t kept_at;          /* when its progress was last stored */
	bool moved;               /* it has moved since */
	bool cancel;              /* by jobs.lock, as what follows */
	struct job_progress live; /* serial 0: nobody may see it */
};

struct watcher {
	uint64_t handle; /* 0: free */
	struct id job;
	uint64_t serial;
	void (*changed)(void *);
	void *arg;
};

struct jobs {
	struct server *server;
	struct worker_conf conf;
	size_t at_once;
	pthread_t thread;
	int wake; /* eventfd */
	_Atomic bool stop;
	_Atomic bool wanted; /* there may be something to claim */

	/* The scheduler's own. */
	struct db *db;
	struct run run[RUNS_MAX];
	bool requeued;    /* what an earlier life left running */
	int64_t claim_at; /* monotonic: not before */

	pthread_mutex_t lock;
	uint64_t serial, handle; /* the last given out; by lock, as what follows */
	bool news;               /* a watcher may have to be told */
	struct watcher watcher[WATCHERS_MAX];
	struct id ended[ENDED_MAX]; /* the jobs that ended last, in a ring */
	size_t ended_at;
};

/* ---- One run; the scheduler alone calls these --------------------------------------- */

/* job_begin.c: a claimed job, in run->row, begins: its worker works, or it has ended already. */
void run_begin(struct jobs *, struct run *);

/* job_end.c: how it ended, to be stored. The code lives for ever, the text as long as the run. */
void run_ended(struct run *, enum job_state, const char *code, const char *text);
void run_failed(struct run *, const struct err *why);
/* Back into the queue through nobody's fault: this attempt does not count. */
void run_postponed(struct jobs *, struct run *);
/* The worker ended by itself, or never began: once more, or failed. */
void run_died(struct jobs *, struct run *, const char *how);
/* Stores its progress; a failure costs nothing, as the next one is stored in its place. */
void run_keep(struct jobs *, struct run *);
/* Stores how it ended and frees the run; if the store fails, it is due again a moment later. */
void run_store(struct jobs *, struct run *);

/* job_run.c */
/* Does what is due: hears, ends, cancels, stores. */
void run_step(struct jobs *, struct run *);
/* The descriptor whose readability is news of it, -1 if there is none now. Twice: reports, end. */
int run_reports(const struct run *, int64_t now);
int run_end(const struct run *);
/* When it has something to do even without news; monotonic. */
int64_t run_due(const struct run *, int64_t now);
/* Ends its worker and forgets it: the row stays running. */
void run_drop(struct jobs *, struct run *);

/* ---- Who sees and watches (job_watch.c) ----------------------------------------------- */

/* Puts a run in its place, unseen. */
void run_put(struct jobs *, struct run *, const struct run *value);
/* A run changed, begins to be seen, or is seen no more (`over`: its job has ended for good). */
void run_changed(struct jobs *, struct run *, const struct job_progress *);
void run_shown(struct jobs *, struct run *);
void run_hidden(struct jobs *, struct run *, bool over);
bool run_cancelled(struct jobs *, const struct run *);
/* Calls those watchers for whom something has changed. */
void watchers_tell(struct jobs *);

#endif
