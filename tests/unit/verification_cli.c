/*
 * Evidence checked by hallmark as a process, from files alone: what holds is told with its verdict
 * and status, and whatever was changed, exchanged or left out is told as that.
 */
#include "cli_support.h"
#include "evidence_support.h"

#include <fcntl.h>
#include <stdio.h>

#define VENDOR "ven_01a1f7b4-613b-78db-864f-cf642ca115ec"

struct house {
	struct ec_key *key;
	const char *json, *page, *keys;
};

static void
put(struct ctx *c, const char *path, struct str bytes)
{
	ck_ok(c, file_replace(c, AT_FDCWD, path, 0600, bytes));
}

static void
keys_put(struct ctx *c, const struct house *h, const struct ec_key *key)
{
	struct buf jwks;

	ck_ok(c, take_buf(c, 4096, &jwks));
	buf_put(&jwks, STR("{\"keys\":["));
	ec_key_to_jwk(&jwks, key);
	buf_put(&jwks, STR("]}"));
	put(c, h->keys, buf_str(&jwks));
}

static struct house
house_new(struct ctx *c)
{
	const char *folder = test_folder();
	struct house h = { .json = test_path(folder, "evidence.json"),
		.page = test_path(folder, "evidence.html"),
		.keys = test_path(folder, "keys.json") };

	ck_ok(c, ec_key_generate(c, &h.key));
	keys_put(c, &h, h.key);
	return h;
}

/* What the custodian says of a report. */
static struct evidence_statement
statement_of(struct ctx *c, const struct evidence *e, struct str report)
{
	struct evidence_statement s = { .verification = e->verification,
		.release = e->release,
		.suspect = e->digest,
		.verdict = e->verdict,
		.at = TEST_NOW / 1000 };

	ck_ok(c, id_parse(c, STR(VENDOR), "ven", &s.vendor));
	ck_ok(c, sha256(c, report, &s.report));
	for (size_t i = 0; i < e->trace.n; i++)
		if (e->trace.best[i].accused)
			s.accused[s.n++] = e->trace.best[i].number;
	return s;
}

static struct str
signed_by(struct ctx *c, const struct ec_key *key, const char *typ,
    const struct evidence_statement *s)
{
	char kid[64];
	struct buf id = BUF(kid), claims, jws;
	struct digest256 d = ec_key_thumbprint(key);

	base64url_put(&id, d.b, sizeof d.b);
	ck_ok(c, take_buf(c, EVIDENCE_CLAIMS_MAX, &claims));
	ck_ok(c, evidence_claims_put(c, s, &claims));
	ck_ok(c, take_buf(c, jws_size(claims.n) + 256, &jws));
	ck_ok(c, jws_sign(c, key, str_of(typ), buf_str(&id), buf_str(&claims), &jws));
	return buf_str(&jws);
}

static void
json_put(struct ctx *c, const struct house *h, struct str jws, struct str report)
{
	struct buf b;

	ck_ok(c, take_buf(c, report.n + jws.n + 64, &b));
	buf_put(&b, STR("{\"signature\":\""));
	buf_put(&b, jws);
	buf_put(&b, STR("\",\"report\":"));
	buf_put(&b, report);
	buf_put(&b, STR("}"));
	ck_ok(c, buf_ok(c, &b));
	put(c, h->json, buf_str(&b));
}

static void
page_put(struct ctx *c, const struct house *h, const struct evidence *e, struct str jws,
    struct str report)
{
	struct buf b;

	ck_ok(c, take_buf(c, EVIDENCE_HTML_MAX, &b));
	ck_ok(c, evidence_html(c, e, report, &b));
	buf_put(&b, STR("<pre id=\"signature\">"));
	buf_put(&b, jws);
	buf_put(&b, STR("</pre></body></html>"));
	ck_ok(c, buf_ok(c, &b));
	put(c, h->page, buf_str(&b));
}

/* Both files, signed as they should be. */
static void
both_put(struct ctx *c, const struct house *h, struct evidence *e)
{
	struct evidence_statement s;
	struct str report, jws;

	evidence_conclude(e);
	report = evidence_bytes(c, e);
	s = statement_of(c, e, report);
	jws = signed_by(c, h->key, EVIDENCE_TYP, &s);
	json_put(c, h, jws, report);
	page_put(c, h, e, jws, report);
}

static struct said
check_of(struct ctx *c, const struct house *h, const char *file)
{
	return RUN(c, "verification", "check", file, "--keys", h->keys);
}

#define ck_holds(said, code, what)                                                  \
	ck_assert_msg((said).status == (code) && says((said).out, (what)),          \
	    "status %d, not %d with '%s': %.*s%.*s", (said).status, (code), (what), \
	    STRF((said).out), STRF((said).err))
/* Nothing is said but what is wrong. */
#define ck_broken(heard, what)                  \
	do {                                    \
		struct said s_ = (heard);       \
		ck_says(s_, 5, (what));         \
		ck_assert_uint_eq(s_.out.n, 0); \
	} while (0)

/* ---- What holds -------------------------------------------------------------------------- */

START_TEST(evidence_that_holds)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct evidence *e = take(c, sizeof *e);
	struct said said;

	evidence_plausible(e);
	both_put(c, &h, e);
	for (int i = 0; i < 2; i++) {
		const char *file = i == 0 ? h.json : h.page;

		said = check_of(c, &h, file);
		ck_holds(said, 0, "proven: ");
		ck_holds(said, 0, "customer 12 (cus_01a1f7b4-");
		ck_assert(!says(said.out, "customer 840"));
		ck_holds(said, 0, "Additional class");
		ck_holds(said, 0, "not run: The suspect is not locked.");
		ck_holds(said, 0, "3 of 3 as chance has it");
		said = RUN(
		    c, "verification", "check", file, "--keys", h.keys, "--format", "json");
		ck_holds(said, 0, "\"verdict\":\"proven\"");
		ck_holds(said, 0, "\"vendor\":\"" VENDOR "\"");
		ck_holds(said, 0, "\"accused\":[{\"number\":12,");
	}
	ec_key_free(&h.key);
}
END_TEST

/* The status is 0 for nothing but a proof. */
START_TEST(other_verdicts)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct evidence *e = take(c, sizeof *e);

	evidence_plausible(e);
	e->appeared = e->commitment[0].at - 1;
	both_put(c, &h, e);
	ck_holds(check_of(c, &h, h.json), 3, "indicative: ");
	ck_holds(check_of(c, &h, h.page), 3, "nobody is accused");
	evidence_plausible(e);
	snprintf(e->cannot, sizeof e->cannot, "The suspect is cut short.");
	both_put(c, &h, e);
	ck_holds(check_of(c, &h, h.json), 3, "cannot-decide: ");
	evidence_plausible(e);
	for (size_t i = 0; i < TEST_COUNT; i++)
		e->test[i].ran = e->test[i].planned = false;
	e->test[TEST_WEIGHTS] = (struct evidence_test){
		.planned = true, .ran = true, .trials = 1000, .bound_log10 = -2
	};
	e->trace.best[0].bound_log10 = -2;
	both_put(c, &h, e);
	ck_holds(check_of(c, &h, h.json), 3, "no-evidence: ");
	ec_key_free(&h.key);
}
END_TEST

/* ---- What does not ----------------------------------------------------------------------- */

/* The first `from` in the file becomes `to`. */
static void
change(struct ctx *c, const char *file, const char *from, const char *to)
{
	struct str old = file_bytes(c, file);
	const char *at = memmem(old.p, old.n, from, strlen(from));
	struct buf b;

	ck_assert_msg(at != NULL, "there is no %s", from);
	ck_ok(c, take_buf(c, old.n + strlen(to), &b));
	buf_put(&b, (struct str){ old.p, (size_t)(at - old.p) });
	buf_put(&b, str_of(to));
	at += strlen(from);
	buf_put(&b, (struct str){ at, old.n - (size_t)(at - old.p) });
	put(c, file, buf_str(&b));
}

/* Whatever is changed in either file, and the verdict that is told to people as well. */
static const char *const changes[][2] = {
	{ "\"number\":12,", "\"number\":77," },
	{ "\"hits\":96", "\"hits\":97" },
	{ "proven", "cannot-decide" },
	{ "\"trials\":1000", "\"trials\":1001" },
};

START_TEST(changed_reports)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct evidence *e = take(c, sizeof *e);

	evidence_plausible(e);
	both_put(c, &h, e);
	change(c, h.json, changes[_i][0], changes[_i][1]);
	change(c, h.page, changes[_i][0], changes[_i][1]);
	ck_broken(check_of(c, &h, h.json), "");
	ck_broken(check_of(c, &h, h.page), "");
	ec_key_free(&h.key);
}
END_TEST

/* A report that was signed and yet does not follow from its counts. */
START_TEST(wrong_arithmetic)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct evidence *e = take(c, sizeof *e);
	struct evidence_statement s;
	struct str report;
	const char *verdict;
	struct buf b;

	evidence_plausible(e);
	evidence_conclude(e);
	report = evidence_bytes(c, e);
	verdict = memmem(report.p, report.n, "\"proven\"", 8);
	ck_assert(verdict != NULL);
	ck_ok(c, take_buf(c, EVIDENCE_JSON_MAX, &b));
	buf_put(&b, (struct str){ report.p, (size_t)(verdict - report.p) });
	buf_put(&b, STR("\"no-evidence\""));
	buf_put(&b, (struct str){ verdict + 8, report.n - (size_t)(verdict + 8 - report.p) });
	report = buf_str(&b);
	e->verdict = VERDICT_NO_EVIDENCE;
	s = statement_of(c, e, report);
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "verdict");
	ck_broken(check_of(c, &h, h.json), "does not follow");
	ec_key_free(&h.key);
}
END_TEST

/* The statement of another report, and statements that say other things than the report. */
START_TEST(other_statements)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct evidence *e = take(c, sizeof *e), *other = take(c, sizeof *other);
	struct evidence_statement s, right;
	struct str report;

	evidence_plausible(e);
	evidence_conclude(e);
	report = evidence_bytes(c, e);
	evidence_plausible(other);
	other->bytes++;
	evidence_conclude(other);
	s = statement_of(c, other, evidence_bytes(c, other));
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "is not the one that was signed");
	right = statement_of(c, e, report);
	s = right;
	s.accused[0] = 840;
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "about the accused");
	s = right;
	s.accused[s.n++] = 840;
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "about the accused");
	s = right;
	s.verdict = VERDICT_INDICATIVE;
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "about the verdict");
	s = right;
	s.suspect.b[0] ^= 1;
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "about the suspect");
	s = right;
	s.release.s[10]++;
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "about the release");
	json_put(c, &h, signed_by(c, h.key, EVIDENCE_TYP, &right), report);
	ck_holds(check_of(c, &h, h.json), 0, "proven: ");
	ec_key_free(&h.key);
}
END_TEST

START_TEST(other_signatures)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	owned(ec_key_free) struct ec_key *stranger = NULL;
	struct evidence *e = take(c, sizeof *e);
	struct evidence_statement s;
	struct str report, jws;

	ck_ok(c, ec_key_generate(c, &stranger));
	evidence_plausible(e);
	both_put(c, &h, e);
	report = evidence_bytes(c, e);
	s = statement_of(c, e, report);
	json_put(c, &h, signed_by(c, stranger, EVIDENCE_TYP, &s), report);
	ck_broken(check_of(c, &h, h.json), "none of the vendor's");
	json_put(c, &h, signed_by(c, h.key, "hallmark-license+jwt", &s), report);
	ck_broken(check_of(c, &h, h.json), "signature");
	jws = signed_by(c, h.key, EVIDENCE_TYP, &s);
	json_put(c, &h, (struct str){ jws.p, jws.n - 8 }, report);
	ck_broken(check_of(c, &h, h.json), "signature");
	json_put(c, &h, STR(""), report);
	ck_broken(check_of(c, &h, h.json), "without a signature");
	put(c, h.json, report);
	ck_broken(check_of(c, &h, h.json), "no evidence");
	keys_put(c, &h, stranger);
	ck_broken(check_of(c, &h, h.page), "none of the vendor's");
	ec_key_free(&h.key);
}
END_TEST

/* Whole files of anything, and evidence cut anywhere. */
START_TEST(hostile_files)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct evidence *e = take(c, sizeof *e);
	struct str whole;

	evidence_plausible(e);
	both_put(c, &h, e);
	whole = file_bytes(c, h.json);
	for (size_t n = 1; n < whole.n; n += whole.n / 11) {
		put(c, h.json, (struct str){ whole.p, n });
		ck_broken(check_of(c, &h, h.json), "");
	}
	put(c, h.json, STR(""));
	ck_broken(check_of(c, &h, h.json), "no evidence");
	ck_says(check_of(c, &h, "/nowhere/evidence.json"), 1, "/nowhere/evidence.json");
	ck_says(
	    RUN(c, "verification", "check", h.page, "--config", test_folder()), 1, "--keys");
	ec_key_free(&h.key);
}
END_TEST

MAIN("verification_cli", ONE(evidence_that_holds), ONE(other_verdicts),
    EACH(changed_reports, changes), ONE(wrong_arithmetic), ONE(other_statements),
    ONE(other_signatures), ONE(hostile_files))
