/*
 * How well payloads are hidden. The lowest bits of photographs are not quite random, and a plane
 * that a payload fills is; so key pictures get a random plane when they are drawn, and the question
 * is asked twice: whether a key picture with a payload is told from one without, and whether it is
 * told from the photograph that it was drawn from, which nobody but the vendor has.
 */
#include <math.h>
#include <stdio.h>

#include "keyimages.h"
#include "keyimages_stealth.h"
#include "stego.h"

/* clang-format off */
static const struct {
	const char *name;
	double (*score)(const struct image *);
} detectors[] = {
	{ "rs",         rs_estimate },
	{ "rs_gap",     rs_gap      },
	{ "chi_square", pairs_equal },
};
/* clang-format on */

struct pictures {
	const char *what;
	enum stego_carrier carrier;
	struct image *clean, *hidden;
	size_t n;
};

/* Beyond what chance does to n pictures of either kind: four standard deviations and a little. */
static double
chance(size_t n)
{
	return .5 + 4 * sqrt(1 / (6.0 * (double)n)) + .005;
}

static void
print_likeness(const struct pictures *p)
{
	double worst = INFINITY, psnr = 0, ssim = 0, least = 1;

	for (size_t i = 0; i < p->n; i++) {
		double d = image_psnr(&p->clean[i], &p->hidden[i]);
		double s = image_ssim(&p->clean[i], &p->hidden[i]);

		worst = fmin(worst, d);
		least = fmin(least, s);
		psnr += d / (double)p->n;
		ssim += s / (double)p->n;
	}
	printf("\"psnr\":%.2f,\"psnr_min\":%.2f,\"ssim\":%.4f,\"ssim_min\":%.4f", psnr, worst,
	    ssim, least);
}

/* The highest area under the curve among the detectors. */
static double
print_detection(const struct pictures *p)
{
	double *no = calloc(p->n, sizeof *no), *yes = calloc(p->n, sizeof *yes), most = 0;

	if (no == NULL || yes == NULL)
		stop("memory");
	for (size_t d = 0; d < COUNT(detectors); d++) {
		double area;

		for (size_t i = 0; i < p->n; i++) {
			no[i] = detectors[d].score(&p->clean[i]);
			yes[i] = detectors[d].score(&p->hidden[i]);
		}
		area = auc(no, yes, p->n);
		most = fmax(most, area);
		printf(",\"%s\":{\"auc\":%.3f,\"found_at_5\":%.3f,\"found_at_1\":%.3f}",
		    detectors[d].name, area, found_at(.05, no, yes, p->n),
		    found_at(.01, no, yes, p->n));
	}
	free(no);
	free(yes);
	return most;
}

static double
print_pictures(const struct pictures *p)
{
	const struct image *i = &p->clean[0];
	double most;

	printf("{\"stealth\":\"%s\",\"what\":\"%s\",\"size\":\"%dx%dx%d\",\"pictures\":%zu,",
	    stego_carrier_name(p->carrier), p->what, i->width, i->height, i->channels, p->n);
	print_likeness(p);
	most = print_detection(p);
	printf(",\"auc_max\":%.3f,\"chance\":%.3f}\n", most, chance(p->n));
	fflush(stdout);
	return most;
}

static struct image *
hide(enum stego_carrier carrier, const struct image from[], size_t n)
{
	struct key256 secret = key_of(11);
	struct image *to = take(ctx, n * sizeof *to);
	struct stego_keys keys;

	need(to != NULL && stego_keys_of(ctx, &secret, &keys), "keys");
	for (size_t i = 0; i < n; i++) {
		struct stego_payload p = { 77, (uint32_t)(1 + i), (uint32_t)(1 + i),
			1700000000 + (int64_t)i, 0 };

		need(stego_embed(ctx, carrier, &keys, &from[i], &p, &to[i]), "hiding");
	}
	stego_keys_done(&keys);
	return to;
}

/* As a key set is drawn: the lowest plane anew. */
static struct image *
with_random_planes(const struct image from[], size_t n)
{
	struct key256 key = key_of(12);
	struct image *to = take(ctx, n * sizeof *to);
	uint8_t *plane = take(ctx, image_bytes(&from[0]));
	owned(bulk_free) struct bulk *bulk = NULL;

	need(
	    to != NULL && plane != NULL && bulk_new(ctx, &key, "plane", 0, 0, &bulk), "planes");
	for (size_t i = 0; i < n; i++) {
		size_t bytes = image_bytes(&from[i]);

		need(image_copy(ctx, &from[i], &to[i]) && bulk_read(ctx, bulk, plane, bytes),
		    "planes");
		for (size_t k = 0; k < bytes; k++)
			to[i].v[k] = (uint8_t)((to[i].v[k] & 0xfe) | (plane[k] & 1));
	}
	return to;
}

/* Both questions; whether the first, the one that matters, is answered as by chance. */
static bool
both(const struct image from[], size_t n)
{
	struct image *keys = with_random_planes(from, n);
	struct pictures p = { "key pictures", STEGO_LSB, keys, hide(STEGO_LSB, keys, n), n };
	double most = print_pictures(&p);

	p.what = "pictures as they came";
	for (size_t i = 0; i < n; i++)
		p.clean[i] = from[i];
	(void)print_pictures(&p);
	return most <= chance(n);
}

static struct image *
out_of_a_seed(int side, size_t n)
{
	struct image *all = take(ctx, n * sizeof *all);

	need(all != NULL, "memory");
	for (size_t i = 0; i < n; i++)
		need(natural_picture(ctx, 5000 + i, side, side, 3, &all[i]), "pictures");
	return all;
}

void
stealth(const struct image photos[], size_t n, size_t large, bool *ret_chance)
{
	static const int sides[] = { 64, 128, 224 };
	bool all = both(photos, n);

	for (size_t s = 0; large > 0 && s < COUNT(sides); s++) {
		struct image *from = out_of_a_seed(sides[s], large);
		struct pictures p = { "pictures as they came", STEGO_DCT, from,
			hide(STEGO_DCT, from, large), large };

		all &= both(from, large);
		(void)print_pictures(&p);
	}
	*ret_chance = all;
}
