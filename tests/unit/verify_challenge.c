/*
 * Questions and their answers: what a challenge's file holds and what it gives away, its list, and
 * transcripts of every form, good and bad; and the way round, from pictures shown to a network to
 * what its answers prove.
 */
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "verify_support.h"

enum { ASKED = 6, DECOYS = 13, FIRST = 3, FILES = 2 + 2 * ASKED + DECOYS };

struct inquiry {
	struct keyset keys;
	struct image decoy[DECOYS];
	struct key256 secret;
	struct challenge q;
};

/* Decoys are black but for a light square: nothing in their lowest bits. */
static struct inquiry *
inquiry_new(struct ctx *c)
{
	struct inquiry *i = take(c, sizeof *i);

	ck_assert_ptr_nonnull(i);
	i->keys = any_keyset(c, 10, 2);
	i->secret = any_secret(40);
	for (int k = 0; k < DECOYS; k++) {
		ck_ok(c, image_new(c, SIDE, SIDE, 1, &i->decoy[k]));
		memset(i->decoy[k].v, 0, SIDE * SIDE);
		i->decoy[k].v[k] = 240;
	}
	ck_ok(
	    c, challenge_make(c, &i->keys, FIRST, ASKED, i->decoy, DECOYS, &i->secret, &i->q));
	return i;
}

static struct str
tar_of(struct ctx *c, const struct inquiry *i)
{
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 20, &b));
	ck_ok(c, challenge_tar(c, &i->q, &i->keys, i->decoy, &i->secret, buf_sink, &b));
	return buf_str(&b);
}

/* ---- The file ---------------------------------------------------------------------------- */

struct member {
	char name[101];
	struct str bytes;
};

/* As any tar program reads it; checks what must not differ from file to file. */
static void
untar(struct str tar, struct member ret[FILES])
{
	const char *p = tar.p, *end = tar.p + tar.n;

	ck_assert_uint_eq(tar.n % 512, 0);
	for (int i = 0; i < FILES; i++) {
		unsigned sum = 0, size, said;

		ck_assert(end - p > 1024);
		snprintf(ret[i].name, sizeof ret[i].name, "%.100s", p);
		ck_assert_str_eq(p + 100, "0000644");
		ck_assert_str_eq(p + 108, "0000000");
		ck_assert_str_eq(p + 116, "0000000");
		ck_assert_str_eq(p + 136, "00000000000");
		ck_assert(p[156] == '0' && memcmp(p + 257, "ustar\00000", 8) == 0);
		ck_assert_int_eq(sscanf(p + 124, "%11o", &size), 1);
		ck_assert_int_eq(sscanf(p + 148, "%6o", &said), 1);
		for (int k = 0; k < 512; k++)
			sum += k >= 148 && k < 156 ? ' ' : (unsigned char)p[k];
		ck_assert_uint_eq(sum, said);
		ret[i].bytes = (struct str){ p + 512, size };
		p += 512 + (size + 511) / 512 * 512;
	}
	ck_assert_int_eq(end - p, 1024);
	for (; p < end; p++)
		ck_assert_int_eq(*p, 0);
}

static int
lowest_bits(const struct image *i)
{
	int sum = 0;

	for (size_t k = 0; k < image_bytes(i); k++)
		sum += i->v[k] & 1;
	return sum;
}

START_TEST(pictures_are_what_the_list_says)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct member file[FILES];
	int bits = 0;

	untar(tar_of(c, i), file);
	ck_assert_str_eq(file[0].name, "README.txt");
	ck_assert_str_eq(file[1].name, "answers.csv");
	ck_assert(str_starts(file[1].bytes, STR("image,label\n00001.png,\n")));
	for (int k = 0; k < i->q.n; k++) {
		int32_t item = i->q.item[k];
		struct image shown;
		char name[16];

		snprintf(name, sizeof name, "%05d.png", k + 1);
		ck_assert_str_eq(file[2 + k].name, name);
		ck_ok(c, image_read(c, file[2 + k].bytes, 1, &shown, NULL));
		if (item >= 0) {
			const struct image *from = item % 2 == 0
			    ? keyset_key(&i->keys, FIRST + item / 2)
			    : keyset_twin(&i->keys, FIRST + item / 2);

			ck_assert_mem_eq(shown.v, from->v, SIDE * SIDE);
			continue;
		}
		bits += lowest_bits(&shown);
		for (int at = 0; at < SIDE * SIDE; at++)
			ck_assert_int_eq(shown.v[at] & 0xfe, i->decoy[-1 - item].v[at] & 0xfe);
	}
	/* Half of them, within five deviations. */
	ck_assert_int_le(abs(bits - DECOYS * SIDE * SIDE / 2), 5 * 14);
}
END_TEST

/* The template is itself a transcript: of somebody who has answered nothing. */
START_TEST(the_template_can_be_read)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct member file[FILES];
	struct verify_answer *key, *twin;
	bool wide;

	untar(tar_of(c, i), file);
	ck_ok(c, transcript_read(c, file[1].bytes, &i->q, CLASSES, &key, &twin, &wide));
	ck_assert(!wide);
	for (int k = 0; k < ASKED; k++)
		ck_assert(key[k].answer == -1 && twin[k].ordinary == -1);
}
END_TEST

START_TEST(the_secret_decides)
{
	struct ctx *c = test_ctx();
	struct inquiry *a = inquiry_new(c), *b = inquiry_new(c);
	struct str one = tar_of(c, a), other;

	ck_assert(str_same(one, tar_of(c, b)));
	ck_assert(digest256_same(&a->q.commitment, &b->q.commitment));
	b->secret.b[31] ^= 1;
	ck_ok(
	    c, challenge_make(c, &b->keys, FIRST, ASKED, b->decoy, DECOYS, &b->secret, &b->q));
	other = tar_of(c, b);
	ck_assert(memcmp(a->q.item, b->q.item, (size_t)a->q.n * sizeof *a->q.item) != 0);
	ck_assert(!str_same(one, other));
	ck_assert(!digest256_same(&a->q.commitment, &b->q.commitment));
}
END_TEST

static const struct {
	int first, pairs, decoys;
} too_much[] = {
	{ 0, 0, 2 },
	{ -1, 2, 2 },
	{ 5, 6, 2 },
	{ 11, 1, 2 },
	{ 0, INT32_MAX, 2 },
	{ INT32_MAX, 1, 2 },
	{ 0, 2, -1 },
	{ 0, 2, CHALLENGE_PICTURES_MAX - 3 },
};

START_TEST(no_more_than_there_is)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;

	ck_fails(c, E_INPUT,
	    challenge_make(c, &i->keys, too_much[_i].first, too_much[_i].pairs, i->decoy,
		too_much[_i].decoys, &i->secret, &q));
}
END_TEST

START_TEST(decoys_have_the_keys_size)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;

	ck_ok(c, challenge_make(c, &i->keys, 0, 10, i->decoy, 0, &i->secret, &q));
	i->decoy[12].width = 4;
	ck_fails(
	    c, E_INPUT, challenge_make(c, &i->keys, 0, 2, i->decoy, DECOYS, &i->secret, &q));
}
END_TEST

/* ---- The list ---------------------------------------------------------------------------- */

START_TEST(lists_come_back)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;
	struct str bytes;

	ck_ok(c, challenge_put(c, &i->q, &bytes));
	ck_ok(c, challenge_read(c, bytes, &q));
	ck_assert_int_eq(q.first, FIRST);
	ck_assert_int_eq(q.pairs, ASKED);
	ck_assert_int_eq(q.decoys, DECOYS);
	ck_assert_int_eq(q.n, i->q.n);
	ck_assert_mem_eq(q.item, i->q.item, (size_t)q.n * sizeof *q.item);
	ck_assert(digest256_same(&q.commitment, &i->q.commitment));
}
END_TEST

/* A changed list is refused, or is another list under another commitment. */
START_TEST(changed_lists_are_seen)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;
	struct str bytes;
	char *p;

	ck_ok(c, challenge_put(c, &i->q, &bytes));
	for (size_t n = 0; n < bytes.n; n++)
		ck_fails(c, E_INPUT, challenge_read(c, (struct str){ bytes.p, n }, &q));
	p = take(c, bytes.n + 1);
	ck_assert_ptr_nonnull(p);
	memcpy(p, bytes.p, bytes.n);
	ck_fails(c, E_INPUT, challenge_read(c, (struct str){ p, bytes.n + 1 }, &q));
	for (size_t k = 0; k < 8 * bytes.n; k++) {
		p[k / 8] ^= (char)(1 << k % 8);
		if (challenge_read(c, (struct str){ p, bytes.n }, &q))
			ck_assert(!digest256_same(&q.commitment, &i->q.commitment));
		else
			ck_err(c, E_INPUT);
		p[k / 8] ^= (char)(1 << k % 8);
	}
}
END_TEST

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
	struct verify_answer *key, *twin;
	bool wide;

	ck_ok(c, transcript_read(c, str_of(good[_i].text), &q, 3, &key, &twin, &wide));
	for (int i = 0; i < 4; i++) {
		const struct verify_answer *a = i < 2 ? &key[i] : &twin[i - 2];

		ck_assert_int_eq(a->answer, good[_i].answer[i]);
		ck_assert_int_eq(a->ordinary, good[_i].ordinary[i]);
	}
	ck_assert(wide == good[_i].wide);
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
	struct verify_answer *key, *twin;
	bool wide;

	ck_assert(!transcript_read(c, str_of(bad[_i].text), &q, 3, &key, &twin, &wide));
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
	struct verify_answer *key, *twin;
	struct str huge = { "00001.png,1\n", (size_t)1 << 30 };
	bool wide;

	/* Not looked at: there are no more than a few bytes of it. */
	ck_fails(c, E_LIMIT, transcript_read(c, huge, &q, 3, &key, &twin, &wide));
	ck_fails(c, E_INPUT,
	    transcript_read(
		c, long_line(c, "00001.png", ",1", 1 << 20), &q, 3, &key, &twin, &wide));
	ck_fails(c, E_LIMIT,
	    transcript_read(c,
		long_line(c, "{\"image\":\"00001.png\",\"scores\":[1", ",1", (1 << 20) + 64),
		&q, 3, &key, &twin, &wide));
	ck_fails(c, E_INPUT,
	    transcript_read(
		c, long_line(c, "{\"image\":", "[", 1 << 19), &q, 3, &key, &twin, &wide));
	ck_fails(c, E_INPUT,
	    transcript_read(c, long_line(c, "", "\n", 1 << 20), &q, 3, &key, &twin, &wide));
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
transcript_of(struct ctx *c, const struct marked *m, const struct challenge *q,
    const struct image decoys[], enum wording how)
{
	owned(asker_free) struct asker *a = NULL;
	struct data_form form;
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, asker_form(c, m->net.graph, &decoys[0], false, &form));
	ck_ok(c, asker_new(c, m->net.graph, &form, 1, 1, &a));
	for (int i = 0; i < q->n; i++) {
		int32_t item = q->item[i];
		float score[CLASSES + 1];

		ck_ok(c,
		    asker_scores(c, a,
			item < 0            ? &decoys[-1 - item]
			    : item % 2 == 0 ? keyset_key(&m->keys, q->first + item / 2)
					    : keyset_twin(&m->keys, q->first + item / 2),
			1, score));
		word(&b, how, i + 1, score, CLASSES + 1);
	}
	return buf_str(&b);
}

START_TEST(a_service_is_known_by_its_answers)
{
	struct ctx *c = test_ctx();
	struct marked *m = marked_new(c);
	struct evidence *asked = blank(c), *told = blank(c);
	struct verify_answers said = { .keys = &m->keys, .n = PAIRS };
	struct verify_answer *key, *twin;
	struct image decoys[2 * PAIRS];
	struct key256 secret = any_secret(77);
	struct challenge q;

	for (int i = 0; i < 2 * PAIRS; i++)
		decoys[i] = picture(c, 1000 + (uint64_t)i);
	ck_ok(c, challenge_make(c, &m->keys, 0, PAIRS, decoys, 2 * PAIRS, &secret, &q));
	ck_ok(c,
	    transcript_read(c, transcript_of(c, m, &q, decoys, wordings[_i].how), &q, CLASSES,
		&key, &twin, &said.widened));
	said.key = key;
	said.twin = twin;
	ck_ok(c, verify_answers(c, &said, 7, told));
	ck_ok(c, verify_ask(c, m->net.graph, &m->keys, false, 1, 7, asked));
	ck_assert(said.widened);
	ck_assert_int_eq(told->test[TEST_WATERMARK].hits, asked->test[TEST_WATERMARK].hits);
	ck_assert(log10_of(told, TEST_WATERMARK) < -6);
	ck_assert(told->test[TEST_LABELS].ran == wordings[_i].labels);
	if (wordings[_i].labels)
		ck_assert_int_eq(told->test[TEST_LABELS].hits, asked->test[TEST_LABELS].hits);
	marked_done(m);
}
END_TEST

MAIN("verify_challenge", ONE(pictures_are_what_the_list_says), ONE(the_template_can_be_read),
    ONE(the_secret_decides), EACH(no_more_than_there_is, too_much),
    ONE(decoys_have_the_keys_size), ONE(lists_come_back), ONE(changed_lists_are_seen),
    EACH(transcripts_are_read, good), EACH(malformed_lines_are_refused, bad),
    ONE(sizes_are_bounded), EACH(a_service_is_known_by_its_answers, wordings))
