/*
 * Questions: what a challenge's file holds and what it gives away, its list, and answers that find
 * their way back to what was asked.
 */
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "verify_support.h"

enum { ASKED = 6, DECOYS = 13, FIRST = 3, SLOTS = 3 };
enum { SHOWN = 2 * ASKED + SLOTS * SLOT_PICTURES + DECOYS, FILES = 2 + SHOWN };

struct inquiry {
	struct keyset keys;
	struct slots slots;
	struct image decoy[DECOYS];
	struct challenge_pool pool;
	struct key256 secret;
	struct challenge q;
};

static struct slots
any_slots(struct ctx *c)
{
	struct slots s;

	ck_ok(c, slots_room(c, SLOTS, &s));
	s.classes = CLASSES;
	memset(s.commitment.b, 7, sizeof s.commitment.b);
	for (int i = 0; i < SLOTS * SLOT_PICTURES; i++) {
		struct image *p = &s.picture[i / SLOT_PICTURES][i % SLOT_PICTURES];

		ck_ok(c, image_new(c, SIDE, SIDE, 1, p));
		memset(p->v, 100, SIDE * SIDE);
		p->v[i] = 200;
	}
	return s;
}

/* Decoys are black but for a light square: nothing in their lowest bits. */
static struct inquiry *
inquiry_new(struct ctx *c)
{
	struct inquiry *i = take(c, sizeof *i);

	ck_assert_ptr_nonnull(i);
	i->keys = any_keyset(c, 10, 2);
	i->slots = any_slots(c);
	i->secret = any_secret(40);
	for (int k = 0; k < DECOYS; k++) {
		ck_ok(c, image_new(c, SIDE, SIDE, 1, &i->decoy[k]));
		memset(i->decoy[k].v, 0, SIDE * SIDE);
		i->decoy[k].v[k] = 240;
	}
	i->pool = (struct challenge_pool){ &i->keys, &i->slots, i->decoy, DECOYS };
	ck_ok(c, challenge_make(c, &i->pool, FIRST, ASKED, &i->secret, &i->q));
	return i;
}

static struct str
tar_of(struct ctx *c, const struct inquiry *i)
{
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 20, &b));
	ck_ok(c, challenge_tar(c, &i->q, &i->pool, &i->secret, buf_sink, &b));
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

/* The picture that stands at a place, before it was made to look like all others. */
static const struct image *
shown_at(const struct inquiry *i, int32_t place)
{
	int32_t item = i->q.item[place], slot;
	int k;

	if (item < 0)
		return &i->decoy[-1 - item];
	if (challenge_slot(&i->q, place, &slot, &k))
		return &i->slots.picture[slot][k];
	return item % 2 == 0 ? keyset_key(&i->keys, FIRST + item / 2)
			     : keyset_twin(&i->keys, FIRST + item / 2);
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
	ck_assert_int_eq(i->q.n, SHOWN);
	for (int k = 0; k < i->q.n; k++) {
		const struct image *from = shown_at(i, k);
		struct image shown;
		char name[16];

		snprintf(name, sizeof name, "%05d.png", k + 1);
		ck_assert_str_eq(file[2 + k].name, name);
		ck_ok(c, image_read(c, file[2 + k].bytes, 1, &shown, NULL));
		if (i->q.item[k] >= 0 && i->q.item[k] < 2 * ASKED) {
			ck_assert_mem_eq(shown.v, from->v, SIDE * SIDE);
			continue;
		}
		bits += lowest_bits(&shown);
		for (int at = 0; at < SIDE * SIDE; at++)
			ck_assert_int_eq(shown.v[at] & 0xfe, from->v[at] & 0xfe);
	}
	/* Half of them, within five deviations. */
	ck_assert_int_le(abs(bits - (SHOWN - 2 * ASKED) * SIDE * SIDE / 2), 5 * SIDE / 2 * 5);
}
END_TEST

/* The template is itself a transcript: of somebody who has answered nothing. */
START_TEST(the_template_can_be_read)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct member file[FILES];
	struct transcript t;

	untar(tar_of(c, i), file);
	ck_ok(c, transcript_read(c, file[1].bytes, &i->q, CLASSES, &t));
	ck_assert(!t.widened);
	for (int k = 0; k < ASKED; k++)
		ck_assert(t.key[k].answer == -1 && t.twin[k].ordinary == -1);
	for (int k = 0; k < SLOTS * SLOT_PICTURES; k++)
		ck_assert_int_eq(t.slot[k], -1);
}
END_TEST

/* Who answers each picture of slot i with i, and everything else with the last class. */
START_TEST(answers_find_their_slots)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct transcript t;
	struct buf b;

	ck_ok(c, take_buf(c, 32 * SHOWN, &b));
	for (int32_t place = 0; place < i->q.n; place++) {
		int32_t slot = CLASSES - 1;
		int k;

		(void)challenge_slot(&i->q, place, &slot, &k);
		buf_printf(&b, "%05d.png,%d\n", place + 1, slot);
	}
	ck_ok(c, transcript_read(c, buf_str(&b), &i->q, CLASSES, &t));
	for (int k = 0; k < SLOTS * SLOT_PICTURES; k++)
		ck_assert_int_eq(t.slot[k], k / SLOT_PICTURES);
	for (int k = 0; k < ASKED; k++)
		ck_assert(t.key[k].answer == CLASSES - 1 && t.twin[k].answer == CLASSES - 1);
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
	ck_ok(c, challenge_make(c, &b->pool, FIRST, ASKED, &b->secret, &b->q));
	other = tar_of(c, b);
	ck_assert(memcmp(a->q.item, b->q.item, (size_t)a->q.n * sizeof *a->q.item) != 0);
	ck_assert(!str_same(one, other));
	ck_assert(!digest256_same(&a->q.commitment, &b->q.commitment));
}
END_TEST

static const struct {
	int first, pairs, decoys;
} too_much[] = {
	{ -1, 2, 2 },
	{ 0, -1, 2 },
	{ 5, 6, 2 },
	{ 11, 1, 2 },
	{ 0, INT32_MAX, 2 },
	{ INT32_MAX, 1, 2 },
	{ 0, 2, -1 },
	{ 0, 2, CHALLENGE_PICTURES_MAX - 3 - SLOTS *SLOT_PICTURES },
};

START_TEST(no_more_than_there_is)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;

	i->pool.decoys = too_much[_i].decoys;
	ck_fails(c, E_INPUT,
	    challenge_make(
		c, &i->pool, too_much[_i].first, too_much[_i].pairs, &i->secret, &q));
}
END_TEST

/* Slots alone are something to ask, and so are keys; decoys are not. */
START_TEST(something_is_asked)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q, back;
	struct str bytes;

	ck_ok(c, challenge_make(c, &i->pool, 0, 0, &i->secret, &q));
	ck_assert_int_eq(q.n, SLOTS * SLOT_PICTURES + DECOYS);
	i->pool.keys = NULL;
	ck_fails(c, E_INPUT, challenge_make(c, &i->pool, 0, 1, &i->secret, &q));
	ck_ok(c, challenge_make(c, &i->pool, 0, 0, &i->secret, &q));
	ck_ok(c, challenge_put(c, &q, &bytes));
	ck_ok(c, challenge_read(c, bytes, &back));
	ck_assert_int_eq(back.slots, SLOTS);
	i->pool.slots = NULL;
	ck_fails(c, E_INPUT, challenge_make(c, &i->pool, 0, 0, &i->secret, &q));
	i->pool.keys = &i->keys;
	ck_fails(c, E_INPUT, challenge_make(c, &i->pool, 0, 0, &i->secret, &q));
	ck_ok(c, challenge_make(c, &i->pool, 0, 1, &i->secret, &q));
}
END_TEST

/* As many as a set may have are too many to be asked. */
START_TEST(too_many_slots_are_refused)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;

	i->slots.n = CHALLENGE_PICTURES_MAX / SLOT_PICTURES;
	i->pool.decoys = 0;
	ck_assert(!challenge_make(c, &i->pool, 0, 1, &i->secret, &q));
	ck_assert_msg(strstr(c->err.text, "1024 slots") != NULL, "%s", c->err.text);
	ck_err(c, E_INPUT);
}
END_TEST

START_TEST(decoys_have_the_keys_size)
{
	struct ctx *c = test_ctx();
	struct inquiry *i = inquiry_new(c);
	struct challenge q;

	i->decoy[12].width = 4;
	ck_fails(c, E_INPUT, challenge_make(c, &i->pool, 0, 2, &i->secret, &q));
	i->pool.decoys = 0;
	ck_ok(c, challenge_make(c, &i->pool, 0, 10, &i->secret, &q));
	i->slots.picture[0][0].width = 4;
	ck_fails(c, E_INPUT, challenge_make(c, &i->pool, 0, 10, &i->secret, &q));
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
	ck_assert_int_eq(q.slots, SLOTS);
	ck_assert_int_eq(q.decoys, DECOYS);
	ck_assert_int_eq(q.n, i->q.n);
	ck_assert(digest256_same(&q.slots_commitment, &i->slots.commitment));
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

MAIN("verify_challenge", ONE(pictures_are_what_the_list_says), ONE(the_template_can_be_read),
    ONE(answers_find_their_slots), ONE(something_is_asked), ONE(too_many_slots_are_refused),
    ONE(the_secret_decides), EACH(no_more_than_there_is, too_much),
    ONE(decoys_have_the_keys_size), ONE(lists_come_back), ONE(changed_lists_are_seen))
