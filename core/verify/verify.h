/*
 * verify: the tests that a suspect is put to. Each counts something about a suspect and puts what
 * it counted into an evidence_test; what follows from that is evidence.h's. Whatever is wrong with
 * a suspect is a sentence in the test's `why`, or E_INPUT: never a verdict.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include "align.h"
#include "evidence.h"
#include "fingerprint.h"
#include "mark.h"
#include "nn.h"
#include "onnx.h"
#include "protect.h"
#include "slots.h"
#include "watermark.h"

struct verify_watch {
	void (*progress)(void *arg, int64_t done, int64_t total, struct str note);
	void *arg;
};

/* ---- In the weights (weights.c) ---------------------------------------------------------- */

/* A release as its vendor knows it, and whoever may have a copy. */
struct verify_release {
	int plain; /* the model's file: a descriptor */
	const struct onnx_model *model;
	struct nn_graph *graph; /* of it, its weights in place */
	struct key256 secret;
	struct id id;
	struct mark_terms terms;          /* zero: nothing is marked */
	struct sealed_options options;    /* as it was protected */
	const struct unlock_entry *entry; /* of the parameter lock; may be none */
	uint32_t entries;
	const uint32_t *customer; /* numbers, of all who have a license */
	int64_t customers;
};

/*
 * Puts the suspect's weights where the original has its own and scores every customer's mark.
 * Fills test (TEST_WEIGHTS), the trace but for ids and eps1, a control by customers that do not
 * exist, and facts about the alignment. The same for an unlock key, whose table is its customer's.
 */
MUST bool verify_weights(struct ctx *, const struct verify_release *,
    const struct onnx_model *suspect, int threads, const struct verify_watch *,
    struct evidence *);
MUST bool verify_unlock_key(
    struct ctx *, const struct verify_release *, struct str key, struct evidence *);

/* ---- In the lock (lock.c) ---------------------------------------------------------------- */

/*
 * Is the suspect the locked file itself? The drawn positions among the candidates for them, told
 * again from the vendor's data, against fresh draws. TEST_LOCK_KEY.
 */
MUST bool verify_lock(struct ctx *, const struct verify_release *, const struct protect_model *,
    const struct protect_split *, const struct advparams_options *,
    const struct onnx_model *suspect, uint64_t seed, struct evidence *);

/* ---- In the answers (answers.c) ---------------------------------------------------------- */

/* What a suspect said to one picture of a key set: the class, and the best ordinary one. */
struct verify_answer {
	int32_t answer, ordinary; /* -1: refused, or not known */
};
struct verify_answers {
	const struct keyset *keys;
	int first, n;                           /* the pairs that were asked: a batch */
	const struct verify_answer *key, *twin; /* n each */
	/* Of the suspect's classes: does it have the additional one? */
	bool widened;
};
/* TEST_WATERMARK and TEST_LABELS, with a thousand random coins and labels as a control. */
MUST bool verify_answers(
    struct ctx *, const struct verify_answers *, uint64_t seed, struct evidence *);
/*
 * Asks a network all pairs. `raw`: bytes are 0 to 255 for it. One that takes no such pictures or
 * knows fewer classes is a sentence in `why` of both tests; an answer that is no number is none.
 */
MUST bool verify_ask(struct ctx *, struct nn_graph *, const struct keyset *, bool raw,
    int threads, uint64_t seed, struct evidence *);
/* The highest of n scores, the first of equal ones; -1 if that, or any, is no finite number. */
int32_t verify_highest(const float score[], int64_t n);
/*
 * The fewest pairs with which a model that answers each as it was taught to with chance `rate`,
 * and by chance otherwise, is proven to be the vendor's in 95 of 100 cases, against a planned
 * number of tests: by the labels alone, and by the additional class alone. 0: not even
 * KEYSET_PAIRS_MAX are enough.
 */
int verify_labels_needed(int64_t ordinary, double rate, int tests);
int verify_pairs_needed(double rate, int tests);

/* ---- In the slots (slots.c) -------------------------------------------------------------- */

struct verify_slots {
	const struct key256 *secret;
	const struct slots *slots;
	const int32_t *answer;    /* to SLOT_PICTURES * n pictures, slot by slot; -1: none */
	const uint32_t *customer; /* numbers, of all who have a copy */
	int64_t customers;
};
/*
 * TEST_SLOTS, and a control of customers who do not exist. The trace, with channel "slots" and the
 * lowest bounds first, if no other channel has filled it, or that one accuses nobody and this one
 * does; its eps1 counts if it is set.
 */
MUST bool verify_slots(struct ctx *, const struct verify_slots *, struct evidence *);

/* ---- Questions for a black box (challenge.c, tar.c, transcript.c) ------------------------ */

/*
 * Pictures to be shown to somebody else's service: pairs of keys, all pictures of slots, and
 * decoys out of the vendor's samples among them, in an order that only the secret knows. The file
 * is a tar of PNGs, 00001.png and so on, with a CSV to be filled in; `list` is the vendor's
 * secret: which picture is what. Decoys and slots get a random lowest bit plane, as keys have
 * one: nothing but its look tells a key.
 */
enum { CHALLENGE_PICTURES_MAX = 4096 };
struct challenge {
	int32_t first, pairs; /* of the key set */
	int32_t slots;        /* all of a slot set; 0: none is asked */
	int32_t decoys;
	/*
	 * By place: 2 * i (key) or 2 * i + 1 (twin) of pair first + i; behind them, picture k of
	 * slot i: 2 * pairs + SLOT_PICTURES * i + k; below 0: decoy -1 - item.
	 */
	int32_t *item;
	int32_t n;
	struct digest256 slots_commitment; /* which slot set that is */
	struct digest256 salt;             /* so that nobody guesses a list by its commitment */
	struct digest256 commitment;       /* to the order: of the list's bytes */
};
/* What the pictures are taken from. */
struct challenge_pool {
	const struct keyset *keys; /* NULL: there are no pairs */
	const struct slots *slots; /* NULL: none are asked */
	const struct image *decoy;
	int decoys;
};
/* E_INPUT if not all are of one size, they are too many, or there is nothing to be asked. */
MUST bool challenge_make(struct ctx *, const struct challenge_pool *, int first, int pairs,
    const struct key256 *secret, struct challenge *ret);
/* The same challenge, pool and secret give the same bytes. */
MUST bool challenge_tar(struct ctx *, const struct challenge *, const struct challenge_pool *,
    const struct key256 *secret, byte_sink *, void *arg);
/* The slot and the picture of it at a place; false: what stands there is of no slot. */
bool challenge_slot(
    const struct challenge *, int32_t place, int32_t *ret_slot, int *ret_picture);
/* The list as bytes, whole, and back. E_INPUT for what is none. */
MUST bool challenge_put(struct ctx *, const struct challenge *, struct str *ret);
MUST bool challenge_read(struct ctx *, struct str bytes, struct challenge *ret);
struct transcript {
	struct verify_answer *key, *twin; /* by pair */
	int32_t *slot; /* SLOT_PICTURES of each: the best ordinary class; -1: none */
	/* Some answer was the additional class, or there were scores for it. */
	bool widened;
};
/*
 * Answers in the order of what was asked: CSV (name,label or name,score,score…) or JSON lines
 * ({"image":"00001.png","label":3} or "scores"). Unanswered, refused and NaN count as misses, and
 * so do labels that neither the original nor its marked copy has. E_INPUT, with the line, for what
 * cannot be read or answers another challenge; E_LIMIT beyond TRANSCRIPT_MAX bytes.
 */
#define TRANSCRIPT_MAX (64 << 20)
MUST bool transcript_read(struct ctx *, struct str bytes, const struct challenge *,
    int32_t ordinary, struct transcript *ret);

/* ---- In how it decides (probes.c, probes_file.c, likeness.c) ----------------------------- */

/*
 * What a release is known by without any mark: relevance maps of probes that the secret chooses
 * among the samples, and what it answers to samples near the boundaries between its classes, and to
 * some that it is wrong about. It follows from the model, the samples and the secret, and is a
 * secret itself: whoever has seen it can train against it.
 */
enum { VERIFY_PROBES = 32 };
struct probe_set;
struct probe_source {
	struct nn_graph *owner;
	struct digest256 model; /* of its file */
	const struct train_data *data;
	const struct key256 *secret;
	int threads;
	int share; /* 0: all; each more halves probes and questions */
};
/* In the arena. The owner's weights are changed meanwhile, and back. */
MUST bool probe_set_make(
    struct ctx *, const struct probe_source *, const struct probe_set **ret);
/* The smallest share whose file is not too large, for samples of this form; below 0: none. */
#define PROBE_SET_MAX (64 << 20)
int probe_set_share(const struct data_form *);
/*
 * As bytes, and back. E_INPUT for what is none; E_INTEGRITY for that of another model than the one
 * whose file has this digest.
 */
MUST bool probe_set_put(struct ctx *, const struct probe_set *, struct str *ret);
MUST bool probe_set_read(struct ctx *, struct str bytes, const struct digest256 *model,
    const struct probe_set **ret);
/* How many there are; *ret_why, if there are none, is a sentence. */
int probe_set_probes(const struct probe_set *, const char **ret_why);
int64_t probe_set_questions(const struct probe_set *, const char **ret_why);

/* Networks that are known to be independent of the vendor's. */
struct verify_nulls {
	const struct onnx_model *model;
	int n;
};
/*
 * How alike the suspect is to the owner of the set, ranked among the nulls. TEST_FINGERPRINT and
 * TEST_BOUNDARY, facts, and pictures of maps. Without nulls neither is planned, and a sentence says
 * so.
 */
MUST bool verify_likeness(struct ctx *, const struct probe_set *, struct nn_graph *suspect,
    const struct verify_nulls *, int threads, const struct verify_watch *, struct evidence *);

#include "verify_live.h"

#endif
