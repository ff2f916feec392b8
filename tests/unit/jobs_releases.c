/*
 * Releases as jobs, with real workers: made with their files and vouched for, or leaving nothing
 * behind, whatever happens to the worker, the server or the wish.
 */
#include <signal.h>
#include <stdio.h>

#include "vault_house.h"

/* Orders a release; the job is queued and woken for. */
static struct release_row
release_put(struct ctx *c, struct house *h, struct id model, const char *more)
{
	struct order_rows o = { .act = { .run = order_put, .c = c } };
	struct str vendor = str_of(h->vendor.s);
	struct key256 secret;
	char *params;

	o.act.audit = house_who("release.create");
	o.release = (struct release_row){ .id = id_new(c, "rel"),
		.vendor = h->vendor,
		.model = model,
		.name = STR("one"),
		.created = 1 };
	params = take_printf(c, "{\"release\":\"%s\",\"name\":\"lenet\",\"model\":\"%s\"%s}",
	    o.release.id.s, model.s, more);
	ck_ok(c,
	    keys_data_new(
		c, h->server.keys, h->db, vendor, id_new(c, "key"), &secret, &o.secret));
	ck_ok(c,
	    job_new(
		c, &h->server, h->db, vendor, STR("protect"), str_of(params), &o.job, &o.key));
	o.job.object = o.release.id;
	o.release.key = o.secret.id;
	o.release.job = o.job.id;
	ck_ok(c, store_do(c, h->server.store, &o.act));
	jobs_wake(h->server.jobs);
	return o.release;
}

static struct release_row
release_of(struct ctx *c, struct house *h, struct id id)
{
	struct release_row r;

	ck_ok(c, release_by_id(c, h->db, STR(""), STR(""), str_of(id.s), &r));
	return r;
}

/* A job has ended when its row says so; the files that it leaves over go after that. */
static void
files_become(const char *folder, size_t n)
{
	ck_until(files_in(folder) == n, 10);
}

/* What is left: the model, the artifact, the report and the page. */
static void
is_made(struct ctx *c, struct house *h, const char *folder, struct id id)
{
	struct release_row r = release_of(c, h, id);
	struct jose_header header;
	struct blob_row blob;
	bool found;

	files_become(folder, 4);
	ck_assert_msg(r.state == RELEASE_READY, "%.*s", STRF(r.error_text));
	ck_assert_uint_eq(r.locks, 2);
	ck_ok(c, blob_find(c, h->db, str_of(id.s), STR("artifact"), &found, &blob));
	ck_assert(found);
	ck_assert_int_eq(blob.state, BLOB_WHOLE);
	ck_assert_int_eq(blob.size, r.bytes);
	ck_assert(digest256_same(&blob.sha256, &r.artifact));
	/* The sealed lock has no list of parameters. */
	ck_ok(c, blob_find(c, h->db, str_of(id.s), STR("entries"), &found, &blob));
	ck_assert(!found);
	ck_ok(c, jose_peek(c, r.manifest, STR("ES256"), &header));
	ck_str(header.typ, "hallmark-manifest+jwt");
	ck_assert_uint_gt(r.bundle.n, 100);
	is_sound(c, h);
}

START_TEST(release_is_made_and_vouched_for)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct release_row r;
	struct house h;

	house_new(c, &h, folder);
	r = release_put(c, &h, model_put(c, &h, "lenet", lenet(c)), ",\"effort\":\"none\"");
	ck_assert_int_eq(house_job_end(c, &h, r.job).state, JOB_DONE);
	is_made(c, &h, folder, r.id);
	house_close(&h);
}
END_TEST

/* What is left: the model. */
static void
is_unmade(struct ctx *c, struct house *h, const char *folder, struct id id, const char *code)
{
	struct release_row r = release_of(c, h, id);
	struct blob_row *blob;
	size_t n;

	files_become(folder, 1);
	ck_assert_int_eq(r.state, RELEASE_FAILED);
	ck_assert(str_same(r.error_code, str_of(code)));
	ck_assert_uint_gt(r.error_text.n, 0);
	ck_ok(c, blob_list(c, h->db, str_of(id.s), &blob, &n));
	ck_assert_uint_eq(n, 0);
	is_sound(c, h);
}

START_TEST(release_that_fails_leaves_nothing)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct release_row r;
	struct house h;
	struct id model;

	house_new(c, &h, folder);
	model = model_put(c, &h, "lenet", lenet(c));
	/* The parameter lock needs data. */
	r = release_put(c, &h, model, ",\"lock\":\"advparams\",\"effort\":\"none\"");
	ck_assert_int_eq(house_job_end(c, &h, r.job).state, JOB_FAILED);
	is_unmade(c, &h, folder, r.id, "INVALID_VALUE");
	house_close(&h);
}
END_TEST

struct cancelling {
	struct act act;
	struct id id;
	struct blob_row *gone;
	size_t n;
};

static bool
cancel_run(struct ctx *c, struct db *db, struct act *act)
{
	struct cancelling *x = (struct cancelling *)(void *)act;

	/* By the clock of the upkeep, which takes what ended long ago away. */
	return job_cancel_all(c, db, STR(""), str_of(x->id.s), 0, clock_now(), &x->gone, &x->n);
}

static void
cancel(struct ctx *c, struct house *h, struct id id)
{
	struct cancelling x = { .act = { .run = cancel_run, .c = c }, .id = id };

	x.act.audit = house_who("job.cancel");
	ck_ok(c, store_do(c, h->server.store, &x.act));
	for (size_t i = 0; i < x.n; i++)
		blob_file_remove(&x.gone[i].id);
	jobs_cancel(h->server.jobs, str_of(id.s));
}

/* A release that is being made, by a worker that does not get on; its pid. */
static struct release_row
held_release(struct ctx *c, struct house *h, pid_t *ret)
{
	struct id model = model_put(c, h, "lenet", lenet(c));
	struct release_row r = release_put(c, h, model, ",\"effort\":\"none\"");

	ck_until((*ret = house_child("hallmark-worker")) != 0, 20);
	ck_assert_int_eq(kill(*ret, SIGSTOP), 0);
	ck_assert_int_eq(house_job_row(c, h, r.job).state, JOB_RUNNING);
	return r;
}

START_TEST(release_that_is_cancelled_leaves_nothing)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct release_row r;
	struct house h;
	pid_t pid;

	house_new(c, &h, folder);
	r = held_release(c, &h, &pid);
	cancel(c, &h, r.job);
	ck_assert_int_eq(house_job_end(c, &h, r.job).state, JOB_CANCELLED);
	is_unmade(c, &h, folder, r.id, "CONFLICT");
	house_close(&h);
}
END_TEST

/* It waits for its second attempt; the files of the first are there. */
START_TEST(release_that_is_cancelled_in_the_queue_leaves_nothing)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct release_row r;
	struct house h;
	pid_t pid;

	house_new(c, &h, folder);
	r = held_release(c, &h, &pid);
	house_close(&h);
	ck_assert_uint_eq(files_in(folder), 1 + job_kinds[JOB_PROTECT].outputs);
	house_open(c, &h, folder, NULL);
	/* As after a start, when no worker is free yet. */
	h.server.conf.jobs_at_once = 0;
	house_work(c, &h);
	ck_until(house_job_row(c, &h, r.job).state == JOB_QUEUED, 10);
	cancel(c, &h, r.job);
	ck_assert_int_eq(house_job_end(c, &h, r.job).state, JOB_CANCELLED);
	is_unmade(c, &h, folder, r.id, "CONFLICT");
	house_close(&h);
}
END_TEST

START_TEST(release_outlives_its_worker)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct release_row r;
	struct house h;
	pid_t pid;

	house_new(c, &h, folder);
	r = held_release(c, &h, &pid);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(house_job_end(c, &h, r.job).attempts, 2);
	is_made(c, &h, folder, r.id);
	house_close(&h);
}
END_TEST

START_TEST(release_outlives_the_server)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct release_row r;
	struct house h;
	pid_t pid;

	house_new(c, &h, folder);
	r = held_release(c, &h, &pid);
	house_close(&h);
	house_open(c, &h, folder, NULL);
	house_work(c, &h);
	ck_assert_int_eq(house_job_end(c, &h, r.job).state, JOB_DONE);
	is_made(c, &h, folder, r.id);
	house_close(&h);
}
END_TEST

MAIN("jobs_releases", ONE(release_is_made_and_vouched_for),
    ONE(release_that_fails_leaves_nothing), ONE(release_that_is_cancelled_leaves_nothing),
    ONE(release_that_is_cancelled_in_the_queue_leaves_nothing),
    ONE(release_outlives_its_worker), ONE(release_outlives_the_server))
