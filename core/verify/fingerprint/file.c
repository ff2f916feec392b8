/*
 * Fingerprints as bytes, and back: a header with the sizes, then the answers and the maps, one
 * behind the other. A file of any other length is refused before anything is read.
 */
#include <math.h>

#include "parts.h"

#define MAGIC STR("HMFP")
enum { VERSION = 1 };

static void
floats_put(struct buf *out, const float v[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &v[i], sizeof bits);
		wire_put_u32(out, bits);
	}
}

bool
fingerprint_file_put(struct ctx *c, const struct fingerprint *f, struct str *ret)
{
	size_t n = (size_t)f->probes, pixels = (size_t)f->width * (size_t)f->height;
	struct buf out;

	if (!take_buf(c, 64 + n * (8 * pixels + 16), &out))
		return false;
	buf_put(&out, MAGIC);
	wire_put_u32(&out, VERSION);
	wire_put_u32(&out, (uint32_t)f->probes);
	wire_put_u32(&out, (uint32_t)f->width);
	wire_put_u32(&out, (uint32_t)f->height);
	for (size_t i = 0; i < n; i++) {
		wire_put_u32(&out, (uint32_t)f->answer[i]);
		wire_put_u32(&out, f->weak[i]);
	}
	floats_put(&out, f->lost[0], n);
	floats_put(&out, f->lost[1], n);
	floats_put(&out, f->taylor, n * pixels);
	floats_put(&out, f->epsilon, n * pixels);
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

/* *finite: so are all of them, too. */
static void
floats_read(struct wire *w, float v[], size_t n, bool *finite)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = wire_u32(w);

		memcpy(&v[i], &bits, sizeof v[i]);
		*finite = *finite && isfinite(v[i]);
	}
}

bool
fingerprint_file_read(struct ctx *c, struct str bytes, struct fingerprint *ret)
{
	struct wire w = { { bytes.p + MAGIC.n, bytes.n - MAGIC.n }, false };
	struct fingerprint f;
	uint32_t version, probes, width, height;
	bool finite = true;
	size_t pixels;

	if (bytes.n < 20 || !str_same((struct str){ bytes.p, MAGIC.n }, MAGIC))
		return fail(c, E_INPUT, "not a fingerprint");
	version = wire_u32(&w);
	probes = wire_u32(&w);
	width = wire_u32(&w);
	height = wire_u32(&w);
	pixels = (size_t)width * height;
	if (version != VERSION || probes < 1 || probes > FINGERPRINT_PROBES_MAX || width < 1 ||
	    height < 1 || width > FINGERPRINT_SIDE_MAX || height > FINGERPRINT_SIDE_MAX ||
	    bytes.n != 20 + (size_t)probes * (16 + 8 * pixels))
		return fail(c, E_INPUT, "not a fingerprint of this version");
	if (!fingerprint_new(c, (int)probes, (int)width, (int)height, &f))
		return false;
	for (size_t i = 0; i < probes; i++) {
		f.answer[i] = (int32_t)wire_u32(&w);
		f.weak[i] = wire_u32(&w) != 0;
	}
	floats_read(&w, f.lost[0], probes, &finite);
	floats_read(&w, f.lost[1], probes, &finite);
	floats_read(&w, f.taylor, probes * pixels, &finite);
	floats_read(&w, f.epsilon, probes * pixels, &finite);
	if (!finite)
		return fail(c, E_INPUT, "a fingerprint with numbers that are not finite");
	*ret = f;
	return wire_end(c, &w);
}
