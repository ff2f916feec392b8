/*
 * Key images, as the vendor has them: issued to licenses that have none, listed, shown, revoked,
 * reissued, and given out, as a picture or by a link that is good once.
 */
#include <stdio.h>

#include "key_images.h"
#include "licenses.h"

enum { HOURS = 72, HOURS_MAX = 8760 };
static const int64_t hour_ms = 3600 * 1000;

MUST static bool
find(struct ctx *c, struct db *db, struct request *rq, struct key_image_row *ret)
{
	return key_image_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], ret);
}

/* What shows a new one, and where it is from now on. */
MUST static bool
created(struct ctx *c, struct request *rq, const struct key_image_row *r)
{
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/key-images/%s", r->id.s);
	return key_image_reply(c, rq, 201, r);
}

/* The audit names the image itself, its row goes on to be there when the act is over. */
MUST static bool
name_object(struct ctx *c, struct request *rq, const struct key_image_row *r)
{
	return take_copy(c, str_of(r->id.s), &rq->act.audit.object);
}

/* ---- Issuing ------------------------------------------------------------------------------- */

struct issue_asked {
	struct str license;
	int carrier;
};
static const char *const carriers[] = { "lsb", "dct", NULL };
static const struct json_field issue_fields[] = {
	{ "license", FIELD_TEXT, offsetof(struct issue_asked, license), 1, ID_MAX, true },
	{ "carrier", FIELD_WORD, offsetof(struct issue_asked, carrier), .words = carriers },
};

static bool
issue_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct issue_asked *w = rq->arg;
	struct verdict none = { .code = V_RELEASE_WITHOUT_WATERMARK, .rule = "watermark" };
	struct license_row l;
	struct key_image_row r;
	struct id watermark;

	if (!license_by_id(c, db, str_of(rq->who.vendor.s), w->license, &l))
		return c->err.code == E_ABSENT
		    ? fail_at(c, E_ABSENT, "/license", "there is no such license")
		    : false;
	if (!license_lives(c, &l) ||
	    !release_watermark(c, db, str_of(l.vendor.s), str_of(l.release.s), &watermark))
		return false;
	if (watermark.s[0] == '\0')
		return fail_verdict(c, &none);
	return key_image_issue(c, db, &l, &watermark, w->carrier, &r) &&
	    name_object(c, rq, &r) && created(c, rq, &r);
}

bool
key_images_post(struct ctx *c, struct request *rq)
{
	struct issue_asked *w = take(c, sizeof *w);

	rq->arg = w;
	rq->write = issue_write;
	return w != NULL && json_decode(c, rq->body, issue_fields, COUNT(issue_fields), w);
}

/* ---- Reading ------------------------------------------------------------------------------- */

MUST static bool
license_wanted(struct ctx *c, struct request *rq, struct str *ret)
{
	struct str license = request_query(rq, "license");
	struct id id;

	if (license.n > 0 && !id_parse(c, license, "lic", &id))
		return fail_at(c, E_INPUT, "license", "license must be a license's id");
	*ret = license;
	return true;
}

/* The address of the next page has what this one's had. */
static void
link_with_license(struct request *rq, struct str license)
{
	char *at = strstr(rq->reply.link, "?cursor=");
	char tail[sizeof rq->reply.link];

	if (at == NULL || license.n == 0)
		return;
	snprintf(tail, sizeof tail, "?license=%.*s&%s", STRF(license), at + 1);
	snprintf(at, sizeof rq->reply.link - (size_t)(at - rq->reply.link), "%s", tail);
}

bool
key_images_get(struct ctx *c, struct request *rq)
{
	struct key_image_row *r;
	struct str license;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "kim", &page) || !license_wanted(c, rq, &license) ||
	    !server_reader(c, rq->server, &db) ||
	    !key_image_list(
		c, db, str_of(rq->who.vendor.s), license, page.after, page.limit + 1, &r, &n) ||
	    !take_buf(c, (n + 1) * KEY_IMAGE_JSON_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		key_image_json(&j, &r[i]);
	if (!list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR("")))
		return false;
	link_with_license(rq, license);
	return true;
}

bool
key_image_get(struct ctx *c, struct request *rq)
{
	struct key_image_row r;
	struct db *db;

	return server_reader(c, rq->server, &db) && find(c, db, rq, &r) &&
	    key_image_reply(c, rq, 200, &r);
}

bool
key_image_file_get(struct ctx *c, struct request *rq)
{
	struct picture *p = take(c, sizeof *p);
	struct db *db;

	return p != NULL && server_reader(c, rq->server, &db) && find(c, db, rq, &p->row) &&
	    picture_make(c, rq, db, p);
}

/* ---- Ending -------------------------------------------------------------------------------- */

MUST static bool
end(struct ctx *c, struct db *db, struct request *rq, enum key_image_state state,
    struct key_image_row *ret)
{
	const struct str *reason = rq->arg;
	int64_t version = 0;

	return (rq->if_match[0] == '\0' || request_version(c, rq, &version)) &&
	    find(c, db, rq, ret) && key_image_over(c, db, ret, state, *reason, version);
}

static bool
revoke_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct key_image_row r;

	return end(c, db, rq, KEY_IMAGE_REVOKED, &r) && find(c, db, rq, &r) &&
	    key_image_reply(c, rq, 200, &r);
}

/* The old one is over by the act that makes the new one. */
static bool
reissue_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct key_image_row old, r;
	struct license_row l;

	return end(c, db, rq, KEY_IMAGE_REPLACED, &old) &&
	    license_by_id(c, db, str_of(old.vendor.s), str_of(old.license.s), &l) &&
	    license_lives(c, &l) &&
	    key_image_issue(c, db, &l, &old.watermark, old.carrier, &r) && created(c, rq, &r);
}

bool
key_image_revoke_post(struct ctx *c, struct request *rq)
{
	return reason_prepare(c, rq, revoke_write);
}

bool
key_image_reissue_post(struct ctx *c, struct request *rq)
{
	return reason_prepare(c, rq, reissue_write);
}

/* ---- Links --------------------------------------------------------------------------------- */

struct link_asked {
	int64_t hours;
	struct token_secret secret;
	struct image_link_row row;
};
static const struct json_field link_fields[] = {
	{ "hours", FIELD_NUMBER, offsetof(struct link_asked, hours), 1, HOURS_MAX },
};

static bool
link_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct link_asked *w = rq->arg;
	const char *base = rq->server->conf.public_url;
	struct key_image_row r;
	struct license_row l;
	struct buf out;
	struct js j = { &out, false };
	char *url;

	if (!find(c, db, rq, &r) ||
	    !license_by_id(c, db, str_of(r.vendor.s), str_of(r.license.s), &l) ||
	    !license_lives(c, &l))
		return false;
	if (r.state != KEY_IMAGE_ACTIVE)
		return fail(c, E_CONFLICT, "the key image is %s: make a link to the new one",
		    key_image_state_names[r.state]);
	w->row.key_image = r.id;
	url = take_printf(c, "%s/v1/key-image-links/%s", base, w->secret.s);
	if (url == NULL || !image_link_insert(c, db, &w->row) ||
	    !take_buf(c, strlen(url) + 256, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "key_image", str_of(r.id.s));
	js_text(&j, "url", str_of(url));
	js_time(&j, "expires", w->row.expires);
	js_close(&j, '}');
	return reply_json(rq, 201, &out);
}

bool
key_image_links_post(struct ctx *c, struct request *rq)
{
	struct link_asked *w = take(c, sizeof *w);

	if (w == NULL)
		return false;
	w->hours = HOURS;
	if (rq->body.n > 0 && !json_decode(c, rq->body, link_fields, COUNT(link_fields), w))
		return false;
	w->row.expires = c->now() + w->hours * hour_ms;
	rq->arg = w;
	rq->write = link_write;
	return token_secret_new(c, "hmi_", &w->secret, &w->row.digest);
}
