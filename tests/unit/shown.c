/*
 * What to make of a picture that is shown: one case for each reason to refuse it, what comes first
 * where several hold, and that the one yes needs everything.
 */
#include "shown.h"
#include "test.h"

enum { NOW = 1800000000 };

/* All that a decision looks at; in the beginning, the license's own image as it was made. */
struct scene {
	struct view_answer said;
	struct license_row license;
	struct key_image_row image;
	struct shown s;
};

static void
scene_set(struct scene *x)
{
	*x = (struct scene){
		.said = { .op = VIEW_LOOK,
		    .found = VIEW_FOUND,
		    .lossless = true,
		    .customer = 7,
		    .serial = 3,
		    .issued = NOW - 100,
		    .expires = NOW + 100,
		    .pixels = { 1, 2, 3 },
		    .additional = true,
		    .class = 10 },
		.license = { .id = { "lic_a" },
		    .customer = { "cus_a" },
		    .release = { "rel_a" } },
		.image = { .license = { "lic_a" },
		    .customer = { "cus_a" },
		    .release = { "rel_a" },
		    .serial = 3,
		    .state = KEY_IMAGE_ACTIVE,
		    .issued = (int64_t)(NOW - 100) * 1000,
		    .expires = (int64_t)(NOW + 100) * 1000,
		    .pixels = { { 1, 2, 3 } } },
		.s = { .customer = 7, .at = NOW },
	};
	x->s.said = &x->said;
	x->s.license = &x->license;
	x->s.image = &x->image;
}

#define CASE(name, what)                  \
	static void name(struct scene *x) \
	{                                 \
		what;                     \
	}
CASE(good, (void)x)
CASE(unreadable, x->said.found = VIEW_UNREADABLE)
CASE(wrong_size, x->said.found = VIEW_WRONG_SIZE)
CASE(empty, x->said.found = VIEW_EMPTY)
CASE(copy_of_other_customer, x->said.found = VIEW_EMPTY; x->image.customer.s[4] = 'b')
CASE(copy_of_other_release, x->said.found = VIEW_EMPTY; x->image.release.s[4] = 'b')
CASE(copy_of_other_license, x->said.found = VIEW_EMPTY; x->image.license.s[4] = 'b')
CASE(empty_like_none, x->said.found = VIEW_EMPTY; x->s.image = NULL)
CASE(damaged_like_other, x->said.found = VIEW_DAMAGED; x->image.customer.s[4] = 'b')
CASE(forged_like_other, x->said.found = VIEW_FORGED; x->image.license.s[4] = 'b')
CASE(damaged, x->said.found = VIEW_DAMAGED)
CASE(forged, x->said.found = VIEW_FORGED)
CASE(other_release, x->said.found = VIEW_OTHER_RELEASE)
CASE(other_customer, x->said.customer = 8)
CASE(unknown, x->s.image = NULL)
CASE(other_and_unknown, x->s.image = NULL; x->said.customer = 8)
CASE(row_of_other_customer, x->image.customer.s[4] = 'b')
CASE(row_of_other_release, x->image.release.s[4] = 'b')
CASE(other_license, x->image.license.s[4] = 'b')
CASE(never_made, memset(&x->image.pixels, 0, sizeof x->image.pixels))
CASE(never_made_and_blank, memset(&x->image.pixels, 0, sizeof x->image.pixels);
     memset(x->said.pixels, 0, sizeof x->said.pixels))
CASE(other_pixels, x->said.pixels[31] = 1)
CASE(other_pixels_of_dct, x->said.pixels[31] = 1; x->image.carrier = 1)
CASE(other_issue, x->said.issued++)
CASE(other_expiry, x->said.expires++)
CASE(revoked, x->image.state = KEY_IMAGE_REVOKED)
CASE(replaced, x->image.state = KEY_IMAGE_REPLACED)
CASE(last_second, x->s.at = NOW + 99)
CASE(expired, x->s.at = NOW + 100)
CASE(endless, x->s.at = NOW + 100; x->image.expires = x->said.expires = 0)
CASE(revoked_and_expired, x->s.at = NOW + 100; x->image.state = KEY_IMAGE_REVOKED)
CASE(not_answered, x->said.additional = false)
CASE(replaced_and_not_answered, x->said.additional = false; x->image.state = KEY_IMAGE_REPLACED)

static const struct {
	void (*change)(struct scene *);
	enum shown_code want;
} cases[] = {
	{ good, SHOWN_GOOD },
	{ unreadable, SHOWN_UNREADABLE },
	{ wrong_size, SHOWN_WRONG_SIZE },
	{ empty, SHOWN_EMPTY },
	{ copy_of_other_customer, SHOWN_OTHER_CUSTOMER },
	{ copy_of_other_release, SHOWN_OTHER_RELEASE },
	{ copy_of_other_license, SHOWN_OTHER_LICENSE },
	{ empty_like_none, SHOWN_EMPTY },
	{ damaged_like_other, SHOWN_OTHER_CUSTOMER },
	{ forged_like_other, SHOWN_FORGED },
	{ damaged, SHOWN_DAMAGED },
	{ forged, SHOWN_FORGED },
	{ other_release, SHOWN_OTHER_RELEASE },
	{ other_customer, SHOWN_OTHER_CUSTOMER },
	{ unknown, SHOWN_UNKNOWN },
	{ other_and_unknown, SHOWN_OTHER_CUSTOMER },
	{ row_of_other_customer, SHOWN_OTHER_CUSTOMER },
	{ row_of_other_release, SHOWN_OTHER_RELEASE },
	{ other_license, SHOWN_OTHER_LICENSE },
	{ never_made, SHOWN_FORGED },
	{ never_made_and_blank, SHOWN_FORGED },
	{ other_pixels, SHOWN_FORGED },
	{ other_pixels_of_dct, SHOWN_GOOD },
	{ other_issue, SHOWN_FORGED },
	{ other_expiry, SHOWN_FORGED },
	{ revoked, SHOWN_REVOKED },
	{ replaced, SHOWN_REPLACED },
	{ last_second, SHOWN_GOOD },
	{ expired, SHOWN_EXPIRED },
	{ endless, SHOWN_GOOD },
	{ revoked_and_expired, SHOWN_REVOKED },
	{ not_answered, SHOWN_NOT_ANSWERED },
	{ replaced_and_not_answered, SHOWN_REPLACED },
};

START_TEST(picture_is_judged)
{
	struct scene x;
	enum shown_code got;

	scene_set(&x);
	cases[_i].change(&x);
	got = shown_decide(&x.s);
	ck_assert_msg(got == cases[_i].want, "%s", shown_wire(got));
}
END_TEST

START_TEST(codes_are_words_and_sentences)
{
	for (int i = 0; i < SHOWN_COUNT; i++) {
		const char *wire = shown_wire((enum shown_code)i);
		const char *text = shown_sentence((enum shown_code)i);

		ck_assert_uint_gt(strlen(wire), 3);
		ck_assert_uint_eq(strspn(wire, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(wire));
		ck_assert_int_eq(text[strlen(text) - 1], '.');
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(wire, shown_wire((enum shown_code)k));
	}
}
END_TEST

MAIN("shown", EACH(picture_is_judged, cases), ONE(codes_are_words_and_sentences))
