/*
 * verification: a suspect under examination, for the steps of the job that says whose it is.
 *
 *	verify_open.c     what the vendor has: model, secret, customers, key set, data
 *	verify_suspect.c  what the suspect is, told by its bytes; opening it
 *	verify_tests.c    the tests, each with its patience
 *	verify_image.c    a key image as a suspect
 *	verify_service.c  a service, asked picture by picture
 *	verify_asked.c    what answers say, of a model, in a transcript, or of a service
 *	verify.c          the job
 *	verify_result.c   what leaves the worker: outputs, result
 *
 * A failure on the vendor's own side ends the job. Whatever is wrong with the suspect is a sentence
 * in the evidence, and the job is done.
 */
#ifndef VERIFICATION_H
#define VERIFICATION_H

#include "memory.h"
#include "network.h"
#include "set.h"
#include "verify.h"

enum {
	IN_SUSPECT,
	IN_MODEL,
	IN_KEYS,
	IN_SAMPLES,
	IN_LABELS,
	IN_LIST,
	IN_SECRET,
	IN_ENTRIES,
	IN_CUSTOMERS,
	IN_MARKS,
	IN_PICTURES,
	IN_SLOTS,
	IN_SLOTS_SECRET,
	IN_COPIES,
	IN_IMAGES,
	IN_FINGERPRINT,
	IN_NULLS
};
enum { OUT_REPORT, OUT_PAGE };

enum suspect_kind {
	SUSPECT_MODEL,
	SUSPECT_TRANSCRIPT,
	SUSPECT_UNLOCK_KEY,
	SUSPECT_KEY_IMAGE,
	SUSPECT_ENDPOINT
};

/* What a release's vendor has of it. */
struct vendor {
	int fd;                  /* the model, whole, in a memory file */
	struct digest256 digest; /* of the model as it came */
	struct onnx_file *file;
	struct network network;
	struct loss loss;
	struct verify_release release;
	struct id *customer;     /* by the place of their numbers in release.customer */
	struct arena *keys_mem;  /* of the key set */
	struct keyset keys;      /* if there is one */
	bool has_keys, has_data; /* inputs that may be empty */
	bool has_slots, has_asked;
	struct arena *slots_mem; /* of slots */
	struct slots slots;
	struct key256 slots_secret;
	struct memory_customers copies; /* made with them */
	struct memory_images images;    /* that confirm what is claimed of them */
	struct challenge asked;         /* what a transcript answers, and a service is asked */
	struct arena *probes_mem;       /* of the next */
	const struct probe_set
	    *probes; /* as the release\'s job has made it; NULL: it did not */
	struct job_set set;
	struct protect_model work;
	struct verify_nulls nulls;
	struct onnx_file *null[VERIFY_NULLS_MAX];
};

struct suspect {
	int fd; /* its bytes, in a memory file */
	struct onnx_file *file;
	enum suspect_kind kind;
	struct arena *mem; /* all that comes of it */
	struct onnx_model model;
	struct nn_graph *graph;
};

/* Does not move: a test that was given up on holds on to it. */
struct verification {
	struct job_run own;
	const struct job_run *run; /* that one */
	const struct verify *params;
	int64_t began;
	struct evidence evidence;
	struct vendor vendor;
	struct suspect suspect;

	int64_t patience;      /* ms, at most, for each test */
	_Atomic unsigned busy; /* what tests that were given up are still at */
	bool slow;             /* some test was given up: nothing of all this may be freed */
};

/* ---- verify_open.c ----------------------------------------------------------------------- */

MUST bool vendor_open(struct ctx *, struct verification *);
void vendor_done(struct vendor *);

/* ---- verify_suspect.c -------------------------------------------------------------------- */

/* Its bytes, their digest, and what they are; E_INPUT if there is nothing in it. */
MUST bool suspect_open(struct ctx *, struct verification *);
/* New memory for what comes of it; the one before is left to whom it has. */
MUST bool suspect_memory(struct ctx *, struct verification *);
/* What is attached to it, if that is a locked file's: a fact. */
void suspect_attached(struct ctx *, struct verification *, struct evidence *);
/* Its model and graph. To be called in its own memory, and so is the next. */
MUST bool suspect_read(struct ctx *, struct verification *);
/* Asks it once: E_INPUT if it answers with what is no number. */
MUST bool suspect_question(struct ctx *, struct verification *);
void suspect_done(struct suspect *);
/* Is this failure one that the suspect's bytes may have caused? */
bool suspect_fault(const struct ctx *);
/* Nothing can be decided: records the sentence of c->err, and clears it. */
void suspect_cannot(struct ctx *, struct verification *);

/* ---- verify_tests.c, verify_image.c, verify_service.c ------------------------------------ */

/* Puts the suspect to all tests that the release has and that fit its kind. */
MUST bool suspect_test(struct ctx *, struct verification *);
/* Whose key image it is: fills in the trace. */
MUST bool suspect_look(struct ctx *, struct verification *, struct evidence *);
/* Asks the service that is described: the tests of answers in turn. */
MUST bool suspect_ask(struct ctx *, struct verification *, struct evidence *);

/* ---- verify_asked.c ---------------------------------------------------------------------- */

/* The key set, shown to the suspect; the slots, likewise. */
MUST bool asked_keys(struct ctx *, struct verification *, struct evidence *);
MUST bool asked_slots(struct ctx *, struct verification *, struct evidence *);
/* What the suspect's transcript says to either. */
MUST bool asked_transcript(struct ctx *, struct verification *, struct evidence *);
/* Is the key set asked by the challenge; are the slots? */
bool asks_keys(const struct vendor *);
bool asks_slots(const struct vendor *);
/* Classes that an answer may be, but for a watermark's. */
int32_t ordinary_classes(const struct vendor *);
/* TEST_SLOTS, of these answers. */
MUST bool slots_compare(
    struct ctx *, const struct vendor *, const int32_t answer[], struct evidence *);

/* ---- verify_result.c --------------------------------------------------------------------- */

/* Writes the outputs; *ret_json is the job's result. */
MUST bool verification_result(struct ctx *, struct verification *, struct str *ret_json);

#endif
