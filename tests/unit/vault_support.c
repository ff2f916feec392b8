/*
 * What the tests of the vault's rows share; see vault_support.h.
 */
#include "vault_support.h"

static bool
do_keys(struct ctx *c, struct db *db, void *arg)
{
	const struct house *h = arg;
	struct keyring_row ring = { 1, 1, false, STR("x") };
	struct vendor_key_row a = { h->vendor, 1, 1, STR("x") },
			      b = { h->other, 1, 1, STR("x") };

	return keyring_insert(c, db, &ring) && vendor_key_insert(c, db, &a) &&
	    vendor_key_insert(c, db, &b);
}

struct house
house_in(struct ctx *c, const char *folder)
{
	struct house h = { .s = open_store(c, folder) };

	h.db = open_reader(c, h.s);
	h.vendor = add_vendor(c, h.s, "Acme").id;
	h.other = add_vendor(c, h.s, "Other").id;
	ck_ok(c, doing(c, h.s, do_keys, &h));
	return h;
}

struct house
house_new(struct ctx *c)
{
	return house_in(c, test_folder());
}

void
house_done(struct ctx *c, struct house *h)
{
	struct str problems;

	ck_ok(c, store_check(c, h->db, &problems));
	ck_str(problems, "");
	reader_close(&h->db);
	store_close(&h->s);
}

struct asset_row
asset_new(struct ctx *c, const struct house *h, enum asset_kind kind, const char *name)
{
	return (struct asset_row){ .kind = kind,
		.id = id_new(c, kind == ASSET_MODEL ? "mod" : "dat"),
		.vendor = h->vendor,
		.name = str_of(name),
		.parts = kind == ASSET_MODEL ? STR("content") : STR("samples labels"),
		.created = c->now() };
}

bool
do_asset(struct ctx *c, struct db *db, void *arg)
{
	return asset_insert(c, db, arg);
}

struct filed
filed_new(struct ctx *c, const struct house *h, const struct id *owner, const char *part)
{
	struct filed f = { .blob = { .id = id_new(c, "blb"),
			       .vendor = h->vendor,
			       .owner = *owner,
			       .part = str_of(part),
			       .size = 7,
			       .created = c->now() },
		.key = { id_new(c, "key"), h->vendor, 1, STR("sealed") } };

	f.blob.data_key = f.key.id;
	return f;
}

bool
do_blob(struct ctx *c, struct db *db, void *arg)
{
	const struct filed *f = arg;

	return data_key_insert(c, db, &f->key) && blob_insert(c, db, &f->blob);
}

bool
do_blob_delete(struct ctx *c, struct db *db, void *arg)
{
	return blob_delete(c, db, str_of(((const struct blob_row *)arg)->id.s));
}

bool
do_whole(struct ctx *c, struct db *db, void *arg)
{
	struct digest256 digest = { { 9, 8, 7 } };

	return blob_whole(
	    c, db, str_of(((const struct blob_row *)arg)->id.s), 1 << 20, &digest);
}

bool
has_key(struct ctx *c, struct db *db, const struct id *id)
{
	struct data_key_row row;

	if (data_key_by_id(c, db, str_of(id->s), &row))
		return true;
	ck_err(c, E_ABSENT);
	return false;
}

/* What is done to an asset, by its id. */
bool
do_check(struct ctx *c, struct db *db, void *arg)
{
	return asset_check(c, db, str_of(arg), STR("job_x"));
}

bool
do_ready(struct ctx *c, struct db *db, void *arg)
{
	return asset_ready(c, db, str_of(arg), STR("{\"nodes\":3}"));
}

bool
do_refuse(struct ctx *c, struct db *db, void *arg)
{
	return asset_refuse(c, db, str_of(arg), STR("INVALID_INPUT"), STR("no model"));
}

bool
do_asset_delete(struct ctx *c, struct db *db, void *arg)
{
	struct deletion *d = arg;
	struct erased erased;

	if (!asset_delete(
		c, db, d->kind, str_of(d->vendor.s), str_of(d->id.s), d->version, &erased))
		return false;
	d->gone = erased.blob;
	d->n = erased.n;
	return true;
}

/* A ready model. */
struct asset_row
ready_model(struct ctx *c, struct house *h, const char *name)
{
	struct asset_row a = asset_new(c, h, ASSET_MODEL, name);

	ck_ok(c, doing(c, h->s, do_asset, &a));
	ck_ok(c, doing(c, h->s, do_check, a.id.s));
	ck_ok(c, doing(c, h->s, do_ready, a.id.s));
	return a;
}

bool
do_job(struct ctx *c, struct db *db, void *arg)
{
	return job_insert(c, db, arg);
}

bool
do_job_end(struct ctx *c, struct db *db, void *arg)
{
	enum job_state state;

	return job_cancel(c, db, STR(""), str_of(((struct job_row *)arg)->id.s), 0, 5, &state);
}

struct job_row
job_for(struct ctx *c, const struct house *h, const struct id *object)
{
	return (struct job_row){ .id = id_new(c, "job"),
		.vendor = h->vendor,
		.kind = STR("selftest"),
		.object = *object,
		.created = 1 };
}
