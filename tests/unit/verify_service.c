/*
 * The job that says whose a service is, from the description to the report: the service, here, is
 * at the other end of two functions, and sees what the server would carry to it.
 */
#include "live.h"
#include "verify_house.h"

enum manner { KNOWS, LIES, REFUSES, TALKS, SLEEPS, VANISHES, MIXES };

/* What the house's networks would not tell, this one does: it was told the answers. */
struct oracle {
	const struct house *house;
	enum manner manner;
	struct challenge asked;
	struct str *picture;
	struct buf answer;
	int n;
	bool raw;
};
static struct oracle *oracle;

static int32_t
label_of(const struct oracle *o, struct str png)
{
	for (int32_t i = 0; i < o->asked.n; i++)
		if (str_same(o->picture[i], png)) {
			int32_t item = o->asked.item[i];

			return item >= 0 && item % 2 == 0
			    ? o->house->keys.runner_up[o->asked.first + item / 2]
			    : 1;
		}
	ck_abort_msg("a picture that is none of the challenge's");
}

static struct str
said(struct ctx *c, struct oracle *o, const struct live_question *q)
{
	struct str png = q->body;
	char *text;

	switch (o->manner) {
	case KNOWS:
	case MIXES:
		if (o->manner == MIXES && o->n % 2 == 0)
			return STR("{\"class\":{}}");
		text = take_printf(c, "{\"class\":%d}", label_of(o, png));
		return str_of(text);
	case LIES:
		return STR("{\"class\":2}");
	case TALKS:
		return STR("<html>busy</html>");
	case REFUSES:
	case SLEEPS:
	case VANISHES:
		break;
	}
	return STR("");
}

static bool
say(struct ctx *c, void *arg, struct str message)
{
	struct live_question q;
	struct live_answer a;

	(void)arg;
	ck_ok(c, live_question_decode(c, message, &q));
	ck_str(q.url, "https://suspect.example/v1/ask");
	ck_str(q.type, "image/png");
	ck_str(q.headers, "X-Key: k\n");
	oracle->n++;
	a = (struct live_answer){ .number = q.number, .status = 200 };
	a.body = said(c, oracle, &q);
	if (oracle->manner == REFUSES)
		a.status = 429;
	if (oracle->manner == SLEEPS)
		a = (struct live_answer){ .number = q.number,
			.text = STR("there was no answer in time") };
	oracle->answer.n = 0;
	return live_answer_encode(c, &a, &oracle->answer);
}

static bool
hear(struct ctx *c, void *arg, int64_t deadline, struct buf *message)
{
	(void)c;
	(void)arg;
	ck_assert_int_gt(deadline, clock_monotonic());
	if (oracle->manner != VANISHES)
		buf_put(message, buf_str(&oracle->answer));
	return true;
}

static const char description[] =
    "{\"endpoint\":\"https://suspect.example/v1/ask\",\"answer\":\"/class\",\"rate\":50,"
    "\"headers\":{\"X-Key\":\"k\"},\"budget\":%d}";

static void
open_case(struct ctx *c, struct house *h, struct oracle *o, struct house_case *k)
{
	struct house_made made;

	house_new(c, h);
	house_challenge(c, h, &h->challenge_secret, &made, &o->asked);
	ck_ok(c, challenge_pictures(c, made.out[0], &o->asked, &o->picture));
	ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &o->answer));
	o->house = h;
	oracle = o;
	*k = (struct house_case){ .suspect = str_of(take_printf(c, description, 300)),
		.keys = true,
		.list = made.out[1],
		.pictures = made.out[0],
		.say = say,
		.hear = hear };
}

static const struct {
	enum manner manner;
	enum verdict verdict;
	const char *words;
	int least, most;
} manners[] = {
	{ KNOWS, VERDICT_PROVEN, "Labels", 40, 160 },
	{ MIXES, VERDICT_PROVEN, "Labels", 80, 220 },
	{ LIES, VERDICT_NO_EVIDENCE, "", 220, 220 },
	{ REFUSES, VERDICT_CANNOT_DECIDE, "429", 8, 8 },
	{ TALKS, VERDICT_CANNOT_DECIDE, "JSON", 8, 8 },
	{ SLEEPS, VERDICT_CANNOT_DECIDE, "no answer in time", 8, 8 },
};

START_TEST(a_service_is_asked)
{
	struct ctx *c = house_ctx();
	struct oracle o = { .manner = manners[_i].manner };
	struct house_made made;
	struct house_case k;
	struct house h;
	struct evidence e;

	open_case(c, &h, &o, &k);
	e = house_verdict(c, &h, &k, manners[_i].verdict, &made);
	ck_assert_str_eq(e.kind, "endpoint");
	ck_assert_msg(o.n >= manners[_i].least && o.n <= manners[_i].most, "%d", o.n);
	ck_assert_msg(strstr(e.reason, manners[_i].words) != NULL, "%s", e.reason);
}
END_TEST

START_TEST(the_budget_is_the_vendors)
{
	struct ctx *c = house_ctx();
	struct oracle o = { .manner = KNOWS };
	struct house_made made;
	struct house_case k;
	struct house h;

	open_case(c, &h, &o, &k);
	k.suspect = str_of(take_printf(c, description, 12));
	house_verdict(c, &h, &k, VERDICT_NO_EVIDENCE, &made);
	ck_assert_int_eq(o.n, 12);
}
END_TEST

START_TEST(without_a_challenge_nobody_is_asked)
{
	struct ctx *c = house_ctx();
	struct oracle o = { .manner = KNOWS };
	struct house_made made;
	struct house_case k, with;
	struct house h;
	struct evidence e;

	open_case(c, &h, &o, &with);
	k = with;
	k.list = k.pictures = STR("");
	e = house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
	ck_assert(strstr(e.reason, "challenge") != NULL);
	k = with;
	k.suspect = STR("{\"endpoint\":\"https://a/\",\"answer\":\"x\"}");
	e = house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
	ck_assert(strstr(e.reason, "JSON Pointer") != NULL);
	k = with;
	k.say = NULL;
	house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
	ck_assert_int_eq(o.n, 0);
	/* Pictures that are cut short are the vendor's own, and end the job or decide nothing. */
	k = with;
	k.pictures.n = k.pictures.n / 2;
	house_verdict(c, &h, &k, VERDICT_CANNOT_DECIDE, &made);
	ck_assert_int_eq(o.n, 0);
}
END_TEST

START_TEST(a_server_that_goes_ends_the_job)
{
	struct ctx *c = house_ctx();
	struct oracle o = { .manner = VANISHES };
	struct house_made made;
	struct house_case k;
	struct house h;

	open_case(c, &h, &o, &k);
	ck_fails(c, E_PEER, house_verify(c, &h, &k, &made));
}
END_TEST

MAIN("verify_service", EACH(a_service_is_asked, manners), ONE(the_budget_is_the_vendors),
    ONE(without_a_challenge_nobody_is_asked), ONE(a_server_that_goes_ends_the_job))
