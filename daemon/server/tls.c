/*
 * Certificates. A handshake takes a pointer to the chain in use and may hold it for seconds, while
 * SIGHUP puts a new one in its place; so the last few are kept, and the oldest is freed when its
 * place in the ring is wanted again: reloading eight times within one handshake's deadline is
 * refused.
 */
#include <fcntl.h>
#include <pthread.h>

#include "tls.h"

enum { CHAIN_MAX = 8, KEPT = 8, FILE_MAX = 1 << 20, SLACK_MS = 2000 };

struct certificate {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
	int64_t retired;
};

/*
 * The library's callback carries no argument of ours: the one place for a variable of the
 * process.
 */
static struct {
	pthread_mutex_t lock;
	struct certificate kept[KEPT];
	unsigned at;
	bool any;
} tls = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
certificate_done(struct certificate *t)
{
	for (unsigned i = 0; i < t->n; i++)
		gnutls_pcert_deinit(&t->chain[i]);
	if (t->key != NULL)
		gnutls_privkey_deinit(t->key);
	*t = (struct certificate){ 0 };
}

static gnutls_datum_t
datum(struct str s)
{
	union {
		const char *from;
		unsigned char *to;
	} p = { s.p };

	return (gnutls_datum_t){ p.to, (unsigned)s.n };
}

static void
x509_done(gnutls_x509_crt_t *crt)
{
	if (*crt != NULL)
		gnutls_x509_crt_deinit(*crt);
}

/* The key belongs to the first certificate: they have the same public half. */
MUST static bool
belong(struct ctx *c, struct certificate *t, const gnutls_datum_t *chain)
{
	owned(x509_done) gnutls_x509_crt_t first = NULL;
	unsigned char a[64], b[64];
	size_t an = sizeof a, bn = sizeof b;
	gnutls_pubkey_t public = NULL;
	int e = gnutls_x509_crt_init(&first);

	if (e == 0)
		e = gnutls_x509_crt_import(first, chain, GNUTLS_X509_FMT_PEM);
	if (e == 0)
		e = gnutls_x509_crt_get_key_id(first, GNUTLS_KEYID_USE_SHA256, a, &an);
	if (e == 0)
		e = gnutls_pubkey_init(&public);
	if (e == 0)
		e = gnutls_pubkey_import_privkey(public, t->key, 0, 0);
	if (e == 0)
		e = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, b, &bn);
	if (public != NULL)
		gnutls_pubkey_deinit(public);
	if (e != 0)
		return fail(c, E_USAGE, "certificate: %s", gnutls_strerror(e));
	if (an != bn || !str_same((struct str){ (char *)a, an }, (struct str){ (char *)b, bn }))
		return fail(c, E_USAGE, "the certificate and its key do not belong together");
	return true;
}

MUST static bool
certificate_read(struct ctx *c, const struct conf *conf, struct certificate *t)
{
	struct str chain, key;
	gnutls_datum_t chain_bytes, key_bytes;
	unsigned n = CHAIN_MAX;
	int e;

	if (!file_read(c, AT_FDCWD, conf->certificate, FILE_MAX, &chain) ||
	    !file_read(c, AT_FDCWD, conf->certificate_key, FILE_MAX, &key))
		return false;
	chain_bytes = datum(chain);
	key_bytes = datum(key);
	e = gnutls_pcert_list_import_x509_raw(t->chain, &n, &chain_bytes, GNUTLS_X509_FMT_PEM,
	    GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	if (e < 0)
		return fail(c, E_USAGE, "%s: %s", conf->certificate, gnutls_strerror(e));
	t->n = n;
	e = gnutls_privkey_init(&t->key);
	if (e == 0)
		e = gnutls_privkey_import_x509_raw(
		    t->key, &key_bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
	explicit_bzero(key_bytes.data, key_bytes.size);
	if (e < 0)
		return fail(c, E_USAGE, "%s: %s", conf->certificate_key, gnutls_strerror(e));
	return belong(c, t, &chain_bytes);
}

bool
tls_load(struct ctx *c, const struct conf *conf)
{
	struct certificate fresh = { 0 };
	struct certificate *place;
	int64_t now = clock_monotonic(), kept_ms = conf->header_seconds * 1000 + SLACK_MS;
	bool ok = true;

	if (!certificate_read(c, conf, &fresh)) {
		certificate_done(&fresh);
		return false;
	}
	pthread_mutex_lock(&tls.lock);
	place = &tls.kept[(tls.at + 1) % KEPT];
	if (place->retired != 0 && now - place->retired < kept_ms) {
		ok = fail(c, E_BUSY, "certificates were reloaded too often; try again later");
		certificate_done(&fresh);
	} else {
		certificate_done(place);
		tls.kept[tls.at].retired = now;
		*place = fresh;
		tls.at = (tls.at + 1) % KEPT;
		tls.any = true;
	}
	pthread_mutex_unlock(&tls.lock);
	return ok;
}

int
tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca, int req_n,
    const gnutls_pk_algorithm_t *algos, int algos_n, gnutls_pcert_st **ret_chain,
    unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	struct certificate *t;
	bool any;

	(void)session, (void)req_ca, (void)req_n, (void)algos, (void)algos_n;
	pthread_mutex_lock(&tls.lock);
	t = &tls.kept[tls.at];
	*ret_chain = t->chain;
	*ret_n = t->n;
	*ret_key = t->key;
	any = tls.any;
	pthread_mutex_unlock(&tls.lock);
	return any ? 0 : -1;
}

bool
tls_peer_verified(struct ctx *c, gnutls_session_t session)
{
	unsigned status = 0;
	int e = gnutls_certificate_verify_peers2(session, &status);

	if (e == GNUTLS_E_NO_CERTIFICATE_FOUND)
		return fail(c, E_AUTH, "this server wants a client certificate");
	if (e != 0)
		return fail(c, E_AUTH, "client certificate: %s", gnutls_strerror(e));
	if (status != 0)
		return fail(c, E_AUTH, "the client certificate is not vouched for (status %#x)",
		    status);
	return true;
}
