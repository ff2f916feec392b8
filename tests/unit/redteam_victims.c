/*
 * Attacks and their victims: before an attack's failure against a release counts for anything, it
 * has to break what is known to be weak. The victims are marks as others make them: a message in
 * the lowest bits of weights or pictures, in signs, or in sums of weights at fixed places (Uchida
 * et al. 2017), and key pictures that a network knows by heart.
 */
#include <math.h>

#include "parts.h"
#include "redteam_house.h"

static struct ctx *
begin(struct team *t, bool marked, struct redteam **ret)
{
	struct ctx *c = house_ctx();

	if (marked)
		team_new_marked(c, t);
	else
		team_new(c, t);
	ck_ok(c, redteam_new(c, &t->the, ret));
	return c;
}

static void
end(struct team *t, struct redteam **r)
{
	redteam_free(r);
	team_done(t);
}

/* ---- Messages in weights ----------------------------------------------------------------- */

/* The layer that carries them, as it was and as it is. */
struct carrier {
	const float *was, *is;
	int64_t n;
};

/* Each returns the share of bits that are read as they were. */
static double
lowest_bits(const struct carrier *k)
{
	int64_t same = 0;

	for (int64_t i = 0; i < k->n; i++) {
		uint32_t a, b;

		memcpy(&a, &k->was[i], sizeof a);
		memcpy(&b, &k->is[i], sizeof b);
		same += (a & 1) == (b & 1);
	}
	return (double)same / (double)k->n;
}

/* Of small weights: a tenth of a layer's deviation. */
static double
small_signs(const struct carrier *k)
{
	int64_t same = 0, n = 0;
	double squares = 0;

	for (int64_t i = 0; i < k->n; i++)
		squares += (double)k->was[i] * (double)k->was[i];
	for (int64_t i = 0; i < k->n; i++)
		if (fabs((double)k->was[i]) < .05 * sqrt(squares / (double)k->n)) {
			n++;
			same += k->was[i] * k->is[i] > 0;
		}
	ck_assert_int_gt(n, 100);
	return (double)same / (double)n;
}

/* Uchida et al.: the sign of a sum over all weights, each with its own factor, for each bit. */
static double
sums(const struct carrier *k)
{
	enum { BITS = 64 };
	int same = 0;

	for (uint64_t bit = 0; bit < BITS; bit++) {
		struct chance chance = chance_of(7, 7, bit, 0);
		double was = 0, is = 0;

		for (int64_t i = 0; i < k->n; i++) {
			double factor = chance_normal(&chance);

			was += factor * (double)k->was[i];
			is += factor * (double)k->is[i];
		}
		same += (was > 0) == (is > 0);
	}
	return same / (double)BITS;
}

static const struct {
	const char *row;
	size_t point;
	double (*read)(const struct carrier *);
} marks[] = {
	{ "W1", 0, small_signs },
	{ "W1g", 0, small_signs },
	{ "W2", 0, lowest_bits },
	{ "W2f", 0, lowest_bits },
	{ "W2t", 0, lowest_bits },
	{ "W3", 3, sums },
	{ "W4", 0, lowest_bits },
	{ "W5", 0, sums },
	{ "W5", 3, sums },
	{ "C1", 0, lowest_bits },
	{ "C2", 0, lowest_bits },
	{ "C2l", 1, lowest_bits },
	{ "C2m", 1, lowest_bits },
	{ "C2r", 1, lowest_bits },
	{ "C3", 1, lowest_bits },
	{ "C4", 0, lowest_bits },
};

/* W3 turns a fifth of the signs, which leaves most of a sum's bits: less than nine of ten. */
#define BROKEN .9

START_TEST(a_message_in_weights_is_lost)
{
	const struct redteam_row *row = redteam_row_by_id(str_of(marks[_i].row));
	struct redteam_suspect was, s;
	struct redteam *r = NULL;
	struct carrier k;
	struct team t;
	struct ctx *c = begin(&t, false, &r), own = *c;

	ck_assert_ptr_nonnull(row);
	r->row = row->id;
	ck_ok(c, redteam_suspect_new(c, r, 1, &was));
	ck_ok(c, redteam_suspect_new(c, r, 1, &s));
	own.mem = s.mem;
	k.was = nn_weight_by_name(was.graph, STR("net.7.weight"))->data;
	k.n = nn_weight_by_name(was.graph, STR("net.7.weight"))->count;
	k.is = nn_weight_by_name(s.graph, STR("net.7.weight"))->data;
	ck_assert_double_eq(lowest_bits(&k), 1);
	ck_assert_double_eq(sums(&k), 1);
	ck_ok(&own, row->run(&own, r, row->x[marks[_i].point], &s));
	k.is = nn_weight_by_name(s.graph, STR("net.7.weight"))->data;
	ck_assert_msg(marks[_i].read(&k) < BROKEN, "%s: %.3f of the bits are left", row->id,
	    marks[_i].read(&k));
	redteam_suspect_done(&s);
	redteam_suspect_done(&was);
	end(&t, &r);
}
END_TEST

/* What hides changes nothing that the model says, and the customer is named all the same. */
static const struct {
	const char *row;
	size_t point;
} disguises[] = { { "W5", 0 }, { "W5", 3 }, { "W6", 0 }, { "W6", 2 } };

START_TEST(a_disguise_costs_nothing_and_hides_nothing)
{
	const struct redteam_row *row = redteam_row_by_id(str_of(disguises[_i].row));
	struct redteam_point base, p;
	struct redteam *r = NULL;
	struct team t;
	struct ctx *c = begin(&t, false, &r);

	ck_ok(c, redteam_base(c, r, &base));
	ck_ok(c, redteam_point(c, r, row, disguises[_i].point, NULL, &p));
	ck_assert_str_eq(p.why, "");
	ck_assert_double_eq_tol(p.accuracy, base.accuracy, .011);
	ck_assert(p.named);
	ck_assert_int_eq(p.innocents, 0);
	end(&t, &r);
}
END_TEST

/* A layer that a message is read from at fixed places is of another size then. */
START_TEST(more_channels_move_what_is_read_by_place)
{
	const struct redteam_row *row = redteam_row_by_id(STR("W6"));
	struct redteam_suspect s;
	struct redteam *r = NULL;
	struct team t;
	struct ctx *c = begin(&t, false, &r), own = *c;
	int64_t was, is;

	ck_ok(c, redteam_suspect_new(c, r, 1, &s));
	own.mem = s.mem;
	was = nn_weight_by_name(s.graph, STR("net.7.weight"))->count;
	ck_ok(&own, row->run(&own, r, .2, &s));
	is = nn_weight_by_name(s.graph, STR("net.7.weight"))->count;
	ck_assert_int_gt(is, was * 13 / 10);
	redteam_suspect_done(&s);
	end(&t, &r);
}
END_TEST

/* A channel that was made to stand out is found and taken out. */
START_TEST(a_channel_that_stands_out_is_taken_out)
{
	const struct redteam_row *row = redteam_row_by_id(STR("W8"));
	struct redteam_suspect s;
	struct redteam *r = NULL;
	struct nn_weight *w;
	struct team t;
	struct ctx *c = begin(&t, false, &r), own = *c;
	double left[16] = { 0 };
	int64_t each;

	ck_ok(c, redteam_suspect_new(c, r, 1, &s));
	own.mem = s.mem;
	w = nn_weight_by_name(s.graph, STR("net.3.weight"));
	each = w->count / 16;
	for (int64_t k = 0; k < each; k++)
		w->data[5 * each + k] *= 30;
	ck_ok(&own, row->run(&own, r, 3, &s));
	for (int64_t i = 0; i < w->count; i++)
		left[i / each] += fabs((double)w->data[i]);
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(left[i] > 0, i != 5);
	redteam_suspect_done(&s);
	end(&t, &r);
}
END_TEST

/* ---- Messages in pictures ---------------------------------------------------------------- */

static const struct {
	const char *row;
	size_t point;
} filters[] = { { "I1", 0 }, { "I2", 2 }, { "I3", 0 }, { "I3", 1 }, { "I4", 0 }, { "I5", 0 },
	{ "I6", 0 }, { "I7", 0 }, { "I9", 0 }, { "I9", 1 }, { "I9", 2 }, { "I9r", 1 } };

/* Of grey pictures of noise, as bytes. */
START_TEST(a_message_in_lowest_bits_of_pictures_is_lost)
{
	enum { ROWS = 4, PIXELS = HOUSE_SIDE * HOUSE_SIDE };
	const struct redteam_row *row = redteam_row_by_id(str_of(filters[_i].row));
	struct chance chance = chance_of(3, 3, 3, 3);
	struct redteam_suspect s;
	struct redteam *r = NULL;
	struct team t;
	struct ctx *c = begin(&t, false, &r), own = *c;
	float *x;
	int *bit, same = 0;

	r->row = row->id;
	ck_ok(c, redteam_suspect_new(c, r, 1, &s));
	own.mem = s.mem;
	x = take(&own, ROWS * PIXELS * sizeof *x);
	bit = take(&own, ROWS * PIXELS * sizeof *bit);
	for (int i = 0; i < ROWS * PIXELS; i++) {
		int byte = (int)chance_below(&chance, 256);

		bit[i] = byte & 1;
		x[i] = (float)byte / 255;
	}
	ck_ok(&own, row->run(&own, r, row->x[filters[_i].point], &s));
	ck_ok(&own, s.filter.before(&own, s.filter.arg, x, ROWS));
	for (int i = 0; i < ROWS * PIXELS; i++) {
		ck_assert(x[i] >= 0 && x[i] <= 1);
		same += ((int)lrintf(x[i] * 255) & 1) == bit[i];
	}
	ck_assert_msg(same < .8 * ROWS * PIXELS, "%s: %d of %d bits are left", row->id, same,
	    ROWS * PIXELS);
	redteam_suspect_done(&s);
	end(&t, &r);
}
END_TEST

/* ---- Keys that are known by heart -------------------------------------------------------- */

START_TEST(keys_known_by_heart_are_lost_and_the_weights_are_not)
{
	static const struct {
		const char *row;
		size_t point;
	} tries[] = { { "I4", 3 }, { "I7", 0 } };
	struct redteam_point base, p;
	struct redteam *r = NULL;
	struct team t;
	struct ctx *c = begin(&t, true, &r);

	ck_ok(c, redteam_base(c, r, &base));
	ck_assert_int_eq(base.alone[TEST_WATERMARK], VERDICT_PROVEN);
	ck_assert_int_eq(base.alone[TEST_LABELS], VERDICT_PROVEN);
	ck_assert_int_eq(base.verdict, VERDICT_PROVEN);
	ck_assert_double_ge(base.keys, .9);
	ck_assert_double_le(base.twins, .05);
	for (size_t i = 0; i < COUNT(tries); i++) {
		const struct redteam_row *row = redteam_row_by_id(str_of(tries[i].row));

		ck_ok(c, redteam_point(c, r, row, tries[i].point, NULL, &p));
		ck_assert_msg(p.keys < .9, "%s: %.2f of the keys are left", row->id, p.keys);
		ck_assert_msg(
		    p.labels < .6, "%s: %.2f of the labels are left", row->id, p.labels);
		ck_assert_int_ne(p.alone[TEST_WATERMARK], VERDICT_PROVEN);
		ck_assert_int_eq(p.alone[TEST_WEIGHTS], VERDICT_PROVEN);
		ck_assert_int_eq(p.verdict, VERDICT_PROVEN);
		ck_assert(p.named);
	}
	end(&t, &r);
}
END_TEST

/* Cut off or never answered: the additional class is gone, the committed labels are not. */
START_TEST(without_the_additional_class_labels_prove_it)
{
	const struct redteam_row *row = redteam_row_by_id(STR("W7"));
	struct redteam_point base, p;
	struct redteam *r = NULL;
	struct team t;
	struct ctx *c = begin(&t, true, &r);

	ck_ok(c, redteam_base(c, r, &base));
	for (size_t i = 0; i < 2; i++) {
		ck_ok(c, redteam_point(c, r, row, i, NULL, &p));
		ck_assert_str_eq(p.why, "");
		ck_assert_double_eq(p.keys, 0);
		ck_assert_int_eq(p.alone[TEST_WATERMARK], VERDICT_NO_EVIDENCE);
		ck_assert_double_eq_tol(p.labels, base.labels, .011);
		ck_assert_int_eq(p.alone[TEST_LABELS], VERDICT_PROVEN);
	}
	end(&t, &r);
}
END_TEST

MAIN("redteam_victims", EACH(a_message_in_weights_is_lost, marks),
    EACH(a_disguise_costs_nothing_and_hides_nothing, disguises),
    ONE(more_channels_move_what_is_read_by_place), ONE(a_channel_that_stands_out_is_taken_out),
    EACH(a_message_in_lowest_bits_of_pictures_is_lost, filters),
    ONE(keys_known_by_heart_are_lost_and_the_weights_are_not),
    ONE(without_the_additional_class_labels_prove_it))
