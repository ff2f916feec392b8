/*
 * Following a job: its events move the bar; a stream that breaks is taken up again, for the job
 * goes on without us.
 */
#include <stdio.h>
#include <time.h>

#include "cli.h"

enum { BREAKS_MAX = 20 };

MUST static bool
number_of(const struct json_part *part, size_t n, const char *name, int64_t *ret)
{
	struct json_part p;

	return json_find(part, n, name, &p) && str_number(p.value, 0, INT64_MAX, ret);
}

static bool
on_event(struct ctx *c, struct str name, struct str data, bool *ret_enough, void *arg)
{
	struct cli *t = arg;
	struct json_part *part, progress;
	int64_t done = 0, total = 0;
	size_t n;

	*ret_enough = str_same(name, STR("state"));
	if (!json_split(c, data, &part, &n))
		return false;
	if (!json_find(part, n, "progress", &progress) || progress.kind != KIND_OBJECT)
		return true;
	if (!json_split(c, progress.value, &part, &n))
		return false;
	if (number_of(part, n, "done", &done) && number_of(part, n, "total", &total) &&
	    total > 0)
		output_progress(t->out, done, total);
	return true;
}

/* The job as it is in the end. */
MUST static bool
last_look(struct cli *t, const char *path)
{
	struct json_part *part, state;
	struct api_answer a;
	size_t n;

	if (!api_call(t, &(struct api_request){ "GET", path, STR(""), NULL }, &a) ||
	    !json_split(&t->c, a.body, &part, &n))
		return false;
	if (!json_find(part, n, "state", &state))
		return fail(&t->c, E_PEER, "the server's answer names no state");
	t->negative = !str_same(state.value, STR("done"));
	return output_row(&t->c, t->out, a.body);
}

bool
follow(struct cli *t, struct str job)
{
	const struct api_events events = { on_event, t };
	char *stream = take_printf(&t->c, "/v1/jobs/%.*s/events", STRF(job));
	struct arena *mine = t->c.mem;
	bool enough = false, ok = stream != NULL;

	for (int breaks = 0; ok && !enough; breaks++) {
		owned(arena_free) struct arena *memory = arena_new(2 * ANSWER_MAX);
		struct timespec second = { .tv_sec = 1 };

		if (breaks == BREAKS_MAX || memory == NULL)
			return fail(
			    &t->c, E_PEER, "the stream of events breaks again and again");
		if (breaks > 0)
			nanosleep(&second, NULL);
		t->c.mem = memory;
		ok = api_stream(t, stream, &events, &enough);
		t->c.mem = mine;
	}
	return ok;
}

bool
watch(struct cli *t, struct str job)
{
	char *path = take_printf(&t->c, "/v1/jobs/%.*s", STRF(job));

	return path != NULL && follow(t, job) && last_look(t, path);
}

bool
job_watch_run(struct cli *t)
{
	return watch(t, t->parsed.arg[0]);
}
