/*
 * The locked file known again: as it is, changed a little, and not where there is nothing to know.
 * All on a small network that is trained and locked here.
 */
#include <math.h>

#include "chance.h"
#include "lock_support.h"
#include "verify.h"

struct locked {
	struct shop *shop; /* its graph holds the plain weights */
	struct advparams_options options;
	struct advparams_result lock;
	struct verify_release release;
	struct net suspect; /* the locked network, on its own */
};

static struct net
copy_of(struct ctx *c, struct shop *s)
{
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, train_write(c, &s->net.model, s->net.graph, buf_sink, &b));
	return net_open(c, buf_str(&b));
}

/* Few positions cost the fewest fresh draws; 0: as many as the lock finds to be needed. */
enum { FEW = 24 };
static struct locked *
locked_new(struct ctx *c, int64_t count)
{
	struct locked *l = take(c, sizeof *l);

	ck_assert_ptr_nonnull(l);
	l->shop = shop_new(c);
	l->options = advparams_standard(ADVPARAMS_POOLED);
	l->options.target = 0.75;
	l->options.alpha = 0.5;
	l->options.count = count;
	ck_ok(c,
	    advparams_lock(c, &l->shop->model, &l->shop->split, &l->shop->key, &l->options,
		NULL, &l->lock));
	l->suspect = copy_of(c, l->shop);
	protect_restore(l->shop->net.graph, l->shop->plain);
	l->release = (struct verify_release){ .model = &l->shop->net.model,
		.graph = l->shop->net.graph,
		.secret = l->shop->key,
		.entry = l->lock.entry,
		.entries = l->lock.entries };
	return l;
}

static void
locked_done(struct locked *l)
{
	net_done(&l->suspect);
	shop_done(l->shop);
}

/* The test of the suspect with its present weights; what it took is given back. */
static const struct evidence_test *
ask(struct ctx *c, struct locked *l, uint64_t seed, struct evidence *e)
{
	owned(arena_free) struct arena *scratch = arena_new(8 << 20);
	struct ctx one = *c;
	struct onnx_model now;
	struct buf b;

	ck_assert_ptr_nonnull(scratch);
	one.mem = scratch;
	ck_ok(&one, take_buf(&one, 1 << 16, &b));
	ck_ok(&one, train_write(&one, &l->suspect.model, l->suspect.graph, buf_sink, &b));
	ck_ok(&one, onnx_read(&one, buf_str(&b), &now));
	memset(e, 0, sizeof *e);
	ck_ok(&one,
	    verify_lock(&one, &l->release, &l->shop->model, &l->shop->split, &l->options, &now,
		seed, e));
	ck_assert_int_eq(one.err.code, E_NONE);
	ck_assert(e->test[TEST_LOCK_KEY].planned);
	ck_assert_uint_eq(weights_changed(l->shop), 0);
	return &e->test[TEST_LOCK_KEY];
}

/* As the law has it. */
static double
value_of(const struct evidence_test *t)
{
	ck_assert_msg(t->ran, "%s", t->why);
	ck_assert(t->hits >= 0 && t->hits <= t->trials);
	return (double)(t->hits + 1) / (double)(t->trials + 1);
}

static void
check_control(const struct evidence *e)
{
	ck_assert_uint_eq(e->controls, 1);
	ck_assert_int_eq(e->control[0].trials, 1000);
	ck_assert_int_le(e->control[0].low, 70);
}

/* ---- The locked file --------------------------------------------------------------------- */

static void
as_it_is(struct net *n)
{
	(void)n;
}

/* A tenth of each tensor's deviation. */
static void
with_noise(struct net *n)
{
	struct chance r = chance_of(3, 0, 0, 0);
	size_t k;
	struct nn_weight *w = nn_weights(n->graph, &k);

	for (size_t i = 0; i < k; i++) {
		double sum = 0, squares = 0, m = (double)w[i].count;

		for (int64_t at = 0; at < w[i].count; at++) {
			sum += (double)w[i].data[at];
			squares += (double)w[i].data[at] * (double)w[i].data[at];
		}
		squares = sqrt(fmax(squares / m - sum / m * (sum / m), 0));
		for (int64_t at = 0; at < w[i].count; at++)
			w[i].data[at] += (float)(.1 * squares * chance_normal(&r));
	}
}

static void
in_eight_bits(struct net *n)
{
	size_t k;
	struct nn_weight *w = nn_weights(n->graph, &k);

	for (size_t i = 0; i < k; i++) {
		float most = 0;

		for (int64_t at = 0; at < w[i].count; at++)
			most = fmaxf(most, fabsf(w[i].data[at]));
		for (int64_t at = 0; at < w[i].count; at++)
			w[i].data[at] = most * roundf(w[i].data[at] / most * 127) / 127;
	}
}

/* A third of the weights, whichever. */
static void
pruned(struct net *n)
{
	struct chance r = chance_of(4, 0, 0, 0);
	size_t k;
	struct nn_weight *w = nn_weights(n->graph, &k);

	for (size_t i = 0; i < k; i++)
		for (int64_t at = 0; at < w[i].count; at++)
			if (chance_below(&r, 3) == 0)
				w[i].data[at] = 0;
}

static const struct {
	void (*change)(struct net *);
	double p;
} copies[] = {
	{ as_it_is, 1e-6 },
	{ with_noise, 1e-6 },
	{ in_eight_bits, 1e-6 },
	{ pruned, 1e-4 },
};

START_TEST(the_locked_file_is_known)
{
	struct ctx *c = test_ctx();
	struct locked *l = locked_new(c, FEW);
	struct evidence e;
	const struct evidence_test *t;

	copies[_i].change(&l->suspect);
	t = ask(c, l, 5, &e);
	ck_assert_double_le(value_of(t), copies[_i].p);
	ck_assert_double_gt(t->score, 4);
	check_control(&e);
	ck_assert_uint_eq(e.facts, 1);
	locked_done(l);
}
END_TEST

/* A number of weights that was found is found again, and may as well be given. */
START_TEST(the_number_is_found)
{
	struct ctx *c = test_ctx();
	struct locked *l = locked_new(c, 0);
	struct advparams_told told;

	for (int i = 0; i < 2; i++) {
		ck_ok(c,
		    advparams_tell(c, &l->shop->model, &l->shop->split, &l->shop->key,
			&l->options, l->lock.entry, l->lock.entries, NULL, &told));
		ck_assert_int_eq(told.pool, l->lock.pool);
		ck_assert_int_ge(told.drawn, l->lock.entries);
		ck_assert_int_eq(told.draws, l->lock.draws);
		l->options.count = told.drawn;
	}
	locked_done(l);
}
END_TEST

/* ---- Innocence --------------------------------------------------------------------------- */

/* Networks that were trained apart, the plain one and one beside it. */
START_TEST(others_are_innocent)
{
	struct ctx *c = test_ctx();
	struct locked *l = locked_new(c, FEW);
	struct evidence e;

	for (uint64_t seed = 50; seed < 58; seed++) {
		net_done(&l->suspect);
		l->suspect = net_fresh(c, CLASSES, seed);
		ck_assert_double_gt(value_of(ask(c, l, 5, &e)), 1e-3);
	}
	net_done(&l->suspect);
	l->suspect = copy_of(c, l->shop);
	ck_assert_double_eq(value_of(ask(c, l, 5, &e)), 1);
	ck_assert_double_eq(e.test[TEST_LOCK_KEY].score, 0);
	with_noise(&l->suspect);
	ck_assert_double_gt(value_of(ask(c, l, 5, &e)), 1e-3);
	locked_done(l);
}
END_TEST

/*
 * Values are as rare as they say, neither more nor less: the tenfold of an innocent's rank is below
 * one for a tenth of them, 10 of 100, within three deviations.
 */
START_TEST(values_are_as_rare_as_they_say)
{
	struct ctx *c = test_ctx();
	struct locked *l = locked_new(c, FEW);
	enum { INNOCENTS = 100 };
	int low = 0;

	for (uint64_t k = 0; k < INNOCENTS; k++) {
		struct chance r = chance_of(k, 9, 0, 0);
		size_t n;
		struct nn_weight *w = nn_weights(l->suspect.graph, &n);
		struct evidence e;

		for (size_t i = 0; i < n; i++)
			for (int64_t at = 0; at < w[i].count; at++)
				w[i].data[at] = (float)(.2 * chance_normal(&r));
		low += value_of(ask(c, l, k, &e)) < 1;
		check_control(&e);
	}
	ck_assert_msg(low >= 1 && low <= 19, "%d", low);
	locked_done(l);
}
END_TEST

/* ---- What cannot be told ----------------------------------------------------------------- */

static void
no_entries(struct ctx *c, struct locked *l)
{
	(void)c;
	l->release.entries = 0;
}

static void
other_secret(struct ctx *c, struct locked *l)
{
	(void)c;
	l->release.secret.b[0] ^= 1;
}

static void
other_options(struct ctx *c, struct locked *l)
{
	(void)c;
	l->options.phi = 5;
}

static void
greedy(struct ctx *c, struct locked *l)
{
	(void)c;
	l->options = advparams_standard(ADVPARAMS_GREEDY);
}

static void
other_entries(struct ctx *c, struct locked *l)
{
	(void)c;
	l->lock.entry[0].index ^= 1;
}

static void
other_shape(struct ctx *c, struct locked *l)
{
	net_done(&l->suspect);
	l->suspect = net_fresh(c, CLASSES + 1, 3);
}

static void
no_numbers(struct ctx *c, struct locked *l)
{
	size_t n;
	struct nn_weight *w = nn_weights(l->suspect.graph, &n);

	(void)c;
	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; k < w[i].count; k++)
			w[i].data[k] = NAN;
}

static const struct {
	void (*spoil)(struct ctx *, struct locked *);
	const char *says;
} reasons[] = {
	{ no_entries, "not drawn by a key" },
	{ other_secret, "cannot be drawn again" },
	{ other_options, "cannot be drawn again" },
	{ greedy, "not drawn by a key" },
	{ other_entries, "cannot be drawn again" },
	{ other_shape, "has no tensor 'gemm.w'" },
	{ no_numbers, "no finite numbers" },
};

START_TEST(what_cannot_be_told_is_said)
{
	struct ctx *c = test_ctx();
	struct locked *l = locked_new(c, FEW);
	const struct evidence_test *t;
	struct evidence e;

	reasons[_i].spoil(c, l);
	t = ask(c, l, 5, &e);
	ck_assert(!t->ran);
	ck_assert_msg(strstr(t->why, reasons[_i].says) != NULL, "%s", t->why);
	ck_assert_uint_eq(e.controls, 0);
	locked_done(l);
}
END_TEST

MAIN("verify_lock", EACH(the_locked_file_is_known, copies), ONE(the_number_is_found),
    ONE(others_are_innocent), ONE(values_are_as_rare_as_they_say),
    EACH(what_cannot_be_told_is_said, reasons))
