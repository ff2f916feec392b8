/*
 * What somebody else's service answered, as its vendor's opponent, or a friend, has written it
 * down: a text of lines, CSV or JSON, each about one picture. It comes from outside and is read
 * line by line, in one pass, with no memory that depends on it but one line of JSON.
 *
 * A line that cannot be understood, or that answers a picture twice, is refused by its number:
 * what is guessed might be counted against somebody. An answer that is missing or no number is
 * none, which is never counted for the vendor.
 */
#include <strings.h>

#include "transcript.h"

enum { JSON_LINE_MAX = 1 << 20 };
/* What one line of JSON may take, taken apart. */
#define JSON_LINE_MEMORY ((size_t)64 << 20)

static void
row_end(struct reading *r, const struct row *row)
{
	r->seen[row->place] = true;
	r->answers++;
}

/* ---- CSV --------------------------------------------------------------------------------- */

/* Cuts the next field off, without its quotes; *ret_last: no more follows. */
MUST static bool
field(struct ctx *c, const struct reading *r, struct str *rest, struct str *ret, bool *ret_last)
{
	struct str f, s = str_trim(*rest);
	const char *comma;

	if (s.n == 0 || s.p[0] != '"') {
		comma = s.n == 0 ? NULL : memchr(s.p, ',', s.n);
		*ret_last = comma == NULL;
		(void)str_cut(&s, ',', &f);
		*ret = str_trim(f);
		*rest = s;
		return true;
	}
	s = (struct str){ s.p + 1, s.n - 1 };
	if (memchr(s.p, '"', s.n) == NULL)
		return fail(
		    c, E_INPUT, "line %lld has a quote that does not end", (long long)r->line);
	(void)str_cut(&s, '"', ret);
	s = str_trim(s);
	if (s.n > 0 && s.p[0] != ',')
		return fail(c, E_INPUT, "line %lld has something behind a quoted field",
		    (long long)r->line);
	*ret_last = s.n == 0;
	*rest = s.n == 0 ? s : (struct str){ s.p + 1, s.n - 1 };
	return true;
}

/* A first line that names columns. */
static bool
is_header(struct str name)
{
	static const char *const words[] = { "image", "name", "file", "picture" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (name.n == strlen(words[i]) && strncasecmp(name.p, words[i], name.n) == 0)
			return true;
	return false;
}

MUST static bool
csv_line(struct ctx *c, struct reading *r, struct str line, bool first)
{
	struct row row;
	struct str f;
	bool last;

	if (!field(c, r, &line, &f, &last))
		return false;
	if (first && is_header(f))
		return true;
	if (!row_begin(c, r, f, &row))
		return false;
	while (!last)
		if (!field(c, r, &line, &f, &last) || !row_number(c, r, f, &row))
			return false;
	if (!(row.n < 2 ? row_label(c, r, &row) : row_scores(c, r, &row)))
		return false;
	row_end(r, &row);
	return true;
}

/* ---- JSON lines -------------------------------------------------------------------------- */

MUST static bool
json_number(struct ctx *c, const struct reading *r, const struct json_part *v, struct row *row)
{
	if (v->kind != KIND_NUMBER && v->kind != KIND_NULL && v->kind != KIND_TEXT)
		return fail(c, E_INPUT, "line %lld: a label or a score is a number, or null",
		    (long long)r->line);
	return row_number(c, r, v->value, row);
}

MUST static bool
json_scores(struct ctx *c, struct reading *r, const struct json_part *v, struct row *row)
{
	struct json_part *part;
	size_t n;

	if (v->kind == KIND_NULL)
		return true;
	if (v->kind != KIND_LIST)
		return fail(c, E_INPUT, "line %lld: \"scores\" is a list of numbers",
		    (long long)r->line);
	if (!json_split(c, v->value, &part, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!json_number(c, r, &part[i], row))
			return false;
	return row_scores(c, r, row);
}

MUST static bool
json_object(struct ctx *c, struct reading *r, const struct json_part part[], size_t n)
{
	struct json_part name, v;
	struct row row;

	if (!json_find(part, n, "image", &name) || name.kind != KIND_TEXT)
		return fail(c, E_INPUT, "line %lld has no \"image\": name the picture",
		    (long long)r->line);
	if (!row_begin(c, r, name.value, &row))
		return false;
	row_end(r, &row);
	if (n == 1)
		return true;
	if (n == 2 && json_find(part, n, "scores", &v))
		return json_scores(c, r, &v, &row);
	if (n == 2 && json_find(part, n, "label", &v))
		return json_number(c, r, &v, &row) && row_label(c, r, &row);
	return fail(c, E_INPUT,
	    "line %lld: beside \"image\" there is either \"label\" or \"scores\", and nothing "
	    "else",
	    (long long)r->line);
}

MUST static bool
json_line(struct ctx *c, struct reading *r, struct str line)
{
	struct json_part *part;
	size_t n;

	if (line.n > JSON_LINE_MAX)
		return fail(c, E_LIMIT, "line %lld is longer than %d bytes", (long long)r->line,
		    JSON_LINE_MAX);
	if (line.p[0] != '{')
		return fail(c, E_INPUT, "line %lld is no JSON object: write one a line",
		    (long long)r->line);
	if (!json_split(c, line, &part, &n))
		return c->err.code != E_JSON
		    ? false
		    : fail(c, E_INPUT, "line %lld is no JSON, or is cut short",
			  (long long)r->line);
	return json_object(c, r, part, n);
}

/* ---- All lines --------------------------------------------------------------------------- */

MUST static bool
read_lines(struct ctx *c, struct reading *r, struct str text)
{
	owned(arena_free) struct arena *scratch = arena_new(JSON_LINE_MEMORY);
	struct ctx one = *c;
	bool json = false, first = true, ok = true;
	struct str line;

	if (scratch == NULL)
		return fail(c, E_MEMORY, "no memory");
	one.mem = scratch;
	while (ok && text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		r->line++;
		line = str_trim(line);
		if (line.n == 0)
			continue;
		json = json || (first && line.p[0] == '{');
		ok = json ? json_line(&one, r, line) : csv_line(&one, r, line, first);
		first = false;
		arena_reset(scratch);
	}
	c->err = one.err;
	return ok;
}

/* By pair and by slot, what is known by place. */
MUST static bool
put_in_order(struct ctx *c, const struct reading *r, struct transcript *ret)
{
	const struct challenge *q = r->of;
	struct transcript t = { .widened = r->widened };

	t.key = take(c, (size_t)q->pairs * sizeof *t.key + 1);
	t.twin = take(c, (size_t)q->pairs * sizeof *t.twin + 1);
	t.slot = take(c, (size_t)q->slots * SLOT_PICTURES * sizeof *t.slot + 1);
	if (t.key == NULL || t.twin == NULL || t.slot == NULL)
		return false;
	for (int32_t i = 0; i < q->n; i++) {
		int32_t item = q->item[i], slot;
		int k;

		if (challenge_slot(q, i, &slot, &k))
			t.slot[slot * SLOT_PICTURES + k] = r->said[i].ordinary;
		else if (item >= 0)
			(item % 2 == 0 ? t.key : t.twin)[item / 2] = r->said[i];
	}
	*ret = t;
	return true;
}

bool
transcript_read(struct ctx *c, struct str bytes, const struct challenge *q, int32_t ordinary,
    struct transcript *ret)
{
	struct reading r = { .of = q, .ordinary = ordinary };

	if (bytes.n > TRANSCRIPT_MAX)
		return fail(c, E_LIMIT, "%zu bytes of answers: more than %d are not read",
		    bytes.n, TRANSCRIPT_MAX);
	/* Some editors put a mark before a text. */
	if (str_starts(bytes, STR("\xef\xbb\xbf")))
		bytes = (struct str){ bytes.p + 3, bytes.n - 3 };
	r.said = take(c, (size_t)q->n * sizeof *r.said);
	r.seen = take(c, (size_t)q->n * sizeof *r.seen);
	if (r.said == NULL || r.seen == NULL)
		return false;
	for (int32_t i = 0; i < q->n; i++)
		r.said[i] = (struct verify_answer){ -1, -1 };
	if (!read_lines(c, &r, bytes))
		return false;
	if (r.answers == 0)
		return fail(c, E_INPUT,
		    "there is no answer in it: write a line for each picture, such as "
		    "00001.png,3");
	return put_in_order(c, &r, ret);
}
