/*
 * From a license to what unlocks its model. With the server: a license file that is not old, a
 * seat, and an unlock key, new or, as long as it holds, the one that is here. Without it: what is
 * here, as long as the terms allow. Whether the server can be asked is one question, what it says
 * another: a refusal is final, whatever lies here, and an outage refuses nothing. A key image is
 * looked at by the server before each unlock key, and here before one that lies here is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "permit.h"

enum { TRIES_BESIDE = 2 };

static void
way_done(struct way *w)
{
	unlock_key_done(&w->cached);
	explicit_bzero(w->text, sizeof w->text);
	ec_key_free(&w->key);
	identity_done(&w->who);
	held_done(&w->held);
}

void
permit_done(struct permit *p)
{
	unlock_key_done(&p->key);
}

/* ---- The license file --------------------------------------------------------------------- */

/* A file is fresh for a day, or for half of the time for which it may be used without asking. */
static bool
is_old(const struct license_claims *k, int64_t now)
{
	int64_t life = k->offline > 0 && k->offline / 2 < DAY ? k->offline / 2 : DAY;

	return now >= k->issued + life;
}

MUST static bool
fetch(struct cli *t, struct way *w)
{
	if (!license_fetch(t, &w->held, &w->who, w->key, &w->reached))
		return false;
	w->out = !w->reached;
	return true;
}

MUST static bool
look(struct cli *t, struct way *w)
{
	return held_check(t, &w->held, &w->who, w->key, true, &w->in, &w->seen);
}

/* What it says about beginning something: in the grace after its end only what runs goes on. */
static struct verdict
says(const struct way *w)
{
	struct verdict v = w->seen.verdict;

	if (v.code == V_VALID_IN_GRACE)
		v.code = V_LICENSE_EXPIRED;
	return v;
}

/* Whether it is the picture that the license file names. */
static bool
image_agrees(const struct cli *t, const struct way *w)
{
	const struct license_claims *k = &w->seen.claims;

	return k->image == IMAGE_NONE ||
	    (t->shown != NULL && digest256_same(&t->shown->pixels, &k->key_image));
}

/* A file that says yes, fetched if there is none here; a newer one may name another picture. */
MUST static bool
file_ready(struct cli *t, struct way *w)
{
	bool none = w->held.file.n == 0;
	struct verdict v;

	if (!none) {
		t->tries = TRIES_BESIDE; /* there may be another way */
		if (!look(t, w))
			return false;
	}
	if (none || verdict_answer(says(w).code) != ANSWER_YES ||
	    is_old(&w->seen.claims, w->in.now) || !image_agrees(t, w)) {
		if (!fetch(t, w))
			return false;
		if (w->held.file.n == 0)
			return fail(&t->c, E_PEER, "%s", t->outage);
		if (!look(t, w))
			return false;
	}
	v = says(w);
	return verdict_ok(&t->c, &v);
}

/* Who does not show what the license file asks for need not ask. */
MUST static bool
image_given(struct cli *t, struct way *w)
{
	const struct verdict missing = { .code = V_IMAGE_MISSING };

	w->image_due = w->seen.claims.image != IMAGE_NONE;
	return !w->image_due || t->shown != NULL || verdict_ok(&t->c, &missing);
}

/* From the middle of its life on another is asked for: so there is always half of one left. */
static bool
is_half_over(const struct unlock_key *u, int64_t now)
{
	return u->expires != 0 && now - u->issued > (u->expires - u->issued) / 2;
}

/* ---- Together ----------------------------------------------------------------------------- */

/* What keeps a new key from being made keeps nobody from using the one that still holds. */
static bool
only_new_ones(const struct err *e)
{
	return e->code == E_REFUSED &&
	    (strcmp(err_name(e), verdict_wire(V_UNLOCKS_EXHAUSTED)) == 0 ||
		strcmp(err_name(e), verdict_wire(V_APPROVALS_MISSING)) == 0);
}

/* With the key that is here: a seat, if the server can be asked. */
MUST static bool
seat_take(struct cli *t, struct way *w)
{
	int64_t lease;
	bool reached;

	if (w->out)
		return true;
	if (!seat_keep(t, &w->held, &w->seen.claims, &reached, &lease))
		return false;
	w->out = !reached;
	return true;
}

/*
 * For the key that is here: the picture that the license file names, to the last pixel, or one that
 * the server, which sees more in a picture, takes for the image.
 */
MUST static bool
image_look(struct cli *t, struct way *w)
{
	struct offline in = w->in;
	struct offline_result r;
	struct str secret;

	in.running = w->image_seen;
	if (!license_check_offline(&t->c, &in, &r))
		return false;
	if (verdict_answer(r.verdict.code) == ANSWER_YES)
		return true;
	if (!w->out && t->shown != NULL) {
		if (!image_authenticate(t, &w->held.license, &w->reached, &secret))
			return false;
		w->out = !w->reached;
		if (w->reached)
			return true;
	}
	return verdict_ok(&t->c, &r.verdict);
}

MUST static bool
key_ready(struct cli *t, struct way *w, struct unlock_key *ret)
{
	bool asked = parsed_option(&t->parsed, "--delivery", NULL);
	bool new = !w->has_cached || asked || is_half_over(&w->cached, t->c.now());

	if (!w->has_cached)
		t->tries = 0;
	if (new && !w->out && !key_ask(t, w, ret)) {
		if (!w->has_cached || asked || !only_new_ones(&t->c.err))
			return false;
		t->c.err = (struct err){ 0 };
		new = false;
	}
	if (new && !w->out)
		return true;
	if (!w->has_cached)
		return fail(
		    &t->c, E_PEER, "%s; and no unlock key that still holds is here", t->outage);
	if (!image_look(t, w) || !seat_take(t, w))
		return false;
	*ret = w->cached;
	explicit_bzero(&w->cached, sizeof w->cached);
	return true;
}

/* Until when it may be used without asking: what the key says, or the list and the terms. */
static int64_t
until_of(const struct way *w, const struct unlock_key *u)
{
	int64_t by_key = u->expires / 1000, by_terms = w->seen.verdict.until;

	if (by_key == 0 || (by_terms != 0 && by_terms < by_key))
		return by_terms;
	return by_key;
}

MUST static bool
artifact_ready(struct cli *t, const struct way *w, char **ret)
{
	const struct digest256 *d = &w->seen.claims.artifact;
	char text[2 * sizeof d->b], *path;
	struct buf hex = BUF(text);
	const char *cache;
	struct str given;

	if (parsed_option(&t->parsed, "--artifact", &given)) {
		*ret = take_cstr(&t->c, given);
		return *ret != NULL;
	}
	hex_put(&hex, d->b, sizeof d->b);
	if (!folder_of(t, "XDG_CACHE_HOME", ".cache", &cache))
		return false;
	*ret = take_printf(&t->c, "%s/%.*s.onnx", cache, STRF(buf_str(&hex)));
	path = take_printf(&t->c, "/v1/licenses/%s/artifact", w->held.license.s);
	if (*ret == NULL || path == NULL || access(*ret, F_OK) == 0)
		return *ret != NULL && path != NULL;
	if (w->out)
		return fail(&t->c, E_PEER,
		    "%s; and the artifact is not here: name its file with --artifact",
		    t->outage);
	return transfer_down(t, path, *ret, d);
}

MUST static bool
say_offline(struct cli *t, const struct permit *p)
{
	char text[512];
	struct buf b = BUF(text);

	buf_put(&b, str_of(t->outage));
	buf_put(&b, STR("; going on without the server, which the license allows"));
	if (p->until > 0) {
		buf_put(&b, STR(" until "));
		time_put(&b, p->until * 1000);
	}
	output_say(CLI, buf_str(&b));
	return true;
}

bool
permit_get(struct cli *t, struct permit *ret)
{
	owned(way_done) struct way w = { .held.lock = -1 };
	owned(permit_done) struct permit p = { 0 };

	if (!held_open(t, t->parsed.arg[0], true, &w.held) ||
	    !held_identity(t, &w.held, &w.who) || !identity_enter(t, &w.who, &w.key))
		return false;
	w.key_name = take_printf(&t->c, "%s/key", w.who.folder);
	if (w.key_name == NULL || !file_ready(t, &w) || !image_given(t, &w) ||
	    !cached_look(t, &w) || !key_ready(t, &w, &p.key))
		return false;
	held_done(&w.held); /* others may go on while the artifact comes */
	if (!artifact_ready(t, &w, &p.artifact))
		return false;
	p.license = w.held.license;
	p.lease = w.seen.claims.lease;
	p.until = until_of(&w, &p.key);
	p.online = !w.out;
	if (w.out && !say_offline(t, &p))
		return false;
	*ret = p;
	explicit_bzero(&p, sizeof p);
	return true;
}
