/*
 * The list of revocations: a short JSON object whose two long members are the ids as bytes, sorted,
 * so that 10^5 of them take 2.1 MB and a lookup sees seventeen.
 */
#include "rules.h"

enum {
	UUID = sizeof(struct uuid),
	UUID_TEXT = 36,
	PIECE = 768 /* entries; base64 takes threes */
};

#define NUMBER_MAX (INT64_C(1) << 53) /* JSON's numbers are exact up to there */

bool
uuid_of(struct ctx *c, const struct id *id, struct uuid *ret)
{
	const char *at = memchr(id->s, '_', sizeof id->s);
	char hex[2 * UUID];
	struct buf b = BUF(hex);

	for (size_t i = 0; at != NULL && i < UUID_TEXT && at[1 + i] != '\0'; i++)
		if (at[1 + i] != '-')
			buf_char(&b, at[1 + i]);
	return hex_decode(c, buf_str(&b), ret->b, sizeof ret->b);
}

static int
order(const void *a, const void *b)
{
	return memcmp(a, b, UUID);
}

size_t
uuids_sort(struct uuid v[], size_t n)
{
	size_t kept = 0;

	if (n > 0)
		qsort(v, n, UUID, order);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || order(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

/* ---- What a list must be ----------------------------------------------------------------- */

static bool
rising(const struct uuid v[], size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (order(&v[i - 1], &v[i]) >= 0)
			return false;
	return true;
}

static bool
apart(const struct revocations *r)
{
	size_t i = 0, k = 0;

	while (i < r->revoked_n && k < r->suspended_n) {
		int o = order(&r->revoked[i], &r->suspended[k]);

		if (o == 0)
			return false;
		if (o < 0)
			i++;
		else
			k++;
	}
	return true;
}

MUST static bool
sound(struct ctx *c, const struct revocations *r)
{
	if (r->revoked_n > REVOCATIONS_ENTRIES ||
	    r->suspended_n > REVOCATIONS_ENTRIES - r->revoked_n)
		return fail(c, E_LIMIT,
		    "a list of revocations has at most %d entries: leave out expired licenses",
		    REVOCATIONS_ENTRIES);
	if (r->number < 1 || r->number > NUMBER_MAX)
		return fail_at(c, E_INPUT, "/number", "lists are numbered from 1 on");
	if (r->this_update < TIME_FIRST || r->next_update > TIME_LAST ||
	    r->next_update <= r->this_update)
		return fail_at(c, E_INPUT, "/nextUpdate", "the next update is after this one");
	if (!rising(r->revoked, r->revoked_n) || !rising(r->suspended, r->suspended_n) ||
	    !apart(r))
		return fail(c, E_INPUT, "the entries rise, and none is there twice");
	return true;
}

/* ---- JSON -------------------------------------------------------------------------------- */

size_t
revocations_size(const struct revocations *r)
{
	return 512 + (r->revoked_n + r->suspended_n) * 22;
}

/* Entries as text, piece by piece. */
MUST static bool
entries_write(struct ctx *c, const struct uuid v[], size_t n, byte_sink *sink, void *arg)
{
	for (size_t some; n > 0; v += some, n -= some) {
		char text[PIECE * UUID / 3 * 4];
		struct buf b = BUF(text);

		some = n < PIECE ? n : PIECE;
		base64url_put(&b, v, some * UUID);
		if (!buf_ok(c, &b) || !sink(c, arg, buf_str(&b)))
			return false;
	}
	return true;
}

/* The members in the order of their names. */
MUST static bool
write_all(struct ctx *c, const struct revocations *r, byte_sink *sink, void *arg)
{
	char first[256], last[64];
	struct buf head = BUF(first), tail = BUF(last);
	struct js j = { .out = &head };

	js_open(&j, NULL, '{');
	js_text(&j, "iss", str_of(r->vendor.s));
	js_number(&j, "nextUpdate", r->next_update);
	js_number(&j, "number", r->number);
	buf_put(&head, STR(",\"revoked\":\""));
	buf_put(&tail, STR("\",\"thisUpdate\":"));
	buf_number(&tail, r->this_update);
	buf_char(&tail, '}');
	return buf_ok(c, &head) && buf_ok(c, &tail) && sink(c, arg, buf_str(&head)) &&
	    entries_write(c, r->revoked, r->revoked_n, sink, arg) &&
	    sink(c, arg, STR("\",\"suspended\":\"")) &&
	    entries_write(c, r->suspended, r->suspended_n, sink, arg) &&
	    sink(c, arg, buf_str(&tail));
}

bool
revocations_write(struct ctx *c, const struct revocations *r, byte_sink *sink, void *arg)
{
	struct id vendor;

	return id_parse(c, str_of(r->vendor.s), "ven", &vendor) && sound(c, r) &&
	    write_all(c, r, sink, arg);
}

bool
revocations_put(struct ctx *c, const struct revocations *r, struct buf *out)
{
	return revocations_write(c, r, buf_sink, out);
}

struct raw {
	struct revocations to;
	struct str iss, revoked, suspended;
};
#define AT(member) offsetof(struct raw, member)
#define BYTES_MAX (REVOCATIONS_ENTRIES * UUID + 3) /* json_decode reckons in threes */
/* clang-format off */
static const struct json_field fields[] = {
	{ "iss", FIELD_TEXT, AT(iss), 1, ID_MAX, true },
	{ "nextUpdate", FIELD_NUMBER, AT(to.next_update), TIME_FIRST, TIME_LAST, true },
	{ "number", FIELD_NUMBER, AT(to.number), 1, NUMBER_MAX, true },
	{ "revoked", FIELD_BYTES, AT(revoked), 0, BYTES_MAX, true },
	{ "suspended", FIELD_BYTES, AT(suspended), 0, BYTES_MAX, true },
	{ "thisUpdate", FIELD_NUMBER, AT(to.this_update), TIME_FIRST, TIME_LAST, true },
};
/* clang-format on */

MUST static bool
entries(struct ctx *c, struct str bytes, const struct uuid **ret, size_t *ret_n)
{
	if (bytes.n % UUID != 0)
		return fail(c, E_INPUT, "an entry has %d bytes", UUID);
	*ret = (const struct uuid *)(const void *)bytes.p;
	*ret_n = bytes.n / UUID;
	return true;
}

/* A sink that the rest of a text must be fed to. */
static bool
compare(struct ctx *c, void *arg, struct str bytes)
{
	struct str *rest = arg;

	if (!str_starts(*rest, bytes))
		return fail(c, E_INPUT, "the list is not in its canonical form");
	rest->p += bytes.n;
	rest->n -= bytes.n;
	return true;
}

bool
revocations_read(struct ctx *c, struct str payload, struct revocations *ret)
{
	struct str rest = payload;
	struct raw r = { 0 };

	if (payload.n > REVOCATIONS_MAX)
		return fail(
		    c, E_LIMIT, "a list of revocations has at most %d bytes", REVOCATIONS_MAX);
	if (!json_decode(c, payload, fields, COUNT(fields), &r) ||
	    !id_parse(c, r.iss, "ven", &r.to.vendor) ||
	    !entries(c, r.revoked, &r.to.revoked, &r.to.revoked_n) ||
	    !entries(c, r.suspended, &r.to.suspended, &r.to.suspended_n) || !sound(c, &r.to) ||
	    !write_all(c, &r.to, compare, &rest))
		return false;
	if (rest.n > 0)
		return fail(c, E_INPUT, "the list is not in its canonical form");
	*ret = r.to;
	return true;
}

enum license_state
revocations_find(const struct revocations *r, const struct uuid *id)
{
	if (r->revoked_n > 0 && bsearch(id, r->revoked, r->revoked_n, UUID, order) != NULL)
		return LICENSE_REVOKED;
	if (r->suspended_n > 0 &&
	    bsearch(id, r->suspended, r->suspended_n, UUID, order) != NULL)
		return LICENSE_SUSPENDED;
	return LICENSE_ACTIVE;
}
