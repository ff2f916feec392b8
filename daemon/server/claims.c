/*
 * A license file's claims, from the rows of the store.
 */
#include "claims.h"

/* Where the vendor's list of revocations is; empty unless the configuration says who we are. */
MUST static bool
list_address(struct ctx *c, const struct server *s, const struct id *vendor, struct str *ret)
{
	const char *text = "";

	if (s->conf.public_url[0] != '\0')
		text = take_printf(
		    c, "%s/v1/vendors/%s/revocations", s->conf.public_url, vendor->s);
	*ret = str_of(text);
	return text != NULL;
}

static void
terms_fill(struct license_claims *to, const struct policy *terms)
{
	to->lease = terms->lease;
	to->offline = terms->offline;
	to->tolerance = terms->tolerance;
	to->grace_expired = terms->grace_expired;
	to->grace_revoked = terms->grace_revoked;
	to->stale_refused = terms->stale_refused;
	to->binding = terms->binding;
	to->components = terms->components;
	to->image = terms->image;
}

/* How the license's image looks, as far as anybody has had it. */
MUST static bool
image_fill(struct ctx *c, struct db *db, struct license_claims *to)
{
	struct key_image_row image;
	bool found;

	if (to->image == IMAGE_NONE)
		return true;
	if (!key_image_of(c, db, str_of(to->license.s), &found, &image))
		return false;
	if (found)
		to->key_image = image.pixels;
	return true;
}

bool
claims_of(struct ctx *c, struct server *s, struct db *db, const struct standing *st,
    int64_t issued, const struct fingerprint *bound, struct str *ret)
{
	const struct license_row *r = &st->row;
	struct license_claims l = {
		.vendor = r->vendor,
		.customer = r->customer,
		.release = r->release,
		.license = r->id,
		.issued = issued,
		.not_before = seconds_of(r->not_before),
		.expires = seconds_of(r->expires),
		.artifact = st->release.artifact,
		.entitlements = st->license.entitlements,
		.seats = r->seats,
	};
	struct buf out;

	terms_fill(&l, &st->terms);
	if (bound != NULL)
		l.bound = *bound;
	if (!image_fill(c, db, &l) || !list_address(c, s, &r->vendor, &l.revocations) ||
	    !keys_signer(c, s->keys, db, &l.key) ||
	    !revocation_list_number(c, db, str_of(r->vendor.s), &l.epoch) ||
	    !take_buf(c, LICENSE_MAX, &out) || !license_claims_put(c, &l, &out))
		return false;
	*ret = buf_str(&out);
	return true;
}
