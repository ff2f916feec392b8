/*
 * Key images: of each only what it is made of is kept, and what it looked like the first time. A
 * license has at most one that is active; those before it stay, so that whoever shows one is told
 * what became of it.
 */
#include "impl.h"

const char *const key_image_state_names[] = {
	[KEY_IMAGE_ACTIVE] = "active",
	[KEY_IMAGE_REVOKED] = "revoked",
	[KEY_IMAGE_REPLACED] = "replaced",
	NULL,
};

/* clang-format off */
enum {
	IMAGE_INSERT, IMAGE_COUNTED, IMAGE_BY_ID, IMAGE_BY_SERIAL, IMAGE_BY_PIXELS, IMAGE_OF,
	IMAGE_LAST, IMAGE_LIST, IMAGE_LIST_OF, IMAGE_END, IMAGE_PIXELS, IMAGE_WATERMARK, IMAGE_CONFIRMING,
};
#define IMAGE "SELECT id, vendor, license, customer, release, watermark, serial, base, carrier," \
	" state, reason, changed, issued, expires, pixels, version FROM key_image"
static const char *const sql[] = {
	[IMAGE_INSERT] = "INSERT INTO key_image (id, vendor, license, customer, release, watermark,"
	    " serial, base, carrier, changed, issued, expires)"
	    " SELECT ?1, vendor, ?2, ?3, ?4, watermark, serial,"
	    " iif(usable BETWEEN 0 AND keys - 1, usable, serial % keys), ?5, ?6, ?7, ?8 FROM"
	    " (SELECT v.id AS vendor, w.id AS watermark, v.key_images + 1 AS serial, w.keys AS keys,"
	    " iif(json_valid(w.facts), json_extract(w.facts, '$.usable[' || ((v.key_images + 1)"
	    " % json_array_length(w.facts, '$.usable')) || ']'), NULL) AS usable"
	    " FROM vendor AS v, watermark AS w"
	    " WHERE v.id = ?9 AND w.id = ?10 AND w.vendor = v.id AND w.state = 1)"
	    " RETURNING serial, base",
	[IMAGE_COUNTED] = "UPDATE vendor SET key_images = ? WHERE id = ?",
	[IMAGE_BY_ID] = IMAGE " WHERE id = ? AND vendor = ?",
	[IMAGE_BY_SERIAL] = IMAGE " WHERE vendor = ? AND serial = ?",
	[IMAGE_BY_PIXELS] = IMAGE " WHERE vendor = ? AND pixels = ? AND pixels <> zeroblob(32)",
	[IMAGE_OF] = IMAGE " WHERE license = ? AND state = 0",
	[IMAGE_LAST] = IMAGE " WHERE license = ? ORDER BY id DESC LIMIT 1",
	[IMAGE_LIST] = IMAGE " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[IMAGE_LIST_OF] = IMAGE " WHERE vendor = ?1 AND id > ?2 AND license = ?4"
	    " ORDER BY id LIMIT ?3",
	[IMAGE_END] = "UPDATE key_image SET state = ?, reason = ?, changed = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[IMAGE_PIXELS] = "UPDATE key_image SET pixels = ?1 WHERE id = ?2"
	    " AND pixels IN (zeroblob(32), ?1)",
	[IMAGE_WATERMARK] = "SELECT nullif(watermark, '') FROM model_release"
	    " WHERE id = ? AND vendor = ?",
	[IMAGE_CONFIRMING] = "SELECT c.number, k.base, k.serial, k.issued, k.expires"
	    " FROM key_image AS k JOIN customer AS c ON c.id = k.customer"
	    " WHERE k.release = ? AND k.carrier = 1",
};
/* clang-format on */
const struct questions key_image_questions = { PART_KEY_IMAGES, sql, COUNT(sql) };

/* ---- Insertion --------------------------------------------------------------------------- */

struct numbers {
	int64_t serial, base;
};

static void
numbers_row(struct question *q, void *ret)
{
	struct numbers *n = ret;

	n->serial = out_number(q);
	n->base = out_number(q);
}

/* What SQLite says is one of several rules: which of them a caller can tell from the others. */
MUST static bool
fail_insert(struct question *q)
{
	if (q->rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return fail(q->c, E_ABSENT, "no such license, customer or release");
	if (q->rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail(q->c, E_CONFLICT,
	    "the license has a key image already: reissue that one for another");
}

MUST static bool
image_put(struct ctx *c, struct db *db, const struct key_image_row *r, struct numbers *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_image_questions, IMAGE_INSERT);
	bool found;

	in_id(&q, &r->id);
	in_id(&q, &r->license);
	in_id(&q, &r->customer);
	in_id(&q, &r->release);
	in_number(&q, r->carrier);
	in_number(&q, r->changed);
	in_number(&q, r->issued);
	in_number(&q, r->expires);
	in_id(&q, &r->vendor);
	in_id(&q, &r->watermark);
	if (!question_find(&q, numbers_row, ret, &found))
		return fail_insert(&q);
	return found ? true
		     : fail(c, E_CONFLICT,
			   "there is no watermark that is ready: its job must be done first");
}

bool
key_image_insert(struct ctx *c, struct db *db, struct key_image_row *r)
{
	owned(question_done) struct question q = ask(
	    c, db, &key_image_questions, IMAGE_COUNTED);
	struct numbers n;

	if (!image_put(c, db, r, &n))
		return false;
	in_number(&q, n.serial);
	in_id(&q, &r->vendor);
	if (!question_one(&q, E_ABSENT, "no such vendor"))
		return false;
	r->serial = n.serial;
	r->base = n.base;
	r->version = 1;
	return true;
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void
image_row(struct question *q, void *ret)
{
	struct key_image_row *r = ret;
	int64_t state;

	r->id = out_id(q);
	r->vendor = out_id(q);
	r->license = out_id(q);
	r->customer = out_id(q);
	r->release = out_id(q);
	r->watermark = out_id(q);
	r->serial = out_number(q);
	r->base = out_number(q);
	r->carrier = (int)out_number(q);
	state = out_number(q);
	r->state = state >= KEY_IMAGE_ACTIVE && state <= KEY_IMAGE_REPLACED
	    ? (enum key_image_state)state
	    : KEY_IMAGE_REVOKED;
	r->reason = out_text(q);
	r->changed = out_number(q);
	r->issued = out_number(q);
	r->expires = out_number(q);
	r->pixels = out_digest(q);
	r->version = out_number(q);
}

bool
key_image_made(const struct key_image_row *r)
{
	static const struct digest256 none;

	return !digest256_same(&r->pixels, &none);
}

bool
key_image_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct key_image_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_image_questions, IMAGE_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, image_row, "key image", ret);
}

bool
key_image_by_serial(struct ctx *c, struct db *db, struct str vendor, int64_t serial,
    bool *ret_found, struct key_image_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &key_image_questions, IMAGE_BY_SERIAL);

	in_text(&q, vendor);
	in_number(&q, serial);
	return question_find(&q, image_row, ret, ret_found);
}

bool
key_image_by_pixels(struct ctx *c, struct db *db, struct str vendor,
    const struct digest256 *pixels, bool *ret_found, struct key_image_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &key_image_questions, IMAGE_BY_PIXELS);

	in_text(&q, vendor);
	in_digest(&q, pixels);
	return question_find(&q, image_row, ret, ret_found);
}

bool
key_image_of(struct ctx *c, struct db *db, struct str license, bool *ret_found,
    struct key_image_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_image_questions, IMAGE_OF);

	in_text(&q, license);
	return question_find(&q, image_row, ret, ret_found);
}

bool
key_image_last(struct ctx *c, struct db *db, struct str license, bool *ret_found,
    struct key_image_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &key_image_questions, IMAGE_LAST);

	if (!key_image_of(c, db, license, ret_found, ret))
		return false;
	if (*ret_found)
		return true;
	in_text(&q, license);
	return question_find(&q, image_row, ret, ret_found);
}

bool
key_image_list(struct ctx *c, struct db *db, struct str vendor, struct str license,
    struct str after, size_t max, struct key_image_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &key_image_questions, license.n > 0 ? IMAGE_LIST_OF : IMAGE_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (license.n > 0)
		in_text(&q, license);
	if (!question_list(&q, image_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

/* ---- Changes ----------------------------------------------------------------------------- */

bool
key_image_end(struct ctx *c, struct db *db, const struct key_image_row *r,
    enum key_image_state state, struct str reason, int64_t at, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &key_image_questions, IMAGE_END);
	struct key_image_row now;

	if (!key_image_by_id(c, db, str_of(r->vendor.s), str_of(r->id.s), &now))
		return false;
	if (version != 0 && version != now.version)
		return fail(c, E_STALE, "the key image has changed since it was read");
	if (now.state != KEY_IMAGE_ACTIVE)
		return fail(c, E_CONFLICT, "the key image is %s already",
		    key_image_state_names[now.state]);
	in_number(&q, state);
	in_text(&q, reason);
	in_number(&q, at);
	in_id(&q, &now.id);
	return question_one(&q, E_CONFLICT, "the key image is over already");
}

bool
key_image_pixels_put(
    struct ctx *c, struct db *db, struct str id, const struct digest256 *pixels)
{
	owned(question_done) struct question q = ask(c, db, &key_image_questions, IMAGE_PIXELS);

	in_digest(&q, pixels);
	in_text(&q, id);
	if (question_one(&q, E_INTEGRITY, "the key image does not look as it did before"))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail(c, E_INTEGRITY, "two key images look the same");
}

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

bool
release_watermark(
    struct ctx *c, struct db *db, struct str vendor, struct str release, struct id *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &key_image_questions, IMAGE_WATERMARK);

	in_text(&q, release);
	in_text(&q, vendor);
	return question_get(&q, id_row, "release", ret);
}

/* ---- As they were made ------------------------------------------------------------------- */

bool
key_image_confirming(
    struct ctx *c, struct db *db, struct str release, key_image_each *each, void *arg)
{
	owned(question_done) struct question q = ask(
	    c, db, &key_image_questions, IMAGE_CONFIRMING);
	bool found;

	in_text(&q, release);
	for (;;) {
		struct key_image_claim k;

		if (!question_row(&q, &found))
			return false;
		if (!found)
			return true;
		k.customer = (uint32_t)out_number(&q);
		k.base = (uint32_t)out_number(&q);
		k.serial = (uint32_t)out_number(&q);
		k.issued = out_number(&q);
		k.expires = out_number(&q);
		if (!each(c, arg, &k))
			return false;
	}
}
