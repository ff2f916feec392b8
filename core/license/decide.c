/*
 * The decision: a table of rules in their order, each with the actions it bears on. The first
 * objection is the verdict. The order is: what cannot be known, who is involved, what state the
 * license is in, then the clock, and only by a clock that can be right the term; last the counts.
 */
#include <stdarg.h>
#include <stdio.h>

#include "rules.h"

#define ON(action) (1u << (action))
enum {
	ISSUE = ON(ACTION_ISSUE),
	RENEW = ON(ACTION_RENEW),
	TRANSFER = ON(ACTION_TRANSFER),
	REINSTATE = ON(ACTION_REINSTATE),
	OFFLINE = ON(ACTION_OFFLINE),
	UNLOCK = ON(ACTION_UNLOCK),
	HEARTBEAT = ON(ACTION_HEARTBEAT),
	CLAIM = ON(ACTION_CLAIM),
	FETCH = ON(ACTION_FETCH),
	ALL = ON(ACTION_COUNT) - 1,
	USE = ON(ACTION_VALIDATE) | CLAIM | HEARTBEAT | UNLOCK | FETCH | OFFLINE,
};

/* clang-format off */
static const struct {
	const char *name;
	unsigned on;
	enum verdict_code (*look)(const struct view *);
} rules[] = {
	{ "lookup",      ALL,                        rule_lookup },
	{ "vendor",      ALL,                        rule_vendor },
	{ "customer",    ALL,                        rule_customer },
	{ "release",     USE | ISSUE | RENEW | TRANSFER, rule_release },
	{ "license",     ALL & ~ISSUE,               rule_exists },
	{ "owner",       ALL & ~ISSUE,               rule_owner },
	{ "state",       USE | RENEW | TRANSFER,     rule_state },
	{ "suspended",   REINSTATE,                  rule_suspended },
	{ "policy",      ISSUE | RENEW,              rule_policy },
	{ "clock",       ALL,                        rule_clock },
	{ "issued",      ALL & ~ISSUE,               rule_issued },
	{ "starts",      USE,                        rule_starts },
	{ "expires",     USE | TRANSFER,             rule_expires },
	{ "revocations", OFFLINE,                    rule_revocations },
	{ "enrolled",    CLAIM | HEARTBEAT | UNLOCK, rule_enrolled },
	{ "delivery",    UNLOCK,                     rule_delivery },
	{ "image",       UNLOCK | OFFLINE,           rule_image },
	{ "machine",     USE,                        rule_machine },
	{ "entitlement", USE,                        rule_entitlement },
	{ "counted",     CLAIM | HEARTBEAT | UNLOCK | TRANSFER, rule_counted },
	{ "approvals",   UNLOCK,                     rule_approvals },
	{ "seats",       CLAIM | UNLOCK,             rule_seats },
	{ "heartbeat",   HEARTBEAT,                  rule_heartbeat },
	{ "unlocks",     UNLOCK,                     rule_unlocks },
	{ "renewal",     RENEW,                      rule_renewal },
	{ "watermark",   ISSUE | RENEW | TRANSFER,   rule_watermark },
	{ "copy",        ISSUE | TRANSFER,           rule_copy },
	{ "terms",       ISSUE | RENEW,              rule_terms },
	{ "transfer",    TRANSFER,                   rule_transfer },
	{ "keys",        UNLOCK | ISSUE | RENEW | TRANSFER, rule_keys },
};
/* clang-format on */
_Static_assert(COUNT(rules) <= RULES_MAX, "policy_explain has room for all");

/* ---- What the rules use ------------------------------------------------------------------ */

void
note(const struct view *v, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (v->saw == NULL)
		return;
	va_start(ap, fmt);
	n = vsnprintf(v->saw->p, v->saw->max, fmt, ap);
	va_end(ap);
	v->saw->n = n < 0 ? 0 : (size_t)n;
}

struct moment
moment(const struct view *v, int64_t seconds)
{
	struct moment m = { 0 };
	struct buf b = { m.s, 0, sizeof m.s - 1, false };

	if (v->saw == NULL)
		return m;
	if (seconds > 0 && seconds <= TIME_LAST)
		time_put(&b, seconds * 1000);
	else
		buf_put(&b, seconds == 0 ? STR("never") : STR("out of range"));
	return m;
}

int64_t
time_plus(int64_t moment, int64_t span)
{
	int64_t sum;

	return __builtin_add_overflow(moment, span, &sum) ? INT64_MAX : sum;
}

bool
id_same(const struct id *a, const struct id *b)
{
	return strcmp(a->s, b->s) == 0;
}

bool
id_given(const struct id *id)
{
	return id->s[0] != '\0';
}

bool
list_has(const struct str_list *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_same(l->v[i], s))
			return true;
	return false;
}

/* ---- Until when -------------------------------------------------------------------------- */

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* By the clock as it is: one that was set back must not lengthen a lease either. */
static int64_t
yes_until(const struct view *v, enum verdict_code code)
{
	const struct license *l = v->f->license;
	int64_t now = v->f->now, end = INT64_MAX;

	if (v->action == ACTION_ISSUE || v->action == ACTION_RENEW)
		return v->f->ask_until;
	if (l != NULL && l->expires != 0)
		end = code == V_VALID_IN_GRACE ? time_plus(l->expires, v->p->grace_expired)
					       : l->expires;
	if (v->action == ACTION_UNLOCK)
		end = sooner(end,
		    time_plus(now, v->p->offline > v->p->lease ? v->p->offline : v->p->lease));
	else if (v->action == ACTION_OFFLINE)
		end = sooner(end, time_plus(v->f->list_until, v->p->offline));
	else if (v->action != ACTION_TRANSFER && v->action != ACTION_REINSTATE)
		end = sooner(end, time_plus(now, v->p->lease));
	return end == INT64_MAX ? 0 : end;
}

/* What runs when its license is taken away has this long to end in order. */
static int64_t
no_until(const struct view *v, enum verdict_code code)
{
	int64_t end;

	if ((code != V_LICENSE_REVOKED && code != V_LICENSE_SUSPENDED) || v->f->license == NULL)
		return 0;
	end = time_plus(v->f->license->changed, v->p->grace_revoked);
	return end > v->at ? end : 0;
}

/* ---- Deciding ---------------------------------------------------------------------------- */

static struct view
view_of(const struct facts *f, const struct policy *p, enum action action)
{
	return (struct view){
		.f = f,
		.p = p,
		.action = action,
		.at = f->now > f->last_seen ? f->now : f->last_seen,
	};
}

/* The lesser of two yeses; a first objection stays. */
static void
weigh(struct verdict *d, enum verdict_code code, const char *name)
{
	if (verdict_answer(d->code) != ANSWER_YES)
		return;
	if (verdict_answer(code) != ANSWER_YES || code > d->code) {
		d->code = code;
		d->rule = name;
	}
}

static void
conclude(const struct view *v, struct verdict *d)
{
	bool yes = verdict_answer(d->code) == ANSWER_YES;

	d->until = yes ? yes_until(v, d->code) : no_until(v, d->code);
	d->binds = yes && would_bind(v);
	d->clock_back = v->f->now < v->f->last_seen;
}

struct verdict
policy_decide(const struct facts *f, const struct policy *p, enum action action)
{
	struct view v = view_of(f, p, action);
	struct verdict d = { .code = V_VALID, .rule = "" };

	for (size_t i = 0; i < COUNT(rules); i++) {
		if ((rules[i].on & ON(action)) == 0)
			continue;
		weigh(&d, rules[i].look(&v), rules[i].name);
		if (verdict_answer(d.code) != ANSWER_YES)
			break;
	}
	conclude(&v, &d);
	return d;
}

size_t
policy_explain(const struct facts *f, const struct policy *p, enum action action,
    struct rule_seen ret[RULES_MAX], struct verdict *ret_verdict)
{
	struct view v = view_of(f, p, action);
	struct verdict d = { .code = V_VALID, .rule = "" };
	size_t n = 0;

	for (size_t i = 0; i < COUNT(rules); i++) {
		struct rule_seen *r = &ret[n];
		struct buf saw = BUF(r->saw);

		if ((rules[i].on & ON(action)) == 0)
			continue;
		*r = (struct rule_seen){ .rule = rules[i].name };
		v.saw = &saw;
		r->code = rules[i].look(&v);
		weigh(&d, r->code, r->rule);
		n++;
	}
	for (size_t i = 0; i < n; i++)
		ret[i].decided = strcmp(ret[i].rule, d.rule) == 0;
	v.saw = NULL;
	conclude(&v, &d);
	*ret_verdict = d;
	return n;
}
