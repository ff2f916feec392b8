/*
 * Pictures for those who may have one key image and nothing else: the customer whose license it is,
 * and whoever holds a link that is good once. A link says nothing about itself: one that never was,
 * is spent, has expired, or leads to an image that is over is the same to whoever follows it. Only
 * the audit tells them apart, and a spent one that comes again is an alarm there. A link is spent
 * by the act that gives the picture out, not before; a look at its head, or a browser that fetches
 * what nobody has clicked yet, does not spend it.
 */
#include "key_images.h"
#include "use.h"

/* ---- The customer's own -------------------------------------------------------------------- */

static bool
customer_may(struct ctx *c, struct db *db, struct request *rq, struct picture *p)
{
	struct use *u = p->arg;
	struct verdict v;

	return use_again(c, db, rq, u) && standing_decide(c, rq, &u->st, ACTION_VALIDATE, &v);
}

bool
license_image_post(struct ctx *c, struct request *rq)
{
	struct picture *p = take(c, sizeof *p);
	struct use *u;
	struct verdict v;
	struct db *db;
	bool found;

	if (p == NULL || !use_read(c, rq, NULL, 0, &u) ||
	    !standing_decide(c, rq, &u->st, ACTION_VALIDATE, &v) ||
	    !server_reader(c, rq->server, &db) ||
	    !key_image_of(c, db, str_of(u->st.row.id.s), &found, &p->row))
		return false;
	if (!found)
		return fail(
		    c, E_ABSENT, "this license has no key image: ask the vendor for one");
	p->arg = u;
	p->may = customer_may;
	return picture_make(c, rq, db, p);
}

/* ---- Links --------------------------------------------------------------------------------- */

struct link {
	struct picture picture;
	struct digest256 digest;
	struct image_link_row row;
	struct standing st;
};

MUST static bool
no_link(struct ctx *c)
{
	return fail(c, E_ABSENT, "no such link, or it was used: ask for another");
}

/* Whose picture it is, for the audit. */
static void
name_link(struct request *rq, const struct link *l)
{
	rq->act.audit.vendor = str_of(l->row.vendor.s);
	rq->act.audit.object = str_of(l->row.key_image.s);
}

/* The link itself, and everything it leads to, as it is now. */
MUST static bool
link_look(struct ctx *c, struct db *db, struct request *rq, struct link *l)
{
	static const struct id anybody = { "" };
	struct key_image_row *image = &l->picture.row;
	struct verdict v;
	bool found;

	if (!image_link_by_digest(c, db, &l->digest, &found, &l->row))
		return false;
	if (!found)
		return no_link(c);
	if (l->row.spent != 0)
		rq->act.audit.detail = STR("{\"alarm\":true}");
	if (l->row.spent != 0 || l->row.expires <= c->now())
		return no_link(c);
	if (!key_image_by_id(
		c, db, str_of(l->row.vendor.s), str_of(l->row.key_image.s), image) ||
	    !standing_read(c, rq->server, db, str_of(image->vendor.s), str_of(image->license.s),
		STR(""), &anybody, &l->st))
		return false;
	if (image->state != KEY_IMAGE_ACTIVE)
		return no_link(c);
	v = policy_decide(&l->st.facts, &l->st.terms, ACTION_VALIDATE);
	if (verdict_answer(v.code) == ANSWER_UNDECIDED)
		return fail_verdict(c, &v);
	return verdict_answer(v.code) == ANSWER_YES ? true : no_link(c);
}

static bool
link_may(struct ctx *c, struct db *db, struct request *rq, struct picture *p)
{
	struct link *l = (struct link *)(void *)p;

	name_link(rq, l);
	return link_look(c, db, rq, l) && image_link_spend(c, db, &l->digest, c->now());
}

/* There is such a link: that it leads nowhere is worth a row that names it. */
static bool
refused_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct link *l = rq->arg;

	name_link(rq, l);
	return link_look(c, db, rq, l) ? no_link(c) : false;
}

/* Whoever tries links is slowed down as one who tries tokens. */
MUST static bool
refuse(struct ctx *c, struct request *rq, struct link *l)
{
	struct err why = c->err;

	if (why.code != E_ABSENT ||
	    !limit_take(c, rq->server->limits, LIMIT_FAILURE, str_of(rq->address),
		&rq->reply.retry_after))
		return false;
	c->err = why;
	if (l->row.key_image.s[0] == '\0')
		return false;
	rq->arg = l;
	rq->write = refused_write;
	return true;
}

static bool
says(struct str header, const char *word)
{
	for (size_t i = 0, n = strlen(word); i + n <= header.n; i++)
		if (strncasecmp(header.p + i, word, n) == 0)
			return true;
	return false;
}

/* Fetched by a program before anybody wanted it: such a request says so. */
static bool
is_prefetch(struct request *rq)
{
	static const char *const names[] = { "Sec-Purpose", "Purpose", "X-Purpose", "X-Moz" };

	for (size_t i = 0; i < COUNT(names); i++) {
		struct str h = request_header(rq, names[i]);

		if (says(h, "prefetch") || says(h, "prerender") || says(h, "preview"))
			return true;
	}
	return false;
}

bool
image_link_get(struct ctx *c, struct request *rq)
{
	struct link *l = take(c, sizeof *l);
	struct db *db;

	if (l == NULL ||
	    !limit_look(c, rq->server->limits, LIMIT_FAILURE, str_of(rq->address),
		&rq->reply.retry_after))
		return false;
	if (is_prefetch(rq))
		return fail(
		    c, E_DENIED, "a link that is good once is not for fetching beforehand");
	if (!sha256(c, rq->param[0], &l->digest) || !server_reader(c, rq->server, &db))
		return false;
	if (!link_look(c, db, rq, l))
		return refuse(c, rq, l);
	reply_header(rq, "Referrer-Policy", "no-referrer");
	if (str_same(rq->method, STR("HEAD"))) {
		rq->reply.type = "image/png";
		return true;
	}
	l->picture.may = link_may;
	return picture_make(c, rq, db, &l->picture);
}
