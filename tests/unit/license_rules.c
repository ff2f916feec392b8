/*
 * What holds for every decision, on facts drawn at random: more of what a policy gives never turns
 * a yes into a no, time never runs backwards, time zones have no say, and policies themselves.
 */
#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "license_support.h"

static uint32_t
draw(struct ctx *c, uint32_t n)
{
	uint32_t v;

	c->random(&v, sizeof v);
	return v % n;
}

/* Facts near the borders: most decisions are about one step to either side of something. */
static void
story_random(struct ctx *c, struct story *s, enum action action)
{
	story_init(s, action);
	s->f.now = NOW - 2 + draw(c, 5);
	s->f.last_seen = NOW - 302 + draw(c, 605);
	s->f.approvals = draw(c, 4);
	s->f.seats_used = draw(c, 5);
	s->f.unlocks_done = draw(c, 6);
	s->f.list_until = NOW - 8 * DAY + draw(c, 9) * DAY;
	s->f.ask_seats = draw(c, 8);
	s->f.ask_until = NOW - 2 + draw(c, 5) * DAY;
	s->f.seat = draw(c, 3);
	s->f.machine = draw(c, 4) == 0 ? NULL : &s->here;
	s->f.keys_ready = draw(c, 8) != 0;
	s->here.n = draw(c, 4);
	s->l.bound_n = draw(c, 3);
	s->l.expires = draw(c, 4) == 0 ? 0 : NOW - 2 + draw(c, 5);
	s->l.not_before = NOW - 4 + draw(c, 5);
	s->l.seats = 1 + draw(c, 4);
	s->l.state = draw(c, 10) == 0 ? LICENSE_REVOKED : s->l.state;
	s->p.binding = draw(c, BIND_COUNT);
	s->p.components = draw(c, 32);
	s->p.duration = draw(c, 4) * DAY + 60;
	s->p.offline = draw(c, 9) * DAY;
	s->p.seats = 1 + draw(c, 6);
	s->p.unlocks = draw(c, 6);
	s->p.tolerance = draw(c, 2) * 300;
	s->p.grace_expired = draw(c, 3);
	s->p.stale_refused = draw(c, 2) == 0;
}

/* What may grow, and by how much. */
static const struct {
	const char *name;
	size_t at;
	int64_t by;
} more[] = {
	{ "the license's seats", offsetof(struct story, l.seats), 1 },
	{ "the policy's seats", offsetof(struct story, p.seats), 1 },
	{ "unlocks", offsetof(struct story, p.unlocks), 1 },
	{ "offline time", offsetof(struct story, p.offline), DAY },
	{ "tolerance", offsetof(struct story, p.tolerance), 60 },
	{ "grace", offsetof(struct story, p.grace_expired), 1 },
	{ "duration", offsetof(struct story, p.duration), DAY },
	{ "lease", offsetof(struct story, p.lease), 60 },
	{ "approvals", offsetof(struct story, f.approvals), 1 },
	{ "the list's age", offsetof(struct story, f.list_until), DAY },
	{ "fewer seats in use", offsetof(struct story, f.seats_used), -1 },
	{ "fewer unlocks done", offsetof(struct story, f.unlocks_done), -1 },
	{ "fewer approvals asked for", offsetof(struct story, p.approvals), -1 },
};

START_TEST(more_is_never_less)
{
	struct ctx *c = test_ctx();
	size_t yes = 0;

	for (int i = 0; i < 20000; i++) {
		enum action action = draw(c, ACTION_COUNT);
		struct verdict before, after;
		struct story s;

		story_random(c, &s, action);
		before = policy_decide(&s.f, &s.p, action);
		*(int64_t *)(void *)((char *)&s + more[_i].at) += more[_i].by;
		after = policy_decide(&s.f, &s.p, action);
		if (verdict_answer(before.code) != ANSWER_YES)
			continue;
		yes++;
		ck_assert_msg(verdict_answer(after.code) == ANSWER_YES, "%s: %s became %s",
		    more[_i].name, action_name(action), verdict_wire(after.code));
		ck_assert(after.until == 0 || before.until == 0 || after.until >= before.until);
	}
	ck_assert_uint_gt(yes, 500);
}
END_TEST

/* A clock set back gives nothing that the right one would not: neither a yes, nor a longer one. */
START_TEST(setting_the_clock_back_gains_nothing)
{
	struct ctx *c = test_ctx();
	size_t noticed = 0;

	for (int i = 0; i < 20000; i++) {
		enum action action = draw(c, ACTION_COUNT);
		struct verdict right, wrong;
		struct story s;

		story_random(c, &s, action);
		s.f.last_seen = s.f.now;
		right = policy_decide(&s.f, &s.p, action);
		s.f.now -= draw(c, 2) == 0 ? draw(c, 600) : draw(c, 600 * (uint32_t)DAY);
		wrong = policy_decide(&s.f, &s.p, action);
		if (verdict_answer(right.code) != ANSWER_YES)
			ck_assert_int_ne(verdict_answer(wrong.code), ANSWER_YES);
		ck_assert(verdict_answer(wrong.code) != ANSWER_YES ||
		    (right.until == 0 || (wrong.until != 0 && wrong.until <= right.until)));
		ck_assert_int_eq(wrong.clock_back, s.f.now < s.f.last_seen);
		if (s.f.last_seen - s.f.now > s.p.tolerance)
			ck_assert_int_ne(verdict_answer(wrong.code), ANSWER_YES);
		noticed += wrong.code == V_CLOCK_STEPPED_BACK;
	}
	ck_assert_uint_gt(noticed, 1000);
}
END_TEST

/* Once over, over: a second at a time across the end and the grace. */
START_TEST(what_has_ended_stays_ended)
{
	struct story s;
	bool ended = false;

	story_init(&s, ACTION_VALIDATE);
	s.p.grace_expired = 3;
	for (int64_t t = -5; t <= 10; t++) {
		enum verdict_code code;

		s.f.now = s.l.expires + t;
		code = policy_decide(&s.f, &s.p, ACTION_VALIDATE).code;
		ck_assert_int_eq(code,
		    t < 0       ? V_VALID
			: t < 3 ? V_VALID_IN_GRACE
				: V_LICENSE_EXPIRED);
		ck_assert(!ended || code == V_LICENSE_EXPIRED);
		ended = code == V_LICENSE_EXPIRED;
	}
}
END_TEST

/* Zones with the change of the hour on either side, and one that is far from any. */
START_TEST(time_zones_have_no_say)
{
	static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York",
		"Pacific/Kiritimati", "Australia/Lord_Howe" };
	/* 2026-03-29T01:00Z, when Berlin's clocks skip an hour, and 2026-10-25T01:00Z. */
	static const int64_t changes[] = { 1774746000, 1792890000 };
	struct ctx *c = test_ctx();
	enum verdict_code first[COUNT(changes)][200];

	for (size_t z = 0; z < COUNT(zones); z++) {
		ck_assert_int_eq(setenv("TZ", zones[z], 1), 0);
		tzset();
		test_seed(7);
		for (size_t k = 0; k < COUNT(changes); k++)
			for (size_t i = 0; i < COUNT(first[k]); i++) {
				struct verdict v;
				struct story s;

				story_random(c, &s, ACTION_VALIDATE);
				s.f.now = changes[k] - 7200 + (int64_t)i * 72;
				s.f.last_seen = s.f.now;
				s.l.expires = changes[k] - 7200 + draw(c, 14400);
				v = policy_decide(&s.f, &s.p, ACTION_VALIDATE);
				if (z == 0)
					first[k][i] = v.code;
				ck_assert_int_eq(v.code, first[k][i]);
				ck_assert(
				    v.code != V_LICENSE_EXPIRED || s.f.now >= s.l.expires);
			}
	}
}
END_TEST

START_TEST(seconds_round_down)
{
	ck_assert_int_eq(seconds_of(1999), 1);
	ck_assert_int_eq(seconds_of(0), 0);
	ck_assert_int_eq(seconds_of(-1), -1);
	ck_assert_int_eq(seconds_of(-1000), -1);
	ck_assert_int_eq(seconds_of(-1001), -2);
	ck_assert_int_lt(seconds_of(INT64_MIN), 0);
}
END_TEST

/* ---- Policies ---------------------------------------------------------------------------- */

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

START_TEST(policies_come_back)
{
	struct ctx *c = test_ctx();
	struct policy p;
	char first[2048], again[2048];
	struct buf a = BUF(first), b = BUF(again);
	struct js ja = { .out = &a }, jb = { .out = &b };

	ck_ok(c, policy_decode(c, STR("{}"), &p));
	policy_put(&ja, NULL, &p);
	ck_ok(c, policy_decode(c, buf_str(&a), &p));
	policy_put(&jb, NULL, &p);
	ck_assert(str_same(buf_str(&a), buf_str(&b)));
	ck_ok(c,
	    policy_decode(c,
		STR("{\"seats\":7,\"binding\":\"most\",\"components\":[\"tpm\",\"disk\"],"
		    "\"entitlements\":[\"run\"],\"stale\":\"undecided\",\"duration\":0,"
		    "\"approvals\":2,\"approvers\":3,\"transferable\":true,\"image\":\"unlock\"}"),
		&p));
	ck_assert_int_eq(p.seats, 7);
	ck_assert_int_eq(p.binding, BIND_MOST);
	ck_assert_uint_eq(p.components, 1u << MACHINE_TPM | 1u << MACHINE_DISK);
	ck_assert(!p.stale_refused && p.transferable && p.renewable && p.duration == 0);
	ck_assert_int_eq(p.image, IMAGE_UNLOCK);
	ck_assert_uint_eq(p.entitlements.n, 1);
	/* Terms from before there were key images. */
	ck_ok(c, policy_decode(c, STR("{\"seats\":7}"), &p));
	ck_assert_int_eq(p.image, IMAGE_NONE);
	ck_ok(c, policy_decode(c, STR("{\"entitlements\":[\"" A64 "\"]}"), &p));
}
END_TEST

static const struct {
	const char *json, *at;
	enum err_code want;
} bad_policies[] = {
	{ "{\"seats\":0}", "/seats", E_INPUT },
	{ "{\"image\":\"exec\"}", "/image", E_INPUT },
	{ "{\"image\":true}", "/image", E_INPUT },
	{ "{\"seats\":1000001}", "/seats", E_INPUT },
	{ "{\"seats\":1.5}", "/seats", E_INPUT },
	{ "{\"seats\":\"1\"}", "/seats", E_INPUT },
	{ "{\"lease\":29}", "/lease", E_INPUT },
	{ "{\"duration\":59}", "/duration", E_INPUT },
	{ "{\"duration\":-1}", "/duration", E_INPUT },
	{ "{\"offline\":316224001}", "/offline", E_INPUT },
	{ "{\"tolerance\":86401}", "/tolerance", E_INPUT },
	{ "{\"unlocks\":-1}", "/unlocks", E_INPUT },
	{ "{\"approvals\":1}", "/approvals", E_INPUT },
	{ "{\"approvals\":17,\"approvers\":17}", "/approvals", E_INPUT },
	{ "{\"binding\":\"some\"}", "/binding", E_INPUT },
	{ "{\"components\":[\"mac\"]}", "/components", E_INPUT },
	{ "{\"components\":[\"tpm\",\"tpm\"]}", "/components", E_INPUT },
	{ "{\"binding\":\"any\",\"components\":[]}", "/components", E_INPUT },
	{ "{\"binding\":\"any\",\"components\":[\"container\"]}", "/components", E_INPUT },
	{ "{\"entitlements\":[\"a b\"]}", "/entitlements", E_INPUT },
	{ "{\"entitlements\":[\"\"]}", "/entitlements", E_INPUT },
	{ "{\"entitlements\":[\"a\",\"a\"]}", "/entitlements", E_INPUT },
	{ "{\"entitlements\":[\"" A64 "a\"]}", "/entitlements", E_INPUT },
	{ "{\"stale\":true}", "/stale", E_INPUT },
	{ "{\"seat\":1}", "/seat", E_FIELD },
	{ "{\"seats\":1,\"seats\":2}", "", E_JSON },
	{ "[]", "", E_JSON },
	{ "", "", E_JSON },
};

START_TEST(policies_refuse)
{
	struct ctx *c = test_ctx();
	struct policy p = { .seats = 99 };

	ck_assert(!policy_decode(c, str_of(bad_policies[_i].json), &p));
	ck_assert_str_eq(c->err.at, bad_policies[_i].at);
	ck_err(c, bad_policies[_i].want);
	ck_assert_int_eq(p.seats, 99);
}
END_TEST

/* What does not come from JSON is held to the same ranges. */
START_TEST(policies_are_checked)
{
	struct ctx *c = test_ctx();
	struct policy p = policy_standard();
	struct str words[ENTITLEMENTS_MAX + 1];

	ck_ok(c, policy_check(c, &p));
	p.seats = 0;
	ck_assert(!policy_check(c, &p));
	ck_assert_str_eq(c->err.at, "/seats");
	ck_err(c, E_INPUT);
	p.seats = SEATS_MAX + 1;
	ck_fails(c, E_INPUT, policy_check(c, &p));
	p = policy_standard();
	p.duration = 60;
	ck_ok(c, policy_check(c, &p));
	p.binding = BIND_COUNT;
	ck_fails(c, E_INPUT, policy_check(c, &p));
	p.binding = BIND_ALL;
	p.components = 1u << MACHINE_COUNT | 1;
	ck_fails(c, E_INPUT, policy_check(c, &p));
	p = policy_standard();
	p.entitlements = (struct str_list){ words, ENTITLEMENTS_MAX };
	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = str_of(take_printf(c, "w%zu", i));
	ck_ok(c, policy_check(c, &p));
	p.entitlements.n++;
	ck_fails(c, E_INPUT, policy_check(c, &p));
	p.entitlements.n = 1;
	for (int ch = 0; ch < 256; ch++) {
		char one = (char)ch;
		bool good = ch < 128 && (isalnum(ch) || (ch > 0 && strchr(".-_:/", ch)));

		words[0] = (struct str){ &one, 1 };
		ck_assert_int_eq(policy_check(c, &p), good);
	}
	words[0] = STR("");
	ck_assert(!policy_check(c, &p));
}
END_TEST

MAIN("license_rules", ONE(policies_are_checked), EACH(more_is_never_less, more),
    ONE(setting_the_clock_back_gains_nothing), ONE(what_has_ended_stays_ended),
    ONE(time_zones_have_no_say), ONE(seconds_round_down), ONE(policies_come_back),
    EACH(policies_refuse, bad_policies))
