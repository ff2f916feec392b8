/*
 * What the tests of the worker share: a selftest that is ordered, started, and listened to.
 */
#ifndef WORKER_STORY_H
#define WORKER_STORY_H

#include "crypto.h"
#include "processes.h"
#include "test.h"
#include "workers.h"

#define SOON_MS 60000

struct order {
	struct job_message message;
	int blob_fd[1];
	struct worker_conf conf;
};

/* What a worker says from beginning to end. */
struct story {
	struct job_report last; /* a result or a failure */
	bool said;
	int progress; /* how often */
	const char *how;
	int64_t took;
};

/* A job that hashes `text`; `more` is further parameters, `,"steps":5`. */
struct order order_new(struct ctx *, const char *text, const char *more);
struct worker order_start(struct ctx *, struct order *);
struct story story_of(struct ctx *, struct worker *);
/* The same of one that may take as long, and whose progress has no order. */
struct story story_within(struct ctx *, struct worker *, int64_t ms);
/* The story ended with the right digest of this text. */
void is_done(struct ctx *, const struct story *, const char *text, int steps);
/* Waits for the first progress: the walls stood before the job message was read. */
void until_running(struct ctx *, struct worker *);

#endif
