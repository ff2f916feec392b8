/*
 * What stands in the artifact in place of the weights: numbers drawn from a fresh seed, in each
 * tensor about as large as its own were, as at the beginning of a training. Mean and scale are
 * rounded to three bits; nothing else of the original enters.
 */
#include <math.h>

#include "sealed.h"

struct fresh {
	const struct seal_plan *plan;
	struct bulk *draw;
	size_t next;   /* of the plan's tensors */
	uint32_t open; /* of its locked entries, for tensors that are not sealed */
};

static void
fresh_done(struct fresh *f)
{
	bulk_free(&f->draw);
}

/* To three significant bits. */
static double
coarse(double v)
{
	int exponent;
	double m = frexp(v, &exponent);

	return ldexp(round(m * 8) / 8, exponent);
}

/*
 * Nearly normal, mean 0, variance 1: four uniform numbers of 16 bits (Irwin and Hall), which are
 * enough for what only has to be of the right size.
 */
static double
unit(const uint16_t r[4])
{
	return ((double)r[0] + r[1] + r[2] + r[3] - 131070) * (1.7320508075688772 / 65536);
}

static float
fresh_value(const struct seal_tensor *t, double mean, double sd, const uint16_t r[4])
{
	double v = mean + sd * unit(r), most = t->is.type == ONNX_FLOAT16 ? 60000 : 1e38;

	if (t->positive)
		v = fabs(v) + mean / 16;
	if (v > most)
		v = most;
	return (float)(v < -most ? -most : v);
}

static void
put_integers(enum onnx_type type, const float v[], size_t n, char *to)
{
	double low = type == ONNX_INT8 ? INT8_MIN : 0, high = low + UINT8_MAX;

	for (size_t i = 0; i < n; i++) {
		double x = round(v[i]);

		to[i] = (char)(int)(x < low ? low : x > high ? high : x);
	}
}

MUST static bool
put_fresh(struct ctx *c, struct fresh *f, const struct seal_tensor *t, char *to, size_t n)
{
	double mean = t->real && t->matrix && !t->positive ? 0 : coarse(t->mean);
	double sd = coarse(t->sd);
	uint16_t(*r)[4] = (void *)f->plan->bytes;

	if (!bulk_read(c, f->draw, r, n * sizeof *r))
		return false;
	for (size_t i = 0; i < n; i++)
		f->plan->number[i] = fresh_value(t, mean, sd, r[i]);
	if (t->real)
		onnx_floats_put(t->is.type, f->plan->number, n, to);
	else
		put_integers(t->is.type, f->plan->number, n, to);
	return true;
}

static bool
change(struct ctx *c, void *arg, const struct onnx_place *at, void *bytes, size_t elements)
{
	struct fresh *f = arg;
	const struct seal_plan *p = f->plan;
	size_t size = onnx_type_size(at->type), n;

	while (f->next < p->tensors && p->tensor[f->next].is.index < at->index)
		f->next++;
	if (f->next == p->tensors || p->tensor[f->next].is.index != at->index) {
		while (f->open < p->n && p->locked[f->open].tensor < at->index)
			f->open++;
		return unlock_flip(c, p->locked, p->n, &f->open, at, bytes, elements);
	}
	for (size_t i = 0; i < elements; i += n) {
		n = elements - i < SEALED_BLOCK ? elements - i : SEALED_BLOCK;
		if (!put_fresh(c, f, &p->tensor[f->next], (char *)bytes + i * size, n))
			return false;
	}
	return true;
}

bool
seal_fresh(struct ctx *c, const struct seal_plan *p, int out)
{
	owned(fresh_done) struct fresh f = { .plan = p };
	struct key256 seed;
	bool ok;

	key256_random(c, &seed);
	ok = bulk_new(c, &seed, "fresh", 0, 0, &f.draw);
	key256_done(&seed);
	return ok && onnx_patch(c, p->plain.fd, out, ONNX_PATCH_DETACH, change, &f);
}
