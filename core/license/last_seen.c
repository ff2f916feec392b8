/*
 * The record of the time last seen: a few numbers under a MAC. Its key comes from the customer's
 * private key and the license's id, so that a record of one license, or of another customer, is
 * none of another's. license.h says what it can notice, and what it cannot.
 *
 *   "HMKSEEN" | version | license id, 48 bytes | issued, time, number, uses, le64 each | MAC
 */
#include "rules.h"

#define MAGIC STR("HMKSEEN\x01")
enum { MAC = 32 };

bool
last_seen_key(
    struct ctx *c, const struct ec_key *customer, const struct id *license, struct key256 *ret)
{
	struct key256 secret;
	bool ok = ec_key_to_secret(c, customer, &secret) &&
	    hkdf_sha256(c, (struct str){ (const char *)secret.b, sizeof secret.b },
		str_of(license->s), STR("hallmark last seen 1"), ret);

	key256_done(&secret);
	return ok;
}

MUST static bool
mac(struct ctx *c, const struct key256 *key, struct str bytes, struct digest256 *ret)
{
	return hmac_sha256(c, (struct str){ (const char *)key->b, sizeof key->b }, bytes, ret);
}

bool
last_seen_put(
    struct ctx *c, const struct key256 *key, const struct last_seen *s, struct buf *out)
{
	char bytes[LAST_SEEN_SIZE];
	struct buf b = BUF(bytes);
	struct digest256 d;

	buf_put(&b, MAGIC);
	wire_put_id(&b, &s->license);
	wire_put_u64(&b, (uint64_t)s->issued);
	wire_put_u64(&b, (uint64_t)s->time);
	wire_put_u64(&b, (uint64_t)s->number);
	wire_put_u64(&b, (uint64_t)s->uses);
	if (!mac(c, key, buf_str(&b), &d))
		return false;
	buf_put(&b, (struct str){ (const char *)d.b, MAC });
	buf_put(out, buf_str(&b));
	return buf_ok(c, out);
}

/* Negative numbers are of no use to anybody. */
static int64_t
number(struct wire *w)
{
	uint64_t v = wire_u64(w);

	w->bad = w->bad || v > INT64_MAX;
	return (int64_t)v;
}

bool
last_seen_read(struct ctx *c, const struct key256 *key, struct str bytes, struct last_seen *ret)
{
	struct wire w = { .rest = bytes };
	struct last_seen s = { 0 };
	struct digest256 told, is;

	if (bytes.n != LAST_SEEN_SIZE || !str_starts(bytes, MAGIC))
		return fail(c, E_INPUT, "not a record of the time last seen");
	memcpy(told.b, bytes.p + bytes.n - MAC, MAC);
	if (!mac(c, key, (struct str){ bytes.p, bytes.n - MAC }, &is))
		return false;
	if (!digest256_same(&told, &is))
		return fail(c, E_INTEGRITY, "the record of the time last seen was altered");
	w.rest.p += MAGIC.n;
	w.rest.n -= MAGIC.n + MAC;
	if (!wire_id(c, &w, "lic", &s.license))
		return false;
	s.issued = number(&w);
	s.time = number(&w);
	s.number = number(&w);
	s.uses = number(&w);
	if (w.bad)
		return fail(c, E_INPUT, "the record of the time last seen is out of range");
	*ret = s;
	return true;
}

struct last_seen
last_seen_next(struct last_seen s, int64_t issued, int64_t now, int64_t number_seen)
{
	if (issued > s.issued) {
		s.issued = issued;
		s.time = issued;
	}
	s.time = now > s.time ? now : s.time;
	s.number = number_seen > s.number ? number_seen : s.number;
	s.uses = time_plus(s.uses, 1);
	return s;
}
