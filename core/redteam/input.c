/*
 * What a thief can do to questions before his network sees them: every picture goes through a
 * filter that hardly costs right answers and may wipe out what a key picture is known by. Numbers
 * of a sample are taken as they go into the network; steps and noise are in shares of their range.
 */
#include <math.h>

#include "image.h"
#include "parts.h"

#define ROOM ((size_t)64 << 20)

/* One filter at work. */
struct sieve {
	const struct redteam *r;
	double x;
	struct chance chance;
	struct arena *mem;               /* what one batch needs */
	int64_t channels, height, width; /* of a sample; a series is one row high */
	float unit;                      /* what a picture's lowest bit is worth */
	float *room;                     /* one plane */
};

static void
sieve_done(void *arg)
{
	struct sieve *f = arg;

	arena_free(&f->mem);
}

typedef bool sieve_function(struct ctx *, void *, float *, int64_t);

MUST static bool
sieve_put(struct ctx *c, struct redteam *r, double x, sieve_function *before,
    struct redteam_suspect *s)
{
	struct sieve *f = take(c, sizeof *f);
	const struct data_form *form = &r->form;

	if (f == NULL)
		return false;
	*f = (struct sieve){ .r = r,
		.x = x,
		.chance = redteam_chance(r, 0),
		.channels = form->rank > 1 ? form->dim[0] : 1,
		.height = form->rank > 2 ? form->dim[1] : 1,
		.width = form->dim[form->rank - 1],
		.unit = (r->high - r->low) / (form->type == DATA_UINT8 ? 255 : 65535) };
	f->room = take(c, (size_t)(f->height * f->width + 1) * sizeof *f->room);
	if (f->room == NULL)
		return false;
	f->mem = arena_new(ROOM);
	if (f->mem == NULL)
		return fail(c, E_MEMORY, "no memory for a filter");
	s->filter = (struct redteam_filter){ before, NULL, sieve_done, f };
	return true;
}

static float
within(const struct sieve *f, float v)
{
	return fminf(fmaxf(v, f->r->low), f->r->high);
}

/* ---- I1: JPEG ---------------------------------------------------------------------------- */

/* Of one number of a plane, the byte of a picture, and back. */
static uint8_t
byte_of(const struct sieve *f, float v)
{
	return (uint8_t)lrintf((within(f, v) - f->r->low) / (f->r->high - f->r->low) * 255);
}

static void
picture_of(const struct sieve *f, const float *x, const struct image *to)
{
	int64_t plane = f->height * f->width;

	for (int64_t i = 0; i < plane; i++)
		for (int64_t q = 0; q < f->channels; q++)
			to->v[i * f->channels + q] = byte_of(f, x[q * plane + i]);
}

static void
picture_back(const struct sieve *f, const struct image *from, float *x)
{
	int64_t plane = f->height * f->width;

	for (int64_t i = 0; i < plane; i++)
		for (int64_t q = 0; q < f->channels; q++)
			x[q * plane + i] = f->r->low +
			    (f->r->high - f->r->low) * (float)from->v[i * f->channels + q] /
				255;
}

static bool
jpeg_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	struct sieve *f = arg;
	struct ctx own = *c;
	int64_t count = f->r->form.count;
	struct image was, is;
	bool ok = true;

	own.mem = f->mem;
	for (int64_t i = 0; ok && i < n; i++) {
		arena_reset(f->mem);
		ok = image_new(&own, (int)f->width, (int)f->height, (int)f->channels, &was);
		if (!ok)
			break;
		picture_of(f, x + i * count, &was);
		ok = image_jpeg(&own, &was, (int)f->x, &is, NULL);
		if (ok)
			picture_back(f, &is, x + i * count);
	}
	c->err = own.err;
	return ok;
}

bool
redteam_try_jpeg(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "JPEG of quality %g", x);
	return sieve_put(c, r, x, jpeg_before, s);
}

/* ---- I2, I3: what stands around a place ----------------------------------------------------- */

typedef float around_function(const struct sieve *, const float *plane, int64_t y, int64_t x);

/* The number there; beyond the edge, that at the edge. */
static float
at(const struct sieve *f, const float *plane, int64_t y, int64_t x)
{
	y = y < 0 ? 0 : y >= f->height ? f->height - 1 : y;
	x = x < 0 ? 0 : x >= f->width ? f->width - 1 : x;
	return plane[y * f->width + x];
}

static void
around_all(const struct sieve *f, float *x, int64_t n, around_function *around)
{
	int64_t plane = f->height * f->width;

	for (int64_t i = 0; i < n * f->channels; i++, x += plane) {
		memcpy(f->room, x, (size_t)plane * sizeof *x);
		for (int64_t y = 0; y < f->height; y++)
			for (int64_t k = 0; k < f->width; k++)
				x[y * f->width + k] = around(f, f->room, y, k);
	}
}

static float
gauss_at(const struct sieve *f, const float *plane, int64_t y, int64_t x)
{
	int64_t reach = (int64_t)ceil(3 * f->x), high = f->height > 1 ? reach : 0;
	double sum = 0, all = 0;

	for (int64_t i = -high; i <= high; i++)
		for (int64_t k = -reach; k <= reach; k++) {
			double w = exp(-(double)(i * i + k * k) / (2 * f->x * f->x));

			sum += w * at(f, plane, y + i, x + k);
			all += w;
		}
	return (float)(sum / all);
}

static int
by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* x: 0 the mean of three by three, 1 their median. */
static float
window_at(const struct sieve *f, const float *plane, int64_t y, int64_t x)
{
	int64_t high = f->height > 1 ? 1 : 0;
	float v[9], sum = 0;
	int n = 0;

	for (int64_t i = -high; i <= high; i++)
		for (int64_t k = -1; k <= 1; k++)
			sum += v[n++] = at(f, plane, y + i, x + k);
	if (f->x < .5)
		return sum / (float)n;
	qsort(v, (size_t)n, sizeof v[0], by_value);
	return v[n / 2];
}

static bool
blur_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	(void)c;
	around_all(arg, x, n, gauss_at);
	return true;
}

static bool
window_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	(void)c;
	around_all(arg, x, n, window_at);
	return true;
}

bool
redteam_try_blur(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "a blur of %g pixels", x);
	return sieve_put(c, r, x, blur_before, s);
}

bool
redteam_try_window(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "%s of three by three", x < .5 ? "mean" : "median");
	return sieve_put(c, r, x, window_before, s);
}

/* ---- I4, I5, I6: each number for itself -------------------------------------------------- */

static bool
grain_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	struct sieve *f = arg;
	double scale = f->x * (double)(f->r->high - f->r->low);

	(void)c;
	for (int64_t i = 0; i < n * f->r->form.count; i++)
		x[i] = within(f, x[i] + (float)(scale * chance_normal(&f->chance)));
	return true;
}

/* To so many values, evenly. */
static void
levels_of(const struct sieve *f, float *x, int64_t n, double levels)
{
	float step = (f->r->high - f->r->low) / (float)(levels - 1);

	for (int64_t i = 0; i < n * f->r->form.count; i++)
		x[i] = f->r->low + step * rintf((within(f, x[i]) - f->r->low) / step);
}

static bool
levels_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	const struct sieve *f = arg;

	(void)c;
	levels_of(f, x, n, f->x);
	return true;
}

static bool
depth_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	const struct sieve *f = arg;

	(void)c;
	levels_of(f, x, n, exp2(f->x));
	return true;
}

bool
redteam_try_grain(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "noise of %g of the range", x);
	return sieve_put(c, r, x, grain_before, s);
}

bool
redteam_try_levels(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "%g levels", x);
	return sieve_put(c, r, x, levels_before, s);
}

bool
redteam_try_depth(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "%g bits", x);
	return sieve_put(c, r, x, depth_before, s);
}

/* ---- I7, I9: turned round, lowest bits, other sizes ------------------------------------------ */

static bool
mirror_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	const struct sieve *f = arg;

	(void)c;
	for (int64_t i = 0; i < n * f->channels * f->height; i++, x += f->width)
		for (int64_t k = 0; k < f->width / 2; k++) {
			float was = x[k];

			x[k] = x[f->width - 1 - k];
			x[f->width - 1 - k] = was;
		}
	return true;
}

/* A number's lowest bit zero, or any; or the number moved by one either way. */
enum low_bits { BITS_ZERO, BITS_ANY, BITS_MOVED };

static bool
bits_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	struct sieve *f = arg;

	(void)c;
	for (int64_t i = 0; i < n * f->r->form.count; i++) {
		float whole = rintf((x[i] - f->r->low) / f->unit);
		float even = 2 * floorf(whole / 2);

		if (f->x < BITS_ANY)
			whole = even;
		else if (f->x < BITS_MOVED)
			whole = even + (float)chance_below(&f->chance, 2);
		else
			whole += (float)(chance_below(&f->chance, 3) - 1);
		x[i] = within(f, f->r->low + f->unit * whole);
	}
	return true;
}

/* A plane at a place between its numbers. */
static float
between(const struct sieve *f, const float *plane, double y, double x)
{
	int64_t i = (int64_t)floor(y), k = (int64_t)floor(x);
	float v = (float)(y - (double)i), u = (float)(x - (double)k);

	return (1 - v) * ((1 - u) * at(f, plane, i, k) + u * at(f, plane, i, k + 1)) +
	    v * ((1 - u) * at(f, plane, i + 1, k) + u * at(f, plane, i + 1, k + 1));
}

/* As it looks after it was x times as large and then as large as before. */
static float
resized_at(const struct sieve *f, const float *plane, int64_t y, int64_t x)
{
	double up = floor((double)y * f->x + .5) / f->x,
	       left = floor((double)x * f->x + .5) / f->x;

	return between(f, plane, f->height > 1 ? up : 0, left);
}

static bool
resize_before(struct ctx *c, void *arg, float *x, int64_t n)
{
	(void)c;
	around_all(arg, x, n, resized_at);
	return true;
}

bool
redteam_try_mirror(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "mirrored");
	return sieve_put(c, r, x, mirror_before, s);
}

bool
redteam_try_bits(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	static const char *const what[] = { "lowest bits zero", "lowest bits by chance",
		"each number moved by one" };

	redteam_say(s, "%s", what[(size_t)x]);
	return sieve_put(c, r, x, bits_before, s);
}

bool
redteam_try_resize(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	redteam_say(s, "%g times as large, and back", x);
	return sieve_put(c, r, x, resize_before, s);
}
