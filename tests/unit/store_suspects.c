/*
 * Suspects, challenges and verifications as rows: each from its beginning to its one end, seen by
 * no other vendor; no pair of a key set is asked twice; a suspect stays while it is held against
 * something, and what was found stays when it goes; and the list of those who have a copy.
 */
#include "licensing_support.h"

enum { KEYS = 10 };

static struct suspect_row
suspect_new(struct ctx *c, const struct estate *e)
{
	return (struct suspect_row){ .id = id_new(c, "sus"),
		.vendor = e->h.vendor,
		.name = STR("found"),
		.note = STR("in a forum"),
		.appeared = TEST_NOW - 1,
		.created = TEST_NOW };
}

static struct suspect_row
suspect_added(struct ctx *c, struct estate *e, bool ready)
{
	struct suspect_row s = suspect_new(c, e);
	struct digest256 digest = digest_of(c, "bytes");

	ck_ok(c, act(e, suspect_insert(c, e->w, &s)));
	if (ready)
		ck_ok(c, act(e, suspect_ready(c, e->w, str_of(s.id.s), 5, &digest)));
	ck_ok(c, suspect_by_id(c, e->h.db, vendor_of(e), str_of(s.id.s), &s));
	return s;
}

/* A watermark that is ready, unless `state` says otherwise, as its job would leave it. */
static struct id
watermark_added(struct ctx *c, struct estate *e, int state)
{
	struct data_key_row key = { id_new(c, "key"), e->h.vendor, 1, STR("sealed") };
	struct id w = id_new(c, "wmk");
	sqlite3 *sql;

	ck_ok(c, act(e, data_key_insert(c, e->w, &key)));
	sql = raw_open(e->dir);
	raw(sql,
	    take_printf(c,
		"INSERT INTO watermark (id, vendor, source, model, state, job, key, keys,"
		" classes, created) VALUES ('%s', '%s', '%s', '%s', %d, '%s', '%s', %d, 10, 1)",
		w.s, e->h.vendor.s, id_new(c, "mod").s, id_new(c, "mod").s, state,
		id_new(c, "job").s, key.id.s, KEYS));
	sqlite3_close(sql);
	return w;
}

static struct challenge_row
challenge_new(struct ctx *c, struct estate *e, const struct id *w, int64_t first, int64_t pairs)
{
	struct data_key_row key = { id_new(c, "key"), e->h.vendor, 1, STR("sealed") };

	ck_ok(c, act(e, data_key_insert(c, e->w, &key)));
	return (struct challenge_row){ .id = id_new(c, "cha"),
		.vendor = e->h.vendor,
		.watermark = *w,
		.job = id_new(c, "job"),
		.key = key.id,
		.first = first,
		.pairs = pairs,
		.decoys = 3,
		.created = TEST_NOW };
}

static struct verification_row
verification_new(struct ctx *c, const struct estate *e, const struct suspect_row *s)
{
	return (struct verification_row){ .id = id_new(c, "ver"),
		.vendor = e->h.vendor,
		.suspect = s->id,
		.release = e->release.id,
		.job = id_new(c, "job"),
		.created = TEST_NOW };
}

/* ---- Suspects ------------------------------------------------------------------------------ */

START_TEST(suspect_is_ready_with_its_bytes)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct suspect_row s = suspect_added(c, &e, false), got, *list;
	struct digest256 digest = digest_of(c, "bytes");
	struct str id = str_of(s.id.s);
	size_t n;

	ck_assert_int_eq(s.state, SUSPECT_EMPTY);
	ck_str(s.note, "in a forum");
	ck_assert_int_eq(s.appeared, TEST_NOW - 1);
	ck_assert_str_eq(s.challenge.s, "");
	ck_ok(c, act(&e, suspect_ready(c, e.w, id, 5, &digest)));
	ck_fails(c, E_CONFLICT, act(&e, suspect_ready(c, e.w, id, 5, &digest)));
	ck_ok(c, suspect_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, SUSPECT_READY);
	ck_assert_int_eq(got.bytes, 5);
	ck_assert_int_eq(got.version, 2);
	ck_assert(digest256_same(&got.digest, &digest));
	ck_fails(c, E_ABSENT, suspect_by_id(c, e.h.db, other_of(&e), id, &got));
	ck_ok(c, suspect_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, suspect_list(c, e.h.db, other_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	estate_done(c, &e);
}
END_TEST

START_TEST(suspect_stays_while_it_is_verified)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct suspect_row s = suspect_added(c, &e, true);
	struct verification_row v = verification_new(c, &e, &s), got;
	struct filed file = filed_new(c, &e.h, &s.id, "content");
	struct str id = str_of(s.id.s);
	struct blob_row *gone;
	size_t n = 0;

	ck_ok(c, doing(c, e.h.s, do_blob, &file));
	ck_ok(c, act(&e, verification_insert(c, e.w, &v)));
	ck_fails(
	    c, E_CONFLICT, act(&e, suspect_delete(c, e.w, vendor_of(&e), id, 0, &gone, &n)));
	ck_ok(
	    c, act(&e, verification_fail(c, e.w, str_of(v.id.s), STR("CONFLICT"), STR("no"))));
	ck_fails(c, E_ABSENT, act(&e, suspect_delete(c, e.w, other_of(&e), id, 0, &gone, &n)));
	ck_fails(c, E_STALE, act(&e, suspect_delete(c, e.w, vendor_of(&e), id, 9, &gone, &n)));
	ck_ok(c, act(&e, suspect_delete(c, e.w, vendor_of(&e), id, s.version, &gone, &n)));
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(gone[0].id.s, file.blob.id.s);
	ck_assert(!has_key(c, e.h.db, &file.key.id));
	/* What was found of it is still there, and says of what. */
	ck_ok(c, verification_by_id(c, e.h.db, vendor_of(&e), str_of(v.id.s), &got));
	ck_assert_str_eq(got.suspect.s, s.id.s);
	estate_done(c, &e);
}
END_TEST

/* ---- Challenges ---------------------------------------------------------------------------- */

START_TEST(challenge_takes_pairs_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1), raw_one = watermark_added(c, &e, 0);
	struct challenge_row a = challenge_new(c, &e, &w, 0, 6),
			     same = challenge_new(c, &e, &w, 0, 4),
			     many = challenge_new(c, &e, &w, 6, 5),
			     rest = challenge_new(c, &e, &w, 6, 4),
			     over = challenge_new(c, &e, &w, 10, 1),
			     early = challenge_new(c, &e, &raw_one, 0, 1), got, *list;
	struct watermark_row mark;
	size_t n;

	ck_fails(c, E_CONFLICT, act(&e, challenge_insert(c, e.w, &early)));
	ck_ok(c, act(&e, challenge_insert(c, e.w, &a)));
	/* What another one has taken meanwhile; more than are left; none are left. */
	ck_fails(c, E_BUSY, act(&e, challenge_insert(c, e.w, &same)));
	ck_assert(!act(&e, challenge_insert(c, e.w, &many)));
	ck_assert_ptr_nonnull(strstr(c->err.text, "only 4 pairs"));
	ck_err(c, E_CONFLICT);
	ck_ok(c, act(&e, challenge_insert(c, e.w, &rest)));
	ck_assert(!act(&e, challenge_insert(c, e.w, &over)));
	ck_assert_ptr_nonnull(strstr(c->err.text, "all 10 pairs"));
	ck_err(c, E_CONFLICT);
	ck_ok(c, watermark_by_id(c, e.h.db, vendor_of(&e), str_of(w.s), &mark));
	ck_assert_int_eq(mark.asked, KEYS);
	/* One that fails gives nothing back. */
	ck_ok(
	    c, act(&e, challenge_fail(c, e.w, str_of(rest.id.s), STR("CONFLICT"), STR("no"))));
	ck_fails(c, E_CONFLICT, act(&e, challenge_insert(c, e.w, &over)));
	a.decoys = 7;
	a.commitment = digest_of(c, "order");
	ck_ok(c, act(&e, challenge_ready(c, e.w, &a)));
	ck_fails(c, E_CONFLICT, act(&e, challenge_ready(c, e.w, &a)));
	ck_ok(c, challenge_by_id(c, e.h.db, vendor_of(&e), str_of(a.id.s), &got));
	ck_assert_int_eq(got.state, CHALLENGE_READY);
	ck_assert_int_eq(got.decoys, 7);
	ck_assert(digest256_same(&got.commitment, &a.commitment));
	ck_fails(c, E_ABSENT, challenge_by_id(c, e.h.db, other_of(&e), str_of(a.id.s), &got));
	ck_ok(c, challenge_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	estate_done(c, &e);
}
END_TEST

/* ---- Verifications ------------------------------------------------------------------------- */

START_TEST(verification_runs_to_one_end)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct suspect_row empty = suspect_added(c, &e, false), s = suspect_added(c, &e, true);
	struct verification_row none = verification_new(c, &e, &empty),
				v = verification_new(c, &e, &s), got, *list;
	size_t n;

	ck_fails(c, E_CONFLICT, act(&e, verification_insert(c, e.w, &none)));
	ck_ok(c, act(&e, verification_insert(c, e.w, &v)));
	v.verdict = 2;
	v.accused = 3;
	v.facts = STR("{\"a\":1}");
	v.report = digest_of(c, "report");
	/* A done one has a statement. */
	ck_assert(!act(&e, verification_done(c, e.w, &v)));
	c->err = (struct err){ 0 };
	v.statement = STR("a.b.c");
	ck_ok(c, act(&e, verification_done(c, e.w, &v)));
	ck_fails(c, E_CONFLICT, act(&e, verification_done(c, e.w, &v)));
	ck_fails(c, E_CONFLICT,
	    act(&e, verification_fail(c, e.w, str_of(v.id.s), STR("X"), STR("no"))));
	ck_ok(c, verification_by_id(c, e.h.db, vendor_of(&e), str_of(v.id.s), &got));
	ck_assert_int_eq(got.state, VERIFICATION_DONE);
	ck_assert_str_eq(verification_verdict_names[got.verdict], "proven");
	ck_assert_int_eq(got.accused, 3);
	ck_str(got.facts, "{\"a\":1}");
	ck_str(got.statement, "a.b.c");
	ck_assert(digest256_same(&got.report, &v.report));
	ck_fails(
	    c, E_ABSENT, verification_by_id(c, e.h.db, other_of(&e), str_of(v.id.s), &got));
	ck_ok(c, verification_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(list[0].facts.n, 0);
	estate_done(c, &e);
}
END_TEST

/* ---- What it stands on --------------------------------------------------------------------- */

struct walk {
	uint32_t number[8];
	struct id customer[8];
	size_t n, max;
};

static bool
walk_on(struct ctx *c, void *arg, uint32_t number, const struct id *customer)
{
	struct walk *w = arg;

	if (w->n == w->max)
		return fail(c, E_LIMIT, "enough");
	w->number[w->n] = number;
	w->customer[w->n++] = *customer;
	return true;
}

START_TEST(everybody_with_a_copy_is_listed_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct walk w = { .max = COUNT(w.number) };
	struct str release = str_of(e.release.id.s);
	struct customer_row first = e.customer;

	ck_ok(c, release_licensed(c, e.h.db, release, walk_on, &w));
	ck_assert_uint_eq(w.n, 0);
	/* The later customer is licensed first, the first one twice, one not at all. */
	for (unsigned i = 0; i < 3; i++) {
		e.customer = customer_new(c, &e.h.vendor, take_printf(c, "customer %u", i));
		ck_ok(c, act(&e, customer_insert(c, e.w, &e.customer)));
		if (i == 1)
			(void)license_added(c, &e);
	}
	e.customer = first;
	(void)license_added(c, &e);
	(void)license_added(c, &e);
	ck_ok(c, release_licensed(c, e.h.db, release, walk_on, &w));
	ck_assert_uint_eq(w.n, 2);
	ck_assert_uint_eq(w.number[0], first.number);
	ck_assert_str_eq(w.customer[0].s, first.id.s);
	ck_assert_uint_eq(w.number[1], first.number + 2);
	w.n = 0;
	w.max = 1;
	ck_fails(c, E_LIMIT, release_licensed(c, e.h.db, release, walk_on, &w));
	estate_done(c, &e);
}
END_TEST

START_TEST(end_of_a_job_is_found_in_the_audit)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id job = id_new(c, "job"), none = id_new(c, "job");
	struct act end = { .c = c,
		.audit = { .vendor = vendor_of(&e),
		    .actor = STR("system"),
		    .action = STR("job.end"),
		    .object = str_of(job.s) } };
	int64_t at = -1;

	ck_ok(c, store_do(c, e.h.s, &end));
	ck_ok(c, audit_job_ended(c, e.h.db, vendor_of(&e), str_of(job.s), &at));
	ck_assert_int_gt(at, 0);
	ck_ok(c, audit_job_ended(c, e.h.db, other_of(&e), str_of(job.s), &at));
	ck_assert_int_eq(at, 0);
	ck_ok(c, audit_job_ended(c, e.h.db, vendor_of(&e), str_of(none.s), &at));
	ck_assert_int_eq(at, 0);
	estate_done(c, &e);
}
END_TEST

MAIN("store_suspects", ONE(suspect_is_ready_with_its_bytes),
    ONE(suspect_stays_while_it_is_verified), ONE(challenge_takes_pairs_once),
    ONE(verification_runs_to_one_end), ONE(everybody_with_a_copy_is_listed_once),
    ONE(end_of_a_job_is_found_in_the_audit))
