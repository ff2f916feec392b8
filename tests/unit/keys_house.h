/*
 * What the tests of keys, jobs and upkeep share: a server without its network edge, on a real
 * store, with a real custodian and real workers.
 */
#ifndef KEYS_HOUSE_H
#define KEYS_HOUSE_H

#include "custody.h"
#include "jobs.h"
#include "keys.h"
#include "server.h"
#include "test.h"

struct house {
	struct server server;
	struct db *db; /* a reader of the test's own */
	struct id vendor;
};

/* Opens (again) a house in this folder; `root` is the root-key setting, NULL a file in it. */
void house_open(struct ctx *, struct house *, const char *folder, const char *root);
/* Jobs and upkeep as well. */
void house_work(struct ctx *, struct house *);
/* A new one, initialised, with a vendor, at work. */
void house_new(struct ctx *, struct house *, const char *folder);
void house_close(struct house *);
/* What an administrator's command leaves in the audit. */
struct audit_entry house_who(const char *action);
/* The first vendor with its key; the keys must be open. */
void house_vendor(struct ctx *, struct house *, const char *name);
/* One data key of the vendor's, durable; its plain value too. */
struct id house_data_key(struct ctx *, struct house *, struct key256 *ret);
/* Many of them, a few hundred in one act. */
void house_data_keys(
    struct ctx *, struct house *, int n, struct id ret[], struct key256 ret_key[]);
/* A job of this kind of drill, queued and woken for. */
struct id house_job(struct ctx *, struct house *, const char *params);
struct job_row house_job_row(struct ctx *, struct house *, struct id);
/* Waits, up to 20 seconds, for the job to end. */
struct job_row house_job_end(struct ctx *, struct house *, struct id);
/* How many audit rows have this action. */
size_t house_audited(struct ctx *, struct house *, const char *action);
/* The oldest child of this process that runs this program; 0 if there is none. */
pid_t house_child(const char *program);
void pause_ms(int ms);

/* Others may have the processors meanwhile: nobody is given up on within a minute. */
#define PATIENCE_S(seconds) ((seconds) < 60 ? 60 : (seconds))
/* Waits so many seconds, and more on a busy machine, for something to be true. */
#define ck_until(condition, seconds)                                                         \
	do {                                                                                 \
		int64_t end_ = clock_monotonic() + 1000 * PATIENCE_S(seconds);               \
                                                                                             \
		while (!(condition)) {                                                       \
			if (clock_monotonic() > end_)                                        \
				ck_abort_msg(                                                \
				    "not within %d s: %s", PATIENCE_S(seconds), #condition); \
			pause_ms(5);                                                         \
		}                                                                            \
	} while (0)

#endif
