/*
 * The door for JOSE objects: cuts a token at its dots and judges its protected header against a
 * fixed list before a key is touched. A header cannot choose how it is verified: the algorithm is
 * the caller's, and whatever would bring or fetch a key, compress, or demand an extension is
 * refused by name. What the list does not know is ignored if it is a plain value (RFC 7515, 4).
 */
#include "parts.h"

#include <jansson.h>

/* Base64url of JOSE_HEADER_MAX bytes, without padding. */
#define HEADER_TEXT_MAX (JOSE_HEADER_MAX / 3 * 4 + (JOSE_HEADER_MAX % 3 * 4 + 2) / 3)

static const struct form {
	struct str alg, enc;
	size_t parts;
	bool epk;
} forms[] = {
	{ { "ES256", 5 }, { "", 0 }, 3, false },
	{ { "ECDH-ES+A256KW", 14 }, { "A256GCM", 7 }, 5, true },
};

static const char *const refused[] = {
	"crit",
	"zip",
	"b64",
	"jwk",
	"jku",
	"x5u",
	"x5c",
	"x5t",
	"x5t#S256",
};

bool
jose_name_refused(const char *name)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (strcmp(name, refused[i]) == 0)
			return true;
	return false;
}

static void
json_done(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

MUST static bool
cut(struct ctx *c, struct str token, const struct form *f, struct jose *ret)
{
	struct str rest = token;
	size_t n = 0;
	bool more = true;

	if (token.n > JOSE_MAX)
		return fail(c, E_LIMIT, "a token has at most %d bytes", JOSE_MAX);
	while (more && n < COUNT(ret->part))
		more = str_cut(&rest, '.', &ret->part[n++]);
	if (more || n != f->parts)
		return fail(c, E_INPUT, "the token must have %zu parts", f->parts);
	ret->parts = n;
	if (ret->part[0].n > HEADER_TEXT_MAX)
		return fail(c, E_LIMIT, "the header has more than %d bytes", JOSE_HEADER_MAX);
	return true;
}

/* Whether nothing in the header is on the list of what is refused, nor nested. */
MUST static bool
tame(struct ctx *c, json_t *header, const struct form *f)
{
	const char *name;
	json_t *v;

	if (json_object_size(header) > JOSE_MEMBERS_MAX)
		return fail(
		    c, E_LIMIT, "the header has more than %d members", JOSE_MEMBERS_MAX);
	for (size_t i = 0; i < COUNT(refused); i++)
		if (json_object_get(header, refused[i]) != NULL)
			return fail(
			    c, E_INPUT, "\"%s\" in a header is not accepted", refused[i]);
	json_object_foreach(header, name, v)
	{
		struct str text = { json_string_value(v), json_string_length(v) };
		bool epk = f->epk && strcmp(name, "epk") == 0;

		if (!text_valid(str_of(name)) || (json_is_string(v) && !text_valid(text)))
			return fail(c, E_INPUT, "control characters in the header");
		if (epk != json_is_object(v) || json_is_array(v))
			return fail(c, E_INPUT, "a member of the header has the wrong type");
	}
	return true;
}

static bool
is_text(json_t *header, const char *name, struct str want)
{
	json_t *v = json_object_get(header, name);

	return json_is_string(v) &&
	    str_same(want, (struct str){ json_string_value(v), json_string_length(v) });
}

/* Copies the text members. */
MUST static bool
keep(struct ctx *c, json_t *header, struct jose_header *ret)
{
	struct jose_member *m = take(c, (json_object_size(header) + 1) * sizeof *m);
	size_t n = 0;
	const char *name;
	json_t *v;

	if (m == NULL)
		return false;
	json_object_foreach(header, name, v)
	{
		struct str text = { json_string_value(v), json_string_length(v) };

		if (!json_is_string(v))
			continue;
		m[n].name = take_cstr(c, str_of(name));
		if (m[n].name == NULL || !take_copy(c, text, &m[n].value))
			return false;
		n++;
	}
	ret->member = m;
	ret->members = n;
	(void)jose_header_text(ret, "typ", &ret->typ);
	(void)jose_header_text(ret, "kid", &ret->kid);
	return true;
}

MUST static bool
keep_epk(struct ctx *c, json_t *header, struct str *ret)
{
	json_t *epk = json_object_get(header, "epk");
	char *text = json_dumps(epk, JSON_COMPACT);
	bool ok;

	if (epk == NULL)
		return fail(c, E_INPUT, "the header has no epk");
	if (text == NULL)
		return fail(c, E_MEMORY, "no memory for JSON");
	ok = take_copy(c, str_of(text), ret);
	free(text);
	return ok;
}

MUST static bool
judge(struct ctx *c, const struct form *f, struct jose *t)
{
	owned(json_done) json_t *header = NULL;
	json_error_t why = { 0 };

	header = json_loadb(t->header.json.p, t->header.json.n, JSON_REJECT_DUPLICATES, &why);
	/* No reason given means no memory. */
	if (header == NULL && why.text[0] == '\0')
		return fail(c, E_MEMORY, "no memory for JSON");
	if (!json_is_object(header))
		return fail(c, E_INPUT, "the header is not a JSON object with distinct names");
	if (!is_text(header, "alg", f->alg))
		return fail(c, E_INPUT, "the algorithm must be %.*s", STRF(f->alg));
	if (f->enc.n > 0 && !is_text(header, "enc", f->enc))
		return fail(c, E_INPUT, "the encryption must be %.*s", STRF(f->enc));
	if (!tame(c, header, f) || !keep(c, header, &t->header))
		return false;
	return !f->epk || keep_epk(c, header, &t->epk);
}

bool
jose_open(struct ctx *c, struct str token, struct str alg, struct jose *ret)
{
	const struct form *f = NULL;
	struct jose t = { 0 };

	for (size_t i = 0; i < COUNT(forms); i++)
		if (str_same(forms[i].alg, alg))
			f = &forms[i];
	if (f == NULL)
		return fail(c, E_INTERNAL, "the algorithm %.*s is not spoken here", STRF(alg));
	if (!cut(c, token, f, &t) || !base64url_decode(c, t.part[0], &t.header.json) ||
	    !judge(c, f, &t))
		return false;
	*ret = t;
	return true;
}

bool
jose_want(struct ctx *c, const struct jose *t, struct str typ)
{
	if (!str_same(t->header.typ, typ))
		return fail(c, E_INPUT, "the token's typ must be %.*s", STRF(typ));
	return true;
}

bool
jose_peek(struct ctx *c, struct str token, struct str alg, struct jose_header *ret)
{
	struct jose t;

	if (!jose_open(c, token, alg, &t))
		return false;
	*ret = t.header;
	return true;
}

bool
jose_header_text(const struct jose_header *h, const char *name, struct str *ret)
{
	for (size_t i = 0; i < h->members; i++)
		if (strcmp(h->member[i].name, name) == 0) {
			*ret = h->member[i].value;
			return true;
		}
	return false;
}

bool
jose_header_write(struct ctx *c, struct buf *json, struct buf *out)
{
	if (json->full || json->n > JOSE_HEADER_MAX)
		return fail(c, E_LIMIT, "the header has more than %d bytes", JOSE_HEADER_MAX);
	base64url_put(out, json->p, json->n);
	return true;
}
