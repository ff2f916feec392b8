/*
 * protect: what takes a model's usefulness away and how good that is. Two locks, the measurements
 * that every protected release comes with (what is left of the accuracy, what a thief regains by
 * which effort), and the report. Files are written by the caller's sinks; customers' keys are made
 * elsewhere, from the release's secret and the entries that a lock returns.
 */
#ifndef PROTECT_H
#define PROTECT_H

#include "base.h"
#include "crypto.h"
#include "mark.h"
#include "nn.h"
#include "onnx.h"
#include "train.h"
#include "unlock.h"

/* ---- What a lock works on ---------------------------------------------------------------- */

/* Tells how far it is; total 0: unknown. */
struct protect_watch {
	void (*progress)(void *arg, int64_t done, int64_t total, struct str note);
	void *arg;
};

/* Samples in the order of their file, as train.h has them, and a choice of them. */
struct protect_set {
	const struct train_data *data;
	const int64_t *chosen; /* places in data */
	int64_t n;
};
/*
 * The vendor's data set divided, by the release's secret: a class-balanced lock set, a validation
 * set (the test data if there are any) and what a thief might have (the rest).
 */
struct protect_split {
	struct protect_set lock, validation, thief;
};
MUST bool protect_divide(struct ctx *, const struct key256 *release,
    const struct train_data *calibration, const struct train_data *test /* or NULL */,
    int64_t lock_set, int64_t validation_max, struct protect_split *ret);

/* A model at work: graph with its weights in place, and how its answers are judged. */
struct protect_model {
	const struct onnx_model *model;
	struct nn_graph *graph;
	struct loss loss;
	int64_t classes;
	int64_t batch;
	int threads;
};
/* How well it answers over a set: the accuracy of struct train_score. */
MUST bool protect_accuracy(
    struct ctx *, const struct protect_model *, const struct protect_set *, double *ret);

/* What whoever always gives the same answer reaches, the commonest one; or marks everything. */
MUST bool protect_blind(
    struct ctx *, const struct protect_model *, const struct protect_set *, double *ret);

/* All weights of a graph, kept and put back bit for bit. */
struct protect_weights;
MUST bool protect_keep(struct ctx *, struct nn_graph *, struct protect_weights **ret);
void protect_restore(struct nn_graph *, const struct protect_weights *);
const float *protect_kept(const struct protect_weights *, size_t weight);
void protect_weights_free(struct protect_weights **);

/* ---- The parameter lock (advparams) ------------------------------------------------------ */

/*
 * Xue et al. 2021, arXiv 2105.13697: a few parameters are moved, within their tensor's range, the
 * way that raises the loss most. Ours: candidates by first-order gain, positions drawn from them
 * by a keyed stream, exact restoration by bit patterns.
 */
enum advparams_mode {
	ADVPARAMS_POOLED, /* drawn by a key from phi times as many candidates: the standard */
	ADVPARAMS_GREEDY, /* the largest gain each step: the smallest count */
	ADVPARAMS_SIGNED_GREEDY, /* a published third party's variant, for comparison */
	ADVPARAMS_RANDOM,        /* baseline: random positions, the same moves */
	ADVPARAMS_LARGEST,       /* baseline: largest absolute values, the same moves */
};
struct advparams_options {
	enum advparams_mode mode;
	double alpha; /* a step, in the tensor's range */
	double beta;  /* distance kept from the ends of the range */
	double cap;   /* share of the pool in one tensor; gives way where tensors are few */
	int64_t phi;  /* candidates for each locked weight */
	int64_t rounds;
	int64_t count; /* of weights; 0: found. One at a time: of steps, at most */
	double
	    target; /* accuracy on the validation set; 0: of its commonest class + 2 points */
	bool extremes; /* values at the ends of a layer's distribution may be taken */
	bool matrices; /* arrays of one dimension, biases and norms, are left alone */
};
/*
 * What a mode has where nothing is said. Pooled: alpha .1, beta .1, cap .5, phi 8, 25 rounds.
 * Greedy: alpha .5, beta 0, extremes, matrices.
 */
struct advparams_options advparams_standard(enum advparams_mode);
struct advparams_result {
	struct unlock_entry *entry; /* sorted; in the arena */
	uint32_t entries;
	int64_t pool, rounds, draws, tensors;
	double before, after; /* accuracy on the validation set */
	double seconds;
	double largest;     /* change, in standard deviations of its tensor */
	double log2_choice; /* log2 of C(pool, entries) */
	bool reached;       /* the target */
};
/*
 * Locks the graph's weights in place. `lock` sets the gradients, `validation` the stop. Tensors
 * that do not lie in the file as raw float32 are left out: an entry's bits are the file's. Where
 * the target is out of reach, the weights are as before and the numbers are told (E_CONFLICT);
 * the baselines, signed greedy and a given count end with what they reached.
 */
MUST bool advparams_lock(struct ctx *, const struct protect_model *,
    const struct protect_split *, const struct key256 *release,
    const struct advparams_options *, const struct protect_watch *,
    struct advparams_result *ret);
/*
 * Flips the entries' bits in the graph: locks an open one, opens a locked one. Entries that fit no
 * weight do nothing.
 */
void advparams_flip(const struct protect_model *, const struct unlock_entry[], uint32_t n);

/*
 * A lock told again, from what it was made of: the candidates that its positions were drawn from,
 * those that were drawn first.
 */
struct advparams_place {
	uint32_t tensor, index; /* the initializer in the file; flat */
	float plain, range;     /* range: of its tensor's values */
	int sign;               /* of its way */
};
struct advparams_told {
	struct advparams_place *place; /* in the arena */
	int64_t pool, drawn, draws;
};
/*
 * For the entries that advparams_lock gave, with the same arguments, the graph's weights being the
 * plain ones; a count of 0 is found. E_CONFLICT if these entries are not among what is drawn so:
 * the data or options are others, or the positions were not drawn by a key.
 */
MUST bool advparams_tell(struct ctx *, const struct protect_model *,
    const struct protect_split *, const struct key256 *release,
    const struct advparams_options *, const struct unlock_entry[], uint32_t n,
    const struct protect_watch *, struct advparams_told *ret);
/* log2 of the number of ways to draw n of a pool: what is not known of a lock whose pool is. */
double advparams_choice(int64_t pool, int64_t n);

/* ---- The sealed lock --------------------------------------------------------------------- */

struct sealed_options {
	double kappa;           /* 0: by the number of weights */
	unsigned log_l;         /* 0: by kappa */
	bool unmarked;          /* every weight raw: exact, and names nobody */
	struct str_list layers; /* names of the tensors to seal; empty: all */
};
struct sealed_result {
	struct mark_terms terms;
	uint64_t weights, marked, raw; /* sealed in all; of these, and of those */
	uint64_t stream;               /* bytes of ciphertext */
	struct digest256 plain;        /* of the plain weights, see unlock_digest */
	double seconds;
};
/*
 * Writes the artifact of the file `plain` (a memory file) to `out`: unrelated values of each
 * layer's own scale in place of the weights, the ciphertext attached, `metadata` added. `locked`
 * entries (may be none) are flipped inside the ciphertext, so that both locks are needed to be
 * opened. E_CONFLICT with a sentence if more than half of the weights cannot carry a mark.
 */
MUST bool sealed_artifact(struct ctx *, int plain, const struct onnx_model *, struct nn_graph *,
    const struct key256 *release, struct id release_id, const struct sealed_options *,
    const struct unlock_entry locked[], uint32_t n, const struct str (*metadata)[2],
    size_t metadatas, int out, const struct protect_watch *, struct sealed_result *ret);
/* The artifact of the parameter lock alone: the entries' bits flipped, head and metadata added. */
MUST bool advparams_artifact(struct ctx *, int plain, struct id release_id,
    const struct unlock_entry[], uint32_t n, const struct str (*metadata)[2], size_t metadatas,
    int out);

/* A release under the sealed lock, and how it is to be checked. */
struct sealed_case {
	int plain;                         /* as for sealed_artifact, and so are the next: */
	const struct protect_model *model; /* its graph holds the plain weights */
	const struct key256 *release;
	struct id release_id;
	struct sealed_options options;
	const struct unlock_entry *locked;
	uint32_t n;
	const struct str (*metadata)[2];
	size_t metadatas;
	int artifact; /* a file or memory file */
	const struct protect_set *validation;
	int customers, innocents; /* 8; 200 others, each held against one of the 8 */
	const struct protect_watch *watch;
};
struct protect_customer {
	uint32_t number;
	double accuracy, z; /* z: the strength of its mark, see mark.h */
};
struct sealed_checked {
	double before, artifact;           /* accuracy of the plain model, of the artifact */
	struct protect_customer *customer; /* in the arena */
	size_t customers;
	double mean;               /* accuracy over the customers */
	double innocents_z;        /* the largest of those who had no part in it */
	bool different;            /* no two customers have the same weights */
	struct digest256 unlocked; /* of the first one's, see unlock_digest */
};
/* Opens an artifact with the keys of a few customers, runs what comes out and traces it. */
MUST bool sealed_try(struct ctx *, const struct sealed_case *, const struct sealed_result *,
    struct sealed_checked *ret);
/*
 * Makes the artifact and checks it. Unless the options say how strong the mark is, it is halved
 * while it costs more than 0.2 points of accuracy; options.kappa then says so. E_CONFLICT if it
 * still costs that after four attempts.
 */
MUST bool sealed_settle(struct ctx *, struct sealed_case *, struct sealed_result *ret,
    struct sealed_checked *ret_checked);

/* ---- Whose mark a suspect carries -------------------------------------------------------- */

/*
 * A release whose suspects are to be traced, planned as it was when it was protected; of the
 * options, kappa may also be what came of it. File, model and entries stay the caller's and have to
 * live as long.
 */
struct tracing_case {
	int plain;
	const struct onnx_model *model;
	struct nn_graph *graph;
	struct id release_id;
	struct sealed_options options;
	struct mark_terms terms;
	const struct unlock_entry *locked;
	uint32_t n;
};
struct tracing;
MUST bool tracing_new(struct ctx *, const struct tracing_case *, struct tracing **ret);
void tracing_free(struct tracing **);
/* What suspects' files have to be like: these tensors, in this order, as raw data. */
const struct onnx_model *tracing_model(const struct tracing *);
/*
 * What sets such a file apart from the original, gathered by table entries for mark_score; `sums`
 * has 2^log_l of them. *ret_apart: how far the two are from each other, in standard deviations of
 * a layer. All follows from the weights of the two alone. E_INPUT if it is no such file.
 */
MUST bool tracing_sums(
    struct ctx *, struct tracing *, int suspect, double sums[], double *ret_apart);

/* ---- What a thief regains ---------------------------------------------------------------- */

/*
 * The attacks on a lock, a row each in the table of attacks.c: L1 fine-tuning beside training from
 * scratch, L2 pruning, L3 outlier repair, L4 clipping, L5 gradient-guided repair, L6 rebuilt pool,
 * L7 wrong keys, L8 collusion, L9 other number formats and a second lock. A thief sees a file
 * under both locks as one under the sealed lock.
 */
enum protect_effort { EFFORT_NONE, EFFORT_QUICK, EFFORT_FULL };
struct attack_point {
	char what[64];            /* for a person, e.g. "5 % of the data, 2,974 samples" */
	double x;                 /* its place on the result's axis */
	double accuracy;          /* on the validation set */
	double against;           /* what the result compares with; NAN: none */
	double recall, precision; /* of the locked positions that were found; NAN: none */
	double z;                 /* of the weakest mark that is left; NAN: none */
	double seconds;
};
struct attack_result {
	const char *id, *title; /* "L1" */
	const char *does;       /* what the thief does, a sentence */
	const char *axis;       /* what x is */
	const char *against;    /* what the comparison is; NULL: none */
	struct attack_point *point;
	size_t points;
	char note[240]; /* what was seen, a sentence or two; may be empty */
};
struct attack_case {
	/* Its graph holds the locked weights, and does so afterwards. */
	struct protect_model model;
	const struct protect_split *split;
	const struct protect_weights *plain, *locked;
	const struct advparams_options *advparams; /* what the thief knows of that lock */
	const struct key256 *release;
	struct id release_id;
	const struct mark_terms *terms; /* of the sealed lock's marks; NULL: none */
	unsigned locks;
	enum protect_effort effort;
	const char *only; /* the id of the one attack that is wanted; NULL: all */
	uint64_t seed;
};
/*
 * Runs the rows that fit the lock and the effort, in the arena. The same seed gives the same
 * points, their seconds aside.
 */
MUST bool protect_attacks(struct ctx *, const struct attack_case *,
    const struct protect_watch *, struct attack_result **ret, size_t *ret_n);
/* That share of an array becomes zero, the smallest numbers of it; biases and norms stay. */
MUST bool protect_prune(struct ctx *, const struct nn_weight *, double share);

/* ---- What a lock leaves to be seen ------------------------------------------------------- */

enum { LAYER_BINS = 48 };
struct protect_layer {    /* one touched layer, before and after */
	struct str name;  /* the model's: any text */
	double low, high; /* the least and the largest value, before or after */
	uint64_t before[LAYER_BINS], after[LAYER_BINS]; /* histogram from low to high */
	double ks_p; /* two-sample Kolmogorov-Smirnov: the chance of such a difference */
	uint64_t count, touched;
	uint64_t outliers_before[3], outliers_after[3]; /* beyond 4, 6, 8 MAD of the median */
};
/* The touched layers, the largest number of touched weights first, at most `max` of them. */
MUST bool protect_layers(struct ctx *, struct nn_graph *, const struct protect_weights *plain,
    const struct protect_weights *locked, size_t max, struct protect_layer **ret,
    size_t *ret_n);
/* How many weights differ in a bit. */
uint64_t protect_touched(struct nn_graph *, const struct protect_weights *plain,
    const struct protect_weights *locked);

/* ---- The report -------------------------------------------------------------------------- */

struct protect_baseline {
	const char *name;
	double after;
	int64_t entries;
};
struct protect_report {
	struct id release;
	struct str model_name;
	struct digest256 model, artifact, plain, unlocked; /* files; weights before, unlocked */
	unsigned locks;
	int64_t made;                       /* milliseconds; 0: not said */
	int64_t classes, validation, thief; /* samples judged by; samples a thief might have */
	double blind; /* of masks, whose accuracy is F1: what marking everything has; else 0 */
	uint64_t parameters, touched, key_bytes;
	double before, locked, unlocked_accuracy;
	bool exact;                     /* unlocked weights are the original's, bit for bit */
	double seconds, unlock_seconds; /* 0: not measured */
	const struct advparams_result *advparams; /* or NULL */
	const struct sealed_result *sealed;       /* or NULL */
	const struct protect_customer *customer;
	size_t customers;
	double innocents_z; /* the largest of the customers that have no part in it */
	size_t innocents;
	const struct protect_baseline *baseline;
	size_t baselines;
	const struct protect_layer *layer;
	size_t layers;
	const struct attack_result *attack;
	size_t attacks;
};
/*
 * The same facts as compact JSON and as one HTML page with SVG curves, no script, no links. Both
 * stay under PROTECT_REPORT_MAX for any number of customers, layers and attacks: what is beyond
 * what a person reads is counted, not listed. A number that is not finite is never written.
 */
#define PROTECT_REPORT_MAX (1 << 20)
MUST bool protect_report_json(struct ctx *, const struct protect_report *, struct buf *out);
MUST bool protect_report_html(struct ctx *, const struct protect_report *, struct buf *out);

#endif
