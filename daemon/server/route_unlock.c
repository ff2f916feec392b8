/*
 * Unlocking: the customer gets the key that turns the artifact into his model. The act decides,
 * takes a seat, counts, and keeps a recipe; the key itself, encrypted to the customer's own, is
 * made from it behind the commit by the custodian. A retry finds the recipe, and so gets the same
 * bytes: all that is random in a key lies in the license's wrap. But it is decided anew whether the
 * license is still good.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "use.h"

enum { WRAP_MAX = 4096, RECIPE_MAX = 8 << 10 };

struct unlock {
	struct use *use;
	/* Made before the act, where the license has no wrap for the customer's present key. */
	struct str wrap;
	struct digest256 wrapped_for;
	struct digest256 delivery, authentication; /* digests of the tokens, if there are any */
};

/* What a key is made of, beside the release. */
struct recipe {
	struct id vendor, license, release;
	uint32_t customer;
	struct str jwk, wrap;
	int64_t issued, expires, lease; /* milliseconds; the last one: when the seat lapses */
};

/* clang-format off */
static const struct json_field unlock_fields[] = {
	USE_MACHINE(true),
	USE_FINGERPRINT,
	{ "delivery", FIELD_TEXT, offsetof(struct use, delivery), 1, SECRET_MAX, false },
	{ "authentication", FIELD_TEXT, offsetof(struct use, authentication), 1, SECRET_MAX, false },
};
/* clang-format on */

/* ---- The recipe ---------------------------------------------------------------------------- */

MUST static bool
recipe_put(struct ctx *c, const struct recipe *r, struct buf *out)
{
	if (!take_buf(c, RECIPE_MAX, out))
		return false;
	wire_put_id(out, &r->vendor);
	wire_put_id(out, &r->license);
	wire_put_id(out, &r->release);
	wire_put_u32(out, r->customer);
	wire_put_str(out, r->jwk);
	wire_put_str(out, r->wrap);
	wire_put_u64(out, (uint64_t)r->issued);
	wire_put_u64(out, (uint64_t)r->expires);
	wire_put_u64(out, (uint64_t)r->lease);
	return buf_ok(c, out);
}

MUST static bool
recipe_read(struct ctx *c, struct str bytes, struct recipe *ret)
{
	struct wire w = { bytes, false };

	if (!wire_id(c, &w, "ven", &ret->vendor) || !wire_id(c, &w, "lic", &ret->license) ||
	    !wire_id(c, &w, "rel", &ret->release))
		return false;
	ret->customer = wire_u32(&w);
	ret->jwk = wire_str(&w, JWK_MAX);
	ret->wrap = wire_str(&w, WRAP_MAX);
	ret->issued = (int64_t)wire_u64(&w);
	ret->expires = (int64_t)wire_u64(&w);
	ret->lease = (int64_t)wire_u64(&w);
	return wire_end(c, &w);
}

/* Behind the commit: the key, in memory that ends with the answer. */
static bool
unlock_late(struct ctx *c, struct request *rq)
{
	struct recipe r;
	struct release_row release;
	struct keys_unlock wanted = { .release = &release };
	char text[32];
	struct buf when = BUF(text);
	struct db *db;
	uint64_t n;

	if (!recipe_read(c, rq->reply.body, &r) || !server_reader(c, rq->server, &db) ||
	    !release_outline(c, db, str_of(r.vendor.s), str_of(r.release.s), &release))
		return false;
	wanted.customer = r.customer;
	wanted.license = str_of(r.license.s);
	wanted.jwk = r.jwk;
	wanted.wrap = r.wrap;
	wanted.issued = r.issued;
	wanted.expires = r.expires;
	rq->reply.file = memfd_create("unlock", MFD_CLOEXEC);
	if (rq->reply.file < 0)
		return fail_errno(c, "make room for", "an unlock key");
	if (!keys_unlock_key(c, rq->server->keys, db, &wanted, rq->reply.file, &n))
		return false;
	time_put(&when, r.lease);
	reply_header(rq, "Hallmark-Lease-Expires", "%.*s", STRF(buf_str(&when)));
	rq->reply.body = STR("");
	rq->reply.type = "application/jose";
	return true;
}

/* ---- The act ------------------------------------------------------------------------------- */

/* What the delivery token is worth; *ret_id is its row's, if it is good. */
MUST static bool
delivery_look(
    struct ctx *c, struct db *db, const struct unlock *w, enum delivery *ret, struct id *ret_id)
{
	struct delivery_row d;
	bool found;

	*ret = DELIVERY_NONE;
	if (w->use->delivery.n == 0)
		return true;
	if (!delivery_by_digest(c, db, &w->delivery, &found, &d))
		return false;
	*ret_id = d.id;
	if (!found || strcmp(d.license.s, w->use->st.row.id.s) != 0)
		*ret = DELIVERY_ABSENT;
	else if (d.spent != 0)
		*ret = DELIVERY_SPENT;
	else
		*ret = d.expires <= c->now() ? DELIVERY_EXPIRED : DELIVERY_GOOD;
	return true;
}

/* What is true of it now: that the image was good when it was shown is not enough. */
MUST static bool
showing_look(struct ctx *c, struct db *db, const struct unlock *w, enum showing *ret)
{
	const struct license_row *l = &w->use->st.row;
	struct authentication_row a;
	struct key_image_row image;
	bool found;

	*ret = SHOWING_NONE;
	if (w->use->authentication.n == 0)
		return true;
	if (!authentication_by_digest(c, db, &w->authentication, &found, &a))
		return false;
	*ret = SHOWING_UNKNOWN;
	if (!found || strcmp(a.license.s, l->id.s) != 0)
		return true;
	if (!key_image_by_id(c, db, str_of(l->vendor.s), str_of(a.key_image.s), &image))
		return false;
	if (a.spent != 0)
		*ret = SHOWING_SPENT;
	else if (image.state != KEY_IMAGE_ACTIVE)
		*ret = SHOWING_REVOKED;
	else if (a.expires <= c->now() || (image.expires != 0 && image.expires <= c->now()))
		*ret = SHOWING_EXPIRED;
	else
		*ret = SHOWING_GOOD;
	return true;
}

/* A token that is good once and comes twice was in other hands, too. */
MUST static bool
decide(struct ctx *c, struct request *rq, const struct use *u, struct verdict *ret)
{
	if (standing_decide(c, rq, &u->st, ACTION_UNLOCK, ret))
		return true;
	if (c->err.name == verdict_wire(V_DELIVERY_SPENT) ||
	    c->err.name == verdict_wire(V_IMAGE_SPENT))
		rq->act.audit.detail = STR("{\"alarm\":true}");
	return false;
}

/* The head of all keys of this license for the customer's present key. */
MUST static bool
wrap_settle(struct ctx *c, struct db *db, struct unlock *w)
{
	struct license_row *r = &w->use->st.row;
	const struct digest256 *now = &w->use->st.customer.thumbprint;

	if (r->wrap.n > 0 && digest256_same(&r->wrapped_for, now))
		return true;
	if (w->wrap.n == 0 || !digest256_same(&w->wrapped_for, now))
		return fail(
		    c, E_BUSY, "the license or the customer's key has just changed: try again");
	r->wrap = w->wrap;
	r->wrapped_for = w->wrapped_for;
	return license_wrap_put(c, db, str_of(r->id.s), w->wrap, &w->wrapped_for);
}

MUST static bool
effects(struct ctx *c, struct db *db, struct unlock *w, const struct verdict *v,
    const struct id *delivery)
{
	struct use *u = w->use;
	struct str id = str_of(u->st.row.id.s);
	int64_t lease = u->st.facts.now + u->st.terms.lease;
	bool fresh;

	return use_seat(c, db, u, v, lease < v->until ? lease : v->until, &fresh) &&
	    license_unlocked(c, db, id) && wrap_settle(c, db, w) &&
	    (u->delivery.n == 0 || delivery_spend(c, db, str_of(delivery->s), c->now())) &&
	    (u->st.facts.image != SHOWING_GOOD ||
		authentication_spend(c, db, &w->authentication, c->now())) &&
	    use_event(c, db, u, "license.unlocked");
}

static bool
unlock_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct unlock *w = rq->arg;
	struct use *u = w->use;
	struct recipe r = { 0 };
	struct verdict v;
	struct id delivery;
	struct buf out;

	if (!use_again(c, db, rq, u) ||
	    !delivery_look(c, db, w, &u->st.facts.delivery, &delivery) ||
	    !showing_look(c, db, w, &u->st.facts.image) || !decide(c, rq, u, &v) ||
	    !effects(c, db, w, &v, &delivery))
		return false;
	r.vendor = u->st.row.vendor;
	r.license = u->st.row.id;
	r.release = u->st.row.release;
	r.customer = (uint32_t)u->st.customer.number;
	r.jwk = u->st.customer.jwk;
	r.wrap = u->st.row.wrap;
	r.issued = u->st.facts.now * 1000;
	r.expires = v.until * 1000;
	r.lease = u->st.lease.expires;
	if (!recipe_put(c, &r, &out))
		return false;
	rq->reply.status = 200;
	rq->reply.body = buf_str(&out);
	return true;
}

/* The image by whose showing it was a yes may have been taken away since. */
MUST static bool
image_stays(struct ctx *c, struct db *db, const struct unlock *w)
{
	const struct verdict gone = { .code = V_IMAGE_REVOKED, .rule = "image" };
	struct authentication_row a;
	struct key_image_row image;
	bool found;

	if (w->use->st.terms.image == IMAGE_NONE || w->use->authentication.n == 0)
		return true;
	if (!authentication_by_digest(c, db, &w->authentication, &found, &a))
		return false;
	if (!found)
		return fail_verdict(c, &gone);
	if (!key_image_by_id(
		c, db, str_of(w->use->st.row.vendor.s), str_of(a.key_image.s), &image))
		return false;
	return image.state == KEY_IMAGE_ACTIVE ? true : fail_verdict(c, &gone);
}

/* A kept answer was a yes of then. */
static bool
unlock_again(struct ctx *c, struct db *db, struct request *rq)
{
	struct unlock *w = rq->arg;
	struct verdict v;

	return use_again(c, db, rq, w->use) &&
	    standing_decide(c, rq, &w->use->st, ACTION_VALIDATE, &v) && image_stays(c, db, w);
}

/* ---- Before the act ------------------------------------------------------------------------ */

/* Made only where the answer is likely to be a yes: it costs the custodian some work. */
MUST static bool
wrap_prepare(struct ctx *c, struct request *rq, struct unlock *w)
{
	const struct standing *st = &w->use->st;
	struct keys_license wanted = { .release = &st->release,
		.license = str_of(st->row.id.s),
		.jwk = st->customer.jwk };
	struct str token;
	struct db *db;

	if (st->row.wrap.n > 0 &&
	    digest256_same(&st->row.wrapped_for, &st->customer.thumbprint))
		return true;
	if (!server_reader(c, rq->server, &db) ||
	    !showing_look(c, db, w, &w->use->st.facts.image))
		return false;
	if (verdict_answer(policy_decide(&st->facts, &st->terms, ACTION_UNLOCK).code) !=
	    ANSWER_YES)
		return true;
	w->wrapped_for = st->customer.thumbprint;
	return keys_license(c, rq->server->keys, db, &wanted, &token, &w->wrap);
}

bool
unlock_post(struct ctx *c, struct request *rq)
{
	struct unlock *w = take(c, sizeof *w);

	if (w == NULL || !use_read(c, rq, unlock_fields, COUNT(unlock_fields), &w->use) ||
	    !sha256(c, w->use->delivery, &w->delivery) ||
	    !sha256(c, w->use->authentication, &w->authentication))
		return false;
	rq->arg = w;
	rq->write = unlock_write;
	rq->again = unlock_again;
	rq->late = unlock_late;
	return wrap_prepare(c, rq, w);
}
