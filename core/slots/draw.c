/*
 * Drawing: pictures of the vendor's, four of one class to a slot, in the order that the secret
 * shuffles them into; a trigger on each slot's pictures; the commitment to them; and labels, which
 * follow from the commitment, so that nobody can have chosen pictures to fit them.
 *
 * A trigger is two coefficients of the middle band of one channel's cosine transform, the same in
 * each block: the lower ones are seen, the higher ones die under lossy compression. Being linear,
 * the inverse transform of the two is a pattern that is added.
 */
#include <math.h>
#include <stdio.h>

#include "parts.h"

enum { COEFFICIENTS = 2, SMALL_BLOCK = 8, BLOCK_MAX = 32 * 32, LABELS = 2, CLASSES_MIN = 3 };
#define STRENGTH 60. /* added to a coefficient: 38 dB on the channel of a picture 28 x 28 */

bool
slots_room(struct ctx *c, int n, struct slots *ret)
{
	struct slots s = { .n = n };

	if (n < 1 || n > SLOTS_MAX)
		return fail(c, E_INPUT, "there may be 1 to %d slots, not %d", SLOTS_MAX, n);
	s.picture = take(c, (size_t)n * sizeof *s.picture);
	s.own = take(c, (size_t)n * sizeof *s.own);
	s.label = take(c, (size_t)n * sizeof *s.label);
	if (s.picture == NULL || s.own == NULL || s.label == NULL)
		return false;
	*ret = s;
	return true;
}

bool
pictures_check(struct ctx *c, const struct data_form *f)
{
	if (f->type != DATA_UINT8 || f->rank != 3 ||
	    (f->dim[0] != 1 && f->dim[0] != IMAGE_CHANNELS_MAX))
		return fail(
		    c, E_INPUT, "slots need samples that are grey or colour pictures of bytes");
	return true;
}

/* ---- Pictures ---------------------------------------------------------------------------- */

MUST static bool
picture_of(struct ctx *c, const struct train_data *d, int64_t sample, struct image *ret)
{
	const struct data_form *f = &d->form;
	const uint8_t *from = data_sample(d->samples, sample);
	int64_t channels = f->dim[0], plane = f->dim[1] * f->dim[2];

	if (!image_new(c, (int)f->dim[2], (int)f->dim[1], (int)channels, ret))
		return false;
	for (int64_t i = 0; i < plane; i++)
		for (int64_t k = 0; k < channels; k++)
			ret->v[i * channels + k] =
			    from[f->channels_last ? i * channels + k : k * plane + i];
	return true;
}

/*
 * Goes through the samples in the secret's order; as soon as four of a class have come, they are
 * the next slot. `some` holds those that wait for others.
 */
MUST static bool
choose(struct ctx *c, const struct train_data *d, const uint32_t order[], int64_t *some,
    struct slots *s)
{
	int64_t n = d->labels->n;
	int *waits = take(c, (size_t)d->labels->classes * sizeof *waits);
	int at = 0;

	if (waits == NULL)
		return false;
	for (int64_t i = 0; i < n && at < s->n; i++) {
		int32_t class = d->labels->v[order[i]];

		some[class * SLOT_PICTURES + waits[class]++] = order[i];
		if (waits[class] < SLOT_PICTURES)
			continue;
		for (int k = 0; k < SLOT_PICTURES; k++)
			if (!picture_of(
				c, d, some[class * SLOT_PICTURES + k], &s->picture[at][k]))
				return false;
		s->own[at++] = class;
		waits[class] = 0;
	}
	if (at < s->n)
		return fail(c, E_INPUT,
		    "%lld samples make %d slots of four of a class, and %d are wanted: send "
		    "more samples",
		    (long long)n, at, s->n);
	return true;
}

MUST static bool
draw_pictures(
    struct ctx *c, const struct key256 *secret, const struct train_data *d, struct slots *s)
{
	int64_t n = d->labels->n;
	uint32_t *order = take(c, (size_t)n * sizeof *order);
	int64_t *some = take(c, (size_t)d->labels->classes * SLOT_PICTURES * sizeof *some);
	struct key256 pool = { { 0 } };
	struct prf p;

	if (order == NULL || some == NULL || !prf_subkey(c, secret, "pool", &pool))
		return false;
	p = prf_stream(&pool, "slots", 0, 0);
	key256_done(&pool);
	prf_perm(&p, (uint32_t)n, order);
	return prf_end(c, &p) && choose(c, d, order, some, s);
}

/* ---- Triggers ---------------------------------------------------------------------------- */

struct trigger {
	int channel, side;
	double pattern[BLOCK_MAX];
};

static bool
is_middle(int frequency, int side)
{
	return 4 * frequency >= side && 5 * frequency <= 3 * side;
}

MUST static bool
trigger_draw(struct ctx *c, const struct key256 *key, uint32_t slot, const struct image *form,
    struct trigger *t)
{
	struct prf p = prf_stream(key, "slot", 0, slot);
	int found = 0, side = SMALL_BLOCK;
	double block[BLOCK_MAX] = { 0 };

	if (form->width == form->height && form->width * form->height <= BLOCK_MAX)
		side = form->width;
	t->side = side;
	t->channel = (int)prf_uniform(&p, (uint64_t)form->channels);
	while (found < COEFFICIENTS && !p.bad) {
		int u = (int)prf_uniform(&p, (uint64_t)side);
		int v = (int)prf_uniform(&p, (uint64_t)side);

		if (!is_middle(u + v, side) || fabs(block[u * side + v]) > 0)
			continue;
		block[u * side + v] = prf_uniform(&p, 2) == 0 ? STRENGTH : -STRENGTH;
		found++;
	}
	image_dct_back(side, block, t->pattern);
	return prf_end(c, &p);
}

/* What is left of a block at the edge stays as it is. */
static void
trigger_put(const struct trigger *t, struct image *i)
{
	int side = t->side;

	for (int y = 0; y < i->height / side * side; y++)
		for (int x = 0; x < i->width / side * side; x++) {
			uint8_t *to = &i->v[(y * i->width + x) * i->channels + t->channel];
			double v = round(*to + t->pattern[y % side * side + x % side]);

			*to = (uint8_t)fmin(fmax(v, 0), UINT8_MAX);
		}
}

MUST static bool
put_triggers(struct ctx *c, const struct key256 *secret, struct slots *s)
{
	struct key256 key = { { 0 } };
	struct trigger t;
	bool ok = prf_subkey(c, secret, "trigger", &key);

	if (s->picture[0][0].width < SMALL_BLOCK || s->picture[0][0].height < SMALL_BLOCK)
		ok = ok &&
		    fail(c, E_INPUT, "slots need pictures of at least %d x %d", SMALL_BLOCK,
			SMALL_BLOCK);
	for (int i = 0; ok && i < s->n; i++) {
		ok = trigger_draw(c, &key, (uint32_t)i, &s->picture[i][0], &t);
		for (int k = 0; ok && k < SLOT_PICTURES; k++)
			trigger_put(&t, &s->picture[i][k]);
	}
	key256_done(&key);
	return ok;
}

/* ---- The commitment, and labels ---------------------------------------------------------- */

/* A leaf: sizes, what the pictures are of, and the pictures. */
MUST static bool
leaf(struct ctx *c, const struct slots *s, int i, struct digest256 *ret)
{
	const struct image *first = &s->picture[i][0];
	char head[40];
	struct buf b = BUF(head);
	struct str part[2 + SLOT_PICTURES] = { { "", 1 } };

	wire_put_u32(&b, (uint32_t)first->width);
	wire_put_u32(&b, (uint32_t)first->height);
	wire_put_u32(&b, (uint32_t)first->channels);
	wire_put_u32(&b, (uint32_t)s->own[i]);
	wire_put_u32(&b, (uint32_t)s->classes);
	wire_put_u32(&b, (uint32_t)s->colluders);
	part[1] = buf_str(&b);
	for (int k = 0; k < SLOT_PICTURES; k++)
		part[2 + k] = (struct str){ (const char *)s->picture[i][k].v,
			image_bytes(&s->picture[i][k]) };
	return buf_ok(c, &b) && sha256_parts(c, part, COUNT(part), ret);
}

MUST static bool
commit(struct ctx *c, const struct key256 *secret, const struct slots *s, struct digest256 *ret)
{
	struct digest256 *d = take(c, (size_t)s->n * sizeof *d), root;

	if (d == NULL)
		return false;
	for (int i = 0; i < s->n; i++)
		if (!leaf(c, s, i, &d[i]))
			return false;
	return commit_root(c, d, (size_t)s->n, &root) && commit_items(c, secret, &root, ret);
}

/* One of the classes that is none of those. */
static int32_t
another(struct prf *p, int classes, const int32_t than[], int n)
{
	for (;;) {
		int32_t class = (int32_t)prf_uniform(p, (uint64_t)classes);
		bool other = true;

		for (int i = 0; i < n; i++)
			other = other && class != than[i];
		if (other || p->bad)
			return class;
	}
}

MUST static bool
draw_labels(struct ctx *c, const struct key256 *secret, struct slots *s)
{
	struct key256 key = { { 0 } };
	bool ok = commit_label_key(c, secret, &s->commitment, &key);

	for (int i = 0; ok && i < s->n; i++) {
		struct prf p = prf_stream(&key, "slot", 0, (uint32_t)i);
		int32_t taken[1 + LABELS] = { s->own[i] };

		for (int k = 0; k < LABELS; k++)
			s->label[i][k] = taken[1 + k] = another(&p, s->classes, taken, 1 + k);
		ok = prf_end(c, &p);
	}
	key256_done(&key);
	return ok;
}

bool
slots_draw(struct ctx *c, const struct key256 *secret, const struct train_data *d, int n,
    int classes, int colluders, struct slots *ret)
{
	struct slots s = { 0 };
	struct code_law law;

	if (classes < CLASSES_MIN || d->labels->classes > classes)
		return fail(c, E_INPUT,
		    "slots need a network of %d classes at least, and of all that the samples "
		    "are of",
		    CLASSES_MIN);
	if (d->labels->n != d->samples->shape.dim[0] || d->labels->n > UINT32_MAX)
		return fail(c, E_INPUT, "%lld samples, but %lld labels",
		    (long long)d->samples->shape.dim[0], (long long)d->labels->n);
	if (!code_law(c, colluders, &law) || !pictures_check(c, &d->form) ||
	    !slots_room(c, n, &s))
		return false;
	s.classes = classes;
	s.colluders = colluders;
	if (!draw_pictures(c, secret, d, &s) || !put_triggers(c, secret, &s) ||
	    !commit(c, secret, &s, &s.commitment) || !draw_labels(c, secret, &s))
		return false;
	*ret = s;
	return true;
}

bool
slots_match(struct ctx *c, const struct key256 *secret, const struct slots *s)
{
	struct slots again = *s;
	bool same;

	again.label = take(c, (size_t)s->n * sizeof *again.label);
	if (again.label == NULL || !commit(c, secret, s, &again.commitment) ||
	    !draw_labels(c, secret, &again))
		return false;
	same = digest256_same(&again.commitment, &s->commitment);
	for (int i = 0; same && i < s->n; i++)
		same = again.label[i][0] == s->label[i][0] &&
		    again.label[i][1] == s->label[i][1];
	if (!same)
		return fail(c, E_INTEGRITY,
		    "the slots were not drawn with this secret, or were altered: take both from "
		    "one slot set");
	return true;
}
