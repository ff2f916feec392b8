/*
 * Why: the rules that bear on an action, in their order, with what each of them saw, and which one
 * decided. Nothing is changed by asking.
 */
#include "licenses.h"

enum { RULE_MAX = 512 };
static const struct id anybody = { "" };

/* Those that a license which is there can be asked about. */
static const enum action asked[] = { ACTION_VALIDATE, ACTION_CLAIM, ACTION_HEARTBEAT,
	ACTION_UNLOCK, ACTION_RENEW, ACTION_TRANSFER, ACTION_REINSTATE };

MUST static bool
action_wanted(struct ctx *c, struct str word, enum action *ret)
{
	*ret = ACTION_VALIDATE;
	if (word.n == 0)
		return true;
	for (size_t i = 0; i < COUNT(asked); i++)
		if (str_same(word, str_of(action_name(asked[i])))) {
			*ret = asked[i];
			return true;
		}
	return fail_at(c, E_INPUT, "action",
	    "action must be validate, claim, heartbeat, unlock, renew, transfer or reinstate");
}

/* What such a request would bring, where it says nothing itself. */
MUST static bool
bring(struct ctx *c, struct request *rq, struct db *db, enum action action, struct standing *st)
{
	struct facts *f = &st->facts;
	struct customer_row to;
	struct str customer;

	if (action == ACTION_RENEW) {
		f->ask_seats = st->row.seats;
		f->ask_from = st->license.not_before;
		f->ask_until = st->terms.duration == 0 ? 0
		    : st->license.expires > f->now ? st->license.expires + st->terms.duration
						   : f->now + st->terms.duration;
	}
	if (action != ACTION_TRANSFER)
		return true;
	if (!request_text(c, rq, "customer", &customer))
		return false;
	if (customer.n == 0)
		return fail_at(c, E_INPUT, "customer", "a transfer has a customer to go to");
	if (!customer_named(c, db, &rq->who.vendor, customer, &to))
		return false;
	f->to = to.id;
	f->recipient = party_of(&to);
	f->others_copy = is_others_copy(&st->release, &to.id);
	return true;
}

static void
rule_json(struct js *j, const struct rule_seen *r)
{
	js_open(j, NULL, '{');
	js_text(j, "rule", str_of(r->rule));
	js_text(j, "code", str_of(verdict_wire(r->code)));
	js_bool(j, "decided", r->decided);
	js_text(j, "saw", str_of(r->saw));
	js_close(j, '}');
}

static void
explanation_json(struct js *j, enum action action, const struct verdict *v,
    const struct rule_seen *r, size_t n)
{
	js_open(j, NULL, '{');
	js_text(j, "action", str_of(action_name(action)));
	js_bool(j, "valid", verdict_answer(v->code) == ANSWER_YES);
	js_text(j, "code", str_of(verdict_wire(v->code)));
	js_text(j, "detail", str_of(verdict_sentence(v->code)));
	if (v->rule[0] != '\0')
		js_text(j, "rule", str_of(v->rule));
	if (v->until != 0)
		js_time(j, "until", v->until * 1000);
	js_open(j, "rules", '[');
	for (size_t i = 0; i < n; i++)
		rule_json(j, &r[i]);
	js_close(j, ']');
	js_close(j, '}');
}

bool
license_explain_get(struct ctx *c, struct request *rq)
{
	struct rule_seen rules[RULES_MAX];
	struct standing st;
	struct verdict v;
	enum action action;
	struct str machine;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n;

	if (!request_text(c, rq, "machine", &machine) ||
	    !action_wanted(c, request_query(rq, "action"), &action) ||
	    !server_reader(c, rq->server, &db) ||
	    !standing_read(c, rq->server, db, str_of(rq->who.vendor.s), rq->param[0], machine,
		&anybody, &st) ||
	    !bring(c, rq, db, action, &st) || !take_buf(c, RULES_MAX * RULE_MAX, &out))
		return false;
	n = policy_explain(&st.facts, &st.terms, action, rules, &v);
	explanation_json(&j, action, &v, rules, n);
	return reply_json(rq, 200, &out);
}
