/*
 * The vault's rows: blobs, models and data sets. What may follow what, what another vendor sees of
 * it (nothing), and that a deletion takes the keys along.
 */
#include "vault_support.h"

/* ---- Blobs ------------------------------------------------------------------------------- */

START_TEST(blob_comes_back_and_goes_with_its_key)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = asset_new(c, &h, ASSET_MODEL, "net");
	struct filed f = filed_new(c, &h, &a.id, "content"),
		     twin = filed_new(c, &h, &a.id, "content");
	struct blob_row got;
	bool found;

	ck_ok(c, doing(c, h.s, do_blob, &f));
	ck_ok(c, blob_by_id(c, h.db, str_of(f.blob.id.s), &got));
	ck_assert_str_eq(got.owner.s, a.id.s);
	ck_assert_str_eq(got.data_key.s, f.key.id.s);
	ck_str(got.part, "content");
	ck_assert_int_eq(got.state, BLOB_ARRIVING);
	ck_assert_int_eq(got.size, 7);
	/* One part of a name; and the second one's key is not left behind. */
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_blob, &twin));
	ck_assert(!has_key(c, h.db, &twin.key.id));

	ck_ok(c, doing(c, h.s, do_whole, &f.blob));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_whole, &f.blob));
	ck_ok(c, blob_find(c, h.db, str_of(a.id.s), STR("content"), &found, &got));
	ck_assert(found);
	ck_assert_int_eq(got.state, BLOB_WHOLE);
	ck_assert_int_eq(got.size, 1 << 20);
	ck_assert_uint_eq(got.sha256.b[0], 9);
	ck_assert(has_key(c, h.db, &f.key.id));

	ck_ok(c, doing(c, h.s, do_blob_delete, &f.blob));
	ck_assert(!has_key(c, h.db, &f.key.id));
	ck_ok(c, blob_find(c, h.db, str_of(a.id.s), STR("content"), &found, &got));
	ck_assert(!found);
	ck_fails(c, E_ABSENT, doing(c, h.s, do_blob_delete, &f.blob));
	house_done(c, &h);
}
END_TEST

static bool
do_key_delete(struct ctx *c, struct db *db, void *arg)
{
	return data_key_delete(c, db, str_of(arg));
}

/* A key that opens a file is not deleted before the file's row. */
START_TEST(blob_keeps_its_key)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct id owner = id_new(c, "rel");
	struct filed f = filed_new(c, &h, &owner, "artifact");

	ck_ok(c, doing(c, h.s, do_blob, &f));
	ck_assert(!doing(c, h.s, do_key_delete, f.key.id.s));
	c->err = (struct err){ 0 };
	ck_assert(has_key(c, h.db, &f.key.id));
	house_done(c, &h);
}
END_TEST

START_TEST(stale_blobs_are_those_that_nobody_makes)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct id owner[3] = { id_new(c, "mod"), id_new(c, "rel"), id_new(c, "mod") };
	struct job_row job = job_for(c, &h, &owner[1]), got;
	struct blob_row *stale;
	struct filed f[3];
	size_t n;

	for (size_t i = 0; i < 3; i++) {
		f[i] = filed_new(c, &h, &owner[i], "content");
		f[i].blob.created = (int64_t)i + 1;
		ck_ok(c, doing(c, h.s, do_blob, &f[i]));
	}
	ck_ok(c, doing(c, h.s, do_job, &job));
	ck_ok(c, job_by_id(c, h.db, STR(""), str_of(job.id.s), &got));
	ck_assert_str_eq(got.object.s, owner[1].s);
	ck_ok(c, doing(c, h.s, do_whole, &f[2].blob));
	ck_ok(c, blob_stale(c, h.db, 10, 9, &stale, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(stale[0].id.s, f[0].blob.id.s);
	ck_ok(c, blob_stale(c, h.db, 1, 9, &stale, &n));
	ck_assert_uint_eq(n, 0);
	/* Its job is over. */
	ck_ok(c, doing(c, h.s, do_job_end, &job));
	ck_ok(c, blob_stale(c, h.db, 10, 9, &stale, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, blob_stale(c, h.db, 10, 1, &stale, &n));
	ck_assert_uint_eq(n, 1);
	house_done(c, &h);
}
END_TEST

START_TEST(blob_ids_come_in_their_order)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	char last[ID_MAX] = "";
	size_t seen = 0;

	for (int i = 0; i < 5; i++) {
		struct id owner = id_new(c, "mod");
		struct filed f = filed_new(c, &h, &owner, "content");

		ck_ok(c, doing(c, h.s, do_blob, &f));
	}
	for (;;) {
		struct id *id;
		size_t n;

		ck_ok(c, blob_ids(c, h.db, str_of(last), 2, &id, &n));
		for (size_t i = 0; i < n; i++) {
			ck_assert_int_gt(strcmp(id[i].s, last), 0);
			memcpy(last, id[i].s, sizeof last);
		}
		seen += n;
		if (n < 2)
			break;
	}
	ck_assert_uint_eq(seen, 5);
	house_done(c, &h);
}
END_TEST

/* ---- Assets ------------------------------------------------------------------------------ */

START_TEST(asset_names_are_folded_by_vendor_and_kind)
{
	static const char *const spellings[] = { "Net", "NET", "\xef\xbc\xae\x65t" };
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = asset_new(c, &h, ASSET_MODEL, "net");

	ck_ok(c, doing(c, h.s, do_asset, &a));
	for (size_t i = 0; i < COUNT(spellings); i++) {
		struct asset_row twin = asset_new(c, &h, ASSET_MODEL, spellings[i]);

		ck_assert(!doing(c, h.s, do_asset, &twin));
		ck_assert_str_eq(c->err.text, "a model of this name exists already");
		ck_err(c, E_CONFLICT);
		twin = asset_new(c, &h, ASSET_DATASET, spellings[i]);
		if (i == 0)
			ck_ok(c, doing(c, h.s, do_asset, &twin));
		twin = asset_new(c, &h, ASSET_MODEL, spellings[i]);
		twin.vendor = h.other;
		if (i == 0)
			ck_ok(c, doing(c, h.s, do_asset, &twin));
	}
	a = asset_new(c, &h, ASSET_MODEL, "of nobody");
	a.vendor = id_new(c, "ven");
	ck_fails(c, E_ABSENT, doing(c, h.s, do_asset, &a));
	house_done(c, &h);
}
END_TEST

/* What may follow on what: the acts in a row, each refused or not. */
static const struct {
	deed *act[4];
	enum err_code want[4];
	enum asset_state end;
} asset_lives[] = {
	{ { do_check, do_ready }, { E_NONE, E_NONE }, ASSET_READY },
	{ { do_check, do_refuse }, { E_NONE, E_NONE }, ASSET_REFUSED },
	{ { do_ready, do_refuse }, { E_CONFLICT, E_CONFLICT }, ASSET_EMPTY },
	{ { do_check, do_check }, { E_NONE, E_CONFLICT }, ASSET_CHECKING },
	{ { do_check, do_ready, do_refuse, do_check },
	    { E_NONE, E_NONE, E_CONFLICT, E_CONFLICT }, ASSET_READY },
	{ { do_check, do_refuse, do_ready, do_check },
	    { E_NONE, E_NONE, E_CONFLICT, E_CONFLICT }, ASSET_REFUSED },
};

START_TEST(asset_lives_as_it_may)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = asset_new(c, &h, ASSET_DATASET, "images"), got;
	int64_t version = 1;

	ck_ok(c, doing(c, h.s, do_asset, &a));
	for (size_t i = 0; i < 4 && asset_lives[_i].act[i] != NULL; i++) {
		if (asset_lives[_i].want[i] == E_NONE) {
			ck_ok(c, doing(c, h.s, asset_lives[_i].act[i], a.id.s));
			version++;
		} else {
			ck_fails(c, asset_lives[_i].want[i],
			    doing(c, h.s, asset_lives[_i].act[i], a.id.s));
		}
	}
	ck_ok(c, asset_by_id(c, h.db, ASSET_DATASET, str_of(h.vendor.s), str_of(a.id.s), &got));
	ck_assert_int_eq(got.state, asset_lives[_i].end);
	ck_assert_int_eq(got.version, version);
	ck_str(got.parts, "samples labels");
	ck_assert(
	    str_same(got.facts, got.state == ASSET_READY ? STR("{\"nodes\":3}") : STR("")));
	ck_assert(str_same(
	    got.error_code, got.state == ASSET_REFUSED ? STR("INVALID_INPUT") : STR("")));
	house_done(c, &h);
}
END_TEST

START_TEST(asset_of_another_vendor_is_not_there)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = ready_model(c, &h, "net"), got, *list;
	struct str mine = str_of(h.vendor.s), other = str_of(h.other.s), id = str_of(a.id.s);
	struct deletion d = { .kind = ASSET_MODEL, .vendor = h.other, .id = a.id };
	size_t n;

	ck_ok(c, asset_by_id(c, h.db, ASSET_MODEL, mine, id, &got));
	ck_fails(c, E_ABSENT, asset_by_id(c, h.db, ASSET_MODEL, other, id, &got));
	ck_fails(c, E_ABSENT, asset_by_id(c, h.db, ASSET_MODEL, STR(""), id, &got));
	ck_fails(c, E_ABSENT, asset_by_id(c, h.db, ASSET_DATASET, mine, id, &got));
	ck_fails(c, E_ABSENT, doing(c, h.s, do_asset_delete, &d));
	ck_ok(c, asset_list(c, h.db, ASSET_MODEL, other, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, asset_list(c, h.db, ASSET_DATASET, mine, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	(void)ready_model(c, &h, "second");
	ck_ok(c, asset_list(c, h.db, ASSET_MODEL, mine, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, asset_list(c, h.db, ASSET_MODEL, mine, str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_str(list[0].name, "second");
	house_done(c, &h);
}
END_TEST

START_TEST(asset_deletion_destroys_its_keys)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = asset_new(c, &h, ASSET_DATASET, "images");
	struct filed f[2] = { filed_new(c, &h, &a.id, "samples"),
		filed_new(c, &h, &a.id, "labels") };
	struct job_row job = job_for(c, &h, &a.id);
	struct deletion d = { .kind = ASSET_DATASET, .vendor = h.vendor, .id = a.id };

	ck_ok(c, doing(c, h.s, do_asset, &a));
	ck_ok(c, doing(c, h.s, do_blob, &f[0]));
	ck_ok(c, doing(c, h.s, do_blob, &f[1]));
	ck_ok(c, doing(c, h.s, do_job, &job));
	d.version = 2;
	ck_fails(c, E_STALE, doing(c, h.s, do_asset_delete, &d));
	d.version = 1;
	ck_assert(!doing(c, h.s, do_asset_delete, &d));
	ck_assert_ptr_nonnull(strstr(c->err.text, job.id.s));
	ck_err(c, E_CONFLICT);
	ck_assert(has_key(c, h.db, &f[0].key.id));
	ck_ok(c, doing(c, h.s, do_job_end, &job));
	ck_ok(c, doing(c, h.s, do_asset_delete, &d));
	ck_assert_uint_eq(d.n, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert(!has_key(c, h.db, &f[i].key.id));
		ck_assert_str_eq(d.gone[i].id.s, f[1 - i].blob.id.s);
	}
	ck_fails(c, E_ABSENT, doing(c, h.s, do_asset_delete, &d));
	house_done(c, &h);
}
END_TEST

static bool
do_prune(struct ctx *c, struct db *db, void *arg)
{
	return job_prune(c, db, INT64_MAX, 99, arg);
}

START_TEST(jobs_are_pruned_from_under_what_they_made)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = asset_new(c, &h, ASSET_MODEL, "net"), got;
	struct job_row job = job_for(c, &h, &a.id);
	size_t pruned = 0;

	ck_ok(c, doing(c, h.s, do_asset, &a));
	ck_ok(c, doing(c, h.s, do_job, &job));
	ck_ok(c, doing(c, h.s, do_check, a.id.s));
	ck_ok(c, doing(c, h.s, do_job_end, &job));
	ck_ok(c, doing(c, h.s, do_prune, &pruned));
	ck_assert_uint_eq(pruned, 1);
	ck_ok(c, asset_by_id(c, h.db, ASSET_MODEL, str_of(h.vendor.s), str_of(a.id.s), &got));
	ck_assert_str_eq(got.job.s, "job_x");
	house_done(c, &h);
}
END_TEST

MAIN("store_vault", ONE(blob_comes_back_and_goes_with_its_key), ONE(blob_keeps_its_key),
    ONE(stale_blobs_are_those_that_nobody_makes), ONE(blob_ids_come_in_their_order),
    ONE(asset_names_are_folded_by_vendor_and_kind), EACH(asset_lives_as_it_may, asset_lives),
    ONE(asset_of_another_vendor_is_not_there), ONE(asset_deletion_destroys_its_keys),
    ONE(jobs_are_pruned_from_under_what_they_made))
