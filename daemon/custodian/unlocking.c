/*
 * One customer's unlock key: the release's secret is opened, the customer's table and the locked
 * parameters are put together, and the whole is encrypted to the customer's public key before it
 * leaves. What is asked for is checked again here: the process that asks may be somebody else's by
 * now.
 */
#include "custodian.h"
#include "mark.h"

#define AAD_MAX 256
#define ENTRY_BYTES 12
#define TIME_MAX INT64_C(253402300799999)
enum { NONCE_BYTES = 12, HEADER_OWN = 4 /* text members of every head: alg, enc, typ, kid */ };
#define bytes_of(array) ((struct str){ (const char *)(array), sizeof(array) })

/* Everything secret of one request; wiped as a whole. */
struct unlocking {
	struct key256 secret, entries_key;
	struct unlock_key key;
	struct unlock_entry *entry;
	struct str license, jwk, wrap, aad, vendor;
};

static void
unlocking_done(struct unlocking *u)
{
	if (u->entry != NULL)
		explicit_bzero(u->entry, UNLOCK_ENTRIES_MAX * sizeof *u->entry);
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
	u->wrap = wire_str(in, JWE_HEAD_MAX);
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

/* Both secrets of one request are the same vendor's. */
MUST static bool
rows_take(struct ctx *c, const struct custodian *k, struct wire *in, struct unlocking *u,
    struct key256 *ret)
{
	struct sealed_row vendor = sealed_row_take(in, SEALED_VENDOR);
	struct sealed_row row = sealed_row_take(in, SEALED_DATA);

	if (in->bad)
		return fail(c, E_USAGE, "the request for an unlock key is malformed");
	if (u->vendor.n > 0 && !str_same(u->vendor, vendor.vendor))
		return fail(c, E_INTEGRITY, "the entries are another vendor's");
	u->vendor = vendor.vendor;
	return data_key_take(c, k, &vendor, &row, ret);
}

MUST static bool
request_take(struct ctx *c, const struct custodian *k, struct wire *in, struct unlocking *u)
{
	if (k->givens < 1 || k->givens > 2)
		return fail(c, E_USAGE, "an unlock key needs a file to be written to");
	if (!rows_take(c, k, in, u, &u->secret) || !facts_take(c, in, u))
		return false;
	if (k->givens == 2) {
		if (!rows_take(c, k, in, u, &u->entries_key))
			return false;
		u->aad = wire_str(in, AAD_MAX);
	}
	if ((k->givens == 2) != ((u->key.locks & LOCK_ADVPARAMS) != 0))
		return fail(c, E_USAGE, "the locked parameters go with their lock");
	return request_end(c, in);
}

/* ---- What it is made of ------------------------------------------------------------------ */

MUST static bool
terms_make(struct ctx *c, struct unlocking *u)
{
	struct unlock_key *k = &u->key;

	if ((k->locks & LOCK_SEALED) == 0) {
		k->terms = (struct mark_terms){ 0 };
		return true;
	}
	if (k->terms.log_l == 0)
		k->terms.kappa = 0; /* nothing is marked */
	else if (k->terms.log_l < MARK_LOG_MIN || k->terms.log_l > MARK_LOG_MAX)
		return fail(
		    c, E_INPUT, "a table has 2^%d to 2^%d entries", MARK_LOG_MIN, MARK_LOG_MAX);
	return mark_content_key(c, &u->secret, &k->content);
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

/* From the key's pieces into the token; nothing of either is ever whole. */
static bool
encrypt_piece(struct ctx *c, void *arg, struct str bytes)
{
	return jwe_write(c, arg, bytes);
}

/* Whether the head is one that license_make gave for this request's names and key. */
MUST static bool
head_match(
    struct ctx *c, const struct jose_header *h, const struct names *names, struct str kid)
{
	struct str value;

	if (!str_same(h->typ, STR(UNLOCK_TYP)) || !str_same(h->kid, kid) ||
	    h->members != names->n + HEADER_OWN)
		return fail(c, E_INPUT, "the wrap is not for this key");
	for (size_t i = 0; i < names->n; i++)
		if (!jose_header_text(h, names->member[i].name, &value) ||
		    !str_same(value, names->member[i].value))
			return fail(
			    c, E_INPUT, "the wrap is for another %s", names->member[i].name);
	return true;
}

/*
 * From the head and from everything that the plain key follows from, each with its length: so the
 * same question gives the same bytes, and no two plain keys ever meet one nonce.
 */
MUST static bool
nonce_make(struct ctx *c, const struct unlocking *u, const struct key256 *key,
    uint8_t ret[NONCE_BYTES])
{
	const struct unlock_key *k = &u->key;
	char text[JWE_HEAD_MAX + 512];
	struct buf b = BUF(text);
	struct digest256 entries, d;

	if (!sha256(c, (struct str){ (const char *)k->entry, k->entries * sizeof k->entry[0] },
		&entries))
		return false;
	wire_put_str(&b, u->wrap);
	wire_put_str(&b, u->license);
	wire_put_id(&b, &k->release);
	wire_put_u32(&b, k->customer);
	wire_put_u32(&b, k->locks);
	wire_put_u32(&b, k->terms.log_l);
	wire_put_real(&b, k->terms.kappa);
	wire_put_u64(&b, (uint64_t)k->issued);
	wire_put_u64(&b, (uint64_t)k->expires);
	buf_put(&b, bytes_of(k->artifact.b));
	buf_put(&b, bytes_of(k->plain.b));
	buf_put(&b, bytes_of(entries.b));
	if (!buf_ok(c, &b) || !hmac_sha256(c, bytes_of(key->b), buf_str(&b), &d))
		return false;
	memcpy(ret, d.b, NONCE_BYTES);
	return true;
}

/* The writer behind the license's head. */
MUST static bool
behind(struct ctx *c, const struct unlocking *u, const struct names *names,
    const struct ec_key *to, struct leaving *l, struct jwe_writer **ret)
{
	owned(license_keys_done) struct license_keys keys = { 0 };
	uint8_t nonce[NONCE_BYTES];
	char kid[CUSTODY_KID_MAX];
	struct jwe_head head;
	struct str jwk;

	if (u->license.n == 0)
		return fail(c, E_INPUT, "a wrap is a license's");
	return signer_public(c, to, kid, &jwk) && jwe_head_read(c, u->wrap, &head) &&
	    head_match(c, &head.says, names, str_of(kid)) &&
	    license_keys_make(c, &u->secret, u->license, str_of(kid), &keys) &&
	    nonce_make(c, u, &keys.nonces, nonce) &&
	    jwe_writer_behind(c, &head, &keys.content, nonce, leave, l, ret);
}

MUST static bool
encrypt(struct ctx *c, const struct unlocking *u, struct leaving *l)
{
	owned(ec_key_free) struct ec_key *to = NULL;
	owned(jwe_writer_free) struct jwe_writer *w = NULL;
	struct names names;

	names_fill(&names, str_of(u->key.release.s), &u->key.artifact, u->license);
	if (!ec_key_from_jwk(c, u->jwk, &to))
		return false;
	if (u->wrap.n > 0
		? !behind(c, u, &names, to, l, &w)
		: !jwe_writer_new(c, to, STR(UNLOCK_TYP), names.member, names.n, leave, l, &w))
		return false;
	return unlock_key_write(c, &u->key, &u->secret, encrypt_piece, w) && jwe_finish(c, w);
}

bool
unlock_key_make(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct unlocking u = { 0 };
	struct leaving l = { .fd = k->givens > 0 ? k->given[0] : -1 };
	bool ok = request_take(c, k, in, &u) && terms_make(c, &u) &&
	    ((u.key.locks & LOCK_ADVPARAMS) == 0 || entries_read(c, k, &u)) &&
	    encrypt(c, &u, &l);

	unlocking_done(&u);
	if (ok)
		wire_put_u64(out, l.bytes);
	return ok;
}
