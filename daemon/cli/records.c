/*
 * A text file as records. The end of a record is found first, by a machine of a few states that
 * knows quotes; then it is cut into cells where it lies. Only the record at hand is in memory.
 */
#include "records.h"

/* Where in a line of CSV we are. */
enum place {
	CELL_BEGINS,
	CELL_PLAIN,
	CELL_QUOTED,
	CELL_CLOSED, /* behind a quote: the first of two, or the cell's last */
	CELL_RETURN, /* behind the carriage return that follows it */
	LINE_BAD,
	LINE_ENDS
};

static enum place
step(enum place at, char ch)
{
	if (at == CELL_QUOTED)
		return ch == '"' ? CELL_CLOSED : CELL_QUOTED;
	if (ch == '\n')
		return LINE_ENDS;
	if (at == LINE_BAD || at == CELL_RETURN)
		return LINE_BAD;
	if (ch == ',')
		return CELL_BEGINS;
	if (at == CELL_CLOSED)
		return ch == '"' ? CELL_QUOTED : ch == '\r' ? CELL_RETURN : LINE_BAD;
	if (ch == '"')
		return at == CELL_BEGINS ? CELL_QUOTED : LINE_BAD;
	return CELL_PLAIN;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Reads on behind what is there, which moves to the front. There is room. */
MUST static bool
fill(struct ctx *c, struct records *r)
{
	ssize_t got;

	memmove(r->p, r->p + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	got = r->read(r->arg, r->p + r->end, RECORD_MAX - r->end);
	if (got < 0)
		return fail_errno(c, "read", "the file");
	r->end += (size_t)got;
	r->ended = got == 0;
	return true;
}

bool
records_begin(struct ctx *c, struct records *r)
{
	const struct str mark = STR("\xef\xbb\xbf");
	size_t i;

	r->p = take(c, RECORD_MAX);
	if (r->p == NULL)
		return false;
	r->line = 1;
	while (!r->ended && r->end < RECORD_MAX)
		if (!fill(c, r))
			return false;
	if (str_starts((struct str){ r->p, r->end }, mark))
		r->at = mark.n;
	for (i = r->at; i < r->end && memchr(" \t\r\n", r->p[i], 4) != NULL;)
		i++;
	r->csv = i == r->end || r->p[i] != '{';
	return true;
}

/* ---- The end of a record --------------------------------------------------------------------- */

struct extent {
	size_t n;      /* bytes from r->at on, the end of line included */
	int64_t lines; /* how many of those */
	bool bad;      /* quotes are not as they should be */
	bool cut;      /* it was longer than the buffer: most of it is gone */
};

MUST static bool
unclosed(struct ctx *c, const struct records *r)
{
	return fail(c, E_INPUT,
	    "line %lld: a quote opens and is not closed within %d bytes; nothing behind it was "
	    "read",
	    (long long)r->line, RECORD_MAX);
}

MUST static bool
extent_find(struct ctx *c, struct records *r, struct extent *ret)
{
	struct extent x = { 0 };
	enum place at = CELL_BEGINS;

	while (at != LINE_ENDS) {
		char ch;

		if (r->at + x.n == r->end) {
			if (r->ended)
				break;
			if (x.n == RECORD_MAX) {
				if (at == CELL_QUOTED)
					return unclosed(c, r);
				at = LINE_BAD;
				x.cut = true;
				r->at = r->end;
				x.n = 0;
			}
			if (!fill(c, r))
				return false;
			continue;
		}
		ch = r->p[r->at + x.n++];
		x.lines += ch == '\n';
		at = r->csv || at == LINE_BAD ? step(at, ch)
		    : ch == '\n'              ? LINE_ENDS
					      : CELL_PLAIN;
		x.bad = x.bad || at == LINE_BAD;
	}
	if (at == CELL_QUOTED)
		return unclosed(c, r);
	*ret = x;
	return true;
}

/* ---- Its cells ------------------------------------------------------------------------------- */

/* Cuts a line in place: quotes vanish, two of them become one. */
static void
cells_cut(struct str line, char *p, struct record *rec)
{
	enum place at = CELL_BEGINS, next;
	char *begin = p, *to = p;

	for (size_t i = 0; i < line.n; i++, at = next) {
		next = step(at, p[i]);
		if (next == CELL_BEGINS) {
			if (rec->cells < RECORD_CELLS)
				rec->cell[rec->cells] = (struct str){ begin,
					(size_t)(to - begin) };
			rec->cells++;
			begin = to = p + i + 1;
		} else if (next == CELL_PLAIN || (next == CELL_QUOTED && at != CELL_BEGINS)) {
			*to++ = p[i];
		}
	}
	if (rec->cells < RECORD_CELLS)
		rec->cell[rec->cells] = (struct str){ begin, (size_t)(to - begin) };
	rec->cells++;
	if (rec->cells > RECORD_CELLS) {
		rec->cells = RECORD_CELLS;
		rec->why = "the line has too many cells";
	}
}

static void
record_read(
    const struct records *r, struct str line, const struct extent *x, struct record *rec)
{
	if (x->cut)
		rec->why = "the line is longer than 65536 bytes";
	else if (x->bad)
		rec->why = "a quote stands in the middle of a cell: quote the whole cell, and "
			   "double the quotes in it";
	else if (r->csv)
		cells_cut(line, r->p + r->at, rec);
	else
		rec->cell[rec->cells++] = line;
	for (size_t i = 0; i < rec->cells; i++)
		if (rec->why == NULL && !text_valid(rec->cell[i]))
			rec->why = "the line holds what is no printable text in UTF-8";
}

/* Without blanks and ends of line. */
static bool
blank(struct str line)
{
	return str_trim(line).n == 0;
}

bool
records_next(struct ctx *c, struct records *r, bool *ret_any, struct record *ret)
{
	struct extent x = { 0 };
	struct record rec;
	struct str line;

	do {
		r->at += x.n;
		r->line += x.lines;
		if (!extent_find(c, r, &x))
			return false;
		line = (struct str){ r->p + r->at, x.n };
		while (line.n > 0 && memchr("\r\n", line.p[line.n - 1], 2) != NULL)
			line.n--;
	} while (!x.cut && x.n > 0 && blank(line));
	rec = (struct record){ .line = r->line };
	*ret_any = x.n > 0 || x.cut;
	if (*ret_any)
		record_read(r, line, &x, &rec);
	r->at += x.n;
	r->line += x.lines;
	*ret = rec;
	return true;
}
