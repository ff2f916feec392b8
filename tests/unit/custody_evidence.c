/*
 * What the custodian signs about a verification, with a real process: the claims are to the letter
 * those that the checking of evidence reads and writes, for every verdict and any number of
 * accused; and what makes no sense is not signed.
 */
#include <stdio.h>

#include "custody_house.h"
#include "evidence.h"

#define UUID "0198a000-0000-7000-8000-000000000001"
_Static_assert(CUSTODY_ACCUSED_MAX == EVIDENCE_CUSTOMERS_MAX, "both mean the same");

static const struct custody_evidence good = { .verification = { "ver_" UUID, 40 },
	.release = { "rel_" UUID, 40 },
	.vendor = { "ven_" UUID, 40 },
	.report = { { 1, 2, 3 } },
	.suspect = { { 0xfe } },
	.verdict = VERDICT_CANNOT_DECIDE,
	.at = 1769947200 };

/* The same, as evidence has it. */
static struct evidence_statement
statement_of(struct ctx *c, const struct custody_evidence *e)
{
	struct evidence_statement s = { .report = e->report,
		.suspect = e->suspect,
		.verdict = (enum verdict)e->verdict,
		.n = e->n,
		.at = e->at };

	ck_ok(c, id_parse(c, e->verification, "ver", &s.verification));
	ck_ok(c, id_parse(c, e->release, "rel", &s.release));
	ck_ok(c, id_parse(c, e->vendor, "ven", &s.vendor));
	for (size_t i = 0; i < e->n; i++)
		s.accused[i] = e->accused[i];
	return s;
}

/* Signed by the house's key, and read back as what was said. */
static void
is_signed(struct ctx *c, const struct house *h, const struct custody_evidence *e)
{
	struct evidence_statement want = statement_of(c, e), got;
	owned(ec_key_free) struct ec_key *public = NULL;
	struct jose_header header;
	struct str jws, claims;
	struct buf same;

	ck_ok(c, ec_key_from_jwk(c, h->signing.jwk, &public));
	ck_ok(c, custody_sign_evidence(c, h->custody, e, &jws));
	ck_ok(c, jws_verify(c, public, STR(EVIDENCE_TYP), jws, &header, &claims));
	ck_assert(str_same(header.kid, h->signing.kid));
	ck_ok(c, take_buf(c, 4096, &same));
	ck_ok(c, evidence_claims_put(c, &want, &same));
	if (!str_same(claims, buf_str(&same)))
		ck_abort_msg("%.*s\nis not\n%.*s", STRF(claims), STRF(buf_str(&same)));
	ck_ok(c, evidence_claims_read(c, claims, &got));
	ck_assert_uint_eq(got.n, e->n);
	ck_assert_int_eq((int)got.verdict, e->verdict);
	ck_assert(digest256_same(&got.report, &e->report));
	ck_assert(digest256_same(&got.suspect, &e->suspect));
}

START_TEST(claims_are_those_of_evidence)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	uint32_t accused[CUSTODY_ACCUSED_MAX];
	struct custody_evidence e;

	for (uint32_t i = 0; i < COUNT(accused); i++)
		accused[i] = i % 2 == 0 ? 1 + i : 4000000000 - i; /* by their scores */
	for (int verdict = 0; verdict <= VERDICT_CANNOT_DECIDE; verdict++) {
		bool may = verdict == VERDICT_PROVEN || verdict == VERDICT_INDICATIVE;

		e = good;
		e.verdict = verdict;
		e.accused = accused;
		is_signed(c, &h, &e);
		for (e.n = 1; may && e.n <= COUNT(accused); e.n *= 4)
			is_signed(c, &h, &e);
	}
	house_done(&h);
}
END_TEST

START_TEST(what_makes_no_sense_is_not_signed)
{
	static const uint32_t twice[] = { 7, 9, 7 }, nobody[] = { 0 }, two[] = { 7, 9 };
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct custody_evidence e;
	struct str jws = { 0 };

#define REFUSED(code, change)                                                     \
	do {                                                                      \
		e = good;                                                         \
		change;                                                           \
		ck_fails(c, code, custody_sign_evidence(c, h.custody, &e, &jws)); \
		ck_assert_ptr_null(jws.p);                                        \
	} while (0)
#define ACCUSED(of, who, count) (e.verdict = (of), e.accused = (who), e.n = (count))
	REFUSED(E_ABSENT, e.verification = good.release);
	REFUSED(E_ABSENT, e.release = good.vendor);
	REFUSED(E_ABSENT, e.vendor = STR("ven_x"));
	REFUSED(E_INPUT, e.verdict = VERDICT_CANNOT_DECIDE + 1);
	REFUSED(E_INPUT, e.verdict = 255);
	REFUSED(E_INPUT, e.at = 0);
	REFUSED(E_INPUT, e.at = -1);
	REFUSED(E_INPUT, e.at = INT64_C(253402300800));
	REFUSED(E_INPUT, ACCUSED(VERDICT_NO_EVIDENCE, two, 2));
	REFUSED(E_INPUT, ACCUSED(VERDICT_CANNOT_DECIDE, two, 1));
	REFUSED(E_INPUT, ACCUSED(VERDICT_PROVEN, twice, 3));
	REFUSED(E_INPUT, ACCUSED(VERDICT_INDICATIVE, nobody, 1));
	REFUSED(E_INPUT, ACCUSED(VERDICT_PROVEN, two, CUSTODY_ACCUSED_MAX + 1));
#undef ACCUSED
#undef REFUSED
	ck_ok(c, custody_seal(c, h.custody));
	ck_fails(c, E_SEALED, custody_sign_evidence(c, h.custody, &good, &jws));
	house_done(&h);
}
END_TEST

MAIN("custody-evidence", ONE(claims_are_those_of_evidence),
    ONE(what_makes_no_sense_is_not_signed))
