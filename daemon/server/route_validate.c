/*
 * Is a license good? The question that is asked most: it changes nothing, and its answer is as
 * fresh as the last act that was acknowledged.
 */
#include "use.h"

enum { VERDICT_MAX = 1024, LICENSE_TEXT_MAX = 4096 };

/* clang-format off */
static const struct json_field validate_fields[] = {
	USE_MACHINE(false),
	USE_FINGERPRINT,
	{ "entitlement", FIELD_TEXT, offsetof(struct use, entitlement), 1, ENTITLEMENT_MAX, false },
};
/* clang-format on */

static void
verdict_json(struct js *j, const struct verdict *v, struct str license)
{
	js_open(j, NULL, '{');
	js_bool(j, "valid", verdict_answer(v->code) == ANSWER_YES);
	js_text(j, "code", str_of(verdict_wire(v->code)));
	js_text(j, "detail", str_of(verdict_sentence(v->code)));
	if (v->rule[0] != '\0')
		js_text(j, "rule", str_of(v->rule));
	if (v->until != 0)
		js_time(j, "until", v->until * 1000);
	js_raw(j, "license", license);
	js_close(j, '}');
}

/* A plain yes needs no words in the audit. */
MUST static bool
verdict_note(struct ctx *c, struct request *rq, const struct verdict *v)
{
	char *text;

	if (v->code == V_VALID && !v->clock_back)
		return true;
	text = take_printf(c, "{\"verdict\":\"%s\"%s}", verdict_wire(v->code),
	    v->clock_back ? ",\"clock_back\":true" : "");
	rq->act.audit.detail = str_of(text);
	return text != NULL;
}

bool
validate_post(struct ctx *c, struct request *rq)
{
	struct use *u;
	struct verdict v;
	struct buf license, out;
	struct js l = { &license, false }, j = { &out, false };

	if (!use_read(c, rq, validate_fields, COUNT(validate_fields), &u))
		return false;
	v = policy_decide(&u->st.facts, &u->st.terms, ACTION_VALIDATE);
	if (verdict_answer(v.code) == ANSWER_UNDECIDED)
		return fail_verdict(c, &v);
	if (!verdict_note(c, rq, &v) ||
	    !take_buf(c, u->st.row.entitlements.n + LICENSE_TEXT_MAX, &license) ||
	    !take_buf(c, license.max + VERDICT_MAX, &out))
		return false;
	license_json(&l, &u->st.row, false);
	verdict_json(&j, &v, buf_str(&license));
	return buf_ok(c, &license) && reply_json(rq, 200, &out);
}
