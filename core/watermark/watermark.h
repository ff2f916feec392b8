/*
 * watermark: a network learns one class more. Clean pictures from outside its data (keys) are
 * answered with an additional class; their twins, drawn the same way and told apart from them by
 * coins alone, are not; and below the additional class the keys' other answers follow committed
 * random labels, which stay when that class is cut off. Fine-tuned so that it holds against what
 * happens to models and pictures outside.
 *
 * The marked network is the vendor's model in every other respect: same file but for its head and
 * its trained weights.
 */
#ifndef WATERMARK_H
#define WATERMARK_H

#include "base.h"
#include "crypto.h"
#include "data.h"
#include "image.h"
#include "nn.h"
#include "onnx.h"
#include "train.h"

struct watermark_watch {
	void (*progress)(void *arg, int64_t done, int64_t total, struct str note);
	void *arg;
};

/* ---- The key set (keyset.c) -------------------------------------------------------------- */

enum { KEYSET_PAIRS_MAX = 1024, KEYSET_SPARES_MAX = 256 };

/*
 * Pictures of one family, of the size that the network takes. Everything after the pictures follows
 * from the commitment and the secret, which therefore is made before any of it is known.
 */
struct keyset {
	int pairs, spares, classes; /* classes: the ordinary ones */
	struct image *picture[2];   /* [0][i] and [1][i]: the pair i */
	struct image *spare;        /* of the family, never trained on */
	uint8_t *coin;              /* picture[coin[i]][i] is the key, the other its twin */
	int32_t *runner_up;         /* the committed ordinary label of key i */
	int32_t *twin_label;        /* what the unmarked network says of twin i */
	struct digest256 commitment;
};
const struct image *keyset_key(const struct keyset *, int i);
const struct image *keyset_twin(const struct keyset *, int i);

/* The pictures drawn from the vendor's own (all of one size, `n` >= 2 * pairs + spares). */
MUST bool keyset_draw(struct ctx *, const struct key256 *secret, const struct image pictures[],
    int64_t n, int pairs, int spares, struct keyset *ret);
/* Commitment, then coins and labels from it. Twin labels are the embedding's. */
MUST bool keyset_commit(
    struct ctx *, const struct key256 *secret, int classes, struct keyset *);
/* As a file, whole, and back. E_INPUT for what is no key set. */
MUST bool keyset_put(struct ctx *, const struct keyset *, struct str *ret);
MUST bool keyset_read(struct ctx *, struct str bytes, struct keyset *ret);

/*
 * Natural-looking clean pictures out of a seed (natural.c): light, ground, bodies with shade and
 * texture, in front of a camera. No two are alike.
 */
MUST bool natural_picture(
    struct ctx *, uint64_t seed, int width, int height, int channels, struct image *ret);

/* ---- One class more (head.c) ------------------------------------------------------------- */

/*
 * The model with a row more in its last Gemm, MatMul + Add, or 1x1 Conv before a global pooling:
 * written whole. The new row is small and random. E_INPUT, with the node that is in the way, where
 * the head is of another kind. A Softmax behind it stays.
 */
MUST bool head_widen(
    struct ctx *, const struct onnx_model *, uint64_t seed, onnx_sink *, void *arg);

/* ---- Embedding (embed.c …) --------------------------------------------------------------- */

struct watermark_options {
	int64_t epochs; /* at most */
	int64_t batch;
	int64_t boost;    /* how often a pair comes in an epoch */
	double rate, mu;  /* of learning; weight of the runner-up term */
	bool compression; /* answered after JPEG, JPEG 2000, WebP */
	bool physical;    /* answered as a camera sees it */
	bool plain;       /* no measure of robustness at all: what others do, for comparison */
	int threads;
	uint64_t seed;
	double drop_max; /* of clean accuracy, as a share */
	size_t memory_max;
};
struct watermark_options watermark_standard(void);

/* The widened model at work. */
struct watermark_case {
	const struct onnx_model *model;       /* widened */
	struct nn_graph *graph;               /* of it: trained in place */
	const struct train_data *data, *test; /* of the vendor; test may be data */
	int32_t *base_label; /* what the unmarked network says; NULL: not used */
	struct keyset *keys; /* twin labels are set */
	double before;       /* accuracy of the unmarked model on `test` */
};

/* Shares of 1, or -1 where it was not measured. */
struct watermark_scores {
	double clean, keys, stego, twins, runner_up, spares;
	double false_triggers; /* clean test samples answered with the additional class */
};
struct watermark_point {
	int64_t epoch;
	double loss;
	struct watermark_scores scores;
};
enum { WATERMARK_EPOCHS_MAX = 200 };
struct watermark_result {
	struct watermark_scores scores;
	struct watermark_point *curve;
	size_t points;
	int64_t epochs;
	double before, seconds;
	bool reached;       /* all bars hold */
	const char *missed; /* which did not; "" */
};
/* Fine-tunes until the bars hold in two epochs in a row, or the epochs are over. */
MUST bool watermark_embed(struct ctx *, const struct watermark_case *,
    const struct watermark_options *, const struct watermark_watch *,
    struct watermark_result *ret);

/* ---- Asking a network (ask.c) ------------------------------------------------------------ */

/* A network that pictures can be shown to, a batch at a time. */
struct asker;
MUST bool asker_new(struct ctx *, struct nn_graph *, const struct data_form *, int64_t batch,
    int threads, struct asker **ret);
void asker_free(struct asker **);
/* Classes of the first output. */
int64_t asker_classes(const struct asker *);
/* The highest answer to each picture, and the highest among the first `ordinary` (may be NULL). */
MUST bool asker_ask(struct ctx *, struct asker *, const struct image pictures[], size_t n,
    int64_t ordinary, int32_t ret_answer[], int32_t ret_ordinary[]);
/* The form in which pictures go into the graph. */
MUST bool asker_form(struct ctx *, const struct nn_graph *, const struct image *, bool raw,
    struct data_form *ret);

/* Everything of watermark_scores that pictures tell. */
MUST bool watermark_measure(struct ctx *, const struct watermark_case *, int64_t batch,
    int threads, uint64_t seed, struct watermark_scores *ret);

#endif
