/*
 * keyimages: what the measurements of key images share. A suspect is a marked network together with
 * what it is asked: pictures as it takes them, each with the answer that would show the mark.
 */
#ifndef KEYIMAGES_H
#define KEYIMAGES_H

#include "protect.h"
#include "tool.h"
#include "watermark.h"

/* ---- The suspect (keyimages_suspect.c) --------------------------------------------------- */

enum { QUERIES_MAX = 8 };

/* Pictures of one kind. */
struct query {
	const char *name;
	int64_t n;
	int64_t among; /* the answer is the highest of so many classes; 0: of all */
	float *x;
	int32_t *want;
};

struct suspect {
	const struct onnx_model *model;
	struct nn_graph *graph;
	const struct train_data *train, *test; /* with true labels */
	struct query query[QUERIES_MAX];
	size_t queries;
};

/* A query of n pictures, to be filled in. */
struct query *query_add(struct suspect *, const char *name, int64_t n, int64_t among);
/* Its picture number `at`. */
void query_set(
    const struct suspect *, struct query *, int64_t at, const struct image *, int32_t want);
/* What the owner of a key set asks: keys, stego copies, twins, runner-up labels, spares. */
void query_keyset(struct suspect *, const struct keyset *, const struct key256 *secret);

struct encoder;
struct scores {
	double clean; /* accuracy on the test set */
	double share[QUERIES_MAX];
};
/* With pictures as they are, or first through an autoencoder (NULL: none). */
void score(const struct suspect *, struct encoder *through, struct scores *ret);
/*
 * One line of JSON: what was done, at which strength (of an autoencoder: the loss that it was left
 * with), and what is left.
 */
void print_scores(const struct suspect *, const char *scheme, const char *attack,
    double strength, const struct scores *, double seconds);

/* A network that is run on any number of pictures. */
struct runner {
	struct nn_plan *plan;
	int64_t batch, inputs, outputs;
	float *room;
};
void runner_start(struct nn_graph *, const struct data_form *, struct runner *ret);
/* n rows of inputs to n rows of outputs. */
void runner_run(struct runner *, const float *x, int64_t n, float *ret);
void runner_end(struct runner *);
/*
 * The highest answer to each of n pictures, among so many classes (0: all), after an autoencoder
 * (NULL: none).
 */
void answers(struct runner *, struct encoder *through, const float *x, int64_t n, int64_t among,
    int32_t *ret);

/* A share of a data set, drawn by a seed, copied. */
struct train_data part_of(const struct train_data *, double share, uint64_t seed);
void part_done(struct train_data *);
/* A key out of a seed, for what is drawn here. */
struct key256 key_of(uint64_t seed);

/* ---- Autoencoders (keyimages_encoder.c) -------------------------------------------------- */

/*
 * A dense autoencoder of pictures of `count` numbers from 0 to 1: three hidden layers, trained to
 * give back what it is shown.
 */
struct encoder *encoder_new(int64_t count, const int64_t hidden[3], uint64_t seed);
/* Mean squares, Adam .001. The loss of the last epoch. */
double encoder_train(
    struct encoder *, const struct train_data *, int64_t epochs, uint64_t seed);
/* The same once and for all, if there is a folder to keep it in (NULL: there is none). */
extern const char *encoders;
double encoder_trained(
    struct encoder *, const struct train_data *, int64_t epochs, uint64_t seed);
/* n pictures through it; may be in place. */
void encoder_pass(struct encoder *, const float *x, int64_t n, float *ret);
void encoder_free(struct encoder **);

/* ---- Attacks (keyimages_attacks.c) ------------------------------------------------------- */

/* Ten epochs on a fifth of the training data, true labels. Changes the weights. */
void attack_finetune(struct suspect *, int64_t epochs, double share, uint64_t seed);
/* The smallest weights of every array become zero. */
void attack_magnitude(struct suspect *, double share);
/*
 * All of them, each from the weights as they are, a line printed for each: fine-tuning, pruning at
 * 10 to 90 %, two autoencoders. Weights are as before afterwards. `which`: "all" or one's name.
 */
void attack_all(struct suspect *, const char *scheme, const char *which, bool quick);

/* ---- What others do (keyimages_baselines.c) ---------------------------------------------- */

/*
 * Trains the marks of another scheme ("logo", "noise", "frontier") into the model, on a share of
 * the training data for so many epochs, and attacks it. Changes the weights.
 */
void baseline(struct suspect *, const char *scheme, int64_t epochs, double share, bool quick);

/* ---- Triggers by channel (keyimages_channels.c) ------------------------------------------ */

/*
 * Trains both kinds of triggers into the model, or `only` one of them (NULL: both), each by itself,
 * a line printed for each.
 */
void channels(
    struct suspect *, int64_t epochs, double share, double strength, const char *only);

/* ---- Our mark (keyimages_embed.c) -------------------------------------------------------- */

/* The pictures of all files, one after the other. */
struct image *photographs(char **path, int paths, int64_t *ret_n);
/*
 * Embeds it and writes OUT, OUT.keys and OUT.keys.secret. `words` may name "compression",
 * "physical", "plain", "light" (no autoencoders); `epochs` 0: as usual; `photos`: two files of photographs.
 */
void embed(struct suspect *, const char *words, int64_t epochs, double share, char **photos,
    const char *out);

/* ---- Customers (keyimages_customers.c) --------------------------------------------------- */

/* n customers' pictures shown, and ten thousand that must not be accepted; a line for each kind. */
void customers(
    const struct suspect *, const struct keyset *, const struct key256 *secret, int64_t n);

/* ---- Outside (keyimages_outside.c) ------------------------------------------------------- */

/* Keys and twins after each codec at each level; after each change that a camera makes. */
void through_codecs(const struct suspect *, const struct keyset *);
void through_camera(const struct suspect *, const struct keyset *);

#endif
