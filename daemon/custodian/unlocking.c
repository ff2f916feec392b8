/*
 * One customer's unlock key: the release's secret is opened, the customer's table and the locked
 * parameters are put together, and the whole is encrypted to the customer's public key before it
 * leaves. What is asked for is checked again here: the process that asks may be somebody else's by
 * now.
 */
#include "custodian.h"
#include "mark.h"

#define UNLOCK_TYP "hallmark-unlock+jwt"
#define ROOM (96u << 20) /* of one request: payload, ciphertext and text of the largest key */
#define AAD_MAX 256
#define ENTRY_BYTES 12
#define TIME_MAX INT64_C(253402300799999)

/* Everything secret of one request; wiped as a whole. */
struct unlocking {
	struct key256 secret, entries_key;
	struct unlock_key key;
	struct unlock_entry *entry;
	uint32_t *table;
	struct buf payload;
	struct str license, jwk, aad;
};

static void
unlocking_done(struct unlocking *u)
{
	if (u->table != NULL)
		explicit_bzero(u->table, sizeof *u->table << u->key.terms.log_l);
	if (u->entry != NULL)
		explicit_bzero(u->entry, UNLOCK_ENTRIES_MAX * sizeof *u->entry);
	if (u->payload.p != NULL)
		explicit_bzero(u->payload.p, u->payload.n);
	explicit_bzero(u, sizeof *u);
}

/* ---- What is asked for ------------------------------------------------------------------- */

static struct digest256
digest_take(struct wire *in)
{
	struct digest256 d = { 0 };
	struct str s = wire_str(in, sizeof d.b);

	if (s.n == sizeof d.b)
		memcpy(d.b, s.p, sizeof d.b);
	else
		in->bad = true;
	return d;
}

MUST static bool
facts_take(struct ctx *c, struct wire *in, struct unlocking *u)
{
	struct unlock_key *k = &u->key;
	struct str release = wire_str(in, ID_MAX - 1);
	uint64_t kappa;

	u->license = wire_str(in, ID_MAX - 1);
	k->customer = wire_u32(in);
	k->locks = wire_u32(in);
	k->terms.log_l = wire_u32(in);
	kappa = wire_u64(in);
	memcpy(&k->terms.kappa, &kappa, sizeof k->terms.kappa);
	k->issued = (int64_t)wire_u64(in);
	k->expires = (int64_t)wire_u64(in);
	k->artifact = digest_take(in);
	k->plain = digest_take(in);
	u->jwk = wire_str(in, 4096);
	if (in->bad || !id_parse(c, release, "rel", &k->release))
		return fail(c, E_USAGE, "the request for an unlock key is malformed");
	if (k->customer == 0)
		return fail(c, E_INPUT, "customers are numbered from 1");
	if ((k->locks & ~(unsigned)(LOCK_ADVPARAMS | LOCK_SEALED)) != 0 || k->locks == 0)
		return fail(c, E_INPUT, "there are no such locks");
	if (k->issued < 1 || k->issued > TIME_MAX || k->expires < 0 || k->expires > TIME_MAX)
		return fail(c, E_INPUT, "the key's times are out of range");
	return true;
}

MUST static bool
rows_take(struct ctx *c, const struct custodian *k, struct wire *in, struct key256 *ret)
{
	struct sealed_row vendor = sealed_row_take(in, SEALED_VENDOR);
	struct sealed_row row = sealed_row_take(in, SEALED_DATA);

	if (in->bad)
		return fail(c, E_USAGE, "the request for an unlock key is malformed");
	return data_key_take(c, k, &vendor, &row, ret);
}

MUST static bool
request_take(struct ctx *c, const struct custodian *k, struct wire *in, struct unlocking *u)
{
	if (k->givens < 1 || k->givens > 2)
		return fail(c, E_USAGE, "an unlock key needs a file to be written to");
	if (!rows_take(c, k, in, &u->secret) || !facts_take(c, in, u))
		return false;
	if (k->givens == 2) {
		if (!rows_take(c, k, in, &u->entries_key))
			return false;
		u->aad = wire_str(in, AAD_MAX);
	}
	if ((k->givens == 2) != ((u->key.locks & LOCK_ADVPARAMS) != 0))
		return fail(c, E_USAGE, "the locked parameters go with their lock");
	return request_end(c, in);
}

/* ---- What it is made of ------------------------------------------------------------------ */

MUST static bool
table_make(struct ctx *c, struct unlocking *u)
{
	struct unlock_key *k = &u->key;

	if ((k->locks & LOCK_SEALED) == 0)
		return true;
	if (!mark_content_key(c, &u->secret, &k->content))
		return false;
	if (k->terms.log_l == 0)
		return true; /* nothing is marked */
	if (k->terms.log_l < MARK_LOG_MIN || k->terms.log_l > MARK_LOG_MAX)
		return fail(
		    c, E_INPUT, "a table has 2^%d to 2^%d entries", MARK_LOG_MIN, MARK_LOG_MAX);
	u->table = take(c, sizeof *u->table << k->terms.log_l);
	if (u->table == NULL || !mark_table(c, &u->secret, &k->terms, k->customer, u->table))
		return false;
	k->table = u->table;
	return true;
}

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The next entry's bytes; *ret_n is 0 at the end of the list. */
MUST static bool
entry_read(struct ctx *c, struct sealed_reader *reader, uint8_t to[ENTRY_BYTES], size_t *ret_n)
{
	size_t n, have = 0;

	do {
		if (!sealed_read(c, reader, to + have, ENTRY_BYTES - have, &n))
			return false;
		have += n;
	} while (n > 0 && have < ENTRY_BYTES);
	*ret_n = have;
	if (have != 0 && have != ENTRY_BYTES)
		return fail(c, E_INTEGRITY, "the list of locked parameters is cut short");
	return true;
}

/* The sealed entries, from the descriptor that came second. */
MUST static bool
entries_read(struct ctx *c, const struct custodian *k, struct unlocking *u)
{
	owned(sealed_reader_free) struct sealed_reader *reader = NULL;
	uint8_t b[ENTRY_BYTES];
	size_t n;

	u->entry = take(c, UNLOCK_ENTRIES_MAX * sizeof *u->entry);
	if (u->entry == NULL ||
	    !sealed_reader_new(c, k->given[1], &u->entries_key, u->aad, &reader) ||
	    !entry_read(c, reader, b, &n))
		return false;
	while (n > 0) {
		if (u->key.entries == UNLOCK_ENTRIES_MAX)
			return fail(
			    c, E_INTEGRITY, "the list of locked parameters is too long");
		u->entry[u->key.entries++] = (struct unlock_entry){ le32(b), le32(b + 4),
			le32(b + 8) };
		if (!entry_read(c, reader, b, &n))
			return false;
	}
	explicit_bzero(b, sizeof b);
	u->key.entry = u->entry;
	return true;
}

/* ---- And how it leaves ------------------------------------------------------------------- */

MUST static bool
encrypt(struct ctx *c, struct unlocking *u, struct buf *out)
{
	owned(ec_key_free) struct ec_key *to = NULL;
	char text[2 * sizeof u->key.artifact.b];
	struct buf hex = BUF(text);
	struct jose_member member[] = {
		{ "release", str_of(u->key.release.s) },
		{ "artifact", { text, sizeof text } },
		{ "license", u->license },
	};
	size_t members = u->license.n > 0 ? COUNT(member) : COUNT(member) - 1, size;

	hex_put(&hex, u->key.artifact.b, sizeof u->key.artifact.b);
	size = unlock_key_size(&u->key);
	return ec_key_from_jwk(c, u->jwk, &to) && take_buf(c, size, &u->payload) &&
	    unlock_key_put(c, &u->key, &u->payload) && take_buf(c, jwe_size(size, 512), out) &&
	    jwe_encrypt(c, to, STR(UNLOCK_TYP), member, members, buf_str(&u->payload), out);
}

bool
unlock_key_make(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct arena *room = arena_new(ROOM);
	struct ctx own = *c;
	struct unlocking u = { 0 };
	struct buf jwe = { 0 };
	bool ok;

	own.mem = room;
	ok = room != NULL ? request_take(&own, k, in, &u) && table_make(&own, &u) &&
		((u.key.locks & LOCK_ADVPARAMS) == 0 || entries_read(&own, k, &u)) &&
		encrypt(&own, &u, &jwe) && fd_write_all(&own, k->given[0], jwe.p, jwe.n)
			  : fail(&own, E_MEMORY, "no memory for an unlock key");
	unlocking_done(&u);
	arena_free(&room);
	if (ok)
		wire_put_u64(out, jwe.n);
	c->err = own.err;
	return ok;
}
