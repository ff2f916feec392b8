/*
 * Public keys as JSON Web Keys (RFC 7517). A private key that somebody sends by mistake is named
 * as such: it should be thrown away, not registered.
 */
#include "parts.h"

struct jwk {
	struct str kty, crv, x, y, d;
	struct str kid, use, alg;
	struct str_list key_ops;
	bool ext;
};

#define AT(member) offsetof(struct jwk, member)
/* clang-format off */
static const struct json_field fields[] = {
	{ "kty",     FIELD_TEXT,  AT(kty),     1, 8,   true,  NULL },
	{ "crv",     FIELD_TEXT,  AT(crv),     1, 16,  true,  NULL },
	{ "x",       FIELD_BYTES, AT(x),       0, 48,  true,  NULL },
	{ "y",       FIELD_BYTES, AT(y),       0, 48,  true,  NULL },
	{ "d",       FIELD_TEXT,  AT(d),       0, 512, false, NULL },
	{ "kid",     FIELD_TEXT,  AT(kid),     0, 256, false, NULL },
	{ "use",     FIELD_TEXT,  AT(use),     0, 16,  false, NULL },
	{ "alg",     FIELD_TEXT,  AT(alg),     0, 32,  false, NULL },
	{ "key_ops", FIELD_LIST,  AT(key_ops), 0, 16,  false, NULL },
	{ "ext",     FIELD_BOOL,  AT(ext),     0, 0,   false, NULL },
};
/* clang-format on */

bool
ec_key_from_jwk(struct ctx *c, struct str json, struct ec_key **ret)
{
	struct jwk k = { 0 };

	if (!json_decode(c, json, fields, COUNT(fields), &k))
		return false;
	if (k.d.p != NULL)
		return fail_at(c, E_INPUT, "/d",
		    "this is a private key, known to more than its owner now; make another "
		    "and send its public half");
	if (!str_same(k.kty, STR("EC")) || !str_same(k.crv, STR("P-256")))
		return fail_at(c, E_INPUT, "/crv", "the key must be EC on P-256");
	if (k.x.n != 32 || k.y.n != 32)
		return fail_at(
		    c, E_INPUT, k.x.n != 32 ? "/x" : "/y", "a coordinate has 32 bytes");
	return ec_key_from_point(c, (const uint8_t *)k.x.p, (const uint8_t *)k.y.p, ret);
}

void
ec_key_to_jwk(struct buf *out, const struct ec_key *k)
{
	struct js j = { .out = out };

	/* Names in lexical order, no blanks: the form that RFC 7638 digests. */
	js_open(&j, NULL, '{');
	js_text(&j, "crv", STR("P-256"));
	js_text(&j, "kty", STR("EC"));
	js_bytes(&j, "x", k->x, sizeof k->x);
	js_bytes(&j, "y", k->y, sizeof k->y);
	js_close(&j, '}');
}
