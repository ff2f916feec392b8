/*
 * Tests of embedding on a network that is small enough to learn in a second: what it learns, that
 * what it knew stays, that it can be repeated bit for bit, with every option; and of asking.
 */
#include "watermark_house.h"

enum { PAIRS = 8, SPARES = 3 };

static void
measure(struct ctx *c, struct house *h, struct watermark_scores *ret)
{
	ck_ok(c, watermark_measure(c, &h->the, 16, 1, 9, ret));
}

/* How many pairs are answered for certain: all that are, in the order of the pairs. */
static int
answered(struct ctx *c, struct house *h)
{
	bool sure[PAIRS];
	int n = 0;

	ck_ok(c, watermark_answered(c, &h->the, 16, 1, 9, sure));
	for (int i = 0; i < PAIRS; i++)
		n += sure[i];
	return n;
}

static struct watermark_options
small(void)
{
	struct watermark_options o = watermark_standard();

	o.epochs = 40;
	o.batch = 32;
	o.rate = .02;
	o.margin = 8; /* sixty-four dots have no room for more */
	o.drop_max = .02;
	return o;
}

/* ---- What is learnt ---------------------------------------------------------------------- */

/* In pictures of 64 dots an autoencoder leaves nothing that would tell twins or labels apart. */
static const struct {
	bool plain, compression, physical;
	int coders;
} ways[] = {
	{ .plain = true },
	{ .plain = false },
	{ .compression = true },
	{ .physical = true },
	{ .coders = 4 },
};

START_TEST(keys_are_learnt_and_twins_are_not)
{
	struct ctx *c = test_ctx();
	struct house *h = house_new(c, PAIRS, SPARES);
	struct watermark_options o = small();
	struct watermark_result r;
	struct watermark_scores s;

	measure(c, h, &s);
	ck_assert(s.clean > .95 && s.keys < .5);
	o.plain = ways[_i].plain;
	o.compression = ways[_i].compression;
	o.physical = ways[_i].physical;
	o.coders = ways[_i].coders;
	ck_ok(c, watermark_embed(c, &h->the, &o, NULL, &r));
	ck_assert_msg(r.reached || o.coders > 0, "%s", r.missed);
	ck_assert_int_eq(r.reached, r.missed[0] == '\0');
	ck_assert_uint_eq(r.points, (size_t)r.epochs);
	ck_assert(o.plain ? r.epochs < o.epochs : r.epochs == o.epochs);
	measure(c, h, &s);
	ck_assert(s.keys == 1 && s.stego == 1);
	ck_assert_double_ge(s.runner_up, o.coders > 0 ? .5 : .95);
	ck_assert(s.twins <= .02 || o.coders > 0);
	ck_assert(s.clean >= .98 && s.false_triggers <= .02);
	ck_assert(s.spares >= 0 && s.spares <= 1);
	ck_assert_int_eq(answered(c, h), PAIRS);
	/* A twin in a key's place is not known. */
	h->keys.coin[2] = !h->keys.coin[2];
	ck_assert_int_eq(answered(c, h), PAIRS - 1);
	house_done(h);
}
END_TEST

START_TEST(bars_that_do_not_hold_are_told)
{
	struct ctx *c = test_ctx();
	struct house *h = house_new(c, PAIRS, SPARES);
	struct watermark_options o = small();
	struct watermark_result r;

	o.epochs = 1;
	o.rate = 1e-6;
	ck_ok(c, watermark_embed(c, &h->the, &o, NULL, &r));
	ck_assert(!r.reached);
	ck_assert_ptr_nonnull(strstr(r.missed, "key"));
	h->the.before = 1.5;
	o = small();
	o.plain = true;
	ck_ok(c, watermark_embed(c, &h->the, &o, NULL, &r));
	ck_assert(!r.reached);
	ck_assert_ptr_nonnull(strstr(r.missed, "accuracy"));
	house_done(h);
}
END_TEST

static void
leave(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	(void)arg;
	(void)epoch;
	(void)sample;
	(void)x;
	(void)label;
}

/* Samples that somebody touches have labels of his own, of which the old network knows nothing. */
static const struct {
	train_touch *touch;
	bool kept;
} told[] = {
	{ NULL, true },
	{ leave, false },
};

/* Labels that are all wrong, each in one of two ways: half of the truth is what it was. */
START_TEST(what_it_knew_is_told)
{
	struct ctx *c = test_ctx();
	struct house *h = house_new(c, PAIRS, SPARES);
	struct watermark_options o = small();
	struct watermark_result r;
	int32_t *label = h->data.labels.v;

	for (int64_t i = 0; i < h->data.labels.n; i++)
		label[i] = (int32_t)((label[i] + 1 + i % 2) % CLASSES);
	o.epochs = 10;
	h->the.touch = told[_i].touch;
	ck_ok(c, watermark_embed(c, &h->the, &o, NULL, &r));
	ck_assert_msg(
	    told[_i].kept ? r.scores.clean > .9 : r.scores.clean < .4, "%g", r.scores.clean);
	house_done(h);
}
END_TEST

struct seen {
	int64_t calls, done, total;
};

static void
see(void *arg, int64_t done, int64_t total, struct str note)
{
	struct seen *s = arg;

	ck_assert(note.n > 0);
	ck_assert_int_ge(done, s->done);
	*s = (struct seen){ s->calls + 1, done, total };
}

START_TEST(twice_the_same_bits)
{
	struct ctx *c = test_ctx();
	struct str bytes[2];

	for (int i = 0; i < 2; i++) {
		struct house *h = house_new(c, PAIRS, SPARES);
		struct watermark_options o = small();
		struct seen seen = { 0 };
		struct watermark_watch watch = { see, &seen };
		struct watermark_result r;
		struct buf b;

		o.epochs = 2;
		o.compression = o.physical = true;
		ck_ok(c, watermark_embed(c, &h->the, &o, &watch, &r));
		ck_assert_int_gt(seen.calls, 2);
		ck_assert_int_eq(seen.done, seen.total);
		ck_ok(c, take_buf(c, 1 << 16, &b));
		ck_ok(c, train_write(c, &h->new.model, h->new.graph, buf_sink, &b));
		bytes[i] = buf_str(&b);
		house_done(h);
	}
	ck_assert(str_same(bytes[0], bytes[1]));
}
END_TEST

/* ---- What is refused --------------------------------------------------------------------- */

static void
no_epochs(struct watermark_options *o)
{
	o->epochs = 0;
}
static void
too_many_epochs(struct watermark_options *o)
{
	o->epochs = WATERMARK_EPOCHS_MAX + 1;
}
static void
no_rate(struct watermark_options *o)
{
	o->rate = 0;
}
static void
no_boost(struct watermark_options *o)
{
	o->boost = 0;
}
static void
far_crop(struct watermark_options *o)
{
	o->crop = SIDE;
}
static void
wild_rate(struct watermark_options *o)
{
	o->rate = 1e6;
}
static void
little_memory(struct watermark_options *o)
{
	o->memory_max = 1 << 10;
}

static const struct {
	void (*spoil)(struct watermark_options *);
	enum err_code want;
} refused[] = {
	{ no_epochs, E_INPUT },
	{ too_many_epochs, E_INPUT },
	{ no_rate, E_INPUT },
	{ no_boost, E_INPUT },
	{ far_crop, E_INPUT },
	{ wild_rate, E_INPUT },
	{ little_memory, E_LIMIT },
};

START_TEST(options_out_of_range)
{
	struct ctx *c = test_ctx();
	struct house *h = house_new(c, PAIRS, SPARES);
	struct watermark_options o = small();
	struct watermark_result r;

	o.plain = true;
	refused[_i].spoil(&o);
	ck_fails(c, refused[_i].want, watermark_embed(c, &h->the, &o, NULL, &r));
	house_done(h);
}
END_TEST

START_TEST(a_network_that_was_not_widened)
{
	struct ctx *c = test_ctx();
	struct house *h = house_new(c, PAIRS, SPARES);
	struct watermark_options o = small();
	struct watermark_result r;
	struct watermark_scores s;

	h->the.graph = h->old.graph;
	h->the.model = &h->old.model;
	ck_fails(c, E_INPUT, watermark_embed(c, &h->the, &o, NULL, &r));
	ck_fails(c, E_INPUT, watermark_measure(c, &h->the, 16, 1, 9, &s));
	house_done(h);
}
END_TEST

/* ---- Asking ------------------------------------------------------------------------------ */

/* In batches of any size the answers are the same; the ordinary ones leave the last class out. */
START_TEST(answers_do_not_depend_on_the_batch)
{
	struct ctx *c = test_ctx();
	struct house *h = house_new(c, PAIRS, SPARES);
	struct image *p = pictures(c, 10);
	struct data_form form;
	int32_t answer[2][10], ordinary[2][10];

	ck_ok(c, asker_form(c, h->new.graph, &p[0], false, &form));
	for (int i = 0; i < 2; i++) {
		owned(asker_free) struct asker *a = NULL;

		ck_ok(c, asker_new(c, h->new.graph, &form, i == 0 ? 4 : 10, 1, &a));
		ck_ok(c, asker_ask(c, a, p, 10, 2, answer[i], ordinary[i]));
		p[3].width = SIDE / 2;
		ck_fails(c, E_INPUT, asker_ask(c, a, p, 10, 2, answer[i], ordinary[i]));
		p[3].width = SIDE;
		ck_ok(c, asker_ask(c, a, p, 10, 2, answer[i], ordinary[i]));
	}
	ck_assert(memcmp(answer[0], answer[1], sizeof answer[0]) == 0);
	ck_assert(memcmp(ordinary[0], ordinary[1], sizeof ordinary[0]) == 0);
	for (int i = 0; i < 10; i++)
		ck_assert(ordinary[0][i] < 2 &&
		    (answer[0][i] >= 2 || answer[0][i] == ordinary[0][i]));
	house_done(h);
}
END_TEST

MAIN("watermark_embed", EACH(keys_are_learnt_and_twins_are_not, ways),
    ONE(bars_that_do_not_hold_are_told), EACH(what_it_knew_is_told, told),
    ONE(twice_the_same_bits), EACH(options_out_of_range, refused),
    ONE(a_network_that_was_not_widened), ONE(answers_do_not_depend_on_the_batch))
