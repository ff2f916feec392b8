/*
 * Pictures of ten kinds; see kinds_support.h.
 */
#include <math.h>

#include "kinds_support.h"

/* Waves across and down, of a length and a direction that tell the kind, on noise. */
static uint8_t
pixel(int kind, int x, int y, uint32_t noise, double phase)
{
	double u = .25 + .1 * (kind % 5), across = kind < 5 ? x : y, along = kind < 5 ? y : x;

	return (uint8_t)(90 + 50 * sin(u * across + .1 * along + phase) + noise / 4);
}

struct kinds
kinds_new(int64_t n, uint32_t seed)
{
	struct kinds k = {
		.samples = { .shape = { DATA_UINT8, 3, { n, KINDS_WIDTH, KINDS_WIDTH },
				 KINDS_ROW } },
		.labels = { .n = n, .classes = KINDS },
	};
	uint8_t *v = malloc((size_t)n * KINDS_ROW);
	uint32_t state = seed;

	k.samples.v = v;
	k.labels.v = calloc((size_t)n, sizeof *k.labels.v);
	ck_assert(v != NULL && k.labels.v != NULL);
	for (int64_t i = 0; i < n; i++) {
		double phase;

		state = state * 1664525u + 1013904223u;
		phase = (state >> 24) / 40.;
		k.labels.v[i] = (int32_t)(i % KINDS);
		for (int at = 0; at < KINDS_ROW; at++) {
			state = state * 1664525u + 1013904223u;
			v[i * KINDS_ROW + at] = pixel((int)(i % KINDS), at % KINDS_WIDTH,
			    at / KINDS_WIDTH, state >> 24, phase);
		}
	}
	return k;
}

void
kinds_done(struct kinds *k)
{
	data_samples_done(&k->samples);
	data_labels_done(&k->labels);
}

/* Big-endian, as IDX has it. */
static void
word_put(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_char(b, (char)(v >> shift));
}

struct str
kinds_images(struct ctx *c, const struct kinds *k)
{
	size_t bytes = (size_t)k->labels.n * KINDS_ROW;
	struct buf b;

	ck_ok(c, take_buf(c, 16 + bytes, &b));
	word_put(&b, 0x803);
	word_put(&b, (uint32_t)k->labels.n);
	word_put(&b, KINDS_WIDTH);
	word_put(&b, KINDS_WIDTH);
	buf_put(&b, (struct str){ k->samples.v, bytes });
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

struct str
kinds_labels(struct ctx *c, const struct kinds *k)
{
	struct buf b;

	ck_ok(c, take_buf(c, 8 + (size_t)k->labels.n, &b));
	word_put(&b, 0x801);
	word_put(&b, (uint32_t)k->labels.n);
	for (int64_t i = 0; i < k->labels.n; i++)
		buf_char(&b, (char)k->labels.v[i]);
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}
