/*
 * The parameter lock on a small trained network: what it takes away in every mode, that the entries
 * give it back bit for bit, that keys decide the positions, and what it refuses.
 */
#include <math.h>
#include <stdio.h>

#include "advparams.h"
#include "train_support.h"

enum { SAMPLES = 800, CLASSES = 4, OF_LOCK = 100, OF_VALIDATION = 200 };

/* A trained network and its data. */
struct shop {
	struct net net;
	struct toys toys;
	struct train_data data;
	struct protect_split split;
	struct protect_model model;
	struct protect_weights *plain;
	struct key256 key;
};

static struct shop *
shop_new(struct ctx *c)
{
	struct shop *s = take(c, sizeof *s);
	struct train_options o = options_full();
	struct trainer *t;

	o.epochs = 6;
	s->net = net_fresh(c, CLASSES, 5);
	s->toys = toys_new(SAMPLES, CLASSES);
	s->data = toys_for(c, &s->net, &s->toys);
	t = trainer_ok(c, &s->net, &s->toys, &o);
	while (trainer_more(t))
		ck_ok(c, trainer_step(c, t));
	trainer_free(&t);
	memset(s->key.b, 7, sizeof s->key.b);
	ck_ok(c, protect_divide(c, &s->key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &s->split));
	s->model = (struct protect_model){ &s->net.model, s->net.graph, o.loss, CLASSES, 32,
		1 };
	ck_ok(c, protect_keep(c, s->net.graph, &s->plain));
	return s;
}

static void
shop_done(struct shop *s)
{
	protect_weights_free(&s->plain);
	toys_done(&s->toys);
	net_done(&s->net);
}

static size_t
weights_changed(struct shop *s)
{
	size_t n, changed = 0;
	const struct nn_weight *w = nn_weights(s->net.graph, &n);

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; k < w[i].count; k++)
			changed += memcmp(&w[i].data[k], protect_kept(s->plain, i) + k,
				       sizeof(float)) != 0;
	return changed;
}

static struct advparams_result
lock_ok(struct ctx *c, struct shop *s, const struct advparams_options *o)
{
	struct advparams_result r;

	ck_ok(c, advparams_lock(c, &s->model, &s->split, &s->key, o, NULL, &r));
	return r;
}

static double
accuracy(struct ctx *c, struct shop *s)
{
	double a;

	ck_ok(c, protect_accuracy(c, &s->model, &s->split.validation, &a));
	return a;
}

/* ---- The data divided -------------------------------------------------------------------- */

/* How many of each class a set has, and that no sample is in two sets. */
static void
count_set(const struct protect_set *s, int64_t count[CLASSES], bool seen[SAMPLES])
{
	memset(count, 0, CLASSES * sizeof *count);
	for (int64_t i = 0; i < s->n; i++) {
		ck_assert(!seen[s->chosen[i]]);
		seen[s->chosen[i]] = true;
		count[s->data->labels->v[s->chosen[i]]]++;
		ck_assert(i == 0 || s->chosen[i] > s->chosen[i - 1]);
	}
}

START_TEST(sets_are_disjoint_and_even)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	int64_t count[CLASSES];
	bool seen[SAMPLES] = { false };

	count_set(&s->split.lock, count, seen);
	for (int i = 0; i < CLASSES; i++)
		ck_assert_int_eq(count[i], OF_LOCK / CLASSES);
	count_set(&s->split.validation, count, seen);
	count_set(&s->split.thief, count, seen);
	ck_assert_int_eq(s->split.lock.n, OF_LOCK);
	ck_assert_int_eq(s->split.validation.n, OF_VALIDATION);
	ck_assert_int_eq(s->split.thief.n, SAMPLES - OF_LOCK - OF_VALIDATION);
	shop_done(s);
}
END_TEST

START_TEST(the_key_decides_the_sets)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct protect_split again, other;
	struct key256 key = { { 1 } };
	size_t size = OF_LOCK * sizeof(int64_t);

	ck_ok(c, protect_divide(c, &s->key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &again));
	ck_ok(c, protect_divide(c, &key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &other));
	ck_assert_mem_eq(again.lock.chosen, s->split.lock.chosen, size);
	ck_assert_mem_ne(other.lock.chosen, s->split.lock.chosen, size);
	shop_done(s);
}
END_TEST

START_TEST(test_data_serve_the_validation)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct toys more = toys_new(60, CLASSES);
	struct train_data test = toys_for(c, &s->net, &more);
	struct protect_split split;

	ck_ok(c, protect_divide(c, &s->key, &s->data, &test, OF_LOCK, 1000, &split));
	ck_assert_ptr_eq(split.validation.data, &test);
	ck_assert_int_eq(split.validation.n, 60);
	ck_assert_int_eq(split.thief.n, SAMPLES - OF_LOCK);
	toys_done(&more);
	shop_done(s);
}
END_TEST

START_TEST(few_samples_are_shared_out)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct toys few = toys_new(12, CLASSES), alike = toys_new(40, CLASSES);
	struct train_data data = toys_for(c, &s->net, &few);
	struct protect_split split;

	ck_ok(c, protect_divide(c, &s->key, &data, NULL, 512, 1000, &split));
	ck_assert_int_eq(split.lock.n, 6);
	ck_assert_int_eq(split.validation.n, 3);
	ck_assert_int_eq(split.thief.n, 3);
	memset(alike.labels.v, 0, 40 * sizeof *alike.labels.v);
	data = toys_for(c, &s->net, &alike);
	ck_fails(c, E_INPUT, protect_divide(c, &s->key, &data, NULL, 512, 1000, &split));
	few.samples.shape.dim[0] = few.labels.n = 1;
	data = toys_for(c, &s->net, &few);
	ck_fails(c, E_INPUT, protect_divide(c, &s->key, &data, NULL, 512, 1000, &split));
	toys_done(&few);
	toys_done(&alike);
	shop_done(s);
}
END_TEST

/* ---- Locking ----------------------------------------------------------------------------- */

static const struct {
	enum advparams_mode mode;
	bool reaches; /* on this network, the target */
} modes[] = {
	{ ADVPARAMS_POOLED, true },
	{ ADVPARAMS_GREEDY, true },
	{ ADVPARAMS_SIGNED_GREEDY, false },
	{ ADVPARAMS_RANDOM, true },
	{ ADVPARAMS_LARGEST, true },
};

static uint32_t
bits_of(float v)
{
	uint32_t b;

	memcpy(&b, &v, sizeof b);
	return b;
}

/* Each entry is the exclusive or of the bits, and stands after the one before. */
static void
check_entries(struct shop *s, const struct advparams_result *r)
{
	for (uint32_t i = 0; i < r->entries; i++) {
		const struct unlock_entry *e = &r->entry[i];
		struct str name = s->net.model.tensor[e->tensor].name;
		size_t n;
		struct nn_weight *w = nn_weight_by_name(s->net.graph, name);
		const float *plain = protect_kept(
		    s->plain, (size_t)(w - nn_weights(s->net.graph, &n)));

		ck_assert_uint_eq(
		    bits_of(w->data[e->index]) ^ bits_of(plain[e->index]), e->flip);
		ck_assert(i == 0 || e->tensor > e[-1].tensor ||
		    (e->tensor == e[-1].tensor && e->index > e[-1].index));
		ck_assert(!str_same(name, STR("norm.m")) && !str_same(name, STR("norm.v")) &&
		    !str_same(name, STR("mean")));
	}
}

START_TEST(every_mode_locks_and_opens)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct advparams_options o = advparams_standard(modes[_i].mode);
	struct advparams_result r;

	o.target = 0.3;
	r = lock_ok(c, s, &o);
	ck_assert(r.before > 0.8);
	ck_assert(r.reached == modes[_i].reaches);
	ck_assert(!r.reached || r.after <= o.target);
	ck_assert_double_eq_tol(r.after, accuracy(c, s), 1e-9);
	ck_assert_uint_gt(r.entries, 0);
	ck_assert_uint_eq(r.entries, weights_changed(s));
	check_entries(s, &r);
	advparams_flip(&s->model, r.entry, r.entries);
	ck_assert_uint_eq(weights_changed(s), 0);
	ck_assert_double_eq_tol(r.before, accuracy(c, s), 1e-9);
	shop_done(s);
}
END_TEST

START_TEST(the_key_decides_the_positions)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct advparams_options o = advparams_standard(ADVPARAMS_POOLED);
	struct advparams_result a, b, d;

	o.target = 0.3;
	a = lock_ok(c, s, &o);
	protect_restore(s->net.graph, s->plain);
	b = lock_ok(c, s, &o);
	ck_assert_uint_eq(a.entries, b.entries);
	ck_assert_mem_eq(a.entry, b.entry, a.entries * sizeof *a.entry);
	protect_restore(s->net.graph, s->plain);
	s->key.b[31] ^= 1;
	d = lock_ok(c, s, &o);
	ck_assert(a.entries != d.entries ||
	    memcmp(a.entry, d.entry, a.entries * sizeof *a.entry) != 0);
	ck_assert_int_gt(a.pool, a.entries);
	shop_done(s);
}
END_TEST

/* Locked values stay off the ends of their tensor's range, and so do the plain ones chosen. */
START_TEST(pooled_stays_within_its_range)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct advparams_options o = advparams_standard(ADVPARAMS_POOLED);
	struct advparams_result r;
	size_t n;

	o.target = 0.3;
	r = lock_ok(c, s, &o);
	for (uint32_t i = 0; i < r.entries; i++) {
		struct nn_weight *w = nn_weight_by_name(
		    s->net.graph, s->net.model.tensor[r.entry[i].tensor].name);
		const float *plain = protect_kept(
		    s->plain, (size_t)(w - nn_weights(s->net.graph, &n)));
		float low = plain[0], high = plain[0], margin, now, before;

		for (int64_t k = 0; k < w->count; k++) {
			low = fminf(low, plain[k]);
			high = fmaxf(high, plain[k]);
		}
		margin = 0.0999F * (high - low);
		now = w->data[r.entry[i].index];
		before = plain[r.entry[i].index];
		ck_assert(now >= low + margin && now <= high - margin);
		ck_assert(before >= low + margin && before <= high - margin);
	}
	shop_done(s);
}
END_TEST

START_TEST(a_target_out_of_reach_changes_nothing)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct advparams_options o = advparams_standard(ADVPARAMS_POOLED);
	struct advparams_result r;

	o.target = 0.001;
	o.count = 2;
	ck_fails(c, E_CONFLICT, advparams_lock(c, &s->model, &s->split, &s->key, &o, NULL, &r));
	ck_assert_uint_eq(weights_changed(s), 0);
	o.count = 60000;
	ck_fails(c, E_CONFLICT, advparams_lock(c, &s->model, &s->split, &s->key, &o, NULL, &r));
	ck_assert_uint_eq(weights_changed(s), 0);
	shop_done(s);
}
END_TEST

/* ---- What is refused --------------------------------------------------------------------- */

static void
make_nan(struct shop *s)
{
	nn_weight_by_name(s->net.graph, STR("conv.w"))->data[3] = NAN;
}

static void
make_all_alike(struct shop *s)
{
	size_t n;
	struct nn_weight *w = nn_weights(s->net.graph, &n);

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; k < w[i].count; k++)
			w[i].data[k] = 0.5F;
}

static void
make_one_class(struct shop *s)
{
	s->model.classes = 1;
}

static void
make_useless(struct shop *s)
{
	struct nn_weight *w = nn_weight_by_name(s->net.graph, STR("gemm.w"));

	for (int64_t k = 0; k < w->count; k++)
		w->data[k] = -w->data[k];
}

static void
make_no_samples(struct shop *s)
{
	s->split.lock.n = 0;
}

static void
make_foreign_labels(struct shop *s)
{
	for (int64_t i = 0; i < s->toys.labels.n; i++)
		s->toys.labels.v[i] += 1;
	s->toys.labels.classes++;
}

static const struct {
	void (*make)(struct shop *);
	const char *says;
} refusals[] = {
	{ make_nan, "no finite number" },
	{ make_all_alike, "nothing to lock" },
	{ make_one_class, "one class only" },
	{ make_useless, "nothing to take away" },
	{ make_no_samples, "no samples" },
	{ make_foreign_labels, "knows 4 classes" },
};

START_TEST(useless_models_are_refused)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct advparams_options o = advparams_standard(ADVPARAMS_POOLED);
	struct advparams_result r;

	refusals[_i].make(s);
	nn_graph_changed(s->net.graph);
	ck_assert(!advparams_lock(c, &s->model, &s->split, &s->key, &o, NULL, &r));
	ck_assert_msg(strstr(c->err.text, refusals[_i].says) != NULL, "%s", c->err.text);
	ck_err(c, E_INPUT);
	shop_done(s);
}
END_TEST

/* ---- Gradients --------------------------------------------------------------------------- */

/* The mean loss, by the plainest way. */
static double
loss_at(struct ctx *c, struct shop *s, struct slope *slope)
{
	struct slope_seen seen;

	nn_graph_changed(s->net.graph);
	ck_ok(c, slope_run(c, slope, &seen));
	return seen.loss;
}

/* Of a set that does not fill its last batch, against a difference. */
START_TEST(gradients_are_those_of_the_mean_loss)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct nn_weight *w = nn_weight_by_name(s->net.graph, STR("gemm.w"));
	size_t n, at = (size_t)(w - nn_weights(s->net.graph, &n));
	bool *wanted = take(c, n);
	struct slope *slope = NULL;

	wanted[at] = true;
	ck_assert_int_ne(s->split.lock.n % s->model.batch, 0);
	ck_ok(c, slope_new(c, &s->model, &s->split.lock, wanted, &slope));
	for (int64_t k = 0; k < w->count; k += 97) {
		float before = w->data[k];
		double up, down, got;

		loss_at(c, s, slope);
		got = (double)slope_of(slope, at)[k];
		w->data[k] = before + 1e-2F;
		up = loss_at(c, s, slope);
		w->data[k] = before - 1e-2F;
		down = loss_at(c, s, slope);
		w->data[k] = before;
		ck_assert_double_eq_tol(got, (up - down) / 2e-2, 2e-4);
	}
	for (size_t i = 0; i < n; i++)
		ck_assert((slope_of(slope, i) != NULL) == (i == at));
	slope_free(&slope);
	shop_done(s);
}
END_TEST

/* ---- Numbers ----------------------------------------------------------------------------- */

START_TEST(exact_where_arithmetic_is_not)
{
	volatile float sum = 0.1F + 0.7F, back = sum - 0.7F;
	volatile float plain = 0.0123F, locked = plain + 0.05F;

	ck_assert_uint_eq(bits_of(back), 0x3dccccd0);
	ck_assert_uint_eq(bits_of(0.1F), 0x3dcccccd);
	ck_assert_uint_eq(bits_of(plain), 0x3c4985f0);
	ck_assert_uint_eq(bits_of(locked), 0x3d7f2e49);
	ck_assert_uint_eq(bits_of(plain) ^ bits_of(locked), 0x0136abb9);
}
END_TEST

START_TEST(choices_of_a_pool)
{
	ck_assert_double_eq_tol(advparams_choice(400, 25), 131.3, 0.05);
	ck_assert_double_eq_tol(advparams_choice(1024, 64), 341.1, 0.05);
	ck_assert_double_eq(advparams_choice(0, 5), 0);
}
END_TEST

MAIN("protect_lock", ONE(sets_are_disjoint_and_even), ONE(the_key_decides_the_sets),
    ONE(test_data_serve_the_validation), ONE(few_samples_are_shared_out),
    EACH(every_mode_locks_and_opens, modes), ONE(the_key_decides_the_positions),
    ONE(pooled_stays_within_its_range), ONE(a_target_out_of_reach_changes_nothing),
    EACH(useless_models_are_refused, refusals), ONE(gradients_are_those_of_the_mean_loss),
    ONE(exact_where_arithmetic_is_not), ONE(choices_of_a_pool))
