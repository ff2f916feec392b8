/*
 * From a license to what unlocks its model. With the server: a license file that is not old, a
 * seat, and an unlock key, new or, as long as it holds, the one that is here. Without it: what is
 * here, as long as the terms allow. Whether the server can be asked is one question, what it says
 * another: a refusal is final, whatever lies here, and an outage refuses nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "customer.h"

enum { BODY_MAX = 4096, CODE_MAX = 256, ASKING_MAX = 256, TRIES_BESIDE = 2 };

/* What the steps below share. */
struct way {
	struct held held;
	struct identity who;
	struct ec_key *key; /* the customer's own */
	struct offline in;
	struct offline_result seen;
	const char *key_name; /* of its file, for messages */
	bool reached, out;    /* the server was asked last: it answered; it did not */
	struct unlock_key cached;
	bool has_cached;
};

static void
way_done(struct way *w)
{
	unlock_key_done(&w->cached);
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
	return held_check(t, &w->held, &w->who, w->key, &w->in, &w->seen);
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

/* A file that says yes, fetched if there is none here. */
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
	    is_old(&w->seen.claims, w->in.now)) {
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

/* ---- The unlock key that is here ---------------------------------------------------------- */

/* What a key opens is what was licensed. */
static bool
belongs(const struct license_claims *k, const struct unlock_key *u)
{
	return strcmp(k->release.s, u->release.s) == 0 &&
	    digest256_same(&k->artifact, &u->artifact);
}

/* One that does not open, or has run out, is none: another will take its place. */
MUST static bool
cached_look(struct cli *t, struct way *w)
{
	struct unlock_key u = { 0 };
	bool ok = w->held.unlock.n > 0 &&
	    unlock_key_of(t, "unlock.jwe", w->held.unlock, w->key_name, w->key, &u);

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

/* From the middle of its life on another is asked for: so there is always half of one left. */
static bool
is_half_over(const struct unlock_key *u, int64_t now)
{
	return u->expires != 0 && now - u->issued > (u->expires - u->issued) / 2;
}

/* ---- Asking for one ----------------------------------------------------------------------- */

MUST static bool
body_put(struct cli *t, const struct way *w, struct buf *b)
{
	struct js j = { b };
	struct str from, code;
	char name[40];

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
	js_close(&j, '}');
	return buf_ok(&t->c, b);
}

/*
 * The Idempotency-Key of this very request, which outlives us until the answer is stored: if we
 * are killed before, asking again is no second unlocking.
 */
MUST static bool
asking_key(struct cli *t, const struct way *w, struct str body, char **ret)
{
	struct id fresh = id_new(&t->c, "key");
	char *path = take_printf(&t->c, "%s/asking", w->held.folder), text[80], *line;
	struct buf hex = BUF(text);
	struct digest256 d;
	struct str kept, key;

	if (path == NULL || !sha256(&t->c, body, &d) ||
	    !file_if_any(&t->c, path, ASKING_MAX, &kept))
		return false;
	hex_put(&hex, d.b, sizeof d.b);
	if (str_cut(&kept, ' ', &key) && key.n > 0 && str_same(str_trim(kept), buf_str(&hex))) {
		*ret = take_cstr(&t->c, key);
		return *ret != NULL;
	}
	*ret = take_cstr(&t->c, str_of(fresh.s));
	line = take_printf(&t->c, "%s %.*s", fresh.s, STRF(buf_str(&hex)));
	return *ret != NULL && line != NULL && held_put(t, &w->held, "asking", str_of(line));
}

/* The answer is spent: the next unlocking is another. */
static void
asking_over(struct cli *t, const struct way *w)
{
	char *path = take_printf(&t->c, "%s/asking", w->held.folder);

	if (path != NULL)
		(void)unlink(path);
}

/* What the server has not said. */
static bool
is_ours(const struct err *e)
{
	return e->code == E_MEMORY || e->code == E_CRYPTO || e->code == E_FILE ||
	    e->code == E_LIMIT;
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
	if (ok ? !held_put(t, &w->held, "unlock.jwe", token) : is_ours(&t->c.err))
		return false;
	asking_over(t, w);
	if (ok) {
		*ret = u;
		explicit_bzero(&u, sizeof u);
	}
	return ok;
}

/* A refusal ends the request, too: what is asked next is asked anew. */
MUST static bool
key_ask(struct cli *t, struct way *w, struct unlock_key *ret)
{
	struct api_request rq = { .method = "POST", .most = JOSE_MAX };
	struct api_answer a;
	char body[BODY_MAX];
	struct buf b = BUF(body);
	char *key;
	bool ok = body_put(t, w, &b) && asking_key(t, w, buf_str(&b), &key);

	if (ok) {
		rq.path = take_printf(&t->c, "/v1/licenses/%s/unlock", w->held.license.s);
		rq.body = buf_str(&b);
		rq.key = key;
		ok = rq.path != NULL && ask(t, &rq, &w->reached, &a);
		if (!ok && !is_ours(&t->c.err))
			asking_over(t, w);
	}
	explicit_bzero(body, sizeof body);
	if (!ok)
		return false;
	w->out = !w->reached;
	return w->out || answer_keep(t, w, a.body, ret);
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
	if (!seat_take(t, w))
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
	if (w.key_name == NULL || !file_ready(t, &w) || !cached_look(t, &w) ||
	    !key_ready(t, &w, &p.key))
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
