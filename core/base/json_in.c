/*
 * JSON in: one object, by a table of fields, into one struct. jansson does the grammar; before it
 * a linear scan bounds depth and number of strings, so that no shape of input costs more than its
 * length.
 */
#include <jansson.h>
#include <stdio.h>

#include "base.h"

/* Counts nesting and strings without building anything. */
MUST static bool
bounded(struct ctx *c, struct str text)
{
	size_t depth = 0, strings = 0;
	bool inside = false;

	for (size_t i = 0; i < text.n; i++) {
		char ch = text.p[i];

		if (inside && ch == '\\') {
			i++;
		} else if (ch == '"') {
			inside = !inside;
			strings += inside;
		} else if (!inside && (ch == '{' || ch == '[')) {
			depth++;
		} else if (!inside && (ch == '}' || ch == ']') && depth > 0) {
			depth--;
		}
		if (depth > JSON_DEPTH_MAX)
			return fail(c, E_JSON, "nested deeper than %d", JSON_DEPTH_MAX);
		if (strings > JSON_STRINGS_MAX)
			return fail(c, E_JSON, "more than %d strings", JSON_STRINGS_MAX);
	}
	return true;
}

static void
value_done(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

static const char *
pointer(struct ctx *c, const char *name)
{
	const char *p = take_printf(c, "/%s", name);

	return p == NULL ? "" : p;
}

MUST static bool
text_value(struct ctx *c, const struct json_field *f, const json_t *v, struct str *ret)
{
	struct str s;

	if (!json_is_string(v))
		return fail_at(c, E_INPUT, pointer(c, f->name), "%s must be text", f->name);
	s = (struct str){ json_string_value(v), json_string_length(v) };
	if (s.n < (size_t)f->min || s.n > (size_t)f->max)
		return fail_at(c, E_INPUT, pointer(c, f->name),
		    "%s must have %lld to %lld bytes", f->name, (long long)f->min,
		    (long long)f->max);
	if (!text_valid(s))
		return fail_at(
		    c, E_INPUT, pointer(c, f->name), "%s contains control characters", f->name);
	return take_copy(c, s, ret);
}

MUST static bool
word_value(struct ctx *c, const struct json_field *f, const json_t *v, int *ret)
{
	char all[120];
	struct buf b = BUF(all);

	for (int i = 0; f->words[i] != NULL; i++) {
		if (json_is_string(v) && strcmp(json_string_value(v), f->words[i]) == 0) {
			*ret = i;
			return true;
		}
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", f->words[i]);
	}
	return fail_at(c, E_INPUT, pointer(c, f->name), "%s must be one of: %.*s", f->name,
	    STRF(buf_str(&b)));
}

MUST static bool
number_value(struct ctx *c, const struct json_field *f, const json_t *v, int64_t *ret)
{
	int64_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < f->min || n > f->max)
		return fail_at(c, E_INPUT, pointer(c, f->name),
		    "%s must be a whole number from %lld to %lld", f->name, (long long)f->min,
		    (long long)f->max);
	*ret = n;
	return true;
}

/* None of our times is so early, and 0 is a time that was not said. */
MUST static bool
time_value(struct ctx *c, const struct json_field *f, const json_t *v, int64_t *ret)
{
	int64_t at;

	if (!time_parse(c, str_of(json_string_value(v)), &at)) {
		snprintf(c->err.at, sizeof c->err.at, "/%s", f->name);
		return false;
	}
	if (at < 1000)
		return fail_at(
		    c, E_INPUT, pointer(c, f->name), "%s must be later than 1970", f->name);
	*ret = at;
	return true;
}

MUST static bool
list_value(struct ctx *c, const struct json_field *f, const json_t *v, struct str_list *ret)
{
	size_t n = json_array_size(v);
	struct str *out;

	if (!json_is_array(v))
		return fail_at(c, E_INPUT, pointer(c, f->name), "%s must be a list", f->name);
	out = take(c, (n + 1) * sizeof *out);
	if (out == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!text_value(c, f, json_array_get(v, i), &out[i]))
			return false;
	*ret = (struct str_list){ out, n };
	return true;
}

MUST static bool
object_value(struct ctx *c, const struct json_field *f, const json_t *v, struct str *ret)
{
	char *text;
	bool ok;

	if (!json_is_object(v))
		return fail_at(
		    c, E_INPUT, pointer(c, f->name), "%s must be an object", f->name);
	text = json_dumps(v, JSON_COMPACT);
	if (text == NULL)
		return fail(c, E_MEMORY, "no memory for JSON");
	ok = take_copy(c, str_of(text), ret);
	free(text);
	return ok;
}

MUST static bool
value(struct ctx *c, const struct json_field *f, const json_t *v, void *to)
{
	struct str text;

	switch (f->type) {
	case FIELD_TEXT:
		return text_value(c, f, v, to);
	case FIELD_WORD:
		return word_value(c, f, v, to);
	case FIELD_NUMBER:
		return number_value(c, f, v, to);
	case FIELD_REAL:
		if (!json_is_number(v))
			return fail_at(
			    c, E_INPUT, pointer(c, f->name), "%s must be a number", f->name);
		*(double *)to = json_number_value(v);
		return true;
	case FIELD_BOOL:
		if (!json_is_boolean(v))
			return fail_at(c, E_INPUT, pointer(c, f->name),
			    "%s must be true or false", f->name);
		*(bool *)to = json_is_true(v);
		return true;
	case FIELD_TIME:
		return time_value(c, f, v, to);
	case FIELD_BYTES:
		text = str_of(json_string_value(v));
		if (json_is_string(v) && text.n / 4 * 3 <= (size_t)f->max &&
		    base64url_decode(c, text, to))
			return true;
		return fail_at(c, E_INPUT, pointer(c, f->name),
		    "%s must be base64url of at most %lld bytes", f->name, (long long)f->max);
	case FIELD_LIST:
		return list_value(c, f, v, to);
	case FIELD_OBJECT:
		return object_value(c, f, v, to);
	}
	abort(); /* the compiler has seen every case */
}

static const struct json_field *
field_named(const struct json_field *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

MUST static bool
fields_into(struct ctx *c, json_t *root, const struct json_field *fields, size_t n, void *ret)
{
	const char *key;
	json_t *v;

	json_object_foreach(root, key, v)
	{
		const struct json_field *f = field_named(fields, n, key);

		if (f == NULL) {
			char name[48];
			struct buf b = BUF(name);

			text_escape(&b, str_of(key));
			return fail_at(c, E_FIELD, pointer(c, key), "unknown field \"%.*s\"",
			    STRF(buf_str(&b)));
		}
		if (!value(c, f, v, (char *)ret + f->at))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].required && json_object_get(root, fields[i].name) == NULL)
			return fail_at(c, E_INPUT, pointer(c, fields[i].name), "%s is missing",
			    fields[i].name);
	return true;
}

bool
json_decode(
    struct ctx *c, struct str text, const struct json_field *fields, size_t n, void *ret)
{
	owned(value_done) json_t *root = NULL;
	json_error_t why = { 0 };

	if (!bounded(c, text))
		return false;
	root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	/* No reason given means no memory. */
	if (root == NULL && why.text[0] == '\0')
		return fail(c, E_MEMORY, "no memory for JSON");
	if (root == NULL)
		return fail(c, E_JSON, "not JSON: %.120s (byte %d)", why.text, why.position);
	if (!json_is_object(root))
		return fail(c, E_JSON, "a JSON object is wanted");
	return fields_into(c, root, fields, n, ret);
}
