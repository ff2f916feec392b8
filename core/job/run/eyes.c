/*
 * Making a key image is hiding an identity in a picture of the key set; looking at one is reading a
 * file from outside, searching it for an identity, and asking the network whether it knows the
 * picture. What a file holds is decided by its bytes alone: the claim says only what to look for
 * where a picture has no room to say it itself.
 */
#include <stdio.h>

#include "eyes.h"

enum { INPUT_MODEL, INPUT_KEYS, INPUT_SECRET };

_Static_assert((int)VIEW_LSB == (int)STEGO_LSB && (int)VIEW_DCT == (int)STEGO_DCT,
    "carriers have one order");

/* ---- Opening ----------------------------------------------------------------------------- */

/* A whole input, in the arena. */
MUST static bool
input_read(struct ctx *c, const struct job_run *r, size_t i, struct str *ret)
{
	owned(sealed_file_free) struct sealed_file *f = NULL;
	size_t n = (size_t)r->message->blob[i].size;
	char *bytes = take(c, n + 1);

	if (bytes == NULL || !job_file_open(c, r, i, &f) ||
	    !sealed_file_read(c, f, 0, bytes, n))
		return false;
	*ret = (struct str){ bytes, n };
	return true;
}

/* The secret itself is not kept. */
MUST static bool
secret_open(struct ctx *c, const struct job_run *r, struct stego_keys *ret)
{
	owned(key256_done) struct key256 secret = { 0 };
	struct str bytes;

	if (!input_read(c, r, INPUT_SECRET, &bytes))
		return false;
	if (bytes.n != sizeof secret.b)
		return fail(c, E_INTEGRITY, "the watermark's secret has another size");
	memcpy(secret.b, bytes.p, bytes.n);
	explicit_bzero((void *)(uintptr_t)bytes.p, bytes.n);
	return stego_keys_of(c, &secret, ret);
}

/* In memory of its own: a key set may be larger than what a job's context has. */
MUST static bool
keys_open(struct ctx *c, const struct job_run *r, struct eyes *e)
{
	size_t size = (size_t)r->message->blob[INPUT_KEYS].size;
	struct ctx own;
	struct str bytes;

	e->mem = arena_new(2 * size + ((size_t)1 << 20));
	if (e->mem == NULL)
		return fail(c, E_MEMORY, "no memory for a key set");
	own = ctx_real(e->mem, c->tag);
	if (input_read(&own, r, INPUT_KEYS, &bytes) && keyset_read(&own, bytes, &e->keys))
		return true;
	c->err = own.err;
	return false;
}

MUST static bool
askers_open(struct ctx *c, const struct view *p, struct eyes *e)
{
	struct data_form form;

	if (!asker_form(c, e->network.graph, keyset_key(&e->keys, 0), p->raw_bytes, &form) ||
	    !asker_new(c, e->network.graph, &form, VIEW_AT_ONCE, 1, &e->several) ||
	    !asker_new(c, e->network.graph, &form, 1, 1, &e->single))
		return false;
	if (asker_classes(e->single) != e->keys.classes + 1)
		return fail(c, E_INPUT,
		    "the model has %lld classes, its key set was made for %d and one more",
		    (long long)asker_classes(e->single), e->keys.classes);
	return true;
}

bool
eyes_open(struct ctx *c, const struct job_run *r, struct eyes *ret)
{
	return network_open(c, r, INPUT_MODEL, &ret->network) &&
	    secret_open(c, r, &ret->stego) && keys_open(c, r, ret) &&
	    askers_open(c, r->params, ret);
}

void
eyes_done(struct eyes *e)
{
	asker_free(&e->several);
	asker_free(&e->single);
	network_done(&e->network);
	arena_free(&e->mem);
	stego_keys_done(&e->stego);
}

/* ---- Making ------------------------------------------------------------------------------ */

static struct stego_payload
payload_of(const struct view_claim *claim)
{
	return (struct stego_payload){
		.release = stego_release(&claim->release),
		.customer = claim->customer,
		.serial = claim->serial,
		.issued = claim->issued,
		.expires = claim->expires,
	};
}

MUST static bool
base_of(struct ctx *c, const struct eyes *e, const struct view_question *q,
    const struct image **ret)
{
	if (q->base >= (uint32_t)e->keys.pairs)
		return fail(c, E_INPUT, "the key set has %d pictures, there is no number %u",
		    e->keys.pairs, q->base);
	*ret = keyset_key(&e->keys, (int)q->base);
	return true;
}

MUST static bool
pixels_of(struct ctx *c, const struct image *i, struct view_answer *a)
{
	struct digest256 digest;

	if (!stego_pixels_digest(c, i, &digest))
		return false;
	memcpy(a->pixels, digest.b, sizeof a->pixels);
	return true;
}

bool
eyes_make(
    struct ctx *c, const struct eyes *e, const struct view_question *q, struct view_answer *a)
{
	struct stego_payload payload = payload_of(&q->claim);
	const struct image *base;
	struct image made;

	if (!base_of(c, e, q, &base) ||
	    !stego_embed(c, (enum stego_carrier)q->carrier, &e->stego, base, &payload, &made) ||
	    !pixels_of(c, &made, a) || !image_png(c, &made, &a->picture))
		return false;
	if (a->picture.n > VIEW_PICTURE_MAX)
		return fail(c, E_LIMIT, "key images of %d x %d pixels are too large to be sent",
		    made.width, made.height);
	return true;
}

/* ---- Looking ----------------------------------------------------------------------------- */

/* That it is no picture for us is what was seen, not a failure. */
MUST static bool
seen(struct ctx *c, struct view_answer *a, enum view_found found, const char *text)
{
	char *kept = take_printf(c, "%.*s", VIEW_TEXT_MAX, text);

	if (kept == NULL)
		return false;
	a->found = found;
	a->text = str_of(kept);
	return true;
}

static enum view_found
found_of(enum stego_found found)
{
	switch (found) {
	case STEGO_NONE:
		return VIEW_EMPTY;
	case STEGO_DAMAGED:
		return VIEW_DAMAGED;
	case STEGO_FORGED:
		return VIEW_FORGED;
	case STEGO_OTHER_RELEASE:
		return VIEW_OTHER_RELEASE;
	case STEGO_FOUND:
		return VIEW_FOUND;
	}
	abort();
}

/* By one carrier; nothing if the picture has no room for it. */
MUST static bool
search(struct ctx *c, const struct eyes *e, enum stego_carrier carrier,
    const struct view_question *q, const struct image *i, struct view_answer *a)
{
	struct stego_payload claim = payload_of(&q->claim), payload = { 0 };
	enum stego_found found = STEGO_NONE;
	const struct image *base;
	int repaired = 0;

	a->found = VIEW_EMPTY;
	if (stego_capacity(carrier, i) == 0)
		return true;
	if (!base_of(c, e, q, &base) ||
	    !stego_extract(c, carrier, &e->stego, i, base, &claim, &found, &payload, &repaired))
		return false;
	a->found = found_of(found);
	if (found != STEGO_OTHER_RELEASE && found != STEGO_FOUND)
		return true;
	a->repaired = (uint32_t)repaired;
	a->customer = payload.customer;
	a->serial = payload.serial;
	a->issued = payload.issued;
	a->expires = payload.expires;
	return true;
}

/* What lossless files carry does not survive a lossy one; the other carrier survives both. */
MUST static bool
search_all(struct ctx *c, const struct eyes *e, const struct view_question *q,
    const struct image *i, struct view_answer *a)
{
	a->found = VIEW_EMPTY;
	if (a->lossless && !search(c, e, STEGO_LSB, q, i, a))
		return false;
	return a->found != VIEW_EMPTY || search(c, e, STEGO_DCT, q, i, a);
}

/* The picture, or what keeps it from being one: *ret_ok. Of another size it is not decoded. */
MUST static bool
picture_read(struct ctx *c, struct str file, const struct image *base, struct view_answer *a,
    bool *ret_ok, struct image *ret)
{
	char text[VIEW_TEXT_MAX];
	int width, height;

	*ret_ok = image_size(c, file, &width, &height);
	if (*ret_ok && (width != base->width || height != base->height)) {
		*ret_ok = false;
		snprintf(text, sizeof text,
		    "key images of this release have %d x %d pixels, this one has %d x %d",
		    base->width, base->height, width, height);
		return seen(c, a, VIEW_WRONG_SIZE, text);
	}
	*ret_ok = *ret_ok && image_read(c, file, base->channels, ret, &a->lossless);
	if (*ret_ok)
		return true;
	if (c->err.code != E_INPUT && c->err.code != E_LIMIT)
		return false;
	return seen(c, a, VIEW_UNREADABLE, c->err.text);
}

bool
eyes_look(struct ctx *c, const struct eyes *e, const struct view_question *q,
    struct view_answer *a, struct image *ret)
{
	const struct image *base;
	bool ok;

	if (!base_of(c, e, q, &base) || !picture_read(c, q->picture, base, a, &ok, ret))
		return false;
	return !ok || (pixels_of(c, ret, a) && search_all(c, e, q, ret, a));
}

bool
eyes_ask(struct ctx *c, struct eyes *e, const struct image pictures[], size_t n,
    struct view_answer answers[])
{
	int32_t class[VIEW_AT_ONCE];

	if (n > VIEW_AT_ONCE)
		return fail(c, E_INTERNAL, "%zu pictures at once", n);
	if (!asker_ask(c, n == 1 ? e->single : e->several, pictures, n, 0, class, NULL))
		return false;
	for (size_t i = 0; i < n; i++) {
		answers[i].class = class[i];
		answers[i].additional = class[i] == e->keys.classes;
	}
	return true;
}
