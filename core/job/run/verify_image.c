/*
 * A key image as a suspect. The lowest bits of its pixels name the customer that it was made for,
 * under a mask of that customer's own, and are signed with the watermark's secret together with
 * the rest of the picture: so each customer is looked for. The other carrier, spread over the
 * luminance, only confirms what is claimed of it: so it is asked about every key image that was
 * made with it. By neither can anybody be found by chance.
 */
#include <math.h>
#include <stdio.h>

#include "memory.h"
#include "stego.h"
#include "verification.h"

enum { CONTROLS = 1000, LOOK_MEMORY = 192 << 20, TELL_EVERY = 64 };
/* What chance has to do: guess the 128 bits of a signature; or, of the words of 128 bits, one of
 * the 7.4e17 that are mended to the 64 that are claimed. */
#define FORGED_LOG10 (-38.53183944498959)
#define CONFIRMED_LOG10 (-20.66)

struct look {
	struct verification *v;
	struct evidence *evidence;
	struct image picture;
	struct stego_keys keys;
	struct arena *mem; /* of one customer */
	int64_t found[STEGO_FOUND + 1];
};

static void
look_done(struct look *k)
{
	stego_keys_done(&k->keys);
	arena_free(&k->mem);
}

/* ---- The picture ------------------------------------------------------------------------- */

MUST static bool
size_check(struct ctx *c, const struct look *k, struct str file)
{
	const struct image *one = keyset_key(&k->v->vendor.keys, 0);
	int width, height;

	if (!image_size(c, file, &width, &height))
		return false;
	if (width != one->width || height != one->height)
		return fail(c, E_INPUT,
		    "key images of this release have %d x %d pixels, the picture has %d x %d",
		    one->width, one->height, width, height);
	return true;
}

MUST static bool
look_open(struct ctx *c, struct look *k)
{
	owned(key256_done) struct key256 secret = { 0 };
	struct verification *v = k->v;
	struct str file = onnx_file_bytes(v->suspect.file);

	k->mem = arena_new(LOOK_MEMORY);
	if (k->mem == NULL)
		return fail(c, E_MEMORY, "no memory for a picture");
	return memory_secret(c, v->run, IN_MARKS, &secret) &&
	    stego_keys_of(c, &secret, &k->keys) && size_check(c, k, file) &&
	    image_read(c, file, keyset_key(&v->vendor.keys, 0)->channels, &k->picture, NULL);
}

/* ---- One customer ------------------------------------------------------------------------ */

/* `base`: the picture before it was hidden; NULL: lsb, which needs none. */
MUST static bool
search(struct ctx *c, struct look *k, const struct image *base,
    const struct stego_payload *claim, enum stego_found *ret, struct stego_payload *ret_payload)
{
	enum stego_carrier carrier = base == NULL ? STEGO_LSB : STEGO_DCT;
	struct ctx own = *c;
	int repaired;

	*ret = STEGO_NONE;
	if (stego_capacity(carrier, &k->picture) == 0)
		return true;
	arena_reset(k->mem);
	own.mem = k->mem;
	if (stego_extract(
		&own, carrier, &k->keys, &k->picture, base, claim, ret, ret_payload, &repaired))
		return true;
	c->err = own.err;
	return false;
}

static void
accuse(struct look *k, const struct stego_payload *p, double bound)
{
	struct evidence_trace *t = &k->evidence->trace;

	for (size_t i = 0; i < t->n; i++)
		if (t->best[i].number == p->customer)
			return;
	if (t->n == COUNT(t->best))
		return;
	t->best[t->n++] =
	    (struct evidence_customer){ .number = p->customer, .z = 1, .bound_log10 = bound };
	evidence_fact(
	    k->evidence, "Key image", "number %u of customer %u", p->serial, p->customer);
}

static struct stego_payload
claim_of(const struct look *k, uint32_t customer)
{
	return (struct stego_payload){ .release = stego_release(&k->evidence->release),
		.customer = customer };
}

static void
tell_progress(const struct look *k, int64_t at, int64_t all)
{
	if (at % TELL_EVERY == 0 && k->v->busy == 0)
		k->v->run->progress(k->v->run->arg, at, all, STR("looking for customers"));
}

MUST static bool
search_all(struct ctx *c, struct look *k)
{
	const struct verify_release *r = &k->v->vendor.release;

	for (int64_t i = 0; i < r->customers; i++) {
		const struct stego_payload claim = claim_of(k, r->customer[i]);
		struct stego_payload p;
		enum stego_found found;

		if (!search(c, k, NULL, &claim, &found, &p))
			return false;
		k->found[found]++;
		if (found == STEGO_FOUND)
			accuse(k, &p, FORGED_LOG10);
		tell_progress(k, i, r->customers);
	}
	return true;
}

/* ---- One key image that confirms --------------------------------------------------------- */

MUST static bool
confirm(struct ctx *c, struct look *k, const struct memory_image *m, uint32_t customer,
    enum stego_found *ret)
{
	struct stego_payload claim = claim_of(k, customer), p;

	claim.serial = m->serial;
	claim.issued = m->issued;
	claim.expires = m->expires;
	return search(c, k, keyset_key(&k->v->vendor.keys, (int)m->base), &claim, ret, &p);
}

MUST static bool
confirm_all(struct ctx *c, struct look *k)
{
	const struct memory_images *l = &k->v->vendor.images;
	double bound = CONFIRMED_LOG10 + log10(fmax(1, (double)l->n));

	for (int64_t i = 0; i < l->n; i++) {
		const struct memory_image *m = &l->v[i];
		enum stego_found found;

		if (!confirm(c, k, m, m->customer, &found))
			return false;
		k->found[found]++;
		if (found == STEGO_FOUND)
			accuse(k,
			    &(struct stego_payload){
				.customer = m->customer, .serial = m->serial },
			    bound);
		tell_progress(k, i, l->n);
	}
	return true;
}

/* ---- Controls ---------------------------------------------------------------------------- */

/*
 * Numbers that nobody has, and key images as if they had been made for those: none may be found.
 */
MUST static bool
control(struct ctx *c, struct look *k)
{
	const struct verify_release *r = &k->v->vendor.release;
	const struct memory_images *l = &k->v->vendor.images;
	struct evidence_control *a = &k->evidence->control[k->evidence->controls++];
	uint32_t most = 0;

	*a = (struct evidence_control){ .trials = CONTROLS };
	snprintf(a->what, sizeof a->what, "customers that do not exist in the same picture");
	for (int64_t i = 0; i < r->customers; i++)
		most = r->customer[i] > most ? r->customer[i] : most;
	for (uint32_t i = 1; i <= CONTROLS; i++) {
		const struct stego_payload claim = claim_of(k, most + i);
		enum stego_found found, confirmed = STEGO_NONE;
		struct stego_payload p;

		if (!search(c, k, NULL, &claim, &found, &p) ||
		    (l->n > 0 && !confirm(c, k, &l->v[i % l->n], most + i, &confirmed)))
			return false;
		a->low += found == STEGO_FOUND || confirmed == STEGO_FOUND;
	}
	return true;
}

/* ---- What it says ------------------------------------------------------------------------ */

static void
tell(struct look *k)
{
	struct evidence *e = k->evidence;
	struct evidence_test *t = &e->test[TEST_IMAGE];

	e->trace.ran = t->ran = true;
	e->trace.customers = t->trials = k->v->vendor.release.customers;
	t->hits = k->found[STEGO_FOUND];
	t->score = (double)t->hits;
	t->bound_log10 = e->trace.n > 0 ? e->trace.best[0].bound_log10 : 0;
	for (enum stego_found f = STEGO_DAMAGED; f < STEGO_FOUND; f++)
		if (k->found[f] > 0)
			evidence_fact(e, "Found too", "%s, %lld times", stego_found_name(f),
			    (long long)k->found[f]);
}

bool
suspect_look(struct ctx *c, struct verification *v, struct evidence *e)
{
	owned(look_done) struct look k = { .v = v, .evidence = e };

	snprintf(e->trace.channel, sizeof e->trace.channel, "key image");
	e->test[TEST_IMAGE].planned = true;
	if (v->vendor.release.customers == 0)
		return fail(c, E_INPUT, "nobody has a license to the release");
	if (!look_open(c, &k))
		return false;
	if (stego_capacity(STEGO_LSB, &k.picture) == 0)
		return fail(c, E_INPUT, "the picture is too small to carry a name");
	if (!search_all(c, &k) || !confirm_all(c, &k) || !control(c, &k))
		return false;
	tell(&k);
	return true;
}
