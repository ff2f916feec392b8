/*
 * What a request about the use of a license brings, checked once, and the two things that every use
 * leaves behind: a machine that the license is bound to, and a seat.
 */
#include "licenses.h"
#include "use.h"

/* "." and ".." are no names: they would be others in a path. */
MUST static bool
machine_name(struct ctx *c, struct str name)
{
	bool ok = name.n <= MACHINE_NAME_MAX && name.p[0] != '.';

	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] | 0x20) < 'a' || (name.p[i] | 0x20) > 'z')
			ok &= (name.p[i] >= '0' && name.p[i] <= '9') ||
			    memchr("._-", name.p[i], 3) != NULL;
	return ok ? true
		  : fail_at(c, E_INPUT, "/machine",
			"a machine's name has up to %d letters, digits, dots, hyphens and "
			"underscores, and begins with no dot",
			MACHINE_NAME_MAX);
}

static void
bring(struct use *u)
{
	u->st.facts.machine = u->fingerprint.n > 0 ? &u->here : NULL;
	u->st.facts.entitlement = u->entitlement;
}

bool
use_read(struct ctx *c, struct request *rq, const struct json_field *fields, size_t n,
    struct use **ret)
{
	struct use *u = take(c, sizeof *u);
	struct id by = { "" };
	struct db *db;

	if (u == NULL ||
	    (n > 0 && !json_decode(c, rq->body.n > 0 ? rq->body : STR("{}"), fields, n, u)))
		return false;
	if (rq->param[1].n > 0)
		u->machine = rq->param[1];
	if ((u->machine.n > 0 && !machine_name(c, u->machine)) ||
	    (u->fingerprint.n > 0 && !fingerprint_read(c, u->fingerprint, &u->here)))
		return false;
	if (rq->who.roles & ROLE_CUSTOMER)
		by = rq->who.id;
	if (!server_reader(c, rq->server, &db) ||
	    !standing_read(c, rq->server, db, str_of(rq->who.vendor.s), rq->param[0],
		u->machine, &by, &u->st))
		return false;
	rq->act.audit.object = str_of(u->st.row.id.s);
	bring(u);
	*ret = u;
	return true;
}

bool
use_again(struct ctx *c, struct db *db, struct request *rq, struct use *u)
{
	if (!standing_again(c, rq->server, db, u->machine, &u->st))
		return false;
	bring(u);
	return true;
}

bool
use_bind(struct ctx *c, struct db *db, const struct use *u, const struct verdict *v)
{
	return v->binds ? machine_bind(c, db, str_of(u->st.row.id.s), u->fingerprint, c->now())
			: true;
}

/* While the clock is behind, a seat may count as lapsed whose time is not over: nobody gets it. */
bool
use_seat(struct ctx *c, struct db *db, struct use *u, const struct verdict *v, int64_t until,
    bool *ret_new)
{
	const struct verdict none = { .code = V_SEATS_EXHAUSTED, .rule = "seats" };
	int64_t now = c->now();

	if (!use_bind(c, db, u, v) || !lease_sweep(c, db, str_of(u->st.row.id.s), now))
		return false;
	if (u->st.facts.seat != SEAT_HELD)
		u->st.lease.claimed = now;
	u->st.lease.license = u->st.row.id;
	u->st.lease.machine = u->machine;
	u->st.lease.expires = until * 1000;
	if (lease_put(c, db, &u->st.lease, ret_new))
		return true;
	return c->err.code == E_CONFLICT ? fail_verdict(c, &none) : false;
}

bool
use_event(struct ctx *c, struct db *db, const struct use *u, const char *type)
{
	const struct license_row *r = &u->st.row;
	struct str data;
	bool told;

	return license_event(c, r, &data) &&
	    event_emit(c, db, str_of(r->vendor.s), type, str_of(r->id.s), data, &told);
}
