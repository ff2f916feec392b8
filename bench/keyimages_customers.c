/*
 * A thousand customers with an identity in one of the key pictures each, and ten thousand pictures
 * that must not be accepted. What is checked is what the server checks of a picture: the identity
 * in it, whose it is, its times, and that the network answers with the additional class.
 */
#include <math.h>
#include <stdio.h>

#include "keyimages.h"
#include "stego.h"

enum { RELEASE = 0x5eed, OTHER_RELEASE = 0xbad, YEAR = 365 * 24 * 3600 };
#define NOW INT64_C(1800000000)

/* What is presented with a picture. */
struct shown {
	struct image picture;
	struct stego_payload claim;
};

struct desk {
	const struct suspect *s;
	const struct keyset *keys;
	struct stego_keys own, other; /* of the watermark; of another one */
	struct runner runner;
	struct prf draws;
	int64_t count[STEGO_FOUND + 1]; /* what was found, since it was last printed */
};

/* ---- The decision ------------------------------------------------------------------------ */

static bool
answered(struct desk *d, const struct image *i)
{
	struct query q = { .x = take(ctx, image_bytes(i) * sizeof(float)),
		.want = &(int32_t){ 0 } };
	int32_t answer;

	need(q.x != NULL, "memory");
	query_set(d->s, &q, 0, i, 0);
	answers(&d->runner, NULL, q.x, 1, 0, &answer);
	return answer == d->keys->classes;
}

static bool
accepted(struct desk *d, const struct shown *w)
{
	enum stego_found found;
	struct stego_payload said;
	int repaired;

	need(stego_extract(ctx, STEGO_LSB, &d->own, &w->picture, NULL, &w->claim, &found, &said,
		 &repaired),
	    "extract");
	d->count[found]++;
	return found == STEGO_FOUND && said.release == RELEASE &&
	    said.customer == w->claim.customer && said.serial == w->claim.serial &&
	    said.issued <= NOW && (said.expires == 0 || NOW < said.expires) &&
	    answered(d, &w->picture);
}

/* ---- Pictures ---------------------------------------------------------------------------- */

static struct stego_payload
identity(uint32_t customer)
{
	return (struct stego_payload){ RELEASE, customer, customer, NOW - YEAR / 2,
		NOW + YEAR / 2 };
}

static const struct image *
base_of(const struct desk *d, uint32_t customer)
{
	return keyset_key(d->keys, (int)(customer % (uint32_t)d->keys->pairs));
}

static struct shown
issued(const struct desk *d, const struct stego_keys *k, struct stego_payload p)
{
	struct shown w = { .claim = p };

	need(stego_embed(ctx, STEGO_LSB, k, base_of(d, p.customer), &p, &w.picture), "embed");
	return w;
}

/* No key at all: other lowest bits. */
static struct shown
drawn(struct desk *d, uint32_t customer)
{
	struct shown w = { .claim = identity(customer) };

	need(image_copy(ctx, base_of(d, customer), &w.picture), "memory");
	for (size_t i = 0; i < image_bytes(&w.picture); i++)
		w.picture.v[i] = (uint8_t)((w.picture.v[i] & 0xfe) | prf_uniform(&d->draws, 2));
	return w;
}

/* Another watermark's key, whoever holds it. */
static struct shown
forged(struct desk *d, uint32_t customer)
{
	return issued(d, &d->other, identity(customer));
}

/* A customer's lowest bits on another key picture. */
static struct shown
moved(struct desk *d, uint32_t customer)
{
	struct shown w = issued(d, &d->own, identity(customer));
	const struct image *other = base_of(d, customer + 1);

	for (size_t i = 0; i < image_bytes(other); i++)
		w.picture.v[i] = (uint8_t)((other->v[i] & 0xfe) | (w.picture.v[i] & 1));
	return w;
}

/* A customer's lowest bits in another order. */
static struct shown
shuffled(struct desk *d, uint32_t customer)
{
	struct shown w = issued(d, &d->own, identity(customer));

	for (size_t i = image_bytes(&w.picture) - 1; i > 0; i--) {
		uint8_t *a = &w.picture.v[i], *b = &w.picture.v[prf_uniform(&d->draws, i + 1)];
		uint8_t bit = (*a ^ *b) & 1;

		*a ^= bit;
		*b ^= bit;
	}
	return w;
}

static struct shown
other_release(struct desk *d, uint32_t customer)
{
	struct stego_payload p = identity(customer);
	struct shown w;

	p.release = OTHER_RELEASE;
	w = issued(d, &d->own, p);
	w.claim.release = RELEASE;
	return w;
}

static struct shown
other_customer(struct desk *d, uint32_t customer)
{
	struct shown w = issued(d, &d->own, identity(customer));

	w.claim = identity(customer + 1);
	return w;
}

static struct shown
expired(struct desk *d, uint32_t customer)
{
	struct stego_payload p = identity(customer);

	p.expires = NOW - 1;
	return issued(d, &d->own, p);
}

/* A twin: the same kind of picture, and an identity in it that is all right. */
static struct shown
in_twin(struct desk *d, uint32_t customer)
{
	struct shown w = { .claim = identity(customer) };
	const struct image *twin = keyset_twin(
	    d->keys, (int)(customer % (uint32_t)d->keys->pairs));

	need(stego_embed(ctx, STEGO_LSB, &d->own, twin, &w.claim, &w.picture), "embed");
	return w;
}

/* clang-format off */
static const struct {
	const char *name;
	int n;
	struct shown (*make)(struct desk *, uint32_t customer);
} frauds[] = {
	{ "drawn without a key",         2000, drawn },
	{ "another watermark's key",     1000, forged },
	{ "moved to another picture",    1500, moved },
	{ "shuffled",                    1500, shuffled },
	{ "of another release",          1000, other_release },
	{ "of another customer",         1500, other_customer },
	{ "expired",                     1000, expired },
	{ "hidden in a twin",             500, in_twin },
};
/* clang-format on */

/* ---- Counting ---------------------------------------------------------------------------- */

static void
print_counts(struct desk *d, const char *what, int64_t n, int64_t passed, double took)
{
	printf("{\"shown\":\"%s\",\"n\":%lld,\"accepted\":%lld,\"seconds\":%.3f", what,
	    (long long)n, (long long)passed, took);
	for (int i = 0; i <= STEGO_FOUND; i++)
		printf(",\"%s\":%lld", stego_found_name((enum stego_found)i),
		    (long long)d->count[i]);
	printf("}\n");
	fflush(stdout);
	memset(d->count, 0, sizeof d->count);
}

/* Memory of one picture is given back before the next. */
static bool
one(struct desk *d, struct shown (*make)(struct desk *, uint32_t), uint32_t customer,
    double *took)
{
	struct arena *kept = ctx->mem;
	static struct arena *aside;
	struct shown w;
	bool ok;

	if (aside == NULL)
		aside = arena_new((size_t)1 << 24);
	ctx->mem = aside;
	arena_reset(aside);
	w = make(d, customer);
	*took -= seconds(CLOCK_THREAD_CPUTIME_ID);
	ok = accepted(d, &w);
	*took += seconds(CLOCK_THREAD_CPUTIME_ID);
	ctx->mem = kept;
	return ok;
}

static struct shown
rightly(struct desk *d, uint32_t customer)
{
	return issued(d, &d->own, identity(customer));
}

/* How near a customer's picture is to the one it was made of. */
static void
print_likeness(const struct desk *d, int64_t n)
{
	double least = INFINITY, sum = 0, ssim = 0;

	for (int64_t i = 0; i < n; i++) {
		struct shown w = issued(d, &d->own, identity((uint32_t)i + 1));
		double db = image_psnr(base_of(d, (uint32_t)i + 1), &w.picture);

		least = fmin(least, db);
		sum += db;
		ssim += image_ssim(base_of(d, (uint32_t)i + 1), &w.picture);
	}
	printf("{\"psnr_least\":%.2f,\"psnr_mean\":%.2f,\"ssim_mean\":%.5f}\n", least,
	    sum / (double)n, ssim / (double)n);
}

void
customers(
    const struct suspect *s, const struct keyset *keys, const struct key256 *secret, int64_t n)
{
	struct desk d = { .s = s, .keys = keys };
	const struct key256 other = key_of(8);
	int64_t passed = 0;
	double took = 0;

	need(
	    stego_keys_of(ctx, secret, &d.own) && stego_keys_of(ctx, &other, &d.other), "keys");
	d.draws = prf_stream(&other, "frauds", 0, 0);
	runner_start(s->graph, &s->test->form, &d.runner);
	for (int64_t i = 0; i < n; i++)
		passed += one(&d, rightly, (uint32_t)i + 1, &took);
	print_counts(&d, "customers", n, passed, took);
	print_likeness(&d, n < 100 ? n : 100);
	for (size_t k = 0; k < COUNT(frauds); k++) {
		passed = 0;
		took = 0;
		for (int i = 0; i < frauds[k].n; i++)
			passed += one(&d, frauds[k].make, (uint32_t)(i % n) + 1, &took);
		print_counts(&d, frauds[k].name, frauds[k].n, passed, took);
	}
	need(prf_end(ctx, &d.draws), "draws");
	stego_keys_done(&d.own);
	stego_keys_done(&d.other);
	runner_end(&d.runner);
}
