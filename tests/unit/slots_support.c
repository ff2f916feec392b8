/*
 * Slots of small pictures; see slots_support.h.
 */
#include <math.h>

#include "slots_support.h"

enum { WIDTH = 12, ROW = WIDTH * WIDTH };

struct tones
tones_new(int64_t n)
{
	struct tones t = {
		.samples = { .shape = { DATA_UINT8, 3, { n, WIDTH, WIDTH }, ROW } },
		.labels = { .n = n, .classes = TONES },
	};
	uint8_t *v = malloc((size_t)n * ROW);
	uint32_t state = 5;

	t.samples.v = v;
	t.labels.v = calloc((size_t)n, sizeof *t.labels.v);
	ck_assert(v != NULL && t.labels.v != NULL);
	for (int64_t i = 0; i < n * ROW; i++) {
		state = state * 1664525u + 1013904223u;
		t.labels.v[i / ROW] = (int32_t)(i / ROW % TONES);
		v[i] = (uint8_t)((state >> 24) / 4 + 40 * (uint32_t)(i / ROW % TONES));
	}
	t.data.form = (struct data_form){
		.type = DATA_UINT8, .rank = 3, .dim = { 1, WIDTH, WIDTH }, .count = ROW
	};
	return t;
}

void
tones_done(struct tones *t)
{
	data_samples_done(&t->samples);
	data_labels_done(&t->labels);
}

struct key256
slots_secret(void)
{
	struct key256 k;

	for (size_t i = 0; i < sizeof k.b; i++)
		k.b[i] = (uint8_t)i;
	return k;
}

struct slots
slots_some(struct ctx *c, int n, int colluders)
{
	struct tones t = tones_new((int64_t)n * SLOT_PICTURES + 4 * TONES);
	const struct key256 secret = slots_secret();
	struct slots s;

	t.data.samples = &t.samples;
	t.data.labels = &t.labels;
	ck_ok(c, slots_draw(c, &secret, &t.data, n, TONES, colluders, &s));
	tones_done(&t);
	return s;
}

const uint8_t *
word_of(struct ctx *c, const struct slots *s, uint32_t customer)
{
	const struct key256 secret = slots_secret();
	uint8_t *word;

	ck_ok(c, slots_word(c, &secret, s, customer, &word));
	return word;
}

struct slots_traced
traced(struct ctx *c, const struct slots *s, const uint8_t answer[], int64_t customers)
{
	const struct key256 secret = slots_secret();
	uint32_t *number = take(c, (size_t)customers * sizeof *number);
	const struct slots_trial t = { &secret, s, answer, number, customers, SLOTS_NOISE };
	struct slots_traced r;

	ck_assert_ptr_nonnull(number);
	for (int64_t i = 0; i < customers; i++)
		number[i] = (uint32_t)i + 1;
	ck_ok(c, slots_trace(c, &t, 1e-6, 16, &r));
	return r;
}

bool
accused(const struct slots_score *s, int64_t customers)
{
	return s->bound_log10 + log10((double)customers) <= -6;
}
