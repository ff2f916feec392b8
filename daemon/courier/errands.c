/*
 * What the courier may be sent with. The server has looked at each target already; it is looked at
 * here once more, by the list that this process was started with, so that neither of the two has to
 * be believed.
 */
#include "courier.h"

enum { QUESTION_MS = 10000 };

MUST static bool
line_add(struct ctx *c, struct errand *e, const char *name, struct str value)
{
	char *line = take_printf(c, "%s: %.*s", name, STRF(value));

	e->line[e->lines++] = str_of(line);
	return line != NULL;
}

/* ---- Parcels ------------------------------------------------------------------------------- */

MUST static bool
parcel_errand(struct ctx *c, const struct parcel *p, struct errand *e)
{
	char seconds[24];
	struct buf at = BUF(seconds);

	buf_number(&at, p->at);
	return line_add(c, e, "Content-Type", STR("application/json")) &&
	    line_add(c, e, "webhook-id", p->id) &&
	    line_add(c, e, "webhook-timestamp", buf_str(&at)) &&
	    line_add(c, e, "webhook-signature", p->signature);
}

MUST static bool
parcel_read(struct ctx *c, const struct courier_conf *conf, struct str message,
    struct errand *ret, enum parcel_end *ret_end)
{
	struct errand e = { .method = "POST" };
	struct target target;
	struct parcel p;

	if (!parcel_decode(c, message, &p))
		return false;
	ret->serial = e.serial = p.serial;
	e.limit_ms = p.limit_ms;
	e.url = p.url;
	e.body = p.body;
	if (!target_check(c, p.url, conf->plain, &conf->hosts.networks)) {
		if (target_parse(c, p.url, conf->plain, &target))
			*ret_end = PARCEL_FORBIDDEN;
		return false;
	}
	*ret_end = PARCEL_LOST;
	if (!parcel_errand(c, &p, &e))
		return false;
	*ret = e;
	return true;
}

/* ---- Questions ----------------------------------------------------------------------------- */

MUST static bool
question_read(struct ctx *c, const struct courier_conf *conf, struct str message,
    struct errand *ret, enum parcel_end *ret_end)
{
	struct errand e = { .limit_ms = QUESTION_MS, .keeps = true };
	struct live_question q;
	struct target target;
	struct str rest;

	if (!live_question_decode(c, message, &q))
		return false;
	ret->serial = e.serial = q.number;
	e.method = live_method_names[q.method];
	e.url = q.url;
	e.body = q.body;
	if (!hosts_check(c, q.url, &conf->hosts, &target)) {
		*ret_end = PARCEL_FORBIDDEN;
		return false;
	}
	*ret_end = PARCEL_LOST;
	if (!line_add(c, &e, "Content-Type", q.type))
		return false;
	for (rest = q.headers; rest.n > 0;)
		(void)str_cut(&rest, '\n', &e.line[e.lines++]);
	*ret = e;
	return true;
}

bool
errand_read(struct ctx *c, const struct courier_conf *conf, struct str message,
    struct errand *ret, enum parcel_end *ret_end)
{
	*ret_end = PARCEL_BAD_URL;
	return conf->asks ? question_read(c, conf, message, ret, ret_end)
			  : parcel_read(c, conf, message, ret, ret_end);
}
