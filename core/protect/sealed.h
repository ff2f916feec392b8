/*
 * What the files of the sealed lock share: which tensors of a model are sealed and how, a look at
 * each weight that says whether it may carry a mark, and the values that stand in its place.
 */
#ifndef PROTECT_SEALED_H
#define PROTECT_SEALED_H

#include "protect.h"

/* ---- The plain model --------------------------------------------------------------------- */

/* Lists of so few real numbers may be shapes, bounds or scales: only what is trained is sealed. */
enum { SEAL_LIST_MAX = 16 };
bool seal_is_real(enum onnx_type);

/* A file in which all weights are initializers with raw data: the given one, or one made of it. */
struct seal_plain {
	int fd;
	bool made;               /* it was made, and is to be closed */
	struct onnx_file *file;  /* of the one that was made */
	struct onnx_model model; /* views into that file */
	bool metadata;           /* it holds the new metadata already */
};
MUST bool seal_open(struct ctx *, int plain, const struct onnx_model *,
    const struct str (*metadata)[2], size_t metadatas, struct seal_plain *ret);
void seal_plain_done(struct seal_plain *);

/* ---- The plan ---------------------------------------------------------------------------- */

struct seal_tensor {
	struct sealed_tensor is;
	struct str name;
	uint64_t at;     /* where its data begin in the file */
	bool real;       /* its values are real numbers, not bytes */
	int64_t rows;    /* the first of its dimensions that is larger than one */
	bool matrix;     /* two of its dimensions are larger than one: it can carry a mark */
	bool positive;   /* real, and no value is below zero */
	double mean, sd; /* of its finite values */
	uint64_t marked;
	uint32_t locked; /* its first entry among the plan's, if it has any */
};

/* How often values occur in a tensor, by a digest of their bits. */
struct seal_counts {
	uint32_t *count;
	unsigned log;       /* of the number of counters */
	uint32_t often;     /* what occurs no more often than this may do so by chance */
	int64_t step, next; /* every so manyth element is counted */
	uint32_t *near;     /* how many values lie in each stretch of the mark's own width */
	double width;       /* of a stretch; 0: they are not counted */
};

struct seal_plan {
	struct seal_plain plain;
	struct seal_tensor *tensor; /* by rising index */
	size_t tensors;
	const struct unlock_entry *locked;
	uint32_t n;
	struct seal_counts counts; /* of one tensor at a time */
	uint64_t weights, marked;
	double kappa;  /* about what it will be */
	float *number; /* room for a block */
	char *bytes;
};
/*
 * Decides which tensors are sealed and reads each of them once. The locked entries stay the
 * caller's and the model has to live as long. E_INPUT for a layer that is not there.
 */
MUST bool seal_plan_make(struct ctx *, int plain, const struct onnx_model *, struct nn_graph *,
    const struct sealed_options *, const struct unlock_entry locked[], uint32_t n,
    const struct str (*metadata)[2], size_t metadatas, struct seal_plan *ret);
void seal_plan_done(struct seal_plan *);
/* What the options say of marks, or what follows from the number of weights that carry one. */
struct mark_terms seal_terms(const struct seal_plan *, const struct sealed_options *);

/* The steps of seal_plan_make. */
MUST bool seal_choose(
    struct ctx *, struct nn_graph *, const struct sealed_options *, struct seal_plan *);
MUST bool seal_look(struct ctx *, struct seal_plan *, struct seal_tensor *, bool unmarked);

/* ---- Weights, block by block ------------------------------------------------------------- */

/* Elements [first, first + n) of a tensor of the plain file, as raw data. */
MUST bool seal_read(struct ctx *, const struct seal_plan *, const struct seal_tensor *,
    int64_t first, size_t n, void *bytes);
/* Raw data of a tensor of this type as floats. */
MUST bool seal_numbers(struct ctx *, enum onnx_type, const void *bytes, size_t n, float *ret);
/* Counts the values of a tensor, before seal_marks is asked about it. */
MUST bool seal_count(struct ctx *, struct seal_plan *, const struct seal_tensor *);
/* Sets a bit for each element of a block that may carry a mark; `marked` comes zeroed. */
MUST bool seal_marks(struct ctx *, const struct seal_plan *, const struct seal_tensor *,
    int64_t first, size_t n, const void *bytes, uint8_t marked[]);

/* ---- In their place ---------------------------------------------------------------------- */

/* Writes the model with unrelated values in place of the sealed weights. */
MUST bool seal_fresh(struct ctx *, const struct seal_plan *, int out);

/* ---- Tracing ----------------------------------------------------------------------------- */

/*
 * What a suspect's weights differ by from the plain ones, gathered by table entries: `sums` has
 * 2^log_l of them. The suspect has the tensors of the plain file in the same order. *ret_apart is
 * how far the two are from each other, in standard deviations of a layer.
 */
MUST bool seal_trace(struct ctx *, struct seal_plan *, struct str release_id,
    const struct mark_terms *, int suspect, double sums[], double *ret_apart);

#endif
