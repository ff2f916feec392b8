/*
 * The check that needs nobody: is the license the vendor's, is the record of the time last seen
 * sound, is the list of revocations the newest that was here; then the same rules as online, with
 * facts taken from these three. A file that is wrong in any way is a verdict, never a failure.
 */
#include "rules.h"

/* ---- Verdicts on files ------------------------------------------------------------------- */

/* Objects, with a verdict; for: return objects(…). */
static bool
objects(struct offline_result *r, enum verdict_code code, const char *name)
{
	r->verdict = (struct verdict){ .code = code, .rule = name };
	return true;
}

/* Whether the last failure was not the file's: no memory, or the library. */
static bool
ours(const struct ctx *c)
{
	return c->err.code == E_MEMORY || c->err.code == E_CRYPTO || c->err.code == E_INTERNAL;
}

static bool
sound_so_far(const struct offline_result *r)
{
	return verdict_answer(r->verdict.code) == ANSWER_YES;
}

/* ---- Signed files ------------------------------------------------------------------------ */

enum opening { OPENED, NO_KEY, BAD_FORM, BAD_SIGNATURE };

MUST static bool
key_named(struct ctx *c, const struct offline *o, struct str kid, const struct ec_key **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < o->keys_n; i++) {
		struct digest256 d = ec_key_thumbprint(o->keys[i]);
		struct buf b;

		if (!take_buf(c, 64, &b))
			return false;
		base64url_put(&b, d.b, sizeof d.b);
		if (str_same(buf_str(&b), kid))
			*ret = o->keys[i];
	}
	return true;
}

/* The payload of a token that one of the vendor's keys has signed, or what is wrong with it. */
MUST static bool
open_signed(struct ctx *c, const struct offline *o, struct str token, struct str typ,
    struct str *ret, enum opening *ret_how)
{
	const struct ec_key *key;
	struct jose_header h;

	*ret_how = BAD_FORM;
	if (!jose_peek(c, token, STR("ES256"), &h))
		return !ours(c);
	if (!key_named(c, o, h.kid, &key))
		return false;
	if (key == NULL) {
		*ret_how = NO_KEY;
		return true;
	}
	if (jws_verify(c, key, typ, token, &h, ret)) {
		*ret_how = OPENED;
		return true;
	}
	if (c->err.code == E_INTEGRITY)
		*ret_how = BAD_SIGNATURE;
	return !ours(c);
}

MUST static bool
open_license(struct ctx *c, const struct offline *o, struct offline_result *r)
{
	enum opening how;
	struct str payload;

	if (!open_signed(c, o, o->license, STR(LICENSE_TYP), &payload, &how))
		return false;
	switch (how) {
	case NO_KEY:
		return objects(r, V_SIGNER_UNKNOWN, "signature");
	case BAD_SIGNATURE:
		return objects(r, V_SIGNATURE_INVALID, "signature");
	case BAD_FORM:
		return objects(r, V_LICENSE_MALFORMED, "form");
	case OPENED:
		break;
	}
	if (!license_claims_read(c, payload, &r->claims))
		return !ours(c) && objects(r, V_LICENSE_MALFORMED, "form");
	if (id_given(&o->vendor) && !id_same(&o->vendor, &r->claims.vendor))
		return objects(r, V_ISSUER_MISMATCH, "issuer");
	r->read = true;
	if (o->artifact != NULL && !digest256_same(o->artifact, &r->claims.artifact))
		return objects(r, V_ARTIFACT_MISMATCH, "artifact");
	return true;
}

/* ---- The record -------------------------------------------------------------------------- */

MUST static bool
open_copy(struct ctx *c, const struct offline *o, struct str bytes, struct offline_result *r,
    struct last_seen *ret)
{
	const size_t at = 8; /* behind the magic */
	const struct id *id = &r->claims.license;

	if (!sound_so_far(r) || bytes.n == 0)
		return true;
	if (bytes.n == LAST_SEEN_SIZE && memcmp(bytes.p + at, id->s, sizeof id->s) != 0)
		return objects(r, V_LAST_SEEN_FOREIGN, "record");
	if (!last_seen_read(c, o->key, bytes, ret))
		return !ours(c) && objects(r, V_LAST_SEEN_TAMPERED, "record");
	return true;
}

/*
 * The witness is written last: a record with fewer uses was put back, one that is missing was
 * deleted. A license that was fetched since is a contact with the vendor, and ends the matter.
 */
MUST static bool
open_record(struct ctx *c, const struct offline *o, struct offline_result *r)
{
	struct last_seen a = { .license = r->claims.license }, b = a;
	int64_t issued = r->claims.issued;

	if (o->key == NULL)
		return true;
	if (!open_copy(c, o, o->record, r, &a) || !open_copy(c, o, o->witness, r, &b))
		return false;
	if (!sound_so_far(r))
		return true;
	if (a.uses < b.uses && (issued <= a.issued || issued <= b.issued))
		return objects(r, V_LAST_SEEN_REPLAYED, "record");
	a.uses = a.uses > b.uses ? a.uses : b.uses;
	a.number = a.number > b.number ? a.number : b.number;
	r->next = a;
	return true;
}

/* ---- The list ---------------------------------------------------------------------------- */

/* A list from before the license's issue says less than the license itself. */
MUST static bool
open_list(struct ctx *c, const struct offline *o, struct offline_result *r)
{
	struct revocations list = { 0 };
	enum opening how = NO_KEY;
	struct str payload;
	bool good;

	if (o->list.n > 0) {
		if (!open_signed(c, o, o->list, STR(REVOCATIONS_TYP), &payload, &how))
			return false;
		good = how == OPENED && revocations_read(c, payload, &list);
		if (!good && how == OPENED && ours(c))
			return false;
		if (!good || !id_same(&list.vendor, &r->claims.vendor))
			return objects(r, V_REVOCATIONS_INVALID, "list");
	}
	if (list.number < r->next.number && r->claims.epoch < r->next.number)
		return objects(r, V_REVOCATIONS_OLD, "list");
	if (list.number >= r->claims.epoch)
		r->list = list;
	return true;
}

/* ---- Facts ------------------------------------------------------------------------------- */

/* Which picture it is, the license file says. */
static enum showing
image_shown(const struct offline *o, const struct license_claims *k)
{
	static const struct digest256 unmade;

	if (o->running)
		return SHOWING_GOOD;
	if (o->image == NULL)
		return SHOWING_NONE;
	if (digest256_same(&k->key_image, &unmade))
		return SHOWING_UNKNOWN;
	return digest256_same(o->image, &k->key_image) ? SHOWING_GOOD : SHOWING_OTHER;
}

/* What the rules are given; `l` has to live as long as the facts. */
MUST static bool
facts_of(struct ctx *c, const struct offline *o, const struct offline_result *r,
    struct license *l, struct facts *ret)
{
	const struct license_claims *k = &r->claims;
	struct uuid id;

	if (!uuid_of(c, &k->license, &id))
		return false;
	*l = (struct license){
		.id = k->license,
		.customer = k->customer,
		.release = k->release,
		.state = revocations_find(&r->list, &id),
		.changed = r->list.this_update,
		.issued = k->issued,
		.not_before = k->not_before,
		.expires = k->expires,
		.seats = k->seats,
		.entitlements = k->entitlements,
		.bound = &k->bound,
		.bound_n = k->bound.n > 0,
	};
	*ret = (struct facts){
		.now = o->now,
		.last_seen = r->last_seen,
		.vendor = PARTY_ACTIVE,
		.customer = PARTY_ACTIVE,
		.release = OFFER_READY,
		.looked_up = true,
		.license = l,
		.by = o->customer,
		.image = image_shown(o, k),
		.machine = o->machine,
		.entitlement = o->entitlement,
		.list_until = r->list.next_update > k->issued ? r->list.next_update : k->issued,
	};
	return true;
}

static struct policy
policy_of(const struct license_claims *k)
{
	return (struct policy){
		.seats = k->seats,
		.lease = k->lease,
		.offline = k->offline,
		.stale_refused = k->stale_refused,
		.binding = k->binding,
		.components = k->components,
		.entitlements = k->entitlements,
		.tolerance = k->tolerance,
		.grace_expired = k->grace_expired,
		.grace_revoked = k->grace_revoked,
		.image = k->image,
	};
}

/* The latest moment that the vendor has signed or the record remembers. */
static int64_t
latest(const struct offline_result *r)
{
	int64_t t = r->claims.issued;

	if (r->list.this_update > t)
		t = r->list.this_update;
	if (r->next.issued >= r->claims.issued && r->next.time > t)
		t = r->next.time;
	return t;
}

/* A clock that cannot be right leaves no trace in the record. */
static void
remember(const struct offline *o, struct offline_result *r)
{
	int64_t now = o->now;

	if (o->key == NULL)
		return;
	if (now > TIME_LAST || now > time_plus(r->last_seen, OFFLINE_MAX))
		now = 0;
	if (r->list.this_update > now)
		now = r->list.this_update;
	r->next = last_seen_next(r->next, r->claims.issued, now,
	    r->list.number > r->claims.epoch ? r->list.number : r->claims.epoch);
}

/* ---- The whole --------------------------------------------------------------------------- */

bool
license_peek(struct ctx *c, struct str license, struct id *ret)
{
	struct license_claims claims;
	struct str head, payload, bytes;
	struct jose_header h;

	if (!jose_peek(c, license, STR("ES256"), &h))
		return false;
	(void)str_cut(&license, '.', &head);
	(void)str_cut(&license, '.', &payload);
	if (payload.n > LICENSE_MAX / 3 * 4 + 4)
		return fail(
		    c, E_LIMIT, "a license has at most %d bytes of claims", LICENSE_MAX);
	if (!base64url_decode(c, payload, &bytes) || !license_claims_read(c, bytes, &claims))
		return false;
	*ret = claims.license;
	return true;
}

bool
license_check_offline(struct ctx *c, const struct offline *o, struct offline_result *ret)
{
	struct offline_result r = { .verdict = { .code = V_VALID, .rule = "" } };
	struct license l;
	struct facts f;
	struct policy p;

	if (!open_license(c, o, &r) || (sound_so_far(&r) && !open_record(c, o, &r)) ||
	    (sound_so_far(&r) && !open_list(c, o, &r)))
		return false;
	c->err = (struct err){ 0 };
	if (sound_so_far(&r)) {
		r.last_seen = latest(&r);
		p = policy_of(&r.claims);
		if (!facts_of(c, o, &r, &l, &f))
			return false;
		r.verdict = policy_decide(&f, &p, ACTION_OFFLINE);
		remember(o, &r);
	} else {
		r.next = (struct last_seen){ 0 };
	}
	*ret = r;
	return true;
}

bool
license_explain_offline(struct ctx *c, const struct offline *o, const struct offline_result *r,
    struct rule_seen ret[RULES_MAX], size_t *ret_n)
{
	struct policy p = policy_of(&r->claims);
	struct verdict same;
	struct license l;
	struct facts f;

	if (!facts_of(c, o, r, &l, &f))
		return false;
	*ret_n = policy_explain(&f, &p, ACTION_OFFLINE, ret, &same);
	return true;
}
