/*
 * Jobs from queue to end, whose turn it is, and what a killed daemon leaves; the sealed keys and
 * what keeps a rotation from losing one.
 */
#include "store_support.h"

#include <stdio.h>

/* ---- Keys ----------------------------------------------------------------------------------- */

static bool
do_keyring(struct ctx *c, struct db *db, void *arg)
{
	return keyring_insert(c, db, arg);
}

static bool
do_keyring_delete(struct ctx *c, struct db *db, void *arg)
{
	return keyring_delete(c, db, *(const int64_t *)arg);
}

static bool
do_keyring_clear(struct ctx *c, struct db *db, void *arg)
{
	(void)arg;
	return keyring_clear(c, db);
}

static bool
do_signing(struct ctx *c, struct db *db, void *arg)
{
	return signing_insert(c, db, arg);
}

static bool
do_signing_reseal(struct ctx *c, struct db *db, void *arg)
{
	return signing_reseal(c, db, arg);
}

static bool
do_vendor_key(struct ctx *c, struct db *db, void *arg)
{
	return vendor_key_insert(c, db, arg);
}

static bool
do_vendor_key_delete(struct ctx *c, struct db *db, void *arg)
{
	const struct vendor_key_row *k = arg;

	return vendor_key_delete(c, db, str_of(k->vendor.s), k->version);
}

static bool
do_data_key(struct ctx *c, struct db *db, void *arg)
{
	return data_key_insert(c, db, arg);
}

static bool
do_data_key_reseal(struct ctx *c, struct db *db, void *arg)
{
	return data_key_reseal(c, db, arg);
}

static bool
do_data_key_delete(struct ctx *c, struct db *db, void *arg)
{
	return data_key_delete(c, db, str_of(arg));
}

/* Keyring 1, the vendor's key 1 under it, a data key under that. */
static struct data_key_row
add_keys(struct ctx *c, struct store *s, const struct vendor *v)
{
	struct keyring_row ring = { 1, 1, false, STR("ring 1") };
	struct vendor_key_row vendor = { v->id, 1, 1, STR("vendor 1") };
	struct data_key_row data = { id_new(c, "key"), v->id, 1, STR("data 1") };

	ck_ok(c, doing(c, s, do_keyring, &ring));
	ck_ok(c, doing(c, s, do_vendor_key, &vendor));
	ck_ok(c, doing(c, s, do_data_key, &data));
	return data;
}

/* The rotation of everything, step by step; no step may be left out. */
START_TEST(rotation_loses_nothing)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme");
	struct data_key_row data = add_keys(c, s, &v), *left, late = data;
	struct keyring_row ring = { 2, 2, false, STR("ring 2") }, *rings;
	struct vendor_key_row vendor = { v.id, 2, 2, STR("vendor 2") }, got;
	struct signing_row sign = { STR("kid"), 1, 1, STR("sealed"), STR("{}") }, *signs;
	int64_t one = 1;
	size_t n;
	bool found = false;

	ck_ok(c, doing(c, s, do_signing, &sign));
	ck_ok(c, doing(c, s, do_keyring, &ring));
	ck_ok(c, keyring_list(c, db, &rings, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert(rings[0].retired && !rings[1].retired);
	ck_str(rings[1].sealed, "ring 2");
	ck_fails(c, E_CONFLICT, doing(c, s, do_keyring_delete, &one));
	ck_ok(c, vendor_key_older(c, db, 2, &found, &got));
	ck_assert(found);
	ck_str(got.sealed, "vendor 1");
	ck_ok(c, doing(c, s, do_vendor_key, &vendor));
	ck_ok(c, vendor_key_current(c, db, str_of(v.id.s), &got));
	ck_assert_int_eq(got.version, 2);
	vendor.version = 1;
	ck_fails(c, E_CONFLICT, doing(c, s, do_vendor_key_delete, &vendor));
	ck_ok(c, data_key_list_version(c, db, str_of(v.id.s), 1, 10, &left, &n));
	ck_assert_uint_eq(n, 1);
	data.version = 2;
	data.sealed = STR("data 2");
	ck_ok(c, doing(c, s, do_data_key_reseal, &data));
	ck_ok(c, data_key_list_version(c, db, str_of(v.id.s), 1, 10, &left, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, doing(c, s, do_vendor_key_delete, &vendor));
	ck_fails(c, E_ABSENT, vendor_key_version(c, db, str_of(v.id.s), 1, &got));
	/* Wrapped before the rotation, stored after it. */
	late.id = id_new(c, "key");
	ck_fails(c, E_BUSY, doing(c, s, do_data_key, &late));
	late.id = data.id;
	ck_fails(c, E_BUSY, doing(c, s, do_data_key_reseal, &late));
	ck_fails(c, E_CONFLICT, doing(c, s, do_keyring_delete, &one));
	sign.keyring = 2;
	ck_ok(c, doing(c, s, do_signing_reseal, &sign));
	ck_ok(c, signing_list(c, db, &signs, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(signs[0].keyring, 2);
	ck_ok(c, doing(c, s, do_keyring_delete, &one));
	ck_ok(c, vendor_key_older(c, db, 2, &found, &got));
	ck_assert(!found);
	ck_fails(c, E_CONFLICT, doing(c, s, do_keyring_clear, NULL));
	ck_ok(c, keyring_list(c, db, &rings, &n));
	ck_assert_uint_eq(n, 1);
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(keyring_without_vendors_may_begin_anew)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct keyring_row ring = { 1, 1, false, STR("ring 1") }, *rings;
	struct signing_row sign = { STR("kid"), 1, 1, STR("sealed"), STR("{}") };
	size_t n = 1;

	ck_ok(c, doing(c, s, do_keyring, &ring));
	ck_ok(c, doing(c, s, do_signing, &sign));
	ck_ok(c, doing(c, s, do_keyring_clear, NULL));
	ck_ok(c, keyring_list(c, db, &rings, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, doing(c, s, do_keyring, &ring));
	reader_close(&db);
	store_close(&s);
}
END_TEST

/* ---- Jobs ----------------------------------------------------------------------------------- */

static bool
do_job(struct ctx *c, struct db *db, void *arg)
{
	return job_insert(c, db, arg);
}

static struct job_row
add_job(struct ctx *c, struct store *s, const struct vendor *v, const struct id *key)
{
	struct job_row j = {
		.id = id_new(c, "job"),
		.vendor = v->id,
		.kind = STR("selftest"),
		.input = STR("sealed"),
		.data_key = *key,
		.created = c->now(),
	};
	static int64_t ms;

	test_clock_set(TEST_NOW + ++ms);
	ck_ok(c, doing(c, s, do_job, &j));
	return j;
}

struct claim {
	bool found;
	struct job_row job;
};

static bool
do_claim(struct ctx *c, struct db *db, void *arg)
{
	struct claim *k = arg;

	return job_claim(c, db, c->now(), &k->found, &k->job);
}

static struct claim
claim(struct ctx *c, struct store *s)
{
	struct claim k = { 0 };

	ck_ok(c, doing_quietly(c, s, do_claim, &k));
	return k;
}

static bool
do_finish(struct ctx *c, struct db *db, void *arg)
{
	return job_finish(c, db, arg);
}

static bool
do_progress(struct ctx *c, struct db *db, void *arg)
{
	return job_progress(c, db, str_of(arg), 3, 10, STR("hashing"));
}

struct cancel {
	struct str vendor, id;
	int64_t version;
	enum job_state state;
};

static bool
do_cancel(struct ctx *c, struct db *db, void *arg)
{
	struct cancel *k = arg;

	return job_cancel(c, db, k->vendor, k->id, k->version, c->now(), &k->state);
}

static bool
do_requeue(struct ctx *c, struct db *db, void *arg)
{
	return job_requeue(c, db, arg);
}

START_TEST(turns_are_taken_by_vendor)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct vendor v = add_vendor(c, s, "Busy"), w = add_vendor(c, s, "Rare");
	struct id key = add_keys(c, s, &v).id;
	struct job_row a = add_job(c, s, &v, &key), b = add_job(c, s, &v, &key);
	struct job_row d = add_job(c, s, &w, &key), e = add_job(c, s, &v, &key);
	struct claim k = claim(c, s);

	ck_assert(k.found);
	ck_assert_str_eq(k.job.id.s, a.id.s);
	ck_assert_int_eq(k.job.state, JOB_RUNNING);
	ck_assert_int_eq(k.job.attempts, 1);
	ck_assert_str_eq(k.job.data_key.s, key.s);
	ck_assert_str_eq(claim(c, s).job.id.s, d.id.s);
	ck_assert_str_eq(claim(c, s).job.id.s, b.id.s);
	ck_assert_str_eq(claim(c, s).job.id.s, e.id.s);
	ck_assert(!claim(c, s).found);
	store_close(&s);
}
END_TEST

START_TEST(job_runs_to_its_end_once)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme"), w = add_vendor(c, s, "Other");
	struct id key = add_keys(c, s, &v).id;
	struct job_row j = add_job(c, s, &v, &key), got, *all;
	struct cancel k = { str_of(v.id.s), str_of(j.id.s), 9, JOB_DONE };
	int64_t count[JOB_CANCELLED + 1];
	size_t n;

	ck_fails(c, E_CONFLICT, doing(c, s, do_progress, j.id.s));
	ck_assert(claim(c, s).found);
	ck_ok(c, doing_quietly(c, s, do_progress, j.id.s));
	ck_ok(c, job_by_id(c, db, str_of(v.id.s), str_of(j.id.s), &got));
	ck_assert_int_eq(got.done, 3);
	ck_str(got.note, "hashing");
	ck_assert_int_eq(got.version, 2);
	ck_fails(c, E_ABSENT, job_by_id(c, db, str_of(w.id.s), str_of(j.id.s), &got));
	ck_fails(c, E_STALE, doing(c, s, do_cancel, &k));
	k.version = 2;
	k.vendor = str_of(w.id.s);
	ck_fails(c, E_ABSENT, doing(c, s, do_cancel, &k));
	k.vendor = str_of(v.id.s);
	ck_ok(c, doing(c, s, do_cancel, &k));
	ck_assert_int_eq(k.state, JOB_RUNNING);
	ck_ok(c, job_by_id(c, db, STR(""), str_of(j.id.s), &got));
	ck_assert(got.cancel);
	got.state = JOB_DONE;
	got.result = STR("{\"sha256\":\"…\"}");
	got.finished = TEST_NOW + 9;
	ck_ok(c, doing(c, s, do_finish, &got));
	ck_fails(c, E_CONFLICT, doing(c, s, do_finish, &got));
	k.version = 0;
	ck_fails(c, E_CONFLICT, doing(c, s, do_cancel, &k));
	ck_ok(c, job_list(c, db, str_of(v.id.s), STR(""), 10, &all, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(all[0].state, JOB_DONE);
	ck_str(all[0].result, "{\"sha256\":\"…\"}");
	ck_ok(c, job_list(c, db, str_of(w.id.s), STR(""), 10, &all, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, job_count(c, db, count));
	ck_assert_int_eq(count[JOB_DONE], 1);
	ck_assert_int_eq(count[JOB_QUEUED] + count[JOB_RUNNING], 0);
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(what_was_running_is_queued_again)
{
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct store *s = open_store(c, dir);
	struct vendor v = add_vendor(c, s, "Acme");
	struct id key = add_keys(c, s, &v).id;
	struct job_row a = add_job(c, s, &v, &key), b = add_job(c, s, &v, &key);
	struct cancel k = { str_of(v.id.s), str_of(b.id.s), 0, JOB_DONE };
	int64_t count[JOB_CANCELLED + 1];
	struct db *db;
	struct claim again;
	size_t n = 0;

	ck_assert(claim(c, s).found);
	ck_assert(claim(c, s).found);
	ck_ok(c, doing(c, s, do_cancel, &k));
	store_close(&s);
	s = open_store(c, dir);
	db = open_reader(c, s);
	ck_ok(c, doing(c, s, do_requeue, &n));
	ck_assert_uint_eq(n, 2);
	again = claim(c, s);
	ck_assert(again.found);
	ck_assert_str_eq(again.job.id.s, a.id.s);
	/* The attempt that was cut off does not count. */
	ck_assert_int_eq(again.job.attempts, 1);
	/* The cancel that was asked is asked still: whoever claims it will see. */
	again = claim(c, s);
	ck_assert(again.found);
	ck_assert_str_eq(again.job.id.s, b.id.s);
	ck_assert(again.job.cancel);
	ck_ok(c, job_count(c, db, count));
	ck_assert_int_eq(count[JOB_RUNNING], 2);
	reader_close(&db);
	store_close(&s);
}
END_TEST

static bool
do_prune(struct ctx *c, struct db *db, void *arg)
{
	return job_prune(c, db, TEST_NOW + 100, 10, arg);
}

START_TEST(old_jobs_go_with_their_keys)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme");
	struct id key = add_keys(c, s, &v).id, other = id_new(c, "key");
	struct data_key_row second = { other, v.id, 1, STR("data 2") }, gone;
	struct job_row a = add_job(c, s, &v, &key), b, *left;
	struct cancel k = { str_of(v.id.s), str_of(a.id.s), 0, JOB_DONE };
	size_t n = 0;

	ck_ok(c, doing(c, s, do_data_key, &second));
	b = add_job(c, s, &v, &other);
	ck_ok(c, doing(c, s, do_cancel, &k));
	ck_ok(c, doing(c, s, do_prune, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, doing(c, s, do_prune, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, job_list(c, db, STR(""), STR(""), 10, &left, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(left[0].id.s, b.id.s);
	ck_fails(c, E_ABSENT, data_key_by_id(c, db, str_of(key.s), &gone));
	ck_ok(c, data_key_by_id(c, db, str_of(other.s), &gone));
	reader_close(&db);
	store_close(&s);
}
END_TEST

START_TEST(live_job_keeps_its_key)
{
	struct ctx *c = test_ctx();
	struct store *s = open_store(c, test_folder());
	struct db *db = open_reader(c, s);
	struct vendor v = add_vendor(c, s, "Acme");
	struct id key = add_keys(c, s, &v).id;
	struct job_row j = add_job(c, s, &v, &key), got;
	struct cancel k = { str_of(v.id.s), str_of(j.id.s), 0, JOB_DONE };

	ck_fails(c, E_CONFLICT, doing(c, s, do_data_key_delete, key.s));
	ck_ok(c, doing(c, s, do_cancel, &k));
	ck_assert_int_eq(k.state, JOB_CANCELLED);
	ck_ok(c, doing(c, s, do_data_key_delete, key.s));
	ck_fails(c, E_ABSENT, doing(c, s, do_data_key_delete, key.s));
	ck_ok(c, job_by_id(c, db, STR(""), str_of(j.id.s), &got));
	ck_assert_str_eq(got.data_key.s, "");
	reader_close(&db);
	store_close(&s);
}
END_TEST

MAIN("store_jobs", ONE(rotation_loses_nothing), ONE(keyring_without_vendors_may_begin_anew),
    ONE(turns_are_taken_by_vendor), ONE(job_runs_to_its_end_once),
    ONE(what_was_running_is_queued_again), ONE(old_jobs_go_with_their_keys),
    ONE(live_job_keeps_its_key))
