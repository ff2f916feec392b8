/*
 * Red teams as rows: each from its beginning to its one end, seen by no other vendor, of a release
 * that is ready; what came of one stays when the release goes.
 */
#include "licensing_support.h"

/* An estate whose release is ready. */
static struct estate
released_new(struct ctx *c)
{
	struct estate e = estate_new(c);
	struct release_row *r = &e.release;

	r->locks = 2;
	r->bytes = 99;
	r->artifact = digest_of(c, "artifact");
	r->plain = digest_of(c, "plain");
	r->facts = STR("{}");
	r->bundle = STR("{\"a\":1}");
	r->manifest = STR("a.b.c");
	ck_ok(c, act(&e, release_ready(c, e.w, r)));
	return e;
}

static struct red_team_row
red_team_new(struct ctx *c, const struct estate *e)
{
	return (struct red_team_row){ .id = id_new(c, "rdt"),
		.vendor = e->h.vendor,
		.release = e->release.id,
		.job = id_new(c, "job"),
		.profile = 1,
		.created = TEST_NOW };
}

START_TEST(runs_to_one_end)
{
	struct ctx *c = test_ctx();
	struct estate e = released_new(c);
	struct red_team_row r = red_team_new(c, &e), got, *list;
	struct str id = str_of(r.id.s);
	size_t n;

	ck_ok(c, act(&e, red_team_insert(c, e.w, &r)));
	ck_assert_int_eq(r.version, 1);
	ck_ok(c, red_team_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, RED_TEAM_RUNNING);
	ck_assert_str_eq(red_team_profile_names[got.profile], "standard");
	ck_assert_str_eq(got.release.s, e.release.id.s);
	r.attacks = 9;
	r.wins = 2;
	r.accusations = 1;
	r.report = digest_of(c, "report");
	/* A done one has facts. */
	ck_assert(!act(&e, red_team_done(c, e.w, &r)));
	c->err = (struct err){ 0 };
	r.facts = STR("{\"a\":1}");
	ck_ok(c, act(&e, red_team_done(c, e.w, &r)));
	ck_fails(c, E_CONFLICT, act(&e, red_team_done(c, e.w, &r)));
	ck_fails(c, E_CONFLICT, act(&e, red_team_fail(c, e.w, id, STR("CONFLICT"), STR("no"))));
	ck_ok(c, red_team_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, RED_TEAM_DONE);
	ck_assert_int_eq(got.attacks, 9);
	ck_assert_int_eq(got.wins, 2);
	ck_assert_int_eq(got.accusations, 1);
	ck_assert_int_eq(got.version, 2);
	ck_str(got.facts, "{\"a\":1}");
	ck_assert(digest256_same(&got.report, &r.report));
	ck_ok(c, red_team_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(list[0].wins, 2);
	ck_assert_uint_eq(list[0].facts.n, 0);
	estate_done(c, &e);
}
END_TEST

START_TEST(attacks_what_is_ready)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct red_team_row r = red_team_new(c, &e);

	ck_fails(c, E_CONFLICT, act(&e, red_team_insert(c, e.w, &r)));
	estate_done(c, &e);
}
END_TEST

START_TEST(failed_one_says_why)
{
	struct ctx *c = test_ctx();
	struct estate e = released_new(c);
	struct red_team_row r = red_team_new(c, &e), got;
	struct str id = str_of(r.id.s);

	ck_ok(c, act(&e, red_team_insert(c, e.w, &r)));
	ck_ok(c, act(&e, red_team_fail(c, e.w, id, STR("LIMIT"), STR("too much"))));
	r.facts = STR("{}");
	ck_fails(c, E_CONFLICT, act(&e, red_team_done(c, e.w, &r)));
	ck_ok(c, red_team_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, RED_TEAM_FAILED);
	ck_str(got.error_code, "LIMIT");
	ck_str(got.error_text, "too much");
	estate_done(c, &e);
}
END_TEST

START_TEST(is_its_vendors_alone)
{
	struct ctx *c = test_ctx();
	struct estate e = released_new(c);
	struct red_team_row r = red_team_new(c, &e), crossed = red_team_new(c, &e), got, *list;
	size_t n;

	ck_ok(c, act(&e, red_team_insert(c, e.w, &r)));
	ck_fails(c, E_ABSENT, red_team_by_id(c, e.h.db, other_of(&e), str_of(r.id.s), &got));
	ck_ok(c, red_team_list(c, e.h.db, other_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	/* Nobody attacks another's release, nor one that is not there. */
	crossed.vendor = e.h.other;
	ck_fails(c, E_ABSENT, act(&e, red_team_insert(c, e.w, &crossed)));
	crossed = red_team_new(c, &e);
	crossed.release = id_new(c, "rel");
	ck_fails(c, E_ABSENT, act(&e, red_team_insert(c, e.w, &crossed)));
	estate_done(c, &e);
}
END_TEST

START_TEST(stays_when_the_release_goes)
{
	struct ctx *c = test_ctx();
	struct estate e = released_new(c);
	struct red_team_row r = red_team_new(c, &e), got;
	struct blob_row *gone;
	size_t n;

	ck_ok(c, act(&e, red_team_insert(c, e.w, &r)));
	ck_ok(c, act(&e, red_team_fail(c, e.w, str_of(r.id.s), STR("X"), STR("no"))));
	ck_ok(c,
	    act(&e,
		release_delete(
		    c, e.w, vendor_of(&e), STR(""), str_of(e.release.id.s), 0, &gone, &n)));
	ck_ok(c, red_team_by_id(c, e.h.db, vendor_of(&e), str_of(r.id.s), &got));
	ck_assert_str_eq(got.release.s, e.release.id.s);
	estate_done(c, &e);
}
END_TEST

MAIN("store_red_teams", ONE(runs_to_one_end), ONE(attacks_what_is_ready),
    ONE(failed_one_says_why), ONE(is_its_vendors_alone), ONE(stays_when_the_release_goes))
