/*
 * The tables of a release: E, the owner's, uniform; G, a customer's, small and triangular; and
 * D = E - G, which is what the customer gets. All are drawn from the release's secret, so none is
 * stored.
 *
 * An entry of G takes 32 bits of its stream, two numbers k of 16 bits (the lower half first), each
 * a point x = (k + 1/2) / 65536 - 1/2: symmetric about 0, of variance 1/12. Then
 * G = round(2^20 * kappa / sqrt(4) * sqrt(6) * (x1 + x2)); four such entries have a standard
 * deviation of kappa.
 */
#include <math.h>

#include "parts.h"

double
mark_kappa(uint64_t weights)
{
	return weights < 1000000 ? .03 : weights < 10000000 ? .02 : .01;
}

/*
 * 64 kappa^2 N entries: then a customer's own weights tell next to nothing about its own table
 * (signal to noise for each entry N kappa^2 / L).
 */
unsigned
mark_log_l(uint64_t weights, double kappa)
{
	double want = 64 * kappa * kappa * (double)weights;
	unsigned log_l = MARK_LOG_MIN;

	while (log_l < MARK_LOG_MAX && (double)((uint64_t)1 << log_l) < want)
		log_l++;
	return log_l;
}

bool
terms_check(struct ctx *c, const struct mark_terms *t)
{
	if (t->log_l < MARK_LOG_MIN || t->log_l > MARK_LOG_MAX)
		return fail(c, E_INPUT, "a mark's table must have 2^%d to 2^%d entries",
		    MARK_LOG_MIN, MARK_LOG_MAX);
	if (!(t->kappa > 0 && t->kappa <= 1))
		return fail(c, E_INPUT, "a mark's strength must be above 0 and at most 1");
	return true;
}

double
mark_scale(const struct mark_terms *t)
{
	return t->kappa / sqrt(MARK_TERMS) * sqrt(6);
}

/*
 * The values of G for these draws, in the place of the draws. Rounded to the nearest whole number
 * and, like lround, away from zero where two are as near; written so that the compiler makes
 * several at once.
 */
static void
values_of(const struct mark_terms *t, uint32_t draws[TABLE_PIECE])
{
	const double unit = mark_scale(t) * (1 << MARK_ONE) / 65536;

	for (size_t i = 0; i < TABLE_PIECE; i++) {
		double v = unit * values_point(draws[i]);

		draws[i] = (uint32_t)(int32_t)(v + copysign(.5, v));
	}
}

bool
mark_content_key(struct ctx *c, const struct key256 *release, struct key256 *ret)
{
	return prf_subkey(c, release, "content", ret);
}

bool
code_key(struct ctx *c, const struct key256 *release, struct key256 *ret)
{
	return prf_subkey(c, release, "code", ret);
}

bool
values_stream(struct ctx *c, const struct key256 *code, uint32_t customer, struct bulk **ret)
{
	return bulk_new(c, code, "table", 0, customer, ret);
}

bool
mark_master(
    struct ctx *c, const struct key256 *release, const struct mark_terms *t, uint32_t to[])
{
	owned(key256_done) struct key256 spread = { 0 };
	owned(bulk_free) struct bulk *stream = NULL;

	return terms_check(c, t) && prf_subkey(c, release, "spread", &spread) &&
	    bulk_new(c, &spread, "table", 0, 0, &stream) &&
	    bulk_read(c, stream, to, ((size_t)1 << t->log_l) * sizeof to[0]);
}

bool
mark_values(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    uint32_t customer, int32_t to[])
{
	owned(key256_done) struct key256 code = { 0 };
	owned(bulk_free) struct bulk *stream = NULL;
	size_t n;

	if (!terms_check(c, t) || !code_key(c, release, &code) ||
	    !values_stream(c, &code, customer, &stream))
		return false;
	n = (size_t)1 << t->log_l;
	if (!bulk_read(c, stream, to, n * sizeof to[0]))
		return false;
	for (size_t at = 0; at < n; at += TABLE_PIECE)
		values_of(t, (uint32_t *)to + at);
	return true;
}

/* ---- D, piece by piece, so that the whole of neither E nor G lies beside it --------------- */

void
maker_done(struct table_maker *m)
{
	bulk_free(&m->spread);
	bulk_free(&m->code);
}

bool
maker_begin(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    uint32_t customer, struct table_maker *ret)
{
	owned(key256_done) struct key256 spread = { 0 };
	owned(key256_done) struct key256 code = { 0 };

	ret->terms = *t;
	return terms_check(c, t) && prf_subkey(c, release, "spread", &spread) &&
	    bulk_new(c, &spread, "table", 0, 0, &ret->spread) && code_key(c, release, &code) &&
	    values_stream(c, &code, customer, &ret->code);
}

bool
maker_next(struct ctx *c, struct table_maker *m, uint32_t to[TABLE_PIECE])
{
	uint32_t draws[TABLE_PIECE];
	bool ok = bulk_read(c, m->spread, to, sizeof draws) &&
	    bulk_read(c, m->code, draws, sizeof draws);

	if (ok)
		values_of(&m->terms, draws);
	for (size_t i = 0; ok && i < TABLE_PIECE; i++)
		to[i] -= draws[i];
	explicit_bzero(draws, sizeof draws);
	return ok;
}

bool
mark_table(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    uint32_t customer, uint32_t to[])
{
	owned(maker_done) struct table_maker m = { 0 };
	size_t n;
	bool ok;

	if (!maker_begin(c, release, t, customer, &m))
		return false;
	n = (size_t)1 << t->log_l;
	ok = true;
	for (size_t at = 0; ok && at < n; at += TABLE_PIECE)
		ok = maker_next(c, &m, to + at);
	if (!ok)
		explicit_bzero(to, n * sizeof to[0]);
	return ok;
}
