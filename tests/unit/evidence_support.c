/*
 * Reports to test with: one with numbers as a real verification has them, and one that no
 * verification would ever write, which shows what a report can hold.
 */
#include <math.h>
#include <stdio.h>

#include "evidence_support.h"
#include "test.h"

enum { SIDE = 28 };

static void
text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}
#define TEXT(field, from) text((field), sizeof(field), (from))

/* Two blobs; the suspect's are a little apart. */
static const uint8_t *
map(int number, double apart)
{
	static uint8_t maps[16][SIDE * SIDE];
	static int used;
	uint8_t *m = maps[used++ % 16];

	for (int i = 0; i < SIDE * SIDE; i++) {
		double x = i % SIDE - 9 - 3 * number - apart, y = i / SIDE - 12 + 2 * number;
		double u = i % SIDE - 19 + number, v = i / SIDE - 18 - apart;

		m[i] = (uint8_t)(235 * exp(-(x * x + y * y) / 18) +
		    150 * exp(-(u * u + v * v) / 9) * (1 + sin(i * .7) * .1) * .9);
	}
	return m;
}

static void
plausible_tests(struct evidence *e)
{
	e->test[TEST_WATERMARK] = (struct evidence_test){ .planned = true,
		.ran = true,
		.trials = 100,
		.hits = 96,
		.misses = 0,
		.score = .96 };
	e->test[TEST_LABELS] = (struct evidence_test){ .planned = true,
		.ran = true,
		.trials = 100,
		.hits = 61,
		.labels = 10,
		.score = .61 };
	e->test[TEST_WEIGHTS] = (struct evidence_test){ .planned = true,
		.ran = true,
		.trials = 1000,
		.bound_log10 = -41.72,
		.score = 13.62 };
	e->test[TEST_LOCK_KEY] = (struct evidence_test){ .planned = true };
	TEXT(e->test[TEST_LOCK_KEY].why, "The suspect is not locked.");
	e->test[TEST_FINGERPRINT] = (struct evidence_test){
		.planned = true, .ran = true, .trials = 19, .hits = 0, .score = .971
	};
	e->test[TEST_BOUNDARY] = (struct evidence_test){
		.planned = true, .ran = true, .trials = 19, .hits = 1, .score = .884
	};
}

static void
plausible_trace(struct evidence_trace *t)
{
	t->ran = true;
	TEXT(t->channel, "weights");
	t->customers = 1000;
	t->eps1 = 1e-6;
	t->low = -3.4;
	t->high = 13.8;
	t->threshold_z = 6.1;
	for (int i = 0; i < EVIDENCE_BINS; i++) {
		double z = t->low + (i + .5) * (t->high - t->low) / EVIDENCE_BINS;

		t->bin[i] = (int64_t)(1000 * .3989 * exp(-z * z / 2) * .2867 + .5);
	}
	t->bin[EVIDENCE_BINS - 1] = 1;
	t->n = 4;
	for (size_t i = 0; i < t->n; i++) {
		static const double z[] = { 13.62, 3.21, 2.98, 2.9 };
		static const double bound[] = { -41.72, -2.93, -2.55, -2.47 };
		static const uint32_t number[] = { 12, 840, 77, 401 };

		t->best[i] = (struct evidence_customer){
			.number = number[i], .z = z[i], .bound_log10 = bound[i]
		};
		snprintf(t->best[i].id.s, ID_MAX, "cus_01a1f7b4-613b-78db-864f-cf642ca1%04u",
		    number[i]);
	}
}

static void
plausible_rest(struct evidence *e)
{
	static const char *const facts[][2] = { { "Layers aligned", "20 of 20" },
		{ "Channels moved", "0" }, { "Right answers, of the original", "91.4 %" },
		{ "Right answers, of the suspect", "90.9 %" } };

	e->control[0] = (struct evidence_control){ .trials = 1000, .low = 44 };
	TEXT(e->control[0].what, "random coins on the same answers");
	e->control[1] = (struct evidence_control){ .trials = 1000, .low = 51 };
	TEXT(e->control[1].what, "random labels on the same answers");
	e->control[2] = (struct evidence_control){ .trials = 1000, .low = 3 };
	TEXT(e->control[2].what, "customers that do not exist");
	e->controls = 3;
	TEXT(e->commitment[0].what, "key set");
	memset(e->commitment[0].digest.b, 0x5c, 32);
	e->commitment[0].at = TEST_NOW - INT64_C(86400000) * 90;
	TEXT(e->commitment[1].what, "release");
	memset(e->commitment[1].digest.b, 0x3d, 32);
	e->commitment[1].at = TEST_NOW - INT64_C(86400000) * 60;
	e->commitments = 2;
	for (int i = 0; i < 3; i++)
		e->picture[i] = (struct evidence_picture){ SIDE, SIDE, map(i, 0),
			map(i, i - .4), .98 - i * .03, .95 - i * .02 };
	e->pictures = 3;
	for (size_t i = 0; i < COUNT(facts); i++) {
		TEXT(e->fact[i].label, facts[i][0]);
		TEXT(e->fact[i].value, facts[i][1]);
	}
	e->facts = COUNT(facts);
}

void
evidence_plausible(struct evidence *ret)
{
	*ret = (struct evidence){ .bytes = 1112480, .appeared = TEST_NOW };
	TEXT(ret->verification.s, "ver_01a1f7b4-613b-78db-864f-cf642ca115e9");
	TEXT(ret->release.s, "rel_01a1f7b4-613b-78db-864f-cf642ca115ea");
	TEXT(ret->suspect.s, "sus_01a1f7b4-613b-78db-864f-cf642ca115eb");
	TEXT(ret->kind, "model");
	memset(ret->digest.b, 0xa7, sizeof ret->digest.b);
	plausible_tests(ret);
	plausible_trace(&ret->trace);
	plausible_rest(ret);
}

/* ---- As large as any --------------------------------------------------------------------- */

static void
full(char *to, size_t size)
{
	memset(to, '<', size); /* no end either */
}
#define FULL(field) full((field), sizeof(field))

void
evidence_extreme(struct evidence *ret)
{
	static uint8_t large[100 * 300];
	const double odd[] = { NAN, INFINITY, -INFINITY, -0., 1e300, -1. / 3 };

	memset(large, 0xff, sizeof large);
	*ret = (struct evidence){ .bytes = INT64_MAX, .appeared = INT64_MIN };
	FULL(ret->verification.s);
	FULL(ret->kind);
	FULL(ret->cannot);
	FULL(ret->trace.why);
	FULL(ret->trace.channel);
	ret->trace.eps1 = NAN;
	ret->trace.customers = INT64_MAX;
	ret->trace.n = SIZE_MAX;
	for (size_t i = 0; i < TEST_COUNT; i++) {
		ret->test[i] = (struct evidence_test){ true, true, .trials = INT64_MAX,
			.hits = INT64_MAX, .misses = INT64_MAX, .labels = INT64_MIN };
		ret->test[i].bound_log10 = ret->test[i].score = odd[i % COUNT(odd)];
		FULL(ret->test[i].why);
	}
	for (size_t i = 0; i < EVIDENCE_CUSTOMERS_MAX; i++) {
		ret->trace.best[i].number = UINT32_MAX;
		ret->trace.best[i].z = odd[i % COUNT(odd)];
		ret->trace.best[i].bound_log10 = odd[(i + 1) % COUNT(odd)];
		FULL(ret->trace.best[i].id.s);
	}
	for (size_t i = 0; i < EVIDENCE_BINS; i++)
		ret->trace.bin[i] = INT64_MAX;
	for (size_t i = 0; i < EVIDENCE_CONTROLS_MAX; i++) {
		FULL(ret->control[i].what);
		ret->control[i].low = ret->control[i].trials = INT64_MAX;
	}
	for (size_t i = 0; i < EVIDENCE_COMMITMENTS_MAX; i++) {
		FULL(ret->commitment[i].what);
		ret->commitment[i].at = INT64_MAX;
	}
	for (size_t i = 0; i < COUNT(ret->fact); i++) {
		FULL(ret->fact[i].label);
		FULL(ret->fact[i].value);
	}
	for (size_t i = 0; i < EVIDENCE_PICTURES_MAX; i++)
		ret->picture[i] = (struct evidence_picture){ 300, 100, large, large, INFINITY,
			-1e-300 };
	ret->controls = ret->commitments = ret->facts = ret->pictures = SIZE_MAX;
}

struct str
evidence_bytes(struct ctx *c, const struct evidence *e)
{
	struct buf b;

	ck_ok(c, take_buf(c, EVIDENCE_JSON_MAX, &b));
	ck_ok(c, evidence_json(c, e, &b));
	return buf_str(&b);
}
