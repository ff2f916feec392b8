/*
 * What a worker reports: progress, and at the end one result or one failure. The worker has just
 * parsed hostile bytes and may be hostile itself, so texts must be texts and a result must be one
 * JSON object by the strict rules before the server believes a byte of it.
 */
#include <signal.h>

#include "job.h"

#define WIRE_CODE_MAX 32

MUST static bool
text_ok(struct ctx *c, struct str s, const char *what)
{
	if (!text_valid(s))
		return fail(c, E_PEER, "the worker's %s is not text", what);
	return true;
}

/* The strict decoder knows objects by their fields: a wrapping makes the result one of them. */
MUST static bool
result_check(struct ctx *c, struct str json, struct str *ret)
{
	static const struct json_field field[] = {
		{ "result", FIELD_OBJECT, 0, 0, JOB_RESULT_MAX, true, NULL },
	};
	struct str compact = { "", 0 };
	struct buf b;

	if (!take_buf(c, json.n + 16, &b))
		return false;
	buf_put(&b, STR("{\"result\":"));
	buf_put(&b, json);
	buf_char(&b, '}');
	if (!buf_ok(c, &b))
		return false;
	if (!json_decode(c, buf_str(&b), field, COUNT(field), &compact)) {
		if (c->err.code == E_MEMORY)
			return false;
		return fail(c, E_PEER, "the worker's result is not a JSON object");
	}
	*ret = compact;
	return true;
}

static void
mades_put(struct buf *out, const struct job_report *r)
{
	wire_put_u32(out, (uint32_t)r->mades);
	for (size_t i = 0; i < r->mades; i++) {
		const struct job_made *m = &r->made[i];

		wire_put_u64(out, (uint64_t)m->size);
		wire_put_str(out, (struct str){ (const char *)m->sha256, sizeof m->sha256 });
	}
}

bool
job_report_encode(struct ctx *c, const struct job_report *r, struct buf *out)
{
	wire_put_u8(out, (uint8_t)r->type);
	switch (r->type) {
	case JOB_PROGRESS:
		if (r->note.n > JOB_NOTE_MAX)
			return fail(c, E_LIMIT, "a note of %zu bytes", r->note.n);
		wire_put_u64(out, (uint64_t)r->done);
		wire_put_u64(out, (uint64_t)r->total);
		wire_put_str(out, r->note);
		return buf_ok(c, out);
	case JOB_RESULT:
		if (r->result.n > JOB_RESULT_MAX || r->mades > JOB_OUTPUTS_MAX)
			return fail(c, E_LIMIT, "a result of %zu bytes", r->result.n);
		wire_put_str(out, r->result);
		mades_put(out, r);
		return buf_ok(c, out);
	case JOB_FAILURE:
		wire_put_str(out, str_of(err_wire(r->code)));
		wire_put_str(out, r->text);
		return buf_ok(c, out);
	}
	abort();
}

static void
progress_take(struct wire *w, struct job_report *r)
{
	r->done = (int64_t)wire_u64(w);
	r->total = (int64_t)wire_u64(w);
	r->note = wire_str(w, JOB_NOTE_MAX);
	if (r->done < 0 || r->total < 0 || (r->total > 0 && r->done > r->total))
		w->bad = true;
}

static void
mades_take(struct wire *w, struct job_report *r)
{
	uint32_t n = wire_u32(w);

	if (n > JOB_OUTPUTS_MAX)
		w->bad = true;
	for (; !w->bad && r->mades < n; r->mades++) {
		struct job_made *m = &r->made[r->mades];
		struct str digest;

		m->size = (int64_t)wire_u64(w);
		digest = wire_str(w, sizeof m->sha256);
		if (m->size < 0 || digest.n != sizeof m->sha256)
			w->bad = true;
		else
			memcpy(m->sha256, digest.p, digest.n);
	}
}

bool
job_report_decode(struct ctx *c, struct str bytes, struct job_report *ret)
{
	struct wire w = { bytes, bytes.n > JOB_REPORT_MAX };
	struct job_report r = { .type = (enum job_report_type)wire_u8(&w) };

	switch ((int)r.type) {
	case JOB_PROGRESS:
		progress_take(&w, &r);
		break;
	case JOB_RESULT:
		r.result = wire_str(&w, JOB_RESULT_MAX);
		mades_take(&w, &r);
		break;
	case JOB_FAILURE:
		r.code = err_from_wire(wire_str(&w, WIRE_CODE_MAX));
		r.text = wire_str(&w, sizeof c->err.text);
		break;
	default:
		w.bad = true;
	}
	if (!wire_end(c, &w) || !text_ok(c, r.note, "note") || !text_ok(c, r.text, "failure"))
		return false;
	if (r.type == JOB_RESULT && !result_check(c, r.result, &r.result))
		return false;
	/* A failure with the code of success would be neither. */
	if (r.type == JOB_FAILURE && r.code == E_NONE)
		r.code = E_INTERNAL;
	*ret = r;
	return true;
}

const char *
worker_exit_text(bool signalled, int value)
{
	/* clang-format off */
	static const struct {
		bool signalled;
		int value;
		const char *text;
	} ends[] = {
		{ false, WORKER_OK,     "ended without a result" },
		{ false, WORKER_USAGE,  "did not understand its job message" },
		{ false, WORKER_ALONE,  "was stopped" },
		{ false, WORKER_LATE,   "exceeded its time limit" },
		{ false, WORKER_WALLS,  "could not build its sandbox" },
		{ false, WORKER_DRILL,  "ended as the drill asked" },
		{ true,  SIGXCPU,       "exceeded its processor time limit" },
		{ true,  SIGKILL,       "was killed" },
		{ true,  SIGSYS,        "made a forbidden system call" },
		{ true,  SIGSEGV,       "crashed" },
		{ true,  SIGBUS,        "crashed" },
		{ true,  SIGFPE,        "crashed" },
		{ true,  SIGILL,        "crashed" },
		{ true,  SIGABRT,       "gave up" },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT(ends); i++)
		if (ends[i].signalled == signalled && ends[i].value == value)
			return ends[i].text;
	return signalled ? "was ended by a signal" : "ended with an unknown status";
}
