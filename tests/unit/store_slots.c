/*
 * Slot sets and copies as rows: one living set for a model, one copy for a customer, releases that
 * know whose they are, nothing of it seen by another vendor, and what goes with what. And the
 * upgrade from the tables of before.
 */
#include "vault_support.h"

#include <fcntl.h>

#include "impl.h"

/* A slot set and its secret, in one act. */
struct birth {
	struct slot_set_row row;
	struct data_key_row key;
};

static struct birth
birth_new(struct ctx *c, const struct house *h, const struct id *model)
{
	struct birth b = { .key = { id_new(c, "key"), h->vendor, 1, STR("sealed") } };

	b.row = (struct slot_set_row){ .id = id_new(c, "slo"),
		.vendor = h->vendor,
		.model = *model,
		.job = id_new(c, "job"),
		.key = b.key.id,
		.customers = 100,
		.colluders = 2,
		.created = c->now() };
	return b;
}

static bool
do_birth(struct ctx *c, struct db *db, void *arg)
{
	struct birth *b = arg;

	return data_key_insert(c, db, &b->key) && slot_set_insert(c, db, &b->row);
}

static bool
do_slots_ready(struct ctx *c, struct db *db, void *arg)
{
	return slot_set_ready(c, db, arg);
}

static bool
do_slots_fail(struct ctx *c, struct db *db, void *arg)
{
	return slot_set_fail(c, db, str_of(((struct id *)arg)->s), STR("CONFLICT"), STR("no"));
}

/* A set that is ready, as its job would leave it. */
static struct birth
slots_added(struct ctx *c, struct house *h, const struct id *model)
{
	struct birth b = birth_new(c, h, model);

	ck_ok(c, doing(c, h->s, do_birth, &b));
	b.row.slots = 240;
	b.row.classes = 10;
	b.row.commitment = (struct digest256){ { 7 } };
	b.row.facts = STR("{\"a\":1}");
	ck_ok(c, doing(c, h->s, do_slots_ready, &b.row));
	return b;
}

static bool
do_customer(struct ctx *c, struct db *db, void *arg)
{
	return customer_insert(c, db, arg);
}

static struct customer_row
customer_added(struct ctx *c, struct house *h, const char *name)
{
	struct customer_row r = { .id = id_new(c, "cus"),
		.vendor = h->vendor,
		.name = str_of(name),
		.code = { { (uint8_t)name[0] } },
		.code_expires = c->now() + 1000,
		.created = c->now() };

	ck_ok(c, doing(c, h->s, do_customer, &r));
	return r;
}

/* One customer's copy, on its way. */
static struct asset_row
copy_new(struct ctx *c, struct house *h, const char *name, const struct birth *b,
    const struct customer_row *of)
{
	struct asset_row a = asset_new(c, h, ASSET_MODEL, name);

	a.slots = b->row.id;
	a.personal = of->id;
	return a;
}

static struct asset_row
copy_added(struct ctx *c, struct house *h, const char *name, const struct birth *b,
    const struct customer_row *of)
{
	struct asset_row a = copy_new(c, h, name, b, of);

	ck_ok(c, doing(c, h->s, do_asset, &a));
	ck_ok(c, doing(c, h->s, do_check, a.id.s));
	return a;
}

static struct str
vendor_of(const struct house *h)
{
	return str_of(h->vendor.s);
}

/* ---- Slot sets --------------------------------------------------------------------------- */

START_TEST(slots_are_made_or_fail)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row net = ready_model(c, &h, "net"),
			 raw = asset_new(c, &h, ASSET_MODEL, "raw");
	struct birth first = birth_new(c, &h, &net.id), second = birth_new(c, &h, &net.id),
		     third = birth_new(c, &h, &net.id), early = birth_new(c, &h, &raw.id);
	struct slot_set_row got, *list;
	bool found;
	size_t n;

	ck_ok(c, doing(c, h.s, do_asset, &raw));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_birth, &early));
	ck_ok(c, doing(c, h.s, do_birth, &first));
	/* One at a time; a failed one is in nobody's way. */
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_birth, &second));
	ck_ok(c, doing(c, h.s, do_slots_fail, &first.row.id));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_slots_fail, &first.row.id));
	ck_ok(c, slot_set_of_model(c, h.db, vendor_of(&h), str_of(net.id.s), &found, &got));
	ck_assert(!found);
	second = slots_added(c, &h, &net.id);
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_slots_ready, &second.row));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_birth, &third));

	ck_ok(c, slot_set_of_model(c, h.db, vendor_of(&h), str_of(net.id.s), &found, &got));
	ck_assert(found);
	ck_ok(c, slot_set_by_id(c, h.db, vendor_of(&h), str_of(second.row.id.s), &got));
	ck_assert_int_eq(got.state, SLOT_SET_READY);
	ck_assert_int_eq(got.version, 2);
	ck_assert_int_eq(got.slots, 240);
	ck_assert_int_eq(got.classes, 10);
	ck_assert_int_eq(got.customers, 100);
	ck_assert_int_eq(got.colluders, 2);
	ck_assert(digest256_same(&got.commitment, &second.row.commitment));
	ck_str(got.facts, "{\"a\":1}");
	ck_str(got.name, "net");
	ck_assert_str_eq(got.key.s, second.key.id.s);
	ck_ok(c, slot_set_list(c, h.db, vendor_of(&h), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(list[0].state, SLOT_SET_FAILED);
	ck_str(list[0].error_code, "CONFLICT");
	ck_ok(c, slot_set_list(c, h.db, vendor_of(&h), str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	house_done(c, &h);
}
END_TEST

START_TEST(slots_are_one_vendors)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row net = ready_model(c, &h, "net");
	struct birth b = slots_added(c, &h, &net.id), his = birth_new(c, &h, &net.id);
	struct str other = str_of(h.other.s), mine = str_of(b.row.id.s);
	struct slot_set_row got, *list;
	bool found;
	size_t n;

	ck_fails(c, E_ABSENT, slot_set_by_id(c, h.db, other, mine, &got));
	ck_ok(c, slot_set_of_model(c, h.db, other, str_of(net.id.s), &found, &got));
	ck_assert(!found);
	ck_ok(c, slot_set_list(c, h.db, other, STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);
	his.row.vendor = h.other;
	ck_fails(c, E_ABSENT, doing(c, h.s, do_birth, &his));
	house_done(c, &h);
}
END_TEST

/* ---- Copies ------------------------------------------------------------------------------ */

struct walked {
	uint32_t number[4];
	size_t n, most;
};

static bool
walk_on(struct ctx *c, void *arg, uint32_t number, const struct id *customer)
{
	struct walked *w = arg;

	(void)customer;
	if (w->n == w->most)
		return fail(c, E_LIMIT, "enough");
	w->number[w->n++] = number;
	return true;
}

START_TEST(customer_has_one_copy)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row net = ready_model(c, &h, "net");
	struct birth b = slots_added(c, &h, &net.id);
	struct customer_row ada = customer_added(c, &h, "Ada"),
			    bob = customer_added(c, &h, "Bob");
	struct asset_row late = copy_added(c, &h, "bob's", &b, &bob),
			 lost = copy_added(c, &h, "lost", &b, &ada),
			 twin = copy_new(c, &h, "twin", &b, &bob), got;
	struct birth nested = birth_new(c, &h, &late.id);
	struct walked w = { .most = 4 };

	ck_fails(c, E_CONFLICT, doing(c, h.s, do_asset, &twin));
	ck_ok(c, slot_set_copies(c, h.db, str_of(b.row.id.s), walk_on, &w));
	ck_assert_uint_eq(w.n, 0);
	ck_ok(c, doing(c, h.s, do_ready, late.id.s));
	ck_ok(c, doing(c, h.s, do_refuse, lost.id.s));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_birth, &nested)); /* a copy has no slots */
	/* What failed is none: there may be another. */
	lost = copy_added(c, &h, "ada's", &b, &ada);
	ck_ok(c, doing(c, h.s, do_ready, lost.id.s));
	ck_ok(c, asset_by_id(c, h.db, ASSET_MODEL, vendor_of(&h), str_of(lost.id.s), &got));
	ck_assert_str_eq(got.slots.s, b.row.id.s);
	ck_assert_str_eq(got.personal.s, ada.id.s);
	ck_ok(c, slot_set_copies(c, h.db, str_of(b.row.id.s), walk_on, &w));
	ck_assert_uint_eq(w.n, 2);
	ck_assert_uint_eq(w.number[0], ada.number);
	ck_assert_uint_eq(w.number[1], bob.number);
	w = (struct walked){ .most = 1 };
	ck_fails(c, E_LIMIT, slot_set_copies(c, h.db, str_of(b.row.id.s), walk_on, &w));
	ck_ok(c, asset_by_id(c, h.db, ASSET_MODEL, vendor_of(&h), str_of(net.id.s), &got));
	ck_assert_str_eq(got.personal.s, "");
	house_done(c, &h);
}
END_TEST

/* ---- Releases ---------------------------------------------------------------------------- */

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

static struct release_row
release_added(struct ctx *c, struct house *h, const struct id *model)
{
	struct release r = { .row = { .id = id_new(c, "rel"),
				 .vendor = h->vendor,
				 .model = *model,
				 .name = STR(""),
				 .job = id_new(c, "job"),
				 .created = c->now() },
		.key = { id_new(c, "key"), h->vendor, 1, STR("sealed") } };

	r.row.key = r.key.id;
	ck_ok(c, doing(c, h->s, do_release, &r));
	return r.row;
}

static bool
do_mark(struct ctx *c, struct db *db, void *arg)
{
	struct watermark_row *w = arg;
	const struct data_key_row key = { w->key, w->vendor, 1, STR("sealed") };

	return data_key_insert(c, db, &key) && watermark_insert(c, db, w) &&
	    watermark_ready(c, db, w);
}

START_TEST(releases_know_whose_copy_they_are)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row source = ready_model(c, &h, "source"), net = ready_model(c, &h, "net");
	struct birth b = slots_added(c, &h, &net.id);
	struct customer_row ada = customer_added(c, &h, "Ada");
	struct asset_row copy = copy_added(c, &h, "ada's", &b, &ada);
	struct watermark_row mark = { .id = id_new(c, "wmk"),
		.vendor = h.vendor,
		.source = source.id,
		.model = net.id,
		.job = id_new(c, "job"),
		.key = id_new(c, "key"),
		.keys = 9,
		.classes = 10,
		.facts = STR("{}"),
		.created = c->now() };
	struct release_row hers, all, plain, got;
	struct slot_set_row set;
	bool found;

	ck_ok(c, doing(c, h.s, do_mark, &mark));
	ck_ok(c, doing(c, h.s, do_ready, copy.id.s));
	hers = release_added(c, &h, &copy.id);
	all = release_added(c, &h, &net.id);
	plain = release_added(c, &h, &source.id);
	ck_assert_str_eq(hers.personal.s, ada.id.s);
	ck_assert_str_eq(hers.watermark.s, mark.id.s);
	ck_assert_str_eq(all.personal.s, "");
	ck_ok(c, release_by_id(c, h.db, vendor_of(&h), STR(""), str_of(hers.id.s), &got));
	ck_assert_str_eq(got.personal.s, ada.id.s);
	ck_assert_str_eq(got.watermark.s, mark.id.s);
	ck_ok(c, release_outline(c, h.db, vendor_of(&h), str_of(hers.id.s), &got));
	ck_assert_str_eq(got.personal.s, ada.id.s);
	ck_ok(c, release_outline(c, h.db, vendor_of(&h), str_of(all.id.s), &got));
	ck_assert_str_eq(got.personal.s, "");
	for (size_t i = 0; i < 2; i++) {
		ck_ok(c,
		    slot_set_of_release(c, h.db, vendor_of(&h),
			str_of(i == 0 ? hers.id.s : all.id.s), &found, &set));
		ck_assert(found);
		ck_assert_str_eq(set.id.s, b.row.id.s);
	}
	ck_ok(c, slot_set_of_release(c, h.db, vendor_of(&h), str_of(plain.id.s), &found, &set));
	ck_assert(!found);
	ck_ok(c,
	    slot_set_of_release(c, h.db, str_of(h.other.s), str_of(hers.id.s), &found, &set));
	ck_assert(!found);
	house_done(c, &h);
}
END_TEST

/* ---- Going ------------------------------------------------------------------------------- */

static int64_t
count(struct ctx *c, struct house *h, const char *sql)
{
	int64_t n = -1;

	ck_ok(c, db_number(c, h->db, sql, &n));
	return n;
}

START_TEST(slots_go_with_their_model)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct asset_row net = ready_model(c, &h, "net");
	struct birth lost = birth_new(c, &h, &net.id), b;
	struct customer_row ada = customer_added(c, &h, "Ada");
	struct asset_row copy;
	struct deletion base = { .kind = ASSET_MODEL, .vendor = h.vendor, .id = net.id }, his;
	int64_t keys = count(c, &h, "SELECT count(*) FROM data_key");

	ck_ok(c, doing(c, h.s, do_birth, &lost));
	ck_ok(c, doing(c, h.s, do_slots_fail, &lost.row.id));
	b = slots_added(c, &h, &net.id);
	copy = copy_added(c, &h, "ada's", &b, &ada);
	ck_ok(c, doing(c, h.s, do_ready, copy.id.s));
	ck_fails(c, E_CONFLICT, doing(c, h.s, do_asset_delete, &base));
	ck_assert_int_eq(count(c, &h, "SELECT count(*) FROM slot_set"), 2);
	his = (struct deletion){ .kind = ASSET_MODEL, .vendor = h.vendor, .id = copy.id };
	ck_ok(c, doing(c, h.s, do_asset_delete, &his));
	ck_ok(c, doing(c, h.s, do_asset_delete, &base));
	ck_assert_int_eq(count(c, &h, "SELECT count(*) FROM slot_set"), 0);
	ck_assert_int_eq(count(c, &h, "SELECT count(*) FROM data_key"), keys);
	house_done(c, &h);
}
END_TEST

/* ---- Upgrade ----------------------------------------------------------------------------- */

enum { BEFORE = 5 }; /* schema/0006_slots.sql is the sixth */

/* What a vendor had before there were slots, by the tables of then. */
static const char had[] =
    "INSERT INTO vendor (id, name, name_folded, created) VALUES"
    " ('ven_00000000-0000-7000-8000-000000000001', 'Acme', 'acme', 1);"
    "INSERT INTO keyring (version, created, sealed) VALUES (1, 1, x'00');"
    "INSERT INTO vendor_key (vendor, version, keyring, sealed) VALUES"
    " ('ven_00000000-0000-7000-8000-000000000001', 1, 1, x'00');"
    "INSERT INTO data_key (id, vendor, version, sealed) VALUES"
    " ('key_00000000-0000-7000-8000-000000000001', 'ven_00000000-0000-7000-8000-000000000001',"
    " 1, x'00'), ('key_00000000-0000-7000-8000-000000000002',"
    " 'ven_00000000-0000-7000-8000-000000000001', 1, x'00');"
    "INSERT INTO asset (id, vendor, kind, name, name_folded, state, parts, created) VALUES"
    " ('mod_00000000-0000-7000-8000-000000000001', 'ven_00000000-0000-7000-8000-000000000001',"
    " 0, 'net', 'net', 2, 'content', 1);"
    "INSERT INTO watermark (id, vendor, source, model, state, job, key, keys, classes, created)"
    " VALUES ('wmk_00000000-0000-7000-8000-000000000001',"
    " 'ven_00000000-0000-7000-8000-000000000001', 'mod_00000000-0000-7000-8000-000000000001',"
    " 'mod_00000000-0000-7000-8000-000000000001', 1, 'job',"
    " 'key_00000000-0000-7000-8000-000000000001', 12, 10, 1);"
    "INSERT INTO challenge (id, vendor, watermark, state, job, key, first, pairs, decoys,"
    " commitment, created, version) VALUES ('cha_00000000-0000-7000-8000-000000000001',"
    " 'ven_00000000-0000-7000-8000-000000000001', 'wmk_00000000-0000-7000-8000-000000000001',"
    " 1, 'job', 'key_00000000-0000-7000-8000-000000000002', 4, 8, 17,"
    " x'0700000000000000000000000000000000000000000000000000000000000000', 99, 2);";

START_TEST(tables_of_before_are_taken_over)
{
	static const char mine[] = "ven_00000000-0000-7000-8000-000000000001",
			  asked[] = "cha_00000000-0000-7000-8000-000000000001",
			  model[] = "mod_00000000-0000-7000-8000-000000000001";
	struct ctx *c = test_ctx();
	const char *dir = test_folder();
	struct challenge_row k;
	struct asset_row a;
	struct str problems;
	struct db *db = NULL;
	int64_t n;
	int fd;

	ck_assert_uint_ge(store_migration_count, BEFORE + 1);
	fd = open(test_path(dir, "hallmark.db"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	fd_done(&fd);
	ck_ok(c, db_open(c, test_path(dir, "hallmark.db"), DB_WRITE, &db));
	ck_ok(c, schema_upgrade(c, db, dir, store_migrations, BEFORE));
	ck_ok(c, db_exec(c, db, had));
	ck_ok(c, schema_upgrade(c, db, dir, store_migrations, store_migration_count));
	ck_ok(c, challenge_by_id(c, db, str_of(mine), str_of(asked), &k));
	ck_assert_int_eq(k.state, CHALLENGE_READY);
	ck_assert_int_eq(k.first, 4);
	ck_assert_int_eq(k.pairs, 8);
	ck_assert_int_eq(k.decoys, 17);
	ck_assert_int_eq(k.created, 99);
	ck_assert_int_eq(k.version, 2);
	ck_assert_int_eq(k.commitment.b[0], 7);
	ck_assert_str_eq(k.slots.s, "");
	ck_assert_str_eq(k.watermark.s, "wmk_00000000-0000-7000-8000-000000000001");
	ck_ok(c, asset_by_id(c, db, ASSET_MODEL, str_of(mine), str_of(model), &a));
	ck_assert_str_eq(a.personal.s, "");
	ck_ok(c, store_check(c, db, &problems));
	ck_str(problems, "");
	ck_ok(c,
	    db_number(
		c, db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%before%'", &n));
	ck_assert_int_eq(n, 0);
	ck_assert(!db_exec(c, db, "DELETE FROM watermark")); /* the challenge holds it still */
	db_close(&db);
}
END_TEST

MAIN("store_slots", ONE(slots_are_made_or_fail), ONE(slots_are_one_vendors),
    ONE(customer_has_one_copy), ONE(releases_know_whose_copy_they_are),
    ONE(slots_go_with_their_model), ONE(tables_of_before_are_taken_over))
