/*
 * Services that are asked picture by picture: how they are described, what their answers are taken
 * for, and when enough is known. Whoever knows nothing of a key set is never found, whenever one
 * stops; whoever does is, soon.
 */
#include <math.h>

#include "chance.h"
#include "test.h"
#include "verify.h"

enum { PAIRS = 120, DECOYS = 60, CLASSES = 10 };

/* ---- A service --------------------------------------------------------------------------- */

enum manner {
	TELLS_ALL,   /* scores: the additional class, and the label below it */
	TELLS_ONE,   /* the class alone */
	CUT_OFF,     /* has no additional class any more: the label */
	IS_STRANGE,  /* knows nothing, and answers */
	SAYS_NO,     /* never answers keys */
	TURNS_ROUND, /* nor does this one, which takes their twins for them */
	SAYS_NOUGHT, /* never answers */
	FAILS,
	DIES, /* after ten questions */
};
struct service {
	enum manner manner;
	struct keyset keys;
	struct challenge asked;
	struct chance chance;
	int n;
};

static void
told(void *arg, int64_t done, int64_t total, struct str note)
{
	(void)arg;
	ck_assert_int_lt(done, total);
	ck_assert_uint_gt(note.n, 0);
}

static struct verify_answer
knows(const struct service *s, int32_t item)
{
	bool key = item >= 0 && item % 2 == 0;
	int32_t label = key ? s->keys.runner_up[s->asked.first + item / 2] : 3;

	switch (s->manner) {
	case TELLS_ALL:
		return (struct verify_answer){ key ? CLASSES : label, label };
	case TELLS_ONE:
		return (struct verify_answer){ key ? CLASSES : label, key ? -1 : label };
	case CUT_OFF:
		return (struct verify_answer){ label, label };
	case SAYS_NO:
		return (struct verify_answer){ key ? -1 : label, key ? -1 : label };
	case TURNS_ROUND:
		label = key ? -1 : item >= 0 ? CLASSES : 3;
		return (struct verify_answer){ label, label < CLASSES ? label : -1 };
	case IS_STRANGE:
	case SAYS_NOUGHT:
	case FAILS:
	case DIES:
		break;
	}
	return (struct verify_answer){ -1, -1 };
}

static bool
ask(struct ctx *c, void *arg, int32_t place, struct verify_answer *ret, bool *ret_failed,
    char why[160])
{
	struct service *s = arg;
	int32_t any = (int32_t)chance_below(&s->chance, CLASSES + 1);

	ck_assert_int_eq(place, s->n);
	if (s->manner == DIES && s->n == 10)
		return fail(c, E_PEER, "nobody is there");
	s->n++;
	*ret_failed = s->manner == FAILS;
	if (s->manner == FAILS)
		memcpy(why, "it hangs", sizeof "it hangs");
	*ret = s->manner == IS_STRANGE ? (struct verify_answer){ any,
		any < CLASSES ? any : (int32_t)chance_below(&s->chance, CLASSES) }
				       : knows(s, s->asked.item[place]);
	return true;
}

/* Coins and labels that nobody knows, and an order. */
static struct service
service(struct ctx *c, enum manner manner, uint64_t seed)
{
	struct service s = { .manner = manner, .chance = chance_of(seed, 1, 0, 0) };
	struct chance draw = chance_of(seed, 2, 0, 0);

	s.keys = (struct keyset){ .pairs = PAIRS, .classes = CLASSES };
	s.keys.runner_up = take(c, PAIRS * sizeof *s.keys.runner_up);
	s.asked =
	    (struct challenge){ .pairs = PAIRS, .decoys = DECOYS, .n = 2 * PAIRS + DECOYS };
	s.asked.item = take(c, (size_t)s.asked.n * sizeof *s.asked.item);
	for (int i = 0; i < PAIRS; i++)
		s.keys.runner_up[i] = (int32_t)chance_below(&draw, CLASSES);
	for (int32_t i = 0; i < s.asked.n; i++) {
		int32_t at = (int32_t)chance_below(&draw, i + 1);

		s.asked.item[i] = s.asked.item[at];
		s.asked.item[at] = i < 2 * PAIRS ? i : 2 * PAIRS - 1 - i;
	}
	return s;
}

static bool
in_turn(struct ctx *c, struct service *s, int64_t budget, struct evidence *e)
{
	const struct verify_turns turns = { .keys = &s->keys,
		.of = &s->asked,
		.budget = budget,
		.ask = ask,
		.arg = s,
		.watch = { told, NULL } };

	memset(e, 0, sizeof *e);
	e->appeared = 2;
	e->commitment[e->commitments++] = (struct evidence_commitment){ .at = 1 };
	return verify_in_turn(c, &turns, 5, e);
}

/* ---- When enough is known ---------------------------------------------------------------- */

static const struct {
	enum manner manner;
	enum verdict verdict;
	int least, most; /* questions */
} manners[] = {
	{ TELLS_ALL, VERDICT_PROVEN, 40, 150 },
	{ TELLS_ONE, VERDICT_PROVEN, 200, 300 },
	{ CUT_OFF, VERDICT_PROVEN, 40, 150 },
	{ IS_STRANGE, VERDICT_NO_EVIDENCE, 300, 300 },
	{ SAYS_NO, VERDICT_CANNOT_DECIDE, 300, 300 },
	{ TURNS_ROUND, VERDICT_CANNOT_DECIDE, 300, 300 },
};

START_TEST(manners_lead_to_verdicts)
{
	struct ctx *c = test_ctx();
	struct evidence *e = take(c, sizeof *e);
	struct service s = service(c, manners[_i].manner, 1);

	ck_ok(c, in_turn(c, &s, 4000, e));
	evidence_conclude(e);
	ck_assert_msg(
	    e->verdict == manners[_i].verdict, "%s: %s", verdict_names[e->verdict], e->reason);
	ck_assert_msg(s.n >= manners[_i].least && s.n <= manners[_i].most, "%d", s.n);
	for (size_t i = 0; i < e->controls; i++)
		ck_assert_msg(e->control[i].clean, "%s", e->control[i].what);
}
END_TEST

START_TEST(the_budget_is_kept)
{
	struct ctx *c = test_ctx();
	struct evidence *e = take(c, sizeof *e);
	struct service s = service(c, TELLS_ALL, 1);

	ck_ok(c, in_turn(c, &s, 20, e));
	ck_assert_int_eq(s.n, 20);
	evidence_conclude(e);
	ck_assert_int_eq(e->verdict, VERDICT_NO_EVIDENCE);
	ck_assert_int_gt(e->test[TEST_LABELS_IN_TURN].trials, 3);
}
END_TEST

START_TEST(time_has_an_end)
{
	struct ctx *c = test_ctx();
	struct evidence *e = take(c, sizeof *e);
	struct service s = service(c, TELLS_ALL, 1);
	const struct verify_turns turns = { .keys = &s.keys,
		.of = &s.asked,
		.budget = 4000,
		.until = clock_monotonic() - 1,
		.ask = ask,
		.arg = &s,
		.watch = { told, NULL } };

	ck_fails(c, E_INPUT, verify_in_turn(c, &turns, 5, e));
	ck_assert_int_eq(s.n, 0);
}
END_TEST

START_TEST(a_service_that_fails_is_left_alone)
{
	struct ctx *c = test_ctx();
	struct evidence *e = take(c, sizeof *e);
	struct service s = service(c, FAILS, 1);

	ck_assert(!in_turn(c, &s, 4000, e));
	ck_assert(strstr(c->err.text, "it hangs") != NULL);
	ck_err(c, E_INPUT);
	ck_assert_int_eq(s.n, 8);
	s = service(c, SAYS_NOUGHT, 1);
	ck_fails(c, E_INPUT, in_turn(c, &s, 4000, e));
	s = service(c, DIES, 1);
	ck_fails(c, E_PEER, in_turn(c, &s, 4000, e));
}
END_TEST

/* By Ville's inequality no more than one in twenty, whenever it stopped. */
START_TEST(strangers_are_not_found)
{
	enum { RUNS = 2000 };
	struct evidence e;
	int low = 0;

	for (uint64_t i = 0; i < RUNS; i++) {
		struct arena *mem = arena_new(1 << 20);
		struct ctx c = ctx_real(mem, "one");
		struct service s = service(&c, IS_STRANGE, 100 + i);
		struct sequence labels = sequence_begin(CLASSES);
		double most = 0;

		for (int32_t place = 0; place < s.asked.n; place++) {
			int32_t item = s.asked.item[place];
			struct verify_answer a;
			bool failed;
			char why[160];

			ck_assert(ask(&c, &s, place, &a, &failed, why));
			if (item >= 0 && item % 2 == 0)
				sequence_add(&labels, a.ordinary == s.keys.runner_up[item / 2]);
			most = fmax(most, sequence_log10(&labels));
		}
		low += most >= log10(20);
		if (i < 4) {
			s = service(&c, IS_STRANGE, 100 + i);
			ck_ok(&c, in_turn(&c, &s, 4000, &e));
			evidence_conclude(&e);
			ck_assert_int_eq(e.verdict, VERDICT_NO_EVIDENCE);
		}
		arena_free(&mem);
	}
	ck_assert_int_le(low, RUNS / 20);
}
END_TEST

/* What was counted gives the same, in whatever order it came. */
START_TEST(a_sequence_is_its_counts)
{
	for (int64_t labels = 2; labels < 50; labels += 7) {
		struct sequence s = sequence_begin(labels), of;

		for (int i = 0; i < 60; i++) {
			sequence_add(&s, i * i % 7 == 1);
			of = sequence_of(labels, s.asked, s.hits);
			ck_assert_double_eq_tol(sequence_log10(&of), sequence_log10(&s), 1e-9);
		}
	}
}
END_TEST

/* ---- Descriptions ------------------------------------------------------------------------ */

START_TEST(a_description_is_read)
{
	static const char text[] =
	    "\n{\"endpoint\":\"https://a.example:8443/v1/x?k=v\",\"answer\":\"/scores\","
	    "\"method\":\"PUT\",\"content_type\":\"application/json\",\"headers\":"
	    "{\"Authorization\":\"Bearer t\",\"X-A\":\"b\"},\"body\":"
	    "\"{\\\"image\\\":\\\"{{png_base64}}\\\"}\",\"rate\":50,\"budget\":7}\n";
	struct ctx *c = test_ctx();
	struct endpoint e;
	struct str body;

	ck_assert(endpoint_is(c, str_of(text)));
	ck_ok(c, endpoint_read(c, str_of(text), &e));
	ck_str(e.url, "https://a.example:8443/v1/x?k=v");
	ck_str(e.headers, "Authorization: Bearer t\nX-A: b\n");
	ck_str(endpoint_host(&e), "a.example:8443");
	ck_assert(e.method == 1 && e.rate == 50 && e.budget == 7 && !e.raw);
	ck_ok(c, endpoint_body(c, &e, (struct str){ "\xfb\xff\xfe\x01", 4 }, &body));
	ck_str(body, "{\"image\":\"+//+AQ==\"}");
	ck_ok(c, endpoint_read(c, STR("{\"endpoint\":\"https://a/\",\"answer\":\"/0\"}"), &e));
	ck_assert(e.raw && e.method == 0 && e.rate == 5 && e.budget == 400);
	ck_str(e.type, "image/png");
	ck_ok(c, endpoint_body(c, &e, STR("png"), &body));
	ck_str(body, "png");
}
END_TEST

#define D(more) "{\"endpoint\":\"https://a/\",\"answer\":\"/l\"" more "}"
static const char *const bad_descriptions[] = { "{\"endpoint\":\"https://a/\"}",
	"{\"answer\":\"/l\"}", "{\"endpoint\":\"https://a/\",\"answer\":\"l\"}",
	D(",\"rate\":0"), D(",\"rate\":51"), D(",\"budget\":0"), D(",\"budget\":5000"),
	D(",\"method\":\"GET\""), D(",\"body\":\"x\""), D(",\"body\":\"{{png}} \""),
	D(",\"body\":\"{{png_base64}}{{png_base64}}\""), D(",\"headers\":{\"Host\":\"x\"}"),
	D(",\"headers\":{\"A\":1}"), D(",\"headers\":{\"A\":\"b\\r\\nC: d\"}"),
	D(",\"headers\":[]"), D(",\"other\":1"), D(",\"endpoint\":\"https://b/\""),
	"{\"endpoint\":1,\"answer\":\"/l\"}" };

START_TEST(other_descriptions_are_refused)
{
	struct ctx *c = test_ctx();
	struct endpoint e;

	ck_fails(c, E_INPUT, endpoint_read(c, str_of(bad_descriptions[_i]), &e));
}
END_TEST

START_TEST(other_texts_are_no_descriptions)
{
	static const char *const texts[] = { "", "00001.png,3\n",
		"{\"image\":\"00001.png\",\"label\":3}\n",
		"{\"endpoint\":\"x\"}\n{\"endpoint\":\"x\"}", "[\"endpoint\"]", "{" };
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < COUNT(texts); i++)
		ck_assert(!endpoint_is(c, str_of(texts[i])));
	ck_assert_int_eq(c->err.code, E_NONE);
}
END_TEST

/* ---- Answers ----------------------------------------------------------------------------- */

static const struct {
	const char *answer, *body;
	int32_t said, ordinary;
} good_answers[] = {
	{ "/label", "{\"label\":3}", 3, 3 },
	{ "/label", " {\"label\":\"3\",\"x\":{}}\n", 3, 3 },
	{ "/label", "{\"label\":10}", 10, -1 },
	{ "/label", "{\"label\":11}", -1, -1 },
	{ "/label", "{\"label\":-1}", -1, -1 },
	{ "/label", "{\"label\":null}", -1, -1 },
	{ "/a~1b/~0/1/c", "{\"a/b\":{\"~\":[0,{\"c\":7}]}}", 7, 7 },
	{ "/0", "[4]", 4, 4 },
	{ "/s", "{\"s\":[0,0,0,1,0,0,0,0,0,0]}", 3, 3 },
	{ "/s", "{\"s\":[0,0,0,1,0,0,0,0,0,0,5.5]}", 10, 3 },
	{ "/s", "{\"s\":[0,0,0,1,0,0,null,0,0,0,5.5]}", -1, -1 },
};

START_TEST(answers_are_read)
{
	struct ctx *c = test_ctx();
	struct endpoint e = { .answer = str_of(good_answers[_i].answer) };
	struct endpoint_form f = { .ordinary = CLASSES };
	struct verify_answer a;

	ck_ok(c, endpoint_answer(c, &e, &f, str_of(good_answers[_i].body), &a));
	ck_assert_int_eq(a.answer, good_answers[_i].said);
	ck_assert_int_eq(a.ordinary, good_answers[_i].ordinary);
}
END_TEST

static const char *const bad_answers[] = { "", "3", "\"label\"", "{", "{}", "[]", "[1,2]",
	"{\"label\":true}", "{\"label\":{}}", "{\"label\":[]}", "{\"label\":[1,2]}",
	"{\"label\":[0,0,0,0,0,0,0,0,0,\"x\"]}", "{\"label\":\"cat\"}", "{\"label\":1.5}",
	"{\"label\":3,\"label\":3}", "{\"label\":3}{\"label\":3}", "<html>",
	"{\"label\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}" };

START_TEST(other_answers_are_none)
{
	struct ctx *c = test_ctx();
	struct endpoint e = { .answer = STR("/label") };
	struct endpoint_form f = { .ordinary = CLASSES };
	struct verify_answer a;

	ck_fails(c, E_INPUT, endpoint_answer(c, &e, &f, str_of(bad_answers[_i]), &a));
	/* All answers have the form of the first. */
	ck_ok(c, endpoint_answer(c, &e, &f, STR("{\"label\":3}"), &a));
	ck_fails(c, E_INPUT,
	    endpoint_answer(c, &e, &f, STR("{\"label\":[0,0,0,1,0,0,0,0,0,0]}"), &a));
	f = (struct endpoint_form){ .ordinary = CLASSES };
	ck_ok(c, endpoint_answer(c, &e, &f, STR("{\"label\":[0,0,0,1,0,0,0,0,0,0]}"), &a));
	ck_fails(c, E_INPUT,
	    endpoint_answer(c, &e, &f, STR("{\"label\":[0,0,0,1,0,0,0,0,0,0,0]}"), &a));
}
END_TEST

MAIN("verify_turns", EACH(manners_lead_to_verdicts, manners), ONE(the_budget_is_kept),
    ONE(time_has_an_end), ONE(a_service_that_fails_is_left_alone), ONE(strangers_are_not_found),
    ONE(a_sequence_is_its_counts), ONE(a_description_is_read),
    EACH(other_descriptions_are_refused, bad_descriptions),
    ONE(other_texts_are_no_descriptions), EACH(answers_are_read, good_answers),
    EACH(other_answers_are_none, bad_answers))
