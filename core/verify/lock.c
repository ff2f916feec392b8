/*
 * Is the suspect the locked file itself, or made of it? A parameter lock moves a few weights that a
 * key has drawn from a pool of candidates, each the way that its gradient points. In a network that
 * has nothing to do with it the drawn candidates lie no further along their way than others of the
 * pool do; so the sum over them is held against sums over fresh draws, which are their equals as
 * long as the suspect knows nothing of the key.
 *
 * The sums are of whole numbers, so that equal sums are equal in whatever order they are added, and
 * the rank is exact. Fresh draws go on until twenty have reached the sum, or there are enough of
 * them (Besag and Clifford 1991, Biometrika 78:301): what is plainly nothing is so after a moment.
 */
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "verify.h"

/*
 * A lock may have taken up to ten draws until one of them worked, so a rank counts tenfold: of
 * `trials` draws, and (hits + 1) / (trials + 1) being the value, hits is 10 * (# + 1) - 1.
 */
enum { DRAWS = 10, REACHED = 20 };
/*
 * Fresh draws, by how many candidates they cost together; most draws are given up long before. The
 * smallest value that can come out is 10 / (fresh draws + 1), at best 1e-6.
 */
#define FRESH_MAX INT64_C(10000000)
#define FRESH_MIN INT64_C(1000000)
#define FRESH_COST INT64_C(1500000000)
/* The control: draws that take the place of the real one, each ranked among fewer. */
enum { REPEATS = 1000, CONTROL_FRESH = 5000 };
#define LOW .05

enum chance_use { CHANCE_FRESH, CHANCE_CONTROL };

/* How far weights have gone their way, in their tensor's range: no lock takes one further. */
#define SCALE 0x1p32
#define FAR 1.

struct pool {
	int64_t *term; /* in any order but for the beginning: the drawn ones */
	int64_t
	    *most; /* most[i]: what i candidates can add up to, up to as many as are drawn */
	int64_t n, drawn;
};

static int
downwards(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static int64_t
sum_of(const int64_t term[], int64_t n)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += term[i];
	return sum;
}

/* ---- The suspect's terms ----------------------------------------------------------------- */

/* The suspect's tensor that is called as the original's and as large. */
MUST static bool
values_of(struct ctx *c, const struct onnx_model *original, const struct onnx_model *suspect,
    uint32_t tensor, float **ret)
{
	const struct onnx_tensor *from = &original->tensor[tensor];
	const struct onnx_tensor *t = onnx_tensor_by_name(suspect, from->name);

	if (t == NULL || t->count != from->count)
		return fail(c, E_INPUT,
		    "the suspect has no tensor '%.*s' of %lld values: it is not the locked file",
		    (int)(from->name.n > 40 ? 40 : from->name.n), from->name.p,
		    (long long)from->count);
	*ret = take(c, (size_t)t->count * sizeof **ret);
	return *ret != NULL && onnx_tensor_floats(c, t, *ret);
}

MUST static bool
term_of(struct ctx *c, const struct advparams_place *p, float now, int64_t *ret)
{
	double way = (double)p->sign * ((double)now - (double)p->plain) / (double)p->range;

	if (!isfinite(way))
		return fail(c, E_INPUT,
		    "the suspect has weights that are no finite numbers: it cannot be compared");
	way = way > FAR ? FAR : way < -FAR ? -FAR : way;
	*ret = llround(way * SCALE);
	return true;
}

MUST static bool
pool_of(struct ctx *c, const struct onnx_model *original, const struct onnx_model *suspect,
    const struct advparams_told *told, struct pool *ret)
{
	float **values = take(c, (original->tensors + 1) * sizeof *values);
	struct pool p = { .n = told->pool, .drawn = told->drawn };

	p.term = take(c, (size_t)p.n * sizeof *p.term);
	p.most = take(c, ((size_t)p.n + 1) * sizeof *p.most);
	if (values == NULL || p.term == NULL || p.most == NULL)
		return false;
	for (int64_t i = 0; i < p.n; i++) {
		const struct advparams_place *at = &told->place[i];

		if (values[at->tensor] == NULL &&
		    !values_of(c, original, suspect, at->tensor, &values[at->tensor]))
			return false;
		if (!term_of(c, at, values[at->tensor][at->index], &p.term[i]))
			return false;
	}
	memcpy(p.most + 1, p.term, (size_t)p.n * sizeof *p.term);
	qsort(p.most + 1, (size_t)p.n, sizeof *p.most, downwards);
	for (int64_t i = 1; i <= p.drawn; i++)
		p.most[i] += p.most[i - 1];
	*ret = p;
	return true;
}

/* ---- Fresh draws ------------------------------------------------------------------------- */

/* 0 … n - 1, exactly evenly (Lemire 2019, ACM TOMACS 29:3). */
static int64_t
even(struct chance *r, uint32_t n)
{
	uint64_t wide = (chance_bits(r) >> 32) * n;

	if ((uint32_t)wide < n)
		for (uint32_t few = (0 - n) % n; (uint32_t)wide < few;)
			wide = (chance_bits(r) >> 32) * n;
	return (int64_t)(wide >> 32);
}

/*
 * One draw, of which only is asked whether its sum reaches the real one: as soon as not even the
 * largest terms could do so any more, it does not.
 */
static bool
reaches(struct pool *p, struct chance *r, int64_t sum)
{
	int64_t so_far = 0;

	for (int64_t i = 0; i < p->drawn; i++) {
		int64_t at = i + even(r, (uint32_t)(p->n - i)), term = p->term[at];

		p->term[at] = p->term[i];
		p->term[i] = term;
		so_far += term;
		if (so_far + p->most[p->drawn - 1 - i] < sum)
			return false;
	}
	return true;
}

struct rank {
	int64_t trials, hits; /* as the law has them */
};

/* The pool's order is lost. */
static struct rank
rank_among(struct pool *p, struct chance *r, int64_t sum, int64_t fresh)
{
	struct rank k = { 0 };
	int64_t reached = 0;

	while (k.trials < fresh) {
		reached += reaches(p, r, sum);
		if (reached == REACHED)
			break;
		k.trials++;
	}
	/* Of the draw that was the twentieth, the law's own one takes the place. */
	k.hits = DRAWS * (reached < REACHED ? reached + 1 : REACHED) - 1;
	k.hits = k.hits < k.trials ? k.hits : k.trials;
	return k;
}

static int64_t
fresh_draws(const struct pool *p)
{
	int64_t n = FRESH_COST / p->drawn;

	return n < FRESH_MIN ? FRESH_MIN : n > FRESH_MAX ? FRESH_MAX : n;
}

/* How often a draw that nobody made would look like the lock's. */
static int64_t
control(struct pool *p, uint64_t seed)
{
	int64_t low = 0;

	for (uint64_t k = 0; k < REPEATS; k++) {
		struct chance r = chance_of(seed, CHANCE_CONTROL, k, 0);
		struct rank rank;

		(void)reaches(p, &r, INT64_MIN);
		rank = rank_among(p, &r, sum_of(p->term, p->drawn), CONTROL_FRESH);
		low += (double)(rank.hits + 1) <= LOW * (double)(rank.trials + 1);
	}
	return low;
}

/* In standard deviations of such draws, for people. */
static double
strength(const struct pool *p, int64_t sum)
{
	double n = (double)p->n, k = (double)p->drawn, squares = 0;
	double mean = 0, deviation;

	for (int64_t i = 0; i < p->n; i++)
		mean += (double)p->term[i] / n;
	for (int64_t i = 0; i < p->n; i++) {
		double off = (double)p->term[i] - mean;

		squares += off * off;
	}
	deviation = sqrt(k * squares / n * fmax(n - k, 0) / fmax(n - 1, 1));
	return deviation > 0 ? ((double)sum - k * mean) / deviation : 0;
}

/* ---- The test ---------------------------------------------------------------------------- */

MUST static bool
count_draws(struct ctx *c, struct pool *p, uint64_t seed, struct evidence *e)
{
	struct evidence_test *t = &e->test[TEST_LOCK_KEY];
	struct evidence_control *k = &e->control[e->controls];
	struct chance r = chance_of(seed, CHANCE_FRESH, 0, 0);
	int64_t sum = sum_of(p->term, p->drawn);
	struct rank rank;

	if (e->controls == COUNT(e->control))
		return fail(c, E_INTERNAL, "more than %zu controls", COUNT(e->control));
	t->score = strength(p, sum);
	rank = rank_among(p, &r, sum, fresh_draws(p));
	t->ran = true;
	t->trials = rank.trials;
	t->hits = rank.hits;
	*k = (struct evidence_control){ .trials = REPEATS, .low = control(p, seed) };
	snprintf(k->what, sizeof k->what, "draws of locked positions that nobody made");
	e->controls++;
	return true;
}

static void
tell(const struct advparams_told *told, struct evidence *e)
{
	evidence_fact(e, "locked positions", "%lld of %lld candidates, draw %lld",
	    (long long)told->drawn, (long long)told->pool, (long long)told->draws);
}

bool
verify_lock(struct ctx *c, const struct verify_release *release, const struct protect_model *m,
    const struct protect_split *split, const struct advparams_options *o,
    const struct onnx_model *suspect, uint64_t seed, struct evidence *e)
{
	struct evidence_test *t = &e->test[TEST_LOCK_KEY];
	struct advparams_told told;
	struct pool p;

	*t = (struct evidence_test){ .planned = true };
	if (advparams_tell(c, m, split, &release->secret, o, release->entry, release->entries,
		NULL, &told) &&
	    pool_of(c, m->model, suspect, &told, &p)) {
		tell(&told, e);
		return count_draws(c, &p, seed, e);
	}
	if (c->err.code != E_INPUT && c->err.code != E_LIMIT && c->err.code != E_CONFLICT)
		return false;
	snprintf(t->why, sizeof t->why, "%s", c->err.text);
	c->err = (struct err){ 0 };
	return true;
}
