/*
 * Challenges: pictures that somebody else's service is asked, pairs of a key set, slots or both. A
 * pair that was shown once is worth nothing any more, so each challenge takes pairs that no other
 * one had, in the act that makes it, and whatever becomes of it they stay taken.
 */
#include "impl.h"

const char *const challenge_state_names[] = {
	[CHALLENGE_MAKING] = "making",
	[CHALLENGE_READY] = "ready",
	[CHALLENGE_FAILED] = "failed",
	NULL,
};

/* clang-format off */
enum {
	CHALLENGE_INSERT, CHALLENGE_TAKES, CHALLENGE_BY_ID, CHALLENGE_LIST, CHALLENGE_TO_READY,
	CHALLENGE_TO_FAILED,
};
#define CHALLENGE "SELECT id, vendor, watermark, state, job, key, first, pairs, decoys," \
	" commitment, error_code, error_text, created, version, nullif(slots, '') FROM challenge"
static const char *const sql[] = {
	[CHALLENGE_INSERT] = "INSERT INTO challenge (id, vendor, watermark, job, key, first, pairs,"
	    " decoys, created, slots) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[CHALLENGE_TAKES] = "UPDATE watermark SET asked = asked + ?1, version = version + 1"
	    " WHERE id = ?2 AND asked = ?3 AND asked + ?1 <= keys",
	[CHALLENGE_BY_ID] = CHALLENGE " WHERE id = ? AND vendor = ?",
	[CHALLENGE_LIST] = CHALLENGE " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[CHALLENGE_TO_READY] = "UPDATE challenge SET state = 1, decoys = ?, commitment = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[CHALLENGE_TO_FAILED] = "UPDATE challenge SET state = 2, error_code = ?, error_text = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
};
/* clang-format on */
const struct questions challenge_questions = { PART_CHALLENGES, sql, COUNT(sql) };

/* The watermark has so many pairs that nobody was asked, from there on. */
MUST static bool
pairs_left(struct ctx *c, struct db *db, const struct challenge_row *k)
{
	struct watermark_row w;
	int64_t left;

	if (!watermark_by_id(c, db, str_of(k->vendor.s), str_of(k->watermark.s), &w))
		return false;
	if (w.state != WATERMARK_READY)
		return fail(c, E_CONFLICT, "the watermark is %s, it must be ready",
		    watermark_state_names[w.state]);
	left = w.keys - w.asked;
	if (left == 0)
		return fail(c, E_CONFLICT,
		    "all %lld pairs of the watermark were asked already: what was shown once "
		    "proves nothing any more",
		    (long long)w.keys);
	if (left < k->pairs)
		return fail_at(c, E_CONFLICT, "/pairs",
		    "only %lld pairs of the watermark were not asked yet: ask for as many, or "
		    "fewer",
		    (long long)left);
	return true;
}

MUST static bool
pairs_take(struct ctx *c, struct db *db, const struct challenge_row *k)
{
	owned(question_done) struct question q = ask(
	    c, db, &challenge_questions, CHALLENGE_TAKES);

	in_number(&q, k->pairs);
	in_id(&q, &k->watermark);
	in_number(&q, k->first);
	return question_one(
	    &q, E_BUSY, "another challenge has taken these pairs meanwhile: try again");
}

bool
challenge_insert(struct ctx *c, struct db *db, struct challenge_row *k)
{
	owned(question_done) struct question q = ask(
	    c, db, &challenge_questions, CHALLENGE_INSERT);
	int64_t changed;

	if (k->pairs > 0 && (!pairs_left(c, db, k) || !pairs_take(c, db, k)))
		return false;
	in_id(&q, &k->id);
	in_id(&q, &k->vendor);
	in_id(&q, &k->watermark);
	in_id(&q, &k->job);
	in_id(&q, &k->key);
	in_number(&q, k->first);
	in_number(&q, k->pairs);
	in_number(&q, k->decoys);
	in_number(&q, k->created);
	in_text(&q, str_of(k->slots.s));
	if (!question_run(&q, &changed))
		return false;
	k->version = 1;
	return true;
}

static void
challenge_row(struct question *q, void *ret)
{
	struct challenge_row *k = ret;
	int64_t state;

	k->id = out_id(q);
	k->vendor = out_id(q);
	k->watermark = out_id(q);
	state = out_number(q);
	k->state = state >= CHALLENGE_MAKING && state <= CHALLENGE_FAILED
	    ? (enum challenge_state)state
	    : CHALLENGE_FAILED;
	k->job = out_id(q);
	k->key = out_id(q);
	k->first = out_number(q);
	k->pairs = out_number(q);
	k->decoys = out_number(q);
	k->commitment = out_digest(q);
	k->error_code = out_text(q);
	k->error_text = out_text(q);
	k->created = out_number(q);
	k->version = out_number(q);
	k->slots = out_id(q);
}

bool
challenge_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct challenge_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &challenge_questions, CHALLENGE_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, challenge_row, "challenge", ret);
}

bool
challenge_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct challenge_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &challenge_questions, CHALLENGE_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, challenge_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
challenge_ready(struct ctx *c, struct db *db, const struct challenge_row *k)
{
	owned(question_done) struct question q = ask(
	    c, db, &challenge_questions, CHALLENGE_TO_READY);

	in_number(&q, k->decoys);
	in_digest(&q, &k->commitment);
	in_id(&q, &k->id);
	return question_one(&q, E_CONFLICT, "the challenge is not being made");
}

bool
challenge_fail(struct ctx *c, struct db *db, struct str id, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(
	    c, db, &challenge_questions, CHALLENGE_TO_FAILED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the challenge is not being made");
}
