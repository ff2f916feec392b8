/*
 * import: customers and licenses by the thousand. The file is read twice, once to count its lines
 * and once to send them; nothing that grows with it is kept in memory. Whoever ends it at any point
 * gives the same command again: what is there already counts as done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"

enum { CONNECTIONS = 16, LINE_MAX_BYTES = 4 << 10, CODE_LINE = 64 };

/* ---- Reading the file ------------------------------------------------------------------------ */

static ssize_t
file_bytes(void *arg, char *to, size_t n)
{
	const int *fd = arg;
	ssize_t got;

	do
		got = read(*fd, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* From its beginning, behind the header of a CSV. */
MUST static bool
rewind_to(struct import *m, int *fd)
{
	struct ctx *c = &m->cli->c;
	struct record head;
	bool any;

	if (lseek(*fd, 0, SEEK_SET) != 0)
		return fail_errno(c, "read", "the file");
	m->records = (struct records){ .read = file_bytes, .arg = fd };
	if (!records_begin(c, &m->records))
		return false;
	if (!m->records.csv)
		return true;
	if (!records_next(c, &m->records, &any, &head))
		return false;
	return any ? row_header(c, m, &head) : fail(c, E_INPUT, "the file is empty");
}

MUST static bool
count(struct import *m, int *fd)
{
	struct record rec;
	bool any = true;

	if (!rewind_to(m, fd))
		return false;
	for (m->total = 0; any; m->total += any)
		if (!records_next(&m->cli->c, &m->records, &any, &rec))
			return false;
	return rewind_to(m, fd);
}

/* ---- Enrolment codes ------------------------------------------------------------------------- */

MUST static bool
code_digest(struct ctx *c, struct str customer, struct digest256 *ret)
{
	struct str parts[] = { STR("code:"), customer };

	return sha256_parts(c, parts, COUNT(parts), ret);
}

/* The codes that an earlier run wrote, so that none is written twice. */
MUST static bool
codes_read(struct import *m, int fd)
{
	owned(arena_free) struct arena *memory = arena_new(ROW_MEMORY);
	struct records r = { .read = file_bytes, .arg = &fd };
	struct ctx c = m->cli->c;
	struct json_part *part, customer;
	struct record rec;
	struct digest256 d;
	int64_t times;
	bool any;
	size_t n;

	if (memory == NULL)
		return fail(&m->cli->c, E_MEMORY, "no memory for the codes");
	if (!records_begin(&m->cli->c, &r))
		return false;
	c.mem = memory;
	r.csv = false;
	while (records_next(&c, &r, &any, &rec) && any) {
		arena_reset(memory);
		if (rec.why == NULL && json_split(&c, rec.cell[0], &part, &n) &&
		    json_find(part, n, "customer", &customer) &&
		    (!code_digest(&c, customer.value, &d) ||
			!tally_count(&c, m->tally, &d, true, &times)))
			break;
		c.err = (struct err){ 0 };
	}
	m->cli->c.err = c.err;
	return c.err.code == E_NONE;
}

/* Cuts off a last line that a kill left unfinished. */
MUST static bool
tail_cut(struct ctx *c, int fd, off_t size, const char *name)
{
	char tail[LINE_MAX_BYTES];
	off_t from = size > (off_t)sizeof tail ? size - (off_t)sizeof tail : 0;
	ssize_t n = pread(fd, tail, sizeof tail, from);

	if (n < 0)
		return fail_errno(c, "read", name);
	while (n > 0 && tail[n - 1] != '\n')
		n--;
	if (ftruncate(fd, from + n) != 0)
		return fail_errno(c, "cut", name);
	return true;
}

MUST static bool
codes_open(struct import *m, const char *name, off_t *ret_size)
{
	struct ctx *c = &m->cli->c;
	struct stat st;

	m->codes = open(name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->codes < 0 || fstat(m->codes, &st) != 0)
		return fail_errno(c, "open", name);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		return fail(c, E_FILE, "%s must be a file that only its user may read", name);
	*ret_size = st.st_size;
	return tail_cut(c, m->codes, st.st_size, name);
}

bool
code_keep(struct import *m, struct lane *s, struct str answer)
{
	struct ctx *c = &s->cli.c;
	struct json_part *part, id, code, name, expires;
	struct digest256 d;
	struct buf b;
	struct js j = { &b };
	int64_t times;
	size_t n;

	if (m->codes < 0)
		return true;
	if (!json_split(c, answer, &part, &n) || !take_buf(c, LINE_MAX_BYTES, &b))
		return false;
	if (!json_find(part, n, "id", &id) || !json_find(part, n, "code", &code) ||
	    !json_find(part, n, "name", &name) || !json_find(part, n, "code_expires", &expires))
		return fail(c, E_PEER, "the server's answer names no code");
	js_open(&j, NULL, '{');
	js_text(&j, "customer", id.value);
	js_text(&j, "name", name.value);
	js_text(&j, "code", code.value);
	if (expires.kind == KIND_TEXT)
		js_text(&j, "expires", expires.value);
	js_close(&j, '}');
	buf_char(&b, '\n');
	if (!code_digest(c, id.value, &d) || !tally_count(c, m->tally, &d, true, &times))
		return false;
	return times > 0 || (buf_ok(c, &b) && fd_write_all(c, m->codes, b.p, b.n));
}

/* ---- Lines ----------------------------------------------------------------------------------- */

MUST static bool
refusal_write(struct import *m, const struct lane *s)
{
	struct ctx *c = &m->cli->c;
	char text[LINE_MAX_BYTES];
	struct buf b = BUF(text);
	struct js j = { &b };

	js_open(&j, NULL, '{');
	js_number(&j, "line", s->row.line);
	js_text(&j, "code", str_of(s->code[0] != '\0' ? s->code : err_name(&s->cli.c.err)));
	js_text(&j, "detail", str_of(s->cli.c.err.text));
	if (s->row.text[COLUMN_NAME].n > 0 && s->row.text[COLUMN_NAME].n <= 128)
		js_text(&j, "name", s->row.text[COLUMN_NAME]);
	js_close(&j, '}');
	buf_char(&b, '\n');
	return buf_ok(c, &b) && fd_write_all(c, m->refusal, b.p, b.n);
}

bool
line_done(struct import *m, struct lane *s, bool ok)
{
	bool in = ok;

	ok = in || refusal_write(m, s);
	m->licenses += in && s->row.license.n > 0;
	m->refused += !in;
	m->done++;
	output_progress(m->cli->out, m->done, m->total);
	arena_reset(s->cli.c.mem);
	s->cli.c.err = (struct err){ 0 };
	s->code[0] = '\0';
	s->tries = 0;
	s->due = 0;
	s->stage = LANE_FREE;
	return ok;
}

/* The next line into a free lane; *ret_any: false after the last. */
MUST static bool
line_take(struct import *m, struct lane *s, bool *ret_any)
{
	struct record rec;

	if (!records_next(&m->cli->c, &m->records, ret_any, &rec))
		return false;
	if (!*ret_any)
		return true;
	if (row_read(m, s, &rec)) {
		s->stage = LANE_NAME;
		return true;
	}
	if (m->over) {
		m->cli->c.err = s->cli.c.err;
		return false;
	}
	return line_done(m, s, false);
}

MUST static bool
lines_send(struct import *m)
{
	struct lane *s;
	bool any = true;

	while (any || !send_idle(m)) {
		while (any && (s = send_free(m)) != NULL)
			if (!line_take(m, s, &any))
				return false;
		if (!send_on(m))
			return false;
	}
	return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

MUST static bool
files_open(struct import *m, const char *name)
{
	struct ctx *c = &m->cli->c;
	const char *slash = strrchr(name, '/');
	char *folder = slash == NULL ? take_cstr(c, STR("."))
				     : take_printf(c, "%.*s", (int)(slash - name + 1), name);
	struct str codes;
	char *path;
	off_t size = 0;

	m->refusals = take_printf(c, "%s.refused.jsonl", name);
	if (folder == NULL || m->refusals == NULL)
		return false;
	m->refusal = open(
	    m->refusals, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->refusal < 0)
		return fail_errno(c, "create", m->refusals);
	if (parsed_option(&m->cli->parsed, "--codes", &codes)) {
		path = take_cstr(c, codes);
		if (path == NULL || !codes_open(m, path, &size))
			return false;
	}
	return tally_new(c, folder, 3 * m->total + size / CODE_LINE, &m->tally) &&
	    (m->codes < 0 || codes_read(m, m->codes));
}

MUST static bool
report(struct import *m)
{
	struct ctx *c = &m->cli->c;
	struct buf b;
	struct js j = { &b };

	m->cli->negative = m->refused > 0;
	if (m->codes >= 0 && fsync(m->codes) != 0)
		return fail_errno(c, "sync", "the codes");
	if (m->refused == 0)
		(void)unlink(m->refusals);
	if (!take_buf(c, LINE_MAX_BYTES * 2, &b))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "lines", m->done);
	js_number(&j, "customers", m->customers);
	js_number(&j, "licenses", m->licenses);
	js_number(&j, "refused", m->refused);
	if (m->refused > 0)
		js_text(&j, "refusals", str_of(m->refusals));
	js_close(&j, '}');
	if (!buf_ok(c, &b) || !output_row(c, m->cli->out, buf_str(&b)))
		return false;
	if (m->dry)
		output_say(CLI, STR("nothing was changed (--dry-run)"));
	else if (m->customers > 0 && m->codes < 0)
		output_say(CLI,
		    STR("the enrolment codes of new customers were not kept: give "
			"the same command with --codes FILE within a day"));
	return true;
}

MUST static bool
import(struct import *m, const char *name, int *fd)
{
	struct ctx *c = &m->cli->c;
	int64_t connections = CONNECTIONS;
	struct str text;
	struct stat st;

	if (*fd < 0 || fstat(*fd, &st) != 0)
		return fail_errno(c, "open", name);
	if (!S_ISREG(st.st_mode))
		return fail(c, E_FILE, "%s is not a regular file: it is read twice", name);
	if (parsed_option(&m->cli->parsed, "--connections", &text) &&
	    !str_number(text, 1, 256, &connections))
		return fail(c, E_USAGE, "--connections is a number up to 256");
	m->lanes = (size_t)connections;
	m->known = take(c, (KNOWN_MAX + 1) * sizeof *m->known);
	if (m->known == NULL || !count(m, fd) || !files_open(m, name) || !send_begin(m))
		return false;
	if (lines_send(m))
		return report(m);
	output_say(CLI, STR("broken off: give the same command again to go on"));
	return false;
}

bool
import_run(struct cli *t)
{
	owned(fd_done) int fd = -1;
	struct import m = { .cli = t, .codes = -1, .refusal = -1 };
	char *name = take_cstr(&t->c, t->parsed.arg[0]);
	bool ok;

	if (name == NULL)
		return false;
	m.dry = parsed_option(&t->parsed, "--dry-run", NULL);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ok = import(&m, name, &fd);
	send_end(&m);
	tally_free(&m.tally);
	fd_done(&m.codes);
	fd_done(&m.refusal);
	return ok;
}
