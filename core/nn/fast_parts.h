/*
 * What the files of the fast executor have in common while a program is made, and the tasks it can
 * be made of.
 */
#ifndef NN_FAST_PARTS_H
#define NN_FAST_PARTS_H

#include "fast.h"

/* ---- fast_nodes.c, fast_fuse.c ----------------------------------------------------------- */

MUST bool fast_nodes(struct ctx *, struct fast *);
/* True if the step can run with some images at a time. */
bool fast_apart(struct fast *, const struct nn_step *);
/* False in *ret if the library has only a slow way for the convolution. */
MUST bool fast_conv_possible(struct ctx *, struct fast *, const struct fast_node *, bool *ret);
void fast_fuse(struct fast *);
struct fast_value *value_of(
    struct fast *, int32_t); /* the one it is a name of; NULL for none */
bool fast_batched(struct fast *, int32_t value);
int64_t fast_channels(const struct nn_tensor *);
int64_t fast_pixels(const struct nn_tensor *);

/* ---- fast_emit.c: blocks, tasks, values -------------------------------------------------- */

extern const struct place nowhere;
int larger_of(int, int);

enum order { ORDER_ANY, ORDER_FIRST, ORDER_LAST }; /* of the channels */

/* Zeroed memory for as long as the executor lives; without memory NULL, and f->failed. */
void *fast_take(struct fast *, size_t);
/* Floats of such memory, aligned to 64 bytes. */
float *fast_floats(struct fast *, size_t count);
/* A new block, by image (`step` being its channels) or for all. */
struct place fast_block(struct fast *, int64_t bytes, int64_t step, bool whole);
/* Room for values of the shape of `t`. */
struct place fast_room(struct fast *, const struct nn_tensor *t, bool batched);
/* The last phase that touched the block. */
int fast_touched(const struct fast *, struct place);
void fast_task(struct fast *, int phase, const struct task *);
void fast_end(struct fast *, int phase, const struct task *); /* when the phase is done */
void fast_early(struct fast *, const struct task *);          /* before the first phase */
/* Which worker takes which image of the phase matters from now on. */
void fast_fix(struct fast *, int phase);
void fast_scratch(struct fast *, size_t bytes); /* a task needs so much */
/* The task that was added last touches this, too; with `whole` all of the batch. */
void fast_touch(struct fast *, struct place, int phase, bool whole);

/* From which phase on the value can be read. */
int fast_ready(struct fast *, int32_t value);
/* Where tasks of the phase, from now on, can read it. */
struct place fast_read(struct fast *, int32_t value, int phase, enum order);
/* The same numbers without gaps. */
struct place fast_dense(struct fast *, const struct nn_tensor *, struct place, int phase);
/* Channels first from last or the other way round; none if the shape is the same both ways. */
struct place fast_turned(
    struct fast *, const struct nn_tensor *, struct place, bool last, int phase);
bool fast_has_order(const struct nn_tensor *); /* first and last are different */
/* The value was written at that place in this phase. */
void fast_store(struct fast *, int32_t value, int phase, struct place, bool last);

/* ---- fast_forward.c, fast_cheap.c, fast_backward.c --------------------------------------- */

void fast_emit_forward(struct fast *);
void fast_emit_backward(struct fast *);
/* A node that runs its row's own kernels, and its way back. */
void fast_plain(struct fast *, struct fast_node *);
void fast_plain_back(struct fast *, struct fast_node *);
/* Makes a cheap node's result in the phase. */
void fast_cheap(struct fast *, struct fast_node *, int phase, struct place to);
int fast_cheap_ready(struct fast *, const struct fast_node *);
/* Gives numbers to the gradient of a value; if they are `lent` they stay as they are. */
void fast_give(struct fast *, int32_t value, int phase, struct place, bool last, bool lent);
/* True if somebody wants the value's gradient. */
bool fast_wanted(const struct fast *, int32_t value);
/* Where the gradient of one value for all images is summed up; begun when something comes. */
float *fast_total(const struct fast *, int32_t value);
void fast_total_begin(struct fast *, int32_t value, int phase);
/* Arrays by channel; NULL without memory. */
struct coefficients *fast_coefficients(struct fast *, int64_t channels);
/* The moments that a value's batch norms want, as soon as it is written. */
void fast_sum_up(struct fast *, int32_t value);
/* What a batch norm has to know before its result can be made. */
void fast_norm(struct fast *, struct fast_node *);

/* ---- fast_memory.c ----------------------------------------------------------------------- */

MUST bool fast_memory(struct ctx *, struct fast *);

/* ---- fast_threads.c ---------------------------------------------------------------------- */

/* `count` threads, the caller's being one of them. */
MUST bool threads_new(struct ctx *, int count, struct threads **ret);
void threads_free(struct threads **);
/* Calls run(arg, 0) to run(arg, pieces - 1), all at the same time; NULL does them in turn. */
void threads_share(struct threads *, int pieces, void (*run)(void *arg, int piece), void *arg);

/* ---- The tasks --------------------------------------------------------------------------- */

/* The place's numbers for the worker's first image. */
void *fast_at(const struct worker *, struct place);
/* Numbers of a value that is the same for all images. */
const float *fast_fixed(const struct fast *, int32_t value);
/* Coefficients of one channel of a batch norm; and all of them have been set. */
void fast_norm_channel(
    const struct fast *, const struct fast_node *, int64_t c, double mean, double variance);
void fast_norm_done(const struct fast_node *);

/* Bytes that the tensors of a plain node's call take. */
size_t fast_call_size(const struct fast_node *);

task_fn task_conv, task_conv_to_image, task_conv_to_weights, task_conv_end;
task_fn task_gemm, task_gemm_to_image, task_gemm_to_weights, task_gemm_end;
task_fn task_affine, task_affine_add, task_add, task_act, task_mask, task_copy, task_clear,
    task_turn;
task_fn task_moments, task_moments_end, task_norm_end, task_norm_sums, task_norm_sums_end,
    task_norm_back;
task_fn task_pool, task_pool_back, task_global, task_global_back;
task_fn task_plain, task_plain_back, task_plain_end, task_whole, task_whole_back;

#endif
