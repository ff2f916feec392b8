/*
 * The audit under attack: whoever can write the file changes, deletes, moves, adds and cuts rows,
 * with all of SQLite's rules off. Each single change must be found, and the row named.
 */
#include "store_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "impl.h"

enum { ROWS = 40, MUTATIONS = 10000 };
#define RIGHT INT64_MAX /* no row is wrong */

static uint32_t
below(struct ctx *c, uint32_t n)
{
	uint32_t r;

	c->random(&r, sizeof r);
	return r % n;
}

/* Stands for the custodian: a checkpoint's signature is a digest of what it signs. */
static void
signature_put(struct ctx *c, const struct checkpoint *k, struct buf *out)
{
	struct digest256 d;
	char *text = take_printf(c, "%lld %lld", (long long)k->seq, (long long)k->at);
	struct str part[] = { str_of(text), { (const char *)k->hash.b, sizeof k->hash.b } };

	ck_ok(c, sha256_parts(c, part, COUNT(part), &d));
	hex_put(out, d.b, sizeof d.b);
}

static bool
signature_right(struct ctx *c, const struct checkpoint *k, void *arg)
{
	char text[80];
	struct buf b = BUF(text);

	(void)arg;
	signature_put(c, k, &b);
	return str_same(buf_str(&b), k->jws) ? true : fail(c, E_INTEGRITY, "wrong signature");
}

static bool
sign_head(struct ctx *c, struct db *db, void *arg)
{
	char text[80];
	struct buf b = BUF(text);
	struct checkpoint k = { .at = c->now() };

	(void)arg;
	if (!audit_head(c, db, &k.seq, &k.hash))
		return false;
	signature_put(c, &k, &b);
	k.jws = buf_str(&b);
	return checkpoint_insert(c, db, &k);
}

/* A folder whose store is closed and holds ROWS rows, three of them signed. */
static const char *
audited_folder(struct ctx *c)
{
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);

	for (int i = 0; i < 4; i++) {
		add_audit(c, s, ROWS / 4);
		if (i < 3)
			ck_ok(c, doing_quietly(c, s, sign_head, NULL));
	}
	store_close(&s);
	return dir;
}

/* The row that the verification names, or RIGHT. */
static int64_t
wrong_row(struct ctx *c, struct db *db)
{
	const struct audit_check check = { .signature = signature_right };
	int64_t rows = 0, bad = INT64_MIN;

	c->err = (struct err){ 0 };
	if (audit_verify(c, db, &check, &rows, &bad)) {
		ck_assert_int_eq(rows, ROWS);
		return RIGHT;
	}
	ck_err(c, E_INTEGRITY);
	return bad;
}

static const char *const columns[] = { "at", "vendor", "actor", "action", "object", "outcome",
	"request", "address", "detail", "hash" };

static void
change(struct db *db, const char *sql, int64_t a, int64_t b)
{
	sqlite3_stmt *st;

	ck_assert_msg(sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL) == SQLITE_OK, "%s", sql);
	(void)sqlite3_bind_int64(st, 1, a);
	(void)sqlite3_bind_int64(st, 2, b);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	ck_assert_msg(sqlite3_changes(db->sql) > 0, "%s changed nothing", sql);
}

/* Another value of the same type in one column of one row of a table. */
static void
spoil(struct ctx *c, struct db *db, const char *table, const char *column, int64_t seq)
{
	char sql[160], bytes[256];
	sqlite3_stmt *st;
	bool text, number;
	int n;

	snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE seq = %lld", column, table,
	    (long long)seq);
	ck_assert_int_eq(sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	number = sqlite3_column_type(st, 0) == SQLITE_INTEGER;
	text = sqlite3_column_type(st, 0) == SQLITE_TEXT;
	n = sqlite3_column_bytes(st, 0);
	ck_assert_int_lt(n, (int)sizeof bytes);
	if (n > 0)
		memcpy(bytes, sqlite3_column_blob(st, 0), (size_t)n);
	sqlite3_finalize(st);
	if (n == 0)
		bytes[n++] = 'x';
	else
		bytes[below(c, (uint32_t)n)] ^= (char)(1 << below(c, 7));
	snprintf(sql, sizeof sql, "UPDATE %s SET %s = ?1 %s WHERE seq = %lld", table, column,
	    number ? "+ 1" : "", (long long)seq);
	ck_assert_int_eq(sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL), SQLITE_OK);
	if (number)
		sqlite3_bind_int64(st, 1, TEST_NOW);
	else if (text)
		sqlite3_bind_text(st, 1, bytes, n, SQLITE_STATIC);
	else
		sqlite3_bind_blob(st, 1, bytes, n, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
}

/* Makes one change at random; the row that must be named, or 0 if any will do. */
static int64_t
mutate(struct ctx *c, struct db *db)
{
	int64_t row = 1 + below(c, ROWS), other = 1 + (row + below(c, ROWS - 1)) % ROWS;
	int64_t checkpoint = ROWS / 4 * (1 + below(c, 3));

	switch (below(c, 12)) {
	case 0:
		change(db, "DELETE FROM audit WHERE seq = ?", row, 0);
		return row;
	case 1: /* the end is cut off */
		change(db, "DELETE FROM audit WHERE seq > ?", row - 1, 0);
		return row;
	case 2: /* two rows change their places */
		change(db, "UPDATE audit SET seq = -1 WHERE seq = ?", row, 0);
		change(db, "UPDATE audit SET seq = ? WHERE seq = ?", row, other);
		change(db, "UPDATE audit SET seq = ? WHERE seq = -1", other, 0);
		return row < other ? row : other;
	case 3: /* one more at the end, or before the beginning, or far off */
		change(db,
		    "INSERT INTO audit SELECT ?, at, vendor, actor, action, object,"
		    " outcome, request, address, detail, hash FROM audit"
		    " WHERE seq = ?",
		    ROWS + 1, row);
		return ROWS + 1;
	case 4:
		change(
		    db, "UPDATE audit SET seq = ? WHERE seq = ?", -(int64_t)below(c, 9), row);
		return 0;
	case 5:
		change(db, "UPDATE audit SET seq = ? WHERE seq = ?", ROWS + 5, row);
		return row;
	case 6:
		change(db, "UPDATE audit_head SET seq = seq + ?",
		    below(c, 2) == 0 ? 1 : -(int64_t)row, 0);
		return 0;
	case 7:
		raw(db->sql, "UPDATE audit_head SET hash = randomblob(32)");
		return ROWS;
	case 8:
		spoil(c, db, "checkpoint", below(c, 2) == 0 ? "hash" : "jws", checkpoint);
		return checkpoint;
	case 9:
		change(db, "UPDATE checkpoint SET seq = ? WHERE seq = ?",
		    checkpoint + 1 - 2 * (int64_t)below(c, 2), checkpoint);
		return 0;
	default:
		spoil(c, db, "audit", columns[below(c, COUNT(columns))], row);
		return row;
	}
}

START_TEST(every_single_change_is_found)
{
	struct ctx *c = test_ctx();
	const char *dir = audited_folder(c);
	struct db *db = NULL;

	ck_ok(c, db_open(c, test_path(dir, "hallmark.db"), DB_PLAIN, &db));
	raw(db->sql, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF");
	ck_assert_int_eq(wrong_row(c, db), RIGHT);
	for (int i = 0; i < MUTATIONS; i++) {
		int64_t want, got;

		raw(db->sql, "BEGIN");
		want = mutate(c, db);
		got = wrong_row(c, db);
		raw(db->sql, "ROLLBACK");
		ck_assert_msg(
		    got != RIGHT, "change %d at row %lld was not found", i, (long long)want);
		ck_assert_msg(want == 0 || got == want, "change %d at row %lld was put to %lld",
		    i, (long long)want, (long long)got);
		arena_reset(c->mem);
	}
	ck_assert_int_eq(wrong_row(c, db), RIGHT);
	db_close(&db);
}
END_TEST

START_TEST(every_column_of_every_row_counts)
{
	struct ctx *c = test_ctx();
	const char *dir = audited_folder(c);
	struct db *db = NULL;

	ck_ok(c, db_open(c, test_path(dir, "hallmark.db"), DB_PLAIN, &db));
	raw(db->sql, "PRAGMA ignore_check_constraints = ON");
	for (int64_t row = 1; row <= ROWS; row++)
		for (size_t i = 0; i < COUNT(columns); i++) {
			raw(db->sql, "BEGIN");
			spoil(c, db, "audit", columns[i], row);
			ck_assert_int_eq(wrong_row(c, db), row);
			raw(db->sql, "ROLLBACK");
		}
	db_close(&db);
}
END_TEST

/* Text and blob of the same bytes have the same digest: the type tells them apart. */
START_TEST(another_type_is_found)
{
	struct ctx *c = test_ctx();
	const char *dir = audited_folder(c);
	struct db *db = NULL;
	sqlite3 *sql = raw_open(dir);

	raw(sql,
	    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql,"
	    " ') STRICT', ')') WHERE name IN ('audit', 'audit_head', 'checkpoint')");
	sqlite3_close(sql);
	ck_ok(c, db_open(c, test_path(dir, "hallmark.db"), DB_PLAIN, &db));
	ck_assert_int_eq(wrong_row(c, db), RIGHT);
	for (size_t i = 0; i < COUNT(columns); i++) {
		char text[160];
		bool blob = strcmp(columns[i], "hash") == 0;

		raw(db->sql, "BEGIN; PRAGMA ignore_check_constraints = ON");
		snprintf(text, sizeof text,
		    "UPDATE audit SET %s = CAST(%s AS %s) WHERE seq = 7", columns[i],
		    columns[i], blob ? "TEXT" : "BLOB");
		raw(db->sql, text);
		ck_assert_int_eq(wrong_row(c, db), 7);
		raw(db->sql, "ROLLBACK");
	}
	db_close(&db);
}
END_TEST

/* Bytes of the file itself: what SQLite notices first must end in the same answer. */
START_TEST(every_flipped_byte_of_the_file_is_found)
{
	struct ctx *c = test_ctx();
	const char *dir = audited_folder(c), *path = test_path(dir, "flat.db");
	struct store *s = open_store(c, dir);
	struct str file;
	char *bytes;
	size_t found = 0;

	ck_ok(c, store_backup(c, s, path));
	store_close(&s);
	ck_ok(c, file_read(c, AT_FDCWD, path, 1 << 20, &file));
	bytes = take_cstr(c, file);
	for (size_t at = 0; at + 40 < file.n; at++) {
		static const char masks[] = { 0x01, 0x10, 0x40 };
		size_t flipped;
		int fd;

		/* Every row holds this text; what lies around it is the row. */
		if (memcmp(bytes + at, "vendor.create", 13) != 0)
			continue;
		flipped = at - 20 + below(c, 60);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		bytes[flipped] ^= masks[found % 3];
		ck_assert_int_eq(pwrite(fd, bytes + flipped, 1, (off_t)flipped), 1);
		close(fd);
		{
			owned(db_close) struct db *db = NULL;
			int64_t row;

			ck_ok(c, db_open(c, path, DB_READ, &db));
			row = wrong_row(c, db);
			ck_assert_msg(row != RIGHT, "byte %zu was flipped unseen", flipped);
		}
		bytes[flipped] ^= masks[found % 3];
		fd = open(path, O_WRONLY | O_CLOEXEC);
		ck_assert_int_eq(pwrite(fd, bytes + flipped, 1, (off_t)flipped), 1);
		close(fd);
		found++;
	}
	ck_assert_uint_ge(found, ROWS);
}
END_TEST

/* A whole page of rubbish, wherever it is: a sentence, never a crash; the store does not open. */
START_TEST(damaged_pages_are_reported)
{
	struct ctx *c = test_ctx();
	const char *dir = audited_folder(c), *path = test_path(dir, "hallmark.db");
	struct ctx *at_work = c;
	struct str file;
	size_t refused = 0, pages;

	ck_ok(c, file_read(c, AT_FDCWD, path, 1 << 22, &file));
	pages = file.n / 4096;
	for (size_t i = 0; i < pages; i++) {
		struct ctx *one = i % 8 == 0 ? test_ctx() : at_work;
		char *copy = take_cstr(one, file);
		struct store *s = NULL;

		at_work = one;
		c->random(copy + i * 4096, 4096);
		ck_ok(
		    one, file_replace(one, AT_FDCWD, path, 0600, (struct str){ copy, file.n }));
		if (try_store(one, dir, &s))
			ck_abort_msg("page %zu of rubbish went unseen", i + 1);
		ck_assert_msg(
		    one->err.code == E_INTEGRITY, "page %zu: %s", i + 1, one->err.text);
		ck_assert_ptr_nonnull(strstr(one->err.text, "hallmarkctl db restore"));
		one->err = (struct err){ 0 };
		refused++;
	}
	ck_assert_uint_eq(refused, pages);
}
END_TEST

START_TEST(changed_end_is_seen_at_start)
{
	struct ctx *c = test_ctx();
	const char *dir = audited_folder(c);
	struct store *s = NULL;
	sqlite3 *sql = raw_open(dir);

	raw(sql, "DELETE FROM audit WHERE seq = 40");
	sqlite3_close(sql);
	ck_fails(c, E_INTEGRITY, try_store(c, dir, &s));
}
END_TEST

START_TEST(progress_is_told)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct checkpoint k;
	bool found = true;

	ck_assert_int_eq(verified(c, db), 0);
	ck_ok(c, checkpoint_last(c, db, &found, &k));
	ck_assert(!found);
	add_audit(c, s, 3);
	ck_ok(c, doing(c, s, sign_head, NULL));
	ck_ok(c, checkpoint_last(c, db, &found, &k));
	ck_assert(found);
	ck_assert_int_eq(k.seq, 3);
	ck_assert_int_eq(verified(c, db), 4);
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store_audit", ONE(every_single_change_is_found), ONE(every_column_of_every_row_counts),
    ONE(another_type_is_found), ONE(every_flipped_byte_of_the_file_is_found),
    ONE(damaged_pages_are_reported), ONE(changed_end_is_seen_at_start), ONE(progress_is_told))
