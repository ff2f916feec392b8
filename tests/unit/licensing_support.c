/*
 * What the tests of licensing's rows share; see licensing_support.h.
 */
#include "licensing_support.h"

#include "impl.h"

void
act_begin(struct estate *e)
{
	struct ctx *c = test_ctx();

	ck_ok(c, db_exec(c, e->w, "SAVEPOINT act"));
}

bool
act_end(struct estate *e, bool ok)
{
	struct ctx *c = test_ctx();

	if (!ok)
		ck_ok(c, db_exec(c, e->w, "ROLLBACK TO act"));
	ck_ok(c, db_exec(c, e->w, "RELEASE act"));
	return ok;
}

struct customer_row
customer_new(struct ctx *c, const struct id *vendor, const char *name)
{
	return (struct customer_row){ .id = id_new(c, "cus"),
		.vendor = *vendor,
		.name = str_of(name),
		.created = c->now() };
}

struct policy_row
policy_new(struct ctx *c, const struct id *vendor, const char *name)
{
	return (struct policy_row){ .id = id_new(c, "pol"),
		.vendor = *vendor,
		.name = str_of(name),
		.terms = STR("{\"seats\":2}"),
		.created = c->now() };
}

struct license_row
license_new(struct ctx *c, const struct estate *e)
{
	return (struct license_row){ .id = id_new(c, "lic"),
		.vendor = e->h.vendor,
		.customer = e->customer.id,
		.release = e->release.id,
		.policy = e->policy.id,
		.changed = c->now(),
		.issued = c->now(),
		.not_before = c->now(),
		.seats = 2,
		.entitlements = STR("[]"),
		.token = STR("a.b.c") };
}

struct license_row
license_added(struct ctx *c, struct estate *e)
{
	struct license_row l = license_new(c, e);

	ck_ok(c, act(e, license_insert(c, e->w, &l)));
	l.version = 1;
	return l;
}

struct digest256
digest_of(struct ctx *c, const char *text)
{
	struct digest256 d;

	ck_ok(c, sha256(c, str_of(text), &d));
	return d;
}

struct estate
estate_new(struct ctx *c)
{
	struct estate e = { .dir = test_folder() };
	struct asset_row model;
	struct data_key_row secret;

	e.h = house_in(c, e.dir);
	model = ready_model(c, &e.h, "net");
	secret = (struct data_key_row){ id_new(c, "key"), e.h.vendor, 1, STR("sealed") };
	e.release = (struct release_row){ .id = id_new(c, "rel"),
		.vendor = e.h.vendor,
		.model = model.id,
		.name = STR("spring"),
		.job = id_new(c, "job"),
		.key = secret.id,
		.created = c->now() };
	e.policy = policy_new(c, &e.h.vendor, "Standard");
	e.customer = customer_new(c, &e.h.vendor, "Ada & Sons");
	e.customer.email = STR("ada@example.org");
	ck_ok(c, db_open(c, test_path(e.dir, "hallmark.db"), DB_WRITE, &e.w));
	ck_ok(c, act(&e, data_key_insert(c, e.w, &secret)));
	ck_ok(c, act(&e, release_insert(c, e.w, &e.release)));
	ck_ok(c, act(&e, policy_insert(c, e.w, &e.policy)));
	ck_ok(c, act(&e, customer_insert(c, e.w, &e.customer)));
	e.policy.version = 1;
	return e;
}

struct str
vendor_of(const struct estate *e)
{
	return str_of(e->h.vendor.s);
}

struct str
other_of(const struct estate *e)
{
	return str_of(e->h.other.s);
}

void
estate_done(struct ctx *c, struct estate *e)
{
	db_close(&e->w);
	house_done(c, &e->h);
}
