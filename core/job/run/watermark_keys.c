/*
 * The pictures of a watermark. The vendor's own come as a data set of images in bytes, of the size
 * that the model takes; where there are none, they are drawn, each from a number that follows from
 * the secret. What the vendor's own model says of the twins is what the marked one is to go on
 * saying.
 */
#include "marking.h"

#define PICTURES_MAX ((size_t)256 << 20) /* bytes in memory */

/* Width, height and channels of the network's images, out of the form that samples take. */
MUST static bool
size_of(struct ctx *c, const struct data_form *f, struct image *ret)
{
	if (f->rank != 3 || (f->dim[0] != 1 && f->dim[0] != 3))
		return fail(c, E_INPUT,
		    "the model does not take images of 1 or 3 channels: its answer to a picture "
		    "cannot be its watermark");
	*ret = (struct image){ (int)f->dim[2], (int)f->dim[1], (int)f->dim[0], NULL };
	return true;
}

/* ---- The vendor's own -------------------------------------------------------------------- */

/* The channels of one picture, which lie one after the other, side by side. */
static void
interleave(struct image *i, uint8_t *room)
{
	size_t plane = (size_t)i->width * (size_t)i->height, n = (size_t)i->channels;

	memcpy(room, i->v, image_bytes(i));
	for (size_t k = 0; k < n; k++)
		for (size_t at = 0; at < plane; at++)
			i->v[at * n + k] = room[k * plane + at];
}

MUST static bool
pictures_load(struct ctx *c, struct marking *m, struct data_form *ret)
{
	const struct job_network *n = &m->params->network;
	owned(job_data_done) struct job_data d = { 0 };

	if (!job_data_open(c, m->run, IN_PICTURES, DATA_SAMPLES, n->samples_entry, &d))
		return false;
	if (data_shape(d.reader)->type != DATA_UINT8)
		return fail(c, E_INPUT,
		    "key pictures are images in bytes (uint8), because they are sent as PNG");
	if (!train_fit(c, m->plain.graph, data_shape(d.reader), (enum data_order)n->order,
		n->raw_bytes, ret)) {
		struct err why = c->err;

		return why.code != E_INPUT
		    ? false
		    : fail(c, E_INPUT, "the key pictures have another size: %s", why.text);
	}
	return data_samples_load(c, d.reader, PICTURES_MAX, &m->pictures);
}

MUST static bool
pictures_own(struct ctx *c, struct marking *m, struct image **ret, int64_t *ret_n)
{
	struct data_form form;
	struct image one, *picture;
	uint8_t *room;
	int64_t n;

	if (!pictures_load(c, m, &form) || !size_of(c, &form, &one))
		return false;
	n = m->pictures.shape.dim[0];
	picture = take(c, (size_t)n * sizeof *picture);
	room = take(c, image_bytes(&one));
	if (picture == NULL || room == NULL)
		return false;
	for (int64_t i = 0; i < n; i++) {
		picture[i] = one;
		picture[i].v = (uint8_t *)m->pictures.v + (size_t)i * image_bytes(&one);
		if (!form.channels_last && one.channels > 1)
			interleave(&picture[i], room);
	}
	*ret = picture;
	*ret_n = n;
	return true;
}

/* ---- Ours -------------------------------------------------------------------------------- */

MUST static bool
pictures_drawn(struct ctx *c, struct marking *m, struct image **ret, int64_t *ret_n)
{
	int64_t n = 2 * m->params->pairs + m->params->spares;
	struct image one, *picture = take(c, (size_t)n * sizeof *picture);
	owned(key256_done) struct key256 key = { 0 };
	struct prf seeds;
	bool ok = true;

	if (picture == NULL || !size_of(c, &m->set.data.form, &one) ||
	    !prf_subkey(c, &m->secret, "pictures", &key))
		return false;
	seeds = prf_stream(&key, "picture", 0, 0);
	for (int64_t i = 0; ok && i < n; i++)
		ok = natural_picture(
		    c, prf_next(&seeds), one.width, one.height, one.channels, &picture[i]);
	if (!prf_end(c, &seeds) || !ok)
		return false;
	m->drawn = true;
	*ret = picture;
	*ret_n = n;
	return true;
}

/* ---- The key set ------------------------------------------------------------------------- */

MUST static bool
twins_label(struct ctx *c, struct marking *m)
{
	const struct job_network *n = &m->params->network;
	owned(asker_free) struct asker *asker = NULL;
	struct image *twin = take(c, (size_t)m->keys.pairs * sizeof *twin);
	struct data_form form;

	if (twin == NULL)
		return false;
	for (int i = 0; i < m->keys.pairs; i++)
		twin[i] = *keyset_twin(&m->keys, i);
	return asker_form(c, m->plain.graph, &twin[0], n->raw_bytes, &form) &&
	    asker_new(c, m->plain.graph, &form, network_batch(&m->plain, n), network_threads(n),
		&asker) &&
	    asker_ask(c, asker, twin, (size_t)m->keys.pairs, m->keys.classes,
		m->keys.twin_label, NULL);
}

bool
marking_keys(struct ctx *c, struct marking *m)
{
	int pairs = (int)m->params->pairs, spares = (int)m->params->spares;
	struct image *picture = NULL;
	int64_t n = 0;

	m->run->progress(m->run->arg, 0, 0, STR("drawing the key pictures"));
	if (job_has_input(m->run, IN_PICTURES) ? !pictures_own(c, m, &picture, &n)
					       : !pictures_drawn(c, m, &picture, &n))
		return false;
	return keyset_draw(c, &m->secret, picture, n, pairs, spares, &m->keys) &&
	    keyset_commit(c, &m->secret, (int)m->set.labels.classes, &m->keys) &&
	    twins_label(c, m);
}
