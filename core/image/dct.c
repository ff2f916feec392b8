/*
 * The cosine transform of square blocks, as two products with one matrix, and the change between
 * red, green, blue and luminance, chroma. Cosines are computed here and not by the mathematical
 * library, whose last bit depends on the processor: what is made of a transform must be the same
 * everywhere.
 */
#include <math.h>

#include "parts.h"

enum { DCT_SIDE_MAX = 64, DCT_BLOCK_MAX = DCT_SIDE_MAX * DCT_SIDE_MAX };

/* cos(pi k / 2n) for 0 <= k <= n: of the series of sine or cosine, whichever has less to go. */
static double
cosine(int k, int n)
{
	const bool near = 2 * k <= n;
	const double x = M_PI * (near ? k : n - k) / (2 * n);
	double term = near ? 1 : x, sum = term;

	for (int i = near ? 1 : 2; i < 24; i += 2) {
		term *= -x * x / (i * (i + 1));
		sum += term;
	}
	return sum;
}

/*
 * side rows of side numbers. Row u: a(u) cos((2x+1) u pi / 2 side); the angles repeat after 4 side
 * steps, the quarters of the circle are each other's mirrors. *turned has rows for columns.
 */
static void
basis(int side, double *m, double *turned)
{
	const double rest = sqrt(2.0 / side);
	double quarter[DCT_SIDE_MAX + 1];

	for (int k = 0; k <= side; k++)
		quarter[k] = cosine(k, side) * rest;
	for (int x = 0; x < side; x++)
		for (int u = 0; u < side; u++) {
			int k = (2 * x + 1) * u % (4 * side);

			k = k > 2 * side ? 4 * side - k : k;
			m[u * side + x] = u == 0 ? sqrt(1.0 / side)
			    : k > side           ? -quarter[2 * side - k]
						 : quarter[k];
			turned[x * side + u] = m[u * side + x];
		}
}

static void
product(int side, const double *a, const double *b, double *ret)
{
	memset(ret, 0, (size_t)side * (size_t)side * sizeof *ret);
	for (int i = 0; i < side; i++)
		for (int k = 0; k < side; k++)
			for (int j = 0; j < side; j++)
				ret[i * side + j] += a[i * side + k] * b[k * side + j];
}

void
image_dct(int side, const double *from, double *to)
{
	double m[DCT_BLOCK_MAX], turned[DCT_BLOCK_MAX], half[DCT_BLOCK_MAX];

	basis(side, m, turned);
	product(side, m, from, half);
	product(side, half, turned, to);
}

void
image_dct_back(int side, const double *from, double *to)
{
	double m[DCT_BLOCK_MAX], turned[DCT_BLOCK_MAX], half[DCT_BLOCK_MAX];

	basis(side, m, turned);
	product(side, turned, from, half);
	product(side, half, m, to);
}

/* ITU-T T.871, section 7. */
void
image_to_ycc(const double rgb[3], double ycc[3])
{
	const double y = .299 * rgb[0] + .587 * rgb[1] + .114 * rgb[2];
	const double cb = (rgb[2] - y) / 1.772 + 128, cr = (rgb[0] - y) / 1.402 + 128;

	ycc[0] = y;
	ycc[1] = cb;
	ycc[2] = cr;
}

void
image_to_rgb(const double ycc[3], double rgb[3])
{
	const double r = ycc[0] + 1.402 * (ycc[2] - 128), b = ycc[0] + 1.772 * (ycc[1] - 128);
	const double g = (ycc[0] - .299 * r - .114 * b) / .587;

	rgb[0] = r;
	rgb[1] = g;
	rgb[2] = b;
}
