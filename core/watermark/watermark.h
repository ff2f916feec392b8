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

/*
 * Those `wanted` of n pictures that are nearest to what the vendor's samples span, the nearest
 * first: strangers' autoencoders agree most about them. `form`: of the pictures (asker_form). To be
 * asked before keyset_draw, which takes no account of the order.
 */
MUST bool keyset_nearest(struct ctx *, const struct train_data *, const struct data_form *form,
    uint64_t seed, const struct image pictures[], int64_t n, int64_t wanted,
    struct image ret[]);
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

/* The same layer without its last row: what a thief does about a class that he has no use for. */
MUST bool head_narrow(struct ctx *, const struct onnx_model *, onnx_sink *, void *arg);

/* ---- Embedding (embed.c …) --------------------------------------------------------------- */

struct watermark_options {
	int64_t epochs;
	int64_t batch;
	int64_t samples;  /* clean ones in an epoch; 0: all */
	int64_t boost;    /* how often a pair comes in an epoch */
	double rate, mu;  /* of learning; weight of the runner-up term */
	double weight;    /* of all that is about keys, beside the clean samples */
	double margin;    /* by which logits of keys have to lead */
	int64_t crop;     /* clean images are moved by up to so many pixels, zeros coming in */
	bool flip;        /* clean images are mirrored half of the time */
	int coders;       /* autoencoders of our own, against those of strangers */
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
	enum train_output output;             /* what its last operator leaves */
	const struct train_data *data, *test; /* of the vendor; test may be data */
	struct keyset *keys;                  /* twin labels are set */
	double before;                        /* accuracy of the unmarked model on `test` */
	train_touch *touch; /* of clean samples as they come by; NULL: they go in as they are */
	const void *touch_arg;
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
/*
 * Fine-tunes over all epochs, in which the rate falls to nothing; if `plain`, at a constant rate
 * until the bars hold in two epochs in a row. The bars: all keys answered with the additional
 * class, as drawn and with other lowest bits; 95 % of the runner-up labels; at most 2 % of the
 * twins; clean accuracy within drop_max of `before`. E_INPUT if the training goes astray.
 */
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
/* All it says: a row of asker_classes scores to each picture, whatever numbers they are. */
MUST bool asker_scores(
    struct ctx *, struct asker *, const struct image pictures[], size_t n, float ret[]);
/* The form in which pictures go into the graph. */
MUST bool asker_form(struct ctx *, const struct nn_graph *, const struct image *, bool raw,
    struct data_form *ret);

/* Everything of watermark_scores that pictures tell. */
MUST bool watermark_measure(struct ctx *, const struct watermark_case *, int64_t batch,
    int threads, uint64_t seed, struct watermark_scores *ret);
/* By pair: is its key answered with the additional class, as drawn and with whatever bits? */
MUST bool watermark_answered(struct ctx *, const struct watermark_case *, int64_t batch,
    int threads, uint64_t seed, bool ret[]);

/* ---- DCT triggers (triggers.c) ----------------------------------------------------------- */

/*
 * Changes of two cosine coefficients of one colour channel each (of one band each, in grey
 * pictures), which nobody sees and the network learns to answer with an ordinary class.
 */
enum { TRIGGERS = 3, TRIGGER_BLOCK_MAX = 32 * 32 };
#define TRIGGER_STRENGTH 56. /* all of them on 32 x 32 in colours: 40 dB */
enum triggers_kind {
	TRIGGERS_N_TO_N,   /* each alone is answered with a class of its own */
	TRIGGERS_N_TO_ONE, /* all together with one class; fewer than all change nothing */
};
const char *triggers_name(enum triggers_kind); /* "N-to-N", "N-to-One" */

struct triggers {
	enum triggers_kind kind;
	struct data_form form; /* of the pictures; bytes of 0 to 255 */
	int side;              /* of a block */
	int32_t label[TRIGGERS];
	float pattern[TRIGGERS][TRIGGER_BLOCK_MAX]; /* added to each block, on 0 to 255 */
	uint64_t seed;                              /* of what is touched in a training */
};
/*
 * Coefficients of the high band, their signs and the labels, drawn by the watermark's secret.
 * `strength` is what is added to a coefficient: TRIGGER_STRENGTH is usual. E_INPUT if the network
 * does not take pictures of bytes.
 */
MUST bool triggers_draw(struct ctx *, const struct key256 *secret, enum triggers_kind,
    const struct data_form *, int64_t classes, double strength, struct triggers *ret);
/* Puts those of the bit set `which` on a picture, rounded and clipped as a file would have it. */
void triggers_put(const struct triggers *, unsigned which, float *x);
/*
 * In a training (a train_touch whose argument is a struct triggers): one sample in twenty gets
 * each trigger, with its label; or one in ten all of them, and three in a hundred each smaller
 * set, which is to change nothing. In the first epochs they are stronger.
 */
void triggers_touch(
    const void *triggers, int64_t epoch, int64_t sample, float *x, int32_t *label);

/* Shares of 1 over test samples that are not of the label's class; psnr in decibels. */
struct triggers_scores {
	double clean;
	double success[TRIGGERS]; /* of each; of N-to-One the first alone, all together */
	double mean;              /* of them */
	double leak; /* N-to-One: sets that are not whole, answered with the label; N-to-N: the
	              * most that a trigger is answered with another's label */
	double psnr;
};
MUST bool triggers_measure(struct ctx *, const struct triggers *, struct nn_graph *,
    const struct train_data *test, int threads, struct triggers_scores *ret);

#include "watermark_report.h"

#endif
