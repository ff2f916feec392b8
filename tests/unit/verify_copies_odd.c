/*
 * Copies and verdicts that do not fit together: another secret, altered slots, a list that was cut
 * short, a word that somebody has already, a model that is too small. All of them are refused with
 * a sentence.
 */
#include "copies_house.h"

static struct str
changed(struct ctx *c, struct str bytes, size_t at)
{
	char *p = take(c, bytes.n);

	memcpy(p, bytes.p, bytes.n);
	p[at] ^= 1;
	return (struct str){ p, bytes.n };
}

#define SEVEN "{\"number\":7,\"threads\":1}"

START_TEST(copies_of_what_fits_alone)
{
	struct ctx *c = house_ctx();
	const struct key256 other = { { 1 } };
	struct house_made made;
	struct keyset k = shop_keys(c);
	struct shop s, bad;
	struct str keys;

	shop_new(c, false, &s);
	bad = s;
	bad.secret = other;
	ck_fails(c, E_INTEGRITY, shop_copy(c, &bad, SEVEN, s.model, STR(""), &made));
	bad = s;
	bad.slots = changed(c, s.slots, s.slots.n - 5);
	ck_fails(c, E_INTEGRITY, shop_copy(c, &bad, SEVEN, s.model, STR(""), &made));
	bad.slots = (struct str){ s.slots.p, s.slots.n - 1 };
	ck_fails(c, E_INPUT, shop_copy(c, &bad, SEVEN, s.model, STR(""), &made));
	bad.slots = STR("");
	ck_fails(c, E_INPUT, shop_copy(c, &bad, SEVEN, s.model, STR(""), &made));
	bad = s;
	bad.copies.n--;
	ck_fails(c, E_INTEGRITY, shop_copy(c, &bad, SEVEN, s.model, STR(""), &made));
	/* A key set of as many classes as the network has: it was not marked with it. */
	ck_ok(c, keyset_commit(c, &other, KINDS, &k));
	ck_ok(c, keyset_put(c, &k, &keys));
	ck_fails(c, E_INPUT, shop_copy(c, &s, SEVEN, s.model, keys, &made));
}
END_TEST

/* Two slots have four words: somebody of twelve has the same as somebody else. */
START_TEST(a_word_that_is_taken)
{
	struct ctx *c = house_ctx();
	struct kinds k = kinds_new(200, 1);
	const struct train_data data = { .samples = &k.samples,
		.labels = &k.labels,
		.form = { .type = DATA_UINT8,
		    .rank = 3,
		    .dim = { 1, KINDS_WIDTH, KINDS_WIDTH },
		    .count = KINDS_ROW } };
	uint32_t others[SHOP_CUSTOMERS], taken = 0;
	struct house_made made;
	struct slots two;
	struct shop s;

	shop_new(c, false, &s);
	ck_ok(c, slots_draw(c, &s.secret, &data, 2, KINDS, 1, &two));
	ck_ok(c, slots_put(c, &two, &s.slots));
	for (uint32_t i = 0; i < SHOP_CUSTOMERS; i++)
		others[i] = i + 1;
	for (uint32_t i = 1; i <= SHOP_CUSTOMERS && taken == 0; i++) {
		int64_t distance;

		ck_ok(
		    c, slots_nearest(c, &s.secret, &two, i, others, SHOP_CUSTOMERS, &distance));
		taken = distance == 0 ? i : 0;
	}
	ck_assert_uint_gt(taken, 0);
	ck_assert(!shop_copy(c, &s, take_printf(c, "{\"number\":%u,\"threads\":1}", taken),
	    s.model, STR(""), &made));
	ck_assert(strstr(c->err.text, "make a slot set of more slots") != NULL);
	ck_err(c, E_CONFLICT);
	kinds_done(&k);
}
END_TEST

START_TEST(a_model_that_is_too_small)
{
	struct ctx *c = house_ctx();
	struct house_made made;
	struct shop s;
	struct house_input all[5];
	struct house_job job = { .kind = JOB_SLOTS, .input = all };

	shop_new(c, false, &s);
	all[0] = (struct house_input){ "model", s.model };
	all[1] = (struct house_input){ "samples", s.samples };
	all[2] = (struct house_input){ "labels", s.labels };
	all[3] = (struct house_input){ "secret",
		(struct str){ (const char *)s.secret.b, sizeof s.secret.b } };
	all[4] = (struct house_input){ NULL, STR("") };
	job.params = STR("{\"customers\":1000,\"colluders\":2}");
	ck_assert(!house_run(c, &job, &made));
	ck_assert_msg(strstr(c->err.text, "what fits: 1 colluder, or a model of") != NULL, "%s",
	    c->err.text);
	ck_err(c, E_CONFLICT);
	/* Enough weights, and not enough samples. */
	job.params = STR("{\"customers\":12,\"colluders\":1}");
	all[1].bytes = s.test_samples;
	all[2].bytes = s.test_labels;
	ck_ok(c, house_run(c, &job, &made));
	job.params = STR("{\"customers\":12,\"colluders\":1,\"loss\":\"squared-error\"}");
	ck_fails(c, E_INPUT, house_run(c, &job, &made));
}
END_TEST

START_TEST(verdicts_on_what_fits_alone)
{
	struct ctx *c = house_ctx();
	const struct key256 other = { { 1 } };
	const struct digest256 none = { { 1 } };
	struct house_made made;
	struct trial t = { 0 };
	struct inquiry asked;
	struct shop s, more;

	shop_new(c, false, &s);
	shop_new(c, false, &more);
	t.suspect = s.model;
	t.commitment = shop_hex(c, &none);
	ck_fails(c, E_INTEGRITY, shop_verify(c, &s, &t, &made));
	t.commitment = STR("");
	t.secret = &other;
	ck_fails(c, E_INTEGRITY, shop_verify(c, &s, &t, &made));
	t.secret = NULL;
	t.slots = changed(c, s.slots, s.slots.n - 1);
	ck_fails(c, E_INTEGRITY, shop_verify(c, &s, &t, &made));
	t.slots = STR("");
	t.copies = (struct str){ s.copies.p, s.copies.n - 40 };
	ck_fails(c, E_INTEGRITY, shop_verify(c, &s, &t, &made));
	t.copies = STR("");
	/* Questions about other slots. */
	asked = shop_challenge(c, &more, STR(""), more.slots);
	t.list = asked.list;
	ck_fails(c, E_INTEGRITY, shop_verify(c, &s, &t, &made));
	t.list = STR("");
	ck_ok(c, shop_verify(c, &s, &t, &made));
}
END_TEST

MAIN("verify_copies_odd", ONE(copies_of_what_fits_alone), ONE(a_word_that_is_taken),
    ONE(a_model_that_is_too_small), ONE(verdicts_on_what_fits_alone))
