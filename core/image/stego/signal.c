/*
 * Signals behind the interface that pictures have: identities in the lowest bits of 16-bit series.
 */
#include "parts.h"

static bool
sound(const struct stego_signal *s)
{
	return s->channels > 0 && s->points > 0 && s->points <= STEGO_SIGNAL_MAX / s->channels;
}

size_t
stego_signal_capacity(const struct stego_signal *s)
{
	const struct lowest on = lowest_of_signal(s);

	return sound(s) ? lowest_capacity(&on) : 0;
}

bool
stego_signal_embed(struct ctx *c, const struct stego_keys *keys,
    const struct stego_signal *base, const struct stego_payload *p, struct stego_signal *ret)
{
	const struct lowest from = lowest_of_signal(base);
	struct stego_signal made = *base;
	struct lowest to;

	if (stego_signal_capacity(base) == 0)
		return fail(c, E_INPUT,
		    "a signal of %d channels with %d points cannot carry a payload: take one of 784 "
		    "to %d samples",
		    base->channels, base->points, STEGO_SIGNAL_MAX);
	made.v = take(c, from.n * sizeof *made.v);
	if (made.v == NULL)
		return false;
	memcpy(made.v, base->v, from.n * sizeof *made.v);
	to = lowest_of_signal(&made);
	if (!lowest_embed(c, keys, &from, p, &to))
		return false;
	*ret = made;
	return true;
}

bool
stego_signal_extract(struct ctx *c, const struct stego_keys *keys, const struct stego_signal *s,
    const struct stego_payload *claim, enum stego_found *ret_found, struct stego_payload *ret,
    int *ret_repaired)
{
	const struct lowest on = lowest_of_signal(s);
	enum stego_found found = STEGO_NONE;
	struct stego_payload p = { 0 };
	int repaired = 0;

	if (stego_signal_capacity(s) > 0 &&
	    !lowest_extract(c, keys, &on, claim, &found, &p, &repaired))
		return false;
	*ret_found = found;
	*ret = p;
	*ret_repaired = repaired;
	return true;
}
