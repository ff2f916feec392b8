/*
 * Key images as rows: how one comes to a license, with it or later, and how it ends. Each of these
 * is a part of somebody's act.
 */
#include "key_images.h"

/* ---- Showing ------------------------------------------------------------------------------- */

static const char *const carrier_names[] = { "lsb", "dct" };

void
key_image_json(struct js *j, const struct key_image_row *r)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_text(j, "license", str_of(r->license.s));
	js_text(j, "customer", str_of(r->customer.s));
	js_text(j, "release", str_of(r->release.s));
	js_text(j, "watermark", str_of(r->watermark.s));
	js_number(j, "serial", r->serial);
	js_text(j, "carrier", str_of(carrier_names[r->carrier != 0]));
	js_text(j, "state", str_of(key_image_state_names[r->state]));
	js_text_or_null(j, "reason", r->reason);
	js_time(j, "changed", r->changed);
	js_time(j, "issued", r->issued);
	js_time_or_null(j, "expires", r->expires);
	if (key_image_made(r))
		js_bytes(j, "pixels", r->pixels.b, sizeof r->pixels.b);
	else
		js_null(j, "pixels");
	js_close(j, '}');
}

bool
key_image_reply(struct ctx *c, struct request *rq, int status, const struct key_image_row *r)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, KEY_IMAGE_JSON_MAX, &out))
		return false;
	key_image_json(&j, r);
	reply_etag(rq, r->version, key_image_made(r));
	return reply_json(rq, status, &out);
}

/* ---- Coming and going ---------------------------------------------------------------------- */

MUST static bool
tell(struct ctx *c, struct db *db, const struct key_image_row *r, const char *type)
{
	char *data = take_printf(c,
	    "{\"key_image\":\"%s\",\"license\":\"%s\",\"customer\":\"%s\",\"release\":\"%s\"}",
	    r->id.s, r->license.s, r->customer.s, r->release.s);
	bool any;

	return data != NULL &&
	    event_emit(c, db, str_of(r->vendor.s), type, str_of(r->id.s), str_of(data), &any);
}

bool
key_image_issue(struct ctx *c, struct db *db, const struct license_row *l,
    const struct id *watermark, int carrier, struct key_image_row *ret)
{
	struct key_image_row r = {
		.id = id_new(c, "kim"),
		.vendor = l->vendor,
		.license = l->id,
		.customer = l->customer,
		.release = l->release,
		.watermark = *watermark,
		.carrier = carrier,
		.state = KEY_IMAGE_ACTIVE,
		.changed = c->now(),
		.expires = l->expires,
	};

	r.issued = r.changed - r.changed % 1000;
	if (!key_image_insert(c, db, &r) || !tell(c, db, &r, "key_image.issued"))
		return false;
	*ret = r;
	return true;
}

bool
key_image_over(struct ctx *c, struct db *db, const struct key_image_row *r,
    enum key_image_state state, struct str reason, int64_t version)
{
	return key_image_end(c, db, r, state, reason, c->now(), version) &&
	    tell(c, db, r,
		state == KEY_IMAGE_REVOKED ? "key_image.revoked" : "key_image.replaced");
}

/* ---- With the license ---------------------------------------------------------------------- */

bool
key_image_with_license(struct ctx *c, struct db *db, const struct standing *st)
{
	struct key_image_row r;

	return st->terms.image == IMAGE_NONE ||
	    key_image_issue(c, db, &st->row, &st->release.watermark, 0, &r);
}

/* The terms may have given the new license one already, or the vendor did it for the old one. */
bool
key_image_move(
    struct ctx *c, struct db *db, const struct license_row *old, const struct license_row *new)
{
	struct key_image_row was, is;
	bool had, has;

	if (!key_image_of(c, db, str_of(old->id.s), &had, &was) ||
	    !key_image_of(c, db, str_of(new->id.s), &has, &is))
		return false;
	if (!had)
		return true;
	return key_image_over(
		   c, db, &was, KEY_IMAGE_REVOKED, STR("the license was transferred"), 0) &&
	    (has || key_image_issue(c, db, new, &was.watermark, was.carrier, &is));
}

bool
key_image_renew(struct ctx *c, struct db *db, const struct license_row *l)
{
	struct key_image_row r, next;
	bool found;

	if (!key_image_of(c, db, str_of(l->id.s), &found, &r))
		return false;
	if (!found || r.expires == l->expires)
		return true;
	return key_image_over(
		   c, db, &r, KEY_IMAGE_REPLACED, STR("the license was renewed"), 0) &&
	    key_image_issue(c, db, l, &r.watermark, r.carrier, &next);
}
