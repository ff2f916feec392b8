/*
 * A service as a suspect. This process has no network: it composes each question, hands it to the
 * server, and hears what came back, which is as hostile as any suspect's bytes. It knows which
 * pictures are keys; whoever carries the questions does not.
 */
#include <stdio.h>
#include <time.h>

#include "live.h"
#include "memory.h"
#include "verification.h"

enum {
	ONE_MEMORY = 96 << 20,
	HEAR_MS = 60000,
	ASK_MS = 110 * 60 * 1000, /* for all questions: less than the step's patience */
	STATUS_LEAST = 200,
	STATUS_MOST = 299
};

struct service {
	struct verification *v;
	struct endpoint endpoint;
	struct endpoint_form form;
	struct onnx_file *tar;
	int tar_fd;
	struct str *picture;
	struct arena *mem; /* of one question */
	char *room;        /* for one message */
	uint64_t number;
	int64_t next; /* monotonic: not to be asked before */
};

static void
service_done(struct service *s)
{
	onnx_file_close(&s->tar);
	fd_done(&s->tar_fd);
	arena_free(&s->mem);
	free(s->room);
}

/* ---- One question ------------------------------------------------------------------------ */

/* No more often than was said. */
static void
pace(struct service *s)
{
	int64_t now = clock_monotonic(), wait = s->next - now;
	const struct timespec t = { .tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000 };

	if (wait > 0)
		(void)nanosleep(&t, NULL);
	s->next = (wait > 0 ? s->next : now) + 1000 / s->endpoint.rate;
}

/* Out, and back; the answer lies in the service's room. */
MUST static bool
exchange(struct ctx *c, struct service *s, struct str body, struct live_answer *ret)
{
	const struct job_run *run = s->v->run;
	const struct endpoint *e = &s->endpoint;
	const struct live_question q = { .number = ++s->number,
		.method = (enum live_method)e->method,
		.url = e->url,
		.type = e->type,
		.headers = e->headers,
		.body = body };
	struct buf out, in = { s->room, 0, LIVE_MESSAGE_MAX, false };

	if (!take_buf(c, LIVE_MESSAGE_MAX, &out) || !live_question_encode(c, &q, &out) ||
	    !run->say(c, run->arg, buf_str(&out)) ||
	    !run->hear(c, run->arg, clock_monotonic() + HEAR_MS, &in))
		return false;
	if (in.n == 0)
		return fail(c, E_PEER, "the server does not carry questions any more");
	if (!live_answer_decode(c, buf_str(&in), ret))
		return false;
	return ret->number == q.number ? true
				       : fail(c, E_PEER, "the answer to another question");
}

/* What the answer says, or why it says nothing. */
static bool
understand(
    struct ctx *c, struct service *s, const struct live_answer *a, struct verify_answer *ret)
{
	if (a->text.n > 0)
		return fail(c, E_INPUT, "%.*s", STRF(a->text));
	if (a->status < STATUS_LEAST || a->status > STATUS_MOST)
		return fail(c, E_INPUT, "it answers with the status %d", a->status);
	return endpoint_answer(c, &s->endpoint, &s->form, a->body, ret);
}

/* In memory of its own, that hostile answers cannot add up. */
MUST static bool
turn(struct ctx *c, void *arg, int32_t place, struct verify_answer *ret, bool *ret_failed,
    char why[160])
{
	struct service *s = arg;
	struct ctx one = *c;
	struct live_answer a;
	struct str body;

	arena_reset(s->mem);
	one.mem = s->mem;
	pace(s);
	if (!endpoint_body(&one, &s->endpoint, s->picture[place], &body) ||
	    !exchange(&one, s, body, &a)) {
		c->err = one.err;
		return false;
	}
	*ret_failed = !understand(&one, s, &a, ret);
	if (*ret_failed)
		snprintf(why, 160, "%.159s", one.err.text);
	return true;
}

/* ---- All of them ------------------------------------------------------------------------- */

MUST static bool
service_open(struct ctx *c, struct service *s)
{
	struct verification *v = s->v;

	if (!v->vendor.has_asked || !job_has_input(v->run, IN_PICTURES))
		return fail(c, E_INPUT,
		    "a service is asked the pictures of a challenge: make one, and name it with "
		    "the suspect");
	if (v->run->say == NULL)
		return fail(c, E_INPUT, "there is nobody here who could ask a service");
	s->mem = arena_new(ONE_MEMORY);
	s->room = malloc(LIVE_MESSAGE_MAX);
	if (s->mem == NULL || s->room == NULL)
		return fail(c, E_MEMORY, "no memory for questions");
	return endpoint_read(c, onnx_file_bytes(v->suspect.file), &s->endpoint) &&
	    memory_file(c, "pictures", &s->tar_fd) &&
	    memory_input(c, v->run, IN_PICTURES, s->tar_fd) &&
	    onnx_file_open(c, s->tar_fd, &s->tar) &&
	    challenge_pictures(c, onnx_file_bytes(s->tar), &v->vendor.asked, &s->picture);
}

static void
progress_pass(void *arg, int64_t done, int64_t total, struct str note)
{
	const struct verification *v = arg;

	v->run->progress(v->run->arg, done, total, note);
}

/* Room for answers to all slots, none of which is there yet. */
MUST static bool
slots_room_for(struct ctx *c, const struct challenge *q, int32_t **ret)
{
	size_t n = (size_t)q->slots * SLOT_PICTURES;
	int32_t *answer = take(c, n * sizeof *answer + 1);

	for (size_t i = 0; answer != NULL && i < n; i++)
		answer[i] = -1;
	*ret = answer;
	return answer != NULL;
}

bool
suspect_ask(struct ctx *c, struct verification *v, struct evidence *e)
{
	owned(service_done) struct service s = { .v = v, .tar_fd = -1 };
	const struct vendor *w = &v->vendor;
	struct verify_turns turns = { .keys = asks_keys(w) ? &w->keys : NULL,
		.of = &w->asked,
		.ask = turn,
		.arg = &s,
		.watch = { progress_pass, v } };

	s.form.ordinary = ordinary_classes(w);
	if (!service_open(c, &s) ||
	    (asks_slots(w) && !slots_room_for(c, &w->asked, &turns.slot)))
		return false;
	evidence_fact(e, "service that was asked", "%.*s", STRF(endpoint_host(&s.endpoint)));
	turns.budget = s.endpoint.budget;
	turns.until = clock_monotonic() + ASK_MS;
	return verify_in_turn(c, &turns, (uint64_t)v->params->seed, e) &&
	    (turns.slot == NULL || slots_compare(c, w, turns.slot, e));
}
