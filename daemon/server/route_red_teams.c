/*
 * Red teams, as they are read: how the attacks on a release went, and the report, for programs and
 * for people. Both lie in the vault as the worker has left them.
 */
#include "downloads.h"
#include "red_teams.h"

static void
done_json(struct js *j, const struct red_team_row *r, bool facts)
{
	js_number(j, "attacks", r->attacks);
	js_number(j, "wins", r->wins);
	js_number(j, "false_accusations", r->accusations);
	js_digest(j, "report", &r->report);
	if (facts)
		js_raw(j, "facts", r->facts);
}

void
red_team_json(struct js *j, const struct red_team_row *r, bool facts)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_text(j, "release", str_of(r->release.s));
	js_text(j, "profile", str_of(red_team_profile_names[r->profile]));
	js_text(j, "state", str_of(red_team_state_names[r->state]));
	js_text(j, "job", str_of(r->job.s));
	if (r->state == RED_TEAM_DONE)
		done_json(j, r, facts);
	if (r->state == RED_TEAM_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", r->error_code);
		js_text(j, "detail", r->error_text);
		js_close(j, '}');
	}
	js_time(j, "created", r->created);
	js_close(j, '}');
}

bool
red_teams_get(struct ctx *c, struct request *rq)
{
	struct red_team_row *r;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "rdt", &page) || !server_reader(c, rq->server, &db) ||
	    !red_team_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &r, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		red_team_json(&j, &r[i], false);
	return list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR(""));
}

MUST static bool
find(struct ctx *c, struct request *rq, struct db **ret_db, struct red_team_row *ret)
{
	return server_reader(c, rq->server, ret_db) &&
	    red_team_by_id(c, *ret_db, str_of(rq->who.vendor.s), rq->param[0], ret);
}

bool
red_team_get(struct ctx *c, struct request *rq)
{
	struct red_team_row r;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!find(c, rq, &db, &r) || !take_buf(c, r.facts.n + RED_TEAM_JSON_MAX, &out))
		return false;
	red_team_json(&j, &r, true);
	reply_etag(rq, r.version, 0);
	return reply_json(rq, 200, &out);
}

/* ---- What it left ------------------------------------------------------------------------ */

MUST static bool
part(struct ctx *c, struct request *rq, const char *name, const struct download_as *as)
{
	struct red_team_row r;
	struct db *db;

	if (!find(c, rq, &db, &r))
		return false;
	if (r.state == RED_TEAM_RUNNING)
		return fail(
		    c, E_CONFLICT, "the red team is still at work: there is no report yet");
	if (r.state == RED_TEAM_FAILED)
		return fail(c, E_CONFLICT, "the red team has failed, it has no report");
	return download_part(c, rq, db, &r.id, name, as);
}

bool
red_team_report_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/json", NULL, NULL };

	return part(c, rq, "report", &as);
}

bool
red_team_page_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "text/html; charset=utf-8", NULL,
		DOWNLOAD_PAGE_POLICY };

	return part(c, rq, "page", &as);
}
