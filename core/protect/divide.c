/*
 * The vendor's data set divided. The lock set is drawn by the release's secret, as evenly over the
 * classes as the data allow; what is left serves the measurements. The same key and the same data
 * give the same division.
 */
#include "protect.h"

enum part { PART_NONE, PART_LOCK, PART_VALIDATION, PART_THIEF };

/* Samples in a drawn order, and whose each one is. */
struct division {
	const struct train_data *data;
	int64_t n;
	uint32_t *order;
	uint8_t *part; /* by sample; enum part */
};

MUST static bool
begin(struct ctx *c, const struct key256 *release, const char *tag, const struct train_data *d,
    struct division *ret)
{
	int64_t n = d->samples->shape.dim[0];
	struct key256 key;
	struct prf s;

	if (n != d->labels->n)
		return fail(c, E_INPUT, "%lld samples, but %lld labels", (long long)n,
		    (long long)d->labels->n);
	if (n > INT32_MAX)
		return fail(c, E_LIMIT, "more than %d samples", INT32_MAX);
	*ret = (struct division){ d, n, take(c, (size_t)(n + 1) * sizeof *ret->order),
		take(c, (size_t)n + 1) };
	if (ret->order == NULL || ret->part == NULL || !prf_subkey(c, release, "lock", &key))
		return false;
	s = prf_stream(&key, tag, 0, 0);
	key256_done(&key);
	prf_perm(&s, (uint32_t)n, ret->order);
	return prf_end(c, &s);
}

/*
 * The next *n samples that are nobody's yet; no more than `each` of one class. *n is then how many
 * are missing.
 */
MUST static bool
take_part(struct ctx *c, struct division *d, enum part part, int64_t *n, int64_t each)
{
	const struct data_labels *l = d->data->labels;
	int64_t *count = take(c, (size_t)(l->classes + 1) * sizeof *count);

	if (count == NULL)
		return false;
	for (int64_t i = 0; i<d->n && * n> 0; i++) {
		uint32_t sample = d->order[i];
		int32_t label = data_label(l, sample);

		if (d->part[sample] != PART_NONE || count[label] == each)
			continue;
		count[label]++;
		d->part[sample] = part;
		--*n;
	}
	return true;
}

/* Those of one part, in the order of the file. */
MUST static bool
gather(struct ctx *c, const struct division *d, enum part part, struct protect_set *ret)
{
	int64_t *chosen = take(c, (size_t)(d->n + 1) * sizeof *chosen);
	int64_t n = 0;

	if (chosen == NULL)
		return false;
	for (int64_t i = 0; i < d->n; i++)
		if (d->part[i] == part)
			chosen[n++] = i;
	*ret = (struct protect_set){ d->data, chosen, n };
	return true;
}

/* How many classes the labels name at all. */
MUST static bool
count_present(struct ctx *c, const struct train_data *d, int64_t *ret)
{
	const struct data_labels *l = d->labels;
	bool *seen = take(c, (size_t)l->classes + 1);
	int64_t n = 0;

	if (seen == NULL)
		return false;
	for (int64_t i = 0; i < l->n; i++) {
		n += !seen[data_label(l, i)];
		seen[data_label(l, i)] = true;
	}
	*ret = n;
	return true;
}

/* As many of each class as of every other, and then whatever is there. */
MUST static bool
take_lock_set(struct ctx *c, struct division *d, int64_t n)
{
	int64_t present = 0, even, left;

	if (!count_present(c, d->data, &present))
		return false;
	if (present < 2)
		return fail(c, E_INPUT,
		    "the calibration set has samples of one class only: a lock needs some of "
		    "each class that the model tells apart");
	even = n / present;
	left = even * present;
	if (!take_part(c, d, PART_LOCK, &left, even))
		return false;
	left += n - even * present;
	return take_part(c, d, PART_LOCK, &left, n);
}

MUST static bool
take_validation(struct ctx *c, const struct key256 *release, struct division *d,
    const struct train_data *test, int64_t n, struct protect_set *ret)
{
	struct division other;

	if (test == NULL)
		return take_part(c, d, PART_VALIDATION, &n, n) &&
		    gather(c, d, PART_VALIDATION, ret);
	return begin(c, release, "validation", test, &other) &&
	    take_part(c, &other, PART_VALIDATION, &n, n) &&
	    gather(c, &other, PART_VALIDATION, ret);
}

bool
protect_divide(struct ctx *c, const struct key256 *release,
    const struct train_data *calibration, const struct train_data *test, int64_t lock_set,
    int64_t validation_max, struct protect_split *ret)
{
	struct protect_split split;
	struct division d;
	int64_t locks, left, rest;

	if (lock_set < 1 || validation_max < 1)
		return fail(c, E_INPUT, "a lock set and a validation set need samples");
	if (!begin(c, release, "division", calibration, &d))
		return false;
	/* Where samples are few, each part gets some. */
	left = test != NULL ? d.n : d.n / 2;
	locks = lock_set < left ? lock_set : left;
	left = d.n - locks;
	if (test == NULL && validation_max > (left + 1) / 2)
		validation_max = (left + 1) / 2;
	if (locks < 1 || (test != NULL ? test->labels->n : validation_max) < 1)
		return fail(c, E_INPUT,
		    "%lld samples are too few to lock with: some hundreds are needed",
		    (long long)d.n);
	rest = d.n;
	if (!take_lock_set(c, &d, locks) ||
	    !take_validation(c, release, &d, test, validation_max, &split.validation) ||
	    !take_part(c, &d, PART_THIEF, &rest, d.n) ||
	    !gather(c, &d, PART_LOCK, &split.lock) || !gather(c, &d, PART_THIEF, &split.thief))
		return false;
	*ret = split;
	return true;
}
