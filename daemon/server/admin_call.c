/*
 * One request on the admin socket: who asks, what it says, whether it may be answered now, its
 * handler, its one audit row, and the last word. Nothing is answered that is not in the audit,
 * except what an administrator needs just then: status, doctor and metrics.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin.h"

/* ---- Sending --------------------------------------------------------------------------------- */

/* Until the client takes more; not for long once the daemon ends. */
MUST static bool
room_wait(struct ctx *c, struct call *call, int64_t *deadline)
{
	struct pollfd p[2] = { { call->fd, POLLOUT, 0 }, { call->stop, POLLIN, 0 } };
	int64_t now = clock_monotonic();

	if (now >= *deadline)
		return fail(c, E_SLOW, "the client takes nothing more");
	if (*deadline - now <= ADMIN_LAST_MS)
		p[1].fd = -1;
	if (poll(p, 2, (int)(*deadline - now)) > 0 && p[1].revents != 0 &&
	    now + ADMIN_LAST_MS < *deadline)
		*deadline = now + ADMIN_LAST_MS;
	return true;
}

/* The descriptor is a socket that does not block, or, without a daemon, a pipe. */
MUST static bool
line_send(struct ctx *c, struct call *call)
{
	int64_t deadline = clock_monotonic() + ADMIN_SEND_MS;
	size_t at = 0;

	if (!buf_ok(c, &call->line))
		return false;
	while (at < call->line.n) {
		ssize_t put = write(call->fd, call->line.p + at, call->line.n - at);

		if (put < 0 && errno == EAGAIN && !room_wait(c, call, &deadline))
			return false;
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return fail(c, E_PEER, "the client is gone");
		at += put > 0 ? (size_t)put : 0;
	}
	explicit_bzero(call->line.p, call->line.n); /* it may have shown a secret */
	call->line.n = 0;
	return true;
}

void
call_row_open(struct call *call, struct js *ret)
{
	call->line.n = 0;
	call->line.full = false;
	*ret = (struct js){ &call->line };
	js_open(ret, NULL, '{');
	js_open(ret, "row", '{');
}

bool
call_row_send(struct ctx *c, struct call *call, struct js *j)
{
	js_close(j, '}');
	js_close(j, '}');
	buf_char(&call->line, '\n');
	return line_send(c, call);
}

bool
call_progress(struct ctx *c, struct call *call, int64_t done, int64_t total)
{
	call->line.n = 0;
	frame_put(&call->line,
	    &(struct frame){ .kind = FRAME_PROGRESS, .done = done, .total = total });
	return line_send(c, call);
}

bool
call_data(struct ctx *c, struct call *call, struct str bytes)
{
	call->line.n = 0;
	frame_put(&call->line, &(struct frame){ .kind = FRAME_DATA, .data = bytes });
	return line_send(c, call);
}

/* Somebody was told no; without a daemon that somebody reads our standard error anyway. */
static void
refusal_log(const struct call *call)
{
	const struct err *e = &call->c.err;

	if (call->server->store == NULL)
		return;
	log_event(LOG_LEVEL_WARNING, call->c.tag, "admin-refused",
	    "actor=%s action=%.*s code=%s text=%s detail=%s", call->actor,
	    STRF(call->who.action), err_wire(e->code), log_quote(str_of(e->text)),
	    log_quote(str_of(e->detail)));
}

void
call_end(struct call *call, bool ok)
{
	struct frame last = { .kind = FRAME_OK, .negative = call->negative };
	struct ctx *c = &call->c;

	call->line.n = 0;
	call->line.full = false;
	if (ok) {
		last.note = str_of(call->note);
		frame_put(&call->line, &last);
	} else {
		refusal_log(call);
		frame_put_error(&call->line, c);
	}
	if (!line_send(c, call))
		log_event(LOG_LEVEL_INFO, c->tag, "admin-gone", "actor=%s", call->actor);
}

bool
call_pause(struct ctx *c, struct call *call, int ms)
{
	struct pollfd p[2] = { { call->stop, POLLIN, 0 }, { call->fd, 0, 0 } };

	if (poll(p, 2, ms) <= 0)
		return true;
	if (p[0].revents != 0)
		return fail(c, E_DRAINING, "the daemon is ending");
	return fail(c, E_PEER, "the client is gone");
}

/* ---- The audit ------------------------------------------------------------------------------- */

struct refusal {
	struct act act;
	struct err why;
};

static bool
refuse_again(struct ctx *c, struct db *db, struct act *act)
{
	(void)db;
	c->err = ((struct refusal *)(void *)act)->why;
	return false;
}

/* The row of a command that was refused before anything was done. */
static void
account_refusal(struct ctx *c, struct call *call)
{
	struct refusal r = { .act = { .c = c, .audit = call->who, .run = refuse_again },
		.why = c->err };

	if (call->accounted)
		return;
	call->accounted = true;
	if (!store_do(c, call->server->store, &r.act) && c->err.code != r.why.code)
		log_failure(c, "audit-failed");
	c->err = r.why;
}

bool
call_account(struct ctx *c, struct call *call)
{
	struct act act = { .c = c, .audit = call->who };

	call->accounted = true;
	if (call->server->store == NULL || store_do(c, call->server->store, &act))
		return true;
	if ((call->parsed.command->flags & COMMAND_ALWAYS) == 0)
		return false;
	log_failure(c, "audit-failed");
	snprintf(call->note, sizeof call->note, "the audit row could not be written: %.100s",
	    c->err.text);
	c->err = (struct err){ 0 };
	return true;
}

bool
call_do(struct ctx *c, struct call *call, struct act *act,
    bool (*run)(struct ctx *, struct db *, struct act *))
{
	act->c = c;
	act->run = run;
	if (act->audit.action.n == 0) {
		struct audit_entry prepared = act->audit;

		act->audit = call->who;
		act->audit.vendor = prepared.vendor;
		if (prepared.object.n > 0)
			act->audit.object = prepared.object;
		act->audit.detail = prepared.detail;
	}
	call->accounted = true;
	return store_do(c, call->server->store, act);
}

/* ---- Small things ---------------------------------------------------------------------------- */

bool
call_pages(struct ctx *c, struct call *call, admin_page *page)
{
	struct vendor v = { 0 };
	struct id after = { 0 };
	struct db *db;
	struct str word;
	size_t n = ADMIN_PAGE;

	if (!server_reader(c, call->server, &db))
		return false;
	if (call_option(call, "--vendor", &word) && !call_vendor(c, db, word, &v))
		return false;
	call_concerns(call, &v.id);
	if (!call_account(c, call))
		return false;
	while (n == ADMIN_PAGE) {
		owned(arena_free) struct arena *mem = arena_new(ADMIN_MEMORY);
		struct ctx pc = *c;
		bool ok;

		if (mem == NULL)
			return fail(c, E_MEMORY, "no memory for a page of rows");
		pc.mem = mem;
		ok = page(&pc, call, db, &v.id, &after, &n);
		c->err = pc.err;
		if (!ok)
			return false;
	}
	return true;
}

bool
call_file(struct ctx *c, struct call *call, int fd, int64_t size, int64_t *ret_sent)
{
	owned(arena_free) struct arena *memory = arena_new(FRAME_ANSWER_MAX);
	struct ctx mc = *c;
	int64_t sent = 0;
	char *chunk;

	mc.mem = memory;
	chunk = memory == NULL ? NULL : take(&mc, FRAME_DATA_MAX);
	if (chunk == NULL)
		return fail(c, E_MEMORY, "no memory for a file");
	for (;;) {
		ssize_t n = read(fd, chunk, FRAME_DATA_MAX);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(c, "read", "a file");
		if (n == 0)
			break;
		sent += n;
		if (!call_data(c, call, (struct str){ chunk, (size_t)n }) ||
		    (sent / FRAME_DATA_MAX % 64 == 0 && !call_progress(c, call, sent, size)) ||
		    !call_pause(c, call, 0))
			return false;
	}
	*ret_sent = sent;
	return true;
}

bool
call_option(const struct call *call, const char *name, struct str *ret)
{
	return parsed_option(&call->parsed, name, ret);
}

void
call_time(struct js *j, const char *key, int64_t ms)
{
	if (ms == 0)
		js_null(j, key);
	else
		js_time(j, key, ms);
}

bool
call_vendor(struct ctx *c, struct db *db, struct str word, struct vendor *ret)
{
	struct id id;

	if (id_parse(c, word, "ven", &id))
		return vendor_by_id(c, db, word, ret);
	c->err = (struct err){ 0 };
	return vendor_by_name(c, db, word, ret);
}

void
call_concerns(struct call *call, const struct id *vendor)
{
	call->vendor = *vendor;
	call->who.vendor = str_of(call->vendor.s);
}

/* ---- The request ----------------------------------------------------------------------------- */

/*
 * What the audit will say: "token create" becomes token.create, an id that was given is the object,
 * and a dry run is one.
 */
static void
action_name(struct call *call)
{
	struct buf b = BUF(call->action);
	struct shape s;

	grammar_shape(call->parsed.command->grammar, &s);
	for (size_t i = 0; i < call->parsed.args; i++)
		if (s.arg[i].type->want == WANT_ID)
			call->who.object = call->parsed.arg[i];
	if (call_option(call, "--dry-run", NULL))
		call->who.detail = STR("{\"dry_run\":true}");
	for (size_t i = 0; i < s.words.n; i++)
		buf_char(&b, s.words.p[i] == ' ' ? '.' : s.words.p[i]);
	call->who.action = buf_str(&b);
}

MUST static bool
request_parse(struct ctx *c, struct call *call, struct str line)
{
	struct str *word;
	size_t n;

	call->who.action = STR("admin.request");
	if (!frame_request_read(c, line, &word, &n, &call->input) ||
	    !grammar_parse(c, &ctl_program, word, n, &call->parsed))
		return false;
	if (call->parsed.command == NULL)
		return fail(c, E_USAGE, "a command is wanted");
	action_name(call);
	return true;
}

/* Reads the line into memory of its own, which is wiped: it may hold a share. */
MUST static bool
request_read(struct ctx *c, struct call *call, bool *ret_nothing)
{
	struct frame_reader reader;
	struct str line;
	bool ok;

	*ret_nothing = false;
	if (!frame_reader_init(c, call->fd, FRAME_REQUEST_MAX, &reader))
		return false;
	call->who.action = STR("admin.request");
	ok = frame_line(c, &reader, clock_monotonic() + FRAME_REQUEST_MS, ret_nothing, &line);
	if (!ok && reader.n == 0) {
		*ret_nothing = true; /* it connected, and asked for nothing */
		return true;
	}
	ok = ok && !*ret_nothing && request_parse(c, call, line);
	frame_reader_wipe(&reader);
	return ok || *ret_nothing;
}

MUST static bool
request_run(struct ctx *c, struct call *call)
{
	const struct command *command = call->parsed.command;
	admin_handler *run = admin_command_of(command);

	if (run == NULL)
		return fail(c, E_INTERNAL, "no handler for this command");
	if ((command->flags & COMMAND_SEALED) == 0 && !keys_open(c, call->server->keys))
		return false;
	if (!run(c, call))
		return false;
	return call->accounted ? true : call_account(c, call);
}

bool
call_begin(struct ctx *c, struct server *server, int fd, int stop, struct call *ret)
{
	*ret = (struct call){ .c = *c, .server = server, .fd = fd, .stop = stop };
	if (!take_buf(c, FRAME_ANSWER_MAX, &ret->line))
		return false;
	ret->request = id_new(c, "req");
	return true;
}

void
admin_call(struct server *server, int fd, int stop, int64_t clock_offset)
{
	owned(arena_free) struct arena *memory = arena_new(ADMIN_MEMORY);
	struct ctx c = ctx_real(memory, "admin");
	struct call call;
	uid_t uid = 0;
	bool ok, nothing = false;

	if (memory == NULL || !call_begin(&c, server, fd, stop, &call))
		return;
	call.clock_offset = clock_offset;
	call.c.tag = call.request.s;
	call.who.request = str_of(call.request.s);
	ok = admin_peer(&call.c, fd, &server->conf, &uid);
	snprintf(call.actor, sizeof call.actor, "admin:uid:%u", (unsigned)uid);
	call.who.actor = str_of(call.actor);
	call.who.action = STR("admin.connect");
	ok = ok && request_read(&call.c, &call, &nothing);
	if (nothing)
		return;
	ok = ok && request_run(&call.c, &call);
	if (!ok)
		account_refusal(&call.c, &call);
	if (ok)
		log_event(LOG_LEVEL_INFO, call.c.tag, "admin-done", "actor=%s action=%.*s",
		    call.actor, STRF(call.who.action));
	call_end(&call, ok);
}
