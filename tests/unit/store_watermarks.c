/*
 * Watermarks as rows: made or failed with their model, known to the model's releases from then on,
 * seen by no other vendor, and gone with the model, their secret too.
 */
#include "vault_support.h"

/* A watermark, the model that has it, and its secret, in one act. */
struct birth {
	struct asset_row model;
	struct watermark_row row;
	struct data_key_row key;
};

static struct birth
birth_new(struct ctx *c, const struct house *h, const struct id *source, const char *name)
{
	struct birth b = { .model = asset_new(c, h, ASSET_MODEL, name),
		.key = { id_new(c, "key"), h->vendor, 1, STR("sealed") } };

	b.row = (struct watermark_row){ .id = id_new(c, "wmk"),
		.vendor = h->vendor,
		.source = *source,
		.model = b.model.id,
		.job = id_new(c, "job"),
		.key = b.key.id,
		.created = c->now() };
	return b;
}

static bool
do_birth(struct ctx *c, struct db *db, void *arg)
{
	struct birth *b = arg;

	return asset_insert(c, db, &b->model) &&
	    asset_check(c, db, str_of(b->model.id.s), str_of(b->row.job.s)) &&
	    data_key_insert(c, db, &b->key) && watermark_insert(c, db, &b->row);
}

static bool
do_watermark_ready(struct ctx *c, struct db *db, void *arg)
{
	return watermark_ready(c, db, arg);
}

static bool
do_watermark_fail(struct ctx *c, struct db *db, void *arg)
{
	return watermark_fail(c, db, str_of(((struct id *)arg)->s), STR("CONFLICT"), STR("no"));
}

/* A release of the model, with a key of its own. */
struct release {
	struct release_row row;
	struct data_key_row key;
};

static bool
do_release(struct ctx *c, struct db *db, void *arg)
{
	struct release *r = arg;

	return data_key_insert(c, db, &r->key) && release_insert(c, db, &r->row);
}

static struct release
release_new(struct ctx *c, const struct house *h, const struct id *model)
{
	struct release r = { .row = { .id = id_new(c, "rel"),
				 .vendor = h->vendor,
				 .model = *model,
				 .name = STR(""),
				 .job = id_new(c, "job"),
				 .created = c->now() },
		.key = { id_new(c, "key"), h->vendor, 1, STR("sealed") } };

	r.row.key = r.key.id;
	return r;
}

static struct str
vendor_of(const struct house *h)
{
	return str_of(h->vendor.s);
}

START_TEST(watermark_is_made_or_fails)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row source = ready_model(c, &h, "net");
	struct birth b[2] = { birth_new(c, &h, &source.id, "marked"),
		birth_new(c, &h, &source.id, "lost") };
	struct watermark_row got, *list;
	bool found;
	size_t n;

	for (size_t i = 0; i < 2; i++)
		ck_ok(c, doing(c, h.s, do_birth, &b[i]));
	/* A ready one has keys and classes. */
	ck_assert(!doing(c, h.s, do_watermark_ready, &b[0].row));
	b[0].row.keys = 100;
	b[0].row.classes = 10;
	b[0].row.commitment = (struct digest256){ { 7 } };
	b[0].row.facts = STR("{\"a\":1}");
	ck_ok(c, doing(c, h.s, do_watermark_ready, &b[0].row));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_watermark_ready, &b[0].row));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_watermark_fail, &b[0].model.id));
	ck_ok(c, doing(c, h.s, do_watermark_fail, &b[1].model.id));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_watermark_ready, &b[1].row));

	ck_ok(c, watermark_by_id(c, h.db, vendor_of(&h), str_of(b[0].row.id.s), &got));
	ck_assert_int_eq(got.state, WATERMARK_READY);
	ck_assert_int_eq(got.version, 2);
	ck_assert_int_eq(got.keys, 100);
	ck_assert_int_eq(got.classes, 10);
	ck_assert(digest256_same(&got.commitment, &b[0].row.commitment));
	ck_str(got.facts, "{\"a\":1}");
	ck_str(got.name, "marked");
	ck_assert_str_eq(got.source.s, source.id.s);
	ck_assert_str_eq(got.key.s, b[0].key.id.s);
	ck_ok(c,
	    watermark_by_model(c, h.db, vendor_of(&h), str_of(b[1].model.id.s), &found, &got));
	ck_assert(found);
	ck_assert_int_eq(got.state, WATERMARK_FAILED);
	ck_str(got.error_code, "CONFLICT");
	ck_ok(c, watermark_list(c, h.db, vendor_of(&h), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, watermark_list(c, h.db, vendor_of(&h), str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	house_done(c, &h);
}
END_TEST

START_TEST(releases_know_the_watermark_of_their_model)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row source = ready_model(c, &h, "net");
	struct birth b = birth_new(c, &h, &source.id, "marked");
	struct release before, after, plain = release_new(c, &h, &source.id);
	struct watermark_row got;
	struct release_row row;
	bool found;

	ck_ok(c, doing(c, h.s, do_birth, &b));
	ck_ok(c, doing(c, h.s, do_ready, b.model.id.s));
	before = release_new(c, &h, &b.model.id);
	/* One that is not made yet is none. */
	ck_ok(c, doing(c, h.s, do_release, &before));
	ck_assert_str_eq(before.row.watermark.s, "");
	b.row.keys = b.row.classes = 4;
	ck_ok(c, doing(c, h.s, do_watermark_ready, &b.row));
	after = release_new(c, &h, &b.model.id);
	ck_ok(c, doing(c, h.s, do_release, &after));
	ck_ok(c, doing(c, h.s, do_release, &plain));
	ck_assert_str_eq(after.row.watermark.s, b.row.id.s);
	ck_ok(c, release_by_id(c, h.db, vendor_of(&h), STR(""), str_of(after.row.id.s), &row));
	ck_assert_str_eq(row.watermark.s, b.row.id.s);
	ck_assert_int_eq(row.version, 1);
	ck_ok(c,
	    watermark_of_release(c, h.db, vendor_of(&h), str_of(after.row.id.s), &found, &got));
	ck_assert(found);
	ck_assert_str_eq(got.id.s, b.row.id.s);
	for (size_t i = 0; i < 2; i++) {
		const struct release *r = i == 0 ? &before : &plain;

		ck_ok(c,
		    watermark_of_release(
			c, h.db, vendor_of(&h), str_of(r->row.id.s), &found, &got));
		ck_assert(!found);
	}
	ck_ok(c,
	    watermark_of_release(
		c, h.db, str_of(h.other.s), str_of(after.row.id.s), &found, &got));
	ck_assert(!found);
	house_done(c, &h);
}
END_TEST

START_TEST(watermark_of_another_vendor_is_not_there)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row source = ready_model(c, &h, "net");
	struct birth b = birth_new(c, &h, &source.id, "marked");
	struct watermark_row got, *list;
	bool found;
	size_t n;

	ck_ok(c, doing(c, h.s, do_birth, &b));
	ck_fails(
	    c, E_ABSENT, watermark_by_id(c, h.db, str_of(h.other.s), str_of(b.row.id.s), &got));
	ck_ok(c,
	    watermark_by_model(c, h.db, str_of(h.other.s), str_of(b.model.id.s), &found, &got));
	ck_assert(!found);
	ck_ok(c, watermark_list(c, h.db, str_of(h.other.s), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	house_done(c, &h);
}
END_TEST

START_TEST(deletion_of_the_model_destroys_the_secret)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row source = ready_model(c, &h, "net");
	struct birth b = birth_new(c, &h, &source.id, "marked");
	struct filed keys = filed_new(c, &h, &b.model.id, "keys");
	struct deletion d = { .kind = ASSET_MODEL, .vendor = h.other, .id = b.model.id },
			of_source = {
				.kind = ASSET_MODEL, .vendor = h.vendor, .id = source.id
			};
	struct watermark_row got;

	ck_ok(c, doing(c, h.s, do_birth, &b));
	ck_ok(c, doing(c, h.s, do_blob, &keys));
	/* Another vendor's attempt changes nothing. */
	ck_fails(c, E_ABSENT, doing(c, h.s, do_asset_delete, &d));
	/* What it was made out of may go. */
	ck_ok(c, doing(c, h.s, do_asset_delete, &of_source));
	ck_assert(has_key(c, h.db, &b.key.id));
	ck_ok(c, watermark_by_id(c, h.db, vendor_of(&h), str_of(b.row.id.s), &got));
	d.vendor = h.vendor;
	ck_ok(c, doing(c, h.s, do_asset_delete, &d));
	ck_assert_uint_eq(d.n, 1);
	ck_assert(!has_key(c, h.db, &b.key.id));
	ck_assert(!has_key(c, h.db, &keys.key.id));
	ck_fails(
	    c, E_ABSENT, watermark_by_id(c, h.db, vendor_of(&h), str_of(b.row.id.s), &got));
	house_done(c, &h);
}
END_TEST

MAIN("store_watermarks", ONE(watermark_is_made_or_fails),
    ONE(releases_know_the_watermark_of_their_model),
    ONE(watermark_of_another_vendor_is_not_there),
    ONE(deletion_of_the_model_destroys_the_secret))
