/*
 * How the values of a layer lie, by which a thief may look for what does not belong there: their
 * median, their spread, and whether they differ at all.
 */
#include "attack.h"

bool
attack_worth(const struct nn_weight *w)
{
	if (!w->trainable || w->constant || w->count < 2)
		return false;
	for (int64_t i = 1; i < w->count; i++)
		if (w->data[i] != w->data[0])
			return true;
	return false;
}

static void
swap(float *a, float *b)
{
	float was = *a;

	*a = *b;
	*b = was;
}

/* Hoare's selection, the pivot being the median of three. */
float
spread_nth(float v[], int64_t n, int64_t k)
{
	int64_t low = 0, high = n - 1;

	while (low < high) {
		int64_t i = low, j = high, mid = low + (high - low) / 2;
		float pivot;

		if (v[mid] < v[low])
			swap(&v[mid], &v[low]);
		if (v[high] < v[low])
			swap(&v[high], &v[low]);
		if (v[high] < v[mid])
			swap(&v[high], &v[mid]);
		pivot = v[mid];
		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (pivot < v[j])
				j--;
			if (i <= j)
				swap(&v[i++], &v[j--]);
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return v[k];
}

struct spread
spread_of(float v[], int64_t n)
{
	struct spread s = { .median = spread_nth(v, n, n / 2) };

	for (int64_t i = 0; i < n; i++)
		v[i] = (float)fabs(v[i] - s.median);
	s.mad = spread_nth(v, n, n / 2);
	return s;
}

void
floats_done(float **v)
{
	free(*v);
	*v = NULL;
}

bool
attack_floats(struct ctx *c, int64_t n, float **ret)
{
	float *v = calloc((size_t)n + 1, sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)n);
	*ret = v;
	return true;
}
