/*
 * What the end of a job means for a red team: it is done, with its report, and whoever asked for it
 * is told; or it has failed and says why. The worker has trained and read much: what it says is
 * taken only where it agrees with what it wrote.
 */
#include "job_effects.h"

enum { REPORT, PAGE, SAVE_0, SAVE_1 }; /* of its outputs */

MUST static bool
red_team_read(struct ctx *c, const struct run *r, struct red_team_row *row)
{
	struct json_part wins, *part;
	struct digest256 written;
	struct said s;
	size_t n;

	if (!said_read(c, r, &s))
		return false;
	memcpy(written.b, r->made[REPORT].sha256, sizeof written.b);
	if (!said_number(&s, "attacks", 0, INT32_MAX, &row->attacks) ||
	    !said_number(&s, "false_accusations", 0, INT32_MAX, &row->accusations) ||
	    !json_find(s.part, s.n, "wins", &wins) || wins.kind != KIND_LIST ||
	    !said_digest(c, &s, "report", &row->report) || r->made[REPORT].size == 0 ||
	    r->made[PAGE].size == 0)
		return fail(c, E_INTEGRITY, "the worker's result does not describe a red team");
	if (!digest256_same(&row->report, &written))
		return fail(c, E_INTEGRITY, "the worker's result speaks of another report");
	if (r->made[SAVE_0].size != 0 || r->made[SAVE_1].size != 0)
		return fail(c, E_INTEGRITY, "the worker speaks of what it keeps for itself");
	if (!json_split(c, wins.value, &part, &n))
		return false;
	row->wins = (int64_t)n;
	row->facts = r->row.result;
	return true;
}

bool
redteam_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct red_team_row *row = take(c, sizeof *row);

	if (row == NULL || !run_outputs_keep(j, r) ||
	    !red_team_by_id(c, j->db, str_of(r->row.vendor.s), str_of(r->row.object.s), row) ||
	    !red_team_read(c, r, row))
		return false;
	r->red_team = row;
	return true;
}

MUST static bool
tell(struct ctx *c, struct db *db, struct run *r)
{
	const struct red_team_row *row = r->red_team;
	char *data = take_printf(c,
	    "{\"red_team\":\"%s\",\"release\":\"%s\",\"attacks\":%lld,\"wins\":%lld,"
	    "\"false_accusations\":%lld}",
	    row->id.s, row->release.s, (long long)row->attacks, (long long)row->wins,
	    (long long)row->accusations);

	return data != NULL &&
	    event_emit(c, db, str_of(row->vendor.s), "red_team.done", str_of(row->id.s),
		str_of(data), &r->told);
}

bool
redteamed(
    struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	return outputs_store(c, db, r, ret_gone, ret_n) && red_team_done(c, db, r->red_team) &&
	    tell(c, db, r);
}
