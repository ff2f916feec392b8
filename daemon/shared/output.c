/*
 * Rows on standard output. A table waits for a few hundred rows so that its columns fit them, then
 * goes on with those widths; JSON is passed on as it came.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "output.h"

enum { COLUMNS_MAX = 16, ROWS_WAIT = 256, BATCH_MAX = 64 << 20 };

struct output {
	enum output_format format;
	const struct command *command;
	struct arena *batch; /* the rows that wait */
	struct str *cell;    /* ROWS_WAIT rows of `columns` cells */
	struct str column[COLUMNS_MAX];
	size_t columns, rows, width[COLUMNS_MAX];
	bool headed, any;
	int64_t began, shown; /* progress: clock_monotonic */
	int64_t tenth, done;  /* of the last line */
	bool bar;             /* a bar stands on the terminal's line */
};

void
output_free(struct output **o)
{
	if (*o == NULL)
		return;
	arena_free(&(*o)->batch);
	free((*o)->cell);
	free(*o);
	*o = NULL;
}

bool
output_new(struct ctx *c, const struct parsed *p, struct output **ret)
{
	owned(output_free) struct output *o = calloc(1, sizeof *o);
	struct str format = STR("table"), rest = str_of(p->command->columns);

	if (o == NULL)
		return fail(c, E_MEMORY, "no memory for output");
	(void)parsed_option(p, "--format", &format);
	o->format = str_same(format, STR("json")) ? OUTPUT_JSON
	    : str_same(format, STR("jsonl"))      ? OUTPUT_JSONL
						  : OUTPUT_TABLE;
	o->command = p->command;
	while (rest.n > 0 && o->columns < COLUMNS_MAX)
		(void)str_cut(&rest, ',', &o->column[o->columns++]);
	o->cell = calloc(ROWS_WAIT * (o->columns + 1), sizeof *o->cell);
	o->batch = arena_new(BATCH_MAX);
	if (o->batch == NULL || o->cell == NULL)
		return fail(c, E_MEMORY, "no memory for output");
	o->began = o->shown = clock_monotonic();
	*ret = steal(o);
	return true;
}

/* Whatever the reason, a disk that is full included, it is a local one. */
MUST static bool
unwritten(struct ctx *c)
{
	return fail(c, E_FILE, "cannot write standard output: %s", strerror(errno));
}

/* ---- Cells ---------------------------------------------------------------------------------- */

MUST static bool
cell_text(struct ctx *c, const struct json_part *p, struct str *ret)
{
	struct json_part *part;
	struct buf b;
	size_t n;

	if (p->kind == KIND_NULL || p->value.n == 0 ||
	    (p->kind == KIND_LIST && p->value.n == 2)) {
		*ret = STR("-");
		return true;
	}
	if (p->kind == KIND_BOOL) {
		*ret = str_same(p->value, STR("true")) ? STR("yes") : STR("no");
		return true;
	}
	if (!take_buf(c, 4 * p->value.n + 1, &b))
		return false;
	if (p->kind == KIND_LIST) {
		if (!json_split(c, p->value, &part, &n))
			return false;
		for (size_t i = 0; i < n; i++) {
			buf_put(&b, i > 0 ? STR(",") : STR(""));
			text_escape(&b, part[i].value);
		}
	} else if (p->kind == KIND_OBJECT) {
		buf_put(&b, p->value); /* jansson's writing: control characters are escaped */
	} else {
		text_escape(&b, p->value);
	}
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

/* Characters, which is what most terminals show in one place each. */
static size_t
width_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
line_print(struct output *o, const struct str *cell)
{
	for (size_t i = 0; i < o->columns; i++) {
		size_t w = width_of(cell[i]);

		printf("%.*s", STRF(cell[i]));
		if (i + 1 < o->columns)
			printf("%*s",
			    (int)(o->width[i] - (w < o->width[i] ? w : o->width[i])) + 2, "");
	}
	putchar('\n');
}

/* "done" of "progress.done". */
static struct str
last_word(struct str column)
{
	struct str rest = column, word = column;

	while (rest.n > 0)
		(void)str_cut(&rest, '.', &word);
	return word;
}

bool
output_flush(struct ctx *c, struct output *o)
{
	for (size_t r = 0; r < o->rows; r++)
		for (size_t i = 0; i < o->columns; i++) {
			size_t w = width_of(o->cell[r * o->columns + i]);

			o->width[i] = w > o->width[i] ? w : o->width[i];
		}
	if (o->rows > 0 && !o->headed) {
		struct str head[COLUMNS_MAX];

		for (size_t i = 0; i < o->columns; i++) {
			head[i] = last_word(o->column[i]);
			o->width[i] = head[i].n > o->width[i] ? head[i].n : o->width[i];
		}
		line_print(o, head);
		o->headed = true;
	}
	for (size_t r = 0; r < o->rows; r++)
		line_print(o, &o->cell[r * o->columns]);
	o->rows = 0;
	arena_reset(o->batch);
	if (fflush(stdout) != 0 || ferror(stdout))
		return unwritten(c);
	return true;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

/* One object as "name: value" lines; the values of a list one below the other. */
MUST static bool
object_print(struct ctx *c, const struct json_part *part, size_t n)
{
	size_t widest = 0;

	for (size_t i = 0; i < n; i++)
		widest = part[i].key.n > widest ? part[i].key.n : widest;
	for (size_t i = 0; i < n; i++) {
		struct json_part *item = NULL;
		size_t items = 0;
		struct str text;

		if (part[i].kind == KIND_LIST && !json_split(c, part[i].value, &item, &items))
			return false;
		for (size_t k = 0; k < (items > 0 ? items : 1); k++) {
			if (!cell_text(c, items > 0 ? &item[k] : &part[i], &text))
				return false;
			printf("%-*.*s  %.*s\n", (int)widest, k > 0 ? 0 : (int)part[i].key.n,
			    part[i].key.p, STRF(text));
		}
	}
	return true;
}

/* A member of the row, or, of "progress.done", one of an object within it. */
MUST static bool
column_find(struct ctx *c, const struct json_part *part, size_t n, struct str column,
    struct json_part *ret)
{
	struct json_part p = { .kind = KIND_NULL }, *inner;
	struct str rest = column, head;
	bool deeper = str_cut(&rest, '.', &head);
	char *name = take_cstr(c, head);

	if (name == NULL)
		return false;
	if (json_find(part, n, name, &p) && deeper && p.kind == KIND_OBJECT)
		return json_split(c, p.value, &inner, &n) &&
		    column_find(c, inner, n, rest, ret);
	*ret = p;
	return true;
}

MUST static bool
table_row(struct ctx *c, struct output *o, const struct json_part *part, size_t n)
{
	struct str *cell = &o->cell[o->rows * o->columns];
	struct json_part p;

	for (size_t i = 0; i < o->columns; i++) {
		if (!column_find(c, part, n, o->column[i], &p) || !cell_text(c, &p, &cell[i]))
			return false;
	}
	o->rows++;
	return o->rows < ROWS_WAIT || output_flush(c, o);
}

MUST static bool
people_row(struct ctx *c, struct output *o, struct str json)
{
	struct arena *caller = c->mem;
	struct json_part *part, text;
	size_t n;
	bool ok;

	c->mem = o->batch;
	ok = json_split(c, json, &part, &n);
	if (ok && (o->command->flags & COMMAND_TEXT) != 0 && json_find(part, n, "text", &text))
		ok = fwrite(text.value.p, 1, text.value.n, stdout) == text.value.n ||
		    unwritten(c);
	else if (ok && (o->command->flags & COMMAND_ONE) != 0)
		ok = object_print(c, part, n);
	else if (ok)
		ok = table_row(c, o, part, n);
	c->mem = caller;
	return ok;
}

bool
output_row(struct ctx *c, struct output *o, struct str json)
{
	bool one = (o->command->flags & COMMAND_ONE) != 0;

	if (o->format == OUTPUT_TABLE)
		return people_row(c, o, json);
	if (o->format == OUTPUT_JSON && !one)
		fputs(o->any ? ",\n" : "[", stdout);
	o->any = true;
	if (fwrite(json.p, 1, json.n, stdout) != json.n)
		return unwritten(c);
	if (o->format == OUTPUT_JSONL || one)
		putchar('\n');
	return true;
}

bool
output_end(struct ctx *c, struct output *o)
{
	bool one = (o->command->flags & COMMAND_ONE) != 0;

	if (o->bar)
		fputc('\n', stderr);
	o->bar = false;
	if (o->format == OUTPUT_JSON && !one)
		fputs(o->any ? "]\n" : "[]\n", stdout);
	return output_flush(c, o);
}

/* ---- Progress ------------------------------------------------------------------------------- */

static void
seconds_put(struct buf *b, int64_t s)
{
	if (s >= 3600)
		buf_printf(b, "%lld:%02lld:%02lld", (long long)(s / 3600),
		    (long long)(s / 60 % 60), (long long)(s % 60));
	else
		buf_printf(b, "%lld:%02lld", (long long)(s / 60), (long long)(s % 60));
}

static void
bar_put(struct buf *b, int64_t done, int64_t total)
{
	enum { CELLS = 30 };
	int64_t full = total > 0 ? done * CELLS / total : 0;

	buf_char(b, '[');
	for (int64_t i = 0; i < CELLS; i++)
		buf_char(b, i < full ? '#' : '.');
	buf_put(b, STR("] "));
}

void
output_progress(struct output *o, int64_t done, int64_t total)
{
	char line[160];
	struct buf b = BUF(line);
	bool terminal = isatty(STDERR_FILENO) == 1;
	int64_t now = clock_monotonic(), spent = now - o->began;
	int64_t tenth = total > 0 ? done * 10 / total : 0;
	bool last = total > 0 && done >= total;

	if ((last && done == o->done) ||
	    (!last && now - o->shown < (terminal ? 100 : 5000) && tenth <= o->tenth))
		return;
	if (terminal)
		bar_put(&b, done, total);
	buf_printf(&b, "%lld", (long long)done);
	if (total > 0)
		buf_printf(&b, " of %lld (%lld %%)", (long long)total,
		    (long long)(done * 100 / total));
	if (spent > 0)
		buf_printf(&b, ", %lld/s", (long long)(done * 1000 / spent));
	if (total > done && done > 0) {
		buf_put(&b, STR(", "));
		seconds_put(&b, spent * (total - done) / done / 1000);
		buf_put(&b, STR(" left"));
	}
	fprintf(stderr, terminal ? "\r%.*s\033[K" : "%.*s\n", STRF(buf_str(&b)));
	o->bar = terminal;
	o->shown = now;
	o->tenth = tenth;
	o->done = done;
}
