/*
 * Whose answers are these? What a suspect said to the slots' pictures, held against every
 * customer's word. A word is drawn by the vendor's secret, apart from everything that somebody
 * without a part in the suspect knows; so whatever the suspect answers, and however its answers
 * hang together, the chance that an innocent's word fits so well has a bound for the very answers
 * at hand.
 */
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "verify.h"

enum { CONTROLS = 1000, REFERENCES = 10000 };
#define EPS1 1e-6
#define ROUNDING 1e-9

/* Nothing to be seen: says so. */
MUST static bool
nothing(struct evidence *e, const char *why)
{
	(void)snprintf(e->test[TEST_SLOTS].why, sizeof e->test[0].why, "%s", why);
	if (!e->trace.ran)
		(void)snprintf(e->trace.why, sizeof e->trace.why, "%s", why);
	return true;
}

/* ---- The trace --------------------------------------------------------------------------- */

static void
histogram(const double z[], int64_t n, struct evidence_trace *t)
{
	double width;

	t->low = t->high = z[0];
	for (int64_t i = 1; i < n; i++) {
		t->low = fmin(t->low, z[i]);
		t->high = fmax(t->high, z[i]);
	}
	width = (t->high - t->low) / EVIDENCE_BINS;
	for (int64_t i = 0; i < n; i++) {
		size_t at = width > 0 ? (size_t)((z[i] - t->low) / width) : 0;

		t->bin[at < EVIDENCE_BINS ? at : EVIDENCE_BINS - 1]++;
	}
}

static bool
accuses(double bound_log10, int64_t customers, double eps1)
{
	return log10((double)customers) + bound_log10 <= log10(eps1);
}

/* What another channel has found. */
static bool
names_somebody(const struct evidence_trace *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (accuses(t->best[i].bound_log10, t->customers, t->eps1))
			return true;
	return false;
}

static void
trace_fill(const struct verify_slots *v, const struct slots_traced *found, double eps1,
    struct evidence_trace *t)
{
	*t = (struct evidence_trace){ .ran = true,
		.channel = "slots",
		.customers = v->customers,
		.eps1 = eps1,
		.threshold_z = found->threshold_z,
		.n = found->n };
	for (size_t i = 0; i < found->n; i++)
		t->best[i] = (struct evidence_customer){ .number = found->best[i].customer,
			.z = found->best[i].z,
			.bound_log10 = found->best[i].bound_log10 };
	histogram(found->z, v->customers, t);
}

/* ---- The control ------------------------------------------------------------------------- */

/* Is it among those? They are in any order. */
static bool
somebodys(const struct verify_slots *v, uint32_t number)
{
	for (int64_t i = 0; i < v->customers; i++)
		if (v->customer[i] == number)
			return true;
	return false;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * What only a twentieth of innocents score more than: of words whose bits are thrown by chance, on
 * these very answers. A law of few slots is too coarse for the normal one.
 */
MUST static bool
twentieth(struct ctx *c, const struct slots_trial *trial, double *ret)
{
	size_t n = (size_t)trial->slots->n;
	double *bias = NULL, *score = take(c, REFERENCES * sizeof *score);
	uint8_t *word = take(c, n);
	struct chance r = chance_of(1, 0, n, 0);

	if (score == NULL || word == NULL ||
	    !slots_biases(c, trial->secret, trial->slots, &bias))
		return false;
	for (int i = 0; i < REFERENCES; i++) {
		for (size_t k = 0; k < n; k++)
			word[k] = chance_unit(&r) < bias[k];
		score[i] = code_score(bias, word, trial->answer, n);
	}
	qsort(score, REFERENCES, sizeof *score, by_size);
	*ret = score[REFERENCES - REFERENCES / 20 - 1];
	return true;
}

/*
 * Customers who do not exist, numbered from the last number down: not many more than a twentieth
 * of them score so high, or words and answers would not be independent.
 */
MUST static bool
control(struct ctx *c, const struct slots_trial *trial, const struct verify_slots *v,
    double there, struct evidence *e)
{
	struct evidence_control *to = &e->control[e->controls];
	struct slots_trial nobody = *trial;
	struct slots_traced found = { 0 };
	uint32_t *number = take(c, CONTROLS * sizeof *number), next = UINT32_MAX;
	double most = 0;

	if (e->controls == EVIDENCE_CONTROLS_MAX)
		return true;
	if (number == NULL || !twentieth(c, trial, &most))
		return false;
	for (int i = 0; i < CONTROLS; next--)
		if (!somebodys(v, next))
			number[i++] = next;
	nobody.customer = number;
	nobody.customers = CONTROLS;
	if (!slots_trace(c, &nobody, EPS1, 1, &found))
		return false;
	*to = (struct evidence_control){ .trials = CONTROLS };
	for (int i = 0; i < CONTROLS; i++)
		to->low += found.z[i] > most / sqrt(there) + ROUNDING;
	(void)snprintf(
	    to->what, sizeof to->what, "customers who do not exist, on the same answers");
	e->controls++;
	return true;
}

/* ---- All --------------------------------------------------------------------------------- */

bool
verify_slots(struct ctx *c, const struct verify_slots *v, struct evidence *e)
{
	uint8_t *said = take(c, (size_t)v->slots->n);
	struct slots_trial trial = { v->secret, v->slots, said, v->customer, v->customers,
		SLOTS_NOISE };
	struct evidence_test *t = &e->test[TEST_SLOTS];
	double eps1 = e->trace.eps1 > 0 ? e->trace.eps1 : EPS1;
	struct slots_traced found = { 0 };

	if (said == NULL)
		return false;
	*t = (struct evidence_test){ .planned = true };
	if (v->customers == 0)
		return nothing(e, "nobody has a copy that would answer the slots");
	slots_answers(v->slots, v->answer, said);
	if (!slots_trace(c, &trial, eps1, EVIDENCE_CUSTOMERS_MAX, &found))
		return false;
	evidence_fact(e, "slots that are answered", "%lld of %d",
	    (long long)(v->slots->n - found.erased), v->slots->n);
	if (found.erased == v->slots->n)
		return nothing(e, "no slot is answered as any copy would answer it");
	t->ran = true;
	t->trials = v->customers;
	t->score = found.best[0].z;
	t->bound_log10 = found.best[0].bound_log10;
	if (!e->trace.ran ||
	    (!names_somebody(&e->trace) &&
		accuses(found.best[0].bound_log10, v->customers, eps1)))
		trace_fill(v, &found, eps1, &e->trace);
	return control(c, &trial, v, (double)(v->slots->n - found.erased), e);
}
