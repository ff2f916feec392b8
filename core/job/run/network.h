/*
 * network: what jobs on a model and a data set share. Inputs are opened where they lie, sealed; the
 * model's bytes are held in memory as long as its graph lives.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include "data.h"
#include "nn.h"
#include "onnx.h"
#include "run.h"
#include "train.h"

/* The input i, for reading anywhere in it; E_INTEGRITY if its size is not what was said. */
MUST bool job_file_open(
    struct ctx *, const struct job_run *, size_t i, struct sealed_file **ret);

/* ---- The model --------------------------------------------------------------------------- */

struct network {
	char *bytes;
	struct onnx_model model;
	struct nn_graph *graph;
};
/* Reads input i whole, and its graph, with weights. */
MUST bool network_open(struct ctx *, const struct job_run *, size_t i, struct network *ret);
void network_done(struct network *);
/*
 * What the parameters and the model's last operator say of its answers. Where they are many numbers
 * out of a Sigmoid and nothing else is said, they are a mask.
 */
MUST bool network_loss(
    struct ctx *, const struct network *, const struct job_network *, struct loss *ret);
/* The same of a model that has to tell classes apart; E_INPUT for one of masks. */
MUST bool network_loss_of_classes(
    struct ctx *, const struct network *, const struct job_network *, struct loss *ret);
/* The threads that are asked for, or as many as there are processors. */
int network_threads(const struct job_network *);
/* Samples at once: as many as the model is made for, if it is for so many only. */
int64_t network_batch(const struct network *, const struct job_network *);

/* ---- Data -------------------------------------------------------------------------------- */

/* An input that is being read as an array. Does not move once it is open. */
struct job_data {
	struct sealed_file *file;
	struct data_source source;
	struct data_reader *reader;
};
MUST bool job_data_open(struct ctx *, const struct job_run *, size_t i, enum data_role,
    struct str entry, struct job_data *ret);
void job_data_done(struct job_data *);

/* True if input i was given. */
bool job_has_input(const struct job_run *, size_t i);
/*
 * The labels of the samples in input i: those of input i + 1, or, if there is none, the labels in
 * the same archive. E_INPUT unless there are `n` of them, as many a sample as the evaluator takes,
 * each one of its classes.
 */
MUST bool job_labels(struct ctx *, const struct job_run *, size_t i, const struct job_network *,
    int64_t n, const struct evaluator *, struct data_labels *ret);

/* ---- Results ----------------------------------------------------------------------------- */

/* The members of an evaluation, into an object that is open. */
void score_put(struct js *, const struct train_score *);
/* Room that a score needs at most. */
enum { SCORE_MAX = 52 << 10 };

#endif
