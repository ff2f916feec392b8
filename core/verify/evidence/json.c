/*
 * The report as JSON, by the tables of its members: written in one form, and read back.
 */
#include <inttypes.h>
#include <math.h>

#include "parts.h"

/* ---- Out --------------------------------------------------------------------------------- */

static void
list_put(struct js *j, const struct member *m, const char *of)
{
	size_t n = m->most;

	if (m->count_at != 0)
		n = *(const size_t *)(const void *)(of + m->count_at);
	js_open(j, m->name, '[');
	for (size_t i = 0; i < n; i++) {
		js_open(j, NULL, '{');
		members_put(j, m->of, m->members, of + m->at + i * m->size, i);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
counts_put(struct js *j, const struct member *m, const int64_t count[])
{
	js_open(j, m->name, '[');
	for (size_t i = 0; i < m->size / sizeof count[0]; i++)
		js_number(j, NULL, count[i]);
	js_close(j, ']');
}

static void
digest_put(struct js *j, const char *name, const struct digest256 *d)
{
	char hex[2 * sizeof d->b];
	struct buf b = BUF(hex);

	hex_put(&b, d->b, sizeof d->b);
	js_text(j, name, buf_str(&b));
}

static void
map_put(struct js *j, const struct member *m, const struct evidence_picture *p)
{
	const uint8_t *map = *(uint8_t *const *)(const void *)((const char *)p + m->at);

	js_bytes(j, m->name, map, (size_t)p->width * (size_t)p->height);
}

static void
one_put(struct js *j, const struct member *m, const void *from, size_t index)
{
	const char *of = from;
	const void *at = of + m->at;

	switch (m->kind) {
	case MEMBER_TEXT:
		js_text(j, m->name, str_of(at));
		break;
	case MEMBER_WORD:
		js_text(j, m->name, str_of(m->words[*(const unsigned *)at]));
		break;
	case MEMBER_INT:
		js_number(j, m->name, *(const int *)at);
		break;
	case MEMBER_U32:
		js_number(j, m->name, *(const uint32_t *)at);
		break;
	case MEMBER_COUNT:
		js_number(j, m->name, *(const int64_t *)at);
		break;
	case MEMBER_COUNTS:
		counts_put(j, m, at);
		break;
	case MEMBER_REAL:
	case MEMBER_LOG10:
		js_real(j, m->name, *(const double *)at);
		break;
	case MEMBER_BOOL:
		js_bool(j, m->name, *(const bool *)at);
		break;
	case MEMBER_TIME:
		js_time_or_null(j, m->name, *(const int64_t *)at);
		break;
	case MEMBER_DIGEST:
		digest_put(j, m->name, at);
		break;
	case MEMBER_MAP:
		map_put(j, m, from);
		break;
	case MEMBER_ROW:
		m->row(j, m->name, &evidence_rows[index]);
		break;
	case MEMBER_OBJECT:
		js_open(j, m->name, '{');
		members_put(j, m->of, m->members, at, 0);
		js_close(j, '}');
		break;
	case MEMBER_LIST:
		list_put(j, m, of);
		break;
	}
}

void
members_put(struct js *j, const struct member *m, size_t n, const void *from, size_t index)
{
	for (size_t i = 0; i < n; i++)
		one_put(j, &m[i], from, index);
}

/* Of JSON, only texts can hold these; there they mean the same when escaped. */
static void
put_for_pages(struct buf *b, struct str json)
{
	for (size_t i = 0; i < json.n; i++)
		if (json.p[i] == '<' || json.p[i] == '>' || json.p[i] == '&')
			buf_printf(b, "\\u%04x", (unsigned char)json.p[i]);
		else
			buf_char(b, json.p[i]);
}

bool
evidence_json(struct ctx *c, const struct evidence *facts, struct buf *out)
{
	struct evidence e = *facts;
	struct js j = { 0 };
	struct buf b;

	if (!take_buf(c, EVIDENCE_JSON_MAX, &b))
		return false;
	evidence_conclude(&e);
	if (!evidence_maps_reduce(c, &e))
		return false;
	j.out = &b;
	js_open(&j, NULL, '{');
	members_put(&j, evidence_members, COUNT(evidence_members), &e, 0);
	js_close(&j, '}');
	if (!buf_ok(c, &b))
		return false;
	put_for_pages(out, buf_str(&b));
	return buf_ok(c, out);
}

/* ---- In ---------------------------------------------------------------------------------- */

MUST static bool
odd(struct ctx *c, const struct member *m)
{
	return fail(c, E_INPUT, "not a report: \"%s\" is none", m->name);
}

MUST static bool
text_read(struct ctx *c, const struct member *m, struct str s, char *ret)
{
	if (s.n >= m->size || !text_valid(s))
		return odd(c, m);
	memset(ret, 0, m->size);
	memcpy(ret, s.p, s.n);
	return true;
}

MUST static bool
word_read(struct ctx *c, const struct member *m, struct str s, void *ret)
{
	for (unsigned i = 0; m->words[i] != NULL; i++)
		if (str_same(s, str_of(m->words[i]))) {
			memcpy(ret, &i, sizeof i);
			return true;
		}
	return odd(c, m);
}

MUST static bool
count_read(struct ctx *c, const struct member *m, struct str s, int64_t most, int64_t *ret)
{
	return str_number(s, 0, most, ret) ? true : odd(c, m);
}

MUST static bool
counts_read(struct ctx *c, const struct member *m, struct str s, int64_t *ret)
{
	struct json_part *v;
	size_t n;

	if (!json_split(c, s, &v, &n))
		return false;
	if (n != m->size / sizeof *ret)
		return odd(c, m);
	for (size_t i = 0; i < n; i++)
		if (!count_read(c, m, v[i].value, INT64_MAX, &ret[i]))
			return false;
	return true;
}

MUST static bool
real_read(struct ctx *c, const struct member *m, const struct json_part *v, double *ret)
{
	char *text = take_cstr(c, v->value);

	if (text == NULL)
		return false;
	if (v->kind == KIND_NULL) {
		*ret = NAN;
		return true;
	}
	*ret = strtod(text, NULL);
	return isfinite(*ret) ? true : odd(c, m);
}

MUST static bool
time_read(struct ctx *c, const struct member *m, const struct json_part *v, int64_t *ret)
{
	if (v->kind == KIND_NULL) {
		*ret = 0;
		return true;
	}
	return time_parse(c, v->value, ret) ? true : odd(c, m);
}

MUST static bool
map_read(struct ctx *c, const struct member *m, struct str s, struct evidence_picture *ret)
{
	const uint8_t *map;
	struct str bytes;

	if (!base64url_decode(c, s, &bytes))
		return false;
	if (bytes.n == 0 || bytes.n != (size_t)ret->width * (size_t)ret->height)
		return odd(c, m);
	map = (const uint8_t *)bytes.p;
	memcpy((char *)ret + m->at, &map, sizeof map);
	return true;
}

MUST static bool
list_read(struct ctx *c, const struct member *m, struct str s, char *ret)
{
	struct json_part *v;
	size_t n;

	if (!json_split(c, s, &v, &n))
		return false;
	if (n > m->most || (m->count_at == 0 && n != m->most))
		return odd(c, m);
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind != KIND_OBJECT)
			return odd(c, m);
		if (!members_read(c, v[i].value, m->of, m->members, ret + m->at + i * m->size))
			return false;
	}
	if (m->count_at != 0)
		memcpy(ret + m->count_at, &n, sizeof n);
	return true;
}

static enum json_kind
kind_of(const struct member *m, enum json_kind found)
{
	switch (m->kind) {
	case MEMBER_TEXT:
	case MEMBER_WORD:
	case MEMBER_DIGEST:
	case MEMBER_MAP:
		return KIND_TEXT;
	case MEMBER_INT:
	case MEMBER_U32:
	case MEMBER_COUNT:
		return KIND_NUMBER;
	case MEMBER_REAL:
	case MEMBER_LOG10:
		return found == KIND_NULL ? KIND_NULL : KIND_NUMBER;
	case MEMBER_TIME:
		return found == KIND_NULL ? KIND_NULL : KIND_TEXT;
	case MEMBER_BOOL:
		return KIND_BOOL;
	case MEMBER_COUNTS:
	case MEMBER_LIST:
		return KIND_LIST;
	case MEMBER_OBJECT:
		return KIND_OBJECT;
	case MEMBER_ROW:
		return found;
	}
	abort(); /* the compiler has seen every case */
}

MUST static bool
one_read(struct ctx *c, const struct member *m, const struct json_part *v, char *ret)
{
	char *to = ret + m->at;
	int64_t n;

	if (!str_same(v->key, str_of(m->name)) || v->kind != kind_of(m, v->kind))
		return odd(c, m);
	switch (m->kind) {
	case MEMBER_TEXT:
		return text_read(c, m, v->value, to);
	case MEMBER_WORD:
		return word_read(c, m, v->value, to);
	case MEMBER_INT:
		if (!count_read(c, m, v->value, (int64_t)m->most, &n))
			return false;
		*(int *)(void *)to = (int)n;
		return true;
	case MEMBER_U32:
		if (!count_read(c, m, v->value, UINT32_MAX, &n))
			return false;
		*(uint32_t *)(void *)to = (uint32_t)n;
		return true;
	case MEMBER_COUNT:
		return count_read(c, m, v->value, INT64_MAX, (void *)to);
	case MEMBER_COUNTS:
		return counts_read(c, m, v->value, (void *)to);
	case MEMBER_REAL:
	case MEMBER_LOG10:
		return real_read(c, m, v, (void *)to);
	case MEMBER_BOOL:
		*(bool *)to = str_same(v->value, STR("true"));
		return true;
	case MEMBER_TIME:
		return time_read(c, m, v, (void *)to);
	case MEMBER_DIGEST:
		return hex_decode(c, v->value, to, m->size) ? true : odd(c, m);
	case MEMBER_MAP:
		return map_read(c, m, v->value, (void *)ret);
	case MEMBER_ROW:
		return true;
	case MEMBER_OBJECT:
		return members_read(c, v->value, m->of, m->members, to);
	case MEMBER_LIST:
		return list_read(c, m, v->value, ret);
	}
	abort(); /* the compiler has seen every case */
}

bool
members_read(struct ctx *c, struct str text, const struct member *m, size_t n, void *ret)
{
	struct json_part *v;
	size_t found;

	if (!json_split(c, text, &v, &found))
		return false;
	if (found != n)
		return fail(
		    c, E_INPUT, "not a report: %zu members where %zu are wanted", found, n);
	for (size_t i = 0; i < n; i++)
		if (!one_read(c, &m[i], &v[i], ret))
			return false;
	return true;
}

bool
evidence_read(struct ctx *c, struct str json, struct evidence *ret)
{
	struct evidence e = { 0 };

	if (json.n > EVIDENCE_JSON_MAX)
		return fail(c, E_INPUT, "not a report: larger than any");
	if (!members_read(c, json, evidence_members, COUNT(evidence_members), &e)) {
		if (c->err.code == E_JSON)
			c->err.code = E_INPUT;
		return false;
	}
	*ret = e;
	return true;
}
