/*
 * Any bytes as one of the files of a license, or as facts; the first byte says which. What is read
 * must be written as the same bytes; a decision must be one of those there are, and be explained
 * as it was made; an offline check of anything that is signed must give a verdict.
 */
#include "fuzz.h"
#include "license.h"

const size_t target_memory = 64 << 20;

/* JSON, fields and ids have refusals of their own. */
static void
not_read(struct ctx *c)
{
	enum err_code code = c->err.code;

	if (code == E_JSON || code == E_FIELD || code == E_ABSENT || code == E_INTEGRITY)
		c->err = (struct err){ 0 };
	else
		refused(c);
}

static void
same(struct ctx *c, bool written, const struct buf *b, struct str bytes, const char *what)
{
	must(written && str_same(buf_str(b), bytes), what, c);
}

/* ---- Files ------------------------------------------------------------------------------- */

static void
try_claims(struct ctx *c, struct str bytes)
{
	struct license_claims l;
	struct buf b;

	if (!license_claims_read(c, bytes, &l)) {
		not_read(c);
		return;
	}
	must(take_buf(c, LICENSE_MAX, &b), "memory", c);
	same(c, license_claims_put(c, &l, &b), &b, bytes, "a license has one form");
}

static void
try_list(struct ctx *c, struct str bytes)
{
	struct revocations r;
	struct buf b;

	if (!revocations_read(c, bytes, &r)) {
		not_read(c);
		return;
	}
	must(take_buf(c, revocations_size(&r), &b), "memory", c);
	same(c, revocations_put(c, &r, &b), &b, bytes, "a list has one form");
	for (size_t i = 0; i < r.revoked_n; i++)
		must(revocations_find(&r, &r.revoked[i]) == LICENSE_REVOKED, "it is listed", c);
}

static void
try_fingerprint(struct ctx *c, struct str bytes)
{
	struct fingerprint f;
	struct buf b;

	if (!fingerprint_read(c, bytes, &f)) {
		not_read(c);
		return;
	}
	must(take_buf(c, FINGERPRINT_MAX, &b), "memory", c);
	fingerprint_put(&b, &f);
	same(c, true, &b, bytes, "a fingerprint has one form");
	for (enum binding how = BIND_NONE; how < BIND_COUNT; how++)
		for (unsigned mask = 0; mask < 1u << MACHINE_COUNT; mask++) {
			enum match m = machine_match(&f, &f, how, mask);

			must(m == MATCH_YES || m == MATCH_TOO_WEAK, "it is itself", c);
		}
}

/* With the MAC that it should have, so that it is looked into. */
static void
try_record(struct ctx *c, struct str bytes)
{
	const struct key256 key = { { 7 } };
	struct str k = { (const char *)key.b, sizeof key.b };
	struct digest256 mac;
	struct last_seen s;
	struct buf b, again;

	must(hmac_sha256(c, k, bytes, &mac) && take_buf(c, bytes.n + sizeof mac.b, &b) &&
		take_buf(c, LAST_SEEN_SIZE, &again),
	    "memory", c);
	buf_put(&b, bytes);
	buf_put(&b, (struct str){ (const char *)mac.b, sizeof mac.b });
	if (!last_seen_read(c, &key, buf_str(&b), &s)) {
		not_read(c);
		return;
	}
	same(c, last_seen_put(c, &key, &s, &again), &again, buf_str(&b), "records");
	s = last_seen_next(s, 0, INT64_MAX, INT64_MAX);
	must(s.time == INT64_MAX && s.number == INT64_MAX && s.uses > 0, "it rises", c);
}

static void
try_policy(struct ctx *c, struct str bytes)
{
	struct policy p;
	struct buf a, b;

	if (!policy_decode(c, bytes, &p)) {
		not_read(c);
		return;
	}
	must(take_buf(c, 16 << 10, &a) && take_buf(c, 16 << 10, &b), "memory", c);
	policy_put(&(struct js){ .out = &a }, NULL, &p);
	must(policy_decode(c, buf_str(&a), &p), "a policy comes back", c);
	policy_put(&(struct js){ .out = &b }, NULL, &p);
	same(c, true, &a, buf_str(&b), "a policy has one form");
}

/* ---- The decision ------------------------------------------------------------------------ */

static int64_t
number(struct wire *w)
{
	return (int64_t)wire_u64(w);
}

static void
draw(struct wire *w, struct facts *f, struct policy *p, struct license *l)
{
	f->now = number(w);
	f->last_seen = number(w);
	f->list_until = number(w);
	f->ask_from = number(w);
	f->ask_until = number(w);
	f->ask_seats = number(w);
	f->seats_used = number(w);
	f->unlocks_done = number(w);
	f->approvals = number(w);
	l->expires = number(w);
	l->not_before = number(w);
	l->issued = number(w);
	l->changed = number(w);
	f->vendor = wire_u8(w) % 5;
	f->customer = wire_u8(w) % 5;
	f->recipient = wire_u8(w) % 5;
	f->release = wire_u8(w) % 5;
	f->seat = wire_u8(w) % 3;
	f->delivery = wire_u8(w) % 5;
	l->state = wire_u8(w) % 4;
	l->seats = wire_u8(w) + 1;
	p->binding = wire_u8(w) % BIND_COUNT;
	p->components = wire_u8(w) % (1u << MACHINE_COUNT);
	p->offline = wire_u32(w) % (OFFLINE_MAX + 1);
	p->grace_revoked = wire_u32(w) % DAY;
	p->transferable = wire_u8(w) % 2 == 0;
	f->enrolled = wire_u8(w) % 2 == 0;
	f->counted = wire_u8(w) % 2 == 0;
	f->keys_ready = wire_u8(w) % 2 == 0;
	f->looked_up = wire_u8(w) % 8 != 0;
	f->image = wire_u8(w) % (SHOWING_OTHER + 1);
	f->watermarked = wire_u8(w) % 2 == 0;
	p->image = wire_u8(w) % 2 == 0 ? IMAGE_NONE : IMAGE_UNLOCK;
}

static void
try_facts(struct ctx *c, struct str bytes)
{
	struct wire w = { .rest = bytes };
	struct policy p = policy_standard();
	struct fingerprint here, bound;
	struct license l = { .bound = &bound };
	struct facts f = { .license = &l };
	struct rule_seen seen[RULES_MAX];

	draw(&w, &f, &p, &l);
	if (fingerprint_read(c, wire_str(&w, FINGERPRINT_MAX), &here))
		f.machine = &here;
	l.bound_n = fingerprint_read(c, wire_str(&w, FINGERPRINT_MAX), &bound);
	f.entitlement = w.rest;
	for (enum action a = 0; a < ACTION_COUNT; a++) {
		struct verdict v = policy_decide(&f, &p, a), told;
		size_t n = policy_explain(&f, &p, a, seen, &told);

		must(v.code < V_COUNT && n > 0 && n <= RULES_MAX, "a verdict", c);
		must(v.code == told.code && v.rule == told.rule && v.until == told.until,
		    "explained", c);
		must(v.clock_back == (f.now < f.last_seen), "noticed", c);
	}
}

/* ---- The offline check ------------------------------------------------------------------- */

static struct str
sign(struct ctx *c, const struct ec_key *key, const char *typ, struct str payload)
{
	struct digest256 d = ec_key_thumbprint(key);
	struct buf kid, b;

	must(take_buf(c, 64, &kid) && take_buf(c, jws_size(payload.n), &b), "memory", c);
	base64url_put(&kid, d.b, sizeof d.b);
	must(jws_sign(c, key, str_of(typ), buf_str(&kid), payload, &b), "signing", c);
	return buf_str(&b);
}

/* A license, a list, a record, behind their lengths; signed, or as they are. */
static void
try_offline(struct ctx *c, struct str bytes)
{
	static struct ec_key *key;
	const struct key256 secret = { { 1 } };
	struct wire w = { .rest = bytes };
	bool as_is = wire_u8(&w) % 2 != 0;
	int64_t now = number(&w);
	struct str license = wire_str(&w, LICENSE_MAX), list = wire_str(&w, 1 << 20);
	struct offline_result r;
	struct rule_seen seen[RULES_MAX];
	const struct digest256 image = { { 8 } };
	struct offline o = { .key = &secret, .record = w.rest, .now = now, .keys_n = 1 };
	size_t n;

	if (key == NULL)
		must(ec_key_from_secret(c, &secret, &key), "a key", c);
	o.keys = (const struct ec_key *const[]){ key };
	o.image = now % 2 == 0 ? &image : NULL;
	o.license = as_is ? license : sign(c, key, LICENSE_TYP, license);
	o.list = as_is || list.n == 0 ? list : sign(c, key, REVOCATIONS_TYP, list);
	must(license_check_offline(c, &o, &r), "no verdict", c);
	must(r.verdict.code < V_COUNT && r.verdict.rule != NULL, "a verdict", c);
	must(r.read || verdict_answer(r.verdict.code) != ANSWER_YES, "yes to nothing", c);
	must(!r.read || license_explain_offline(c, &o, &r, seen, &n), "explained", c);
}

/* ---- Proofs ------------------------------------------------------------------------------ */

/* A payload, or a token as it is: the header comes before any signature is looked at. */
static void
try_proof(struct ctx *c, struct str bytes)
{
	static struct ec_key *key;
	const struct key256 secret = { { 1 } };
	struct str kid, jws;
	struct proof p;
	struct buf b;

	if (key == NULL)
		must(ec_key_from_secret(c, &secret, &key), "a key", c);
	if (!proof_peek(c, bytes, &kid))
		not_read(c);
	jws = sign(c, key, PROOF_TYP, bytes);
	if (!proof_read(c, key, jws, &p)) {
		not_read(c);
		return;
	}
	must(take_buf(c, PROOF_MAX, &b), "memory", c);
	must(proof_peek(c, jws, &kid) && proof_sign(c, key, kid, &p, &b), "signed", c);
	/* The same but for the signature, which is random. */
	must(b.n == jws.n && str_starts(buf_str(&b), (struct str){ jws.p, jws.n - 86 }),
	    "a proof has one form", c);
}

void
target(struct ctx *c, struct str bytes)
{
	static void (*const tries[])(struct ctx *, struct str) = { try_claims, try_list,
		try_fingerprint, try_record, try_policy, try_facts, try_offline, try_proof };

	if (bytes.n > 0)
		tries[(uint8_t)bytes.p[0] % COUNT(tries)](
		    c, (struct str){ bytes.p + 1, bytes.n - 1 });
	c->err = (struct err){ 0 };
}
