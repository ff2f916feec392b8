/*
 * How keys come into the process and leave it: made by init, brought back by shares, opened by
 * load, wiped by seal. With shares, init forgets the root it made: only people bring it back.
 */
#include "custodian.h"

void
loaded_done(struct loaded *l)
{
	for (size_t i = 0; i < l->signers; i++)
		ec_key_free(&l->signer[i].key);
	explicit_bzero(l, sizeof *l);
}

static void
shares_drop(struct custodian *k)
{
	explicit_bzero(k->share, sizeof k->share);
	k->shares = 0;
}

static void
root_drop(struct custodian *k)
{
	key256_done(&k->root);
	k->has_root = false;
}

void
custodian_wipe(struct custodian *k)
{
	loaded_done(&k->loaded);
	shares_drop(k);
	root_drop(k);
}

static void
status_put(const struct custodian *k, struct buf *out)
{
	wire_put_u8(out, (uint8_t)custodian_state(k));
	wire_put_u8(out, k->by_shares);
	wire_put_u8(out, (uint8_t)k->shares);
	wire_put_u8(out, k->shares > 0 ? k->share[0].k : 0);
	wire_put_u8(out, k->locked);
	wire_put_u64(out, k->loaded.keyrings > 0 ? (uint64_t)keyring_current(k)->version : 0);
}

bool
status_get(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	if (!request_end(c, in))
		return false;
	status_put(k, out);
	return true;
}

bool
seal_do(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	(void)out;
	if (!request_end(c, in))
		return false;
	custodian_wipe(k);
	return true;
}

/* ---- init -------------------------------------------------------------------------------- */

struct split {
	struct share share[SHARES_MAX];
};

static void
split_done(struct split *s)
{
	explicit_bzero(s, sizeof *s);
}

/* The first keyring key, and the first signing key under it. */
MUST static bool
birth_put(struct ctx *c, const struct key256 *root, struct buf *out)
{
	struct sealed_row ring = { .kind = SEALED_KEYRING, .version = 1 };
	struct sealed_row signing = { .kind = SEALED_SIGNING, .version = c->now(), .under = 1 };
	owned(ec_key_free) struct ec_key *key = NULL;
	owned(key256_done) struct key256 ring_key, secret;
	char kid[CUSTODY_KID_MAX];

	key256_random(c, &ring_key);
	if (!row_seal(c, root, &ring_key, &ring))
		return false;
	if (!ec_key_generate(c, &key) || !ec_key_to_secret(c, key, &secret) ||
	    !signer_public(c, key, kid, &signing.jwk))
		return false;
	signing.id = str_of(kid);
	if (!row_seal(c, &ring_key, &secret, &signing))
		return false;
	sealed_row_put(out, &ring);
	sealed_row_put(out, &signing);
	return true;
}

bool
init_do(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	owned(key256_done) struct key256 root = k->root;
	owned(split_done) struct split split;
	unsigned need = wire_u8(in), n = wire_u8(in);

	if (!request_end(c, in))
		return false;
	if (!k->by_shares && (need != 0 || n != 0))
		return fail(c, E_INPUT, "the root key is not made of shares here");
	if (!k->by_shares && !k->has_root)
		return fail(c, E_SEALED, "the root key is not here");
	if (k->by_shares && k->has_root)
		return fail(c, E_CONFLICT, "init: the root key is here already");
	if (k->by_shares) {
		key256_random(c, &root);
		if (!shares_split(c, &root, need, n, split.share))
			return false;
	}
	if (!birth_put(c, &root, out))
		return false;
	shares_drop(k);
	wire_put_u8(out, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		char text[SHARE_TEXT_MAX];
		struct buf b = BUF(text);

		share_put(&b, &split.share[i]);
		wire_put_str(out, buf_str(&b));
		explicit_bzero(text, sizeof text);
	}
	return true;
}

/* ---- shares ------------------------------------------------------------------------------ */

static bool
same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
	return secret_same(
	    (struct str){ (const char *)a, n }, (struct str){ (const char *)b, n });
}

MUST static bool
share_belongs(struct ctx *c, const struct custodian *k, const struct share *s)
{
	for (size_t i = 0; i < k->shares; i++) {
		const struct share *other = &k->share[i];

		if (!same_bytes(other->group, s->group, sizeof s->group) || other->k != s->k ||
		    !same_bytes(other->commit, s->commit, sizeof s->commit))
			return fail(c, E_INPUT,
			    "this share is of another set than those given before; "
			    "seal to start over");
		if (other->index == s->index)
			return fail(c, E_INPUT, "share %u was given already", s->index);
	}
	return true;
}

bool
share_take(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct str text = wire_str(in, CUSTODY_SHARE_MAX);
	owned(share_done) struct share share = { 0 };

	if (!request_end(c, in))
		return false;
	if (!k->by_shares)
		return fail(
		    c, E_CONFLICT, "the root key is not made of shares: restart instead");
	if (!share_parse(c, text, &share) || !share_belongs(c, k, &share))
		return false;
	if (k->shares == 0)
		k->shares_until = clock_monotonic() + SHARES_LIFE_MS;
	k->share[k->shares++] = share;
	if (k->shares >= share.k) {
		k->has_root = shares_join(c, k->share, k->shares, &k->root);
		shares_drop(k);
		if (!k->has_root)
			return false;
	}
	status_put(k, out);
	return true;
}

/* ---- load -------------------------------------------------------------------------------- */

MUST static bool
load_keyrings(struct ctx *c, const struct custodian *k, struct wire *in, struct loaded *l)
{
	uint32_t n = wire_u32(in);

	if (in->bad || n == 0 || n > KEYRINGS_MAX)
		return fail(c, E_USAGE, "%u keyring rows: 1 to %u are loaded", n, KEYRINGS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct sealed_row row = sealed_row_take(in, SEALED_KEYRING);

		if (in->bad)
			return fail(c, E_USAGE, "a keyring row is malformed");
		for (size_t j = 0; j < l->keyrings; j++)
			if (l->keyring[j].version == row.version)
				return fail(c, E_INPUT, "keyring version %lld is there twice",
				    (long long)row.version);
		if (!row_open(c, &k->root, &row, &l->keyring[i].key)) {
			if (c->err.code != E_INTEGRITY)
				return false;
			return fail(c, E_INTEGRITY,
			    "the root key does not open keyring version %lld",
			    (long long)row.version);
		}
		l->keyring[i].version = row.version;
		l->keyrings++;
	}
	return true;
}

MUST static bool
load_signer(struct ctx *c, const struct sealed_row *row, struct loaded *l)
{
	struct signer *s = &l->signer[l->signers];
	owned(key256_done) struct key256 secret = { 0 };
	char kid[CUSTODY_KID_MAX];
	struct str jwk;

	for (size_t i = 0; i < l->keyrings; i++) {
		if (l->keyring[i].version != row->under)
			continue;
		if (!row_open(c, &l->keyring[i].key, row, &secret) ||
		    !ec_key_from_secret(c, &secret, &s->key))
			return false;
		l->signers++;
		s->made = row->version;
		if (!signer_public(c, s->key, kid, &jwk))
			return false;
		if (!str_same(str_of(kid), row->id))
			return fail(c, E_INTEGRITY, "signing key %.*s has another thumbprint",
			    STRF(row->id));
		memcpy(s->kid, kid, sizeof kid);
		return true;
	}
	return fail(c, E_INTEGRITY,
	    "signing key %.*s is under keyring version %lld, which is gone", STRF(row->id),
	    (long long)row->under);
}

MUST static bool
load_signers(struct ctx *c, struct wire *in, struct loaded *l)
{
	uint32_t n = wire_u32(in);

	if (in->bad || n > SIGNERS_MAX)
		return fail(c, E_USAGE, "%u signing rows: %u at most", n, SIGNERS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct sealed_row row = sealed_row_take(in, SEALED_SIGNING);

		if (in->bad)
			return fail(c, E_USAGE, "a signing row is malformed");
		if (!load_signer(c, &row, l))
			return false;
	}
	return true;
}

bool
load_do(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	owned(loaded_done) struct loaded fresh = { 0 }, old;

	(void)out;
	old = (struct loaded){ 0 };
	if (!load_keyrings(c, k, in, &fresh) || !load_signers(c, in, &fresh) ||
	    !request_end(c, in)) {
		/* Shares of another init joined well and open nothing: let the right ones come. */
		if (k->by_shares && k->loaded.keyrings == 0 && c->err.code == E_INTEGRITY)
			root_drop(k);
		return false;
	}
	old = k->loaded;
	k->loaded = fresh;
	fresh = (struct loaded){ 0 };
	return true;
}
