/*
 * Releases as rows: numbered, made or failed, of one vendor's ready model, and gone with their
 * secret; and what the schema of the vault refuses by itself.
 */
#include "vault_support.h"

/* A release and the key that is its secret, in one act. */
struct birth {
	struct release_row row;
	struct data_key_row key;
};

static struct birth
birth_new(struct ctx *c, const struct house *h, const struct id *model)
{
	struct birth b = { .row = { .id = id_new(c, "rel"),
			       .vendor = h->vendor,
			       .model = *model,
			       .name = STR("spring"),
			       .job = id_new(c, "job"),
			       .created = c->now() },
		.key = { id_new(c, "key"), h->vendor, 1, STR("sealed") } };

	b.row.key = b.key.id;
	return b;
}

static bool
do_release(struct ctx *c, struct db *db, void *arg)
{
	struct birth *b = arg;

	return data_key_insert(c, db, &b->key) && release_insert(c, db, &b->row);
}

static bool
do_release_ready(struct ctx *c, struct db *db, void *arg)
{
	return release_ready(c, db, arg);
}

static bool
do_release_fail(struct ctx *c, struct db *db, void *arg)
{
	return release_fail(
	    c, db, str_of(((struct release_row *)arg)->id.s), STR("CONFLICT"), STR("no"));
}

static bool
do_release_delete(struct ctx *c, struct db *db, void *arg)
{
	struct deletion *d = arg;

	return release_delete(
	    c, db, str_of(d->vendor.s), STR(""), str_of(d->id.s), d->version, &d->gone, &d->n);
}

START_TEST(release_is_numbered_and_made)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = ready_model(c, &h, "net"), b = ready_model(c, &h, "other net");
	struct birth r[3] = { birth_new(c, &h, &a.id), birth_new(c, &h, &a.id),
		birth_new(c, &h, &b.id) };
	struct release_row got, *list;
	size_t n;

	for (size_t i = 0; i < 3; i++) {
		ck_ok(c, doing(c, h.s, do_release, &r[i]));
		ck_assert_int_eq(r[i].row.number, i == 1 ? 2 : 1);
		ck_assert_int_eq(r[i].row.version, 1);
	}
	r[0].row.locks = 3;
	r[0].row.bytes = 99;
	r[0].row.log_l = 14;
	r[0].row.kappa = 0.03;
	r[0].row.artifact = (struct digest256){ { 1 } };
	r[0].row.plain = (struct digest256){ { 2 } };
	r[0].row.facts = STR("{}");
	r[0].row.bundle = STR("{\"a\":1}");
	/* A ready release has a manifest. */
	ck_assert(!doing(c, h.s, do_release_ready, &r[0].row));
	r[0].row.manifest = STR("a.b.c");
	ck_ok(c, doing(c, h.s, do_release_ready, &r[0].row));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_release_ready, &r[0].row));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_release_fail, &r[0].row));
	ck_ok(c, doing(c, h.s, do_release_fail, &r[1].row));

	ck_ok(c,
	    release_by_id(
		c, h.db, str_of(h.vendor.s), str_of(a.id.s), str_of(r[0].row.id.s), &got));
	ck_assert_int_eq(got.state, RELEASE_READY);
	ck_assert_int_eq(got.version, 2);
	ck_assert_uint_eq(got.locks, 3);
	ck_assert_uint_eq(got.log_l, 14);
	ck_assert_double_eq(got.kappa, 0.03);
	ck_assert_int_eq(got.bytes, 99);
	ck_assert(digest256_same(&got.artifact, &r[0].row.artifact));
	ck_assert(digest256_same(&got.plain, &r[0].row.plain));
	ck_str(got.manifest, "a.b.c");
	ck_str(got.bundle, "{\"a\":1}");
	ck_assert_str_eq(got.job.s, r[0].row.job.s);
	ck_ok(c,
	    release_list(c, h.db, str_of(h.vendor.s), str_of(a.id.s), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(list[1].state, RELEASE_FAILED);
	ck_str(list[1].error_code, "CONFLICT");
	ck_ok(c, release_list(c, h.db, str_of(h.vendor.s), STR(""), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 3);
	ck_ok(c, release_list(c, h.db, STR(""), STR(""), str_of(list[0].id.s), 1, &list, &n));
	ck_assert_uint_eq(n, 1);
	house_done(c, &h);
}
END_TEST

START_TEST(release_needs_a_ready_model_of_its_vendor)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = asset_new(c, &h, ASSET_MODEL, "net");
	struct birth r = birth_new(c, &h, &a.id);

	ck_fails(c, E_ABSENT, doing(c, h.s, do_release, &r));
	ck_ok(c, doing(c, h.s, do_asset, &a));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_release, &r));
	ck_ok(c, doing(c, h.s, do_check, a.id.s));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_release, &r));
	ck_ok(c, doing(c, h.s, do_ready, a.id.s));
	r.row.vendor = h.other;
	ck_fails(c, E_ABSENT, doing(c, h.s, do_release, &r));
	r.row.vendor = h.vendor;
	ck_ok(c, doing(c, h.s, do_release, &r));
	house_done(c, &h);
}
END_TEST

START_TEST(release_of_another_vendor_is_not_there)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = ready_model(c, &h, "net"), b = ready_model(c, &h, "second");
	struct birth r = birth_new(c, &h, &a.id);
	struct deletion d = { .vendor = h.other, .id = r.row.id };
	struct release_row got, *list;
	struct str id = str_of(r.row.id.s), model = str_of(a.id.s);
	size_t n;

	ck_ok(c, doing(c, h.s, do_release, &r));
	ck_ok(c, release_by_id(c, h.db, STR(""), STR(""), id, &got));
	ck_ok(c, release_by_id(c, h.db, str_of(h.vendor.s), STR(""), id, &got));
	ck_fails(c, E_ABSENT, release_by_id(c, h.db, str_of(h.other.s), STR(""), id, &got));
	ck_fails(c, E_ABSENT, release_by_id(c, h.db, str_of(h.other.s), model, id, &got));
	ck_fails(
	    c, E_ABSENT, release_by_id(c, h.db, str_of(h.vendor.s), str_of(b.id.s), id, &got));
	ck_ok(c, release_list(c, h.db, str_of(h.other.s), model, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, release_list(c, h.db, str_of(h.other.s), STR(""), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	ck_fails(c, E_ABSENT, doing(c, h.s, do_release_delete, &d));
	house_done(c, &h);
}
END_TEST

START_TEST(release_deletion_destroys_its_secret)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row a = ready_model(c, &h, "net");
	struct birth r = birth_new(c, &h, &a.id);
	struct filed f = filed_new(c, &h, &r.row.id, "artifact");
	struct deletion model = { .kind = ASSET_MODEL, .vendor = h.vendor, .id = a.id },
			d = { .vendor = h.vendor, .id = r.row.id, .version = 9 };
	struct job_row job = job_for(c, &h, &r.row.id);

	ck_ok(c, doing(c, h.s, do_release, &r));
	ck_ok(c, doing(c, h.s, do_blob, &f));
	ck_ok(c, doing(c, h.s, do_job, &job));
	/* The model stays while it has a release, the release while it has a job. */
	ck_assert(!doing(c, h.s, do_asset_delete, &model));
	ck_assert_ptr_nonnull(strstr(c->err.text, r.row.id.s));
	ck_err(c, E_CONFLICT);
	ck_fails(c, E_STALE, doing(c, h.s, do_release_delete, &d));
	d.version = 1;
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_release_delete, &d));
	ck_ok(c, doing(c, h.s, do_job_end, &job));
	ck_assert(has_key(c, h.db, &r.key.id));
	ck_ok(c, doing(c, h.s, do_release_delete, &d));
	ck_assert_uint_eq(d.n, 1);
	ck_assert_str_eq(d.gone[0].id.s, f.blob.id.s);
	ck_assert(!has_key(c, h.db, &r.key.id));
	ck_assert(!has_key(c, h.db, &f.key.id));
	ck_ok(c, doing(c, h.s, do_asset_delete, &model));
	house_done(c, &h);
}
END_TEST

START_TEST(schema_refuses_what_no_code_should_write)
{
	static const char *const bad[] = {
		"UPDATE blob SET id = 'mod_' || substr(id, 5)",
		"UPDATE blob SET state = 2",
		"UPDATE blob SET size = -1",
		"UPDATE blob SET sha256 = x'00'",
		"UPDATE blob SET data_key = 'key_nobody'",
		"UPDATE blob SET vendor = 'ven_nobody'",
		"UPDATE asset SET id = 'dat_' || substr(id, 5)",
		"UPDATE asset SET kind = 1",
		"UPDATE asset SET state = 4",
		"UPDATE asset SET name = ''",
		"UPDATE asset SET parts = ''",
		"UPDATE model_release SET state = 1",
		"UPDATE model_release SET locks = 4",
		"UPDATE model_release SET model = 'mod_nobody'",
		"UPDATE model_release SET key = 'key_nobody'",
		"UPDATE model_release SET number = 0",
		"DELETE FROM asset",
		"DELETE FROM data_key",
		"DELETE FROM vendor",
	};
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct house h = house_in(c, dir);
	struct asset_row a;
	struct birth r;
	struct filed f;
	sqlite3 *sql;

	a = ready_model(c, &h, "net");
	r = birth_new(c, &h, &a.id);
	f = filed_new(c, &h, &r.row.id, "artifact");
	ck_ok(c, doing(c, h.s, do_release, &r));
	ck_ok(c, doing(c, h.s, do_blob, &f));
	house_done(c, &h);
	sql = raw_open(dir);
	raw(sql, "PRAGMA foreign_keys = ON");
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(sqlite3_exec(sql, bad[i], NULL, NULL, NULL) == SQLITE_CONSTRAINT,
		    "%s: %s", bad[i], sqlite3_errmsg(sql));
	sqlite3_close(sql);
}
END_TEST

MAIN("store_releases", ONE(release_is_numbered_and_made),
    ONE(release_needs_a_ready_model_of_its_vendor), ONE(release_of_another_vendor_is_not_there),
    ONE(release_deletion_destroys_its_secret), ONE(schema_refuses_what_no_code_should_write))
