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

/* What a job reads and writes while its worker is started. */
struct run_files {
	int in[JOB_INPUTS_MAX], out[JOB_OUTPUTS_MAX];
	size_t ins, outs;
};

/* Of the outputs of a protection. */
enum { RELEASE_ARTIFACT, RELEASE_FINGERPRINT = 4 };

/* One claimed job. */
struct run {
	enum run_state state;
	struct arena *mem;
	struct ctx c;
	struct job_row row; /* as claimed; then how it ended */
	struct worker worker;
	int64_t until; /* monotonic: of its work, of its end, or when storing is tried next */
	int64_t listen_at;                     /* reports are heard in bunches */
	int64_t kept_at;                       /* when its progress was last stored */
	bool moved;                            /* it has moved since */
	bool cancel;                           /* by jobs.lock, as what follows */
	struct job_progress live;              /* serial 0: nobody may see it */
	struct id out[JOB_OUTPUTS_MAX];        /* the blobs that it writes */
	struct job_made made[JOB_OUTPUTS_MAX]; /* once it is done: what it says of them */
	size_t outs;
	bool prepared;               /* everything that the effect of its end needs is here */
	struct release_row *release; /* what it made, if it made a release */
	struct watermark_row *watermark;       /* the same of a watermark */
	struct slot_set_row *slots;            /* of a model's slots */
	struct challenge_row *challenge;       /* of a challenge */
	struct verification_row *verification; /* what it found */
	struct red_team_row *red_team;         /* how its attacks went */
	bool told;                             /* a webhook has something to say of its end */
	struct describes
	    *describes; /* the job that looks at what it made, if it made a model */
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
/* What is not there for a job now may be there for it later. */
bool is_passing(enum err_code);

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

/* job_files.c */
void run_files_done(struct run_files *);
/*
 * Opens, or seals into memory, each input of the kind. E_ABSENT or E_CONFLICT if something that
 * the parameters name is not there, or not ready.
 */
MUST bool run_inputs(
    struct jobs *, struct run *, const void *params, struct job_message *, struct run_files *);
/* The rows of its outputs, in one act, then empty files; an earlier attempt's are used again. */
MUST bool run_outputs(struct jobs *, struct run *, struct job_message *, struct run_files *);
/* What it wrote is durable and as large as it says: E_INTEGRITY if not. */
MUST bool run_outputs_keep(struct jobs *, struct run *);

/* job_effects.c: what the end of a job means for what it worked for */
/*
 * Fills in what the effect needs, before the act: may ask the custodian. A result that does not
 * fit turns the run's end into a failure; false: try again later.
 */
MUST bool effect_prepare(struct jobs *, struct run *);
/* Within the act that stores the end. *ret_gone: files to be removed after the commit. */
MUST bool effect_done(
    struct ctx *, struct db *, struct run *, struct blob_row **ret_gone, size_t *ret_n);

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
