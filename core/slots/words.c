/*
 * Words: the chance of a one in each slot, which the vendor alone knows, and the bits of a customer
 * that follow from it and from the customer's number.
 */
#include "parts.h"

bool
words_begin(
    struct ctx *c, const struct key256 *secret, const struct slots *s, struct words *ret)
{
	struct words w = { .n = (size_t)s->n };
	struct key256 key = { { 0 } };
	struct code_law law;
	bool ok;

	if (!code_law(c, s->colluders, &law))
		return false;
	w.bias = take(c, w.n * sizeof *w.bias);
	if (w.bias == NULL || !prf_subkey(c, secret, "bias", &key))
		return false;
	ok = code_biases(c, &key, 0, &law, w.n, w.bias);
	key256_done(&key);
	if (!ok || !prf_subkey(c, secret, "code", &w.code))
		return false;
	*ret = w;
	return true;
}

void
words_done(struct words *w)
{
	key256_done(&w->code);
}

bool
words_of(struct ctx *c, const struct words *w, uint32_t customer, uint8_t ret[])
{
	return code_word(c, &w->code, customer, w->bias, w->n, ret);
}

bool
slots_biases(struct ctx *c, const struct key256 *secret, const struct slots *s, double **ret)
{
	owned(words_done) struct words w = { 0 };

	if (!words_begin(c, secret, s, &w))
		return false;
	*ret = w.bias;
	return true;
}

bool
slots_word(struct ctx *c, const struct key256 *secret, const struct slots *s, uint32_t customer,
    uint8_t **ret)
{
	owned(words_done) struct words w = { 0 };
	uint8_t *word = take(c, (size_t)s->n);

	if (word == NULL || !words_begin(c, secret, s, &w) || !words_of(c, &w, customer, word))
		return false;
	*ret = word;
	return true;
}

static int64_t
distance(const uint8_t a[], const uint8_t b[], size_t n)
{
	int64_t d = 0;

	for (size_t i = 0; i < n; i++)
		d += a[i] != b[i];
	return d;
}

bool
slots_nearest(struct ctx *c, const struct key256 *secret, const struct slots *s,
    uint32_t customer, const uint32_t others[], int64_t n, int64_t *ret_distance)
{
	owned(words_done) struct words w = { 0 };
	int64_t least = (int64_t)s->n + 1;
	uint8_t *own = take(c, (size_t)s->n), *other = take(c, (size_t)s->n);

	if (own == NULL || other == NULL || !words_begin(c, secret, s, &w) ||
	    !words_of(c, &w, customer, own))
		return false;
	for (int64_t i = 0; i < n; i++) {
		int64_t d;

		if (others[i] == customer)
			continue;
		if (!words_of(c, &w, others[i], other))
			return false;
		d = distance(own, other, w.n);
		least = d < least ? d : least;
	}
	*ret_distance = least;
	return true;
}
