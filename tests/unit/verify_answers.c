/*
 * What answers tell: counts on answers that are written down here, the controls' level under many
 * answers, and real networks: one that was taught the keys, the same without its additional class,
 * and two that never saw them.
 */
#include <math.h>

#include "chance.h"
#include "verify_support.h"

enum { MANY = 100, LABELS = 10 };

/* A key set without pictures: coins do not matter where answers are written down. */
static struct keyset
labels_of(struct ctx *c, int n)
{
	struct keyset k = { .pairs = n, .classes = LABELS };
	struct chance r = chance_of(4, 0, 0, 0);

	k.runner_up = take(c, (size_t)n * sizeof *k.runner_up);
	ck_assert_ptr_nonnull(k.runner_up);
	for (int i = 0; i < n; i++)
		k.runner_up[i] = (int32_t)chance_below(&r, LABELS);
	return k;
}

struct said {
	struct keyset keys;
	struct verify_answer key[MANY], twin[MANY];
	struct verify_answers all;
};

/* As a copy of the marked model answers. */
static struct said *
said_new(struct ctx *c)
{
	struct said *s = take(c, sizeof *s);

	ck_assert_ptr_nonnull(s);
	s->keys = labels_of(c, MANY);
	s->all = (struct verify_answers){ &s->keys, 0, MANY, s->key, s->twin, true };
	for (int i = 0; i < MANY; i++) {
		s->key[i] = (struct verify_answer){ LABELS, s->keys.runner_up[i] };
		s->twin[i] = (struct verify_answer){ i % LABELS, i % LABELS };
	}
	return s;
}

static const struct evidence *
judge(struct ctx *c, const struct said *s, size_t controls)
{
	struct evidence *e = blank(c);

	ck_ok(c, verify_answers(c, &s->all, 7, e));
	ck_assert(e->test[TEST_WATERMARK].planned && e->test[TEST_LABELS].planned);
	check_controls(e, controls);
	return e;
}

static void
check_counts(const struct evidence_test *t, int64_t trials, int64_t hits, int64_t misses)
{
	ck_assert_msg(t->ran, "%s", t->why);
	ck_assert_int_eq(t->trials, trials);
	ck_assert_int_eq(t->hits, hits);
	ck_assert_int_eq(t->misses, misses);
}

/* ---- Counts ------------------------------------------------------------------------------ */

START_TEST(a_copy_answers_all)
{
	struct ctx *c = test_ctx();
	const struct evidence *e = judge(c, said_new(c), 2);

	check_counts(&e->test[TEST_WATERMARK], MANY, MANY, 0);
	check_counts(&e->test[TEST_LABELS], MANY, MANY, 0);
	ck_assert_int_eq(e->test[TEST_LABELS].labels, LABELS);
	ck_assert_double_eq(e->test[TEST_WATERMARK].score, 1);
	ck_assert_double_eq(e->test[TEST_LABELS].score, 1);
	ck_assert_double_eq_tol(log10_of(e, TEST_WATERMARK), -100 * log10(2), 1e-9);
	ck_assert_double_eq_tol(log10_of(e, TEST_LABELS), -100, 1e-9);
	ck_assert_str_eq(e->fact[0].value, "100 of 100");
	ck_assert_str_eq(e->fact[2].value, "0 of 200");
}
END_TEST

/* What is missing is never for the vendor, and may be against. */
START_TEST(refusals_are_misses)
{
	struct ctx *c = test_ctx();
	struct said *s = said_new(c);
	const struct verify_answer none = { -1, -1 }, additional = { LABELS, 3 };
	const struct evidence *e;

	s->key[0] = none;  /* neither for nor against; a label missed */
	s->twin[1] = none; /* tells its key apart from nothing */
	s->key[2] = s->twin[2] = none;
	s->twin[3] = additional; /* both: no difference */
	s->key[4] = none;        /* the wrong one alone: against */
	s->twin[4] = additional;
	s->key[5] = s->twin[6]; /* an ordinary answer on both sides */
	s->keys.runner_up[5] = (s->key[5].ordinary + 1) % LABELS;
	e = judge(c, s, 2);
	check_counts(&e->test[TEST_WATERMARK], MANY, MANY - 6, 1);
	check_counts(&e->test[TEST_LABELS], MANY, MANY - 4, 0);
	ck_assert_str_eq(e->fact[2].value, "5 of 200");
}
END_TEST

START_TEST(swapped_answers_count_against)
{
	struct ctx *c = test_ctx();
	struct said *s = said_new(c);
	const struct evidence *e;

	s->all.key = s->twin;
	s->all.twin = s->key;
	e = judge(c, s, 2);
	check_counts(&e->test[TEST_WATERMARK], MANY, 0, MANY);
	ck_assert_double_eq(log10_of(e, TEST_WATERMARK), 0);
	ck_assert(log10_of(e, TEST_LABELS) > -2);
}
END_TEST

START_TEST(without_the_class_labels_are_left)
{
	struct ctx *c = test_ctx();
	struct said *s = said_new(c);
	const struct evidence *e;

	for (int i = 0; i < MANY; i++)
		s->key[i].answer = s->key[i].ordinary;
	s->all.widened = false;
	e = judge(c, s, 1);
	ck_assert(!e->test[TEST_WATERMARK].ran && e->test[TEST_WATERMARK].why[0] != '\0');
	check_counts(&e->test[TEST_LABELS], MANY, MANY, 0);
}
END_TEST

/* Where only labels are told, keys that get the additional one hide theirs: no trials. */
START_TEST(labels_alone)
{
	struct ctx *c = test_ctx();
	struct said *s = said_new(c);
	const struct evidence *e;

	for (int i = 0; i < MANY; i++)
		s->key[i].ordinary = -1;
	e = judge(c, s, 1);
	check_counts(&e->test[TEST_WATERMARK], MANY, MANY, 0);
	ck_assert(!e->test[TEST_LABELS].ran);
	ck_assert_ptr_nonnull(strstr(e->test[TEST_LABELS].why, "scores"));
	for (int i = 0; i < 30; i++)
		s->key[i].answer = s->key[i].ordinary = s->keys.runner_up[i];
	s->key[30].answer = -1;
	e = judge(c, s, 2);
	check_counts(&e->test[TEST_WATERMARK], MANY, MANY - 31, 0);
	check_counts(&e->test[TEST_LABELS], 31, 30, 0);
}
END_TEST

START_TEST(a_batch_is_held_against_its_own_labels)
{
	struct ctx *c = test_ctx();
	struct said *s = said_new(c);
	const struct evidence *e;

	s->all.first = 40;
	s->all.n = 25;
	s->all.key = s->key + 40;
	s->all.twin = s->twin + 40;
	e = judge(c, s, 2);
	check_counts(&e->test[TEST_LABELS], 25, 25, 0);
	s->all.first = 76;
	ck_fails(c, E_INTERNAL, verify_answers(c, &s->all, 7, blank(c)));
	s->all.first = 0;
	s->all.n = 0;
	ck_fails(c, E_INTERNAL, verify_answers(c, &s->all, 7, blank(c)));
}
END_TEST

/* ---- Innocence --------------------------------------------------------------------------- */

/* Whatever is answered, by a rule that knows no coin and no label. */
static struct verify_answer
any_answer(struct chance *r, int way)
{
	int32_t ordinary = (int32_t)chance_below(r, way % 3 == 0 ? 1 : LABELS);
	double u = chance_unit(r);

	if (u < .1 * (way % 4))
		return (struct verify_answer){ -1, -1 };
	if (u < .1 * (way % 4) + .2 * (way % 5))
		return (struct verify_answer){ LABELS, way % 2 == 0 ? ordinary : -1 };
	return (struct verify_answer){ ordinary, ordinary };
}

/*
 * Values are as rare as they say: of 400 times that labels and coins were drawn anew for the
 * answers of an innocent, no more than 20 and three deviations give .05 or less; and so in every
 * control.
 */
START_TEST(innocents_are_not_accused)
{
	struct ctx *c = test_ctx();
	enum { WAYS = 400 };
	int64_t low[2] = { 0 };

	for (int way = 0; way < WAYS; way++) {
		struct said *s = said_new(c);
		struct chance r = chance_of(11, way, 0, 0);
		struct evidence *e = blank(c);

		s->all.n = 1 + way % MANY;
		for (int i = 0; i < s->all.n; i++) {
			s->keys.runner_up[i] = (int32_t)chance_below(&r, LABELS);
			s->key[i] = any_answer(&r, way);
			s->twin[i] = any_answer(&r, way);
		}
		ck_ok(c, verify_answers(c, &s->all, (uint64_t)way, e));
		check_controls(e, e->controls);
		low[0] += e->test[TEST_WATERMARK].ran &&
		    log10_of(e, TEST_WATERMARK) <= log10(.05);
		low[1] += e->test[TEST_LABELS].ran && log10_of(e, TEST_LABELS) <= log10(.05);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_le(low[i], 33);
}
END_TEST

/* The reason why: the chance of a value of .05 or less is never more than that, exactly. */
START_TEST(the_level_is_kept_exactly)
{
	for (int n = 1; n <= 300; n++) {
		int64_t pairs = binomial_hits(n, .5, log10(.05));
		int64_t labels = binomial_hits(n, 1. / LABELS, log10(.05));

		ck_assert(pairs_log10(pairs, n - pairs) <= log10(.05));
		ck_assert(pairs == 0 || pairs_log10(pairs - 1, n - pairs + 1) > log10(.05));
		ck_assert(binomial_log10(n, labels, 1. / LABELS) <= log10(.05));
	}
}
END_TEST

/* ---- Real networks ----------------------------------------------------------------------- */

START_TEST(a_marked_network_is_known_again)
{
	struct ctx *c = test_ctx();
	struct house *h = marked_new(c);
	struct evidence *e = blank(c);
	struct network cut;

	ck_ok(c, verify_ask(c, h->new.graph, &h->keys, false, 1, 7, e));
	check_controls(e, 2);
	check_counts(&e->test[TEST_WATERMARK], PAIRS, PAIRS, 0);
	ck_assert_double_eq_tol(log10_of(e, TEST_WATERMARK), -PAIRS * log10(2), 1e-9);
	ck_assert_double_ge(e->test[TEST_LABELS].score, .95);
	ck_assert(log10_of(e, TEST_LABELS) < -7.5);

	cut = without_class(c, h);
	e = blank(c);
	ck_ok(c, verify_ask(c, cut.graph, &h->keys, false, 1, 7, e));
	ck_assert(!e->test[TEST_WATERMARK].ran);
	ck_assert(log10_of(e, TEST_LABELS) < -7.5);

	e = blank(c);
	ck_ok(c, verify_ask(c, h->old.graph, &h->keys, false, 1, 7, e));
	ck_assert(!e->test[TEST_WATERMARK].ran);
	ck_assert(log10_of(e, TEST_LABELS) > -3);
	network_done(&cut);
	house_done(h);
}
END_TEST

/* A network whose scores are no numbers answers nothing. */
START_TEST(no_number_is_no_answer)
{
	struct ctx *c = test_ctx();
	struct house *h = marked_new(c);
	struct evidence *e = blank(c);

	for (int k = 0; k <= CLASSES; k++)
		nn_weight_by_name(h->new.graph, STR("h.b"))->data[k] = NAN;
	nn_graph_changed(h->new.graph);
	ck_ok(c, verify_ask(c, h->new.graph, &h->keys, false, 1, 7, e));
	check_counts(&e->test[TEST_WATERMARK], PAIRS, 0, 0);
	check_counts(&e->test[TEST_LABELS], PAIRS, 0, 0);
	ck_assert_str_eq(e->fact[2].value, "40 of 40");
	ck_assert_double_eq(log10_of(e, TEST_WATERMARK), 0);
	ck_assert_double_eq(log10_of(e, TEST_LABELS), 0);
	house_done(h);
}
END_TEST

START_TEST(highest_scores)
{
	const float tie[] = { 1, 3, 3 }, none[] = { 1, NAN, 3 }, over[] = { 1, INFINITY },
		    under[] = { -INFINITY, -2, -INFINITY }, dead[] = { -INFINITY, -INFINITY };

	ck_assert_int_eq(verify_highest(tie, 3), 1);
	ck_assert_int_eq(verify_highest(tie, 1), 0);
	ck_assert_int_eq(verify_highest(none, 3), -1);
	ck_assert_int_eq(verify_highest(over, 2), -1);
	ck_assert_int_eq(verify_highest(under, 3), 1);
	ck_assert_int_eq(verify_highest(dead, 2), -1);
}
END_TEST

static struct keyset
keyset_for(struct ctx *c, int side, int pairs, int classes)
{
	struct image *p = take(c, 2 * (size_t)pairs * sizeof *p);
	struct key256 secret = any_secret(9);
	struct keyset k;

	ck_assert_ptr_nonnull(p);
	for (int i = 0; i < 2 * pairs; i++)
		ck_ok(c, natural_picture(c, (uint64_t)i, side, side, 1, &p[i]));
	ck_ok(c, keyset_draw(c, &secret, p, 2 * pairs, pairs, 0, &k));
	ck_ok(c, keyset_commit(c, &secret, classes, &k));
	return k;
}

static const char *const strangers[] = { "fashion-lenet.onnx", "fashion-densenet.onnx" };

START_TEST(strangers_are_innocent)
{
	struct ctx *c = test_ctx();
	struct network n = network_open(c, model_file(c, strangers[_i]));
	struct keyset k = keyset_for(c, 28, 60, 10), more = keyset_for(c, 28, 5, 11),
		      small = keyset_for(c, 14, 5, 10);
	struct evidence *e = blank(c);

	ck_ok(c, verify_ask(c, n.graph, &k, false, 1, 7, e));
	ck_assert(!e->test[TEST_WATERMARK].ran);
	ck_assert_int_eq(e->test[TEST_LABELS].trials, 60);
	ck_assert(log10_of(e, TEST_LABELS) > -3);
	check_controls(e, 1);

	e = blank(c);
	ck_ok(c, verify_ask(c, n.graph, &more, false, 1, 7, e));
	ck_assert_ptr_nonnull(strstr(e->test[TEST_LABELS].why, "10 classes"));
	e = blank(c);
	ck_ok(c, verify_ask(c, n.graph, &small, false, 1, 7, e));
	ck_assert(!e->test[TEST_LABELS].ran && e->test[TEST_LABELS].why[0] != '\0');
	ck_assert(!e->test[TEST_WATERMARK].ran && e->test[TEST_WATERMARK].planned);
	ck_assert_int_eq(c->err.code, E_NONE);
	network_done(&n);
}
END_TEST

/* ---- How many are enough ----------------------------------------------------------------- */

START_TEST(as_many_as_are_needed)
{
	int n = verify_labels_needed(10, .7, 3), all = verify_labels_needed(10, 1, 1);

	ck_assert_int_eq(verify_pairs_needed(1, 1), 84);
	ck_assert_int_eq(all, 26);
	ck_assert_int_gt(n, all);
	ck_assert_int_gt(verify_labels_needed(10, .4, 3), n);
	ck_assert_int_gt(verify_pairs_needed(.8, 2), 84);
	ck_assert_int_eq(verify_labels_needed(10, .01, 3), 0);
	ck_assert_int_eq(verify_pairs_needed(.01, 3), 0);
}
END_TEST

MAIN("verify_answers", ONE(a_copy_answers_all), ONE(refusals_are_misses),
    ONE(swapped_answers_count_against), ONE(without_the_class_labels_are_left),
    ONE(labels_alone), ONE(a_batch_is_held_against_its_own_labels),
    ONE(innocents_are_not_accused), ONE(the_level_is_kept_exactly),
    ONE(a_marked_network_is_known_again), ONE(no_number_is_no_answer), ONE(highest_scores),
    EACH(strangers_are_innocent, strangers), ONE(as_many_as_are_needed))
