/*
 * The audit: rows chained by digest, their head, their listing, and the checkpoints that the
 * custodian has signed. A link covers the one before it and every column of its row, numbers in
 * decimal, so that an exported audit can be verified by anybody with SHA-256.
 */
#include "impl.h"

/* clang-format off */
enum {
	AUDIT_INSERT, AUDIT_HEAD, AUDIT_HEAD_PUT, AUDIT_LAST, AUDIT_ALL, AUDIT_VENDOR,
	AUDIT_BLOCK_INSERT,
	CHECKPOINT_LAST, CHECKPOINT_INSERT,
};
#define COLUMNS "seq, at, vendor, actor, action, object, outcome, request, address, detail, hash"
static const char *const sql[] = {
	[AUDIT_INSERT] = "INSERT INTO audit (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[AUDIT_HEAD] = "SELECT seq, hash FROM audit_head WHERE one = 1",
	[AUDIT_HEAD_PUT] = "UPDATE audit_head SET seq = ?, hash = ? WHERE one = 1",
	[AUDIT_LAST] = "SELECT seq, hash FROM audit WHERE seq >= ? ORDER BY seq DESC LIMIT 1",
	[AUDIT_ALL] = "SELECT " COLUMNS " FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
	[AUDIT_VENDOR] = "SELECT " COLUMNS " FROM audit_block CROSS JOIN audit USING (vendor)"
	    " WHERE audit_block.vendor = ?2 AND block >= ?1 / 256"
	    " AND seq BETWEEN block * 256 AND block * 256 + 255 AND seq > ?1"
	    " ORDER BY block, seq LIMIT ?3",
	[AUDIT_BLOCK_INSERT] = "INSERT OR IGNORE INTO audit_block (vendor, block) VALUES (?, ?)",
	[CHECKPOINT_LAST] = ("SELECT seq, at, hash, jws FROM checkpoint WHERE seq > 0"
	    " ORDER BY seq DESC LIMIT 1"),
	[CHECKPOINT_INSERT] = "INSERT INTO checkpoint (seq, at, hash, jws) VALUES (?, ?, ?, ?)",
};
/* clang-format on */
const struct questions audit_questions = { PART_AUDIT, sql, COUNT(sql) };

_Static_assert(AUDIT_BLOCK == 256, "as the questions have it");

const size_t audit_text_max[AUDIT_TEXTS] = { 48, 128, 64, 128, 64, 128, 64, 4096 };

void
audit_texts(const struct audit_entry *e, struct str ret[static AUDIT_TEXTS])
{
	ret[0] = e->vendor;
	ret[1] = e->actor;
	ret[2] = e->action;
	ret[3] = e->object;
	ret[4] = e->outcome;
	ret[5] = e->request;
	ret[6] = e->address;
	ret[7] = e->detail;
}

void
audit_entry_of(const struct str texts[static AUDIT_TEXTS], struct audit_entry *ret)
{
	*ret = (struct audit_entry){ texts[0], texts[1], texts[2], texts[3], texts[4], texts[5],
		texts[6], texts[7] };
}

bool
audit_fits(struct ctx *c, const struct audit_entry *e)
{
	struct str texts[AUDIT_TEXTS];

	audit_texts(e, texts);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		if (texts[i].n > audit_text_max[i])
			return fail(c, E_LIMIT,
			    "text %zu of an audit row is longer than %zu bytes", i + 1,
			    audit_text_max[i]);
	return true;
}

bool
audit_link(struct ctx *c, const struct digest256 *before, int64_t seq, int64_t at,
    const struct str texts[static AUDIT_TEXTS], struct digest256 *ret)
{
	char seq_text[24], at_text[24];
	struct buf seq_buf = BUF(seq_text), at_buf = BUF(at_text);
	struct str fields[2 + AUDIT_TEXTS];

	buf_number(&seq_buf, seq);
	buf_number(&at_buf, at);
	fields[0] = buf_str(&seq_buf);
	fields[1] = buf_str(&at_buf);
	memcpy(fields + 2, texts, AUDIT_TEXTS * sizeof texts[0]);
	return chain_next(c, before, fields, COUNT(fields), ret);
}

/* The place where a vendor is remembered: by the end of its id, which is random. */
static struct audit_known *
known_place(struct audit_end *end, struct str vendor)
{
	return &end->known[(unsigned char)vendor.p[vendor.n - 1] % AUDIT_KNOWN];
}

MUST static bool
block_insert(struct ctx *c, struct db *db, struct str vendor, int64_t block)
{
	owned(question_done) struct question q = ask(
	    c, db, &audit_questions, AUDIT_BLOCK_INSERT);
	int64_t changed;

	in_text(&q, vendor);
	in_number(&q, block);
	return question_run(&q, &changed);
}

/* The vendor has rows in the block of `seq`. */
MUST static bool
block_note(struct ctx *c, struct db *db, struct audit_end *end, int64_t seq, struct str vendor)
{
	int64_t block = seq / AUDIT_BLOCK;
	struct audit_known *k;

	if (vendor.n == 0)
		return true;
	k = known_place(end, vendor);
	if (k->block == block + 1 && str_same((struct str){ k->vendor, k->n }, vendor))
		return true;
	if (!block_insert(c, db, vendor, block))
		return false;
	k->block = block + 1;
	k->n = vendor.n;
	memcpy(k->vendor, vendor.p, vendor.n);
	return true;
}

bool
audit_append(struct ctx *c, struct db *db, struct audit_end *end, int64_t at,
    const struct audit_entry *e)
{
	owned(question_done) struct question q = ask(c, db, &audit_questions, AUDIT_INSERT);
	struct str texts[AUDIT_TEXTS];
	struct digest256 hash;
	int64_t changed;

	audit_texts(e, texts);
	if (!audit_link(c, &end->hash, end->seq + 1, at, texts, &hash))
		return false;
	in_number(&q, end->seq + 1);
	in_number(&q, at);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		in_text(&q, texts[i]);
	in_digest(&q, &hash);
	if (!question_run(&q, &changed) || !block_note(c, db, end, end->seq + 1, e->vendor))
		return false;
	end->seq++;
	end->hash = hash;
	return true;
}

bool
audit_head_put(struct ctx *c, struct db *db, const struct audit_end *end)
{
	owned(question_done) struct question q = ask(c, db, &audit_questions, AUDIT_HEAD_PUT);

	in_number(&q, end->seq);
	in_digest(&q, &end->hash);
	return question_one(&q, E_INTEGRITY, "the head of the audit is missing");
}

static void
end_row(struct question *q, void *ret)
{
	struct audit_end *end = ret;

	end->seq = out_number(q);
	end->hash = out_digest(q);
}

MUST static bool
head_get(struct ctx *c, struct db *db, struct audit_end *ret)
{
	owned(question_done) struct question q = ask(c, db, &audit_questions, AUDIT_HEAD);
	bool found = false;

	if (!question_find(&q, end_row, ret, &found))
		return false;
	if (!found)
		return fail(c, E_INTEGRITY, "the head of the audit is missing");
	return true;
}

bool
audit_head(struct ctx *c, struct db *db, int64_t *ret_seq, struct digest256 *ret_hash)
{
	struct audit_end end = { 0 };

	if (!head_get(c, db, &end))
		return false;
	*ret_seq = end.seq;
	*ret_hash = end.hash;
	return true;
}

bool
audit_end_check(struct ctx *c, struct db *db, struct audit_end *ret)
{
	owned(question_done) struct question q = ask(c, db, &audit_questions, AUDIT_LAST);
	struct audit_end head = { 0 }, last = { 0 };
	bool found = false;

	in_number(&q, INT64_MIN);
	if (!head_get(c, db, &head) || !question_find(&q, end_row, &last, &found))
		return false;
	if (head.seq != last.seq || !digest256_same(&head.hash, &last.hash))
		return fail(c, E_INTEGRITY,
		    "the audit ends at row %lld, its head speaks of row %lld: somebody changed it",
		    (long long)last.seq, (long long)head.seq);
	*ret = head;
	return true;
}

static void
audit_row(struct question *q, void *ret)
{
	struct audit_row *row = ret;
	struct str texts[AUDIT_TEXTS];

	row->seq = out_number(q);
	row->at = out_number(q);
	for (size_t i = 0; i < AUDIT_TEXTS; i++)
		texts[i] = out_text(q);
	audit_entry_of(texts, &row->e);
	row->hash = out_digest(q);
}

bool
audit_list(struct ctx *c, struct db *db, struct str vendor, int64_t after, size_t max,
    struct audit_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &audit_questions, vendor.n > 0 ? AUDIT_VENDOR : AUDIT_ALL);
	void *rows;

	in_number(&q, after);
	if (vendor.n > 0)
		in_text(&q, vendor);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, audit_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

static void
checkpoint_row(struct question *q, void *ret)
{
	struct checkpoint *k = ret;

	k->seq = out_number(q);
	k->at = out_number(q);
	k->hash = out_digest(q);
	k->jws = out_text(q);
}

bool
checkpoint_last(struct ctx *c, struct db *db, bool *ret_found, struct checkpoint *ret)
{
	owned(question_done) struct question q = ask(c, db, &audit_questions, CHECKPOINT_LAST);

	return question_find(&q, checkpoint_row, ret, ret_found);
}

bool
checkpoint_insert(struct ctx *c, struct db *db, const struct checkpoint *k)
{
	owned(question_done) struct question q = ask(
	    c, db, &audit_questions, CHECKPOINT_INSERT);
	int64_t changed;

	in_number(&q, k->seq);
	in_number(&q, k->at);
	in_digest(&q, &k->hash);
	in_text(&q, k->jws);
	return question_run(&q, &changed);
}
