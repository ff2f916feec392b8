/*
 * Selftests from their order to their end; see worker_story.h.
 */
#include "blob.h"
#include "worker_story.h"

struct order
order_new(struct ctx *c, const char *text, const char *more)
{
	struct order o = { .conf = { .programs = test_programs() } };
	struct str plain = str_of(text);
	struct key256 key;

	key256_random(c, &key);
	o.message = (struct job_message){ .kind = JOB_SELFTEST,
		.id = STR("job_test"),
		.limits = { .memory = 64 << 20, .cpu = 20, .wall = 30 },
		.blobs = 1 };
	o.message.params = str_of(take_printf(c, "{\"text\":\"%s\"%s}", text, more));
	o.message.blob[0] = (struct job_blob){
		.name = STR("text"), .size = (int64_t)plain.n, .aad = STR("job_test/text")
	};
	memcpy(o.message.blob[0].key, key.b, sizeof key.b);
	ck_ok(c, blob_new(c, &key, o.message.blob[0].aad, plain, &o.blob_fd[0]));
	return o;
}

struct worker
order_start(struct ctx *c, struct order *o)
{
	struct worker w = { 0 };

	ck_ok(c, worker_start(c, &o->conf, &o->message, o->blob_fd, NULL, &w));
	fd_done(&o->blob_fd[0]);
	return w;
}

/* `rising`: progress goes on from one report to the next. */
static struct story
listen_to(struct ctx *c, struct worker *w, int64_t ms, bool rising)
{
	struct story s = { 0 };
	int64_t from = clock_monotonic(), done = 0;
	bool ended = false;

	for (;;) {
		struct job_report r = { 0 };

		ck_ok(c, worker_next(c, w, from + ms, &ended, &r));
		if (ended)
			break;
		ck_assert(!s.said);
		if (r.type == JOB_PROGRESS) {
			ck_assert(!rising || r.done > done);
			done = r.done;
			s.progress++;
		} else {
			s.last = r;
			s.said = true;
		}
	}
	worker_end(w, &s.how);
	s.took = clock_monotonic() - from;
	return s;
}

struct story
story_of(struct ctx *c, struct worker *w)
{
	return listen_to(c, w, SOON_MS, true);
}

struct story
story_within(struct ctx *c, struct worker *w, int64_t ms)
{
	return listen_to(c, w, ms, false);
}

void
is_done(struct ctx *c, const struct story *s, const char *text, int steps)
{
	struct digest256 digest;
	char room[64];
	struct buf hex = BUF(room);

	ck_ok(c, sha256(c, str_of(text), &digest));
	hex_put(&hex, digest.b, sizeof digest.b);
	ck_assert(s->said);
	ck_assert_int_eq(s->last.type, JOB_RESULT);
	ck_assert(str_same(s->last.result,
	    str_of(take_printf(c, "{\"sha256\":\"%.*s\",\"bytes\":%zu,\"steps\":%d}",
		STRF(buf_str(&hex)), strlen(text), steps))));
}

void
until_running(struct ctx *c, struct worker *w)
{
	struct job_report r = { 0 };
	bool ended = true;

	ck_ok(c, worker_next(c, w, clock_monotonic() + SOON_MS, &ended, &r));
	ck_assert(!ended);
}
