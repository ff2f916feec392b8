/*
 * job: the contract between the server and the worker. The table of job kinds, one row each, and
 * the messages that the two processes exchange: one job message to the worker, then progress and
 * one result or failure back. Both sides link this; neither trusts what the other sends without
 * decoding it here.
 *
 * How a worker's life ends, as the server sees it:
 *	a result or failure message, then exit 0: the job ran;
 *	an exit status of enum worker_exit, or a signal, without either: the job failed by that.
 */
#ifndef JOB_H
#define JOB_H

#include "base.h"

/* ---- The kinds --------------------------------------------------------------------------- */

enum job_type {
	JOB_SELFTEST,
	JOB_EVALUATE,
	JOB_TRAIN,
	JOB_DESCRIBE,
	JOB_PROTECT,
	JOB_WATERMARK,
	JOB_VIEW,
	JOB_CHALLENGE,
	JOB_VERIFY,
	JOB_SLOTS,
	JOB_PERSONALISE,
	JOB_REDTEAM,
	JOB_COUNT
};

/* Who may start a job: the bits of the store's roles (the server asserts that they are equal). */
enum job_may {
	JOB_MAY_ADMIN = 1,
	JOB_MAY_ISSUER = 2,
	JOB_MAY_VERIFIER = 4,
	JOB_MAY_AUDITOR = 8
};

/* The walls of one job. A message may narrow what the kind's row grants, never widen it. */
struct job_limits {
	int64_t memory;    /* bytes, private and writable */
	int64_t cpu, wall; /* seconds */
	int64_t output;    /* bytes written to the output descriptor */
};

/* One input: a sealed file that the worker gets as an open descriptor. */
enum job_source {
	JOB_FROM_PARAMETER, /* the bytes of a FIELD_TEXT parameter, which the server seals */
	JOB_FROM_MODEL,     /* `part` of the model that the parameter names by its id */
	JOB_FROM_DATASET,   /* the same of a data set */
	JOB_FROM_SECRET,    /* the 32 bytes of the secret of what the job makes */
	JOB_FROM_RELEASE,   /* `part` of the release, or its "secret" */
	JOB_FROM_SUSPECT,   /* `part` of the suspect */
	JOB_FROM_CHALLENGE, /* `part` of the challenge */
	JOB_FROM_CUSTOMERS, /* everybody with a license to the release: see JOB_CUSTOMER_BYTES */
	JOB_FROM_SLOTS,     /* `part` of the slot set, or its "secret" */
	JOB_FROM_COPIES,    /* everybody with a copy made with the slot set, in the same form */
	JOB_FROM_IMAGES,    /* the release's key images of carrier dct: see JOB_IMAGE_BYTES */
};
struct job_input {
	const char *name;
	enum job_source source;
	size_t at;     /* of the parameter, a struct str */
	int64_t max;   /* plain bytes */
	bool optional; /* may be empty: the parameter is, or the part is not there */
	const char *part;
};
/* One output: a sealed file that the worker writes from its beginning to its end. */
struct job_output {
	const char *name;
	int64_t max; /* plain bytes */
	bool kept;   /* what an earlier attempt left in it is there: the job goes on from it */
};

struct job_kind {
	const char *name, *help;
	const struct json_field *field; /* the parameters, for json_decode */
	size_t fields;
	size_t size;          /* of the parameters' struct */
	const void *defaults; /* what the struct holds before decoding */
	/* What no single field can say; NULL if there is nothing. */
	bool (*check)(struct ctx *, const void *params);
	const struct job_input *input;
	size_t inputs;
	const struct job_output *output;
	size_t outputs;
	unsigned may; /* enum job_may; 0: the server alone makes them */
	/* Its worker stays, and is asked over the job's socket until that closes: see view.h. */
	bool stays;
	/* Its worker may ask the outside over the job's socket, where it is answered: live.h. */
	bool asks;
	struct job_limits limits;
};
extern const struct job_kind job_kinds[JOB_COUNT];

/* E_INPUT at "/kind" for a name that is not in the table. */
MUST bool job_kind_by_name(struct ctx *, struct str name, enum job_type *ret);
/* Decodes and checks parameters into a struct of the kind's size, in the arena. */
MUST bool job_params(struct ctx *, enum job_type, struct str json, void **ret);
/* The bytes of the kind's input number i, out of decoded parameters; empty for a file. */
struct str job_input_bytes(enum job_type, const void *params, size_t i);
/* The id that the kind's input number i is part of, out of decoded parameters. */
struct str job_input_id(enum job_type, const void *params, size_t i);

/* ---- Parameters of each kind ------------------------------------------------------------- */

#define SELFTEST_TEXT_MAX (32 << 10)
/* How the drill ends; everything but none proves one of the worker's walls. */
enum selftest_fail {
	SELFTEST_NONE,
	SELFTEST_CRASH,  /* by SIGSEGV or SIGABRT, halfway */
	SELFTEST_HANG,   /* never ends: the wall time or a cancel ends it */
	SELFTEST_MEMORY, /* takes memory until the limit stops it */
	SELFTEST_EXIT,   /* ends with WORKER_DRILL and without a result */
};
/*
 * The health check's own drill: reads its sealed text back and hashes it `steps` times, sleeping
 * `step_ms` after each. Result: {"sha256": hex of the text's digest, "bytes": n, "steps": n}.
 */
struct selftest {
	struct str text;
	int64_t steps, step_ms;
	int fail; /* enum selftest_fail */
};

/* How samples get into a network, and what its answers mean: the part that jobs on data share. */
enum job_order { JOB_ORDER_AUTO, JOB_ORDER_FIRST, JOB_ORDER_LAST };
enum job_loss { JOB_LOSS_ENTROPY, JOB_LOSS_BINARY, JOB_LOSS_SQUARES, JOB_LOSS_MASK };
enum job_answer {
	JOB_OUTPUT_AUTO,
	JOB_OUTPUT_LOGITS,
	JOB_OUTPUT_PROBABILITIES,
	JOB_OUTPUT_LOGS
};
struct job_network {
	int64_t batch, threads; /* 0 threads: as many as there are processors */
	int order;              /* enum job_order: of the channels of images */
	bool raw_bytes;         /* bytes are 0 to 255 for the network, not 0 to 1 */
	struct str samples_entry, labels_entry; /* arrays of an NPZ; empty: the usual names */
	int loss, output;                       /* enum job_loss, enum job_answer */
	double positive_weight;                 /* of binary cross-entropy */
};

/*
 * Inputs: model (ONNX), samples, labels (may be empty if the samples are an NPZ that has them).
 * Result: {"samples", "correct", "accuracy", "loss", "classes": [{"samples", "correct",
 * "precision", "recall"}…], "confusion": [[…]…]}; the last two only for few enough classes.
 */
struct evaluate {
	struct job_network network;
	struct str model, dataset; /* ids; with --local the files stand on the command line */
};

/*
 * Makes a model. Inputs: those of evaluate, then test samples and test labels (may be empty).
 * Outputs: content, the model with its new weights; save_0 and save_1, written in turns each
 * save_seconds, from which a training goes on whose worker was killed. Result: {"steps", "epochs": [{"epoch", "loss", "rate", "test_accuracy",
 * "test_loss"}…], "memory", "bytes", "sha256", "test": as of evaluate}.
 */
enum job_optimiser { JOB_SGD, JOB_ADAM, JOB_ADAMW };
enum job_schedule { JOB_CONSTANT, JOB_COSINE, JOB_STEPS, JOB_ONE_CYCLE };
enum job_initial { JOB_KEEP, JOB_HE, JOB_XAVIER };
struct train {
	struct job_network network;
	struct str name;                 /* of the new model */
	struct str model, dataset, test; /* ids */
	int64_t epochs, seed, every, crop, save_seconds;
	int optimiser, schedule, initial;
	bool nesterov, flip;
	double rate; /* 0: 0.05 for SGD, 0.001 for the others */
	double momentum, beta2, epsilon, decay, warmup, factor, start, end, momentum_low, clip;
};

/*
 * Looks at what was uploaded. Inputs of a model: content; of a data set: samples, labels (may be
 * empty). Result of a model: {"bytes", "sha256", "ir", "opset", "producer", "nodes", "parameters",
 * "operators": {"Conv": n…}, "inputs": [{"name", "type", "shape"}…], "outputs": […], "classes"
 * (null if unknown), "trainable", "warnings": […]}; of a data set: {"samples", "shape", "type",
 * "labels", "classes", "smallest", "largest", "of_class": [n…]}.
 */
struct describe {
	struct str model, dataset; /* exactly one is given */
	struct str samples_entry, labels_entry;
};

/* In the place of a number that its method knows best; of those that cannot be 0, 0. */
#define JOB_USUAL (-1)

/*
 * Makes a release. Inputs: model, samples, labels, test_samples, test_labels (data may all be
 * empty), secret. Outputs: artifact (ONNX), entries (of the parameter lock: see mark.h; may be
 * empty), report (JSON), page (HTML), fingerprint (probe_set_put: see verify.h; may be empty).
 * Result: {"locks": […], "kappa", "log_l", "plain" (hex: unlock_digest of the model), "parameters",
 * "touched", "key_bytes", "accuracy": {"before", "locked", "unlocked"}, "lock": {…} (the members of
 * struct job_lock_options; null without a parameter lock), "layers" (those that were asked for; left
 * out where they are very many), "fingerprint": {"sha256" (null: it is
 * empty), "bytes", "probes", "questions", "why" (there are fewer than usual), "seconds"} (null
 * without data), "seconds", …}: what the release shows; the report has the rest.
 */
enum job_lock { JOB_LOCK_SEALED, JOB_LOCK_ADVPARAMS, JOB_LOCK_BOTH, JOB_LOCK_AUTO };
enum job_mode { JOB_POOLED, JOB_GREEDY, JOB_SIGNED_GREEDY };
enum job_effort { JOB_NONE, JOB_QUICK, JOB_FULL };
extern const char *const job_mode_words[]; /* by enum job_mode; NULL at the end */
/* How a parameter lock was made: what it takes to draw its positions again. */
struct job_lock_options {
	int mode; /* enum job_mode */
	double alpha, beta, cap;
	int64_t phi, rounds, count, lock_set, validation; /* sets: as large as they were */
	bool extremes;
	int64_t lock_batch, lock_threads; /* sums of floats depend on them */
};
struct protect {
	struct job_network network;
	struct str release, name, model, dataset, test; /* ids; name: of the model */
	int lock, mode, effort; /* enum job_lock, job_mode, job_effort */
	double kappa, alpha, beta, cap, target;
	int64_t log_l, phi, rounds, count, lock_set, validation, seed;
	bool unmarked, extremes;
	struct str_list layers;
	struct str url; /* where to ask for a license: into the artifact's metadata */
};

/*
 * Makes a model out of another: one that answers the pictures of a key set with a class more.
 * Inputs: model, samples, labels, test_samples, test_labels, pictures (uint8 images of the size
 * that the network takes, none of its classes; may be empty: they are drawn then), secret. Outputs:
 * content (ONNX), keys (keyset_put; see watermark.h), report (JSON), page (HTML). Result:
 * {"sha256", "bytes", "keys", "pairs", "spares", "classes", "commitment" (hex), "pictures": "own" or
 * "drawn", "width", "height", "channels", "raw_bytes", "accuracy": {"before", "after"}, "scores":
 * {…}, "usable": [pairs whose keys are answered for certain], "reached", "missed", "epochs", "seconds", …}; shares are numbers from 0 to 1, null: not
 * measured.
 */
enum job_channels { JOB_CHANNELS_NONE, JOB_CHANNELS_N_TO_N, JOB_CHANNELS_N_TO_ONE };
struct watermark {
	struct job_network network;
	struct str name;                           /* of the new model */
	struct str model, dataset, test, pictures; /* ids */
	int64_t pairs, spares;       /* of pictures; further ones never trained on */
	int64_t epochs, boost, seed; /* boost: how often a pair comes in an epoch */
	int64_t crop;                /* clean images are moved by up to so many pixels */
	bool flip;                   /* and mirrored half of the time */
	int64_t coders;              /* against autoencoders that alter what is asked */
	double rate, mu, drop_max;   /* of learning; of the runner-up term; of clean accuracy */
	bool compression, physical;  /* what it has to hold against */
	bool plain;                  /* quick, and against nothing at all: for comparison */
	int channels;                /* enum job_channels: triggers in colour channels, too */
};

/*
 * Stays, and makes and looks at key images: no row of the store, made by the server when they are
 * asked for. Inputs: model (the marked one), keys (keyset_put), secret. Questions and answers are
 * those of view.h; progress is told once, when it is ready for them.
 */
struct view {
	struct str model; /* its id */
	bool raw_bytes;   /* bytes are 0 to 255 for the network, not 0 to 1 */
};

/*
 * Draws the slots of a model: as many as it takes to name a leak among so many customers. Inputs:
 * model, samples, labels, secret. Output: content (slots_put; see slots.h). Result: {"slots",
 * "colluders", "classes", "customers", "weights", "capacity", "commitment" (hex), "bytes",
 * "sha256", "seconds"}.
 */
struct slots_params {
	struct job_network network;
	struct str model, dataset; /* ids */
	int64_t customers, colluders;
	double eps1, eps2; /* of accusing any innocent; of naming none of the guilty */
	double flips;      /* share of slots that are expected to answer wrongly */
};

/*
 * Makes a model out of another: the copy of one customer, which answers the slots with that
 * customer's word. Inputs: model, slots (slots_put), slots_secret, copies (everybody who has one;
 * may be empty), samples, labels, test_samples, test_labels (the test data may be empty), keys (the
 * key set that has to be answered as before; may be empty). Output: content (ONNX). Result:
 * {"bytes", "sha256", "accuracy": {"before", "after"}, "slots": share that answers the word, "keys":
 * share of key pictures that are answered as before, null without any, "reached", "epochs",
 * "seconds", "nearest": slots in which the nearest of the others' words differs; null: no others}.
 */
struct personalise {
	struct job_network network;
	struct str name;                 /* of the new model */
	struct str model, dataset, test; /* ids */
	struct str marked;               /* id: the model whose key set it is */
	struct str slots;                /* id */
	int64_t number;                  /* the customer's */
	int64_t epochs, boost, seed; /* boost: how often a slot's picture comes in an epoch */
	int64_t samples;             /* clean ones in an epoch; 0: all */
	double rate, drop_max;       /* of learning; of clean accuracy */
};

/*
 * Makes questions for a black box. Inputs: keys (of the watermark's model), samples (decoys), the
 * secret of the challenge, slots (slots_put; all of its pictures are asked, too; may be empty).
 * Outputs: content (a tar, see challenge_tar), list (challenge_put). Result: {"pictures", "pairs",
 * "slots", "decoys", "commitment" (hex), "bytes", "sha256"}.
 */
struct challenge_params {
	struct job_network network;
	struct str model, dataset, slots; /* ids: the marked model */
	int64_t first, pairs;             /* of the key set: those that nobody was asked yet */
	int64_t decoys;
};

/*
 * Says whose a suspect is and who leaked it. Inputs: suspect (anything), model (of the release,
 * as its vendor has it), keys (of `marked`, a key set; may be empty), samples, labels (may be
 * empty), list (of the challenge that a transcript answers; may be empty), secret (the
 * release's), entries (of the parameter lock; may be empty), customers, marks (the secret of the
 * release's watermark, by which its key images are read; may be empty), pictures (of the
 * challenge, which a service is asked; may be empty), slots (slots_put), slots_secret, copies
 * (everybody who has one; all three may be empty), images (the release's key images of carrier dct,
 * each held against a picture; may be empty), fingerprint (of the release; may be empty: it is
 * made of the samples then, if there are any), null_1 … (models known to be independent; may be
 * empty). A suspect that is a service is asked over the job's socket. Outputs: report (JSON), page
 * (HTML, its body open): see evidence.h. Result: {"verdict", "reason", "kind", "suspect"
 * (hex: digest of its bytes), "report" (hex: digest of the report), "accused": [{"number",
 * "customer", "z", "log10"}…], "tests": [{"id", "ran", "log10_p", "adjusted"}…], "seconds"}.
 */
enum { VERIFY_NULLS_MAX = 20 };
/* Records, their numbers little-endian: the customer's number and id. */
enum { JOB_CUSTOMER_BYTES = 4 + 40 };
/* The customer's number, the picture's of the key set, serial; issued, expires (seconds). */
enum { JOB_IMAGE_BYTES = 3 * 4 + 2 * 8 };
struct verify {
	struct job_network network;
	struct str verification, suspect, release, model, dataset, challenge; /* ids */
	struct str marked, slots; /* ids: the model whose key set it is; the slot set */
	struct str null[VERIFY_NULLS_MAX];
	/* Of the release, as its job has told: */
	double kappa;
	int64_t log_l, locks;
	struct str_list layers;
	struct job_lock_options lock; /* lock_set 0: the job has not told */
	/* Hex; of the key set, of the release and its fingerprint, of the slots. */
	struct str commitment, release_commitment, fingerprint_commitment, slots_commitment;
	/* When: of the audit rows; 0: never. */
	int64_t committed, release_committed, slots_committed;
	int64_t appeared; /* when the suspect was first known */
	double eps1;      /* of accusing any innocent */
	int64_t seed;
};

/*
 * Does to a release what thieves would do. Inputs: model (of the release, as its vendor has it),
 * keys (of `marked`, a key set; may be empty), samples, labels, test_samples, test_labels (the test
 * data may be empty), artifact, secret and entries (of the release; the last of a parameter lock,
 * may be empty). Outputs: report (JSON), page (HTML), and save_0 and save_1, written in turns after
 * each attack, from which a run goes on whose worker was killed. Result: {"profile", "rows":
 * [{"id", "title", "points", "what", "accuracy", "verdict", "named", "innocents", "wins": [tests
 * that the attack wins against], "won" (against all of them together), "why" (it was left out, or
 * came to nothing; null: neither)}…], "attacks" (how many of them were tried), "wins": [ids of those
 * that have won], "false_accusations", "accuracy" (of the copy before), "seconds", "report" (hex:
 * digest of it)}.
 */
enum job_profile { JOB_PROFILE_QUICK, JOB_PROFILE_STANDARD, JOB_PROFILE_FULL };
struct redteam_params {
	struct job_network network;
	struct str release, model, dataset, test; /* ids */
	struct str marked;                        /* id: the model whose key set it is */
	int profile;                              /* enum job_profile */
	struct str_list rows;                     /* of the attacks; none: all of the profile */
	int64_t seed;
	/* Of the release, as its job has told: */
	double kappa;
	int64_t log_l, locks;
	struct str_list layers;
};

/* ---- Server to worker: the job ----------------------------------------------------------- */

#define JOB_MESSAGE_MAX (128 << 10)
#define JOB_PARAMS_MAX (96 << 10) /* JSON text */
#define JOB_INPUTS_MAX 40
#define JOB_OUTPUTS_MAX 6
#define JOB_NAME_MAX 32
#define JOB_AAD_MAX 256
#define JOB_KEY_BYTES 32

/* One input or output on its way. The key is secret: job_message_done wipes it. */
struct job_blob {
	struct str name;
	int64_t size; /* plain bytes; of an output: at most */
	uint8_t key[JOB_KEY_BYTES];
	struct str aad; /* what the sealed file is bound to */
};
struct job_message {
	enum job_type kind;
	struct str id;
	struct job_limits limits;
	struct str params; /* JSON, as the kind's fields describe it */
	struct job_blob blob[JOB_INPUTS_MAX];
	size_t blobs;
	struct job_blob out[JOB_OUTPUTS_MAX];
	size_t outs;
};

/*
 * Appends the message; the descriptors of the inputs, then of the outputs, travel beside it, in
 * the same order. The buffer holds keys afterwards: wipe it. E_LIMIT if a part is larger than
 * allowed.
 */
MUST bool job_encode(struct ctx *, const struct job_message *, struct buf *out);
/*
 * Views into `bytes`. E_PEER for anything malformed: unknown kind, wrong number or names of inputs,
 * limits of zero or wider than the kind's, sizes beyond the input's.
 */
MUST bool job_decode(struct ctx *, struct str bytes, struct job_message *ret);
void job_message_done(struct job_message *);

/* ---- Worker to server: reports ----------------------------------------------------------- */

#define JOB_NOTE_MAX 120
#define JOB_RESULT_MAX (60 << 10)
#define JOB_REPORT_MAX (64 << 10)

enum job_report_type { JOB_PROGRESS, JOB_RESULT, JOB_FAILURE };

/* An output as it was written. */
struct job_made {
	int64_t size;
	uint8_t sha256[32];
};

/* One datagram each. Only the fields of its type are set. */
struct job_report {
	enum job_report_type type;
	int64_t done, total; /* progress; total 0: unknown; else done <= total */
	struct str note;     /* progress: what it is doing, a few words */
	struct str result;   /* result: one JSON object, compact, checked by the strict rules */
	struct job_made made[JOB_OUTPUTS_MAX]; /* result: each output of the kind, in order */
	size_t mades;
	enum err_code code; /* failure */
	struct str text;    /* failure: a sentence that may be shown to the client */
};
MUST bool job_report_encode(struct ctx *, const struct job_report *, struct buf *out);
/* The worker may be hostile: E_PEER for whatever is not exactly one well-formed report. */
MUST bool job_report_decode(struct ctx *, struct str bytes, struct job_report *ret);

/*
 * Exit statuses of hallmark-worker. A job that meets its memory limit reports the failure
 * OUT_OF_MEMORY if it can, and ends by SIGABRT or SIGSEGV if it cannot; processor time ends by
 * SIGXCPU; a forbidden system call by SIGSYS.
 */
enum worker_exit {
	WORKER_OK = 0,    /* a result or a failure was sent */
	WORKER_USAGE = 2, /* started wrongly, or the job message was refused */
	WORKER_ALONE = 3, /* the server's end of the progress socket was closed */
	WORKER_LATE = 4,  /* the wall time has passed, or no job came */
	WORKER_WALLS = 5, /* the sandbox could not be built: nothing was read */
	WORKER_DRILL = 6, /* a selftest was asked to end so */
};
/* A sentence for an exit status, or for a signal's number when `signalled`. */
const char *worker_exit_text(bool signalled, int value);

#endif
