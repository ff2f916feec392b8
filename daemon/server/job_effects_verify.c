/*
 * What the end of a job means for what is held against a suspect. A challenge becomes ready with
 * its pictures; a verification is done with its report, which the custodian has signed by then, or
 * has failed and says why. The worker has read hostile bytes: what it says is taken only where it
 * agrees with itself and with what is known here.
 */
#include "job_effects.h"

/* ---- Challenges ---------------------------------------------------------------------------- */

enum { CONTENT, LIST }; /* of a challenge's outputs */

MUST static bool
challenge_read(struct ctx *c, const struct run *r, struct challenge_row *k)
{
	struct said s;
	int64_t shown;

	if (!said_read(c, r, &s))
		return false;
	if (!said_number(&s, "pairs", k->pairs, k->pairs, &shown) ||
	    !said_number(&s, "decoys", 0, INT32_MAX, &k->decoys) ||
	    !said_digest(c, &s, "commitment", &k->commitment) || r->made[CONTENT].size == 0 ||
	    r->made[LIST].size == 0)
		return fail(
		    c, E_INTEGRITY, "the worker's result does not describe the challenge");
	return true;
}

bool
challenge_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct challenge_row *k = take(c, sizeof *k);

	if (k == NULL || !run_outputs_keep(j, r) ||
	    !challenge_by_id(c, j->db, str_of(r->row.vendor.s), str_of(r->row.object.s), k) ||
	    !challenge_read(c, r, k))
		return false;
	r->challenge = k;
	return true;
}

bool
challenged(
    struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	return outputs_store(c, db, r, ret_gone, ret_n) && challenge_ready(c, db, r->challenge);
}

/* ---- Verifications ------------------------------------------------------------------------- */

enum { REPORT, PAGE }; /* of a verification's outputs */
enum { ACCUSED_MAX = 64 };

/* What the worker says of it, beside the report. */
struct finding {
	struct digest256 suspect, report;
	uint32_t accused[ACCUSED_MAX];
	size_t n;
};

MUST static bool
verdict_read(struct ctx *c, struct str word, int *ret)
{
	for (int i = 0; verification_verdict_names[i] != NULL; i++)
		if (str_same(word, str_of(verification_verdict_names[i]))) {
			*ret = i;
			return true;
		}
	return fail(c, E_INTEGRITY, "the worker's result has no verdict");
}

/* The numbers of the accused, in the order of the report, which has them by their scores. */
MUST static bool
accused_read(struct ctx *c, struct str list, struct finding *f)
{
	struct json_part *who, *part, number;
	int64_t v;
	size_t n;

	if (!json_split(c, list, &who, &f->n))
		return false;
	if (f->n > ACCUSED_MAX)
		return fail(c, E_INTEGRITY, "the worker accuses more customers than it may");
	for (size_t i = 0; i < f->n; i++) {
		if (!json_split(c, who[i].value, &part, &n))
			return false;
		if (!json_find(part, n, "number", &number) ||
		    !str_number(number.value, 1, UINT32_MAX, &v))
			return fail(c, E_INTEGRITY, "the worker accuses nobody in particular");
		f->accused[i] = (uint32_t)v;
	}
	return true;
}

MUST static bool
finding_read(struct ctx *c, const struct run *r, struct verification_row *v, struct finding *f)
{
	struct json_part verdict, accused;
	struct said s;

	if (!said_read(c, r, &s))
		return false;
	if (!json_find(s.part, s.n, "verdict", &verdict) ||
	    !json_find(s.part, s.n, "accused", &accused) || accused.kind != KIND_LIST ||
	    !said_digest(c, &s, "suspect", &f->suspect) ||
	    !said_digest(c, &s, "report", &f->report) || r->made[REPORT].size == 0 ||
	    r->made[PAGE].size == 0)
		return fail(
		    c, E_INTEGRITY, "the worker's result does not describe a verification");
	return verdict_read(c, verdict.value, &v->verdict) && accused_read(c, accused.value, f);
}

/* It speaks of the bytes that were uploaded, and of the report that it wrote. */
MUST static bool
finding_agrees(
    struct ctx *c, const struct run *r, const struct finding *f, const struct suspect_row *s)
{
	struct digest256 written;

	memcpy(written.b, r->made[REPORT].sha256, sizeof written.b);
	if (!digest256_same(&f->suspect, &s->digest))
		return fail(c, E_INTEGRITY, "the worker's result speaks of another suspect");
	if (!digest256_same(&f->report, &written))
		return fail(c, E_INTEGRITY, "the worker's result speaks of another report");
	return true;
}

bool
verify_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct str vendor = str_of(r->row.vendor.s);
	struct verification_row *v = take(c, sizeof *v);
	struct keys_evidence said = { .row = v };
	struct suspect_row suspect;
	struct finding f = { 0 };

	if (v == NULL || !run_outputs_keep(j, r) ||
	    !verification_by_id(c, j->db, vendor, str_of(r->row.object.s), v) ||
	    !suspect_by_id(c, j->db, vendor, str_of(v->suspect.s), &suspect) ||
	    !finding_read(c, r, v, &f) || !finding_agrees(c, r, &f, &suspect))
		return false;
	v->facts = r->row.result;
	v->report = f.report;
	v->accused = (int64_t)f.n;
	said.suspect = f.suspect;
	said.accused = f.accused;
	said.n = f.n;
	if (!keys_sign_evidence(c, j->server->keys, &said, &v->statement))
		return false;
	r->verification = v;
	return true;
}

bool
verified(struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	return outputs_store(c, db, r, ret_gone, ret_n) &&
	    verification_done(c, db, r->verification);
}
