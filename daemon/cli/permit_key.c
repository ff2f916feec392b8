/*
 * Unlock keys: the one that is here, as long as it holds, and asking the server for another. Where
 * a license asks for its key image, the server sees it before each request, and what comes is kept
 * so that it opens with the very picture alone.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "permit.h"

enum { BODY_MAX = 4096, CODE_MAX = 256 };

/* ---- The unlock key that is here ---------------------------------------------------------- */

/* What a key opens is what was licensed. */
static bool
belongs(const struct license_claims *k, const struct unlock_key *u)
{
	return strcmp(k->release.s, u->release.s) == 0 &&
	    digest256_same(&k->artifact, &u->artifact);
}

/* Where a key image is asked for, the file that opens with its pixels alone. */
MUST static bool
cached_token(struct cli *t, const struct way *w, struct str *ret)
{
	*ret = w->held.unlock;
	if (w->seen.claims.image == IMAGE_NONE)
		return w->held.unlock.n > 0;
	return w->held.sealed.n > 0 && t->shown != NULL &&
	    image_unseal(t, &w->held.license, w->held.sealed, ret);
}

/* One that does not open, or has run out, is none: another will take its place. */
bool
cached_look(struct cli *t, struct way *w)
{
	struct unlock_key u = { 0 };
	struct str token;
	bool ok = cached_token(t, w, &token) &&
	    unlock_key_of(t, "the unlock key that is here", token, w->key_name, w->key, &u);

	if (!ok && (t->c.err.code == E_MEMORY || t->c.err.code == E_CRYPTO))
		return false;
	t->c.err = (struct err){ 0 };
	if (ok && belongs(&w->seen.claims, &u) && (u.expires == 0 || t->c.now() < u.expires)) {
		w->cached = u;
		w->has_cached = true;
		explicit_bzero(&u, sizeof u);
	}
	unlock_key_done(&u);
	return true;
}

/* ---- Asking for one ----------------------------------------------------------------------- */

/* Who asks, from which machine, and with which code: the same however often it is tried. */
MUST static bool
question_make(struct cli *t, struct way *w)
{
	struct js j = { &w->question };
	struct str from, code;
	char name[40];

	w->question = BUF(w->text);
	if (!machine_name(t, &w->held.machine, w->seen.claims.components, name))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "machine", str_of(name));
	machine_put(&j, &w->held.machine);
	if (parsed_option(&t->parsed, "--delivery", &from)) {
		if (!output_secret(&t->c, from, "delivery code", CODE_MAX, &code))
			return false;
		js_text(&j, "delivery", code);
	}
	return buf_ok(&t->c, &w->question);
}

/* What the server has not said. */
static bool
is_ours(const struct err *e)
{
	return e->code == E_MEMORY || e->code == E_CRYPTO || e->code == E_FILE ||
	    e->code == E_LIMIT;
}

/* The one that is here is of one kind: what needs a key image does not lie beside it without. */
MUST static bool
token_keep(struct cli *t, const struct way *w, struct str token)
{
	bool bare = w->seen.claims.image == IMAGE_NONE;
	const char *other = bare ? "unlock.sealed" : "unlock.jwe";
	char *path = take_printf(&t->c, "%s/%s", w->held.folder, other);
	struct str sealed;

	if (path == NULL || (!bare && !image_seal(t, &w->held.license, token, &sealed)) ||
	    !held_put(
		t, &w->held, bare ? "unlock.jwe" : "unlock.sealed", bare ? token : sealed))
		return false;
	return unlink(path) == 0 || errno == ENOENT ? true : fail_errno(&t->c, "remove", path);
}

/* What does not open, or opens something else, is not worth asking for again. */
MUST static bool
answer_keep(struct cli *t, struct way *w, struct str token, struct unlock_key *ret)
{
	owned(unlock_key_done) struct unlock_key u = { 0 };

	bool ok = unlock_key_of(t, "the unlock key that came", token, w->key_name, w->key, &u);

	if (ok && !belongs(&w->seen.claims, &u))
		ok = fail(&t->c, E_INTEGRITY,
		    "the unlock key that came is for another release than the license");
	if (ok ? !token_keep(t, w, token) : is_ours(&t->c.err))
		return false;
	asking_over(t, &w->held);
	if (ok) {
		*ret = u;
		explicit_bzero(&u, sizeof u);
	}
	return ok;
}

/* A refusal ends the request, too: what is asked next is asked anew. */
MUST static bool
key_request(struct cli *t, struct way *w, const struct asking *asking, struct unlock_key *ret)
{
	struct api_request rq = { .method = "POST", .key = asking->key, .most = JOSE_MAX };
	struct api_answer a;
	char body[BODY_MAX];
	struct buf b = BUF(body);
	struct js j = { &b, true };
	bool ok;

	buf_put(&b, buf_str(&w->question));
	if (asking->secret.n > 0)
		js_text(&j, "authentication", asking->secret);
	js_close(&j, '}');
	rq.path = take_printf(&t->c, "/v1/licenses/%s/unlock", w->held.license.s);
	rq.body = buf_str(&b);
	ok = rq.path != NULL && buf_ok(&t->c, &b) && ask(t, &rq, &w->reached, &a);
	explicit_bzero(body, sizeof body);
	if (!ok && !is_ours(&t->c.err))
		asking_over(t, &w->held);
	if (!ok)
		return false;
	w->out = !w->reached;
	return w->out || answer_keep(t, w, a.body, ret);
}

/* The server sees the image before each request, if it asks for one. */
MUST static bool
image_show(struct cli *t, struct way *w, struct asking *asking)
{
	struct str secret;

	if (!w->image_due || t->shown == NULL || asking->secret.n > 0)
		return true;
	if (!image_authenticate(t, &w->held.license, &w->reached, &secret))
		return false;
	w->out = !w->reached;
	w->image_seen = w->reached;
	return w->out || asking_shown(t, &w->held, secret, asking);
}

/*
 * A refusal that showing the image (again) may change: the terms ask for one since the license file
 * was made, or what was shown in an earlier attempt is good no more.
 */
static bool
is_about_image(const struct asking *asking, const struct err *e)
{
	static const enum verdict_code stale[] = { V_IMAGE_UNKNOWN, V_IMAGE_SPENT,
		V_IMAGE_EXPIRED, V_IMAGE_REVOKED };

	if (asking->secret.n == 0)
		return strcmp(err_name(e), verdict_wire(V_IMAGE_MISSING)) == 0;
	for (size_t i = 0; i < COUNT(stale) && asking->old; i++)
		if (strcmp(err_name(e), verdict_wire(stale[i])) == 0)
			return true;
	return false;
}

bool
key_ask(struct cli *t, struct way *w, struct unlock_key *ret)
{
	struct asking asking;

	if (!question_make(t, w))
		return false;
	for (bool first = true;; first = false) {
		if (!asking_begin(t, &w->held, buf_str(&w->question), &asking) ||
		    !image_show(t, w, &asking))
			return false;
		if (w->out || key_request(t, w, &asking, ret))
			return true;
		if (!first || t->shown == NULL || !is_about_image(&asking, &t->c.err))
			return false;
		t->c.err = (struct err){ 0 };
		w->image_due = true;
	}
}
