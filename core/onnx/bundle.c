/*
 * A bundle: an uncompressed tar of one model and the files that hold its external data. We walk
 * over the headers and give views of what they announce; nothing is unpacked, and a name is only
 * ever compared, never opened. What tar knows beyond plain files (links, devices, holes) is refused
 * by name; the long names that GNU tar and pax write before a header are understood.
 */
#include "parts.h"

enum { BLOCK = 512 };

/* A header, as POSIX (ustar) has it; numbers are octal digits. */
struct header {
	char name[100], mode[8], user[8], group[8], size[12], time[12], sum[8], type, link[100];
	char magic[6], version[2], user_name[32], group_name[32], device[16], prefix[155];
	char unused[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* The types of members that concern us. */
enum {
	FILE_OLD = '\0',
	FILE_PLAIN = '0',
	FOLDER = '5',
	GNU_NAME = 'L',
	PAX = 'x',
	PAX_ALL = 'g'
};

struct tar {
	struct str bytes;
	size_t at;
	struct str name; /* said in advance of the next member; .p is NULL if not */
};

/* ---- One header -------------------------------------------------------------------------- */

/* A field that ends with a zero byte or is full. */
static struct str
text_of(const char *p, size_t max)
{
	return (struct str){ p, strnlen(p, max) };
}

/* Digits, perhaps between blanks. False also for the binary form of sizes beyond 8 GB. */
static bool
octal(const char *p, size_t n, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0, first;

	while (i < n && p[i] == ' ')
		i++;
	for (first = i; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(p[i] - '0');
	if (i == first || (i < n && p[i] != ' ' && p[i] != '\0'))
		return false;
	*ret = value;
	return true;
}

/* The sum of the header's bytes is in it, counted with blanks in its own place. */
static bool
sum_holds(const struct header *h)
{
	const uint8_t *p = (const void *)h;
	size_t at = offsetof(struct header, sum);
	uint64_t said, sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= at && i < at + sizeof h->sum ? ' ' : p[i];
	return octal(h->sum, sizeof h->sum, &said) && said == sum;
}

static bool
is_header(const struct header *h)
{
	return memcmp(h->magic, "ustar", 5) == 0 && sum_holds(h);
}

static bool
all_zero(struct str s)
{
	return s.n == 0 || (s.p[0] == '\0' && memcmp(s.p, s.p + 1, s.n - 1) == 0);
}

/* The next header; NULL at the mark of the end, behind which there is nothing else. */
MUST static bool
next_header(struct ctx *c, struct tar *t, const struct header **ret)
{
	struct str rest = { t->bytes.p + t->at, t->bytes.n - t->at };
	const struct header *h = (const void *)rest.p;

	if (rest.n < BLOCK)
		return fail(c, E_INPUT, "the bundle, a tar, ends without its mark: cut short?");
	if (h->name[0] == '\0' && all_zero((struct str){ rest.p, BLOCK })) {
		*ret = NULL;
		return all_zero(rest)
		    ? true
		    : fail(c, E_INPUT, "something follows after the end of the bundle");
	}
	if (!is_header(h))
		return fail(
		    c, E_INPUT, "the bundle, a tar, has a damaged header at byte %zu", t->at);
	t->at += BLOCK;
	*ret = h;
	return true;
}

/* What belongs to a header; whole blocks of it are in the file. */
MUST static bool
take_bytes(struct ctx *c, struct tar *t, const struct header *h, struct str *ret)
{
	size_t left = t->bytes.n - t->at, blocks;
	struct str name = text_of(h->name, sizeof h->name);
	uint64_t n;

	if (!octal(h->size, sizeof h->size, &n))
		return fail(c, E_INPUT, "'%s' in the bundle has no valid size", shown(name).s);
	blocks = (n + BLOCK - 1) / BLOCK * BLOCK;
	if (blocks > left)
		return fail(
		    c, E_INPUT, "'%s' goes beyond the end of the bundle", shown(name).s);
	*ret = (struct str){ t->bytes.p + t->at, (size_t)n };
	t->at += blocks;
	return true;
}

/* ---- What comes before a header ---------------------------------------------------------- */

/* Records of the form "30 path=…\n", whose number counts the record itself. */
MUST static bool
read_pax(struct ctx *c, struct str records, struct str *name)
{
	while (records.n > 0) {
		struct str record = records, digits, key;
		int64_t n;

		if (!str_cut(&record, ' ', &digits) ||
		    !str_number(digits, 1, (int64_t)records.n, &n) ||
		    (size_t)n < digits.n + 2 || records.p[n - 1] != '\n')
			return fail(c, E_INPUT, "the bundle has a damaged pax header");
		record.n = (size_t)n - digits.n - 2;
		records.p += n;
		records.n -= (size_t)n;
		if (!str_cut(&record, '=', &key))
			return fail(c, E_INPUT, "the bundle has a damaged pax header");
		if (str_same(key, STR("size")) || str_starts(key, STR("GNU.sparse.")))
			return fail(c, E_INPUT,
			    "the bundle has a file with holes or beyond 8 GB: not supported");
		if (str_same(key, STR("path")))
			*name = record;
	}
	return true;
}

/* `*ret` is true if the header was one that says something about the next. */
MUST static bool
take_hint(struct ctx *c, struct tar *t, const struct header *h, struct str bytes, bool *ret)
{
	struct str none = { NULL, 0 };

	*ret = true;
	if (h->type == GNU_NAME) {
		t->name = text_of(bytes.p, bytes.n);
		return true;
	}
	if (h->type == PAX)
		return read_pax(c, bytes, &t->name);
	if (h->type == PAX_ALL)
		return read_pax(c, bytes, &none) && none.p == NULL
		    ? true
		    : fail(c, E_INPUT, "the bundle gives one name to all its files");
	*ret = false;
	return true;
}

/* ---- Names ------------------------------------------------------------------------------- */

MUST static bool
name_of(struct ctx *c, struct tar *t, const struct header *h, struct str *ret)
{
	struct str prefix = text_of(h->prefix, sizeof h->prefix);
	struct str name = text_of(h->name, sizeof h->name);
	struct buf b;

	/* GNU tar keeps times where POSIX has the prefix, and a blank instead of the zero. */
	if (t->name.p != NULL || h->magic[5] != '\0' || prefix.n == 0) {
		*ret = t->name.p != NULL ? t->name : name;
		t->name.p = NULL;
		return true;
	}
	if (!take_buf(c, prefix.n + 1 + name.n, &b))
		return false;
	buf_put(&b, prefix);
	buf_char(&b, '/');
	buf_put(&b, name);
	*ret = buf_str(&b);
	return true;
}

/* A relative path without detours; "./" before it is dropped. */
MUST static bool
check_path(struct ctx *c, struct str *path)
{
	struct str rest, part;
	bool more = true;

	if (!name_check(c, *path))
		return within(c, "in the bundle");
	*path = without_dot(*path);
	for (rest = *path; more;) {
		more = str_cut(&rest, '/', &part);
		if (part.n == 0 || str_same(part, STR(".")) || str_same(part, STR("..")))
			return fail(c, E_INPUT,
			    "the name '%s' in the bundle is not a plain relative path",
			    shown(*path).s);
	}
	return true;
}

/* ---- Members ----------------------------------------------------------------------------- */

/* The next file; *ret_found is false if there is none. */
MUST static bool
next_file(struct ctx *c, struct tar *t, struct onnx_side *ret, bool *ret_found)
{
	const struct header *h;
	struct onnx_side s;
	bool hint;

	for (;;) {
		if (!next_header(c, t, &h))
			return false;
		*ret_found = h != NULL;
		if (h == NULL)
			return true;
		if (!take_bytes(c, t, h, &s.bytes) || !take_hint(c, t, h, s.bytes, &hint))
			return false;
		if (hint)
			continue;
		if (h->type == FOLDER) {
			t->name.p = NULL;
			continue;
		}
		if (!name_of(c, t, h, &s.name))
			return false;
		if (h->type != FILE_PLAIN && h->type != FILE_OLD)
			return fail(c, E_INPUT, "'%s' in the bundle is not a plain file",
			    shown(s.name).s);
		*ret = s;
		return check_path(c, &ret->name);
	}
}

static bool
is_model(struct str name)
{
	struct str end = STR(".onnx");

	return name.n > end.n && str_same((struct str){ name.p + name.n - end.n, end.n }, end);
}

/* Names as the model sees them, from its own folder. */
MUST static bool
from_folder(struct ctx *c, struct str model, struct onnx_side *side, size_t n)
{
	const char *slash = memrchr(model.p, '/', model.n);
	struct str folder = { model.p, slash == NULL ? 0 : (size_t)(slash + 1 - model.p) };

	for (size_t i = 0; i < n; i++) {
		if (!str_starts(side[i].name, folder))
			return fail(c, E_INPUT,
			    "'%s' in the bundle is not in the model's folder",
			    shown(side[i].name).s);
		side[i].name.p += folder.n;
		side[i].name.n -= folder.n;
	}
	return true;
}

bool
onnx_is_bundle(struct str bytes)
{
	return bytes.n >= BLOCK && is_header((const void *)bytes.p);
}

bool
onnx_bundle(struct ctx *c, struct str bytes, struct str *ret_model,
    const struct onnx_side **ret, size_t *ret_n)
{
	struct tar t = { .bytes = bytes };
	struct onnx_side *side, s, model = { .name = { NULL, 0 } };
	size_t n = 0,
	       most = bytes.n / BLOCK < ONNX_SIDES_MAX ? bytes.n / BLOCK : ONNX_SIDES_MAX;
	bool found;

	side = take(c, most * sizeof *side);
	if (side == NULL)
		return false;
	for (;;) {
		if (!next_file(c, &t, &s, &found))
			return false;
		if (!found)
			break;
		if (is_model(s.name) && model.name.p != NULL)
			return fail(c, E_INPUT, "the bundle has two models, '%s' and '%s'",
			    shown(model.name).s, shown(s.name).s);
		if (is_model(s.name)) {
			model = s;
			continue;
		}
		if (n == most)
			return fail(c, E_LIMIT, "the bundle has more than %zu files", most);
		side[n++] = s;
	}
	if (model.name.p == NULL)
		return fail(c, E_INPUT, "the bundle has no model, a file named *.onnx");
	if (!from_folder(c, model.name, side, n))
		return false;
	*ret_model = model.bytes;
	*ret = side;
	*ret_n = n;
	return true;
}

bool
onnx_read_any(struct ctx *c, struct str bytes, struct onnx_model *ret)
{
	const struct onnx_side *side;
	struct str model;
	size_t n;

	if (!onnx_is_bundle(bytes))
		return onnx_read(c, bytes, ret);
	return onnx_bundle(c, bytes, &model, &side, &n) &&
	    onnx_read_with(c, model, side, n, ret);
}
