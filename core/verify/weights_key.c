/*
 * A leaked unlock key. The table in it is the release's own less its customer's values, so what is
 * left of it names the customer, whatever number the key claims.
 */
#include <math.h>

#include "weights_parts.h"

static void
key_done(struct unlock_key *k)
{
	unlock_key_done(k);
}

/*
 * The release's table less the key's. No customer's value lies beyond `most`; what does was put
 * there to drown the others: twice as far is cut, further is nothing.
 */
static void
table_values(
    const struct mark_terms *t, const uint32_t master[], const uint32_t table[], double sums[])
{
	const double most = t->kappa * sqrt(6. / MARK_TERMS);

	for (size_t i = 0; i < (size_t)1 << t->log_l; i++) {
		double v = (double)(int32_t)(master[i] - table[i]) / (1 << MARK_ONE);

		sums[i] = fabs(v) > 2 * most ? 0 : fmax(-most, fmin(most, v));
	}
}

MUST static bool
key_fits(struct ctx *c, const struct verify_release *r, const struct unlock_key *k)
{
	if (!str_same(str_of(k->release.s), str_of(r->id.s)))
		return fail(
		    c, E_CONFLICT, "the key opens another release, %.48s", k->release.s);
	if (k->table == NULL)
		return fail(c, E_CONFLICT, "the key holds no table: it names nobody");
	if (k->terms.log_l != r->terms.log_l)
		return fail(
		    c, E_CONFLICT, "the key's table is of another length than the release's");
	return true;
}

MUST static bool
key_score(struct ctx *c, const struct verify_release *r, const struct unlock_key *k,
    struct evidence *e)
{
	size_t n = (size_t)1 << r->terms.log_l;
	uint32_t *master = take(c, n * sizeof *master);
	double *sums = take(c, n * sizeof *sums);
	bool ok = master != NULL && sums != NULL &&
	    mark_master(c, &r->secret, &r->terms, master);

	if (ok)
		table_values(&r->terms, master, k->table, sums);
	if (master != NULL)
		explicit_bzero(master, n * sizeof *master);
	ok = ok && weights_score(c, r, sums, 1, NULL, e);
	if (sums != NULL)
		explicit_bzero(sums, n * sizeof *sums);
	return ok;
}

bool
verify_unlock_key(
    struct ctx *c, const struct verify_release *r, struct str bytes, struct evidence *e)
{
	owned(key_done) struct unlock_key k = { 0 };

	if (!weights_asked(r, "unlock key", e))
		return true;
	if (!unlock_key_read(c, bytes, &k) || !key_fits(c, r, &k))
		return weights_not(c, e);
	evidence_fact(e, "Customer's number that the key claims", "%u", k.customer);
	return key_score(c, r, &k, e);
}
