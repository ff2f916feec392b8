/*
 * Suspects that are nobody's copy, and files that are no copies: whatever they are, nobody is named
 * who should not be, and what cannot be compared is said in a sentence. And unlock keys, which name
 * their customers whatever they claim.
 */
#include <math.h>

#include "weights_support.h"

START_TEST(the_original_and_another_release_accuse_nobody)
{
	struct ctx *c = test_ctx();
	struct story mine, other;

	story_begin(c, &mine);
	story_begin(c, &other);
	check_nobody(verified(c, &mine, &mine.house.model, 1));
	check_nobody(verified(c, &mine, &other.leaked, 1));
	story_end(&other);
	story_end(&mine);
}
END_TEST

static const float no_numbers[] = { NAN, INFINITY, -INFINITY };

START_TEST(what_is_no_number_cannot_be_compared)
{
	struct ctx *c = test_ctx();
	struct onnx_model suspect;
	struct story s;

	story_begin(c, &s);
	s.part[1].weights[7] = no_numbers[_i];
	suspect = written(c, &s.leaked, s.part);
	check_not(verified(c, &s, &suspect, 1), "not all numbers");
	disguise(c, s.part, 2, ORDER, 4);
	suspect = written(c, &s.leaked, s.part);
	check_not(verified(c, &s, &suspect, 1), "not all numbers");
	story_end(&s);
}
END_TEST

START_TEST(weights_that_are_gone_name_nobody)
{
	struct ctx *c = test_ctx();
	struct onnx_model suspect;
	struct story s;

	story_begin(c, &s);
	for (int l = 0; l < LAYERS; l++)
		memset(s.part[l].weights, 0, (size_t)s.part[l].w->count * sizeof(float));
	suspect = written(c, &s.leaked, s.part);
	check_nobody(verified(c, &s, &suspect, 1));
	story_end(&s);
}
END_TEST

START_TEST(other_networks_and_crowds_are_refused_in_words)
{
	struct ctx *c = test_ctx();
	struct onnx_model other = read_ok(c, model_file(c, "fashion-densenet.onnx")), none;
	struct sample empty = sample_new();
	struct story s;

	story_begin(c, &s);
	check_not(verified(c, &s, &other, 1), "layers");
	none = read_ok(c, sample_bytes(&empty));
	check_not(verified(c, &s, &none, 1), "layers");
	for (int i = 0; i < 30; i++) /* each adds four that do nothing */
		disguise(c, s.part, 0, CLIQUE, 5);
	none = written(c, &s.leaked, s.part);
	check_not(verified(c, &s, &none, 1), "126 channels where the model has 6");
	story_end(&s);
}
END_TEST

START_TEST(who_has_no_customers_or_no_marks_asks_in_vain)
{
	struct ctx *c = test_ctx();
	struct evidence *e = take(c, sizeof *e);
	struct story s;

	story_begin(c, &s);
	s.release.customers = 0;
	check_not(verified(c, &s, &s.leaked, 1), "nobody has a license");
	s.release.terms = (struct mark_terms){ 0 };
	ck_ok(c, verify_weights(c, &s.release, &s.leaked, 1, NULL, e));
	ck_assert(!e->test[TEST_WEIGHTS].planned);
	check_not(e, "no marks");
	story_end(&s);
}
END_TEST

/* ---- Unlock keys ------------------------------------------------------------------------- */

/* The leaker's key, which claims to be somebody else's. */
static struct unlock_key
key_of(struct ctx *c, const struct story *s)
{
	struct unlock_key k = { .release = s->release.id,
		.locks = LOCK_SEALED,
		.customer = 99,
		.terms = s->release.terms };
	uint32_t *table = take(c, sizeof *table << k.terms.log_l);

	ck_ok(c, mark_table(c, &s->release.secret, &k.terms, LEAKER, table));
	ck_ok(c, mark_content_key(c, &s->release.secret, &k.content));
	k.table = table;
	return k;
}

static struct evidence *
key_verified(struct ctx *c, struct story *s, const struct unlock_key *k)
{
	struct evidence *e = take(c, sizeof *e);
	struct buf b;

	ck_assert(take_buf(c, unlock_key_size(k), &b));
	ck_ok(c, unlock_key_put(c, k, &b));
	ck_ok(c, verify_unlock_key(c, &s->release, buf_str(&b), e));
	ck_assert(e->test[TEST_WEIGHTS].planned);
	return e;
}

START_TEST(a_key_names_its_customer_whatever_it_claims)
{
	struct ctx *c = test_ctx();
	struct unlock_key k;
	struct evidence *e;
	struct story s;

	story_begin(c, &s);
	k = key_of(c, &s);
	k.terms.kappa = .5;
	e = key_verified(c, &s, &k);
	check_named(e, 120);
	ck_assert_str_eq(e->trace.channel, "unlock key");
	story_end(&s);
}
END_TEST

/* A table half of which is nonsense still names the customer; one that is all nonsense, nobody. */
START_TEST(a_spoiled_key_tells_what_is_left)
{
	struct ctx *c = test_ctx();
	struct unlock_key k;
	struct story s;
	uint32_t *table;
	size_t n;

	story_begin(c, &s);
	k = key_of(c, &s);
	n = (size_t)1 << k.terms.log_l;
	table = take(c, n * sizeof *table);
	memcpy(table, k.table, n * sizeof *table);
	c->random(table, n / 2 * sizeof *table);
	k.table = table;
	check_named(key_verified(c, &s, &k), 80);
	c->random(table, n * sizeof *table);
	check_nobody(key_verified(c, &s, &k));
	story_end(&s);
}
END_TEST

START_TEST(what_is_no_key_of_the_release_is_said)
{
	struct ctx *c = test_ctx();
	struct evidence *e = take(c, sizeof *e);
	struct unlock_key k;
	struct story s;

	story_begin(c, &s);
	k = key_of(c, &s);
	k.release = id_new(c, "rel");
	check_not(key_verified(c, &s, &k), "another release");
	k.release = s.release.id;
	k.table = NULL;
	check_not(key_verified(c, &s, &k), "names nobody");
	ck_ok(c, verify_unlock_key(c, &s.release, STR("HMKKEY and nothing else"), e));
	check_not(e, "not an unlock key");
	story_end(&s);
}
END_TEST

MAIN("verify_weights_odd", ONE(the_original_and_another_release_accuse_nobody),
    EACH(what_is_no_number_cannot_be_compared, no_numbers),
    ONE(weights_that_are_gone_name_nobody), ONE(other_networks_and_crowds_are_refused_in_words),
    ONE(who_has_no_customers_or_no_marks_asks_in_vain),
    ONE(a_key_names_its_customer_whatever_it_claims), ONE(a_spoiled_key_tells_what_is_left),
    ONE(what_is_no_key_of_the_release_is_said))
