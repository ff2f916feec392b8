/*
 * tls: the certificate that HTTPS shows. It can be replaced while connections are open.
 */
#ifndef TLS_H
#define TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "server.h"

/* TLS 1.2 with AEAD and ECDHE at least, 1.3 preferred. */
#define TLS_PRIORITIES                                                                \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:" \
	"-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:"    \
	"%SERVER_PRECEDENCE"

/* Reads chain and key and puts them in use; on failure the ones in use stay. */
MUST bool tls_load(struct ctx *, const struct conf *);
/* For the HTTP library: hands out what is in use. */
int tls_retrieve(gnutls_session_t, const gnutls_datum_t *req_ca, int req_n,
    const gnutls_pk_algorithm_t *, int algos_n, gnutls_pcert_st **, unsigned *pcert_n,
    gnutls_privkey_t *);
/* The peer has shown a certificate that one of the client authorities vouches for. */
MUST bool tls_peer_verified(struct ctx *, gnutls_session_t);

#endif
