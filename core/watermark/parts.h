/*
 * The watermark inside: randomness, copies of pictures, changed weights, and what embedding is made
 * of.
 */
#ifndef WATERMARK_PARTS_H
#define WATERMARK_PARTS_H

#include "lossy.h"
#include "stego.h"
#include "chance.h"
#include "watermark.h"

/* ---- What chance is for ------------------------------------------------------------------ */

enum chance_use {
	CHANCE_HEAD,
	CHANCE_ORDER,
	CHANCE_SAMPLE,
	CHANCE_KEYS,
	CHANCE_COPY,
	CHANCE_WEIGHTS,
	CHANCE_MEASURE,
	CHANCE_CODER,
	CHANCE_PICTURE,
	CHANCE_TRIGGER,
};

/* ---- Key sets (keyset.c) ----------------------------------------------------------------- */

/* Empty, with room for so much. */
MUST bool keyset_room(struct ctx *, int pairs, int spares, struct keyset *ret);
/* A picture, for the size that all have. */
const struct image *keyset_first(const struct keyset *);
/* Both pictures of each pair, then the spares: 0 … 2 * pairs + spares - 1. */
struct image *keyset_item(const struct keyset *, int64_t i);

/* ---- Answers (ask.c) --------------------------------------------------------------------- */

/* The highest of n; of equal ones the first. */
int32_t answer_among(const float *row, int64_t n);

/* Do bytes go into the network as 0 to 255? */
bool is_raw(const struct data_form *);

/* ---- Copies of the key pictures (copies.c) ----------------------------------------------- */

/* The pictures of a key set as a network takes them, as they may look when they get there. */
struct copies {
	const struct keyset *keys;
	struct data_form form;
	int coders;       /* autoencoders of our own */
	float *coded;     /* [coder][item]: pairs' pictures, as each of them gives them back */
	uint8_t *sampled; /* [coder][CODED_SAMPLES]: samples, likewise, 255 for the highest */
	bool compression, physical;
};
enum copy_kind { COPY_PLAIN, COPY_CODED, COPY_LOSSY, COPY_VIEW, COPY_KINDS };
void copies_done(struct copies *);
/* Room for what o->coders autoencoders give back; and one of them trained and asked. */
enum { CODER_ROW_MAX = 64 * 64 * 3, CODED_SAMPLES = 1024 };
MUST bool copies_room(struct ctx *, struct copies *, const struct watermark_options *);
MUST bool copies_code(struct ctx *, struct copies *, const struct train_data *,
    const struct watermark_options *, int coder);
/* A sample as autoencoders give it back. */
void copies_sample(const struct copies *, struct chance *, float *to);
/* Other lowest bits, as if an identity were hidden there. */
void picture_bits(struct chance *, const struct image *);
/* A fresh copy of the key (or its twin) of pair i. */
MUST bool copies_draw(struct ctx *, const struct copies *, enum copy_kind, struct chance *,
    int pair, bool twin, float *to);
/* One of the kinds that are asked for besides plain ones; plain if there is none. */
enum copy_kind copies_kind(const struct copies *, struct chance *);

/* ---- Losses (embed_loss.c) --------------------------------------------------------------- */

/* What rows of outputs ought to be, and how their gradient is to be scaled. */
struct aim {
	enum train_output output;
	int64_t classes; /* of the widened network */
	double mu, margin;
};
/* Cross-entropy of one row among the first `among` numbers, the right one handicapped by `margin`;
 * adds `scale` times the gradient. */
double aim_row(const struct aim *, const float *out, int64_t among, int32_t label,
    double margin, double scale, float *gradient);
/*
 * The right class (-1: unknown), or what was told (NULL: nothing; not both), the additional one
 * behind it by a margin.
 */
double aim_sample(const struct aim *, const float *out, int32_t label, const float *told,
    double scale, float *gradient);
double aim_key(
    const struct aim *, const float *out, int32_t runner_up, double scale, float *gradient);

/* ---- Weights (weights.c) ----------------------------------------------------------------- */

/* All weights of a graph, kept aside. */
struct kept {
	struct nn_graph *graph;
	float **v; /* one array a weight */
	size_t n;
};
MUST bool kept_new(struct ctx *, struct nn_graph *, struct kept *ret);
void kept_done(struct kept *);
void kept_take(struct kept *);      /* from the graph */
void kept_put(const struct kept *); /* into the graph */
/* Between two graphs of the same weights. */
void weights_copy(struct nn_graph *from, struct nn_graph *to);
/* Noise of that many deviations of each array of two or more dimensions. */
void weights_noise(struct nn_graph *, double share, struct chance *);
/* The smallest of each such array become zero, about that share of them. */
void weights_prune(struct nn_graph *, double share, struct chance *);

/* ---- Features (features.c) --------------------------------------------------------------- */

/* The model with the features as an output more; nothing is written if it has none. */
MUST bool features_write(
    struct ctx *, const struct onnx_model *, onnx_sink *, void *arg, bool *ret_found);

/* ---- Embedding (embed.c …) --------------------------------------------------------------- */

/* One array that is trained. */
struct trainee {
	struct nn_weight *weight;
	size_t index;    /* among the graph's weights */
	float *velocity; /* the optimiser's */
	float *thief;    /* the thief's optimiser's */
	float *others;   /* the gradient under others' weights in this step */
};

enum { EMBED_PAIRS_MAX = 256, EMBED_CODERS_MAX = 64, EMBED_OUTPUTS_MAX = 16 }; /* in one step */
enum { THIEF_LIFE = 1000 }; /* steps of ours; he learns in every fourth */

struct embedding {
	const struct watermark_case *the;
	struct watermark_options options;
	struct optimiser optimiser;
	struct schedule schedule;
	struct aim aim;
	struct nn_graph *graph;     /* the one that is trained */
	struct nn_graph *own_graph; /* with features; NULL: it is the case's */
	bool norms;                 /* it has batch norms, which move while it learns */
	struct onnx_model own_model;
	struct copies copies;
	struct arena *mem, *scratch; /* what lives as long as this; what one step needs */

	/*
	 * In training: keys and samples, or samples alone. As served: keys alone; and the unmarked
	 * network, which tells of samples (NULL: it is not asked).
	 */
	struct nn_plan *mixed, *served, *telling;
	int64_t rows, batch;       /* in a step; those of them that are samples when mixed */
	int64_t pairs, copied;     /* in a step; copies of each */
	int64_t features;          /* numbers of them a picture; 0: not looked at */
	size_t features_at;        /* which of the outputs they are */
	int pair[EMBED_PAIRS_MAX]; /* in this step, and what became of its second copy */
	enum copy_kind kind[EMBED_PAIRS_MAX];
	float *in, *alone; /* keys, then samples; samples alone */
	float *told;       /* by row, what the unmarked network says */
	float *gradient, *feature_gradient;
	int32_t *label;              /* of samples, by row */
	float *room;                 /* one sample */
	int64_t *order, *pair_order; /* of samples in this epoch; of pairs, round and round */
	int64_t pair_at;

	struct trainee *trainee;
	size_t trainees;
	struct kept own, thief; /* the weights, while others are in the graph; the thief's */
	struct kept unmarked;   /* as they were at first */
	double thief_rate;

	int64_t step, steps, per_epoch;
	double loss; /* of this epoch, summed up */
};
MUST bool embedding_new(struct ctx *, const struct watermark_case *,
    const struct watermark_options *, struct embedding **ret);
void embedding_free(struct embedding **);
/* Rows of a step that are keys and twins: the first ones. */
int64_t embed_key_rows(const struct embedding *);
/* The pairs of a step, in copies of all kinds, into the first rows of e->in. */
MUST bool embed_draw(struct ctx *, struct embedding *);
/* Samples into the rows from `first` on, and their labels. */
void embed_samples(struct embedding *, float *in, int64_t first);
/* Such as a thief has, into all rows of e->alone. */
void embed_thiefs_samples(struct embedding *);
/*
 * What is asked of the keys, given all outputs of a plan; adds to e->gradient and
 * e->feature_gradient, and gives the loss.
 */
double embed_ask_keys(struct embedding *, const struct nn_plan *, double weight);
/* What the unmarked network says of all rows; our own weights are kept aside, and come back. */
MUST bool embed_tell(struct ctx *, struct embedding *, const float *in);
/*
 * Forward and backward under the graph's present weights; gradients are added up. Keys and samples;
 * keys among samples of which nothing is asked; samples alone, ours or a thief's; keys as served.
 */
MUST bool embed_mixed(struct ctx *, struct embedding *, double *ret_loss);
MUST bool embed_among(struct ctx *, struct embedding *, double weight);
MUST bool embed_alone(struct ctx *, struct embedding *, bool thief, double *ret_loss);
MUST bool embed_served(struct ctx *, struct embedding *, double weight);
MUST bool embed_step(struct ctx *, struct embedding *);

#endif
