/*
 * JPEG by libjpeg-turbo, in and out. The library's way to fail is a jump out of it; each pass has
 * one function that may be left so, and a caller that always clears up. Its warnings, with which
 * it would go on and make up what is missing, are failures here.
 */
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

#include "parts.h"

struct fault {
	struct jpeg_error_mgr base; /* first: the library knows no other */
	jmp_buf out;
	char text[JMSG_LENGTH_MAX];
	bool memory;
};

static void
fault_exit(j_common_ptr j)
{
	struct fault *f = (struct fault *)j->err;

	f->base.format_message(j, f->text);
	f->memory = f->base.msg_code == JERR_OUT_OF_MEMORY;
	longjmp(f->out, 1);
}

/* Below 0 is a warning, above a trace. */
static void
fault_message(j_common_ptr j, int level)
{
	if (level < 0)
		fault_exit(j);
}

static void
fault_output(j_common_ptr j)
{
	(void)j;
}

static void
fault_start(struct fault *f)
{
	(void)jpeg_std_error(&f->base);
	f->base.error_exit = fault_exit;
	f->base.emit_message = fault_message;
	f->base.output_message = fault_output;
}

MUST static bool
fault_said(struct ctx *c, const struct fault *f)
{
	if (f->memory)
		return fail_log(c, E_MEMORY, f->text, "no memory for a JPEG");
	return fail_log(c, E_INPUT, f->text,
	    "the JPEG is damaged (%.80s): send the file as it was saved", f->text);
}

/* ---- In ---------------------------------------------------------------------------------- */

/* The coefficients of the largest picture, all of them at once, and what goes with them. */
enum { JPEG_MEMORY_MAX = IMAGE_SIDE_MAX * IMAGE_SIDE_MAX * 6 + (16 << 20) };

struct reader {
	struct jpeg_decompress_struct j;
	struct fault fault;
};

static void
reader_done(struct reader *r)
{
	jpeg_destroy_decompress(&r->j);
}

MUST static bool
reader_run(struct ctx *c, struct reader *r, struct str file, struct image *to)
{
	struct jpeg_decompress_struct *j = &r->j;

	if (setjmp(r->fault.out) != 0)
		return fault_said(c, &r->fault);
	j->err = &r->fault.base;
	jpeg_create_decompress(j);
	j->mem->max_memory_to_use = JPEG_MEMORY_MAX;
	jpeg_mem_src(j, (const unsigned char *)file.p, file.n);
	(void)jpeg_read_header(j, TRUE);
	j->out_color_space = to->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	j->dct_method = JDCT_ISLOW;
	(void)jpeg_start_decompress(j);
	if ((int)j->output_width != to->width || (int)j->output_height != to->height ||
	    j->output_components != to->channels)
		return fail(c, E_INPUT, "the JPEG is damaged: send the file as it was saved");
	while (j->output_scanline < j->output_height) {
		JSAMPROW row = to->v + image_bytes(to) / j->output_height * j->output_scanline;

		(void)jpeg_read_scanlines(j, &row, 1);
	}
	(void)jpeg_finish_decompress(j);
	return true;
}

bool
jpeg_decode(struct ctx *c, struct str file, const struct outline *o, struct image *ret)
{
	owned(reader_done) struct reader r = { 0 };
	struct image to;

	fault_start(&r.fault);
	if (!image_new(c, o->width, o->height, o->channels, &to) ||
	    !reader_run(c, &r, file, &to))
		return false;
	*ret = to;
	return true;
}

/* ---- Out --------------------------------------------------------------------------------- */

struct writer {
	struct jpeg_compress_struct j;
	struct fault fault;
	struct jpeg_destination_mgr to;
	unsigned char *file;
	size_t max;
};

static void
writer_done(struct writer *w)
{
	jpeg_destroy_compress(&w->j);
	free(w->file);
}

static void
writer_nothing(j_compress_ptr j)
{
	(void)j;
}

/* The file has room for the worst that a picture of its size can become. */
static boolean
writer_full(j_compress_ptr j)
{
	ERREXIT(j, JERR_BUFFER_SIZE);
	return FALSE;
}

MUST static bool
writer_run(struct ctx *c, struct writer *w, const struct image *from, int quality)
{
	struct jpeg_compress_struct *j = &w->j;

	if (setjmp(w->fault.out) != 0)
		return fault_said(c, &w->fault);
	j->err = &w->fault.base;
	jpeg_create_compress(j);
	j->dest = &w->to;
	j->image_width = (JDIMENSION)from->width;
	j->image_height = (JDIMENSION)from->height;
	j->input_components = from->channels;
	j->in_color_space = from->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(j);
	jpeg_set_quality(j, quality, TRUE);
	j->dct_method = JDCT_ISLOW;
	jpeg_start_compress(j, TRUE);
	while (j->next_scanline < j->image_height) {
		JSAMPROW row = from->v + image_bytes(from) / j->image_height * j->next_scanline;

		(void)jpeg_write_scanlines(j, &row, 1);
	}
	jpeg_finish_compress(j);
	return true;
}

/* Into w->file. */
MUST static bool
writer_write(
    struct ctx *c, struct writer *w, const struct image *from, int quality, struct str *ret)
{
	/* libjpeg-turbo's own bound: six bytes a pixel of whole blocks, and the head. */
	w->max = (size_t)(from->width + 15) * (size_t)(from->height + 15) * 6 + 2048;
	w->file = malloc(w->max);
	if (w->file == NULL)
		return fail(c, E_MEMORY, "no memory for a JPEG");
	w->to = (struct jpeg_destination_mgr){ w->file, w->max, writer_nothing, writer_full,
		writer_nothing };
	fault_start(&w->fault);
	if (!writer_run(c, w, from, quality))
		return false;
	*ret = (struct str){ (const char *)w->file, w->max - w->to.free_in_buffer };
	return true;
}

bool
image_jpeg_file(struct ctx *c, const struct image *i, int quality, struct str *ret)
{
	owned(writer_done) struct writer w = { 0 };
	struct str file;

	return writer_write(c, &w, i, quality, &file) && take_copy(c, file, ret);
}

bool
image_jpeg(
    struct ctx *c, const struct image *i, int quality, struct image *ret, size_t *ret_bytes)
{
	const struct outline o = {
		.width = i->width, .height = i->height, .channels = i->channels
	};
	owned(writer_done) struct writer w = { 0 };
	struct str file;

	if (!writer_write(c, &w, i, quality, &file) || !jpeg_decode(c, file, &o, ret))
		return false;
	if (ret_bytes != NULL)
		*ret_bytes = file.n;
	return true;
}
