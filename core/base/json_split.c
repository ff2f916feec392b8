/*
 * JSON of a shape that only its sender knows: an object or a list is split into its parts, one
 * level at a time. For programs that show what they got; what decides uses json_decode.
 */
#include <jansson.h>

#include "base.h"

static void
value_done(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

static enum json_kind
kind_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return KIND_OBJECT;
	case JSON_ARRAY:
		return KIND_LIST;
	case JSON_STRING:
		return KIND_TEXT;
	case JSON_INTEGER:
	case JSON_REAL:
		return KIND_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return KIND_BOOL;
	case JSON_NULL:
		return KIND_NULL;
	}
	abort(); /* the compiler has seen every case */
}

MUST static bool
part(struct ctx *c, const char *key, const json_t *v, struct json_part *ret)
{
	char *text;
	bool ok;

	ret->kind = kind_of(v);
	if (!take_copy(c, str_of(key), &ret->key))
		return false;
	if (ret->kind == KIND_TEXT)
		return take_copy(c, (struct str){ json_string_value(v), json_string_length(v) },
		    &ret->value);
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text == NULL)
		return fail(c, E_MEMORY, "no memory for JSON");
	ok = take_copy(c, str_of(text), &ret->value);
	free(text);
	return ok;
}

bool
json_split(struct ctx *c, struct str text, struct json_part **ret, size_t *ret_n)
{
	owned(value_done) json_t *root = NULL;
	struct json_part *parts;
	json_error_t why;
	size_t n = 0, i;
	const char *key;
	json_t *v;

	root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
	if (root == NULL)
		return fail(c, E_JSON, "not JSON: %.120s (byte %d)", why.text, why.position);
	parts = take(c, (json_object_size(root) + json_array_size(root) + 1) * sizeof *parts);
	if (parts == NULL)
		return false;
	json_object_foreach(root, key, v)
	{
		if (!part(c, key, v, &parts[n++]))
			return false;
	}
	json_array_foreach(root, i, v)
	{
		if (!part(c, "", v, &parts[n++]))
			return false;
	}
	*ret = parts;
	*ret_n = n;
	return true;
}

bool
json_find(const struct json_part *parts, size_t n, const char *key, struct json_part *ret)
{
	for (size_t i = 0; i < n; i++)
		if (str_same(parts[i].key, str_of(key))) {
			*ret = parts[i];
			return true;
		}
	return false;
}
