/*
 * Fingerprints: sorted lists of salted digests, their one form in bytes, and when two of them are
 * one machine.
 */
#include "rules.h"

enum { VERSION = 1, PART = 33 };

static const char *const components[] = {
	[MACHINE_PRODUCT] = "product",
	[MACHINE_ID] = "machine-id",
	[MACHINE_DISK] = "disk",
	[MACHINE_TPM] = "tpm",
	[MACHINE_CONTAINER] = "container",
};
_Static_assert(COUNT(components) == MACHINE_COUNT, "one name per component");

const char *const binding_names[] = {
	[BIND_NONE] = "none",
	[BIND_ANY] = "any",
	[BIND_TWO] = "two",
	[BIND_MOST] = "most",
	[BIND_ALL] = "all",
	[BIND_COUNT] = NULL,
};

const char *
component_name(enum component part)
{
	return components[part];
}

const char *
binding_name(enum binding b)
{
	return binding_names[b];
}

bool
components_parse(struct ctx *c, const struct str_list *names, unsigned *ret)
{
	unsigned mask = 0;

	for (size_t i = 0; i < names->n; i++) {
		unsigned k = 0;

		while (k < MACHINE_COUNT && !str_same(names->v[i], str_of(components[k])))
			k++;
		if (k == MACHINE_COUNT || (mask & 1u << k) != 0)
			return fail_at(c, E_INPUT, "/components",
			    "components are product, machine-id, disk, tpm and container, each "
			    "once");
		mask |= 1u << k;
	}
	*ret = mask;
	return true;
}

void
components_put(struct js *j, const char *key, unsigned mask)
{
	js_open(j, key, '[');
	for (unsigned k = 0; k < MACHINE_COUNT; k++)
		if ((mask & 1u << k) != 0)
			js_text(j, NULL, str_of(components[k]));
	js_close(j, ']');
}

/* ---- Making ------------------------------------------------------------------------------ */

/* By component, then by digest: public values, so their order may be seen in the time it takes. */
static int
part_order(unsigned ac, const struct digest256 *a, unsigned bc, const struct digest256 *b)
{
	return ac != bc ? (ac < bc ? -1 : 1) : memcmp(a->b, b->b, sizeof a->b);
}

bool
fingerprint_add(struct ctx *c, const struct id *license, enum component part, struct str value,
    struct fingerprint *f)
{
	const struct str message[] = { STR("hallmark machine 1\n"), str_of(components[part]),
		STR("\n"), value };
	char text[512];
	struct buf b = BUF(text);
	struct digest256 d;
	size_t at = 0;

	for (size_t i = 0; i < COUNT(message); i++)
		buf_put(&b, message[i]);
	if (value.n == 0 || b.full || f->n == FINGERPRINT_PARTS)
		return true;
	if (!hmac_sha256(c, str_of(license->s), buf_str(&b), &d))
		return false;
	while (
	    at < f->n && part_order(f->part[at].component, &f->part[at].digest, part, &d) < 0)
		at++;
	if (at < f->n && f->part[at].component == part &&
	    digest256_same(&f->part[at].digest, &d))
		return true;
	memmove(&f->part[at + 1], &f->part[at], (f->n - at) * sizeof f->part[0]);
	f->part[at].component = (uint8_t)part;
	f->part[at].digest = d;
	f->n++;
	return true;
}

void
fingerprint_put(struct buf *b, const struct fingerprint *f)
{
	buf_char(b, VERSION);
	buf_char(b, (char)f->n);
	for (size_t i = 0; i < f->n; i++) {
		buf_char(b, (char)f->part[i].component);
		buf_put(b, (struct str){ (const char *)f->part[i].digest.b, 32 });
	}
}

bool
fingerprint_read(struct ctx *c, struct str s, struct fingerprint *ret)
{
	struct fingerprint f = { 0 };

	if (s.n < 2 || s.p[0] != VERSION || (uint8_t)s.p[1] > FINGERPRINT_PARTS ||
	    s.n != 2 + (size_t)s.p[1] * PART)
		return fail(c, E_INPUT,
		    "not a machine's fingerprint: make one with this version of hallmark");
	f.n = (size_t)s.p[1];
	for (size_t i = 0; i < f.n; i++) {
		const char *at = s.p + 2 + i * PART;

		f.part[i].component = (uint8_t)*at;
		memcpy(f.part[i].digest.b, at + 1, sizeof f.part[i].digest.b);
		if (f.part[i].component >= MACHINE_COUNT ||
		    (i > 0 &&
			part_order(f.part[i - 1].component, &f.part[i - 1].digest,
			    f.part[i].component, &f.part[i].digest) >= 0))
			return fail(c, E_INPUT, "a fingerprint's parts are known and rise");
	}
	*ret = f;
	return true;
}

/* ---- Matching ---------------------------------------------------------------------------- */

static bool
has(const struct fingerprint *f, unsigned part)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->part[i].component == part)
			return true;
	return false;
}

static bool
in_common(const struct fingerprint *a, const struct fingerprint *b, unsigned part)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (a->part[i].component == part && b->part[k].component == part &&
			    digest256_same(&a->part[i].digest, &b->part[k].digest))
				return true;
	return false;
}

static enum match
enough(enum binding how, unsigned bound, unsigned same)
{
	switch (how) {
	case BIND_NONE:
	case BIND_COUNT:
		return MATCH_YES;
	case BIND_ANY:
		return bound < 1 ? MATCH_TOO_WEAK : same >= 1 ? MATCH_YES : MATCH_NO;
	case BIND_TWO:
		return bound < 2 ? MATCH_TOO_WEAK : same >= 2 ? MATCH_YES : MATCH_NO;
	case BIND_MOST:
		return bound < 2 ? MATCH_TOO_WEAK : 2 * same > bound ? MATCH_YES : MATCH_NO;
	case BIND_ALL:
		return bound < 1 ? MATCH_TOO_WEAK : same == bound ? MATCH_YES : MATCH_NO;
	}
	abort(); /* the compiler has seen every case */
}

enum match
machine_match(const struct fingerprint *bound, const struct fingerprint *here, enum binding how,
    unsigned mask)
{
	unsigned n = 0, same = 0;
	enum match m;

	if (how == BIND_NONE)
		return MATCH_YES;
	for (unsigned k = 0; k < MACHINE_CONTAINER; k++)
		if ((mask & 1u << k) != 0 && has(bound, k)) {
			n++;
			same += in_common(bound, here, k);
		}
	m = enough(how, n, same);
	if (m != MATCH_YES || (mask & 1u << MACHINE_CONTAINER) == 0)
		return m;
	/* Both outside of containers, or both in the same one. */
	if (!has(bound, MACHINE_CONTAINER) && !has(here, MACHINE_CONTAINER))
		return MATCH_YES;
	return in_common(bound, here, MACHINE_CONTAINER) ? MATCH_YES : MATCH_OTHER_CONTAINER;
}
