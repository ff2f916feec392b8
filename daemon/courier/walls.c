/*
 * The courier's walls. Before them it loads what it would otherwise look for later: the system's
 * authorities and its own, as one store in memory, and the resolver, which asks /etc/hosts and
 * DNS and nothing else, so that no module is loaded for it afterwards. Behind them it can read the
 * few files that names are resolved with, open connections, and speak to the server.
 */
#include <netdb.h>
#include <nss.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "courier.h"
#include "sandbox.h"

#define FILES_MAX 320
#define MEMORY_MAX (UINT64_C(512) << 20)
#define STACK (512 << 10) /* of a thread that resolves a name */

/* The folders are those to which /etc/resolv.conf may be a link. */
static const char *const readable[] = {
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/gai.conf",
	"/etc/nsswitch.conf",
	"/etc/services",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
};

/* The system's bundle, as libcurl was told where it is when it was built. */
MUST static bool
authorities_load(struct ctx *c, const struct courier_conf *conf, X509_STORE *store)
{
	const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
	const char *bundle = built->age >= CURLVERSION_SEVENTH ? built->cainfo : NULL;

	/* Without a bundle and without an authority of one's own nobody is trusted: no delivery. */
	if (bundle != NULL && X509_STORE_load_file(store, bundle) != 1)
		ERR_clear_error();
	if (conf->ca != NULL && X509_STORE_load_file(store, conf->ca) != 1) {
		ERR_clear_error();
		return fail(c, E_FILE, "%.100s (`%s-ca`) holds no certificate in PEM", conf->ca,
		    conf->asks ? "suspects" : "webhook");
	}
	return true;
}

/* Once, so that what it needs is there. */
MUST static bool
resolver_rehearse(struct ctx *c)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	/* Before the first question; two servers twice fit into the time of a parcel. */
	if (setenv("RES_OPTIONS", "timeout:2 attempts:2", 1) != 0 ||
	    __nss_configure_lookup("hosts", "files dns") != 0)
		return fail(c, E_INTERNAL, "the resolver cannot be set up");
	if (getaddrinfo("localhost", "443", &want, &found) == 0)
		freeaddrinfo(found);
	return true;
}

/* The library loads its settings and providers while files can be opened. */
MUST static bool
tls_rehearse(struct ctx *c)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	SSL *one = tls == NULL ? NULL : SSL_new(tls);
	bool ok = one != NULL;

	SSL_free(one);
	SSL_CTX_free(tls);
	return ok ? true : fail(c, E_CRYPTO, "TLS cannot be set up");
}

bool
courier_prepare(struct ctx *c, const struct courier_conf *conf, X509_STORE **ret)
{
	X509_STORE *store = X509_STORE_new();
	pthread_attr_t attr;

	if (store == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail(c, E_CRYPTO, "libcurl does not start");
	if (pthread_attr_init(&attr) != 0 || pthread_attr_setstacksize(&attr, STACK) != 0 ||
	    pthread_setattr_default_np(&attr) != 0)
		return fail(c, E_MEMORY, "the stacks of threads");
	*ret = store;
	return authorities_load(c, conf, store) && resolver_rehearse(c) && tls_rehearse(c);
}

MUST static bool
limits(struct ctx *c)
{
	/* A sanitizer's shadow is private, writable and larger than any limit. */
	if (!sandbox_sanitized() && !sandbox_limit(c, RLIMIT_DATA, MEMORY_MAX, MEMORY_MAX))
		return false;
	return sandbox_limit(c, RLIMIT_NOFILE, FILES_MAX, FILES_MAX) &&
	    sandbox_limit(c, RLIMIT_FSIZE, 0, 0);
}

bool
courier_walls(struct ctx *c, bool *ret_files_walled)
{
	if (!sandbox_silence(c, 0) || !sandbox_silence(c, 1) ||
	    (!sandbox_sanitized() && !sandbox_silence(c, 2)) || !limits(c) ||
	    !sandbox_drop(c, true))
		return false;
	/* A sanitizer's report reads what it likes. */
	if (!sandbox_sanitized() &&
	    !sandbox_files(c, readable, COUNT(readable), ret_files_walled))
		return false;
	return sandbox_filter(c, SANDBOX_COURIER);
}
