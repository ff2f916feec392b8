/*
 * Policies: what they are unless told otherwise, the range of each value, and the JSON of the API.
 */
#include "rules.h"

#define YEARS (100 * 366 * DAY)

struct policy
policy_standard(void)
{
	return (struct policy){
		.duration = 365 * DAY,
		.seats = 1,
		.lease = 600,
		.offline = 7 * DAY,
		.stale_refused = true,
		.unlocks = UNLOCKS_MAX,
		.components = MACHINE_ANYTHING,
		.tolerance = 300,
		.renewable = true,
	};
}

/* ---- The fields -------------------------------------------------------------------------- */

static const char *const stale_names[] = { "undecided", "refused", NULL };
const char *const image_names[] = { "none", "unlock", NULL };

const char *
image_term_name(enum image_term t)
{
	return image_names[t];
}

/* As it comes from JSON: words and lists that are more than their fields. */
struct asked {
	struct policy p;
	int binding, image, stale;
	struct str_list components;
};
#define IN(member) offsetof(struct asked, member)
/* clang-format off */
#define NUMBER(name, min, max) { #name, FIELD_NUMBER, IN(p.name), (min), (max) }
static const struct json_field fields[] = {
	NUMBER(approvals, 0, APPROVERS_MAX),
	NUMBER(approvers, 0, APPROVERS_MAX),
	{ "binding", FIELD_WORD, IN(binding), .words = binding_names },
	{ "components", FIELD_LIST, IN(components), 1, 16 },
	NUMBER(duration, 0, YEARS),
	{ "entitlements", FIELD_LIST, IN(p.entitlements), 1, ENTITLEMENT_MAX },
	NUMBER(grace_expired, 0, GRACE_EXPIRED_MAX),
	NUMBER(grace_revoked, 0, GRACE_REVOKED_MAX),
	{ "image", FIELD_WORD, IN(image), .words = image_names },
	NUMBER(lease, LEASE_MIN, LEASE_MAX),
	NUMBER(offline, 0, OFFLINE_MAX),
	{ "renewable", FIELD_BOOL, IN(p.renewable) },
	NUMBER(seats, 1, SEATS_MAX),
	{ "stale", FIELD_WORD, IN(stale), .words = stale_names },
	NUMBER(tolerance, 0, TOLERANCE_MAX),
	{ "transferable", FIELD_BOOL, IN(p.transferable) },
	NUMBER(unlocks, 0, UNLOCKS_MAX),
};
/* clang-format on */
_Static_assert(offsetof(struct asked, p) == 0, "a policy is read as the head of what is asked");

/* ---- Ranges ------------------------------------------------------------------------------ */

/* A word of letters, digits and ".-_:/": nobody has to guess at spaces or look-alikes. */
static bool
plain_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		bool good = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		    (ch >= '0' && ch <= '9') || (ch != '\0' && strchr(".-_:/", ch) != NULL);

		if (!good)
			return false;
	}
	return s.n > 0 && s.n <= ENTITLEMENT_MAX;
}

bool
entitlements_check(struct ctx *c, const struct str_list *l)
{
	if (l->n > ENTITLEMENTS_MAX)
		return fail_at(
		    c, E_INPUT, "/entitlements", "at most %d entitlements", ENTITLEMENTS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		const struct str_list before = { l->v, i };

		if (!plain_word(l->v[i]))
			return fail_at(c, E_INPUT, "/entitlements",
			    "an entitlement is a word of at most %d letters, digits or .-_:/",
			    ENTITLEMENT_MAX);
		if (list_has(&before, l->v[i]))
			return fail_at(c, E_INPUT, "/entitlements",
			    "the entitlement %.*s is there twice", STRF(l->v[i]));
	}
	return true;
}

/* The numbers' ranges are those of their fields. */
MUST static bool
ranges_check(struct ctx *c, const struct policy *p)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct json_field *f = &fields[i];
		int64_t v;
		char at[32] = "/";

		if (f->type != FIELD_NUMBER)
			continue;
		memcpy(&v, (const char *)p + f->at, sizeof v);
		memcpy(at + 1, f->name, strlen(f->name));
		if (v < f->min || v > f->max)
			return fail_at(c, E_INPUT, at, "%s must be %lld to %lld", f->name,
			    (long long)f->min, (long long)f->max);
	}
	return true;
}

bool
policy_check(struct ctx *c, const struct policy *p)
{
	if (!ranges_check(c, p))
		return false;
	if (p->duration != 0 && p->duration < 60)
		return fail_at(c, E_INPUT, "/duration",
		    "duration must be a minute at least, or 0 for a license without end");
	if (p->approvals > p->approvers)
		return fail_at(c, E_INPUT, "/approvals",
		    "%lld approvals of %lld approvers can never be given",
		    (long long)p->approvals, (long long)p->approvers);
	if ((unsigned)p->binding >= BIND_COUNT || p->components >= 1u << MACHINE_COUNT)
		return fail_at(c, E_INPUT, "/binding", "not a binding that is known");
	if (p->binding != BIND_NONE && (p->components & MACHINE_ANYTHING) == 0)
		return fail_at(c, E_INPUT, "/components",
		    "a binding needs one component at least that is not the container's");
	if (p->binding != BIND_NONE && p->seats > BOUND_MAX)
		return fail_at(c, E_INPUT, "/seats",
		    "a license that binds to machines has at most %d seats", BOUND_MAX);
	if (p->image != IMAGE_NONE && p->image != IMAGE_UNLOCK)
		return fail_at(c, E_INPUT, "/image", "not a use of key images that is known");
	return entitlements_check(c, &p->entitlements);
}

/* ---- JSON -------------------------------------------------------------------------------- */

bool
policy_decode(struct ctx *c, struct str json, struct policy *ret)
{
	struct asked a = { .p = policy_standard() };

	a.binding = (int)a.p.binding;
	a.image = (int)a.p.image;
	a.stale = a.p.stale_refused;
	if (!json_decode(c, json, fields, COUNT(fields), &a))
		return false;
	if (a.components.v != NULL && !components_parse(c, &a.components, &a.p.components))
		return false;
	a.p.binding = (enum binding)a.binding;
	a.p.image = (enum image_term)a.image;
	a.p.stale_refused = a.stale != 0;
	if (!policy_check(c, &a.p))
		return false;
	*ret = a.p;
	return true;
}

void
texts_put(struct js *j, const char *key, const struct str_list *l)
{
	js_open(j, key, '[');
	for (size_t i = 0; i < l->n; i++)
		js_text(j, NULL, l->v[i]);
	js_close(j, ']');
}

void
policy_put(struct js *j, const char *key, const struct policy *p)
{
	js_open(j, key, '{');
	js_number(j, "approvals", p->approvals);
	js_number(j, "approvers", p->approvers);
	js_text(j, "binding", str_of(binding_name(p->binding)));
	components_put(j, "components", p->components);
	js_number(j, "duration", p->duration);
	texts_put(j, "entitlements", &p->entitlements);
	js_number(j, "grace_expired", p->grace_expired);
	js_number(j, "grace_revoked", p->grace_revoked);
	js_text(j, "image", str_of(image_term_name(p->image)));
	js_number(j, "lease", p->lease);
	js_number(j, "offline", p->offline);
	js_bool(j, "renewable", p->renewable);
	js_number(j, "seats", p->seats);
	js_text(j, "stale", str_of(stale_names[p->stale_refused]));
	js_number(j, "tolerance", p->tolerance);
	js_bool(j, "transferable", p->transferable);
	js_number(j, "unlocks", p->unlocks);
	js_close(j, '}');
}
