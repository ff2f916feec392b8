/*
 * Customers who put their copies together, to hide or to have somebody else accused: sums of copies
 * with any weights, negative ones and huge ones too, their differences, the most and the least of
 * them, with what the locked file tells, and all of it in weights or in the tables of unlock keys.
 * Whatever they make knows nothing of anybody else's marks, so that nobody else may be accused.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "weights_support.h"

enum { CROWD = 1000, PARTNERS = 5 };
#define EPS1 1e-6

/* Who they are, among a thousand. */
static const uint32_t partner[PARTNERS] = { 17, 250, 251, 600, 999 };

struct gang {
	struct story story;
	uint32_t customer[CROWD];
	int fd[PARTNERS];
	struct onnx_model copy[PARTNERS];
	struct part part[PARTNERS][LAYERS];
};

static void
gang_begin(struct ctx *c, struct gang *g)
{
	story_begin(c, &g->story);
	for (uint32_t i = 0; i < CROWD; i++)
		g->customer[i] = i + 1;
	g->story.release.customer = g->customer;
	g->story.release.customers = CROWD;
	for (int k = 0; k < PARTNERS; k++) {
		g->fd[k] = open_with(c, &g->story.house, partner[k], NULL, 0);
		g->copy[k] = read_ok(c, memory_bytes(c, g->fd[k]));
		lenet(c, &g->copy[k], g->part[k]);
	}
}

static void
gang_end(struct gang *g)
{
	for (int k = 0; k < PARTNERS; k++)
		close(g->fd[k]);
	story_end(&g->story);
}

static bool
is_partner(uint32_t number)
{
	bool ok = false;

	for (int k = 0; k < PARTNERS; k++)
		ok = ok || partner[k] == number;
	return ok;
}

/* Nobody but they is accused, or near it; `named`: one of them is. */
static void
check_crowd(const char *what, struct evidence *e, bool named)
{
	const struct evidence_trace *t = &e->trace;
	double limit = log10(EPS1 / CROWD), innocent = -99;
	size_t accused = 0;

	ck_assert_msg(t->ran, "%s: %s", what, t->why);
	for (size_t i = 0; i < t->n; i++) {
		bool guilty = t->best[i].bound_log10 <= limit;

		accused += guilty;
		ck_assert_msg(!guilty || is_partner(t->best[i].number),
		    "%s: %u is accused, z = %.2f", what, t->best[i].number, t->best[i].z);
		if (!is_partner(t->best[i].number))
			innocent = fmax(innocent, t->best[i].z);
	}
	if (getenv("VERBOSE") != NULL)
		printf(
		    "# %s: best %u at %.1f, innocents up to %.2f, %zu accused, control %lld\n",
		    what, t->best[0].number, t->best[0].z, innocent, accused,
		    (long long)e->control[0].low);
	ck_assert_msg(innocent < 6, "%s: an innocent has z = %.2f", what, innocent);
	ck_assert_msg(accused > 0 || !named, "%s: nobody is named", what);
	ck_assert_int_le(e->control[0].low, 90);
}

/* ---- In weights -------------------------------------------------------------------------- */

static const struct {
	const char *what;
	double by[PARTNERS];
	bool named;
} mixtures[] = {
	{ "one alone", { 1 }, true },
	{ "the mean of two", { .5, .5 }, true },
	{ "the mean of five", { .2, .2, .2, .2, .2 }, true },
	{ "2A - B", { 2, -1 }, true },
	{ "A + B - C", { 1, 1, -1 }, true },
	{ "3A - 2B", { 3, -2 }, true },
	{ "101A - 100B", { 101, -100 }, true },
	{ "A + B + C - D - E", { 1, 1, 1, -1, -1 }, true },
	{ "1.0001A - .0001B", { 1.0001, -.0001 }, true },
	{ "A - B", { 1, -1 }, false },
	{ "1000 (A - B)", { 1000, -1000 }, false },
	{ "-A", { -1 }, false },
	{ "A + B", { 1, 1 }, false },
	{ "1e-30 A", { 1e-30 }, false },
	{ "1e30 (A - B)", { 1e30, -1e30 }, false },
};

START_TEST(nobody_else_is_accused_of_a_mixture)
{
	struct ctx *c = test_ctx();
	struct gang *g = take(c, sizeof *g);
	struct part mixed[LAYERS];
	struct onnx_model suspect;

	gang_begin(c, g);
	memcpy(mixed, g->part[0], sizeof mixed);
	for (int l = 0; l < LAYERS; l++) {
		size_t n = (size_t)mixed[l].w->count;

		mixed[l].weights = take(c, n * sizeof(float));
		for (size_t i = 0; i < n; i++) {
			double sum = 0;

			for (int k = 0; k < PARTNERS; k++)
				sum += mixtures[_i].by[k] * (double)g->part[k][l].weights[i];
			mixed[l].weights[i] = (float)sum;
		}
	}
	suspect = written(c, &g->copy[0], mixed);
	check_crowd(mixtures[_i].what, verified(c, &g->story, &suspect, 1), mixtures[_i].named);
	gang_end(g);
}
END_TEST

/* Of all copies of one weight. */
static int
upwards(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static float
smallest(const float v[PARTNERS])
{
	return v[0];
}

static float
largest(const float v[PARTNERS])
{
	return v[PARTNERS - 1];
}

static float
middle(const float v[PARTNERS])
{
	return v[PARTNERS / 2];
}

/* Whatever is further out than any of them. */
static float
beyond(const float v[PARTNERS])
{
	return v[PARTNERS - 1] + 3 * (v[PARTNERS - 1] - v[0]);
}

static const struct {
	const char *what;
	float (*of)(const float sorted[PARTNERS]);
} choices[] = {
	{ "the least", smallest },
	{ "the most", largest },
	{ "the middle", middle },
	{ "beyond all", beyond },
};

START_TEST(nobody_else_is_accused_of_a_choice)
{
	struct ctx *c = test_ctx();
	struct gang *g = take(c, sizeof *g);
	struct part chosen[LAYERS];
	struct onnx_model suspect;

	gang_begin(c, g);
	memcpy(chosen, g->part[0], sizeof chosen);
	for (int l = 0; l < LAYERS; l++) {
		size_t n = (size_t)chosen[l].w->count;

		chosen[l].weights = take(c, n * sizeof(float));
		for (size_t i = 0; i < n; i++) {
			float v[PARTNERS];

			for (int k = 0; k < PARTNERS; k++)
				v[k] = g->part[k][l].weights[i];
			qsort(v, PARTNERS, sizeof *v, upwards);
			chosen[l].weights[i] = choices[_i].of(v);
		}
	}
	suspect = written(c, &g->copy[0], chosen);
	check_crowd(choices[_i].what, verified(c, &g->story, &suspect, 1), true);
	gang_end(g);
}
END_TEST

/* ---- In keys ----------------------------------------------------------------------------- */

static const struct {
	const char *what;
	int64_t by[3];
	bool named;
} tables[] = {
	{ "2A - B of tables", { 2, -1, 0 }, true },
	{ "A + B - C of tables", { 1, 1, -1 }, true },
	{ "5A - 4B of tables", { 5, -4, 0 }, true },
	{ "A + B of tables", { 1, 1, 0 }, false },
	{ "A - B of tables", { 1, -1, 0 }, false },
	{ "-A of tables", { -1, 0, 0 }, false },
	{ "no table at all", { 0, 0, 0 }, false },
};

START_TEST(nobody_else_is_accused_of_a_key)
{
	struct ctx *c = test_ctx();
	struct gang *g = take(c, sizeof *g);
	struct evidence *e = take(c, sizeof *e);
	const struct verify_release *r = &g->story.release;
	struct unlock_key k = { .locks = LOCK_SEALED, .customer = 7 };
	uint32_t *table[3], *mixed;
	struct buf b;
	size_t n;

	gang_begin(c, g);
	k.release = r->id;
	k.terms = r->terms;
	n = (size_t)1 << r->terms.log_l;
	mixed = take(c, n * sizeof *mixed);
	for (int i = 0; i < 3; i++) {
		table[i] = take(c, n * sizeof *table[i]);
		ck_ok(c, mark_table(c, &r->secret, &r->terms, partner[i], table[i]));
	}
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < 3; j++)
			mixed[i] += (uint32_t)tables[_i].by[j] * table[j][i];
	ck_ok(c, mark_content_key(c, &r->secret, &k.content));
	k.table = mixed;
	ck_assert(take_buf(c, unlock_key_size(&k), &b));
	ck_ok(c, unlock_key_put(c, &k, &b));
	ck_ok(c, verify_unlock_key(c, r, buf_str(&b), e));
	check_crowd(tables[_i].what, e, tables[_i].named);
	gang_end(g);
}
END_TEST

MAIN("verify_collusion", EACH(nobody_else_is_accused_of_a_mixture, mixtures),
    EACH(nobody_else_is_accused_of_a_choice, choices),
    EACH(nobody_else_is_accused_of_a_key, tables))
