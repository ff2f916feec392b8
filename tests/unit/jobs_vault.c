/*
 * Jobs on what lies in the vault, with real workers: uploads are described or refused, and then
 * worked with; what a crash leaves on the disk is found and swept up.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault_house.h"

/* ---- Descriptions -------------------------------------------------------------------------- */

START_TEST(uploads_are_described)
{
	struct ctx *c = test_ctx();
	struct asset_row a;
	struct house h;
	struct id id;

	house_new(c, &h, test_folder());
	id = model_put(c, &h, "lenet", lenet(c));
	a = asset_of(c, &h, ASSET_MODEL, id);
	ck_assert_int_eq(a.state, ASSET_READY);
	ck_assert_ptr_nonnull(memmem(a.facts.p, a.facts.n, "\"classes\":10", 12));
	ck_assert_ptr_nonnull(memmem(a.facts.p, a.facts.n, "\"trainable\":true", 16));
	ck_assert_int_eq(house_job_row(c, &h, a.job).state, JOB_DONE);
	id = data_put(c, &h, "images", idx(c, 40, false), idx(c, 40, true));
	a = asset_of(c, &h, ASSET_DATASET, id);
	ck_assert_int_eq(a.state, ASSET_READY);
	ck_assert_ptr_nonnull(memmem(a.facts.p, a.facts.n, "\"samples\":40", 12));
	ck_assert_ptr_nonnull(memmem(a.facts.p, a.facts.n, "[4,4,4,4,4,4,4,4,4,4]", 21));
	house_close(&h);
}
END_TEST

START_TEST(uploads_that_are_none_are_refused)
{
	struct ctx *c = test_ctx();
	struct str net = lenet(c);
	struct asset_row a;
	struct house h;

	house_new(c, &h, test_folder());
	net.n /= 2;
	a = asset_of(c, &h, ASSET_MODEL, model_put(c, &h, "half a net", net));
	ck_assert_int_eq(a.state, ASSET_REFUSED);
	ck_str(a.error_code, "INVALID_VALUE");
	ck_assert_uint_gt(a.error_text.n, 10);
	ck_assert_int_eq(house_job_row(c, &h, a.job).state, JOB_FAILED);
	a = asset_of(c, &h, ASSET_DATASET,
	    data_put(c, &h, "short", idx(c, 40, false), idx(c, 39, true)));
	ck_assert_int_eq(a.state, ASSET_REFUSED);
	ck_str(a.error_text, "40 samples, but 39 labels");
	house_close(&h);
}
END_TEST

/* ---- Jobs on what is ready ----------------------------------------------------------------- */

START_TEST(model_is_evaluated)
{
	struct ctx *c = test_ctx();
	struct order_rows o = { .act = { .run = order_put, .c = c } };
	struct str vendor, params;
	struct id model, data;
	struct job_row row;
	struct house h;

	house_new(c, &h, test_folder());
	vendor = str_of(h.vendor.s);
	model = model_put(c, &h, "lenet", lenet(c));
	data = data_put(c, &h, "images", idx(c, 40, false), idx(c, 40, true));
	params = str_of(
	    take_printf(c, "{\"model\":\"%s\",\"dataset\":\"%s\"}", model.s, data.s));
	ck_fails(c, E_INPUT,
	    job_new(c, &h.server, h.db, vendor, STR("evaluate"), STR("{}"), &o.job, &o.key));
	ck_fails(c, E_ABSENT,
	    job_new(c, &h.server, h.db, vendor, STR("evaluate"),
		str_of(take_printf(c, "{\"model\":\"%s\"}", data.s)), &o.job, &o.key));
	ck_ok(c, job_new(c, &h.server, h.db, vendor, STR("evaluate"), params, &o.job, &o.key));
	ck_assert_str_eq(o.job.object.s, model.s);
	ck_ok(c, store_do(c, h.server.store, &o.act));
	jobs_wake(h.server.jobs);
	row = house_job_end(c, &h, o.job.id);
	ck_assert_int_eq(row.state, JOB_DONE);
	ck_assert_ptr_nonnull(memmem(row.result.p, row.result.n, "\"samples\":40", 12));
	house_close(&h);
}
END_TEST

/* ---- Files and rows ------------------------------------------------------------------------ */

static void
stray(struct ctx *c, const char *folder, const char *name)
{
	ck_ok(c,
	    file_create(c, AT_FDCWD, test_path(test_path(folder, "blobs"), name), 0600,
		STR("rubbish")));
}

START_TEST(rubbish_is_swept_at_the_start)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder();
	struct house h;

	house_new(c, &h, folder);
	(void)model_put(c, &h, "lenet", lenet(c));
	house_close(&h);
	stray(c, folder, "blb_0198a000-0000-7000-8000-000000000001");
	stray(c, folder, "x");
	ck_assert_uint_eq(files_in(folder), 3);
	house_open(c, &h, folder, NULL);
	ck_assert_uint_eq(files_in(folder), 1);
	is_sound(c, &h);
	house_close(&h);
}
END_TEST

START_TEST(check_finds_what_is_wrong)
{
	struct ctx *c = test_ctx();
	const char *folder = test_folder(), *path;
	struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	struct blob_row *blob;
	struct house h;
	struct id id;
	struct buf b;
	size_t n;

	house_new(c, &h, folder);
	id = model_put(c, &h, "lenet", lenet(c));
	ck_ok(c, blob_list(c, h.db, str_of(id.s), &blob, &n));
	path = test_path(test_path(folder, "blobs"), blob[0].id.s);
	stray(c, folder, "x");
	is_sound(c, &h); /* it may be an upload that goes on */
	ck_assert_int_eq(
	    utimensat(AT_FDCWD, test_path(test_path(folder, "blobs"), "x"), old, 0), 0);
	ck_assert_int_eq(truncate(path, 100), 0);
	ck_ok(c, take_buf(c, 4096, &b));
	ck_ok(c, blobs_check(c, h.db, &b));
	ck_assert_ptr_nonnull(memmem(b.p, b.n, "blobs/x has no row", 18));
	ck_assert_ptr_nonnull(memmem(b.p, b.n, "another size", 12));
	ck_assert_int_eq(unlink(path), 0);
	b.n = 0;
	ck_ok(c, blobs_check(c, h.db, &b));
	ck_assert_ptr_nonnull(memmem(b.p, b.n, "is gone", 7));
	house_close(&h);
}
END_TEST

MAIN("jobs_vault", ONE(uploads_are_described), ONE(uploads_that_are_none_are_refused),
    ONE(model_is_evaluated), ONE(rubbish_is_swept_at_the_start), ONE(check_finds_what_is_wrong))
