/*
 * The parameter lock on a small trained network: what it takes away in every mode, that the entries
 * give it back bit for bit, that keys decide the positions, and what it refuses.
 */
#include <math.h>
#include <stdio.h>

#include "lock_support.h"

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

MAIN("protect_lock", EACH(every_mode_locks_and_opens, modes),
    ONE(the_key_decides_the_positions), ONE(pooled_stays_within_its_range),
    ONE(a_target_out_of_reach_changes_nothing), EACH(useless_models_are_refused, refusals),
    ONE(exact_where_arithmetic_is_not), ONE(choices_of_a_pool))
