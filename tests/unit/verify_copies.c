/*
 * Copies of a model that name their customers, from the drawing of slots to the verdict, by the
 * jobs themselves: a small network is taught, its slots are drawn, copies are made, and the
 * answers of a copy, asked here picture by picture as a service would be, lead to its customer
 * and to nobody else.
 */
#include "copies_house.h"
#include "live.h"

enum { LEAK = 7 };

static bool
has(struct str json, const char *text)
{
	return memmem(json.p, json.n, text, strlen(text)) != NULL;
}

static void
names(const struct shop *s, const struct evidence *e, uint32_t customer)
{
	const struct evidence_trace *t = &e->trace;

	ck_assert_msg(
	    e->verdict == VERDICT_PROVEN, "%s (%s)", e->reason, e->test[TEST_SLOTS].why);
	ck_assert_str_eq(t->channel, "slots");
	ck_assert_int_eq(t->customers, SHOP_CUSTOMERS);
	ck_assert(t->best[0].accused);
	ck_assert_uint_eq(t->best[0].number, customer);
	ck_assert(str_same(str_of(t->best[0].id.s), shop_id(s, customer)));
	for (size_t i = 1; i < t->n; i++)
		ck_assert(!t->best[i].accused);
	ck_assert_uint_eq(e->commitments, 1);
	ck_assert_str_eq(e->commitment[0].what, "slots");
	ck_assert_uint_ge(e->controls, 1);
}

static void
names_nobody(const struct evidence *e)
{
	ck_assert_msg(e->verdict == VERDICT_NO_EVIDENCE || e->verdict == VERDICT_CANNOT_DECIDE,
	    "%s", e->reason);
	for (size_t i = 0; i < e->trace.n; i++)
		ck_assert(!e->trace.best[i].accused);
}

/* ---- A service that is asked ------------------------------------------------------------- */

/* At the other end of the job: a copy's answers, by picture. */
static struct {
	struct inquiry asked;
	struct str *picture;
	const int32_t *answer;
	struct buf room;
} service;

static int32_t
answer_to(struct str png)
{
	for (int32_t i = 0; i < service.asked.q.n; i++)
		if (str_same(service.picture[i], png))
			return service.answer[i];
	ck_abort_msg("a picture that is none of the challenge's");
}

static bool
say(struct ctx *c, void *arg, struct str message)
{
	struct live_question q;
	struct live_answer a;

	(void)arg;
	ck_ok(c, live_question_decode(c, message, &q));
	a = (struct live_answer){ .number = q.number, .status = 200 };
	a.body = str_of(take_printf(c, "{\"class\":%d}", answer_to(q.body)));
	service.room.n = 0;
	return live_answer_encode(c, &a, &service.room);
}

static bool
hear(struct ctx *c, void *arg, int64_t deadline, struct buf *message)
{
	(void)c;
	(void)arg;
	(void)deadline;
	buf_put(message, buf_str(&service.room));
	return true;
}

static void
ask_service(struct ctx *c, const struct shop *s, struct str model)
{
	struct trial t = { .suspect = STR("{\"endpoint\":\"https://suspect.example/ask\","
					  "\"answer\":\"/class\",\"rate\":50,"
					  "\"budget\":4000}"),
		.say = say,
		.hear = hear };
	struct evidence e;

	service.asked = shop_challenge(c, s, STR(""), s->slots);
	service.answer = shop_answers(c, model, &service.asked);
	ck_ok(c, challenge_pictures(c, service.asked.tar, &service.asked.q, &service.picture));
	ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &service.room));
	t.list = service.asked.list;
	t.pictures = service.asked.tar;
	e = shop_verdict(c, s, &t);
	ck_assert_str_eq(e.kind, "endpoint");
	names(s, &e, LEAK);
}

/* ---- One copy ---------------------------------------------------------------------------- */

START_TEST(a_copy_names_its_customer)
{
	struct ctx *c = house_ctx();
	struct house_made copy;
	struct inquiry asked, other;
	struct trial t = { 0 };
	struct evidence e;
	struct shop s;

	shop_new(c, true, &s);
	ck_ok(c,
	    shop_copy(c, &s, "{\"number\":7,\"epochs\":20,\"drop_max\":0.05,\"threads\":1}",
		s.model, STR(""), &copy));
	ck_assert_msg(has(copy.result, "\"reached\":true"), "%.*s", STRF(copy.result));
	ck_assert(has(copy.result, "\"keys\":null"));
	ck_assert_double_ge(number_in(c, copy.result, "slots"), SLOTS_RIGHT);
	ck_assert_double_ge(number_in(c, copy.result, "nearest"), 1);
	ck_assert_double_le(number_in(c, copy.result, "nearest"), s.read.n);
	ck_assert_int_gt(copy.notes, 3);
	ck_assert_uint_eq(copy.out[0].n, s.model.n);

	t.suspect = copy.out[0];
	e = shop_verdict(c, &s, &t);
	ck_assert_str_eq(e.kind, "model");
	names(&s, &e, LEAK);
	t.suspect = s.model;
	e = shop_verdict(c, &s, &t);
	names_nobody(&e);

	asked = shop_challenge(c, &s, STR(""), s.slots);
	ck_assert_int_eq(asked.q.n, 25 + SLOT_PICTURES * s.read.n);
	t.list = asked.list;
	t.suspect = shop_transcript(c, copy.out[0], &asked);
	e = shop_verdict(c, &s, &t);
	ck_assert_str_eq(e.kind, "transcript");
	names(&s, &e, LEAK);
	t.suspect = shop_transcript(c, s.model, &asked);
	e = shop_verdict(c, &s, &t);
	names_nobody(&e);
	/* Held against another order, the copy's own answers say nothing. */
	other = shop_challenge(c, &s, STR(""), s.slots);
	t.list = other.list;
	t.suspect = shop_transcript(c, copy.out[0], &asked);
	e = shop_verdict(c, &s, &t);
	names_nobody(&e);
	ask_service(c, &s, copy.out[0]);
}
END_TEST

/* ---- Beside a watermark ------------------------------------------------------------------ */

START_TEST(keys_are_kept)
{
	struct ctx *c = house_ctx();
	struct keyset k = shop_keys(c);
	struct house_made first, second;
	struct inquiry asked;
	struct trial t = { 0 };
	struct evidence e;
	struct shop s;
	struct str keys;

	shop_new(c, false, &s);
	ck_ok(c, keyset_put(c, &k, &keys));
	/* The first copy learns the keys by the way, the second one has to keep them. */
	ck_ok(c,
	    shop_copy(
		c, &s, "{\"number\":3,\"drop_max\":0.5,\"threads\":1}", s.model, keys, &first));
	ck_ok(c,
	    shop_copy(c, &s, "{\"number\":7,\"drop_max\":0.5,\"threads\":1,\"seed\":2}",
		first.out[0], keys, &second));
	ck_assert_msg(number_in(c, second.result, "keys") >= .9, "%.*s", STRF(second.result));
	ck_assert_double_lt(number_in(c, first.result, "keys"), .5);

	asked = shop_challenge(c, &s, keys, s.slots);
	ck_assert_int_eq(asked.q.pairs, 30);
	t.keys = keys;
	t.list = asked.list;
	t.suspect = shop_transcript(c, second.out[0], &asked);
	e = shop_verdict(c, &s, &t);
	names(&s, &e, LEAK);
	ck_assert_int_eq(e.test[TEST_WATERMARK].trials, 30);
	ck_assert_int_ge(e.test[TEST_WATERMARK].hits, 24);
	/* Of a challenge that asks keys alone the slots are no test. */
	asked = shop_challenge(c, &s, keys, STR(""));
	t.list = asked.list;
	t.suspect = shop_transcript(c, second.out[0], &asked);
	e = shop_verdict(c, &s, &t);
	ck_assert(!e.test[TEST_SLOTS].planned && e.test[TEST_WATERMARK].ran);
}
END_TEST

MAIN("verify_copies", ONE(a_copy_names_its_customer), ONE(keys_are_kept))
