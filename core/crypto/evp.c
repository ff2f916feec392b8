/*
 * The edge to OpenSSL. Since version 3 an algorithm is looked up by name among the providers, at
 * a cost greater than hashing a short string, so each is fetched once for the process, and each
 * thread keeps one context of every kind, set up and ready. A first fetch that fails for want of
 * memory is simply tried again by the next call.
 */
#include "parts.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <pthread.h>
#include <stdatomic.h>

static struct {
	atomic_bool ready;
	pthread_mutex_t lock;
	struct algorithms all;
	bool has_slot;
	pthread_key_t slot;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct tools *thread_tools;

static void
tools_free(struct tools *t)
{
	EVP_MD_CTX_free(t->md);
	EVP_MAC_CTX_free(t->mac);
	EVP_CIPHER_CTX_free(t->gcm);
	free(t);
}

static void
thread_ends(void *tools)
{
	thread_tools = NULL;
	tools_free(tools);
}

static bool
fetch(struct algorithms *a)
{
	if (a->sha256 == NULL)
		a->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (a->gcm == NULL)
		a->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (a->ctr == NULL)
		a->ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	if (a->wrap == NULL)
		a->wrap = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
	if (a->hmac == NULL)
		a->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (a->scrypt == NULL)
		a->scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	if (a->p256 == NULL)
		a->p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	return a->sha256 != NULL && a->gcm != NULL && a->ctr != NULL && a->wrap != NULL &&
	    a->hmac != NULL && a->scrypt != NULL && a->p256 != NULL;
}

static bool
prepare(void)
{
	bool ok;

	if (atomic_load_explicit(&process.ready, memory_order_acquire))
		return true;
	pthread_mutex_lock(&process.lock);
	if (!process.has_slot)
		process.has_slot = pthread_key_create(&process.slot, thread_ends) == 0;
	ok = process.has_slot && fetch(&process.all);
	atomic_store_explicit(&process.ready, ok, memory_order_release);
	pthread_mutex_unlock(&process.lock);
	return ok;
}

bool
algorithms_get(struct ctx *c, const struct algorithms **ret)
{
	if (!prepare())
		return fail_crypto(c, "algorithms");
	*ret = &process.all;
	return true;
}

static bool
tools_fill(struct tools *t, const struct algorithms *a)
{
	char digest[] = "SHA2-256";
	OSSL_PARAM with[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	t->md = EVP_MD_CTX_new();
	t->mac = EVP_MAC_CTX_new(a->hmac);
	t->gcm = EVP_CIPHER_CTX_new();
	return t->md != NULL && t->mac != NULL && t->gcm != NULL &&
	    EVP_DigestInit_ex2(t->md, a->sha256, NULL) == 1 &&
	    EVP_MAC_CTX_set_params(t->mac, with) == 1 &&
	    EVP_CipherInit_ex2(t->gcm, a->gcm, NULL, NULL, 1, NULL) == 1;
}

bool
tools_get(struct ctx *c, struct tools **ret)
{
	const struct algorithms *a;
	struct tools *t = thread_tools;

	if (t == NULL) {
		if (!algorithms_get(c, &a))
			return false;
		t = calloc(1, sizeof *t);
		if (t == NULL)
			return fail(c, E_MEMORY, "no memory");
		if (!tools_fill(t, a) || pthread_setspecific(process.slot, t) != 0) {
			tools_free(t);
			return fail_crypto(c, "contexts");
		}
		thread_tools = t;
	}
	*ret = t;
	return true;
}

bool
fail_crypto(struct ctx *c, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return fail_log(c, E_CRYPTO, reason == NULL ? "no reason given" : reason,
	    "the cryptographic library failed: %s", what);
}

void
cipher_free(EVP_CIPHER_CTX **e)
{
	EVP_CIPHER_CTX_free(*e);
	*e = NULL;
}

uint8_t *
buf_room(struct buf *b, size_t n)
{
	uint8_t *at;

	if (b->full || n > b->max - b->n) {
		b->full = true;
		return NULL;
	}
	at = (uint8_t *)b->p + b->n;
	b->n += n;
	return at;
}
