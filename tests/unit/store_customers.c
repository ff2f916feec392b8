/*
 * Customers and policies as rows: numbered once, named once whatever the case, enrolled by a code
 * that is good once, and forgotten for good; terms that stay while a license stands on them.
 */
#include "licensing_support.h"

#include <stdio.h>

START_TEST(customer_has_a_number_and_a_name)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct customer_row bob = customer_new(c, &e.h.vendor, "Bob"), got, *list,
			    ada = customer_new(c, &e.h.vendor, "ADA \xef\xbc\x86 sons"),
			    foreign = customer_new(c, &e.h.other, "Ada & Sons"),
			    nobodys = customer_new(c, &e.h.other, "Cleo");
	struct str id = str_of(e.customer.id.s);
	size_t n;

	ck_assert_int_eq(e.customer.number, 1);
	ck_assert_int_eq(e.customer.version, 1);
	/* Another spelling of the same name; what is refused takes no number. */
	ck_assert(!act(&e, customer_insert(c, e.w, &ada)));
	ck_assert_str_eq(c->err.at, "/name");
	ck_err(c, E_CONFLICT);
	ck_ok(c, act(&e, customer_insert(c, e.w, &bob)));
	ck_assert_int_eq(bob.number, 2);
	ck_ok(c, act(&e, customer_insert(c, e.w, &foreign)));
	ck_assert_int_eq(foreign.number, 1);
	nobodys.vendor = id_new(c, "ven");
	ck_fails(c, E_ABSENT, act(&e, customer_insert(c, e.w, &nobodys)));

	ck_ok(c, customer_by_name(c, e.h.db, vendor_of(&e), STR("ada & SONS"), &got));
	ck_assert_str_eq(got.id.s, e.customer.id.s);
	ck_assert_str_eq(got.vendor.s, e.h.vendor.s);
	ck_str(got.name, "Ada & Sons");
	ck_str(got.email, "ada@example.org");
	ck_str(got.jwk, "");
	ck_assert_int_eq(got.state, CUSTOMER_ACTIVE);
	ck_assert_int_eq(got.enrolled, 0);
	ck_assert_int_eq(got.code_expires, 0);
	ck_assert_int_eq(got.created, TEST_NOW);
	ck_assert_int_eq(got.version, 1);
	ck_fails(c, E_ABSENT, customer_by_name(c, e.h.db, vendor_of(&e), STR("Cleo"), &got));
	ck_ok(c, customer_by_name(c, e.h.db, other_of(&e), STR("ada & sons"), &got));
	ck_assert_str_eq(got.id.s, foreign.id.s);

	ck_ok(c, customer_by_id(c, e.h.db, STR(""), id, &got));
	ck_ok(c, customer_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_fails(c, E_ABSENT, customer_by_id(c, e.h.db, other_of(&e), id, &got));
	ck_ok(c, customer_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, customer_list(c, e.h.db, vendor_of(&e), str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, customer_list(c, e.h.db, other_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(list[0].id.s, foreign.id.s);
	estate_done(c, &e);
}
END_TEST

START_TEST(customer_changes_as_it_was_read)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct customer_row bob = customer_new(c, &e.h.vendor, "Bob"), got;
	struct str id = str_of(bob.id.s);

	ck_ok(c, act(&e, customer_insert(c, e.w, &bob)));
	bob.name = STR("BOB");
	bob.email = STR("bob@example.org");
	ck_fails(c, E_STALE, act(&e, customer_rename(c, e.w, &bob, 2)));
	ck_ok(c, act(&e, customer_rename(c, e.w, &bob, 1)));
	ck_ok(c, act(&e, customer_rename(c, e.w, &bob, 0)));
	ck_ok(c, customer_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_str(got.name, "BOB");
	ck_str(got.email, "bob@example.org");
	ck_assert_int_eq(got.version, 3);
	bob.name = STR("ada & sons");
	ck_fails(c, E_CONFLICT, act(&e, customer_rename(c, e.w, &bob, 3)));
	bob.vendor = e.h.other;
	ck_fails(c, E_ABSENT, act(&e, customer_rename(c, e.w, &bob, 3)));

	ck_fails(c, E_STALE, act(&e, customer_suspend(c, e.w, id, true, 2)));
	ck_fails(c, E_CONFLICT, act(&e, customer_suspend(c, e.w, id, false, 3)));
	ck_ok(c, act(&e, customer_suspend(c, e.w, id, true, 3)));
	ck_fails(c, E_CONFLICT, act(&e, customer_suspend(c, e.w, id, true, 0)));
	ck_ok(c, customer_by_name(c, e.h.db, vendor_of(&e), STR("bob"), &got));
	ck_assert_int_eq(got.state, CUSTOMER_SUSPENDED);
	ck_ok(c, act(&e, customer_suspend(c, e.w, id, false, 4)));
	ck_ok(c, customer_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, CUSTOMER_ACTIVE);
	ck_assert_int_eq(got.version, 5);
	ck_fails(c, E_ABSENT, act(&e, customer_suspend(c, e.w, STR("cus_nobody"), true, 0)));
	estate_done(c, &e);
}
END_TEST

START_TEST(code_enrols_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct digest256 code = digest_of(c, "code"), second = digest_of(c, "second"),
			 one = digest_of(c, "one"), two = digest_of(c, "two"), zero = { 0 };
	struct str id = str_of(e.customer.id.s);
	struct customer_row got;
	bool found = true;

	ck_ok(c, customer_by_code(c, e.h.db, &zero, &found, &got));
	ck_assert(!found); /* of all who have no code */
	/* No key but by a code. */
	ck_fails(c, E_CONFLICT,
	    act(&e, customer_key_put(c, e.w, id, STR("{}"), &one, TEST_NOW, false)));
	ck_fails(c, E_CONFLICT,
	    act(&e, customer_key_put(c, e.w, id, STR("{}"), &one, TEST_NOW, true)));
	ck_fails(c, E_STALE, act(&e, customer_code_put(c, e.w, id, &code, TEST_NOW, 7)));
	ck_ok(c, act(&e, customer_code_put(c, e.w, id, &code, TEST_NOW + 9, 1)));
	ck_ok(c, customer_by_code(c, e.h.db, &second, &found, &got));
	ck_assert(!found);
	ck_ok(c, customer_by_code(c, e.h.db, &code, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, id.p);
	ck_assert_int_eq(got.code_expires, TEST_NOW + 9);
	ck_assert_int_eq(got.code_spent, 0);

	ck_ok(c, act(&e, customer_key_put(c, e.w, id, STR("{1}"), &one, TEST_NOW + 1, true)));
	ck_fails(c, E_CONFLICT,
	    act(&e, customer_key_put(c, e.w, id, STR("{2}"), &two, TEST_NOW + 2, true)));
	ck_ok(c, customer_by_code(c, e.h.db, &code, &found, &got));
	ck_assert(found);
	ck_str(got.jwk, "{1}");
	ck_assert(digest256_same(&got.thumbprint, &one));
	ck_assert_int_eq(got.enrolled, TEST_NOW + 1);
	ck_assert_int_eq(got.code_spent, TEST_NOW + 1);
	ck_assert_int_eq(got.version, 3);
	ck_ok(c, act(&e, customer_key_put(c, e.w, id, STR("{2}"), &two, TEST_NOW + 5, false)));
	ck_ok(c, customer_by_id(c, e.h.db, STR(""), id, &got));
	ck_str(got.jwk, "{2}");
	ck_assert(digest256_same(&got.thumbprint, &two));
	ck_assert_int_eq(got.enrolled, TEST_NOW + 1);

	/* A lost key: a new code, and the old one is nobody's. */
	ck_ok(c, act(&e, customer_code_put(c, e.w, id, &second, TEST_NOW + 99, 0)));
	ck_ok(c, customer_by_code(c, e.h.db, &code, &found, &got));
	ck_assert(!found);
	ck_ok(c, act(&e, customer_key_put(c, e.w, id, STR("{3}"), &one, TEST_NOW + 7, true)));
	ck_ok(c, customer_by_id(c, e.h.db, STR(""), id, &got));
	ck_assert_int_eq(got.enrolled, TEST_NOW + 7);
	estate_done(c, &e);
}
END_TEST

/* Does the text stand anywhere in the file? */
static bool
file_holds(struct ctx *c, const char *dir, struct str text)
{
	struct str all;

	ck_ok(c, file_read(c, -1, test_path(dir, "hallmark.db"), 32 << 20, &all));
	return memmem(all.p, all.n, text.p, text.n) != NULL;
}

START_TEST(erased_customer_leaves_a_number)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct digest256 key = digest_of(c, "key"), zero = { 0 };
	struct str id = str_of(e.customer.id.s), jwk = STR("{\"x\":\"the only key of Ada\"}");
	struct customer_row again = customer_new(c, &e.h.vendor, "ada & sons"), got;
	bool found = true;

	ck_ok(c, act(&e, customer_code_put(c, e.w, id, &key, TEST_NOW, 0)));
	ck_ok(c, act(&e, customer_key_put(c, e.w, id, jwk, &key, TEST_NOW, true)));
	ck_fails(c, E_STALE, act(&e, customer_erase(c, e.w, id, 1)));
	ck_ok(c, act(&e, customer_erase(c, e.w, id, 3)));
	ck_ok(c, customer_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_int_eq(got.state, CUSTOMER_ERASED);
	ck_assert_int_eq(got.number, 1);
	ck_assert_int_eq(got.version, 4);
	ck_str(got.name, "");
	ck_str(got.email, "");
	ck_str(got.jwk, "");
	ck_assert(digest256_same(&got.thumbprint, &zero));
	ck_assert(digest256_same(&got.code, &zero));
	ck_assert_int_eq(got.enrolled + got.code_expires + got.code_spent, 0);
	ck_ok(c, customer_by_code(c, e.h.db, &key, &found, &got));
	ck_assert(!found);

	/* Nothing brings it back. */
	ck_fails(c, E_CONFLICT, act(&e, customer_rename(c, e.w, &e.customer, 0)));
	ck_fails(c, E_CONFLICT, act(&e, customer_suspend(c, e.w, id, false, 0)));
	ck_fails(c, E_CONFLICT, act(&e, customer_code_put(c, e.w, id, &key, TEST_NOW, 0)));
	ck_fails(
	    c, E_CONFLICT, act(&e, customer_key_put(c, e.w, id, jwk, &key, TEST_NOW, true)));
	ck_fails(c, E_CONFLICT, act(&e, customer_erase(c, e.w, id, 0)));
	/* The name is free again, the number is not; and many may be erased. */
	ck_ok(c, act(&e, customer_insert(c, e.w, &again)));
	ck_assert_int_eq(again.number, 2);
	ck_ok(c, act(&e, customer_erase(c, e.w, str_of(again.id.s), 0)));
	ck_fails(c, E_ABSENT, customer_by_name(c, e.h.db, vendor_of(&e), STR(""), &got));

	estate_done(c, &e);
	ck_assert(file_holds(c, e.dir, id));
	ck_assert(!file_holds(c, e.dir, STR("ada@example.org")));
	ck_assert(!file_holds(c, e.dir, STR("Ada & Sons")));
	ck_assert(!file_holds(c, e.dir, STR("ada & sons")));
	ck_assert(!file_holds(c, e.dir, STR("the only key of Ada")));
	ck_assert(!file_holds(c, e.dir, (struct str){ (const char *)key.b, sizeof key.b }));
}
END_TEST

START_TEST(neighbour_answers_for_who_is_not_there)
{
	static const char *const asked[] = { "", "cus_0", "cus_zz" };
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct customer_row got;
	bool found = false;

	ck_ok(c, customer_or_neighbour(c, e.h.db, str_of(e.customer.id.s), &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, e.customer.id.s);
	for (size_t i = 0; i < COUNT(asked); i++) {
		ck_ok(c, customer_or_neighbour(c, e.h.db, str_of(asked[i]), &found, &got));
		ck_assert(found);
		ck_str(got.email, "ada@example.org");
	}
	estate_done(c, &e);
}
END_TEST

START_TEST(nobody_has_no_neighbour)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct customer_row got;
	bool found = true;

	ck_ok(c, customer_or_neighbour(c, h.db, STR("cus_x"), &found, &got));
	ck_assert(!found);
	house_done(c, &h);
}
END_TEST

/* ---- Policies ---------------------------------------------------------------------------- */

START_TEST(policy_is_named_and_changed)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct policy_row p = policy_new(c, &e.h.vendor, "STANDARD"), got, *list;
	size_t n;

	ck_assert(!act(&e, policy_insert(c, e.w, &p)));
	ck_assert_str_eq(c->err.at, "/name");
	ck_err(c, E_CONFLICT);
	p.vendor = e.h.other;
	ck_ok(c, act(&e, policy_insert(c, e.w, &p)));
	p = policy_new(c, &e.h.vendor, "Trial");
	ck_ok(c, act(&e, policy_insert(c, e.w, &p)));
	ck_ok(c, policy_by_name(c, e.h.db, vendor_of(&e), STR("TRIAL"), &got));
	ck_assert_str_eq(got.id.s, p.id.s);
	ck_assert_str_eq(got.vendor.s, e.h.vendor.s);
	ck_str(got.terms, "{\"seats\":2}");
	ck_assert(!got.retired);
	ck_assert_int_eq(got.created, TEST_NOW);
	ck_fails(c, E_ABSENT, policy_by_name(c, e.h.db, other_of(&e), STR("trial"), &got));
	ck_fails(c, E_ABSENT, policy_by_id(c, e.h.db, other_of(&e), str_of(p.id.s), &got));
	ck_ok(c, policy_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, policy_list(c, e.h.db, vendor_of(&e), str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);

	p.name = STR("Short trial");
	p.terms = STR("{}");
	p.retired = true;
	ck_fails(c, E_STALE, act(&e, policy_change(c, e.w, &p, 2)));
	ck_ok(c, act(&e, policy_change(c, e.w, &p, 1)));
	ck_ok(c, policy_by_id(c, e.h.db, vendor_of(&e), str_of(p.id.s), &got));
	ck_str(got.name, "Short trial");
	ck_str(got.terms, "{}");
	ck_assert(got.retired);
	ck_assert_int_eq(got.version, 2);
	p.name = STR("standard");
	ck_fails(c, E_CONFLICT, act(&e, policy_change(c, e.w, &p, 0)));
	p.vendor = e.h.other;
	ck_fails(c, E_ABSENT, act(&e, policy_change(c, e.w, &p, 0)));
	p.id = id_new(c, "pol");
	p.name = STR("Other");
	p.vendor = id_new(c, "ven");
	ck_fails(c, E_ABSENT, act(&e, policy_insert(c, e.w, &p)));
	estate_done(c, &e);
}
END_TEST

START_TEST(policy_stays_under_its_licenses)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct policy_row p = policy_new(c, &e.h.vendor, "Trial"), got;
	struct license_row l = license_added(c, &e);
	struct str id = str_of(p.id.s);

	ck_assert_str_eq(l.policy.s, e.policy.id.s);
	ck_assert(!act(&e, policy_delete(c, e.w, vendor_of(&e), str_of(l.policy.s), 1)));
	ck_assert_ptr_nonnull(strstr(c->err.text, "retire"));
	ck_err(c, E_CONFLICT);
	ck_ok(c, act(&e, policy_insert(c, e.w, &p)));
	ck_fails(c, E_STALE, act(&e, policy_delete(c, e.w, vendor_of(&e), id, 2)));
	ck_fails(c, E_ABSENT, act(&e, policy_delete(c, e.w, other_of(&e), id, 1)));
	ck_ok(c, act(&e, policy_delete(c, e.w, vendor_of(&e), id, 1)));
	ck_fails(c, E_ABSENT, act(&e, policy_delete(c, e.w, vendor_of(&e), id, 0)));
	ck_fails(c, E_ABSENT, policy_by_id(c, e.h.db, vendor_of(&e), id, &got));
	estate_done(c, &e);
}
END_TEST

MAIN("store_customers", ONE(customer_has_a_number_and_a_name),
    ONE(customer_changes_as_it_was_read), ONE(code_enrols_once),
    ONE(erased_customer_leaves_a_number), ONE(neighbour_answers_for_who_is_not_there),
    ONE(nobody_has_no_neighbour), ONE(policy_is_named_and_changed),
    ONE(policy_stays_under_its_licenses))
