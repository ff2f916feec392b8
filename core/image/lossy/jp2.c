/*
 * JPEG 2000 by OpenJPEG: a bare codestream in memory, of one layer at one rate, with the wavelet
 * that loses something. Grey pictures are one component, colour ones go through the transform of
 * the format's own.
 */
#include <openjpeg.h>

#include "parts.h"

/* The library's stream, over memory of fixed size. */
struct memory {
	char *p;
	size_t at, n, max;
};

enum { STREAM_PIECE = 4096 };

static OPJ_SIZE_T
memory_write(void *from, OPJ_SIZE_T n, void *arg)
{
	struct memory *m = arg;

	if (n > m->max - m->at)
		return (OPJ_SIZE_T)-1;
	memcpy(m->p + m->at, from, n);
	m->at += n;
	m->n = m->at > m->n ? m->at : m->n;
	return n;
}

static OPJ_SIZE_T
memory_read(void *to, OPJ_SIZE_T n, void *arg)
{
	struct memory *m = arg;

	if (m->at == m->n)
		return (OPJ_SIZE_T)-1;
	n = n < m->n - m->at ? n : m->n - m->at;
	memcpy(to, m->p + m->at, n);
	m->at += n;
	return n;
}

static OPJ_BOOL
memory_seek(OPJ_OFF_T to, void *arg)
{
	struct memory *m = arg;

	if (to < 0 || (size_t)to > m->max)
		return OPJ_FALSE;
	m->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T
memory_skip(OPJ_OFF_T n, void *arg)
{
	const struct memory *m = arg;

	return memory_seek((OPJ_OFF_T)m->at + n, arg) ? n : -1;
}

static void
memory_done(struct memory *m)
{
	free(m->p);
}

static void
stream_done(opj_stream_t **s)
{
	if (*s != NULL)
		opj_stream_destroy(*s);
}

static void
codec_done(opj_codec_t **codec)
{
	if (*codec != NULL)
		opj_destroy_codec(*codec);
}

static void
picture_done(opj_image_t **i)
{
	if (*i != NULL)
		opj_image_destroy(*i);
}

static opj_stream_t *
stream_over(struct memory *m, bool reads)
{
	opj_stream_t *s = opj_stream_create(STREAM_PIECE, reads);

	if (s == NULL)
		return NULL;
	m->at = 0;
	opj_stream_set_user_data(s, m, NULL);
	opj_stream_set_user_data_length(s, m->n);
	opj_stream_set_read_function(s, memory_read);
	opj_stream_set_write_function(s, memory_write);
	opj_stream_set_skip_function(s, memory_skip);
	opj_stream_set_seek_function(s, memory_seek);
	return s;
}

/* ---- Out --------------------------------------------------------------------------------- */

static opj_image_t *
picture_of(const struct image *from)
{
	const size_t pixels = (size_t)from->width * (size_t)from->height;
	opj_image_cmptparm_t parts[IMAGE_CHANNELS_MAX];
	opj_image_t *i;

	for (int k = 0; k < from->channels; k++)
		parts[k] = (opj_image_cmptparm_t){ .dx = 1,
			.dy = 1,
			.w = (OPJ_UINT32)from->width,
			.h = (OPJ_UINT32)from->height,
			.prec = 8 };
	i = opj_image_create((OPJ_UINT32)from->channels, parts,
	    from->channels == 1 ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
	if (i == NULL)
		return NULL;
	i->x1 = (OPJ_UINT32)from->width;
	i->y1 = (OPJ_UINT32)from->height;
	for (int k = 0; k < from->channels; k++)
		for (size_t at = 0; at < pixels; at++)
			i->comps[k].data[at] = from->v[at * (size_t)from->channels + (size_t)k];
	return i;
}

/* Three halvings, five of larger pictures; fewer where a side has not as many. */
static int
halvings(const struct image *i)
{
	const int side = i->width < i->height ? i->width : i->height;
	const int most = side < 64 ? 3 : 5;
	int n = 0;

	while (n < most && side >> (n + 1) > 0)
		n++;
	return n;
}

/* What stands before the samples: all markers as this encoder writes them. */
static size_t
head_bytes(const struct image *i)
{
	return 69 + 3 * (size_t)i->channels + 6 * (size_t)halvings(i);
}

MUST static bool
jp2_write(struct ctx *c, int ratio, const struct image *from, struct memory *m)
{
	owned(picture_done) opj_image_t *i = picture_of(from);
	owned(codec_done) opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
	owned(stream_done) opj_stream_t *s = stream_over(m, false);
	const double size = (double)image_bytes(from);
	opj_cparameters_t how;
	char comment[] = ""; /* not the library's own, whose length is its version's */

	if (i == NULL || codec == NULL || s == NULL)
		return fail(c, E_MEMORY, "no memory for JPEG 2000");
	opj_set_default_encoder_parameters(&how);
	how.tcp_numlayers = 1;
	/* The library counts its head as well, which small pictures are no larger than. */
	how.tcp_rates[0] = (float)(size / (size / ratio + (double)head_bytes(from)));
	how.cp_comment = comment;
	how.cp_disto_alloc = 1;
	how.irreversible = 1;
	how.numresolution = halvings(from) + 1;
	how.tcp_mct = from->channels == 3;
	if (!opj_setup_encoder(codec, &how, i) || !opj_start_compress(codec, i, s) ||
	    !opj_encode(codec, s) || !opj_end_compress(codec, s))
		return fail(c, E_INTERNAL, "JPEG 2000 does not take a picture of %d x %d",
		    from->width, from->height);
	return true;
}

/* ---- In ---------------------------------------------------------------------------------- */

MUST static bool
jp2_read(struct ctx *c, struct memory *m, const struct image *to)
{
	const size_t pixels = (size_t)to->width * (size_t)to->height;
	owned(codec_done) opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	owned(stream_done) opj_stream_t *s = stream_over(m, true);
	owned(picture_done) opj_image_t *i = NULL;
	opj_dparameters_t how;

	if (codec == NULL || s == NULL)
		return fail(c, E_MEMORY, "no memory for JPEG 2000");
	opj_set_default_decoder_parameters(&how);
	if (!opj_setup_decoder(codec, &how) || !opj_read_header(s, codec, &i) ||
	    !opj_decode(codec, s, i) || !opj_end_decompress(codec, s) ||
	    i->numcomps != (OPJ_UINT32)to->channels || i->comps[0].w != (OPJ_UINT32)to->width ||
	    i->comps[0].h != (OPJ_UINT32)to->height)
		return fail(c, E_INTERNAL, "JPEG 2000 does not give a picture back");
	for (int k = 0; k < to->channels; k++)
		for (size_t at = 0; at < pixels; at++) {
			const int v = i->comps[k].data[at];

			to->v[at * (size_t)to->channels + (size_t)k] = (uint8_t)(v < 0 ? 0
				: v > 255                                              ? 255
										       : v);
		}
	return true;
}

bool
jp2_run(struct ctx *c, int level, const struct image *from, const struct image *to,
    size_t *ret_bytes)
{
	/* Never more than the picture itself, but for its head. */
	const size_t max = image_bytes(from) + 8192;
	owned(memory_done) struct memory m = { .p = malloc(max), .max = max };

	if (m.p == NULL)
		return fail(c, E_MEMORY, "no memory for JPEG 2000");
	if (!jp2_write(c, level, from, &m) || !jp2_read(c, &m, to))
		return false;
	*ret_bytes = m.n;
	return true;
}
