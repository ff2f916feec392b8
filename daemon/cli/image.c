/*
 * The key image that a customer shows with --image. A picture is a file from outside: a child that
 * has no key decodes it, before any key is opened. What is left of it are its bytes, which the
 * server wants to see; the digest of its pixels, which a license file names; and a key that follows
 * from its pixels, under which an unlock key is kept here: without the picture it does not open.
 */
#include <fcntl.h>
#include <stdio.h>

#include "customer.h"
#include "image.h"
#include "stego.h"

enum { SECRET_MAX = 128 };

/* ---- Looking into it --------------------------------------------------------------------- */

/* As stego_pixels_digest, but of no use to whoever has only read a license file. */
MUST static bool
key_of(struct ctx *c, const struct image *im, struct key256 *ret)
{
	char text[32];
	struct buf size = BUF(text);
	struct str part[3] = { STR("hallmark: unlock keys beside a key image 1\n") };
	struct digest256 d;

	buf_printf(&size, "%d %d %d\n", im->width, im->height, im->channels);
	part[1] = buf_str(&size);
	part[2] = (struct str){ (const char *)im->v, image_bytes(im) };
	if (!buf_ok(c, &size) || !sha256_parts(c, part, COUNT(part), &d))
		return false;
	memcpy(ret->b, d.b, sizeof ret->b);
	explicit_bzero(&d, sizeof d);
	return true;
}

/* An errand. */
static bool
look(struct cli *t, void *arg, struct news *ret)
{
	const struct str *bytes = arg;
	struct image im;

	*ret = (struct news){ .what = NEWS_GOOD };
	return image_read(&t->c, *bytes, 0, &im, NULL) &&
	    stego_pixels_digest(&t->c, &im, &ret->pixels) && key_of(&t->c, &im, &ret->picture);
}

/* A PNG begins with this byte, a JPEG with another. */
static const char *
media_of(struct str bytes)
{
	return bytes.p[0] == '\x89' ? "image/png" : "image/jpeg";
}

bool
image_ready(struct cli *t)
{
	struct errand_run e = { 0 };
	struct shown *s;
	struct str option;
	struct news n;
	char *name;

	if (!parsed_option(&t->parsed, "--image", &option))
		return true;
	name = take_cstr(&t->c, option);
	s = take(&t->c, sizeof *s);
	if (name == NULL || s == NULL ||
	    !file_read(&t->c, AT_FDCWD, name, SHOWN_MAX, &s->bytes) ||
	    !errand_begin(t, look, &s->bytes, 0, &e))
		return false;
	if (!errand_end(t, &e, &n)) {
		if (t->c.err.code != E_PEER)
			return false;
		return fail(&t->c, E_INPUT,
		    "%s cannot be read as a picture: fetch it with hallmark license image",
		    name);
	}
	s->media = media_of(s->bytes);
	s->pixels = n.pixels;
	s->key = n.picture;
	explicit_bzero(&n, sizeof n);
	t->shown = s;
	return true;
}

void
image_forget(struct cli *t)
{
	if (t->shown == NULL)
		return;
	explicit_bzero((void *)(uintptr_t)t->shown->bytes.p, t->shown->bytes.n);
	explicit_bzero(t->shown, sizeof *t->shown);
	t->shown = NULL;
}

/* ---- Showing it to the server ------------------------------------------------------------ */

/* {"valid": true, "authentication": …}, or why not. */
MUST static bool
answer_read(struct cli *t, struct str body, struct str *ret)
{
	struct json_part *part, valid = { 0 };
	struct str code, detail;
	size_t n;

	if (!json_split(&t->c, body, &part, &n))
		return false;
	if (!json_find(part, n, "valid", &valid) || valid.kind != KIND_BOOL)
		return fail(&t->c, E_PEER, "the server does not say whether it is the image");
	if (!str_same(valid.value, STR("true")))
		return cli_text(t, body, "code", &code) &&
		    cli_text(t, body, "detail", &detail) && api_refusal(t, code, detail);
	if (!cli_text(t, body, "authentication", ret))
		return false;
	return ret->n > 0 && ret->n <= SECRET_MAX
	    ? true
	    : fail(&t->c, E_PEER, "the server's answer to the image is malformed");
}

bool
image_authenticate(
    struct cli *t, const struct id *license, bool *ret_reached, struct str *ret_secret)
{
	struct api_request rq = {
		.method = "POST", .body = t->shown->bytes, .media = t->shown->media
	};
	struct api_answer a;

	rq.path = take_printf(&t->c, "/v1/licenses/%s/authenticate", license->s);
	return rq.path != NULL && ask(t, &rq, ret_reached, &a) &&
	    (!*ret_reached || answer_read(t, a.body, ret_secret));
}

/* ---- What is kept under it --------------------------------------------------------------- */

bool
image_seal(struct cli *t, const struct id *license, struct str plain, struct str *ret)
{
	struct buf b;

	if (!take_buf(&t->c, plain.n + SEAL_OVERHEAD, &b) ||
	    !seal(&t->c, &t->shown->key, str_of(license->s), plain, &b))
		return false;
	*ret = buf_str(&b);
	return true;
}

bool
image_unseal(struct cli *t, const struct id *license, struct str sealed, struct str *ret)
{
	return unseal(&t->c, &t->shown->key, str_of(license->s), sealed, ret);
}
