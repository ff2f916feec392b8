/*
 * Many requests at once, one line on each connection: first its customer, then its license. Lines
 * of one customer, and lines with one reference, wait for each other in the file's order, so that
 * the end does not depend on who is faster. What is tried again carries the same Idempotency-Key.
 */
#include <stdio.h>

#include "import.h"

enum { TRIES = 8, BODY_MAX = 64 << 10, WAIT_MS = 50, WAIT_LONGEST = 5000, PAUSE_MS = 200 };

/* ---- Lanes ----------------------------------------------------------------------------------- */

bool
send_begin(struct import *m)
{
	struct cli *t = m->cli;

	m->multi = curl_multi_init();
	m->lane = take(&t->c, m->lanes * sizeof *m->lane);
	if (m->multi == NULL || m->lane == NULL)
		return fail(&t->c, E_MEMORY, "no memory for connections");
	curl_multi_setopt(m->multi, CURLMOPT_MAXCONNECTS, (long)m->lanes);
	for (size_t i = 0; i < m->lanes; i++) {
		struct lane *s = &m->lane[i];

		s->cli = *t;
		s->cli.curl = curl_easy_init();
		s->cli.c.mem = arena_new(LANE_MEMORY);
		if (s->cli.curl == NULL || s->cli.c.mem == NULL ||
		    !take_buf(&t->c, BODY_MAX, &s->body))
			return fail(&t->c, E_MEMORY, "no memory for connections");
	}
	return true;
}

void
send_end(struct import *m)
{
	for (size_t i = 0; m->lane != NULL && i < m->lanes; i++) {
		struct lane *s = &m->lane[i];

		if (s->flying)
			curl_multi_remove_handle(m->multi, s->cli.curl);
		if (s->cli.curl != NULL)
			curl_easy_cleanup(s->cli.curl);
		headers_free(&s->h);
		if (s->cli.c.mem != m->cli->c.mem)
			arena_free(&s->cli.c.mem);
	}
	if (m->multi != NULL)
		curl_multi_cleanup(m->multi);
	m->multi = NULL;
}

struct lane *
send_free(struct import *m)
{
	for (size_t i = 0; i < m->lanes; i++)
		if (m->lane[i].stage == LANE_FREE)
			return &m->lane[i];
	return NULL;
}

bool
send_idle(const struct import *m)
{
	for (size_t i = 0; i < m->lanes; i++)
		if (m->lane[i].stage != LANE_FREE)
			return false;
	return true;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* The same request, the same key: whoever sends it, today or tomorrow. */
MUST static bool
key_of(struct ctx *c, struct str body, char ret[64])
{
	struct buf b = { ret, 0, 63, false };
	struct digest256 d;

	if (!sha256(c, body, &d))
		return false;
	buf_put(&b, STR("import-"));
	base64url_put(&b, d.b, sizeof d.b);
	ret[b.n] = '\0';
	return true;
}

MUST static bool
fly(struct import *m, struct lane *s, const char *path, struct str body)
{
	struct api_request rq = {
		.method = body.n > 0 ? "POST" : "GET", .path = path, .body = body
	};
	struct cli *t = &s->cli;
	char key[64] = "";

	headers_free(&s->h);
	s->body.n = 0;
	s->body.full = false;
	s->error[0] = '\0';
	if ((body.n > 0 && !key_of(&t->c, body, key)) ||
	    !headers(t, &rq, body.n > 0 ? key : NULL, &s->h) ||
	    !prepare(t, path, s->h, s->error) || !method_set(t, &rq))
		return false;
	curl_easy_setopt(t->curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, &s->body);
	curl_easy_setopt(t->curl, CURLOPT_PRIVATE, s);
	if (curl_multi_add_handle(m->multi, t->curl) != CURLM_OK)
		return fail(&t->c, E_MEMORY, "no memory for a request");
	s->flying = true;
	return true;
}

/* Whether a line before this one is still at the same customer, or the same reference. */
static bool
earlier(const struct import *m, const struct lane *s, bool names)
{
	for (size_t i = 0; i < m->lanes; i++) {
		const struct lane *o = &m->lane[i];
		const struct row *row = &o->row;

		if (o->stage == LANE_FREE || row->line >= s->row.line)
			continue;
		if (names ? o->stage <= LANE_CUSTOMER && !row->known &&
			    digest256_same(&row->name, &s->row.name)
			  : row->license.n > 0 &&
			    digest256_same(&row->reference, &s->row.reference))
			return true;
	}
	return false;
}

MUST static bool
look(struct import *m, struct lane *s)
{
	struct str reference;
	char *path;

	if (!cli_escape(&s->cli, s->row.text[COLUMN_REFERENCE], &reference))
		return false;
	path = take_printf(&s->cli.c, "/v1/licenses?reference=%.*s", STRF(reference));
	return path != NULL && fly(m, s, path, STR(""));
}

MUST static bool
whose(struct import *m, struct lane *s)
{
	char *path = take_printf(&s->cli.c, "/v1/customers/%.*s", STRF(s->customer));

	return path != NULL && fly(m, s, path, STR(""));
}

/* Sends what comes next, unless it has to wait. */
MUST static bool
step(struct import *m, struct lane *s)
{
	int64_t there = 0;

	if (s->stage == LANE_NAME && !s->row.known &&
	    !tally_count(&s->cli.c, m->tally, &s->row.name, false, &there))
		return false;
	if (s->stage == LANE_NAME && (s->row.known || there > 0 || m->dry))
		s->stage = LANE_BETWEEN;
	if (s->stage == LANE_NAME && !earlier(m, s, true))
		s->stage = LANE_CUSTOMER;
	if (s->stage == LANE_BETWEEN && s->row.license.n == 0)
		return line_done(m, s, true);
	if (s->stage == LANE_BETWEEN && !earlier(m, s, false))
		s->stage = LANE_LICENSE;
	switch (s->stage) {
	case LANE_FREE:
	case LANE_NAME:
	case LANE_BETWEEN:
		return true;
	case LANE_CUSTOMER:
		return fly(m, s, "/v1/customers", s->row.customer);
	case LANE_LICENSE:
		return fly(m, s, "/v1/licenses", s->row.license);
	case LANE_LOOK:
		return look(m, s);
	case LANE_WHOSE:
		return whose(m, s);
	}
	abort(); /* the compiler has seen every case */
}

/* ---- Answers --------------------------------------------------------------------------------- */

struct problem {
	struct str code, detail, pointer;
};

/* What a refusal says; empty texts where it says nothing. */
static struct problem
problem_read(struct ctx *c, struct str body)
{
	struct problem p = { STR("UNKNOWN"), STR("the server refuses it"), STR("") };
	struct json_part *part, *item, *member, one;
	struct ctx try = *c;
	size_t n, m;

	if (!json_split(&try, body, &part, &n))
		return p;
	if (json_find(part, n, "code", &one))
		p.code = one.value;
	if (json_find(part, n, "detail", &one))
		p.detail = one.value;
	if (json_find(part, n, "errors", &one) && json_split(&try, one.value, &item, &m) &&
	    m > 0 && json_split(&try, item[0].value, &member, &m) &&
	    json_find(member, m, "pointer", &one))
		p.pointer = one.value;
	return p;
}

MUST static bool
refuse(struct import *m, struct lane *s, const struct problem *p)
{
	snprintf(s->code, sizeof s->code, "%.*s", STRF(p->code));
	if (fail(&s->cli.c, E_INPUT, "%.*s", STRF(p->detail)))
		return false;
	return line_done(m, s, false);
}

/* The license that has the reference: the first of a list. */
MUST static bool
looked(struct import *m, struct lane *s)
{
	struct ctx *c = &s->cli.c;
	struct json_part *part, *item, items;
	size_t n, count;

	if (!json_split(c, buf_str(&s->body), &part, &n))
		return false;
	if (!json_find(part, n, "items", &items) || items.kind != KIND_LIST ||
	    !json_split(c, items.value, &item, &count))
		return fail(c, E_PEER, "the server's answer is no list");
	if (count == 0) { /* it was taken a moment ago, and is not any more */
		s->stage = LANE_LICENSE;
		return true;
	}
	if (!row_same(m, s, item[0].value, &s->customer))
		return m->over ? false : line_done(m, s, false);
	s->stage = LANE_WHOSE;
	return true;
}

/* An answer that is about this line. */
MUST static bool
landed(struct import *m, struct lane *s, long status)
{
	struct ctx *c = &s->cli.c;
	bool good = status >= 200 && status <= 299;
	struct problem p = { 0 };
	int64_t n;

	if (!good)
		p = problem_read(c, buf_str(&s->body));
	if (s->stage == LANE_CUSTOMER) {
		if (!good && (status != 409 || !str_same(p.pointer, STR("/name"))))
			return refuse(m, s, &p);
		s->stage = LANE_BETWEEN;
		m->customers++;
		return (!good || code_keep(m, s, buf_str(&s->body))) &&
		    tally_count(c, m->tally, &s->row.name, true, &n);
	}
	if (!good && s->stage == LANE_LICENSE && status == 409 &&
	    str_same(p.pointer, STR("/reference"))) {
		s->stage = LANE_LOOK;
		return true;
	}
	if (!good && m->dry && str_same(p.pointer, STR("/customer")) && !s->row.known)
		return line_done(m, s, true); /* whom it would make first */
	if (!good)
		return refuse(m, s, &p);
	if (s->stage == LANE_LOOK)
		return looked(m, s);
	if (s->stage == LANE_WHOSE)
		return line_done(m, s, row_whose(s, buf_str(&s->body)));
	return line_done(m, s, true);
}

/* The same again later, unless it was tried often enough. */
MUST static bool
later(struct import *m, struct lane *s, int64_t wait)
{
	if (s->tries++ == TRIES) {
		m->over = true;
		return false;
	}
	s->due = clock_monotonic() + wait;
	return true;
}

/* Statuses that are not about this line: everybody waits, or it is over. */
MUST static bool
server_says(struct import *m, struct lane *s, long status, bool *ret_mine)
{
	struct api_answer a = { .status = status, .body = buf_str(&s->body) };
	int64_t wait = 0;
	char text[32];

	*ret_mine = false;
	if (status == 429 || status == 503) {
		header_copy(&s->cli, "Retry-After", text, sizeof text);
		if (!str_number(str_of(text), 1, 60, &wait))
			wait = 0;
		m->pause = clock_monotonic() + (wait > 0 ? wait * 1000 : PAUSE_MS << s->tries);
		if (status == 429)
			return true;
		s->cli.c.err = (struct err){ 0 };
		return later(m, s, 0) || api_problem(&s->cli, &a);
	}
	if (status == 401 || status >= 500 ||
	    (status == 403 &&
		str_same(problem_read(&s->cli.c, a.body).code, str_of(err_wire(E_DENIED))))) {
		m->over = true;
		return api_problem(&s->cli, &a);
	}
	*ret_mine = true;
	return true;
}

MUST static bool
answered(struct import *m, struct lane *s, CURLcode rc)
{
	bool mine = false;
	long status = 0;

	curl_multi_remove_handle(m->multi, s->cli.curl);
	s->flying = false;
	if (rc != CURLE_OK) {
		int64_t wait = (int64_t)100 << s->tries;

		if (api_passing(rc) && later(m, s, wait < WAIT_LONGEST ? wait : WAIT_LONGEST))
			return true;
		m->over = true;
		return unreachable(&s->cli, rc, s->error);
	}
	curl_easy_getinfo(s->cli.curl, CURLINFO_RESPONSE_CODE, &status);
	if (!server_says(m, s, status, &mine))
		return false;
	if (!mine)
		return true;
	s->tries = 0;
	return landed(m, s, status);
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* Sends whatever may be sent now. */
MUST static bool
steps(struct import *m)
{
	int64_t now = clock_monotonic();

	for (size_t i = 0; i < m->lanes && now >= m->pause; i++) {
		struct lane *s = &m->lane[i];

		if (s->stage != LANE_FREE && !s->flying && now >= s->due && !step(m, s)) {
			m->cli->c.err = s->cli.c.err;
			return false;
		}
	}
	return true;
}

bool
send_on(struct import *m)
{
	int64_t before = m->done;
	bool moved = false;
	struct CURLMsg *msg;
	int running, queued;

	if (!steps(m))
		return false;
	if (curl_multi_perform(m->multi, &running) != CURLM_OK)
		return fail(&m->cli->c, E_INTERNAL, "libcurl does not go on");
	while ((msg = curl_multi_info_read(m->multi, &queued)) != NULL) {
		struct lane *s;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		moved = true;
		if (!answered(m, s, msg->data.result)) {
			m->cli->c.err = s->cli.c.err;
			return false;
		}
	}
	if (!moved && m->done == before)
		curl_multi_poll(m->multi, NULL, 0, WAIT_MS, NULL);
	return true;
}
