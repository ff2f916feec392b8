/*
 * The fast executor inside. It takes a plan's steps and shapes and makes a program of its own:
 *
 *  - nodes: steps, fused where the arithmetic allows it (fast_nodes.c, fast_fuse.c);
 *  - tasks: pieces of work on some images, in phases. All threads go through a phase, each with its
 *    share of the batch, a few images at a time, so that what one task writes the next one finds
 *    in the cache. Between phases they meet, since a sum over the whole batch is needed
 *    (fast_emit.c, fast_forward.c, fast_backward.c);
 *  - blocks: the memory that tasks read and write. What lives within a phase has room for the
 *    few images of one thread only (fast_memory.c).
 *
 * What is cheap to compute is computed again in each phase that needs it instead of being kept.
 */
#ifndef NN_FAST_H
#define NN_FAST_H

#include "dnnl_edge.h"
#include "plan.h"

struct fast;
struct worker;
struct task;

/* ---- Memory ------------------------------------------------------------------------------ */

/* Elements are of 4 or 8 bytes; a block has room for each image, or is one for all (`whole`). */
struct block {
	int64_t bytes; /* of one image, or of all */
	bool whole;
	bool kept; /* not within one phase, or for ever */
	bool for_ever;
	void *const *given;        /* the memory is somebody else's: where its address stands */
	int first, last;           /* phases */
	int first_task, last_task; /* in that phase, if it is one */
	size_t at;
};

/* Numbers of one image in a block: `step` from place to place if channels are last. */
struct place {
	int32_t block; /* -1: nothing */
	int64_t skip;  /* elements */
	int64_t step;
};

/* ---- Values ------------------------------------------------------------------------------ */

/* Mean and variance of a value's channels, summed up when it was written. */
struct moments {
	int64_t channels;
	struct coefficients *k;
	double *sums; /* by thread: a count; by channel mean, and sum of squared differences */
	double *mean, *variance;
	double count;
	int phase; /* at whose end they stand */
};

struct made {
	int phase;
	struct place place;
	struct made *next;
};

struct fast_value {
	const struct nn_tensor *t;
	int32_t node; /* that makes it, or -1 */
	int uses;     /* nodes that read it; one more for an output of the graph */
	int32_t same; /* the value that it is another name of, or itself */
	bool batched; /* the first dimension is the batch */
	bool stands;  /* the same from run to run, as long as the weights are */
	bool last;    /* channels last */
	bool again;   /* made anew where it is needed */
	bool summed;  /* a batch norm wants its moments */
	int phase;    /* from which on it can be read */
	struct place place;
	struct made *made;  /* if again: where it was already made */
	struct place fresh; /* of the same phase, dense and still in the cache; or nothing */
	bool has_grad;
	int grad_phase;
	struct place grad;
	bool lent;         /* the gradient is somebody else's as well */
	float *total_grad; /* of one that is not batched */
	int32_t root;      /* the concatenation whose block it lies in, or -1 */
	int64_t root_skip; /* channels before it there */
	struct moments *moments;
};

/* The tensors of a plain kernel's call, and sums by input and thread of what is not batched. */
struct fast_calls {
	struct place *in, *out, *din, *dout;
	float ***sums;
};

/* ---- Nodes ------------------------------------------------------------------------------- */

enum fast_kind {
	FAST_CONV,
	FAST_GEMM,
	FAST_AFFINE, /* x * a + b by channel, from constants */
	FAST_NORM,   /* batch normalisation that is trained or differentiated */
	FAST_ADD,
	FAST_ACT, /* a range alone */
	FAST_POOL,
	FAST_GLOBAL, /* mean over all of the space */
	FAST_CONCAT,
	FAST_VIEW,
	FAST_PLAIN, /* by the row's plain kernels, image by image */
	FAST_WHOLE, /* … of the whole batch at once */
	FAST_GONE,  /* became part of another node */
};

enum { CHAIN_MAX = 8 };

/* Coefficients by channel, repeated until the length is a multiple of any vector. */
struct coefficients {
	int64_t channels;
	int64_t narrow, period; /* lengths of a row: for elements, for sums */
	float *a, *b;           /* forward */
	float *mean;
	float *back[5];  /* a, b and the three of norm_back */
	double *sums;    /* by thread: two by channel */
	double *inverse; /* by channel */
};

struct fast_conv;

struct fast_node {
	enum fast_kind kind;
	const struct nn_step *step;
	int32_t x, u, y; /* values: input, what is added (or -1), result */
	struct range range;
	const struct nn_step *chain[CHAIN_MAX]; /* folded batch norm; steps of an affine */
	int chained;
	struct coefficients *k;
	bool of_batch;          /* a batch norm of what the batch holds */
	struct moments **piece; /* … of whose parts these are the moments */
	int pieces;
	int known_from;        /* phase from which on a and b stand */
	bool split;            /* its forward task is */
	int phase, back_phase; /* of the tasks with weights; 0: none */
	struct fast_conv *conv;
	bool transposed; /* image and map of the convolution change places */
	struct pool_shape pool;
	bool max;               /* of a pool */
	struct place which;     /* winners of a max pool */
	struct product product; /* of a gemm, for one image */
	int64_t bias_count;
	float *ones, *bias;       /* … and of a transposed convolution, with a bias */
	float **sums;             /* of a gemm, by thread: gradients of weights and bias */
	struct fast_calls *calls; /* of a plain kernel, forward */
	struct place saved;
	size_t saved_bytes, scratch_bytes;
};

/* ---- Tasks ------------------------------------------------------------------------------- */

typedef void task_fn(const struct worker *, const struct task *);

enum { TASK_PLACES = 4 };
enum { CHUNK_MAX = 64 }; /* images at a time */

struct task {
	task_fn *run;
	struct fast_node *node;
	struct place at[TASK_PLACES];
	int64_t pixels, channels; /* of one image */
	struct range range;
	bool adds;
	bool split; /* each thread does a part of the image */
	void *arg;
};

struct phase {
	struct task *task; /* by all, on their images */
	size_t tasks, tasks_max;
	struct task *end; /* by one, when all have done theirs */
	size_t ends, ends_max;
	int64_t chunk; /* images at a time */
	bool fixed;    /* which thread takes which image matters */
};

/* Who does a task: with memory and sums of its own, at some images. */
struct worker {
	struct fast *fast;
	int number;           /* below the number of threads */
	int64_t first, count; /* images */
	int part, parts;      /* of an image that all threads share; else 0 of 1 */
	char *local, *scratch;
};

/* ---- The executor ------------------------------------------------------------------------ */

struct threads;

struct fast {
	struct nn_plan *plan;
	const struct kernels *kernels;
	struct arena *mem;
	int64_t batch;
	int threads;
	bool backward;  /* there is a way back */
	bool split;     /* one image, which the threads share */
	bool failed;    /* no memory while the program was made */
	bool one_chunk; /* all phases take the same number of images at a time */
	struct fast_value *value;
	size_t values;
	struct fast_node *node;
	size_t nodes;
	struct block *block;
	size_t blocks, blocks_max;
	struct phase *phase;
	int phases, phases_max, forward_phases;
	struct task *early; /* before the first phase */
	size_t earlies, earlies_max;
	struct place *output, *input_grad; /* by output and input */
	void **given;                      /* gradients of the outputs, in the current run */
	int now; /* phases below are of the forward way while the way back is made */
	char *memory;
	size_t memory_size, local_at, local_size, scratch_size;
	float *zeros;                /* a gradient that is not given */
	const struct fast_node *bad; /* whose kernel found values that do not fit */
	const char *bad_why;
	bool prepared;
	uint64_t version; /* of the weights */
	struct threads *pool;
};

/*
 * What the plan calls: the fast executor takes the place of layout, memory and execution. The
 * inputs stand in the plan's values; what is computed from weights alone is up to date.
 */
/*
 * Whether the executor can run this plan: not if a step leaves out its first output, and not if a
 * tensor is empty. Such plans are left to the plain kernels.
 */
bool fast_fits(const struct nn_plan *);
MUST bool fast_new(struct ctx *, struct nn_plan *, struct fast **ret);
void fast_free(struct fast **);
MUST bool fast_forward(struct ctx *, struct fast *);
void fast_backward(struct fast *, const float *const output_gradient[]);
const float *fast_input_gradient(const struct fast *, size_t input);

#endif
