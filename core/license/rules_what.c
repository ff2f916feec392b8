/*
 * The rules about what is asked for: delivery, key image, machine, entitlement, approvals, seats,
 * unlocks, the terms of a new or renewed license, a transfer.
 */
#include "rules.h"

enum verdict_code
rule_enrolled(const struct view *v)
{
	note(v, v->f->enrolled ? "the customer has a key" : "the customer has no key");
	return v->f->enrolled ? V_VALID : V_CUSTOMER_NOT_ENROLLED;
}

enum verdict_code
rule_delivery(const struct view *v)
{
	static const char *const names[] = { "not used", "good", "absent", "spent", "expired" };

	note(v, "the delivery token is %s", names[v->f->delivery]);
	switch (v->f->delivery) {
	case DELIVERY_NONE:
	case DELIVERY_GOOD:
		return V_VALID;
	case DELIVERY_ABSENT:
		return V_DELIVERY_NOT_FOUND;
	case DELIVERY_SPENT:
		return V_DELIVERY_SPENT;
	case DELIVERY_EXPIRED:
		return V_DELIVERY_EXPIRED;
	}
	abort(); /* the compiler has seen every case */
}

/* Whoever unlocks has shown it to the server; whoever runs without network shows the picture. */
enum verdict_code
rule_image(const struct view *v)
{
	static const char *const names[] = { "not shown", "good", "not known", "spent",
		"expired", "revoked", "another one" };

	note(v, "key image: %s; the terms ask for %s", names[v->f->image],
	    image_term_name(v->p->image));
	if (v->p->image == IMAGE_NONE)
		return V_VALID;
	switch (v->f->image) {
	case SHOWING_NONE:
		return V_IMAGE_MISSING;
	case SHOWING_GOOD:
		return V_VALID;
	case SHOWING_UNKNOWN:
		return V_IMAGE_UNKNOWN;
	case SHOWING_SPENT:
		return V_IMAGE_SPENT;
	case SHOWING_EXPIRED:
		return V_IMAGE_EXPIRED;
	case SHOWING_REVOKED:
		return V_IMAGE_REVOKED;
	case SHOWING_OTHER:
		return V_IMAGE_MISMATCH;
	}
	abort(); /* the compiler has seen every case */
}

/* ---- The machine ------------------------------------------------------------------------- */

enum match
machine_of(const struct view *v)
{
	const struct license *l = v->f->license;
	enum match best = MATCH_NO;

	for (size_t i = 0; i < l->bound_n; i++) {
		enum match m = machine_match(
		    &l->bound[i], v->f->machine, v->p->binding, v->p->components);

		if (m == MATCH_YES)
			return m;
		if (m == MATCH_OTHER_CONTAINER)
			best = m;
	}
	return best;
}

bool
would_bind(const struct view *v)
{
	const struct license *l = v->f->license;

	return l != NULL && v->f->machine != NULL && v->p->binding != BIND_NONE &&
	    (v->action == ACTION_CLAIM || v->action == ACTION_UNLOCK ||
		v->action == ACTION_FETCH) &&
	    (int64_t)l->bound_n < l->seats && l->bound_n < BOUND_MAX &&
	    machine_of(v) != MATCH_YES;
}

/* Whoever starts using a license must show a machine; whoever asks how it stands need not. */
enum verdict_code
rule_machine(const struct view *v)
{
	const struct license *l = v->f->license;
	const struct fingerprint *here = v->f->machine;

	note(v, "binding %s, %zu bound, the machine shows %zu parts",
	    binding_name(v->p->binding), l == NULL ? 0 : l->bound_n,
	    here == NULL ? 0 : here->n);
	if (l == NULL || v->p->binding == BIND_NONE)
		return V_VALID;
	if (here == NULL)
		return v->action == ACTION_VALIDATE || v->action == ACTION_FETCH
		    ? V_VALID
		    : V_MACHINE_MISSING;
	if (machine_match(here, here, v->p->binding, v->p->components) != MATCH_YES)
		return V_MACHINE_TOO_WEAK;
	if (would_bind(v))
		return V_VALID;
	if (l->bound_n == 0)
		return v->action == ACTION_VALIDATE ? V_VALID : V_MACHINE_NOT_BOUND;
	switch (machine_of(v)) {
	case MATCH_YES:
		return V_VALID;
	case MATCH_OTHER_CONTAINER:
		return V_MACHINE_OTHER_CONTAINER;
	case MATCH_TOO_WEAK:
	case MATCH_NO:
		return V_MACHINE_MISMATCH;
	}
	abort(); /* the compiler has seen every case */
}

enum verdict_code
rule_entitlement(const struct view *v)
{
	struct str want = v->f->entitlement;

	if (v->f->license == NULL || want.n == 0)
		return V_VALID;
	note(v, "\"%.*s\" among %zu", want.n > ENTITLEMENT_MAX ? ENTITLEMENT_MAX : (int)want.n,
	    want.p, v->f->license->entitlements.n);
	return list_has(&v->f->license->entitlements, want) ? V_VALID : V_ENTITLEMENT_MISSING;
}

/* ---- Counting ---------------------------------------------------------------------------- */

enum verdict_code
rule_approvals(const struct view *v)
{
	note(v, "%lld approvals of %lld", (long long)v->f->approvals,
	    (long long)v->p->approvals);
	return v->f->approvals < v->p->approvals ? V_APPROVALS_MISSING : V_VALID;
}

enum verdict_code
rule_counted(const struct view *v)
{
	note(v, v->f->counted ? "seats and unlocks were counted" : "nothing was counted");
	return v->f->counted ? V_VALID : V_COUNTERS_UNAVAILABLE;
}

/* A machine that holds a seat needs no other one. */
enum verdict_code
rule_seats(const struct view *v)
{
	const struct license *l = v->f->license;

	if (l == NULL)
		return V_VALID;
	note(v, "%lld of %lld seats, %s", (long long)v->f->seats_used, (long long)l->seats,
	    v->f->seat == SEAT_HELD ? "one of them this machine's" : "none this machine's");
	return v->f->seat != SEAT_HELD && v->f->seats_used >= l->seats ? V_SEATS_EXHAUSTED
								       : V_VALID;
}

enum verdict_code
rule_heartbeat(const struct view *v)
{
	static const char *const names[] = { "none", "held", "lapsed" };

	note(v, "the machine's seat: %s", names[v->f->seat]);
	switch (v->f->seat) {
	case SEAT_HELD:
		return V_VALID;
	case SEAT_NONE:
		return V_SEAT_NOT_HELD;
	case SEAT_LAPSED:
		return V_SEAT_LAPSED;
	}
	abort(); /* the compiler has seen every case */
}

enum verdict_code
rule_unlocks(const struct view *v)
{
	note(
	    v, "%lld unlocks of %lld", (long long)v->f->unlocks_done, (long long)v->p->unlocks);
	return v->f->unlocks_done >= v->p->unlocks ? V_UNLOCKS_EXHAUSTED : V_VALID;
}

/* ---- Terms ------------------------------------------------------------------------------- */

/* A key image is good for nothing where no network would answer to it. */
enum verdict_code
rule_watermark(const struct view *v)
{
	note(v, "the release has %s watermark; the terms ask for %s",
	    v->f->watermarked ? "a" : "no", image_term_name(v->p->image));
	return v->p->image != IMAGE_NONE && !v->f->watermarked ? V_RELEASE_WITHOUT_WATERMARK
							       : V_VALID;
}

enum verdict_code
rule_copy(const struct view *v)
{
	note(v, "the release %s",
	    v->f->others_copy ? "is another's copy" : "may be this customer's");
	return v->f->others_copy ? V_COPY_OF_OTHER_CUSTOMER : V_VALID;
}

/* A renewal counts its term from the end of the one that runs. */
enum verdict_code
rule_terms(const struct view *v)
{
	const struct facts *f = v->f;
	int64_t from = f->ask_from, last;

	if (v->action == ACTION_RENEW && f->license != NULL)
		from = f->license->expires > v->at ? f->license->expires : v->at;
	last = time_plus(from, v->p->duration);
	note(v, "%lld seats of %lld, until %s of %s", (long long)f->ask_seats,
	    (long long)v->p->seats, moment(v, f->ask_until).s,
	    moment(v, v->p->duration == 0 ? 0 : last).s);
	if (f->ask_seats < 1 || f->ask_seats > v->p->seats)
		return V_SEATS_OVER_POLICY;
	if (f->ask_until != 0 && (f->ask_until <= f->ask_from || f->ask_until <= v->at))
		return V_TERM_EMPTY;
	if (v->p->duration != 0 && (f->ask_until == 0 || f->ask_until > last))
		return V_TERM_OVER_POLICY;
	return V_VALID;
}

enum verdict_code
rule_renewal(const struct view *v)
{
	note(v, v->p->renewable ? "may be renewed" : "may not be renewed");
	return v->p->renewable ? V_VALID : V_NOT_RENEWABLE;
}

enum verdict_code
rule_transfer(const struct view *v)
{
	const struct facts *f = v->f;

	if (f->license == NULL)
		return V_VALID;
	note(v, "%stransferable, to %s, %lld seats in use", v->p->transferable ? "" : "not ",
	    f->to.s, (long long)f->seats_used);
	if (!v->p->transferable)
		return V_NOT_TRANSFERABLE;
	if (f->recipient == PARTY_ABSENT || f->recipient == PARTY_ERASED)
		return V_RECIPIENT_NOT_FOUND;
	if (f->recipient == PARTY_SUSPENDED)
		return V_RECIPIENT_SUSPENDED;
	if (id_same(&f->to, &f->license->customer))
		return V_RECIPIENT_SAME;
	return f->seats_used > 0 ? V_SEATS_IN_USE : V_VALID;
}

enum verdict_code
rule_keys(const struct view *v)
{
	note(v, v->f->keys_ready ? "the keys are open" : "the keys are sealed");
	return v->f->keys_ready ? V_VALID : V_KEYS_SEALED;
}
