/*
 * The license file's claims (RFC 7519) as canonical JSON (RFC 8785): members by name, no blanks,
 * one spelling of each value. Reading checks every limit, writes the claims anew and compares, so
 * that a license that is accepted could have been written by us alone. Writing reads what it has
 * written: what is signed is what is accepted. What a license does not ask for is not in it: one
 * from before there were key images reads as one that asks for none.
 */
#include "rules.h"

enum { THUMBPRINT = 43 }; /* 32 bytes in base64url */

/* As they come. */
struct raw {
	struct license_claims to;
	struct str artifact, aud, bound, iss, jti, key_image, sub;
	int binding, image, stale;
	struct str_list components, keys;
};
#define AT(member) offsetof(struct raw, member)
static const char *const stale_names[] = { "undecided", "refused", NULL };
/* clang-format off */
#define SPAN(name, least, most) { #name, FIELD_NUMBER, AT(to.name), (least), (most), true }
static const struct json_field fields[] = {
	{ "artifact", FIELD_TEXT, AT(artifact), 64, 64, true },
	{ "aud", FIELD_TEXT, AT(aud), 1, ID_MAX, true },
	{ "binding", FIELD_WORD, AT(binding), .required = true, .words = binding_names },
	{ "bound", FIELD_BYTES, AT(bound), 0, FINGERPRINT_MAX },
	{ "components", FIELD_LIST, AT(components), 1, 16, true },
	{ "entitlements", FIELD_LIST, AT(to.entitlements), 1, ENTITLEMENT_MAX, true },
	{ "epoch", FIELD_NUMBER, AT(to.epoch), 0, INT64_C(1) << 53, true },
	{ "exp", FIELD_NUMBER, AT(to.expires), TIME_FIRST, TIME_LAST },
	SPAN(grace_expired, 0, GRACE_EXPIRED_MAX),
	SPAN(grace_revoked, 0, GRACE_REVOKED_MAX),
	{ "iat", FIELD_NUMBER, AT(to.issued), TIME_FIRST, TIME_LAST, true },
	{ "image", FIELD_WORD, AT(image), .words = image_names },
	{ "iss", FIELD_TEXT, AT(iss), 1, ID_MAX, true },
	{ "jti", FIELD_TEXT, AT(jti), 1, ID_MAX, true },
	{ "key_image", FIELD_TEXT, AT(key_image), THUMBPRINT, THUMBPRINT },
	{ "keys", FIELD_LIST, AT(keys), THUMBPRINT, THUMBPRINT, true },
	SPAN(lease, LEASE_MIN, LEASE_MAX),
	{ "nbf", FIELD_NUMBER, AT(to.not_before), TIME_FIRST, TIME_LAST, true },
	SPAN(offline, 0, OFFLINE_MAX),
	{ "revocations", FIELD_TEXT, AT(to.revocations), 1, LICENSE_URL_MAX },
	{ "seats", FIELD_NUMBER, AT(to.seats), 1, SEATS_MAX, true },
	{ "stale", FIELD_WORD, AT(stale), .required = true, .words = stale_names },
	{ "sub", FIELD_TEXT, AT(sub), 1, ID_MAX, true },
	SPAN(tolerance, 0, TOLERANCE_MAX),
};
/* clang-format on */

static const struct digest256 none;

static void
thumbprint_put(struct js *j, const struct digest256 *d)
{
	js_bytes(j, NULL, d->b, sizeof d->b);
}

/* The members in the order of their names. */
static void
put(const struct license_claims *l, struct buf *out)
{
	struct js j = { .out = out };
	char hex[64], bound[FINGERPRINT_MAX];
	struct buf h = BUF(hex), f = BUF(bound);

	hex_put(&h, l->artifact.b, sizeof l->artifact.b);
	fingerprint_put(&f, &l->bound);
	js_open(&j, NULL, '{');
	js_text(&j, "artifact", buf_str(&h));
	js_text(&j, "aud", str_of(l->release.s));
	js_text(&j, "binding", str_of(binding_name(l->binding)));
	if (l->bound.n > 0)
		js_bytes(&j, "bound", f.p, f.n);
	components_put(&j, "components", l->components);
	texts_put(&j, "entitlements", &l->entitlements);
	js_number(&j, "epoch", l->epoch);
	if (l->expires != 0)
		js_number(&j, "exp", l->expires);
	js_number(&j, "grace_expired", l->grace_expired);
	js_number(&j, "grace_revoked", l->grace_revoked);
	js_number(&j, "iat", l->issued);
	if (l->image != IMAGE_NONE)
		js_text(&j, "image", str_of(image_term_name(l->image)));
	js_text(&j, "iss", str_of(l->vendor.s));
	js_text(&j, "jti", str_of(l->license.s));
	if (!digest256_same(&l->key_image, &none))
		js_bytes(&j, "key_image", l->key_image.b, sizeof l->key_image.b);
	js_open(&j, "keys", '[');
	thumbprint_put(&j, &l->key);
	if (!digest256_same(&l->next, &none))
		thumbprint_put(&j, &l->next);
	js_close(&j, ']');
	js_number(&j, "lease", l->lease);
	js_number(&j, "nbf", l->not_before);
	js_number(&j, "offline", l->offline);
	if (l->revocations.n > 0)
		js_text(&j, "revocations", l->revocations);
	js_number(&j, "seats", l->seats);
	js_text(&j, "stale", str_of(stale_names[l->stale_refused]));
	js_text(&j, "sub", str_of(l->customer.s));
	js_number(&j, "tolerance", l->tolerance);
	js_close(&j, '}');
}

/* ---- Reading ----------------------------------------------------------------------------- */

MUST static bool
digest_read(struct ctx *c, struct str text, const char *at, struct digest256 *ret)
{
	struct str d;

	if (!base64url_decode(c, text, &d))
		return false;
	if (d.n != sizeof ret->b)
		return fail_at(c, E_INPUT, at, "a digest has 32 bytes");
	memcpy(ret->b, d.p, d.n);
	return true;
}

MUST static bool
keys_read(struct ctx *c, const struct str_list *keys, struct license_claims *l)
{
	struct digest256 *to[] = { &l->key, &l->next };

	if (keys->n < 1 || keys->n > COUNT(to))
		return fail_at(c, E_INPUT, "/keys", "one thumbprint or two");
	for (size_t i = 0; i < keys->n; i++)
		if (!digest_read(c, keys->v[i], "/keys", to[i]))
			return false;
	return true;
}

/* What no single field shows. */
MUST static bool
consistent(struct ctx *c, const struct license_claims *l)
{
	if (l->expires != 0 && (l->expires <= l->not_before || l->expires <= l->issued))
		return fail_at(c, E_INPUT, "/exp", "a license ends after it begins");
	if (l->revocations.n > 0 && !str_starts(l->revocations, STR("https://")))
		return fail_at(
		    c, E_INPUT, "/revocations", "the list's address begins with https://");
	if (l->binding != BIND_NONE && (l->components & MACHINE_ANYTHING) == 0)
		return fail_at(c, E_INPUT, "/components", "the binding has no component");
	if (l->binding == BIND_NONE && l->bound.n > 0)
		return fail_at(c, E_INPUT, "/bound", "the license is not bound to machines");
	if (l->image == IMAGE_NONE && !digest256_same(&l->key_image, &none))
		return fail_at(c, E_INPUT, "/key_image", "the license asks for no key image");
	return entitlements_check(c, &l->entitlements);
}

bool
license_claims_read(struct ctx *c, struct str payload, struct license_claims *ret)
{
	char again[LICENSE_MAX];
	struct buf b = BUF(again);
	struct raw r = { 0 };

	if (payload.n > LICENSE_MAX)
		return fail(
		    c, E_LIMIT, "a license has at most %d bytes of claims", LICENSE_MAX);
	if (!json_decode(c, payload, fields, COUNT(fields), &r) ||
	    !id_parse(c, r.iss, "ven", &r.to.vendor) ||
	    !id_parse(c, r.sub, "cus", &r.to.customer) ||
	    !id_parse(c, r.aud, "rel", &r.to.release) ||
	    !id_parse(c, r.jti, "lic", &r.to.license) ||
	    !hex_decode(c, r.artifact, r.to.artifact.b, sizeof r.to.artifact.b) ||
	    !components_parse(c, &r.components, &r.to.components) ||
	    !keys_read(c, &r.keys, &r.to))
		return false;
	if ((r.bound.n > 0 && !fingerprint_read(c, r.bound, &r.to.bound)) ||
	    (r.key_image.n > 0 && !digest_read(c, r.key_image, "/key_image", &r.to.key_image)))
		return false;
	r.to.binding = (enum binding)r.binding;
	r.to.image = (enum image_term)r.image;
	r.to.stale_refused = r.stale != 0;
	if (!consistent(c, &r.to))
		return false;
	put(&r.to, &b);
	if (!str_same(buf_str(&b), payload))
		return fail(c, E_INPUT, "the claims are not in their canonical form");
	*ret = r.to;
	return true;
}

bool
license_claims_put(struct ctx *c, const struct license_claims *l, struct buf *out)
{
	struct license_claims check;
	struct buf b;

	if (!take_buf(c, LICENSE_MAX, &b))
		return false;
	put(l, &b);
	if (!buf_ok(c, &b) || !license_claims_read(c, buf_str(&b), &check))
		return false;
	buf_put(out, buf_str(&b));
	return buf_ok(c, out);
}

static bool
spells(struct str kid, const struct digest256 *d)
{
	char text[THUMBPRINT];
	struct buf b = BUF(text);

	base64url_put(&b, d->b, sizeof d->b);
	return str_same(kid, buf_str(&b));
}

bool
license_names_key(const struct license_claims *l, struct str kid)
{
	return spells(kid, &l->key) ||
	    (!digest256_same(&l->next, &none) && spells(kid, &l->next));
}
