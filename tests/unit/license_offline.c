/*
 * A customer's machine without network: the license file, the vendor's keys, the list, the record
 * of the time last seen. Everything that may be wrong with them, a row each.
 */
#include "license_support.h"

enum { OLD_KEY, NEW_KEY, FOREIGN_KEY, KEYS };

/* What lies on the machine, and what a row may change of it before it is signed. */
struct machine {
	struct license_claims claims;
	struct revocations list;
	struct last_seen record, witness;
	struct offline o;
	struct fingerprint here;
	struct digest256 artifact, image;
	int64_t license_by, list_by;                 /* who signs */
	bool no_list, no_record, no_witness, unmade; /* unmade: the key image */
	char license_flip, list_flip, record_flip,
	    witness_flip; /* where it is damaged; 0: not */
	const char *typ;
};

static struct ec_key *key[KEYS];
static const struct ec_key *trusted[2];
static struct key256 record_key;
static struct uuid listed[2];

static void
keys_init(struct ctx *c)
{
	owned(ec_key_free) struct ec_key *customer = NULL;
	const struct id id = { LICENSE };

	for (size_t i = 0; i < KEYS; i++)
		ck_ok(c, ec_key_generate(c, &key[i]));
	ck_ok(c, ec_key_generate(c, &customer));
	ck_ok(c, last_seen_key(c, customer, &id, &record_key));
	ck_ok(c, uuid_of(c, &id, &listed[0]));
	trusted[0] = key[OLD_KEY];
	trusted[1] = key[NEW_KEY];
}

static void
keys_done(void)
{
	for (size_t i = 0; i < KEYS; i++)
		ec_key_free(&key[i]);
}

static void
machine_init(struct machine *m)
{
	const struct id id = { LICENSE };

	*m = (struct machine){
		.claims = claims_example(),
		.list = { .vendor = { VENDOR },
		    .number = 6,
		    .this_update = NOW - 3600,
		    .next_update = NOW + DAY,
		    .revoked = &listed[1],
		    .revoked_n = 1 },
		.record = { id, NOW - DAY, NOW - 60, 6, 12 },
		.witness = { id, NOW - DAY, NOW - 60, 6, 12 },
		.here = machine_of_seed(3, 10),
		.list_by = NEW_KEY,
		.typ = LICENSE_TYP,
	};
	memset(m->artifact.b, 0xa7, sizeof m->artifact.b);
	m->image = m->claims.key_image;
	m->o = (struct offline){
		.keys = trusted,
		.keys_n = COUNT(trusted),
		.vendor = { VENDOR },
		.customer = { CUSTOMER },
		.artifact = &m->artifact,
		.key = &record_key,
		.machine = &m->here,
		.image = &m->image,
		.entitlement = STR("run"),
		.now = NOW,
	};
}

static struct str
signed_by(struct ctx *c, int64_t who, const char *typ, struct str payload)
{
	struct digest256 d = ec_key_thumbprint(key[who]);
	char kid[64];
	struct buf k = BUF(kid), b;

	base64url_put(&k, d.b, sizeof d.b);
	ck_ok(c, take_buf(c, jws_size(payload.n), &b));
	ck_ok(c, jws_sign(c, key[who], str_of(typ), buf_str(&k), payload, &b));
	return buf_str(&b);
}

static struct str
record_bytes(struct ctx *c, const struct last_seen *s, char flip)
{
	struct buf b;

	ck_ok(c, take_buf(c, LAST_SEEN_SIZE, &b));
	ck_ok(c, last_seen_put(c, &record_key, s, &b));
	b.p[(size_t)flip] ^= flip != 0;
	return buf_str(&b);
}

/* Signs and writes everything, and checks it. */
static struct offline_result
check(struct ctx *c, struct machine *m)
{
	struct offline_result r;
	struct buf b;
	char *p;

	if (m->unmade)
		m->claims.key_image = (struct digest256){ 0 };
	ck_ok(c, take_buf(c, LICENSE_MAX, &b));
	ck_ok(c, license_claims_put(c, &m->claims, &b));
	m->o.license = signed_by(c, m->license_by, m->typ, buf_str(&b));
	p = (char *)(uintptr_t)m->o.license.p;
	/* Before the last character, whose low bits may say nothing. */
	if (m->license_flip != 0)
		p[m->o.license.n - 5] = p[m->o.license.n - 5] == 'A' ? 'B' : 'A';
	if (!m->no_list) {
		ck_ok(c, take_buf(c, revocations_size(&m->list), &b));
		ck_ok(c, revocations_put(c, &m->list, &b));
		m->o.list = signed_by(c, m->list_by, REVOCATIONS_TYP, buf_str(&b));
		m->o.list.n -= m->list_flip != 0;
	}
	if (!m->no_record)
		m->o.record = record_bytes(c, &m->record, m->record_flip);
	if (!m->no_witness)
		m->o.witness = record_bytes(c, &m->witness, m->witness_flip);
	ck_ok(c, license_check_offline(c, &m->o, &r));
	return r;
}

/* As S of license_support.h, of a machine. */
#define M(member, v)                                                                      \
	{                                                                                 \
		offsetof(struct machine, member), sizeof((struct machine *)NULL)->member, \
		    (int64_t)(v)                                                          \
	}

/* clang-format off */
static const struct {
	enum verdict_code want;
	const char *rule;
	struct spoilt spoilt[SPOILT];
} cases[] = {
	{ V_VALID, "", { { 0 } } },
	{ V_VALID, "", { M(license_by, NEW_KEY), M(list_by, OLD_KEY) } },
	{ V_VALID, "", { M(o.vendor.s[0], 0), M(o.customer.s[0], 0), M(o.artifact, NULL), M(o.entitlement.n, 0) } },
	{ V_VALID, "", { M(o.key, NULL) } },
	{ V_VALID, "", { M(no_record, true), M(no_witness, true) } },
	{ V_VALID, "", { M(no_witness, true) } },

	/* The license. */
	{ V_SIGNER_UNKNOWN, "signature", { M(license_by, FOREIGN_KEY) } },
	{ V_SIGNER_UNKNOWN, "signature", { M(o.keys_n, 0) } },
	{ V_SIGNATURE_INVALID, "signature", { M(license_flip, 1) } },
	{ V_LICENSE_MALFORMED, "form", { M(typ, REVOCATIONS_TYP) } },
	{ V_ISSUER_MISMATCH, "issuer", { M(o.vendor.s[39], '0') } },
	{ V_LICENSE_OF_OTHER_CUSTOMER, "owner", { M(o.customer.s[39], '0') } },
	{ V_ARTIFACT_MISMATCH, "artifact", { M(artifact.b[31], 0) } },
	{ V_LICENSE_NOT_YET_VALID, "starts", { M(claims.not_before, NOW + 1) } },
	{ V_LICENSE_EXPIRED, "expires", { M(claims.expires, NOW) } },
	{ V_VALID_IN_GRACE, "expires", { M(claims.expires, NOW), M(claims.grace_expired, 1) } },
	{ V_ENTITLEMENT_MISSING, "entitlement", { M(o.entitlement.n, 2) } },

	/* The clock and the record. */
	{ V_CLOCK_STEPPED_BACK, "clock", { M(record.time, NOW + 301), M(witness.time, NOW + 301) } },
	{ V_VALID, "", { M(record.time, NOW + 300) } },
	{ V_CLOCK_STEPPED_BACK, "clock", { M(o.now, NOW - 3600 - 301), M(no_record, true), M(no_witness, true) } },
	{ V_CLOCK_STEPPED_BACK, "clock", { M(claims.issued, NOW + 301) } },
	{ V_CLOCK_IMPLAUSIBLE, "clock", { M(o.now, NOW + 4000 * DAY) } },
	{ V_CLOCK_IMPLAUSIBLE, "clock", { M(o.now, 0) } },
	{ V_LAST_SEEN_TAMPERED, "record", { M(record.time, -1) } },
	{ V_LAST_SEEN_TAMPERED, "record", { M(record_flip, 64) } },
	{ V_LAST_SEEN_TAMPERED, "record", { M(record_flip, 2) } },
	{ V_LAST_SEEN_TAMPERED, "record", { M(witness_flip, 100) } },
	{ V_LAST_SEEN_FOREIGN, "record", { M(record.license.s[39], '0') } },
	{ V_LAST_SEEN_FOREIGN, "record", { M(witness.license.s[39], '0') } },
	{ V_LAST_SEEN_REPLAYED, "record", { M(record.uses, 11) } },
	{ V_LAST_SEEN_REPLAYED, "record", { M(no_record, true) } },
	{ V_VALID, "", { M(record.uses, 13) } },
	/* Fetched since: a contact with the vendor, after which the old record is no matter. */
	{ V_VALID, "", { M(no_record, true), M(witness.issued, NOW - 2 * DAY) } },
	{ V_VALID, "", { M(record.time, NOW + 9 * DAY), M(record.issued, NOW - 2 * DAY), M(witness.issued, NOW - 2 * DAY) } },

	/* The list. */
	{ V_REVOCATIONS_INVALID, "list", { M(list_by, FOREIGN_KEY) } },
	{ V_REVOCATIONS_INVALID, "list", { M(list_flip, 1) } },
	{ V_REVOCATIONS_INVALID, "list", { M(list.vendor.s[39], '0') } },
	{ V_REVOCATIONS_OLD, "list", { M(list.number, 5) } },
	{ V_REVOCATIONS_OLD, "list", { M(no_list, true) } },
	{ V_REVOCATIONS_OLD, "list", { M(list.number, 5), M(record.number, 0) } },
	{ V_VALID, "", { M(list.number, 7) } },
	{ V_VALID_OFFLINE, "revocations", { M(no_list, true), M(claims.epoch, 6) } },
	{ V_VALID_OFFLINE, "revocations", { M(list.number, 5), M(claims.epoch, 6) } },
	{ V_VALID_OFFLINE, "revocations", { M(list.next_update, NOW) } },
	{ V_OFFLINE_TOO_LONG, "revocations", { M(list.next_update, NOW), M(claims.offline, 0) } },
	{ V_REVOCATIONS_UNKNOWN, "revocations",
	    { M(list.next_update, NOW), M(claims.offline, 0), M(claims.stale_refused, false) } },
	{ V_LICENSE_REVOKED, "state", { M(list.revoked, &listed[0]) } },
	{ V_LICENSE_REVOKED, "state", { M(list.revoked, &listed[0]), M(claims.epoch, 6) } },
	{ V_LICENSE_SUSPENDED, "state", { M(list.suspended, &listed[0]), M(list.suspended_n, 1) } },
	/* Older than the license: what it says of it was undone since. */
	{ V_VALID_OFFLINE, "revocations", { M(list.revoked, &listed[0]), M(claims.epoch, 7), M(record.number, 7) } },

	/* The key image. */
	{ V_IMAGE_MISSING, "image", { M(o.image, NULL) } },
	{ V_IMAGE_MISMATCH, "image", { M(image.b[31], 4) } },
	{ V_IMAGE_UNKNOWN, "image", { M(unmade, true) } },
	{ V_IMAGE_MISSING, "image", { M(o.image, NULL), M(unmade, true) } },
	{ V_VALID, "", { M(o.image, NULL), M(o.running, true) } },
	{ V_VALID, "", { M(o.image, NULL), M(o.running, true), M(unmade, true) } },
	{ V_VALID, "", { M(o.image, NULL), M(claims.image, IMAGE_NONE), M(unmade, true) } },
	{ V_VALID, "", { M(claims.image, IMAGE_NONE), M(unmade, true) } },

	/* The machine. */
	{ V_MACHINE_MISSING, "machine", { M(o.machine, NULL) } },
	{ V_MACHINE_MISMATCH, "machine", { M(here.part[0].digest.b[0], 0), M(here.part[1].digest.b[0], 0) } },
	{ V_VALID, "", { M(here.part[0].digest.b[0], 0) } },
	{ V_MACHINE_NOT_BOUND, "machine", { M(claims.bound.n, 0) } },
	{ V_VALID, "", { M(claims.bound.n, 0), M(claims.binding, BIND_NONE), M(o.machine, NULL) } },
};
/* clang-format on */

START_TEST(files_are_judged)
{
	struct ctx *c = test_ctx();
	struct offline_result r;
	struct machine m;

	keys_init(c);
	machine_init(&m);
	for (size_t i = 0; i < SPOILT && cases[_i].spoilt[i].size > 0; i++)
		memcpy((char *)&m + cases[_i].spoilt[i].at, &cases[_i].spoilt[i].value,
		    cases[_i].spoilt[i].size);
	r = check(c, &m);
	ck_assert_msg(r.verdict.code == cases[_i].want, "row %d: %s by %s, not %s", _i,
	    verdict_wire(r.verdict.code), r.verdict.rule, verdict_wire(cases[_i].want));
	ck_assert_str_eq(r.verdict.rule, cases[_i].rule);
	ck_assert_int_eq(c->err.code, E_NONE);
	if (verdict_answer(r.verdict.code) == ANSWER_YES) {
		ck_assert(r.read);
		ck_assert_int_gt(r.verdict.until, NOW);
	}
	keys_done();
}
END_TEST

START_TEST(codes_of_files_are_reached)
{
	for (enum verdict_code v = V_LICENSE_MALFORMED; v < V_COUNT; v++) {
		bool reached = false;

		for (size_t i = 0; i < COUNT(cases); i++)
			reached = reached || cases[i].want == v;
		ck_assert_msg(reached, "%s is in no row", verdict_wire(v));
	}
}
END_TEST

/* Used day by day: the record follows, a copy of it kept from yesterday is noticed. */
START_TEST(the_record_follows)
{
	struct ctx *c = test_ctx();
	struct last_seen kept;
	struct offline_result r;
	struct machine m;

	keys_init(c);
	machine_init(&m);
	kept = m.record;
	for (int day = 0; day < 5; day++) {
		m.o.now = NOW + day * DAY / 2;
		r = check(c, &m);
		ck_assert_int_eq(verdict_answer(r.verdict.code), ANSWER_YES);
		ck_assert_int_eq(r.next.time, m.o.now);
		ck_assert_int_eq(r.next.uses, m.record.uses + 1);
		m.record = m.witness = r.next;
	}
	m.record = kept;
	ck_assert_int_eq(check(c, &m).verdict.code, V_LAST_SEEN_REPLAYED);
	m.record = m.witness;
	m.o.now = NOW;
	r = check(c, &m);
	ck_assert_int_eq(r.verdict.code, V_CLOCK_STEPPED_BACK);
	ck_assert(r.verdict.clock_back);
	ck_assert_int_eq(r.next.time, m.record.time);
	/* A clock that cannot be right is not remembered; one that is merely ahead is. */
	m.o.now = NOW + 4000 * DAY;
	ck_assert_int_eq(check(c, &m).next.time, m.record.time);
	m.list.revoked = &listed[0];
	ck_assert_int_eq(check(c, &m).next.time, m.record.time);
	m.o.now = NOW + 20 * DAY;
	ck_assert_int_eq(check(c, &m).next.time, NOW + 20 * DAY);
	keys_done();
}
END_TEST

/* A list that was seen once cannot be taken away, and a revocation not be forgotten with it. */
START_TEST(lists_only_grow)
{
	struct ctx *c = test_ctx();
	struct revocations old;
	struct offline_result r;
	struct machine m;

	keys_init(c);
	machine_init(&m);
	old = m.list;
	m.list.number = 8;
	m.list.revoked = &listed[0];
	r = check(c, &m);
	ck_assert_int_eq(r.verdict.code, V_LICENSE_REVOKED);
	ck_assert_int_eq(r.verdict.until, 0); /* the minute of grace is over */
	ck_assert_int_eq(r.next.number, 8);
	m.record = m.witness = r.next;
	m.list = old;
	ck_assert_int_eq(check(c, &m).verdict.code, V_REVOCATIONS_OLD);
	m.no_list = true;
	m.o.list = (struct str){ 0 };
	ck_assert_int_eq(check(c, &m).verdict.code, V_REVOCATIONS_OLD);
	keys_done();
}
END_TEST

/* Every damage of a byte of every file, and every cut: never a yes with other content. */
START_TEST(damage_is_never_a_yes)
{
	struct ctx *c = test_ctx();
	struct machine m;
	struct str *files[4];
	size_t tried = 0;

	keys_init(c);
	machine_init(&m);
	files[0] = &m.o.license;
	files[1] = &m.o.list;
	files[2] = &m.o.record;
	files[3] = &m.o.witness;
	ck_assert_int_eq(check(c, &m).verdict.code, V_VALID);
	for (size_t k = 0; k < COUNT(files); k++) {
		struct str whole = *files[k];

		for (size_t i = 0; i < whole.n; i += k < 2 ? 7 : 1) {
			char *at = (char *)(uintptr_t)whole.p + i, was = *at;
			struct offline_result r;

			*at ^= 1 << i % 7;
			ck_ok(c, license_check_offline(c, &m.o, &r));
			ck_assert_int_ne(verdict_answer(r.verdict.code), ANSWER_YES);
			*at = was;
			files[k]->n = i > 0 ? i : 1;
			ck_ok(c, license_check_offline(c, &m.o, &r));
			ck_assert_int_ne(verdict_answer(r.verdict.code), ANSWER_YES);
			*files[k] = whole;
			tried++;
		}
	}
	ck_assert_uint_gt(tried, 300);
	keys_done();
}
END_TEST

/* However little memory there is: the right verdict, or none. */
START_TEST(no_memory_is_no_verdict)
{
	struct ctx *c = test_ctx();
	size_t none = 0, right = 0;
	struct machine m;

	keys_init(c);
	machine_init(&m);
	ck_assert_int_eq(check(c, &m).verdict.code, V_VALID);
	for (size_t max = 512; max < 100000; max += 512) {
		owned(arena_free) struct arena *mem = arena_new(max);
		struct ctx poor = { .mem = mem, .now = c->now, .random = c->random };
		struct offline_result r;

		ck_assert_ptr_nonnull(mem);
		if (license_check_offline(&poor, &m.o, &r)) {
			ck_assert_int_eq(r.verdict.code, V_VALID);
			right++;
		} else {
			ck_assert_int_eq(poor.err.code, E_MEMORY);
			none++;
		}
	}
	ck_assert(none > 0 && right > 0);
	keys_done();
}
END_TEST

START_TEST(licenses_are_peeked_at)
{
	struct ctx *c = test_ctx();
	struct rule_seen seen[RULES_MAX];
	struct offline_result r;
	struct machine m;
	struct id id;
	size_t n;

	keys_init(c);
	machine_init(&m);
	r = check(c, &m);
	ck_ok(c, license_peek(c, m.o.license, &id));
	ck_assert_str_eq(id.s, LICENSE);
	ck_fails(c, E_FIELD, license_peek(c, m.o.list, &id));
	ck_ok(c, license_explain_offline(c, &m.o, &r, seen, &n));
	ck_assert_uint_ge(n, 12);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(verdict_answer(seen[i].code), ANSWER_YES);
	keys_done();
}
END_TEST

MAIN("license_offline", EACH(files_are_judged, cases), ONE(codes_of_files_are_reached),
    ONE(the_record_follows), ONE(lists_only_grow), ONE(damage_is_never_a_yes),
    ONE(no_memory_is_no_verdict), ONE(licenses_are_peeked_at))
