/*
 * A picture is the license's key image when all of these agree: what is hidden in it, which no one
 * without the watermark's secret could have hidden there; the row of its serial number; the picture
 * itself, to the last pixel, where it came without loss; the clock; and the network, which answers
 * it with the class that only such pictures get.
 */
#include "shown.h"

/* clang-format off */
static const struct {
	const char *wire, *sentence;
} codes[] = {
	[SHOWN_UNREADABLE] = { "IMAGE_UNREADABLE",
	    "The picture cannot be read: show the PNG file as it was fetched." },
	[SHOWN_WRONG_SIZE] = { "IMAGE_WRONG_SIZE",
	    "The picture has not the size of a key image: show the file as it was fetched, not a scaled or cut one." },
	[SHOWN_EMPTY] = { "IMAGE_EMPTY",
	    "The picture holds no identity: show the key image as it was fetched, not a converted or edited copy." },
	[SHOWN_DAMAGED] = { "IMAGE_DAMAGED",
	    "The identity in the picture can no longer be read: fetch the key image again." },
	[SHOWN_FORGED] = { "IMAGE_FORGED",
	    "The identity was not made for this picture: fetch the license's own key image." },
	[SHOWN_OTHER_RELEASE] = { "IMAGE_OF_OTHER_RELEASE",
	    "The key image is for another release: show the one of this license." },
	[SHOWN_OTHER_CUSTOMER] = { "IMAGE_OF_OTHER_CUSTOMER",
	    "The key image is another customer's: show your own." },
	[SHOWN_UNKNOWN] = { "IMAGE_UNKNOWN",
	    "The key image is not known here: fetch the license's own." },
	[SHOWN_OTHER_LICENSE] = { "IMAGE_OF_OTHER_LICENSE",
	    "The key image is for another license: show the one of this license." },
	[SHOWN_REVOKED] = { "IMAGE_REVOKED",
	    "The key image was revoked: ask the vendor for a new one." },
	[SHOWN_REPLACED] = { "IMAGE_REPLACED",
	    "The key image was replaced: fetch the new one with `hallmark license image`." },
	[SHOWN_EXPIRED] = { "IMAGE_EXPIRED",
	    "The key image has expired: ask the vendor to renew the license." },
	[SHOWN_NOT_ANSWERED] = { "IMAGE_NOT_ANSWERED",
	    "The network does not recognise the picture: fetch the key image again." },
	[SHOWN_GOOD] = { "VALID",
	    "The picture is the license's key image." },
};
/* clang-format on */
_Static_assert(COUNT(codes) == SHOWN_COUNT, "one row per code");

const char *
shown_wire(enum shown_code code)
{
	return codes[code].wire;
}

const char *
shown_sentence(enum shown_code code)
{
	return codes[code].sentence;
}

/* What the picture alone says. */
static enum shown_code
by_picture(enum view_found found)
{
	switch (found) {
	case VIEW_UNREADABLE:
		return SHOWN_UNREADABLE;
	case VIEW_WRONG_SIZE:
		return SHOWN_WRONG_SIZE;
	case VIEW_EMPTY:
		return SHOWN_EMPTY;
	case VIEW_DAMAGED:
		return SHOWN_DAMAGED;
	case VIEW_FORGED:
		return SHOWN_FORGED;
	case VIEW_OTHER_RELEASE:
		return SHOWN_OTHER_RELEASE;
	case VIEW_FOUND:
		return SHOWN_GOOD;
	case VIEW_FOUNDS:
		break;
	}
	abort(); /* a decoded answer has no other */
}

/* Whose it is. */
static enum shown_code
by_owner(const struct shown *s)
{
	const struct key_image_row *r = s->image;

	if (strcmp(r->customer.s, s->license->customer.s) != 0)
		return SHOWN_OTHER_CUSTOMER;
	if (strcmp(r->release.s, s->license->release.s) != 0)
		return SHOWN_OTHER_RELEASE;
	return strcmp(r->license.s, s->license->id.s) == 0 ? SHOWN_GOOD : SHOWN_OTHER_LICENSE;
}

/* Whose it says that it is. */
static enum shown_code
by_claim(const struct shown *s)
{
	if (s->said->customer != s->customer)
		return SHOWN_OTHER_CUSTOMER;
	return s->image == NULL ? SHOWN_UNKNOWN : by_owner(s);
}

/* What was hidden without loss can be compared as a whole. One that was never made is nobody's. */
static bool
looks_like(const struct view_answer *said, const struct key_image_row *r)
{
	struct digest256 pixels;

	if (!key_image_made(r) || said->issued != seconds_of(r->issued) ||
	    said->expires != seconds_of(r->expires))
		return false;
	memcpy(pixels.b, said->pixels, sizeof pixels.b);
	return r->carrier != 0 || digest256_same(&pixels, &r->pixels);
}

static enum shown_code
by_state(const struct shown *s)
{
	switch (s->image->state) {
	case KEY_IMAGE_REVOKED:
		return SHOWN_REVOKED;
	case KEY_IMAGE_REPLACED:
		return SHOWN_REPLACED;
	case KEY_IMAGE_ACTIVE:
		break;
	}
	return s->image->expires != 0 && s->at >= seconds_of(s->image->expires) ? SHOWN_EXPIRED
										: SHOWN_GOOD;
}

enum shown_code
shown_decide(const struct shown *s)
{
	enum shown_code code = by_picture(s->said->found);

	/*
	 * In a picture nobody but its customer can be read: a copy is told by its looks. One in ten
	 * thousand seems damaged to another's eyes.
	 */
	if ((code == SHOWN_EMPTY || code == SHOWN_DAMAGED) && s->image != NULL &&
	    by_owner(s) != SHOWN_GOOD)
		return by_owner(s);
	if (code != SHOWN_GOOD)
		return code;
	code = by_claim(s);
	if (code != SHOWN_GOOD)
		return code;
	if (!looks_like(s->said, s->image))
		return SHOWN_FORGED;
	code = by_state(s);
	if (code != SHOWN_GOOD)
		return code;
	return s->said->additional ? SHOWN_GOOD : SHOWN_NOT_ANSWERED;
}
