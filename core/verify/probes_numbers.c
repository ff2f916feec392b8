/*
 * What the file of a release's probes is made of. Samples of bytes have few different numbers:
 * those stand in front once, in the order of their bits, and every sample is places among them.
 */
#include <math.h>

#include "probes_parts.h"

enum { COLOURS = 256 };
enum { AS_FLOATS, AS_PLACES }; /* how numbers are kept */

uint32_t
probes_bits(float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof bits);
	return bits;
}

static float
float_of(uint32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* Different numbers, in the order of their bits. */
struct colours {
	uint32_t bits[COLOURS];
	int n;
};

/* The first place that is not below. */
static int
place_of(const struct colours *k, uint32_t bits)
{
	int low = 0, high = k->n;

	while (low < high) {
		int middle = (low + high) / 2;

		if (k->bits[middle] < bits)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* False if there are more than fit. */
static bool
colours_add(struct colours *k, const float v[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = probes_bits(v[i]);
		int at = place_of(k, bits);

		if (at < k->n && k->bits[at] == bits)
			continue;
		if (k->n == COLOURS)
			return false;
		memmove(
		    &k->bits[at + 1], &k->bits[at], (size_t)(k->n - at) * sizeof k->bits[0]);
		k->bits[at] = bits;
		k->n++;
	}
	return true;
}

void
probes_numbers_put(struct buf *out, const float v[], size_t n)
{
	struct colours k = { 0 };

	if (!colours_add(&k, v, n)) {
		wire_put_u8(out, AS_FLOATS);
		for (size_t i = 0; i < n; i++)
			wire_put_u32(out, probes_bits(v[i]));
		return;
	}
	wire_put_u8(out, AS_PLACES);
	wire_put_u32(out, (uint32_t)k.n);
	for (int i = 0; i < k.n; i++)
		wire_put_u32(out, k.bits[i]);
	for (size_t i = 0; i < n; i++)
		wire_put_u8(out, (uint8_t)place_of(&k, probes_bits(v[i])));
}

bool
probes_spoilt(struct ctx *c)
{
	return fail(c, E_INPUT, "the fingerprint is damaged");
}

bool
probes_floats_read(struct ctx *c, struct wire *w, float v[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		v[i] = float_of(wire_u32(w));
		if (!isfinite(v[i]))
			return probes_spoilt(c);
	}
	return true;
}

bool
probes_numbers_read(struct ctx *c, struct wire *w, size_t n, float **ret)
{
	float colour[COLOURS], *v;
	uint8_t kept = wire_u8(w);
	uint32_t colours = kept == AS_PLACES ? wire_u32(w) : 0;
	size_t each = kept == AS_PLACES ? 1 : sizeof *v;

	if (w->bad || kept > AS_PLACES || colours > COLOURS || w->rest.n / each < n)
		return probes_spoilt(c);
	v = take(c, n * sizeof *v + 1);
	if (v == NULL)
		return false;
	*ret = v;
	if (kept == AS_FLOATS)
		return probes_floats_read(c, w, v, n);
	if (!probes_floats_read(c, w, colour, colours))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t at = wire_u8(w);

		if (w->bad || at >= colours)
			return probes_spoilt(c);
		v[i] = colour[at];
	}
	return true;
}

void
probes_answers_put(struct buf *out, const int32_t v[], int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		wire_put_u32(out, (uint32_t)v[i]);
}

bool
probes_answers_read(
    struct ctx *c, struct wire *w, int64_t n, int32_t least, int64_t classes, int32_t **ret)
{
	int32_t *v = take(c, (size_t)n * sizeof *v + 1);

	if (v == NULL)
		return false;
	for (int64_t i = 0; i < n; i++) {
		v[i] = (int32_t)wire_u32(w);
		if (w->bad || v[i] < least || v[i] >= classes)
			return probes_spoilt(c);
	}
	*ret = v;
	return true;
}

void
probes_sentence_put(struct buf *out, bool there, const char *why)
{
	char plain[200];
	size_t n = strlen(why);

	wire_put_u8(out, there);
	if (there)
		return;
	for (size_t i = 0; i < n; i++)
		plain[i] = (char)(why[i] >= ' ' && why[i] <= '~' ? why[i] : '?');
	wire_put_str(out, (struct str){ plain, n });
}

bool
probes_sentence_read(struct ctx *c, struct wire *w, bool *ret_there, char why[static 200])
{
	uint8_t there = wire_u8(w);
	struct str s = there == 0 ? wire_str(w, 199) : STR("");

	if (w->bad || there > 1)
		return probes_spoilt(c);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return probes_spoilt(c);
	memcpy(why, s.p, s.n);
	why[s.n] = '\0';
	*ret_there = there == 1;
	return true;
}
