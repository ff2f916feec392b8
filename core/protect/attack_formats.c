/*
 * L9: other number formats and a second lock. A file whose bytes changed is none that a key opens:
 * unlocking refuses it by its digest. What is measured is whether rounding undoes the lock by
 * itself, and what the right key would give if it were forced upon the rounded file.
 */
#include <stdio.h>

#include "attack.h"

/* To so many bits of significand, with an exponent that reaches down to `least`. */
static float
narrow(float w, int bits, int least)
{
	int e;

	if (w == 0 || !isfinite(w))
		return w;
	(void)frexpf(w, &e);
	e = e < least ? least : e;
	return ldexpf(rintf(ldexpf(w, bits - e)), e - bits);
}

float
attack_half(float w)
{
	float h = narrow(w, 11, -13);

	return h > 65504 ? 65504 : h < -65504 ? -65504 : h;
}

float
attack_bfloat(float w)
{
	return narrow(w, 8, -125);
}

static void
round_bytes(struct nn_weight *w)
{
	float most = 0;

	for (int64_t i = 0; i < w->count; i++)
		most = fmaxf(most, fabsf(w->data[i]));
	for (int64_t i = 0; most > 0 && i < w->count; i++)
		w->data[i] = rintf(w->data[i] / most * 127) * most / 127;
}

static void
round_all(const struct attack *a, int bits, float (*to)(float))
{
	size_t n;
	struct nn_weight *w = attack_weights(a, &n);

	for (size_t i = 0; i < n; i++) {
		if (!attack_worth(&w[i]))
			continue;
		if (bits == 8)
			round_bytes(&w[i]);
		for (int64_t k = 0; bits != 8 && k < w[i].count; k++)
			w[i].data[k] = to(w[i].data[k]);
	}
	nn_graph_changed(a->on->model.graph);
}

/* The lock's bits flipped, whatever lies there now. */
static void
force_key(const struct attack *a)
{
	struct nn_weight *w = attack_weights(a, &(size_t){ 0 });

	for (size_t i = 0; i < a->places; i++) {
		float *to = &w[a->place[i].weight].data[a->place[i].index];
		uint32_t b;

		memcpy(&b, to, sizeof b);
		b ^= a->place[i].flip;
		memcpy(to, &b, sizeof b);
	}
	nn_graph_changed(a->on->model.graph);
}

/* The point as the weights are now, and what the key would make of it. */
MUST static bool
measure_both(struct ctx *c, struct attack *a, struct attack_point *p)
{
	const struct protect_set *set = &a->on->split->validation;

	if (!protect_accuracy(c, &a->on->model, set, &p->accuracy))
		return false;
	if (attack_seen(a->on->locks) == SEEN_FLIPPED) {
		force_key(a);
		if (!protect_accuracy(c, &a->on->model, set, &p->against))
			return false;
	}
	return attack_add(c, a, p);
}

/* As many weights as the first lock has, drawn evenly, each moved by one of the lock's steps. */
MUST static bool
second_lock(struct ctx *c, struct attack *a)
{
	size_t n, left = a->places;
	struct nn_weight *w = attack_weights(a, &n);
	struct prf draws = attack_draws(a, "attack-formats", 0, 0);
	struct attack_point p = attack_point(NAN, "a second lock of %zu weights", left);

	for (int tries = 0; left > 0 && tries < 1 << 20; tries++) {
		struct nn_weight *one = &w[prf_uniform(&draws, n)];
		float *to, low, high;

		if (!attack_worth(one))
			continue;
		low = high = one->data[0];
		for (int64_t i = 1; i < one->count; i++) {
			low = fminf(low, one->data[i]);
			high = fmaxf(high, one->data[i]);
		}
		to = &one->data[prf_uniform(&draws, (uint64_t)one->count)];
		*to += (prf_next(&draws) & 1 ? 0.1F : -0.1F) * (high - low);
		left--;
	}
	nn_graph_changed(a->on->model.graph);
	return prf_end(c, &draws) && measure_both(c, a, &p);
}

bool
attack_formats(struct ctx *c, struct attack *a)
{
	/* clang-format off */
	static const struct {
		const char *what;
		int bits;
		float (*to)(float);
	} formats[] = {
		{ "float16",                 16, attack_half },
		{ "bfloat16",                16, attack_bfloat },
		{ "int8, a scale per layer",  8, NULL },
	};
	/* clang-format on */

	(void)snprintf(a->result->note, sizeof a->result->note,
	    "Unlocking refuses every one of these files, because their bytes are not the "
	    "artifact's.");
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct attack_point p = attack_point(formats[i].bits, "%s", formats[i].what);

		attack_tell(a, (double)i / 4, "%s", formats[i].what);
		round_all(a, formats[i].bits, formats[i].to);
		if (!measure_both(c, a, &p))
			return false;
	}
	if (attack_seen(a->on->locks) == SEEN_FLIPPED)
		return second_lock(c, a);
	return true;
}
