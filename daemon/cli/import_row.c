/*
 * Lines of the import as requests. A line means the same whenever it is read: so its dates are
 * dates, and a license without a reference gets one that is made of the line itself.
 */
#include "import.h"

enum { CUSTOMER_MAX = 4 << 10, LICENSE_BODY_MAX = 16 << 10, SEATS_MOST = 1000000 };

const char *const column_names[COLUMNS] = { "name", "email", "release", "policy", "reference",
	"seats", "from", "expires", "entitlements" };

/* Its number; COLUMNS if there is none of that name. */
static int
column_of(struct str name)
{
	int i = 0;

	while (i < COLUMNS && !str_same(name, str_of(column_names[i])))
		i++;
	return i;
}

bool
row_header(struct ctx *c, struct import *m, const struct record *head)
{
	bool seen[COLUMNS] = { false };

	if (head->why != NULL)
		return fail(c, E_INPUT, "the first line: %s", head->why);
	for (size_t i = 0; i < head->cells; i++) {
		struct str name = str_trim(head->cell[i]);
		int at = column_of(name);

		if (at == COLUMNS)
			return fail(c, E_INPUT,
			    "the first line names the columns, and there is none \"%.*s\": name, "
			    "email, release, policy, reference, seats, from, expires, entitlements",
			    (int)(name.n < 40 ? name.n : 40), name.p);
		if (seen[at])
			return fail(
			    c, E_INPUT, "the column %s is there twice", column_names[at]);
		seen[at] = true;
		m->column[i] = at;
	}
	if (!seen[COLUMN_NAME])
		return fail(c, E_INPUT, "there is no column name");
	if (seen[COLUMN_RELEASE] != seen[COLUMN_POLICY])
		return fail(c, E_INPUT, "a license needs both columns, release and policy");
	m->columns = head->cells;
	return true;
}

/* ---- What a line says ------------------------------------------------------------------------ */

MUST static bool
from_cells(struct ctx *c, const struct import *m, const struct record *rec, struct row *row)
{
	if (rec->cells != m->columns)
		return fail(c, E_INPUT, "the line has %zu cells, the first one %zu", rec->cells,
		    m->columns);
	for (size_t i = 0; i < rec->cells; i++)
		if (!take_copy(c, str_trim(rec->cell[i]), &row->text[m->column[i]]))
			return false;
	return true;
}

/* A list of texts as one text with blanks between. */
MUST static bool
list_join(struct ctx *c, struct str list, struct str *ret)
{
	struct json_part *part;
	struct buf b;
	size_t n;

	if (!json_split(c, list, &part, &n) || !take_buf(c, list.n, &b))
		return false;
	for (size_t i = 0; i < n; i++) {
		buf_put(&b, i > 0 ? STR(" ") : STR(""));
		buf_put(&b, part[i].value);
	}
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

MUST static bool
from_json(struct ctx *c, const struct record *rec, struct row *row)
{
	struct json_part *part;
	struct str line;
	size_t n;

	if (!take_copy(c, rec->cell[0], &line) || !json_split(c, line, &part, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		int at = column_of(part[i].key);

		if (at == COLUMNS)
			return fail(c, E_FIELD, "there is no member \"%.*s\"",
			    (int)(part[i].key.n < 40 ? part[i].key.n : 40), part[i].key.p);
		if (part[i].kind == KIND_LIST && at == COLUMN_ENTITLEMENTS) {
			if (!list_join(c, part[i].value, &row->text[at]))
				return false;
			continue;
		}
		if (part[i].kind == KIND_BOOL || part[i].kind == KIND_LIST ||
		    part[i].kind == KIND_OBJECT)
			return fail(c, E_INPUT, "%s is a text", column_names[at]);
		if (part[i].kind != KIND_NULL)
			row->text[at] = part[i].value;
	}
	return true;
}

/* ---- Names and references -------------------------------------------------------------------- */

MUST static bool
digest_of(struct ctx *c, const char *kind, struct str what, struct digest256 *ret)
{
	struct str parts[] = { str_of(kind), STR(":"), what };

	return sha256_parts(c, parts, COUNT(parts), ret);
}

/* One that is made of the line and of how many there were like it. */
MUST static bool
reference_make(struct ctx *c, struct import *m, struct row *row)
{
	struct str parts[2 * COLUMNS];
	struct digest256 d;
	struct buf b;
	int64_t n;

	for (int i = 0; i < COLUMNS; i++) {
		parts[2 * i] = STR("\n");
		parts[2 * i + 1] = row->text[i];
	}
	if (!sha256_parts(c, parts, COUNT(parts), &d) ||
	    !tally_count(c, m->tally, &d, true, &n) || !take_buf(c, 80, &b))
		return false;
	buf_put(&b, STR("import-"));
	base64url_put(&b, d.b, 16);
	buf_printf(&b, "-%lld", (long long)n + 1);
	row->text[COLUMN_REFERENCE] = buf_str(&b);
	return true;
}

/* Asks the server; E_ABSENT and E_USAGE are the line's fault, all else ends the import. */
MUST static bool
word_ask(struct import *m, struct ctx *c, struct known *k)
{
	owned(arena_free) struct arena *memory = arena_new(8 * ANSWER_MAX);
	struct cli *t = m->cli;
	struct arena *mine = t->c.mem;
	struct str id = STR("");
	bool ok;

	if (memory == NULL)
		return fail(c, E_MEMORY, "no memory to look something up");
	t->c.mem = memory;
	ok = k->find(t, k->word, &id);
	t->c.mem = mine;
	if (!ok && t->c.err.code != E_ABSENT && t->c.err.code != E_USAGE) {
		c->err = t->c.err;
		m->over = true;
		return false;
	}
	return take_copy(&t->c, k->word, &k->word) && take_copy(&t->c, id, &k->id);
}

/* The id of a release or a policy, which is asked for once. */
MUST static bool
word_known(struct import *m, struct ctx *c, find_id *find, struct str word, struct str *ret)
{
	size_t i = 0;

	while (i < m->knowns && (m->known[i].find != find || !str_same(m->known[i].word, word)))
		i++;
	if (i == KNOWN_MAX)
		return fail(
		    c, E_LIMIT, "more than %d different releases and policies", KNOWN_MAX);
	if (i == m->knowns) {
		m->known[i] = (struct known){ .find = find, .word = word };
		if (!word_ask(m, c, &m->known[i]))
			return false;
		m->knowns++;
	}
	if (m->known[i].id.n == 0)
		return fail(c, E_ABSENT, "there is no %s %.*s",
		    find == release_find ? "release MODEL/NUMBER" : "policy",
		    (int)(word.n < 80 ? word.n : 80), word.p);
	*ret = m->known[i].id;
	return true;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* Of a file, a date that counts from today would mean something else tomorrow. */
MUST static bool
date_put(struct ctx *c, struct js *j, const char *key, const char *column, struct str text)
{
	struct ctx try = *c;
	int64_t ms;

	if (text.n == 0)
		return true;
	if (grammar_span(&try, text, &ms) || !grammar_time(&try, text, &ms) || ms == 0)
		return fail(c, E_INPUT,
		    "%s is a date (2027-01-31, or RFC 3339), or left out for the policy's",
		    column);
	js_time(j, key, ms);
	return true;
}

MUST static bool
customer_body(struct ctx *c, struct row *row)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(c, CUSTOMER_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", row->text[COLUMN_NAME]);
	if (row->text[COLUMN_EMAIL].n > 0)
		js_text(&j, "email", row->text[COLUMN_EMAIL]);
	js_close(&j, '}');
	row->customer = buf_str(&b);
	return buf_ok(c, &b);
}

static void
entitlements_put(struct js *j, struct str words)
{
	struct str one;

	if (words.n == 0)
		return;
	js_open(j, "entitlements", '[');
	while (words.n > 0) {
		(void)str_cut(&words, ' ', &one);
		if (one.n > 0)
			js_text(j, NULL, one);
	}
	js_close(j, ']');
}

MUST static bool
license_body(struct ctx *c, struct row *row, bool dry)
{
	const struct str *text = row->text;
	int64_t seats = 0;
	struct buf b;
	struct js j = { &b };

	if (text[COLUMN_POLICY].n == 0)
		return fail(c, E_INPUT, "a license needs a policy beside its release");
	if (text[COLUMN_SEATS].n > 0 && !str_number(text[COLUMN_SEATS], 1, SEATS_MOST, &seats))
		return fail(c, E_INPUT, "seats is a number from 1 to %d", SEATS_MOST);
	if (!take_buf(c, LICENSE_BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", text[COLUMN_NAME]);
	js_text(&j, "release", row->release);
	js_text(&j, "policy", text[COLUMN_POLICY]);
	js_text(&j, "reference", text[COLUMN_REFERENCE]);
	if (seats > 0)
		js_number(&j, "seats", seats);
	if (!date_put(c, &j, "not_before", "from", text[COLUMN_FROM]) ||
	    !date_put(c, &j, "expires", "expires", text[COLUMN_EXPIRES]))
		return false;
	entitlements_put(&j, text[COLUMN_ENTITLEMENTS]);
	if (dry)
		js_bool(&j, "dry_run", true);
	js_close(&j, '}');
	row->license = buf_str(&b);
	return buf_ok(c, &b);
}

MUST static bool
name_read(struct ctx *c, struct row *row)
{
	struct str name = row->text[COLUMN_NAME], folded;
	struct ctx try = *c;
	struct id id;

	if (name.n == 0)
		return fail(c, E_INPUT, "there is no name");
	row->known = id_parse(&try, name, "cus", &id);
	return text_fold(c, name, &folded) && digest_of(c, "name", folded, &row->name);
}

bool
row_read(struct import *m, struct lane *s, const struct record *rec)
{
	struct row *row = &s->row;
	struct ctx *c = &s->cli.c;

	*row = (struct row){ .line = rec->line };
	if (rec->why != NULL)
		return fail(c, E_INPUT, "%s", rec->why);
	if (!(m->records.csv ? from_cells(c, m, rec, row) : from_json(c, rec, row)) ||
	    !name_read(c, row))
		return false;
	if (!row->known && !customer_body(c, row))
		return false;
	if (row->text[COLUMN_RELEASE].n == 0)
		return true;
	row->referred = row->text[COLUMN_REFERENCE].n > 0;
	return word_known(m, c, release_find, row->text[COLUMN_RELEASE], &row->release) &&
	    (row->referred || reference_make(c, m, row)) &&
	    digest_of(c, "reference", row->text[COLUMN_REFERENCE], &row->reference) &&
	    license_body(c, row, m->dry);
}

/* ---- Is it there already? -------------------------------------------------------------------- */

/* Whether every member of the request that the license shows is the same there. */
MUST static bool
members_same(struct ctx *c, struct str asked, const struct json_part *is, size_t n)
{
	static const char *const shown[] = { "release", "seats", "not_before", "expires",
		"entitlements" };
	struct json_part *part, one, other;
	size_t parts;

	if (!json_split(c, asked, &part, &parts))
		return false;
	for (size_t i = 0; i < COUNT(shown); i++) {
		if (!json_find(part, parts, shown[i], &one))
			continue;
		if (!json_find(is, n, shown[i], &other) || !str_same(one.value, other.value))
			return fail(c, E_CONFLICT,
			    "another license has this reference: its %s is %.*s", shown[i],
			    (int)(other.value.n < 60 ? other.value.n : 60), other.value.p);
	}
	return true;
}

bool
row_same(struct import *m, struct lane *s, struct str license, struct str *ret_customer)
{
	struct ctx *c = &s->cli.c;
	struct json_part *part, one;
	struct str policy;
	size_t n;

	if (!json_split(c, license, &part, &n) || !members_same(c, s->row.license, part, n) ||
	    !word_known(m, c, policy_find, s->row.text[COLUMN_POLICY], &policy))
		return false;
	if (!json_find(part, n, "policy", &one) || !str_same(one.value, policy))
		return fail(c, E_CONFLICT, "a license of another policy has this reference");
	if (!json_find(part, n, "customer", &one) || one.kind != KIND_TEXT)
		return fail(c, E_PEER, "the server's answer names no customer");
	*ret_customer = one.value;
	return true;
}

bool
row_whose(struct lane *s, struct str customer)
{
	struct ctx *c = &s->cli.c;
	struct json_part *part, id, name;
	struct str folded;
	struct digest256 d;
	size_t n;

	if (!json_split(c, customer, &part, &n))
		return false;
	if (!json_find(part, n, "id", &id) || !json_find(part, n, "name", &name))
		return fail(c, E_PEER, "the server's answer names no customer");
	if (s->row.known && str_same(id.value, s->row.text[COLUMN_NAME]))
		return true;
	if (!text_fold(c, name.value, &folded) || !digest_of(c, "name", folded, &d))
		return false;
	return digest256_same(&d, &s->row.name)
	    ? true
	    : fail(c, E_CONFLICT, "another customer's license has this reference");
}
