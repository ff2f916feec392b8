/*
 * The client's end of the admin socket: finds it, sends one request, shows the rows, progress and
 * the last word as they come, in bounded memory.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

enum { SILENCE_MS = 60000, LINE_MEMORY = 16 << 20 };

/* ---- The socket ----------------------------------------------------------------------------- */

const char *
link_path(const struct parsed *p)
{
	static const char *const usual[] = { "/run/hallmark-admin/socket",
		"/run/hallmark/admin.sock", "/var/lib/hallmark/admin.sock",
		"state/admin.sock" };
	static char given[sizeof((struct sockaddr_un *)NULL)->sun_path];
	struct str path;

	if (parsed_option(p, "--socket", &path)) {
		snprintf(given, sizeof given, "%.*s", STRF(path));
		return given;
	}
	for (size_t i = 0; i < COUNT(usual); i++)
		if (access(usual[i], F_OK) == 0)
			return usual[i];
	return NULL;
}

MUST static bool
refused(struct ctx *c, const char *path)
{
	switch (errno) {
	case ENOENT:
		return fail(c, E_PEER, "there is no %s: hallmarkd does not run here", path);
	case ECONNREFUSED:
		return fail(c, E_PEER,
		    "nobody listens at %s: hallmarkd has ended and left its socket behind",
		    path);
	case EACCES:
	case EPERM:
		return fail(c, E_DENIED,
		    "this user may not use %s: root, the daemon's user and its admin-group "
		    "may",
		    path);
	case EAGAIN:
		return fail(c, E_PEER, "hallmarkd does not take the connection at %s", path);
	default:
		return fail_errno(c, "connect to", path);
	}
}

bool
link_open(struct ctx *c, const struct parsed *p, int *ret)
{
	owned(fd_done) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = link_path(p);
	struct timeval limit = { .tv_sec = 10 };
	struct str given;

	if (path == NULL)
		return fail(c, E_PEER,
		    "found no socket of hallmarkd in the usual places: start it, or say "
		    "--socket PATH");
	if (parsed_option(p, "--socket", &given) && given.n >= sizeof to.sun_path)
		return fail(c, E_USAGE, "the path of a socket has at most %zu bytes",
		    sizeof to.sun_path - 1);
	memcpy(to.sun_path, path, strlen(path));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
		return fail_errno(c, "make", "a socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		return refused(c, path);
	*ret = fd;
	fd = -1;
	return true;
}

bool
link_ask(struct ctl *t, int fd, struct str input)
{
	struct buf b;
	size_t at = 0;
	bool ok;

	if (!take_buf(&t->c, FRAME_REQUEST_MAX + 1024, &b))
		return false;
	ok = frame_request_put(&t->c, &t->parsed, input, &b);
	while (ok && at < b.n) {
		ssize_t put = send(fd, b.p + at, b.n - at, MSG_NOSIGNAL);

		if (put <= 0 && errno != EINTR)
			break; /* it may have refused us already, and said why */
		at += put > 0 ? (size_t)put : 0;
	}
	explicit_bzero(b.p, b.max);
	return ok;
}

/* ---- The answer ----------------------------------------------------------------------------- */

MUST static bool
frame_show(struct ctl *t, const struct frame *f)
{
	switch (f->kind) {
	case FRAME_ROW:
		if (t->hold)
			return take_copy(&t->c, f->row, &t->held);
		return output_row(&t->c, t->out, f->row);
	case FRAME_PROGRESS:
		if (f->total > 0)
			output_progress(t->out, f->done, f->total);
		return output_flush(&t->c, t->out);
	case FRAME_DATA:
		if (t->file < 0)
			return fail(
			    &t->c, E_PEER, "the daemon sent data that nobody asked for");
		t->written += (int64_t)f->data.n;
		if (fd_write_all(&t->c, t->file, f->data.p, f->data.n))
			return true;
		return fail(&t->c, E_FILE, "cannot write the file: %s", strerror(errno));
	case FRAME_OK:
	case FRAME_ERROR:
		return true;
	}
	abort(); /* the compiler has seen every case */
}

/* The last line: what the daemon refused becomes our own error. */
MUST static bool
last_word(struct ctl *t, const struct frame *f, bool *ret_negative)
{
	if (f->kind == FRAME_ERROR)
		return fail(&t->c, f->code, "%.*s", STRF(f->detail));
	if (!t->hold && !output_end(&t->c, t->out))
		return false;
	if (f->note.n > 0)
		output_say(CTL, f->note);
	*ret_negative = f->negative;
	return true;
}

static void
reader_wipe(struct frame_reader *r)
{
	if (r->p != NULL)
		frame_reader_wipe(r);
}

bool
link_answer(struct ctl *t, int fd, bool *ret_negative)
{
	owned(arena_free) struct arena *line_memory = arena_new(LINE_MEMORY);
	owned(reader_wipe) struct frame_reader reader = { 0 };
	bool patient = (t->parsed.command->flags & COMMAND_STREAM) != 0;
	struct arena *mine = t->c.mem;
	struct frame f;

	if (line_memory == NULL)
		return fail(&t->c, E_MEMORY, "no memory");
	if (!frame_reader_init(&t->c, fd, FRAME_ANSWER_MAX, &reader))
		return false;
	for (;;) {
		int64_t deadline = patient ? INT64_MAX : clock_monotonic() + SILENCE_MS;
		struct str line;
		bool end, ok;

		if (!frame_line(&t->c, &reader, deadline, &end, &line))
			return false;
		if (end)
			return fail(&t->c, E_PEER,
			    "hallmarkd ended the connection without a "
			    "last word");
		arena_reset(line_memory);
		t->c.mem = line_memory;
		ok = frame_read(&t->c, line, &f);
		if (!t->hold)
			ok = ok && frame_show(t, &f);
		t->c.mem = mine;
		if (t->hold)
			ok = ok && frame_show(t, &f);
		if (!ok)
			return false;
		if (f.kind == FRAME_OK || f.kind == FRAME_ERROR)
			return last_word(t, &f, ret_negative);
	}
}
