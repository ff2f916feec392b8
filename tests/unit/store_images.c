/*
 * Key images as rows: each has a serial number of its vendor's and a picture of its watermark's;
 * a license has one that is active, and those before it are known for what they are; no two look
 * the same, and none looks different the second time. Links and authentications are good once.
 */
#include "licensing_support.h"

#include <pthread.h>

enum { KEYS = 5 };

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
		" classes, created) VALUES ('%s', '%s', '%s', '%s', %d, '', '%s', %d, 10, 1)",
		w.s, e->h.vendor.s, id_new(c, "mod").s, id_new(c, "mod").s, state, key.id.s,
		KEYS));
	sqlite3_close(sql);
	return w;
}

static struct key_image_row
image_new(struct ctx *c, struct estate *e, const struct id *watermark)
{
	struct license_row l = license_added(c, e);

	return (struct key_image_row){ .id = id_new(c, "kim"),
		.vendor = e->h.vendor,
		.license = l.id,
		.customer = e->customer.id,
		.release = e->release.id,
		.watermark = *watermark,
		.changed = TEST_NOW,
		.issued = TEST_NOW + 1,
		.expires = TEST_NOW + 2 };
}

static struct key_image_row
image_added(struct ctx *c, struct estate *e, const struct id *watermark)
{
	struct key_image_row r = image_new(c, e, watermark);

	ck_ok(c, act(e, key_image_insert(c, e->w, &r)));
	return r;
}

static struct key_image_row
read_back(struct ctx *c, struct estate *e, const struct key_image_row *r)
{
	struct key_image_row got;

	ck_ok(c, key_image_by_id(c, e->h.db, vendor_of(e), str_of(r->id.s), &got));
	return got;
}

/* The first claim alone; a walk that is told to end ends. */
static bool
claim_take(struct ctx *c, void *arg, const struct key_image_claim *k)
{
	*(struct key_image_claim *)arg = *k;
	return fail(c, E_LIMIT, "that is enough");
}

START_TEST(image_comes_out_as_it_went_in)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_new(c, &e, &w), got;
	struct key_image_claim k = { 0 };
	bool found = false;

	r.carrier = 1;
	ck_ok(c, act(&e, key_image_insert(c, e.w, &r)));
	ck_assert_int_eq(r.serial, 1);
	ck_assert_int_eq(r.base, 1);
	got = read_back(c, &e, &r);
	ck_assert_str_eq(got.id.s, r.id.s);
	ck_assert_str_eq(got.vendor.s, r.vendor.s);
	ck_assert_str_eq(got.license.s, r.license.s);
	ck_assert_str_eq(got.customer.s, r.customer.s);
	ck_assert_str_eq(got.release.s, r.release.s);
	ck_assert_str_eq(got.watermark.s, w.s);
	ck_assert_int_eq(got.serial, 1);
	ck_assert_int_eq(got.base, 1);
	ck_assert_int_eq(got.carrier, 1);
	ck_assert_int_eq(got.state, KEY_IMAGE_ACTIVE);
	ck_str(got.reason, "");
	ck_assert_int_eq(got.changed, TEST_NOW);
	ck_assert_int_eq(got.issued, TEST_NOW + 1);
	ck_assert_int_eq(got.expires, TEST_NOW + 2);
	ck_assert(!key_image_made(&got));
	ck_assert_int_eq(got.version, 1);
	ck_ok(c, key_image_by_serial(c, e.h.db, vendor_of(&e), 1, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, r.id.s);
	ck_ok(c, key_image_by_serial(c, e.h.db, vendor_of(&e), 2, &found, &got));
	ck_assert(!found);
	ck_ok(c, key_image_by_serial(c, e.h.db, other_of(&e), 1, &found, &got));
	ck_assert(!found);
	ck_fails(c, E_ABSENT, key_image_by_id(c, e.h.db, other_of(&e), str_of(r.id.s), &got));
	ck_fails(
	    c, E_LIMIT, key_image_confirming(c, e.h.db, str_of(r.release.s), claim_take, &k));
	ck_assert(k.customer == e.customer.number && k.base == 1 && k.serial == 1);
	ck_assert(k.issued == TEST_NOW + 1 && k.expires == TEST_NOW + 2);
	ck_ok(c, key_image_confirming(c, e.h.db, STR("rel_other"), claim_take, &k));
	estate_done(c, &e);
}
END_TEST

START_TEST(numbers_are_given_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r, again;

	for (int64_t i = 1; i <= 2 * KEYS; i++) {
		r = image_added(c, &e, &w);
		ck_assert_int_eq(r.serial, i);
		ck_assert_int_eq(r.base, i % KEYS);
	}
	/* What was refused has taken no number. */
	again = r;
	again.id = id_new(c, "kim");
	ck_fails(c, E_CONFLICT, act(&e, key_image_insert(c, e.w, &again)));
	r = image_added(c, &e, &w);
	ck_assert_int_eq(r.serial, 2 * KEYS + 1);
	estate_done(c, &e);
}
END_TEST

/* What the job says of its watermark decides, as far as it makes sense. */
static const struct {
	const char *facts;
	int64_t base[4];
} usable[] = {
	{ "{\"usable\":[1,3]}", { 3, 1, 3, 1 } },
	{ "{\"usable\":[2]}", { 2, 2, 2, 2 } },
	{ "{\"usable\":[]}", { 1, 2, 3, 4 } },
	{ "{}", { 1, 2, 3, 4 } },
	{ "no JSON", { 1, 2, 3, 4 } },
	{ "{\"usable\":[-1,1000000,\"1\",null]}", { 1, 2, 3, 4 } },
	{ "{\"usable\":7}", { 1, 2, 3, 4 } },
};

START_TEST(pictures_are_those_that_the_network_knows)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	sqlite3 *sql = raw_open(e.dir);

	raw(sql, take_printf(c, "UPDATE watermark SET facts = '%s'", usable[_i].facts));
	sqlite3_close(sql);
	for (int64_t i = 0; i < 4; i++) {
		struct key_image_row r = image_added(c, &e, &w);

		ck_assert_int_eq(r.base, usable[_i].base[i]);
		ck_assert_int_eq(r.base, read_back(c, &e, &r).base);
	}
	estate_done(c, &e);
}
END_TEST

START_TEST(image_needs_a_watermark_that_is_ready)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id making = watermark_added(c, &e, 0), failed = watermark_added(c, &e, 2),
		  w = watermark_added(c, &e, 1), none = id_new(c, "wmk");
	struct key_image_row r = image_new(c, &e, &making);
	struct id *const of[] = { &r.license, &r.customer, &r.release };

	ck_fails(c, E_CONFLICT, act(&e, key_image_insert(c, e.w, &r)));
	r.watermark = failed;
	ck_fails(c, E_CONFLICT, act(&e, key_image_insert(c, e.w, &r)));
	r.watermark = none;
	ck_fails(c, E_CONFLICT, act(&e, key_image_insert(c, e.w, &r)));
	r.watermark = w;
	r.vendor = e.h.other; /* whose watermark it is not */
	ck_fails(c, E_CONFLICT, act(&e, key_image_insert(c, e.w, &r)));
	for (size_t i = 0; i < COUNT(of); i++) {
		r = image_new(c, &e, &w);
		*of[i] = id_new(c, "xxx");
		ck_fails(c, E_ABSENT, act(&e, key_image_insert(c, e.w, &r)));
	}
	estate_done(c, &e);
}
END_TEST

START_TEST(license_has_one_image_at_a_time)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_added(c, &e, &w), next = r, got;
	struct str license = str_of(r.license.s);
	bool found = true;

	next.id = id_new(c, "kim");
	ck_fails(c, E_CONFLICT, act(&e, key_image_insert(c, e.w, &next)));
	ck_fails(c, E_STALE,
	    act(&e,
		key_image_end(c, e.w, &r, KEY_IMAGE_REPLACED, STR("lost"), TEST_NOW + 5, 9)));
	ck_ok(c,
	    act(&e,
		key_image_end(c, e.w, &r, KEY_IMAGE_REPLACED, STR("lost"), TEST_NOW + 5, 1)));
	ck_ok(c, key_image_of(c, e.h.db, license, &found, &got));
	ck_assert(!found);
	ck_ok(c, act(&e, key_image_insert(c, e.w, &next)));
	ck_ok(c, key_image_of(c, e.h.db, license, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, next.id.s);
	ck_ok(c, key_image_last(c, e.h.db, license, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, next.id.s);
	got = read_back(c, &e, &r);
	ck_assert_int_eq(got.state, KEY_IMAGE_REPLACED);
	ck_str(got.reason, "lost");
	ck_assert_int_eq(got.changed, TEST_NOW + 5);
	ck_assert_int_eq(got.version, 2);
	/* What is over is over. */
	ck_fails(c, E_CONFLICT,
	    act(&e, key_image_end(c, e.w, &r, KEY_IMAGE_REVOKED, STR(""), TEST_NOW + 6, 0)));
	ck_ok(c,
	    act(&e, key_image_end(c, e.w, &next, KEY_IMAGE_REVOKED, STR("sold"), TEST_NOW, 0)));
	ck_ok(c, key_image_of(c, e.h.db, license, &found, &got));
	ck_assert(!found);
	got = read_back(c, &e, &next);
	ck_assert_int_eq(got.state, KEY_IMAGE_REVOKED);
	ck_ok(c, key_image_last(c, e.h.db, str_of(e.policy.id.s), &found, &got));
	ck_assert(!found);
	estate_done(c, &e);
}
END_TEST

START_TEST(looks_are_kept)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_added(c, &e, &w), other = image_added(c, &e, &w), got;
	struct digest256 one = digest_of(c, "one"), two = digest_of(c, "two"), none = { 0 };
	struct str id = str_of(r.id.s);
	bool found = false;

	ck_ok(c, act(&e, key_image_pixels_put(c, e.w, id, &one)));
	got = read_back(c, &e, &r);
	ck_assert(key_image_made(&got));
	ck_assert(digest256_same(&got.pixels, &one));
	ck_assert_int_eq(got.version, 1);
	ck_ok(c, act(&e, key_image_pixels_put(c, e.w, id, &one)));
	ck_fails(c, E_INTEGRITY, act(&e, key_image_pixels_put(c, e.w, id, &two)));
	ck_fails(
	    c, E_INTEGRITY, act(&e, key_image_pixels_put(c, e.w, str_of(other.id.s), &one)));
	got = read_back(c, &e, &other);
	ck_assert(!key_image_made(&got));
	ck_ok(c, key_image_by_pixels(c, e.h.db, vendor_of(&e), &one, &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, r.id.s);
	ck_ok(c, key_image_by_pixels(c, e.h.db, vendor_of(&e), &two, &found, &got));
	ck_assert(!found);
	ck_ok(c, key_image_by_pixels(c, e.h.db, vendor_of(&e), &none, &found, &got));
	ck_assert(!found);
	ck_ok(c, key_image_by_pixels(c, e.h.db, other_of(&e), &one, &found, &got));
	ck_assert(!found);
	ck_ok(c, act(&e, key_image_pixels_put(c, e.w, str_of(other.id.s), &two)));
	estate_done(c, &e);
}
END_TEST

START_TEST(watermark_of_a_release_is_named)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1), got = w;
	struct str release = str_of(e.release.id.s);
	sqlite3 *sql;

	ck_ok(c, release_watermark(c, e.h.db, vendor_of(&e), release, &got));
	ck_assert_str_eq(got.s, "");
	sql = raw_open(e.dir);
	raw(sql, take_printf(c, "UPDATE model_release SET watermark = '%s'", w.s));
	sqlite3_close(sql);
	ck_ok(c, release_watermark(c, e.h.db, vendor_of(&e), release, &got));
	ck_assert_str_eq(got.s, w.s);
	ck_fails(c, E_ABSENT, release_watermark(c, e.h.db, other_of(&e), release, &got));
	estate_done(c, &e);
}
END_TEST

START_TEST(images_are_listed)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1), none = { "" };
	struct key_image_row r = image_added(c, &e, &w), next = r, *list;
	struct str license = str_of(r.license.s);
	size_t n;

	(void)image_added(c, &e, &w);
	ck_ok(c, act(&e, key_image_end(c, e.w, &r, KEY_IMAGE_REPLACED, STR(""), TEST_NOW, 0)));
	next.id = id_new(c, "kim");
	ck_ok(c, act(&e, key_image_insert(c, e.w, &next)));
	ck_ok(c, key_image_list(c, e.h.db, vendor_of(&e), STR(""), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 3);
	for (size_t i = 1; i < n; i++)
		ck_assert(strcmp(list[i - 1].id.s, list[i].id.s) < 0);
	ck_ok(c,
	    key_image_list(
		c, e.h.db, vendor_of(&e), STR(""), str_of(list[0].id.s), 1, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(
	    c, key_image_list(c, e.h.db, vendor_of(&e), license, str_of(none.s), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(list[0].license.s, r.license.s);
	ck_assert_str_eq(list[1].license.s, r.license.s);
	ck_ok(c, key_image_list(c, e.h.db, other_of(&e), license, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	estate_done(c, &e);
}
END_TEST

/* ---- Secrets that are good once ---------------------------------------------------------- */

START_TEST(link_is_spent_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_added(c, &e, &w);
	struct image_link_row l = { .digest = digest_of(c, "a"),
		.key_image = r.id,
		.expires = TEST_NOW + 9 },
			      got;
	struct digest256 wrong = digest_of(c, "b");
	bool found = true;

	ck_ok(c, act(&e, image_link_insert(c, e.w, &l)));
	ck_ok(c, image_link_by_digest(c, e.h.db, &wrong, &found, &got));
	ck_assert(!found);
	ck_ok(c, act(&e, image_link_spend(c, e.w, &l.digest, TEST_NOW + 3)));
	ck_fails(c, E_CONFLICT, act(&e, image_link_spend(c, e.w, &l.digest, TEST_NOW + 4)));
	ck_ok(c, image_link_by_digest(c, e.h.db, &l.digest, &found, &got));
	ck_assert(found);
	ck_assert(digest256_same(&got.digest, &l.digest));
	ck_assert_str_eq(got.key_image.s, r.id.s);
	ck_assert_str_eq(got.vendor.s, e.h.vendor.s);
	ck_assert_int_eq(got.expires, TEST_NOW + 9);
	ck_assert_int_eq(got.spent, TEST_NOW + 3);
	l.digest = wrong;
	l.key_image = id_new(c, "kim");
	ck_fails(c, E_ABSENT, act(&e, image_link_insert(c, e.w, &l)));
	estate_done(c, &e);
}
END_TEST

START_TEST(authentication_is_spent_once)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_added(c, &e, &w);
	struct authentication_row a = { digest_of(c, "a"), r.license, r.id, TEST_NOW + 9, 0 },
				  got;
	struct digest256 wrong = digest_of(c, "b");
	bool found = true;

	ck_ok(c, act(&e, authentication_insert(c, e.w, &a)));
	ck_ok(c, authentication_by_digest(c, e.h.db, &wrong, &found, &got));
	ck_assert(!found);
	ck_ok(c, act(&e, authentication_spend(c, e.w, &a.digest, TEST_NOW + 3)));
	ck_fails(c, E_CONFLICT, act(&e, authentication_spend(c, e.w, &a.digest, TEST_NOW + 4)));
	ck_ok(c, authentication_by_digest(c, e.h.db, &a.digest, &found, &got));
	ck_assert(found);
	ck_assert(digest256_same(&got.digest, &a.digest));
	ck_assert_str_eq(got.license.s, r.license.s);
	ck_assert_str_eq(got.key_image.s, r.id.s);
	ck_assert_int_eq(got.expires, TEST_NOW + 9);
	ck_assert_int_eq(got.spent, TEST_NOW + 3);
	a.digest = wrong;
	a.license = id_new(c, "lic");
	ck_fails(c, E_ABSENT, act(&e, authentication_insert(c, e.w, &a)));
	estate_done(c, &e);
}
END_TEST

START_TEST(old_secrets_go)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_added(c, &e, &w);
	struct image_link_row l = { .key_image = r.id }, link;
	struct authentication_row a = { .license = r.license, .key_image = r.id }, shown;
	bool found = true;
	size_t n = 9;

	for (int i = 0; i < 4; i++) {
		l.digest = a.digest = digest_of(c, take_printf(c, "%d", i));
		l.expires = a.expires = TEST_NOW + 10 - i;
		ck_ok(c, act(&e, image_link_insert(c, e.w, &l)));
		if (i > 0)
			ck_ok(c, act(&e, authentication_insert(c, e.w, &a)));
	}
	ck_ok(c, act(&e, image_secret_prune(c, e.w, TEST_NOW + 7, 9, &n)));
	ck_assert_uint_eq(n, 0); /* that moment is not yet before */
	ck_ok(c, act(&e, image_secret_prune(c, e.w, TEST_NOW + 11, 3, &n)));
	ck_assert_uint_eq(n, 3);
	l.digest = digest_of(c, "0");
	ck_ok(c, image_link_by_digest(c, e.h.db, &l.digest, &found, &link));
	ck_assert(found); /* those that expired first have gone */
	a.digest = digest_of(c, "1");
	ck_ok(c, authentication_by_digest(c, e.h.db, &a.digest, &found, &shown));
	ck_assert(!found);
	ck_ok(c, act(&e, image_secret_prune(c, e.w, TEST_NOW + 11, 3, &n)));
	ck_assert_uint_eq(n, 1);
	estate_done(c, &e);
}
END_TEST

/* ---- Everybody at once ------------------------------------------------------------------- */

enum { RACERS = 8, ROUNDS = 20 };
struct racer {
	struct store *s;
	struct digest256 digest;
	_Atomic int *won, *lost, *wrong;
};

static bool
do_spend(struct ctx *c, struct db *db, void *arg)
{
	return authentication_spend(c, db, arg, TEST_NOW);
}

static void *
racer_main(void *arg)
{
	struct racer *me = arg;
	struct arena *mem = arena_new(1 << 20);
	struct ctx c = ctx_real(mem, "racer");

	if (doing(&c, me->s, do_spend, &me->digest))
		(*me->won)++;
	else if (c.err.code == E_CONFLICT)
		(*me->lost)++;
	else
		(*me->wrong)++;
	arena_free(&mem);
	return NULL;
}

START_TEST(one_of_many_spends_it)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct id w = watermark_added(c, &e, 1);
	struct key_image_row r = image_added(c, &e, &w);
	struct authentication_row a = { .license = r.license, .key_image = r.id, .expires = 9 };
	_Atomic int won = 0, lost = 0, wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_t thread[RACERS];
		struct racer racer = { e.h.s, digest_of(c, take_printf(c, "%d", round)), &won,
			&lost, &wrong };

		a.digest = racer.digest;
		ck_ok(c, act(&e, authentication_insert(c, e.w, &a)));
		for (int i = 0; i < RACERS; i++)
			ck_assert_int_eq(
			    pthread_create(&thread[i], NULL, racer_main, &racer), 0);
		for (int i = 0; i < RACERS; i++)
			pthread_join(thread[i], NULL);
	}
	ck_assert_int_eq(won, ROUNDS);
	ck_assert_int_eq(lost, ROUNDS * (RACERS - 1));
	ck_assert_int_eq(wrong, 0);
	estate_done(c, &e);
}
END_TEST

MAIN("store_images", ONE(image_comes_out_as_it_went_in), ONE(numbers_are_given_once),
    EACH(pictures_are_those_that_the_network_knows, usable),
    ONE(image_needs_a_watermark_that_is_ready), ONE(license_has_one_image_at_a_time),
    ONE(looks_are_kept), ONE(watermark_of_a_release_is_named), ONE(images_are_listed),
    ONE(link_is_spent_once), ONE(authentication_is_spent_once), ONE(old_secrets_go),
    ONE(one_of_many_spends_it))
