/*
 * The worker that stays. It opens a marked network with its key set and secret once, and then
 * answers until nobody asks any more: it makes key images, and looks at pictures that are shown.
 * Pictures that wait already are taken together, so that the network sees them in one batch; none
 * waits for others to come. Whatever a question leaves in memory is gone before the next batch.
 */
#include <stdio.h>

#include "eyes.h"
#include "kinds.h"

/* Asked at the same time; those whose identity was found wait for the network. */
struct batch {
	struct view_answer answer[VIEW_AT_ONCE];
	struct image picture[VIEW_AT_ONCE];
	size_t n;
};

struct viewer {
	const struct job_run *run;
	struct eyes eyes;
	struct arena *batch_mem, *mem; /* of a batch; of one question */
	struct batch batch;
	struct view_pieces pieces;
	int64_t answered;
	char *room;
};

static void
viewer_done(struct viewer *v)
{
	eyes_done(&v->eyes);
	arena_free(&v->batch_mem);
	arena_free(&v->mem);
	free(v->pieces.v);
	free(v->room);
}

/* ---- Questions and answers --------------------------------------------------------------- */

MUST static bool
say(struct ctx *c, struct viewer *v, const struct view_answer *a)
{
	for (size_t at = 0; at != SIZE_MAX;) {
		struct buf b = { v->room, 0, VIEW_MESSAGE_MAX, false };

		if (!view_answer_encode(c, a, &at, &b) ||
		    !v->run->say(c, v->run->arg, buf_str(&b)))
			return false;
	}
	v->answered++;
	return true;
}

/*
 * The next question that is there by the deadline; its picture is good until the next one is heard.
 * *ret_end: there will be none; neither: nothing has come.
 */
MUST static bool
hear(struct ctx *c, struct viewer *v, int64_t deadline, bool *ret_end, bool *ret_any,
    struct view_question *ret)
{
	*ret_end = *ret_any = false;
	while (!*ret_any) {
		struct buf b = { v->room, 0, VIEW_MESSAGE_MAX, false };

		/* What has begun to come, comes. */
		if (v->pieces.number != 0)
			deadline = INT64_MAX;
		if (!v->run->hear(c, v->run->arg, deadline, &b))
			return c->err.code == E_SLOW;
		if (b.n == 0) {
			*ret_end = true;
			return true;
		}
		if (!view_question_decode(c, buf_str(&b), &v->pieces, ret_any, ret))
			return false;
	}
	return true;
}

/* That it went wrong is an answer, too. */
static void
failed(const struct ctx *c, struct view_answer *a)
{
	a->code = c->err.code;
	a->text = str_of(c->err.text);
	a->text.n = a->text.n < VIEW_TEXT_MAX ? a->text.n : VIEW_TEXT_MAX;
	a->picture = STR("");
}

/* ---- A batch ----------------------------------------------------------------------------- */

MUST static bool
make(struct ctx *c, struct viewer *v, const struct view_question *q)
{
	struct view_answer a = { .number = q->number, .op = VIEW_MAKE };

	if (!eyes_make(c, &v->eyes, q, &a))
		failed(c, &a);
	return say(c, v, &a);
}

/* Answered at once, unless the network has to be asked. `kept` outlives the question. */
MUST static bool
look(struct ctx *c, struct ctx *kept, struct viewer *v, const struct view_question *q)
{
	struct view_answer a = { .number = q->number, .op = VIEW_LOOK };
	struct batch *b = &v->batch;
	struct image picture;

	if (!eyes_look(c, &v->eyes, q, &a, &picture)) {
		failed(c, &a);
		return say(c, v, &a);
	}
	if (a.found != VIEW_FOUND)
		return say(c, v, &a);
	if (!image_copy(kept, &picture, &b->picture[b->n])) {
		failed(kept, &a);
		return say(c, v, &a);
	}
	a.text = STR("");
	b->answer[b->n++] = a;
	return true;
}

/* The network looks at all of the batch. */
MUST static bool
batch_end(struct ctx *c, struct viewer *v)
{
	struct batch *b = &v->batch;
	bool ok = eyes_ask(c, &v->eyes, b->picture, b->n, b->answer);

	for (size_t i = 0; i < b->n; i++) {
		if (!ok)
			failed(c, &b->answer[i]);
		if (!say(c, v, &b->answer[i]))
			return false;
	}
	b->n = 0;
	return true;
}

/* From the first question that comes to the last that is there with it. */
MUST static bool
batch_run(struct viewer *v, struct ctx *kept, struct ctx *c, bool *ret_end)
{
	int64_t deadline = INT64_MAX;
	struct view_question q;
	bool any;

	for (size_t n = 0; n < VIEW_AT_ONCE; n++, deadline = 0) {
		arena_reset(v->mem);
		if (!hear(c, v, deadline, ret_end, &any, &q))
			return false;
		if (!any)
			break;
		if (!(q.op == VIEW_MAKE ? make(c, v, &q) : look(c, kept, v, &q)))
			return false;
	}
	return v->batch.n == 0 || batch_end(c, v);
}

/* ---- Its life ---------------------------------------------------------------------------- */

MUST static bool
viewer_open(struct ctx *c, struct viewer *v)
{
	v->batch_mem = arena_new(EYES_MEMORY);
	v->mem = arena_new(EYES_MEMORY);
	v->pieces.v = malloc(VIEW_PICTURE_MAX);
	v->room = malloc(VIEW_MESSAGE_MAX);
	if (v->batch_mem == NULL || v->mem == NULL || v->pieces.v == NULL || v->room == NULL)
		return fail(c, E_MEMORY, "no memory for pictures");
	return eyes_open(c, v->run, &v->eyes);
}

bool
view_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(viewer_done) struct viewer v = { .run = r };
	bool end = false;
	struct buf out;

	if (r->hear == NULL)
		return fail(c, E_USAGE, "nobody asks here: this kind is for the daemon alone");
	if (!viewer_open(c, &v))
		return false;
	r->progress(r->arg, 1, 1, STR("ready"));
	while (!end) {
		struct ctx kept = ctx_real(v.batch_mem, "batch"), one = ctx_real(v.mem, "one");

		arena_reset(v.batch_mem);
		if (!batch_run(&v, &kept, &one, &end)) {
			c->err = one.err;
			return false;
		}
	}
	if (!take_buf(c, 64, &out))
		return false;
	buf_printf(&out, "{\"answered\":%lld}", (long long)v.answered);
	*ret_json = buf_str(&out);
	return buf_ok(c, &out);
}
