/*
 * Key images: a customer fetches the picture that a license asks for; a vendor makes and ends them,
 * and hands one on as an address that is good once. A picture goes into a new file that only its
 * user may read.
 */
#include <fcntl.h>
#include <unistd.h>

#include "customer.h"

enum { BODY_MAX = 4 << 10, ROW_MAX = 16 << 10 };

/* ---- The picture ----------------------------------------------------------------------------- */

MUST static bool
picture_keep(struct cli *t, const char *name, struct str bytes)
{
	if (!str_starts(bytes, STR("\x89PNG\r\n\x1a\n")))
		return fail(&t->c, E_PEER, "what came from the server is no picture");
	return file_create(&t->c, AT_FDCWD, name, 0600, bytes);
}

MUST static bool
picture_row(struct cli *t, const char *license, const char *name, size_t bytes)
{
	char row[8192];
	struct buf b = BUF(row);
	struct js j = { .out = &b };

	js_open(&j, NULL, '{');
	js_text(&j, "license", str_of(license));
	js_text(&j, "file", str_of(name));
	js_number(&j, "bytes", (int64_t)bytes);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

/* ---- A customer's ---------------------------------------------------------------------------- */

/* The license file that is here may be from before the picture was first made, and not name it. */
MUST static bool
file_renew(struct cli *t, struct held *h, struct identity *who, const struct ec_key *key)
{
	bool reached;

	return h->file.n == 0 || license_fetch(t, h, who, key, &reached);
}

bool
license_image_run(struct cli *t)
{
	owned(held_done) struct held h = { .lock = -1 };
	owned(identity_done) struct identity who = { 0 };
	owned(ec_key_free) struct ec_key *key = NULL;
	struct api_request rq = { .method = "POST", .most = SHOWN_MAX };
	struct api_answer a;
	char *name;

	if (!cli_out(t, &name) || !held_open(t, t->parsed.arg[0], true, &h) ||
	    !held_identity(t, &h, &who) || !identity_enter(t, &who, &key))
		return false;
	rq.path = take_printf(&t->c, "/v1/licenses/%s/key-image", h.license.s);
	return rq.path != NULL && api_call(t, &rq, &a) && picture_keep(t, name, a.body) &&
	    file_renew(t, &h, &who, key) && picture_row(t, h.license.s, name, a.body.n);
}

/* ---- A vendor's ------------------------------------------------------------------------------ */

MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	return cli_place(t, "/v1/key-images", NULL, part, ret);
}

bool
key_image_create_run(struct cli *t)
{
	struct api_answer a;
	struct str license, carrier;
	struct buf b;
	struct js j = { &b };

	if (!license_find(t, t->parsed.arg[0], &license) || !take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "license", license);
	if (parsed_option(&t->parsed, "--carrier", &carrier))
		js_text(&j, "carrier", carrier);
	js_close(&j, '}');
	return cli_post(t, "/v1/key-images", &b, &a) && output_row(&t->c, t->out, a.body);
}

bool
key_image_list_run(struct cli *t)
{
	struct str license;
	char *path;

	if (!parsed_option(&t->parsed, "--license", &license))
		return cli_list(t, "/v1/key-images", "cursor", "", INT64_MAX);
	if (!license_find(t, license, &license))
		return false;
	path = take_printf(&t->c, "/v1/key-images?license=%.*s", STRF(license));
	return path != NULL && cli_list(t, path, "cursor", "", INT64_MAX);
}

/* The row, and the picture too if there is --out. */
bool
key_image_show_run(struct cli *t)
{
	struct api_request rq = { .method = "GET", .most = SHOWN_MAX };
	struct api_answer a;
	char *name, *path;

	if (!cli_out(t, &name))
		return false;
	if (name != NULL) {
		if (!place(t, "/image", &path))
			return false;
		rq.path = path;
		if (!api_call(t, &rq, &a) || !picture_keep(t, name, a.body))
			return false;
	}
	return place(t, "", &path) && cli_get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
key_image_revoke_run(struct cli *t)
{
	char *path;

	return place(t, "/revoke", &path) && cli_act(t, path);
}

bool
key_image_reissue_run(struct cli *t)
{
	char *path;

	return place(t, "/reissue", &path) && cli_act(t, path);
}

/* A server that does not know its own address sends a path; how it is reached is known here. */
MUST static bool
address_whole(struct cli *t, struct str json, struct str *ret)
{
	struct json_part *part;
	struct buf b;
	struct js j = { &b };
	char *whole;
	size_t n;

	if (!json_split(&t->c, json, &part, &n) || !take_buf(&t->c, ROW_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	for (size_t i = 0; i < n; i++) {
		if (str_same(part[i].key, STR("url")) && str_starts(part[i].value, STR("/"))) {
			whole = take_printf(&t->c, "%s%.*s", t->server, STRF(part[i].value));
			if (whole == NULL)
				return false;
			part[i].value = str_of(whole);
		}
		if (!js_part(&t->c, &j, &part[i]))
			return false;
	}
	js_close(&j, '}');
	*ret = buf_str(&b);
	return buf_ok(&t->c, &b);
}

bool
key_image_link_run(struct cli *t)
{
	owned(hideaway_done) struct hideaway secret = { NULL, -1 };
	struct api_answer a;
	struct str row;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!js_number_option(&t->c, &j, "hours", &t->parsed, "--hours"))
		return false;
	js_close(&j, '}');
	return place(t, "/links", &path) && hideaway_open(t, "--secret-file", &secret) &&
	    cli_post(t, path, &b, &a) && address_whole(t, a.body, &row) &&
	    hideaway_row(t, &secret, row, "url");
}
