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

/* ---- In the slots (slots_test.c) --------------------------------------------------------- */

struct verify_slots {
	const struct key256 *secret;
	const struct slots *slots;
	const int32_t *answer;    /* to SLOT_PICTURES * n pictures, slot by slot; -1: none */
	const uint32_t *customer; /* numbers, of all who have a license */
	int64_t customers;
};
/*
 * TEST_SLOTS, and a control of customers who do not exist. The trace, with channel "slots" and the
 * lowest bounds first, unless another channel has filled it already; its eps1 counts if it is set.
 */
MUST bool verify_slots(struct ctx *, const struct verify_slots *, struct evidence *);

/* ---- Questions for a black box (challenge.c, tar.c, transcript.c) ------------------------ */

/*
 * Pictures to be shown to somebody else's service: pairs of keys, and decoys out of the vendor's
 * samples among them, in an order that only the secret knows. The file is a tar of PNGs, 00001.png
 * and so on, with a CSV to be filled in; `list` is the vendor's secret: which picture is what.
 * Decoys get a random lowest bit plane, as keys have one: nothing but its look tells a key.
 */
enum { CHALLENGE_PICTURES_MAX = 4096 };
struct challenge {
	int32_t first, pairs; /* of the key set */
	int32_t decoys;
	/* By place: 2 * i (key) or 2 * i + 1 (twin) of pair first + i; below 0: decoy -1 - item */
	int32_t *item;
	int32_t n;
	struct digest256 salt;       /* so that nobody guesses a list by its commitment */
	struct digest256 commitment; /* to the order: of the list's bytes */
};
/* E_INPUT if decoys are not of the keys' size, or all are too many. */
MUST bool challenge_make(struct ctx *, const struct keyset *, int first, int pairs,
    const struct image decoys[], int n, const struct key256 *secret, struct challenge *ret);
/* The same challenge, decoys and secret give the same bytes. */
MUST bool challenge_tar(struct ctx *, const struct challenge *, const struct keyset *,
    const struct image decoys[], const struct key256 *secret, byte_sink *, void *arg);
/* The list as bytes, whole, and back. E_INPUT for what is none. */
MUST bool challenge_put(struct ctx *, const struct challenge *, struct str *ret);
MUST bool challenge_read(struct ctx *, struct str bytes, struct challenge *ret);
/*
 * Answers in the order of the pairs: CSV (name,label or name,score,score…) or JSON lines
 * ({"image":"00001.png","label":3} or "scores"). Unanswered, refused and NaN count as misses, and
 * so do labels that neither the original nor its marked copy has. *ret_widened: some answer was
 * the additional class, or there were scores for it. E_INPUT, with the line, for what cannot be
 * read or answers another challenge; E_LIMIT beyond TRANSCRIPT_MAX bytes.
 */
#define TRANSCRIPT_MAX (64 << 20)
MUST bool transcript_read(struct ctx *, struct str bytes, const struct challenge *,
    int32_t ordinary, struct verify_answer **ret_key, struct verify_answer **ret_twin,
    bool *ret_widened);

/* ---- In how it decides (likeness.c) ------------------------------------------------------ */

/* Networks that are known to be independent of the vendor's. */
struct verify_nulls {
	const struct onnx_model *model;
	int n;
};
/*
 * Relevance maps of probes that the secret chooses among the samples, and samples near the
 * boundaries between the vendor's classes, owner against suspect, ranked among the nulls.
 * TEST_FINGERPRINT and TEST_BOUNDARY, facts, and pictures of maps. Without nulls neither is
 * planned, and a sentence says so. The owner's weights are changed meanwhile, and back.
 */
enum { VERIFY_PROBES = 32 };
MUST bool verify_likeness(struct ctx *, struct nn_graph *owner, struct nn_graph *suspect,
    const struct train_data *, const struct verify_nulls *, const struct key256 *secret,
    int threads, const struct verify_watch *, struct evidence *);

#include "verify_live.h"

#endif
