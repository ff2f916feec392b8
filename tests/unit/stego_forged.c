/*
 * Ten thousand pictures that nobody was given, each made the way somebody might try: not one is
 * taken for genuine, and each is refused for the right reason. And what is merely damaged comes
 * back, up to where the code ends.
 */
#include "test.h"

#include "stego_support.h"

/* One attempt: a genuine picture to begin with, and what is shown in the end, and claimed. */
struct attempt {
	struct stego_keys keys;
	struct stego_payload real, claim;
	struct image base, genuine, shown;
	uint32_t round;
};

static struct attempt
attempt(struct ctx *c, uint32_t round)
{
	struct attempt a = { .keys = keys_of(c, 1), .real = payload(c), .round = round };

	a.base = round % 2 == 0 ? picture(c, 28, 28, 1) : picture(c, 32, 32, 3);
	ck_ok(c, stego_embed(c, STEGO_LSB, &a.keys, &a.base, &a.real, &a.genuine));
	ck_ok(c, image_copy(c, &a.genuine, &a.shown));
	a.claim = a.real;
	return a;
}

/* ---- Without the key --------------------------------------------------------------------- */

static void
random_plane(struct ctx *c, struct attempt *a)
{
	for (size_t i = 0; i < image_bytes(&a->shown); i++)
		a->shown.v[i] = (uint8_t)((a->shown.v[i] & 0xfe) | some(c, 2));
}

static void
as_it_came(struct ctx *c, struct attempt *a)
{
	(void)c;
	a->shown = a->base;
}

static void
own_key(struct ctx *c, struct attempt *a)
{
	struct stego_keys other = keys_of(c, (uint8_t)(2 + some(c, 200)));

	ck_ok(c, stego_embed(c, STEGO_LSB, &other, &a->base, &a->claim, &a->shown));
}

/* Who has come by the places and the mask, and lacks the key of the MAC. */
static void
own_mac(struct ctx *c, struct attempt *a)
{
	struct stego_keys other = a->keys;

	c->random(&other.mac, sizeof other.mac);
	ck_ok(c, stego_embed(c, STEGO_LSB, &other, &a->base, &a->claim, &a->shown));
}

static void
shuffled_plane(struct ctx *c, struct attempt *a)
{
	for (uint32_t i = (uint32_t)image_bytes(&a->shown); i-- > 1;) {
		uint8_t *x = &a->shown.v[i], *y = &a->shown.v[some(c, i + 1)];
		uint8_t differ = (*x ^ *y) & 1;

		*x ^= differ;
		*y ^= differ;
	}
}

/* ---- With somebody's picture ------------------------------------------------------------- */

static void
cross_release(struct ctx *c, struct attempt *a)
{
	a->claim.release ^= 1 + some(c, UINT32_MAX);
}

static void
cross_customer(struct ctx *c, struct attempt *a)
{
	a->claim.customer += 1 + some(c, 1000);
}

/* The lowest bits on another picture of the size. */
static void
other_picture(struct ctx *c, struct attempt *a)
{
	struct image other = picture(c, a->shown.width, a->shown.height, a->shown.channels);

	for (size_t i = 0; i < image_bytes(&other); i++)
		a->shown.v[i] = (uint8_t)((other.v[i] & 0xfe) | (a->shown.v[i] & 1));
}

static void
upper_bits(struct ctx *c, struct attempt *a)
{
	for (uint32_t k = 0; k <= a->round % 4; k++) {
		uint32_t at = some(c, (uint32_t)image_bytes(&a->shown));

		a->shown.v[at] ^= (uint8_t)(2 << some(c, 7));
		if (memcmp(a->shown.v, a->genuine.v, image_bytes(&a->shown)) == 0)
			a->shown.v[at] ^= 2; /* it has undone the one before */
	}
}

/* Flips bit j of the code words, in the order of the key. */
static void
flip(struct attempt *a, const uint32_t order[], size_t j)
{
	a->shown.v[order[j]] ^= 1;
}

/*
 * Another expiry, serial or time, with a right checksum and code: code words are linear, the
 * difference of two is one too, and may be laid over the picture without knowing the mask.
 */
static void
other_fields(struct ctx *c, struct attempt *a)
{
	int words = a->shown.channels == 1 ? 1 : 2, length = words == 1 ? 98 : 192;
	const struct lowest on = lowest_of_image(&a->base);
	uint8_t mine[WORD_MAX], theirs[WORD_MAX];
	struct stego_payload other = payload(c);
	struct stego_keys none = { 0 };
	uint32_t *order;
	struct rs *code;

	other.customer = a->real.customer;
	other.release = a->real.release;
	ck_ok(c, payload_put(c, &a->keys, &on, &a->real, theirs));
	ck_ok(c, payload_put(c, &none, &on, &other, mine));
	ck_ok(c, rs_new(c, length, PAYLOAD_SIZE, &code));
	rs_encode(code, mine);
	rs_encode(code, theirs);
	rs_free(&code);
	ck_ok(c,
	    draw_order(
		c, &a->keys.order, "order", 0, (uint32_t)image_bytes(&a->shown), &order));
	for (int j = 0; j < words * length * 8; j++) {
		int byte = j / 8 % length;

		if ((mine[byte] ^ theirs[byte]) >> (7 - j % 8) & 1)
			flip(a, order, (size_t)j);
	}
}

/* So many different bytes of every word, in every way. */
static void
flip_bytes(struct ctx *c, struct attempt *a, uint32_t n)
{
	uint32_t words = a->shown.channels == 1 ? 1 : 2, length = words == 1 ? 98 : 192;
	uint32_t *order, place[192];

	ck_ok(c,
	    draw_order(
		c, &a->keys.order, "order", 0, (uint32_t)image_bytes(&a->shown), &order));
	for (uint32_t word = 0; word < words; word++) {
		for (uint32_t i = 0; i < length; i++)
			place[i] = i;
		for (uint32_t i = 0; i < n; i++) {
			uint32_t other = i + some(c, length - i), at = place[other];
			uint32_t bits = 1 + some(c, 255);

			place[other] = place[i];
			for (uint32_t k = 0; k < 8; k++)
				if (bits >> k & 1)
					flip(a, order, 8 * (word * length + at) + k);
		}
	}
}

static void
too_many_bytes(struct ctx *c, struct attempt *a)
{
	if (a->shown.channels == 1)
		flip_bytes(c, a, 29 + a->round / 2 % 32);
	else
		flip_bytes(c, a, 76 + a->round / 2 % 42);
}

/* Too many, but most are left: that there was something is seen. */
static void
a_third(struct ctx *c, struct attempt *a)
{
	if (a->shown.channels == 1)
		flip_bytes(c, a, 29 + a->round / 2 % 4);
	else
		flip_bytes(c, a, 76 + a->round / 2 % 20);
}

static void
one_side(struct ctx *c, struct attempt *a)
{
	struct image other;

	if (a->round % 2 == 0)
		ck_ok(c, image_new(c, 28, 29, 1, &other));
	else
		ck_ok(c, image_new(c, 32, 31, 3, &other));
	for (size_t i = 0; i < image_bytes(&other); i++)
		other.v[i] = a->shown.v[i % image_bytes(&a->shown)];
	a->shown = other;
}

/* ---- Ten thousand ------------------------------------------------------------------------ */

/*
 * The reason; and how many of a thousand may have another (but never STEGO_FOUND): of noise, 1 in
 * 10,000 looks as if it had once been a payload; how much of one is left, varies.
 */
static const struct {
	const char *name;
	void (*make)(struct ctx *, struct attempt *);
	enum stego_found want, or ;
	uint32_t others;
} forgeries[] = {
	{ "random plane", random_plane, STEGO_NONE, STEGO_DAMAGED, 3 },
	{ "no payload", as_it_came, STEGO_NONE, STEGO_DAMAGED, 3 },
	{ "own key", own_key, STEGO_NONE, STEGO_DAMAGED, 3 },
	{ "own mac", own_mac, STEGO_FORGED, STEGO_FORGED, 0 },
	{ "shuffled plane", shuffled_plane, STEGO_NONE, STEGO_DAMAGED, 3 },
	{ "other release", cross_release, STEGO_OTHER_RELEASE, STEGO_OTHER_RELEASE, 0 },
	{ "other customer", cross_customer, STEGO_NONE, STEGO_DAMAGED, 3 },
	{ "other picture", other_picture, STEGO_FORGED, STEGO_FORGED, 0 },
	{ "upper bits", upper_bits, STEGO_FORGED, STEGO_FORGED, 0 },
	{ "other fields", other_fields, STEGO_FORGED, STEGO_FORGED, 0 },
	{ "too many bytes", too_many_bytes, STEGO_DAMAGED, STEGO_NONE, 250 },
	{ "a third of the bytes", a_third, STEGO_DAMAGED, STEGO_NONE, 30 },
	{ "other size", one_side, STEGO_NONE, STEGO_DAMAGED, 3 },
};

START_TEST(none_is_accepted)
{
	struct ctx *c = test_ctx();
	uint32_t others = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct attempt a = attempt(c, round);
		enum stego_found found;

		forgeries[_i].make(c, &a);
		found = found_in(c, STEGO_LSB, &a.keys, &a.shown, NULL, &a.claim, NULL, NULL);
		ck_assert_msg(found == forgeries[_i].want || found == forgeries[_i].or,
		    "%s, %u: %s", forgeries[_i].name, round, stego_found_name(found));
		others += found != forgeries[_i].want;
		arena_reset(c->mem);
	}
	ck_assert_msg(others <= forgeries[_i].others, "%s: %u for another reason",
	    forgeries[_i].name, others);
}
END_TEST

/* ---- Damage that is mended --------------------------------------------------------------- */

/* 28 bytes of 98, 75 of 192: that many are counted, and nothing of the payload is lost. */
START_TEST(damage_is_mended)
{
	struct ctx *c = test_ctx();

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct attempt a = attempt(c, round);
		uint32_t n = round / 2 % (a.shown.channels == 1 ? 29 : 76);
		struct stego_payload got;
		int repaired;

		flip_bytes(c, &a, n);
		ck_assert(found_in(c, STEGO_LSB, &a.keys, &a.shown, NULL, &a.claim, &got,
			      &repaired) == STEGO_FOUND);
		ck_assert_uint_eq((uint32_t)repaired, n);
		ck_assert(payload_same(&got, &a.real));
		arena_reset(c->mem);
	}
}
END_TEST

/* One word may be gone altogether as long as another is whole. */
START_TEST(one_word_is_enough)
{
	struct ctx *c = test_ctx();

	for (int word = 0; word < 2; word++) {
		struct attempt a = attempt(c, 1);
		uint32_t *order;
		int repaired;

		ck_ok(c,
		    draw_order(
			c, &a.keys.order, "order", 0, (uint32_t)image_bytes(&a.shown), &order));
		for (size_t j = 0; j < 8 * 192; j++)
			flip(&a, order, j + (size_t)word * 8 * 192);
		ck_assert(found_in(c, STEGO_LSB, &a.keys, &a.shown, NULL, &a.claim, NULL,
			      &repaired) == STEGO_FOUND);
		ck_assert_int_eq(repaired, 0);
	}
}
END_TEST

/* What was found to be forged is told all the same; what could not be read is empty. */
START_TEST(what_is_refused_is_told)
{
	struct ctx *c = test_ctx();
	struct attempt a = attempt(c, 0);
	struct stego_payload got, none = { 0 };

	a.shown.v[5] ^= 0x80;
	ck_assert(found_in(c, STEGO_LSB, &a.keys, &a.shown, NULL, &a.claim, &got, NULL) ==
	    STEGO_FORGED);
	ck_assert(payload_same(&got, &a.real));
	a.claim.customer++;
	ck_assert(found_in(c, STEGO_LSB, &a.keys, &a.shown, NULL, &a.claim, &got, NULL) ==
	    STEGO_NONE);
	ck_assert(payload_same(&got, &none));
}
END_TEST

MAIN("stego_forged", EACH(none_is_accepted, forgeries), ONE(damage_is_mended),
    ONE(one_word_is_enough), ONE(what_is_refused_is_told))
