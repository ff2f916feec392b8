/*
 * The words and numbers of webhooks. Messages are signed as Standard Webhooks says: HMAC-SHA256
 * over id, time and body, under a secret that only the vendor and the sealed row know. One that has
 * not arrived is tried again after seconds, minutes, then hours, for about three days; a webhook
 * where nothing arrives at all rests in between, so that a dead host is not asked for every event.
 */
#include <stdio.h>

#include "hooks.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, PATIENT_FAILURES = 4 };

/* After the first failure, the second, … */
static const int64_t again[] = { 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR,
	3 * HOUR, 6 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR };
/* After the fourth in a row, the fifth, … */
static const int64_t rests[] = { 5 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE };

const char *const hook_event_types[] = { "customer.enrolled", "customer.erased",
	"customer.key_replaced", "customer.reinstated", "customer.suspended",
	"key_image.issued", "key_image.replaced", "key_image.revoked", "lease.claimed",
	"license.approved", "license.issued", "license.reinstated", "license.renewed",
	"license.revoked", "license.suspended", "license.transferred", "license.unlocked",
	"red_team.done", "webhook.ping", NULL };

/* ---- Signatures ------------------------------------------------------------------------------ */

/* base64 with padding, RFC 4648 section 4. */
static void
base64_put(struct buf *b, const void *bytes, size_t n)
{
	size_t from = b->n;

	base64url_put(b, bytes, n);
	for (size_t i = from; i < b->n; i++)
		b->p[i] = (char)(b->p[i] == '-' ? '+' : b->p[i] == '_' ? '/' : b->p[i]);
	while ((b->n - from) % 4 != 0 && !b->full)
		buf_char(b, '=');
}

static void
prefixed(const char *prefix, const void *bytes, size_t n, struct hook_text *ret)
{
	struct buf b = { ret->s, 0, sizeof ret->s - 1, false };

	buf_put(&b, str_of(prefix));
	base64_put(&b, bytes, n);
	ret->s[b.n] = '\0';
}

void
hook_secret(const struct key256 *k, struct hook_text *ret)
{
	prefixed("whsec_", k->b, sizeof k->b, ret);
}

bool
hook_sign(struct ctx *c, const struct key256 *k, struct str id, int64_t at, struct str body,
    struct hook_text *ret)
{
	const struct str key = { (const char *)k->b, sizeof k->b };
	struct digest256 mac;
	struct buf text;

	if (!take_buf(c, id.n + body.n + 32, &text))
		return false;
	buf_put(&text, id);
	buf_char(&text, '.');
	buf_number(&text, at);
	buf_char(&text, '.');
	buf_put(&text, body);
	if (!buf_ok(c, &text) || !hmac_sha256(c, key, buf_str(&text), &mac))
		return false;
	prefixed("v1,", mac.b, sizeof mac.b, ret);
	return true;
}

/* ---- When ------------------------------------------------------------------------------------ */

int64_t
hook_again(struct ctx *c, int64_t attempts)
{
	int64_t wait;
	uint32_t dice;

	if (attempts < 1 || attempts > (int64_t)COUNT(again))
		return 0;
	wait = again[attempts - 1];
	c->random(&dice, sizeof dice);
	return wait * 4 / 5 + (int64_t)dice % (wait * 2 / 5 + 1);
}

int64_t
hook_rest(int64_t failures)
{
	int64_t over = failures - PATIENT_FAILURES;

	if (over < 0)
		return 0;
	return rests[over < (int64_t)COUNT(rests) ? (size_t)over : COUNT(rests) - 1];
}

/* ---- How it went ----------------------------------------------------------------------------- */

bool
hook_arrived(const struct parcel_report *r)
{
	return r->end == PARCEL_ANSWERED && r->status >= 200 && r->status <= 299;
}

const char *
hook_note(const struct parcel_report *r)
{
	if (r->end != PARCEL_ANSWERED)
		return parcel_end_text(r->end);
	if (r->status >= 300 && r->status <= 399)
		return "the answer sends elsewhere, which is not followed";
	return "the answer was not one of 200 to 299";
}

/* ---- Types of events ------------------------------------------------------------------------- */

MUST static bool
is_type(struct ctx *c, struct str word)
{
	for (size_t i = 0; hook_event_types[i] != NULL; i++)
		if (str_same(word, str_of(hook_event_types[i])))
			return true;
	return fail_at(c, E_INPUT, "/events", "there are no events of the type %.*s",
	    (int)(word.n > 64 ? 64 : word.n), word.p);
}

/* A word of a list separated by blanks. */
static bool
has(struct str list, struct str word)
{
	struct str one;

	while (str_cut(&list, ' ', &one))
		if (str_same(one, word))
			return true;
	return str_same(one, word);
}

bool
hook_events_parse(struct ctx *c, const struct str_list *types, struct str *ret)
{
	struct buf b;
	bool all = false;

	if (types->n == 0)
		return fail_at(c, E_INPUT, "/events", "name a type of event, or \"*\" for all");
	if (!take_buf(c, 1024, &b))
		return false;
	for (size_t i = 0; i < types->n; i++) {
		if (str_same(types->v[i], STR("*"))) {
			all = true;
			continue;
		}
		if (!is_type(c, types->v[i]))
			return false;
		if (b.n > 0 && has(buf_str(&b), types->v[i]))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_put(&b, types->v[i]);
	}
	*ret = all ? STR("*") : buf_str(&b);
	return buf_ok(c, &b);
}
