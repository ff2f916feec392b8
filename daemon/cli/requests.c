/*
 * The requests that commands are made of: one object, a change, a deletion, a list with all its
 * pages.
 */
#include <stdio.h>

#include "cli.h"

enum { PATH_MAX_BYTES = 512 };

bool
cli_get(struct cli *t, const char *path, struct api_answer *ret)
{
	return api_call(t, &(struct api_request){ "GET", path, STR(""), NULL }, ret);
}

bool
cli_post(struct cli *t, const char *path, const struct buf *body, struct api_answer *ret)
{
	return buf_ok(&t->c, body) &&
	    api_call(t, &(struct api_request){ "POST", path, buf_str(body), NULL }, ret);
}

bool
cli_patch(struct cli *t, const char *path, const struct buf *body, struct api_answer *ret)
{
	struct api_answer now;

	return buf_ok(&t->c, body) && cli_get(t, path, &now) &&
	    api_call(t, &(struct api_request){ "PATCH", path, buf_str(body), now.etag }, ret);
}

bool
cli_delete(struct cli *t, const char *path, struct api_answer *ret)
{
	struct api_answer now;

	return cli_get(t, path, &now) &&
	    api_call(t, &(struct api_request){ "DELETE", path, STR(""), now.etag }, ret);
}

bool
cli_text(struct cli *t, struct str body, const char *name, struct str *ret)
{
	struct json_part *part, value;
	size_t n;

	if (!json_split(&t->c, body, &part, &n))
		return false;
	if (!json_find(part, n, name, &value) || value.kind != KIND_TEXT)
		return fail(&t->c, E_PEER, "the server's answer names no %s", name);
	*ret = value.value;
	return true;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Shows {"items": […], "next": …}; the place of the next page, empty at the end. */
MUST static bool
page_show(struct cli *t, struct str body, int64_t *left, char next[PATH_MAX_BYTES])
{
	struct json_part *part, *item, items, after = { 0 };
	size_t n, count;

	if (!json_split(&t->c, body, &part, &n))
		return false;
	if (!json_find(part, n, "items", &items) || items.kind != KIND_LIST)
		return fail(&t->c, E_PEER, "the server's answer is no list");
	if (!json_split(&t->c, items.value, &item, &count))
		return false;
	for (size_t i = 0; i<count && * left> 0; i++, (*left)--)
		if (!output_row(&t->c, t->out, item[i].value))
			return false;
	next[0] = '\0';
	if (json_find(part, n, "next", &after) && after.kind != KIND_NULL)
		snprintf(next, PATH_MAX_BYTES, "%.*s", STRF(after.value));
	return true;
}

bool
cli_list(struct cli *t, const char *path, const char *from, const char *begin, int64_t left)
{
	struct arena *mine = t->c.mem;
	char next[PATH_MAX_BYTES];
	bool ok = true;

	snprintf(next, sizeof next, "%s", begin);
	do {
		owned(arena_free) struct arena *memory = arena_new(8 * ANSWER_MAX);
		struct api_answer a;
		char *url;

		if (memory == NULL)
			return fail(&t->c, E_MEMORY, "no memory for a page");
		t->c.mem = memory;
		url = take_printf(&t->c, "%s%climit=%d%s%s%s%s", path,
		    strchr(path, '?') == NULL ? '?' : '&', left < PAGE ? (int)left : PAGE,
		    next[0] == '\0' ? "" : "&", next[0] == '\0' ? "" : from,
		    next[0] == '\0' ? "" : "=", next);
		ok = url != NULL && cli_get(t, url, &a) && page_show(t, a.body, &left, next);
		t->c.mem = mine;
	} while (ok && left > 0 && next[0] != '\0');
	return ok;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Items whose member is the word, on their way to `most` of them. */
struct search {
	const char *member;
	struct str word, id; /* of the last one found */
	size_t found, most;
};

MUST static bool
page_search(struct cli *t, struct str body, struct search *s, char next[PATH_MAX_BYTES])
{
	struct json_part *part, *item, *of, items, value, after = { 0 };
	size_t n, count, m;

	if (!json_split(&t->c, body, &part, &n))
		return false;
	if (!json_find(part, n, "items", &items) || items.kind != KIND_LIST ||
	    !json_split(&t->c, items.value, &item, &count))
		return fail(&t->c, E_PEER, "the server's answer is no list");
	for (size_t i = 0; i < count && s->found < s->most; i++) {
		if (!json_split(&t->c, item[i].value, &of, &m))
			return false;
		if (!json_find(of, m, s->member, &value) || !str_same(value.value, s->word))
			continue;
		if (!cli_text(t, item[i].value, "id", &s->id))
			return false;
		s->found++;
	}
	next[0] = '\0';
	if (json_find(part, n, "next", &after) && after.kind != KIND_NULL)
		snprintf(next, PATH_MAX_BYTES, "%.*s", STRF(after.value));
	return true;
}

bool
cli_search(struct cli *t, const char *path, const char *member, struct str word, size_t most,
    struct str *ret, size_t *ret_n)
{
	struct search s = { member, word, STR(""), 0, most };
	char next[PATH_MAX_BYTES] = "";
	struct api_answer a;
	char *url;

	do {
		url = take_printf(&t->c, "%s?limit=%d%s%s", path, PAGE,
		    next[0] == '\0' ? "" : "&cursor=", next);
		if (url == NULL || !cli_get(t, url, &a) || !page_search(t, a.body, &s, next))
			return false;
	} while (s.found < s.most && next[0] != '\0');
	*ret = s.id;
	*ret_n = s.found;
	return true;
}

bool
cli_find(struct cli *t, const char *path, const char *type, const char *member, struct str word,
    struct str *ret)
{
	struct ctx try = t->c;
	struct id id;
	size_t n;

	if (id_parse(&try, word, type, &id)) {
		*ret = word;
		return true;
	}
	if (!cli_search(t, path, member, word, 1, ret, &n))
		return false;
	return n > 0 ? true
		     : fail(&t->c, E_ABSENT, "there is none with the %s %.*s at %s", member,
			   (int)(word.n < 64 ? word.n : 64), word.p, path);
}

/* ---- Texts ----------------------------------------------------------------------------------- */

bool
cli_for_people(const struct cli *t)
{
	struct str format;

	return !parsed_option(&t->parsed, "--format", &format) ||
	    str_same(format, STR("table"));
}

bool
cli_say(struct cli *t, struct str text)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, 6 * text.n + 64, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "text", text);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}
