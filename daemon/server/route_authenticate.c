/*
 * Authentication: a customer shows his key image, and gets what one unlock asks for. A viewer looks
 * at the picture, then it is decided, by what is true a moment later, whether it is the license's;
 * a yes is decided once more in the act that writes it down. A no changes nothing: its row of the
 * audit says which it was.
 */
#include "key_images.h"
#include "multipart.h"
#include "shown.h"
#include "use.h"

enum { LIFE_MS = 120 * 1000, ANSWER_TEXT_MAX = 1024 };

struct attempt {
	struct viewing view;
	struct use *use;
	struct key_image_row image; /* of the serial number that the picture says */
	bool known;
	struct token_secret secret;
	struct authentication_row row;
};

/* ---- Answers ------------------------------------------------------------------------------- */

/* The audit tells which image it was, too, whose ever it is: that is how copies are noticed. */
MUST static bool
note_code(struct ctx *c, struct request *rq, const char *wire, const struct attempt *w)
{
	char *text = w != NULL && w->known
	    ? take_printf(c, "{\"code\":\"%s\",\"key_image\":\"%s\"}", wire, w->image.id.s)
	    : take_printf(c, "{\"code\":\"%s\"}", wire);

	rq->act.audit.detail = str_of(text);
	return text != NULL;
}

/* `why`: what the viewer says of this picture; may be empty. */
MUST static bool
answer_no(struct ctx *c, struct request *rq, const char *wire, const char *sentence,
    struct str why, const struct attempt *w)
{
	struct buf out;
	struct js j = { &out, false };
	char *text = why.n > 0 ? take_printf(c, "%s (%.*s)", sentence, STRF(why))
			       : take_printf(c, "%s", sentence);

	if (text == NULL || !note_code(c, rq, wire, w) || !take_buf(c, ANSWER_TEXT_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_bool(&j, "valid", false);
	js_text(&j, "code", str_of(wire));
	js_text(&j, "detail", str_of(text));
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

MUST static bool
answer_verdict(struct ctx *c, struct request *rq, const struct verdict *v)
{
	if (verdict_answer(v->code) == ANSWER_UNDECIDED)
		return fail_verdict(c, v);
	return answer_no(
	    c, rq, verdict_wire(v->code), verdict_sentence(v->code), STR(""), NULL);
}

MUST static bool
answer_yes(struct ctx *c, struct request *rq, const struct attempt *w)
{
	struct buf out;
	struct js j = { &out, false };

	if (!note_code(c, rq, shown_wire(SHOWN_GOOD), w) || !take_buf(c, ANSWER_TEXT_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_bool(&j, "valid", true);
	js_text(&j, "code", str_of(shown_wire(SHOWN_GOOD)));
	js_text(&j, "detail", str_of(shown_sentence(SHOWN_GOOD)));
	js_text(&j, "key_image", str_of(w->image.id.s));
	js_text(&j, "authentication", str_of(w->secret.s));
	js_time(&j, "expires", w->row.expires);
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

/* ---- Deciding ------------------------------------------------------------------------------ */

/* Which of the vendor's images it says it is, or looks like. */
MUST static bool
recognise(struct ctx *c, struct db *db, const struct id *vendor, struct attempt *w)
{
	const struct view_answer *said = &w->view.said;
	struct digest256 pixels;

	w->known = false;
	if (said->found == VIEW_UNREADABLE || said->found == VIEW_WRONG_SIZE)
		return true;
	if (said->found >= VIEW_OTHER_RELEASE)
		return key_image_by_serial(
		    c, db, str_of(vendor->s), said->serial, &w->known, &w->image);
	memcpy(pixels.b, said->pixels, sizeof pixels.b);
	return key_image_by_pixels(c, db, str_of(vendor->s), &pixels, &w->known, &w->image);
}

/* By the store as it is now; the reply is there unless *ret_yes. */
MUST static bool
decide(struct ctx *c, struct db *db, struct request *rq, struct attempt *w, bool *ret_yes)
{
	const struct view_answer *said = &w->view.said;
	struct standing *st = &w->use->st;
	struct shown s = { .said = said, .license = &st->row };
	enum shown_code code;
	struct verdict v;

	*ret_yes = false;
	if (!use_again(c, db, rq, w->use))
		return false;
	v = policy_decide(&st->facts, &st->terms, ACTION_VALIDATE);
	if (verdict_answer(v.code) != ANSWER_YES)
		return answer_verdict(c, rq, &v);
	if (!recognise(c, db, &st->row.vendor, w))
		return false;
	s.customer = st->customer.number;
	s.image = w->known ? &w->image : NULL;
	s.at = st->facts.now > st->facts.last_seen ? st->facts.now : st->facts.last_seen;
	code = shown_decide(&s);
	if (code != SHOWN_GOOD)
		return answer_no(c, rq, shown_wire(code), shown_sentence(code),
		    code <= SHOWN_WRONG_SIZE ? said->text : STR(""), w);
	*ret_yes = true;
	return true;
}

static bool
showing_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct attempt *w = rq->arg;
	bool yes;

	if (!decide(c, db, rq, w, &yes))
		return false;
	if (!yes)
		return true;
	w->row.license = w->use->st.row.id;
	w->row.key_image = w->image.id;
	w->row.expires = c->now() + LIFE_MS;
	return authentication_insert(c, db, &w->row) && answer_yes(c, rq, w);
}

static bool
showing_answered(struct ctx *c, struct request *rq)
{
	struct attempt *w = (struct attempt *)(void *)rq->viewing;
	struct db *db;
	bool yes;

	if (!server_reader(c, rq->server, &db) || !decide(c, db, rq, w, &yes))
		return false;
	if (!yes)
		return true;
	rq->arg = w;
	rq->write = showing_write;
	return token_secret_new(c, "hma_", &w->secret, &w->row.digest);
}

/* ---- What came ----------------------------------------------------------------------------- */

static bool
is_picture(struct str type)
{
	struct str first;

	(void)str_cut(&type, ';', &first);
	first = str_trim(first);
	return (first.n == 9 && strncasecmp(first.p, "image/png", 9) == 0) ||
	    (first.n == 10 && strncasecmp(first.p, "image/jpeg", 10) == 0);
}

MUST static bool
picture_of(struct ctx *c, struct request *rq, struct str *ret)
{
	struct str type = request_header(rq, "Content-Type");

	*ret = rq->body;
	if (multipart_is(type) && !multipart_file(c, type, rq->body, "image", &type, ret))
		return false;
	if (!is_picture(type))
		return fail_at(c, E_MEDIA, "Content-Type",
		    "a picture is image/png or image/jpeg, alone or in a form");
	return ret->n > 0 ? true : fail(c, E_USAGE, "the picture is empty");
}

/* Which image it should be: that tells a viewer where to look. */
MUST static bool
expect(struct ctx *c, struct db *db, const struct standing *st, const struct id *watermark,
    struct viewing *view)
{
	const struct license_row *l = &st->row;
	struct key_image_row r;
	bool found;

	if (!key_image_last(c, db, str_of(l->id.s), &found, &r))
		return false;
	if (found)
		return view_of(c, db, &r, view);
	view->vendor = l->vendor;
	view->watermark = *watermark;
	view->ask.claim = (struct view_claim){ .release = l->release,
		.customer = (uint32_t)st->customer.number };
	return true;
}

bool
authenticate_post(struct ctx *c, struct request *rq)
{
	const struct verdict none = { .code = V_RELEASE_WITHOUT_WATERMARK,
		.rule = "watermark" };
	struct attempt *w = take(c, sizeof *w);
	const struct standing *st;
	struct id watermark;
	struct verdict v;
	struct db *db;

	if (w == NULL || !use_read(c, rq, NULL, 0, &w->use) ||
	    !picture_of(c, rq, &w->view.ask.picture) || !server_reader(c, rq->server, &db))
		return false;
	st = &w->use->st;
	v = policy_decide(&st->facts, &st->terms, ACTION_VALIDATE);
	if (verdict_answer(v.code) != ANSWER_YES)
		return answer_verdict(c, rq, &v);
	if (!release_watermark(
		c, db, str_of(st->row.vendor.s), str_of(st->row.release.s), &watermark))
		return false;
	if (watermark.s[0] == '\0')
		return answer_verdict(c, rq, &none);
	w->view.ask.op = VIEW_LOOK;
	w->view.answered = showing_answered;
	if (!expect(c, db, st, &watermark, &w->view))
		return false;
	request_view(rq, &w->view);
	return true;
}
