/*
 * Seats as rows: S seats are S leases and never one more, whoever asks at the same time; what has
 * lapsed is free. And what else hangs on a license: machines, approvals, deliveries; and the lists
 * that say which licenses are over.
 */
#include "licensing_support.h"

#include <pthread.h>

static int64_t
used(struct ctx *c, struct estate *e, const struct license_row *l)
{
	struct license_row got;

	ck_ok(c, license_by_id(c, e->h.db, vendor_of(e), str_of(l->id.s), &got));
	return got.seats_used;
}

static struct lease_row
lease_of(const struct license_row *l, const char *machine, int64_t expires)
{
	return (struct lease_row){ l->id, str_of(machine), TEST_NOW, TEST_NOW + expires };
}

START_TEST(seats_are_as_many_as_they_are)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e);
	struct lease_row a = lease_of(&l, "a", 10), b = lease_of(&l, "b", 20),
			 third = lease_of(&l, "c", 30), got, *list;
	struct str id = str_of(l.id.s);
	bool new = false, found = false;
	size_t n;

	ck_ok(c, act(&e, lease_put(c, e.w, &a, &new)));
	ck_assert(new);
	ck_ok(c, act(&e, lease_put(c, e.w, &b, &new)));
	ck_assert(new);
	ck_fails(c, E_CONFLICT, act(&e, lease_put(c, e.w, &third, &new)));
	ck_assert_int_eq(used(c, &e, &l), 2);
	/* Who has a seat keeps it, since when he had it. */
	a.claimed = TEST_NOW + 5;
	a.expires = TEST_NOW + 40;
	ck_ok(c, act(&e, lease_put(c, e.w, &a, &new)));
	ck_assert(!new);
	ck_assert_int_eq(used(c, &e, &l), 2);
	ck_ok(c, lease_find(c, e.h.db, id, STR("a"), &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.license.s, l.id.s);
	ck_str(got.machine, "a");
	ck_assert_int_eq(got.claimed, TEST_NOW);
	ck_assert_int_eq(got.expires, TEST_NOW + 40);
	ck_ok(c, lease_find(c, e.h.db, id, STR("c"), &found, &got));
	ck_assert(!found);
	ck_ok(c, lease_list(c, e.h.db, id, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, lease_list(c, e.h.db, id, STR("a"), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_str(list[0].machine, "b");

	ck_ok(c, act(&e, lease_delete(c, e.w, id, STR("c"), &found)));
	ck_assert(!found);
	ck_ok(c, act(&e, lease_delete(c, e.w, id, STR("b"), &found)));
	ck_assert(found);
	ck_assert_int_eq(used(c, &e, &l), 1);
	ck_ok(c, act(&e, lease_put(c, e.w, &third, &new)));
	ck_assert(new);
	estate_done(c, &e);
}
END_TEST

START_TEST(lapsed_seats_are_free)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e), m = license_added(c, &e);
	struct lease_row a = lease_of(&l, "a", 10), b = lease_of(&l, "b", 20),
			 other = lease_of(&m, "a", 10), third = lease_of(&l, "c", 30);
	struct str id = str_of(l.id.s);
	int64_t n = -1;
	bool new;

	ck_ok(c, act(&e, lease_put(c, e.w, &a, &new)));
	ck_ok(c, act(&e, lease_put(c, e.w, &b, &new)));
	ck_ok(c, act(&e, lease_put(c, e.w, &other, &new)));
	/* It holds until that moment, and no longer. */
	ck_ok(c, act(&e, lease_sweep(c, e.w, id, TEST_NOW + 9)));
	ck_ok(c, lease_lapsed(c, e.h.db, id, TEST_NOW + 9, &n));
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(used(c, &e, &l), 2);
	ck_fails(c, E_CONFLICT, act(&e, lease_put(c, e.w, &third, &new)));
	ck_ok(c, lease_lapsed(c, e.h.db, id, TEST_NOW + 10, &n));
	ck_assert_int_eq(n, 1);
	ck_ok(c, act(&e, lease_sweep(c, e.w, id, TEST_NOW + 10)));
	ck_assert_int_eq(used(c, &e, &l), 1);
	ck_assert_int_eq(used(c, &e, &m), 1); /* another license's */
	ck_ok(c, act(&e, lease_put(c, e.w, &third, &new)));
	ck_ok(c, act(&e, lease_delete_all(c, e.w, id, &n)));
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(used(c, &e, &l), 0);
	ck_assert_int_eq(used(c, &e, &m), 1);
	estate_done(c, &e);
}
END_TEST

START_TEST(reaper_takes_the_oldest)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_new(c, &e);
	size_t n = 9;
	bool new, found;
	struct lease_row got;

	l.seats = 5;
	ck_ok(c, act(&e, license_insert(c, e.w, &l)));
	for (size_t i = 0; i < COUNT(names); i++) {
		struct lease_row r = lease_of(&l, names[i], 50 - 10 * (int64_t)i);

		ck_ok(c, act(&e, lease_put(c, e.w, &r, &new)));
	}
	ck_ok(c, act(&e, lease_reap(c, e.w, TEST_NOW + 9, 9, &n)));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, act(&e, lease_reap(c, e.w, TEST_NOW + 30, 2, &n)));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, lease_find(c, e.h.db, str_of(l.id.s), STR("c"), &found, &got));
	ck_assert(found); /* the two that lapsed first were taken */
	ck_ok(c, act(&e, lease_reap(c, e.w, TEST_NOW + 30, 2, &n)));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(used(c, &e, &l), 2);
	estate_done(c, &e);
}
END_TEST

/* ---- Everybody at once ------------------------------------------------------------------- */

enum { CLAIMERS = 8, TRIES = 40, SEATS = 10, ROUNDS = 5 };
struct claimer {
	struct store *s;
	struct id license;
	int number;
	_Atomic int *won, *lost, *wrong;
};

static bool
do_claim(struct ctx *c, struct db *db, void *arg)
{
	bool new;

	return lease_put(c, db, arg, &new);
}

static void *
claimer_main(void *arg)
{
	struct claimer *me = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "claimer");

	for (int i = 0; i < TRIES; i++) {
		char name[] = { (char)('A' + me->number), (char)('A' + i), '\0' };
		struct lease_row l = { me->license, str_of(name), 1, INT64_MAX };

		arena_reset(mem);
		c.err = (struct err){ 0 };
		if (doing_quietly(&c, me->s, do_claim, &l))
			++*me->won;
		else if (c.err.code == E_CONFLICT)
			++*me->lost;
		else
			++*me->wrong;
	}
	arena_free(&mem);
	return NULL;
}

START_TEST(no_seat_is_given_twice)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);

	for (int round = 0; round < ROUNDS; round++) {
		struct license_row l = license_new(c, &e);
		_Atomic int won = 0, lost = 0, wrong = 0;
		struct claimer claimer[CLAIMERS];
		pthread_t thread[CLAIMERS];

		l.seats = SEATS;
		ck_ok(c, act(&e, license_insert(c, e.w, &l)));
		for (int i = 0; i < CLAIMERS; i++) {
			claimer[i] = (struct claimer){ e.h.s, l.id, i, &won, &lost, &wrong };
			ck_assert_int_eq(
			    pthread_create(&thread[i], NULL, claimer_main, &claimer[i]), 0);
		}
		for (int i = 0; i < CLAIMERS; i++)
			pthread_join(thread[i], NULL);
		ck_assert_int_eq(won, SEATS);
		ck_assert_int_eq(lost, CLAIMERS * TRIES - SEATS);
		ck_assert_int_eq(wrong, 0);
		ck_assert_int_eq(used(c, &e, &l), SEATS);
	}
	estate_done(c, &e);
}
END_TEST

/* ---- Machines and approvals -------------------------------------------------------------- */

START_TEST(machines_are_bound_and_released)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e), other = license_added(c, &e);
	struct str id = str_of(l.id.s), one = STR("\0\1one"), two = STR("\0\1two"), *list;
	int64_t released = -1;
	size_t n;

	ck_ok(c, machine_list(c, e.h.db, id, &list, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, act(&e, machine_bind(c, e.w, id, two, TEST_NOW)));
	ck_ok(c, act(&e, machine_bind(c, e.w, id, one, TEST_NOW)));
	ck_ok(c, act(&e, machine_bind(c, e.w, id, one, TEST_NOW + 1))); /* as it is */
	ck_ok(c, act(&e, machine_bind(c, e.w, str_of(other.id.s), one, TEST_NOW)));
	ck_fails(c, E_ABSENT, act(&e, machine_bind(c, e.w, STR("lic_nobody"), one, TEST_NOW)));
	ck_ok(c, machine_list(c, e.h.db, id, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert(str_same(list[0], one));
	ck_assert(str_same(list[1], two));
	ck_ok(c, act(&e, machine_release(c, e.w, id, two, &released)));
	ck_assert_int_eq(released, 1);
	ck_ok(c, act(&e, machine_release(c, e.w, id, two, &released)));
	ck_assert_int_eq(released, 0);
	ck_ok(c, act(&e, machine_bind(c, e.w, id, two, TEST_NOW)));
	ck_ok(c, act(&e, machine_release(c, e.w, id, STR(""), &released)));
	ck_assert_int_eq(released, 2);
	ck_ok(c, machine_list(c, e.h.db, str_of(other.id.s), &list, &n));
	ck_assert_uint_eq(n, 1);
	estate_done(c, &e);
}
END_TEST

START_TEST(approvals_are_distinct_tokens)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e), other = license_added(c, &e);
	struct id one = id_new(c, "tok"), two = id_new(c, "tok");
	struct str id = str_of(l.id.s);
	int64_t n = -1;

	ck_ok(c, act(&e, approval_insert(c, e.w, id, str_of(one.s), TEST_NOW)));
	ck_ok(c, act(&e, approval_insert(c, e.w, id, str_of(one.s), TEST_NOW + 1)));
	ck_ok(c, act(&e, approval_insert(c, e.w, id, str_of(two.s), TEST_NOW)));
	ck_fails(c, E_ABSENT,
	    act(&e, approval_insert(c, e.w, STR("lic_nobody"), str_of(two.s), TEST_NOW)));
	ck_ok(c, approval_count(c, e.h.db, id, &n));
	ck_assert_int_eq(n, 2);
	ck_ok(c, approval_count(c, e.h.db, str_of(other.id.s), &n));
	ck_assert_int_eq(n, 0);
	for (int i = 0; i < 2; i++) {
		ck_ok(c, act(&e, approval_delete(c, e.w, id, str_of(one.s))));
		ck_ok(c, approval_count(c, e.h.db, id, &n));
		ck_assert_int_eq(n, 1);
	}
	estate_done(c, &e);
}
END_TEST

/* ---- Deliveries -------------------------------------------------------------------------- */

START_TEST(delivery_is_spent_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct license_row l = license_added(c, &e);
	struct delivery_row d = { id_new(c, "dlv"), l.id, digest_of(c, "secret"), TEST_NOW + 9,
		0, TEST_NOW },
			    later = { id_new(c, "dlv"), l.id, digest_of(c, "later"),
				    TEST_NOW + 10, 0, TEST_NOW },
			    got, *list;
	struct digest256 wrong = d.digest;
	bool found = true;
	size_t n;

	ck_ok(c, act(&e, delivery_insert(c, e.w, &d)));
	ck_ok(c, act(&e, delivery_insert(c, e.w, &later)));
	wrong.b[31] ^= 1; /* behind what the index sees */
	ck_ok(c, delivery_by_digest(c, e.h.db, &wrong, &found, &got));
	ck_assert(!found);
	ck_ok(c, act(&e, delivery_spend(c, e.w, str_of(d.id.s), TEST_NOW + 3)));
	ck_fails(c, E_CONFLICT, act(&e, delivery_spend(c, e.w, str_of(d.id.s), TEST_NOW + 4)));
	ck_ok(c, delivery_by_digest(c, e.h.db, &d.digest, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, d.id.s);
	ck_assert_str_eq(got.license.s, l.id.s);
	ck_assert(digest256_same(&got.digest, &d.digest));
	ck_assert_int_eq(got.expires, TEST_NOW + 9);
	ck_assert_int_eq(got.spent, TEST_NOW + 3);
	ck_assert_int_eq(got.created, TEST_NOW);
	ck_ok(c, delivery_list(c, e.h.db, str_of(l.id.s), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, delivery_list(c, e.h.db, str_of(l.id.s), str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, act(&e, delivery_prune(c, e.w, TEST_NOW + 10, 9, &n)));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, delivery_by_digest(c, e.h.db, &later.digest, &found, &got));
	ck_assert(found);
	later.id = id_new(c, "dlv");
	later.license = id_new(c, "lic");
	later.digest = wrong;
	ck_fails(c, E_ABSENT, act(&e, delivery_insert(c, e.w, &later)));
	estate_done(c, &e);
}
END_TEST

/* ---- Revocations ------------------------------------------------------------------------- */

START_TEST(lists_are_numbered_without_gaps)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct revocation_list r = { e.h.vendor, 1, 0, TEST_NOW, TEST_NOW + 9, STR("a.b.c") },
			       got;
	int64_t n = -1;
	bool found = true;

	ck_ok(c, revocation_list_last(c, e.h.db, vendor_of(&e), &found, &got, &n));
	ck_assert(!found);
	ck_assert_int_eq(n, 0);
	ck_ok(c, revocation_list_number(c, e.h.db, vendor_of(&e), &n));
	ck_assert_int_eq(n, 0);
	ck_fails(
	    c, E_ABSENT, revocation_list_last(c, e.h.db, STR("ven_nobody"), &found, &got, &n));
	r.number = 2;
	ck_fails(c, E_CONFLICT, act(&e, revocation_list_put(c, e.w, &r)));
	r.number = 1;
	ck_ok(c, act(&e, revocation_list_put(c, e.w, &r)));
	ck_fails(c, E_CONFLICT, act(&e, revocation_list_put(c, e.w, &r)));
	r = (struct revocation_list){ e.h.vendor, 2, 7, TEST_NOW + 5, TEST_NOW + 50,
		STR("d.e.f") };
	ck_ok(c, act(&e, revocation_list_put(c, e.w, &r)));
	ck_fails(c, E_CONFLICT, act(&e, revocation_list_put(c, e.w, &r)));
	ck_ok(c, revocation_list_last(c, e.h.db, vendor_of(&e), &found, &got, &n));
	ck_assert(found);
	ck_assert_str_eq(got.vendor.s, e.h.vendor.s);
	ck_assert_int_eq(got.number, 2);
	ck_assert_int_eq(got.changes, 7);
	ck_assert_int_eq(got.this_update, TEST_NOW + 5);
	ck_assert_int_eq(got.next_update, TEST_NOW + 50);
	ck_str(got.token, "d.e.f");
	ck_ok(c, revocation_list_number(c, e.h.db, vendor_of(&e), &n));
	ck_assert_int_eq(n, 2);
	ck_ok(c, revocation_list_number(c, e.h.db, other_of(&e), &n));
	ck_assert_int_eq(n, 0);
	r = (struct revocation_list){ id_new(c, "ven"), 1, 0, TEST_NOW, TEST_NOW + 9,
		STR("a.b.c") };
	ck_fails(c, E_ABSENT, act(&e, revocation_list_put(c, e.w, &r)));
	estate_done(c, &e);
}
END_TEST

START_TEST(list_names_what_is_over_but_not_expired)
{
	/* State and end of each; what is asked for are those that end after 100. */
	static const struct {
		int state;
		int64_t expires;
	} rows[] = { { 2, 0 }, { 2, 100 }, { 2, 101 }, { 1, 0 }, { 1, 99 }, { 0, 0 },
		{ 3, 0 } };
	static const size_t want[] = { 0, 1, 2, 1 };
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id id[COUNT(rows)], *list;
	size_t n;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct license_row l = license_new(c, &e);

		id[i] = l.id;
		l.state = rows[i].state;
		l.expires = rows[i].expires;
		ck_ok(c, act(&e, license_insert(c, e.w, &l)));
	}
	for (int state = 0; state < 4; state++) {
		ck_ok(c, revocation_ids(c, e.h.db, vendor_of(&e), state, 100, 9, &list, &n));
		ck_assert_uint_eq(n, want[state]);
		if (state == 1)
			ck_assert_str_eq(list[0].s, id[3].s);
	}
	ck_ok(c, revocation_ids(c, e.h.db, vendor_of(&e), 2, 100, 1, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, revocation_ids(c, e.h.db, other_of(&e), 2, 0, 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	estate_done(c, &e);
}
END_TEST

MAIN("store_seats", ONE(seats_are_as_many_as_they_are), ONE(lapsed_seats_are_free),
    ONE(reaper_takes_the_oldest), ONE(no_seat_is_given_twice),
    ONE(machines_are_bound_and_released), ONE(approvals_are_distinct_tokens),
    ONE(delivery_is_spent_once), ONE(lists_are_numbered_without_gaps),
    ONE(list_names_what_is_over_but_not_expired))
