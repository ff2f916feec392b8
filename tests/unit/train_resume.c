/*
 * A training stopped anywhere goes on bit for bit, and what was learnt gets into a file and back.
 */
#include "train_support.h"

/* ---- The same seed, the same bits -------------------------------------------------------- */

static struct str
weights_after(struct ctx *c, const struct train_options *o, int64_t steps)
{
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, o);

	train_until(c, t, steps);
	return net_weights(c, &net);
}

static const int thread_counts[] = { 1, 2, 3 };

START_TEST(same_seed_same_bits)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	struct str once, again;

	o.threads = thread_counts[_i];
	o.crop = 1;
	o.flip = true;
	once = weights_after(c, &o, 18);
	again = weights_after(c, &o, 18);
	ck_assert(str_same(once, again));
	o.seed++;
	ck_assert(!str_same(once, weights_after(c, &o, 18)));
}
END_TEST

/* ---- Stopped and taken up again ---------------------------------------------------------- */

static const struct {
	enum train_optimiser optimiser;
	double momentum;
	int64_t stop;
} resume_cases[] = {
	{ TRAIN_SGD, 0.9, 0 },
	{ TRAIN_SGD, 0.9, 1 },
	{ TRAIN_SGD, 0.9, 6 },
	{ TRAIN_SGD, 0.9, 10 },
	{ TRAIN_SGD, 0.9, 18 },
	{ TRAIN_SGD, 0, 7 },
	{ TRAIN_ADAM, 0.9, 7 },
	{ TRAIN_ADAMW, 0.9, 12 },
};

static struct train_options
options_resume(int i)
{
	struct train_options o = options_full();

	o.optimiser.kind = resume_cases[i].optimiser;
	o.optimiser.momentum = resume_cases[i].momentum;
	o.optimiser.nesterov = false;
	o.optimiser.beta2 = 0.99;
	o.optimiser.epsilon = 1e-8;
	o.crop = 1;
	o.flip = true;
	return o;
}

START_TEST(taken_up_bit_for_bit)
{
	struct ctx *c = test_ctx();
	const struct train_options o = options_resume(_i);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(net_done) struct net one = net_fresh(c, 4, 1), other = net_fresh(c, 4, 2);
	owned(trainer_free) struct trainer *t = trainer_ok(c, &one, &toys, &o);
	owned(trainer_free) struct trainer *u = NULL;
	struct buf saved;

	ck_ok(c, take_buf(c, 1 << 16, &saved));
	train_until(c, t, resume_cases[_i].stop);
	ck_ok(c, trainer_save(c, t, gather, &saved));
	train_until(c, t, 18);
	u = trainer_ok(c, &other, &toys, &o);
	ck_ok(c, trainer_load(c, u, buf_str(&saved)));
	ck_assert_int_eq(trainer_progress(u).step, resume_cases[_i].stop);
	train_until(c, u, 18);
	ck_assert(str_same(net_weights(c, &one), net_weights(c, &other)));
	ck_assert(trainer_progress(t).loss == trainer_progress(u).loss);
	ck_assert(trainer_progress(t).epoch_loss == trainer_progress(u).epoch_loss);
}
END_TEST

START_TEST(checkpoints_that_are_none)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_resume(0);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, &o);
	owned(trainer_free) struct trainer *other = NULL;
	struct buf saved;

	ck_ok(c, take_buf(c, 1 << 16, &saved));
	train_until(c, t, 3);
	ck_ok(c, trainer_save(c, t, gather, &saved));
	for (size_t n = 0; n < saved.n; n++)
		ck_fails(c, E_INTEGRITY, trainer_load(c, t, (struct str){ saved.p, n }));
	buf_char(&saved, '\0');
	ck_fails(c, E_INTEGRITY, trainer_load(c, t, buf_str(&saved)));
	saved.n--;
	ck_ok(c, trainer_load(c, t, buf_str(&saved)));
	o.clip = 4;
	other = trainer_ok(c, &net, &toys, &o);
	ck_fails(c, E_INTEGRITY, trainer_load(c, other, buf_str(&saved)));
}
END_TEST

/* A place beyond the end of the training. */
START_TEST(checkpoints_of_too_many_steps)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_resume(0);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, &o);
	struct buf saved[2];
	size_t at = 0;

	for (int k = 0; k < 2; k++) {
		ck_ok(c, take_buf(c, 1 << 16, &saved[k]));
		ck_ok(c, trainer_save(c, t, gather, &saved[k]));
		ck_ok(c, trainer_step(c, t));
	}
	/* The first byte that differs is the step. */
	while (saved[0].p[at] == saved[1].p[at])
		at++;
	ck_assert_int_eq(saved[1].p[at], 1);
	saved[1].p[at] = 18;
	ck_ok(c, trainer_load(c, t, buf_str(&saved[1])));
	ck_assert(!trainer_more(t));
	saved[1].p[at] = 19;
	ck_fails(c, E_INTEGRITY, trainer_load(c, t, buf_str(&saved[1])));
	saved[1].p[at] = 1;
	saved[1].p[at + 7] = (char)0x80;
	ck_fails(c, E_INTEGRITY, trainer_load(c, t, buf_str(&saved[1])));
}
END_TEST

/* Lengths, the step and the numbers may be anything: nothing is read or written beyond. */
START_TEST(checkpoints_that_were_changed)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_resume(0);
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(net_done) struct net net = net_fresh(c, 4, 1);
	owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, &o);
	struct buf saved;
	char *own;

	ck_ok(c, take_buf(c, 1 << 16, &saved));
	ck_ok(c, trainer_save(c, t, gather, &saved));
	own = malloc(saved.n);
	ck_assert_ptr_nonnull(own);
	for (int i = 0; i < 3000; i++) {
		uint32_t dice[2];

		memcpy(own, saved.p, saved.n);
		c->random(dice, sizeof dice);
		own[dice[0] % saved.n] ^= (char)(1 << dice[1] % 8);
		if (trainer_load(c, t, (struct str){ own, saved.n }))
			ck_assert_int_le(trainer_progress(t).step, trainer_progress(t).steps);
		else
			ck_err(c, E_INTEGRITY);
	}
	free(own);
}
END_TEST

/* ---- Into a file ------------------------------------------------------------------------- */

START_TEST(trained_weights_are_written)
{
	struct ctx *c = test_ctx();
	struct train_options o = options_full();
	struct str bytes = net_bytes(c, 4);
	owned(net_done) struct net net = net_open(c, bytes), back = { 0 };
	owned(toys_done) struct toys toys = toys_new(96, 4);
	owned(trainer_free) struct trainer *t = NULL;
	struct buf out;

	ck_ok(c, take_buf(c, 1 << 16, &out));
	ck_ok(c, train_write(c, &net.model, net.graph, gather, &out));
	ck_assert(str_same(buf_str(&out), bytes));
	ck_ok(c, train_initialise(c, &net.model, net.graph, TRAIN_HE, 1));
	t = trainer_ok(c, &net, &toys, &o);
	train_until(c, t, 18);
	out.n = 0;
	ck_ok(c, train_write(c, &net.model, net.graph, gather, &out));
	back = net_open(c, buf_str(&out));
	ck_assert(str_same(net_weights(c, &net), net_weights(c, &back)));
	ck_assert_int_eq(right_answers(c, &net, &toys, &(const struct loss){ 0 }),
	    right_answers(c, &back, &toys, &(const struct loss){ 0 }));
}
END_TEST

MAIN("train_resume", EACH(same_seed_same_bits, thread_counts),
    EACH(taken_up_bit_for_bit, resume_cases), ONE(checkpoints_that_are_none),
    ONE(checkpoints_of_too_many_steps), ONE(checkpoints_that_were_changed),
    ONE(trained_weights_are_written))
