/*
 * Questions to a worker that stays, and its answers: they come back as they were sent, however many
 * messages their picture needs; and whatever a worker that was taken over might send is refused.
 */
#include "test.h"
#include "view.h"

#define PNG "\x89PNG\r\n\x1a\n"

static const struct view_question look = {
	.number = 7,
	.op = VIEW_LOOK,
	.carrier = VIEW_DCT,
	.base = 99,
	.claim = { .release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" },
	    .customer = 5,
	    .serial = UINT32_MAX,
	    .issued = 1700000000,
	    .expires = 0 },
	.picture = { "bytes", 5 },
};
static const struct view_answer seen = {
	.number = 7,
	.op = VIEW_LOOK,
	.pixels = { 1, 2, 3 },
	.found = VIEW_FOUND,
	.lossless = true,
	.repaired = 3,
	.customer = 5,
	.serial = 8,
	.issued = 1700000000,
	.expires = 1800000000,
	.additional = true,
	.class = 10,
};
static const struct view_answer made = {
	.number = 7, .op = VIEW_MAKE, .pixels = { 9 }, .picture = { PNG "rest", 12 }
};

/* The one message of what needs one. */
static struct str
question(struct ctx *c, const struct view_question *q)
{
	size_t at = 0;
	struct buf b;

	ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
	ck_ok(c, view_question_encode(c, q, &at, &b));
	ck_assert_uint_eq(at, SIZE_MAX);
	return buf_str(&b);
}

static struct str
answer(struct ctx *c, const struct view_answer *a)
{
	size_t at = 0;
	struct buf b;

	ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
	ck_ok(c, view_answer_encode(c, a, &at, &b));
	ck_assert_uint_eq(at, SIZE_MAX);
	return buf_str(&b);
}

/* Refused, with nothing written. */
static void
no_question(struct ctx *c, struct str bytes)
{
	struct view_pieces p = { .v = take(c, VIEW_PICTURE_MAX) };
	struct view_question got = { .number = 12345 };
	bool whole = false;

	ck_fails(c, E_PEER, view_question_decode(c, bytes, &p, &whole, &got));
	ck_assert(!whole && got.number == 12345);
}

static void
no_answer(struct ctx *c, struct str bytes)
{
	struct view_pieces p = { .v = take(c, VIEW_PICTURE_MAX) };
	struct view_answer got = { .number = 12345 };
	bool whole = false;

	ck_fails(c, E_PEER, view_answer_decode(c, bytes, &p, &whole, &got));
	ck_assert(!whole && got.number == 12345);
}

START_TEST(questions_come_back)
{
	struct ctx *c = test_ctx();
	struct view_pieces p = { .v = take(c, VIEW_PICTURE_MAX) };
	struct view_question got;
	bool whole;

	ck_ok(c, view_question_decode(c, question(c, &look), &p, &whole, &got));
	ck_assert(whole);
	ck_assert_uint_eq(got.number, 7);
	ck_assert_int_eq(got.op, VIEW_LOOK);
	ck_assert_int_eq(got.carrier, VIEW_DCT);
	ck_assert_uint_eq(got.base, 99);
	ck_assert_str_eq(got.claim.release.s, look.claim.release.s);
	ck_assert_uint_eq(got.claim.customer, 5);
	ck_assert_uint_eq(got.claim.serial, UINT32_MAX);
	ck_assert_int_eq(got.claim.issued, 1700000000);
	ck_assert_int_eq(got.claim.expires, 0);
	ck_str(got.picture, "bytes");
}
END_TEST

START_TEST(answers_come_back)
{
	struct ctx *c = test_ctx();
	struct view_pieces p = { .v = take(c, VIEW_PICTURE_MAX) };
	struct view_answer no = { .number = 1, .code = E_LIMIT, .text = STR("too large") };
	struct view_answer got;
	bool whole;

	ck_ok(c, view_answer_decode(c, answer(c, &seen), &p, &whole, &got));
	ck_assert(whole && got.lossless && got.additional);
	ck_assert_int_eq(got.code, E_NONE);
	ck_assert_int_eq(got.found, VIEW_FOUND);
	ck_assert_uint_eq(got.repaired, 3);
	ck_assert_uint_eq(got.customer, 5);
	ck_assert_uint_eq(got.serial, 8);
	ck_assert_int_eq(got.issued, 1700000000);
	ck_assert_int_eq(got.expires, 1800000000);
	ck_assert_int_eq(got.class, 10);
	ck_assert_mem_eq(got.pixels, seen.pixels, sizeof got.pixels);
	ck_ok(c, view_answer_decode(c, answer(c, &made), &p, &whole, &got));
	ck_str(got.picture, PNG "rest");
	ck_ok(c, view_answer_decode(c, answer(c, &no), &p, &whole, &got));
	ck_assert_int_eq(got.code, E_LIMIT);
	ck_str(got.text, "too large");
}
END_TEST

static const size_t sizes[] = { 1, VIEW_PIECE_MAX - 1, VIEW_PIECE_MAX, VIEW_PIECE_MAX + 1,
	2 * VIEW_PIECE_MAX, 2 * VIEW_PIECE_MAX + 17, VIEW_PICTURE_MAX - 1, VIEW_PICTURE_MAX };

START_TEST(pictures_of_any_size_come_back)
{
	struct ctx *c = test_ctx();
	struct view_pieces p = { .v = take(c, VIEW_PICTURE_MAX) };
	struct view_question q = look, got;
	char *bytes = take(c, sizes[_i]);
	bool whole = false;
	size_t messages = 0;

	c->random(bytes, sizes[_i]);
	q.picture = (struct str){ bytes, sizes[_i] };
	for (size_t at = 0; at != SIZE_MAX; messages++) {
		struct buf b;

		ck_assert(!whole);
		ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
		ck_ok(c, view_question_encode(c, &q, &at, &b));
		ck_assert_uint_eq(view_number(buf_str(&b)), 7);
		ck_ok(c, view_question_decode(c, buf_str(&b), &p, &whole, &got));
	}
	ck_assert(whole);
	ck_assert_uint_eq(messages, (sizes[_i] + VIEW_PIECE_MAX - 1) / VIEW_PIECE_MAX);
	ck_assert_uint_eq(got.picture.n, sizes[_i]);
	ck_assert_mem_eq(got.picture.p, bytes, sizes[_i]);
	/* The next one begins anew. */
	ck_ok(c, view_question_decode(c, question(c, &look), &p, &whole, &got));
	ck_str(got.picture, "bytes");
}
END_TEST

START_TEST(pictures_too_large_are_not_sent)
{
	struct ctx *c = test_ctx();
	struct view_question q = look;
	struct view_answer a = made;
	size_t at = 0;
	struct buf b;

	ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
	q.picture = a.picture = (struct str){ take(c, VIEW_PICTURE_MAX + 1),
		VIEW_PICTURE_MAX + 1 };
	ck_fails(c, E_LIMIT, view_question_encode(c, &q, &at, &b));
	ck_fails(c, E_LIMIT, view_answer_encode(c, &a, &at, &b));
	a.picture = made.picture;
	a.text = (struct str){ q.picture.p, VIEW_TEXT_MAX + 1 };
	ck_fails(c, E_LIMIT, view_answer_encode(c, &a, &at, &b));
}
END_TEST

/* A piece as whoever has taken a worker over might write it. */
static struct str
piece(struct ctx *c, uint64_t number, size_t n)
{
	struct buf b;

	ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
	wire_put_u8(&b, 1);
	wire_put_u8(&b, 1);
	wire_put_u64(&b, number);
	wire_put_str(&b, (struct str){ take(c, n + 1), n });
	return buf_str(&b);
}

START_TEST(pieces_that_do_not_fit)
{
	struct ctx *c = test_ctx();
	struct view_pieces p = { .v = take(c, VIEW_PICTURE_MAX) };
	struct view_answer got;
	bool whole = true;

	ck_fails(c, E_PEER, view_answer_decode(c, piece(c, 7, 0), &p, &whole, &got));
	ck_ok(c, view_answer_decode(c, piece(c, 7, 10), &p, &whole, &got));
	ck_assert(!whole);
	/* Of another picture, in between; and the end of another. */
	ck_fails(c, E_PEER, view_answer_decode(c, piece(c, 8, 10), &p, &whole, &got));
	p.number = 8;
	ck_fails(c, E_PEER, view_answer_decode(c, answer(c, &made), &p, &whole, &got));
	/* More than a picture may have: never written behind the room. */
	p.n = p.number = 0;
	for (size_t n = 0; n + VIEW_PIECE_MAX <= VIEW_PICTURE_MAX; n += VIEW_PIECE_MAX)
		ck_ok(c, view_answer_decode(c, piece(c, 7, VIEW_PIECE_MAX), &p, &whole, &got));
	ck_fails(
	    c, E_PEER, view_answer_decode(c, piece(c, 7, VIEW_PIECE_MAX), &p, &whole, &got));
	p.n = VIEW_PICTURE_MAX;
	ck_fails(c, E_PEER, view_answer_decode(c, answer(c, &made), &p, &whole, &got));
	no_answer(c, piece(c, 7, VIEW_PIECE_MAX + 1));
	no_answer(c, piece(c, 0, 10));
}
END_TEST

static const struct view_question bad_questions[] = {
	{ .number = 0,
	    .op = VIEW_MAKE,
	    .claim.release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" } },
	{ .number = 1,
	    .op = (enum view_op)2,
	    .claim.release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" } },
	{ .number = 1,
	    .op = VIEW_MAKE,
	    .carrier = (enum view_carrier)2,
	    .claim.release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" } },
	{ .number = 1,
	    .op = VIEW_MAKE,
	    .claim.release = { "lic_01890a5d-ac96-774b-bcce-b302099a8057" } },
	{ .number = 1, .op = VIEW_MAKE, .claim.release = { "" } },
	{ .number = 1,
	    .op = VIEW_MAKE,
	    .claim = { { "rel_01890a5d-ac96-774b-bcce-b302099a8057" }, .issued = -1 } },
	{ .number = 1,
	    .op = VIEW_MAKE,
	    .claim = { { "rel_01890a5d-ac96-774b-bcce-b302099a8057" }, .expires = INT64_MAX } },
	/* A picture to look at must be there, another must not. */
	{ .number = 1,
	    .op = VIEW_LOOK,
	    .claim.release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" } },
	{ .number = 1,
	    .op = VIEW_MAKE,
	    .claim.release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" },
	    .picture = { "x", 1 } },
};

START_TEST(questions_that_are_none)
{
	struct ctx *c = test_ctx();

	no_question(c, question(c, &bad_questions[_i]));
}
END_TEST

static const struct view_answer bad_answers[] = {
	{ .number = 0, .op = VIEW_LOOK },
	{ .number = 1, .op = (enum view_op)2 },
	{ .number = 1, .op = VIEW_LOOK, .found = VIEW_FOUNDS },
	{ .number = 1, .op = VIEW_LOOK, .text = { "a\nlog=line", 10 } },
	{ .number = 1, .op = VIEW_LOOK, .text = { "\xff", 1 } },
	{ .number = 1, .op = VIEW_LOOK, .issued = -1 },
	{ .number = 1, .op = VIEW_LOOK, .expires = INT64_MAX },
	/* The network is asked about pictures whose identity was found, and no others. */
	{ .number = 1, .op = VIEW_LOOK, .found = VIEW_FORGED, .additional = true },
	{ .number = 1, .op = VIEW_LOOK, .picture = { PNG, 8 } },
	{ .number = 1, .op = VIEW_MAKE },
	{ .number = 1, .op = VIEW_MAKE, .picture = { "<script>", 8 } },
	/* A failure says why, and brings no picture. */
	{ .number = 1, .op = VIEW_MAKE, .code = E_INPUT },
	{ .number = 1,
	    .op = VIEW_MAKE,
	    .code = E_INPUT,
	    .text = { "no", 2 },
	    .picture = { PNG, 8 } },
};

START_TEST(answers_that_are_none)
{
	struct ctx *c = test_ctx();

	no_answer(c, answer(c, &bad_answers[_i]));
}
END_TEST

START_TEST(bytes_that_are_none)
{
	struct ctx *c = test_ctx();
	struct str q = question(c, &look), a = answer(c, &seen);
	char *longer = take(c, q.n + 1);

	for (size_t n = 0; n < q.n; n++)
		no_question(c, (struct str){ q.p, n });
	for (size_t n = 0; n < a.n; n++)
		no_answer(c, (struct str){ a.p, n });
	memcpy(longer, q.p, q.n);
	no_question(c, (struct str){ longer, q.n + 1 });
	/* Each is refused as the other. */
	no_question(c, a);
	no_answer(c, q);
	ck_assert_uint_eq(view_number(STR("")), 0);
	ck_assert_uint_eq(view_number((struct str){ q.p, 9 }), 0);
}
END_TEST

static const struct view_answer *const both[] = { &seen, &made };

/* A flipped bit gives another good message, or a refusal, and never a crash. */
START_TEST(flipped_bits)
{
	struct ctx *c = test_ctx();
	struct str whole = answer(c, both[_i]);
	char *bytes = take(c, whole.n);
	char *room = take(c, VIEW_PICTURE_MAX);
	int refused = 0;

	for (size_t bit = 0; bit < 8 * whole.n; bit++) {
		struct view_pieces p = { .v = room };
		struct view_answer got;
		bool all;

		memcpy(bytes, whole.p, whole.n);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (view_answer_decode(c, (struct str){ bytes, whole.n }, &p, &all, &got))
			continue;
		ck_err(c, E_PEER);
		refused++;
	}
	ck_assert_int_gt(refused, 100);
}
END_TEST

MAIN("view", ONE(questions_come_back), ONE(answers_come_back),
    EACH(pictures_of_any_size_come_back, sizes), ONE(pictures_too_large_are_not_sent),
    ONE(pieces_that_do_not_fit), EACH(questions_that_are_none, bad_questions),
    EACH(answers_that_are_none, bad_answers), ONE(bytes_that_are_none),
    EACH(flipped_bits, both))
