/*
 * An unlock key as bytes:
 *
 *	"HMKKEY" | version | locks | release id, 48 bytes | customer | issued | expires |
 *	artifact's digest | plain weights' digest | content key | log_l | kappa |
 *	number of entries | table, 2^log_l words | entries: tensor, index, flip
 *
 * little-endian, without gaps, and in one form only: what does not belong to the locks is zero,
 * entries rise strictly, nothing follows.
 */
#include <math.h>

#include "parts.h"

#define MAGIC "HMKKEY"
enum { VERSION = 1, FIXED_BYTES = 6 + 2 + ID_MAX + 4 + 2 * 8 + 3 * 32 + 4 + 8 + 4 };
enum { ENTRY_BYTES = 12 };

static const uint8_t zeros[32];

static size_t
table_length(const struct unlock_key *k)
{
	return k->table == NULL ? 0 : (size_t)1 << k->terms.log_l;
}

size_t
unlock_key_size(const struct unlock_key *k)
{
	return FIXED_BYTES + table_length(k) * sizeof k->table[0] +
	    (size_t)k->entries * ENTRY_BYTES;
}

/* ---- Out --------------------------------------------------------------------------------- */

static void
put32(struct buf *out, const uint8_t b[32], bool belongs)
{
	buf_put(out, (struct str){ (const char *)(belongs ? b : zeros), 32 });
}

/* Everything before the table. */
static void
head_put(const struct unlock_key *k, struct buf *out)
{
	bool is_sealed = (k->locks & LOCK_SEALED) != 0, is_marked = k->terms.log_l != 0;

	buf_put(out, STR(MAGIC));
	wire_put_u8(out, VERSION);
	wire_put_u8(out, (uint8_t)k->locks);
	wire_put_id(out, &k->release);
	wire_put_u32(out, k->customer);
	wire_put_u64(out, (uint64_t)k->issued);
	wire_put_u64(out, (uint64_t)k->expires);
	put32(out, k->artifact.b, true);
	put32(out, k->plain.b, !is_sealed);
	put32(out, k->content.b, is_sealed);
	wire_put_u32(out, k->terms.log_l);
	wire_put_real(out, is_marked ? k->terms.kappa : 0);
	wire_put_u32(out, k->entries);
}

MUST static bool
table_write(struct ctx *c, const struct unlock_key *k, const struct key256 *release,
    byte_sink *sink, void *arg)
{
	owned(maker_done) struct table_maker m = { 0 };
	uint32_t piece[TABLE_PIECE];
	size_t n = (size_t)1 << k->terms.log_l;
	bool ok = maker_begin(c, release, &k->terms, k->customer, &m);

	for (size_t at = 0; ok && at < n; at += TABLE_PIECE)
		ok = maker_next(c, &m, piece) &&
		    sink(c, arg, (struct str){ (const char *)piece, sizeof piece });
	explicit_bzero(piece, sizeof piece);
	return ok;
}

MUST static bool
entries_write(struct ctx *c, const struct unlock_key *k, byte_sink *sink, void *arg)
{
	char room[ENTRY_BYTES] = { 0 };
	bool ok = true;

	for (uint32_t i = 0; ok && i < k->entries; i++) {
		struct buf b = BUF(room);

		wire_put_u32(&b, k->entry[i].tensor);
		wire_put_u32(&b, k->entry[i].index);
		wire_put_u32(&b, k->entry[i].flip);
		ok = sink(c, arg, buf_str(&b));
	}
	explicit_bzero(room, sizeof room);
	return ok;
}

bool
unlock_key_write(struct ctx *c, const struct unlock_key *k, const struct key256 *release,
    byte_sink *sink, void *arg)
{
	char room[FIXED_BYTES];
	struct buf b = BUF(room);
	struct str table = { (const char *)k->table, table_length(k) * sizeof k->table[0] };
	bool ok;

	head_put(k, &b);
	ok = buf_ok(c, &b) && sink(c, arg, buf_str(&b));
	explicit_bzero(room, sizeof room);
	if (ok && k->table != NULL)
		ok = sink(c, arg, table);
	else if (ok && k->terms.log_l != 0)
		ok = table_write(c, k, release, sink, arg);
	return ok && entries_write(c, k, sink, arg);
}

bool
unlock_key_put(struct ctx *c, const struct unlock_key *k, struct buf *out)
{
	struct unlock_key whole = *k;

	if (k->table == NULL)
		whole.terms = (struct mark_terms){ 0 };
	return unlock_key_write(c, &whole, NULL, buf_sink, out);
}

/* ---- In ---------------------------------------------------------------------------------- */

MUST static bool
malformed(struct ctx *c)
{
	return fail(
	    c, E_INTEGRITY, "this is not an unlock key, or it was altered or cut short");
}

static void
get32(struct wire *w, uint8_t to[32])
{
	for (size_t i = 0; i < 32; i++)
		to[i] = wire_u8(w);
}

static bool
is_zero(const uint8_t b[32])
{
	return secret_same(
	    (struct str){ (const char *)b, 32 }, (struct str){ (const char *)zeros, 32 });
}

/* Everything before the table; whether it is of the one form. */
MUST static bool
fixed_get(struct ctx *c, struct wire *w, struct unlock_key *k)
{
	bool is_sealed;

	if (!str_starts(w->rest, STR(MAGIC)))
		return malformed(c);
	w->rest.p += sizeof MAGIC - 1;
	w->rest.n -= sizeof MAGIC - 1;
	if (wire_u8(w) != VERSION)
		return malformed(c);
	k->locks = wire_u8(w);
	if (!wire_id(c, w, "rel", &k->release))
		return malformed(c);
	k->customer = wire_u32(w);
	k->issued = (int64_t)wire_u64(w);
	k->expires = (int64_t)wire_u64(w);
	get32(w, k->artifact.b);
	get32(w, k->plain.b);
	get32(w, k->content.b);
	k->terms.log_l = wire_u32(w);
	k->terms.kappa = wire_real(w);
	k->entries = wire_u32(w);
	is_sealed = (k->locks & LOCK_SEALED) != 0;
	if (w->bad || k->locks == 0 || k->locks > (LOCK_ADVPARAMS | LOCK_SEALED) ||
	    k->issued < 0 || k->expires < 0 || !is_zero(is_sealed ? k->plain.b : k->content.b))
		return malformed(c);
	return true;
}

/* Are the lengths of table and entries possible, and those of the bytes that are left? */
static bool
lengths_fit(const struct unlock_key *k, size_t left)
{
	size_t table = 0;

	if (k->terms.log_l != 0) {
		if ((k->locks & LOCK_SEALED) == 0 || k->terms.log_l < MARK_LOG_MIN ||
		    k->terms.log_l > MARK_LOG_MAX ||
		    !(k->terms.kappa > 0 && k->terms.kappa <= 1))
			return false;
		table = sizeof k->table[0] << k->terms.log_l;
	} else if (k->terms.kappa != 0 || signbit(k->terms.kappa)) {
		return false;
	}
	if (((k->locks & LOCK_ADVPARAMS) != 0) != (k->entries != 0))
		return false;
	return k->entries <= UNLOCK_ENTRIES_MAX &&
	    left == table + (size_t)k->entries * ENTRY_BYTES;
}

static bool
rises(const struct unlock_entry *a, const struct unlock_entry *b)
{
	return a->tensor < b->tensor || (a->tensor == b->tensor && a->index < b->index);
}

MUST static bool
entries_get(struct ctx *c, struct wire *w, struct unlock_key *k)
{
	struct unlock_entry *e = take(c, k->entries * sizeof e[0]);

	if (e == NULL)
		return false;
	k->entry = e;
	for (uint32_t i = 0; i < k->entries; i++) {
		e[i].tensor = wire_u32(w);
		e[i].index = wire_u32(w);
		e[i].flip = wire_u32(w);
		if (e[i].flip == 0 || (i > 0 && !rises(&e[i - 1], &e[i])))
			return malformed(c);
	}
	return true;
}

MUST static bool
table_get(struct ctx *c, struct wire *w, struct unlock_key *k)
{
	size_t n = sizeof k->table[0] << k->terms.log_l;
	uint32_t *table = take(c, n);

	if (table == NULL)
		return false;
	memcpy(table, w->rest.p, n);
	w->rest.p += n;
	w->rest.n -= n;
	k->table = table;
	return true;
}

bool
unlock_key_read(struct ctx *c, struct str bytes, struct unlock_key *ret)
{
	owned(unlock_key_done) struct unlock_key k = { 0 };
	struct wire w = { .rest = bytes };

	if (!fixed_get(c, &w, &k))
		return false;
	if (!lengths_fit(&k, w.rest.n)) {
		k.entries = 0;
		return malformed(c);
	}
	if ((k.terms.log_l != 0 && !table_get(c, &w, &k)) ||
	    (k.entries != 0 && !entries_get(c, &w, &k)))
		return false;
	*ret = k;
	explicit_bzero(&k, sizeof k);
	return true;
}

void
unlock_key_done(struct unlock_key *k)
{
	if (k->table != NULL)
		explicit_bzero(
		    (void *)(uintptr_t)k->table, table_length(k) * sizeof k->table[0]);
	if (k->entry != NULL)
		explicit_bzero((void *)(uintptr_t)k->entry, k->entries * sizeof k->entry[0]);
	explicit_bzero(k, sizeof *k);
}
