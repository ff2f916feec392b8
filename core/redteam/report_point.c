/*
 * One point as JSON, and back. Shares that were not measured are null; tests that had no occasion
 * stand at "cannot-decide". Numbers have ten digits: a point that was read says the same again.
 */
#include <math.h>
#include <stdio.h>

#include "report_parts.h"

static void
put_measured(struct js *j, const char *key, double share)
{
	js_real(j, key, share < 0 ? NAN : share);
}

void
redteam_point_members(struct js *j, const struct redteam_point *p)
{
	js_real(j, "x", p->x);
	js_text(j, "what", str_of(p->what));
	put_measured(j, "accuracy", p->accuracy);
	put_measured(j, "keys", p->keys);
	put_measured(j, "twins", p->twins);
	put_measured(j, "labels", p->labels);
	js_real(j, "weights_z", p->weights_z);
	js_open(j, "tests", '{');
	for (size_t i = 0; i < TEST_COUNT; i++) {
		if (p->alone[i] == VERDICT_CANNOT_DECIDE)
			continue;
		js_open(j, evidence_rows[i].id, '{');
		js_real(j, "log10_p", p->log10_p[i]);
		js_text(j, "alone", str_of(verdict_names[p->alone[i]]));
		js_close(j, '}');
	}
	js_close(j, '}');
	js_text(j, "verdict", str_of(verdict_names[p->verdict]));
	js_bool(j, "named", p->named);
	js_number(j, "innocents", p->innocents);
	js_text(j, "why", str_of(p->why));
	js_real(j, "seconds", p->seconds);
}

bool
redteam_point_put(struct ctx *c, const struct redteam_point *p, struct buf *out)
{
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	redteam_point_members(&j, p);
	js_close(&j, '}');
	return buf_ok(c, out);
}

/* ---- Back -------------------------------------------------------------------------------- */

MUST static bool
odd(struct ctx *c, const char *member)
{
	return fail(c, E_INPUT, "no point of a red team: '%s' is not as it should be", member);
}

MUST static bool
real_read(struct ctx *c, const struct json_part v[], size_t n, const char *key, double *ret)
{
	struct json_part p;
	char *text;

	if (!json_find(v, n, key, &p))
		return odd(c, key);
	if (p.kind == KIND_NULL)
		return true;
	if (p.kind != KIND_NUMBER)
		return odd(c, key);
	text = take_cstr(c, p.value);
	if (text == NULL)
		return false;
	*ret = strtod(text, NULL);
	return isfinite(*ret) ? true : odd(c, key);
}

MUST static bool
text_read(struct ctx *c, const struct json_part v[], size_t n, const char *key, char ret[],
    size_t max)
{
	struct json_part p;

	if (!json_find(v, n, key, &p) || p.kind != KIND_TEXT || p.value.n >= max)
		return odd(c, key);
	memcpy(ret, p.value.p, p.value.n);
	ret[p.value.n] = '\0';
	return true;
}

MUST static bool
verdict_read(
    struct ctx *c, const struct json_part v[], size_t n, const char *key, enum verdict *ret)
{
	struct json_part p;

	if (!json_find(v, n, key, &p) || p.kind != KIND_TEXT)
		return odd(c, key);
	for (size_t i = 0; verdict_names[i] != NULL; i++)
		if (str_same(p.value, str_of(verdict_names[i]))) {
			*ret = (enum verdict)i;
			return true;
		}
	return odd(c, key);
}

MUST static bool
tests_read(struct ctx *c, const struct json_part v[], size_t n, struct redteam_point *ret)
{
	struct json_part all, *test, *member;
	size_t tests, members;

	if (!json_find(v, n, "tests", &all) || all.kind != KIND_OBJECT)
		return odd(c, "tests");
	if (!json_split(c, all.value, &test, &tests))
		return false;
	for (size_t k = 0; k < tests; k++) {
		size_t i = 0;

		while (i < TEST_COUNT && !str_same(test[k].key, str_of(evidence_rows[i].id)))
			i++;
		if (i == TEST_COUNT || test[k].kind != KIND_OBJECT)
			return odd(c, "tests");
		if (!json_split(c, test[k].value, &member, &members) ||
		    !real_read(c, member, members, "log10_p", &ret->log10_p[i]) ||
		    !verdict_read(c, member, members, "alone", &ret->alone[i]))
			return false;
	}
	return true;
}

MUST static bool
counts_read(struct ctx *c, const struct json_part v[], size_t n, struct redteam_point *ret)
{
	struct json_part named, innocents;
	int64_t count;

	if (!json_find(v, n, "named", &named) || named.kind != KIND_BOOL)
		return odd(c, "named");
	if (!json_find(v, n, "innocents", &innocents) ||
	    !str_number(innocents.value, 0, INT32_MAX, &count))
		return odd(c, "innocents");
	ret->named = str_same(named.value, STR("true"));
	ret->innocents = (int)count;
	return true;
}

bool
redteam_point_read(struct ctx *c, struct str json, struct redteam_point *ret)
{
	struct redteam_point p = redteam_nothing(0);
	struct json_part *v;
	size_t n;

	if (!json_split(c, json, &v, &n)) {
		if (c->err.code == E_JSON)
			c->err.code = E_INPUT;
		return false;
	}
	if (!real_read(c, v, n, "x", &p.x) ||
	    !text_read(c, v, n, "what", p.what, sizeof p.what) ||
	    !real_read(c, v, n, "accuracy", &p.accuracy) ||
	    !real_read(c, v, n, "keys", &p.keys) || !real_read(c, v, n, "twins", &p.twins) ||
	    !real_read(c, v, n, "labels", &p.labels) ||
	    !real_read(c, v, n, "weights_z", &p.weights_z) || !tests_read(c, v, n, &p) ||
	    !verdict_read(c, v, n, "verdict", &p.verdict) || !counts_read(c, v, n, &p) ||
	    !text_read(c, v, n, "why", p.why, sizeof p.why) ||
	    !real_read(c, v, n, "seconds", &p.seconds))
		return false;
	*ret = p;
	return true;
}
