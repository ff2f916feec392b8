/*
 * The picture of a key image, made for whoever may have it: a viewer makes it, then an act looks
 * whether it is still to be given out and whether it looks as it did the first time. Only then does
 * it leave.
 */
#include "key_images.h"

/* One that is over is not made any more: nobody would accept it. */
MUST static bool
active(struct ctx *c, const struct key_image_row *r)
{
	return r->state == KEY_IMAGE_ACTIVE
	    ? true
	    : fail(c, E_CONFLICT, "the key image is %s: the license's new one has a picture",
		  key_image_state_names[r->state]);
}

bool
view_of(struct ctx *c, struct db *db, const struct key_image_row *r, struct viewing *ret)
{
	struct customer_row customer;

	if (!customer_by_id(c, db, str_of(r->vendor.s), str_of(r->customer.s), &customer))
		return false;
	ret->vendor = r->vendor;
	ret->watermark = r->watermark;
	ret->ask.carrier = r->carrier == 0 ? VIEW_LSB : VIEW_DCT;
	ret->ask.base = (uint32_t)r->base;
	ret->ask.claim = (struct view_claim){ r->release, (uint32_t)customer.number,
		(uint32_t)r->serial, seconds_of(r->issued), seconds_of(r->expires) };
	return true;
}

/* ---- The act ------------------------------------------------------------------------------- */

/* As it was the first time: what made it has changed otherwise, or who says that it was made. */
MUST static bool
looks_right(struct ctx *c, struct db *db, struct request *rq, const struct picture *p)
{
	struct digest256 pixels;

	memcpy(pixels.b, p->view.said.pixels, sizeof pixels.b);
	if (key_image_made(&p->row) && digest256_same(&p->row.pixels, &pixels))
		return true;
	if (key_image_pixels_put(c, db, str_of(p->row.id.s), &pixels))
		return true;
	if (c->err.code == E_INTEGRITY)
		rq->act.audit.detail = STR("{\"alarm\":true}");
	return false;
}

static bool
picture_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct picture *p = rq->arg;
	struct id vendor = p->row.vendor, id = p->row.id;

	rq->act.audit.vendor = str_of(p->row.vendor.s);
	rq->act.audit.object = str_of(p->row.id.s);
	if (!key_image_by_id(c, db, str_of(vendor.s), str_of(id.s), &p->row) ||
	    !active(c, &p->row) || (p->may != NULL && !p->may(c, db, rq, p)) ||
	    !looks_right(c, db, rq, p))
		return false;
	rq->reply.status = 200;
	rq->reply.body = p->view.said.picture;
	rq->reply.type = "image/png";
	reply_header(rq, "Content-Disposition", "attachment; filename=\"%s.png\"", id.s);
	reply_header(rq, "X-Content-Type-Options", "nosniff");
	return true;
}

/* ---- Before -------------------------------------------------------------------------------- */

static bool
picture_answered(struct ctx *c, struct request *rq)
{
	(void)c;
	rq->arg = rq->viewing;
	rq->write = picture_write;
	return true;
}

bool
picture_make(struct ctx *c, struct request *rq, struct db *db, struct picture *p)
{
	if (!active(c, &p->row) || !view_of(c, db, &p->row, &p->view))
		return false;
	p->view.ask.op = VIEW_MAKE;
	p->view.answered = picture_answered;
	request_view(rq, &p->view);
	return true;
}
