/*
 * Red teams: runs of attacks on a release, which its vendor orders to learn what a thief could do,
 * and what came of them.
 */
#include "impl.h"

const char *const red_team_state_names[] = {
	[RED_TEAM_RUNNING] = "running",
	[RED_TEAM_DONE] = "done",
	[RED_TEAM_FAILED] = "failed",
	NULL,
};
const char *const red_team_profile_names[] = { "quick", "standard", "full", NULL };
enum { PROFILE_LAST = 2 };

/* clang-format off */
enum {
	RED_TEAM_INSERT, RED_TEAM_BY_ID, RED_TEAM_LIST, RED_TEAM_TO_DONE, RED_TEAM_TO_FAILED,
};
#define RED_TEAM(facts) "SELECT id, vendor, release, state, job, profile, attacks, wins," \
	" accusations, report, error_code, error_text, created, version, " facts " FROM red_team"
static const char *const sql[] = {
	[RED_TEAM_INSERT] = "INSERT INTO red_team (id, vendor, release, job, profile, created)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	[RED_TEAM_BY_ID] = RED_TEAM("facts") " WHERE id = ? AND vendor = ?",
	[RED_TEAM_LIST] = RED_TEAM("''") " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[RED_TEAM_TO_DONE] = "UPDATE red_team SET state = 1, attacks = ?, wins = ?, accusations = ?,"
	    " facts = ?, report = ?, version = version + 1 WHERE id = ? AND state = 0",
	[RED_TEAM_TO_FAILED] = "UPDATE red_team SET state = 2, error_code = ?, error_text = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
};
/* clang-format on */
const struct questions red_team_questions = { PART_RED_TEAMS, sql, COUNT(sql) };

bool
red_team_insert(struct ctx *c, struct db *db, struct red_team_row *r)
{
	owned(question_done) struct question q = ask(
	    c, db, &red_team_questions, RED_TEAM_INSERT);
	struct release_row release;
	int64_t changed;

	if (!release_outline(c, db, str_of(r->vendor.s), str_of(r->release.s), &release))
		return false;
	if (release.state != RELEASE_READY)
		return fail_at(c, E_CONFLICT, "/release",
		    "the release is %s: only one that is ready is attacked",
		    release_state_names[release.state]);
	in_id(&q, &r->id);
	in_id(&q, &r->vendor);
	in_id(&q, &r->release);
	in_id(&q, &r->job);
	in_number(&q, r->profile);
	in_number(&q, r->created);
	if (!question_run(&q, &changed))
		return false;
	r->version = 1;
	return true;
}

static void
red_team_row(struct question *q, void *ret)
{
	struct red_team_row *r = ret;
	int64_t state, profile;

	r->id = out_id(q);
	r->vendor = out_id(q);
	r->release = out_id(q);
	state = out_number(q);
	r->state = state >= RED_TEAM_RUNNING && state <= RED_TEAM_FAILED
	    ? (enum red_team_state)state
	    : RED_TEAM_FAILED;
	r->job = out_id(q);
	profile = out_number(q);
	r->profile = profile >= 0 && profile <= PROFILE_LAST ? (int)profile : 0;
	r->attacks = out_number(q);
	r->wins = out_number(q);
	r->accusations = out_number(q);
	r->report = out_digest(q);
	r->error_code = out_text(q);
	r->error_text = out_text(q);
	r->created = out_number(q);
	r->version = out_number(q);
	r->facts = out_text(q);
}

bool
red_team_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct red_team_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &red_team_questions, RED_TEAM_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, red_team_row, "red team", ret);
}

bool
red_team_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct red_team_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &red_team_questions, RED_TEAM_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, red_team_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
red_team_done(struct ctx *c, struct db *db, const struct red_team_row *r)
{
	owned(question_done) struct question q = ask(
	    c, db, &red_team_questions, RED_TEAM_TO_DONE);

	in_number(&q, r->attacks);
	in_number(&q, r->wins);
	in_number(&q, r->accusations);
	in_text(&q, r->facts);
	in_digest(&q, &r->report);
	in_id(&q, &r->id);
	return question_one(&q, E_CONFLICT, "the red team does not run");
}

bool
red_team_fail(struct ctx *c, struct db *db, struct str id, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(
	    c, db, &red_team_questions, RED_TEAM_TO_FAILED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the red team does not run");
}
