/*
 * Likeness of lists and pictures of numbers.
 */
#include <math.h>

#include "fingerprint.h"

static double
product(const float a[], double a_mean, const float b[], double b_mean, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += ((double)a[i] - a_mean) * ((double)b[i] - b_mean);
	return sum;
}

static double
mean(const float a[], int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)a[i];
	return n > 0 ? sum / (double)n : 0;
}

static double
about(const float a[], double a_mean, const float b[], double b_mean, int64_t n)
{
	double aa = product(a, a_mean, a, a_mean, n), bb = product(b, b_mean, b, b_mean, n);

	return aa > 0 && bb > 0 ? product(a, a_mean, b, b_mean, n) / sqrt(aa * bb) : 0;
}

double
likeness_cosine(const float a[], const float b[], int64_t n)
{
	return about(a, 0, b, 0, n);
}

double
likeness_pearson(const float a[], const float b[], int64_t n)
{
	return about(a, mean(a, n), b, mean(b, n), n);
}

/* ---- Ranks ------------------------------------------------------------------------------- */

struct ranked {
	float value;
	int64_t at;
};

static int
rising(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

MUST static bool
sorted(struct ctx *c, const float a[], int64_t n, struct ranked **ret)
{
	struct ranked *r = take(c, (size_t)n * sizeof *r + 1);

	if (r == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		r[i] = (struct ranked){ a[i], i };
	qsort(r, (size_t)n, sizeof *r, rising);
	*ret = r;
	return true;
}

MUST static bool
ranks(struct ctx *c, const float a[], int64_t n, float **ret)
{
	float *rank = take(c, (size_t)n * sizeof *rank + 1);
	struct ranked *r;

	if (rank == NULL || !sorted(c, a, n, &r))
		return false;
	for (int64_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && r[k].value == r[i].value; k++)
			continue; /* what is no number equals nothing, not even itself */
		for (int64_t j = i; j < k; j++)
			rank[r[j].at] = (float)(i + k - 1) / 2;
	}
	*ret = rank;
	return true;
}

bool
likeness_spearman(struct ctx *c, const float a[], const float b[], int64_t n, double *ret)
{
	float *x, *y;

	if (!ranks(c, a, n, &x) || !ranks(c, b, n, &y))
		return false;
	*ret = likeness_pearson(x, y, n);
	return true;
}

bool
likeness_top(
    struct ctx *c, const float a[], const float b[], int64_t n, int64_t top, double *ret)
{
	bool *in = take(c, (size_t)n + 1);
	struct ranked *x, *y;
	int64_t both = 0;

	if (in == NULL || !sorted(c, a, n, &x) || !sorted(c, b, n, &y))
		return false;
	for (int64_t i = n - top; i < n; i++)
		in[x[i].at] = true;
	for (int64_t i = n - top; i < n; i++)
		both += in[y[i].at];
	*ret = top > 0 ? (double)both / (double)top : 0;
	return true;
}

/* ---- Structure --------------------------------------------------------------------------- */

enum { SIDE_SMALL = 7, SIDE_LARGE = 11 };

static int
window(int width, int height, double w[SIDE_LARGE])
{
	int side = width < 64 || height < 64 ? SIDE_SMALL : SIDE_LARGE;
	double sum = 0;

	for (int i = 0; i < side; i++) {
		double d = i - side / 2;

		w[i] = exp(-d * d / (2 * 1.5 * 1.5));
		sum += w[i];
	}
	for (int i = 0; i < side; i++)
		w[i] /= sum;
	return side;
}

/* The similarity within one window, whose corner is at `a` and `b`. */
static double
structure_at(const float *a, const float *b, int width, int side, const double w[])
{
	const double c1 = .01 * .01, c2 = .03 * .03;
	double x = 0, y = 0, xx = 0, yy = 0, xy = 0;

	for (int i = 0; i < side; i++)
		for (int j = 0; j < side; j++) {
			double p = (double)a[i * width + j], q = (double)b[i * width + j];
			double by = w[i] * w[j];

			x += by * p;
			y += by * q;
			xx += by * p * p;
			yy += by * q * q;
			xy += by * p * q;
		}
	return (2 * x * y + c1) * (2 * (xy - x * y) + c2) /
	    ((x * x + y * y + c1) * (xx - x * x + yy - y * y + c2));
}

double
likeness_structure(const float a[], const float b[], int width, int height)
{
	double w[SIDE_LARGE], sum = 0;
	int side = window(width, height, w), n = 0;

	for (int i = 0; i + side <= height; i++)
		for (int j = 0; j + side <= width; j++, n++)
			sum += structure_at(
			    a + i * width + j, b + i * width + j, width, side, w);
	return n > 0 ? sum / n : 0;
}
