/*
 * Licenses as rows: what goes in comes out, each vendor's apart, listed by whatever is asked for;
 * states that only go where they may and tell the list of revocations; terms that are renewed; and
 * what the schema of licensing refuses by itself.
 */
#include "licensing_support.h"

START_TEST(license_comes_out_as_it_went_in)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_new(c, &e), got;

	l.reference = STR("PO 4711");
	l.reason = STR("ordered");
	l.changed = TEST_NOW + 1;
	l.issued = TEST_NOW + 2;
	l.not_before = TEST_NOW + 3;
	l.expires = TEST_NOW + 4;
	l.seats = 5;
	l.entitlements = STR("[\"train\"]");
	l.predecessor = id_new(c, "lic");
	l.wrap = STR("head");
	l.wrapped_for = digest_of(c, "key");
	ck_ok(c, act(&e, license_insert(c, e.w, &l)));
	ck_ok(c, license_by_id(c, e.h.db, vendor_of(&e), str_of(l.id.s), &got));
	ck_assert_str_eq(got.id.s, l.id.s);
	ck_assert_str_eq(got.vendor.s, l.vendor.s);
	ck_assert_str_eq(got.customer.s, l.customer.s);
	ck_assert_str_eq(got.release.s, l.release.s);
	ck_assert_str_eq(got.policy.s, l.policy.s);
	ck_assert_str_eq(got.predecessor.s, l.predecessor.s);
	ck_str(got.reference, "PO 4711");
	ck_str(got.reason, "ordered");
	ck_assert_int_eq(got.state, 0);
	ck_assert_int_eq(got.changed, TEST_NOW + 1);
	ck_assert_int_eq(got.issued, TEST_NOW + 2);
	ck_assert_int_eq(got.not_before, TEST_NOW + 3);
	ck_assert_int_eq(got.expires, TEST_NOW + 4);
	ck_assert_int_eq(got.seats, 5);
	ck_assert_int_eq(got.seats_used, 0);
	ck_str(got.entitlements, "[\"train\"]");
	ck_assert_int_eq(got.unlocks, 0);
	ck_str(got.token, "a.b.c");
	ck_str(got.wrap, "head");
	ck_assert(digest256_same(&got.wrapped_for, &l.wrapped_for));
	ck_assert_int_eq(got.version, 1);
	ck_fails(c, E_ABSENT, license_by_id(c, e.h.db, other_of(&e), str_of(l.id.s), &got));
	estate_done(c, &e);
}
END_TEST

START_TEST(reference_is_the_vendors_own)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_new(c, &e), got;
	bool found = false;

	(void)license_added(c, &e);
	(void)license_added(c, &e); /* without one: as many as there are */
	l.reference = STR("4711");
	ck_ok(c, act(&e, license_insert(c, e.w, &l)));
	ck_ok(c, license_by_reference(c, e.h.db, vendor_of(&e), STR("4711"), &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, l.id.s);
	ck_assert_str_eq(got.predecessor.s, "");
	ck_ok(c, license_by_reference(c, e.h.db, vendor_of(&e), STR("47"), &found, &got));
	ck_assert(!found);
	ck_ok(c, license_by_reference(c, e.h.db, other_of(&e), STR("4711"), &found, &got));
	ck_assert(!found);
	ck_ok(c, license_by_reference(c, e.h.db, vendor_of(&e), STR(""), &found, &got));
	ck_assert(!found);
	l.id = id_new(c, "lic");
	ck_assert(!act(&e, license_insert(c, e.w, &l)));
	ck_assert_str_eq(c->err.at, "/reference");
	ck_err(c, E_CONFLICT);
	estate_done(c, &e);
}
END_TEST

START_TEST(license_needs_what_it_is_of)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_new(c, &e);
	struct id *const of[] = { &l.vendor, &l.customer, &l.release, &l.policy };

	for (size_t i = 0; i < COUNT(of); i++) {
		l = license_new(c, &e);
		*of[i] = id_new(c, "cus");
		ck_fails(c, E_ABSENT, act(&e, license_insert(c, e.w, &l)));
	}
	estate_done(c, &e);
}
END_TEST

START_TEST(release_stays_under_its_licenses)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct str id = str_of(e.release.id.s);
	struct license_row l;
	struct blob_row *gone;
	size_t n;

	l = license_added(c, &e);
	ck_ok(c, act(&e, license_state_put(c, e.w, &l, 2, STR("over"), TEST_NOW, 0)));
	ck_assert(!act(&e, release_delete(c, e.w, vendor_of(&e), STR(""), id, 0, &gone, &n)));
	ck_assert_ptr_nonnull(strstr(c->err.text, "licenses stand on this release"));
	ck_err(c, E_CONFLICT);
	ck_assert(has_key(c, e.h.db, &e.release.key));
	estate_done(c, &e);
}
END_TEST

/* ---- Lists ------------------------------------------------------------------------------- */

enum { VENDORS, OTHERS, ALL, ADAS, BOBS, RELEASES, NOBODYS };
/* Six licenses: of Ada and Bob by turns, in the states 0 0 1 2 3 0; and one of the other vendor. */
static const struct {
	int of, state;
	size_t n;
} filters[] = {
	{ VENDORS, -1, 6 },
	{ VENDORS, 0, 3 },
	{ VENDORS, 1, 1 },
	{ VENDORS, 2, 1 },
	{ VENDORS, 3, 1 },
	{ OTHERS, -1, 0 },
	{ OTHERS, 1, 0 },
	{ ALL, -1, 6 },
	{ ALL, 2, 1 },
	{ ADAS, -1, 3 },
	{ ADAS, 0, 1 },
	{ ADAS, 1, 1 },
	{ BOBS, -1, 3 },
	{ BOBS, 2, 1 },
	{ RELEASES, -1, 6 },
	{ RELEASES, 3, 1 },
	{ NOBODYS, -1, 0 },
};

static struct customer_row
six_licenses(struct ctx *c, struct estate *e)
{
	static const int states[] = { 0, 0, 1, 2, 3, 0 };
	struct customer_row bob = customer_new(c, &e->h.vendor, "Bob");
	sqlite3 *sql;

	ck_ok(c, act(e, customer_insert(c, e->w, &bob)));
	for (size_t i = 0; i < COUNT(states); i++) {
		struct license_row l = license_new(c, e);

		l.state = states[i];
		if (i % 2 == 1)
			l.customer = bob.id;
		ck_ok(c, act(e, license_insert(c, e->w, &l)));
	}
	/* As if there were many between them: in five blocks of the customers' index. */
	sql = raw_open(e->dir);
	raw(sql, "UPDATE license SET seq = seq * 1500");
	sqlite3_close(sql);
	return bob;
}

START_TEST(licenses_are_listed_by_what_is_asked)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct customer_row bob = six_licenses(c, &e);
	struct license_filter f = { .vendor = vendor_of(&e), .state = filters[_i].state };
	struct license_row *list;
	struct id after = { 0 };
	size_t n, pages = 0, seen = 0;

	switch (filters[_i].of) {
	case OTHERS:
		f.vendor = other_of(&e);
		break;
	case ALL:
		f.vendor = STR("");
		break;
	case ADAS:
		f.customer = str_of(e.customer.id.s);
		break;
	case BOBS:
		f.customer = str_of(bob.id.s);
		break;
	case RELEASES:
		f.release = str_of(e.release.id.s);
		break;
	case NOBODYS:
		f.vendor = other_of(&e);
		f.customer = str_of(e.customer.id.s);
		break;
	default:
		break;
	}
	for (; pages == 0 || n == 2; pages++) {
		ck_ok(c, license_list(c, e.h.db, &f, str_of(after.s), 2, &list, &n));
		for (size_t i = 0; i < n; i++) {
			ck_assert(f.customer.n > 0 || strcmp(list[i].id.s, after.s) > 0);
			ck_assert(f.state < 0 || list[i].state == f.state);
			after = list[i].id;
		}
		seen += n;
	}
	ck_assert_uint_eq(seen, filters[_i].n);
	estate_done(c, &e);
}
END_TEST

/* ---- Changes ----------------------------------------------------------------------------- */

static int64_t
changes_of(struct ctx *c, struct estate *e)
{
	struct revocation_list last;
	int64_t changes = -1;
	bool found;

	ck_ok(c, revocation_list_last(c, e->h.db, vendor_of(e), &found, &last, &changes));
	return changes;
}

/* From, to, whether that may be. */
static const struct {
	int from, to;
	bool may;
} steps[] = {
	{ 0, 0, false },
	{ 0, 1, true },
	{ 0, 2, true },
	{ 0, 3, true },
	{ 1, 0, true },
	{ 1, 1, false },
	{ 1, 2, true },
	{ 1, 3, true },
	{ 2, 0, false },
	{ 2, 1, false },
	{ 2, 2, false },
	{ 2, 3, false },
	{ 3, 0, false },
	{ 3, 1, false },
	{ 3, 2, false },
	{ 3, 3, false },
};

START_TEST(state_goes_where_it_may)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_new(c, &e), got;
	struct str id = str_of(l.id.s);
	int to = steps[_i].to;

	l.state = steps[_i].from;
	ck_ok(c, act(&e, license_insert(c, e.w, &l)));
	ck_fails(c, E_STALE,
	    act(&e, license_state_put(c, e.w, &l, to, STR("why"), TEST_NOW + 5, 2)));
	if (steps[_i].may)
		ck_ok(
		    c, act(&e, license_state_put(c, e.w, &l, to, STR("why"), TEST_NOW + 5, 1)));
	else
		ck_fails(c, E_CONFLICT,
		    act(&e, license_state_put(c, e.w, &l, to, STR("why"), TEST_NOW + 5, 1)));
	ck_ok(c, license_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, steps[_i].may ? to : l.state);
	ck_assert_int_eq(got.changed, TEST_NOW + (steps[_i].may ? 5 : 0));
	ck_assert_int_eq(got.version, steps[_i].may ? 2 : 1);
	ck_assert(str_same(got.reason, steps[_i].may ? STR("why") : STR("")));
	ck_assert_int_eq(changes_of(c, &e), steps[_i].may);
	l.vendor = e.h.other;
	ck_fails(c, E_ABSENT,
	    act(&e, license_state_put(c, e.w, &l, to, STR("why"), TEST_NOW + 5, 0)));
	estate_done(c, &e);
}
END_TEST

START_TEST(all_of_a_customer_are_revoked)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct customer_row bob = six_licenses(c, &e);
	struct license_filter his = { vendor_of(&e), str_of(bob.id.s), STR(""), -1 },
			      hers = { vendor_of(&e), str_of(e.customer.id.s), STR(""), -1 };
	struct license_row *l;
	struct id *gone;
	size_t n = 0;

	/* Of Ada's three, one was transferred; of Bob's, one revoked. */
	ck_fails(c, E_CONFLICT,
	    act(&e, license_revoke_all(c, e.w, &bob, STR("gone"), TEST_NOW + 5, 1, &gone, &n)));
	ck_assert_int_eq(changes_of(c, &e), 0);
	ck_ok(c,
	    act(&e, license_revoke_all(c, e.w, &bob, STR("gone"), TEST_NOW + 5, 2, &gone, &n)));
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(changes_of(c, &e), 1);
	ck_ok(c, license_list(c, e.h.db, &his, STR(""), 9, &l, &n));
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++) {
		bool now = strcmp(l[i].id.s, gone[0].s) == 0 ||
		    strcmp(l[i].id.s, gone[1].s) == 0;

		ck_assert_int_eq(l[i].state, 2);
		ck_assert_int_eq(l[i].version, now ? 2 : 1);
		ck_assert_int_eq(l[i].changed, TEST_NOW + (now ? 5 : 0));
		ck_assert(str_same(l[i].reason, now ? STR("gone") : STR("")));
	}
	hers.state = 2;
	ck_ok(c, license_list(c, e.h.db, &hers, STR(""), 9, &l, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c,
	    act(&e, license_revoke_all(c, e.w, &bob, STR("gone"), TEST_NOW + 5, 0, &gone, &n)));
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(changes_of(c, &e), 1);
	estate_done(c, &e);
}
END_TEST

START_TEST(renewal_changes_the_terms)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e), got;
	struct lease_row lease = { l.id, STR("m"), TEST_NOW, TEST_NOW + 9 };
	bool new;

	for (int i = 0; i < 2; i++) {
		lease.machine = i == 0 ? STR("a") : STR("b");
		ck_ok(c, act(&e, lease_put(c, e.w, &lease, &new)));
	}
	l.not_before = TEST_NOW + 1;
	l.expires = TEST_NOW + 2;
	l.entitlements = STR("[\"x\"]");
	l.token = STR("d.e.f");
	l.seats = 1;
	ck_assert(!act(&e, license_renew(c, e.w, &l, 1)));
	ck_assert_str_eq(c->err.at, "/seats");
	ck_err(c, E_CONFLICT);
	l.seats = 9;
	ck_fails(c, E_STALE, act(&e, license_renew(c, e.w, &l, 2)));
	ck_ok(c, act(&e, license_renew(c, e.w, &l, 1)));
	ck_ok(c, license_by_id(c, e.h.db, vendor_of(&e), str_of(l.id.s), &got));
	ck_assert_int_eq(got.not_before, TEST_NOW + 1);
	ck_assert_int_eq(got.expires, TEST_NOW + 2);
	ck_assert_int_eq(got.seats, 9);
	ck_assert_int_eq(got.seats_used, 2);
	ck_str(got.entitlements, "[\"x\"]");
	ck_str(got.token, "d.e.f");
	ck_assert_int_eq(got.version, 2);
	/* Only what is on a list can come back to one. */
	ck_assert_int_eq(changes_of(c, &e), 0);
	ck_ok(c, act(&e, license_state_put(c, e.w, &l, 1, STR(""), TEST_NOW, 0)));
	ck_ok(c, act(&e, license_renew(c, e.w, &l, 0)));
	ck_assert_int_eq(changes_of(c, &e), 2);
	l.vendor = e.h.other;
	ck_fails(c, E_ABSENT, act(&e, license_renew(c, e.w, &l, 0)));
	estate_done(c, &e);
}
END_TEST

START_TEST(unlocks_are_counted)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e), got;
	struct digest256 key = digest_of(c, "key");
	struct str id = str_of(l.id.s);

	for (int i = 0; i < 3; i++)
		ck_ok(c, act(&e, license_unlocked(c, e.w, id)));
	ck_ok(c, act(&e, license_wrap_put(c, e.w, id, STR("head"), &key)));
	ck_ok(c, license_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.unlocks, 3);
	ck_str(got.wrap, "head");
	ck_assert(digest256_same(&got.wrapped_for, &key));
	ck_assert_int_eq(got.version, 1);
	ck_fails(c, E_ABSENT, act(&e, license_unlocked(c, e.w, STR("lic_nobody"))));
	ck_fails(
	    c, E_ABSENT, act(&e, license_wrap_put(c, e.w, STR("lic_nobody"), STR(""), &key)));
	estate_done(c, &e);
}
END_TEST

/* ---- The schema -------------------------------------------------------------------------- */

START_TEST(schema_refuses_what_no_code_should_write)
{
	static const char *const bad[] = {
		"UPDATE customer SET id = 'lic_' || substr(id, 5)",
		"UPDATE customer SET number = 0",
		"UPDATE customer SET number = 4294967296",
		"UPDATE customer SET name = ''",
		"UPDATE customer SET name_folded = ''",
		"UPDATE customer SET state = 3",
		"UPDATE customer SET state = 2",
		"UPDATE customer SET jwk = '{}'",
		"UPDATE customer SET enrolled = 1",
		"UPDATE customer SET code = x'00'",
		"UPDATE policy SET terms = ''",
		"UPDATE policy SET retired = 2",
		"UPDATE license SET state = 4",
		"UPDATE license SET seats = 0",
		"UPDATE license SET seats_used = 3",
		"UPDATE license SET seats_used = -1",
		"UPDATE license SET customer = 'cus_nobody'",
		"UPDATE license SET policy = 'pol_nobody'",
		"UPDATE license SET wrapped_for = x'00'",
		"INSERT INTO lease SELECT id, 'c', 1, 1 FROM license",
		"INSERT INTO lease SELECT 'lic_nobody', 'c', 1, 1",
		"UPDATE lease SET machine = ''",
		"UPDATE lease SET expires = 0",
		"UPDATE vendor SET customers = -1",
		"DELETE FROM license",
		"DELETE FROM customer",
		"DELETE FROM policy",
		"DELETE FROM model_release",
	};
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e);
	struct lease_row lease = { l.id, STR("a"), TEST_NOW, TEST_NOW + 9 };
	sqlite3 *sql;
	bool new;

	ck_ok(c, act(&e, lease_put(c, e.w, &lease, &new)));
	lease.machine = STR("b");
	ck_ok(c, act(&e, lease_put(c, e.w, &lease, &new)));
	estate_done(c, &e);
	sql = raw_open(e.dir);
	raw(sql, "PRAGMA foreign_keys = ON");
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(sqlite3_exec(sql, bad[i], NULL, NULL, NULL) == SQLITE_CONSTRAINT,
		    "%s: %s", bad[i], sqlite3_errmsg(sql));
	sqlite3_close(sql);
}
END_TEST

MAIN("store_licensing", ONE(license_comes_out_as_it_went_in), ONE(reference_is_the_vendors_own),
    ONE(license_needs_what_it_is_of), ONE(release_stays_under_its_licenses),
    EACH(licenses_are_listed_by_what_is_asked, filters), EACH(state_goes_where_it_may, steps),
    ONE(all_of_a_customer_are_revoked), ONE(renewal_changes_the_terms),
    ONE(unlocks_are_counted), ONE(schema_refuses_what_no_code_should_write))
