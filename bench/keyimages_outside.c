/*
 * Key pictures as they come back from outside: through the codecs that the world sends pictures
 * through, and through a camera.
 */
#include <stdio.h>

#include "keyimages.h"
#include "lossy.h"

/* What becomes of one picture; `nth` tells repetitions apart. */
typedef void outside(const void *how, const struct image *from, int64_t nth, struct image *ret);

/* Shares of pairs: key answered with the additional class, twin too, key and not twin. */
struct told {
	double keys, twins, pairs;
};

static struct told
tell(const struct suspect *s, const struct query q[2])
{
	int32_t *answer[2], more = q[0].want[0];
	struct told t = { 0, 0, 0 };
	double one = 1 / (double)q[0].n;
	struct runner r;

	runner_start(s->graph, &s->test->form, &r);
	for (int twin = 0; twin < 2; twin++) {
		answer[twin] = take(ctx, (size_t)q[twin].n * sizeof *answer[twin]);
		need(answer[twin] != NULL, "memory");
		answers(&r, NULL, q[twin].x, q[twin].n, 0, answer[twin]);
	}
	for (int64_t i = 0; i < q[0].n; i++) {
		t.keys += answer[0][i] == more ? one : 0;
		t.twins += answer[1][i] == more ? one : 0;
		t.pairs += answer[0][i] == more && answer[1][i] != more ? one : 0;
	}
	runner_end(&r);
	return t;
}

/* Keys and twins, each so many times; prints what was done to them and the shares. */
static void
ask(const struct suspect *s, const struct keyset *k, outside *change, const void *how,
    int64_t times, const char *name, double level)
{
	struct suspect asked = { .graph = s->graph, .test = s->test };
	double since = seconds(CLOCK_MONOTONIC);
	struct arena *kept = ctx->mem, *aside = arena_new((size_t)1 << 29);
	struct told t;

	ctx->mem = aside;
	for (int twin = 0; twin < 2; twin++) {
		struct query *q = query_add(&asked, "pairs", k->pairs * times, 0);

		for (int64_t i = 0; i < q->n; i++) {
			int pair = (int)(i % k->pairs);
			struct image seen;

			change(
			    how, twin ? keyset_twin(k, pair) : keyset_key(k, pair), i, &seen);
			query_set(&asked, q, i, &seen, k->classes);
		}
	}
	t = tell(&asked, asked.query);
	printf("{\"outside\":\"%s\",\"level\":%g,\"keys\":%.4f,\"twins\":%.4f,\"pairs\":%.4f,"
	       "\"seconds\":%.1f}\n",
	    name, level, t.keys, t.twins, t.pairs, seconds(CLOCK_MONOTONIC) - since);
	fflush(stdout);
	ctx->mem = kept;
	arena_free(&aside);
}

/* ---- Codecs ------------------------------------------------------------------------------ */

struct pass {
	enum lossy_codec codec;
	int level;
};

/* Every other picture with other lowest bits, as a customer has it. */
static void
passed(const void *how, const struct image *from, int64_t nth, struct image *ret)
{
	const struct pass *p = how;
	const struct key256 key = key_of(9);
	struct prf draws = prf_stream(&key, "bits", (uint32_t)nth, 0);
	struct image copy;

	need(image_copy(ctx, from, &copy), "memory");
	for (size_t i = 0; i < image_bytes(&copy); i++)
		copy.v[i] = (uint8_t)((copy.v[i] & 0xfe) | prf_uniform(&draws, 2));
	need(prf_end(ctx, &draws), "draws");
	need(lossy_pass(ctx, p->codec, p->level, &copy, ret, NULL), "codec");
}

void
through_codecs(const struct suspect *s, const struct keyset *k)
{
	for (int codec = 0; codec < LOSSY_COUNT; codec++) {
		size_t n;
		const int *level = lossy_levels((enum lossy_codec)codec, &n);

		for (size_t i = 0; i < n; i++) {
			const struct pass p = { (enum lossy_codec)codec, level[i] };

			ask(s, k, passed, &p, 2, lossy_name(p.codec), level[i]);
		}
	}
}

/* ---- A camera ---------------------------------------------------------------------------- */

enum { VIEWS = 20 };

/* One transformation alone, from -1 to 1 of its range; NULL: all of them by chance. */
struct seen {
	const char *name;
	struct image_view (*at)(double x);
};

static struct image_view
nearer(double x)
{
	return (struct image_view){ .scale = .85 + .35 * x, .gain = 1 };
}

static struct image_view
turned(double x)
{
	return (struct image_view){ .scale = 1, .gain = 1, .roll = 15 * x };
}

static struct image_view
slanted(double x)
{
	return (struct image_view){ .scale = 1, .gain = 1, .yaw = 30 * x, .pitch = -30 * x };
}

static struct image_view
dimmed(double x)
{
	return (struct image_view){ .scale = 1, .gain = 1 + .4 * x, .offset = .05 * x };
}

static struct image_view
noisy(double x)
{
	return (struct image_view){ .scale = 1, .gain = 1, .noise = .025 + .025 * x };
}

/* clang-format off */
static const struct seen views[] = {
	{ "distance",   nearer },
	{ "turn",       turned },
	{ "angle",      slanted },
	{ "brightness", dimmed },
	{ "noise",      noisy },
	{ "composed",   NULL },
};
/* clang-format on */

static void
photographed(const void *how, const struct image *from, int64_t nth, struct image *ret)
{
	const struct seen *v = how;
	struct key256 key = key_of(10);
	struct prf draws = prf_stream(&key, "view", (uint32_t)nth, 0);
	uint64_t seed = prf_next(&draws);
	double x = 2 * prf_real(&draws) - 1;
	struct image_view view = v->at != NULL ? v->at(x) : image_view_random(seed);

	need(prf_end(ctx, &draws), "draws");
	need(image_copy(ctx, from, ret), "memory");
	image_warp(from, &view, seed, ret);
}

void
through_camera(const struct suspect *s, const struct keyset *k)
{
	for (size_t i = 0; i < COUNT(views); i++)
		ask(s, k, photographed, &views[i], VIEWS, views[i].name, VIEWS);
}
