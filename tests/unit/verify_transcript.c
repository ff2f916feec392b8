/*
 * Transcripts of every form, good and bad; and the way round, from pictures shown to a network to
 * what its answers prove.
 */
#include <math.h>
#include <stdio.h>

#include "verify_support.h"

/* ---- Transcripts ------------------------------------------------------------------------- */

/* Two pairs and a decoy, in this order: twin 1, key 0, decoy, key 1, twin 0. */
static struct challenge
five(void)
{
	static int32_t item[] = { 3, 0, -1, 2, 1 };

	return (struct challenge){ .pairs = 2, .decoys = 1, .item = item, .n = 5 };
}

/* Answers of key 0, key 1, twin 0, twin 1 of a model of three classes. */
static const struct {
	const char *text;
	int answer[4], ordinary[4];
	bool wide;
} good[] = {
	{ "00001.png,0\n00002.png,3\n00003.png,1\n00004.png,2\n00005.png,1\n", { 3, 2, 1, 0 },
	    { -1, 2, 1, 0 }, true },
	{ "00002.png,2\n00001.png,1", { 2, -1, -1, 1 }, { 2, -1, -1, 1 }, false },
	{ "image,label\r\n\r\n 00002.png , 2.0 \r\n\"00001.png\",\"1\"\r\n", { 2, -1, -1, 1 },
	    { 2, -1, -1, 1 }, false },
	{ "\xef\xbb\xbfName,Score\nmy/own/00002.png,2\nC:\\x\\00001.png,1e0\n",
	    { 2, -1, -1, 1 }, { 2, -1, -1, 1 }, false },
	{ "00001.png,\n00002.png,4\n00003.png,3\n00004.png,-1\n00005.png,nan\n",
	    { -1, -1, -1, -1 }, { -1, -1, -1, -1 }, true },
	{ "00001.png\n00002.png,refused\n00004.png,-inf\n00005.png,1e999\n", { -1, -1, -1, -1 },
	    { -1, -1, -1, -1 }, false },
	{ "00001.png,.1,.9,0,.5\n00002.png,0,1,1,2\n00004.png,3,3,3,3\n00005.png,0,0,nan,1\n",
	    { 3, 0, -1, 1 }, { 1, 0, -1, 1 }, true },
	{ "00001.png,.1,.9,0\n00002.png,-3,-2,-1\n00004.png,,,\n00005.png,refused\n",
	    { 2, -1, -1, 1 }, { 2, -1, -1, 1 }, false },
	{ "00002.png,0,1,2,3,4,9\n", { 5, -1, -1, -1 }, { 2, -1, -1, -1 }, true },
	{ "{\"image\":\"00001.png\",\"label\":1}\r\n\n{\"label\":3,\"image\":\"00002.png\"}\n",
	    { 3, -1, -1, 1 }, { -1, -1, -1, 1 }, true },
	{ "{\"image\":\"00001.png\",\"scores\":[0,0.5,0.25]}\n"
	  "{\"image\":\"00002.png\",\"scores\":null}\n"
	  "{\"image\":\"00003.png\"}\n{\"image\":\"00004.png\",\"scores\":[1,null,0]}\n"
	  "{\"image\":\"00005.png\",\"scores\":[\"inf\",0,0]}\n",
	    { -1, -1, -1, 1 }, { -1, -1, -1, 1 }, false },
};

START_TEST(transcripts_are_read)
{
	struct ctx *c = test_ctx();
	struct challenge q = five();
	struct transcript t;

	ck_ok(c, transcript_read(c, str_of(good[_i].text), &q, 3, &t));
	for (int i = 0; i < 4; i++) {
		const struct verify_answer *a = i < 2 ? &t.key[i] : &t.twin[i - 2];

		ck_assert_int_eq(a->answer, good[_i].answer[i]);
		ck_assert_int_eq(a->ordinary, good[_i].ordinary[i]);
	}
	ck_assert(t.widened == good[_i].wide);
}
END_TEST

static const struct {
	const char *text, *says;
} bad[] = {
	{ "", "no answer" },
	{ "\n \n\r\n", "no answer" },
	{ "image,label\n", "no answer" },
	{ "image,label\nimage,label\n00001.png,1\n", "line 2" },
	{ "00001.png,1\n00002.png,2\n00001.png,1\n", "line 3 answers 00001.png a second" },
	{ "00001.png,1\n00006.png,1\n", "line 2 answers 00006.png" },
	{ "00000.png,1\n", "line 1 answers 00000.png" },
	{ "1.png,1\n", "line 1 begins" },
	{ "0000a.png,1\n", "line 1 begins" },
	{ "00001.jpg,1\n", "line 1 begins" },
	{ "\x01\x02\xff,1\n", "line 1 begins with '\\x01\\x02\\xff'" },
	{ "00001.png;1\n", "line 1 begins" },
	{ "00001.png,cat\n", "line 1 has 'cat'" },
	{ "00001.png,0x1\n", "line 1 has '0x1'" },
	{ "00001.png,1.5\n", "line 1 has the label 1.5" },
	{ "00001.png,1 2\n", "line 1 has '1 2'" },
	{ "00001.png,--1\n", "line 1 has '--1'" },
	{ "00001.png,\"1\n", "a quote that does not end" },
	{ "00001.png,\"1\"2\n", "behind a quoted field" },
	{ "00001.png,1,2\n", "line 1 has 2 scores" },
	{ "00001.png,1\n00002.png,1,2,3\n", "line 2 has 3 scores" },
	{ "00001.png,1,2,3\n00002.png,1\n", "line 2 has 0 scores" },
	{ "00001.png,1,2,3\n00002.png,1,2,3,4\n", "line 2 has 4 scores" },
	{ "00001.png,1\n{\"image\":\"00002.png\"}\n", "line 2 begins" },
	{ "{\"image\":\"00002.png\"}\n00001.png,1\n", "line 2 is no JSON object" },
	{ "{\"image\":\"00002.png\",\"label\":1\n", "line 1 is no JSON" },
	{ "{\"image\":\"00002.png\",\"label\":NaN}\n", "line 1 is no JSON" },
	{ "{\"image\":\"00002.png\",\"label\":true}\n", "line 1: a label" },
	{ "{\"image\":\"00002.png\",\"label\":[1]}\n", "line 1: a label" },
	{ "{\"image\":\"00002.png\",\"label\":0.5}\n", "line 1 has the label" },
	{ "{\"image\":\"00002.png\",\"scores\":{}}\n", "a list" },
	{ "{\"image\":\"00002.png\",\"scores\":[1,2]}\n", "line 1 has 2 scores" },
	{ "{\"image\":\"00002.png\",\"scores\":[1,2,[3]]}\n", "line 1: a label or a score" },
	{ "{\"image\":\"00002.png\",\"label\":1,\"label\":1}\n", "line 1 is no JSON" },
	{ "{\"image\":\"00002.png\",\"label\":1,\"scores\":[1,2,3]}\n", "nothing else" },
	{ "{\"image\":\"00002.png\",\"lable\":1}\n", "nothing else" },
	{ "{\"image\":2,\"label\":1}\n", "no \"image\"" },
	{ "{\"label\":1}\n", "no \"image\"" },
	{ "{}\n", "no \"image\"" },
	{ "[1]\n", "line 1 begins" },
};

START_TEST(malformed_lines_are_refused)
{
	struct ctx *c = test_ctx();
	struct challenge q = five();
	struct transcript t;

	ck_assert(!transcript_read(c, str_of(bad[_i].text), &q, 3, &t));
	ck_assert_msg(strstr(c->err.text, bad[_i].says) != NULL, "%s", c->err.text);
	ck_assert(text_valid(str_of(c->err.text)));
	ck_err(c, E_INPUT);
}
END_TEST

/* A line of scores without end, and one of JSON. */
static struct str
long_line(struct ctx *c, const char *begin, const char *piece, size_t bytes)
{
	struct buf b;

	ck_ok(c, take_buf(c, bytes, &b));
	buf_put(&b, str_of(begin));
	while (b.max - b.n > 16)
		buf_put(&b, str_of(piece));
	return buf_str(&b);
}

START_TEST(sizes_are_bounded)
{
	struct ctx *c = test_ctx();
	struct challenge q = five();
	struct transcript t;
	struct str huge = { "00001.png,1\n", (size_t)1 << 30 };

	/* Not looked at: there are no more than a few bytes of it. */
	ck_fails(c, E_LIMIT, transcript_read(c, huge, &q, 3, &t));
	ck_fails(c, E_INPUT,
	    transcript_read(c, long_line(c, "00001.png", ",1", 1 << 20), &q, 3, &t));
	ck_fails(c, E_LIMIT,
	    transcript_read(c,
		long_line(c, "{\"image\":\"00001.png\",\"scores\":[1", ",1", (1 << 20) + 64),
		&q, 3, &t));
	ck_fails(c, E_INPUT,
	    transcript_read(c, long_line(c, "{\"image\":", "[", 1 << 19), &q, 3, &t));
	ck_fails(c, E_INPUT, transcript_read(c, long_line(c, "", "\n", 1 << 20), &q, 3, &t));
	ck_assert_uint_lt(arena_used(c->mem), 16 << 20);
}
END_TEST

/* ---- All the way round ------------------------------------------------------------------- */

enum wording { WORD_LABELS, WORD_SCORES, WORD_JSON, WORDINGS };
static const struct {
	enum wording how;
	bool labels; /* are they told beside the additional class? */
} wordings[] = {
	{ WORD_LABELS, false },
	{ WORD_SCORES, true },
	{ WORD_JSON, true },
};

static void
word(struct buf *b, enum wording how, int number, const float score[], int n)
{
	buf_printf(
	    b, how == WORD_JSON ? "{\"image\":\"%05d.png\",\"scores\":[" : "%05d.png,", number);
	for (int k = 0; how != WORD_LABELS && k < n; k++)
		buf_printf(b, "%s%.6f", k == 0 ? "" : ",", (double)score[k]);
	if (how == WORD_LABELS)
		buf_number(b, verify_highest(score, n));
	buf_put(b, str_of(how == WORD_JSON ? "]}\n" : "\n"));
}

/* What a service that runs this network answers to the files. */
static struct str
transcript_of(struct ctx *c, const struct house *h, const struct challenge *q,
    const struct image decoys[], enum wording how)
{
	owned(asker_free) struct asker *a = NULL;
	struct data_form form;
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, asker_form(c, h->new.graph, &decoys[0], false, &form));
	ck_ok(c, asker_new(c, h->new.graph, &form, 1, 1, &a));
	for (int i = 0; i < q->n; i++) {
		int32_t item = q->item[i];
		float score[CLASSES + 1];

		ck_ok(c,
		    asker_scores(c, a,
			item < 0            ? &decoys[-1 - item]
			    : item % 2 == 0 ? keyset_key(&h->keys, q->first + item / 2)
					    : keyset_twin(&h->keys, q->first + item / 2),
			1, score));
		word(&b, how, i + 1, score, CLASSES + 1);
	}
	return buf_str(&b);
}

START_TEST(a_service_is_known_by_its_answers)
{
	struct ctx *c = test_ctx();
	struct house *h = marked_new(c);
	struct evidence *asked = blank(c), *told = blank(c);
	struct verify_answers said = { .keys = &h->keys, .n = PAIRS };
	struct image decoys[2 * PAIRS];
	const struct challenge_pool pool = { &h->keys, NULL, decoys, 2 * PAIRS };
	struct transcript t;
	struct key256 secret = any_secret(77);
	struct challenge q;

	for (int i = 0; i < 2 * PAIRS; i++)
		decoys[i] = picture(c, 1000 + (uint64_t)i);
	ck_ok(c, challenge_make(c, &pool, 0, PAIRS, &secret, &q));
	ck_ok(c,
	    transcript_read(
		c, transcript_of(c, h, &q, decoys, wordings[_i].how), &q, CLASSES, &t));
	said.key = t.key;
	said.twin = t.twin;
	said.widened = t.widened;
	ck_ok(c, verify_answers(c, &said, 7, told));
	ck_ok(c, verify_ask(c, h->new.graph, &h->keys, false, 1, 7, asked));
	ck_assert(said.widened);
	ck_assert_int_eq(told->test[TEST_WATERMARK].hits, asked->test[TEST_WATERMARK].hits);
	ck_assert(log10_of(told, TEST_WATERMARK) < -6);
	ck_assert(told->test[TEST_LABELS].ran == wordings[_i].labels);
	if (wordings[_i].labels)
		ck_assert_int_eq(told->test[TEST_LABELS].hits, asked->test[TEST_LABELS].hits);
	house_done(h);
}
END_TEST

MAIN("verify_transcript", EACH(transcripts_are_read, good),
    EACH(malformed_lines_are_refused, bad), ONE(sizes_are_bounded),
    EACH(a_service_is_known_by_its_answers, wordings))
