/*
 * NPZ, the format of numpy.savez: a zip archive with one NPY file an array. This is the edge to
 * libzip, which reads through our source. Only the one array that is asked for is unpacked, and
 * only as far as its header says.
 */
#include <stdio.h>
#include <zip.h>

#include "parts.h"

enum { ENTRIES_MAX = 1000, NAME_MAX_SHOWN = 24, NAMES_SHOWN = 4 };
#define ARCHIVE_MAX (INT64_C(1) << 44)

struct npz {
	struct stream stream;
	struct data_source source;
	uint64_t at;
	struct ctx *c; /* of the call that is going on */
	bool broken;   /* the source failed, and c->err says how */
	zip_error_t error;
	zip_t *zip;
	zip_file_t *file;
};

/* ---- The source, as libzip wants it ------------------------------------------------------ */

static zip_int64_t
source_read(struct npz *z, void *to, uint64_t n)
{
	uint64_t left = z->source.size - z->at;

	if (n > left)
		n = left;
	if (n > 0 && !z->source.read(z->c, z->source.arg, z->at, to, (size_t)n)) {
		z->broken = true;
		zip_error_set(&z->error, ZIP_ER_READ, 0);
		return -1;
	}
	z->at += n;
	return (zip_int64_t)n;
}

static zip_int64_t
source_seek(struct npz *z, void *data, uint64_t n)
{
	zip_int64_t to = zip_source_seek_compute_offset(
	    z->at, z->source.size, data, n, &z->error);

	if (to < 0)
		return -1;
	z->at = (uint64_t)to;
	return 0;
}

static zip_int64_t
source_stat(struct npz *z, void *to, uint64_t n)
{
	zip_stat_t st;

	if (n < sizeof st)
		return -1;
	zip_stat_init(&st);
	st.size = z->source.size;
	st.valid |= ZIP_STAT_SIZE;
	memcpy(to, &st, sizeof st);
	return sizeof st;
}

static zip_int64_t
source_call(void *arg, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
	struct npz *z = arg;

	switch ((int)command) {
	case ZIP_SOURCE_OPEN:
		z->at = 0;
		return 0;
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE:
		return 0;
	case ZIP_SOURCE_READ:
		return source_read(z, data, n);
	case ZIP_SOURCE_SEEK:
		return source_seek(z, data, n);
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)z->at;
	case ZIP_SOURCE_STAT:
		return source_stat(z, data, n);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&z->error, data, n);
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
		    ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
		    ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
	default:
		zip_error_set(&z->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

/* What libzip says, unless our own source has said more. */
MUST static bool
npz_fail(struct ctx *c, const struct npz *z, zip_error_t *e, const char *what)
{
	if (z->broken)
		return false;
	if (zip_error_code_zip(e) == ZIP_ER_MEMORY)
		return fail(c, E_MEMORY, "no memory");
	return fail_log(c, E_INPUT, zip_error_strerror(e), "the NPZ file %s", what);
}

/* ---- The stream -------------------------------------------------------------------------- */

static void
npz_free(struct stream *s)
{
	struct npz *z = (struct npz *)s;

	if (z->file != NULL)
		(void)zip_fclose(z->file);
	if (z->zip != NULL)
		zip_discard(z->zip);
	zip_error_fini(&z->error);
	free(z);
}

static void
npz_done(struct npz **z)
{
	if (*z != NULL)
		npz_free(&(*z)->stream);
	*z = NULL;
}

static bool
npz_read(struct ctx *c, struct stream *s, void *to, size_t n, size_t *ret_n)
{
	struct npz *z = (struct npz *)s;
	zip_int64_t got;

	z->c = c;
	got = zip_fread(z->file, to, n);
	if (got < 0)
		return npz_fail(c, z, zip_file_get_error(z->file), "is damaged");
	s->left -= (uint64_t)got < s->left ? (uint64_t)got : s->left;
	*ret_n = (size_t)got;
	return true;
}

/* ---- Which array ------------------------------------------------------------------------- */

static const char *const usual_names[][7] = {
	[DATA_SAMPLES] = { "x", "images", "data", "samples", "arr_0", "x_test", NULL },
	[DATA_LABELS] = { "y", "labels", "label", "targets", "arr_1", "y_test", NULL },
};

static bool
locate(zip_t *zip, struct str name, zip_uint64_t *ret)
{
	char path[128];
	zip_int64_t at;

	if (name.n + sizeof ".npy" > sizeof path || memchr(name.p, '\0', name.n) != NULL)
		return false;
	snprintf(path, sizeof path, "%.*s.npy", STRF(name));
	at = zip_name_locate(zip, path, 0);
	if (at < 0) {
		path[name.n] = '\0';
		at = zip_name_locate(zip, path, 0);
	}
	if (at < 0)
		return false;
	*ret = (zip_uint64_t)at;
	return true;
}

/* What the archive has instead, for a message. */
static void
list_names(zip_t *zip, zip_int64_t n, struct buf *out)
{
	for (zip_int64_t i = 0; i < n && i < NAMES_SHOWN; i++) {
		const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
		struct str s = str_of(name != NULL ? name : "");

		if (s.n > NAME_MAX_SHOWN)
			s.n = NAME_MAX_SHOWN;
		buf_put(out, i > 0 ? STR(", ") : STR(""));
		text_escape(out, s);
	}
	if (n > NAMES_SHOWN)
		buf_put(out, STR(", …"));
}

MUST static bool
choose(struct ctx *c, zip_t *zip, enum data_role role, struct str entry, zip_uint64_t *ret)
{
	zip_int64_t n = zip_get_num_entries(zip, 0);
	const char *const *usual = usual_names[role];
	char text[512];
	struct buf names = BUF(text);

	if (n < 1 || n > ENTRIES_MAX)
		return fail(c, E_INPUT, "the NPZ file has %lld entries: 1 to %d are possible",
		    (long long)n, ENTRIES_MAX);
	if (entry.n > 0 && locate(zip, entry, ret))
		return true;
	for (; entry.n == 0 && *usual != NULL; usual++)
		if (locate(zip, str_of(*usual), ret))
			return true;
	if (entry.n == 0 && n == 1) {
		*ret = 0;
		return true;
	}
	list_names(zip, n, &names);
	return fail(
	    c, E_INPUT, "which array of the NPZ file? It has %.*s", STRF(buf_str(&names)));
}

/* ---- Opening ----------------------------------------------------------------------------- */

MUST static bool
archive_open(struct ctx *c, struct npz *z)
{
	zip_error_t error;
	zip_source_t *source;
	bool ok;

	if (z->source.size > ARCHIVE_MAX)
		return fail(c, E_LIMIT, "the NPZ file is too large");
	zip_error_init(&error);
	source = zip_source_function_create(source_call, z, &error);
	if (source != NULL)
		z->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
	if (source != NULL && z->zip == NULL)
		zip_source_free(source);
	ok = z->zip != NULL || npz_fail(c, z, &error, "is no zip archive");
	zip_error_fini(&error);
	return ok;
}

/* The most that the entry can hold; what it claims itself is held against that. */
MUST static bool
entry_bound(struct ctx *c, struct npz *z, zip_uint64_t at)
{
	const zip_uint64_t known = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
	    ZIP_STAT_ENCRYPTION_METHOD;
	zip_stat_t st;
	uint64_t most;

	if (zip_stat_index(z->zip, at, 0, &st) != 0 || (st.valid & known) != known)
		return npz_fail(c, z, zip_get_error(z->zip), "is damaged");
	if (st.encryption_method != ZIP_EM_NONE)
		return fail(c, E_INPUT, "the NPZ file is encrypted");
	if (st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
		return fail(c, E_INPUT,
		    "the NPZ file is compressed by a method other than "
		    "deflate");
	if (st.comp_size > z->source.size)
		return fail(c, E_INPUT, "the NPZ file is cut off");
	most = st.comp_method == ZIP_CM_STORE ? st.comp_size : st.comp_size * DEFLATE_MOST;
	z->stream.left = st.size < most ? st.size : most;
	return true;
}

bool
stream_npz(struct ctx *c, const struct data_source *source, enum data_role role,
    struct str entry, struct stream **ret)
{
	owned(npz_done) struct npz *z = calloc(1, sizeof *z);
	zip_uint64_t at;

	if (z == NULL)
		return fail(c, E_MEMORY, "no memory");
	z->stream = (struct stream){ npz_read, npz_free, 0 };
	z->source = *source;
	z->c = c;
	zip_error_init(&z->error);
	if (!archive_open(c, z) || !choose(c, z->zip, role, entry, &at) ||
	    !entry_bound(c, z, at))
		return false;
	z->file = zip_fopen_index(z->zip, at, 0);
	if (z->file == NULL)
		return npz_fail(c, z, zip_get_error(z->zip), "is damaged");
	*ret = &z->stream;
	z = NULL;
	return true;
}
