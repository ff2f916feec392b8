/*
 * Whose word do the answers follow? Every customer is weighed by two decoders that fail apart: the
 * symmetric score, whose chance among innocents is bounded for the very answers at hand, and a
 * likelihood ratio over several ways of colluding, which is an e-value. Each may use half of what
 * may go wrong, so that twice the smaller of the two chances is a bound for both.
 */
#include <math.h>

#include "parts.h"

struct tracing {
	const struct slots_trial *on;
	struct words words;
	struct code_weights weights;
	size_t slots;
	double *score, *ratio; /* by customer, in their order */
};

static void
tracing_done(struct tracing *t)
{
	words_done(&t->words);
}

MUST static bool
tracing_begin(struct ctx *c, const struct slots_trial *on, struct tracing *t)
{
	size_t n = (size_t)on->customers;

	t->on = on;
	t->slots = (size_t)on->slots->n;
	t->score = take(c, (n + 1) * sizeof *t->score);
	t->ratio = take(c, (n + 1) * sizeof *t->ratio);
	return t->score != NULL && t->ratio != NULL &&
	    words_begin(c, on->secret, on->slots, &t->words) &&
	    code_weigh(c, t->words.bias, on->answer, t->slots, on->slots->colluders, on->noise,
		&t->weights);
}

MUST static bool
weigh_all(struct ctx *c, struct tracing *t)
{
	uint8_t *word = take(c, t->slots);

	if (word == NULL)
		return false;
	for (int64_t i = 0; i < t->on->customers; i++) {
		if (!words_of(c, &t->words, t->on->customer[i], word))
			return false;
		t->score[i] = code_score(t->words.bias, word, t->on->answer, t->slots);
		t->ratio[i] = code_likelihood_ln(&t->weights, word);
	}
	return true;
}

/* ---- The best ---------------------------------------------------------------------------- */

/* Keeps the `most` highest values' places, the highest first; of equal ones the first. */
static void
keep_highest(const double v[], int64_t n, size_t most, int64_t place[], size_t *ret_n)
{
	size_t kept = 0;

	for (int64_t i = 0; i < n; i++) {
		size_t at = kept;

		if (kept == most && (most == 0 || v[i] <= v[place[most - 1]]))
			continue;
		if (kept < most)
			kept++;
		else
			at--;
		for (; at > 0 && v[place[at - 1]] < v[i]; at--)
			place[at] = place[at - 1];
		place[at] = i;
	}
	*ret_n = kept;
}

static struct slots_score
score_of(const struct tracing *t, int64_t i, int64_t there)
{
	struct slots_score s = {
		.customer = t->on->customer[i],
		.score = t->score[i],
		.z = t->score[i] / sqrt((double)there),
		.ratio_ln = t->ratio[i],
		.chernoff_log10 =
		    code_bound_ln(t->words.bias, t->on->answer, t->slots, t->score[i]) / M_LN10,
	};

	s.bound_log10 = fmin(0, log10(2) + fmin(s.chernoff_log10, -s.ratio_ln / M_LN10));
	return s;
}

/* Sorts in by bound; of equal ones the first stays before. */
static void
put_in(struct slots_score best[], size_t *n, size_t most, const struct slots_score *s)
{
	size_t at = *n;

	for (size_t i = 0; i < *n; i++)
		if (best[i].customer == s->customer)
			return;
	if (*n == most && s->bound_log10 >= best[most - 1].bound_log10)
		return;
	if (*n < most)
		(*n)++;
	else
		at--;
	for (; at > 0 && best[at - 1].bound_log10 > s->bound_log10; at--)
		best[at] = best[at - 1];
	best[at] = *s;
}

/*
 * Both chances fall as their own measure rises, so whoever is among the lowest bounds is among the
 * highest of one of the two.
 */
MUST static bool
find_best(
    struct ctx *c, const struct tracing *t, size_t most, int64_t there, struct slots_traced *r)
{
	int64_t *place = take(c, (most + 1) * sizeof *place);
	const double *const by[] = { t->score, t->ratio };

	r->best = take(c, (most + 1) * sizeof *r->best);
	if (place == NULL || r->best == NULL)
		return false;
	for (size_t k = 0; k < COUNT(by); k++) {
		size_t n = 0;

		keep_highest(by[k], t->on->customers, most, place, &n);
		for (size_t i = 0; i < n; i++) {
			struct slots_score s = score_of(t, place[i], there);

			put_in(r->best, &r->n, most, &s);
		}
	}
	return true;
}

/* ---- From where on it accuses ------------------------------------------------------------ */

/* What a customer scores who agrees with every answer. */
static double
highest_score(const struct tracing *t)
{
	double sum = 0;

	for (size_t i = 0; i < t->slots; i++) {
		double p = t->words.bias[i];

		if (t->on->answer[i] != CODE_ERASED)
			sum += t->on->answer[i] == CODE_ONE ? sqrt((1 - p) / p)
							    : sqrt(p / (1 - p));
	}
	return sum;
}

static double
threshold(const struct tracing *t, double eps1, int64_t there)
{
	double wanted = log(eps1 / 2 / (double)t->on->customers);
	double low = 0, high = highest_score(t);

	if (code_bound_ln(t->words.bias, t->on->answer, t->slots, high) > wanted)
		return 0;
	while (high - low > 1e-6 * high) {
		double middle = (low + high) / 2;

		if (code_bound_ln(t->words.bias, t->on->answer, t->slots, middle) <= wanted)
			high = middle;
		else
			low = middle;
	}
	return high / sqrt((double)there);
}

bool
slots_trace(struct ctx *c, const struct slots_trial *on, double eps1, size_t most,
    struct slots_traced *ret)
{
	owned(tracing_done) struct tracing t = { 0 };
	struct slots_traced r = { 0 };
	int64_t there;

	if (on->customers < 0 || on->customers > UINT32_MAX || !(eps1 > 0))
		return fail(
		    c, E_INTERNAL, "%lld customers, eps1 %g", (long long)on->customers, eps1);
	for (int i = 0; i < on->slots->n; i++)
		r.erased += on->answer[i] == CODE_ERASED;
	there = on->slots->n - r.erased;
	r.z = take(c, ((size_t)on->customers + 1) * sizeof *r.z);
	if (r.z == NULL || !tracing_begin(c, on, &t))
		return false;
	if (there > 0 && on->customers > 0) {
		if (!weigh_all(c, &t) || !find_best(c, &t, most, there, &r))
			return false;
		for (int64_t i = 0; i < on->customers; i++)
			r.z[i] = t.score[i] / sqrt((double)there);
		r.threshold_z = threshold(&t, eps1, there);
	}
	*ret = r;
	return true;
}
