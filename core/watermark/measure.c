/*
 * What a marked network does: on the vendor's test samples, on keys and twins as drawn and with an
 * identity's random bits in them, and on pictures of the keys' family that it never saw.
 */
#include "parts.h"

enum { STEGO_COPIES = 5 };

/* ---- Samples ----------------------------------------------------------------------------- */

MUST static bool
measure_clean(struct ctx *c, const struct watermark_case *k, int64_t batch, int threads,
    struct watermark_scores *ret)
{
	const struct loss loss = { .kind = TRAIN_CROSS_ENTROPY, .output = k->output };
	const struct train_data *d = k->test;
	owned(evaluator_free) struct evaluator *e = NULL;
	const struct train_score *s;

	if (!evaluator_new(c, k->graph, &d->form, &loss, batch, threads, &e) ||
	    !evaluator_add(c, e, d->samples->v, d->labels->v, d->samples->shape.dim[0]))
		return false;
	s = evaluator_score(e);
	ret->clean = (double)s->correct / (double)s->samples;
	ret->false_triggers = (double)s->answer[k->keys->classes] / (double)s->samples;
	return true;
}

/* ---- Pictures ---------------------------------------------------------------------------- */

/* Which share of pictures is answered with the label, or with label[i] for picture i. */
struct asked {
	const struct image *picture;
	size_t n;
	int32_t *answer, *ordinary;
};

static double
share_of(const int32_t *answer, size_t n, int32_t label)
{
	int64_t hits = 0;

	for (size_t i = 0; i < n; i++)
		hits += answer[i] == label;
	return n == 0 ? -1 : (double)hits / (double)n;
}

/* Keys or twins, all in one array. */
MUST static bool
gather(struct ctx *c, const struct keyset *k, bool twins, struct asked *ret)
{
	size_t n = (size_t)k->pairs;
	struct image *p = take(c, n * sizeof *p);

	*ret = (struct asked){ p, n, take(c, n * sizeof *ret->answer),
		take(c, n * sizeof *ret->ordinary) };
	if (p == NULL || ret->answer == NULL || ret->ordinary == NULL)
		return false;
	for (int i = 0; i < k->pairs; i++)
		p[i] = twins ? *keyset_twin(k, i) : *keyset_key(k, i);
	return true;
}

MUST static bool
with_other_bits(struct ctx *c, const struct asked *from, uint64_t seed, struct asked *ret)
{
	struct image *p = take(c, from->n * sizeof *p);

	*ret = *from;
	ret->picture = p;
	if (p == NULL)
		return false;
	for (size_t i = 0; i < from->n; i++) {
		struct chance r = chance_of(seed, CHANCE_MEASURE, i, 0);

		if (!image_copy(c, &from->picture[i], &p[i]))
			return false;
		picture_bits(&r, &p[i]);
	}
	return true;
}

/* The share that is answered with the additional class, over several copies of each picture. */
MUST static bool
measure_copies(struct ctx *c, struct asker *a, const struct asked *from, int32_t label,
    uint64_t seed, double *ret)
{
	double sum = 0;

	for (uint64_t i = 0; i < STEGO_COPIES; i++) {
		struct asked copy;

		if (!with_other_bits(c, from, seed + i, &copy) ||
		    !asker_ask(c, a, copy.picture, copy.n, 0, copy.answer, NULL))
			return false;
		sum += share_of(copy.answer, copy.n, label);
	}
	*ret = sum / STEGO_COPIES;
	return true;
}

MUST static bool
measure_keys(struct ctx *c, const struct keyset *k, struct asker *a, uint64_t seed,
    struct watermark_scores *ret)
{
	struct asked keys;
	int64_t hits = 0;

	if (!gather(c, k, false, &keys) ||
	    !asker_ask(c, a, keys.picture, keys.n, k->classes, keys.answer, keys.ordinary))
		return false;
	for (int i = 0; i < k->pairs; i++)
		hits += keys.ordinary[i] == k->runner_up[i];
	ret->runner_up = (double)hits / k->pairs;
	ret->keys = share_of(keys.answer, keys.n, k->classes);
	return measure_copies(c, a, &keys, k->classes, seed, &ret->stego);
}

MUST static bool
measure_others(struct ctx *c, const struct keyset *k, struct asker *a, uint64_t seed,
    struct watermark_scores *ret)
{
	int32_t answer[KEYSET_SPARES_MAX];
	struct asked twins;

	if (!gather(c, k, true, &twins) ||
	    !measure_copies(c, a, &twins, k->classes, seed, &ret->twins) ||
	    !asker_ask(c, a, k->spare, (size_t)k->spares, 0, answer, NULL))
		return false;
	ret->spares = share_of(answer, (size_t)k->spares, k->classes);
	return true;
}

/* ---- Both -------------------------------------------------------------------------------- */

/* The network, if it has the additional class. */
MUST static bool
asker_of(struct ctx *c, const struct watermark_case *k, int64_t batch, int threads,
    struct asker **ret)
{
	owned(asker_free) struct asker *a = NULL;
	struct data_form form;

	if (!asker_form(c, k->graph, keyset_first(k->keys), is_raw(&k->test->form), &form) ||
	    !asker_new(c, k->graph, &form, batch, threads, &a))
		return false;
	if (asker_classes(a) != k->keys->classes + 1)
		return fail(c, E_INPUT, "the network knows %lld classes, the key set %d",
		    (long long)asker_classes(a), k->keys->classes);
	*ret = steal(a);
	return true;
}

bool
watermark_measure(struct ctx *c, const struct watermark_case *k, int64_t batch, int threads,
    uint64_t seed, struct watermark_scores *ret)
{
	struct watermark_scores s = { 0 };
	owned(asker_free) struct asker *a = NULL;

	if (!asker_of(c, k, batch, threads, &a) || !measure_clean(c, k, batch, threads, &s) ||
	    !measure_keys(c, k->keys, a, seed, &s) || !measure_others(c, k->keys, a, seed, &s))
		return false;
	*ret = s;
	return true;
}

bool
watermark_answered(struct ctx *c, const struct watermark_case *k, int64_t batch, int threads,
    uint64_t seed, bool ret[])
{
	owned(asker_free) struct asker *a = NULL;
	struct asked keys, copy;

	if (!asker_of(c, k, batch, threads, &a) || !gather(c, k->keys, false, &keys) ||
	    !asker_ask(c, a, keys.picture, keys.n, 0, keys.answer, NULL))
		return false;
	for (size_t i = 0; i < keys.n; i++)
		ret[i] = keys.answer[i] == k->keys->classes;
	for (uint64_t n = 0; n < STEGO_COPIES; n++) {
		if (!with_other_bits(c, &keys, seed + n, &copy) ||
		    !asker_ask(c, a, copy.picture, copy.n, 0, copy.answer, NULL))
			return false;
		for (size_t i = 0; i < copy.n; i++)
			ret[i] = ret[i] && copy.answer[i] == k->keys->classes;
	}
	return true;
}
