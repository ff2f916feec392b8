/*
 * Every allocation of OpenSSL fails once, the n-th for every n, in every use of the module. A
 * failure must be told as one (never as a forgery, never as success), leave nothing behind, and
 * the same call must then work.
 */
#include "test.h"

#include <openssl/crypto.h>

#include <sys/mman.h>
#include <unistd.h>

#include "parts.h"

static long countdown = -1; /* allocations until the one that fails; < 0: none does */
static bool fired;

static bool
fault(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	fired = true;
	return true;
}

static void *
openssl_take(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fault() ? NULL : malloc(n);
}

static void *
openssl_again(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fault() ? NULL : realloc(p, n);
}

static void
openssl_give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* ---- What is done ------------------------------------------------------------------------ */

static struct key256 key = { { 1 } };
static struct str sealed, jws, jwe;
static struct ec_key *pair;

static bool
digests(struct ctx *c)
{
	owned(sha256_done) struct sha256 h = { 0 };
	struct digest256 d;
	struct key256 k;

	return sha256(c, STR("a"), &d) && hkdf_sha256(c, STR("a"), STR("b"), STR("c"), &k) &&
	    chain_next(c, &d, &(struct str){ "a", 1 }, 1, &d) && sha256_init(c, &h) &&
	    sha256_end(c, &h, &d);
}

static bool
values(struct ctx *c)
{
	char room[64];
	struct buf b = BUF(room);
	struct str plain;

	return seal(c, &key, STR("a"), STR("b"), &b) &&
	    unseal(c, &key, STR("a"), sealed, &plain);
}

static bool
files(struct ctx *c)
{
	owned(fd_done) int fd = memfd_create("faults", MFD_CLOEXEC);
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	owned(sealed_reader_free) struct sealed_reader *r = NULL;
	owned(sealed_file_free) struct sealed_file *f = NULL;
	char room[8];
	uint64_t size;
	size_t n;

	return sealed_writer_new(c, fd, &key, STR("a"), &w) && sealed_write(c, w, STR("b")) &&
	    sealed_finish(c, w, &size) && lseek(fd, 0, SEEK_SET) == 0 &&
	    sealed_reader_new(c, fd, &key, STR("a"), &r) &&
	    sealed_read(c, r, room, sizeof room, &n) && n == 1 &&
	    sealed_file_open(c, fd, &key, STR("a"), &f) && sealed_file_read(c, f, 0, room, 1);
}

static bool
passphrase(struct ctx *c)
{
	struct scrypt s = { .log_n = 4, .r = 1, .p = 1 };
	struct key256 k;

	return scrypt_key(c, &s, STR("a"), &k);
}

static bool
keys(struct ctx *c)
{
	owned(ec_key_free) struct ec_key *k = NULL, *public = NULL;
	struct key256 secret;
	bool ok = ec_key_generate(c, &k) && ec_key_to_secret(c, k, &secret) &&
	    ec_key_public(c, k, &public);

	ec_key_free(&public);
	return ok;
}

/* With keys that have not signed before. */
static bool
sign(struct ctx *c)
{
	owned(ec_key_free) struct ec_key *fresh = NULL;
	char room[8192];
	struct buf b = BUF(room);
	struct key256 secret;

	return ec_key_to_secret(c, pair, &secret) && ec_key_from_secret(c, &secret, &fresh) &&
	    jws_sign(c, fresh, STR("t"), STR("k"), STR("p"), &b);
}

static bool
sign_pieces(struct ctx *c)
{
	owned(jws_writer_free) struct jws_writer *w = NULL;
	char room[8192];
	struct buf b = BUF(room);

	return jws_writer_new(c, pair, STR("t"), STR("k"), buf_sink, &b, &w) &&
	    jws_write(c, w, STR("p")) && jws_finish(c, w);
}

static bool
verify(struct ctx *c)
{
	owned(ec_key_free) struct ec_key *public = NULL;
	struct jose_header h;
	struct str payload;

	return ec_key_public(c, pair, &public) &&
	    jws_verify(c, public, STR("t"), jws, &h, &payload);
}

static bool
encrypt(struct ctx *c)
{
	char room[8192];
	struct buf b = BUF(room);

	return jwe_encrypt(c, pair, STR("t"), NULL, 0, STR("p"), &b);
}

static bool
encrypt_behind(struct ctx *c)
{
	owned(jwe_writer_free) struct jwe_writer *w = NULL;
	char room[8192], text[JWE_HEAD_MAX];
	struct buf b = BUF(room), head = BUF(text);
	struct jwe_head h;

	return jwe_wrap(c, pair, STR("t"), NULL, 0, &key, &head) &&
	    jwe_head_read(c, buf_str(&head), &h) &&
	    jwe_writer_behind(
		c, &h, &key, (const uint8_t *)"a nonce of 12", buf_sink, &b, &w) &&
	    jwe_write(c, w, STR("p")) && jwe_finish(c, w);
}

static bool
decrypt(struct ctx *c)
{
	struct jose_header h;
	struct str payload;

	return jwe_decrypt(c, pair, STR("t"), jwe, &h, &payload);
}

static const struct {
	bool (*act)(struct ctx *);
	bool cold; /* no algorithm was fetched before */
} uses[] = {
	{ crypto_start, true },
	{ crypto_start, false },
	{ digests, true },
	{ digests, false },
	{ values, false },
	{ files, false },
	{ passphrase, false },
	{ keys, true },
	{ keys, false },
	{ sign, false },
	{ sign_pieces, false },
	{ verify, false },
	{ encrypt, false },
	{ encrypt_behind, false },
	{ decrypt, false },
};

/* Good tokens and a good value, to be opened under failures. */
static void
prepare(struct ctx *c)
{
	struct buf b[3];

	for (size_t i = 0; i < COUNT(b); i++)
		ck_ok(c, take_buf(c, 8192, &b[i]));
	ck_ok(c, ec_key_generate(c, &pair));
	ck_ok(c, seal(c, &key, STR("a"), STR("b"), &b[0]));
	ck_ok(c, jws_sign(c, pair, STR("t"), STR("k"), STR("p"), &b[1]));
	ck_ok(c, jwe_encrypt(c, pair, STR("t"), NULL, 0, STR("p"), &b[2]));
	sealed = buf_str(&b[0]);
	jws = buf_str(&b[1]);
	jwe = buf_str(&b[2]);
}

START_TEST(every_allocation_fails_once)
{
	struct ctx *c = test_ctx();
	bool (*act)(struct ctx *) = uses[_i].act;
	long n = 0;

	/* The library allows it only before its first allocation. */
	ck_assert_int_eq(
	    CRYPTO_set_mem_functions(openssl_take, openssl_again, openssl_give), 1);
	/* Its own set-up it does not survive: that is what crypto_start is for. */
	EVP_MD_free(EVP_MD_fetch(NULL, "SHA1", NULL));
	if (!uses[_i].cold)
		prepare(c);
	for (;; n++) {
		bool ok;

		fired = false;
		countdown = n;
		ok = act(c);
		countdown = -1;
		if (!fired)
			break;
		if (!ok && c->err.code != E_CRYPTO && c->err.code != E_MEMORY)
			ck_abort_msg("allocation %ld: told as %s: %s", n, err_wire(c->err.code),
			    c->err.text);
		c->err = (struct err){ 0 };
		ck_ok(c, act(c));
	}
	ck_ok(c, act(c));
	ec_key_free(&pair);
}
END_TEST

MAIN("crypto_faults", EACH(every_allocation_fails_once, uses))
