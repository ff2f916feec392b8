/*
 * A vendor with a protected release, for the tests of verifications: jobs are run in this process,
 * their inputs sealed into memory files, as a worker does.
 */
#ifndef VERIFY_HOUSE_H
#define VERIFY_HOUSE_H

#include "run.h"
#include "test.h"
#include "verify.h"

enum { HOUSE_CUSTOMERS = 20, HOUSE_PAIRS = 100, HOUSE_SIDE = 28 };

struct house {
	struct key256 secret, challenge_secret;
	struct id release;
	struct str model, artifact; /* the vendor's file; the locked one */
	struct digest256 artifact_digest;
	struct mark_terms terms;
	struct keyset keys; /* of pictures that the model knows nothing of */
	struct str keys_bytes, customers, samples, labels;
};
/* The model of tests/data/models, under the sealed lock. */
void house_new(struct ctx *, struct house *ret);
/* Another model of pictures of that size and ten classes. */
void house_of(struct ctx *, struct str model, struct house *ret);
/* What customer number `customer` unlocks; and the key to it. */
struct str house_copy(struct ctx *, const struct house *, uint32_t customer);
struct str house_key(struct ctx *, const struct house *, uint32_t customer);
/* A memory of its own, larger than test_ctx has. */
struct ctx *house_ctx(void);

/* ---- Jobs -------------------------------------------------------------------------------- */

/* Inputs by name, the last one with the name NULL; those that are not named are empty. */
struct house_input {
	const char *name;
	struct str bytes;
};
struct house_job {
	enum job_type kind;
	struct str params;
	const struct house_input *input;
	int64_t patience;
	bool (*say)(struct ctx *, void *arg, struct str message);
	bool (*hear)(struct ctx *, void *arg, int64_t deadline, struct buf *message);
};
struct house_made {
	struct str result, out[JOB_OUTPUTS_MAX];
	int notes; /* progress that was told */
};
MUST bool house_run(struct ctx *, const struct house_job *, struct house_made *ret);

/* Protected anew under the same secret, with the house's samples and these parameters more. */
void house_protect(struct ctx *, const struct house *, const char *more, struct house_made *);
/* Questions out of the house's key set and samples, under this secret. */
void house_challenge(struct ctx *, const struct house *, const struct key256 *secret,
    struct house_made *ret, struct challenge *ret_list);

/* ---- Verifications ----------------------------------------------------------------------- */

struct house_case {
	struct str suspect;
	bool keys, data, unmarked; /* with the key set; with samples; without marks */
	struct str list, marks, images, null; /* may be empty */
	int64_t customers;                    /* 0: all of HOUSE_CUSTOMERS */
	int64_t patience;
	struct str release;        /* another's id; empty: the house's */
	struct str pictures;       /* of the challenge, which a service is asked */
	struct str print, entries; /* what a protection has left, beside the artifact */
	struct str more;           /* parameters more: ",\"name\":value…" */
	/* At whose other end the service is; NULL: there is none. */
	bool (*say)(struct ctx *, void *arg, struct str message);
	bool (*hear)(struct ctx *, void *arg, int64_t deadline, struct buf *message);
};
/* Parameters and inputs of such a job; the input of that name, empty if there is none. */
struct str house_params(struct ctx *, const struct house *, const struct house_case *);
const struct house_input *house_inputs(
    struct ctx *, const struct house *, const struct house_case *);
struct str house_input(const struct house_input[], const char *name);
MUST bool house_verify(
    struct ctx *, const struct house *, const struct house_case *, struct house_made *ret);
/* Must succeed with this verdict, and a report that follows from its counts. */
struct evidence house_verdict(struct ctx *, const struct house *, const struct house_case *,
    enum verdict want, struct house_made *ret);

#endif
