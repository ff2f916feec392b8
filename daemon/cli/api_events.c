/*
 * Server-sent events: a stream that lasts as long as the server has something to say, cut into
 * lines and events as it comes.
 */
#include <stdio.h>

#include "api.h"

enum { LINE_MAX_BYTES = 128 << 10 };

struct stream {
	struct cli *cli;
	const struct api_events *events;
	struct arena *memory; /* of one event */
	struct buf text;      /* a line, or the beginning of one; or a problem's body */
	char name[32];
	bool enough, failed, ended;
	long status;
};

/* One line of the stream; an event ends with an empty one, but ours have one data line each. */
MUST static bool
line_take(struct stream *s, struct str line)
{
	struct str field, value = line;
	struct ctx c = s->cli->c;
	bool ok;

	if (!str_cut(&value, ':', &field))
		return true;
	if (value.n > 0 && value.p[0] == ' ') {
		value.p++;
		value.n--;
	}
	if (str_same(field, STR("event")))
		snprintf(s->name, sizeof s->name, "%.*s", STRF(value));
	if (!str_same(field, STR("data")))
		return true;
	arena_reset(s->memory);
	c.mem = s->memory;
	ok = s->events->event(&c, str_of(s->name), value, &s->enough, s->events->arg);
	s->cli->c.err = c.err;
	return ok;
}

static size_t
stream_take(char *p, size_t one, size_t n, void *arg)
{
	struct stream *s = arg;

	if (s->status == 0)
		curl_easy_getinfo(s->cli->curl, CURLINFO_RESPONSE_CODE, &s->status);
	for (size_t i = 0; i < one * n; i++) {
		if (p[i] != '\n' || s->status != 200) {
			buf_char(&s->text, p[i]);
			continue;
		}
		s->failed = s->failed || s->text.full || !line_take(s, buf_str(&s->text));
		s->text.n = 0;
		if (s->failed || s->enough)
			return 0; /* ends the transfer */
	}
	return s->text.full ? 0 : one * n;
}

MUST static bool
stream_run(struct cli *t, const char *path, struct stream *s)
{
	owned(headers_free) struct curl_slist *h = NULL;
	const struct api_request rq = { "GET", path, STR(""), NULL };
	char error[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	if (!headers(t, &rq, NULL, &h) || !prepare(t, path, h, error) ||
	    !take_buf(&t->c, LINE_MAX_BYTES, &s->text))
		return false;
	/* The server says that it is alive every few seconds. */
	curl_easy_setopt(t->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(t->curl, CURLOPT_LOW_SPEED_TIME, (long)ANSWER_SECONDS);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, stream_take);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, s);
	rc = curl_easy_perform(t->curl);
	if (s->failed)
		return t->c.err.code != E_NONE
		    ? false
		    : fail(&t->c, E_LIMIT, "an event has more than %d bytes", LINE_MAX_BYTES);
	if (s->enough || (rc != CURLE_OK && api_passing(rc)))
		return true;
	return rc == CURLE_OK ? true : unreachable(t, rc, error);
}

bool
api_stream(struct cli *t, const char *path, const struct api_events *events, bool *ret_enough)
{
	owned(arena_free) struct arena *memory = arena_new(ANSWER_MAX);
	struct stream s = { .cli = t, .events = events, .memory = memory };
	struct api_answer a;

	if (memory == NULL)
		return fail(&t->c, E_MEMORY, "no memory for events");
	if (!stream_run(t, path, &s))
		return false;
	if (s.status != 0 && s.status != 200) {
		a = (struct api_answer){ .status = s.status, .body = buf_str(&s.text) };
		return api_problem(t, &a);
	}
	*ret_enough = s.enough;
	return true;
}
