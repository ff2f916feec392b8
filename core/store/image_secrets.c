/*
 * Links and authentications: secrets that are good once. The secret itself is nowhere, its digest
 * finds the row; a spent one stays until it is old, so that whoever uses it again is noticed.
 */
#include "impl.h"

/* clang-format off */
enum {
	LINK_INSERT, LINK_BY_DIGEST, LINK_SPEND, LINK_PRUNE, SHOWN_INSERT, SHOWN_BY_DIGEST,
	SHOWN_SPEND, SHOWN_PRUNE,
};
static const char *const sql[] = {
	[LINK_INSERT] = "INSERT INTO image_link (digest, key_image, expires) VALUES (?, ?, ?)",
	[LINK_BY_DIGEST] = "SELECT l.digest, l.key_image, l.expires, l.spent, k.vendor"
	    " FROM image_link AS l JOIN key_image AS k ON k.id = l.key_image"
	    " WHERE l.digest = ?",
	[LINK_SPEND] = "UPDATE image_link SET spent = ? WHERE digest = ? AND spent = 0",
	[LINK_PRUNE] = "DELETE FROM image_link WHERE digest IN (SELECT digest FROM image_link"
	    " WHERE expires < ? ORDER BY expires LIMIT ?)",
	[SHOWN_INSERT] = "INSERT INTO authentication (digest, key_image, expires, license)"
	    " VALUES (?, ?, ?, ?)",
	[SHOWN_BY_DIGEST] = "SELECT digest, key_image, expires, spent, license"
	    " FROM authentication WHERE digest = ?",
	[SHOWN_SPEND] = "UPDATE authentication SET spent = ? WHERE digest = ? AND spent = 0",
	[SHOWN_PRUNE] = "DELETE FROM authentication WHERE digest IN (SELECT digest"
	    " FROM authentication WHERE expires < ? ORDER BY expires LIMIT ?)",
};
/* clang-format on */
const struct questions image_secret_questions = { PART_IMAGE_SECRETS, sql, COUNT(sql) };

static void
link_row(struct question *q, void *ret)
{
	struct image_link_row *l = ret;

	l->digest = out_digest(q);
	l->key_image = out_id(q);
	l->expires = out_number(q);
	l->spent = out_number(q);
	l->vendor = out_id(q);
}

static void
shown_row(struct question *q, void *ret)
{
	struct authentication_row *a = ret;

	a->digest = out_digest(q);
	a->key_image = out_id(q);
	a->expires = out_number(q);
	a->spent = out_number(q);
	a->license = out_id(q);
}

MUST static bool
secret_put(struct ctx *c, struct db *db, size_t which, const struct digest256 *digest,
    const struct id *key_image, int64_t expires, const struct id *license)
{
	owned(question_done) struct question q = ask(c, db, &image_secret_questions, which);
	int64_t changed;

	in_digest(&q, digest);
	in_id(&q, key_image);
	in_number(&q, expires);
	if (license != NULL)
		in_id(&q, license);
	if (question_run(&q, &changed))
		return true;
	return q.rc == SQLITE_CONSTRAINT_FOREIGNKEY
	    ? fail(c, E_ABSENT, "no such key image or license")
	    : false;
}

MUST static bool
secret_spend(struct ctx *c, struct db *db, size_t which, const struct digest256 *digest,
    int64_t at, const char *already)
{
	owned(question_done) struct question q = ask(c, db, &image_secret_questions, which);

	in_number(&q, at);
	in_digest(&q, digest);
	return question_one(&q, E_CONFLICT, already);
}

bool
image_link_insert(struct ctx *c, struct db *db, const struct image_link_row *l)
{
	return secret_put(c, db, LINK_INSERT, &l->digest, &l->key_image, l->expires, NULL);
}

bool
image_link_by_digest(struct ctx *c, struct db *db, const struct digest256 *digest,
    bool *ret_found, struct image_link_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &image_secret_questions, LINK_BY_DIGEST);

	in_digest(&q, digest);
	return question_find(&q, link_row, ret, ret_found);
}

bool
image_link_spend(struct ctx *c, struct db *db, const struct digest256 *digest, int64_t at)
{
	return secret_spend(c, db, LINK_SPEND, digest, at, "the link was used already");
}

bool
authentication_insert(struct ctx *c, struct db *db, const struct authentication_row *a)
{
	return secret_put(
	    c, db, SHOWN_INSERT, &a->digest, &a->key_image, a->expires, &a->license);
}

bool
authentication_by_digest(struct ctx *c, struct db *db, const struct digest256 *digest,
    bool *ret_found, struct authentication_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &image_secret_questions, SHOWN_BY_DIGEST);

	in_digest(&q, digest);
	return question_find(&q, shown_row, ret, ret_found);
}

bool
authentication_spend(struct ctx *c, struct db *db, const struct digest256 *digest, int64_t at)
{
	return secret_spend(
	    c, db, SHOWN_SPEND, digest, at, "the authentication was used already");
}

MUST static bool
prune(struct ctx *c, struct db *db, size_t which, int64_t before, size_t max, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &image_secret_questions, which);
	int64_t changed;

	in_number(&q, before);
	in_number(&q, (int64_t)max);
	if (!question_run(&q, &changed))
		return false;
	*ret_n = (size_t)changed;
	return true;
}

bool
image_secret_prune(struct ctx *c, struct db *db, int64_t before, size_t max, size_t *ret_n)
{
	size_t links, shown;

	if (!prune(c, db, LINK_PRUNE, before, max, &links) ||
	    !prune(c, db, SHOWN_PRUNE, before, max, &shown))
		return false;
	*ret_n = links > shown ? links : shown;
	return true;
}
