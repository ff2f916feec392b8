/*
 * A key from a passphrase by scrypt (RFC 7914). The parameters are stored as text beside what the
 * key opens; text from outside is held between what is too weak to accept and what would let a
 * stranger take the machine's memory.
 */
#include "parts.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#define SALT_BYTES 16

struct scrypt
scrypt_new(struct ctx *c)
{
	struct scrypt s = { .log_n = 17, .r = 8, .p = 1, .salt_n = SALT_BYTES };

	c->random(s.salt, SALT_BYTES);
	return s;
}

void
scrypt_put(struct buf *b, const struct scrypt *s)
{
	buf_printf(b, "scrypt-%u-%u-%u-", s->log_n, s->r, s->p);
	base64url_put(b, s->salt, s->salt_n);
}

bool
scrypt_parse(struct ctx *c, struct str text, struct scrypt *ret)
{
	struct str name, log_n, r, p, salt;
	int64_t n[3];

	str_cut(&text, '-', &name);
	str_cut(&text, '-', &log_n);
	str_cut(&text, '-', &r);
	str_cut(&text, '-', &p);
	if (!str_same(name, STR("scrypt")) || !str_number(log_n, 15, 20, &n[0]) ||
	    !str_number(r, 8, 16, &n[1]) || !str_number(p, 1, 4, &n[2]))
		return fail(c, E_INPUT, "not scrypt parameters that are accepted here");
	if (!base64url_decode(c, text, &salt))
		return false;
	if (salt.n < SALT_BYTES || salt.n > sizeof ret->salt)
		return fail(c, E_INPUT, "a scrypt salt has 16 to 32 bytes, not %zu", salt.n);
	*ret = (struct scrypt){ (unsigned)n[0], (unsigned)n[1], (unsigned)n[2], salt.n, { 0 } };
	memcpy(ret->salt, salt.p, salt.n);
	return true;
}

static bool
derive(struct ctx *c, EVP_KDF_CTX *kdf, const struct scrypt *s, struct str passphrase,
    struct key256 *ret)
{
	uint64_t n = UINT64_C(1) << s->log_n, r = s->r, p = s->p;
	uint64_t memory = 128 * r * (n + p + 2) + (1 << 20);
	struct scrypt own = *s;
	OSSL_PARAM with[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
		    (void *)(uintptr_t)(passphrase.n == 0 ? "" : passphrase.p), passphrase.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, own.salt, own.salt_n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_KDF_derive(kdf, ret->b, sizeof ret->b, with) != 1)
		return fail_crypto(c, "scrypt");
	return true;
}

bool
scrypt_key(struct ctx *c, const struct scrypt *s, struct str passphrase, struct key256 *ret)
{
	owned(key256_done) struct key256 k = { 0 };
	const struct algorithms *a;
	EVP_KDF_CTX *kdf;
	bool ok;

	if (s->log_n < 1 || s->log_n > 20 || s->r < 1 || s->r > 16 || s->p < 1 || s->p > 16 ||
	    s->salt_n > sizeof s->salt || passphrase.n > 4096)
		return fail(c, E_INPUT, "scrypt parameters out of range");
	if (!algorithms_get(c, &a))
		return false;
	kdf = EVP_KDF_CTX_new(a->scrypt);
	ok = kdf != NULL ? derive(c, kdf, s, passphrase, &k) : fail_crypto(c, "scrypt");
	EVP_KDF_CTX_free(kdf);
	if (!ok)
		return false;
	*ret = k;
	return true;
}
