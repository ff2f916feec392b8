/*
 * The bodies of requests that lead to a job: see job_body.h.
 */
#include "job_body.h"

bool
job_body_read(struct ctx *c, struct str body, struct job_body *ret)
{
	return json_split(c, body, &ret->part, &ret->n);
}

bool
job_body_has(const struct job_body *b, const char *name)
{
	struct json_part p;

	return json_find(b->part, b->n, name, &p);
}

bool
job_body_text(
    struct ctx *c, const struct job_body *b, const char *name, size_t max, struct str *ret)
{
	struct json_part p;
	char *at;

	if (!json_find(b->part, b->n, name, &p))
		return true;
	at = take_printf(c, "/%s", name);
	if (at == NULL)
		return false;
	if (p.kind != KIND_TEXT || p.value.n == 0 || p.value.n > max)
		return fail_at(c, E_INPUT, at, "\"%s\" is a text of 1 to %zu bytes", name, max);
	*ret = p.value;
	return true;
}

static bool
is_in(const char *const list[], struct str word)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (str_same(word, str_of(list[i])))
			return true;
	return false;
}

bool
job_body_copy(struct ctx *c, const struct job_body *b, const char *const server[],
    const char *const taken[], struct js *j)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct json_part *p = &b->part[i];
		char *key = take_cstr(c, p->key);

		if (key == NULL)
			return false;
		if (is_in(server, p->key))
			return fail_at(c, E_FIELD, take_printf(c, "/%s", key),
			    "\"%s\" is not yours to say: the server knows it", key);
		if (!is_in(taken, p->key))
			js_member(j, key, p);
	}
	return true;
}

void
js_member(struct js *j, const char *key, const struct json_part *p)
{
	if (p->kind == KIND_TEXT)
		js_text(j, key, p->value);
	else
		js_raw(j, key, p->value);
}
