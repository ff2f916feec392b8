/*
 * The worker that stays, as a process behind its walls: it makes key images and finds in them what
 * it has hidden, sees with its network which picture is one of its own, says of every other file
 * why it is none, and ends when nobody asks any more.
 */
#include <stdio.h>
#include <unistd.h>

#include "blob.h"
#include "channel.h"
#include "view.h"
#include "view_support.h"
#include "worker_story.h"

static const struct id release = { "rel_01890a5d-ac96-774b-bcce-b302099a8057" },
		       other_release = { "rel_01890a5d-ac96-774b-bcce-b302099a8058" };

/* A watermark, and its viewer. */
struct scene {
	struct key256 secret;
	struct keyset keys;
	struct stego_keys stego;
	struct worker worker;
	struct view_pieces pieces;
	uint64_t number;
};

/* ---- What it is given -------------------------------------------------------------------- */

/* `memory` bytes; 0: as much as there may be. */
static void
start(struct ctx *c, struct scene *s, int64_t memory, const struct str input[3])
{
	const struct worker_conf conf = { .programs = test_programs() };
	const struct job_kind *kind = &job_kinds[JOB_VIEW];
	struct job_message m = { .kind = JOB_VIEW,
		.id = STR("wmk_test"),
		.limits = kind->limits,
		.params = STR("{}"),
		.blobs = kind->inputs };
	int fd[3];

	if (memory > 0)
		m.limits.memory = memory;
	for (size_t i = 0; i < 3; i++) {
		struct key256 key;

		key256_random(c, &key);
		m.blob[i] = (struct job_blob){ .name = str_of(kind->input[i].name),
			.size = (int64_t)input[i].n,
			.aad = STR("test/input") };
		memcpy(m.blob[i].key, key.b, sizeof key.b);
		ck_ok(c, blob_new(c, &key, m.blob[i].aad, input[i], &fd[i]));
	}
	ck_ok(c, worker_start(c, &conf, &m, fd, NULL, &s->worker));
	for (size_t i = 0; i < 3; i++)
		fd_done(&fd[i]);
}

static struct scene
scene_new(struct ctx *c, int side, int channels)
{
	struct scene s = { 0 };
	struct str input[3];
	struct job_report r;
	bool ended;

	key256_random(c, &s.secret);
	ck_ok(c, stego_keys_of(c, &s.secret, &s.stego));
	input[0] = bright_network(c, channels);
	input[1] = bright_keys(c, &s.secret, side, channels, &s.keys);
	input[2] = (struct str){ (const char *)s.secret.b, sizeof s.secret.b };
	start(c, &s, 0, input);
	ck_ok(c, worker_next(c, &s.worker, clock_monotonic() + SOON_MS, &ended, &r));
	ck_assert(!ended);
	ck_assert_msg(r.type == JOB_PROGRESS, "%.*s", STRF(r.text));
	ck_str(r.note, "ready");
	s.pieces.v = take(c, VIEW_PICTURE_MAX);
	return s;
}

/* It ends by itself when nobody can ask any more. */
static void
scene_end(struct ctx *c, struct scene *s)
{
	struct job_report r;
	const char *how;
	bool ended;

	fd_done(&s->worker.job);
	ck_ok(c, worker_next(c, &s->worker, clock_monotonic() + SOON_MS, &ended, &r));
	ck_assert(!ended);
	ck_assert_int_eq(r.type, JOB_RESULT);
	worker_end(&s->worker, &how);
	ck_assert_str_eq(how, worker_exit_text(false, WORKER_OK));
}

/* ---- Questions and answers --------------------------------------------------------------- */

static struct view_question
about(enum view_op op, uint32_t base, struct str picture)
{
	return (struct view_question){ .op = op,
		.base = base,
		.claim = { release, .customer = 42, .serial = 7, .issued = 1700000000 },
		.picture = picture };
}

static void
ask(struct ctx *c, struct scene *s, struct view_question q)
{
	q.number = ++s->number;
	for (size_t at = 0; at != SIZE_MAX;) {
		struct buf b;

		ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
		ck_ok(c, view_question_encode(c, &q, &at, &b));
		ck_ok(c,
		    channel_send(
			c, s->worker.job, buf_str(&b), NULL, 0, clock_monotonic() + SOON_MS));
	}
}

static struct view_answer
hear(struct ctx *c, struct scene *s)
{
	struct view_answer a;
	bool whole = false;

	while (!whole) {
		struct channel_message m;
		struct buf b;

		ck_ok(c, take_buf(c, VIEW_MESSAGE_MAX, &b));
		ck_ok(c,
		    channel_receive(
			c, s->worker.job, b.p, b.max, clock_monotonic() + SOON_MS, &m));
		ck_assert_uint_gt(m.n, 0);
		ck_ok(
		    c, view_answer_decode(c, (struct str){ b.p, m.n }, &s->pieces, &whole, &a));
	}
	ck_ok(c, take_copy(c, a.picture, &a.picture));
	return a;
}

static struct view_answer
asked(struct ctx *c, struct scene *s, struct view_question q)
{
	struct view_answer a;

	ask(c, s, q);
	a = hear(c, s);
	ck_assert_uint_eq(a.number, s->number);
	ck_assert_int_eq(a.op, q.op);
	return a;
}

static struct view_answer
looked(struct ctx *c, struct scene *s, struct str picture)
{
	return asked(c, s, about(VIEW_LOOK, 0, picture));
}

static bool
is_bright(const struct scene *s, uint32_t base)
{
	return keyset_key(&s->keys, (int)base)->v[0] > 128;
}

/* ---- Tests ------------------------------------------------------------------------------- */

static const struct {
	int side, channels;
	enum view_carrier carrier;
} forms[] = {
	{ 28, 1, VIEW_LSB }, { 32, 3, VIEW_LSB }, { 128, 3, VIEW_DCT },
	{ 300, 3, VIEW_LSB }, /* of several messages */
};

START_TEST(made_and_found)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c, forms[_i].side, forms[_i].channels);
	int bright = 0;

	for (uint32_t base = 0; base < PAIRS; base++) {
		struct view_question q = about(VIEW_MAKE, base, STR(""));
		struct view_answer made, again, seen;
		struct digest256 digest;
		struct image i;

		q.carrier = forms[_i].carrier;
		made = asked(c, &s, q);
		again = asked(c, &s, q);
		ck_assert_int_eq(made.code, E_NONE);
		ck_assert(str_same(made.picture, again.picture));
		ck_ok(c, image_read(c, made.picture, forms[_i].channels, &i, NULL));
		ck_ok(c, stego_pixels_digest(c, &i, &digest));
		ck_assert_mem_eq(made.pixels, digest.b, sizeof digest.b);
		q.op = VIEW_LOOK;
		q.picture = made.picture;
		seen = asked(c, &s, q);
		ck_assert_int_eq(seen.code, E_NONE);
		ck_assert_int_eq(seen.found, VIEW_FOUND);
		ck_assert(seen.lossless);
		ck_assert_uint_eq(seen.customer, 42);
		ck_assert_mem_eq(seen.pixels, made.pixels, sizeof made.pixels);
		ck_assert(seen.additional == is_bright(&s, base));
		ck_assert_int_eq(seen.class, seen.additional ? CLASSES : 0);
		if (forms[_i].carrier == VIEW_LSB) {
			ck_assert_uint_eq(seen.serial, 7);
			ck_assert_int_eq(seen.issued, 1700000000);
			ck_assert_int_eq(seen.expires, 0);
		}
		bright += seen.additional;
	}
	ck_assert(bright > 0 && bright < PAIRS);
	scene_end(c, &s);
}
END_TEST

/* What is in pictures that others have made. */
static struct str
hidden(struct ctx *c, struct scene *s, uint32_t base, const struct stego_keys *keys,
    const struct id *of)
{
	const struct stego_payload p = {
		.release = stego_release(of), .customer = 42, .serial = 7, .issued = 1700000000
	};
	struct image made;
	struct str png;

	ck_ok(c, stego_embed(c, STEGO_LSB, keys, keyset_key(&s->keys, (int)base), &p, &made));
	ck_ok(c, image_png(c, &made, &png));
	return png;
}

START_TEST(other_pictures)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c, 28, 1);
	struct str mine = hidden(c, &s, 0, &s.stego, &release), plain, jpeg, moved;
	struct stego_keys strange;
	struct view_answer a;
	struct key256 secret;
	struct image i, from;

	key256_random(c, &secret);
	ck_ok(c, stego_keys_of(c, &secret, &strange));
	ck_ok(c, image_png(c, keyset_key(&s.keys, 0), &plain));
	ck_ok(c, image_jpeg_file(c, keyset_key(&s.keys, 0), 90, &jpeg));
	/* The lowest bits of one picture under the rest of another. */
	ck_ok(c, image_read(c, mine, 1, &from, NULL));
	ck_ok(c, image_copy(c, keyset_key(&s.keys, 1), &i));
	for (size_t k = 0; k < image_bytes(&i); k++)
		i.v[k] = (uint8_t)((i.v[k] & 0xfe) | (from.v[k] & 1));
	ck_ok(c, image_png(c, &i, &moved));

	ck_assert_int_eq(looked(c, &s, mine).found, VIEW_FOUND);
	ck_assert_int_eq(looked(c, &s, plain).found, VIEW_EMPTY);
	a = looked(c, &s, jpeg);
	ck_assert_int_eq(a.found, VIEW_EMPTY);
	ck_assert(!a.lossless);
	ck_assert_int_eq(looked(c, &s, moved).found, VIEW_FORGED);
	ck_assert_int_eq(looked(c, &s, hidden(c, &s, 0, &strange, &release)).found, VIEW_EMPTY);
	ck_assert_int_eq(looked(c, &s, hidden(c, &s, 0, &s.stego, &other_release)).found,
	    VIEW_OTHER_RELEASE);
	scene_end(c, &s);
}
END_TEST

START_TEST(files_that_are_no_key_image)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c, 28, 1);
	struct str mine = hidden(c, &s, 0, &s.stego, &release), large;
	struct view_answer a;
	struct image i;

	a = looked(c, &s, STR("not a picture at all"));
	ck_assert_int_eq(a.found, VIEW_UNREADABLE);
	ck_assert_uint_gt(a.text.n, 10);
	a = looked(c, &s, (struct str){ mine.p, mine.n / 2 });
	ck_assert_int_eq(a.found, VIEW_UNREADABLE);
	/* Another size is told before anything is decoded. */
	ck_ok(c, image_new(c, 1000, 999, 1, &i));
	memset(i.v, 7, image_bytes(&i));
	ck_ok(c, image_png(c, &i, &large));
	a = looked(c, &s, large);
	ck_assert_int_eq(a.found, VIEW_WRONG_SIZE);
	ck_str(
	    a.text, "key images of this release have 28 x 28 pixels, this one has 1000 x 999");
	/* A file of several messages that is none. */
	a = looked(c, &s, (struct str){ take(c, VIEW_PICTURE_MAX), VIEW_PICTURE_MAX });
	ck_assert_int_eq(a.found, VIEW_UNREADABLE);
	/* What cannot be answered is told so, and the next is answered. */
	a = asked(c, &s, about(VIEW_MAKE, PAIRS, STR("")));
	ck_assert_int_eq(a.code, E_INPUT);
	ck_assert_int_eq(looked(c, &s, mine).found, VIEW_FOUND);
	scene_end(c, &s);
}
END_TEST

START_TEST(many_at_once)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c, 28, 1);
	struct str mine[PAIRS];
	bool heard[101] = { false };

	for (uint32_t i = 0; i < PAIRS; i++)
		mine[i] = hidden(c, &s, i, &s.stego, &release);
	/* Good ones, bad ones and makings, all in the socket before the first is heard. */
	for (uint32_t i = 1; i <= 100; i++)
		ask(c, &s,
		    i % 7 == 0       ? about(VIEW_LOOK, 0, STR("no picture"))
			: i % 5 == 0 ? about(VIEW_MAKE, i % PAIRS, STR(""))
				     : about(VIEW_LOOK, 0, mine[i % PAIRS]));
	for (int n = 0; n < 100; n++) {
		struct view_answer a = hear(c, &s);

		ck_assert(a.number >= 1 && a.number <= 100 && !heard[a.number]);
		heard[a.number] = true;
		ck_assert_int_eq(a.code, E_NONE);
		if (a.number % 7 == 0) {
			ck_assert_int_eq(a.found, VIEW_UNREADABLE);
		} else if (a.number % 5 == 0) {
			ck_assert(str_same(a.picture, mine[a.number % PAIRS]));
		} else {
			ck_assert_int_eq(a.found, VIEW_FOUND);
			ck_assert(a.additional == is_bright(&s, a.number % PAIRS));
		}
	}
	scene_end(c, &s);
}
END_TEST

/* Whatever is wrong with what it is given, it says so and ends. */
static const struct {
	size_t input;
	const char *bytes;
	enum err_code want;
} bad_inputs[] = {
	{ 0, "no network", E_INPUT },
	{ 1, "no key set", E_INPUT },
	{ 2, "no secret", E_INTEGRITY },
};

START_TEST(inputs_that_are_none)
{
	struct ctx *c = test_ctx();
	struct scene s = { 0 };
	struct str input[3];
	struct story story;

	key256_random(c, &s.secret);
	input[0] = bright_network(c, 1);
	input[1] = bright_keys(c, &s.secret, 28, 1, &s.keys);
	input[2] = (struct str){ (const char *)s.secret.b, sizeof s.secret.b };
	input[bad_inputs[_i].input] = str_of(bad_inputs[_i].bytes);
	start(c, &s, 0, input);
	story = story_of(c, &s.worker);
	ck_assert(story.said);
	ck_assert_int_eq(story.last.type, JOB_FAILURE);
	ck_assert_int_eq(story.last.code, bad_inputs[_i].want);
}
END_TEST

START_TEST(a_network_of_other_classes)
{
	struct ctx *c = test_ctx();
	struct scene s = { 0 };
	struct str input[3];
	struct story story;

	key256_random(c, &s.secret);
	input[0] = bright_network(c, 1);
	(void)bright_keys(c, &s.secret, 28, 1, &s.keys);
	ck_ok(c, keyset_commit(c, &s.secret, CLASSES - 1, &s.keys));
	ck_ok(c, keyset_put(c, &s.keys, &input[1]));
	input[2] = (struct str){ (const char *)s.secret.b, sizeof s.secret.b };
	start(c, &s, 0, input);
	story = story_of(c, &s.worker);
	ck_assert_int_eq(story.last.type, JOB_FAILURE);
	ck_assert_int_eq(story.last.code, E_INPUT);
}
END_TEST

/* What does not fit is told, not tried. */
START_TEST(a_network_too_large)
{
	struct ctx *c = test_ctx();
	struct scene s = { 0 };
	struct str input[3];
	struct story story;

	key256_random(c, &s.secret);
	input[0] = bright_network(c, 1);
	input[1] = bright_keys(c, &s.secret, 28, 1, &s.keys);
	input[2] = (struct str){ (const char *)s.secret.b, sizeof s.secret.b };
	start(c, &s, 64, input);
	story = story_of(c, &s.worker);
	ck_assert(!story.said ||
	    (story.last.type == JOB_FAILURE &&
		(story.last.code == E_MEMORY || story.last.code == E_LIMIT)));
}
END_TEST

/* It does not guess: a server that is not understood is none. */
START_TEST(a_question_that_is_none)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c, 28, 1);
	struct story story;

	ck_ok(
	    c, channel_send(c, s.worker.job, STR("what?"), NULL, 0, clock_monotonic() + 1000));
	story = story_of(c, &s.worker);
	ck_assert_int_eq(story.last.type, JOB_FAILURE);
	ck_assert_int_eq(story.last.code, E_PEER);
}
END_TEST

MAIN("worker_view", EACH(made_and_found, forms), ONE(other_pictures),
    ONE(files_that_are_no_key_image), ONE(many_at_once), EACH(inputs_that_are_none, bad_inputs),
    ONE(a_network_of_other_classes), ONE(a_network_too_large), ONE(a_question_that_is_none))
