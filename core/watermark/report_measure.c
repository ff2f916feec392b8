/*
 * What a marked network is worth, measured once it is made: key images with an identity in them and
 * their twins are sent through every codec and every view, and the network is asked again; so it is
 * of natural pictures that it has nothing to do with.
 */
#include <math.h>

#include "parts.h"

enum { ASKED_AT_ONCE = 64, COMPOSED = 5, MAGNIFIED = 48, PAGE_PICTURES = 4 << 20 };
#define SCRATCH ((size_t)192 << 20) /* of pictures that are looked at and forgotten */

/* A measuring under way. Pictures live in `scratch` until the next ones come. */
struct trial {
	const struct watermark_case *the;
	struct watermark_report *report;
	struct asker *asker;
	struct arena *scratch;
	uint64_t seed;
	struct image *key, *twin; /* as customers would show them */
	size_t n;
	int32_t *answer;
};

static void
trial_done(struct trial *t)
{
	asker_free(&t->asker);
	arena_free(&t->scratch);
}

static double
hits(const struct trial *t, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += t->answer[i] == t->the->keys->classes;
	return n > 0 ? (double)found / (double)n : 0;
}

/* ---- Identities -------------------------------------------------------------------------- */

static struct stego_payload
payload_of(uint32_t number, int64_t made)
{
	return (struct stego_payload){
		.customer = number, .serial = number, .issued = made / 1000
	};
}

/* Keys and twins with an identity in them, or as they are where none fits in. */
MUST static bool
identities_hide(struct ctx *c, const struct key256 *secret, struct trial *t)
{
	const struct keyset *k = t->the->keys;
	struct stego_keys keys;

	t->report->hidden = stego_capacity(STEGO_LSB, &k->picture[0][0]) > 0;
	if (!stego_keys_of(c, secret, &keys))
		return false;
	for (size_t i = 0; i < t->n; i++) {
		struct stego_payload p = payload_of((uint32_t)i + 1, t->report->made);
		const struct image *key = keyset_key(k, (int)i), *twin = keyset_twin(k, (int)i);

		t->key[i] = *key;
		t->twin[i] = *twin;
		if (t->report->hidden &&
		    (!stego_embed(c, STEGO_LSB, &keys, key, &p, &t->key[i]) ||
			!stego_embed(c, STEGO_LSB, &keys, twin, &p, &t->twin[i])))
			return false;
	}
	return true;
}

MUST static bool
residual(struct ctx *c, const struct image *a, const struct image *b, struct image *ret)
{
	struct image i;

	if (!image_new(c, a->width, a->height, a->channels, &i))
		return false;
	for (size_t at = 0; at < image_bytes(a); at++)
		i.v[at] = (uint8_t)fmax(0, fmin(255, 128 + MAGNIFIED * (b->v[at] - a->v[at])));
	*ret = i;
	return true;
}

/* How many fit into a page; each is shown three times. */
static size_t
shown_most(const struct image *one)
{
	size_t most = PAGE_PICTURES / (3 * image_bytes(one));

	return most < WATERMARK_SHOWN ? most : WATERMARK_SHOWN;
}

/* How little is to be seen of it; the first ones are shown. */
MUST static bool
likeness(struct ctx *c, struct trial *t)
{
	struct watermark_report *r = t->report;
	size_t most = shown_most(&t->key[0]);

	for (size_t i = 0; i < t->n; i++) {
		const struct image *key = keyset_key(t->the->keys, (int)i);
		struct watermark_shown s = { .key = *key, .copy = t->key[i] };

		s.psnr = image_psnr(key, &t->key[i]);
		s.ssim = image_ssim(key, &t->key[i]);
		r->psnr += s.psnr / (double)t->n;
		r->ssim += s.ssim / (double)t->n;
		if (i >= most)
			continue;
		if (!residual(c, key, &t->key[i], &s.residual))
			return false;
		r->shown[r->shows++] = s;
	}
	return true;
}

/* ---- States ------------------------------------------------------------------------------ */

/* Something that is done to picture i; into the scratch. */
typedef bool state(struct ctx *, const struct trial *, const void *arg, size_t i,
    const struct image *from, struct image *ret, size_t *ret_bytes);

MUST static bool
ask_in_state(struct ctx *c, struct trial *t, const struct image from[], state *make,
    const void *arg, double *ret_share, double *ret_bytes)
{
	struct image *to = take(c, t->n * sizeof *to);
	size_t bytes = 0, one = 0;

	if (to == NULL)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		if (!make(c, t, arg, i, &from[i], &to[i], &one))
			return false;
		bytes += one;
	}
	if (!asker_ask(c, t->asker, to, t->n, 0, t->answer, NULL))
		return false;
	*ret_share = hits(t, t->n);
	*ret_bytes = (double)bytes / (double)t->n;
	return true;
}

MUST static bool
stress(struct ctx *c, struct trial *t, state *make, const void *arg, struct watermark_stress *s)
{
	struct ctx aside = *c;
	double bytes;
	bool ok;

	aside.mem = t->scratch;
	arena_reset(t->scratch);
	ok = ask_in_state(&aside, t, t->key, make, arg, &s->keys, &s->bytes);
	arena_reset(t->scratch);
	ok = ok && ask_in_state(&aside, t, t->twin, make, arg, &s->twins, &bytes);
	c->err = aside.err;
	return ok;
}

/* ---- Compression ------------------------------------------------------------------------- */

struct pressed {
	enum lossy_codec codec;
	int level;
};

static bool
pressed_make(struct ctx *c, const struct trial *t, const void *arg, size_t i,
    const struct image *from, struct image *ret, size_t *ret_bytes)
{
	const struct pressed *p = arg;

	(void)t;
	(void)i;
	return lossy_pass(c, p->codec, p->level, from, ret, ret_bytes);
}

MUST static bool
lossy_try(struct ctx *c, struct trial *t, const struct watermark_watch *watch)
{
	struct watermark_report *r = t->report;

	for (int codec = 0; codec < LOSSY_COUNT; codec++) {
		size_t levels;
		const int *level = lossy_levels((enum lossy_codec)codec, &levels);

		watch->progress(watch->arg, 0, 0, STR("measuring what compression leaves"));
		for (size_t i = 0; i < levels && r->lossies < WATERMARK_LOSSY; i++) {
			struct pressed p = { (enum lossy_codec)codec, level[i] };
			struct watermark_stress *s = &r->lossy[r->lossies++];

			*s = (struct watermark_stress){ .name = lossy_name(p.codec),
				.level = p.level };
			if (!stress(c, t, pressed_make, &p, s))
				return false;
		}
	}
	return true;
}

/* ---- Views ------------------------------------------------------------------------------- */

struct looked {
	const struct image_view *view; /* NULL: one by chance for each picture */
	uint64_t seed;
};

static bool
looked_make(struct ctx *c, const struct trial *t, const void *arg, size_t i,
    const struct image *from, struct image *ret, size_t *ret_bytes)
{
	const struct looked *l = arg;
	uint64_t seed = t->seed + 1000003 * (i + 1) + l->seed;
	struct image_view view;

	if (!image_new(c, from->width, from->height, from->channels, ret))
		return false;
	view = l->view != NULL ? *l->view : image_view_random(seed);
	image_warp(from, &view, seed, ret);
	*ret_bytes = 0;
	return true;
}

/* clang-format off */
static const struct {
	const char *name;
	struct image_view view;
} views[] = {
	{ "nearer, × 1.2",        { .scale = 1.2, .gain = 1 } },
	{ "farther, × 0.5",       { .scale = 0.5, .gain = 1 } },
	{ "turned by 15°",        { .scale = 1, .gain = 1, .roll = 15 } },
	{ "from the side, 30°",   { .scale = 1, .gain = 1, .yaw = 30 } },
	{ "from below, 30°",      { .scale = 1, .gain = 1, .pitch = 30 } },
	{ "darker, × 0.6",        { .scale = 1, .gain = 0.6 } },
	{ "brighter, × 1.4",      { .scale = 1, .gain = 1.4 } },
	{ "noise, 5 %",           { .scale = 1, .gain = 1, .noise = 0.05 } },
};
/* clang-format on */

/* All of them at once, as chance has it, several times. */
MUST static bool
composed_try(struct ctx *c, struct trial *t, struct watermark_stress *ret)
{
	struct watermark_stress sum = { .name = "all of these by chance" }, one = { 0 };

	for (uint64_t i = 0; i < COMPOSED; i++) {
		struct looked l = { NULL, i * 7919 };

		if (!stress(c, t, looked_make, &l, &one))
			return false;
		sum.keys += one.keys / COMPOSED;
		sum.twins += one.twins / COMPOSED;
	}
	*ret = sum;
	return true;
}

MUST static bool
views_try(struct ctx *c, struct trial *t, const struct watermark_watch *watch)
{
	struct watermark_report *r = t->report;

	_Static_assert(COUNT(views) < WATERMARK_SEEN, "the report has room for every view");
	watch->progress(watch->arg, 0, 0, STR("measuring what a camera leaves"));
	for (size_t i = 0; i < COUNT(views); i++) {
		struct looked l = { &views[i].view, 0 };
		struct watermark_stress *s = &r->seen[r->seens++];

		*s = (struct watermark_stress){ .name = views[i].name };
		if (!stress(c, t, looked_make, &l, s))
			return false;
	}
	return composed_try(c, t, &r->seen[r->seens++]);
}

/* ---- Strangers --------------------------------------------------------------------------- */

/* Natural pictures that nobody has ever shown it, a batch at a time. */
MUST static bool
strangers_try(struct ctx *c, struct trial *t, const struct key256 *secret)
{
	const struct image *like = &t->the->keys->picture[0][0];
	struct image picture[ASKED_AT_ONCE];
	struct prf seeds = prf_stream(secret, "strangers", 0, 0);
	struct ctx aside = *c;
	double found = 0;
	bool ok = true;

	aside.mem = t->scratch;
	for (size_t at = 0, some; ok && at < WATERMARK_STRANGERS; at += some) {
		some = WATERMARK_STRANGERS - at < ASKED_AT_ONCE ? WATERMARK_STRANGERS - at
								: ASKED_AT_ONCE;
		arena_reset(t->scratch);
		for (size_t i = 0; ok && i < some; i++)
			ok = natural_picture(&aside, prf_next(&seeds), like->width,
			    like->height, like->channels, &picture[i]);
		ok = ok && asker_ask(&aside, t->asker, picture, some, 0, t->answer, NULL);
		found += ok ? hits(t, some) * (double)some : 0;
	}
	c->err = aside.err;
	t->report->strangers = found / WATERMARK_STRANGERS;
	return prf_end(c, &seeds) && ok;
}

/* ---- All of it --------------------------------------------------------------------------- */

MUST static bool
trial_new(struct ctx *c, const struct watermark_case *k, const struct key256 *secret,
    const struct watermark_options *o, struct watermark_report *r, struct trial *t)
{
	struct data_form form;

	*t = (struct trial){ .the = k,
		.report = r,
		.seed = o->seed,
		.n = (size_t)k->keys->pairs,
		.scratch = arena_new(SCRATCH) };
	if (t->scratch == NULL)
		return fail(c, E_MEMORY, "no memory to measure a watermark");
	t->key = take(c, t->n * sizeof *t->key);
	t->twin = take(c, t->n * sizeof *t->twin);
	t->answer = take(c, (t->n + ASKED_AT_ONCE) * sizeof *t->answer);
	return t->key != NULL && t->twin != NULL && t->answer != NULL &&
	    asker_form(c, k->graph, &k->keys->picture[0][0], is_raw(&k->data->form), &form) &&
	    asker_new(c, k->graph, &form, ASKED_AT_ONCE, o->threads, &t->asker) &&
	    identities_hide(c, secret, t);
}

bool
watermark_report_measure(struct ctx *c, const struct watermark_case *k,
    const struct key256 *secret, const struct watermark_options *o,
    const struct watermark_watch *watch, struct watermark_report *r)
{
	owned(trial_done) struct trial t = { 0 };
	int64_t from = clock_monotonic();

	if (!trial_new(c, k, secret, o, r, &t) || !likeness(c, &t) ||
	    !lossy_try(c, &t, watch) || !views_try(c, &t, watch) ||
	    !strangers_try(c, &t, secret))
		return false;
	r->seconds = (double)(clock_monotonic() - from) / 1000;
	return true;
}
