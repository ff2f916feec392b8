/*
 * Settings: what the installation remembers about itself, by name.
 */
#include "impl.h"

/* clang-format off */
enum { SETTING_GET, SETTING_PUT };
static const char *const sql[] = {
	[SETTING_GET] = "SELECT value FROM setting WHERE name = ?",
	[SETTING_PUT] = "INSERT INTO setting (name, value) VALUES (?, ?)"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};
/* clang-format on */
const struct questions setting_questions = { PART_SETTINGS, sql, COUNT(sql) };

static void
value_row(struct question *q, void *ret)
{
	*(struct str *)ret = out_text(q);
}

bool
setting_get(struct ctx *c, struct db *db, struct str name, bool *ret_found, struct str *ret)
{
	owned(question_done) struct question q = ask(c, db, &setting_questions, SETTING_GET);

	in_text(&q, name);
	return question_find(&q, value_row, ret, ret_found);
}

bool
setting_put(struct ctx *c, struct db *db, struct str name, struct str value)
{
	owned(question_done) struct question q = ask(c, db, &setting_questions, SETTING_PUT);
	int64_t changed;

	in_text(&q, name);
	in_text(&q, value);
	return question_run(&q, &changed);
}
